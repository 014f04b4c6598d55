"""The pages for teachers: what they link to and name exists, and their recipes run."""

import ast
import re
import runpy
import textwrap
from pathlib import Path

import numpy as np
import pytest

from course_utils.lab.checker import Exercise, Mistake, examine
from course_utils.lessons.the_clinic.cases import BY_NAME, Case, in_ward, on_offer, prescription
from course_utils.lessons.the_clinic.experiments import Clinic, changes
from course_utils.lessons.the_clinic.signs import ILL, SIGNS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "TEACHING.md", ROOT / "deploy" / "README.md"]
TEACHING = PAGES[0].read_text("utf-8")
EACH = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)


def blocks(language, text=TEACHING):
    """The blocks of code in a page, without their indentation."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(code) for _, named, code in found if named == language]


def block(start):
    (found,) = (code for code in blocks("python") if start in code)
    return found


def anchors(page):
    """What a heading is called in an address, as GitHub makes it."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@EACH
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")):
        if not target.startswith("http"):
            path, _, anchor = target.partition("#")
            there = page.parent / path if path else page
            assert there.exists(), target
            assert not anchor or anchor in anchors(there), target


@EACH
def test_files_in_commands_exist(page):
    for command in blocks("", page.read_text("utf-8")):
        for name in re.findall(r"\b(?:deploy|tools|benchmarks|notebooks)/[\w.]+\w\b", command):
            if "node_modules" not in name:
                assert (ROOT / name).exists(), name


def test_every_notebook_has_its_objectives():
    rows = {
        line.split("|")[1].strip().strip("[")[:2] for line in TEACHING.splitlines() if "|" in line
    }
    assert {path.name[:2] for path in (ROOT / "notebooks").glob("*.ipynb")} <= rows


def test_code_compiles():
    for code in blocks("python"):
        ast.parse(code.rstrip().rstrip(","))


def test_the_layer_of_the_recipe_is_right(tmp_path, capsys):
    path = tmp_path / "layer.py"
    path.write_text(block("class RMSNorm"))
    runpy.run_path(path)
    assert float(capsys.readouterr().out) < 1e-6


def test_the_exercise_of_the_recipe_is_one():
    space = {"Exercise": Exercise, "Mistake": Mistake}
    exec(block("def layers_and_rates"), space)  # noqa: S102 (our own page)
    exercise = eval(block("Exercise(\n").rstrip().rstrip(","), space)
    assert examine(exercise, exercise.reference).right
    for mistake in exercise.mistakes:
        assert examine(exercise, mistake.function).words.startswith(mistake.words)
    assert len(exercise.mistakes) >= 3 and 2 <= len(exercise.hints) <= 3


def test_the_patient_of_the_recipe_is_one():
    space = {"Case": Case}
    patient = eval(block("Case(\n").rstrip().rstrip(","), space)
    clinic, others = Clinic(), {case.name: case for case in in_ward(patient.ward)}
    assert patient.name not in BY_NAME
    assert clinic.over_twin(patient) > ILL
    assert clinic.heals(patient, prescription(patient.remedy))
    for code in on_offer(patient.ward):
        if changes(patient, prescription(code)):
            assert not clinic.heals(patient, prescription(code)), code
    for case in others.values():
        if changes(case, prescription(patient.remedy)):
            assert not clinic.heals(case, prescription(patient.remedy)), case.name
    for sign in patient.signs:
        assert SIGNS[sign](clinic.findings(patient)), sign
    for name, sign in patient.unlike.items():
        assert SIGNS[sign](clinic.findings(patient)), sign
        assert not SIGNS[sign](clinic.findings(others[name])), name


def test_the_mistake_of_the_recipe_is_named_and_another():
    from course_utils.lessons.dropout.exercises import EXERCISES

    (exercise,) = (each for each in EXERCISES if each.name == "critical_c")
    mistake = eval(block("2 * (1 - p) ** 2").rstrip().rstrip(","), {"Mistake": Mistake})
    words = examine(exercise, mistake.function).words
    assert examine(exercise, mistake.function).right is False
    known = {each.words for each in exercise.mistakes}
    assert words == mistake.words if mistake.words in known else words not in known


def test_the_graded_cell_lets_right_answers_pass_and_names_mistakes():
    cell = block("assert verdict.right")
    exec(cell, {"critical_c": lambda p, slope: 2 * (1 - p) / (1 + slope**2)})  # noqa: S102
    with pytest.raises(AssertionError, match="right for ReLU"):
        exec(cell, {"critical_c": lambda p, slope: 2 * (1 - p)})  # noqa: S102


def test_arrays_of_ones_own_are_a_source(capsys):
    images, labels = np.random.default_rng(0).random((20, 784)), np.arange(20) % 10
    names = dict.fromkeys(("train_images", "test_images"), images)
    names |= dict.fromkeys(("train_labels", "test_labels"), labels)
    exec("from course_utils.data import digits\n" + block("arrays = {"), names)  # noqa: S102
    assert names["train"][0].shape == (20, 784)
