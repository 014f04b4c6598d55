"""Pictures of runs over several seeds: what is common to them and how far they spread."""

import numpy as np

from course_utils.lab import colors
from course_utils.lab.canvas import Plot
from course_utils.lab.pictures.parts import band, mark_guessing, words


class LossBands(Plot):
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

    def draw(self, comparison, colors):
        """Of a `Comparison` those sides that have a color, a dict."""
        axes = self.figure.add_subplot(
            xlim=(0, self.steps),
            ylim=(0, self.top),
            xlabel="step",
            ylabel=f"training loss, mean of {self.window} steps",
        )
        mark_guessing(axes)
        readings = [self.draw_side(axes, s, comparison.runs(s), c) for s, c in colors.items()]
        axes.legend(loc=self.legend)
        return "; ".join(readings)

    def draw_side(self, axes, side, runs, color):
        """Draw one side's runs, or a cross in the legend where all diverged; say how they end."""
        if all(run.diverged for run in runs):
            ends = {min(run.diverged_at for run in runs), max(run.diverged_at for run in runs)}
            reading = f"{side}: not a number after {' to '.join(map(str, sorted(ends)))} steps"
            axes.plot([], [], marker="x", ls="none", color=color, label=reading)
            return reading
        losses = np.array([run.losses for run in runs if not run.diverged])
        means = losses.reshape(len(losses), -1, self.window).mean(axis=2)
        x = (np.arange(means.shape[1]) + 0.5) * self.window
        band(self, axes, x, means, color=color, label=side)
        return f"{side}: {means[:, -1].min():.2f} to {means[:, -1].max():.2f}"


class SpreadLines(Plot):
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

    def draw(self, lines):
        """By name, the runs, shape (seeds, points), and a color."""
        axes = self.figure.add_subplot(xscale="log", **self.axis)
        axes.set_xticks(self.x, [f"{x:g}" for x in self.x], minor=False)
        axes.minorticks_off()
        readings = []
        for name, (runs, color) in lines.items():
            median = band(self, axes, self.x, runs, color=color, label=name, marker="o")
            readings.append(f"{name}: {words(median[0])} to {words(median[-1])}")
        axes.legend(loc="best")
        return "; ".join(readings)


class DotsBySide(Plot):
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

    def draw(self, dots):
        """By side, the numbers over seeds and a color."""
        axes = self.figure.add_subplot(ylim=(len(self.sides) - 0.5, -0.5), **self.axis)
        axes.set_yticks(np.arange(len(self.sides)), self.sides)
        axes.grid(axis="y", visible=False)
        readings = []
        for place, side in enumerate(self.sides):
            numbers, color = dots[side]
            axes.plot(numbers, [place] * len(numbers), "o", color=color, alpha=0.6, ms=5)
            median = float(np.median(numbers))
            axes.plot([median] * 2, [place - 0.3, place + 0.3], color=colors.BLACK, lw=1.5)
            readings.append(f"{side}: {words(median)}")
        return "; ".join(readings)
