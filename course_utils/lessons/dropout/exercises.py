"""Exercises of notebook 07, behind its blanks."""

from itertools import product

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker
from course_utils.lessons.dropout.blanks import BLANKS


def critical_c(p, slope):
    return 2 * (1 - p) / (1 + slope**2)


def rates_and_slopes(rng):
    return [(0.1, 0.2), (0.3, 0.5), (0.75, 0.1), (0.0, 0.3), (0.2, 0.0)]


def passes_needed(deviation, precision):
    return int(np.ceil((deviation / precision) ** 2))


def deviations(rng):
    # The last two come out even: 16 and 9.
    return [(0.3, 0.07), (0.5, 0.013), (0.9, 0.25), (0.1, 0.04), (2.0, 0.5), (1.5, 0.5)]


def mean_behind_relu(terms, p):
    return expectation(terms, p, relu)


def expectation(terms, p, f, chance=lambda kept, p: np.where(kept, 1 - p, p).prod(), scale=True):
    """The mean of f(sum of what is kept) over all masks, each with its probability."""
    total = 0.0
    for kept in product([False, True], repeat=len(terms)):
        a = np.sum(np.asarray(terms) * kept) / ((1 - p) if scale else 1)
        total += chance(np.array(kept), p) * f(a)
    return float(total)


def few_terms(rng):
    yield np.array([-2.0, 3.0]), 0.4
    for p, sign in ((0.2, 1), (0.7, -1)):
        yield sign * (rng.standard_normal(4).round(1) + [1, -1, 2, -1]), p


def relu(a):
    return np.maximum(a, 0)


def subset_variance(terms, r):
    n = len(terms)
    return (n / r - 1) * n / (n - 1) * np.sum((terms - np.mean(terms)) ** 2)


def drawn_with_replacement(terms, r):
    return len(terms) ** 2 / r * np.var(terms)


def mean_square_of_sums(terms, r):
    return subset_variance(terms, r) + np.sum(terms) ** 2


def terms_and_subsets(rng):
    for n, r in ((4, 2), (5, 2), (7, 5)):
        yield (2 * rng.standard_normal(n) + 1).round(1), r


EXERCISES = [
    *BLANKS,
    Exercise(
        critical_c,
        cases=rates_and_slopes,
        mistakes=[
            Mistake(
                lambda p, slope: 2 / (1 + slope**2),
                "That is right in evaluation mode only. In training dropout multiplies the square "
                "by 1 / (1 - p).",
            ),
            Mistake(
                lambda p, slope: 2 * (1 - p),
                "That is right for ReLU. The negative half is not lost here: its squares count "
                "`slope`^2.",
            ),
            Mistake(
                lambda p, slope: 2 / (1 - p) / (1 + slope**2),
                "This makes it grow twice: dropout already enlarges the square.",
            ),
            Mistake(
                lambda p, slope: (1 - p) / (1 + slope**2),
                "Half of the values are positive and half negative, so the square is multiplied by "
                "(1 + slope^2) / 2: the 2 is missing.",
            ),
            Mistake(
                lambda p, slope: 2 * (1 - p) / (1 + slope),
                "The squares of the negative half are multiplied by the square of `slope`.",
            ),
            Mistake(
                lambda p, slope: 2 * (1 - p) * (1 + slope**2),
                "A leak makes the signal longer, so c must be smaller, not larger.",
            ),
            Mistake(
                lambda p, slope: 2 * np.sqrt(1 - p) / (1 + slope**2),
                "c is a variance, so it meets the square of the length: no root.",
            ),
            Mistake(
                lambda p, slope: 2 * p / (1 + slope**2),
                "p is the chance to be zeroed; it is 1 - p that counts.",
            ),
            Mistake(
                lambda p, slope: (1 + slope**2) / 2 / (1 - p),
                "That is what a layer multiplies the square by, c left out. c is such that the "
                "product is one.",
            ),
        ],
        hints=[
            "Half of the values stay, half are multiplied by `slope`. And their mean square?",
            "Dropout divides it by 1 - p. Set the product of all factors, c among them, to one.",
        ],
    ),
    Exercise(
        passes_needed,
        cases=deviations,
        mistakes=[
            Mistake(
                lambda deviation, precision: int(np.ceil(deviation / precision)),
                "The error falls with the root of the number of passes: half of it costs four "
                "times as many.",
            ),
            Mistake(
                lambda deviation, precision: int((deviation / precision) ** 2),
                "Rounded down, it is not quite enough: round up.",
            ),
            Mistake(
                lambda deviation, precision: round((deviation / precision) ** 2),
                "Rounded to the nearest whole number, it is at times not quite enough: round up.",
            ),
            Mistake(
                lambda deviation, precision: int(np.ceil(deviation / precision)) ** 2,
                "Rounded up before the square, it is too many. Square first, then round up.",
            ),
            Mistake(
                lambda deviation, precision: int(np.ceil(deviation**2 / precision)),
                "`precision` is a deviation, as `deviation` is: both are squared.",
            ),
            Mistake(
                lambda deviation, precision: int((deviation / precision) ** 2) + 1,
                "Where it comes out even this is one too many: *at most* the precision, so "
                "equality is enough. Round up, `np.ceil`, in place of down and one more.",
            ),
            Mistake(
                lambda deviation, precision: (deviation / precision) ** 2,
                "Nearly: a number of passes is a whole number. Round up.",
            ),
            Mistake(
                lambda deviation, precision: int(np.ceil(deviation / precision**2)),
                "The deviation is squared too: deviation / sqrt(K) must come down to `precision`.",
            ),
        ],
        hints=[
            "The mean of K independent passes has deviation `deviation / sqrt(K)`.",
            "Solve for K, then round up to a whole number.",
        ],
    ),
    Exercise(
        mean_behind_relu,
        cases=few_terms,
        mistakes=[
            Mistake(
                lambda terms, p: float(relu(np.sum(terms))),
                "That is the ReLU of the mean. Asked for is the mean of the ReLU, over the masks.",
            ),
            Mistake(
                lambda terms, p: expectation(terms, p, lambda a: a),
                "That is the mean of the sum, without the ReLU: it is the sum of the terms.",
            ),
            Mistake(
                lambda terms, p: expectation(terms, p, relu, lambda kept, p: 0.5 ** len(kept)),
                "Your masks are all equally likely. One that keeps k of n terms has probability "
                "(1 - p)^k p^(n - k).",
            ),
            Mistake(
                lambda terms, p: expectation(
                    terms, p, relu, lambda kept, p: np.where(kept, p, 1 - p).prod()
                ),
                "The probabilities are turned around: p is the chance to be zeroed.",
            ),
            Mistake(
                lambda terms, p: expectation(terms, p, relu, scale=False),
                "What is kept must be divided by 1 - p.",
            ),
            Mistake(
                lambda terms, p: float(np.sum(relu(np.asarray(terms)))),
                "That is the sum of the terms' ReLUs. There is one ReLU, of the sum.",
            ),
        ],
        hints=[
            "With n terms there are 2^n masks: `itertools.product([0, 1], repeat=n)` goes through "
            "them.",
            "A mask's probability is the product of 1 - p for each term kept and p for each that "
            "goes.",
            "Add up probability times `max(a, 0)`, with a the sum of what is kept over 1 - p.",
        ],
    ),
    Exercise(
        subset_variance,
        cases=terms_and_subsets,
        mistakes=[
            Mistake(
                drawn_with_replacement,
                "That is right if a term may be drawn twice. Here what is drawn is gone: with all "
                "n kept, nothing varies.",
            ),
            Mistake(
                mean_square_of_sums,
                "That is the mean of the squares. The variance is what is left after taking away "
                "the square of the mean.",
            ),
            Mistake(
                lambda terms, r: (len(terms) / r - 1) * np.sum(np.square(terms)),
                "That is right for independent draws. Here a term that is kept takes a place from "
                "the others: were all terms alike, every subset would give the same sum.",
            ),
            Mistake(
                lambda terms, r: (len(terms) / r - 1) * np.sum((terms - np.mean(terms)) ** 2),
                "Nearly: two terms' draws have a covariance of their own. What does your formula "
                "give for n = 2, r = 1, by hand?",
            ),
            Mistake(
                lambda terms, r: (
                    r
                    / len(terms)
                    * (1 - r / len(terms))
                    * len(terms)
                    / (len(terms) - 1)
                    * np.sum((terms - np.mean(terms)) ** 2)
                ),
                "That is the variance of the sum of the kept terms. Each of them is multiplied by "
                "n / r.",
            ),
            Mistake(
                lambda terms, r: (
                    (len(terms) / r - 1)
                    * len(terms)
                    / (len(terms) - 1)
                    * np.sum((terms - np.mean(terms)) ** 2)
                    / len(terms)
                ),
                "You take the mean of the squares where their sum is wanted.",
            ),
            Mistake(
                lambda terms, r: (
                    len(terms)
                    / r
                    * len(terms)
                    / (len(terms) - 1)
                    * np.sum((terms - np.mean(terms)) ** 2)
                ),
                "If all terms are kept, r = n, nothing varies. Yours does.",
            ),
        ],
        hints=[
            "A constant added to every term changes no variance here, since exactly r are kept. So "
            "take the mean of the terms away first.",
            "One term is kept with probability r / n, two given ones with r (r - 1) / (n (n - 1)).",
            "Terms that add up to zero have (sum of t_j)^2 = 0: so the cross terms add up to minus "
            "the sum of the squares.",
        ],
    ),
]

check = checker("dropout", EXERCISES)
