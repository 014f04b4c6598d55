"""What several files of tests share."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def edition(tmp_path_factory):
    """The folder of a student edition, which takes long to make; nobody writes into it."""
    folder = tmp_path_factory.mktemp("edition") / "course"
    runpy.run_path(str(ROOT / "tools" / "handout.py"))["make"](folder)
    return folder
