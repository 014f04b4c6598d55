"""Notebook 11: its corruptions, three ways to predict, gradients against autograd, its pictures."""

import copy
from functools import partial

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad as autograd_grad
from helpers import INF, NAN, clusters, normal, rng, same, state, trained_on_clusters

from course_utils.experiments.statistics import batch_norms, error_in_batches
from course_utils.lessons.batch_norm_at_test_time import exercises, experiments, pictures
from course_utils.lessons.batch_norm_at_test_time.adaptation import (
    AdamSteps,
    adapt,
    batch_logits,
    entropy_gradient,
    mean_entropy,
    repairable,
)
from course_utils.lessons.batch_norm_at_test_time.corruptions import CORRUPTIONS, corrupt
from course_utils.lessons.batch_norm_at_test_time.exercises import small_network
from course_utils.lessons.batch_norm_at_test_time.experiments import C22
from course_utils.nn import Adam, Linear

DIGITS = np.linspace(0, 1, 3 * 784, dtype=np.float32).reshape(3, 784)
Q = np.eye(10)
TEST = np.arange(20.0).reshape(20, 1), np.arange(20) % 10


def errors(*values):
    """The errors of the three ways."""
    return dict(zip(pictures.WAYS, values, strict=True))


def raced(seen, source, batch, descent, first, answers):
    """What Race shows."""
    first = np.full((12, 784), first)
    return {
        "seen": np.array(seen), "errors": errors(source, batch, descent), "first": first,
        "answers": np.array(answers),
    }  # fmt: skip


PICTURES = {
    "Atlas": (
        pictures.Atlas,
        [
            {"images": {"noise": DIGITS[:2], "fog": DIGITS[1:]}, "severities": [0, 5]},
            {"images": {"noise": DIGITS[:2][::-1], "fog": DIGITS[:2]}, "severities": [1, 4]},
            {"images": {"noise": DIGITS[:2] * NAN, "fog": DIGITS[:2] * 0}, "severities": [0, 1]},
            {"images": {"blur": DIGITS[:1]}, "severities": [0]},
        ],
    ),
    "Damaged": (
        pictures.Damaged,
        [
            {"images": np.resize(DIGITS, (10, 784)), "labels": np.arange(10), "probabilities": Q},
            {
                "images": np.resize(DIGITS[::-1], (10, 784)),
                "labels": np.arange(10)[::-1],
                "probabilities": 0.5 * Q + 0.05,
            },
            {
                "images": np.full((10, 784), NAN),
                "labels": np.arange(10),
                "probabilities": Q * NAN,
            },
        ],
    ),
    "Race": (
        partial(pictures.Race, count=40),
        [
            raced([10, 20], [0.5, 0.4], [0.1, 0.2], [0.1, 0.15], 0.2, [0.1] * 10),
            raced([20, 30], [0.6, 0.5], [0.2, 0.3], [0.3, 0.05], 0.7, [0.9, 0.1] + [0.0] * 8),
            raced([10], [NAN], [0.0], [INF], NAN, [NAN] * 10),
            raced([40], [0.0], [0.0], [0.0], 0.0, [0.0] * 10),
        ],
    ),
    "ErrorsByCase": (
        partial(pictures.ErrorsByCase, ["blur", "noise"]),
        [
            {
                "errors": {
                    "blur": errors([0.5, 0.6], [0.1, 0.1], [0.09, 0.1]),
                    "noise": errors([0.2, 0.3], [0.1, 0.2], [0.3, 0.4]),
                }
            },
            {
                "errors": {
                    "blur": errors([0.3, 0.9], [0.2, 0.1], [0.05, 0.1]),
                    "noise": errors([0.1, 0.1], [0.4, 0.2], [0.1, 0.4]),
                }
            },
            {
                "errors": {
                    "blur": errors([NAN, 0.9], [INF, 0.1], [0.0, 0.0]),
                    "noise": errors([1.0, 1.0], [0.4, 0.2], [0.1, 0.4]),
                }
            },
        ],
    ),
    "Repairs": (
        pictures.Repairs,
        [
            {"found": {"blur": (0.6, 0.5, 0.1), "shift": (0.3, 0.2, 0.25)}},
            {"found": {"blur": (0.5, 0.4, 0.2), "shift": (0.1, 0.3, 0.35)}},
            {"found": {"blur": (NAN, 0.4, 0.2), "shift": (0.0, 0.0, INF)}},
        ],
    ),
}

READINGS = [
    ("Atlas", 0, ["2 corruptions, a row each: noise, fog", "to 5."]),
    ("Damaged", 0, ["0 of 10 are wrong"]),
    ("Damaged", 1, ["10 of 10 are wrong"]),
    ("Race", 0, ["over 20 digits", "source 40.0%, batch 20.0%, descent 15.0%"]),
    ("Race", 1, ["90% are 0"]),
    ("ErrorsByCase", 0, ["blur 55.0%, 10.0%, 9.5%"]),
    ("Repairs", 0, ["blur: 60% restorable, 50.0% to 10.0%"]),
]


# Corruptions

EACH = pytest.mark.parametrize("name", CORRUPTIONS)


@EACH
def test_a_corruption_changes_digits_more_and_more_and_keeps_them_digits(name):
    images = np.zeros((4, 28, 28), np.float32)
    images[:, 6:22, 11:15] = 1
    images = images.reshape(4, 784)
    kept, before = images.copy(), 0.0
    for severity in (0, 1, 2.5, 5):
        changed = corrupt(name, images, severity)
        assert changed.shape == images.shape and changed.dtype == np.float32
        assert changed.min() >= 0 and changed.max() <= 1
        distance = np.linalg.norm(changed - images)
        assert distance > before or severity == 0 == distance, severity
        before = distance
    assert np.array_equal(images, kept)


@EACH
def test_a_corruption_draws_the_same_unless_it_is_given_other_draws(name):
    one, again, other = (corrupt(name, DIGITS, 3, draws) for draws in (None, None, rng(5)))
    assert np.array_equal(one, again)
    assert np.array_equal(one, other) == (name not in ("noise", "salt and pepper", "fog"))
    assert corrupt(name, DIGITS.astype(np.float64), 3).dtype == np.float64


def test_corruptions_do_what_their_severity_says():
    gray = np.full((50, 784), 0.5)
    assert corrupt("noise", gray, 1).std() == pytest.approx(0.15, rel=0.02)
    assert np.mean(corrupt("salt and pepper", gray, 3) != 0.5) == pytest.approx(0.3, abs=0.01)
    assert np.allclose(corrupt("brightness", gray, 2), 0.7)
    assert np.allclose(corrupt("contrast", 0 * gray, 1), 0.2)
    ink = np.ones((1, 784))
    assert (1 - corrupt("occlusion", ink, 4)).sum() == 144
    pixel = np.zeros((1, 28, 28))
    pixel[0, 10, 10] = 1
    assert corrupt("shift", pixel.reshape(1, 784), 3).argmax() == 10 * 28 + 13
    spread = corrupt("blur", pixel.reshape(1, 784), 4).reshape(28, 28)
    assert np.sqrt(spread.sum(axis=1) @ (np.arange(28) - 10) ** 2) == pytest.approx(2, rel=0.05)
    above = np.zeros((1, 28, 28))
    above[0, 3, 13:15] = 1  # on top of the middle
    turned = corrupt("rotation", above.reshape(1, 784), 5).reshape(28, 28)
    row, column = np.unravel_index(turned.argmax(), (28, 28))
    assert abs(np.hypot(row - 13.5, column - 13.5) - 10.5) < 1 and row > 3


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"name": "rain"}, ValueError, "name must be one of 'noise', .* got 'rain'"),
        ({"severity": 5.5}, ValueError, r"severity must lie in \[0, 5\], got 5.5"),
        ({"severity": -1}, ValueError, r"severity must lie in \[0, 5\], got -1"),
        ({"severity": "high"}, TypeError, "severity must be a number, got 'high'"),
        ({"images": DIGITS[0]}, ValueError, r"images must have shape \(m, 784\)"),
        ({"images": DIGITS > 0.5}, TypeError, "images must be a NumPy array of floating point"),
        ({"images": 3 * DIGITS - 0.4}, ValueError, "before they are standardized; got -0.4 ... 2"),
        ({"images": DIGITS * NAN}, ValueError, "gray values from 0 to 1"),
        ({"rng": 3}, TypeError, "rng must be a numpy.random.Generator or None, got 3"),
    ],
)
def test_what_cannot_be_corrupted_is_refused_in_words(change, error, words):
    with pytest.raises(error, match=words):
        corrupt(**{"name": "blur", "images": DIGITS, "severity": 2} | change)


def test_gray_values_come_back_from_standardized_images():
    images = experiments.damaged(experiments.standardize(DIGITS), "blur", 0)
    assert np.allclose(experiments.pixels(images), DIGITS, atol=1e-6)
    assert experiments.pixels(images).dtype == np.float32


# Predicting with batch statistics


def test_batch_logits_are_those_of_training_and_leave_no_trace():
    network, (x, labels) = trained_on_clusters(), clusters(40, seed=3)
    before, expected = state(network), copy.deepcopy(network).train().forward(x)
    assert np.array_equal(batch_logits(network, x), expected)
    assert same(state(network), before) and not any(layer.training for layer in network.layers)
    ways = {"batch": partial(batch_logits, network)}
    found = experiments.errors(ways, x, labels, 10)["batch"]
    assert found == error_in_batches(network, x, labels, 10)


def test_a_scale_and_a_shift_of_the_input_leave_no_trace():
    network, (x, _) = trained_on_clusters(), clusters(40, seed=3)
    x = x.astype(np.float64)
    assert np.allclose(batch_logits(network, 3 * x - 2), batch_logits(network, x), atol=1e-3)


def test_a_mix_goes_from_the_running_estimates_to_the_batch_s():
    network, x = small_network(0), normal(6, 3)
    assert np.allclose(experiments.mixed_logits(network, x, 0), network.forward(x))
    assert np.allclose(experiments.mixed_logits(network, x, 1), batch_logits(network, x))


def test_batch_statistics_are_another_scale_and_shift():
    network, x = small_network(1), normal(6, 3)
    expected, (first, _) = batch_logits(network, x), batch_norms(network)
    z = network.layers[0].forward(x)
    params, running = first.params, (first.running_mean, first.running_var)
    new = exercises.as_scale_and_shift(
        params["gamma"], params["beta"], *running, z.mean(axis=0), z.var(axis=0), first.eps
    )
    first.params["gamma"], first.params["beta"] = new
    hidden = network.layers[2].forward(first.forward(z))
    original = small_network(1)
    batch_logits(original, x)
    assert np.allclose(hidden, original.layers[2].saved)
    assert expected.shape == (6, 3)


# Entropy


def entropy_of(u):
    """The mean entropy once more, for autograd."""
    q = anp.exp(u) / anp.sum(anp.exp(u), axis=1, keepdims=True)
    return -anp.sum(q * anp.log(q)) / len(u)


def diversity_of(u):
    q = anp.exp(u) / anp.sum(anp.exp(u), axis=1, keepdims=True)
    mean = anp.mean(q, axis=0)
    return -anp.sum(mean * anp.log(mean))


@pytest.mark.parametrize("seed", range(3))
def test_gradients_of_entropies_against_autograd(seed):
    u = 2 * normal(5, 10, seed=seed)
    assert mean_entropy(u) == pytest.approx(entropy_of(u), rel=1e-12)
    for ours, function in (
        (entropy_gradient, entropy_of), (exercises.diversity_gradient, diversity_of)
    ):  # fmt: skip
        assert np.abs(ours(u) - autograd_grad(function)(u)).max() < 1e-10


def test_gradient_of_scale_and_shift_through_the_batch_s_statistics_against_autograd():
    network, x = small_network(2), normal(7, 3)
    network.backward(entropy_gradient(batch_logits(network, x)))
    keys = [key for key in network.params if key.endswith(("gamma", "beta"))]
    weights = {key: np.array(value) for key, value in network.params.items()}

    def entropy(moving):
        p, z = weights | {key: moving[key] for key in keys}, x
        for i in (0, 3):
            z = anp.dot(z, p[f"{i}.W"]) + p[f"{i}.b"]
            centered = z - anp.mean(z, axis=0)
            z = centered / anp.sqrt(anp.mean(centered**2, axis=0) + 1e-5)
            z = anp.maximum(p[f"{i + 1}.gamma"] * z + p[f"{i + 1}.beta"], 0)
        return entropy_of(anp.dot(z, p["6.W"]) + p["6.b"])

    exact = autograd_grad(entropy)({key: weights[key] for key in keys})
    assert len(keys) == 4
    for key in keys:
        assert np.abs(network.grads[key] - exact[key]).max() < 1e-10


def test_an_answer_that_is_certain_has_no_entropy_and_no_gradient():
    u = np.array([[1e4, 0.0], [0.0, 1e4]])
    assert mean_entropy(u) == 0 and not entropy_gradient(u).any()
    assert mean_entropy(np.zeros((3, 10))) == pytest.approx(np.log(10))


# Adapting


def test_only_scale_and_shift_move_and_the_entropy_falls():
    network, (x, _) = trained_on_clusters(), clusters(100, seed=3)
    before, x = state(network), x + 2 * normal(*x.shape, dtype=np.float32)
    update, entropies = AdamSteps(0.01), []
    for _ in range(20):
        entropies.append(mean_entropy(adapt(network, x, update)))
    moved = {key for key, value in state(network).items() if not np.array_equal(value, before[key])}
    assert moved == {f"{i}.{name}" for i in (1, 4) for name in ("gamma", "beta")}
    assert entropies[-1] < 0.8 * entropies[0]


def test_the_answer_that_counts_is_the_one_before_the_step():
    network, x = small_network(0), normal(6, 3)
    expected = batch_logits(network, x)
    assert np.array_equal(adapt(network, x, AdamSteps(0.1)), expected)
    assert not np.allclose(batch_logits(network, x), expected)


def test_steps_of_adam_are_the_library_s():
    ours, theirs = (Linear(4, 3, rng=rng(), dtype=np.float64) for _ in range(2))
    steps, optimizer = AdamSteps(0.1), Adam(theirs, 0.1)
    for seed in range(5):
        grads = {"W": normal(4, 3, seed=seed), "b": normal(3, seed=seed)}
        for key, param in ours.params.items():
            param[:] = steps(key, param, grads[key])
        theirs.grads.update(grads)
        optimizer.step()
    for key, param in ours.params.items():
        assert np.allclose(param, theirs.params[key], rtol=1e-12)


def test_a_descent_adapts_a_copy():
    network, (x, labels) = trained_on_clusters(), clusters(40, seed=3)
    before = state(network)
    ways = experiments.three_ways(network, 0.1)
    experiments.errors(ways, x, labels, 10)
    assert same(state(network), before)
    assert not np.array_equal(ways["descent"](x), ways["batch"](x))


def test_with_diversity_the_answers_do_not_collapse():
    def spread(network, x, update):
        logits = batch_logits(network, x)
        network.backward(entropy_gradient(logits) - exercises.diversity_gradient(logits))
        for key, param in network.params.items():
            if key.endswith(("gamma", "beta")):
                param[:] = update(key, param, network.grads[key])
        return logits

    network, (x, labels) = trained_on_clusters(), clusters(600, seed=3)
    x, labels = np.tile(x + 4 * normal(*x.shape, dtype=np.float32), (5, 1)), np.tile(labels, 5)
    alone, both = (
        experiments.collapse(network, x, labels, 0.05, batch_size=60, adapt=each)[1]
        for each in (adapt, spread)
    )
    assert alone["most frequent answer"] > both["most frequent answer"] + 0.1


# Streams


def test_a_stream_is_shuffled_by_its_seed_or_sorted():
    one, other = (experiments.stream(TEST, "shuffled", seed) for seed in (0, 1))
    assert not np.array_equal(one[0], other[0]) and np.array_equal(one[0][:, 0] % 10, one[1])
    images, labels = experiments.stream(TEST, "sorted by class", 0, count=12)
    assert (np.diff(labels) >= 0).all() and np.array_equal(images[:, 0] % 10, labels)
    assert sorted(images[:, 0]) == sorted(experiments.stream(TEST, "shuffled", 0, 12)[0][:, 0])
    with pytest.raises(ValueError, match="order must be one of 'shuffled', .* got 'mixed'"):
        experiments.stream(TEST, "mixed", 0)
    with pytest.raises(ValueError, match="count must be at least 1 and at most 20, got 21"):
        experiments.stream(TEST, "shuffled", 0, 21)


def test_a_race_adds_up_to_the_errors_of_the_stream(monkeypatch):
    monkeypatch.setattr(experiments, "pixels", lambda images: images)
    network, (x, labels) = trained_on_clusters(), clusters(95, seed=3)
    x = x + 3 * normal(*x.shape, dtype=np.float32)
    slices = list(experiments.racing(experiments.three_ways(network, 0.01), x, labels, 10, 3))
    last = slices[-1]
    expected = experiments.errors(experiments.three_ways(network, 0.01), x, labels, 10)
    assert len(slices) == 3 and last["seen"].tolist() == list(range(10, 100, 10))
    assert {name: each[-1] for name, each in last["errors"].items()} == pytest.approx(expected)
    assert last["answers"].sum() == pytest.approx(1) and last["first"].shape == (12, 6)


def test_means_of_batches_are_off_by_the_root_of_their_size():
    z = normal(40_000, 3) * [1, 5, 0.1] + 7
    for m in (4, 100):
        assert experiments.off(z, m) == pytest.approx(0.8 / np.sqrt(m), rel=0.05)
    assert experiments.off(np.sort(z, axis=0), 100) > 0.7


def test_what_a_scale_and_a_shift_restore():
    z = normal(500, 3)
    assert np.allclose(repairable(z, [1, -2, 0.1] * z + [4, 5, 6]), 1)
    noisy = z + [0, 1, 3] * normal(500, 3, seed=1)
    best = [np.polyfit(noisy[:, i], z[:, i], 1) for i in range(3)]
    left = [np.var(z[:, i] - np.polyval(best[i], noisy[:, i])) / z[:, i].var() for i in range(3)]
    assert np.allclose(repairable(z, noisy), 1 - np.array(left))


@pytest.mark.parametrize("m", [4, 30])
def test_the_best_share_has_the_smallest_error(m):
    means = 0.5 + normal(100_000) * np.sqrt(2 / m)  # of batches; the running mean is 0
    best = exercises.best_share(0.5, 2.0, m)
    errors = [np.mean((share * means - 0.5) ** 2) for share in (best - 0.1, best, best + 0.1)]
    assert np.argmin(errors) == 1


# Claim C22

AS_CLAIMED = {
    f"{case}: {way}": error
    for case, ways in {
        "contrast": {"source": 0.5, "batch": 0.03},
        "brightness": {"source": 0.5, "batch": 0.03},
        "blur": {"source": 0.5, "batch": 0.10, "descent 0.005": 0.09},
        "noise": {"source": 0.2, "batch": 0.09, "descent 0.005": 0.08},
        "salt and pepper": {"source": 0.3, "batch": 0.20, "descent 0.005": 0.18},
        "rotation": {"source": 0.13, "batch": 0.15, "descent 0.02": 0.12},
        "batches of 4": {"source": 0.2, "batch": 0.35},
        "sorted": {"source": 0.2, "batch": 0.85},
        "occlusion": {"source": 0.7, "batch": 0.35, "descent 0.005": 0.38},
        "heavy noise": {"source": 0.7, "batch": 0.53, "descent 0.005": 0.57},
    }.items()
    for way, error in ways.items()
}


@pytest.mark.parametrize(
    "change",
    [
        *({f"{case}: batch": 0.8 * 0.2, f"{case}: source": 0.2} for case in experiments.CURED),
        *({f"{case}: source": 0.9} for case in experiments.RAISED),
        *(
            {f"{case}: descent {lr}": AS_CLAIMED[f"{case}: batch"]}
            for case, lr in (experiments.LOWERED | experiments.HURT).items()
        ),
    ],
)
def test_every_part_of_the_claim_counts(change):
    assert C22.holds(AS_CLAIMED)
    assert not C22.holds(AS_CLAIMED | change)


def test_the_claim_is_judged_by_what_is_run():
    """On ten times fewer steps and digits, by the pieces that are handed in."""
    data = rng(0).random((400, 784), dtype=np.float32), np.arange(400) % 10
    used = []

    def predict(network, x):
        used.append("predict")
        return batch_logits(network, x)

    def step(network, x, update):
        used.append("adapt")
        return adapt(network, x, update)

    cases = {"blur": (0.005,), "rotation": ()}
    found = experiments.by_case(data, data, 0, cases, predict=predict, adapt=step)
    assert list(found) == ["blur", "rotation"]
    assert list(found["blur"]) == ["source", "batch", "descent 0.005"]
    assert used.count("predict") == 2 * 2 and used.count("adapt") == 2
    assert set(C22.numbers(found)) == {
        "blur: source", "blur: batch", "blur: descent 0.005", "rotation: source", "rotation: batch",
    }  # fmt: skip
    assert set(experiments.JUDGED) <= set(experiments.CASES)
