"""Every scale, larger steps, a digit and its batch-mates, running estimates: claims C6 to C9."""

import numpy as np

from course_utils.data import minibatches, standardize
from course_utils.experiments import statistics
from course_utils.experiments.claims import Claim
from course_utils.experiments.comparison import run_sides, side
from course_utils.experiments.norms import BLOCKS
from course_utils.experiments.training import (
    GUESSING,
    evaluate,
    fit,
    layers_of,
    mode,
    training_steps,
)
from course_utils.experiments.vitals import length, mean_cosine
from course_utils.nn import SGD, mlp, softmax
from course_utils.nn.normalization import update_running

NORMS = {"without": None, "with": "batch"}


# The angle between two digits


def cosines_by_layer(x, block, c=2.0, layers=(0, 1, 5, 30), width=100):
    """The `mean_cosine` of a batch at some layers of an untrained network.

    Parameters
    ----------
    x : ndarray, shape (m, n)
    block : str
        What follows every weight matrix: a name in `norms.BLOCKS`.
    c : float
    layers : sequence of int
        0 is the input.
    width : int
        Units in each layer.
    """
    widths = [x.shape[1]] + max(layers) * [width]
    rng, z, found = np.random.default_rng(0), x.astype(float), {}
    blocks = BLOCKS[block].layers(widths[1:])
    for i, n in enumerate(widths):
        if i in layers:
            found[i] = mean_cosine(z)
        if i < max(layers):
            z = blocks[i].forward(z @ rng.normal(0, np.sqrt(c / n), (n, width)))
    return found


# Claim C6: every initial scale trains

DEEP = [784] + 20 * [50] + [10]
SCALES = {"before": (1, 2, 3), "after": (1, 3)}  # by the place of batch norm, before or after ReLU


def train_scales(train, test, seed, norm="batch"):
    """The runs of claim C6, 300 steps: scales with batch norm before and after ReLU, and without.

    `norm` is for a layer of one's own.
    """
    sides = {
        f"c = {c}, {position} ReLU": side(DEEP, lr=0.1, c=c, norm=norm, norm_position=position)
        for position, scales in SCALES.items()
        for c in scales
    }
    sides["c = 1, without"] = side(DEEP, lr=0.1, c=1)
    sides["c = 3, without"] = side(DEEP, lr=0.1, c=3)
    sides["c = 2, without, lr 0.02"] = side(DEEP, lr=0.02, c=2)
    return run_sides(sides, train, test, seed, steps=300, batch_size=50)


def c6_numbers(runs):
    """What claim C6 is judged by: losses over the last 50 steps, and errors at the end."""
    finite = {name: run for name, run in runs.items() if name != "c = 3, without"}
    numbers = {f"loss, {name}": np.mean(run.losses[-50:]) for name, run in finite.items()}
    numbers |= {f"error, {name}": run.final.error for name, run in runs.items() if run.final}
    return numbers | {"c = 3, without, diverged": runs["c = 3, without"].diverged}


def c6_holds(numbers):
    """Whether all scales learn on one seed, and what is said of the networks without."""
    before, after = (
        [numbers[f"loss, c = {c}, {position} ReLU"] for c in scales]
        for position, scales in SCALES.items()
    )
    return (
        max(*before, *after, numbers["loss, c = 2, without, lr 0.02"]) < GUESSING - 0.6
        and numbers["loss, c = 1, without"] > before[0] + 0.4
        and bool(numbers["c = 3, without, diverged"])
    )


C6 = Claim(
    id="C6",
    statement="With batch normalization before ReLU c = 1, 2 and 3 all train, and after ReLU "
    "c = 1 and 3",
    conditions="20 hidden layers of 50 units, learning rate 0.1, 300 steps: losses at least 0.6 "
    "below guessing; without it c = 3 ends in NaN and c = 1 is 0.4 behind (that with it before "
    "ReLU), but c = 2 at a learning rate of its own, 0.02, is as far below guessing",
    run=train_scales,
    numbers=c6_numbers,
    holds=c6_holds,
    table_seeds=tuple(range(220, 240)),
)


# Claim C7: larger steps

WIDE = [784, 100, 100, 100, 10]
RATES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


def train_at_rates(train, test, seed, rates=RATES, norm="batch"):
    """The runs of claim C7, 300 steps: learning rates without and with batch norm, on both sides.

    `norm` is for a layer of one's own.
    """
    sides = {f"lr {lr:g}, without": side(WIDE, lr) for lr in rates} | {
        f"lr {lr:g}, {position} ReLU": side(WIDE, lr, norm=norm, norm_position=position)
        for position in ("before", "after")
        for lr in rates
    }
    return run_sides(sides, train, test, seed, steps=300, batch_size=100)


def c7_numbers(runs):
    """What claim C7 is judged by: errors at the end, 1 where a run diverged."""
    return {
        f"error, {name}": 1.0 if run.diverged else run.final.error for name, run in runs.items()
    }


def c7_holds(numbers):
    """Whether learning rates 1 and 3 train with batch norm only, and 10 not at all."""
    with_it = [f"{position} ReLU" for position in ("before", "after")]
    return (
        all(numbers[f"error, lr {lr}, {each}"] < 0.15 for lr in (1, 3) for each in with_it)
        and all(numbers[f"error, lr {lr}, without"] == 1 for lr in (1, 3))
        and all(numbers[f"error, lr 10, {each}"] > 0.5 for each in with_it)
    )


C7 = Claim(
    id="C7",
    statement="Batch normalization, before ReLU or after, allows larger steps: learning rates 1 "
    "and 3 train with it and end in NaN without; 10 is too much for it as well",
    conditions="3 hidden layers of 100 units, batch 100, 300 steps; trains: a test error below "
    "0.15; too much: above 0.5",
    run=train_at_rates,
    numbers=c7_numbers,
    holds=c7_holds,
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


def trained_network(train, seed, steps=600, momentum=0.1, norm="batch"):
    """784-100-100-10 with batch norm of this momentum, trained and in evaluation mode."""
    network = mlp([784, 100, 100, 10], norm=norm, rng=np.random.default_rng([seed, 0]))
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


COMPANIES = ("digits", "ones", "noise")


def mates(kind, index, size, test, rng):
    """Images in [0, 1] to share a batch with test image `index`: a kind of COMPANIES."""
    images, labels = test
    if kind == "noise":
        return rng.uniform(size=(size - 1, images.shape[1])).astype(np.float32)
    pool = np.arange(len(images)) if kind == "digits" else np.flatnonzero(labels == 1)
    return images[rng.permutation(pool[pool != index])[: size - 1]]


def in_company(network, test, index, kind, size, draw, draws=20):
    """What a network says of test image `index` in a batch, as the picture `BatchMates` shows it.

    Parameters
    ----------
    network : layer
    test : (ndarray, ndarray)
        Images in [0, 1], not standardized, and labels.
    index : int
    kind, size, draw
        Which company, how many images in the batch, and the seed of the first draw.
    draws : int
        That many companies are drawn for the spread.

    Returns
    -------
    dict
        The "digit" and its "label", its first "mates", the probabilities of its classes in
        "training" and "evaluation" mode, and the "spread": over the draws, the deviation of the
        probability of the class that evaluation mode gives.
    """
    digit, found = test[0][[index]], []
    for number in range(draws):
        rng = np.random.default_rng([draw, number])
        company = mates(kind, index, size, test, rng)
        batch = standardize(np.concatenate([digit, company]))
        found.append((company, with_batch_statistics(network, batch)[0]))
    with mode(network, training=False):
        evaluation = softmax(network.forward(standardize(digit)))[0]
    probabilities = [training[evaluation.argmax()] for _, training in found]
    return {
        "digit": digit[0], "label": int(test[1][index]), "mates": found[0][0],
        "training": found[0][1], "evaluation": evaluation, "spread": float(np.std(probabilities)),
    }  # fmt: skip


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
    conditions="2 hidden layers of 100 units, 600 steps; several: more than 2.5 on average, one: "
    "less than 1.1",
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
    statement="Running statistics make the test error independent of the batch; with batch "
    "statistics it is above 0.3 in batches of 2, at least 0.03 higher in batches of 8, and above "
    "0.6 in batches of 100 sorted by class",
    conditions="2 hidden layers of 100 units, 600 steps; in mixed batches of 1000 the two differ by "
    "less than 0.02",
    run=lambda train, test, seed: errors_by_statistics(trained_network(train, seed), test),
    numbers=c9_numbers,
    holds=c9_holds,
)


# Running estimates


def watch_moments(train, seed, steps=300, every=10, sample=10_000, norm="batch"):
    """Train a network and record what its second BatchNorm layer sees.

    Parameters
    ----------
    train : (ndarray, ndarray)
    seed, steps : int
    every : int
        Steps between two measurements of the truth.
    sample : int
        Training digits that the truth is measured on.
    norm : "batch", or callable
        For a layer of one's own.

    Returns
    -------
    batch : ndarray, shape (steps, 2, 100)
        Mean and unbiased variance of the layer's inputs over each step's minibatch.
    truth : ndarray, shape (steps / every, 2, 100)
        The same over the sample, right after steps 0, every, ...
    """
    rng = np.random.default_rng(seed)
    network = mlp([784, 100, 100, 10], norm=norm, rng=rng)
    _, layer = statistics.batch_norms(network)
    batches = minibatches(*train, 100, rng, epochs=None)
    batch, truth = [], []
    with statistics.momentum(network, 1.0):  # then the running estimate is what the last batch had
        losses = training_steps(network, SGD(network, 0.1), batches, steps=steps)
        for step, _ in enumerate(losses):
            batch.append(np.array([layer.running_mean, layer.running_var]))
            if step % every == 0:
                statistics.recalibrate(network, train[0][:sample])
                truth.append(np.array([layer.running_mean, layer.running_var]))
    return np.array(batch), np.array(truth)


def running_estimate(start, batches, momentum, update=update_running):
    """The running estimate after each batch, from the batches' own values, shape (steps,)."""
    running = []
    for value in batches:
        start = update(start, value, momentum)
        running.append(start)
    return np.array(running)


def follow(batches, truth, momentum, update=update_running):
    """Running estimates beside batches and truth, each unit in its own measure.

    Parameters
    ----------
    batches, truth : ndarray, shape (steps, 2, n) and (measurements, 2, n)
        As from `watch_moments`.
    momentum : float
    update : callable
        ``update(running, batch, momentum)``.

    Returns
    -------
    dict of str to ndarray
        "batch", "truth" and "running": means less the unit's true mean at the end, over its true
        deviation there; variances over its true variance there. "at": the steps of the truth.
        "off": by how much the running estimate misses the truth over the second half of the
        steps, on average, shape (2, n).
    """
    units = batches.shape[-1]
    start = np.stack([np.zeros(units), np.ones(units)])
    running = running_estimate(start, batches, momentum, update)
    mean, var = truth[-1]
    zero, one = np.stack([mean, 0 * mean]), np.stack([np.sqrt(var), var])
    at = np.arange(len(truth)) * (len(batches) // len(truth)) + 1
    found = {"batch": batches, "truth": truth, "running": running}
    scaled = {name: (values - zero) / one for name, values in found.items()}
    late = at > len(batches) / 2
    off = np.abs(scaled["running"][at[late] - 1] - scaled["truth"][late]).mean(axis=0)
    return {**scaled, "at": at, "off": off}
