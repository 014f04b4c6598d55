"""Exercises: a function to complete, and a panel that checks it, gives hints and a solution.

One module a notebook holds the task's data: reference answer, inputs, known mistakes, hints. The
solutions are in the folder ``solutions``; without it everything works but shows none.
"""

from course_utils.lab.exercises.mlp_by_hand import broken_network
from course_utils.lab.exercises.panels import EXERCISES, ExercisePanel, check

__all__ = ["EXERCISES", "ExercisePanel", "broken_network", "check"]
