"""Pictures of batch normalization."""

import numpy as np

from course_utils.lab import colors
from course_utils.lab.canvas import Picture
from course_utils.lab.pictures.parts import Curve, words


class RowsAndColumns(Picture):
    """A matrix, normalized by rows and by columns, with the numbers that one entry has moved.

    Parameters
    ----------
    shape : (int, int)
    """

    size = (7.6, 2.3)

    def __init__(self, shape=(4, 3)):
        self.shape = shape
        super().__init__()

    def build(self):
        titles = {"y": "y", "rows": "rows: layer norm", "columns": "columns: batch norm"}
        fills = (colors.GRAY, colors.NORM["layer"], colors.NORM["batch"])
        self.panels = {}
        panels = zip(self.figure.subplots(1, 3), titles.items(), fills, strict=True)
        for axes, (name, title), fill in panels:
            axes.set_title(title)
            self.panels[name] = *self.build_matrix(axes), fill

    def build_matrix(self, axes):
        """An image for the colored cells, and the numbers on it."""
        m, n = self.shape
        axes.set(xlim=(-1.1, n - 0.4), ylim=(m - 0.4, -0.9), aspect="equal")
        axes.axis("off")
        axes.text((n - 1) / 2, -0.75, "features", ha="center", color=colors.GRAY)
        axes.text(-0.85, (m - 1) / 2, "examples", va="center", rotation=90, color=colors.GRAY)
        extent = (-0.5, n - 0.5, m - 0.5, -0.5)
        image = axes.imshow(np.zeros((m, n, 4)), extent=extent, origin="upper")
        for edge in range(m + 1):
            axes.plot([-0.5, n - 0.5], [edge - 0.5] * 2, color="#cccccc", linewidth=0.8)
        for edge in range(n + 1):
            axes.plot([edge - 0.5] * 2, [-0.5, m - 0.5], color="#cccccc", linewidth=0.8)
        center = {"ha": "center", "va": "center", "fontsize": 9.5}
        numbers = [[axes.text(j, i, "", **center) for j in range(n)] for i in range(m)]
        self.moves(image, *(text for row in numbers for text in row))
        return image, np.array(numbers)

    def show(self, before, now):
        """Show "y" and what it is by "rows" and by "columns" now; color what was another before."""
        counts = []
        for name, (image, numbers, fill) in self.panels.items():
            new = now[name]
            moved = ~np.isclose(before[name], new, atol=1e-12)
            red, green, blue = (int(fill[i : i + 2], 16) / 255 for i in (1, 3, 5))
            image.set_data(moved[..., None] * np.array([red, green, blue, 0.35]))
            for (i, j), number in np.ndenumerate(numbers):
                number.set(text=f"{new[i, j]:z.2f}", weight="bold" if moved[i, j] else "normal")
            counts.append(int(moved.sum()))
        changed, rows, columns = counts
        if not changed:
            return "The entry has its first value: nothing has moved. Drag it."
        k, s = np.argwhere(now["y"] != before["y"])[0]
        value, by_row, by_column = (now[name][k, s] for name in self.panels)
        return (
            f"The entry is {value:z.2f} now. Normalized by rows it is {by_row:z.2f}, and {rows} "
            f"numbers have moved, all of example {k + 1}; normalized by columns it is "
            f"{by_column:z.2f}, and {columns} have moved, all of feature {s + 1}."
        )


class BatchMates(Picture):
    """A digit, its batch-mates, and its class probabilities in both modes.

    Parameters
    ----------
    shown : int
        Batch-mates shown at most.
    """

    size = (8.0, 3.4)

    def __init__(self, shown=16):
        self.shown = shown
        super().__init__()

    def build(self):
        parts = self.figure.subfigures(1, 2, width_ratios=(1.15, 2))
        grid = parts[0].add_gridspec(2, 1, height_ratios=(1, 1.2))
        digit = parts[0].add_subplot(grid[0])
        self.name = self.moves(digit.set_title("the digit"))
        mates = parts[0].add_subplot(grid[1], title="some of its batch-mates")
        gray = {"cmap": "gray_r", "vmin": 0, "vmax": 1}
        self.digit = self.moves(digit.imshow(np.zeros((28, 28)), **gray))
        rows = self.shown // 8
        self.mates = self.moves(mates.imshow(np.zeros((28 * rows, 28 * 8)), **gray))
        for axes in (digit, mates):
            axes.axis("off")
        self.bars = []
        panels = parts[1].subplots(2, 1, sharex=True)
        modes = (("training mode", colors.NORM["batch"]), ("evaluation mode", colors.GRAY))
        for axes, (title, color) in zip(panels, modes, strict=True):
            axes.set(title=title, ylim=(0, 1), ylabel="probability", xticks=range(10))
            self.bars.append(self.moves(*axes.bar(range(10), np.zeros(10), color=color)))
        panels[1].set_xlabel("class")

    def show(self, digit, label, mates, training, evaluation, spread):
        """Show images, in [0, 1], and the digit's probabilities in both modes.

        `label` is the digit's true class; `spread` is how far the probability of the class that
        evaluation mode gives moves in training mode, with the company.
        """
        self.name.set_text(f"the digit, a {label}")
        self.digit.set_data(digit.reshape(28, 28))
        tiles = np.zeros((self.shown, 28, 28))
        tiles[: len(mates)] = mates[: self.shown].reshape(-1, 28, 28)
        rows = self.shown // 8
        self.mates.set_data(
            tiles.reshape(rows, 8, 28, 28).transpose(0, 2, 1, 3).reshape(28 * rows, 28 * 8)
        )
        for bars, heights in zip(self.bars, (training, evaluation), strict=True):
            for bar, height in zip(bars, heights, strict=True):
                bar.set_height(height)
        said = [f"{p.argmax()} ({p.max():.0%} sure)" for p in (training, evaluation)]
        return (
            f"It is a {label}. In training mode the network says {said[0]}, in evaluation mode "
            f"{said[1]}. Over 20 such companies the probability of {evaluation.argmax()} has a "
            f"deviation of {spread:.2f} in training mode."
        )


class RunningEstimates(Picture):
    """Mean and variance of one unit over training: batches, truth and the running estimate.

    Parameters
    ----------
    steps : int
    """

    size = (8.0, 3.2)

    def __init__(self, steps):
        self.steps = steps
        super().__init__()

    def build(self):
        self.curves = []
        panels = zip(
            self.figure.subplots(1, 2),
            ("mean of the unit", "variance of the unit"),
            ("true deviations, from the true mean at the end", "over the true variance at the end"),
            ((-0.5, 0.6), (0.3, 1.9)),
            strict=True,
        )
        for axes, title, label, limits in panels:
            axes.set(title=title, xlabel="step", xlim=(0, self.steps), ylim=limits)
            axes.set_ylabel(label, fontsize=8)
            dots = {"linestyle": "none", "marker": ".", "markersize": 3, "color": "#bbbbbb"}
            batch = Curve(self, axes, label="each batch", **dots)
            truth = Curve(self, axes, color=colors.THEORY, linestyle="--", label="truth")
            running = Curve(self, axes, color=colors.NORM["batch"], label="running estimate")
            self.curves.append((batch, truth, running))
        axes.legend(loc="upper right", ncols=1)

    def show(self, batch, at, truth, running, off):
        """Show each batch's values, the truth after the steps `at`, and the running estimate.

        All but `at` have rows of mean and variance, and `off` is how far the estimate misses.
        """
        steps = np.arange(1, len(batch) + 1)
        for k, curves in enumerate(self.curves):
            curves[0].set(steps, batch[:, k])
            curves[1].set(at, truth[:, k])
            curves[2].set(steps, running[:, k])
        return (
            f"Over the second half the running estimate misses the true mean by {words(off[0])} of "
            f"a deviation and the true variance by {words(off[1])} of itself, on average."
        )
