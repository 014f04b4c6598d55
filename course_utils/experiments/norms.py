"""What becomes of a signal, layer by layer, before training: measured, and expected by theory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

import numpy as np

from course_utils.checks import (
    check_batch,
    check_choice,
    check_count,
    check_labels,
    check_layer,
    check_list,
    check_number,
)
from course_utils.experiments.vitals import mean_norm
from course_utils.nn import (
    BatchNorm,
    Dropout,
    LayerNorm,
    ReLU,
    Sequential,
    Tanh,
    softmax_cross_entropy,
)

CLASSES = 10
SPREAD = 1 - 1 / np.pi  # the share of the squares behind ReLU that their mean does not carry


@dataclass(frozen=True)
class Block:
    """What follows a weight matrix, and what theory says of it.

    Attributes
    ----------
    make : callable
        ``make(n)`` makes the layer behind a matrix of n columns.
    moments : callable, optional
        ``moments(q)``, for normal inputs of mean zero and variance q: the mean square of an output,
        and that of the slope through which a gradient returns. None: there is no theory.
    seed : int or list of int, optional
        For layers that draw random numbers: then it is ``make(n, rng)``, with one generator of this
        seed for each network, so that all networks meet the same numbers.
    """

    make: Callable
    moments: Callable | None = None
    seed: int | list | None = None

    def layers(self, widths):
        """The layers of one network, one for each of these widths."""
        drawn_from = () if self.seed is None else (np.random.default_rng(self.seed),)
        layers = [self.make(n, *drawn_from) for n in widths]
        for layer in layers:
            check_layer("what block makes", layer)
        return layers


@cache
def quadrature():
    """Points and weights of Gauss and Hermite's rule: E f(g) is about weights @ f(points)."""
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    return points, weights / weights.sum()


def gaussian(activation, slope):
    """The `moments` of an elementwise activation that has this slope."""

    def moments(q):
        points, weights = quadrature()
        y = np.sqrt(q) * points
        return weights @ activation(y) ** 2, weights @ slope(y) ** 2

    return moments


BLOCKS = {
    "relu": Block(lambda n: ReLU(), lambda q: (q / 2, 1 / 2)),
    "tanh": Block(lambda n: Tanh(), gaussian(np.tanh, lambda y: 1 - np.tanh(y) ** 2)),
    "layer norm after": Block(
        lambda n: Sequential([ReLU(), LayerNorm(n, affine=False)]), lambda q: (1, 1 / (q * SPREAD))
    ),
    "layer norm before": Block(
        lambda n: Sequential([LayerNorm(n, affine=False), ReLU()]), lambda q: (1 / 2, 1 / (2 * q))
    ),
    "batch norm after": Block(
        lambda n: Sequential([ReLU(), BatchNorm(n, dtype=float)]), lambda q: (1, 1 / (q * SPREAD))
    ),
    "batch norm before": Block(
        lambda n: Sequential([BatchNorm(n, dtype=float), ReLU()]),
        lambda q: (1 / 2, 1 / (2 * q * SPREAD)),
    ),
}


def dropout(p, draw=0, training=True, layer=Dropout):
    """The block of ReLU and Dropout; every network has the same masks at the same `draw`.

    A mask has mean one and mean square 1 / (1 - p); in evaluation mode all of it is one.
    ``layer(p, rng)`` makes the Dropout layer.
    """
    check_number("p", p, 0, 1)
    kept = 1 - p if training else 1

    def make(n, rng):
        layers = Sequential([ReLU(), layer(p, rng)])
        return layers if training else layers.eval()

    return Block(make, lambda q: (q / 2 / kept, 1 / 2 / kept), seed=[draw, 1])


def find_block(block):
    """The `Block` itself, or that of a name in `BLOCKS`, or of a callable n -> layer."""
    if isinstance(block, Block):
        return block
    if callable(block):
        return Block(block)
    check_choice("block", block, BLOCKS)
    return BLOCKS[block]


@dataclass(frozen=True)
class Norms:
    """Mean row lengths of z_0 (the input) ... z_depth, and of the loss's gradients there.

    Attributes
    ----------
    forward, backward : ndarray, shape (depth + 1,)
        Measured; `backward` is NaN where there are no labels.
    forward_theory, backward_theory : ndarray, shape (depth + 1,)
        Expected of very wide layers, from the measured first length on and from the measured last
        gradient back. NaN where the block has no theory.
    before : list of ndarray, each of shape (m, n_{i+1})
        What the matrices give, y_{i+1} = z_i W_i.
    deviations : ndarray, shape (depth,)
        What theory expects of the entries of `before`.
    """

    forward: np.ndarray
    backward: np.ndarray
    forward_theory: np.ndarray
    backward_theory: np.ndarray
    before: Sequence
    deviations: np.ndarray

    @property
    def growth(self):
        """Length of z_i over that of z_1, shape (depth + 1,)."""
        return self.forward / self.forward[1]


def theory(first, widths, c, moments):
    """What is expected of very wide layers with weights N(0, c / n_i) and a block's `moments`.

    The entries of y = z_i W_i are normal with variance q = (c / n_i) E||z_i||^2. Then
    E||z_{i+1}||^2 is n_{i+1} times the mean square behind the block, and on the way back
    E||dz_i||^2 is c times the mean square of the slope times E||dz_{i+1}||^2 (Poole et al.,
    "Exponential expressivity in deep neural networks through transient chaos" (2016), section 2;
    Schoenholz et al., "Deep information propagation" (2017), section 4).

    Normalization divides the gradient by the variance it has taken out. Behind ReLU that is
    (q / 2)(1 - 1 / pi), as the mean of max(y, 0) carries 1 / pi of the squares. Batch norm in front
    of ReLU meets the mean that the ReLU before it has left: it is the same for all examples, so the
    next matrix makes of it a constant in each column, and q (1 - 1 / pi) is left. (Layer norm looks
    along the row, where the signs of the weights have made its mean zero: q.) So batch norm
    multiplies the squared gradient by pi / (pi - 1) = 1.467 on either side of ReLU, whatever c is
    (Yang et al., "A mean field theory of batch normalization" (2019)). The projections, along ones
    and along x_hat, take two of m directions, which is neglected.

    Measured on 128 digits and ten draws of 30 layers of 100 units, from layer 30 to layer 1: 1.43
    to 1.47 before ReLU, 1.48 to 1.50 after; with 512 digits and 800 units 1.47 and 1.48. Only the
    first layer differs, since its input is no ReLU's output.

    Parameters
    ----------
    first : float
        Length of the input.
    widths : sequence of int
        n_0, n_1, ...
    c : float
    moments : callable
        As in `Block`.

    Returns
    -------
    deviations : ndarray, shape (depth,)
        Roots of q.
    lengths : ndarray, shape (depth + 1,)
        Roots of E||z_i||^2.
    factors : ndarray, shape (depth,)
        What each layer multiplies the squared gradient by.
    """
    squares, variances, factors = [np.square(first)], [], []
    for n_in, n_out in pairwise(widths):
        q = c / n_in * squares[-1]
        square, slope = moments(q)
        variances.append(q)
        squares.append(n_out * square)
        factors.append(c * slope)
    return np.sqrt(variances), np.sqrt(squares), np.array(factors)


@lru_cache(maxsize=4)
def unscaled_weights(shapes, draw):
    """Standard normal matrices G of these shapes; read-only, since they are kept."""
    rng = np.random.default_rng(draw)
    matrices = [rng.standard_normal(shape) for shape in shapes]
    for G in matrices:
        G.setflags(write=False)
    return matrices


class Untrained:
    """One batch, and the networks before training that it can be sent through.

    All of them have weights W = sqrt(c / n_in) G, cut from the same matrices G of standard normal
    numbers, and no biases: a change of c, depth or width moves a result instead of drawing it anew.

    Parameters
    ----------
    x : ndarray, shape (m, n_0)
    labels : ndarray of int, shape (m,), optional
        Of ten classes. None: no gradient is sent back.
    hidden : sequence of int
        Widths of the hidden layers of the largest network.
    """

    def __init__(self, x, labels=None, *, hidden):
        check_batch("x", x)
        self.hidden = check_list("hidden", hidden)
        if not self.hidden:
            raise ValueError("hidden must hold at least one width, got none")
        for width in self.hidden:
            check_count("hidden", width)
        self.x = x.astype(np.float64)
        self.labels = None if labels is None else check_labels(labels, len(x), CLASSES)
        self._of_named = lru_cache(maxsize=3)(self._of)  # what does not move in a drag is kept

    def unscaled(self, draw=0):
        """The matrices G of a draw: one for each hidden layer, and one for the ten outputs."""
        hidden = pairwise([self.x.shape[1], *self.hidden])
        return unscaled_weights((*hidden, (max(self.hidden), CLASSES)), draw)

    def norms(self, c, depth=None, width=None, block="relu", draw=0):
        """Send the batch forward and its loss's gradient back through one network.

        Parameters
        ----------
        c : float
        depth : int, optional
            Only so many hidden layers.
        width : int, optional
            Only so many units in each.
        block : str, Block or callable
            What follows every matrix: a name in `BLOCKS`, a `Block` such as ``dropout(0.5)``, or
            a callable n -> layer, for which there is no theory.
        draw : int
            Seed of the matrices G.

        Returns
        -------
        Norms

        Raises
        ------
        TypeError, ValueError
            For an unknown block, a negative c, or more layers or units than the largest network's.
        """
        check_number("c", c)
        depth = at_most("depth", depth, len(self.hidden))
        width = at_most("width", width, max(self.hidden))
        find = self._of_named if isinstance(block, str) else self._of
        return find(c, depth, width, block, draw)

    def _of(self, c, depth, width, block, draw):
        """The norms of one network; read-only, since they may be kept."""
        block = find_block(block)
        widths = [self.x.shape[1]] + [min(n, width) for n in self.hidden[:depth]]
        weights = [
            np.sqrt(c / n_in) * G[:n_in, :n_out]
            for G, (n_in, n_out) in zip(self.unscaled(draw), pairwise(widths))
        ]
        last = np.sqrt(c / widths[-1]) * self.unscaled(draw)[-1][: widths[-1]]
        with np.errstate(all="ignore"):  # what overflows is infinite
            z, before, gradients = self.propagate(weights, last, block.layers(widths[1:]))
            forward, backward = (np.array([mean_norm(a) for a in each]) for each in (z, gradients))
            if block.moments is None:
                lengths = returning = np.full(depth + 1, np.nan)
                deviations = lengths[1:]
            else:
                deviations, lengths, factors = theory(forward[0], widths, c, block.moments)
                returning = backward[-1] * np.cumprod([1, *np.sqrt(factors[::-1])])[::-1]
        for array in (forward, backward, lengths, returning, deviations, *before):
            array.setflags(write=False)
        return Norms(forward, backward, lengths, returning, before, deviations)

    def propagate(self, weights, last, layers):
        """Activations, values before the blocks, and gradients, each from the input on."""
        z, before = [self.x], []
        for W, layer in zip(weights, layers, strict=True):
            before.append(z[-1] @ W)
            z.append(layer.forward(before[-1]))
        if self.labels is None:
            return z, before, len(z) * [np.array([[np.nan]])]
        gradients = [softmax_cross_entropy(z[-1] @ last, self.labels)[1] @ last.T]
        for W, layer in zip(reversed(weights), reversed(layers), strict=True):
            gradients.append(layer.backward(gradients[-1]) @ W.T)
        return z, before, gradients[::-1]


def at_most(name, value, most):
    """The value, or `most` for None (TypeError, ValueError unless it is in 1 ... most)."""
    if value is None:
        return most
    check_count(name, value)
    if value > most:
        raise ValueError(f"{name} must be at most {most}, got {value}")
    return value
