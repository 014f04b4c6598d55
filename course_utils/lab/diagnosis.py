"""What is wrong with an answer that makes no known mistake: how it and the reference respond.

Nothing here knows an exercise. A detector takes a `View` of the answer and returns a sentence or
None; it speaks only where what it says is true on every input tried, and of other inputs it
compares what the student's function and the reference make of the same ones.
"""

from functools import wraps
from itertools import combinations

import numpy as np

from course_utils.lab import patterns
from course_utils.lab.wording import difference, is_short, numbers

SENTENCES = 2  # at most, of those that only say where to look


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

    def is_right_for(self, change):
        """Whether the student's results are the right ones for changed cases, and stay so when one
        argument after the other is moved."""
        try:
            right = [self.truth(change(case)) for case in self.cases]
            if not all(map(self.agree, right, self.given)):
                return False
        except Exception:  # noqa: BLE001 (a change that cannot be made)
            return False
        for case in self.cases:
            for i, argument in enumerate(case):
                for value in moved(argument):
                    other = replaced(case, i, value)
                    try:
                        truth, mine = self.truth(change(other)), self.mine(other)
                    except Exception:  # noqa: BLE001 (moved to where one of them cannot go)
                        continue
                    if not self.agree(truth, mine):
                        return False
        return True

    def multipliers(self):
        """What an argument may be multiplied by: words, and functions of a case."""
        for i, name in enumerate(self.names):
            if all(is_float_or_int(case[i]) for case in self.cases):
                yield f"`{name}`", lambda case, i=i: float(case[i])
                yield f"1 / `{name}`", lambda case, i=i: 1 / case[i]
                yield f"1 - `{name}`", lambda case, i=i: 1 - case[i]
            for axis, words in enumerate(("len({})", "{}.shape[1]")):
                if all(np.ndim(case[i]) > axis for case in self.cases):
                    words = f"`{words.format(name)}`"
                    yield words, lambda case, i=i, axis=axis: float(np.shape(case[i])[axis])
                    yield f"1 / {words}", lambda case, i=i, axis=axis: 1 / np.shape(case[i])[axis]

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
    if not all(map(is_short, trial.results)):
        return []
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
    is_numeric = view.numeric()
    if not found and is_numeric:
        found = _first(patterns.FIRST, view, 1)
    found = found or _first(HYPOTHESES, view, 1)
    if not found and is_numeric:
        found = _first((*RESPONSES, *patterns.LAST), view, SENTENCES)
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


def order_of_arguments(exercise, answer):
    """The function was written with its arguments in another order: a sentence, or None."""
    code = getattr(answer, "__code__", None)
    if code is None:
        return None
    own = list(code.co_varnames[: code.co_argcount])
    if own != exercise.arguments and sorted(own) == sorted(exercise.arguments):
        called = f"{exercise.name}({', '.join(exercise.arguments)})"
        return f"Your arguments are in another order: the function is called as `{called}`."
    return None


# How it responds


def each_argument(detector):
    """A detector that looks at one argument, tried on all of them: numbers first, then arrays."""

    @wraps(detector)
    def tried(view):
        scalars_first = sorted(
            range(len(view.names)), key=lambda i: not is_float_or_int(view.cases[0][i])
        )
        for i in scalars_first:
            try:
                if sentence := detector(view, i, view.names[i]):
                    return sentence
            except Exception:  # noqa: BLE001 (an argument that cannot be changed in this way)
                continue
        return None

    return tried


def replaced(case, i, value):
    return (*case[:i], value, *case[i + 1 :])


def is_floats(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def filled(value, number):
    """A number in place of a number, an array of it in place of an array."""
    return np.full_like(value, number) if is_floats(value) else number


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


def is_mask(value):
    return isinstance(value, np.ndarray) and set(np.unique(value)) <= {0, 1}


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
        if view.is_right_for(lambda case, change=change: replaced(case, i, change(case[i]))):
            return f"Yours is the right result for {words.format(name)} in place of `{name}`."
    return None


@each_argument
def fixed(view, i, name):
    """Right, if an argument had one certain value."""
    value = view.cases[0][i]
    if not is_floats(value) and not is_float_or_int(value):
        return None
    for number in FIXED[:2] if is_floats(value) else FIXED:
        if view.is_right_for(lambda c, number=number: replaced(c, i, filled(c[i], number))):
            return f"Yours is the right result for `{name}` = {number:g}, whatever `{name}` is."
    return None


def exchanged(view):
    """Right, if two arguments of a kind changed places, or one stood for another."""
    for i, j in combinations(range(len(view.names)), 2):
        if any(type(c[i]) is not type(c[j]) or np.shape(c[i]) != np.shape(c[j]) for c in view.cases):
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


@each_argument
def neutral(view, i, name):
    """Right where an argument is 0, or 1."""
    value = view.cases[0][i]
    if not isinstance(value, float) and not is_floats(value):
        return None
    for number, words in ((0.0, "a part that has `{}` in it"), (1.0, "how `{}` enters")):
        cases = [replaced(case, i, filled(case[i], number)) for case in view.cases]
        right = [view.truth(case) for case in cases]
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
    return not any(
        all(a.shape == r.shape and np.allclose(a, r) for a, r in zip(each, flat))
        for each in arguments
    )


def moved(value):
    """Other values than an argument's, within what it may be: two, one or none."""
    noise = np.random.default_rng(1)
    if isinstance(value, bool):
        return []
    if isinstance(value, float):
        if 0 <= value < 1:
            return [0.8 * value + 0.05, 0.5 * value + 0.02]
        return [1.3 * value + 0.1, 3.0 * value]
    if isinstance(value, int):
        return [value + 1, value + 2]
    if is_floats(value):
        return [value + noise.uniform(0.05, 0.3, value.shape) for _ in range(2)]
    return [1 - value] if is_mask(value) else []


@each_argument
def used(view, i, name):
    """An argument that changes nothing and should, or the other way round."""
    mine, truth = [], []
    for case, given, right in zip(view.cases, view.given, view.right):
        for value in moved(case[i]):
            other = replaced(case, i, value)
            mine.append(difference(given, view.mine(other), 1e-9) is not None)
            truth.append(difference(right, view.truth(other), 1e-9) is not None)
    if mine and not any(mine) and all(truth):
        return f"Your result does not change with `{name}`; the right one does."
    if mine and all(mine) and not any(truth):
        return f"Your result changes with `{name}`; the right one does not."
    return None


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
    if None in mine + truth or not np.allclose(truth, truth[0]) or not np.allclose(mine, mine[0]):
        return None
    if np.isclose(mine[0], truth[0], rtol=1e-3):
        return None
    becomes = "stays as it is" if np.isclose(mine[0], 1) else f"becomes {mine[0]:.3g} times as large"
    return f"With `{name}` doubled, yours {becomes}, and the right one {truth[0]:.3g} times."


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
            return f"Your result changes with the {words} of `{name}`; the right one does not."
        if still[0] and not still[1]:
            return f"Your result does not change with the {words} of `{name}`; the right one does."
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
    if mine == truth:
        return None
    return (
        f"An entry of `{name}` acts on {REACH[mine]} in yours, and on {REACH[truth]} in the right "
        "one. Which axis is meant?"
    )


def _reach(function, before, case, i):
    """Whether the first entry of an argument moves other rows, and other columns."""
    other = np.array(case[i], float)
    other[0, 0] += 0.37
    after = np.asarray(function(replaced(case, i, other)), float)
    moves = np.abs(after - np.asarray(before, float)) > 1e-9
    return bool(moves[1:].any()), bool(moves[:, 1:].any())


RESPONSES = (coupling, degree, items, used, trend, neutral)
