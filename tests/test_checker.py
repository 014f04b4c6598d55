"""Exercises: references, known mistakes, what is said of a wrong answer."""

import re
from itertools import combinations, pairwise

import numpy as np
import pytest

from course_utils import lessons
from course_utils.lab.checker import examine
from course_utils.lab.trial import changed
from course_utils.lab.wording import difference, show
from course_utils.nn import Layer

pytestmark = pytest.mark.filterwarnings("error")

LESSONS = lessons.all_exercises()
EXERCISES = {exercise.name: exercise for found in LESSONS.values() for exercise in found}
REFERENCE = {name: exercise.reference for name, exercise in EXERCISES.items()}
each_exercise = pytest.mark.parametrize("name", EXERCISES)
each_mistake = pytest.mark.parametrize(
    ("name", "number"),
    [(name, number) for name, e in EXERCISES.items() for number in range(len(e.mistakes))],
)


def verdict(name, function):
    return examine(EXERCISES[name], function)


def test_no_two_exercises_have_one_name():
    assert len(EXERCISES) == sum(map(len, LESSONS.values()))


@each_exercise
def test_the_reference_passes(name):
    found = verdict(name, EXERCISES[name].reference)
    assert found.right is True and not found.example


@each_mistake
def test_a_known_mistake_is_named(name, number):
    mistake = EXERCISES[name].mistakes[number]
    found = verdict(name, mistake.function)
    assert found.right is False
    assert found.words == mistake.words


@each_exercise
def test_the_cases_separate_every_pair_of_known_mistakes(name):
    exercise = EXERCISES[name]
    cases = list(exercise.cases(np.random.default_rng(0)))
    results = [(m.words, exercise.results(m.function, cases)) for m in exercise.mistakes]
    for (words, one), (others, other) in combinations(results, 2):
        if words == others or any(isinstance(r, Exception) for r in [*one, *other]):
            continue
        assert any(map(exercise.difference, one, other)), (words, others)


@each_exercise
def test_there_are_several_mistakes_and_hints(name):
    exercise = EXERCISES[name]
    assert len({mistake.words for mistake in exercise.mistakes}) >= 3
    assert 2 <= len(exercise.hints) <= 3


@each_exercise
def test_an_unattempted_exercise_is_no_error(name):
    def stub(*arguments):
        """What it does."""

    for nothing in (stub, lambda *arguments: None, lambda *arguments: ...):
        found = verdict(name, nothing)
        assert found.right is None
        assert "Complete it" in found.words


@each_exercise
@pytest.mark.parametrize("result", ["?", 0.123, np.full((9, 9), 0.5), (), [[1, 2], [3]], {}, set])
def test_every_unforeseen_answer_gets_an_example(name, result):
    found = verdict(name, lambda *arguments: result)
    assert found.right is False
    assert found.words.startswith("Wrong on ")
    for line in (*EXERCISES[name].arguments, "your result", "right result"):
        assert re.search(rf"^{line} += ", found.example, re.MULTILINE)
    assert len(found.example) < 1500


def test_an_unforeseen_answer_is_told_which_entry_differs_by_how_much_on_what():
    def nearly(grad_y, y):
        right = grad_y * (1 - y**2)
        right[0, 1] += 0.25
        return right

    found = verdict("tanh_backward", nearly)
    assert "Wrong on 3 of 3 inputs." in found.words
    assert "1 of 6 entries differ; entry [0, 1] of the result is 0.20476" in found.words
    assert "should be -0.04524, 0.25 too large." in found.words
    assert found.example.splitlines() == [
        "grad_y       = [[ 0.1, -0.1,  0.6],",
        "                [ 0.1, -0.5,  0.4]]",
        "y            = [[ 0.86,  0.74, -0.61],",
        "                [-0.85, -0.55,  0.04]]",
        "your result  = [[ 0.026 ,  0.2048,  0.3767],",
        "                [ 0.0278, -0.3488,  0.3994]]",
        "right result = [[ 0.026 , -0.0452,  0.3767],",
        "                [ 0.0278, -0.3488,  0.3994]]",
    ]


def test_an_answer_that_is_right_at_times_is_wrong():
    def at_times(c, depth):
        return REFERENCE["expected_ratio"](c, depth) + (depth == 5)

    found = verdict("expected_ratio", at_times)
    assert "Wrong on 1 of 5 inputs." in found.words and "1 too large" in found.words
    assert re.search("^depth +=  ?5$", found.example, re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "function", "words"),
    [
        ("tanh_backward", lambda g, y: (g * y).sum(axis=0), "array of shape (3,), where an array"),
        ("tanh_backward", lambda g, y: 0 * g / 0, "is nan and should be 0.02604 (not a number"),
        ("tanh_backward", lambda g, y: abs(g) / 0, "is inf and should be 0.02604 (more than"),
        ("tanh_backward", lambda g, y: 3 * g * (1 - y**2), "On every input, it is 3 times what it"),
        ("tanh_backward", lambda g, y: g > 0, "is an array of shape (2, 3) of bool, where"),
        ("count_parameters", lambda widths: True, "is a bool, where a number is expected"),
        ("count_parameters", lambda widths: [184], "is a list of length 1, where a number is"),
        (
            "count_parameters",
            lambda widths: 1 if widths[3:] else None,
            "is nothing (is there a `ret",
        ),
        ("momentum_step", lambda p, g, v, lr, m: p - g, "array of shape (3,), where a tuple of"),
        (
            "momentum_step",
            lambda p, g, v, lr, m: (p - lr * (m * v + g), g + 1),
            "of `new_velocity` is",
        ),
        ("weight_shapes", lambda widths: pairwise(widths), "is a pairwise, where a list of"),
        ("find_bug", lambda network, x: 7, "is 7 and should be '2.b'"),
        ("find_c", lambda norm_ratio: 1 + 2j, "is 1+2j and should be"),
    ],
)
def test_wrong_shapes_kinds_and_numbers_are_explained(name, function, words):
    found = verdict(name, function)
    assert found.right is False
    assert found.words.startswith("Wrong on ") and words in found.words


def uses_a_library(grad_y, y):
    return np.linalg.inv(grad_y)


def misspells(grad_y, y):
    return grad * y  # noqa: F821


def takes_one(grad_y):
    return grad_y


@pytest.mark.parametrize(
    ("function", "error", "place"),
    [
        (uses_a_library, "LinAlgError: Last 2", ", `return np.linalg.inv(grad_y)`, on the input"),
        (misspells, "NameError: name 'grad' is not defined` in line", "on the input below."),
        (takes_one, "TypeError: takes_one() takes 1", "It is called as `tanh_backward(grad_y, y)`"),
        (np.linalg.inv, "TypeError: ", "It is called as `tanh_backward(grad_y, y)`."),
    ],
)
def test_an_exception_is_explained(function, error, place):
    found = verdict("tanh_backward", function)
    assert found.right is False
    assert found.words.startswith(f"It stopped with `{error}") and place in found.words
    assert found.example.splitlines()[0] == "grad_y = [[ 0.1, -0.1,  0.6],"


class Alone(Layer):
    def __init__(self, p, rng=None):
        self.p = p

    def forward(self, x):
        return x if self.training else x + 1


class Misspelled(Layer):
    def __init__(self, p, rng=None):
        super().__init__()

    def forward(self, x):
        return self.maks * x


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Alone, "does not call `super().__init__`, which sets what every `Layer` has."),
        (Misspelled, "no attribute 'maks'` in line"),
    ],
)
def test_what_a_class_lacks_is_explained(answer, words):
    assert words in verdict("Dropout", answer).words


def test_a_class_is_not_said_to_be_called_with_what_a_case_holds():
    words = verdict("BatchNorm", type("BatchNorm", (Layer,), {"forward": lambda self, x: x})).words
    assert "where `BatchNorm` was used" in words and "is called as" not in words


def test_code_without_a_source_can_stop_too():
    scope = {}
    exec("def tanh_backward(grad_y, y):\n    return 1 / 0", scope)  # noqa: S102
    found = verdict("tanh_backward", scope["tanh_backward"])
    assert found.words == (
        "It stopped with `ZeroDivisionError: division by zero` in line 2 on the input below."
    )


def test_an_interrupt_is_not_swallowed():
    def interrupted(grad_y, y):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verdict("tanh_backward", interrupted)


def test_changing_an_argument_is_told():
    def in_place(grad_y, y):
        grad_y *= 1 - y**2
        return grad_y

    def pops(widths):
        shapes = list(pairwise(widths))
        widths.pop()
        return shapes

    for name, function, argument in [
        ("tanh_backward", in_place, "grad_y"),
        ("weight_shapes", pops, "widths"),
    ]:
        found = verdict(name, function)
        assert found.right is False
        assert f"The result is right, but the function has changed its argument `{argument}`" in (
            found.words
        )


def test_an_argument_that_is_a_mask_is_compared():
    mask = np.array([True, False])
    assert changed(["mask"], [mask], [mask.copy()]) == []
    assert changed(["mask"], [mask], [~mask]) == ["mask"]


def test_changing_an_argument_does_not_hide_a_mistake_or_a_missing_return():
    def wrong_in_place(grad_y, y):
        grad_y *= 1 - y
        return grad_y

    def returns_nothing(grad_y, y):
        grad_y *= 1 - y**2

    found = verdict("tanh_backward", wrong_in_place)
    assert found.words == EXERCISES["tanh_backward"].mistakes[0].words
    found = verdict("tanh_backward", returns_nothing)
    assert found.right is False and "the result is nothing" in found.words


@pytest.mark.parametrize(
    ("way", "name", "function"),
    [
        (
            "lists for tuples",
            "weight_shapes",
            lambda widths: [list(pair) for pair in pairwise(widths)],
        ),
        (
            "a tuple of NumPy's integers",
            "weight_shapes",
            lambda widths: tuple(pairwise(np.array(widths))),
        ),
        (
            "a float",
            "count_parameters",
            lambda widths: float(REFERENCE["count_parameters"](widths)),
        ),
        ("a power of the root", "expected_ratio", lambda c, depth: np.sqrt(c / 2) ** depth),
        (
            "lists for an array",
            "tanh_backward",
            lambda g, y: [[*row] for row in g * (1 - y) * (1 + y)],
        ),
        ("float32", "tanh_backward", lambda g, y: (g * (1 - y**2)).astype(np.float32)),
        (
            "a list for a tuple",
            "momentum_step",
            lambda p, g, v, lr, m: [p - lr * m * v - lr * g, g + v * m],
        ),
        ("nearly", "find_c", lambda norm_ratio: norm_ratio.root + 1e-6),
        (
            "a NumPy string",
            "find_bug",
            lambda network, x: np.str_(REFERENCE["find_bug"](network, x)),
        ),
    ],
)
def test_another_way_to_the_same_values_is_right(way, name, function):
    assert verdict(name, function).right is True


@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
def test_a_difference_counts_relative_to_the_largest_entry(size):
    right = size * np.array([1.0, 0.0, -2.0])
    assert difference(right, right + 1e-6 * size) is None
    assert "entry [1]" in difference(right, right + size * np.array([0, 1e-5, 0]))


def test_a_mistake_may_make_nan_and_infinity():
    wrong = np.array([np.nan, np.inf, 1.0])
    assert difference(wrong, wrong) is None
    assert difference(wrong, wrong + [0, 0, 1e-3])


def test_values_are_shown_in_short():
    assert show(np.float64(1) / 3) == "0.333333"
    assert show((np.array(2), 1234567, [np.float32(0.5)])) == "(2, 1234567, [0.5])"
    for long in (np.zeros(1000), [0.5] * 1000, "a" * 1000):
        assert len(show(long)) < 310
