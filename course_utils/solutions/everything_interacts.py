"""Solutions of notebook 09."""

import numpy as np


def branch_scale(c, blocks, target):
    # Each of the blocks may multiply by the root of order `blocks`: 1 + scale^2 c / 2.
    return np.sqrt(2 / c * (target ** (1 / blocks) - 1))


def expected_best(errors, k):
    from math import comb

    errors, n = sorted(errors), len(errors)
    # Place i is the best of a set if the other k - 1 come from the n - 1 - i behind it.
    chances = [comb(n - 1 - i, k - 1) / comb(n, k) for i in range(n)]
    return sum(chance * error for chance, error in zip(chances, errors))


def seeds_needed(deviation, margin):
    # 2 deviation / sqrt(n) <= margin
    return int(np.ceil((2 * deviation / margin) ** 2))
