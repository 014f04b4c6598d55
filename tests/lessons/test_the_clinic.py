"""Notebook 12: every patient, whoever is added; the signs, the table, strangers, and the faults."""

from dataclasses import replace
from functools import cache, partial
from itertools import combinations

import numpy as np
import pytest
from helpers import INF, NAN, normal, rng, signs

from course_utils.experiments import Evaluation, faults
from course_utils.lessons.the_clinic import experiments, pictures
from course_utils.lessons.the_clinic.cases import (
    BY_NAME,
    CASES,
    WARDS,
    in_ward,
    on_offer,
    prescription,
)
from course_utils.lessons.the_clinic.experiments import (
    DIAGNOSES,
    SEEDS,
    Clinic,
    all_remedies,
    changes,
    read_table,
    score,
    share_right,
    strangers,
    suspect,
)
from course_utils.lessons.the_clinic.recipes import HEALTHY, LOOKS, PLAIN, Chart, in_batches, train
from course_utils.lessons.the_clinic.signs import HEALED, ILL, SIGNS, findings, near, triage
from course_utils.nn import SGD, BatchNorm, LayerNorm, Linear, mlp


def chart(first=1.0, loss=2.0, again=0.0, company=0.0, misread=0.1):
    """A chart with two looks, as it might be taken; the first is always the same."""
    early = signs([3, 2, 1], [1, 2, 1], [0.01, 0.02, 0.03], [0.1, 0.2, 0.9], 2.0)
    late = signs([first, 2 * first, 1], [first, 1, 3], [first / 9, 0.1, 0.2], [0, 0.2, 0.5], loss)
    train = {0: Evaluation(1.0, 0.9), 400: Evaluation(1.0, misread)}
    test = {0: Evaluation(2.0, 0.9), 400: Evaluation(1 + loss / 3, 2 * misread)}
    losses = [loss / (1 + i / 100) for i in range(400)]
    return Chart(losses, {0: early, 400: late}, train, test, again, company)


def beside(first, loss):
    """A healthy chart, of which only the lines by layer and the losses are shown."""
    shown, rest = chart(first, loss), chart()
    late = replace(shown.signs[400], loss=1.0)
    return replace(rest, losses=shown.losses, signs={0: rest.signs[0], 400: late})


BAD = signs([NAN] * 3, [INF] * 3, [0, NAN, 1], [NAN] * 3, NAN)
GONE = Chart([9.0, NAN], {0: BAD, 2: BAD}, *2 * ({0: Evaluation(NAN, 0.9), 2: Evaluation(NAN, 1)},))

PICTURES = {
    "Monitor": (
        partial(pictures.Monitor, 3),
        [
            {"chart": chart(again=0.1, company=0.2), "healthy": beside(0.5, 1), "prescribed": "x"},
            {"chart": chart(3, 1, 0.3, 0.4, 0.2), "healthy": beside(2, 3), "prescribed": "y"},
            {"chart": GONE, "healthy": None},
            {"chart": GONE, "healthy": GONE, "step": 0},
        ],
    ),
    "Confusion": (
        pictures.Confusion,
        [
            {"table": {("Ada", "a"): [1, 1, 1], ("Ada", "b"): [1, 9, 9], ("Bo", "a"): [1, 1, 2]},
             "remedies": {"Ada": "a", "Bo": "b"}},
            {"table": {("Ada", "a"): [1, 2, 3], ("Ada", "b"): [1, 1, 1], ("Bo", "a"): [1, 1, 1]},
             "remedies": {"Ada": "b", "Bo": "a"}},
            {"table": {("Ada", "a"): [INF, NAN, 9]}, "remedies": {"Ada": "a"}},
        ],
    ),
}  # fmt: skip
SAID_ONLY = {"Monitor": 2}  # the loss of the step looked at, and what was prescribed
READINGS = [
    ("Monitor", 0, ["With x: After 400 steps the training loss is 2; activations × 2 a layer",
                    "(healthy: activations × 2 a layer, gradients × 0.5", "test 20%",
                    "asked again, 10% of the answers change; in other company, 20%."]),
    ("Monitor", 2, ["After 2 steps the training loss is not a number", "training 100%, test 100%"]),
    ("Confusion", 0, ["On all three seeds the own remedy heals 1 of 2 patients", "others: none."]),
    ("Confusion", 1, ["heals 2 of 2 patients"]),
]  # fmt: skip

# Every patient


@cache
def clinic(seed):
    return Clinic(seed)


@cache
def found(name, seed):
    """A patient's findings."""
    return clinic(seed).findings(BY_NAME[name])


each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@each_case
@pytest.mark.parametrize("seed", SEEDS)
def test_a_patient_is_ill_and_only_the_right_prescription_heals(case, seed):
    assert clinic(seed).over_twin(case) > ILL
    assert clinic(seed).heals(case, prescription(case.remedy))
    for code in on_offer(case.ward):
        if code != case.remedy and changes(case, prescription(code)):
            assert not clinic(seed).heals(case, prescription(code)), code


@each_case
def test_every_sign_that_a_letter_names_is_shown(case):
    for seed in SEEDS:
        for sign in case.signs:
            assert SIGNS[sign](found(case.name, seed)), (seed, sign)
        for other, sign in case.unlike.items():
            assert SIGNS[sign](found(case.name, seed)), (seed, other, sign)
            assert not SIGNS[sign](found(other, seed)), (seed, other, sign)


@pytest.mark.parametrize(("one", "other"), [*combinations(BY_NAME, 2)])
def test_any_two_patients_are_told_apart_by_a_sign(one, other):
    def shows(name, sign):
        return {bool(SIGNS[sign](found(name, seed))) for seed in SEEDS}

    assert any({*map(len, (a, b))} == {1} and a != b for a, b in
               ((shows(one, sign), shows(other, sign)) for sign in SIGNS))  # fmt: skip


@each_case
def test_a_case_is_whole(case):
    assert case.ward in WARDS and len(on_offer(case.ward)) >= 3
    assert case.fault.keys() <= PLAIN.keys()
    assert case.signs and case.unlike and case.letter and case.diagnosis
    assert any(other in {each.name for each in in_ward(case.ward)} for other in case.unlike)
    assert changes(case, prescription(case.remedy))


def test_patients_with_one_remedy_know_of_each_other():
    for one, other in combinations(CASES, 2):
        if one.remedy == other.remedy and one.ward == other.ward:
            assert other.name in one.unlike and one.name in other.unlike


def test_names_are_used_once():
    assert len(BY_NAME) == len(CASES)


def test_every_sign_is_used():
    used = {sign for case in CASES for sign in (*case.signs, *case.unlike.values())}
    assert used == SIGNS.keys()


# The table


def test_the_table_holds_every_remedy_on_every_patient():
    expected = {
        (case.name, code)
        for case in CASES
        for code in all_remedies()
        if changes(case, prescription(code))
    }
    table = read_table()
    assert table.keys() == expected
    assert {len(ratios) for ratios in table.values()} == {len(SEEDS)}
    for case in CASES:
        assert table[case.name, case.remedy] == [1.0] * len(SEEDS)


def test_the_table_is_what_the_code_measures():
    row = ("Emil", 'recipe | {"norm": BatchNorm}')
    assert read_table()[row][0] == pytest.approx(
        clinic(SEEDS[0]).over_twin(BY_NAME[row[0]], prescription(row[1])), rel=0.2
    )  # another processor rounds otherwise


# Training and examination


def test_a_training_yields_a_chart_at_every_look():
    steps = [each.steps for each in train(PLAIN, 0)]
    assert steps == [*LOOKS, LOOKS[-1]]  # and once more with the answers that changed


def test_a_recipe_with_an_unknown_entry_is_refused():
    with pytest.raises(ValueError, match="key of a recipe"):
        next(train(PLAIN | {"learning_rate": 1}, 0))


def test_what_is_no_recipe_is_refused():
    with pytest.raises(TypeError, match="must return a recipe"):
        clinic(SEEDS[0]).over_twin(CASES[0], lambda recipe: recipe.update(c=2))


def test_a_part_of_a_recipe_is_refused():
    with pytest.raises(ValueError, match="whole recipe.*lacks activation, c, depth"):
        clinic(SEEDS[0]).over_twin(CASES[0], lambda recipe: {"lr": recipe["lr"] / 10})


def test_a_students_functions_are_what_runs():
    asked = []

    def always(answer, images, order):
        asked.append(order)
        return 0.7

    own = Clinic(SEEDS[0], unsteady=always, per_layer=lambda lengths: 5.0)
    numbers = own.findings(BY_NAME["Fay"])
    assert (numbers["again"], numbers["company"], numbers["signal"]) == (0.7, 0.7, 1.0)
    assert np.array_equal(asked[0], np.arange(1000)) and not np.array_equal(asked[1], asked[0])


def test_answers_come_batch_by_batch():
    network = mlp([4, 8, 3], norm="batch", rng=rng())
    images = normal(250, 4, dtype=np.float32)
    whole = in_batches(network)(images)
    assert np.array_equal(whole[100:200], network.forward(images[100:200]).argmax(axis=1))


def test_a_relative_is_no_twin():
    one, other = Clinic(0), Clinic(0, relative=1)
    patient = BY_NAME["Fay"]
    assert near(one.findings(patient)["input"]) and one.findings(patient)["input"] == 1
    assert other.findings(patient)["input"] != 1
    assert one.over_twin(patient) == other.over_twin(patient)


@pytest.mark.parametrize("kind", HEALTHY)
def test_the_healthy_are_sent_home(kind):
    healthy = chart(again=0.0, company=0.0)
    assert triage(findings(healthy, healthy)) == "nowhere"


@pytest.mark.parametrize("name", ["Ivo", "June", "Lena"])
def test_who_fails_at_the_test_only_has_trained_as_the_twin(name):
    for seed in SEEDS:
        twin = clinic(seed).healthy(BY_NAME[name])
        assert clinic(seed).chart(BY_NAME[name]).losses == twin.losses


# Strangers


def test_strangers_are_the_same_for_everyone_and_differ_by_seed():
    one, again, other = (strangers(seed) for seed in (1, 1, 2))
    assert [(s.diagnosis, s.kind) for s in one.values()] == [
        (s.diagnosis, s.kind) for s in again.values()
    ]
    assert [s.diagnosis for s in one.values()] != [s.diagnosis for s in other.values()]
    assert len({s.diagnosis for s in one.values()}) == len(one) == 6
    assert {s.diagnosis for s in one.values()} <= {*DIAGNOSES}


def test_every_way_to_be_ill_is_ill_weakest_and_strongest():
    class Fixed:
        """A generator that always draws the end of its range."""

        def __init__(self, end):
            self.end = end

        def random(self):
            return self.end

        def integers(self, low, high):
            return high - 1 if self.end else low

    for kind, diagnosis, draw in experiments.WAYS:
        assert diagnosis in DIAGNOSES
        for end in (0, 1):
            recipe = HEALTHY[kind] | draw(Fixed(end), HEALTHY[kind])
            patient = experiments.Stranger("?", kind, recipe, diagnosis)
            assert clinic(100).over_twin(patient) > HEALED, (kind, diagnosis, end)
            if recipe == HEALTHY[kind] | draw(Fixed(1 - end), HEALTHY[kind]):
                break


def test_the_score_counts_diagnoses_and_healings():
    patients = strangers(1)
    sound = {n: (p.diagnosis, lambda _, p=p: dict(HEALTHY[p.kind])) for n, p in patients.items()}
    half = dict(list(sound.items())[:3])
    assert set(score(Clinic(1), patients, sound).values()) == {(True, True)}
    marks = [*score(Clinic(1), patients, half).values()]
    assert marks == 3 * [(True, True)] + 3 * [(False, False)]


def test_our_rule_is_right_more_often_than_not():
    right, of = share_right(suspect, [100])
    assert of == 6 and right >= 4


# The letters


def test_letters_stay_closed_until_they_are_opened():
    notes = {
        "Ada": ("too loud", prescription(BY_NAME["Ada"].remedy)),
        "Dov": ("?", lambda r: r["d"]),
    }
    panel = pictures.discharge(clinic(SEEDS[0]), "A", notes)
    assert "1 of 4 healed." in panel.summary.value
    assert "Ada: healed, the test loss is 1 times its twin&#x27;s" in panel.lines["Ada"].value
    assert "Boris: not treated, nothing" in panel.lines["Boris"].value
    assert "stopped with <code>KeyError" in panel.lines["Dov"].value
    assert panel.opened["Ada"].value == ""
    panel.buttons["Ada"].click()
    opened = panel.opened["Ada"].value
    assert "You wrote: too loud." in opened and BY_NAME["Ada"].diagnosis in opened
    for sign in BY_NAME["Ada"].signs:
        assert sign in opened
    assert panel.opened["Dov"].value == ""
    panel.buttons["Ada"].click()
    assert panel.opened["Ada"].value == ""
    for text in (repr(panel), panel.static()[0]["text/html"]):
        assert not any(case.diagnosis in text for case in CASES)
    panel.close()


@pytest.mark.parametrize("note", [dict, ("loud",), (dict, "loud"), "loud"])
def test_a_note_is_a_diagnosis_and_a_prescription(note):
    with pytest.raises(TypeError, match="the note of Ada must be a pair"):
        pictures.discharge(clinic(SEEDS[0]), "A", {"Ada": note})


@pytest.mark.parametrize(
    ("note", "said"),
    [
        (("", lambda recipe: recipe["d"]), "KeyError"),
        (("", lambda recipe: recipe | {"C": 2}), "key of a recipe"),
        (("", lambda recipe: recipe | {"norm": "BatchNorm"}), "norm must be one of"),
        ("loud", "must be a pair"),
    ],
)
def test_a_treatment_that_stops_is_said_beside_the_patient_as_admitted(note, said):
    here, ada = clinic(SEEDS[0]), BY_NAME["Ada"]
    *_, shown = pictures.treated(here, ada, {"Ada": note}, "your line")
    assert said in shown["prescribed"] and shown["chart"] is here.chart(ada)


def test_a_treatment_shows_the_patient_trained_anew():
    here, dov = clinic(SEEDS[0]), BY_NAME["Dov"]
    for notes, code in (({"Dov": ("", prescription(dov.remedy))}, "your line"), ({}, dov.remedy)):
        *_, shown = pictures.treated(here, dov, notes, code)
        assert shown["prescribed"] == code
        assert shown["chart"].losses == here.healthy(dov).losses


def test_the_gray_loss_neither_leads_nor_lags():
    falling = [*range(100, 0, -1)]
    assert pictures.smooth(falling, window=20) == falling
    assert pictures.smooth([4, 0, 2], window=20) == [4, 2, 2] and pictures.smooth([]) == []


def test_rounds_give_points():
    patients = strangers(1)
    nobody = pictures.rounds(Clinic(1), patients, {})
    assert "0 of 18 points." in nobody.summary.value
    name, patient = next(iter(patients.items()))
    notes = {name: (patient.diagnosis, lambda _: dict(HEALTHY[patient.kind]))}
    one = pictures.rounds(Clinic(1), patients, notes)
    assert "3 of 18 points." in one.summary.value
    with pytest.raises(ValueError, match="the diagnosis of 1"):
        pictures.rounds(Clinic(1), patients, {"1": ("a cold", dict)})
    for panel in (nobody, one):
        panel.close()


# The faults


def test_batch_norm_that_never_evaluates_listens_to_its_batch():
    layer, x = faults.NeverEvaluates(3), normal(6, 3)
    layer.eval()
    assert np.allclose(layer.forward(x).mean(axis=0), 0, atol=1e-6)


def test_standing_estimates_stand():
    layer = faults.StandingEstimates(3)
    layer.forward(5 + normal(6, 3))
    assert (layer.running_mean == 0).all() and (layer.running_var == 1).all()
    right = BatchNorm(3)
    assert np.array_equal(layer.forward(normal(6, 3)), right.forward(normal(6, 3)))


def test_columns_are_the_rows_of_the_transpose():
    x, grad = normal(4, 3), normal(4, 3, seed=1)
    wrong = faults.ByColumns(3, affine=False)
    right = LayerNorm(4, affine=False)
    assert np.allclose(wrong.forward(x), right.forward(x.T).T)
    assert np.allclose(wrong.backward(grad), right.backward(grad.T).T)


def test_dropout_that_is_never_off_drops_in_evaluation():
    layer = faults.NeverOff(0.5, rng=rng()).eval()
    assert (layer.forward(np.ones((50, 20))) == 0).mean() == pytest.approx(0.5, abs=0.1)


def test_unscaled_dropout_keeps_what_it_keeps():
    layer, x = faults.Unscaled(0.5, rng=rng()), np.ones((50, 20))
    y = layer.forward(x)
    assert set(np.unique(y)) == {0, 1} and np.array_equal(layer.backward(x), y)
    assert np.array_equal(layer.eval().forward(x), x)


def test_a_stale_update_takes_the_gradient_of_then():
    one, other = (Linear(2, 2, rng=rng(), dtype=np.float64) for _ in range(2))
    stale, plain = faults.Stale(one, 0.1, delay=2), SGD(other, 0.1)
    before = one.params["W"].copy()
    for step in range(4):
        for layer in (one, other):
            layer.grads["W"] = np.full((2, 2), 1.0 + step)
        stale.step()
        if step < 2:
            assert np.array_equal(one.params["W"], before)
            plain.step()
    assert np.allclose(one.params["W"], other.params["W"])
