"""The vital signs of a network, in one picture for every notebook."""

import numpy as np

from course_utils.lab import colors
from course_utils.lab.canvas import Picture
from course_utils.lab.pictures.parts import Curve, count_by_ones, mark_guessing, trend, words


class VitalSigns(Picture):
    """The five vital signs of a network: the same picture in every notebook.

    Parameters
    ----------
    layers : int
        Linear layers of the network.
    steps : int
        Training steps on the loss axis.
    limits : (float, float)
        Ends of the logarithmic axis of activations and gradients.
    """

    size = (7.6, 4.4)

    def __init__(self, layers, steps, limits=(1e-10, 1e8)):
        self.layers, self.steps, self.limits = layers, steps, limits
        super().__init__()

    def build(self):
        grid = self.figure.add_gridspec(2, 6)
        by_layer = {"xlim": (0, self.layers + 1), "xlabel": "layer"}
        log = {**by_layer, "yscale": "log"}
        panels = {
            "activation": (grid[0, 0:2], "activation norm", {**log, "ylim": self.limits}),
            "gradient": (grid[0, 2:4], "gradient norm of $W$", {**log, "ylim": self.limits}),
            "update_ratio": (grid[0, 4:6], "update / weight", {**log, "ylim": (1e-13, 1e5)}),
            "dead": (grid[1, 0:2], "dead units (share)", {**by_layer, "ylim": (-0.04, 1)}),
        }
        self.curves = {}
        for name, (place, title, options) in panels.items():
            axes = self.figure.add_subplot(place, title=title, **options)
            count_by_ones(axes)
            self.curves[name] = Curve(self, axes, color=colors.MEASURED, marker="o", markersize=3)
        axes = self.figure.add_subplot(
            grid[1, 2:6], title="training loss", xlabel="step", xlim=(0, self.steps), ylim=(0, 5)
        )
        mark_guessing(axes)
        self.loss = Curve(self, axes, color=colors.TRAIN, linewidth=1.2)

    def show(self, signs, losses):
        """Show what `vital_signs` measured, and the losses so far."""
        layers = np.arange(1, len(signs.activation) + 1)
        for name, curve in self.curves.items():
            curve.set(layers, getattr(signs, name))
        self.loss.set(np.arange(len(losses)), losses)
        if not np.isfinite(signs.loss):
            return f"The loss is not a number after {len(losses) - 1} steps: training has blown up."
        reading = f"After {len(losses)} steps the loss is {signs.loss:.2f}."
        hidden = signs.activation[:-1]
        if len(hidden) == 0:
            return reading
        first, last = hidden[0], hidden[-1]
        return (
            f"{reading} From the first hidden layer to the last the activations go from "
            f"{words(first)} to {words(last)}: {trend(last / first) if last else 'no signal'}."
        )
