"""Live explorations, without a browser."""

import asyncio
import base64
import gc
import threading
import weakref
from functools import partial
from types import SimpleNamespace

import ipywidgets as widgets
import numpy as np
import pytest
from helpers import inside, pixels, until
from ipywidgets.widgets.widget import _instances as open_widgets

from course_utils.lab import (
    Exploration,
    choice,
    draw_again,
    live,
    pace,
    panel,
    slider,
    steered,
    toggle,
)
from course_utils.lab.canvas import Picture

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(autouse=True)
def leaves_no_thread():
    threads = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == threads


class Bar(Picture):
    """The smallest picture: a bar of a given length."""

    size = (2, 1)

    def build(self):
        self.bar = self.moves(*self.figure.add_subplot(xlim=(0, 100)).barh(0, 0))

    def show(self, length):
        self.bar.set_width(length)
        return f"The bar ends at {length}."


@pytest.fixture
def explore():
    """`live`, with all that it makes closed at the end, and the widgets counted."""
    before, made = set(open_widgets), []

    def explore(compute, picture=Bar, **options):
        made.append(live(compute, picture, **options))
        return made[-1]

    yield explore
    for exploration in made:
        exploration.close()
    left = [type(w).__name__ for key, w in open_widgets.items() if key not in before]
    assert left == []


def controls():
    return {
        "x": slider(0, 60, 30, label="x: a number"),
        "kind": choice(["a", "bbb"], "a"),
        "double": toggle(False),
        "seed": draw_again(),
    }


def one(exploration, kind, css=None, description=None):
    """The one widget of this kind in an exploration."""
    found = [
        widget
        for widget in inside(exploration)
        if isinstance(widget, kind)
        and (css is None or css in widget._dom_classes)
        and (description is None or widget.description == description)
    ]
    assert len(found) == 1, found
    return found[0]


def image(exploration):
    return one(exploration, widgets.Image).value


def spoken(exploration):
    return one(exploration, widgets.HTML, "live-reading").value


def click(exploration, description):
    one(exploration, widgets.Button, description=description).click()


class Recorder:
    """A compute function that remembers its calls."""

    def __init__(self):
        self.calls = []

    def __call__(self, **values):
        self.calls.append(values)
        length = values.get("x", 0) + len(values.get("kind", "")) + values.get("seed", 0)
        return {"length": length}


def bar_of(x):
    return {"length": x}


def bar_of_two(x):
    return x, x


def two_in_slices(x):
    yield bar_of_two(x)


def test_an_exploration_computes_with_its_defaults_and_then_with_each_change(explore):
    compute = Recorder()
    exploration = explore(compute, **controls())
    assert exploration.values == {"x": 30, "kind": "a", "double": False, "seed": 0}
    changes = [("x", 31), ("kind", "bbb"), ("double", True), ("x", 0)]
    for name, value in changes:
        exploration.controls[name].value = value
    exploration.controls["seed"].click()
    start = {"x": 30, "kind": "a", "double": False, "seed": 0}
    assert compute.calls == [
        start,
        {**start, "x": 31},
        {**start, "x": 31, "kind": "bbb"},
        {**start, "x": 31, "kind": "bbb", "double": True},
        {**start, "x": 0, "kind": "bbb", "double": True},
        {**start, "x": 0, "kind": "bbb", "double": True, "seed": 1},
    ]


def test_the_picture_and_its_reading_follow_the_controls(explore):
    exploration = explore(bar_of, x=slider(0, 60, 30))
    seen = {}
    for x in (30, 50, 10):
        exploration.controls["x"].value = x
        assert image(exploration) == Bar().update(length=x).png()
        assert exploration.reading == f"The bar ends at {x}."
        assert spoken(exploration) == f"<div role='status'>The bar ends at {x}.</div>"
        assert one(exploration, widgets.Image).tooltip == exploration.reading
        seen[image(exploration)] = x
    assert len(seen) == 3


def test_reset_puts_all_back_and_computes_once(explore):
    compute = Recorder()
    exploration = explore(compute, **controls())
    first, start = image(exploration), exploration.values
    exploration.controls["x"].value = 3
    exploration.controls["kind"].value = "bbb"
    exploration.controls["double"].value = True
    exploration.controls["seed"].click()
    assert image(exploration) != first
    before = len(compute.calls)
    click(exploration, "Reset")
    assert exploration.values == start and compute.calls[before:] == [start]
    assert image(exploration) == first


def test_controls_are_labelled_in_words(explore):
    exploration = explore(Recorder(), **controls())
    labels = [w.value for w in inside(exploration) if isinstance(w, widgets.Label)]
    assert labels == ["x: a number", "kind", ""]
    assert exploration.controls["double"].description == "double"  # its name for screen readers
    marked = [w for w in inside(exploration) if "live-control" in w._dom_classes]
    assert set(marked) == set(exploration.controls.values())


def test_on_release_computes_only_when_a_slider_is_let_go(explore):
    explorations = [explore(Recorder(), on_release=late, **controls()) for late in (False, True)]
    assert [e.controls["x"].continuous_update for e in explorations] == [True, False]


def test_a_picture_may_be_given_ready_made(explore):
    picture = Bar()
    exploration = explore(bar_of, picture, x=slider(0, 60, 30))
    assert exploration.picture is picture


def test_warnings_of_a_computation_are_no_output(explore, capfd):
    explore(lambda x: bar_of(float(np.divide(x, np.zeros(1))[0] > 0)), x=slider(0, 60, 30))
    exploration = explore(lambda x: bar_of(np.log(np.float64(x) - 30)), x=slider(0, 60, 31))
    exploration.controls["x"].value = 30
    exploration.controls["x"].value = 29
    assert exploration.reading == "The bar ends at nan."
    assert capfd.readouterr() == ("", "")


def test_an_error_is_said_under_the_picture_and_raised(explore):
    def compute(x):
        if x == 13:
            raise ValueError("x must not be <13>")
        return {"length": x}

    exploration = explore(compute, x=slider(0, 60, 30))
    before = image(exploration)
    with pytest.raises(ValueError, match="must not be"):
        exploration.controls["x"].value = 13
    assert "ValueError: x must not be &lt;13&gt;" in spoken(exploration)
    assert image(exploration) == before
    exploration.controls["x"].value = 14
    assert "The bar ends at 14." in spoken(exploration)


@pytest.mark.parametrize(
    ("compute", "error", "message"),
    [
        (lambda x: {"length": 1 / x}, ZeroDivisionError, "division by zero"),
        (bar_of_two, TypeError, r"bar_of_two must return or yield a dict .*, got \(0, 0\)"),
        (two_in_slices, TypeError, r"two_in_slices must return or yield a dict .*, got \(0, 0\)"),
        (lambda x: {"width": x}, TypeError, r"Bar.show\(\) .* 'width'"),
    ],
)
def test_an_error_at_the_defaults_is_raised_in_the_cell(compute, error, message):
    x = slider(0, 1, 0)
    before = set(open_widgets)
    with pytest.raises(error, match=message):
        live(compute, Bar, x=x)
    assert set(open_widgets) == before
    panel.close_tree(x)


def test_what_a_notebook_saves_of_an_exploration(explore):
    def compute(x, seed):
        return {"length": x + seed}

    exploration = explore(compute, x=slider(0, 60, 30), seed=draw_again())
    data, metadata = exploration._repr_mimebundle_()
    view = "application/vnd.jupyter.widget-view+json"
    assert data.keys() == {"text/plain", "image/png", view}
    assert data[view]["model_id"] == exploration.model_id
    assert data["text/plain"] == repr(exploration) == "<live: compute(x, seed)>"
    assert metadata == {
        "image/png": {"width": 200, "alt": "The bar ends at 30."},
        "needs_background": "light",
    }
    saved = base64.b64decode(data["image/png"])
    assert np.array_equal(pixels(saved), pixels(image(exploration)))
    exploration.controls["x"].value = 60
    assert repr(exploration) == "<live: compute(x, seed)>"


def test_any_callable_can_be_explored(explore):
    exploration = explore(partial(lambda x, by: {"length": x + by}, by=1), x=slider(0, 60, 30))
    assert exploration.reading == "The bar ends at 31."
    assert repr(exploration) == "<live: partial(x)>"


# In slices


class Slices:
    """A generator function that remembers how far each of its runs came."""

    def __init__(self, slices=4, error_at=None):
        self.slices, self.error_at = slices, error_at
        self.runs = []  # [x, slices computed, how it ended]

    def function(self):
        def compute(x):
            run = [x, 0, None]
            self.runs.append(run)
            try:
                for part in range(1, self.slices + 1):
                    if x == self.error_at and part == 2:
                        raise ValueError("no")
                    run[1] = part
                    yield {"length": x * part / self.slices}
                run[2] = "done"
            except GeneratorExit:
                run[2] = "closed"
                raise

        return compute


def stop_button(exploration):
    return one(exploration, widgets.Button, "live-stop")


def test_without_a_loop_slices_run_to_the_end(explore):
    slices = Slices()
    exploration = explore(slices.function(), x=slider(0, 60, 40))
    exploration.controls["x"].value = 20
    assert slices.runs == [[40, 4, "done"], [20, 4, "done"]]
    assert exploration.reading == "The bar ends at 20.0."
    assert image(exploration) == Bar().update(length=20).png()
    assert stop_button(exploration).disabled


def test_in_a_loop_the_picture_fills_in_slices(explore):
    slices = Slices()

    async def play():
        exploration = explore(slices.function(), x=slider(0, 60, 40))
        readings = [exploration.reading]
        one(exploration, widgets.HTML, "live-reading").observe(
            lambda change: readings.append(exploration.reading), "value"
        )
        exploration.controls["x"].value = 20
        assert slices.runs[1:] == []  # the control is free at once
        await until(lambda: len(slices.runs) == 2 and slices.runs[1][1] >= 1)
        assert not stop_button(exploration).disabled
        await until(lambda: stop_button(exploration).disabled)
        return readings, image(exploration)

    readings, png = asyncio.run(play())
    assert readings == [f"The bar ends at {x}." for x in (40.0, 5.0, 10.0, 15.0, 20.0)]
    assert png == Bar().update(length=20).png()


def test_a_newer_value_ends_the_older_run(explore):
    slices, held = Slices(slices=50), []
    function = slices.function()

    def hold(x):
        held.append(function(x))  # a reference, so that nothing but closing ends it
        return held[-1]

    async def play():
        exploration = explore(hold, x=slider(0, 60, 40))
        exploration.controls["x"].value = 20
        assert not stop_button(exploration).disabled  # before the move counts as answered
        await until(lambda: len(slices.runs) == 2 and slices.runs[1][1] >= 3)
        exploration.controls["x"].value = 30  # never starts: the next comes before it can
        exploration.controls["x"].value = 50
        await until(lambda: slices.runs[-1][0] == 50 and slices.runs[-1][1] >= 2)
        assert not stop_button(exploration).disabled
        await until(lambda: slices.runs[-1][2] == "done")
        await until(lambda: stop_button(exploration).disabled)
        return exploration.reading

    assert asyncio.run(play()) == "The bar ends at 50.0."
    (_, _, first), (x, reached, ended), last = slices.runs
    assert first == "done"
    assert (x, ended) == (20, "closed") and reached < 50
    assert last == [50, 50, "done"]


@pytest.mark.parametrize("how", ["button", "close"])
def test_stop_keeps_what_it_had(explore, how):
    slices = Slices(slices=1000)

    async def play():
        exploration = explore(slices.function(), x=slider(0, 60, 40))
        exploration.controls["x"].value = 20
        await until(lambda: len(slices.runs) == 2 and slices.runs[1][1] >= 3)
        exploration.close() if how == "close" else click(exploration, "Stop")
        reading, reached = exploration.reading, slices.runs[1][1]
        await asyncio.sleep(0.05)
        assert slices.runs[1:] == [[20, reached, "closed"]]
        assert exploration.reading == reading == f"The bar ends at {20 * reached / 1000}."
        assert len(asyncio.all_tasks()) == 1  # this one
        if how == "button":
            assert stop_button(exploration).disabled
            exploration.controls["x"].value = 21
            await until(lambda: slices.runs[-1][0] == 21 and slices.runs[-1][1] >= 2)
            click(exploration, "Stop")

    asyncio.run(play())


def test_an_error_in_a_slice_is_said_and_raised_in_the_loop(explore):
    slices = Slices(error_at=20)
    raised = []

    async def play():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: raised.append(context.get("exception")))
        exploration = explore(slices.function(), x=slider(0, 60, 40))
        exploration.controls["x"].value = 20
        await until(lambda: "ValueError: no" in spoken(exploration))
        await until(lambda: stop_button(exploration).disabled)
        exploration.controls["x"].value = 24
        await until(lambda: exploration.reading == "The bar ends at 24.0.")
        await until(lambda: stop_button(exploration).disabled)
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(play())
    assert [str(error) for error in raised] == ["no"]


def test_in_a_loop_what_is_quick_is_shown_at_once(explore):
    async def play():
        exploration = explore(bar_of, x=slider(0, 60, 30))
        exploration.controls["x"].value = 50
        return exploration.reading

    assert asyncio.run(play()) == "The bar ends at 50."


class Page:
    """A page that has shown an exploration, and notes how many frames it is sent."""

    def __init__(self, exploration):
        self.pace, self.frames = exploration._pace, 0
        one(exploration, widgets.Image).observe(self.note, "value")
        self.answer()

    def note(self, _):
        self.frames += 1

    def answer(self):
        self.pace.set_state({"taken": self.pace.sent})


def test_no_frame_is_sent_before_the_page_has_taken_the_last(explore):
    slices = Slices(slices=30)

    async def play():
        exploration = explore(slices.function(), x=slider(0, 60, 40))
        page = Page(exploration)
        for x in (20, 30):  # a newer value does not hurry it
            exploration.controls["x"].value = x
            await until(lambda: slices.runs[-1][0] == x and slices.runs[-1][1] >= 10)
            assert page.frames == 1
        await until(lambda: slices.runs[-1][1] == 30)
        await asyncio.sleep(0.05)
        assert page.frames == 1 and not stop_button(exploration).disabled
        page.answer()
        await until(lambda: stop_button(exploration).disabled)
        assert page.frames == 2
        assert spoken(exploration) == "<div role='status'>The bar ends at 30.0.</div>"
        assert image(exploration) == Bar().update(length=30).png()

    asyncio.run(play())


def test_a_page_nearby_is_sent_every_slice(explore):
    slices = Slices(slices=10)

    async def play():
        exploration = explore(slices.function(), x=slider(0, 60, 40))
        page, loop = Page(exploration), asyncio.get_running_loop()
        page.pace.observe(lambda _: loop.call_later(0.002, page.answer), "sent")
        exploration.controls["x"].value = 20
        await until(lambda: slices.runs[-1] == [20, slices.slices, "done"])
        await until(lambda: stop_button(exploration).disabled)
        assert page.frames == 10

    asyncio.run(play())


def test_stop_shows_what_it_had_though_the_page_is_behind(explore):
    slices = Slices(slices=100)

    async def play():
        exploration = explore(slices.function(), x=slider(0, 60, 40))
        page = Page(exploration)
        exploration.controls["x"].value = 20
        await until(lambda: len(slices.runs) == 2 and slices.runs[1][1] >= 5)
        click(exploration, "Stop")
        assert page.frames == 2
        assert spoken(exploration) == f"<div role='status'>{exploration.reading}</div>"
        assert exploration.reading == f"The bar ends at {20 * slices.runs[1][1] / 100}."

    asyncio.run(play())


def test_a_page_that_is_gone_keeps_nothing_waiting(explore, monkeypatch):
    monkeypatch.setattr(pace, "PATIENCE", 0.05)
    slices = Slices()

    async def play():
        exploration = explore(slices.function(), x=slider(0, 60, 40))
        page = Page(exploration)
        exploration.controls["x"].value = 20
        await until(lambda: slices.runs[-1] == [20, slices.slices, "done"])
        await until(lambda: stop_button(exploration).disabled)
        assert page.frames == 2 and exploration.reading == "The bar ends at 20.0."

    asyncio.run(play())


class Callable:
    """An object that is called, and returns the generator of another function."""

    def __init__(self, function):
        self.function = function

    def __call__(self, x):
        return self.function(x)


WRAPS = {
    "function": lambda function: function,
    "lambda": lambda function: lambda x: function(x),
    "object": Callable,
    "partial": partial,
}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_whatever_returns_a_generator_is_computed_in_slices(explore, wrap):
    slices = Slices(slices=1000)

    async def play():
        exploration = explore(wrap(slices.function()), x=slider(0, 60, 40))
        exploration.controls["x"].value = 20
        assert slices.runs[1:] == []
        await until(lambda: len(slices.runs) == 2 and slices.runs[1][1] >= 3)
        click(exploration, "Stop")

    asyncio.run(play())
    assert slices.runs[1][1] < 1000


def test_reset_does_not_start_a_run_but_ends_one_and_shows_the_first_result(explore):
    slices = Slices(slices=50)

    async def play():
        exploration = explore(slices.function(), x=slider(0, 60, 40))
        first = image(exploration), spoken(exploration)
        for moved in (20, 30):
            exploration.controls["x"].value = moved
            await until(lambda: slices.runs[-1][0] == moved and slices.runs[-1][1] >= 3)
            if moved == 30:
                await until(lambda: slices.runs[-1][2] == "done")
            click(exploration, "Reset")
            assert exploration.values == {"x": 40}
            await asyncio.sleep(0.05)
            assert (image(exploration), spoken(exploration)) == first
            assert stop_button(exploration).disabled

    asyncio.run(play())
    assert [(x, ended) for x, _, ended in slices.runs] == [
        (40, "done"), (20, "closed"), (30, "done"),
    ]  # fmt: skip


def test_a_steered_control_is_read_by_the_run_that_goes_on(explore):
    starts, read = [], []

    def fly(c, lr):
        starts.append((c, lr()))
        for _ in range(100):
            read.append(lr())
            yield {"length": 100 * lr()}

    async def play():
        exploration = explore(fly, c=slider(0, 4, 2), lr=steered(slider(0.0, 1.0, 0.1)))
        lr = exploration.controls["lr"]
        exploration.controls["c"].value = 1
        await until(lambda: len(starts) == 2 and len(read) > 103)
        lr.value = 0.5
        await until(lambda: exploration.reading == "The bar ends at 50.0.")
        await until(lambda: stop_button(exploration).disabled)
        assert starts == [(2, 0.1), (1, 0.1)] and len(read) == 200
        lr.value = 0.25  # at rest: starts one
        await until(lambda: len(starts) == 3)
        click(exploration, "Reset")
        await asyncio.sleep(0.05)
        assert (exploration.controls["c"].value, lr.value) == (2, 0.1)
        assert starts[2:] == [(1, 0.25)] and len(read) < 300
        assert exploration.reading == "The bar ends at 10.0."

    asyncio.run(play())
    assert next(fly(1, lambda: 0.3)) == {"length": 30}  # no widget in sight


def test_a_steered_control_must_be_a_control():
    with pytest.raises(TypeError, match="control must be a slider.*, got 3"):
        steered(3)


def test_only_what_takes_time_has_a_stop_button(explore):
    assert stop_button(explore(Slices().function(), x=slider(0, 60, 30)))
    quick = explore(bar_of, x=slider(0, 60, 30))
    assert not [w for w in inside(quick) if "live-stop" in w._dom_classes]


# Leaving nothing behind


@pytest.mark.parametrize("slow", [False, True])
def test_close_closes_every_widget(slow):
    before = set(open_widgets)
    compute = Slices().function() if slow else bar_of
    exploration = live(compute, Bar, x=slider(0, 60, 30))
    assert len(open_widgets) > len(before)
    exploration.close()
    assert set(open_widgets) == before
    exploration.close()  # twice does no harm


@pytest.fixture
def shell(monkeypatch):
    """A notebook's shell; set `cell` and `execution_count` as if cells were run."""
    shell = SimpleNamespace(cell="cell-1", execution_count=1)
    shell.get_parent = lambda: {"metadata": {"cellId": shell.cell}}
    monkeypatch.setattr(panel, "get_ipython", lambda: shell)
    monkeypatch.setattr(panel, "_shown", {})
    return shell


def test_running_a_cell_again_replaces_what_it_made(shell):
    before = set(open_widgets)

    def run():
        return live(bar_of, Bar, x=slider(0, 60, 30))

    def is_open(exploration):
        return exploration.comm is not None

    first, second = run(), run()  # two in one cell
    shell.cell, shell.execution_count = "cell-2", 2
    other = run()
    assert is_open(first) and is_open(second) and is_open(other)
    one_cell = len(set(open_widgets) - before) / 3

    shell.cell, shell.execution_count = "cell-1", 3
    again = run()
    assert not is_open(first) and not is_open(second)
    assert is_open(other) and is_open(again)
    for shell.execution_count in range(4, 8):
        again = run()
    assert len(set(open_widgets) - before) == 2 * one_cell

    forgotten = weakref.ref(first)
    del first, second
    gc.collect()
    assert forgotten() is None
    for exploration in (other, again):
        exploration.close()
    assert set(open_widgets) == before


@pytest.mark.parametrize("parent", [{}, {"metadata": {}}])
def test_without_cells_nothing_is_replaced(shell, parent):
    shell.get_parent = lambda: parent
    explorations = [live(bar_of, Bar, x=slider(0, 60, 30)) for _ in range(2)]
    assert all(isinstance(e, Exploration) and e.comm is not None for e in explorations)
    for exploration in explorations:
        exploration.close()
