"""Exercises of notebook 01, behind its blanks."""

import numpy as np

from course_utils.checks import check_choice
from course_utils.experiments.faults import AveragedGradient
from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker
from course_utils.lessons.mlp_by_hand.blanks import BLANKS
from course_utils.nn import (
    Linear,
    Sequential,
    Tanh,
    gradient_check,
    numerical_gradient,
    relative_error,
)


def tanh_backward(grad_y, y):
    return grad_y * (1 - y**2)


def gradients_and_outputs(rng):
    for shape in [(2, 3), (1, 4), (3, 2)]:
        yield rng.standard_normal(shape).round(1), np.tanh(rng.standard_normal(shape)).round(2)


PLACES = [f"{layer}.{name}" for layer in (0, 2, 4) for name in ("W", "b")]


def broken_network(rng, where=None):
    """A network 2-4-3-2 of Linear and Tanh layers in which one gradient is wrong.

    Parameters
    ----------
    rng : numpy.random.Generator
    where : str, optional
        The key of the parameter whose gradient is wrong, "0.W" to "4.b" (ValueError for others);
        by default drawn from `rng`.

    Returns
    -------
    Sequential
        In float64, with biases that are not zero.
    """
    where = rng.choice(PLACES) if where is None else where
    check_choice("where", where, PLACES)
    broken_layer, _, wrong = where.partition(".")
    layers = []
    for n_in, n_out in [(2, 4), (4, 3), (3, 2)]:
        options = {"rng": rng, "c": 1.0, "dtype": np.float64}
        if len(layers) == int(broken_layer):
            linear = AveragedGradient(n_in, n_out, wrong=wrong, **options)
        else:
            linear = Linear(n_in, n_out, **options)
        linear.params["b"][:] = 0.5 * rng.standard_normal(n_out)
        layers += [linear, Tanh()]
    return Sequential(layers[:-1])


def relative_errors(network, x):
    """By key, how far each gradient is from central differences."""
    r = np.random.default_rng(0).standard_normal(network.forward(x).shape)
    network.backward(r)
    return {
        key: relative_error(
            network.grads[key], numerical_gradient(lambda: np.sum(network.forward(x) * r), param)
        )
        for key, param in network.params.items()
    }


def find_bug(network, x):
    errors = relative_errors(network, x)
    return max(errors, key=errors.get)


def broken_networks(rng):
    for where in rng.permutation(PLACES):  # so that who counts calls finds nothing
        yield broken_network(rng, where), rng.standard_normal((3, 2)).round(1)


def smallest_error(network, x):
    errors = relative_errors(network, x)
    return min(errors, key=errors.get)


ALWAYS_THE_SAME = {
    "0.W": "It is the first key: does a `return` inside the loop end the search there? Or is any "
    "difference counted as wrong? Two numbers that are computed in two ways hardly ever agree to "
    "the last digit: ask how far apart they are. ",
    "4.b": "It is the last key. `max(errors)` gives the last key of the alphabet; the key of the "
    "largest error is `max(errors, key=errors.get)`. ",
}


ALL_DISAGREE = (
    "Or do all of them disagree, and the largest most? Then the two sides belong to different "
    "losses, or `backward` did not run: until it does, all `grads` are zero."
)


def largest_entry(array):
    return np.abs(array).max()


def by_gradient(pick, size):
    """The mistake of looking at the gradients alone: the key of the largest, or the smallest."""

    def mistake(network, x):
        network.backward(np.ones_like(network.forward(x)))
        return pick(network.grads, key=lambda key: size(network.grads[key]))

    return mistake


def momentum_step(param, grad, velocity, lr, momentum):
    new_velocity = momentum * velocity + grad
    return param - lr * new_velocity, new_velocity


def rolling_parameters(rng):
    for lr, momentum in [(0.15, 0.9), (0.55, 0.8), (0.25, 0.0), (0.35, 0.6)]:
        yield *rng.standard_normal((3, 3)).round(1), lr, momentum


def step(velocity, move=lambda lr, v, new_v: -lr * new_v):
    """A momentum step that goes wrong in its velocity, or in how the parameter moves."""

    def mistake(param, grad, v, lr, momentum):
        new_v = velocity(grad, v, lr, momentum)
        return param + move(lr, v, new_v), new_v

    return mistake


def right_velocity(grad, v, lr, momentum):
    return momentum * v + grad


def stretch_and_shift_backward(grad_y, x, gamma):
    return grad_y * gamma, (grad_y * x).sum(axis=0), grad_y.sum(axis=0)


def stretched_batches(rng):
    for m, n in [(4, 2), (2, 3), (3, 4), (1, 3)]:
        yield (
            rng.standard_normal((m, n)).round(1),
            rng.standard_normal((m, n)).round(1),
            rng.uniform(0.3, 3, n).round(2),
        )


def instead(**items):
    """The mistake of one wrong item: ``x``, ``gamma`` or ``beta``, made from the arguments."""

    def mistake(grad_y, x, gamma):
        right = dict(zip(("x", "gamma", "beta"), stretch_and_shift_backward(grad_y, x, gamma)))
        return tuple((right | {k: f(grad_y, x, gamma) for k, f in items.items()}).values())

    return mistake


EXERCISES = [
    *BLANKS,
    Exercise(
        tanh_backward,
        cases=gradients_and_outputs,
        mistakes=[
            Mistake(
                lambda grad_y, y: grad_y * (1 - y),
                "The square is missing: the derivative of tanh is 1 - tanh², so 1 - y². At y = -1, "
                "where tanh is flat, 1 - y would be 2.",
            ),
            Mistake(
                lambda grad_y, y: grad_y * (1 - y) ** 2,
                "The square is in the wrong place: 1 - y², not (1 - y)². At y = -1, where tanh is "
                "flat, (1 - y)² would be 4.",
            ),
            Mistake(
                lambda grad_y, y: 1 - y**2 * grad_y,
                "Brackets: Python multiplies before it subtracts, so `1 - y**2 * grad_y` is 1 "
                "minus a product. Put the derivative in brackets.",
            ),
            Mistake(
                lambda grad_y, y: grad_y * (1 - y ^ 2),
                "In Python a power is written `**`; `^` is a logical operation on integers.",
            ),
            Mistake(
                lambda grad_y, y: 1 - y**2,
                "This is the derivative of y with respect to x. The chain rule multiplies it by "
                "how the loss changes with y: `grad_y`.",
            ),
            Mistake(
                lambda grad_y, y: grad_y * (1 - np.tanh(y) ** 2),
                "You apply tanh once more. The argument `y` is the output of tanh already, not its "
                "input.",
            ),
            Mistake(
                lambda grad_y, y: grad_y * (y**2 - 1),
                "The sign is wrong. tanh rises everywhere, so its derivative is never negative.",
            ),
            Mistake(
                lambda grad_y, y: grad_y * (1 + y**2),
                "A plus for a minus: with 1 + y² the gradient would grow where tanh is flat. It "
                "must vanish at y = 1 and y = -1.",
            ),
            Mistake(
                lambda grad_y, y: grad_y / (1 - y**2),
                "You divide by the derivative. The chain rule multiplies; dividing by 1 - y² "
                "explodes where tanh is flat.",
            ),
            Mistake(
                lambda grad_y, y: grad_y * y * (1 - y),
                "y (1 - y) is the derivative of the logistic sigmoid. That of tanh is 1 - y².",
            ),
            Mistake(
                lambda grad_y, y: grad_y * (y > 0),
                "This is the gate of ReLU. tanh has a slope everywhere, 1 - y², also where y is "
                "negative.",
            ),
            Mistake(
                lambda grad_y, y: y * (1 - grad_y**2),
                "`grad_y` and `y` have changed places: the derivative is taken at `y`.",
            ),
        ],
        hints=[
            (
                "Each output depends on its own input only. So there is no sum: a product, entry "
                "by entry, as in `relu_backward`."
            ),
            (
                "What stands in place of ReLU's gate? The derivative of tanh. Write tanh as a "
                "quotient and use the quotient rule: one of the two terms is 1."
            ),
            "The derivative is 1 - tanh²(x), and tanh(x) is `y`, which you are given.",
        ],
    ),
    Exercise(
        find_bug,
        cases=broken_networks,
        mistakes=[
            *[
                Mistake(
                    wrong,
                    "You name the layer, and it is the right one. Which of its two gradients is "
                    'wrong? The key says both: "2.b".',
                )
                for wrong in (
                    lambda network, x: find_bug(network, x).split(".")[0],
                    lambda network, x: int(find_bug(network, x).split(".")[0]),
                )
            ],
            Mistake(
                smallest_error,
                "You name the gradient that agrees best with central differences. The wrong one "
                "agrees worst: `max`, not `min`.",
            ),
            Mistake(
                gradient_check,
                "`gradient_check` says how large the largest relative error is. The question is "
                "where it is: do for each key what it does for all of them.",
            ),
            *[
                Mistake(
                    lambda network, x, key=key: key,
                    f'You answer "{key}" for every network, and the bug is elsewhere in most. '
                    + ALWAYS_THE_SAME.get(key, "")
                    + "Or do all gradients disagree? Then the two sides belong to different "
                    "losses, or `backward` did not run: until it does, all `grads` are zero.",
                )
                for key in PLACES
            ],
            *[
                Mistake(
                    by_gradient(pick, size),
                    f"You name the {word} gradient. How large a gradient is says nothing: compare "
                    f"it with its central differences. {more}".rstrip(),
                )
                for pick, word, more in [(max, "largest", ALL_DISAGREE), (min, "smallest", "")]
                for size in (np.linalg.norm, largest_entry)
            ],
        ],
        hints=[
            (
                "Choose a loss whose gradient you know: the sum of `network.forward(x) * r` with a "
                "fixed array `r`. Its gradient with respect to the output is `r`."
            ),
            (
                "Run `network.forward(x)` and `network.backward(r)`. For each key, compare "
                "`network.grads[key]` with `numerical_gradient(loss, network.params[key])`."
            ),
            (
                "Divide the largest difference by the largest entry, and return the key where that "
                "is largest: `max(errors, key=errors.get)`."
            ),
        ],
    ),
    Exercise(
        momentum_step,
        cases=rolling_parameters,
        returns=("new_param", "new_velocity"),
        mistakes=[
            Mistake(
                step(lambda grad, v, lr, momentum: momentum * v + lr * grad, lambda lr, v, w: -w),
                "The learning rate is inside the velocity. That is another common form, and the "
                "same while lr stands still. In PyTorch's, the velocity gathers gradients and lr "
                "multiplies the step, so that a new lr acts at once.",
            ),
            Mistake(
                step(lambda grad, v, lr, momentum: momentum * v - lr * grad, lambda lr, v, w: w),
                "The learning rate and the sign are inside the velocity. That is another common "
                "form. In PyTorch's, the velocity gathers gradients as they are, and the parameter "
                "moves by -lr times the velocity.",
            ),
            Mistake(
                step(lambda grad, v, lr, momentum: momentum * v + lr * grad),
                "The learning rate acts twice, inside the velocity and once more in the step. It "
                "belongs to the step alone.",
            ),
            Mistake(
                step(lambda grad, v, lr, momentum: momentum * v - grad, lambda lr, v, w: lr * w),
                "The parameter moves rightly, but your velocity points downhill. Here it gathers "
                "the gradients as they are, and the minus sign stands in the step.",
            ),
            Mistake(
                lambda param, grad, velocity, lr, momentum: (
                    param - lr * grad + momentum * velocity,
                    momentum * velocity + grad,
                ),
                "The old velocity is added uphill and without the learning rate. The parameter "
                "moves by -lr times the new velocity, which holds the gradient already.",
            ),
            Mistake(
                step(lambda grad, v, lr, momentum: momentum * v + (1 - momentum) * grad),
                "You average: (1 - momentum) times the gradient. Adam does that. Here the velocity "
                "is a sum, and with momentum 0.9 it grows to ten gradients.",
            ),
            Mistake(
                step(right_velocity, lambda lr, v, w: -lr * v),
                "The parameter moves with the old velocity, so the new gradient is felt one step "
                "late. Update the velocity first.",
            ),
            Mistake(
                step(right_velocity, lambda lr, v, w: lr * w),
                "The parameter moves uphill. The gradient points to where the loss rises: go "
                "against it.",
            ),
            Mistake(
                step(right_velocity, lambda lr, v, w: -w),
                "The learning rate is missing: the parameter moves by lr times the velocity.",
            ),
            Mistake(
                step(lambda grad, v, lr, momentum: grad),
                "This is plain SGD: the old velocity has no part in it.",
            ),
            Mistake(
                step(lambda grad, v, lr, momentum: v + grad),
                "The old velocity is kept whole, so nothing ever slows down. Momentum is the share "
                "of it that is kept.",
            ),
            Mistake(
                step(lambda grad, v, lr, momentum: v + momentum * grad),
                "Momentum multiplies the gradient. It belongs to the old velocity: it is the share "
                "of it that is kept.",
            ),
            Mistake(
                step(lambda grad, v, lr, momentum: momentum * v - grad),
                "A sign in the velocity: it gathers the gradients as they are, and the step goes "
                "against the velocity.",
            ),
            Mistake(
                lambda param, grad, velocity, lr, momentum: (
                    param - lr * (grad + momentum * (momentum * velocity + grad)),
                    momentum * velocity + grad,
                ),
                "This is Nesterov's form, which looks one step ahead. The plain form moves by lr "
                "times the new velocity alone.",
            ),
            Mistake(
                lambda *arguments: momentum_step(*arguments)[::-1],
                "Both are right, in the wrong order: first the parameter, then the velocity.",
            ),
            Mistake(
                lambda *arguments: momentum_step(*arguments)[0],
                "The parameter is right. Return the new velocity with it: the next step needs it.",
            ),
        ],
        hints=[
            (
                "Write the sum for this step and for the one before it. Which of the terms are the "
                "same, and by which factor do they differ?"
            ),
            (
                "All old terms have become older by one step: together they are `momentum` times "
                "the old velocity. The new gradient comes on top."
            ),
            "The parameter goes downhill by `lr` times the new velocity. Return both.",
        ],
    ),
    Exercise(
        stretch_and_shift_backward,
        cases=stretched_batches,
        returns=("grad_x", "grad_gamma", "grad_beta"),
        mistakes=[
            Mistake(
                instead(gamma=lambda g, x, gamma: g * x, beta=lambda g, x, gamma: g),
                "The sums are missing: one gamma serves all examples, so what it does in each of "
                "them adds up. A gradient has the shape of its parameter: n numbers.",
            ),
            Mistake(
                instead(gamma=lambda g, x, gamma: g * x),
                "`grad_gamma` has a number for each example. One gamma serves all of them: add up "
                "over the examples, as for beta.",
            ),
            Mistake(
                instead(beta=lambda g, x, gamma: g),
                "`grad_beta` has a number for each example. One beta serves all of them: add up "
                "over the examples, as for gamma.",
            ),
            Mistake(
                instead(
                    gamma=lambda g, x, gamma: (g * x).sum(axis=1),
                    beta=lambda g, x, gamma: g.sum(axis=1),
                ),
                "You add along the rows, over the features. Examples are rows, so the sum over "
                "examples runs down the columns: `axis=0`.",
            ),
            Mistake(
                instead(
                    gamma=lambda g, x, gamma: (g * x).mean(axis=0),
                    beta=lambda g, x, gamma: g.mean(axis=0),
                ),
                "You average over the examples. Their effects add up; the loss has its 1/m "
                "already, in `grad_y`.",
            ),
            Mistake(
                instead(
                    gamma=lambda g, x, gamma: (g * x).sum(axis=0, keepdims=True),
                    beta=lambda g, x, gamma: g.sum(axis=0, keepdims=True),
                ),
                "The numbers are right, in one row of a matrix. gamma and beta have the shape "
                "(n,), and so have their gradients: leave out `keepdims`.",
            ),
            Mistake(
                instead(gamma=lambda g, x, gamma: x.T @ g),
                "`grad_gamma` is a matrix: `x.T @ grad_y` joins every feature of x with every one "
                "of y. Here y_kr holds x_kr alone: multiply entry by entry, then add up over the "
                "examples.",
            ),
            Mistake(
                instead(gamma=lambda g, x, gamma: g.sum(axis=0)),
                "`grad_gamma` lacks a factor: gamma multiplies x, so moving it a little moves y by "
                "x times as much.",
            ),
            Mistake(
                instead(gamma=lambda g, x, gamma: (g * x * gamma).sum(axis=0)),
                "`grad_gamma` has gamma in it. The derivative of gamma x with respect to gamma is "
                "x.",
            ),
            Mistake(
                instead(gamma=lambda g, x, gamma: x.sum(axis=0)),
                "`grad_gamma` does not use `grad_y`: how y moves is right, how the loss moves with "
                "y is missing.",
            ),
            Mistake(
                instead(beta=lambda g, x, gamma: np.full(len(gamma), float(len(g)))),
                "`grad_beta` does not use `grad_y`: how y moves is right, how the loss moves with "
                "y is missing.",
            ),
            Mistake(
                instead(x=lambda g, x, gamma: g),
                "`grad_x` lacks gamma: moving x a little moves y by gamma times as much.",
            ),
            Mistake(
                instead(x=lambda g, x, gamma: g / gamma),
                "`grad_x` divides by gamma. That undoes the stretching, as if y were to become x "
                "again. The chain rule multiplies.",
            ),
            Mistake(
                instead(x=lambda g, x, gamma: g * x),
                "`grad_x` has x where gamma belongs: the derivative of gamma x with respect to x "
                "is gamma.",
            ),
            Mistake(
                lambda *arguments: (lambda x, gamma, beta: (gamma, beta, x))(
                    *stretch_and_shift_backward(*arguments)
                ),
                "All three are right, in another order: first the input's, then gamma's, then "
                "beta's.",
            ),
        ],
        hints=[
            (
                "Which outputs does each number touch? x one, gamma and beta one in every example: "
                "their effects add up."
            ),
            "By how much does y move when x, gamma or beta moves by one? By gamma, x and 1.",
            "Both sums run over the examples: `.sum(axis=0)`.",
        ],
    ),
]

check = checker("mlp_by_hand", EXERCISES)
