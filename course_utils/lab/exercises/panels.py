"""The panel of an exercise: verdict, hints and solution."""

import ast
import html
from pathlib import Path

import ipywidgets as widgets

from course_utils.lab.colors import GRAY, GREEN, ORANGE
from course_utils.lab.exercises import (
    batch_norm,
    dropout,
    initialization,
    layer_norm,
    mlp_by_hand,
    overparameterized_networks,
    start_here,
    weight_decay,
)
from course_utils.lab.exercises.checker import examine
from course_utils.lab.panel import Note, replace_in_cell, to_html

MODULES = (
    start_here,
    mlp_by_hand,
    initialization,
    layer_norm,
    batch_norm,
    overparameterized_networks,
    weight_decay,
    dropout,
)
EXERCISES = {exercise.name: exercise for module in MODULES for exercise in module.EXERCISES}
SOLUTIONS = Path(__file__).with_name("solutions")

_hints_seen = {}  # by exercise: how many, so that checking again does not hide them


class ExercisePanel(Note):
    """A verdict in words, and buttons for one more hint and for the solution. Made by `check`."""

    def __init__(self, exercise, verdict):
        self.exercise, self.verdict = exercise, verdict
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
            self._code.value = (
                f"<pre role='status'>{html.escape(solution(self.exercise.name))}</pre>"
            )
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


def solution(name):
    """The worked solution of an exercise, as code."""
    for path in sorted(SOLUTIONS.glob("*.py")):
        text = path.read_text("utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return ast.get_source_segment(text, node)
    return "This copy of the course comes without solutions."


def check(function):
    """Check the function of an exercise, known by its name, on small random inputs.

    Parameters
    ----------
    function : callable
        As completed, or not, in the cell above.

    Returns
    -------
    ExercisePanel
        Shown when it is a cell's last line.

    Raises
    ------
    ValueError
        For a name that is none of an exercise's.
    TypeError
        For what is no function.
    """
    if not callable(function):
        raise TypeError(f"function must be the one that you completed, got {function!r}")
    name = getattr(function, "__name__", repr(function))
    if name not in EXERCISES:
        names = ", ".join(EXERCISES)
        raise ValueError(f"function must be named as its exercise, one of {names}; got {name}")
    exercise = EXERCISES[name]
    panel = ExercisePanel(exercise, examine(exercise, function))
    replace_in_cell(panel)
    return panel
