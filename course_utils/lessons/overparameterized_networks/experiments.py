"""Networks with more parameters than examples, on digits: claims C10 to C12."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from course_utils.experiments.claims import Claim
from course_utils.experiments.comparison import small_set
from course_utils.lessons.overparameterized_networks.fitting import train_small
from course_utils.lessons.overparameterized_networks.interpolation import least_norm
from course_utils.nn.layers import relu

# Claim C10: it can fit anything


def shuffled(digits, seed):
    """The same images, with their labels dealt out at random."""
    images, labels = digits
    return images, np.random.default_rng([seed, 3]).permutation(labels)


def true_and_random(train, test, seed):
    """The runs of claim C10: the same images with true and with random labels."""
    digits = small_set(train, seed)
    return {
        labels: train_small((784, 256, 10), 0.1, labeled, test, seed)
        for labels, labeled in (
            ("true labels", digits),
            ("random labels", shuffled(digits, seed)),
        )
    }


def c10_numbers(runs):
    """What claim C10 is judged by: how long it takes to fit, and both errors then."""
    numbers = {}
    for labels, run in runs.items():
        numbers[f"steps, {labels}"] = run.steps[-1]
        numbers[f"training error, {labels}"] = run.train_errors[-1]
        numbers[f"test error, {labels}"] = run.test_errors[-1]
    return numbers


C10 = Claim(
    id="C10",
    statement="An overparameterized network can fit its training labels exactly, random ones too",
    conditions="1,000 digits, 784-256-10, SGD at learning rate 0.1, at most 5,000 steps; random "
    "labels take more than twice as many steps; test error below 0.2 with true labels, above "
    "0.8 with random ones",
    seeds=(3, 4),
    run=true_and_random,
    numbers=c10_numbers,
    holds=lambda numbers: (
        numbers["training error, true labels"] == numbers["training error, random labels"] == 0
        and numbers["test error, true labels"] < 0.2
        and numbers["test error, random labels"] > 0.8
        and numbers["steps, random labels"] > 2 * numbers["steps, true labels"]
    ),
)


# Claim C11: yet it generalizes

WIDTHS = (4, 8, 13, 16, 32, 128, 512)
NOISY_WIDTHS = (8, 16, 32, 64, 256)


@dataclass(frozen=True)
class ByWidth:
    """Training and test error by the width of the hidden layer; all of shape (widths,)."""

    widths: tuple
    train_errors: np.ndarray
    test_errors: np.ndarray

    def numbers(self, series=""):
        """Both errors at each width, as a dict by name."""
        return {
            f"{series}{name} error, width {width}": error
            for name, row in (("training", self.train_errors), ("test", self.test_errors))
            for width, error in zip(self.widths, row, strict=True)
        }


def width_errors(train, test, seed, widths, lr, **options):
    """Both errors of one hidden layer of each width at the end of its training: `ByWidth`."""
    runs = [train_small((784, w, 10), lr, train, test, seed, **options) for w in widths]
    ends = [(run.train_errors[-1], run.test_errors[-1]) for run in runs]
    return ByWidth(widths, *np.transpose(ends))


def series_by_width(train, test, seed):
    """The runs of claim C11: a dict of series to `ByWidth`.

    With true labels every width gets the same 800 steps; with 20% wrong labels each is trained
    until it fits, for 2,000 steps at most.
    """
    true, noisy = small_set(train, seed), small_set(train, seed, wrong=0.2)
    same_steps = {"steps": 800, "every": 800, "to_fit": False}
    to_fit = {"steps": 2000, "watched": False}
    return {
        "true labels": width_errors(true, test, seed, WIDTHS, 0.05, **same_steps),
        "20% wrong labels": width_errors(noisy, test, seed, NOISY_WIDTHS, 0.1, **to_fit),
    }


def c11_numbers(runs):
    """What claim C11 is judged by: both errors at each width."""
    true, noisy = runs["true labels"], runs["20% wrong labels"]
    return true.numbers() | noisy.numbers("20% wrong labels, ")


def no_peak(errors, margin=0.02):
    """Whether none is more than a margin above one before it."""
    return all(error < min(errors[:i]) + margin for i, error in enumerate(errors) if i)


def c11_holds(numbers):
    """It falls, then is flat, without a peak; with wrong labels it falls on past exact fit."""
    true = {width: numbers[f"test error, width {width}"] for width in WIDTHS}
    noisy = {w: numbers[f"20% wrong labels, test error, width {w}"] for w in NOISY_WIDTHS}
    fitted = [numbers[f"training error, width {width}"] for width in (32, 128, 512)]
    fitted += [numbers[f"20% wrong labels, training error, width {w}"] for w in (64, 256)]
    return (
        all(error == 0 for error in fitted)
        and true[4] > true[16] + 0.05
        and true[16] > true[128]
        and abs(true[512] - true[128]) < 0.03
        and noisy[32] > noisy[256] + 0.02
        and noisy[64] > noisy[256]
        and no_peak(list(true.values()))
        and no_peak(list(noisy.values()))
    )


C11 = Claim(
    id="C11",
    statement="Test error falls as a network is widened and stays flat far past exact fit, without "
    "a peak; with 20% wrong labels it falls on",
    conditions="1,000 digits, one hidden layer, cross entropy, SGD; true labels: 4 to 512 units, "
    "learning rate 0.05, 800 steps; 20% wrong: 8 to 256 units, learning rate 0.1, until exact fit, "
    "2,000 steps at most",
    seeds=(3, 4),
    run=series_by_width,
    numbers=c11_numbers,
    holds=c11_holds,
)


# Claim C12: not always

FROZEN_WIDTHS = (30, 100, 200, 400, 500, 1000, 2000, 4000)
WRONG_SHARES = {"0% wrong": 0.0, "20% wrong": 0.2, "40% wrong": 0.4, "60% wrong": 0.6}
EARLY = 80  # steps after which a run that stops early stops
STARTS = {  # factor on the initial weights, learning rate
    "× 0.1, lr 0.1": (0.1, 0.1),
    "× 0.3, lr 0.1": (0.3, 0.1),
    "× 1, lr 0.1": (1, 0.1),
    "× 1": (1, 0.005),
    "× 2": (2, 0.005),
    "× 4": (4, 0.005),
}


def frozen_errors(train, test, seed, widths=FROZEN_WIDTHS):
    """Errors where the first layer stays random and the last is the least-norm solution: `ByWidth`.

    The targets are 1 for the class and 0 for the others.
    """
    G = np.random.default_rng([seed, 0]).standard_normal((784, max(widths)))
    hidden, test_hidden = (relu(images @ (G / 28)) for images, _ in (train, test))
    targets = np.eye(10)[train[1]]
    errors = []
    for width in widths:
        z = hidden[:, :width]
        if width > len(z):  # the same as by lstsq, in a fraction of the time
            W = least_norm(z, targets)
        else:
            W = np.linalg.lstsq(z, targets, rcond=None)[0]
        errors.append(
            [
                np.mean((z[:, :width] @ W).argmax(axis=1) != labels)
                for z, labels in ((hidden, train[1]), (test_hidden, test[1]))
            ]
        )
    return ByWidth(widths, *np.transpose(errors))


def with_wrong_labels(train, test, seed, shares):
    """Runs to exact fit with a share of the labels wrong: dict of name to Run."""
    return {
        name: train_small(
            (784, 128, 10),
            0.1,
            small_set(train, seed, wrong=share),
            test,
            seed,
            test_at=(EARLY,),
            watched=False,
        )
        for name, share in shares.items()
    }


def scaled_starts(train, test, seed, starts):
    """Runs to exact fit from scaled initial weights: dict of name to Run."""
    digits, settings = small_set(train, seed), {"every": 50, "watched": False}
    return {
        name: train_small((784, 128, 128, 10), lr, digits, test, seed, scale=scale, **settings)
        for name, (scale, lr) in starts.items()
    }


PARTS = {
    "frozen": lambda train, test, seed: {
        "frozen first layer": frozen_errors(small_set(train, seed, m=500), test, seed)
    },
    "wrong labels": lambda *each: with_wrong_labels(*each, WRONG_SHARES),
    "starts": lambda *each: scaled_starts(*each, STARTS),
}


def spoiled_fits(train, test, seed, parts=tuple(PARTS)):
    """The runs of claim C12, or some of its `PARTS`: one dict of name to `Run` or `ByWidth`."""
    runs = {}
    for part in parts:
        runs |= PARTS[part](train, test, seed)
    return runs


def joined(*parts):
    """Parts of the runs of a claim, each a dict by seed, as one."""
    return {seed: {k: run for part in parts for k, run in part[seed].items()} for seed in parts[0]}


def early(run):
    """A run's test error after `EARLY` steps."""
    return run.test_errors[run.test_at == EARLY][0]


def c12_numbers(runs):
    """What claim C12 is judged by: errors at the exact fit, early ones, and distances gone."""
    runs = dict(runs)
    numbers = runs.pop("frozen first layer").numbers("frozen first layer, ")
    for name, run in runs.items():
        numbers[f"training error, {name}"] = run.train_errors[-1]
        numbers[f"test error, {name}"] = run.test_errors[-1]
        if name in WRONG_SHARES:
            numbers[f"test error, {name}, stopped early"] = early(run)
        else:
            numbers[f"moved, {name}"] = run.moved
    return numbers


def c12_holds(numbers):
    """A larger model can be worse, and wrong labels and large starts spoil an exact fit."""
    test = {name: numbers[f"test error, {name}"] for name in (*WRONG_SHARES, *STARTS)}
    frozen = {w: numbers[f"frozen first layer, test error, width {w}"] for w in FROZEN_WIDTHS}
    return (
        numbers["frozen first layer, training error, width 500"] == 0
        and frozen[500] > frozen[200] + 0.3
        and frozen[4000] < min(frozen[w] for w in FROZEN_WIDTHS if w < 500) - 0.05
        and all(numbers[f"training error, {name}"] == 0 for name in test)
        and all(test[more] > test[less] + 0.04 for less, more in pairwise(WRONG_SHARES))
        and test["× 2"] > test["× 1"] + 0.05
        and test["× 4"] > test["× 2"]
        and abs(test["× 1"] - test["× 1, lr 0.1"]) < 0.04
        and min(test["× 0.3, lr 0.1"], test["× 0.1, lr 0.1"]) > test["× 1, lr 0.1"] - 0.02
    )


C12 = Claim(
    id="C12",
    statement="An exact fit does not always generalize: a larger model with frozen features can be "
    "far worse, and wrong labels and larger first weights spoil the fit of a network",
    conditions="500 digits, first layer frozen, least squares: 500 units against 200, and 4,000 "
    "better than both; 1,000 digits, all fit exactly: 784-128-10 with 0 to 60% wrong labels, "
    "784-128-128-10 with initial weights times 1, 2, 4 at learning rate 0.005; the rate alone, and "
    "smaller weights at 0.1, change little",
    seeds=(3, 4),
    run=spoiled_fits,
    numbers=c12_numbers,
    holds=c12_holds,
)
