"""Pictures of a network built by hand."""

import numpy as np

from course_utils.lab import colors
from course_utils.lab.canvas import Picture, Plot
from course_utils.lab.pictures.parts import Curve, words


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
            axes.set(xlim=(-1.1, n - 0.5), ylim=(n + 0.1, -1.1), aspect="equal")
            axes.axis("off")
            image = axes.imshow(np.zeros((n, n)), vmin=-1, vmax=1, alpha=0.6)
            title = axes.text(-0.5, -0.7, "", weight="bold")
            center = {"ha": "center", "va": "center", "fontsize": 9}
            numbers = [[axes.text(j, i, "", **center) for j in range(n)] for i in range(n)]
            (frame,) = axes.plot([], [], color=colors.BLACK, linewidth=2, clip_on=False)
            small = {"ha": "center", "va": "center", "fontsize": 8, "color": colors.GRAY}
            sides = axes.text(-0.85, 0, "", rotation=90, **small), axes.text(0, 0, "", **small)
            self.moves(image, title, frame, *sides, *(text for row in numbers for text in row))
            self.panels.append((image, title, np.array(numbers), frame, sides))

    def show(self, A, B, names, row, column, sides=("", "", "")):
        """Show A, B and A B under three names, and one entry of A B, counted from one.

        `sides` says what the rows of A are, what its columns and the rows of B are, which the
        product adds up over, and what the columns of B are. The frame stands on that entry also
        where A B is too small to have it.
        """
        left_name, right_name, title = names
        product, i, j = A @ B, row - 1, column - 1
        exists = row <= len(A) and column <= B.shape[1]
        rows, between, columns = sides
        self.show_panel(0, left_name, A, (i, 0), (i + 1, A.shape[1]), (rows, between), exists)
        self.show_panel(1, right_name, B, (0, j), (len(B), j + 1), (between, columns), exists)
        self.show_panel(2, title, product, (i, j), (i + 1, j + 1), (rows, columns))
        if not exists:
            height, width = product.shape
            return f"No entry in row {row}, column {column}: this product is {height} × {width}."
        terms = " + ".join(f"({a:z.3f})({b:z.3f})" for a, b in zip(A[i], B[:, j], strict=True))
        return (
            f"Row {row} of {left_name} meets column {column} of {right_name}: "
            f"{terms} ≈ {product[i, j]:z.3f}."
        )

    def show_panel(self, panel, name, matrix, first, last, words, framed=True):
        """Write one matrix and frame its entries from `first` up to, not including, `last`.

        `words` say what its rows and its columns are.
        """
        image, title, numbers, frame, sides = self.panels[panel]
        height, width = matrix.shape
        places = (-0.85, height / 2 - 0.5), (width / 2 - 0.5, height - 0.2)
        for text, word, place in zip(sides, words, places, strict=True):
            text.set(text=word, position=place)
        cells = np.ma.masked_all((self.largest, self.largest))
        cells[:height, :width] = matrix / max(np.abs(matrix).max(), 1e-12)
        image.set_data(cells)
        title.set_text(f"{name}   ({height} × {width})")
        for (i, j), number in np.ndenumerate(numbers):
            inside = i < height and j < width
            number.set(visible=inside, text=f"{matrix[i, j]:z.3f}" if inside else "")
        (top, left), (bottom, right) = np.array(first) - 0.5, np.array(last) - 0.5
        frame.set_data([left, right, right, left, left], [top, top, bottom, bottom, top])
        frame.set_visible(framed)


class Losses(Plot):
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

    def draw(self, runs):
        """By name, the losses and a color."""
        axes = self.figure.add_subplot(
            xlim=(0, self.steps), ylim=(0, self.top), xlabel="step", ylabel="training loss"
        )
        for name, (losses, color) in runs.items():
            curve = Curve(self, axes, color=color, label=name, linewidth=1.2)
            curve.set(np.arange(len(losses)), losses)
        axes.legend(loc="upper right")
        return "; ".join(f"{name}: {words(losses[-1])}" for name, (losses, _) in runs.items())
