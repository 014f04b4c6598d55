"""Measure the claims anew, on twenty seeds each, and write the table data/claims.csv.

    python tools/measure_claims.py              # all of them
    python tools/measure_claims.py C2 steps     # some; the rows of the others stay

All cores work on it. Stopped or killed, the same command goes on where it was: what is finished
stands in data/claims.jsonl until the table is written. A claim whose code was changed in between
wants that file deleted first.
"""

import csv
import sys

from course_utils import lessons
from course_utils.checks import check_choice
from course_utils.experiments.claims import TABLE, write_table
from course_utils.experiments.sweep import sweep

FINISHED = TABLE.with_suffix(".jsonl")


def main(names):
    known = lessons.all_measurements()
    for name in names:
        check_choice("claim", name, known)
    wanted = names or list(known)
    grid = [{"claim": name, "seed": seed} for name in wanted for seed in known[name].table_seeds]
    found = sweep(lessons.measure, grid, FINISHED)
    rows = [
        row
        for numbers in found
        for row in known[numbers.pop("claim")].rows(numbers.pop("seed"), numbers)
    ]
    write_table(rows + [row for row in table() if row[0] in known.keys() - set(wanted)])
    FINISHED.unlink()


def table():
    """The rows of the table as it is."""
    if not TABLE.exists():
        return []
    with TABLE.open(newline="") as file:
        return list(csv.reader(file))[1:]


if __name__ == "__main__":
    main(sys.argv[1:])
