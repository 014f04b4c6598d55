"""The harness itself, on notebooks full of faults: it must name each of them."""

import base64
import io
from contextlib import closing

import nbformat
import pytest
from PIL import Image

from .checks import exercise_problems, prediction_problems, problems

pytestmark = pytest.mark.browser

SETUP = """
import time
from course_utils.lab.canvas import Picture, Plot
from course_utils.lab.controls import choice, draw_again, slider, steered, toggle
from course_utils.lab.live import live
from course_utils.lab import check, predict, reveal

class Bar(Picture):
    size = (2, 1)

    def build(self):
        axes = self.figure.subplots()
        axes.set_xlim(0, 100)
        self.bar = self.moves(*axes.barh(0, 0))

    def show(self, length):
        self.bar.set_width(length)
        return f"The bar ends at {length}."

class Vanishing(Bar):
    def png(self, **options):
        return super().png(**options) if self.bar.get_width() == 30 else b""

class Growing(Plot):
    def draw(self, length):
        self.figure.set_size_inches(2, 1 + length / 100)
        self.figure.subplots().barh(0, length)
        return f"The bar ends at {length}."

class Gathering(Bar):
    shown = 0

    def show(self, length):
        self.shown += 1
        self.bar.set_width(self.shown % 100)
        return f"The last length is {length}."

def length(x): return {"length": x}

def several(x, y, kind, double, seed):
    return {"length": (x + y + len(kind) + seed) * (1 + double)}

def slices(x):
    for part in range(5):
        time.sleep(0.02)
        yield {"length": x * part / 4}

def flies(x):
    total = 0
    for part in range(1, 6):
        time.sleep(0.02)
        total += x()
        yield {"length": total / part}

def slow(x):
    time.sleep(0.2)
    return {"length": x}

def raises(x):
    return {"length": x if x == 30 else 1 / 0}

calls = []

def drifts(x):
    calls.append(x)
    return {"length": x + len(calls)}

def deaf(x): return {"length": 30}

def half_deaf(x, kind): return {"length": x}
"""
X = "x=slider(0, 60, 30)"
NO_CHANGE = "slider 'x': a step by the keyboard from 30 to 31 does not change the picture"
EXPLORATIONS = {  # the source, and parts of what must be found
    "every kind of control": (
        f"""live(several, Bar, {X}, y=slider(0.1, 10.0, 3.0, log=True), double=toggle(False),
        kind=choice(["a", "bbb"], "a"), seed=draw_again())""",
        [],
    ),
    "in slices": (f"live(slices, Bar, {X})", []),
    "steered": ("live(flies, Bar, x=steered(slider(0, 60, 30)))", []),
    "slow": (f"live(slow, Bar, {X})", []),
    "deaf slider": (
        f"live(deaf, Bar, {X})",
        [NO_CHANGE, "the reading always says 'The bar ends at 30.'"],
    ),
    "deaf choice": (
        f"live(half_deaf, Bar, {X}, kind=choice(['a', 'b'], 'a'))",
        ["choice 'kind': changes neither"],
    ),
    "callback raises": (f"live(raises, Bar, {X})", [NO_CHANGE]),
    "picture of another value": (
        f"live(drifts, Bar, {X})",
        ["is not what a step away and back gives", "reset does not"],
    ),
    "picture that gathers": (
        f"live(length, Gathering, {X})",
        ["is not what a step away and back gives", "reset does not"],
    ),
    "picture that gathers on purpose": (
        f"live(length, Gathering, {X}).add_class('live-remembers')",
        [],
    ),
    "no picture": (f"live(length, Vanishing, {X})", ["the picture goes missing"]),
    "page jumps": (
        f"live(length, Growing, {X})",
        ["the picture moves or changes its size on the page"],
    ),
    "wrong reset": (
        f"wrong = live(length, Bar, {X}); wrong._defaults['x'] = 31; wrong",
        ["reset does not"],
    ),
}
PREDICTIONS = {  # what is done to the question and to the reveal; parts of what must be found
    "works": ("", "", []),
    "no reveal": (
        "",
        "told = None",
        ["before an answer it hears []", "the answer 'a' hears []"],
    ),
    "reveal that does not follow": (
        "",
        "told.question.unobserve(told._show, 'answer')",
        ["the answer 'a' hears ['You have not answered yet", "[] are called right"],
    ),
    "reveal that follows once": (
        "",
        "told.question.observe(lambda _, told=told: told.question.unobserve_all(), 'answer')",
        ["the answer 'b' hears ['You said a."],
    ),
    "answered for the student": (
        "asked.radio.value = 'a'",
        "",
        ["['a'] is chosen at first", "before an answer it hears ['You said a."],
    ),
    "answer that is forgotten": (
        "asked.radio.observe(lambda change: change.owner.set_trait('value', None), 'value')",
        "",
        ["the space bar on 'a' leaves [] chosen"],
    ),
}
EXERCISES = {  # what the function does and what is done to the panel; parts of what must be found
    "find_c": ("...", "", []),
    "tanh_backward": (
        "...",
        "panel._hint.on_click(panel._show_one_more, remove=True)",
        ["hint 1 of 3 asked for, and the hints are []"],
    ),
    "leaky_relu_c": (
        "...",
        "panel._solution.on_click(panel._show_or_hide_solution, remove=True)",
        ["the solution shown is ''"],
    ),
    "expected_ratio": ("return 1.0", "", ["at first it says 'Not yet."]),
    "count_parameters": (
        "...",
        "panel.children[1].value = '<p role=status>Not attempted yet.</p>'",
        ["it says 'Not attempted yet.', not 'Not yet. ", "not 'Right.'"],
    ),
}


def cell(source, saved=None, **metadata):
    """A code cell; `saved` is the mime bundle of a saved output."""
    outputs = [nbformat.v4.new_output("display_data", saved)] if saved else []
    return nbformat.v4.new_code_cell(source, outputs=outputs, metadata=metadata)


def opened(lab, browser, name, cells):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, lab.folder / name)
    return closing(lab.open(browser, name))


@pytest.fixture(scope="module")
def notebook(lab, browser):
    sources = [SETUP, *(source for source, _ in EXPLORATIONS.values())]
    for name, (to_asked, to_told, _) in PREDICTIONS.items():
        sources += [f"asked = predict({name!r}, {name!r}, ['a', 'b'])\n{to_asked}\nasked"]
        sources += [f"told = reveal({name!r}, answer='b', because='')\n{to_told}\ntold"]
    for name, (body, to_panel, _) in EXERCISES.items():
        sources += [f"def {name}(*arguments): {body}"]
        sources += [f"panel = check({name})\n{to_panel}\npanel"]
    cells = [cell(source) for source in sources]
    with opened(lab, browser, "explorations.ipynb", cells) as notebook:
        notebook.run_all()
        assert notebook.errors() == []
        yield notebook


@pytest.mark.parametrize("name", EXPLORATIONS)
def test_names_what_is_wrong_with_an_exploration(notebook, name):
    explorations = dict(zip(EXPLORATIONS, notebook.explorations(), strict=True))
    assert_named(EXPLORATIONS[name][-1], problems(explorations[name]))
    if name == "callback raises":
        assert "a widget's callback: ZeroDivisionError: division by zero" in notebook.errors()


@pytest.mark.parametrize("name", PREDICTIONS)
def test_names_what_is_wrong_with_a_prediction(notebook, name):
    predictions = dict(zip(PREDICTIONS, notebook.predictions(), strict=True))
    assert_named(PREDICTIONS[name][-1], prediction_problems(predictions[name]))


@pytest.mark.parametrize("name", EXERCISES)
def test_names_what_is_wrong_with_an_exercise(notebook, name):
    exercises = {exercise.name: exercise for exercise in notebook.exercises()}
    assert_named(EXERCISES[name][-1], exercise_problems(exercises[name]))


def assert_named(expected, found):
    for part in expected:
        assert any(part in fault for fault in found), found
    assert expected or found == []


def test_names_what_is_wrong_with_a_saved_page(lab, browser):
    file = io.BytesIO()
    Image.linear_gradient("L").save(file, "png")
    picture = {"image/png": base64.b64encode(file.getvalue()).decode()}
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "gone", "version_major": 2}}
    cells = [
        cell("", {"image/png": "iVBORw0KGgo="}),
        cell("", picture),
        cell("", picture | view),
    ]
    with opened(lab, browser, "saved.ipynb", cells) as notebook:
        assert notebook.pictures() == [0, 1, 1]
        notebook.trust()
        assert notebook.pictures() == [0, 1, 0]
        errors = "\n".join(notebook.errors())
    assert "cell 0: missing image" in errors
    assert "cell 1" not in errors
    assert "cell 2: Error displaying widget: model not found" in errors


def test_names_what_is_wrong_with_a_page(lab, browser):
    cells = [
        nbformat.v4.new_markdown_cell(r"$\frac{1}$, $\foo$ and ![a drawing](missing.png)"),
        cell("1 / 0", tags=["raises-exception"]),
        cell("import warnings; warnings.warn('beware')"),
        cell("len(3)"),
        cell("print('never reached')"),
    ]
    with opened(lab, browser, "faults.ipynb", cells) as notebook:
        notebook.run_all()
        errors = "\n".join(notebook.errors())
    for part in (
        "cell 0: formula: Missing argument for \\frac",
        "cell 0: formula: unknown \\foo",
        "cell 0: missing image a drawing",
        "cell 2: ",
        "UserWarning: beware",
        "cell 3: TypeError: object of type 'int' has no len()",
        "cell 4 did not run",
    ):
        assert part in errors
    assert "cell 1" not in errors
