"""What layer norm does not see, what it does to training, and what it loses: claims C3 to C5."""

import copy
from dataclasses import dataclass, replace

import numpy as np

from course_utils.checks import check_choice
from course_utils.experiments.claims import Claim
from course_utils.experiments.comparison import run_sides, side
from course_utils.experiments.training import GUESSING
from course_utils.experiments.vitals import vital_signs
from course_utils.nn import SGD, LayerNorm, Sequential, mlp, softmax

# What the layer does not see


def scaled(network, index, factor, bias):
    """A copy of a network with one layer's W, and b too if `bias`, times a factor."""
    network = copy.deepcopy(network)
    params = network.layers[index].params
    for name in ("W", "b") if bias else ("W",):
        params[name] *= factor
    return network


def change_of_predictions(network, x, index, factors, bias):
    """How far scaling one layer moves the predicted probabilities.

    Returns
    -------
    ndarray, shape (len(factors),)
        Mean over the examples of the total variation distance (half the sum of the absolute
        differences): 0 for the same predictions, 1 for opposite ones.
    """
    before = softmax(network.forward(x))
    after = [softmax(scaled(network, index, factor, bias).forward(x)) for factor in factors]
    return np.array([np.abs(p - before).sum(axis=1).mean() / 2 for p in after])


# Claims C3 and C4: every c

PLACES = {  # of layer norm, in the lecture's form: options of `mlp`
    "none": {},
    "layer norm": {"norm": "layer", "norm_position": "after", "affine": False},
    "layer norm before": {"norm": "layer", "norm_position": "before", "affine": False},
}
DEEP = [784] + 20 * [50] + [10]


def scale_sides():
    """c = 1, 2, 3 without layer norm and with it, after ReLU."""
    return {
        f"{place}, c = {c}": side(DEEP, lr=0.015, c=c, **PLACES[place])
        for place in ("none", "layer norm")
        for c in (1, 2, 3)
    }


def norms_at_start(train, test, seed):
    """What claim C3 compares, before training: by side, the norm behind each hidden layer."""
    images, labels = (array[:500] for array in train)
    norms = {}
    for name, make in scale_sides().items():
        network, optimizer = make(np.random.default_rng([seed, 0]))
        norms[name] = vital_signs(network, optimizer, images, labels).activation[:-1]
    return norms


def c3_numbers(norms):
    """What claim C3 is judged by: how equal the norms are, with and without layer norm."""
    normalized = np.array([norms[f"layer norm, c = {c}"] for c in (1, 2, 3)])
    return {
        "layer norm: largest |norm / sqrt(width) - 1|": np.abs(normalized / np.sqrt(50) - 1).max(),
        "none: last norm at c = 3 over c = 1": norms["none, c = 3"][-1] / norms["none, c = 1"][-1],
    }


C3 = Claim(
    id="C3",
    statement="Behind layer norm every layer's activations have norm sqrt(width), for every c",
    conditions="20 hidden layers of 50 units, c = 1, 2, 3, before training, to a thousandth; "
    "without it the last norms differ more than a thousandfold",
    run=norms_at_start,
    numbers=c3_numbers,
    holds=lambda numbers: (
        numbers["layer norm: largest |norm / sqrt(width) - 1|"] < 1e-3
        and numbers["none: last norm at c = 3 over c = 1"] > 1000
    ),
)


def train_scales(train, test, seed):
    """The runs of claim C4, 600 steps each."""
    return run_sides(scale_sides(), train, test, seed, steps=600, batch_size=50)


def last_losses(runs):
    """By side, the mean loss over the last 50 steps; NaN where the run diverged."""
    return {name: np.mean(run.losses[-50:]) for name, run in runs.items()}


def c4_numbers(runs):
    """What claim C4 is judged by: the losses at the end."""
    return {f"loss, {name}": loss for name, loss in last_losses(runs).items()}


C4 = Claim(
    id="C4",
    statement="With layer norm c = 1, 2 and 3 all train; without it, of these, only c = 2 does",
    conditions="20 hidden layers of 50 units, layer norm after ReLU without scale and shift, "
    "learning rate 0.015, 600 steps",
    run=train_scales,
    numbers=c4_numbers,
    holds=lambda numbers: (
        all(numbers[f"loss, layer norm, c = {c}"] < GUESSING - 0.2 for c in (1, 2, 3))
        and numbers["loss, none, c = 2"] < GUESSING - 0.2
        and numbers["loss, none, c = 1"] > GUESSING - 0.1
        and not np.isfinite(numbers["loss, none, c = 3"])
    ),
)


# Claim C5: harder to train to low loss


@dataclass(frozen=True)
class Setting:
    """A network and a budget, in which all `PLACES` of layer norm are compared over rates."""

    depth: int
    width: int
    examples: int
    steps: int
    batch_size: int
    rates: tuple

    def train(self, train, test, seed):
        """One seed's runs at c = 2, by "place, lr rate"."""
        widths = [784] + self.depth * [self.width] + [10]
        sides = {
            f"{place}, lr {lr:g}": side(widths, lr, **options)
            for place, options in PLACES.items()
            for lr in self.rates
        }
        few = tuple(array[: self.examples] for array in train)
        budget = {"steps": self.steps, "batch_size": self.batch_size}
        return run_sides(sides, few, test, seed, **budget)


SETTINGS = {
    "20 x 50": Setting(20, 50, 60_000, 600, 50, rates=(0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1)),
    "3 x 100": Setting(3, 100, 5000, 600, 100, rates=(0.05, 0.1, 0.2, 0.3, 0.5)),
    "3 x 100, longer": Setting(3, 100, 5000, 1200, 50, rates=(0.05, 0.1, 0.2, 0.3, 0.5)),
}


JUDGED = {"20 x 50": replace(SETTINGS["20 x 50"], rates=(0.03,))}  # what claim C5 is judged on


def train_settings(train, test, seed, settings=SETTINGS):
    """The runs of claim C5 in all settings, by "setting, place, lr rate"."""
    return {
        f"{name}, {side_name}": run
        for name, setting in settings.items()
        for side_name, run in setting.train(train, test, seed).items()
    }


C5 = Claim(
    id="C5",
    statement="With layer norm a fully connected network is harder to train to low loss",
    conditions="20 hidden layers of 50 units, c = 2, layer norm after ReLU without scale and "
    "shift, learning rate 0.03, 600 steps, and with the best rate for each; not 3 layers of 100 "
    "units, 600 steps",
    run=train_settings,
    numbers=last_losses,
    holds=lambda numbers: (
        numbers["20 x 50, layer norm, lr 0.03"] > 1.1 * numbers["20 x 50, none, lr 0.03"]
    ),
)


def losses_by_rate(setting, place):
    """From the table of claim C5: the losses of all seeds by learning rate."""
    return {lr: C5.number(f"{setting}, {place}, lr {lr:g}") for lr in SETTINGS[setting].rates}


# What is lost with the norm


def two_lengths(m, n, rng):
    """A toy problem: rows in random directions, whose class is their length alone.

    Returns
    -------
    points : ndarray, shape (m, n), float32
        Of length about sqrt(n) / 1.5 (class 0) or twice that (class 1), give or take a tenth.
    labels : ndarray of int, shape (m,)
        0 and 1 in turn.
    """
    labels = np.arange(m) % 2
    directions = rng.standard_normal((m, n))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    length = np.sqrt(n) / 1.5 * (1 + labels) * rng.uniform(0.9, 1.1, m)
    return (length[:, None] * directions).astype(np.float32), labels


def toy_side(normalized, n=20, lr=0.3):
    """A side for `compare`: n features, two classes, two hidden layers of 32 units.

    `normalized` is "none", "hidden" (layer norm after each ReLU) or "input" (on the input only).
    """
    check_choice("normalized", normalized, ("none", "hidden", "input"))

    def make(rng):
        place = "layer norm" if normalized == "hidden" else "none"
        network = mlp([n, 32, 32, 2], rng=rng, **PLACES[place])
        if normalized == "input":
            network = Sequential([LayerNorm(n, affine=False), *network.layers])
        return network, SGD(network, lr)

    return make
