"""The network of the course: layers, losses, optimizers and the check of their gradients.

Everything here is built by hand in the notebooks; a cell tagged ``library-...`` holds the same
code as this package.
"""

from course_utils.checks import NonFiniteError
from course_utils.nn.dropout import Dropout
from course_utils.nn.gradients import gradient_check, numerical_gradient, relative_error
from course_utils.nn.layers import Layer, Linear, ReLU, Tanh
from course_utils.nn.losses import softmax, softmax_cross_entropy, squared_error
from course_utils.nn.network import Residual, Sequential, mlp
from course_utils.nn.normalization import BatchNorm, LayerNorm
from course_utils.nn.optim import SGD, Adam

__all__ = [
    "SGD",
    "Adam",
    "BatchNorm",
    "Dropout",
    "Layer",
    "LayerNorm",
    "Linear",
    "NonFiniteError",
    "ReLU",
    "Residual",
    "Sequential",
    "Tanh",
    "gradient_check",
    "mlp",
    "numerical_gradient",
    "relative_error",
    "softmax",
    "softmax_cross_entropy",
    "squared_error",
]
