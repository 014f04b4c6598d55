"""Comparing networks: the same data, order, budget and seeds on every side."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from course_utils.data import few_digits
from course_utils.experiments.progress import progress_bar
from course_utils.experiments.training import fit
from course_utils.nn import SGD, Adam, mlp


@dataclass(frozen=True)
class Comparison:
    """Runs that differ in one thing, over the same seeds.

    Attributes
    ----------
    by_seed : dict of int to dict of str to History
        For each seed, one run a side.
    """

    by_seed: dict

    @property
    def seeds(self):
        """The seeds, a tuple."""
        return tuple(self.by_seed)

    @property
    def sides(self):
        """The names of the sides, a list."""
        return list(next(iter(self.by_seed.values()), {}))

    def runs(self, side):
        """One side's runs, a list of History in the order of the seeds."""
        return [runs[side] for runs in self.by_seed.values()]

    def losses(self, side, window=50):
        """Mean loss over the last `window` steps, shape (seeds,); NaN where a run diverged."""
        return np.array([np.mean(run.losses[-window:]) for run in self.runs(side)])

    def errors(self, side):
        """Share of wrong answers at the end, shape (seeds,); NaN where a run diverged."""
        finals = [np.nan if run.diverged else run.final.error for run in self.runs(side)]
        return np.array(finals)

    def diverged(self, side):
        """Whether each run's loss stopped being finite, shape (seeds,)."""
        return np.array([run.diverged for run in self.runs(side)])


def side(widths, lr, momentum=0.0, weight_decay=0.0, optimizer=SGD, **options):
    """A side for `compare`: a network of these widths, with `mlp`'s options, and its optimizer.

    ``optimizer(network, lr, momentum, weight_decay)`` makes it: SGD, or one's own.
    """

    def make(rng):
        network = mlp(widths, rng=rng, **options)
        return network, optimizer(network, lr, momentum, weight_decay)

    return make


def adam(network, lr, momentum=0.9, weight_decay=0.0):
    """Adam as the optimizer of a `side`: the momentum is the first of its betas."""
    return Adam(network, lr, betas=(momentum, 0.999), weight_decay=weight_decay)


def small_set(train, seed, m=1000, wrong=0.0):
    """The m training digits of a seed, a share of them with a wrong label: (images, labels).

    The same for every side, and the same digits whatever the share (`few_digits`).
    """
    return few_digits(train, m, np.random.default_rng([seed, 2]), wrong)


def run_side(make, train, test, seed, **options):
    """One run of a side, from the random numbers that `compare` gives it.

    Parameters
    ----------
    make : callable
        ``make(rng) -> (network, optimizer)``.
    train, test : (ndarray, ndarray)
        Images and labels; `test` may be None.
    seed : int
    **options
        For `fit`: `steps`, `batch_size` and more.

    Returns
    -------
    network : layer
        As it is at the end.
    history : History
    """
    network, optimizer = make(np.random.default_rng([seed, 0]))
    rng = np.random.default_rng([seed, 1])
    return network, fit(network, optimizer, *train, rng=rng, test=test, **options)


def run_sides(sides, train, test, seed, **options):
    """One seed's runs: each side on the same data, in the same order, for as long.

    Every side starts from the same random numbers and sees the same minibatches: what differs is
    what the sides do with them.

    Parameters
    ----------
    sides : dict of str to callable
        ``side(rng) -> (network, optimizer)``.
    train : (ndarray, ndarray), or callable
        Images and labels, or ``train(seed)`` which gives them.
    test : (ndarray, ndarray)
    seed : int
    **options
        As for `run_side`.

    Returns
    -------
    dict of str to History

    Raises
    ------
    KeyboardInterrupt
        If a run is interrupted: a seed is whole or is none.
    """
    digits = train(seed) if callable(train) else train
    runs = {}
    for name, make in sides.items():
        _, runs[name] = run_side(make, digits, test, seed, **options)
        if runs[name].interrupted:
            raise KeyboardInterrupt
    return runs


def over_seeds(run, seeds, progress=True):
    """``run(seed)`` for each seed: a dict by seed, of what is done if it is interrupted."""
    found = {}
    try:
        with progress_bar(len(seeds), progress) as bar:
            for seed in seeds:
                found[seed] = run(seed)
                bar.update()
    except KeyboardInterrupt:
        pass
    return found


def compare(sides, train, test, *, steps, batch_size, seeds, progress=True, **options):
    """Train each side on the same data, in the same order, for as long, from the same seeds.

    Parameters
    ----------
    sides, train, test
        As for `run_sides`; a callable `train` gives each seed its own data, every side the same.
    steps, batch_size : int
    seeds : sequence of int
        At least two: one run shows no spread.
    progress : bool
        Show a progress bar.
    **options
        `evaluate_every`, `observe` and `observe_every` as for `fit`.

    Returns
    -------
    Comparison
        With what is done so far if it is interrupted: the seeds that every side has finished.

    Raises
    ------
    ValueError
        For fewer than two sides or seeds.
    """
    seeds = tuple(seeds)
    if len(sides) < 2 or len(seeds) < 2:
        raise ValueError(
            f"compare needs at least 2 sides and 2 seeds, got {len(sides)} and {len(seeds)}"
        )
    run = partial(run_sides, sides, train, test, steps=steps, batch_size=batch_size, **options)
    return Comparison(over_seeds(run, seeds, progress))
