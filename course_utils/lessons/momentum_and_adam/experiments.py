"""A valley, an optimizer that takes any update, PyTorch's trajectories, and norms under decay."""

from functools import partial
from pathlib import Path

import numpy as np

from course_utils.checks import check_choice
from course_utils.data import minibatches
from course_utils.experiments.curve_fit import fitting
from course_utils.experiments.training import training_steps
from course_utils.experiments.vitals import weight_matrices
from course_utils.nn import (
    LayerNorm,
    Linear,
    Sequential,
    Tanh,
    mlp,
    relative_error,
    softmax_cross_entropy,
)
from course_utils.nn.optim import is_weight


class Optimizer:
    """Any update, with any decay of the weight matrices, on every parameter of a network.

    Parameters
    ----------
    network : layer
    lr : float
    update : callable
        ``update(W, grad, memory, t, lr)`` gives the new W and the new memory, two arrays of W's
        shape that are zero at first; t counts the steps from 1.
    decay : callable
        ``decay(update, W, grad, lr, weight_decay)``, with an update that takes W and grad only.
    weight_decay : float
        Zero for what is no weight matrix.
    """

    def __init__(self, network, lr, update, decay, weight_decay=0.0):
        self.network, self.lr, self.update = network, lr, update
        self.decay, self.weight_decay, self.t = decay, weight_decay, 0
        self.memory = {key: (0 * param, 0 * param) for key, param in network.params.items()}

    def step(self):
        """Update every parameter once."""
        self.t += 1
        grads = dict(self.network.grads.items())
        for key, param in self.network.params.items():
            lam = self.weight_decay if is_weight(key) else 0
            update = partial(self.update, memory=self.memory[key], t=self.t, lr=self.lr)
            new = self.decay(update, param.copy(), grads[key], self.lr, lam)
            param[:], self.memory[key] = new


# A valley


def valley(angle=0.0, curvatures=(0.01, 1.0)):
    """The Hessian H of a loss w H w / 2 that is flat along one axis and steep along the other.

    Parameters
    ----------
    angle : float
        In degrees, by which the flat axis is turned from the first coordinate's.
    curvatures : (float, float)
        Of the flat axis and of the steep one.

    Returns
    -------
    ndarray, shape (2, 2)
    """
    axes = rotation(angle)
    return axes @ np.diag(curvatures) @ axes.T


def rotation(angle):
    """The matrix that turns the plane by an angle in degrees."""
    turn = np.deg2rad(angle)
    return np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])


def descend(update, H, start, lr, steps):
    """The points of a descent on w H w / 2 from `start` with an update: shape (steps + 1, 2)."""
    points, memory = [np.array(start, dtype=float)], (np.zeros(2), np.zeros(2))
    for t in range(1, steps + 1):
        w, memory = update(points[-1].copy(), H @ points[-1], memory, t, lr)
        points.append(w)
    return np.array(points)


def steps_needed(points, share=0.01):
    """After how many steps the distance from zero stays below a share of the first one; or None."""
    distances = np.linalg.norm(points, axis=1)
    far = np.flatnonzero(~(distances < share * distances[0]))
    return int(far[-1]) + 1 if far[-1] + 1 < len(points) else None


# Weights that are pulled by nothing but decay, or by gradients made up for the purpose


def driven(make, gradients):
    """The weights that a sequence of gradients, arrays (n,), leaves of n weights that start at 1.

    ``make(network)`` makes the optimizer.
    """
    gradients = list(gradients)
    layer = Linear(1, len(gradients[0]), dtype=np.float64)
    layer.params["W"][:] = 1
    optimizer = make(layer)
    for gradient in gradients:
        layer.grads.update(W=np.array([gradient], dtype=float), b=0 * layer.params["b"])
        optimizer.step()
    return layer.params["W"][0]


def trained_weights(make, train, seed, steps):
    """All weights of a network 784-32-10 in float64 after training, one vector.

    Parameters
    ----------
    make : callable
        ``make(network)`` makes the optimizer.
    train : (ndarray, ndarray)
    seed, steps : int
    """
    network = mlp([784, 32, 10], rng=np.random.default_rng([seed, 0]), dtype=np.float64)
    batches = minibatches(*train, 50, np.random.default_rng([seed, 1]), epochs=None)
    for _ in training_steps(network, make(network), batches, steps=steps):
        pass
    return np.concatenate([W.ravel() for W in weight_matrices(network)])


# PyTorch's trajectories

TORCH = Path(__file__).resolve().parents[3] / "data" / "torch_reference.npz"


def off_pytorch(name, make):
    """How far fifty steps of a small network are off PyTorch's, relative to each array's size.

    Parameters
    ----------
    name : str
        Of a stored trajectory: see tools/make_torch_reference.py, which made them.
    make : callable
        ``make(network)`` makes the optimizer.

    Returns
    -------
    float
        The largest difference of any parameter after 1, 2, 10 or 50 steps.

    Raises
    ------
    ValueError
        For another name.
    """
    with np.load(TORCH) as file:
        stored = {key: file[key] for key in file.files if key.startswith("trajectory/")}
    parts = [key.split("/") for key in stored]
    check_choice("name", name, sorted({each[1] for each in parts if len(each) == 4}))
    f64 = {"dtype": np.float64}
    network = Sequential([Linear(4, 5, **f64), Tanh(), LayerNorm(5, **f64), Linear(5, 3, **f64)])
    for key, param in network.params.items():
        param[:] = stored[f"trajectory/0/{key}"]
    optimizer, off = make(network), []
    batches = zip(stored["trajectory/x"], stored["trajectory/labels"])
    for step, (x, labels) in enumerate(batches, start=1):
        network.backward(softmax_cross_entropy(network.forward(x), labels)[1])
        optimizer.step()
        for key, param in network.params.items():
            theirs = stored.get(f"trajectory/{name}/{step}/{key}")
            if theirs is not None:
                off.append(relative_error(param, theirs))
    return max(off)


# One fit, several optimizers


def fitting_with(makers, draw, steps):
    """The fits of `fitting` with several optimizers at once, in slices.

    Parameters
    ----------
    makers : dict of str to callable
        ``make(network)`` makes the optimizer.
    draw, steps : int

    Yields
    ------
    dict of str to dict of str to dict
        "fits", and by name what `fitting` yields.
    """
    runs = [fitting(make, 0.4, draw, steps) for make in makers.values()]
    for shown in zip(*runs):
        yield {"fits": dict(zip(makers, shown))}
