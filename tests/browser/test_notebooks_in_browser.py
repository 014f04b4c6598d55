"""Every notebook in a real JupyterLab: as saved, run from top to bottom, played with, answered."""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from course_utils import lessons

from .checks import blank_problems, exercise_problems, fill_in, prediction_problems, problems
from .lab import NOTEBOOKS
from .notebook import Notebook
from .screenshots import SCREENSHOTS

pytestmark = pytest.mark.browser


@dataclass
class Visit:
    """A notebook after *run all* on a student's own blanks, and what it showed before.

    As handed out, with its blanks empty, nbval runs it.
    """

    notebook: Notebook
    screenshots: Path
    saved_errors: list[str]
    saved_pictures: list[int]  # by cell
    handed_out: dict[str, str]  # what the blanks' cells held, by name
    asked: dict[str, bool]  # the lesson's exercises by name, and whether each is a blank
    questions: int  # cells that ask for a prediction


@pytest.fixture(
    scope="module", params=sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem
)
def visit(lab, browser, request):
    with closing(lab.open(browser, request.param.name)) as notebook:
        untrusted = notebook.pictures()  # as in a fresh clone
        notebook.trust()
        saved = [min(counts) for counts in zip(untrusted, notebook.pictures(), strict=True)]
        errors = notebook.errors()
        handed_out = fill_in(notebook)
        notebook.run_all()
        name = request.param.stem
        exercises = lessons.all_exercises().get(name.partition("_")[2], [])
        asked = {each.name: each.blank for each in exercises}
        cells = nbformat.read(request.param, 4).cells
        questions = sum(cell.source.startswith("predict(") for cell in cells)
        yield Visit(notebook, SCREENSHOTS / name, errors, saved, handed_out, asked, questions)


def test_runs_without_errors(visit):
    errors = visit.notebook.errors()
    assert not errors, "\n".join(errors)


def test_runs_on_the_students_blanks(visit):
    assert visit.handed_out.keys() == {name for name, blank in visit.asked.items() if blank}
    found = blank_problems(visit.notebook)
    assert not found, "\n".join(found)


def test_saved_page_shows_every_exploration(visit):
    assert not visit.saved_errors, "\n".join(visit.saved_errors)
    live = Counter(exploration.cell for exploration in visit.notebook.explorations())
    missing = [cell for cell, count in live.items() if visit.saved_pictures[cell] < count]
    assert missing == [], "cells whose explorations have no picture in the saved notebook"


def test_every_control_works(visit):
    found = []
    for number, exploration in enumerate(visit.notebook.explorations(), start=1):
        faults = problems(exploration)
        if faults:
            exploration.screenshot(visit.screenshots / f"exploration-{number}-failed.png")
        found += [f"cell {exploration.cell}: {fault}" for fault in faults]
    found += visit.notebook.errors()
    assert not found, "\n".join(found)


def test_every_prediction_is_followed(visit):
    predictions = visit.notebook.predictions()
    assert len(predictions) == visit.questions
    assert_no_problems(visit, predictions, prediction_problems)


def test_every_exercise_responds(visit):
    exercises = visit.notebook.exercises()
    assert sorted(each.name for each in exercises) == sorted(visit.asked)
    assert len(exercises) == visit.notebook.page.locator(".exercise").count(), "panels"
    for each in exercises:
        if each.name in visit.handed_out:
            each.answer(visit.handed_out[each.name])
    assert_no_problems(visit, exercises, exercise_problems)


def assert_no_problems(visit, questions, problems):
    found = [f"cell {each.cell}: {fault}" for each in questions for fault in problems(each)]
    found += visit.notebook.errors()
    assert not found, "\n".join(found)
