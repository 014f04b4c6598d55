"""Exercises of notebook 04."""

from functools import partial

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker


def batch_norm_eval(x, gamma, beta, running_mean, running_var, eps):
    return gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta


def evaluations(rng):
    for m in (1, 2, 4):
        x, (gamma, beta, mean) = rng.standard_normal((m, 3)), rng.uniform(0.5, 2, (3, 3)).round(1)
        yield x.round(1), gamma, beta, mean, rng.uniform(0.2, 4, 3).round(1), 0.1 + 0.07 * m


def with_own_moments(x, gamma, beta, running_mean, running_var, eps):
    return batch_norm_eval(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)


def running_estimates(batches, momentum):
    return run(batches, momentum)


def batches_and_momenta(rng):
    for m, n, count, momentum in ((4, 2, 2, 0.1), (3, 4, 5, 0.3), (5, 3, 3, 0.8)):
        yield [(1 + 2 * rng.standard_normal((m, n))).round(1) for _ in range(count)], momentum


def run(batches, momentum, ddof=1, axis=0, start=None, spread=np.var):
    """Running estimates with everything that can go wrong as an argument."""
    n = batches[0].shape[1 - axis]
    mean, var = (np.zeros(n), np.ones(n)) if start is None else start(batches[0])
    for x in batches:
        mean = (1 - momentum) * mean + momentum * x.mean(axis=axis)
        var = (1 - momentum) * var + momentum * spread(x, axis=axis, ddof=ddof)
    return mean, var


def moments_of_the_first(x):
    return x.mean(axis=0), x.var(axis=0, ddof=1)


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


def batch_norm_backward(grad_y, x, gamma, eps):
    return backward(grad_y, x, gamma, eps)


def backward(
    grad_y, x, gamma, eps, axis=0, mean_part=1, var_part=1, reduce=np.mean, inside=True, added=True,
    outside=False,
):  # fmt: skip
    """The gradient with everything that can go wrong as an argument."""
    var, added = x.var(axis=axis, keepdims=True), eps if added else 0
    deviation = np.sqrt(var) + eps if outside else np.sqrt(var + added)
    x_hat = (x - x.mean(axis=axis, keepdims=True)) / deviation
    grad = grad_y * gamma if inside else grad_y
    along_ones = reduce(grad, axis=axis, keepdims=True)
    along_x_hat = reduce(grad * x_hat, axis=axis, keepdims=True)
    return (grad - mean_part * along_ones - var_part * x_hat * along_x_hat) / deviation


def gradients_and_inputs(rng):
    for shape in ((3, 2), (4, 3), (2, 4)):
        grad_y, x = rng.standard_normal((2, *shape)).round(1)
        gamma = rng.uniform(0.5, 2, shape[1]).round(1)
        yield grad_y, x + np.arange(len(x))[:, None], gamma, 0.1 * shape[1]


EXERCISES = [
    Exercise(
        batch_norm_eval,
        cases=evaluations,
        mistakes=[
            Mistake(
                with_own_moments,
                "You use the mean and variance of `x` itself: that is training mode. In evaluation "
                "the running estimates take their place, also for a batch of one.",
            ),
            Mistake(
                lambda x, gamma, beta, mean, var, eps: (x - mean) / np.sqrt(var + eps),
                "This is x_hat. Scale and shift are still there in evaluation: `gamma * x_hat + "
                "beta`.",
            ),
            Mistake(
                lambda x, gamma, beta, mean, var, eps: gamma * (x - mean) / np.sqrt(var + eps),
                "The shift `beta` is missing.",
            ),
            Mistake(
                lambda x, gamma, beta, mean, var, eps: (x - mean) / np.sqrt(var + eps) + beta,
                "The scale `gamma` is missing.",
            ),
            Mistake(
                lambda x, gamma, beta, mean, var, eps: gamma * (x - mean) / (var + eps) + beta,
                "You divide by the variance. Its root, the deviation, is what makes the result's "
                "variance one.",
            ),
            Mistake(
                lambda x, gamma, beta, mean, var, eps: gamma * (x - mean) / np.sqrt(var) + beta,
                "`eps` is missing. It is added to the variance before the root, in evaluation as "
                "in training.",
            ),
            Mistake(
                lambda x, gamma, beta, mean, var, eps: (
                    gamma * (x - mean) / (np.sqrt(var) + eps) + beta
                ),
                "`eps` stands outside of the root. It is added to the variance.",
            ),
            Mistake(
                lambda x, gamma, beta, mean, var, eps: (
                    gamma * ((x - mean) / np.sqrt(var + eps) + beta)
                ),
                "`beta` is multiplied by `gamma` too. First the scale, then the shift.",
            ),
        ],
        hints=[
            "The formula is that of training, with two other arrays in the place of the moments.",
            "`x_hat = (x - running_mean) / np.sqrt(running_var + eps)`, and then scale and shift.",
        ],
    ),
    Exercise(
        running_estimates,
        cases=batches_and_momenta,
        returns=("running_mean", "running_var"),
        mistakes=[
            Mistake(
                partial(run, ddof=0),
                "The variance is the biased one. A batch's own mean is closer to its examples than "
                "the true mean is, so dividing by m comes out too small: divide by m - 1 "
                "(`x.var(axis=0, ddof=1)`).",
            ),
            Mistake(
                lambda batches, momentum: run(batches, 1 - momentum),
                "The momentum is the wrong way round. Here, as in PyTorch, it is the weight of the "
                "*new* batch; the old estimate keeps `1 - momentum`.",
            ),
            Mistake(
                lambda batches, momentum: run(batches, 1 - momentum, ddof=0),
                "Two things: the momentum is the wrong way round (it is the weight of the new "
                "batch), and the variance is the biased one (divide by m - 1).",
            ),
            Mistake(
                partial(run, start=moments_of_the_first),
                "You start from the first batch. The estimates start at mean 0 and variance 1, and "
                "the first batch counts with weight `momentum`, like every other.",
            ),
            Mistake(
                lambda batches, momentum: tuple(
                    np.mean([moments_of_the_first(x) for x in batches], axis=0)
                ),
                "All batches count the same. In a running estimate the newest counts most: "
                "`(1 - momentum) * old + momentum * new`.",
            ),
            Mistake(
                lambda batches, momentum: moments_of_the_first(batches[-1]),
                "Only the last batch is left. Each batch moves the estimates by a share: "
                "`(1 - momentum) * old + momentum * new`.",
            ),
            Mistake(
                partial(run, start=lambda x: (0 * x[0], 0 * x[0])),
                "The variance starts at zero. A new layer does not know its batches yet: it takes "
                "mean 0 and variance 1, as if x were standardized.",
            ),
            Mistake(
                partial(run, start=lambda x: (0 * x[0], 0 * x[0]), ddof=0),
                "Two things: the variance starts at zero instead of one, and it is the biased one "
                "(divide by m - 1).",
            ),
            Mistake(
                partial(run, spread=np.std),
                "You average deviations. It is the variance that is kept; the root is taken when "
                "it is used.",
            ),
            Mistake(
                partial(run, axis=1),
                "Rows instead of columns: `axis=1` averages over the features of one example. "
                "Each feature has its own mean over the batch, `axis=0`.",
            ),
        ],
        hints=[
            "Two arrays, `mean = np.zeros(n)` and `var = np.ones(n)`, and a loop over the batches.",
            (
                "In the loop: `mean = (1 - momentum) * mean + momentum * x.mean(axis=0)`, and the "
                "same for the variance."
            ),
            "The variance of a batch is the unbiased one here: `x.var(axis=0, ddof=1)`.",
        ],
    ),
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
        batch_norm_backward,
        cases=gradients_and_inputs,
        mistakes=[
            Mistake(
                partial(backward, mean_part=0, var_part=0),
                "Mean and variance count as constants here. But they are made of x: moving one "
                "entry moves both, and with them every entry of its column. Two terms are missing.",
            ),
            Mistake(
                partial(backward, mean_part=0, var_part=0, inside=False),
                "Mean and variance count as constants here, and `gamma` is missing. They are made "
                "of x: moving one entry moves its whole column.",
            ),
            Mistake(
                partial(backward, var_part=0),
                "The mean is taken care of, but the variance counts as a constant. What is missing "
                "is the part along x_hat.",
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
                partial(backward, inside=False),
                "`gamma` is missing. The gradient of x_hat is `gamma * grad_y`, and goes on from "
                "there.",
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
                partial(backward, outside=True),
                "`eps` stands outside of the root: the deviation is `np.sqrt(var + eps)`.",
            ),
            Mistake(
                partial(backward, added=False),
                "`eps` is missing: the deviation is `np.sqrt(var + eps)`, here and in x_hat.",
            ),
            Mistake(
                lambda grad_y, x, gamma, eps: (
                    backward(grad_y, x, gamma, eps) * np.sqrt(x.var(axis=0) + eps)
                ),
                "The division by the deviation is missing: x_hat is x stretched by one over it.",
            ),
        ],
        hints=[
            "Recompute `x_hat` and the deviation, then `grad_x_hat = gamma * grad_y`.",
            (
                "Subtract from it, column by column, its mean, and `x_hat` times the mean of "
                "`grad_x_hat * x_hat`."
            ),
            "Divide the rest by the deviation, `np.sqrt(x.var(axis=0) + eps)`.",
        ],
    ),
]

check = checker("batch_normalization", EXERCISES)
