"""Solutions of notebook 05."""

import numpy as np


def smallest_width(n_in, n_out, m):
    # h (n_in + 1 + n_out) + n_out parameters have to reach m n_out numbers.
    missing = m * n_out - n_out
    per_unit = n_in + 1 + n_out
    return -(-missing // per_unit)  # division of whole numbers, rounded up


def least_norm(X, y):
    # w = X^T a is a mix of the rows, and X X^T a = y makes it fit.
    a = np.linalg.solve(X @ X.T, y)
    return X.T @ a


def nearest_interpolant(X, y, w0):
    # Descent adds mixes of rows to w0, until the rest y - X w0 is made up for.
    a = np.linalg.solve(X @ X.T, y - X @ w0)
    return w0 + X.T @ a


def corrupt_labels(labels, wrong, shifts):
    new = labels.copy()
    # A shift of 1 to 9 around the circle of ten classes never comes back to the old label.
    new[wrong] = (new[wrong] + shifts) % 10
    return new
