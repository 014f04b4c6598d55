"""Experiments on weight decay: norms and errors, claims C14 and C15, decay under batch norm."""

from itertools import islice
from typing import NamedTuple

import numpy as np

from course_utils.data import minibatches
from course_utils.experiments.claims import Claim
from course_utils.experiments.comparison import compare, side, small_set
from course_utils.experiments.training import answers, training_steps
from course_utils.nn import SGD, Adam, mlp
from course_utils.nn.optim import is_weight


def weight_matrices(network):
    """The network's weight matrices, a list."""
    return [param for key, param in network.params.items() if is_weight(key)]


def weight_norm(network):
    """The root of the sum of all squared weights, biases and the like left out."""
    return float(np.sqrt(sum(np.sum(np.square(W)) for W in weight_matrices(network))))


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


class Observed(NamedTuple):
    """The norm of the weights, and the answers to at most 5,000 training digits."""

    norm: float
    error: float
    answers: np.ndarray


def observe(network, train):
    """What is followed in a run; the error is on the labels as given."""
    images, labels = (array[:5000] for array in train)
    given = answers(network, images)
    return Observed(weight_norm(network), float(np.mean(given != labels)), given)


def paths(runs):
    """The observed norms of one side's runs, shape (seeds, points)."""
    return np.array([[norm for norm, *_ in run.observations.values()] for run in runs])


def by_seed(comparison, prefix=""):
    """Final norms and both errors as the figures of a claim, one dict a seed."""
    figures = []
    for runs in comparison.by_seed():
        figures.append({})
        for name, run in runs.items():
            observed = run.observations[len(run.losses)]
            figures[-1] |= {
                f"{prefix}norm, {name}": observed.norm,
                f"{prefix}train error, {name}": observed.error,
                f"{prefix}test error, {name}": run.final.error,
            }
    return figures


# Claim C14: it holds the norm, and helps where labels are wrong

SMALL = [784, 128, 128, 10]
DECAYS = (0, 1e-3, 1e-2, 5e-2, 1e-1)
WRONG_SHARE = 0.3


def name_of(weight_decay):
    """How a side is called."""
    return f"λ = {weight_decay:g}"


def decayed(train, test, seeds, wrong, decays=DECAYS, progress=True):
    """The runs of claim C14: 1,000 digits, 1,000 steps, with a share of wrong labels."""
    return compare(
        {name_of(decay): side(SMALL, 0.1, weight_decay=decay) for decay in decays},
        lambda seed: small_set(train, seed, wrong=wrong),
        test,
        steps=1000,
        batch_size=50,
        seeds=seeds,
        progress=progress,
        observe=observe,
        evaluate_every=EVERY,
    )


def c14_figures(clean, noisy):
    """The figures that claim C14 is judged by, one dict a seed, from the runs of `decayed`."""
    both = zip(by_seed(clean, "clean, "), by_seed(noisy, "noisy, "), strict=True)
    return [one | other for one, other in both]


def c14_holds(figures):
    """Whether the norm falls with lambda, and the test error with wrong labels only."""
    norms = [figures[f"clean, norm, {name_of(decay)}"] for decay in (0, 1e-3, 1e-2, 1e-1)]
    clean = [figures[f"clean, test error, {name_of(decay)}"] for decay in (0, 1e-2)]
    noisy = [figures[f"noisy, test error, {name_of(decay)}"] for decay in (0, 5e-2)]
    return (
        all(np.diff(norms) < 0)
        and norms[2] < 0.6 * norms[0]
        and abs(clean[1] - clean[0]) < 0.02
        and noisy[1] < noisy[0] - 0.03
    )


C14 = Claim(
    id="C14",
    notebook="06",
    statement="Decay holds the norm down, and the error where labels are wrong",
    conditions="1,000 digits, 784-128-128-10, SGD, learning rate 0.1, 1,000 steps; 30% wrong "
    "labels, λ = 0.05: by more than 3 points; right labels, λ = 0.01: within 2 points, but from "
    "λ = 0.05 on the error rises",
    seeds=(3, 4, 5),
    measure=lambda train, test, seeds: c14_figures(
        *(decayed(train, test, seeds, wrong, progress=False) for wrong in (0, WRONG_SHARE))
    ),
    holds=c14_holds,
)


# Claim C15: the norm is a poor proxy for complexity

SCALES = (0.25, 0.5, 1, 2)
BUDGETS = (1200, 3600)


def scaled(train, test, seeds, scales=SCALES, steps=BUDGETS[0], progress=True):
    """The runs of claim C15: all training digits, initial scales, no weight decay."""
    return compare(
        {f"c = {c:g}": side(SMALL, 0.1, c=c) for c in scales},
        train,
        test,
        steps=steps,
        batch_size=100,
        seeds=seeds,
        progress=progress,
        observe=observe,
    )


def c15_holds(figures):
    """Whether the norms differ clearly, and the larger one goes with no clearly larger error."""
    norms, errors = (
        [figures[f"{BUDGETS[0]} steps, {what}, c = {c:g}"] for c in (0.25, 2)]
        for what in ("norm", "test error")
    )
    return norms[1] > 1.6 * norms[0] and errors[1] < errors[0] + 0.01


def measure_c15(train, test, seeds):
    """One dict a seed, for the table of claim C15: all scales, two budgets."""
    by_budget = [
        by_seed(scaled(train, test, seeds, steps=steps, progress=False), f"{steps} steps, ")
        for steps in BUDGETS
    ]
    return [one | other for one, other in zip(*by_budget, strict=True)]


C15 = Claim(
    id="C15",
    notebook="06",
    statement="The norm is a poor proxy for complexity: more norm, no more error",
    conditions="60,000 digits, 784-128-128-10, SGD without decay, learning rate 0.1, 1,200 steps; "
    "c = 2 against c = 0.25: more than 1.6 times the norm, less than a point more test error; with "
    "few digits and a huge c a larger norm does go with a larger error",
    seeds=(3, 4, 5),
    measure=measure_c15,
    holds=c15_holds,
)


# Under batch normalization


def observe_hidden(network, train):
    """The length of the second hidden matrix, in the form that `paths` reads."""
    return (float(np.linalg.norm(weight_matrices(network)[1])),)


def decayed_with_batch_norm(train, test, seeds, decays):
    """Runs with batch norm on 5,000 digits, 600 steps; the second hidden matrix is followed."""
    return compare(
        {name_of(decay): side(SMALL, 0.1, weight_decay=decay, norm="batch") for decay in decays},
        lambda seed: small_set(train, seed, m=5000),
        test,
        steps=600,
        batch_size=50,
        seeds=seeds,
        observe=observe_hidden,
        evaluate_every=100,
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
    one = Decoupled(make(network, 0), weight_decay) if decoupled else make(network, weight_decay)
    batches = minibatches(*train, 50, np.random.default_rng([seed, 1]), epochs=None)
    for _ in islice(training_steps(network, one, batches), steps):
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
