"""Every picture of the course: what it shows, that it redraws rightly, what it says.

A new picture wants an entry in PICTURES: how to make one, and values to show. The first two are
usual ones that differ in everything that the picture shows, the others extremes (nothing, NaN,
infinity, zero), the first of which is compared with a new picture.
"""

import base64
import io
from dataclasses import fields, is_dataclass, replace
from functools import cache, partial

import matplotlib
import numpy as np
import pytest
from matplotlib._pylab_helpers import Gcf
from PIL import Image

from course_utils.experiments import VitalSigns
from course_utils.experiments.comparison import Comparison
from course_utils.experiments.initialization import Scales
from course_utils.experiments.layer_norm import Norms
from course_utils.experiments.training import History
from course_utils.lab import figures
from course_utils.lab.canvas import PIXELS_PER_INCH, SHARPNESS, Picture
from course_utils.lab.colors import BLUE, GRAY, GREEN, RED
from course_utils.lab.pictures.parts import Curve, trend, words

pytestmark = pytest.mark.filterwarnings("error")

NAN, INF = np.nan, np.inf


@pytest.fixture(autouse=True)
def leaves_no_figure_with_pyplot():
    yield
    assert Gcf.get_all_fig_managers() == []


def signs(activation, gradient, ratio, dead, loss):
    rows = (np.array(row, dtype=float) for row in (activation, gradient, ratio, dead))
    return VitalSigns(*rows, loss)


def scales(forward, backward, layer=1, standardized=(-1.0, 0.0, 0.5)):
    forward, backward = np.array(forward), np.array(backward)
    return Scales(forward, 2 * forward, backward, backward / 2, layer, np.array(standardized))


def norms(forward, backward, theory=1.0):
    n = len(forward)
    return Norms(np.array(forward), np.full(n, theory), np.array(backward), np.full(n, theory / 2))


def moments(factor):
    """What ScalesInTraining shows of three networks of eight layers."""
    row, ones = np.linspace(1, 2, 8) * factor, np.ones(8)
    return {
        c: (signs(c * row, row, ones, ones, 1.0), (c + factor / 10) * ones) for c in (1.7, 2, 2.3)
    }


def comparison(a, b, colors=(BLUE, RED), diverged_at=None):
    runs = {"a": [History(run) for run in a], "b": [History(run) for run in b]}
    for run in runs["b"]:
        run.diverged_at = diverged_at
    return Comparison((3, 4), runs), dict(zip("ab", colors, strict=True))


POINTS = np.array([[0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]])
CLASSES = np.array([0, 1, 1])
DIGIT = np.linspace(0, 1, 784)
FACTORS = np.array([1e-4, 1e-2, 1.0])
ONE, TWO = np.eye(10)[3], np.eye(10)[7] / 2  # probabilities of ten classes
COUNT = np.arange(6.0).reshape(2, 3)
ROW = np.array([2.0, 3, 6])
FOUR = np.linspace(-1, 0.9, 8).reshape(4, 2)  # steps of a mean and a variance

PICTURES = {
    "NormsByLayer": (
        partial(figures.NormsByLayer, depth=3),
        [
            (np.array([28.0, 10, 9, 8]), np.array([28.0, 10, 10, 10])),
            (np.array([28.0, 3, 0.3, 0.03]), np.array([28.0, 3, 0.3, 0.03])),
            (np.array([28.0, 1e30, INF, NAN]), np.array([28.0, 1e9, INF, INF])),
            (np.array([28.0, 1e-30, 0, 0]), np.zeros(4)),
            (np.zeros(4), np.full(4, NAN)),
            (np.array([1.0, -INF, INF, 1]), np.ones(4)),
        ],
    ),
    "VitalSigns": (
        partial(figures.VitalSigns, layers=3, steps=4),
        [
            (signs([9, 8, 3], [1, 2, 3], [1e-3] * 3, [0, 0.5, 0], 1.5), [2.3, 2.0, 1.5]),
            (signs([9, 1, 3], [1, 9, 3], [1e-2] * 3, [0, 0.1, 0], 0.5), [2.3, 1.0]),
            (signs([INF, NAN, NAN], [NAN] * 3, [NAN] * 3, [NAN] * 3, NAN), [2.3, 1e30, NAN]),
            (signs([0, 0, 0], [0] * 3, [0] * 3, [1] * 3, 2.3), [2.3]),
            (signs([1e30, 1e300, 1], [1e-30] * 3, [INF] * 3, [1] * 3, INF), [INF]),
            (signs([1, 1, 1], [1] * 3, [1] * 3, [0] * 3, 2.3), []),
        ],
    ),
    "ScalesByLayer": (
        partial(figures.ScalesByLayer, depth=3),
        [
            scales([5.0, 4, 3, 2], [0.1, 0.2, 0.3, 0.4]),
            scales([5.0, 4, 4, 4], [0.4, 0.4, 0.4, 0.4], layer=2, standardized=[2.0, 3.0]),
            scales([5.0, INF, NAN, NAN], [NAN, NAN, INF, 1], standardized=[NAN, INF, -INF]),
            scales([0.0, 0, 0, 0], [0.0, 0, 0, 0], standardized=[0.0]),
        ],
    ),
    "ScalesInTraining": (
        partial(figures.ScalesInTraining, layers=8, scales=(1.7, 2, 2.3)),
        [
            (0.0, moments(1), moments(2)),
            (0.5, moments(2), moments(3)),
            (1.0, moments(1), moments(NAN)),
            (1.0, moments(0), moments(INF)),
        ],
    ),
    "Losses": (
        partial(figures.Losses, steps=4),
        [
            {"one": ([2.3, 2.0, 1.5], BLUE), "other": ([2.3, 2.2], RED)},
            {"one": ([2.3, 1.0, 0.5], GRAY), "other": ([2.3, 0.2], GREEN)},
            {"one": ([2.3, NAN], BLUE), "zero": ([0.0], RED), "far": ([1e30, INF], GRAY)},
        ],
    ),
    "LossBands": (
        partial(figures.LossBands, steps=4, window=2),
        [
            comparison(a=[[2.3, 2, 1, 1], [2, 2, 1, 0]], b=[[2, 2, 2, 2], [2, 1, 1, 1]]),
            comparison(a=[[2.3, 2, 2, 2]] * 2, b=[[1, 1, 1, 0]] * 2, colors=(GRAY, GREEN)),
            comparison(a=[[0, 0, 0, 0]] * 2, b=[[2, NAN], [9, INF]], diverged_at=1),
            comparison(a=[[1e30, 1e30, 1e9, 5]] * 2, b=[[0, 0, 0, 0]] * 2),
        ],
    ),
    "DecisionBoundary": (
        partial(figures.DecisionBoundary, steps=4),
        [
            (POINTS, CLASSES, np.linspace(0, 1, 100), [0.7, 0.6]),
            (POINTS / 2, 1 - CLASSES, np.linspace(1, 0, 100), [0.7, 0.5, 0.2]),
            (POINTS, CLASSES, np.full(100, NAN), [0.7, NAN]),
            (100 * POINTS, 0 * CLASSES, np.zeros(100), [1e30, INF]),
        ],
    ),
    "TrainingMap": (
        partial(figures.TrainingMap, steps=4),
        [
            (2.0, 30, [2.3, 2.2], None),
            (1.0, 5, [2.3], None),
            (3.0, 60, [2.3, 1e30, NAN], None),
            (3.0, 60, [0.0, INF], None),
        ],
    ),
    "NormalizedNorms": (
        partial(figures.NormalizedNorms, depth=3),
        [
            (norms([28.0, 9, 90, 900], [8.0, 4, 2, 1]), norms([28.0, 7, 7, 7], [8.0, 8, 2, 1])),
            (norms([28.0, 9, 9, 9], [4.0, 4, 2, 1]), norms([28.0, 3, 3, 3], [2.0, 2, 2, 1], 9.0)),
            (norms([28.0, 9, 8, 8], [1.0, 2, 2, 2]), None),
            (norms([28.0, INF, NAN, NAN], [NAN, 0, 0, 1]), norms([0.0] * 4, [INF] * 4, NAN)),
        ],
    ),
    "ScaledLayer": (
        figures.ScaledLayer,
        [
            (FACTORS, 0.5 * FACTORS, 0 * FACTORS, 0.1, 0.25, TWO, ONE),
            (2 * FACTORS, 0.9 * FACTORS, 0.2 * FACTORS, 1.0, 0.75, ONE, TWO),
            (FACTORS, NAN * FACTORS, INF * FACTORS, 1.0, NAN, np.full(10, NAN), np.full(10, INF)),
            (FACTORS, 0.5 * FACTORS, 0 * FACTORS, 1.0, 1e-9, ONE, ONE),
        ],
    ),
    "LossesByRate": (
        partial(figures.LossesByRate, {"a": (0.1, 10), "b": (0.1, 10)}, rates=(0.01, 1)),
        [
            {("a", "none"): {0.1: [2.0, 3.0], 0.5: [1.0, 1.5]}, ("b", "none"): {0.1: [0.5]}},
            {("a", "none"): {0.1: [2.5, 3.0], 0.5: [1.0, 4.0]}, ("b", "none"): {0.1: [0.9]}},
            {("a", "none"): {0.1: [2.0, NAN], 0.5: [NAN, INF]}, ("b", "none"): {0.1: [0.0]}},
            {("a", "none"): {0.1: [2.0, 3.0]}, ("a", "layer norm before"): {0.1: [4.0, 5.0]}},
        ],
    ),
    "RowsAndColumns": (
        partial(figures.RowsAndColumns, shape=(2, 3)),
        [
            ((COUNT, COUNT, COUNT), (COUNT + np.eye(2, 3), COUNT + [[1], [0]], COUNT + [1, 0, 0])),
            ((COUNT + 1, COUNT + 1, COUNT + 1), (COUNT + 2, COUNT + 3, COUNT + 4)),
            ((COUNT, COUNT, COUNT), (NAN * COUNT, 0 * COUNT, 0 * COUNT + INF)),
            ((COUNT, COUNT, COUNT), (COUNT, COUNT, COUNT)),
        ],
    ),
    "ScalesWithAndWithout": (
        partial(figures.ScalesWithAndWithout, depth=3),
        [
            {None: (COUNT[1], COUNT[1] / 9), "batch": (COUNT[1] + 1, COUNT[1] + 2)},
            {None: (COUNT[1] * 9, COUNT[1] / 8), "batch": (COUNT[1] + 3, COUNT[1] + 4)},
            {None: (NAN * COUNT[1], 0 * COUNT[1]), "batch": (INF * COUNT[1], NAN * COUNT[1])},
        ],
    ),
    "BatchMates": (
        partial(figures.BatchMates, shown=8),
        [
            (DIGIT, np.array([DIGIT, DIGIT]), ONE, TWO),
            (1 - DIGIT, np.array([1 - DIGIT] * 9), TWO, ONE),
            (NAN * DIGIT, np.zeros((1, 784)), np.full(10, NAN), np.zeros(10)),
        ],
    ),
    "RunningEstimates": (
        partial(figures.RunningEstimates, steps=4),
        [
            (FOUR, (np.array([2, 4]), FOUR[:2] + 0.3), FOUR + 0.1),
            (FOUR - 0.2, (np.array([1, 3]), FOUR[:2] + 0.5), FOUR + 0.2),
            (FOUR * INF, (np.array([2, 4]), FOUR[:2] * NAN), FOUR * 0),
        ],
    ),
    "DropoutNorms": (
        partial(figures.DropoutNorms, depth=2),
        [
            {"training": (ROW, ROW / 9, ROW + 1, ROW / 8), "evaluation": 4 * (ROW,)},
            {
                "training": (9 * ROW, ROW / 7, ROW + 2, ROW / 6),
                "evaluation": (ROW + 3, ROW + 4, ROW + 5, ROW + 6),
            },
            {"training": (NAN * ROW, INF * ROW, 0 * ROW, ROW), "evaluation": 4 * (0 * ROW,)},
        ],
    ),
    "MaskedUnit": (
        figures.MaskedUnit,
        [
            (np.array([-1.0, 0, 2, 3]), 1.0, 1.5),
            (np.array([-2.0, -2, 0, 1]), -1.0, 2.5),
            (np.array([NAN, INF, -INF, 1e9]), NAN, INF),
            (np.full(4, 2.0), 2.0, 0.0),
        ],
    ),
    "TrainingUnderDropout": (
        partial(figures.TrainingUnderDropout, slices=4, steps=10),
        [
            ([(0.0, 2.3, 2.2, 0.5), (0.5, 1.3, 1.2, 0.3)], True),
            ([(0.5, 1.3, 1.2, 0.3)], False),
            (5 * [(0.9, NAN, INF, 1.0)], True),
            (5 * [(0.2, 0.0, 1e30, 0.0)], False),
        ],
    ),
    "CriticalMap": (
        partial(figures.CriticalMap, [1, 2], [0, 0.4, 0.8], depth=2),
        [
            (10 ** (COUNT - 3), 2.0, 0.5, ROW, ROW + 1, ROW + 2),
            (10 ** (3 - COUNT), 1.0, 0.1, ROW * 9, ROW + 3, ROW + 4),
            (NAN * COUNT, 1.0, 0.2, NAN * ROW, INF * ROW, 0 * ROW),
            (0 * COUNT, 4.0, 0.8, 1e30 * ROW, 0 * ROW, ROW),
        ],
    ),
    "SpreadLines": (
        partial(figures.SpreadLines, [1, 10, 100], (0, 6), "examples", "error"),
        [
            {"a": (COUNT, BLUE), "b": (COUNT[:1] + 2, RED)},
            {"a": (COUNT / 2, GRAY), "b": (COUNT[:1] + 1, GREEN)},
            {"a": (COUNT * NAN, BLUE), "b": (COUNT[:1] + INF, RED), "c": (0 * COUNT, GRAY)},
        ],
    ),
    "DotsBySide": (
        partial(figures.DotsBySide, ("a", "b"), (0, 1), "error"),
        [
            {"a": ([0.1, 0.2, 0.4], BLUE), "b": ([0.5], RED)},
            {"a": ([0.2, 0.3, 0.5], GRAY), "b": ([0.7], GREEN)},
            {"a": ([NAN, 0.2, INF], BLUE), "b": ([0.0], RED)},
        ],
    ),
    "ErrorPaths": (
        partial(figures.ErrorPaths, 4, "error"),
        [
            {"a": ([([0, 2], [0.9, 0.5]), ([0, 2], [0.8, 0.0])], BLUE), "b": ([([0], [1])], RED)},
            {"a": ([([0, 4], [0.7, 0.5]), ([0, 4], [0.6, 0.2])], GRAY), "b": ([([3], [0])], GREEN)},
            {"a": ([([0, 2], [NAN, INF])], BLUE), "b": ([([0, 4], [-INF, 2])], RED)},
        ],
    ),
    "FeatureFit": (
        partial(figures.FeatureFit, (2, 10, 100), (-1, 0, 1), (0, 1, 0)),
        [
            (
                POINTS[:, 0],
                POINTS[:, 1],
                FACTORS,
                10,
                (0.1, 0.2, 5.0),
                COUNT.reshape(3, 2)[:, [0, 1, 1]],
            ),
            (POINTS[:, 0] / 2, POINTS[:, 1] - 1, -FACTORS, 20, (1.0, 0.0, 9.0), np.ones((3, 3))),
            (
                POINTS[:, 0],
                9 * POINTS[:, 1],
                FACTORS * NAN,
                2,
                (NAN, NAN, INF),
                NAN * np.ones((3, 3)),
            ),
            (POINTS[:2, 0], POINTS[:2, 1], 9 + FACTORS, 100, (INF, 0.0, 0.0), np.zeros((3, 3))),
        ],
    ),
    "FunctionFound": (
        partial(figures.FunctionFound, 4, (-1, 0, 1), (0, 1), (1, 0)),
        [
            (FACTORS, np.array([0.0, 1, 0]), [2.0, 1.0], 0.5),
            (-FACTORS, np.array([1.0, 0, 1]), [9.0, 5.0], 0.1),
            (FACTORS * INF, FACTORS * NAN, [2.0, NAN], NAN),
            (9 + FACTORS, 9 - FACTORS, [0.0], INF),
        ],
    ),
    "DecayedFit": (
        partial(figures.DecayedFit, steps=4),
        [
            (POINTS[:, :1], POINTS[:, 1:], np.zeros(241), [0, 2], [2.0, 1.0]),
            (POINTS[:, :1] / 2, POINTS[:, 1:] - 1, np.ones(241), [0, 4], [9.0, 8.0]),
            (POINTS[:, :1], POINTS[:, 1:] + INF, np.full(241, NAN), [0, 2], [NAN, INF]),
            (POINTS[:, :1], 9 * POINTS[:, 1:], np.full(241, 9.0), [0], [0.0]),
        ],
    ),
    "NormPaths": (
        partial(figures.NormPaths, 4, (0, 6)),
        [
            {"a": (COUNT, BLUE), "b": (COUNT[:1] + 2, RED)},
            {"a": (COUNT / 2, GRAY), "b": (COUNT[:1] + 1, GREEN)},
            {"a": (COUNT * NAN, BLUE), "b": (COUNT[:1] + INF, RED), "c": (0 * COUNT, GRAY)},
        ],
    ),
    "NormsAndErrors": (
        partial(figures.NormsAndErrors, (0, 1, 2), "setting", (6, 6)),
        [
            {"a": (COUNT, COUNT / 2, BLUE), "b": (COUNT[:1] + 2, COUNT, RED)},
            {"a": (COUNT / 2, COUNT, GRAY), "b": (COUNT[:1] + 1, COUNT / 3, GREEN)},
            {"a": (COUNT * NAN, 0 * COUNT, BLUE), "b": (0 * COUNT, COUNT + INF, RED)},
        ],
    ),
    "NormAgainstError": (
        partial(figures.NormAgainstError, steps=4),
        [
            ("λ = 0", 0.0, [0, 2], [20.0, 21.0], None),
            ("λ = 1", 0.3, [0, 4], [30.0, 31.0], None),
            ("λ = 9", 0.6, [0, 4], [30.0, NAN], 0.9),
            ("λ = 9", 0.6, [0, 4], [30.0, NAN], NAN),
        ],
    ),
    "MatrixProduct": (
        partial(figures.MatrixProduct, largest=3),
        [
            ("AB", ("A", np.eye(2, 3)), ("B", np.arange(6.0).reshape(3, 2)), 1, 2),
            ("CD", ("C", np.ones((2, 3))), ("D", np.ones((3, 2))), 2, 1),
            ("AB", ("A", np.full((1, 3), NAN)), ("B", np.full((3, 1), INF)), 1, 1),
            ("AB", ("A", np.zeros((3, 3))), ("B", np.zeros((3, 3))), 9, 9),
            ("AB", ("A", np.full((3, 1), 1e300)), ("B", np.full((1, 3), -1e300)), 3, 1),
        ],
    ),
    "Digits": (
        partial(figures.Digits, count=2),
        [
            ([DIGIT, 1 - DIGIT], ["7, not 1", "0, not 6"]),
            ([1 - DIGIT, DIGIT], ["1", "2"]),
            (np.full((2, 784), NAN), ["", ""]),
            (np.full((2, 784), INF), ["∞", "x"]),
            (np.zeros((2, 784)), ["0", "0"]),
        ],
    ),
}
EACH = pytest.mark.parametrize("name", PICTURES)


@cache
def fresh(name, index):
    """A new picture that has shown nothing but these values."""
    make, values = PICTURES[name]
    return make().update(values[index])


OTHER_STYLE = {
    "font.size": 20, "lines.linewidth": 9, "legend.frameon": True, "figure.facecolor": "black",
    "axes.edgecolor": "red", "xtick.color": "red", "ytick.labelsize": 20, "grid.color": "red",
}  # fmt: skip


@cache
def used(name):
    """A picture that has shown other values before, made where the student set another style."""
    make, values = PICTURES[name]
    with matplotlib.rc_context(OTHER_STYLE):
        picture = make().update(values[1])
        picture.png()
        return picture


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def count(png, color):
    """Pixels of exactly this color."""
    rgb = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return (pixels(png) == rgb).all(axis=2).sum()


def test_every_picture_is_tested_here():
    """A new picture wants an entry in PICTURES."""
    kinds = (getattr(figures, name) for name in figures.__all__)
    names = {kind.__name__ for kind in kinds if isinstance(kind, type)}
    assert names == PICTURES.keys()


@EACH
def test_a_redrawn_picture_is_that_of_a_new_one(name):
    """Pixel by pixel, whatever it showed before, and with whatever style the notebook has."""
    _, values = PICTURES[name]
    picture = used(name)
    with matplotlib.rc_context(OTHER_STYLE):
        for value in reversed(values):
            png = picture.update(value).png()
        again = picture.update(values[0]).png()
        extreme = picture.update(values[2]).png()
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


SAID_ONLY = {  # how many parts stand in the reading alone
    "FeatureFit": 1,  # whether the examples are fit exactly
    "FunctionFound": 1,  # how far the weights went
    "VitalSigns": 1,  # the last loss, which the curve of losses shows
    "ScalesInTraining": 1,  # how far training has come
    "TrainingUnderDropout": 1,  # whether it goes on
    "TrainingMap": 2,  # c and depth of a run that is not over
    "NormAgainstError": 1,  # what was chosen for a run that is not over
}


@EACH
def test_everything_that_a_picture_is_given_can_be_seen(name):
    """A change of any part changes the picture, or at least what it says."""
    _, (usual, other, *_) = PICTURES[name]
    picture = used(name).update(usual)
    png, reading = picture.png(), picture.reading
    said_only = 0
    for number, values in enumerate(mixtures(usual, other)):
        if picture.update(values).png() == png:
            assert picture.reading != reading, f"part {number}"
            said_only += 1
    assert said_only == SAID_ONLY.get(name, 0)


@EACH
def test_a_picture_says_what_it_shows_in_one_line(name):
    _, values = PICTURES[name]
    readings = [used(name).update(value).reading for value in values]
    assert readings[0] != readings[1]
    assert all(isinstance(reading, str) and "\n" not in reading for reading in readings)


@EACH
def test_a_picture_is_a_png_of_the_page_width(name):
    picture = fresh(name, 0)
    data, metadata = picture._repr_mimebundle_()
    assert data.keys() == {"text/plain", "image/png"}
    assert data["text/plain"] == repr(picture) == f"<picture: {name}>"
    assert metadata == {"image/png": {"width": picture.width}}
    assert picture.width == round(100 * picture.size[0]) <= 860  # the page's column
    saved = base64.b64decode(data["image/png"])
    image = Image.open(io.BytesIO(saved))
    assert (image.format, image.mode, image.info) == ("PNG", "RGB", {})  # no version, no time
    dots = PIXELS_PER_INCH * SHARPNESS
    assert image.size == pytest.approx([dots * side for side in picture.size], abs=1)
    assert np.array_equal(pixels(saved), pixels(picture.png()))
    assert len(saved) < 150_000


READINGS = [  # a picture, the index of its values, and what must be said of them
    ("ErrorPaths", 0, ["a: 0.25 after 2 steps", "b: 1 after 0 steps"]),
    ("FeatureFit", 0, ["10 features for 3 examples", "not all fit", "error is 0.1", "weights 5"]),
    ("FeatureFit", 3, ["100 features for 2 examples: every example is fit", "error is ∞"]),
    ("FunctionFound", 0, ["After 2 steps the loss is 1", "0.5 times", "changes by 2 in all"]),
    ("FunctionFound", 2, ["the loss is not a number"]),
    ("DecayedFit", 0, ["After 2 steps", "off the data by 0.577", "truth by 0.707", "norm is 1"]),
    ("DecayedFit", 2, ["off the data by not a number", "∞"]),
    ("NormPaths", 0, ["a: 1.5 to 3.5", "b: 2 to 4"]),
    ("NormsAndErrors", 0, ["a: error 0.75 to 1.75", "b: error 1.5 to 3.5"]),
    ("NormAgainstError", 0, ["λ = 0: norm 21 after 2 steps"]),
    ("NormAgainstError", 2, ["λ = 9: norm not a number, test error 0.9"]),
    ("NormsByLayer", 0, ["layer 3", "8", "holding"]),
    ("NormsByLayer", 1, ["layer 3", "0.03", "0.01", "holding"]),
    ("NormsByLayer", 2, ["not a number", "exploding"]),
    ("NormsByLayer", 3, ["to 0", "vanishing"]),
    ("VitalSigns", 0, ["3 steps", "1.5", "from 9 to 8", "holding"]),
    ("VitalSigns", 2, ["not a number after 2 steps"]),
    ("VitalSigns", 3, ["from 0 to 0", "no signal"]),
    ("VitalSigns", 5, ["0 steps", "2.3"]),
    ("ScalesByLayer", 0, ["layer 1 to layer 3", "0.5: holding", "0.25: holding"]),
    ("ScalesByLayer", 2, ["not a number: exploding"]),
    ("ScalesInTraining", 1, ["50%", "8.4 at c = 1.7", "9.9 at c = 2", "11.3 at c = 2.3"]),
    ("Losses", 0, ["one: 1.5", "other: 2.2"]),
    ("Losses", 2, ["one: not a number", "zero: 0", "far: ∞"]),
    ("LossBands", 0, ["a: 0.50 to 1.00", "b: 1.00 to 2.00"]),
    ("LossBands", 2, ["a: 0.00 to 0.00", "b: not a number after 1"]),
    ("DecisionBoundary", 0, ["2 steps", "0.60"]),
    ("DecisionBoundary", 2, ["1 steps", "not a number"]),
    ("TrainingMap", 0, ["c = 2, depth 30", "2 steps", "2.2"]),
    ("RowsAndColumns", 0, ["3 numbers have moved", "2"]),
    ("RowsAndColumns", 3, ["nothing has moved"]),
    ("ScalesWithAndWithout", 0, ["layer 2", "1.25 without", "1.2 with", "0.714"]),
    ("ScalesWithAndWithout", 2, ["not a number"]),
    ("BatchMates", 0, ["training mode the network says 3 (100%", "evaluation mode 7 (50%"]),
    ("RunningEstimates", 0, ["0.89 in the mean", "0.89 in the variance"]),
    ("DropoutNorms", 0, ["In layer 2", "2 in training (theory: 1.75)", "2 in evaluation"]),
    ("DropoutNorms", 1, ["6 times as long in training as in evaluation"]),
    ("DropoutNorms", 2, ["not a number in training"]),
    ("MaskedUnit", 0, ["mean 1.00, 1.00 without", "variance 2.5, predicted 2.25"]),
    ("MaskedUnit", 3, ["the value is 2 every time"]),
    ("TrainingUnderDropout", 0, ["p = 0.5, 20 steps", "loss 1.30", "test error 0.30"]),
    ("TrainingUnderDropout", 3, ["A pause", "p = 0.2", "80% of the hidden units"]),
    ("CriticalMap", 0, ["c = 2, p = 0.5", "c = 1.", "2 in training: holding", "1.75 in eval"]),
    ("CriticalMap", 2, ["not a number in training: exploding"]),
    ("SpreadLines", 0, ["a: 1.5 to 3.5", "b: 2 to 4"]),
    ("DotsBySide", 0, ["a: 0.2", "b: 0.5"]),
    ("MatrixProduct", 0, ["Row 1 of A meets column 2 of B", "(1.0", "(5.0"]),
    ("MatrixProduct", 3, ["No entry in row 9, column 9", "3 × 3"]),
    ("NormalizedNorms", 0, ["layer 1 to layer 3", "from 7 to 7: holding", "factor of 8: holding"]),
    ("NormalizedNorms", 2, ["from 9 to 8: holding", "factor of 1: holding"]),
    ("ScaledLayer", 0, ["Times 0.1", "0.25 of the probability", "read as 3"]),
    ("ScaledLayer", 3, ["Times 1", "nothing has", "read as 3"]),
    ("LossesByRate", 0, ["a, none: best at 0.5, median loss 1.25", "b, none: best at 0.1"]),
    ("LossesByRate", 2, ["a, none: best at 0.1, median loss ∞"]),
    ("Digits", 0, ["7, not 1", "0, not 6"]),
]


@pytest.mark.parametrize(("name", "index", "parts"), READINGS)
def test_a_reading_is_true(name, index, parts):
    _, values = PICTURES[name]
    reading = used(name).update(values[index]).reading
    for part in parts:
        assert part in reading, reading


def test_what_leaves_the_axis_is_marked_at_its_edge():
    picture = figures.NormsByLayer(depth=3)
    theory = np.ones(4)
    inside = picture.update((np.array([1.0, 1, 1, 1]), theory)).png()
    assert count(inside, RED) == 0
    for y in (NAN, INF, 1e9, 0.0, 1e-10, -INF):
        outside = picture.update((np.array([1.0, y, 1, 1]), theory)).png()
        rows = np.flatnonzero((pixels(outside) == [213, 94, 0]).all(axis=2).any(axis=1))
        high = not y < 1
        assert len(rows) and (rows.mean() < 100) == high, y


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


def test_the_axes_keep_their_places():
    """What lays them out would move them a little each time."""
    picture = used("DecisionBoundary")
    before = picture.png()
    picture.redraw_background()
    assert picture.png() == before


def test_only_what_moves_is_drawn_again():
    picture = figures.NormsByLayer(depth=3)
    values = PICTURES["NormsByLayer"][1]
    picture.update(values[0]).png()
    draws = []
    draw = picture.figure.canvas.draw
    picture.figure.canvas.draw = lambda: draws.append(1) or draw()
    for value in values:
        picture.update(value).png()
    assert draws == []
    picture.redraw_background()
    picture.png(), picture.png()
    assert draws == [1]


def test_vital_signs_of_a_network_without_hidden_layers():
    picture = figures.VitalSigns(layers=1, steps=2)
    reading = picture.update((signs([1], [1], [1], [0], 0.7), [0.7])).reading
    assert reading == "After 1 steps the loss is 0.70."


def test_the_training_map_remembers_finished_runs():
    picture = figures.TrainingMap(steps=4)
    unfinished = picture.update((2.0, 30, [2.3], None)).png()
    learned = picture.update((2.0, 30, [2.3], "learning")).png()
    assert picture.update((2.0, 30, [2.3], "learning")).png() == learned != unfinished
    assert picture.reading == "c = 2, depth 30: learning after 1 steps."
    assert picture.update((2.0, 30, [2.3], None)).png() == learned  # the mark stays
    assert count(learned, GREEN) > count(unfinished, GREEN)
    picture.update((3.0, 60, [2.3, NAN], "not a number"))
    assert picture.reading == "c = 3, depth 60: not a number after 1 steps."


def test_the_microscope_frames_the_numbers_that_meet():
    make, values = PICTURES["MatrixProduct"]
    picture = make().update(values[0])  # row 1, column 2 of (2 × 3)(3 × 2)
    frames = [[sorted({*data}) for data in frame.get_data()] for *_, frame in picture.panels]
    assert frames == [
        [[-0.5, 2.5], [-0.5, 0.5]],  # the row of A
        [[0.5, 1.5], [-0.5, 2.5]],  # the column of B
        [[0.5, 1.5], [-0.5, 0.5]],  # one entry of A B
    ]
    _, title, numbers, _ = picture.panels[2]
    assert title.get_text() == "AB   (2 × 2)"
    shown = [float(text.get_text()) for text in numbers.ravel() if text.get_visible()]
    assert shown == [0, 1, 2, 3]


def test_a_row_of_digits_wants_a_caption_for_each():
    with pytest.raises(ValueError, match="zip"):
        figures.Digits(count=2).update(([DIGIT], ["one"]))


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
