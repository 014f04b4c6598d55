"""Gradients against central differences and against HIPS autograd; the gradient check itself."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad as autograd_grad
from helpers import normal
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.experiments import faults
from course_utils.nn import (
    BatchNorm,
    Dropout,
    Layer,
    LayerNorm,
    Linear,
    ReLU,
    Sequential,
    Tanh,
    gradient_check,
    mlp,
    numerical_gradient,
    relative_error,
    softmax,
    softmax_cross_entropy,
    squared_error,
)

RIGHT, WRONG = 1e-6, 1e-4
few_shapes = settings(deadline=None, max_examples=30, derandomize=True, database=None)
many_shapes = settings(few_shapes, max_examples=150)
sizes, seeds = st.integers(1, 6), st.integers(0, 2**32 - 1)


def randomize(layer, seed=0):
    """Parameters and running statistics that hide no mistake, as zeros and ones would."""
    rng = np.random.default_rng(seed)
    for param in layer.params.values():
        param[...] = rng.standard_normal(param.shape)
    for inner in getattr(layer, "layers", [layer]):
        if isinstance(inner, BatchNorm):
            inner.running_mean[...] = rng.standard_normal(inner.n)
            inner.running_var[...] = rng.uniform(0.5, 2, inner.n)
    return layer


LAYERS = {
    "linear": lambda n, rng: Linear(n, 3, rng=rng),
    "relu": lambda n, rng: ReLU(),
    "tanh": lambda n, rng: Tanh(),
    "layer_norm": lambda n, rng: LayerNorm(n),
    "layer_norm_plain": lambda n, rng: LayerNorm(n, affine=False),
    "batch_norm": lambda n, rng: BatchNorm(n),
    "batch_norm_plain": lambda n, rng: BatchNorm(n, affine=False),
    "dropout": lambda n, rng: Dropout(0.4, rng=rng),
    "nested": lambda n, rng: Sequential([Sequential([Linear(n, 2), Tanh()]), Linear(2, 2)]),
}


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("name", LAYERS)
@few_shapes
@given(m=st.integers(2, 6), n=sizes, seed=seeds)
def test_every_layer(name, mode, m, n, seed):
    layer = randomize(LAYERS[name](n, np.random.default_rng(seed)), seed)
    getattr(layer, mode)()
    assert gradient_check(layer, 2 * normal(m, n, seed=seed) + 0.5) < RIGHT


@many_shapes
@given(
    norm=st.sampled_from([None, "layer", "batch"]),
    norm_position=st.sampled_from(["before", "after"]),
    affine=st.booleans(),
    p=st.sampled_from([0.0, 0.3]),
    activation=st.sampled_from(["relu", "tanh"]),
    mode=st.sampled_from(["train", "eval"]),
    depth=st.integers(0, 3),
    seed=seeds,
)
def test_every_mlp(norm, norm_position, affine, p, activation, mode, depth, seed):
    network = mlp(
        [3, *[4] * depth, 2],
        norm=norm,
        norm_position=norm_position,
        affine=affine,
        p=p,
        activation=activation,
        rng=np.random.default_rng(seed),
    )
    getattr(randomize(network, seed), mode)()
    assert gradient_check(network, normal(5, 3, seed=seed)) < RIGHT


@pytest.mark.parametrize("loss", [softmax_cross_entropy, squared_error])
@few_shapes
@given(m=sizes, k=sizes, seed=seeds)
def test_losses(loss, m, k, seed):
    rng = np.random.default_rng(seed)
    outputs = 3 * rng.standard_normal((m, k))
    truth = rng.integers(0, k, m) if loss is softmax_cross_entropy else rng.standard_normal((m, k))
    _, grad = loss(outputs, truth)
    numerical = numerical_gradient(lambda: loss(outputs, truth)[0], outputs)
    assert relative_error(grad, numerical, floor=1e-3) < RIGHT


# Forward passes written once more, for autograd to differentiate.


def normalized(x, axis, eps=1e-5):
    mean, var = anp.mean(x, axis=axis, keepdims=True), anp.var(x, axis=axis, keepdims=True)
    return (x - mean) / anp.sqrt(var + eps)


def standardized(x, layer):
    return (x - layer.running_mean) / anp.sqrt(layer.running_var + 1e-5)


FORWARDS = {
    "linear": (Linear(4, 3), lambda x, p, layer: anp.dot(x, p["W"]) + p["b"]),
    "relu": (ReLU(), lambda x, p, layer: x * (x > 0)),
    "tanh": (Tanh(), lambda x, p, layer: 1 - 2 / (anp.exp(2 * x) + 1)),
    "layer_norm": (
        LayerNorm(4),
        lambda x, p, layer: normalized(x, 1) * p["gamma"] + p["beta"],
    ),
    "layer_norm_plain": (LayerNorm(4, affine=False), lambda x, p, layer: normalized(x, 1)),
    "batch_norm": (
        BatchNorm(4),
        lambda x, p, layer: normalized(x, 0) * p["gamma"] + p["beta"],
    ),
    "batch_norm_eval": (
        BatchNorm(4).eval(),
        lambda x, p, layer: standardized(x, layer) * p["gamma"] + p["beta"],
    ),
    "dropout": (
        Dropout(0.4, rng=np.random.default_rng(7)),
        lambda x, p, layer: x * (np.random.default_rng(7).random(x.shape) >= 0.4) / 0.6,
    ),
}


@pytest.mark.parametrize("name", FORWARDS)
def test_layer_against_autograd(name):
    layer, forward = FORWARDS[name]
    randomize(layer)
    params = {key: param.astype(np.float64) for key, param in layer.params.items()}
    layer.params.update(params)
    x = normal(5, 4, seed=1)
    y = layer.forward(x)
    np.testing.assert_allclose(y, forward(x, params, layer), rtol=1e-10)

    r = normal(*y.shape, seed=2)
    grad_x, grad_params = autograd_grad(lambda args: anp.sum(forward(*args, layer) * r))(
        (x, params)
    )
    np.testing.assert_allclose(layer.backward(r), grad_x, atol=1e-10)
    for key in params:
        np.testing.assert_allclose(layer.grads[key], grad_params[key], atol=1e-10)


def test_losses_against_autograd():
    outputs, targets, labels = normal(6, 4), normal(6, 4, seed=1), np.arange(6) % 4

    def cross_entropy(logits):
        p = anp.exp(logits) / anp.sum(anp.exp(logits), axis=1, keepdims=True)
        return -anp.mean(anp.log(p[np.arange(6), labels]))

    def half_square(outputs):
        return anp.mean(anp.sum((outputs - targets) ** 2, axis=1)) / 2

    for loss, truth, again in [
        (softmax_cross_entropy, labels, cross_entropy),
        (squared_error, targets, half_square),
    ]:
        value, grad = loss(outputs, truth)
        np.testing.assert_allclose(value, again(outputs), rtol=1e-12)
        np.testing.assert_allclose(grad, autograd_grad(again)(outputs), atol=1e-12)
    probabilities = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(softmax(outputs), probabilities, rtol=1e-12)


# The check itself, on layers with one known fault each.


class NanGradient(Linear):
    def backward(self, grad_y):
        grad_x = super().backward(grad_y)
        self.grads["b"][0] = np.nan
        return grad_x


@pytest.mark.parametrize("inside_network", [False, True])
@pytest.mark.parametrize(
    "layer",
    [
        faults.DoubledBias(4, 4),
        faults.TransposedWeights(4, 4),
        faults.AveragedGradient(4, 4, wrong="W"),
        faults.AveragedGradient(4, 4, wrong="b"),
        faults.ConstantMoments(4),
        faults.WrongAxis(4),
        faults.ForgottenScale(0.5, rng=np.random.default_rng(0)),
        faults.StraightThrough(),
    ],
    ids=lambda layer: type(layer).__name__ + getattr(layer, "wrong", ""),
)
def test_check_detects(layer, inside_network):
    if inside_network:
        layer = Sequential([Linear(4, 4), layer, Tanh(), Linear(4, 2)])
    randomize(layer, seed=1)
    assert gradient_check(layer, normal(5, 4, seed=1)) > WRONG


def test_check_reports_the_largest_error():
    """One gradient of three is doubled, so it is wrong by half of its largest entry."""
    assert gradient_check(faults.DoubledBias(4, 3), normal(5, 4)) == pytest.approx(0.5, rel=1e-6)


def test_check_fails_at_a_kink():
    x = normal(4, 3)
    assert gradient_check(ReLU(), x) < RIGHT
    x[1, 2] = 0.0
    assert gradient_check(ReLU(), x) > WRONG


def test_a_bias_before_batch_norm_is_no_error():
    network = randomize(Sequential([Linear(3, 4), BatchNorm(4), ReLU(), Linear(4, 2)]))
    x = normal(6, 3)
    assert gradient_check(network, x) < RIGHT
    network.forward(x)
    network.backward(normal(6, 2))
    assert np.abs(network.grads["0.b"]).max() < 1e-5  # truly zero: there is only rounding


def test_nan_is_never_right():
    x = normal(5, 4)
    assert np.isnan(gradient_check(NanGradient(4, 3), x))
    assert np.isnan(gradient_check(Sequential([Tanh(), NanGradient(4, 4), Linear(4, 2)]), x))
    layer = Linear(4, 3)
    layer.params["W"][0, 0] = np.nan
    assert np.isnan(gradient_check(layer, x))
    x[0, 0] = np.nan
    assert np.isnan(gradient_check(Linear(4, 3), x))


def test_check_leaves_everything_as_it_was():
    rng = np.random.default_rng(3)
    network = randomize(mlp([3, 4, 2], norm="batch", p=0.5, rng=rng))
    x = normal(6, 3).astype(np.float32)
    x.setflags(write=False)
    y = network.forward(x).copy()
    network.backward(np.ones_like(y))
    norm = network.layers[1]
    before = {key: array.copy() for key, array in network.params.items()}
    arrays, grads, state = dict(network.params), dict(network.grads), rng.bit_generator.state
    running = norm.running_mean.copy(), norm.running_var.copy()

    assert gradient_check(network, x) < RIGHT

    assert all(network.params[key] is arrays[key] for key in arrays)
    assert all(network.grads[key] is grads[key] for key in grads)
    assert all(np.array_equal(network.params[key], before[key]) for key in before)
    assert np.array_equal(norm.running_mean, running[0])
    assert np.array_equal(norm.running_var, running[1])
    assert rng.bit_generator.state == state
    kept = {key: grad.copy() for key, grad in network.grads.items()}
    network.backward(np.ones_like(y))  # still belongs to the network's own last forward
    assert all(np.array_equal(network.grads[key], kept[key]) for key in kept)


def test_numerical_gradient_and_relative_error():
    a = normal(3, 2)
    kept = a.copy()
    np.testing.assert_allclose(numerical_gradient(lambda: np.sum(a**3), a), 3 * a**2, atol=1e-8)
    assert np.array_equal(a, kept)
    ones = np.ones(3)
    assert relative_error(ones, ones) == 0
    assert relative_error(0 * ones, 0 * ones) == 0
    assert relative_error(2 * ones, ones) == relative_error(ones, 2 * ones) == 0.5
    assert relative_error(1e-12 * ones, 0 * ones) == 1
    assert relative_error(1e-12 * ones, 0 * ones, floor=1.0) == pytest.approx(1e-12)
    assert np.isnan(relative_error(ones, np.array([1, np.nan, 1])))
    with np.errstate(invalid="ignore"):
        assert np.isnan(relative_error(np.array([1, np.inf, 1]), ones))


@pytest.mark.parametrize(
    "layer, x, error, message",
    [
        (Linear, np.ones((2, 3)), TypeError, "layer must be a layer .* got <class"),
        (Linear(3, 2), [[1.0, 2.0, 3.0]], TypeError, "x must be a NumPy array .* got list"),
        (Linear(3, 2), np.ones((2, 3), int), TypeError, "x must be .* got an array of int64"),
        (Linear(3, 2), np.ones((2, 4)), ValueError, r"x must have shape \(m, 3\) .* \(2, 4\)"),
    ],
)
def test_bad_input(layer, x, error, message):
    with pytest.raises(error, match=message):
        gradient_check(layer, x)


class Masked(Layer):
    """Dropout with a mask drawn by `draw()`, and what else a layer keeps."""

    def __init__(self, draw, **kept):
        super().__init__()
        self.draw, self.kept = draw, kept

    def forward(self, x):
        self.saved = self.draw(x.shape) < 0.5
        return x * self.saved

    def backward(self, grad_y):
        return grad_y * self.saved


class Within(Layer):
    """A layer of the library under a name of one's own."""

    def __init__(self, inner):
        super().__init__()
        self.only = inner
        self.forward, self.backward = inner.forward, inner.backward


def test_masks_are_frozen_wherever_a_layer_keeps_its_generator():
    class Kept(Masked):
        def forward(self, x):
            self.draw = self.kept["rngs"][0].random
            return super().forward(x)

    x = normal(5, 4)
    assert gradient_check(Kept(None, rngs=[np.random.default_rng(0)]), x) < RIGHT
    assert gradient_check(Within(Dropout(0.5, rng=np.random.default_rng(0))), x) < RIGHT


@pytest.mark.parametrize(
    "draw", [lambda shape: np.random.random(shape), np.random.RandomState(0).random_sample]
)
def test_a_forward_that_is_another_each_time_is_not_called_wrong(draw):
    with pytest.raises(ValueError, match="something else each time.* numpy.random.Generator"):
        gradient_check(Masked(draw), normal(5, 4))


class Slope(Layer):
    """y = a x, whose backward can be given mistakes."""

    def __init__(self, a, mistake=None):
        super().__init__(a=np.array(1.0))
        self.params["a"], self.mistake = a, mistake

    def forward(self, x):
        self.saved = x
        return self.params["a"] * x

    def backward(self, grad_y):
        grad_a = np.sum(grad_y * self.saved)
        if self.mistake == "key":
            self.grads["slope"] = grad_a
        else:
            self.grads["a"] = grad_a[None] if self.mistake == "shape" else grad_a
        if self.mistake != "return":
            return self.params["a"] * grad_y


def test_a_scalar_parameter_is_checked_as_an_array():
    assert gradient_check(Slope(np.array(0.25)), normal(5, 4)) < RIGHT


@pytest.mark.parametrize(
    ("layer", "error", "message"),
    [
        (Slope(0.25), TypeError, r"params\['a'\] must be an array, .* such as np.array\(0.25\)"),
        (Slope(np.float64(0.25)), TypeError, r"params\['a'\] must be an array"),
        (Slope(np.array(0.25), "return"), TypeError, "backward returns .* got None .is there a"),
        (Slope(np.array(0.25), "key"), ValueError, r"keys of params, \['a'\], got \['a', 'slope'"),
        (Slope(np.array(0.25), "shape"), ValueError, r"grads\['a'\] must have shape \(\), got"),
    ],
)
def test_what_cannot_be_compared_is_said(layer, error, message):
    with pytest.raises(error, match=message):
        gradient_check(layer, normal(5, 4))


def test_the_base_layer_has_no_parameters():
    assert Layer().params == Layer().grads == {}
