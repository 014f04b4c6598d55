"""Pictures of dropout."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from course_utils.lab import colors
from course_utils.lab.canvas import Picture, Plot
from course_utils.lab.pictures.parts import Curve, band, count_by_ones, mark_level, trend, words

MODES = {"training": colors.TRAIN, "evaluation": colors.TEST}
GROWTH_COLORMAP = LinearSegmentedColormap.from_list("growth", [colors.BLUE, "white", colors.RED])


class MaskedUnit(Picture):
    """One unit's value before the activation over many masks, with the predicted normal curve.

    Parameters
    ----------
    limits : (float, float)
        Ends of the axis of values; what lies outside is counted in the outermost bars.
    top : float
        Upper end of the density axis; taller bars are cut there.
    """

    size = (7.6, 3.2)

    def __init__(self, limits=(-12, 12), top=1.0):
        self.limits, self.top = limits, top
        super().__init__()

    def build(self):
        self.axes = self.figure.add_subplot(
            xlim=self.limits, ylim=(0, self.top), xlabel="the unit's value before ReLU",
            ylabel="density over masks",
        )  # fmt: skip
        self.edges = np.linspace(*self.limits, 81)
        self.bars = self.moves(
            self.axes.stairs(
                np.zeros(80), self.edges, fill=True, color=colors.MEASURED, alpha=0.5,
                label="500 masks",
            )
        )  # fmt: skip
        style = {"color": colors.THEORY, "linestyle": "--", "linewidth": 1.4}
        (self.normal,) = self.axes.plot([], [], label="predicted normal curve", **style)
        (self.mean,) = self.axes.plot(
            [], [], color=colors.TEST, linewidth=1.6, label="without dropout"
        )
        self.moves(self.mean, self.normal)
        self.axes.legend(loc="upper right")

    def show(self, sample, mean, deviation):
        """Show the values over masks, the one without, and the predicted deviation."""
        inside = np.clip(np.nan_to_num(sample), *self.limits)
        density, _ = np.histogram(inside, self.edges, density=True)
        self.bars.set_data(np.minimum(density, self.top))
        self.mean.set_data([mean, mean], [0, self.top])
        x = np.linspace(*self.limits, 481)
        height = np.exp(-(((x - mean) / deviation) ** 2) / 2) / (np.sqrt(2 * np.pi) * deviation)
        self.normal.set_data(x, np.minimum(height, self.top))
        if deviation == 0:
            return f"No mask, no spread: the value is {words(mean)} every time."
        return (
            f"Over the masks: mean {np.mean(sample):.2f}, {mean:.2f} without dropout; variance "
            f"{words(np.var(sample))}, predicted {words(deviation**2)}."
        )


class TrainingUnderDropout(Picture):
    """A training run while p is moved: losses, test error and p, from left to right.

    Parameters
    ----------
    slices, steps : int
        How many slices the axis holds, and training steps in each.
    """

    size = (8.0, 4.6)

    def __init__(self, slices, steps):
        self.slices, self.steps = slices, steps
        super().__init__()

    def build(self):
        losses, errors, rates = self.figure.subplots(3, 1, sharex=True, height_ratios=(2, 2, 1))
        losses.set(ylabel="loss", ylim=(0, 3.4), xlim=(0, self.slices * self.steps))
        errors.set(ylabel="test error", ylim=(0, 1))
        rates.set(ylabel="$p$", ylim=(-0.1, 1), xlabel="training step")
        mark_level(losses, np.log(10), "guessing: ln 10")
        self.curves = (
            Curve(self, rates, color=colors.BLACK, drawstyle="steps-pre"),
            Curve(self, losses, color=colors.TRAIN, label="training, with masks"),
            Curve(self, losses, color=colors.TEST, label="test digits, no masks"),
            Curve(self, errors, color=colors.TEST),
        )
        losses.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderpad=0)

    def show(self, record):
        """Show a row a slice so far: p, training loss, test loss and test error."""
        steps = self.steps * np.arange(1, len(record) + 1)
        for curve, column in zip(self.curves, np.transpose(record), strict=True):
            curve.set(steps, column)
        p, loss, _, error = record[-1]
        return (
            f"p = {p:g}, {steps[-1]} steps so far: loss {words(loss)} with masks; "
            f"test error {error:.2f} without."
        )


class CriticalMap(Picture):
    """How a signal's length grows with c and p, and one network's lengths by layer.

    Parameters
    ----------
    scales, rates : sequence of float
        The values of c and p in the map, evenly spaced.
    depth : int
        Largest depth on the axis.
    """

    size = (8.4, 3.6)

    def __init__(self, scales, rates, depth):
        self.scales, self.rates, self.depth = np.array(scales), np.array(rates), depth
        super().__init__()

    def build(self):
        left, right = self.figure.subplots(1, 2, width_ratios=(1.15, 1))
        (p0, p1), (c0, c1) = self.ends(self.rates), self.ends(self.scales)
        self.map = self.moves(
            left.imshow(
                np.zeros((len(self.scales), len(self.rates))),
                extent=(p0, p1, c0, c1), origin="lower", aspect="auto", vmin=-6, vmax=6,
                cmap=GROWTH_COLORMAP,
            )
        )  # fmt: skip
        left.set(xlabel="$p$", ylabel="$c$")
        left.set(xlim=(p0, p1), ylim=(c0, c1))
        left.grid(False)
        self.figure.colorbar(
            self.map, ax=left, label="training mode: log10 of last over first length"
        )
        p = np.linspace(p0, p1, 100)
        (critical,) = left.plot(p, 2 * (1 - p), color=colors.BLACK, linestyle="--")
        (evaluation,) = left.plot([p0, p1], [2, 2], color=colors.GRAY, linestyle=":")
        critical.set_label("$c = 2(1 - p)$")
        evaluation.set_label("$c = 2$")
        (self.here,) = left.plot([], [], "o", color=colors.BLACK, mfc="white", mew=2, ms=8)
        self.moves(critical, evaluation, self.here)
        left.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
        right.set(title=r"activations $\|z_i\|$", yscale="log", ylim=(1e-6, 1e11))
        right.set(xlim=(-0.5, self.depth + 0.5), xlabel="layer $i$ (0 is the input)")
        count_by_ones(right)
        self.curves = [
            Curve(self, right, color=color, marker="o", markersize=3, label=mode)
            for mode, color in MODES.items()
        ]
        theory = {"color": colors.THEORY, "linestyle": "--", "linewidth": 1.2, "label": "theory"}
        self.curves.append(Curve(self, right, **theory))
        right.legend(loc="upper left")

    @staticmethod
    def ends(values):
        """The edges of a row of cells around these values."""
        half = (values[1] - values[0]) / 2
        return values[0] - half, values[-1] + half

    def show(self, growth, c, p, training, evaluation):
        """Show the growth over the map, and a network's `Norms` in both modes at one place of it."""
        self.map.set_data(np.log10(growth))
        self.here.set_data([p], [c])
        lengths = training.forward, evaluation.forward, training.forward_theory
        for curve, norms in zip(self.curves, lengths, strict=True):
            curve.set(np.arange(len(norms)), norms)
        factors = [norms.growth[-1] for norms in (training, evaluation)]
        return (
            f"c = {c:g}, p = {p:g}; the training mode keeps the length at c = {2 * (1 - p):.2g}. "
            f"From layer 1 to layer {len(training.forward) - 1} it changes by a factor of "
            f"{words(factors[0])} in training: {trend(factors[0])}; and by {words(factors[1])} in "
            f"evaluation: {trend(factors[1])}."
        )


class ErrorsOverTime(Plot):
    """Test error over the steps of a training: for each side the median run and the spread.

    Parameters
    ----------
    every : int
        Steps between two evaluations.
    top : float
        Upper end of the error axis.
    """

    size = (7.6, 3.6)

    def __init__(self, every, top=0.5):
        self.every, self.top = every, top
        super().__init__()

    def draw(self, errors, marks=()):
        """By side, errors of shape (seeds, evaluations) and a color; steps to mark."""
        axes = self.figure.add_subplot(
            ylim=(0, self.top), xlabel="training step", ylabel="test error, without masks"
        )
        readings, last = [], 0
        for side, (runs, color) in errors.items():
            steps = self.every * np.arange(1, len(runs[0]) + 1)
            median = band(self, axes, steps, np.array(runs), color=color, label=side)
            low = int(np.argmin(median))
            axes.plot(steps[low], median[low], "o", color=color, mec="white", ms=8)
            readings.append(
                f"{side}: lowest {words(median[low])} after {steps[low]} steps, "
                f"{words(median[-1])} after {steps[-1]}"
            )
            last = max(last, steps[-1])
        for step in marks:
            axes.axvline(step, color=colors.GRAY, linestyle=":", linewidth=1)
        axes.set_xlim(0, last)
        axes.legend(loc="upper right")
        return "; ".join(readings)


class Calibration(Plot):
    """How often an answer is right against how sure it was; on the diagonal it is calibrated."""

    size = (4.8, 4.2)

    def draw(self, sides):
        """By side, mean confidence and share of right answers in each bin, and a color."""
        axes = self.figure.add_subplot(
            xlim=(0.3, 1.02), ylim=(0.3, 1.02), xlabel="largest probability, mean of a bin",
            ylabel="share of right answers",
        )  # fmt: skip
        axes.plot([0, 1], [0, 1], color=colors.THEORY, ls="--", lw=1.2, label="calibrated")
        readings = []
        for side, (confidence, accuracy, color) in sides.items():
            axes.plot(confidence, accuracy, "o-", color=color, ms=5, label=side)
            above = int(np.sum(np.asarray(accuracy) > np.asarray(confidence)))
            readings.append(f"{side}: above the diagonal in {above} of {len(accuracy)} bins")
        axes.legend(loc="lower right")
        return "; ".join(readings)
