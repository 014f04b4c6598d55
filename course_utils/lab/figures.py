"""The pictures of the course, one class each: drawn once, then updated with values."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from course_utils.lab import colors
from course_utils.lab.canvas import Picture

CLASS_COLORMAP = LinearSegmentedColormap.from_list(
    "classes", [colors.CLASS[0], "white", colors.CLASS[1]]
)


class Curve:
    """A line whose points off the axis show as triangles at its edge, and NaN at the top."""

    def __init__(self, picture, axes, **style):
        self.axes = axes
        (self.line,) = axes.plot([], [], **style)
        mark = {"linestyle": "none", "color": colors.RED, "markersize": 6, "clip_on": False}
        (self.above,) = axes.plot([], [], marker="^", **mark)
        (self.below,) = axes.plot([], [], marker="v", **mark)
        picture.moves(self.line, self.above, self.below)

    def set(self, x, y):
        """Move the line to the points (x, y), any of them NaN or infinite."""
        x, y = np.asarray(x), np.asarray(y, dtype=float)
        low, high = self.axes.get_ylim()
        above, below = ~(y <= high), y < low
        self.line.set_data(x, np.where(above | below, np.nan, y))
        self.above.set_data(x[above], np.full(above.sum(), high))
        self.below.set_data(x[below], np.full(below.sum(), low))


def mark_level(axes, level, label):
    """A dotted horizontal line with its name at the right end."""
    axes.axhline(level, color=colors.GRAY, linestyle=":", linewidth=1.2)
    at = (1, level)
    axes.annotate(
        label, at, (-3, 3), axes.get_yaxis_transform(), "offset points", ha="right",
        color=colors.GRAY, in_layout=False,
    )  # fmt: skip


def words(number):
    """A number as a reader would say it: three digits, or a power of ten."""
    if not np.isfinite(number):
        return "not a number"
    if number == 0 or 1e-3 <= abs(number) < 1e5:
        return f"{number:.3g}" if abs(number) < 100 else f"{number:,.0f}"
    digits, _, power = f"{number:.0e}".partition("e")
    return f"{digits} × 10{str(int(power)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def trend(ratio):
    """Whether a scale that changed by `ratio` vanishes, holds or explodes."""
    if not ratio <= 100:
        return "exploding"
    return "vanishing" if ratio < 0.01 else "holding"


class NormsByLayer(Picture):
    """Mean length of the activations, layer by layer, with the theory's line.

    Parameters
    ----------
    depth : int
        Layers on the axis; layer 0 is the input.
    limits : (float, float)
        Ends of the logarithmic axis.
    """

    size = (7.6, 3.4)

    def __init__(self, depth=30, limits=(1e-9, 1e8)):
        self.depth, self.limits = depth, limits
        super().__init__()

    def build(self):
        axes = self.figure.add_subplot(
            yscale="log",
            xlim=(-0.5, self.depth + 0.5),
            ylim=self.limits,
            xlabel="layer $i$ (0 is the input)",
            ylabel=r"mean length $\|z_i\|$",
        )
        self.measured = Curve(self, axes, color=colors.MEASURED, marker="o", label="measured")
        self.theory = Curve(self, axes, color=colors.THEORY, linestyle="--", label="theory")
        axes.legend(loc="upper left", ncols=2)

    def show(self, values):
        """`values` is (norms, theory), each of shape (depth + 1,)."""
        norms, theory = values
        layers = np.arange(len(norms))
        self.measured.set(layers, norms)
        self.theory.set(layers, theory)
        ratio = norms[-1] / norms[0]
        return (
            f"Layer {len(norms) - 1}'s activations are {words(norms[-1])} long, "
            f"{words(ratio)} times the input's: {trend(ratio)}."
        )


class VitalSigns(Picture):
    """The five vital signs of a network: the same picture in every notebook.

    Parameters
    ----------
    layers : int
        Linear layers of the network.
    steps : int
        Training steps on the loss axis.
    limits : (float, float)
        Ends of the logarithmic axis of activations and gradients.
    """

    size = (7.6, 4.4)

    def __init__(self, layers, steps, limits=(1e-10, 1e8)):
        self.layers, self.steps, self.limits = layers, steps, limits
        super().__init__()

    def build(self):
        grid = self.figure.add_gridspec(2, 6)
        by_layer = {"xlim": (0, self.layers + 1), "xlabel": "layer"}
        log = {**by_layer, "yscale": "log"}
        panels = {
            "activation": (grid[0, 0:2], "activation norm", {**log, "ylim": self.limits}),
            "gradient": (grid[0, 2:4], "gradient norm of $W$", {**log, "ylim": self.limits}),
            "update_ratio": (grid[0, 4:6], "update / weight", {**log, "ylim": (1e-13, 1e5)}),
            "dead": (grid[1, 0:2], "dead units (share)", {**by_layer, "ylim": (0, 1)}),
        }
        self.curves = {}
        for name, (place, title, options) in panels.items():
            axes = self.figure.add_subplot(place, title=title, **options)
            self.curves[name] = Curve(self, axes, color=colors.MEASURED, marker="o", markersize=3)
        axes = self.figure.add_subplot(
            grid[1, 2:6], title="training loss", xlabel="step", xlim=(0, self.steps), ylim=(0, 4)
        )
        mark_level(axes, np.log(10), "guessing: ln 10")
        self.loss = Curve(self, axes, color=colors.TRAIN, linewidth=1.2)

    def show(self, values):
        """`values` is (signs, losses): a `VitalSigns` measurement and the losses so far."""
        signs, losses = values
        layers = np.arange(1, len(signs.activation) + 1)
        for name, curve in self.curves.items():
            curve.set(layers, getattr(signs, name))
        self.loss.set(np.arange(len(losses)), losses)
        first, last = signs.activation[0], signs.activation[-2]
        if not np.isfinite(signs.loss):
            return f"The loss is not a number after {len(losses) - 1} steps: training has blown up."
        return (
            f"After {len(losses)} steps the loss is {signs.loss:.2f}. From the first hidden layer "
            f"to the last the activations go from {words(first)} to {words(last)}: "
            f"{trend(last / first)}."
        )


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


class MatrixProduct(Picture):
    """Two matrices and their product in numbers, with the numbers that meet in one entry.

    Parameters
    ----------
    largest : int
        Rows and columns of the largest matrix.
    """

    size = (7.6, 2.8)

    def __init__(self, largest=4):
        self.largest = largest
        super().__init__()

    def build(self):
        n = self.largest
        self.panels = []
        for axes in self.figure.subplots(1, 3):
            axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -1.1), aspect="equal")
            axes.axis("off")
            image = axes.imshow(np.zeros((n, n)), vmin=-1, vmax=1, alpha=0.6)
            title = axes.text(-0.5, -0.7, "", weight="bold")
            center = {"ha": "center", "va": "center", "fontsize": 9.5}
            numbers = [[axes.text(j, i, "", **center) for j in range(n)] for i in range(n)]
            (frame,) = axes.plot([], [], color=colors.BLACK, linewidth=2, clip_on=False)
            self.moves(image, title, frame, *(text for row in numbers for text in row))
            self.panels.append((image, title, np.array(numbers), frame))

    def show(self, values):
        """`values` is (title, (name, A), (name, B), row, column), counted from one.

        The frame stands on that entry of A B, or on the nearest one if the product is smaller.
        """
        title, (left_name, A), (right_name, B), row, column = values
        row, column = min(row, A.shape[0]), min(column, B.shape[1])
        product, i, j = A @ B, row - 1, column - 1
        self.show_panel(0, left_name, A, (i, 0), (i + 1, A.shape[1]))
        self.show_panel(1, right_name, B, (0, j), (B.shape[0], j + 1))
        self.show_panel(2, title, product, (i, j), (i + 1, j + 1))
        terms = " + ".join(f"({a:z.2f})({b:z.2f})" for a, b in zip(A[i], B[:, j], strict=True))
        return (
            f"Row {row} of {left_name} meets column {column} of {right_name}: "
            f"{terms} = {product[i, j]:z.2f}."
        )

    def show_panel(self, panel, name, matrix, first, last):
        """Write one matrix and frame its entries from `first` up to, not including, `last`."""
        image, title, numbers, frame = self.panels[panel]
        height, width = matrix.shape
        cells = np.ma.masked_all((self.largest, self.largest))
        cells[:height, :width] = matrix / max(np.abs(matrix).max(), 1e-12)
        image.set_data(cells)
        title.set_text(f"{name}   ({height} × {width})")
        for (i, j), number in np.ndenumerate(numbers):
            inside = i < height and j < width
            number.set(visible=inside, text=f"{matrix[i, j]:z.2f}" if inside else "")
        (top, left), (bottom, right) = np.array(first) - 0.5, np.array(last) - 0.5
        frame.set_data([left, right, right, left, left], [top, top, bottom, bottom, top])


class Digits(Picture):
    """A row of images with a caption each.

    Parameters
    ----------
    count : int
        Images in the row.
    """

    def __init__(self, count=10):
        self.count = count
        self.size = (7.6, 7.6 / count + 0.35)
        super().__init__()

    def build(self):
        self.panels = []
        for axes in np.atleast_1d(self.figure.subplots(1, self.count)):
            axes.axis("off")
            image = axes.imshow(np.zeros((28, 28)), cmap="gray_r", vmin=0, vmax=1)
            caption = axes.text(13.5, -3, "", ha="center", va="bottom", fontsize=8.5)
            self.panels.append((self.moves(image), self.moves(caption)))

    def show(self, values):
        """`values` is (images, captions): shape (count, 784) in [0, 1], and one string each."""
        images, captions = values
        for (image, text), pixels, caption in zip(self.panels, images, captions, strict=True):
            image.set_data(pixels.reshape(28, 28))
            text.set_text(caption)
        return "; ".join(captions)


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
        for name, (losses, color) in values.items():
            curve = Curve(self, self.axes, color=color, label=name, linewidth=1.2)
            curve.set(np.arange(len(losses)), losses)
        self.axes.legend(loc="upper right")
        return "; ".join(f"{name}: {losses[-1]:.2f}" for name, (losses, _) in values.items())
