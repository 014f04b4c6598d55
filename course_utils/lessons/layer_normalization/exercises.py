"""Exercises of notebook 03."""

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker


def scale_and_shift_backward(grad_y, x_hat, gamma):
    return gamma * grad_y, (grad_y * x_hat).sum(axis=0), grad_y.sum(axis=0)


def gradients_and_gammas(rng):
    for m, n in [(2, 3), (1, 4), (3, 3)]:
        grad_y, x_hat = rng.standard_normal((2, m, n)).round(1)
        yield grad_y, x_hat, rng.uniform(0.5, 2, n).round(1)


def take_away(grad, x_hat):
    along_ones = grad.mean(axis=1, keepdims=True)
    along_x_hat = (grad * x_hat).mean(axis=1, keepdims=True)
    return grad - along_ones - x_hat * along_x_hat


def gradients_and_rows(rng):
    for m, n in [(2, 3), (1, 4), (3, 3)]:
        x = rng.standard_normal((m, n))
        x_hat = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
        yield rng.standard_normal((m, n)).round(1), x_hat


def equivalent_lr(lr, factor):
    return lr * factor**2


def rates_and_factors(rng):
    for factor in (2.5, 3.0, 0.4, 0.15):
        yield round(rng.uniform(0.01, 0.1), 2), factor


def rms_norm(x, eps):
    return x / np.sqrt((x**2).mean(axis=1, keepdims=True) + eps)


def rms_norm_backward(grad_y, x, eps):
    y, rms = rms_norm(x, eps), np.sqrt((x**2).mean(axis=1, keepdims=True) + eps)
    return (grad_y - y * (grad_y * y).mean(axis=1, keepdims=True)) / rms


def rows_and_eps(rng):
    for (m, n), eps in [((2, 3), 0.1), ((1, 4), 0.5), ((3, 3), 0.2)]:
        x = rng.standard_normal((m, n)).round(1)
        x[-1, : n if m == 3 else 1] = 0  # as behind a ReLU: some entries, and a whole row
        yield x, eps


def gradients_rows_and_eps(rng):
    for x, eps in rows_and_eps(rng):
        yield rng.standard_normal(x.shape).round(1), x, eps


def rms(x, eps=0.0, axis=1):
    return np.sqrt((x**2).mean(axis=axis, keepdims=True) + eps)


EXERCISES = [
    Exercise(
        scale_and_shift_backward,
        cases=gradients_and_gammas,
        returns=("grad_x_hat", "grad_gamma", "grad_beta"),
        mistakes=[
            Mistake(
                lambda grad_y, x_hat, gamma: (
                    grad_y,
                    *scale_and_shift_backward(grad_y, x_hat, 1)[1:],
                ),
                "The gradient of x_hat lacks gamma: every entry of x_hat reaches the loss through "
                "gamma times itself.",
            ),
            Mistake(
                lambda grad_y, x_hat, gamma: (gamma * grad_y, grad_y * x_hat, grad_y),
                "The gradients of gamma and beta must have the shape of gamma and beta, (n,). Each "
                "of them acts in every example of the batch: add up over the examples.",
            ),
            Mistake(
                lambda grad_y, x_hat, gamma: (
                    gamma * grad_y,
                    (grad_y * x_hat).sum(axis=1),
                    grad_y.sum(axis=1),
                ),
                "You add up along the rows. The rows are examples; one gamma and one beta belong "
                "to each feature, so add up the columns: axis=0.",
            ),
            Mistake(
                lambda grad_y, x_hat, gamma: (
                    gamma * grad_y,
                    (grad_y * x_hat).mean(axis=0),
                    grad_y.mean(axis=0),
                ),
                "You average over the examples. The mean over the batch is already in grad_y, "
                "since the loss is a mean: here the examples are added up.",
            ),
            Mistake(
                lambda grad_y, x_hat, gamma: (
                    gamma * grad_y,
                    (gamma * grad_y * x_hat).sum(axis=0),
                    grad_y.sum(axis=0),
                ),
                "There is a gamma too many in the gradient of gamma: y = gamma x_hat + beta, so "
                "the derivative with respect to gamma is x_hat.",
            ),
            Mistake(
                lambda grad_y, x_hat, gamma: (
                    gamma * grad_y,
                    grad_y.sum(axis=0),
                    (grad_y * x_hat).sum(axis=0),
                ),
                "The last two are swapped: the order is grad_x_hat, grad_gamma, grad_beta.",
            ),
            Mistake(
                lambda grad_y, x_hat, gamma: (
                    gamma * grad_y,
                    grad_y.sum(axis=0),
                    grad_y.sum(axis=0),
                ),
                "Gamma is multiplied by x_hat, so its gradient adds up grad_y times x_hat. What "
                "you have is the gradient of beta.",
            ),
        ],
        hints=[
            "y = gamma x_hat + beta, entry by entry; gamma and beta are the same for every row.",
            "For grad_x_hat each entry depends on one entry of grad_y only: which factor?",
            (
                "gamma[r] touches column r of y, in each example: add up grad_y times x_hat over "
                "the examples, `axis=0`. For beta the factor is 1."
            ),
        ],
    ),
    Exercise(
        take_away,
        cases=gradients_and_rows,
        mistakes=[
            Mistake(
                lambda grad, x_hat: grad - grad.mean(axis=1, keepdims=True),
                "The part along (1, ..., 1) is gone. The one along x_hat is still there: take that "
                "away too.",
            ),
            Mistake(
                lambda grad, x_hat: grad - x_hat * (grad * x_hat).mean(axis=1, keepdims=True),
                "The part along x_hat is gone. The one along (1, ..., 1), which is the mean, is "
                "still there.",
            ),
            Mistake(
                lambda grad, x_hat: (
                    grad
                    - grad.sum(axis=1, keepdims=True)
                    - x_hat * (grad * x_hat).sum(axis=1, keepdims=True)
                ),
                "You take away n times too much. The part of g along a is a (g·a) / (a·a), and "
                "both (1, ..., 1) and x_hat have a·a = n: a mean, not a sum.",
            ),
            Mistake(
                lambda grad, x_hat: grad - grad.mean(axis=0) - x_hat * (grad * x_hat).mean(axis=0),
                "Wrong axis: each example, a row, is normalized by itself, so the means go along "
                "the rows, axis=1.",
            ),
            Mistake(
                lambda grad, x_hat: grad - grad.mean() - x_hat * (grad * x_hat).mean(),
                "You take one mean over the whole batch. Every row has its own.",
            ),
            Mistake(
                lambda grad, x_hat: (
                    grad
                    - grad.mean(axis=1, keepdims=True)
                    - (grad * x_hat).mean(axis=1, keepdims=True)
                ),
                "The part along x_hat is a vector that points along x_hat: multiply its mean by "
                "x_hat before you take it away.",
            ),
            Mistake(
                lambda grad, x_hat: (
                    grad.mean(axis=1, keepdims=True)
                    + x_hat * (grad * x_hat).mean(axis=1, keepdims=True)
                ),
                "This is the part along the two directions. Return what is left of grad without "
                "it.",
            ),
        ],
        hints=[
            "The part of g along a direction a is a times (g·a) / (a·a).",
            (
                "For a = (1, ..., 1), that is the mean of g in each entry. For x_hat, whose "
                "entries have mean square 1, (g·a) / (a·a) is the mean of g times x_hat."
            ),
            (
                "x_hat has mean zero, so the two directions are orthogonal: take both parts away, "
                "one after the other or at once. `keepdims=True` keeps a mean as a column."
            ),
        ],
    ),
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
]

check = checker("layer_normalization", EXERCISES)
