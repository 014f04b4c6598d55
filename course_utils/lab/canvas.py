"""A picture that is drawn once and then only moves what changes.

Axes, ticks and labels are drawn once and kept as a background. Each update puts the background back
and draws the moving artists on it: about a tenth of the time of drawing everything anew.

The course's style is applied while a picture is built: Matplotlib's defaults and course.mplstyle,
whatever else the notebook has set. What comes after changes none of Matplotlib's settings, which
all threads share, so that a slider can move a picture while a cell makes plots of its own.
"""

import base64
import io
import threading
from functools import partial
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

STYLE = ("default", Path(__file__).with_name("course.mplstyle"))
PIXELS_PER_INCH = 100

drawing = threading.RLock()  # held by the one thread that builds or draws a picture


class Picture:
    """Base of all pictures that move.

    A subclass sets `size` and writes two methods. ``build()`` makes axes and artists in
    ``self.figure`` and passes the artists that will change to ``self.moves(...)``; all others are
    drawn once, right then. ``show(self, name, other, ...)`` takes the picture's values by name,
    moves the artists and returns one sentence that says in words what is seen. An ``__init__`` of
    its own keeps its settings in attributes before it calls ``super().__init__()``, which builds.

    As the last line of a cell, ``SomePicture().update(name=...)`` is shown as a static picture.

    Attributes
    ----------
    size : (float, float)
        Width and height in inches of 100 pixels.
    sharpness : float
        Drawn pixels for each pixel of the page: over one for dense screens.
    remembers : bool
        Whether earlier values leave marks, so that the same values do not bring a picture back.
    figure : matplotlib.figure.Figure or None
        None once the picture is kept as an image only.
    reading : str
        What the last update shows, in words.
    """

    size = (7.6, 3.2)
    sharpness = 1.5
    remembers = False

    def __init__(self):
        self.reading = ""
        self._settings = dict(vars(self))
        with drawing:
            self._draw(self.build)

    def build(self):
        """Make the axes and artists."""
        raise NotImplementedError

    def show(self, **values):
        """Move the artists to the values and return the reading."""
        raise NotImplementedError

    def moves(self, *artists):
        """Declare artists that change between updates; drawn in this order.

        A text among them shows its dollar signs: Matplotlib typesets mathematics rightly in one
        thread at a time only, and that one may be drawing the student's own plot.
        """
        for artist in artists:
            artist.set(animated=True, in_layout=False)
            if isinstance(artist, Text):
                artist.set_parse_math(False)
            self._moving.append(artist)
        return artists[0] if len(artists) == 1 else artists

    def update(self, **values):
        """Show the values, any of them NaN or infinite, and return self."""
        with drawing, np.errstate(all="ignore"):
            if self.figure is None:
                self._draw(self.build)
            self.reading, self._image = self.show(**values), None
        return self

    def _draw(self, make):
        """A new figure, filled by `make` and drawn; what does not move is the background."""
        with matplotlib.style.context(STYLE):
            self.figure = Figure(figsize=self.size, dpi=PIXELS_PER_INCH * self.sharpness)
            canvas = FigureCanvasAgg(self.figure)
            self._moving, self._image = [], None
            made = make()
            canvas.draw()
        self.figure.set_layout_engine("none")  # from here on the axes keep their places
        self._background = canvas.copy_from_bbox(self.figure.bbox)
        return made

    @property
    def width(self):
        """Width on the page in pixels."""
        return round(self.size[0] * PIXELS_PER_INCH)

    def png(self, compression=1):
        """The picture as it stands, as PNG bytes; 9 is the smallest file, 1 the quickest."""
        with drawing:
            if self.figure is None:
                return self._image
            canvas = self.figure.canvas
            canvas.restore_region(self._background)
            for artist in self._moving:
                self.figure.draw_artist(artist)
            pixels = np.asarray(canvas.buffer_rgba())
            file = io.BytesIO()
            Image.fromarray(pixels).convert("RGB").save(file, "png", compress_level=compression)
            self._image = file.getvalue()
            return self._image

    def let_go(self):
        """Keep only the PNG bytes of the picture as it stands: a figure holds megabytes.

        A later update builds it anew, without the marks of earlier values.
        """
        with drawing:
            kept = {"reading": self.reading, "figure": None, "_image": self._image or self.png()}
            settings = self._settings
            vars(self).clear()  # artists in any attribute hold the figure
            vars(self).update(settings, _settings=settings, **kept)

    def mime_bundle(self):
        """The picture for a notebook's output: data and metadata.

        It is said to need a light background, by which the page's style knows it in a dark theme.
        """
        data = {
            "text/plain": repr(self),
            "image/png": base64.b64encode(self.png(compression=9)).decode(),
        }
        metadata = {"image/png": {"width": self.width, "alt": self.reading}}
        return data, {**metadata, "needs_background": "light"}

    def _repr_mimebundle_(self, **kwargs):
        bundle = self.mime_bundle()
        self.let_go()  # IPython remembers what it has shown
        return bundle

    def __repr__(self):
        return f"<picture: {type(self).__name__}>"


class Plot(Picture):
    """Base of pictures whose axes or artists depend on the values: drawn anew at each update.

    A subclass writes ``draw(self, name, other, ...)`` instead of ``build`` and ``show``: it takes
    the plot's values by name, makes axes and artists in ``self.figure`` and returns the reading.
    That is for results: what a slider moves, also beside a running cell, is better a `Picture`. It
    takes a fraction of the time, and leaves Matplotlib's settings alone.
    """

    def draw(self, **values):
        """Make axes and artists that show the values, and return the reading."""
        raise NotImplementedError

    def build(self):
        """Nothing, before there are values."""

    def moves(self, *artists):
        """Take artists of the parts that all pictures share: nothing moves in a plot."""
        for artist in artists:
            artist.set_in_layout(False)
        return artists[0] if len(artists) == 1 else artists

    def update(self, **values):
        """Show the values, any of them NaN or infinite, and return self."""
        with drawing, np.errstate(all="ignore"):
            self.reading = self._draw(partial(self.draw, **values))
        return self
