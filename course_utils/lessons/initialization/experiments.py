"""What the scale of the initial weights does to training: claims C1 and C2."""

import numpy as np

from course_utils.experiments.claims import Claim
from course_utils.experiments.comparison import run_sides, side
from course_utils.experiments.training import GUESSING, fit
from course_utils.experiments.vitals import vital_signs, weight_matrices
from course_utils.nn import SGD, mlp

# What theory expects of one layer, and of many: a student writes these first


def forward_factor(c, n_in, n_out):
    """What a ReLU layer with weights of variance c / n_in multiplies the expected square by."""
    return c / 2 * n_out / n_in


def backward_factor(c, n_in, n_out):
    """What the same layer multiplies the expected square of a gradient by, on its way back."""
    return c / 2


def expected_lengths(start, factors):
    """Lengths at the start and behind each layer, from the layers' factors of the square."""
    return start * np.sqrt(np.cumprod([1, *factors]))


# Claim C1: deep networks and c


def train_deep(train, c, seed, lr=0.01, steps=600, optimizer=SGD, observe=None, every=None):
    """The run of thirty hidden layers of 50 units, from weights of scale c: its History."""
    network = mlp([784] + 30 * [50] + [10], c=c, rng=np.random.default_rng([seed, 0]))
    settings = {"steps": steps, "batch_size": 50, "rng": np.random.default_rng([seed, 1])}
    watching = {"observe": observe, "observe_every": every}
    return fit(network, optimizer(network, lr), *train, **settings, **watching)


class WeightsOnly(SGD):
    """SGD that leaves every bias where it is."""

    def step(self):
        """Update the weights once."""
        for key, grad in self.network.grads.items():
            if key.endswith("b"):
                grad[:] = 0
        super().step()


def deep_side(c, depth=30, lr=0.01):
    """A side for `compare`: `depth` hidden layers of 50 units and plain SGD."""
    return side([784] + depth * [50] + [10], lr, c=c)


def observer(lr):
    """What `fit` observes: the vital signs on 500 training digits, and n_in var(W) by matrix."""

    def observe(network, train):
        images, labels = (array[:500] for array in train)
        variance = np.array([len(W) * W.var() for W in weight_matrices(network)])
        return vital_signs(network, SGD(network, lr), images, labels), variance

    return observe


def train_scales(train, test, seed):
    """The runs of claim C1: c = 1, 2, 3 at thirty hidden layers, 600 steps."""
    sides = {f"c = {c}": deep_side(c) for c in (1, 2, 3)}
    return run_sides(sides, train, test, seed, steps=600, batch_size=50)


def c1_numbers(runs):
    """What claim C1 is judged by: losses over the last 50 steps."""
    return {
        "loss at c = 1": np.mean(runs["c = 1"].losses[-50:]),
        "loss at c = 2": np.mean(runs["c = 2"].losses[-50:]),
        "c = 3 diverged": runs["c = 3"].diverged,
    }


C1 = Claim(
    id="C1",
    statement="In 600 steps of plain SGD c = 3 ends in NaN, c = 2 learns, c = 1 stays at guessing",
    conditions="30 hidden layers of 50 units with biases, learning rate 0.01, minibatches of 50; "
    "c = 2 ends 0.5 or more below ln 10, c = 1 within 0.05 of it; of later steps it says nothing",
    run=train_scales,
    numbers=c1_numbers,
    holds=lambda numbers: (
        numbers["c = 3 diverged"]
        and numbers["loss at c = 2"] < GUESSING - 0.5
        and abs(numbers["loss at c = 1"] - GUESSING) < 0.05
    ),
)


# Claim C2: the scales persist

SCALES = (1.7, 2.3)
MIDDLE = slice(3, 7)  # hidden layers 4 to 7 of ten


def train_to_five_percent(c, train, test, seed, progress=False):
    """One run of claim C2: ten hidden layers of 100 units, until 5% of the test digits are wrong.

    The history's observations hold, every 100 steps, the vital signs on 500 training digits and,
    for each weight matrix, n_in times the variance of its entries (which is c at the start).
    """

    network = mlp([784] + 10 * [100] + [10], c=c, rng=np.random.default_rng([seed, 0]))
    return fit(
        network,
        SGD(network, lr=0.03),
        *train,
        steps=5000,
        batch_size=50,
        rng=np.random.default_rng([seed, 1]),
        test=test,
        evaluate_every=100,
        observe=observer(lr=0.03),
        until_error=0.05,
        progress=progress,
    )


def train_all_to_five_percent(train, test, seed, progress=False):
    """The runs of claim C2 by c."""
    return {c: train_to_five_percent(c, train, test, seed, progress) for c in SCALES}


def c2_numbers(runs):
    """What claim C2 is judged by: before and after training, c = 2.3 against c = 1.7."""
    before = {c: run.observations[0] for c, run in runs.items()}
    after = {c: run.observations[max(run.observations)] for c, run in runs.items()}
    low, high = SCALES

    def ratio(at, sign):
        return np.mean(getattr(at[high][0], sign)[MIDDLE] / getattr(at[low][0], sign)[MIDDLE])

    moved = [np.abs(after[c][1] - before[c][1])[1:-1].max() for c in runs]
    return {
        "largest change of n var(W), hidden matrices": max(moved),
        "activations, c = 2.3 over 1.7, before": ratio(before, "activation"),
        "activations, c = 2.3 over 1.7, after": ratio(after, "activation"),
        "gradients, c = 2.3 over 1.7, before": ratio(before, "gradient"),
        "gradients, c = 2.3 over 1.7, after": ratio(after, "gradient"),
        "reached 5%": all(run.final.error <= 0.05 for run in runs.values()),
    }


C2 = Claim(
    id="C2",
    statement="After training to 5% error the hidden weights still have the variance they began "
    "with, activations in the middle are still longer at c = 2.3 than at 1.7, though by far less, "
    "and most of the gradients' ratio is gone",
    conditions="10 hidden layers of 100 units, learning rate 0.03, minibatches of 50, 2,000 test "
    "digits; n var(W) of the 9 matrices between hidden layers within 0.1; activations 5% to 50% "
    "longer (more than twice as long before); gradients' ratio at most a quarter of what it was",
    run=train_all_to_five_percent,
    numbers=c2_numbers,
    holds=lambda numbers: (
        numbers["reached 5%"]
        and numbers["largest change of n var(W), hidden matrices"] < 0.1
        and 2 < numbers["activations, c = 2.3 over 1.7, before"]
        and 1.05 < numbers["activations, c = 2.3 over 1.7, after"] < 1.5
        and numbers["gradients, c = 2.3 over 1.7, after"]
        < numbers["gradients, c = 2.3 over 1.7, before"] / 4
    ),
)
