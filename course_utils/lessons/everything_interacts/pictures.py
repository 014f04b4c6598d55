"""Heat maps of the table of recipes."""

import numpy as np
from matplotlib.colors import LogNorm

from course_utils.lab import colors
from course_utils.lab.canvas import Picture

NAMES = {None: "no normalization", "layer": "layer norm", "batch": "batch norm"}
LIGHT = 0.2  # errors below it have a light background, and so dark numbers


class ErrorMaps(Picture):
    """Errors over learning rate and initial scale, a panel for each normalization.

    Parameters
    ----------
    scales, rates : sequence of float
        From bottom to top, from left to right.
    """

    size = (8.4, 2.5)

    def __init__(self, scales, rates):
        self.scales, self.rates = tuple(scales), tuple(rates)
        super().__init__()

    def build(self):
        panels = self.figure.subplots(1, len(NAMES), sharey=True)
        shape = len(self.scales), len(self.rates)
        self.maps, self.numbers, self.frames = {}, {}, {}
        for axes, (norm, title) in zip(panels, NAMES.items(), strict=True):
            axes.set(title=title, xlabel="learning rate")
            axes.set_xticks(range(shape[1]), [f"{lr:g}" for lr in self.rates], rotation=60)
            axes.set_yticks(range(shape[0]), [f"{c:g}" for c in self.scales])
            axes.grid(visible=False)
            self.maps[norm] = self.moves(
                axes.imshow(
                    np.full(shape, np.nan), cmap="cividis_r", norm=LogNorm(0.025, 0.9),
                    origin="lower", aspect="auto",
                )
            )  # fmt: skip
            text = {"ha": "center", "va": "center", "fontsize": 7}
            self.numbers[norm] = [
                [self.moves(axes.text(x, y, "", **text)) for x in range(shape[1])]
                for y in range(shape[0])
            ]
            frames = axes.scatter([], [], marker="s", s=190, fc="none", ec=colors.RED, lw=1.6)
            self.frames[norm] = self.moves(frames)
        panels[0].set_ylabel("$c$")

    def show(self, errors, best, within):
        """Show errors in percent, those within some points of the best of all in a frame.

        Parameters
        ----------
        errors : dict of str to ndarray, shape (scales, rates)
            By normalization; NaN where there is no recipe.
        best, within : float
        """
        framed = 0
        for norm, table in errors.items():
            self.maps[norm].set_data(table)
            for texts, row in zip(self.numbers[norm], table, strict=True):
                for text, error in zip(texts, row, strict=True):
                    text.set_text("" if np.isnan(error) else said(error))
                    text.set_color("white" if error > LIGHT else "black")
            places = np.argwhere(table - best - within < 1e-9)[:, ::-1]  # the edge itself too
            self.frames[norm].set_offsets(places.reshape(-1, 2))
            framed += len(places)
        norm = min(errors, key=lambda norm: np.nanmin(errors[norm], initial=np.inf))
        table = errors[norm]
        if np.isnan(table).all():
            return "There is no recipe here."
        y, x = np.unravel_index(np.nanargmin(table), table.shape)
        return (
            f"The best recipe here misreads {100 * table[y, x]:.1f}%: {NAMES[norm]}, "
            f"c = {self.scales[y]:g}, learning rate {self.rates[x]:g}. {framed} are within "
            f"{100 * within:g} points of the best of all, {100 * best:.1f}%."
        )


def said(error):
    """An error in percent, short enough for a cell."""
    return f"{100 * error:.1f}" if error < 0.1 else f"{100 * error:.0f}"
