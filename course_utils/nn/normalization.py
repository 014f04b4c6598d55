"""Layer normalization and batch normalization: one formula, two axes.

Layer normalization takes mean and variance over each row of the batch (one example's features),
batch normalization over each column (one feature, all examples).
"""

from functools import cache

import numpy as np

from course_utils.checks import (
    check_batch,
    check_count,
    check_dtype,
    check_moments,
    check_number,
    check_shape,
)
from course_utils.nn.layers import Layer


@cache
def ones(n, dtype):
    """A vector of n ones, made once."""
    return np.ones(n, dtype)


def total(x, axis):
    """The sum of x along `axis`, kept as a row or a column.

    As a product with ones it takes half the time of ``x.sum``, or less.
    """
    if axis == 0:
        return ones(len(x), x.dtype)[None] @ x
    return x @ ones(x.shape[1], x.dtype)[:, None]


def average(x, axis):
    """The mean of x along `axis`, kept as a row or a column."""
    return total(x, axis) / x.shape[axis]


def moments(x, axis):
    """Mean and (biased) variance of x along `axis`, kept as a row or a column."""
    mean = average(x, axis)
    return mean, average((x - mean) ** 2, axis)


def normalize(x, mean, var, eps):
    """x_hat = (x - mean) / sqrt(var + eps)."""
    return (x - mean) / np.sqrt(var + eps)


def normalize_backward(grad_x_hat, x_hat, var, eps, axis):
    """Gradient with respect to x, where mean and variance depend on x themselves.

    The mean takes away the gradient's mean along `axis`, the variance its part along x_hat: what
    is left cannot shift or stretch x, since the output would not notice (Ioffe and Szegedy, "Batch
    Normalization" (2015), section 3, in closed form).
    """
    along_ones = average(grad_x_hat, axis)
    along_x_hat = average(grad_x_hat * x_hat, axis)
    return (grad_x_hat - along_ones - x_hat * along_x_hat) / np.sqrt(var + eps)


class Normalization(Layer):
    """What the two normalization layers share: the width, eps, and scale and shift.

    Parameters
    ----------
    n : int
        Features.
    eps : float
        Added to the variance before the root.
    affine : bool
        Whether to learn y = gamma x_hat + beta; without it y = x_hat.
    dtype : data type
        Of gamma and beta.

    Raises
    ------
    TypeError, ValueError
        For n below one or a negative eps.
    """

    def __init__(self, n, eps=1e-5, affine=True, dtype=np.float32):
        check_count("n", n)
        check_number("eps", eps)
        check_dtype("dtype", dtype)
        self.n, self.eps = n, float(eps)  # NumPy's float64 would make float32 results float64
        super().__init__(
            **{"gamma": np.ones(n, dtype), "beta": np.zeros(n, dtype)} if affine else {}
        )

    def scale_and_shift(self, x_hat):
        """y = gamma x_hat + beta, shape (m, n)."""
        if not self.params:
            return x_hat
        y = self.params["gamma"] * x_hat
        y += self.params["beta"]
        return y

    def scale_and_shift_backward(self, grad_y, x_hat):
        """Fill the gradients of gamma and beta and return that of x_hat, shape (m, n)."""
        if not self.params:
            return grad_y
        self.grads["gamma"] = total(grad_y * x_hat, axis=0)[0]
        self.grads["beta"] = total(grad_y, axis=0)[0]
        return self.params["gamma"] * grad_y

    def __repr__(self):
        return f"{type(self).__name__}({self.n})"


class LayerNorm(Normalization):
    """Normalizes every row: each example by its own mean and variance over the n features.

    Ba, Kiros and Hinton, "Layer Normalization" (2016), section 3. Parameters as in
    `Normalization`; the lecture's form is ``affine=False`` after the nonlinearity. The same in
    training and evaluation.
    """

    def forward(self, x):
        """Normalize the rows of x, shape (m, n).

        Raises
        ------
        NonFiniteError
            A ValueError, for a row whose mean or variance is not finite.
        """
        check_batch("x", x, self.n)
        mean, var = moments(x, axis=1)
        check_moments(var, "row")
        x_hat = normalize(x, mean, var, self.eps)
        self.saved = x_hat, var
        return self.scale_and_shift(x_hat)

    def backward(self, grad_y):
        """Fill ``grads`` and return grad_x, shape (m, n)."""
        x_hat, var = self.recall()
        check_shape("grad_y", grad_y, x_hat.shape)
        grad_x_hat = self.scale_and_shift_backward(grad_y, x_hat)
        return normalize_backward(grad_x_hat, x_hat, var, self.eps, axis=1)


def batch_moments(x):
    """Mean, variance and unbiased variance of the columns of x, each of shape (1, n).

    Raises
    ------
    ValueError
        For a batch of one (it has no variance) or, as a NonFiniteError, one whose mean or variance
        is not finite.
    """
    if len(x) < 2:
        raise ValueError(
            "x must hold at least 2 examples in training mode, got 1: "
            "a single example has no variance (call eval() to predict)"
        )
    mean, var = moments(x, axis=0)
    check_moments(var, "column")
    return mean, var, var * len(x) / (len(x) - 1)


def update_running(running, batch, momentum):
    """Move a running estimate toward the batch's value, both of shape (n,)."""
    return ((1 - momentum) * running + momentum * batch).astype(running.dtype)


class BatchNorm(Normalization):
    """Normalizes every column: each feature by its mean and variance over the batch.

    Ioffe and Szegedy, "Batch Normalization" (2015), algorithms 1 and 2. In training the batch's
    own statistics are used and running estimates of them are kept; in evaluation the running
    estimates take their place, so that a prediction depends on its own example alone.

    Parameters
    ----------
    n, eps, affine, dtype
        As in `Normalization`.
    momentum : float
        Weight of the newest batch, 0 <= momentum <= 1, as in PyTorch:
        running = (1 - momentum) running + momentum batch, with the unbiased variance.

    Attributes
    ----------
    running_mean, running_var : ndarray, shape (n,)
    """

    def __init__(self, n, eps=1e-5, momentum=0.1, affine=True, dtype=np.float32):
        super().__init__(n, eps, affine, dtype)
        check_number("momentum", momentum, 0, 1, open_high=False)
        self.momentum = momentum
        self.running_mean, self.running_var = np.zeros(n, dtype), np.ones(n, dtype)

    def forward(self, x):
        """Normalize the columns of x, shape (m, n); in training m must be at least 2.

        Raises
        ------
        ValueError
            In training, for a batch of one (it has no variance) or, as a NonFiniteError, one whose
            mean or variance is not finite; the running estimates stay as they were.
        """
        check_batch("x", x, self.n)
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var, unbiased = batch_moments(x)
            self.running_mean = update_running(self.running_mean, mean[0], self.momentum)
            self.running_var = update_running(self.running_var, unbiased[0], self.momentum)
        x_hat = normalize(x, mean, var, self.eps)
        self.saved = x_hat, var, self.training
        return self.scale_and_shift(x_hat)

    def backward(self, grad_y):
        """Fill ``grads`` and return grad_x, shape (m, n), for the mode of the last forward."""
        x_hat, var, was_training = self.recall()
        check_shape("grad_y", grad_y, x_hat.shape)
        grad_x_hat = self.scale_and_shift_backward(grad_y, x_hat)
        if was_training:
            return normalize_backward(grad_x_hat, x_hat, var, self.eps, axis=0)
        return grad_x_hat / np.sqrt(var + self.eps)
