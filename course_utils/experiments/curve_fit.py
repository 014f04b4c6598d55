"""A curve fitted to a few noisy points, and the norm of the weights while it is fitted."""

from itertools import repeat

import numpy as np

from course_utils.experiments.training import training_steps
from course_utils.experiments.vitals import weight_norm
from course_utils.nn import mlp, squared_error

EDGE = 1.2  # of the interval where the curve is looked at, on both sides of zero
GRID = np.linspace(-EDGE, EDGE, 241)[:, None]


def truth(x):
    """The curve behind the noise: a sine of period 2."""
    return np.sin(np.pi * x)


def noisy_sine(noise, draw, m=15):
    """m points of a sine with normal noise: x and y, shape (m, 1), x in about [-1, 1]."""
    rng = np.random.default_rng(draw)
    x = np.linspace(-1, 1, m)[:, None] + rng.uniform(-0.04, 0.04, (m, 1))
    return x, truth(x) + noise * rng.standard_normal((m, 1))


def curve_network(seed=0, width=50):
    """A tanh network from one number to one, whose units bend all over [-1, 1] from the start."""
    rng = np.random.default_rng(seed)
    network = mlp([1, width, width, 1], activation="tanh", c=1.0, rng=rng, dtype=np.float64)
    network.params["0.W"][:] = 6 * rng.standard_normal((1, width))
    network.params["0.b"][:] = 6 * rng.uniform(-1, 1, width)
    return network


def fitting(make, noise, draw, steps):
    """Fit the curve to `noisy_sine`; at each fortieth of the way, what there is to see.

    Parameters
    ----------
    make : callable
        ``make(network)`` makes the optimizer.
    noise : float
    draw : int
        From 0.
    steps : int
        Each on all points.

    Yields
    ------
    dict
        The points, "x" and "y", the network on `GRID`, "fit", and "norms" of its weights at
        these "steps".
    """
    x, y = noisy_sine(noise, draw + 1)
    network = curve_network()
    optimizer, seen, norms = make(network), [0], [weight_norm(network)]
    losses = training_steps(network, optimizer, repeat((x, y)), squared_error, steps=steps)
    for step, _ in enumerate(losses, start=1):
        if step % (steps // 40) == 0:
            seen.append(step)
            norms.append(weight_norm(network))
            yield {"x": x, "y": y, "fit": network.forward(GRID), "steps": seen, "norms": norms}


def off_truth(fit):
    """Root mean square distance of a curve on `GRID` from the truth, within [-1, 1]."""
    off = (np.ravel(fit) - truth(GRID.ravel()))[np.abs(GRID.ravel()) <= 1]
    return float(np.sqrt(np.mean(off**2)))


def distances(x, y, fit):
    """Root mean square distance of a curve on `GRID` from the points (x, y), and `off_truth`."""
    off_data = np.interp(np.ravel(x), GRID.ravel(), np.ravel(fit)) - np.ravel(y)
    return float(np.sqrt(np.mean(off_data**2))), off_truth(fit)
