"""Trainings that are steered while they run, and the deck that steers them, without a browser."""

import asyncio
import gc
import threading
from functools import partial
from itertools import islice
from types import SimpleNamespace

import ipywidgets as widgets
import numpy as np
import pytest
from helpers import clusters, inside, rng, until
from ipywidgets.widgets.widget import _instances as open_widgets

from course_utils.data import digits, minibatches
from course_utils.experiments import training_steps, vital_signs
from course_utils.experiments.comparison import adam, run_side, side
from course_utils.experiments.flight import Flight, fly
from course_utils.experiments.steering import scheduled, steer
from course_utils.experiments.training import History
from course_utils.lab import flight_controls, flight_deck, panel, slider, steered
from course_utils.lab.flight.logbook import Entry, as_table, course
from course_utils.lab.pictures import FlightInstruments
from course_utils.nn import SGD, Dropout, mlp

pytestmark = pytest.mark.filterwarnings("error")

TRAIN, TEST = clusters(600), clusters(100, seed=1)
SMALL = {"depth": 2, "width": 8, "batch_size": 20}
SIZES = {"seed": 0, "batch_size": 20}
ALL = {"until": lambda: (np.inf, np.inf)}


def flown(steps=60, until=ALL["until"], **options):
    """A flight as it is at its end."""
    *_, last = fly(TRAIN, TEST, **{"lr": 0.1} | SMALL | options, steps=steps, until=until)
    return last["flight"]


# The training


@pytest.mark.parametrize("until", [(np.inf, np.inf), (1, np.inf), (7, np.inf), (np.inf, 0.0)])
def test_a_flight_is_the_same_training_however_it_is_watched(until):
    flight = flown(until=lambda: until, momentum=0.9, weight_decay=0.01, p=0.2, norm="batch")
    make = side([6, 8, 8, 10], 0.1, 0.9, 0.01, c=2.0, p=0.2, norm="batch")
    _, history = run_side(make, TRAIN, TEST, **SIZES, steps=60)
    assert flight.history.losses == history.losses
    assert flight.history.final == history.final
    assert flight.steps == len(flight.errors) == 60 and flight.is_over


def test_a_slice_ends_after_its_steps_or_its_seconds():
    until = [3, np.inf]
    flight = fly(TRAIN, TEST, 0.1, **SMALL, steps=10, evaluate_every=5, until=lambda: until)
    seen = []
    for until[:] in [(3, np.inf), (0, np.inf), (np.inf, 0.0), (2, np.inf), (np.inf, np.inf)]:
        now = next(flight)["flight"]
        seen.append((now.steps, sorted(now.history.evaluations)))
    assert seen == [(3, [0, 3]), (3, [0, 3]), (4, [0, 3]), (6, [0, 3, 5, 6]),
                    (10, [0, 3, 5, 6, 10])]  # fmt: skip
    assert next(flight, None) is None


def test_its_vital_signs_are_those_of_the_step_that_it_takes():
    flight = next(fly(TRAIN, TEST, 0.1, 0.9, **SMALL, until=lambda: (5, np.inf)))["flight"]
    network, optimizer = side([6, 8, 8, 10], 0.1, 0.9)(np.random.default_rng([0, 0]))
    batches = list(islice(minibatches(*TRAIN, 20, np.random.default_rng([0, 1])), 5))
    for _ in training_steps(network, optimizer, batches[:4]):
        pass
    expected = vital_signs(network, optimizer, *batches[4])
    for sign in ("activation", "gradient", "update_ratio"):
        assert getattr(flight.signs, sign) == pytest.approx(getattr(expected, sign))
    assert flight.errors[4] == np.mean(network.forward(batches[4][0]).argmax(1) != batches[4][1])


def at(steps, before, after, read):
    """A function that gives another value from so many calls on."""

    def value():
        read.append(None)
        return before if len(read) <= steps + 1 else after  # it is read once before the first step

    return value


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize(
    ("name", "before", "after"),
    [("lr", 0.01, 0.03), ("momentum", 0.0, 0.9), ("p", 0.0, 0.5), ("weight_decay", 0.0, 0.1)],
)
def test_a_steered_value_holds_from_the_next_step_on(name, before, after, optimizer):
    constant, values = {"lr": 0.01, "optimizer": optimizer}, at(20, before, after, [])
    flight = flown(**constant | {name: values})
    assert flight.steered[name] == {0: before, 20: after}
    assert all(len(each) == 1 for other, each in flight.steered.items() if other != name)
    losses = flight.history.losses
    still = flown(**constant | {name: before}).history.losses
    assert losses[:20] == still[:20] and losses[22:] != still[22:]
    make = {"SGD": SGD, "Adam": adam}[optimizer]
    start = {"lr": 0.01, "optimizer": make} | {name: before} | ({"p": 0.5} if name == "p" else {})
    again = scheduled(side([6, 8, 8, 10], **start), **{name: flight.steered[name]})
    assert run_side(again, TRAIN, None, **SIZES, steps=60)[1].losses == losses


def test_what_can_be_steered():
    network = mlp([2, 3, 2], p=0.1, rng=rng())
    optimizer = adam(network, 0.1, 0.8)
    for name in ("lr", "momentum", "weight_decay", "p"):
        steer(network, optimizer, name, 0.25)
    assert (optimizer.lr, optimizer.betas, optimizer.weight_decay) == (0.25, (0.25, 0.999), 0.25)
    assert [layer.p for layer in network if isinstance(layer, Dropout)] == [0.25]
    with pytest.raises(ValueError, match="name must be one of 'lr', .*, got 'c'"):
        steer(network, optimizer, "c", 1.0)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"optimizer": "sgd"}, ValueError, "optimizer must be one of 'SGD', 'Adam', got 'sgd'"),
        ({"norm_position": "in"}, ValueError, "norm_position must be one of .* got 'in'"),
        ({"skip": 3}, ValueError, "skip must be one of False, True, got 3"),
        ({"evaluate_every": 0}, ValueError, "evaluate_every must be at least 1, got 0"),
        ({"depth": 0}, ValueError, "depth must be at least 1, got 0"),
        ({"c": "2"}, TypeError, "c must be a number, got '2'"),
        ({"lr": None}, TypeError, "lr must be a number, got None"),
        ({"lr": lambda: -0.1}, ValueError, "lr must lie in .* got -0.1"),
        ({"p": lambda: 1.0}, ValueError, r"p must lie in \[0, 1\), got 1.0"),
    ],
)
def test_what_no_flight_can_have_is_refused_by_name(options, error, message):
    with pytest.raises(error, match=message):
        flown(**options)


def test_what_no_schedule_can_do_is_refused():
    plain = side([6, 8, 10], 0.1)
    with pytest.raises(ValueError, match="schedule must be one of 'lr', .* got 'rate'"):
        scheduled(plain, rate={2: 0.5})
    with pytest.raises(TypeError, match="lr must be a dict of values by step, got 0.5"):
        scheduled(plain, lr=0.5)
    with pytest.raises(ValueError, match="each step of lr must be at least 0, got -2"):
        scheduled(plain, lr={-2: 0.5})
    with pytest.raises(ValueError, match="p must have a dropout layer to be steered, got Seq"):
        scheduled(plain, p={0: 0.5})(rng())


@pytest.mark.parametrize("norm", [None, "batch"])
@pytest.mark.parametrize("until", [(np.inf, np.inf), (1, np.inf)])
def test_a_flight_that_blows_up_says_when_and_harms_no_other(norm, until):
    before = flown().history
    lr = {None: 1e6, "batch": 1e30}[norm]  # batch normalization refuses the batch
    flight = flown(lr=lr, c=4.0, norm=norm, until=lambda: until)
    history = flight.history
    assert history.diverged_at == flight.steps - 1 < 59 and flight.is_over
    assert not np.isfinite(history.losses[-1]) and np.isnan(flight.errors[-1])
    assert np.isnan(history.final.error)
    assert not np.isfinite(flight.signs.activation[-1])
    assert len(flight.errors) == flight.steps
    assert flown().history == before


CODED = {
    "plain": {},
    "all else": {"optimizer": "Adam", "norm": "batch", "norm_position": "after", "skip": True,
                 "momentum": 0.8, "weight_decay": 1e-3, "p": 0.1, "lr": 0.003, "c": 1.3, "seed": 4},
    "steered": {"lr": at(4, 0.1, 0.03, []), "p": at(7, 0.0, 0.2, []), "skip": True},
    "steered Adam": {"optimizer": "Adam", "momentum": at(4, 0.9, 0.5, []), "lr": 0.01},
    "one layer": {"depth": 1, "skip": True},
    "not a number": {"c": 4.0, "lr": 1e5},
}  # fmt: skip


@pytest.mark.parametrize("options", CODED.values(), ids=CODED)
def test_five_lines_repeat_a_flight(options):
    small = {"lr": 0.1, "depth": 3, "width": 20}
    *_, last = fly(*digits(test=100), **small | options, steps=12, **ALL)
    flight, names = last["flight"], {}
    code = flight.code()
    assert len(code.splitlines()) == 5
    exec(code, names)
    assert np.array_equal(names["history"].losses, flight.history.losses, equal_nan=True)
    if not flight.history.diverged:
        assert names["history"].final == flight.history.final


# The deck


def controls(**options):
    """Few enough to be made often."""
    return flight_controls(**{"depth": 2, "width": 20, "most": 4, "lr": 0.1} | options)


@pytest.fixture
def make_deck():
    """`flight_deck` of a small training, with all that it makes closed at the end; no thread is
    left."""
    threads, before, made = set(threading.enumerate()), set(open_widgets), []

    def make(steps=10**6, first=10, **options):
        train = partial(fly, TRAIN, TEST, steps=steps, batch_size=20)
        made.append(flight_deck(train, FlightInstruments(1000), first=first, **controls(**options)))
        return made[-1]

    yield make
    for deck in made:
        deck.close()
    left = [type(w).__name__ for key, w in open_widgets.items() if key not in before]
    assert left == []
    assert set(threading.enumerate()) == threads


def press(deck, words):
    (button,) = (w for w in inside(deck) if getattr(w, "description", "") == words)
    button.click()


def steps(deck):
    return deck.runs[-1].flight.steps if deck.runs[-1].flight else 0


def spoken(deck):
    return deck._reading.value


def is_at_rest(deck):
    return deck._stop.disabled


def test_a_deck_begins_with_a_run_that_has_trained_a_little(make_deck):
    deck = make_deck(first=30)
    assert steps(deck) == 30 and deck.reading.startswith("Run 1, step 30: training loss")
    assert deck.values["depth"] == 2 and deck.values["lr"]() == pytest.approx(0.1)
    data, _ = deck._repr_mimebundle_()
    assert data["text/plain"].startswith("<flight deck: c, depth, ") and "image/png" in data
    assert is_at_rest(deck)


def test_train_pause_and_step(make_deck):
    async def play():
        deck = make_deck()
        press(deck, "Train")
        press(deck, "Train")  # twice does no harm
        await until(lambda: steps(deck) > 100)
        assert not is_at_rest(deck) and len(deck.runs) == 1
        press(deck, "Pause")
        reached = steps(deck)
        await until(lambda: is_at_rest(deck))
        await asyncio.sleep(0.1)
        assert steps(deck) == reached
        assert reached in deck.runs[0].flight.history.evaluations
        assert len(asyncio.all_tasks()) == 1
        press(deck, "Step")
        assert steps(deck) == reached + 1 and f"step {reached + 1}" in spoken(deck)
        press(deck, "Train")
        await until(lambda: steps(deck) > reached + 1)
        press(deck, "Step")  # pauses too
        await until(lambda: is_at_rest(deck))
        reached = steps(deck)
        await asyncio.sleep(0.1)
        assert steps(deck) == reached and len(deck.runs) == 1

    asyncio.run(play())


def test_a_steered_value_is_taken_up_by_the_next_slice(make_deck):
    async def play():
        deck = make_deck()
        press(deck, "Train")
        await until(lambda: steps(deck) > 50)
        moved = steps(deck)
        deck.controls["lr"].value = 0.01
        frames = []
        deck._image.observe(frames.append, "value")
        await until(lambda: len(frames) == 2)
        (_, set_at) = deck.runs[0].flight.steered["lr"]
        assert set_at == moved and deck.runs[0].last("lr") == "0.01"
        press(deck, "Pause")
        await until(lambda: is_at_rest(deck))
        assert f"<mark>0.1 → 0.01 at step {moved}</mark>" in deck._table.value
        deck.controls["lr"].value = 0.001
        assert "From the next step on: lr 0.001." in spoken(deck)
        press(deck, "Step")
        assert "next" not in spoken(deck) and deck.runs[0].last("lr") == "0.001"

    asyncio.run(play())


def test_a_setting_of_the_next_run_ends_nothing_and_is_said(make_deck):
    async def play():
        deck = make_deck()
        press(deck, "Train")
        await until(lambda: steps(deck) > 20)
        deck.controls["depth"].value = 3
        deck.controls["norm"].value = "batch"
        reached = steps(deck)
        assert "For the next run: depth 3, normalization batch. New run begins it." in spoken(deck)
        await until(lambda: steps(deck) > reached)
        assert len(deck.runs) == 1
        press(deck, "New run")
        await until(lambda: len(deck.runs) == 2 and steps(deck) > 0)
        assert "next run" not in spoken(deck) and deck.reading.startswith("Run 2")
        assert deck.runs[1].flight.settings["depth"] == 3
        ended = deck.runs[0].flight.steps
        press(deck, "Pause")
        await until(lambda: is_at_rest(deck))
        assert deck.runs[0].flight.steps == ended
        deck.controls["depth"].value = 2
        assert "depth 2" in spoken(deck)
        deck.controls["depth"].value = 3
        assert "next run" not in spoken(deck)

    asyncio.run(play())


def test_reset_puts_all_back_and_keeps_the_log(make_deck):
    async def play():
        deck = make_deck()
        start, reading, first = deck.values["depth"], spoken(deck), deck.picture.png()
        press(deck, "Train")
        await until(lambda: steps(deck) > 50)
        deck.controls["depth"].value, deck.controls["lr"].value = 3, 0.01
        for _ in range(2):
            press(deck, "Reset")
            await until(lambda: is_at_rest(deck))
            assert deck.values["depth"] == start and deck.values["lr"]() == pytest.approx(0.1)
            assert (spoken(deck), deck.picture.png()) == (reading, first)
            await asyncio.sleep(0.1)
            assert len(asyncio.all_tasks()) == 1 and len(deck.runs) == 1
        assert steps(deck) > 50  # in the log
        press(deck, "Train")
        await until(lambda: len(deck.runs) == 2 and steps(deck) > 0)
        assert deck.reading.startswith("Run 2")

    asyncio.run(play())


def test_not_a_number_is_said_and_the_next_run_is_unharmed(make_deck):
    async def play():
        deck = make_deck(steps=40, first=40)
        deck.controls["c"].value, deck.controls["lr"].value = 4.0, 1.0
        deck.controls["depth"].value, deck.controls["width"].value = 4, 200
        press(deck, "Train")  # the first is over: another one
        await until(lambda: len(deck.runs) == 2 and is_at_rest(deck))
        broken = deck.runs[1].flight
        said = f"Run 2: the loss is not a number after {broken.steps - 1} updates"
        assert said in spoken(deck) and not np.isfinite(broken.signs.activation[-1])
        assert f"<td>NaN at step {broken.steps - 1}</td>" in deck._table.value
        press(deck, "Reset")
        press(deck, "Step")
        press(deck, "Train")
        await until(lambda: is_at_rest(deck) and steps(deck) == 40)
        assert deck.runs[2].flight.history.losses == deck.runs[0].flight.history.losses

    asyncio.run(play())


def test_without_a_loop_a_run_goes_to_its_end(make_deck):
    deck = make_deck(steps=30)
    press(deck, "Train")
    assert steps(deck) == 30 and is_at_rest(deck)
    press(deck, "New run")
    assert [each.flight.steps for each in deck.runs] == [30, 30]


def test_a_run_is_chosen_to_be_copied_as_code(make_deck):
    deck = make_deck(steps=30)
    press(deck, "New run")
    assert (deck._which.value, deck._code.value) == (2, deck.runs[1].flight.code())
    deck._which.value = 1
    assert deck._code.value == deck.runs[0].flight.code() != deck.runs[1].flight.code()


@pytest.mark.parametrize("how", ["New run", "Reset"])
def test_a_run_that_is_left_while_it_trains_has_its_error_in_the_log(make_deck, how):
    async def play():
        deck = make_deck()
        press(deck, "Train")
        await until(lambda: steps(deck) > 20)
        left = deck.runs[0].flight
        press(deck, how)
        assert left.steps in left.history.evaluations

    asyncio.run(play())


def test_while_a_run_trains_no_other_s_code_stands_for_its_own(make_deck):
    async def play():
        deck = make_deck()
        press(deck, "New run")
        await until(lambda: deck._which.value == 2)
        assert deck._code.value == "# Run 2 trains. Its code comes when it pauses."
        deck._which.value = 1
        assert deck._code.value == deck.runs[0].flight.code()
        deck._which.value = 2
        press(deck, "Pause")
        await until(lambda: is_at_rest(deck))
        assert deck._code.value == deck.runs[1].flight.code()
        press(deck, "New run")
        press(deck, "Pause")  # before its first step
        await until(lambda: is_at_rest(deck) and deck._which.value == 3)
        assert deck._code.value == "# Run 3 has taken no step."

    asyncio.run(play())


def test_an_error_in_a_run_is_said_and_the_next_one_can_be_begun(make_deck):
    raised = []

    async def play():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: raised.append(context.get("exception")))
        deck = make_deck(steps=30)
        deck._results = (1 / 0 for _ in "once")
        press(deck, "Train")
        await until(lambda: "ZeroDivisionError" in spoken(deck))
        await until(lambda: is_at_rest(deck))
        assert deck._code.value == deck.runs[0].flight.code()
        press(deck, "Train")
        await until(lambda: len(deck.runs) == 2 and steps(deck) == 30)
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(play())
    assert [type(error) for error in raised] == [ZeroDivisionError]


@pytest.mark.parametrize("how", ["close", "the cell again"])
def test_nothing_is_left_of_a_deck(make_deck, how, monkeypatch):
    shell = SimpleNamespace(execution_count=1)
    shell.get_parent = lambda: {"metadata": {"cellId": "cell"}}
    monkeypatch.setattr(panel, "get_ipython", lambda: shell)
    monkeypatch.setattr(panel, "_shown", {})

    async def play():
        deck = make_deck()
        press(deck, "Train")
        await until(lambda: steps(deck) > 20)
        entry = deck.runs[-1]
        shell.execution_count = 2
        again = make_deck() if how == "the cell again" else deck.close()
        reached = entry.flight.steps
        await asyncio.sleep(0.2)
        assert entry.flight.steps == reached and deck.comm is None and deck.runs == []
        assert len(asyncio.all_tasks()) == 1
        if again:
            press(again, "Train")
            await until(lambda: steps(again) > 20)
            press(again, "Pause")
            await until(lambda: is_at_rest(again))

    asyncio.run(play())


def test_an_interrupt_of_the_first_run_leaves_nothing():
    before = set(open_widgets)

    def interrupted(**_):
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        flight_deck(interrupted, FlightInstruments, lr=steered(slider(0.0, 1.0, 0.1)))
    assert set(open_widgets) == before


# The log


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({0: 0.1}, "0.1"),
        ({0: 0.1, 240: 0.03}, "0.1 → 0.03 at step 240"),
        ({0: 0.1, 7: 0.2, 9: 0.25}, "0.1 → 0.25 in 2 moves, steps 7 to 9"),
    ],
)
def test_a_course_in_words(values, said):
    assert course(values) == said


def test_the_log_is_a_table_with_headings():
    flight = Flight({}, {"lr": {0: 0.1}}, History([2.0, np.nan], diverged_at=1))
    log = [Entry(1, {"c": "2", "lr": "0.1"}, flight), Entry(2, {"c": "<3>", "lr": "0.2"})]
    table = as_table(log, {"c": "c", "lr": "lr"})
    assert table.count("<th scope='col'>") == 5 and table.count("<th scope='row'>") == 1
    assert "<td>2</td><td>0.1</td><td>2</td><td>NaN at step 1</td>" in table
    assert isinstance(widgets.HTML(table).value, str)
