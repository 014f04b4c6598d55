"""What several test files share."""

import asyncio
import io

import numpy as np
from PIL import Image

from course_utils.data import two_moons
from course_utils.experiments import VitalSigns
from course_utils.experiments.curve_fit import GRID
from course_utils.experiments.norms import Norms
from course_utils.nn import SGD, BatchNorm, mlp, softmax_cross_entropy

NAN, INF = np.nan, np.inf


def rng(seed=0):
    return np.random.default_rng(seed)


def normal(*shape, seed=0, dtype=np.float64):
    return rng(seed).standard_normal(shape).astype(dtype)


def moons(m=200, seed=0):
    return two_moons(m, rng(seed))


def clusters(m=60, n=6, seed=0):
    """Examples around ten class centers, with their labels."""
    labels = np.arange(m) % 10
    centers = rng(99).standard_normal((10, n))
    return (2 * centers[labels] + rng(seed).standard_normal((m, n))).astype(np.float32), labels


def batch_normed(**options):
    """A small network with batch norm, before training."""
    return mlp([6, 8, 8, 10], rng=rng(1), **{"norm": "batch"} | options)


def trained_on_clusters(steps=200):
    """The same, trained on `clusters`, in evaluation mode."""
    network, (x, labels) = batch_normed(), clusters(600)
    optimizer = SGD(network, 0.1)
    for _ in range(steps):
        _, grad = softmax_cross_entropy(network.forward(x), labels)
        network.backward(grad)
        optimizer.step()
    return network.eval()


def share_wrong(network, x, labels):
    """Share of wrong answers in the network's present mode."""
    return np.mean(network.forward(x).argmax(axis=1) != labels)


def state(network):
    """Copies of all that a network remembers about its training."""
    arrays = {key: param.copy() for key, param in network.params.items()}
    for i, layer in enumerate(network.layers):
        if isinstance(layer, BatchNorm):
            arrays[f"{i}.mean"], arrays[f"{i}.var"] = layer.running_mean, layer.running_var
    return {key: array.copy() for key, array in arrays.items()}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


class Series:
    """Values looked up by a label of their own, as in a pandas Series: here backwards."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def __len__(self):
        return len(self.values)

    def __getitem__(self, labels):
        return Series(self.values[::-1][labels])

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)


class Interrupting(SGD):
    """Presses the interrupt button in the middle of a given step."""

    def __init__(self, network, lr, at):
        super().__init__(network, lr)
        self.left = at

    def step(self):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        super().step()


def signs(activation, gradient, ratio, dead, loss):
    """Vital signs as they might be measured."""
    rows = (np.array(row, dtype=float) for row in (activation, gradient, ratio, dead))
    return VitalSigns(*rows, loss)


def norms(forward, backward=None, expected=1.0):
    """Norms by layer as they might be measured, with a flat theory."""
    forward = np.array(forward, float)
    backward = np.ones(len(forward)) if backward is None else np.array(backward, float)
    before = [np.full((2, 2), expected / 2)] * (len(forward) - 1)
    theory = np.full(len(forward), expected)
    return Norms(forward, backward, theory, theory / 2, before, theory[1:])


def fitted(x, y, fit, steps, norms):
    """What `fitting` yields, with one number as the whole curve."""
    return {"x": x, "y": y, "fit": np.full(GRID.shape, fit), "steps": steps, "norms": norms}


def rms(x):
    """Root mean square of all entries."""
    return np.sqrt(np.mean(x**2))


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def count(png, color):
    """Pixels of exactly this color."""
    rgb = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return (pixels(png) == rgb).all(axis=2).sum()


def inside(widget):
    """A widget and all widgets in it."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from inside(child)


async def until(condition):
    """Wait, in a loop, for what is soon to be so."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("waited in vain")
