"""The vital signs of a network."""

import numpy as np
import pytest
from helpers import moons, rng, same, state

from course_utils.experiments import training_steps, vital_signs
from course_utils.experiments.vitals import mean_cosine, recorded
from course_utils.nn import (
    SGD,
    Adam,
    Dropout,
    Layer,
    Linear,
    ReLU,
    Sequential,
    mlp,
    softmax_cross_entropy,
)

pytestmark = pytest.mark.filterwarnings("error")


def with_sgd(network, lr=0.1):
    return network, SGD(network, lr)


def small_network():
    """2 to 3 to 2, with a unit that is dead on the examples (its bias is far below zero)."""
    network = Sequential([Linear(2, 3), ReLU(), Linear(3, 2)])
    network.params["0.W"] = np.array([[1.0, -1.0, 0.5], [0.0, 2.0, 1.0]])
    network.params["0.b"] = np.array([0.5, 0.0, -100.0])
    network.params["2.W"] = np.array([[1.0, -1.0], [0.5, 1.0], [3.0, 3.0]])
    network.params["2.b"] = np.array([0.1, -0.1])
    return network


X = np.array([[1.0, 2.0], [0.0, -1.0], [3.0, 1.0]])
LABELS = np.array([0, 1, 1])


def test_vital_signs_by_hand():
    signs = vital_signs(*with_sgd(small_network()), X, LABELS)
    hidden = np.maximum(X @ [[1, -1, 0.5], [0, 2, 1]] + [0.5, 0, -100], 0)
    W2 = np.array([[1, -1], [0.5, 1], [3, 3]])
    logits = hidden @ W2 + [0.1, -0.1]
    q = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    delta2 = (q - np.eye(2)[LABELS]) / 3
    gradients = [X.T @ ((delta2 @ W2.T) * (hidden > 0)), hidden.T @ delta2]
    weights = [np.sqrt(1 + 1 + 0.25 + 4 + 1), np.sqrt(1 + 1 + 0.25 + 1 + 9 + 9)]

    def lengths(z):
        return np.mean(np.sqrt((z**2).sum(axis=1)))

    norms = [np.sqrt((gradient**2).sum()) for gradient in gradients]
    assert signs.activation == pytest.approx([lengths(hidden), lengths(logits)])
    assert signs.gradient == pytest.approx(norms)
    assert signs.update_ratio == pytest.approx(0.1 * np.array(norms) / weights)
    assert signs.dead == pytest.approx([1 / 3, 0])
    assert signs.loss == pytest.approx(-np.mean(np.log(q[range(3), LABELS])))


def test_vital_signs_leave_the_network_as_it_was():
    network = mlp([2, 8, 8, 2], norm="batch", p=0.4, rng=rng(5))
    generator = next(layer.rng for layer in network if isinstance(layer, Dropout))
    points, labels = moons(50)
    next(training_steps(network, SGD(network, 0.1), [(points[:20], labels[:20])]))
    before, dice = state(network), generator.bit_generator.state
    grads = {key: grad.copy() for key, grad in network.grads.items()}
    saved = network.layers[0].saved
    first = vital_signs(*with_sgd(network), points, labels)
    assert same(state(network), before) and same(dict(network.grads), grads)
    assert generator.bit_generator.state == dice
    assert network.layers[0].saved is saved
    again = vital_signs(*with_sgd(network), points, labels)
    assert np.array_equal(first.activation, again.activation) and first.loss == again.loss


def test_vital_signs_are_taken_in_the_present_mode():
    network = mlp([2, 50, 50, 2], norm="batch", rng=rng())
    network.layers[1].running_var[:] = 100.0
    training = vital_signs(*with_sgd(network.train()), *moons(50))
    evaluation = vital_signs(*with_sgd(network.eval()), *moons(50))
    assert evaluation.activation[0] < 0.5 * training.activation[0]
    assert not any(layer.training for layer in network)


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_vital_signs_count_in_float64(scale):
    """Squares of these leave float32, their lengths do not."""
    network = Sequential([Linear(2, 3, rng=rng()), ReLU(), Linear(3, 2, rng=rng())])
    expected = vital_signs(*with_sgd(network), *moons(20))
    network.params["0.W"] *= np.float32(scale)
    network.params["2.W"] /= np.float32(scale)
    signs = vital_signs(*with_sgd(network), *moons(20))
    factors = np.array([scale, 1])
    assert signs.activation == pytest.approx(factors * expected.activation, rel=1e-4)
    assert signs.gradient == pytest.approx(expected.gradient / [scale, 1 / scale], rel=1e-4)
    assert signs.loss == pytest.approx(expected.loss, rel=1e-4)


def test_dead_units_are_those_that_say_the_same_to_everyone():
    network = mlp([2, 4, 4, 2], rng=rng())
    network.params["0.W"][:, :3] = 0.0  # three units of four say their bias
    network.params["0.b"][:] = 1.0
    network.params["2.b"][:] = -1e3  # all four of the next are silent
    assert vital_signs(*with_sgd(network), *moons()).dead == pytest.approx([3 / 4, 1, 1])
    assert vital_signs(*with_sgd(mlp([2, 4, 2], activation="tanh")), *moons()).dead.max() == 0


class ForeignLinear:
    """A student's layer: nothing of the library's in it."""

    def __init__(self, n_in, n_out):
        self.params = {"W": rng(n_in).standard_normal((n_in, n_out))}
        self.grads = {}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"]

    def backward(self, grad_y):
        self.grads["W"] = self.x.T @ grad_y
        return grad_y @ self.params["W"].T


class Scale(Layer):
    """A layer with a parameter that is no weight matrix."""

    def __init__(self):
        super().__init__(gamma=np.full(1, 2.0))

    def forward(self, x):
        return self.params["gamma"] * x

    def backward(self, grad_y):
        return self.params["gamma"] * grad_y


def test_vital_signs_of_foreign_layers():
    x, labels = X, LABELS
    network = Sequential([Scale(), ForeignLinear(2, 4), ReLU(), Scale(), ForeignLinear(4, 2)])
    signs = vital_signs(*with_sgd(network, 0.5), x, labels)
    W1, W2 = network.layers[1].params["W"], network.layers[4].params["W"]
    hidden = 2 * np.maximum(2 * x @ W1, 0)  # with the scale behind it
    _, delta = softmax_cross_entropy(hidden @ W2, labels)
    gradient = np.linalg.norm(hidden.T @ delta)
    assert len(signs.activation) == len(signs.gradient) == len(signs.dead) == 2
    assert signs.activation[0] == pytest.approx(np.linalg.norm(hidden, axis=1).mean())
    assert signs.update_ratio[1] == pytest.approx(0.5 * gradient / np.linalg.norm(W2))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("norm", [None, "layer", "batch"])
@pytest.mark.parametrize("key", ["first", "last"])
def test_vital_signs_of_a_network_that_blew_up(value, norm, key):
    network = mlp([2, 8, 8, 2], norm=norm, rng=rng())
    weights = [layer.params["W"] for layer in network.layers if "W" in layer.params]
    weights[{"first": 0, "last": -1}[key]][:] = value
    signs = vital_signs(*with_sgd(network), *moons())
    assert not np.isfinite(signs.loss)
    assert not np.isfinite(signs.activation[-1])
    assert not np.isfinite(signs.update_ratio[{"first": 0, "last": -1}[key]])
    finite = np.isfinite(signs.activation)
    assert finite.tolist() == ([False] * 3 if key == "first" else [True, True, False])
    assert all(len(sign) == 3 for sign in (signs.gradient, signs.update_ratio, signs.dead))


def test_vital_signs_of_weights_that_are_zero():
    signs = vital_signs(*with_sgd(mlp([2, 8, 2], c=0.0)), *moons())
    assert (signs.update_ratio == 0).all() and (signs.dead == 1).all()
    assert signs.loss == pytest.approx(np.log(2))


@pytest.mark.parametrize(
    "make",
    [
        lambda network: SGD(network, 0.05, momentum=0.9),
        lambda network: SGD(network, 0.05, momentum=0.9, weight_decay=0.5),
        lambda network: Adam(network, 0.01, weight_decay=0.5),
    ],
    ids=["momentum", "momentum and decay", "AdamW"],
)
def test_the_update_is_that_of_the_next_step(make):
    """Not lr ||grad|| / ||W||, which is 6 times too little under momentum 0.9."""
    network = mlp([2, 30, 30, 2], rng=rng(), dtype=np.float64)
    optimizer, data = make(network), (moons()[0].astype(np.float64), moons()[1])
    for _ in training_steps(network, optimizer, [data] * 50):
        pass
    shown = vital_signs(network, optimizer, *data).update_ratio
    before = [network.params[key].copy() for key in ("0.W", "2.W", "4.W")]
    next(training_steps(network, optimizer, [data]))
    pairs = zip(before, (network.params[key] for key in ("0.W", "2.W", "4.W")))
    true = [np.linalg.norm(new - old) / np.linalg.norm(old) for old, new in pairs]
    assert shown == pytest.approx(true)
    again = vital_signs(network, optimizer, *data).update_ratio
    assert again == pytest.approx(vital_signs(network, optimizer, *data).update_ratio)


@pytest.mark.parametrize("position", ["before", "after"])
@pytest.mark.parametrize("norm", ["layer", "batch"])
def test_units_are_dead_behind_a_normalization_too(norm, position):
    network = mlp([2, 10, 2], norm=norm, norm_position=position, rng=rng())
    norm_or_linear = network.layers[1] if position == "before" else network.layers[0]
    shift = "beta" if position == "before" else "b"
    norm_or_linear.params[shift][:4] = -100.0
    alive = vital_signs(*with_sgd(mlp([2, 10, 2], rng=rng())), *moons()).dead[0]
    assert vital_signs(*with_sgd(network), *moons()).dead[0] == pytest.approx(0.4, abs=alive + 0.01)


def test_layers_inside_a_sequential_are_seen():
    flat = mlp([2, 8, 8, 2], norm="layer", rng=rng())
    first, *inner, last = flat.layers
    nested = Sequential([first, Sequential([*inner[:2], Sequential(inner[2:])]), last])
    one, other = (vital_signs(*with_sgd(network), *moons()) for network in (flat, nested))
    for name in ("activation", "gradient", "update_ratio", "dead"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("norm", [None, "batch"])
def test_skips_are_walked_too(norm):
    """A block's output is what the next matrix reads, computed here by hand."""
    network = mlp([2, 8, 8, 8, 2], norm=norm, residual=True, rng=rng(), dtype=np.float64)
    x, labels = moons()
    signs = vital_signs(*with_sgd(network), x.astype(float), labels)
    first, one, two, *end, last = network.layers
    z, read = first.forward(x.astype(float)), []
    for inner in (one.layers[:-1], two.layers[:-1], end):
        a = z
        for layer in inner:
            a = layer.forward(a)
        read.append(a)
        if len(read) < 3:
            z = z + (one, two)[len(read) - 1].layers[-1].forward(a)
    read.append(last.forward(a))
    assert signs.activation == pytest.approx([np.linalg.norm(a, axis=1).mean() for a in read])
    assert signs.dead == pytest.approx([np.mean(np.ptp(a, axis=0) == 0) for a in read])
    assert (signs.gradient > 0).all() and (signs.update_ratio > 0).all()


def test_a_layer_may_stand_twice():
    relu = ReLU()
    network = Sequential([Linear(2, 3, rng=rng()), relu, Linear(3, 3, rng=rng()), relu])
    with recorded(network) as outputs:
        network.forward(moons()[0])
    assert [layer for layer, _ in outputs] == network.layers
    assert "forward" not in vars(relu)


def test_recording_ends():
    network = mlp([2, 8, 2], rng=rng())
    with recorded(network) as outputs:
        y = network.forward(moons()[0])
    assert [layer for layer, _ in outputs] == network.layers and outputs[-1][1] is y
    network.forward(moons()[0])
    assert len(outputs) == 3


@pytest.mark.parametrize(
    ("cosines", "rows"),
    [(1.0, [[1, 2], [2, 4]]), (0.0, [[1, 0], [0, 3]]), (1 / 3, [[1, 0], [0, 1], [0, 5]])],
)
def test_the_mean_cosine_counts_each_pair_once(cosines, rows):
    assert mean_cosine(np.array(rows, float)) == pytest.approx(cosines)
