"""Dropout and the scale of the initial weights: norms by layer, and the critical c."""

import numpy as np

from course_utils.experiments.propagation import propagate
from course_utils.nn import Dropout, ReLU, Sequential


def propagate_dropped(x, labels, standard, c, p, depth, draw=0, training=True):
    """`propagate` with ReLU and dropout behind every hidden matrix.

    The masks come from the same uniform numbers at every call with the same `draw`.
    """
    rng = np.random.default_rng([draw, 1])

    def block(n):
        layers = Sequential([ReLU(), Dropout(p, rng)])
        return layers if training else layers.eval()

    return propagate(x, labels, standard, c, depth, len(standard[1]), block)


def norms_by_layer(x, labels, standard, c, p, depth, draw=0, training=True):
    """What `propagate_dropped` measures, with the theory's lines.

    Each layer multiplies the expected square by (c / 2) / (1 - p), forward and backward; in
    evaluation mode p = 0. (Forward, the first layer also by its outputs over its inputs.)

    Returns
    -------
    forward, backward, forward_theory, backward_theory : ndarray, shape (depth + 1,)
        Mean length of the rows of z_0 (the input) ... z_depth, and of the gradients with respect
        to them. The theory starts from the measured first and last one.
    """
    found = propagate_dropped(x, labels, standard, c, p, depth, draw, training)
    growth = expected_growth(c, p if training else 0, np.arange(depth + 1))
    wider = np.where(np.arange(depth + 1) > 0, np.sqrt(len(standard[1]) / x.shape[1]), 1)
    theory = found.forward[0] * wider * growth, found.backward[-1] * growth[::-1]
    return found.forward, found.backward, *theory


def expected_growth(c, p, layers):
    """Expected factor of a length after some layers of equal width, ((c / 2) / (1 - p))^(n / 2)."""
    return (c / 2 / (1 - p)) ** (layers / 2)


def measured_growth(x, labels, standard, scales, rates, depth):
    """Length of z_i over that of z_1 in training mode, (len(scales), len(rates), depth + 1)."""
    forward = [
        [propagate_dropped(x, labels, standard, c, p, depth).forward for p in rates] for c in scales
    ]
    return np.array(forward) / np.array(forward)[..., 1:2]
