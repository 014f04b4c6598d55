"""The instruments of the flight deck: one run while it trains, and those before it."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from course_utils.lab import colors
from course_utils.lab.canvas import Picture
from course_utils.lab.pictures.parts import Curve, count_by_ones, mark_guessing, trend, words

EARLIER = 6  # runs that stay on the plot
POINTS = 200  # of a curve over the steps: each the mean of as many steps as that takes
PALE = "#c4c4c4"
LIMITS = {"activation": (1e-3, 1e5), "gradient": (1e-6, 1e4), "update_ratio": (1e-6, 1e1)}
TITLES = {
    "activation": "activation norm",
    "gradient": "gradient norm of $W$",
    "update_ratio": "update / weight",
}
ERRORS = (0.003, 0.01, 0.03, 0.1, 0.3, 1)


class FlightInstruments(Picture):
    """Vital signs by layer, loss and error of a run, over those of earlier runs in gray.

    Parameters
    ----------
    steps : int
        Training steps on the axes of loss and error.
    depth : int
        Most hidden layers on the axes of layers.
    top : float
        Upper end of the loss axis.
    """

    size = (7.6, 4.7)
    sharpness = 1  # less than half the time a frame, of which there are ten a second
    remembers = True

    def __init__(self, steps=2000, depth=20, top=3.2):
        self.steps, self.depth, self.top = steps, depth, top
        super().__init__()

    def build(self):
        grid = self.figure.add_gridspec(2, 6)
        self.earlier, self.now = {}, {}
        for i, (name, title) in enumerate(TITLES.items()):
            axes = self.figure.add_subplot(grid[0, 2 * i : 2 * i + 2], title=title, xlabel="layer")
            axes.set(xlim=(0, self.depth + 2), yscale="log", ylim=LIMITS[name])
            count_by_ones(axes)
            self.gray(name, axes, marker="o", markersize=2)
            self.now[name] = Curve(self, axes, color=colors.MEASURED, marker="o", markersize=3)
        over_steps = {"xlabel": "step", "xlim": (0, self.steps)}
        loss = self.figure.add_subplot(grid[1, :3], title="loss", ylim=(0, self.top), **over_steps)
        error = self.figure.add_subplot(grid[1, 3:], title="share of wrong answers", **over_steps)
        error.set(yscale="log", ylim=(ERRORS[0], 1))
        error.set_yticks(ERRORS, [f"{100 * share:g}%" for share in ERRORS])
        error.minorticks_off()
        for axes in (loss, error):
            axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        mark_guessing(loss)
        self.gray("loss", loss)
        self.gray("error", error)
        for name, axes in (("loss", loss), ("error", error)):
            train = {"color": colors.TRAIN, "linewidth": 1.3, "label": "training"}
            test = {"color": colors.TEST, "marker": "o", "markersize": 3, "label": "test"}
            self.now[name, "train"] = Curve(self, axes, **train)
            self.now[name, "test"] = Curve(self, axes, **test)
        touch = {"linestyle": "none", "marker": "|", "markersize": 9, "color": colors.BLACK}
        (self.touches,) = loss.plot([], [], label="steered", clip_on=False, **touch)
        self.moves(self.touches)
        loss.legend(loc="upper right", bbox_to_anchor=(1, 0.72))

    def gray(self, name, axes, **style):
        """One line for all earlier runs: of the loss in training, of the error on the test set."""
        (line,) = axes.plot([], [], color=PALE, linewidth=1.1, label="earlier runs", **style)
        self.earlier[name] = self.moves(line)

    def show(self, flight, number=1, earlier=()):
        """Show a `Flight`, the number of its run, and those before it."""
        self.show_earlier(earlier[-EARLIER:])
        for name in TITLES:
            self.now[name].set(*by_layer(flight, name))
        for name, numbers in (("loss", flight.history.losses), ("error", flight.errors)):
            self.now[name, "train"].set(*self.means(numbers))
            self.now[name, "test"].set(*tested(flight, name))
        moved = sorted({step for values in flight.steered.values() for step in values if step})
        self.touches.set_data(moved, np.zeros(len(moved)))
        return reading(flight, number)

    def show_earlier(self, flights):
        """One run behind the other, with a gap between them."""
        for name, line in self.earlier.items():
            if name in TITLES:
                curves = [by_layer(flight, name) for flight in flights]
            elif name == "loss":
                curves = [self.means(flight.history.losses) for flight in flights]
            else:
                curves = [tested(flight, name) for flight in flights]
            gap = np.full((2, 1), np.nan)
            pieces = [part for curve in curves for part in (np.stack(curve), gap)]
            x, y = np.concatenate(pieces, axis=1) if pieces else ((), ())
            line.set_data(x, np.where(np.isfinite(y), y, np.nan))

    def means(self, numbers):
        """Steps and means over equal pieces, the last of which may be shorter."""
        window = max(1, self.steps // POINTS)
        starts = np.arange(0, len(numbers), window)
        if not len(starts):
            return starts, starts.astype(float)
        ends = np.minimum(starts + window, len(numbers))
        return (starts + ends - 1) / 2, np.add.reduceat(numbers, starts) / (ends - starts)


def by_layer(flight, name):
    """Layers from 1 on, and one vital sign."""
    signs = () if flight.signs is None else getattr(flight.signs, name)
    return np.arange(1, len(signs) + 1), np.asarray(signs, dtype=float)


def tested(flight, name):
    """Steps, and the loss or error on the test set."""
    found = sorted(flight.history.evaluations.items())
    steps = np.array([step for step, _ in found], dtype=float)
    return steps, np.array([getattr(each, name) for _, each in found], dtype=float)


def reading(flight, number):
    """What a run shows, in words."""
    history, signs = flight.history, flight.signs
    if history.diverged:
        said = (
            f"Run {number}: the loss is not a number after {history.diverged_at} updates. "
            "Training has blown up"
        )
        broken = np.flatnonzero(~np.isfinite(signs.activation)) if signs is not None else ()
        return f"{said}, from layer {broken[0] + 1} on." if len(broken) else f"{said}."
    if signs is None:
        return f"Run {number} has not begun."
    last = history.losses[-50:]
    said = f"Run {number}, step {flight.steps}: training loss {np.mean(last):.2f}"
    if history.final is not None:
        said += f", test error {100 * history.final.error:.1f}%"
    if len(signs.activation) < 3:
        return f"{said}."
    first, deepest = signs.activation[0], signs.activation[-2]
    back = signs.gradient[0] / signs.gradient[-1] if signs.gradient[-1] else np.nan
    return (
        f"{said}. From layer 1 to {len(signs.activation) - 1} activations go from {words(first)} "
        f"to {words(deepest)}: {trend(deepest / first) if deepest else 'no signal'}. "
        f"Gradients on the way back: "
        f"{'no signal' if np.isnan(back) or not back else trend(back)}. "
        f"A step moves the weights by {words(np.median(signs.update_ratio))} of their length."
    )
