"""A recipe is all that makes a training, as a dict; a fault and a prescription change some of it."""

from dataclasses import dataclass, field
from functools import cache

import numpy as np

from course_utils.checks import check_choice
from course_utils.data import few_digits, load_mnist, minibatches, shrunk, standardize
from course_utils.experiments.training import evaluate, training_steps
from course_utils.experiments.vitals import vital_signs
from course_utils.nn import SGD, BatchNorm, Dropout, LayerNorm, ReLU, mlp

STEPS, BATCH_SIZE, DIGITS, TEST_DIGITS = 400, 50, 10_000, 1000
TEST_BATCH = 100
LOOKS = (0, 1, 2, 5, 10, 20, *range(50, STEPS + 1, 50))  # the steps behind which signs are taken

PLAIN = {
    "depth": 8, "width": 50, "c": 2, "activation": ReLU, "norm": None, "p": 0, "dropout": Dropout,
    "optimizer": SGD, "lr": 0.05, "weight_decay": 0.01,
    "pixels": standardize, "test_pixels": None, "labels": None,
}  # fmt: skip
HEALTHY = {
    "plain": PLAIN,
    "batch norm": PLAIN | {"depth": 6, "width": 100, "norm": BatchNorm, "lr": 0.1},
    "layer norm": PLAIN
    | {"depth": 6, "width": 100, "norm": LayerNorm, "lr": 0.1, "weight_decay": 0},
    "dropout": PLAIN | {"depth": 4, "width": 200, "c": 1, "p": 0.5, "lr": 0.1, "weight_decay": 0},
}


@dataclass
class Chart:
    """What can be seen of a patient, and no more: the recipe is not in it.

    Attributes
    ----------
    losses : list of float
        The training loss at every step.
    signs : dict of int to VitalSigns
        By the number of steps done; on 200 training digits, in training mode.
    train, test : dict of int to Evaluation
        By the number of steps done; in evaluation mode, or what the patient makes of it.
    again, company : float
        Share of the test digits that at the end get another answer when they are asked a second
        time, in the same batches; in other ones. NaN while it trains.
    """

    losses: list = field(default_factory=list)
    signs: dict = field(default_factory=dict)
    train: dict = field(default_factory=dict)
    test: dict = field(default_factory=dict)
    again: float = np.nan
    company: float = np.nan

    @property
    def steps(self):
        """Steps done when it was last looked at."""
        return max(self.signs)


@cache
def small_digits():
    """MNIST at 14 × 14 pixels, not standardized: train and test, the first 1,000 by class.

    Loaded once in a process.
    """
    images, labels = load_mnist("train")
    test_images, test_labels = load_mnist("test")
    order = np.argsort(test_labels[:TEST_DIGITS], kind="stable")
    return (shrunk(images), labels), (shrunk(test_images[:TEST_DIGITS])[order], test_labels[order])


def unsteady(answer, images, order):
    """Share of the images that get another answer when they are asked again, in another order."""
    first = answer(images)
    second = np.empty_like(first)
    second[order] = answer(images[order])
    return np.mean(first != second)


def in_batches(network):
    """The network's answers to images, a batch at a time, as a function: (m, n) to (m,)."""

    def answer(images):
        batches = np.split(images, range(TEST_BATCH, len(images), TEST_BATCH))
        with np.errstate(over="ignore", invalid="ignore"):
            return np.concatenate([network.forward(batch).argmax(axis=1) for batch in batches])

    return answer


def train(recipe, seed, unsteady=unsteady):
    """Train by a recipe and yield after every look: the `Chart` so far, always the same one.

    Parameters
    ----------
    recipe : dict
        With the keys of PLAIN. ``pixels`` and ``test_pixels`` (None: the same) map images from 0 to
        1 to what goes into the network, ``labels`` (None: as they are) maps labels to labels.
    seed : int
        Of digits, network and order, as everywhere.
    unsteady : callable
        A student's own.

    Raises
    ------
    ValueError
        For a key that no recipe has.
    """
    for key in recipe:
        check_choice("each key of a recipe", key, PLAIN)
    digits, (test_images, test_labels) = small_digits()
    weights, order, draw, faulty = (np.random.default_rng([seed, i]) for i in range(4))
    images, labels = few_digits(digits, DIGITS, draw)
    images = recipe["pixels"](images)
    test_images = (recipe["test_pixels"] or recipe["pixels"])(test_images)
    labels = labels if recipe["labels"] is None else recipe["labels"](labels, faulty)
    names = ("c", "activation", "norm", "p", "dropout")
    widths = [images.shape[1], *[recipe["width"]] * recipe["depth"], 10]
    network = mlp(widths, rng=weights, **{name: recipe[name] for name in names})
    optimizer = recipe["optimizer"](network, recipe["lr"], weight_decay=recipe["weight_decay"])
    chart = Chart()

    def look():
        step = len(chart.losses)
        chart.signs[step] = vital_signs(network, optimizer, images[:200], labels[:200])
        chart.train[step] = evaluate(network, images[:1000], labels[:1000], TEST_BATCH)
        chart.test[step] = evaluate(network, test_images, test_labels, TEST_BATCH)
        return chart

    batches = minibatches(images, labels, BATCH_SIZE, order, epochs=None)
    network.train()
    yield look()
    for loss in training_steps(network, optimizer, batches, steps=STEPS):
        chart.losses.append(loss)
        if len(chart.losses) in LOOKS or not np.isfinite(loss):
            yield look()
    if np.isfinite(chart.test[chart.steps].loss):
        network.eval()
        answer = in_batches(network)
        chart.again = unsteady(answer, test_images, np.arange(len(test_images)))
        chart.company = unsteady(answer, test_images, order.permutation(len(test_images)))
    yield chart


# What may be wrong with the digits


def to_255(images):
    """Gray values from 0 to 255, not standardized."""
    return 255 * images


def as_read(images):
    """Gray values from 0 to 1, not standardized."""
    return images


def shuffled(labels, rng):
    """The labels of other digits."""
    return rng.permutation(labels)
