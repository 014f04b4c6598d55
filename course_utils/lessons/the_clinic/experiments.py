"""The clinic at work: charts, treatment, the confusion table, and a ward that nobody has seen.

The table data/clinic.csv is made by ``python tools/measure_clinic.py``.
"""

import csv
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import numpy as np

from course_utils.experiments import faults
from course_utils.lessons.the_clinic import recipes, signs
from course_utils.lessons.the_clinic.cases import CASES, prescription
from course_utils.lessons.the_clinic.recipes import HEALTHY
from course_utils.lessons.the_clinic.signs import HEALED, findings, over_twin

TABLE = Path(__file__).resolve().parents[3] / "data" / "clinic.csv"
COLUMNS = ("patient", "prescription", "seed", "over twin")
SEEDS = (3, 4, 5)
DIAGNOSES = sorted({case.diagnosis for case in CASES})


def last(charts):
    """The chart of a whole training."""
    *_, chart = charts
    return chart


class Clinic:
    """Charts and treatment, on one seed; each training is done once.

    Parameters
    ----------
    seed : int
    unsteady, per_layer : callable
        A student's own.
    relative : int, optional
        The seed of the healthy networks that patients are compared with; by default their own, and
        so a twin: the same digits, weights and order.
    """

    def __init__(
        self, seed=SEEDS[0], unsteady=recipes.unsteady, per_layer=signs.per_layer, relative=None
    ):
        self.seed, self.relative = seed, seed if relative is None else relative
        self.unsteady, self.per_layer, self._charts = unsteady, per_layer, {}

    def training(self, recipe, seed=None):
        """The charts of a training while it goes on: an iterator."""
        return recipes.train(recipe, self.seed if seed is None else seed, self.unsteady)

    def _chart(self, recipe, seed=None):
        seed = self.seed if seed is None else seed
        key = (seed, *sorted(recipe.items()))
        if key not in self._charts:
            self._charts[key] = last(self.training(recipe, seed))
        return self._charts[key]

    def chart(self, patient):
        """The whole chart of a patient as admitted."""
        return self._chart(patient.recipe)

    def healthy(self, patient):
        """The whole chart of the healthy network that a patient is compared with."""
        return self._chart(HEALTHY[patient.kind], self.relative)

    def findings(self, patient):
        """A patient's numbers over those of the healthy network, see `signs.findings`."""
        return findings(self.chart(patient), self.healthy(patient), self.per_layer)

    def treat(self, patient, prescribe):
        """The charts of a patient who is trained anew by ``prescribe(recipe)``: an iterator."""
        return self.training(prescribed(patient, prescribe))

    def over_twin(self, patient, prescribe=dict):
        """The test loss after a prescription over the twin's, on the same seed."""
        treated = self._chart(prescribed(patient, prescribe))
        return over_twin(treated, self._chart(HEALTHY[patient.kind], self.seed))

    def heals(self, patient, prescribe):
        """Whether a prescription heals a patient."""
        return self.over_twin(patient, prescribe) <= HEALED


def prescribed(patient, prescribe):
    """The recipe that a prescription makes of a patient's.

    Raises
    ------
    TypeError
        For a prescription that returns no recipe.
    ValueError
        For one that returns a part of it.
    """
    recipe = prescribe(dict(patient.recipe))
    if not isinstance(recipe, dict):
        raise TypeError(f"a prescription must return a recipe, a dict, got {recipe!r}")
    if missing := patient.recipe.keys() - recipe.keys():
        raise ValueError(
            "a prescription must return the whole recipe, as recipe | {...} does; this one "
            f"lacks {', '.join(sorted(missing))}"
        )
    return recipe


def changes(patient, prescribe):
    """Whether a prescription changes anything in a patient's recipe."""
    return prescribed(patient, prescribe) != patient.recipe


def noted(notes, name):
    """What a doctor noted of a patient: a diagnosis and a prescription, by default nothing.

    Raises
    ------
    TypeError
        For a note that is no such pair.
    """
    note = notes.get(name, ("", dict))
    if not (isinstance(note, (tuple, list)) and len(note) == 2 and isinstance(note[0], str)):
        raise TypeError(
            f'the note of {name} must be a pair, ("diagnosis", prescription), got {note!r}'
        )
    return note


# The confusion table


def all_remedies():
    """Every remedy, as code, in the order of the patients who need it."""
    return list(dict.fromkeys(case.remedy for case in CASES))


def confusion(seed):
    """The rows of one seed: every remedy that changes anything, on every patient."""
    clinic = Clinic(seed)
    rows = []
    for case in CASES:
        for code in all_remedies():
            if changes(case, prescription(code)):
                ratio = clinic.over_twin(case, prescription(code))
                rows.append((case.name, code, seed, f"{ratio:.4g}"))
    return rows


def write_table(rows, path=TABLE):
    """Write the whole table."""
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(rows)


@cache
def read_table(path=TABLE):
    """The test loss over the twin's: a dict by (patient, prescription) of a list by seed.

    Raises
    ------
    FileNotFoundError
        If there is no table; the message says how to make it.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; make it with: python tools/measure_clinic.py")
    found = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            key = row["patient"], row["prescription"]
            found.setdefault(key, []).append(float(row["over twin"]))
    return found


# A ward that nobody has seen


def times(rng, low, high):
    """A factor between low and high, whose logarithm is uniform."""
    return float(low * (high / low) ** rng.random())


WAYS = [
    ("plain", "c too large", lambda rng, r: {"c": r["c"] * times(rng, 2, 5)}),
    ("plain", "c too small", lambda rng, r: {"c": r["c"] / times(rng, 3, 10)}),
    ("plain", "learning rate too large", lambda rng, r: {"lr": r["lr"] * times(rng, 10, 40)}),
    ("plain", "learning rate too small", lambda rng, r: {"lr": r["lr"] / times(rng, 8, 40)}),
    ("batch norm", "learning rate too small", lambda rng, r: {"lr": r["lr"] / times(rng, 10, 40)}),
    ("plain", "weight decay too large",
     lambda rng, r: {"weight_decay": r["weight_decay"] * times(rng, 15, 60)}),
    ("plain", "pixels not standardized", lambda rng, r: {"pixels": recipes.to_255}),
    ("layer norm", "labels shuffled", lambda rng, r: {"labels": recipes.shuffled}),
    ("dropout", "labels shuffled", lambda rng, r: {"labels": recipes.shuffled}),
    ("plain", "a backward that drops a term",
     lambda rng, r: {"activation": faults.StraightThrough}),
    ("batch norm", "a backward that drops a term",
     lambda rng, r: {"norm": faults.ConstantMoments}),
    ("batch norm", "evaluation mode forgotten", lambda rng, r: {"norm": faults.NeverEvaluates}),
    ("batch norm", "running estimates never moved",
     lambda rng, r: {"norm": faults.StandingEstimates}),
    ("dropout", "dropout left on at the test", lambda rng, r: {"dropout": faults.NeverOff}),
    ("dropout", "dropout without 1/(1-p)", lambda rng, r: {"dropout": faults.Unscaled}),
    ("batch norm", "test digits prepared in another way",
     lambda rng, r: {"test_pixels": recipes.as_read}),
    ("layer norm", "statistics of the wrong axis", lambda rng, r: {"norm": faults.ByColumns}),
    ("plain", "update by a stale gradient",
     lambda rng, r: {"optimizer": partial(faults.Stale, delay=int(rng.integers(8, 25)))}),
]  # fmt: skip


@dataclass(frozen=True)
class Stranger:
    """A patient whom nobody has seen: what of a `Case` is known of it before it is diagnosed."""

    name: str
    kind: str
    recipe: dict = field(repr=False)
    diagnosis: str = field(repr=False)


def strangers(seed, count=6):
    """Patients at random, none with the fault of another: a dict of name to `Stranger`."""
    rng = np.random.default_rng([seed, 12])
    found = {}
    for way in rng.permutation(len(WAYS)):
        kind, diagnosis, draw = WAYS[way]
        if diagnosis not in {each.diagnosis for each in found.values()}:
            name = f"{len(found) + 1}"
            recipe = HEALTHY[kind] | draw(rng, HEALTHY[kind])
            found[name] = Stranger(name, kind, recipe, diagnosis)
        if len(found) == count:
            break
    return found


def score(clinic, patients, notes):
    """What is right of a doctor's notes: a dict by name of (diagnosed, healed), two bools.

    ``notes`` is a dict by name of (diagnosis, prescription); a patient without is not treated.
    """
    marks = {}
    for name, patient in patients.items():
        diagnosis, prescribe = noted(notes, name)
        marks[name] = diagnosis == patient.diagnosis, clinic.heals(patient, prescribe)
    return marks


def suspect(f, kind):
    """The diagnosis that a patient's findings suggest, by rules of thumb."""
    if f["step"] == 0:
        return "update by a stale gradient"
    if f["input"] > 10:
        return "pixels not standardized"
    if f["signal"] > 1.2:
        return "c too large"
    if f["signal"] < 0.8:
        return "dropout without 1/(1-p)" if kind == "dropout" else "c too small"
    if f["again"] > 0.05:
        return "dropout left on at the test"
    if f["company"] > 0.1:
        right = kind == "batch norm"
        return "evaluation mode forgotten" if right else "statistics of the wrong axis"
    if f["step"] > 5:
        return "learning rate too large"
    if f["step"] < 0.3:
        return "learning rate too small"
    if f["faded"] < 0.15:
        return "weight decay too large"
    if f["loss"] > 5:
        return "labels shuffled"
    if f["loss"] > 2 or not np.isfinite(f["loss"]):
        return "a backward that drops a term"
    if f["train loss"] > 2:
        return "running estimates never moved"
    return "test digits prepared in another way"


def share_right(suspect, seeds):
    """How many diagnoses of a rule are right on the wards of some seeds: (right, all)."""
    right = total = 0
    for seed in seeds:
        clinic = Clinic(seed, relative=seed + 1)
        for patient in strangers(seed).values():
            right += suspect(clinic.findings(patient), patient.kind) == patient.diagnosis
            total += 1
    return right, total
