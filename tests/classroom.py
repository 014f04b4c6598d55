"""A class made up: notebooks as students return them, and what grading them should say.

    python tools/handout.py EDITION
    python tests/classroom.py make EDITION CLASS 100 [NOTEBOOK ...]
    time python tools/grade.py CLASS RESULTS --edition EDITION
    python tests/classroom.py compare CLASS RESULTS/grades.csv

The last line compares the table with what each notebook was made to be.
"""

import ast
import base64
import copy
import csv
import inspect
import json
import sys
from collections import Counter
from pathlib import Path

from course_utils import lessons

ROOT = Path(__file__).resolve().parents[1]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

# The body of a function, and the verdicts that it may get.
HOSTILE = {
    "while True:\n    pass": {"out of time"},
    "try:\n    while True:\n        pass\nexcept BaseException:\n    pass": {"out of time"},
    "import time\ntime.sleep(10**6)": {"out of time"},
    "return __import__('numpy').ones(10**11)": {"error"},
    "held = []\nwhile True:\n    held.append(bytearray(10**8))": {"error"},
    "import sys\nsys.exit()": {"error"},
    "import os\nos._exit(0)": {"error"},
    "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)": {"error"},
    "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)": {"error", "wrong"},
    "import os\nfor _ in range(9):\n    os.fork()": {"error"},
    "import ctypes\nctypes.string_at(0)": {"error"},
    "def again():\n    return again()\nreturn again()": {"error"},
    "import os\nfor i in range(3, 30):\n    try:\n        os.write(i, b'{}\\n')\n"
    "    except OSError:\n        pass": {"error", "wrong"},
    "import os\nfor i in range(3, 30):\n    try:\n        os.write(i, b'x' * 10**8)\n"
    "    except OSError:\n        pass": {"error", "out of time", "wrong"},
    "from course_utils.lab import checker\nchecker.Trial = None\n"
    "checker.examine = lambda *_: checker.Verdict(True, '')\nreturn 1": {"wrong", "error", "known mistake"},
    "import numpy\nnumpy.isclose = lambda *a, **k: numpy.array(True)\nreturn 1": {"wrong", "known mistake"},
    "class Right(float):\n    __eq__ = __lt__ = __gt__ = lambda *_: True\n"
    "return Right(1)": {"wrong", "error", "known mistake"},
    "class Evil:\n    def __reduce__(self):\n        return exit, ()\nreturn Evil()": {"wrong"},
    "raise KeyboardInterrupt": {"error"},
    "return '=HYPERLINK(1)' * 10**6": {"wrong"},
}  # fmt: skip
STOLEN = (  # the reference, from where a student finds it
    "from course_utils.lessons import all_exercises\n"
    "found = {{e.name: e for each in all_exercises().values() for e in each}}\n"
    "return found['{name}'].reference({arguments})"
)
FILES = {
    "binary": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40,
    "cut off": b'{"cells": [{"cell_type": "code", "source": ["import num',
    "empty": b"",
    "a list": b"[1, 2, 3]",
    "nested": b"[" * 100_000,
}


class Course:
    """What the full course knows of each graded exercise: answers of every kind, as text."""

    def __init__(self, edition):
        self.notebooks, self.solutions, self.mistakes, self.arguments = {}, {}, {}, {}
        for path in sorted((Path(edition) / "notebooks").glob("*.ipynb")):
            self.notebooks[path.stem] = json.loads(path.read_text("utf-8"))
        for lesson, exercises in lessons.all_exercises().items():
            text = (ROOT / "course_utils" / "solutions" / f"{lesson}.py").read_text("utf-8")
            imports = [
                n for n in ast.parse(text).body if isinstance(n, ast.Import | ast.ImportFrom)
            ]
            head = "\n".join(map(ast.unparse, imports))
            for node in ast.parse(text).body:
                if isinstance(node, ast.FunctionDef):
                    self.solutions[node.name] = f"{head}\n\n{ast.get_source_segment(text, node)}"
            for each in exercises:  # one without a solution has its reference
                if each.name not in self.solutions and inspect.isfunction(each.reference):
                    source = inspect.getsource(each.reference)
                    self.solutions[each.name] = f"import numpy as np\n\n{source}"
            path = ROOT / "course_utils" / "lessons" / lesson / "exercises.py"
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Exercise":
                    self._learn(node)
            self.arguments |= {each.name: ", ".join(each.arguments) for each in exercises}

    def _learn(self, node):
        """The known mistakes of an exercise that are a line of NumPy alone."""
        given = {each.arg: each.value for each in node.keywords}
        for mistake in getattr(given.get("mistakes"), "elts", ()):
            code = mistake.args[0] if isinstance(mistake, ast.Call) and mistake.args else None
            if isinstance(code, ast.Lambda):
                own = {each.arg for each in code.args.args} | {"np"}
                used = {each.id for each in ast.walk(code) if isinstance(each, ast.Name)}
                looks_inside = any(
                    isinstance(each, ast.Attribute) and getattr(each.value, "id", "np") != "np"
                    for each in ast.walk(code)
                )
                if used <= own and not looks_inside and isinstance(node.args[0], ast.Name):
                    self.mistakes.setdefault(node.args[0].id, []).append(ast.unparse(code))

    def answers(self, name, i):
        """Kinds of answers to an exercise, each as (source, verdicts that it may get)."""
        body = list(HOSTILE)[i % len(HOSTILE)]
        stolen = STOLEN.format(name=name, arguments=self.arguments[name])
        known = self.mistakes.get(name)
        return {
            "right": (self.solutions[name], {"right"}),
            "empty": (None, {"not attempted"}),
            "mistake": (f"{name} = {known[i % len(known)]}", {"known mistake"}) if known else None,
            "off": (
                self.solutions[name] + f"\n_right = {name}\n\ndef {name}({self.arguments[name]}):\n"
                f"    found = _right({self.arguments[name]})\n    return found, found, found\n",
                {"wrong"},
            ),
            "syntax": (f"def {name}({self.arguments[name]})\n    return 1", {"error"}),
            "hostile": (self.function(name, body), HOSTILE[body]),
            "stolen": (self.function(name, stolen), {"error", "wrong", "out of time"}),
        }

    def function(self, name, body):
        lines = "\n".join(f"    {line}" for line in body.split("\n"))
        return f"def {name}({self.arguments[name]}):\n{lines}\n"


def fill(notebook, answers, essay):
    """A returned notebook: answers in the cells of the graded functions, an essay in the tasks."""
    notebook = copy.deepcopy(notebook)
    cells = notebook["cells"]
    for name, source in answers.items():
        (check,) = (
            i for i, c in enumerate(cells) if "".join(c["source"]) == f"{name} = check({name})"
        )
        if source is not None:
            cells[check - 1]["source"] = source.splitlines(keepends=True)
    for cell in list(cells) if essay else ():
        if cell["id"].endswith("-answer"):
            cell["source"] = [essay]
            data = {"image/png": base64.b64encode(PNG).decode()}
            output = {"output_type": "display_data", "data": data, "metadata": {}}
            cells.insert(
                cells.index(cell) + 1,
                {"cell_type": "code", "id": f"new{len(cells)}", "metadata": {}, "source": "plot()",
                 "execution_count": 1, "outputs": [output]},
            )  # fmt: skip
    return json.dumps(notebook).encode()


KINDS = (
    "right",
    "mistake",
    "right",
    "empty",
    "hostile",
    "off",
    "right",
    "stolen",
    "mistake",
    "syntax",
)


def make(edition, folder, count, stems=None):
    """Write the notebooks of a class; returns the verdicts that each task may get.

    Of every ten students three are right, and the others in turn err, leave it empty, write what
    does harm, ... One in twenty sends a file that is no notebook.
    """
    course, expected = Course(edition), {}
    for i in range(count):
        own = Path(folder) / f"student {i:03d}"
        own.mkdir(parents=True)
        for k, (stem, notebook) in enumerate(course.notebooks.items()):
            if stems and stem not in stems:
                continue
            path, answers = own / f"{stem}.ipynb", {}
            if i % 20 == 7 and k % 4 == 0:
                path.write_bytes(list(FILES.values())[(i // 20 + k) % len(FILES)])
                expected[own.name, "", str(path.relative_to(folder))] = {"error"}
                continue
            for j, name in enumerate(notebook["metadata"]["course"]["graded"]):
                kinds = course.answers(name, 7 * i + k + j)
                source, verdicts = kinds[KINDS[i % len(KINDS)]] or kinds["right"]
                answers[name], file = source, str(path.relative_to(folder))
                expected[own.name, name, file] = verdicts
            path.write_bytes(fill(notebook, answers, f"My <b>answer</b>, {i}" if i % 3 else ""))
    return expected


def compare(expected, table):
    """The rows that are not as expected, and those that are lost."""
    with open(table, encoding="utf-8", newline="") as file:
        rows = {(r["student"], r["task"], r["file"]): r for r in csv.DictReader(file)}
    lost = expected.keys() - rows.keys()
    wrong = [
        rows[k]
        for k, verdicts in expected.items()
        if k in rows and rows[k]["verdict"] not in verdicts
    ]
    return sorted(lost), wrong, Counter(row["verdict"] for row in rows.values())


def main(command, *given):
    if command == "make":
        edition, folder, count, *stems = given
        expected = make(edition, folder, int(count), stems)
        listed = [[*key, sorted(verdicts)] for key, verdicts in expected.items()]
        (Path(folder) / ".expected.json").write_text(json.dumps(listed))
        return
    folder, table = given
    listed = json.loads((Path(folder) / ".expected.json").read_text())
    lost, wrong, counts = compare({tuple(key): set(v) for *key, v in listed}, table)
    print(
        f"{len(listed)} tasks and files: {len(lost)} lost, {len(wrong)} not as expected; {dict(counts)}"
    )
    for row in wrong[:20]:
        print(row)


if __name__ == "__main__":
    main(*sys.argv[1:])
