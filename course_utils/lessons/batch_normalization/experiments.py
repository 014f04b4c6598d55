"""Every scale, larger steps, a digit and its batch-mates, running estimates: claims C6 to C9."""

import numpy as np

from course_utils.data import minibatches
from course_utils.experiments import statistics
from course_utils.experiments.claims import Claim
from course_utils.experiments.comparison import run_sides, side
from course_utils.experiments.training import (
    GUESSING,
    evaluate,
    fit,
    layers_of,
    mode,
    training_steps,
)
from course_utils.experiments.vitals import length
from course_utils.nn import SGD, mlp, softmax

NORMS = {"without": None, "with": "batch"}


# Claim C6: every initial scale trains

DEEP = [784] + 20 * [50] + [10]


def train_scales(train, test, seed):
    """The runs of claim C6: c = 1, 2, 3 with batch norm, and without for contrast, 400 steps."""
    sides = {f"c = {c}, with": side(DEEP, lr=0.1, c=c, norm="batch") for c in (1, 2, 3)}
    sides["c = 1, without"] = side(DEEP, lr=0.1, c=1)
    sides["c = 3, without"] = side(DEEP, lr=0.1, c=3)
    sides["c = 2, without, lr 0.02"] = side(DEEP, lr=0.02, c=2)
    return run_sides(sides, train, test, seed, steps=400, batch_size=50)


def c6_numbers(runs):
    """What claim C6 is judged by: losses over the last 50 steps, and errors at the end."""
    finite = {name: run for name, run in runs.items() if name != "c = 3, without"}
    numbers = {f"loss, {name}": np.mean(run.losses[-50:]) for name, run in finite.items()}
    numbers |= {f"error, {name}": run.final.error for name, run in runs.items() if run.final}
    return numbers | {"c = 3, without, diverged": runs["c = 3, without"].diverged}


C6 = Claim(
    id="C6",
    statement="With batch normalization c = 1, 2 and 3 all train",
    conditions="20 hidden layers of 50 units, learning rate 0.1, 400 steps; without it c = 3 "
    "ends in NaN and c = 1 is far behind, but c = 2 at its own learning rate is as good",
    run=train_scales,
    numbers=c6_numbers,
    holds=lambda numbers: (
        all(numbers[f"loss, c = {c}, with"] < GUESSING - 0.8 for c in (1, 2, 3))
        and numbers["loss, c = 1, without"] > numbers["loss, c = 1, with"] + 0.4
        and numbers["c = 3, without, diverged"]
    ),
)


# Claim C7: larger steps

WIDE = [784, 100, 100, 100, 10]
RATES = (0.03, 0.1, 0.3, 1.0, 3.0)


def train_at_rates(train, test, seed, rates=RATES):
    """The runs of claim C7: learning rates with and without batch norm, 300 steps."""
    sides = {
        f"lr {lr:g}, {name}": side(WIDE, lr, norm=norm)
        for name, norm in NORMS.items()
        for lr in rates
    }
    return run_sides(sides, train, test, seed, steps=300, batch_size=100)


def c7_numbers(runs):
    """What claim C7 is judged by: errors at the end, 1 where a run diverged."""
    return {
        f"error, {name}": 1.0 if run.diverged else run.final.error for name, run in runs.items()
    }


C7 = Claim(
    id="C7",
    statement="Batch normalization allows larger steps: learning rates 1 and 3 train with it and "
    "end in NaN without",
    conditions="3 hidden layers of 100 units, batch 100, 300 steps; at learning rate 0.03 it is "
    "no faster, at 10 it fails too",
    run=train_at_rates,
    numbers=c7_numbers,
    holds=lambda numbers: all(
        numbers[f"error, lr {lr}, with"] < 0.12 and numbers[f"error, lr {lr}, without"] == 1
        for lr in (1, 3)
    ),
)


def follow_gradient(network, optimizer, train, seed, steps=6):
    """The gradient of the second hidden matrix over the first steps of training.

    Returns
    -------
    growth : float
        Its largest length over its first.
    cosine : float
        Of its angle with the matrix, at the first step.
    """
    linear = [layer for layer in layers_of(network) if "W" in layer.params][1]
    start = linear.params["W"].copy()
    batches = minibatches(*train, 100, np.random.default_rng([seed, 1]), epochs=None)
    gradients = [
        linear.grads["W"].copy() for _ in training_steps(network, optimizer, batches, steps=steps)
    ]
    lengths = [length(gradient) for gradient in gradients]
    cosine = np.sum(gradients[0] * start) / (lengths[0] * length(start))
    return max(lengths) / lengths[0], float(cosine)


# Claims C8 and C9: a digit and its batch-mates


def trained_network(train, seed, steps=600, momentum=0.1):
    """784-100-100-10 with batch norm of this momentum, trained and in evaluation mode."""
    network = mlp([784, 100, 100, 10], norm="batch", rng=np.random.default_rng([seed, 0]))
    for norm in statistics.batch_norms(network):
        norm.momentum = momentum
    rng = np.random.default_rng([seed, 1])
    fit(network, SGD(network, lr=0.1), *train, steps=steps, batch_size=100, rng=rng)
    return network.eval()


def with_batch_statistics(network, x):
    """The network's class probabilities for the batch x in training mode, shape (m, 10)."""
    with statistics.batch_statistics(network):
        return softmax(network.forward(x))


def by_certainty(network, x):
    """Indices of the examples, those of which the network is least sure in evaluation first."""
    with mode(network, training=False):
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


def count_labels(network, test, seed):
    """How many different labels a digit gets over 20 random batches of 32.

    Returns
    -------
    dict of str to list of int
        For the "20 least sure" of the test digits and the "20 surest".
    """
    order, counts = by_certainty(network, test[0]), {}
    for name, indices in (("20 least sure", order[:20]), ("20 surest", order[-20:])):
        rng = np.random.default_rng([seed, 2])
        labels = [labels_in_company(network, test[0], index, rng) for index in indices]
        counts[name] = [len(set(each)) for each in labels]
    return counts


def c8_numbers(counts):
    """What claim C8 is judged by: the mean number of different labels a digit."""
    return {f"labels of the {name} digits": np.mean(each) for name, each in counts.items()}


C8 = Claim(
    id="C8",
    statement="In training mode a prediction depends on the whole batch: the 20 least sure test "
    "digits get several labels over 20 random batches of 32, the 20 surest keep one",
    conditions="2 hidden layers of 100 units, 600 steps; several: more than 2.5 on average",
    run=lambda train, test, seed: count_labels(trained_network(train, seed), test, seed),
    numbers=c8_numbers,
    holds=lambda numbers: (
        numbers["labels of the 20 least sure digits"] > 2.5
        and numbers["labels of the 20 surest digits"] < 1.1
    ),
)

BATCH_SIZES = (2, 4, 8, 32, 1000)


def sorted_by_class(images, labels):
    """The same examples, all zeros first, then all ones, and so on."""
    order = np.argsort(labels, kind="stable")
    return images[order], labels[order]


def errors_by_statistics(network, test):
    """Errors on the test digits, by the statistics they are normalized with and their batches."""
    in_order, in_batches = sorted_by_class(*test), statistics.error_in_batches
    errors = {f"batches of {m}": in_batches(network, *test, m) for m in BATCH_SIZES}
    one_at_a_time = evaluate(network, *in_order, batch_size=1)
    return errors | {
        "sorted by class in batches of 100": in_batches(network, *in_order, 100),
        "running statistics": evaluate(network, *test).error,
        "running statistics, sorted, one at a time": one_at_a_time.error,
    }


def c9_numbers(errors):
    """What claim C9 is judged by."""
    return {f"error, {name}": error for name, error in errors.items()}


def c9_holds(numbers):
    """Whether the errors of one seed depend on the batch as claim C9 says, and only so."""
    running = numbers["error, running statistics"]
    one_at_a_time = numbers["error, running statistics, sorted, one at a time"]
    return (
        numbers["error, batches of 2"] > 0.3
        and numbers["error, batches of 8"] > running + 0.03
        and numbers["error, sorted by class in batches of 100"] > 0.6
        and abs(numbers["error, batches of 1000"] - running) < 0.02
        and abs(one_at_a_time - running) < 0.002
    )


C9 = Claim(
    id="C9",
    statement="Running statistics remove that dependence: with batch statistics the test error "
    "grows as batches get smaller or are sorted by class, with running statistics it stays",
    conditions="2 hidden layers of 100 units, 600 steps; evaluated in batches of 2 to 1000; a "
    "batch of one has no variance and is an error",
    run=lambda train, test, seed: errors_by_statistics(trained_network(train, seed), test),
    numbers=c9_numbers,
    holds=c9_holds,
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
    _, norm = statistics.batch_norms(network)
    batches = minibatches(*train, 100, rng, epochs=None)
    batch, truth = [], []
    with statistics.momentum(network, 1.0):  # then the running estimate is what the last batch had
        losses = training_steps(network, SGD(network, 0.1), batches, steps=steps)
        for step, _ in enumerate(losses):
            batch.append((norm.running_mean, norm.running_var))
            if step % every == 0:
                statistics.recalibrate(network, train[0][:sample])
                truth.append((norm.running_mean, norm.running_var))
    return np.array(batch), np.array(truth)


def running_estimate(start, batches, momentum):
    """The running estimate after each batch, from the batches' own values, shape (steps,)."""
    running = []
    for value in batches:
        start = (1 - momentum) * start + momentum * value
        running.append(start)
    return np.array(running)
