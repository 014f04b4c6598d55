"""How sharply the loss is curved: Hessian-vector products and the largest eigenvalues.

Everything works on copies of the network, so that its gradients and running estimates stay as they
are, and dropout drops the same units each time. The network must be in float64 and smooth (tanh):
differences of gradients see neither the kinks of ReLU nor the last digits of float32 as they are.
"""

import copy

import numpy as np
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

from course_utils.checks import check_count, check_generator
from course_utils.nn import NonFiniteError, softmax_cross_entropy


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


def sharpest(
    network,
    x,
    labels,
    loss=softmax_cross_entropy,
    *,
    k=1,
    tolerance=1e-4,
    first=None,
    rng=None,
):
    """The directions in which the loss on one batch curves most, in the network's present mode.

    Lanczos' method (SciPy's ``eigsh``), which asks for nothing but Hessian-vector products.

    Parameters
    ----------
    network : layer
        In float64.
    x, labels, loss
        As in `hessian_product`.
    k : int
        How many directions: fewer than there are parameters.
    tolerance : float
        Of the eigenvalues, relative.
    first : ndarray, shape (parameters,), optional
        Where to start: a random vector if not given. What was found a few steps of training
        before, ``vectors[0]``, saves products.
    rng : numpy.random.Generator, optional
        For the random vector.

    Returns
    -------
    values : ndarray, shape (k,)
        The largest eigenvalues of the Hessian, the largest first; NaN where none are found, since
        the products are not finite, or zero.
    vectors : ndarray, shape (k, parameters)
        Their eigenvectors, of length one.

    Raises
    ------
    TypeError, ValueError
        For a network that is not in float64, or a count that is none.
    """
    size = sum(param.size for param in network.params.values())
    check_count("k", k, maximum=size - 1)
    rng = check_generator("rng", rng)
    if first is None:
        first = rng.standard_normal(size)

    def product(direction):
        with np.errstate(over="ignore", invalid="ignore"):
            found = hessian_product(network, direction, x, labels, loss)
        if not np.isfinite(found).all():
            raise NonFiniteError("a Hessian-vector product is not finite")
        return found

    hessian = LinearOperator((size, size), matvec=product, dtype=np.float64)
    basis = min(size, max(10, 2 * k + 1))  # vectors kept: more cost more products than they save
    try:
        values, vectors = eigsh(hessian, k, which="LA", v0=first, ncv=basis, tol=tolerance)
    except (NonFiniteError, ArpackError):
        return np.full(k, np.nan), np.full((k, size), np.nan)
    return values[::-1], vectors.T[::-1]


def sharpness(network, x, labels, loss=softmax_cross_entropy, *, tolerance=1e-4, rng=None):
    """The largest eigenvalue of the loss's Hessian on one batch, in the network's present mode.

    Gradient descent on a quadratic of this curvature is stable up to the learning rate
    2 / sharpness (Cohen et al., "Gradient Descent on Neural Networks Typically Occurs at the Edge
    of Stability" (2021), section 2). Parameters as in `sharpest`.
    """
    values, _ = sharpest(network, x, labels, loss, tolerance=tolerance, rng=rng)
    return float(values[0])
