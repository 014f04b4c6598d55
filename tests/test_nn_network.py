"""Sequential and its live views; mlp."""

import inspect

import numpy as np
import pytest
from helpers import normal, rng

from course_utils.experiments.training import layers_of
from course_utils.nn import (
    SGD,
    BatchNorm,
    Dropout,
    LayerNorm,
    Linear,
    ReLU,
    Residual,
    Sequential,
    Tanh,
    gradient_check,
    mlp,
    softmax_cross_entropy,
)


def small(**options):
    return mlp([4, 5, 3], rng=rng(), dtype=np.float64, **options)


def kinds(network):
    return [type(layer).__name__ for layer in network]


def test_forward_and_backward_are_the_layers_in_a_row():
    network, x = small(norm="layer"), normal(6, 4)
    y = x
    for layer in network:
        y = layer.forward(y)
    assert np.array_equal(network.forward(x), y)
    grad = normal(6, 3, seed=1)
    grad_x = network.backward(grad)
    for layer in reversed(network.layers):
        grad = layer.backward(grad)
    assert np.array_equal(grad_x, grad)


def test_layers_are_a_list_to_look_into():
    layers = [Linear(4, 5), ReLU(), Linear(5, 3)]
    network = Sequential(layers)
    assert network.layers == layers and list(network) == layers and len(network) == 3
    assert repr(network) == "Sequential(Linear(4, 5), ReLU(), Linear(5, 3))"
    assert list(Sequential(iter(layers))) == layers


def test_params_and_grads_are_live_views():
    network = small(norm="batch")
    params, grads = network.params, network.grads  # held from before any backward
    assert list(params) == list(grads) == ["0.W", "0.b", "1.gamma", "1.beta", "3.W", "3.b"]
    assert len(params) == 6 and "0.W" in params and "2.W" not in params
    for step in range(3):
        y = network.forward(normal(6, 4, seed=step))
        network.backward(np.ones_like(y))
        for index, layer in enumerate(network):
            for name in layer.params:
                assert params[f"{index}.{name}"] is layer.params[name]
                assert grads[f"{index}.{name}"] is layer.grads[name]
                assert grads[f"{index}.{name}"] is network.grads[f"{index}.{name}"]


def test_params_can_be_changed_through_the_view():
    network = small()
    W = network.layers[0].params["W"]
    before = W.copy()
    network.params["0.W"] *= 2
    assert network.layers[0].params["W"] is W and np.array_equal(W, 2 * before)
    replacement = np.ones((4, 5))
    network.params["0.W"] = replacement
    assert network.layers[0].params["W"] is replacement


@pytest.mark.parametrize("key", ["W", "9.W", "0.V", "x.W", "0", "0.W.b", 0], ids=repr)
def test_unknown_key(key):
    network = small()
    with pytest.raises(KeyError):
        network.params[key]
    with pytest.raises(KeyError):
        network.params[key] = np.ones(3)


def test_nested():
    inner, last = Sequential([Linear(4, 5, rng=rng()), Tanh()]), Linear(5, 3, rng=rng(1))
    network = Sequential([inner, Dropout(0.5), last])
    assert list(network.params) == ["0.0.W", "0.0.b", "2.W", "2.b"]
    assert network.params["0.0.W"] is inner.layers[0].params["W"]
    network.params["0.0.b"] += 1
    assert np.all(inner.layers[0].params["b"] == 1)
    network.eval()
    assert not any(layer.training for layer in [network, *network, *inner])
    network.train()
    assert all(layer.training for layer in [network, *network, *inner])
    flat = Sequential([*inner, Dropout(0.5), last]).eval()
    assert np.array_equal(network.eval().forward(normal(6, 4)), flat.forward(normal(6, 4)))


class Plain(Sequential):
    """Made of the library's, with a backward that takes the gradient and nothing else."""

    def backward(self, grad_y):
        return 2 * super().backward(grad_y)


@pytest.mark.parametrize(
    "network",
    [
        small(norm="batch"),
        Sequential([small(), Tanh()]),
        Sequential([Tanh(), Linear(4, 3, rng=rng())]),
        Sequential([Plain([Linear(4, 4, rng=rng())]), Linear(4, 3, rng=rng())]),
        Sequential([Residual([Linear(4, 4, rng=rng())]), Linear(4, 3, rng=rng())]),
    ],
    ids=["mlp", "nested", "no Linear first", "a backward of one's own", "a skip"],
)
def test_input_grad_false_gives_the_same_parameter_gradients(network):
    grad = normal(6, 3, seed=1)
    network.forward(normal(6, 4))
    assert network.backward(grad) is not None
    full = dict(network.grads)
    network.backward(np.zeros_like(grad))
    network.backward(grad, input_grad=False)
    assert all(np.array_equal(network.grads[key], full[key]) for key in full)


@pytest.mark.parametrize(
    "options, expected",
    [
        ({}, "Linear ReLU Linear"),
        ({"activation": "tanh"}, "Linear Tanh Linear"),
        ({"norm": "layer"}, "Linear LayerNorm ReLU Linear"),
        ({"norm": "batch", "norm_position": "after"}, "Linear ReLU BatchNorm Linear"),
        ({"norm": "batch", "p": 0.5}, "Linear BatchNorm ReLU Dropout Linear"),
        (
            {"norm": "layer", "norm_position": "after", "p": 0.5, "activation": "tanh"},
            "Linear Tanh LayerNorm Dropout Linear",
        ),
    ],
)
def test_mlp_layers(options, expected):
    assert kinds(mlp([4, 5, 3], **options)) == expected.split()
    assert kinds(mlp([4, 5, 6, 3], **options)) == expected.split()[:-1] * 2 + ["Linear"]
    assert kinds(mlp([4, 3], **options)) == ["Linear"]


def test_mlp_options_reach_the_layers():
    network = mlp((400, 500, 300), norm="batch", affine=False, p=0.25, c=1.0, last_c=4.0, rng=rng())
    assert [param.shape for param in network.params.values()] == [
        (400, 500),
        (500,),
        (500, 300),
        (300,),
    ]
    assert network.params["0.W"].var() == pytest.approx(1.0 / 400, rel=0.02)
    assert network.params["4.W"].var() == pytest.approx(4.0 / 500, rel=0.02)
    assert network.layers[3].p == 0.25
    assert isinstance(network.layers[1], BatchNorm) and not network.layers[1].params
    same_c = mlp((400, 500, 300), c=3.0, rng=rng())
    assert same_c.params["2.W"].var() == pytest.approx(3.0 / 500, rel=0.02)
    for dtype in (np.float32, np.float64):
        network = mlp([4, 5, 3], norm="layer", dtype=dtype)
        assert {param.dtype for param in network.params.values()} == {np.dtype(dtype)}


def test_mlp_takes_layers_of_ones_own():
    class Mine(LayerNorm):
        pass

    class Bend(Tanh):
        pass

    class Drop(Dropout):
        pass

    network = mlp([4, 5, 5, 3], norm=lambda n: Mine(n, affine=False), activation=Bend, p=0.3,
                  dropout=Drop, rng=rng())  # fmt: skip
    assert kinds(network) == 2 * ["Linear", "Mine", "Bend", "Drop"] + ["Linear"]
    assert network.layers[1].n == 5 and network.layers[3].p == 0.3


def test_mlp_with_skips_has_the_same_layers_in_the_same_order():
    options = {"norm": "batch", "p": 0.3}
    plain = mlp([4, 5, 5, 6, 6, 3], rng=rng(), **options)
    network = mlp([4, 5, 5, 6, 6, 3], rng=rng(), residual=True, **options)
    block = ["BatchNorm", "ReLU", "Dropout"]
    assert kinds(network) == ["Linear", "Residual", *block, "Linear", "Residual", *block, "Linear"]
    assert kinds(network.layers[1]) == [*block, "Linear"]
    assert [kinds([layer])[0] for layer in layers_of(network)] == kinds(plain)
    assert len(plain.params) == len(network.params)
    for one, other in zip(plain.params.values(), network.params.values(), strict=True):
        assert np.array_equal(one, other)


def test_mlp_takes_a_skip_of_ones_own():
    class Skip(Residual):
        pass

    assert kinds(mlp([4, 5, 5, 3], residual=Skip)) == ["Linear", "Skip", "ReLU", "Linear"]


def test_residual_adds_what_its_layers_make_of_x():
    f = [Linear(4, 4, rng=rng(), dtype=np.float64), Tanh()]
    layer, x, grad = Residual(f), normal(6, 4), normal(6, 4, seed=1)
    assert np.allclose(layer.forward(x), x + np.tanh(x @ f[0].params["W"]))
    slope = 1 - np.tanh(x @ f[0].params["W"]) ** 2
    assert np.allclose(layer.backward(grad), grad + (grad * slope) @ f[0].params["W"].T)
    assert np.array_equal(Residual(f[1]).forward(x), x + np.tanh(x))  # one layer, no list
    assert gradient_check(layer, x) < 1e-7
    network = mlp([4, 5, 5, 5, 3], norm="layer", residual=True, rng=rng(), dtype=np.float64)
    assert gradient_check(network, x) < 1e-6
    assert repr(layer) == "Residual([Linear(4, 4), Tanh()])"


def test_a_network_that_begins_with_a_skip_can_leave_the_inputs_gradient_out():
    network = Sequential([Residual([Linear(4, 4, rng=rng())]), Linear(4, 3, rng=rng())])
    x, grad = normal(6, 4).astype(np.float32), normal(6, 3).astype(np.float32)
    network.forward(x)
    network.backward(grad)
    before = {key: value.copy() for key, value in network.grads.items()}
    network.backward(grad, input_grad=False)
    assert all(np.array_equal(before[key], value) for key, value in network.grads.items())


def test_residual_names_the_shape_that_does_not_fit():
    with pytest.raises(ValueError, match=r"must keep the shape of x, \(6, 4\), got \(6, 5\)"):
        Residual([Linear(4, 5)]).forward(normal(6, 4))


def test_the_stream_grows_by_one_plus_half_c():
    """z + W relu(z), z symmetric around zero: E||z||^2 grows by 1 + c/2 a block."""
    z = rng().standard_normal((500, 400))
    for c in (0.5, 2.0):
        stream = z
        for seed in range(3):
            linear = Linear(400, 400, c=c, rng=rng(seed), dtype=np.float64)
            grown = Residual([ReLU(), linear]).forward(stream)
            assert np.sum(grown**2) / np.sum(stream**2) == pytest.approx(1 + c / 2, rel=0.05)
            stream = grown


def test_mlp_defaults():
    defaults = {
        name: parameter.default for name, parameter in inspect.signature(mlp).parameters.items()
    }
    assert defaults | {"widths": None} == {
        "widths": None,
        "norm": None,
        "norm_position": "before",
        "affine": True,
        "p": 0.0,
        "dropout": Dropout,
        "c": 2.0,
        "last_c": None,
        "activation": "relu",
        "residual": False,
        "rng": None,
        "dtype": np.float32,
    }


def test_mlp_shares_random_numbers_between_variants():
    """One seed: normalization, dropout and activation leave the weights alone; c scales them."""
    weights = mlp([4, 5, 3], rng=rng()).params["0.W"]
    for options in ({"norm": "batch"}, {"p": 0.5}, {"activation": "tanh"}, {"last_c": 0.1}):
        assert np.array_equal(mlp([4, 5, 3], rng=rng(), **options).params["0.W"], weights)
    assert np.array_equal(mlp([4, 5, 3], rng=rng(), c=8.0).params["0.W"], 2 * weights)


def train(seed):
    """Parameters after ten steps with everything that is random."""
    network = mlp([4, 5, 3], norm="batch", p=0.3, rng=rng(seed))
    optimizer = SGD(network, lr=0.1, momentum=0.9)
    for step in range(10):
        x = normal(6, 4, seed=step).astype(np.float32)
        _, grad = softmax_cross_entropy(network.forward(x), np.arange(6) % 3)
        network.backward(grad)
        optimizer.step()
    return np.concatenate([param.ravel() for param in network.params.values()])


def test_same_seed_same_run():
    np.random.seed(1)
    first = train(0)
    np.random.seed(2)
    state = np.random.get_state()[1].copy()
    assert np.array_equal(train(0), first)
    assert np.array_equal(np.random.get_state()[1], state)  # global state is never used
    assert not np.array_equal(train(1), first)


def test_without_rng_every_network_is_another():
    assert not np.array_equal(mlp([4, 3]).params["0.W"], mlp([4, 3]).params["0.W"])


class Forgetful:
    """No layer: it has no params and no grads."""

    def forward(self, x):
        return x

    def backward(self, grad_y):
        return grad_y

    def __repr__(self):
        return "Forgetful()"


@pytest.mark.parametrize(
    "build, error, message",
    [
        (lambda: Sequential([]), ValueError, "layers must hold at least one layer, got none"),
        (lambda: Sequential(3), TypeError, "layers must be a list, got 3"),
        (lambda: Sequential(ReLU()), TypeError, r"layers must be a list, got ReLU\(\)"),
        (lambda: Sequential([ReLU]), TypeError, "layers must be a layer .* got <class"),
        (lambda: Sequential([ReLU(), 3]), TypeError, "layers must be a layer .* got 3"),
        (lambda: Sequential([Forgetful()]), TypeError, r"layer .* got Forgetful\(\)"),
        (lambda: mlp([4]), ValueError, r"widths must hold .* got \[4\]"),
        (lambda: mlp(4), TypeError, "widths must be a list, got 4"),
        (lambda: mlp([4, 0, 3]), ValueError, "widths must be at least 1, got 0"),
        (lambda: mlp([4, 5.0, 3]), TypeError, "widths must be an integer, got 5.0"),
        (
            lambda: mlp([4, 3], norm="Batch"),
            ValueError,
            "norm must be one of None, 'layer', 'batch', got 'Batch'",
        ),
        (lambda: mlp([4, 3], norm=["batch"]), ValueError, r"norm must .* got \['batch'\]"),
        (
            lambda: mlp([4, 3], norm_position="behind"),
            ValueError,
            "norm_position must be one of 'before', 'after', got 'behind'",
        ),
        (
            lambda: mlp([4, 3], activation="gelu"),
            ValueError,
            "activation must be one of 'relu', 'tanh', got 'gelu'",
        ),
        (lambda: mlp([4, 3], p=1), ValueError, r"p must lie in \[0, 1\), got 1"),
        (lambda: mlp([4, 3], p=None), TypeError, "p must be a number, got None"),
        (lambda: mlp([4, 3], c=-2.0), ValueError, r"^c must lie in \[0, inf\), got -2.0"),
        (lambda: mlp([4, 3], last_c=-2.0), ValueError, r"^last_c must lie .* got -2.0"),
        (
            lambda: mlp([4, 5, 5, 3], residual="yes"),
            ValueError,
            "residual must be one of False, True, got 'yes'",
        ),
        (
            lambda: mlp([4, 4, 5, 3], residual=True),
            ValueError,
            r"widths must repeat a hidden width to skip a layer, got \[4, 4, 5, 3\]",
        ),
        (lambda: Residual(4), TypeError, "layers must be a list, got 4"),
        (lambda: mlp([4, 3], rng=7), TypeError, "rng must be a numpy.random.Generator .* got 7"),
        (lambda: mlp([4, 3], dtype=int), TypeError, "dtype must be .* got <class 'int'>"),
    ],
)
def test_bad_input(build, error, message):
    with pytest.raises(error, match=message):
        build()


def test_a_layer_that_fits_badly_is_named_by_its_shape():
    with pytest.raises(ValueError, match=r"x must have shape \(m, 6\) with m >= 1, got \(6, 5\)"):
        Sequential([Linear(4, 5), LayerNorm(6)]).forward(normal(6, 4))
