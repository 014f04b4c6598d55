"""Solutions of notebook 10."""

import numpy as np


def best_step(rounding, third):
    # The derivative of rounding / h + third h^2 / 6 is -rounding / h^2 + third h / 3: zero there
    return (3 * rounding / third) ** (1 / 3)


def edge_with(lr, momentum, weight_decay):
    # What alternates is divided by 1 + momentum: lr (sharpness + weight_decay) < 2 (1 + momentum)
    return 2 * (1 + momentum) / lr - weight_decay


def second_sharpest(product, first, v, steps):
    for _ in range(steps):
        # In every turn, since rounding brings it back
        v = v - (first @ v) * first
        v = v / np.linalg.norm(v)
        Hv = product(v)
        value, v = v @ Hv, Hv
    return value
