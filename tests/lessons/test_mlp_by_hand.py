"""Notebook 01: its exercises and its pictures."""

from functools import partial

import numpy as np
import pytest
from helpers import INF, NAN

from course_utils.lab.colors import BLUE, GRAY, GREEN, RED
from course_utils.lessons.mlp_by_hand import exercises, pictures
from course_utils.nn import SGD, Linear, gradient_check, layers, numerical_gradient


def product(A, B, names, row, column):
    """What MatrixProduct shows."""
    return dict(A=A, B=B, names=names, row=row, column=column)


AB, CD = ("A", "B", "AB"), ("C", "D", "CD")

PICTURES = {
    "MatrixProduct": (
        partial(pictures.MatrixProduct, largest=3),
        [
            product(np.eye(2, 3), np.arange(6.0).reshape(3, 2), AB, 1, 2),
            product(np.ones((2, 3)), np.ones((3, 2)), CD, 2, 1),
            product(np.full((1, 3), NAN), np.full((3, 1), INF), AB, 1, 1),
            product(np.zeros((3, 3)), np.zeros((3, 3)), AB, 9, 9),
            product(np.full((3, 1), 1e300), np.full((1, 3), -1e300), AB, 3, 1),
        ],
    ),
    "Losses": (
        partial(pictures.Losses, steps=4),
        [
            {"runs": {"one": ([2.3, 2.0, 1.5], BLUE), "other": ([2.3, 2.2], RED)}},
            {"runs": {"one": ([2.3, 1.0, 0.5], GRAY), "other": ([2.3, 0.2], GREEN)}},
            {"runs": {"one": ([2.3, NAN], BLUE), "zero": ([0.0], RED), "far": ([1e30, INF], GRAY)}},
        ],
    ),
}

READINGS = [
    ("MatrixProduct", 0, ["Row 1 of A meets column 2 of B", "(1.0", "(5.0"]),
    ("MatrixProduct", 3, ["No entry in row 9, column 9", "3 × 3"]),
    ("Losses", 0, ["one: 1.5", "other: 2.2"]),
    ("Losses", 2, ["one: not a number", "zero: 0", "far: ∞"]),
]


def test_the_microscope_frames_the_numbers_that_meet():
    make, values = PICTURES["MatrixProduct"]
    picture = make().update(**values[0])  # row 1, column 2 of (2 × 3)(3 × 2)
    frames = [[sorted({*data}) for data in frame.get_data()] for *_, frame in picture.panels]
    assert frames == [
        [[-0.5, 2.5], [-0.5, 0.5]],  # the row of A
        [[0.5, 1.5], [-0.5, 2.5]],  # the column of B
        [[0.5, 1.5], [-0.5, 0.5]],  # one entry of A B
    ]
    _, title, numbers, _ = picture.panels[2]
    assert title.get_text() == "AB   (2 × 2)"
    shown = [float(text.get_text()) for text in numbers.ravel() if text.get_visible()]
    assert shown == [0, 1, 2, 3]


def test_tanh_backward_is_the_library_s():
    grad_y, y = np.random.default_rng(1).standard_normal((2, 4, 3))
    assert np.array_equal(exercises.tanh_backward(grad_y, y), layers.tanh_backward(grad_y, y))


def test_momentum_step_is_the_library_s():
    layer = Linear(3, 2, rng=np.random.default_rng(1), dtype=np.float64)
    optimizer = SGD(layer, lr=0.1, momentum=0.8)
    param, velocity = layer.params["W"].copy(), np.zeros((3, 2))
    for seed in range(3):
        grad = np.random.default_rng(seed).standard_normal((3, 2))
        layer.grads["W"] = grad
        optimizer.step()
        param, velocity = exercises.momentum_step(param, grad, velocity, 0.1, 0.8)
        assert np.allclose(layer.params["W"], param, rtol=1e-14)


@pytest.mark.parametrize("where", exercises.PLACES)
def test_a_broken_network_is_wrong_in_one_place_only(where):
    network = exercises.broken_network(np.random.default_rng(1), where)
    x = np.random.default_rng(2).standard_normal((4, 2))
    assert gradient_check(network, x) > 0.1
    network.forward(x)
    grad_x = network.backward(np.ones((4, 2)))
    for key, param in network.params.items():
        truth = numerical_gradient(lambda: network.forward(x).sum(), param)
        assert np.allclose(network.grads[key], truth, atol=1e-7) == (key != where)
    truth = numerical_gradient(lambda: network.forward(x).sum(), x)
    assert np.allclose(grad_x, truth, atol=1e-7)


def test_a_broken_network_repeats_hides_its_bug_and_is_broken_anywhere():
    first, second = (exercises.broken_network(np.random.default_rng(3)) for _ in range(2))
    assert all(np.array_equal(first.params[key], second.params[key]) for key in first.params)
    assert repr(first) == "Sequential(Linear(2, 4), Tanh(), Linear(4, 3), Tanh(), Linear(3, 2))"
    rng, x = np.random.default_rng(0), np.ones((3, 2))
    found = {exercises.find_bug(exercises.broken_network(rng), x) for _ in range(60)}
    assert found == set(first.params)
    with pytest.raises(ValueError, match="where must be one of '0.W', .* got '1.W'"):
        exercises.broken_network(rng, "1.W")
