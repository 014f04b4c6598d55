"""Pictures of what goes on layer by layer."""

import numpy as np

from course_utils.lab import colors
from course_utils.lab.canvas import Picture
from course_utils.lab.figures.parts import Curve, mark_level, trend, words


class NormsByLayer(Picture):
    """Mean length of the activations, layer by layer, with the theory's line.

    Parameters
    ----------
    depth : int
        Layers on the axis; layer 0 is the input.
    limits : (float, float)
        Ends of the logarithmic axis.
    """

    size = (7.6, 3.4)

    def __init__(self, depth=30, limits=(1e-9, 1e8)):
        self.depth, self.limits = depth, limits
        super().__init__()

    def build(self):
        axes = self.figure.add_subplot(
            yscale="log",
            xlim=(-0.5, self.depth + 0.5),
            ylim=self.limits,
            xlabel="layer $i$ (0 is the input)",
            ylabel=r"mean length $\|z_i\|$",
        )
        self.measured = Curve(self, axes, color=colors.MEASURED, marker="o", label="measured")
        self.theory = Curve(self, axes, color=colors.THEORY, linestyle="--", label="theory")
        axes.legend(loc="upper left", ncols=2)

    def show(self, values):
        """`values` is (norms, theory), each of shape (depth + 1,)."""
        norms, theory = values
        layers = np.arange(len(norms))
        self.measured.set(layers, norms)
        self.theory.set(layers, theory)
        ratio = norms[-1] / norms[0]
        return (
            f"Layer {len(norms) - 1}'s activations are {words(norms[-1])} long, "
            f"{words(ratio)} times the input's: {trend(ratio)}."
        )


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
            "dead": (grid[1, 0:2], "dead units (share)", {**by_layer, "ylim": (0, 1)}),
        }
        self.curves = {}
        for name, (place, title, options) in panels.items():
            axes = self.figure.add_subplot(place, title=title, **options)
            self.curves[name] = Curve(self, axes, color=colors.MEASURED, marker="o", markersize=3)
        axes = self.figure.add_subplot(
            grid[1, 2:6], title="training loss", xlabel="step", xlim=(0, self.steps), ylim=(0, 4)
        )
        mark_level(axes, np.log(10), "guessing: ln 10")
        self.loss = Curve(self, axes, color=colors.TRAIN, linewidth=1.2)

    def show(self, values):
        """`values` is (signs, losses): a `VitalSigns` measurement and the losses so far."""
        signs, losses = values
        layers = np.arange(1, len(signs.activation) + 1)
        for name, curve in self.curves.items():
            curve.set(layers, getattr(signs, name))
        self.loss.set(np.arange(len(losses)), losses)
        first, last = signs.activation[0], signs.activation[-2]
        if not np.isfinite(signs.loss):
            return f"The loss is not a number after {len(losses) - 1} steps: training has blown up."
        return (
            f"After {len(losses)} steps the loss is {signs.loss:.2f}. From the first hidden layer "
            f"to the last the activations go from {words(first)} to {words(last)}: "
            f"{trend(last / first)}."
        )
