"""Blanks and exercises of notebook 11."""

import copy
from functools import partial

import numpy as np

from course_utils.experiments.statistics import batch_norms
from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker
from course_utils.lessons.batch_norm_at_test_time.adaptation import (
    adapt,
    batch_logits,
    entropy_gradient,
    log_softmax,
    mean_entropy,
    repairable,
)
from course_utils.nn import mlp, softmax


def small_network(seed):
    """A network 3-4-4-3 in evaluation mode whose scales, shifts and running estimates differ."""
    rng = np.random.default_rng(seed)
    network = mlp([3, 4, 4, 3], norm="batch", rng=rng, dtype=np.float64)
    for norm in batch_norms(network):
        norm.running_mean, norm.running_var = rng.standard_normal(4), rng.uniform(0.5, 2, 4)
        norm.params["gamma"][:], norm.params["beta"][:] = rng.uniform(0.5, 2, (2, 4))
    return network.eval()


# batch_logits


def with_a_network(answer, x, seed):
    """Its logits, what the network is then like, and a gradient that goes back through it."""
    network = small_network(seed)
    network.forward(x)  # so that there is something to go back through, though nothing right
    logits, norms = answer(network, x), batch_norms(network)
    if logits is None or logits is ...:
        return logits
    network.backward(np.cos(np.arange(3.0 * len(x))).reshape(len(x), 3))
    return (
        logits,
        np.stack([norm.running_mean for norm in norms]),
        np.stack([norm.running_var for norm in norms]),
        np.array([float(norm.training) for norm in norms]),
        np.array([norm.momentum for norm in norms]),
        norms[0].grads["gamma"],
    )


def few_batches(rng):
    for seed, m in enumerate((4, 2, 6)):
        yield rng.standard_normal((m, 3)).round(1), seed


def moving_along(network, x, mean=True, var=True, back=True):
    """Batch statistics, after which some running estimates and the mode are not put back."""
    before = [(norm, norm.running_mean, norm.running_var) for norm in batch_norms(network)]
    logits = network.train().forward(x)
    for norm, old_mean, old_var in before:
        norm.running_mean = norm.running_mean if mean else old_mean
        norm.running_var = norm.running_var if var else old_var
    if back:
        network.eval()
    return logits


def only_the_first_back(network, x):
    first = batch_norms(network)[0]
    before = first.running_mean, first.running_var
    logits = moving_along(network, x)
    first.running_mean, first.running_var = before
    return logits


def momentum_left(network, x):
    for norm in batch_norms(network):
        norm.momentum = 0.0
    return moving_along(network, x)


# entropy_gradient


def some_logits(rng):
    for m, k in ((3, 2), (2, 4), (4, 3)):
        yield (rng.normal(0, 1.5, (m, k)).round(1),)


def sloped(logits, sign=-1.0, kept=1.0, row=True, divisor=len, factor=1.0):
    """The gradient of the entropy with everything that can go wrong as an argument."""
    log_q = log_softmax(logits)
    q = np.exp(log_q)
    entropy = -np.sum(q * log_q, axis=1, keepdims=True)
    entropy = entropy if row else entropy.mean()
    return sign * factor * q * (log_q + kept * entropy) / divisor(logits)


def summed_to(logits, ones, entropies):
    """The gradient with another value for the last sum of the derivation."""
    log_q = log_softmax(logits)
    q = np.exp(log_q)
    entropy = -np.sum(q * log_q, axis=1, keepdims=True)
    return q * (ones + entropies * entropy - log_q - 1) / len(logits)


def as_labels(logits):
    return (softmax(logits) - np.eye(logits.shape[1])[logits.argmax(axis=1)]) / len(logits)


# adapt


def two_steps(answer, first, second, lr):
    """Two batches: their logits, and what became of the network's parameters."""
    network = small_network(5)
    running = [norm.running_mean.copy() for norm in batch_norms(network)]

    def update(key, param, grad):
        return param - lr * grad

    logits = [answer(network, x, update) for x in (first, second)]
    if logits[0] is None or logits[0] is ...:
        return logits[0]
    params = dict(network.params.items())

    def ending(*names):
        return np.concatenate([params[key].ravel() for key in params if key.endswith(names)])

    moved = [norm.running_mean - old for norm, old in zip(batch_norms(network), running)]
    return *logits, ending("gamma"), ending("beta"), ending("W", "b"), np.stack(moved)


def pairs_of_batches(rng):
    for m, lr in ((5, 0.5), (4, 1.5)):
        yield *rng.standard_normal((2, m, 3)).round(1), lr


def stepping(
    network, x, update, names=("gamma", "beta"), predict=batch_logits, sign=1, write="set",
    gradient=entropy_gradient, after=False, result=lambda logits: logits,
):  # fmt: skip
    """A step of entropy descent with everything that can go wrong as an argument."""
    logits = predict(network, x)
    network.backward(sign * gradient(logits))
    for key, param in network.params.items():
        if key.endswith(names):
            new = update(key, param, network.grads[key])
            if write == "set":
                param[:] = new
            elif write == "add":
                param += new
            elif write == "subtract":
                param -= new
    return result(batch_logits(network, x) if after else logits)


# repairable


def damaged_units(rng):
    for m, strength in ((6, 0.3), (5, 0.8)):
        clean = rng.standard_normal((m, 3)).round(1) + [0, 1, -2]
        yield clean, (0.4 * clean + strength * rng.standard_normal((m, 3)) + 1).round(1)


def normed(z, axis=0):
    return (z - z.mean(axis=axis, keepdims=True)) / z.std(axis=axis, keepdims=True)


def correlation(clean, damaged, axis=0):
    return np.mean(normed(clean, axis) * normed(damaged, axis), axis=axis)


# Exercises


def as_scale_and_shift(gamma, beta, mean, var, batch_mean, batch_var, eps):
    scale = gamma / np.sqrt(batch_var + eps)
    return scale * np.sqrt(var + eps), beta + scale * (mean - batch_mean)


def statistics_of_both(rng):
    for _ in range(3):
        gamma, var, batch_var = rng.uniform(0.5, 3, (3, 2)).round(1)
        beta, mean, batch_mean = rng.standard_normal((3, 2)).round(1)
        yield gamma, beta, mean, var, batch_mean, batch_var, round(rng.uniform(0.1, 0.4), 2)


def absorbing(
    gamma, beta, mean, var, batch_mean, batch_var, eps, added=True, flipped=False, rooted=True,
    sign=1, by_batch=True, scaled=True, divided=True,
):  # fmt: skip
    """The new scale and shift with everything that can go wrong as an argument."""
    eps = eps if added else 0
    root = np.sqrt if rooted else np.asarray
    ratio = root((var + eps) / (batch_var + eps))
    deviation = np.sqrt((batch_var if by_batch else var) + eps)
    shift = sign * (mean - batch_mean) / deviation
    new_gamma = gamma * (1 / ratio if flipped else ratio)
    if not divided:
        return new_gamma, beta + new_gamma * (mean - batch_mean)
    return new_gamma, beta + (gamma if scaled else 1) * shift


def best_share(off, var, m):
    return off**2 / (off**2 + var / m)


def running_and_batch(rng):
    for m in (2, 4, 16):
        yield round(rng.uniform(0.2, 0.9), 2), round(rng.uniform(1.2, 3), 2), m


def diversity_gradient(logits):
    q = softmax(logits)
    log_mean = np.log(q.mean(axis=0))
    return -q * (log_mean - np.sum(q * log_mean, axis=1, keepdims=True)) / len(logits)


def spread(logits, sign=-1.0, kept=1.0, divisor=len, axis=1, one=0.0):
    """The gradient of the mean answer's entropy with what can go wrong as an argument."""
    q = softmax(logits)
    log_mean = np.log(q.mean(axis=0)) + one
    inner = np.sum(q * log_mean, axis=axis, keepdims=True)
    return sign * q * (log_mean - kept * inner) / divisor(logits)


def with_the_mean_s_entropy(logits):
    q = softmax(logits)
    mean = q.mean(axis=0)
    return -q * (np.log(mean) - np.sum(mean * np.log(mean))) / len(logits)


def back_through_the_mean(logits):
    q = softmax(logits)
    mean = q.mean(axis=0)
    one = -mean * (np.log(mean) - np.sum(mean * np.log(mean))) / len(logits)
    return np.repeat(one[None], len(logits), axis=0)


def of_the_mean_logits(logits):
    log_mean = log_softmax(logits.mean(axis=0, keepdims=True))
    q = np.exp(log_mean)
    one = -q * (log_mean - np.sum(q * log_mean)) / len(logits)
    return np.repeat(one, len(logits), axis=0)


EXERCISES = [
    Exercise(
        batch_logits,
        blank=True,
        run=with_a_network,
        cases=few_batches,
        returns=(
            "logits",
            "running means afterwards",
            "running variances afterwards",
            "training afterwards",
            "momentum afterwards",
            "the gradient that goes back",
        ),
        mistakes=[
            Mistake(
                lambda network, x: network.forward(x),
                "These are the logits with the *running* estimates, as in any evaluation. The "
                "batch's own statistics are used in training mode.",
            ),
            Mistake(
                moving_along,
                "The logits are right, but the running estimates have moved: a forward pass in "
                "training mode does that. Keep them before, put them back after.",
            ),
            Mistake(
                partial(moving_along, mean=False, var=False, back=False),
                "The running estimates are back, but the network is still in training mode. It "
                "came in evaluation mode: end with `network.eval()`.",
            ),
            Mistake(
                partial(moving_along, back=False),
                "The network is left in training mode, and its running estimates have moved. Put "
                "them back, and end with `network.eval()`.",
            ),
            Mistake(
                partial(moving_along, mean=False),
                "The running means are back, but the running variances have moved too.",
            ),
            Mistake(
                partial(moving_along, var=False),
                "The running variances are back, but the running means have moved too.",
            ),
            Mistake(
                momentum_left,
                "With `momentum = 0` the running estimates stand still. But you have left it at 0: "
                "give each layer its own back.",
            ),
            Mistake(
                lambda network, x: batch_logits(copy.deepcopy(network), x),
                "The logits are right, but the network does not remember the forward pass that "
                "gave them, through which a gradient is to go back later. Do not work on a copy, "
                "and let that pass be the last.",
            ),
            Mistake(
                only_the_first_back,
                "Only the first batch norm layer has its running estimates back. There are more.",
            ),
            Mistake(
                lambda network, x: batch_logits(network, x).argmax(axis=1),
                "These are the answers. Return the logits, shape (m, k): the next step needs them.",
            ),
            Mistake(
                lambda network, x: softmax(batch_logits(network, x)),
                "These are the probabilities. Return the logits.",
            ),
        ],
        hints=[
            "`network.train()` makes batch norm use the batch's own mean and variance.",
            (
                "Before the forward pass keep each layer's `running_mean` and `running_var`, for "
                "example in a list `[(norm, norm.running_mean, norm.running_var), ...]` over "
                "`batch_norms(network)`."
            ),
            "Afterwards put them back, and end with `network.eval()`.",
        ],
    ),
    Exercise(
        entropy_gradient,
        blank=True,
        cases=some_logits,
        mistakes=[
            Mistake(
                partial(sloped, sign=1.0),
                "The sign is the wrong way round: you would climb to more entropy.",
            ),
            Mistake(
                partial(sloped, kept=0.0),
                "A term is missing: the entropy of the row. The last sum of the derivation is not "
                "1 but 1 minus it.",
            ),
            Mistake(
                partial(sloped, kept=-1.0),
                "The row's entropy has the wrong sign: the sum of q log q is *minus* the entropy.",
            ),
            Mistake(
                partial(sloped, divisor=lambda logits: 1),
                "The 1 / m is missing: it is the gradient of the *mean* over the rows.",
            ),
            Mistake(
                partial(sloped, divisor=np.size),
                "You divide by all entries. The mean is over the m rows.",
            ),
            Mistake(
                partial(sloped, row=False),
                "Each row has an entropy of its own; you take the mean of them for all rows. Sum "
                "along `axis=1` and keep it, with `keepdims=True`.",
            ),
            Mistake(
                lambda logits: -softmax(logits) * (log_softmax(logits) + 1) / len(logits),
                "Only one of the two terms: a logit also changes the q of all other classes. Their "
                "sum is what is missing.",
            ),
            Mistake(
                partial(summed_to, ones=0, entropies=1),
                "The last sum is not the entropy but 1 minus it: the q add up to 1, and the q log "
                "q to *minus* the entropy.",
            ),
            Mistake(
                partial(summed_to, ones=0, entropies=-1),
                "A 1 is missing: the last sum is 1 minus the entropy, since the q add up to 1.",
            ),
            Mistake(
                lambda logits: -(log_softmax(logits) + 1) / len(logits),
                "That is the gradient with respect to the probabilities q. It still has to go back "
                "through softmax.",
            ),
            Mistake(
                partial(sloped, factor=1 / np.log(2)),
                "Your logarithm has base 2. Here the entropy is in the natural logarithm.",
            ),
            Mistake(
                as_labels,
                "That is the gradient of the cross entropy with the network's own answers as "
                "labels: another loss.",
            ),
            Mistake(mean_entropy, "That is the entropy. Return its gradient, shape (m, k)."),
        ],
        hints=[
            "`q = np.exp(log_softmax(logits))`, and the entropy of each row, of shape (m, 1).",
            (
                "In the last line of the derivation, the sum over s of q (log q + 1) is 1 minus "
                "the row's entropy: the q add up to 1."
            ),
            "What is left is -q (log q + entropy), over m.",
        ],
    ),
    Exercise(
        adapt,
        blank=True,
        run=two_steps,
        cases=pairs_of_batches,
        returns=(
            "logits of the first batch",
            "logits of the second",
            "gamma afterwards",
            "beta afterwards",
            "W and b afterwards",
            "what the running means moved by",
        ),
        mistakes=[
            Mistake(
                partial(stepping, names=("gamma", "beta", "W", "b")),
                "W and b move as well. Only parameters whose key ends in `gamma` or `beta` are to.",
            ),
            Mistake(
                partial(stepping, names=("W", "b")),
                "W and b move, and gamma and beta stay: it is to be the other way round.",
            ),
            Mistake(partial(stepping, names="gamma"), "Only gamma moves. So should beta."),
            Mistake(partial(stepping, names="beta"), "Only beta moves. So should gamma."),
            Mistake(
                partial(stepping, after=True),
                "These are the logits from after the step, which takes a second forward pass. "
                "Return those from before it.",
            ),
            Mistake(
                partial(stepping, predict=lambda network, x: network.forward(x)),
                "The forward pass uses the running estimates. Start from `batch_logits`.",
            ),
            Mistake(
                partial(stepping, predict=moving_along),
                "The running estimates move along. `batch_logits` leaves them alone.",
            ),
            Mistake(
                partial(stepping, sign=-1),
                "It climbs: `update` goes against the gradient that it gets by itself.",
            ),
            Mistake(
                partial(stepping, write="not"),
                "Nothing has moved. `param = ...` gives the result a name; `param[:] = ...` writes "
                "it into the network. (Or did no key fit? They read `1.gamma`, not `gamma`.)",
            ),
            Mistake(
                partial(stepping, write="add"),
                "`update` returns the new value, not the change: `param[:] = ...`.",
            ),
            Mistake(
                partial(stepping, write="subtract"),
                "`update` returns the new value, not the change, so there is nothing to subtract: "
                "`param[:] = ...`.",
            ),
            Mistake(
                partial(stepping, gradient=as_labels),
                "The gradient is not that of the entropy. It takes the network's answers for "
                "labels.",
            ),
            Mistake(
                partial(stepping, result=lambda logits: logits.argmax(axis=1)),
                "Return the logits, not the answers.",
            ),
        ],
        hints=[
            "`logits = batch_logits(network, x)`; then `network.backward(...)` fills the grads.",
            (
                "Go through `network.params.items()`. A key such as `1.gamma` is to move if "
                '`key.endswith(("gamma", "beta"))`.'
            ),
            "`param[:] = update(key, param, network.grads[key])`, and return the logits.",
        ],
    ),
    Exercise(
        repairable,
        blank=True,
        cases=damaged_units,
        mistakes=[
            Mistake(
                correlation,
                "That is the correlation. The share of the variance is its square.",
            ),
            Mistake(
                lambda clean, damaged: 1 - correlation(clean, damaged) ** 2,
                "That is the share that is lost. The share that can be restored is 1 minus it.",
            ),
            Mistake(
                lambda clean, damaged: correlation(clean, damaged, axis=1) ** 2,
                "You normalize rows, so this is about examples. A unit is a column.",
            ),
            Mistake(
                lambda clean, damaged: (
                    np.mean(normed(clean, axis=None) * normed(damaged, axis=None), axis=0) ** 2
                ),
                "You normalize with one mean and one deviation for all units. Each column has its "
                "own: `axis=0`.",
            ),
            Mistake(
                lambda clean, damaged: np.mean(correlation(clean, damaged) ** 2),
                "Return a number for each unit, shape (n,), not the mean over the units.",
            ),
            Mistake(
                lambda clean, damaged: np.mean(correlation(clean, damaged)) ** 2,
                "You average over the units before you square. Return a number for each unit.",
            ),
            Mistake(
                lambda clean, damaged: (
                    np.mean(clean * damaged, axis=0) ** 2
                    / np.mean(clean**2, axis=0)
                    / np.mean(damaged**2, axis=0)
                ),
                "The means are still in it: a shift could take them out. Subtract them first.",
            ),
            Mistake(
                lambda clean, damaged: (
                    1 - np.mean((clean - damaged) ** 2, axis=0) / clean.var(axis=0)
                ),
                "You compare them as they are. A scale and a shift may act on the damaged ones "
                "first.",
            ),
            Mistake(
                lambda clean, damaged: 1 - (clean - damaged).var(axis=0) / clean.var(axis=0),
                "You allow a shift and no scale. Normalize both to deviation 1 as well.",
            ),
            Mistake(
                lambda clean, damaged: 2 * correlation(clean, damaged) - 1,
                "You compare the two normalized ones as they are. The best scale for the damaged "
                "one is not 1 but the correlation, which leaves 1 - correlation squared.",
            ),
        ],
        hints=[
            "Normalize every column of both: mean 0, deviation 1.",
            (
                "With both normalized, mean (clean - a damaged)² = 1 - 2 a mean(clean damaged) "
                "+ a². For which a is that smallest, and what is left?"
            ),
            "What is restored is 1 minus what is left: the square of mean(clean damaged).",
        ],
    ),
    Exercise(
        as_scale_and_shift,
        cases=statistics_of_both,
        returns=("new_gamma", "new_beta"),
        mistakes=[
            Mistake(
                partial(absorbing, flipped=True),
                "The ratio of the deviations is upside down: what is divided by the running "
                "deviation has to be multiplied by it again.",
            ),
            Mistake(
                partial(absorbing, rooted=False),
                "You scale by a ratio of variances. Batch norm divides by their roots.",
            ),
            Mistake(
                partial(absorbing, sign=-1),
                "A sign in the shift: put `x = mean` into both sides and compare.",
            ),
            Mistake(
                partial(absorbing, by_batch=False),
                "The difference of the means is divided by the running deviation. Put `x = mean` "
                "into both sides: by which is it divided there?",
            ),
            Mistake(
                partial(absorbing, scaled=False),
                "The difference of the means is not multiplied by gamma.",
            ),
            Mistake(
                partial(absorbing, divided=False),
                "The difference of the means is not divided by a deviation. Put `x = mean` into "
                "both sides: by which is it divided there?",
            ),
            Mistake(partial(absorbing, added=False), "`eps` is missing under the roots."),
            Mistake(
                lambda gamma, beta, mean, var, batch_mean, batch_var, eps: absorbing(
                    gamma, 0 * beta, mean, var, batch_mean, batch_var, eps
                ),
                "The old beta is lost: it is still added.",
            ),
            Mistake(
                lambda gamma, beta, mean, var, batch_mean, batch_var, eps: (
                    absorbing(gamma, beta, mean, var, batch_mean, batch_var, eps)[0],
                    beta,
                ),
                "The scale is right. The means differ as well, so the shift changes too.",
            ),
        ],
        hints=[
            "Write down both sides as functions of x: each is a straight line.",
            "Equal slopes give the new gamma.",
            "Put `x = mean` into both: on the evaluation side only the new beta is left.",
        ],
    ),
    Exercise(
        best_share,
        cases=running_and_batch,
        mistakes=[
            Mistake(
                lambda off, var, m: 1 - best_share(off, var, m),
                "That is the share of the running mean. Asked for is that of the batch's.",
            ),
            Mistake(
                lambda off, var, m: off**2 / (off**2 + var),
                "The mean of m examples has the variance var / m.",
            ),
            Mistake(
                lambda off, var, m: off / (off + np.sqrt(var / m)),
                "You weigh by the errors themselves. What is smallest is their *square*, so the "
                "weights are squares too.",
            ),
            Mistake(
                lambda off, var, m: off**2 / (off**2 + var / np.sqrt(m)),
                "The deviation of a mean falls with the root of m, its variance with m.",
            ),
            Mistake(
                lambda off, var, m: off / (off + var / m),
                "`off` is a distance, `var / m` a square: one of them has the wrong units.",
            ),
            Mistake(
                lambda off, var, m: off**2 / (off**2 + var / (m - 1)),
                "The *mean* of m examples has the variance var / m; m - 1 belongs to the estimate "
                "of a variance.",
            ),
            Mistake(
                lambda off, var, m: float(off**2 > var / m),
                "That chooses the better of the two. A mix can do better than either.",
            ),
        ],
        hints=[
            (
                "With a share a the error is a times the batch's error plus (1 - a) times `off`. "
                "The batch's has mean 0 and variance var / m."
            ),
            "The expected square is a² var / m + (1 - a)² off². Where is its slope zero?",
        ],
    ),
    Exercise(
        diversity_gradient,
        cases=some_logits,
        without=("numerical_gradient",),
        absolute=1e-7,  # of one case it is small, a difference of large numbers
        mistakes=[
            Mistake(
                partial(spread, sign=1.0),
                "The sign is the wrong way round: that is the gradient of minus the entropy.",
            ),
            Mistake(
                partial(spread, kept=0.0),
                "A term is missing: a logit changes the q of all other classes of its row too.",
            ),
            Mistake(
                partial(spread, kept=0.0, one=1.0),
                "Only one of the two terms: a logit also changes the q of all other classes of its "
                "row. Their sum is what is missing.",
            ),
            Mistake(
                partial(spread, axis=None),
                "You sum over all rows. Each row goes back through its own softmax: `axis=1`, with "
                "`keepdims=True`.",
            ),
            Mistake(
                np.zeros_like,
                "That is zero for any logits. The mean along `axis=1` is 1 / k for every answer; "
                "the mean answer is over the examples, `axis=0`.",
            ),
            Mistake(
                partial(spread, divisor=lambda logits: 1),
                "The 1 / m is missing: each row is one of m in the mean answer.",
            ),
            Mistake(
                entropy_gradient,
                "That is the gradient of the mean entropy. Here the mean comes first: the "
                "logarithm is that of the mean answer.",
            ),
            Mistake(
                with_the_mean_s_entropy,
                "Inside stands the sum of the mean answer times its logarithm. Each row is "
                "weighted by its own q.",
            ),
            Mistake(
                back_through_the_mean,
                "You go back through softmax with the mean answer. Each row goes back with its own "
                "q.",
            ),
            Mistake(
                of_the_mean_logits,
                "You average the logits. The mean answer is the mean of the probabilities.",
            ),
            Mistake(
                lambda logits: np.repeat(
                    -(np.log(softmax(logits).mean(axis=0, keepdims=True)) + 1) / len(logits),
                    len(logits),
                    axis=0,
                ),
                "That is the gradient with respect to the probabilities. It still has to go back "
                "through softmax.",
            ),
        ],
        hints=[
            "With respect to the mean answer the gradient is -(log + 1), as before.",
            "With respect to each row's q it is 1 / m of that.",
            "Back through softmax: q (g - sum of q g along the row), with g that gradient.",
        ],
    ),
]

check = checker("batch_norm_at_test_time", EXERCISES)
