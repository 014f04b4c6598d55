"""Notebook 01: its blanks, its exercises, what it measures and its pictures."""

import re
from functools import partial
from itertools import pairwise
from pathlib import Path

import nbformat
import numpy as np
import pytest
from helpers import INF, NAN

from course_utils import nn
from course_utils.data import two_moons
from course_utils.experiments import training_steps
from course_utils.lab.checker import examine
from course_utils.lab.colors import BLUE, GRAY, GREEN, RED
from course_utils.lessons.mlp_by_hand import blanks, exercises, experiments, pictures
from course_utils.nn import (
    SGD,
    Linear,
    ReLU,
    gradient_check,
    layers,
    mlp,
    numerical_gradient,
    softmax_cross_entropy,
)

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "01_mlp_by_hand.ipynb"
EXERCISES = {exercise.name: exercise for exercise in exercises.EXERCISES}


def product(A, B, names, row, column, sides=("examples", "features in", "features out")):
    """What MatrixProduct shows."""
    return dict(A=A, B=B, names=names, row=row, column=column, sides=sides)


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
    frames = [[sorted({*data}) for data in frame.get_data()] for *_, frame, _ in picture.panels]
    assert frames == [
        [[-0.5, 2.5], [-0.5, 0.5]],  # the row of A
        [[0.5, 1.5], [-0.5, 2.5]],  # the column of B
        [[0.5, 1.5], [-0.5, 0.5]],  # one entry of A B
    ]
    _, title, numbers, _, _ = picture.panels[2]
    assert title.get_text() == "AB   (2 × 2)"
    shown = [float(text.get_text()) for text in numbers.ravel() if text.get_visible()]
    assert shown == [0, 1, 2, 3]


def test_the_microscope_says_what_rows_and_columns_are():
    make, values = PICTURES["MatrixProduct"]
    picture = make().update(**values[0])
    words = [[text.get_text() for text in sides] for *_, sides in picture.panels]
    assert words == [
        ["examples", "features in"],
        ["features in", "features out"],
        ["examples", "features out"],
    ]


# Blanks: ours are the library's, and other right ways pass


def test_linear_backward_is_the_library_s():
    grad_y, x, W = (np.random.default_rng(1).standard_normal(s) for s in [(5, 3), (5, 2), (2, 3)])
    ours, theirs = blanks.linear_backward(grad_y, x, W), layers.linear_backward(grad_y, x, W)
    assert all(map(np.array_equal, ours, theirs))


def test_relu_backward_is_the_library_s():
    grad_y, x = np.random.default_rng(1).standard_normal((2, 4, 3))
    y = layers.relu(x)
    assert np.array_equal(blanks.relu_backward(grad_y, y), layers.relu_backward(grad_y, y))


def test_cross_entropy_gradient_is_the_library_s():
    logits, labels = 9 * np.random.default_rng(1).standard_normal((5, 4)), np.array([0, 3, 1, 1, 2])
    for scale in (1, 1e3):
        _, grad = softmax_cross_entropy(scale * logits, labels)
        found = blanks.cross_entropy_gradient(scale * logits, labels)
        assert np.allclose(found, grad, rtol=1e-12)


def test_backward_through_sgd_step_and_train_are_the_library_s():
    points, classes = two_moons(60, np.random.default_rng(0))
    batches = [(points[k : k + 20], classes[k : k + 20]) for k in (0, 20, 40)]
    theirs, ours = (mlp([2, 8, 2], rng=np.random.default_rng(1)) for _ in range(2))
    expected = list(training_steps(theirs, SGD(theirs, 0.3), batches))

    class Network(nn.Sequential):
        def backward(self, grad_y):
            return blanks.backward_through(self.layers, grad_y)

    class Step:
        def step(self):
            blanks.sgd_step(ours.params, ours.grads, 0.3)

    found = blanks.train(Network(ours.layers), Step(), iter(batches), softmax_cross_entropy)
    assert found == expected
    assert all(np.array_equal(ours.params[key], theirs.params[key]) for key in theirs.params)


def replaces(params, grads, lr):
    for key in params:
        params[key] = params[key] - lr * grads[key]


def by_items(params, grads, lr):
    for (_, param), grad in zip(params.items(), grads.values(), strict=True):
        np.subtract(param, lr * grad, out=param)
    return params


def train_with_append_first(network, optimizer, batches, loss_and_grad):
    curve = np.zeros(0)
    for images, targets in batches:
        output = network.forward(images)
        curve = np.append(curve, loss_and_grad(output, targets)[0])
        network.backward(loss_and_grad(output, targets)[1], input_grad=False)
        optimizer.step()
    return curve


def by_recursion(layers, grad_y):
    *before, last = layers
    grad = last.backward(grad_y)
    return by_recursion(before, grad) if before else grad


def with_one_hot(logits, labels):
    q = nn.softmax(logits)
    truth = np.zeros_like(q)
    for k, label in enumerate(labels):
        truth[k, label] = 1
    return 1 / len(q) * q - truth / len(q)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        (
            "linear_backward",
            lambda grad_y, x, W: [
                np.einsum("ks,rs->kr", grad_y, W),
                sum(map(np.outer, x, grad_y)),
                np.ones(len(x)) @ grad_y,
            ],
        ),
        ("linear_backward", lambda g, x, W: ((W @ g.T).T, (g.T @ x).T, sum(g))),
        ("relu_backward", lambda grad_y, y: np.where(y == 0, 0, grad_y)),
        ("relu_backward", lambda grad_y, y: np.sign(y) * grad_y),
        ("cross_entropy_gradient", with_one_hot),
        ("backward_through", by_recursion),
        ("sgd_step", replaces),
        ("sgd_step", by_items),
        ("train", train_with_append_first),
        ("stretch_and_shift_backward", lambda g, x, c: (c * g, np.diag(x.T @ g), sum(g))),
        ("find_bug", lambda network, x: farthest(network, x)),
        ("find_bug", lambda network, x: not_close(network, x)),
    ],
    ids=range(12),
)
def test_another_way_of_writing_it_is_right(name, way):
    verdict = examine(EXERCISES[name], way)
    assert verdict.right, verdict.words


@pytest.mark.parametrize(
    ("name", "way", "words"),
    [
        ("linear_backward", lambda g, x, W: (g @ W.T, g @ x.T, sum(g)), "`grad_W` takes"),
        ("linear_backward", lambda g, x, W: (g @ W, x.T @ g, sum(g)), "`grad_x` takes"),
        (
            "cross_entropy_gradient",
            lambda logits, labels: (nn.softmax(logits) - 1) / len(labels),
            "You subtract 1 from every",
        ),
        (
            "stretch_and_shift_backward",
            lambda g, x, c: (c * g, x.T @ g, sum(g)),
            "`grad_gamma` is a matrix",
        ),
    ],
    ids=range(4),
)
def test_a_wrong_product_is_called_by_its_own_name(name, way, words):
    verdict = examine(EXERCISES[name], way)
    assert verdict.right is False and verdict.words.startswith(words)


def farthest(network, x):
    """By angle and length, over all entries of an array, from a loss of squares."""
    y = network.forward(x)
    network.backward(y)
    found = {}
    for key, param in network.params.items():
        truth = numerical_gradient(lambda: 0.5 * np.sum(network.forward(x) ** 2), param)
        found[key] = np.linalg.norm(network.grads[key] - truth) / np.linalg.norm(truth)
    return sorted(found, key=found.get)[-1]


def not_close(network, x):
    errors = exercises.relative_errors(network, x)
    return next(key for key, error in errors.items() if error > 1e-4)


def test_a_loop_that_needs_a_list_of_batches_is_no_answer():
    def counts(network, optimizer, batches, loss_and_grad):
        return [0.0 for _ in range(len(batches))]

    verdict = examine(EXERCISES["train"], counts)
    assert verdict.right is False and "iterator" in verdict.words


# What the notebook measures


def test_losses_one_by_one_are_those_of_the_loop_until_they_are_not_finite():
    batch = two_moons(40, np.random.default_rng(0))
    networks = [mlp([2, 6, 2], rng=np.random.default_rng(1)) for _ in range(2)]
    one_by_one, at_once = (
        make(network, SGD(network, 0.5), 7 * [batch], softmax_cross_entropy)
        for make, network in zip(
            (partial(experiments.losses_one_by_one, blanks.train), blanks.train), networks
        )
    )
    assert list(one_by_one) == at_once
    given = iter([1.0, NAN, 2.0])
    broken = experiments.losses_one_by_one(lambda *_: [next(given)], None, None, range(3), None)
    assert len(list(broken)) == 2


def test_zeros_into_relu_are_counted_in_front_of_it():
    network = nn.Sequential([Linear(2, 3, rng=np.random.default_rng(0)), ReLU()])
    network.params["0.W"][:, 1] = 0
    x = np.ones((5, 2), np.float32)
    assert experiments.zeros_into_relu(network, ReLU, x) == (5, 15)


def test_what_each_layer_meets_on_the_way_back():
    x = np.random.default_rng(0).standard_normal((3, 2))
    network = mlp([2, 4, 3, 2], rng=np.random.default_rng(1), dtype=np.float64)
    _, grad = softmax_cross_entropy(network.forward(x), np.array([0, 1, 1]))
    found = experiments.each_layer_on_the_way_back(network, grad)
    keys = ["0.W", "2.W", "4.W"]
    for key, (z, delta, W) in zip(keys, found, strict=True):
        assert W is network.params[key]
        assert np.allclose(z.T @ delta, network.grads[key], rtol=1e-12)
    assert found[0][0] is x and found[-1][1] is grad
    assert all(W.shape[1] == after.shape[0] for (*_, W), (*_, after) in pairwise(found))


def test_loops_and_product_are_compared_in_time_and_result():
    def slow(x, W, b):
        return sum(x @ W for _ in range(300)) / 300 + 1e-3

    x = np.ones((30, 30))
    ratio, error = experiments.loop_and_product(slow, lambda x, W, b: x @ W, x, x, None)
    assert ratio > 5 and np.isclose(error, 1e-3 / 30, rtol=1e-2)


def test_the_code_of_the_open_exercise_runs():
    (text,) = (cell.source for cell in nbformat.read(NOTEBOOK, 4).cells if cell.id == "01-x4")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    for old, new in [
        ("return ...", "return 0.1 * grad_y"), ("margin = ...", "margin = 0.01"),
        ("steps=500", "steps=2"), ("range(40, 45)", "range(2), progress=False"),
    ]:  # fmt: skip
        assert old in code
        code = code.replace(old, new)
    rng = np.random.default_rng(0)
    images, labels = rng.standard_normal((100, 784)).astype(np.float32), rng.integers(0, 10, 100)
    scope = dict(nn=nn, images=images, labels=labels, test_images=images, test_labels=labels)
    exec(code, scope)  # noqa: S102
    assert list(scope["runs"].by_seed) == [0, 1]


# Exercises


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


def test_stretch_and_shift_backward_agrees_with_central_differences():
    rng = np.random.default_rng(1)
    grad_y, x, gamma, beta = (rng.standard_normal(s) for s in [(4, 3), (4, 3), 3, 3])
    found = exercises.stretch_and_shift_backward(grad_y, x, gamma)
    for gradient, array in zip(found, (x, gamma, beta), strict=True):
        truth = numerical_gradient(lambda: np.sum(grad_y * (gamma * x + beta)), array)
        assert np.allclose(gradient, truth, atol=1e-7)
