"""Notebook 04: its experiments measure what they say; its claims, exercises and pictures."""

from functools import partial

import numpy as np
import pytest
from helpers import (
    INF,
    NAN,
    batch_normed,
    clusters,
    rng,
    share_wrong,
    trained_on_clusters,
)

from course_utils.experiments import Evaluation, History
from course_utils.experiments.comparison import side
from course_utils.experiments.statistics import (
    batch_norms,
)
from course_utils.lab.checker import examine
from course_utils.lessons.batch_normalization import (
    blanks,
    exercises,
    experiments,
    pictures,
    practice,
)
from course_utils.lessons.batch_normalization.experiments import C6, C7, C8, C9
from course_utils.nn import BatchNorm, softmax
from course_utils.nn.normalization import Normalization

CLASSES = 10
DIGIT = np.linspace(0, 1, 784)
ONE, TWO = np.eye(10)[3], np.eye(10)[7] / 2  # probabilities of ten classes
COUNT = np.arange(6.0).reshape(2, 3)
FOUR = np.linspace(-1, 0.9, 8).reshape(4, 2)  # steps of a mean and a variance


def both_ways(y, rows, columns):
    """A matrix and what it might be by rows and by columns."""
    return {"y": y, "rows": rows, "columns": columns}


FIRST = both_ways(COUNT, COUNT, COUNT)

PICTURES = {
    "RowsAndColumns": (
        partial(pictures.RowsAndColumns, shape=(2, 3)),
        [
            {
                "before": FIRST,
                "now": both_ways(COUNT + np.eye(2, 3), COUNT + [[1], [0]], COUNT + [1, 0, 0]),
            },
            {
                "before": both_ways(COUNT + 1, COUNT + 1, COUNT + 1),
                "now": both_ways(COUNT + 2, COUNT + 3, COUNT + 4),
            },
            {"before": FIRST, "now": both_ways(NAN * COUNT, 0 * COUNT, 0 * COUNT + INF)},
            {"before": FIRST, "now": FIRST},
        ],
    ),
    "BatchMates": (
        partial(pictures.BatchMates, shown=8),
        [
            {
                "digit": DIGIT,
                "label": 7,
                "mates": np.array([DIGIT] * 2),
                "training": ONE,
                "evaluation": TWO,
                "spread": 0.25,
            },
            {
                "digit": 1 - DIGIT,
                "label": 3,
                "spread": 0.0,
                "mates": np.array([1 - DIGIT] * 9),  # more than are shown
                "training": TWO,
                "evaluation": ONE,
            },
            {
                "digit": NAN * DIGIT,
                "label": 0,
                "spread": NAN,
                "mates": np.zeros((1, 784)),
                "training": np.full(10, NAN),
                "evaluation": np.zeros(10),
            },
        ],
    ),
    "RunningEstimates": (
        partial(pictures.RunningEstimates, steps=4),
        [
            {
                "batch": FOUR,
                "at": np.array([2, 4]),
                "truth": FOUR[:2] + 0.3,
                "running": FOUR + 0.1,
                "off": np.array([0.0123, 0.25]),
            },
            {
                "batch": FOUR - 0.2,
                "at": np.array([1, 3]),
                "truth": FOUR[:2] + 0.5,
                "running": FOUR + 0.2,
                "off": np.array([0.5, 0.25]),
            },
            {
                "batch": FOUR * INF,
                "at": np.array([2, 4]),
                "truth": FOUR[:2] * NAN,
                "running": FOUR * 0,
                "off": np.array([NAN, INF]),
            },
        ],
    ),
}

SAID_ONLY = {
    "BatchMates": 1,  # how far the probabilities stray
    "RunningEstimates": 1,  # how far the estimates are off
}

READINGS = [
    ("RowsAndColumns", 0, ["3 numbers have moved, all of example 1", "2 have moved, all of"]),
    ("RowsAndColumns", 3, ["nothing has moved"]),
    ("BatchMates", 0, ["It is a 7", "network says 3 (100%", "mode 7 (50%", "deviation of 0.25"]),
    ("RunningEstimates", 0, ["true mean by 0.0123", "variance by 0.25"]),
]


# Running estimates


def test_running_estimate_follows_the_layer():
    layer = BatchNorm(3, momentum=0.3, dtype=np.float64)
    batches = rng(0).standard_normal((4, 5, 3))
    moments = [np.stack([x.mean(axis=0), x.var(axis=0, ddof=1)]) for x in batches]
    start = np.stack([np.zeros(3), np.ones(3)])
    followed = experiments.running_estimate(start, np.array(moments), 0.3)
    for x, (mean, var) in zip(batches, followed, strict=True):
        layer.forward(x)
        assert np.allclose(layer.running_mean, mean) and np.allclose(layer.running_var, var)


def test_watched_moments_are_those_of_the_batches():
    digits = clusters(400, n=784)
    batch, truth = experiments.watch_moments(digits, seed=0, steps=20, every=5, sample=300)
    assert batch.shape == (20, 2, 100) and truth.shape == (4, 2, 100)
    spread = np.abs(batch[::5] - truth).mean()
    assert 0 < spread < np.abs(batch[::5] - truth[:, :, ::-1]).mean() / 2


def test_what_is_watched_is_followed_in_the_unit_s_own_measure():
    batches = np.array([[[4.0], [9.0]], [[7.0], [18.0]], [[4.0], [9.0]], [[4.0], [9.0]]])
    truth = np.array([[[1.0], [9.0]], [[4.0], [9.0]]])
    found = experiments.follow(batches, truth, momentum=1.0)
    assert found["at"].tolist() == [1, 3]
    assert found["batch"][:, :, 0].tolist() == [[0, 1], [1, 2], [0, 1], [0, 1]]
    assert np.array_equal(found["running"], found["batch"]) and found["truth"][0, 0] == -1
    assert found["off"].tolist() == [[0], [0]]
    slow = experiments.follow(batches, truth, 0.5, update=lambda running, batch, rho: running)
    assert np.allclose(slow["running"][:, 0], -4 / 3)  # an update of one's own is what runs


# The angle between two digits


def test_what_norms_do_to_the_angle():
    x = np.abs(rng(0).standard_normal((64, 20)))
    found = {
        block: experiments.cosines_by_layer(x, block, layers=(0, 20))
        for block in ("relu", "batch norm before", "batch norm after")
    }
    assert len({each[0] for each in found.values()}) == 1
    assert found["relu"][20] > 0.9 and abs(found["batch norm before"][20] - 1 / np.pi) < 0.05
    assert abs(found["batch norm after"][20]) < 0.05


# A digit and its batch-mates


def test_a_digit_in_company():
    x, labels = clusters(300)
    images, network = (x - x.min()) / np.ptp(x), trained_on_clusters()
    for kind in experiments.COMPANIES:
        found = experiments.in_company(network, (images, labels), 7, kind, size=4, draw=0)
        assert np.array_equal(found["digit"], images[7]) and found["label"] == labels[7]
        assert found["mates"].shape == (3, images.shape[1]) and found["spread"] > 0
        again = experiments.in_company(network, (images, labels), 7, kind, size=4, draw=1)
        assert np.array_equal(found["evaluation"], again["evaluation"])
        assert not np.array_equal(found["training"], again["training"])
    ones = experiments.mates("ones", 7, 4, (images, labels), rng(0))
    assert all((images[labels == 1] == each).all(axis=1).any() for each in ones)


@pytest.mark.parametrize("start", ["train", "eval"])
def test_only_in_training_mode_does_company_matter(start):
    network, (x, _) = getattr(trained_on_clusters(), start)(), clusters(600)
    doubtful = experiments.by_certainty(network, x)[0]
    labels = experiments.labels_in_company(network, x, doubtful, rng(0), batch_size=4)
    assert len(labels) == 20 and len(set(labels)) > 1
    assert network.training == (start == "train")
    labels = experiments.labels_in_company(batch_normed(norm=None), x, 5, rng(0), batch_size=4)
    assert len(set(labels)) == 1


def test_an_example_is_never_its_own_company(monkeypatch):
    x = np.arange(4, dtype=np.float32)[:, None]
    seen = []

    def remember(network, batch):
        seen.append(batch[:, 0].tolist())
        return np.zeros((len(batch), 2))

    monkeypatch.setattr(experiments, "with_batch_statistics", remember)
    for index in range(4):
        experiments.labels_in_company(None, x, index, rng(0), 5, batch_size=4)
        assert all(batch[0] == index and sorted(batch) == [0, 1, 2, 3] for batch in seen)
        seen.clear()


def test_certainty_ranks_the_least_sure_first():
    network, (x, _) = trained_on_clusters(), clusters(600)
    sure = softmax(network.forward(x)).max(axis=1)[experiments.by_certainty(network, x)]
    assert (np.diff(sure) >= 0).all() and sure[0] < 0.7 < sure[-1]


def test_labels_are_counted_for_the_least_sure_and_the_surest():
    network, test = trained_on_clusters(), clusters(100, seed=5)
    counts = experiments.count_labels(network, test, seed=3)
    assert [len(each) for each in counts.values()] == [20, 20]
    numbers = C8.numbers(counts)
    least, surest = numbers.values()
    assert least > surest + 0.5 and surest < 1.1
    assert numbers == C8.numbers(experiments.count_labels(network, test, seed=3))


# Claims


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({}, True),
        ({"c = 3, before ReLU": 1.71}, False),
        ({"c = 3, after ReLU": 1.71}, False),
        ({"c = 1, without": 1.3}, False),
        ({"c = 3, without": 0.9}, False),
        ({"c = 2, without, lr 0.02": 1.71}, False),
    ],
)
def test_c6_is_judged_by_losses_and_by_what_diverges(change, holds):
    losses = {f"c = {c}, before ReLU": 1.0 for c in (1, 2, 3)}
    losses |= {f"c = {c}, after ReLU": 1.2 for c in (1, 3)}
    losses |= {"c = 1, without": 1.5, "c = 3, without": NAN, "c = 2, without, lr 0.02": 0.9}
    runs = {}
    for name, loss in (losses | change).items():
        end = {"diverged_at": 9} if np.isnan(loss) else {"evaluations": {60: Evaluation(loss, 0.1)}}
        runs[name] = History([loss] * 60, **end)
    numbers = C6.numbers(runs)
    assert bool(C6.holds(numbers)) == holds
    assert numbers["error, c = 1, before ReLU"] == 0.1


def test_in_c7_a_run_that_diverged_has_all_wrong():
    good, bad = History([1.0], {1: Evaluation(0.2, 0.05)}), History([NAN], diverged_at=0)
    places = ("before ReLU", "after ReLU")
    runs = {f"lr {lr}, {place}": good for lr in (1, 3) for place in places}
    runs |= {f"lr {lr}, without": bad for lr in (1, 3)}
    runs |= {f"lr 10, {place}": bad for place in places}
    numbers = C7.numbers(runs)
    assert numbers["error, lr 3, without"] == 1 and C7.holds(numbers)
    for name, run in runs.items():
        assert not C7.holds(C7.numbers(runs | {name: good if run is bad else bad}))


def test_c9_is_that_only_batch_statistics_depend_on_the_batch():
    numbers, _ = C9.table()[200]
    assert C9.holds(numbers)
    running = numbers["error, running statistics"]
    for name in ("batches of 2", "batches of 8", "sorted by class in batches of 100"):
        assert not C9.holds(numbers | {f"error, {name}": running})
    for name in ("batches of 1000", "running statistics, sorted, one at a time"):
        assert not C9.holds(numbers | {f"error, {name}": running + 0.03})


def test_errors_depend_on_the_batches_with_batch_statistics_only():
    errors = experiments.errors_by_statistics(trained_on_clusters(), clusters(200, seed=5))
    assert list(C9.numbers(errors)) == list(C9.table()[200][0])
    assert errors["batches of 2"] > errors["batches of 32"] + 0.1
    assert errors["running statistics"] == errors["running statistics, sorted, one at a time"]


def test_a_trained_network_has_learned_and_is_in_evaluation_mode():
    digits = clusters(400, n=784)
    network = experiments.trained_network(digits, seed=3, steps=40, momentum=0.3)
    assert not network.training and share_wrong(network, *digits) < 0.1
    assert [norm.momentum for norm in batch_norms(network)] == [0.3, 0.3]


def test_the_gradient_runs_away_without_batch_norm_only():
    found = {}
    for norm in (None, "batch"):
        network, optimizer = side([784, 20, 20, 10], 3.0, norm=norm)(rng(0))
        digits = clusters(200, n=784)
        found[norm] = experiments.follow_gradient(network, optimizer, digits, seed=0)
    assert found[None][0] > 10 * found["batch"][0]
    assert abs(found["batch"][1]) < 1e-4 < abs(found[None][1])


# In practice


def test_what_practice_measures_are_errors_at_the_end():
    runs = {"with BN": History([1.0, 0.5], {0: Evaluation(2.3, 0.9), 2: Evaluation(0.5, 0.25)})}
    for each in (practice.TINY_BATCHES, practice.REGULARIZER):
        assert each.numbers(runs) == {"with BN": 0.25}


@pytest.mark.parametrize("measurement", [practice.TINY_BATCHES, practice.REGULARIZER])
def test_the_sides_of_practice_are_those_of_the_table(measurement, monkeypatch):
    monkeypatch.setattr(practice, "run_sides", lambda sides, *_, **budget: sides)
    monkeypatch.setattr(practice, "small_set", lambda *_, **options: None)
    assert list(measurement.run(None, None, 3)) == list(measurement.table()[200][0])


# Exercises


def test_the_columns_are_the_library_s():
    random = rng(3)
    layer, x, grad_y = BatchNorm(3, eps=0.1, dtype=np.float64), *random.standard_normal((2, 5, 3))
    x_hat = blanks.normalize_columns(x, 0.1)
    assert np.allclose(x_hat, layer.forward(x))
    var = x.var(axis=0, keepdims=True)
    ours = blanks.columns_backward(grad_y, x_hat, var, 0.1)
    assert np.allclose(ours, layer.backward(grad_y))


class Own(Normalization):
    """BatchNorm as a student may write it, from the other blanks."""

    def __init__(self, n, eps=1e-5, momentum=0.1, affine=True, dtype=np.float32):
        super().__init__(n, eps, affine, dtype)
        self.momentum = momentum
        self.running_mean, self.running_var = np.zeros(n, dtype), np.ones(n, dtype)

    def forward(self, x):
        self.mode, self.var, mean = self.training, self.running_var, self.running_mean
        if self.training:
            mean, self.var = x.mean(0), x.var(0)
            self.running_mean += self.momentum * (mean - self.running_mean)
            self.running_var += self.momentum * (x.var(0, ddof=1) - self.running_var)
        self.x_hat = (x - mean) / (self.var + self.eps) ** 0.5
        return self.scale_and_shift(self.x_hat)

    def backward(self, grad_y):
        grad = self.scale_and_shift_backward(grad_y, self.x_hat)
        if not self.mode:
            return grad / (self.var + self.eps) ** 0.5
        return blanks.columns_backward(grad, self.x_hat, self.var, self.eps)


def test_a_layer_of_one_s_own_is_right_and_runs_as_the_library_s():
    (exercise,) = (each for each in exercises.EXERCISES if each.name == "BatchNorm")
    assert examine(exercise, Own).right is True
    digits = clusters(400, n=784)
    networks = [
        experiments.trained_network(digits, seed=3, steps=20, norm=norm) for norm in ("batch", Own)
    ]
    ours, own = (network.forward(digits[0][:50]) for network in networks)
    assert np.allclose(ours, own, rtol=1e-3, atol=1e-3)
    watched = [
        experiments.watch_moments(digits, seed=0, steps=20, sample=100, norm=norm)
        for norm in ("batch", Own)
    ]
    assert np.allclose(watched[0][0], watched[1][0], rtol=1e-3, atol=1e-3)


class Hasty(Own):
    """Asks in backward for the mode of now, not for that of forward."""

    def backward(self, grad_y):
        self.mode = self.training
        return super().backward(grad_y)


class Undivided(Own):
    def backward(self, grad_y):
        if not self.mode:
            return self.scale_and_shift_backward(grad_y, self.x_hat)
        return super().backward(grad_y)


@pytest.mark.parametrize(("answer", "words"), [(Hasty, "*now*"), (Undivided, "not divided")])
def test_what_backward_forgets_of_the_modes_is_named(answer, words):
    (exercise,) = (each for each in exercises.EXERCISES if each.name == "BatchNorm")
    verdict = examine(exercise, answer)
    assert verdict.right is False
    assert words in verdict.words


def test_folding_is_the_library_s():
    random = rng(3)
    layer = BatchNorm(3, eps=0.1, momentum=0.4, dtype=np.float64)
    gamma, beta = layer.params["gamma"], layer.params["beta"]
    gamma[:], beta[:] = random.standard_normal((2, 3))
    layer.forward(random.standard_normal((5, 3)))
    mean, var = layer.running_mean, layer.running_var
    W, b = random.standard_normal((2, 3)), random.standard_normal(3)
    new_W, new_b = exercises.fold_batch_norm(W, b, gamma, beta, mean, var, 0.1)
    x = random.standard_normal((4, 2))
    assert np.allclose(x @ new_W + new_b, layer.eval().forward(x @ W + b))


def test_pooled_moments_are_those_of_all():
    x = rng(0).standard_normal((9, 2)) + np.arange(9)[:, None]
    parts = [each for part in (x[:3], x[3:]) for each in (part.mean(0), part.var(0), len(part))]
    assert np.allclose(exercises.pooled_moments(*parts), (x.mean(0), x.var(0)))


def test_the_noise_of_a_running_mean_is_what_a_simulation_has():
    running, random = np.zeros(4000), rng(0)
    for _ in range(200):
        running = 0.9 * running + 0.1 * random.standard_normal((4000, 5)).mean(axis=1)
    assert abs(running.std() / exercises.running_noise(0.1, 5) - 1) < 0.05
