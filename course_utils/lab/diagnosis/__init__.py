"""What is wrong with an answer that makes no known mistake.

Nothing here knows an exercise. A detector takes a `View` of the answer and returns a sentence, or
None; it speaks only where what it says is true on every input tried.

- ``patterns``: what the results have in common with the right ones, as they stand
- ``hypotheses``: the results are the right ones for something else in place of an argument
- ``responses``: what the student's function and the reference make of the same other inputs
"""

import numpy as np

from course_utils.lab.diagnosis import hypotheses, patterns, responses
from course_utils.lab.diagnosis.view import View
from course_utils.lab.wording import is_short

SENTENCES = 2  # at most, of those that only say where to look


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
    found = found or _first(hypotheses.HYPOTHESES, view, 1)
    if not found and is_numeric:
        found = _first((*responses.RESPONSES, *patterns.LAST), view, SENTENCES)
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
    if len(good) > 3:  # too many to be read
        wrong = [name for name, is_right in zip(names, right) if not is_right]
        first = f": look at {bad} first" if len(wrong) > 1 else ""
        return f"All is right but {' and '.join(wrong)}{first}."
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
