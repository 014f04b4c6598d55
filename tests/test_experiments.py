"""Training, evaluation and the instruments that look inside a network."""

import csv
from itertools import pairwise

import numpy as np
import pytest

from course_utils.data import two_moons
from course_utils.experiments import (
    activation_norms,
    evaluate,
    expected_norms,
    fit,
    training_steps,
    vital_signs,
)
from course_utils.experiments.claims import TABLE_SEEDS, Claim, all_claims
from course_utils.experiments.comparison import compare, run_side, small_set
from course_utils.experiments.initialization import scales
from course_utils.experiments.propagation import standard_weights
from course_utils.experiments.training import answers
from course_utils.nn import (
    SGD,
    BatchNorm,
    Dropout,
    Layer,
    Linear,
    ReLU,
    Sequential,
    Tanh,
    mlp,
    softmax_cross_entropy,
    squared_error,
)
from course_utils.nn.layers import relu

pytestmark = pytest.mark.filterwarnings("error")


def rng(seed=0):
    return np.random.default_rng(seed)


def moons(m=200, seed=0):
    return two_moons(m, rng(seed))


def train(seed=0, steps=40, lr=0.1, network=None, **options):
    """A short run on two moons; options go to fit."""
    network = network or mlp([2, 8, 2], rng=rng(seed))
    settings = {"steps": steps, "batch_size": 20, "rng": rng(seed + 1), **options}
    return network, fit(network, SGD(network, lr), *moons(), **settings)


def state(network):
    """Copies of all that a network remembers about its training."""
    arrays = {key: param.copy() for key, param in network.params.items()}
    for i, layer in enumerate(network.layers):
        if isinstance(layer, BatchNorm):
            arrays[f"{i}.mean"], arrays[f"{i}.var"] = layer.running_mean, layer.running_var
    return {key: array.copy() for key, array in arrays.items()}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


class Interrupting(SGD):
    """Presses the interrupt button in the middle of a given step."""

    def __init__(self, network, lr, at):
        super().__init__(network, lr)
        self.left = at

    def step(self):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        super().step()


# fit


def test_fit_learns_and_keeps_every_loss():
    network, history = train(steps=300, test=moons(seed=1), lr=0.3)
    assert len(history.losses) == 300
    assert np.mean(history.losses[-20:]) < 0.5 * np.mean(history.losses[:5])
    assert list(history.evaluations) == [300]
    assert history.final == evaluate(network, *moons(seed=1))
    assert history.final.error < 0.1
    assert history.diverged_at is None and not history.interrupted


def test_fit_is_the_four_lines_of_training():
    """The same losses and weights as the loop written out by hand."""
    trained, history = train(steps=15)
    network = mlp([2, 8, 2], rng=rng(0))
    points, labels = moons()
    order, losses = rng(1), []
    while len(losses) < 15:
        for batch in order.permutation(200).reshape(-1, 20):
            loss, grad = softmax_cross_entropy(network.forward(points[batch]), labels[batch])
            network.backward(grad)
            for key, param in network.params.items():
                param -= 0.1 * network.grads[key]
            losses.append(loss)
    assert history.losses == losses[:15]
    assert not same(state(trained), state(network))  # five steps further
    assert same(state(train(steps=20)[0]), state(network))


@pytest.mark.parametrize("norm", [None, "batch"])
def test_the_same_seed_gives_the_same_run(norm):
    def run(seed):
        network = mlp([2, 8, 8, 2], norm=norm, p=0.2, rng=rng(seed))
        return train(seed, network=network, test=moons(50), evaluate_every=10)

    (network, history), (again, repeated), (_, other) = run(3), run(3), run(4)
    assert history == repeated
    assert same(state(network), state(again))
    assert history.losses != other.losses


def test_global_random_state_is_left_alone():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    train()
    assert np.array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("norm", [None, "layer", "batch"])
def test_a_run_that_diverges_ends_there_and_says_so(norm):
    network = mlp([2, 16, 16, 2], norm=norm, rng=rng())
    _, history = train(network=network, lr=1e30, steps=50, test=moons(50), evaluate_every=1)
    assert 0 < history.diverged_at < 10
    assert len(history.losses) == history.diverged_at + 1
    assert np.isfinite(history.losses[:-1]).all()
    assert not np.isfinite(history.losses[-1])
    assert max(history.evaluations) <= history.diverged_at


def test_weights_that_burst_in_the_last_step_are_evaluated_without_a_warning():
    _, history = train(lr=1e30, steps=1, test=moons(50))
    assert history.diverged_at is None and not np.isfinite(history.final.loss)


def test_an_interrupted_run_keeps_what_it_had():
    network = mlp([2, 8, 2], rng=rng())
    history = fit(
        network, Interrupting(network, 0.1, at=13), *moons(), steps=40, batch_size=20, rng=rng(1),
        test=moons(50), evaluate_every=5,
    )  # fmt: skip
    assert history.interrupted and history.diverged_at is None
    assert history.losses == train(steps=13)[1].losses
    assert list(history.evaluations) == [0, 5, 10]


def test_a_run_interrupted_while_it_is_evaluated_goes_on_in_training_mode():
    class Impatient(ReLU):
        def forward(self, x):
            if not self.training:
                raise KeyboardInterrupt
            return super().forward(x)

    network = Sequential([Linear(2, 8, rng=rng()), Impatient(), Linear(8, 2, rng=rng())])
    _, history = train(network=network, test=moons(50))
    assert history.interrupted and len(history.losses) == 40 and history.evaluations == {}
    assert network.training and all(layer.training for layer in network)


def test_evaluations_and_observations_stand_at_the_steps_that_were_asked_for():
    seen = []
    _, history = train(steps=25, test=moons(50), evaluate_every=10, observe=seen.append)
    assert list(history.evaluations) == list(history.observations) == [0, 10, 20, 25]
    assert history.final is history.evaluations[25]
    _, history = train(steps=20, test=moons(50), evaluate_every=10)
    assert list(history.evaluations) == [0, 10, 20]
    _, history = train(steps=20)
    assert history.evaluations == {} and history.final is None


def test_evaluating_on_the_way_changes_nothing():
    networks = [mlp([2, 8, 8, 2], norm="batch", p=0.3, rng=rng(2)) for _ in range(2)]
    watched, often = train(network=networks[0], test=moons(50), evaluate_every=3)
    alone, never = train(network=networks[1])
    assert often.losses == never.losses
    assert same(state(watched), state(alone))


def test_a_run_stops_as_soon_as_it_is_good_enough():
    options = {"test": moons(100), "evaluate_every": 10, "lr": 0.3, "steps": 400}
    network, history = train(until_error=0.1, **options)
    assert len(history.losses) == max(history.evaluations) < 400
    errors = [evaluation.error for evaluation in history.evaluations.values()]
    assert errors[-1] <= 0.1 < min(errors[:-1])
    assert history.final == evaluate(network, *moons(100))  # not one step further
    network, history = train(until_error=1.0, **options)
    assert history.losses == [] and same(state(network), state(mlp([2, 8, 2], rng=rng())))


def test_a_run_without_a_goal_goes_on_after_its_last_error():
    separable = (np.array([[-2.0, 0.0], [2.0, 0.0]], np.float32), np.array([0, 1]))
    _, history = train(steps=200, lr=0.3, test=separable, evaluate_every=50)
    assert history.evaluations[150].error == 0 and len(history.losses) == 200


def test_fit_takes_another_loss():
    points, _ = moons()
    network = Sequential([Linear(2, 4, rng=rng()), Tanh(), Linear(4, 2, rng=rng())])
    history = fit(
        network, SGD(network, 0.1), points, points, steps=300, batch_size=20, rng=rng(),
        loss=squared_error,
    )  # fmt: skip
    assert history.losses[-1] < 0.2 * history.losses[0]


@pytest.mark.parametrize(
    ("options", "error", "name"),
    [
        ({"steps": 0}, ValueError, "steps"),
        ({"steps": 2.5}, TypeError, "steps"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"batch_size": 201}, ValueError, "batch_size"),
        ({"evaluate_every": 0}, ValueError, "evaluate_every"),
        ({"evaluate_every": 1.0}, TypeError, "evaluate_every"),
        ({"rng": 0}, TypeError, "rng"),
        ({"rng": None}, TypeError, "rng"),
    ],
)
def test_fit_names_a_bad_argument_before_it_trains(options, error, name):
    network = mlp([2, 8, 2], rng=rng())
    before = state(network)
    with pytest.raises(error, match=name):
        train(network=network, **options)
    assert same(state(network), before)


def test_fit_wants_a_label_for_every_image():
    network = mlp([2, 8, 2], rng=rng())
    points, labels = moons()
    with pytest.raises(ValueError, match="labels"):
        fit(network, SGD(network, 0.1), points, labels[:-1], steps=1, batch_size=20, rng=rng())


def test_progress_is_shown_only_if_asked_for(capsys):
    train()
    assert capsys.readouterr() == ("", "")
    train(progress=True)
    assert "40" in capsys.readouterr().err


# evaluate


def test_evaluation_counts_errors_and_averages_the_loss():
    network = mlp([2, 8, 2], rng=rng())
    points, labels = moons(30)
    logits = network.forward(points)
    result = evaluate(network, points, labels)
    assert result.error == np.mean(logits.argmax(axis=1) != labels)
    assert result.loss == pytest.approx(softmax_cross_entropy(logits, labels)[0], rel=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7, 29, 30, 5000])
def test_evaluation_does_not_depend_on_the_batch_size(batch_size):
    network, _ = train(network=mlp([2, 8, 2], norm="batch", p=0.5, rng=rng()))
    whole, parts = evaluate(network, *moons(30)), evaluate(network, *moons(30), batch_size)
    assert parts.error == whole.error
    assert parts.loss == pytest.approx(whole.loss, rel=1e-6)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_evaluation_is_made_in_evaluation_mode_and_puts_the_mode_back(mode):
    modes = []

    class Spy(ReLU):
        def forward(self, x):
            modes.append(self.training)
            return super().forward(x)

    network = Sequential([Linear(2, 4, rng=rng()), BatchNorm(4), Spy(), Dropout(0.5), Linear(4, 2)])
    getattr(network, mode)()
    before = state(network)
    evaluate(network, *moons(30), batch_size=10)
    assert modes == [False] * 3
    assert {layer.training for layer in (network, *network)} == {mode == "train"}
    assert same(state(network), before)


def test_an_evaluation_that_fails_puts_the_mode_back():
    network = mlp([2, 8, 2], rng=rng())
    points, labels = moons(30)
    with pytest.raises(ValueError, match="labels"):
        evaluate(network, points, labels + 5)
    assert network.training and all(layer.training for layer in network)


@pytest.mark.parametrize(
    ("change", "error", "name"),
    [
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"batch_size": 2.0}, TypeError, "batch_size"),
        ({"images": moons(31)[0]}, ValueError, "labels"),
        ({"labels": moons(31)[1], "batch_size": 10}, ValueError, "labels"),
        ({"images": moons(30)[0][:0]}, ValueError, "images"),
        ({"images": moons(30)[0].astype(int)}, TypeError, "images"),
    ],
)
def test_evaluate_names_a_bad_argument(change, error, name):
    points, labels = moons(30)
    with pytest.raises(error, match=name):
        evaluate(mlp([2, 8, 2], rng=rng()), **{"images": points, "labels": labels, **change})


def test_a_network_of_nan_is_evaluated_without_a_warning():
    network = mlp([2, 8, 2], norm="batch", rng=rng())
    for value in (np.nan, np.inf):
        network.params["0.W"][:] = value
        assert np.isnan(evaluate(network, *moons(30)).loss)


# training_steps


def test_training_steps_takes_one_step_at_a_time():
    network = mlp([2, 8, 2], p=0.1, rng=rng()).eval()
    steps = training_steps(network, SGD(network, 0.1), [moons(20)] * 3)
    before = state(network)
    assert np.isfinite(next(steps))
    assert network.training
    after = state(network)
    assert not same(before, after)
    assert same(after, state(network))  # waits
    assert len(list(steps)) == 2


def test_training_steps_yields_the_loss_before_its_update():
    network = mlp([2, 8, 2], rng=rng())
    points, labels = moons(20)
    expected = softmax_cross_entropy(network.forward(points), labels)[0]
    assert next(training_steps(network, SGD(network, 0.1), [(points, labels)])) == expected


def test_training_steps_ends_with_the_first_loss_that_is_not_finite():
    taken = []

    def batches():
        for i in range(10):
            taken.append(i)
            yield moons(20)

    def loss(output, labels):
        value, grad = softmax_cross_entropy(output, labels)
        return (np.inf if len(taken) == 4 else value), grad

    network = mlp([2, 8, 2], rng=rng())
    losses = list(training_steps(network, SGD(network, 0.1), batches(), loss))
    assert losses[-1] == np.inf and np.isfinite(losses[:-1]).all()
    assert taken == [0, 1, 2, 3]


def test_training_steps_lets_other_errors_through():
    network = mlp([2, 8, 2], rng=rng())
    points, labels = moons(20)
    with pytest.raises(ValueError, match="labels"):
        list(training_steps(network, SGD(network, 0.1), [(points, labels + 2)]))


# compare


def side(lr, width=6):
    def make(rng):
        network = mlp([2, width, 2], rng=rng)
        return network, SGD(network, lr)

    return make


def test_compare_gives_every_side_the_same_start_and_the_same_data():
    options = {"steps": 60, "batch_size": 20, "seeds": (3, 5), "progress": False}
    twins = compare({"a": side(0.1), "b": side(0.1)}, moons(), moons(50), **options)
    assert twins.histories["a"] == twins.histories["b"]
    assert twins.losses("a").shape == (2,) and len(set(twins.losses("a"))) == 2
    differ = compare({"slow": side(1e-3), "bursts": side(1e30)}, moons(), moons(50), **options)
    firsts = [[run.losses[0] for run in runs] for runs in differ.histories.values()]
    assert firsts[0] == firsts[1]
    assert differ.diverged("bursts").all() and not differ.diverged("slow").any()
    assert np.isnan(differ.errors("bursts")).all() and (differ.errors("slow") <= 1).all()
    assert "bursts" in str(differ) and "not a number in every run" in str(differ)


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
    for runs in result.histories.values():
        assert [list(run.observations) for run in runs] == [[0, 2, 4]] * 2
        assert [run.observations[4][1] for run in runs] == [43, 45]
    assert result.only(["b"]).histories == {"b": result.histories["b"]}
    assert result.by_seed()[1] == {side: runs[1] for side, runs in result.histories.items()}


def test_a_run_by_itself_is_the_one_of_the_comparison():
    options = {"steps": 5, "batch_size": 20}
    sides = {"a": side(0.1), "b": side(0.2)}
    result = compare(sides, moons(), moons(50), seeds=(3, 5), progress=False, **options)
    network, history = run_side(sides["b"], moons(), moons(50), 5, **options)
    assert history == result.histories["b"][1]
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
    assert result.seeds == (3,)
    assert [len(runs) for runs in result.histories.values()] == [1, 1]


# claims


def make_claim(**change):
    settings = {"seeds": (3, 4), "measure": None, "holds": lambda figures: figures["gain"] > 0}
    claim = {"id": "C99", "notebook": "02", "statement": "it gains", "conditions": "always"}
    return Claim(**{**claim, **settings, **change})


def test_a_claim_reads_its_rows_of_the_table(tmp_path):
    table = tmp_path / "claims.csv"
    rows = [["C99", 3, "gain", "0.5", True], ["C99", 4, "gain", "-1", False]]
    rows += [["C99", 3, "cost", "2", True], ["C99", 4, "cost", "3", False]]
    with table.open("w", newline="") as file:
        names = ["claim", "seed", "figure", "value", "holds"]
        csv.writer(file).writerows([names, *rows, ["C98", 3, "gain", "9", True]])
    claim = make_claim()
    assert claim.figure("gain", table) == [0.5, -1.0]
    assert claim.pass_rate(table) == (1, 2)
    with pytest.raises(ValueError, match="'cost', 'gain', got 'loss'"):
        claim.figure("loss", table)
    with pytest.raises(FileNotFoundError, match="make it with"):
        claim.rows(tmp_path / "none.csv")


@pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.id)
def test_the_table_says_of_each_claim_what_the_claim_says_of_the_table(claim):
    """A claim whose margin, figures or seeds changed wants a new table."""
    seeds = {}
    for row in claim.rows():
        figures, holds = seeds.setdefault(int(row["seed"]), ({}, row["holds"]))
        figures[row["figure"]] = float(row["value"])
        assert row["holds"] == holds
    assert tuple(seeds) == TABLE_SEEDS
    for figures, holds in seeds.values():
        assert str(bool(claim.holds(figures))) == holds


def test_a_verdict_counts_the_seeds_on_which_a_claim_holds():
    verdict = make_claim().verdict([{"gain": 1.0}, {"gain": -1.0}, {"gain": 2.0}])
    assert verdict == "C99 holds on 2 of 3 seeds: it gains."


# vital_signs


def small_network():
    """2 to 3 to 2, with a unit that is dead on the examples (its bias is far below zero)."""
    network = Sequential([Linear(2, 3), ReLU(), Linear(3, 2)])
    network.params["0.W"] = np.array([[1.0, -1.0, 0.5], [0.0, 2.0, 1.0]])
    network.params["0.b"] = np.array([0.5, 0.0, -100.0])
    network.params["2.W"] = np.array([[1.0, -1.0], [0.5, 1.0], [3.0, 3.0]])
    network.params["2.b"] = np.array([0.1, -0.1])
    return network


X = np.array([[1.0, 2.0], [0.0, -1.0], [3.0, 1.0]])
LABELS = np.array([0, 1, 1])


def test_vital_signs_by_hand():
    signs = vital_signs(small_network(), X, LABELS, lr=0.1)
    hidden = np.maximum(X @ [[1, -1, 0.5], [0, 2, 1]] + [0.5, 0, -100], 0)
    W2 = np.array([[1, -1], [0.5, 1], [3, 3]])
    logits = hidden @ W2 + [0.1, -0.1]
    q = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    delta2 = (q - np.eye(2)[LABELS]) / 3
    gradients = [X.T @ ((delta2 @ W2.T) * (hidden > 0)), hidden.T @ delta2]
    weights = [np.sqrt(1 + 1 + 0.25 + 4 + 1), np.sqrt(1 + 1 + 0.25 + 1 + 9 + 9)]

    def lengths(z):
        return np.mean(np.sqrt((z**2).sum(axis=1)))

    norms = [np.sqrt((gradient**2).sum()) for gradient in gradients]
    assert signs.activation == pytest.approx([lengths(hidden), lengths(logits)])
    assert signs.gradient == pytest.approx(norms)
    assert signs.update_ratio == pytest.approx(0.1 * np.array(norms) / weights)
    assert signs.dead == pytest.approx([1 / 3, 0])
    assert signs.loss == pytest.approx(-np.mean(np.log(q[range(3), LABELS])))


def test_vital_signs_leave_the_network_as_it_was():
    network = mlp([2, 8, 8, 2], norm="batch", p=0.4, rng=rng(5))
    generator = next(layer.rng for layer in network if isinstance(layer, Dropout))
    points, labels = moons(50)
    next(training_steps(network, SGD(network, 0.1), [(points[:20], labels[:20])]))
    before, dice = state(network), generator.bit_generator.state
    grads = {key: grad.copy() for key, grad in network.grads.items()}
    saved = network.layers[0].saved
    first = vital_signs(network, points, labels, lr=0.1)
    assert same(state(network), before) and same(dict(network.grads), grads)
    assert generator.bit_generator.state == dice
    assert network.layers[0].saved is saved
    again = vital_signs(network, points, labels, lr=0.1)
    assert np.array_equal(first.activation, again.activation) and first.loss == again.loss


def test_vital_signs_are_taken_in_the_present_mode():
    network = mlp([2, 50, 50, 2], norm="batch", rng=rng())
    network.layers[1].running_var[:] = 100.0
    training = vital_signs(network.train(), *moons(50), lr=0.1)
    evaluation = vital_signs(network.eval(), *moons(50), lr=0.1)
    assert evaluation.activation[0] < 0.5 * training.activation[0]
    assert not any(layer.training for layer in network)


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_vital_signs_count_in_float64(scale):
    """Squares of these leave float32, their lengths do not."""
    network = Sequential([Linear(2, 3, rng=rng()), ReLU(), Linear(3, 2, rng=rng())])
    expected = vital_signs(network, *moons(20), lr=0.1)
    network.params["0.W"] *= np.float32(scale)
    network.params["2.W"] /= np.float32(scale)
    signs = vital_signs(network, *moons(20), lr=0.1)
    factors = np.array([scale, 1])
    assert signs.activation == pytest.approx(factors * expected.activation, rel=1e-4)
    assert signs.gradient == pytest.approx(expected.gradient / [scale, 1 / scale], rel=1e-4)
    assert signs.loss == pytest.approx(expected.loss, rel=1e-4)


def test_dead_units_are_those_that_say_the_same_to_everyone():
    network = mlp([2, 4, 4, 2], rng=rng())
    network.params["0.W"][:, :3] = 0.0  # three units of four say their bias
    network.params["0.b"][:] = 1.0
    network.params["2.b"][:] = -1e3  # all four of the next are silent
    assert vital_signs(network, *moons(), lr=0.1).dead == pytest.approx([3 / 4, 1, 1])
    assert vital_signs(mlp([2, 4, 2], activation="tanh"), *moons(), lr=0.1).dead.max() == 0


class ForeignLinear:
    """A student's layer: nothing of the library's in it."""

    def __init__(self, n_in, n_out):
        self.params = {"W": rng(n_in).standard_normal((n_in, n_out))}
        self.grads = {}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"]

    def backward(self, grad_y):
        self.grads["W"] = self.x.T @ grad_y
        return grad_y @ self.params["W"].T


class Scale(Layer):
    """A layer with a parameter that is no weight matrix."""

    def __init__(self):
        super().__init__(gamma=np.full(1, 2.0))

    def forward(self, x):
        return self.params["gamma"] * x

    def backward(self, grad_y):
        return self.params["gamma"] * grad_y


def test_vital_signs_of_foreign_layers():
    x, labels = X, LABELS
    network = Sequential([Scale(), ForeignLinear(2, 4), ReLU(), Scale(), ForeignLinear(4, 2)])
    signs = vital_signs(network, x, labels, lr=0.5)
    W1, W2 = network.layers[1].params["W"], network.layers[4].params["W"]
    hidden = 2 * np.maximum(2 * x @ W1, 0)  # with the scale behind it
    _, delta = softmax_cross_entropy(hidden @ W2, labels)
    gradient = np.linalg.norm(hidden.T @ delta)
    assert len(signs.activation) == len(signs.gradient) == len(signs.dead) == 2
    assert signs.activation[0] == pytest.approx(np.linalg.norm(hidden, axis=1).mean())
    assert signs.update_ratio[1] == pytest.approx(0.5 * gradient / np.linalg.norm(W2))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("norm", [None, "layer", "batch"])
@pytest.mark.parametrize("key", ["first", "last"])
def test_vital_signs_of_a_network_that_blew_up(value, norm, key):
    network = mlp([2, 8, 8, 2], norm=norm, rng=rng())
    weights = [layer.params["W"] for layer in network.layers if "W" in layer.params]
    weights[{"first": 0, "last": -1}[key]][:] = value
    signs = vital_signs(network, *moons(), lr=0.1)
    assert not np.isfinite(signs.loss)
    assert not np.isfinite(signs.activation[-1])
    assert not np.isfinite(signs.update_ratio[{"first": 0, "last": -1}[key]])
    finite = np.isfinite(signs.activation)
    assert finite.tolist() == ([False] * 3 if key == "first" else [True, True, False])
    assert all(len(sign) == 3 for sign in (signs.gradient, signs.update_ratio, signs.dead))


def test_vital_signs_of_weights_that_are_zero():
    signs = vital_signs(mlp([2, 8, 2], c=0.0), *moons(), lr=0.1)
    assert (signs.update_ratio == 0).all() and (signs.dead == 1).all()
    assert signs.loss == pytest.approx(np.log(2))


# theory


@pytest.mark.parametrize("c", [1.0, 2.0, 3.0])
def test_norms_follow_the_theory_in_wide_networks(c):
    widths = [300, 1000, 500, 1500, 1000]
    x = rng(1).standard_normal((100, 300))
    x *= 5 / np.linalg.norm(x, axis=1, keepdims=True)
    draws = []
    for seed in range(2):
        draw = rng(seed + 2)
        weights = [np.sqrt(c / n) * draw.standard_normal((n, k)) for n, k in pairwise(widths)]
        draws.append(activation_norms(x, weights, lambda z: np.maximum(z, 0)))
    theory = expected_norms(5.0, widths, c)
    assert theory.shape == draws[0].shape == (5,)
    assert np.mean(draws, axis=0) == pytest.approx(theory, rel=0.05)


def test_expected_norms_by_hand():
    assert expected_norms(3.0, [4, 4, 4], 2.0) == pytest.approx([3, 3, 3])
    assert expected_norms(3.0, [4, 4, 4], 8.0) == pytest.approx([3, 6, 12])
    assert expected_norms(1.0, [4, 16, 1], 2.0) == pytest.approx([1, 2, 0.5])


def test_activation_norms_by_hand():
    x = np.array([[3.0, 4.0], [0.0, -1.0]])
    weights = [np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]]), np.full((3, 1), 2.0)]
    norms = activation_norms(x, weights, lambda z: np.maximum(z, 0))
    assert norms == pytest.approx([(5 + 1) / 2, (5 + 0) / 2, 14 / 2])
    assert activation_norms(x, [], np.tanh) == pytest.approx([3])
    with pytest.raises(TypeError, match="x must be a NumPy array"):
        activation_norms([[1.0]], weights, np.tanh)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("c", [1.0, 3.0])
def test_scales_before_training_follow_the_theory(activation, c):
    depth, width = 5, 800
    x, labels = rng().standard_normal((60, 400)), rng(1).integers(10, size=60)
    standard = standard_weights(400, width, depth, rng(2))
    measured = scales(x, labels, standard, c, depth, width, activation, layer=3)
    assert measured.forward == pytest.approx(measured.forward_theory, rel=0.1)
    assert measured.backward == pytest.approx(measured.backward_theory, rel=0.1)
    assert measured.standardized.std() == pytest.approx(1, rel=0.1)
    if activation == "relu":
        lecture = expected_norms(measured.forward[0], [400] + depth * [width], c)
        assert measured.forward_theory == pytest.approx(lecture)


def test_scales_are_those_of_a_network_with_the_same_weights():
    x, labels = rng().standard_normal((20, 30)), rng(1).integers(10, size=20)
    hidden, output = standard_weights(30, 8, 2, rng(2))
    measured = scales(x, labels, (hidden, output), 3.0, depth=2, width=8)
    network = mlp([30, 8, 8, 10], dtype=np.float64)
    for i, G in enumerate([*hidden, output]):
        network.layers[2 * i].params["W"] = np.sqrt(3.0 / len(G)) * G
    _, grad = softmax_cross_entropy(network.forward(x), labels)
    lengths = np.linalg.norm(network.backward(grad), axis=1)
    assert measured.backward[0] == pytest.approx(lengths.mean())
    before = network.layers[0].saved @ network.layers[0].params["W"]
    assert measured.forward[1] == pytest.approx(np.linalg.norm(relu(before), axis=1).mean())


def test_scales_move_with_c_and_are_not_drawn_anew():
    x, labels = rng().standard_normal((20, 30)), rng(1).integers(10, size=20)
    standard = standard_weights(30, 50, 6, rng(2))
    one, two = (scales(x, labels, standard, c, depth=4, width=20) for c in (1.0, 2.0))
    assert two.forward == pytest.approx(one.forward * 2 ** (np.arange(5) / 2))
    assert len(one.forward) == len(one.backward) == 5
    with pytest.raises(ValueError, match="activation must be one of"):
        scales(x, labels, standard, 1.0, 4, 20, "sigmoid")
