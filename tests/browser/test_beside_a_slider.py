"""A slider while a cell runs: it answers, and takes nothing from the student's own plots."""

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


@pytest.fixture
def notebook(lab, browser):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source) for source in (EXPLORATION, PLOTS)]
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
