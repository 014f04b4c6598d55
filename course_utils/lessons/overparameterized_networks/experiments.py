"""Networks with more parameters than examples, on digits: claims C10 to C12."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from course_utils.checks import check_count, check_number
from course_utils.data import minibatches
from course_utils.experiments.claims import Claim
from course_utils.experiments.comparison import small_set
from course_utils.experiments.training import evaluate, training_steps
from course_utils.experiments.vitals import length, weights_of
from course_utils.nn import SGD, mlp
from course_utils.nn.layers import relu

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
        The most steps; a run that diverges ends before.
    batch_size, every : int
        Both errors are measured before the first step, after every so many and after the last.
    to_fit : bool
        Stop as soon as a training error of zero is measured.

    Returns
    -------
    Run

    Raises
    ------
    TypeError, ValueError
        For a scale that is not above zero, or counts that are no positive integers.
    """
    check_number("scale", scale, open_low=True)
    check_count("every", every)
    network = mlp(widths, c=2 * scale**2, rng=np.random.default_rng([seed, 0]))
    batches = minibatches(*train, batch_size, np.random.default_rng([seed, 1]), epochs=None)
    losses = training_steps(network, SGD(network, lr), batches, steps=steps)

    def errors():
        return evaluate(network, *train).error, evaluate(network, *test).error

    start, measured = weights_of(network), {0: errors()}
    for step, loss in enumerate(losses, start=1):
        if np.isfinite(loss) and (step % every == 0 or step == steps):
            measured[step] = errors()
            if to_fit and measured[step][0] == 0:
                break
    moved = length(weights_of(network) - start) / length(start)
    return Run(np.array(list(measured)), *np.transpose(list(measured.values())), moved)


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
    statement="An overparameterized network can fit even random labels exactly",
    conditions="1,000 digits, 784-256-10, learning rate 0.1; true labels: test error about 0.13, "
    "random labels: three to eight times as many steps, and test error about 0.9",
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

WIDTHS = (4, 8, 13, 16, 32, 64, 128, 512)
NOISY_WIDTHS = (8, 13, 16, 32, 64, 128, 256)
FROZEN_WIDTHS = (30, 100, 200, 400, 500, 1000, 2000, 4000)


@dataclass(frozen=True)
class ByWidth:
    """Training and test error by the width of the hidden layer; all of shape (widths,)."""

    widths: tuple
    train_errors: np.ndarray
    test_errors: np.ndarray


def width_errors(train, test, seed, widths=WIDTHS, steps=800, lr=0.05):
    """Errors after the same number of steps: `ByWidth`."""
    runs = [
        train_small((784, width, 10), lr, train, test, seed, steps=steps, every=steps, to_fit=False)
        for width in widths
    ]
    ends = [(run.train_errors[-1], run.test_errors[-1]) for run in runs]
    return ByWidth(widths, *np.transpose(ends))


def frozen_errors(train, test, seed, widths=FROZEN_WIDTHS):
    """Errors where the first layer stays random and the last is the least-norm solution: `ByWidth`.

    The targets are 1 for the class and 0 for the others.
    """
    G = np.random.default_rng([seed, 0]).standard_normal((784, max(widths)))
    hidden, test_hidden = (relu(images @ (G / 28)) for images, _ in (train, test))
    targets = np.eye(10)[train[1]]
    errors = []
    for width in widths:
        W = np.linalg.lstsq(hidden[:, :width], targets, rcond=None)[0]
        errors.append(
            [
                np.mean((z[:, :width] @ W).argmax(axis=1) != labels)
                for z, labels in ((hidden, train[1]), (test_hidden, test[1]))
            ]
        )
    return ByWidth(widths, *np.transpose(errors))


SERIES = {
    "true labels": lambda train, test, seed: width_errors(small_set(train, seed), test, seed),
    "20% wrong labels": lambda train, test, seed: width_errors(
        small_set(train, seed, wrong=0.2), test, seed, NOISY_WIDTHS, steps=2000, lr=0.1
    ),
    "frozen first layer": lambda train, test, seed: frozen_errors(
        small_set(train, seed, m=500), test, seed
    ),
}


def series_by_width(train, test, seed, series=tuple(SERIES)):
    """The runs of claim C11, or some of the series: a dict of series to `ByWidth`."""
    return {name: SERIES[name](train, test, seed) for name in series}


def c11_numbers(runs):
    """What claim C11 is judged by, and what else is told of width: both errors at each."""
    numbers = {}
    for series, errors in runs.items():
        of = "" if series == "true labels" else f"{series}, "
        for name, row in (("training", errors.train_errors), ("test", errors.test_errors)):
            for width, error in zip(errors.widths, row, strict=True):
                numbers[f"{of}{name} error, width {width}"] = error
    return numbers


C11 = Claim(
    id="C11",
    statement="Test error falls as width grows and stays flat far past exact fit",
    conditions="1,000 digits, one hidden layer of 4 to 512 units, learning rate 0.05, 800 steps; "
    "no peak where the fit becomes exact, which frozen random features do show",
    run=series_by_width,
    numbers=c11_numbers,
    holds=lambda numbers: (
        all(numbers[f"training error, width {width}"] == 0 for width in (64, 128, 512))
        and numbers["test error, width 4"] > numbers["test error, width 16"] + 0.05
        and numbers["test error, width 16"] > numbers["test error, width 128"]
        and abs(numbers["test error, width 512"] - numbers["test error, width 128"]) < 0.03
    ),
)


# Claim C12: not always

WRONG_SHARES = {"0% wrong": 0.0, "20% wrong": 0.2, "40% wrong": 0.4, "60% wrong": 0.6}
EARLY = 80  # steps after which a run that stops early stops
STARTS = {  # factor on the initial weights, learning rate
    "× 1": (1, 0.005),
    "× 2": (2, 0.005),
    "× 4": (4, 0.005),
    "× 1, lr 0.1": (1, 0.1),
    "× 0.3, lr 0.1": (0.3, 0.1),
    "× 0.1, lr 0.1": (0.1, 0.1),
}


def with_wrong_labels(train, test, seed, shares):
    """Runs to exact fit with a share of the labels wrong: dict of name to Run."""
    return {
        name: train_small((784, 128, 10), 0.1, small_set(train, seed, wrong=share), test, seed)
        for name, share in shares.items()
    }


def scaled_starts(train, test, seed, starts):
    """Runs to exact fit from scaled initial weights: dict of name to Run."""
    digits = small_set(train, seed)
    return {
        name: train_small((784, 128, 128, 10), lr, digits, test, seed, scale=scale, every=50)
        for name, (scale, lr) in starts.items()
    }


def spoiled_fits(train, test, seed, shares=WRONG_SHARES, starts=STARTS):
    """The runs of claim C12, or some of them: `with_wrong_labels` and from `scaled_starts`."""
    noisy = with_wrong_labels(train, test, seed, shares)
    return noisy | scaled_starts(train, test, seed, starts)


def early(run):
    """A run's test error after `EARLY` steps."""
    return run.test_errors[run.steps == EARLY][0]


def c12_numbers(runs):
    """What claim C12 is judged by: errors at the exact fit, early ones, and distances gone."""
    numbers = {}
    for name, run in runs.items():
        numbers[f"training error, {name}"] = run.train_errors[-1]
        numbers[f"test error, {name}"] = run.test_errors[-1]
        if name in WRONG_SHARES:
            numbers[f"test error, {name}, stopped early"] = early(run)
        else:
            numbers[f"moved, {name}"] = run.moved
    return numbers


C12 = Claim(
    id="C12",
    statement="Wrong labels and larger initial weights spoil an exact fit",
    conditions="1,000 digits, all fit exactly; 784-128-10 with 0 to 60% wrong labels, "
    "784-128-128-10 with initial weights times 1, 2, 4 at learning rate 0.005; smaller weights "
    "than times 1 do not help",
    run=spoiled_fits,
    numbers=c12_numbers,
    holds=lambda numbers: (
        all(value == 0 for name, value in numbers.items() if name.startswith("training error"))
        and all(
            numbers[f"test error, {more}"] > numbers[f"test error, {less}"] + 0.04
            for less, more in pairwise(WRONG_SHARES)
        )
        and numbers["test error, × 2"] > numbers["test error, × 1"] + 0.05
        and numbers["test error, × 4"] > numbers["test error, × 2"]
    ),
)
