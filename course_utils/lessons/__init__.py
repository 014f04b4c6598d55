"""The lessons, one folder a notebook, named as it is: found by looking, never listed.

- ``experiments.py``: what only this notebook measures, and its claims
- ``pictures.py``: what only this notebook draws
- ``blanks.py``: what its student writes before ours is shown, with the known mistakes; where one is
  a layer, that is in ``layer.py``
- ``exercises.py``: the exercises at its end, with theirs, and ``EXERCISES``: all of these

A lesson uses the instruments of `course_utils.experiments` and `course_utils.lab`, never another
lesson; nothing imports a lesson by name but its notebook and its tests.
"""

import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path

from course_utils.data import digits
from course_utils.experiments.claims import Claim, Measurement, claim_order

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
SHOWING = ("blanks", "exercises", "layer", "pictures")  # parts that measure nothing


def names():
    """The names of the lessons, in the order of their notebooks."""
    folders = [module.name for module in pkgutil.iter_modules(__path__) if module.ispkg]
    return sorted(folders, key=lambda name: (number(name) is None, number(name), name))


def number(name):
    """The number of a lesson's notebook, "02", or None where there is no notebook."""
    found = [path.stem[:2] for path in NOTEBOOKS.glob(f"[0-9][0-9]_{name}.ipynb")]
    return found[0] if found else None


def parts(name):
    """The names of the modules of one lesson, a list."""
    package = import_module(f"{__name__}.{name}")
    return [module.name for module in pkgutil.iter_modules(package.__path__)]


def part(name, module):
    """One module of a lesson, for example ``part("dropout", "exercises")``."""
    return import_module(f"{__name__}.{name}.{module}")


def measurements(name):
    """What one lesson measures over seeds, claims among it: a list of `Measurement`."""
    measuring = (module for module in parts(name) if module not in SHOWING)
    values = [value for module in measuring for value in vars(part(name, module)).values()]
    return [value for value in values if isinstance(value, Measurement)]


def all_measurements():
    """Every `Measurement` of the course, a dict by id: claims in their order, then the others."""
    found = [each for name in names() for each in measurements(name)]
    found.sort(key=lambda each: claim_order(each.id))
    return {each.id: each for each in found}


def all_claims():
    """Every claim of the course, in order: a list."""
    return [each for each in all_measurements().values() if isinstance(each, Claim)]


def measure(claim, seed):
    """The numbers of a claim, or another measurement, on one seed: for a sweep over all of them."""
    measurement = all_measurements()[claim]
    return measurement.numbers(measurement.run(*remembered_digits(), seed))


@cache
def remembered_digits():
    """`digits` with all 10,000 test examples, loaded once in a process."""
    return digits(test=10_000)


def all_exercises():
    """The exercises of every lesson that has some: a dict of lesson to list of `Exercise`."""
    return {
        name: part(name, "exercises").EXERCISES for name in names() if "exercises" in parts(name)
    }
