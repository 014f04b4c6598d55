"""Solutions of notebook 07."""

import numpy as np


def critical_c(p, slope):
    # Half of the squares stay, half are multiplied by slope^2, and dropout divides by 1 - p:
    # c (1 + slope^2) / 2 / (1 - p) = 1.
    return 2 * (1 - p) / (1 + slope**2)


def passes_needed(deviation, precision):
    # deviation / sqrt(K) <= precision, so K >= (deviation / precision)^2, rounded up.
    return int(np.ceil((deviation / precision) ** 2))


def mean_behind_relu(terms, p):
    from itertools import product

    mean = 0.0
    for kept in product([0, 1], repeat=len(terms)):
        # Each mask with its probability: 1 - p for every term kept, p for every one that goes.
        probability = np.prod(np.where(kept, 1 - p, p))
        mean += probability * max(np.sum(terms * np.array(kept)) / (1 - p), 0)
    return mean


def subset_variance(terms, r):
    n = len(terms)
    # Exactly r are kept, so a constant in all terms adds r n / r times itself, whatever is drawn.
    t = terms - np.mean(terms)
    # Var = (n/r)^2 (sum_j q t_j^2 + sum_{j != l} s t_j t_l), q = r/n, s = r (r-1) / (n (n-1)),
    # and sum_{j != l} t_j t_l = (sum_j t_j)^2 - sum_j t_j^2 = -sum_j t_j^2.
    q, s = r / n, r * (r - 1) / (n * (n - 1))
    return (n / r) ** 2 * (q - s) * np.sum(t**2)
