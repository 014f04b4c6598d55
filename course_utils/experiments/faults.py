"""Layers with one known fault each, for exercises, for tests of the checks, and for comparisons.

Each is the layer that it is made from but for one mistake that people make; it shows as that layer.
"""

import numpy as np

from course_utils.checks import check_choice
from course_utils.nn import BatchNorm, Dropout, Linear, ReLU


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
