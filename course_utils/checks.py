"""Checks that turn bad input into one clear sentence: the argument, its value, what is allowed."""

from collections.abc import Iterable
from numbers import Integral, Real

import numpy as np


class NonFiniteError(ValueError):
    """Numbers that ought to be finite are NaN or infinite."""


def check_batch(name, x, width=None):
    """Require a floating point batch of shape (m, n), m >= 1.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    x : object
        What was given.
    width : int, optional
        The number of features n that is expected.

    Raises
    ------
    TypeError
        If `x` is not a floating point array.
    ValueError
        If `x` has another shape.
    """
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{name} must be an array without a mask; .filled(...) makes one of it")
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        given = f"an array of {x.dtype}" if isinstance(x, np.ndarray) else type(x).__name__
        raise TypeError(f"{name} must be a NumPy array of floating point numbers, got {given}")
    if x.ndim != 2 or len(x) == 0 or x.shape[1] != (width or x.shape[1]):
        wanted = f"(m, {width or 'n'}) with m >= 1"
        raise ValueError(f"{name} must have shape {wanted}, got {x.shape}")


def check_shape(name, x, shape):
    """Require a floating point array of exactly this shape (TypeError, ValueError)."""
    check_batch(name, x)
    if x.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {x.shape}")


def check_moments(var, each):
    """Require finite variances, one of `each` row or column of x (NonFiniteError).

    One that holds NaN or infinity, or whose mean is more than a float can hold, has none.
    """
    if not np.isfinite(var).all():
        raise NonFiniteError(
            f"x must have a finite mean and variance in every {each}, got NaN or infinity"
        )


def check_count(name, value, minimum=1, maximum=np.inf):
    """Require an integer from `minimum` to `maximum` (TypeError, ValueError)."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if not minimum <= value <= maximum:
        limit = f" and at most {maximum}" if maximum < np.inf else ""
        raise ValueError(f"{name} must be at least {minimum}{limit}, got {value}")


def check_number(name, value, low=0.0, high=np.inf, *, open_low=False, open_high=True):
    """Require a real number between `low` and `high` (TypeError, ValueError).

    `open_low` and `open_high` leave the bound itself out.
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r}")
    above = value > low if open_low else value >= low
    below = value < high if open_high else value <= high
    if not (above and below):
        interval = f"{'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}"
        raise ValueError(f"{name} must lie in {interval}, got {value}")


def check_choice(name, value, choices):
    """Require one of `choices` (ValueError)."""
    if value not in list(choices):
        allowed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be one of {allowed}, got {value!r}")


def check_list(name, values):
    """Return the values of any iterable as a list (TypeError for what cannot be iterated)."""
    if not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a list, got {values!r}")
    return list(values)


def check_layer(name, layer):
    """Require a layer: forward, backward, params and grads, and params of arrays (TypeError)."""
    if not all(hasattr(layer, part) for part in ("forward", "backward", "params", "grads")):
        raise TypeError(
            f"{name} must be a layer with forward, backward, params and grads, got {layer!r}"
        )
    for key, param in layer.params.items():
        if not isinstance(param, np.ndarray):
            raise TypeError(
                f"{name}.params[{key!r}] must be an array, which can learn in place, such as "
                f"np.array({param}); got {param!r}"
            )


def check_betas(betas):
    """Require two numbers in [0, 1) (TypeError, ValueError)."""
    if len(check_list("betas", betas)) != 2:
        raise ValueError(f"betas must hold two numbers, got {betas!r}")
    for beta in betas:
        check_number("betas", beta, 0, 1)


def check_generator(name, rng, optional=True):
    """Return `rng`, or a fresh unseeded generator for None if that will do (TypeError if not)."""
    if rng is None and optional:
        return np.random.default_rng()
    if not isinstance(rng, np.random.Generator):
        allowed = "a numpy.random.Generator" + optional * " or None"
        raise TypeError(f"{name} must be {allowed}, got {rng!r}")
    return rng


def check_dtype(name, dtype):
    """Require a floating point data type (TypeError): integers would round every weight away."""
    if not np.issubdtype(dtype, np.floating):
        raise TypeError(f"{name} must be a floating point data type, got {dtype!r}")


def check_labels(labels, m, classes):
    """Return m integer labels in 0 ... classes - 1 as an array (ValueError for any others)."""
    labels = np.asarray(labels)
    if labels.shape != (m,):
        raise ValueError(f"labels must have shape ({m},), one a row of logits, got {labels.shape}")
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integers, got {labels.dtype}")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"labels must lie in 0 ... {classes - 1}, got {labels.min()} ... {labels.max()}"
        )
    return labels
