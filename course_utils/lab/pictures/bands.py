"""Pictures of runs over several seeds: what is common to them and how far they spread."""

import numpy as np

from course_utils.lab import colors
from course_utils.lab.canvas import Picture
from course_utils.lab.pictures.parts import Curve, mark_level, words


class LossBands(Picture):
    """Training losses of a comparison: for each side the median run and the spread over seeds.

    Parameters
    ----------
    steps : int
    top : float
        Upper end of the loss axis.
    window : int
        Each point is the mean loss of this many steps.
    legend : str
        Where it stands.
    """

    size = (7.6, 3.2)

    def __init__(self, steps, top=2.6, window=20, legend="lower left"):
        self.steps, self.top, self.window, self.legend = steps, top, window, legend
        super().__init__()

    def build(self):
        self.axes = self.figure.add_subplot(
            xlim=(0, self.steps),
            ylim=(0, self.top),
            xlabel="step",
            ylabel=f"training loss, mean of {self.window} steps",
        )
        mark_level(self.axes, np.log(10), "guessing: ln 10")

    def show(self, values):
        """`values` is (comparison, colors): a `Comparison` and a color for each side."""
        self.start_over()
        comparison, color_of = values
        readings = []
        for side, runs in comparison.histories.items():
            steps = [run.diverged_at for run in runs]
            if None not in steps:
                when = " to ".join(str(step) for step in sorted({min(steps), max(steps)}))
                end = f"{side}: not a number after {when} steps"
                self.axes.plot([], [], marker="x", ls="none", color=color_of[side], label=end)
                readings.append(end)
                continue
            runs = [run.losses for run in runs if run.diverged_at is None]
            means = np.array(runs).reshape(len(runs), -1, self.window).mean(axis=2)
            x = (np.arange(means.shape[1]) + 0.5) * self.window
            self.axes.fill_between(
                x, means.min(axis=0), means.max(axis=0), color=color_of[side], alpha=0.25, lw=0
            )
            self.axes.plot(x, np.median(means, axis=0), color=color_of[side], label=side)
            readings.append(f"{side}: {means[:, -1].min():.2f} to {means[:, -1].max():.2f}")
        self.axes.legend(loc=self.legend)
        return "; ".join(readings)


class SpreadLines(Picture):
    """Lines over a few values of x: the median over seeds, with the range as a band.

    Parameters
    ----------
    x : sequence of float
        Shown on a logarithmic axis.
    limits : (float, float)
        Ends of the vertical axis.
    xlabel, ylabel : str
    yscale : {"linear", "log"}
    """

    size = (7.6, 3.2)

    def __init__(self, x, limits, xlabel, ylabel, yscale="linear"):
        self.x = np.asarray(x, dtype=float)
        self.axis = {"xlabel": xlabel, "ylabel": ylabel, "yscale": yscale, "ylim": limits}
        super().__init__()

    def build(self):
        self.axes = self.figure.add_subplot(xscale="log", **self.axis)
        self.axes.set_xticks(self.x, [f"{x:g}" for x in self.x], minor=False)
        self.axes.minorticks_off()

    def show(self, values):
        """`values` maps a name to (array of shape (seeds, points), color)."""
        self.start_over()
        readings = []
        for name, (runs, color) in values.items():
            median = np.median(runs, axis=0)
            self.axes.fill_between(
                self.x, np.min(runs, axis=0), np.max(runs, axis=0), color=color, alpha=0.25, lw=0
            )
            Curve(self, self.axes, color=color, marker="o", label=name).set(self.x, median)
            readings.append(f"{name}: {words(median[0])} to {words(median[-1])}")
        self.axes.legend(loc="best")
        return "; ".join(readings)


class DotsBySide(Picture):
    """One dot a seed for each side, and the median as a bar.

    Parameters
    ----------
    sides : sequence of str
        From top to bottom.
    limits : (float, float)
    xlabel : str
    xscale : {"linear", "log"}
    """

    def __init__(self, sides, limits, xlabel, xscale="linear"):
        self.sides = tuple(sides)
        self.axis = {"xlim": limits, "xlabel": xlabel, "xscale": xscale}
        self.size = (7.6, 0.9 + 0.34 * len(self.sides))
        super().__init__()

    def build(self):
        places = np.arange(len(self.sides))
        self.axes = self.figure.add_subplot(ylim=(len(self.sides) - 0.5, -0.5), **self.axis)
        self.axes.set_yticks(places, self.sides)
        self.axes.grid(axis="y", visible=False)

    def show(self, values):
        """`values` maps each side to (figures over seeds, color)."""
        self.start_over()
        readings = []
        for place, side in enumerate(self.sides):
            figures, color = values[side]
            self.axes.plot(figures, [place] * len(figures), "o", color=color, alpha=0.6, ms=5)
            median = float(np.median(figures))
            self.axes.plot([median] * 2, [place - 0.3, place + 0.3], color=colors.BLACK, lw=1.5)
            readings.append(f"{side}: {words(median)}")
        return "; ".join(readings)
