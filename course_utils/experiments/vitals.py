"""The vital signs of a network in training: what goes on inside it, layer by layer, on one batch."""

import contextlib
import copy
from dataclasses import dataclass

import numpy as np

from course_utils.experiments.training import layers_of
from course_utils.nn import NonFiniteError, softmax_cross_entropy
from course_utils.nn.optim import is_weight


@dataclass(frozen=True)
class VitalSigns:
    """A network's vital signs on one batch; one entry a weight matrix, from input to output.

    Attributes
    ----------
    activation : ndarray, shape (layers,)
        Mean length of the rows of each block's output, a block being a layer with a weight matrix
        and what follows it up to the next one.
    gradient : ndarray, shape (layers,)
        Length (Frobenius norm) of the gradient of each weight matrix.
    update_ratio : ndarray, shape (layers,)
        How far the optimizer's next step would move each weight matrix, over the matrix's length:
        ||W after - W before|| / ||W before||, momentum, decay and rounding included.
    dead : ndarray, shape (layers,)
        Share of the block's units that somewhere in the block give the same number for every
        example: a ReLU that is closed to all of them passes no signal and no gradient, whatever a
        normalization behind it makes of its zeros. NaN where outputs are not finite.
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


def mean_cosine(rows):
    """Mean cosine of the angle between two different rows."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return float(np.mean((unit @ unit.T)[np.triu_indices(len(rows), k=1)]))


def length(W):
    """Euclidean length of all entries of W together (Frobenius norm), in float64."""
    return float(np.linalg.norm(W.astype(np.float64)))


def weight_matrices(network):
    """The network's weight matrices, a list."""
    return [param for key, param in network.params.items() if is_weight(key)]


def weight_norm(network):
    """The root of the sum of all squared weights, biases and the like left out."""
    return float(np.sqrt(sum(np.sum(np.square(W)) for W in weight_matrices(network))))


def weights_of(network):
    """All parameters in one row, biases included, in float64."""
    return np.concatenate([p.ravel().astype(np.float64) for p in network.params.values()])


@contextlib.contextmanager
def recorded(network):
    """Keep what each layer puts out while it lasts: a list of (layer, output) in the order of time.

    The layers are those of `layers_of`, with skip connections around them or not.
    """
    outputs = []

    def keeping(layer, forward):
        def forward_and_keep(x):
            y = forward(x)
            outputs.append((layer, y))
            return y

        return forward_and_keep

    layers = {id(layer): layer for layer in layers_of(network)}.values()  # one may stand twice
    for layer in layers:
        layer.forward = keeping(layer, layer.forward)
    try:
        yield outputs
    finally:
        for layer in layers:
            del layer.forward  # the class has its own


def by_block(outputs):
    """What `recorded` kept, in groups: a new one at every weight matrix but the first."""
    groups = []
    for layer, y in outputs:
        if not groups or (
            "W" in layer.params and any("W" in each.params for each, _ in groups[-1])
        ):
            groups.append([])
        groups[-1].append((layer, y))
    return groups


def vital_signs(network, optimizer, x, labels, loss=softmax_cross_entropy):
    """Measure a network on one batch, in its present mode, and leave it as it was.

    From where a BatchNorm layer in training mode refuses a batch that is not finite, all is NaN.
    With skip connections a block's output is what the next weight matrix reads, as without.

    Parameters
    ----------
    network : Sequential
    optimizer : object with ``step()``
        The network's own; a copy of it takes one step on a copy of the network.
    x : ndarray, shape (m, n)
    labels : ndarray of int, shape (m,)
    loss : callable
        ``loss(output, labels) -> (value, gradient)``.

    Returns
    -------
    VitalSigns
    """
    network, optimizer = copy.deepcopy((network, optimizer))  # together: one holds the other
    return signs_of_step(network, optimizer, x, labels, loss)


def signs_of_step(network, optimizer, x, labels, loss=softmax_cross_entropy):
    """Take a training step and measure it: `vital_signs` without the copy.

    The parameters move as in any other step, also where the loss is not finite.
    """
    linears = [layer for layer in layers_of(network) if "W" in layer.params]
    activation, dead, gradient, ratio = np.full((4, len(linears)), np.nan)
    value, grad = np.nan, None
    with np.errstate(over="ignore", invalid="ignore"):
        with recorded(network) as outputs, contextlib.suppress(NonFiniteError):
            value, grad = loss(network.forward(x), labels)
        refused = grad is None  # by a layer in the midst of the last block
        for i, block in enumerate(by_block(outputs)[: -1 if refused else None]):
            z = block[-1][1]
            activation[i] = mean_norm(z)
            dead[i] = silent(block).mean() if np.isfinite(z).all() else np.nan
        if not refused:
            network.backward(grad, input_grad=False)
            gradient[:] = [length(linear.grads["W"]) for linear in linears]
            before = [linear.params["W"].astype(np.float64) for linear in linears]
            optimizer.step()
            after = [linear.params["W"] for linear in linears]
            ratio[:] = [moved(*pair) for pair in zip(before, after, strict=True)]
    return VitalSigns(activation, gradient, ratio, dead, value)


def silent(block):
    """Which units of a block say the same to every example, from its weight matrix on, shape (n,).

    `block` is a list of (layer, output), as from `by_block`.
    """
    start = next((i for i, (layer, _) in enumerate(block) if "W" in layer.params), 0)
    return np.any([np.ptp(y, axis=0) == 0 for _, y in block[start:]], axis=0)


def moved(before, after):
    """The length of after - before over that of before; 0 for weights that are all zero."""
    start = length(before)
    return length(after - before) / start if start else 0.0
