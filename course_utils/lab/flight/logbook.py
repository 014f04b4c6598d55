"""The runs of a flight deck as a table."""

import html
from dataclasses import dataclass


@dataclass
class Entry:
    """A run: its number, where the controls stood when it began, and what came of it.

    Attributes
    ----------
    number : int
        From 1 on.
    words : dict of str to str
        By control, in words.
    flight : object
        With `steps`, `steered` (by control, its values by the step from which they held) and
        `history`; None before the first step.
    """

    number: int
    words: dict
    flight: object = None

    def stood(self, name):
        """Where a control stood, from the first step to the last, in words."""
        values = {} if self.flight is None else self.flight.steered.get(name, {})
        return course(values) if values else self.words[name]

    def last(self, name):
        """Where a control stood at last."""
        values = {} if self.flight is None else self.flight.steered.get(name, {})
        return f"{list(values.values())[-1]:.3g}" if values else self.words[name]

    @property
    def outcome(self):
        """The error on the test set, or when the loss was no longer a number."""
        history = self.flight.history
        if history.diverged:
            return f"NaN at step {history.diverged_at}"
        return f"{100 * history.final.error:.1f}%"


def course(values):
    """A value, or the way from the first to the last: "0.1 → 0.03 at step 240"."""
    steps, numbers = list(values), [f"{number:.3g}" for number in values.values()]
    if len(numbers) == 1:
        return numbers[0]
    way = f"{numbers[0]} → {numbers[-1]}"
    if len(numbers) == 2:
        return f"{way} at step {steps[1]}"
    return f"{way} in {len(numbers) - 1} moves, steps {steps[1]} to {steps[-1]}"


def as_table(log, labels):
    """The log as HTML, the newest run first; what was steered on the way is marked.

    Parameters
    ----------
    log : list of Entry
    labels : dict of str to str
        A heading for each control.
    """
    heads = ["run", *labels.values(), "steps", "test error"]
    head = "".join(f"<th scope='col'>{html.escape(each)}</th>" for each in heads)
    rows = "".join(map(row, reversed([each for each in log if each.flight]), [labels] * len(log)))
    return f"<table><caption>All runs</caption><tr>{head}</tr>{rows}</table>"


def row(entry, labels):
    """One run as a row."""
    cells = []
    for name in labels:
        words = html.escape(entry.stood(name))
        moved = len(entry.flight.steered.get(name, ())) > 1
        cells.append(f"<mark>{words}</mark>" if moved else words)
    cells += [f"{entry.flight.steps:,}", html.escape(entry.outcome)]
    inside = "".join(f"<td>{cell}</td>" for cell in cells)
    return f"<tr><th scope='row'>{entry.number}</th>{inside}</tr>"
