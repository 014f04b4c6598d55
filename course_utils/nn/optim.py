"""Optimizers: they read ``network.grads`` and update ``network.params`` in place.

Weight decay touches the weight matrices ``W`` only, as in the lecture's formula; PyTorch decays
whatever parameters it is handed, biases and gamma and beta included.
"""

import numpy as np

from course_utils.checks import check_betas, check_layer, check_number


def is_weight(key):
    """Whether a parameter is a weight matrix, the only kind that decays ("0.W", "3.W", ...)."""
    return key.rpartition(".")[2] == "W"


def checked(name, check=check_number, **bounds):
    """An attribute that refuses, whenever it is set, what ``check(name, value, **bounds)`` does."""

    def read(self):
        return vars(self)[name]

    def write(self, value):
        check(name, value, **bounds)
        vars(self)[name] = value

    return property(read, write)


class SGD:
    """Stochastic gradient descent with momentum and L2 weight decay, in PyTorch's form.

    g = grad + weight_decay W;  v = momentum v + g;  W = W - lr v.

    Parameters
    ----------
    network : layer
        Its ``params`` are updated from its ``grads``.
    lr : float
        Learning rate alpha, above zero. Can be changed between steps.
    momentum : float
        In [0, 1).
    weight_decay : float
        lambda, zero or more; on weight matrices only.

    Raises
    ------
    TypeError, ValueError
        For numbers outside these ranges, also when they are changed later.
    """

    lr = checked("lr", open_low=True)
    momentum = checked("momentum", low=0, high=1)
    weight_decay = checked("weight_decay")

    def __init__(self, network, lr, momentum=0.0, weight_decay=0.0):
        check_layer("network", network)
        self.network, self.lr = network, lr
        self.momentum, self.weight_decay = momentum, weight_decay
        self.velocity = {key: np.zeros_like(param) for key, param in network.params.items()}

    def step(self):
        """Update every parameter once."""
        grads = dict(self.network.grads.items())
        for key, param in self.network.params.items():
            update = grads[key]
            if self.weight_decay and is_weight(key):
                update = update + self.weight_decay * param
            if self.momentum:
                self.velocity[key] *= self.momentum
                self.velocity[key] += update
                update = self.velocity[key]
            param -= self.lr * update


def moving_average(average, new, beta):
    """The average moved towards a new value: a share of 1 - beta of it, and beta of the old."""
    return beta * average + (1 - beta) * new


def adam_direction(first, second, steps, betas, eps):
    """Adam's step before the learning rate: the mean gradient over the root of the mean square.

    Both moving averages started from zero, which the bias correction 1 - beta^steps takes back.
    """
    mean = first / (1 - betas[0] ** steps)
    square = second / (1 - betas[1] ** steps)
    return mean / (np.sqrt(square) + eps)


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1) and AdamW (Loshchilov and Hutter 2019, algorithm 2).

    Parameters
    ----------
    network : layer
        Its ``params`` are updated from its ``grads``.
    lr : float
        Learning rate alpha, above zero. Can be changed between steps.
    betas : (float, float)
        Decay rates of the two moments, each in [0, 1).
    eps : float
        Added to the root of the second moment, zero or more.
    weight_decay : float
        lambda, zero or more; on weight matrices only.
    decoupled : bool
        True: W itself shrinks by (1 - lr lambda), apart from both moments (AdamW); False: lambda W
        joins the gradient (Adam with L2).

    Raises
    ------
    TypeError, ValueError
        For numbers outside these ranges, also when they are changed later.
    """

    lr = checked("lr", open_low=True)
    betas = checked("betas", lambda _, betas: check_betas(betas))
    eps = checked("eps")
    weight_decay = checked("weight_decay")

    def __init__(self, network, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=True):
        check_layer("network", network)
        self.network, self.lr, self.betas, self.eps = network, lr, betas, eps
        self.weight_decay, self.decoupled, self.steps = weight_decay, decoupled, 0
        self.first = {key: np.zeros_like(param) for key, param in network.params.items()}
        self.second = {key: np.zeros_like(param) for key, param in network.params.items()}

    def step(self):
        """Update every parameter once."""
        self.steps += 1
        for key, param in self.network.params.items():
            grad = self.network.grads[key]
            decay = self.weight_decay if is_weight(key) else 0
            if decay and self.decoupled:
                param *= 1 - self.lr * decay
            elif decay:
                grad = grad + decay * param
            self.first[key] = moving_average(self.first[key], grad, self.betas[0])
            self.second[key] = moving_average(self.second[key], grad**2, self.betas[1])
            moments = self.first[key], self.second[key]
            param -= self.lr * adam_direction(*moments, self.steps, self.betas, self.eps)
