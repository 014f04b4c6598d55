"""Claims as data: what is compared, one seed at a time, with which margin, and what came out.

What each of them measured over twenty seeds stands in ``data/claims.csv``, made by::

    python tools/measure_claims.py          # all of them
    python tools/measure_claims.py C2       # some

The notebooks compute some of these seeds before the student's eyes and read the rest from there.
"""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from course_utils.checks import check_choice
from course_utils.experiments.comparison import over_seeds

TABLE = Path(__file__).resolve().parents[2] / "data" / "claims.csv"
COLUMNS = ("claim", "seed", "number", "value", "holds")
TABLE_SEEDS = tuple(range(200, 220))  # they chose nothing: neither a setting nor a margin


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Numbers that are measured anew on every seed and kept in the table.

    Attributes
    ----------
    id : str
        Its name in the table.
    run : callable
        ``run(train, test, seed, **options)`` returns that seed's runs, as the notebook draws them.
        The options choose fewer of them where the notebook has no time for all.
    numbers : callable
        ``numbers(runs)`` returns a dict of name to number.
    seeds : tuple of int
        For the notebook.
    table_seeds : tuple of int
        For the table. A claim that failed there is restated and measured on others.
    """

    id: str
    run: Callable = field(repr=False)
    numbers: Callable = field(repr=False)
    seeds: tuple = (3, 4, 5)
    table_seeds: tuple = TABLE_SEEDS

    def runs(self, train, test, *, seeds=None, progress=True, **options):
        """The runs of each seed, by default of the notebook's: a dict by seed.

        With a progress bar; interrupted, it returns the seeds that were done.
        """
        run = partial(self.run, train, test, **options)
        return over_seeds(run, self.seeds if seeds is None else seeds, progress)

    def table(self):
        """What the table holds: a dict of seed to (numbers, whether the claim holds or None).

        Raises
        ------
        FileNotFoundError
            If there is no table; the message says how to make it.
        """
        found = {}
        for row in read_table(TABLE):
            if row["claim"] == self.id:
                holds = {"True": True, "False": False}.get(row["holds"])
                numbers, _ = found.setdefault(int(row["seed"]), ({}, holds))
                numbers[row["number"]] = float(row["value"])
        return found

    def number(self, name):
        """One number over the table's seeds, as a list of floats (ValueError if not measured)."""
        by_seed = [numbers for numbers, _ in self.table().values()]
        check_choice("name", name, sorted(by_seed[0]) if by_seed else [])
        return [numbers[name] for numbers in by_seed]

    def rows(self, seed, numbers):
        """One seed's numbers as rows of the table, tuples in the order of COLUMNS."""
        return [(self.id, seed, name, f"{float(n):.4g}", "") for name, n in numbers.items()]


@dataclass(frozen=True, kw_only=True)
class Claim(Measurement):
    """A statement of the lecture, made testable.

    Attributes
    ----------
    id : str
        "C1" ... "C22".
    statement : str
        What is claimed.
    conditions : str
        The setting in which it was tested.
    holds : callable
        ``holds(numbers)`` says whether one seed's numbers support the claim, margin included.
    """

    statement: str
    conditions: str
    holds: Callable = field(repr=False)

    def judge(self, by_seed):
        """Judge the claim on the runs of some seeds, a dict as from `runs`: one line for print.

        Raises
        ------
        AssertionError
            If it fails on one of them; the message says on which, and with which numbers.
        """
        for seed, runs in by_seed.items():
            numbers = self.numbers(runs)
            assert self.holds(numbers), f"{self.id} fails on seed {seed}: {numbers}"
        held, of = self.pass_rate()
        return (
            f"{self.id} holds on {len(by_seed)} of {len(by_seed)} seeds here and on {held} of {of} "
            f"in the table: {self.statement}."
        )

    def pass_rate(self):
        """How many of the table's seeds support the claim, and how many there are."""
        verdicts = [holds for _, holds in self.table().values()]
        return sum(verdicts), len(verdicts)

    def rows(self, seed, numbers):
        """One seed's numbers and verdict as rows of the table."""
        return [(*row[:-1], bool(self.holds(numbers))) for row in super().rows(seed, numbers)]


@cache
def read_table(path):
    """All rows of the table, as dicts (FileNotFoundError if there is none)."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; make it with: python tools/measure_claims.py")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def claim_order(id):
    """For sorting by id: claims by number and letter, then other measurements by name."""
    found = re.fullmatch(r"C(\d+)([a-z]?)", id)
    return (0, int(found[1]), found[2]) if found else (1, 0, id)


def write_table(rows, path=TABLE):
    """Write the whole table: claims by number, then other measurements by name."""

    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(sorted(rows, key=lambda row: claim_order(row[0])))
