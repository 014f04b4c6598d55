"""Pictures of weight decay."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from course_utils.experiments.curve_fit import EDGE, GRID, distances, truth
from course_utils.lab import colors
from course_utils.lab.canvas import Picture, Plot
from course_utils.lab.pictures.parts import Curve, band, words

SHARE_COLORMAP = LinearSegmentedColormap.from_list("share", [colors.BLUE, colors.RED])
LARGEST_SHARE = 0.6  # of wrong labels, on the scale of colors


class DecayedFit(Picture):
    """A curve fitted to noisy points, and the norm of the weights while it is fitted.

    Parameters
    ----------
    steps : int
    """

    size = (8.0, 3.5)

    def __init__(self, steps):
        self.steps = steps
        super().__init__()

    def build(self):
        left, right = self.figure.subplots(1, 2, width_ratios=(1.35, 1))
        left.set(xlim=(-EDGE, EDGE), ylim=(-2.2, 2.2), xlabel="$x$", ylabel="$y$")
        left.plot(GRID, truth(GRID), color=colors.THEORY, ls="--", lw=1, label="truth")
        self.points = Curve(
            self, left, color=colors.GRAY, ls="none", marker="o", ms=5, label="data"
        )
        self.fit = Curve(self, left, color=colors.BLUE, label="network")
        left.legend(loc="upper left")
        self.distances = self.moves(
            left.text(0.98, 0.03, "", transform=left.transAxes, ha="right", va="bottom")
        )
        right.set(title="norm of the weights", xlabel="step")
        right.set(xlim=(0, self.steps), ylim=(0, 50), xticks=np.linspace(0, self.steps, 5))
        self.norm = Curve(self, right, color=colors.BLUE)

    def show(self, x, y, fit, steps, norms):
        """Show the points (x, y), the network on `GRID`, and the weights' norms at these steps."""
        self.points.set(np.ravel(x), np.ravel(y))
        self.fit.set(GRID.ravel(), np.ravel(fit))
        self.norm.set(steps, norms)
        off_data, off_truth = map(words, distances(x, y, fit))
        self.distances.set_text(f"off the data {off_data}, off the truth {off_truth}")
        return (
            f"After {steps[-1]} steps the curve is off the data by {off_data} and off the "
            f"truth by {off_truth}; the weights' norm is {words(norms[-1])}."
        )


class ThreeFits(Plot):
    """Fitted curves side by side, each with the truth, the data and a title."""

    size = (8.4, 2.9)

    def draw(self, fits):
        """By title, what `DecayedFit` shows."""
        panels = np.ravel(self.figure.subplots(1, len(fits), sharey=True))
        readings = []
        for axes, (title, shown) in zip(panels, fits.items()):
            axes.set(xlim=(-EDGE, EDGE), ylim=(-2.2, 2.2), xlabel="$x$", title=title)
            axes.plot(GRID, truth(GRID), color=colors.THEORY, ls="--", lw=1, label="truth")
            data = {"color": colors.GRAY, "ls": "none", "marker": "o", "ms": 4, "label": "data"}
            axes.plot(shown["x"], shown["y"], **data)
            Curve(self, axes, color=colors.BLUE, label="network").set(
                GRID.ravel(), shown["fit"].ravel()
            )
            top, bottom = np.max(shown["fit"]), np.min(shown["fit"])
            readings.append(f"{title}: the curve runs from {words(bottom)} to {words(top)}")
        panels[0].set_ylabel("$y$")
        panels[-1].legend(loc="lower right", fontsize="small")
        return "; ".join(readings)


class NormPaths(Plot):
    """A length over training: for each side the median over seeds, with the range as a band.

    Parameters
    ----------
    steps : int
    limits : (float, float)
    ylabel : str
    """

    size = (7.6, 3.2)

    def __init__(self, steps, limits, ylabel="norm of the weights"):
        self.steps = steps
        self.axis = {"ylabel": ylabel, "ylim": limits}
        super().__init__()

    def draw(self, lengths):
        """By side, the lengths, shape (seeds, points), and a color."""
        axes = self.figure.add_subplot(xlabel="step", xlim=(0, self.steps), **self.axis)
        readings = []
        for side, (runs, color) in lengths.items():
            x = np.linspace(0, self.steps, np.shape(runs)[1])
            median = band(self, axes, x, runs, color=color, label=side)
            readings.append(f"{side}: {words(median[0])} to {words(median[-1])}")
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
        return "; ".join(readings)


class NormsAndErrors(Plot):
    """Final norms and errors side by side over the same settings, with the range over seeds.

    The lines are medians, the bars ranges, a little apart from line to line.

    Parameters
    ----------
    settings : sequence of float
        Evenly spaced on the axis, so that zero can be among them.
    xlabel : str
    largest : (float, float)
        Ends of the two axes, which start at zero.
    """

    size = (8.0, 3.3)
    apart = 0.06  # on the axis of settings

    def __init__(self, settings, xlabel, largest):
        self.settings, self.xlabel, self.largest = tuple(settings), xlabel, largest
        super().__init__()

    def draw(self, lines):
        """By name, norms and errors, shape (seeds, settings), and a color."""
        panels, readings = self.make_panels(), []
        for number, (name, (norms, errors, color)) in enumerate(lines.items()):
            places = np.arange(len(self.settings)) + self.apart * (number - (len(lines) - 1) / 2)
            for axes, runs in zip(panels, (norms, errors), strict=True):
                axes.vlines(places, np.min(runs, axis=0), np.max(runs, axis=0), color=color)
                curve = Curve(self, axes, color=color, marker="o", ms=4, label=name)
                curve.set(places, np.median(runs, axis=0))
            ends = [words(np.median(errors, axis=0)[place]) for place in (0, -1)]
            readings.append(f"{name}: error {ends[0]} to {ends[1]}")
        panels[1].legend(loc="best")
        return "; ".join(readings)

    def make_panels(self):
        """Axes for the norms and for the errors."""
        panels = self.figure.subplots(1, 2)
        places, titles = np.arange(len(self.settings)), ("norm of the weights", "test error")
        for axes, title, top in zip(panels, titles, self.largest, strict=True):
            axes.set(title=title, xlabel=self.xlabel, ylim=(0, top))
            axes.set(xlim=(-0.3, len(places) - 0.7))
            axes.set_xticks(places, [f"{setting:g}" for setting in self.settings])
        return panels


class NormClouds(Plot):
    """Norm against test error, one dot per seed; a color for each initial scale."""

    size = (7.6, 3.4)
    markers = ("o", "^")  # a budget each

    def draw(self, clouds):
        """By budget in steps and by scale c, the norms and the errors, each (seeds,)."""
        axes = self.figure.add_subplot(xlabel="norm of the weights", ylabel="test error")
        axes.set(xlim=(0, 30), ylim=(0, 0.08))
        readings = []
        for marker, (budget, by_scale) in zip(self.markers, clouds.items()):
            for number, (c, (norms, errors)) in enumerate(by_scale.items()):
                color = SHARE_COLORMAP(number / max(1, len(by_scale) - 1))
                label = f"c = {c:g}, {budget} steps"
                axes.scatter(norms, errors, color=color, marker=marker, s=26, label=label)
                norm, error = words(np.median(norms)), words(np.median(errors))
                readings.append(f"{label}: norm {norm}, error {error}")
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
        return "; ".join(readings)


class NormAgainstError(Picture):
    """The norm during a run, and a map of norm against test error on which each run leaves a dot.

    Parameters
    ----------
    steps : int
    runs : dict, optional
        Dots that are there from the start, by name: (norm, error, share of wrong labels).
    """

    size = (8.0, 3.5)
    remembers = True

    def __init__(self, steps, runs=None):
        self.steps, self.earlier = steps, runs or {}
        super().__init__()

    def build(self):
        left, right = self.figure.subplots(1, 2)
        left.set(title="this run", xlabel="step", ylabel="norm of the weights")
        left.set(xlim=(0, self.steps), ylim=(0, 60))
        self.path = Curve(self, left)
        right.set(title="all runs (redder: more wrong labels)")
        right.set(xlabel="norm of the weights at the end", ylabel="test error")
        right.set(xlim=(0, 60), ylim=(0, 1))
        self.runs = dict(self.earlier)
        self.dots = self.moves(
            right.scatter(
                [], [], c=[], s=55, cmap=SHARE_COLORMAP, vmin=0, vmax=LARGEST_SHARE, ec="white"
            )
        )
        (self.latest,) = right.plot([], [], "o", mfc="none", mec=colors.BLACK, ms=12)
        self.moves(self.latest)
        if self.runs:
            self.put_dots()

    def put_dots(self):
        """A dot for each run so far."""
        norms, errors, shares = np.transpose(list(self.runs.values()))
        self.dots.set_offsets(np.column_stack([norms, errors]))
        self.dots.set_array(shares)

    def show(self, setting, wrong, steps, norms, error):
        """Show the norms at these steps; the error is None until the end, then a dot is left.

        `setting` says in words what was chosen, `wrong` is the share of wrong labels.
        """
        color = SHARE_COLORMAP(wrong / LARGEST_SHARE)
        self.path.line.set_color(color)
        self.path.set(steps, norms)
        if error is None:
            self.latest.set_data([], [])
            return f"{setting}: norm {words(norms[-1])} after {steps[-1]} steps."
        self.runs[setting] = (norms[-1], error, wrong)
        self.put_dots()
        self.latest.set_data([norms[-1]], [error])
        return f"{setting}: norm {words(norms[-1])}, test error {words(error)}."
