"""Blanks and exercises of notebook 07."""

from functools import partial
from itertools import product

import numpy as np

from course_utils.experiments.training import mode
from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker
from course_utils.nn import Layer, Linear, Sequential
from course_utils.nn.dropout import Dropout as LibraryDropout
from course_utils.nn.dropout import dropout_mask

# Blank: the mask. Whoever draws in another way is right too, so what is compared is what all right
# masks have in common.


def seen_in_mask(answer, shape, p, seed, dtype):
    """What a mask is like; what is no mask of this shape comes back as it is."""
    mask = answer(shape, p, np.random.default_rng(seed), dtype)
    if not isinstance(mask, np.ndarray) or mask.shape != shape or mask.dtype.kind not in "fb":
        return mask
    values, zero = np.unique(mask).astype(float), mask == 0
    rows, columns = zero[1:] == zero[:-1], zero[:, 1:] == zero[:, :-1]
    same, rng = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    again, other = (answer(shape, p, each, dtype) == 0 for each in (same, rng))
    small = {int(np.sum(answer((5, 8), p, rng, dtype) == 0)) for _ in range(20)}
    found = [zero, rows, columns, zero == again, zero == other]
    shares = (round(float(np.mean(each)), 1) for each in found)
    return values, *shares, "several" if len(small) > 1 else "always the same", mask.dtype.name


def mask_settings(rng):
    for p, dtype in ((0.2, np.float32), (0.7, np.float64), (0.4, np.float64)):
        yield (60, 80), p, int(rng.integers(1000)), dtype


def masks(shape, p, rng, dtype, *, drop=None, scale=None, drawn=None):
    """A mask with what can go wrong as an argument."""
    kept = rng.random(drawn or shape) >= (p if drop is None else drop)
    kept = np.broadcast_to(kept, shape)
    return kept.astype(dtype) * dtype(1 / (1 - p) if scale is None else scale)


def so_many(shape, p, rng, dtype):
    mask = np.full(shape, 1 / (1 - p), dtype)
    mask.flat[rng.permutation(mask.size)[: round(p * mask.size)]] = 0
    return mask


# Blank: the layer. Only what it makes of numbers is compared, whatever mask it draws.


class Dropout(Layer):
    """Inverted dropout, as in the library, without its checks."""

    def __init__(self, p, rng=None):
        super().__init__()
        self.p, self.rng = p, np.random.default_rng(rng)

    def forward(self, x):
        drop = self.training and self.p > 0
        self.saved = dropout_mask(x.shape, self.p, self.rng, x.dtype) if drop else np.ones_like(x)
        return x * self.saved

    def backward(self, grad_y):
        return grad_y * self.saved


def seen_in_layer(answer, shape, p, seed):
    """What a layer does, there and back; what is no layer comes back as it is."""
    layer = answer(p, np.random.default_rng(seed))
    if not hasattr(layer, "forward") or not hasattr(layer, "eval"):
        return layer
    x, grad_y = 1 + np.random.default_rng(0).random((2, *shape))  # nowhere zero
    answer(p).forward(x.copy())  # the default, too
    given = x.copy()
    first, grad_first = layer.forward(given), grad_y.copy()
    layer.backward(grad_first)
    written = float(max(abs(given - x).max(), abs(grad_first - grad_y).max()))
    y, grad_x = layer.forward(x.copy()), layer.backward(grad_y.copy())
    if any(not isinstance(each, np.ndarray) or each.shape != shape for each in (y, first, grad_x)):
        return grad_x if isinstance(y, np.ndarray) and y.shape == shape else y
    dropped, alike = y == 0, (first == 0) == (y == 0)
    factor = 0.0 if dropped.all() else float(np.median((y / x)[~dropped]))
    back = [float(np.median(each)) if len(each) else 0.0
            for each in ((grad_x / grad_y)[~dropped], (grad_x / grad_y)[dropped])]  # fmt: skip
    error = float(abs(grad_x - grad_y * (y / x)).max())
    evaluated = layer.eval().forward(x.copy())
    layer.train()  # the mode that counts is that of forward
    returned = layer.backward(grad_y.copy())
    for each in (evaluated, returned):
        if not isinstance(each, np.ndarray) or each.shape != shape:
            return each
    still = [abs(evaluated - x).max(), abs(returned - grad_y).max()]
    layer.p = 0.5
    moved = round(float(np.mean(layer.forward(x.copy()) == 0)), 1)
    shares = [round(float(each.mean()), 1) for each in (dropped, alike)]
    return written, *shares, factor, *back, error, *map(float, still), moved


IN_LAYER = (
    "change of the arrays that forward and backward are given", "share of zeros",
    "share of entries with the same fate in two passes", "factor of what is kept",
    "factor of its gradient", "factor of the gradient of what is dropped",
    "largest error of the gradient", "change of x in evaluation",
    "change of the gradient in evaluation", "share of zeros after layer.p = 0.5",
)  # fmt: skip


def layers_to_try(rng):
    for p in (0.2, 0.7, 0.4):
        yield (60, 80), p, int(rng.integers(1000))


class Unscaled(Dropout):
    def forward(self, x):
        super().forward(x)
        self.saved = np.sign(self.saved)
        return x * self.saved


class FreshOnTheWayBack(Dropout):
    def backward(self, grad_y):
        return self.forward(grad_y)


class DrawsOnTheWayBack(Dropout):
    def backward(self, grad_y):
        return grad_y * dropout_mask(grad_y.shape, self.p, self.rng, grad_y.dtype)


class InPlace(Dropout):
    def forward(self, x):
        x *= super().forward(np.ones_like(x))
        return x


class RngAsItComes(Dropout):
    def __init__(self, p, rng=None):
        super().__init__(p)
        self.rng = rng


class SameMaskEachTime(Dropout):
    def forward(self, x):
        self.rng = np.random.default_rng(0)
        return super().forward(x)


class TheModesExchanged(Dropout):
    def forward(self, x):
        drop = not self.training
        self.saved = dropout_mask(x.shape, self.p, self.rng, x.dtype) if drop else np.ones_like(x)
        return x * self.saved


class NoMaskOnTheWayBack(Dropout):
    def backward(self, grad_y):
        return grad_y


class UnscaledOnTheWayBack(Dropout):
    def backward(self, grad_y):
        return grad_y * (self.saved > 0)


class MaskTwice(Dropout):
    def backward(self, grad_y):
        return grad_y * self.saved**2


class TimesTheOutput(Dropout):
    def forward(self, x):
        self.y = super().forward(x)
        return self.y

    def backward(self, grad_y):
        return grad_y * self.y


class NoModes(Dropout):
    def forward(self, x):
        self.saved = dropout_mask(x.shape, self.p, self.rng, x.dtype)
        return x * self.saved


class ScaledInEvaluation(Dropout):
    def forward(self, x):
        if self.training:
            self.saved = (dropout_mask(x.shape, self.p, self.rng, x.dtype) > 0).astype(x.dtype)
        else:
            self.saved = np.full_like(x, 1 - self.p)
        return x * self.saved


class OneMaskForAll(Dropout):
    mask = None

    def forward(self, x):
        if self.mask is None and self.training:
            self.mask = dropout_mask(x.shape, self.p, self.rng, x.dtype)
        self.saved = self.mask if self.training else np.ones_like(x)
        return x * self.saved


class OldMaskInEvaluation(Dropout):
    def forward(self, x):
        if not self.training:
            return x
        return super().forward(x)


class OldMaskBothWays(Dropout):
    def forward(self, x):
        if self.training:
            self.saved = dropout_mask(x.shape, self.p, self.rng, x.dtype)
        return x * self.saved


class FixedRate(Dropout):
    def __init__(self, p, rng=None):
        super().__init__(p, rng)
        self.first = p

    def forward(self, x):
        self.saved = np.ones_like(x)
        if self.training:
            self.saved = dropout_mask(x.shape, self.first, self.rng, x.dtype)
        return x * self.saved


# Blank: the average over masks


def mean_over_masks(network, x, K):
    with mode(network, training=True):
        return sum(network.forward(x) for _ in range(K)) / K


def averaged(answer, p, K, seed):
    """What it makes of a small network in evaluation mode, and the mode in which it leaves this one
    and then, put into training mode, the same one again."""
    rng = np.random.default_rng(seed)
    layers = [LibraryDropout(p, rng), Linear(3, 2, rng=rng, dtype=float)]
    network = Sequential(layers).eval()
    x = rng.standard_normal((4, 3)).round(1)
    mean = answer(network, x, K)
    if not isinstance(mean, np.ndarray):
        return mean
    left = ["training" if network.training else "evaluation"]
    answer(network.train(), x, K)
    return mean, *left, "training" if network.training else "evaluation"


def averages(rng):
    return [(0.5, 3, 1), (0.25, 4, 2), (0.6, 7, 3)]


def with_mode(answer, network, x, K):
    with mode(network, training=True):
        return answer(network, x, K)


def passes(network, x, K):
    return [network.forward(x) for _ in range(K)]


def in_one_pass(network, x, K):
    return network.forward(np.repeat(x, K, axis=0)).reshape(len(x), K, -1).mean(axis=1)


def left_in_training(network, x, K):
    network.train()
    return sum(passes(network, x, K)) / K


def left_in_evaluation(network, x, K):
    mean = left_in_training(network, x, K)
    network.eval()
    return mean


# Blank: the penalty


def dropout_penalty(X, w, p):
    return p / (1 - p) * np.sum(w**2 * np.sum(X**2, axis=0))


def regressions(rng):
    for p in (0.2, 0.4, 0.8):
        X = (rng.standard_normal((5, 3)) * [1, 2, 3] + [0, 1, -2]).round(1)
        yield X, rng.standard_normal(3).round(1), p


# Exercises


def critical_c(p, slope):
    return 2 * (1 - p) / (1 + slope**2)


def rates_and_slopes(rng):
    return [(0.1, 0.2), (0.3, 0.5), (0.75, 0.1), (0.0, 0.3), (0.2, 0.0)]


def passes_needed(deviation, precision):
    return int(np.ceil((deviation / precision) ** 2))


def deviations(rng):
    # The last two come out even: 16 and 9.
    return [(0.3, 0.07), (0.5, 0.013), (0.9, 0.25), (0.1, 0.04), (2.0, 0.5), (1.5, 0.5)]


def mean_behind_relu(terms, p):
    return expectation(terms, p, lambda a: np.maximum(a, 0))


def expectation(terms, p, f, chance=lambda kept, p: np.where(kept, 1 - p, p).prod(), scale=True):
    """The mean of f(sum of what is kept) over all masks, each with its probability."""
    total = 0.0
    for kept in product([False, True], repeat=len(terms)):
        a = np.sum(np.asarray(terms) * kept) / ((1 - p) if scale else 1)
        total += chance(np.array(kept), p) * f(a)
    return float(total)


def few_terms(rng):
    yield np.array([-2.0, 3.0]), 0.4
    for p, sign in ((0.2, 1), (0.7, -1)):
        yield sign * (rng.standard_normal(4).round(1) + [1, -1, 2, -1]), p


def relu(a):
    return np.maximum(a, 0)


def subset_variance(terms, r):
    n = len(terms)
    return (n / r - 1) * n / (n - 1) * np.sum((terms - np.mean(terms)) ** 2)


def drawn_with_replacement(terms, r):
    return len(terms) ** 2 / r * np.var(terms)


def mean_square_of_sums(terms, r):
    return subset_variance(terms, r) + np.sum(terms) ** 2


def terms_and_subsets(rng):
    for n, r in ((4, 2), (5, 2), (7, 5)):
        yield (2 * rng.standard_normal(n) + 1).round(1), r


EXERCISES = [
    Exercise(
        dropout_mask,
        cases=mask_settings,
        run=seen_in_mask,
        returns=(
            "values in the mask",
            "share of zeros",
            "share of entries with the fate of the one above",
            "share of entries with the fate of the one to the left",
            "share of entries with the same fate under the same seed",
            "share of entries with the same fate under another seed",
            "numbers of zeros in 20 masks of one size",
            "dtype",
        ),
        blank=True,
        mistakes=[
            Mistake(
                partial(masks, scale=1),
                "The entries are zeroed, and the rest is left as it was. Then the mean of a mask's "
                "entry is 1 - p. Which factor brings it to one?",
            ),
            Mistake(
                lambda shape, p, rng, dtype: masks(shape, p, rng, dtype, scale=1 / p),
                "You divide by `p`, the chance to be zeroed. The mean has shrunk by the chance to "
                "be *kept*.",
            ),
            Mistake(
                lambda shape, p, rng, dtype: masks(shape, p, rng, dtype, scale=1 - p),
                "You multiply by 1 - p. That is what the older form of dropout does at test time; "
                "in training the entries that are left must grow.",
            ),
            Mistake(
                lambda shape, p, rng, dtype: masks(shape, p, rng, dtype, scale=(1 - p) ** -0.5),
                "With the root of 1 - p you keep the mean square. Dropout keeps the mean.",
            ),
            Mistake(
                lambda shape, p, rng, dtype: masks(shape, p, rng, dtype, drop=1 - p),
                "Entries are zeroed with probability 1 - p here: turned around.",
            ),
            Mistake(
                lambda shape, p, rng, dtype: masks(shape, p, rng, dtype, drop=1 - p, scale=1 / p),
                "p is the chance to be *zeroed* here. In some papers it is the chance to be kept.",
            ),
            Mistake(
                lambda shape, p, rng, dtype: masks(shape, p, rng, dtype, drawn=(1, shape[1])),
                "All rows have the same zeros. Each entry has a draw of its own: draw as many "
                "numbers as `shape` says.",
            ),
            Mistake(
                lambda shape, p, rng, dtype: masks(shape, p, rng, dtype, drawn=(shape[0], 1)),
                "All columns have the same zeros. Each entry has a draw of its own: draw as many "
                "numbers as `shape` says.",
            ),
            Mistake(
                lambda shape, p, rng, dtype: masks(shape, p, np.random.default_rng(0), dtype),
                "The same mask each time: it comes from a generator that is made anew, with the "
                "same seed, in each call. Draw from the `rng` that is handed in.",
            ),
            Mistake(
                lambda shape, p, rng, dtype: masks(shape, p, np.random.default_rng(), dtype),
                "It does not draw from the `rng` that is handed in, so that no run could be "
                "repeated: `rng.random(shape)`, not `np.random`.",
            ),
            Mistake(
                so_many,
                "Each mask has the same number of zeros. Whether one entry is zeroed must not "
                "depend on the others: draw a number for each.",
            ),
            Mistake(
                lambda shape, p, rng, dtype: masks(shape, p, rng, np.float64),
                "The mask is float64 whatever `dtype` says, and so would be all that it is "
                "multiplied with. `.astype(dtype)` makes it what is asked for.",
            ),
            Mistake(
                lambda shape, p, rng, dtype: rng.random(shape) >= p,
                "That says which entries are kept, True or False. Make numbers of them, "
                "`.astype(dtype)`, and mind the mean.",
            ),
        ],
        hints=[
            "`rng.random(shape)` draws numbers from [0, 1). With which probability is one of them "
            "at least `p`?",
            "A mask's entry is 0 with probability p and some number s otherwise. For which s is "
            "its mean one?",
            "`(rng.random(shape) >= p).astype(dtype)` has ones where an entry is kept.",
        ],
    ),
    Exercise(
        Dropout,
        cases=layers_to_try,
        run=seen_in_layer,
        returns=IN_LAYER,
        blank=True,
        mistakes=[
            Mistake(
                FreshOnTheWayBack,
                "The way back has a new mask. The gradient belongs to what the forward pass did: "
                "draw once, keep the mask, use it twice.",
            ),
            Mistake(
                DrawsOnTheWayBack,
                "The way back has a new mask. The gradient belongs to what the forward pass did: "
                "draw once, keep the mask, use it twice.",
            ),
            Mistake(
                InPlace,
                "`forward` writes into the `x` that it is given (`x *= ...`), which others still "
                "need. Return a new array: `x * mask`.",
            ),
            Mistake(
                RngAsItComes,
                "`rng` is kept as it comes, and its default is None. "
                "`np.random.default_rng(rng)` makes a generator of that, too.",
            ),
            Mistake(
                SameMaskEachTime,
                "Every pass draws the same mask: its generator is made anew each time. Make it "
                "once, in `__init__`.",
            ),
            Mistake(
                TheModesExchanged,
                "The modes are exchanged: it drops in evaluation, and not in training.",
            ),
            Mistake(
                NoMaskOnTheWayBack,
                "The gradient passes through unchanged, as in evaluation mode. What was zeroed "
                "has had no part in the loss.",
            ),
            Mistake(
                UnscaledOnTheWayBack,
                "On the way back the division by 1 - p is missing. The output is `x` times the "
                "whole mask, so its derivative is the whole mask.",
            ),
            Mistake(MaskTwice, "The way back has the mask twice. Once is right: y is linear in x."),
            Mistake(
                TimesTheOutput,
                "There is a factor `x` too many in the gradient: the derivative of `mask * x` with "
                "respect to `x` is the mask.",
            ),
            Mistake(Unscaled, "Both ways use the same mask, but without the division by 1 - p."),
            Mistake(
                NoModes,
                "It drops in evaluation mode too. `self.training` says which mode it is.",
            ),
            Mistake(
                ScaledInEvaluation,
                "You multiply by 1 - p in evaluation, as the first papers did. Here the division "
                "is done in training, so that evaluation changes nothing.",
            ),
            Mistake(
                OneMaskForAll,
                "The mask is drawn once and kept for good. Each forward pass draws a new one.",
            ),
            Mistake(
                OldMaskInEvaluation,
                "In evaluation `forward` leaves the last training mask in its place, and "
                "`backward` uses it. There its mask is all ones.",
            ),
            Mistake(
                OldMaskBothWays,
                "In evaluation the last training mask is still at work. There it is all ones.",
            ),
            Mistake(
                FixedRate,
                "It goes on with the `p` that it was made with. Read `self.p` in each forward "
                "pass: it will be moved in the middle of a training.",
            ),
        ],
        hints=[
            "`__init__`: `super().__init__()`, then keep `p` as `self.p` and the generator as "
            "`self.rng`. `np.random.default_rng(rng)` takes a generator, a seed or None.",
            "`forward`: a fresh `dropout_mask(x.shape, self.p, self.rng, x.dtype)` if "
            "`self.training`, else ones. Keep it in `self.saved`.",
            "`backward` multiplies the gradient by what `forward` has kept.",
        ],
    ),
    Exercise(
        mean_over_masks,
        cases=averages,
        run=averaged,
        returns=(
            "the mean",
            "the mode that is left of evaluation mode",
            "the mode that is left of training mode",
        ),
        blank=True,
        mistakes=[
            Mistake(
                lambda network, x, K: sum(passes(network, x, K)) / K,
                "All passes are alike: the network stands in evaluation mode, where it has no "
                "masks. Put it into training mode for them: `with mode(network, training=True):`.",
            ),
            Mistake(
                left_in_training,
                "The mean is right, but the network is left in training mode. "
                "`with mode(network, training=True):` puts it back.",
            ),
            Mistake(
                left_in_evaluation,
                "The mean is right, but a network that stood in training mode is left in "
                "evaluation mode. `with mode(network, training=True):` puts it back into its own.",
            ),
            Mistake(
                partial(with_mode, lambda network, x, K: network.forward(x) / K),
                "Only the first pass is in it, divided by K: is `return` inside the loop?",
            ),
            Mistake(
                partial(with_mode, lambda network, x, K: sum(passes(network, x, K))),
                "That is the sum over the passes: divide by their number.",
            ),
            Mistake(
                partial(with_mode, lambda network, x, K: passes(network, x, K)[-1]),
                "That is the last pass alone.",
            ),
            Mistake(
                partial(with_mode, lambda network, x, K: network.forward(x)),
                "That is one pass. Take K of them, each of which draws fresh masks.",
            ),
            Mistake(
                partial(with_mode, lambda network, x, K: np.array(passes(network, x, K))),
                "Those are all the passes, shape (K, m, n): take their mean over the first axis.",
            ),
            Mistake(
                partial(with_mode, in_one_pass),
                "You make one pass over K copies of each example. That mean is as good, but here "
                "its masks are compared with those of K passes of `x`, one after the other.",
            ),
            Mistake(
                partial(with_mode, lambda network, x, K: np.mean(passes(network, x, K))),
                "You take one mean over everything. It goes over the passes alone, axis 0, and has "
                "the shape of one pass.",
            ),
            Mistake(
                partial(with_mode, lambda network, x, K: np.mean(passes(network, x, K), axis=1)),
                "You take the mean over the examples. The passes stand along axis 0.",
            ),
        ],
        hints=[
            "`with mode(network, training=True):` puts a network into training mode for a while, "
            "and then back.",
            "`network.forward(x)` gives one pass, shape (m, n). Add up K of them and divide by K.",
        ],
    ),
    Exercise(
        dropout_penalty,
        cases=regressions,
        blank=True,
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
            Mistake(
                lambda X, w, p: p / (1 - p) * np.sum(w**2 * np.sum(X**2, axis=0)) / 2,
                "Half of it. Notebooks 05 and 06 halve square and penalty; here neither is halved.",
            ),
            Mistake(
                lambda X, w, p: p / (1 - p) * np.sum(w**2 * np.linalg.norm(X, axis=0)),
                "You take the columns' lengths. The variance of a term has its square: `x_kj**2`.",
            ),
            Mistake(
                lambda X, w, p: p / (1 - p) * np.sum(X**2 * w**2, axis=1),
                "You have the variance of each prediction, a number an example. The loss adds up "
                "all examples.",
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
            Mistake(
                lambda p, slope: (1 + slope**2) / 2 / (1 - p),
                "That is what a layer multiplies the square by, c left out. c is such that the "
                "product is one.",
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
                lambda deviation, precision: round((deviation / precision) ** 2),
                "Rounded to the nearest whole number, it is at times not quite enough: round up.",
            ),
            Mistake(
                lambda deviation, precision: int(np.ceil(deviation / precision)) ** 2,
                "Rounded up before the square, it is too many. Square first, then round up.",
            ),
            Mistake(
                lambda deviation, precision: int(np.ceil(deviation**2 / precision)),
                "`precision` is a deviation, as `deviation` is: both are squared.",
            ),
            Mistake(
                lambda deviation, precision: int((deviation / precision) ** 2) + 1,
                "Where it comes out even this is one too many: *at most* the precision, so "
                "equality is enough. Round up, `np.ceil`, in place of down and one more.",
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
    Exercise(
        mean_behind_relu,
        cases=few_terms,
        mistakes=[
            Mistake(
                lambda terms, p: float(relu(np.sum(terms))),
                "That is the ReLU of the mean. Asked for is the mean of the ReLU, over the masks.",
            ),
            Mistake(
                lambda terms, p: expectation(terms, p, lambda a: a),
                "That is the mean of the sum, without the ReLU: it is the sum of the terms.",
            ),
            Mistake(
                lambda terms, p: expectation(terms, p, relu, lambda kept, p: 0.5 ** len(kept)),
                "Your masks are all equally likely. One that keeps k of n terms has probability "
                "(1 - p)^k p^(n - k).",
            ),
            Mistake(
                lambda terms, p: expectation(
                    terms, p, relu, lambda kept, p: np.where(kept, p, 1 - p).prod()
                ),
                "The probabilities are turned around: p is the chance to be zeroed.",
            ),
            Mistake(
                lambda terms, p: expectation(terms, p, relu, scale=False),
                "What is kept must be divided by 1 - p.",
            ),
            Mistake(
                lambda terms, p: float(np.sum(relu(np.asarray(terms)))),
                "That is the sum of the terms' ReLUs. There is one ReLU, of the sum.",
            ),
        ],
        hints=[
            "With n terms there are 2^n masks: `itertools.product([0, 1], repeat=n)` goes through "
            "them.",
            "A mask's probability is the product of 1 - p for each term kept and p for each that "
            "goes.",
            "Add up probability times `max(a, 0)`, with a the sum of what is kept over 1 - p.",
        ],
    ),
    Exercise(
        subset_variance,
        cases=terms_and_subsets,
        mistakes=[
            Mistake(
                drawn_with_replacement,
                "That is right if a term may be drawn twice. Here what is drawn is gone: with all "
                "n kept, nothing varies.",
            ),
            Mistake(
                mean_square_of_sums,
                "That is the mean of the squares. The variance is what is left after taking away "
                "the square of the mean.",
            ),
            Mistake(
                lambda terms, r: (len(terms) / r - 1) * np.sum(np.square(terms)),
                "That is right for independent draws. Here a term that is kept takes a place from "
                "the others: were all terms alike, every subset would give the same sum.",
            ),
            Mistake(
                lambda terms, r: (len(terms) / r - 1) * np.sum((terms - np.mean(terms)) ** 2),
                "Nearly: two terms' draws have a covariance of their own. What does your formula "
                "give for n = 2, r = 1, by hand?",
            ),
            Mistake(
                lambda terms, r: (
                    r
                    / len(terms)
                    * (1 - r / len(terms))
                    * len(terms)
                    / (len(terms) - 1)
                    * np.sum((terms - np.mean(terms)) ** 2)
                ),
                "That is the variance of the sum of the kept terms. Each of them is multiplied by "
                "n / r.",
            ),
            Mistake(
                lambda terms, r: (
                    (len(terms) / r - 1)
                    * len(terms)
                    / (len(terms) - 1)
                    * np.sum((terms - np.mean(terms)) ** 2)
                    / len(terms)
                ),
                "You take the mean of the squares where their sum is wanted.",
            ),
            Mistake(
                lambda terms, r: (
                    len(terms)
                    / r
                    * len(terms)
                    / (len(terms) - 1)
                    * np.sum((terms - np.mean(terms)) ** 2)
                ),
                "If all terms are kept, r = n, nothing varies. Yours does.",
            ),
        ],
        hints=[
            "A constant added to every term changes no variance here, since exactly r are kept. So "
            "take the mean of the terms away first.",
            "One term is kept with probability r / n, two given ones with r (r - 1) / (n (n - 1)).",
            "Terms that add up to zero have (sum of t_j)^2 = 0: so the cross terms add up to minus "
            "the sum of the squares.",
        ],
    ),
]

check = checker("dropout", EXERCISES)
