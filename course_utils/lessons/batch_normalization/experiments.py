"""Experiments on batch normalization: a digit and its batch-mates, claims C6 to C9."""

from contextlib import contextmanager
from itertools import islice

import numpy as np

from course_utils.data import minibatches
from course_utils.experiments.claims import Claim
from course_utils.experiments.comparison import compare, side
from course_utils.experiments.initialization import GUESSING
from course_utils.experiments.vitals import length
from course_utils.experiments.propagation import propagate
from course_utils.experiments.training import evaluate, fit, training_steps
from course_utils.nn import SGD, BatchNorm, ReLU, Sequential, mlp, softmax
from course_utils.checks import check_choice, check_count

NORMS = (None, "batch")


# Scales, with and without


def scales(x, labels, standard, c, depth, position="before"):
    """Norms of a ReLU network before training, without and with batch normalization.

    Parameters
    ----------
    x : ndarray, shape (m, n_0)
    labels : ndarray of int, shape (m,)
    standard : (list of ndarray, ndarray)
        Standard normal matrices from `propagation.standard_weights`; W = sqrt(c / n_in) G.
    c : float
    depth : int
    position : {"before", "after"}
        Of the normalization, relative to ReLU.

    Returns
    -------
    dict
        By norm, None and "batch": (activations, gradients), the mean length of the rows of
        z_0 ... z_depth and of the loss's gradient with respect to them, each (depth + 1,).
    """
    check_choice("position", position, ("before", "after"))
    width = len(standard[1])

    def normalized(n):
        norm = BatchNorm(n, dtype=float)
        return Sequential([norm, ReLU()] if position == "before" else [ReLU(), norm])

    found = {
        norm: propagate(x, labels, standard, c, depth, width, block)
        for norm, block in ((None, lambda n: ReLU()), ("batch", normalized))
    }
    return {norm: (one.forward, one.backward) for norm, one in found.items()}


# Claim C6: every initial scale trains

DEEP = [784] + 20 * [50] + [10]


def rescue_sides():
    """The runs of claim C6: c = 1, 2, 3 with batch normalization, and without for contrast."""
    sides = {f"c = {c}, with": side(DEEP, lr=0.1, c=c, norm="batch") for c in (1, 2, 3)}
    sides["c = 1, without"] = side(DEEP, lr=0.1, c=1)
    sides["c = 3, without"] = side(DEEP, lr=0.1, c=3)
    sides["c = 2, without, lr 0.02"] = side(DEEP, lr=0.02, c=2)
    return sides


def rescue(train, test, seeds, progress=True):
    """The runs of claim C6, 400 steps each: a `Comparison`."""
    sides = rescue_sides()
    return compare(sides, train, test, steps=400, batch_size=50, seeds=seeds, progress=progress)


def c6_figures(runs):
    """The figures that claim C6 is judged by, from the runs of one seed."""
    figures = {
        f"loss, {name}": float(np.mean(run.losses[-50:]))
        for name, run in runs.items()
        if name != "c = 3, without"
    }
    figures |= {
        f"error, {name}": run.final.error for name, run in runs.items() if run.final is not None
    }
    return figures | {"c = 3, without, diverged": runs["c = 3, without"].diverged_at is not None}


C6 = Claim(
    id="C6",
    notebook="04",
    statement="With batch normalization c = 1, 2 and 3 all train",
    conditions="20 hidden layers of 50 units, learning rate 0.1, 400 steps; without it c = 3 "
    "ends in NaN and c = 1 is far behind, but c = 2 at its own learning rate is as good",
    seeds=(3, 4, 5),
    measure=lambda train, test, seeds: [
        c6_figures(runs) for runs in rescue(train, test, seeds, progress=False).by_seed()
    ],
    holds=lambda figures: (
        all(figures[f"loss, c = {c}, with"] < GUESSING - 0.8 for c in (1, 2, 3))
        and figures["loss, c = 1, without"] > figures["loss, c = 1, with"] + 0.4
        and figures["c = 3, without, diverged"]
    ),
)


# Claim C7: larger steps

WIDE = [784, 100, 100, 100, 10]
RATES = (0.03, 0.1, 0.3, 1.0, 3.0)
SIDE_NAMES = {None: "without", "batch": "with"}


def rate_sides(rates):
    """The runs of claim C7: learning rates with and without batch normalization."""
    return {
        f"lr {lr:g}, {SIDE_NAMES[norm]}": side(WIDE, lr, norm=norm)
        for norm in NORMS
        for lr in rates
    }


def c7_figures(histories):
    """The figures that claim C7 is judged by, from one seed's History by side.

    A run that diverged counts as an error of 1.
    """
    return {
        f"error, {name}": 1.0 if run.diverged_at is not None else run.final.error
        for name, run in histories.items()
    }


def larger_steps(train, test, seeds, rates=(1.0, 3.0), progress=True):
    """The runs of claim C7, 300 steps each: a `Comparison`."""
    sides = rate_sides(rates)
    return compare(sides, train, test, steps=300, batch_size=100, seeds=seeds, progress=progress)


def measure_c7(train, test, seeds):
    """One dict a seed, for the table of claim C7: all rates."""
    runs = larger_steps(train, test, seeds, RATES, progress=False)
    return [c7_figures(one) for one in runs.by_seed()]


def follow_gradient(network, optimizer, train, seed, steps=6):
    """The gradient of the second hidden matrix over the first steps of training.

    Returns
    -------
    growth : float
        Its largest length over its first.
    cosine : float
        Of its angle with the matrix, at the first step.
    """
    linear = [layer for layer in network.layers if "W" in layer.params][1]
    start = linear.params["W"].copy()
    batches = minibatches(*train, 100, np.random.default_rng([seed, 1]), epochs=None)
    gradients = []
    for _ in islice(training_steps(network, optimizer, batches), steps):
        gradients.append(linear.grads["W"].copy())
    lengths = [length(gradient) for gradient in gradients]
    cosine = np.sum(gradients[0] * start) / (lengths[0] * length(start))
    return max(lengths) / lengths[0], float(cosine)


C7 = Claim(
    id="C7",
    notebook="04",
    statement="Batch normalization allows larger steps: learning rates 1 and 3 train with it and "
    "end in NaN without",
    conditions="3 hidden layers of 100 units, batch 100, 300 steps; at learning rate 0.03 it is "
    "no faster, at 10 it fails too",
    seeds=(3, 4, 5),
    measure=measure_c7,
    holds=lambda figures: all(
        figures[f"error, lr {lr}, with"] < 0.12 and figures[f"error, lr {lr}, without"] == 1
        for lr in (1, 3)
    ),
)


# A digit and its batch-mates: claims C8 and C9


def reader(train, seed, *, norm="batch", lr=0.1, batch_size=100, steps=600, momentum=0.1):
    """A trained network 784-100-100-10 in evaluation mode; momentum is batch norm's."""
    network = mlp([784, 100, 100, 10], norm=norm, rng=np.random.default_rng([seed, 0]))
    for layer in batch_norms(network):
        layer.momentum = momentum
    rng = np.random.default_rng([seed, 1])
    fit(network, SGD(network, lr), *train, steps=steps, batch_size=batch_size, rng=rng)
    return network.eval()


def with_batch_statistics(network, x):
    """The network's class probabilities for the batch x in training mode, shape (m, 10)."""
    with batch_statistics(network):
        return softmax(network.forward(x))


def by_certainty(network, x):
    """Indices of the examples, those of which the network is least sure in evaluation first."""
    return np.argsort(softmax(network.forward(x)).max(axis=1))


def labels_in_company(network, x, index, rng, draws=20, batch_size=32):
    """The labels that example `index` gets in random batches, in training mode.

    Parameters
    ----------
    network : Sequential
    x : ndarray, shape (m, n)
        Where the batch-mates come from.
    index : int
    rng : numpy.random.Generator
    draws, batch_size : int

    Returns
    -------
    ndarray of int, shape (draws,)
    """
    labels = np.empty(draws, int)
    for draw in range(draws):
        mates = rng.choice(len(x) - 1, batch_size - 1, replace=False)
        mates[mates >= index] += 1  # never the example itself
        labels[draw] = with_batch_statistics(network, x[[index, *mates]])[0].argmax()
    return labels


def distinct_labels(network, x, indices, seed):
    """How many different labels each of the examples gets over 20 random batches of 32."""
    rng = np.random.default_rng([seed, 2])
    return [len(set(labels_in_company(network, x, index, rng))) for index in indices]


def c8_figures(network, test, seed):
    """The figures that claim C8 is judged by: mean number of different labels a digit."""
    order = by_certainty(network, test[0])
    least, surest = (distinct_labels(network, test[0], o, seed) for o in (order[:20], order[-20:]))
    return {
        "labels of the 20 least sure digits": float(np.mean(least)),
        "labels of the 20 surest digits": float(np.mean(surest)),
    }


C8 = Claim(
    id="C8",
    notebook="04",
    statement="In training mode a prediction depends on the whole batch: the 20 least sure test "
    "digits get several labels over 20 random batches of 32, the 20 surest keep one",
    conditions="2 hidden layers of 100 units, 600 steps; several: more than 2.5 on average",
    seeds=(3, 4, 5),
    measure=lambda train, test, seeds: [
        c8_figures(reader(train, seed), test, seed) for seed in seeds
    ],
    holds=lambda figures: (
        figures["labels of the 20 least sure digits"] > 2.5
        and figures["labels of the 20 surest digits"] < 1.1
    ),
)

BATCH_SIZES = (2, 4, 8, 32, 1000)


def sorted_by_class(images, labels):
    """The same examples, all zeros first, then all ones, and so on."""
    order = np.argsort(labels, kind="stable")
    return images[order], labels[order]


def c9_figures(network, test):
    """The figures that claim C9 is judged by: errors on the test digits."""
    figures = {
        f"error, batches of {size}": error_in_batches(network, *test, size) for size in BATCH_SIZES
    }
    return figures | {
        "error, sorted by class in batches of 100": error_in_batches(
            network, *sorted_by_class(*test), 100
        ),
        "error, running statistics": evaluate(network, *test).error,
        "error, running statistics, sorted, one at a time": evaluate(
            network, *sorted_by_class(*test), batch_size=1
        ).error,
    }


C9 = Claim(
    id="C9",
    notebook="04",
    statement="Running statistics remove that dependence: with batch statistics the test error "
    "grows as batches get smaller or are sorted by class, with running statistics it stays",
    conditions="2 hidden layers of 100 units, 600 steps; evaluated in batches of 2 to 1000; a "
    "batch of one has no variance and is an error",
    seeds=(3, 4, 5),
    measure=lambda train, test, seeds: [c9_figures(reader(train, seed), test) for seed in seeds],
    holds=lambda figures: (
        figures["error, batches of 2"] > 0.3
        and figures["error, batches of 8"] > figures["error, running statistics"] + 0.03
        and figures["error, sorted by class in batches of 100"] > 0.6
        and abs(figures["error, batches of 1000"] - figures["error, running statistics"]) < 0.02
        and abs(
            figures["error, running statistics, sorted, one at a time"]
            - figures["error, running statistics"]
        )
        < 0.002
    ),
)


# Running estimates


def watch_moments(train, seed, steps=300, every=5, sample=1000):
    """Train a network and record what its second BatchNorm layer sees.

    Parameters
    ----------
    train : (ndarray, ndarray)
    seed, steps : int
    every : int
        Steps between two measurements of the truth.
    sample : int
        Training digits that the truth is measured on.

    Returns
    -------
    batch : ndarray, shape (steps, 2, 100)
        Mean and unbiased variance of the layer's inputs over each step's minibatch.
    truth : ndarray, shape (steps / every, 2, 100)
        The same over the sample, right after steps 0, every, ...
    """
    rng = np.random.default_rng(seed)
    network = mlp([784, 100, 100, 10], norm="batch", rng=rng)
    norm = batch_norms(network)[1]
    for each in batch_norms(network):
        each.momentum = 1.0  # then the running estimate is what the last batch had
    batches = minibatches(*train, 100, rng, epochs=None)
    batch, truth = [], []
    for step, _ in zip(range(steps), training_steps(network, SGD(network, 0.1), batches)):
        batch.append((norm.running_mean, norm.running_var))
        if step % every == 0:
            network.forward(train[0][:sample])
            truth.append((norm.running_mean, norm.running_var))
    return np.array(batch), np.array(truth)


def running_estimate(start, batches, momentum):
    """The running estimate after each batch, from the batches' own values, shape (steps,)."""
    running = []
    for value in batches:
        start = (1 - momentum) * start + momentum * value
        running.append(start)
    return np.array(running)
