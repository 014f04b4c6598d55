"""Exercises of notebook 02."""

from functools import cache, partial

import numpy as np

from course_utils.experiments import fit
from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker
from course_utils.lessons.initialization.experiments import (
    backward_factor,
    expected_lengths,
    forward_factor,
    train_deep,
)
from course_utils.nn import SGD, mlp

LOW, HIGH = 0.5, 4.0


def leaky_relu_c(slope):
    return 2 / (1 + slope**2)


def slopes(rng):
    for slope in [0.01, *rng.uniform(0.05, 0.95, 4).round(2)]:
        yield (float(slope),)


class NormRatio:
    """An increasing function of c that is 1 at `root`."""

    def __init__(self, root, power):
        self.root, self.power = root, power

    def __call__(self, c):
        return (c / self.root) ** self.power

    def __repr__(self):
        return f"c -> (c / {self.root})**{self.power}"


class NeverOne(NormRatio):
    """One that jumps over 1, since no float is the root of 3: a wait for 1 itself never ends."""

    def __init__(self):
        super().__init__(3**0.5, 2)

    def __call__(self, c):
        return c * c / 3

    def __repr__(self):
        return "c -> c * c / 3"


def find_c(norm_ratio):
    return bisect(norm_ratio, steps=40)


def norm_ratios(rng):
    for power in (0.5, 1, 2):
        low_root, high_root = rng.uniform([0.6, 2.4], [2.1, 3.8]).round(3)
        yield (NormRatio(float(low_root), power),)
        yield (NormRatio(float(high_root), power),)
    yield (NeverOne(),)


def bisect(norm_ratio, steps, swapped=False, target=1.0, pick=lambda low, high: (low + high) / 2):
    """Bisection with everything that can go wrong as an argument."""
    low, high = LOW, HIGH
    for _ in range(steps):
        middle = (low + high) / 2
        if (norm_ratio(middle) > target) != swapped:
            high = middle
        else:
            low = middle
    return pick(low, high)


def tanh_ratio(c, q, g):
    return float(np.sqrt(np.mean(np.tanh(np.sqrt(c * q) * g) ** 2) / q))


def scales_and_samples(rng):
    for q, count in ((0.01, 6), (0.1, 5), (0.3, 8), (0.5, 7)):
        yield round(rng.uniform(0.5, 4), 1), q, rng.standard_normal(count).round(1)


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


EXERCISES = [
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
    Exercise(
        leaky_relu_c,
        cases=slopes,
        mistakes=[
            Mistake(
                lambda slope: 2.0,
                "This is the c of ReLU. The negative half now brings something too: slope² of its "
                "square.",
            ),
            Mistake(
                lambda slope: 2 + slope**2,
                "A division binds more tightly than a sum: `2 / 1 + slope**2` is 2 + slope². Put "
                "the sum in brackets.",
            ),
            Mistake(
                lambda slope: 2 / (1 + slope),
                "You add the slopes of the two halves. The length is a sum of squares: the "
                "negative half counts slope².",
            ),
            Mistake(
                lambda slope: 2 / (1 + slope) ** 2,
                "(1 + slope)² is the square of a sum. Each number is on one side only, so it is "
                "the sum of two squares, 1 + slope².",
            ),
            Mistake(
                lambda slope: 2 / (1 - slope**2),
                "You take the negative half away. What it brings is slope² of its square, and "
                "a square is never negative: add it.",
            ),
            Mistake(
                lambda slope: (1 + slope**2) / 2,
                "This is the factor of the squared length at c = 1. Which c makes the factor 1?",
            ),
            Mistake(
                lambda slope: 2 * (1 + slope**2),
                "Upside down: a larger slope lets more through, so c must be smaller.",
            ),
            Mistake(
                lambda slope: 1 + slope**2,
                "This is the sum of both halves' shares, each counted whole. Each half holds half "
                "of the numbers; and c must undo what is lost, so it gets smaller as the slope "
                "grows.",
            ),
            Mistake(
                lambda slope: 1 / (1 + slope**2),
                "A factor of two is missing: only half of the numbers are positive, and half "
                "negative. Try slope 0, which is ReLU: c = 2.",
            ),
            Mistake(
                lambda slope: np.sqrt(2 / (1 + slope**2)),
                "This is the root of c, the gain of the standard deviation as PyTorch counts it. "
                "Here c belongs to the variance, c / n.",
            ),
        ],
        hints=[
            (
                "Half of the entries of z W are positive. What share of the squared length do they "
                "carry through?"
            ),
            (
                "The other half is multiplied by the slope, so its square by slope². Together, a "
                "layer multiplies the squared length by c (1 + slope²) / 2."
            ),
            "Set that to 1 and solve for c. Check the ends: slope 0 is ReLU, slope 1 is linear.",
        ],
    ),
    Exercise(
        find_c,
        cases=norm_ratios,
        absolute=5e-5,  # four decimals are asked for
        mistakes=[
            Mistake(
                partial(bisect, steps=40, swapped=True),
                "The wrong half is kept, so you end at one end of the interval. If "
                "norm_ratio(middle) is above 1, the middle is too high: it becomes the new upper "
                "end.",
            ),
            *[
                Mistake(
                    lambda norm_ratio, end=end: end,
                    f"The answer is {end}, an end of the interval, whatever norm_ratio is. Does "
                    "the end move, and is norm_ratio(middle) compared with 1?",
                )
                for end in (LOW, HIGH)
            ],
            Mistake(
                lambda norm_ratio: (LOW + HIGH) / 2,
                "This is the middle of the first interval. Go on with the half that holds the "
                "answer, again and again.",
            ),
            Mistake(
                lambda norm_ratio: 1.0,
                "The answer is 1 each time. 1 is the *ratio* at the c that you look for: compare "
                "norm_ratio(middle) with it, not the middle, and return c.",
            ),
            *[
                Mistake(
                    partial(bisect, steps=steps, pick=pick),
                    "The interval is halved once or twice, and no more. Is the middle computed "
                    "anew in every turn of the loop, and `return` behind the loop?"
                    if steps < 3
                    else "The right idea, stopped too early: every halving gives one more binary "
                    "digit. From a width of 3.5 to four decimals it takes about 16; 40 are cheap.",
                )
                for steps in range(1, 13)
                for pick in (
                    lambda low, high: (low + high) / 2,
                    lambda low, high: low,
                    lambda low, high: high,
                )
            ],
        ],
        hints=[
            (
                "Keep two numbers, `low = 0.5` and `high = 4.0`, between which the answer lies. "
                "Look at the middle."
            ),
            (
                "norm_ratio increases. If it is above 1 in the middle, the answer lies below: "
                "`high` becomes the middle. If not, `low` does."
            ),
            "Repeat it 40 times in a `for` loop and return the middle of what is left.",
        ],
    ),
    Exercise(
        tanh_ratio,
        cases=scales_and_samples,
        mistakes=[
            Mistake(
                lambda c, q, g: np.mean(np.tanh(np.sqrt(c * q) * g) ** 2) / q,
                "This is the factor of the squared length. The length is its root.",
            ),
            Mistake(
                lambda c, q, g: np.sqrt(np.mean(np.tanh(np.sqrt(c * q) * g) ** 2)),
                "This is the length behind the layer. The ratio divides it by the length before "
                "it, the root of q.",
            ),
            Mistake(
                lambda c, q, g: np.sqrt(np.mean(np.tanh(np.sqrt(c * q) * g) ** 2)) / q,
                "You divide a length by a square: q is the mean square of the input, its length "
                "is the root.",
            ),
            Mistake(
                lambda c, q, g: np.sqrt(np.mean(np.tanh(np.sqrt(c) * g) ** 2)),
                "The size of the input does not enter. The entries of z W have variance c q.",
            ),
            Mistake(
                lambda c, q, g: np.sqrt(np.mean(np.tanh(np.sqrt(c) * g) ** 2) / q),
                "The entries of z W have variance c q, not c: q goes inside tanh too.",
            ),
            Mistake(
                lambda c, q, g: np.sqrt(np.mean(np.tanh(c * q * g) ** 2) / q),
                "c q is the variance of the entries of z W. What multiplies g is the standard "
                "deviation, its root.",
            ),
            Mistake(
                lambda c, q, g: np.mean(np.tanh(np.sqrt(c * q) * g)) / np.sqrt(q),
                "The square inside the mean is missing. Positive and negative numbers cancel; "
                "their squares do not.",
            ),
            Mistake(
                lambda c, q, g: np.mean(np.abs(np.tanh(np.sqrt(c * q) * g))) / np.sqrt(q),
                "You average absolute values. The length is the root of the mean square.",
            ),
            Mistake(
                lambda c, q, g: np.sqrt(c * np.mean(g**2)),
                "Where is tanh? Without it a layer multiplies the length by the root of c, however "
                "long its input is.",
            ),
            Mistake(
                lambda c, q, g: np.sqrt(c),
                "This holds for tiny inputs, where tanh(x) is x. Larger ones are squashed: average "
                "tanh² over the numbers in g.",
            ),
        ],
        hints=[
            "First the numbers before tanh: `np.sqrt(c * q) * g`.",
            "Then the mean square behind tanh. `q` is the mean square before the layer.",
            "The factor of the length is the root of the ratio of the two.",
        ],
    ),
]

check = checker("initialization", EXERCISES)
