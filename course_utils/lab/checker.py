"""Whether a student's function is right, and if not, what is wrong with it. Knows no widget.

Only values are compared, on small random inputs: never source text.
"""

import copy
import inspect
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from course_utils.lab.wording import difference, show


@dataclass(frozen=True)
class Mistake:
    """A known mistake: code that makes it, and words that name it and help to repair it."""

    function: Callable
    words: str


@dataclass(frozen=True)
class Exercise:
    """A function to complete.

    Attributes
    ----------
    reference : callable
        The right answer. The exercise has its name and its arguments.
    cases : callable
        ``cases(rng)`` yields small inputs, each a tuple of arguments.
    mistakes : sequence of Mistake
        Looked for in this order.
    hints : sequence of str
        In steps; `backticks` mark code.
    tolerance : float
        Of a result, relative to its largest entry.
    """

    reference: Callable
    cases: Callable[[np.random.Generator], Iterable[tuple]]
    mistakes: list[Mistake]
    hints: list[str]
    tolerance: float = 1e-6

    @property
    def name(self):
        """The name of the function to complete."""
        return self.reference.__name__

    @property
    def arguments(self):
        """The names of its arguments."""
        return list(inspect.signature(self.reference).parameters)


@dataclass(frozen=True)
class Verdict:
    """What came of a check.

    Attributes
    ----------
    right : bool or None
        None: not attempted.
    words : str
        `backticks` mark code.
    example : str
        An input and the results on it, in lines; empty where there is nothing to show.
    """

    right: bool | None
    words: str
    example: str = ""


NOT_ATTEMPTED = Verdict(
    None,
    "The function returns nothing. Complete it, run its cell, then run this one again.",
)


def examine(exercise, function):
    """Run a student's function on an exercise's inputs and return the `Verdict`.

    The function gets copies. It is recognized as a known mistake if it gives the same results as
    that mistake on every input.
    """
    cases = list(exercise.cases(np.random.default_rng(0)))
    results, changed = [], set()
    for case in cases:
        given = copy.deepcopy(case)
        try:
            with np.errstate(all="ignore"):
                results.append(function(*given))
        except Exception as error:  # noqa: BLE001 (a student's code may raise anything)
            return Verdict(False, _what_stopped_it(exercise, error), _listed(exercise, case))
        changed |= _changed(exercise, case, given)
    if not changed and all(result is None or result is ... for result in results):
        return NOT_ATTEMPTED

    wrong = _differences(exercise, exercise.reference, cases, results)
    if not any(wrong):
        return _about_changed(changed) or Verdict(
            True, f"The values agree on all of {len(cases)} small inputs."
        )
    for mistake in exercise.mistakes:
        if not any(_differences(exercise, mistake.function, cases, results)):
            return Verdict(False, mistake.words)
    first = next(number for number, words in enumerate(wrong) if words)
    count = sum(words is not None for words in wrong)
    return Verdict(
        False,
        f"Wrong on {count} of {len(cases)} inputs. On the one below, {wrong[first]}.",
        _listed(
            exercise,
            cases[first],
            your_result=results[first],
            right_result=exercise.reference(*cases[first]),
        ),
    )


def _differences(exercise, function, cases, results):
    """For each case, how the result differs from that of `function`, in words (None: it agrees)."""
    with np.errstate(all="ignore"):
        wanted = [function(*case) for case in cases]
    return [difference(*pair, exercise.tolerance) for pair in zip(wanted, results)]


def _changed(exercise, before, after):
    """The names of the arguments, arrays and lists, that are no longer what they were."""
    arguments = zip(exercise.arguments, before, after)
    kinds = (np.ndarray, list)
    return {name for name, b, a in arguments if isinstance(b, kinds) and difference(b, a, 0)}


def _about_changed(names):
    if names:
        name = min(names)
        return Verdict(
            False,
            f"The result is right, but the function has changed its argument `{name}`, which others "
            f"may still need. Make a new one: `{name} = {name} + ...` does, where `{name} += ...` "
            "writes into the one that was handed in.",
        )


def _what_stopped_it(exercise, error):
    """An exception in words, with the student's line if it happened there."""
    message = f"{type(error).__name__}: {error}".rstrip(": ").replace("`", "'")
    _, *frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        call = f"{exercise.name}({', '.join(exercise.arguments)})"
        return f"It stopped with `{message}`. It is called as `{call}`."
    own = [frame for frame in frames if frame.filename == frames[0].filename][-1]
    line = f"line {own.lineno}, `{own.line}`," if own.line else f"line {own.lineno}"
    return f"It stopped with `{message}` in {line} on the input below."


def _listed(exercise, case, **results):
    """Arguments and results by name, a line each."""
    values = dict(zip(exercise.arguments, case)) | results
    width = max(map(len, values))
    return "\n".join(
        f"{name.replace('_result', ' result'):{width}} = {show(value, indent=width + 3)}"
        for name, value in values.items()
    )
