"""A student's function in a process of its own, judged from here.

`Apart` starts the process, and `Apart.answer` stands for a function that is defined there: called,
it sends the input over and hands back the result. Only data come back (see `packing`), never an
object, so whatever runs over there has no part in the verdict: the checker here sees values, as it
sees those of any function. Inputs that are functions stay here and are asked from there.

For Linux and macOS.
"""

import json
import linecache
import os
import pickle
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from course_utils.lab.packing import unpack

HERE = Path(__file__).parent
TEXTS = {
    f"course_utils.lab.{name}": (HERE / f"{name}.py").read_text("utf-8")
    for name in ("packing", "apart_process")
}
START = """
import sys, types
for name, text in {texts!r}.items():
    sys.modules[name] = module = types.ModuleType(name)
    exec(compile(text, name, "exec"), module.__dict__)
module.main()
"""
LONGEST = 20_000_000  # bytes of one reply
LARGEST_NUMBER = 10**6  # whole numbers, and entries, that an input which stays here is asked with
LONGER = 6  # times the processor time: then a call that only sleeps is over


class Gone(Exception):
    """The process has ended, or sends what is no reply."""


class Apart:
    """A process for a student's code. Use it in a ``with`` block.

    Parameters
    ----------
    edition : path
        The folder of the course that the code imports: a student edition, without answers.
    inside : sequence of str
        A command that runs another, as ``docker run ... image``; `{edition}` stands for the folder.
    python : str, optional
        The Python to run there, by default this one.
    seconds, memory : int
        Of processor time, and bytes, for the whole process.

    Attributes
    ----------
    limits : list of str
        What the process has given up, in its own words.
    waits : bool
        Whether a reply is still due: after a call that took too long.
    """

    def __init__(self, edition, inside=(), python=None, seconds=60, memory=2 * 2**30):
        self.edition, self.inside = str(Path(edition).resolve()), inside
        self.python = python or sys.executable
        self.seconds, self.memory = seconds, memory

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="apart-", ignore_cleanup_errors=True)
        folder = self._folder.name
        prefixes = {sys.prefix, sys.base_prefix, os.path.dirname(os.path.realpath(sys.executable))}
        readable = [self.edition, *sorted(prefixes), "/usr", "/lib", "/lib64", "/proc/self"]
        readable += ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"]
        command = [part.replace("{edition}", self.edition) for part in self.inside]
        self._process = subprocess.Popen(
            [*command, self.python, "-c", START.format(texts=TEXTS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={
                "HOME": folder,
                "MPLBACKEND": "Agg",
                "OPENBLAS_NUM_THREADS": "1",
                "PATH": os.environ.get("PATH", ""),
                "PYTHONHASHSEED": "0",
                "PYTHONPATH": self.edition,
            },
            start_new_session=True,
        )
        self._read, self.waits, self._results, self._cells = bytearray(), False, [], set()
        limits = {"seconds": self.seconds, "memory": self.memory}
        try:
            self._send({**limits, "readable": readable, "writable": [folder]})
            self.limits = self._receive(60)["limits"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._folder.cleanup()

    def define(self, name, cells, seconds):
        """Run the lines of a notebook that define a function, or a class.

        Parameters
        ----------
        name : str
        cells : list of (str, str)
            Names and sources of the notebook's cells of code.
        seconds : float
            Then a TimeoutError is raised.

        Returns
        -------
        str, callable or None
            "defined", "no function", "blank" or "absent"; and what stands for the function here.

        Raises
        ------
        Exception
            What the lines raise, as an exception of another class with the same name; `Gone`.
        """
        self._results, self._cells = [], {cell for cell, _ in cells}
        for cell, source in cells:
            linecache.cache[cell] = (len(source), None, source.splitlines(keepends=True), cell)
        reply = self._asked({"do": "define", "name": name, "cells": cells}, seconds)
        if reply.get("state") not in ("defined", "no function", "blank", "absent"):
            raise Gone("the process sends what is no reply")
        return reply["state"], Answer(self, name, reply) if reply["state"] == "defined" else None

    def call(self, case, run=None):
        """The result of the function on an input, into whose arrays its changes are written."""
        asks = [callable(part) and not hasattr(part, "forward") for part in case]
        parts = [("ask", i) if ask else ("value", case[i]) for i, ask in enumerate(asks)]
        reply = self._asked({"do": "call", "case": parts, "run": run}, LONGER * self.seconds, case)
        try:
            result = unpack(reply["result"])
            for i, now in reply["changed"].items():
                _write(case[int(i)], now)
            for i, now in reply["rewritten"].items():
                _overwrite(self._results[int(i)], unpack(now))
        except Exception as error:
            raise Gone("the process sends what is no reply") from error
        self._results.append(result)
        return result

    def _asked(self, request, seconds, case=()):
        """The reply to a request; meanwhile inputs that stay here answer."""
        if self.waits:
            raise Gone("the process no longer answers")
        self.waits = True
        self._send(request)
        while "ask" in (reply := self._receive(seconds)):
            try:
                arguments = _harmless([unpack(each) for each in reply["arguments"]])
                answer = "value", case[reply["ask"]](*arguments)
            except Exception as error:  # noqa: BLE001 (asked with anything at all)
                answer = "error", str(error)
            self._send(answer)
        self.waits = False
        if "error" in reply:
            _raise(reply["error"], self._cells)
        return reply

    def _send(self, message):
        try:
            pickle.dump(message, self._process.stdin)
            self._process.stdin.flush()
        except OSError:
            self._gone()

    def _receive(self, seconds):
        end = time.monotonic() + seconds if seconds else None
        while b"\n" not in self._read:
            # In short pieces, so that a limit of time reaches this thread.
            if select.select([self._process.stdout], [], [], 0.05)[0]:
                piece = os.read(self._process.stdout.fileno(), 2**16)
                self._read += piece
                if not piece or len(self._read) > LONGEST:
                    self._gone()
            elif end and time.monotonic() > end:
                raise TimeoutError(f"did not finish in {seconds:g} seconds")
        line, _, self._read = self._read.partition(b"\n")
        try:
            reply = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise Gone("the process sends what is no reply") from error
        if not isinstance(reply, dict):
            raise Gone("the process sends what is no reply")
        return reply

    def _gone(self):
        self.waits = False
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            raise Gone("the process no longer answers") from None
        words = f"exit code {code}"
        if code < 0:
            words = signal.Signals(-code).name
        if code == -signal.SIGXCPU:
            self.waits = True
        raise Gone(f"the process has ended: {words}")


class Answer:
    """What stands here for a function that is defined apart."""

    def __init__(self, process, name, about):
        self.__name__, self._process = name, process
        arguments, names = about.get("arguments"), about.get("names")
        if isinstance(arguments, list) and isinstance(names, list):
            self.__code__ = SimpleNamespace(
                co_varnames=tuple(map(str, arguments)),
                co_argcount=len(arguments),
                co_names=tuple(map(str, names)),
            )

    def __call__(self, *case):
        return self._process.call(case)

    def used_by(self, run):
        """A ``run`` for this answer that does there what an exercise's own would do here."""

        def there(answer, *case):
            return self._process.call(case, (run.__module__, run.__name__))

        return there


def _harmless(arguments):
    if any(isinstance(each, int) and abs(each) > LARGEST_NUMBER for each in arguments):
        raise ValueError("too large a number")
    shapes = [each.shape for each in arguments if isinstance(each, np.ndarray)]
    if np.prod([1.0, *np.broadcast_shapes(*shapes)]) > LARGEST_NUMBER:
        raise ValueError("too large arrays")
    return arguments


def _write(argument, now):
    """Repeat on an argument here what was done to its copy there."""
    if isinstance(argument, np.ndarray | list):
        _overwrite(argument, unpack(now))
    else:
        for key, value in now.items():
            _overwrite(argument.params[key], unpack(value))


def _overwrite(old, new):
    """Put the contents of a value into another, as far as it can be changed in place."""
    if isinstance(old, list):
        old[:] = new
    elif isinstance(old, np.ndarray):
        old[...] = new
    elif isinstance(old, tuple):
        for item, its_new in zip(old, new):
            _overwrite(item, its_new)


def _raise(told, cells):
    """Raise what was raised there, as if it were in the student's line here, in one of the cells."""
    try:
        error = unpack({"kind": "error", "type": told["type"], "words": told["words"]})
        cell, line = str(told["cell"]), min(int(told["line"]), 10_000)
        cell = cell if cell in cells else __file__  # what is told may name any file
        code = compile("\n" * (line - 1) + "raise error", cell, "exec")
    except Exception as wrong:
        raise Gone("the process sends what is no reply") from wrong
    exec(code, {"error": error})
