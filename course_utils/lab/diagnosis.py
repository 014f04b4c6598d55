"""What is wrong with an answer that makes no known mistake: how it and the reference respond.

Nothing here knows an exercise. A detector takes a `View` of the answer and returns a sentence or
None; it speaks only where what it says is true on every input tried, and of other inputs it
compares what the student's function and the reference make of the same ones.
"""

from itertools import combinations

import numpy as np

from course_utils.lab import patterns
from course_utils.lab.wording import difference, numbers

SENTENCES = 2  # at most; the first detectors see most


class View:
    """The results of an exercise, or one item of them where there are several.

    Attributes
    ----------
    names, cases : list
        The arguments' names, and by case their values.
    right, given : list
        By case.
    returns : sequence of str
        The names of the results; empty for one item.
    r, m : list of array
        `right` and `given` as arrays of floats of one shape; set by `numeric`.
    """

    def __init__(self, exercise, trial, item=None):
        self.exercise, self.trial, self.item = exercise, trial, item
        self.names, self.cases = exercise.arguments, trial.cases
        self.right = [self._pick(result) for result in trial.right]
        self.given = [self._pick(result) for result in trial.results]
        self.returns = exercise.returns if item is None else ()
        self.number = 0  # of the case in hand

    def _pick(self, result):
        return result if self.item is None else result[self.item]

    def mine(self, case):
        """What the student's function makes of another input."""
        return self._pick(self.trial.call(case))

    def truth(self, case):
        """What the reference makes of it."""
        (result,) = self.exercise.results(self.exercise.reference, [case])
        if isinstance(result, Exception):
            raise result
        return self._pick(result)

    def agree(self, right, given):
        """Whether two results are the same within the exercise's tolerance."""
        tolerance, absolute = self.exercise.tolerance, self.exercise.absolute
        return difference(right, given, tolerance, absolute=absolute) is None

    def entries_agree(self, right, given):
        """Which entries of two arrays are the same."""
        scale = np.abs(right).max(initial=0) or 1
        atol = self.exercise.tolerance * scale + self.exercise.absolute
        return np.isclose(given, right, rtol=0, atol=atol, equal_nan=True)

    def all_agree(self, change=None, target=None, only=object):
        """Whether on every case the changed result of the student is the changed right one."""
        for self.number, (right, given) in enumerate(zip(self.right, self.given)):
            if not isinstance(given, only):
                return False
            try:
                right, given = target(right) if target else right, change(given) if change else given
                if not self.agree(right, given):
                    return False
            except Exception:  # noqa: BLE001 (a change that cannot be made)
                return False
        return True

    def numeric(self):
        """Set `r` and `m`; whether all results are finite numbers in the right shapes."""
        self.r, self.m = [[numbers(each) for each in side] for side in (self.right, self.given)]
        if any(
            r is None or m is None or r.shape != m.shape or not r.size or np.iscomplexobj(m)
            for r, m in zip(self.r, self.m)
        ):
            return False
        self.r, self.m = [[each.astype(float) for each in side] for side in (self.r, self.m)]
        return all(np.isfinite(m).all() for m in self.m)

    @property
    def pairs(self):
        return list(zip(self.r, self.m))

    def with_arrays(self, i):
        """The student's results, each with its case."""
        return list(zip(self.m, self.cases))

    def quantities(self):
        """Numbers that a factor may be made of, one a case: their words and values."""
        for i, name in enumerate(self.names):
            values = [case[i] for case in self.cases]
            if all(map(is_float_or_int, values)):
                v = np.array(values, float)
                yield from _made_of(f"`{name}`", v)
            for axis, word in ((0, "len({})"), (1, "{}.shape[1]")):
                if all(isinstance(value, np.ndarray) and value.ndim > axis for value in values):
                    v = np.array([value.shape[axis] for value in values], float)
                    yield from _made_of(f"`{word.format(name)}`", v)
            if all(isinstance(value, list) for value in values):
                yield from _made_of(f"`len({name})`", np.array([len(v) for v in values], float))


def is_float_or_int(value):
    return isinstance(value, float | int) and not isinstance(value, bool)


def _made_of(name, v):
    """Words and values of what is often made of a number."""
    with np.errstate(all="ignore"):
        yield name, v
        yield f"1 / {name}", 1 / v
        yield f"1 - {name}", 1 - v
        yield f"1 / (1 - {name})", 1 / (1 - v)
        yield f"{name}²", v**2
        yield f"1 / {name}²", 1 / v**2
        yield f"the root of {name}", np.sqrt(v)
        yield f"1 / the root of {name}", 1 / np.sqrt(v)
        yield f"{name} - 1", v - 1


def diagnose(exercise, trial):
    """What can be said of a wrong answer: a list of sentences, perhaps empty.

    Parameters
    ----------
    exercise : Exercise
    trial : Trial
        Run, without an error, and wrong on some input.
    """
    if found := order_of_arguments(exercise, trial):
        return [found]
    view = View(exercise, trial)
    if found := _first(patterns.SHAPES[:2], view, 1):
        return found
    right, items = [], len(trial.right[0]) if isinstance(trial.right[0], tuple) else 0
    if items and all(_length(given) == items for given in view.given):
        views = [View(exercise, trial, item) for item in range(items)]
        right = [each.all_agree() for each in views]
        if all(right):
            return []
        view = views[right.index(False)]
    found = _first(patterns.SHAPES[2:], view, 1)
    if not found and view.numeric():
        found = _first((*patterns.FIRST, *RESPONSES, *patterns.LAST), view, SENTENCES)
    if any(right) or (right and found):
        found = [_about_items(exercise.returns or range(items), right), *found]
    return found


def _length(value):
    is_array = isinstance(value, np.ndarray) and value.ndim
    return len(value) if is_array or isinstance(value, tuple | list) else None


def _first(detectors, view, count):
    """The first sentences that detectors find."""
    found = []
    for detector in detectors:
        try:
            with np.errstate(all="ignore"):
                sentence = detector(view)
        except Exception:  # noqa: BLE001 (either function may not take what it is given)
            continue
        if sentence:
            found.append(sentence)
        if len(found) == count:
            break
    return found


def _about_items(names, right):
    """Which results are right, and of which the next sentence speaks."""
    names = [f"`{name}`" if isinstance(name, str) else f"item {name}" for name in names]
    good = [name for name, is_right in zip(names, right) if is_right]
    bad = names[right.index(False)]
    if not good:
        return f"Look at {bad} first."
    verb = "is" if len(good) == 1 else "are"
    words = f"{' and '.join(good)} {verb} right, {bad} is not."
    return words[0].upper() + words[1:]


def order_of_arguments(exercise, trial):
    """The function was written with its arguments in another order."""
    code = getattr(trial.answer, "__code__", None)
    if code is None:
        return None
    own = list(code.co_varnames[: code.co_argcount])
    if own != exercise.arguments and sorted(own) == sorted(exercise.arguments):
        called = f"{exercise.name}({', '.join(exercise.arguments)})"
        return f"Your arguments are in another order: the function is called as `{called}`."
    return None


# How it responds


def replaced(case, i, value):
    return (*case[:i], value, *case[i + 1 :])


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
    "`{}` with its rows and columns exchanged": lambda v: v.T if v.ndim == 2 else 1 / 0,
    "`{}` from the last to the first": lambda v: v[::-1],
}
LISTS = {
    "the first of `{}` alone": lambda v: v[:1],
    "the first two of `{}` alone": lambda v: v[:2],
    "the last of `{}` alone": lambda v: v[-1:],
    "`{}` without its first": lambda v: v[1:],
    "`{}` without its last": lambda v: v[:-1],
    "`{}` from the last to the first": lambda v: v[::-1],
}
FIXED = (0.0, 1.0, 1e-5, 1e-8, 1e-6, 1e-3, 0.5, 2.0, 0.1, 0.9, 0.99, 0.999)


def substitutes(value):
    """By words, what could stand in place of a value by mistake: functions of it."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return ARRAYS
    if isinstance(value, np.ndarray) and set(np.unique(value)) <= {0, 1}:
        return {"1 - `{}`": lambda v: 1 - v}
    if isinstance(value, list):
        return LISTS
    return SCALARS if is_float_or_int(value) else {}


def in_place_of(view):
    """Right, if something else stood in place of an argument."""
    for i, name in enumerate(view.names):
        for words, change in substitutes(view.cases[0][i]).items():
            if _right_for(view, lambda case, i=i, change=change: replaced(case, i, change(case[i]))):
                return f"Yours is the right result for {words.format(name)} in place of `{name}`."
    return None


def fixed(view):
    """Right, if an argument had one certain value."""
    for i, name in enumerate(view.names):
        value = view.cases[0][i]
        is_array = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        if not is_array and not is_float_or_int(value):
            continue
        for number in FIXED[:2] if is_array else FIXED:
            fill = (lambda v, n=number: np.full_like(v, n)) if is_array else (lambda v, n=number: n)
            if _right_for(view, lambda case, i=i, fill=fill: replaced(case, i, fill(case[i]))):
                return f"Yours is the right result for `{name}` = {number:g}, whatever `{name}` is."
    return None


def exchanged(view):
    """Right, if two arguments changed places, or one stood for another."""
    for i, j in combinations(range(len(view.names)), 2):
        one, other = view.names[i], view.names[j]
        if _right_for(view, lambda c: replaced(replaced(c, i, c[j]), j, c[i])):
            return f"Yours is the right result for `{one}` and `{other}` exchanged."
        for k, n in ((i, j), (j, i)):
            if _right_for(view, lambda c, k=k, n=n: replaced(c, k, c[n])):
                return (
                    f"Yours is the right result for `{view.names[n]}` in place of `{view.names[k]}`."
                )
    return None


def combined(view):
    """Right, if an argument were multiplied or divided by another, or by a size."""
    for i, name in enumerate(view.names):
        if not isinstance(view.cases[0][i], float | np.ndarray):
            continue
        if isinstance(view.cases[0][i], np.ndarray) and view.cases[0][i].dtype.kind != "f":
            continue
        for words, values in view.quantities():
            if words == f"`{name}`" or "(1 - " in words or "²" in words or words.endswith("- 1"):
                continue
            cases = [replaced(c, i, c[i] * float(q)) for c, q in zip(view.cases, values)]
            if _right_on(view, cases):
                return f"Yours is the right result for `{name}` times {words} in place of `{name}`."
    return None


def _right_for(view, change):
    """Whether the student's results are the right ones for changed cases."""
    return _right_on(view, [change(case) for case in view.cases])


def _right_on(view, cases):
    for case, given in zip(cases, view.given):
        right = view.truth(case)
        if not view.agree(right, given):
            return False
    return True


def neutral(view):
    """Right where an argument is 0, or 1: what is wrong is where it enters."""
    for i, name in enumerate(view.names):
        value = view.cases[0][i]
        is_array = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        if not is_array and not isinstance(value, float):
            continue
        for number in (0.0, 1.0):
            cases = [
                replaced(c, i, np.full_like(c[i], number) if is_array else number)
                for c in view.cases
            ]
            right = [view.truth(case) for case in cases]
            if not _says_something(right, cases):
                continue
            if all(view.agree(r, view.mine(case)) for r, case in zip(right, cases)):
                which = f"where all of `{name}` is" if is_array else f"for `{name}` ="
                return f"It is right {which} {number:g}: look at what you do with `{name}`."
    return None


def _says_something(right, cases):
    """Whether results depend on the case, and are no argument as it came."""
    flat = [np.asarray(r, float) for r in right]
    if not all(np.isfinite(r).all() and np.abs(r).max(initial=0) > 1e-9 for r in flat):
        return False
    if all(r.shape == flat[0].shape and np.allclose(r, flat[0]) for r in flat[1:]):
        return False
    return not any(
        all(np.shape(c[i]) == r.shape and np.allclose(c[i], r) for r, c in zip(flat, cases))
        for i in range(len(cases[0]))
        if not isinstance(cases[0][i], list) and numbers(cases[0][i]) is not None
    )


def moved(value):
    """Two other values near an argument's, within what it may be."""
    noise = np.random.default_rng(1)
    if is_float_or_int(value) and isinstance(value, float):
        return [0.8 * value + 0.05, 0.5 * value + 0.02] if 0 <= value < 1 else [1.3 * value + 0.1, 3 * value]
    if is_float_or_int(value):
        return [value + 1, value + 2]
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return [value + noise.uniform(0.05, 0.3, value.shape) for _ in range(2)]
    if isinstance(value, np.ndarray) and set(np.unique(value)) <= {0, 1}:
        return [1 - value]
    return []


def used(view):
    """An argument that changes nothing and should, or the other way round."""
    for i, name in enumerate(view.names):
        mine, truth = [], []
        for case, given, right in zip(view.cases, view.given, view.right):
            for value in moved(case[i]):
                other = replaced(case, i, value)
                mine.append(_differs(given, view.mine(other)))
                truth.append(_differs(right, view.truth(other)))
        if mine and not any(mine) and all(truth):
            return f"Your result does not change with `{name}`; the right one does."
        if mine and all(mine) and not any(truth):
            return f"Your result changes with `{name}`; the right one does not."
    return None


def _differs(one, other):
    return difference(one, other, 1e-9) is not None


def degree(view):
    """What happens when an argument is doubled."""
    for i, name in enumerate(view.names):
        value = view.cases[0][i]
        if not isinstance(value, float) and not (
            isinstance(value, np.ndarray) and value.dtype.kind == "f"
        ):
            continue
        mine, truth = [], []
        for case, given, right in zip(view.cases, view.given, view.right):
            other = replaced(case, i, 2 * case[i])
            mine.append(_ratio(given, view.mine(other)))
            truth.append(_ratio(right, view.truth(other)))
        if None in truth or not np.allclose(truth, truth[0]):
            continue
        if None in mine or not np.allclose(mine, mine[0]):
            continue
        if not np.isclose(mine[0], truth[0], rtol=1e-3):
            return (
                f"With `{name}` doubled, yours becomes {mine[0]:.3g} times as large; the right one "
                f"{truth[0]:.3g} times."
            )
    return None


def _ratio(before, after):
    """The factor between two results if it is the same in every entry, else None."""
    before, after = np.asarray(before, float), np.asarray(after, float)
    ratios = (after / before)[np.abs(before) > 1e-9]
    if not ratios.size or not np.allclose(ratios, ratios[0], rtol=1e-6):
        return None
    return float(ratios[0])


REACH = {
    (False, False): "itself only", (False, True): "its own row", (True, False): "its own column",
    (True, True): "other rows and columns",
}  # fmt: skip


def coupling(view):
    """Which entries move when one entry of an argument does."""
    for i, name in enumerate(view.names):
        reaches = {
            (_reach(view.mine, view.given[k], case, i), _reach(view.truth, view.right[k], case, i))
            for k, case in enumerate(view.cases)
            if np.ndim(case[i]) == 2
            and min(np.shape(case[i])) > 1
            and np.shape(view.right[k]) == np.shape(case[i])
        }
        if len(reaches) == 1:
            ((mine, truth),) = reaches
            if mine != truth:
                return (
                    f"An entry of `{name}` acts on {REACH[mine]} in yours, and on {REACH[truth]} in "
                    "the right one. Which axis is meant?"
                )
    return None


def _reach(function, before, case, i):
    """Whether the first entry of an argument moves other rows, and other columns."""
    other = np.array(case[i], float)
    other[0, 0] += 0.37
    after = np.asarray(function(replaced(case, i, other)), float)
    moves = np.abs(after - np.asarray(before, float)) > 1e-9
    return bool(moves[1:].any()), bool(moves[:, 1:].any())


RESPONSES = (in_place_of, exchanged, fixed, combined, neutral, coupling, used, degree)
