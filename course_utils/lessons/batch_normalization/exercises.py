"""Exercises of notebook 04, behind its blanks."""

from functools import partial

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker
from course_utils.lessons.batch_normalization.blanks import BLANKS
from course_utils.lessons.batch_normalization.layer import LAYER

# Exercise 1: folding


def fold_batch_norm(W, b, gamma, beta, mean, var, eps):
    scale = gamma / np.sqrt(var + eps)
    return W * scale, (b - mean) * scale + beta


def layers_to_fold(rng):
    for n in (2, 3, 4):  # square, so that the wrong axis gives numbers
        W, (b, beta, mean) = rng.standard_normal((n, n)), rng.standard_normal((3, n)).round(1)
        gamma, var = rng.uniform(0.5, 2, (2, n)).round(1)
        yield W.round(1), b, gamma, beta, mean, var, 0.1 * n


def fold_with(W, b, gamma, beta, mean, var, eps, *, weights, bias):
    """Fold with other formulas: functions of the array and of what they may use."""
    scale = gamma / np.sqrt(var + eps)
    return weights(W, scale), bias(b, beta, mean, scale)


def folded_by(weights=np.multiply, bias=lambda b, beta, mean, scale: (b - mean) * scale + beta):
    return partial(fold_with, weights=weights, bias=bias)


def fold_with_scale(scale_of):
    """The mistake of another scale: ``scale_of(gamma, var, eps)``."""

    def mistake(W, b, gamma, beta, mean, var, eps):
        scale = scale_of(gamma, var, eps)
        return W * scale, (b - mean) * scale + beta

    return mistake


# Exercise 2: two machines


def pooled_moments(mean_1, var_1, m_1, mean_2, var_2, m_2):
    share = m_1 / (m_1 + m_2)
    mean = share * mean_1 + (1 - share) * mean_2
    within = share * var_1 + (1 - share) * var_2
    between = share * (1 - share) * (mean_1 - mean_2) ** 2
    return mean, within + between


def halves(rng):
    for n, m_1, m_2 in ((2, 3, 5), (3, 8, 2), (4, 4, 7)):
        means = rng.standard_normal((2, n)).round(1)
        variances = rng.uniform(0.3, 3, (2, n)).round(1)
        yield means[0], variances[0], m_1, means[1], variances[1], m_2


def pool(mean_1, var_1, m_1, mean_2, var_2, m_2, weigh=lambda a, b: a / (a + b), between=None):
    share = weigh(m_1, m_2)
    mean = share * mean_1 + (1 - share) * mean_2
    var = share * var_1 + (1 - share) * var_2
    return mean, var + (0 if between is None else between(share, mean_1, mean_2))


# Exercise 3: the noise of a running mean


def running_noise(momentum, m):
    return np.sqrt(momentum / (2 - momentum) / m)


def settings(rng):
    return [(0.1, 50), (0.3, 20), (0.8, 7), (0.04, 300)]


EXERCISES = [
    *BLANKS,
    LAYER,
    Exercise(
        fold_batch_norm,
        cases=layers_to_fold,
        returns=("new_W", "new_b"),
        mistakes=[
            Mistake(
                folded_by(weights=lambda W, scale: W * scale[:, None]),
                "You scale the rows of W, which belong to the inputs. Batch norm scales the "
                "*outputs* of the layer, and those are the columns: `W * scale`.",
            ),
            Mistake(
                folded_by(weights=lambda W, scale: W),
                "W stays as it was. Batch norm multiplies each output by `gamma / sqrt(var + "
                "eps)`, so each column of W too.",
            ),
            Mistake(
                folded_by(bias=lambda b, beta, mean, scale: b),
                "The bias stays as it was. Put x W + b into the formula of batch norm and collect "
                "what does not depend on x.",
            ),
            Mistake(
                folded_by(bias=lambda b, beta, mean, scale: b - mean * scale + beta),
                "The old bias is not scaled. Batch norm sees x W + b, so it multiplies b as well.",
            ),
            Mistake(
                folded_by(bias=lambda b, beta, mean, scale: b * scale + beta),
                "The running mean is missing. It is taken away before scaling.",
            ),
            Mistake(
                folded_by(bias=lambda b, beta, mean, scale: b * scale - mean + beta),
                "The running mean is not scaled. It is taken away before the scale, so it is "
                "multiplied by it.",
            ),
            Mistake(
                folded_by(bias=lambda b, beta, mean, scale: beta - mean * scale),
                "The old bias is lost. Batch norm sees x W + b.",
            ),
            Mistake(
                folded_by(bias=lambda b, beta, mean, scale: (b - mean) * scale),
                "The shift `beta` is missing from the new bias.",
            ),
            Mistake(
                folded_by(bias=lambda b, beta, mean, scale: (b + mean) * scale + beta),
                "A sign: batch norm subtracts the mean.",
            ),
            Mistake(
                folded_by(bias=lambda b, beta, mean, scale: (b - mean + beta) * scale),
                "`beta` is scaled too. It is added at the end, after the scale.",
            ),
            Mistake(
                fold_with_scale(lambda gamma, var, eps: gamma / (var + eps)),
                "You divide by the variance. Batch norm divides by its root.",
            ),
            Mistake(
                fold_with_scale(lambda gamma, var, eps: gamma / np.sqrt(var)),
                "`eps` is missing. It is small, but it is in the formula: var + eps.",
            ),
            Mistake(
                fold_with_scale(lambda gamma, var, eps: gamma / (np.sqrt(var) + eps)),
                "`eps` stands outside of the root. It is added to the variance.",
            ),
            Mistake(
                fold_with_scale(lambda gamma, var, eps: 1 / np.sqrt(var + eps)),
                "`gamma` is missing: the scale is `gamma / sqrt(var + eps)`.",
            ),
        ],
        hints=[
            (
                "Write down what the two layers compute: "
                "gamma (x W + b - mean) / sqrt(var + eps) + beta."
            ),
            (
                "With `scale = gamma / np.sqrt(var + eps)`, one number for each output, that is "
                "x W scale + (b - mean) scale + beta."
            ),
            "What is multiplied by x is the new W, all the rest is the new b.",
        ],
    ),
    Exercise(
        pooled_moments,
        cases=halves,
        returns=("mean", "var"),
        mistakes=[
            Mistake(
                pool,
                "The variances are averaged. That is the spread *within* the two parts; their means "
                "differ, and that is spread too. (Two parts of variance zero, one at 0 and one at "
                "1: is the variance of all zero?)",
            ),
            Mistake(
                partial(pool, weigh=lambda a, b: 0.5),
                "Both parts count the same, and the distance between the means is left out. A part "
                "with more examples counts for more, and means that differ are spread too.",
            ),
            Mistake(
                partial(pool, weigh=lambda a, b: 0.5, between=lambda s, a, b: ((a - b) / 2) ** 2),
                "Both parts count the same. The one with more examples counts for more.",
            ),
            Mistake(
                partial(pool, between=lambda s, a, b: (a - b) ** 2),
                "The distance between the means counts in full. It is the *variance* of a number "
                "that is mean_1 for a share of the examples and mean_2 for the rest.",
            ),
            Mistake(
                partial(pool, between=lambda s, a, b: ((a - b) / 2) ** 2),
                "The distance between the means counts as if both parts were equally large.",
            ),
            Mistake(
                lambda mean_1, var_1, m_1, mean_2, var_2, m_2: pooled_moments(
                    mean_1, var_1, m_2, mean_2, var_2, m_1
                ),
                "The weights are exchanged: the mean of the larger part counts for more.",
            ),
            Mistake(
                partial(pool, between=lambda s, a, b: s * a**2 + (1 - s) * b**2),
                "That is the mean square of all. The variance is what is left after taking away "
                "the square of the mean of all.",
            ),
        ],
        hints=[
            "From a mean and a variance you have the mean square: var + mean². Of which of the "
            "three may you take a weighted mean?",
            "The mean square of all is the mean of the two, weighted by the numbers of examples. "
            "The variance is what is left after taking away the square of the mean of all.",
        ],
    ),
    Exercise(
        running_noise,
        cases=settings,
        mistakes=[
            Mistake(
                lambda momentum, m: 1 / np.sqrt(m),
                "That is the deviation of one batch's mean. The running estimate averages over "
                "several batches: it is less.",
            ),
            Mistake(
                lambda momentum, m: momentum / np.sqrt(m),
                "That is what the newest batch alone brings. All the earlier ones are in it too, "
                "with weights that get smaller by 1 - momentum each time.",
            ),
            Mistake(
                lambda momentum, m: momentum / (2 - momentum) / m,
                "That is the variance. The deviation is its root.",
            ),
            Mistake(
                lambda momentum, m: momentum / np.sqrt(m) / (1 - (1 - momentum) ** 2),
                "The sum of squared weights, with its 1 / (1 - (1 - momentum)²), is a variance. "
                "The deviation has its root.",
            ),
            Mistake(
                lambda momentum, m: np.sqrt(momentum / m),
                "Close for a small momentum. The squares of the weights get smaller by "
                "(1 - momentum)² each time; you summed weights that get smaller by 1 - momentum.",
            ),
            Mistake(
                lambda momentum, m: np.sqrt(momentum / (2 - momentum)),
                "That is in deviations of one batch's mean, which is itself 1 / sqrt(m).",
            ),
            Mistake(
                lambda momentum, m: np.sqrt(momentum / (2 - momentum)) / m,
                "The mean of m independent numbers has variance 1 / m, so deviation 1 / sqrt(m).",
            ),
            Mistake(
                lambda momentum, m: np.sqrt((1 - momentum) ** 2 + momentum**2) / np.sqrt(m),
                "You take the old estimate to be as noisy as one batch's mean. It is an average "
                "already: its variance is the one that you look for.",
            ),
        ],
        hints=[
            "Once it no longer changes, the variance V before and after an update is the same: "
            "what is the variance of (1 - momentum) old + momentum new, if the two are independent?",
            "V = (1 - momentum)² V + momentum² / m. Solve for V.",
        ],
    ),
]

check = checker("batch_normalization", EXERCISES)
