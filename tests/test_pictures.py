"""Every picture of the course: what it shows, that it redraws rightly, what it says.

A new picture wants an entry in the PICTURES of its lesson's test file, or in the one here if lessons
share it: how to make one, and values to show, dicts by name. The first two are usual ones that
differ in everything that the picture shows, the others extremes (nothing, NaN, infinity, zero), the
first of which is compared with a new picture.
"""

import base64
import io
from dataclasses import fields, is_dataclass, replace
from functools import cache, partial
from importlib import import_module
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from helpers import INF, NAN, count, norms, pixels, signs
from matplotlib._pylab_helpers import Gcf
from PIL import Image

from course_utils import lessons
from course_utils.experiments import Comparison, Evaluation, History
from course_utils.experiments.flight import Flight
from course_utils.lab import pictures
from course_utils.lab.canvas import PIXELS_PER_INCH, Picture
from course_utils.lab.colors import BLUE, GRAY, GREEN, RED
from course_utils.lab.pictures.parts import Curve, trend, words

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(autouse=True)
def leaves_no_figure_with_pyplot():
    yield
    assert Gcf.get_all_fig_managers() == []


def compared(a, b, colors=(BLUE, RED), diverged_at=None):
    """Runs of two sides over two seeds, and the sides' colors."""
    runs = {
        3 + i: {"a": History(a[i]), "b": History(b[i], diverged_at=diverged_at)} for i in (0, 1)
    }
    return {"comparison": Comparison(runs), "colors": dict(zip("ab", colors, strict=True))}


POINTS = np.array([[0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]])
CLASSES = np.array([0, 1, 1])
DIGIT = np.linspace(0, 1, 784)
COUNT = np.arange(6.0).reshape(2, 3)


def boundary(points, labels, probabilities, losses):
    """What DecisionBoundary shows."""
    return dict(points=points, labels=labels, probabilities=probabilities, losses=losses)


def flown(steps, tests, signs, number, *earlier, diverged_at=None):
    """What FlightInstruments shows: loss and error at each step, and at each look at the tests."""
    losses, errors = ([each[i] for each in steps] for i in (0, 1))
    evaluations = {step: Evaluation(*each) for step, each in tests.items()}
    history = History(losses, evaluations, diverged_at=diverged_at)
    flight = Flight({}, {"lr": {0: 0.1}}, history, errors, signs)
    return {"flight": flight, "number": number, "earlier": list(earlier)}


PICTURES = {
    "NormsByLayer": (
        partial(pictures.NormsByLayer, depth=3, inside=True),
        [
            {"norms": {"measured": norms([28.0, 9, 90, 900], [8.0, 4, 2, 1])}, "layer": 1},
            {
                "norms": {"measured": norms([28.0, 9, 9, 9], [4.0, 4, 2, 1], expected=9.0)},
                "layer": 2,
            },
            {
                "norms": {"measured": norms([28.0, INF, NAN, NAN], [NAN, 0, 0, 1], expected=NAN)},
                "layer": 3,
            },
            {"norms": {"measured": norms([0.0] * 4, [INF] * 4)}, "layer": 9},
        ],
    ),
    "VitalSigns": (
        partial(pictures.VitalSigns, layers=3, steps=4),
        [
            {
                "signs": signs([9, 8, 3], [1, 2, 3], [1e-3] * 3, [0, 0.5, 0], 1.5),
                "losses": [2.3, 2.0, 1.5],
            },
            {
                "signs": signs([9, 1, 3], [1, 9, 3], [1e-2] * 3, [0, 0.1, 0], 0.5),
                "losses": [2.3, 1.0],
            },
            {
                "signs": signs([INF, NAN, NAN], [NAN] * 3, [NAN] * 3, [NAN] * 3, NAN),
                "losses": [2.3, 1e30, NAN],
            },
            {"signs": signs([0] * 3, [0] * 3, [0] * 3, [1] * 3, 2.3), "losses": [2.3]},
            {
                "signs": signs([1e30, 1e300, 1], [1e-30] * 3, [INF] * 3, [1] * 3, INF),
                "losses": [INF],
            },
            {"signs": signs([1] * 3, [1] * 3, [1] * 3, [0] * 3, 2.3), "losses": []},
        ],
    ),
    "FlightInstruments": (
        partial(pictures.FlightInstruments, steps=8, depth=4),
        [
            flown(
                [[2.3, 0.9], [2.0, 0.6], [1.5, 0.5]],
                {0: (2.5, 0.9), 3: (1.4, 0.4)},
                signs([9, 8, 3], [1, 2, 3], [1e-3] * 3, [0] * 3, 1.5),
                1,
            ),
            flown(
                [[2.3, 0.8], [1.0, 0.3], [0.9, 0.2]],
                {0: (2.4, 0.8), 3: (0.6, 0.2)},
                signs([9, 1, 3], [1, 9, 3], [1e-2] * 3, [0] * 3, 1.5),
                2,
                flown(
                    [[2.3, 0.9], [2.2, 0.9]],
                    {0: (2.4, 0.9), 2: (2.0, 0.8)},
                    signs([1, 2, 3], [3, 2, 1], [1e-4] * 3, [0] * 3, 2.1),
                    1,
                )["flight"],
            ),
            flown(
                [[2.3, 0.9], [1e30, 0.9], [NAN, NAN]],
                {0: (2.5, 0.9), 3: (NAN, NAN)},
                signs([9, INF, NAN], [NAN] * 3, [NAN] * 3, [NAN] * 3, NAN),
                3,
                diverged_at=2,
            ),
            flown([], {}, None, 1),
            flown([[0.0, 0.0]], {1: (0.0, 0.0)}, signs([0] * 3, [0] * 3, [0] * 3, [1] * 3, 0), 1),
            flown([[INF, 1.0]], {}, signs([5], [5], [5], [1], INF), 1, diverged_at=0),
        ],
    ),
    "LossBands": (
        partial(pictures.LossBands, steps=4, window=2),
        [
            compared(a=[[2.3, 2, 1, 1], [2, 2, 1, 0]], b=[[2, 2, 2, 2], [2, 1, 1, 1]]),
            compared(a=[[2.3, 2, 2, 2]] * 2, b=[[1, 1, 1, 0]] * 2, colors=(GRAY, GREEN)),
            compared(a=[[0, 0, 0, 0]] * 2, b=[[2, NAN], [9, INF]], diverged_at=1),
            compared(a=[[1e30, 1e30, 1e9, 5]] * 2, b=[[0, 0, 0, 0]] * 2),
        ],
    ),
    "DecisionBoundary": (
        partial(pictures.DecisionBoundary, steps=4),
        [
            boundary(POINTS, CLASSES, np.linspace(0, 1, 100), [0.7, 0.6]),
            boundary(POINTS / 2, 1 - CLASSES, np.linspace(1, 0, 100), [0.7, 0.5, 0.2]),
            boundary(POINTS, CLASSES, np.full(100, NAN), [0.7, NAN]),
            boundary(100 * POINTS, 0 * CLASSES, np.zeros(100), [1e30, INF]),
        ],
    ),
    "SpreadLines": (
        partial(pictures.SpreadLines, [1, 10, 100], (0, 6), "examples", "error"),
        [
            {"lines": {"a": (COUNT, BLUE), "b": (COUNT[:1] + 2, RED)}},
            {"lines": {"a": (COUNT / 2, GRAY), "b": (COUNT[:1] + 1, GREEN)}},
            {
                "lines": {
                    "a": (COUNT * NAN, BLUE),
                    "b": (COUNT[:1] + INF, RED),
                    "c": (0 * COUNT, GRAY),
                }
            },
        ],
    ),
    "DotsBySide": (
        partial(pictures.DotsBySide, ("a", "b"), (0, 1), "error"),
        [
            {"dots": {"a": ([0.1, 0.2, 0.4], BLUE), "b": ([0.5], RED)}},
            {"dots": {"a": ([0.2, 0.3, 0.5], GRAY), "b": ([0.7], GREEN)}},
            {"dots": {"a": ([NAN, 0.2, INF], BLUE), "b": ([0.0], RED)}},
        ],
    ),
    "Digits": (
        partial(pictures.Digits, count=2),
        [
            {"images": [DIGIT, 1 - DIGIT], "captions": ["7, not 1", "0, not 6"]},
            {"images": [1 - DIGIT, DIGIT], "captions": ["1", "2"]},
            {"images": np.full((2, 784), NAN), "captions": ["", ""]},
            {"images": np.full((2, 784), INF), "captions": ["∞", "x"]},
            {"images": np.zeros((2, 784)), "captions": ["0", "0"]},
        ],
    ),
}

SAID_ONLY = {  # how many parts stand in the reading alone
    "FlightInstruments": 1,  # the number of the run
    "VitalSigns": 1,  # the last loss, which the curve of losses shows
}

READINGS = [  # a picture, the index of its values, and what must be said of them
    ("NormsByLayer", 0, ["layer 1 to layer 3", "factor of 100: holding", "factor of 4: holding"]),
    ("NormsByLayer", 2, ["not a number: exploding"]),
    ("VitalSigns", 0, ["3 steps", "1.5", "from 9 to 8", "holding"]),
    ("VitalSigns", 2, ["not a number after 2 steps"]),
    ("VitalSigns", 3, ["from 0 to 0", "no signal"]),
    ("VitalSigns", 5, ["0 steps", "2.3"]),
    ("FlightInstruments", 0, ["Run 1, step 3", "loss 1.93", "error 40.0%", "9 to 8: holding"]),
    ("FlightInstruments", 0, ["back: holding", "by 0.001 of their length"]),
    (
        "FlightInstruments",
        2,
        ["Run 3: the loss is not a number after 2 updates", "from layer 2 on"],
    ),
    ("FlightInstruments", 3, ["Run 1 has not begun"]),
    ("FlightInstruments", 4, ["from 0 to 0: no signal", "on the way back: no signal"]),
    ("LossBands", 0, ["a: 0.50 to 1.00", "b: 1.00 to 2.00"]),
    ("LossBands", 2, ["a: 0.00 to 0.00", "b: not a number after 1"]),
    ("DecisionBoundary", 0, ["2 steps", "0.60"]),
    ("DecisionBoundary", 2, ["1 steps", "not a number"]),
    ("SpreadLines", 0, ["a: 1.5 to 3.5", "b: 2 to 4"]),
    ("DotsBySide", 0, ["a: 0.2", "b: 0.5"]),
    ("Digits", 0, ["7, not 1", "0, not 6"]),
]

LESSON_TESTS = sorted(Path(__file__).with_name("lessons").glob("test_*.py"))
for module in (import_module(path.stem) for path in LESSON_TESTS):
    PICTURES |= getattr(module, "PICTURES", {})
    SAID_ONLY |= getattr(module, "SAID_ONLY", {})
    READINGS += getattr(module, "READINGS", [])

EACH = pytest.mark.parametrize("name", PICTURES)


@cache
def fresh(name, index):
    """A new picture that has shown nothing but these values."""
    make, values = PICTURES[name]
    return make().update(**values[index])


OTHER_STYLE = {
    "font.size": 20, "lines.linewidth": 9, "legend.frameon": True, "figure.facecolor": "black",
    "axes.edgecolor": "red", "xtick.color": "red", "ytick.labelsize": 20, "grid.color": "red",
}  # fmt: skip


@cache
def used(name):
    """A picture that has shown other values before, made where the student set another style."""
    make, values = PICTURES[name]
    with matplotlib.rc_context(OTHER_STYLE):
        picture = make().update(**values[1])
        picture.png()
        return picture


def kinds():
    """The pictures that lessons share, and those of each lesson, by name."""
    modules = [lessons.part(name, "pictures") for name in lessons.names()
               if "pictures" in lessons.parts(name)]  # fmt: skip
    shared = [getattr(pictures, name) for name in pictures.__all__]
    own = [kind for module in modules for kind in vars(module).values() if isinstance(kind, type)
           and issubclass(kind, Picture) and kind.__module__ == module.__name__]  # fmt: skip
    return [kind.__name__ for kind in shared + own]


def test_every_picture_is_tested():
    """A new picture wants an entry in PICTURES."""
    assert sorted(kinds()) == sorted(PICTURES)


@EACH
def test_a_redrawn_picture_is_that_of_a_new_one(name):
    """Pixel by pixel, whatever it showed before, and with whatever style the notebook has."""
    _, values = PICTURES[name]
    picture = used(name)
    with matplotlib.rc_context(OTHER_STYLE):
        for value in reversed(values):
            png = picture.update(**value).png()
        again = picture.update(**values[0]).png()
        extreme = picture.update(**values[2]).png()
    assert png == again == fresh(name, 0).png()
    assert extreme == fresh(name, 2).png() != png


def mixtures(one, other):
    """`one` with a single part taken from `other`, for each part in which they differ."""
    if is_dataclass(one):
        for name in (field.name for field in fields(one)):
            for part in mixtures(getattr(one, name), getattr(other, name)):
                yield replace(one, **{name: part})
    elif isinstance(one, dict):
        for key in one:
            yield from ({**one, key: part} for part in mixtures(one[key], other[key]))
    elif isinstance(one, tuple):
        for i in range(len(one)):
            yield from ((*one[:i], part, *one[i + 1 :]) for part in mixtures(one[i], other[i]))
    elif not np.array_equal(one, other):
        yield other


@EACH
def test_everything_that_a_picture_is_given_can_be_seen(name):
    """A change of any part changes the picture, or at least what it says."""
    _, (usual, other, *_) = PICTURES[name]
    picture = used(name).update(**usual)
    png, reading = picture.png(), picture.reading
    said_only = 0
    for number, values in enumerate(mixtures(usual, other)):
        if picture.update(**values).png() == png:
            assert picture.reading != reading, f"part {number}"
            said_only += 1
    assert said_only == SAID_ONLY.get(name, 0)


@EACH
def test_a_picture_says_what_it_shows_in_one_line(name):
    _, values = PICTURES[name]
    readings = [used(name).update(**value).reading for value in values]
    assert readings[0] != readings[1]
    assert all(isinstance(reading, str) and "\n" not in reading for reading in readings)


@EACH
def test_a_picture_is_a_png_of_the_page_width(name):
    picture = fresh(name, 0)
    data, metadata = picture._repr_mimebundle_()
    assert data.keys() == {"text/plain", "image/png"}
    assert data["text/plain"] == repr(picture) == f"<picture: {name}>"
    assert metadata == {
        "image/png": {"width": picture.width, "alt": picture.reading},
        "needs_background": "light",
    }
    assert picture.width == round(100 * picture.size[0]) <= 860  # the page's column
    saved = base64.b64decode(data["image/png"])
    image = Image.open(io.BytesIO(saved))
    assert (image.format, image.mode, image.info) == ("PNG", "RGB", {})  # no version, no time
    dots = PIXELS_PER_INCH * picture.sharpness
    assert image.size == pytest.approx([dots * side for side in picture.size], abs=1)
    assert np.array_equal(pixels(saved), pixels(picture.png()))
    assert len(saved) < 150_000


@pytest.mark.parametrize(("name", "index", "parts"), READINGS)
def test_a_reading_is_true(name, index, parts):
    _, values = PICTURES[name]
    reading = used(name).update(**values[index]).reading
    for part in parts:
        assert part in reading, reading


def test_what_leaves_the_axis_is_marked_at_its_edge():
    picture = pictures.NormsByLayer(depth=3)
    inside = picture.update(norms={"measured": norms([1.0, 1, 1, 1])}).png()
    assert count(inside, RED) == 0
    for y in (NAN, INF, 1e19, 0.0, 1e-20, -INF):
        outside = picture.update(norms={"measured": norms([1.0, y, 1, 1])}).png()
        rows = np.flatnonzero((pixels(outside) == [213, 94, 0]).all(axis=2).any(axis=1))
        high = not y < 1
        assert len(rows) and (rows.mean() < 200) == high, y


def test_a_curve_moves_its_points_and_marks_the_others():
    class Plain(Picture):
        def build(self):
            self.curve = Curve(self, self.figure.add_subplot(ylim=(0, 10)))

    curve = Plain().curve
    curve.set([1, 2, 3, 4, 5, 6], [5, 10, 11, NAN, -1, 0])
    assert np.array_equal(curve.line.get_ydata(), [5, 10, NAN, NAN, NAN, 0], equal_nan=True)
    assert curve.above.get_data()[0].tolist() == [3, 4] and (curve.above.get_ydata() == 10).all()
    assert curve.below.get_data()[0].tolist() == [5] and (curve.below.get_ydata() == 0).all()
    curve.set([], [])
    assert len(curve.line.get_xdata()) == len(curve.above.get_xdata()) == 0


def test_vital_signs_of_a_network_without_hidden_layers():
    picture = pictures.VitalSigns(layers=1, steps=2)
    reading = picture.update(signs=signs([1], [1], [1], [0], 0.7), losses=[0.7]).reading
    assert reading == "After 1 steps the loss is 0.70."


def test_where_a_flight_was_steered_is_marked():
    picture, values = fresh("FlightInstruments", 0), PICTURES["FlightInstruments"][1][0]
    flight = replace(values["flight"], steered={"lr": {0: 0.1, 2: 0.2}, "p": {0: 0.0, 1: 0.1}})
    picture.update(flight=flight)
    assert list(picture.touches.get_xdata()) == [1, 2]


def test_of_earlier_flights_the_last_six_stay():
    picture, values = pictures.FlightInstruments(), PICTURES["FlightInstruments"][1][0]
    picture.update(flight=values["flight"], earlier=[values["flight"]] * 9)
    assert np.isnan(picture.earlier["activation"].get_xdata()).sum() == 6


def test_a_row_of_digits_wants_a_caption_for_each():
    with pytest.raises(ValueError, match="zip"):
        pictures.Digits(count=2).update(images=[DIGIT], captions=["one"])


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0"), (1, "1"), (0.12345, "0.123"), (-3.14159, "-3.14"), (99.95, "100"),
        (1234.5, "1,234"), (-12345.0, "-12,345"), (0.001, "0.001"), (0.00012, "1 × 10⁻⁴"),
        (2.5e7, "2 × 10⁷"), (3e-30, "3 × 10⁻³⁰"), (-2e10, "-2 × 10¹⁰"), (1e5, "1 × 10⁵"),
        (NAN, "not a number"), (INF, "∞"), (-INF, "−∞"),
    ],
)  # fmt: skip
def test_numbers_in_words(number, said):
    assert words(number) == said


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (0, "vanishing"), (0.009, "vanishing"), (0.01, "holding"), (1, "holding"),
        (100, "holding"), (101, "exploding"), (INF, "exploding"), (NAN, "exploding"),
    ],
)  # fmt: skip
def test_trends_in_words(ratio, said):
    assert trend(ratio) == said
