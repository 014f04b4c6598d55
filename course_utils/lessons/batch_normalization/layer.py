"""The layer that the student of notebook 04 writes, in both modes, and how it can go wrong."""

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.nn import BatchNorm
from course_utils.nn.normalization import normalize, normalize_backward, update_running


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


LAYER = Exercise(
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
        *[
            Mistake(
                wrong,
                "It normalizes by the batch in evaluation mode too. There the running estimates "
                "take the place of the batch's own: `if self.training:`.",
            )
            for wrong in (
                variant(own=lambda training: True, short=lambda training: False),
                variant(own=lambda training: True),
            )
        ],
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
        *[
            Mistake(
                wrong,
                "In training the batch is normalized by the variance over m - 1. That one is for "
                "the running estimate only; x_hat is made with the plain one.",
            )
            for wrong in (variant(used_ddof=1), variant(used_ddof=1, saved_ddof=0))
        ],
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
)
