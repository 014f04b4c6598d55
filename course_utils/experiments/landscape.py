"""The loss along a line, and along the path of full-batch gradient descent."""

import copy
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from course_utils.checks import check_count, check_generator
from course_utils.experiments.curvature import flatten, loss_and_gradient, sharpest
from course_utils.experiments.training import training_steps
from course_utils.nn import softmax_cross_entropy

QUARTERS = (0.25, 0.5, 0.75, 1.0)  # of a step


@dataclass(frozen=True)
class Line:
    """Loss and gradient at w + t d, for a direction d.

    Attributes
    ----------
    t : ndarray, shape (points,)
    losses : ndarray, shape (points,)
    changes : ndarray, shape (points,)
        Of the gradient: ||g(w + t d) - g(w)||.
    distances : ndarray, shape (points,)
        ||t d||
    loss, slope : float
        The loss at w, and ||g(w)||.
    """

    t: np.ndarray
    losses: np.ndarray
    changes: np.ndarray
    distances: np.ndarray
    loss: float
    slope: float

    @property
    def smoothness(self):
        """The effective smoothness, max_t ||g(w + t d) - g(w)|| / ||t d||; NaN where d is zero."""
        with np.errstate(invalid="ignore"):
            return float(np.max(self.changes / self.distances))


def along_line(network, x, labels, loss=softmax_cross_entropy, *, t, direction=None):
    """Loss and gradient on one batch along a line, in the network's present mode.

    Santurkar et al., "How Does Batch Normalization Help Optimization?" (2018), section 3.2 and
    figure 4. Long steps may be measured in float32 and across the kinks of ReLU.

    Parameters
    ----------
    network : layer
        Left as it is.
    x : ndarray, shape (m, n)
    labels : ndarray
    loss : callable
        ``loss(output, labels) -> (value, gradient)``.
    t : sequence of float
        Step lengths, in units of the direction: learning rates, where that is minus the gradient.
    direction : ndarray, shape (parameters,), optional
        Minus the gradient if not given; `displacement` makes that of a step of training.

    Returns
    -------
    Line
        NaN where the loss is no longer finite.

    Raises
    ------
    ValueError
        For step lengths of zero, none or NaN, or a direction of another shape.
    """
    t = np.asarray(t, dtype=float)
    if t.ndim != 1 or not t.size or not np.isfinite(t).all() or not t.all():
        raise ValueError(f"t must be a list of numbers other than zero, got {t}")
    here = flatten(network.params)
    value, gradient = loss_and_gradient(network, here, x, labels, loss)
    d = -gradient if direction is None else np.asarray(direction)
    if d.shape != here.shape:
        raise ValueError(f"direction must have shape {here.shape}, got {d.shape}")
    with np.errstate(over="ignore", invalid="ignore"):
        points = [loss_and_gradient(network, here + step * d, x, labels, loss) for step in t]
        losses, gradients = zip(*points, strict=True)
        changes = np.array([np.linalg.norm(there - gradient) for there in gradients])
        distances = np.abs(t) * np.linalg.norm(d)
        slope = float(np.linalg.norm(gradient))
    return Line(t, np.array(losses), changes, distances, value, slope)


def displacement(before, after):
    """The step in parameters from one state of a network, a copy, to a later one, as a vector."""
    return flatten(after.params) - flatten(before.params)


@dataclass(frozen=True)
class Moment:
    """What gradient descent shows at one step, before its update.

    Attributes
    ----------
    step : int
        Updates done.
    loss : float
    lr : float
        Of the update.
    sharpness : float or None
        The largest eigenvalue of the loss's Hessian; None where it was not measured.
    smoothness : float or None
        Effective smoothness along the update; None where it was not measured.
    """

    step: int
    loss: float
    lr: float
    sharpness: float | None = None
    smoothness: float | None = None

    @property
    def diverged(self):
        """Whether the loss is no longer finite; descent ends here."""
        return not np.isfinite(self.loss)

    @property
    def edge(self):
        """The sharpness in units of 2 / lr: above 1, a quadratic this sharp makes descent diverge.

        None where it was not measured.
        """
        return None if self.sharpness is None else self.sharpness * self.lr / 2


def descent(
    network,
    optimizer,
    x,
    labels,
    loss=softmax_cross_entropy,
    *,
    steps,
    every,
    tolerance=1e-3,
    rng=None,
    find=sharpest,
):
    """Descend on one batch in training mode; ends where the loss is no longer finite.

    Measures sharpness and effective smoothness on the way (Cohen et al., "Gradient Descent on
    Neural Networks Typically Occurs at the Edge of Stability" (2021), section 3 and appendix).
    A generator, for a figure that shows it while it runs; ``optimizer.lr`` can be moved meanwhile.

    Parameters
    ----------
    network : layer
        In float64; trained in place.
    optimizer : object with ``lr`` and ``step()``
        SGD without momentum, for gradient descent.
    x, labels, loss
        As in `along_line`.
    steps : int
        Updates.
    every : int
        Measure at the first and every so many steps.
    tolerance : float
        Of the sharpness, relative.
    rng : numpy.random.Generator, optional
        For the first direction.
    find : callable
        `sharpest`, or one's own that takes and returns the same.

    Yields
    ------
    Moment
        One a step.

    Raises
    ------
    TypeError, ValueError
        For counts that are no positive integers, or a network that is not in float64.
    """
    check_count("steps", steps)
    check_count("every", every)
    rng, sharp = check_generator("rng", rng), None
    network.train()
    losses = training_steps(network, optimizer, repeat((x, labels)), loss, steps=steps)
    for step in range(steps):
        due, lr = step % every == 0, optimizer.lr
        before = copy.deepcopy(network) if due else network
        moment = Moment(step, next(losses), lr)
        if due and not moment.diverged:
            options = {"tolerance": tolerance, "first": sharp, "rng": rng}
            values, vectors = find(before, x, labels, loss, **options)
            sharp = vectors[0]
            step_taken = displacement(before, network)
            line = along_line(before, x, labels, loss, t=QUARTERS, direction=step_taken)
            moment = Moment(step, moment.loss, lr, float(values[0]), line.smoothness)
        yield moment
        if moment.diverged:
            return
