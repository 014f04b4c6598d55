"""How sharply the loss is curved: Hessian-vector products and the largest eigenvalues.

Everything works on copies of the network, so that its gradients and running estimates stay as they
are, and dropout drops the same units each time. The network must be in float64 and smooth (tanh):
differences of gradients see neither the kinks of ReLU nor the last digits of float32 as they are.
"""

import copy

import numpy as np

from course_utils.checks import check_count, check_generator
from course_utils.data import shrunk
from course_utils.experiments.training import training_steps
from course_utils.nn import SGD, NonFiniteError, mlp, softmax_cross_entropy


def pooled(images):
    """Means over 2 × 2 pixels, shifted and scaled to mean 0 and deviation 1, in float64."""
    small = shrunk(images).astype(np.float64)
    return (small - small.mean()) / small.std()


def tanh_network(norm, seed):
    """196-50-50-10 with tanh in float64: small and smooth, for measuring curvature."""
    rng = np.random.default_rng([seed, 0])
    options = {"c": 1.0, "activation": "tanh", "dtype": np.float64}
    return mlp([196, 50, 50, 10], norm=norm, rng=rng, **options)


def descend(network, x, labels, lr, steps=30):
    """Full-batch gradient descent on a copy: the losses at the start and after each step."""
    network = copy.deepcopy(network)
    losses = list(training_steps(network, SGD(network, lr), steps * [(x, labels)]))
    if np.isfinite(losses[-1]):
        losses.append(softmax_cross_entropy(network.forward(x), labels)[0])
    return np.array(losses)


def flatten(arrays):
    """The entries of all arrays of a dict, one after the other, as a vector."""
    return np.concatenate([array.ravel() for array in arrays.values()])


def move_to(network, vector):
    """Write a vector of `flatten`'s order into the network's parameters."""
    start = 0
    for param in network.params.values():
        param[:] = vector[start : start + param.size].reshape(param.shape)
        start += param.size


def loss_and_gradient(network, vector, x, labels, loss=softmax_cross_entropy):
    """The loss on one batch, and its gradient, at the parameters `vector`; on a copy.

    Both are NaN where the network has diverged so far that one of its layers refuses.
    """
    network = copy.deepcopy(network)
    move_to(network, vector)
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            value, grad = loss(network.forward(x), labels)
        except NonFiniteError:
            return np.nan, np.full(vector.shape, np.nan)
        network.backward(grad)
    return value, flatten(network.grads)


def hessian_product(network, direction, x, labels, loss=softmax_cross_entropy, h=1e-5):
    """The Hessian of the loss times a direction, by central differences of the gradient.

    H v = (gradient(w + h v) - gradient(w - h v)) / 2h, with v of length one.

    Parameters
    ----------
    network : layer
    direction : ndarray, shape (parameters,)
        Not zero.
    x : ndarray, shape (m, n)
    labels : ndarray
    loss : callable
        ``loss(output, labels) -> (value, gradient)``.
    h : float

    Returns
    -------
    ndarray, shape (parameters,)

    Raises
    ------
    TypeError
        If a parameter is not in float64.
    """
    for name, param in network.params.items():
        if param.dtype != np.float64:
            raise TypeError(f"network must be in float64, got {param.dtype} in {name}")
    here, length = flatten(network.params), np.linalg.norm(direction)
    step = h / length * direction
    _, ahead = loss_and_gradient(network, here + step, x, labels, loss)
    _, behind = loss_and_gradient(network, here - step, x, labels, loss)
    return (ahead - behind) * (length / (2 * h))


def lanczos(product, first, steps, k=1):
    """The k largest eigenvalues of a symmetric matrix, given as ``product(v)``, by Lanczos' method.

    Parameters
    ----------
    product : callable
        The matrix times a vector.
    first : ndarray, shape (size,)
        Where to start: not zero. The nearer to the eigenvectors wanted, the fewer steps it takes;
        what is orthogonal to it is not found, nor is an eigenvalue found twice.
    steps : int
        Products to spend; each makes the answers, which come from below, better.
    k : int
        At most `steps`.

    Returns
    -------
    values : ndarray, shape (k,)
        The largest first; NaN where a product is not finite. Fewer where no more are found.
    vectors : ndarray, shape (k, size)
        Their eigenvectors, of length one.
    """
    basis, projected = [first / np.linalg.norm(first)], np.zeros((steps, steps))
    for j in range(steps):
        V, v = np.array(basis), product(basis[j])
        with np.errstate(over="ignore", invalid="ignore"):
            whole = np.linalg.norm(v)
        if not np.isfinite(whole):
            return np.full(k, np.nan), np.full((k, v.size), np.nan)
        projected[: j + 1, j] = projected[j, : j + 1] = V @ v
        for _ in range(2):  # once more, since rounding leaves a little
            v = v - V.T @ (V @ v)
        length = np.linalg.norm(v)
        if length <= 1e-9 * whole or j + 1 == steps:
            break
        basis.append(v / length)
    values, coordinates = np.linalg.eigh(projected[: j + 1, : j + 1])
    return values[::-1][:k], (V.T @ coordinates).T[::-1][:k]


def sharpest(
    network, x, labels, loss=softmax_cross_entropy, *, k=1, steps=15, first=None, rng=None
):
    """The directions in which the loss on one batch curves most, in the network's present mode.

    Parameters
    ----------
    network : layer
        In float64.
    x, labels, loss
        As in `hessian_product`.
    k : int
        How many directions.
    steps : int
        Hessian-vector products, each two gradients; no more than there are parameters.
    first : ndarray, shape (parameters,), optional
        Where to start: a random vector if not given. To follow a network in training with few
        steps, what was found before, ``vectors[0]``.
    rng : numpy.random.Generator, optional
        For the random vector.

    Returns
    -------
    values : ndarray, shape (k,)
        The largest eigenvalues of the Hessian, the largest first.
    vectors : ndarray, shape (k, parameters)
        Their eigenvectors; see `lanczos`.

    Raises
    ------
    TypeError, ValueError
        For a network that is not in float64, or counts that are none.
    """
    check_count("steps", steps)
    size = sum(param.size for param in network.params.values())
    steps = min(steps, size)
    check_count("k", k, maximum=steps)
    rng = check_generator("rng", rng)
    if first is None:
        first = rng.standard_normal(size)

    def product(direction):
        return hessian_product(network, direction, x, labels, loss)

    return lanczos(product, first, steps, k)


def sharpness(network, x, labels, loss=softmax_cross_entropy, *, steps=15, rng=None):
    """The largest eigenvalue of the loss's Hessian on one batch, in the network's present mode.

    Gradient descent on a quadratic of this curvature is stable up to the learning rate
    2 / sharpness (Cohen et al., "Gradient Descent on Neural Networks Typically Occurs at the Edge
    of Stability" (2021), section 2). Parameters as in `sharpest`.
    """
    values, _ = sharpest(network, x, labels, loss, steps=steps, rng=rng)
    return float(values[0])
