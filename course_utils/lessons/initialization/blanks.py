"""What the student of notebook 02 writes before ours is shown."""

from functools import cache, partial

import numpy as np

from course_utils.experiments import fit
from course_utils.lab.checker import Exercise, Mistake
from course_utils.lessons.initialization.experiments import (
    backward_factor,
    expected_lengths,
    forward_factor,
    train_deep,
)
from course_utils.nn import SGD, mlp


def scales_and_widths(rng):
    for _ in range(4):
        n_in, n_out = rng.choice(range(3, 30), 2, replace=False)
        yield round(rng.uniform(0.5, 4), 2), int(n_in), int(n_out)


def starts_and_factors(rng):
    for length in (1, 3, 4, 5):
        yield round(rng.uniform(2, 9), 1), rng.uniform(0.3, 3, length).round(2).tolist()


@cache
def noise_for_digits():
    """As many pixels as digits have, and labels: 200 examples of noise."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((200, 784)).astype(np.float32), rng.integers(0, 10, 200)


def train_on_noise(answer, c, seed, lr, steps, momentum):
    """The losses of a few steps, and at which steps the network was observed.

    Of an answer that returns something else than a `History`, that, or what it is.
    """
    optimizer = partial(SGD, momentum=momentum)
    run = answer(noise_for_digits(), c, seed, lr, steps, optimizer, lambda network, train: None, 2)
    if hasattr(run, "forward"):
        return "the network"
    return (run.losses, list(run.observations)) if hasattr(run, "losses") else run


def short_trainings(rng):
    for steps in (3, 4, 5):
        c, lr = rng.uniform(1.7, 2.3), rng.uniform(0.02, 0.05)
        yield round(c, 1), int(rng.integers(1, 99)), round(lr, 3), steps, 0.1 * steps


def train_with(
    train, c, seed, lr, steps, optimizer, observe, every,
    *, depth=30, width=50, batch_size=50, streams=None, watching=True,
):  # fmt: skip
    """The experiment with everything that can go wrong as an argument."""
    chance, order = streams(seed) if streams else map(np.random.default_rng, ([seed, 0], [seed, 1]))
    network = mlp([784] + depth * [width] + [10], c=c, rng=chance)
    options = {"observe": observe, "observe_every": every} if watching else {}
    settings = {"steps": steps, "batch_size": batch_size, "rng": order}
    return fit(network, optimizer(network, lr), *train, **settings, **options)


def one_stream(seed):
    rng = np.random.default_rng([seed, 0])
    return rng, rng


STREAMS = (
    "The random numbers are others: weights come from `np.random.default_rng([seed, 0])`, the "
    "order of the digits from a second generator, `np.random.default_rng([seed, 1])`. So all that "
    "differs between two runs of one seed is what you changed."
)


BLANKS = [
    Exercise(
        forward_factor,
        cases=scales_and_widths,
        blank=True,
        mistakes=[
            Mistake(
                lambda c, n_in, n_out: c / 2,
                "This is the factor between layers of one width. The length is a sum over n_out "
                "entries, each with the expected square c / n_in times ||z||².",
            ),
            Mistake(
                lambda c, n_in, n_out: c * n_out / n_in,
                "This is the factor before ReLU, which keeps one side of zero: half of the square.",
            ),
            Mistake(
                lambda c, n_in, n_out: c / 4 * n_out / n_in,
                "You halve twice. Half of the entries are set to zero, and half of the square is "
                "lost with them: that is one half, not two.",
            ),
            Mistake(
                lambda c, n_in, n_out: c / 2 * n_in / n_out,
                "The widths are upside down: more outputs are more squares to add up, so a longer "
                "vector.",
            ),
            *[
                Mistake(
                    share,
                    "This is the share of one entry. How many entries are there to add up?" + more,
                )
                for share, more in (
                    (lambda c, n_in, n_out: c / (2 * n_in), ""),
                    (lambda c, n_in, n_out: c / n_in, " And what does ReLU keep of it?"),
                )
            ],
            Mistake(
                lambda c, n_in, n_out: c,
                "This is for as many outputs as inputs, before ReLU. There are n_out entries to "
                "add up, each c / n_in times ||z||², and ReLU keeps half of the square.",
            ),
            Mistake(
                lambda c, n_in, n_out: c / 2 * n_out,
                "The variance of a weight is c / n_in, not c: the inputs' number is missing.",
            ),
            Mistake(
                lambda c, n_in, n_out: np.sqrt(c / 2 * n_out / n_in),
                "This is the factor of the length. The squared length was asked for.",
            ),
        ],
        hints=[
            "One entry of y has the expected square c / n_in · ||z||². How many entries has y?",
            "Add them up: c · n_out / n_in. Then ReLU keeps one side of zero: half of the square.",
        ],
    ),
    Exercise(
        backward_factor,
        cases=scales_and_widths,
        blank=True,
        mistakes=[
            Mistake(
                forward_factor,
                "This is the forward factor. On the way back there are n_in entries to add up, and "
                "the weights' variance is still c / n_in: which width is left?",
            ),
            Mistake(
                lambda c, n_in, n_out: c / 2 * n_in / n_out,
                "You turned the forward factor's widths around. But the weights' variance is "
                "c / n_in both ways: n_in entries times c / n_in leave no width.",
            ),
            Mistake(
                lambda c, n_in, n_out: c,
                "The gate is missing: where ReLU's output is zero no gradient passes, and half of "
                "the square is lost.",
            ),
            Mistake(
                lambda c, n_in, n_out: c / 4,
                "You halve twice. The gate is one and the same, forward and backward; on the way "
                "back it takes its half once.",
            ),
            Mistake(
                lambda c, n_in, n_out: c / (2 * n_in),
                "This is the share of one entry. How many entries does the gradient have?",
            ),
            Mistake(
                lambda c, n_in, n_out: 2 / c,
                "Upside down. The gradient goes through the same weights once more: a small c "
                "shrinks it as well.",
            ),
            Mistake(
                lambda c, n_in, n_out: np.sqrt(c / 2),
                "This is the factor of the length. The squared length was asked for.",
            ),
        ],
        hints=[
            "The gate: half of the square of the gradient passes.",
            "An entry then has the expected square c / n_in · ||δ||². How many entries are there?",
        ],
    ),
    Exercise(
        expected_lengths,
        cases=starts_and_factors,
        blank=True,
        mistakes=[
            Mistake(
                lambda start, factors: start * np.cumprod([1, *factors]),
                "These are squares: the factors belong to the squared length. Take the root of "
                "their product.",
            ),
            Mistake(
                lambda start, factors: np.sqrt(start * np.cumprod([1, *factors])),
                "The root is taken of the start too, which is a length already.",
            ),
            Mistake(
                lambda start, factors: start**2 * np.cumprod([1, *factors]),
                "These are the squared lengths. Take their root.",
            ),
            Mistake(
                lambda start, factors: start * np.sqrt(np.cumprod(factors)),
                "The start itself is missing: one length more than there are layers.",
            ),
            Mistake(
                lambda start, factors: np.sqrt(np.cumprod([1, *factors])),
                "These are the lengths of a signal that starts at 1. Multiply by the start.",
            ),
            Mistake(
                lambda start, factors: start * np.sqrt([1, *factors]),
                "Each layer is taken alone. What enters a layer has been through all layers before "
                "it: multiply the factors up.",
            ),
            Mistake(
                lambda start, factors: start * np.sqrt(np.cumsum([1, *factors])),
                "You add the factors up. A layer multiplies.",
            ),
            Mistake(
                lambda start, factors: start * np.sqrt(np.prod(factors)),
                "This is the last length only. The line has a point at every layer.",
            ),
        ],
        hints=[
            "Squares first: start², then start² · f_1, then start² · f_1 · f_2, ...",
            "`np.cumprod([1, *factors])` gives the products, from none of the factors to all.",
            "The length is the root of the square: `start * np.sqrt(...)`.",
        ],
    ),
    Exercise(
        train_deep,
        cases=short_trainings,
        blank=True,
        run=train_on_noise,
        returns=("losses", "steps observed"),
        tolerance=1e-4,
        mistakes=[
            Mistake(
                partial(train_with, watching=False),
                "The losses are right. But nobody looks at the network on the way: hand on "
                "`observe=observe, observe_every=every` to `fit`.",
            ),
            Mistake(
                lambda train, c, seed, lr, steps, optimizer, *watching: train_with(
                    train, c, seed, lr, steps, SGD, *watching
                ),
                "The optimizer is SGD here, whatever `optimizer` is. Make it with "
                "`optimizer(network, lr)`: later in the notebook it will be another one.",
            ),
            Mistake(
                lambda train, c, seed, lr, *others: train_with(train, c, seed, 0.01, *others),
                "The learning rate is 0.01 here, whatever `lr` is. Hand `lr` to the optimizer.",
            ),
            *[
                Mistake(partial(train_with, streams=streams), STREAMS)
                for streams in (
                    one_stream,
                    lambda seed: [np.random.default_rng(seed) for _ in range(2)],
                    lambda seed: [np.random.default_rng([seed, i]) for i in (1, 0)],
                    lambda seed: [np.random.default_rng(i) for i in range(2)],
                )
            ],
            *[
                Mistake(
                    partial(train_with, depth=depth),
                    "The depth is off by one: thirty *hidden* layers stand between the 784 pixels "
                    "and the 10 classes, `[784] + 30 * [50] + [10]`.",
                )
                for depth in (29, 31)
            ],
            Mistake(
                lambda *given: train_with(*given).losses,
                "The losses are right. But return all that `fit` gives back, its `History`: the "
                "cells below look into its observations too.",
            ),
            Mistake(
                lambda *given: "the network",
                "You return the network. What `fit` gives back, its `History`, is asked for: it "
                "holds the losses.",
            ),
            Mistake(
                partial(train_with, width=100),
                "The hidden layers have 100 units here. Give them 50.",
            ),
            *[
                Mistake(
                    partial(train_with, batch_size=size),
                    f"The minibatches hold {size} digits here. Make it 50.",
                )
                for size in (32, 100)
            ],
        ],
        hints=[
            "Three steps: make the network with `mlp`, then `optimizer(network, lr)`, then `fit`.",
            "The network: `mlp([784] + 30 * [50] + [10], c=c, rng=...)`, with "
            "`np.random.default_rng([seed, 0])` for the dots.",
            "`return fit(network, optimizer(network, lr), *train, steps=steps, batch_size=50, "
            "rng=np.random.default_rng([seed, 1]), observe=observe, observe_every=every)`.",
        ],
    ),
]
