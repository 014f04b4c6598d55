"""Pieces that several pictures share."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from course_utils.lab import colors


class Curve:
    """A line whose points off the axis show as triangles at its edge, and NaN at the top."""

    def __init__(self, picture, axes, **style):
        self.axes = axes
        (self.line,) = axes.plot([], [], **style)
        mark = {"linestyle": "none", "color": colors.RED, "markersize": 6, "clip_on": False}
        (self.above,) = axes.plot([], [], marker="^", **mark)
        (self.below,) = axes.plot([], [], marker="v", **mark)
        picture.moves(self.line, self.above, self.below)

    def set(self, x, y):
        """Move the line to the points (x, y), any of them NaN or infinite."""
        x, y = np.asarray(x), np.asarray(y, dtype=float)
        low, high = self.axes.get_ylim()
        above, below = ~(y <= high), y < low
        self.line.set_data(x, np.where(above | below, np.nan, y))
        self.above.set_data(x[above], np.full(above.sum(), high))
        self.below.set_data(x[below], np.full(below.sum(), low))


def band(picture, axes, x, runs, *, color, **style):
    """Draw the median over seeds as a line and the range as a band; runs is (seeds, points).

    Returns
    -------
    ndarray, shape (points,)
        The median.
    """
    median = np.median(runs, axis=0)
    axes.fill_between(x, np.min(runs, axis=0), np.max(runs, axis=0), color=color, alpha=0.25, lw=0)
    Curve(picture, axes, color=color, **style).set(x, median)
    return median


def count_by_ones(*axes):
    """Ticks at whole numbers only, for an axis that counts layers."""
    for each in axes:
        each.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))


def mark_level(axes, level, label):
    """A dotted horizontal line with its name at the right end."""
    axes.axhline(level, color=colors.GRAY, linestyle=":", linewidth=1.2)
    at = (1, level)
    axes.annotate(
        label, at, (-3, 3), axes.get_yaxis_transform(), "offset points", ha="right",
        color=colors.GRAY, in_layout=False,
    )  # fmt: skip


def mark_guessing(axes, classes=10):
    """Mark the loss of equal probabilities."""
    mark_level(axes, np.log(classes), f"guessing: ln {classes}")


def words(number):
    """A number as a reader would say it: three digits, or a power of ten."""
    if np.isnan(number):
        return "not a number"
    if np.isinf(number):
        return "∞" if number > 0 else "−∞"
    if number == 0 or 1e-3 <= abs(number) < 1e5:
        return f"{number:.3g}" if abs(number) < 100 else f"{number:,.0f}"
    digits, _, power = f"{number:.0e}".partition("e")
    return f"{digits} × 10{str(int(power)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def trend(ratio):
    """Whether a scale that changed by `ratio` vanishes, holds or explodes."""
    if not ratio <= 100:
        return "exploding"
    return "vanishing" if ratio < 0.01 else "holding"
