"""A student's function on the inputs of an exercise: what came of each, copied at once."""

import contextlib
import copy
import io
from functools import cached_property

import numpy as np

from course_utils.lab.wording import difference, is_short, numbers


class Trial:
    """One function, or class, on all inputs of its exercise.

    Attributes
    ----------
    cases : list of tuple
    right, results : list
        By case: the right result, and a copy of the student's, as far as it came.
    error : Exception or None
        What the case behind the last result raised.
    changed : set of str
        The arguments that were changed in place.
    wrong : list
        By case: how the result differs, in words, or None.
    """

    def __init__(self, exercise, answer):
        self.exercise, self.answer = exercise, answer
        self.cases = list(exercise.cases(np.random.default_rng(0)))
        self.right = exercise.results(exercise.reference, self.cases)
        self.results, self.again, self.changed, self.error = [], [], set(), None
        self._kept = []  # the results themselves, which later calls may write into

    def run(self):
        """Run all cases, then all of them again, from the last to the first."""
        for case in self.cases:
            given = copy.deepcopy(case)
            try:
                result = self._apply(given)
            except Exception as error:  # noqa: BLE001 (a student's code may raise anything)
                self.error = error
                return
            self._kept.append(result)
            self.results.append(copied(result))
            self.changed |= set(changed(self.exercise.arguments, case, given))
        if not all(map(is_short, self.results)):
            self.again = self.results
            return
        try:
            self.again = [self.call(case) for case in self.cases[::-1]][::-1]
        except Exception:  # noqa: BLE001 (it did not raise the first time: it remembers)
            self.again = None

    def call(self, case):
        """The student's result on any case: a copy, made from a copy. What it prints is dropped."""
        with contextlib.redirect_stdout(io.StringIO()):
            return copied(self._apply(copy.deepcopy(case)))

    def prints(self):
        """Whether it prints something."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            self._apply(copy.deepcopy(self.cases[0]))
        return bool(printed.getvalue().strip())

    def _apply(self, case):
        with np.errstate(all="ignore"):
            return self.exercise.run(self.answer, *case)

    @cached_property
    def wrong(self):
        return [self.exercise.difference(*pair) for pair in zip(self.right, self.results)]

    def agrees_with(self, results):
        """Whether the student's results are these, on every case."""
        return not any(
            isinstance(each, Exception) or self.exercise.difference(each, mine)
            for each, mine in zip(results, self.results)
        )

    def unstable(self):
        """What is wrong with a function that does not give the same on the same input, or None."""
        if self.again is None or not all(map(same, self.results, self.again)):
            return (
                "The same input gives another result the second time. Does the function draw at "
                "random, or remember something from call to call: a global variable, or a list or "
                "an array among the default values of its arguments?"
            )
        if not all(map(same, self.results, self._kept)):
            return (
                "A result changes after it was returned: a later call writes into the same array. "
                "Make a new one in each call."
            )
        return None


def copied(result, depth=3):
    """A copy of arrays and of short lists and tuples of them; anything else as it is."""
    if not is_short(result):
        return result
    if isinstance(result, np.ndarray):
        return result.copy()
    if type(result) in (list, tuple) and depth:
        return type(result)(copied(item, depth - 1) for item in result)
    return result


def same(first, second, depth=3):
    """Whether two results of one function are the same, but for rounding."""
    if first is second or type(first) is not type(second):
        return first is second
    if isinstance(first, list | tuple) and len(first) == len(second):
        return not depth or all(same(*pair, depth - 1) for pair in zip(first, second))
    if isinstance(first, str):
        return first == second
    if numbers(first) is None:
        return True  # of what it cannot compare it says nothing
    return difference(first, second, 1e-9) is None


def changed(names, before, after):
    """The names of the arguments that are no longer what they were."""
    return [name for name, b, a in zip(names, before, after) if _has_changed(b, a)]


def _has_changed(before, after):
    if isinstance(before, np.ndarray) and before.dtype == bool:
        return not np.array_equal(before, after)
    if isinstance(before, np.ndarray | list):
        return difference(before, after, 0) is not None
    params = getattr(before, "params", None)  # a layer, a network
    if params is None:
        return False
    now = getattr(after, "params", {})
    return any(key not in now or difference(value, now[key], 1e-9) for key, value in params.items())
