"""Solutions of notebook 08."""

import numpy as np


def translated_decay(lr, momentum, weight_decay, lr_adamw):
    # The share lost at a step: lr lambda / (1 - mu) with L2 and momentum, lr' lambda' in AdamW.
    return lr * weight_decay / (1 - momentum) / lr_adamw


def uncorrected_length(t, beta1, beta2):
    # first = (1 - beta1^t) g and second = (1 - beta2^t) g^2, so g goes out
    return (1 - beta1**t) / np.sqrt(1 - beta2**t)


def forgotten_power(step):
    # With a gradient that is always 1 every step of a right Adam is as long as lr. The first step
    # tells nothing; a moment without a memory, beta = 0, is right anyway, which leaves the other.
    def is_wrong(beta1, beta2):
        W, first, second = np.zeros((3, 1))
        for t in (1, 2):
            before = W
            W, first, second = step(before, np.ones(1), first, second, t, 1.0, beta1, beta2, 1e-8)
        return abs(before[0] - W[0] - 1) > 1e-3

    found = is_wrong(0.9, 0.0), is_wrong(0.0, 0.9)
    return {(1, 0): "first", (0, 1): "second", (1, 1): "both", (0, 0): "neither"}[found]
