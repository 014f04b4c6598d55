"""Whether a student's function is right, and if not, what is wrong with it. Knows no widget.

Only values are compared, on small random inputs: never source text. Behind the known mistakes of an
exercise stands the diagnosis, which needs none.
"""

import copy
import dis
import inspect
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import dropwhile
from pathlib import Path

import numpy as np

from course_utils.lab.diagnosis import diagnose, order_of_arguments
from course_utils.lab.limit import within
from course_utils.lab.trial import Trial
from course_utils.lab.wording import difference, shortened, show

COURSE = Path(__file__).resolve().parents[1]
SECONDS = 10  # for a student's function, on all inputs together
CARET = ("bitwise_xor", "for ^:", "for ^=:")  # in what an exception says of a `^`
CALLABLE = [name for name in np.__all__ if callable(getattr(np, name, None))]


@dataclass(frozen=True)
class Mistake:
    """A known mistake: code that makes it, and words that name it and help to repair it.

    The code may raise: it is then recognized by the same exception on the same input.
    """

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
    absolute : float
        This much more is allowed: 5e-5 where four decimals are asked for.
    returns : sequence of str
        The names of the results, where there are several.
    without : sequence of str
        The names of what the task forbids to use.
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
    absolute: float = 0.0
    returns: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
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

    def difference(self, right, given):
        """How a result differs from the right one, as a clause; None if it does not."""
        what = [f"`{name}`" for name in self.returns] or "the result"
        return difference(right, given, self.tolerance, what, self.absolute)

    def results(self, answer, cases):
        """What an answer of the course's own gives on each case; an exception stands for itself."""
        return list(self.one_by_one(answer, cases))

    def one_by_one(self, answer, cases):
        """The same, computed as they are asked for: most mistakes are told by the first."""
        for case in cases:
            try:
                with np.errstate(all="ignore"):
                    result = self.run(answer, *copy.deepcopy(case))
            except Exception as error:  # noqa: BLE001 (some known mistakes raise)
                result = error
            yield result


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


def examine(exercise, answer, seconds=SECONDS):
    """Run a student's function, or class, on an exercise's inputs and return the `Verdict`.

    It gets copies, and its results are copied at once. It is recognized as a known mistake if it
    gives the same results as that mistake on every input.
    """
    if lost := [name for name in CALLABLE if not callable(getattr(np, name, None))]:
        return _about_lost(lost[0])
    if _is_empty(answer):
        return NOT_ATTEMPTED
    trial = Trial(exercise, answer)
    try:
        within(seconds, trial.run)
    except TimeoutError:
        return Verdict(
            False,
            f"It did not finish in {seconds:g} seconds, and was stopped on the input below. Is "
            "there a loop that never ends, or more work than was asked for?",
            _listed(exercise, trial.cases[len(trial.results) % len(trial.cases)]),
        )
    if trial.error is not None:
        return _about_error(exercise, trial)
    if all(result is None for result in trial.results):
        return _about_nothing(trial, seconds)
    if all(result is ... for result in trial.results):
        return NOT_ATTEMPTED
    if not any(trial.wrong):
        return _about_right(exercise, answer, trial)
    return _about_wrong(exercise, answer, trial, seconds)


def _about_right(exercise, answer, trial):
    """The values are right. Is there anything else to say?"""
    if unstable := trial.unstable():
        return Verdict(False, unstable)
    if used := set(exercise.without) & set(_names(answer)):
        return Verdict(False, f"The values are right, but do it without `{min(used)}` here.")
    if trial.changed:
        name = min(trial.changed)
        return Verdict(
            False,
            f"The result is right, but the function has changed its argument `{name}`, which others "
            f"may still need. {_instead(name, trial)}",
        )
    return Verdict(True, f"The values agree on all of {len(trial.cases)} small inputs.")


def _instead(name, trial):
    """What to do in place of writing into an argument."""
    if not isinstance(dict(zip(trial.exercise.arguments, trial.cases[0]))[name], np.ndarray | list):
        return "Leave it as you found it: put back whatever you move."
    return (
        f"Work on a copy of it, made with `.copy()`, or on a new one: `{name} = {name} + ...` "
        f"makes one, where `{name} += ...` and `{name}[...] = ...` write into what was handed in."
    )


def _about_wrong(exercise, answer, trial, seconds):
    """A known mistake by its name, or what the diagnosis finds, with an example."""
    first_said = trial.unstable() or order_of_arguments(exercise, answer)
    if not first_said:
        for mistake in exercise.mistakes:
            if trial.agrees_with(exercise.one_by_one(mistake.function, trial.cases)):
                return Verdict(False, mistake.words)
    try:
        found = [first_said] if first_said else within(seconds, partial(diagnose, exercise, trial))
    except TimeoutError:
        found = []
    wrong = [number for number, words in enumerate(trial.wrong) if words]
    first = wrong[0]
    words = [f"Wrong on {len(wrong)} of {len(trial.cases)} inputs.", *found]
    results = {"your_result": trial.results[first], "right_result": trial.right[first]}
    if trial.changed:
        name = min(trial.changed)
        words.append(f"It also changes its argument `{name}`, which is to stay as it is.")
    words.append(f"On the one below, {trial.wrong[first]}.")
    example = _listed(exercise, trial.cases[first], **results)
    right = [number for number, difference in enumerate(trial.wrong) if not difference]
    if right:
        words.append("Below it is one on which yours is right: in what do they differ?")
        example += "\n\n" + _listed(exercise, trial.cases[right[0]], result=trial.right[right[0]])
    return Verdict(False, " ".join(words), example)


def _about_lost(name):
    return Verdict(
        False,
        f"`np.{name}` is no longer NumPy's: a line such as `np.{name} = ...` has put something else "
        "in its place. Take that line out, then restart the kernel.",
    )


def _about_nothing(trial, seconds):
    """The function has code, and nothing comes back."""
    printed = False
    with suppress(TimeoutError):
        printed = within(seconds, trial.prints)
    if printed:
        return Verdict(
            False,
            "It prints, and returns nothing: the result is nothing to whoever calls it. Hand it on "
            "with `return` in place of `print`.",
        )
    return Verdict(False, "It ends without a `return`, so the result is nothing.")


def _is_empty(answer):
    """Whether it is as the notebook hands it out: a function, or a class of functions, of `...`."""
    if isinstance(answer, type):
        inside = [getattr(value, "__func__", value) for value in vars(answer).values()]
        return all(_is_empty(value) for value in inside if inspect.isfunction(value))
    return inspect.isfunction(answer) and all(
        step.opname == "RESUME" or step.argval is None for step in dis.get_instructions(answer)
    )


def _names(answer):
    """The names that a function's code uses."""
    return getattr(getattr(answer, "__code__", None), "co_names", ())


def _about_error(exercise, trial):
    """An exception in words, with the student's line if it happened there."""
    error, case = trial.error, trial.cases[len(trial.results)]
    example, text = _listed(exercise, case), _told(error)
    order = order_of_arguments(exercise, trial.answer)
    tried = trial.cases[: len(trial.results) + 1]
    for mistake in [] if order else exercise.mistakes:
        *before, last = exercise.results(mistake.function, tried)
        if isinstance(last, Exception) and _told(last) == text and trial.agrees_with(before):
            return Verdict(False, mistake.words)
    message = shortened(text.rstrip(": ").replace("`", "'"))
    if order:
        return Verdict(False, f"It stopped with `{message}`. {order}", example)
    if base := _base_without_init(trial.answer, error):
        return Verdict(
            False,
            f"It stopped with `{message}`: your `__init__` does not call `super().__init__`, which "
            f"sets what every `{base}` has.",
            example,
        )
    frames = traceback.extract_tb(error.__traceback__)
    frames = list(dropwhile(lambda frame: Path(frame.filename).is_relative_to(COURSE), frames))
    if not frames:
        called = f"It is called as `{exercise.name}({', '.join(exercise.arguments)})`."
        if exercise.run is not call:  # a case holds what it is used with, not its arguments
            called = f"That happened where `{exercise.name}` was used, not in a line of yours."
        return Verdict(False, f"It stopped with `{message}`. {called}", example)
    own = [frame for frame in frames if frame.filename == frames[0].filename][-1]
    line = f"line {own.lineno}, `{own.line}`," if own.line else f"line {own.lineno}"
    words = f"It stopped with `{message}` in {line} on the input below."
    if any(sign in text for sign in CARET):
        words += " In Python a power is written `**`; `^` is a logical operation on integers."
    return Verdict(False, words, example)


def _base_without_init(answer, error):
    """The base of a class that lacks an attribute and has not called that base's `__init__`."""
    if not (isinstance(answer, type) and isinstance(error, AttributeError)):
        return None
    init = vars(answer).get("__init__")
    is_own = isinstance(error.obj, answer) and answer.__base__ is not object
    return answer.__base__.__name__ if is_own and init and "__init__" not in _names(init) else None


def _told(error):
    """The kind of an exception, and what it says."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 (a student's own exception may not be able to say)
        return type(error).__name__


def _listed(exercise, case, **results):
    """Arguments and results by name, a line each."""
    values = dict(zip(exercise.arguments, case)) | results
    width = max(map(len, values))
    return "\n".join(
        f"{name.replace('_result', ' result'):{width}} = {show(value, indent=width + 3)}"
        for name, value in values.items()
    )
