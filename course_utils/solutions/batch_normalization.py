"""Solutions of notebook 04."""

import numpy as np


def batch_norm_eval(x, gamma, beta, running_mean, running_var, eps):
    # Nothing here looks at more than one row of x: a prediction depends on its own example alone.
    x_hat = (x - running_mean) / np.sqrt(running_var + eps)
    return gamma * x_hat + beta


def running_estimates(batches, momentum):
    n = batches[0].shape[1]
    mean, var = np.zeros(n), np.ones(n)
    for x in batches:
        # ddof=1 divides by m - 1: the estimate is about all data, not about this batch.
        mean = (1 - momentum) * mean + momentum * x.mean(axis=0)
        var = (1 - momentum) * var + momentum * x.var(axis=0, ddof=1)
    return mean, var


def fold_batch_norm(W, b, gamma, beta, mean, var, eps):
    # gamma (x W + b - mean) / sqrt(var + eps) + beta  =  x (W scale) + (b - mean) scale + beta
    scale = gamma / np.sqrt(var + eps)  # one number for each output, so for each column of W
    return W * scale, (b - mean) * scale + beta


def batch_norm_backward(grad_y, x, gamma, eps):
    deviation = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / deviation
    grad_x_hat = gamma * grad_y
    # The mean takes away what shifts a column, the variance what stretches it.
    through_mean = grad_x_hat.mean(axis=0)
    through_var = x_hat * (grad_x_hat * x_hat).mean(axis=0)
    return (grad_x_hat - through_mean - through_var) / deviation
