"""Solutions of notebook 06."""

import numpy as np


def decay_step(W, grad, lr, weight_decay):
    # W - lr (grad + lambda W): collect the two terms with W.
    return (1 - lr * weight_decay) * W - lr * grad


def momentum_steps(W, grads, lr, momentum, weight_decay):
    velocity = np.zeros_like(W)
    for grad in grads:
        # The penalty's gradient, too, is remembered by the velocity.
        velocity = momentum * velocity + grad + weight_decay * W
        W = W - lr * velocity
    return W


def pulled_to(best, curvature, weight_decay):
    # curvature (gamma - best) + weight_decay gamma = 0
    return curvature * best / (curvature + weight_decay)


def penalized(loss, grad, W, weight_decay):
    # The derivative of lambda / 2 times W_ij squared is lambda W_ij.
    return loss + weight_decay / 2 * np.sum(W**2), grad + weight_decay * W


def adam_step(W, grad, first, second, t, lr, beta1, beta2, eps):
    first = beta1 * first + (1 - beta1) * grad
    second = beta2 * second + (1 - beta2) * grad**2
    # Both started from zero; the corrected averages are for this step only.
    mean = first / (1 - beta1**t)
    square = second / (1 - beta2**t)
    return W - lr * mean / (np.sqrt(square) + eps), first, second
