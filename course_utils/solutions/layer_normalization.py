"""Solutions of notebook 03."""

import numpy as np


def equivalent_lr(lr, factor):
    # The output is the same for k W as for W, so the gradient with respect to k W is g / k.
    # A step with rate a gives k W - a g / k, and that is k (W - lr g) if a = lr k^2.
    return lr * factor**2


def rms_norm(x, eps):
    # Each row by its own root mean square; the mean stays.
    return x / np.sqrt((x**2).mean(axis=1, keepdims=True) + eps)


def rms_norm_backward(grad_y, x, eps):
    # y = x / r with r = sqrt(mean(x^2) + eps), one r a row. Through the numerator: grad_y / r.
    # Through r: its gradient is -sum(grad_y x) / r^2, and dr/dx = x / (n r). With y = x / r that
    # is -y mean(grad_y y) / r.
    r = np.sqrt((x**2).mean(axis=1, keepdims=True) + eps)
    y = x / r
    return (grad_y - y * (grad_y * y).mean(axis=1, keepdims=True)) / r


def cosine_behind_norm(kappa):
    # Two rows behind ReLU, entries of mean square q/2: the mean product is kappa q/2, and both have
    # the mean sqrt(q / (2 pi)). Without it the mean product is kappa q/2 - q/(2 pi), the mean
    # square of each q/2 - q/(2 pi). Divide; q/2 cancels.
    return (kappa - 1 / np.pi) / (1 - 1 / np.pi)
