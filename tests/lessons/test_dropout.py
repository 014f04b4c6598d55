"""The experiments of notebook 07 measure what they say, and its exercises are right."""

import numpy as np
import pytest

from course_utils.experiments import dropout, dropout_scales
from course_utils.experiments.comparison import small_set
from course_utils.experiments.propagation import propagate, standard_weights
from course_utils.lab.exercises.panels import EXERCISES
from course_utils.nn import (
    SGD,
    Dropout,
    Linear,
    ReLU,
    Sequential,
    mlp,
    softmax,
    softmax_cross_entropy,
)

RATES = pytest.mark.parametrize("p", [0.2, 0.5, 0.8])


def rng(seed=0):
    return np.random.default_rng(seed)


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
    assert variance == pytest.approx(dropout.predicted_variance(h, w, p))


def test_the_predicted_variance_is_for_probabilities_only():
    with pytest.raises(ValueError, match=r"p must lie in \[0, 1\), got 1"):
        dropout.predicted_variance(np.ones(2), np.ones(2), 1)


@RATES
def test_pre_activations_are_those_of_a_dropout_layer(p):
    h, w = rng().standard_normal((2, 30))
    layer = Sequential([Dropout(p, rng(5)), Linear(30, 1, dtype=float)])
    layer.layers[1].params["W"][:, 0] = w
    by_layer = layer.forward(np.tile(h, (100, 1)))[:, 0]
    assert np.allclose(dropout.pre_activations(h, w, p, 100, rng(5)), by_layer)


def test_moment_ratios_see_what_a_wrong_mask_does(monkeypatch):
    h = rng().uniform(0, 1, (300, 300))
    assert dropout.moment_ratios(h, 0.5, rng(1)) == pytest.approx((1, 2), rel=0.02)

    def unscaled(shape, p, rng, dtype):
        return (rng.random(shape) >= p).astype(dtype)

    monkeypatch.setattr(dropout, "dropout_mask", unscaled)
    assert dropout.moment_ratios(h, 0.5, rng(1)) == pytest.approx((0.5, 0.5), rel=0.02)


# Stochastic approximations


def test_slope_is_that_of_a_power():
    assert dropout.slope(3 * np.array(dropout.SIZES) ** -0.7) == pytest.approx(-0.7)


def test_relative_rms_of_a_known_error():
    assert dropout.relative_rms(np.array([[3.0, 5.0], [5.0, 3.0]]), np.array([4.0, 4.0])) == 0.25


def test_gradient_noise_falls_with_the_root_of_the_batch():
    network, (x, labels) = small_network(p=0), digits()
    errors = dropout.gradient_noise(network, x, labels, rng(), examples=2048)
    assert dropout.slope(errors) == pytest.approx(-0.5, abs=0.08)


def test_masks_average_out_in_a_linear_network_and_not_with_relu():
    network, (x, _) = small_network(), digits(20)
    linear = dropout.mask_noise(dropout.without_relu(network), x)
    assert dropout.slope(linear) == pytest.approx(-0.5, abs=0.05)
    assert dropout.mask_noise(network, x)[-1] > 2 * linear[-1]
    assert not network.training


# Regularization


def test_the_labels_that_come_back_are_those_of_the_passes_without_masks():
    train = digits(1000, 784)
    runs = dropout.regularization(train, train, (3, 4), 0, (0, 0.5), steps=60, progress=False)
    for seed, sides in zip(runs.seeds, runs.by_seed(), strict=True):
        labels = small_set(train, seed)[1]
        for run in sides.values():
            assert np.mean(run.observations[60] != labels) == pytest.approx(run.final.error)
            assert run.final.error < 0.3


# Training that goes on


def test_an_ongoing_run_keeps_its_weights_and_takes_the_new_p():
    network, train = small_network(p=0.5), digits()
    batches = iter([(train[0][:50], train[1][:50])] * 20)
    run = dropout.Ongoing(network, SGD(network, 0.1), batches, train)
    run.advance(0.0, steps=10)
    after = network.params["0.W"].copy()
    assert [layer.p for layer in dropout.dropouts(network)] == [0, 0]
    loss, _ = softmax_cross_entropy(network.forward(train[0][:50]), train[1][:50])
    run.advance(0.8, steps=1)
    assert [layer.p for layer in dropout.dropouts(network)] == [0.8, 0.8]
    assert not np.array_equal(network.params["0.W"], after)
    (p, before, *_), (q, now, _, error) = run.record
    assert (p, q) == (0, 0.8) and now != pytest.approx(loss, rel=1e-3) and before > 0
    assert error == dropout.evaluate(network, *train).error
    assert next(batches, None) is not None and len(list(batches)) == 8  # eleven taken, no more


# Left on at test time


def test_probabilities_change_from_pass_to_pass_and_leave_evaluation_mode():
    network, (x, _) = small_network().eval(), digits(5)
    passes = dropout.probabilities(network, x, 3)
    assert passes.shape == (3, 5, 10) and np.allclose(passes.sum(axis=2), 1)
    assert not np.array_equal(passes[0], passes[1]) and not network.training
    assert np.allclose(dropout.probabilities(small_network(p=0), x, 2), softmax(network.forward(x)))


def test_error_and_loss_of_known_probabilities():
    probability = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    error, loss = dropout.error_and_loss(probability, np.array([1, 1]))
    assert (error, loss) == (0.5, pytest.approx(-(np.log(0.25) + np.log(0.8)) / 2))


def test_spread_is_that_of_the_label_that_the_mean_gives():
    passes = np.zeros((2, 1, 3))
    passes[:, 0] = [[0.7, 0.3, 0.0], [0.5, 0.0, 0.5]]
    assert dropout.spread(passes) == pytest.approx([0.1])


def test_errors_by_doubt_takes_the_most_doubtful_first():
    doubt, wrong = np.arange(20) / 20, np.arange(20) >= 17
    assert dropout.errors_by_doubt(doubt, wrong) == (1.0, pytest.approx(1 / 18))
    assert dropout.errors_by_doubt(-doubt, wrong)[0] == 0


# Dropout and initialization

X = rng(2).standard_normal((16, 20))
LABELS = np.arange(16) % 10
STANDARD = standard_weights(20, 200, 6, rng(4))


def test_evaluation_is_a_network_without_dropout():
    plain = propagate(X, LABELS, STANDARD, 2.0, 6, 200, lambda n: ReLU())
    dropped = dropout_scales.propagate_dropped(X, LABELS, STANDARD, 2.0, 0.6, 6, training=False)
    assert np.allclose(plain.forward, dropped.forward)
    assert np.allclose(plain.backward, dropped.backward)


@RATES
def test_lengths_follow_the_theory_both_ways(p):
    """At the critical c they hold; elsewhere each layer has the factor (c / 2) / (1 - p)."""
    critical = EXERCISES["critical_c"].reference(p, slope=0)
    for c, power in ((critical, 0), (2 * critical, 5), (critical / 2, -5)):
        forward, backward, *theory = dropout_scales.norms_by_layer(X, LABELS, STANDARD, c, p, 6)
        for measured, expected in zip((forward, backward), theory, strict=True):
            assert np.allclose(np.log2(measured / expected), 0, atol=1)
        assert theory[0][-1] / theory[0][1] == pytest.approx(2 ** (power / 2))
        assert theory[1][1] / theory[1][-1] == pytest.approx(2 ** (power / 2))


def test_the_map_is_made_of_single_networks():
    growth = dropout_scales.measured_growth(
        X, LABELS, STANDARD, (1.0, 2.0), (0.0, 0.3, 0.6), depth=4
    )
    assert growth.shape == (2, 3, 5) and np.allclose(growth[..., 1], 1)
    one = dropout_scales.propagate_dropped(X, LABELS, STANDARD, 2.0, 0.3, 4).forward
    assert np.allclose(growth[1, 1], one / one[1])


def test_a_draw_gives_the_same_masks_again_and_another_draw_others():
    def lengths(draw):
        return dropout_scales.propagate_dropped(X, LABELS, STANDARD, 2.0, 0.5, 6, draw).forward

    assert np.array_equal(lengths(0), lengths(0)) and not np.array_equal(lengths(0), lengths(1))


# Exercises


@RATES
def test_there_and_back_is_the_layer(p):
    x, grad_y = rng(6).standard_normal((2, 5, 4))
    layer = Dropout(p, rng(7))
    y, grad_x = EXERCISES["there_and_back"].reference(x, grad_y, p, 7)
    assert np.array_equal(y, layer.forward(x)) and np.array_equal(grad_x, layer.backward(grad_y))


@RATES
def test_the_penalty_is_what_masks_add_to_a_squared_error(p):
    X, y, w = rng(8).standard_normal((5, 3)), rng(9).standard_normal(5), np.array([1.0, -2.0, 0.5])
    masks = (rng(10).random((100_000, 5, 3)) >= p) / (1 - p)
    added = np.mean(np.sum((y - (masks * X) @ w) ** 2, axis=1)) - np.sum((y - X @ w) ** 2)
    assert EXERCISES["dropout_penalty"].reference(X, w, p) == pytest.approx(added, rel=0.05)
