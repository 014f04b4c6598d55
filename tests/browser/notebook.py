"""A notebook open in JupyterLab, and what is in it to play with and to answer, as a student meets
them: live explorations, predictions and exercises."""

import base64
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("notebook.js")
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

# Screenshots show the page; what JupyterLab lays over a selected cell stays out.
HIDDEN = ".jp-cell-toolbar, .jp-cell-menu, .jp-Toast { display: none !important }"
WHOLE = ".jp-Cell { content-visibility: visible !important }"
HEIGHT = 1700  # of the window, for screenshots

# What is out of sight is not drawn, as in JupyterLab's own mode: the page is long.
IN_SIGHT = ".jp-Cell { content-visibility: auto; contain-intrinsic-size: auto 300px }"


@dataclass(frozen=True)
class State:
    """An exploration at rest.

    `picture` is a finger print of the image's pixels (None: no image, or one of a single color),
    `reading` the text under it, `values` what each control shows, `place` the image's left, top,
    width and height within the exploration.
    """

    picture: str | None
    reading: str
    values: list[str]
    place: list[float] | None


class Notebook:
    """A page with one notebook. Cells are known by their number, from 0."""

    def __init__(self, page):
        self.page = page
        page.add_script_tag(path=SCRIPT)
        page.add_style_tag(content=HIDDEN)
        page.add_style_tag(content=IN_SIGHT)
        self._faults = []
        page.on("pageerror", lambda error: self._faults.append(f"the page: {error}"))
        page.evaluate("course.ready(120)")
        self.set_theme("light")

    def close(self):
        """End the kernel and close the page."""
        try:
            self.page.evaluate("course.shutdown()")
        finally:
            self.page.close()

    def run_all(self, timeout=600):
        """Run all cells and return when the last has ended; see `errors`."""
        self.page.evaluate("seconds => course.runAll(seconds)", timeout)

    def run(self, cell, timeout=120):
        """Run one cell, and return when it has ended; see `errors`."""
        self.page.evaluate("([cell, seconds]) => course.runCell(cell, seconds)", [cell, timeout])

    def value(self, expression, timeout=60) -> str:
        """What a Python expression is worth in the kernel, or the exception that it raises."""
        return self.page.evaluate(
            "([expression, seconds]) => course.value(expression, seconds)", [expression, timeout]
        )

    def start(self, cell):
        """Run one cell and return at once; see `runs`."""
        self.page.evaluate("cell => course.startCell(cell)", cell)

    def runs(self, cell) -> bool:
        """Whether a cell still runs."""
        return self.page.evaluate("cell => course.runs(cell)", cell)

    def interrupt(self):
        """Press the interrupt button."""
        self.page.evaluate("window.jupyterapp.commands.execute('notebook:interrupt-kernel')")

    def save(self):
        """Save the notebook as Ctrl-S does."""
        self.page.evaluate("course.save()")

    def errors(self) -> list[str]:
        """What went wrong so far, by cell: exceptions, stderr, cells that did not run, exceptions
        in widgets' callbacks, broken formulas and missing images.

        An exception in a cell tagged raises-exception is none.
        """
        return self.page.evaluate("course.errors()") + self._faults

    def pictures(self) -> list[int]:
        """How many pictures (of more than one color) each cell shows in its output."""
        return self.page.evaluate("course.pictures()")

    def trust(self):
        """Show saved outputs as in a notebook that the reader has run or trusted before."""
        self.page.evaluate("course.trust()")

    def set_theme(self, theme):
        """Change to JupyterLab's "light" or "dark" theme."""
        self.page.evaluate("name => course.theme(name)", THEMES[theme])

    # Elements, not locators, which would search the long page anew for each touch.

    def explorations(self) -> list["Exploration"]:
        """The live explorations on the page, from the top."""
        return [Exploration(found) for found in self.page.query_selector_all(".live")]

    def predictions(self) -> list["Prediction"]:
        """The questions asked before a result, from the top."""
        found = self.page.query_selector_all(".quiz-predict")
        return [Prediction(self.page, element) for element in found]

    def exercises(self) -> list["Exercise"]:
        """The exercises and blanks that a cell checks, from the top, run or not."""
        return [Exercise(self, cell) for cell in self.page.evaluate("course.checks()")]

    def screenshots(self, folder, theme) -> list[Path]:
        """Write the whole page to `folder`/`theme`-NN.png, cut between blocks where possible."""
        self.set_theme(theme)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{theme}-*.png"):
            old.unlink()
        self.page.mouse.move(0, 0)
        window = self.page.viewport_size
        self.page.set_viewport_size(window | {"height": HEIGHT})
        whole = self.page.add_style_tag(content=WHOLE)
        try:
            return self._slices(folder, theme)
        finally:
            whole.evaluate("style => style.remove()")
            self.page.set_viewport_size(window)

    def _slices(self, folder, theme):
        """Write the page as it stands, slice by slice; return their paths."""
        chromium = self.page.context.new_cdp_session(self.page)
        layout = self.page.evaluate("course.layout()")
        paths, top = [], 0
        while top < layout["end"]:
            bottom = _cut(top, layout)
            scrolled = self.page.evaluate("y => course.scroll(y)", top)
            clip = {
                "x": layout["left"],
                "y": layout["top"] + top - scrolled,
                "width": layout["width"],
                "height": bottom - top,
                "scale": 1,
            }
            options = {"clip": clip, "optimizeForSpeed": True}
            taken = chromium.send("Page.captureScreenshot", options)["data"]
            paths.append(folder / f"{theme}-{len(paths) + 1:02}.png")
            paths[-1].write_bytes(base64.b64decode(taken))
            top = bottom
        return paths


def _cut(top, layout):
    """Where the slice that begins at `top` ends: before a cell, else before a block in a cell."""
    limit = top + layout["height"]
    if layout["end"] <= limit:
        return layout["end"]
    for edges in layout["cells"], layout["blocks"]:
        lower_half = [y for y in edges if limit - layout["height"] / 2 < y <= limit]
        if lower_half:
            return max(lower_half)
    return limit


def _settled(element, read, timeout=120):
    """What the page's function `read` finds in an element, once nothing changes any more."""
    return element.evaluate(
        f"(root, seconds) => course.settled(root, course.{read}, seconds)", timeout
    )


class Exploration:
    """Sliders and other controls, the picture that follows them and its reading."""

    def __init__(self, element):
        self.element = element

    @property
    def cell(self) -> int:
        """The number of its cell."""
        return self.element.evaluate("element => course.cellOf(element)")

    @property
    def remembers(self) -> bool:
        """Whether its picture keeps earlier runs on purpose, so that the same values may look
        different."""
        return self.element.evaluate("element => element.matches('.live-remembers')")

    @property
    def waits(self) -> bool:
        """Whether a move only sets something and a button starts what uses it."""
        return self.element.evaluate("element => element.matches('.live-waits')")

    @property
    def reading(self) -> str:
        """What stands under the picture at this moment."""
        return self.element.query_selector(".live-reading").inner_text()

    @property
    def controls(self) -> list["Control"]:
        """The controls in the order of the page; *reset* and *stop* are not among them."""
        return [Control(found) for found in self.element.query_selector_all(".live-control")]

    def settled(self, timeout=120) -> State:
        """Wait until every move has been answered and nothing changes, and return what is seen."""
        return State(**_settled(self.element, "state", timeout))

    def reset(self):
        """Press the reset button."""
        self.element.query_selector(".live-reset").click()

    def screenshot(self, path):
        """Write the exploration alone to `path`."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.element.screenshot(path=path)


class Control:
    """A slider, a choice (list or buttons), a toggle or a button of an exploration."""

    def __init__(self, element):
        self.element = element
        described = self._describe()
        self.kind, self.label = described["kind"], described["label"]

    def _describe(self):
        return self.element.evaluate("element => course.control(element)")

    @property
    def steered(self) -> bool:
        """Whether a running computation reads it, so that what is shown hangs on when it moved."""
        return self.element.evaluate("element => element.matches('.live-steered')")

    @property
    def value(self) -> str:
        """What the control shows."""
        return self._describe()["value"]

    @property
    def fraction(self) -> float:
        """Where a slider's handle stands, from 0 to 1."""
        return self._describe()["fraction"]

    def press(self, key):
        """Put the focus on a slider's handle and press `key`."""
        self.element.query_selector(".noUi-handle").press(key)

    def drag(self, fraction):
        """Drag a slider's handle with the mouse to `fraction` (0 to 1) of its track."""
        self.element.scroll_into_view_if_needed()
        handle = self.element.query_selector(".noUi-handle").bounding_box()
        track = self.element.query_selector(".noUi-base").bounding_box()
        mouse = self.element.owner_frame().page.mouse
        y = handle["y"] + handle["height"] / 2
        mouse.move(handle["x"] + handle["width"] / 2, y)
        mouse.down()
        mouse.move(track["x"] + fraction * track["width"], y, steps=8)
        mouse.up()

    def change(self):
        """Choose another option, or click a toggle or a button."""
        select = self.element.query_selector("select")
        if select:
            select.select_option(index=0 if select.evaluate("list => list.selectedIndex") else 1)
        elif self.kind == "choice":
            self.element.query_selector("button:not(.mod-active)").click()
        elif self.kind == "toggle":
            self.element.query_selector("input").click()
        else:
            self.element.click()


class Prediction:
    """A question with options, and the places that come back to it after the result."""

    def __init__(self, page, element):
        self.page, self.element = page, element
        self.cell = element.evaluate("element => course.cellOf(element)")
        described = self._describe()
        self.question, self.options = described["question"], described["options"]

    def _describe(self):
        return self.element.evaluate("element => course.prediction(element)")

    @property
    def chosen(self) -> list[str]:
        """The options that are chosen: none or one."""
        return self._describe()["chosen"]

    def reveals(self, timeout=120) -> list[str]:
        """Wait until the kernel has answered, and return what the page says of the answer wherever
        it comes back to this question."""
        asked = [self.question, timeout]
        return self.page.evaluate(
            "([question, seconds]) => course.reveals(question, seconds)", asked
        )

    def choose(self, option):
        """Put the focus on an option, known by its number, and press the space bar."""
        self.element.query_selector_all("input[type=radio]")[option].press("Space")


@dataclass(frozen=True)
class Answer:
    """What an exercise shows: its verdict, the hints asked for so far, and a solution or ""."""

    verdict: str
    hints: list[str]
    code: str


class Exercise:
    """A cell with a function to complete, and a cell that checks it and gives help."""

    def __init__(self, notebook, cell):
        self.notebook, self.page, self.cell = notebook, notebook.page, cell
        self.name, self.function_cell = self.page.evaluate("cell => course.task(cell)", cell)

    @property
    def source(self) -> str:
        """What stands in the function's cell."""
        return self.page.evaluate("cell => course.source(cell)", self.function_cell)

    @property
    def element(self):
        """The panel, another one after each answer; None before the first."""
        return self.page.evaluate_handle("cell => course.panelIn(cell)", self.cell).as_element()

    def settled(self) -> Answer:
        """Wait until the kernel has answered, and return what is seen."""
        return Answer(**_settled(self.element, "exercise"))

    def hint(self):
        """Ask for one more hint."""
        self.element.query_selector(".exercise-hint").click()

    def solution(self):
        """Show the solution, or hide it."""
        self.element.query_selector(".exercise-solution").click()

    def write(self, source):
        """Write `source` into the function's cell, and run nothing."""
        self.page.evaluate(
            "([cell, source]) => course.write(cell, source)", [self.function_cell, source]
        )

    def answer(self, source, timeout=120):
        """Write `source` into the function's cell, run that and then the cell that checks it."""
        self.write(source)
        for cell in self.function_cell, self.cell:
            self.notebook.run(cell, timeout)
