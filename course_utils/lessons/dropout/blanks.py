"""What the student of notebook 07 writes before ours is shown."""

from functools import partial

import numpy as np

from course_utils.experiments.training import mode
from course_utils.lab.checker import Exercise, Mistake
from course_utils.lessons.dropout.layer import LAYER
from course_utils.nn import Linear, Sequential
from course_utils.nn.dropout import Dropout as LibraryDropout
from course_utils.nn.dropout import dropout_mask

# The mask. Whoever draws in another way is right too, so what is compared is what all right masks
# have in common.


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


# The average over masks


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


# The penalty


def dropout_penalty(X, w, p):
    return p / (1 - p) * np.sum(w**2 * np.sum(X**2, axis=0))


def regressions(rng):
    for p in (0.2, 0.4, 0.8):
        X = (rng.standard_normal((5, 3)) * [1, 2, 3] + [0, 1, -2]).round(1)
        yield X, rng.standard_normal(3).round(1), p


BLANKS = [
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
    LAYER,
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
]
