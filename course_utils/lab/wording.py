"""Two results side by side: whether they agree, and if not, where and by how much, in words."""

from numbers import Number

import numpy as np


def difference(right, given, tolerance=1e-6, what="the result"):
    """How `given` differs from `right`, as a clause; None if it does not.

    Parameters
    ----------
    right : number, array, str, or a tuple or list of these
    given : object
        A list counts as an array, and a tuple as a list.
    tolerance : float
        Relative to the largest entry of `right`.
    what : str
        What the clause calls `given`.
    """
    if isinstance(right, str):
        agree = isinstance(given, str) and given == right
        return None if agree else f"{what} is {show(given)} and should be {show(right)}"
    if isinstance(right, tuple | list):
        if not isinstance(given, tuple | list) or len(given) != len(right):
            return _wrong_kind(right, given, what)
        items = enumerate(zip(right, given))
        found = (difference(*pair, tolerance, f"item {i} of {what}") for i, pair in items)
        return next(filter(None, found), None)
    right, array = np.asarray(right), _numbers(given)
    if array is None or array.shape != right.shape:
        return _wrong_kind(right, given, what)
    return _wrong_entries(right, array, tolerance, what)


def _numbers(given):
    """`given` as an array of numbers, or None."""
    try:
        array = np.asarray(given)
    except ValueError:  # rows of different lengths
        return None
    return array if np.issubdtype(array.dtype, np.number) else None


def _wrong_kind(right, given, what):
    return f"{what} is {describe(given)}, where {describe(right)} is expected"


def _wrong_entries(right, given, tolerance, what):
    scale = np.abs(right[np.isfinite(right)]).max(initial=0) or 1
    differ = ~np.isclose(given, right, rtol=0, atol=tolerance * scale, equal_nan=True)
    if not differ.any():
        return None
    with np.errstate(all="ignore"):
        errors, ratios = np.nan_to_num(abs(given - right), nan=np.inf), given / right
    worst = np.unravel_index(np.argmax(errors), right.shape)
    value, wanted = given[worst], right[worst]
    words = f"{what} is {show(value)} and should be {show(wanted)}"
    if right.ndim:
        place = f"[{', '.join(map(str, worst))}]"
        words = f"{differ.sum()} of {right.size} entries differ; entry {place} of {words}"
    if np.isnan(value):
        words += " (not a number: look for 0/0, or the root or logarithm of something negative)"
    elif np.isinf(value):
        words += " (more than a float can hold: look for a division by zero)"
    elif np.isrealobj(value):
        words += f", {show(abs(value - wanted))} too {'large' if value > wanted else 'small'}"
    if right.size > 1 and np.allclose(ratios, ratios.flat[0]):
        words += f" (every entry is {show(ratios.flat[0])} times what it should be)"
    return words


def describe(value):
    """What kind of thing a value is, in words."""
    if value is None or value is ...:
        return "nothing (is there a `return`?)"
    if isinstance(value, np.ndarray) and value.ndim:
        kind = "" if np.issubdtype(value.dtype, np.number) else f" of {value.dtype}"
        return f"an array of shape {value.shape}{kind}"
    if isinstance(value, Number | np.ndarray) and not isinstance(value, bool):
        return "a number"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of length {len(value)}"
    return f"a {type(value).__name__}"


def show(value, indent=0):
    """A value in short; further lines start after `indent` spaces."""
    if isinstance(value, np.ndarray) and value.ndim:
        return np.array2string(
            value,
            precision=4,
            suppress_small=True,
            separator=", ",
            threshold=50,
            prefix=indent * " ",
        )
    if isinstance(value, np.generic | np.ndarray):
        value = value.item()
    if isinstance(value, float | complex):
        return f"{value:.6g}"
    if isinstance(value, tuple | list):
        left, right = "()" if isinstance(value, tuple) else "[]"
        text = left + ", ".join(show(item, indent + 1) for item in value) + right
    else:
        text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]} ..."
