"""Try every remedy of notebook 12 on every patient and write the table data/clinic.csv.

    python tools/measure_clinic.py

All cores work on it, a seed each; it takes some two minutes.
"""

from concurrent.futures import ProcessPoolExecutor

from course_utils.lessons.the_clinic.experiments import SEEDS, confusion, write_table


def main():
    with ProcessPoolExecutor() as pool:
        write_table([row for rows in pool.map(confusion, SEEDS) for row in rows])


if __name__ == "__main__":
    main()
