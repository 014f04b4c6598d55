"""Layers without normalization: Linear, ReLU, Tanh, and the bookkeeping that all layers share.

Pure functions hold the mathematics; each backward stands under its forward. The classes hold what
must be remembered: parameters, gradients, the mode, and what the last forward saw.

Notation: m examples a batch, n features; ``grad_y`` is the gradient of the loss with respect to y.
"""

import numpy as np

from course_utils.checks import (
    check_batch,
    check_count,
    check_dtype,
    check_generator,
    check_number,
    check_shape,
)


class Layer:
    """What every layer is made of.

    A subclass writes two methods, ``forward(x) -> y`` and ``backward(grad_y) -> grad_x``, and hands
    its parameters to ``super().__init__``. Neither method changes its argument; ``backward``
    belongs to the last ``forward`` and overwrites ``grads``. What forward was given and what it
    returned must not be changed in place before backward, which reads them.

    Parameters
    ----------
    **params : ndarray
        The parameters by name.

    Attributes
    ----------
    params, grads : dict of str to ndarray
        Parameters and their gradients under the same names (gradients are zero before the first
        backward). Optimizers update ``params`` in place.
    training : bool
        True in training mode; dropout and batch normalization behave differently in evaluation.
    """

    def __init__(self, **params):
        self.params = params
        self.grads = {name: np.zeros_like(param) for name, param in params.items()}
        self.training = True
        self.saved = None

    def recall(self):
        """Return what forward saved for backward (RuntimeError before the first forward)."""
        if self.saved is None:
            raise RuntimeError(f"{type(self).__name__}.backward was called before forward")
        return self.saved

    def train(self):
        """Switch to training mode and return self."""
        self.training = True
        return self

    def eval(self):
        """Switch to evaluation mode and return self."""
        self.training = False
        return self

    def __repr__(self):
        return f"{type(self).__name__}()"


def linear_forward(x, W, b):
    """y = x W + b.

    Parameters
    ----------
    x : ndarray, shape (m, n_in)
    W : ndarray, shape (n_in, n_out)
    b : ndarray, shape (n_out,)

    Returns
    -------
    ndarray, shape (m, n_out)
    """
    y = x @ W
    y += b  # in place: one array less to fill
    return y


def linear_backward(grad_y, x, W, input_grad=True):
    """The three gradients of `linear_forward`: with respect to x, W and b.

    Parameters
    ----------
    grad_y : ndarray, shape (m, n_out)
    x : ndarray, shape (m, n_in)
    W : ndarray, shape (n_in, n_out)
    input_grad : bool
        Whether grad_x is wanted; None takes its place if not.

    Returns
    -------
    grad_x : ndarray, shape (m, n_in)
    grad_W : ndarray, shape (n_in, n_out)
    grad_b : ndarray, shape (n_out,)
    """
    grad_x = grad_y @ W.T if input_grad else None
    grad_W = x.T @ grad_y
    grad_b = grad_y.sum(axis=0)
    return grad_x, grad_W, grad_b


class Linear(Layer):
    """A fully connected layer, y = x W + b.

    Parameters
    ----------
    n_in, n_out : int
        Features in and out.
    c : float
        Scale of the initial weights, W ~ N(0, c / n_in); c = 2 is the initialization of He et al.,
        "Delving Deep into Rectifiers" (2015), section 2.2. Biases start at zero.
    rng : numpy.random.Generator, optional
        Where the weights come from; None draws fresh ones every time.
    dtype : data type
        Of the parameters.

    Raises
    ------
    TypeError, ValueError
        For sizes below one, a negative c, or an rng of another kind.
    """

    def __init__(self, n_in, n_out, *, c=2.0, rng=None, dtype=np.float32):
        check_count("n_in", n_in)
        check_count("n_out", n_out)
        check_number("c", c)
        check_dtype("dtype", dtype)
        self.n_in, self.n_out = n_in, n_out
        G = check_generator("rng", rng).standard_normal((n_in, n_out))
        W = np.sqrt(c / n_in) * G
        super().__init__(W=W.astype(dtype), b=np.zeros(n_out, dtype))

    def forward(self, x):
        """Map x, shape (m, n_in), to x W + b, shape (m, n_out)."""
        check_batch("x", x, self.n_in)
        self.saved = x
        return linear_forward(x, self.params["W"], self.params["b"])

    def backward(self, grad_y, input_grad=True):
        """Fill ``grads`` and return grad_x, shape (m, n_in).

        With ``input_grad=False`` grad_x is left out (None is returned): nobody needs the gradient
        of the first layer's input, and it costs a third of that layer's work.
        """
        x, W = self.recall(), self.params["W"]
        check_shape("grad_y", grad_y, (len(x), self.n_out))
        grad_x, grad_W, grad_b = linear_backward(grad_y, x, W, input_grad)
        self.grads["W"], self.grads["b"] = grad_W, grad_b
        return grad_x

    def __repr__(self):
        return f"Linear({self.n_in}, {self.n_out})"


def relu(x):
    """y = max(x, 0), entry by entry."""
    return np.maximum(x, 0)


def relu_backward(grad_y, y):
    """The gradient passes where y > 0, which is where x > 0; at the kink x = 0 it counts as zero."""
    return grad_y * (y > 0)


class ReLU(Layer):
    """The rectifier max(x, 0); any shape (m, n)."""

    def forward(self, x):
        """Set the negative entries of x, shape (m, n), to zero."""
        check_batch("x", x)
        y = relu(x)
        self.saved = y
        return y

    def backward(self, grad_y):
        """Pass grad_y, shape (m, n), where the input was positive."""
        y = self.recall()
        check_shape("grad_y", grad_y, y.shape)
        return relu_backward(grad_y, y)


def tanh_backward(grad_y, y):
    """The derivative of tanh, written with its own output: 1 - y^2."""
    return grad_y * (1 - y**2)


class Tanh(Layer):
    """The hyperbolic tangent; any shape (m, n)."""

    def forward(self, x):
        """Squash x, shape (m, n), into (-1, 1)."""
        check_batch("x", x)
        y = np.tanh(x)
        self.saved = y
        return y

    def backward(self, grad_y):
        """Scale grad_y, shape (m, n), by 1 - tanh(x)^2."""
        y = self.recall()
        check_shape("grad_y", grad_y, y.shape)
        return tanh_backward(grad_y, y)
