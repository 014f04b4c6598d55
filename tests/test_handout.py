"""The student edition: it holds no answer to what is graded, and judges as the full course does."""

import ast
import importlib.util
import inspect
import json
import os
import re
import runpy
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from course_utils import lessons
from course_utils.lab import stored
from course_utils.lab.checker import examine
from course_utils.lab.packing import pack, unpack
from course_utils.nn import Linear

ROOT = Path(__file__).resolve().parents[1]

tool = runpy.run_path(str(ROOT / "tools" / "handout.py"))

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="it copies what git lists")


@pytest.fixture(scope="session")
def copies(edition):
    """The exercises of the copy, blanks apart, by name, each with that of the full course."""
    found = {}
    for lesson, exercises in lessons.all_exercises().items():
        path = edition / "course_utils" / "lessons" / lesson / "exercises.py"
        spec = importlib.util.spec_from_file_location(f"copy_of_{lesson}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        copied = {each.name: each for each in module.EXERCISES}
        assert copied.keys() == {each.name for each in exercises}
        found |= {each.name: (copied[each.name], each) for each in exercises if not each.blank}
    return found


def notebooks(edition):
    return {
        path: nbformat.read(path, 4) for path in sorted((edition / "notebooks").glob("*.ipynb"))
    }


# What it holds


def test_the_history_the_solutions_the_tests_and_the_tools_stay_behind(edition):
    assert {path.name for path in edition.iterdir()} == {
        "LICENSE", "README.md", "course_utils", "data", "environment.yml", "notebooks",
        "pyproject.toml", "requirements.lock", "run.py",
    }  # fmt: skip
    assert not (edition / "course_utils" / "solutions").exists()


def test_no_code_of_an_answer_is_left(edition):
    names = [each.name for found in tool["graded"]().values() for each in found]
    assert len(names) > 25
    assert list(tool["answers_left"](edition, names)) == []


def expressions(edition):
    """Every expression in the copy, in code and in `backticks`, by its text: the names it uses."""
    texts = [path.read_text("utf-8") for path in (edition / "course_utils").rglob("*.py")]
    for path in edition.rglob("graded.json.gz"):
        texts += re.findall("`(.+?)`", stored.gzip.decompress(path.read_bytes()).decode())
    for notebook in notebooks(edition).values():
        for cell in notebook.cells:
            is_text = cell.cell_type == "markdown"
            texts += re.findall("`(.+?)`", cell.source) if is_text else [cell.source]
    found = {}
    for text in texts:
        with suppress(SyntaxError):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.BinOp | ast.Call | ast.Tuple):
                    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
                    found[ast.unparse(node)] = names - {"np"}
    return found


def test_no_expression_in_it_is_an_answer(edition):
    found = expressions(edition)
    assert "1 / (1 - p)" in found
    for exercise in (each for group in tool["graded"]().values() for each in group):
        arguments = set(exercise.arguments)
        for text in [text for text, names in found.items() if names and names <= arguments]:
            try:
                answer = eval(f"lambda {', '.join(exercise.arguments)}: {text}", {"np": np})
            except SyntaxError:  # a slice, which cannot stand alone
                continue
            cases = list(exercise.cases(np.random.default_rng(0)))
            right, given = (exercise.results(f, cases) for f in (exercise.reference, answer))
            assert any(map(exercise.difference, right, given)), f"{exercise.name}: {text}"


def test_no_function_beside_the_exercises_is_an_answer(copies, edition):
    """What a lesson's file keeps for its notebook, whatever it is called."""
    for lesson, exercises in tool["graded"]().items():
        beside = {}
        for name in ("exercises", "blanks"):
            path = edition / "course_utils" / "lessons" / lesson / f"{name}.py"
            space = runpy.run_path(str(path)) if path.exists() else {}
            beside |= {key: each for key, each in space.items() if inspect.isfunction(each)}
        for exercise in exercises:
            cases = list(exercise.cases(np.random.default_rng(0)))
            right = exercise.results(exercise.reference, cases)
            for key, function in beside.items():
                given = exercise.results(function, cases)
                assert any(map(exercise.difference, right, given)), f"{key} is {exercise.name}"


def test_an_answer_outside_of_the_exercises_is_noticed(tmp_path):
    (tmp_path / "pictures.py").write_text("def draw():\n    def right(x):\n        return x\n")
    assert list(tool["answers_left"](tmp_path, ["right"])) == [(Path("pictures.py"), "right")]


def test_what_the_library_or_a_blank_answers_is_not_graded(edition):
    graded = {each.name for found in tool["graded"]().values() for each in found}
    assert graded.isdisjoint({"tanh_backward", "momentum_step", "stretch_and_shift_backward"})
    assert "rms_norm_backward" in graded


def test_what_is_answered_on_the_way_to_something_else_is_practice():
    every = {each.name for found in lessons.all_exercises().values() for each in found}
    graded = {each.name for found in tool["graded"]().values() for each in found}
    assert every.issuperset(tool["ANSWERED"]) and graded.isdisjoint(tool["ANSWERED"])


def test_nothing_is_said_of_what_stays_behind(edition):
    texts = [cell.source for each in notebooks(edition).values() for cell in each.cells]
    assert not [
        text for text in texts if re.search(r"tools/|git checkout|tests hold|folded below", text)
    ]
    paths = (ROOT / "notebooks").glob("*.ipynb")
    ours = [cell.source for path in paths for cell in nbformat.read(path, 4).cells]
    for words in tool["REWORDED"]:
        assert sum(words in text for text in ours) == 1, words


def test_paragraphs_with_addresses_in_the_web_stay(edition):
    for path, copy in notebooks(edition).items():
        ours, theirs = (
            "".join(cell.source for cell in each.cells).count("](http")
            for each in (nbformat.read(ROOT / "notebooks" / path.name, 4), copy)
        )
        assert ours == theirs, path


def test_a_file_that_git_does_not_know_is_told(monkeypatch, tmp_path, capsys):
    def files(*options):
        return ["notebooks/13_new.ipynb"] if options else []

    monkeypatch.setitem(tool["make"].__globals__, "files", files)
    with suppress(Exception):  # a copy of nothing is no course
        tool["make"](tmp_path / "copy")
    assert "notebooks/13_new.ipynb" in capsys.readouterr().err


def test_half_an_edition_is_not_left_behind(monkeypatch, tmp_path):
    def fails(*arguments):
        assert (tmp_path / "copy" / "notebooks").is_dir()
        raise KeyboardInterrupt

    monkeypatch.setitem(tool["make"].__globals__, "withhold", fails)
    with pytest.raises(KeyboardInterrupt):
        tool["make"](tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_what_is_stored_are_numbers_and_words_and_never_a_formula(edition):
    files = list(edition.rglob(stored.FILE))
    assert len(files) == len(list((edition / "course_utils" / "lessons").glob("*/exercises.py")))
    for path in files:
        for each in json.loads(stored.gzip.decompress(path.read_bytes())):
            assert set(each) == {
                "name",
                "arguments",
                "cases",
                "results",
                "mistakes",
                *stored.FIELDS,
            }


def test_outputs_and_what_was_folded_away_are_gone(edition):
    for notebook in notebooks(edition).values():
        for cell in notebook.cells:
            assert not cell.get("outputs") and cell.get("execution_count") is None
            summaries = re.findall("<summary>(.*?)</summary>", cell.source)
            assert set(summaries) <= set(tool["KEPT"])


def test_each_notebook_says_what_of_it_is_graded(edition):
    for notebook in notebooks(edition).values():
        assert notebook.cells[1].source.startswith("*Student edition.*")
        course = notebook.metadata["course"]
        assert all(f"`{name}`" in notebook.cells[1].source for name in course["graded"])
        assert all(f"*{title}*" in notebook.cells[1].source for title in course["tasks"].values())


def test_names_are_listed_as_one_writes_them():
    listed = tool["listed"]
    assert listed("the exercise", ["a"]) == "the exercise a"
    assert listed("the exercise", ["a", "b", "c"]) == "the exercises a, b and c"
    assert listed("the exercise", []) == ""


def test_each_open_task_has_a_rubric_and_room_for_an_answer(edition):
    for path, notebook in notebooks(edition).items():
        tasks = notebook.metadata["course"]["tasks"]
        opened = [c for c in notebook.cells if re.search(r"\*\*\d+\. Open|^## Your own", c.source)]
        assert len(tasks) == len(opened) > 0, path
        ids = [cell.id for cell in notebook.cells]
        for key in tasks:
            task = notebook.cells[ids.index(key) : ids.index(f"{key}-answer") + 1]
            assert "ood answer" in "".join(cell.source for cell in task), key
            assert len(tasks.keys() & {cell.id for cell in task}) == 1


def test_links_lead_somewhere(edition):
    for path, notebook in notebooks(edition).items():
        for cell in notebook.cells:
            for target in re.findall(r"\]\(([\w./-]+\.(?:ipynb|md|csv|png))\)", cell.source):
                assert (path.parent / target).exists(), target


def test_only_a_new_folder_is_written_into(tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(SystemExit, match="not empty"):
        tool["make"](tmp_path)


# How it judges


def wrong_in(kind, reference):
    """A wrong answer that nobody foresaw, as code of a student's own."""
    changes = {
        "twice": lambda right, *case: scaled(right, 2),
        "off": lambda right, *case: scaled(right, 1, 0.5),
        "root": lambda right, *case: scaled(right, 1, power=0.5),
        "rounded": lambda right, *case: scaled(right, 1, decimals=1),
        "none": lambda right, *case: None,
        "strange": lambda right, *case: object(),
        "raising": lambda right, *case: 1 / 0,
    }

    def answer(*case):
        return changes[kind](reference(*case), *case)

    return answer


def scaled(value, factor, offset=0.0, power=1, decimals=None):
    if isinstance(value, tuple):
        return tuple(scaled(item, factor, offset, power, decimals) for item in value)
    if isinstance(value, str):
        return value[::-1]
    value = factor * np.abs(np.asarray(value, float)) ** power + offset
    return value if decimals is None else np.round(value, decimals)


KINDS = ("twice", "off", "root", "rounded", "none", "strange", "raising")


def changed_argument(reference, i, change):
    """The reference, with one argument changed before it gets it."""

    def answer(*case):
        return reference(*case[:i], change(case[i]), *case[i + 1 :])

    return answer


@pytest.fixture
def unknown(monkeypatch):
    """The inputs on which a stored answer was asked, and knew nothing."""
    found, on = [], stored.StoredAnswer.on

    def watched(self, case):
        try:
            return on(self, case)
        except NotImplementedError:
            found.append((self.__name__, case))
            raise

    monkeypatch.setattr(stored.StoredAnswer, "on", watched)
    return found


def test_the_right_answer_and_each_known_mistake_get_the_same_words(copies, unknown):
    for copied, full in copies.values():
        for answer in (full.reference, *(each.function for each in full.mistakes)):
            assert examine(copied, answer) == examine(full, answer), full.name
    assert not unknown


@pytest.mark.parametrize("kind", KINDS)
def test_an_unforeseen_answer_gets_the_same_words(copies, unknown, kind):
    for copied, full in copies.values():
        answer = wrong_in(kind, full.reference)
        mine, theirs = examine(copied, answer), examine(full, answer)
        if "0x" not in theirs.example:  # the address of an object
            assert mine == theirs, full.name
    assert not unknown


@pytest.mark.parametrize(
    "change",
    [lambda v: -v, lambda v: 2 * v, lambda v: 1 - v, lambda v: v * v, lambda v: v + 0.1],
    ids=["minus", "twice", "one minus", "square", "shifted"],
)
def test_a_right_answer_for_something_else_gets_the_same_words(copies, unknown, change):
    said = []
    for copied, full in copies.values():
        for i in range(len(full.arguments)):
            answer = changed_argument(full.reference, i, change)
            said.append(examine(full, answer))
            assert examine(copied, answer) == said[-1], full.name
    assert not unknown
    assert any("right result for" in each.words or "times" in each.words for each in said)


def test_a_stored_answer_knows_nothing_but_the_checker_s_inputs(copies):
    copied, _ = copies["leaky_relu_c"]
    with pytest.raises(NotImplementedError, match="`leaky_relu_c` is yours to write"):
        copied.reference(0.123456)
    with pytest.raises(NotImplementedError):
        copied.reference(slope=0.123456)


# Its notebooks


def execute(path, edition):
    """Run a notebook of the copy as JupyterLab's *Run all* does; the errors that it went past."""
    notebook = nbformat.read(path, 4)
    where = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=where).execute(
        env=os.environ | {"PYTHONPATH": str(edition)}
    )
    found = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.ename for output in found if output.output_type == "error"]


def test_a_notebook_runs_untouched_from_top_to_bottom(edition):
    (path,) = (edition / "notebooks").glob("00_*.ipynb")
    assert set(execute(path, edition)) <= {"NotImplementedError"}


def test_only_a_cell_that_needs_a_graded_function_may_fail(edition):
    for notebook in notebooks(edition).values():
        graded = set(notebook.metadata["course"]["graded"])
        for cell in notebook.cells:
            if "raises-exception" in cell.metadata.get("tags", []):
                used = {getattr(node, "id", "") for node in ast.walk(ast.parse(cell.source))}
                assert used & graded
                graded |= {n.name for n in ast.parse(cell.source).body if hasattr(n, "name")}


def test_it_runs_where_nothing_of_the_course_is_but_the_copy(edition):
    """The lessons of the copy import each other, not those of the course that made it."""
    code = (
        "from course_utils import lessons\n"
        "from course_utils.lab.checker import examine\n"
        "found = lessons.all_exercises()\n"
        "assert all(examine(e, e.reference).right for each in found.values() for e in each"
        " if not e.blank)\n"
        "print(lessons.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(edition)}, cwd=edition,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(done.stdout.strip()).is_relative_to(edition)


# Storing


@pytest.mark.parametrize(
    "value",
    [
        3, 2.5, True, None, ..., "W", np.float32(0.1), np.arange(6.0).reshape(2, 3).T, (1, [2.0]),
        np.array(["a", "bc"]), {"a": (np.ones(2), 1)}, np.nan, -np.inf, 1 + 2j, np.zeros((0, 3)),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_packed_comes_back(value):
    back = unpack(json.loads(json.dumps(pack(value))))
    if value is not ...:
        back, value = repr(back), repr(unpack(pack(value)))
    assert back == value
    assert stored.fingerprint((back,)) == stored.fingerprint((value,))


def test_an_exception_comes_back_with_its_name_and_words():
    back = unpack(pack(KeyError("W")))
    assert type(back).__name__ == "KeyError" and str(back) == "'W'"


@pytest.mark.parametrize("value", [object(), [lambda: 1], np.array([None]), [[[[[[[[[1]]]]]]]]]])
def test_code_objects_and_endless_nesting_are_not_packed(value):
    with pytest.raises(TypeError, match="cannot be packed|too deep"):
        pack(value)


@pytest.mark.parametrize("dtype", ["O", "V8"])
def test_an_array_of_objects_is_not_unpacked(dtype):
    packed = {"kind": "array", "dtype": dtype, "shape": [1], "data": "AAAAAAAAAAA="}
    with pytest.raises((ValueError, TypeError)):
        unpack(packed)


def test_an_input_is_known_again_by_its_copy_and_to_nine_digits():
    linear = Linear(2, 3, rng=np.random.default_rng(0))
    same, other = Linear(2, 3, rng=np.random.default_rng(0)), Linear(2, 3)
    assert stored.fingerprint((linear,)) == stored.fingerprint((same,))
    assert stored.fingerprint((linear,)) != stored.fingerprint((other,))
    assert stored.fingerprint((0.3,)) == stored.fingerprint((0.1 + 0.2,))
    assert len({stored.fingerprint((v,)) for v in (1, 1.0, "1", True, [1], np.ones(1))}) == 6


def test_a_run_of_its_own_asks_a_stored_answer_for_the_result():
    def use(answer, x):
        return answer(3).forward(x)

    kept = tool["stored"].record(
        stored.Exercise(Linear, lambda rng: [(np.ones((1, 3)),)], [], [], run=use), []
    )
    assert kept["arguments"] == ["x"] and kept["results"]
