"""The panel of an exercise: verdict, hints and solution."""

import ast
import html
from pathlib import Path

import ipywidgets as widgets

from course_utils.lab.checker import examine
from course_utils.lab.colors import GRAY, GREEN, ORANGE
from course_utils.lab.panel import Note, replace_in_cell, to_html

SOLUTIONS = Path(__file__).resolve().parents[1] / "solutions"

_hints_seen = {}  # by exercise: how many, so that checking again does not hide them


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
        words = widgets.HTML(_verdict(verdict))
        buttons = widgets.HBox([self._hint, self._solution])
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
            code = html.escape(solution(self.lesson, self.exercise.name))
            self._code.value = f"<pre role='status'>{code}</pre>"
            self._solution.description = "Hide solution"

    def static(self):
        """What the cell is for."""
        return {
            "text/html": f"<p>Exercise <code>{self.exercise.name}</code>: run this cell to hear "
            "whether your function is right; it has hints and a solution.</p>"
        }, {}

    def __repr__(self):
        return f"<exercise: {self.exercise.name}>"


def _verdict(verdict):
    lead = {None: "Not attempted yet.", True: "Right.", False: "Not yet."}[verdict.right]
    example = f"<pre>{html.escape(verdict.example)}</pre>" if verdict.example else ""
    return f"<p role='status'><b>{lead}</b> {to_html(verdict.words)}</p>{example}"


def solution(lesson, name):
    """The worked solution of an exercise, as code."""
    path = SOLUTIONS / f"{lesson}.py"
    if not path.exists():
        return "This copy of the course comes without solutions."
    text = path.read_text("utf-8")
    (function,) = (node for node in ast.parse(text).body if getattr(node, "name", "") == name)
    return ast.get_source_segment(text, function)


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
        ``check(function)`` checks a function, known by its name, on small random inputs, and
        returns an `ExercisePanel`, shown when it is a cell's last line. It raises a ValueError for
        a name that is none of an exercise's, a TypeError for what is no function.
    """
    by_name = {exercise.name: exercise for exercise in exercises}

    def check(function):
        """Check the function of an exercise, as completed, or not, in the cell above."""
        if not callable(function):
            raise TypeError(f"function must be the one that you completed, got {function!r}")
        name = getattr(function, "__name__", repr(function))
        if name not in by_name:
            names = ", ".join(by_name)
            raise ValueError(f"function must be named as its exercise, one of {names}; got {name}")
        exercise = by_name[name]
        panel = ExercisePanel(lesson, exercise, examine(exercise, function))
        replace_in_cell(panel)
        return panel

    return check
