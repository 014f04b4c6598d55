"""Predictions: a question before a decisive result, met again after it.

`predict` asks and keeps the answer, `reveal` comes back to it. Answers are kept in a small file
next to the notebooks; where it cannot be written or read they last as long as the kernel.
"""

import contextlib
import html
import json
from pathlib import Path

import ipywidgets as widgets
import traitlets

from course_utils.lab.colors import BLUE, PURPLE
from course_utils.lab.panel import Note, replace_in_cell, to_html

FILE = Path(".predictions.json").absolute()

_questions = {}  # by key


class Question(traitlets.HasTraits):
    """A question, its options and what the student answered (None: nothing yet)."""

    answer = traitlets.Unicode(None, allow_none=True)

    def __init__(self, text, options, answer=None):
        super().__init__(answer=answer if answer in options else None)
        self.text, self.options = text, options


class Predict(Note):
    """A question with a radio button for each option. Made by `predict`."""

    def __init__(self, key, question):
        self.key, self.question = key, question
        self.radio = widgets.RadioButtons(
            options=question.options, value=question.answer, layout={"width": "auto"}
        )
        self.radio.observe(self._answered, "value")
        text = f"<p><b>Predict.</b> {to_html(question.text)}</p>"
        super().__init__([widgets.HTML(text), self.radio], BLUE)
        self.add_class("quiz-predict")

    def _answered(self, change):
        self.question.answer = change.new
        keep(self.key, change.new)

    def static(self):
        """The question and its options."""
        options = "".join(f"<li>{html.escape(option)}</li>" for option in self.question.options)
        return {
            "text/html": f"<p><b>Predict.</b> {to_html(self.question.text)}</p><ul>{options}</ul>"
        }, {}

    def __repr__(self):
        return f"<prediction: {self.key}>"


class Reveal(Note):
    """What the student predicted and what is true; follows a later answer. Made by `reveal`."""

    def __init__(self, key, question, answer, because):
        self.key, self.question, self.answer, self.because = key, question, answer, because
        self.words = widgets.HTML()
        super().__init__([self.words], PURPLE)
        self.add_class("quiz-reveal")
        question.observe(self._show, "answer")
        self._show()

    def _show(self, _=None):
        said, truth = self.question.answer, f"The answer is <b>{html.escape(self.answer)}</b>."
        if said is None:
            line = f"You have not answered yet; this line follows when you do. {truth}"
        elif said == self.answer:
            line = f"You said <b>{html.escape(said)}</b>, and you were right."
        else:
            line = f"You said <b>{html.escape(said)}</b>. {truth}"
        self.words.value = (
            f"<p class='aside'>{to_html(self.question.text)}</p>"
            f"<p role='status'>{line}</p><p>{to_html(self.because)}</p>"
        )

    def close(self):
        """Stop following the question, and let the widgets go."""
        if self.comm is not None:  # still open
            self.question.unobserve(self._show, "answer")
        super().close()

    def static(self):
        """The answer, folded away."""
        return {
            "text/html": f"<details><summary><b>Answer.</b> {to_html(self.question.text)}</summary>"
            f"<p><b>{html.escape(self.answer)}</b>. {to_html(self.because)}</p></details>"
        }, {}

    def __repr__(self):
        return f"<reveal: {self.key}>"


def predict(key, question, options):
    """Ask for a prediction, before the result.

    Parameters
    ----------
    key : str
        Names the question for `reveal` and in the file of answers: "02-c1".
    question : str
        Plain text; `backticks` mark code.
    options : sequence of str
        At least two different answers.

    Returns
    -------
    Predict
        Shown when it is a cell's last line. An answer given earlier is chosen already.

    Raises
    ------
    ValueError
        For fewer than two different options.
    """
    options = list(options)
    if len(set(options)) < max(2, len(options)):
        raise ValueError(f"options must be two or more different answers, got {options}")
    known = _questions.get(key)
    if known is None or (known.text, known.options) != (question, options):
        _questions[key] = Question(question, options, kept().get(key))
    panel = Predict(key, _questions[key])
    replace_in_cell(panel)
    return panel


def reveal(key, *, answer, because):
    """Come back to a prediction, after the result.

    Parameters
    ----------
    key : str
        Of an earlier `predict`.
    answer : str
        The option that is right.
    because : str
        What it teaches; `backticks` mark code.

    Returns
    -------
    Reveal
        Shown when it is a cell's last line; it follows when the student answers later.

    Raises
    ------
    ValueError
        For a key that no `predict` has used, or an answer that was not among the options.
    """
    if key not in _questions:
        asked = ", ".join(map(repr, _questions)) or "none"
        raise ValueError(f"key must be that of a question asked before ({asked}), got {key!r}")
    question = _questions[key]
    if answer not in question.options:
        raise ValueError(f"answer must be one of the options {question.options}, got {answer!r}")
    panel = Reveal(key, question, answer, because)
    replace_in_cell(panel)
    return panel


def kept():
    """The answers on file by key; none if there is no file or it is damaged."""
    try:
        answers = json.loads(FILE.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return answers if isinstance(answers, dict) else {}


def keep(key, answer):
    """Put an answer on file, if that can be done."""
    answers = kept() | {key: answer}
    with contextlib.suppress(OSError):
        fresh = FILE.with_suffix(".tmp")
        fresh.write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n", "utf-8")
        fresh.replace(FILE)
