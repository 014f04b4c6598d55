"""Live explorations: sliders, a compute function and a picture, joined."""

import asyncio
import contextlib
import html
import inspect
import reprlib
from functools import partial

import ipywidgets as widgets
import numpy as np

from course_utils.lab.canvas import drawing
from course_utils.lab.controls import is_steered
from course_utils.lab.pace import PATIENCE, Pace
from course_utils.lab.panel import DescribedImage, Panel, close_tree, replace_in_cell

LABEL_WIDTH = "290px"
SHORT_WAIT = 0.03  # seconds in which a page nearby answers, so that no slice is left out


class Exploration(Panel):
    """Controls, the picture that follows them, and its reading in words.

    Made by `live`. A change of a control calls ``compute(**values)`` and shows the result. If that
    is a generator, each partial result is shown as it comes, those left out that a page far away
    has no time for; a newer value, *stop* or closing ends it. A `steered` control is read by it and
    does not end it.

    Attributes
    ----------
    controls : dict of str to widget
        By the compute function's argument.
    picture : Picture
    """

    def __init__(self, compute, picture, controls, on_release=False):
        self.compute, self.picture, self.controls = compute, picture, controls
        self._name = getattr(compute, "__name__", type(compute).__name__)
        self._defaults = {name: control.value for name, control in controls.items()}
        self._task, self._resetting, self._first = None, False, None
        self._unsent = False  # whether the page has yet to be sent what the picture shows
        in_slices = self._begin()
        self._pace = Pace() if in_slices else None
        for control in controls.values():
            control.add_class("live-control")
            control.observe(self._steered if is_steered(control) else self._changed, "value")
            if on_release and hasattr(control, "continuous_update"):
                control.continuous_update = False
        self._image = DescribedImage(
            value=picture.png(), format="png", width=picture.width, tooltip=picture.reading
        )
        self._image.add_class("live-figure")
        self._reading = widgets.HTML(self._words())
        self._reading.add_class("live-reading")
        self._stop = self._button("Stop", "stop", self._stopped, disabled=True)
        buttons = [c for c in controls.values() if isinstance(c, widgets.Button)]
        buttons += self._buttons(in_slices)
        rows, below = self._rows(), self._below()
        super().__init__([*rows, widgets.HBox(buttons), self._image, self._reading, *below])
        self.add_class("live")
        if picture.remembers:
            self.add_class("live-remembers")

    def _begin(self):
        """Compute with the defaults and update the picture; return whether that came in slices."""
        with np.errstate(all="ignore"):
            result = self.compute(**self.values)
            in_slices = inspect.isgenerator(result)
            *_, values = result if in_slices else [result]
        self.picture.update(**self._by_name(values))
        if in_slices:
            self._first = values
        return in_slices

    def _rows(self):
        """The controls with their labels, but for buttons; a list of widgets."""
        named = self.controls.items()
        return [_labeled(n, c) for n, c in named if not isinstance(c, widgets.Button)]

    def _buttons(self, in_slices):
        """The buttons behind those of the controls, a list."""
        reset = self._button("Reset", "undo", self.reset)
        return [reset, self._stop] if in_slices else [reset]

    def _button(self, words, icon, action, **options):
        """A button, on the page of the class live-stop if its words are Stop."""
        button = widgets.Button(description=words, icon=icon, **options)
        button.add_class(f"live-{words.lower().replace(' ', '-')}")
        button.on_click(lambda _: action())
        return button

    def _below(self):
        """What stands under the reading, a list of widgets."""
        return []

    def _words(self):
        """The reading as HTML."""
        return spoken(self.reading)

    @property
    def values(self):
        """The controls' values by name; of a steered one, a function that reads it anew."""
        return {
            name: partial(getattr, control, "value") if is_steered(control) else control.value
            for name, control in self.controls.items()
        }

    @property
    def reading(self):
        """What the picture shows, in words."""
        return self.picture.reading

    def reset(self):
        """Put every control back to its default, and the picture to what it showed at first.

        What takes time, in slices, is not computed again.
        """
        self._put_back()
        if self._first is None:
            self._changed()
        else:
            self.stop()
            self._show(self._first)

    def _put_back(self):
        """Put every control back to its default, without an answer."""
        self._resetting = True
        for name, control in self.controls.items():
            control.value = self._defaults[name]
        self._resetting = False

    def stop(self):
        """End a running computation; the picture keeps what it had."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._stop.disabled = True

    def close(self):
        """Stop, and let the controls, the figure and the computation go."""
        if self.comm is None:  # closed before, or never made because of an error
            return
        self.stop()
        if self._pace is not None:
            self._pace.close()
        close_tree(self._stop)  # shown only where there is something to stop
        super().close()
        self.picture.let_go()
        self.compute = self._first = None

    def static(self):
        """The picture as it stands."""
        return self.picture.mime_bundle()

    def _steered(self, change):
        """A running computation reads the new value by itself; at rest the move starts one."""
        if self._task is None or self._task.done():
            self._changed(change)

    def _changed(self, _=None):
        if self._resetting or self.compute is None:
            return
        self.stop()
        with self._errors_in_words():
            result = self.compute(**self.values)
            in_slices = inspect.isgenerator(result)
            loop = event_loop()
            if in_slices and loop is not None:
                self._stop.disabled = False
                self._task = loop.create_task(self._play(result))
                self._task.add_done_callback(raise_error)
                return
            for values in result if in_slices else [result]:
                self._show(values)

    async def _play(self, results):
        """Compute on while a frame is on its way to the page, and send the newest after it."""
        try:
            with contextlib.closing(results), self._errors_in_words():
                for values in results:
                    self._move(values)
                    if self._pace.is_ready():
                        self._to_page()
                        await self._pace.answer(SHORT_WAIT)
                    else:
                        await self._pace.answer(0)
                await self._pace.answer(PATIENCE)
                self._to_page()
        finally:
            if asyncio.current_task() is self._task:  # no newer one runs
                self._stop.disabled = True

    def _stopped(self):
        """The student ends a computation: what it had is shown."""
        self.stop()
        self._to_page()

    @contextlib.contextmanager
    def _errors_in_words(self):
        """Say an error under the picture too: a notebook shows none that a slider causes.

        NumPy's warnings are off, since a picture draws what is infinite or NaN as such.
        """
        try:
            with np.errstate(all="ignore"):
                yield
        except Exception as error:
            self._reading.value = spoken(f"{type(error).__name__}: {error}")
            raise

    def _show(self, values):
        self._move(values)
        self._to_page()

    def _move(self, values):
        """Move the picture here, in the kernel."""
        with drawing:
            if self.comm is None:  # closed meanwhile, by a cell in another thread
                return
            self.picture.update(**self._by_name(values))
            self._unsent = True

    def _to_page(self):
        """Show the picture as it stands, and its reading, on the page."""
        with drawing:
            if self.comm is None or not self._unsent:
                return
            with self._image.hold_sync():
                self._image.value, self._image.tooltip = self.picture.png(), self.reading
            self._unsent = False
        self._say()
        if self._pace is not None:
            self._pace.count_frame()

    def _say(self):
        """Put the reading under the picture."""
        self._reading.value = self._words()

    def _by_name(self, values):
        if not isinstance(values, dict):
            raise TypeError(
                f"{self._name} must return or yield a dict of the picture's values by name, "
                f"got {reprlib.repr(values)}"
            )
        return values

    def __repr__(self):
        return f"<live: {self._name}({', '.join(self.controls)})>"


def spoken(words):
    """A reading as HTML, which a screen reader says when it changes."""
    return f"<div role='status'>{html.escape(words)}</div>"


def _labeled(name, control):
    """A row of the control's label, or else its argument's name, and the control.

    A box to tick keeps its label, which is its name for screen readers and can be clicked too.
    """
    label = widgets.Label(control.description or name, layout={"width": LABEL_WIDTH})
    control.description = ""
    if isinstance(control, widgets.Checkbox):
        control.description, label.value = label.value, ""
    return widgets.HBox([label, control])


def raise_error(task):
    """Hand an error that ended the task to the event loop, which logs it."""
    if not task.cancelled():
        task.result()


def event_loop():
    """The running event loop (a notebook's), or None (a script's, a test's)."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def live(compute, picture, *, on_release=False, **controls):
    """Join controls, a computation and a picture into a live exploration.

    Parameters
    ----------
    compute : callable
        ``compute(**controls)`` gets the controls' values by name, of a `steered` control a function
        that reads it. It returns a dict of the picture's values by name, the arguments of its
        ``show``, or a generator that yields such dicts in turn. It knows no widget. What it prints
        is seen at the first call only; what is to be read at every move belongs in the reading.
    picture : Picture, or type of Picture
    on_release : bool
        Compute when a slider is let go instead of while it moves: for what takes over 0.3 s.
    **controls : widget
        From `slider`, `choice`, `toggle`, `draw_again`, any of them `steered`, by the argument that
        each one moves.

    Returns
    -------
    Exploration
        Shown when it is a cell's last line.

    Raises
    ------
    TypeError
        For a compute function that returns or yields anything but a dict.

    Examples
    --------
    >>> live(norms_by_layer, NormsByLayer, c=slider(0.5, 4.0, 2.0))  # doctest: +SKIP
    """
    picture = picture() if isinstance(picture, type) else picture
    exploration = Exploration(compute, picture, controls, on_release)
    replace_in_cell(exploration)
    return exploration
