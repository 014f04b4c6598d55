"""What an exploration is steered with, without a browser."""

import ipywidgets as widgets
import numpy as np
import pytest

from course_utils.lab import choice, draw_again, panel, slider, toggle
from course_utils.lab.controls import said

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize(
    ("arguments", "options", "kind", "step"),
    [
        ((0, 10, 5), {}, widgets.IntSlider, 1),
        ((0, 10, 5), {"step": 5}, widgets.IntSlider, 5),
        ((np.int64(0), np.int64(10), np.int64(5)), {}, widgets.IntSlider, 1),
        ((0, 10, 5), {"step": 0.5}, widgets.FloatSlider, 0.5),
        ((0, 10, 5.0), {}, widgets.FloatSlider, 0.1),
        ((0.0, 1.0, 0.5), {}, widgets.FloatSlider, 0.01),
        ((0.5, 4.0, 2.0), {}, widgets.FloatSlider, 0.1),
        ((0.5, 4.0, 2.0), {"step": 0.05}, widgets.FloatSlider, 0.05),
        ((0.0, 1000.0, 7.0), {}, widgets.FloatSlider, 10),
        ((0.1, 10.0, 1.0), {"log": True}, widgets.FloatLogSlider, 0.05),
        ((1, 1000, 10), {"log": True, "step": 0.5}, widgets.FloatLogSlider, 0.5),
    ],
)
def test_a_slider_is_of_the_kind_of_its_numbers(arguments, options, kind, step):
    low, high, value = arguments
    made = slider(*arguments, **options)
    assert type(made) is kind
    assert made.value == pytest.approx(value) and isinstance(made.value, (int, float))
    assert made.step == pytest.approx(step)
    ends = np.log10([low, high]) if kind is widgets.FloatLogSlider else [low, high]
    assert [made.min, made.max] == pytest.approx(ends)
    panel.close_tree(made)


@pytest.mark.parametrize(
    ("arguments", "step", "shown"),
    [
        ((0.0, 1.0, 0.5), None, "0.50"),
        ((0.0, 1.0, 0.25), 0.25, "0.25"),
        ((0.125, 1.125, 0.125), 0.5, "0.125"),
        ((0.0, 100.0, 5.0), None, "5"),
        ((0.0, 1e-4, 1e-5), 1e-5, "0.00001"),
    ],
)
def test_a_slider_shows_its_value_in_full(arguments, step, shown):
    made = slider(*arguments, step=step)
    assert format(made.value, made.readout_format) == shown


def test_a_log_slider_starts_on_its_own_grid():
    for value in (0.001, 0.0123, 0.3, 3.0, 9.9, 10.0):
        made = slider(0.001, 10.0, value, log=True, step=0.1)
        steps = np.log10(made.value / 0.001) / 0.1
        assert steps == pytest.approx(round(steps), abs=1e-6)
        assert abs(np.log10(made.value / value)) <= 0.05 + 1e-9
    assert slider(0.001, 9.5, 9.5, log=True, step=0.3).value <= 9.5


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((1, 0, 0), {}, ValueError, "between low and high, got 1, 0, 0"),
        ((1, 1, 1), {}, ValueError, "between low and high"),
        ((0, 1, 2), {}, ValueError, "between low and high"),
        ((0.0, 1.0, -0.1), {}, ValueError, "between low and high"),
        ((0.0, np.nan, 0.5), {}, ValueError, "between low and high"),
        ((0.0, 1.0, 0.5), {"log": True}, ValueError, "low must be above 0 on a log slider, got 0"),
        ((0.0, 1.0, 0.5), {"step": 0}, ValueError, "step"),
        ((0, 10, 5), {"step": -1}, ValueError, "step"),
        ((1, 10, 5), {"step": "1", "log": True}, TypeError, "step"),
    ],
)
def test_a_slider_names_a_bad_range(arguments, options, error, message):
    with pytest.raises(error, match=message):
        slider(*arguments, **options)


@pytest.mark.parametrize("value", [None, "layer"])
@pytest.mark.parametrize("options", [[None, "layer"], {"none": None, "layer norm": "layer"}])
def test_a_choice_has_its_default_pressed_and_none_is_a_choice(options, value):
    made = choice(options, value)
    start = [None, "layer"].index(value)
    names = tuple(options) if isinstance(options, dict) else ("None", "layer")
    (buttons,) = made.children
    assert (made.value, buttons.index, buttons.options) == (value, start, names)
    seen = []
    made.observe(lambda change: seen.append(change.new), "value")
    buttons.set_state({"index": 1 - start})  # a click
    assert made.value == [None, "layer"][1 - start]
    made.value = value
    assert buttons.index == start
    assert seen == [[None, "layer"][1 - start], value]


def test_a_choice_must_offer_its_default():
    with pytest.raises(ValueError, match="value must be one of 1, 2, got 3"):
        choice([1, 2], 3)
    made = choice([1, 2], 2)
    with pytest.raises(ValueError, match="value must be one of 1, 2, got 3"):
        made.value = 3
    assert made.value == 2


def test_where_a_control_stands_in_words():
    stands = [slider(0, 5000, 1234), slider(0.0, 1.0, 0.3), slider(1e-4, 1.0, 0.02, log=True)]
    words = ["1234", "0.3", "0.02", "yes", "no", "none"]
    others = [toggle(True), toggle(False), choice({"none": None, "a": 1}, None)]
    assert [said(control) for control in [*stands, *others]] == words


def test_a_toggle_and_a_button_that_counts():
    assert toggle(True).value is True and toggle(0).value is False
    button = draw_again()
    assert (button.value, button.description) == (0, "Draw again")
    button.click()
    button.click()
    assert button.value == 2
