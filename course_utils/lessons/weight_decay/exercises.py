"""Exercises of notebook 06, behind its blanks."""

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker
from course_utils.lessons.weight_decay.blanks import BLANKS


def best_factor(W1, W2):
    return np.sqrt(np.linalg.norm(W2) / np.linalg.norm(W1))


def two_matrices(rng):
    for n_in, n, n_out, scale in ((2, 3, 2, 2.5), (3, 2, 4, 0.3), (4, 3, 2, 1.4)):
        yield (
            scale * rng.uniform(-2, 2, (n_in, n)).round(1),
            rng.uniform(-2, 2, (n, n_out)).round(1),
        )


def resting_norm(lr, weight_decay, g):
    return (lr**2 * g**2 / (1 - (1 - lr * weight_decay) ** 2)) ** 0.25


def rates_and_gradients(rng):
    for lr, weight_decay in ((0.3, 0.9), (0.7, 0.4), (0.5, 1.1)):
        yield lr, weight_decay, round(rng.uniform(1.5, 4), 1)


def pulled_to(best, curvature, weight_decay):
    return curvature * best / (curvature + weight_decay)


def scales(rng):
    for curvature, weight_decay in ((2.0, 0.5), (0.1, 0.4), (1.5, 0.6)):
        yield round(rng.uniform(1.2, 3), 1), curvature, weight_decay


EXERCISES = [
    *BLANKS,
    Exercise(
        best_factor,
        cases=two_matrices,
        mistakes=[
            Mistake(
                lambda W1, W2: np.linalg.norm(W2) / np.linalg.norm(W1),
                "Almost: with this factor the two have exchanged their norms. Set the derivative "
                "of the sum of both squares to zero; the factor comes out to the fourth power.",
            ),
            Mistake(
                lambda W1, W2: np.sqrt(np.linalg.norm(W1) / np.linalg.norm(W2)),
                "One over the right one: W1 is multiplied by it, W2 divided.",
            ),
            Mistake(
                lambda W1, W2: np.linalg.norm(W1) / np.linalg.norm(W2),
                "One over it, and without its root. W1 is multiplied, W2 divided, and both norms "
                "are to be equal.",
            ),
            Mistake(
                lambda W1, W2: (np.linalg.norm(W2) / np.linalg.norm(W1)) ** 2,
                "This is the factor to the fourth power.",
            ),
            Mistake(
                lambda W1, W2: np.sqrt(np.linalg.norm(W2) * np.linalg.norm(W1)),
                "This is the norm that both have in the end. By what must W1 be multiplied to get "
                "it?",
            ),
            Mistake(
                lambda W1, W2: np.sqrt(np.abs(W2).sum() / np.abs(W1).sum()),
                "The norm is the root of the sum of *squares*, `np.linalg.norm(W)`.",
            ),
        ],
        hints=[
            "With the factor a the squared norm is `a**2 * |W1|**2 + |W2|**2 / a**2`.",
            "Its derivative with respect to a is zero where `a**4` is `|W2|**2 / |W1|**2`.",
        ],
    ),
    Exercise(
        resting_norm,
        cases=rates_and_gradients,
        mistakes=[
            Mistake(
                lambda lr, weight_decay, g: (lr * g**2 / (2 * weight_decay)) ** 0.25,
                "Right to first order in `lr * weight_decay`, and the form to remember. Here the "
                "exact one is asked for: keep `1 - (1 - lr * weight_decay)**2`.",
            ),
            Mistake(
                lambda lr, weight_decay, g: np.sqrt(
                    lr**2 * g**2 / (1 - (1 - lr * weight_decay) ** 2)
                ),
                "This is the *square* of the norm.",
            ),
            Mistake(
                lambda lr, weight_decay, g: lr**2 * g**2 / (1 - (1 - lr * weight_decay) ** 2),
                "This is the norm to the fourth power.",
            ),
            Mistake(
                lambda lr, weight_decay, g: np.sqrt(
                    lr * g / np.sqrt(1 - (1 - lr * weight_decay) ** 2) * lr
                ),
                "A learning rate too much: the step is `lr * g / r` long, and its square is added.",
            ),
            Mistake(
                lambda lr, weight_decay, g: np.sqrt(g / weight_decay),
                "Lengths do not add up here: the gradient stands at a right angle to w, so the "
                "*squares* do (Pythagoras).",
            ),
            Mistake(
                lambda lr, weight_decay, g: (lr**2 * g**2 / (lr * weight_decay)) ** 0.25,
                "The square of the norm shrinks by `(1 - lr * weight_decay)**2` at each step, "
                "about twice as fast as the norm.",
            ),
        ],
        hints=[
            (
                "With r the norm, shrinking makes the square `(1 - lr * weight_decay)**2 * r**2`, "
                "and the step, at a right angle, adds `(lr * g / r)**2`."
            ),
            "At rest the sum is `r**2` again. Solve for `r**4`.",
        ],
    ),
    Exercise(
        pulled_to,
        cases=scales,
        mistakes=[
            Mistake(
                lambda best, curvature, weight_decay: best,
                "This is where gamma goes without decay: `weight_decay` is not used.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: 0 * best,
                "This is the minimum of the penalty alone. It is pulled back by the loss.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: best / (1 + weight_decay),
                "This is the bias of section 3, where the curvature was 1. The flatter the loss, "
                "the more decay decides.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: (1 - weight_decay / curvature) * best,
                "The pull is taken at `best`, and it weakens on the way to zero. Set the "
                "derivative to zero at the gamma that you look for.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: (1 - weight_decay) * best,
                "One shrinking step from `best`, with learning rate 1. You are asked where both "
                "forces are in balance: set the derivative to zero.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: (
                    weight_decay * best / (curvature + weight_decay)
                ),
                "The two shares are exchanged: this says that more decay leaves more.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: (
                    curvature * best / (curvature + 2 * weight_decay)
                ),
                "A factor 2 too much between penalty and loss: both are halves of a square, and "
                "their derivatives have none left.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: (
                    2 * curvature * best / (2 * curvature + weight_decay)
                ),
                "A factor 2 too much: the loss is half the curvature times the square.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: (
                    (curvature * best + weight_decay) / (curvature + weight_decay)
                ),
                "Here decay pulls gamma to 1, where it starts. Its penalty pulls to 0.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: curvature * best / (curvature - weight_decay),
                "A sign: gamma is pushed away from zero. The derivative of the penalty is "
                "`+ weight_decay * gamma`.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: best - weight_decay / curvature,
                "This is the balance with a penalty on the absolute value (L1), whose derivative "
                "does not shrink with gamma.",
            ),
        ],
        hints=[
            (
                "The derivative of the loss is `curvature * (gamma - best)`, that of the penalty "
                "`weight_decay * gamma`."
            ),
            "Set their sum to zero and solve for gamma.",
        ],
    ),
]

check = checker("weight_decay", EXERCISES)
