"""Claims are data: the table, README and the notebooks say the same."""

import json
from pathlib import Path

import pytest

from course_utils.experiments.claims import TABLE, TABLE_SEEDS, all_claims, write_table

ROOT = Path(__file__).resolve().parent.parent
CLAIMS = pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.id)


@CLAIMS
def test_table_covers_every_seed_and_was_judged_by_the_claim_as_it_is_now(claim):
    by_seed = {}
    for row in claim.rows():
        by_seed.setdefault(int(row["seed"]), {})[row["figure"]] = float(row["value"])
        judged = by_seed[int(row["seed"])], row["holds"] == "True"
    assert tuple(by_seed) == TABLE_SEEDS
    held = [seed for seed, figures in by_seed.items() if claim.holds(figures)]
    assert (len(held), len(by_seed)) == claim.pass_rate()
    assert bool(claim.holds(judged[0])) == judged[1]


@CLAIMS
def test_notebook_seeds_did_not_choose_the_settings(claim):
    assert set(claim.seeds) <= set(TABLE_SEEDS)
    assert not set(TABLE_SEEDS) & {0, 1, 2}


@CLAIMS
def test_readme_states_the_claim_as_it_was_measured(claim):
    held, of = claim.pass_rate()
    row = f"| {claim.id} | {claim.statement} | {held} of {of} seeds | {claim.conditions} |"
    assert row in (ROOT / "README.md").read_text(encoding="utf-8")


@CLAIMS
def test_notebook_asserts_the_claim_in_a_tagged_cell(claim):
    (path,) = (ROOT / "notebooks").glob(f"{claim.notebook}_*.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    tagged = [cell for cell in cells if f"claim-{claim.id}" in cell["metadata"].get("tags", [])]
    assert len(tagged) == 1


@CLAIMS
def test_a_figure_that_was_not_measured_is_an_error(claim):
    with pytest.raises(ValueError, match="luck"):
        claim.figure("luck")


def test_a_missing_table_says_how_to_make_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="python -m course_utils.experiments.claims"):
        all_claims()[0].rows(tmp_path / "claims.csv")


def test_an_interrupted_measurement_leaves_the_table_as_it_was(tmp_path):
    path = tmp_path / "claims.csv"
    path.write_bytes(TABLE.read_bytes())

    class Broken:
        id = "C0"

        def measure(self, *arguments):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_table([Broken()], path)
    assert path.read_bytes() == TABLE.read_bytes()
