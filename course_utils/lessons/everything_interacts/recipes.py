"""The grid of recipes: how each is trained, and what all of them gave, data/recipes.csv.

That table is made by ``python tools/measure_recipes.py`` in two rounds, every recipe on one seed and
the best of them on two more. It judges by validation digits alone: the test digits, and all other
seeds, are left for the claims.
"""

import csv
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from course_utils.data import load_mnist, shrunk
from course_utils.experiments.sweep import grid
from course_utils.experiments.training import fit
from course_utils.nn import SGD, Adam, mlp

TABLE = Path(__file__).resolve().parents[3] / "data" / "recipes.csv"

WIDTHS = [196, 100, 100, 100, 100, 100, 10]
STEPS, BATCH_SIZE = 550, 100  # once through the 55,000 training digits
GUESSED = 0.9  # the error of a guess, and what a run that diverged is worth
SEARCH_SEEDS, FINALISTS = (0, 1, 2), 40

SCALES, NORMS, SKIPS = (0.5, 2, 6), (None, "layer", "batch"), (False, True)
RATES = {
    "SGD": (0.01, 0.03, 0.1, 0.3, 1, 3),
    "momentum": (0.003, 0.01, 0.03, 0.1, 0.3, 1),
    "AdamW": (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1),
}
ALL_RATES = sorted({lr for rates in RATES.values() for lr in rates})
REGULARIZERS = ("none", "weight decay", "dropout")
DECAYS = {"SGD": 1e-3, "momentum": 1e-3, "AdamW": 0.1}
DROPOUT = 0.1
CHOICES = ("c", "norm", "skip", "optimizer", "regularizer", "lr")


class Split(NamedTuple):
    """Training, validation and test digits, each a pair of images and labels."""

    train: tuple
    validation: tuple
    test: tuple


def small_digits():
    """MNIST at 14 × 14 pixels, a `Split` of 55,000, 5,000 and 10,000; loaded once in a process."""
    return stand_ins[-1] if stand_ins else loaded_digits()


stand_ins = []


@contextmanager
def instead_of_digits(split):
    """For a while `small_digits` gives another `Split`: what a check trains on is small."""
    stand_ins.append(split)
    try:
        yield
    finally:
        stand_ins.pop()


@cache
def loaded_digits():
    """What `small_digits` gives."""
    images, labels = load_mnist("train")
    small = shrunk(images)
    shift, scale = small.mean(), small.std()
    images, test_labels = load_mnist("test")
    test = (shrunk(images) - shift) / scale
    small = (small - shift) / scale
    return Split(
        (small[:55_000], labels[:55_000]), (small[55_000:], labels[55_000:]), (test, test_labels)
    )


def make_optimizer(name, network, lr, weight_decay=0.0):
    """SGD, SGD with momentum 0.9, or AdamW, by name."""
    if name == "AdamW":
        return Adam(network, lr, weight_decay=weight_decay)
    return SGD(network, lr, 0.9 if name == "momentum" else 0.0, weight_decay)


def train_recipe(c, norm, skip, optimizer, regularizer, lr, seed, steps=STEPS, **options):
    """Train one recipe; return `fit`'s History, by default with the validation error at the end.

    Parameters
    ----------
    c, norm, skip
        As `mlp` takes them; `skip` is its ``residual``.
    optimizer, regularizer : str
        Keys of DECAYS; one of REGULARIZERS.
    lr : float
    seed, steps : int
    **options
        For `fit`: `test` and `evaluate_every`.
    """
    train, validation, _ = small_digits()
    p = DROPOUT if regularizer == "dropout" else 0.0
    decay = DECAYS[optimizer] if regularizer == "weight decay" else 0.0
    rng, order = (np.random.default_rng([seed, stream]) for stream in (0, 1))
    network = mlp(WIDTHS, c=c, norm=norm, residual=skip, p=p, rng=rng)
    options = {"batch_size": BATCH_SIZE, "rng": order, "test": validation} | options
    chosen = make_optimizer(optimizer, network, lr, decay)
    return fit(network, chosen, *train, steps=steps, **options)


def run_recipe(**settings):
    """What `sweep` keeps of a recipe on one seed: its last 50 losses and validation error."""
    history = train_recipe(**settings)
    if history.diverged:
        return {"loss": float("nan"), "error": GUESSED}
    return {"loss": float(np.mean(history.losses[-50:])), "error": history.final.error}


def first_round():
    """The settings of every recipe on the first seed, a list of dicts."""
    return [
        settings
        for optimizer, rates in RATES.items()
        for settings in grid(
            c=SCALES,
            norm=NORMS,
            skip=SKIPS,
            optimizer=[optimizer],
            regularizer=REGULARIZERS,
            lr=rates,
            seed=SEARCH_SEEDS[:1],
        )
    ]


def second_round(rows):
    """The settings of the finalists, those with the smallest errors in `rows`, on other seeds.

    FINALISTS recipes of each normalization.
    """
    chosen = [
        row
        for norm in NORMS
        for row in sorted(
            (row for row in rows if row["norm"] == norm), key=lambda row: row["error"]
        )[:FINALISTS]
    ]
    return [
        {name: row[name] for name in CHOICES} | {"seed": seed}
        for seed in SEARCH_SEEDS[1:]
        for row in chosen
    ]


# The table

COLUMNS = (*CHOICES, "seed", "loss", "error")


def write_table(rows, path=TABLE):
    """Write runs, dicts of settings and numbers, four digits each."""
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for row in rows:
            numbers = [f"{row[name]:.4g}" for name in ("loss", "error")]
            table.writerow([row[name] for name in COLUMNS[:-2]] + numbers)


@cache
def read_table(path=TABLE):
    """All runs, as `sweep` returned them: a list of dicts.

    Raises
    ------
    FileNotFoundError
        If there is no table; the message says how to make it.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; make it with: python tools/measure_recipes.py")
    with path.open(newline="") as file:
        return [_typed(row) for row in csv.DictReader(file)]


def _typed(row):
    numbers = {name: float(row[name]) for name in ("c", "lr", "loss", "error")}
    settings = {"norm": row["norm"] or None, "skip": row["skip"] == "True"}
    return row | numbers | settings | {"seed": int(row["seed"])}
