"""What an exercise or a blank shows, and what the notebook goes on with."""

import inspect
import re
import runpy
from functools import partial

import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances as open_widgets

from course_utils import lessons
from course_utils.lab import exercise as panels
from course_utils.lab.checker import Exercise, Mistake, examine
from course_utils.lab.exercise import solution
from course_utils.nn import numerical_gradient

pytestmark = pytest.mark.filterwarnings("error")

LESSONS = lessons.all_exercises()
EXERCISES = {exercise.name: exercise for found in LESSONS.values() for exercise in found}
REFERENCE = {name: exercise.reference for name, exercise in EXERCISES.items()}
LESSON = {exercise.name: lesson for lesson, found in LESSONS.items() for exercise in found}
each_exercise = pytest.mark.parametrize("name", EXERCISES)
each_but_blanks = pytest.mark.parametrize("name", [n for n, e in EXERCISES.items() if not e.blank])
with_solutions = pytest.mark.skipif(
    not panels.SOLUTIONS.is_dir(), reason="this copy of the course comes without solutions"
)


shown = []  # the panels


@pytest.fixture(autouse=True)
def fresh_session(monkeypatch):
    monkeypatch.setattr(panels, "_hints_seen", {})
    monkeypatch.setattr(panels, "_last_verdicts", {})
    monkeypatch.setattr(panels, "display", shown.append)
    before = set(open_widgets)
    yield
    for widget in [open_widgets[key] for key in set(open_widgets) - before]:
        widget.close()


def check(function):
    """As in the notebook whose exercise has the function's name; returns the panel shown."""
    lessons.part(LESSON[function.__name__], "exercises").check(function)
    return shown.pop()


def named(name, function):
    """The function under the name of an exercise, as a student writes it."""
    function.__name__ = name
    return function


# The panel


def plain(widget):
    return " ".join(re.sub("<[^>]*>", " ", widget.value).split())


def parts(panel):
    """The panel's texts (verdict, hints, code) and buttons (hint, solution)."""
    _, words, buttons, hints, code = panel.children
    return (words, hints, code), buttons.children


@each_exercise
def test_hints_come_in_steps(name):
    panel = check(EXERCISES[name].reference)
    (_, hints, _), (hint, _) = parts(panel)
    assert hints.value == ""
    steps = EXERCISES[name].hints
    for number in range(1, len(steps) + 1):
        assert hint.description == f"Hint {number} of {len(steps)}" and not hint.disabled
        hint.click()
        assert hints.value.count("<li>") == number
    assert hint.disabled
    (_, hints, _), (hint, _) = parts(check(EXERCISES[name].reference))
    assert hints.value.count("<li>") == len(steps) and hint.disabled


def test_a_panel_says_the_verdict():
    for function, words in [
        (lambda grad_y, y: ..., "Not attempted yet. The function returns nothing"),
        (lambda grad_y, y: grad_y * (1 - y**2), "Right. The values agree on all"),
        (lambda grad_y, y: grad_y * (1 - y), "Not yet. The square is missing"),
        (lambda grad_y, y: y, "Not yet. Wrong on 3 of 3 inputs."),
    ]:
        (verdict_shown, hints, code), _ = parts(check(named("tanh_backward", function)))
        assert plain(verdict_shown).startswith(words)
        assert hints.value == code.value == ""
    assert "right result = [[" in verdict_shown.value


@with_solutions
@each_exercise
def test_a_solution_is_shown_on_demand_and_hidden_again(name):
    panel = check(EXERCISES[name].reference)
    (_, _, code), (_, button) = parts(panel)
    assert code.value == ""
    button.click()
    assert re.search(rf"(def|class) {name}\b", code.value) and button.description == "Hide solution"
    button.click()
    assert code.value == "" and button.description == "Solution"


@with_solutions
@each_but_blanks
def test_the_solution_as_shown_passes_and_explains(name, tmp_path):
    text = solution(LESSON[name], EXERCISES[name])
    assert "    # " in text or text == inspect.getsource(EXERCISES[name].reference).rstrip()
    cell = tmp_path / "cell.py"
    cell.write_text(text, "utf-8")
    notebook = {"np": np, "numerical_gradient": numerical_gradient}
    function = runpy.run_path(cell, notebook)[name]
    assert examine(EXERCISES[name], function).right is True


@with_solutions
def test_there_is_one_file_of_solutions_for_each_lesson():
    assert {path.stem for path in panels.SOLUTIONS.glob("*.py")} == set(LESSONS)
    for stem, exercises in LESSONS.items():
        text = (panels.SOLUTIONS / f"{stem}.py").read_text("utf-8")
        written = re.findall(r"^def (\w+)", text, re.MULTILINE)
        assert written == [each.name for each in exercises if each.name in written]


def test_an_exercise_without_a_worked_solution_shows_its_reference(monkeypatch, tmp_path):
    """So that one more exercise takes one file, the lesson's exercises.py."""
    monkeypatch.setattr(panels, "SOLUTIONS", tmp_path)
    (tmp_path / "lesson.py").write_text("def another():\n    return 1\n")
    exercise = EXERCISES["critical_c"]
    assert solution("lesson", exercise).startswith("def critical_c(p, slope):")
    assert solution("lesson_whose_file_was_deleted", exercise) is None


@each_but_blanks
def test_without_the_folder_of_solutions_all_else_works(monkeypatch, tmp_path, name):
    monkeypatch.setattr(panels, "SOLUTIONS", tmp_path / "gone")
    panel = check(EXERCISES[name].reference)
    (words, hints, _), (hint,) = parts(panel)
    assert "Right" in words.value
    hint.click()
    assert hints.value
    assert "solution" not in panel.static()[0]["text/html"]


def test_what_is_saved_is_the_same_whatever_the_verdict():
    saved = set()
    for result in (None, 1.0, "?"):
        panel = check(named("expected_ratio", lambda c, depth, result=result: result))
        data, _ = panel._repr_mimebundle_()
        saved.add((repr(panel), data["text/plain"], data["text/html"]))
    ((shown, text, html),) = saved
    assert shown == text == "<exercise: expected_ratio>"
    assert "<code>expected_ratio</code>" in html


def test_the_classes_by_which_a_page_finds_it():
    panel = check(REFERENCE["find_c"])
    _, (hint, button) = parts(panel)
    assert "exercise" in panel._dom_classes
    assert "exercise-hint" in hint._dom_classes
    assert "exercise-solution" in button._dom_classes


def test_what_a_student_writes_is_shown_as_text():
    def tanh_backward(grad_y, y):
        raise ValueError("<b>`a` & b</b>")

    (words, _, _), _ = parts(check(tanh_backward))
    assert "<code>ValueError: &lt;b&gt;&#x27;a&#x27; &amp; b&lt;/b&gt;</code>" in words.value


def test_only_functions_of_exercises_can_be_checked():
    names = "forward_factor, backward_factor, expected_lengths, train_deep, leaky_relu_c, find_c"
    check = lessons.part("initialization", "exercises").check
    for function in (lambda x: x, np.tanh):
        with pytest.raises(ValueError, match="name it as its exercise, one of") as raised:
            check(function)
        assert names in str(raised.value) and function.__name__ in str(raised.value)
    with pytest.raises(TypeError, match="check takes the function that you completed, got 3"):
        check(3)


# What the notebook goes on with


class Scale:
    """A layer, y = factor x."""

    def __init__(self, factor):
        self.factor = factor

    def forward(self, x):
        return self.factor * x

    def backward(self, grad_y):
        return self.factor * grad_y


class ForgetsToScaleBack(Scale):
    def backward(self, grad_y):
        return grad_y


def there_and_back(answer, factor, x):
    layer = answer(factor)
    return layer.forward(x), layer.backward(1 + x)


def twice(x):
    """Two times x."""
    return 2 * x


BLANKS = [
    Exercise(
        twice,
        cases=lambda rng: [(float(x),) for x in rng.uniform(1, 9, 3)],
        mistakes=[Mistake(lambda x: x**2, "Squared.")],
        hints=["Once more."],
        blank=True,
    ),
    Exercise(
        Scale,
        cases=lambda rng: [(factor, rng.uniform(1, 9, (2, 3))) for factor in (0.3, 1.7)],
        mistakes=[Mistake(ForgetsToScaleBack, "Back, too.")],
        hints=["One factor."],
        blank=True,
        run=there_and_back,
    ),
]
check_blank = panels.checker("blanks", BLANKS)


def handed_back(source, name):
    """Run a notebook's two cells: what the name stands for then, what it was, and what is said."""
    scope = {"check": check_blank, "partial": partial}
    exec(source, scope)  # noqa: S102
    written = scope[name]
    exec(f"{name} = check({name})", scope)  # noqa: S102
    (words, _, _), _ = parts(shown.pop())
    return scope[name], written, plain(words)


OURS = "Not written yet: the notebook goes on with ours."


@pytest.mark.parametrize(
    ("source", "name", "words"),
    [
        ("def twice(x):\n    'Two times x.'\n    ...", "twice", OURS),
        ("def twice(x):\n    return x**2", "twice", "Not yet. Squared. (The notebook goes on with"),
        ("def twice(x):\n    return x", "twice", "Not yet. Wrong on 3 of 3 inputs."),
        ("def twice(x):\n    return x / 0", "twice", "Not yet. It stopped with ZeroDivisionError"),
        ("class Scale:\n    def forward(self, x):\n        ...", "Scale", OURS),
        ("class Scale:\n    pass", "Scale", OURS),
        (
            "class Scale:\n    def __init__(self, f):\n        self.f = f\n"
            "    def forward(self, x):\n        return self.f * x\n"
            "    def backward(self, grad_y):\n        return grad_y",
            "Scale",
            "Not yet. Back, too.",
        ),
    ],
)
def test_until_an_answer_is_right_the_notebook_goes_on_with_ours(source, name, words):
    found, _, said = handed_back(source, name)
    assert found is {"twice": twice, "Scale": Scale}[name]
    assert said.startswith(words)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("def twice(x):\n    return x + x", "twice"),
        ("twice = lambda x: x + x", "twice"),
        ("def double(x):\n    return x + x\ntwice = double", "twice"),
        ("twice = partial(lambda factor, x: factor * x, 2)", "twice"),
        (
            "class Twice:\n    def __call__(self, x):\n        return x + x\ntwice = Twice()",
            "twice",
        ),
        (
            "def traced(f):\n    def wrapper(*arguments):\n        return f(*arguments)\n"
            "    return wrapper\n@traced\ndef twice(x):\n    return x + x",
            "twice",
        ),
        (
            "class Scale:\n    def __init__(self, f):\n        self.f = f\n"
            "    def forward(self, x):\n        return self.f * x\n    backward = forward",
            "Scale",
        ),
    ],
)
def test_a_right_answer_is_handed_back_itself_however_it_is_written(source, name):
    found, written, said = handed_back(source, name)
    assert found is written
    assert said == "Right: from here on the notebook runs on yours."


@pytest.mark.parametrize(("source", "words"), [("...", OURS), ("return x**2", "Not yet. Squared.")])
def test_handed_the_reference_that_it_gave_back_it_repeats_its_verdict(source, words):
    scope = {"check": check_blank}
    exec(f"def twice(x):\n    {source}", scope)  # noqa: S102
    for _ in range(3):
        exec("twice = check(twice)", scope)  # noqa: S102
        (said, _, _), _ = parts(shown.pop())
        assert scope["twice"] is twice and plain(said).startswith(words)


def test_an_exercise_hands_back_in_the_same_way():
    check = lessons.part("mlp_by_hand", "exercises").check
    right, wrong = (named("tanh_backward", f) for f in (lambda g, y: g - g * y**2, lambda g, y: g))
    assert check(right) is right
    assert check(wrong) is REFERENCE["tanh_backward"]


def test_what_a_blank_saves_and_its_solution():
    check_blank(twice)
    panel = shown.pop()
    data, _ = panel._repr_mimebundle_()
    assert repr(panel) == data["text/plain"] == "<blank: twice>"
    assert "Yours: <code>twice</code>" in data["text/html"]
    assert solution("blanks", BLANKS[0]) == inspect.getsource(twice).rstrip()
    assert solution("blanks", BLANKS[1]) == inspect.getsource(Scale).rstrip()


def test_closing_leaves_nothing_behind():
    before = set(open_widgets)
    panel = check(REFERENCE["find_c"])
    _, (hint, button) = parts(panel)
    hint.click()
    button.click()
    assert len(set(open_widgets) - before) > 5
    panel.close()
    assert set(open_widgets) == before
