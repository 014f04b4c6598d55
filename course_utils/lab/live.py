"""Live explorations: sliders, a compute function and a picture, joined."""

import asyncio
import contextlib
import html
import inspect

import ipywidgets as widgets
import numpy as np

from course_utils.lab.panel import Panel, close_tree, replace_in_cell

LABEL_WIDTH = "290px"
SLICE_PAUSE = 0.005  # seconds between two slices, in which a newer slider value can arrive


class Exploration(Panel):
    """Controls, the picture that follows them, and its reading in words.

    Made by `live`. A change of a control calls ``compute(**values)`` and shows the result. If that
    is a generator, each partial result is shown as it comes, and a newer value, *stop* or closing
    ends it.

    Attributes
    ----------
    controls : dict of str to widget
        By the compute function's argument.
    picture : Picture
    """

    def __init__(self, compute, picture, controls, on_release=False):
        self.compute, self.picture, self.controls = compute, picture, controls
        self._defaults = {name: control.value for name, control in controls.items()}
        self._task, self._resetting = None, False
        for control in controls.values():
            control.add_class("live-control")
            control.observe(self._changed, "value")
            if on_release and hasattr(control, "continuous_update"):
                control.continuous_update = False
        self._image = widgets.Image(format="png", width=picture.width)
        self._image.add_class("live-figure")
        self._reading = widgets.HTML()
        self._reading.add_class("live-reading")
        self._stop = widgets.Button(description="Stop", icon="stop", disabled=True)
        self._stop.add_class("live-stop")
        self._stop.on_click(lambda _: self.stop())
        reset = widgets.Button(description="Reset", icon="undo")
        reset.add_class("live-reset")
        reset.on_click(lambda _: self.reset())

        buttons = [c for c in controls.values() if isinstance(c, widgets.Button)] + [reset]
        if inspect.isgeneratorfunction(compute):
            buttons.append(self._stop)
        rows = [_labeled(n, c) for n, c in controls.items() if not isinstance(c, widgets.Button)]
        super().__init__([*rows, widgets.HBox(buttons), self._image, self._reading])
        self.add_class("live")
        if picture.remembers:
            self.add_class("live-remembers")
        with np.errstate(all="ignore"):
            *_, result = self._results()
        self._show(result)

    @property
    def values(self):
        """The controls' values by name."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def reading(self):
        """What the picture shows, in words."""
        return self.picture.reading

    def reset(self):
        """Put every control back to its default."""
        self._resetting = True
        for name, control in self.controls.items():
            control.value = self._defaults[name]
        self._resetting = False
        self._changed()

    def stop(self):
        """End a running computation; the picture keeps what it had."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._stop.disabled = True

    def close(self):
        """Stop, and let the controls and the picture go."""
        self.stop()
        close_tree(self._stop)  # shown only where there is something to stop
        super().close()

    def static(self):
        """The picture as it stands."""
        return self.picture.mime_bundle()

    def _results(self):
        """The computation's results as an iterator, partial ones first."""
        result = self.compute(**self.values)
        return result if inspect.isgenerator(result) else iter([result])

    def _changed(self, _=None):
        if self._resetting:
            return
        self.stop()
        loop = _event_loop()
        if loop is not None and inspect.isgeneratorfunction(self.compute):
            self._task = loop.create_task(self._play(self._results()))
            self._task.add_done_callback(_raise_error)
            return
        with self._errors_in_words():
            for result in self._results():
                self._show(result)

    async def _play(self, results):
        self._stop.disabled = False
        try:
            with contextlib.closing(results), self._errors_in_words():
                for result in results:
                    self._show(result)
                    await asyncio.sleep(SLICE_PAUSE)
        finally:
            self._stop.disabled = True

    @contextlib.contextmanager
    def _errors_in_words(self):
        """Say an error under the picture too: a notebook shows none that a slider causes.

        NumPy's warnings are off, since a picture draws what is infinite or NaN as such.
        """
        try:
            with np.errstate(all="ignore"):
                yield
        except Exception as error:
            self._say(f"{type(error).__name__}: {error}")
            raise

    def _show(self, result):
        self.picture.update(result)
        self._image.value = self.picture.png()
        self._say(self.reading)

    def _say(self, words):
        self._reading.value = f"<div role='status'>{html.escape(words)}</div>"

    def __repr__(self):
        name = getattr(self.compute, "__name__", type(self.compute).__name__)
        return f"<live: {name}({', '.join(self.controls)})>"


def _labeled(name, control):
    """A row of the control's label, or else its argument's name, and the control."""
    label = widgets.Label(control.description or name, layout={"width": LABEL_WIDTH})
    control.description = ""
    return widgets.HBox([label, control])


def _raise_error(task):
    """Hand an error that ended the task to the event loop, which logs it."""
    if not task.cancelled():
        task.result()


def _event_loop():
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
        ``compute(**values)`` returns what the picture shows, or yields it in parts. It knows no
        widget.
    picture : Picture, or type of Picture
    on_release : bool
        Compute when a slider is let go instead of while it moves: for what takes over 0.3 s.
    **controls : widget
        From `slider`, `choice`, `toggle`, `draw_again`, by the argument that each one moves.

    Returns
    -------
    Exploration
        Shown when it is a cell's last line.

    Examples
    --------
    >>> live(norms_by_layer, figures.NormsByLayer, c=slider(0.5, 4.0, 2.0))  # doctest: +SKIP
    """
    picture = picture() if isinstance(picture, type) else picture
    exploration = Exploration(compute, picture, controls, on_release)
    replace_in_cell(exploration)
    return exploration
