"""Notebook 08: its optimizer against the library's, its valley, its exercises and pictures."""

from functools import partial

import numpy as np
import pytest
from helpers import INF, NAN, fitted, rng

from course_utils.lab.colors import BLUE, GREEN
from course_utils.lessons.momentum_and_adam import exercises, experiments, pictures
from course_utils.lessons.momentum_and_adam.blanks import (
    adam_step,
    decoupled_step,
    l2_step,
    momentum_update,
)
from course_utils.lessons.momentum_and_adam.experiments import Optimizer
from course_utils.nn import SGD, Adam, Linear, mlp, softmax_cross_entropy

F64 = {"dtype": np.float64}
LINE = np.array([[-10.0, 1.0], [-5.0, -0.5], [-2.0, 0.1]])
X, Y = np.array([[0.0], [1.0], [-1.0]]), np.array([[1.0], [0.0], [0.0]])


def fits(*both):
    """What FitsByOptimizer shows."""
    return {"fits": dict(zip("ab", both, strict=True))}


PICTURES = {
    "Valley": (
        partial(pictures.Valley, steps=2),
        [
            {"H": experiments.valley(0), "points": LINE},
            {"H": experiments.valley(40), "points": LINE / 2},
            {"H": experiments.valley(0), "points": LINE * [[1], [INF], [NAN]]},
            {"H": experiments.valley(0), "points": LINE * [[1], [1e100], [1e200]]},
            {"H": experiments.valley(0), "points": 0 * LINE},
        ],
    ),
    "FitsByOptimizer": (
        partial(pictures.FitsByOptimizer, {"a": BLUE, "b": GREEN}, steps=4),
        [
            fits(fitted(X, Y, 0.0, [0, 2], [20.0, 10.0]), fitted(X, Y, 1.0, [0, 2], [30.0, 9.0])),
            fits(
                fitted(X / 2, Y - 1, 0.5, [0, 4], [25.0, 7.0]),
                fitted(X / 3, Y - 2, 1.5, [0, 4], [35.0, 5.0]),
            ),
            fits(
                fitted(X, Y, NAN, [0, 2], [NAN, INF]), fitted(X, Y + INF, INF, [0, 2], [0.0, NAN])
            ),
            fits(fitted(X, 9 * Y, 9.0, [0], [0.0]), fitted(X, Y, 0.0, [0], [99.0])),
        ],
    ),
}

READINGS = [
    ("Valley", 0, ["from 1 to 0.025 in 2 steps", "not yet"]),
    ("Valley", 2, ["grown to not a number", "blows up"]),
    ("FitsByOptimizer", 0, ["After 2 steps", "a: norm 10, off the truth 0.707", "b: norm 9"]),
]


# An optimizer made of the student's pieces


def plain(W, grad, memory, t, lr):
    return W - lr * grad, memory


def momentum(W, grad, memory, t, lr, mu=0.9):
    W, velocity = momentum_update(W, grad, memory[0], lr, mu)
    return W, (velocity, memory[1])


def adam(W, grad, memory, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    W, *memory = adam_step(W, grad, *memory, t, lr, beta1, beta2, eps)
    return W, memory


def after_steps(make, steps=20):
    """A network's parameters after steps on the same data with the optimizer ``make(network)``."""
    network = mlp([6, 8, 3], norm="layer", rng=rng(0), **F64)
    optimizer = make(network)
    for step in range(steps):
        x, labels = rng(step).standard_normal((20, 6)), rng(step).integers(0, 3, 20)
        network.backward(softmax_cross_entropy(network.forward(x), labels)[1])
        optimizer.step()
    return network.params


@pytest.mark.parametrize(
    ("update", "decay", "library"),
    [
        (plain, l2_step, partial(SGD, lr=0.1, weight_decay=0.2)),
        (plain, decoupled_step, partial(SGD, lr=0.1, weight_decay=0.2)),
        (momentum, l2_step, partial(SGD, lr=0.1, momentum=0.9, weight_decay=0.2)),
        (adam, l2_step, partial(Adam, lr=0.1, weight_decay=0.2, decoupled=False)),
        (adam, decoupled_step, partial(Adam, lr=0.1, weight_decay=0.2)),
    ],
)
def test_it_trains_as_the_library_s(update, decay, library):
    ours = after_steps(lambda network: Optimizer(network, 0.1, update, decay, 0.2))
    for key, param in after_steps(library).items():
        np.testing.assert_allclose(ours[key], param, rtol=1e-7, atol=1e-9)


def test_with_momentum_the_two_forms_part():
    l2, decoupled = (
        after_steps(lambda network, decay=decay: Optimizer(network, 0.1, momentum, decay, 0.2))
        for decay in (l2_step, decoupled_step)
    )
    assert np.linalg.norm(l2["0.W"]) < 0.9 * np.linalg.norm(decoupled["0.W"])


@pytest.mark.parametrize(("name", "lr"), [("sgd_momentum", 0.1), ("sgd", 0.1)])
def test_pytorch_s_trajectory_is_found(name, lr):
    update = momentum if name == "sgd_momentum" else plain
    assert experiments.off_pytorch(name, lambda net: Optimizer(net, lr, update, l2_step)) < 1e-10
    assert experiments.off_pytorch(name, lambda net: Optimizer(net, 2 * lr, update, l2_step)) > 0.01
    with pytest.raises(ValueError, match="name must be one of 'adam.*, got 'adma'"):
        experiments.off_pytorch("adma", lambda net: Optimizer(net, lr, update, l2_step))


def test_weights_are_driven_by_what_is_given():
    def make(network):
        return SGD(network, 0.1, weight_decay=0.5)

    left = experiments.driven(make, [np.array([1.0, 0.0]), np.array([0.0, 2.0])])
    assert np.allclose(left, [0.95 * (0.95 - 0.1), 0.95**2 - 0.2])


def test_all_weights_of_one_network_are_trained():
    train = rng(0).standard_normal((100, 784)), rng(0).integers(0, 10, 100)
    one, other = (
        experiments.trained_weights(lambda net: Optimizer(net, lr, plain, l2_step), train, 0, 5)
        for lr in (0.1, 0.2)
    )
    assert one.shape == (784 * 32 + 32 * 10,) and not np.allclose(one, other)


def test_several_fits_go_side_by_side():
    makers = {
        name: lambda net, lam=lam: SGD(net, 0.05, weight_decay=lam)
        for name, lam in (("none", 0), ("some", 1))
    }
    slices = list(experiments.fitting_with(makers, 0, 40))
    last = slices[-1]["fits"]
    assert len(slices) == 40 and list(last) == ["none", "some"]
    assert last["some"]["norms"][-1] < last["none"]["norms"][-1]


# The valley


def test_the_valley_is_flat_along_its_floor():
    H = experiments.valley(30)
    along, across = experiments.rotation(30).T
    assert np.allclose(H @ along, 0.01 * along) and np.allclose(H @ across, across)


def test_a_descent_goes_down_each_axis_by_its_own_factor():
    points = experiments.descend(plain, experiments.valley(0), [-10.0, 1.0], 0.5, steps=3)
    assert np.allclose(points, [[-10 * 0.995**t, 0.5**t] for t in range(4)])


def test_momentum_does_not_notice_the_angle_and_adam_does():
    needed = {
        update: [
            experiments.steps_needed(
                experiments.descend(
                    update,
                    experiments.valley(angle),
                    experiments.rotation(angle) @ [-10, 1],
                    0.3,
                    400,
                )
            )
            for angle in (0, 45)
        ]
        for update in (momentum, adam)
    }
    assert needed[momentum][0] == needed[momentum][1]
    assert needed[adam][1] > 1.5 * needed[adam][0]


def test_steps_needed_are_those_until_it_stays_near():
    assert experiments.steps_needed(np.array([[9, 0], [0.01, 0], [2, 0], [0, 0.05]])) == 3
    assert experiments.steps_needed(np.array([[9.0, 0], [NAN, 0]])) is None


# Exercises


def test_a_translated_decay_shrinks_at_the_same_pace():
    lr, mu, lam, lr_adamw = 0.1, 0.9, 1e-3, 0.01
    translated = exercises.translated_decay(lr, mu, lam, lr_adamw)
    paces = []
    for update, decay, rate, weight_decay in (
        (momentum, l2_step, lr, lam), (adam, decoupled_step, lr_adamw, translated)
    ):  # fmt: skip
        make = partial(Optimizer, lr=rate, update=update, decay=decay, weight_decay=weight_decay)
        before, after = (experiments.driven(make, np.zeros((steps, 1)))[0] for steps in (300, 301))
        paces.append(1 - after / before)
    assert paces[0] == pytest.approx(paces[1], rel=0.02)


@pytest.mark.parametrize("t", [1, 3, 30])
def test_an_uncorrected_step_has_the_length_that_is_said(t):
    layer = Linear(1, 1, **F64)
    layer.params["W"][:] = 0

    def uncorrected(W, grad, memory, t, lr):
        first, second = 0.9 * memory[0] + 0.1 * grad, 0.999 * memory[1] + 0.001 * grad**2
        return W - lr * first / np.sqrt(second), (first, second)

    optimizer = Optimizer(layer, 1.0, uncorrected, l2_step)
    for _ in range(t):
        before = layer.params["W"].copy()
        layer.grads.update(W=np.array([[7.0]]), b=np.ones(1))
        optimizer.step()
    moved = abs(layer.params["W"] - before).item()
    assert exercises.uncorrected_length(t, 0.9, 0.999) == pytest.approx(moved)


def test_the_right_adam_is_no_suspect():
    assert exercises.forgotten_power(adam_step) == "neither"
    W, grad, zero = *rng(0).standard_normal((2, 3)), np.zeros(3)
    case = (W, grad, zero, zero, 5, 0.1, 0.9, 0.999, 1e-8)
    assert np.allclose(exercises.Suspect(())(*case), adam_step(*case))
