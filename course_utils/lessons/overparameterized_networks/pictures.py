"""Pictures of networks with more parameters than examples."""

import numpy as np

from course_utils.lab import colors
from course_utils.lab.canvas import Picture, Plot
from course_utils.lab.pictures import DotsBySide, SpreadLines
from course_utils.lab.pictures.parts import Curve, words
from course_utils.lessons.overparameterized_networks.experiments import (
    STARTS,
    WRONG_SHARES,
    early,
)

ABOVE = {"loc": "lower center", "bbox_to_anchor": (0.5, 1), "ncols": 3, "columnspacing": 1}
FLOOR = 1e-3  # errors below are drawn here


class ErrorPaths(Plot):
    """Errors over training, a line for each seed of each side.

    Parameters
    ----------
    steps : int
    ylabel : str
    """

    size = (7.6, 3.0)

    def __init__(self, steps, ylabel):
        self.steps, self.ylabel = steps, ylabel
        super().__init__()

    def draw(self, paths):
        """By side, a list of one (steps, errors) a seed, and a color."""
        axes = self.figure.add_subplot(
            xlim=(0, self.steps), ylim=(-0.03, 1), xlabel="step", ylabel=self.ylabel
        )
        readings = [self.draw_side(axes, side, *each) for side, each in paths.items()]
        axes.legend(loc="upper right")
        return "; ".join(readings)

    def draw_side(self, axes, side, paths, color):
        """Draw one side's paths; say where they end, and when."""
        for i, (steps, errors) in enumerate(paths):
            label = side if i == 0 else None
            Curve(self, axes, color=color, label=label).set(steps, errors)
            axes.plot(steps[-1], errors[-1], "o", color=color, markersize=5, clip_on=False)
        ends = [steps[-1] for steps, _ in paths]
        when = " to ".join(str(end) for end in sorted({min(ends), max(ends)}))
        last = float(np.median([errors[-1] for _, errors in paths]))
        return f"{side}: {words(last)} after {when} steps"


class FeatureFit(Picture):
    """A fit by random features, and errors and norm by the number of features.

    Parameters
    ----------
    features : sequence of int
        The numbers of features on the horizontal axis.
    grid : ndarray
        Places at which the functions are given, in [-1, 1].
    truth : ndarray
        The true function there.
    """

    size = (8.4, 4.2)

    def __init__(self, features=(2, 1000), grid=(-1.0, 1.0), truth=(0.0, 0.0)):
        self.features, self.grid, self.truth = np.asarray(features), np.asarray(grid), truth
        super().__init__()

    def build(self):
        parts = self.figure.subfigures(1, 2, width_ratios=(1, 1.1))
        fit = parts[0].subplots()
        fit.set(xlim=(-1.03, 1.03), ylim=(-3, 3), xlabel="$x$")
        fit.plot(self.grid, self.truth, color=colors.THEORY, linestyle="--", label="truth")
        self.fit = Curve(self, fit, color=colors.BLUE, label="fit")
        style = {"linestyle": "none", "marker": "o", "markersize": 4.5}
        self.examples = Curve(self, fit, color=colors.BLACK, label="examples", **style)
        fit.legend(**ABOVE)
        errors, norms = parts[1].subplots(2, 1, sharex=True, height_ratios=(1.5, 1))
        axis = {"xscale": "log", "yscale": "log", "xlim": (self.features[0], self.features[-1])}
        errors.set(ylabel="mean squared error", ylim=(FLOOR, 1e4), **axis)
        norms.set(ylabel=r"norm $\|w\|$", ylim=(0.1, 1e9), xlabel="number of features $N$", **axis)
        ticks = [2, 5, 10, 20, 50, 100, 200, 500, 1000]
        norms.set_xticks(ticks, [str(tick) for tick in ticks])
        norms.minorticks_off()
        self.test = Curve(self, errors, color=colors.TEST, label="test")
        self.train = Curve(self, errors, color=colors.TRAIN, label="training")
        errors.legend(loc="upper right")
        at = {"xy": (1, 0), "xycoords": "axes fraction", "textcoords": "offset points"}
        errors.annotate("0.001 or less", xytext=(-3, 3), ha="right", color=colors.GRAY, **at)
        self.norm = Curve(self, norms, color=colors.PURPLE)
        line = {"linestyle": ":", "color": colors.GRAY, "linewidth": 1.2}
        self.thresholds = [self.moves(axes.axvline(1, **line)) for axes in (errors, norms)]
        at = {"textcoords": "offset points", "xytext": (4, 4), "color": colors.GRAY}
        self.word = self.moves(norms.annotate("N = m", (1, 0.1), **at))
        dot = {"marker": "o", "markersize": 7, "linestyle": "none"}
        self.here = [
            Curve(self, errors, color=colors.TEST, **dot),
            Curve(self, norms, color=colors.PURPLE, **dot),
        ]

    def show(self, x, y, found, n, numbers, curves):
        """Show the examples, the fit found on the grid, what was measured of it, and of all others.

        `n` is the number of features; `numbers` and `curves` have `test_error`, `train_error` and
        `norm`, numbers and arrays over `features`.
        """
        self.examples.set(x, y)
        self.fit.set(self.grid, found)
        self.test.set(self.features, np.maximum(curves.test_error, FLOOR))
        self.train.set(self.features, np.maximum(curves.train_error, FLOOR))
        self.norm.set(self.features, curves.norm)
        for threshold in self.thresholds:
            threshold.set_xdata([len(x)] * 2)
        self.word.xy = (len(x), self.word.xy[1])
        on_errors, on_norms = self.here
        on_errors.set([n], [max(numbers.test_error, FLOOR)])
        on_norms.set([n], [numbers.norm])
        fits = numbers.train_error < 1e-9
        exactly = "every example is fit exactly" if fits else "the examples are not all fit"
        return (
            f"{n} features for {len(x)} examples: {exactly}, the test error is "
            f"{words(numbers.test_error)} and the norm of the weights {words(numbers.norm)}."
        )


class Fits(Plot):
    """Functions that were fit to the same examples, in panels side by side.

    Parameters
    ----------
    grid : ndarray
        Places at which the functions are given, in [-1, 1].
    top : float
        The vertical axes go from minus this to this.
    """

    size = (8.4, 2.7)

    def __init__(self, grid, top):
        self.grid, self.top = grid, top
        super().__init__()

    def draw(self, fits, x, y, truth=None):
        """By title, the functions found, a list; the examples; and the true function, if known."""
        readings = []
        panels = self.figure.subplots(1, len(fits), sharey=True)
        for axes, (title, functions) in zip(panels, fits.items(), strict=True):
            axes.set(xlim=(-1.03, 1.03), ylim=(-self.top, self.top), xlabel="$x$", title=title)
            if truth is not None:
                axes.plot(self.grid, truth, color=colors.THEORY, linestyle="--")
            for found in functions:
                Curve(self, axes, color=colors.BLUE, linewidth=1.3).set(self.grid, found)
            axes.plot(x, y, "o", color=colors.BLACK, markersize=4)
            readings.append(f"{title}: values from {words(np.min(functions))}")
            readings[-1] += f" to {words(np.max(functions))}"
        return "; ".join(readings)


class FunctionFound(Picture):
    """A function before training and now, through given points, and the loss.

    Parameters
    ----------
    steps : int
        The most steps.
    grid : ndarray
    points, values : ndarray
        What is to be fit.
    """

    size = (8.2, 3.4)

    def __init__(self, steps, grid=(-1.0, 1.0), points=(), values=()):
        self.steps, self.grid = steps, np.asarray(grid)
        self.points, self.values = points, values
        super().__init__()

    def build(self):
        function, loss = self.figure.subplots(1, 2, width_ratios=(1.7, 1))
        function.set(xlim=(-1.03, 1.03), ylim=(-2.2, 2.2), xlabel="$x$")
        style = {"color": "#aaaaaa", "linewidth": 1.2, "label": "before training"}
        self.start = self.moves(*function.plot([], [], **style))
        self.now = Curve(self, function, color=colors.BLUE, label="now")
        function.plot(self.points, self.values, "o", color=colors.BLACK, ms=5, label="examples")
        function.legend(**ABOVE)
        loss.set(xscale="log", yscale="log", xlim=(1, self.steps), ylim=(5e-4, 1e4))
        loss.set(xlabel="step", title="loss")
        self.loss = Curve(self, loss, color=colors.TRAIN)

    def show(self, start, now, losses, moved):
        """Show the function before training and now, on the grid; the losses; the distance gone."""
        self.start.set_data(self.grid, start)
        self.now.set(self.grid, now)
        self.loss.set(np.arange(1, len(losses) + 1), losses)
        return (
            f"After {len(losses)} steps the loss is {words(losses[-1])}, and the weights have gone "
            f"{words(moved)} times their first length. The function's slope changes by "
            f"{words(bends(self.grid, now))} in all."
        )


def bends(grid, values):
    """Sum of the changes of slope of a function on a grid: how much it wiggles."""
    return float(np.abs(np.diff(values, 2)).sum() / (grid[1] - grid[0]))


# The notebook's runs, drawn


def training_paths(by_seed):
    """The training errors of the runs of claim C10."""
    paths = {
        labels: ([(runs[labels].steps, runs[labels].train_errors) for runs in by_seed.values()], c)
        for labels, c in (("true labels", colors.GREEN), ("random labels", colors.RED))
    }
    return ErrorPaths(steps=1000, ylabel="training error").update(paths=paths)


def one_run(run):
    """Both errors of one run."""
    paths = {
        "training": ([(run.steps, run.train_errors)], colors.TRAIN),
        "test": ([(run.test_at, run.test_errors)], colors.TEST),
    }
    return ErrorPaths(run.steps[-1], "error").update(paths=paths)


def errors_by_width(by_seed, series, top=0.65):
    """Both errors of a series by width."""
    found = [runs[series] for runs in by_seed.values()]
    lines = {
        "test": (np.array([errors.test_errors for errors in found]), colors.TEST),
        "training": (np.array([errors.train_errors for errors in found]), colors.TRAIN),
    }
    ylabel = f"error, {series}"
    picture = SpreadLines(found[0].widths, (-0.02, top), "width of the hidden layer", ylabel)
    return picture.update(lines=lines)


def stopped_early(by_seed):
    """Test errors of the runs with wrong labels, at the exact fit and after 80 steps."""
    dots = {}
    for name in WRONG_SHARES:
        runs = [runs[name] for runs in by_seed.values()]
        dots[f"{name}, exact fit"] = [run.test_errors[-1] for run in runs], colors.RED
        dots[f"{name}, 80 steps"] = [early(run) for run in runs], colors.BLUE
    return DotsBySide(dots, (0, 0.75), "test error, one dot per seed").update(dots=dots)


def by_start(by_seed):
    """Test errors at the exact fit by the factor on the initial weights."""
    dots = {}
    for key, (_, lr) in STARTS.items():
        name = key if "lr" in key else f"{key}, lr {lr:g}"
        errors = [runs[key].test_errors[-1] for runs in by_seed.values()]
        dots[name] = errors, colors.BLUE if lr == 0.1 else colors.RED
    xlabel = "test error, all fit exactly, one dot per seed"
    return DotsBySide(dots, (0, 0.4), xlabel).update(dots=dots)
