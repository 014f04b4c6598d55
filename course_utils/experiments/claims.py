"""Claims as data: what is compared, on which seeds, with which margin, and what came out.

A claim's figures over ten seeds stand in ``data/claims.csv``, made by::

    python -m course_utils.experiments.claims          # all of them
    python -m course_utils.experiments.claims C2       # some

The notebooks compute some of these seeds before the student's eyes and read the rest from there.
"""

import csv
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from course_utils.nn.checks import check_choice

TABLE = Path(__file__).resolve().parents[2] / "data" / "claims.csv"
COLUMNS = ("claim", "seed", "figure", "value", "holds")
TABLE_SEEDS = tuple(range(3, 13))  # seeds 0 to 2 helped to choose the settings


@dataclass(frozen=True)
class Claim:
    """A statement of the lecture, made testable.

    Attributes
    ----------
    id : str
        "C1" ... "C22".
    notebook : str
        The number of the notebook that tests it.
    statement : str
        What is claimed.
    conditions : str
        The setting in which it was tested.
    seeds : tuple of int
        For the notebook.
    measure : callable
        ``measure(train, test, seeds)`` returns one dict of figures a seed.
    holds : callable
        ``holds(figures)`` says whether one seed's figures support the claim, margin included.
    """

    id: str
    notebook: str
    statement: str
    conditions: str
    seeds: tuple
    measure: Callable
    holds: Callable

    def rows(self, path=None):
        """The claim's rows of the table: dicts with seed, figure, value and holds.

        Raises
        ------
        FileNotFoundError
            If there is no table yet; the message says how to make it.
        """
        path = path or TABLE
        if not path.exists():
            raise FileNotFoundError(
                f"{path} is missing; make it with: python -m course_utils.experiments.claims"
            )
        return [row for row in read_table(path) if row["claim"] == self.id]

    def pass_rate(self, path=None):
        """How many of the table's seeds support the claim, and how many there are."""
        by_seed = {row["seed"]: row["holds"] == "True" for row in self.rows(path)}
        return sum(by_seed.values()), len(by_seed)

    def figure(self, name, path=None):
        """One figure over the table's seeds, as a list of floats."""
        rows = [row for row in self.rows(path) if row["figure"] == name]
        check_choice("name", name, sorted({row["figure"] for row in self.rows(path)}))
        return [float(row["value"]) for row in rows]

    def verdict(self, figures):
        """One line: whether the claim holds on every seed measured here."""
        held = sum(bool(self.holds(one)) for one in figures)
        return f"{self.id} holds on {held} of {len(figures)} seeds: {self.statement}."


def read_table(path):
    """All rows of a table, as dicts; none if there is no such file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def all_claims():
    """Every claim of the course, in order."""
    from course_utils.experiments import (
        batch_norm,
        dropout,
        initialization,
        interpolation,
        layer_norm,
        overparameterization,
        weight_decay,
    )

    return [
        initialization.C1,
        initialization.C2,
        layer_norm.C3,
        layer_norm.C4,
        layer_norm.C5,
        batch_norm.C6,
        batch_norm.C7,
        batch_norm.C8,
        batch_norm.C9,
        overparameterization.C10,
        overparameterization.C11,
        overparameterization.C12,
        interpolation.C13,
        weight_decay.C14,
        weight_decay.C15,
        dropout.C16,
        dropout.C17,
        dropout.C18,
    ]


def write_table(claims, path=TABLE, seeds=TABLE_SEEDS):
    """Measure the claims anew and write the table; the rows of other claims stay."""
    from course_utils.data import load_mnist, standardize

    train, test = load_mnist("train"), load_mnist("test")
    train = standardize(train[0], out=train[0]), train[1]
    test = standardize(test[0][:2000]), test[1][:2000]
    rows = []
    for claim in claims:
        for seed, figures in zip(seeds, claim.measure(train, test, seeds), strict=True):
            holds = bool(claim.holds(figures))
            for name, value in figures.items():
                row = (claim.id, seed, name, f"{float(value):.4g}", holds)
                rows.append(dict(zip(COLUMNS, row, strict=True)))
    measured = {claim.id for claim in claims}
    rows += [row for row in read_table(path) if row["claim"] not in measured]
    rows.sort(key=lambda row: int(row["claim"][1:]))
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def main(names):
    """Measure the claims of these names, or all of them."""
    known = {claim.id: claim for claim in all_claims()}
    for name in names:
        check_choice("claim", name, known)
    write_table([known[name] for name in names or known])


if __name__ == "__main__":
    main(sys.argv[1:])
