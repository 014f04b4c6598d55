"""The layer that the student of notebook 07 writes, and how it can go wrong.

Only what it makes of numbers is compared, whatever mask it draws.
"""

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.nn import Layer
from course_utils.nn.dropout import dropout_mask


class Dropout(Layer):
    """Inverted dropout, as in the library, without its checks."""

    def __init__(self, p, rng=None):
        super().__init__()
        self.p, self.rng = p, np.random.default_rng(rng)

    def forward(self, x):
        drop = self.training and self.p > 0
        self.saved = dropout_mask(x.shape, self.p, self.rng, x.dtype) if drop else np.ones_like(x)
        return x * self.saved

    def backward(self, grad_y):
        return grad_y * self.saved


def seen_in_layer(answer, shape, p, seed):
    """What a layer does, there and back; what is no layer comes back as it is."""
    layer = answer(p, np.random.default_rng(seed))
    if not hasattr(layer, "forward") or not hasattr(layer, "eval"):
        return layer
    x, grad_y = 1 + np.random.default_rng(0).random((2, *shape))  # nowhere zero
    answer(p).forward(x.copy())  # the default, too
    given = x.copy()
    first, grad_first = layer.forward(given), grad_y.copy()
    layer.backward(grad_first)
    written = float(max(abs(given - x).max(), abs(grad_first - grad_y).max()))
    y, grad_x = layer.forward(x.copy()), layer.backward(grad_y.copy())
    if any(not isinstance(each, np.ndarray) or each.shape != shape for each in (y, first, grad_x)):
        return grad_x if isinstance(y, np.ndarray) and y.shape == shape else y
    dropped, alike = y == 0, (first == 0) == (y == 0)
    factor = 0.0 if dropped.all() else float(np.median((y / x)[~dropped]))
    back = [float(np.median(each)) if len(each) else 0.0
            for each in ((grad_x / grad_y)[~dropped], (grad_x / grad_y)[dropped])]  # fmt: skip
    error = float(abs(grad_x - grad_y * (y / x)).max())
    evaluated = layer.eval().forward(x.copy())
    layer.train()  # the mode that counts is that of forward
    returned = layer.backward(grad_y.copy())
    for each in (evaluated, returned):
        if not isinstance(each, np.ndarray) or each.shape != shape:
            return each
    still = [abs(evaluated - x).max(), abs(returned - grad_y).max()]
    layer.p = 0.5
    moved = round(float(np.mean(layer.forward(x.copy()) == 0)), 1)
    shares = [round(float(each.mean()), 1) for each in (dropped, alike)]
    return written, *shares, factor, *back, error, *map(float, still), moved


IN_LAYER = (
    "change of the arrays that forward and backward are given", "share of zeros",
    "share of entries with the same fate in two passes", "factor of what is kept",
    "factor of its gradient", "factor of the gradient of what is dropped",
    "largest error of the gradient", "change of x in evaluation",
    "change of the gradient in evaluation", "share of zeros after layer.p = 0.5",
)  # fmt: skip


def layers_to_try(rng):
    for p in (0.2, 0.7, 0.4):
        yield (60, 80), p, int(rng.integers(1000))


class Unscaled(Dropout):
    def forward(self, x):
        super().forward(x)
        self.saved = np.sign(self.saved)
        return x * self.saved


class FreshOnTheWayBack(Dropout):
    def backward(self, grad_y):
        return self.forward(grad_y)


class DrawsOnTheWayBack(Dropout):
    def backward(self, grad_y):
        return grad_y * dropout_mask(grad_y.shape, self.p, self.rng, grad_y.dtype)


class InPlace(Dropout):
    def forward(self, x):
        x *= super().forward(np.ones_like(x))
        return x


class RngAsItComes(Dropout):
    def __init__(self, p, rng=None):
        super().__init__(p)
        self.rng = rng


class SameMaskEachTime(Dropout):
    def forward(self, x):
        self.rng = np.random.default_rng(0)
        return super().forward(x)


class TheModesExchanged(Dropout):
    def forward(self, x):
        drop = not self.training
        self.saved = dropout_mask(x.shape, self.p, self.rng, x.dtype) if drop else np.ones_like(x)
        return x * self.saved


class NoMaskOnTheWayBack(Dropout):
    def backward(self, grad_y):
        return grad_y


class UnscaledOnTheWayBack(Dropout):
    def backward(self, grad_y):
        return grad_y * (self.saved > 0)


class MaskTwice(Dropout):
    def backward(self, grad_y):
        return grad_y * self.saved**2


class TimesTheOutput(Dropout):
    def forward(self, x):
        self.y = super().forward(x)
        return self.y

    def backward(self, grad_y):
        return grad_y * self.y


class NoModes(Dropout):
    def forward(self, x):
        self.saved = dropout_mask(x.shape, self.p, self.rng, x.dtype)
        return x * self.saved


class ScaledInEvaluation(Dropout):
    def forward(self, x):
        if self.training:
            self.saved = (dropout_mask(x.shape, self.p, self.rng, x.dtype) > 0).astype(x.dtype)
        else:
            self.saved = np.full_like(x, 1 - self.p)
        return x * self.saved


class OneMaskForAll(Dropout):
    mask = None

    def forward(self, x):
        if self.mask is None and self.training:
            self.mask = dropout_mask(x.shape, self.p, self.rng, x.dtype)
        self.saved = self.mask if self.training else np.ones_like(x)
        return x * self.saved


class OldMaskInEvaluation(Dropout):
    def forward(self, x):
        if not self.training:
            return x
        return super().forward(x)


class OldMaskBothWays(Dropout):
    def forward(self, x):
        if self.training:
            self.saved = dropout_mask(x.shape, self.p, self.rng, x.dtype)
        return x * self.saved


class FixedRate(Dropout):
    def __init__(self, p, rng=None):
        super().__init__(p, rng)
        self.first = p

    def forward(self, x):
        self.saved = np.ones_like(x)
        if self.training:
            self.saved = dropout_mask(x.shape, self.first, self.rng, x.dtype)
        return x * self.saved


LAYER = Exercise(
    Dropout,
    cases=layers_to_try,
    run=seen_in_layer,
    returns=IN_LAYER,
    blank=True,
    mistakes=[
        *[
            Mistake(
                wrong,
                "The way back has a new mask. The gradient belongs to what the forward pass did: "
                "draw once, keep the mask, use it twice.",
            )
            for wrong in (FreshOnTheWayBack, DrawsOnTheWayBack)
        ],
        Mistake(
            InPlace,
            "`forward` writes into the `x` that it is given (`x *= ...`), which others still "
            "need. Return a new array: `x * mask`.",
        ),
        Mistake(
            RngAsItComes,
            "`rng` is kept as it comes, and its default is None. "
            "`np.random.default_rng(rng)` makes a generator of that, too.",
        ),
        Mistake(
            SameMaskEachTime,
            "Every pass draws the same mask: its generator is made anew each time. Make it "
            "once, in `__init__`.",
        ),
        Mistake(
            TheModesExchanged,
            "The modes are exchanged: it drops in evaluation, and not in training.",
        ),
        Mistake(
            NoMaskOnTheWayBack,
            "The gradient passes through unchanged, as in evaluation mode. What was zeroed "
            "has had no part in the loss.",
        ),
        Mistake(
            UnscaledOnTheWayBack,
            "On the way back the division by 1 - p is missing. The output is `x` times the "
            "whole mask, so its derivative is the whole mask.",
        ),
        Mistake(MaskTwice, "The way back has the mask twice. Once is right: y is linear in x."),
        Mistake(
            TimesTheOutput,
            "There is a factor `x` too many in the gradient: the derivative of `mask * x` with "
            "respect to `x` is the mask.",
        ),
        Mistake(Unscaled, "Both ways use the same mask, but without the division by 1 - p."),
        Mistake(
            NoModes,
            "It drops in evaluation mode too. `self.training` says which mode it is.",
        ),
        Mistake(
            ScaledInEvaluation,
            "You multiply by 1 - p in evaluation, as the first papers did. Here the division "
            "is done in training, so that evaluation changes nothing.",
        ),
        Mistake(
            OneMaskForAll,
            "The mask is drawn once and kept for good. Each forward pass draws a new one.",
        ),
        Mistake(
            OldMaskInEvaluation,
            "In evaluation `forward` leaves the last training mask in its place, and "
            "`backward` uses it. There its mask is all ones.",
        ),
        Mistake(
            OldMaskBothWays,
            "In evaluation the last training mask is still at work. There it is all ones.",
        ),
        Mistake(
            FixedRate,
            "It goes on with the `p` that it was made with. Read `self.p` in each forward "
            "pass: it will be moved in the middle of a training.",
        ),
    ],
    hints=[
        "`__init__`: `super().__init__()`, then keep `p` as `self.p` and the generator as "
        "`self.rng`. `np.random.default_rng(rng)` takes a generator, a seed or None.",
        "`forward`: a fresh `dropout_mask(x.shape, self.p, self.rng, x.dtype)` if "
        "`self.training`, else ones. Keep it in `self.saved`.",
        "`backward` multiplies the gradient by what `forward` has kept.",
    ],
)
