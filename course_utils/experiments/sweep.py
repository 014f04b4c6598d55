"""A grid of independent runs, on all cores or on a cluster, that goes on where it was left.

::

    def run(c, lr, seed):
        (images, labels), test = ...
        return {"loss": loss, "error": error}

    rows = sweep(run, grid(c=(1, 2, 3), lr=(0.01, 0.1), seed=range(10)), "runs.jsonl")

Whatever `run` refers to in a notebook is sent along with every run. A large array does not want to
travel: let `run` load it, by a function of a module that remembers (`functools.cache`), so that
each worker loads it once.
"""

import functools
import itertools
import json
import os
import signal
import threading
import time
import traceback
import uuid
from concurrent.futures import BrokenExecutor, Future, as_completed
from contextlib import closing
from numbers import Real
from pathlib import Path

import cloudpickle
import loky
import numpy as np

from course_utils.checks import check_list
from course_utils.experiments.progress import progress_bar

LINE_START = b'{"settings": '
DIED = "a worker process died (killed, crashed, or out of memory)"
SHOWN_FAILURES = 10


def grid(**axes):
    """All combinations of some settings' values, as a list of dicts; the last one varies fastest.

    Raises
    ------
    TypeError
        For values that are no list, a string among them.
    """
    for name, values in axes.items():
        if isinstance(values, str):
            raise TypeError(f"{name} must be a list, got {values!r}")
        axes[name] = check_list(name, values)
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def sweep(run, grid, path, *, executor=None, progress=True):
    """Make those runs of a grid that a file does not hold yet, and return all of the grid's.

    Every run is written to the file as it ends, and found there by its settings. So a sweep that
    was interrupted or killed goes on where it was, and one file may serve a grid that grows; but
    only one function, and one sweep at a time.

    Parameters
    ----------
    run : callable
        ``run(**settings)`` returns a dict of name to number, under other names than the settings'.
        Where it depends on nothing but its settings (a seed among them), the table is the same
        whatever the executor.
    grid : sequence of dict
        The settings of each run: numbers, strings, None, True or False.
    path : str or Path
        The file: a line of JSON a run, only ever added to.
    executor : concurrent.futures.Executor, optional
        By default a process for each core, with one thread for matrix products. For a Dask cluster
        whose workers have this package: ``client.get_executor()``.
    progress : bool
        Show a progress bar over the runs still to do.

    Returns
    -------
    list of dict
        Settings and numbers of each run, in the grid's order.

    Raises
    ------
    TypeError
        For settings of another kind.
    ValueError
        For a file with anything else in it than the results of a sweep; it is left as it was.
    RuntimeError
        When all others are done and written, if some runs failed. The next sweep tries them again.
    """
    path = Path(path)
    grid = [_checked_settings(settings) for settings in check_list("grid", grid)]
    finished, length = _read(path)
    todo = {_key(settings): settings for settings in grid if _key(settings) not in finished}
    ended = _on_all_cores(run, todo) if executor is None else _as_they_end(executor, run, todo)
    failures = {}
    with (
        path.open("ab") as file,
        closing(ended),
        progress_bar(len(todo), progress) as bar,
    ):
        file.truncate(length)  # what a killed sweep left of the line that it was writing
        for key, future in ended:
            outcome = _outcome(future)
            if "error" in outcome:
                failures[key] = outcome
            else:
                finished[key] = outcome["numbers"]
                line = json.dumps({"settings": todo[key], "numbers": outcome["numbers"]})
                file.write(line.encode() + b"\n")
                file.flush()
            bar.update()
    if failures:
        raise RuntimeError(_in_words(failures, todo, path))
    return [settings | finished[_key(settings)] for settings in grid]


def _checked_settings(settings):
    """Settings as JSON has them: NumPy's numbers as Python's (TypeError for what JSON has not)."""
    if not isinstance(settings, dict):
        raise TypeError(f"grid must hold dicts of settings, got {settings!r}")
    plain = {name: _plain(value) for name, value in settings.items()}
    for name, value in plain.items():
        if not isinstance(value, (Real, str, type(None))):
            raise TypeError(f"{name} must be a number, string, None, True or False, got {value!r}")
    return plain


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value


def _key(settings):
    return json.dumps(settings, sort_keys=True)


def _read(path):
    """A file's results, numbers by the key of their settings, and its length in whole lines."""
    content = path.read_bytes() if path.exists() else b""
    *lines, cut = content.split(b"\n")
    finished = {}
    for i, line in enumerate(lines, start=1):
        try:
            result = json.loads(line)
            finished[_key(result["settings"])] = dict(result["numbers"])
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{path} is no file of a sweep: line {i} is {line!r}") from None
    if cut[: len(LINE_START)] != LINE_START[: len(cut)]:
        raise ValueError(f"{path} is no file of a sweep: it ends in {cut!r}")
    return finished, len(content) - len(cut)


def _one_run(run, settings, attempt):
    """In a worker: a run's numbers, or its error as text, as not every exception can travel.

    No two attempts are alike: Dask would answer the same call with the failure that it remembers.
    """
    try:
        numbers = {name: _plain(value) for name, value in run(**settings).items()}
        for name, value in numbers.items():
            if not isinstance(value, Real):
                raise TypeError(f"run must return numbers, got {value!r} as {name!r}")
            if name in settings:
                raise ValueError(f"run must not return {name!r}, the name of a setting")
    except (Exception, SystemExit) as error:
        return {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
    return {"numbers": numbers}


def _outcome(future):
    """What `_one_run` returned; the error of an executor that could not run it."""
    try:
        return future.result()
    except BrokenExecutor:
        return {"error": DIED}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _as_they_end(executor, run, todo):
    """Hand all runs to an executor; yield key and future as they end, and cancel what is left."""
    futures = {}
    try:
        for key, settings in todo.items():
            futures[_submit(executor, run, settings)] = key
        for future in as_completed(futures):
            yield futures[future], future
    finally:
        for future in futures:
            future.cancel()


def _submit(executor, run, settings):
    try:
        return executor.submit(_one_run, run, settings, uuid.uuid4().hex)
    except BrokenExecutor as error:
        future = Future()
        future.set_exception(error)
        return future


def _on_all_cores(run, todo):
    """As `_as_they_end`, in local processes, of which one that dies fails only its own run.

    With a process all runs of its pool are lost. The oldest of them, which were under way, are
    each made again alone, where a second death can only be their own; the others together.
    """
    run = functools.partial(_unpickle_and_run, cloudpickle.dumps(run))
    cores = loky.cpu_count()
    try:
        while todo:
            lost = set()
            for key, future in _as_they_end(_pool(cores), run, todo):
                if isinstance(future.exception(), BrokenExecutor):
                    lost.add(key)
                else:
                    yield key, future
            todo = {key: settings for key, settings in todo.items() if key in lost}
            for key in list(todo)[:cores]:
                yield from _as_they_end(_pool(cores), run, {key: todo.pop(key)})
    except BaseException:
        _pool(cores).shutdown(kill_workers=True)
        raise


def _pool(cores):
    """The last pool of processes, if it is still whole."""
    return loky.get_reusable_executor(cores, initializer=_start_worker)


def _start_worker():
    """Leave Ctrl-C to the sweep, and end with it. Importing this has set one BLAS thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()


def _end_with(parent):
    """A sweep that was killed cannot end its workers: they look after that themselves."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _unpickle_and_run(pickled, /, **settings):
    return _unpickled(pickled)(**settings)


@functools.lru_cache(maxsize=1)
def _unpickled(pickled):
    """In a worker: the function to run. Failing here is an error of a run, not of the pool."""
    return cloudpickle.loads(pickled)


def _in_words(failures, todo, path):
    """Which runs failed and why, in the grid's order, with the first one's traceback."""
    failures = {key: failures[key] for key in todo if key in failures}
    lines = [
        f"{len(failures)} of {len(todo)} runs failed. The others are in {path}; "
        "the next sweep tries these again:"
    ]
    for key, failure in list(failures.items())[:SHOWN_FAILURES]:
        settings = ", ".join(f"{name}={value!r}" for name, value in todo[key].items())
        lines.append(f"- {settings}: {failure['error']}")
    if len(failures) > SHOWN_FAILURES:
        lines.append(f"and {len(failures) - SHOWN_FAILURES} more")
    tracebacks = [failure["traceback"] for failure in failures.values() if "traceback" in failure]
    return "\n".join([*lines, *tracebacks[:1]])
