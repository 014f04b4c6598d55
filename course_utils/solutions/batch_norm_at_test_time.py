"""Solutions of notebook 11."""

import numpy as np


def as_scale_and_shift(gamma, beta, mean, var, batch_mean, batch_var, eps):
    # gamma (x - batch_mean) / sqrt(batch_var + eps) + beta is a straight line in x. Its slope,
    # times the running deviation, is the new gamma; its value at x = mean is the new beta.
    scale = gamma / np.sqrt(batch_var + eps)
    return scale * np.sqrt(var + eps), beta + scale * (mean - batch_mean)


def best_share(off, var, m):
    # The expected square a^2 var / m + (1 - a)^2 off^2 has slope 0 where a var / m = (1 - a) off^2.
    return off**2 / (off**2 + var / m)


def diversity_gradient(logits):
    # g = -(log mean + 1) / m with respect to each q; back through softmax the constant cancels.
    q = np.exp(logits - logits.max(axis=1, keepdims=True))
    q = q / q.sum(axis=1, keepdims=True)
    log_mean = np.log(q.mean(axis=0))
    return -q * (log_mean - np.sum(q * log_mean, axis=1, keepdims=True)) / len(logits)
