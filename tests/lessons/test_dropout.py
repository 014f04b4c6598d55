"""Notebook 07: what its experiments measure, its pictures and its exercises."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from helpers import INF, NAN, norms, rng

from course_utils.experiments.comparison import small_set
from course_utils.lessons.dropout import exercises, experiments, pictures
from course_utils.nn import Dropout, Linear, Sequential, mlp, softmax

COUNT, ROW = np.arange(6.0).reshape(2, 3), np.array([2.0, 3, 6])


def at(growth, c, p, training, evaluation):
    """What CriticalMap shows at one place of its map."""
    return {"growth": growth, "c": c, "p": p, "training": training, "evaluation": evaluation}


RATES = pytest.mark.parametrize("p", [0.2, 0.5, 0.8])

PICTURES = {
    "MaskedUnit": (
        pictures.MaskedUnit,
        [
            {"sample": np.array([-1.0, 0, 2, 3]), "mean": 1.0, "deviation": 1.5},
            {"sample": np.array([-2.0, -2, 0, 1]), "mean": -1.0, "deviation": 2.5},
            {"sample": np.array([NAN, INF, -INF, 1e9]), "mean": NAN, "deviation": INF},
            {"sample": np.full(4, 2.0), "mean": 2.0, "deviation": 0.0},
        ],
    ),
    "TrainingUnderDropout": (
        partial(pictures.TrainingUnderDropout, slices=4, steps=10),
        [
            {"record": np.array([(0.0, 2.3, 2.2, 0.5), (0.5, 1.3, 1.2, 0.3)])},
            {"record": np.array([(0.5, 1.3, 1.2, 0.3)])},
            {"record": np.array(4 * [(0.9, NAN, INF, 1.0)])},
            {"record": np.array(4 * [(0.2, 0.0, 1e30, 0.0)])},
        ],
    ),
    "CriticalMap": (
        partial(pictures.CriticalMap, [1, 2], [0, 0.4, 0.8], depth=2),
        [
            at(10 ** (COUNT - 3), 2.0, 0.5, norms(ROW), norms(ROW + 1)),
            at(10 ** (3 - COUNT), 1.0, 0.1, replace(norms(ROW * 9), forward_theory=ROW), norms(ROW + 3)),
            at(NAN * COUNT, 1.0, 0.2, norms(NAN * ROW, expected=0.0), norms(INF * ROW)),
            at(0 * COUNT, 4.0, 0.8, norms(1e30 * ROW), norms(0 * ROW)),
        ],
    ),
}

READINGS = [
    ("CriticalMap", 0, ["c = 2, p = 0.5", "c = 1.", "2 in training: holding", "1.75 in eval"]),
    ("CriticalMap", 2, ["not a number in training: exploding"]),
    ("MaskedUnit", 0, ["mean 1.00, 1.00 without", "variance 2.5, predicted 2.25"]),
    ("MaskedUnit", 3, ["the value is 2 every time"]),
    ("TrainingUnderDropout", 0, ["p = 0.5, 20 steps", "loss 1.3 with", "test error 0.30"]),
    ("TrainingUnderDropout", 2, ["p = 0.9, 40 steps", "loss not a number", "test error 1.00"]),
]


def digits(m=400, n=6):
    """Examples around ten class centers, with their labels."""
    labels = np.arange(m) % 10
    centers = rng(99).standard_normal((10, n))
    return (2 * centers[labels] + rng(1).standard_normal((m, n))).astype(np.float32), labels


def small_network(p=0.5, **options):
    return mlp([6, 12, 12, 10], p=p, rng=rng(3), **options)


# Over the masks


@RATES
def test_mean_and_variance_over_all_masks_of_four_entries(p):
    """Exact: the 16 masks, each with its probability."""
    h, w = rng().standard_normal((2, 4))
    kept = np.array(np.meshgrid(*4 * [[0, 1]])).reshape(4, -1).T
    chance = np.prod(np.where(kept, 1 - p, p), axis=1)
    values = (kept / (1 - p) * h) @ w
    mean = np.sum(chance * values)
    variance = np.sum(chance * (values - mean) ** 2)
    assert mean == pytest.approx(h @ w)
    assert variance == pytest.approx(experiments.predicted_variance(h, w, p))


def test_the_predicted_variance_is_for_probabilities_only():
    with pytest.raises(ValueError, match=r"p must lie in \[0, 1\), got 1"):
        experiments.predicted_variance(np.ones(2), np.ones(2), 1)


@RATES
def test_pre_activations_are_those_of_a_dropout_layer(p):
    h, w = rng().standard_normal((2, 30))
    layer = Sequential([Dropout(p, rng(5)), Linear(30, 1, dtype=float)])
    layer.layers[1].params["W"][:, 0] = w
    by_layer = layer.forward(np.tile(h, (100, 1)))[:, 0]
    assert np.allclose(experiments.pre_activations(h, w, p, 100, rng(5)), by_layer)


def test_moment_ratios_see_what_a_wrong_mask_does(monkeypatch):
    h = rng().uniform(0, 1, (300, 300))
    assert experiments.moment_ratios(h, 0.5, rng(1)) == pytest.approx((1, 2), rel=0.02)

    def unscaled(shape, p, rng, dtype):
        return (rng.random(shape) >= p).astype(dtype)

    monkeypatch.setattr(experiments, "dropout_mask", unscaled)
    assert experiments.moment_ratios(h, 0.5, rng(1)) == pytest.approx((0.5, 0.5), rel=0.02)


# Stochastic approximations


def test_slope_is_that_of_a_power():
    assert experiments.slope(3 * np.array(experiments.SIZES) ** -0.7) == pytest.approx(-0.7)


def test_relative_rms_of_a_known_error():
    estimates, truth = np.array([[3.0, 5.0], [5.0, 3.0]]), np.array([4.0, 4.0])
    assert experiments.relative_rms(estimates, truth) == 0.25


def test_gradient_noise_falls_with_the_root_of_the_batch():
    network, (x, labels) = small_network(p=0), digits()
    errors = experiments.gradient_noise(network, x, labels, rng(), examples=2048)
    assert experiments.slope(errors) == pytest.approx(-0.5, abs=0.08)


def test_masks_average_out_in_a_linear_network_and_not_with_relu():
    network, (x, _) = small_network(), digits(20)
    linear = experiments.mask_noise(experiments.without_relu(network), x)
    assert experiments.slope(linear) == pytest.approx(-0.5, abs=0.05)
    assert experiments.mask_noise(network, x)[-1] > 2 * linear[-1]


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("passes", [experiments.mask_noise, experiments.probabilities])
def test_who_looks_at_many_passes_leaves_the_mode_as_it_was(passes, mode):
    network, (x, _) = small_network(), digits(3)
    getattr(network, mode)()
    passes(network, x, passes=256)
    assert {layer.training for layer in (network, *network)} == {mode == "train"}


# Regularization


def test_the_labels_that_come_back_are_those_of_the_passes_without_masks(monkeypatch):
    monkeypatch.setitem(experiments.LABELS, "3 in 10 wrong", (0.3, 60))
    train = digits(1000, 784)
    runs = experiments.regularization(train, train, 3, ["3 in 10 wrong"], (0, 0.5))
    true = small_set(train, 3)[1]
    for run in runs["3 in 10 wrong"].values():
        assert np.mean(run.observations[60] != true) == pytest.approx(run.final.error)
        assert run.final.error < 0.3
    numbers = experiments.c18_numbers(runs)
    assert numbers["error, 3 in 10 wrong, p = 0.5"] == run.final.error
    assert numbers["loss, 3 in 10 wrong, p = 0.5"] == run.final.loss


# Training while p moves


def test_p_is_asked_before_every_slice_and_the_training_goes_on():
    train = digits(1000, 784)

    def records(*rates):
        asked = iter(rates)
        run = experiments.train_under_dropout(train, train, lambda: next(asked), 5, len(rates), 3)
        return [values["record"] for values in run]

    first, second, still = records(0.0, 0.0, 0.0)
    *_, moved = records(0.0, 0.0, 0.8)
    assert np.array_equal(still[:1], first) and np.array_equal(still[:2], second)
    assert np.array_equal(moved[:2], second) and moved[:, 0].tolist() == [0, 0, 0.8]
    assert second[1, 1] < second[0, 1]  # it learns on, and does not begin anew
    assert moved[2, 1] > 1.5 * still[2, 1] and moved[2, 3] != still[2, 3]


# Left on at test time


def test_probabilities_change_from_pass_to_pass():
    network, (x, _) = small_network().eval(), digits(5)
    passes = experiments.probabilities(network, x, 3)
    assert passes.shape == (3, 5, 10) and np.allclose(passes.sum(axis=2), 1)
    assert not np.array_equal(passes[0], passes[1])
    without = experiments.probabilities(small_network(p=0), x, 2)
    assert np.allclose(without, softmax(network.forward(x)))


def test_error_and_loss_of_known_probabilities():
    probability = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    error, loss = experiments.error_and_loss(probability, np.array([1, 1]))
    assert (error, loss) == (0.5, pytest.approx(-(np.log(0.25) + np.log(0.8)) / 2))


def test_spread_is_that_of_the_label_that_the_mean_gives():
    passes = np.zeros((2, 1, 3))
    passes[:, 0] = [[0.7, 0.3, 0.0], [0.5, 0.0, 0.5]]
    assert experiments.spread(passes) == pytest.approx([0.1])


def test_errors_by_doubt_takes_the_most_doubtful_first():
    doubt, wrong = np.arange(20) / 20, np.arange(20) >= 17
    assert experiments.errors_by_doubt(doubt, wrong) == (1.0, pytest.approx(1 / 18))
    assert experiments.errors_by_doubt(-doubt, wrong)[0] == 0


# Exercises


@RATES
def test_there_and_back_is_the_layer(p):
    x, grad_y = rng(6).standard_normal((2, 5, 4))
    layer = Dropout(p, rng(7))
    y, grad_x = exercises.there_and_back(x, grad_y, p, 7)
    assert np.array_equal(y, layer.forward(x)) and np.array_equal(grad_x, layer.backward(grad_y))


@RATES
def test_the_penalty_is_what_masks_add_to_a_squared_error(p):
    X, y, w = rng(8).standard_normal((5, 3)), rng(9).standard_normal(5), np.array([1.0, -2.0, 0.5])
    masks = (rng(10).random((100_000, 5, 3)) >= p) / (1 - p)
    added = np.mean(np.sum((y - (masks * X) @ w) ** 2, axis=1)) - np.sum((y - X @ w) ** 2)
    assert exercises.dropout_penalty(X, w, p) == pytest.approx(added, rel=0.05)
