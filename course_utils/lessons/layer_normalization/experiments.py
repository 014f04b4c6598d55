"""What layer norm does to norms, angles and training, and what it loses: claims C3 to C5.

`norm` is everywhere a class of layers, ``norm(n, affine=False)``: the library's, or a student's.
"""

import copy
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from course_utils.checks import check_choice
from course_utils.data import circles
from course_utils.experiments.claims import Claim
from course_utils.experiments.comparison import run_sides, side
from course_utils.experiments.norms import BLOCKS, find_block
from course_utils.experiments.training import GUESSING, training_steps
from course_utils.experiments.vitals import mean_cosine, vital_signs
from course_utils.nn import SGD, Layer, LayerNorm, ReLU, Sequential, mlp, softmax


class ScaledAndShifted(Layer):
    """What LayerNorm is built on: a layer of n features with gamma and beta, if `affine`."""

    def __init__(self, n, eps=1e-5, affine=True):
        params = {}
        if affine:
            params = {"gamma": np.ones(n, np.float32), "beta": np.zeros(n, np.float32)}
        super().__init__(**params)
        self.eps, self.affine = eps, affine


def places(norm=LayerNorm):
    """The options of `mlp` for each place of layer norm, in the lecture's form (no gamma, beta)."""
    plain = partial(norm, affine=False)
    return {
        "none": {},
        "layer norm": {"norm": plain, "norm_position": "after"},
        "layer norm before": {"norm": plain, "norm_position": "before"},
    }


PLACES = places()


# Norms, gradients and angles before training


class Push(Layer):
    """Adds a constant to every entry, as positive biases do."""

    def __init__(self, amount):
        super().__init__()
        self.amount = amount

    def forward(self, x):
        return x + self.amount

    def backward(self, grad_y):
        return grad_y


def blocks(norm, push=0.0):
    """What follows a matrix, by place of layer norm; `push` is added in front of ReLU after it."""

    def after(n):
        return Sequential([Push(push), ReLU(), norm(n, affine=False)])

    def before(n):
        return Sequential([norm(n, affine=False), ReLU()])

    made = {"none": BLOCKS["relu"].make, "after": after, "before": before}
    names = {"none": "relu", "after": "layer norm after", "before": "layer norm before"}
    return {place: replace(BLOCKS[names[place]], make=make) for place, make in made.items()}


def growth(untrained, block, c=3.0, depth=30, width=100, draws=10):
    """What a layer multiplies the squared gradient by, from `depth` back to 1: mean over draws."""
    found = []
    for draw in range(draws):
        backward = untrained.norms(c, depth, width, block, draw).backward
        found.append((backward[1] / backward[depth]) ** (2 / (depth - 1)))
    return np.mean(found)


def cosines(untrained, block, c=2.0, draw=0):
    """Mean cosine between two digits behind layer 0 (the input), 1, 2, ..."""
    matrices, z = untrained.unscaled(draw)[:-1], untrained.x
    found = [mean_cosine(z)]
    for G in matrices:
        y = z @ (np.sqrt(c / len(G)) * G)
        z = find_block(block).make(G.shape[1]).forward(y)
        found.append(mean_cosine(z))
    return np.array(found)


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


class SecondLayerScaled:
    """Three networks that read digits, one for each place of layer norm, trained for 300 steps.

    Then one of their layers, the second, is scaled.

    Parameters
    ----------
    train, test : (ndarray, ndarray)
    norm : class of layers
    """

    FACTORS = 10 ** np.linspace(-4, 2, 31)

    def __init__(self, train, test, norm):
        self.examples = test[0][:200].astype(np.float64)
        self.networks = {place: few_steps(train, each) for place, each in places(norm).items()}
        self.changes = {
            (place, bias): self.change(place, self.FACTORS, bias)
            for place in self.networks
            for bias in (False, True)
        }

    def second(self, place):
        """The index of the second layer with weights."""
        return [i for i, each in enumerate(self.networks[place].layers) if "W" in each.params][1]

    def change(self, place, factors, bias):
        """`change_of_predictions` of one network."""
        network, index = self.networks[place], self.second(place)
        return change_of_predictions(network, self.examples, index, factors, bias)

    def show(self, factor, bias, place):
        """What the picture `ScaledLayer` shows."""
        network = self.networks[place]
        changed = scaled(network, self.second(place), factor, bias)
        before, now = (softmax(each.forward(self.examples[:1]))[0] for each in (network, changed))
        (change,) = self.change(place, [factor], bias)
        curves = {"alone": self.changes[place, False], "together": self.changes[place, True]}
        here = {"factor": factor, "change": change, "before": before, "now": now}
        return {"factors": self.FACTORS, **curves, **here}


def few_steps(train, options):
    """A network of three hidden layers of 50 units after 300 steps of 100 digits."""
    network = mlp([784, 50, 50, 50, 10], rng=np.random.default_rng(0), dtype=np.float64, **options)
    batches = ((train[0][i : i + 100], train[1][i : i + 100]) for i in range(0, 30_000, 100))
    for _ in training_steps(network, SGD(network, lr=0.1), batches):
        pass
    return network


def steps_at(c, norm, images, labels):
    """Lengths of the gradients, and steps over weights, of 20 layers' matrices at the start."""
    options = {"c": c, "last_c": 2, "dtype": np.float64, **places(norm)["layer norm"]}
    network = mlp(DEEP, rng=np.random.default_rng(0), **options)
    signs = vital_signs(network, SGD(network, lr=0.02), images, labels)
    return signs.gradient[:-1], signs.update_ratio[:-1]


# Claims C3 and C4: every c

DEEP = [784] + 20 * [50] + [10]


def scale_sides(norm=LayerNorm):
    """c = 1, 2, 3 without layer norm and with it, after ReLU."""
    return {
        f"{place}, c = {c}": side(DEEP, lr=0.01, c=c, **places(norm)[place])
        for place in ("none", "layer norm")
        for c in (1, 2, 3)
    }


def norms_at_start(train, test, seed, norm=LayerNorm):
    """What claim C3 compares, before training: by side, the norm behind each hidden layer."""
    images, labels = (array[:500] for array in train)
    norms = {}
    for name, make in scale_sides(norm).items():
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


def train_scales(train, test, seed, norm=LayerNorm):
    """The runs of claim C4, 600 steps each."""
    return run_sides(scale_sides(norm), train, None, seed, steps=600, batch_size=50)


def last_losses(runs):
    """By side, the mean loss over the last 50 steps; NaN where the run diverged."""
    return {name: np.mean(run.losses[-50:]) for name, run in runs.items()}


def c4_numbers(runs):
    """What claim C4 is judged by: the losses at the end."""
    return {f"loss, {name}": loss for name, loss in last_losses(runs).items()}


C4 = Claim(
    id="C4",
    statement="With layer norm c = 1, 2 and 3 all train at one learning rate; without it, at this "
    "rate, only c = 2 does",
    conditions="20 hidden layers of 50 units, layer norm after ReLU without scale and shift, "
    "learning rate 0.01, 600 steps of 50: a loss at least 0.2 below guessing; c = 1 without it "
    "ends within 0.1 of guessing, c = 3 not finite (each trains at a rate of its own: notebook 02)",
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
    only: tuple = ()  # these pairs of place and rate; empty: all

    def train(self, train, test, seed, norm=LayerNorm):
        """One seed's runs at c = 2, by "place, lr rate"."""
        widths = [784] + self.depth * [self.width] + [10]
        sides = {
            f"{place}, lr {lr:g}": side(widths, lr, **places(norm)[place])
            for place in PLACES
            for lr in self.rates
            if not self.only or (place, lr) in self.only
        }
        few = tuple(array[: self.examples] for array in train)
        budget = {"steps": self.steps, "batch_size": self.batch_size}
        return run_sides(sides, few, None, seed, **budget)


SETTINGS = {
    "20 x 50": Setting(20, 50, 60_000, 600, 50, rates=(0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1)),
    "3 x 100": Setting(3, 100, 5000, 600, 100, rates=(0.05, 0.1, 0.2, 0.3, 0.5)),
    "3 x 100, longer": Setting(3, 100, 5000, 1200, 50, rates=(0.05, 0.1, 0.2, 0.3, 0.5)),
}
AT_20 = (("none", 0.02), ("none", 0.03), ("layer norm", 0.005), ("layer norm", 0.03))
JUDGED = {  # what the notebook trains: at 20 layers both sides at 0.03, and where each does best
    "20 x 50": replace(SETTINGS["20 x 50"], only=AT_20),
    "3 x 100": replace(SETTINGS["3 x 100"], only=(("none", 0.05), ("layer norm", 0.05))),
}


def train_settings(train, test, seed, settings=SETTINGS, norm=LayerNorm):
    """The runs of claim C5 in all settings, by "setting, place, lr rate"."""
    return {
        f"{name}, {side_name}": run
        for name, setting in settings.items()
        for side_name, run in setting.train(train, test, seed, norm).items()
    }


def best_loss(numbers, setting, place):
    """The lowest of the losses at all rates that were tried; infinite where none is finite."""
    found = [loss for name, loss in numbers.items() if name.startswith(f"{setting}, {place}, ")]
    return min(loss if np.isfinite(loss) else np.inf for loss in found)


def harder_at_20_not_at_3(numbers):
    """What claim C5 says: a tenth more loss at one rate, and at the best for each; less at 3."""
    normed, without = (numbers[f"20 x 50, {place}, lr 0.03"] for place in ("layer norm", "none"))
    best, best_without = (best_loss(numbers, "20 x 50", place) for place in ("layer norm", "none"))
    shallow, plain = (numbers[f"3 x 100, {place}, lr 0.05"] for place in ("layer norm", "none"))
    return normed > 1.1 * without and best > 1.1 * best_without and shallow < plain


C5 = Claim(
    id="C5",
    statement="With layer norm a deep fully connected network is harder to train to low loss; at "
    "three layers it need not be",
    conditions="c = 2, layer norm after ReLU without scale and shift. 20 hidden layers of 50 "
    "units, 600 steps of 50: more than 1.1 times the loss at learning rate 0.03, and at the best "
    "rate for each of those tried from 0.0025 to 0.1. 3 layers of 100 units, 5,000 digits, 600 "
    "steps of 100, learning rate 0.05: less loss",
    run=train_settings,
    numbers=last_losses,
    holds=harder_at_20_not_at_3,
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


def toy_side(normalized, n=20, lr=0.3, norm=LayerNorm):
    """A side for `compare`: n features, two classes, two hidden layers of 32 units.

    `normalized` is "none", "hidden" (layer norm after each ReLU) or "input" (on the input only).
    """
    check_choice("normalized", normalized, ("none", "hidden", "input"))

    def make(rng):
        place = "layer norm" if normalized == "hidden" else "none"
        network = mlp([n, 32, 32, 2], rng=rng, **places(norm)[place])
        if normalized == "input":
            network = Sequential([norm(n, affine=False), *network.layers])
        return network, SGD(network, lr)

    return make


class Circles:
    """A circle in a circle, lifted from the plane to 16 features by one fixed random matrix.

    Lifted, since two features turn into 1 and -1.

    Parameters
    ----------
    grid : ndarray, shape (m, 2)
        The points of the plane at which the boundary is drawn.
    norm : class of layers
    """

    def __init__(self, grid, norm):
        self.lift = np.random.default_rng(1).standard_normal((2, 16)).astype(np.float32)
        self.grid, self.norm = grid.astype(np.float32) @ self.lift, norm

    def learn(self, kind, noise, lr, draw):
        """Train for 200 steps and yield what `DecisionBoundary` shows, every 20 steps."""
        rng = np.random.default_rng(draw)
        points, classes = circles(200, rng, noise)
        network, optimizer = toy_side(kind, n=16, lr=lr, norm=self.norm)(rng)
        shown, losses = {"points": points, "labels": classes}, []
        for loss in training_steps(network, optimizer, 200 * [(points @ self.lift, classes)]):
            losses.append(loss)
            if len(losses) % 20 == 0 or not np.isfinite(loss):
                orange = softmax(network.forward(self.grid))[:, 1]
                yield {**shown, "probabilities": orange, "losses": losses}
