"""What can be changed while a network trains: by hand, or on schedule."""

from course_utils.checks import check_choice, check_count
from course_utils.experiments.training import with_inner
from course_utils.nn import Dropout

STEERABLE = ("lr", "momentum", "weight_decay", "p")


def steer(network, optimizer, name, value):
    """Set what can be changed between two steps.

    Parameters
    ----------
    network : layer
    optimizer : SGD, Adam, or one's own
    name : {"lr", "momentum", "weight_decay", "p"}
        Adam's momentum is the first of its betas; p is that of every dropout layer.
    value : float

    Raises
    ------
    TypeError, ValueError
        For another name, a value that the optimizer or the layers refuse, or p where no layer
        drops anything.
    """
    check_choice("name", name, STEERABLE)
    if name == "p":
        dropouts = [layer for layer in with_inner(network) if hasattr(layer, "p")]
        if not dropouts:
            raise ValueError(f"p must have a dropout layer to be steered, got {network!r}")
        for layer in dropouts:
            layer.p = value
    elif name == "momentum" and hasattr(optimizer, "betas"):
        optimizer.betas = (value, optimizer.betas[1])
    else:
        setattr(optimizer, name, value)


class SteeredDropout(Dropout):
    """Dropout that takes no time while p is zero."""

    def forward(self, x):
        """As Dropout; x itself, shape (m, n), where nothing is dropped."""
        self.drops = self.training and self.p > 0
        return super().forward(x) if self.drops else x

    def backward(self, grad_y):
        """As Dropout; grad_y itself, shape (m, n), where the last forward dropped nothing."""
        return super().backward(grad_y) if self.drops else grad_y


class Scheduled:
    """An optimizer that is steered on schedule; see `scheduled`."""

    def __init__(self, network, optimizer, schedule):
        self.network, self.optimizer, self.schedule, self.steps = network, optimizer, schedule, 0
        self.follow()

    def follow(self):
        """Set what is due before the next step."""
        for name, values in self.schedule.items():
            if self.steps in values:
                steer(self.network, self.optimizer, name, values[self.steps])

    def step(self):
        """Update every parameter once, then set what is due."""
        self.optimizer.step()
        self.steps += 1
        self.follow()


def scheduled(make, **schedule):
    """A side whose learning rate, momentum, weight decay or p change on schedule.

    Parameters
    ----------
    make : callable
        A side, ``make(rng) -> (network, optimizer)``. For p it must have dropout layers.
    **schedule : dict of int to float
        `lr`, `momentum`, `weight_decay` or `p`: the value from so many steps on.

    Returns
    -------
    callable
        A side as well, for `compare` and `run_side`.

    Raises
    ------
    TypeError, ValueError
        For another name, what is no dict, or a step that is no integer from 0 on: it would never
        come.

    Examples
    --------
    >>> make = scheduled(side([784, 100, 10], lr=0.1), lr={200: 0.03})
    """

    for name, values in schedule.items():
        check_choice("schedule", name, STEERABLE)
        if not isinstance(values, dict):
            raise TypeError(f"{name} must be a dict of values by step, got {values!r}")
        for step in values:
            check_count(f"each step of {name}", step, 0)

    def make_scheduled(rng):
        network, optimizer = make(rng)
        return network, Scheduled(network, optimizer, schedule)

    return make_scheduled
