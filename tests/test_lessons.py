"""Lessons are found by looking: a new folder is all that a new lesson takes."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from course_utils import lessons

ROOT = Path(__file__).resolve().parent.parent

EXPERIMENTS = """
from course_utils.experiments.claims import Claim

C0 = Claim(id="C0", statement="It holds", conditions="always", run=None, numbers=None, holds=bool)
"""
PICTURES = """
from course_utils.lab.canvas import Plot


class Dot(Plot):
    def draw(self, x):
        self.figure.add_subplot(xlim=(0, 9)).plot([x], [0], "o")
        return f"The dot is at {x}."
"""
EXERCISES = """
from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker


def double(x):
    return 2 * x


EXERCISES = [
    Exercise(
        double,
        lambda rng: [(float(x),) for x in rng.uniform(1, 9, 3)],
        [Mistake(lambda x: x + 2, "Add."), Mistake(lambda x: x**2, "Square."),
         Mistake(lambda x: x / 2, "Halve.")],
        ["Twice.", "`2 * x`."],
    )
]
check = checker("dropped_in", EXERCISES)
"""
TEST = """
from course_utils.lessons.dropped_in import pictures

PICTURES = {"Dot": (pictures.Dot, [{"x": 1.0}, {"x": 2.0}, {"x": float("nan")}])}
"""


def test_every_notebook_has_a_lesson_of_its_name():
    stems = [path.stem for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    assert [f"{lessons.number(name)}_{name}" for name in lessons.names()] == stems


def test_what_measures_draws_nothing():
    """The contract covers each lesson's experiments.py; this, whatever stands beside it."""
    graph = grimp.build_graph("course_utils", include_external_packages=True)
    drawing = re.compile(r"\.(pictures|exercises)$")
    for module in graph.find_descendants("course_utils.lessons"):
        if not drawing.search(module):
            assert not graph.chain_exists(module, "matplotlib"), module
            assert not graph.chain_exists(module, "ipywidgets"), module


def test_a_worker_that_measures_loads_no_widget():
    code = "import sys; from course_utils import lessons; lessons.all_measurements(); "
    code += "assert not {'matplotlib', 'ipywidgets'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The course with one more lesson in it."""
    root = tmp_path_factory.mktemp("course")
    for folder in ("course_utils", "tests", "notebooks", "data"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / file, root)
    lesson = root / "course_utils" / "lessons" / "dropped_in"
    lesson.mkdir()
    (lesson / "__init__.py").write_text('"""A lesson."""\n')
    for name, text in (
        ("experiments", EXPERIMENTS), ("pictures", PICTURES), ("exercises", EXERCISES)
    ):  # fmt: skip
        (lesson / f"{name}.py").write_text(text)
    solution = "def double(x):\n    # Once more.\n    return x + x\n"
    (root / "course_utils" / "solutions" / "dropped_in.py").write_text(solution)
    (root / "tests" / "lessons" / "test_dropped_in.py").write_text(TEST)
    return root


def run(copy, *command):
    done = subprocess.run(
        [sys.executable, *command], cwd=copy, env={"PYTHONPATH": str(copy)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_lesson_that_is_dropped_in_is_found(copy):
    found = (
        "from course_utils import lessons; print(lessons.all_claims()[0].id, lessons.names()[-1])"
    )
    assert run(copy, "-c", found) == "C0 dropped_in\n"


def test_the_tests_find_what_it_holds(copy):
    files = [f"tests/test_{room}.py" for room in ("checker", "exercise", "pictures")]
    report = run(copy, "-m", "pytest", "--quiet", "--numprocesses=0", *files, "-k", "double or Dot")
    assert int(re.search(r"(\d+) passed", report)[1]) > 15
    with pytest.raises(AssertionError, match=r"test_the_table_holds.*\[C0\]"):
        run(copy, "-m", "pytest", "--quiet", "--numprocesses=0", "tests/test_claims.py", "-k", "C0")


LINT = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"


@pytest.mark.parametrize("fault", ["matplotlib", "course_utils.lessons.dropout.experiments"])
def test_its_imports_are_held_to_the_contracts(copy, fault):
    assert "0 broken" in run(copy, "-c", LINT)
    experiments = copy / "course_utils" / "lessons" / "dropped_in" / "experiments.py"
    experiments.write_text(EXPERIMENTS + f"import {fault}\n")
    with pytest.raises(AssertionError, match="1 broken"):
        run(copy, "-c", LINT)
    experiments.write_text(EXPERIMENTS)
