"""Notebook 07: what its experiments measure, its pictures and its exercises."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from helpers import INF, NAN, norms, rng

from course_utils import nn
from course_utils.experiments.comparison import small_set
from course_utils.lab.checker import examine
from course_utils.lessons.dropout import blanks, exercises, experiments, pictures
from course_utils.lessons.dropout.layer import Dropout as OwnDropout
from course_utils.nn import Dropout, Layer, Linear, Sequential, mlp, softmax
from course_utils.nn.dropout import dropout_mask

COUNT, ROW = np.arange(6.0).reshape(2, 3), np.array([2.0, 3, 6])


def at(growth, c, p, training, evaluation):
    """What CriticalMap shows at one place of its map."""
    return {"growth": growth, "c": c, "p": p, "training": training, "evaluation": evaluation}


RATES = pytest.mark.parametrize("p", [0.2, 0.5, 0.8])

PICTURES = {
    "MaskedUnit": (
        pictures.MaskedUnit,
        [
            {"sample": np.array([-1.0, 0, 2, 3]), "mean": 1.0, "deviation": 1.5},
            {"sample": np.array([-2.0, -2, 0, 1]), "mean": -1.0, "deviation": 2.5},
            {"sample": np.array([NAN, INF, -INF, 1e9]), "mean": NAN, "deviation": INF},
            {"sample": np.full(4, 2.0), "mean": 2.0, "deviation": 0.0},
        ],
    ),
    "TrainingUnderDropout": (
        partial(pictures.TrainingUnderDropout, slices=4, steps=10),
        [
            {"record": np.array([(0.0, 2.3, 2.2, 0.5), (0.5, 1.3, 1.2, 0.3)])},
            {"record": np.array([(0.5, 1.3, 1.2, 0.3)])},
            {"record": np.array(4 * [(0.9, NAN, INF, 1.0)])},
            {"record": np.array(4 * [(0.2, 0.0, 1e30, 0.0)])},
        ],
    ),
    "ErrorsOverTime": (
        partial(pictures.ErrorsOverTime, 20),
        [
            {"errors": {"p = 0": ([[0.3, 0.1, 0.2], [0.4, 0.2, 0.4]], "k")}, "marks": [40]},
            {
                "errors": {"p = 0": ([[0.3, 0.2]], "k"), "p = 0.5": ([[0.3, 0.2, 0.1]], "b")},
                "marks": [20],
            },
            {"errors": {"p = 0": ([[NAN, 1.0]], "k")}, "marks": []},
        ],
    ),
    "Calibration": (
        pictures.Calibration,
        [
            {"sides": {"one": ([0.4, 0.8], [0.5, 0.7], "k")}},
            {
                "sides": {
                    "one": ([0.4, NAN], [0.3, NAN], "k"),
                    "mean": ([0.9, 1.0], [1.0, 1.0], "b"),
                }
            },
            {"sides": {"one": ([NAN, INF], [NAN, 0.0], "k")}},
        ],
    ),
    "CriticalMap": (
        partial(pictures.CriticalMap, [1, 2], [0, 0.4, 0.8], depth=2),
        [
            at(10 ** (COUNT - 3), 2.0, 0.5, norms(ROW), norms(ROW + 1)),
            at(
                10 ** (3 - COUNT),
                1.0,
                0.1,
                replace(norms(ROW * 9), forward_theory=ROW),
                norms(ROW + 3),
            ),
            at(NAN * COUNT, 1.0, 0.2, norms(NAN * ROW, expected=0.0), norms(INF * ROW)),
            at(0 * COUNT, 4.0, 0.8, norms(1e30 * ROW), norms(0 * ROW)),
        ],
    ),
}

READINGS = [
    ("CriticalMap", 0, ["c = 2, p = 0.5", "c = 1.", "2 in training: holding", "1.75 in eval"]),
    ("ErrorsOverTime", 0, ["p = 0: lowest 0.15 after 40 steps, 0.3 after 60"]),
    ("Calibration", 0, ["one: above the diagonal in 1 of 2 bins"]),
    ("CriticalMap", 2, ["not a number in training: exploding"]),
    ("MaskedUnit", 0, ["mean 1.00, 1.00 without", "variance 2.5, predicted 2.25"]),
    ("MaskedUnit", 3, ["the value is 2 every time"]),
    ("TrainingUnderDropout", 0, ["p = 0.5, 20 steps", "loss 1.3 with", "test error 0.30"]),
    ("TrainingUnderDropout", 2, ["p = 0.9, 40 steps", "loss not a number", "test error 1.00"]),
]


def digits(m=400, n=6):
    """Examples around ten class centers, with their labels."""
    labels = np.arange(m) % 10
    centers = rng(99).standard_normal((10, n))
    return (2 * centers[labels] + rng(1).standard_normal((m, n))).astype(np.float32), labels


def small_network(p=0.5, **options):
    return mlp([6, 12, 12, 10], p=p, rng=rng(3), **options)


# Over the masks


@RATES
def test_mean_and_variance_over_all_masks_of_four_entries(p):
    """Exact: the 16 masks, each with its probability."""
    h, w = rng().standard_normal((2, 4))
    kept = np.array(np.meshgrid(*4 * [[0, 1]])).reshape(4, -1).T
    chance = np.prod(np.where(kept, 1 - p, p), axis=1)
    values = (kept / (1 - p) * h) @ w
    mean = np.sum(chance * values)
    variance = np.sum(chance * (values - mean) ** 2)
    assert mean == pytest.approx(h @ w)
    assert variance == pytest.approx(experiments.predicted_variance(h, w, p))


def test_the_predicted_variance_is_for_probabilities_only():
    with pytest.raises(ValueError, match=r"p must lie in \[0, 1\), got 1"):
        experiments.predicted_variance(np.ones(2), np.ones(2), 1)


@RATES
def test_pre_activations_are_those_of_a_dropout_layer(p):
    h, w = rng().standard_normal((2, 30))
    layer = Sequential([Dropout(p, rng(5)), Linear(30, 1, dtype=float)])
    layer.layers[1].params["W"][:, 0] = w
    by_layer = layer.forward(np.tile(h, (100, 1)))[:, 0]
    assert np.allclose(experiments.pre_activations(h, w, p, 100, rng(5)), by_layer)


def test_moment_ratios_see_what_a_wrong_mask_does():
    z = rng().uniform(0, 1, (300, 300))
    assert experiments.moment_ratios(z, 0.5, rng(1)) == pytest.approx((1, 2), rel=0.02)

    def unscaled(shape, p, rng, dtype):
        return (rng.random(shape) >= p).astype(dtype)

    found = experiments.moment_ratios(z, 0.5, rng(1), unscaled)
    assert found == pytest.approx((0.5, 0.5), rel=0.02)


# Stochastic approximations


def test_slope_is_that_of_a_power():
    assert experiments.slope(3 * np.array(experiments.SIZES) ** -0.7) == pytest.approx(-0.7)


def test_relative_rms_of_a_known_error():
    estimates, truth = np.array([[3.0, 5.0], [5.0, 3.0]]), np.array([4.0, 4.0])
    assert experiments.relative_rms(estimates, truth) == 0.25


def test_gradient_noise_falls_with_the_root_of_the_batch():
    network, (x, labels) = small_network(p=0), digits()
    errors = experiments.gradient_noise(network, x, labels, rng(), examples=2048)
    assert experiments.slope(errors) == pytest.approx(-0.5, abs=0.08)


def test_masks_average_out_in_a_linear_network_and_not_with_relu():
    network, (x, _) = small_network(), digits(20)
    linear = experiments.mask_noise(experiments.without_relu(network), x)
    assert experiments.slope(linear) == pytest.approx(-0.5, abs=0.05)
    assert experiments.mask_noise(network, x)[-1] > 2 * linear[-1]


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize(
    "look",
    [experiments.mask_noise, partial(experiments.probabilities, passes=2),
     partial(blanks.mean_over_masks, K=2), partial(experiments.mean_over_masks, K=2)],
)  # fmt: skip
def test_who_looks_at_many_passes_leaves_the_mode_as_it_was(look, mode):
    network, (x, _) = small_network(), digits(3)
    getattr(network, mode)()
    look(network, x)
    assert {layer.training for layer in (network, *network)} == {mode == "train"}


# Regularization


def test_known_are_the_labels_that_the_passes_without_masks_give():
    network, (x, labels) = small_network(), digits(50)
    given = network.eval().forward(x).argmax(axis=1)
    network.train()
    wrong = np.arange(50) < 20
    shares = experiments.known(network, (x, labels), wrong)
    agree = given == labels
    assert shares == pytest.approx((agree[20:].mean(), agree[:20].mean()))


def test_the_runs_of_c18_are_those_of_the_layer_that_is_handed_in(monkeypatch):
    monkeypatch.setattr(experiments, "STEPS", {0: 40, 0.5: 80})
    monkeypatch.setattr(experiments, "EARLY", 40)
    train, made = digits(1000, 784), []

    class Mine(Dropout):
        def __init__(self, p, rng):
            super().__init__(p, rng)
            made.append(p)

    runs = experiments.regularization(train, train, 3, Mine, ["3 in 10 wrong"])
    assert made == [0.5, 0.5]
    numbers, run = experiments.c18_numbers(runs), runs["3 in 10 wrong"]["p = 0.5"]
    assert [len(each.losses) for each in runs["3 in 10 wrong"].values()] == [40, 80]
    assert experiments.errors_over_time(run).tolist() == [
        run.evaluations[step].error for step in (20, 40, 60, 80)
    ]
    assert numbers["error after 40 steps, p = 0.5"] == run.evaluations[40].error
    assert numbers["error at the end, p = 0.5"] == run.final.error
    true, wrong = run.observations[80]
    assert true > wrong == numbers["wrong labels known at the end, p = 0.5"]
    given = small_set(train, 3, wrong=0.3)[1] != small_set(train, 3)[1]
    assert 0.25 < given.mean() < 0.35


def test_one_lucky_step_does_not_decide():
    assert experiments.lowest([0.3, 0.1, 0.3, 0.2, 0.2, 0.2, 0.4]) == pytest.approx(0.2)


GOOD = {
    "lowest error over 60 steps, p = 0": 0.27, "lowest error over 60 steps, p = 0.5": 0.21,
    "error after 400 steps, p = 0": 0.29, "error after 400 steps, p = 0.5": 0.23,
    "error after 400 steps, p = 0.8": 0.6, "wrong labels known after 400 steps, p = 0": 0.99,
    "wrong labels known after 400 steps, p = 0.5": 0.45,
    "wrong labels known after 400 steps, p = 0.8": 0.1,
    "wrong labels known at the end, p = 0.5": 0.97,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lowest error over 60 steps, p = 0.5", 0.268), ("error after 400 steps, p = 0.5", 0.28),
        ("error after 400 steps, p = 0.8", 0.3), ("wrong labels known after 400 steps, p = 0.5", 0.8),
        ("wrong labels known after 400 steps, p = 0", 0.8),
        ("wrong labels known at the end, p = 0.5", 0.6),
    ],
)  # fmt: skip
def test_every_part_of_c18_can_fail(name, value):
    assert experiments.C18.holds(GOOD) and not experiments.C18.holds(GOOD | {name: value})


# Training while p moves


def test_p_is_asked_before_every_slice_and_the_training_goes_on():
    train = digits(1000, 784)

    def records(*rates):
        asked = iter(rates)
        run = experiments.train_under_dropout(train, train, lambda: next(asked), 5, len(rates), 3)
        return [values["record"] for values in run]

    first, second, still = records(0.0, 0.0, 0.0)
    *_, moved = records(0.0, 0.0, 0.8)
    assert np.array_equal(still[:1], first) and np.array_equal(still[:2], second)
    assert np.array_equal(moved[:2], second) and moved[:, 0].tolist() == [0, 0, 0.8]
    assert second[1, 1] < second[0, 1]  # it learns on, and does not begin anew
    assert moved[2, 1] > 1.5 * still[2, 1] and moved[2, 3] != still[2, 3]


# Left on at test time


def test_probabilities_change_from_pass_to_pass():
    network, (x, _) = small_network().eval(), digits(5)
    passes = experiments.probabilities(network, x, 3)
    assert passes.shape == (3, 5, 10) and np.allclose(passes.sum(axis=2), 1)
    assert not np.array_equal(passes[0], passes[1])
    without = experiments.probabilities(small_network(p=0), x, 2)
    assert np.allclose(without, softmax(network.forward(x)))


def test_error_and_loss_of_known_probabilities():
    probability = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    error, loss = experiments.error_and_loss(probability, np.array([1, 1]))
    assert (error, loss) == (0.5, pytest.approx(-(np.log(0.25) + np.log(0.8)) / 2))


def test_spread_is_that_of_the_label_that_the_mean_gives():
    passes = np.zeros((2, 1, 3))
    passes[:, 0] = [[0.7, 0.3, 0.0], [0.5, 0.0, 0.5]]
    assert experiments.spread(passes) == pytest.approx([0.1])


def test_errors_by_doubt_takes_the_most_doubtful_first():
    doubt, wrong = np.arange(20) / 20, np.arange(20) >= 17
    assert experiments.errors_by_doubt(doubt, wrong) == (1.0, pytest.approx(1 / 18))
    assert experiments.errors_by_doubt(-doubt, wrong)[0] == 0


def test_calibration_by_hand():
    probability = np.array([[0.6, 0.4], [0.35, 0.65], [0.95, 0.05], [0.05, 0.95], [1.0, 0.0]])
    confidence, accuracy, gap = experiments.calibration(probability, np.array([0, 0, 0, 1, 1]))
    assert confidence == pytest.approx([NAN, 0.625, NAN, 0.95, 1.0], nan_ok=True)
    assert accuracy == pytest.approx([NAN, 0.5, NAN, 1.0, 0.0], nan_ok=True)
    assert gap == pytest.approx((2 * 0.125 + 2 * 0.05 + 1) / 5)


def test_three_readings_change_nothing_and_restore_the_length():
    network, test = mlp([6] + 3 * [20] + [10], p=0.5, c=1, rng=rng(4)), digits(50)
    before = {key: value.copy() for key, value in network.params.items()}
    found = experiments.three_readings(network, test, 0.5)
    assert list(found) == ["without masks", "over masks", "length restored"]
    # Without biases a factor on the matrices changes no answer.
    assert found["without masks"] == found["length restored"]
    assert all(np.array_equal(before[key], value) for key, value in network.params.items())


# Blanks and exercises

BY_NAME = {exercise.name: exercise for exercise in exercises.EXERCISES}


def binomial(shape, p, rng, dtype):
    return (rng.binomial(1, 1 - p, shape) / (1 - p)).astype(dtype)


def where_below(shape, p, rng, dtype):
    return np.where(rng.random(shape) < 1 - p, dtype(1 / (1 - p)), dtype(0))


def one_by_one(shape, p, rng, dtype):
    m, n = shape
    rows = [[0 if rng.random() < p else 1 / (1 - p) for _ in range(n)] for _ in range(m)]
    return np.array(rows, dtype)


def chosen(shape, p, rng, dtype):
    return rng.choice(np.array([0, 1 / (1 - p)], dtype), size=shape, p=[p, 1 - p])


class WithoutSaved(Layer):
    """Other attributes than ours, and nothing multiplied in evaluation."""

    def __init__(self, p, rng=None):
        super().__init__()
        self.p, self.generator = p, np.random.default_rng(rng)

    def forward(self, x):
        self.mask = 1.0
        if self.training:
            self.mask = where_below(x.shape, self.p, self.generator, x.dtype.type)
        return x * self.mask

    def backward(self, grad_y):
        return grad_y * self.mask


def by_list(network, x, K):
    was = network.training
    network.train()
    found = np.stack([network.forward(x) for _ in range(K)]).mean(axis=0)
    network.train() if was else network.eval()
    return found


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("dropout_mask", binomial), ("dropout_mask", where_below), ("dropout_mask", one_by_one),
        ("dropout_mask", chosen),
        ("Dropout", WithoutSaved), ("Dropout", nn.Dropout), ("mean_over_masks", by_list),
        ("mean_over_masks", experiments.mean_over_masks),
        ("dropout_penalty", lambda X, w, p: p / (1 - p) * np.sum((X * w) ** 2)),
        ("subset_variance", lambda t, r: (len(t) / r - 1) * len(t) * np.var(t, ddof=1)),
    ],
)  # fmt: skip
def test_other_ways_of_writing_it_are_right(name, answer):
    found = examine(BY_NAME[name], answer)
    assert found.right, found.words


class WrongShape(Layer):
    def __init__(self, p, rng=None):
        super().__init__()

    def forward(self, x):
        return x[:1]

    def backward(self, grad_y):
        return grad_y


class WithoutElse(Dropout):
    def forward(self, x):
        if self.training:
            return super().forward(x)


class WithoutOnes(Dropout):
    def forward(self, x):
        if self.training:
            self.saved = dropout_mask(x.shape, self.p, self.rng, x.dtype)
        return x * self.saved

    def backward(self, grad_y):
        return grad_y * self.saved


@pytest.mark.parametrize(
    ("answer", "words"),
    [(WithoutElse, "without a `return`"), (WithoutOnes, "still at work")],
)
def test_what_is_wrong_in_evaluation_is_said(answer, words):
    assert words in examine(BY_NAME["Dropout"], answer).words


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("dropout_mask", lambda shape, p, rng, dtype: np.ones(shape, dtype)),
        ("dropout_mask", lambda shape, p, rng, dtype: np.random.rand(*shape) > p),
        ("dropout_mask", lambda shape, p, rng, dtype: rng.random(shape).astype(dtype)),
        ("dropout_mask", lambda shape, p, rng, dtype: dropout_mask(shape, 0.2, rng, dtype)),
        ("Dropout", WrongShape), ("Dropout", Layer),
    ],
    ids=range(6),
)  # fmt: skip
def test_a_wrong_answer_is_not_right_and_ends_in_words(name, answer):
    assert examine(BY_NAME[name], answer).right is False


def test_the_layer_to_write_is_the_librarys():
    x, grad_y = rng(6).standard_normal((2, 5, 4))
    mine, theirs = OwnDropout(0.4, rng(7)), Dropout(0.4, rng(7))
    assert np.array_equal(mine.forward(x), theirs.forward(x))
    assert np.array_equal(mine.backward(grad_y), theirs.backward(grad_y))


def test_the_mean_behind_a_relu_is_that_over_many_masks():
    terms, p = np.array([-1.0, 2.0, 0.5, -2.0]), 0.3
    sampled = np.maximum(dropout_mask((100_000, 4), p, rng(3), float) @ terms, 0).mean()
    assert exercises.mean_behind_relu(terms, p) == pytest.approx(sampled, rel=0.02)


def test_the_variance_over_subsets_is_that_of_all_of_them():
    terms, r = rng(2).standard_normal(6), 2
    sums = [6 / r * (terms[i] + terms[j]) for i in range(6) for j in range(i)]
    assert exercises.subset_variance(terms, r) == pytest.approx(np.var(sums))


@RATES
def test_the_penalty_is_what_masks_add_to_a_squared_error(p):
    X, y, w = rng(8).standard_normal((5, 3)), rng(9).standard_normal(5), np.array([1.0, -2.0, 0.5])
    masks = (rng(10).random((100_000, 5, 3)) >= p) / (1 - p)
    added = np.mean(np.sum((y - (masks * X) @ w) ** 2, axis=1)) - np.sum((y - X @ w) ** 2)
    assert blanks.dropout_penalty(X, w, p) == pytest.approx(added, rel=0.05)
