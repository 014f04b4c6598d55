"""What every layer promises, and what each one does."""

from functools import partial

import numpy as np
import pytest
from helpers import normal, rng

from course_utils.nn import (
    SGD,
    Adam,
    BatchNorm,
    Dropout,
    Layer,
    LayerNorm,
    Linear,
    NonFiniteError,
    ReLU,
    Sequential,
    Tanh,
    mlp,
)

M, N = 6, 4

LAYERS = {
    "linear": lambda dtype: Linear(N, 3, rng=rng(), dtype=dtype),
    "relu": lambda dtype: ReLU(),
    "tanh": lambda dtype: Tanh(),
    "layer_norm": lambda dtype: LayerNorm(N, eps=np.float64(1e-5), dtype=dtype),
    "layer_norm_plain": lambda dtype: LayerNorm(N, affine=False, dtype=dtype),
    "batch_norm": lambda dtype: BatchNorm(N, np.float64(1e-5), np.float64(0.1), dtype=dtype),
    "batch_norm_plain": lambda dtype: BatchNorm(N, affine=False, dtype=dtype),
    "dropout": lambda dtype: Dropout(np.float64(0.4), rng=rng()),
    "dropout_none": lambda dtype: Dropout(0.0),
    "nested": lambda dtype: Sequential(
        [Sequential([Linear(N, 5, rng=rng(), dtype=dtype), Tanh()]), Dropout(0.4, rng=rng())]
    ),
    "mlp_batch": lambda dtype: mlp([N, 5, 3], norm="batch", p=0.4, rng=rng(), dtype=dtype),
    "mlp_layer": lambda dtype: mlp([N, 5, 3], norm="layer", rng=rng(), dtype=dtype),
}


def make(name, mode="train", dtype=np.float64):
    """A layer with parameters that hide no mistake, as zeros and ones would."""
    layer = LAYERS[name](dtype)
    for seed, param in enumerate(layer.params.values()):
        param[...] = normal(*param.shape, seed=seed)
    return getattr(layer, mode)()


def batch_norms(layer):
    return [one for one in getattr(layer, "layers", [layer]) if isinstance(one, BatchNorm)]


every_layer = pytest.mark.parametrize("name", LAYERS)
both_modes = pytest.mark.parametrize("mode", ["train", "eval"])


@every_layer
@both_modes
def test_arguments_are_never_written_to(name, mode):
    layer = make(name, mode)
    x = normal(M, N)
    x.setflags(write=False)
    grad_y = normal(*layer.forward(x).shape, seed=1)
    grad_y.setflags(write=False)
    layer.backward(grad_y)
    assert np.array_equal(x, normal(M, N))
    assert np.array_equal(grad_y, normal(*grad_y.shape, seed=1))


@every_layer
@both_modes
def test_earlier_results_never_change(name, mode):
    layer = make(name, mode)
    x = normal(M, N)
    y = layer.forward(x)
    grad_x = layer.backward(normal(*y.shape, seed=1))
    held = [y, grad_x, *layer.grads.values()]
    copies = [array.copy() for array in held]
    layer.forward(normal(M, N, seed=2))
    layer.backward(normal(*y.shape, seed=3))
    assert all(np.array_equal(a, b) for a, b in zip(held, copies, strict=True))


@every_layer
@both_modes
def test_backward_overwrites_grads(name, mode):
    layer = make(name, mode)
    y = layer.forward(normal(M, N))
    shapes = {key: param.shape for key, param in layer.params.items()}
    assert {key: grad.shape for key, grad in layer.grads.items()} == shapes
    layer.backward(np.ones_like(y))
    layer.backward(normal(*y.shape, seed=1))
    once = {key: grad.copy() for key, grad in layer.grads.items()}
    layer.backward(normal(*y.shape, seed=1))
    assert {key: grad.shape for key, grad in layer.grads.items()} == shapes
    assert all(np.array_equal(layer.grads[key], once[key]) for key in shapes)


LAYOUTS = {
    "fortran": np.asfortranarray,
    "every second column": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "every second row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "one row repeated": lambda a: np.broadcast_to(a[0], a.shape),
}


@every_layer
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_memory_layout(name, layout):
    results = []
    for change in (LAYOUTS[layout], lambda a: LAYOUTS[layout](a).copy(order="C")):
        layer = make(name)
        y = layer.forward(change(normal(M, N)))
        grad_x = layer.backward(change(normal(*y.shape, seed=1)))
        results.append([y, grad_x, *layer.grads.values()])
    for strided, contiguous in zip(*results, strict=True):
        np.testing.assert_allclose(strided, contiguous, rtol=1e-9, atol=1e-12)


@every_layer
@both_modes
def test_float32_in_float32_out(name, mode):
    layer = make(name, mode, np.float32)
    y = layer.forward(normal(M, N, dtype=np.float32))
    grad_x = layer.backward(np.ones_like(y))
    arrays = [y, grad_x, *layer.params.values(), *layer.grads.values()]
    for norm in batch_norms(layer):
        arrays += [norm.running_mean, norm.running_var]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


@every_layer
@both_modes
def test_batch_of_one(name, mode):
    layer = make(name, mode)
    if mode == "train" and batch_norms(layer):
        with pytest.raises(ValueError, match="x must hold at least 2 examples .* got 1"):
            layer.forward(normal(1, N))
        return
    y = layer.forward(normal(1, N))
    assert layer.backward(np.ones_like(y)).shape == (1, N)


@every_layer
def test_evaluation_treats_every_example_alone(name):
    layer, x = make(name), normal(M, N)
    layer.forward(x)
    layer.eval()
    alone = np.concatenate([layer.forward(x[i : i + 1]) for i in range(M)])
    np.testing.assert_allclose(layer.forward(x), alone, rtol=1e-12)


@every_layer
def test_backward_before_forward(name):
    with pytest.raises(RuntimeError, match=r"\w+\.backward was called before forward"):
        make(name).backward(np.ones((M, N)))


@every_layer
@pytest.mark.parametrize("modes", [("train", "eval"), ("eval", "train")])
def test_backward_belongs_to_the_mode_of_the_last_forward(name, modes):
    def gradients(switch):
        layer = make(name, modes[0])
        y = layer.forward(normal(M, N))
        if switch:
            getattr(layer, modes[1])()
        return [layer.backward(normal(*y.shape, seed=1)), *layer.grads.values()]

    for stayed, switched in zip(gradients(False), gradients(True), strict=True):
        assert np.array_equal(stayed, switched)


@every_layer
def test_train_and_eval(name):
    layer = LAYERS[name](np.float32)
    assert layer.training
    assert layer.eval() is layer and not layer.training
    assert layer.train() is layer and layer.training


# Linear


@pytest.mark.parametrize("c", [0.5, 2.0])
def test_initial_weights(c):
    layer = Linear(200, 300, c=c, rng=rng(1))
    W = layer.params["W"]
    assert W.shape == (200, 300)
    assert np.var(W) == pytest.approx(c / 200, rel=0.03)
    assert np.mean(W) == pytest.approx(0, abs=5 * np.sqrt(c / 200 / W.size))
    assert not layer.params["b"].any()
    exact = Linear(200, 300, c=c, rng=rng(1), dtype=np.float64).params["W"]
    assert np.array_equal(W, exact.astype(np.float32))  # one seed, one network, in any precision


def test_he_is_the_default():
    assert np.array_equal(
        Linear(4, 3, rng=rng()).params["W"], Linear(4, 3, c=2.0, rng=rng()).params["W"]
    )


def test_common_random_numbers():
    """One seed, another c: the same weights on another scale."""
    W, quadruple, other = (Linear(4, 3, c=c, rng=rng()).params["W"] for c in (1.0, 4.0, 3.0))
    assert np.array_equal(quadruple, 2 * W)
    np.testing.assert_allclose(other, np.sqrt(3) * W, rtol=1e-6)


def test_linear_without_input_grad():
    layer, x, grad_y = make("linear"), normal(M, N), normal(M, 3, seed=1)
    layer.forward(x)
    layer.backward(grad_y)
    full = dict(layer.grads)
    assert layer.backward(2 * grad_y, input_grad=False) is None
    assert all(np.array_equal(layer.grads[key], 2 * full[key]) for key in ("W", "b"))


def test_relu_at_the_kink():
    layer, x = ReLU(), np.array([[-1.0, 0.0, 2.0]])
    assert layer.forward(x).tolist() == [[0, 0, 2]]
    assert layer.backward(np.ones((1, 3))).tolist() == [[0, 0, 1]]


# Normalization


@pytest.mark.parametrize("layer, axis", [(LayerNorm(N), 1), (BatchNorm(N), 0)])
def test_rows_or_columns_are_normalized(layer, axis):
    y = layer.forward(5 + 3 * normal(M, N))
    np.testing.assert_allclose(y.mean(axis=axis), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=axis), 1, atol=1e-4)
    for key in layer.params:
        layer.params[key][...] = normal(N, seed=3)
    np.testing.assert_allclose(
        layer.forward(5 + 3 * normal(M, N)), layer.params["gamma"] * y + layer.params["beta"]
    )


@pytest.mark.parametrize("layer_class", [LayerNorm, BatchNorm])
def test_eps(layer_class):
    x = normal(M, N)
    axis = 1 if layer_class is LayerNorm else 0
    mean, var = x.mean(axis=axis, keepdims=True), x.var(axis=axis, keepdims=True)
    for eps in (0, 0.5):
        y = layer_class(N, eps=eps).forward(x)
        np.testing.assert_allclose(y, (x - mean) / np.sqrt(var + eps), rtol=1e-10)
    assert np.all(layer_class(N).forward(np.ones((M, N))) == 0)  # no variance, yet no NaN


def test_without_affine_there_is_nothing_to_learn():
    for layer in (LayerNorm(N, affine=False), BatchNorm(N, affine=False)):
        assert layer.params == layer.grads == {}


def test_running_estimates():
    layer, batches = BatchNorm(N, dtype=np.float64), 2 + 3 * normal(50, M, N)
    mean, var = np.zeros(N), np.ones(N)
    for x in batches:
        layer.forward(x)
        mean = 0.9 * mean + 0.1 * x.mean(axis=0)
        var = 0.9 * var + 0.1 * x.var(axis=0, ddof=1)
    np.testing.assert_allclose(layer.running_mean, mean)
    np.testing.assert_allclose(layer.running_var, var)
    y = layer.eval().forward(batches[0])
    np.testing.assert_allclose(y, (batches[0] - mean) / np.sqrt(var + 1e-5))
    np.testing.assert_allclose(layer.running_mean, mean)  # evaluation leaves them alone


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])  # the square of 1e30 overflows
def test_batch_norm_refuses_what_is_not_finite(bad):
    layer, x = BatchNorm(N), normal(M, N, dtype=np.float32)
    layer.forward(x)
    mean, var = layer.running_mean.copy(), layer.running_var.copy()
    x[2, 1] = bad
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match="x must have a finite"):
        layer.forward(x)
    with pytest.raises(ValueError, match="at least 2 examples"):
        layer.forward(x[:1])
    assert np.array_equal(layer.running_mean, mean)
    assert np.array_equal(layer.running_var, var)


@pytest.mark.parametrize("x", [[1, np.nan, 2], [1, np.inf, 2], [1e20, 2e20, 4e20]])
def test_layer_norm_refuses_what_is_not_finite(x):
    good = np.array([1, 2, 4], np.float32)
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match="in every row"):
        LayerNorm(3).forward(np.stack([good, np.array(x, np.float32)]))


@pytest.mark.parametrize("norm", [LayerNorm, BatchNorm])
@pytest.mark.parametrize("mean, allowed", [(0, 2e-6), (1e2, 1e-4), (1e4, 1e-2)])
def test_float32_stays_right_with_a_large_mean(norm, mean, allowed):
    x = (mean + normal(100, 100)).astype(np.float32)
    y = norm(100).forward(x)
    right = norm(100, dtype=np.float64).forward(x.astype(np.float64))
    assert np.abs(y - right).max() < allowed


@pytest.mark.parametrize("norm", [LayerNorm, BatchNorm])
def test_equal_numbers_are_normalized_to_zero(norm):
    assert not norm(30).forward(np.full((20, 30), 5, np.float32)).any()


# What a layer of one's own, or a batch, may hold


class Slope(Layer):
    def __init__(self, a):
        super().__init__()
        self.params["a"], self.grads["a"] = a, np.zeros(())

    def forward(self, x):
        return self.params["a"] * x

    def backward(self, grad_y):
        return self.params["a"] * grad_y


@pytest.mark.parametrize("a", [0.25, np.float64(0.25), [0.25]], ids=repr)
@pytest.mark.parametrize(
    "use", [partial(SGD, lr=0.1), partial(Adam, lr=0.1), lambda layer: Sequential([layer])]
)
def test_a_parameter_that_cannot_learn_in_place_is_refused(a, use):
    with pytest.raises(TypeError, match=r"params\['a'\] must be an array, .* such as np.array"):
        use(Slope(a))
    use(Slope(np.array(0.25)))


def test_a_masked_batch_is_refused():
    with pytest.raises(TypeError, match="without a mask"):
        Linear(3, 2).forward(np.ma.masked_equal(normal(2, 3), 0))


# Dropout


@pytest.mark.parametrize("p", [0.2, 0.5, 0.8])
def test_dropout_keeps_the_mean_and_stretches_the_second_moment(p):
    y = Dropout(p, rng=rng()).forward(np.ones((1000, 1000)))
    assert set(np.unique(y)) == {0, 1 / (1 - p)}
    assert np.mean(y) == pytest.approx(1, abs=0.01)
    assert np.mean(y**2) == pytest.approx(1 / (1 - p), rel=0.01)


def test_dropout_draws_a_new_mask_every_time():
    layer, x = Dropout(0.5, rng=rng()), np.ones((20, 20))
    first, second = layer.forward(x), layer.forward(x)
    assert not np.array_equal(first, second)
    assert np.array_equal(layer.backward(x), second)
    assert np.array_equal(Dropout(0.5, rng=rng()).forward(x), first)


def test_dropout_is_the_identity_in_evaluation():
    layer, x = Dropout(0.5, rng=rng()).eval(), normal(M, N)
    assert np.array_equal(layer.forward(x), x)
    assert np.array_equal(layer.backward(x), x)


def test_p_can_be_changed_live():
    layer, x = Dropout(0.0, rng=rng()), np.ones((200, 200))
    for p in (0.0, 0.5, 0.8, 0.0):
        layer.p = p
        y = layer.forward(x)
        layer.p = 0.1  # backward belongs to the last forward
        assert np.array_equal(layer.backward(x), y)
        assert np.mean(y == 0) == pytest.approx(p, abs=0.02)
        assert y.max() == pytest.approx(1 / (1 - p))
    with pytest.raises(ValueError, match=r"p must lie in \[0, 1\), got 1"):
        layer.p = 1
    assert layer.p == 0.1


# Bad input

X = np.ones((M, N))


@pytest.mark.parametrize(
    "make_layer, error, message",
    [
        (lambda: Linear(0, 3), ValueError, "n_in must be at least 1, got 0"),
        (lambda: Linear(4, -1), ValueError, "n_out must be at least 1, got -1"),
        (lambda: Linear(4.0, 3), TypeError, "n_in must be an integer, got 4.0"),
        (lambda: Linear(4, True), TypeError, "n_out must be an integer, got True"),
        (lambda: Linear(4, 3, c=-1), ValueError, r"c must lie in \[0, inf\), got -1"),
        (lambda: Linear(4, 3, c=np.nan), ValueError, "c must lie in .* got nan"),
        (lambda: Linear(4, 3, c="2"), TypeError, "c must be a number, got '2'"),
        (lambda: Linear(4, 3, rng=0), TypeError, "rng must be a numpy.random.Generator .* got 0"),
        (
            lambda: Linear(4, 3, dtype=int),
            TypeError,
            "dtype must be a floating .* got <class 'int'",
        ),
        (lambda: LayerNorm(0), ValueError, "n must be at least 1, got 0"),
        (lambda: LayerNorm(4, eps=-1e-5), ValueError, r"eps must lie in \[0, inf\), got -1e-05"),
        (lambda: LayerNorm(4, dtype="int32"), TypeError, "dtype must be .* got 'int32'"),
        (lambda: BatchNorm(2.5), TypeError, "n must be an integer, got 2.5"),
        (lambda: BatchNorm(4, eps=None), TypeError, "eps must be a number, got None"),
        (lambda: BatchNorm(4, momentum=1.1), ValueError, r"momentum must lie in \[0, 1\], got 1.1"),
        (lambda: BatchNorm(4, momentum=-0.1), ValueError, "momentum must lie .* got -0.1"),
        (lambda: Dropout(1.0), ValueError, r"p must lie in \[0, 1\), got 1.0"),
        (lambda: Dropout(-0.1), ValueError, "p must lie in .* got -0.1"),
        (lambda: Dropout("half"), TypeError, "p must be a number, got 'half'"),
        (lambda: Dropout(0.5, rng=np.random), TypeError, "rng must be .* got <module"),
    ],
)
def test_bad_argument(make_layer, error, message):
    with pytest.raises(error, match=message):
        make_layer()


@every_layer
@pytest.mark.parametrize(
    "x, error, message",
    [
        (X.tolist(), TypeError, "x must be a NumPy array of floating point numbers, got list"),
        (X.astype(int), TypeError, "x must be .* got an array of int64"),
        (X[0], ValueError, r"x must have shape \(m, \w\) with m >= 1, got \(4,\)"),
        (X[:0], ValueError, r"x must have shape \(m, \w\) with m >= 1, got \(0, 4\)"),
        (X[None], ValueError, r"x must have shape .* got \(1, 6, 4\)"),
    ],
)
def test_bad_batch(name, x, error, message):
    with pytest.raises(error, match=message):
        make(name).forward(x)


@pytest.mark.parametrize("name", ["linear", "layer_norm", "batch_norm", "nested", "mlp_batch"])
def test_wrong_width(name):
    with pytest.raises(ValueError, match=r"x must have shape \(m, 4\) with m >= 1, got \(6, 3\)"):
        make(name).forward(X[:, :3])


@every_layer
@both_modes
def test_bad_grad_y(name, mode):
    layer = make(name, mode)
    shape = layer.forward(normal(M, N)).shape
    for grad_y, error, message in [
        (np.ones((M, shape[1] + 1)), ValueError, rf"grad_y must have shape \({M}, {shape[1]}\)"),
        (np.ones((M - 1, shape[1])), ValueError, rf"got \({M - 1}, {shape[1]}\)"),
        (1.0, TypeError, "grad_y must be a NumPy array .* got float"),
    ]:
        with pytest.raises(error, match=message):
            layer.backward(grad_y)
