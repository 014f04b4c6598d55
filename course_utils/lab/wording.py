"""Two results side by side: whether they agree, and if not, where and by how much, in words."""

from numbers import Number

import numpy as np

LONGEST = 300  # characters of one value, or of an exception
LONG = 100_000  # entries: what is longer is no result of an exercise
ROUGH = 3e-5  # what float32 can be asked for


def difference(right, given, tolerance=1e-6, what="the result", absolute=0.0):
    """How `given` differs from `right`, as a clause; None if it does not.

    Parameters
    ----------
    right : number, array, str, or a tuple or list of these
    given : object
        A list counts as an array, an array as a list, and a tuple as either. Fractions, decimals
        and large whole numbers are numbers.
    tolerance : float
        Relative to the largest entry of `right`; float32 and float16 are given a little more.
    what : str or sequence of str
        What the clause calls `given`, or each item of it.
    absolute : float
        This much more is allowed.
    """
    if isinstance(right, str):
        agree = isinstance(given, str) and given == right
        return None if agree else f"{what} is {show(given)} and should be {show(right)}"
    if isinstance(right, tuple | list):
        deepest = max(map(np.ndim, filter(_is_array, right)), default=0)
        if _is_array(given) and given.ndim > deepest and len(given) == len(right):
            given = list(given)
        if not isinstance(given, tuple | list) or len(given) != len(right):
            return _wrong_kind(right, given, what if isinstance(what, str) else "the result")
        if isinstance(what, str):
            what = [f"item {i} of {what}" for i in range(len(right))]
        items = zip(right, given, what)
        found = (difference(*pair, tolerance, name, absolute) for *pair, name in items)
        return next(filter(None, found), None)
    right, array = numbers(right), numbers(given)
    if array is None or array.shape != right.shape:
        return _wrong_kind(right, given, what)
    if array.dtype in (np.float32, np.float16):
        tolerance = max(tolerance, ROUGH)
    return _wrong_entries(right, array, tolerance, what, absolute)


def numbers(given):
    """`given` as an array of numbers, or None."""
    if not is_short(given):
        return None
    try:
        array = np.asarray(given)
        if array.dtype == object and array.size and all(map(_is_number, array.flat)):
            array = array.astype(float)
    except Exception:  # noqa: BLE001 (rows of different lengths, or an object of a student's own)
        return None
    return array if np.issubdtype(array.dtype, np.number) else None


def is_short(value):
    """Whether a value can be looked at in no time."""
    if isinstance(value, np.ndarray):
        return value.size <= LONG
    return not isinstance(value, tuple | list) or len(value) <= LONG


def _is_array(value):
    return isinstance(value, np.ndarray)


def _is_number(value):
    return hasattr(value, "__float__") and not isinstance(value, bool | str | np.ndarray)


def _wrong_kind(right, given, what):
    return f"{what} is {describe(given)}, where {describe(right)} is expected"


def _wrong_entries(right, given, tolerance, what, absolute):
    scale = np.abs(right[np.isfinite(right)]).max(initial=0) or 1
    differ = ~np.isclose(given, right, rtol=0, atol=tolerance * scale + absolute, equal_nan=True)
    if not differ.any():
        return None
    with np.errstate(all="ignore"):
        errors = np.nan_to_num(np.abs(given - right), nan=np.inf)
    worst = np.unravel_index(np.argmax(errors), right.shape)
    value, wanted = given[worst], right[worst]
    words = "{} is {} and should be {}".format(what, *_apart(value, wanted))
    if right.ndim:
        place = f"[{', '.join(map(str, worst))}]"
        words = f"{differ.sum()} of {right.size} entries differ; entry {place} of {words}"
    if np.isnan(value):
        words += (
            " (not a number: look for 0/0, the root or logarithm of something negative, or numbers "
            "that grew without bound)"
        )
    elif np.isinf(value):
        words += " (more than a float can hold: look for a division by zero)"
    elif np.isrealobj(value):
        words += f", {show(abs(value - wanted))} too {'large' if value > wanted else 'small'}"
    return words


def _apart(value, wanted):
    """Two numbers in as few digits, six or more, as tell them apart."""
    shown = show(value), show(wanted)
    for digits in range(7, 18):
        if shown[0] != shown[1]:
            break
        shown = f"{value:.{digits}g}", f"{wanted:.{digits}g}"
    return shown


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
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def show(value, indent=0):
    """A value in short; further lines start after `indent` spaces. No value makes it raise."""
    try:
        text = _show(value, indent)
        return text if isinstance(value, np.ndarray) else shortened(text)
    except Exception:  # noqa: BLE001 (a __repr__ of a student's own may raise anything)
        return f"<{describe(value)} that cannot be shown>"


def shortened(text):
    """A text cut where it is too long to be read."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def _show(value, indent, depth=4):
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
    if isinstance(value, tuple | list) and depth:
        left, right = "()" if isinstance(value, tuple) else "[]"
        items = [_show(item, indent + 1, depth - 1) for item in value[:100]]
        return left + ", ".join(items + ["..."] * (len(value) > 100)) + right
    return "..." if isinstance(value, tuple | list) else repr(value)
