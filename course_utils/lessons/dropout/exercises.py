"""Exercises of notebook 07."""

from functools import partial

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker


def dropout_forward(x, keep, p):
    return x * keep / (1 - p)


def inputs_and_masks(rng):
    for p in (0.2, 0.4, 0.8):
        keep = np.ones((3, 4), int)
        keep[0, 1] = keep[1, 0] = keep[1, 3] = keep[2, 2] = keep[2, 3] = 0  # not a share of p
        yield rng.standard_normal((3, 4)).round(1), keep, p


def there_and_back(x, grad_y, p, seed):
    return both_ways(x, grad_y, p, seed)


def gradients_and_seeds(rng):
    for p, seed in ((0.25, 1), (0.4, 2), (0.7, 3)):
        yield *rng.standard_normal((2, 4, 3)).round(1), p, seed


def both_ways(x, grad_y, p, seed, *, back=None, scale=True, kept=np.greater_equal):
    """Forward and backward with what can go wrong as an argument: ``back(rng, mask, x)``."""
    rng = np.random.default_rng(seed)
    mask = kept(rng.random(x.shape), p) / ((1 - p) if scale else 1)
    return x * mask, grad_y * (mask if back is None else back(rng, mask, x))


def dropout_penalty(X, w, p):
    return p / (1 - p) * np.sum(w**2 * np.sum(X**2, axis=0))


def regressions(rng):
    for p in (0.2, 0.4, 0.8):
        X = (rng.standard_normal((5, 3)) * [1, 2, 3] + [0, 1, -2]).round(1)
        yield X, rng.standard_normal(3).round(1), p


def critical_c(p, slope):
    return 2 * (1 - p) / (1 + slope**2)


def rates_and_slopes(rng):
    return [(0.1, 0.2), (0.3, 0.5), (0.75, 0.1), (0.0, 0.3), (0.2, 0.0)]


def passes_needed(deviation, precision):
    return int(np.ceil((deviation / precision) ** 2))


def deviations(rng):
    # The last two come out even: 16 and 9.
    return [(0.3, 0.07), (0.5, 0.013), (0.9, 0.25), (0.1, 0.04), (2.0, 0.5), (1.5, 0.5)]


EXERCISES = [
    Exercise(
        dropout_forward,
        cases=inputs_and_masks,
        mistakes=[
            Mistake(
                lambda x, keep, p: x * keep,
                "The entries are zeroed, and the rest is left as it was. Then the mean shrinks by "
                "1 - p. Which factor brings it back?",
            ),
            Mistake(
                lambda x, keep, p: x * keep / p,
                "You divide by `p`, the chance to be zeroed. The mean shrinks by the chance to be "
                "*kept*.",
            ),
            Mistake(
                lambda x, keep, p: x * keep * (1 - p),
                "You multiply by 1 - p. That is what the older form of dropout does at test time; "
                "in training the entries that are left must grow.",
            ),
            Mistake(
                lambda x, keep, p: x * keep / keep.mean(),
                "You divide by the share that this mask happens to keep. The factor is fixed: it "
                "comes from the chance, 1 - p.",
            ),
            Mistake(
                lambda x, keep, p: x * (1 - keep) / (1 - p),
                "The mask is turned around: you keep what should go.",
            ),
            Mistake(
                lambda x, keep, p: x * keep / np.sqrt(1 - p),
                "With the root of 1 - p you keep the second moment. Dropout keeps the mean.",
            ),
            Mistake(
                lambda x, keep, p: x / (1 - p),
                "You scale everything and zero nothing: the mask is missing.",
            ),
        ],
        hints=[
            "`keep` is 1 where an entry stays and 0 where it goes.",
            "When an entry is kept, what must it be for its mean over the draws to stay what it was?",
        ],
    ),
    Exercise(
        there_and_back,
        cases=gradients_and_seeds,
        returns=("y", "grad_x"),
        mistakes=[
            Mistake(
                lambda x, grad_y, p, seed: both_ways(
                    x,
                    grad_y,
                    p,
                    seed,
                    back=lambda rng, mask, x: (rng.random(x.shape) >= p) / (1 - p),
                ),
                "The way back has a new mask. The gradient belongs to what the forward pass did: "
                "draw once, keep the mask, use it twice.",
            ),
            Mistake(
                lambda x, grad_y, p, seed: both_ways(
                    x, grad_y, p, seed, back=lambda rng, mask, x: mask * (1 - p)
                ),
                "On the way back the division by 1 - p is missing. The output is `x` times the "
                "whole mask, so its derivative is the whole mask.",
            ),
            Mistake(
                lambda x, grad_y, p, seed: both_ways(
                    x, grad_y, p, seed, back=lambda rng, mask, x: 1.0
                ),
                "The gradient passes through unchanged, as in evaluation mode. What was zeroed "
                "has had no part in the loss.",
            ),
            Mistake(
                lambda x, grad_y, p, seed: both_ways(
                    x, grad_y, p, seed, back=lambda rng, mask, x: mask * x
                ),
                "There is a factor `x` too many in the gradient: the derivative of `mask * x` with "
                "respect to `x` is the mask.",
            ),
            Mistake(
                lambda x, grad_y, p, seed: both_ways(
                    x, grad_y, p, seed, back=lambda rng, mask, x: mask**2
                ),
                "The way back has the mask twice. Once is enough: the output is linear in `x`.",
            ),
            Mistake(
                lambda x, grad_y, p, seed: both_ways(x, grad_y, p, seed, scale=False),
                "Both ways use the same mask, but without the division by 1 - p.",
            ),
            Mistake(
                lambda x, grad_y, p, seed: both_ways(x, grad_y, 1 - p, seed),
                "You drop with probability 1 - p. An entry is kept where the random number is at "
                "least `p`.",
            ),
            Mistake(
                partial(both_ways, kept=lambda u, p: u < p),
                "You keep what should go: an entry is kept where the random number is at least `p`.",
            ),
            Mistake(
                partial(both_ways, kept=lambda u, p: u < 1 - p),
                "You keep where the random number is below 1 - p. That has the right probability, "
                "but from the same seed it keeps other entries: here it is `>= p`.",
            ),
        ],
        hints=[
            "Keep an entry where `np.random.default_rng(seed).random(x.shape)` is at least `p`.",
            "Give the mask a name, since it is needed twice.",
        ],
    ),
    Exercise(
        dropout_penalty,
        cases=regressions,
        mistakes=[
            Mistake(
                lambda X, w, p: p / (1 - p) * np.sum(w**2),
                "This is plain ridge. Dropout's penalty gives each weight the squared length of "
                "its column of `X`.",
            ),
            Mistake(
                lambda X, w, p: p * np.sum(w**2 * np.sum(X**2, axis=0)),
                "The factor is the variance of a mask's entry. With the division by 1 - p that "
                "is p / (1 - p).",
            ),
            Mistake(
                lambda X, w, p: np.sum(w**2 * np.sum(X**2, axis=0)) / (1 - p),
                "The factor 1 / (1 - p) is a mask's second moment. The square of its mean, 1, is "
                "already in the first term of the loss.",
            ),
            Mistake(
                lambda X, w, p: p * (1 - p) * np.sum(w**2 * np.sum(X**2, axis=0)),
                "p (1 - p) is the variance of a mask of zeros and ones. Here the ones are "
                "1 / (1 - p).",
            ),
            Mistake(
                lambda X, w, p: (1 - p) / p * np.sum(w**2 * np.sum(X**2, axis=0)),
                "The factor is upside down: more dropout, more penalty.",
            ),
            Mistake(
                lambda X, w, p: p / (1 - p) * np.sum(w**2 * np.var(X, axis=0)) * len(X),
                "You take the columns' variances. Zeroing an entry takes away all of it, mean "
                "included: squared lengths, not variances.",
            ),
            Mistake(
                lambda X, w, p: p / (1 - p) * np.sum((X @ w) ** 2),
                "You square the sum over the columns. Different columns' masks are independent, so "
                "the cross terms vanish: square first, then sum.",
            ),
            Mistake(
                lambda X, w, p: p / (1 - p) * np.sum(w**2 * np.mean(X**2, axis=0)),
                "You take means over the examples. The loss here is a sum over them.",
            ),
        ],
        hints=[
            "A prediction is a sum of independent terms. What is its variance over the masks?",
            "The variance of a mask's entry is p / (1 - p).",
            "Sum over the examples: sum_k x_kj^2 is the squared length of column j.",
        ],
    ),
    Exercise(
        critical_c,
        cases=rates_and_slopes,
        mistakes=[
            Mistake(
                lambda p, slope: 2 / (1 + slope**2),
                "That is right in evaluation mode only. In training dropout multiplies the square "
                "by 1 / (1 - p).",
            ),
            Mistake(
                lambda p, slope: 2 * (1 - p),
                "That is right for ReLU. The negative half is not lost here: its squares count "
                "`slope`^2.",
            ),
            Mistake(
                lambda p, slope: 2 / (1 - p) / (1 + slope**2),
                "This makes it grow twice: dropout already enlarges the square.",
            ),
            Mistake(
                lambda p, slope: (1 - p) / (1 + slope**2),
                "Half of the values are positive and half negative, so the square is multiplied by "
                "(1 + slope^2) / 2: the 2 is missing.",
            ),
            Mistake(
                lambda p, slope: 2 * (1 - p) / (1 + slope),
                "The squares of the negative half are multiplied by the square of `slope`.",
            ),
            Mistake(
                lambda p, slope: 2 * (1 - p) * (1 + slope**2),
                "A leak makes the signal longer, so c must be smaller, not larger.",
            ),
            Mistake(
                lambda p, slope: 2 * np.sqrt(1 - p) / (1 + slope**2),
                "c is a variance, so it meets the square of the length: no root.",
            ),
            Mistake(
                lambda p, slope: 2 * p / (1 + slope**2),
                "p is the chance to be zeroed; it is 1 - p that counts.",
            ),
        ],
        hints=[
            "Half of the values stay, half are multiplied by `slope`. And their mean square?",
            "Dropout divides it by 1 - p. Set the product of all factors, c among them, to one.",
        ],
    ),
    Exercise(
        passes_needed,
        cases=deviations,
        mistakes=[
            Mistake(
                lambda deviation, precision: int(np.ceil(deviation / precision)),
                "The error falls with the root of the number of passes: half of it costs four "
                "times as many.",
            ),
            Mistake(
                lambda deviation, precision: int((deviation / precision) ** 2),
                "Rounded down, it is not quite enough: round up.",
            ),
            Mistake(
                lambda deviation, precision: int((deviation / precision) ** 2) + 1,
                "Where it comes out even this is one too many: *at most* the precision, so equality "
                "is enough. Round up, `np.ceil`, in place of down and one more.",
            ),
            Mistake(
                lambda deviation, precision: (deviation / precision) ** 2,
                "Nearly: a number of passes is a whole number. Round up.",
            ),
            Mistake(
                lambda deviation, precision: int(np.ceil(deviation / precision**2)),
                "The deviation is squared too: deviation / sqrt(K) must come down to `precision`.",
            ),
        ],
        hints=[
            "The mean of K independent passes has deviation `deviation / sqrt(K)`.",
            "Solve for K, then round up to a whole number.",
        ],
    ),
]

check = checker("dropout", EXERCISES)
