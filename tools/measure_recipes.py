"""Train the recipes of notebook 09 and write the table data/recipes.csv.

    python tools/measure_recipes.py

Two rounds: every recipe on one seed, then the best of each normalization on two more. All cores
work on it, for some ten minutes on two. Stopped or killed, the same command goes on where it was:
what is finished stands in data/recipes.jsonl until the table is written. If the code of a run was
changed in between, delete that file first.
"""

from course_utils.experiments.sweep import sweep
from course_utils.lessons.everything_interacts.recipes import (
    TABLE,
    first_round,
    run_recipe,
    second_round,
    write_table,
)

FINISHED = TABLE.with_suffix(".jsonl")


def main():
    rows = sweep(run_recipe, first_round(), FINISHED)
    write_table(rows + sweep(run_recipe, second_round(rows), FINISHED))
    FINISHED.unlink()


if __name__ == "__main__":
    main()
