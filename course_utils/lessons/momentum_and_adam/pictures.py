"""Pictures of a descent in a valley, and of one fit under several optimizers."""

import numpy as np

from course_utils.experiments.curve_fit import EDGE, GRID, off_truth, truth
from course_utils.lab import colors
from course_utils.lab.canvas import Picture
from course_utils.lab.pictures.parts import Curve, words

CIRCLE = np.array([np.cos(angles := np.linspace(0, 2 * np.pi, 121)), np.sin(angles)])


class Valley(Picture):
    """A descent on a quadratic loss of two weights, seen from above, and its loss by step.

    Parameters
    ----------
    steps : int
    """

    size = (8.0, 3.7)
    edge = 11.5  # of the square shown, on all sides of zero
    levels = (0.02, 0.08, 0.18, 0.32, 0.5)  # of the loss: with curvature 1 at 0.2, 0.4, ... 1
    losses = (1e-8, 1e4)

    def __init__(self, steps):
        self.steps = steps
        super().__init__()

    def build(self):
        left, right = self.figure.subplots(1, 2, width_ratios=(1, 1.2))
        left.set(xlim=(-self.edge, self.edge), ylim=(-self.edge, self.edge), aspect="equal")
        left.set(xlabel="$w_1$", ylabel="$w_2$", title="the valley from above")
        self.lines = [left.plot([], [], color=colors.GRAY, lw=0.8)[0] for _ in self.levels]
        (self.path,) = left.plot([], [], color=colors.BLUE, marker="o", ms=2.5, lw=1)
        (self.end,) = left.plot([], [], "o", color=colors.ORANGE, ms=6)
        self.moves(*self.lines, self.path, self.end)
        right.set(title="loss", xlabel="step", yscale="log")
        right.set(xlim=(0, self.steps), ylim=self.losses)
        self.loss = Curve(self, right, color=colors.BLUE)

    def show(self, H, points):
        """Show the points, shape (steps + 1, 2), of a descent on w H w / 2."""
        curvatures, axes = np.linalg.eigh(H)
        for line, level in zip(self.lines, self.levels):
            line.set_data(*(axes @ (np.sqrt(2 * level / curvatures)[:, None] * CIRCLE)))
        near = np.clip(np.nan_to_num(points, nan=np.inf), -1e3, 1e3)  # far outside of the square
        self.path.set_data(*near.T)
        self.end.set_data(*near[-1:].T)
        loss = np.einsum("pi,ij,pj->p", points, H, points) / 2
        self.loss.set(np.arange(len(loss)), np.maximum(loss, self.losses[0]))
        first, last = loss[0], loss[-1]
        if not last < first:
            return f"After {len(loss) - 1} steps the loss has grown to {words(last)}: it blows up."
        small = np.flatnonzero(~(loss < first / 1e4))[-1] + 1  # a hundredth of the distance
        when = f"from step {small} on it is below" if small < len(loss) else "it is not yet at"
        return (
            f"The loss goes from {words(first)} to {words(last)} in {len(loss) - 1} steps; "
            f"{when} a ten thousandth of the first."
        )


class FitsByOptimizer(Picture):
    """One curve fitted by several optimizers, and the norms of their weights on the way.

    Parameters
    ----------
    optimizers : dict of str to color
    steps : int
    """

    size = (8.3, 5.0)

    def __init__(self, optimizers, steps):
        self.optimizers, self.steps = optimizers, steps
        super().__init__()

    def build(self):
        layout = self.figure.add_gridspec(2, len(self.optimizers), height_ratios=(1.15, 1))
        below = self.figure.add_subplot(
            layout[1, :], title="norm of the weights", xlabel="step", xlim=(0, self.steps)
        )
        below.set(ylim=(0, 50))
        self.data, self.fits, self.norms = {}, {}, {}
        for place, (name, color) in enumerate(self.optimizers.items()):
            axes = self.figure.add_subplot(layout[0, place], title=name, xlabel="$x$")
            axes.set(xlim=(-EDGE, EDGE), ylim=(-2.2, 2.2))
            axes.plot(GRID, truth(GRID), color=colors.THEORY, ls="--", lw=1, label="truth")
            data = {"color": colors.GRAY, "ls": "none", "marker": "o", "ms": 4, "label": "data"}
            self.data[name] = Curve(self, axes, **data)
            self.fits[name] = Curve(self, axes, color=color)
            self.norms[name] = Curve(self, below, color=color, label=name)
            if place == 0:
                axes.set_ylabel("$y$")
                axes.legend(loc="upper left", fontsize="small")
        below.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(self.optimizers))

    def show(self, fits):
        """By optimizer, the points (x, y), the network on `GRID`, and norms at the steps."""
        readings = []
        for name, shown in fits.items():
            self.data[name].set(np.ravel(shown["x"]), np.ravel(shown["y"]))
            self.fits[name].set(GRID.ravel(), np.ravel(shown["fit"]))
            self.norms[name].set(shown["steps"], shown["norms"])
            norm, off = words(shown["norms"][-1]), words(off_truth(shown["fit"]))
            readings.append(f"{name}: norm {norm}, off the truth {off}")
        return f"After {shown['steps'][-1]} steps, {'; '.join(readings)}."
