"""Pictures of damaged digits, of three ways along a stream, and of what batch statistics repair."""

import numpy as np

from course_utils.lab import colors
from course_utils.lab.canvas import Picture, Plot
from course_utils.lab.pictures.parts import Curve

WAYS = {"source": colors.GRAY, "batch": colors.PURPLE, "descent": colors.GREEN}
NAMES = {
    "source": "source: running estimates",
    "batch": "batch statistics",
    "descent": "entropy descent",
}


class Atlas(Plot):
    """One digit in rows of corruptions and columns of severities."""

    size = (4.6, 5.7)

    def draw(self, images, severities):
        """By corruption, images of shape (severities, 784), gray values from 0 to 1."""
        self.figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0.02, hspace=0.02)
        panels = self.figure.subplots(len(images), len(severities), squeeze=False)
        for row, (name, each) in zip(panels, images.items(), strict=True):
            for axes, image in zip(row, each, strict=True):
                axes.imshow(np.reshape(image, (28, 28)), cmap="gray", vmin=0, vmax=1)
                axes.set(xticks=[], yticks=[])
            row[0].set_ylabel(name, rotation=0, ha="right", va="center")
        for axes, severity in zip(panels[0][1:], severities[1:]):
            axes.set_title(f"{severity:g}", loc="center")
        panels[0][0].set_title(f"severity {severities[0]:g}", loc="right")
        return (
            f"One digit under {len(images)} corruptions, a row each: {', '.join(images)}; from "
            f"severity {severities[0]:g}, where nothing is changed, to {severities[-1]:g}."
        )


class Damaged(Picture):
    """A row of damaged digits with what the network answers, and how sure it is."""

    size = (8.0, 1.0)
    count = 10

    def build(self):
        self.panels = []
        for axes in self.figure.subplots(1, self.count):
            axes.axis("off")
            image = axes.imshow(np.zeros((28, 28)), cmap="gray", vmin=0, vmax=1)
            place = ((0.5, 1), (0, 3), "axes fraction", "offset points")
            text = axes.annotate("", place[0], place[1], *place[2:], ha="center", fontsize=8.5)
            self.panels.append((self.moves(image), self.moves(text)))

    def show(self, images, labels, probabilities):
        """Images (10, 784), gray values; their labels (10,); the network's q (10, 10)."""
        answers, wrong = np.argmax(probabilities, axis=1), 0
        for (image, text), pixels, label, q, answer in zip(
            self.panels, images, labels, probabilities, answers, strict=True
        ):
            image.set_data(np.reshape(pixels, (28, 28)))
            text.set_text(f"{answer}  ({q[answer]:.0%})" if np.isfinite(q[answer]) else "?")
            text.set_color(colors.BLACK if answer == label else colors.RED)
            wrong += answer != label
        return f"The source network's answers: {wrong} of {len(labels)} are wrong."


class Race(Picture):
    """The first digits of a stream, the errors of three ways along it, and the last one's answers.

    Parameters
    ----------
    count : int
        Digits in the stream.
    """

    size = (8.2, 4.1)
    shown = 12

    def __init__(self, count):
        self.count = count
        super().__init__()

    def build(self):
        grid = self.figure.add_gridspec(2, 2, height_ratios=(1, 4), width_ratios=(2.2, 1))
        above = self.figure.add_subplot(grid[0, :], title="the first digits of the stream")
        above.axis("off")
        blank = np.zeros((28, 28 * self.shown))
        self.strip = self.moves(above.imshow(blank, cmap="gray", vmin=0, vmax=1))
        left = self.figure.add_subplot(grid[1, 0], yscale="log", xlim=(0, self.count))
        left.set(ylim=(0.02, 1), xlabel="digits seen", ylabel="error among them")
        ticks = (0.02, 0.05, 0.1, 0.2, 0.5, 1)
        left.set_yticks(ticks, [f"{tick:.0%}" for tick in ticks])
        left.minorticks_off()
        self.curves = {
            name: Curve(self, left, color=color, label=NAMES[name]) for name, color in WAYS.items()
        }
        left.legend(loc="lower left", ncols=3, fontsize=7.5, columnspacing=1)
        right = self.figure.add_subplot(grid[1, 1], xlabel="digit", ylim=(0, 1))
        right.set(title="answers of entropy descent", xticks=range(10), xlim=(-0.6, 9.6))
        right.axhline(0.1, color=colors.BLACK, ls=":", lw=1)
        self.bars = right.bar(range(10), np.zeros(10), color=WAYS["descent"])
        self.moves(*self.bars)

    def show(self, seen, errors, first, answers):
        """What `experiments.racing` yields."""
        images = np.reshape(first, (-1, 28, 28))
        self.strip.set_data(np.concatenate(list(images), axis=1))
        for name, curve in self.curves.items():
            curve.set(seen, errors[name])
        for bar, share in zip(self.bars, answers):
            bar.set_height(share)
        ends = ", ".join(f"{name} {errors[name][-1]:.1%}" for name in WAYS)
        often = int(np.argmax(answers))
        return (
            f"Errors over {seen[-1]:,} digits: {ends}. Of the last answers of entropy descent "
            f"{answers[often]:.0%} are {often}."
        )


class ErrorsByCase(Plot):
    """The errors of three ways in several cases: the median over seeds, with the range as a line.

    Parameters
    ----------
    cases : sequence of str
        From top to bottom.
    """

    def __init__(self, cases):
        self.cases = tuple(cases)
        self.size = (7.6, 0.9 + 0.36 * len(self.cases))
        super().__init__()

    def draw(self, errors):
        """By case and way, the errors over seeds."""
        ticks = (0.02, 0.05, 0.1, 0.2, 0.5, 1)
        axes = self.figure.add_subplot(xscale="log", xlim=(ticks[0], ticks[-1]), xlabel="error")
        axes.set_xticks(ticks, [f"{tick:.0%}" for tick in ticks])
        axes.minorticks_off()
        axes.set(ylim=(len(self.cases) - 0.4, -0.6))
        axes.set_yticks(range(len(self.cases)), self.cases)
        readings = []
        for place, case in enumerate(self.cases):
            medians = []
            for lift, (way, color) in zip((-0.22, 0, 0.22), WAYS.items()):
                each = np.asarray(errors[case][way])
                axes.plot([each.min(), each.max()], [place + lift] * 2, color=color, lw=2)
                label = NAMES[way] if place == 0 else None
                median = float(np.median(each))
                axes.plot(median, place + lift, "o", color=color, ms=5, label=label)
                medians.append(f"{median:.1%}")
            readings.append(f"{case} {', '.join(medians)}")
        axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1), ncols=3)
        return f"Errors of source, batch statistics, entropy descent: {'; '.join(readings)}."


class Repairs(Plot):
    """For each corruption, the error as it is and with batch statistics, by what is repairable."""

    size = (7.6, 3.9)

    def draw(self, found):
        """By corruption: the share that is repairable, the source's error, the batch's error."""
        ticks = (0.02, 0.05, 0.1, 0.2, 0.5, 1)
        axes = self.figure.add_subplot(yscale="log", ylim=(ticks[0], ticks[-1]))
        axes.set_xlim(0.2 if all(share > 0.25 for share, *_ in found.values()) else 0, 1.03)
        axes.set(xlabel="share that a scale and a shift of each unit restore", ylabel="error")
        axes.set_yticks(ticks, [f"{tick:.0%}" for tick in ticks])
        axes.minorticks_off()
        readings = []
        for name, (share, source, batch) in found.items():
            axes.plot([share] * 2, [source, batch], color=colors.GRAY, lw=1)
            axes.plot(share, source, "o", color=WAYS["source"], ms=6)
            axes.plot(share, batch, "o", color=WAYS["batch"], ms=6)
            at = share, max(source, batch)
            axes.annotate(
                name, at, (-7, 0), textcoords="offset points", ha="right", va="center", fontsize=8
            )
            readings.append(f"{name}: {share:.0%} restorable, {source:.1%} to {batch:.1%}")
        axes.plot([], [], "o", color=WAYS["source"], label=NAMES["source"])
        axes.plot([], [], "o", color=WAYS["batch"], label=NAMES["batch"])
        axes.legend(loc="lower left")
        return f"Error from source to batch statistics: {'; '.join(readings)}."
