"""The flight deck as a student has it: steered by mouse and keyboard while a network trains."""

import ast
import time
from contextlib import closing

import nbformat
import pytest

from .checks import problems
from .screenshots import SCREENSHOTS

pytestmark = pytest.mark.browser

DECK = """
import threading
from functools import partial
from course_utils.data import digits
from course_utils.experiments.flight import fly
from course_utils.lab import flight_controls, flight_deck
from course_utils.lab.pictures import FlightInstruments

decks, rounds = globals().get("decks", []), 30
train, test = digits(test=500)
controls = flight_controls(depth=10, width=100)
decks.append(flight_deck(partial(fly, train, test, steps=10**6), FlightInstruments, **controls))
decks[-1]
"""
BUSY = """
import time
from pathlib import Path

Path("busy").touch()
for count in range(rounds):
    time.sleep(0.1)
"""
STEPS = "decks[-1].runs[-1].flight.steps if decks[-1].runs[-1].flight else 0"


@pytest.fixture(scope="module")
def notebook(lab, browser):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source) for source in (DECK, BUSY)]
    cells[1].metadata["tags"] = ["raises-exception"]
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(made, lab.folder / "deck.ipynb")
    with closing(lab.open(browser, "deck.ipynb")) as notebook:
        notebook.run_all()
        yield notebook


class Deck:
    """What the deck shows and has, and its buttons."""

    def __init__(self, notebook):
        self.notebook = notebook
        (self.exploration,) = notebook.explorations()
        self.controls = {each.label.partition(":")[0]: each for each in self.exploration.controls}

    def press(self, words):
        """Press a button: train, stop (which says Pause), step, new-run, reset."""
        self.exploration.element.query_selector(f".live-{words}").click()

    @property
    def is_training(self):
        return not self.exploration.element.query_selector(".live-stop").is_disabled()

    @property
    def reading(self):
        return self.exploration.reading

    def ask(self, expression):
        """What an expression is worth in the kernel."""
        return ast.literal_eval(self.notebook.value(expression))

    def until(self, condition, what):
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, f"{what}: in vain; {self.reading}"
            time.sleep(0.05)

    def pause(self):
        self.press("stop")
        self.until(lambda: not self.is_training, "pause")


@pytest.fixture
def deck(notebook):
    deck = Deck(notebook)
    yield deck
    if deck.is_training:
        deck.pause()
    deck.press("reset")
    deck.exploration.settled()
    assert [each for each in notebook.errors() if "KeyboardInterrupt" not in each] == []


def test_every_control_says_what_it_sets(deck):
    assert problems(deck.exploration) == []


def test_it_trains_while_another_cell_runs(deck, notebook):
    deck.press("train")
    deck.until(lambda: deck.is_training, "train")
    notebook.start(1)
    readings = set()
    while notebook.runs(1):
        readings.add(deck.reading)
    assert len(readings) > 3, readings
    assert deck.ask("count") == 29 and deck.is_training


def test_sliders_steer_by_mouse_and_keyboard_while_it_trains(deck):
    deck.press("train")
    deck.until(lambda: deck.is_training, "train")
    moved = ("lr", "momentum", "p", "λ")
    for name in moved:
        deck.controls[name].drag(0.3)
        deck.controls[name].press("ArrowRight")
        assert deck.is_training
    begun = deck.ask(STEPS)
    deck.until(lambda: deck.ask(STEPS) > begun, "the next step")
    steered = deck.ask("decks[-1].runs[-1].flight.steered")
    assert [len(values) > 1 for values in steered.values()] == [True] * 4
    assert f"{steered['lr'][max(steered['lr'])]:.2g}" == deck.controls["lr"].value
    deck.pause()
    marked = deck.exploration.element.query_selector_all(".live-log tr:nth-child(2) mark")
    assert len(marked) == 4 and all("→" in each.inner_text() for each in marked)
    code = deck.exploration.element.query_selector(".live-code textarea").input_value()
    assert len(code.splitlines()) == 5 and "scheduled(" in code


def test_pause_step_and_a_run_with_other_settings(deck):
    deck.press("train")
    deck.until(lambda: deck.is_training, "train")
    deck.controls["depth"].press("ArrowRight")
    deck.until(lambda: "For the next run: depth 11. New run begins it." in deck.reading, "said")
    assert deck.is_training
    deck.pause()
    reached = deck.ask(STEPS)
    deck.press("step")
    deck.until(lambda: f"step {reached + 1}:" in deck.reading, "a step")
    number = deck.ask("len(decks[-1].runs)")
    deck.press("new-run")
    deck.until(lambda: deck.reading.startswith(f"Run {number + 1}, step"), "another run")
    deck.pause()
    assert "to 11 activations" in deck.reading and "next run" not in deck.reading
    assert deck.ask("len(decks[-1].runs)") == number + 1
    deck.exploration.screenshot(SCREENSHOTS / "flight-deck.png")


def test_not_a_number_is_named_and_the_next_run_is_unharmed(deck):
    for name in ("c", "lr"):
        deck.controls[name].press("End")
    deck.press("new-run")
    deck.until(lambda: "not a number after" in deck.reading, "NaN")
    deck.until(lambda: not deck.is_training, "its end")
    deck.exploration.screenshot(SCREENSHOTS / "flight-deck-blown-up.png")
    deck.press("reset")
    deck.press("train")
    deck.until(lambda: deck.is_training and "training loss" in deck.reading, "the next run")
    deck.until(lambda: deck.ask(STEPS) > 3, "steps")


def test_an_interrupt_stops_the_cell_and_running_it_again_leaves_nothing(deck, notebook, lab):
    deck.press("train")
    deck.until(lambda: deck.is_training, "train")
    threads = deck.ask("threading.active_count()")
    notebook.interrupt()  # with no cell that runs: that does nothing
    deck.ask("globals().update(rounds=600)")
    (lab.folder / "busy").unlink(missing_ok=True)
    notebook.start(1)
    deck.until((lab.folder / "busy").exists, "the cell's start")
    notebook.interrupt()
    deck.until(lambda: not notebook.runs(1), "interrupt")
    assert deck.ask("count") < 599
    deck.until(lambda: deck.is_training, "the deck")
    notebook.run(0)
    again = Deck(notebook)
    assert again.ask("[len(decks), decks[0].comm is None, decks[0]._task]") == [2, True, None]
    assert again.ask("threading.active_count()") == threads
    again.press("train")
    again.until(lambda: again.is_training, "the new deck")
    again.pause()
    assert again.ask("[each._is_training for each in decks]") == [False, False]
    deck.exploration, deck.controls = again.exploration, again.controls
