"""The experiments of notebook 05 measure what they say."""

import numpy as np
import pytest

from course_utils.experiments import evaluate, interpolation, overparameterization
from course_utils.experiments.interpolation import FEATURES, GRID, RandomFeatures
from course_utils.lab import figures
from course_utils.nn import SGD, mlp, softmax_cross_entropy
from course_utils.nn.layers import relu


def digits(m=120, seed=0):
    """Examples of the size of digits around ten class centers, with their labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(m) % 10
    centers = np.random.default_rng(99).standard_normal((10, 784))
    return (centers[labels] + rng.standard_normal((m, 784))).astype(np.float32), labels


# Data


def test_shuffled_labels_are_the_same_labels_on_the_same_images():
    images, labels = digits()
    same, dealt = overparameterization.shuffled((images, labels), seed=3)
    assert same is images
    assert np.array_equal(np.sort(dealt), np.sort(labels)) and np.mean(dealt == labels) < 0.3


# Runs


def test_a_run_stops_at_the_exact_fit_and_is_measured_on_both_sets():
    train, test = digits(), digits(seed=1)
    run = overparameterization.train_small((784, 16, 10), 0.1, train, test, 3, every=5, steps=300)
    assert run.train_errors[-1] == 0 and run.fits
    assert (run.train_errors[:-1] > 0).all() and run.steps[-1] < 300
    network = mlp((784, 16, 10), rng=np.random.default_rng([3, 0]))
    assert run.steps[0] == 0
    assert run.train_errors[0] == evaluate(network, *train).error
    assert run.test_errors[0] == evaluate(network, *test).error


def test_a_run_of_one_full_batch_moves_as_far_as_its_step():
    train, scale = digits(), 2.0
    run = overparameterization.train_small(
        (784, 8, 10), 0.01, train, train, 3, scale=scale, steps=1, batch_size=120, every=1
    )
    network = mlp((784, 8, 10), rng=np.random.default_rng([3, 0]))
    for param in network.params.values():
        param *= scale
    first = np.concatenate([param.ravel() for param in network.params.values()])
    _, grad = softmax_cross_entropy(network.forward(train[0]), train[1])
    network.backward(grad)
    SGD(network, 0.01).step()
    last = np.concatenate([param.ravel() for param in network.params.values()])
    expected = np.linalg.norm(last - first) / np.linalg.norm(first)
    assert run.moved == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("scale", [0, -1.0])
def test_a_scale_is_above_zero(scale):
    with pytest.raises(ValueError, match=r"scale must lie in \(0, inf\), got"):
        overparameterization.train_small((784, 10), 0.1, digits(), digits(), 0, scale=scale)


def test_all_sides_of_a_seed_see_the_same_images_and_start_alike(monkeypatch):
    calls = []

    def record(widths, lr, train, test, seed, **options):
        calls.append((widths, lr, train, seed, options))

    monkeypatch.setattr(overparameterization, "train_small", record)
    train = digits(2000)
    overparameterization.true_and_random(train, None, 5)
    (
        (*setting, (images, labels), seed, options),
        (*same, (images_2, labels_2), seed_2, options_2),
    ) = calls
    assert (setting, seed, options) == (same, seed_2, options_2)
    assert np.array_equal(images, images_2) and not np.array_equal(labels, labels_2)
    calls.clear()
    overparameterization.with_wrong_labels(train, None, 5, (0.0, 0.4))
    (_, _, (images, labels), _, _), (_, _, (images_2, labels_2), _, _) = calls
    assert np.array_equal(images, images_2)
    assert np.mean(labels != labels_2) == pytest.approx(0.4)


def test_a_frozen_first_layer_is_solved_exactly_from_as_many_units_as_examples():
    train, test = digits(60), digits(400, seed=1)
    widths = (10, 60, 600)
    train_errors, test_errors = overparameterization.frozen_errors(train, test, 0, widths)
    assert train_errors[0] > 0 and train_errors[1] == train_errors[2] == 0
    assert test_errors[1] > test_errors[2] + 0.05
    G = np.random.default_rng([0, 0]).standard_normal((784, 600))
    hidden, unseen = (relu(images @ G) for images, _ in (train, test))
    W = hidden.T @ np.linalg.solve(hidden @ hidden.T, np.eye(10)[train[1]])
    assert test_errors[2] == np.mean((unseen @ W).argmax(axis=1) != test[1])


# The linear case


def test_descent_from_anywhere_ends_at_the_nearest_interpolant():
    X, y = interpolation.linear_problem(seed=0, m=6, n=15)
    rng = np.random.default_rng(0)
    start = rng.standard_normal(15)
    for w0 in (np.zeros(15), start):
        end = interpolation.descend(X, y, w0, rng, lr=0.02, steps=5000, batch_size=2)
        assert np.allclose(X @ end, y, atol=1e-9)
        assert np.allclose(end, interpolation.nearest_interpolant(X, y, w0), atol=1e-9)
        null = np.linalg.svd(X)[2][6:]
        assert np.allclose(null @ (end - w0), 0, atol=1e-12)
    assert np.array_equal(start, np.random.default_rng(0).standard_normal(15))


# Random features


@pytest.mark.parametrize("n", [5, 20, 60])
def test_random_features_are_solved_by_least_squares(n):
    data = RandomFeatures(m=20, draw=3)
    F, y = data.features(data.x, n), data.targets(noise=0.3)
    w = np.linalg.lstsq(F, y, rcond=1e-13)[0]
    found, train_error, norm = data.solve(n, noise=0.3, ridge=0)
    if n != 20:  # where there are as many features as examples the digits run out
        assert np.allclose(found, data.features(GRID, n) @ w, rtol=1e-5, atol=1e-5)
        assert norm == pytest.approx(np.linalg.norm(w), rel=1e-5)
    assert train_error == pytest.approx(np.mean((F @ w - y) ** 2), abs=1e-10)
    ridge = 0.05
    w = np.linalg.solve(F.T @ F + ridge * np.eye(n), F.T @ y)
    found, train_error, norm = data.solve(n, 0.3, ridge)
    assert np.allclose(found, data.features(GRID, n) @ w)
    assert norm == pytest.approx(np.linalg.norm(w))
    assert train_error == pytest.approx(np.mean((F @ w - y) ** 2))


def test_curves_are_the_solutions_and_noise_is_scaled_not_redrawn():
    data = RandomFeatures(m=12, draw=1)
    test, train, norms = data.curves(0.2, 0.01)
    for i in (0, len(FEATURES) // 2, -1):
        found, train_error, norm = data.solve(FEATURES[i], 0.2, 0.01)
        assert test[i] == pytest.approx(np.mean((found - interpolation.truth(GRID)) ** 2))
        assert (train[i], norms[i]) == pytest.approx((train_error, norm))
    off = [data.targets(noise) - interpolation.truth(data.x) for noise in (0, 0.1, 0.2)]
    assert np.allclose(off[0], 0) and np.allclose(2 * off[1], off[2])
    first = np.sqrt(2) * data.features(data.x, 10)[:, :5]
    assert np.allclose(data.features(data.x, 5), first)


def test_errors_below_the_axis_are_drawn_at_its_end():
    picture = figures.FeatureFit(FEATURES, GRID, interpolation.truth(GRID))
    data = RandomFeatures(m=20, draw=0)
    found, train_error, norm = data.solve(20, noise=0, ridge=0)
    test_error = np.mean((found - interpolation.truth(GRID)) ** 2)
    errors = (test_error, train_error, norm)
    picture.update((data.x, data.targets(0), found, 20, errors, data.curves(0, 0)))
    low, _ = picture.test.axes.get_ylim()
    assert test_error < low
    for curve in (picture.test, picture.train, picture.here[0]):
        assert np.nanmin(curve.line.get_ydata()) == low and len(curve.below.get_xdata()) == 0


# Ten points


def test_the_points_are_fit_and_a_larger_start_bends_more_and_moves_less():
    bends, moved = [], []
    for scale in (0.2, 8):
        *_, (_, now, losses, distance) = interpolation.learn_points(scale, 200, draw=0)
        assert losses[-1] < 1e-3 and np.isfinite(losses).all()
        bends.append(np.abs(np.diff(now, 2)).sum())
        moved.append(distance)
    assert bends[1] > 5 * bends[0] and moved[0] > 5 * moved[1]
    slices = [len(losses) for *_, losses, _ in interpolation.learn_points(8, 200, 0)]
    assert slices[:2] == [50, 100] or len(set(slices)) == 1
