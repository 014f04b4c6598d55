"""What a chart says in numbers, and the signs that can be read off them."""

import numpy as np

MARGIN = 1.25  # a sign is off if it is this many times too large or too small
HEALED, ILL = 1.4, 1.5  # test loss over the healthy twin's: at most; more than


def per_layer(lengths):
    """The factor by which lengths grow from one hidden layer to the next: the geometric mean."""
    return (lengths[-1] / lengths[0]) ** (1 / (len(lengths) - 1))


def findings(chart, twin, per_layer=per_layer):
    """A patient's numbers over those of the healthy twin: 1 is healthy, NaN or infinite is not.

    Parameters
    ----------
    chart, twin : Chart
        Of whole trainings.
    per_layer : callable
        A student's own.

    Returns
    -------
    dict of str to float
        Before the first step: ``signal``, the factor a layer of the activations; ``input``, the
        first activation; ``back``, the first matrix's gradient over the last one's; ``step``, the
        median of update / weight. At the end: ``faded``, the first activation over what it was
        before the first step; ``loss``, the mean of the last 50 training losses; ``train loss``
        and ``test loss``, in evaluation mode. Not over the twin's are ``again`` and ``company``.
    """
    own, normal = (measured(each, per_layer) for each in (chart, twin))
    with np.errstate(invalid="ignore"):
        compared = {name: float(own[name] / normal[name]) for name in own}
    return compared | {"again": float(chart.again), "company": float(chart.company)}


def measured(chart, per_layer):
    """The numbers of `findings`, of one chart alone."""
    first, last = chart.signs[0], chart.signs[chart.steps]
    with np.errstate(invalid="ignore", over="ignore"):
        return {
            "signal": per_layer(first.activation[:-1]),
            "input": first.activation[0],
            "back": first.gradient[0] / first.gradient[-1],
            "step": np.median(first.update_ratio),
            "faded": last.activation[0] / first.activation[0],
            "loss": np.mean(chart.losses[-50:]),
            "train loss": chart.train[chart.steps].loss,
            "test loss": chart.test[chart.steps].loss,
        }


def near(number):
    """Whether a number is as in the twin, by the margin; NaN is not."""
    return 1 / MARGIN < number < MARGIN


def over_twin(chart, twin):
    """The test loss over the healthy twin's; infinite where it is not a number."""
    ratio = chart.test[chart.steps].loss / twin.test[twin.steps].loss
    return float(ratio) if np.isfinite(ratio) else np.inf


def triage(f):
    """Where a patient's illness first shows, by the findings; "nowhere" if they are all near 1."""
    if not all(near(f[name]) for name in ("signal", "input", "back", "step")):
        return "before the first step"
    if not near(f["loss"]):
        return "while it trains"
    return "nowhere" if near(f["test loss"]) else "at the test"


# By its words: whether the findings show it
SIGNS = {
    "activations grow from layer to layer": lambda f: f["signal"] > MARGIN,
    "activations fall from layer to layer": lambda f: f["signal"] < 1 / MARGIN,
    "activations hold from layer to layer": lambda f: near(f["signal"]),
    "activations are far too long from the first layer on": lambda f: (
        f["input"] > 10 and near(f["signal"])
    ),
    "the first activations are as they should be": lambda f: near(f["input"]),
    "the gradient grows on its way back": lambda f: f["back"] > MARGIN,
    "the gradient comes back as it should": lambda f: near(f["back"]),
    "the first step is ten times too long": lambda f: 9 < f["step"] < 11,
    "the first step is ten times too short": lambda f: 1 / 11 < f["step"] < 1 / 9,
    "the first step does not move a weight": lambda f: f["step"] == 0,
    "the first step is as it should be": lambda f: near(f["step"]),
    "the first activations fade while it trains": lambda f: f["faded"] < 0.1,
    "the first activations do not fade while it trains": lambda f: f["faded"] > 0.3,
    "the loss is soon not a number": lambda f: not np.isfinite(f["loss"]),
    "the training loss stays above its twin's": lambda f: f["loss"] > 2,
    "it trains as its twin does": lambda f: near(f["loss"]),
    "it knows its own training digits at the test": lambda f: f["train loss"] < HEALED,
    "it misreads its own training digits at the test": lambda f: f["train loss"] > ILL,
    "asked again, it changes its answers": lambda f: f["again"] > 0.1,
    "asked again, it keeps to its answers": lambda f: f["again"] == 0,
    "in other company, it changes its answers": lambda f: f["company"] > 0.1,
    "in other company, it keeps to its answers": lambda f: f["company"] == 0,
}
