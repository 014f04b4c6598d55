"""What an exercise or a blank shows: verdict, hints and solution.

A *blank* is a function, or a class, that the student writes before the notebook goes on with it; an
*exercise* stands at a notebook's end. Both are an `Exercise` in the list ``EXERCISES`` of the
lesson's ``exercises.py``, a blank with ``blank=True``. Its reference is the library's function, or
one of the lesson's, and its solution is the reference's source, never a second copy; worked
solutions of exercises are in ``course_utils/solutions``, one folder to delete.

In the notebook a blank is three cells. The code cell with the signature, a line of words and
nothing else::

    def moments(x, axis):
        \"\"\"Mean and variance of x along an axis, which is kept.\"\"\"
        ...

then the code cell that checks it, and nothing else::

    moments = check(moments)

then the text, whose first lines are ours, folded, for whoever reads without a kernel::

    <details><summary>Ours</summary>

    ```python
    def moments(x, axis):
        ...
    ```

    </details>

(with the whole code for the dots). tests/test_notebooks.py compares it with the reference by syntax
tree, docstrings aside. All that follows calls ``moments`` and so runs on the student's, if it is
right. An exercise is the first two cells: its line of words may be a comment.
"""

import ast
import html
import inspect
import sys
import textwrap
from pathlib import Path

import ipywidgets as widgets
from IPython.display import display

from course_utils.lab.checker import examine
from course_utils.lab.colors import GRAY, GREEN, ORANGE
from course_utils.lab.panel import Note, replace_in_cell, to_html

SOLUTIONS = Path(__file__).resolve().parents[1] / "solutions"

_hints_seen = {}  # by exercise: how many, so that checking again does not hide them
_last_verdicts = {}  # by exercise: repeated when the reference that was handed back comes again
_checking = []  # the exercise in hand

LEADS = {None: "Not attempted yet.", True: "Right.", False: "Not yet."}
LEADS_OF_BLANKS = {
    None: "Not written yet: the notebook goes on with ours.",
    True: "Right: from here on the notebook runs on yours.",
    False: "Not yet.",
}


class ExercisePanel(Note):
    """A verdict in words, and buttons for one more hint and for the solution. Made by `check`."""

    def __init__(self, lesson, exercise, verdict):
        self.lesson, self.exercise, self.verdict = lesson, exercise, verdict
        self._hint = widgets.Button()
        self._hint.add_class("exercise-hint")
        self._hint.on_click(self._show_one_more)
        self._solution = widgets.Button(description="Solution")
        self._solution.add_class("exercise-solution")
        self._solution.on_click(self._show_or_hide_solution)
        self._hints, self._code = widgets.HTML(), widgets.HTML()
        words = widgets.HTML(_verdict(verdict, exercise.blank))
        has_solution = solution(lesson, exercise) is not None
        buttons = widgets.HBox([self._hint, *([self._solution] if has_solution else [])])
        color = {None: GRAY, True: GREEN, False: ORANGE}[verdict.right]
        super().__init__([words, buttons, self._hints, self._code], color)
        self.add_class("exercise")
        self._show_hints(_hints_seen.get(exercise.name, 0))

    def _show_one_more(self, _):
        self._show_hints(_hints_seen.get(self.exercise.name, 0) + 1)

    def _show_hints(self, number):
        hints = self.exercise.hints
        _hints_seen[self.exercise.name] = number = min(number, len(hints))
        self._hint.disabled = number == len(hints)
        self._hint.description = f"Hint {min(number + 1, len(hints))} of {len(hints)}"
        items = "".join(f"<li>{to_html(hint)}</li>" for hint in hints[:number])
        self._hints.value = f"<ol role='status'>{items}</ol>" if items else ""

    def _show_or_hide_solution(self, _):
        if self._code.value:
            self._code.value, self._solution.description = "", "Solution"
        else:
            code = html.escape(solution(self.lesson, self.exercise))
            self._code.value = f"<pre role='status'>{code}</pre>"
            self._solution.description = "Hide solution"

    def static(self):
        """What the cell is for."""
        name = self.exercise.name
        words = (
            f"Exercise <code>{name}</code>: run this cell to hear whether your function is right"
        )
        if self.exercise.blank:
            words = f"Yours: <code>{name}</code>. Run this cell to hear whether it is right"
        has_solution = solution(self.lesson, self.exercise) is not None
        offers = "hints and a solution" if has_solution else "hints"
        return {"text/html": f"<p>{words}; it has {offers}.</p>"}, {}

    def __repr__(self):
        return f"<{'blank' if self.exercise.blank else 'exercise'}: {self.exercise.name}>"


def _verdict(verdict, blank):
    lead, words = (LEADS_OF_BLANKS if blank else LEADS)[verdict.right], to_html(verdict.words)
    if blank:
        words = f"{words} (The notebook goes on with ours.)" if verdict.right is False else ""
    example = f"<pre>{html.escape(verdict.example)}</pre>" if verdict.example else ""
    return f"<p role='status'><b>{lead}</b> {words}</p>{example}"


def solution(lesson, exercise):
    """The worked solution of an exercise, or else its reference, as code; that of a blank too.

    None for an exercise in a copy of the course that comes without solutions.
    """
    if not exercise.blank:
        path = SOLUTIONS / f"{lesson}.py"
        if not path.exists():
            return None
        text = path.read_text("utf-8")
        for node in ast.parse(text).body:
            if getattr(node, "name", "") == exercise.name:
                return ast.get_source_segment(text, node)
    return textwrap.dedent(inspect.getsource(exercise.reference)).rstrip()


def checker(lesson, exercises):
    """Make the ``check`` of a lesson.

    Parameters
    ----------
    lesson : str
        Names the file of solutions.
    exercises : sequence of Exercise

    Returns
    -------
    callable
        ``name = check(name)`` checks a function, or a class, on small random inputs, shows an
        `ExercisePanel`, and returns what the notebook goes on with: the student's, if it is right,
        else the reference. Handed that reference again, as when a cell is run twice, it repeats its
        last verdict. It knows the exercise by the variable's name, or by the function's own. It
        raises a ValueError for a name that is none of an exercise's, a TypeError for what cannot be
        called.
    """
    by_name = {exercise.name: exercise for exercise in exercises}

    def check(answer):
        """Check an exercise, as completed, or not, in the cell above: ``name = check(name)``."""
        if not callable(answer):
            raise TypeError(f"check takes the function that you completed, got {answer!r}")
        exercise = by_name[_name(answer, by_name, sys._getframe(1).f_globals)]
        if _checking:
            raise RuntimeError("check was called by the function that it checks")
        again = answer is exercise.reference and _last_verdicts.get(exercise.name)
        _checking.append(exercise)
        try:
            verdict = _last_verdicts[exercise.name] = again or examine(exercise, answer)
        finally:
            _checking.clear()
        panel = ExercisePanel(lesson, exercise, verdict)
        replace_in_cell(panel)
        display(panel)
        return answer if verdict.right else exercise.reference

    return check


def _name(answer, names, scope):
    """Which of the names of exercises an answer has: its variable's, or else its own."""
    own = getattr(answer, "__name__", None)
    variables = [name for name in names if scope.get(name) is answer]
    if variables and own not in variables:
        return variables[0]
    if own in names:
        return own
    raise ValueError(
        f"name it as its exercise, one of {', '.join(names)}, and check that name; "
        f"got {own or type(answer).__name__}"
    )
