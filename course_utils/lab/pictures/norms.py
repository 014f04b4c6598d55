"""What becomes of a signal, layer by layer, before training."""

import numpy as np

from course_utils.checks import check_choice
from course_utils.lab import colors
from course_utils.lab.canvas import Picture
from course_utils.lab.pictures.parts import Curve, count_by_ones, trend, words

TITLES = {"forward": r"activations $\|z_i\|$", "backward": r"gradients $\|\nabla_{z_i}\ell\|$"}
EDGES = np.linspace(-4, 4, 41)
TALLEST = 1.2  # density at which a bar is cut


class NormsByLayer(Picture):
    """Lengths of activations and gradients by layer before training, measured and expected.

    Parameters
    ----------
    depth : int
        Largest depth on the axes.
    sides : dict of str to color, optional
        What is compared, by name; by default one side, called "measured".
    activations : (float, float)
        Ends of the logarithmic axis.
    gradients : (float, float), optional
        The same for the gradients. None: no such panel.
    inside : bool
        Whether a last panel looks inside one layer, at its numbers before the activation.
    """

    def __init__(
        self, depth, sides=None, activations=(1e-12, 1e12), gradients=(1e-16, 1e8), inside=False
    ):
        self.depth, self.inside = depth, inside
        self.sides = sides or {"measured": colors.MEASURED}
        limits = {"forward": activations, "backward": gradients}
        self.limits = {way: ends for way, ends in limits.items() if ends is not None}
        self.panels = len(self.limits) + inside
        self.size = (8.4, 3.6) if self.panels > 1 else (7.6, 3.4)
        super().__init__()

    def build(self):
        panels = self.figure.subplots(1, self.panels, squeeze=False)[0]
        self.curves = {}
        for axes, (way, ends) in zip(panels, self.limits.items()):
            axes.set(title=TITLES[way], xlabel="layer $i$ (0 is the input)")
            axes.set(xlim=(-1, self.depth + 1), yscale="log", ylim=ends)
            count_by_ones(axes)
            for side, color in self.sides.items():
                measured = Curve(self, axes, color=color, marker="o", markersize=3, label=side)
                dashes = {"color": colors.THEORY, "linestyle": "--", "linewidth": 1.3}
                self.curves[side, way] = measured, Curve(self, axes, **dashes)
        self.curves[side, "forward"][1].line.set_label("theory")
        panels[0].set(ylabel="mean length")
        handles = panels[0].get_legend_handles_labels()
        self.figure.legend(*handles, loc="outside upper right", ncols=len(self.sides) + 1)
        if self.inside:
            self.build_inside(panels[-1])

    def build_inside(self, axes):
        """A histogram in units of the theory's deviation, under the normal curve."""
        axes.set(xlim=(-4, 4), ylim=(0, TALLEST), xlabel="value / theory's deviation")
        title = {"weight": "bold", "fontsize": 9.5, "transform": axes.transAxes}
        self.title = self.moves(axes.text(0, 1.03, "", **title))
        bars = {"fill": True, "color": next(iter(self.sides.values())), "alpha": 0.5}
        self.bars = self.moves(axes.stairs(np.zeros(len(EDGES) - 1), EDGES, **bars))
        x = np.linspace(-4, 4, 161)
        normal = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
        self.moves(axes.plot(x, normal, color=colors.THEORY, linestyle="--", linewidth=1.4)[0])

    def show(self, norms, layer=1):
        """Move to other norms.

        Parameters
        ----------
        norms : dict of str to Norms
            By side, all of one depth; None, or left out, for a side that is not there.
        layer : int
            Which layer of the first side the last panel looks into; beyond the depth, the last.

        Raises
        ------
        ValueError
            For a side that the picture does not have, or none at all.
        """
        for side in norms:
            check_choice("a side of norms", side, self.sides)
        found = {side: norms[side] for side in self.sides if norms.get(side) is not None}
        if not found:
            raise ValueError("norms must hold at least one side, got none")
        for (side, way), (measured, theory) in self.curves.items():
            move(measured, getattr(found.get(side), way, ()))
            expected = getattr(found.get(side), f"{way}_theory", ())
            move(theory, () if np.isnan(expected).all() else expected)
        if self.inside:
            self.show_inside(next(iter(found.values())), layer)
        return " ".join(READINGS[way](found) for way in self.limits)

    def show_inside(self, norms, layer):
        """One layer's numbers before the activation."""
        layer = min(layer, len(norms.before))
        values = norms.before[layer - 1] / norms.deviations[layer - 1]
        density, _ = np.histogram(values, EDGES, density=True)
        self.bars.set_data(np.minimum(density, TALLEST))
        self.title.set_text(f"layer {layer} before activation")


def move(curve, lengths):
    """Lengths from layer 0 on, or none."""
    curve.set(np.arange(len(lengths)), lengths)


def said_forward(found):
    """What becomes of the signal from layer 1 on."""
    depth = len(next(iter(found.values())).forward) - 1
    ratios = {side: norms.forward[-1] / norms.forward[1] for side, norms in found.items()}
    said = factors(ratios)
    return f"From layer 1 to layer {depth} the activations change by a factor of {said}."


def said_backward(found):
    """What becomes of the gradient on its way back to layer 1."""
    ratios = {side: norms.backward[1] / norms.backward[-1] for side, norms in found.items()}
    return f"On its way back to layer 1 the gradient changes by a factor of {factors(ratios)}."


READINGS = {"forward": said_forward, "backward": said_backward}


def factors(ratios):
    """Factors in words; with their sides, if there are several."""
    if len(ratios) == 1:
        return "".join(f"{words(ratio)}: {trend(ratio)}" for ratio in ratios.values())
    said = (f"{words(ratio)} ({side}: {trend(ratio)})" for side, ratio in ratios.items())
    return " and ".join(said)
