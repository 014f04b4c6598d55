"""The flight deck: a network trains, is steered meanwhile, and is compared with earlier runs."""

import asyncio
import math
import threading
import time
from copy import deepcopy

import ipywidgets as widgets

from course_utils.lab.controls import is_steered, said
from course_utils.lab.flight.logbook import Entry, as_table
from course_utils.lab.live import Exploration, event_loop, raise_error, spoken
from course_utils.lab.panel import to_html

# What a slice may last, in steps and in seconds.
ONE_STEP = 1, math.inf
A_LOOK = 0, math.inf  # at the test set, without a step
TO_THE_END = math.inf, math.inf

SHORTEST, LONGEST = 0.08, 0.15  # seconds: ten frames a second or more, and a pause that is heard
SHARE = 5  # a slice takes so many times as long as a frame, on a slow machine too
MOMENT = 0.002  # seconds after each slice in which the page's messages are heard
BETWEEN_WORDS = 0.5  # seconds, while it trains


class FlightDeck(Exploration):
    """An exploration whose runs are begun, paused and gone on with by buttons.

    Made by `flight_deck`. A `steered` control is read before every step. Any other is a setting of
    the next run: its move ends nothing, and is said under the reading.

    Attributes
    ----------
    runs : list of Entry
        All runs, the newest last.
    """

    def __init__(self, compute, picture, controls, first):
        self.runs, self._first_steps = [], first
        self._labels = {n: (c.description or n).partition(":")[0] for n, c in controls.items()}
        self._results = None  # the present run, a generator; None once it is over
        self._until, self._is_training = None, False
        self._slice = threading.Lock()  # held by the thread that trains
        self._said = 0.0  # when something was last
        super().__init__(compute, picture, controls)
        self._stop.description, self._stop.icon = "Pause", "pause"
        self.add_class("live-waits")
        self._pace.observe(self._page_is_there, "taken")
        self._write_log()

    def _begin(self):
        """Train the first run for a while."""
        self._make_run()
        self._advance(self._first_steps, math.inf)
        self.picture.update(**self._shown_values())
        self._first = deepcopy(self._entry)
        return True

    def _rows(self):
        """What the next run starts from, then what is steered, next to the picture."""
        rows = {row.children[1]: row for row in super()._rows()}
        found = []
        for title, kind in (("Of the next run", False), ("Steered while it trains", True)):
            heading = widgets.HTML(f"<b>{title}</b>")
            chosen = [row for control, row in rows.items() if is_steered(control) == kind]
            found += [heading, *chosen] if chosen else []
        return found

    def _buttons(self, in_slices):
        return [
            self._button("Train", "play", self.train),
            self._stop,
            self._button("Step", "step-forward", self.step),
            self._button("New run", "plus", self.new_run),
            self._button("Reset", "undo", self.reset),
        ]

    def _below(self):
        self._table = widgets.HTML()
        self._table.add_class("live-log")
        self._which = widgets.Dropdown(description="As code", layout={"width": "200px"})
        self._which.observe(lambda _: self._write_code(), "value")
        self._code = widgets.Textarea(rows=6, layout={"width": "100%", "max_width": "760px"})
        self._code.add_class("live-code")
        return [self._table, self._which, self._code]

    # What the buttons do

    def train(self):
        """Go on with the present run; begin another one if it is over."""
        if self._is_training:
            return
        with self._errors_in_words():
            if self._results is None:
                self._make_run()
            loop = event_loop()
            if loop is None:
                self._advance(*TO_THE_END)
                self._show(self._shown_values())
                return
        self.stop()
        self._is_training, self._stop.disabled = True, False
        self._task = loop.create_task(self._play())
        self._task.add_done_callback(raise_error)

    def step(self):
        """Take one step of the present run, or the first of another one if it is over."""
        self._is_training = False
        with self._errors_in_words():
            if self._results is None:
                self._make_run()
            self._advance(*ONE_STEP)
        self._show(self._shown_values())

    def new_run(self):
        """Leave the present run as it is, and train another one with the settings as they stand."""
        with self._errors_in_words():
            self._make_run()
        self.train()

    def reset(self):
        """Put all back to what it was at first, but for the log; the present run is over."""
        self._is_training = False
        with self._errors_in_words():
            self._leave_run()
        with self._slice:
            self._results, self._entry = None, self._first
        self._put_back()
        self._show(self._shown_values())

    def _stopped(self):
        """Pause: the slice on its way ends, then comes a look at the test set."""
        self._is_training = False

    def stop(self):
        """End the training at once."""
        self._is_training = False
        super().stop()

    def close(self):
        """Stop, and let everything go, the runs too."""
        self._results = None
        super().close()
        self.runs.clear()

    # A run

    def _page_is_there(self, _):
        """Have all buttons and controls heard beside a running cell, from the page's first word on.

        JupyterLab's widgets have a thread of their own in the kernel. But what the page says to a
        widget goes to the thread in which the widget last said something (ipykernel 7.4), and these
        were made in the cell's. So each says something in answer to the page's first message.
        """
        self._pace.unobserve(self._page_is_there, "taken")
        for widget in leaves(self):
            widget.send_state("_dom_classes")

    def _make_run(self):
        """Make a run of the settings as they stand, before its first step."""
        self._leave_run()
        words = {name: said(control) for name, control in self.controls.items()}
        with self._slice:
            self._results = self.compute(until=lambda: self._until, **self.values)
            self._entry = Entry(len(self.runs) + 1, words)
            self.runs.append(self._entry)
        self._said = 0.0

    def _leave_run(self):
        """Have the present run, where it is not over, end with a look at the test set."""
        if self._results is not None and self._entry.flight is not None:
            self._advance(*A_LOOK)

    def _advance(self, *until):
        """Train the present run for a slice; it may be over then."""
        with self._slice:
            results, entry, self._until = self._results, self._entry, until
            if results is None:
                return
            try:
                entry.flight = self._by_name(next(results))["flight"]
            except BaseException:
                self._results = None
                raise
            if entry.flight.is_over:
                self._results = None

    async def _play(self):
        """Train while frames are on their way to the page, and send the newest after each."""
        try:
            with self._errors_in_words():
                seconds = SHORTEST
                while self._is_training and self._results is not None:
                    self._advance(math.inf, seconds)
                    self._move(self._shown_values())
                    await asyncio.sleep(MOMENT)  # in which the page says that it has the last one
                    if self._pace.is_ready():
                        began = time.perf_counter()
                        self._to_page()
                        frame = time.perf_counter() - began
                        seconds = min(max(SHORTEST, SHARE * frame), LONGEST)
                self._is_training = False
                self._advance(*A_LOOK)
                self._move(self._shown_values())
                self._to_page()
        except Exception:
            self._is_training = False
            self._write_log()
            raise
        finally:
            self._stop.disabled = not self._is_training

    def __repr__(self):
        return f"<flight deck: {', '.join(self.controls)}>"

    # What is seen

    def _shown_values(self):
        """What the picture shows: the present run, and those before it."""
        now = self._entry
        earlier = [each.flight for each in self.runs[: now.number - 1] if each.flight]
        return {"flight": now.flight, "number": now.number, "earlier": earlier}

    def _say(self):
        """The reading and the log; while it trains no oftener than can be read."""
        if not self._is_training or time.monotonic() - self._said > BETWEEN_WORDS:
            self._said = time.monotonic()
            super()._say()
            self._write_log()

    def _words(self):
        return f"{spoken(self.reading)}<div class='aside'>{to_html(self._waiting())}</div>"

    def _waiting(self):
        """What has been set and waits for the next step or run, in words."""
        waits = {True: [], False: []}
        for name, control in self.controls.items():
            stands = said(control)
            if stands != self._entry.last(name):
                waits[is_steered(control)].append(f"{self._labels[name]} {stands}")
        if self._results is None:
            waits = {True: [], False: waits[False] + waits[True]}
        found = [f"From the next step on: {', '.join(waits[True])}."] if waits[True] else []
        if waits[False]:
            found.append(f"For the next run: {', '.join(waits[False])}. New run begins it.")
        return " ".join(found)

    def _changed(self, _=None):
        """A setting is moved: it waits, and that is said."""
        if not self._resetting and self.compute is not None:
            self._reading.value = self._words()

    _steered = _changed

    def _write_log(self):
        """The table, and the run that is chosen as code."""
        if self.compute is None:
            return
        self._table.value = as_table(self.runs, self._labels)
        numbers = [each.number for each in self.runs]
        if len(self._which.options) != len(numbers):
            self._which.options = [(f"run {number}", number) for number in numbers]
            self._which.value = numbers[-1]
        self._write_code()

    def _write_code(self):
        """The run that is chosen as code; one that trains, once it pauses."""
        if not self._which.value:
            return
        entry = self.runs[self._which.value - 1]
        if self._is_training and entry is self._entry:
            self._code.value = f"# Run {entry.number} trains. Its code comes when it pauses."
        elif entry.flight is None or not entry.flight.steps:
            self._code.value = f"# Run {entry.number} has taken no step."
        else:
            self._code.value = entry.flight.code()


def leaves(widget):
    """The widgets inside a widget that have none inside them."""
    children = getattr(widget, "children", ())
    yield from (leaf for child in children for leaf in leaves(child)) if children else [widget]
