"""tools/check_rounding.py: it finds the results that hang on rounding, and only those."""

import importlib
import runpy
import shutil
from pathlib import Path

import nbformat
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / "tools"
perturbed_product = runpy.run_path(str(TOOLS / "perturbed_products.py"))["perturbed_product"]

LAYER = """
import numpy as np
from course_utils.nn import Linear

rng = np.random.default_rng(0)
x, layer = rng.standard_normal((20, 50), np.float32), Linear(50, 50, rng=rng)
"""


@pytest.fixture
def check_rounding(monkeypatch, tmp_path):
    """The tool, at home in an empty folder with the course's configuration of pytest."""
    monkeypatch.syspath_prepend(TOOLS)
    module = importlib.import_module("check_rounding")
    (tmp_path / "tests").mkdir()
    for name in ("pyproject.toml", "conftest.py", "tests/sanitize.cfg"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def saved(path, **cells):
    """A notebook with these cells, by id, run and saved."""
    notebook = nbformat.v4.new_notebook()
    for name, source in cells.items():
        notebook.cells.append(nbformat.v4.new_code_cell(source))
        notebook.cells[-1].id = name
    runpy.run_path(str(TOOLS / "refresh_notebooks.py"))["execute"](notebook, path.parent)
    nbformat.write(notebook, path)
    return str(path)


def test_a_result_that_hangs_on_rounding_is_found(tmp_path, check_rounding, monkeypatch, capsys):
    monkeypatch.setattr(check_rounding, "KERNELS", ())
    hanging = saved(
        tmp_path / "hanging.ipynb",
        layer=LAYER,
        library="print(layer.forward(x).sum(dtype=float))",
        shown="print(f'{layer.forward(x).mean():.2f}')",
        cell="print((x @ x.T).sum(dtype=float))",
    )
    whole = "print(np.eye(2, dtype=int) @ [1, 2])"
    steady = saved(tmp_path / "steady.ipynb", layer=LAYER, whole=whole)
    assert check_rounding.main([hanging, steady], draws=1)
    assert capsys.readouterr().out.split(maxsplit=2) == [
        "perturbed",
        "0",
        "failed: library, cell\n",
    ]
    assert not check_rounding.main([steady], draws=1)
    assert capsys.readouterr().out.split() == ["perturbed", "0", "passed"]


def test_a_kernel_that_is_not_loaded_is_left_out(check_rounding, monkeypatch, capsys):
    monkeypatch.setattr(check_rounding, "KERNELS", ("Abacus",))
    assert not check_rounding.main([], draws=0)
    assert capsys.readouterr().out.startswith("Abacus       left out: what is loaded is ")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_errors_are_of_rounding_size(dtype):
    rng = np.random.default_rng(0)
    left, right = rng.random((30, 40)).astype(dtype), rng.random((40, 20)).astype(dtype)
    product, exact = perturbed_product(rng)(left, right), left @ right
    assert product.dtype == dtype and product.shape == (30, 20)
    error = np.abs(product / exact.astype(float) - 1).max() / np.finfo(dtype).eps
    assert 1 < error < 5
    assert isinstance(perturbed_product(rng)(left[0], right[:, 0]), dtype)


def test_products_without_rounding_stay_exact():
    product = perturbed_product(np.random.default_rng(0))
    whole = np.arange(6).reshape(2, 3)
    for exact in (whole, whole.astype(object)):
        assert np.array_equal(product(exact, exact.T), exact @ exact.T)
