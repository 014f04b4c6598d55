"""Claims are data: the table, README and the notebooks say the same."""

import json
from pathlib import Path

import pytest

from course_utils import lessons
from course_utils.experiments import claims
from course_utils.experiments.claims import TABLE, Claim, write_table

ROOT = Path(__file__).resolve().parent.parent
EACH = pytest.mark.parametrize("claim", lessons.all_claims(), ids=lambda claim: claim.id)


@pytest.mark.parametrize("each", lessons.all_measurements().values(), ids=lambda each: each.id)
def test_the_table_holds_every_seed_and_what_the_claim_says_of_it_now(each):
    """A claim whose margin, numbers or seeds changed wants a new table."""
    table = each.table()
    assert tuple(table) == each.table_seeds
    for numbers, holds in table.values():
        assert holds == (bool(each.holds(numbers)) if isinstance(each, Claim) else None)
    with pytest.raises(ValueError, match="name must be one of .* got 'luck'"):
        each.number("luck")


def test_the_table_holds_nothing_else():
    known = lessons.all_measurements()
    assert {row["claim"] for row in claims.read_table(TABLE)} == set(known)


@EACH
def test_a_claim_holds_on_nine_of_ten_seeds_that_chose_nothing(claim):
    """Settings were chosen on 0 to 2 and 100 to 119, some margins with 3 to 12 in sight."""
    assert set(claim.table_seeds) <= set(range(200, 300)) and not set(claim.seeds) & {0, 1, 2}
    held, of = claim.pass_rate()
    assert of == 20 and held >= 18


@EACH
def test_readme_states_the_claim_as_it_was_measured(claim):
    held, of = claim.pass_rate()
    row = f"| {claim.id} | {claim.statement} | {held} of {of} seeds | {claim.conditions} |"
    assert row in (ROOT / "README.md").read_text(encoding="utf-8")


@EACH
def test_one_tagged_cell_of_its_notebook_asserts_the_claim(claim):
    (name,) = (name for name in lessons.names() if claim in lessons.measurements(name))
    (path,) = (ROOT / "notebooks").glob(f"*_{name}.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    tagged = [cell for cell in cells if f"claim-{claim.id}" in cell["metadata"].get("tags", [])]
    assert len(tagged) == 1 and f"{claim.id}.judge(" in "".join(tagged[0]["source"])


# Of claims in general


def make_claim(**change):
    settings = {
        "id": "C99",
        "statement": "it gains",
        "conditions": "always",
        "run": lambda train, test, seed, by=1: {"gain": by * (seed - 4)},
        "numbers": dict,
        "holds": lambda numbers: numbers["gain"] > 0,
    }
    return Claim(**settings | change)


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "TABLE", tmp_path / "claims.csv")
    return claims.TABLE


def test_a_claim_is_measured_judged_and_read_again(table):
    claim = make_claim()
    runs = claim.runs(None, None, seeds=(3, 4, 5, 6), progress=False)
    assert runs == {3: {"gain": -1}, 4: {"gain": 0}, 5: {"gain": 1}, 6: {"gain": 2}}
    rows = [row for seed, one in runs.items() for row in claim.rows(seed, claim.numbers(one))]
    write_table([("steps", 3, "x", 1, ""), *rows, ("C7", 3, "gain", 2, True)], table)
    assert [line.partition(",")[0] for line in table.read_text().splitlines()] == [
        "claim", "C7", *4 * ["C99"], "steps",
    ]  # fmt: skip
    assert claim.number("gain") == [-1, 0, 1, 2] and claim.pass_rate() == (2, 4)
    judged = claim.judge({5: runs[5], 6: runs[6]})
    assert judged == "C99 holds on 2 of 2 seeds here and on 2 of 4 in the table: it gains."


def test_a_claim_that_fails_says_on_which_seed_with_which_numbers(table):
    with pytest.raises(AssertionError, match="C99 fails on seed 4: {'gain': 0}"):
        make_claim().judge({5: {"gain": 1}, 4: {"gain": 0}})


def test_options_choose_what_is_run():
    assert make_claim(seeds=(5,)).runs(None, None, progress=False, by=3) == {5: {"gain": 3}}


def test_a_missing_table_says_how_to_make_it(table):
    with pytest.raises(FileNotFoundError, match="python tools/measure_claims.py"):
        make_claim().pass_rate()
