"""Pictures of networks that learn."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from course_utils.lab import colors
from course_utils.lab.canvas import Picture
from course_utils.lab.pictures.parts import Curve, mark_guessing

CLASS_COLORMAP = LinearSegmentedColormap.from_list(
    "classes", [colors.CLASS[0], "white", colors.CLASS[1]]
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
        mark_guessing(right, classes=2)
        self.loss = Curve(self, right, color=colors.TRAIN)

    def show(self, points, labels, probabilities, losses):
        """Show the points of both classes, the orange one's probability over `plane()`, the loss."""
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
