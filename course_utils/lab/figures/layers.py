"""Pictures of what goes on layer by layer."""

import numpy as np

from course_utils.lab import colors
from course_utils.lab.canvas import Picture
from course_utils.lab.figures.parts import Curve, count_by_ones, mark_level, norm_axes, trend, words


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
        count_by_ones(axes)
        self.measured = Curve(self, axes, color=colors.MEASURED, marker="o", label="measured")
        self.theory = Curve(self, axes, color=colors.THEORY, linestyle="--", label="theory")
        axes.legend(loc="upper left", ncols=2)

    def show(self, values):
        """`values` is (norms, theory), each of shape (depth + 1,)."""
        norms, theory = values
        layers = np.arange(len(norms))
        self.measured.set(layers, norms)
        self.theory.set(layers, theory)
        ratio = norms[-1] / norms[1]
        return (
            f"From layer 1 to layer {len(norms) - 1} the length goes from {words(norms[1])} to "
            f"{words(norms[-1])}, a factor of {words(ratio)}: {trend(ratio)}."
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
            "dead": (grid[1, 0:2], "dead units (share)", {**by_layer, "ylim": (-0.04, 1)}),
        }
        self.curves = {}
        for name, (place, title, options) in panels.items():
            axes = self.figure.add_subplot(place, title=title, **options)
            count_by_ones(axes)
            self.curves[name] = Curve(self, axes, color=colors.MEASURED, marker="o", markersize=3)
        axes = self.figure.add_subplot(
            grid[1, 2:6], title="training loss", xlabel="step", xlim=(0, self.steps), ylim=(0, 5)
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
        if not np.isfinite(signs.loss):
            return f"The loss is not a number after {len(losses) - 1} steps: training has blown up."
        reading = f"After {len(losses)} steps the loss is {signs.loss:.2f}."
        hidden = signs.activation[:-1]
        if len(hidden) == 0:
            return reading
        first, last = hidden[0], hidden[-1]
        return (
            f"{reading} From the first hidden layer to the last the activations go from "
            f"{words(first)} to {words(last)}: {trend(last / first) if last else 'no signal'}."
        )


class ScalesByLayer(Picture):
    """Activations and gradients layer by layer before training, and one layer's numbers.

    Parameters
    ----------
    depth : int
        Largest depth on the axes.
    """

    size = (8.4, 3.5)

    def __init__(self, depth=60):
        self.depth = depth
        super().__init__()

    def build(self):
        forward, backward, layer = self.figure.subplots(1, 3)
        norm_axes(forward, backward, self.depth, ((1e-12, 1e12), (1e-16, 1e8)))
        self.curves = {}
        for name, axes in (("forward", forward), ("backward", backward)):
            line = Curve(self, axes, color=colors.MEASURED, marker="o", markersize=3)
            theory = Curve(self, axes, color=colors.THEORY, linestyle="--", linewidth=1.4)
            self.curves[name] = line, theory
        line.line.set_label("measured")
        theory.line.set_label("theory")
        backward.legend(loc="lower left")
        layer.set(xlim=(-4, 4), ylim=(0, 1.2), xlabel="value / theory's deviation")
        self.title = self.moves(layer.text(0, 1.03, "", weight="bold", fontsize=9.5,
                                           transform=layer.transAxes))  # fmt: skip
        self.edges = np.linspace(-4, 4, 41)
        self.bars = self.moves(
            layer.stairs(np.zeros(40), self.edges, fill=True, color=colors.MEASURED, alpha=0.5)
        )
        normal = np.exp(-(self.edges**2) / 2) / np.sqrt(2 * np.pi)
        self.moves(layer.plot(self.edges, normal, color=colors.THEORY, linestyle="--", lw=1.4)[0])

    def show(self, values):
        """`values` is a `Scales` measurement."""
        layers = np.arange(len(values.forward))
        for name, (line, theory) in self.curves.items():
            line.set(layers, getattr(values, name))
            theory.set(layers, getattr(values, f"{name}_theory"))
        density, _ = np.histogram(values.standardized, self.edges, density=True)
        self.bars.set_data(np.minimum(density, 1.2))
        self.title.set_text(f"layer {values.layer} before activation")
        forward = values.forward[-1] / values.forward[1]
        backward = values.backward[0] / values.backward[-1]
        return (
            f"From layer 1 to layer {layers[-1]} the activations change by a factor of "
            f"{words(forward)}: {trend(forward)}. On the way back to the input the gradient "
            f"changes by a factor of {words(backward)}: {trend(backward)}."
        )


class ScalesInTraining(Picture):
    """Activations, gradients and weight variances by layer, for three initial scales.

    Parameters
    ----------
    layers : int
        Weight matrices of the networks.
    scales : sequence of float
        The three values of c, rising.
    """

    size = (8.4, 3.5)

    def __init__(self, layers, scales):
        self.layers, self.scales = layers, scales
        super().__init__()

    def build(self):
        activation, gradient, variance = self.figure.subplots(1, 3)
        by_layer = {"xlim": (0.5, self.layers + 0.5), "xlabel": "layer $i$"}
        activation.set(title="activation norm", ylim=(0, 35), **by_layer)
        gradient.set(title="gradient norm of $W$", yscale="log", ylim=(0.03, 100), **by_layer)
        variance.set(title=r"weights: $n\,$var$(W_i)$", ylim=(1.3, 2.9), **by_layer)
        count_by_ones(activation, gradient, variance)
        self.curves = []
        for axes in (activation, gradient, variance):
            for c, color in zip(self.scales, colors.SCALE.values(), strict=True):
                start = Curve(self, axes, color=color, linewidth=1, linestyle=":")
                now = Curve(self, axes, color=color, marker="o", markersize=3, label=f"c = {c:g}")
                self.curves.append((start, now))
        activation.legend(loc="upper left", ncols=1)

    def show(self, values):
        """`values` is (share of training, starts, nows): by c, (vital signs, n var(W)) each."""
        share, starts, nows = values
        layers = np.arange(1, self.layers + 1)
        rows = [self.pick(measured) for measured in (starts, nows)]
        for (start, now), before, after in zip(self.curves, *rows, strict=True):
            start.set(layers, before)
            now.set(layers, after)
        middle = [nows[c][0].activation[3:7].mean() for c in self.scales]
        named = ", ".join(f"{m:.1f} at c = {c:g}" for m, c in zip(middle, self.scales, strict=True))
        return f"{share:.0%} of the way: in the middle layers the activations are {named} long."

    def pick(self, measured):
        """The nine lines of one moment, in the order of the curves."""
        signs = [measured[c][0] for c in self.scales]
        return (
            [s.activation for s in signs]
            + [s.gradient for s in signs]
            + [measured[c][1] for c in self.scales]
        )
