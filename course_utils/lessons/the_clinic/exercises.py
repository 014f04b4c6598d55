"""Blanks and exercises of notebook 12."""

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker
from course_utils.lessons.the_clinic.recipes import unsteady
from course_utils.lessons.the_clinic.signs import near, per_layer, triage

# unsteady


class Answers:
    """Answers to images, of three kinds: each its own, by what stands beside it, or by lot."""

    def __init__(self, kind, seed=0):
        self.kind, self.rng = kind, np.random.default_rng(seed)

    def __call__(self, images):
        own = np.rint(10 * images.sum(axis=1)).astype(int)
        if self.kind == "beside":
            own = own + np.roll(own, 1)
        if self.kind == "by lot":
            own = own + self.rng.integers(0, 2, len(images))
        return own % 3

    def __repr__(self):
        return f"<answers: {self.kind}>"


def askings(rng):
    for kind, m in (("by itself", 5), ("beside", 7), ("by lot", 6), ("beside", 8)):
        yield Answers(kind), rng.standard_normal((m, 2)).round(1), rng.permutation(m)


def not_put_back(answer, images, order):
    return np.mean(answer(images) != answer(images[order]))


def put_on(answer, images, order):
    return np.mean(answer(images) != answer(images[order])[order])


def same_order(answer, images, order):
    return np.mean(answer(images) != answer(images))


def kept(answer, images, order):
    return 1 - unsteady(answer, images, order)


def counted(answer, images, order):
    return unsteady(answer, images, order) * len(images)


# per_layer


def lengths_of_layers(rng):
    for layers in (2, 3, 5, 9):
        yield (np.exp(rng.normal(0, 1.5, layers)).round(2) + 0.1,)


# triage

NAMES = ("signal", "input", "back", "step", "loss", "test loss")


def patients(rng):
    yield (dict.fromkeys(NAMES, 1.0),)
    for name in NAMES:
        for value in (0.3, 0.7, 1.3, 4.0):
            yield (dict.fromkeys(NAMES, 1.0) | {name: value},)
    yield (dict.fromkeys(NAMES, 1.1) | {"loss": np.nan, "test loss": np.nan},)
    yield (dict.fromkeys(NAMES, 0.9) | {"test loss": np.inf},)
    yield (dict.fromkeys(NAMES, 1.0) | {"step": 0.0, "loss": 5.0, "test loss": 5.0},)
    yield (dict.fromkeys(NAMES, 1.0) | {"loss": 3.0, "test loss": 5.0},)


def stages(first=("signal", "input", "back", "step"), off=lambda number: not near(number)):
    """A triage by these numbers, with another notion of what is off."""

    def triage(f):
        if any(off(f[name]) for name in first):
            return "before the first step"
        if off(f["loss"]):
            return "while it trains"
        return "at the test" if off(f["test loss"]) else "nowhere"

    return triage


def too_large_later(f):
    """A loss is off only if it is too large, and so not if it is no number."""
    if stages()(f) == "before the first step":
        return "before the first step"
    if f["loss"] > 1.25:
        return "while it trains"
    return "at the test" if f["test loss"] > 1.25 else "nowhere"


def last_first(f):
    if not near(f["test loss"]):
        return "at the test"
    return triage(f)


def all_of_them(f):
    if all(not near(f[name]) for name in ("signal", "input", "back", "step")):
        return "before the first step"
    return stages(first=())(f)


# c_of


def c_of(activation):
    hidden = activation[:-1]
    return 2 * (hidden[-1] / hidden[0]) ** (2 / (len(hidden) - 1))


def charts(rng):
    for c, layers in ((0.5, 4), (3.0, 6), (6.0, 9)):
        lengths = 7 * (c / 2) ** (np.arange(layers) / 2) * np.exp(rng.normal(0, 0.1, layers))
        yield (np.append(lengths, 3.0).round(3),)


# decay_of


def decay_of(update_ratio, lr):
    return np.median(update_ratio) / lr


def ends(rng):
    for layers, decay, lr in ((5, 0.2, 0.05), (7, 0.5, 0.1), (9, 0.03, 0.3)):
        ratios = lr * decay * np.ones(layers)
        ratios[-2:] *= 1 + rng.uniform(1, 5, 2)
        yield ratios.round(5), lr


# posterior


def posterior(prior, chance, shown):
    likelihood = np.prod(np.where(shown, chance, 1 - chance), axis=1)
    joint = prior * likelihood
    return joint / joint.sum()


def wards(rng):
    for faults, signs in ((2, 1), (3, 2), (4, 3)):
        prior = rng.dirichlet(np.ones(faults)).round(2) + 0.01
        shown = 1 - np.arange(signs) % 2
        yield prior / prior.sum(), rng.uniform(0.1, 0.9, (faults, signs)).round(2), shown


def normalized(joint):
    return joint / joint.sum()


EXERCISES = [
    Exercise(
        unsteady,
        blank=True,
        cases=askings,
        mistakes=[
            Mistake(
                not_put_back,
                "The second answers stand in the other order: you compare one image's answer with "
                "another's. Put each back in its place first, `second[order] = ...`.",
            ),
            Mistake(
                put_on,
                "`[order]` a second time does not undo the first. The answer to `images[order]` at "
                "place i belongs to image `order[i]`: `second[order] = ...`.",
            ),
            Mistake(
                same_order,
                "You ask in the same order twice: hand over `images[order]` the second time.",
            ),
            Mistake(kept, "This is the share that keeps its answer. How many change theirs?"),
            Mistake(counted, "This is their number. Asked for is the share: take the mean."),
        ],
        hints=[
            "Ask twice: `answer(images)`, and `answer(images[order])`.",
            (
                "Place i of the second answers belongs to image `order[i]`: make an array of the "
                "same size and write `second[order] = answer(images[order])`."
            ),
            "Then the mean of `first != second`.",
        ],
    ),
    Exercise(
        per_layer,
        blank=True,
        cases=lengths_of_layers,
        mistakes=[
            Mistake(
                lambda lengths: (lengths[-1] / lengths[0]) ** (1 / len(lengths)),
                "From the first of n layers to the last there are n - 1 steps, not n.",
            ),
            Mistake(
                lambda lengths: lengths[-1] / lengths[0],
                "This is the factor over all layers. One layer's is its root of order n - 1.",
            ),
            Mistake(
                lambda lengths: np.mean(lengths[1:] / lengths[:-1]),
                "You take the ordinary mean of the factors. Factors multiply: it is the *geometric* "
                "mean that, taken n - 1 times, leads from the first length to the last.",
            ),
            Mistake(
                lambda lengths: np.exp(np.mean(np.log(lengths))),
                "This is the geometric mean of the *lengths*. Asked for is that of the factors "
                "from one to the next, `lengths[1:] / lengths[:-1]`.",
            ),
            Mistake(
                lambda lengths: (lengths[0] / lengths[-1]) ** (1 / (len(lengths) - 1)),
                "The other way round: where lengths grow the factor is above 1.",
            ),
            Mistake(
                lambda lengths: (lengths[-1] - lengths[0]) / (len(lengths) - 1),
                "This is what a layer *adds*. Layers multiply.",
            ),
        ],
        hints=[
            "Taken n - 1 times, the factor leads from `lengths[0]` to `lengths[-1]`.",
            "So it is the root of order `len(lengths) - 1` of their ratio.",
        ],
    ),
    Exercise(
        triage,
        blank=True,
        cases=patients,
        mistakes=[
            Mistake(
                stages(off=lambda number: number > 1.25),
                "What is far too *small* is off as well, and what is not a number is off without "
                "being larger than anything. `near` knows both.",
            ),
            Mistake(
                stages(off=lambda number: number > 1.25 or number < 0.8),
                "What is not a number is neither larger than 1.25 nor smaller than 0.8, and yet it "
                "is off: ask `not near(...)`.",
            ),
            Mistake(
                too_large_later,
                "A loss that is not a number is not above 1.25 either, and this patient goes home. "
                "Ask `not near(...)` of the losses too.",
            ),
            Mistake(
                last_first,
                "Whoever is ill before the first step mostly fails at the test too. Ask for the "
                "earliest place first.",
            ),
            Mistake(
                all_of_them,
                "One of the four numbers is enough to be ill before the first step.",
            ),
            Mistake(
                stages(first=("signal", "back", "step")),
                "You forget `input`.",
            ),
            Mistake(
                stages(first=("signal", "input", "back")),
                "You forget `step`.",
            ),
        ],
        hints=[
            "Ask in the order of time, and return at the first `yes`.",
            '`if not all(near(f[name]) for name in ("signal", "input", "back", "step"))`.',
            'Then `if not near(f["loss"])`, then `f["test loss"]`, else "nowhere".',
        ],
    ),
    Exercise(
        c_of,
        cases=charts,
        mistakes=[
            Mistake(
                lambda activation: 2 * per_layer(activation[:-1]),
                "c / 2 is the factor of the *squared* length. Square yours.",
            ),
            Mistake(
                lambda activation: per_layer(activation[:-1]) ** 2,
                "This is c / 2: ReLU keeps half of the square.",
            ),
            Mistake(
                lambda activation: 2 * per_layer(activation) ** 2,
                "The last entry is the output: ten units, and no ReLU behind them. Leave it out.",
            ),
            Mistake(
                lambda activation: 2 / per_layer(activation[:-1]) ** 2,
                "The other way round: activations that grow come from a c above 2.",
            ),
            Mistake(
                lambda activation: (
                    2 * (activation[-2] / activation[0]) ** (2 / (len(activation) - 1))
                ),
                "Between n hidden layers there are n - 1 steps.",
            ),
        ],
        hints=[
            "A ReLU layer multiplies the expected squared length by c / 2 (notebook 02).",
            "Leave the output out, take the factor a layer, square it, double it.",
        ],
    ),
    Exercise(
        decay_of,
        cases=ends,
        mistakes=[
            Mistake(
                lambda update_ratio, lr: np.mean(update_ratio) / lr,
                "The mean takes in the layers that still have a gradient. Most have none: the "
                "median is theirs.",
            ),
            Mistake(
                lambda update_ratio, lr: np.median(update_ratio),
                "This is learning rate times decay.",
            ),
            Mistake(
                lambda update_ratio, lr: np.median(update_ratio) * lr,
                "A step of decay alone takes the share `lr` times λ from W. Divide.",
            ),
            Mistake(
                lambda update_ratio, lr: update_ratio / lr,
                "One number a layer. Which of them is that of a layer without a gradient?",
            ),
            Mistake(
                lambda update_ratio, lr: update_ratio[-1] / lr,
                "The last matrix still gets a gradient, so its step is more than decay.",
            ),
        ],
        hints=[
            "Without a gradient W becomes (1 - lr λ) W: update / weight is lr λ.",
            "Most layers have no gradient left, some have: the median belongs to the former.",
        ],
    ),
    Exercise(
        posterior,
        cases=wards,
        mistakes=[
            Mistake(
                lambda prior, chance, shown: normalized(
                    np.prod(np.where(shown, chance, 1 - chance), axis=1)
                ),
                "You forget how common the faults are: a sign that fits a rare one perfectly may "
                "still speak for a common one.",
            ),
            Mistake(
                lambda prior, chance, shown: normalized(prior * np.prod(chance**shown, axis=1)),
                "A sign that is *not* shown speaks too: with the chance 1 - `chance`.",
            ),
            Mistake(
                lambda prior, chance, shown: (
                    prior * np.prod(np.where(shown, chance, 1 - chance), axis=1)
                ),
                "These do not add up to 1: divide by their sum.",
            ),
            Mistake(
                lambda prior, chance, shown: normalized(prior * np.prod(chance * shown, axis=1)),
                "A sign that is *not* shown makes your product zero. It has the chance "
                "1 - `chance`.",
            ),
            Mistake(
                lambda prior, chance, shown: normalized(prior * np.prod(chance, axis=1)),
                "You do not look at which signs are shown.",
            ),
            Mistake(
                lambda prior, chance, shown: normalized(
                    prior * np.sum(np.where(shown, chance, 1 - chance), axis=1)
                ),
                "Chances of independent signs multiply.",
            ),
        ],
        hints=[
            "Bayes: posterior is prior times the chance of what was seen, divided by the sum.",
            (
                "What was seen has the chance `chance` where a sign is shown, and 1 - `chance` "
                "where it is not; multiply along the signs."
            ),
        ],
    ),
]

check = checker("the_clinic", EXERCISES)
