"""Notebook 00: its exercises."""

import numpy as np
import pytest

from course_utils.lessons.start_here import exercises
from course_utils.nn import Linear, ReLU, Sequential, mlp


def rms(x):
    return np.sqrt(np.mean(x**2))


@pytest.mark.parametrize("c", [1.0, 2.0, 3.0])
def test_expected_ratio_is_what_networks_do(c):
    rng, z = np.random.default_rng(1), np.ones((1, 2000))
    layers = [(Linear(2000, 2000, c=c, rng=rng), ReLU()) for _ in range(3)]
    ratio = rms(Sequential(sum(layers, ())).forward(z)) / rms(z)
    assert ratio == pytest.approx(exercises.expected_ratio(c, 3), rel=0.1)


def test_weight_shapes_and_count_parameters_are_those_of_a_network():
    widths = [7, 5, 6, 3]
    params = mlp(widths).params
    assert exercises.weight_shapes(widths) == [p.shape for k, p in params.items() if "W" in k]
    assert exercises.count_parameters(widths) == sum(param.size for param in params.values())
