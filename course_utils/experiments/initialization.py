"""Experiments on the scale of the initial weights: theory, claims C1 and C2."""

from dataclasses import dataclass

import numpy as np

from course_utils.experiments.claims import Claim
from course_utils.experiments.comparison import compare
from course_utils.experiments.probes import vital_signs
from course_utils.experiments.propagation import propagate
from course_utils.experiments.training import fit
from course_utils.nn import SGD, mlp
from course_utils.nn.checks import check_choice
from course_utils.nn.layers import relu
from course_utils.nn.network import ACTIVATIONS

GUESSING = float(np.log(10))  # the loss of ten equal probabilities

FUNCTIONS = {  # by activation: the function and its slope
    "relu": (relu, lambda y: (y > 0).astype(y.dtype)),
    "tanh": (np.tanh, lambda y: 1 - np.tanh(y) ** 2),
}


@dataclass(frozen=True)
class Scales:
    """Norms in a network before training, measured and expected, and one layer's numbers.

    Attributes
    ----------
    forward, forward_theory : ndarray, shape (depth + 1,)
        Mean length of the rows of z_0 (the input) ... z_depth.
    backward, backward_theory : ndarray, shape (depth + 1,)
        Mean length of the rows of the loss's gradient with respect to z_0 ... z_depth. The theory
        starts from the measured last one.
    layer : int
    standardized : ndarray, shape (m * width,)
        The layer's values before the activation, divided by the deviation that theory expects.
    """

    forward: np.ndarray
    forward_theory: np.ndarray
    backward: np.ndarray
    backward_theory: np.ndarray
    layer: int
    standardized: np.ndarray


def scales(x, labels, standard, c, depth, width, activation="relu", layer=1):
    """Norms of a network at initialization, measured (`propagate`) and expected (`mean_field`).

    Parameters
    ----------
    x : ndarray, shape (m, n_0)
    labels : ndarray of int, shape (m,)
    standard : (list of ndarray, ndarray)
        From `standard_weights`, at least as deep and wide.
    c : float
    depth, width : int
    activation : {"relu", "tanh"}
    layer : int
        Whose values before the activation are returned, 1 ... depth (the last if beyond).

    Returns
    -------
    Scales
    """
    check_choice("activation", activation, ACTIVATIONS)
    layer = min(layer, depth)
    found = propagate(x, labels, standard, c, depth, width, lambda n: ACTIVATIONS[activation]())
    forward, backward = found.forward, found.backward
    variances, forward_theory, factors = mean_field(
        forward[0], x.shape[1], width, depth, c, activation
    )
    backward_theory = backward[-1] * np.cumprod([1.0, *np.sqrt(factors[::-1])])
    standardized = found.before[layer - 1].ravel() / np.sqrt(variances[layer - 1])
    return Scales(forward, forward_theory, backward, backward_theory[::-1], layer, standardized)


def mean_field(first, n_in, width, depth, c, activation):
    """What theory expects of a very wide network at initialization.

    Values before the activation are normal with variance q_{i+1} = (c / n_i) E||z_i||^2; then
    E||z_{i+1}||^2 = n E[phi(sqrt(q) g)^2] and, backward, E||dz_i||^2 = c E[phi'(sqrt(q) g)^2]
    E||dz_{i+1}||^2, with g standard normal. For ReLU both expectations are exact: q / 2 and 1 / 2
    (Poole et al., "Exponential expressivity in deep neural networks through transient chaos"
    (2016), section 2; Schoenholz et al., "Deep information propagation" (2017), section 4).

    Parameters
    ----------
    first : float
        Norm of the input.
    n_in, width, depth : int
    c : float
    activation : {"relu", "tanh"}

    Returns
    -------
    variances : ndarray, shape (depth,)
        q of each layer.
    norms : ndarray, shape (depth + 1,)
        Roots of E||z_i||^2, from the input on.
    factors : ndarray, shape (depth,)
        What each layer multiplies the squared gradient by.
    """
    phi, slope = FUNCTIONS[activation]
    g, weight = np.polynomial.hermite_e.hermegauss(60)
    weight = weight / weight.sum()
    square, n = first**2, n_in
    variances, squares, factors = [], [square], []
    for _ in range(depth):
        q = c / n * square
        values = np.sqrt(q) * g
        square, n = width * np.sum(weight * phi(values) ** 2), width
        variances.append(q)
        squares.append(square)
        factors.append(c * np.sum(weight * slope(values) ** 2))
    return np.array(variances), np.sqrt(squares), np.array(factors)


def deep_network(c, depth=30, lr=0.01):
    """A side for `compare`: `depth` hidden layers of 50 units and plain SGD."""

    def make(rng):
        network = mlp([784] + depth * [50] + [10], c=c, rng=rng)
        return network, SGD(network, lr)

    return make


def train_scales(train, test, seeds, progress=True):
    """The runs of claim C1: c = 1, 2, 3 at thirty hidden layers, 600 steps."""
    sides = {f"c = {c}": deep_network(c) for c in (1, 2, 3)}
    return compare(sides, train, test, steps=600, batch_size=50, seeds=seeds, progress=progress)


def c1_figures(comparison):
    """One dict a seed: the figures that claim C1 is judged by."""
    return [
        {
            "loss at c = 1": loss_1,
            "loss at c = 2": loss_2,
            "c = 3 diverged": diverged,
        }
        for loss_1, loss_2, diverged in zip(
            comparison.losses("c = 1"), comparison.losses("c = 2"), comparison.diverged("c = 3")
        )
    ]


C1 = Claim(
    id="C1",
    notebook="02",
    statement="With plain SGD, c = 3 ends in NaN, c = 2 learns, c = 1 makes no progress",
    conditions="30 hidden layers of 50 units, learning rate 0.01, 600 steps; 20 layers "
    "learn at 0.1 (c = 1) and 0.001 (c = 3)",
    seeds=(3, 4, 5),
    measure=lambda train, test, seeds: c1_figures(train_scales(train, test, seeds)),
    holds=lambda figures: (
        figures["c = 3 diverged"]
        and figures["loss at c = 2"] < GUESSING - 0.5
        and abs(figures["loss at c = 1"] - GUESSING) < 0.05
    ),
)

C2_SCALES = (1.7, 2.0, 2.3)
MIDDLE = slice(3, 7)  # hidden layers 4 to 7 of ten


def train_to_five_percent(c, train, test, seed, progress=False):
    """One run of claim C2: ten hidden layers of 100 units, until 5% of the test digits are wrong.

    The history's observations hold, every 100 steps, the vital signs on 500 training digits and,
    for each weight matrix, n_in times the variance of its entries (which is c at the start).
    """
    images, labels = train
    network = mlp([784] + 10 * [100] + [10], c=c, rng=np.random.default_rng([seed, 0]))

    def observe(network):
        weights = [layer.params["W"] for layer in network.layers if "W" in layer.params]
        variance = np.array([len(W) * W.var() for W in weights])
        return vital_signs(network, images[:500], labels[:500], lr=0.03), variance

    return fit(
        network,
        SGD(network, lr=0.03),
        images,
        labels,
        steps=5000,
        batch_size=50,
        rng=np.random.default_rng([seed, 1]),
        test=test,
        evaluate_every=100,
        observe=observe,
        until_error=0.05,
        progress=progress,
    )


def c2_figures(runs):
    """The figures that claim C2 is judged by, from the runs of one seed by c."""
    before = {c: run.observations[0] for c, run in runs.items()}
    after = {c: run.observations[max(run.observations)] for c, run in runs.items()}
    low, _, high = C2_SCALES

    def ratio(at, sign):
        return float(
            np.mean(getattr(at[high][0], sign)[MIDDLE] / getattr(at[low][0], sign)[MIDDLE])
        )

    moved = [np.abs(after[c][1] - before[c][1])[1:-1].max() for c in runs]
    return {
        "largest change of n var(W), hidden matrices": float(max(moved)),
        "activations, c = 2.3 over 1.7, before": ratio(before, "activation"),
        "activations, c = 2.3 over 1.7, after": ratio(after, "activation"),
        "gradients, c = 2.3 over 1.7, before": ratio(before, "gradient"),
        "gradients, c = 2.3 over 1.7, after": ratio(after, "gradient"),
        "reached 5%": all(run.final.error <= 0.05 for run in runs.values()),
    }


def measure_c2(train, test, seeds):
    """One dict a seed, for the table of claim C2."""
    return [
        c2_figures({c: train_to_five_percent(c, train, test, seed) for c in C2_SCALES})
        for seed in seeds
    ]


C2 = Claim(
    id="C2",
    notebook="02",
    statement="Training does not undo the initial scales: the hidden weights keep their variance, "
    "and activations in the middle stay larger at c = 2.3 than at c = 1.7; gradients do not",
    conditions="10 hidden layers of 100 units, learning rate 0.03, trained to 5% error",
    seeds=(3, 4, 5),
    measure=measure_c2,
    holds=lambda figures: (
        figures["reached 5%"]
        and figures["largest change of n var(W), hidden matrices"] < 0.1
        and figures["activations, c = 2.3 over 1.7, after"] > 1.05
    ),
)
