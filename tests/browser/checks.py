"""Play with an exploration, answer a question or do an exercise as a student would, and name what
does not respond."""

import ast
from functools import partial
from itertools import pairwise

from course_utils import lessons
from course_utils.lab.exercise import SOLUTIONS, solution

# The first words of a panel, of an exercise and of a blank: nothing written, wrong, right.
FIRST = {
    False: ("Not attempted yet.", "Not yet. ", "Right."),
    True: ("Not written yet: ", "Not yet. ", "Right: "),
}

LESSON = {each.name: lesson for lesson, found in lessons.all_exercises().items() for each in found}
TASK = {each.name: each for found in lessons.all_exercises().values() for each in found}

# A known mistake of an exercise as the source of a cell.
MISTAKE = """from course_utils.lessons import part

def {name}(*arguments):
    found = {{each.name: each for each in part("{lesson}", "exercises").EXERCISES}}
    return found["{name}"].mistakes[0].function(*arguments)
"""

# What a blank's name stands for where the notebook goes on with ours.
OURS = (
    "next(each.reference for each in __import__('course_utils.lessons').lessons.part("
    "{lesson!r}, 'exercises').EXERCISES if each.name == {name!r})"
)


def problems(exploration) -> list[str]:
    """Move every control of an exploration and return what is wrong, in words.

    For each slider: a step by the keyboard and a drag by the mouse each change the picture; after
    the drag the picture is that of the value shown (a step away and back gives it again). Every
    other control changes the picture or the reading. *Reset* brings the first picture back after
    each. The picture is never missing and never moves or changes its size on the page, and the
    reading follows at least one control.

    Where a picture keeps earlier runs on purpose (class live-remembers), the reading stands for it
    when a value comes back. What a steered slider (class live-steered) leaves hangs on when it was
    moved, so that a step away and back need not give it again. Where moves wait for a button (class
    live-waits) the reading says what is set.
    """
    found = []
    start = exploration.settled()
    if start.picture is None:
        return ["there is no picture"]
    seen = [start]
    for number, control in enumerate(exploration.controls):
        name = f"{control.kind} {control.label!r}"
        move = _move_slider if control.kind == "slider" else _move_other
        states, faults = move(exploration, control, number, start)
        exploration.reset()
        after_reset = exploration.settled()
        seen += [*states, after_reset]
        if not _came_back(exploration, start, after_reset):
            faults.append("reset does not bring back the first values, picture and reading")
        found += [f"{name}: {fault}" for fault in faults]
    if any(state.picture is None for state in seen):
        found.append("the picture goes missing")
    if any(before.place != after.place for before, after in pairwise(seen)):
        found.append("the picture moves or changes its size on the page")
    if len({state.reading for state in seen}) == 1:
        found.append(f"the reading always says {start.reading!r}")
    return found


def _move_slider(exploration, slider, number, start):
    """Step and drag a slider; return the states seen and what is wrong."""
    faults = []
    slider.press("ArrowLeft" if slider.fraction > 0.99 else "ArrowRight")
    stepped = exploration.settled()
    unanswered = partial(_unanswered, exploration.waits, number=number)
    faults += unanswered("a step by the keyboard", start, stepped)
    slider.drag(0.8 if slider.fraction < 0.5 else 0.2)
    dragged = exploration.settled()
    faults += unanswered("a drag by the mouse", stepped, dragged)
    if slider.steered:
        return [stepped, dragged], faults
    away, back = (
        ("ArrowRight", "ArrowLeft") if slider.fraction == 0 else ("ArrowLeft", "ArrowRight")
    )
    slider.press(away)
    slider.press(back)
    again = exploration.settled()
    if not _came_back(exploration, dragged, again):
        faults.append(
            f"what a drag leaves at {dragged.values[number]} is not what a step away and back gives"
        )
    return [stepped, dragged, again], faults


def _came_back(exploration, before, after):
    same = (before.values, before.reading) == (after.values, after.reading)
    return same and (exploration.remembers or before.picture == after.picture)


def _unanswered(waits, move, before, after, number):
    old, new = before.values[number], after.values[number]
    if old == new:
        return [f"{move} leaves the value at {old}"]
    if before.picture == after.picture and not (waits and before.reading != after.reading):
        return [f"{move} from {old} to {new} does not change the picture"]
    return []


def _move_other(exploration, control, number, start):
    """Choose, tick or click; return the state seen and what is wrong."""
    control.change()
    changed = exploration.settled()
    if (start.picture, start.reading) == (changed.picture, changed.reading):
        return [changed], ["changes neither the picture nor the reading"]
    return [changed], []


def prediction_problems(prediction) -> list[str]:
    """Choose each option from the keyboard and return what is wrong, in words.

    Nothing is chosen at first. What comes back to the question says so, then follows every answer,
    and calls one of them right.
    """
    found, right = [], []
    if prediction.chosen:
        found.append(f"{prediction.chosen} is chosen at first")
    said = prediction.reveals()
    if not _all_start(said, "You have not answered yet"):
        found.append(f"before an answer it hears {said}")
    for number, option in enumerate(prediction.options):
        prediction.choose(number)
        said = prediction.reveals()
        if prediction.chosen != [option]:
            found.append(f"the space bar on {option!r} leaves {prediction.chosen} chosen")
        if not _all_start(said, (f"You said {option}. ", f"You said {option}, ")):
            found.append(f"the answer {option!r} hears {said}")
        if any("you were right" in line for line in said):
            right.append(option)
    if len(right) != 1:
        found.append(f"{right} are called right")
    return found


def fill_in(notebook) -> dict[str, str]:
    """Write our code into every blank as a student's own, see `as_own`; run nothing. Return what the
    cells were handed out with, by the blank's name."""
    handed_out = {}
    for blank in _blanks(notebook):
        handed_out[blank.name] = blank.source
        blank.write(as_own(solution(LESSON[blank.name], TASK[blank.name])))
    return handed_out


def blank_problems(notebook) -> list[str]:
    """What is wrong, in words, once the blanks were filled in and all was run: each is called right,
    and something below its check calls it."""
    found = []
    for blank in _blanks(notebook):
        verdict = blank.settled().verdict if blank.element else ""  # one above it has failed
        if not verdict.startswith(FIRST[True][2]):
            found.append(f"{blank.name}: of our code it says {verdict!r}")
        elif notebook.value(f"calls_of_{blank.name}[0]") == "0":
            found.append(f"{blank.name}: nothing below its check runs on it")
    return found


def _blanks(notebook):
    return [each for each in notebook.exercises() if TASK[each.name].blank]


def exercise_problems(exercise) -> list[str]:
    """Take every hint, show the solution, answer wrong and then right; return what is wrong.

    The function's cell is as it was handed out. A known mistake is written into it, which must be
    named, and the solution as shown, which must pass (where the course has its solutions). After
    the mistake in a blank its name stands for ours, so that all below runs as if it were empty;
    `blank_problems` is about the right answer.
    """
    lesson, task = LESSON[exercise.name], TASK[exercise.name]
    found, shown, hints = [], exercise.settled(), task.hints
    nothing, wrong, right = FIRST[task.blank]
    if not shown.verdict.startswith(nothing):
        found.append(f"at first it says {shown.verdict!r}")
    if shown.hints or shown.code:
        found.append("it gives help before anyone asked")
    for number in range(1, len(hints) + 1):
        exercise.hint()
        shown = exercise.settled()
        if shown.hints != [_plain(hint) for hint in hints[:number]]:
            found.append(
                f"hint {number} of {len(hints)} asked for, and the hints are {shown.hints}"
            )
            break
    exercise.solution()
    shown = exercise.settled()
    if shown.code != solution(lesson, task):
        found.append(f"the solution shown is {shown.code!r}")

    mistake = MISTAKE.format(lesson=lesson, name=exercise.name)
    answers = [(mistake, f"{wrong}{_plain(task.mistakes[0].words)}")]
    if not task.blank and SOLUTIONS.is_dir():
        answers.append((shown.code, right))
    for source, expected in answers:
        exercise.answer(source)
        verdict = exercise.settled().verdict
        if not verdict.startswith(expected):
            found.append(f"it says {verdict!r}, not {expected!r}, of\n{source}")
    if task.blank:
        ours = OURS.format(lesson=lesson, name=exercise.name)
        goes_on = exercise.notebook.value(f"{exercise.name} is {ours}") == "True"
        if not (goes_on and verdict.endswith("goes on with ours.)")):
            found.append("after a wrong answer the notebook does not go on with ours")
    return found


def as_own(source) -> str:
    """A function or class as a student might have written it: with another docstring and other names
    for what it keeps on its way. It counts how often it is called outside of its check."""
    (node,) = ast.parse(source).body
    parts = [node] if isinstance(node, ast.FunctionDef) else node.body
    for function in (each for each in parts if isinstance(each, ast.FunctionDef)):
        _rename(function)
        first = 1 if ast.get_docstring(function) else 0
        count = f"calls_of_{node.name}[0] += not panels_of_the_course._checking"
        function.body[:first] = ast.parse(f"'Written by a student.'\n{count}").body
    return (
        "from course_utils.lab import exercise as panels_of_the_course\n\n"
        f"calls_of_{node.name} = [0]\n\n\n{ast.unparse(node)}"
    )


def _rename(function):
    """Give what a function assigns another name, but for its arguments."""
    inside = [*ast.walk(function)]
    names = [each for each in inside if isinstance(each, ast.Name)]
    kept = {each.arg for each in inside if isinstance(each, ast.arg)}
    assigned = {each.id for each in names if isinstance(each.ctx, ast.Store)} - kept
    for each in names:
        if each.id in assigned:
            each.id = f"my_{each.id}"


def _all_start(lines, words):
    return lines and all(line.startswith(words) for line in lines)


def _plain(text):
    return " ".join(text.replace("`", "").split())
