"""The third suspect, the edge of stability, and both measurements on one network: C21c and C21d."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from course_utils.data import load_mnist, shrunk
from course_utils.experiments.claims import Claim
from course_utils.experiments.curvature import flatten, loss_and_gradient
from course_utils.experiments.landscape import Moment, descent
from course_utils.lessons.why_does_batch_norm_work import pieces
from course_utils.lessons.why_does_batch_norm_work.experiments import REACH, View, look
from course_utils.nn import SGD, mlp, squared_error


@cache
def everything():
    """The one batch: 500 digits of 14 × 14 pixels from 0 to 1, and their classes as ones in rows."""
    images, labels = load_mnist()
    return shrunk(images[:500]).astype(np.float64), np.eye(10)[labels[:500]]


def network(norm, seed, c=1.0, activation="tanh"):
    """196-50-50-10 with a small last layer, in float64: its sharpness starts low."""
    options = {"c": c, "last_c": 0.05, "activation": activation, "dtype": np.float64}
    return mlp([196, 50, 50, 10], norm=norm, rng=np.random.default_rng([seed, 0]), **options)


def finder(hessian_product, power_iteration, products=10):
    """For `descent`: the sharpness found by one's own product and power iteration.

    Parameters
    ----------
    hessian_product, power_iteration : callable
        As in `pieces`.
    products : int
        A measurement; three times as many for the first, which has no direction to start from.
    """

    def find(network, x, labels, loss, *, first, rng, tolerance=None):
        w = flatten(network.params)
        v = rng.standard_normal(w.size) if first is None else first

        def gradient(w):
            return loss_and_gradient(network, w, x, labels, loss)[1]

        def product(v):
            return hessian_product(gradient, w, v)

        turns = products if first is not None else 3 * products
        with np.errstate(over="ignore", invalid="ignore"):
            value, v = power_iteration(product, v, turns)
        return np.array([value]), np.array([v])

    return find


OURS = finder(pieces.hessian_product, pieces.power_iteration)


def path(start, lr, steps, seed, find=OURS, every=20):
    """The moments of gradient descent on `everything` from a network: a generator (`descent`)."""
    rng = np.random.default_rng([seed, 4])
    options = {"steps": steps, "every": every, "find": find, "rng": rng}
    return descent(start, SGD(start, lr), *everything(), squared_error, **options)


def measured(moments):
    """Those of some moments at which the sharpness was measured, a list."""
    return [moment for moment in moments if moment.sharpness is not None]


def last_third(numbers):
    """The median over the last third of training."""
    return float(np.median(numbers[2 * len(numbers) // 3 :]))


# Claim C21c

PATHS = {  # norm, learning rate, steps
    "without, η = 0.175": (None, 0.175, 620),
    "without, η = 0.2": (None, 0.2, 480),
    "without, η = 0.25": (None, 0.25, 360),
    "BN, η = 0.25": ("batch", 0.25, 480),
    "BN, η = 0.3": ("batch", 0.3, 400),
}


def edges(train, test, seed, find=OURS):
    """The runs of claim C21c: the moments of each of PATHS. The digits are `everything`."""
    return {
        name: list(path(network(norm, seed), lr, steps, seed, find))
        for name, (norm, lr, steps) in PATHS.items()
    }


def c21c_numbers(runs):
    """What claim C21c is judged by: sharpness and smoothness in units of 2 / η, losses."""
    numbers = {}
    for name, moments in runs.items():
        found = measured(moments)
        numbers[f"start, {name}"] = found[0].edge
        numbers[f"sharpness, {name}"] = last_third([moment.edge for moment in found])
        smoothness = [moment.smoothness * moment.lr / 2 for moment in found]
        numbers[f"smoothness, {name}"] = last_third(smoothness)
        numbers[f"loss ratio, {name}"] = moments[-1].loss / moments[0].loss
    return numbers


def c21c_holds(numbers):
    """Whether every sharpness starts below 2 / η, comes to it and stays, while the loss falls."""
    return all(
        numbers[f"start, {name}"] < 0.8
        and 0.9 < numbers[f"sharpness, {name}"] < 1.35
        and numbers[f"loss ratio, {name}"] < 0.5
        for name in PATHS
    )


C21c = Claim(
    id="C21c",
    statement="Under full-batch gradient descent the sharpness rises to 2/η and hovers there, "
    "without batch norm and with it, while the loss goes on falling",
    conditions="196-50-50-10 with tanh and a small last layer, squared error, 500 digits; η = 0.175, "
    "0.2 and 0.25 without batch norm, 0.25 and 0.3 with it; in units of 2/η: starts below 0.8, "
    "median of the last third of 360 to 620 steps between 0.9 and 1.35; the loss at least halved",
    run=edges,
    numbers=c21c_numbers,
    holds=c21c_holds,
    seeds=(3,),
)


# Claim C21d: both measurements on one network

SIDE_BY_SIDE = {  # norm, learning rate
    "without, η = 0.3": (None, 0.3),
    "BN, η = 0.3": ("batch", 0.3),
    "BN, η = 0.6": ("batch", 0.6),
}


@dataclass(frozen=True)
class Both:
    """The two measurements at one step of gradient descent."""

    moment: Moment
    view: View


def both(norm, lr, seed, find=OURS, along=pieces.along_gradient, steps=240):
    """Sharpness, and the loss along the gradient, on the way of a network: a list of `Both`."""
    descending, found = network(norm, seed, c=2.0), []
    for moment in path(descending, lr, steps, seed, find):
        if moment.sharpness is not None:
            view = look(descending, lr * REACH, *everything(), squared_error, along)
            found.append(Both(moment, view))
    return found


def side_by_side(train, test, seed, find=OURS, along=pieces.along_gradient):
    """The runs of claim C21d: `both` for each of SIDE_BY_SIDE."""
    return {name: both(norm, lr, seed, find, along) for name, (norm, lr) in SIDE_BY_SIDE.items()}


def c21d_numbers(runs):
    """What claim C21d is judged by: medians over the last third."""
    numbers = {}
    for name, found in runs.items():
        moments = [each.moment for each in found]
        numbers[f"sharpness, {name}"] = last_third([moment.edge for moment in moments])
        smoothness = [moment.smoothness * moment.lr / 2 for moment in moments]
        numbers[f"smoothness, {name}"] = last_third(smoothness)
        numbers[f"range, {name}"] = last_third([each.view.range for each in found])
        numbers[f"loss, {name}"] = moments[-1].loss
    return numbers


def c21d_holds(numbers):
    """Whether one step size parts the two networks, and two step sizes bring them together."""
    plain, same, large = SIDE_BY_SIDE
    return (
        all(0.9 < numbers[f"sharpness, {name}"] < 1.35 for name in (plain, large))
        and all(0.8 < numbers[f"smoothness, {name}"] < 1.2 for name in (plain, large))
        and numbers[f"smoothness, {same}"] < 0.5 * numbers[f"smoothness, {plain}"]
        and numbers[f"range, {same}"] < 0.5 * numbers[f"range, {plain}"]
    )


C21d = Claim(
    id="C21d",
    statement="On one network both hold: at the same η the loss along the gradient is smoother with "
    "batch norm; with batch norm at twice that η its sharpness and its effective smoothness "
    "hover at 2/η, as they do without",
    conditions="the network of C21c with c = 2, full batch, 240 steps; η = 0.3 without batch norm, "
    "0.3 and 0.6 with; medians of the last third, in units of 2/η: "
    "sharpness 0.9 to 1.35, effective smoothness 0.8 to 1.2; smoother: range and effective "
    "smoothness less than half",
    run=side_by_side,
    numbers=c21d_numbers,
    holds=c21d_holds,
    seeds=(3,),
)
