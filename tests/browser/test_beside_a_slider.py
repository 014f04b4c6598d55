"""A student's own plots beside explorations: a slider takes none of them, a theme changes none."""

from contextlib import closing

import nbformat
import pytest

pytestmark = pytest.mark.browser

EXPLORATION = """
from course_utils.lab import live, slider
from course_utils.lab.canvas import Picture

class Bar(Picture):
    size = (2, 1)

    def build(self):
        self.bar = self.moves(*self.figure.add_subplot(xlim=(0, 100)).barh(0, 0))

    def show(self, length):
        self.bar.set_width(length)
        return f"The bar ends at {length}."

live(lambda x: {"length": x}, Bar, x=slider(0, 60, 30))
"""
PLOTS = """
import time
from matplotlib import pyplot as plt

for number in range(6):
    figure, axes = plt.subplots(figsize=(2, 1))
    time.sleep(0.5)
    axes.plot([0, number])
"""
STILL = "Bar().update(length=50)"
TRANSPARENT = "plt.figure(figsize=(2, 1), facecolor='none').add_subplot();"


@pytest.fixture(scope="module")
def notebook(lab, browser):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    sources = EXPLORATION, PLOTS, STILL, TRANSPARENT
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, lab.folder / "beside.ipynb")
    with closing(lab.open(browser, "beside.ipynb")) as notebook:
        notebook.run_all()
        yield notebook


def test_a_slider_answers_while_a_cell_runs_and_all_its_plots_are_shown(notebook):
    (exploration,) = notebook.explorations()
    (slider,) = exploration.controls
    slider.press("ArrowRight")  # JupyterLab starts its second thread with the first touch
    exploration.settled()
    notebook.start(1)
    readings = {exploration.reading}
    while notebook.runs(1):
        slider.drag(0.2 if slider.fraction > 0.5 else 0.8)
        reading = exploration.reading
        if notebook.runs(1):
            readings.add(reading)
    assert len(readings) > 1
    exploration.settled()
    assert notebook.pictures()[1] == 6
    assert notebook.errors() == []


def test_in_the_dark_theme_the_courses_pictures_are_dark_and_no_others(notebook):
    images = notebook.page.locator(".jp-OutputArea-output img")
    filters = "all => all.map(image => getComputedStyle(image).filter !== 'none')"
    assert notebook.pictures() == [1, 6, 1, 1]
    assert not any(images.evaluate_all(filters))
    notebook.set_theme("dark")
    assert images.evaluate_all(filters) == [True] + 6 * [False] + [True, False]
