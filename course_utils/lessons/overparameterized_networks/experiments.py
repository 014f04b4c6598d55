"""Networks with more parameters than examples, on digits: claims C10 to C12."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from course_utils.experiments.claims import Claim
from course_utils.experiments.comparison import small_set
from course_utils.experiments.vitals import length
from course_utils.experiments.training import evaluate, fit
from course_utils.nn import SGD, mlp
from course_utils.checks import check_number
from course_utils.nn.layers import relu

CLASSES = 10
WIDE = (784, 256, 10)


# Data


def shuffled(digits, seed):
    """The same images, with their labels dealt out at random."""
    images, labels = digits
    return images, np.random.default_rng([seed, 3]).permutation(labels)


# Training until it fits


@dataclass(frozen=True)
class Run:
    """A training run on a small set, watched on both sets.

    Attributes
    ----------
    steps : ndarray of int
        When it was measured: at the start and every so many steps.
    train_errors, test_errors : ndarray, shape of `steps`
    moved : float
        How far the weights went, over the length that they started with.
    """

    steps: np.ndarray = field(repr=False)
    train_errors: np.ndarray = field(repr=False)
    test_errors: np.ndarray = field(repr=False)
    moved: float

    @property
    def fits(self):
        """Whether the training error reached zero."""
        return bool(self.train_errors[-1] == 0)


def weights_of(network):
    """All weights and biases in one row, in float64."""
    return np.concatenate([p.ravel().astype(np.float64) for p in network.params.values()])


def train_small(
    widths, lr, train, test, seed, *, scale=1.0, steps=5000, batch_size=50, every=20, to_fit=True
):
    """Train a ReLU network with plain SGD on a small set.

    Parameters
    ----------
    widths : sequence of int
    lr : float
    train, test : (ndarray, ndarray)
    seed : int
        Runs of one seed start from the same random numbers and see the same minibatches.
    scale : float
        Factor on all initial weights, which are those of c = 2.
    steps : int
        The most steps.
    batch_size, every : int
        Both errors are measured every so many steps.
    to_fit : bool
        Stop at the first measurement with a training error of zero.

    Returns
    -------
    Run
    """
    check_number("scale", scale, open_low=True)
    network = mlp(widths, c=2 * scale**2, rng=np.random.default_rng([seed, 0]))
    start = weights_of(network)
    history = fit(
        network,
        SGD(network, lr),
        *train,
        steps=steps,
        batch_size=batch_size,
        rng=np.random.default_rng([seed, 1]),
        test=train,
        evaluate_every=every,
        observe=lambda net: evaluate(net, *test).error,
        until_error=0.0 if to_fit else None,
    )
    return Run(
        np.array(list(history.evaluations)),
        np.array([evaluation.error for evaluation in history.evaluations.values()]),
        np.array(list(history.observations.values())),
        length(weights_of(network) - start) / length(start),
    )


# Claim C10: it can fit anything


def true_and_random(train, test, seed):
    """The runs of claim C10 for one seed: the same images with true and with random labels."""
    digits = small_set(train, seed)
    return {
        "true labels": train_small(WIDE, 0.1, digits, test, seed),
        "random labels": train_small(WIDE, 0.1, shuffled(digits, seed), test, seed),
    }


def c10_figures(runs):
    """The figures that claim C10 is judged by, from the runs of one seed."""
    return {
        f"{name}, {side}": value
        for side, run in runs.items()
        for name, value in (
            ("steps", run.steps[-1]),
            ("training error", run.train_errors[-1]),
            ("test error", run.test_errors[-1]),
        )
    }


C10 = Claim(
    id="C10",
    notebook="05",
    statement="An overparameterized network can fit even random labels exactly",
    conditions="1,000 digits, 784-256-10, learning rate 0.1; true labels: test error about 0.13, "
    "random labels: three to eight times as many steps, and test error about 0.9",
    seeds=(3, 4, 5),
    measure=lambda train, test, seeds: [
        c10_figures(true_and_random(train, test, seed)) for seed in seeds
    ],
    holds=lambda figures: (
        figures["training error, true labels"] == figures["training error, random labels"] == 0
        and figures["test error, true labels"] < 0.2
        and figures["test error, random labels"] > 0.8
        and figures["steps, random labels"] > 2 * figures["steps, true labels"]
    ),
)


# Claim C11: yet it generalizes

WIDTHS = (4, 8, 13, 16, 32, 64, 128, 512)
NOISY_WIDTHS = (8, 13, 16, 32, 64, 128, 256)
FROZEN_WIDTHS = (30, 100, 200, 400, 500, 1000, 2000, 4000)
FEW = 500  # digits for the frozen networks


def width_errors(train, test, seed, widths=WIDTHS, steps=800, lr=0.05):
    """Training and test error after the same number of steps, by width: arrays (widths,)."""
    runs = [
        train_small((784, width, 10), lr, train, test, seed, steps=steps, every=steps, to_fit=False)
        for width in widths
    ]
    return tuple(np.array([errors[-1] for errors in each]) for each in zip(
        *((run.train_errors, run.test_errors) for run in runs), strict=True
    ))  # fmt: skip


def c11_figures(errors, widths=WIDTHS, prefix=""):
    """The figures that claim C11 is judged by, from one seed's errors by width."""
    return {
        f"{prefix}{name} error, width {width}": float(error)
        for name, by_width in zip(("training", "test"), errors, strict=True)
        for width, error in zip(widths, by_width, strict=True)
    }


def measure_c11(train, test, seeds):
    """One dict a seed, for the table: clean labels, one in five wrong, and a frozen first layer."""
    rows = []
    for seed in seeds:
        rows.append(c11_figures(width_errors(small_set(train, seed), test, seed)))
        noisy = small_set(train, seed, wrong=0.2)
        errors = width_errors(noisy, test, seed, NOISY_WIDTHS, steps=2000, lr=0.1)
        rows[-1] |= c11_figures(errors, NOISY_WIDTHS, "20% wrong labels, ")
        errors = frozen_errors(small_set(train, seed, FEW), test, seed)
        rows[-1] |= c11_figures(errors, FROZEN_WIDTHS, "frozen first layer, ")
    return rows


C11 = Claim(
    id="C11",
    notebook="05",
    statement="Test error falls as width grows and stays flat far past exact fit",
    conditions="1,000 digits, one hidden layer of 4 to 512 units, learning rate 0.05, 800 steps; "
    "no peak where the fit becomes exact, which frozen random features do show",
    seeds=(3, 4, 5),
    measure=measure_c11,
    holds=lambda figures: (
        all(figures[f"training error, width {width}"] == 0 for width in (64, 128, 512))
        and figures["test error, width 4"] > figures["test error, width 16"] + 0.05
        and figures["test error, width 16"] > figures["test error, width 128"]
        and abs(figures["test error, width 512"] - figures["test error, width 128"]) < 0.03
    ),
)


def frozen_errors(train, test, seed, widths=FROZEN_WIDTHS):
    """Errors by width when the first layer stays random and the last is the least-norm solution.

    The targets are 1 for the class and 0 for the others.

    Returns
    -------
    train_errors, test_errors : ndarray, shape (widths,)
    """
    G = np.random.default_rng([seed, 0]).standard_normal((784, max(widths)))
    hidden, test_hidden = (relu(images @ (G / 28)) for images, _ in (train, test))
    targets = np.eye(CLASSES)[train[1]]
    errors = []
    for width in widths:
        W = np.linalg.lstsq(hidden[:, :width], targets, rcond=None)[0]
        errors.append(
            [
                np.mean((z[:, :width] @ W).argmax(axis=1) != labels)
                for z, labels in ((hidden, train[1]), (test_hidden, test[1]))
            ]
        )
    return tuple(np.transpose(errors))


# Claim C12: not always

SHARES = (0.0, 0.2, 0.4, 0.6)
EARLY = 80  # steps after which a run that stops early stops
SCALES = {"× 1": (1, 0.005), "× 2": (2, 0.005), "× 4": (4, 0.005)}  # scale, learning rate
OTHER_SCALES = {"× 1, lr 0.1": (1, 0.1), "× 0.3, lr 0.1": (0.3, 0.1), "× 0.1, lr 0.1": (0.1, 0.1)}
DEEPER = (784, 128, 128, 10)


def with_wrong_labels(train, test, seed, shares=SHARES):
    """Runs to exact fit with a share of the labels wrong: dict of share to Run."""
    return {
        share: train_small((784, 128, 10), 0.1, small_set(train, seed, wrong=share), test, seed)
        for share in shares
    }


def scaled_starts(train, test, seed, scales):
    """Runs to exact fit from scaled initial weights: dict of name to Run."""
    digits = small_set(train, seed)
    return {
        name: train_small(DEEPER, lr, digits, test, seed, scale=scale, every=50)
        for name, (scale, lr) in scales.items()
    }


def early(run):
    """A run's test error after `EARLY` steps."""
    return run.test_errors[run.steps == EARLY][0]


def c12_figures(noisy, scaled):
    """The figures that claim C12 is judged by, from one seed's runs."""
    figures = {}
    for share, run in noisy.items():
        figures[f"training error, {share:.0%} wrong"] = run.train_errors[-1]
        figures[f"test error, {share:.0%} wrong"] = run.test_errors[-1]
        figures[f"test error, {share:.0%} wrong, stopped early"] = early(run)
    for name, run in scaled.items():
        figures[f"training error, {name}"] = run.train_errors[-1]
        figures[f"test error, {name}"] = run.test_errors[-1]
        figures[f"moved, {name}"] = run.moved
    return figures


C12 = Claim(
    id="C12",
    notebook="05",
    statement="Wrong labels and larger initial weights spoil an exact fit",
    conditions="1,000 digits, all fit exactly; 784-128-10 with 0 to 60% wrong labels, "
    "784-128-128-10 with initial weights times 1, 2, 4 at learning rate 0.005; smaller weights than "
    "times 1 do not help",
    seeds=(3, 4, 5),
    measure=lambda train, test, seeds: [
        c12_figures(
            with_wrong_labels(train, test, seed),
            scaled_starts(train, test, seed, SCALES | OTHER_SCALES),
        )
        for seed in seeds
    ],
    holds=lambda figures: (
        all(value == 0 for name, value in figures.items() if name.startswith("training error"))
        and all(
            figures[f"test error, {more:.0%} wrong"]
            > figures[f"test error, {less:.0%} wrong"] + 0.04
            for less, more in pairwise(SHARES)
        )
        and figures["test error, × 2"] > figures["test error, × 1"] + 0.05
        and figures["test error, × 4"] > figures["test error, × 2"]
    ),
)
