"""Networks: layers in a row."""

from collections.abc import Mapping
from functools import partial
from itertools import pairwise

import numpy as np

from course_utils.checks import (
    check_choice,
    check_count,
    check_generator,
    check_layer,
    check_list,
    check_number,
)
from course_utils.nn.dropout import Dropout
from course_utils.nn.layers import Layer, Linear, ReLU, Tanh
from course_utils.nn.normalization import BatchNorm, LayerNorm


class LayerView(Mapping):
    """The ``params`` or ``grads`` of several layers as one mapping, looked up when asked.

    Key "2.W" is the array "W" of layer 2: the array itself, never a copy.
    """

    def __init__(self, layers, attribute):
        self._layers, self._attribute = layers, attribute

    def _locate(self, key):
        index, _, name = key.partition(".")
        return getattr(self._layers[int(index)], self._attribute), name

    def __getitem__(self, key):
        try:
            arrays, name = self._locate(key)
            return arrays[name]
        except (ValueError, IndexError, KeyError, AttributeError):
            raise KeyError(key) from None

    def __setitem__(self, key, array):
        self[key]  # a new name is a KeyError: layers own their names
        arrays, name = self._locate(key)
        arrays[name] = array

    def __iter__(self):
        for index, layer in enumerate(self._layers):
            for name in getattr(layer, self._attribute):
                yield f"{index}.{name}"

    def items(self):
        """Every key with its array, in one walk: optimizers ask for all of them at every step."""
        return [
            (f"{index}.{name}", array)
            for index, layer in enumerate(self._layers)
            for name, array in getattr(layer, self._attribute).items()
        ]

    def __len__(self):
        return sum(1 for _ in self)

    def __repr__(self):
        shapes = ", ".join(f"{key}: {array.shape}" for key, array in self.items())
        return f"{{{shapes}}}"


def check_layers(layers):
    """Return the layers as a list (ValueError for none, TypeError for what is no layer)."""
    layers = check_list("layers", layers)
    if not layers:
        raise ValueError("layers must hold at least one layer, got none")
    for layer in layers:
        check_layer("each of layers", layer)
    return layers


class Sequential(Layer):
    """Layers applied one after the other; itself a layer.

    Parameters
    ----------
    layers : iterable of layers
        At least one; anything with ``forward``, ``backward``, ``params`` and ``grads``.

    Attributes
    ----------
    layers : list
    params, grads : mapping
        Live views of the layers' arrays under keys such as "0.W".

    Raises
    ------
    TypeError, ValueError
        For something that is no layer, or no layers at all.
    """

    def __init__(self, layers):
        self.layers = check_layers(layers)
        self.training = True

    @property
    def params(self):
        """Parameters of all layers, by "index.name"."""
        return LayerView(self.layers, "params")

    @property
    def grads(self):
        """Gradients of all layers, by "index.name"."""
        return LayerView(self.layers, "grads")

    def forward(self, x):
        """Send x, shape (m, n), through all layers."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad_y, input_grad=True):
        """Send grad_y back through all layers and return the gradient of the input.

        With ``input_grad=False`` a first Linear layer may leave the gradient of the input out; a
        backward of one's own need not know of it.
        """
        first, *rest = self.layers
        for layer in reversed(rest):
            grad_y = layer.backward(grad_y)
        if input_grad or type(first).backward not in (Linear.backward, Sequential.backward):
            return first.backward(grad_y)
        return first.backward(grad_y, input_grad=False)

    def train(self):
        """Switch every layer to training mode and return self."""
        for layer in self.layers:
            layer.train()
        return super().train()

    def eval(self):
        """Switch every layer to evaluation mode and return self."""
        for layer in self.layers:
            layer.eval()
        return super().eval()

    def __iter__(self):
        return iter(self.layers)

    def __len__(self):
        return len(self.layers)

    def __repr__(self):
        return f"Sequential({', '.join(map(repr, self.layers))})"


class Residual(Sequential):
    """A skip connection, y = x + f(x), around a layer or several in a row; itself a layer.

    Its backward is grad_x = grad_y + f.backward(grad_y): the gradient skips f too (He et al., "Deep
    residual learning for image recognition" (2016), section 3.1).

    Parameters
    ----------
    layers : layer, or iterable of layers
        f, whose output has the shape of its input.

    Attributes
    ----------
    layers, params, grads
        As in `Sequential`.

    Raises
    ------
    TypeError, ValueError
        For something that is no layer, or no layers at all; from forward, where f changes the
        shape.
    """

    def __init__(self, layers):
        super().__init__([layers] if hasattr(layers, "forward") else layers)

    def forward(self, x):
        """Return x + f(x), shape (m, n)."""
        f = super().forward(x)
        if f.shape != x.shape:
            raise ValueError(
                f"the layers of Residual must keep the shape of x, {x.shape}, got {f.shape}"
            )
        return x + f

    def backward(self, grad_y, input_grad=True):
        """Return grad_y + f.backward(grad_y), shape (m, n)."""
        return grad_y + super().backward(grad_y)

    def __repr__(self):
        return f"Residual([{', '.join(map(repr, self.layers))}])"


NORMS = {"layer": LayerNorm, "batch": BatchNorm}
ACTIVATIONS = {"relu": ReLU, "tanh": Tanh}


def maker(name, value, known):
    """What makes a layer: `value` itself if it can be called, else the layer known by that name."""
    if callable(value):
        return value
    check_choice(name, value, known)
    return known[value]


def mlp(
    widths,
    *,
    norm=None,
    norm_position="before",
    affine=True,
    p=0.0,
    dropout=Dropout,
    c=2.0,
    last_c=None,
    activation="relu",
    residual=False,
    rng=None,
    dtype=np.float32,
):
    """A multilayer perceptron: hidden layers of Linear, (norm), activation, (norm), (dropout).

    With skip connections the layers and their order are the same, and what stands from one hidden
    Linear to the end of the next is skipped where both have the same width: z + W relu(z), the
    block of He et al., "Identity mappings in deep residual networks" (2016), figure 1b.

    Parameters
    ----------
    widths : sequence of int
        Input, hidden and output widths, for example [784, 100, 100, 10].
    norm : {None, "layer", "batch"}, or callable
        Normalization in every hidden layer; ``norm(n)`` makes a layer of one's own.
    norm_position : {"before", "after"}
        Before or after the activation.
    affine : bool
        Whether "layer" or "batch" learns gamma and beta.
    p : float
        Dropout at the end of every hidden layer; none for p = 0.
    dropout : callable
        ``dropout(p, rng=rng)`` makes the dropout layer.
    c : float
        Initial weights are N(0, c / n_in).
    last_c : float, optional
        c of the output layer (None: the same c).
    activation : {"relu", "tanh"}, or callable
        ``activation()`` makes a layer of one's own.
    residual : bool, or callable
        Whether to skip; ``residual(layers)`` makes a layer of one's own.
    rng : numpy.random.Generator, optional
        Where weights and masks come from.
    dtype : data type
        Of the parameters.

    Returns
    -------
    Sequential
        Ends in a Linear layer.

    Raises
    ------
    TypeError, ValueError
        For anything outside these values, and for skips where no two hidden layers that follow each
        other have the same width.
    """
    widths = check_list("widths", widths)
    if len(widths) < 2:
        raise ValueError(f"widths must hold an input and an output width, got {widths}")
    for width in widths:
        check_count("widths", width)
    check_choice("norm_position", norm_position, ("before", "after"))
    make_activation = maker("activation", activation, ACTIVATIONS)
    by_name = {name: partial(layer, affine=affine, dtype=dtype) for name, layer in NORMS.items()}
    make_norm = maker("norm", norm, {None: None, **by_name})
    check_number("p", p, 0, 1)
    check_number("c", c)
    last_c = c if last_c is None else last_c
    check_number("last_c", last_c)
    if not callable(residual):
        check_choice("residual", residual, (False, True))
        residual = Residual if residual else None
    rng = check_generator("rng", rng)

    def behind(n):
        """What follows a hidden Linear layer of n outputs, a list of layers."""
        block = [make_activation()]
        if make_norm is not None:
            block.insert(0 if norm_position == "before" else 1, make_norm(n))
        return [*block, dropout(p, rng=rng)] if p > 0 else block

    layers, block = [], []
    *inner, n_out = widths
    for n_in, n in pairwise(inner):
        step = [*block, Linear(n_in, n, c=c, rng=rng, dtype=dtype)]
        layers += [residual(step)] if residual and block and n_in == n else step
        block = behind(n)
    if residual and not any(n_in == n for n_in, n in pairwise(inner[1:])):
        raise ValueError(f"widths must repeat a hidden width to skip a layer, got {widths}")
    return Sequential([*layers, *block, Linear(inner[-1], n_out, c=last_c, rng=rng, dtype=dtype)])
