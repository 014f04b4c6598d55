"""Pictures of layer normalization."""

import numpy as np
from matplotlib.ticker import NullLocator

from course_utils.lab import colors
from course_utils.lab.canvas import Picture, Plot
from course_utils.lab.pictures.parts import Curve, words

SIDES = {
    "none": (colors.NORM[None], "-", "without"),
    "layer norm": (colors.NORM["layer"], "-", "layer norm after ReLU"),
    "layer norm before": (colors.GREEN, ":", "layer norm before ReLU"),
}


class ScaledLayer(Picture):
    """What a network says when one layer's weights are multiplied by a factor.

    Parameters
    ----------
    limits : (float, float)
        Ends of the logarithmic axis of the factor.
    """

    size = (8.2, 3.4)

    def __init__(self, limits=(1e-4, 1e2)):
        self.limits = limits
        super().__init__()

    def build(self):
        left, right = self.figure.subplots(1, 2)
        left.set(title="change of all predictions", xlabel="k: factor", xscale="log")
        left.set(xlim=self.limits, ylim=(-0.03, 1))
        self.alone = Curve(self, left, color=colors.RED, label="W alone")
        self.together = Curve(self, left, color=colors.BLUE, label="W and b together")
        (self.dot,) = left.plot([], [], "o", color=colors.BLACK, markersize=7)
        self.moves(self.dot)
        left.legend(loc="upper center")
        right.set(title="one digit's probabilities", xlabel="label", ylim=(0, 1.18))
        right.set(xticks=range(10))
        edges = np.arange(11) - 0.5
        self.now = self.moves(
            right.stairs(np.zeros(10), edges, fill=True, color=colors.SKY, label="now")
        )
        self.before = self.moves(
            right.stairs(np.zeros(10), edges, color=colors.BLACK, lw=1.5, label="as trained")
        )
        right.legend(loc="upper center", ncols=2)

    def show(self, factors, alone, together, factor, change, before, now):
        """Show the changes, from 0 to 1, of W alone and of W and b together, by factor.

        `change` is that at `factor`; `before` and `now` are one digit's ten probabilities.
        """
        self.alone.set(factors, alone)
        self.together.set(factors, together)
        self.dot.set_data([factor], [change])
        self.before.set_data(before)
        self.now.set_data(now)
        said = f"{words(change)} of the probability has" if change >= 5e-4 else "nothing has"
        return (
            f"Times {words(factor)}: on average {said} moved to other labels. This digit is "
            f"now read as {np.argmax(now)}, with probability {np.max(now):.2f}."
        )


class LossesByRate(Plot):
    """Losses at the end of training by learning rate: medians as lines, all runs as dots.

    Parameters
    ----------
    panels : dict of str to tuple
        By title, the ends of each panel's learning rate axis and of its loss axis.
    """

    size = (8.4, 3.6)

    def __init__(self, panels):
        self.panels = panels
        super().__init__()

    def draw(self, losses):
        """By (panel, side), the losses of all runs by learning rate; NaN counts as the largest."""
        panels, readings = self.make_panels(), []
        for (panel, name), by_rate in losses.items():
            panels[panel].set_xticks(list(by_rate), [f"{lr:g}" for lr in by_rate], rotation=45)
            rates, runs = np.array(list(by_rate)), np.array(list(by_rate.values()), dtype=float)
            runs = np.where(np.isnan(runs), np.inf, runs)
            medians = np.median(runs, axis=1)
            color, style, label = SIDES[name]
            dots = Curve(self, panels[panel], color=color, marker="o", ls="none", ms=3, alpha=0.4)
            dots.set(np.repeat(rates, runs.shape[1]), runs.ravel())
            line = Curve(self, panels[panel], color=color, linestyle=style, label=label)
            line.set(rates, medians)
            best = np.argmin(medians)
            readings.append(
                f"{panel}, {label}: best at {rates[best]:g}, median loss {words(medians[best])}"
            )
        next(iter(panels.values())).legend(loc="lower left")
        return "; ".join(readings) + "."

    def make_panels(self):
        """Axes by title, from left to right."""
        row = self.figure.subplots(1, len(self.panels), squeeze=False)[0]
        for axes, (title, (rates, limits)) in zip(row, self.panels.items(), strict=True):
            axes.set(title=title, xscale="log", yscale="log", xlim=rates, ylim=limits)
            axes.set(xlabel=r"learning rate $\alpha$")
            axes.xaxis.set_minor_locator(NullLocator())
        row[0].set_ylabel("loss, mean of the last 50 steps")
        return dict(zip(self.panels, row, strict=True))
