"""Training a network and measuring how well it does."""

from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from course_utils.checks import check_batch, check_count
from course_utils.data import examples, minibatches
from course_utils.experiments.progress import progress_bar
from course_utils.nn import NonFiniteError, softmax_cross_entropy

GUESSING = float(np.log(10))  # the loss of ten equal probabilities


@dataclass(frozen=True)
class Evaluation:
    """Mean loss and share of wrong answers on a data set, in evaluation mode."""

    loss: float
    error: float


@dataclass
class History:
    """What happened in a training run.

    Attributes
    ----------
    losses : list of float
        The minibatch loss at every step, before its update.
    evaluations : dict of int to Evaluation
        By number of steps done.
    observations : dict of int to object
        What ``observe(network, train)`` returned, by number of steps done.
    diverged_at : int or None
        The number of updates after which the loss was no longer finite; training stopped there.
    interrupted : bool
        Whether the run was stopped by the user and holds what it had until then.
    """

    losses: list = field(default_factory=list)
    evaluations: dict = field(default_factory=dict)
    observations: dict = field(default_factory=dict)
    diverged_at: int | None = None
    interrupted: bool = False

    @property
    def diverged(self):
        """Whether the loss stopped being finite."""
        return self.diverged_at is not None

    @property
    def final(self):
        """The last Evaluation; None where nothing was evaluated."""
        return self.evaluations[max(self.evaluations)] if self.evaluations else None


def layers_of(network):
    """The network's layers from input to output; a layer with ``layers`` stands for these.

    So is a student's own Sequential looked into, like the library's.
    """
    if not hasattr(network, "layers"):
        return [network]
    return [layer for inner in network.layers for layer in layers_of(inner)]


@contextmanager
def mode(network, *, training):
    """Training or evaluation mode for a while; then every layer is put back into its own.

    Parameters
    ----------
    network : layer
    training : bool
    """
    before = [(layer, layer.training) for layer in with_inner(network)]
    network.train() if training else network.eval()
    try:
        yield network
    finally:
        for layer, was_training in before:
            layer.training = was_training


def with_inner(layer):
    """A layer, the layers inside it, and those inside them."""
    yield layer
    for inner in getattr(layer, "layers", ()):
        yield from with_inner(inner)


def answers(network, images):
    """The class that the network gives to each image in evaluation mode, shape (m,)."""
    with mode(network, training=False):
        return network.forward(images).argmax(axis=1)


def evaluate(network, images, labels, batch_size=1000, loss=softmax_cross_entropy):
    """Loss and error in evaluation mode; the network's mode is put back afterwards.

    Parameters
    ----------
    network : layer
    images : array_like, shape (m, n)
    labels : array_like of int, shape (m,)
        With a loss that takes them, rows of shape (m, k) too; their largest entry is the class.
    batch_size : int
        Only bounds the memory: in evaluation mode no prediction depends on its batch.
    loss : callable
        ``loss(output, labels) -> (mean over the batch, gradient)``.

    Returns
    -------
    Evaluation
        Both NaN for a network that has diverged so far that one of its layers refuses.

    Raises
    ------
    TypeError, ValueError
        For a batch size that is no positive integer, images that are no batch, or labels of
        another length.
    """
    check_count("batch_size", batch_size)
    images, labels = examples(images, labels)
    check_batch("images", images)
    classes = labels.argmax(axis=1) if labels.ndim == 2 else labels
    total = wrong = 0.0
    with mode(network, training=False):
        for start in range(0, len(images), batch_size):
            batch = slice(start, start + batch_size)
            with np.errstate(over="ignore", invalid="ignore"):
                try:
                    logits = network.forward(images[batch])
                except NonFiniteError:
                    return Evaluation(np.nan, np.nan)
                total += loss(logits, labels[batch])[0] * len(logits)
            wrong += np.sum(logits.argmax(axis=1) != classes[batch])
    return Evaluation(float(total / len(images)), float(wrong / len(images)))


def training_steps(network, optimizer, batches, loss=softmax_cross_entropy, *, steps=None):
    """Train on each batch in turn and yield its loss; ends when the loss is no longer finite.

    One step is four lines: forward, loss, backward, update. A generator, so that a figure can show
    the training while it runs.

    Parameters
    ----------
    network : layer
    optimizer : object with ``step()``
    batches : iterable of (x, labels)
    loss : callable
        ``loss(output, labels) -> (value, gradient)``.
    steps : int, optional
        End after so many batches, and take no further one.

    Yields
    ------
    float
        The loss before the step's update. The last one is NaN or infinite if training diverged.
    """
    if steps is not None:
        check_count("steps", steps)
    network.train()
    for x, labels in islice(batches, steps):
        with np.errstate(over="ignore", invalid="ignore"):
            try:
                value, grad = loss(network.forward(x), labels)
            except NonFiniteError:
                value = np.nan
            if np.isfinite(value):
                network.backward(grad, input_grad=False)
                optimizer.step()
        yield value
        if not np.isfinite(value):
            return


def fit(
    network,
    optimizer,
    images,
    labels,
    *,
    steps,
    batch_size,
    rng,
    loss=softmax_cross_entropy,
    test=None,
    evaluate_every=None,
    observe=None,
    observe_every=None,
    until_error=None,
    progress=False,
):
    """Train for a number of minibatch steps.

    A run that diverges ends early and says so in the history; the interrupt button ends it early
    too, with everything measured until then.

    Parameters
    ----------
    network : layer
    optimizer : object with ``step()``
    images : array_like, shape (m, n)
    labels : array_like, shape (m,) of int, or whatever `loss` takes
    steps, batch_size : int
    rng : numpy.random.Generator
        Shuffles the examples anew every epoch.
    loss : callable
        ``loss(output, labels) -> (value, gradient)``.
    test : (array_like, array_like), optional
        Images and labels to evaluate on with the same loss, at the end and, if `evaluate_every` is
        given, before the first step and after every so many.
    observe : callable, optional
        ``observe(network, (images, labels))`` is called at every evaluation and its result kept.
    observe_every : int, optional
        Call `observe` before the first step, after every so many and at the end, instead.
    until_error : float, optional
        Stop at the first evaluation with at most this share of wrong answers on `test`.
    progress : bool
        Show a progress bar.

    Returns
    -------
    History

    Raises
    ------
    TypeError, ValueError
        For steps or batch sizes that are no positive integers, or labels of another length.
    """
    images, labels = examples(images, labels)
    check_count("steps", steps)
    for name, every in (("evaluate_every", evaluate_every), ("observe_every", observe_every)):
        if every is not None:
            check_count(name, every)
    batches = minibatches(images, labels, batch_size, rng, epochs=None)
    history = History()

    def due(step, every):
        return step == steps or (every is not None and step % every == 0)

    def checkpoint(step):
        """Evaluate and observe if it is time to; True where training is good enough."""
        if observe is not None and due(step, observe_every or evaluate_every):
            history.observations[step] = observe(network, (images, labels))
        if test is None or not due(step, evaluate_every):
            return False
        history.evaluations[step] = evaluate(network, *test, loss=loss)
        return until_error is not None and history.final.error <= until_error

    try:
        if checkpoint(0):
            return history
        with progress_bar(steps, progress) as bar:
            for value in training_steps(network, optimizer, batches, loss, steps=steps):
                history.losses.append(value)
                bar.update()
                if not np.isfinite(value):
                    history.diverged_at = len(history.losses) - 1
                    break
                if checkpoint(len(history.losses)):
                    break
    except KeyboardInterrupt:
        history.interrupted = True
    return history
