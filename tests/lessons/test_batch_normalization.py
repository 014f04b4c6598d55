"""The experiments of notebook 04 measure what they say, and its pictures show it."""

import numpy as np
import pytest

from course_utils.experiments import batch_norm, batch_norm_in_practice, curvature, propagation
from course_utils.lab import figures
from course_utils.lab.exercises.panels import EXERCISES
from course_utils.nn import (
    SGD,
    BatchNorm,
    Linear,
    ReLU,
    Sequential,
    gradient_check,
    mlp,
    softmax,
    softmax_cross_entropy,
    squared_error,
)

CLASSES = 10


def digits(m=60, n=6, seed=0):
    """Examples around ten class centers, with their labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(m) % CLASSES
    centers = np.random.default_rng(99).standard_normal((CLASSES, n))
    return (2 * centers[labels] + rng.standard_normal((m, n))).astype(np.float32), labels


def small_network(**options):
    return mlp([6, 8, 8, 10], rng=np.random.default_rng(1), **{"norm": "batch"} | options)


def trained(steps=200):
    network, (x, labels) = small_network(), digits(600)
    optimizer = SGD(network, 0.1)
    for _ in range(steps):
        _, grad = softmax_cross_entropy(network.forward(x), labels)
        network.backward(grad)
        optimizer.step()
    return network.eval()


def running(network):
    return [np.copy(v) for n in batch_norm.batch_norms(network) for v in (n.running_mean, n.running_var)]  # fmt: skip


# Statistics of the batch, and of the past


def test_batch_statistics_are_used_for_a_while_and_leave_no_trace():
    network, (x, _) = trained(), digits(8)
    before, in_evaluation = running(network), network.forward(x)
    with batch_norm.batch_statistics(network):
        in_training = network.forward(x)
        assert network.training
    assert not network.training
    assert not np.allclose(in_training, in_evaluation, atol=0.1)
    assert all(np.array_equal(*pair) for pair in zip(before, running(network), strict=True))
    assert [norm.momentum for norm in batch_norm.batch_norms(network)] == [0.1, 0.1]


def test_batch_statistics_end_with_an_error_too():
    network, (x, _) = trained(), digits(1)
    with pytest.raises(ValueError, match="at least 2 examples"):
        batch_norm.with_batch_statistics(network, x)
    assert not network.training
    assert batch_norm.batch_norms(network)[0].momentum == 0.1


def test_only_in_training_mode_does_company_matter():
    network, (x, _) = trained(), digits(600)
    labels = batch_norm.labels_in_company(
        network, x, batch_norm.by_certainty(network, x)[0], np.random.default_rng(0), batch_size=4
    )
    assert len(labels) == 20 and len(set(labels)) > 1
    plain = small_network(norm=None)
    labels = batch_norm.labels_in_company(plain, x, 5, np.random.default_rng(0), batch_size=4)
    assert len(set(labels)) == 1


def test_an_example_is_never_its_own_company(monkeypatch):
    x = np.arange(4, dtype=np.float32)[:, None]
    seen = []

    def remember(network, batch):
        seen.append(batch[:, 0].tolist())
        return np.zeros((len(batch), 2))

    monkeypatch.setattr(batch_norm, "with_batch_statistics", remember)
    for index in range(4):
        batch_norm.labels_in_company(None, x, index, np.random.default_rng(0), 5, batch_size=4)
        assert all(batch[0] == index and sorted(batch) == [0, 1, 2, 3] for batch in seen)
        seen.clear()


def test_certainty_ranks_the_least_sure_first():
    network, (x, _) = trained(), digits(600)
    sure = softmax(network.forward(x)).max(axis=1)[batch_norm.by_certainty(network, x)]
    assert (np.diff(sure) >= 0).all() and sure[0] < 0.7 < sure[-1]


def test_error_in_batches_is_the_running_one_for_large_mixed_batches_only():
    network, test = trained(), digits(600, seed=5)
    by_size = [batch_norm.error_in_batches(network, *test, size) for size in (2, 60, 600)]
    in_evaluation = np.mean(network.forward(test[0]).argmax(axis=1) != test[1])
    assert by_size[0] > by_size[1] + 0.1
    assert by_size[2] == pytest.approx(in_evaluation, abs=0.03)
    x, labels = batch_norm.sorted_by_class(*test)
    assert (np.diff(labels) >= 0).all() and len(x) == 600
    assert batch_norm.error_in_batches(network, x, labels, 60) > by_size[1] + 0.1


def test_running_estimate_follows_the_layer():
    layer, rng = BatchNorm(3, momentum=0.3, dtype=np.float64), np.random.default_rng(0)
    batches = [rng.standard_normal((5, 3)) for _ in range(4)]
    moments = [np.stack([x.mean(axis=0), x.var(axis=0, ddof=1)]) for x in batches]
    start = np.stack([np.zeros(3), np.ones(3)])
    followed = batch_norm.running_estimate(start, moments, 0.3)
    for x, (mean, var) in zip(batches, followed, strict=True):
        layer.forward(x)
        assert np.allclose(layer.running_mean, mean) and np.allclose(layer.running_var, var)


def test_watched_moments_are_those_of_the_batches():
    batch, truth = batch_norm.watch_moments(
        digits(400, n=784), seed=0, steps=20, every=5, sample=300
    )
    assert batch.shape == (20, 2, 100) and truth.shape == (4, 2, 100)
    spread = np.abs(batch[::5] - truth).mean()
    assert 0 < spread < np.abs(batch[::5] - truth[:, :, ::-1]).mean() / 2


def test_recalibration_repairs_spoiled_estimates():
    network, (x, labels) = trained(), digits(600)

    def error():
        return np.mean(network.forward(x).argmax(axis=1) != labels)

    good = error()
    network.train()
    for _ in range(20):
        network.forward(x[labels == 3])
    network.eval()
    assert error() > good + 0.1
    batch_norm_in_practice.recalibrate(network, x)
    assert error() == pytest.approx(good, abs=0.02)
    assert not network.training and batch_norm.batch_norms(network)[0].momentum == 0.1


# Folding


@pytest.mark.parametrize("affine", [True, False])
def test_a_folded_network_computes_the_same_without_batch_norm(affine):
    network, rng = small_network(affine=affine, dtype=np.float64), np.random.default_rng(2)
    for param in network.params.values():
        param[:] = rng.standard_normal(param.shape)
    for _ in range(5):
        network.forward(rng.standard_normal((9, 6)))
    x, weights = rng.standard_normal((4, 6)), network.params["0.W"].copy()
    folded = batch_norm_in_practice.fold(network.eval())
    assert batch_norm.batch_norms(folded) == [] and len(folded) == 5
    assert np.allclose(folded.forward(x), network.forward(x), rtol=1e-10)
    assert np.array_equal(network.params["0.W"], weights)


def test_what_cannot_be_folded_is_refused():
    network = Sequential([Linear(3, 4), ReLU(), BatchNorm(4)])
    with pytest.raises(ValueError, match="right behind a Linear layer"):
        batch_norm_in_practice.fold(network)


def test_the_exercises_are_the_library_s():
    rng = np.random.default_rng(3)
    layer = BatchNorm(3, eps=0.1, momentum=0.4, dtype=np.float64)
    gamma, beta = layer.params["gamma"], layer.params["beta"]
    gamma[:], beta[:] = rng.standard_normal((2, 3))
    batches = [rng.standard_normal((5, 3)) for _ in range(3)]
    for x in batches:
        layer.forward(x)
    mean, var = EXERCISES["running_estimates"].reference(batches, 0.4)
    assert np.allclose(layer.running_mean, mean) and np.allclose(layer.running_var, var)
    grad_y = rng.standard_normal((5, 3))
    ours = EXERCISES["batch_norm_backward"].reference(grad_y, x, gamma, 0.1)
    assert np.allclose(ours, layer.backward(grad_y))
    ours = EXERCISES["batch_norm_eval"].reference(x, gamma, beta, mean, var, 0.1)
    assert np.allclose(ours, layer.eval().forward(x))
    W, b = rng.standard_normal((2, 3)), rng.standard_normal(3)
    new_W, new_b = EXERCISES["fold_batch_norm"].reference(W, b, gamma, beta, mean, var, 0.1)
    x = rng.standard_normal((4, 2))
    assert np.allclose(x @ new_W + new_b, layer.forward(x @ W + b))


def test_constant_moments_is_right_forward_and_wrong_backward():
    x = digits(5)[0]
    assert np.array_equal(
        batch_norm_in_practice.ConstantMoments(6).forward(x), BatchNorm(6).forward(x)
    )
    assert gradient_check(batch_norm_in_practice.ConstantMoments(6), x) > 0.1


# Scales and large steps


@pytest.mark.parametrize("position", ["before", "after"])
def test_scales_depend_on_c_only_without_batch_norm(position):
    x, labels = digits(50)
    standard = propagation.standard_weights(6, 30, 10, np.random.default_rng(0))
    one, four = (
        batch_norm.scales(x.astype(float), labels, standard, c, 8, position) for c in (1, 4)
    )
    assert np.allclose(four[None][0], one[None][0] * 2 ** np.arange(9))
    assert np.allclose(four["batch"][0], one["batch"][0], rtol=1e-2)
    at_the_end = np.sqrt(30) if position == "after" else np.sqrt(15)
    assert one["batch"][0][-1] == pytest.approx(at_the_end, rel=0.15)


def test_gradients_in_scales_are_those_of_a_network():
    x, labels = digits(50)
    standard = propagation.standard_weights(6, 30, 3, np.random.default_rng(0))
    network = mlp([6, 30, 30, 30, 10], norm="batch", dtype=np.float64)
    matrices = [param for key, param in network.params.items() if key.endswith("W")]
    for W, G in zip(matrices, [*standard[0], standard[1]], strict=True):
        W[:] = np.sqrt(2 / len(G)) * G
    _, grad = softmax_cross_entropy(network.forward(x.astype(float)), labels)
    grad_x = network.backward(grad)
    _, gradients = batch_norm.scales(x.astype(float), labels, standard, 2, 3)["batch"]
    assert gradients[0] == pytest.approx(np.mean(np.linalg.norm(grad_x, axis=1)), rel=1e-6)


def test_the_gradient_runs_away_without_batch_norm_only():
    train = digits(200, n=784)
    found = {}
    for norm in (None, "batch"):
        make = batch_norm.side([784, 20, 20, 10], 3.0, norm=norm)
        network, optimizer = make(np.random.default_rng(0))
        found[norm] = batch_norm.follow_gradient(network, optimizer, train, seed=0)
    assert found[None][0] > 10 * found["batch"][0]
    assert abs(found["batch"][1]) < 1e-4 < abs(found[None][1])


@pytest.mark.parametrize(
    ("ratios", "largest"), [([0.9, 0.5, 2, 0.1], 1), ([0.1] * 4, 4), ([np.nan, 0.1], 0)]
)
def test_largest_multiple_is_the_last_before_the_first_failure(ratios, largest):
    assert batch_norm_in_practice.largest_multiple(np.array(ratios)) == largest


def test_the_table_of_practice_has_ten_seeds_of_each():
    for experiment in batch_norm_in_practice.MEASURED:
        measured = batch_norm_in_practice.measured(experiment)
        assert measured and all(values.shape == (10,) for values in measured.values())
    with pytest.raises(ValueError, match="experiment must be one of"):
        batch_norm_in_practice.measured("luck")


# Curvature


def test_hessian_product_and_sharpness_of_a_quadratic():
    """One linear layer with the squared error: the Hessian is known."""
    x = np.random.default_rng(0).standard_normal((20, 3)) * [3.0, 1.0, 0.3]
    network = Sequential([Linear(3, 1, dtype=np.float64)])
    target = np.zeros((20, 1))
    ones = np.hstack([x, np.ones((20, 1))])
    loss, _ = squared_error(np.ones((20, 1)), target)
    hessian = 2 * loss / 20 * ones.T @ ones
    v = np.arange(1.0, 5.0)
    found = curvature.hessian_product(network, v, x, target, squared_error)
    assert np.allclose(found, hessian @ v, rtol=1e-6)
    found = curvature.sharpness(network, x, target, squared_error, rng=np.random.default_rng(1))
    assert found == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-6)


def test_sharpness_leaves_the_network_alone():
    network, (x, labels) = small_network(activation="tanh", dtype=np.float64), digits()
    before = {key: param.copy() for key, param in network.params.items()}, running(network)
    assert curvature.sharpness(network, x, labels, rng=np.random.default_rng(0)) > 0
    assert all(np.array_equal(before[0][key], param) for key, param in network.params.items())
    assert all(np.array_equal(*pair) for pair in zip(before[1], running(network), strict=True))


def test_curvature_asks_for_float64():
    x, labels = digits()
    with pytest.raises(TypeError, match="network must be in float64, got float32 in 0.W"):
        curvature.sharpness(small_network(), x, labels)


def test_largest_eigenvalue_needs_few_products():
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.standard_normal((40, 40)))[0]
    A = Q @ np.diag(np.linspace(-9, 4, 40)) @ Q.T
    found = curvature.largest_eigenvalue(lambda v: A @ v, 40, 40, rng)
    assert found == pytest.approx(4, rel=1e-6)  # the largest, not the largest in size


# Pictures


def moved(picture, values):
    """Whether new values change the picture."""
    before = picture.png()
    return picture.update(values).png() != before


def test_rows_and_columns_count_what_moves():
    first = np.arange(6.0).reshape(2, 3)
    changed = first.copy()
    changed[0, 0] = 9
    picture = figures.RowsAndColumns(shape=(2, 3)).update(((first,) * 3, (first,) * 3))
    assert "nothing has moved" in picture.reading
    row, column = first.copy(), first.copy()
    row[0] += 1
    column[:, 0] += 1
    assert moved(picture, ((first,) * 3, (changed, row, column)))
    assert "3 numbers have moved, all of example 1" in picture.reading
    assert "2 have moved, all of feature 1" in picture.reading


def test_batch_mates_show_both_modes_and_any_number_of_mates():
    one, rng = np.eye(10), np.random.default_rng(0)
    picture = figures.BatchMates().update((rng.random(784), rng.random((1, 784)), one[3], one[5]))
    assert "training mode the network says 3" in picture.reading
    assert "evaluation mode 5" in picture.reading
    assert moved(picture, (rng.random(784), rng.random((127, 784)), one[3], one[5]))


def test_running_estimates_say_how_far_off_they_are():
    batch, at = np.ones((10, 2)), np.array([1, 6, 10])
    picture = figures.RunningEstimates(steps=10)
    picture.update((batch, (at, np.ones((3, 2))), batch + [0.5, 0.25]))
    assert "off by 0.50 in the mean and 0.25 in the variance" in picture.reading


def test_scales_with_and_without_name_both():
    norms = np.geomspace(1, 1e6, 7)
    values = {None: (norms, norms[::-1]), "batch": (np.ones(7), np.ones(7))}
    picture = figures.ScalesWithAndWithout().update(values)
    assert "10⁵ without batch norm, 1 with it" in picture.reading


def test_spread_lines_and_dots_say_their_medians():
    runs = np.array([[1.0, 10.0], [3.0, 30.0], [2.0, np.nan]])
    lines = figures.SpreadLines([1, 10], (0, 40), "x", "y").update({"a": (runs[:2], "#000000")})
    assert lines.reading == "a: 2 to 20" and lines.png()
    dots = figures.DotsBySide(["a"], (0, 4), "error").update({"a": (runs[:, 0], "#000000")})
    assert dots.reading == "a: 2" and dots.png()
