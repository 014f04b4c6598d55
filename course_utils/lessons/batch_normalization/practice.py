"""What goes wrong in practice, and what the original paper promises, over many seeds."""

from course_utils.experiments.claims import Measurement
from course_utils.experiments.comparison import run_sides, side, small_set
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
