"""The set-up: run.py, the exact versions, the conda environment and the rooms of the package."""

import ast
import importlib.metadata
import importlib.util
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest
import yaml
from importlinter.cli import lint_imports
from nbval.plugin import get_sanitize_patterns
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DIRECT = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]


def imported_packages(path):
    """Return the top-level names of all that a module imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


# run.py


def load(path):
    spec = importlib.util.spec_from_file_location("run", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_old_python_can_read_run_and_is_told_what_is_needed():
    path = ROOT / "run.py"
    assert imported_packages(path) <= sys.stdlib_module_names
    tree = ast.parse(path.read_bytes().decode("ascii"), feature_version=(3, 4))
    newer = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Nonlocal, ast.AsyncFunctionDef)
    assert not [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, newer)]
    run = load(path)
    assert PROJECT["requires-python"] == ">={}.{}".format(*run.OLDEST)
    run.refuse_if_old((*run.OLDEST, 0))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer, and this is Python 2\.7"):
        run.refuse_if_old((2, 7, 18))


class Course:
    """A copy of run.py in a folder of its own, whose programs are noted instead of run."""

    def __init__(self, folder):
        folder.mkdir(exist_ok=True)
        for name in ("run.py", "pyproject.toml", "requirements.lock"):
            shutil.copy(ROOT / name, folder)
        self.folder, self.run, self.pip_fails = folder, load(folder / "run.py"), False
        self.run.run = self.note

    def note(self, *command):
        if "pip" in command:
            self.done.append("install " + command[-1])
            return int(self.pip_fails)
        self.done.append("make")
        shutil.rmtree(self.run.VENV, ignore_errors=True)
        Path(self.run.PYTHON).parent.mkdir(parents=True)
        Path(self.run.PYTHON).touch()
        return 0

    def start(self, command):
        """Start a command; return what was done before JupyterLab or pytest had its turn."""
        self.done = []
        self.run.prepare(self.run.PACKAGES[command])
        return self.done


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path / "été à la mer")


def test_each_start_installs_what_is_missing(course):
    assert course.start("lab") == ["make", "install ."]
    assert course.start("test") == ["install .[test]"]
    assert course.start("test") == course.start("lab") == []


CHANGES = {
    "a file": lambda course: (course.folder / "requirements.lock").write_text(""),
    "the place": lambda course: course.__init__(course.folder.rename(f"{course.folder} moved")),
    "the environment": lambda course: os.remove(course.run.PYTHON),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_makes_the_environment_anew(course, change):
    course.start("lab")
    CHANGES[change](course)
    assert course.start("lab") == ["make", "install ."]


def test_another_python_makes_the_environment_anew(course, monkeypatch):
    course.start("lab")
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    assert course.start("lab") == ["make", "install ."]


def test_a_failed_or_interrupted_install_is_begun_anew(course):
    course.pip_fails = True
    with pytest.raises(SystemExit, match="could not be installed; pip says why"):
        course.start("lab")
    course.pip_fails = False
    assert course.start("lab") == ["make", "install ."]


def test_a_python_without_ensurepip_says_what_to_install(course, monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(SystemExit, match=r"sudo apt install python3\.\d+-venv"):
        course.start("lab")


def hand_over(course, source, *arguments):
    """Start run.py, which finds its environment ready and JupyterLab and pytest to be `source`."""
    venv.create(course.run.VENV, symlinks=os.name != "nt")
    Path(course.run.STAMP).write_text(course.run.fingerprint() + course.run.EVERYTHING)
    for program in ("jupyterlab", "pytest"):
        (course.folder / f"{program}.py").write_text(source)
    return subprocess.Popen(
        [sys.executable, course.folder / "run.py", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("arguments", [["lab", "--no-browser"], ["test", "-k", "two words"]])
def test_arguments_folder_and_exit_code_pass_through(course, arguments):
    source = """
import os, sys
print(ascii([sys.argv[1:], os.getcwd(), sys.prefix, os.getenv("PYTHONPATH")]))
sys.exit(7)
"""
    process = hand_over(course, source, *arguments)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 7, errors
    handed, folder, prefix, path = ast.literal_eval(output)
    assert handed[-len(arguments) + 1 :] == arguments[1:]
    assert Path(folder) == course.folder and Path(prefix) == course.folder / ".venv"
    assert path is None


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent to a process group, as a terminal does")
@pytest.mark.parametrize("send, number", [("killpg", "SIGINT"), ("kill", "SIGTERM")])
def test_ctrl_c_and_being_ended_are_left_to_the_program(course, send, number):
    source = f"""
import signal, sys, time
signal.signal(signal.{number}, lambda *_: sys.exit(5))
print("ready", flush=True)
time.sleep(60)
"""
    process = hand_over(course, source, "lab")
    assert process.stdout.readline() == "ready\n"
    getattr(os, send)(process.pid, getattr(signal, number))
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (5, "")


def test_the_lab_opens_a_notebook_that_exists_and_saves_what_widgets_show():
    run = load(ROOT / "run.py")
    assert (ROOT / run.START.removeprefix("/lab/tree/")).is_file()
    assert f"--LabApp.app_settings_dir={run.SETTINGS}" in run.COMMANDS["lab"]
    overrides = json.loads((Path(run.SETTINGS) / "overrides.json").read_text(encoding="ascii"))
    assert overrides == {"@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True}}


# The exact versions, and what uses them

PYTHONS = ("3.11.0", "3.12.1", "3.13.0", "3.14.0")
SYSTEMS = (("linux", "posix"), ("darwin", "posix"), ("win32", "nt"))
ENVIRONMENTS = [
    {"extra": "", "python_full_version": python, "sys_platform": platform, "os_name": name}
    for python, (platform, name) in itertools.product(PYTHONS, SYSTEMS)
]


@pytest.fixture(scope="module")
def lock():
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines]


def applying(requirements, name, environment):
    name = canonicalize_name(name)
    return [
        requirement
        for requirement in requirements
        if canonicalize_name(requirement.name) == name
        and (requirement.marker is None or requirement.marker.evaluate(environment))
    ]


def test_the_lock_holds_one_public_version_a_line(lock):
    for requirement in lock:
        assert requirement.url is None and not requirement.extras, requirement
        assert re.fullmatch(r"==[\d.]+(post\d+)?", str(requirement.specifier)), requirement


@pytest.mark.parametrize("wanted", [Requirement(line) for line in DIRECT], ids=str)
def test_a_dependency_has_one_version_within_its_bounds_everywhere(lock, wanted):
    for environment in ENVIRONMENTS:
        (locked,) = applying(lock, wanted.name, environment)
        assert str(locked.specifier).removeprefix("==") in wanted.specifier, environment


def test_the_lock_is_complete(lock):
    """All that is needed here, directly or not, has a version in the lock."""
    seen, waiting = set(), [Requirement(line) for line in DIRECT]
    while waiting:
        needed = waiting.pop()
        if str(needed) in seen:
            continue
        seen.add(str(needed))
        assert applying(lock, needed.name, {"extra": ""}), needed.name
        for line in importlib.metadata.requires(needed.name) or ():
            found = Requirement(line)
            extras = [{"extra": extra} for extra in needed.extras | {""}]
            if found.marker is None or any(map(found.marker.evaluate, extras)):
                waiting.append(found)


def test_conda_takes_the_same_python_and_the_same_versions():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, installed = environment["dependencies"]
    assert (python, pip) == (f"python {PROJECT['requires-python']}", "pip")
    assert installed == {"pip": ["--constraint requirements.lock", "--editable ."]}


def test_nbval_overlooks_addresses_file_names_of_cells_and_progress_bars():
    patterns = get_sanitize_patterns((ROOT / "tests/sanitize.cfg").read_text(encoding="ascii"))

    def sanitized(text):
        for pattern, replacement in patterns:
            text = re.sub(pattern, replacement, text)
        return text

    here = "<Line at 0x7f12ab>\n/tmp/ipykernel_12/345.py:2: UserWarning: careful"
    there = "<Line at 0x7EE0>\nC:\\Users\\A B\\Temp\\ipykernel_6\\7.py:2: UserWarning: careful"
    assert sanitized(here) == sanitized(there)
    assert sanitized(here) != sanitized(there.replace("careful", "other"))
    assert sanitized("  0%|          | 0/6 [00:00<?, ?it/s]") == ""


# The rooms of the package


def test_imports_keep_to_the_contracts(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    code = lint_imports(no_cache=True)
    assert code == 0, capsys.readouterr().out


def test_the_network_imports_numpy_and_the_standard_library_alone():
    for module in (ROOT / "course_utils/nn").rglob("*.py"):
        others = imported_packages(module) - sys.stdlib_module_names
        assert others <= {"course_utils", "numpy"}, module
