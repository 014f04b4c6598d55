"""The first two suspects, a moving input and a smoother landscape: claims C21a and C21b."""

import copy
from dataclasses import dataclass
from functools import partial

import numpy as np

from course_utils.data import minibatches
from course_utils.experiments.claims import Claim
from course_utils.experiments.comparison import run_side, side
from course_utils.experiments.curvature import flatten, loss_and_gradient
from course_utils.experiments.training import training_steps
from course_utils.lessons.why_does_batch_norm_work import pieces
from course_utils.nn import SGD, mlp, softmax_cross_entropy

# Suspect 1: the inputs of a layer move

WIDE = [784] + 5 * [100] + [10]
RATES = (0.03, 0.1, 0.3, 1.0, 3.0)
STRENGTH = 0.5  # of the noise
KINDS = ("without", "BN", "noisy BN")


def layer_of(key):
    """The place of the layer that has a parameter: 3 for "3.W"."""
    return int(key.partition(".")[0])


def gradient_change(network, lr, x, labels):
    """How much a step of all layers before it changes the gradient of a layer's matrix.

    Santurkar et al., "How Does Batch Normalization Help Optimization?" (2018), section 2.2: the
    gradient G of W_i, and G' where only the layers before i have made their step of gradient
    descent; both on the same batch.

    Parameters
    ----------
    network : Sequential
        Left as it is.
    lr : float
        Of the step.
    x, labels : ndarray
        The batch.

    Returns
    -------
    ndarray, shape (matrices - 1,)
        ||G' - G|| / ||G||, from the second matrix on.
    """

    def gradients(changed):
        _, grad = softmax_cross_entropy(changed.forward(x), labels)
        changed.backward(grad)
        return {key: grad.copy() for key, grad in changed.grads.items()}

    network = copy.deepcopy(network)
    before = gradients(network)
    changes = []
    for key in [key for key in before if key.endswith("W")][1:]:
        moved = copy.deepcopy(network)
        for name, param in moved.params.items():
            if layer_of(name) < layer_of(key):
                param -= lr * before[name]
        G = before[key]
        changes.append(np.linalg.norm(gradients(moved)[key] - G) / np.linalg.norm(G))
    return np.array(changes)


def noisy_norm(seed, strength=STRENGTH, noisy=pieces.NoisyBatchNorm):
    """For `mlp`: noisy batch norms whose noise comes from one generator."""
    rng = np.random.default_rng([seed, 3])
    return lambda n: noisy(n, strength, rng)


def moving_inputs(
    train, test, seed, rates=RATES, kinds=KINDS, noisy=pieces.NoisyBatchNorm, steps=400
):
    """The runs of claim C21a, by kind and rate, "BN, lr 0.1"; each observes `gradient_change`."""
    norms = {"without": lambda: None, "BN": lambda: "batch"}
    norms["noisy BN"] = lambda: noisy_norm(seed, noisy=noisy)
    probe = tuple(part[:500] for part in train)
    runs = {}
    for kind in kinds:
        for lr in rates:
            observe = partial(observed_change, lr=lr, probe=probe)
            options = {"steps": steps, "batch_size": 100, "observe": observe, "observe_every": 80}
            _, runs[f"{kind}, lr {lr:g}"] = run_side(
                side(WIDE, lr, norm=norms[kind]()), train, None, seed, **options
            )
    return runs


def observed_change(network, train, lr, probe):
    """For ``fit(observe=...)``: the change on the digits of `probe`."""
    return gradient_change(network, lr, *probe)


def training_with(norm, lr, train, seed, steps):
    """Train the network of claim C21a with a normalization of one's own: a generator.

    Yields
    ------
    dict of str to object
        "losses" so far, and "change", the median of `gradient_change` over layers, every 20 steps.
    """
    network = mlp(WIDE, norm=norm, rng=np.random.default_rng([seed, 0]))
    batches = minibatches(*train, 100, np.random.default_rng([seed, 1]), epochs=None)
    probe, losses, change = tuple(part[:500] for part in train), [], np.nan
    for loss in training_steps(network, SGD(network, lr), batches, steps=steps):
        losses.append(loss)
        if len(losses) % 20 == 0 or not np.isfinite(loss):
            if np.isfinite(loss) and len(losses) % 80 == 0:
                change = float(np.median(gradient_change(network, lr, *probe)))
            yield {"losses": losses, "change": change}


def typical_change(run):
    """The median of `gradient_change` over layers and time; NaN where the run diverged."""
    return np.nan if run.diverged else float(np.median(list(run.observations.values())))


def c21a_numbers(runs):
    """What claim C21a is judged by: losses of the last 50 steps, NaN if it diverged, and changes."""
    numbers = {
        f"loss, {name}": np.nan if run.diverged else float(np.mean(run.losses[-50:]))
        for name, run in runs.items()
    }
    return numbers | {f"change, {name}": typical_change(run) for name, run in runs.items()}


def c21a_holds(numbers):
    """Whether the noise moves gradients more than nothing does, and still allows the large step."""
    plain, normed, noisy = (numbers[f"change, {kind}, lr 0.1"] for kind in KINDS)
    cost = [numbers[f"loss, noisy BN, lr {lr}"] - numbers[f"loss, BN, lr {lr}"] for lr in (0.1, 1)]
    return (
        normed < 0.8 * plain
        and noisy > 1.1 * plain
        and np.isnan(numbers["loss, without, lr 1"])
        and numbers["loss, noisy BN, lr 1"] < 0.3
        and min(cost) > 0.01
    )


C21a = Claim(
    id="C21a",
    statement="With batch norm a layer's gradient changes less when the layers before it move; with "
    "noise behind batch norm it changes more than without batch norm, and yet learning rate 1 "
    "still trains, where without it ends in NaN; the noise costs at learning rates 0.1 and 1",
    conditions="5 hidden layers of 100 units, batch 100, 400 steps, noise of strength 0.5; change at "
    "learning rate 0.1: less than 0.8 times, more than 1.1 times that without; trains: a training "
    "loss below 0.3; costs: more than 0.01 of training loss; the paper, with VGG on CIFAR-10, "
    "found next to no cost",
    run=moving_inputs,
    numbers=c21a_numbers,
    holds=c21a_holds,
    seeds=(3, 4),
)


# Suspect 2: the landscape is smoother

DEEP = [784] + 10 * [50] + [10]
LR = 0.05
REACH = np.arange(0.5, 4.01, 0.5)  # steps along the gradient, in learning rates


@dataclass(frozen=True)
class View:
    """What the loss does along the gradient, from one place.

    Attributes
    ----------
    loss : float
        At the place.
    losses, ratios : ndarray, shape (steps,)
        As `along_gradient` gives them.
    """

    loss: float
    losses: np.ndarray
    ratios: np.ndarray

    @property
    def range(self):
        """The largest loss less the smallest one."""
        return float(np.max(self.losses) - np.min(self.losses))

    @property
    def smoothness(self):
        """The effective smoothness: the largest ratio. The larger, the less smooth."""
        return float(np.max(self.ratios))


def look(network, steps, x, labels, loss=softmax_cross_entropy, along=pieces.along_gradient):
    """The `View` along the gradient from where a network is; it is left as it is."""

    def at(w):
        return loss_and_gradient(network, w, x, labels, loss)

    w = flatten(network.params)
    with np.errstate(over="ignore", invalid="ignore"):
        return View(at(w)[0], *along(at, w, steps))


def landscapes(train, test, seed, along=pieces.along_gradient, steps=400):
    """The runs of claim C21b, by "without" and "BN".

    They observe every 40 steps a `View` on a batch of 50 digits and one on 500, by "batch", "many".
    """
    looked_at = {"batch": slice(500, 550), "many": slice(500)}

    def observe(network, _):
        return {
            name: look(network, LR * REACH, train[0][part], train[1][part], along=along)
            for name, part in looked_at.items()
        }

    options = {"steps": steps, "batch_size": 50, "observe": observe, "observe_every": 40}
    return {
        name: run_side(side(DEEP, LR, norm=norm), train, None, seed, **options)[1]
        for name, norm in (("without", None), ("BN", "batch"))
    }


def c21b_numbers(runs):
    """What claim C21b is judged by: medians over training, in smoothness also of the 500 digits."""
    numbers = {}
    for name, run in runs.items():
        for which in ("batch", "many"):
            views = [views[which] for views in run.observations.values()]
            ranges, smoothness = (
                [getattr(v, what) for v in views] for what in ("range", "smoothness")
            )
            numbers[f"range, {which}, {name}"] = float(np.median(ranges))
            numbers[f"smoothness, {which}, {name}"] = float(np.median(smoothness))
    return numbers


def c21b_holds(numbers):
    """Whether the range on a batch is less than half, the smoothness on 500 digits 5/6 of it."""
    return (
        numbers["range, batch, BN"] < numbers["range, batch, without"] / 2
        and numbers["smoothness, many, BN"] < numbers["smoothness, many, without"] / 1.2
    )


C21b = Claim(
    id="C21b",
    statement="With batch norm the loss of a batch ranges over less than half as much along its "
    "gradient, and on 500 digits the effective smoothness is smaller",
    conditions="10 hidden layers of 50 units, learning rate 0.05, batch 50, steps of half to four "
    "times the learning rate, medians of 11 looks in 400 steps; smaller: by a factor of more than "
    "1.2",
    run=landscapes,
    numbers=c21b_numbers,
    holds=c21b_holds,
)
