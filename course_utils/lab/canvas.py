"""A picture that is drawn once and then only moves what changes.

Axes, ticks and labels are drawn once and kept as a background. Each update puts the background back
and draws the moving artists on it: about a tenth of the time of drawing everything anew.
"""

import base64
import io
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

STYLE = matplotlib.rc_params_from_file(
    Path(__file__).with_name("course.mplstyle"), use_default_template=False
)
PIXELS_PER_INCH = 100
SHARPNESS = 1.5  # drawn pixels for each pixel of the page, for dense screens


class Picture:
    """Base of all figures.

    A subclass sets `size` and writes two methods: ``build()`` makes axes and artists in
    ``self.figure`` and passes the artists that will change to ``self.moves(...)``; ``show(values)``
    moves them and returns one sentence that says in words what is seen.

    As the last line of a cell, ``SomePicture().update(values)`` is shown as a static picture.

    Attributes
    ----------
    size : (float, float)
        Width and height in inches of 100 pixels.
    remembers : bool
        Whether earlier values leave marks, so that the same values do not bring a picture back.
    figure : matplotlib.figure.Figure
    reading : str
        What the last update shows, in words.
    """

    size = (7.6, 3.2)
    remembers = False

    def __init__(self):
        self.reading = ""
        self._moving = []
        self._background = None
        with matplotlib.rc_context(STYLE):
            self.figure = Figure(figsize=self.size, dpi=PIXELS_PER_INCH * SHARPNESS)
            FigureCanvasAgg(self.figure)
            self.build()

    def build(self):
        """Make the axes and artists."""
        raise NotImplementedError

    def show(self, values):
        """Move the artists to `values` and return the reading."""
        raise NotImplementedError

    def moves(self, *artists):
        """Declare artists that change between updates; drawn in this order."""
        for artist in artists:
            artist.set(animated=True, in_layout=False)
            self._moving.append(artist)
        return artists[0] if len(artists) == 1 else artists

    def redraw_background(self):
        """Draw the axes anew at the next update, after a change of limits or labels."""
        self._background = None

    def start_over(self):
        """Build the figure anew: for a ``show`` whose artists themselves depend on the values."""
        self.figure.clear()
        self.figure.set_layout_engine("constrained")
        self._moving, self._background = [], None
        self.build()

    def update(self, values):
        """Show `values`, any of them NaN or infinite, and return self."""
        with np.errstate(all="ignore"), matplotlib.rc_context(STYLE):
            self.reading = self.show(values)
        return self

    @property
    def width(self):
        """Width on the page in pixels."""
        return round(self.size[0] * PIXELS_PER_INCH)

    def png(self, compression=1):
        """The picture as it stands, as PNG bytes; 9 is the smallest file, 1 the quickest."""
        canvas = self.figure.canvas
        if self._background is None:
            with matplotlib.rc_context(STYLE):
                canvas.draw()
            self.figure.set_layout_engine("none")  # from here on the axes keep their places
            self._background = canvas.copy_from_bbox(self.figure.bbox)
        canvas.restore_region(self._background)
        for artist in self._moving:
            self.figure.draw_artist(artist)
        pixels = np.asarray(canvas.buffer_rgba())
        file = io.BytesIO()
        Image.fromarray(pixels).convert("RGB").save(file, "png", compress_level=compression)
        return file.getvalue()

    def mime_bundle(self):
        """The picture for a notebook's output: data and metadata."""
        data = {
            "text/plain": repr(self),
            "image/png": base64.b64encode(self.png(compression=9)).decode(),
        }
        return data, {"image/png": {"width": self.width}}

    def _repr_mimebundle_(self, **kwargs):
        return self.mime_bundle()

    def __repr__(self):
        return f"<picture: {type(self).__name__}>"
