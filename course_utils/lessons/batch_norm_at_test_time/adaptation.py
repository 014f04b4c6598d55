"""Predicting with batch statistics and descending the entropy: what a student writes first."""

import numpy as np

from course_utils.experiments.statistics import batch_norms
from course_utils.nn.optim import adam_direction, moving_average


def batch_logits(network, x):
    """The logits of x with x's own statistics; the network is left as it was found."""
    before = [(norm, norm.running_mean, norm.running_var) for norm in batch_norms(network)]
    logits = network.train().forward(x)
    for norm, mean, var in before:
        norm.running_mean, norm.running_var = mean, var
    network.eval()
    return logits


def log_softmax(logits):
    """The logarithms of softmax(logits), row by row: none of them is minus infinity."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def mean_entropy(logits):
    """The entropy of softmax(logits), averaged over the rows."""
    log_q = log_softmax(logits)
    return -np.mean(np.sum(np.exp(log_q) * log_q, axis=1))


def entropy_gradient(logits):
    """The gradient of the mean entropy with respect to the logits, in their shape."""
    log_q = log_softmax(logits)
    q = np.exp(log_q)
    entropy = -np.sum(q * log_q, axis=1, keepdims=True)
    return -q * (log_q + entropy) / len(logits)


def adapt(network, x, update):
    """Take one step down the entropy of batch x; return the logits from before the step.

    update(key, param, grad) gives the new value of a parameter.
    """
    logits = batch_logits(network, x)
    network.backward(entropy_gradient(logits))
    for key, param in network.params.items():
        if key.endswith(("gamma", "beta")):
            param[:] = update(key, param, network.grads[key])
    return logits


def repairable(clean, damaged):
    """For each unit, the share of the clean numbers' variance that a scale and a shift restore."""
    clean, damaged = ((z - z.mean(axis=0)) / z.std(axis=0) for z in (clean, damaged))
    return np.mean(clean * damaged, axis=0) ** 2


class AdamSteps:
    """Steps of Adam for single parameters: ``steps(key, param, grad)`` gives the new one.

    Parameters
    ----------
    lr : float
    betas : (float, float)
    eps : float
    """

    def __init__(self, lr, betas=(0.9, 0.999), eps=1e-8):
        self.lr, self.betas, self.eps, self.memory = lr, betas, eps, {}

    def __call__(self, key, param, grad):
        steps, first, second = self.memory.get(key, (0, 0 * param, 0 * param))
        first = moving_average(first, grad, self.betas[0])
        second = moving_average(second, grad**2, self.betas[1])
        self.memory[key] = steps + 1, first, second
        return param - self.lr * adam_direction(first, second, steps + 1, self.betas, self.eps)
