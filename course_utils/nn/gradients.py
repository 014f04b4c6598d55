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


def generators(part):
    """All random generators in a layer: in its attributes, in lists and dicts, in inner layers."""
    if isinstance(part, np.random.Generator):
        return [part]
    if hasattr(part, "forward"):
        part = vars(part)
    if isinstance(part, dict):
        part = list(part.values())
    if not isinstance(part, list | tuple):
        return []
    return [rng for each in part for rng in generators(each)]


def gradients_with_arrays(layer, grad_x, x):
    """Each gradient with its array (TypeError, ValueError if they do not fit)."""
    params, grads = layer.params, layer.grads
    if set(grads) != set(params):
        raise ValueError(f"grads must have the keys of params, {list(params)}, got {list(grads)}")
    found = {"what backward returns": (grad_x, x)}
    found |= {f"grads[{key!r}]": (grads[key], param) for key, param in params.items()}
    for name, (gradient, array) in found.items():
        if gradient is None:
            raise TypeError(f"{name} must be a gradient, got None (is there a `return`?)")
        if np.shape(gradient) != array.shape:
            raise ValueError(f"{name} must have shape {array.shape}, got {np.shape(gradient)}")
    return list(found.values())


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

    Raises
    ------
    TypeError, ValueError
        For what is no layer or no batch, parameters that are no arrays, a forward that gives
        something else each time, gradients that are missing or of another shape.
    """
    check_layer("layer", layer)
    check_batch("x", x)
    layer, x = copy.deepcopy(layer), x.astype(np.float64)
    for key, param in layer.params.items():
        if not isinstance(param, np.ndarray):
            raise TypeError(
                f"params[{key!r}] must be an array, which can learn in place, such as "
                f"np.array({param}); got {param!r}"
            )
        layer.params[key] = param.astype(np.float64)
    states = [(rng.bit_generator, rng.bit_generator.state) for rng in generators(layer)]

    def forward():
        for bit_generator, state in states:
            bit_generator.state = state
        return layer.forward(x)

    y = forward()
    if not np.allclose(forward(), y, rtol=1e-9, atol=1e-12, equal_nan=True):
        raise ValueError(
            "the layer's forward gives something else each time: let its random numbers come from "
            "a numpy.random.Generator in one of its attributes, which can be put back"
        )
    r = np.random.default_rng(0).standard_normal(y.shape)
    pairs = gradients_with_arrays(layer, layer.backward(r), x)

    largest = max(np.abs(gradient).max() for gradient, _ in pairs)
    floor = 1e-3 * max(1.0, largest)
    errors = [
        relative_error(gradient, numerical_gradient(lambda: np.sum(forward() * r), array), floor)
        for gradient, array in pairs
    ]
    return float(np.max(errors))
