"""A trained network on damaged digits: as it is, by the batch, by entropy descent. C22."""

import copy
from functools import partial

import numpy as np

from course_utils.checks import check_choice, check_count
from course_utils.data import MNIST_MEAN, MNIST_STD, standardize
from course_utils.experiments.claims import Claim
from course_utils.experiments.statistics import batch_norms, recalibrate
from course_utils.experiments.training import evaluate, fit
from course_utils.lessons.batch_norm_at_test_time.adaptation import (
    AdamSteps,
    adapt,
    batch_logits,
    mean_entropy,
)
from course_utils.lessons.batch_norm_at_test_time.corruptions import corrupt
from course_utils.nn import SGD, mlp
from course_utils.nn.layers import linear_forward
from course_utils.nn.normalization import moments, normalize

# Networks and streams


def source_network(train, seed, steps=1200):
    """A network 784-256-256-10 with batch norm after two epochs, in evaluation mode."""
    network = mlp([784, 256, 256, 10], norm="batch", rng=np.random.default_rng([seed, 0]))
    rng = np.random.default_rng([seed, 1])
    fit(network, SGD(network, 0.1), *train, steps=steps, batch_size=100, rng=rng)
    return network.eval()


def pixels(images):
    """The gray values from 0 to 1 of standardized images."""
    return np.clip(images * MNIST_STD + MNIST_MEAN, 0, 1, dtype=np.float32)


def damaged(images, corruption, severity, rng=None, out=None, at_once=1000):
    """Standardized images with a corruption (see `corrupt`), standardized again.

    Made so many at a time, which spares memory; ``out=images`` works in place and spares more.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    out = np.empty_like(images) if out is None else out
    for start in range(0, len(images), at_once):
        part = slice(start, start + at_once)
        standardize(corrupt(corruption, pixels(images[part]), severity, rng), out=out[part])
    return out


ORDERS = ("shuffled", "sorted by class")


def stream(test, order, seed, count=None):
    """The test digits in the order in which they come: (images, labels), copies.

    Parameters
    ----------
    test : (ndarray, ndarray)
    order : str
        One of ORDERS.
    seed : int
        Of the shuffling, which picks the digits where `count` is less than all.
    count : int, optional

    Raises
    ------
    ValueError, TypeError
        For another order or count.
    """
    images, labels = test
    check_choice("order", order, ORDERS)
    check_count("count", len(labels) if count is None else count, maximum=len(labels))
    chosen = np.random.default_rng([seed, 2]).permutation(len(labels))[:count]
    if order == "sorted by class":
        chosen = chosen[np.argsort(labels[chosen], kind="stable")]
    return images[chosen], labels[chosen]


def three_ways(network, lr, predict=batch_logits, adapt=adapt):
    """By name, what answers a batch: a function from images to logits.

    The last one remembers: it adapts a copy of the network as it goes.
    """
    adapting = copy.deepcopy(network)
    return {
        "source": network.forward,
        "batch": partial(predict, network),
        "descent": partial(adapt, adapting, update=AdamSteps(lr)),
    }


def along(ways, images, batch_size):
    """The answers of each way to a stream, batch after batch.

    Yields
    ------
    dict of str to ndarray, shape (batch_size,)
        The class given to each image. Those that fill no batch are left out.
    """
    for start in range(0, len(images) - batch_size + 1, batch_size):
        batch = images[start : start + batch_size]
        yield {name: way(batch).argmax(axis=1) for name, way in ways.items()}


def errors(ways, images, labels, batch_size):
    """The share of wrong answers of each way over a whole stream, by name."""
    batches = list(along(ways, images, batch_size))
    given = {name: np.concatenate([each[name] for each in batches]) for name in ways}
    return {name: float(np.mean(each != labels[: len(each)])) for name, each in given.items()}


def racing(ways, images, labels, batch_size, slices=40):
    """The errors of each way as they add up along a stream, in slices, for a picture.

    Yields
    ------
    dict
        "seen", digits so far at each point; "errors", by name the share of wrong answers among
        them; "first", the first twelve images, gray values; "answers", how often the last way
        gave each of ten answers to the latest quarter of those it has seen.
    """
    seen, wrong = [], {name: [] for name in ways}
    last, every = [], max(1, len(images) // batch_size // slices)
    for number, given in enumerate(along(ways, images, batch_size), start=1):
        end = number * batch_size
        seen.append(end)
        for name, answers in given.items():
            before = wrong[name][-1] if wrong[name] else 0
            wrong[name].append(before + np.sum(answers != labels[end - batch_size : end]))
        last.append(answers)
        if number % every == 0 or end + batch_size > len(images):
            yield {
                "seen": np.array(seen),
                "errors": {name: np.array(each) / seen for name, each in wrong.items()},
                "first": pixels(images[:12]),
                "answers": shares(np.concatenate(last[-max(1, number // 4) :])),
            }


def shares(answers):
    """How often each of the ten classes is among the answers, shares that add up to 1."""
    return np.bincount(answers, minlength=10) / len(answers)


def first_layer(network, images):
    """What the first batch norm layer is given, shape (m, n)."""
    params = network.layers[0].params
    return linear_forward(images, params["W"], params["b"])


def against_running(network, images):
    """What the first batch norm layer is given, against its running estimates.

    Returns
    -------
    (float, float)
        By how many deviations the mean is off, and the deviation as a factor: means over units.
    """
    z, norm = first_layer(network, images), batch_norms(network)[0]
    deviation = np.sqrt(norm.running_var)
    off = np.abs(z.mean(axis=0) - norm.running_mean) / deviation
    return float(off.mean()), float(np.mean(z.std(axis=0) / deviation))


def partly_new(network, images, labels):
    """The errors with means, variances or both of the whole stream in place of running ones."""
    norms, found = batch_norms(told := with_statistics_of(network, images)), {}
    old = [(norm.running_mean, norm.running_var) for norm in batch_norms(network)]
    new = [(norm.running_mean, norm.running_var) for norm in norms]
    for name, means, variances in (
        ("none", old, old), ("means", new, old), ("variances", old, new), ("both", new, new)
    ):  # fmt: skip
        for norm, (mean, _), (_, var) in zip(norms, means, variances, strict=True):
            norm.running_mean, norm.running_var = mean, var
        found[name] = evaluate(told, images, labels).error
    return found


def off(z, batch_size):
    """How far batches' means are from the stream's, in its deviations: mean over batches and units.

    Parameters
    ----------
    z : ndarray, shape (m, n)
        In the order of the stream; those that fill no batch are left out.
    batch_size : int
    """
    batches = z[: len(z) - len(z) % batch_size].reshape(-1, batch_size, z.shape[1])
    return float(np.mean(np.abs(batches.mean(axis=1) - z.mean(axis=0)) / z.std(axis=0)))


def with_statistics_of(network, images):
    """A copy of the network whose running estimates are the statistics of these images."""
    told = copy.deepcopy(network)
    recalibrate(told, images)
    return told


def collapse(network, images, labels, lr, batch_size=200, part=5, adapt=adapt):
    """Entropy, share of the most frequent answer, and error at both ends of a stream.

    Returns
    -------
    list of dict of str to float
        For the first `part` batches of a descent, and the last.
    """
    network, update, found = copy.deepcopy(network), AdamSteps(lr), []
    for start in range(0, len(images), batch_size):
        batch = slice(start, start + batch_size)
        logits = adapt(network, images[batch], update)
        found.append((mean_entropy(logits), logits.argmax(axis=1), labels[batch]))
    ends = []
    for some in (found[:part], found[-part:]):
        entropies, answers, truth = (np.stack(each) for each in zip(*some))
        ends.append(
            {
                "entropy": float(entropies.mean()),
                "most frequent answer": float(shares(answers.ravel()).max()),
                "error": float(np.mean(answers != truth)),
            }
        )
    return ends


def mixed_logits(network, x, share):
    """The logits of x with a share of its own statistics, and of the running ones the rest."""
    for layer in network.layers:
        if hasattr(layer, "running_mean"):
            mean, var = moments(x, axis=0)
            mean = share * mean + (1 - share) * layer.running_mean
            var = share * var + (1 - share) * layer.running_var
            x = layer.scale_and_shift(normalize(x, mean, var, layer.eps))
        else:
            x = layer.forward(x)
    return x


# Claim C22

CASES = {  # corruption, severity, batch size, order, digits
    "undamaged": ("noise", 0, 200, "shuffled", None),
    "contrast": ("contrast", 2, 200, "shuffled", None),
    "brightness": ("brightness", 3, 200, "shuffled", None),
    "fog": ("fog", 2, 200, "shuffled", None),
    "blur": ("blur", 5, 200, "shuffled", None),
    "noise": ("noise", 2, 200, "shuffled", None),
    "salt and pepper": ("salt and pepper", 2, 200, "shuffled", None),
    "rotation": ("rotation", 2, 200, "shuffled", None),
    "shift": ("shift", 2, 200, "shuffled", None),
    "occlusion": ("occlusion", 4, 200, "shuffled", None),
    "heavy noise": ("noise", 5, 200, "shuffled", None),
    "sorted": ("noise", 2, 200, "sorted by class", None),
} | {f"batches of {m}": ("noise", 2, m, "shuffled", 2000) for m in (2, 4, 8, 16, 64)}
RATES = (0.005, 0.02)
CURED = ("contrast", "brightness", "blur", "noise")
RAISED = ("rotation", "batches of 4", "sorted")
LOWERED = {"blur": 0.005, "noise": 0.005, "salt and pepper": 0.005, "rotation": 0.02}
HURT = {"occlusion": 0.005, "heavy noise": 0.005}
JUDGED = {case: () for case in (*CURED, *RAISED)} | {
    case: (lr,) for case, lr in (LOWERED | HURT).items()
}


def by_case(train, test, seed, cases=None, predict=batch_logits, adapt=adapt):
    """The runs of claim C22: errors by case and way.

    Parameters
    ----------
    train, test : (ndarray, ndarray)
    seed : int
    cases : dict of str to tuple of float, optional
        The learning rates of entropy descent in each case; None: RATES in all CASES.
    predict, adapt : callable
        As `batch_logits` and `adapt`.

    Returns
    -------
    dict of str to dict of str to float
    """
    network, found = source_network(train, seed), {}
    for case, rates in (cases or dict.fromkeys(CASES, RATES)).items():
        corruption, severity, batch_size, order, count = CASES[case]
        images, labels = stream(test, order, seed, count)
        rng = np.random.default_rng([seed, 3])
        damaged(images, corruption, severity, rng, out=images)
        ways = {"source": network.forward, "batch": partial(predict, network)}
        for lr in rates:
            adapting = copy.deepcopy(network)
            ways[f"descent {lr}"] = partial(adapt, adapting, update=AdamSteps(lr))
        found[case] = errors(ways, images, labels, batch_size)
    return found


def c22_numbers(runs):
    """What claim C22 is judged by: errors by case and way."""
    return {f"{case}: {way}": error for case, ways in runs.items() for way, error in ways.items()}


def c22_holds(numbers):
    """Whether every case goes as claim C22 says, by a tenth of a point at least."""

    def change(case, way, since):
        return numbers[f"{case}: {way}"] - numbers[f"{case}: {since}"]

    def descent(case, lr):
        return change(case, f"descent {lr}", since="batch")

    return (
        all(numbers[f"{case}: batch"] < 0.75 * numbers[f"{case}: source"] for case in CURED)
        and all(change(case, "batch", since="source") > 0.001 for case in RAISED)
        and all(descent(case, lr) < -0.001 for case, lr in LOWERED.items())
        and all(descent(case, lr) > 0.001 for case, lr in HURT.items())
    )


C22 = Claim(
    id="C22",
    statement="At test time batch statistics lower the error by more than a quarter under "
    "contrast, brightness, blur and noise, and raise it under rotation, in batches of 4 and in a "
    "stream sorted by class; entropy descent on gamma and beta lowers it further under blur, "
    "noise, salt and pepper and rotation, and raises it under occlusion and heavy noise",
    conditions="784-256-256-10 with batch norm, two epochs of MNIST, 10,000 damaged test digits in "
    "one pass in batches of 200; contrast × 0.36, brightness + 0.3, blur 2.5 pixels, noise 0.3 "
    "(also in small batches, on 2,000 digits, and sorted), heavy noise 0.75, salt and pepper on "
    "20% of the pixels, rotation by 20 degrees, a black square of 12 pixels; Adam at 0.005, for "
    "the rotation at 0.02; every change by 0.1 point or more",
    run=by_case,
    numbers=c22_numbers,
    holds=c22_holds,
    seeds=(3, 4),
)
