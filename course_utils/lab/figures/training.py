"""Pictures of networks that learn."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from course_utils.lab import colors
from course_utils.lab.canvas import Picture
from course_utils.lab.figures.parts import Curve, mark_level, words

CLASS_COLORMAP = LinearSegmentedColormap.from_list(
    "classes", [colors.CLASS[0], "white", colors.CLASS[1]]
)
VERDICTS = {
    "learning": ("o", colors.GREEN),
    "stuck": ("s", colors.GRAY),
    "not a number": ("X", colors.RED),
}


class Losses(Picture):
    """Training losses of several runs.

    Parameters
    ----------
    steps : int
    top : float
        Upper end of the loss axis.
    """

    size = (7.6, 3.0)

    def __init__(self, steps, top=2.6):
        self.steps, self.top = steps, top
        super().__init__()

    def build(self):
        self.axes = self.figure.add_subplot(
            xlim=(0, self.steps), ylim=(0, self.top), xlabel="step", ylabel="training loss"
        )

    def show(self, values):
        """`values` maps each run's name to (losses, color)."""
        self.start_over()
        for name, (losses, color) in values.items():
            curve = Curve(self, self.axes, color=color, label=name, linewidth=1.2)
            curve.set(np.arange(len(losses)), losses)
        self.axes.legend(loc="upper right")
        return "; ".join(f"{name}: {words(losses[-1])}" for name, (losses, _) in values.items())


class DecisionBoundary(Picture):
    """A two-class network over the plane, and its loss while it trains.

    Parameters
    ----------
    steps : int
        Training steps on the loss axis.
    """

    size = (7.6, 3.5)
    half_width = 2.6  # of the square of the plane that is shown

    def __init__(self, steps):
        self.steps = steps
        super().__init__()

    @classmethod
    def plane(cls, side=60):
        """A grid of points over the square shown, shape (side * side, 2)."""
        ticks = np.linspace(-cls.half_width, cls.half_width, side)
        return np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)

    def build(self):
        left, right = self.figure.subplots(1, 2, width_ratios=(1, 1.1))
        edge = self.half_width
        left.set(title="probability of the orange class", xlabel="$x_1$", ylabel="$x_2$")
        left.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal")
        left.grid(False)
        self.image = self.moves(
            left.imshow(
                np.full((60, 60), 0.5),
                extent=(-edge, edge, -edge, edge),
                origin="lower",
                interpolation="bilinear",
                cmap=CLASS_COLORMAP,
                vmin=0,
                vmax=1,
                alpha=0.75,
            )
        )
        self.classes = [
            self.moves(left.plot([], [], "o", color=color, mec="white", mew=0.5)[0])
            for color in colors.CLASS
        ]
        right.set(title="training loss", xlabel="step", xlim=(0, self.steps), ylim=(0, 1.2))
        mark_level(right, np.log(2), "guessing: ln 2")
        self.loss = Curve(self, right, color=colors.TRAIN)

    def show(self, values):
        """`values` is (points, labels, probabilities over `plane()`, losses)."""
        points, labels, probabilities, losses = values
        side = round(len(probabilities) ** 0.5)
        self.image.set_data(probabilities.reshape(side, side))
        for label, dots in enumerate(self.classes):
            dots.set_data(*points[labels == label].T)
        self.loss.set(np.arange(len(losses)), losses)
        if not np.isfinite(losses[-1]):
            return (
                f"After {len(losses) - 1} steps the loss is not a number: the steps are too large."
            )
        return f"After {len(losses)} steps the loss is {losses[-1]:.2f}; guessing gives 0.69."


class TrainingMap(Picture):
    """A hundred training steps, and a map on which each finished run leaves a mark.

    Parameters
    ----------
    steps : int
    """

    size = (8.0, 3.5)
    remembers = True

    def __init__(self, steps=100):
        self.steps = steps
        super().__init__()

    def build(self):
        left, right = self.figure.subplots(1, 2)
        left.set(title="training loss", xlabel="step", xlim=(0, self.steps), ylim=(0, 4))
        mark_level(left, np.log(10), "guessing: ln 10")
        self.loss = Curve(self, left, color=colors.TRAIN, linewidth=1.2)
        right.set(title="your runs", xlabel="$c$", ylabel="depth", xlim=(0.4, 4.1), ylim=(0, 64))
        c = np.linspace(0.4, 4.1, 400)
        fold = 2 * np.log(1000) / np.maximum(np.abs(np.log(c / 2)), 1e-9)
        right.fill_between(c, np.minimum(fold, 64), color=colors.SKY, alpha=0.2, lw=0)
        self.runs = {verdict: [] for verdict in VERDICTS}
        self.dots = {
            verdict: self.moves(
                right.plot([], [], marker, color=color, ms=7, mec="white", label=verdict)[0]
            )
            for verdict, (marker, color) in VERDICTS.items()
        }
        right.legend(loc="upper right", frameon=True, framealpha=0.9)

    def show(self, values):
        """`values` is (c, depth, losses, verdict); the verdict is None while training goes on."""
        c, depth, losses, verdict = values
        self.loss.set(np.arange(len(losses)), losses)
        if verdict is None:
            return f"c = {c:g}, depth {depth}: {len(losses)} steps, loss {losses[-1]:.2f} so far."
        if (c, depth) not in self.runs[verdict]:
            self.runs[verdict].append((c, depth))
        for name, points in self.runs.items():
            self.dots[name].set_data(*np.reshape(points, (-1, 2)).T)
        after = len(losses) - (verdict == "not a number")
        return f"c = {c:g}, depth {depth}: {verdict} after {after} steps."
