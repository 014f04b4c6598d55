"""What notebook 01 measures on the code that the student has written."""

from timeit import repeat

import numpy as np

from course_utils.nn import relative_error


def loop_and_product(loops, product, x, W, b, repeats=20):
    """How many times longer the loops take for the same result, and how far the two results differ.

    Parameters
    ----------
    loops, product : callable
        ``f(x, W, b) -> y``.
    x, W, b : ndarray
    repeats : int
        Of the product, whose first call may wake a library up, the fastest of so many counts.

    Returns
    -------
    ratio, error : float
        The error relative to the largest entry.
    """
    (slow,) = repeat(lambda: loops(x, W, b), number=1, repeat=1)
    fast = min(repeat(lambda: product(x, W, b), number=1, repeat=repeats))
    return slow / fast, relative_error(loops(x, W, b), product(x, W, b))


def losses_one_by_one(train, network, optimizer, batches, loss_and_grad):
    """Hand a training loop one batch at a time and yield its loss, until that is not finite.

    ``train(network, optimizer, batches, loss_and_grad)`` is the student's, and returns a list: so
    a picture can follow it while it trains.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        for batch in batches:
            (loss,) = train(network, optimizer, [batch], loss_and_grad)
            yield loss
            if not np.isfinite(loss):
                return


def zeros_into_relu(network, relu, x):
    """How many of the numbers that go into the ReLU layers are exactly zero, and how many go in."""
    zeros = numbers = 0
    for layer in network.layers:
        if isinstance(layer, relu):
            zeros, numbers = zeros + int(np.sum(x == 0)), numbers + x.size
        x = layer.forward(x)
    return zeros, numbers


def each_layer_on_the_way_back(network, grad):
    """Send a gradient back layer by layer, after a forward pass.

    Returns
    -------
    list of (z, delta, W)
        For each layer with weights, from input to output: what went in, how the loss changes with
        what came out, and the weights.
    """
    found = []
    for layer in reversed(network.layers):
        if "W" in layer.params:
            found.insert(0, (layer.saved, grad, layer.params["W"]))
        grad = layer.backward(grad)
    return found
