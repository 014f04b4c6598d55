"""Instruments: what the notebooks measure with. NumPy in, arrays out; no plotting, no widgets.

One word for one thing, here and in the lessons:

- *numbers* are measured, a dict of name to number; *pictures* are drawn from them, in the lab
- *digits* are a pair (images, labels); *train* are those to learn from, *test* those to measure on
- a *side* is one of those that are compared: ``side(rng) -> (network, optimizer)``
- a *run* is one training, kept as a `History`; *runs* are those of one seed, by side
- a *flight* is a run that may be steered while it trains
- a *seed* fixes all chance: [seed, 0] the network, [seed, 1] the order, [seed, 2] the digits
- a *comparison* holds the runs of every side over several seeds
- a *claim* is a statement with a margin that `holds` on one seed's numbers, or does not
- *norms* are mean lengths of rows, layer by layer, before training
- *vital signs* are what a network shows of itself on one batch while it trains
- a *fault* is a layer with one known mistake
"""

from course_utils.experiments.comparison import Comparison, compare
from course_utils.experiments.training import Evaluation, History, evaluate, fit, training_steps
from course_utils.experiments.vitals import VitalSigns, vital_signs

__all__ = [
    "Comparison",
    "Evaluation",
    "History",
    "VitalSigns",
    "compare",
    "evaluate",
    "fit",
    "training_steps",
    "vital_signs",
]
