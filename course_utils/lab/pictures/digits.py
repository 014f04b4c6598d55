"""Pictures of digits."""

import numpy as np

from course_utils.lab.canvas import Picture


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
            top, above = (0.5, 1), (0, 3)
            caption = axes.annotate(
                "", top, above, "axes fraction", "offset points", ha="center", fontsize=8.5
            )
            self.panels.append((self.moves(image), self.moves(caption)))

    def show(self, images, captions):
        """Show images, shape (count, 784) in [0, 1], with one string each."""
        for (image, text), pixels, caption in zip(self.panels, images, captions, strict=True):
            image.set_data(np.reshape(pixels, (28, 28)))
            text.set_text(caption)
        return "; ".join(captions)
