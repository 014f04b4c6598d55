"""What the student of notebook 06 writes before ours is shown."""

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.nn import LayerNorm, Linear, Sequential
from course_utils.nn.optim import is_weight


def decay_step(W, grad, lr, weight_decay):
    return (1 - lr * weight_decay) * W - lr * grad


def steps(rng):
    for shape in ((3,), (2, 3), (4, 2)):
        W, grad = rng.standard_normal((2, *shape)).round(1)
        yield W, grad, *rng.uniform(0.2, 0.9, 2).round(2).tolist()


class DecaySGD:
    def __init__(self, network, lr, momentum=0.0, weight_decay=0.0):
        self.network, self.lr, self.weight_decay = network, lr, weight_decay

    def step(self):
        grads = dict(self.network.grads.items())
        for key, param in self.network.params.items():
            lam = self.weight_decay if is_weight(key) else 0
            param[:] = decay_step(param, grads[key], self.lr, lam)


def two_steps(optimizer, W, b, gamma, grads, lr, weight_decay):
    """The arrays of a small network after two steps, with other gradients in the second.

    They are those that it has at the start: what is put in their place does not count. The last
    matrix is a column of the numbers of gamma.
    """
    linear, norm = Linear(*W.shape, dtype=np.float64), LayerNorm(len(gamma), dtype=np.float64)
    last = Linear(len(gamma), 1, dtype=np.float64)
    network = Sequential([linear, norm, last])
    own = [linear.params["W"], linear.params["b"], norm.params["gamma"], last.params["W"]]
    for array, values in zip(own, (W, b, gamma, gamma[:, None])):
        array[:] = values
    chosen = optimizer(network, lr, 0.0, weight_decay)  # as `side` does
    if not hasattr(chosen, "step"):
        return chosen
    for grad_W, grad_b, grad_gamma in grads:
        linear.grads.update(W=grad_W.copy(), b=grad_b.copy())
        norm.grads.update(gamma=grad_gamma.copy(), beta=0 * gamma)
        last.grads.update(W=grad_gamma[:, None].copy())
        chosen.step()
    return tuple(own)


def networks_and_gradients(rng):
    for n_in, n_out in ((2, 3), (3, 2), (2, 2)):
        shapes = (n_in, n_out), (n_out,), (n_out,)
        first, *grads = (
            tuple(rng.uniform(0.3, 2, shape).round(1) for shape in shapes) for _ in range(3)
        )
        yield *first, tuple(grads), *rng.uniform(0.2, 0.9, 2).round(2).tolist()


def stepping(decaying=is_weight, rule=decay_step):
    """A DecaySGD in which other keys decay, or by another rule."""

    class Changed(DecaySGD):
        def step(self):
            grads = dict(self.network.grads.items())
            for key, param in self.network.params.items():
                lam = self.weight_decay if decaying(key) else 0
                param[:] = rule(param, grads[key], self.lr, lam)

    return Changed


class Stale(DecaySGD):
    def step(self):
        if not hasattr(self, "grads"):
            self.grads = dict(self.network.grads.items())
        for key, param in self.network.params.items():
            lam = self.weight_decay if is_weight(key) else 0
            param[:] = decay_step(param, self.grads[key], self.lr, lam)


class EarlyGradients(DecaySGD):
    def __init__(self, network, *others):
        super().__init__(network, *others)
        self.grads = dict(network.grads.items())

    def step(self):
        for key, param in self.network.params.items():
            lam = self.weight_decay if is_weight(key) else 0
            param[:] = decay_step(param, self.grads[key], self.lr, lam)


class OnlyTheFirst(DecaySGD):
    def step(self):
        key, param = next(iter(self.network.params.items()))
        param[:] = decay_step(param, self.network.grads[key], self.lr, self.weight_decay)


class Idle(DecaySGD):
    def step(self):
        for key, param in self.network.params.items():
            lam = self.weight_decay if is_weight(key) else 0
            param = decay_step(param, self.network.grads[key], self.lr, lam)


class OnlyWeights(DecaySGD):
    def step(self):
        grads = dict(self.network.grads.items())
        for key, param in self.network.params.items():
            if is_weight(key):
                param[:] = decay_step(param, grads[key], self.lr, self.weight_decay)


def changes_of_slope(x, y):
    slopes = np.diff(y) / np.diff(x)
    return np.sum(np.abs(np.diff(slopes)))


def broken_lines(rng):
    for points in (4, 5, 7):
        x = np.cumsum(rng.uniform(0.3, 1.5, points).round(1)).round(1)
        yield x, rng.uniform(-3, 3, points).round(1)


def rescaled(W1, b1, W2, factor):
    return factor * W1, factor * b1, W2 / factor


def two_layers(rng):
    for n_in, n, n_out, factor in ((2, 3, 2, 3.0), (3, 2, 2, 0.4), (2, 4, 3, 7.0)):
        shapes = (n_in, n), (n,), (n, n_out)
        yield *(rng.uniform(0.3, 2, shape).round(1) for shape in shapes), factor


BLANKS = [
    Exercise(
        decay_step,
        blank=True,
        cases=steps,
        mistakes=[
            Mistake(
                lambda W, grad, lr, weight_decay: (1 - weight_decay) * W - lr * grad,
                "W shrinks by lambda itself. The penalty's gradient is `weight_decay * W`, and "
                "like every gradient it is multiplied by `lr`.",
            ),
            Mistake(
                lambda W, grad, lr, weight_decay: (1 - lr * weight_decay) * (W - lr * grad),
                "You step first and shrink afterwards, so the step is shrunk too. The gradient of "
                "the penalty is taken at the *old* W: `(1 - lr * weight_decay) * W - lr * grad`.",
            ),
            Mistake(
                lambda W, grad, lr, weight_decay: (1 - lr * weight_decay) * W - grad,
                "The gradient is not multiplied by `lr`.",
            ),
            Mistake(
                lambda W, grad, lr, weight_decay: W - lr * grad,
                "This is a step without decay: `weight_decay` is not used.",
            ),
            Mistake(
                lambda W, grad, lr, weight_decay: (1 + lr * weight_decay) * W - lr * grad,
                "A sign: here W *grows* by lr lambda at each step. Descent goes against the "
                "gradient of the penalty, too.",
            ),
            Mistake(
                lambda W, grad, lr, weight_decay: (1 - lr * weight_decay) * W + lr * grad,
                "A sign: you go up the gradient. W decays, but the loss grows.",
            ),
            Mistake(
                lambda W, grad, lr, weight_decay: W - lr * (grad + weight_decay / 2 * np.sum(W**2)),
                "You add the penalty itself to the gradient, one number for all entries. What "
                "belongs there is its gradient, `weight_decay * W`.",
            ),
            Mistake(
                lambda W, grad, lr, weight_decay: (
                    W - lr * (grad + weight_decay * np.sqrt(np.sum(W**2)))
                ),
                "You add the norm of W, one number for all entries. The derivative of the penalty "
                "with respect to one entry is `weight_decay` times that entry.",
            ),
            Mistake(
                lambda W, grad, lr, weight_decay: W - lr * (grad + 2 * weight_decay * W),
                "A factor 2 too much. The penalty is lambda / 2 times the square, and the 2 of the "
                "derivative takes the half away.",
            ),
            Mistake(
                lambda W, grad, lr, weight_decay: W - lr * (grad + weight_decay / 2 * W),
                "Half of it is missing. The half stands in the *penalty*; its derivative has none "
                "left, because the square brings a 2.",
            ),
            Mistake(
                lambda W, grad, lr, weight_decay: (1 - lr * weight_decay) * (W + 0 * grad),
                "W shrinks, and that is all: the step against `grad` is missing.",
            ),
            Mistake(
                lambda W, grad, lr, weight_decay: W - lr * (grad + weight_decay * np.sign(W)),
                "This is the gradient of the sum of absolute values (L1). The gradient of "
                "`W**2 / 2` is W.",
            ),
            Mistake(
                lambda W, grad, lr, weight_decay: grad + weight_decay * W,
                "This is the gradient of the penalized loss. Now take a step against it: "
                "`W - lr * (...)`.",
            ),
        ],
        hints=[
            "Differentiate the penalty with respect to one entry: lambda / 2 times its square.",
            "So the gradient of the penalized loss is `grad + weight_decay * W`.",
            "Gradient descent: `W - lr * (that)`. Collect what multiplies W.",
        ],
    ),
    Exercise(
        DecaySGD,
        blank=True,
        run=two_steps,
        cases=networks_and_gradients,
        returns=("W", "b", "gamma", "W of the last layer"),
        mistakes=[
            Mistake(
                stepping(decaying=lambda key: True),
                "Everything decays here, biases and gamma too. Only weight matrices do: "
                "`is_weight(key)` tells them.",
            ),
            Mistake(
                stepping(decaying=lambda key: False),
                "Nothing decays. Either `weight_decay` is not kept and used, or no key is found: a "
                "key is `0.W`, not `W`, and `is_weight(key)` tells.",
            ),
            Mistake(
                stepping(decaying=lambda key: not is_weight(key)),
                "The other way round: here all decays but the weight matrices.",
            ),
            Mistake(
                stepping(decaying=lambda key: not key.endswith("b")),
                "Gamma decays, too. `is_weight(key)` lets only weight matrices through.",
            ),
            Mistake(
                stepping(rule=lambda W, grad, lr, lam: (1 - lam) * W - lr * grad),
                "W shrinks by lambda itself. It should lose the share `lr * weight_decay`, as in "
                "`decay_step`.",
            ),
            Mistake(
                stepping(rule=lambda W, grad, lr, lam: (1 - lr * lam) * (W - lr * grad)),
                "The step is shrunk too. Shrink the old W, then step, as in `decay_step`.",
            ),
            Mistake(
                Stale,
                "The second step uses the gradients of the first. Look them up in "
                "`self.network.grads` at each step: every backward makes new ones.",
            ),
            Mistake(
                EarlyGradients,
                "The gradients are those of before the first backward, zeros. Look them up in "
                "`self.network.grads` at each step, not in `__init__`.",
            ),
            Mistake(
                stepping(decaying=lambda key: key == "0.W"),
                "The first matrix decays, and no other. Every layer may have one: "
                "`is_weight(key)` looks at the end of the key alone.",
            ),
            Mistake(
                OnlyTheFirst,
                "Only the first parameter is updated: is there a `return` inside the loop?",
            ),
            Mistake(
                OnlyWeights,
                "The biases and gamma are not updated at all. They do not decay, but they learn: "
                "for them lambda is zero.",
            ),
            Mistake(
                Idle,
                "The network's own arrays are unchanged after a step. A copy is another array; "
                "`param = ...` only gives the name to another one, and `params[key] = ...` the "
                "place. `param[:] = ...` writes into the network's own.",
            ),
        ],
        hints=[
            "`__init__` keeps what it is given: `self.network, self.lr, self.weight_decay = ...`.",
            (
                "`step` walks through `self.network.params.items()`; the gradient of the same key "
                "is `self.network.grads[key]`."
            ),
            (
                "`param[:] = decay_step(param, grad, self.lr, lam)`, where `lam` is "
                "`self.weight_decay` if `is_weight(key)`, else 0."
            ),
        ],
    ),
    Exercise(
        changes_of_slope,
        blank=True,
        cases=broken_lines,
        mistakes=[
            Mistake(
                lambda x, y: np.sum(np.abs(np.diff(y, 2))),
                "These are changes of the *rise*, not of the slope: divide each rise by the width "
                "of its interval, `np.diff(y) / np.diff(x)`.",
            ),
            Mistake(
                lambda x, y: np.sum(np.diff(np.diff(y) / np.diff(x))),
                "Bends up and bends down cancel: what is left is the last slope less the first. "
                "Take the absolute value of each change.",
            ),
            Mistake(
                lambda x, y: np.abs(np.sum(np.diff(np.diff(y) / np.diff(x)))),
                "The absolute value is taken of the sum, where up and down have canceled. Take it "
                "of each change.",
            ),
            Mistake(
                lambda x, y: np.sum(np.abs(np.diff(y) / np.diff(x))),
                "You add up the slopes. A steep straight line would count, and it has no bend: add "
                "up the *changes* of slope.",
            ),
            Mistake(
                lambda x, y: np.sum(np.abs(np.diff(y))),
                "This is how far the curve goes up and down. A straight line does that without a "
                "bend.",
            ),
            Mistake(
                lambda x, y: np.sum(np.abs(np.diff(y, 2) / (x[1] - x[0]))),
                "Every rise is divided by the first width. The points are not evenly spaced: each "
                "interval has its own, `np.diff(x)`.",
            ),
            Mistake(
                lambda x, y: changes_of_slope(x[:-1], y[:-1]),
                "The last slope is left out: of n points there are n - 1 slopes.",
            ),
            Mistake(
                lambda x, y: np.sum(np.abs(np.diff(np.diff(y) / np.diff(x), prepend=0))),
                "The first slope counts as a change, from zero. Changes are from one slope to the "
                "next: one fewer than slopes.",
            ),
            Mistake(
                lambda x, y: np.sum(np.abs(np.diff(np.gradient(y, x)))),
                "`np.gradient` averages the slopes on both sides of a point. Here each interval "
                "has its own slope, rise over width.",
            ),
            Mistake(
                lambda x, y: np.mean(np.abs(np.diff(np.diff(y) / np.diff(x)))),
                "A mean, where a sum is asked for.",
            ),
            Mistake(
                lambda x, y: np.sum(np.abs(np.diff(np.diff(y) / np.diff(x)) / np.diff(x)[1:])),
                "You divide by the width twice. The changes of slope are asked for as they are, "
                "not over the distance between them.",
            ),
            Mistake(
                lambda x, y: np.sum(np.abs(np.diff(np.abs(np.diff(y) / np.diff(x))))),
                "You take the sizes of the *slopes*, and then their changes: a turn from down to "
                "up is lost. Take the size of each change.",
            ),
            Mistake(
                lambda x, y: np.sum(np.diff(np.diff(y) / np.diff(x)) ** 2),
                "Squares, where absolute values are asked for.",
            ),
            Mistake(
                lambda x, y: np.abs(np.diff(np.diff(y) / np.diff(x))),
                "These are the changes, one by one. Add them up.",
            ),
        ],
        hints=[
            "`np.diff(y)` is the rise over each interval, `np.diff(x)` its width.",
            "Slopes are rises over widths; their changes are `np.diff(slopes)`.",
            "Absolute values, then the sum.",
        ],
    ),
    Exercise(
        rescaled,
        blank=True,
        cases=two_layers,
        returns=("new_W1", "new_b1", "new_W2"),
        mistakes=[
            Mistake(
                lambda W1, b1, W2, factor: (factor * W1, b1, W2 / factor),
                "The bias is left as it was. The ReLU sees `x W1 + b1`, and all of it must be "
                "multiplied.",
            ),
            Mistake(
                lambda W1, b1, W2, factor: (factor * W1, factor * b1, W2),
                "Now the output is `factor` times as large. The second matrix must take it back.",
            ),
            Mistake(
                lambda W1, b1, W2, factor: (factor * W1, factor * b1, factor * W2),
                "Both matrices grow, and the output by the square of `factor`. The second must "
                "take back what the first one adds.",
            ),
            Mistake(
                lambda W1, b1, W2, factor: (W1 / factor, b1 / factor, factor * W2),
                "The same function, the other way round: the *first* layer is to be multiplied.",
            ),
            Mistake(
                lambda W1, b1, W2, factor: (factor * W1, b1 / factor, W2 / factor),
                "The bias goes the wrong way: it is added to `x W1`, in front of the ReLU, so it "
                "is multiplied as W1 is.",
            ),
            Mistake(
                lambda W1, b1, W2, factor: (factor * W1, factor * b1, W2 / factor**2),
                "Once is enough: a positive factor passes the ReLU as it is, not squared.",
            ),
        ],
        hints=[
            "What does the ReLU make of `a * u`, for a positive number a? Try u = 2 and u = -2.",
            "It lets a through. So if `x W1 + b1` is a times as large, so is the hidden layer.",
            "`W2` must be a times smaller.",
        ],
    ),
]
