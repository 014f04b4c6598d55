"""A curve fitted to a few noisy points, and the norm of the weights while it is fitted."""

from itertools import repeat

import numpy as np

from course_utils.experiments.training import training_steps
from course_utils.experiments.vitals import weight_norm
from course_utils.nn import mlp, squared_error


def noisy_sine(noise, draw, m=15):
    """m points of a sine with normal noise: x and y, shape (m, 1), x in about [-1, 1]."""
    rng = np.random.default_rng(draw)
    x = np.linspace(-1, 1, m)[:, None] + rng.uniform(-0.04, 0.04, (m, 1))
    return x, np.sin(np.pi * x) + noise * rng.standard_normal((m, 1))


def curve_network(seed=0, width=50):
    """A tanh network from one number to one, whose units bend all over [-1, 1] from the start."""
    rng = np.random.default_rng(seed)
    network = mlp([1, width, width, 1], activation="tanh", c=1.0, rng=rng, dtype=np.float64)
    network.params["0.W"][:] = 6 * rng.standard_normal((1, width))
    network.params["0.b"][:] = 6 * rng.uniform(-1, 1, width)
    return network


def fitting(make, noise, draw, grid, steps):
    """Fit the curve to `noisy_sine`; at each fortieth of the way, what there is to see.

    Parameters
    ----------
    make : callable
        ``make(network)`` makes the optimizer.
    noise : float
    draw : int
        From 0.
    grid : ndarray, shape (points, 1)
        Where the network is looked at.
    steps : int
        Each on all points.

    Yields
    ------
    dict
        The points, "x" and "y", the network on the grid, "fit", and "norms" of its weights at
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
            yield {"x": x, "y": y, "fit": network.forward(grid), "steps": seen, "norms": norms}


def distances(shown, grid):
    """Root mean square distance of a fitted curve from the data and, within [-1, 1], the truth.

    `shown` is what `fitting` yields.
    """
    fit, inside = shown["fit"].ravel(), np.abs(grid.ravel()) <= 1
    off_data = np.interp(shown["x"].ravel(), grid.ravel(), fit) - shown["y"].ravel()
    off_truth = (fit - np.sin(np.pi * grid.ravel()))[inside]
    return float(np.sqrt(np.mean(off_data**2))), float(np.sqrt(np.mean(off_truth**2)))
