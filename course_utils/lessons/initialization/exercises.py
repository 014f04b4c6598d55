"""Exercises of notebook 02, behind its blanks."""

from functools import partial

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker
from course_utils.lessons.initialization.blanks import BLANKS

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


EXERCISES = [
    *BLANKS,
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
