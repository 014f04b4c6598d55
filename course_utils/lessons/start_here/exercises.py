"""Exercises of notebook 00, behind its blanks."""

from itertools import pairwise
from math import ceil, log, prod

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker
from course_utils.lessons.start_here.blanks import BLANKS, lists_of_widths


def expected_ratio(c, depth):
    return (c / 2) ** (depth / 2)


def scales_and_depths(rng):
    for depth in (1, 2, 5, 10, 30):
        yield round(rng.uniform(0.5, 4), 2), depth


def count_parameters(widths):
    return sum((n_in + 1) * n_out for n_in, n_out in pairwise(widths))


def scale_for(factor, depth):
    return 2 * factor ** (2 / depth)


def factors_and_depths(rng):
    for factor, depth in ((100, 29), (0.01, 29), (3, 5), (0.5, 10), (100, 1000)):
        yield round(factor * rng.uniform(0.8, 1.2), 3), depth


def layers_until(limit, length, c):
    return ceil(log(limit / length) / log(c / 2) * 2)


def lengths_and_scales(rng):
    for limit, length, c in (
        (3.4e38, 28, 3),
        (3.4e38, 9, 2.1),
        (1e4, 7, 2.5),
        (1000, 12, 3.7),
        (65504, 5, 2.7),
    ):
        yield limit, round(length * rng.uniform(0.9, 1.1), 2), c


EXERCISES = [
    *BLANKS,
    Exercise(
        expected_ratio,
        cases=scales_and_depths,
        without=("expected_lengths",),
        mistakes=[
            Mistake(
                lambda c, depth: (c / 2) ** depth,
                "This is the factor of the squared length. The length is its root.",
            ),
            Mistake(
                lambda c, depth: (c / 2) ** depth / 2,
                "A power binds more tightly than a division: this is half of (c/2) to the `depth`. "
                "Write `(depth / 2)` in brackets.",
            ),
            Mistake(
                lambda c, depth: c ** (depth / 2),
                "You multiply by c a layer. A ReLU sets half of the numbers to zero, and half of "
                "the square is lost with them: c/2 is left.",
            ),
            Mistake(
                lambda c, depth: c**depth,
                "You multiply by c a layer. The squared length changes by c/2, since a ReLU sets "
                "half of the numbers to zero, and the length by the root of that.",
            ),
            Mistake(
                lambda c, depth: (c / 2) ** 0.5,
                "This is the factor of one layer. What is left after it goes through the next one.",
            ),
            Mistake(
                lambda c, depth: depth * (c / 2) ** 0.5,
                "You add up the factors of the layers: `depth` times one of them. But each layer "
                "multiplies what the one before has left, so it is a power.",
            ),
            Mistake(
                lambda c, depth: depth * c / 2,
                "You multiply by `depth`. Each layer multiplies what the one before has left, so "
                "it is a power; and the length is the root of the squared length.",
            ),
            Mistake(
                lambda c, depth: (c / 2) ** (2 * depth),
                "You square the factor of the squared length. To come from there to the length "
                "takes the root: the exponent is halved, not doubled.",
            ),
            Mistake(
                lambda c, depth: (2 / c) ** (depth / 2),
                "This is upside down: at c = 1 it grows with depth. Which way does the curve go "
                "when you drag c below 2?",
            ),
        ],
        hints=[
            "By which factor does one layer change the squared length? Two layers?",
            "`depth` layers change the squared length by c/2 · c/2 · ... = (c/2) to the `depth`.",
            "The length is the root of the squared length, and a root halves the exponent.",
        ],
    ),
    Exercise(
        count_parameters,
        cases=lists_of_widths,
        mistakes=[
            Mistake(
                lambda widths: sum(n_in * n_out for n_in, n_out in pairwise(widths)),
                "These are the weights. Each layer also has a bias for every one of its outputs.",
            ),
            Mistake(
                lambda widths: sum((n_out + 1) * n_in for n_in, n_out in pairwise(widths)),
                "A bias for every input of a layer. It is added to `z @ W`, so there is one for "
                "every output.",
            ),
            Mistake(
                lambda widths: count_parameters(widths) + widths[0],
                "You gave the input biases too. The input is not computed: it is given.",
            ),
            Mistake(
                lambda widths: count_parameters(widths) - widths[-1],
                "The output's biases are missing. The last layer adds a bias as well.",
            ),
            Mistake(
                lambda widths: sum(n_in + n_out for n_in, n_out in pairwise(widths)),
                "You add a layer's two widths. Each input is connected with each output: multiply "
                "them. (`a + 1 * b` is a + b; a sum that comes first needs brackets.)",
            ),
            Mistake(
                lambda widths: sum(n_in * n_out + 1 for n_in, n_out in pairwise(widths)),
                "One bias a layer. Each unit of the layer has its own.",
            ),
            Mistake(
                lambda widths: sum(widths[1:]),
                "These are the biases. The weights are missing: one for each pair of an input and "
                "an output of a layer.",
            ),
            Mistake(
                sum,
                "These are the units, the numbers that flow. The parameters are what they are "
                "multiplied with and what is added.",
            ),
            Mistake(
                prod,
                "You multiplied all widths. Only neighboring layers are connected: multiply pairs, "
                "then add up.",
            ),
            Mistake(
                lambda widths: count_parameters(widths[:-1]),
                "The last layer is missing: the output has weights and biases as well.",
            ),
        ],
        hints=[
            (
                "Use the shapes of the blank above: how many numbers are in a matrix of shape "
                "(n_in, n_out)?"
            ),
            "b has as many numbers as the layer has outputs.",
            "Add up n_in · n_out + n_out over all layers.",
        ],
    ),
    Exercise(
        scale_for,
        cases=factors_and_depths,
        without=("expected_lengths",),
        mistakes=[
            Mistake(
                lambda factor, depth: 2 * factor ** (1 / depth),
                "With this c the *squared* length grows by the factor. The length is its root, so "
                "the square has to grow by the factor's square.",
            ),
            Mistake(
                lambda factor, depth: factor ** (2 / depth),
                "This is what each layer does to the squared length, which is c/2 and not c.",
            ),
            Mistake(
                lambda factor, depth: factor ** (1 / depth),
                "This is what each layer does to the length. Which c does that? A layer multiplies "
                "the squared length by c/2.",
            ),
            Mistake(
                lambda factor, depth: 2 * factor ** (depth / 2),
                "The exponent is upside down: the deeper the network, the less each layer has to "
                "do, so c comes nearer to 2.",
            ),
            Mistake(
                lambda factor, depth: 2 * factor ** (1 / (2 * depth)),
                "You took the root where the square belongs: to make the length 10 times as long, "
                "the squared length has to grow 100 times.",
            ),
            Mistake(
                lambda factor, depth: 2 * factor**2 / depth,
                "You share the factor out by a division. Factors multiply, so each of `depth` "
                "layers has the root of order `depth`.",
            ),
            Mistake(
                lambda factor, depth: factor ** (2 / depth) / 2,
                "c is twice what a layer does to the squared length, not half of it.",
            ),
        ],
        hints=[
            "Exercise 1 goes from c to the factor. Write it as an equation and solve it for c.",
            "(c/2) to the power `depth / 2` equals the factor. Raise both sides to a power that "
            "leaves c/2 alone.",
        ],
    ),
    Exercise(
        layers_until,
        cases=lengths_and_scales,
        without=("expected_lengths",),
        mistakes=[
            Mistake(
                lambda limit, length, c: layers_until(limit, length, c) - 1,
                "After so many layers the limit is not yet passed. You are looking for the first "
                "layer beyond it, so round up.",
            ),
            Mistake(
                lambda limit, length, c: layers_until(limit, length, c) + 1,
                "One layer earlier the limit is passed already.",
            ),
            Mistake(
                lambda limit, length, c: log(limit / length) / log(c / 2) * 2,
                "Right, but a network has whole layers: the first at which the limit is passed.",
            ),
            Mistake(
                lambda limit, length, c: ceil(log(limit / length) / log(c / 2)),
                "You let the length grow by c/2 a layer. That is the squared length; the length "
                "needs twice as many layers.",
            ),
            Mistake(
                lambda limit, length, c: ceil(log(limit / length) / log(c)),
                "You let the length grow by c a layer. A layer multiplies its square by c/2.",
            ),
            Mistake(
                lambda limit, length, c: ceil(log(limit) / log(c / 2) * 2),
                "You start from length 1. It starts from `length`.",
            ),
            Mistake(
                lambda limit, length, c: ceil(limit / length),
                "You divide. A layer does not add, it multiplies: how many times until `limit` is "
                "passed? A loop can count it, or a logarithm.",
            ),
        ],
        hints=[
            "A loop will do: multiply the length by the factor of one layer until it is beyond "
            "`limit`, and count.",
            "One layer multiplies the length by the root of c/2.",
            "With logarithms: the smallest whole d for which d times half of log(c/2) is more than "
            "log(limit / length).",
        ],
    ),
]

check = checker("start_here", EXERCISES)
