"""What the student of notebook 03 writes before ours is shown."""

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.nn.normalization import normalize, normalize_backward, total


def to_normalize(rng):
    """Gradients and normalized rows, then columns; eps is no small matter here."""
    sizes = [((2, 3), 0.3, 1), ((4, 3), 0.7, 0), ((3, 5), 0.2, 1), ((5, 2), 0.5, 0)]
    for (m, n), eps, axis in sizes:
        x = rng.standard_normal((m, n)).round(1)
        mean, var = x.mean(axis, keepdims=True), x.var(axis, keepdims=True)
        yield rng.standard_normal((m, n)).round(1), normalize(x, mean, var, eps), var, eps, axis


def mean(x, axis):
    return x.mean(axis, keepdims=True)


def back(grad, x_hat, var, eps, axis, *, ones=mean, along=mean, root=np.sqrt, sign=-1):
    """`normalize_backward` in parts, any of them another."""
    left = grad - ones(grad, axis) + sign * x_hat * along(grad * x_hat, axis)
    return left / root(var + eps)


def nothing(x, axis):
    return 0.0


def overall(x, axis):
    return x.mean()


def summed(x, axis):
    return x.sum(axis, keepdims=True)


def scale_and_shift(x_hat, gamma, beta):
    return gamma * x_hat + beta


def to_scale(rng):
    for m, n in [(2, 3), (1, 4), (3, 3)]:
        gamma, beta = rng.uniform(0.5, 2, n).round(1), rng.standard_normal(n).round(1)
        yield rng.standard_normal((m, n)).round(1), gamma, beta


def scale_and_shift_backward(grad_y, x_hat, gamma):
    grad_gamma = total(grad_y * x_hat, axis=0)[0]
    grad_beta = total(grad_y, axis=0)[0]
    return gamma * grad_y, grad_gamma, grad_beta


def gradients_and_gammas(rng):
    for m, n in [(2, 3), (1, 4), (3, 3)]:
        grad_y, x_hat = rng.standard_normal((2, m, n)).round(1)
        yield grad_y, x_hat, rng.uniform(0.5, 2, n).round(1)


def fold_into_next(gamma, beta, W, b):
    return gamma[:, None] * W, beta @ W + b


def to_fold(rng):
    for n, n_out in [(3, 2), (2, 4), (3, 3)]:
        gamma, beta = rng.uniform(0.5, 2, n).round(1), rng.standard_normal(n).round(1)
        W, b = rng.standard_normal((n, n_out)).round(1), rng.standard_normal(n_out).round(1)
        yield gamma, beta, W, b


BLANKS = [
    Exercise(
        normalize_backward,
        cases=to_normalize,
        blank=True,
        mistakes=[
            Mistake(
                lambda grad, x_hat, var, eps, axis: grad / np.sqrt(var + eps),
                "You take mean and variance for constants. They are made of the x themselves, and "
                "the gradient comes back through them too.",
            ),
            Mistake(
                lambda *given: back(*given, along=nothing),
                "What flows back through the mean is there; through the variance nothing comes "
                "back yet. The part along x_hat is still to be taken away.",
            ),
            Mistake(
                lambda *given: back(*given, ones=nothing),
                "This is grad_u, the gradient behind the variance. The last step, through the "
                "mean, is missing: x enters u = x - mean twice.",
            ),
            Mistake(
                lambda *given: -mean(back(*given, ones=nothing), given[-1]),
                "This is what flows back through the mean alone. x also enters u = x - mean by "
                "itself: add grad_u.",
            ),
            Mistake(
                lambda grad, x_hat, var, eps, axis: (
                    back(grad, x_hat, var, eps, axis, ones=nothing) - mean(grad, axis)
                ),
                "What is subtracted is the mean of grad_u, not of grad_x_hat: it is divided by the "
                "deviation too.",
            ),
            Mistake(
                lambda *given: back(*given, ones=summed, along=summed),
                "You add up where the mean belongs, in both terms: mean and variance have 1/n in "
                "them.",
            ),
            Mistake(
                lambda *given: back(*given, ones=summed),
                "In the term of the mean you add up. The mean has 1/n in it, and so has what flows "
                "back through it.",
            ),
            Mistake(
                lambda *given: back(*given, along=summed),
                "In the term with x_hat you add up. The variance has 1/n in it, and so has what "
                "flows back through it.",
            ),
            Mistake(
                lambda *given: back(*given, root=lambda v: 1.0),
                "The division by the deviation is missing: what was divided by s on the way "
                "forward is divided by s on the way back.",
            ),
            Mistake(
                lambda *given: back(*given, root=lambda v: v),
                "You divide by var + eps. The deviation is its root.",
            ),
            Mistake(
                lambda grad, x_hat, var, eps, axis: back(grad, x_hat, var, 0.0, axis),
                "Where is eps? The deviation that divided on the way forward was the root of "
                "var + eps.",
            ),
            Mistake(
                lambda *given: back(*given, root=lambda v: 1 / np.sqrt(v)),
                "You multiply by the deviation. Divide by it, as on the way forward.",
            ),
            Mistake(
                lambda *given: back(*given, sign=1),
                "A sign: a larger deviation makes x_hat smaller, so the part along x_hat is taken "
                "away.",
            ),
            Mistake(
                lambda *given: back(*given, ones=lambda x, axis: -mean(x, axis)),
                "A sign: a larger mean makes u = x - mean smaller, so the mean of grad_u is taken "
                "away.",
            ),
            Mistake(
                lambda grad, x_hat, var, eps, axis: back(grad, x_hat, var, eps, 1),
                "Right for rows. You average along axis 1 whatever `axis` says, and notebook 04 "
                "will ask for columns: hand `axis` on.",
            ),
            *[
                Mistake(
                    wrong,
                    "A mean along the rows has the shape (m,), and NumPy sets it beside the "
                    "columns. `keepdims=True` keeps it as a column, m x 1; `average(x, axis)` does "
                    "so too.",
                )
                for wrong in (
                    lambda *given: back(*given, ones=lambda x, axis: x.mean(axis)),
                    lambda *given: back(*given, along=lambda x, axis: x.mean(axis)),
                )
            ],
            Mistake(
                lambda *given: back(*given, ones=overall, along=overall),
                "You take one mean over the whole batch. Every row (or column) has its own.",
            ),
            Mistake(
                lambda grad, x_hat, var, eps, axis: (
                    (grad - mean(grad, axis) - mean(grad * x_hat, axis)) / np.sqrt(var + eps)
                ),
                "What flows through the variance points along x_hat: multiply that mean by x_hat "
                "before you take it away.",
            ),
        ],
        hints=[
            (
                "grad_u stands in the text above, with x_hat, s and the mean of grad_x_hat times "
                "x_hat. First write that, with s = sqrt(var + eps)."
            ),
            (
                "x enters u = x - mean twice: by itself, which hands on grad_u, and through the "
                "mean, which hands every x minus the mean of grad_u."
            ),
            (
                "So subtract from grad_u its own mean. The mean of x_hat is zero, so only the mean "
                "of grad_x_hat is left to subtract, divided by s. `average(x, axis)` keeps a "
                "column."
            ),
        ],
    ),
    Exercise(
        scale_and_shift,
        cases=to_scale,
        blank=True,
        mistakes=[
            Mistake(
                lambda x_hat, gamma, beta: beta * x_hat + gamma,
                "gamma and beta have changed places: gamma multiplies, beta is added.",
            ),
            Mistake(
                lambda x_hat, gamma, beta: gamma * (x_hat + beta),
                "beta is added behind the multiplication, so that gamma does not touch it.",
            ),
            Mistake(
                lambda x_hat, gamma, beta: gamma * x_hat,
                "Scaled, and not yet shifted: beta is missing.",
            ),
            Mistake(
                lambda x_hat, gamma, beta: x_hat + beta,
                "Shifted, and not scaled: gamma is missing.",
            ),
            Mistake(
                lambda x_hat, gamma, beta: gamma[:, None] * x_hat + beta[:, None],
                "You give each row, an example, a number. gamma and beta have one for each "
                "feature: NumPy spreads them over the rows by itself.",
            ),
            Mistake(
                lambda x_hat, gamma, beta: x_hat @ gamma + beta,
                "`@` adds up over the features. Here each of them stays, times its own gamma: `*`.",
            ),
        ],
        hints=[
            "Entry by entry: y[r, j] = gamma[j] times x_hat[r, j], plus beta[j].",
            "NumPy spreads an array of shape (n,) over the m rows of one of shape (m, n).",
        ],
    ),
    Exercise(
        scale_and_shift_backward,
        cases=gradients_and_gammas,
        blank=True,
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
        fold_into_next,
        cases=to_fold,
        blank=True,
        returns=("new_W", "new_b"),
        mistakes=[
            Mistake(
                lambda gamma, beta, W, b: (gamma * W, beta @ W + b),
                "A vector times W with `*` meets the columns of W, or tries to. gamma scales the "
                "features that come in, and each of these has a row of W: `gamma[:, None] * W`. "
                "beta goes through W as x_hat does: `beta @ W`.",
            ),
            Mistake(
                lambda gamma, beta, W, b: (W @ np.diag(gamma), beta @ W + b),
                "Behind W, gamma meets its columns, or tries to, and so does beta. Both belong in "
                "front of W, on the side of the features that come in: `gamma[:, None] * W` and "
                "`beta @ W`.",
            ),
            Mistake(
                lambda gamma, beta, W, b: (gamma[:, None] * W, b),
                "The matrix is right. beta is lost: it goes through W as everything does that is "
                "added in front of it.",
            ),
            Mistake(
                lambda gamma, beta, W, b: (gamma[:, None] * W, beta + b),
                "beta does not reach the output as it is: W stands between them, so beta W is "
                "added to b.",
            ),
            Mistake(
                lambda gamma, beta, W, b: (gamma[:, None] * W, beta @ W),
                "The old bias b is lost: beta W comes on top of it.",
            ),
            Mistake(
                lambda gamma, beta, W, b: (gamma[:, None] * W, (gamma * beta) @ W + b),
                "gamma scales x_hat, not beta: the bias takes up beta W with the old W.",
            ),
            Mistake(
                lambda gamma, beta, W, b: (W / gamma[:, None], beta @ W + b),
                "You divide by gamma. It is still to be done, now by the matrix: multiply.",
            ),
            Mistake(
                lambda gamma, beta, W, b: (W, beta @ W + b),
                "The bias is right. gamma is lost: it has to go into the rows of W.",
            ),
        ],
        hints=[
            "Multiply out: (gamma x_hat + beta) W + b. Which part has no x_hat in it?",
            (
                "beta W + b has none: that is the new bias. In the rest, gamma[r] multiplies all "
                "that row r of W is multiplied by."
            ),
        ],
    ),
]
