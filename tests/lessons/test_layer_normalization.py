"""Notebook 03: its experiments measure what they say; its claims, exercises and pictures."""

from functools import partial

import numpy as np
import pytest
from helpers import INF, NAN, rng

from course_utils.experiments import History
from course_utils.experiments.norms import Untrained
from course_utils.experiments.vitals import mean_cosine
from course_utils.lab.checker import examine
from course_utils.lessons.layer_normalization import blanks, exercises, experiments, pictures
from course_utils.lessons.layer_normalization.experiments import C3, C4, C5, PLACES
from course_utils.lessons.layer_normalization.layer import LayerNorm as OwnLayerNorm
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

FACTORS = np.array([1e-4, 1e-2, 1.0])
ONE, TWO = np.eye(10)[3], np.eye(10)[7] / 2  # probabilities of ten classes


def scaled_layer(factors, alone, together, factor, change, before, now):
    """What ScaledLayer shows."""
    curves = {"factors": factors, "alone": alone, "together": together}
    return {**curves, "factor": factor, "change": change, "before": before, "now": now}


def by_rate(a, b, place="none"):
    """What LossesByRate shows, in its panels a and b."""
    return {"losses": {("a", "none"): a, ("b", place): b}}


PICTURES = {
    "ScaledLayer": (
        pictures.ScaledLayer,
        [
            scaled_layer(FACTORS, 0.5 * FACTORS, 0 * FACTORS, 0.1, 0.25, TWO, ONE),
            scaled_layer(2 * FACTORS, 0.9 * FACTORS, 0.2 * FACTORS, 1.0, 0.75, ONE, TWO),
            scaled_layer(FACTORS, NAN * FACTORS, INF * FACTORS, 1.0, NAN, NAN * ONE, INF + ONE),
            scaled_layer(FACTORS, 0.5 * FACTORS, 0 * FACTORS, 1.0, 1e-9, ONE, ONE),
        ],
    ),
    "LossesByRate": (
        partial(pictures.LossesByRate, dict.fromkeys("ab", ((0.01, 1), (0.1, 10)))),
        [
            by_rate({0.1: [2.0, 3.0], 0.5: [1.0, 1.5]}, {0.1: [0.5]}),
            by_rate({0.1: [2.5, 3.0], 0.5: [1.0, 4.0]}, {0.1: [0.9]}),
            by_rate({0.1: [2.0, NAN], 0.5: [NAN, INF]}, {0.1: [0.0]}),
            by_rate({0.1: [2.0, 3.0]}, {0.1: [4.0, 5.0]}, "layer norm before"),
            by_rate({0.1: [2.0, 3.0, 4.0], 0.5: [1.0, NAN, NAN]}, {0.1: [1.0]}),
        ],
    ),
}

READINGS = [
    ("ScaledLayer", 0, ["Times 0.1", "0.25 of the probability", "read as 3"]),
    ("ScaledLayer", 3, ["Times 1", "nothing has", "read as 3"]),
    ("LossesByRate", 0, ["a, without: best at 0.5, median loss 1.25", "b, without: best"]),
    ("LossesByRate", 2, ["a, without: best at 0.1, median loss ∞"]),
    ("LossesByRate", 4, ["a, without: best at 0.1, median loss 3;"]),  # NaN is the worst
]


# Scaling one layer


@pytest.fixture
def network():
    options = {"norm": "layer", "norm_position": "after", "dtype": np.float64}
    network = mlp([6, 8, 8, 3], rng=rng(1), **options)
    for key, param in network.params.items():
        if key.endswith("b"):
            param[:] = rng(2).standard_normal(param.shape)
    return network


def test_scaling_weights_and_bias_together_is_not_seen_and_weights_alone_are(network):
    x, factors = rng(3).standard_normal((20, 6)), [0.5, 1.0, 40.0]
    together = experiments.change_of_predictions(network, x, 3, factors, bias=True)
    alone = experiments.change_of_predictions(network, x, 3, factors, bias=False)
    assert together.max() < 1e-4
    assert alone[1] == 0 and alone[0] > 100 * together[0] and alone[2] > 100 * together[2]


def test_scaling_is_of_a_copy_and_of_one_layer(network):
    before = {key: param.copy() for key, param in network.params.items()}
    changed = experiments.scaled(network, 3, 2.0, bias=True)
    for key, param in before.items():
        assert np.array_equal(network.params[key], param)
        factor = 2.0 if key in ("3.W", "3.b") else 1.0
        assert np.array_equal(changed.params[key], factor * param)


def test_a_change_of_predictions_is_between_none_and_all():
    network = mlp([1, 2], dtype=np.float64)
    network.params["0.W"][:] = [[100.0, -100.0]]
    x = np.array([[1.0], [-1.0]])
    change = experiments.change_of_predictions(network, x, 0, [1.0, 0.0, -1.0], bias=False)
    assert change == pytest.approx([0, 0.5, 1])


# Before training


def untrained():
    return Untrained(rng(0).standard_normal((30, 20)), rng(1).integers(0, 10, 30), hidden=8 * [60])


def test_the_gradient_grows_behind_relu_only_and_biases_tame_it():
    c, at = 2.0, {"c": 2.0, "depth": 8, "width": 60, "draws": 4}
    blocks = experiments.blocks(LayerNorm)
    assert experiments.growth(untrained(), blocks["after"], **at) == pytest.approx(1.47, abs=0.1)
    assert experiments.growth(untrained(), blocks["before"], **at) == pytest.approx(1, abs=0.1)
    pushed = experiments.blocks(LayerNorm, push=3 * c**0.5)["after"]
    assert experiments.growth(untrained(), pushed, **at) == pytest.approx(1, abs=0.1)


def test_layer_norm_after_relu_keeps_rows_apart():
    blocks = experiments.blocks(LayerNorm)
    ends = {place: experiments.cosines(untrained(), block)[-1] for place, block in blocks.items()}
    assert ends["none"] > 0.6 and ends["before"] > 0.6 and abs(ends["after"]) < 0.1


@pytest.mark.parametrize("norm", [LayerNorm, OwnLayerNorm], ids=["library", "notebook"])
def test_a_layer_of_one_s_own_stands_in_every_place(norm):
    for place, options in experiments.places(norm).items():
        network = mlp([784, 7, 7, 10], rng=rng(), **options)
        assert sum(type(layer) is norm for layer in network.layers) == 2 * (place != "none")


# Sides and claims


@pytest.mark.parametrize(
    ("place", "kinds"),
    [
        ("none", [ReLU]),
        ("layer norm", [ReLU, LayerNorm]),
        ("layer norm before", [LayerNorm, ReLU]),
    ],
)
def test_networks_are_normalized_where_their_place_says(place, kinds):
    network = mlp([784, 7, 7, 10], rng=rng(), **PLACES[place])
    assert [type(layer) for layer in network.layers[1 : 1 + len(kinds)]] == kinds
    assert len(network.params) == 6  # no scale, no shift


def test_norms_at_the_start_are_the_root_of_the_width_behind_layer_norm_only():
    images = rng(0).standard_normal((60, 784)).astype(np.float32)
    norms = experiments.norms_at_start((images, rng(1).integers(0, 10, 60)), None, seed=3)
    assert norms.keys() == experiments.scale_sides().keys()
    assert norms["layer norm, c = 3"] == pytest.approx(np.full(20, 50**0.5), rel=1e-3)
    assert C3.holds(C3.numbers(norms))
    assert not C3.holds(C3.numbers(norms | {"layer norm, c = 1": np.full(20, 7.2)}))
    assert not C3.holds(C3.numbers(norms | {"none, c = 3": norms["none, c = 1"]}))


def runs(**losses):
    """Runs of 60 steps at the same loss, by side."""
    return {side: History([loss] * 60) for side, loss in losses.items()}


END_WELL = {"none, c = 1": 2.3, "none, c = 2": 0.5, "none, c = 3": NAN}
END_WELL |= {"layer norm, c = 1": 1.5, "layer norm, c = 2": 0.8, "layer norm, c = 3": 0.9}


@pytest.mark.parametrize(
    ("side", "loss"),
    [("layer norm, c = 1", 2.25), ("none, c = 1", 1.0), ("none, c = 2", 2.2), ("none, c = 3", 1.0)],
)
def test_c4_is_judged_by_every_side(side, loss):
    assert C4.holds(C4.numbers(runs(**END_WELL)))
    assert not C4.holds(C4.numbers(runs(**END_WELL | {side: loss})))


C5_ENDS = {
    "20 x 50, none, lr 0.03": 0.5, "20 x 50, layer norm, lr 0.03": 0.7,
    "20 x 50, none, lr 0.005": 0.8, "20 x 50, layer norm, lr 0.005": 0.6,
    "3 x 100, none, lr 0.05": 0.03, "3 x 100, layer norm, lr 0.05": 0.02,
}  # fmt: skip


def test_c5_holds_of_losses_that_say_so_at_one_rate_at_the_best_and_at_three_layers():
    assert C5.holds(C5.numbers(runs(**C5_ENDS)))
    assert C5.holds(C5.numbers(runs(**C5_ENDS | {"20 x 50, none, lr 0.1": NAN})))


@pytest.mark.parametrize(
    ("side", "loss"),
    [
        ("20 x 50, layer norm, lr 0.03", 0.54),
        ("20 x 50, layer norm, lr 0.03", NAN),
        ("20 x 50, layer norm, lr 0.005", 0.54),
        ("20 x 50, none, lr 0.02", 0.55),
        ("3 x 100, layer norm, lr 0.05", 0.04),
    ],
)
def test_c5_is_judged_by_every_part_of_its_sentence(side, loss):
    if side == "20 x 50, none, lr 0.02":  # a better rate without layer norm leaves the claim alone
        assert C5.holds(C5.numbers(runs(**C5_ENDS | {side: 0.4})))
        side, loss = "20 x 50, layer norm, lr 0.02", 0.5
    assert not C5.holds(C5.numbers(runs(**C5_ENDS | {side: loss})))


def test_a_setting_trains_all_places_at_all_rates_on_its_own_share_of_the_digits(monkeypatch):
    seen = []
    monkeypatch.setattr(
        experiments, "run_sides", lambda *given, **budget: seen.append((given, budget)) or given[0]
    )
    settings = {
        "small": experiments.Setting(1, 4, 30, 2, 10, rates=(0.1, 0.2)),
        "deep": experiments.Setting(2, 4, 40, 3, 20, rates=(0.5,)),
    }
    digits = rng().standard_normal((60, 784)), np.arange(60) % 10
    names = list(experiments.train_settings(digits, digits, 3, settings))
    assert names == [f"small, {place}, lr {lr}" for place in PLACES for lr in (0.1, 0.2)] + [
        f"deep, {place}, lr 0.5" for place in PLACES
    ]
    assert [budget for _, budget in seen] == [
        {"steps": 2, "batch_size": 10}, {"steps": 3, "batch_size": 20}
    ]  # fmt: skip
    assert [[len(array) for array in given[1]] for given, _ in seen] == [[30, 30], [40, 40]]


def test_what_c5_is_judged_on_is_trained_alone_as_in_the_table(monkeypatch):
    monkeypatch.setattr(experiments, "run_sides", lambda sides, *_, **budget: sides)
    digits = np.zeros((4, 784)), np.zeros(4, int)
    judged = experiments.train_settings(digits, digits, 3, experiments.JUDGED)
    assert list(judged) == [
        "20 x 50, none, lr 0.02", "20 x 50, none, lr 0.03",
        "20 x 50, layer norm, lr 0.005", "20 x 50, layer norm, lr 0.03",
        "3 x 100, none, lr 0.05", "3 x 100, layer norm, lr 0.05",
    ]  # fmt: skip
    assert judged.keys() <= C5.table()[200][0].keys()


def test_the_table_holds_every_setting_at_every_rate():
    for name, setting in experiments.SETTINGS.items():
        for place in PLACES:
            found = experiments.losses_by_rate(name, place)
            assert tuple(found) == setting.rates
            assert all(len(losses) == len(C5.table()) for losses in found.values())


# The toy problem


def test_the_classes_of_the_toy_problem_differ_in_length_alone():
    points, labels = experiments.two_lengths(2000, 20, rng(0))
    lengths = np.linalg.norm(points, axis=1)
    assert lengths[labels == 0].max() < lengths[labels == 1].min()
    ratio = lengths[labels == 1].mean() / lengths[labels == 0].mean()
    assert ratio == pytest.approx(2, rel=0.02)
    directions = points / lengths[:, None]
    means = [directions[labels == label].mean(axis=0) for label in (0, 1)]
    assert np.abs(means).max() < 0.03
    assert points.dtype == np.float32


@pytest.mark.parametrize("normalized", ["none", "hidden", "input"])
def test_a_normalized_input_forgets_its_length(normalized):
    network, optimizer = experiments.toy_side(normalized, n=5, lr=0.2)(rng(0))
    assert optimizer.lr == 0.2
    for key, param in network.params.items():
        if key.endswith("b"):
            param[:] = rng(1).standard_normal(param.shape)
    x = rng(2).standard_normal((4, 5)).astype(np.float32)
    difference = np.abs(network.forward(2 * x) - network.forward(x)).max()
    assert (difference < 1e-3) == (normalized == "input")


def test_an_unknown_toy_is_named():
    with pytest.raises(ValueError, match="normalized must be one of .* got 'output'"):
        experiments.toy_side("output")


# Exercises


@pytest.mark.parametrize("affine", [True, False])
def test_the_layer_of_the_notebook_is_the_library_s(affine):
    x, grad_y = rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    ours, theirs = OwnLayerNorm(4, affine=affine), LayerNorm(4, affine=affine)
    for layer in (ours, theirs):
        for param in layer.params.values():
            param[:] = rng(1).standard_normal(4)
    assert np.array_equal(ours.forward(x), theirs.forward(x))
    assert np.array_equal(ours.backward(grad_y), theirs.backward(grad_y))
    assert ours.grads.keys() == theirs.grads.keys()
    assert all(np.array_equal(ours.grads[name], theirs.grads[name]) for name in ours.grads)
    assert ours.forward(x).dtype == ours.backward(grad_y).dtype == np.float32
    assert gradient_check(ours, x) < 1e-6


def test_folded_scale_and_shift_change_nothing():
    random = rng(0)
    x_hat, W = random.standard_normal((5, 4)), random.standard_normal((4, 3))
    gamma, beta, b = random.standard_normal(4), random.standard_normal(4), random.standard_normal(3)
    new_W, new_b = blanks.fold_into_next(gamma, beta, W, b)
    with_them = blanks.scale_and_shift(x_hat, gamma, beta) @ W + b
    assert np.allclose(x_hat @ new_W + new_b, with_them, rtol=1e-12)


@pytest.mark.parametrize(
    "multiply", [lambda beta, W: beta * W, lambda beta, W: W @ beta], ids=["times", "behind"]
)
def test_a_beta_on_the_wrong_side_of_the_matrix_is_told_where_it_belongs(multiply):
    (exercise,) = (each for each in exercises.EXERCISES if each.name == "fold_into_next")

    def fold_into_next(gamma, beta, W, b):
        return gamma[:, None] * W, multiply(beta, W) + b

    assert "`beta @ W`" in examine(exercise, fold_into_next).words


def test_a_layer_is_called_what_it_lacks():
    """Errors that a student's class meets, in words of its own."""
    (exercise,) = (each for each in exercises.EXERCISES if each.name == "LayerNorm")

    class Forgets(experiments.ScaledAndShifted):
        def forward(self, x):
            return OwnLayerNorm.forward(self, x)

        def backward(self, grad): ...

    class Spreads(experiments.ScaledAndShifted):
        def forward(self, x):
            return x - x.mean(axis=1)

        def backward(self, grad):
            return grad

    class Empty(experiments.ScaledAndShifted):
        def forward(self, x): ...

        def backward(self, grad): ...

    assert examine(exercise, Empty).right is None
    assert "`y` is right" in examine(exercise, Forgets).words
    assert "could not be broadcast" in examine(exercise, Spreads).words


def test_the_cosine_behind_layer_norm_is_that_of_two_long_rows():
    y = rng(0).standard_normal((2, 400_000))
    y[1] = 0.3 * y[0] + np.sqrt(1 - 0.3**2) * y[1]
    z = np.maximum(y, 0)
    kappa = mean_cosine(z)
    expected = exercises.cosine_behind_norm(kappa)
    assert mean_cosine(z - z.mean(axis=1, keepdims=True)) == pytest.approx(expected, abs=5e-3)
    assert exercises.cosine_behind_norm(1 / np.pi) == pytest.approx(0)


def test_with_the_equivalent_lr_scaled_weights_stay_scaled():
    factor, lr, random = 3.0, 0.05, rng(0)
    x, labels = random.standard_normal((30, 6)), random.integers(0, 3, 30)

    def train(factor, lr):
        network = mlp([6, 8, 3], norm="layer", affine=False, rng=rng(1), dtype=np.float64)
        network.layers[1].eps = 0.0
        linear = network.layers[0]
        for param in linear.params.values():
            param *= factor
        for _ in range(20):
            network.backward(softmax_cross_entropy(network.forward(x), labels)[1])
            for name, param in linear.params.items():
                param -= lr * linear.grads[name]
        return linear.params["W"]

    scaled = train(factor, exercises.equivalent_lr(lr, factor))
    assert np.allclose(scaled, factor * train(1.0, lr), rtol=1e-8)
    assert not np.allclose(scaled, factor * train(1.0, 2 * lr), rtol=1e-3)


def test_rms_norm_s_backward_is_its_gradient():
    x, grad_y = rng(0).standard_normal((2, 3, 5))
    truth = numerical_gradient(lambda: np.sum(exercises.rms_norm(x, 0.1) * grad_y), x)
    assert relative_error(exercises.rms_norm_backward(grad_y, x, 0.1), truth) < 1e-8
    assert np.linalg.norm(exercises.rms_norm(x, 0.0), axis=1) == pytest.approx(5**0.5)
