"""Solutions of notebook 02."""

import numpy as np


def leaky_relu_c(slope):
    # Half of the entries pass whole, the other half shrinks to slope times itself:
    # a layer multiplies the squared length by c (1 + slope^2) / 2. Set that to 1.
    return 2 / (1 + slope**2)


def find_c(norm_ratio):
    # The answer always lies between low and high. Every step halves the interval,
    # so 40 steps leave 3.5 / 2^40, far below the four decimals that are asked for.
    low, high = 0.5, 4.0
    for _ in range(40):
        middle = (low + high) / 2
        if norm_ratio(middle) > 1:  # too long: c must be smaller
            high = middle
        else:
            low = middle
    return (low + high) / 2


def tanh_ratio(c, q, g):
    # The numbers before tanh are normal with variance c q; q is also the square to compare with.
    # Tiny q: tanh(x) is x and the ratio is the root of c, so c = 1 keeps the length.
    # Larger q: tanh squashes, and it takes a larger c. There is no c for all of them.
    before = np.sqrt(c * q) * g
    return np.sqrt(np.mean(np.tanh(before) ** 2) / q)
