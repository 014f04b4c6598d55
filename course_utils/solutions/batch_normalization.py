"""Solutions of notebook 04."""

import numpy as np


def fold_batch_norm(W, b, gamma, beta, mean, var, eps):
    # gamma (x W + b - mean) / sqrt(var + eps) + beta  =  x (W scale) + (b - mean) scale + beta
    scale = gamma / np.sqrt(var + eps)  # one number for each output, so for each column of W
    return W * scale, (b - mean) * scale + beta


def pooled_moments(mean_1, var_1, m_1, mean_2, var_2, m_2):
    # Means of squares can be averaged, variances cannot: the two parts have different means.
    m = m_1 + m_2
    mean = (m_1 * mean_1 + m_2 * mean_2) / m
    mean_square = (m_1 * (var_1 + mean_1**2) + m_2 * (var_2 + mean_2**2)) / m
    return mean, mean_square - mean**2


def running_noise(momentum, m):
    # The variance V no longer changes: V = (1 - rho)² V + rho² / m, so V (2 rho - rho²) = rho² / m.
    # The plain mean of k batches has variance 1 / (k m): k = (2 - rho) / rho, 19 for rho = 0.1.
    return np.sqrt(momentum / (2 - momentum) / m)
