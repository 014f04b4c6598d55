"""What several files of tests build with."""

import numpy as np


def rng(seed=0):
    return np.random.default_rng(seed)


def normal(*shape, seed=0, dtype=np.float64):
    return rng(seed).standard_normal(shape).astype(dtype)
