"""Hessian-vector products, sharpness, the loss along a line and gradient descent at the edge."""

import copy
from itertools import islice

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import hessian
from helpers import batch_normed, clusters, normal, rng, same, state

from course_utils.experiments import curvature
from course_utils.experiments.landscape import along_line, descent, displacement
from course_utils.nn import (
    SGD,
    BatchNorm,
    Dropout,
    Linear,
    Sequential,
    Tanh,
    mlp,
    softmax,
    softmax_cross_entropy,
    squared_error,
)

pytestmark = pytest.mark.filterwarnings("error")

TARGETS = {softmax_cross_entropy: np.arange(12) % 3, squared_error: normal(12, 3, seed=5)}
LOSSES = pytest.mark.parametrize("loss", TARGETS)


def parabola(weight=1.0, curvature=1.0):
    """A network whose squared error on this batch is curvature / 2 times the weight squared."""
    network = Sequential([Linear(1, 1, dtype=np.float64)])
    network.params["0.W"][:] = weight
    x = np.sqrt(curvature) * np.array([[1.0], [-1.0]])  # mean zero, so that the bias stays away
    return network, x, np.zeros((2, 1))


def small(norm=None):
    """A tanh network, somewhere, with the inputs of a batch."""
    network = mlp([4, 5, 4, 3], norm=norm, activation="tanh", rng=rng(1), dtype=np.float64)
    for key, param in network.params.items():
        param += 0.3 * normal(*param.shape, seed=len(key) + param.size)
    return network, 1.5 * normal(12, 4, seed=3)


# Two ways to the exact Hessian.


def hessian_by_autograd(network, x, truth, loss):
    """The loss written once more as a function of all parameters, for autograd."""
    shapes = [param.shape for param in network.params.values()]

    def value(vector):
        parts, start = [], 0
        for shape in shapes:
            stop = start + int(np.prod(shape))
            parts.append(anp.reshape(vector[start:stop], shape))
            start = stop
        z = x
        for layer in network:
            if isinstance(layer, Tanh):
                z = anp.tanh(z)
                continue
            a, b, *parts = parts
            if isinstance(layer, BatchNorm):
                centered = z - anp.mean(z, axis=0)
                z = centered / anp.sqrt(anp.mean(centered**2, axis=0) + 1e-5) * a + b
            else:
                z = anp.dot(z, a) + b
        if loss is squared_error:
            return anp.sum((z - truth) ** 2) / (2 * len(x))
        log_total = anp.log(anp.sum(anp.exp(z), axis=1))
        return anp.mean(log_total - z[np.arange(len(x)), truth])

    return hessian(value)(curvature.flatten(network.params))


def r_product(network, direction, x, truth, loss):
    """The derivative of backpropagation along a direction (Pearlmutter 1994); r_z is that of z."""
    arrays, parts, start = list(network.params.values()), [], 0
    for array in arrays:
        parts.append(direction[start : start + array.size].reshape(array.shape))
        start += array.size
    weights, moves, shifts = arrays[::2], parts[::2], parts[1::2]
    biases, z, r_z, inputs = arrays[1::2], x, np.zeros_like(x), []
    for W, V, b, c in zip(weights, moves, biases, shifts, strict=True):
        inputs.append((z, r_z))
        z, r_z = z @ W + b, r_z @ W + z @ V + c
        if len(inputs) < len(weights):
            z = np.tanh(z)
            r_z = (1 - z**2) * r_z
    delta, r_delta = loss(z, truth)[1], r_z / len(x)
    if loss is softmax_cross_entropy:
        p = softmax(z)
        r_delta = p * (r_z - np.sum(p * r_z, axis=1, keepdims=True)) / len(x)
    products = []
    for W, V, (z, r_z) in reversed(list(zip(weights, moves, inputs, strict=True))):
        r_bias, r_weight = r_delta.sum(axis=0), r_z.T @ delta + z.T @ r_delta
        products += [r_bias, r_weight.ravel()]
        delta, r_delta = delta @ W.T, r_delta @ W.T + delta @ V.T
        r_delta = (1 - z**2) * r_delta - 2 * z * r_z * delta
        delta = (1 - z**2) * delta
    return np.concatenate(products[::-1])


@LOSSES
@pytest.mark.parametrize("norm", [None, "batch"])
def test_hessian_against_autograd(norm, loss):
    network, x = small(norm)
    truth = TARGETS[loss]
    exact = hessian_by_autograd(network, x, truth, loss)
    values, vectors = np.linalg.eigh(exact)
    for seed in range(3):
        v = normal(len(exact), seed=seed)
        found = curvature.hessian_product(network, v, x, truth, loss)
        assert np.linalg.norm(found - exact @ v) < 1e-6 * np.linalg.norm(exact @ v)
    options = {"k": 4, "tolerance": 1e-9, "rng": rng(2)}
    found, along = curvature.sharpest(network, x, truth, loss, **options)
    np.testing.assert_allclose(found, values[::-1][:4], rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(along, axis=1), 1)
    np.testing.assert_allclose(np.abs(along @ vectors[:, ::-1][:, :4]), np.eye(4), atol=1e-5)
    found = curvature.sharpness(network, x, truth, loss, tolerance=1e-9, rng=rng(3))
    assert found == pytest.approx(values[-1], rel=1e-6)


@LOSSES
def test_hessian_product_against_the_r_operator(loss):
    network, x = small()
    v = normal(len(curvature.flatten(network.params)))
    exact = r_product(network, v, x, TARGETS[loss], loss)
    found = curvature.hessian_product(network, v, x, TARGETS[loss], loss)
    assert np.linalg.norm(found - exact) < 1e-8 * np.linalg.norm(exact)


def test_hessian_product_and_sharpness_of_a_quadratic():
    """One linear layer with the squared error: the Hessian is known."""
    x = rng(0).standard_normal((20, 3)) * [3.0, 1.0, 0.3]
    network = Sequential([Linear(3, 1, dtype=np.float64)])
    target = np.zeros((20, 1))
    ones = np.hstack([x, np.ones((20, 1))])
    loss, _ = squared_error(np.ones((20, 1)), target)
    matrix = 2 * loss / 20 * ones.T @ ones
    v = np.arange(1.0, 5.0)
    found = curvature.hessian_product(network, v, x, target, squared_error)
    assert np.allclose(found, matrix @ v, rtol=1e-6)
    found = curvature.sharpness(network, x, target, squared_error, rng=rng(1))
    assert found == pytest.approx(np.linalg.eigvalsh(matrix)[-1], rel=1e-6)


def test_measuring_leaves_the_network_alone():
    network, digits = batch_normed(activation="tanh", dtype=np.float64), clusters()
    network.forward(digits[0])
    before = state(network)
    assert curvature.sharpness(network, *digits, rng=rng(0)) > 0
    along_line(network, *digits, t=[0.1, 1])
    assert same(before, state(network))


def test_the_same_units_are_dropped_at_both_ends_of_a_difference():
    dropping = Sequential([Linear(4, 30, dtype=np.float64), Dropout(0.5, rng=rng(1))])
    x, truth, v = normal(12, 4), np.arange(12) % 30, normal(150)
    once = curvature.hessian_product(dropping, v, x, truth)
    assert np.linalg.norm(once) < np.linalg.norm(v)
    assert along_line(dropping, x, truth, t=[1e-9]).changes[0] < 1e-8


def test_curvature_asks_for_float64_and_for_fewer_directions_than_parameters():
    with pytest.raises(TypeError, match="network must be in float64, got float32 in 0.W"):
        curvature.sharpness(batch_normed(), *clusters())
    with pytest.raises(ValueError, match="k must be at least 1 and at most 1, got 2"):
        curvature.sharpest(*parabola(), squared_error, k=2)


def test_the_largest_and_not_the_largest_in_size():
    def saddle(output, target):
        bend = np.array([1.0, -9.0])
        return np.sum(bend * output**2) / (2 * len(output)), bend * output / len(output)

    network = Sequential([Linear(1, 2, dtype=np.float64)])
    _, x, target = parabola()
    assert curvature.sharpness(network, x, target, saddle) == pytest.approx(1)


@pytest.mark.parametrize("slope", [0.0, 1e300])
def test_sharpness_that_cannot_be_found_is_nan(slope):
    def flat_or_endless(output, target):
        return 0.0, slope * 1e9 * output

    network, x, _ = parabola()
    values, vectors = curvature.sharpest(network, x, None, flat_or_endless)
    assert np.isnan(values).all() and np.isnan(vectors).all()


def test_the_search_starts_where_it_is_told(monkeypatch):
    network, x = small()
    batch = (x, TARGETS[squared_error], squared_error)
    asked, product = [], curvature.hessian_product

    def heard(network, direction, *args):
        asked.append(direction.copy())
        return product(network, direction, *args)

    monkeypatch.setattr(curvature, "hessian_product", heard)
    _, vectors = curvature.sharpest(network, *batch, rng=rng(7))
    asked.clear()
    curvature.sharpest(network, *batch, first=vectors[0])
    assert abs(asked[0] @ vectors[0]) == pytest.approx(np.linalg.norm(asked[0]), rel=1e-3)


# Along a line.


def test_smoothness_of_a_quadratic_is_its_curvature_along_the_direction():
    x = normal(20, 3, seed=1) * [3.0, 1.0, 0.3]
    network = Sequential([Linear(3, 1, rng=rng(0), dtype=np.float64)])
    ones, target, t = np.hstack([x, np.ones((20, 1))]), np.zeros((20, 1)), [0.1, 2.0, -5.0]
    matrix = ones.T @ ones / 20
    w = curvature.flatten(network.params)
    for direction, d in ((None, -matrix @ w), (np.arange(1.0, 5), np.arange(1.0, 5))):
        line = along_line(network, x, target, squared_error, t=t, direction=direction)
        along = np.linalg.norm(matrix @ d) / np.linalg.norm(d)
        np.testing.assert_allclose(line.changes / line.distances, along)
        assert line.smoothness == pytest.approx(along)
        points = [w + step * d for step in t]
        np.testing.assert_allclose(line.losses, [p @ matrix @ p / 2 for p in points])
        np.testing.assert_allclose(line.distances, np.abs(t) * np.linalg.norm(d))
        assert line.loss == pytest.approx(w @ matrix @ w / 2)
        assert line.slope == pytest.approx(np.linalg.norm(matrix @ w))


def test_smoothness_is_the_largest_on_the_way():
    network, x = small()
    line = along_line(network, x, TARGETS[squared_error], squared_error, t=[0.1, 1, 9])
    ratios = line.changes / line.distances
    assert line.smoothness == ratios.max() > 1.1 * ratios.min()


def test_a_line_in_float32_and_one_that_leaves_what_floats_can_hold():
    digits = clusters()
    line = along_line(batch_normed(), *digits, t=[0.1, 0.5])
    again = along_line(batch_normed(dtype=np.float64), *digits, t=[0.1, 0.5])
    np.testing.assert_allclose(line.changes, again.changes, rtol=1e-3)
    far = along_line(batch_normed(dtype=np.float64), *digits, t=[0.1, 1e200])
    assert np.isfinite(far.losses[0]) and np.isnan(far.losses[1]) and np.isnan(far.smoothness)


def test_along_a_step_of_training():
    network, x = small()
    before, after = small()[0], network
    _, grad = squared_error(network.forward(x), TARGETS[squared_error])
    network.backward(grad)
    SGD(network, 0.3).step()
    step = displacement(before, after)
    batch = (x, TARGETS[squared_error], squared_error)
    taken = along_line(before, *batch, t=[0.5, 1], direction=step)
    default = along_line(before, *batch, t=[0.15, 0.3])
    np.testing.assert_allclose(taken.changes, default.changes)
    assert taken.losses[1] == pytest.approx(squared_error(after.forward(x), batch[1])[0])


@pytest.mark.parametrize("t", [0.5, [], [0.1, 0], [np.nan]])
def test_a_line_asks_for_step_lengths(t):
    with pytest.raises(ValueError, match="t must be a list of numbers other than zero, got"):
        along_line(*parabola(), squared_error, t=t)


def test_a_line_asks_for_a_direction_of_the_parameters():
    with pytest.raises(ValueError, match=r"direction must have shape \(2,\), got \(3,\)"):
        along_line(*parabola(), squared_error, t=[1], direction=np.ones(3))


# Gradient descent.


@pytest.mark.parametrize(("edge", "shrinks"), [(0.9, True), (1.1, False)])
def test_a_parabola_on_either_side_of_the_edge(edge, shrinks):
    network, x, target = parabola(curvature=4)
    optimizer = SGD(network, edge * 2 / 4)
    moments = list(descent(network, optimizer, x, target, squared_error, steps=7, every=3))
    assert [moment.step for moment in moments] == list(range(7))
    losses = 2 * (1 - 2 * edge) ** (2 * np.arange(7))
    np.testing.assert_allclose([moment.loss for moment in moments], losses)
    assert (losses[-1] < losses[0]) == shrinks
    assert not any(moment.diverged for moment in moments)
    assert network.params["0.W"].item() == pytest.approx((1 - 2 * edge) ** 7)
    for moment in moments:
        if moment.step in (0, 3, 6):
            assert moment.sharpness == pytest.approx(4, rel=1e-6)
            assert moment.smoothness == pytest.approx(4)
            assert moment.edge == pytest.approx(edge, rel=1e-6)
        else:
            assert moment.sharpness is moment.smoothness is moment.edge is None


def test_descent_ends_where_the_loss_is_no_longer_finite():
    network, x, target = parabola()
    run = descent(network, SGD(network, 1e60), x, target, squared_error, steps=99, every=1)
    *before, last = run
    assert last.diverged and not np.isfinite(last.loss) and last.sharpness is None
    assert 0 < len(before) < 10 and not any(moment.diverged for moment in before)


def test_descent_sees_the_learning_rate_that_is_moved():
    network, x, target = parabola()
    optimizer = SGD(network, 1.0)
    run = descent(network, optimizer, x, target, squared_error, steps=9, every=1)
    next(run)
    optimizer.lr = 0.5
    assert next(run).edge == pytest.approx(0.25)


def test_descent_at_the_bottom_has_no_step_to_measure():
    network, x, target = parabola(weight=0.0)
    moment = next(descent(network, SGD(network, 1), x, target, squared_error, steps=1, every=1))
    assert np.isnan(moment.smoothness) and moment.sharpness == pytest.approx(1)


@pytest.mark.parametrize("norm", [None, "batch"])
def test_descent_follows_the_sharpness_in_training_mode(norm):
    """As exact as a measurement with many more products, at every one of them."""
    network, x = small(norm)
    batch, optimizer = (x, TARGETS[squared_error], squared_error), SGD(network.eval(), 0.1)
    run = descent(network, optimizer, *batch, steps=50, every=10, rng=rng(1))
    for _ in range(5):
        there = copy.deepcopy(network).train()
        exact = curvature.sharpness(there, *batch, tolerance=1e-9, rng=rng(2))
        line = along_line(there, *batch, t=[0.025, 0.05, 0.075, 0.1])  # up to the learning rate
        moment = next(run)
        assert moment.sharpness == pytest.approx(exact, rel=1e-3)
        assert moment.smoothness == pytest.approx(line.smoothness)
        assert len(list(islice(run, 9))) == 9
    if norm:
        assert network.layers[1].running_mean.any()


@pytest.mark.parametrize("name", ["steps", "every"])
def test_descent_asks_for_counts(name):
    network, x, target = parabola()
    counts = {"steps": 3, "every": 1} | {name: 0}
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        next(descent(network, SGD(network, 1), x, target, squared_error, **counts))
