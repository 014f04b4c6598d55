"""A network trained on a small set until it fits it."""

from dataclasses import dataclass, field

import numpy as np

from course_utils.checks import check_count, check_number
from course_utils.data import minibatches
from course_utils.experiments.training import answers, evaluate, training_steps
from course_utils.experiments.vitals import length, weights_of
from course_utils.nn import SGD, mlp


@dataclass(frozen=True)
class Run:
    """A training run on a small set.

    Attributes
    ----------
    steps : ndarray of int
        When the training error was measured: at the start, every so many steps and at the end.
    train_errors : ndarray, shape of `steps`
    test_at : ndarray of int
        When the test error was measured: at the steps asked for that were reached, and at the end.
    test_errors : ndarray, shape of `test_at`
    moved : float
        How far the weights went, over the length that they started with.
    """

    steps: np.ndarray = field(repr=False)
    train_errors: np.ndarray = field(repr=False)
    test_at: np.ndarray = field(repr=False)
    test_errors: np.ndarray = field(repr=False)
    moved: float

    @property
    def fits(self):
        """Whether the training error reached zero."""
        return bool(self.train_errors[-1] == 0)


def train_small(
    widths,
    lr,
    train,
    test,
    seed,
    *,
    scale=1.0,
    steps=5000,
    batch_size=50,
    every=20,
    test_at=(),
    to_fit=True,
    watched=True,
):
    """Train a ReLU network with plain SGD on a small set.

    Parameters
    ----------
    widths : sequence of int
    lr : float
    train, test : (ndarray, ndarray)
    seed : int
        Runs of one seed start from the same random numbers and see the same minibatches.
    scale : float
        Factor on all initial weights, which are those of c = 2.
    steps : int
        The most steps; a run that diverges ends before.
    batch_size, every : int
        The training error is measured before the first step, after every so many and the last.
    test_at : collection of int
        Steps after which the test error is measured; it always is at the end.
    to_fit : bool
        Stop as soon as a training error of zero is measured.
    watched : bool
        False: nobody wants the training errors on the way, and only whether it fits is looked at,
        which ends at the first digit that is misread. The run is the same.

    Returns
    -------
    Run

    Raises
    ------
    TypeError, ValueError
        For a scale that is not above zero, or counts that are no positive integers.
    """
    check_number("scale", scale, open_low=True)
    check_count("every", every)
    network = mlp(widths, c=2 * scale**2, rng=np.random.default_rng([seed, 0]))
    batches = minibatches(*train, batch_size, np.random.default_rng([seed, 1]), epochs=None)
    losses = training_steps(network, SGD(network, lr), batches, steps=steps)

    def error(digits):
        return evaluate(network, *digits).error

    start, step = weights_of(network), 0
    on_train, on_test = {0: error(train)}, {0: error(test)} if 0 in test_at else {}
    for step, loss in enumerate(losses, start=1):
        if not np.isfinite(loss):
            break
        if step in test_at:
            on_test[step] = error(test)
        if step == steps or (step % every == 0 and (watched or fits(network, *train))):
            on_train[step] = error(train)
            if to_fit and on_train[step] == 0:
                break
    if step not in on_test:
        on_test[step] = error(test)
    moved = length(weights_of(network) - start) / length(start)
    measured = (np.array(part) for each in (on_train, on_test) for part in zip(*each.items()))
    return Run(*measured, moved)


def fits(network, images, labels, chunk=100):
    """Whether no digit is misread; looks at a chunk after the other until one is."""
    chunks = (slice(start, start + chunk) for start in range(0, len(labels), chunk))
    return all((answers(network, images[part]) == labels[part]).all() for part in chunks)
