"""Notebook 05: its experiments measure what they say; its claims, exercises and pictures."""

from functools import partial

import numpy as np
import pytest
from helpers import INF, NAN, rng

from course_utils.experiments import evaluate
from course_utils.experiments.vitals import weights_of
from course_utils.lab.colors import BLUE, GRAY, GREEN, RED
from course_utils.lessons.overparameterized_networks import (
    exercises,
    experiments,
    interpolation,
    pictures,
)
from course_utils.lessons.overparameterized_networks.experiments import C10, C11, C12
from course_utils.lessons.overparameterized_networks.fitting import Run, train_small
from course_utils.lessons.overparameterized_networks.interpolation import (
    C13,
    FEATURES,
    GRID,
    FitNumbers,
    RandomFeatures,
)
from course_utils.nn import SGD, mlp, softmax_cross_entropy
from course_utils.nn.layers import relu

COUNT = np.arange(6.0).reshape(3, 2)[:, [0, 1, 1]]
X, Y, FOUND = np.array([0.0, 1.0, -1.0]), np.array([1.0, 0.0, 0.0]), np.array([-1.0, 0.0, 1.0])


def feature_fit(x, y, found, n, numbers, curves):
    """What FeatureFit shows."""
    numbers, curves = FitNumbers(*numbers), FitNumbers(*curves)
    return {"x": x, "y": y, "found": found, "n": n, "numbers": numbers, "curves": curves}


PICTURES = {
    "ErrorPaths": (
        partial(pictures.ErrorPaths, steps=4, ylabel="error"),
        [
            {
                "paths": {
                    "a": ([([0, 2], [0.9, 0.5]), ([0, 2], [0.8, 0.0])], BLUE),
                    "b": ([([0], [1])], RED),
                }
            },
            {
                "paths": {
                    "a": ([([0, 4], [0.7, 0.5]), ([0, 4], [0.6, 0.2])], GRAY),
                    "b": ([([3], [0])], GREEN),
                }
            },
            {"paths": {"a": ([([0, 2], [NAN, INF])], BLUE), "b": ([([0, 4], [-INF, 2])], RED)}},
        ],
    ),
    "FeatureFit": (
        partial(pictures.FeatureFit, (2, 10, 100), (-1, 0, 1), (0, 1, 0)),
        [
            feature_fit(X, Y, FOUND, 10, (0.1, 0.2, 5.0), COUNT),
            feature_fit(X / 2, Y - 1, -FOUND, 20, (1.0, 0.0, 9.0), np.ones((3, 3))),
            feature_fit(X, 9 * Y, NAN * FOUND, 2, (NAN, NAN, INF), NAN * COUNT),
            feature_fit(X[:2], Y[:2], 9 + FOUND, 100, (INF, 0.0, 0.0), 0 * COUNT),
        ],
    ),
    "FunctionFound": (
        partial(pictures.FunctionFound, 4, (-1, 0, 1), (0, 1), (1, 0)),
        [
            {"start": FOUND, "now": Y[[1, 0, 2]], "losses": [2.0, 1.0], "moved": 0.5},
            {"start": -FOUND, "now": 1 - Y[[1, 0, 2]], "losses": [9.0, 5.0], "moved": 0.1},
            {"start": FOUND + INF, "now": FOUND * NAN, "losses": [2.0, NAN], "moved": NAN},
            {"start": 9 + FOUND, "now": 9 - FOUND, "losses": [0.0], "moved": INF},
        ],
    ),
}

PICTURES["Fits"] = (
    partial(pictures.Fits, np.array([-1.0, 0.0, 1.0]), 2.0),
    [
        {"fits": {"a": [FOUND], "b": [FOUND, -FOUND]}, "x": X, "y": Y, "truth": FOUND},
        {"fits": {"a": [FOUND / 2], "b": [FOUND / 3, Y]}, "x": X / 2, "y": -Y, "truth": -FOUND},
        {"fits": {"a": [NAN * FOUND], "b": [9 * FOUND, INF + Y]}, "x": X, "y": 9 * Y},
    ],
)

SAID_ONLY = {
    "FeatureFit": 1,  # whether the examples are fit exactly
    "FunctionFound": 1,  # how far the weights went
}

READINGS = [
    ("ErrorPaths", 0, ["a: 0.25 after 2 steps", "b: 1 after 0 steps"]),
    ("FeatureFit", 0, ["10 features for 3 examples", "not all fit", "error is 0.1", "weights 5"]),
    ("FeatureFit", 3, ["100 features for 2 examples: every example is fit", "error is ∞"]),
    ("Fits", 0, ["a: values from -1 to 1; b: values from -1 to 1"]),
    ("FunctionFound", 0, ["After 2 steps the loss is 1", "0.5 times", "changes by 2 in all"]),
    ("FunctionFound", 2, ["the loss is not a number"]),
]


def digits(m=120, seed=0):
    """Examples of the size of digits around ten class centers, with their labels."""
    labels = np.arange(m) % 10
    centers = rng(99).standard_normal((10, 784))
    return (centers[labels] + rng(seed).standard_normal((m, 784))).astype(np.float32), labels


# Runs


def test_a_run_stops_at_the_exact_fit_and_is_measured_on_both_sets():
    train, test = digits(), digits(seed=1)
    run = train_small((784, 16, 10), 0.1, train, test, 3, every=5, steps=300)
    assert run.train_errors[-1] == 0 and run.fits
    assert (run.train_errors[:-1] > 0).all() and run.steps[-1] < 300
    network = mlp((784, 16, 10), rng=rng([3, 0]))
    assert np.array_equal(run.steps, np.arange(0, run.steps[-1] + 1, 5))
    assert run.train_errors[0] == evaluate(network, *train).error
    assert run.test_at.tolist() == [run.steps[-1]] and len(run.test_errors) == 1


def test_the_test_error_is_measured_where_it_is_asked_for_and_at_the_end():
    train, test = digits(), digits(seed=1)
    run = train_small(
        (784, 16, 10), 0.1, train, test, 3, every=50, steps=7, test_at=(0, 3, 99), to_fit=False
    )
    assert run.test_at.tolist() == [0, 3, 7] and run.steps.tolist() == [0, 7]
    network = mlp((784, 16, 10), rng=rng([3, 0]))
    assert run.test_errors[0] == evaluate(network, *test).error


def test_a_run_that_nobody_watches_is_the_same_run():
    settings = {"every": 5, "steps": 300}
    watched, other = (
        train_small((784, 16, 10), 0.1, digits(), digits(), 3, watched=w, **settings)
        for w in (True, False)
    )
    assert other.steps.tolist() == [0, watched.steps[-1]] and other.fits
    assert (other.moved, other.test_errors) == (watched.moved, watched.test_errors)


def test_a_run_goes_on_past_the_exact_fit_if_asked_to_and_is_measured_at_the_end():
    run = train_small((784, 16, 10), 0.1, digits(), digits(), 3, every=50, steps=120, to_fit=False)
    assert run.steps.tolist() == [0, 50, 100, 120] and run.train_errors[2] == 0


def test_a_run_that_diverges_keeps_what_was_measured_before():
    run = train_small((784, 16, 10), 1e30, digits(), digits(), 3, every=1, steps=50)
    assert not run.fits and run.steps[-1] < 50
    assert len(run.steps) == len(run.train_errors) and len(run.test_errors) == 1


def test_a_run_of_one_full_batch_moves_as_far_as_its_step():
    train, scale = digits(), 2.0
    run = train_small(
        (784, 8, 10), 0.01, train, train, 3, scale=scale, steps=1, batch_size=120, every=1
    )
    network = mlp((784, 8, 10), rng=rng([3, 0]))
    for param in network.params.values():
        param *= scale
    first = weights_of(network)
    _, grad = softmax_cross_entropy(network.forward(train[0]), train[1])
    network.backward(grad)
    SGD(network, 0.01).step()
    expected = np.linalg.norm(weights_of(network) - first) / np.linalg.norm(first)
    assert run.moved == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scale": 0}, r"scale must lie in \(0, inf\), got"),
        ({"scale": -1.0}, r"scale must lie in \(0, inf\), got"),
        ({"every": 0}, "every must be at least 1, got 0"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
    ],
)
def test_settings_out_of_range_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        train_small((784, 10), 0.1, digits(), digits(), 0, **options)


# Claims


def test_shuffled_labels_are_the_same_labels_on_the_same_images():
    images, labels = digits()
    same, dealt = experiments.shuffled((images, labels), seed=3)
    assert same is images
    assert np.array_equal(np.sort(dealt), np.sort(labels)) and np.mean(dealt == labels) < 0.3


@pytest.fixture
def calls(monkeypatch):
    """What `train_small` is called with, instead of training."""
    made = []

    def record(widths, lr, train, test, seed, **options):
        made.append({"widths": widths, "lr": lr, "train": train, "seed": seed, **options})
        steps = np.array([0, 80])
        return Run(steps, np.array([0.9, 0.0]), steps, np.array([0.9, 0.5]), moved=0.1)

    monkeypatch.setattr(experiments, "train_small", record)
    return made


def alike(calls):
    """Whether calls differ in nothing but labels, and how many labels differ."""
    one, other = ({**call} for call in calls)
    (images, labels), (images_2, labels_2) = one.pop("train"), other.pop("train")
    return one == other and np.array_equal(images, images_2), np.mean(labels != labels_2)


def test_both_sides_of_c10_see_the_same_images_and_start_alike(calls):
    C10.run(digits(2000), None, 5)
    same, share = alike(calls)
    assert same and share > 0.5


def test_shares_of_wrong_labels_differ_in_nothing_else(calls):
    shares = {"0% wrong": 0.0, "40% wrong": 0.4}
    runs = experiments.with_wrong_labels(digits(2000), None, 5, shares)
    assert list(runs) == ["0% wrong", "40% wrong"]
    same, share = alike(calls)
    assert same and share == pytest.approx(0.4)


def test_starts_differ_in_scale_and_rate_only(calls):
    starts = {"a": (2, 0.1), "b": (4, 0.2)}
    runs = experiments.scaled_starts(digits(2000), None, 5, starts)
    assert list(runs) == ["a", "b"]
    assert [(call.pop("scale"), call.pop("lr")) for call in calls] == [(2, 0.1), (4, 0.2)]
    assert alike(calls) == (True, 0)


def test_the_series_of_c11_differ_in_labels_widths_and_how_long_they_train(calls):
    runs = C11.run(digits(1000), None, 5)
    widths = experiments.WIDTHS + experiments.NOISY_WIDTHS
    assert tuple(call["widths"][1] for call in calls) == widths
    true, noisy = calls[: len(experiments.WIDTHS)], calls[len(experiments.WIDTHS) :]
    assert {(call["steps"], call["to_fit"]) for call in true} == {(800, False)}
    assert {(call["steps"], call.get("to_fit", True)) for call in noisy} == {(2000, True)}
    assert np.mean(true[0]["train"][1] != noisy[0]["train"][1]) == pytest.approx(0.2)
    numbers = C11.numbers(runs)
    assert len(numbers) == 2 * len(widths)
    assert (numbers["training error, width 8"], numbers["test error, width 8"]) == (0.0, 0.5)


def test_a_peak_is_what_is_above_something_before_it():
    assert experiments.no_peak([0.5, 0.2, 0.21, 0.2])
    assert not experiments.no_peak([0.5, 0.2, 0.3, 0.2])


def test_parts_of_c12_are_joined_by_seed():
    assert experiments.joined({3: {"a": 1}}, {3: {"b": 2}}) == {3: {"a": 1, "b": 2}}


@pytest.mark.parametrize("claim", [C10, C11, C12], ids=lambda claim: claim.id)
def test_the_table_has_what_the_runs_give(claim, calls):
    """No run is missing, and no name has changed."""
    numbers = claim.numbers(claim.run(digits(1200), digits(50), 3))
    assert all(numbers.keys() == measured.keys() for measured, _ in claim.table().values())


def test_c13_is_judged_by_the_least_norm_that_is_handed_in():
    wrong = C13.run(None, None, 3, least_norm=lambda X, y: X.T @ y)
    assert not C13.holds(C13.numbers(wrong))


def test_c13_needs_no_digits():
    runs = C13.run(None, None, 3)
    numbers = C13.numbers(runs)
    assert C13.holds(numbers) and numbers.keys() == C13.table()[200][0].keys()
    assert not C13.holds(numbers | {"off, SGD": 1e-5})
    assert not C13.holds(numbers | {"norm from elsewhere, over the least": 1.4})


@pytest.mark.parametrize(
    ("claim", "name", "number"),
    [
        (C10, "training error, true labels", 0.001),
        (C10, "training error, random labels", 0.001),
        (C10, "test error, true labels", 0.25),
        (C10, "test error, random labels", 0.7),
        (C10, "steps, random labels", 100),
        (C11, "training error, width 512", 0.001),
        (C11, "test error, width 4", 0.16),
        (C11, "test error, width 128", 0.3),
        (C11, "test error, width 512", 0.2),
        (C11, "test error, width 13", 0.6),
        (C11, "20% wrong labels, training error, width 64", 0.001),
        (C11, "20% wrong labels, test error, width 256", 0.3),
        (C11, "20% wrong labels, test error, width 16", 0.9),
        (C12, "frozen first layer, training error, width 500", 0.001),
        (C12, "frozen first layer, test error, width 500", 0.4),
        (C12, "frozen first layer, test error, width 4000", 0.3),
        (C12, "test error, × 1, lr 0.1", 0.25),
        (C12, "test error, × 0.1, lr 0.1", 0.05),
        (C12, "training error, × 4", 0.001),
        (C12, "training error, 60% wrong", 0.001),
        (C12, "test error, 20% wrong", 0.15),
        (C12, "test error, 60% wrong", 0.3),
        (C12, "test error, × 2", 0.15),
        (C12, "test error, × 4", 0.2),
    ],
)
def test_a_claim_asks_for_all_that_it_says(claim, name, number):
    numbers, _ = claim.table()[200]
    assert claim.holds(numbers) and not claim.holds(numbers | {name: number})


def test_a_frozen_first_layer_is_solved_exactly_from_as_many_units_as_examples():
    train, test = digits(60), digits(400, seed=1)
    errors = experiments.frozen_errors(train, test, 0, widths=(10, 60, 600))
    assert errors.train_errors[0] > 0 and errors.train_errors[1] == errors.train_errors[2] == 0
    assert errors.test_errors[1] > errors.test_errors[2] + 0.05
    G = rng([0, 0]).standard_normal((784, 600))
    hidden, unseen = (relu(images @ G) for images, _ in (train, test))
    W = hidden.T @ np.linalg.solve(hidden @ hidden.T, np.eye(10)[train[1]])
    assert errors.test_errors[2] == np.mean((unseen @ W).argmax(axis=1) != test[1])


# The linear case


def test_descent_from_anywhere_ends_at_the_nearest_interpolant():
    X, y = interpolation.linear_problem(seed=0, m=6, n=15)
    start, order = rng(0).standard_normal(15), rng(1)
    for w0 in (np.zeros(15), start):
        end = interpolation.descend_in_batches(X, y, w0, order, lr=0.02, steps=5000, batch_size=2)
        assert np.allclose(X @ end, y, atol=1e-9)
        assert np.allclose(end, w0 + np.linalg.pinv(X) @ (y - X @ w0), atol=1e-9)
        assert np.allclose(end, exercises.nearest_interpolant(X, y, w0), atol=1e-9)
        null = np.linalg.svd(X)[2][6:]
        assert np.allclose(null @ (end - w0), 0, atol=1e-12)
    assert np.array_equal(start, rng(0).standard_normal(15))


@pytest.mark.parametrize("n_in, n_out, m", [(784, 10, 1000), (4, 3, 50)])
def test_the_smallest_width_has_parameters_enough_and_one_less_has_not(n_in, n_out, m):
    width = exercises.smallest_width(n_in, n_out, m)
    sizes = [sum(p.size for p in mlp((n_in, h, n_out)).params.values()) for h in (width - 1, width)]
    assert sizes[0] < m * n_out <= sizes[1]


def test_a_stop_leaves_as_much_as_its_ridge():
    X, y = interpolation.linear_problem(seed=1, m=1, n=3)
    kappa, lr, steps, w = (X @ X.T).item(), 0.05, 4, np.zeros(3)
    for _ in range(steps):
        w = w - lr * X.T @ (X @ w - y)
    penalty = exercises.ridge_of_stop(kappa, lr, steps)
    assert np.allclose(w, X.T @ np.linalg.solve(X @ X.T + penalty * np.eye(1), y))


# Random features


def test_the_sweep_finds_what_the_pictures_show():
    data, counts = RandomFeatures(m=12, draw=2), (3, 9, 40)
    examples, truth = (data.x, data.targets(0.2)), (GRID, interpolation.truth(GRID))
    errors, lengths = interpolation.sweep(examples, truth, data.frequencies, data.phases, counts)
    for n, error, long in zip(counts, errors, lengths):
        _, numbers = data.solve(n, noise=0.2, ridge=0)
        assert (error, long) == pytest.approx((numbers.test_error, numbers.norm), rel=1e-5)


def test_the_exploration_draws_on_the_features_handed_in():
    found = interpolation.fit_with(lambda *each: 0 * interpolation.features(*each) + 1)
    fit = found(n=3.2, noise=0.2, ridge=1e-6, m=10, draw=0)
    assert fit["n"] == 3 and np.allclose(fit["found"], fit["found"][0])


@pytest.mark.parametrize("n", [5, 20, 60])
def test_random_features_are_solved_by_least_squares(n):
    data = RandomFeatures(m=20, draw=3)
    F, y = data.features(data.x, n), data.targets(noise=0.3)
    w = np.linalg.lstsq(F, y, rcond=1e-13)[0]
    found, numbers = data.solve(n, noise=0.3, ridge=0)
    if n != 20:  # where there are as many features as examples the digits run out
        assert np.allclose(found, data.features(GRID, n) @ w, rtol=1e-5, atol=1e-5)
        assert numbers.norm == pytest.approx(np.linalg.norm(w), rel=1e-5)
    assert numbers.train_error == pytest.approx(np.mean((F @ w - y) ** 2), abs=1e-10)
    ridge = 0.05
    w = np.linalg.solve(F.T @ F + ridge * np.eye(n), F.T @ y)
    found, numbers = data.solve(n, 0.3, ridge)
    assert np.allclose(found, data.features(GRID, n) @ w)
    assert numbers.norm == pytest.approx(np.linalg.norm(w))
    assert numbers.train_error == pytest.approx(np.mean((F @ w - y) ** 2))
    assert numbers.test_error == pytest.approx(np.mean((found - interpolation.truth(GRID)) ** 2))


def test_curves_are_the_solutions_and_noise_is_scaled_not_redrawn():
    data = RandomFeatures(m=12, draw=1)
    curves = data.curves(0.2, 0.01)
    for i in (0, len(FEATURES) // 2, -1):
        _, numbers = data.solve(FEATURES[i], 0.2, 0.01)
        for name in ("test_error", "train_error", "norm"):
            assert getattr(curves, name)[i] == pytest.approx(getattr(numbers, name))
    off = [data.targets(noise) - interpolation.truth(data.x) for noise in (0, 0.1, 0.2)]
    assert np.allclose(off[0], 0) and np.allclose(2 * off[1], off[2])
    first = np.sqrt(2) * data.features(data.x, 10)[:, :5]
    assert np.allclose(data.features(data.x, 5), first)


def test_errors_below_the_axis_are_drawn_at_its_end():
    picture = pictures.FeatureFit(FEATURES, GRID, interpolation.truth(GRID))
    data = RandomFeatures(m=20, draw=0)
    found, numbers = data.solve(20, noise=0, ridge=0)
    curves = data.curves(noise=0, ridge=0)
    picture.update(x=data.x, y=data.targets(0), found=found, n=20, numbers=numbers, curves=curves)
    low, _ = picture.test.axes.get_ylim()
    assert numbers.test_error < low
    for curve in (picture.test, picture.train, picture.here[0]):
        assert np.nanmin(curve.line.get_ydata()) == low and len(curve.below.get_xdata()) == 0


# Ten points


def test_the_points_are_fit_and_a_larger_start_bends_more_and_moves_less():
    bends, moved = [], []
    for scale in (0.2, 8):
        *_, last = interpolation.learn_points(scale, 200, draw=0)
        assert last["losses"][-1] < 1e-3 and np.isfinite(last["losses"]).all()
        bends.append(np.abs(np.diff(last["now"], 2)).sum())
        moved.append(last["moved"])
    assert bends[1] > 5 * bends[0] and moved[0] > 5 * moved[1]


def test_the_points_come_in_slices_and_at_most_so_many_steps():
    slices = interpolation.learn_points(1, 200, draw=0, steps=120, fitted=0)
    assert [len(now["losses"]) for now in slices] == [50, 100]
