"""What decay does to norms and errors, in several optimizers and under batch norm: C14 and C15."""

from typing import NamedTuple

import numpy as np

from course_utils.data import minibatches
from course_utils.experiments.claims import Claim
from course_utils.experiments.comparison import compare, run_sides, side, small_set
from course_utils.experiments.training import answers, training_steps
from course_utils.experiments.vitals import weight_matrices, weight_norm
from course_utils.nn import SGD, Adam, mlp


class Decoupled:
    """Weight decay directly on W: it shrinks by 1 - lr lambda, then an optimizer takes its step.

    Parameters
    ----------
    optimizer : SGD or Adam
        Without weight decay of its own.
    weight_decay : float
    """

    def __init__(self, optimizer, weight_decay):
        self.optimizer, self.weight_decay = optimizer, weight_decay

    def step(self):
        """Shrink every weight matrix, then update every parameter."""
        for W in weight_matrices(self.optimizer.network):
            W *= 1 - self.optimizer.lr * self.weight_decay
        self.optimizer.step()


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
    """A side for each weight decay, at learning rate 0.1, with `mlp`'s options."""
    return {
        f"λ = {decay:g}": side(LAYER_WIDTHS, 0.1, weight_decay=decay, **options)
        for decay in decays
    }


# Claim C14: it holds the norm, and helps where labels are wrong

DECAYS = (0, 1e-3, 1e-2, 5e-2, 1e-1)
WRONG_SHARES = {"clean": 0.0, "noisy": 0.3}


def decayed(train, test, seed, clean=DECAYS, noisy=DECAYS):
    """The runs of claim C14: 1,000 digits, 1,000 steps, all labels right and 30% of them wrong.

    Parameters
    ----------
    train, test : (ndarray, ndarray)
    seed : int
    clean, noisy : sequence of float
        Which weight decays, where all labels are right and where some are wrong.

    Returns
    -------
    dict of str to dict of str to History
        "clean" and "noisy", each with one run a weight decay.
    """
    return {
        labels: run_sides(
            decay_sides(decays),
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
    """Whether the norm falls with lambda, and the test error with wrong labels only."""
    norms = [numbers[f"clean, norm, λ = {decay}"] for decay in ("0", "0.001", "0.01", "0.1")]
    clean = [numbers[f"clean, test error, λ = {decay}"] for decay in ("0", "0.01")]
    noisy = [numbers[f"noisy, test error, λ = {decay}"] for decay in ("0", "0.05")]
    return (
        all(np.diff(norms) < 0)
        and norms[2] < 0.6 * norms[0]
        and abs(clean[1] - clean[0]) < 0.02
        and noisy[1] < noisy[0] - 0.03
    )


C14 = Claim(
    id="C14",
    statement="Decay holds the norm down, and the error where labels are wrong",
    conditions="1,000 digits, 784-128-128-10, SGD, learning rate 0.1, 1,000 steps; 30% wrong "
    "labels, λ = 0.05: by more than 3 points; right labels, λ = 0.01: within 2 points, but from "
    "λ = 0.05 on the error rises",
    run=decayed,
    numbers=c14_numbers,
    holds=c14_holds,
)


# Claim C15: the norm is a poor proxy for complexity

INITIAL_SCALES = (0.25, 0.5, 1, 2)
BUDGETS = (1200, 3600)  # steps


def undecayed(train, test, seed, scales=INITIAL_SCALES, budgets=BUDGETS):
    """The runs of claim C15: all training digits, initial scales, no weight decay.

    Parameters
    ----------
    train, test : (ndarray, ndarray)
    seed : int
    scales : sequence of float
        The c of the sides.
    budgets : sequence of int
        Numbers of steps; each is a training of its own.

    Returns
    -------
    dict of int to dict of str to History
        For each budget, one run a scale.
    """
    sides = {f"c = {c:g}": side(LAYER_WIDTHS, 0.1, c=c) for c in scales}
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
    """Whether the norms differ clearly, and the larger one goes with no clearly larger error."""
    norms, errors = (
        [numbers[f"1200 steps, {what}, c = {c}"] for c in ("0.25", "2")]
        for what in ("norm", "test error")
    )
    return norms[1] > 1.6 * norms[0] and errors[1] < errors[0] + 0.01


C15 = Claim(
    id="C15",
    statement="The norm is a poor proxy for complexity: more norm, no more error",
    conditions="60,000 digits, 784-128-128-10, SGD without decay, learning rate 0.1, 1,200 steps; "
    "c = 2 against c = 0.25: more than 1.6 times the norm, less than a point more test error; with "
    "few digits and a huge c a larger norm does go with a larger error",
    run=undecayed,
    numbers=c15_numbers,
    holds=c15_holds,
)


# Under batch normalization


def observe_hidden(network, train):
    """As `observe`, with the norm of the second hidden matrix alone."""
    hidden = weight_matrices(network)[1]
    return observe(network, train)._replace(norm=float(np.linalg.norm(hidden)))


def decayed_with_batch_norm(train, test, seeds, decays):
    """Runs with batch norm on 5,000 digits, 600 steps; the second hidden matrix is followed."""
    return compare(
        decay_sides(decays, norm="batch"),
        lambda seed: small_set(train, seed, m=5000),
        test,
        steps=600,
        batch_size=50,
        seeds=seeds,
        observe=observe_hidden,
        observe_every=100,
    )


# L2 against decoupled

OPTIMIZERS = {
    "SGD": lambda network, decay: SGD(network, 0.1, weight_decay=decay),
    "momentum": lambda network, decay: SGD(network, 0.02, momentum=0.9, weight_decay=decay),
    "Adam": lambda network, decay: Adam(network, 0.002, weight_decay=decay, decoupled=False),
}


def trained_weights(optimizer, weight_decay, decoupled, train, seed, steps=200):
    """All weights of a network 784-32-10 in float64 after training, one vector.

    Parameters
    ----------
    optimizer : {"SGD", "momentum", "Adam"}
    weight_decay : float
    decoupled : bool
        Decay directly on W, or as the gradient of the penalty.
    train : (ndarray, ndarray)
    seed, steps : int

    Returns
    -------
    ndarray
    """
    network = mlp([784, 32, 10], rng=np.random.default_rng([seed, 0]), dtype=np.float64)
    make = OPTIMIZERS[optimizer]
    if decoupled:
        chosen = Decoupled(make(network, 0), weight_decay)
    else:
        chosen = make(network, weight_decay)
    batches = minibatches(*train, 50, np.random.default_rng([seed, 1]), epochs=None)
    for _ in training_steps(network, chosen, batches, steps=steps):
        pass
    return np.concatenate([W.ravel() for W in weight_matrices(network)])


# A fit in one dimension


def noisy_sine(noise, draw, m=15):
    """m points of a sine with normal noise: x and y, shape (m, 1), x in about [-1, 1]."""
    rng = np.random.default_rng(draw)
    x = np.linspace(-1, 1, m)[:, None] + rng.uniform(-0.04, 0.04, (m, 1))
    return x, np.sin(np.pi * x) + noise * rng.standard_normal((m, 1))


def curve_network(seed=0, width=50):
    """A tanh network from one number to one, whose units bend all over [-1, 1] from the start."""
    rng = np.random.default_rng(seed)
    network = mlp([1, width, width, 1], activation="tanh", c=1.0, rng=rng, dtype=np.float64)
    network.params["0.W"][:] = 6 * rng.standard_normal((1, width))
    network.params["0.b"][:] = 6 * rng.uniform(-1, 1, width)
    return network
