"""Hypotheses: the results are the right ones for something else in place of an argument.

Each function takes a `View` and returns a sentence, or None.
"""

from itertools import combinations

import numpy as np

from course_utils.lab.diagnosis.view import (
    each_argument,
    filled,
    is_float_or_int,
    is_floats,
    is_mask,
    replaced,
)  # fmt: skip

SCALARS = {
    "1 - `{}`": lambda v: 1 - v,
    "2 `{}`": lambda v: 2 * v,
    "`{}` / 2": lambda v: v / 2,
    "`{}`²": lambda v: v**2,
    "the root of `{}`": lambda v: v**0.5,
    "1 / `{}`": lambda v: 1 / v,
    "-`{}`": lambda v: -v,
    "`{}` + 1": lambda v: v + 1,
    "`{}` - 1": lambda v: v - 1,
}
ARRAYS = {
    "minus `{}`": lambda v: -v,
    "`{}`²": lambda v: v**2,
    "the root of `{}`": np.sqrt,
    "the absolute values of `{}`": np.abs,
    "2 `{}`": lambda v: 2 * v,
    "`{}` / 2": lambda v: v / 2,
    "1 - `{}`": lambda v: 1 - v,
    "1 / `{}`": lambda v: 1 / v,
    "`{}` with its rows and columns exchanged": np.transpose,
    "`{}` from the last to the first": lambda v: v[::-1],
}
MASKS = {"1 - `{}`": lambda v: 1 - v}
LISTS = {
    "the first of `{}` alone": lambda v: v[:1],
    "the first two of `{}` alone": lambda v: v[:2],
    "the last of `{}` alone": lambda v: v[-1:],
    "the last two of `{}` alone": lambda v: v[-2:],
    "`{}` without its first": lambda v: v[1:],
    "`{}` without its last": lambda v: v[:-1],
    "`{}` from the last to the first": lambda v: v[::-1],
    "the sorted `{}`": sorted,
}
FIXED = (0.0, 1.0, 1e-5, 1e-8, 1e-6, 1e-3, 0.5, 2.0, 0.1, 0.9, 0.99, 0.999)


@each_argument
def in_place_of(view, i, name):
    """Right, if something else stood in place of an argument."""
    value = view.cases[0][i]
    changes = {}
    if is_float_or_int(value):
        changes = SCALARS
    elif is_floats(value):
        changes = ARRAYS
    elif isinstance(value, list):
        changes = LISTS
    elif is_mask(value):
        changes = MASKS
    for words, change in changes.items():
        if _is_right_with(view, i, change):
            alike = [j for j, v in enumerate(view.cases[0]) if j != i and _are_alike(v, value)]
            names = [name, *(view.names[j] for j in alike if _is_right_with(view, j, change))]
            said = [f"{words.format(each)} in place of `{each}`" for each in names]
            return f"Yours is the right result for {', or '.join(said)}."
    return None


def _are_alike(value, other):
    """Whether two arguments are of one kind, so that the same is tried in place of both."""
    return type(value) is type(other) and is_floats(value) == is_floats(other)


def _is_right_with(view, i, change):
    return view.is_right_for(lambda case: replaced(case, i, change(case[i])))


@each_argument
def fixed(view, i, name):
    """Right, if an argument had one certain value."""
    value = view.cases[0][i]
    if not is_floats(value) and not is_float_or_int(value):
        return None
    numbers = FIXED[:2] if is_floats(value) else (*FIXED, *{case[i] for case in view.cases})
    for number in numbers:
        if view.is_right_for(lambda c, number=number: replaced(c, i, filled(c[i], number))):
            return f"Yours is the right result for `{name}` = {number:g}, whatever `{name}` is."
    return None


def exchanged(view):
    """Right, if two arguments of a kind changed places, or one stood for another."""
    for i, j in combinations(range(len(view.names)), 2):
        if any(
            type(c[i]) is not type(c[j]) or np.shape(c[i]) != np.shape(c[j]) for c in view.cases
        ):
            continue
        one, other = view.names[i], view.names[j]
        if view.is_right_for(lambda c: replaced(replaced(c, i, c[j]), j, c[i])):
            return f"Yours is the right result for `{one}` and `{other}` exchanged."
        if view.is_right_for(lambda c: replaced(c, i, c[j])):
            return f"Yours is the right result for `{other}` in place of `{one}`."
        if view.is_right_for(lambda c: replaced(c, j, c[i])):
            return f"Yours is the right result for `{one}` in place of `{other}`."
    return None


@each_argument
def combined(view, i, name):
    """Right, if an argument were multiplied by another, or by a size, or divided by it."""
    value = view.cases[0][i]
    if not isinstance(value, float) and not is_floats(value):
        return None
    for words, quantity in view.multipliers():
        if words != f"`{name}`" and view.is_right_for(
            lambda c, quantity=quantity: replaced(c, i, c[i] * quantity(c))
        ):
            return f"Yours is the right result for `{name}` times {words} in place of `{name}`."
    return None


HYPOTHESES = (in_place_of, exchanged, fixed, combined)
