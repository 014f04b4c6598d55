"""The hub's files, as far as they can be tried without a hub, root and system users."""

import importlib.util
import re
import runpy
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from traitlets.config import Config, LoggingConfigurable

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"


def load(name):
    spec = importlib.util.spec_from_file_location(name, DEPLOY / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def spawner(monkeypatch):
    """The module, where a bare class stands for JupyterHub's."""
    pytest.importorskip("pwd", reason="system users: not on Windows")
    hub = types.ModuleType("jupyterhub.spawner")
    hub.LocalProcessSpawner = LoggingConfigurable
    monkeypatch.setitem(sys.modules, "jupyterhub", types.ModuleType("jupyterhub"))
    monkeypatch.setitem(sys.modules, "jupyterhub.spawner", hub)
    module = load("spawner")
    monkeypatch.setitem(sys.modules, "spawner", module)
    return module


def test_the_configuration_loads(spawner, tmp_path, monkeypatch):
    state = tmp_path / "state"
    monkeypatch.setenv("COURSE_HUB_STATE", str(state))
    monkeypatch.setattr(sys, "path", sys.path[:])
    c = Config()
    runpy.run_path(DEPLOY / "jupyterhub_config.py", {"get_config": lambda: c})
    assert state.stat().st_mode & 0o077 == 0
    assert c.JupyterHub.spawner_class is spawner.StudentSpawner
    assert set(c.StudentSpawner) <= {*spawner.StudentSpawner.class_trait_names(), "mem_limit",
                                     "cpu_limit"}  # fmt: skip
    files, folder = Path(c.StudentSpawner.files), spawner.StudentSpawner.folder.default_value
    start = c.Spawner.default_url.removeprefix(f"/lab/tree/{folder}/")
    assert (files / start).is_file()
    assert "--KernelManager.transport=ipc" in c.Spawner.args
    (settings,) = (each.partition("=")[2] for each in c.Spawner.args if "settings" in each)
    assert (Path(settings) / "overrides.json").is_file()


def test_limits_are_written_to_control_groups_of_version_1(spawner, tmp_path):
    for controller in "memory", "cpu":
        (tmp_path / controller).mkdir()
    groups = spawner.control_groups("ada", 2**30, 1.5, tmp_path)
    assert groups == [tmp_path / "cpu/course/ada", tmp_path / "memory/course/ada"]
    assert (groups[0] / "cpu.cfs_quota_us").read_text() == "150000"
    assert (groups[1] / "memory.limit_in_bytes").read_text() == str(2**30)


def test_limits_are_written_to_control_groups_of_version_2(spawner, tmp_path):
    (tmp_path / "cgroup.controllers").write_text("cpu memory")
    (group,) = spawner.control_groups("ada", 2**30, 1.5, tmp_path)
    assert group == tmp_path / "course/ada"
    assert (group / "cpu.max").read_text() == "150000 100000"
    assert (group / "memory.max").read_text() == str(2**30)
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+memory +cpu"
    spawner.control_groups("ada", None, None, tmp_path)  # again, without limits
    assert (group / "cpu.max").read_text() == "max 100000"
    assert (group / "memory.max").read_text() == "max"


def test_no_folders_of_control_groups_are_an_error_that_the_spawner_knows(spawner, tmp_path):
    with pytest.raises(OSError, match="no folder of control groups"):
        spawner.control_groups("ada", 2**30, 1.0, tmp_path)
    assert not list(tmp_path.iterdir())


def test_files_are_copied_once(tmp_path):
    source, home = tmp_path / "source", tmp_path / "home" / "course"
    (source / "images").mkdir(parents=True)
    for name in "00.ipynb", "01.ipynb", "images/00.png", ".predictions.json":
        (source / name).write_text("ours")
    command = [sys.executable, DEPLOY / "copy_new.py", source, home]
    subprocess.run(command, check=True)
    assert not (home / ".predictions.json").exists()
    (home / "00.ipynb").write_text("hers")
    (home / "01.ipynb").unlink()
    (source / "02.ipynb").write_text("ours")
    subprocess.run(command, check=True)
    texts = {path.name: path.read_text() for path in home.rglob("*") if path.is_file()}
    assert texts == {"00.ipynb": "hers", "01.ipynb": "ours", "02.ipynb": "ours", "00.png": "ours"}


def pins(path):
    lines = path.read_text("utf-8").splitlines()
    return {Requirement(line).name: line for line in lines if not line.startswith("#")}


def test_the_locks_agree():
    course, hub = pins(ROOT / "requirements.lock"), pins(DEPLOY / "requirements.lock")
    for name in course.keys() & hub.keys():
        version = re.compile(r"==[^ ;]+")
        assert version.findall(course[name]) == version.findall(hub[name]), (
            f"{name}: make deploy/requirements.lock anew, as deploy/README.md says at its end"
        )
    for requirement in pins(DEPLOY / "requirements.in").values():
        requirement = Requirement(requirement)
        version = Requirement(hub[requirement.name]).specifier
        assert requirement.specifier.contains(str(version).removeprefix("=="))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert {Requirement(each).name for each in project["dependencies"]} <= hub.keys()


def test_the_values_for_kubernetes_are_yaml():
    values = yaml.safe_load((DEPLOY / "kubernetes-values.yaml").read_text("utf-8"))
    command = values["singleuser"]["lifecycleHooks"]["postStart"]["exec"]["command"]
    assert (ROOT / command[1].removeprefix("/srv/course/")).is_file()
