"""Layers and optimizers with one known fault each: for exercises, tests, and comparisons.

Each is what it is made from but for one mistake that people make; a layer shows as that layer.
"""

import numpy as np

from course_utils.checks import check_choice
from course_utils.nn import SGD, BatchNorm, Dropout, LayerNorm, Linear, ReLU
from course_utils.nn.normalization import moments, normalize, normalize_backward


class AveragedGradient(Linear):
    """A gradient, "W" or "b", averaged over the examples where it ought to be summed."""

    def __init__(self, n_in, n_out, *, wrong="b", **options):
        check_choice("wrong", wrong, ("W", "b"))
        super().__init__(n_in, n_out, **options)
        self.wrong = wrong

    def backward(self, grad_y, input_grad=True):
        grad_x = super().backward(grad_y, input_grad)
        self.grads[self.wrong] = self.grads[self.wrong] / len(grad_y)
        return grad_x


class DoubledBias(Linear):
    """The gradient of b counts twice."""

    def backward(self, grad_y, input_grad=True):
        grad_x = super().backward(grad_y, input_grad)
        self.grads["b"] = 2 * self.grads["b"]
        return grad_x


class TransposedWeights(Linear):
    """The gradient goes back through W in place of its transpose; for square W only."""

    def backward(self, grad_y, input_grad=True):
        super().backward(grad_y, input_grad=False)
        return grad_y @ self.params["W"]


class StraightThrough(ReLU):
    """The gradient passes where the input was negative too."""

    def backward(self, grad_y):
        return grad_y


class ConstantMoments(BatchNorm):
    """Mean and variance count as constants: only a part of grad_x comes back."""

    def backward(self, grad_y):
        x_hat, var, _ = self.recall()
        return self.scale_and_shift_backward(grad_y, x_hat) / np.sqrt(var + self.eps)


class WrongAxis(BatchNorm):
    """The mean gradient is taken along the rows, as if the features had been normalized."""

    def backward(self, grad_y):
        x_hat, var, _ = self.recall()
        grad = self.scale_and_shift_backward(grad_y, x_hat)
        along_ones = grad.mean(axis=1, keepdims=True)
        along_x_hat = (grad * x_hat).mean(axis=0)
        return (grad - along_ones - x_hat * along_x_hat) / np.sqrt(var + self.eps)


class ForgottenScale(Dropout):
    """The backward pass drops what was dropped, but does not divide by 1 - p."""

    def backward(self, grad_y):
        return super().backward(grad_y) * (1 - self.p)


class NeverEvaluates(BatchNorm):
    """Stays in training mode: also at the test it normalizes by whatever batch it is in."""

    def eval(self):
        return self


class StandingEstimates(BatchNorm):
    """The running estimates never move from the zeros and ones that they start with."""

    def __init__(self, n):
        super().__init__(n, momentum=0)


class ByColumns(LayerNorm):
    """Statistics of the wrong axis: columns, over the examples, in the place of rows."""

    def forward(self, x):
        mean, var = moments(x, axis=0)
        x_hat = normalize(x, mean, var, self.eps)
        self.saved = x_hat, var
        return self.scale_and_shift(x_hat)

    def backward(self, grad_y):
        x_hat, var = self.recall()
        grad_x_hat = self.scale_and_shift_backward(grad_y, x_hat)
        return normalize_backward(grad_x_hat, x_hat, var, self.eps, axis=0)


class NeverOff(Dropout):
    """Drops in evaluation mode too."""

    def eval(self):
        return self


class Unscaled(Dropout):
    """What is kept is not divided by 1 - p, forward and backward."""

    def forward(self, x):
        super().forward(x)
        if self.training:
            self.saved = self.saved * (1 - self.p)
        return x * self.saved


class Stale(SGD):
    """Updates by the gradient of `delay` steps ago; until there is one it does not move."""

    def __init__(self, network, lr, momentum=0.0, weight_decay=0.0, delay=10):
        super().__init__(network, lr, momentum, weight_decay)
        self.delay, self.waiting = delay, []

    def step(self):
        self.waiting.append(dict(self.network.grads.items()))
        if len(self.waiting) > self.delay:
            for key, grad in self.waiting.pop(0).items():
                self.network.grads[key] = grad
            super().step()
