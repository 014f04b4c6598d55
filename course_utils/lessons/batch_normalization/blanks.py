"""What the student of notebook 04 writes before ours is shown."""

from functools import partial

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.nn.normalization import moments, normalize, update_running

# The columns, forward


def normalize_columns(x, eps):
    mean, var = moments(x, axis=0)
    return normalize(x, mean, var, eps)


def matrices(rng):
    for m, n, eps in ((3, 4, 0.1), (5, 2, 0.3), (4, 4, 0.2)):
        yield (2 * rng.standard_normal((m, n)) + np.arange(n)).round(1), eps


def normalize_with(x, eps, axis=0, ddof=0, center=True, scale=np.sqrt):
    """Normalize with everything that can go wrong as an argument; `scale` makes the divisor."""
    mean = x.mean(axis=axis, keepdims=True) if center else 0
    return (x - mean) / scale(x.var(axis=axis, ddof=ddof, keepdims=True) + eps)


# The columns, backward


def columns_backward(grad_x_hat, x_hat, var, eps):
    along_ones = grad_x_hat.mean(axis=0)
    along_x_hat = (grad_x_hat * x_hat).mean(axis=0)
    return (grad_x_hat - along_ones - x_hat * along_x_hat) / np.sqrt(var + eps)


def gradients(rng):
    for (m, n), eps in (((3, 4), 0.1), ((5, 2), 0.3), ((4, 4), 0.2)):
        grad, x = rng.standard_normal((2, m, n)).round(1)
        x = x + np.arange(m)[:, None]
        mean, var = moments(x, axis=0)
        yield grad, normalize(x, mean, var, eps), var, eps


def backward(
    grad,
    x_hat,
    var,
    eps,
    axis=0,
    mean_part=1,
    var_part=1,
    reduce=np.mean,
    scale=np.sqrt,
    added=True,
):
    """The gradient with everything that can go wrong as an argument."""
    along_ones = reduce(grad, axis=axis, keepdims=True)
    along_x_hat = reduce(grad * x_hat, axis=axis, keepdims=True)
    rest = grad - mean_part * along_ones - var_part * x_hat * along_x_hat
    return rest / scale(var + (eps if added else 0))


# The running estimate (the library's `update_running`)


def estimates(rng):
    for n, momentum in ((2, 0.1), (3, 0.3), (4, 0.8)):
        yield *(1 + 2 * rng.standard_normal((2, n))).round(1), momentum


BLANKS = [
    Exercise(
        normalize_columns,
        cases=matrices,
        blank=True,
        mistakes=[
            Mistake(
                partial(normalize_with, axis=1),
                "These are the rows: each example by its own mean and deviation, layer norm. Here "
                "each feature has its own, over the examples: `axis=0`.",
            ),
            Mistake(
                partial(normalize_with, axis=None),
                "One mean and one deviation for the whole matrix. Each column has its own: "
                "`axis=0`.",
            ),
            Mistake(
                partial(normalize_with, ddof=1),
                "The variance is divided by m - 1. For normalizing it is the mean of the squares, "
                "divided by m: then x_hat has variance one (but for eps).",
            ),
            Mistake(
                partial(normalize_with, center=False),
                "The mean is still in: subtract each column's mean first.",
            ),
            Mistake(
                partial(normalize_with, scale=lambda v: v),
                "You divide by the variance. Its root, the deviation, is what makes the result's "
                "variance one.",
            ),
            Mistake(
                lambda x, eps: normalize_with(x, 0, scale=lambda v: np.sqrt(v) + eps),
                "`eps` stands outside of the root. It is added to the variance.",
            ),
            Mistake(
                lambda x, eps: normalize_with(x, 0),
                "`eps` is missing: the deviation is `np.sqrt(var + eps)`.",
            ),
            Mistake(
                lambda x, eps: x - x.mean(axis=0) / np.sqrt(x.var(axis=0) + eps),
                "Only the mean is divided: division goes before subtraction. `x - mean` needs "
                "parentheses.",
            ),
            Mistake(
                lambda x, eps: (x - x.mean(axis=0)) / np.sqrt((x**2).mean(axis=0) + eps),
                "You divide by the root of the mean square of x. The variance is that of x less "
                "its mean.",
            ),
            Mistake(
                lambda x, eps: x - x.mean(axis=0),
                "The mean is gone, the deviation is not: divide by `np.sqrt(var + eps)`.",
            ),
        ],
        hints=[
            "In the code for the rows, which argument says that it is rows?",
            "`moments(x, axis=0)` gives one mean and one variance for each column.",
        ],
    ),
    Exercise(
        columns_backward,
        cases=gradients,
        blank=True,
        mistakes=[
            Mistake(
                partial(backward, mean_part=0, var_part=0),
                "Mean and variance count as constants here. But they are made of x: moving one "
                "entry moves both, and with them every entry of its column. Two terms are missing.",
            ),
            Mistake(
                partial(backward, var_part=0),
                "The mean is taken care of, but the variance counts as a constant. What is missing "
                "is the part along x_hat, the mean of the *product* `grad_x_hat * x_hat`. (The "
                "product of the two means is zero.)",
            ),
            Mistake(
                partial(backward, mean_part=0),
                "The variance is taken care of, but the mean counts as a constant. What is missing "
                "is the mean of the gradient over the batch.",
            ),
            Mistake(
                partial(backward, axis=1),
                "This is layer norm's: means over rows. Batch norm's are over the batch, `axis=0`.",
            ),
            Mistake(
                partial(backward, reduce=np.sum),
                "You subtract sums over the batch where means belong.",
            ),
            Mistake(
                partial(backward, mean_part=-1, var_part=-1),
                "The two terms are added. They are what the mean and the variance take away.",
            ),
            Mistake(
                partial(backward, mean_part=1, var_part=-1),
                "A sign: the part along x_hat is added. It is what the variance takes away.",
            ),
            Mistake(
                partial(backward, scale=lambda v: v),
                "You divide by the variance. x_hat is x over its root, so the gradient is divided "
                "by the root too.",
            ),
            Mistake(
                lambda grad, x_hat, var, eps: backward(
                    grad, x_hat, var, eps, scale=lambda v: np.sqrt(v - eps) + eps
                ),
                "`eps` stands outside of the root: the deviation is `np.sqrt(var + eps)`.",
            ),
            Mistake(
                partial(backward, added=False),
                "`eps` is missing: the deviation is `np.sqrt(var + eps)`.",
            ),
            Mistake(
                lambda grad, x_hat, var, eps: (
                    grad
                    - grad.mean(axis=0)
                    - x_hat * (grad * x_hat).mean(axis=0) / np.sqrt(var + eps)
                ),
                "Only the last term is divided: division goes before subtraction. All three "
                "belong into the parentheses.",
            ),
            Mistake(
                partial(backward, scale=np.ones_like),
                "The division by the deviation is missing: x_hat is x stretched by one over it.",
            ),
            Mistake(
                lambda grad, x_hat, var, eps: backward(
                    grad, x_hat, var * len(grad) / (len(grad) - 1), eps
                ),
                "The variance is corrected by m / (m - 1). The forward pass divided by the plain "
                "one, and the gradient belongs to the forward pass.",
            ),
        ],
        hints=[
            "Every mean of the formula for rows runs along a row. Let it run along a column.",
            "Or turn the matrices on their side: the rows of `x_hat.T` are its columns.",
            (
                "`along_ones = grad_x_hat.mean(axis=0)`, the same with `grad_x_hat * x_hat`, then "
                "as in notebook 03."
            ),
        ],
    ),
    Exercise(
        update_running,
        cases=estimates,
        blank=True,
        mistakes=[
            Mistake(
                lambda running, batch, momentum: momentum * running + (1 - momentum) * batch,
                "The momentum is the wrong way round. Here, as in PyTorch, it is the weight of the "
                "*new* batch; the old estimate keeps `1 - momentum`.",
            ),
            Mistake(
                lambda running, batch, momentum: running + momentum * batch,
                "The old estimate keeps all of its weight, so the sum of the weights is more than "
                "one: an estimate of something constant would grow without end.",
            ),
            Mistake(
                lambda running, batch, momentum: momentum * batch,
                "The old estimate is lost. It keeps the share `1 - momentum`.",
            ),
            Mistake(
                lambda running, batch, momentum: (1 - momentum) * running + batch,
                "The batch counts with its full weight. Its share is `momentum`.",
            ),
            Mistake(
                lambda running, batch, momentum: running + momentum * (running - batch),
                "A sign: the estimate moves away from the batch. It moves by `momentum * (batch - "
                "running)`.",
            ),
            Mistake(
                lambda running, batch, momentum: (running + batch) / 2,
                "Half and half, whatever `momentum` is. The new batch has the weight `momentum`.",
            ),
        ],
        hints=[
            "An average of two numbers with weights that add up to one.",
            "The weight of `batch` is `momentum`; which weight is left for `running`?",
        ],
    ),
]
