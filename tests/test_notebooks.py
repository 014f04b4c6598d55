"""The form in which notebooks are committed, and that they and the library hold the same code.

What they print is compared by nbval, and what they show in a browser by tests/browser.
"""

import ast
import copy
import html
import inspect
import re
import runpy
import textwrap
from collections import defaultdict
from pathlib import Path
from statistics import median
from urllib.parse import unquote

import nbformat
import pytest
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel

from course_utils import lessons

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
SOURCES = sorted((ROOT / "course_utils").rglob("*.py"))

refresh = runpy.run_path(str(ROOT / "tools" / "refresh_notebooks.py"))
normalize = refresh["normalize"]

LONGEST_CELL, MEDIAN_CELL = 25, 8  # lines
LARGEST_FILE = 1_500_000  # bytes

BRITISH = re.compile(
    r"\b\w*(?:normal|regular|initial|standard|general|optim|minim|maxim|real|recogn|visual|penal)"
    r"is(?:e|ed|es|er|ers|ing|ation|ations)\b"
    r"|\b\w*(?:colour|behaviour|neighbour|favour|labelled|labelling|modelling)\w*"
    r"|\bcentr(?:e|es|ed|ing)\b|\bgrey\b|\banalys(?:e|ed|ing)\b",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{5,}")
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/<])/[\w.-]+/[\w.-]+|\b[A-Za-z]:\\")
TITLE = re.compile(r"\*[^*\n]+\* \(")  # of a reference, which keeps its spelling
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=[\"']([^\"']+)[\"']")
MATH_OR_CODE = re.compile(r"```.*?```|`[^`\n]+`|\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL)


# The library's code, by name


def definitions(tree):
    """The functions and classes at the top level of some code, by name, docstrings taken out."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            node.body = node.body[1:]
    return {n.name: n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}


def library():
    """All functions and classes of the package: those of one name in a list."""
    found = defaultdict(list)
    for path in SOURCES:
        for name, node in definitions(ast.parse(path.read_text(encoding="utf-8"))).items():
            found[name].append(node)
    return dict(found)


LIBRARY = library()


def functions(node):
    """A function, or the methods that a class defines, by name."""
    if isinstance(node, ast.FunctionDef):
        return {node.name: node}
    return {m.name: m for m in node.body if isinstance(m, ast.FunctionDef)}


def all_functions(node):
    """`functions`, and the methods inherited from other classes of the library."""
    inherited = {}
    for base in reversed(getattr(node, "bases", [])):
        for parent in LIBRARY.get(getattr(base, "id", None), []):
            inherited |= all_functions(parent)
    return inherited | functions(node)


def drifted(node):
    """Names of the functions of one definition in a cell that are not the library's."""
    theirs = [all_functions(definition) for definition in LIBRARY[node.name]]
    return [
        name
        for name, function in functions(node).items()
        if not any(name in each and same(function, each[name]) for each in theirs)
    ]


def same(function, other):
    return ast.dump(function) == ast.dump(other)


# What stands behind a blank, by its name

CHECK = re.compile(r"(\w+) = check\(\1\)")
FOLDED = re.compile(r"\A<details><summary>.*?```python\n(.*?)```\s*</details>", re.DOTALL)


def definition(source):
    """The only function or class in some code, docstrings taken out."""
    (node,) = definitions(ast.parse(textwrap.dedent(source))).values()
    return node


BLANKS = {
    exercise.name: definition(inspect.getsource(exercise.reference))
    for found in lessons.all_exercises().values()
    for exercise in found
    if exercise.blank
}
BLANKS["twice"] = definition("def twice(x):\n    return 2 * x")  # of the notebook made up below


# What is asked of a notebook: each function yields what is wrong, in words


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


def parse(cell):
    """The cell's syntax tree; an empty one if it does not compile, which is complained of once."""
    try:
        return ast.parse(cell.source)
    except SyntaxError:
        return ast.parse("")


def where(cell):
    return f"cell {cell.id} ({cell.source.strip().partition(chr(10))[0][:50]})"


def opening(notebook):
    """It starts with its title and its question."""
    first = notebook.cells[0]
    if first.cell_type != "markdown":
        yield "the first cell must be Markdown"
    elif not re.match(r"# [^\n]+\n\n\*\*[^*\n]+\?\*\*\n", first.source + "\n"):
        yield f"the first cell must open with '# title' and a bold question: {first.source[:80]!r}"


def code_compiles(notebook):
    for cell in code_cells(notebook):
        try:
            compile(cell.source, "cell", "exec")
        except SyntaxError as error:
            yield f"{where(cell)}: {error}"


def committed_form(notebook):
    """tools/refresh_notebooks.py would change nothing but what it computes."""
    clean = copy.deepcopy(notebook)
    normalize(clean)
    if clean.metadata != notebook.metadata:
        yield f"the notebook's metadata must be {clean.metadata}, not {notebook.metadata}"
    for cell, normal in zip(notebook.cells, clean.cells, strict=True):
        if cell.metadata != normal.metadata:
            yield f"{where(cell)}: metadata {cell.metadata}, must be {normal.metadata}"
        if cell != normal:
            yield f"{where(cell)} is not in the form in which tools/refresh_notebooks.py writes it"


def counts(notebook):
    """Cells are numbered 1 to n: nbval does not look at the output of one without a number."""
    for count, cell in enumerate(code_cells(notebook), start=1):
        if cell.execution_count != count:
            yield f"{where(cell)}: execution count {cell.execution_count}, must be {count}"


def outputs(notebook):
    """No error, nothing on stderr, no widget, no path or address of the machine that ran it."""
    if "widgets" in notebook.metadata:
        yield "the notebook holds widget state"
    for cell in code_cells(notebook):
        streams = [output for output in cell.outputs if output.output_type == "stream"]
        if len(streams) > len({output.name for output in streams}):
            yield f"{where(cell)}: one stream in several pieces, cut by chance"
        for output in cell.outputs:
            data = output.get("data", {})
            text = output.get("text", "") + "".join(
                value for mime, value in data.items() if mime.startswith("text/")
            )
            if output.output_type == "error":
                yield f"{where(cell)}: an error, {output.ename}: {output.evalue}"
            if output.get("name") == "stderr":
                yield f"{where(cell)}: on stderr, {text!r}"
            if any("widget" in mime for mime in data):
                yield f"{where(cell)}: a widget view"
            if re.match("<(live|picture)", data.get("text/plain", "")) and "image/png" not in data:
                yield f"{where(cell)}: {data['text/plain']} without its picture"
            for found in (*ADDRESS.findall(text), *ABSOLUTE_PATH.findall(html.unescape(text))):
                yield f"{where(cell)}: the output holds {found!r}"


def explorations(notebook):
    """Every live exploration stands in the saved file as a picture."""
    for cell in code_cells(notebook):
        shown = parse(cell).body[-1:]
        is_live = shown and isinstance(shown[0], ast.Expr) and isinstance(shown[0].value, ast.Call)
        if is_live and getattr(shown[0].value.func, "id", "") == "live":
            pictures = [o for o in cell.outputs if "image/png" in o.get("data", {})]
            if len(pictures) != 1:
                yield f"{where(cell)}: {len(pictures)} pictures for its exploration, must be 1"


def lengths(notebook):
    """One idea a cell."""
    lines = {where(cell): len(cell.source.splitlines()) for cell in code_cells(notebook)}
    for cell, length in lines.items():
        if length > LONGEST_CELL:
            yield f"{cell}: {length} lines, at most {LONGEST_CELL}"
    if lines and median(lines.values()) > MEDIAN_CELL:
        yield f"the median code cell has {median(lines.values())} lines, at most {MEDIAN_CELL}"


def claims(notebook):
    """A cell that asserts a claim says its verdict in one line."""
    for cell in code_cells(notebook):
        for tag in (tag for tag in tags(cell) if tag.startswith("claim")):
            if not re.fullmatch(r"claim-C\d+[a-d]?", tag):
                yield f"{where(cell)}: the tag {tag!r} must be like claim-C1"
            if f"{tag.removeprefix('claim-')}.judge(" not in cell.source:
                yield f"{where(cell)}: {tag} judges nothing"
            printed = "".join(output.get("text", "") for output in cell.outputs)
            if len(printed.splitlines()) != 1:
                yield f"{where(cell)}: {tag} prints {len(printed.splitlines())} lines, must be 1"


def library_cells(notebook):
    """What a notebook builds is what the library holds, to the letter."""
    for cell in code_cells(notebook):
        names = {tag.removeprefix("library-") for tag in tags(cell) if tag.startswith("library-")}
        built = definitions(parse(cell)) if names else {}
        for name in sorted(names - built.keys()):
            yield f"{where(cell)}: tagged library-{name}, and has no {name}"
        for name in sorted((names | built.keys()) - LIBRARY.keys()):
            yield f"{where(cell)}: there is no {name} in course_utils"
        for node in (built[name] for name in built.keys() & LIBRARY.keys()):
            for name in drifted(node):
                yield f"{where(cell)}: in {node.name}, {name} is not the code of course_utils"


def blanks(notebook):
    """A blank is handed out empty, checked, and then shown, folded, as the code of ours."""
    cells = [None, *notebook.cells, None]
    for before, cell, after in zip(cells, cells[1:], cells[2:]):
        found = cell and cell.cell_type == "code" and CHECK.fullmatch(cell.source)
        if not found or found[1] not in BLANKS:
            continue
        name, ours = found[1], BLANKS[found[1]]
        is_code = before and before.cell_type == "code"
        stub = definitions(parse(before)).get(name) if is_code else None
        if stub is None or not is_empty(stub):
            yield f"{where(cell)}: the cell before it must be {name} without its code"
        elif isinstance(ours, ast.FunctionDef) and not same(stub.args, ours.args):
            yield f"{where(before)}: its arguments are not those of ours"
        folded = FOLDED.search(after.source) if after and after.cell_type == "markdown" else None
        if folded is None:
            yield f"{where(cell)}: the text behind it must show ours in a closed <details>"
        elif not same(definitions(ast.parse(folded[1])).get(name, ast.Pass()), ours):
            yield f"{where(after)}: its {name} is not ours"


def is_empty(node):
    """Whether a function, or each method of a class, is `...`, perhaps behind a docstring."""
    if isinstance(node, ast.ClassDef):
        return all(map(is_empty, functions(node).values()))
    return all(ast.unparse(line) == "..." for line in node.body)


def links(notebook):
    """What the text links to exists."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for target in map("".join, LINK.findall(MATH_OR_CODE.sub("", cell.source))):
                path = unquote(target.partition("#")[0])
                if not re.match("[a-z]+:", target) and path and not (NOTEBOOKS / path).exists():
                    yield f"{where(cell)}: {target} does not exist"


def spelling(notebook):
    """American, throughout."""
    for cell in notebook.cells:
        for match in BRITISH.finditer(TITLE.sub("", cell.source)):
            yield f"{where(cell)}: British {match[0]!r}"


CHECKS = [
    opening, code_compiles, committed_form, counts, outputs, explorations, lengths, claims,
    library_cells, blanks, links, spelling,
]  # fmt: skip


def read(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_form(path, check):
    assert list(check(read(path))) == []


@pytest.mark.parametrize("lesson", lessons.all_exercises())
def test_every_exercise_stands_in_its_notebook(lesson):
    (path,) = NOTEBOOKS.glob(f"[0-9][0-9]_{lesson}.ipynb")
    found = [CHECK.fullmatch(cell.source) for cell in code_cells(read(path))]
    checked = [each[1] for each in found if each]
    names = [exercise.name for exercise in lessons.all_exercises()[lesson]]
    assert sorted(checked) == sorted(names)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_size(path):
    assert path.stat().st_size < LARGEST_FILE


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_spelling_of_the_library(path):
    assert BRITISH.findall(path.read_text(encoding="utf-8")) == []


def test_refreshing_a_notebook_twice_changes_nothing(tmp_path):
    sources = [
        "import time\nfrom course_utils.lab import live, slider",
        "from course_utils.lab.pictures import Digits",
        "print(1, flush=True)\ntime.sleep(0.5)\nprint(2)",
        "live(lambda n: {'images': [784 * [n / 3]], 'captions': ['n']}, Digits(1), n=slider(1, 3, 1))",
        "1 + 1;",
    ]
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, sources)])
    notebook.metadata["widgets"] = {"state": {}}
    path, thumbnail = tmp_path / "99_test.ipynb", tmp_path / "images" / "99.png"
    thumbnail.parent.mkdir()
    written = []
    for _ in range(2):
        nbformat.write(notebook, path)
        refresh["main"]([path])
        written.append((path.read_bytes(), thumbnail.read_bytes()))
        notebook = read(path)
    assert written[0] == written[1]
    for check in (committed_form, counts, outputs, explorations):
        assert list(check(notebook)) == []
    *_, printed, picture, hidden = (cell.outputs for cell in notebook.cells)
    assert printed[0].text == "1\n2\n" and hidden == []
    assert picture[0].data["text/plain"] == "<live: <lambda>(n)>"


def test_a_trailing_semicolon_hides_the_value_in_nbval_too():
    """Without the repair in conftest.py strict comparison fails where a notebook shows nothing."""
    kernel = RunningKernel(CURRENT_ENV_KERNEL_NAME)
    try:
        shown = []
        for source in ("2 + 2;", "2 + 3"):
            message = kernel.execute_cell_input(source)
            kernel.await_reply(message, timeout=60)
            while (answer := kernel.get_message("iopub", timeout=60))["content"] != {
                "execution_state": "idle"
            } or answer["parent_header"].get("msg_id") != message:
                if answer["msg_type"] == "execute_result":
                    shown.append(answer["content"]["data"]["text/plain"])
        assert shown == ["5"]
    finally:
        kernel.stop()


# The checks themselves: each must notice what it is there for


def good_notebook():
    """A small notebook with nothing to complain of."""
    new, png = nbformat.v4, {"image/png": "iVBORw0KGgo="}
    linear = """
class Linear(Layer):
    def __repr__(self):
        return f"Linear({self.n_in}, {self.n_out})"
"""
    live = new.new_output("execute_result", {"text/plain": "<live: relu(x)>", **png})
    verdict = new.new_output("stream", name="stdout", text="it holds: True, 1/2 or a/b/c\n")
    notebook = new.new_notebook(
        cells=[
            new.new_markdown_cell("# 99 · A test\n\n**Good?**\n\nAfter [00](00_start_here.ipynb)."),
            new.new_code_cell("def relu(x):\n    return np.maximum(x, 0)"),
            new.new_code_cell(linear.strip()),
            new.new_code_cell("live(relu, Bar)", outputs=[live]),
            new.new_code_cell("print(C1.judge(runs))", outputs=[verdict]),
            new.new_code_cell('def twice(x):\n    """Two times x."""\n    ...'),
            new.new_code_cell("twice = check(twice)"),
            new.new_markdown_cell(
                "<details><summary>Ours</summary>\n\n```python\ndef twice(x):\n    return 2 * x\n"
                "```\n\n</details>\n\nIt goes on."
            ),
        ]
    )
    for number, tag in ((1, "library-relu"), (2, "library-Linear"), (4, "claim-C1")):
        notebook.cells[number].metadata["tags"] = [tag]
    for number, cell in enumerate(notebook.cells):
        cell.id = f"99-{number:03}"
    normalize(notebook)
    return notebook


def test_a_progress_bar_leaves_no_text():
    notebook = good_notebook()
    bar = {"text/plain": "  0%|          | 0/6 [00:00<?, ?it/s]", refresh["WIDGET_VIEW"]: {}}
    notebook.cells[1].outputs = [nbformat.v4.new_output("display_data", bar)]
    normalize(notebook)
    assert notebook.cells[1].outputs[0].data == {"text/plain": ""}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_good_notebook_passes(check):
    assert list(check(good_notebook())) == []


def change(number, old, new):
    """A fault: one text in the source of a cell for another."""

    def fault(notebook):
        cell = notebook.cells[number]
        assert old in cell.source
        cell.source = cell.source.replace(old, new, 1)

    return fault


def output(number, **parts):
    """A fault: other parts of the first output of a cell."""
    return lambda notebook: notebook.cells[number].outputs[0].update(nbformat.from_dict(parts))


def tag(number, *names):
    """A fault: other tags of a cell."""
    return lambda notebook: notebook.cells[number].metadata.update(tags=sorted(names))


def assign(number, **values):
    """A fault: other attributes of a cell."""
    return lambda notebook: notebook.cells[number].update(nbformat.from_dict(values))


VIEW = {"application/vnd.jupyter.widget-view+json": {"model_id": "1", "version_major": 2}}

FAULTS = {
    opening: [
        change(0, "# 99", "## 99"),
        change(0, "**Good?**", "**Good.**"),
        change(0, "**Good?**", "Good?"),
        lambda notebook: notebook.cells.pop(0),
    ],
    code_compiles: [
        change(1, "return", "retrun"),
        change(4, "print", "%time print"),
    ],
    committed_form: [
        lambda notebook: notebook.metadata.update(widgets={"state": {}}),
        lambda notebook: notebook.metadata.language_info.update(version="3.11.7"),
        assign(1, metadata={"tags": ["library-relu"], "execution": {"shell": "0"}}),
        assign(1, metadata={"tags": []}),
        assign(1, execution_count=None),
        output(3, execution_count=1),
        output(3, data=VIEW),
    ],
    counts: [
        assign(1, execution_count=None),
        assign(4, execution_count=5),
    ],
    outputs: [
        lambda notebook: notebook.metadata.update(widgets={"state": {}}),
        output(3, data={"text/plain": "<live: relu(x)>", "image/png": "", **VIEW}),
        output(3, data={"text/plain": "<live: relu(x)>"}),
        output(3, data={"text/plain": "<picture: Losses>"}),
        output(4, name="stderr"),
        output(4, output_type="error", ename="ValueError", evalue="no", traceback=[]),
        output(4, text="<function relu at 0x7f0712f3c0d0>\n"),
        output(4, text="missing: /home/ada/course/data\n"),
        output(4, text="missing: C:\\Users\\ada\n"),
        output(3, data={"text/html": "<b>/tmp/x/y</b>"}),
        lambda notebook: notebook.cells[4].outputs.append(notebook.cells[4].outputs[0]),
    ],
    explorations: [
        output(3, data={"text/plain": "<live: relu(x)>"}),
        assign(3, outputs=[]),
    ],
    lengths: [
        change(4, "print", 25 * "x = 1\n" + "print"),
        lambda notebook: [change(i, "", 9 * "x = 1\n")(notebook) for i in (1, 2, 3, 5)],
    ],
    claims: [
        change(4, "C1.judge", "C2.judge"),
        output(4, text="it holds\nand holds\n"),
        assign(4, outputs=[]),
        tag(4, "claim-1"),
    ],
    library_cells: [
        change(1, "0", "1"),
        change(1, "(x)", "(x: float)"),
        change(1, "def", "@cache\ndef"),
        change(1, "relu", "rely"),
        change(2, "n_in}", "n_on}"),
        change(2, "__repr__", "__str__"),
        tag(1, "library-relu", "library-Linear"),
        tag(1, "library-relu", "library-rely"),
    ],
    blanks: [
        change(5, "...", "return 2 * x"),
        change(5, "(x)", "(y)"),
        change(5, "twice", "thrice"),
        change(7, "2 * x", "3 * x"),
        change(7, "def twice", "def thrice"),
        change(7, "<details>", "<details open>"),
        lambda notebook: notebook.cells.pop(7),
        lambda notebook: notebook.cells.pop(5),
    ],
    links: [
        change(0, "00_start_here.ipynb", "00_begin.ipynb"),
        change(0, "**Good?**", '**Good?**\n\n<img src="images/none.png">'),
        change(0, "**Good?**", "**Good?**\n\n![a picture](images/none.png)"),
    ],
    spelling: [
        change(0, "A test", "A colourful test"),
        change(0, "A test", "Normalisation"),
        change(1, "relu", "initialise"),
    ],
}


@pytest.mark.parametrize(
    ("check", "number"),
    [(check, number) for check, faults in FAULTS.items() for number in range(len(faults))],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_check_notices(check, number):
    notebook = good_notebook()
    FAULTS[check][number](notebook)
    assert list(check(notebook))


def test_every_check_is_checked():
    assert list(FAULTS) == CHECKS


def test_a_docstring_is_no_difference():
    notebook = good_notebook()
    change(1, "    return", '    """Rectify."""\n    return')(notebook)
    assert list(library_cells(notebook)) == []


def test_a_method_may_be_the_one_that_a_library_class_inherits():
    notebook = good_notebook()
    method = "    def recall(self):\n        return self.saved"
    assert "recall" not in functions(LIBRARY["Linear"][0])
    change(2, "    def", f"{method}\n\n    def")(notebook)
    assert len(list(library_cells(notebook))) == 1  # it is not the library's
    inherited = ast.unparse(all_functions(LIBRARY["Linear"][0])["recall"]).replace("\n", "\n    ")
    change(2, method, f"    {inherited}")(notebook)
    assert list(library_cells(notebook)) == []
