"""Make the student edition of the course: the same notebooks, without the answers to what is graded.

    python tools/handout.py FOLDER

FOLDER, which must be new or empty, is what the class gets, as a zip or on a server. In it

- blanks are practice, not graded: ours stays one click away, and the notebook falls back on it; so
  are the few exercises that this open code answers under another name,
- graded exercises have no code of their answer. Their references and known mistakes are replaced
  by what these give on the checker's inputs, stored as data (course_utils/lab/stored.py), so that
  the checker says of an answer what it says in the full course,
- open tasks have a cell for the answer, and what a good answer has,
- outputs, solutions and what is folded away below questions are gone; so are the tests, the tools
  and the history.

What it holds of every graded exercise are right *results*. A function that looks them up is right in
this edition; tools/grade.py tries every answer on other inputs too.
"""

import ast
import inspect
import pkgutil
import re
import shutil
import subprocess
import sys
import warnings
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import nbformat
import numpy as np

from course_utils import lessons, nn
from course_utils.lab import stored
from course_utils.lab.apart_process import uses
from course_utils.lab.diagnosis.hypotheses import HYPOTHESES
from course_utils.lab.diagnosis.responses import RESPONSES
from course_utils.lab.diagnosis.view import View, moved, replaced
from course_utils.lab.trial import Trial

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("course_utils/", "data/", "notebooks/", "LICENSE", "environment.yml", "pyproject.toml",
         "requirements.lock", "run.py")  # fmt: skip
WITHHELD = ("course_utils/solutions/", "data/pack_mnist.py")

# Exercises that code which stays open answers on its way to something else: practice.
ANSWERED = ("corrupt_labels", "fold_batch_norm")

CHECK = re.compile(r"(\w+) = check\(\1\)")
FOLDED = re.compile(r"<details><summary>(.*?)</summary>.*?</details>\n*", re.DOTALL)
KEPT = ("Ours", "What a good answer has")  # what stays of what is folded away
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)[^)\s]*\)")  # to a file, not into the web
TASK = re.compile(
    r"^(?:\*\*\d+\. Open: (?P<open>[^*]+?)[.?]?\*\*|## (?P<own>Your own .+))", re.MULTILINE
)
NEXT = re.compile(r"^(?:\*\*\d+\. |#{1,3} )", re.MULTILINE)  # where a task ends

# What is said of files that stay behind: the words of a notebook, and those of the edition.
REWORDED = {
    " What we found is folded below.": "",
    "`git checkout notebooks`, in a terminal in the course's folder, brings back the originals and "
    "discards your changes.": "Keep the files that you were given: a copy of them is the way back.",
    " Leave out what you like.": "",
    "`tools/make_torch_reference.py` had PyTorch train a small network in eight settings, and kept its": (
        "PyTorch trained a small network in eight settings, and we kept its"
    ),
    ", made by the same `sweep` (`python tools/measure_recipes.py`)": ", made by the same `sweep`",
    "(The course's tests hold all fifteen to it on seeds $3$ to $5$.)": (
        "(All fifteen keep to it on seeds $3$ to $5$.)"
    ),
    " (`tools/measure_clinic.py`)": "",
}

EDITION = """\
*Student edition.* The blanks marked *yours* are practice and are not graded: ours is one click away, \
and the notebook goes on with it until yours is right. {graded} The exercises have hints and no \
solution here. Behind an open task, below *your answer*, there is room for words, code and pictures.

Hand in this file as you saved it. Write a graded function in its own cell, with what it needs in \
that cell or above: it is tried there, and on other inputs too."""

ANSWER = "**Your answer.** *Write here; more cells, of code too, may follow.*"

RUBRIC = """\
**What a good answer has**

- What you expected, written down before you ran it.
- A change of your own, and code that runs from top to bottom.
- What you measured, on more than one seed, with the number or the picture.
- One sentence that says what it shows, and where it ends."""

README = """\
# Normalization and Regularization, by Hand

The student edition. You need Python 3.11 or newer.

```
python3 run.py lab
```

opens the course in JupyterLab, at notebook 00 (on Windows `py run.py lab`). The first time it \
installs exact versions of all packages, which takes a minute or two.

Each notebook says at its top what of it is graded. Hand in the notebook files, under the names that \
they have.

Code and text are under the [MIT license](LICENSE); the digits are not ours, see \
[data/README.md](data/README.md).
"""


# What is graded


def graded():
    """The graded exercises of each lesson: a dict of its name to a list of `Exercise`.

    Not blanks, and no exercise that code which stays open answers: the library's, a blank's, or what
    `ANSWERED` names.
    """
    exercises = lessons.all_exercises()
    openly = [each.reference for found in exercises.values() for each in found if each.blank]
    for module in pkgutil.walk_packages(nn.__path__, f"{nn.__name__}."):
        openly += filter(inspect.isfunction, vars(import_module(module.name)).values())
    return {
        lesson: [
            each
            for each in found
            if not (each.blank or each.name in ANSWERED or _answered(each, openly))
        ]
        for lesson, found in exercises.items()
    }


def _answered(exercise, functions):
    """Whether one of some functions is a right answer."""
    cases = list(exercise.cases(np.random.default_rng(0)))
    right = exercise.results(exercise.reference, cases)
    return any(
        not any(map(exercise.difference, right, exercise.results(function, cases)))
        for function in functions
    )


# What the diagnosis may ask of the reference


class Exhaustive(View):
    """A view of an answer with which no detector is ever content, so that it tries all it can."""

    def __init__(self, exercise, trial, item, asked):
        super().__init__(exercise, trial, item)
        self.asked, self._noise = asked, np.random.default_rng(0)

    def truth(self, case):
        self.asked.append(case)
        return super().truth(case)

    def mine(self, case):
        """Nothing like the right result, and never the same twice."""
        right = super().truth(case)
        return np.asarray(right, float) * self._noise.uniform(2, 3) + self._noise.uniform(2, 3)

    def is_right_for(self, change):
        for case in self.cases:
            others = (replaced(case, i, v) for i, each in enumerate(case) for v in moved(each))
            for other in (case, *others):
                with suppress(Exception):  # a change that cannot be made
                    self.truth(change(other))
        return False


def inputs_of_the_diagnosis(exercise):
    """All inputs on which a diagnosis may ask for the right result: a list of cases."""
    trial, asked = Trial(exercise, exercise.reference), []
    trial.run()
    if trial.error is not None:
        raise trial.error
    is_tuple = isinstance(trial.right[0], tuple)
    for item in (None, *range(len(trial.right[0]) if is_tuple else 0)):
        view = Exhaustive(exercise, trial, item, asked)
        numeric = view.numeric()
        for detector in (*HYPOTHESES, *(RESPONSES if numeric else ())):
            each = getattr(detector, "__wrapped__", None)
            tries = [(view, i, name) for i, name in enumerate(view.names)] if each else [(view,)]
            for arguments in tries:
                with suppress(Exception), np.errstate(all="ignore"):
                    (each or detector)(*arguments)
    return list({stored.fingerprint(case): case for case in asked}.values())


# Exercises


def withhold(lesson, exercises, package, wanted):
    """Put data in the place of a lesson's exercises, blanks apart, in a copy of the package.

    `wanted` are the names that notebooks and other modules import from its ``exercises.py``.
    """
    withheld = [each for each in exercises if not each.blank]
    if not withheld:
        return
    source = package / "lessons" / lesson / "exercises.py"
    kept = [stored.record(each, inputs_of_the_diagnosis(each)) for each in withheld]
    stored.write(kept, source.parent)
    as_code = [each["name"] for each in kept if each["cases"] is None]
    source.write_text(_without(source.read_text("utf-8"), withheld, as_code, wanted), "utf-8")
    compile(source.read_text("utf-8"), source, "exec")


def _without(text, withheld, as_code, wanted):
    """The source of an ``exercises.py`` without its exercises, blanks apart, and all that only they use."""
    tree, names = ast.parse(text), {each.name for each in withheld}
    (listed,) = (each.value for each in tree.body if _binds(each) == {"EXERCISES"})
    found = {}
    for element in listed.elts:
        name = getattr(_given(element).get("reference"), "id", None)
        if name in names:
            found[name] = element
    if missing := names - found.keys():
        raise SystemExit(
            f"{min(missing)} must stand in EXERCISES of its lesson as Exercise({min(missing)}, ...)"
        )
    code = []
    for name, element in found.items():
        kept = {"run"} | ({"cases"} if name in as_code else set())
        parts = {key: value for key, value in _given(element).items() if key in kept}
        if parts:
            words = ast.Dict([ast.Constant(key) for key in parts], [*parts.values()])
            code.append(ast.keyword(name, words))
    load = ast.Load()
    call = ast.Call(ast.Name("stored", load), [ast.Name("__file__", load)], code)
    blanks = [each for each in listed.elts if each not in found.values()]
    listed.elts = [*blanks, ast.Starred(call, load)]
    needed = _needed(tree, {"EXERCISES", "check", *wanted})
    parts = [_part(each, text, needed) for each in tree.body]
    docstring, *parts = filter(None, parts)
    return "\n\n".join([docstring, "from course_utils.lab.stored import stored", *parts]) + "\n"


def _given(element):
    """What a call of Exercise in the list is given, by name; nothing for any other element."""
    if not (isinstance(element, ast.Call) and getattr(element.func, "id", "") == "Exercise"):
        return {}
    given = {each.arg: each.value for each in element.keywords}
    return dict(zip(["reference", "cases", "mistakes", "hints"], element.args)) | given


def _needed(tree, names):
    """All names of a module that some names need, themselves included."""
    needed, before = set(names), None
    ast.fix_missing_locations(tree)
    while needed != before:
        before = set(needed)
        for each in tree.body:
            if not _is_import(each) and _binds(each) & needed:
                needed |= uses(each)
    return needed


def _part(statement, text, needed):
    """The source of a statement of a module, or of what is needed of it. What binds nothing stays."""
    if _is_import(statement):
        statement.names = [a for a in statement.names if (a.asname or a.name) in needed]
        return ast.unparse(statement) if statement.names else ""
    bound = _binds(statement)
    if bound and not bound & needed:
        return ""
    if bound == {"EXERCISES"}:
        return ast.unparse(ast.fix_missing_locations(statement))
    first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
    return "\n".join(text.splitlines()[first - 1 : statement.end_lineno])


def _is_import(statement):
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _binds(statement):
    """The names that a definition or an assignment binds."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    targets = getattr(statement, "targets", [getattr(statement, "target", None)])
    return {
        node.id for each in targets if each for node in ast.walk(each) if isinstance(node, ast.Name)
    }


def imported_from(lesson, texts):
    """The names that some code imports from the ``exercises.py`` of a lesson."""
    module = re.escape(f"course_utils.lessons.{lesson}.exercises")
    listed = re.compile(rf"from {module} import (\([^)]*\)|[^\n]*)")
    return {
        name.partition(" as ")[0].strip()
        for text in texts
        for names in listed.findall(text)
        for name in names.strip("()").split(",")
        if name.strip()
    }


# Notebooks


def student_edition(notebook, lesson, graded, practice):
    """Turn a notebook into the student's, in place.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
    lesson : str or None
        Kept in the notebook, so that tools/grade.py knows a file whatever its name.
    graded, practice : list of str
        Its exercises, blanks apart.
    """
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = FOLDED.sub(_kept, cell.source).rstrip()
            for ours, theirs in REWORDED.items():
                cell.source = cell.source.replace(ours, theirs)
        else:
            cell.outputs, cell.execution_count = [], None
    notebook.cells = [cell for cell in notebook.cells if cell.source.strip()]
    tasks = _give_room(notebook)
    _let_fail(notebook, set(graded))
    if graded or tasks:
        parts = [
            listed("the exercise", [f"`{name}`" for name in graded]),
            listed("the open task", [f"*{title}*" for title in tasks.values()]),
        ]
        words = f"Graded are {' and '.join(filter(None, parts))}."
        if also := listed("the exercise", [f"`{name}`" for name in practice]):
            words += f" Practice as well, since other code in this folder has the answer: {also}."
        cell = nbformat.v4.new_markdown_cell(
            EDITION.format(graded=words), id=f"{notebook.cells[0].id}-edition"
        )
        notebook.cells.insert(1, cell)
    notebook.metadata["course"] = {"lesson": lesson, "graded": graded, "tasks": tasks}


def listed(what, names):
    """Names as a phrase: "the exercises a, b and c"."""
    *names, last = names or [""]
    words = f"{', '.join(names)} and {last}" if names else last
    return f"{what}{'s' if names else ''} {words}" if last else ""


def _forget(notebook, folder):
    """Take out the paragraphs that link to what is not handed out."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            paragraphs = cell.source.split("\n\n")
            kept = [
                each
                for each in paragraphs
                if all((folder / target).exists() for target in LINK.findall(each))
            ]
            cell.source = "\n\n".join(kept)


def _kept(match):
    return match[0] if match[1] in KEPT else ""


def _give_room(notebook):
    """Put a cell for the answer behind each open task; the tasks' titles by key.

    The cell's id, and what it is called in the table, are the id of the cell that sets the task and
    "-answer"; where a task has no rubric it gets one.
    """
    tasks, cells, current = {}, [], None
    for cell in [*notebook.cells, None]:
        ends = cell is None or (cell.cell_type == "markdown" and NEXT.search(cell.source))
        if current and ends:
            cells += _room(current, rubric="ood answer" in "".join(c.source for c in current))
            current = None
        found = cell is not None and cell.cell_type == "markdown" and TASK.search(cell.source)
        if found:
            current = []
            tasks[cell.id] = (found["open"] or found["own"]).strip()
        if cell is not None:
            cells.append(cell)
            if current is not None:
                current.append(cell)
    notebook.cells = cells
    return tasks


def _room(task, rubric):
    """The cells behind an open task, which consists of some cells."""
    key = task[0].id
    if not rubric:
        yield nbformat.v4.new_markdown_cell(RUBRIC, id=f"{key}-rubric")
    yield nbformat.v4.new_markdown_cell(ANSWER, id=f"{key}-answer")


def _let_fail(notebook, missing):
    """Let *Run all* go on behind cells that need a graded function which is not there yet."""
    for cell in notebook.cells:
        if cell.cell_type != "code" or CHECK.fullmatch(cell.source):
            continue
        try:
            tree = ast.parse(cell.source)
        except SyntaxError:
            continue
        used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} & missing
        if used:
            tags = {*cell.metadata.get("tags", []), "raises-exception"}
            cell.metadata["tags"] = sorted(tags)
            missing |= {name for each in tree.body for name in _binds(each)}


# The copy


def files(*options):
    """The files of the rooms that are handed out, as `git ls-files` lists them with these options."""
    command = ["git", "ls-files", "-z", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [
        name
        for name in done.stdout.split("\0")
        if name.startswith(ROOMS) and not name.startswith(WITHHELD)
    ]


def answers_left(folder, names):
    """Where in a copy a graded function still has code: (file, name) pairs."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in names:
                yield path.relative_to(folder), node.name


def make(folder):
    """Write the student edition into a new or empty folder, or nothing if that fails."""
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise SystemExit(f"{folder} is not empty: name a new folder")
    try:
        _write(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # half of it holds answers
        raise


def _write(folder):
    for name in files("--others", "--exclude-standard"):
        print(f"left out, since git does not know it yet (git add): {name}", file=sys.stderr)
    for name in files():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    (folder / "README.md").write_text(README, "utf-8")
    exercises = lessons.all_exercises()
    names = {lesson: [each.name for each in found] for lesson, found in graded().items()}
    paths = sorted((folder / "notebooks").glob("*.ipynb"))
    code = [cell.source for path in paths for cell in nbformat.read(path, 4).cells]
    code += [path.read_text("utf-8") for path in (folder / "course_utils").rglob("*.py")]
    for lesson, found in exercises.items():
        if (folder / "course_utils" / "lessons" / lesson).exists():  # git knows it
            withhold(lesson, found, folder / "course_utils", imported_from(lesson, code))
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        _forget(notebook, path.parent)
        lesson = path.stem.partition("_")[2]
        found = [each.name for each in exercises.get(lesson, []) if not each.blank]
        own = names.get(lesson, [])
        student_edition(notebook, lesson, own, [name for name in found if name not in own])
        nbformat.validate(notebook)
        nbformat.write(notebook, path)
    left = list(answers_left(folder, set().union(*names.values())))
    if left:
        raise SystemExit(
            "\n".join(
                f"{path} holds the graded {name}: move it to exercises.py" for path, name in left
            )
        )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    warnings.simplefilter("ignore")  # wrong answers and odd inputs are tried
    make(sys.argv[1])
