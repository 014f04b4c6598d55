"""Exercises of notebook 09, behind its blanks."""

from math import ceil, comb

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker
from course_utils.lessons.everything_interacts.blanks import BLANKS
from course_utils.lessons.everything_interacts.layer import LAYER


def branch_scale(c, blocks, target):
    return np.sqrt(2 / c * (target ** (1 / blocks) - 1))


def targets(rng):
    for blocks, target in ((3, 2.0), (8, 5.0), (20, 30.0)):
        yield round(rng.uniform(0.5, 4), 1), blocks, target


# expected_best, seeds_needed


def expected_best(errors, k):
    errors, n = sorted(errors), len(errors)
    chances = [comb(n - 1 - i, k - 1) / comb(n, k) for i in range(n)]
    return sum(chance * error for chance, error in zip(chances, errors))


def searches(rng):
    for n, k in ((4, 2), (5, 3), (6, 1), (6, 4)):
        yield rng.uniform(0.02, 0.5, n).round(2).tolist(), k


def with_replacement(errors, k):
    errors, n = sorted(errors), len(errors)
    return sum(e * (((n - i) / n) ** k - ((n - i - 1) / n) ** k) for i, e in enumerate(errors))


def seeds_needed(deviation, margin):
    return ceil((2 * deviation / margin) ** 2)


def deviations(rng):
    for margin in (0.5, 1.0, 0.2):
        yield round(margin * rng.uniform(1.2, 3), 2), margin


EXERCISES = [
    LAYER,
    *BLANKS,
    Exercise(
        branch_scale,
        cases=targets,
        mistakes=[
            Mistake(
                lambda c, blocks, target: np.sqrt(2 * np.log(target) / (c * blocks)),
                "Right for very many blocks. Here the exact scale is asked for: take the root of "
                "order `blocks` of the target first.",
            ),
            Mistake(
                lambda c, blocks, target: 2 / c * (target ** (1 / blocks) - 1),
                "This is the *square* of the scale.",
            ),
            Mistake(
                lambda c, blocks, target: np.sqrt(2 / c * (target - 1) / blocks),
                "You share the growth out as a sum. The blocks' factors multiply.",
            ),
            Mistake(
                lambda c, blocks, target: np.sqrt(2 / c * (target ** (2 / blocks) - 1)),
                "The target is the factor of the *squared* length already.",
            ),
            Mistake(
                lambda c, blocks, target: np.sqrt(1 / c * (target ** (1 / blocks) - 1)),
                "A factor 2: ReLU keeps half of the square, so a block multiplies it by "
                "`1 + scale**2 * c / 2`.",
            ),
            Mistake(
                lambda c, blocks, target: 1 / np.sqrt(blocks),
                "With this scale the growth tends to e to the power c / 2, whatever the target.",
            ),
        ],
        hints=[
            "`(1 + scale**2 * c / 2) ** blocks` is to be `target`.",
            "Take the root of order `blocks`, then solve for `scale`.",
            (
                "For many blocks the root of order L of the target is about 1 + ln(target) / L, so "
                "s times the root of L tends to the root of 2 ln(target) / c."
            ),
        ],
    ),
    Exercise(
        expected_best,
        cases=searches,
        mistakes=[
            Mistake(
                with_replacement,
                "You draw with replacement: a recipe may be tried twice. Count the sets of k "
                "different recipes in which a given one is the best.",
            ),
            Mistake(
                lambda errors, k: min(errors),
                "This is the best of all. A search of k recipes need not meet it.",
            ),
            Mistake(
                lambda errors, k: np.mean(errors),
                "This is what a single try expects, k = 1.",
            ),
            Mistake(
                lambda errors, k: min(errors[:k]),
                "This is one search, the first k in the list. Average over all that are possible.",
            ),
            Mistake(
                lambda errors, k: np.mean(sorted(errors)[:k]),
                "This is the mean of the k best. A search of k does not know which these are.",
            ),
            Mistake(
                lambda errors, k: -expected_best([-error for error in errors], k),
                "This is the expected *largest* of k. The smallest error is the best.",
            ),
            Mistake(
                lambda errors, k: sorted(errors)[len(errors) // (k + 1)],
                "A rule of thumb for where the smallest of k lies. The exact mean over all sets of "
                "k is asked for.",
            ),
        ],
        hints=[
            (
                "There are `math.comb(n, k)` sets of k recipes, all equally likely. (Listing them "
                "with `itertools.combinations` passes here, but never ends on 972 recipes.)"
            ),
            "Sort. The one at place i is the best of those sets whose others all come behind it.",
        ],
    ),
    Exercise(
        seeds_needed,
        cases=deviations,
        mistakes=[
            Mistake(
                lambda deviation, margin: ceil((deviation / margin) ** 2),
                "One standard error, where two are asked for.",
            ),
            Mistake(
                lambda deviation, margin: ceil(2 * deviation / margin),
                "The mean's standard error falls with the *root* of the number of seeds: square.",
            ),
            Mistake(
                lambda deviation, margin: (2 * deviation / margin) ** 2,
                "Seeds come whole: round up.",
            ),
            Mistake(
                lambda deviation, margin: int((2 * deviation / margin) ** 2),
                "Rounded down it is one too few: round up.",
            ),
            Mistake(
                lambda deviation, margin: ceil(2 * (2 * deviation / margin) ** 2),
                "Twice too many: `deviation` is that of the differences, seed by seed, already.",
            ),
            Mistake(
                lambda deviation, margin: ceil((2 * margin / deviation) ** 2),
                "The other way round: a wide spread wants more seeds.",
            ),
        ],
        hints=[
            "The standard error of a mean of n numbers is `deviation / sqrt(n)`.",
            "Twice that is to be at most `margin`. Solve for n, and round up.",
        ],
    ),
]

check = checker("everything_interacts", EXERCISES)
