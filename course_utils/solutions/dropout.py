"""Solutions of notebook 07."""

import numpy as np


def dropout_forward(x, keep, p):
    # 1 - p is the chance to be kept, so dividing by it makes up for the entries that are missing.
    return x * keep / (1 - p)


def there_and_back(x, grad_y, p, seed):
    keep = np.random.default_rng(seed).random(x.shape) >= p
    # One mask for both ways: what had no part in the output has none in the gradient.
    mask = keep / (1 - p)
    return x * mask, grad_y * mask


def dropout_penalty(X, w, p):
    # Each column has its own weight in the penalty: the square of its length.
    return p / (1 - p) * np.sum(w**2 * np.sum(X**2, axis=0))


def critical_c(p, slope):
    # Half of the squares stay, half are multiplied by slope^2, and dropout divides by 1 - p:
    # c (1 + slope^2) / 2 / (1 - p) = 1.
    return 2 * (1 - p) / (1 + slope**2)


def passes_needed(deviation, precision):
    # deviation / sqrt(K) <= precision, so K >= (deviation / precision)^2, rounded up.
    return int(np.ceil((deviation / precision) ** 2))
