"""Values as JSON can hold them, and back: what is unpacked is data, whoever packed it.

It imports nothing of the course, since `course_utils.lab.apart` hands its text to other processes.
"""

import base64
from functools import cache

import numpy as np

KINDS = "biufcU"  # of the arrays that can be packed
DEEPEST = 8


def pack(value, depth=DEEPEST):
    """A value as JSON can hold it.

    Numbers, strings, arrays of them, lists, tuples and dicts of these, None, `...`, and exceptions;
    a TypeError for anything else, and for what is nested too deep.
    """
    if not depth:
        raise TypeError("nested too deep to be packed")
    if value is None or type(value) in (bool, int, float, str):
        return value
    if value is ...:
        return {"kind": "dots"}
    if type(value) is complex:
        return pack(np.complex128(value), depth)
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in KINDS:
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        kind = "array" if isinstance(value, np.ndarray) else "number"
        return {"kind": kind, "dtype": value.dtype.str, "shape": value.shape, "data": data}
    if type(value) is list:
        return [pack(item, depth - 1) for item in value]
    if isinstance(value, tuple):
        return {"kind": "tuple", "items": [pack(item, depth - 1) for item in value]}
    if type(value) is dict:
        return {"kind": "dict", "items": [pack(list(item), depth - 1) for item in value.items()]}
    if isinstance(value, Exception):
        return {"kind": "error", "type": type(value).__name__, "words": str(value)}
    raise TypeError(f"a {type(value).__name__} cannot be packed")


def unpack(packed):
    """The value again; a ValueError, TypeError or KeyError for what `pack` has not made.

    An exception comes back as one of another class with the same name, and so does what
    `described` stands for.
    """
    if isinstance(packed, list):
        return [unpack(item) for item in packed]
    if not isinstance(packed, dict):
        return packed
    kind = packed["kind"]
    if kind == "dots":
        return ...
    if kind == "tuple":
        return tuple(unpack(item) for item in packed["items"])
    if kind == "dict":
        return {key: value for key, value in map(unpack, packed["items"])}
    if kind == "other":
        return _stranger(str(packed["type"]))()
    if kind == "error":
        return type(str(packed["type"]), (Exception,), {})(str(packed["words"]))
    dtype = np.dtype(str(packed["dtype"]))
    if dtype.kind not in KINDS:
        raise ValueError(f"an array of {dtype} cannot be packed")
    array = np.frombuffer(base64.b64decode(packed["data"]), dtype).reshape(packed["shape"]).copy()
    return array if kind == "array" else array[()]


def described(value):
    """What cannot be packed, by the name of its kind alone."""
    return {"kind": "other", "type": type(value).__name__}


@cache
def _stranger(name):
    return type(name, (), {"__repr__": lambda self: f"<{name}>"})
