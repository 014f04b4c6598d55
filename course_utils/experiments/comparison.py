"""Comparing networks: the same data, order, budget and seeds on every side."""

from dataclasses import dataclass, field

import numpy as np
from tqdm.auto import tqdm

from course_utils.data import few_digits
from course_utils.experiments.training import fit
from course_utils.nn import SGD, mlp


@dataclass
class Comparison:
    """Runs that differ in one thing, over the same seeds.

    Attributes
    ----------
    seeds : tuple of int
    histories : dict of str to list of History
        By side, one run a seed.
    """

    seeds: tuple
    histories: dict = field(default_factory=dict)

    def losses(self, side, window=50):
        """Mean loss over the last `window` steps, shape (seeds,); NaN where a run diverged."""
        return np.array([np.mean(run.losses[-window:]) for run in self.histories[side]])

    def errors(self, side):
        """Share of wrong answers at the end, shape (seeds,); NaN where a run diverged."""
        return np.array(
            [np.nan if run.diverged_at is not None else run.final.error
             for run in self.histories[side]]
        )  # fmt: skip

    def diverged(self, side):
        """Whether each run's loss stopped being finite, shape (seeds,)."""
        return np.array([run.diverged_at is not None for run in self.histories[side]])

    def only(self, sides):
        """The runs of some sides."""
        return Comparison(self.seeds, {side: self.histories[side] for side in sides})

    def by_seed(self):
        """A dict of side to History for each seed."""
        sides = self.histories.items()
        return [{side: runs[i] for side, runs in sides} for i in range(len(self.seeds))]

    def __str__(self):
        lines = [f"{'':16}  loss over the last 50 steps   test error   ({len(self.seeds)} seeds)"]
        for side in self.histories:
            if self.diverged(side).all():
                lines.append(f"{side:16}  not a number in every run")
                continue
            loss, error = self.losses(side), self.errors(side)
            lines.append(
                f"{side:16}  {np.nanmin(loss):.3f} to {np.nanmax(loss):.3f}"
                f"{'':13}  {np.nanmin(error):.3f} to {np.nanmax(error):.3f}"
                + (
                    f"   ({self.diverged(side).sum()} diverged)"
                    if self.diverged(side).any()
                    else ""
                )
            )
        return "\n".join(lines)


def side(widths, lr, momentum=0.0, weight_decay=0.0, **options):
    """A side for `compare`: a network of these widths, with `mlp`'s options, and SGD."""

    def make(rng):
        network = mlp(widths, rng=rng, **options)
        return network, SGD(network, lr, momentum, weight_decay)

    return make


def small_set(train, seed, m=1000, wrong=0.0):
    """The m training digits of a seed, a share of them with a wrong label: (images, labels).

    The same for every side, and the same digits whatever the share (`few_digits`).
    """
    return few_digits(train, m, np.random.default_rng([seed, 2]), wrong)


def run_side(make, train, test, seed, *, observe=None, **options):
    """One run of a side, from the random numbers that `compare` gives it.

    Returns
    -------
    network : layer
        As it is at the end.
    history : History
    """
    network, optimizer = make(np.random.default_rng([seed, 0]))
    history = fit(
        network,
        optimizer,
        *train,
        rng=np.random.default_rng([seed, 1]),
        test=test,
        observe=observe and (lambda network: observe(network, train)),
        **options,
    )
    return network, history


def compare(sides, train, test, *, steps, batch_size, seeds, progress=True, **options):
    """Train each side on the same data, in the same order, for as long, from the same seeds.

    For each seed every side starts from the same random numbers and sees the same minibatches: what
    differs is what the sides do with them.

    Parameters
    ----------
    sides : dict of str to callable
        ``side(rng) -> (network, optimizer)``.
    train : (ndarray, ndarray), or callable
        Images and labels, or ``train(seed)`` which gives them: each seed its own, every side the
        same.
    test : (ndarray, ndarray)
        Images and labels.
    steps, batch_size : int
    seeds : sequence of int
        At least two: one run shows no spread.
    progress : bool
        Show a progress bar.
    **options
        `evaluate_every` as for `fit`, and `observe`, called as ``observe(network, train)`` with the
        seed's training data.

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
    options |= {"steps": steps, "batch_size": batch_size}
    finished, runs = [], {side: [] for side in sides}
    with tqdm(total=len(sides) * len(seeds), disable=not progress, leave=False) as bar:
        for seed in seeds:
            digits = train(seed) if callable(train) else train
            for name, make in sides.items():
                _, run = run_side(make, digits, test, seed, **options)
                if run.interrupted:
                    return Comparison(
                        tuple(finished), {s: r[: len(finished)] for s, r in runs.items()}
                    )
                runs[name].append(run)
                bar.update()
            finished.append(seed)
    return Comparison(seeds, runs)
