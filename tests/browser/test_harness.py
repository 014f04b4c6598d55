"""The harness itself, on a notebook full of faults: it must name each of them."""

from contextlib import closing

import nbformat
import numpy as np
import pytest
from PIL import Image

from .checks import (
    LESSON,
    as_own,
    blank_problems,
    exercise_problems,
    fill_in,
    prediction_problems,
    problems,
)

pytestmark = pytest.mark.browser

SETUP = """
import time
from course_utils.lab.canvas import Picture, Plot
from course_utils.lab.controls import choice, draw_again, slider, steered, toggle
from course_utils.lab.live import live
from course_utils.lab import exercise as panels, predict, reveal
from course_utils.lessons import part

panels_shown = []

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
    for number in range(5):
        time.sleep(0.02)
        yield {"length": x * number / 4}

def flies(x):
    total = 0
    for number in range(1, 6):
        time.sleep(0.02)
        total += x()
        yield {"length": total / number}

def raises(x): return {"length": x if x == 30 else 1 / 0}

def deaf(x, kind): return {"length": 30}
"""
TWO_PIXELS = (
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABAQAAAADcWUInAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)
WIDGET = "application/vnd.jupyter.widget-view+json"
X = "x=slider(0, 60, 30)"
DEAF = "slider 'x': a step by the keyboard from 30 to 31 does not change the picture"
EXPLORATIONS = {  # the source of a cell, and parts of what must be found
    f"""live(several, Bar, {X}, y=slider(0.1, 10.0, 3.0, log=True), double=toggle(False),
        kind=choice(["a", "bbb"], "a"), seed=draw_again())""": [],
    f"live(slices, Bar, {X})": [],
    "live(flies, Bar, x=steered(slider(0, 60, 30)))": [],
    f"live(deaf, Bar, {X}, kind=choice(['a', 'b'], 'a'))": [
        DEAF,
        "choice 'kind': changes neither",
        "the reading always says 'The bar ends at 30.'",
    ],
    f"live(raises, Bar, {X})": [DEAF],
    f"live(length, Gathering, {X})": ["is not what a step away and back gives", "reset does not"],
    f"live(length, Gathering, {X}).add_class('live-remembers')": [],
    f"live(length, Vanishing, {X})": ["the picture goes missing"],
    f"live(length, Growing, {X})": ["the picture moves or changes its size on the page"],
    f"wrong = live(length, Bar, {X}); wrong._defaults['x'] = 31; wrong": ["reset does not"],
}
PREDICTIONS = {  # what is done to a question and its reveal, and parts of what must be found
    "": [],
    "told = None": ["before an answer it hears []", "the answer 'a' hears []"],
    "told.question.unobserve(told._show, 'answer')": [
        "the answer 'a' hears ['You have not answered yet",
        "[] are called right",
    ],
    "asked.radio.value = 'a'": ["['a'] is chosen at first", "before an answer it hears ['You said"],
    "asked.radio.observe(lambda change: change.owner.set_trait('value', None), 'value')": [
        "the space bar on 'a' leaves [] chosen"
    ],
}
EXERCISES = {  # what a function does and what is done to its panel; parts of what must be found
    "find_c": ("...", "", []),
    "expected_ratio": ("return 1.0", "", ["at first it says 'Not yet."]),
    "tanh_backward": (
        "...",
        "panel._hint.on_click(panel._show_one_more, remove=True)\n"
        "panel._solution.on_click(panel._show_or_hide_solution, remove=True)\n"
        "panel.children[1].value = '<p role=status>Not attempted yet.</p>'",
        [
            "hint 1 of 3 asked for, and the hints are []",
            "the solution shown is ''",
            "it says 'Not attempted yet.', not 'Not yet. ",
        ],
    ),
}


BLANKS = """
import numpy as np
from course_utils.lessons.start_here.exercises import check
---
def layer(z, W, b):
    ...
---
layer = check(layer)
---
assert layer.__module__ != "__main__", "only ours will do"
---
def weight_shapes(widths):
    ...
---
check(weight_shapes)
---
weight_shapes([2, 3]) and [0][weight_shapes([2, 3])[0][0] - 2]
"""
ASSIGNS = """
def f(x, rows):
    'What it does.'
    total, n = 0, len(x)
    for row in x:
        total = total + sum(row * factor for factor in rows)
    return total / n
"""


def opened(lab, browser, cells):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=[*cells], metadata={"kernelspec": kernel})
    nbformat.write(notebook, lab.folder / "faults.ipynb")
    return closing(lab.open(browser, "faults.ipynb"))


def test_names_what_does_not_respond(lab, browser):
    sources = [SETUP, *EXPLORATIONS]
    for key, change in enumerate(PREDICTIONS):
        sources += [f"asked = predict('{key}', 'Question {key}', ['a', 'b'])\nasked"]
        sources += [f"told = reveal('{key}', answer='b', because='')\n{change}\ntold"]
    for name, (body, change, _) in EXERCISES.items():
        sources += [f"def {name}(*arguments): {body}"]
        check = f"check = part('{LESSON[name]}', 'exercises').check"
        panel = f"panels.display = panels_shown.append\n{name} = check({name})"
        sources += [f"{check}\n{panel}\npanel = panels_shown.pop()\n{change}\npanel"]
    with opened(lab, browser, map(code, sources)) as notebook:
        notebook.run_all()
        assert notebook.errors() == []
        explorations, predictions = notebook.explorations(), notebook.predictions()
        for each, (source, expected) in zip(explorations, EXPLORATIONS.items(), strict=True):
            assert_named(expected, problems(each), source)
        assert "a widget's callback: ZeroDivisionError: division by zero" in notebook.errors()
        for each, (change, expected) in zip(predictions, PREDICTIONS.items(), strict=True):
            assert_named(expected, prediction_problems(each), change)
        for each in notebook.exercises():
            assert_named(EXERCISES[each.name][-1], exercise_problems(each), each.name)


def test_names_a_blank_on_which_nothing_runs_or_whose_mistake_stays(lab, browser):
    with opened(lab, browser, map(code, BLANKS.strip().split("\n---\n"))) as notebook:
        handed_out = fill_in(notebook)
        notebook.run_all()
        expected = ["cell 3: AssertionError: only ours will do", "cell 6 did not run"]
        assert_named(expected, notebook.errors(), "the errors")
        expected = [
            "layer: nothing below its check runs on it",
            "weight_shapes: of our code it says ''",
        ]
        assert_named(expected, blank_problems(notebook), "the blanks")
        layer, shapes = notebook.exercises()
        for each in layer, shapes:
            each.answer(handed_out[each.name])
        assert exercise_problems(layer) == []
        assert exercise_problems(shapes) == [
            "after a wrong answer the notebook does not go on with ours"
        ]


def test_a_students_own_is_the_same_function_in_other_words():
    source, here = as_own(ASSIGNS), {}
    exec(source, here)  # noqa: S102
    assert here["f"]([1, 2], rows=[3, 4]) == 10.5 and here["calls_of_f"] == [1]
    for part in ("def f(x, rows):", "'Written by a student.'", "my_total", "my_row * my_factor"):
        assert part.replace("'", '"') in source.replace("'", '"')
    assert "What it does" not in source


def assert_named(expected, found, where):
    for part in expected:
        assert any(part in fault for fault in found), (where, found)
    assert expected or found == [], where


def code(source="", **saved):
    """A code cell; `saved` is the mime bundle of a saved output."""
    outputs = [nbformat.v4.new_output("display_data", saved)] if saved else []
    return nbformat.v4.new_code_cell(source, outputs=outputs)


def test_names_what_is_wrong_with_a_page_and_takes_its_picture(lab, browser, tmp_path):
    raises = code("1 / 0")
    raises.metadata["tags"] = ["raises-exception"]
    cells = [
        nbformat.v4.new_markdown_cell(r"$\frac{1}$, $\foo$ and ![a drawing](missing.png)"),
        code(**{"image/png": "iVBORw0KGgo="}),
        code(**{"image/png": TWO_PIXELS}),
        code(**{"image/png": TWO_PIXELS, WIDGET: {"model_id": "gone", "version_major": 2}}),
        raises,
        code("import warnings; warnings.warn('beware')"),
        code("len(3)"),
        code("print('never reached')"),
    ]
    with opened(lab, browser, cells) as notebook:
        assert notebook.pictures()[1:4] == [0, 1, 1]
        notebook.trust()
        assert notebook.pictures()[1:4] == [0, 1, 0]
        as_saved = "\n".join(notebook.errors())
        notebook.run_all()
        after = "\n".join(notebook.errors())
        light, dark = (notebook.screenshots(tmp_path, theme) for theme in ("light", "dark"))
    for part in (
        "cell 0: formula: Missing argument for \\frac",
        "cell 0: formula: unknown \\foo",
        "cell 0: missing image a drawing",
        "cell 1: missing image",
        "cell 3: Error displaying widget: model not found",
    ):
        assert part in as_saved
    for part in ("UserWarning: beware", "cell 6: TypeError: object of", "cell 7 did not run"):
        assert part in after
    assert "cell 2" not in as_saved and "cell 4" not in after
    brightness = [np.asarray(Image.open(paths[0]).convert("L")).mean() for paths in (light, dark)]
    assert brightness[0] > 200 and brightness[1] < 100
