"""Optimizers: updates by hand (trajectories against PyTorch are in test_nn_torch.py), bad input."""

import copy

import numpy as np
import pytest

from course_utils.nn import SGD, Adam, LayerNorm, Linear, Sequential, mlp
from course_utils.nn.optim import adam_direction, moving_average

OPTIMIZERS = {
    "sgd": lambda network: SGD(network, 0.1),
    "sgd_momentum": lambda network: SGD(network, np.float64(0.1), momentum=0.9, weight_decay=0.1),
    "adam": lambda network: Adam(network, np.float64(0.1), weight_decay=0.1),
    "adam_l2": lambda network: Adam(network, 0.1, weight_decay=0.1, decoupled=False),
}
every_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)


def network_after_backward(dtype=np.float64):
    rng = np.random.default_rng(0)
    network = Sequential([Linear(4, 5, rng=rng, dtype=dtype), LayerNorm(5, dtype=dtype)])
    for param in network.params.values():
        param[...] = rng.standard_normal(param.shape)
    y = network.forward(rng.standard_normal((6, 4)).astype(dtype))
    network.backward(rng.standard_normal(y.shape).astype(dtype))
    return network


def copied(arrays):
    return {key: array.copy() for key, array in arrays.items()}


@every_optimizer
def test_params_change_in_place_and_grads_stay(name):
    network = network_after_backward(np.float32)
    params, grads = dict(network.params), copied(network.grads)
    before = copied(params)
    optimizer = OPTIMIZERS[name](network)
    optimizer.step()
    optimizer.step()
    for key, param in network.params.items():
        assert param is params[key] and param.dtype == np.float32
        assert not np.array_equal(param, before[key])
        assert np.array_equal(network.grads[key], grads[key])


@every_optimizer
def test_gradients_are_read_at_every_step(name):
    network = network_after_backward()
    optimizer = OPTIMIZERS[name](network)
    network.forward(np.ones((6, 4)))
    network.backward(np.zeros((6, 5)))
    before = copied(network.params)
    optimizer.step()
    for key in ("0.b", "1.gamma", "1.beta"):  # no gradient and no decay
        assert np.array_equal(network.params[key], before[key])


def test_sgd_by_hand():
    network = network_after_backward()
    before, grads = copied(network.params), copied(network.grads)
    SGD(network, lr=0.1, weight_decay=0.5).step()
    for key, param in network.params.items():
        shrink = 1 - 0.1 * 0.5 if key.endswith("W") else 1
        np.testing.assert_allclose(param, shrink * before[key] - 0.1 * grads[key], rtol=1e-12)


def test_momentum_by_hand():
    network = network_after_backward()
    before, grads = copied(network.params), copied(network.grads)
    optimizer = SGD(network, lr=0.1, momentum=0.5)
    for _ in range(3):
        optimizer.step()
    for key, param in network.params.items():
        steps = 1 + 1.5 + 1.75
        np.testing.assert_allclose(param, before[key] - 0.1 * steps * grads[key], rtol=1e-10)


@pytest.mark.parametrize("decoupled", [True, False])
def test_first_step_of_adam_is_the_sign(decoupled):
    network = network_after_backward()
    before, grads = copied(network.params), copied(network.grads)
    Adam(network, lr=0.1, weight_decay=0.5, decoupled=decoupled).step()
    for key, param in network.params.items():
        start, grad = before[key], grads[key]
        if key.endswith("W"):
            if decoupled:
                start = start * (1 - 0.1 * 0.5)
            else:
                grad = grad + 0.5 * start
        np.testing.assert_allclose(param, start - 0.1 * np.sign(grad), atol=1e-5)


@every_optimizer
def test_lr_can_be_changed_between_steps(name):
    network = network_after_backward()
    optimizer = OPTIMIZERS[name](network)
    optimizer.lr = 1e-30
    before = copied(network.params)
    optimizer.step()
    assert all(np.array_equal(network.params[key], before[key]) for key in before)


@pytest.mark.parametrize(
    ("make", "name", "value", "error"),
    [
        (SGD, "lr", -1, ValueError),
        (SGD, "momentum", 1, ValueError),
        (SGD, "weight_decay", None, TypeError),
        (Adam, "lr", np.nan, ValueError),
        (Adam, "betas", (0.9, 1.0), ValueError),
        (Adam, "eps", -1e-8, ValueError),
        (Adam, "weight_decay", -0.1, ValueError),
    ],
)
def test_nonsense_is_refused_between_steps_too(make, name, value, error):
    optimizer = make(NET, 0.1)
    before = getattr(optimizer, name)
    with pytest.raises(error, match=f"{name} must .* got"):
        setattr(optimizer, name, value)
    assert getattr(optimizer, name) == before == getattr(copy.deepcopy(optimizer), name)


@every_optimizer
def test_a_single_layer_and_a_nested_network(name):
    """Decay finds W whether its key is "W", "0.W" or "0.0.W"."""
    layers = [Linear(4, 5, rng=np.random.default_rng(0)) for _ in range(3)]
    networks = layers[0], Sequential([layers[1]]), Sequential([Sequential([layers[2]])])
    for network in networks:
        network.forward(np.ones((2, 4), np.float32))
        network.backward(np.ones((2, 5), np.float32))
        OPTIMIZERS[name](network).step()
    for layer in layers[1:]:
        assert all(np.array_equal(layer.params[k], layers[0].params[k]) for k in ("W", "b"))


NET = mlp([4, 3])


@pytest.mark.parametrize(
    "build, error, message",
    [
        (lambda: SGD(NET.params, 0.1), TypeError, "network must be a layer"),
        (lambda: Adam([NET], 0.1), TypeError, r"network must be a layer .* got \[Sequential"),
        (lambda: SGD(NET, 0), ValueError, r"lr must lie in \(0, inf\), got 0"),
        (lambda: SGD(NET, -0.1), ValueError, "lr must lie in .* got -0.1"),
        (lambda: SGD(NET, np.nan), ValueError, "lr must lie in .* got nan"),
        (lambda: SGD(NET, "fast"), TypeError, "lr must be a number, got 'fast'"),
        (lambda: SGD(NET, 0.1, momentum=1), ValueError, r"momentum must lie in \[0, 1\), got 1"),
        (lambda: SGD(NET, 0.1, momentum=-0.5), ValueError, "momentum must lie .* got -0.5"),
        (lambda: SGD(NET, 0.1, weight_decay=-1), ValueError, "weight_decay must lie .* got -1"),
        (lambda: Adam(NET, 0.0), ValueError, r"lr must lie in \(0, inf\), got 0.0"),
        (lambda: Adam(NET, 0.1, betas=(0.9, 1)), ValueError, r"betas must lie in \[0, 1\), got 1"),
        (lambda: Adam(NET, 0.1, betas=(-0.1, 0.9)), ValueError, "betas must lie .* got -0.1"),
        (lambda: Adam(NET, 0.1, betas=(0.9,)), ValueError, r"betas must hold two .* got \(0.9,\)"),
        (lambda: Adam(NET, 0.1, betas=0.9), TypeError, "betas must be a list, got 0.9"),
        (lambda: Adam(NET, 0.1, betas=("a", 0)), TypeError, "betas must be a number, got 'a'"),
        (lambda: Adam(NET, 0.1, eps=-1e-8), ValueError, "eps must lie in .* got -1e-08"),
        (lambda: Adam(NET, 0.1, weight_decay=None), TypeError, "weight_decay must .* got None"),
    ],
)
def test_bad_input(build, error, message):
    with pytest.raises(error, match=message):
        build()


# Adam in pieces


def test_moving_average_weighs_the_past():
    average = 0.0
    for new in (1.0, 2.0, 4.0):
        average = moving_average(average, new, 0.5)
    assert average == 1 / 8 + 2 / 4 + 4 / 2


@pytest.mark.parametrize("steps", [1, 2, 10])
def test_a_constant_gradient_gives_steps_of_full_length(steps):
    g = np.array([5.0, -0.001])
    first = second = np.zeros(2)
    for _ in range(steps):
        first, second = moving_average(first, g, 0.9), moving_average(second, g**2, 0.999)
    direction = adam_direction(first, second, steps, (0.9, 0.999), 1e-8)
    assert np.allclose(direction, [1, -1], rtol=1e-4)


def test_eps_stands_outside_of_the_root():
    direction = adam_direction(np.array([2.0]), np.array([4.0]), 10**6, (0.9, 0.999), 2.0)
    assert direction == pytest.approx(0.5)
