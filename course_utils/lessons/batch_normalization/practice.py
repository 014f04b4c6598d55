"""What goes wrong in practice, what the original paper promises, and a clue, over many seeds."""

from dataclasses import dataclass

import numpy as np

from course_utils.experiments.claims import Measurement
from course_utils.experiments.comparison import run_sides, side, small_set
from course_utils.experiments.curvature import descend, pooled, sharpness, tanh_network
from course_utils.lessons.batch_normalization.experiments import NORMS


def final_errors(runs):
    """By side, the share of wrong answers on test digits at the end."""
    return {name: run.final.error for name, run in runs.items()}


# What goes wrong

TINY = (2, 4, 16, 64)


def tiny_batches(train, test, seed):
    """Runs of 1,000 steps by batch size, with and without batch norm."""
    widths, runs = [784, 100, 100, 10], {}
    sides = {f"{name} BN": side(widths, lr=0.01, norm=norm) for name, norm in NORMS.items()}
    for m in TINY:
        of_this_size = run_sides(sides, train, test, seed, steps=1000, batch_size=m)
        runs |= {f"m = {m}, {name}": run for name, run in of_this_size.items()}
    return runs


TINY_BATCHES = Measurement(id="tiny batches", run=tiny_batches, numbers=final_errors)


# What the original paper promises


def regularizer(train, test, seed):
    """Runs with dropout, batch norm, both and neither: 1,000 digits, 3 labels in 10 wrong."""
    sides = {
        f"{name} BN, {'dropout' if p else 'no dropout'}": side(
            [784, 256, 256, 10], lr=0.1, norm=norm, p=p
        )
        for name, norm in NORMS.items()
        for p in (0, 0.5)
    }
    small = small_set(train, seed, wrong=0.3)
    return run_sides(sides, small, test, seed, steps=400, batch_size=50)


REGULARIZER = Measurement(id="regularizer", run=regularizer, numbers=final_errors)


# A clue: the largest step and the sharpness

MULTIPLES = 2.0 ** np.arange(-1, 7)


@dataclass(frozen=True)
class Descents:
    """Gradient descent from one start at learning rates in units of 2 / sharpness.

    Attributes
    ----------
    sharpness : float
        At the start.
    ratios : ndarray, shape (len(MULTIPLES),)
        The loss after 30 steps over that at the start, at MULTIPLES times 2 / sharpness.
    """

    sharpness: float
    ratios: np.ndarray

    @property
    def largest_multiple(self):
        """The largest of MULTIPLES up to which the loss always came down; 0 if there is none."""
        failing = ~(self.ratios < 1)
        first = int(failing.argmax()) if failing.any() else len(self.ratios)
        return float(MULTIPLES[first - 1]) if first else 0.0


def steps_against_sharpness(train, test, seed):
    """Where gradient descent on 500 digits begins to fail: by "with" and "without", `Descents`."""
    x, labels = pooled(train[0][:500]), train[1][:500]
    found = {}
    for name, norm in NORMS.items():
        network = tanh_network(norm, seed)
        sharp = sharpness(network, x, labels, rng=np.random.default_rng([seed, 4]))
        paths = [descend(network, x, labels, multiple * 2 / sharp) for multiple in MULTIPLES]
        found[name] = Descents(sharp, np.array([losses[-1] / losses[0] for losses in paths]))
    return found


def step_numbers(found):
    """The sharpness at the start, and the largest step that trains."""
    numbers = {}
    for name, descents in found.items():
        numbers[f"sharpness, {name} BN"] = descents.sharpness
        numbers[f"largest multiple, {name} BN"] = descents.largest_multiple
    return numbers


STEPS = Measurement(id="steps", run=steps_against_sharpness, numbers=step_numbers)
