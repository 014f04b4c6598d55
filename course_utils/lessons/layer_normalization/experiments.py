"""Experiments on layer normalization: norms by layer, what scaling changes, claims C3 to C5."""

import copy
from dataclasses import dataclass

import numpy as np

from course_utils.experiments.claims import Claim
from course_utils.experiments.comparison import compare
from course_utils.experiments.initialization import GUESSING
from course_utils.experiments.vitals import expected_norms, vital_signs
from course_utils.experiments.propagation import propagate
from course_utils.nn import SGD, LayerNorm, ReLU, Sequential, mlp, softmax
from course_utils.checks import check_choice

BLOCKS = {  # what follows a matrix of n columns
    "none": lambda n: ReLU(),
    "after": lambda n: Sequential([ReLU(), LayerNorm(n, affine=False)]),
    "before": lambda n: Sequential([LayerNorm(n, affine=False), ReLU()]),
}


@dataclass(frozen=True)
class Norms:
    """Mean row norms in a network before training, from the input z_0 on, measured and expected.

    Attributes
    ----------
    forward, forward_theory : ndarray, shape (depth + 1,)
        Of the activations.
    backward, backward_theory : ndarray, shape (depth + 1,)
        Of the loss's gradient with respect to them. The theory starts from the measured last one.
    """

    forward: np.ndarray
    forward_theory: np.ndarray
    backward: np.ndarray
    backward_theory: np.ndarray


def norms_by_layer(x, labels, standard, c, depth, width, position):
    """Norms of a network at initialization, measured (`propagate`) and expected (`theory`).

    Parameters
    ----------
    x : ndarray, shape (m, n_0)
    labels : ndarray of int, shape (m,)
    standard : (list of ndarray, ndarray)
        From `propagation.standard_weights`, at least as deep and wide.
    c : float
    depth, width : int
    position : {"none", "after", "before"}
        Where LayerNorm stands with respect to ReLU.

    Returns
    -------
    Norms
    """
    check_choice("position", position, BLOCKS)
    found = propagate(x, labels, standard, c, depth, width, BLOCKS[position])
    forward, backward = found.forward, found.backward
    widths = [x.shape[1]] + depth * [width]
    expected, factors = theory(forward[0], widths, c, position)
    expected_back = backward[-1] * np.cumprod([1.0, *np.sqrt(factors[::-1])])
    return Norms(forward, expected, backward, expected_back[::-1])


def theory(first, widths, c, position):
    """What is expected of a wide network: the norms, and what each layer makes of the gradient.

    With y = z W, independent entries of mean square c ||z||^2 / n: LayerNorm after ReLU divides by
    the deviation of max(y, 0), whose square is (1 - 1/pi) / 2 of that of y; before ReLU it divides
    by the deviation of y. Backward, the gradient is divided by the same deviation, goes through
    ReLU's gate (1/2) and through the weights (c).

    Parameters
    ----------
    first : float
        Norm of the input.
    widths : sequence of int
        n_0, n_1, ...
    c : float
    position : {"none", "after", "before"}

    Returns
    -------
    norms : ndarray, shape (len(widths),)
    factors : ndarray, shape (len(widths) - 1,)
        Of the squared gradient, by layer.
    """
    if position == "none":
        return expected_norms(first, widths, c), np.full(len(widths) - 1, c / 2)
    widths = np.array(widths)
    kept = {"after": 1.0, "before": 0.5}[position]  # of a row's n squares of mean 1
    norms = np.array([first, *np.sqrt(kept * widths[1:])])
    factor = {"after": np.pi / (np.pi - 1), "before": 0.5}[position]
    return norms, factor * widths[:-1] / norms[:-1] ** 2


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


def lengths(m, n, rng):
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


def toy_network(kind, n=20):
    """A side for `compare` on `lengths`: two hidden layers of 32 units, learning rate 0.3.

    `kind` is "none", "hidden" (LayerNorm after each ReLU) or "input" (on the input only).
    """
    check_choice("kind", kind, ("none", "hidden", "input"))

    def make(rng):
        norm = "layer" if kind == "hidden" else None
        network = mlp([n, 32, 32, 2], norm=norm, norm_position="after", affine=False, rng=rng)
        if kind == "input":
            network = Sequential([LayerNorm(n, affine=False), *network.layers])
        return network, SGD(network, lr=0.3)

    return make


def side(norm, c=2.0, depth=20, width=50, lr=0.02, position="after"):
    """A side for `compare`: an mlp on digits, with LayerNorm in the lecture's form or none."""

    def make(rng):
        network = mlp(
            [784] + depth * [width] + [10],
            norm=norm,
            norm_position=position,
            affine=False,
            c=c,
            rng=rng,
        )
        return network, SGD(network, lr)

    return make


NAMES = {None: "none", "layer": "layer norm"}


def c3_figures(images, labels, seed):
    """One seed's figures of claim C3: norms by layer at c = 1, 2, 3 before training."""
    activation = {}
    for norm in NAMES:
        for c in (1, 2, 3):
            network, optimizer = side(norm, c)(np.random.default_rng([seed, 0]))
            signs = vital_signs(network, images[:500], labels[:500], optimizer.lr)
            activation[norm, c] = signs.activation[:-1]
    normalized = np.array([activation["layer", c] for c in (1, 2, 3)])
    return {
        "layer norm: largest |norm / sqrt(width) - 1|": np.abs(normalized / np.sqrt(50) - 1).max(),
        "none: last norm at c = 3 over c = 1": activation[None, 3][-1] / activation[None, 1][-1],
    }


C3 = Claim(
    id="C3",
    notebook="03",
    statement="Behind layer norm every layer's activations have norm sqrt(width), for every c",
    conditions="20 hidden layers of 50 units, c = 1, 2, 3, before training, to a thousandth; "
    "without it the last norms differ more than a thousandfold",
    seeds=(3, 4, 5),
    measure=lambda train, test, seeds: [c3_figures(*train, seed) for seed in seeds],
    holds=lambda figures: (
        figures["layer norm: largest |norm / sqrt(width) - 1|"] < 1e-3
        and figures["none: last norm at c = 3 over c = 1"] > 1000
    ),
)


def train_scales(train, test, seeds, progress=True):
    """The runs of claims C4 and C5: c = 1, 2, 3 with and without layer norm, 600 steps."""
    sides = {f"{NAMES[norm]}, c = {c}": side(norm, c) for norm in NAMES for c in (1, 2, 3)}
    return compare(sides, train, test, steps=600, batch_size=50, seeds=seeds, progress=progress)


def c4_figures(comparison):
    """One dict a seed: the figures that claim C4 is judged by."""
    by_side = {name: comparison.losses(name) for name in comparison.histories}
    return [
        {f"loss, {name}": float(losses[i]) for name, losses in by_side.items()}
        for i in range(len(comparison.seeds))
    ]


C4 = Claim(
    id="C4",
    notebook="03",
    statement="With layer norm c = 1, 2 and 3 all train; without it, of these, only c = 2 does",
    conditions="20 hidden layers of 50 units, layer norm after ReLU without scale and shift, "
    "learning rate 0.02, 600 steps",
    seeds=(3, 4, 5),
    measure=lambda train, test, seeds: c4_figures(train_scales(train, test, seeds)),
    holds=lambda figures: (
        all(figures[f"loss, layer norm, c = {c}"] < GUESSING - 0.2 for c in (1, 2, 3))
        and figures["loss, none, c = 2"] < GUESSING - 0.2
        and figures["loss, none, c = 1"] > GUESSING - 0.1
        and not np.isfinite(figures["loss, none, c = 3"])
    ),
)

PLACES = {  # norm and norm_position
    "none": (None, "after"),
    "layer norm": ("layer", "after"),
    "layer norm before": ("layer", "before"),
}


@dataclass(frozen=True)
class Setting:
    """A network and a budget, in which normalized and plain networks are compared over rates."""

    depth: int
    width: int
    examples: int
    steps: int
    batch_size: int
    rates: tuple

    def compare(self, train, test, seeds, places=PLACES, rates=None, progress=True):
        """A `Comparison` whose sides are named "place, lr rate"."""
        sides = {
            f"{place}, lr {lr:g}": side(norm, 2.0, self.depth, self.width, lr, position)
            for place, (norm, position) in places.items()
            for lr in rates or self.rates
        }
        train = tuple(array[: self.examples] for array in train)
        return compare(
            sides,
            train,
            test,
            steps=self.steps,
            batch_size=self.batch_size,
            seeds=seeds,
            progress=progress,
        )


SETTINGS = {
    "20 x 50": Setting(20, 50, 60_000, 600, 50, rates=(0.0025, 0.005, 0.01, 0.02, 0.05, 0.1)),
    "3 x 100": Setting(3, 100, 5000, 600, 100, rates=(0.05, 0.1, 0.2, 0.3, 0.5)),
    "3 x 100, longer": Setting(3, 100, 5000, 1200, 50, rates=(0.05, 0.1, 0.2, 0.3, 0.5)),
}


def measure_c5(train, test, seeds):
    """One dict a seed, for the table of claim C5: the last losses in all settings, at all rates."""
    losses = {}
    for name, setting in SETTINGS.items():
        comparison = setting.compare(train, test, seeds)
        losses |= {f"{name}, {side}": comparison.losses(side) for side in comparison.histories}
    return [{name: float(of[i]) for name, of in losses.items()} for i in range(len(seeds))]


def c5_figures(comparison):
    """One dict a seed: the figures that claim C5 is judged by, from the runs of C4."""
    return [
        {f"20 x 50, {place}, lr 0.02": float(losses[i]) for place, losses in by_place.items()}
        for by_place in [{place: comparison.losses(f"{place}, c = 2") for place in NAMES.values()}]
        for i in range(len(comparison.seeds))
    ]


def losses_by_rate(claim, panel, place):
    """From a claim's table: the losses of all seeds by learning rate."""
    return {lr: claim.figure(f"{panel}, {place}, lr {lr:g}") for lr in SETTINGS[panel].rates}


C5 = Claim(
    id="C5",
    notebook="03",
    statement="With layer norm a fully connected network is harder to train to low loss",
    conditions="20 hidden layers of 50 units, c = 2, layer norm after ReLU without scale and "
    "shift, learning rate 0.02, 600 steps, and with the best rate for each; not 3 layers of 100 "
    "units, 600 steps",
    seeds=(3, 4, 5),
    measure=measure_c5,
    holds=lambda figures: (
        figures["20 x 50, layer norm, lr 0.02"] > 1.1 * figures["20 x 50, none, lr 0.02"]
    ),
)
