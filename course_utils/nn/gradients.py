"""Gradients against the truth: central differences in float64."""

import copy

import numpy as np

from course_utils.checks import check_batch, check_layer


def numerical_gradient(f, a, h=1e-5):
    """Central differences of a scalar function of an array, one entry at a time.

    (f(a + h) - f(a - h)) / 2h, whose error is of order h^2.

    Parameters
    ----------
    f : callable
        Takes no argument, reads `a`, returns a number.
    a : ndarray, any shape, float64
        Changed entry by entry and put back.
    h : float
        Step.

    Returns
    -------
    ndarray, the shape of `a`
    """
    gradient = np.empty_like(a)
    for index in np.ndindex(a.shape):
        kept = a[index]
        a[index] = kept + h
        above = f()
        a[index] = kept - h
        below = f()
        a[index] = kept
        gradient[index] = (above - below) / (2 * h)
    return gradient


def relative_error(gradient, truth, floor=0.0):
    """Largest difference of two arrays, relative to the largest entry of either.

    Parameters
    ----------
    gradient, truth : ndarray of one shape
    floor : float
        The least scale to compare with, so that two gradients that are zero but for rounding count
        as equal.

    Returns
    -------
    float
        NaN if either array holds NaN.
    """
    scale = max(np.abs(gradient).max(), np.abs(truth).max(), floor)
    difference = np.abs(gradient - truth).max()
    return float(difference / scale) if scale > 0 else float(difference)


def generators(layer):
    """All random generators inside a layer and the layers that it is made of."""
    own = [value for value in vars(layer).values() if isinstance(value, np.random.Generator)]
    return own + [rng for inner in getattr(layer, "layers", []) for rng in generators(inner)]


def gradient_check(layer, x):
    """Largest relative error of a layer's gradients against central differences.

    Compares the gradients of the sum of forward(x) * r, r a fixed random array, with respect to
    the input and every parameter. It works on a deep copy in float64: the layer, its running
    statistics and its random state stay as they were, and every forward sees the same masks.

    Each array's error is relative to its largest entry, but at least to a thousandth of the
    largest gradient (or of r, of order one): one that is truly zero, such as a bias before batch
    normalization, is no error. About 1e-7 and below is right, above 1e-4 is wrong; a kink within
    the step (ReLU at 0) shows as wrong.

    Parameters
    ----------
    layer : layer or Sequential
    x : ndarray, shape (m, n)

    Returns
    -------
    float
    """
    check_layer("layer", layer)
    check_batch("x", x)
    layer, x = copy.deepcopy(layer), x.astype(np.float64)
    for key, param in layer.params.items():
        layer.params[key] = param.astype(np.float64)
    states = [(rng.bit_generator, rng.bit_generator.state) for rng in generators(layer)]

    def forward():
        for bit_generator, state in states:
            bit_generator.state = state
        return layer.forward(x)

    r = np.random.default_rng(0).standard_normal(forward().shape)
    grad_x = layer.backward(r)
    pairs = [(grad_x, x)] + [(layer.grads[key], p) for key, p in layer.params.items()]

    largest = max(np.abs(gradient).max() for gradient, _ in pairs)
    floor = 1e-3 * max(1.0, largest)
    errors = [
        relative_error(gradient, numerical_gradient(lambda: np.sum(forward() * r), array), floor)
        for gradient, array in pairs
    ]
    return float(np.max(errors))
