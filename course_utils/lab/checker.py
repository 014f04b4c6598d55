"""Whether a student's function is right, and if not, what is wrong with it. Knows no widget.

Only values are compared, on small random inputs: never source text.
"""

import copy
import dis
import inspect
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path

import numpy as np

from course_utils.lab.wording import difference, show

COURSE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Mistake:
    """A known mistake: code that makes it, and words that name it and help to repair it."""

    function: Callable
    words: str


def call(answer, *case):
    """The usual way of applying an answer to a case: call it."""
    return answer(*case)


@dataclass(frozen=True)
class Exercise:
    """A function, or a class, to complete: at the end of a notebook, or as a blank in its middle.

    Attributes
    ----------
    reference : callable
        The right answer. The exercise has its name, and the arguments of a function.
    cases : callable
        ``cases(rng)`` yields small inputs, each a tuple of arguments.
    mistakes : sequence of Mistake
        Looked for in this order.
    hints : sequence of str
        In steps; `backticks` mark code.
    tolerance : float
        Of a result, relative to its largest entry.
    blank : bool
        Whether the notebook goes on with the answer: then its solution is the reference's source.
    run : callable
        ``run(answer, *case)`` gives what is compared. For a class it makes an object and uses it:
        ``def run(answer, x, grad_y): layer = answer(3); return layer.forward(x), ...``. Its
        parameters behind the first name the case's.
    """

    reference: Callable
    cases: Callable[[np.random.Generator], Iterable[tuple]]
    mistakes: list[Mistake]
    hints: list[str]
    tolerance: float = 1e-6
    blank: bool = False
    run: Callable = call

    @property
    def name(self):
        """The name of the function, or class, to complete."""
        return self.reference.__name__

    @property
    def arguments(self):
        """The names of what a case holds."""
        if self.run is call:
            return list(inspect.signature(self.reference).parameters)
        return list(inspect.signature(self.run).parameters)[1:]


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


def examine(exercise, answer):
    """Run a student's function, or class, on an exercise's inputs and return the `Verdict`.

    It gets copies. It is recognized as a known mistake if it gives the same results as that mistake
    on every input.
    """
    if _is_empty(answer):
        return NOT_ATTEMPTED
    cases = list(exercise.cases(np.random.default_rng(0)))
    results, changed = [], set()
    for case in cases:
        given = copy.deepcopy(case)
        try:
            with np.errstate(all="ignore"):
                results.append(exercise.run(answer, *given))
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
            right_result=exercise.run(exercise.reference, *cases[first]),
        ),
    )


def _is_empty(answer):
    """Whether it is as the notebook hands it out: a function, or a class of functions, of `...`."""
    if isinstance(answer, type):
        inside = [getattr(value, "__func__", value) for value in vars(answer).values()]
        return all(_is_empty(value) for value in inside if inspect.isfunction(value))
    return inspect.isfunction(answer) and all(
        step.opname == "RESUME" or step.argval is None for step in dis.get_instructions(answer)
    )


def _differences(exercise, answer, cases, results):
    """For each case, how the result differs from that of `answer`, in words (None: it agrees)."""
    with np.errstate(all="ignore"):
        wanted = [exercise.run(answer, *copy.deepcopy(case)) for case in cases]
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
    frames = traceback.extract_tb(error.__traceback__)
    frames = list(dropwhile(lambda frame: Path(frame.filename).is_relative_to(COURSE), frames))
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
