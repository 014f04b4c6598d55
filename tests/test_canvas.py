"""Pictures: what they draw, and what of the notebook they leave alone."""

import gc
import pickle
import threading
import warnings
from functools import cache

import matplotlib
import numpy as np
import pytest
from helpers import pixels
from IPython.core.events import EventManager, available_events
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser

from course_utils.lab import live, slider
from course_utils.lab.canvas import Picture, Plot
from course_utils.lab.own_plots import keep_for_their_cell

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(autouse=True)
def settings():
    """Matplotlib's settings, put back after a test that plays the student."""
    with matplotlib.rc_context():
        yield


class Everything(Picture):
    """What a style can change: lines, texts, mathematics, an image, ticks, a grid and a legend."""

    size = (4, 2)

    def build(self):
        left, right = self.figure.subplots(1, 2)
        left.set(title="title", xlabel="layer $i$", ylabel=r"$\|z_i\|$", ylim=(1e-3, 10))
        left.set_yscale("log")
        left.fill_between([0, 1], 0.1, 1, alpha=0.3)
        (self.line,) = left.plot([], [], marker="o", linestyle="--", label="measured")
        left.legend()
        self.text = left.text(0.1, 0.01, "")
        self.image = right.imshow([[0, 1], [1, 0]], vmin=0, vmax=1)
        self.moves(self.line, self.text, self.image)

    def show(self, length):
        self.line.set_data([0, 0.5, 1], [length, 1, length])
        self.text.set_text(f"length {length:g}")
        self.image.set_data([[length, 1], [1, 0]])
        return f"The length is {length:g}."


class Bars(Plot):
    """A plot with as many bars as there are lengths."""

    size = (3, 2)

    def draw(self, lengths, title):
        axes = self.figure.add_subplot(title=title)
        self.moves(*axes.bar(range(len(lengths)), lengths))
        axes.legend(list(axes.patches), [str(length) for length in lengths])
        return f"{len(lengths)} bars."


def use_xkcd():
    with warnings.catch_warnings(action="ignore"):
        plt.xkcd()


STYLES = {
    "dark": lambda: plt.style.use("dark_background"),
    "ggplot": lambda: plt.style.use("ggplot"),
    "seaborn": lambda: plt.style.use("seaborn-v0_8-poster"),
    "xkcd": use_xkcd,
    "TeX": lambda: plt.rcParams.update({"text.usetex": True, "font.family": "serif"}),
    "fonts": lambda: plt.rcParams.update(
        {"mathtext.fontset": "cm", "font.sans-serif": "STIXGeneral"}
    ),
    "layout": lambda: plt.rcParams.update({"figure.autolayout": True, "figure.dpi": 50}),
}
VALUES = {
    Everything: ({"length": 0.5}, {"length": 0.01}),
    Bars: ({"lengths": [1, 2], "title": "two"}, {"lengths": [2, 1, 3], "title": "$n$"}),
}
KINDS = pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)


@cache
def built_before(kind):
    """A picture, and its images in Matplotlib's own style."""
    picture = kind()
    return picture, [picture.update(**values).png() for values in VALUES[kind]]


@KINDS
@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_a_style_of_the_student_changes_no_pixel_and_stays(kind, style):
    """Set before a picture is built, or between building and an update."""
    older, expected = built_before(kind)
    style()
    theirs = dict(matplotlib.rcParams)
    for picture in (older, kind()):
        assert [picture.update(**values).png() for values in VALUES[kind]] == expected
    assert dict(matplotlib.rcParams) == theirs


def test_a_frame_changes_no_setting_even_for_a_moment(monkeypatch):
    picture, changed = Everything(), []
    monkeypatch.setattr(type(matplotlib.rcParams), "_set", lambda *args: changed.append(args))
    monkeypatch.setattr(type(matplotlib.rcParams), "update", lambda *args: changed.append(args))
    picture.update(length=0.5).png()
    assert changed == []


def test_a_frame_typesets_no_mathematics(monkeypatch):
    """Which two threads cannot do at a time, and a cell may be drawing a plot of its own."""
    picture = Everything()
    monkeypatch.setattr(MathTextParser, "parse", None)
    picture.update(length=0.5)
    picture.text.set_text("$x_i$, never seen before")
    picture.png()


def test_two_threads_leave_the_settings_as_they_were():
    picture, before = Everything().update(length=0.5), dict(matplotlib.rcParams)
    expected, built = picture.png(), threading.Event()
    wrong = []

    def move():
        while not built.is_set():
            if picture.update(length=0.5).png() != expected:
                wrong.append(picture.reading)

    thread = threading.Thread(target=move)
    thread.start()
    for _ in range(5):
        Everything().update(length=0.1).png()
        Bars().update(lengths=[1, 2], title="two").png()
    built.set()
    thread.join()
    assert dict(matplotlib.rcParams) == before
    assert wrong == []


class Bar(Picture):
    """A small picture that is drawn in no time."""

    size = (2, 1)

    def build(self):
        axes = self.figure.add_subplot(xlim=(0, 1))
        axes.set_axis_off()
        self.bar = self.moves(*axes.barh(0, 0))

    def show(self, length):
        self.bar.set_width(length)
        return f"The length is {length:g}."


def explored():
    return live(lambda x: {"length": x}, Bar, x=slider(0.1, 1.0, 0.5))


def still():
    return Bar().update(length=0.5)


def plotted():
    return Bars().update(lengths=[1], title="one")


def figures():
    """How many figures there are in memory."""
    gc.collect()
    return sum(isinstance(each, Figure) for each in gc.get_objects())


@pytest.mark.parametrize("run", [explored, still])
def test_runs_of_a_cell_leave_no_figure_though_the_notebook_keeps_what_was_shown(run):
    """As IPython does in ``Out``."""
    before, out = figures(), []
    for _ in range(30):
        if out and run is explored:
            out[-1].close()  # what running the cell again does
        out.append(run())
        out[-1]._repr_mimebundle_()
    assert figures() == before + (run is explored)
    if run is explored:
        out[-1].close()
        assert figures() == before
        assert all(exploration.compute is None for exploration in out)
        out = [exploration.picture for exploration in out]
    assert all(len(pickle.dumps(vars(picture))) < 10_000 for picture in out)


@pytest.mark.parametrize("make", [still, plotted])
def test_a_picture_that_was_shown_can_be_shown_and_updated_again(make):
    picture = make()
    before, reading = picture.png(), picture.reading
    shown = picture._repr_mimebundle_()
    assert np.array_equal(pixels(picture.png()), pixels(before))
    assert picture._repr_mimebundle_() == shown and picture.reading == reading
    values = {"length": 0.1} if make is still else {"lengths": [3, 4], "title": "two"}
    expected = type(picture)().update(**values)
    assert picture.update(**values).png() == expected.png()
    assert picture.reading == expected.reading != reading


def test_a_plot_is_drawn_once_an_update(monkeypatch):
    drawn, draw = [], Bars.draw

    def draw_and_note(self, **values):
        drawn.append(values)
        return draw(self, **values)

    monkeypatch.setattr(Bars, "draw", draw_and_note)
    plot = Bars()
    assert drawn == []
    plot.update(lengths=[1], title="one")
    assert plot.png() == plot.png() and len(drawn) == 1
    assert plot.reading == "1 bars."


@pytest.fixture
def shell():
    """A notebook's shell, as far as its events go."""
    shell = type("Shell", (), {})()
    shell.events = EventManager(shell, available_events)
    return shell


def in_a_thread(function, *arguments):
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    thread.join()


@pytest.mark.parametrize("backend", ["inline", "agg"])
def test_for_the_inline_backend_a_widgets_message_ends_no_cell(shell, backend, monkeypatch):
    monkeypatch.setattr(matplotlib, "get_backend", lambda: backend)
    told = []
    shell.events.register("post_execute", lambda: told.append("before"))
    keep_for_their_cell(shell)
    shell.events.register("post_execute", lambda: told.append("after"))
    shell.events.register("post_run_cell", told.append)
    shell.events.trigger("post_execute")
    assert told == ["before", "after"]
    in_a_thread(shell.events.trigger, "post_execute")
    assert told[2:] == ([] if backend == "inline" else ["before", "after"])
    in_a_thread(shell.events.trigger, "post_run_cell", "result")
    assert told[-1] == "result"


def test_without_a_notebook_there_is_nothing_to_keep():
    keep_for_their_cell(None)
