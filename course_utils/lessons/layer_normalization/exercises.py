"""Exercises of notebook 03, behind its blanks."""

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker
from course_utils.lessons.layer_normalization.blanks import BLANKS
from course_utils.lessons.layer_normalization.layer import LAYER
from course_utils.nn.normalization import moments, normalize, normalize_backward


def cosine_behind_norm(kappa):
    return (kappa - 1 / np.pi) / (1 - 1 / np.pi)


def cosines_behind_relu(rng):
    for kappa in (0.41, 0.62, 0.87, 0.35):
        yield (kappa,)


def equivalent_lr(lr, factor):
    return lr * factor**2


def rates_and_factors(rng):
    for factor in (2.5, 3.0, 0.4, 0.15):
        yield round(rng.uniform(0.01, 0.1), 2), factor


def rms(x, eps=0.0, axis=1):
    return np.sqrt((x**2).mean(axis=axis, keepdims=True) + eps)


def rms_norm(x, eps):
    return x / rms(x, eps)


def rms_norm_backward(grad_y, x, eps):
    y = rms_norm(x, eps)
    return (grad_y - y * (grad_y * y).mean(axis=1, keepdims=True)) / rms(x, eps)


def backward_of_layer_norm(grad_y, x, eps):
    mean, var = moments(x, axis=1)
    return normalize_backward(grad_y, normalize(x, mean, var, eps), var, eps, axis=1)


def rows_and_eps(rng):
    for (m, n), eps in [((2, 3), 0.1), ((1, 4), 0.5), ((3, 3), 0.2)]:
        x = rng.standard_normal((m, n)).round(1)
        x[-1, : n if m == 3 else 1] = 0  # as behind a ReLU: some entries, and a whole row
        yield x, eps


def gradients_rows_and_eps(rng):
    for x, eps in rows_and_eps(rng):
        yield rng.standard_normal(x.shape).round(1), x, eps


EXERCISES = [
    *BLANKS,
    LAYER,
    Exercise(
        equivalent_lr,
        cases=rates_and_factors,
        mistakes=[
            Mistake(
                lambda lr, factor: lr,
                "With the same learning rate the larger weights move less, relative to their size: "
                "their gradient is smaller, and they are larger.",
            ),
            Mistake(
                lambda lr, factor: lr * factor,
                "That makes up for one of two things. The gradient is divided by the factor, and "
                "the step has to be multiplied by it to stay in proportion to the weights.",
            ),
            Mistake(
                lambda lr, factor: lr / factor,
                "The wrong way: larger weights need larger steps to turn as far, and their "
                "gradient is smaller.",
            ),
            Mistake(
                lambda lr, factor: lr / factor**2,
                "Upside down. Larger weights have a smaller gradient, and they need larger steps: "
                "the learning rate must grow with the factor.",
            ),
            Mistake(
                lambda lr, factor: lr * np.sqrt(factor),
                "The root of the factor is not enough. By what is the gradient divided, and by "
                "what must the step be multiplied?",
            ),
        ],
        hints=[
            (
                "The output does not change if W and b become k W and k b. So what does the "
                "gradient with respect to k W compare to that with respect to W?"
            ),
            "It is divided by k. After one step with rate a the weights are k W - a g / k.",
            "That should be k times (W - lr g). Solve for a.",
        ],
    ),
    Exercise(
        rms_norm,
        cases=rows_and_eps,
        mistakes=[
            Mistake(
                lambda x, eps: x / rms(x, eps, axis=0),
                "Wrong axis: you divide by the length of the columns. Examples are rows, and each "
                "is divided by its own root mean square: axis=1.",
            ),
            Mistake(
                lambda x, eps: x / rms(x),
                "Where is eps? It is added to the mean square, before the root. Without it a row "
                "of zeros divides by zero.",
            ),
            Mistake(
                lambda x, eps: x / (rms(x) + eps),
                "eps is added behind the root. Here it belongs under it, beside the mean square.",
            ),
            Mistake(
                lambda x, eps: (
                    (x - x.mean(axis=1, keepdims=True))
                    / np.sqrt(x.var(axis=1, keepdims=True) + eps)
                ),
                "This is layer norm. RMSNorm leaves the mean where it is and only divides.",
            ),
            Mistake(
                lambda x, eps: x / np.sqrt(x.var(axis=1, keepdims=True) + eps),
                "The variance is the mean square around the mean. RMSNorm takes the mean of x² "
                "itself.",
            ),
            Mistake(
                lambda x, eps: x / np.sqrt((x**2).sum(axis=1, keepdims=True) + eps),
                "You divide by the length, the root of the sum of squares. The root of their mean "
                "is wanted: then the entries are about 1, whatever the width.",
            ),
            Mistake(
                lambda x, eps: (
                    x / np.sqrt((x**2).sum(axis=1, keepdims=True) / (x.shape[1] - 1) + eps)
                ),
                "You divide by n - 1, as for an unbiased variance. Here the mean over all n "
                "entries is meant.",
            ),
            Mistake(
                lambda x, eps: x / ((x**2).mean(axis=1, keepdims=True) + eps),
                "The root is missing: you divide by the mean square.",
            ),
            Mistake(
                lambda x, eps: x / np.sqrt(rms(x, eps)),
                "The root is there twice: divide by the root mean square itself.",
            ),
            Mistake(
                lambda x, eps: x * rms(x, eps),
                "You multiply by the root mean square. Divide by it: then the rows come out at the "
                "same length.",
            ),
            Mistake(
                lambda x, eps: x / np.sqrt((x**2 + eps).sum(axis=1, keepdims=True)),
                "You add up where the mean belongs: eps and the squares count once, not n times.",
            ),
            Mistake(
                lambda x, eps: x / np.sqrt((x**2).mean() + eps),
                "You take one mean over the whole batch. Every example has its own.",
            ),
        ],
        hints=[
            "The mean square of every row: `(x**2).mean(axis=1, keepdims=True)`, a column.",
            "Add eps, take the root, and divide x by it. The mean of x is not touched.",
        ],
    ),
    Exercise(
        rms_norm_backward,
        cases=gradients_rows_and_eps,
        mistakes=[
            Mistake(
                lambda grad_y, x, eps: grad_y / rms(x, eps),
                "You treat the root mean square as a constant. It depends on every entry of the "
                "row: the gradient also flows through it.",
            ),
            Mistake(
                lambda grad_y, x, eps: (
                    (
                        grad_y
                        - grad_y.mean(axis=1, keepdims=True)
                        - rms_norm(x, eps) * (grad_y * rms_norm(x, eps)).mean(axis=1, keepdims=True)
                    )
                    / rms(x, eps)
                ),
                "You take the mean of the gradient away, as in layer norm. No mean was subtracted "
                "on the way forward, so there is none to take away here.",
            ),
            Mistake(
                backward_of_layer_norm,
                "This is the way back through layer norm: its mean, and its variance. RMSNorm has "
                "neither, but the mean of x² itself.",
            ),
            Mistake(
                lambda grad_y, x, eps: (
                    grad_y
                    - rms_norm(x, eps) * (grad_y * rms_norm(x, eps)).mean(axis=1, keepdims=True)
                ),
                "The division by the root mean square is missing: what was divided on the way "
                "forward is divided on the way back.",
            ),
            Mistake(
                lambda grad_y, x, eps: (
                    (
                        grad_y
                        - rms_norm(x, eps) * (grad_y * rms_norm(x, eps)).sum(axis=1, keepdims=True)
                    )
                    / rms(x, eps)
                ),
                "A factor of n too much in what flows through the root mean square: the mean "
                "square has 1/n in it.",
            ),
            Mistake(
                lambda grad_y, x, eps: (
                    (grad_y - x * (grad_y * x).mean(axis=1, keepdims=True)) / rms(x, eps)
                ),
                "In the second term stands x where the normalized y = x / rms belongs, twice.",
            ),
            Mistake(
                lambda grad_y, x, eps: (
                    (grad_y - rms_norm(x, eps) * (grad_y * rms_norm(x, eps)).mean(axis=0))
                    / rms(x, eps)
                ),
                "Wrong axis in the mean of grad_y times y: a row's mean square depends on that row "
                "only, so average along it, axis=1.",
            ),
            Mistake(
                lambda grad_y, x, eps: (
                    (
                        grad_y
                        + rms_norm(x, eps) * (grad_y * rms_norm(x, eps)).mean(axis=1, keepdims=True)
                    )
                    / rms(x, eps)
                ),
                "A sign: a larger root mean square makes y smaller, so what flows through it is "
                "taken away.",
            ),
            Mistake(
                lambda grad_y, x, eps: rms_norm_backward(grad_y, x, 0.0),
                "eps is missing in the backward pass. The root is the same as on the way forward: "
                "of the mean square plus eps.",
            ),
        ],
        hints=[
            (
                "Write r for the root, a column. y = x / r: one part of the gradient is grad_y / "
                "r, the other flows through r."
            ),
            (
                "The gradient of r adds up over the row: minus grad_y times x / r². And r changes "
                "with x[k] by x[k] / (n r)."
            ),
            (
                "Together: (grad_y - y times the mean of grad_y times y) / r. It is layer norm's "
                "backward without the term of the mean."
            ),
        ],
    ),
    Exercise(
        cosine_behind_norm,
        cases=cosines_behind_relu,
        mistakes=[
            Mistake(
                lambda kappa: kappa - 1 / np.pi,
                "The mean is taken from the product, and not from the lengths: what is left of a "
                "row is shorter too. A cosine divides by both lengths.",
            ),
            Mistake(
                lambda kappa: kappa / (1 - 1 / np.pi),
                "The lengths have lost their mean, the product has not: take 1/pi from above the "
                "line too.",
            ),
            Mistake(
                lambda kappa: (kappa - 1 / np.pi) / (1 - 1 / np.pi) ** 2,
                "A root is missing: the cosine divides by the two lengths, each the root of a "
                "mean square.",
            ),
            Mistake(
                lambda kappa: (kappa - 1 / np.pi) / np.sqrt(1 - 1 / np.pi),
                "Each of the two lengths is the root of 1 - 1/pi, and both divide: their product "
                "has no root.",
            ),
            Mistake(
                lambda kappa: (kappa - 1 / (2 * np.pi)) / (1 - 1 / (2 * np.pi)),
                "1/pi is the share of the mean square q/2, and 1/(2 pi) that of q. The cosine "
                "kappa is measured against q/2.",
            ),
            Mistake(
                lambda kappa: kappa - 1 / np.pi / (1 - 1 / np.pi),
                "A division binds more tightly than a difference: put `kappa - 1 / np.pi` in "
                "brackets.",
            ),
            Mistake(
                lambda kappa: kappa,
                "Stretching a row does not turn it, but taking its mean away does.",
            ),
        ],
        hints=[
            (
                "Take two rows of mean square q/2 behind ReLU. What is the mean of the product of "
                "their entries, in terms of kappa and q?"
            ),
            (
                "kappa q/2. Both rows have the same mean, the root of q/(2 pi). Taking it from "
                "each takes its square, q/(2 pi), from the mean product."
            ),
            "The same goes for the mean squares below the line. q cancels.",
        ],
    ),
]

check = checker("layer_normalization", EXERCISES)
