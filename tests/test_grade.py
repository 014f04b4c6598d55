"""Grading: the verdict comes from the teacher's copy, and what a student's file does costs one row."""

import base64
import csv
import json
import runpy
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import classroom
import numpy as np
import pytest

from course_utils import lessons
from course_utils.lab.apart import Apart, Gone
from course_utils.lab.checker import Exercise, examine
from course_utils.lab.packing import unpack

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 2
NOTEBOOK = "02_initialization"  # in which students write here

tool = runpy.run_path(str(ROOT / "tools" / "grade.py"))
EXERCISES = {each.name: each for found in lessons.all_exercises().values() for each in found}

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="for Linux and macOS"),
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="it copies what git lists"),
    pytest.mark.skipif(
        not (ROOT / "course_utils" / "solutions").is_dir(), reason="the right answers are solutions"
    ),
]


@pytest.fixture(scope="session")
def course(edition):
    return classroom.Course(edition)


def grade(edition, folder, results, *options):
    """The rows of the table, as the command writes them, and its words."""
    command = [sys.executable, "-W", "error", str(ROOT / "tools" / "grade.py"), folder, results]
    options = ["--edition", edition, "--seconds", str(SECONDS), *options]
    done = subprocess.run(
        map(str, [*command, *options]), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with open(results / "grades.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file)), done.stdout


def returned(course, path, answers, essay=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(classroom.fill(course.notebooks[NOTEBOOK], answers, essay))


# A class


@pytest.fixture(scope="session")
def class_(edition, course, tmp_path_factory):
    """One student for each kind of harm, and some others: the rows by student and task."""
    folder = tmp_path_factory.mktemp("class")
    expected = {}
    for i, (body, verdicts) in enumerate(classroom.HOSTILE.items()):
        answers = {
            "leaky_relu_c": course.function("leaky_relu_c", body),
            "tanh_ratio": course.solutions["tanh_ratio"],
        }
        returned(course, folder / f"hostile {i:02d}" / f"{NOTEBOOK}.ipynb", answers)
        late = verdicts | {"out of time"}  # as all may be where many things run
        expected[f"hostile {i:02d}"] = {"leaky_relu_c": late, "tanh_ratio": {"right"}}
    for name, content in classroom.FILES.items():
        (folder / name).mkdir()
        (folder / name / f"{NOTEBOOK}.ipynb").write_bytes(content)
        expected[name] = {"": {"error"}}
    (folder / "nothing").mkdir()
    expected["nothing"] = {"": {"error"}}
    answers = {name: course.solutions[name] for name in ("leaky_relu_c", "find_c")}
    answers["tanh_ratio"] = course.answers("tanh_ratio", 0)["mistake"][0]
    returned(course, folder / "ada" / "late" / "mine.ipynb", answers, "See <script>me</script>.")
    expected["ada"] = {
        "leaky_relu_c": {"right"},
        "find_c": {"right"},
        "tanh_ratio": {"known mistake"},
    }
    returned(course, folder / f"=bob_{NOTEBOOK}.ipynb", {})
    expected["'=bob"] = {name: {"not attempted"} for name in answers}
    results = tmp_path_factory.mktemp("results") / "new"
    rows, words = grade(edition, folder, results)
    return expected, {(row["student"], row["task"]): row for row in rows}, words, results


def test_each_student_gets_the_row_that_is_due(class_):
    expected, rows, *_ = class_
    said = {
        (student, task): (rows.get((student, task), {}).get("verdict"), verdicts)
        for student, tasks in expected.items()
        for task, verdicts in tasks.items()
    }
    assert {key: (got, due) for key, (got, due) in said.items() if got not in due} == {}


def test_points_are_for_what_is_right_and_a_mistake_is_named(class_):
    _, rows, *_ = class_
    assert rows["ada", "find_c"]["points"] == "1"
    mistake = rows["ada", "tanh_ratio"]
    assert mistake["points"] == "0"
    assert mistake["words"] in {each.words for each in EXERCISES["tanh_ratio"].mistakes}


def test_the_output_counts_students_and_says_what_was_limited(class_):
    expected, _, words, _ = class_
    assert f"notebooks of {len(expected)} students" in words
    assert "limited were" in words and "time and memory" in words


def test_open_tasks_are_collected_as_text_and_pictures_that_do_nothing(class_):
    _, rows, _, results = class_
    assert rows["ada", "02-066"]["verdict"] == "to be read"
    assert rows["ada", "02-066"]["points"] == ""
    assert rows["'=bob", "02-066"]["verdict"] == "not attempted"
    text = (results / "open" / "initialization_02-066.html").read_text("utf-8")
    assert "See &lt;script&gt;me&lt;/script&gt;." in text and "<script" not in text
    assert 'src="data:image/png;base64,' in text and "default-src 'none'" in text
    assert "=bob" not in text


def test_run_twice_it_gives_the_same_table(edition, course, tmp_path):
    for student, name in (("ada", "right"), ("bob", "off"), ("eve", "syntax")):
        answers = {"find_c": course.answers("find_c", 0)[name][0]}
        returned(course, tmp_path / "class" / student / "a.ipynb", answers, "mine")
    for results, jobs in ((tmp_path / "one", 2), (tmp_path / "two", 1)):
        rows, _ = grade(edition, tmp_path / "class", results, "--jobs", jobs)
    assert {r["student"]: r["verdict"] for r in rows if r["task"] == "find_c"} == {
        "ada": "right", "bob": "wrong", "eve": "error",
    }  # fmt: skip
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*")]
    assert len(files) == 4
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_another_command_can_run_the_student_s_process(edition, course, tmp_path):
    returned(course, tmp_path / "class" / "ada" / "a.ipynb", {"find_c": course.solutions["find_c"]})
    inside = "env -u HOME COURSE={edition}"
    rows, _ = grade(edition, tmp_path / "class", tmp_path / "results", "--inside", inside)
    assert [row["verdict"] for row in rows if row["task"] == "find_c"] == ["right"]


# What students do to files


def cells_of(course):
    return json.loads(json.dumps(course.notebooks[NOTEBOOK]))["cells"]


def own(course, change):
    """What is found of a student's own after a change of the notebook's cells."""
    original, cells = cells_of(course), cells_of(course)
    change(cells)
    read = [
        {"id": str(cell.get("id", "")), "kind": cell["cell_type"], "outputs": [],
         "source": tool["answers"].text(cell["source"]), "attachments": cell.get("attachments")}
        for cell in cells
    ]  # fmt: skip
    return tool["answers"].written(read, original, ["02-066"])


def at(cells, key):
    return next(i for i, cell in enumerate(cells) if cell["id"] == key)


def text_cell(words, key="new"):
    return {"id": key, "cell_type": "markdown", "source": words}


def in_the_answer(cells):
    cells[at(cells, "02-066-answer")]["source"] = "mine"


def in_the_question(cells):
    question = cells[at(cells, "02-066")]
    question["source"] = tool["answers"].text(question["source"]) + "\n\nmine"


def behind_the_answer(cells):
    cells.insert(at(cells, "02-066-answer") + 1, text_cell("mine"))


def with_ids(change, make):
    def changed(cells):
        change(cells)
        for i, cell in enumerate(cells):
            cell["id"] = make(i)

    return changed


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (in_the_answer, "02-066"),
        (in_the_question, "02-066"),
        (behind_the_answer, "02-066"),
        (with_ids(in_the_answer, lambda i: ""), "02-066"),
        (with_ids(in_the_question, lambda i: f"other-{i}"), "elsewhere"),  # it is new text
        (with_ids(behind_the_answer, lambda i: f"other-{i}"), "02-066"),
    ],
    ids=range(6),
)
def test_an_open_answer_is_found_wherever_it_stands(course, change, place):
    assert "mine" in str(own(course, change)[place])
    assert own(course, lambda cells: None) == {"02-066": [], "elsewhere": []}


def test_what_stands_outside_of_all_tasks_is_shown_too(course):
    found = own(course, lambda cells: cells.append(text_cell("mine, at the end")))
    assert found["elsewhere"] == [("text", "mine, at the end")]
    own_code = {"id": "new", "cell_type": "code", "source": "x = 1", "outputs": []}
    assert own(course, lambda cells: cells.append(own_code))["elsewhere"] == []


def test_what_a_task_s_own_cells_draw_is_shown_once_there_is_anything_new(course):
    output = {"output_type": "stream", "name": "stdout", "text": "drawn"}
    original = [
        {"id": "q", "source": "?"}, {"id": "class", "source": "pass"}, {"id": "run", "source": "run()"},
        {"id": "q-answer", "source": "a"},
    ]  # fmt: skip
    cells = [
        {"id": "q", "kind": "markdown", "source": "?", "outputs": [], "attachments": None},
        {"id": "class", "kind": "code", "source": "pass", "outputs": [], "attachments": None},
        {"id": "run", "kind": "code", "source": "run()", "outputs": [output], "attachments": None},
    ]
    find = tool["answers"].written
    assert find(cells, original, ["q"])["q"] == []
    cells[1]["source"] = "mine"
    assert find(cells, original, ["q"])["q"] == [("code", "mine"), ("output", "drawn")]


def test_pictures_in_a_text_and_what_cannot_be_shown_are_told():
    jpeg = base64.b64encode(b"\xff\xd8\xff and so on").decode()
    cells = [
        {"id": "q", "kind": "markdown", "source": "?", "outputs": [], "attachments": None},
        {"id": "", "kind": "markdown", "source": "![x](attachment:a.jpg)", "outputs": [],
         "attachments": {"a.jpg": {"image/jpeg": jpeg}, "b": 3}},
        {"id": "", "kind": "code", "source": "draw()", "attachments": None, "outputs": [
            {"output_type": "display_data", "data": {"image/svg+xml": "<svg/>"}},
            {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []},
        ]},
    ]  # fmt: skip
    original = [{"id": "q", "source": "?"}, {"id": "q-answer", "source": "a"}]
    found = tool["answers"].written(cells, original, ["q"])["q"]
    assert found == [
        ("text", "![x](attachment:a.jpg)"),
        ("image/jpeg", jpeg),
        ("code", "draw()"),
        ("output", "[not shown: image/svg+xml]"),
        ("output", "ValueError: no"),
    ]


def test_a_page_has_the_question_and_runs_nothing():
    assert r"\{1, 2\} &lt; a*b*c" in tool["answers"].rendered(r"$\{1, 2\} < a*b*c$")
    parts = [("text", "| a |\n|---|\n| <script>x</script> |\n\n[l](javascript:alert(1))")]
    page = tool["answers"].page("t", ["**1. Open: why?**"], [("ada & co", parts)])
    assert "<strong>1. Open: why?</strong>" in page and "ada &amp; co" in page and "<td>" in page
    assert "<script" not in page and "javascript:" not in page and "default-src 'none'" in page


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("ada_02_initialization", "ada"),
        ("lee_LATE_111_222_07_dropout-1", "lee_LATE_111_222"),
        ("Zoë O'Hara 07 dropout (1)", "Zoë O'Hara"),
        ("02_initialization_ada", "ada"),
        ("homework", "homework"),
    ],
)
def test_whose_a_file_is_that_lies_among_others(name, student):
    assert tool["_author"](name) == student


@pytest.fixture(scope="session")
def handed_in(edition, course, tmp_path_factory):
    """Files as they come: the rows by student and file, and the lines of the students."""
    folder = tmp_path_factory.mktemp("handed in")
    right = {"find_c": course.solutions["find_c"]}
    returned(course, folder / "twice" / "draft.ipynb", {}, "mine")
    returned(course, folder / "twice" / "final.ipynb", right)
    renamed = {"find_c": "def bisect(f):\n    return 1.0"}
    returned(course, folder / "renamed" / "a.ipynb", renamed)
    content = json.loads(classroom.fill(course.notebooks[NOTEBOOK], right, ""))
    del content["metadata"]["course"]
    (folder / "nameless").mkdir()
    (folder / "nameless" / "homework.ipynb").write_text(json.dumps(content))
    (folder / "zipped").mkdir()
    for name in ("zipped/all.zip", "kim_hw.zip", "ned.py"):
        (folder / name).write_bytes(b"PK")
    results = tmp_path_factory.mktemp("results") / "new"
    rows, _ = grade(edition, folder, results)
    with open(results / "students.csv", encoding="utf-8", newline="") as file:
        return rows, {line["student"]: line for line in csv.DictReader(file)}


def test_of_two_files_the_better_counts_and_a_note_says_so(handed_in):
    _, students = handed_in
    line = students["twice"]
    assert (line["points"], line["of"], line["initialization"]) == ("1", "3", "1")
    assert line["to be read"] == "2" and line["notes"] == "initialization: 2 files"
    assert students["zipped"]["points"] == "0"


def test_blanks_that_hold_code_are_counted_and_not_judged(handed_in, edition, course):
    rows, students = handed_in
    of = len([name for name, each in tool["exercises"]("initialization").items() if each.blank])
    (row,) = (r for r in rows if r["student"] == "nameless" and r["task"] == "blanks")
    assert (row["verdict"], row["points"]) == ("practice", "")
    assert (
        row["words"] == f"0 of {of} hold code." and students["nameless"]["practice"] == f"0 of {of}"
    )
    code = [("<cell>", "def forward_factor(c, n_in, n_out):\n    return 7"), ("<cell>", "def (")]
    statements, _ = tool["read_statements"](code)
    graded = ["leaky_relu_c", "find_c", "tanh_ratio"]
    found = tool["_practiced"]("initialization", graded, statements)
    assert (found["written"], found["blanks"]) == (1, of)


def test_a_function_of_another_name_is_told(handed_in):
    (row,) = (r for r in handed_in[0] if r["student"] == "renamed" and r["task"] == "find_c")
    assert row["verdict"] == "error" and "`bisect`" in row["words"]


def test_a_notebook_is_known_by_its_cells(handed_in):
    (row,) = (r for r in handed_in[0] if r["student"] == "nameless" and r["task"] == "find_c")
    assert row["verdict"] == "right" and row["notebook"] == "initialization"


def test_no_file_that_may_be_somebody_s_work_is_passed_over(handed_in):
    rows = {row["file"]: row for row in handed_in[0] if not row["notebook"]}
    assert rows.keys() == {"zipped/all.zip", "kim_hw.zip", "ned.py"}
    assert {row["verdict"] for row in rows.values()} == {"error"}
    assert "Unpack it" in rows["kim_hw.zip"]["words"] and "Unpack" not in rows["ned.py"]["words"]


# Other inputs


def other_cases(exercise):
    return list(tool["_other_cases"](exercise))


def graded():
    return [each.name for found in tool["handout"].graded().values() for each in found]


@pytest.mark.parametrize("name", graded())
def test_the_solution_is_right_on_other_inputs_too(course, name):
    space = {}
    exec(course.solutions[name], space)
    exercise = EXERCISES[name]
    for cases in other_cases(exercise):
        for answer in (space[name], exercise.reference):
            assert examine(replace(exercise, cases=lambda rng, c=cases: c), answer).right


@pytest.mark.parametrize("name", graded())
def test_a_table_of_the_right_results_is_wrong_on_other_inputs(name):
    exercise = EXERCISES[name]
    usual = list(exercise.cases(np.random.default_rng(0)))
    asked = [*usual, *tool["handout"].inputs_of_the_diagnosis(exercise)]
    fingerprint = tool["stored"].fingerprint
    known = dict(zip(map(fingerprint, asked), exercise.results(exercise.reference, asked)))

    def table(*case):
        return known.get(fingerprint(case))

    assert examine(exercise, table).right
    if name in ("find_c", "forgotten_power"):
        return  # whose inputs are functions that stay with the teacher: there is nothing to look up
    for cases in other_cases(exercise):
        is_right = examine(replace(exercise, cases=lambda rng, c=cases: c), table).right
        assert not is_right, "the edition holds these inputs: let `cases` draw from more values"


@pytest.mark.parametrize("name", ["find_bug", "forgotten_power"])
def test_who_counts_the_calls_is_wrong_on_other_inputs(name):
    exercise = EXERCISES[name]
    usual = list(exercise.cases(np.random.default_rng(0)))
    results = exercise.results(exercise.reference, usual)
    right = cycle([*results, *results[::-1]])  # the second look begins at the end
    assert examine(exercise, lambda *_: next(right)).right
    for cases in other_cases(exercise):
        assert not examine(
            replace(exercise, cases=lambda rng, c=cases: c), lambda *_: next(right)
        ).right


# A function in a process of its own


@contextmanager
def apart(edition, source, name="add"):
    """A process, what a name is in it after some cells, and what stands here for it."""
    cells = [(f"<cell {i}>", each) for i, each in enumerate(source.split("\n---\n"))]
    with Apart(edition) as process:
        yield process, *process.define(name, cells, 20)


def add(x, y):
    return x + y


def pairs(rng):
    for _ in range(3):
        yield tuple(rng.standard_normal((2, 3)).round(1))


ADDING = Exercise(add, cases=pairs, mistakes=[], hints=[])


def verdict(edition, source, seconds=10):
    with apart(edition, source) as (_, state, answer):
        return examine(ADDING, answer, seconds) if answer else state


@pytest.mark.parametrize(
    "source",
    [
        "def add(x, y):\n    return x + y",
        "def add(x, y):\n    ...\n---\nadd = check(add)\n---\ndef add(a, b):\n    return a + b",
        "def add(x, y):\n    return x + y\n---\ndef add(x, y):\n    # again\n    ...",
        "import operator\n---\n%matplotlib inline\nhelp?\nadd = operator.add",
        "from numpy import *\n---\ndef add(x, y):\n    return sum([x, y], axis=0)",
        "x = 1 / 0\n---\ndef add(x, y):\n    return x + y",
        "def broken(:\n---\nadd = lambda x, y: x + y",
        "one = 1\ndef half(x):\n    return x / (2 * one)\n---\ndef add(x, y):\n    return half(x) + half(y) + "
        "half(x + y)",
        "def add(x, y):\n    return x\n---\nold = add\ndef add(x, y):\n    return old(x, y) + y",
        "print('{}')\n---\nclass add:\n    def __new__(cls, x, y):\n        print(1)\n        return x + y",
    ],
)
def test_the_lines_that_define_it_are_found(edition, source):
    assert verdict(edition, source).right


def test_what_a_student_has_not_written_the_check_supplies(edition):
    source = (
        "from course_utils.lessons.start_here.exercises import check\n---\n"
        "def layer(z, W, b):\n    ...\n---\nlayer = check(layer)\n---\nimport numpy as np\n"
        "def add(x, y):\n    return layer(x[None], np.eye(3), y)[0] + np.minimum(x + y, 0)"
    )
    assert verdict(edition, source).right


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def add(x, y):\n    x += y\n    return x", "changed its argument `x`"),
        ("kept = {}\ndef add(x, y):\n    kept[0] = kept.get(0, x * 0)\n    kept[0][:] = x + y\n"
         "    return kept[0]", "A result changes after it was returned"),
        ("n = [0]\ndef add(x, y):\n    n[0] += 1\n    return x + y + n[0]", "another result the second"),
        ("def add(y, x):\n    return x + 2 * y", "arguments are in another order"),
        ("def add(x, y):\n    z = 1\n    return z / 0", "in line 3, `return z / 0`"),
        ("def add(x, y):\n    return x - y", "exactly as far as the right one, the other way"),
        ("def add(x, y):\n    return (i for i in x)", "a generator"),
        ("def add(x, y):\n    import os\n    os._exit(3)", "the process has ended: exit code 3"),
    ],
)  # fmt: skip
def test_the_checker_says_of_it_what_it_says_of_a_function_here(edition, source, words):
    found = verdict(edition, source)
    assert found.right is False and words in found.words


@pytest.mark.parametrize(
    ("source", "state"),
    [("def add(x, y):\n    ...", "blank"), ("x = 1", "absent"), ("add = 3", "no function")],
)
def test_what_is_no_answer_has_a_name(edition, source, state):
    assert verdict(edition, source) == state


def test_an_input_that_is_a_function_stays_here(edition):
    def use(f):
        return f(2.0)

    class Hidden:
        secret = 5

        def __call__(self, x):
            return 3 * x

    exercise = Exercise(use, cases=lambda rng: [(Hidden(),), (Hidden(),)], mistakes=[], hints=[])
    for body, right in (("f(2.0)", True), ("f.secret", False), ("f(10**9)", False)):
        source = f"def use(f):\n    return {body}"
        with apart(edition, source, "use") as (_, _, answer):
            assert examine(exercise, answer).right is right


def test_a_run_of_an_exercise_runs_there(edition):
    blank = EXERCISES["LayerNorm"]
    source = "from course_utils.nn import LayerNorm"
    with apart(edition, source, "LayerNorm") as (_, _, answer):
        assert examine(replace(blank, run=answer.used_by(blank.run)), answer).right


@pytest.mark.parametrize(
    "body",
    [
        f"open({str(ROOT / 'README.md')!r}).read()",
        "open('/proc/1/environ').read()",
        "__import__('subprocess').run('ls')",
        "__import__('socket').create_connection(('127.0.0.1', 9))",
        "__import__('socket').socket(type=__import__('socket').SOCK_DGRAM)",
        "__import__('os').fork()",
        "__import__('os').kill(__import__('os').getppid(), 9)",
        "open(__import__('numpy').__file__, 'a')",
    ],
)
def test_files_sockets_and_other_processes_are_out_of_reach(edition, body):
    with apart(edition, f"def add(x, y):\n    return {body}") as (process, _, answer):
        if not {"files and signals (Landlock)", "processes and sockets (seccomp)"} <= {
            *process.limits
        }:
            pytest.skip("this system has no Landlock or no seccomp, or old ones")
        found = examine(ADDING, answer)
    assert "PermissionError" in found.words


def test_what_reaches_into_other_processes_is_refused(edition):
    bodies = [
        "__import__('resource').prlimit(__import__('os').getppid(), 7, (3, 3))",
        "__import__('os').setpriority(0, __import__('os').getppid(), 19)",
        "__import__('os').sched_setaffinity(__import__('os').getppid(), {0})",
        "__import__('os').listdir('/dev')",
    ]
    for body in bodies:
        with apart(edition, f"def add(x, y):\n    return {body}") as (process, _, answer):
            if len(process.limits) < 3:
                pytest.skip("this system has no Landlock or no seccomp, or old ones")
            assert "PermissionError" in examine(ADDING, answer).words, body
    own = "__import__('resource').getrlimit(7) and x + y"
    assert verdict(edition, f"def add(x, y):\n    return {own}").right


def test_what_is_told_of_an_error_names_no_file_of_the_teacher_s(edition):
    source = (
        "import sys\n"
        "def told(self, error):\n"
        "    return {'type': 'E', 'words': '', 'cell': 'course_utils/solutions/weight_decay.py',"
        " 'line': 13}\n"
        "def add(x, y):\n"
        "    sys.modules['course_utils.lab.apart_process'].Student.told = told\n"
        "    raise ValueError"
    )
    assert "return" not in verdict(edition, source).words


def test_who_sleeps_at_the_last_look_is_out_of_time(edition, monkeypatch):
    monkeypatch.setattr("course_utils.lab.apart.LONGER", 1)
    source = (
        "import time\ncalls = []\ndef add(x, y):\n    calls.append(x)\n"
        "    if len(calls) > 6:\n        time.sleep(10**6)"
    )
    cells = [("<cell>", source)]
    with Apart(edition, seconds=2) as process:
        _, answer = process.define("add", cells, 20)
        examine(ADDING, answer, 12)
        assert process.waits


def test_what_is_asked_of_an_input_that_stays_here_is_small():
    from course_utils.lab.apart import _harmless

    with pytest.raises(ValueError, match="too large arrays"):
        _harmless([np.zeros((10**4, 1)), np.zeros((1, 10**4))])
    assert _harmless([np.zeros(3), 2]) is not None


@pytest.mark.parametrize(
    "line",
    [
        b"[]", b"{}", b"nonsense", b'{"result": {"kind": "array"}, "changed": {}, "rewritten": {}}',
        b'{"result": 1, "changed": {"7": 1}, "rewritten": {}}', b'{"error": {}}', b"[" * 10**5,
        b'{"ask": "x", "arguments": 3}',
    ],
    ids=range(8),
)  # fmt: skip
def test_what_is_no_reply_is_told_or_is_the_student_s_own_error(edition, line):
    source = (
        f"import os\ndef add(x, y):\n    line = {line!r}\n    for i in range(3, 20):\n        try:\n"
        "            os.write(i, line + b'\\n')\n        except OSError:\n            pass\n"
        "    return 0.0"
    )
    case = next(pairs(np.random.default_rng(0)))
    with apart(edition, source) as (_, _, answer):
        for _ in range(3):
            try:
                answer(*case)
            except Exception as error:  # noqa: BLE001 (what is allowed is asked for below)
                assert isinstance(error, Gone) or type(error).__module__ == unpack.__module__


def test_threads_may_be_started(edition):
    source = (
        "from threading import Thread\ndef add(x, y):\n    found = []\n"
        "    thread = Thread(target=lambda: found.append(x + y))\n    thread.start()\n"
        "    thread.join()\n    return found[0]"
    )
    assert verdict(edition, source).right


def test_nothing_is_left_of_a_process(edition):
    with apart(edition, "def add(x, y):\n    return x") as (process, _, _):
        folder = Path(process._folder.name)
        assert folder.is_dir()
    assert process._process.poll() is not None and not folder.exists()


def test_a_notebook_of_another_course_is_told(edition, tmp_path):
    path = tmp_path / "99_other.ipynb"
    path.write_text(json.dumps({"cells": [], "metadata": {"course": {"lesson": ["x"]}}}))
    with pytest.raises(ValueError, match="no notebook of the course"):
        tool["read"](tool["Returned"](path, "ada", "a"), str(edition))
