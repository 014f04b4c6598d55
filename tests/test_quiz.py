"""Predictions: asked, kept and met again, without a browser."""

import gc
import json
import re
import weakref

import pytest
from ipywidgets.widgets.widget import _instances as open_widgets

from course_utils.lab import predict, quiz, reveal

KEY, QUESTION = "02-c1", "After 600 steps of SGD, the loss of the c = 1 network is"
OPTIONS = ["about 0.5", "still ln 10, about 2.30", "not a number"]
WRONG, RIGHT, _ = OPTIONS
BECAUSE = "Every crossing halves a square."


@pytest.fixture(autouse=True)
def file(monkeypatch, tmp_path):
    """The file of answers, in a folder of its own; and a kernel that has just started."""
    file = tmp_path / ".predictions.json"
    monkeypatch.setattr(quiz, "FILE", file)
    restart(monkeypatch)
    return file


@pytest.fixture(autouse=True)
def leaves_nothing_open():
    before = set(open_widgets)
    yield
    for widget in [open_widgets[key] for key in set(open_widgets) - before]:
        widget.close()


def restart(monkeypatch):
    monkeypatch.setattr(quiz, "_questions", {})


def ask(key=KEY, question=QUESTION, options=OPTIONS):
    return predict(key, question, options)


def tell(key=KEY, answer=RIGHT, because=BECAUSE):
    return reveal(key, answer=answer, because=because)


def plain(text):
    return " ".join(re.sub("<[^>]*>", " ", text).split())


def words(revealed):
    return plain(revealed.words.value)


def html(panel):
    return panel._repr_mimebundle_()[0]["text/html"]


def test_nothing_is_chosen_at_first_and_all_options_are_offered():
    radio = ask().radio
    assert radio.value is None
    assert list(radio.options) == OPTIONS


def test_the_answer_is_met_again():
    asked, revealed = ask(), tell()
    assert "You have not answered yet" in words(revealed)
    assert RIGHT in words(revealed) and BECAUSE in words(revealed)

    asked.radio.value = WRONG
    assert f"You said {WRONG} . The answer is {RIGHT}" in words(revealed)
    asked.radio.value = RIGHT
    assert f"You said {RIGHT} , and you were right" in words(revealed)
    assert "not answered" not in words(revealed) and BECAUSE in words(revealed)

    asked.radio.value = WRONG
    assert f"You said {WRONG}" in words(tell())


def test_every_question_has_its_own_answer():
    ask().radio.value = RIGHT
    ask("02-other").radio.value = WRONG
    assert f"You said {RIGHT}" in words(tell())
    assert f"You said {WRONG}" in words(tell("02-other"))
    ask("02-third")
    assert "not answered" in words(tell("02-third"))


def test_asking_again_keeps_the_answer_and_what_follows_it():
    first, revealed = ask(), tell()
    first.radio.value = WRONG
    second = ask()
    assert second.radio.value == WRONG
    second.radio.value = RIGHT
    assert "you were right" in words(revealed)


def test_answers_survive_a_restart(monkeypatch, file):
    asked = ask()
    assert not file.exists()  # nothing to keep yet
    asked.radio.value = WRONG
    asked.radio.value = RIGHT
    ask("02-other").radio.value = WRONG
    restart(monkeypatch)
    assert ask().radio.value == RIGHT
    assert "you were right" in words(tell())
    assert ask("02-other").radio.value == WRONG
    assert json.loads(file.read_text("utf-8")) == {KEY: RIGHT, "02-other": WRONG}
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_an_answer_that_is_no_longer_offered_is_forgotten(monkeypatch):
    ask().radio.value = WRONG
    for options in ["yes", "no"], [RIGHT, "no"]:
        assert ask(options=options).radio.value is None
    restart(monkeypatch)
    assert ask(options=["yes", "no"]).radio.value is None


@pytest.mark.parametrize(
    "damaged", [b"", b"{", b"\xff\xfe", b"[1, 2]", b"null", b'{"02-c1": 3}', b'{"02-c1": ["a"]}']
)
def test_a_damaged_file_counts_as_none_and_is_replaced(file, damaged):
    file.write_bytes(damaged)
    asked = ask()
    assert asked.radio.value is None
    asked.radio.value = RIGHT
    assert "you were right" in words(tell())
    assert json.loads(file.read_text("utf-8"))[KEY] == RIGHT


@pytest.mark.parametrize("unwritable", ["no folder", "a file for a folder", "a folder for a file"])
def test_where_nothing_can_be_written_answers_last_as_long_as_the_kernel(
    monkeypatch, file, unwritable
):
    if unwritable == "a folder for a file":
        file.mkdir()
    else:
        folder = file.parent / "missing"
        if unwritable == "a file for a folder":
            folder.touch()
        monkeypatch.setattr(quiz, "FILE", folder / file.name)
    asked, revealed = ask(), tell()
    asked.radio.value = RIGHT
    assert "you were right" in words(revealed)
    assert ask().radio.value == RIGHT


def test_what_is_saved_is_the_same_whatever_was_answered():
    asked, revealed = ask(), tell()
    before = [(repr(panel), html(panel)) for panel in (asked, revealed)]
    asked.radio.value = WRONG
    assert [(repr(panel), html(panel)) for panel in (asked, revealed)] == before
    assert [(repr(panel), html(panel)) for panel in (ask(), tell())] == before
    assert [panel._repr_mimebundle_()[0]["text/plain"] for panel in (asked, revealed)] == [
        "<prediction: 02-c1>",
        "<reveal: 02-c1>",
    ]


def test_without_a_kernel_the_question_is_shown_and_the_answer_folded_away():
    asked, revealed = html(ask()), html(tell())
    assert QUESTION in asked and all(f"<li>{option}</li>" in asked for option in OPTIONS)
    summary, hidden = revealed.split("</summary>")
    assert revealed.startswith("<details>") and RIGHT not in summary and BECAUSE not in summary
    assert RIGHT in hidden and BECAUSE in hidden


def test_the_classes_by_which_a_page_finds_them():
    assert "quiz-predict" in ask()._dom_classes
    assert "quiz-reveal" in tell()._dom_classes


def test_text_is_text_and_backticks_are_code():
    asked = ask("a", "Is `x < y` & <b>so</b>?", ["x < y", "x > y"])
    revealed = tell("a", "x < y", "Since `y > x`.")
    for shown in (asked.children[1].value, html(asked), revealed.words.value):
        assert "<code>x &lt; y</code> &amp; &lt;b&gt;so&lt;/b&gt;?" in shown
    assert "<li>x &lt; y</li>" in html(asked)
    assert "<code>y &gt; x</code>" in revealed.words.value
    asked.radio.value = "x > y"
    assert "You said <b>x &gt; y</b>" in revealed.words.value


@pytest.mark.parametrize("options", [[], ["one"], ["one", "one"], ["one", "two", "one"]])
def test_a_question_needs_two_different_answers(options):
    with pytest.raises(ValueError, match="options must be two or more different answers"):
        ask(options=options)


def test_a_key_must_have_been_asked():
    with pytest.raises(ValueError, match=r"asked before \(none\), got '02-c1'"):
        tell()
    ask()
    with pytest.raises(ValueError, match=r"asked before \('02-c1'\), got '02-c2'"):
        tell("02-c2")


def test_the_answer_must_be_an_option():
    ask()
    with pytest.raises(ValueError, match="answer must be one of the options .* got 'about 7'"):
        tell(answer="about 7")


def test_closing_leaves_nothing_behind():
    ask()
    before = set(open_widgets)
    question = quiz._questions[KEY]
    panels = [panel for _ in range(3) for panel in (ask(), tell())]
    assert len(set(open_widgets) - before) > len(panels)
    kept = panels[-1]
    for panel in panels[:-1]:
        panel.close()
    question.answer = WRONG
    assert f"You said {WRONG}" in words(kept)
    kept.close()
    assert set(open_widgets) == before
    assert not question._trait_notifiers.get("answer", {}).get("change")

    gone = [weakref.ref(panel) for panel in panels]
    del panels, panel, kept
    gc.collect()
    assert [reference() for reference in gone] == [None] * len(gone)
