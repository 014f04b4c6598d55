"""The residual block that the student of notebook 09 writes, and how it can go wrong."""

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lessons.everything_interacts.experiments import Skip
from course_utils.nn import Linear, ReLU, Sequential


def there_and_back(answer, x, W, grad_y, scale):
    """Output, gradient of x and gradient of W of a block of ReLU and Linear."""
    linear = Linear(*W.shape, dtype=np.float64)
    linear.params["W"][:] = W
    block = answer([ReLU(), linear], scale)
    if not hasattr(block, "forward"):
        return block
    y = block.forward(x)
    if y is None:
        return None
    grad_x = block.backward(grad_y)
    return y, grad_x, block.grads["1.W"]


def blocks(rng):
    for m, n, scale in ((2, 3, 1.0), (3, 2, 0.5), (2, 2, 0.3)):
        x, grad_y = rng.standard_normal((2, m, n)).round(1)
        yield x, rng.standard_normal((n, n)).round(1), grad_y, scale


def skipping(forward=None, backward=None):
    """A Skip with another forward or backward, functions of (block, array)."""

    class Changed(Skip):
        def forward(self, x):
            return forward(self, x) if forward else super().forward(x)

        def backward(self, grad_y):
            return backward(self, grad_y) if backward else super().backward(grad_y)

    return Changed


def through(block, grad_y):
    """The gradient through f alone."""
    return Sequential.backward(block, grad_y)


def straight(block, x):
    """f alone."""
    return Sequential.forward(block, x)


LAYER = Exercise(
    Skip,
    blank=True,
    run=there_and_back,
    cases=blocks,
    returns=("y", "grad_x", "grads['1.W']"),
    mistakes=[
        Mistake(
            skipping(backward=lambda block, g: g + block.scale * through(block, g)),
            "The gradient of x is right, those of f's parameters are not: they have been "
            "computed from `grad_y`, and f's output was multiplied by `scale`. Hand f's "
            "backward `scale * grad_y`.",
        ),
        Mistake(
            skipping(backward=lambda block, g: g + through(block, g)),
            "Forward f is multiplied by `scale`, backward it is not. The gradient at f's "
            "output is `scale * grad_y`.",
        ),
        Mistake(
            skipping(backward=lambda block, g: through(block, block.scale * g)),
            "Only the way through f comes back. x reaches y by the other way too, unchanged: "
            "add `grad_y`.",
        ),
        Mistake(
            skipping(
                forward=lambda block, x: block.scale * straight(block, x),
                backward=lambda block, g: through(block, block.scale * g),
            ),
            "The skip itself is missing: y is `x` plus `scale` times f(x).",
        ),
        Mistake(
            skipping(
                forward=lambda block, x: x + straight(block, x),
                backward=lambda block, g: g + through(block, g),
            ),
            "`scale` is not used. It multiplies f(x), and so the gradient that goes into f.",
        ),
        Mistake(
            skipping(
                forward=lambda block, x: block.scale * (x + straight(block, x)),
                backward=lambda block, g: block.scale * g + through(block, block.scale * g),
            ),
            "`scale` multiplies the sum. Only f(x) is scaled; x goes on as it is.",
        ),
        Mistake(
            skipping(backward=lambda block, g: block.scale * g + through(block, block.scale * g)),
            "The gradient along the skip is multiplied by `scale`. That way x is unchanged, "
            "and so is the gradient: add `grad_y` itself.",
        ),
        Mistake(
            skipping(backward=lambda block, g: 1 + through(block, block.scale * g)),
            "You add 1, the derivative of x with respect to itself. By the chain rule it is "
            "multiplied by `grad_y`: add that.",
        ),
    ],
    hints=[
        "`super().forward(x)` and `super().backward(grad)` are those of f, by `Sequential`.",
        (
            "x reaches y by two ways, so its gradient is a sum: along the skip it is `grad_y`, "
            "through f it is what f's backward gives."
        ),
        "f's output was multiplied by `scale`: hand f's backward `self.scale * grad_y`.",
    ],
)
