"""Exercises of notebook 00."""

from itertools import pairwise
from math import prod

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker


def expected_ratio(c, depth):
    return (c / 2) ** (depth / 2)


def scales_and_depths(rng):
    for depth in (1, 2, 5, 10, 30):
        yield round(rng.uniform(0.5, 4), 2), depth


def weight_shapes(widths):
    return list(pairwise(widths))


def count_parameters(widths):
    return sum((n_in + 1) * n_out for n_in, n_out in pairwise(widths))


def lists_of_widths(rng):
    for length in (3, 2, 3, 4, 6):
        yield (rng.choice(range(2, 12), length, replace=False).tolist(),)


EXERCISES = [
    Exercise(
        expected_ratio,
        cases=scales_and_depths,
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
        weight_shapes,
        cases=lists_of_widths,
        mistakes=[
            Mistake(
                lambda widths: list(zip(widths[1:], widths)),
                "Each shape is transposed. Examples are rows here: x is (m, n_in), so in x W the "
                "matrix has n_in rows and n_out columns.",
            ),
            Mistake(
                lambda widths: [(n, n) for n in widths],
                "One matrix for each width, and square. A matrix stands between two widths: it "
                "takes the numbers of one layer and makes those of the next.",
            ),
            Mistake(
                lambda widths: list(zip(widths, widths[1:] + widths[:1])),
                "There is one matrix too many: nothing leads from the output back to the input. "
                "Three widths have two gaps between them.",
            ),
            Mistake(
                lambda widths: weight_shapes(widths)[1:],
                "The first matrix is missing. The input is not computed, but the first hidden "
                "layer is, from the input.",
            ),
            Mistake(
                lambda widths: weight_shapes(widths)[:-1],
                "The last matrix is missing. The output is computed too, from the last hidden "
                "layer.",
            ),
            Mistake(
                lambda widths: [(n_in + 1, n_out) for n_in, n_out in pairwise(widths)],
                "You gave each matrix a row for the bias. Here the bias is an array of its own, b, "
                "and W has one row for each feature that comes in.",
            ),
            Mistake(
                lambda widths: [(widths[0], n) for n in widths[1:]],
                "Every matrix starts from the input. The second layer does not see the input, only "
                "what the first one made of it.",
            ),
            Mistake(
                lambda widths: [n_in * n_out for n_in, n_out in pairwise(widths)],
                "These are sizes: how many numbers each matrix holds. A shape is a pair, (rows, "
                "columns).",
            ),
        ],
        hints=[
            (
                "How many matrices lie between three widths? Write their shapes on paper for "
                "[784, 50, 10]."
            ),
            "x is (m, 784) and x W is (m, 50). Which shape must W have for that?",
            "Pair each width with the next one, `widths[i]` with `widths[i + 1]`.",
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
                "A bias for every input of a layer. It is added to x W, so there is one for "
                "every output.",
            ),
            Mistake(
                lambda widths: count_parameters(widths) + widths[0],
                "You gave the input biases too. The input is not computed: it is given.",
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
                "Use the shapes of exercise 2: how many numbers are in a matrix of shape "
                "(n_in, n_out)?"
            ),
            "b has as many numbers as the layer has outputs.",
            "Add up n_in · n_out + n_out over all layers.",
        ],
    ),
]

check = checker("start_here", EXERCISES)
