"""Pictures of networks with several initial scales."""

import numpy as np

from course_utils.lab import colors
from course_utils.lab.canvas import Picture
from course_utils.lab.pictures.parts import Curve, count_by_ones, mark_guessing

VERDICTS = {
    "learning": ("o", colors.GREEN),
    "stuck": ("s", colors.GRAY),
    "not a number": ("X", colors.RED),
}


class ScalesInTraining(Picture):
    """Activations, gradients and weight variances by layer, for two initial scales.

    Parameters
    ----------
    layers : int
        Weight matrices of the networks.
    scales : sequence of float
        The values of c, rising.
    """

    size = (8.4, 3.5)

    def __init__(self, layers, scales):
        self.layers, self.scales = layers, scales
        super().__init__()

    def build(self):
        activation, gradient, variance = self.figure.subplots(1, 3)
        places = {"xlim": (-0.5, self.layers + 0.5)}
        activation.set(title=r"activations $\|z_i\|$", ylim=(0, 35), **places, xlabel="layer $i$")
        places["xlabel"] = "matrix $i$"
        gradient.set(title=r"gradients of $W_i$", yscale="log", ylim=(0.03, 100), **places)
        variance.set(title=r"weights: $n_i\,$var$(W_i)$", ylim=(1.3, 2.9), **places)
        count_by_ones(activation, gradient, variance)
        self.curves = []
        for axes in (activation, gradient, variance):
            for c, color in zip(self.scales, (colors.BLUE, colors.RED), strict=True):
                start = Curve(self, axes, color=color, linewidth=1, linestyle=":")
                now = Curve(self, axes, color=color, marker="o", markersize=3, label=f"c = {c:g}")
                self.curves.append((start, now))
        activation.legend(loc="upper left", ncols=1)

    def show(self, share, starts, nows):
        """Show (vital signs, n var(W)) by c, at the start and at a share of the training."""
        layers = np.arange(self.layers)  # W_i goes from z_i to z_{i+1}
        count = len(self.scales)
        rows = [self.pick(measured) for measured in (starts, nows)]
        for k, ((start, now), before, after) in enumerate(zip(self.curves, *rows, strict=True)):
            start.set(layers + (k < count), before)
            now.set(layers + (k < count), after)
        middle = [nows[c][0].activation[3:7].mean() for c in self.scales]
        named = ", ".join(f"{m:.1f} at c = {c:g}" for m, c in zip(middle, self.scales, strict=True))
        return f"{share:.0%} of the way: in the middle layers the activations are {named} long."

    def pick(self, measured):
        """The lines of one moment, in the order of the curves."""
        signs = [measured[c][0] for c in self.scales]
        return (
            [s.activation for s in signs]
            + [s.gradient for s in signs]
            + [measured[c][1] for c in self.scales]
        )


class TrainingMap(Picture):
    """A hundred training steps, and a map on which each finished run leaves a mark.

    Parameters
    ----------
    steps : int
    runs : sequence of (c, depth, verdict)
        Marks that are there from the start.
    """

    size = (8.0, 3.5)
    remembers = True

    def __init__(self, steps=100, runs=()):
        self.steps = steps
        self.runs = {v: [(c, depth) for c, depth, found in runs if found == v] for v in VERDICTS}
        super().__init__()

    def build(self):
        left, right = self.figure.subplots(1, 2)
        left.set(title="training loss", xlabel="step", xlim=(0, self.steps), ylim=(0, 4))
        mark_guessing(left)
        self.loss = Curve(self, left, color=colors.TRAIN, linewidth=1.2)
        right.set(title="your runs", xlabel="$c$", ylabel="depth", xlim=(0.4, 4.1), ylim=(0, 64))
        c = np.linspace(0.4, 4.1, 400)
        fold = 2 * np.log(1000) / np.maximum(np.abs(np.log(c / 2)), 1e-9)
        right.fill_between(c, np.minimum(fold, 64), color=colors.SKY, alpha=0.2, lw=0)
        self.dots = {
            verdict: self.moves(
                right.plot([], [], marker, color=color, ms=7, mec="white", label=verdict)[0]
            )
            for verdict, (marker, color) in VERDICTS.items()
        }
        handles = right.get_legend_handles_labels()
        self.figure.legend(*handles, loc="outside upper right", ncols=len(VERDICTS))
        self.mark()

    def mark(self):
        """Put a mark at every run."""
        for name, points in self.runs.items():
            self.dots[name].set_data(*np.reshape(points, (-1, 2)).T)

    def show(self, c, depth, losses, verdict):
        """Show a run's losses; the verdict is None while training goes on, then a mark is left."""
        self.loss.set(np.arange(len(losses)), losses)
        if verdict is None:
            return f"c = {c:g}, depth {depth}: {len(losses)} steps, loss {losses[-1]:.2f} so far."
        if (c, depth) not in self.runs[verdict]:
            self.runs[verdict].append((c, depth))
        self.mark()
        after = len(losses) - (verdict == "not a number")
        return f"c = {c:g}, depth {depth}: {verdict} after {after} steps."
