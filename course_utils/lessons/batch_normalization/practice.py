"""What goes wrong and what is promised: batch normalization in practice.

The figures over ten seeds stand in ``data/batch_norm.csv``, made by::

    python -m course_utils.experiments.batch_norm_in_practice
"""

import copy
import csv

import numpy as np

from course_utils.data import load_mnist, standardize
from course_utils.experiments.batch_norm import (
    SIDE_NAMES,
    batch_norms,
    reader,
)
from course_utils.experiments.claims import TABLE, TABLE_SEEDS
from course_utils.experiments.comparison import run_side, side, small_set
from course_utils.experiments.curvature import sharpness
from course_utils.experiments.training import evaluate, training_steps
from course_utils.nn import SGD, BatchNorm, Linear, Sequential, mlp, softmax_cross_entropy
from course_utils.checks import check_choice

PRACTICE_TABLE = TABLE.with_name("batch_norm.csv")


TINY = (2, 4, 16, 64)


def error_after(train, test, seed, norm, batch_size):
    """Test error of a network trained for 1,000 steps of 0.01 in batches of this size."""
    options = {"lr": 0.01, "batch_size": batch_size, "steps": 1000}
    return evaluate(reader(train, seed, norm=norm, **options), *test).error


def tiny_batches(train, test, seed):
    """Test errors by batch size, with and without batch normalization."""
    return {
        f"m = {m}, {SIDE_NAMES[norm]} BN": error_after(train, test, seed, norm, m)
        for m in TINY
        for norm in SIDE_NAMES
    }


def constant_moments_side(widths, lr):
    """A side for `compare`: batch normalization with the wrong backward."""

    def make(rng):
        network = mlp(widths, norm="batch", rng=rng)
        wrong = [
            ConstantMoments(layer.n) if isinstance(layer, BatchNorm) else layer for layer in network
        ]
        network = Sequential(wrong)
        return network, SGD(network, lr)

    return make


# What the original paper promises

SMALL = 1000  # training digits
WRONG_SHARE = 0.3


def regularizer(train, test, seed):
    """Test errors with dropout, batch normalization, both and neither, 1,000 noisy digits."""
    small = small_set(train, seed, wrong=WRONG_SHARE)
    sides = {
        f"{SIDE_NAMES[norm]} BN, {'dropout' if p else 'no dropout'}": side(
            [784, 256, 256, 10], 0.1, norm=norm, p=p
        )
        for norm in SIDE_NAMES
        for p in (0, 0.5)
    }
    return {
        name: run_side(make, small, test, seed, steps=400, batch_size=50)[1].final.error
        for name, make in sides.items()
    }


SCALES = (1, 10, 100)


def saturating(train, test, seed, scales=SCALES):
    """Test errors of ten hidden layers of tanh at growing initial scales, with and without BN."""
    sides = {
        f"c = {c}, {SIDE_NAMES[norm]} BN": side(
            [784] + 10 * [100] + [10], 0.1, c=c, last_c=1, norm=norm, activation="tanh"
        )
        for c in scales
        for norm in SIDE_NAMES
    }
    return {
        name: run_side(make, train, test, seed, steps=300, batch_size=50)[1].final.error
        for name, make in sides.items()
    }


# The largest learning rate and the sharpness

MULTIPLES = 2.0 ** np.arange(-1, 7)


def steps_against_sharpness(x, labels, seed):
    """Where gradient descent begins to fail, in units of 2 / sharpness at the start.

    Returns
    -------
    dict
        By norm, None and "batch": (sharpness, losses), the loss after 30 steps, over that at the
        start, for each of MULTIPLES times 2 / sharpness.
    """
    results = {}
    for norm in SIDE_NAMES:
        network = tanh_network(norm, seed)
        sharp = sharpness(network, x, labels, rng=np.random.default_rng([seed, 4]))
        runs = [descend(network, x, labels, multiple * 2 / sharp) for multiple in MULTIPLES]
        results[norm] = sharp, np.array([run[-1] / run[0] for run in runs])
    return results


def largest_multiple(ratios):
    """The largest of MULTIPLES up to which the loss always came down."""
    failing = ~(ratios < 1)
    first = int(failing.argmax()) if failing.any() else len(ratios)
    return float(MULTIPLES[first - 1]) if first else 0.0


def largest_steps(train, test, seed):
    """For the table: sharpness at the start, and the largest step that trains."""
    results = steps_against_sharpness(pooled(train[0][:500]), train[1][:500], seed)
    figures = {}
    for norm, (sharp, ratios) in results.items():
        figures[f"sharpness, {SIDE_NAMES[norm]} BN"] = sharp
        figures[f"largest multiple, {SIDE_NAMES[norm]} BN"] = largest_multiple(ratios)
    return figures


# The table

MEASURED = {
    "tiny batches": tiny_batches,
    "regularizer": regularizer,
    "saturating": saturating,
    "steps": largest_steps,
}


def measured(experiment, path=PRACTICE_TABLE):
    """An experiment's figures over ten seeds: dict of name to array, shape (10,)."""
    check_choice("experiment", experiment, MEASURED)
    figures = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["experiment"] == experiment:
                figures.setdefault(row["figure"], []).append(float(row["value"]))
    return {name: np.array(values) for name, values in figures.items()}


def write_table(path=PRACTICE_TABLE, seeds=TABLE_SEEDS):
    """Measure everything anew and write the table."""
    images, labels = load_mnist("train")
    train = standardize(images, out=images), labels
    images, labels = load_mnist("test")
    test = standardize(images[:2000]), labels[:2000]
    rows = [
        (experiment, seed, name, f"{value:.4g}")
        for experiment, measure in MEASURED.items()
        for seed in seeds
        for name, value in measure(train, test, seed).items()
    ]
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("experiment", "seed", "figure", "value"))
        table.writerows(rows)


if __name__ == "__main__":
    write_table()
