"""Notebook 10: what it measures, its claims, its exercises and pictures."""

import copy
from functools import partial

import numpy as np
import pytest
from helpers import INF, NAN, clusters, rng

from course_utils.experiments import Comparison
from course_utils.experiments.curvature import flatten, loss_and_gradient, sharpness
from course_utils.experiments.landscape import Moment, along_line
from course_utils.lessons.why_does_batch_norm_work import edge, experiments, pictures
from course_utils.lessons.why_does_batch_norm_work.edge import C21c, C21d
from course_utils.lessons.why_does_batch_norm_work.exercises import best_step, edge_with
from course_utils.lessons.why_does_batch_norm_work.experiments import C21a, C21b, View
from course_utils.lessons.why_does_batch_norm_work.pieces import (
    NoisyBatchNorm,
    along_gradient,
    draw_noise,
)
from course_utils.lessons.why_does_batch_norm_work.verdicts import Verdicts
from course_utils.nn import SGD, gradient_check, mlp, softmax_cross_entropy, squared_error

T = np.array([1.0, 2.0])


def view(loss, low, high, ratio=1.0):
    return View(loss, np.array([low, high]), np.array([ratio, ratio / 2]))


def moments(*sharp, lr=0.2, loss=0.4):
    """One a step, measured at each; None where it was not."""
    return [
        Moment(step, loss / (step + 1), lr, each, None if each is None else each / 2)
        for step, each in enumerate(sharp)
    ]


def both(*sharp, spread=0.1, lr=0.2):
    return [
        edge.Both(Moment(10 * i, 0.3, lr, each, each / 2), view(1.0, 1.0, 1.0 + spread * (i + 1)))
        for i, each in enumerate(sharp)
    ]


PICTURES = {
    "Parabola": (
        partial(pictures.Parabola, steps=3),
        [
            {"points": 2 * 0.5 ** np.arange(4.0), "eta": 0.25, "curvature": 2.0},
            {"points": 2 * (-0.8) ** np.arange(4.0), "eta": 0.45, "curvature": 4.0},
            {"points": np.array([1.0, NAN, INF, -INF]), "eta": 1.0, "curvature": 9.0},
            {"points": np.array([2.0, -2, 2, -2]), "eta": 0.5, "curvature": 4.0},
            {"points": np.zeros(4), "eta": 0.5, "curvature": 4.0},
        ],
    ),
    "NoisyTraining": (
        partial(pictures.NoisyTraining, 60, {"BN, lr 1": np.linspace(2, 0.5, 60)}),
        [
            {"losses": [2.0] * 20 + [1.5] * 20, "change": 0.5},
            {"losses": [2.2] * 60, "change": NAN},
            {"losses": [2.0] * 20 + [INF], "change": 0.5},
            {"losses": [], "change": NAN},
        ],
    ),
    "LossRanges": (
        pictures.LossRanges,
        [
            {"runs": {"without": {0: view(2.0, 1, 3), 9: view(1.0, 0.5, 4)}}},
            {"runs": {"without": {0: view(2.5, 1.8, 3), 9: view(1.5, 0.9, 1)}}},
            {"runs": {"BN": {0: view(NAN, INF, 2), 9: view(0.0, 0, NAN)}}},
        ],
    ),
    "LossAlong": (
        partial(pictures.LossAlong, T),
        [
            {"views": {"without": view(2.0, 1, 3), "BN": view(2.0, 1.9, 1.8)}, "t": 1.0},
            {"views": {"without": view(1.0, 2, 3), "BN": view(1.0, 0.9, 0.8)}, "t": 2.0},
            {"views": {"without": view(NAN, INF, 9), "BN": view(0.0, 0, 0)}, "t": 2.0},
        ],
    ),
    "Edge": (
        partial(pictures.Edge, steps=4),
        [
            {"moments": moments(4.0, None, 8.0), "eta": 0.2},
            {"moments": moments(9.0, 7.0, loss=0.6), "eta": 0.5},
            {"moments": moments(NAN, INF, None, loss=INF), "eta": 0.2},
            {"moments": [], "eta": 0.1},
        ],
    ),
    "Edges": (
        pictures.Edges,
        [
            {"runs": {"without, η = 0.2": moments(4.0, 9.0), "BN, η = 0.2": moments(3.0, 5.0)}},
            {
                "runs": {
                    "without, η = 0.2": moments(2.0, 8.0),
                    "BN, η = 0.2": moments(5.0, 8.0, 7.0),
                }
            },
            {"runs": {"BN, η = 0.3": moments(NAN, INF)}},
        ],
    ),
    "SideBySide": (
        pictures.SideBySide,
        [
            {"runs": {"without": both(5.0, 10.0), "BN": both(2.0, 3.0, spread=0.01)}},
            {"runs": {"without": both(9.0, 9.0), "BN": both(9.0, 9.0, 8.0)}},
            {"runs": {"BN": both(NAN, INF, spread=NAN)}},
        ],
    ),
}

SAID_ONLY = {
    "Parabola": 1,  # the learning rate, which the points show
    "NoisyTraining": 1,  # the change of the gradient
}

READINGS = [
    ("Parabola", 1, ["multiplies x by -0.80", "swings from side to side and comes to rest"]),
    ("Parabola", 2, ["wider and wider"]),
    ("Parabola", 3, ["swings for ever"]),
    ("NoisyTraining", 0, ["After 40 steps the loss is 1.5", "changes by 50%"]),
    ("LossAlong", 0, ["A step of 1 learning rates", "without from 2 to 1", "BN from 2 to 1.9"]),
    ("LossRanges", 0, ["without: the loss ranges over 2.75"]),
    ("Edge", 0, ["sharpness is 8", "smoothness 4", "2/η is 10", "began at 4"]),
    ("Edge", 2, ["not a number after 2 steps"]),
    ("Edges", 0, ["without, η = 0.2: 0.40 to 0.90"]),
    ("SideBySide", 0, ["without: at the end the loss ranges over 0.2", "1.00 times 2/η"]),
]


# The first suspect


def test_noise_is_one_scale_and_shift_a_unit_for_the_whole_batch():
    layer, x = NoisyBatchNorm(3, 0.5, rng(1)), rng(0).standard_normal((6, 3)).astype(np.float32)
    y = layer.forward(x)
    scale, shift = draw_noise(0.5, 3, rng(1))
    plain = (y - shift) / scale
    assert np.allclose(plain.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(plain.std(axis=0), 1, atol=1e-3)
    assert y.dtype == np.float32 and not np.allclose(layer.forward(x), y)
    layer.eval()
    assert np.array_equal(layer.forward(x), layer.forward(x))


def test_the_gradient_through_the_noise():
    class Frozen(NoisyBatchNorm):
        """The same noise at every pass, as a check by differences wants it."""

        def forward(self, x):
            self.rng = rng(3)
            return super().forward(x)

    assert gradient_check(Frozen(3, 1.0, rng(3)), rng(1).standard_normal((5, 3))) < 1e-6


def test_the_gradient_changes_by_what_the_layers_before_do():
    """By hand for the second matrix of two: only the first has moved, by its own step."""
    x, labels = clusters()
    network = mlp([6, 8, 10], activation="tanh", rng=rng(0), dtype=np.float64)
    before = copy.deepcopy(network)
    x = x.astype(np.float64)
    (change,) = experiments.gradient_change(network, 0.3, x, labels)
    for key, param in network.params.items():
        assert np.array_equal(param, before.params[key])

    def gradient():
        network.backward(softmax_cross_entropy(network.forward(x), labels)[1])
        return {key: grad.copy() for key, grad in network.grads.items()}

    first = gradient()
    for key in ("0.W", "0.b"):
        network.params[key][:] -= 0.3 * first[key]
    G = first["2.W"]
    expected = np.linalg.norm(gradient()["2.W"] - G) / np.linalg.norm(G)
    assert change == pytest.approx(expected) and change > 0.01
    assert np.allclose(experiments.gradient_change(network, 0.0, x, labels), 0)


def digits_of_noise(m=600):
    return rng(5).standard_normal((m, 784)).astype(np.float32), rng(6).integers(0, 10, m)


def test_the_noise_is_that_of_the_seed_and_the_student_s():
    made = []

    class Mine(NoisyBatchNorm):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self)

    runs = experiments.moving_inputs(
        digits_of_noise(), None, 3, rates=(0.1,), kinds=("noisy BN",), noisy=Mine, steps=3
    )
    (run,) = runs.values()
    assert len(run.losses) == 3 and len(made) == 5
    assert len({id(layer.rng) for layer in made}) == 1 and made[0].strength == 0.5
    assert list(run.observations) == [0, 3]


def test_training_with_a_norm_tells_losses_and_changes():
    *_, last = experiments.training_with("batch", 0.1, digits_of_noise(), seed=0, steps=80)
    assert len(last["losses"]) == 80 and last["change"] > 0
    *_, last = experiments.training_with(None, 1e3, digits_of_noise(), seed=0, steps=80)
    assert not np.isfinite(last["losses"][-1]) and np.isnan(last["change"])


# The second suspect


def test_along_the_gradient_as_the_instrument_has_it():
    x, labels = clusters()
    network = mlp([6, 8, 10], activation="tanh", rng=rng(0), dtype=np.float64)
    x, steps = x.astype(np.float64), [0.1, 0.5, 2.0]
    found = experiments.look(network, steps, x, labels)
    line = along_line(network, x, labels, t=steps)
    np.testing.assert_allclose(found.losses, line.losses)
    np.testing.assert_allclose(found.ratios, line.changes / line.distances)
    assert found.loss == pytest.approx(line.loss)
    assert found.smoothness == pytest.approx(line.smoothness)
    assert found.range == pytest.approx(np.ptp(line.losses))


def test_the_student_s_line_is_what_is_looked_along():
    calls = []

    def mine(loss_and_gradient, w, steps):
        calls.append(len(steps))
        return along_gradient(loss_and_gradient, w, steps)

    runs = experiments.landscapes(digits_of_noise(), None, 3, along=mine, steps=2)
    assert calls == 8 * [len(experiments.REACH)]  # two looks of two sizes on either side
    assert {len(look) for run in runs.values() for look in run.observations.values()} == {2}


# The edge


@pytest.mark.parametrize("norm", [None, "batch"])
def test_power_iteration_finds_the_sharpness_on_the_way(norm):
    network = edge.network(norm, seed=0)
    batch = (*edge.everything(), squared_error)
    run = edge.path(network, 0.2, 21, seed=0)
    for moment in run:
        if moment.step == 19:
            there = copy.deepcopy(network)
    exact = sharpness(there, *batch, rng=rng(1))
    assert moment.step == 20 and moment.sharpness == pytest.approx(exact, rel=0.02)


def test_the_batch_is_digits_as_they_are():
    x, targets = edge.everything()
    assert x.shape == (500, 196) and 0 <= x.min() and 0.9 < x.max() <= 1
    assert np.array_equal(targets.sum(axis=1), np.ones(500))


def test_both_measurements_are_of_one_network(monkeypatch):
    looked_at = []
    real = edge.look

    def look(network, *rest):
        looked_at.append(flatten(network.params))
        return real(network, *rest)

    monkeypatch.setattr(edge, "look", look)
    found = edge.both("batch", 0.3, seed=0, steps=21)
    assert [each.moment.step for each in found] == [0, 20]
    again = edge.network("batch", 0, c=2.0)
    list(edge.path(again, 0.3, 21, seed=0))
    assert np.array_equal(looked_at[-1], flatten(again.params))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_edge_of_an_optimizer_is_where_it_leaves(momentum):
    lr, decay = 0.1, 0.5
    for factor, leaves in ((0.98, False), (1.02, True)):
        curvature, x, velocity = factor * edge_with(lr, momentum, decay), 1.0, 0.0
        curvature += (factor - 1) * decay
        for _ in range(2000):
            velocity = momentum * velocity + (curvature + decay) * x
            x -= lr * velocity
            if abs(x) > 1e6:
                break
        assert (abs(x) > 1) == leaves


def test_the_best_step_has_the_smallest_error():
    h = best_step(1e-3, 2.0)

    def error(h):
        return 1e-3 / h + 2.0 * h**2 / 6

    assert error(h) < min(error(0.97 * h), error(1.03 * h))


# Verdicts


def test_a_verdict_is_added_and_replaced():
    verdicts = Verdicts()
    verdicts.add("one", "1 < 2")
    assert verdicts.add("two", "3", "guilty") is verdicts
    assert repr(verdicts) == "one: 1 < 2: (yours)\ntwo: 3: guilty"
    verdicts.add("one", "1 < 2", "free")
    assert "(yours)" not in repr(verdicts) and "1 &lt; 2" in verdicts._repr_html_()


# Claims

HELD = {
    C21a: {
        "change, without, lr 0.1": 0.6, "change, BN, lr 0.1": 0.3, "change, noisy BN, lr 0.1": 1.0,
        "loss, without, lr 1": NAN, "loss, noisy BN, lr 1": 0.2, "loss, BN, lr 1": 0.16,
        "loss, noisy BN, lr 0.1": 0.22, "loss, BN, lr 0.1": 0.19,
    },
    C21b: {
        "range, batch, without": 1.0, "range, batch, BN": 0.2,
        "smoothness, many, without": 20, "smoothness, many, BN": 13,
    },
    C21c: {
        f"{what}, {name}": number
        for name in edge.PATHS
        for what, number in (("start", 0.5), ("sharpness", 1.1), ("loss ratio", 0.1))
    },
    C21d: {
        "sharpness, without, η = 0.3": 1.1, "smoothness, without, η = 0.3": 1.0,
        "range, without, η = 0.3": 0.5, "smoothness, BN, η = 0.3": 0.01,
        "range, BN, η = 0.3": 0.001, "sharpness, BN, η = 0.6": 1.1, "smoothness, BN, η = 0.6": 1.0,
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("claim", "name", "number"),
    [
        (C21a, "change, BN, lr 0.1", 0.5),
        (C21a, "change, noisy BN, lr 0.1", 0.65),
        (C21a, "loss, without, lr 1", 2.3),
        (C21a, "loss, noisy BN, lr 1", 0.31),
        (C21a, "loss, noisy BN, lr 1", NAN),
        (C21a, "loss, noisy BN, lr 0.1", 0.195),
        (C21b, "range, batch, BN", 0.6),
        (C21b, "smoothness, many, BN", 18),
        (C21c, "start, BN, η = 0.3", 0.85),
        (C21c, "sharpness, without, η = 0.175", 0.85),
        (C21c, "sharpness, BN, η = 0.25", NAN),
        (C21c, "loss ratio, without, η = 0.2", 0.6),
        (C21d, "sharpness, BN, η = 0.6", 0.8),
        (C21d, "smoothness, without, η = 0.3", 0.4),
        (C21d, "smoothness, BN, η = 0.6", 1.3),
        (C21d, "smoothness, BN, η = 0.3", 0.6),
        (C21d, "range, BN, η = 0.3", 0.4),
    ],
)
def test_a_claim_asks_for_all_that_it_says(claim, name, number):
    numbers = HELD[claim]
    assert claim.holds(numbers) and not claim.holds(numbers | {name: number})


def test_the_numbers_are_what_the_claims_ask_for(monkeypatch):
    """And what the table holds."""
    digits = digits_of_noise()
    short = {
        C21a: partial(experiments.moving_inputs, steps=1),
        C21b: partial(experiments.landscapes, steps=1),
        C21c: C21c.run,
        C21d: C21d.run,
    }
    paths = {name: (*rest, 1) for name, (*rest, _) in edge.PATHS.items()}
    monkeypatch.setattr(edge, "PATHS", paths)
    monkeypatch.setattr(edge, "both", partial(edge.both, steps=1))
    for claim, run in short.items():
        with np.errstate(all="ignore"):
            numbers = claim.numbers(run(digits, None, 3))
        assert HELD[claim].keys() <= numbers.keys()
        assert all(numbers.keys() == measured.keys() for measured, _ in claim.table().values())


def test_the_typical_change_is_a_median_over_layers_and_time():
    runs = Comparison({3: experiments.moving_inputs(
        digits_of_noise(), None, 3, rates=(0.1,), kinds=("BN",), steps=2
    )})  # fmt: skip
    (run,) = runs.runs("BN, lr 0.1")
    found = np.concatenate(list(run.observations.values()))
    assert experiments.typical_change(run) == pytest.approx(np.median(found))
    run.diverged_at = 1
    assert np.isnan(experiments.typical_change(run))


def test_one_s_own_product_and_iteration_are_what_is_called():
    calls = {"product": 0, "iteration": []}

    def product(gradient, w, v, h=1e-5):
        calls["product"] += 1
        return v

    def iteration(product, v, steps):
        calls["iteration"].append(steps)
        return product(v) @ v, v

    network = edge.network(None, 0)
    found = list(edge.path(network, 0.1, 21, 0, find=edge.finder(product, iteration, products=4)))
    assert calls == {"product": 2, "iteration": [12, 4]}
    assert len(edge.measured(found)) == 2


def test_loss_and_gradient_of_the_network_are_those_of_squared_error():
    network, (x, targets) = edge.network(None, 0), edge.everything()
    value, _ = loss_and_gradient(network, flatten(network.params), x, targets, squared_error)
    assert value == pytest.approx(np.sum((network.forward(x) - targets) ** 2) / 1000)
    moment = next(edge.path(network, 0.1, 1, 0))
    assert moment.loss == pytest.approx(value) and isinstance(SGD(network, 0.1), SGD)
