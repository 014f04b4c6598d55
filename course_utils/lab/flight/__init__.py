"""The flight deck: a network trains, is steered meanwhile, and is compared with earlier runs."""

from course_utils.lab.controls import choice, slider, steered, toggle
from course_utils.lab.flight.deck import FlightDeck
from course_utils.lab.panel import close_tree, replace_in_cell

__all__ = ["FlightDeck", "flight_controls", "flight_deck"]


def flight_deck(compute, picture, *, first=600, **controls):
    """Join controls, a training and its instruments into a flight deck.

    The first run is trained a little when the cell runs; from there on the buttons *Train*,
    *Pause*, *Step*, *New run* and *Reset* do what they say. All runs stay in a table, and each of
    them can be copied as five lines of code.

    Parameters
    ----------
    compute : callable
        ``compute(until=until, **controls)``, a generator of ``{"flight": ...}``. It gets the
        controls' values by name, of a `steered` one a function that reads it; before each slice it
        asks ``until()`` for the steps and seconds after one of which the slice ends. A flight has
        `steps`, `steered`, `history`, `is_over` and ``code()``: see `experiments.flight.fly`.
    picture : Picture, or type of Picture
    first : int
        Steps of the first run when the cell runs.
    **controls : widget
        As for `live`.

    Returns
    -------
    FlightDeck
        Shown when it is a cell's last line.

    Examples
    --------
    >>> from functools import partial
    >>> train, test = digits(test=1000)  # doctest: +SKIP
    >>> flight_deck(
    ...     partial(fly, train, test), FlightInstruments, **flight_controls(norm="batch")
    ... )  # doctest: +SKIP
    """
    picture = picture() if isinstance(picture, type) else picture
    try:
        deck = FlightDeck(compute, picture, controls, first)
    except BaseException:  # an interrupt too
        for control in controls.values():
            close_tree(control)
        raise
    replace_in_cell(deck)
    return deck


def flight_controls(
    *,
    c=2.0,
    depth=10,
    width=100,
    norm=None,
    norm_position="before",
    skip=False,
    optimizer="SGD",
    lr=0.05,
    momentum=0.9,
    p=0.0,
    weight_decay=0.0,
    most=20,
):
    """The controls of a flight deck with these defaults: settings, then what is steered.

    Parameters
    ----------
    c, depth, width, norm, norm_position, skip, optimizer, lr, momentum, p, weight_decay
        As for `experiments.flight.fly`.
    most : int
        The largest depth.

    Returns
    -------
    dict of str to widget
    """
    norms = {"none": None, "layer": "layer", "batch": "batch"}
    return {
        "c": slider(0.5, 4.0, c, label="c: initial variance times width"),
        "depth": slider(1, most, depth, label="depth: hidden layers"),
        "width": slider(20, 200, width, step=20, label="width: units in each"),
        "norm": choice(norms, norm, label="normalization"),
        "norm_position": choice(
            ["before", "after"], norm_position, label="place: before or after the ReLU"
        ),
        "skip": toggle(skip, label="skip: connections around each layer"),
        "optimizer": choice(["SGD", "Adam"], optimizer, label="optimizer"),
        "lr": steered(slider(1e-4, 1.0, lr, log=True, label="lr: learning rate")),
        "momentum": steered(slider(0.0, 0.99, momentum, label="momentum: β₁ in Adam")),
        "p": steered(slider(0.0, 0.8, p, label="p: dropout")),
        "weight_decay": steered(slider(0.0, 0.01, weight_decay, label="λ: weight decay")),
    }
