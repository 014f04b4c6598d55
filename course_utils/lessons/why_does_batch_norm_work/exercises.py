"""Blanks and exercises of notebook 10."""

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker
from course_utils.lessons.why_does_batch_norm_work.pieces import (
    NoisyBatchNorm,
    along_gradient,
    draw_noise,
    hessian_product,
    power_iteration,
)
from course_utils.nn import BatchNorm

# NoisyBatchNorm


def four_passes(answer, x, grad_y, strength):
    """Two passes in training, the gradients of the second, and one pass in evaluation."""
    layer = answer(3, strength, np.random.default_rng(7))
    if not hasattr(layer, "forward"):
        return layer
    first = layer.forward(x)
    if first is None:
        return None
    second, grad_x = layer.forward(x), layer.backward(grad_y)
    grads = [layer.grads[key].copy() for key in ("gamma", "beta")]
    layer.eval()
    return first, second, grad_x, *grads, layer.forward(x)


def noisy_batches(rng):
    for m, strength in ((4, 0.5), (3, 1.0), (5, 0.8)):
        x, grad_y = rng.standard_normal((2, m, 3)).round(1).astype(np.float32)
        yield x, grad_y, strength


class OnceDrawn(NoisyBatchNorm):
    """The noise of the first draw stays."""

    def __init__(self, n, strength, rng):
        super().__init__(n, strength, rng)
        self.noise = draw_noise(strength, n, rng)

    def forward(self, x):
        y = BatchNorm.forward(self, x)
        self.scale, shift = self.noise if self.training else (1, 0)
        return self.scale * y + shift


class InFront(NoisyBatchNorm):
    """The noise comes before batch norm."""

    def forward(self, x):
        self.scale, shift = (1, 0)
        if self.training:
            self.scale, shift = draw_noise(self.strength, self.n, self.rng)
        return BatchNorm.forward(self, self.scale * x + shift)

    def backward(self, grad_y):
        return self.scale * BatchNorm.backward(self, grad_y)


def noisy(backward=None, mixed=None, shape=None, always=False):
    """A NoisyBatchNorm with another backward, another mix, or a noise of another shape."""

    class Changed(NoisyBatchNorm):
        def forward(self, x):
            y, self.scale = BatchNorm.forward(self, x), 1
            if not (self.training or always):
                return y
            noise = draw_noise(self.strength, shape(x) if shape else self.n, self.rng)
            self.scale, self.shift = noise
            return mixed(self, y, self.shift) if mixed else self.scale * y + self.shift

        def backward(self, grad_y):
            if backward:
                return backward(self, grad_y)
            return BatchNorm.backward(self, self.scale * grad_y)

    return Changed


def shifted_only(layer, y, shift):
    layer.scale = 1
    return y + shift


# along_gradient, hessian_product


class Loss:
    """A loss of a few weights, w A w / 2 + a sum w⁴ / 4: called, it gives loss and gradient."""

    def __init__(self, A, a):
        self.A, self.a = A, a

    def __call__(self, w):
        return w @ self.A @ w / 2 + self.a * np.sum(w**4) / 4, self.A @ w + self.a * w**3

    def __repr__(self):
        return f"<loss and gradient, {len(self.A)} weights>"


class Gradient(Loss):
    """The gradient of such a loss."""

    def __call__(self, w):
        return super().__call__(w)[1]

    def __repr__(self):
        return f"<gradient, {len(self.A)} weights>"


def symmetric(rng, n):
    A = rng.standard_normal((n, n)).round(1)
    return A + A.T


def lines(rng):
    for n, steps in ((2, (0.1, 0.3)), (3, (0.2, 0.5, 1.0)), (2, (0.05, 0.4))):
        yield Loss(symmetric(rng, n), 0.5), rng.standard_normal(n).round(1) + 0.05, steps


def along(at, w, steps, direction=lambda g: -g, walks=False, ratio=None):
    """`along_gradient` with everything that can go wrong as an argument."""
    _, g = at(w)
    losses, ratios, place = [], [], w
    for t in steps:
        place = (place if walks else w) + t * direction(g)
        loss, there = at(place)
        losses.append(loss)
        length = np.linalg.norm(t * direction(g))
        ratios.append(ratio(there, g, t) if ratio else np.linalg.norm(there - g) / length)
    return np.array(losses), np.array(ratios)


def along_with(**change):
    return lambda loss_and_gradient, w, steps: along(loss_and_gradient, w, steps, **change)


def directions(rng):
    for v, h in (([0.6, 0.8, 0], 0.2), ([0.8, 0, -0.6], 0.5), ([0, 0.6, 0.8], 0.3)):
        w = rng.standard_normal(3).round(1) + 0.05
        yield Gradient(symmetric(rng, 3), 0.5), w, np.array(v), h


def both_sides(combined):
    """A product from the gradients on both sides."""
    return lambda gradient, w, v, h=1e-5: combined(gradient(w + h * v), gradient(w - h * v), v, h)


# power_iteration, second_sharpest


class Product:
    """A symmetric matrix as a function of the vector that it multiplies."""

    def __init__(self, matrix):
        self.matrix = matrix

    def __call__(self, v):
        return self.matrix @ v

    def __repr__(self):
        return f"<product with a {len(self.matrix)} × {len(self.matrix)} matrix>"


def matrices(rng):
    for values in ((6, 1.5, 0.5), (-5, 1, 0.2), (4, -1, 0.3)):
        Q = np.linalg.qr(rng.standard_normal((3, 3)))[0]
        yield Product(Q @ np.diag(values) @ Q.T), rng.standard_normal(3).round(1) + 0.25, 30


def value_and_line(answer, product, v, steps):
    """The vector's sign is open, so it is compared without."""
    result = answer(product, v, steps)
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], np.ndarray):
        return result[0], np.abs(result[1])
    return result


def powers(product, v, steps, length=np.linalg.norm, value=lambda v, Hv: v @ Hv, last=None):
    """`power_iteration` with everything that can go wrong as an argument."""
    v = v / length(v)
    for _ in range(last or steps):
        Hv = product(v)
        found = value(v, Hv)
        v = Hv / length(Hv)
    return found, v


def powers_with(**change):
    return lambda product, v, steps: powers(product, v, steps, **change)


def unscaled_end(product, v, steps):
    value, v = power_iteration(product, v, steps)
    return value, product(v)


def second_sharpest(product, first, v, steps):
    for _ in range(steps):
        v = v - (first @ v) * first
        v = v / np.linalg.norm(v)
        Hv = product(v)
        value, v = v @ Hv, Hv
    return value


def matrices_with_first(rng):
    for values in ((6, 2, 0.5), (5, -1.5, 0.3), (9, 3, 1)):
        Q = np.linalg.qr(rng.standard_normal((3, 3)))[0]
        start = rng.standard_normal(3).round(1) + 0.25
        yield Product(Q @ np.diag(values) @ Q.T), Q[:, 0], start, 60


def second(product, first, v, steps, value=lambda v, Hv: v @ Hv, length=np.linalg.norm):
    """`second_sharpest` with what can go wrong as arguments."""
    for _ in range(steps):
        v = v - (first @ v) * first
        v = v / length(v)
        Hv = product(v)
        found, v = value(v, Hv), Hv
    return found


# best_step, edge_with


def best_step(rounding, third):
    return (3 * rounding / third) ** (1 / 3)


def errors(rng):
    for rounding in (1e-3, 2e-4, 5e-3):
        yield rounding, round(rng.uniform(0.5, 5), 1)


def edge_with(lr, momentum, weight_decay):
    return 2 * (1 + momentum) / lr - weight_decay


def optimizers(rng):
    yield from ((0.1, 0.9, 0.5), (0.4, 0.5, 0.3), (0.2, 0.0, 0.7))


EXERCISES = [
    Exercise(
        NoisyBatchNorm,
        blank=True,
        run=four_passes,
        cases=noisy_batches,
        returns=(
            "the first y",
            "the second y",
            "grad_x",
            "grads['gamma']",
            "grads['beta']",
            "y in evaluation",
        ),
        tolerance=1e-4,
        mistakes=[
            Mistake(
                OnceDrawn,
                "The noise is drawn once, in `__init__`. A shift that stays is no shift: the next "
                "layer gets used to it. Draw anew in every `forward`.",
            ),
            Mistake(
                InFront,
                "The noise comes in front of batch norm, which takes any scale and shift of a "
                "column out again. First `super().forward(x)`, then the noise.",
            ),
            Mistake(
                noisy(backward=lambda layer, g: BatchNorm.backward(layer, g)),
                "Forward the output is multiplied by the scale, backward it is not: hand batch "
                "norm `self.scale * grad_y`.",
            ),
            Mistake(
                noisy(backward=lambda layer, g: layer.scale * BatchNorm.backward(layer, g)),
                "The gradient of x is right, those of gamma and beta are not: `super().backward` "
                "computes them from what you hand it, and that is `self.scale * grad_y`.",
            ),
            Mistake(
                noisy(
                    backward=lambda layer, g: BatchNorm.backward(
                        layer, layer.scale * g + layer.shift
                    )
                ),
                "You add the shift to the gradient as well. What is added to y leaves its gradient "
                "as it is: hand batch norm `self.scale * grad_y`.",
            ),
            Mistake(
                noisy(
                    backward=lambda layer, g: BatchNorm.backward(
                        layer, draw_noise(layer.strength, layer.n, layer.rng)[0] * g
                    )
                ),
                "`backward` draws a noise of its own. It belongs to the last forward: keep that "
                "scale in `self`.",
            ),
            Mistake(
                noisy(always=True),
                "The noise goes on in evaluation. It is for training only: ask `self.training`.",
            ),
            Mistake(
                noisy(shape=lambda x: x.shape),
                "Every example gets a noise of its own, which leaves the mean of a column nearly "
                "where it was. One scale and one shift a *unit*: `draw_noise(..., self.n, ...)`.",
            ),
            Mistake(
                noisy(mixed=lambda layer, y, shift: layer.scale * (y + shift)),
                "The shift is multiplied by the scale as well. First scale, then shift.",
            ),
            Mistake(
                noisy(mixed=shifted_only),
                "The shift is there, the scale is not: `scale * y + shift`.",
            ),
        ],
        hints=[
            "`super().forward(x)` is batch norm's output y, `super().backward(grad)` its backward.",
            (
                "In training: `self.scale, shift = draw_noise(self.strength, self.n, self.rng)`, "
                "then `self.scale * y + shift`. In evaluation y itself."
            ),
            "y was multiplied by `self.scale`: its gradient is `self.scale * grad_y`.",
        ],
    ),
    Exercise(
        along_gradient,
        blank=True,
        cases=lines,
        returns=("losses", "ratios"),
        tolerance=1e-4,  # of differences, in float32 too
        mistakes=[
            Mistake(
                along_with(direction=lambda g: g),
                "You go up. A step of gradient descent goes against the gradient: `w - t * g`.",
            ),
            Mistake(
                along_with(walks=True),
                "Each step starts where the one before it ended. All of them start at `w`.",
            ),
            Mistake(
                along_with(direction=lambda g: -g / np.linalg.norm(g)),
                "You divide the gradient by its length. A step is `t * g`, as in gradient descent.",
            ),
            Mistake(
                along_with(ratio=lambda there, g, t: np.linalg.norm(there - g)),
                "The change of the gradient is there, but not divided by the distance gone.",
            ),
            Mistake(
                along_with(ratio=lambda there, g, t: np.linalg.norm(there - g) / t),
                "The distance gone is not `t`, it is the length of `t * g`.",
            ),
            Mistake(
                along_with(ratio=lambda there, g, t: np.linalg.norm(there - g) / np.linalg.norm(g)),
                "You divide by the length of the gradient. The distance gone is the length of "
                "`t * g`.",
            ),
            Mistake(
                along_with(
                    ratio=lambda there, g, t: (
                        (np.linalg.norm(there) - np.linalg.norm(g)) / np.linalg.norm(t * g)
                    )
                ),
                "You take the difference of two lengths. A gradient can turn without getting "
                "longer: take the length of the *difference*.",
            ),
        ],
        hints=[
            "`_, g = loss_and_gradient(w)` is the gradient at w; the same at `w - t * g`.",
            (
                "The ratio is `np.linalg.norm(there - g) / np.linalg.norm(t * g)`; return two "
                "arrays, `np.array(losses), np.array(ratios)`."
            ),
        ],
    ),
    Exercise(
        hessian_product,
        blank=True,
        cases=directions,
        mistakes=[
            Mistake(
                lambda gradient, w, v, h=1e-5: (gradient(w + h * v) - gradient(w)) / h,
                "This is a forward difference, whose error is proportional to h. Go to both sides, "
                "`w + h * v` and `w - h * v`: then it is proportional to its square.",
            ),
            Mistake(
                both_sides(lambda ahead, behind, v, h: (ahead - behind) / h),
                "Twice too long: the two points are `2 * h` apart.",
            ),
            Mistake(
                both_sides(lambda ahead, behind, v, h: ahead - behind),
                "The difference is not divided by the distance, `2 * h`.",
            ),
            Mistake(
                both_sides(lambda ahead, behind, v, h: (ahead - behind) / 2),
                "You divide by 2 only. The two points are `2 * h` apart.",
            ),
            Mistake(
                both_sides(lambda ahead, behind, v, h: (ahead - behind) / 2 * h),
                "`/ 2 * h` divides by 2 and then *multiplies* by h. Put `2 * h` in parentheses.",
            ),
            Mistake(
                both_sides(lambda ahead, behind, v, h: (behind - ahead) / (2 * h)),
                "The sign: it is the gradient ahead less the gradient behind.",
            ),
            Mistake(
                both_sides(lambda ahead, behind, v, h: v @ (ahead - behind) / (2 * h)),
                "This is a number, the curvature along v. Asked for is the vector Hv.",
            ),
            Mistake(
                lambda gradient, w, v, h=1e-5: (gradient(w + h) - gradient(w - h)) / (2 * h),
                "You move every weight by h. Move along v: `w + h * v`.",
            ),
            Mistake(
                lambda gradient, w, v, h=1e-5: hessian_product(gradient, w, v),
                "It has a step of its own: use the argument `h`.",
            ),
        ],
        hints=[
            "The derivative along v: how the gradient changes from `w - h * v` to `w + h * v`.",
            "Divide by how far apart the two are, `(2 * h)`: v has length one.",
        ],
    ),
    Exercise(
        power_iteration,
        blank=True,
        run=value_and_line,
        cases=matrices,
        returns=("the eigenvalue", "v"),
        mistakes=[
            Mistake(
                powers_with(value=lambda v, Hv: np.linalg.norm(Hv)),
                "This is the length of Hv, which has lost the sign: a curvature can be negative. "
                "Take `v @ Hv`, with v of length one.",
            ),
            Mistake(
                powers_with(length=lambda v: 1),
                "Nothing brings v back to length one, so it grows at each product, and `v @ Hv` "
                "with it. Divide by its length every time.",
            ),
            Mistake(
                powers_with(length=lambda v: np.abs(v).max()),
                "`v @ Hv` is the eigenvalue only if v has length one, and you divide by its "
                "largest entry. Divide by `np.linalg.norm`.",
            ),
            Mistake(
                unscaled_end,
                "The eigenvalue is right, and the vector has not length one: divide it by its "
                "length before you return it.",
            ),
            Mistake(
                powers_with(last=1),
                "It does one product and ends. Go on, `steps` times, each time from the new v.",
            ),
            Mistake(
                powers_with(value=lambda v, Hv: v @ v),
                "`v @ v` is 1. The eigenvalue is `v @ Hv`.",
            ),
        ],
        hints=[
            "Before the loop and at the end of each turn: v divided by its length.",
            "In each turn: `Hv = product(v)`, `value = v @ Hv`, and the next v is Hv.",
        ],
    ),
    Exercise(
        best_step,
        cases=errors,
        tolerance=1e-4,
        mistakes=[
            Mistake(
                lambda rounding, third: (6 * rounding / third) ** (1 / 3),
                "You made the two errors equal. Their sum is smallest where its *derivative* is "
                "zero, and one falls as 1/h while the other grows as its square.",
            ),
            Mistake(
                lambda rounding, third: np.sqrt(rounding / third),
                "A square root belongs to forward differences, where the second error grows as h. "
                "Here it grows as its square.",
            ),
            Mistake(
                lambda rounding, third: 3 * rounding / third,
                "This is the cube of the best h: take the third root.",
            ),
            Mistake(
                lambda rounding, third: (third / (3 * rounding)) ** (1 / 3),
                "Upside down: the larger the rounding, the larger the best h.",
            ),
            Mistake(
                lambda rounding, third: rounding,
                "As small as it can be is too small: there the first error, rounding / h, is 1.",
            ),
            Mistake(
                lambda rounding, third: (rounding / third) ** (1 / 3),
                "The factor: the derivative of third h² / 6 is third h / 3, so a 3 stays.",
            ),
        ],
        hints=[
            "The derivative of rounding / h + third h² / 6 with respect to h is zero.",
            "rounding / h² = third h / 3.",
        ],
    ),
    Exercise(
        edge_with,
        cases=optimizers,
        mistakes=[
            Mistake(
                lambda lr, momentum, weight_decay: 2 / lr,
                "This is plain descent's. Momentum moves the edge, and weight decay adds to every "
                "curvature.",
            ),
            Mistake(
                lambda lr, momentum, weight_decay: 2 * (1 + momentum) / lr,
                "Momentum is right. Weight decay adds to every curvature, so less is left for the "
                "loss.",
            ),
            Mistake(
                lambda lr, momentum, weight_decay: 2 * (1 + momentum) / lr + weight_decay,
                "The sign: what descends is loss and penalty together. Their curvature, that of "
                "the loss plus the decay, must stay below the edge.",
            ),
            Mistake(
                lambda lr, momentum, weight_decay: 2 * (1 - momentum) / lr - weight_decay,
                "By this momentum would lower the edge. At the edge the gradient alternates, and "
                "momentum makes what alternates smaller: by what factor?",
            ),
            Mistake(
                lambda lr, momentum, weight_decay: 2 / (lr * (1 - momentum)) - weight_decay,
                "1 / (1 - momentum) is for a gradient that stays the same. At the edge it "
                "alternates.",
            ),
            Mistake(
                lambda lr, momentum, weight_decay: 2 / lr - weight_decay,
                "Weight decay is right, momentum is missing.",
            ),
            Mistake(
                lambda lr, momentum, weight_decay: (2 / lr - weight_decay) * (1 + momentum),
                "You take the decay off first and then apply momentum's factor. That factor is of "
                "the edge of loss and penalty together: take the decay off last.",
            ),
        ],
        hints=[
            "Notebook 08: momentum shrinks a gradient that alternates by 1 / (1 + momentum).",
            "The penalty's curvature is the same in every direction: `weight_decay`.",
        ],
    ),
    Exercise(
        second_sharpest,
        cases=matrices_with_first,
        tolerance=1e-5,
        mistakes=[
            Mistake(
                lambda product, first, v, steps: power_iteration(product, v, steps)[0],
                "It has found the first one again. Even if it is taken out at the start, rounding "
                "brings a trace of it back, and every product makes that larger. Take out as much "
                "of it as is in v, `(first @ v) * first`, in *every* turn.",
            ),
            Mistake(
                lambda *case: second(*case, value=lambda v, Hv: np.linalg.norm(Hv)),
                "This is the length of Hv, which has lost the sign: take `v @ Hv`.",
            ),
            Mistake(
                lambda *case: second(*case, length=lambda v: 1),
                "Nothing brings v back to length one, so `v @ Hv` grows with v.",
            ),
            Mistake(
                lambda product, first, v, steps: second(product, first, v, 1),
                "It does one product and ends. Go on, `steps` times.",
            ),
        ],
        hints=[
            "Power iteration, on vectors at right angles to `first`.",
            "In every turn, before you divide by the length: `v = v - (first @ v) * first`.",
        ],
    ),
]

check = checker("why_does_batch_norm_work", EXERCISES)
