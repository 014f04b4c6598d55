"""Notebook 02: its exercises and its pictures."""

from functools import partial

import numpy as np
import pytest
from helpers import INF, NAN, count, signs

from course_utils.lab.colors import GREEN
from course_utils.lessons.initialization import exercises, pictures
from course_utils.nn import Sequential, layers, mlp


def of_eight(factor):
    """What ScalesInTraining shows of three networks of eight layers."""
    row, ones = np.linspace(1, 2, 8) * factor, np.ones(8)
    return {
        c: (signs(c * row, row, ones, ones, 1.0), (c + factor / 10) * ones) for c in (1.7, 2, 2.3)
    }


PICTURES = {
    "ScalesInTraining": (
        partial(pictures.ScalesInTraining, layers=8, scales=(1.7, 2, 2.3)),
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
    ("ScalesInTraining", 1, ["50%", "8.4 at c = 1.7", "9.9 at c = 2", "11.3 at c = 2.3"]),
    ("TrainingMap", 0, ["c = 2, depth 30", "2 steps", "2.2"]),
]


def test_the_training_map_remembers_finished_runs():
    picture = pictures.TrainingMap(steps=4)
    unfinished = picture.update(c=2.0, depth=30, losses=[2.3], verdict=None).png()
    learned = picture.update(c=2.0, depth=30, losses=[2.3], verdict="learning").png()
    assert picture.update(c=2.0, depth=30, losses=[2.3], verdict="learning").png() == learned != unfinished
    assert picture.reading == "c = 2, depth 30: learning after 1 steps."
    assert picture.update(c=2.0, depth=30, losses=[2.3], verdict=None).png() == learned  # the mark stays
    assert count(learned, GREEN) > count(unfinished, GREEN)
    picture.update(c=3.0, depth=60, losses=[2.3, NAN], verdict="not a number")
    assert picture.reading == "c = 3, depth 60: not a number after 1 steps."


def rms(x):
    return np.sqrt(np.mean(x**2))


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
    cs = [
        exercises.find_c(lambda c, q=q: exercises.tanh_ratio(c, q, g))
        for q in (0.001, 0.1, 0.3)
    ]
    assert cs[0] == pytest.approx(1, abs=0.02)
    assert cs[0] < cs[1] < cs[2] < 4


def test_expected_squares_are_those_of_networks_forward_and_backward():
    widths, c, forward, backward = [30, 80, 20, 60], 1.5, [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        network = Sequential([*mlp(widths, c=c, rng=rng).layers, layers.ReLU()])
        z_0 = np.ones((1, 30), np.float32)
        forward.append(np.sum(network.forward(z_0) ** 2) / 30)
        grad = rng.standard_normal((1, 60))
        backward.append(np.sum(network.backward(grad) ** 2) / np.sum(grad**2))
    assert np.mean(forward) == pytest.approx(exercises.expected_square(c, widths), rel=0.1)
    expected = exercises.expected_gradient_square(c, widths)
    assert np.mean(backward) == pytest.approx(expected, rel=0.1)
