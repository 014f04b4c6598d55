"""A notebook that was run, answered and saved, opened the next day."""

import ast
from contextlib import closing

import nbformat
import pytest

from .test_beside_a_slider import EXPLORATION

pytestmark = pytest.mark.browser

SLICES = """
def several(x):
    for part in range(1, 11):
        time.sleep(0.02)
        yield {"length": x * part / 10}

import time
training = live(several, Bar, x=slider(0, 60, 30))
training
"""
PACE = "training._pace.taken, training._pace.sent"
QUESTION = """
from course_utils.lab import predict, reveal
predict("again", "Is it so?", ["yes", "no"])
"""
ANSWER = "reveal('again', answer='yes', because='')"
EXERCISE = """
from course_utils.lessons import part
def count_parameters(widths): return 1
part("start_here", "exercises").check(count_parameters)
"""
BARS = """
from course_utils.experiments.progress import progress_bar
with progress_bar(10, True) as bar:
    bar.update()  # at its goal early
with progress_bar(1, True) as bar:
    bar.update()
"""


def new_notebook(sources):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


@pytest.fixture(scope="module")
def saved(lab, browser):
    """Its name, and the readings that it was saved with."""
    sources = EXPLORATION, SLICES, PACE, QUESTION, ANSWER, EXERCISE, BARS
    nbformat.write(new_notebook(sources), lab.folder / "again.ipynb")
    with closing(lab.open(browser, "again.ipynb")) as notebook:
        notebook.run_all()
        assert notebook.errors() == []
        readings = []
        for exploration in notebook.explorations():
            exploration.controls[0].press("PageUp")
            readings.append(exploration.settled().reading)
        (question,) = notebook.predictions()
        question.choose(1)
        assert question.reveals() == ["You said no. The answer is yes."]
        notebook.page.evaluate("course.runCell(2, 60)")
        notebook.save()
    return "again.ipynb", readings


def test_the_page_answers_the_frames_of_a_training(lab, saved):
    cells = nbformat.read(lab.folder / saved[0], as_version=4).cells
    taken, sent = ast.literal_eval(cells[2].outputs[0].data["text/plain"])
    assert 3 < taken == sent


def test_opened_again_it_shows_what_was_seen_and_answered(lab, browser, saved):
    name, readings = saved
    with closing(lab.open(browser, name)) as notebook:
        notebook.page.wait_for_selector(".exercise")
        assert notebook.errors() == []
        assert notebook.pictures()[:2] == [1, 1]
        explorations = notebook.explorations()
        assert [exploration.reading for exploration in explorations] == readings
        (question,) = notebook.predictions()
        assert question.chosen == ["no"]
        assert question.reveals() == ["You said no. The answer is yes."]
        assert notebook.page.locator(".progress-bar:visible").count() == 0

        said = "element => getComputedStyle(element, '::before').content"
        for element in notebook.page.query_selector_all(".course-panel"):
            assert "Run this cell" in element.evaluate(said)
        notebook.run_all()
        for element in notebook.page.query_selector_all(".course-panel"):
            assert element.evaluate(said) == "none"
        assert notebook.errors() == []


LABEL = "c: variance of a weight × units in the layer before it"


def test_pictures_and_boxes_have_names_and_a_label_keeps_its_end(lab, browser):
    toggles = f"live(lambda x, bold: {{'length': x}}, Bar, x=slider(0, 60, 30, label='{LABEL}'), "
    toggles += "bold=toggle(False))"
    cell = EXPLORATION.replace("live, slider", "live, slider, toggle") + toggles
    nbformat.write(new_notebook([cell]), lab.folder / "names.ipynb")
    with closing(lab.open(browser, "names.ipynb")) as notebook:
        notebook.run_all()
        page = notebook.page
        assert page.get_by_role("img", name="The bar ends at 30.").count() == 1
        assert page.get_by_role("checkbox", name="bold").count() == 1
        (exploration,) = notebook.explorations()
        assert [control.label for control in exploration.controls] == [LABEL, "bold"]
        page.set_viewport_size({"width": 480, "height": 800})
        whole = "label => label.scrollWidth <= label.clientWidth"
        assert page.get_by_text(LABEL, exact=True).first.evaluate(whole)
        exploration.controls[0].press("ArrowRight")
        exploration.settled()
        assert page.get_by_role("img", name="The bar ends at 31.").count() == 1
