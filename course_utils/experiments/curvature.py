"""How sharply the loss is curved: Hessian-vector products and the largest eigenvalue.

Everything works on a copy of the network, so that its gradients and running estimates stay as they
are. The network must be in float64 and smooth (tanh): differences of gradients see neither the
kinks of ReLU nor the last digits of float32 as they are.
"""

import copy

import numpy as np

from course_utils.checks import check_count, check_generator
from course_utils.experiments.training import training_steps
from course_utils.nn import SGD, mlp, softmax_cross_entropy


def pooled(images):
    """Means over 2 × 2 pixels, shifted and scaled to mean 0 and deviation 1, in float64."""
    small = images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196).astype(np.float64)
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


def gradient_at(network, vector, x, labels, loss=softmax_cross_entropy):
    """The gradient of the loss on one batch at the parameters `vector`, where it leaves them."""
    move_to(network, vector)
    _, grad = loss(network.forward(x), labels)
    network.backward(grad)
    return flatten(network.grads)


def hessian_product(network, direction, x, labels, loss=softmax_cross_entropy, h=1e-5):
    """The Hessian of the loss times a direction, by central differences of the gradient.

    H v = (gradient(w + h v) - gradient(w - h v)) / 2h, with v of length one.

    Parameters
    ----------
    network : layer
    direction : ndarray, shape (parameters,)
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
    network = copy.deepcopy(network)
    for name, param in network.params.items():
        if param.dtype != np.float64:
            raise TypeError(f"network must be in float64, got {param.dtype} in {name}")
    here, length = flatten(network.params), np.linalg.norm(direction)
    step = h / length * direction
    ahead = gradient_at(network, here + step, x, labels, loss)
    behind = gradient_at(network, here - step, x, labels, loss)
    return (ahead - behind) * (length / (2 * h))


def largest_eigenvalue(product, size, steps, rng):
    """The largest eigenvalue of a symmetric matrix, given as ``product(v)``, by Lanczos' method.

    Parameters
    ----------
    product : callable
        The matrix times a vector.
    size : int
        The length of the vectors.
    steps : int
        Products to spend; each makes the answer, which comes from below, better.
    rng : numpy.random.Generator
        For the first vector.
    """
    v = rng.standard_normal(size)
    basis, projected = [v / np.linalg.norm(v)], np.zeros((steps, steps))
    for k in range(steps):
        v = product(basis[k])
        V = np.array(basis)
        projected[: k + 1, k] = projected[k, : k + 1] = V @ v
        for _ in range(2):  # once more, since rounding leaves a little
            v = v - V.T @ (V @ v)
        length = np.linalg.norm(v)
        if length < 1e-9 * abs(projected[0, 0]) or k + 1 == steps:
            break
        basis.append(v / length)
    return float(np.linalg.eigvalsh(projected[: k + 1, : k + 1])[-1])


def sharpness(network, x, labels, loss=softmax_cross_entropy, *, steps=15, rng=None):
    """The largest eigenvalue of the loss's Hessian on one batch, in the network's present mode.

    Gradient descent on a quadratic of this curvature is stable up to the learning rate
    2 / sharpness (Cohen et al., "Gradient Descent on Neural Networks Typically Occurs at the Edge
    of Stability" (2021), section 2).

    Parameters
    ----------
    network : layer
        In float64.
    x, labels, loss
        As in `hessian_product`.
    steps : int
        Hessian-vector products, each two gradients.
    rng : numpy.random.Generator, optional

    Returns
    -------
    float
    """
    check_count("steps", steps)
    size = sum(param.size for param in network.params.values())

    def product(direction):
        return hessian_product(network, direction, x, labels, loss)

    return largest_eigenvalue(product, size, min(steps, size), check_generator("rng", rng))
