"""Experiments on dropout: moments over masks, claims C16 to C18, ensembles at test time."""

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
    """The network's Dropout layers, from input to output."""
    return [layer for layer in layers_of(network) if isinstance(layer, Dropout)]


def trained(train, seed, widths=(784, 256, 256, 10), p=0.5, m=None, steps=600):
    """A network trained with dropout on m digits (None: on all), in evaluation mode."""
    digits = train if m is None else small_set(train, seed, m)
    network, _ = run_side(side(widths, 0.1, p=p), digits, None, seed, steps=steps, batch_size=50)
    return network.eval()


# Claim C16: the mean stays, the second moment grows

DROP = (0.2, 0.5, 0.8)


def moment_ratios(h, p, rng):
    """Mean and mean square of the entries of mask * h over those of h."""
    dropped = dropout_mask(h.shape, p, rng, h.dtype) * h
    return float(dropped.mean() / h.mean()), float(np.mean(dropped**2) / np.mean(h**2))


def pre_activations(h, w, p, masks, rng):
    """One unit's sum_j mask_j h_j w_j for each of many masks, shape (masks,); h, w: (n,)."""
    return dropout_mask((masks, len(h)), p, rng, np.float64) @ (h * w)


def predicted_variance(h, w, p):
    """Their variance over all masks: p / (1 - p) sum_j h_j^2 w_j^2."""
    check_number("p", p, 0, 1)
    return float(p / (1 - p) * np.sum(h**2 * w**2))


def moments(train, test, seed):
    """What claim C16 compares, before training: by p, a mean, a mean square and a variance.

    The first two are those of the masked activations of the first hidden layer over those without
    a mask, on all test digits; the third is one unit's over the masks, over the predicted one.
    """
    rng = np.random.default_rng([seed, 0])
    network = mlp([784, 256, 256, 10], rng=rng, dtype=np.float64)
    h = Sequential(network.layers[:2]).forward(test[0].astype(np.float64))
    w, found = network.layers[2].params["W"][:, 0], {}
    for p in DROP:
        mean, square = moment_ratios(h, p, rng)
        variance = pre_activations(h[0], w, p, 20_000, rng).var()
        found[p] = mean, square, variance / predicted_variance(h[0], w, p)
    return found


def c16_numbers(found):
    """What claim C16 is judged by: measured over expected."""
    names = "mean", "second moment", "variance of a unit / predicted"
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


def relative_rms(estimates, truth):
    """Root mean square of estimates - truth over that of the truth; any leading axes."""
    return float(np.sqrt(np.mean((estimates - truth) ** 2) / np.mean(truth**2)))


def gradient_noise(network, images, labels, rng, examples=2048):
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


def mask_noise(network, x, passes=1024):
    """Error of the mean of K forward passes in training mode, relative to the evaluation's.

    One entry for each K of SIZES, over passes / K groups of passes.
    """
    with mode(network, training=False):
        truth = network.forward(x)
    with mode(network, training=True):
        outputs = np.array([network.forward(x) for _ in range(passes)])
    groups = (outputs.reshape(passes // k, k, *truth.shape).mean(axis=1) for k in SIZES)
    return [relative_rms(means, truth) for means in groups]


def slope(errors):
    """Slope of the line through log error against log size."""
    return float(np.polyfit(np.log(SIZES), np.log(errors), 1)[0])


def without_relu(network):
    """The same layers without the nonlinearities: a linear network of the same weights."""
    return Sequential([layer for layer in network.layers if not isinstance(layer, ReLU)])


def stochastic_approximations(train, test, seed):
    """Errors by batch size, or by number of masks, for one seed: a dict of lists over SIZES."""
    network = trained(train, seed, widths=(784, 128, 128, 128, 10), steps=300)
    rng, x = np.random.default_rng([seed, 2]), test[0][:20]
    hidden = Sequential(network.layers[:2]).forward(x)
    one_layer = Sequential(network.layers[2:4])  # Dropout and the Linear layer behind it
    return {
        "minibatch gradient": gradient_noise(network, train[0][:2000], train[1][:2000], rng),
        "masks, one layer": mask_noise(one_layer, hidden),
        "masks, whole network": mask_noise(network, x),
        "masks, without ReLU": mask_noise(without_relu(network), x),
    }


def c17_numbers(errors):
    """What claim C17 is judged by: slopes, and what is left of two errors."""
    slopes = {
        f"slope, {name}": slope(errors[name]) for name in errors if name != "masks, whole network"
    }
    return slopes | {
        "error left at K = 256, whole network": errors["masks, whole network"][-1],
        "error left at K = 256, without ReLU": errors["masks, without ReLU"][-1],
    }


C17 = Claim(
    id="C17",
    statement="Averaging masks, or examples, cuts the error with slope -1/2",
    conditions="1 to 256 masks or examples, slopes within 0.06, one layer; through a trained "
    "network with ReLU an error stays however many masks are averaged",
    run=stochastic_approximations,
    numbers=c17_numbers,
    holds=lambda numbers: (
        all(
            abs(numbers[f"slope, {name}"] + 0.5) < 0.06
            for name in ("minibatch gradient", "masks, one layer")
        )
        and numbers["error left at K = 256, whole network"]
        > 1.5 * numbers["error left at K = 256, without ReLU"]
    ),
)


# Claim C18: regularization

RATES = (0, 0.25, 0.5, 0.8)
LABELS = {"3 in 10 wrong": (0.3, 400), "true labels": (0.0, 1000)}  # share of wrong ones, steps


def regularization(train, test, seed, kinds=tuple(LABELS), rates=RATES):
    """The runs of claim C18: by kind of labels, 784-256-256-10 by dropout rate, "p = 0" and so on.

    A seed has digits of its own, the same for every kind and rate. At the end of a run is observed
    which labels the training digits get without masks.
    """
    sides = {f"p = {p:g}": side((784, 256, 256, 10), 0.1, p=p) for p in rates}
    runs = {}
    for kind in kinds:
        wrong, steps = LABELS[kind]
        options = {"steps": steps, "batch_size": 50, "observe": given_labels}
        runs[kind] = run_sides(sides, small_set(train, seed, wrong=wrong), test, seed, **options)
    return runs


def given_labels(network, train):
    """The labels that the training digits get without masks, shape (m,)."""
    return answers(network, train[0])


def c18_numbers(runs):
    """What claim C18 is judged by, and what stands beside it: errors and losses on test digits."""
    numbers = {}
    for kind, by_rate in runs.items():
        numbers |= {f"error, {kind}, {rate}": run.final.error for rate, run in by_rate.items()}
        numbers |= {f"loss, {kind}, {rate}": run.final.loss for rate, run in by_rate.items()}
    return numbers


C18 = Claim(
    id="C18",
    statement="Dropout helps against wrong labels at p = 0.5 and harms at p = 0.8",
    conditions="1,000 digits, 3 labels in 10 wrong, gain over 3 points, 784-256-256-10, learning "
    "rate 0.1, 400 steps; with true labels (1,000 steps) p = 0.25 gains on 9 of 10 seeds, p = 0.5 "
    "on 6, p = 0.8 on none",
    run=regularization,
    numbers=c18_numbers,
    holds=lambda numbers: (
        numbers["error, 3 in 10 wrong, p = 0.5"] < numbers["error, 3 in 10 wrong, p = 0"] - 0.03
        and numbers["error, 3 in 10 wrong, p = 0.8"] > numbers["error, 3 in 10 wrong, p = 0"]
    ),
)


# Training while p moves


def train_under_dropout(train, test, p, start, slices=250, steps=5):
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

    Yields
    ------
    dict
        ``record``, an array with a row for each slice so far: p, loss with masks (mean over the
        slice's steps), and without masks test loss and test error.
    """
    rng, record = np.random.default_rng([start, 0]), []
    network = mlp([784, 256, 256, 10], p=0.5, rng=rng)  # with p = 0 it would have no Dropout
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


def probabilities(network, x, passes):
    """Class probabilities in training mode, a fresh mask a pass, shape (passes, m, 10)."""
    with mode(network, training=True):
        return np.array([softmax(network.forward(x)) for _ in range(passes)])


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
