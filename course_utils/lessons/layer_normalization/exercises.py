"""Blanks and exercises of notebook 03."""

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker
from course_utils.lessons.layer_normalization.experiments import ScaledAndShifted
from course_utils.nn.normalization import moments, normalize, normalize_backward, total


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


class LayerNorm(ScaledAndShifted):
    def forward(self, x):
        mean, var = moments(x, axis=1)
        x_hat = normalize(x, mean, var, self.eps)
        self.saved = x_hat, var
        if self.affine:
            return scale_and_shift(x_hat, self.params["gamma"], self.params["beta"])
        return x_hat

    def backward(self, grad):
        x_hat, var = self.recall()
        if self.affine:
            found = scale_and_shift_backward(grad, x_hat, self.params["gamma"])
            grad, self.grads["gamma"], self.grads["beta"] = found
        return normalize_backward(grad, x_hat, var, self.eps, axis=1)


def to_layer(rng):
    for (m, n), eps, affine in [((2, 3), 0.3, True), ((3, 4), 0.6, False), ((4, 3), 0.2, True)]:
        x, grad_y = rng.standard_normal((2, m, n)).round(1)
        gamma, beta = rng.uniform(0.5, 2, n).round(1), rng.standard_normal(n).round(1)
        yield x, grad_y, gamma, beta, eps, affine


def use_layer(answer, x, grad_y, gamma, beta, eps, affine):
    """One batch forward and backward, behind another one which must leave no trace."""
    layer = answer(x.shape[1], eps, affine)
    if not hasattr(layer, "forward"):
        return layer
    if affine:
        layer.params["gamma"][:], layer.params["beta"][:] = gamma, beta
    layer.forward(x[::-1] + 1)
    layer.backward(grad_y + 1)
    y = layer.forward(x)
    grad_x = layer.backward(grad_y)
    grads = [layer.grads[name] for name in ("gamma", "beta")] if affine else [0 * gamma, 0 * beta]
    return y, grad_x, *grads


def layer_with(forward=LayerNorm.forward, backward=LayerNorm.backward):
    """LayerNorm with another method."""
    return type("Mistaken", (ScaledAndShifted,), {"forward": forward, "backward": backward})


def normalizing(
    axis=1, keep=lambda x, x_hat, var: (x_hat, var), eps=None, measure=moments
):  # fmt: skip
    """A forward pass with one thing changed."""

    def forward(self, x):
        mean, var = measure(x, axis)
        x_hat = normalize(x, mean, var, self.eps if eps is None else eps)
        self.saved = keep(x, x_hat, var)
        if self.affine:
            return scale_and_shift(x_hat, self.params["gamma"], self.params["beta"])
        return x_hat

    return forward


def moments_of_a_sample(x, axis):
    return x.mean(axis, keepdims=True), x.var(axis, keepdims=True, ddof=1)


def forward_unscaled(self, x):
    LayerNorm.forward(self, x)
    return self.saved[0]


def forward_keeping_y(self, x):
    y = LayerNorm.forward(self, x)
    self.saved = y, self.saved[1]
    return y


def backward_of_columns(self, grad):
    return _back(self, grad, axis=0)


def backward_without_gamma(self, grad):
    through = LayerNorm.backward(self, grad)  # fills the gradients
    x_hat, var = self.saved
    return normalize_backward(grad, x_hat, var, self.eps, axis=1) if self.affine else through


def backward_in_order(self, grad):
    """Through the normalization first, then through gamma."""
    LayerNorm.backward(self, grad)
    x_hat, var = self.saved
    through = normalize_backward(grad, x_hat, var, self.eps, axis=1)
    return self.params["gamma"] * through if self.affine else through


def backward_turned_round(self, grad):
    """The same, with the gradients of gamma and beta from what has been normalized."""
    x_hat, var = self.recall()
    grad = normalize_backward(grad, x_hat, var, self.eps, axis=1)
    if self.affine:
        found = scale_and_shift_backward(grad, x_hat, self.params["gamma"])
        grad, self.grads["gamma"], self.grads["beta"] = found
    return grad


def backward_added_up(self, grad):
    before = dict(self.grads)
    grad_x = LayerNorm.backward(self, grad)
    for name in before:
        self.grads[name] = before[name] + self.grads[name]
    return grad_x


def backward_unfiled(self, grad):
    before = dict(self.grads)
    grad_x = LayerNorm.backward(self, grad)
    self.grads.update(before)
    return grad_x


def backward_of_fixed_eps(self, grad):
    return _back(self, grad, eps=1e-5)


def backward_of_constants(self, grad):
    grad, var = _through_gamma(self, grad)
    return grad / np.sqrt(var + self.eps)


def _through_gamma(self, grad):
    x_hat, var = self.recall()
    if self.affine:
        found = scale_and_shift_backward(grad, x_hat, self.params["gamma"])
        grad, self.grads["gamma"], self.grads["beta"] = found
    return grad, var


def _back(self, grad, axis=1, eps=None):
    grad, var = _through_gamma(self, grad)
    return normalize_backward(grad, self.saved[0], var, self.eps if eps is None else eps, axis)


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


def rms_norm(x, eps):
    return x / np.sqrt((x**2).mean(axis=1, keepdims=True) + eps)


def rms_norm_backward(grad_y, x, eps):
    y, rms = rms_norm(x, eps), np.sqrt((x**2).mean(axis=1, keepdims=True) + eps)
    return (grad_y - y * (grad_y * y).mean(axis=1, keepdims=True)) / rms


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


def rms(x, eps=0.0, axis=1):
    return np.sqrt((x**2).mean(axis=axis, keepdims=True) + eps)


EXERCISES = [
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
            Mistake(
                lambda *given: back(*given, ones=lambda x, axis: x.mean(axis)),
                "A mean along the rows has the shape (m,), and NumPy sets it beside the columns. "
                "`keepdims=True` keeps it as a column, m x 1; `average(x, axis)` does so too.",
            ),
            Mistake(
                lambda *given: back(*given, along=lambda x, axis: x.mean(axis)),
                "A mean along the rows has the shape (m,), and NumPy sets it beside the columns. "
                "`keepdims=True` keeps it as a column, m x 1; `average(x, axis)` does so too.",
            ),
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
    Exercise(
        LayerNorm,
        cases=to_layer,
        run=use_layer,
        blank=True,
        returns=("y", "grad_x", "grad_gamma", "grad_beta"),
        mistakes=[
            Mistake(
                layer_with(normalizing(axis=0), backward_of_columns),
                "You normalize the columns, which is notebook 04. Here each row, an example, has "
                "its own mean and variance: axis=1.",
            ),
            Mistake(
                layer_with(forward_unscaled),
                "`forward` returns x_hat as it is. If `self.affine`, it still has to be scaled and "
                "shifted, with `self.params`.",
            ),
            Mistake(
                layer_with(backward=backward_without_gamma),
                "`backward` forgets gamma on the way: what arrives at x_hat is gamma times grad, "
                "the first result of `scale_and_shift_backward`.",
            ),
            *[
                Mistake(
                    layer_with(backward=backward),
                    "The order is that of the way forward. Back from the end: first through scale "
                    "and shift, then through the normalization.",
                )
                for backward in (backward_in_order, backward_turned_round)
            ],
            Mistake(
                layer_with(backward=backward_of_constants),
                "`backward` divides by the deviation only, as if mean and variance were constants. "
                "Hand the gradient to `normalize_backward`.",
            ),
            Mistake(
                layer_with(backward=backward_added_up),
                "The gradients of gamma and beta add up from batch to batch. Each `backward` "
                "writes new ones: `=`, not `+=`.",
            ),
            Mistake(
                layer_with(backward=backward_unfiled),
                "The gradients of gamma and beta do not reach `self.grads`, where the optimizer "
                "looks for them.",
            ),
            Mistake(
                layer_with(normalizing(keep=lambda x, x_hat, var: (x, var))),
                "`forward` keeps x for the way back. What `backward` needs is x_hat.",
            ),
            Mistake(
                layer_with(forward_keeping_y),
                "`forward` keeps what it returns, behind scale and shift. What `backward` needs is "
                "x_hat, in front of them.",
            ),
            Mistake(
                layer_with(normalizing(eps=1e-5), backward_of_fixed_eps),
                "eps is fixed at 1e-5. Use the layer's own, `self.eps`.",
            ),
            Mistake(
                layer_with(normalizing(measure=moments_of_a_sample)),
                "The variance is divided by n - 1. Here it is divided by n, as in `moments`.",
            ),
            Mistake(
                layer_with(backward=backward_of_fixed_eps),
                "`forward` uses the layer's eps, `backward` another one. Both need `self.eps`.",
            ),
            Mistake(
                layer_with(normalizing(keep=lambda x, x_hat, var: None)),
                "`forward` keeps nothing for the way back: put x_hat and var into `self.saved`.",
            ),
        ],
        hints=[
            (
                "`forward`: `moments` along axis 1, `normalize` with `self.eps`, keep x_hat and "
                "var in `self.saved`; if `self.affine`, scale and shift with `self.params`."
            ),
            (
                "`backward`: x_hat and var come back from `self.recall()`; if `self.affine`, "
                "`scale_and_shift_backward` gives three things, two of them for `self.grads`."
            ),
            "What is left goes through `normalize_backward`, axis 1, and is returned.",
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
