"""Exercises of notebook 01."""

import numpy as np

from course_utils.checks import check_choice
from course_utils.experiments.faults import AveragedGradient
from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker
from course_utils.nn import Linear, Sequential, Tanh, numerical_gradient, relative_error


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
    for where in PLACES:
        yield broken_network(rng, where), rng.standard_normal((3, 2)).round(1)


def smallest_error(network, x):
    errors = relative_errors(network, x)
    return min(errors, key=errors.get)


def by_gradient(pick):
    """The mistake of looking at the gradients alone: the key of the largest, or the smallest."""

    def mistake(network, x):
        network.backward(np.ones_like(network.forward(x)))
        return pick(network.grads, key=lambda key: np.linalg.norm(network.grads[key]))

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


EXERCISES = [
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
                "Each output depends on its own input only. So there is no sum: a product, entry by "
                "entry, as in `relu_backward`."
            ),
            "What stands in place of ReLU's gate? The derivative of tanh, 1 - tanh²(x).",
            "tanh(x) is `y`, which you are given.",
        ],
    ),
    Exercise(
        find_bug,
        cases=broken_networks,
        mistakes=[
            Mistake(
                lambda network, x: find_bug(network, x).split(".")[0],
                "You name the layer, and it is the right one. Which of its two gradients is wrong? "
                'The key says both: "2.b".',
            ),
            Mistake(
                lambda network, x: int(find_bug(network, x).split(".")[0]),
                "You name the layer, and it is the right one. Which of its two gradients is wrong? "
                'The key says both: "2.b".',
            ),
            Mistake(
                smallest_error,
                "You name the gradient that agrees best with central differences. The wrong one "
                "agrees worst: `max`, not `min`.",
            ),
            *[
                Mistake(
                    lambda network, x, key=key: key,
                    f'You answer "{key}" for every network, but the bug is somewhere else in each. '
                    "Is it the first or the last key that is returned, from inside a loop? Or do all "
                    "gradients disagree? Then the two sides belong to different losses, or "
                    "`backward` did not run: until it does, all `grads` are zero.",
                )
                for key in PLACES
            ],
            *[
                Mistake(
                    by_gradient(pick),
                    f"You name the {word} gradient. How large a gradient is says nothing: compare "
                    "it with its central differences.",
                )
                for pick, word in [(max, "largest"), (min, "smallest")]
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
                "Divide the largest difference by the largest entry, and return the key where that is "
                "largest: `max(errors, key=errors.get)`."
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
            "Two lines: first the new velocity, then the new parameter, which uses it.",
            "The new velocity is `momentum * velocity + grad`.",
            "The parameter goes downhill by `lr` times the new velocity. Return both.",
        ],
    ),
]

check = checker("mlp_by_hand", EXERCISES)
