"""Solutions of notebook 03."""

import numpy as np


def scale_and_shift_backward(grad_y, x_hat, gamma):
    # An entry of x_hat reaches the loss through gamma times itself: a product, entry by entry.
    # gamma[r] and beta[r] act in column r of every example: add up over the rows.
    grad_x_hat = gamma * grad_y
    grad_gamma = (grad_y * x_hat).sum(axis=0)
    grad_beta = grad_y.sum(axis=0)
    return grad_x_hat, grad_gamma, grad_beta


def take_away(grad, x_hat):
    # The part of g along a is a (g.a) / (a.a). Both (1, ..., 1) and x_hat have a.a = n, so
    # (g.a) / (a.a) is a mean. They are orthogonal, since x_hat has mean zero, so both parts can be
    # taken from the same grad.
    along_ones = grad.mean(axis=1, keepdims=True)
    along_x_hat = (grad * x_hat).mean(axis=1, keepdims=True)
    return grad - along_ones - x_hat * along_x_hat


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
