"""Hessian-vector products and sharpness."""

import numpy as np
import pytest
from helpers import batch_normed, clusters, rng, same, state

from course_utils.experiments import curvature
from course_utils.nn import Linear, Sequential, squared_error

pytestmark = pytest.mark.filterwarnings("error")


def test_hessian_product_and_sharpness_of_a_quadratic():
    """One linear layer with the squared error: the Hessian is known."""
    x = rng(0).standard_normal((20, 3)) * [3.0, 1.0, 0.3]
    network = Sequential([Linear(3, 1, dtype=np.float64)])
    target = np.zeros((20, 1))
    ones = np.hstack([x, np.ones((20, 1))])
    loss, _ = squared_error(np.ones((20, 1)), target)
    hessian = 2 * loss / 20 * ones.T @ ones
    v = np.arange(1.0, 5.0)
    found = curvature.hessian_product(network, v, x, target, squared_error)
    assert np.allclose(found, hessian @ v, rtol=1e-6)
    found = curvature.sharpness(network, x, target, squared_error, rng=rng(1))
    assert found == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-6)


def test_sharpness_and_descent_leave_the_network_alone():
    network, digits = batch_normed(activation="tanh", dtype=np.float64), clusters()
    before = state(network)
    assert curvature.sharpness(network, *digits, rng=rng(0)) > 0
    losses = curvature.descend(network, *digits, lr=0.1, steps=5)
    assert len(losses) == 6 and losses[-1] < losses[0]
    assert same(before, state(network))


def test_curvature_asks_for_float64():
    with pytest.raises(TypeError, match="network must be in float64, got float32 in 0.W"):
        curvature.sharpness(batch_normed(), *clusters())


def test_largest_eigenvalue_needs_few_products():
    random = rng(0)
    Q = np.linalg.qr(random.standard_normal((40, 40)))[0]
    A = Q @ np.diag(np.linspace(-9, 4, 40)) @ Q.T
    found = curvature.largest_eigenvalue(lambda v: A @ v, 40, 40, random)
    assert found == pytest.approx(4, rel=1e-6)  # the largest, not the largest in size
