"""Layer normalization: what the notebook measures, scales and shows."""

import numpy as np
import pytest

from course_utils.experiments import layer_norm as ln
from course_utils.experiments.comparison import Comparison
from course_utils.experiments.initialization import scales
from course_utils.experiments.propagation import standard_weights
from course_utils.experiments.training import History
from course_utils.lab import figures
from course_utils.lab.exercises.panels import EXERCISES
from course_utils.nn import (
    LayerNorm,
    ReLU,
    gradient_check,
    mlp,
    numerical_gradient,
    relative_error,
    softmax_cross_entropy,
)

pytestmark = pytest.mark.filterwarnings("error")

RNG = np.random.default_rng
PLACES = pytest.mark.parametrize("position", ["after", "before"])


@pytest.fixture(scope="module")
def batch():
    rng = RNG(0)
    return (
        rng.standard_normal((16, 300)),
        rng.integers(0, 10, 16),
        standard_weights(300, 200, 6, rng),
    )


# Norms by layer


@pytest.mark.parametrize("c", [0.5, 3.0])
@PLACES
def test_norms_do_not_depend_on_c_and_follow_the_theory(batch, position, c):
    found = ln.norms_by_layer(*batch, c, 6, 200, position)
    level = {"after": 200, "before": 100}[position] ** 0.5
    assert found.forward[1:] == pytest.approx(level, rel=0.05)
    for name in ("forward", "backward"):
        measured, theory = getattr(found, name), getattr(found, f"{name}_theory")
        assert measured == pytest.approx(theory, rel=0.3)
    at_two = ln.norms_by_layer(*batch, 2.0, 6, 200, position)
    assert found.forward == pytest.approx(at_two.forward, rel=1e-3)
    assert found.backward / found.backward[-1] == pytest.approx(
        at_two.backward / at_two.backward[-1], rel=0.1
    )


def test_behind_layer_norm_the_norm_is_the_root_of_the_width_to_the_digit(batch):
    forward = ln.norms_by_layer(*batch, 2.0, 6, 50, "after").forward
    assert forward[1:] == pytest.approx(50**0.5, rel=1e-4)


def test_without_normalization_they_are_the_scales_of_initialization(batch):
    x, labels, standard = batch
    found = ln.norms_by_layer(x, labels, standard, 1.5, 4, 60, "none")
    theirs = scales(x, labels, standard, 1.5, 4, 60)
    for name in ("forward", "backward", "forward_theory", "backward_theory"):
        assert getattr(found, name) == pytest.approx(getattr(theirs, name), rel=1e-9)


@PLACES
def test_norms_are_those_of_a_network_with_the_same_weights(batch, position):
    x, labels, (hidden, output) = batch
    network = mlp(
        [300] + 3 * [20] + [10],
        norm="layer",
        norm_position=position,
        affine=False,
        dtype=np.float64,
    )
    weights = [param for key, param in network.params.items() if key.endswith("W")]
    for W, G in zip(weights, [*hidden[:3], output], strict=True):
        W[:] = np.sqrt(1.7 / len(W)) * G[: len(W), : W.shape[1]]
    _, grad = softmax_cross_entropy(network.forward(x), labels)
    found = ln.norms_by_layer(x, labels, (hidden, output), 1.7, 3, 20, position)
    grad_x = network.backward(grad)
    assert found.backward[0] == pytest.approx(np.linalg.norm(grad_x, axis=1).mean(), rel=1e-9)


def test_an_unknown_position_is_named(batch):
    with pytest.raises(ValueError, match="position must be one of .* got 'between'"):
        ln.norms_by_layer(*batch, 2.0, 3, 20, "between")


# Scaling one layer


@pytest.fixture
def network():
    network = mlp([6, 8, 8, 3], norm="layer", norm_position="after", rng=RNG(1), dtype=np.float64)
    for key, param in network.params.items():
        if key.endswith("b"):
            param[:] = RNG(2).standard_normal(param.shape)
    return network


def test_scaling_weights_and_bias_together_is_not_seen_and_weights_alone_are(network):
    x, factors = RNG(3).standard_normal((20, 6)), [0.5, 1.0, 40.0]
    together = ln.change_of_predictions(network, x, 3, factors, bias=True)
    alone = ln.change_of_predictions(network, x, 3, factors, bias=False)
    assert together.max() < 1e-4
    assert alone[1] == 0 and alone[0] > 100 * together[0] and alone[2] > 100 * together[2]


def test_scaling_is_of_a_copy_and_of_one_layer(network):
    before = {key: param.copy() for key, param in network.params.items()}
    changed = ln.scaled(network, 3, 2.0, bias=True)
    for key, param in before.items():
        assert np.array_equal(network.params[key], param)
        factor = 2.0 if key in ("3.W", "3.b") else 1.0
        assert np.array_equal(changed.params[key], factor * param)


def test_a_change_of_predictions_is_between_none_and_all():
    network = mlp([1, 2], dtype=np.float64)
    network.params["0.W"][:] = [[100.0, -100.0]]
    x = np.array([[1.0], [-1.0]])
    change = ln.change_of_predictions(network, x, 0, [1.0, 0.0, -1.0], bias=False)
    assert change == pytest.approx([0, 0.5, 1])


# The toy problem and the claims


def test_the_classes_of_the_toy_problem_differ_in_length_alone():
    points, labels = ln.lengths(2000, 20, RNG(0))
    norms = np.linalg.norm(points, axis=1)
    assert norms[labels == 0].max() < norms[labels == 1].min()
    assert norms[labels == 1].mean() / norms[labels == 0].mean() == pytest.approx(2, rel=0.02)
    directions = points / norms[:, None]
    means = [directions[labels == label].mean(axis=0) for label in (0, 1)]
    assert np.abs(means).max() < 0.03
    assert points.dtype == np.float32


@pytest.mark.parametrize("kind", ["none", "hidden", "input"])
def test_a_normalized_input_forgets_its_length(kind):
    network, _ = ln.toy_network(kind, n=5)(RNG(0))
    for key, param in network.params.items():
        if key.endswith("b"):
            param[:] = RNG(1).standard_normal(param.shape)
    x = RNG(2).standard_normal((4, 5)).astype(np.float32)
    difference = np.abs(network.forward(2 * x) - network.forward(x)).max()
    assert (difference < 1e-3) == (kind == "input")
    with pytest.raises(ValueError, match="kind must be one of"):
        ln.toy_network("output")


def test_sides_normalize_where_they_say():
    for place, (norm, position) in ln.PLACES.items():
        network, optimizer = ln.side(norm, depth=2, width=7, lr=0.3, position=position)(RNG(0))
        kinds = [type(layer) for layer in network.layers[1:3]]
        assert (
            kinds[: 2 if norm else 1]
            == {
                "none": [ReLU],
                "layer norm": [ReLU, LayerNorm],
                "layer norm before": [LayerNorm, ReLU],
            }[place]
        )
        assert len(network.params) == 6  # no scale, no shift
        assert optimizer.lr == 0.3


def runs(**losses):
    return Comparison((3, 4), {side: [History([loss] * 60)] * 2 for side, loss in losses.items()})


def test_claims_are_judged_by_the_losses_at_the_end():
    sides = {f"none, c = {c}": loss for c, loss in {1: 2.3, 2: 0.5, 3: np.nan}.items()}
    sides |= {f"layer norm, c = {c}": loss for c, loss in {1: 1.5, 2: 0.8, 3: 0.9}.items()}
    comparison = runs(**sides)
    assert all(map(ln.C4.holds, ln.c4_figures(comparison)))
    assert all(map(ln.C5.holds, ln.c5_figures(comparison)))
    for side, loss in [("layer norm, c = 1", 2.25), ("none, c = 1", 1.0), ("none, c = 3", 1.0)]:
        assert not any(map(ln.C4.holds, ln.c4_figures(runs(**sides | {side: loss}))))
    faster = runs(**sides | {"layer norm, c = 2": 0.5})
    assert not any(map(ln.C5.holds, ln.c5_figures(faster)))
    assert list(comparison.only(["none, c = 2"]).histories) == ["none, c = 2"]


def test_a_setting_compares_all_places_at_all_rates():
    setting = ln.Setting(1, 4, 30, 2, 10, rates=(0.1, 0.2))
    rng = RNG(0)
    data = rng.standard_normal((40, 784)).astype(np.float32), rng.integers(0, 10, 40)
    comparison = setting.compare(data, data, seeds=(3, 4), progress=False)
    assert list(comparison.histories) == [
        f"{place}, lr {lr}" for place in ln.PLACES for lr in (0.1, 0.2)
    ]


def test_the_table_holds_every_setting_at_every_rate():
    for panel, setting in ln.SETTINGS.items():
        for place in ln.PLACES:
            by_rate = ln.losses_by_rate(ln.C5, panel, place)
            assert list(by_rate) == list(setting.rates)
            assert all(len(losses) == 10 for losses in by_rate.values())


# Pictures


def test_a_rate_at_which_runs_diverge_counts_as_the_worst():
    picture = figures.LossesByRate({"a": (0.1, 10)}, rates=(0.01, 1))
    picture.update({("a", "none"): {0.1: [2.0, 3.0, 4.0], 0.5: [1.0, np.nan, np.nan]}})
    assert picture.reading == "a, none: best at 0.1, median loss 3."


def test_the_scaled_layer_says_how_much_has_changed():
    before, now = np.eye(10)[7], np.eye(10)[3]
    curve = np.linspace(0, 1, 5)
    factors = np.logspace(-4, 2, 5)
    picture = figures.ScaledLayer().update((factors, curve, curve, 0.01, 0.25, before, now))
    assert "0.25 of the probability" in picture.reading and "read as 3" in picture.reading
    picture.update((factors, curve, curve, 1.0, 1e-9, before, before))
    assert "nothing has" in picture.reading and "read as 7" in picture.reading


# Exercises


def reference(name):
    return EXERCISES[name].reference


def test_scale_and_shift_backward_is_the_library_s():
    rng = RNG(0)
    layer, x, grad_y = LayerNorm(4, dtype=np.float64), *rng.standard_normal((2, 3, 4))
    layer.params["gamma"][:] = gamma = rng.standard_normal(4)
    layer.forward(x)
    x_hat, _ = layer.saved
    found = reference("scale_and_shift_backward")(grad_y, x_hat, gamma)
    ours = layer.scale_and_shift_backward(grad_y, x_hat), layer.grads["gamma"], layer.grads["beta"]
    assert all(np.allclose(*pair, rtol=1e-12) for pair in zip(found, ours, strict=True))
    assert gradient_check(layer, x) < 1e-7


def test_what_is_taken_away_is_what_layer_norm_s_backward_lacks():
    rng = RNG(0)
    layer, x, grad_y = LayerNorm(5, eps=0.0, affine=False), *rng.standard_normal((2, 3, 5))
    x_hat = layer.forward(x)
    left = reference("take_away")(grad_y, x_hat)
    assert np.allclose(left / x.std(axis=1, keepdims=True), layer.backward(grad_y))
    assert np.allclose(left.sum(axis=1), 0) and np.allclose((left * x_hat).sum(axis=1), 0)


def test_with_the_equivalent_lr_scaled_weights_stay_scaled():
    factor, lr, rng = 3.0, 0.05, RNG(0)
    x, labels = rng.standard_normal((30, 6)), rng.integers(0, 3, 30)

    def train(factor, lr):
        network = mlp([6, 8, 3], norm="layer", affine=False, rng=RNG(1), dtype=np.float64)
        network.layers[1].eps = 0.0
        linear = network.layers[0]
        for param in linear.params.values():
            param *= factor
        for _ in range(20):
            network.backward(softmax_cross_entropy(network.forward(x), labels)[1])
            for name, param in linear.params.items():
                param -= lr * linear.grads[name]
        return linear.params["W"]

    scaled = train(factor, reference("equivalent_lr")(lr, factor))
    assert np.allclose(scaled, factor * train(1.0, lr), rtol=1e-8)
    assert not np.allclose(scaled, factor * train(1.0, 2 * lr), rtol=1e-3)


def test_rms_norm_s_backward_is_its_gradient():
    rng = RNG(0)
    x, grad_y = rng.standard_normal((2, 3, 5))
    forward, backward = reference("rms_norm"), reference("rms_norm_backward")
    truth = numerical_gradient(lambda: np.sum(forward(x, 0.1) * grad_y), x)
    assert relative_error(backward(grad_y, x, 0.1), truth) < 1e-8
    assert np.linalg.norm(forward(x, 0.0), axis=1) == pytest.approx(5**0.5)
