"""Training, evaluation, and the mode that a network is left in."""

import numpy as np
import pytest
from helpers import Interrupting, Series, moons, rng, same, state

from course_utils.experiments import evaluate, fit, training_steps
from course_utils.experiments.statistics import batch_statistics, recalibrate
from course_utils.experiments.training import answers, layers_of, mode
from course_utils.nn import (
    SGD,
    BatchNorm,
    Dropout,
    Linear,
    ReLU,
    Sequential,
    Tanh,
    mlp,
    softmax_cross_entropy,
    squared_error,
)

pytestmark = pytest.mark.filterwarnings("error")


def train(seed=0, steps=40, lr=0.1, network=None, **options):
    """A short run on two moons; options go to fit."""
    network = network or mlp([2, 8, 2], rng=rng(seed))
    settings = {"steps": steps, "batch_size": 20, "rng": rng(seed + 1), **options}
    return network, fit(network, SGD(network, lr), *moons(), **settings)


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


def test_a_network_that_refuses_to_answer_is_evaluated_as_nan():
    network = mlp([2, 16, 2], norm="layer", rng=rng())
    network.params["0.W"][:, 0] = 1e30
    found = evaluate(network, *moons(50))
    assert np.isnan(found.loss) and np.isnan(found.error)


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
    _, history = train(
        steps=25,
        test=moons(50),
        evaluate_every=10,
        observe=lambda network, train: seen.append(len(train[1])),
    )
    assert list(history.evaluations) == list(history.observations) == [0, 10, 20, 25]
    assert seen == 4 * [200]  # the training data, each time
    assert history.final is history.evaluations[25]
    _, history = train(steps=20, test=moons(50), evaluate_every=10)
    assert list(history.evaluations) == [0, 10, 20]
    _, history = train(steps=20)
    assert history.evaluations == {} and history.final is None
    often = {"observe": lambda network, train: len(seen), "observe_every": 10}
    _, history = train(steps=25, test=moons(50), **often)
    assert list(history.observations) == [0, 10, 20, 25] and list(history.evaluations) == [25]


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
        ({"observe_every": 0}, ValueError, "observe_every"),
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


@pytest.mark.parametrize("kind", [Series, np.ndarray.tolist])
def test_labels_that_are_no_array_belong_to_the_same_images(kind):
    (points, labels), (test, truth) = moons(), moons(seed=1)
    options = {"steps": 30, "batch_size": 20}
    histories = []
    for convert in (np.asarray, kind):
        network = mlp([2, 8, 2], rng=rng())
        given = {"labels": convert(labels), "test": (test, convert(truth)), "rng": rng(1)}
        histories.append(fit(network, SGD(network, 0.1), points, **given, **options))
    assert histories[0] == histories[1]


def squares_of_one_hot(output, labels):
    return squared_error(output, np.eye(2, dtype=output.dtype)[labels])


def test_the_test_set_is_measured_by_the_loss_that_is_trained():
    points, labels = moons()
    one_hot = np.eye(2, dtype=np.float32)[labels]
    measured = []
    for loss, truth in ((squares_of_one_hot, labels), (squared_error, one_hot)):
        network = mlp([2, 8, 2], rng=rng())
        options = {"steps": 50, "batch_size": 20, "rng": rng(1), "loss": loss}
        history = fit(network, SGD(network, 0.1), points, truth, test=(points, truth), **options)
        value, _ = loss(network.forward(points), truth)
        assert history.final.loss == pytest.approx(value, rel=1e-5)
        measured.append(history.final)
    assert measured[0].error == measured[1].error == np.mean(answers(network, points) != labels)


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


def test_training_steps_takes_as_many_as_asked_for_and_no_further_batch():
    class Counting(SGD):
        taken = 0

        def step(self):
            self.taken += 1
            super().step()

    network, batches = mlp([2, 8, 2], rng=rng()), iter([moons(20)] * 9)
    optimizer = Counting(network, 0.1)
    assert len(list(training_steps(network, optimizer, batches, steps=5))) == 5
    assert optimizer.taken == 5 and len(list(batches)) == 4
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        list(training_steps(network, optimizer, batches, steps=0))


def test_training_steps_lets_other_errors_through():
    network = mlp([2, 8, 2], rng=rng())
    points, labels = moons(20)
    with pytest.raises(ValueError, match="labels"):
        list(training_steps(network, SGD(network, 0.1), [(points, labels + 2)]))


# The mode


def nested():
    inner = Sequential([BatchNorm(8), ReLU(), Dropout(0.5)])
    return Sequential([Linear(2, 8, rng=rng()), inner, Linear(8, 2, rng=rng())])


def modes(network):
    return [layer.training for layer in (network, *layers_of(network))]


def test_layers_inside_layers_are_found_in_their_places():
    found = [type(layer).__name__ for layer in layers_of(nested())]
    assert found == ["Linear", "BatchNorm", "ReLU", "Dropout", "Linear"]


@pytest.mark.parametrize("training", [True, False])
def test_a_mode_for_a_while_then_each_layer_s_own(training):
    network = nested().train()
    network.layers[1].layers[0].eval()  # a frozen BatchNorm
    before = modes(network)
    with pytest.raises(KeyboardInterrupt), mode(network, training=training):
        assert set(modes(network)) == {training}
        raise KeyboardInterrupt
    assert modes(network) == before and network.layers[1].training


def use_batch_statistics(network, x):
    with batch_statistics(network):
        network.forward(x)


@pytest.mark.parametrize("start", ["train", "eval"])
@pytest.mark.parametrize(
    "helper",
    [answers, recalibrate, use_batch_statistics, lambda net, x: evaluate(net, x, moons()[1])],
)
def test_no_helper_leaves_a_network_in_another_mode(helper, start):
    network = getattr(nested(), start)()
    before = modes(network)
    helper(network, moons()[0])
    assert modes(network) == before
