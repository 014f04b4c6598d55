"""One batch forward and its loss back through a network before training."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from course_utils.experiments.vitals import mean_norm
from course_utils.nn import softmax_cross_entropy


@dataclass(frozen=True)
class Propagation:
    """What a batch and its loss's gradient become layer by layer; z_0 is the input.

    Attributes
    ----------
    activations : list of ndarray
        z_0 ... z_depth, each (m, n_i).
    before : list of ndarray
        y_1 ... y_depth, what the matrices give: y_{i+1} = z_i W_i.
    gradients : list of ndarray
        Of the loss with respect to z_0 ... z_depth.
    """

    activations: list
    before: list
    gradients: list

    @property
    def forward(self):
        """Mean length of the rows of z_0 ... z_depth, shape (depth + 1,)."""
        return np.array([mean_norm(z) for z in self.activations])

    @property
    def backward(self):
        """Mean length of the rows of the gradients, shape (depth + 1,)."""
        return np.array([mean_norm(grad) for grad in self.gradients])


def standard_weights(n_in, width, depth, rng):
    """Standard normal matrices of `depth` hidden layers and ten outputs, for `propagate`."""
    widths = [n_in] + depth * [width]
    hidden = [rng.standard_normal(shape) for shape in pairwise(widths)]
    return hidden, rng.standard_normal((width, 10))


def propagate(x, labels, standard, c, depth, width, block):
    """Send one batch forward and its loss backward through a network at initialization.

    The weights are W = sqrt(c / n_in) G with G cut from the same standard normal numbers at every
    call, so that a change of c, depth or width moves the result instead of redrawing it. The biases
    are zero.

    Parameters
    ----------
    x : ndarray, shape (m, n_0)
    labels : ndarray of int, shape (m,)
    standard : (list of ndarray, ndarray)
        From `standard_weights`, at least as deep and wide.
    c : float
    depth, width : int
    block : callable
        ``block(n)`` makes the layer that follows a matrix of n columns, for example ``ReLU()`` or
        ``Sequential([LayerNorm(n), ReLU()])``.

    Returns
    -------
    Propagation
    """
    hidden, output = standard
    activations, before, steps = [x], [], []
    for G in hidden[:depth]:
        n_in = activations[-1].shape[1]
        W, follows = np.sqrt(c / n_in) * G[:n_in, :width], block(width)
        before.append(activations[-1] @ W)
        activations.append(follows.forward(before[-1]))
        steps.append((W, follows))
    last = np.sqrt(c / width) * output[:width]
    _, grad = softmax_cross_entropy(activations[-1] @ last, labels)
    gradients = [grad @ last.T]
    for W, follows in reversed(steps):
        gradients.append(follows.backward(gradients[-1]) @ W.T)
    return Propagation(activations, before, gradients[::-1])
