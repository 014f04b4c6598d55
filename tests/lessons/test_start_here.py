"""Notebook 00: its blanks, exercises and picture."""

from functools import partial

import numpy as np
import pytest
from helpers import INF, NAN, rms

from course_utils.lessons.start_here import blanks, exercises, experiments, pictures
from course_utils.nn import Linear, ReLU, Sequential, mlp

GHOSTS = {"c = 1": [28.0, 1, 0.1], "c = 3": [28.0, 90, 900]}

PICTURES = {
    "SignalByLayer": (
        partial(pictures.SignalByLayer, depth=2, ghosts=GHOSTS),
        [
            {"lengths": [28.0, 9, 9], "expected": [28.0, 10, 10]},
            {"lengths": [20.0, 1, 1e-3], "expected": [20.0, 2, 2e-3]},
            {"lengths": [28.0, INF, NAN], "expected": [INF, NAN, 0.0]},
            {"lengths": [0.0, 0.0, 0.0]},
            {"lengths": []},
        ],
    ),
}

READINGS = [
    ("SignalByLayer", 0, ["From layer 1 to layer 2", "factor of 1", "holding"]),
    ("SignalByLayer", 1, ["factor of 0.001", "vanishing"]),
    ("SignalByLayer", 2, ["not a number"]),
    ("SignalByLayer", 4, ["no layer"]),
]


def test_layer_is_what_the_library_does():
    network, z = Sequential([linear := Linear(3, 4), ReLU()]), np.ones((2, 3), np.float32)
    linear.params["b"][:] = 0.5, -0.5, 0.1, -0.1
    assert blanks.layer(z, **linear.params) == pytest.approx(network.forward(z))


@pytest.mark.parametrize("c", [1.0, 2.0, 3.0])
def test_expected_ratio_is_what_networks_do(c):
    rng, z = np.random.default_rng(1), np.ones((1, 2000))
    layers = [(Linear(2000, 2000, c=c, rng=rng), ReLU()) for _ in range(3)]
    ratio = rms(Sequential(sum(layers, ())).forward(z)) / rms(z)
    assert ratio == pytest.approx(exercises.expected_ratio(c, 3), rel=0.1)
    lengths = experiments.expected_lengths(1.0, 4 * [2000], c)
    assert lengths[-1] == pytest.approx(exercises.expected_ratio(c, 3))
    assert exercises.scale_for(exercises.expected_ratio(c, 3), 3) == pytest.approx(c)


@pytest.mark.parametrize("case", [*exercises.lengths_and_scales(np.random.default_rng(0))])
def test_layers_until_is_the_first_beyond_the_limit(case):
    limit, length, c = case
    layers = exercises.layers_until(*case)
    before, after = (length * exercises.expected_ratio(c, d) for d in (layers - 1, layers))
    assert before * 1.001 < limit < after * 0.999  # rounding does not decide


def test_weight_shapes_and_count_parameters_are_those_of_a_network():
    widths = [7, 5, 6, 3]
    params = mlp(widths).params
    assert blanks.weight_shapes(widths) == [p.shape for k, p in params.items() if "W" in k]
    assert exercises.count_parameters(widths) == sum(param.size for param in params.values())
