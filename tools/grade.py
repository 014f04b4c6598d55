"""Grade returned notebooks of the student edition: a folder in, one table out.

    python tools/grade.py RETURNED RESULTS

RETURNED holds notebooks in any nesting. The first folder below it names the student; a notebook that
lies in RETURNED itself belongs to whoever its name begins with, ada_02_initialization.ipynb to ada.
A notebook is known by what the student edition wrote into it, by its cells, or by its file name.
RESULTS, which must be new or empty, gets

- grades.csv: student, notebook, task, verdict, points, words, file. The verdict is *right*, *known
  mistake*, *wrong*, *not attempted*, *error*, *out of time*, *to be read* for an open task and for
  what stands outside of all of them, or *practice* for the blanks: how many hold code, right or not,
- students.csv: a line a student, with the points of every notebook that anybody returned and their
  sum; of two files of one notebook the better verdict counts, task by task, and a note says so,
- open/: a page for each open task, with its question and what every student wrote and drew for it.

Run twice it gives the same table: what is limited is processor time. One that only sleeps is ended
after six times as long.

How an exercise is judged: of a returned notebook only the lines that define the graded function run,
and what these use, in a process of their own that has a *student edition* of the course, without
answers. The checker runs here, with this copy's references, sends inputs over and gets data back,
never objects (course_utils/lab/apart.py). An answer that is right on the inputs that students have
is tried on others. So a changed checker, a changed library or a forged verdict in a notebook has no
effect, an endless loop, a huge array or `os._exit` costs one row, and nothing of the student's is
run or shown as code here: pages hold text and pictures only.

What is isolated: time, memory and the size of files; on Linux also all files but Python's and the
edition's and signals to other processes (Landlock, from Linux 5.13 and 6.12 on), and sockets and new
processes (seccomp, on x86-64 and ARM). The last line of the output says what was in force. What is
*not*: the same user runs all, in the same kernel. And on macOS, or where the last line says less, a
student's code can read what you can, this copy's answers among it, connect, and start processes. A
container keeps that in too. This line is *not tried*, since there was none where it was written
(IMAGE has `python3` and the packages of requirements.lock, EDITION is a student edition):

    --edition EDITION --python python3 --inside "docker run --rm --interactive --network none
    --memory 2g --pids-limit 64 --read-only --tmpfs /tmp --workdir /tmp --env PYTHONPATH={edition}
    --volume {edition}:{edition}:ro IMAGE timeout 300"

For Linux and macOS.
"""

import argparse
import ast
import csv
import json
import re
import shlex
import sys
import tempfile
import threading
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import answers
import handout

from course_utils import lessons
from course_utils.lab import stored
from course_utils.lab.apart import Apart, Gone
from course_utils.lab.apart_process import binds, checks, is_blank
from course_utils.lab.apart_process import read as read_statements
from course_utils.lab.checker import call, examine
from course_utils.lab.diagnosis.view import is_float_or_int, replaced

COLUMNS = ("student", "notebook", "task", "verdict", "points", "words", "file")
SEEDS = (1, 2)  # of the inputs that students have not seen
WAIT = 6  # times as long for one that sleeps: a busy computer is no fault of a student's
LARGEST_FILE = 50_000_000  # bytes
ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with which a spreadsheet would begin to compute


@dataclass(frozen=True)
class Settings:
    """How to run a student's code: of the command line."""

    edition: str
    inside: tuple[str, ...]
    python: str | None
    seconds: float
    memory: int


@dataclass(frozen=True)
class Returned:
    """A returned file, and whose it is."""

    path: Path
    student: str
    file: str


def returned(folder):
    """What was handed in: a list, in order. Hidden files and links do not count.

    Besides notebooks that is what somebody may take for one: a student's folder without any, a zip
    anywhere, and any other file that lies in the folder itself.
    """
    found, folder = [], folder.resolve()
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if hidden or not path.is_file() or path.resolve() != path:
            continue
        if path.suffix in (".ipynb", ".zip") or path.parent == folder:
            student = inside.parts[0] if len(inside.parts) > 1 else _author(path.stem)
            found.append(Returned(path, student, str(inside)))
    empty = {each.name for each in folder.iterdir() if each.is_dir()} - {f.student for f in found}
    found += [Returned(folder / name, name, name) for name in empty if not name.startswith(".")]
    return sorted(found, key=lambda each: each.file)


def _author(stem):
    """Whose a file is that lies among others: "ada_02_initialization (1)" is ada's."""
    names = [path.stem.replace("_", "[_ ]") for path in lessons.NOTEBOOKS.glob("*.ipynb")]
    before, *behind = re.split("|".join(names), stem, maxsplit=1)
    return before.strip("_- .") or "".join(behind).strip("_- .") or stem


# What is graded


@cache
def handed_out(edition):
    """The notebooks of a student edition, by lesson."""
    paths = sorted((Path(edition) / "notebooks").glob("*.ipynb"))
    found = [json.loads(path.read_text("utf-8")) for path in paths]
    return {each["metadata"]["course"]["lesson"]: each for each in found}


@cache
def exercises(lesson):
    """The exercises of a lesson by name."""
    return {each.name: each for each in lessons.all_exercises().get(lesson, [])}


def read(item, edition):
    """A returned notebook as (lesson, cells); a ValueError in words for what is none."""
    if item.path.is_dir():
        raise ValueError("There is no notebook in the folder.")
    if item.path.suffix != ".ipynb":
        unpack = " Unpack it and grade anew." if item.path.suffix == ".zip" else ""
        raise ValueError(f"The file is no notebook.{unpack}")
    if item.path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"The file is larger than {LARGEST_FILE // 10**6} MB.")
    try:
        content = json.loads(item.path.read_bytes())
        cells = [
            {
                "id": str(cell.get("id", "")),
                "kind": str(cell.get("cell_type", "")),
                "source": answers.text(cell.get("source", "")),
                "outputs": [each for each in cell.get("outputs", []) if isinstance(each, dict)],
                "attachments": cell.get("attachments"),
            }
            for cell in content["cells"]
        ]
        course = content.get("metadata", {}).get("course", {})
        lesson = course.get("lesson") if isinstance(course, dict) else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"The file is no notebook ({type(error).__name__}).") from None
    known = handed_out(edition)
    if lesson not in list(known):
        lesson = _lesson(cells, item.path.stem, known)
    return lesson, cells


def _lesson(cells, stem, known):
    """The lesson of a notebook that does not say it: by most of its cells, or by its file's name."""

    def share(lesson):
        keys = answers.recognized(cells, known[lesson]["cells"])
        return sum(key is not None for key in keys) / len(known[lesson]["cells"])

    named = [name for name in known if name in stem]
    if (likely := max(known, key=share)) and share(likely) > 0.5:
        return likely
    if not named:
        raise ValueError("It is no notebook of the course, by name or by what it holds.")
    return max(named, key=len)


# Exercises


def grade(item, settings):
    """All that there is to say of a returned file: rows, the parts of its open tasks, and what was
    in force when its code ran."""
    about = {"student": item.student, "file": item.file}
    try:
        lesson, cells = read(item, settings.edition)
    except (ValueError, OSError) as error:
        return [about | _row("", "", "error", str(error))], {}, ()
    original = handed_out(settings.edition)[lesson]
    course, rows, limits = original["metadata"]["course"], [], set()
    code = [
        (f"<cell {i} {c['id']}>", c["source"]) for i, c in enumerate(cells) if c["kind"] == "code"
    ]
    statements, _ = read_statements(code)
    handed, _ = read_statements(
        [
            (c["id"], answers.text(c["source"]))
            for c in original["cells"]
            if c["cell_type"] == "code"
        ]
    )
    new = _functions(statements) - _functions(handed)
    for name in course["graded"]:
        verdict, words = _judge(exercises(lesson)[name], code, new, settings, limits)
        rows.append(about | _row(lesson, name, verdict, words))
    parts = answers.written(cells, original["cells"], course["tasks"])
    for key, title in course["tasks"].items():
        verdict = "to be read" if parts[key] else "not attempted"
        rows.append(about | _row(lesson, key, verdict, title))
    rows.append(about | _practiced(lesson, course["graded"], statements))
    if parts[answers.ELSEWHERE]:
        words = "Written outside of the open tasks."
        rows.append(about | _row(lesson, answers.ELSEWHERE, "to be read", words))
    return rows, {(lesson, key): own for key, own in parts.items()}, tuple(limits)


def _practiced(lesson, graded, statements):
    """The row that says how many of the blanks, and other practice, hold code. None of it runs."""

    def is_written(name):
        return any(
            name in binds(each) and checks(each) != name and not is_blank(each)
            for _, each in statements
        )

    names = [name for name in exercises(lesson) if name not in graded]
    written = sum(map(is_written, names))
    words = f"{written} of {len(names)} hold code."
    return _row(lesson, "blanks", "practice", words) | {"written": written, "blanks": len(names)}


def _functions(statements):
    """The names of the functions that a notebook defines."""
    return {each.name for _, each in statements if isinstance(each, ast.FunctionDef)}


def _row(lesson, task, verdict, words):
    points = {"right": 1, "to be read": "", "practice": ""}.get(verdict, 0)
    words = ADDRESS.sub("0x...", words)
    return {"notebook": lesson, "task": task, "verdict": verdict, "points": points, "words": words}


def _judge(exercise, cells, new, settings, limits):
    """The verdict on one exercise, and its words; `new` are functions of the student's own."""
    try:
        own = Apart(
            settings.edition, settings.inside, settings.python,
            seconds=max(1, int(settings.seconds)), memory=settings.memory,
        )  # fmt: skip
        with own as p:
            limits.update(p.limits)
            try:
                state, answer = p.define(exercise.name, cells, WAIT * settings.seconds)
            except TimeoutError:
                return "out of time", "The lines that define it do not end."
            if answer is None:
                return _unanswered(state, new)
            if exercise.run is not call:
                exercise = replace(exercise, run=answer.used_by(exercise.run))
            return _examined(exercise, answer, p, WAIT * settings.seconds)
    except Gone as error:
        if own.waits:
            return "out of time", "The lines that define it do not end."
        return "error", f"It stopped: {error}."
    except Exception as error:  # noqa: BLE001 (what the student's lines raised)
        return "error", f"It stopped with `{type(error).__name__}: {error}` before it was called."


def _unanswered(state, new):
    if state == "no function":
        return "error", "Under its name stands something that cannot be called."
    if state == "blank":
        return "not attempted", ""
    if new:
        return "error", f"It is no longer in the notebook, where these are new: {_list(new)}."
    return "not attempted", "It is no longer in the notebook."


def _list(names):
    return ", ".join(f"`{name}`" for name in sorted(names))


def _examined(exercise, answer, process, seconds):
    verdict = examine(exercise, answer, seconds)
    others = "" if verdict.right else None
    for cases in _other_cases(exercise) if verdict.right else ():
        other = examine(replace(exercise, cases=lambda rng, cases=cases: cases), answer, seconds)
        if not other.right:
            verdict, others = other, "Right on the inputs that students have, not on others. "
            break
    if verdict.right:
        return "right", verdict.words
    words = (others or "") + verdict.words
    if process.waits:
        return "out of time", "It takes more time than there is. Is there a loop that never ends?"
    if verdict.right is None:
        return "not attempted", words
    if any(verdict.words == mistake.words for mistake in exercise.mistakes):
        return "known mistake", words
    return "error" if verdict.words.startswith("It stopped with") else "wrong", words


def _other_cases(exercise):
    """Inputs that the student edition does not hold: lists of cases."""
    usual = list(exercise.cases(np.random.default_rng(0)))
    known = set(map(stored.fingerprint, usual))
    for seed in SEEDS:
        cases = list(exercise.cases(np.random.default_rng(seed)))
        if known.isdisjoint(map(stored.fingerprint, cases)):
            yield cases
            continue
        nearby = [
            replaced(case, i, value)
            for case in cases
            for i, part in enumerate(case)
            if is_float_or_int(part)
            for value in _near(part)
        ]
        yield nearby or cases


def _near(value):
    """Other values than an argument's, within what it may be, and none that the edition holds."""
    if isinstance(value, int):
        return [value + 3, value + 7]
    return [0.7 * value + 0.11, 0.4 * value + 0.07] if 0 <= value < 1 else [1.7 * value + 0.3]


# All of them


_own_judge = threading.local()  # of a thread: a process that judges one notebook after another


def _apart(item, settings):
    """`grade` in a process that may die: then only this file is lost."""
    if getattr(_own_judge, "pool", None) is None:
        _own_judge.pool = ProcessPoolExecutor(1, get_context("spawn"))
    try:
        return _own_judge.pool.submit(grade, item, settings).result()
    except BrokenProcessPool:
        _own_judge.pool = None
        words = "Grading it ended the process that does it."
    except Exception as error:  # noqa: BLE001 (no file may cost another's row)
        words = f"Grading it stopped with {type(error).__name__}: {error}"
    return [{"student": item.student, "file": item.file} | _row("", "", "error", words)], {}, ()


def grade_all(items, settings, jobs):
    """The results of `grade`, in order."""
    with ThreadPoolExecutor(jobs) as threads:
        found = threads.map(lambda item: _apart(item, settings), items)
        return list(tqdm(found, total=len(items), unit="notebook"))


def write(results, folder, edition):
    """Write the tables and the pages, and return the rows of the first."""
    rows = [row for rows, _, _ in results for row in rows]
    rows.sort(key=lambda row: [row[column] for column in ("student", "notebook", "file", "task")])
    _write_table(folder / "grades.csv", COLUMNS, rows)
    students = list(by_student(rows, edition))
    _write_table(folder / "students.csv", students[0] if students else ("student",), students)
    given = {}
    for rows_of_one, parts, _ in results:
        for task, own in parts.items():
            if own:
                name = "{student} ({file})".format(**rows_of_one[0])
                given.setdefault(task, []).append((name, own))
    (folder / "open").mkdir()
    for (lesson, key), found in sorted(given.items()):
        original = handed_out(edition)[lesson]
        title = original["metadata"]["course"]["tasks"].get(key, "outside of the open tasks")
        page = answers.page(f"{lesson}: {title}", _task(original["cells"], key), sorted(found))
        (folder / "open" / f"{lesson}_{key}.html").write_text(page, "utf-8", "backslashreplace")
    return rows


def _write_table(path, columns, rows):
    with open(path, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        table = csv.DictWriter(file, columns, extrasaction="ignore")
        table.writeheader()
        for row in rows:
            table.writerow({key: _plain(value) for key, value in row.items()})


def _task(cells, key):
    """The texts that set an open task, its rubric among them."""
    order = [cell["id"] for cell in cells]
    if key not in order:
        return []
    task = cells[order.index(key) : order.index(f"{key}-answer")]
    return [answers.text(cell["source"]) for cell in task if cell["cell_type"] == "markdown"]


def by_student(rows, edition):
    """A line a student, a dict: points in all and by notebook, what is to be read, and notes.

    `of` counts the graded exercises of every notebook that anybody returned.
    """
    of = {
        lesson: len(each["metadata"]["course"]["graded"])
        for lesson, each in handed_out(edition).items()
        if any(row["notebook"] == lesson for row in rows)
    }
    for student, own in groupby(rows, key=lambda row: row["student"]):
        best, files, notes = {}, {}, []
        for row in own:
            if not row["notebook"]:
                notes.append(f"{row['file']}: {row['words']}")
                continue
            task = row["notebook"], row["task"]
            best[task] = max(best.get(task, row), row, key=_worth)
            files.setdefault(row["notebook"], set()).add(row["file"])
        points = {
            lesson: sum(row["points"] or 0 for task, row in best.items() if task[0] == lesson)
            for lesson in of
        }
        notes += [f"{name}: {len(found)} files" for name, found in files.items() if len(found) > 1]
        to_be_read = sum(row["verdict"] == "to be read" for row in best.values())
        written, blanks = (
            sum(r.get(key, 0) for r in best.values()) for key in ("written", "blanks")
        )
        yield {
            "student": student, "points": sum(points.values()), "of": sum(of.values()), **points,
            "to be read": to_be_read, "practice": f"{written} of {blanks}", "notes": "; ".join(notes),
        }  # fmt: skip


def _worth(row):
    return row["points"] or 0, row["verdict"] == "to be read", row.get("written", 0)


def _plain(value):
    """A value that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("returned", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--edition", type=Path, help="a student edition; without it one is made")
    parser.add_argument("--inside", default="", help="a command that runs another, in a container")
    parser.add_argument("--python", help="the Python to run there; without it this one")
    parser.add_argument("--jobs", type=int, default=2, help="notebooks at a time")
    parser.add_argument(
        "--seconds", type=float, default=10, help="of processor time, for each exercise"
    )
    parser.add_argument("--memory", type=int, default=2000, help="MB for each exercise")
    given = parser.parse_args(arguments)
    if given.results.exists() and any(given.results.iterdir()):
        parser.error(f"{given.results} is not empty: name a new folder")
    given.results.mkdir(parents=True, exist_ok=True)
    items = returned(given.returned)
    with tempfile.TemporaryDirectory() as folder:
        edition = given.edition or Path(folder) / "edition"
        if given.edition is None:
            handout.make(edition)
        settings = Settings(
            str(edition.resolve()), tuple(shlex.split(given.inside)), given.python, given.seconds,
            given.memory * 10**6,
        )  # fmt: skip
        results = grade_all(items, settings, given.jobs)
        rows = write(results, given.results, settings.edition)
    counts = Counter(row["verdict"] for row in rows)
    print(f"{len(items)} notebooks of {len({item.student for item in items})} students:", end=" ")
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
    print("limited were", "; ".join(sorted({each for *_, found in results for each in found})))


if __name__ == "__main__":
    main()
