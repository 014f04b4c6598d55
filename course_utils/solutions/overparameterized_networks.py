"""Solutions of notebook 05."""

import numpy as np


def smallest_width(n_in, n_out, m):
    # h (n_in + 1 + n_out) + n_out parameters have to reach m n_out numbers.
    missing = m * n_out - n_out
    per_unit = n_in + 1 + n_out
    return -(-missing // per_unit)  # division of whole numbers, rounded up


def nearest_interpolant(X, y, w0):
    # Descent adds mixes of rows to w0, until the rest y - X w0 is made up for.
    u = np.linalg.solve(X @ X.T, y - X @ w0)
    return w0 + X.T @ u


def ridge_of_stop(kappa, lr, steps):
    # Descent leaves the part r of the error, a ridge lambda / (kappa + lambda): solve for lambda.
    r = (1 - lr * kappa) ** steps
    return kappa * r / (1 - r)


def corrupt_labels(labels, wrong, shifts):
    new = labels.copy()
    # A shift of 1 to 9 around the circle of ten classes never comes back to the old label.
    new[wrong] = (new[wrong] + shifts) % 10
    return new
