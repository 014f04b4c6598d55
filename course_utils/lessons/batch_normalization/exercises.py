"""Blanks and exercises of notebook 04."""

from functools import partial

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker
from course_utils.nn import BatchNorm
from course_utils.nn.normalization import (
    moments,
    normalize,
    normalize_backward,
    update_running,
)

# Blank: the columns, forward


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


# Blank: the columns, backward


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


# Blank: the running estimate (the library's `update_running`)


def estimates(rng):
    for n, momentum in ((2, 0.1), (3, 0.3), (4, 0.8)):
        yield *(1 + 2 * rng.standard_normal((2, n))).round(1), momentum


# Blank: the layer in both modes (the library's `BatchNorm`)


def layers(rng):
    for m, n, momentum in ((4, 3, 0.3), (3, 2, 0.1), (5, 4, 0.8)):
        first, second, grad_y = (1 + 2 * rng.standard_normal((3, m, n))).round(1)
        example, grad = rng.standard_normal((2, 1, n)).round(1)
        yield first, second, grad_y, example, grad, momentum


def use(answer, first, second, grad_y, example, grad, momentum):
    """Train a layer on two batches, then evaluate one example: what it returns and what it keeps."""
    n = first.shape[1]
    layer = answer(n, 0.1, momentum, True, np.float64)
    if not hasattr(layer, "forward"):
        return layer
    layer.params["gamma"][:] = 0.5 + 0.7 * np.arange(n)
    layer.params["beta"][:] = 0.3 - 0.2 * np.arange(n)
    layer.train().forward(first)
    y = layer.forward(second)
    grad_x = layer.eval().backward(grad_y)  # the mode that counts is that of forward
    kept = [np.array(layer.running_mean), np.array(layer.running_var)]
    of_gamma = np.array(layer.grads["gamma"])
    y_eval = layer.forward(example)
    grad_eval = layer.train().backward(grad)
    plain = answer(n, 0.1, momentum, False, np.float64)
    return y, grad_x, of_gamma, *kept, y_eval, grad_eval, len(plain.params)


class Variant(BatchNorm):
    """BatchNorm with what can go wrong as attributes, for known mistakes to change."""

    own = staticmethod(lambda training: training)  # whether the batch's own moments normalize
    short = staticmethod(lambda training: not training)  # whether they count as constants backward
    divided = True  # whether the short gradient is divided by the deviation
    ddof = 1
    used_ddof = 0
    saved_ddof = None  # that of the variance for backward, if it is another one
    axis = 0
    swapped = still = False
    start = 1.0

    def __init__(self, n, *options, **others):
        super().__init__(n, *options, **others)
        self.running_var = self.running_var * self.start

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training and not self.still:
            rho = 1 - self.momentum if self.swapped else self.momentum
            batch = x.mean(axis=0), x.var(axis=0, ddof=self.ddof)
            self.running_mean, self.running_var = (
                update_running(old, new, rho) for old, new in zip((mean, var), batch)
            )
        if self.own(self.training):
            mean, var = x.mean(axis=0), x.var(axis=0, ddof=self.used_ddof)
        x_hat = normalize(x, mean, var, self.eps)
        if self.training and self.saved_ddof is not None:
            var = x.var(axis=0, ddof=self.saved_ddof)
        self.saved = x_hat, var, self.training
        return self.scale_and_shift(x_hat)

    def backward(self, grad_y):
        x_hat, var, training = self.saved
        grad = self.scale_and_shift_backward(grad_y, x_hat)
        if self.short(training):
            return grad / np.sqrt(var + self.eps) if self.divided else grad
        return normalize_backward(grad, x_hat, var, self.eps, self.axis)


class Unscaled(Variant):
    def scale_and_shift(self, x_hat):
        return x_hat


class OwnEps(Variant):
    def __init__(self, *options, **others):
        super().__init__(*options, **others)
        self.eps = 1e-5


class AlwaysAffine(Variant):
    def __init__(self, n, eps=1e-5, momentum=0.1, affine=True, dtype=np.float32):
        super().__init__(n, eps, momentum, True, dtype)


class Unpassed(Variant):
    def scale_and_shift_backward(self, grad_y, x_hat):
        return grad_y


class Ignored(Variant):
    def scale_and_shift_backward(self, grad_y, x_hat):
        super().scale_and_shift_backward(grad_y, x_hat)
        return grad_y


class ScaledTwice(Variant):
    def scale_and_shift_backward(self, grad_y, x_hat):
        return self.params["gamma"] * super().scale_and_shift_backward(grad_y, x_hat)


def variant(base=Variant, **changes):
    """A class with other attributes."""
    changes = {k: staticmethod(v) if callable(v) else v for k, v in changes.items()}
    return type("BatchNorm", (base,), {"forward": base.forward, **changes})


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
    Exercise(
        BatchNorm,
        cases=layers,
        blank=True,
        run=use,
        returns=(
            "y (training)",
            "grad_x (training)",
            "grads['gamma']",
            "running_mean",
            "running_var",
            "y (evaluation)",
            "grad_x (evaluation)",
            "number of parameters with affine=False",
        ),
        mistakes=[
            Mistake(
                variant(ddof=0),
                "`running_var` keeps the biased variance. A batch's own mean is closer to its "
                "examples than the true mean is, so dividing by m comes out too small: the running "
                "estimate gets the third thing that `batch_moments` returns.",
            ),
            Mistake(
                variant(swapped=True),
                "In the running estimates the momentum is the wrong way round: it is the weight of "
                "the *new* batch.",
            ),
            Mistake(
                variant(swapped=True, ddof=0),
                "Two things in the running estimates: the momentum is the wrong way round (it is "
                "the weight of the new batch), and the variance is the biased one.",
            ),
            Mistake(
                variant(still=True),
                "The running estimates never move. In training mode each batch updates both.",
            ),
            Mistake(
                variant(start=0.0),
                "`running_var` starts at zero. A new layer does not know its batches yet: it takes "
                "mean 0 and variance 1.",
            ),
            Mistake(
                variant(own=lambda training: True, short=lambda training: False),
                "It normalizes by the batch in evaluation mode too. There the running estimates "
                "take the place of the batch's own: `if self.training:`.",
            ),
            Mistake(
                variant(own=lambda training: True),
                "It normalizes by the batch in evaluation mode too. There the running estimates "
                "take the place of the batch's own: `if self.training:`.",
            ),
            Mistake(
                variant(own=lambda training: False),
                "It normalizes by the running estimates in training mode too. There each batch is "
                "normalized by its own mean and variance; the running ones are only kept.",
            ),
            Mistake(
                variant(short=lambda training: False),
                "Backward takes away the two means in evaluation mode too. There mean and variance "
                "are constants, and the gradient is only divided by the deviation.",
            ),
            Mistake(
                variant(short=lambda training: True),
                "Backward takes mean and variance for constants in training mode too. There they "
                "are made of x: use `columns_backward`.",
            ),
            Mistake(
                variant(short=lambda training: training),
                "Backward goes by the mode in which the layer is *now*, or has the two modes "
                "exchanged. The mode that counts is that of the last forward: keep "
                "`self.training` there, with the rest.",
            ),
            Mistake(
                variant(divided=False),
                "In evaluation mode the gradient is not divided. The mean is a constant there, and "
                "so is the deviation, but forward has divided by it.",
            ),
            Mistake(
                variant(axis=1),
                "The backward pass takes its means over rows: that is layer norm's.",
            ),
            Mistake(
                variant(used_ddof=1),
                "In training the batch is normalized by the variance over m - 1. That one is for "
                "the running estimate only; x_hat is made with the plain one.",
            ),
            Mistake(
                variant(used_ddof=1, saved_ddof=0),
                "In training the batch is normalized by the variance over m - 1. That one is for "
                "the running estimate only; x_hat is made with the plain one.",
            ),
            Mistake(
                variant(OwnEps),
                "`eps` is 1e-5 whatever is asked for. Hand it on to `super().__init__`, and use "
                "`self.eps`.",
            ),
            Mistake(
                variant(AlwaysAffine),
                "`affine` is not handed on to `super().__init__`: with `affine=False` the layer "
                "has no gamma and beta.",
            ),
            Mistake(
                variant(Unscaled),
                "Forward returns x_hat: `self.scale_and_shift(x_hat)` is missing.",
            ),
            Mistake(
                variant(Unpassed),
                "`self.scale_and_shift_backward(grad_y, x_hat)` is missing: it fills the gradients "
                "of gamma and beta, and gives that of x_hat.",
            ),
            Mistake(
                variant(Ignored),
                "What `self.scale_and_shift_backward(grad_y, x_hat)` returns is not used. It is "
                "the gradient of x_hat, and backward goes on from there, not from `grad_y`.",
            ),
            Mistake(
                variant(ScaledTwice),
                "`gamma` is in the gradient twice. `self.scale_and_shift_backward` has multiplied "
                "by it already.",
            ),
        ],
        hints=[
            (
                "`__init__`: `super().__init__(n, eps, affine, dtype)`, then `self.momentum`, and "
                "`self.running_mean, self.running_var = np.zeros(n, dtype), np.ones(n, dtype)`."
            ),
            (
                "forward: with `if self.training:` get the batch's moments and update both "
                "estimates, otherwise take the estimates; then `normalize`, keep what backward "
                "needs (with the mode), and `self.scale_and_shift`."
            ),
            (
                "backward: `self.scale_and_shift_backward` first; then, if forward was in training "
                "mode, `columns_backward`, otherwise a division by the deviation."
            ),
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
