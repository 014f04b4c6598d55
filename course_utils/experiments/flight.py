"""One training that is steered while it runs, watched step by step."""

import time
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from course_utils.checks import check_choice, check_count, check_number
from course_utils.data import minibatches
from course_utils.experiments.comparison import adam, side
from course_utils.experiments.steering import STEERABLE, SteeredDropout, steer
from course_utils.experiments.training import Evaluation, History, evaluate, training_steps
from course_utils.experiments.vitals import VitalSigns, signs_of_step, vital_signs
from course_utils.nn import SGD, softmax_cross_entropy

OPTIMIZERS = {"SGD": SGD, "Adam": adam}
SLICE = np.inf, 0.08  # steps, seconds
SOME_P = 0.5  # makes dropout layers, whose p is then set


@dataclass
class Flight:
    """A run that may be steered.

    Attributes
    ----------
    settings : dict
        What stays: `depth`, `width`, `c` and the other arguments of `fly` by name.
    steered : dict of str to dict
        By the name of what can be steered, its values by the number of steps done when it was set.
    history : History
    errors : list of float
        Share of wrong answers in the minibatch at every step, before its update.
    signs : VitalSigns or None
        Of the last step that was measured.
    """

    settings: dict
    steered: dict = field(default_factory=dict)
    history: History = field(default_factory=History)
    errors: list = field(default_factory=list)
    signs: VitalSigns | None = None

    @property
    def steps(self):
        """Steps done; the one whose loss is not finite counts."""
        return len(self.history.losses)

    @property
    def is_over(self):
        """Whether there is no further step: all done, or the loss is not finite."""
        return self.history.diverged or self.steps >= self.settings["steps"]

    def code(self):
        """The run as five lines of Python, from the imports to its history."""
        return five_lines(self)


def fly(
    train,
    test,
    lr,
    momentum=0.0,
    p=0.0,
    weight_decay=0.0,
    *,
    c=2.0,
    depth=10,
    width=100,
    norm=None,
    norm_position="before",
    skip=False,
    optimizer="SGD",
    seed=0,
    steps=2000,
    batch_size=100,
    evaluate_every=200,
    until=lambda: SLICE,
):
    """Train a network, and yield after every slice of the training: for the flight deck.

    The first four settings can be steered: a function without arguments is asked before every
    step. All numbers are rounded to three digits, so that they can be written down.

    Parameters
    ----------
    train, test : (ndarray, ndarray)
    lr, momentum, p, weight_decay : float, or callable
        Adam takes the momentum as the first of its betas.
    c : float
    depth, width : int
        Hidden layers, and units in each.
    norm, norm_position
        As for `mlp`.
    skip : bool
        Whether there are skip connections; around nothing in a network of one hidden layer.
    optimizer : {"SGD", "Adam"}, or callable
        ``optimizer(network, lr, momentum, weight_decay)``.
    seed, steps, batch_size, evaluate_every : int
    until : callable
        Asked for each slice: ``(steps, seconds)`` after one of which it ends. A finite number of
        steps is followed by a look at the test set; no step at all is that look alone.

    Yields
    ------
    dict
        The `Flight` so far, always the same one, whose vital signs are those of the last step
        taken: measured in that very step, and not on a copy of the network.

    Raises
    ------
    TypeError, ValueError
        With the first slice, for what none of these can be; with a later one, for what is steered
        out of its range.
    """
    counts = {"depth": depth, "width": width, "steps": steps, "evaluate_every": evaluate_every}
    for name, number in counts.items():
        check_count(name, number)
    check_choice("norm_position", norm_position, ("before", "after"))
    check_choice("skip", skip, (False, True))
    if not callable(optimizer):
        check_choice("optimizer", optimizer, OPTIMIZERS)
    fixed = {
        "c": written("c", c), "depth": depth, "width": width, "norm": norm,
        "norm_position": norm_position, "skip": skip, "optimizer": optimizer, "seed": seed,
        "steps": steps, "batch_size": batch_size, "inputs": train[0].shape[1],
        "tests": len(test[1]),
    }  # fmt: skip
    sources = dict(zip(STEERABLE, (lr, momentum, weight_decay, p), strict=True))
    flight = Flight(fixed, {name: {} for name in sources})
    history, stands = flight.history, {}

    def loss(logits, labels):
        wrong = np.count_nonzero(logits.argmax(axis=1) != labels)
        flight.errors.append(wrong / len(labels))
        return softmax_cross_entropy(logits, labels)

    def moved():
        """What stands elsewhere than before, by name, which is written down."""
        for name, source in sources.items():
            value = written(name, source() if callable(source) else source)
            if stands.get(name) != value:
                stands[name] = flight.steered[name][flight.steps] = value
                yield name, value

    def look():
        """At the test set, once for each number of steps."""
        if flight.steps not in history.evaluations:
            found = Evaluation(np.nan, np.nan) if history.diverged else evaluate(network, *test)
            history.evaluations[flight.steps] = found

    def step(batch, measured):
        """One step, by what stands now."""
        for name, value in moved():
            steer(network, pilot, name, value)
        if measured:
            flight.signs = signs_of_step(network, pilot, *batch, loss)
            value = flight.signs.loss
        else:
            (value,) = training_steps(network, pilot, [batch], loss)
        if len(flight.errors) == flight.steps:  # a layer has refused the batch
            flight.errors.append(np.nan)
        history.losses.append(value)
        if not np.isfinite(value):
            history.diverged_at, flight.errors[-1] = flight.steps - 1, np.nan
            if not measured:
                flight.signs = vital_signs(network, pilot, *batch)
        if flight.is_over or flight.steps % evaluate_every == 0:
            look()

    start = dict(moved())
    options = network_of(flight, p=SOME_P) | optimizer_of(flight, start)
    network, pilot = side(**options, dropout=SteeredDropout)(np.random.default_rng([seed, 0]))
    steer(network, pilot, "p", start["p"])
    network.train()
    look()
    batches = minibatches(*train, batch_size, np.random.default_rng([seed, 1]), epochs=None)
    while not flight.is_over:
        count, seconds = until()
        end, deadline = min(flight.steps + count, steps), time.perf_counter() + seconds
        for batch in islice(batches, count if np.isfinite(count) else None):
            last = flight.steps + 1 >= end or time.perf_counter() >= deadline
            step(batch, measured=last)
            if last or flight.is_over:
                break
        if np.isfinite(count):
            look()
        yield {"flight": flight}


def written(name, number):
    """A number from zero on as it stands in a table, with three digits; refused by its name."""
    check_number(name, number)
    return float(f"{number:.3g}")


def network_of(flight, p):
    """The arguments of `side` that make the network."""
    s = flight.settings
    options = {"c": s["c"]}
    if s["norm"] is not None:
        options |= {"norm": s["norm"], "norm_position": s["norm_position"]}
    if s["skip"] and s["depth"] > 1:
        options["residual"] = True
    if p:
        options["p"] = p
    return {"widths": [s["inputs"], *[s["width"]] * s["depth"], 10], **options}


def optimizer_of(flight, values):
    """The arguments of `side` that make the optimizer."""
    make = flight.settings["optimizer"]
    make = OPTIMIZERS[make] if isinstance(make, str) else make
    names = ("lr", "momentum", "weight_decay")
    return {name: values[name] for name in names} | ({} if make is SGD else {"optimizer": make})


def five_lines(flight):
    """A flight as code that repeats it: the same losses at every step.

    What was steered on the way is a schedule, and so the last line but one may become long.
    """
    s = flight.settings
    changed = {name: values for name, values in flight.steered.items() if len(values) > 1}
    start = {name: values.get(0, 0.0) for name, values in flight.steered.items()}
    network = network_of(flight, p=SOME_P if "p" in changed else start["p"])
    widths = f"[{s['inputs']}, *[{s['width']}] * {s['depth']}, 10]"
    options = optimizer_of(flight, start) | {k: v for k, v in network.items() if k != "widths"}
    said = ", ".join(f"{name}={in_code(value)}" for name, value in options.items())
    make, names = f"side({widths}, {said})", ["run_side", "side"]
    if changed:
        schedules = ", ".join(f"{name}={values}" for name, values in changed.items())
        make = f"scheduled({make}, {schedules})"
    own = ["adam"] if options.get("optimizer") is adam else []
    sizes = f"seed={s['seed']}, steps={flight.steps}, batch_size={s['batch_size']}"
    digits = f"digits(test={s['tests']})"
    head = [
        "from course_utils.data import digits",
        f"from course_utils.experiments.comparison import {', '.join([*own, *names])}",
    ]
    if changed:
        return "\n".join([
            *head,
            "from course_utils.experiments.steering import scheduled",
            f"make = {make}",
            f"network, history = run_side(make, *{digits}, {sizes})",
        ])  # fmt: skip
    return "\n".join([
        *head,
        f"train, test = {digits}",
        f"make = {make}",
        f"network, history = run_side(make, train, test, {sizes})",
    ])  # fmt: skip


def in_code(value):
    """A value as code; what can be called, by its name."""
    return value.__name__ if callable(value) else repr(value)
