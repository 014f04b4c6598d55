"""The flight deck: a network trains, is steered meanwhile, and is compared with earlier runs."""

import math
import threading
import time
from copy import deepcopy

import ipywidgets as widgets

from course_utils.lab.controls import choice, is_steered, said, slider, steered, toggle
from course_utils.lab.live import Exploration, event_loop, raise_error, spoken
from course_utils.lab.logbook import Entry, as_table
from course_utils.lab.panel import close_tree, replace_in_cell, to_html

# What a slice may last, in steps and in seconds.
AS_IT_GOES = math.inf, 0.08  # and so ten frames a second or more
ONE_STEP = 1, math.inf
A_LOOK = 0, math.inf  # at the test set, without a step
TO_THE_END = math.inf, math.inf

BETWEEN_TABLES = 0.5  # seconds


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
        self._written = 0.0  # when the table was last
        super().__init__(compute, picture, controls)
        self._stop.description, self._stop.icon = "Pause", "pause"
        self.add_class("live-waits")
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
                self._write_log()
                return
        self.stop()
        self._is_training = True
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
        self._write_log()

    def new_run(self):
        """Leave the present run as it is, and train another one with the settings as they stand."""
        with self._errors_in_words():
            self._make_run()
        self.train()

    def reset(self):
        """Put all back to what it was at first, but for the log; the present run is over."""
        self._is_training, self._results = False, None
        self._put_back()
        self._entry = self._first
        self._show(self._shown_values())
        self._write_log()

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

    def _make_run(self):
        """Make a run of the settings as they stand, before its first step."""
        words = {name: said(control) for name, control in self.controls.items()}
        self._results = self.compute(until=lambda: self._until, **self.values)
        self._entry = Entry(len(self.runs) + 1, words)
        self.runs.append(self._entry)

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
            if entry.flight.is_over and results is self._results:
                self._results = None

    async def _play(self):
        """Train while frames are on their way to the page, and send the newest after each."""
        self._stop.disabled = False
        try:
            with self._errors_in_words():
                while self._is_training and self._results is not None:
                    self._advance(*AS_IT_GOES)
                    self._move(self._shown_values())
                    if self._pace.is_ready():
                        self._to_page()
                    await self._pace.answer(0)
                self._is_training = False
                self._advance(*A_LOOK)
                self._move(self._shown_values())
                self._to_page()
                self._write_log()
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

    def _to_page(self):
        super()._to_page()
        if time.monotonic() - self._written > BETWEEN_TABLES:
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
        self._written = time.monotonic()
        self._table.value = as_table(self.runs, self._labels)
        numbers = [each.number for each in self.runs]
        if len(self._which.options) != len(numbers):
            self._which.options = [(f"run {number}", number) for number in numbers]
            self._which.value = numbers[-1]
        self._write_code()

    def _write_code(self):
        """The run that is chosen as code; one that trains, once it pauses."""
        entry = self.runs[self._which.value - 1] if self._which.value else None
        if entry is None or entry.flight is None:
            return
        if not (self._is_training and entry is self._entry):
            self._code.value = entry.flight.code()


def flight_deck(compute, picture, *, first=600, **controls):
    """Join controls, a training and its instruments into a flight deck.

    The first run is trained a little when the cell runs; from there on the buttons *Train*,
    *Pause*, *Step*, *New run* and *Reset* do what they say. All runs stay in a table, and each of
    them can be copied as five lines of code.

    Parameters
    ----------
    compute : callable
        ``compute(until=until, **controls)``, a generator of ``{"flight": ...}``. It gets the
        controls' values by name, of a `steered` one a function that reads it; before each slice it
        asks ``until()`` for the steps and seconds after one of which the slice ends. A flight has
        `steps`, `steered`, `history`, `is_over` and ``code()``: see `experiments.flight.fly`.
    picture : Picture, or type of Picture
    first : int
        Steps of the first run when the cell runs.
    **controls : widget
        As for `live`.

    Returns
    -------
    FlightDeck
        Shown when it is a cell's last line.

    Examples
    --------
    >>> from functools import partial
    >>> train, test = digits(test=1000)  # doctest: +SKIP
    >>> flight_deck(
    ...     partial(fly, train, test), FlightInstruments, **flight_controls(norm="batch")
    ... )  # doctest: +SKIP
    """
    picture = picture() if isinstance(picture, type) else picture
    try:
        deck = FlightDeck(compute, picture, controls, first)
    except BaseException:  # an interrupt too
        for control in controls.values():
            close_tree(control)
        raise
    replace_in_cell(deck)
    return deck


def flight_controls(
    *,
    c=2.0,
    depth=10,
    width=100,
    norm=None,
    norm_position="before",
    skip=False,
    optimizer="SGD",
    lr=0.05,
    momentum=0.9,
    p=0.0,
    weight_decay=0.0,
    most=20,
):
    """The controls of a flight deck with these defaults: settings, then what is steered.

    Parameters
    ----------
    c, depth, width, norm, norm_position, skip, optimizer, lr, momentum, p, weight_decay
        As for `experiments.flight.fly`.
    most : int
        The largest depth.

    Returns
    -------
    dict of str to widget
    """
    norms = {"none": None, "layer": "layer", "batch": "batch"}
    return {
        "c": slider(0.5, 4.0, c, label="c: initial variance times width"),
        "depth": slider(1, most, depth, label="depth: hidden layers"),
        "width": slider(20, 200, width, step=20, label="width: units in each"),
        "norm": choice(norms, norm, label="normalization"),
        "norm_position": choice(["before", "after"], norm_position, label="place: and the ReLU"),
        "skip": toggle(skip, label="skip: connections around each layer"),
        "optimizer": choice(["SGD", "Adam"], optimizer, label="optimizer"),
        "lr": steered(slider(1e-4, 1.0, lr, log=True, label="lr: learning rate")),
        "momentum": steered(slider(0.0, 0.99, momentum, label="momentum: (Adam's first beta)")),
        "p": steered(slider(0.0, 0.8, p, label="p: dropout")),
        "weight_decay": steered(slider(0.0, 0.01, weight_decay, label="λ: weight decay")),
    }
