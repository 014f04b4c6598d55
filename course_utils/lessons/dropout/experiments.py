"""Experiments on dropout: moments over masks, claims C16 to C18, ensembles at test time."""

from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from course_utils.data import minibatches
from course_utils.experiments.claims import Claim
from course_utils.experiments.comparison import compare, run_side, side, small_set
from course_utils.experiments.training import answers, evaluate, training_steps
from course_utils.nn import (
    SGD,
    Dropout,
    ReLU,
    Sequential,
    mlp,
    softmax,
    softmax_cross_entropy,
)
from course_utils.checks import check_number
from course_utils.nn.dropout import dropout_mask


def dropouts(network):
    """The network's Dropout layers, from input to output."""
    return [layer for layer in network.layers if isinstance(layer, Dropout)]


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


def c16_figures(test, seed):
    """The figures that claim C16 is judged by, by p: measured over expected."""
    rng = np.random.default_rng([seed, 0])
    network = mlp([784, 256, 256, 10], rng=rng, dtype=np.float64)
    h = Sequential(network.layers[:2]).forward(test[0].astype(np.float64))
    w, figures = network.layers[2].params["W"][:, 0], {}
    for p in DROP:
        mean, square = moment_ratios(h, p, rng)
        figures |= {f"mean, p = {p}": mean, f"second moment, p = {p}": square}
        over_masks = pre_activations(h[0], w, p, 20_000, rng).var()
        figures[f"variance of a unit / predicted, p = {p}"] = over_masks / predicted_variance(
            h[0], w, p
        )
    return figures


C16 = Claim(
    id="C16",
    notebook="07",
    statement="Dividing by 1 - p keeps the mean; mean squares grow by 1/(1 - p)",
    conditions="2,000 digits in the first hidden layer of 784-256-256-10 before training, p = 0.2, "
    "0.5, 0.8, to 2% (mean) and 5% (mean square)",
    seeds=(3, 4, 5),
    measure=lambda train, test, seeds: [c16_figures(test, seed) for seed in seeds],
    holds=lambda figures: all(
        abs(figures[f"mean, p = {p}"] - 1) < 0.02
        and abs(figures[f"second moment, p = {p}"] * (1 - p) - 1) < 0.05
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
    truth = network.eval().forward(x)
    network.train()
    outputs = np.array([network.forward(x) for _ in range(passes)])
    network.eval()
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


def c17_figures(errors):
    """The figures that claim C17 is judged by."""
    figures = {
        f"slope, {name}": slope(errors[name]) for name in errors if name != "masks, whole network"
    }
    return figures | {
        "error left at K = 256, whole network": errors["masks, whole network"][-1],
        "error left at K = 256, without ReLU": errors["masks, without ReLU"][-1],
    }


C17 = Claim(
    id="C17",
    notebook="07",
    statement="Averaging masks, or examples, cuts the error with slope -1/2",
    conditions="1 to 256 masks or examples, slopes within 0.06, one layer; through a trained "
    "network with ReLU an error stays however many masks are averaged",
    seeds=(3, 4, 5),
    measure=lambda train, test, seeds: [
        c17_figures(stochastic_approximations(train, test, seed)) for seed in seeds
    ],
    holds=lambda figures: (
        all(
            abs(figures[f"slope, {name}"] + 0.5) < 0.06
            for name in ("minibatch gradient", "masks, one layer")
        )
        and figures["error left at K = 256, whole network"]
        > 1.5 * figures["error left at K = 256, without ReLU"]
    ),
)


# Claim C18: regularization

RATES = (0, 0.25, 0.5, 0.8)


def regularization(train, test, seeds, wrong, rates=RATES, steps=400, progress=True):
    """Runs of 784-256-256-10 by dropout rate: a `Comparison`.

    Each seed has digits of its own, the same for every rate, with the same labels wrong. At the end
    of a run is observed which labels the training digits get without masks.
    """
    return compare(
        {f"p = {p:g}": side((784, 256, 256, 10), 0.1, p=p) for p in rates},
        lambda seed: small_set(train, seed, wrong=wrong),
        test,
        steps=steps,
        batch_size=50,
        seeds=seeds,
        progress=progress,
        observe=lambda network, digits: answers(network, digits[0]),
    )


def c18_figures(runs, name="3 in 10 wrong"):
    """Errors and losses on test digits, from one seed's runs on labels of the kind `name`."""
    return {f"error, {name}, {rate}": run.final.error for rate, run in runs.items()} | {
        f"loss, {name}, {rate}": run.final.loss for rate, run in runs.items()
    }


def measure_c18(train, test, seeds):
    """One dict a seed, for the table of claim C18: all rates, and true labels for contrast."""
    noisy = regularization(train, test, seeds, wrong=0.3).by_seed()
    clean = regularization(train, test, seeds, wrong=0, steps=1000).by_seed()
    return [
        c18_figures(wrong) | c18_figures(right, "true labels")
        for wrong, right in zip(noisy, clean, strict=True)
    ]


C18 = Claim(
    id="C18",
    notebook="07",
    statement="Dropout helps against wrong labels at p = 0.5 and harms at p = 0.8",
    conditions="1,000 digits, 3 labels in 10 wrong, gain over 3 points, 784-256-256-10, learning "
    "rate 0.1, 400 steps; with true labels (1,000 steps) p = 0.25 gains on 9 of 10 seeds, p = 0.5 "
    "on 6, p = 0.8 on none",
    seeds=(3, 4, 5),
    measure=measure_c18,
    holds=lambda figures: (
        figures["error, 3 in 10 wrong, p = 0.5"] < figures["error, 3 in 10 wrong, p = 0"] - 0.03
        and figures["error, 3 in 10 wrong, p = 0.8"] > figures["error, 3 in 10 wrong, p = 0"]
    ),
)


# Training that goes on


@dataclass
class Ongoing:
    """A network in training, with what was seen on the way.

    Attributes
    ----------
    network, optimizer, batches, test : object
        What `training_steps` needs, and digits to evaluate on.
    record : list of (float, float, float, float)
        For each slice of steps: p, loss with masks (mean over its steps), test loss, test error.
    """

    network: object
    optimizer: object
    batches: object
    test: tuple
    record: list = field(default_factory=list)

    def advance(self, p, steps):
        """Train for some steps with this p and add a line to the record."""
        for layer in dropouts(self.network):
            layer.p = p
        losses = islice(training_steps(self.network, self.optimizer, self.batches), steps)
        loss, seen = np.mean(list(losses)), evaluate(self.network, *self.test)
        self.record.append((p, loss, seen.loss, seen.error))


def begin(train, test, seed):
    """A fresh network for `Ongoing`, on 1000 digits with three labels in ten wrong."""
    rng = np.random.default_rng([seed, 0])
    network = mlp([784, 256, 256, 10], p=0.5, rng=rng)
    batches = minibatches(*small_set(train, seed, wrong=0.3), 50, rng, epochs=None)
    return Ongoing(network, SGD(network, 0.1), batches, test)


# Dropout left on at test time


def probabilities(network, x, passes):
    """Class probabilities in training mode, a fresh mask a pass, shape (passes, m, 10)."""
    network.train()
    outputs = np.array([softmax(network.forward(x)) for _ in range(passes)])
    network.eval()
    return outputs


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
