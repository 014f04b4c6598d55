"""The layer that the student of notebook 03 writes, and how it can go wrong."""

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lessons.layer_normalization.blanks import (
    scale_and_shift,
    scale_and_shift_backward,
)
from course_utils.lessons.layer_normalization.experiments import ScaledAndShifted
from course_utils.nn.normalization import moments, normalize, normalize_backward


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


LAYER = Exercise(
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
)
