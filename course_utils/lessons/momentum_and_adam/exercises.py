"""Exercises of notebook 08, behind its blanks."""

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker
from course_utils.lessons.momentum_and_adam.blanks import BLANKS


def translated_decay(lr, momentum, weight_decay, lr_adamw):
    return lr * weight_decay / (1 - momentum) / lr_adamw


def recipes(rng):
    for lr, momentum in ((0.1, 0.9), (0.2, 0.8), (0.05, 0.5)):
        yield lr, momentum, round(rng.uniform(0.1, 0.9), 2), round(rng.uniform(0.003, 0.03), 3)


def uncorrected_length(t, beta1, beta2):
    return (1 - beta1**t) / np.sqrt(1 - beta2**t)


def early_steps(rng):
    for t in (1, 2, 7):
        yield t, *rng.uniform(0.3, 0.95, 2).round(2).tolist()


def forgotten_power(step):
    def is_wrong(beta1, beta2):
        W, first, second = np.zeros((3, 1))
        for t in (1, 2):
            before = W
            W, first, second = step(before, np.ones(1), first, second, t, 1.0, beta1, beta2, 1e-8)
        return abs(before[0] - W[0] - 1) > 1e-3

    found = is_wrong(0.9, 0.0), is_wrong(0.0, 0.9)
    return {(1, 0): "first", (0, 1): "second", (1, 1): "both", (0, 0): "neither"}[found]


class Suspect:
    """An optimizer's step that forgets the power t for some of its moments, or for none."""

    def __init__(self, forgets):
        self.forgets = forgets

    def __call__(self, W, grad, first, second, t, lr, beta1, beta2, eps):
        first = beta1 * first + (1 - beta1) * grad
        second = beta2 * second + (1 - beta2) * grad**2
        mean = first / (1 - beta1 ** (1 if "first" in self.forgets else t))
        square = second / (1 - beta2 ** (1 if "second" in self.forgets else t))
        return W - lr * mean / (np.sqrt(square) + eps), first, second

    def __repr__(self):
        if self.forgets:
            return f"<a step that forgets t in the {' and the '.join(self.forgets)} moment>"
        return "<a step that is right>"


def suspects(rng):
    kinds = [("first", "second"), (), ("second",), ("first",)]
    for i in rng.permutation(len(kinds)):  # so that who counts calls finds nothing
        yield (Suspect(kinds[i]),)


EXERCISES = [
    *BLANKS,
    Exercise(
        translated_decay,
        cases=recipes,
        mistakes=[
            Mistake(
                lambda lr, momentum, lam, lr_adamw: lr * lam / lr_adamw,
                "That would be right without momentum. The velocity adds up the decay of many "
                "steps: by which factor?",
            ),
            Mistake(
                lambda lr, momentum, lam, lr_adamw: lam / (1 - momentum),
                "The learning rates are missing. In both recipes the share lost at a step has a "
                "learning rate in it, and they are not the same.",
            ),
            Mistake(
                lambda lr, momentum, lam, lr_adamw: (1 - momentum) * lr * lam / lr_adamw,
                "Momentum makes L2 decay stronger, so decoupled decay needs a larger number, not a "
                "smaller one: divide by `1 - momentum`.",
            ),
            Mistake(
                lambda lr, momentum, lam, lr_adamw: lam / (1 - momentum) * lr_adamw / lr,
                "The learning rates are the wrong way round: the smaller AdamW's is, the larger "
                "its decay has to be.",
            ),
            Mistake(
                lambda lr, momentum, lam, lr_adamw: lr * lam / (1 - momentum),
                "This is the share of a weight that the first recipe takes away at a step. AdamW "
                "takes `lr_adamw` times its own decay: solve for that.",
            ),
            Mistake(
                lambda lr, momentum, lam, lr_adamw: lr * lam / momentum / lr_adamw,
                "The sum of all powers of mu is 1 / (1 - mu), not 1 / mu.",
            ),
            Mistake(
                lambda lr, momentum, lam, lr_adamw: lam,
                "The same number in another optimizer is another decay.",
            ),
        ],
        hints=[
            "AdamW takes the share `lr_adamw * (its decay)` from a weight at each step.",
            "L2 with momentum, in the long run: `lr * weight_decay / (1 - momentum)`.",
        ],
    ),
    Exercise(
        uncorrected_length,
        cases=early_steps,
        mistakes=[
            Mistake(
                lambda t, beta1, beta2: np.sqrt(1 - beta2**t) / (1 - beta1**t),
                "Upside down: the first moment is divided by the root of the second.",
            ),
            Mistake(
                lambda t, beta1, beta2: (1 - beta1**t) / (1 - beta2**t),
                "The root of the second moment is missing.",
            ),
            Mistake(
                lambda t, beta1, beta2: (1 - beta1) / np.sqrt(1 - beta2) + 0 * t,
                "This is the first step. After t steps the shares add up to more.",
            ),
            Mistake(
                lambda t, beta1, beta2: 1.0,
                "This is the corrected step. Without the correction both moments are too small, "
                "and not by the same factor.",
            ),
            Mistake(
                lambda t, beta1, beta2: beta1**t / np.sqrt(beta2**t),
                "beta**t is the share that is still missing. What has come in is `1 - beta**t`.",
            ),
            Mistake(
                lambda t, beta1, beta2: 1 - beta1**t,
                "The first moment is right. The second is too small as well, and divides it.",
            ),
            Mistake(
                lambda t, beta1, beta2: (1 - beta1**t) / np.sqrt(1 - beta1**t),
                "The second moment has a beta of its own, `beta2`.",
            ),
        ],
        hints=[
            "With a gradient that is always g, the first moment is g times a sum of shares.",
            "The second is g squared times another. Divide by its root: g goes out.",
        ],
    ),
    Exercise(
        forgotten_power,
        cases=suspects,
        mistakes=[
            Mistake(
                lambda step: "neither",
                "It acquits all of them. At the first step t is 1, and so is the power: there is "
                "nothing to see yet. Look at the second step, or a later one.",
            ),
            Mistake(
                lambda step: "both",
                "It finds both in all of them, in a right one too. Do t = 1, 2, 3, ... and the "
                "moments that came back go into the next step?",
            ),
            Mistake(
                lambda step: "both" if step.forgets else "neither",
                "It sees that something is wrong, and says `both` whatever it is. A moment whose "
                "beta is 0 has nothing to forget: then it is the other one's turn.",
            ),
            Mistake(
                lambda step: {("first",): "second", ("second",): "first", (): "neither"}.get(
                    step.forgets, "both"
                ),
                "The two moments are exchanged.",
            ),
            Mistake(
                lambda step: "first" if "first" in step.forgets else "neither",
                "It looks at the first moment only.",
            ),
            Mistake(
                lambda step: "second" if "second" in step.forgets else "neither",
                "It looks at the second moment only.",
            ),
        ],
        hints=[
            "With a gradient that is always 1, how long is each step of a right Adam?",
            (
                "`W, first, second = step(W, np.ones(1), first, second, t, 1.0, beta1, beta2, "
                "1e-8)` for t = 1, 2, ...: look at the last step."
            ),
            "With `beta2 = 0` the second moment has no memory, and what is wrong is the first's.",
        ],
    ),
]

check = checker("momentum_and_adam", EXERCISES)
