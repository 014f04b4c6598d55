"""The network against PyTorch: results stored by tools/make_torch_reference.py."""

from pathlib import Path

import numpy as np
import pytest

from course_utils.nn import (
    SGD,
    Adam,
    BatchNorm,
    LayerNorm,
    Linear,
    ReLU,
    Sequential,
    Tanh,
    softmax_cross_entropy,
)

REFERENCE = dict(np.load(Path(__file__).parent.parent / "data" / "torch_reference.npz"))
F64 = {"dtype": np.float64}
MOMENTA = [0.0, 0.1, 0.7, 1.0]
L2 = {"weight_decay": 0.05}


def stored(name):
    """The arrays stored directly under "name/"."""
    depth = name.count("/") + 1
    return {
        key.rpartition("/")[2]: array
        for key, array in REFERENCE.items()
        if key.startswith(f"{name}/") and key.count("/") == depth
    }


def assert_equal(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


def assert_layer_equal(layer, name):
    """Load the stored parameters, then compare output and every gradient."""
    theirs = stored(name)
    for key in layer.params:
        layer.params[key][...] = theirs[key]
    assert_equal(layer.forward(theirs["x"]), theirs["y"])
    assert_equal(layer.backward(theirs["grad_y"]), theirs["grad_x"])
    for key in layer.params:
        assert_equal(layer.grads[key], theirs[f"grad_{key}"])


@pytest.mark.parametrize(
    "name, layer",
    [
        ("linear", Linear(4, 3, **F64)),
        ("relu", ReLU()),
        ("tanh", Tanh()),
        ("layer_norm/True", LayerNorm(4, **F64)),
        ("layer_norm/False", LayerNorm(4, affine=False)),
    ],
)
def test_layer(name, layer):
    assert_layer_equal(layer, name)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("momentum", MOMENTA)
def test_batch_norm(momentum, affine):
    name = f"batch_norm/{momentum}/{affine}"
    layer = BatchNorm(4, momentum=momentum, affine=affine, **F64)
    theirs = stored(name)
    for step, batch in enumerate(stored("batch_norm")["batches"]):
        layer.forward(batch)
        assert_equal(layer.running_mean, theirs["means"][step])
        assert_equal(layer.running_var, theirs["variances"][step])
    assert_layer_equal(layer.eval(), f"{name}/evaluation")
    assert_layer_equal(layer.train(), f"{name}/training")


@pytest.mark.parametrize("name", ["ordinary", "huge", "mixed"])
def test_cross_entropy(name):
    theirs = stored(f"cross_entropy/{name}")
    loss, grad = softmax_cross_entropy(theirs["logits"], theirs["labels"])
    assert_equal(loss, theirs["loss"])
    assert_equal(grad, theirs["grad"])


@pytest.mark.parametrize(
    "name, optimizer_class, options",
    [
        ("sgd", SGD, {"lr": 0.1}),
        ("sgd_momentum", SGD, {"lr": 0.1, "momentum": 0.9}),
        ("sgd_decay", SGD, {"lr": 0.1, **L2}),
        ("sgd_momentum_decay", SGD, {"lr": 0.1, "momentum": 0.9, **L2}),
        ("adam", Adam, {"lr": 0.01}),
        ("adam_l2", Adam, {"lr": 0.01, "decoupled": False, **L2}),
        ("adamw", Adam, {"lr": 0.01, **L2}),
        ("adamw_betas", Adam, {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3, **L2}),
    ],
)
def test_optimizer(name, optimizer_class, options):
    """Fifty steps of a small network; in PyTorch a group of their own spares b, gamma and beta."""
    network = Sequential([Linear(4, 5, **F64), Tanh(), LayerNorm(5, **F64), Linear(5, 3, **F64)])
    for key, start in stored("trajectory/0").items():
        network.params[key][...] = start
    optimizer = optimizer_class(network, **options)
    batches = stored("trajectory")
    for step, (x, labels) in enumerate(zip(batches["x"], batches["labels"]), start=1):
        _, grad = softmax_cross_entropy(network.forward(x), labels)
        network.backward(grad)
        optimizer.step()
        for key, theirs in stored(f"trajectory/{name}/{step}").items():
            assert_equal(network.params[key], theirs)
    assert step == 50 and stored(f"trajectory/{name}/50").keys() == network.params.keys()
