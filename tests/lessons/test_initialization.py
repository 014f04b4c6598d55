"""Notebook 02: its exercises and its pictures."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from helpers import INF, NAN, count, rms, signs

from course_utils.experiments.comparison import run_side
from course_utils.experiments.norms import Untrained
from course_utils.lab.colors import GREEN
from course_utils.lessons.initialization import exercises, experiments, pictures
from course_utils.nn import Sequential, layers, mlp, softmax_cross_entropy


def of_eight(factor):
    """What ScalesInTraining shows of three networks of eight layers."""
    row, ones = np.linspace(1, 2, 8) * factor, np.ones(8)
    return {c: (signs(c * row, row, ones, ones, 1.0), (c + factor / 10) * ones) for c in (1.7, 2.3)}


PICTURES = {
    "ScalesInTraining": (
        partial(pictures.ScalesInTraining, layers=8, scales=(1.7, 2.3)),
        [
            {"share": 0.0, "starts": of_eight(1), "nows": of_eight(2)},
            {"share": 0.5, "starts": of_eight(2), "nows": of_eight(3)},
            {"share": 1.0, "starts": of_eight(1), "nows": of_eight(NAN)},
            {"share": 1.0, "starts": of_eight(0), "nows": of_eight(INF)},
        ],
    ),
    "TrainingMap": (
        partial(pictures.TrainingMap, steps=4),
        [
            {"c": 2.0, "depth": 30, "losses": [2.3, 2.2], "verdict": None},
            {"c": 1.0, "depth": 5, "losses": [2.3], "verdict": None},
            {"c": 3.0, "depth": 60, "losses": [2.3, 1e30, NAN], "verdict": None},
            {"c": 3.0, "depth": 60, "losses": [0.0, INF], "verdict": None},
        ],
    ),
}

SAID_ONLY = {
    "ScalesInTraining": 1,  # how far training has come
    "TrainingMap": 2,  # c and depth of a run that is not over
}

READINGS = [
    ("ScalesInTraining", 1, ["50%", "8.4 at c = 1.7", "11.3 at c = 2.3"]),
    ("TrainingMap", 0, ["c = 2, depth 30", "2 steps", "2.2"]),
]


def test_the_training_map_remembers_finished_runs():
    picture = pictures.TrainingMap(steps=4)
    unfinished = picture.update(c=2.0, depth=30, losses=[2.3], verdict=None).png()
    learned = picture.update(c=2.0, depth=30, losses=[2.3], verdict="learning").png()
    assert (
        picture.update(c=2.0, depth=30, losses=[2.3], verdict="learning").png()
        == learned
        != unfinished
    )
    assert picture.reading == "c = 2, depth 30: learning after 1 steps."
    assert (
        picture.update(c=2.0, depth=30, losses=[2.3], verdict=None).png() == learned
    )  # the mark stays
    assert count(learned, GREEN) > count(unfinished, GREEN)
    picture.update(c=3.0, depth=60, losses=[2.3, NAN], verdict="not a number")
    assert picture.reading == "c = 3, depth 60: not a number after 1 steps."


def test_the_training_map_can_begin_with_runs():
    empty = pictures.TrainingMap(steps=4).update(c=2.0, depth=30, losses=[2.3], verdict=None).png()
    picture = pictures.TrainingMap(steps=4, runs=[(1.0, 10, "learning"), (3.0, 60, "stuck")])
    shown = picture.update(c=2.0, depth=30, losses=[2.3], verdict=None).png()
    assert count(shown, GREEN) > count(empty, GREEN)


def layer_of(activation, n_in, n_out, c, z, rng):
    return activation(z @ (np.sqrt(c / n_in) * rng.standard_normal((n_in, n_out))))


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_leaky_relu_c_keeps_the_norm(slope):
    c, rng = exercises.leaky_relu_c(slope), np.random.default_rng(1)
    z = np.ones((1, 3000))
    after = layer_of(lambda x: np.where(x > 0, x, slope * x), 3000, 3000, c, z, rng)
    assert rms(after) == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize(("c", "q"), [(1.0, 0.01), (2.0, 0.3), (3.5, 0.5)])
def test_tanh_ratio_is_what_a_layer_does(c, q):
    rng = np.random.default_rng(1)
    z = np.sqrt(q) * np.ones((1, 3000))
    after = layer_of(np.tanh, 3000, 3000, c, z, rng)
    expected = exercises.tanh_ratio(c, q, rng.standard_normal(100_000))
    assert rms(after) / rms(z) == pytest.approx(expected, rel=0.05)


def test_the_c_of_tanh_can_be_found_and_grows_with_its_input():
    g = np.random.default_rng(1).standard_normal(100_000)
    cs = [exercises.find_c(lambda c, q=q: exercises.tanh_ratio(c, q, g)) for q in (0.001, 0.1, 0.3)]
    assert cs[0] == pytest.approx(1, abs=0.02)
    assert cs[0] < cs[1] < cs[2] < 4


def test_the_factors_are_those_of_networks_forward_and_backward():
    widths, c, forward, backward = [30, 80, 20, 60], 1.5, [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        network = Sequential([*mlp(widths, c=c, rng=rng).layers, layers.ReLU()])
        z_0 = np.ones((1, 30), np.float32)
        forward.append(np.sum(network.forward(z_0) ** 2) / 30)
        grad = rng.standard_normal((1, 60))
        backward.append(np.sum(network.backward(grad) ** 2) / np.sum(grad**2))
    for measured, factor in (
        (forward, experiments.forward_factor),
        (backward, experiments.backward_factor),
    ):
        factors = [factor(c, *pair) for pair in pairwise(widths)]
        expected = experiments.expected_lengths(1.0, factors)
        assert len(expected) == 4 and expected[0] == 1
        assert np.mean(measured) == pytest.approx(expected[-1] ** 2, rel=0.1)


def test_the_line_of_theory_is_the_librarys():
    batch, labels = np.random.default_rng(0).standard_normal((5, 12)), np.arange(5)
    found = Untrained(batch, labels, hidden=[8, 6]).norms(c=1.3)
    pairs = [(12, 8), (8, 6)]
    forward = [experiments.forward_factor(1.3, *pair) for pair in pairs]
    backward = [experiments.backward_factor(1.3, *pair) for pair in reversed(pairs)]
    ours = experiments.expected_lengths(found.forward[0], forward)
    assert np.allclose(ours, found.forward_theory)
    ours = experiments.expected_lengths(found.backward[-1], backward)[::-1]
    assert np.allclose(ours, found.backward_theory)


@pytest.fixture
def noise():
    rng = np.random.default_rng(0)
    return rng.standard_normal((100, 784)).astype(np.float32), rng.integers(0, 10, 100)


def test_the_students_experiment_is_that_of_the_claim(noise):
    run = experiments.train_deep(noise, 2, 7, steps=4, observe=lambda *_: "seen", every=2)
    make = experiments.deep_side(2)
    _, claimed = run_side(make, noise, None, 7, steps=4, batch_size=50)
    assert run.losses == claimed.losses
    assert run.observations == {0: "seen", 2: "seen", 4: "seen"}


def test_frozen_biases_stay_where_they_are_and_weights_move(noise):
    network, _ = experiments.deep_side(2, depth=2)(np.random.default_rng(0))
    before = {key: param.copy() for key, param in network.params.items()}
    network.backward(softmax_cross_entropy(network.forward(noise[0]), noise[1])[1])
    experiments.WeightsOnly(network, lr=0.1).step()
    for key, param in network.params.items():
        assert np.array_equal(param, before[key]) == key.endswith("b")


def test_an_observer_sees_the_scale_of_the_weights(noise):
    network, _ = experiments.deep_side(3, depth=2)(np.random.default_rng(0))
    signs, variance = experiments.observer(lr=0.5)(network, noise)
    assert variance == pytest.approx([3, 3, 3], rel=0.2)
    twice, _ = experiments.observer(lr=1.0)(network, noise)
    assert twice.update_ratio == pytest.approx(2 * signs.update_ratio, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "value", "holds"),
    [
        ("reached 5%", 1, True),
        ("reached 5%", 0, False),
        ("largest change of n var(W), hidden matrices", 0.11, False),
        ("activations, c = 2.3 over 1.7, before", 1.9, False),
        ("activations, c = 2.3 over 1.7, after", 1.04, False),
        ("activations, c = 2.3 over 1.7, after", 1.6, False),
        ("gradients, c = 2.3 over 1.7, after", 2.1, False),
    ],
)
def test_every_part_of_the_second_claim_counts(name, value, holds):
    numbers = {
        "largest change of n var(W), hidden matrices": 0.03,
        "activations, c = 2.3 over 1.7, before": 2.3,
        "activations, c = 2.3 over 1.7, after": 1.2,
        "gradients, c = 2.3 over 1.7, before": 8.0,
        "gradients, c = 2.3 over 1.7, after": 1.0,
        "reached 5%": 1,
    }
    assert experiments.C2.holds(numbers | {name: value}) == holds
