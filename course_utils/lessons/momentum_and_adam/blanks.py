"""What the student of notebook 08 writes before ours is shown."""

from functools import partial

import numpy as np

from course_utils.lab.checker import Exercise, Mistake


def momentum_update(W, grad, velocity, lr, mu):
    velocity = mu * velocity + grad
    return W - lr * velocity, velocity


def rolling_weights(rng):
    for lr, mu in ((0.15, 0.9), (0.55, 0.8), (0.35, 0.6)):
        yield *rng.standard_normal((3, 3)).round(1), lr, mu


def rolling(W, grad, velocity, lr, mu, old=None, new=1.0, sign=-1, use="new"):
    """A momentum step with everything that can go wrong as an argument."""
    later = (mu if old is None else old) * velocity + new * grad
    used = {"new": later, "old": velocity, "grad": grad, "ahead": grad + mu * later}[use]
    return W + sign * lr * used, later


def adam_step(W, grad, first, second, t, lr, beta1, beta2, eps):
    first = beta1 * first + (1 - beta1) * grad
    second = beta2 * second + (1 - beta2) * grad**2
    mean = first / (1 - beta1**t)
    square = second / (1 - beta2**t)
    return W - lr * mean / (np.sqrt(square) + eps), first, second


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
    square = grad**2 if squared else np.abs(grad)
    if swapped:
        first, second = (1 - beta1) * first + beta1 * grad, (1 - beta2) * second + beta2 * square
    else:
        first = beta1 * first + (1 - beta1) * grad
        second = beta2 * second + (1 - beta2) * square
    mean = first / (1 - beta1 ** (t + shift)) if corrected[0] else first
    square = second / (1 - beta2 ** (t + shift)) if corrected[1] else second
    eps = eps if added else 0
    if inside:
        scale = np.sqrt(square + eps)
    else:
        scale = (np.sqrt(square) if rooted else square) + eps
    return W + sign * lr * mean / scale, first, second


def correcting_the_root(W, grad, first, second, t, lr, beta1, beta2, eps):
    _, first, second = adam(W, grad, first, second, t, lr, beta1, beta2, eps)
    scale = np.sqrt(second) / (1 - beta2**t) + eps
    return W - lr * first / (1 - beta1**t) / scale, first, second


def returning_corrected(W, grad, first, second, t, lr, beta1, beta2, eps):
    W, first, second = adam(W, grad, first, second, t, lr, beta1, beta2, eps)
    return W, first / (1 - beta1**t), second / (1 - beta2**t)


def multiplying_the_correction(W, grad, first, second, t, lr, beta1, beta2, eps):
    _, first, second = adam(W, grad, first, second, t, lr, beta1, beta2, eps)
    scale = np.sqrt(second * (1 - beta2**t)) + eps
    return W - lr * first * (1 - beta1**t) / scale, first, second


def adding_eps_to_the_step(W, grad, first, second, t, lr, beta1, beta2, eps):
    W, first, second = adam(W, grad, first, second, t, lr, beta1, beta2, eps, added=False)
    return W + eps, first, second


def l2_step(update, W, grad, lr, weight_decay):
    return update(W, grad + weight_decay * W)


def decoupled_step(update, W, grad, lr, weight_decay):
    return update((1 - lr * weight_decay) * W, grad)


def with_velocity(answer, W, grad, velocity, lr, weight_decay):
    """A decay around a step with momentum 0.8: the new W and the new velocity."""
    return answer(
        lambda W, grad: momentum_update(W, grad, velocity, lr, 0.8), W, grad, lr, weight_decay
    )


def decaying_weights(rng):
    for _ in range(3):
        W, grad, velocity = rng.standard_normal((3, 3)).round(1)
        yield W, grad, velocity, *rng.uniform(0.2, 0.9, 2).round(2).tolist()


def shrunk_afterwards(update, W, grad, lr, weight_decay):
    W, memory = update(W, grad)
    return (1 - lr * weight_decay) * W, memory


BLANKS = [
    Exercise(
        momentum_update,
        blank=True,
        cases=rolling_weights,
        returns=("new_W", "velocity"),
        mistakes=[
            Mistake(
                lambda W, grad, velocity, lr, mu: rolling(W, grad, velocity, lr, mu, new=1 - mu),
                "The new gradient is multiplied by `1 - mu`, which makes an average of the "
                "gradients. Here the velocity is their sum: the new one enters in full.",
            ),
            Mistake(
                partial(rolling, use="old"),
                "W moves by the old velocity. Add the new gradient to it first, then step.",
            ),
            Mistake(
                partial(rolling, use="grad"),
                "W moves by the gradient alone. The velocity is what it moves by.",
            ),
            Mistake(
                partial(rolling, use="ahead"),
                "W moves by `grad + mu * velocity` with the new velocity: that is Nesterov's form. "
                "Here it moves by the velocity itself.",
            ),
            Mistake(
                partial(rolling, old=1.0),
                "Nothing is forgotten: multiply the old velocity by `mu`.",
            ),
            Mistake(
                partial(rolling, old=0.0),
                "The old velocity is not used: `mu * velocity + grad`.",
            ),
            Mistake(
                partial(rolling, new=-1.0),
                "A sign: the velocity adds up the gradients, and W goes against it.",
            ),
            Mistake(
                partial(rolling, sign=1),
                "A sign: W goes *against* the velocity, `W - lr * velocity`.",
            ),
            Mistake(
                lambda W, grad, velocity, lr, mu: (
                    W - (mu * velocity + lr * grad),
                    mu * velocity + lr * grad,
                ),
                "Your velocity contains `lr` already. In PyTorch's form it adds up gradients only, "
                "and `lr` comes in where W moves.",
            ),
            Mistake(
                lambda W, grad, velocity, lr, mu: (
                    W + (mu * velocity - lr * grad),
                    mu * velocity - lr * grad,
                ),
                "Your velocity points downhill and contains `lr` already. Here it adds up "
                "gradients, `mu * velocity + grad`, and `-lr` comes in where W moves.",
            ),
            Mistake(
                partial(rolling, new=-1.0, sign=1),
                "Your velocity points downhill. Here it adds up the gradients themselves, "
                "`mu * velocity + grad`, and the minus stands where W moves.",
            ),
            Mistake(
                lambda W, grad, velocity, lr, mu: (
                    W - (mu * velocity + grad),
                    mu * velocity + grad,
                ),
                "The step is not multiplied by `lr`.",
            ),
            Mistake(
                lambda W, grad, velocity, lr, mu: (
                    W - lr * (mu * velocity + grad),
                    velocity + 0 * grad,
                ),
                "W is right, but you return the old velocity: then nothing is ever remembered.",
            ),
        ],
        hints=[
            "The new velocity is `mu` times the old one, plus `grad` in full.",
            "Then `W - lr * velocity`, with the new velocity. Return both.",
        ],
    ),
    Exercise(
        adam_step,
        blank=True,
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
                "`eps` is added before the second moment is corrected. That is another common "
                "form; in Adam's own, correct it first, then add `eps` to the root.",
            ),
            Mistake(
                correcting_the_root,
                "You take the root first and correct it then. Correct the second moment itself, "
                "then take the root.",
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
                adding_eps_to_the_step,
                "`eps` is added to the new W, not to the root: parentheses around "
                "`np.sqrt(...) + eps` are missing.",
            ),
            Mistake(
                multiplying_the_correction,
                "You multiply by `1 - beta**t`, which makes a small average smaller. Divide by it.",
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
                returning_corrected,
                "The new W is right, but you return the corrected moments. The averages go on "
                "uncorrected, or they would be corrected again at the next step.",
            ),
        ],
        hints=[
            "First both averages: `first = beta1 * first + (1 - beta1) * grad`, then `second`.",
            (
                "The shares of all gradients so far, (1 - beta)(1 + beta + ...) with t terms, add "
                "up to `1 - beta**t`. Divide each average by its own."
            ),
            "`W - lr * mean / (np.sqrt(square) + eps)`, and return the averages uncorrected.",
        ],
    ),
    Exercise(
        l2_step,
        blank=True,
        run=with_velocity,
        cases=decaying_weights,
        returns=("new_W", "velocity"),
        mistakes=[
            Mistake(
                lambda update, W, grad, lr, lam: update(W, grad + lr * lam * W),
                "`lr` is in it twice: the penalty's gradient is `weight_decay * W`, and the update "
                "multiplies the whole gradient by `lr`.",
            ),
            Mistake(
                decoupled_step,
                "Here W shrinks directly, past the update: that is the other form. In the L2 form "
                "`weight_decay * W` is a part of the gradient that the update gets.",
            ),
            Mistake(
                shrunk_afterwards,
                "W decays after the update, which never hears of it. In the L2 form "
                "`weight_decay * W` is a part of the gradient that the update gets.",
            ),
            Mistake(
                lambda update, W, grad, lr, lam: update(W, grad + lam / 2 * W**2),
                "You add the penalty itself to the gradient. Add the penalty's gradient.",
            ),
            Mistake(
                lambda update, W, grad, lr, lam: update(W, grad + lam / 2 * np.sum(W**2)),
                "You add the penalty itself, one number, to the gradient. Add its gradient, which "
                "has the shape of W.",
            ),
            Mistake(
                lambda update, W, grad, lr, lam: W - lr * (grad + lam * W),
                "This is a step of plain descent. The step is for `update` to make: hand it the "
                "gradient of loss and penalty, and return what it gives.",
            ),
            Mistake(
                lambda update, W, grad, lr, lam: update(W, grad - lam * W),
                "A sign: the gradient of the penalty is `+ weight_decay * W`.",
            ),
            Mistake(
                lambda update, W, grad, lr, lam: update(W, grad + 2 * lam * W),
                "A factor 2 too much: the penalty has a half in front of its square.",
            ),
            Mistake(
                lambda update, W, grad, lr, lam: update(W, grad),
                "There is no decay: `weight_decay` is not used.",
            ),
            Mistake(
                lambda update, W, grad, lr, lam: update(W, lam * W),
                "The gradient of the loss is lost. Add the penalty's to it.",
            ),
        ],
        hints=[
            "The gradient of lambda / 2 times the sum of squares is `weight_decay * W`.",
            "Hand `update` the gradient of loss and penalty together, and return what it gives.",
        ],
    ),
    Exercise(
        decoupled_step,
        blank=True,
        run=with_velocity,
        cases=decaying_weights,
        returns=("new_W", "velocity"),
        mistakes=[
            Mistake(
                l2_step,
                "This is the L2 form again: the decay passes through the update, which remembers "
                "it. Shrink W itself, and leave the gradient alone.",
            ),
            Mistake(
                lambda update, W, grad, lr, lam: update((1 - lam) * W, grad),
                "W shrinks by lambda itself. It loses the share `lr * weight_decay`.",
            ),
            Mistake(
                lambda update, W, grad, lr, lam: update(W - lr * lam, grad),
                "The same number is taken from every weight. Each loses the share "
                "`lr * weight_decay` of itself.",
            ),
            Mistake(
                lambda update, W, grad, lr, lam: update(lr * lam * W, grad),
                "`lr * weight_decay` is the share that W loses. It keeps the rest.",
            ),
            Mistake(
                shrunk_afterwards,
                "You shrink after the step, and so the step too. Shrink W first, then update it.",
            ),
            Mistake(
                lambda update, W, grad, lr, lam: update((1 + lr * lam) * W, grad),
                "A sign: here W grows.",
            ),
            Mistake(
                lambda update, W, grad, lr, lam: update((1 - lr * lam) * W, grad + lam * W),
                "The decay acts twice: on W, and once more in the gradient.",
            ),
            Mistake(
                lambda update, W, grad, lr, lam: update(W, grad),
                "There is no decay: `weight_decay` is not used.",
            ),
        ],
        hints=[
            "First W keeps the share `1 - lr * weight_decay` of itself.",
            "Then it takes the step that `update` makes of the gradient of the loss alone.",
        ],
    ),
]
