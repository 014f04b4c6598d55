"""Pictures of a parabola's edge, of noisy training, of losses along the gradient and of sharpness."""

import numpy as np

from course_utils.lab import colors
from course_utils.lab.canvas import Picture, Plot
from course_utils.lab.pictures.parts import Curve, mark_guessing, mark_level, words

KINDS = {"without": colors.GRAY, "BN": colors.NORM["batch"], "noisy BN": colors.SKY}
SMOOTHED = 20  # steps in a point of a loss curve


def smoothed(losses):
    """Means of 20 losses, and the steps in their middles; the last, shorter group is left out."""
    groups = len(losses) // SMOOTHED
    means = np.reshape(losses[: groups * SMOOTHED], (groups, SMOOTHED)).mean(axis=1)
    return (np.arange(groups) + 0.5) * SMOOTHED, means


class Parabola(Picture):
    """Gradient descent on a parabola, from the side, and its distance from the bottom by step."""

    size = (8.0, 3.3)
    edge = 2.2  # of the weights shown
    distances = (1e-6, 1e3)

    def __init__(self, steps):
        self.steps = steps
        super().__init__()

    def build(self):
        left, right = self.figure.subplots(1, 2)
        left.set(xlim=(-self.edge, self.edge), ylim=(-0.3, 8), xlabel="$x$", ylabel="loss")
        (self.bowl,) = left.plot([], [], color=colors.GRAY)
        (self.way,) = left.plot([], [], color=colors.BLUE, marker="o", ms=4, lw=0.8)
        self.moves(self.bowl, self.way)
        right.set(xlabel="step", title="distance from the bottom, |x|", yscale="log")
        right.set(xlim=(0, self.steps), ylim=self.distances)
        self.distance = Curve(self, right, color=colors.BLUE)

    def show(self, points, eta, curvature):
        """Show the points, shape (steps + 1,), of a descent on curvature x² / 2."""
        x = np.linspace(-self.edge, self.edge, 101)
        self.bowl.set_data(x, curvature * x**2 / 2)
        near = points[np.abs(points) < 1e3]
        self.way.set_data(near, curvature * near**2 / 2)
        self.distance.set(np.arange(len(points)), np.maximum(np.abs(points), self.distances[0]))
        factor = 1 - eta * curvature
        if abs(factor) < 1 - 1e-9:
            how = "comes to rest" if factor >= 0 else "swings from side to side and comes to rest"
        else:
            how = "swings for ever" if abs(factor) < 1 + 1e-9 else "swings wider and wider"
        return f"ηλ = {eta * curvature:.2f}: each step multiplies x by {factor:.2f}, so it {how}."


class NoisyTraining(Picture):
    """The training loss of one network, beside others that stand still.

    Parameters
    ----------
    steps : int
    others : dict of str to sequence of float
        The losses of those that stand still, by kind.
    """

    ticks = (0.1, 0.2, 0.3, 0.5, 1, 2)

    def __init__(self, steps, others):
        self.steps, self.others = steps, others
        super().__init__()

    def build(self):
        axes = self.figure.add_subplot(
            xlim=(0, self.steps), yscale="log", ylim=(0.1, 3), xlabel="step", ylabel="training loss"
        )
        axes.set_yticks(self.ticks, [f"{tick:g}" for tick in self.ticks])
        axes.minorticks_off()
        mark_guessing(axes)
        for kind, losses in self.others.items():
            name = kind.partition(",")[0]
            steps, means = smoothed(losses)
            label = f"{kind}: {words(means[-1])} at the end"
            axes.plot(steps, means, color=KINDS[name], ls="--", label=label)
        self.loss = Curve(self, axes, color=KINDS["noisy BN"], label="noisy BN")
        axes.legend(loc="upper right", bbox_to_anchor=(1, 0.88))

    def show(self, losses, change):
        """Show the losses so far, and say how much the gradients change, a share."""
        steps, means = smoothed(losses)
        if len(losses) and not np.isfinite(losses[-1]):
            steps, means = np.append(steps, len(losses)), np.append(means, np.nan)
        self.loss.set(steps, means)
        reading = (
            f"After {len(losses)} steps the loss is {words(means[-1] if len(means) else np.nan)}"
        )
        if np.isnan(change):
            return f"{reading}."
        return (
            f"{reading}; a layer's gradient changes by {100 * change:.0f}% when the layers before "
            "it move."
        )


class LossRanges(Plot):
    """Over training, between which losses the loss along the gradient lies."""

    def draw(self, runs):
        """By side, a dict of step to `View`."""
        axes = self.figure.add_subplot(yscale="log", ylim=(0.05, 20), xlabel="step")
        axes.set_ylabel("loss of the batch")
        readings = []
        for name, views in runs.items():
            steps, color = list(views), KINDS[name]
            low, high = ([f(v.losses) for v in views.values()] for f in (np.min, np.max))
            axes.fill_between(steps, low, high, color=color, alpha=0.35, lw=0)
            here = [view.loss for view in views.values()]
            axes.plot(steps, here, color=color, marker="o", ms=3, label=name)
            typical = np.median([view.range for view in views.values()])
            readings.append(f"{name}: the loss ranges over {words(typical)}, in the median")
        axes.set_xlim(0, steps[-1])
        axes.legend(loc="upper right")
        return "; ".join(readings)


class LossAlong(Picture):
    """The loss along the gradient, with and without batch norm, and one step along it.

    Parameters
    ----------
    t : sequence of float
        Step lengths, in learning rates.
    """

    top = 4.0

    def __init__(self, t):
        self.t = np.append(0, t)
        super().__init__()

    def build(self):
        axes = self.figure.add_subplot(
            xlim=(0, self.t[-1]),
            ylim=(0, self.top),
            xlabel="step along the gradient, in learning rates",
            ylabel="loss of the batch",
        )
        self.curves = {
            name: Curve(self, axes, color=KINDS[name], marker="o", ms=3, label=name)
            for name in ("without", "BN")
        }
        self.here = self.moves(axes.axvline(1, color=colors.BLACK, lw=1, ls=":"))
        axes.legend(loc="upper left")

    def show(self, views, t):
        """By side a `View`, and the step to speak of, one of t."""
        self.here.set_xdata([t, t])
        readings = []
        for name, view in views.items():
            losses = np.append(view.loss, view.losses)
            self.curves[name].set(self.t, losses)
            there = losses[np.argmin(np.abs(self.t - t))]
            readings.append(f"{name} from {words(view.loss)} to {words(there)}")
        return f"A step of {t:g} learning rates takes the loss {', '.join(readings)}."


class Edge(Picture):
    """Loss, sharpness and effective smoothness on the way of gradient descent, with 2/η.

    Parameters
    ----------
    steps : int
    """

    size = (8.4, 3.4)
    top = 22.0

    def __init__(self, steps):
        self.steps = steps
        super().__init__()

    def build(self):
        left, right = self.figure.subplots(1, 2, width_ratios=(1, 1.5))
        left.set(xlim=(0, self.steps), ylim=(0, 0.65), xlabel="step", title="loss")
        self.loss = Curve(self, left, color=colors.BLUE)
        right.set(xlim=(0, self.steps), ylim=(0, self.top), xlabel="step")
        right.set_title("curvature")
        (self.limit,) = right.plot([], [], color=colors.BLACK, ls="--", label="2/η")
        self.sharpness = Curve(self, right, color=colors.BLUE, label="sharpness")
        style = {"color": colors.ORANGE, "ls": "none", "marker": "o", "ms": 4}
        self.smoothness = Curve(self, right, **style, label="effective smoothness")
        self.moves(self.limit)
        right.legend(loc="upper right", fontsize="small")

    def show(self, moments, eta):
        """Show the moments so far (see `experiments.landscape`), at a learning rate."""
        self.limit.set_data([0, self.steps], [2 / eta, 2 / eta])
        self.loss.set([m.step for m in moments], [m.loss for m in moments])
        found = [m for m in moments if m.sharpness is not None]
        steps = [m.step for m in found]
        self.sharpness.set(steps, [m.sharpness for m in found])
        self.smoothness.set(steps, [m.smoothness for m in found])
        if moments and moments[-1].diverged:
            return f"The loss is not a number after {moments[-1].step} steps: η is too large."
        if not found:
            return f"2/η is {words(2 / eta)}."
        return (
            f"After {moments[-1].step} steps the sharpness is {words(found[-1].sharpness)} and the "
            f"effective smoothness {words(found[-1].smoothness)}; 2/η is {words(2 / eta)}. It began "
            f"at {words(found[0].sharpness)}."
        )


class Edges(Plot):
    """The sharpness on several ways of gradient descent, each with its own 2/η."""

    size = (8.4, 3.6)
    shades = (colors.BLUE, colors.GREEN, colors.RED)

    def draw(self, runs):
        """By name, "BN, η = 0.3", the moments."""
        panels = dict(zip(("without", "BN"), self.figure.subplots(1, 2, sharey=True)))
        readings, drawn = [], dict.fromkeys(panels, 0)
        for norm, axes in panels.items():
            title = "with batch norm" if norm == "BN" else "without batch norm"
            axes.set(
                xlabel="step", title=title, ylim=(0, 18), xlim=(0, max(map(len, runs.values())))
            )
        panels["without"].set_ylabel("sharpness; dashed: 2/η")
        for name, moments in runs.items():
            norm, _, eta = name.partition(", ")
            axes, color = panels[norm], self.shades[drawn[norm]]
            drawn[norm] += 1
            found = [m for m in moments if m.sharpness is not None]
            steps = [m.step for m in found]
            axes.axhline(2 / found[0].lr, color=color, ls="--", lw=1)
            Curve(self, axes, color=color, label=eta).set(steps, [m.sharpness for m in found])
            readings.append(f"{name}: {found[0].edge:.2f} to {found[-1].edge:.2f} times 2/η")
        for norm, axes in panels.items():
            if drawn[norm]:
                axes.legend(loc="lower right")
        return "; ".join(readings)


class SideBySide(Plot):
    """On one network: the loss's range along the gradient, and sharpness and smoothness."""

    size = (8.4, 3.6)
    shades = (colors.GRAY, colors.NORM["batch"], colors.BLUE)

    def draw(self, runs):
        """By name, a list of `Both`."""
        left, right = self.figure.subplots(1, 2)
        left.set(yscale="log", ylim=(3e-4, 30), xlabel="step", title="range along the gradient")
        right.set(ylim=(0, 1.5), xlabel="step", title="sharpness (line), smoothness (dots), in 2/η")
        mark_level(right, 1, "")
        readings, end = [], max(each.moment.step for found in runs.values() for each in found)
        for axes in (left, right):
            axes.set_xlim(0, end + 1)
        for (name, found), color in zip(runs.items(), self.shades):
            steps = [each.moment.step for each in found]
            ranges = [each.view.range for each in found]
            Curve(self, left, color=color, label=name).set(steps, ranges)
            Curve(self, right, color=color).set(steps, [each.moment.edge for each in found])
            smoothness = [each.moment.smoothness * each.moment.lr / 2 for each in found]
            style = {"color": color, "ls": "none", "marker": "o", "ms": 4}
            Curve(self, right, **style).set(steps, smoothness)
            readings.append(
                f"{name}: at the end the loss ranges over {words(ranges[-1])}, the sharpness is "
                f"{found[-1].moment.edge:.2f} times 2/η"
            )
        left.legend(loc="upper right", fontsize="small")
        return "; ".join(readings)
