"""The patients: each is ill for one reason.

To add one, add a `Case` and run ``python tools/measure_clinic.py``. The tests find it, and say what
is amiss: whether it is ill, what heals it, and which sign of its letter it does not show.
"""

from dataclasses import dataclass

from course_utils.data import standardize
from course_utils.experiments import faults
from course_utils.lessons.the_clinic.recipes import HEALTHY, as_read, shuffled, to_255
from course_utils.nn import SGD, BatchNorm, Dropout, LayerNorm, ReLU

NAMES = {
    "BatchNorm": BatchNorm, "Dropout": Dropout, "LayerNorm": LayerNorm, "ReLU": ReLU, "SGD": SGD,
    "standardize": standardize,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A patient.

    Attributes
    ----------
    name, ward : str
        Patients of one ward have one complaint, and the remedies of all are on offer to each: so a
        remedy must heal nobody there whose remedy it is not.
    kind : str
        Of HEALTHY: the recipe of the healthy twin.
    fault : dict
        What is wrong with the recipe.
    diagnosis : str
    remedy : str
        Code, an expression with ``recipe`` in it.
    signs : tuple of str
        Of SIGNS; the letter names them, so every seed must show them.
    unlike : dict of str to str
        By the name of another patient who looks alike, the one of SIGNS that tells them apart: this
        patient shows it and the other does not.
    letter : str
        What else the discharge letter says.
    """

    name: str
    ward: str
    kind: str
    fault: dict
    diagnosis: str
    remedy: str
    signs: tuple
    unlike: dict
    letter: str

    @property
    def recipe(self):
        """The recipe, fault included."""
        return HEALTHY[self.kind] | self.fault


def prescription(code):
    """What an expression in ``recipe`` prescribes, as a function of the recipe."""
    return eval(f"lambda recipe: {code}", dict(NAMES))


WARDS = {  # by its letter: the complaint, and what is on offer besides the remedies
    "A": ("The loss leaps about, or is soon not a number.", ()),
    "B": ("The loss hardly comes down.", ()),
    "C": ("It trains well, and fails at the test.", ('recipe | {"lr": recipe["lr"] / 10}',)),
    "D": ("It does far worse than its twin, with the very same settings.", ()),
}

CASES = (
    Case(
        name="Ada",
        ward="A",
        kind="plain",
        fault={"c": 5},
        diagnosis="c too large",
        remedy='recipe | {"c": 2}',
        signs=("activations grow from layer to layer", "the loss is soon not a number"),
        unlike={"Boris": "activations grow from layer to layer"},
        letter="Every layer multiplies the length by the root of c / 2, here 1.6. A smaller step "
        "would have kept the numbers finite, and left the growth where it was.",
    ),
    Case(
        name="Boris",
        ward="A",
        kind="plain",
        fault={"pixels": to_255},
        diagnosis="pixels not standardized",
        remedy='recipe | {"pixels": standardize}',
        signs=(
            "activations are far too long from the first layer on",
            "activations hold from layer to layer",
            "the loss is soon not a number",
        ),
        unlike={
            "Ada": "activations hold from layer to layer",
            "Dov": "activations are far too long from the first layer on",
        },
        letter="The layers do their work; what came in was too loud. Gray values went in from 0 to "
        "255. Look at the first point of the first panel, and then at the slope.",
    ),
    Case(
        name="Cleo",
        ward="A",
        kind="plain",
        fault={"activation": faults.StraightThrough},
        diagnosis="a backward that drops a term",
        remedy='recipe | {"activation": ReLU}',
        signs=(
            "activations hold from layer to layer",
            "the gradient grows on its way back",
            "the loss is soon not a number",
        ),
        unlike={
            "Ada": "activations hold from layer to layer",
            "Dov": "the gradient grows on its way back",
        },
        letter="Forward nothing is wrong. Backward the gate of ReLU stood open: no half of the "
        "gradient was held back, and it grew by the root of 2 a layer. A gradient check finds this "
        "in a second.",
    ),
    Case(
        name="Dov",
        ward="A",
        kind="plain",
        fault={"lr": 0.5},
        diagnosis="learning rate too large",
        remedy='recipe | {"lr": recipe["lr"] / 10}',
        signs=(
            "activations hold from layer to layer",
            "the gradient comes back as it should",
            "the first step is ten times too long",
        ),
        unlike={
            "Boris": "the first activations are as they should be",
            "Cleo": "the gradient comes back as it should",
        },
        letter="Before the first step all is well but update / weight, which is ten times the "
        "twin's in every layer. It is the only panel in which the learning rate can be seen.",
    ),
    Case(
        name="Emil",
        ward="B",
        kind="plain",
        fault={"c": 0.5},
        diagnosis="c too small",
        remedy='recipe | {"c": 2}',
        signs=(
            "activations fall from layer to layer",
            "the training loss stays above its twin's",
        ),
        unlike={"Fay": "activations fall from layer to layer"},
        letter="Every layer halves the length. The steps are short too, but as a consequence: a "
        "gradient is made of what goes forward and what comes back, and both starve. Ten times the "
        "learning rate did not help.",
    ),
    Case(
        name="Fay",
        ward="B",
        kind="plain",
        fault={"lr": 0.005},
        diagnosis="learning rate too small",
        remedy='recipe | {"lr": 10 * recipe["lr"]}',
        signs=(
            "activations hold from layer to layer",
            "the gradient comes back as it should",
            "the first step is ten times too short",
        ),
        unlike={
            "Emil": "activations hold from layer to layer",
            "Gus": "the first step is ten times too short",
        },
        letter="Healthy, and slow: signal and gradient are the twin's, and every step is a tenth. "
        "Left alone it would get there, in ten times the time.",
    ),
    Case(
        name="Gus",
        ward="B",
        kind="plain",
        fault={"labels": shuffled},
        diagnosis="labels shuffled",
        remedy='recipe | {"labels": None}',
        signs=(
            "activations hold from layer to layer",
            "the first step is as it should be",
            "the first activations do not fade while it trains",
            "the training loss stays above its twin's",
        ),
        unlike={
            "Fay": "the first step is as it should be",
            "Hana": "the first activations do not fade while it trains",
        },
        letter="Every organ is sound before the first step, and nothing is learned: then look at "
        "the data. The digits had one another's labels, the loss stays at ln 10, and no gradient "
        "gives back what the healthy decay takes: all that faded later is a consequence.",
    ),
    Case(
        name="Hana",
        ward="B",
        kind="plain",
        fault={"weight_decay": 0.2},
        diagnosis="weight decay too large",
        remedy='recipe | {"weight_decay": recipe["weight_decay"] / 20}',
        signs=(
            "activations hold from layer to layer",
            "the first activations fade while it trains",
            "the training loss stays above its twin's",
        ),
        unlike={
            "Emil": "activations hold from layer to layer",
            "Gus": "the first activations fade while it trains",
        },
        letter="At first hardly anything is off. Then all layers fade together, the first one too, "
        "and update / weight settles at learning rate times decay: the steps only shrink. Look at "
        "the end, not at the beginning.",
    ),
    Case(
        name="Ivo",
        ward="C",
        kind="batch norm",
        fault={"norm": faults.NeverEvaluates},
        diagnosis="evaluation mode forgotten",
        remedy='recipe | {"norm": BatchNorm}',
        signs=(
            "it trains as its twin does",
            "asked again, it keeps to its answers",
            "in other company, it changes its answers",
        ),
        unlike={
            "June": "in other company, it changes its answers",
            "Karl": "asked again, it keeps to its answers",
            "Lena": "in other company, it changes its answers",
        },
        letter="At the test it still normalized by its batch, and the test digits come sorted: a "
        "batch of ones has another mean than a batch of everything. On its training digits, in "
        "mixed batches, hardly anything showed.",
    ),
    Case(
        name="June",
        ward="C",
        kind="batch norm",
        fault={"norm": faults.StandingEstimates},
        diagnosis="running estimates never moved",
        remedy='recipe | {"norm": BatchNorm}',
        signs=(
            "it trains as its twin does",
            "it misreads its own training digits at the test",
            "in other company, it keeps to its answers",
        ),
        unlike={
            "Ivo": "in other company, it keeps to its answers",
            "Karl": "asked again, it keeps to its answers",
            "Lena": "it misreads its own training digits at the test",
        },
        letter="In evaluation it normalized by zeros and ones that had never moved. It is sure of "
        "its answers and wrong, even on digits that it learned by heart a moment before. Ivo had "
        "the same remedy; only the company told them apart.",
    ),
    Case(
        name="Karl",
        ward="C",
        kind="dropout",
        fault={"dropout": faults.NeverOff},
        diagnosis="dropout left on at the test",
        remedy='recipe | {"dropout": Dropout}',
        signs=("it trains as its twin does", "asked again, it changes its answers"),
        unlike={
            "Ivo": "asked again, it changes its answers",
            "June": "asked again, it changes its answers",
            "Lena": "asked again, it changes its answers",
        },
        letter="The same digits in the same batches, and many answers change: something "
        "draws lots. Of all we teach only dropout does, and at the test it must not.",
    ),
    Case(
        name="Lena",
        ward="C",
        kind="batch norm",
        fault={"test_pixels": as_read},
        diagnosis="test digits prepared in another way",
        remedy='recipe | {"test_pixels": None}',
        signs=(
            "it trains as its twin does",
            "it knows its own training digits at the test",
            "in other company, it keeps to its answers",
        ),
        unlike={
            "Ivo": "in other company, it keeps to its answers",
            "June": "it knows its own training digits at the test",
        },
        letter="The patient was well all the time; the test digits had not been standardized. The "
        "same network in evaluation mode, sure of its answers, reads its own digits and not ours: "
        "then the digits differ.",
    ),
    Case(
        name="Milo",
        ward="D",
        kind="dropout",
        fault={"dropout": faults.Unscaled},
        diagnosis="dropout without 1/(1-p)",
        remedy='recipe | {"dropout": Dropout}',
        signs=(
            "activations fall from layer to layer",
            "the training loss stays above its twin's",
            "asked again, it keeps to its answers",
        ),
        unlike={
            "Karl": "activations fall from layer to layer",
            "Nina": "activations fall from layer to layer",
        },
        letter="In training every layer halves the length, as with a c too small. But c was right, "
        "and at the test, where nothing is dropped, the layers were twice as loud as in training: "
        "wrong, and very sure. Karl had the same remedy, and lost nothing in training.",
    ),
    Case(
        name="Nina",
        ward="D",
        kind="plain",
        fault={"optimizer": faults.Stale},
        diagnosis="update by a stale gradient",
        remedy='recipe | {"optimizer": SGD}',
        signs=(
            "the gradient comes back as it should",
            "the first step does not move a weight",
            "the training loss stays above its twin's",
        ),
        unlike={
            "Milo": "the first step does not move a weight",
            "Gus": "the first step does not move a weight",
        },
        letter="There is a gradient, and no step: the updates came ten steps late. The looks of "
        "the first ten steps give it away. Later the weights move, and the loss hardly comes down: "
        "ten steps ago downhill was elsewhere.",
    ),
    Case(
        name="Otto",
        ward="D",
        kind="layer norm",
        fault={"norm": faults.ByColumns},
        diagnosis="statistics of the wrong axis",
        remedy='recipe | {"norm": LayerNorm}',
        signs=(
            "activations hold from layer to layer",
            "asked again, it keeps to its answers",
            "in other company, it changes its answers",
        ),
        unlike={
            "Milo": "in other company, it changes its answers",
            "Nina": "in other company, it changes its answers",
        },
        letter="With layer normalization no example sees another: in other company nothing may "
        "change. It did, so the statistics ran over the batch, axis 0 where axis 1 belongs. Had the "
        "recipe said batch norm, this would be Ivo.",
    ),
)

BY_NAME = {case.name: case for case in CASES}


def in_ward(letter):
    """The patients of a ward, a list of Case."""
    return [case for case in CASES if case.ward == letter]


def on_offer(letter):
    """The prescriptions on offer in a ward, as code: a list in the order of the alphabet."""
    return sorted({case.remedy for case in in_ward(letter)} | {*WARDS[letter][1]})
