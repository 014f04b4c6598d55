"""The flight deck in a real JupyterLab: what the display costs, and how soon it obeys.

A network of 10 hidden layers of 100 trains at batch 100 in turns: on the deck, with its pictures in
a browser, and in a plain loop in the same kernel. So whatever else the machine does falls on both.

    python benchmarks/flight_in_browser.py
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

from tests.browser.lab import JupyterLab, open_browser

ROUNDS, SECONDS = 5, 5

CELLS = [
    """
import time
from functools import partial
from course_utils.data import digits, minibatches
from course_utils.experiments import training_steps
from course_utils.experiments.flight import fly
from course_utils.lab import flight_controls, flight_deck
from course_utils.lab.pictures import FlightInstruments
from course_utils.nn import SGD, mlp
import numpy as np

train, test = digits(test=1000)

def plain(seconds):
    network = mlp([784, *[100] * 10, 10], rng=np.random.default_rng(0))
    batches = minibatches(*train, 100, np.random.default_rng(1), epochs=None)
    steps, end = 0, time.perf_counter() + seconds
    began, spent = time.perf_counter(), time.process_time()
    for _ in training_steps(network, SGD(network, 0.05, 0.9), batches):
        steps += 1
        if time.perf_counter() > end:
            return steps / (time.perf_counter() - began), (time.process_time() - spent) / steps

def watched(to_page):
    def note():
        to_page()
        shown_steps.append(deck.runs[-1].flight.steps)
    return note

def now():
    return time.perf_counter(), time.process_time(), deck.runs[-1].flight.steps
""",
    """
deck = flight_deck(partial(fly, train, test, steps=10**6), FlightInstruments(10**5),
                   **flight_controls())
shown_steps = []
deck._to_page = watched(deck._to_page)
deck
""",
]

PROBE = """
(root) => {
  const image = root.querySelector("img.live-figure");
  const pause = root.querySelector(".live-stop");
  window.deck = { shown: [], root };
  image.addEventListener("load", () => window.deck.shown.push(performance.now()));
  window.deck.pause = () => new Promise((resolve) => {
    const began = performance.now();
    new MutationObserver((_, observer) => {
      if (!pause.disabled) return;
      observer.disconnect();
      resolve(performance.now() - began);
    }).observe(pause, { attributes: true });
    pause.click();
  });
}
"""


def measure():
    """The rounds, a list of dicts."""
    kernel = {"name": "python3", "display_name": "Python 3"}
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    with open_browser() as browser, JupyterLab() as lab:
        nbformat.write(notebook, lab.folder / "flight.ipynb")
        with closing(lab.open(browser, "flight.ipynb")) as page:
            page.run_all()
            if page.errors():
                raise RuntimeError("\n".join(page.errors()))
            (deck,) = page.explorations()
            deck.element.evaluate(PROBE)
            return [one_round(page, deck) for _ in range(ROUNDS)]


def one_round(page, deck):
    """Train on the deck, steer once, pause; then train in a plain loop."""

    def ask(expression):
        return ast.literal_eval(page.value(expression))

    lr = next(each for each in deck.controls if each.label.startswith("lr"))
    deck.element.query_selector(".live-train").click()
    page.page.wait_for_timeout(1000)
    page.page.evaluate("window.deck.shown = []")
    before = ask("now()")
    page.page.wait_for_timeout(1000 * SECONDS)
    after = ask("now()")
    shown = page.page.evaluate("window.deck.shown")
    wall, spent, steps = (b - a for a, b in zip(before, after, strict=True))

    sent = ask("len(shown_steps)")
    lr.press("ArrowLeft" if lr.fraction > 0.5 else "ArrowRight")
    page.page.wait_for_timeout(1500)
    paused = page.page.evaluate("window.deck.pause()")
    moved = ask("max(deck.runs[-1].flight.steered['lr'])")
    frames = 1 + sum(step <= moved for step in ask("shown_steps")[sent:])
    rate, cost = ask(f"plain({SECONDS})")
    return {
        "pictures a second": 1000 * (len(shown) - 1) / (shown[-1] - shown[0]),
        "steps a second with the display": steps / wall,
        "without": rate,
        "ratio": steps / wall / rate,
        "ratio of processor time": cost / (spent / steps),
        "processor time a picture, ms": 1000 * (spent - steps * cost) / len(shown),
        "processor time a step, ms": 1000 * cost,
        "frames until a steered value shows": frames,
        "pause, ms": paused,
        "load": os.getloadavg()[0],
    }


def main():
    rounds = measure()
    for name in rounds[0]:
        numbers = [each[name] for each in rounds]
        print(f"{name:36} {statistics.median(numbers):8.2f}  ", end="")
        print(" ".join(f"{number:.2f}" for number in numbers))


if __name__ == "__main__":
    began = time.perf_counter()
    main()
    print(f"{time.perf_counter() - began:.0f} s")
