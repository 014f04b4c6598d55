"""What goes wrong and what is promised: batch normalization in practice.

The figures over ten seeds stand in ``data/batch_norm.csv``, made by::

    python -m course_utils.experiments.batch_norm_in_practice
"""

import copy
import csv

import numpy as np

from course_utils.data import load_mnist, standardize
from course_utils.experiments.batch_norm import (
    SIDE_NAMES,
    batch_norms,
    reader,
)
from course_utils.experiments.claims import TABLE, TABLE_SEEDS
from course_utils.experiments.comparison import run_side, side, small_set
from course_utils.experiments.curvature import sharpness
from course_utils.experiments.training import evaluate, training_steps
from course_utils.nn import SGD, BatchNorm, Linear, Sequential, mlp, softmax_cross_entropy
from course_utils.nn.checks import check_choice

PRACTICE_TABLE = TABLE.with_name("batch_norm.csv")


# Statistics


def recalibrate(network, x):
    """Set the running estimates to the statistics of x under the weights as they are now."""
    norms = batch_norms(network)
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    network.train().forward(x)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return network.eval()


def fold(network):
    """A network without BatchNorm that computes what this one does in evaluation mode.

    Each BatchNorm is one more multiplication and addition a feature once its statistics are fixed,
    so the Linear layer before it can do both.

    Parameters
    ----------
    network : Sequential
        With each BatchNorm right behind a Linear layer.

    Returns
    -------
    Sequential
    """
    layers = []
    for layer in copy.deepcopy(network).layers:
        if isinstance(layer, BatchNorm):
            if not layers or not isinstance(layers[-1], Linear):
                raise ValueError("network must have each BatchNorm right behind a Linear layer")
            scale = 1 / np.sqrt(layer.running_var + layer.eps)
            shift = -layer.running_mean * scale
            if layer.params:
                scale = scale * layer.params["gamma"]
                shift = shift * layer.params["gamma"] + layer.params["beta"]
            params = layers[-1].params
            params["W"], params["b"] = params["W"] * scale, params["b"] * scale + shift
        else:
            layers.append(layer)
    return Sequential(layers).eval()


TINY = (2, 4, 16, 64)


def error_after(train, test, seed, norm, batch_size):
    """Test error of a network trained for 1,000 steps of 0.01 in batches of this size."""
    options = {"lr": 0.01, "batch_size": batch_size, "steps": 1000}
    return evaluate(reader(train, seed, norm=norm, **options), *test).error


def tiny_batches(train, test, seed):
    """Test errors by batch size, with and without batch normalization."""
    return {
        f"m = {m}, {SIDE_NAMES[norm]} BN": error_after(train, test, seed, norm, m)
        for m in TINY
        for norm in SIDE_NAMES
    }


class ConstantMoments(BatchNorm):
    """Batch normalization with a wrong backward: mean and variance count as constants."""

    def backward(self, grad_y):
        """Fill ``grads``; of grad_x only the part that does not go through mean and variance."""
        x_hat, var, _ = self.recall()
        return self.scale_and_shift_backward(grad_y, x_hat) / np.sqrt(var + self.eps)


def constant_moments_side(widths, lr):
    """A side for `compare`: batch normalization with the wrong backward."""

    def make(rng):
        network = mlp(widths, norm="batch", rng=rng)
        wrong = [
            ConstantMoments(layer.n) if isinstance(layer, BatchNorm) else layer for layer in network
        ]
        network = Sequential(wrong)
        return network, SGD(network, lr)

    return make


# What the original paper promises

SMALL = 1000  # training digits
WRONG_SHARE = 0.3


def regularizer(train, test, seed):
    """Test errors with dropout, batch normalization, both and neither, 1,000 noisy digits."""
    small = small_set(train, seed, wrong=WRONG_SHARE)
    sides = {
        f"{SIDE_NAMES[norm]} BN, {'dropout' if p else 'no dropout'}": side(
            [784, 256, 256, 10], 0.1, norm=norm, p=p
        )
        for norm in SIDE_NAMES
        for p in (0, 0.5)
    }
    return {
        name: run_side(make, small, test, seed, steps=400, batch_size=50)[1].final.error
        for name, make in sides.items()
    }


SCALES = (1, 10, 100)


def saturating(train, test, seed, scales=SCALES):
    """Test errors of ten hidden layers of tanh at growing initial scales, with and without BN."""
    sides = {
        f"c = {c}, {SIDE_NAMES[norm]} BN": side(
            [784] + 10 * [100] + [10], 0.1, c=c, last_c=1, norm=norm, activation="tanh"
        )
        for c in scales
        for norm in SIDE_NAMES
    }
    return {
        name: run_side(make, train, test, seed, steps=300, batch_size=50)[1].final.error
        for name, make in sides.items()
    }


# The largest learning rate and the sharpness

MULTIPLES = 2.0 ** np.arange(-1, 7)


def pooled(images):
    """Means over 2 × 2 pixels, shifted and scaled to mean 0 and deviation 1, in float64."""
    small = images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196).astype(np.float64)
    return (small - small.mean()) / small.std()


def tanh_network(norm, seed):
    """196-50-50-10 with tanh in float64: small and smooth, for measuring curvature."""
    rng = np.random.default_rng([seed, 0])
    options = {"c": 1.0, "activation": "tanh", "dtype": np.float64}
    return mlp([196, 50, 50, 10], norm=norm, rng=rng, **options)


def descend(network, x, labels, lr, steps=30):
    """Full-batch gradient descent on a copy: the losses at the start and after each step."""
    network = copy.deepcopy(network)
    losses = list(training_steps(network, SGD(network, lr), steps * [(x, labels)]))
    if np.isfinite(losses[-1]):
        losses.append(softmax_cross_entropy(network.forward(x), labels)[0])
    return np.array(losses)


def steps_against_sharpness(x, labels, seed):
    """Where gradient descent begins to fail, in units of 2 / sharpness at the start.

    Returns
    -------
    dict
        By norm, None and "batch": (sharpness, losses), the loss after 30 steps, over that at the
        start, for each of MULTIPLES times 2 / sharpness.
    """
    results = {}
    for norm in SIDE_NAMES:
        network = tanh_network(norm, seed)
        sharp = sharpness(network, x, labels, rng=np.random.default_rng([seed, 4]))
        runs = [descend(network, x, labels, multiple * 2 / sharp) for multiple in MULTIPLES]
        results[norm] = sharp, np.array([run[-1] / run[0] for run in runs])
    return results


def largest_multiple(ratios):
    """The largest of MULTIPLES up to which the loss always came down."""
    failing = ~(ratios < 1)
    first = int(failing.argmax()) if failing.any() else len(ratios)
    return float(MULTIPLES[first - 1]) if first else 0.0


def largest_steps(train, test, seed):
    """For the table: sharpness at the start, and the largest step that trains."""
    results = steps_against_sharpness(pooled(train[0][:500]), train[1][:500], seed)
    figures = {}
    for norm, (sharp, ratios) in results.items():
        figures[f"sharpness, {SIDE_NAMES[norm]} BN"] = sharp
        figures[f"largest multiple, {SIDE_NAMES[norm]} BN"] = largest_multiple(ratios)
    return figures


# The table

MEASURED = {
    "tiny batches": tiny_batches,
    "regularizer": regularizer,
    "saturating": saturating,
    "steps": largest_steps,
}


def measured(experiment, path=PRACTICE_TABLE):
    """An experiment's figures over ten seeds: dict of name to array, shape (10,)."""
    check_choice("experiment", experiment, MEASURED)
    figures = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["experiment"] == experiment:
                figures.setdefault(row["figure"], []).append(float(row["value"]))
    return {name: np.array(values) for name, values in figures.items()}


def write_table(path=PRACTICE_TABLE, seeds=TABLE_SEEDS):
    """Measure everything anew and write the table."""
    images, labels = load_mnist("train")
    train = standardize(images, out=images), labels
    images, labels = load_mnist("test")
    test = standardize(images[:2000]), labels[:2000]
    rows = [
        (experiment, seed, name, f"{value:.4g}")
        for experiment, measure in MEASURED.items()
        for seed in seeds
        for name, value in measure(train, test, seed).items()
    ]
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("experiment", "seed", "figure", "value"))
        table.writerows(rows)


if __name__ == "__main__":
    write_table()
