"""Notebook 06: its experiments against independent computation; its claims, exercises, pictures."""

from functools import partial

import numpy as np
import pytest
from helpers import INF, NAN, fitted, rng

from course_utils.experiments.comparison import compare, run_sides, side, small_set
from course_utils.experiments.curve_fit import GRID, truth
from course_utils.experiments.training import History
from course_utils.experiments.vitals import weight_norm
from course_utils.lab.checker import examine
from course_utils.lab.colors import BLUE, GRAY, GREEN, RED
from course_utils.lessons.weight_decay import blanks, exercises, experiments, pictures
from course_utils.lessons.weight_decay.experiments import C14, C15
from course_utils.nn import SGD, Linear, mlp, softmax_cross_entropy
from course_utils.nn.optim import is_weight

F64 = {"dtype": np.float64}
COUNT = np.arange(6.0).reshape(2, 3)
X, Y = np.array([[0.0], [1.0], [-1.0]]), np.array([[1.0], [0.0], [0.0]])


def finished(setting, wrong, steps, norms, error):
    """What NormAgainstError shows."""
    return {"setting": setting, "wrong": wrong, "steps": steps, "norms": norms, "error": error}


PICTURES = {
    "DecayedFit": (
        partial(pictures.DecayedFit, steps=4),
        [
            fitted(X, Y, 0.0, [0, 2], [2.0, 1.0]),
            fitted(X / 2, Y - 1, 1.0, [0, 4], [9.0, 8.0]),
            fitted(X, Y + INF, NAN, [0, 2], [NAN, INF]),
            fitted(X, 9 * Y, 9.0, [0], [0.0]),
        ],
    ),
    "ThreeFits": (
        pictures.ThreeFits,
        [
            {
                "fits": {
                    "a": fitted(X, Y, 0.0, [2], [1.0]),
                    "b": fitted(X, Y, 1.0, [2], [9.0]),
                }
            },
            {
                "fits": {
                    "a": fitted(X / 2, Y - 1, 0.5, [2], [1.0]),
                    "b": fitted(X / 2, Y - 2, 1.5, [2], [9.0]),
                }
            },
            {
                "fits": {
                    "a": fitted(X, Y, NAN, [2], [NAN]),
                    "b": fitted(X, Y, INF, [2], [INF]),
                }
            },
        ],
    ),
    "NormClouds": (
        pictures.NormClouds,
        [
            {"clouds": {10: {0.5: ([9.0, 8.0], [0.02, 0.04]), 2: ([20.0], [0.03])}}},
            {"clouds": {10: {0.5: ([7.0, 6.0], [0.03, 0.05]), 2: ([25.0], [0.01])}}},
            {"clouds": {10: {1: ([NAN], [INF])}}},
        ],
    ),
    "NormPaths": (
        partial(pictures.NormPaths, 4, (0, 6)),
        [
            {"lengths": {"a": (COUNT, BLUE), "b": (COUNT[:1] + 2, RED)}},
            {"lengths": {"a": (COUNT / 2, GRAY), "b": (COUNT[:1] + 1, GREEN)}},
            {
                "lengths": {
                    "a": (COUNT * NAN, BLUE),
                    "b": (COUNT[:1] + INF, RED),
                    "c": (0 * COUNT, GRAY),
                }
            },
        ],
    ),
    "NormsAndErrors": (
        partial(pictures.NormsAndErrors, (0, 1, 2), "setting", (6, 6)),
        [
            {"lines": {"a": (COUNT, COUNT / 2, BLUE), "b": (COUNT[:1] + 2, COUNT, RED)}},
            {"lines": {"a": (COUNT / 2, COUNT, GRAY), "b": (COUNT[:1] + 1, COUNT / 3, GREEN)}},
            {"lines": {"a": (COUNT * NAN, 0 * COUNT, BLUE), "b": (0 * COUNT, COUNT + INF, RED)}},
        ],
    ),
    "NormAgainstError": (
        partial(pictures.NormAgainstError, steps=4),
        [
            finished("λ = 0", 0.0, [0, 2], [20.0, 21.0], None),
            finished("λ = 1", 0.3, [0, 4], [30.0, 31.0], None),
            finished("λ = 9", 0.6, [0, 4], [30.0, NAN], 0.9),
            finished("λ = 9", 0.6, [0, 4], [30.0, NAN], NAN),
        ],
    ),
}

SAID_ONLY = {"NormAgainstError": 1}  # what was chosen for a run that is not over

READINGS = [
    ("DecayedFit", 0, ["After 2 steps", "off the data by 0.577", "truth by 0.707", "norm is 1"]),
    ("DecayedFit", 2, ["off the data by not a number", "∞"]),
    ("ThreeFits", 0, ["a: the curve runs from 0 to 0", "b: the curve runs from 1 to 1"]),
    ("NormClouds", 0, ["c = 0.5, 10 steps: norm 8.5, error 0.03", "c = 2, 10 steps: norm 20"]),
    ("NormPaths", 0, ["a: 1.5 to 3.5", "b: 2 to 4"]),
    ("NormsAndErrors", 0, ["a: error 0.75 to 1.75", "b: error 1.5 to 3.5"]),
    ("NormAgainstError", 0, ["λ = 0: norm 21 after 2 steps"]),
    ("NormAgainstError", 2, ["λ = 9: norm not a number, test error 0.9"]),
]


def digits(m=200, n=6, classes=3, seed=0):
    """Examples of classes that lie apart."""
    numbers = rng(seed)
    labels = numbers.integers(0, classes, m)
    return numbers.standard_normal((m, n)) + 4 * np.eye(classes, n)[labels], labels


def small_network(seed=0, **options):
    return mlp([6, 8, 3], rng=rng(seed), **F64, **options)


def backward(network, seed=0):
    x, labels = digits(seed=seed)
    network.backward(softmax_cross_entropy(network.forward(x), labels)[1])


# What decays


def test_norm_counts_weight_matrices_only():
    network = small_network(norm="batch")
    flat = np.concatenate([network.params[key].ravel() for key in ("0.W", "3.W")])
    assert weight_norm(network) == pytest.approx(np.sqrt(flat @ flat))
    for key in ("0.b", "1.gamma", "1.beta"):
        network.params[key][:] = 100
    assert weight_norm(network) == pytest.approx(np.sqrt(flat @ flat))


@pytest.mark.parametrize("key", ["W", "3.W", "0.0.W"])
def test_weights_decay(key):
    assert is_weight(key)
    assert not any(is_weight(key[:-1] + name) for name in ("b", "gamma", "beta", "WW"))


# Runs and data


def test_a_run_gives_its_norms_and_both_errors():
    sides = {"none": side([6, 8, 3], 0.1), "some": side([6, 8, 3], 0.1, weight_decay=0.1)}
    comparison = compare(
        sides, digits(), digits(seed=9), steps=100, batch_size=20, seeds=(1, 2), progress=False,
        observe=experiments.observe, observe_every=25,
    )  # fmt: skip
    none, some = (experiments.paths(comparison.runs(side)) for side in sides)
    assert none.shape == (2, 5)
    assert np.array_equal(none[:, 0], some[:, 0]) and (some[:, -1] < none[:, -1]).all()
    first, second = (
        experiments.norms_and_errors(runs, "x, ") for runs in comparison.by_seed.values()
    )
    assert second["x, norm, some"] == some[1, -1]
    assert first["x, test error, none"] == comparison.errors("none")[0]
    assert first["x, train error, none"] < 0.2
    last = comparison.runs("none")[0].observations[100]
    assert last.error == np.mean(last.answers != digits()[1])


def test_under_batch_norm_the_second_hidden_matrix_is_followed():
    network = small_network(norm="batch")
    hidden = experiments.hidden_norm(network, digits())
    assert hidden == np.linalg.norm(network.params["3.W"])


def test_effective_rates_are_those_of_the_hidden_matrix():
    sides = {"none": side([6, 8, 3], 0.1), "some": side([6, 8, 3], 0.1, weight_decay=0.1)}
    comparison = compare(
        sides, digits(), digits(seed=9), steps=20, batch_size=20, seeds=(1, 2), progress=False,
        observe=experiments.hidden_norm, observe_every=10,
    )  # fmt: skip
    norms = [list(run.observations.values()) for run in comparison.runs("some")]
    rates = experiments.effective_rates(comparison, "some")
    assert rates.shape == (2, 3) and np.allclose(rates[:, 0], 1)
    assert rates[1, 2] == pytest.approx((norms[1][0] / norms[1][2]) ** 2)


def test_what_became_of_the_labels(one_step):
    train, readers = digits(1000), {}
    runs = {7: experiments.decayed(train, digits(), 7, clean=(0,), noisy=(0,))}
    given, right = small_set(train, 7, wrong=0.3)[1], small_set(train, 7)[1]
    for name, answers in (("heart", given), ("truth", right)):
        observed = experiments.Observed(1.0, 0.0, answers)
        runs[7]["noisy"][name] = History(observations={1000: observed})
        readers[name] = experiments.fate_of_labels(runs, train, name)
    assert readers["heart"] == {"believed": 1, "repaired": 0, "missed": 0}
    assert readers["truth"] == {"believed": 0, "repaired": 1, "missed": 0}


# Claims


@pytest.fixture
def one_step(monkeypatch):
    """Every run takes a single step, on examples of six numbers."""

    def short(*args, steps, observe_every=None, **options):
        return run_sides(*args, steps=1, observe_every=None, **options)

    monkeypatch.setattr(experiments, "run_sides", short)
    monkeypatch.setattr(experiments, "LAYER_WIDTHS", [6, 8, 10])


@pytest.mark.parametrize("claim", [C14, C15], ids=lambda claim: claim.id)
def test_the_table_has_what_the_runs_give(claim, one_step):
    """No run is missing, and no name has changed."""
    numbers = claim.numbers(claim.run(digits(1000), digits(), 3))
    assert all(numbers.keys() == measured.keys() for measured, _ in claim.table().values())


def test_the_notebook_s_runs_are_some_of_them(one_step):
    numbers = C14.numbers(C14.run(digits(1000), digits(), 3))
    some = C14.numbers(C14.run(digits(1000), digits(), 3, clean=(0, 1e-2, 1e-1), noisy=(0, 1e-1)))
    assert some.items() <= numbers.items() and len(some) == (3 + 2) * 3
    assert C14.holds(some) in (True, False)  # these are all that it is judged by
    some = C15.numbers(C15.run(digits(), digits(), 3, scales=(0.25, 2), budgets=(1200,)))
    assert list(some) == [
        f"1200 steps, {what}, c = {c}"
        for c in ("0.25", "2")
        for what in ("norm", "train error", "test error")
    ]


@pytest.mark.parametrize(
    ("claim", "name", "number"),
    [
        (C14, "clean, norm, λ = 0.1", 7.0),
        (C14, "noisy, norm, λ = 0.1", 7.0),
        (C14, "clean, test error, λ = 0.1", 0.10),
        (C14, "noisy, test error, λ = 0.1", 0.30),
        (C15, "1200 steps, norm, c = 2", 15.0),
        (C15, "1200 steps, test error, c = 2", 0.08),
        (C15, "1200 steps, test error, c = 2", 0.01),
    ],
)
def test_a_claim_asks_for_all_that_it_says(claim, name, number):
    numbers, _ = claim.table()[200]
    assert claim.holds(numbers) and not claim.holds(numbers | {name: number})


# Exercises


def test_the_exercises_are_the_library_s():
    W, *grads = rng(0).standard_normal((4, 2, 3))

    def trained(make):
        layer = Linear(2, 3, **F64)
        layer.params["W"][:] = W
        optimizer = make(layer)
        for grad in grads:
            layer.grads.update(W=grad, b=np.zeros(3))
            optimizer.step()
            yield layer.params["W"].copy()

    (first, *others) = trained(lambda layer: SGD(layer, 0.1, weight_decay=0.3))
    assert np.allclose(blanks.decay_step(W, grads[0], 0.1, 0.3), first)
    ours = trained(lambda layer: blanks.DecaySGD(layer, 0.1, weight_decay=0.3))
    assert np.allclose(list(ours), [first, *others])


def test_gamma_rests_where_loss_and_penalty_balance():
    gamma = np.linspace(0, 3, 30001)
    penalized = 0.7 / 2 * (gamma - 2) ** 2 + 0.4 / 2 * gamma**2
    expected = gamma[penalized.argmin()]
    assert exercises.pulled_to(2, 0.7, 0.4) == pytest.approx(expected, abs=1e-4)


def after_steps(make, steps=20):
    """A network's parameters after steps on the same data with the optimizer ``make(network)``."""
    network = small_network()
    optimizer = make(network)
    for step in range(steps):
        backward(network, seed=step)
        optimizer.step()
    return network.params


def test_an_optimizer_of_one_s_own_trains_as_the_library_s():
    own = after_steps(lambda net: blanks.DecaySGD(net, 0.1, 0.0, 0.2))
    library = after_steps(lambda net: SGD(net, 0.1, 0.0, 0.2))
    for key, param in own.items():
        np.testing.assert_allclose(param, library[key], rtol=1e-10, atol=1e-13)


class Replaces(blanks.DecaySGD):
    """Puts new arrays where the network's own stood."""

    def step(self):
        params = self.network.params
        for key, param in list(params.items()):
            params[key] = param.copy()
        super().step()


def test_an_optimizer_writes_into_the_arrays_of_the_network():
    (exercise,) = (each for each in exercises.EXERCISES if each.name == "DecaySGD")
    verdict = examine(exercise, Replaces)
    assert verdict.right is False and "`param[:] = ...` writes into" in verdict.words


def test_the_sine_bends_four_pi_in_all():
    x = np.linspace(-1, 1, 2001)
    assert blanks.changes_of_slope(x, np.sin(np.pi * x)) == pytest.approx(4 * np.pi, rel=1e-3)
    assert blanks.changes_of_slope(x, 7 * x) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_a_rescaled_network_is_the_same_function(factor):
    network = small_network()
    network.params["0.b"][:] = rng(3).standard_normal(8)
    x, before = digits()[0], network.forward(digits()[0])
    first = [network.params[key] for key in ("0.W", "0.b", "2.W")]
    for array, new in zip(first, blanks.rescaled(*first, factor)):
        array[:] = new
    assert np.allclose(network.forward(x), before)


def test_the_best_factor_makes_the_norm_smallest():
    W1, W2 = 3 * rng(0).standard_normal((4, 5)), rng(1).standard_normal((5, 2))
    factors = np.linspace(0.1, 3, 2901)
    norms = factors**2 * np.sum(W1**2) + np.sum(W2**2) / factors**2
    assert exercises.best_factor(W1, W2) == pytest.approx(factors[norms.argmin()], abs=1e-3)


def test_a_column_in_front_of_a_normalization_comes_to_rest():
    w, turn = np.array([3.0, 0.0]), np.array([[0, 1], [-1, 0]])
    for _ in range(3000):
        w = blanks.decay_step(w, 2.0 * turn @ w / (w @ w), 0.1, 0.05)
    assert np.linalg.norm(w) == pytest.approx(exercises.resting_norm(0.1, 0.05, 2.0))


# Pictures


def test_dots_from_the_start_stay_too():
    picture = pictures.NormAgainstError(10, {"earlier": (12.0, 0.2, 0.3)})
    assert np.allclose(picture.dots.get_offsets(), [[12, 0.2]])
    picture.update(**finished("λ = 0", 0.0, [0, 10], [20.0, 20.0], 0.1))
    assert np.allclose(picture.dots.get_offsets(), [[12, 0.2], [20, 0.1]])


def test_dots_of_earlier_runs_stay():
    picture = pictures.NormAgainstError(steps=10)
    picture.update(**finished("λ = 0", 0.0, [0, 10], [20.0, 20.0], 0.1))
    picture.update(**finished("λ = 1", 0.6, [0, 10], [20.0, 5.0], 0.3))
    picture.update(**finished("λ = 1", 0.6, [0, 10], [20.0, 5.0], 0.3))
    assert np.allclose(picture.dots.get_offsets(), [[20, 0.1], [5, 0.3]])


def test_a_fit_says_how_far_it_is_off():
    x = np.array([[-0.5], [0.5]])
    y, fit = truth(x) + 0.5, truth(GRID) + 0.25
    picture = pictures.DecayedFit(steps=10)
    picture.update(x=x, y=y, fit=fit, steps=[0, 10], norms=[3.0, 2.0])
    assert "off the data by 0.25 and off the truth by 0.25" in picture.reading
