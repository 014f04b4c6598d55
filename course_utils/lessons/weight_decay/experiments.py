"""What decay does to norms and errors, and under batch norm: claims C14 and C15."""

from typing import NamedTuple

import numpy as np

from course_utils.experiments.claims import Claim
from course_utils.experiments.comparison import compare, run_sides, side, small_set
from course_utils.experiments.training import answers
from course_utils.experiments.vitals import weight_matrices, weight_norm
from course_utils.nn import SGD

# Runs whose norms are followed

EVERY = 50  # steps between two observations
LAYER_WIDTHS = [784, 128, 128, 10]


class Observed(NamedTuple):
    """The norm of the weights, and the answers to at most 5,000 training digits.

    The error is the share of answers that are not the labels as given.
    """

    norm: float
    error: float
    answers: np.ndarray


def observe(network, train):
    """What is followed in a run: `Observed`, of all weight matrices."""
    images, labels = (array[:5000] for array in train)
    given = answers(network, images)
    return Observed(weight_norm(network), float(np.mean(given != labels)), given)


def paths(runs):
    """The observed norms of one side's runs, shape (seeds, points)."""
    return np.array([[observed.norm for observed in run.observations.values()] for run in runs])


def over_decays(labels):
    """Norms and test errors of claim C14 in the table, each (seeds, decays); "clean" or "noisy"."""
    return tuple(
        np.transpose([C14.number(f"{labels}, {what}, λ = {decay:g}") for decay in DECAYS])
        for what in ("norm", "test error")
    )


def by_budget_and_scale():
    """Norms and test errors of claim C15 in the table, by number of steps and by c."""
    return {
        steps: {
            c: tuple(
                C15.number(f"{steps} steps, {what}, c = {c:g}") for what in ("norm", "test error")
            )
            for c in INITIAL_SCALES
        }
        for steps in BUDGETS
    }


def changes(claim, before, after):
    """How a number of a claim changes between two settings, over the table's seeds: an array."""
    return np.subtract(claim.number(after), claim.number(before))


def norms_and_errors(runs, prefix):
    """Final norm and both errors of one seed's runs, as the numbers of a claim."""
    numbers = {}
    for name, run in runs.items():
        observed = run.observations[len(run.losses)]
        numbers[f"{prefix}norm, {name}"] = observed.norm
        numbers[f"{prefix}train error, {name}"] = observed.error
        numbers[f"{prefix}test error, {name}"] = run.final.error
    return numbers


def decay_sides(decays, **options):
    """A side for each weight decay, at learning rate 0.1, with `side`'s options."""
    return {
        f"λ = {decay:g}": side(LAYER_WIDTHS, 0.1, weight_decay=decay, **options) for decay in decays
    }


# Claim C14: it holds the norm, helps where labels are wrong, and costs where they are right

DECAYS = (0, 1e-3, 1e-2, 5e-2, 1e-1)
WRONG_SHARES = {"clean": 0.0, "noisy": 0.3}


def decayed(train, test, seed, clean=DECAYS, noisy=DECAYS, optimizer=SGD):
    """The runs of claim C14: 1,000 digits, 1,000 steps, all labels right and 30% of them wrong.

    Parameters
    ----------
    train, test : (ndarray, ndarray)
    seed : int
    clean, noisy : sequence of float
        Which weight decays, where all labels are right and where some are wrong.
    optimizer : callable
        As `side` takes it.

    Returns
    -------
    dict of str to dict of str to History
        "clean" and "noisy", each with one run a weight decay.
    """
    return {
        labels: run_sides(
            decay_sides(decays, optimizer=optimizer),
            small_set(train, seed, wrong=WRONG_SHARES[labels]),
            test,
            seed,
            steps=1000,
            batch_size=50,
            observe=observe,
            observe_every=EVERY,
        )
        for labels, decays in (("clean", clean), ("noisy", noisy))
    }


def c14_numbers(runs):
    """What claim C14 is judged by: norms and errors by weight decay, clean and noisy."""
    clean = norms_and_errors(runs["clean"], "clean, ")
    return clean | norms_and_errors(runs["noisy"], "noisy, ")


def c14_holds(numbers):
    """Whether λ = 0.1 shortens the weights, lowers the one error and raises the other."""
    change = {}
    for labels in WRONG_SHARES:
        norms = [numbers[f"{labels}, norm, λ = {decay}"] for decay in ("0", "0.1")]
        errors = [numbers[f"{labels}, test error, λ = {decay}"] for decay in ("0", "0.1")]
        if norms[1] > norms[0] / 4:
            return False
        change[labels] = errors[1] - errors[0]
    return change["noisy"] < -0.01 and change["clean"] > 0.01


C14 = Claim(
    id="C14",
    statement="The same weight decay shortens the weights, lowers the test error where labels are "
    "wrong, and raises it where all are right",
    conditions="1,000 digits, 784-128-128-10, SGD, learning rate 0.1, 1,000 steps; λ = 0.1 against "
    "0: the norm falls below a quarter; with 30% wrong labels the error falls by more than a "
    "point, with right ones it rises by more than a point; at λ = 0.01 the errors move either way, at "
    "0.05 not on every seed by as much",
    run=decayed,
    numbers=c14_numbers,
    holds=c14_holds,
    seeds=(3, 4),
)


# Claim C15: the norm tells little about the test error

INITIAL_SCALES = (0.25, 0.5, 1, 2)
BUDGETS = (1200, 3600)  # steps


def undecayed(train, test, seed, scales=INITIAL_SCALES, budgets=BUDGETS, optimizer=SGD):
    """The runs of claim C15: all training digits, initial scales, no weight decay.

    Parameters
    ----------
    train, test : (ndarray, ndarray)
    seed : int
    scales : sequence of float
        The c of the sides.
    budgets : sequence of int
        Numbers of steps; each is a training of its own.
    optimizer : callable
        As `side` takes it.

    Returns
    -------
    dict of int to dict of str to History
        For each budget, one run a scale.
    """
    sides = {f"c = {c:g}": side(LAYER_WIDTHS, 0.1, c=c, optimizer=optimizer) for c in scales}
    return {
        steps: run_sides(sides, train, test, seed, steps=steps, batch_size=100, observe=observe)
        for steps in budgets
    }


def c15_numbers(runs):
    """What claim C15 is judged by: norms and errors by initial scale, for each budget."""
    numbers = {}
    for steps, by_scale in runs.items():
        numbers |= norms_and_errors(by_scale, f"{steps} steps, ")
    return numbers


def c15_holds(numbers):
    """Whether the norms differ clearly and the errors hardly, in either direction."""
    norms, errors = (
        [numbers[f"1200 steps, {what}, c = {c}"] for c in ("0.25", "2")]
        for what in ("norm", "test error")
    )
    return norms[1] > 1.8 * norms[0] and abs(errors[1] - errors[0]) < 0.015


C15 = Claim(
    id="C15",
    statement="Weights twice as long, the same test error: the norm alone tells little about it",
    conditions="60,000 digits, 784-128-128-10, SGD without decay, learning rate 0.1, 1,200 steps; "
    "c = 2 against c = 0.25: more than 1.8 times the norm, the test error within 1.5 points either "
    "way; with few digits and a huge c a larger norm does go with a larger error",
    run=undecayed,
    numbers=c15_numbers,
    holds=c15_holds,
    seeds=(3, 4),
)


# Under batch normalization


def hidden_norm(network, train):
    """What is followed under batch norm: the norm of the second hidden matrix."""
    return float(np.linalg.norm(weight_matrices(network)[1]))


def decayed_with_batch_norm(train, test, seeds, decays, optimizer=SGD):
    """Runs with batch norm on 5,000 digits, 600 steps; the second hidden matrix is followed."""
    return compare(
        decay_sides(decays, norm="batch", optimizer=optimizer),
        lambda seed: small_set(train, seed, m=5000),
        test,
        steps=600,
        batch_size=50,
        seeds=seeds,
        observe=hidden_norm,
        observe_every=100,
    )


def effective_rates(comparison, side):
    """1 / ||W||^2 of a side's hidden matrix over training, at the start 1: (seeds, points)."""
    norms = np.array([list(run.observations.values()) for run in comparison.runs(side)])
    return (norms[:, :1] / norms) ** 2


# What became of the wrong labels


def fate_of_labels(by_seed, train, side):
    """How a side of C14's noisy runs reads its 1,000 training digits, medians over seeds: a dict.

    "believed" and "repaired": of the digits with a wrong label, the share that is read as labeled
    and as what it is. "missed": of those with the right label, the share that is misread.
    """
    shares = []
    for seed, runs in by_seed.items():
        right, given = small_set(train, seed)[1], small_set(train, seed, wrong=0.3)[1]
        read = runs["noisy"][side].observations[1000].answers
        spoiled = given != right
        parts = (read == given)[spoiled], (read == right)[spoiled], (read != right)[~spoiled]
        shares.append([part.mean() for part in parts])
    return dict(zip(("believed", "repaired", "missed"), np.median(shares, axis=0).tolist()))


def dots(by_seed):
    """The norm, the test error and the share of wrong labels of each of C14's runs: a dict."""
    return {
        f"{labels}, {name}, seed {seed}": (
            run.observations[1000].norm, run.final.error, WRONG_SHARES[labels]
        )
        for seed, runs in by_seed.items()
        for labels, sides in runs.items()
        for name, run in sides.items()
    }  # fmt: skip
