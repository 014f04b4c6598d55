"""Comparisons: every side gets the same start, the same data and the same budget."""

import numpy as np
import pytest
from helpers import Interrupting, moons, rng

from course_utils.experiments import compare, comparison, evaluate
from course_utils.experiments.comparison import over_seeds, run_side, run_sides, small_set
from course_utils.experiments.training import answers
from course_utils.nn import SGD, mlp

pytestmark = pytest.mark.filterwarnings("error")


def side(lr, width=6):
    def make(rng):
        network = mlp([2, width, 2], rng=rng)
        return network, SGD(network, lr)

    return make


def test_compare_gives_every_side_the_same_start_and_the_same_data():
    options = {"steps": 60, "batch_size": 20, "seeds": (3, 5), "progress": False}
    twins = compare({"a": side(0.1), "b": side(0.1)}, moons(), moons(50), **options)
    assert twins.runs("a") == twins.runs("b") and twins.seeds == (3, 5)
    assert twins.losses("a").shape == (2,) and len(set(twins.losses("a"))) == 2
    differ = compare({"slow": side(1e-3), "bursts": side(1e30)}, moons(), moons(50), **options)
    firsts = [[run.losses[0] for run in differ.runs(side)] for side in differ.sides]
    assert firsts[0] == firsts[1]
    assert differ.diverged("bursts").all() and not differ.diverged("slow").any()
    assert np.isnan(differ.errors("bursts")).all() and (differ.errors("slow") <= 1).all()


def test_a_side_takes_an_optimizer_of_ones_own():
    class Mine(SGD):
        pass

    network, optimizer = comparison.side([2, 3, 2], 0.1, 0.5, 0.2, optimizer=Mine)(rng())
    assert type(optimizer) is Mine and optimizer.network is network
    assert (optimizer.lr, optimizer.momentum, optimizer.weight_decay) == (0.1, 0.5, 0.2)


def test_answers_are_those_of_evaluation_and_training_goes_on_as_before():
    def with_dropout(rng):
        network = mlp([2, 20, 2], p=0.5, rng=rng)
        return network, SGD(network, 0.1)

    options = {"steps": 20, "batch_size": 20, "evaluate_every": 5}
    watched, history = run_side(
        with_dropout, moons(), moons(50), 3, **options,
        observe=lambda network, train: answers(network, train[0]),
    )  # fmt: skip
    alone, same = run_side(with_dropout, moons(), moons(50), 3, **options)
    assert watched.training and history.losses == same.losses
    assert np.array_equal(history.observations[20], answers(alone, moons()[0]))
    assert np.mean(history.observations[20] != moons()[1]) == evaluate(watched, *moons()).error


def test_compare_can_give_each_seed_its_data_and_watch_the_runs():
    asked = []

    def data(seed):
        asked.append(seed)
        return moons(40 + seed)

    result = compare(
        {"a": side(0.1), "b": side(0.2)}, data, moons(50), steps=4, batch_size=20, seeds=(3, 5),
        progress=False, evaluate_every=2, observe=lambda network, train: (network, len(train[1])),
    )  # fmt: skip
    assert asked == [3, 5]
    for name in result.sides:
        assert [list(run.observations) for run in result.runs(name)] == [[0, 2, 4]] * 2
        assert [run.observations[4][1] for run in result.runs(name)] == [43, 45]


def test_a_run_by_itself_is_the_one_of_the_comparison():
    options = {"steps": 5, "batch_size": 20}
    sides = {"a": side(0.1), "b": side(0.2)}
    result = compare(sides, moons(), moons(50), seeds=(3, 5), progress=False, **options)
    network, history = run_side(sides["b"], moons(), moons(50), 5, **options)
    assert history == result.by_seed[5]["b"]
    assert evaluate(network, *moons(50)) == history.final


def test_the_small_set_of_a_seed():
    train = np.arange(60.0)[:, None], np.arange(60) % 10
    images, labels = small_set(train, 1, m=20)
    same, spoiled = small_set(train, 1, m=20, wrong=0.3)
    assert np.array_equal(images, same) and np.sum(labels != spoiled) == 6
    assert not np.array_equal(images, small_set(train, 2, m=20)[0])


def test_compare_wants_two_sides_and_two_seeds():
    options = {"steps": 1, "batch_size": 20}
    for sides, seeds in (({"a": side(0.1)}, (1, 2)), ({"a": side(0.1), "b": side(1)}, (1,))):
        with pytest.raises(ValueError, match="at least 2 sides and 2 seeds"):
            compare(sides, moons(), moons(50), seeds=seeds, **options)


def test_an_interrupted_comparison_keeps_the_seeds_that_all_sides_finished():
    made = []

    def interrupted(rng):
        network, _ = side(0.1)(rng)
        made.append(network)
        return network, Interrupting(network, 0.1, at=1000 if len(made) == 1 else 3)

    result = compare(
        {"a": side(0.1), "b": interrupted}, moons(), moons(50), steps=10, batch_size=20,
        seeds=(3, 4, 5), progress=False,
    )  # fmt: skip
    assert result.seeds == (3,) and result.sides == ["a", "b"]


def test_nothing_is_left_of_an_interrupted_seed():
    def interrupted(rng):
        network, _ = side(0.1)(rng)
        return network, Interrupting(network, 0.1, at=3)

    options = {"steps": 10, "batch_size": 20}
    with pytest.raises(KeyboardInterrupt):
        run_sides({"a": side(0.1), "b": interrupted}, moons(), moons(50), 3, **options)


def test_seeds_that_were_done_stay_when_the_next_is_interrupted():
    def run(seed):
        if seed == 5:
            raise KeyboardInterrupt
        return 10 * seed

    assert over_seeds(run, (3, 4, 5, 6), progress=False) == {3: 30, 4: 40}
