"""Notebook 09: skips against theory, the table against the code that made it; claims, pictures."""

import re
import runpy
from functools import partial
from itertools import combinations
from pathlib import Path

import nbformat
import numpy as np
import pytest
from helpers import NAN, clusters, normal, rng

from course_utils.experiments.sweep import sweep
from course_utils.lessons.everything_interacts import (
    blanks,
    exercises,
    experiments,
    pictures,
    recipes,
)
from course_utils.lessons.everything_interacts.experiments import (
    C19,
    C20,
    TUNED,
    Skip,
    best_lr,
    growth,
    interaction,
    one_run,
    select,
)
from course_utils.nn import Linear, ReLU, Residual, gradient_check, mlp

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "09_everything_interacts.ipynb"
F64 = {"dtype": np.float64}
MAP = np.array([[0.03, 0.5], [NAN, 0.08]])


def maps(plain, layer, batch, best=0.03, within=0.01):
    """What ErrorMaps shows."""
    return {"errors": {None: plain, "layer": layer, "batch": batch}, "best": best, "within": within}


PICTURES = {
    "ErrorMaps": (
        partial(pictures.ErrorMaps, (1, 6), (0.1, 1)),
        [
            maps(MAP, MAP + 0.05, MAP + 0.1),
            maps(2 * MAP, MAP[::-1] + 0.02, MAP / 2 + 0.3, best=0.08, within=0.06),
            maps(MAP * NAN, MAP * NAN, MAP * NAN),
            maps(0 * MAP, MAP + 9, MAP * NAN, best=0.0, within=0.0),
        ],
    ),
}

READINGS = [
    (
        "ErrorMaps",
        0,
        ["misreads 3.0%: no normalization, c = 1, learning rate 0.1", "1 are within 1"],
    ),
    ("ErrorMaps", 2, ["There is no recipe here."]),
]


def test_what_lies_on_the_edge_is_within_it():
    """0.026 + 0.015 is less than 0.041 by a rounding error."""
    edge = 0.041
    assert 0.026 + 0.015 < edge, "another number is wanted here"
    picture = PICTURES["ErrorMaps"][0]()
    picture.update(**maps(MAP * NAN + 1, np.full((2, 2), 0.9), np.array([[0.026, edge], [0.9] * 2]),
                          best=0.026, within=0.015))  # fmt: skip
    assert "2 are within 1.5 points" in picture.reading


# The skip connection


def test_a_skip_of_scale_one_is_the_library_s():
    x, grad_y = normal(3, 4), normal(3, 4, seed=1)
    outcomes = []
    for kind in (Skip, Residual):
        block = kind([ReLU(), Linear(4, 4, rng=rng(), **F64)])
        outcomes.append((block.forward(x), block.backward(grad_y), block.grads["1.W"]))
    for one, other in zip(*outcomes, strict=True):
        assert np.array_equal(one, other)


def test_a_scaled_skip_has_the_gradients_of_what_it_computes():
    block = Skip([ReLU(), Linear(4, 4, rng=rng(), **F64)], scale=0.3)
    block.params["1.b"][:] = normal(4, seed=2)
    assert gradient_check(block, normal(3, 4)) < 1e-7


@pytest.mark.parametrize("c", [0.5, 2])
@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_blocks_grow_as_expected_in_both_directions(c, scale):
    x, labels = clusters(20, n=6)
    depth, forward, backward = 8, [], []
    for seed in range(10):
        residual = partial(Skip, scale=scale)
        widths = [6, *depth * [200], 10]
        network = mlp(widths, c=c, residual=residual, rng=rng(seed), **F64)
        found = experiments.block_norms(network, x.astype(float), labels, growth(c, 1, scale))
        forward.append((found.forward[-1] / found.forward[1]) ** 2)
        backward.append((found.backward[1] / found.backward[-1]) ** 2)
        assert found.forward_theory[-1] == pytest.approx(
            found.forward[1] * np.sqrt(growth(c, depth - 1, scale))
        )
        assert found.backward_theory[1] == pytest.approx(
            found.backward[-1] * np.sqrt(growth(c, depth - 1, scale))
        )
    assert np.mean(forward) == pytest.approx(growth(c, depth - 1, scale), rel=0.25)
    assert np.mean(backward) == pytest.approx(growth(c, depth - 1, scale), rel=0.35)


def test_lengths_without_skips_are_those_behind_the_matrices():
    x, labels = clusters(20, n=6)
    network = mlp([6, 9, 8, 10], rng=rng(), **F64)
    found = experiments.block_norms(network, x, labels, 1.0)
    z = x @ network.params["0.W"]
    lengths = [z, np.maximum(z, 0) @ network.params["2.W"]]
    lengths = [np.linalg.norm(rows, axis=1).mean() for rows in (x, *lengths)]
    assert np.allclose(found.forward, lengths) and found.backward.shape == (3,)


# Recipes


@pytest.fixture
def noise():
    with recipes.instead_of_digits(blanks.noise_for_digits()):
        yield


PLAIN = {"skip": False, "optimizer": "SGD", "regularizer": "none"}


@pytest.mark.parametrize("norm", recipes.NORMS)
def test_the_student_s_run_is_a_recipe(norm, noise):
    settings = {"c": 0.5, "norm": norm, "lr": 0.1, "seed": 7, "steps": 5}
    assert one_run(**settings)["error"] == recipes.run_recipe(**settings, **PLAIN)["error"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("c", 2), ("norm", "layer"), ("skip", True), ("optimizer", "momentum"), ("lr", 0.2),
     ("optimizer", "AdamW"), ("regularizer", "dropout"), ("regularizer", "weight decay")],
)  # fmt: skip
def test_every_choice_changes_the_run(name, value, noise):
    settings = {"c": 0.5, "norm": None, "lr": 0.1, "seed": 7, "steps": 20, **PLAIN}
    one, other = (
        recipes.run_recipe(**chosen)["loss"] for chosen in (settings, settings | {name: value})
    )
    assert np.isfinite(one) and one != other


def test_what_diverges_is_worth_a_guess(noise):
    settings = {"c": 2, "norm": None, "lr": 1e25, "seed": 7, "steps": 5}
    assert one_run(**settings) == {"error": 0.9}
    numbers = recipes.run_recipe(**settings, **PLAIN)
    assert np.isnan(numbers["loss"]) and numbers["error"] == 0.9


def test_the_small_digits_are_those_of_mnist_and_none_is_in_two_parts():
    train, validation, test = recipes.small_digits()
    assert [len(images) for images, _ in (train, validation, test)] == [55_000, 5_000, 10_000]
    both = np.concatenate([train[0], validation[0]])
    assert both.shape[1] == 196 and abs(both.mean()) < 1e-3 and abs(both.std() - 1) < 1e-3


# The table


def test_the_table_holds_both_rounds():
    table = recipes.read_table()
    expected = recipes.first_round() + recipes.second_round(table[: len(recipes.first_round())])
    names = [*recipes.CHOICES, "seed"]
    assert [{name: row[name] for name in names} for row in table] == [
        {name: settings[name] for name in names} for settings in expected
    ]


@pytest.mark.parametrize("settings", [(0.5, None, 0.1), (2, "batch", 0.3)])
def test_a_small_part_of_the_table_computed_again(settings):
    c, norm, lr = settings
    (row,) = select(recipes.read_table(), c=c, norm=norm, lr=lr, seed=0, **PLAIN)
    assert one_run(c, norm, lr, seed=0)["error"] == pytest.approx(row["error"], abs=0.01)


def test_a_table_is_read_as_it_was_written(tmp_path):
    rows = recipes.read_table()[:40:13]
    recipes.write_table(rows, tmp_path / "rows.csv")
    assert repr(recipes.read_table(tmp_path / "rows.csv")) == repr(rows)


def test_errors_of_the_table_by_recipe_by_choice_and_as_maps():
    table = recipes.read_table()
    errors, again = experiments.two_rounds(table)
    assert len(errors) == 972 and len(again) == 3 * recipes.FINALISTS
    recipe = tuple(table[-1][name] for name in recipes.CHOICES)
    one, *others = select(table, **dict(zip(recipes.CHOICES, recipe)))
    assert [row["seed"] for row in (one, *others)] == list(recipes.SEARCH_SEEDS)
    assert errors[recipe] == one["error"]
    assert again[recipe] == pytest.approx(np.mean([row["error"] for row in others]))
    c, norm, skip, optimizer, regularizer, lr = recipe
    found = experiments.error_maps(errors, optimizer, skip, regularizer)[norm]
    place = recipes.SCALES.index(c), recipes.ALL_RATES.index(lr)
    assert found[place] == errors[recipe]
    assert np.isfinite(found).sum() == len(recipes.SCALES) * len(recipes.RATES[optimizer])
    best = experiments.best_by(errors, "norm")
    assert set(best) == set(recipes.NORMS) and min(best.values()) == min(errors.values())


# Claims


def test_the_claims_recipes_are_those_of_the_table():
    table = recipes.read_table()
    for norm, tuned in TUNED.items():
        for c, lr in tuned.items():
            assert best_lr(select(table, c=c, norm=norm, seed=0, **PLAIN)) == lr
    _, again = experiments.two_rounds(table)
    assert experiments.far_apart(again) == experiments.FAR_APART
    assert min(again, key=again.get) == experiments.BEST


def test_far_apart_is_apart_in_every_choice_but_the_skip():
    for one, other in combinations(experiments.FAR_APART, 2):
        alike = [name for name, a, b in zip(recipes.CHOICES, one, other) if a == b]
        assert set(alike) <= {"skip"}


def test_far_apart_finds_the_triple_whose_worst_is_best():
    errors = {
        tuple(settings[name] for name in recipes.CHOICES): 0.5 for settings in recipes.first_round()
    }
    planted = (
        (6, None, True, "AdamW", "dropout", 0.003),
        (0.5, "layer", False, "SGD", "none", 0.1),
        (2, "batch", True, "momentum", "weight decay", 0.01),
    )
    errors |= dict.fromkeys(planted, 0.03)
    errors[0.5, "layer", True, "SGD", "none", 0.01] = 0.01  # has the rate of another
    assert experiments.far_apart(errors) == planted


@pytest.mark.parametrize("claim", [C19, C20], ids=lambda claim: claim.id)
def test_the_table_of_claims_has_what_the_runs_give(claim, noise, monkeypatch):
    """No run is missing, and no name has changed."""
    one = partial(one_run, steps=1)
    monkeypatch.setattr(experiments, "STEPS", 1)
    options = {"one_run": one} if claim is C19 else {}
    numbers = claim.numbers(claim.run(None, None, 3, **options))
    assert all(numbers.keys() == measured.keys() for measured, _ in claim.table().values())


HELD = {
    C19: {
        "None: change at lr 0.01": -0.6, "None: change at lr 0.1": 0.8,
        "None: change at own lr": 0.04, "batch: change at lr 0.01": 0.1,
        "batch: change at lr 0.1": 0.02, "batch: change at own lr": 0.0,
        "None: c = 0.5 at the other's lr": 0.1, "None: c = 6 at the other's lr": 0.8,
        "batch: c = 0.5 at the other's lr": 0.0, "batch: c = 6 at the other's lr": 0.005,
    },
    C20: {
        "none, one epoch": 0.05, "none, three epochs": 0.034, "layer, three epochs": 0.033,
        "batch, three epochs": 0.031, "best, three epochs": 0.026,
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("claim", "name", "number"),
    [
        (C19, "None: change at lr 0.01", 0.1),
        (C19, "batch: change at lr 0.1", 0.9),
        (C19, "batch: change at own lr", 0.05),
        (C19, "None: change at own lr", 0.3),
        (C19, "None: c = 0.5 at the other's lr", 0.01),
        (C19, "batch: c = 6 at the other's lr", 0.05),
        (C20, "none, three epochs", 0.042),
        (C20, "batch, three epochs", 0.023),
        (C20, "best, three epochs", 0.018),
    ],
)
def test_a_claim_asks_for_all_that_it_says(claim, name, number):
    numbers = HELD[claim]
    assert claim.holds(numbers) and not claim.holds(numbers | {name: number})


def test_an_interaction_is_a_difference_of_differences_seed_by_seed():
    plain = np.array([[0.1, 0.2], [0.3, 0.4]])
    mean, deviation = interaction(plain, plain + [[0, 0.3], [0, 0.5]])
    assert mean == pytest.approx(0.4) and deviation == pytest.approx(np.std([0.3, 0.5], ddof=1))
    assert interaction(plain, plain + 1) == pytest.approx((0, 0))


# Exercises


def test_with_the_right_scale_the_blocks_grow_to_the_target():
    assert growth(1.7, 12, exercises.branch_scale(1.7, 12, 5.0)) == pytest.approx(5)


def test_the_best_of_a_search_is_that_of_all_sets():
    errors = [0.3, 0.1, 0.4, 0.1, 0.5]
    for k in range(1, 6):
        expected = np.mean([min(each) for each in combinations(errors, k)])
        assert exercises.expected_best(errors, k) == pytest.approx(expected)


def test_one_seed_fewer_is_too_few():
    n = exercises.seeds_needed(2.2, 1.0)
    assert 2 * 2.2 / np.sqrt(n) <= 1 < 2 * 2.2 / np.sqrt(n - 1)


# Many machines


def test_the_dask_example_of_the_notebook_runs(tmp_path):
    """On a LocalCluster: the notebook's code, and two short runs."""
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    (code,) = (
        found[1]
        for cell in cells
        if (found := re.search(r"```python\n(from dask.*?)```", cell.source, re.DOTALL))
    )
    runs = [settings | {"steps": 2} for settings in recipes.first_round()[:2]]
    scope = {"sweep": sweep, "recipes": recipes, "runs": runs, "file": tmp_path / "runs.jsonl"}
    (tmp_path / "cell.py").write_text(code)
    rows = runpy.run_path(tmp_path / "cell.py", scope)["rows"]
    assert [row["lr"] for row in rows] == [settings["lr"] for settings in runs]
    assert len(scope["file"].read_text().splitlines()) == 2
