"""Notebook 00: how far a signal gets."""

import numpy as np

from course_utils.lab import colors
from course_utils.lab.canvas import Picture
from course_utils.lab.pictures.parts import Curve, count_by_ones, trend, words


class SignalByLayer(Picture):
    """Lengths of activations by layer, measured and expected, beside others that stand still.

    Parameters
    ----------
    depth : int
    ghosts : dict of str to sequence of float, optional
        Lengths that stay in the picture, by what is written at their right end.
    limits : (float, float)
        Ends of the logarithmic axis.
    """

    size = (7.6, 3.6)

    def __init__(self, depth, ghosts=None, limits=(1e-9, 1e8)):
        self.depth, self.ghosts, self.limits = depth, ghosts or {}, limits
        super().__init__()

    def build(self):
        axes = self.figure.add_subplot(xlim=(-1, self.depth + 1), yscale="log", ylim=self.limits)
        axes.set(xlabel="layer $i$ (0 is the input)", ylabel=r"mean length $\|z_i\|$")
        count_by_ones(axes)
        for name, lengths in self.ghosts.items():
            axes.plot(np.arange(len(lengths)), lengths, color=colors.GRAY, linewidth=1.2)
            at = {"xycoords": "data", "textcoords": "offset points", "va": "center"}
            end = len(lengths) - 1, lengths[-1]
            axes.annotate(name, end, (22, 0), color=colors.GRAY, annotation_clip=False, **at)
        measured = {"color": colors.MEASURED, "marker": "o", "markersize": 3, "label": "measured"}
        dashes = {"color": colors.THEORY, "linestyle": "--", "linewidth": 1.3, "label": "theory"}
        self.measured, self.theory = Curve(self, axes, **measured), Curve(self, axes, **dashes)
        self.figure.legend(loc="outside upper right", ncols=2)

    def show(self, lengths, expected=()):
        """Move to other lengths of z_0, z_1, ..., and what is expected of them."""
        for curve, values in ((self.measured, lengths), (self.theory, expected)):
            curve.set(np.arange(len(values)), values)
        if len(lengths) < 2:
            return "There is no layer."
        with np.errstate(all="ignore"):
            ratio = np.divide(lengths[-1], lengths[1])
        return (
            f"From layer 1 to layer {len(lengths) - 1} the activations change by a factor of "
            f"{words(ratio)}: {trend(ratio)}."
        )
