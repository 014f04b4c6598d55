"""Live explorations in a real JupyterLab: from a key or the mouse to the pixels.

Three sliders stand in one notebook and take turns, so that whatever else the machine does falls on
all of them: the first exploration of notebook 00, the same computation and picture by ipywidgets'
`interactive` with a new inline figure each time, and the first exploration of notebook 02 at depth
30, width 100 and 128 examples. The cells are taken from the notebooks, so that what is measured is
what ships.

    python benchmarks/live_in_browser.py
"""

import ast
import os
import statistics
import sys
import time
from contextlib import closing
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.browser.lab import NOTEBOOKS, JupyterLab, open_browser
from tests.browser.notebook import Control

PROBE = Path(__file__).with_suffix(".js")
ROUNDS, KEYS = 3, 8  # key presses a round
VALUES, SECONDS = 60, 3  # of a drag
CALM = 3  # load above which a round waits for up to two minutes

# Processor time of the kernel for each answer to a slider: computing, drawing and sending.
CLOCK = """
import hashlib
import time
from ipywidgets import interactive
from course_utils.lab import Exploration

spent = []

def timed(answer):
    def answer_and_note(*args):
        before = time.process_time()
        answer(*args)
        spent.append(1000 * (time.process_time() - before))
    return answer_and_note

def take_spent():
    noted = spent[:]
    spent.clear()
    return noted

Exploration._changed = timed(Exploration._changed)
interactive.update = timed(interactive.update)
"""

CLASSIC = """
import matplotlib.pyplot as plt
from IPython.core.pylabtools import print_figure
from ipywidgets import FloatSlider
from course_utils.lab.canvas import STYLE

plt.style.use(STYLE)  # the same picture: the course's style, size and pixels

def plot_norms(c):
    norms = norms_by_layer(c)["norms"]["measured"]
    layers = np.arange(31)
    fig, ax = plt.subplots(figsize=(7.6, 3.4), dpi=150)
    ax.plot(layers, norms.forward, marker="o", label="measured")
    ax.plot(layers, norms.forward_theory, linestyle="--", label="theory")
    ax.set(yscale="log", xlim=(-0.5, 30.5), ylim=(1e-9, 1e8),
           xlabel="layer $i$ (0 is the input)", ylabel=r"mean length $\\|z_i\\|$")
    ax.legend(loc="upper left", ncols=2)

def still(c):
    plot_norms(c)
    png = print_figure(plt.gcf())
    plt.close()
    return hashlib.sha256(png).hexdigest()

interactive(plot_norms, c=FloatSlider(min=0.5, max=4.0, step=0.05, value=2.0))
"""

# The picture that an exploration, made anew, shows at given values without having been dragged.
STILL = """
def still_{name}(**values):
    exploration = {source}
    for control, value in values.items():
        exploration.controls[control].value = value
    png = exploration._image.value
    exploration.close()
    spent.clear()
    return hashlib.sha256(png).hexdigest()
"""


def cells_up_to_first_exploration(name):
    """The code of a notebook of the course up to its first exploration, which comes last."""
    (path,) = NOTEBOOKS.glob(f"{name}_*.ipynb")
    sources = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            sources.append(cell.source)
            if cell.source.startswith("live("):
                return sources
    raise ValueError(f"notebook {name} has no cell that starts with live(")


def scratch_notebook():
    """A notebook with the three sliders."""
    first = cells_up_to_first_exploration("00")
    second = [
        source.replace("untrained", "deeper") for source in cells_up_to_first_exploration("02")
    ]
    sources = [CLOCK, *first, CLASSIC, *second]
    sources += [STILL.format(name="00", source=first[-1].strip())]
    sources += [STILL.format(name="02", source=second[-1].strip())]
    kernel = {"name": "python3", "display_name": "Python 3"}
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(metadata={"kernelspec": kernel}, cells=cells)


class Side:
    """One of the three: its slider c, its picture, and what was measured."""

    def __init__(self, page, root, still):
        self.page, self.root, self.still = page, root, still
        self.slider = Control(root.query_selector(".widget-slider"))
        self.key_ms, self.rates, self.behind_ms, self.kernel_ms = [], [], [], []
        self.last_right, self.missing, self.shift = [], 0, 0.0

    def ask(self, expression):
        """The value of an expression in the kernel."""
        return ast.literal_eval(self.page.evaluate("text => probe.ask(text)", expression))

    def watch(self):
        self.root.evaluate("root => probe.watch(root)")

    def settled(self):
        """End the watch and return what was seen."""
        seen = self.page.evaluate("probe.settled(60)")
        self.missing += seen["missing"]
        return seen

    def check_last(self):
        """Note whether the picture is that of the slider's value."""
        shown = self.root.evaluate("root => probe.digest(root)")
        value = self.slider.value
        self.last_right.append(shown == self.ask(self.still.format(c=value)))

    def press_keys(self):
        """Press arrow keys one by one, each from rest."""
        for number in range(KEYS):
            self.watch()
            self.slider.press("ArrowRight" if number < KEYS / 2 else "ArrowLeft")
            seen = self.settled()
            self.key_ms.append(seen["frames"][0] - seen["moves"][0])
            if len(seen["frames"]) > 1:
                raise RuntimeError("one key press gave more than one picture")
        self.check_last()

    def drag(self):
        """Drag the slider over `VALUES` neighboring values in `SECONDS`, and hold it there."""
        self.watch()
        self.slider.press("Home")
        self.settled()
        handle = self.root.query_selector(".noUi-handle").bounding_box()
        track = self.root.query_selector(".noUi-base").bounding_box()
        x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
        step = track["width"] / 70  # c goes from 0.5 to 4 in steps of 0.05
        mouse = self.page.mouse
        mouse.move(x, y)
        mouse.down()
        self.ask("take_spent()")
        self.watch()
        start = time.monotonic()
        for number in range(1, VALUES + 1):
            time.sleep(max(0, start + number * SECONDS / VALUES - time.monotonic()))
            mouse.move(x + number * step, y)
        seen = self.settled()
        first, last = seen["moves"][0], seen["moves"][-1]
        in_time = sum(first < frame <= last for frame in seen["frames"])
        self.rates.append(1000 * in_time / (last - first))
        self.behind_ms.append(seen["frames"][-1] - last)
        for numbers in zip(*seen["boxes"], strict=True):
            self.shift = max(self.shift, max(numbers) - min(numbers))
        self.kernel_ms += self.ask("take_spent()")
        self.check_last()
        mouse.up()


def wait_for_calm():
    deadline = time.monotonic() + 120
    while os.getloadavg()[0] > CALM and time.monotonic() < deadline:
        time.sleep(5)


def measure():
    """The three sides, measured in turns."""
    with open_browser() as browser, JupyterLab() as lab:
        nbformat.write(scratch_notebook(), lab.folder / "scratch.ipynb")
        with closing(lab.open(browser, "scratch.ipynb")) as notebook:
            notebook.run_all()
            if errors := notebook.errors():
                raise RuntimeError("\n".join(errors))
            page = notebook.page
            page.add_script_tag(path=PROBE)
            page.evaluate("probe.start()")
            first, second = (exploration.element for exploration in notebook.explorations())
            (width,) = (
                control
                for control in notebook.explorations()[1].controls
                if control.label.startswith("n: width")
            )
            width.press("End")
            assert width.value == "100", f"width should be 100, is {width.value}"
            sides = {
                "notebook 00": Side(page, first, "still_00(c={c})"),
                "interactive": Side(page, page.query_selector(".widget-interact"), "still({c})"),
                "notebook 02": Side(page, second, "still_02(c={c}, width=100)"),
            }
            for number in range(ROUNDS):
                wait_for_calm()
                loads = [os.getloadavg()[0]]
                for side in sides.values():
                    side.press_keys()
                    side.drag()
                loads.append(os.getloadavg()[0])
                rates = ", ".join(f"{side.rates[-1]:.1f}" for side in sides.values())
                print(
                    f"round {number + 1}: load {loads[0]:.1f} to {loads[1]:.1f}; "
                    f"pictures a second {rates}",
                    flush=True,
                )
            if errors := notebook.errors():
                raise RuntimeError("\n".join(errors))
    return sides


def percentile_95(values):
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


ROWS = {  # what, of which numbers, decimals, goal
    "key to pixels, median (ms)": (lambda side: statistics.median(side.key_ms), 0, "<= 100"),
    "key to pixels, p95 (ms)": (lambda side: percentile_95(side.key_ms), 0, ""),
    "pictures a second in a drag": (
        lambda side: statistics.median(side.rates),
        1,
        ">= 10, ratio >= 8",
    ),
    "behind at its end (ms)": (lambda side: statistics.median(side.behind_ms), 0, "<= 150"),
    "kernel, a picture (CPU ms)": (lambda side: statistics.median(side.kernel_ms), 1, ""),
}


def report(sides):
    """Print the table."""
    course, classic, _ = sides.values()
    print(f"\n{'':30}" + "".join(f"{name:>13}" for name in sides) + f"{'00 : inter.':>13}  goal")
    for what, (figure, decimals, goal) in ROWS.items():
        values = "".join(f"{figure(side):13.{decimals}f}" for side in sides.values())
        print(f"{what:30}{values}{figure(course) / figure(classic):13.2f}  {goal}")
    for what, figure, goal in (
        ("last value shown", lambda side: f"{sum(side.last_right)}/{len(side.last_right)}", "all"),
        ("frames without a picture", lambda side: side.missing, "0"),
        ("picture moved by (px)", lambda side: round(side.shift), "0"),
    ):
        values = "".join(f"{figure(side):>13}" for side in sides.values())
        print(f"{what:30}{values}{'':13}  {goal}")
    print(
        f"\neach: {ROUNDS * KEYS} key presses, {ROUNDS} drags over {VALUES} values in {SECONDS} s"
    )


if __name__ == "__main__":
    report(measure())
