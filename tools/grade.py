"""Grade returned notebooks of the student edition: a folder in, one table out.

    python tools/grade.py RETURNED RESULTS

RETURNED holds notebooks in any nesting. The first folder below it names the student; a notebook that
lies in RETURNED itself is its own student. A notebook is known by what the student edition wrote
into it, or by its file name. RESULTS, which must be new or empty, gets

- grades.csv: student, notebook, task, verdict, points, words, file. The verdict is *right*, *known
  mistake*, *wrong*, *not attempted*, *error*, *out of time*, or *to be read* for an open task,
- open/: a page for each open task, with what every student wrote and drew for it.

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
import base64
import csv
import html
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
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import handout

from course_utils import lessons
from course_utils.lab import stored
from course_utils.lab.apart import Apart, Gone
from course_utils.lab.checker import call, examine
from course_utils.lab.diagnosis.view import is_float_or_int, replaced

COLUMNS = ("student", "notebook", "task", "verdict", "points", "words", "file")
SEEDS = (1, 2)  # of the inputs that students have not seen
WAIT = 6  # times as long for one that sleeps: a busy computer is no fault of a student's
LARGEST_FILE = 50_000_000  # bytes
LARGEST_PICTURE = 3_000_000
LONGEST_TEXT = 20_000  # characters of a cell on a page
PNG = b"\x89PNG\r\n"
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
    """The notebooks in a folder, hidden ones and links apart: a list, in order.

    A student's folder without any stands for itself.
    """
    found, folder = [], folder.resolve()
    for path in sorted(folder.rglob("*.ipynb")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if not hidden and path.is_file() and path.resolve() == path:
            student = inside.parts[0] if len(inside.parts) > 1 else _author(path.stem)
            found.append(Returned(path, student, str(inside)))
    empty = {each.name for each in folder.iterdir() if each.is_dir()} - {f.student for f in found}
    found += [Returned(folder / name, name, name) for name in empty if not name.startswith(".")]
    return sorted(found, key=lambda each: each.file)


def _author(stem):
    """Whose a file is that lies among others: "ada_02_initialization" is ada's."""
    names = "|".join(path.stem for path in lessons.NOTEBOOKS.glob("*.ipynb"))
    return re.sub(names, "", stem).strip("_- .") or stem


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
    if item.path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"The file is larger than {LARGEST_FILE // 10**6} MB.")
    try:
        content = json.loads(item.path.read_bytes())
        cells = [
            {
                "id": str(cell.get("id", "")),
                "kind": str(cell.get("cell_type", "")),
                "source": _text(cell.get("source", "")),
                "outputs": [each for each in cell.get("outputs", []) if isinstance(each, dict)],
            }
            for cell in content["cells"]
        ]
        course = content.get("metadata", {}).get("course", {})
        lesson = course.get("lesson") if isinstance(course, dict) else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"The file is no notebook ({type(error).__name__}).") from None
    known = handed_out(edition)
    if lesson not in list(known):
        named = [name for name in known if name in item.path.stem]
        if not named:
            raise ValueError("It is no notebook of the course, by name or by what it holds.")
        lesson = max(named, key=len)
    return lesson, cells


def _text(source):
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


# Exercises


def grade(item, settings):
    """All that there is to say of a returned file: rows, the parts of its open tasks, and what was
    in force when its code ran."""
    about = {"student": item.student, "file": item.file}
    try:
        lesson, cells = read(item, settings.edition)
    except (ValueError, OSError) as error:
        return [about | _row("", "", "error", str(error))], {}, ()
    course = handed_out(settings.edition)[lesson]["metadata"]["course"]
    rows, limits = [], set()
    code = [
        (f"<cell {i} {c['id']}>", c["source"]) for i, c in enumerate(cells) if c["kind"] == "code"
    ]
    for name in course["graded"]:
        verdict, words = _judge(exercises(lesson)[name], code, settings, limits)
        rows.append(about | _row(lesson, name, verdict, words))
    parts = {}
    for key in course["tasks"]:
        parts[lesson, key] = _own(cells, handed_out(settings.edition)[lesson]["cells"], key)
        verdict = "to be read" if parts[lesson, key] else "not attempted"
        rows.append(about | _row(lesson, key, verdict, course["tasks"][key]))
    return rows, parts, tuple(limits)


def _row(lesson, task, verdict, words):
    points = {"right": 1, "to be read": ""}.get(verdict, 0)
    words = ADDRESS.sub("0x...", words)
    return {"notebook": lesson, "task": task, "verdict": verdict, "points": points, "words": words}


def _judge(exercise, cells, settings, limits):
    """The verdict on one exercise, and its words."""
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
                return _unanswered(state)
            if exercise.run is not call:
                exercise = replace(exercise, run=answer.used_by(exercise.run))
            return _examined(exercise, answer, p, WAIT * settings.seconds)
    except Gone as error:
        if own.waits:
            return "out of time", "The lines that define it do not end."
        return "error", f"It stopped: {error}."
    except Exception as error:  # noqa: BLE001 (what the student's lines raised)
        return "error", f"It stopped with `{type(error).__name__}: {error}` before it was called."


def _unanswered(state):
    if state == "no function":
        return "error", "Under its name stands something that cannot be called."
    return "not attempted", "" if state == "blank" else "It is no longer in the notebook."


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


# Open tasks


def _own(cells, original, key):
    """What a student wrote for an open task, in order: ("text" or "code" or "png", content) pairs.

    A task reaches from the cell that sets it to its answer's, and on to the next cell that was
    handed out. Only what was not handed out counts.
    """
    was = {cell["id"]: _text(cell["source"]) for cell in original}
    order = list(was)
    first, last = order.index(key), order.index(f"{key}-answer")
    task, parts, inside = set(order[first : last + 1]), [], False
    for cell in cells:
        if cell["id"] in was:
            inside = cell["id"] in task
        if not inside or was.get(cell["id"]) == cell["source"] or not cell["source"].strip():
            continue
        if cell["id"] == key:  # the question itself
            continue
        is_code = cell["kind"] == "code"
        parts.append(("code" if is_code else "text", cell["source"][:LONGEST_TEXT]))
        for output in cell["outputs"] if is_code else ():
            parts += _shown(output)
    return parts


def _shown(output):
    """Text and pictures of one output of a cell."""
    data = output.get("data")
    data = data if isinstance(data, dict) else {}
    picture = data.get("image/png")
    if isinstance(picture, str) and len(picture) < LARGEST_PICTURE:
        try:
            picture = base64.b64decode("".join(picture.split()), validate=True)
        except ValueError:
            picture = b""
        if picture.startswith(PNG):
            yield "png", base64.b64encode(picture).decode()
            return
    text = _text(output.get("text", "") or data.get("text/plain", ""))
    if text.strip():
        yield "output", text[:LONGEST_TEXT]


PAGE = """<!DOCTYPE html>
<meta charset="utf-8"><meta http-equiv="Content-Security-Policy"
content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>body {{ max-width: 50em; margin: 2em auto; font: 16px/1.5 sans-serif }}
pre {{ white-space: pre-wrap; background: #f3f3f3; padding: 0.6em }}
p {{ white-space: pre-wrap }} img {{ max-width: 100% }}</style>
<h1>{title}</h1>
"""


def page(title, answers):
    """A page with every student's parts of one open task: text and pictures, nothing that runs."""
    lines = [PAGE.format(title=html.escape(title))]
    for student, parts in answers:
        lines.append(f"<h2>{html.escape(student)}</h2>")
        for kind, content in parts:
            if kind == "png":
                lines.append(f'<img alt="" src="data:image/png;base64,{content}">')
            else:
                tag = "p" if kind == "text" else "pre"
                lines.append(f"<{tag}>{html.escape(content)}</{tag}>")
    return "\n".join(lines) + "\n"


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
    """Write the table and the pages."""
    rows = [row for rows, _, _ in results for row in rows]
    rows.sort(key=lambda row: [row[column] for column in ("student", "notebook", "file", "task")])
    with open(
        folder / "grades.csv", "w", newline="", encoding="utf-8", errors="backslashreplace"
    ) as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        for row in rows:
            table.writerow({key: _plain(value) for key, value in row.items()})
    answers = {}
    for rows_of_one, parts, _ in results:
        for task, own in parts.items():
            if own:
                name = "{student} ({file})".format(**rows_of_one[0])
                answers.setdefault(task, []).append((name, own))
    (folder / "open").mkdir()
    for (lesson, key), given in sorted(answers.items()):
        title = handed_out(edition)[lesson]["metadata"]["course"]["tasks"][key]
        text = page(f"{lesson}: {title}", sorted(given))
        (folder / "open" / f"{lesson}_{key}.html").write_text(text, "utf-8", "backslashreplace")
    return rows


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
