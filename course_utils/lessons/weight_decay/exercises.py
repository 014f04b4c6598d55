"""Exercises of notebook 06."""

from functools import partial

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker


def decay_step(W, grad, lr, weight_decay):
    return (1 - lr * weight_decay) * W - lr * grad


def steps(rng):
    for shape in ((3,), (2, 3), (4, 2)):
        W, grad = rng.standard_normal((2, *shape)).round(1)
        yield W, grad, *rng.uniform(0.2, 0.9, 2).round(2).tolist()


def momentum_steps(W, grads, lr, momentum, weight_decay):
    return momentum_run(W, grads, lr, momentum, weight_decay)


def several_gradients(rng):
    for count in (2, 3, 4):
        W, *grads = rng.standard_normal((count + 1, 3)).round(1)
        yield W, grads, (0.15, 0.25, 0.35)[count - 2], (0.5, 0.8, 0.9)[count - 2], 0.1 * count


def momentum_run(W, grads, lr, momentum, decay, inside=True, beside=0.0, sign=1, penalty="now"):
    """SGD with momentum and decay, with everything that can go wrong as an argument."""
    start, velocity = W, np.zeros_like(W)
    for grad in grads:
        decayed = {"now": W, "start": start}[penalty]
        velocity = momentum * velocity + grad + (sign * decay * decayed if inside else 0)
        W = (1 - lr * beside * decay) * W - lr * velocity
    return W


def averaged(W, grads, lr, momentum, weight_decay):
    velocity = np.zeros_like(W)
    for grad in grads:
        velocity = momentum * velocity + (1 - momentum) * (grad + weight_decay * W)
        W = W - lr * velocity
    return W


def penalized(loss, grad, W, weight_decay):
    return with_penalty(loss, grad, W, weight_decay)


def losses_and_gradients(rng):
    for shape in ((3,), (2, 3), (4, 2)):
        grad, W = rng.uniform(-2, 2, (2, *shape)).round(1)
        yield round(rng.uniform(1, 3), 1), grad, W, round(0.11 * len(W), 2)


def half_square(W):
    return np.sum(W**2) / 2


def with_penalty(loss, grad, W, decay, penalty=half_square, slope=lambda W: W):
    """Penalized loss and gradient, with the penalty and its gradient as arguments."""
    return loss + decay * penalty(W), grad + decay * slope(W)


def pulled_to(best, curvature, weight_decay):
    return curvature * best / (curvature + weight_decay)


def scales(rng):
    for curvature, weight_decay in ((2.0, 0.5), (0.1, 0.4), (1.5, 0.6)):
        yield round(rng.uniform(1.2, 3), 1), curvature, weight_decay


def adam_step(W, grad, first, second, t, lr, beta1, beta2, eps):
    return adam(W, grad, first, second, t, lr, beta1, beta2, eps)


def adam_states(rng):
    for t, *rates in ((1, 0.35, 0.8, 0.95), (2, 0.25, 0.6, 0.85), (5, 0.45, 0.7, 0.92)):
        W, grad, first = rng.standard_normal((3, 3)).round(1)
        first, second = (first, rng.uniform(0.5, 2, 3).round(1)) if t > 1 else (0 * W, 0 * W)
        yield W, grad, first, second, t, *rates, 0.05 + 0.01 * t


def adam(
    W, grad, first, second, t, lr, beta1, beta2, eps, corrected=(True, True), shift=0,
    inside=False, added=True, rooted=True, squared=True, swapped=False, sign=-1,
):  # fmt: skip
    """One step of Adam with everything that can go wrong as an argument."""
    if swapped:
        first, second = (1 - beta1) * first + beta1 * grad, (1 - beta2) * second + beta2 * grad**2
    else:
        square = grad**2 if squared else np.abs(grad)
        first, second = (
            beta1 * first + (1 - beta1) * grad,
            beta2 * second + (1 - beta2) * square,
        )
    mean = first / (1 - beta1 ** (t + shift)) if corrected[0] else first
    square = second / (1 - beta2 ** (t + shift)) if corrected[1] else second
    eps = eps if added else 0
    if inside:
        scale = np.sqrt(square + eps)
    else:
        scale = (np.sqrt(square) if rooted else square) + eps
    return W + sign * lr * mean / scale, first, second


EXERCISES = [
    Exercise(
        decay_step,
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
                lambda W, grad, lr, weight_decay: W - lr * (grad + 2 * weight_decay * W),
                "A factor 2 too much. The penalty is lambda / 2 times the square, and the 2 of the "
                "derivative takes the half away.",
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
            "The gradient of the penalized loss is `grad + weight_decay * W`.",
            "Gradient descent: `W - lr * (that)`. Collect what multiplies W.",
        ],
    ),
    Exercise(
        momentum_steps,
        cases=several_gradients,
        mistakes=[
            Mistake(
                partial(momentum_run, inside=False, beside=1.0),
                "You shrink W directly: that is the decoupled form. In the L2 form the "
                "penalty's gradient is a part of the gradient, so it enters the velocity.",
            ),
            Mistake(
                partial(momentum_run, beside=1.0),
                "The decay acts twice: once in the velocity, and once more on W itself.",
            ),
            Mistake(
                partial(momentum_run, inside=False),
                "There is no decay: `weight_decay` is not used.",
            ),
            Mistake(
                partial(momentum_run, sign=-1),
                "A sign: the penalty's gradient is `+ weight_decay * W`, as the other gradient is.",
            ),
            Mistake(
                partial(momentum_run, penalty="start"),
                "The penalty's gradient is taken at the W of the start throughout. It changes at "
                "each step, as W does.",
            ),
            Mistake(
                lambda W, grads, lr, momentum, weight_decay: momentum_run(
                    W, grads, lr, 0, weight_decay
                ),
                "The velocity is not remembered: each step uses its own gradient only. "
                "`velocity = momentum * velocity + ...`.",
            ),
            Mistake(
                averaged,
                "The new gradient is multiplied by `1 - momentum`. That is Adam's moving average; "
                "SGD's velocity adds it in full.",
            ),
            Mistake(
                lambda W, grads, lr, momentum, weight_decay: momentum_run(
                    W, grads[:1], lr, momentum, weight_decay
                ),
                "Only the first gradient is used: `return` stands inside the loop.",
            ),
        ],
        hints=[
            "`velocity` starts at zero, and there is one step for each gradient of the list.",
            (
                "At each step the gradient of the penalized loss is `grad + weight_decay * W`, and "
                "`velocity = momentum * velocity` plus that."
            ),
            "Then `W = W - lr * velocity`: a new array, so that the W handed in stays as it was.",
        ],
    ),
    Exercise(
        pulled_to,
        cases=scales,
        mistakes=[
            Mistake(
                lambda best, curvature, weight_decay: best,
                "This is where gamma goes without decay: `weight_decay` is not used.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: 0 * best,
                "This is the minimum of the penalty alone. It is pulled back by the loss.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: best / (1 + weight_decay),
                "This is the bias of section 8, where the curvature was 1. The flatter the loss, "
                "the more decay decides.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: (1 - weight_decay) * best,
                "One shrinking step from `best`, with learning rate 1. Asked is where both forces "
                "are in balance: set the derivative to zero.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: (
                    weight_decay * best / (curvature + weight_decay)
                ),
                "The two shares are exchanged: this says that more decay leaves more.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: (
                    curvature * best / (curvature + 2 * weight_decay)
                ),
                "A factor 2 too much: the penalty is lambda / 2 times the square.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: (
                    2 * curvature * best / (2 * curvature + weight_decay)
                ),
                "A factor 2 too much: the loss is half the curvature times the square.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: (
                    (curvature * best + weight_decay) / (curvature + weight_decay)
                ),
                "Here decay pulls gamma to 1, where it starts. Its penalty pulls to 0.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: curvature * best / (curvature - weight_decay),
                "A sign: gamma is pushed away from zero. The derivative of the penalty is "
                "`+ weight_decay * gamma`.",
            ),
            Mistake(
                lambda best, curvature, weight_decay: best - weight_decay / curvature,
                "This is the balance with a penalty on the absolute value (L1), whose derivative "
                "does not shrink with gamma.",
            ),
        ],
        hints=[
            (
                "The derivative of the loss is `curvature * (gamma - best)`, that of the penalty "
                "`weight_decay * gamma`."
            ),
            "Set their sum to zero and solve for gamma.",
        ],
    ),
    Exercise(
        penalized,
        cases=losses_and_gradients,
        returns=("loss", "grad"),
        mistakes=[
            Mistake(
                partial(with_penalty, slope=lambda W: 2 * W),
                "The gradient is a factor 2 too large in its second part: the derivative of "
                "`W**2 / 2` is W.",
            ),
            Mistake(
                partial(with_penalty, penalty=lambda W: np.sum(W**2)),
                "The penalty is lambda / 2 times the sum of squares; the half is missing.",
            ),
            Mistake(
                partial(with_penalty, penalty=lambda W: np.sum(W**2), slope=lambda W: 2 * W),
                "This is the penalty without its half, and its gradient. They belong together, but "
                "the update of this notebook needs lambda / 2.",
            ),
            Mistake(
                partial(with_penalty, slope=half_square),
                "To the gradient you add the penalty itself, one number for all entries. Its "
                "gradient has the shape of W.",
            ),
            Mistake(
                partial(with_penalty, penalty=lambda W: np.sqrt(np.sum(W**2))),
                "The loss gets the norm. The penalty is half the *square* of the norm: no root.",
            ),
            Mistake(
                partial(
                    with_penalty,
                    penalty=lambda W: np.sqrt(np.sum(W**2)),
                    slope=lambda W: W / np.sqrt(np.sum(W**2)),
                ),
                "This penalizes the norm. The penalty is half the *square* of the norm, and its "
                "gradient is W itself.",
            ),
            Mistake(
                partial(with_penalty, penalty=lambda W: np.sum(np.abs(W)), slope=np.sign),
                "This is the sum of absolute values (L1) and its gradient. Here it is squares.",
            ),
            Mistake(
                partial(with_penalty, penalty=lambda W: np.mean(W**2) / 2),
                "You average the squares. The penalty is a sum.",
            ),
            Mistake(
                partial(
                    with_penalty, penalty=lambda W: np.mean(W**2) / 2, slope=lambda W: W / W.size
                ),
                "You average over the entries. The penalty is a sum.",
            ),
            Mistake(
                partial(with_penalty, slope=lambda W: -W),
                "A sign: the penalty is added to the loss, so its gradient is added too.",
            ),
            Mistake(
                partial(with_penalty, slope=lambda W: 0 * W),
                "The gradient is as it was: that of the penalty is missing.",
            ),
            Mistake(
                partial(with_penalty, penalty=lambda W: 0.0),
                "The loss is as it was: the penalty is missing.",
            ),
        ],
        hints=[
            "The penalty is `weight_decay / 2 * np.sum(W**2)`.",
            "Its derivative with respect to one entry of W is `weight_decay` times that entry.",
        ],
    ),
    Exercise(
        adam_step,
        cases=adam_states,
        returns=("new_W", "first", "second"),
        mistakes=[
            Mistake(
                partial(adam, corrected=(False, False)),
                "The bias correction is missing. Both averages start at zero; divide them by "
                "`1 - beta1**t` and `1 - beta2**t`.",
            ),
            Mistake(
                partial(adam, corrected=(True, False)),
                "The second moment is not corrected: divide it by `1 - beta2**t`.",
            ),
            Mistake(
                partial(adam, corrected=(False, True)),
                "The first moment is not corrected: divide it by `1 - beta1**t`.",
            ),
            Mistake(
                partial(adam, shift=1),
                "The bias correction is one step ahead. `t` counts from 1, so the first step "
                "divides by `1 - beta1**1`.",
            ),
            Mistake(
                lambda W, grad, first, second, t, lr, beta1, beta2, eps: adam(
                    W, grad, first, second, 1, lr, beta1, beta2, eps
                ),
                "The power `t` is missing from the bias correction: `1 - beta1**t`, and "
                "`1 - beta2**t`. Without it every step is corrected like the first.",
            ),
            Mistake(
                lambda W, grad, first, second, t, lr, beta1, beta2, eps: adam(
                    W, grad, first, second, t, lr, beta1, beta2, eps / np.sqrt(1 - beta2**t)
                ),
                "`eps` is added before the second moment is corrected. That is another common form; "
                "in Adam's own, correct it first, then add `eps` to the root.",
            ),
            Mistake(
                partial(adam, inside=True),
                "`eps` stands inside the root. Adam adds it to the root: `np.sqrt(v) + eps`.",
            ),
            Mistake(
                partial(adam, added=False),
                "`eps` is missing. Without it a gradient of zero would be 0 / 0.",
            ),
            Mistake(
                partial(adam, rooted=False),
                "You divide by the mean square. Its root has the units of a gradient: "
                "`np.sqrt(...)`.",
            ),
            Mistake(
                partial(adam, squared=False),
                "The second moment averages absolute values here. It averages `grad**2`.",
            ),
            Mistake(
                partial(adam, swapped=True),
                "The betas are the wrong way round: beta is the weight of the *old* average, the "
                "new value gets `1 - beta`.",
            ),
            Mistake(
                partial(adam, sign=1),
                "A sign: W moves against the gradient, `W - lr * ...`.",
            ),
            Mistake(
                lambda W, grad, first, second, t, lr, beta1, beta2, eps: (
                    adam(W, grad, first, second, t, lr, beta1, beta2, eps)[0],
                    *(
                        moment / (1 - beta**t)
                        for moment, beta in zip(
                            adam(W, grad, first, second, t, lr, beta1, beta2, eps)[1:],
                            (beta1, beta2),
                        )
                    ),
                ),
                "The new W is right, but you return the corrected moments. The averages go on "
                "uncorrected, or they would be corrected again at the next step.",
            ),
        ],
        hints=[
            "First both averages: `first = beta1 * first + (1 - beta1) * grad`, then `second`.",
            "Corrected: `mean = first / (1 - beta1**t)`, and the same for the square.",
            "`W - lr * mean / (np.sqrt(square) + eps)`, and return the averages uncorrected.",
        ],
    ),
]

check = checker("weight_decay", EXERCISES)
