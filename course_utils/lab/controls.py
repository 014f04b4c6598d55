"""Controls of a live exploration: ordinary widgets with a ``value``, labeled in words."""

import math
from numbers import Integral

import ipywidgets as widgets
import traitlets

from course_utils.checks import check_choice, check_number

WIDTH = "350px"
STEERED = "live-steered"


def slider(low, high, value, *, step=None, log=False, label=None):
    """A slider from `low` to `high`; over whole numbers if no argument is anything else.

    Parameters
    ----------
    low, high, value : int or float
        The ends and the default.
    step : int or float, optional
        Between neighboring values (for `log`, in powers of ten).
    log : bool
        Equal distances multiply by equal factors.
    label : str, optional
        The symbol and its name, for example "c: initial variance times width"; by default the
        name of the argument that the slider moves.

    Raises
    ------
    TypeError, ValueError
        Unless low <= value <= high and low < high (and low > 0 for `log`), and step > 0.
    """
    if not (low < high and low <= value <= high):
        raise ValueError(f"value must lie between low and high, got {low}, {high}, {value}")
    if step is not None:
        check_number("step", step, open_low=True)
    options = {"value": value, "description": label or "", "layout": {"width": WIDTH}}
    if log:
        if low <= 0:
            raise ValueError(f"low must be above 0 on a log slider, got {low}")
        step = step or 0.05
        options["value"] = low * 10 ** (step * round(math.log10(value / low) / step))
        ends = {"min": math.log10(low), "max": math.log10(high), "step": step}
        return widgets.FloatLogSlider(**ends, readout_format=".2g", **options)
    if all(isinstance(number, Integral) for number in (low, high, value, step or 1)):
        return widgets.IntSlider(min=low, max=high, step=step or 1, **options)
    step = step or 10 ** math.floor(math.log10((high - low) / 20))
    decimals = max(len(f"{number:.9f}".rstrip("0").partition(".")[2]) for number in (low, step))
    return widgets.FloatSlider(
        min=low, max=high, step=step, readout_format=f".{decimals}f", **options
    )


class Choice(widgets.Box):
    """Toggle buttons of which one is always pressed, whatever the values: None can be one too.

    `ToggleButtons` takes None for "nothing pressed", so here they only know which one it is.
    """

    value = traitlets.Any()
    description = traitlets.Unicode()

    def __init__(self, labels, values, value, description):
        self._values = values
        self._buttons = widgets.ToggleButtons(
            options=labels, index=values.index(value), style={"button_width": "auto"}
        )
        self._buttons.observe(self._pressed, "index")
        super().__init__([self._buttons], value=value, description=description)

    @property
    def words(self):
        """What stands on the button that is pressed."""
        return self._buttons.label

    def _pressed(self, change):
        self.value = self._values[change.new]

    @traitlets.validate("value")
    def _offered(self, proposal):
        check_choice("value", proposal.value, self._values)
        return proposal.value

    @traitlets.observe("value")
    def _press(self, change):
        self._buttons.index = self._values.index(change.new)


def choice(options, value, *, label=None):
    """Buttons of which one is pressed.

    Parameters
    ----------
    options : sequence, or dict of str to object
        The choices; a dict gives each its words.
    value : object
        The default, one of the options (ValueError if not).
    label : str, optional
        As for `slider`.
    """
    named = options if isinstance(options, dict) else {str(option): option for option in options}
    labels, values = list(named), list(named.values())
    check_choice("value", value, values)
    return Choice(labels, values, value, label or "")


def said(control):
    """Where a control stands, in words or three digits."""
    if isinstance(control, Choice):
        return control.words
    if isinstance(control.value, bool):
        return "yes" if control.value else "no"
    return str(control.value) if isinstance(control.value, int) else f"{control.value:.3g}"


def toggle(value, *, label=None):
    """A box to tick."""
    return widgets.Checkbox(value=bool(value), description=label or "", indent=False)


class DrawAgain(widgets.Button):
    """A button that counts its clicks; the count serves as the seed of a fresh draw."""

    value = traitlets.Int(0)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.on_click(self._count)

    def _count(self, _):
        self.value += 1


def draw_again(*, label="Draw again"):
    """A button for fresh random numbers: the compute function gets 0, 1, 2, ... as its seed."""
    return DrawAgain(description=label)


def steered(control):
    """A control that is read and not obeyed: its move does not start a running computation anew.

    The compute function, a generator, gets a function in the place of the control's value and calls
    it whenever it wants to know where the control stands. At rest a move starts a computation.

    Raises
    ------
    TypeError
        For what is no control.

    Examples
    --------
    >>> live(fly, Losses, c=slider(0.5, 4.0, 2.0), lr=steered(slider(0, 1, 0.1)))  # doctest: +SKIP
    """
    if not isinstance(control, widgets.DOMWidget):
        raise TypeError(f"control must be a slider, a choice or another control, got {control!r}")
    return control.add_class(STEERED)


def is_steered(control):
    """Whether a control is `steered`."""
    return STEERED in control._dom_classes
