"""The set-up: run.py, the exact versions, the conda environment and the rooms of the package."""

import ast
import importlib.metadata
import importlib.util
import itertools
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
RUN = ROOT / "run.py"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DIRECT = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]

PLATFORMS = (
    {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux"},
    {"sys_platform": "darwin", "os_name": "posix", "platform_system": "Darwin"},
    {"sys_platform": "win32", "os_name": "nt", "platform_system": "Windows"},
)
PYTHONS = (
    {"python_version": "3.11", "python_full_version": "3.11.0"},
    {"python_version": "3.12", "python_full_version": "3.12.1"},
    {"python_version": "3.13", "python_full_version": "3.13.0"},
    {"python_version": "3.14", "python_full_version": "3.14.0"},
)
ENVIRONMENTS = [
    {"implementation_name": "cpython", "extra": "", **platform, **python}
    for platform, python in itertools.product(PLATFORMS, PYTHONS)
]


def imported_packages(path):
    """Return the top-level names of all that a module imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


# run.py: one file that any Python can read


def start(*command, **options):
    return subprocess.run(command, check=False, capture_output=True, text=True, **options)


def load(path):
    spec = importlib.util.spec_from_file_location("run", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_run_needs_the_standard_library_alone():
    assert imported_packages(RUN) <= sys.stdlib_module_names


def test_an_old_python_can_read_run():
    source = RUN.read_bytes().decode("ascii")
    newer_than_python_2 = (
        ast.AnnAssign,
        ast.AsyncFunctionDef,
        ast.JoinedStr,
        ast.NamedExpr,
        ast.Nonlocal,
    )
    for node in ast.walk(ast.parse(source, feature_version=(3, 4))):
        assert not isinstance(node, newer_than_python_2), ast.unparse(node)
        if isinstance(node, ast.arguments):
            assert not node.kwonlyargs and not node.posonlyargs
            assert not any(argument.annotation for argument in node.args)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
            assert not node.keywords and len(node.args) == 1, ast.unparse(node)
        if isinstance(node, ast.Raise):
            assert node.cause is None, ast.unparse(node)


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 10, 13)])
def test_an_old_python_is_told_what_is_needed(version):
    with pytest.raises(SystemExit) as refusal:
        load(RUN).refuse_if_old(version)
    sentence = str(refusal.value)
    assert "needs Python 3.11" in sentence
    assert "this is Python {}.{}".format(*version) in sentence


def test_run_accepts_what_the_package_accepts():
    run = load(RUN)
    assert PROJECT["requires-python"] == ">={}.{}".format(*run.OLDEST)
    run.refuse_if_old((*run.OLDEST, 0))
    run.refuse_if_old((4, 0, 0))


@pytest.mark.parametrize("arguments", [[], ["tests"], ["--help"]])
def test_without_a_known_command_run_says_how_it_is_used(arguments):
    done = start(sys.executable, RUN, *arguments)
    assert done.returncode != 0
    assert "run.py lab" in done.stderr and "run.py test" in done.stderr
    assert "Traceback" not in done.stderr


# run.py: when it makes an environment, and when it leaves it alone


class Course:
    """A copy of run.py in a folder of its own, whose programs are noted instead of run."""

    def __init__(self, folder):
        for name in ("run.py", "pyproject.toml", "requirements.lock"):
            shutil.copy(ROOT / name, folder)
        self.folder = folder
        self.run = load(folder / "run.py")
        self.run.run = self.note
        self.pip_fails = False

    def note(self, *command):
        if "venv" in command:
            self.done.append("make")
            shutil.rmtree(self.run.VENV, ignore_errors=True)
            os.makedirs(os.path.dirname(self.run.PYTHON))
            Path(self.run.PYTHON).touch()
        elif "pip" in command:
            self.done.append("install " + command[-1])
            return int(self.pip_fails)
        return 0

    def start(self, command):
        """Start a command; return what was done before JupyterLab or pytest had its turn."""
        self.done = []
        self.run.prepare(self.run.PACKAGES[command])
        return self.done


@pytest.fixture
def course(tmp_path):
    folder = tmp_path / "été à la mer"
    folder.mkdir()
    return Course(folder)


def test_the_first_start_installs_and_the_second_does_not(course):
    assert course.start("lab") == ["make", "install ."]
    assert course.start("lab") == []


def test_the_tests_are_added_to_the_lab_once(course):
    course.start("lab")
    assert course.start("test") == ["install .[test]"]
    assert course.start("test") == course.start("lab") == []


@pytest.mark.parametrize("name", ["pyproject.toml", "requirements.lock"])
def test_a_changed_file_makes_the_environment_anew(course, name):
    course.start("lab")
    with open(course.folder / name, "a") as file:
        file.write("# changed\n")
    assert course.start("lab") == ["make", "install ."]


def test_another_python_makes_the_environment_anew(course, monkeypatch):
    course.start("lab")
    monkeypatch.setattr(course.run.sys, "version_info", (3, 99, 0))
    assert course.start("lab") == ["make", "install ."]


def test_a_moved_course_makes_the_environment_anew(course):
    course.start("lab")
    moved = Course(course.folder.rename(course.folder.with_name("moved")))
    assert moved.start("lab") == ["make", "install ."]


def test_a_failed_or_interrupted_install_is_begun_anew(course):
    course.pip_fails = True
    with pytest.raises(SystemExit, match="could not be installed; pip says why"):
        course.start("lab")
    course.pip_fails = False
    assert course.start("lab") == ["make", "install ."]


def test_a_broken_environment_is_made_anew(course):
    course.start("lab")
    os.remove(course.run.PYTHON)
    assert course.start("lab") == ["make", "install ."]


def test_a_python_without_ensurepip_says_what_to_install(course, monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(SystemExit, match=r"sudo apt install python3\.\d+-venv"):
        course.start("lab")


# run.py: JupyterLab and pytest are handed the arguments, the folder and Ctrl-C


def hand_over(course, program, source):
    """Let run.py find an environment that is ready, in which `program` is this source."""
    venv.create(course.run.VENV, symlinks=os.name != "nt")
    Path(course.run.STAMP).write_text(course.run.fingerprint() + course.run.EVERYTHING)
    (course.folder / f"{program}.py").write_text(source)
    return [sys.executable, course.folder / "run.py"]


def test_arguments_folder_and_exit_code_pass_through(course, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    source = (
        "import os, sys\n"
        "print(ascii([sys.argv[1:], os.getcwd(), sys.prefix, os.getenv('PYTHONPATH')]))\n"
        "sys.exit(7)\n"
    )
    command = hand_over(course, "pytest", source)
    done = start(*command, "test", "-k", "two words", cwd=tmp_path)
    assert done.returncode == 7, done.stderr
    arguments, folder, prefix, path = ast.literal_eval(done.stdout)
    assert arguments == ["-k", "two words"]
    assert Path(folder) == course.folder
    assert Path(prefix) == course.folder / ".venv"
    assert path is None


def test_the_lab_opens_the_first_notebook(course):
    command = hand_over(course, "jupyterlab", "import sys; print(ascii(sys.argv[1:]))")
    done = start(*command, "lab", "--no-browser")
    assert done.returncode == 0, done.stderr
    root, address, own = ast.literal_eval(done.stdout)
    assert Path(root.partition("=")[2]) == course.folder
    option, _, address = address.partition("=")
    assert option == "--LabApp.default_url"
    assert (ROOT / address.removeprefix("/lab/tree/")).is_file()
    assert own == "--no-browser"


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent to a process group, as a terminal does")
@pytest.mark.parametrize("to_the_group, number", [(True, "SIGINT"), (False, "SIGTERM")])
def test_ctrl_c_and_being_ended_are_left_to_the_program(course, to_the_group, number):
    source = (
        "import signal, sys, time\n"
        f"signal.signal(signal.{number}, lambda *_: sys.exit(5))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [*hand_over(course, "jupyterlab", source), "lab"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout.readline() == "ready\n"
        send = os.killpg if to_the_group else os.kill
        send(process.pid, getattr(signal, number))
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 5
        assert errors == ""
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


# The exact versions, and what uses them


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


def version(requirement):
    (specifier,) = requirement.specifier
    return specifier.version


def test_the_lock_holds_one_public_version_a_line(lock):
    for requirement in lock:
        assert requirement.url is None and not requirement.extras, requirement
        assert re.fullmatch(r"==[\d.]+(post\d+)?", str(requirement.specifier)), requirement


@pytest.mark.parametrize("wanted", [Requirement(line) for line in DIRECT], ids=str)
def test_a_dependency_has_one_version_within_its_bounds_everywhere(lock, wanted):
    assert {"<", ">="} == {bound.operator for bound in wanted.specifier}
    for environment in ENVIRONMENTS:
        (locked,) = applying(lock, wanted.name, environment)
        assert version(locked) in wanted.specifier, environment


def test_the_lock_is_complete(lock):
    """All that is needed here, directly or not, has a version in the lock."""
    missing, seen, waiting = set(), set(), [Requirement(line) for line in DIRECT]
    while waiting:
        needed = waiting.pop()
        key = (canonicalize_name(needed.name), frozenset(needed.extras))
        if key in seen:
            continue
        seen.add(key)
        if not applying(lock, needed.name, {"extra": ""}):
            missing.add(needed.name)
        for line in importlib.metadata.requires(needed.name) or ():
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or any(
                marker.evaluate({"extra": extra}) for extra in needed.extras | {""}
            ):
                waiting.append(requirement)
    assert not missing


def test_conda_takes_the_same_python_and_the_same_versions():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["channels"] == ["conda-forge"]
    assert environment["dependencies"] == [
        f"python {PROJECT['requires-python']}",
        "pip",
        {"pip": ["--constraint requirements.lock", "--editable ."]},
    ]


def test_the_workflow_runs_the_same_command_from_the_oldest_python_on():
    text = (ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8")
    job = yaml.safe_load(text)["jobs"]["test"]
    oldest, *_ = job["strategy"]["matrix"]["python"]
    assert PROJECT["requires-python"] == f">={oldest}"
    assert "python run.py test" in [step.get("run") for step in job["steps"]]


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
    modules = list((ROOT / "course_utils/nn").rglob("*.py"))
    assert modules
    for module in modules:
        others = imported_packages(module) - sys.stdlib_module_names
        assert others <= {"course_utils", "numpy"}, module
