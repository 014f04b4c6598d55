"""A sweep gives the same table on every executor, whatever is killed, and repeats nothing."""

import math
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import distributed
import loky
import numpy as np
import pytest

from course_utils.experiments.sweep import grid, sweep

ROOT = Path(__file__).resolve().parents[1]
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
SHORT_RUNS = range(200)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.jsonl"


def table(run, settings, path, **options):
    return sweep(run, settings, path, progress=False, **options)


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def wait_for_lines(path, number, process=None):
    """Wait until a sweep (in a process of its own) has written so many lines."""
    deadline = time.monotonic() + 60
    while len(lines(path)) < number:
        assert process is None or process.poll() is None, "the sweep has ended"
        assert time.monotonic() < deadline, f"{len(lines(path))} lines in a minute"
        time.sleep(0.01)


def counted(folder):
    """A run that notes its call in a file, and the function that counts these notes."""
    calls = folder / "calls"

    def run(c, seed):
        with calls.open("a") as file:
            file.write("called\n")
        return {"value": c / (seed + 3)}

    return run, lambda: len(lines(calls))


def never(**settings):
    raise AssertionError(f"called with {settings}")


class Sequential(Executor):
    """One run after the other, as soon as it is submitted."""

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        future.set_result(function(*args, **kwargs))
        return future


EXECUTORS = {
    "all cores": lambda: None,
    "threads": lambda: ThreadPoolExecutor(4),
    "sequential": Sequential,
}


# The table


@pytest.mark.parametrize("make_executor", EXECUTORS.values(), ids=EXECUTORS)
def test_numbers_come_back_exactly_and_in_the_order_of_the_grid(make_executor, path):
    def run(c, seed, norm, affine):
        time.sleep(0.02 * (seed == 0))  # the first ends last
        number = np.random.default_rng(seed).normal() * c
        odd = {"nan": math.nan, "inf": math.inf, "minus": -np.inf, "tiny": 5e-324, "third": 1 / 3}
        return {"number": number, "float32": np.float32(number), "holds": np.bool_(seed), **odd}

    settings = grid(c=np.linspace(1, 2, 3), seed=np.arange(2), norm=[None, "batch"], affine=[True])
    expected = [one | run(**one) for one in settings]
    measured = table(run, settings, path, executor=make_executor())
    assert list(map(list, measured)) == list(map(list, expected))
    for row, wanted in zip(measured, expected, strict=True):
        for name in row:
            np.testing.assert_equal(row[name], wanted[name])
    assert repr(table(never, settings, path)) == repr(measured), "the file says something else"


def test_grid_varies_the_last_setting_fastest():
    assert grid(c=(1, 2), seed=range(2)) == [
        {"c": 1, "seed": 0},
        {"c": 1, "seed": 1},
        {"c": 2, "seed": 0},
        {"c": 2, "seed": 1},
    ]


@pytest.mark.parametrize("axis", ["batch", 3])
def test_a_grid_of_a_single_value_is_refused(axis):
    with pytest.raises(TypeError, match=f"norm must be a list, got {axis!r}"):
        grid(norm=axis)


@pytest.mark.parametrize("settings", ["c", {"c": [1]}, {"c": 1j}])
def test_settings_that_json_does_not_have_are_refused(settings, path):
    with pytest.raises(TypeError, match=r"must (be|hold)"):
        table(never, [settings], path)


# The file


def test_a_finished_run_is_not_repeated_and_a_grid_may_grow(path, tmp_path):
    run, calls = counted(tmp_path)
    table(run, grid(c=[1, 2], seed=[0]), path)
    before = path.read_bytes()
    grown = [*grid(seed=[1, 0], c=[2]), {"c": 2, "seed": 0}]
    rows = table(run, grown, path)
    assert [row["value"] for row in rows] == [2 / 4, 2 / 3, 2 / 3]
    assert calls() == 3
    assert path.read_bytes().startswith(before) and len(lines(path)) == 3


def test_a_finished_run_is_in_the_file_while_the_next_is_under_way(path):
    def run(seed):
        wait_for_lines(path, seed)
        return {"value": seed}

    assert len(table(run, grid(seed=range(3)), path, executor=ThreadPoolExecutor(1))) == 3


@pytest.mark.parametrize("kept", [1, 30, -1])
def test_a_cut_last_line_is_made_again(kept, path, tmp_path):
    run, calls = counted(tmp_path)
    settings = grid(c=[1], seed=range(3))
    whole = table(run, settings, path)
    *others, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*others, last[:kept]]))
    assert table(run, settings, path) == whole
    assert calls() == 4
    assert table(never, settings, path) == whole


@pytest.mark.parametrize("content", [b"claim,seed\nC1,3\n", b"no newline", b"[1]\n", b"\xff\n"])
def test_another_file_is_left_as_it_is(content, path):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"runs\.jsonl is no file of a sweep"):
        table(never, grid(seed=[1]), path)
    assert path.read_bytes() == content


# What fails


class DoesNotTravel(Exception):
    def __init__(self, one, two):
        super().__init__("odd")


@pytest.mark.parametrize("make_executor", EXECUTORS.values(), ids=EXECUTORS)
def test_runs_that_fail_are_told_at_the_end_and_tried_again(make_executor, path, tmp_path):
    def run(seed, repaired=tmp_path / "repaired"):
        if not repaired.exists():
            if seed == 0:
                raise DoesNotTravel(1, 2)
            if seed == 1:
                sys.exit("gone")
            if seed == 2:
                return {"seed": 1}
            if seed == 3:
                return {"history": [1, 2]}
        return {"value": seed}

    settings = grid(seed=range(8))
    with pytest.raises(RuntimeError, match="4 of 8 runs failed") as failure:
        table(run, settings, path, executor=make_executor())
    for words in (
        "- seed=0: DoesNotTravel: odd",
        "- seed=1: SystemExit: gone",
        "- seed=2: ValueError: run must not return 'seed'",
        "- seed=3: TypeError: run must return numbers, got [1, 2] as 'history'",
        "test_sweep.DoesNotTravel: odd\n",
    ):
        assert words in str(failure.value)
    assert len(lines(path)) == 4
    (tmp_path / "repaired").touch()
    rows = table(run, settings, path, executor=make_executor())
    assert [row["value"] for row in rows] == list(range(8))


class DoesNotArrive:
    def __reduce__(self):
        return never, ()


def test_a_function_that_cannot_be_loaded_is_not_taken_for_a_dying_process(path):
    def run(seed, odd=DoesNotArrive()):
        return {"value": seed}

    with pytest.raises(RuntimeError, match="- seed=0: AssertionError: called with"):
        table(run, grid(seed=[0]), path)


def test_many_failures_are_summed_up(path):
    with pytest.raises(RuntimeError, match="and 20 more") as failure:
        table(never, grid(seed=range(30)), path, executor=Sequential())
    assert str(failure.value).count("- seed=") == 10


def test_a_dying_process_fails_its_own_run_alone(path, tmp_path):
    def run(seed, stumbled=tmp_path / "stumbled"):
        if seed == 7:
            os._exit(1)
        if seed == 4 and not stumbled.exists():
            stumbled.touch()
            os._exit(1)
        return {"value": seed}

    settings = grid(seed=range(12))
    with pytest.raises(RuntimeError, match="1 of 12 runs failed") as failure:
        table(run, settings, path)
    assert "- seed=7: a worker process died" in str(failure.value)
    rows = table(lambda seed: {"value": -seed}, settings, path)
    assert [row["value"] for row in rows] == [-s if s == 7 else s for s in range(12)]


def test_a_given_pool_that_breaks_keeps_what_is_finished(path):
    def run(seed):
        if seed == 2:
            os._exit(1)
        return {"value": seed}

    pool = loky.ProcessPoolExecutor(1)
    with pytest.raises(RuntimeError, match="4 of 6 runs failed") as failure:
        table(run, grid(seed=range(6)), path, executor=pool)
    assert str(failure.value).count("a worker process died") == 4
    assert len(lines(path)) == 2
    with pytest.raises(RuntimeError, match="4 of 4 runs failed"):
        table(run, grid(seed=range(6)), path, executor=pool)


# Interrupted


def test_an_interrupt_cancels_what_has_not_begun(path, tmp_path):
    run, calls = counted(tmp_path)

    def interrupted(c, seed):
        time.sleep(0.05)
        if seed == 1:
            raise KeyboardInterrupt
        return run(c, seed)

    with ThreadPoolExecutor(1) as executor, pytest.raises(KeyboardInterrupt):
        table(interrupted, grid(c=[1], seed=range(50)), path, executor=executor)
    assert len(lines(path)) == 1 and calls() < 10


@pytest.mark.skipif(os.name == "nt", reason="no signal wakes a waiting thread there")
def test_an_interrupt_waits_for_no_long_run(path):
    def run(seed):
        time.sleep(60 * (seed > 0))
        return {"value": seed}

    def interrupt():
        wait_for_lines(path, 1)
        os.kill(os.getpid(), signal.SIGINT)

    began = time.monotonic()
    with ThreadPoolExecutor(1) as beside, pytest.raises(KeyboardInterrupt):
        beside.submit(interrupt)
        table(run, grid(seed=range(10)), path)
    rows = table(lambda seed: {"value": -seed}, grid(seed=range(10)), path)
    assert [row["value"] for row in rows] == [-seed for seed in range(10)]
    assert time.monotonic() - began < 50


@pytest.mark.skipif(os.name == "nt", reason="there it ends a process outright")
def test_a_worker_leaves_ctrl_c_to_the_sweep(path):
    def run(seed):
        os.kill(os.getpid(), signal.SIGINT)
        return {"value": seed}

    assert table(run, grid(seed=[5]), path) == [{"seed": 5, "value": 5}]


# Processes and a cluster that are killed

SCRIPT = """
import sys
import time

import numpy
from threadpoolctl import threadpool_info

from course_utils.experiments.sweep import grid, sweep


def run(seed):
    with open(calls, "a") as file:
        file.write("called\\n")
    time.sleep(0.02)
    threads = max(library["num_threads"] for library in threadpool_info())
    return {"value": 1 / (seed + 3), "threads": threads}


if __name__ == "__main__":
    path, calls = sys.argv[1:]
    sweep(run, grid(seed=range(200)), path, progress=False)
"""


def start_script(folder, path):
    """Start a sweep of 200 runs on two cores, of a function that `__main__` defines."""
    script = folder / "script.py"
    script.write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, script, path, folder / "calls"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "LOKY_MAX_CPU_COUNT": "2"},
        stderr=subprocess.PIPE,
    )


def test_a_sweep_killed_half_way_is_finished_by_the_next(path, tmp_path):
    process = start_script(tmp_path, path)
    wait_for_lines(path, 100, process)
    process.kill()
    process.communicate(timeout=30)  # until the workers have ended too, which hold the pipe
    done, made = path.read_bytes().count(b"\n"), len(lines(tmp_path / "calls"))
    assert 100 <= done < 200

    process = start_script(tmp_path, path)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors.decode()
    assert len(lines(path)) == 200
    assert len(lines(tmp_path / "calls")) == made + 200 - done
    assert table(never, grid(seed=SHORT_RUNS), path) == [
        {"seed": seed, "value": 1 / (seed + 3), "threads": 1} for seed in SHORT_RUNS
    ]


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs="CRITICAL",
    ) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as client:
        yield client


def test_dask_gives_the_same_table_with_a_worker_killed(client, path):
    def run(seed):
        time.sleep(0.02)
        return {"value": 1 / (seed + 3)}

    def kill_one():
        wait_for_lines(path, 50)
        pid, *_ = client.run(os.getpid).values()
        os.kill(pid, KILL)
        return len(lines(path))

    with ThreadPoolExecutor(1) as beside:
        killed_at = beside.submit(kill_one)
        rows = table(run, grid(seed=SHORT_RUNS), path, executor=client.get_executor())
    assert killed_at.result() < 200
    assert rows == [{"seed": seed, "value": 1 / (seed + 3)} for seed in SHORT_RUNS]


def test_dask_tries_a_failed_run_again(client, path, tmp_path):
    def run(seed, repaired=tmp_path / "repaired"):
        if not repaired.exists():
            raise ValueError("no luck")
        return {"value": seed}

    executor = client.get_executor()
    with pytest.raises(RuntimeError, match="ValueError: no luck") as failure:
        table(run, grid(seed=[0, 1]), path, executor=executor)
    assert failure.tb is not None  # whose frames keep Dask's futures, as in a notebook
    (tmp_path / "repaired").touch()
    assert len(table(run, grid(seed=[0, 1]), path, executor=executor)) == 2
