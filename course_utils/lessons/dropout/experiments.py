"""Experiments on dropout: moments over masks, claims C16 to C18, ensembles at test time.

Where the student wrote the mask, the layer or the average over masks, it is an argument here.
"""

from copy import deepcopy
from functools import partial

import numpy as np

from course_utils.checks import check_number
from course_utils.data import minibatches
from course_utils.experiments.claims import Claim
from course_utils.experiments.comparison import run_side, run_sides, side, small_set
from course_utils.experiments.training import answers, evaluate, layers_of, mode, training_steps
from course_utils.nn import (
    SGD,
    Dropout,
    ReLU,
    Sequential,
    mlp,
    softmax,
    softmax_cross_entropy,
)
from course_utils.nn.dropout import dropout_mask


def dropouts(network):
    """The network's Dropout layers, the student's own too, from input to output."""
    return [layer for layer in layers_of(network) if hasattr(layer, "p")]


def trained(train, seed, widths=(784, 256, 256, 10), p=0.5, m=None, steps=600, dropout=Dropout):
    """A network trained with dropout on m digits (None: on all), in evaluation mode."""
    digits = train if m is None else small_set(train, seed, m)
    make = side(widths, 0.1, p=p, dropout=dropout)
    network, _ = run_side(make, digits, None, seed, steps=steps, batch_size=50)
    return network.eval()


# Claim C16: the mean stays, the second moment grows

DROP = (0.2, 0.5, 0.8)


def moment_ratios(z, p, rng, mask=dropout_mask):
    """Mean and mean square of the entries of mask * z over those of z."""
    dropped = mask(z.shape, p, rng, z.dtype) * z
    return float(dropped.mean() / z.mean()), float(np.mean(dropped**2) / np.mean(z**2))


def pre_activations(z, w, p, masks, rng, mask=dropout_mask):
    """One unit's sum_j mask_j z_j w_j for each of many masks, shape (masks,); z, w: (n,)."""
    return mask((masks, len(z)), p, rng, np.float64) @ (z * w)


def predicted_variance(z, w, p):
    """Their variance over all masks: p / (1 - p) sum_j z_j^2 w_j^2."""
    check_number("p", p, 0, 1)
    return float(p / (1 - p) * np.sum(z**2 * w**2))


def moments(train, test, seed, mask=dropout_mask):
    """What claim C16 compares, before training: by p, a mean and a mean square.

    They are those of the masked activations of the first hidden layer, on 2,000 test digits, over
    those without a mask.
    """
    rng = np.random.default_rng([seed, 0])
    network = mlp([784, 256, 256, 10], rng=rng)
    z = Sequential(network.layers[:2]).forward(test[0][:2000]).astype(np.float64)
    return {p: moment_ratios(z, p, rng, mask) for p in DROP}


def c16_numbers(found):
    """What claim C16 is judged by: measured over expected."""
    names = "mean", "second moment"
    return {
        f"{name}, p = {p}": ratio
        for p, ratios in found.items()
        for name, ratio in zip(names, ratios, strict=True)
    }


C16 = Claim(
    id="C16",
    statement="Dividing by 1 - p keeps the mean; mean squares grow by 1/(1 - p)",
    conditions="2,000 digits in the first hidden layer of 784-256-256-10 before training, p = 0.2, "
    "0.5, 0.8, to 2% (mean) and 5% (mean square)",
    run=moments,
    numbers=c16_numbers,
    holds=lambda numbers: all(
        abs(numbers[f"mean, p = {p}"] - 1) < 0.02
        and abs(numbers[f"second moment, p = {p}"] * (1 - p) - 1) < 0.05
        for p in DROP
    ),
)


# Claim C17: two stochastic approximations

SIZES = (1, 4, 16, 64, 256)
GROUPS = (32, 32, 16, 8, 4)  # of so many masks, for an error of their mean


def mean_over_masks(network, x, K):
    """Mean of K forward passes in training mode, as the student writes it."""
    return probabilities(network, x, K, lambda output: output).mean(axis=0)


def relative_rms(estimates, truth):
    """Root mean square of estimates - truth over that of the truth; any leading axes."""
    return float(np.sqrt(np.mean((estimates - truth) ** 2) / np.mean(truth**2)))


def gradient_noise(network, images, labels, rng, examples=1024):
    """Error of the minibatch gradient of the first W, relative to the gradient over all examples.

    One entry for each batch size m of SIZES, over examples / m minibatches, drawn with replacement,
    so that the largest is as independent as the smallest.
    """

    def gradient(x, y):
        _, grad = softmax_cross_entropy(network.forward(x), y)
        network.backward(grad, input_grad=False)
        return network.grads["0.W"]

    full, chosen = gradient(images, labels), rng.integers(len(images), size=examples)
    errors = []
    for m in SIZES:
        each = (relative_rms(gradient(images[i], labels[i]), full) for i in chosen.reshape(-1, m))
        errors.append(float(np.sqrt(np.mean(np.square(list(each))))))
    return errors


def mask_noise(network, x, mean=mean_over_masks):
    """Error of ``mean(network, x, K)``, relative to the pass without masks, for each K of SIZES."""
    with mode(network, training=False):
        truth = network.forward(x)
    return [
        relative_rms(np.array([mean(network, x, K) for _ in range(groups)]), truth)
        for K, groups in zip(SIZES, GROUPS, strict=True)
    ]


def slope(errors):
    """Slope of the line through log error against log size."""
    return float(np.polyfit(np.log(SIZES), np.log(errors), 1)[0])


def without_relu(network):
    """The same layers without the nonlinearities: a linear network of the same weights."""
    return Sequential([layer for layer in network.layers if not isinstance(layer, ReLU)])


def stochastic_approximations(train, test, seed, mean=mean_over_masks, dropout=Dropout):
    """Errors by batch size, or by number of masks, for one seed: a dict of lists over SIZES."""
    widths = 784, 128, 128, 128, 10
    network = trained(train, seed, widths, steps=300, dropout=dropout)
    rng, x = np.random.default_rng([seed, 2]), test[0][:20]
    hidden = Sequential(network.layers[:2]).forward(x)
    one_layer = Sequential(network.layers[2:4])  # Dropout and the Linear layer behind it
    return {
        "minibatch gradient": gradient_noise(network, train[0][:2000], train[1][:2000], rng),
        "masks, one layer": mask_noise(one_layer, hidden, mean),
        "masks, whole network": mask_noise(network, x, mean),
        "masks, without ReLU": mask_noise(without_relu(network), x, mean),
    }


UNBIASED = "minibatch gradient", "masks, one layer", "masks, without ReLU"


def c17_numbers(errors):
    """What claim C17 is judged by: slopes, and what is left of two errors."""
    return {f"slope, {name}": slope(errors[name]) for name in UNBIASED} | {
        "error left at K = 256, whole network": errors["masks, whole network"][-1],
        "error left at K = 256, without ReLU": errors["masks, without ReLU"][-1],
    }


C17 = Claim(
    id="C17",
    statement="Averaging masks, or examples, cuts the error with slope -1/2; with ReLU in between "
    "more is left",
    conditions="1 to 256 masks at p = 0.5, or examples; slopes within 0.06 for one layer and for a "
    "network without its ReLUs; through 784-128-128-128-10 with them, trained for 300 steps, over "
    "1.5 times the error is left at 256",
    run=stochastic_approximations,
    numbers=c17_numbers,
    holds=lambda numbers: (
        all(abs(numbers[f"slope, {name}"] + 0.5) < 0.06 for name in UNBIASED)
        and numbers["error left at K = 256, whole network"]
        > 1.5 * numbers["error left at K = 256, without ReLU"]
    ),
    seeds=(3, 4),
)


# Claim C18: dropout and early stopping

RATES = (0, 0.25, 0.5, 0.8)  # with true labels, for 1,000 steps
STEPS = {0: 800, 0.5: 2000, 0.8: 400}  # with wrong labels, by rate
EARLY, EVERY = 400, 20  # the step at which all are compared; how often the test error is measured


def regularization(train, test, seed, dropout=Dropout, kinds=("3 in 10 wrong", "true labels")):
    """The runs of claim C18, by kind of labels and dropout rate, "p = 0" and so on.

    784-256-256-10 on 1,000 digits of the seed, the same for every kind and rate. With wrong labels
    the test error is measured on the way, and the shares of labels known by heart.
    """
    clean, runs = small_set(train, seed), {}
    for kind in kinds:
        runs[kind] = {}
        digits = clean if kind == "true labels" else small_set(train, seed, wrong=0.3)
        observe = partial(known, wrong=digits[1] != clean[1])
        for p in RATES if kind == "true labels" else STEPS:
            options = {"steps": 1000}
            if kind != "true labels":
                options = {"steps": STEPS[p], "evaluate_every": EVERY, "observe": observe}
                options["observe_every"] = EARLY
            make = {f"p = {p:g}": side((784, 256, 256, 10), 0.1, p=p, dropout=dropout)}
            runs[kind] |= run_sides(make, digits, test, seed, batch_size=50, **options)
    return runs


def known(network, train, wrong):
    """Shares of the true and of the wrong training labels that the network gives, without masks."""
    given = answers(network, train[0]) == train[1]
    return float(np.mean(given[~wrong])), float(np.mean(given[wrong]))


def errors_over_time(run):
    """The test errors of a run, without that before the first step: an array, one each EVERY."""
    return np.array([run.evaluations[step].error for step in sorted(run.evaluations)[1:]])


def lowest(errors, count=3):
    """The lowest mean of so many errors in a row, so that no single lucky step decides."""
    return float(np.convolve(errors, np.ones(count) / count, mode="valid").min())


def c18_numbers(runs):
    """What claim C18 is judged by, and what stands beside it."""
    numbers = {}
    for rate, run in runs["3 in 10 wrong"].items():
        errors = errors_over_time(run)
        numbers |= {
            f"lowest error over 60 steps, {rate}": lowest(errors),
            f"lowest error at one step, {rate}": errors.min(),
            f"error after {EARLY} steps, {rate}": run.evaluations[EARLY].error,
            f"wrong labels known after {EARLY} steps, {rate}": run.observations[EARLY][1],
            f"error at the end, {rate}": errors[-1],
            f"wrong labels known at the end, {rate}": run.observations[max(run.observations)][1],
        }
    for rate, run in runs.get("true labels", {}).items():
        numbers |= {f"error, true labels, {rate}": run.final.error}
        numbers |= {f"loss, true labels, {rate}": run.final.loss}
    return numbers


def c18_holds(numbers):
    """Every part of claim C18, with its margin."""
    early = {p: numbers[f"error after {EARLY} steps, p = {p:g}"] for p in STEPS}
    by_heart = {p: numbers[f"wrong labels known after {EARLY} steps, p = {p:g}"] for p in STEPS}
    return bool(
        numbers["lowest error over 60 steps, p = 0.5"]
        < numbers["lowest error over 60 steps, p = 0"] - 0.005
        and early[0.5] < early[0] - 0.02
        and by_heart[0.5] < 0.7 < 0.9 < by_heart[0]
        and numbers["wrong labels known at the end, p = 0.5"] > 0.85
        and early[0.8] > early[0] + 0.1
    )


C18 = Claim(
    id="C18",
    statement="Against wrong labels dropout at p = 0.5 delays learning by heart, and does more than "
    "early stopping; trained on, it learns them too; p = 0.8 does harm",
    conditions="1,000 digits, 3 labels in 10 wrong, 784-256-256-10, learning rate 0.1; lowest mean "
    "test error of three evaluations in a row, 20 steps apart, over half a point under p = 0, "
    "both chosen afterwards; after 400 steps over 2 points under p = 0, with under 70% of the wrong "
    "labels known against over 90%, and p = 0.8 over 10 points above p = 0; after 2,000 steps "
    "p = 0.5 knows over 85%",
    run=regularization,
    numbers=c18_numbers,
    holds=c18_holds,
    seeds=(3, 4),
)


# Training while p moves


def train_under_dropout(train, test, p, start, slices=125, steps=10, dropout=Dropout):
    """Train 784-256-256-10 on 1,000 digits, three labels in ten wrong, with p read as it goes.

    Parameters
    ----------
    train, test : (ndarray, ndarray)
        Images and labels.
    p : callable
        ``p()`` is asked before each slice and holds for its steps.
    start : int
        The seed of the digits, the network, its masks and the order.
    slices, steps : int
        How many slices, and training steps in each.
    dropout : callable
        ``dropout(p, rng=rng)`` makes the dropout layers.

    Yields
    ------
    dict
        ``record``, an array with a row for each slice so far: p, loss with masks (mean over the
        slice's steps), and without masks test loss and test error.
    """
    rng, record = np.random.default_rng([start, 0]), []
    # With p = 0 it would have no Dropout.
    network = mlp([784, 256, 256, 10], p=0.5, dropout=dropout, rng=rng)
    batches = minibatches(*small_set(train, start, wrong=0.3), 50, rng, epochs=None)
    optimizer = SGD(network, 0.1)
    for _ in range(slices):
        now = p()
        for layer in dropouts(network):
            layer.p = now
        losses = list(training_steps(network, optimizer, batches, steps=steps))
        seen = evaluate(network, *test)
        record.append((now, np.mean(losses), seen.loss, seen.error))
        yield {"record": np.array(record)}


# Dropout left on at test time


def probabilities(network, x, passes, of=softmax):
    """Class probabilities in training mode, a fresh mask a pass, shape (passes, m, 10)."""
    with mode(network, training=True):
        return np.array([of(network.forward(x)) for _ in range(passes)])


def error_and_loss(probability, labels):
    """Share of wrong answers, and mean cross-entropy, of probabilities (m, 10)."""
    of_truth = probability[np.arange(len(labels)), labels]
    error = np.mean(probability.argmax(axis=1) != labels)
    return float(error), float(-np.mean(np.log(np.maximum(of_truth, 1e-12))))


def spread(passes):
    """Deviation over the passes of the probability of the label that their mean gives, (m,)."""
    label = passes.mean(axis=0).argmax(axis=1)
    return passes.std(axis=0)[np.arange(len(label)), label]


def errors_by_doubt(doubt, wrong, share=0.1):
    """Error among the examples with the largest doubt, and among the rest."""
    order = np.argsort(-doubt, kind="stable")
    first = round(share * len(order))
    return float(wrong[order[:first]].mean()), float(wrong[order[first:]].mean())


def calibration(probability, labels, edges=(0.0, 0.5, 0.7, 0.9, 0.99, 1.0)):
    """Largest probability against share of right answers, by bins of the former.

    Returns
    -------
    confidence, accuracy : ndarray, shape (bins,)
        Means over each bin; NaN for an empty one.
    gap : float
        Mean distance of the two over the examples: the expected calibration error.
    """
    sure, right = probability.max(axis=1), probability.argmax(axis=1) == labels
    place = np.clip(np.searchsorted(edges, sure, side="left") - 1, 0, len(edges) - 2)
    counts = np.bincount(place, minlength=len(edges) - 1)
    with np.errstate(invalid="ignore"):
        confidence, accuracy = (
            np.bincount(place, each, minlength=len(counts)) / counts for each in (sure, right)
        )
    gap = np.nansum(counts * abs(confidence - accuracy)) / len(labels)
    return confidence, accuracy, float(gap)


# Three ways of reading a deep network


def three_readings(network, test, p, passes=8):
    """Test error of a deep network: without masks, over masks, and with the length restored.

    The second is that of averaged probabilities; for the third every matrix behind a Dropout is
    divided by sqrt(1 - p), without masks. It works on copies, so that the network keeps nothing.
    """
    longer = deepcopy(network)
    for linear in longer.layers[3::3]:  # Linear, ReLU, Dropout, Linear, ...: all but the first
        linear.params["W"] /= np.sqrt(1 - p)
    averaged = np.zeros((len(test[1]), 10))
    for _ in range(passes):
        averaged += probabilities(network, test[0], 1)[0]
    return {
        "without masks": evaluate(network, *test).error,
        "over masks": error_and_loss(averaged, test[1])[0],
        "length restored": evaluate(longer, *test).error,
    }


# Your own network


def train_own(dropout, train, test, seeds, observe):
    """Runs of 784-256-256-10 with a layer of one's own at p = 0.5, 400 steps as in claim C18."""
    make = side((784, 256, 256, 10), 0.1, p=0.5, dropout=dropout)
    options = {"steps": EARLY, "batch_size": 50, "observe": observe}
    return [
        run_side(make, small_set(train, seed, wrong=0.3), test, seed, **options)[1]
        for seed in seeds
    ]
