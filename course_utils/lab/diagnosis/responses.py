"""Responses: what the student's function and the reference make of the same other inputs.

Each function takes a `View` and returns a sentence, or None.
"""

import numpy as np

from course_utils.lab.diagnosis.view import (
    each_argument,
    far,
    filled,
    is_float_or_int,
    is_floats,
    moved,
    replaced,
)  # fmt: skip
from course_utils.lab.wording import difference, numbers


@each_argument
def neutral(view, i, name):
    """Right where an argument is 0, or 1."""
    value = view.cases[0][i]
    if not isinstance(value, float) and not is_floats(value):
        return None
    for number, words in ((0.0, "a part that has `{}` in it"), (1.0, "how `{}` enters")):
        cases = [replaced(case, i, filled(case[i], number)) for case in view.cases]
        right = [view.truth(case) for case in cases]
        kept = [k for k, each in enumerate(right) if np.isfinite(each).all()]  # but for 0/0
        if len(kept) < 2:
            continue
        right, cases = [right[k] for k in kept], [cases[k] for k in kept]
        if _says_something(right, cases) and all(
            view.agree(r, view.mine(case)) for r, case in zip(right, cases)
        ):
            where = f"where all of `{name}` is" if is_floats(value) else f"for `{name}` ="
            return f"It is right {where} {number:g}: the mistake is in {words.format(name)}."
    return None


def _says_something(right, cases):
    """Whether results are more than one number for ever, and than an argument as it came."""
    flat = [np.asarray(r, float) for r in right]
    everything = np.concatenate([np.ravel(r) for r in flat])
    if not np.isfinite(everything).all() or np.ptp(everything) < 1e-9:
        return False
    arguments = [
        [numbers(case[i]) for case in cases]
        for i in range(len(cases[0]))
        if numbers(cases[0][i]) is not None
    ]
    return not any(all(map(_is_spread, each, flat)) for each in arguments)


def _is_spread(argument, result):
    """Whether a result is an argument as it came, or the same in each row."""
    fits = argument.shape in (result.shape, result.shape[1:])
    return fits and np.allclose(argument, result)


@each_argument
def used(view, i, name):
    """An argument that changes nothing and should, or the other way round."""
    mine, truth = [], []
    for case, given, right in zip(view.cases, view.given, view.right):
        for value in moved(case[i]):
            other = replaced(case, i, value)
            mine.append(difference(given, view.mine(other), 1e-9) is not None)
            truth.append(difference(right, view.truth(other), 1e-9) is not None)
    if mine and not any(mine) and all(truth) and not _moves_far_off(view, i):
        return f"{view.what} does not change with `{name}`; the right one does."
    if mine and all(mine) and not any(truth):
        return f"{view.what} changes with `{name}`; the right one does not."
    return None


def _moves_far_off(view, i):
    """Whether the student's result changes when an argument becomes quite another."""
    others = [replaced(case, i, far(case[i])) for case in view.cases]
    return any(difference(g, view.mine(o), 1e-9) for g, o in zip(view.given, others))


@each_argument
def degree(view, i, name):
    """What happens when an argument is doubled."""
    value = view.cases[0][i]
    if not isinstance(value, float) and not is_floats(value):
        return None
    mine, truth = [], []
    for case, given, right in zip(view.cases, view.given, view.right):
        other = replaced(case, i, 2 * case[i])
        mine.append(_ratio(given, view.mine(other)))
        truth.append(_ratio(right, view.truth(other)))
    if None in truth or not np.allclose(truth, truth[0]):
        return None
    right = f"the right one becomes {truth[0]:.3g} times as large"
    if np.isclose(truth[0], 1):
        right = "the right one stays as it is"
    if None in mine or not np.allclose(mine, mine[0]):
        return f"With `{name}` doubled, {right} on every input. Yours does not."
    if np.isclose(mine[0], truth[0], rtol=1e-3):
        return None
    becomes = f"{mine[0]:.3g} times as large" if not np.isclose(mine[0], 1) else "no larger"
    return f"With `{name}` doubled, yours becomes {becomes}; {right}."


def _ratio(before, after):
    """The factor between two results if it is the same in every entry, else None."""
    before, after = np.asarray(before, float), np.asarray(after, float)
    ratios = (after / before)[np.abs(before) > 1e-9]
    if not ratios.size or not np.allclose(ratios, ratios[0], rtol=1e-6):
        return None
    return float(ratios[0])


PLACES = (("first", slice(0, 1)), ("last", slice(-1, None)), ("inner", slice(1, -1)))


@each_argument
def items(view, i, name):
    """What happens when the first, the last or the inner numbers of a list are doubled."""
    if not all(isinstance(c[i], list) and all(map(is_float_or_int, c[i])) for c in view.cases):
        return None
    for words, place in PLACES:
        mine, truth = [], []
        for case, given, right in zip(view.cases, view.given, view.right):
            other = list(case[i])
            other[place] = [2 * number for number in other[place]]
            if other != case[i]:
                mine.append(_ratio(given, view.mine(replaced(case, i, other))))
                truth.append(_ratio(right, view.truth(replaced(case, i, other))))
        if not mine or None in mine + truth or not np.allclose(truth, truth[0]):
            continue
        still = [np.allclose(side, 1) for side in (mine, truth)]
        if still[1] and not np.isclose(mine, 1).any():
            return f"{view.what} changes with the {words} of `{name}`; the right one does not."
        if still[0] and not still[1]:
            return f"{view.what} does not change with the {words} of `{name}`; the right one does."
        if not still[1] and np.allclose(mine, mine[0]) and not np.isclose(mine[0], truth[0]):
            return (
                f"With the {words} of `{name}` doubled, yours becomes {mine[0]:.3g} times as large, "
                f"and the right one {truth[0]:.3g} times."
            )
    return None


@each_argument
def trend(view, i, name):
    """A number that falls where the right one grows."""
    value = view.cases[0][i]
    if not is_float_or_int(value) or view.r[0].size > 1:
        return None
    mine, truth = [], []
    for case, given, right in zip(view.cases, view.given, view.right):
        other = replaced(case, i, case[i] * 1.01 if isinstance(value, float) else case[i] + 1)
        mine.append(float(np.sign(np.asarray(view.mine(other)) - given).item()))
        truth.append(float(np.sign(np.asarray(view.truth(other)) - right).item()))
    if abs(sum(truth)) == len(truth) and mine == [-each for each in truth]:
        ways = ("falls", "grows") if truth[0] > 0 else ("grows", "falls")
        return f"Where `{name}` grows, yours {ways[0]} and the right one {ways[1]}."
    return None


REACH = {
    (False, False): "itself only", (False, True): "its own row", (True, False): "its own column",
    (True, True): "other rows and columns",
}  # fmt: skip


@each_argument
def coupling(view, i, name):
    """Which entries move when one entry of an argument does."""
    reaches = {
        (_reach(view.mine, view.given[k], case, i), _reach(view.truth, view.right[k], case, i))
        for k, case in enumerate(view.cases)
        if np.ndim(case[i]) == 2
        and min(np.shape(case[i])) > 1
        and np.shape(view.right[k]) == np.shape(case[i])
    }
    if len(reaches) != 1:
        return None
    ((mine, truth),) = reaches
    if mine == truth or None in (mine, truth):
        return None
    return (
        f"An entry of `{name}` acts on {REACH[mine]} in yours, and on {REACH[truth]} in the right "
        "one. Which axis is meant?"
    )


def _reach(function, before, case, i):
    """Whether the first entry of an argument moves other rows, and other columns; None if it moves
    nothing."""
    other = np.array(case[i], float)
    other[0, 0] += 0.37
    after = np.asarray(function(replaced(case, i, other)), float)
    moves = np.abs(after - np.asarray(before, float)) > 1e-9
    return (bool(moves[1:].any()), bool(moves[:, 1:].any())) if moves.any() else None


RESPONSES = (coupling, degree, items, used, trend, neutral)
