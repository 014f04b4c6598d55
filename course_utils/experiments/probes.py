"""Instruments: what goes on inside a network, layer by layer, on one batch."""

import contextlib
import copy
from dataclasses import dataclass

import numpy as np

from course_utils.nn import NonFiniteError, softmax_cross_entropy
from course_utils.nn.checks import check_batch


@dataclass(frozen=True)
class VitalSigns:
    """A network's vital signs on one batch; one entry a Linear layer, from input to output.

    Attributes
    ----------
    activation : ndarray, shape (layers,)
        Mean length of the rows of each block's output, a block being a Linear layer with what
        follows it up to the next one.
    gradient : ndarray, shape (layers,)
        Length (Frobenius norm) of the gradient of each weight matrix.
    update_ratio : ndarray, shape (layers,)
        Length of one plain gradient step over the length of the weights: lr ||grad W|| / ||W||.
    dead : ndarray, shape (layers,)
        Share of the block's units whose output is the same for every example of the batch: they
        tell nothing, and no gradient flows through them. NaN where outputs are not finite.
    loss : float
    """

    activation: np.ndarray
    gradient: np.ndarray
    update_ratio: np.ndarray
    dead: np.ndarray
    loss: float


def mean_norm(x):
    """Mean Euclidean length of the rows of x, in float64: squares leave float32 soon."""
    return float(np.mean(np.linalg.norm(x.astype(np.float64), axis=1)))


def length(W):
    """Euclidean length of all entries of W together (Frobenius norm), in float64."""
    return float(np.linalg.norm(W.astype(np.float64)))


def blocks(network):
    """The network's layers in groups, a new one at every weight matrix but the first."""
    groups = [[]]
    for layer in network.layers:
        if "W" in layer.params and any("W" in earlier.params for earlier in groups[-1]):
            groups.append([])
        groups[-1].append(layer)
    return groups


def vital_signs(network, x, labels, lr, loss=softmax_cross_entropy):
    """Measure a network on one batch, in its present mode, and leave it as it was.

    From where a BatchNorm layer in training mode refuses a batch that is not finite, all is NaN.

    Parameters
    ----------
    network : Sequential
    x : ndarray, shape (m, n)
    labels : ndarray of int, shape (m,)
    lr : float
        The learning rate, for the update ratio.
    loss : callable
        ``loss(output, labels) -> (value, gradient)``.

    Returns
    -------
    VitalSigns
    """
    network = copy.deepcopy(network)
    groups = blocks(network)
    linears = [layer for layer in network.layers if "W" in layer.params]
    activation, dead = np.full((2, len(groups)), np.nan)
    gradient, value = np.full(len(linears), np.nan), np.nan
    with np.errstate(over="ignore", invalid="ignore"):
        with contextlib.suppress(NonFiniteError):
            for i, group in enumerate(groups):
                for layer in group:
                    x = layer.forward(x)
                activation[i] = mean_norm(x)
                if np.isfinite(x).all():
                    dead[i] = np.mean(np.ptp(x, axis=0) == 0)
            value, grad = loss(x, labels)
            network.backward(grad, input_grad=False)
            gradient = np.array([length(linear.grads["W"]) for linear in linears])
        weight = np.array([length(linear.params["W"]) for linear in linears])
        ratio = np.divide(lr * gradient, weight, out=np.zeros_like(gradient), where=weight != 0)
    return VitalSigns(activation, gradient, ratio, dead, value)


def activation_norms(x, weights, activation):
    """Mean row norm of the input and of every layer's activations, for a net without biases.

    Parameters
    ----------
    x : ndarray, shape (m, n_0)
    weights : sequence of ndarray, shapes (n_i, n_{i+1})
    activation : callable
        Applied after every matrix.

    Returns
    -------
    ndarray, shape (1 + len(weights),)
    """
    check_batch("x", x)
    norms = [mean_norm(x)]
    for W in weights:
        x = activation(x @ W)
        norms.append(mean_norm(x))
    return np.array(norms)


def expected_norms(first, widths, c):
    """The ReLU theory's line: each layer multiplies the expected square by (c / 2) n_out / n_in.

    E ||z_{i+1}||^2 = (c / 2) (n_{i+1} / n_i) E ||z_i||^2 for weights N(0, c / n_i) (He et al.
    2015, section 2.2, written for norms).

    Parameters
    ----------
    first : float
        The input's norm.
    widths : sequence of int
        n_0, n_1, ...
    c : float

    Returns
    -------
    ndarray, shape (len(widths),)
        Square roots of the expected squares.
    """
    widths = np.asarray(widths)
    layers = np.arange(len(widths))
    return first * np.sqrt((c / 2) ** layers * widths / widths[0])
