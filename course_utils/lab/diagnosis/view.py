"""What the detectors of the diagnosis look at, and what they may change in a case."""

from functools import wraps

import numpy as np

from course_utils.lab.wording import difference, numbers


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
    what : str
        What a sentence about these results begins with.
    r, m : list of array
        `right` and `given` as arrays of floats of one shape; set by `numeric`.
    """

    def __init__(self, exercise, trial, item=None):
        self.exercise, self.trial, self.item = exercise, trial, item
        self.names, self.cases = exercise.arguments, trial.cases
        self.right = [self._pick(result) for result in trial.right]
        self.given = [self._pick(result) for result in trial.results]
        self.returns = exercise.returns if item is None else ()
        self.what = "Your result"
        if item is not None:
            self.what = f"Your `{exercise.returns[item]}`" if exercise.returns else f"Item {item}"
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
                right, given = (
                    target(right) if target else right,
                    change(given) if change else given,
                )
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

    def is_right_for(self, change):
        """Whether the student's results are the right ones for changed cases, and stay so when one
        argument after the other is moved."""
        try:
            pairs = zip(self.cases, self.given)
            if not all(self.agree(self.truth(change(case)), given) for case, given in pairs):
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


def is_float_or_int(value):
    return isinstance(value, float | int) and not isinstance(value, bool)


def is_floats(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def is_mask(value):
    return isinstance(value, np.ndarray) and set(np.unique(value)) <= {0, 1}


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


def far(value):
    """Quite another value than an argument's."""
    if is_mask(value) or isinstance(value, bool):
        return 1 - value
    if isinstance(value, float) and 0 <= value < 1:
        return 1 - value / 2
    return 3 * value + 1.5 if is_floats(value) else 10 * value


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


def filled(value, number):
    """A number in place of a number, an array of it in place of an array."""
    return np.full_like(value, number) if is_floats(value) else number
