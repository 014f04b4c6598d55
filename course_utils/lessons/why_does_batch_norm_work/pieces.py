"""What the student writes: noise behind batch norm, the loss along a line, and the sharpness."""

import numpy as np

from course_utils.nn import BatchNorm


def draw_noise(strength, n, rng):
    """A scale and a shift for each of n units, float32, shape (n,)."""
    scale = rng.uniform(1, 1 + strength / 2, n)
    shift = rng.uniform(-strength, strength, n)
    return scale.astype(np.float32), shift.astype(np.float32)


class NoisyBatchNorm(BatchNorm):
    """Batch norm whose output a fresh noise scales and shifts in training, unit by unit."""

    def __init__(self, n, strength, rng):
        super().__init__(n)
        self.strength, self.rng = strength, rng

    def forward(self, x):
        """Batch norm's output, in training with new noise."""
        y, self.scale = super().forward(x), 1
        if not self.training:
            return y
        self.scale, shift = draw_noise(self.strength, self.n, self.rng)
        return self.scale * y + shift

    def backward(self, grad_y):
        """Return the gradient of x, from that of the noisy output."""
        return super().backward(self.scale * grad_y)


def along_gradient(loss_and_gradient, w, steps):
    """At w - t g, for each t of steps: the losses, and how fast the gradient changes."""
    _, g = loss_and_gradient(w)
    losses, ratios = [], []
    for t in steps:
        loss, there = loss_and_gradient(w - t * g)
        losses.append(loss)
        ratios.append(np.linalg.norm(there - g) / np.linalg.norm(t * g))
    return np.array(losses), np.array(ratios)


def hessian_product(gradient, w, v, h=1e-5):
    """The Hessian at w times v, by central differences; v has length one."""
    return (gradient(w + h * v) - gradient(w - h * v)) / (2 * h)


def power_iteration(product, v, steps):
    """The eigenvalue that is largest in size, and its eigenvector of length one."""
    v = v / np.linalg.norm(v)
    for _ in range(steps):
        Hv = product(v)
        value = v @ Hv
        v = Hv / np.linalg.norm(Hv)
    return value, v
