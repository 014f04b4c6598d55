"""What runs in the process of `course_utils.lab.apart`: a student's code, and this beside it.

It is handed to Python as text, so it runs wherever Python, NumPy and a student edition are, and
imports nothing of the course but `packing`, which is handed over with it. Before the first line of
the student's runs it gives up what it can: time, memory, and on Linux all files but those that Python
and the edition need, signals to other processes (Landlock), sockets and processes of its own (seccomp).
"""

import ast
import contextlib
import ctypes
import dis
import json
import os
import pickle
import re
import struct
import sys
import traceback
from importlib import import_module
from types import CodeType

import numpy as np

from course_utils.lab.packing import described, pack

CHECK = re.compile(r"(\w+) = check\(\1\)")
MAGIC = re.compile(r"^\s*[%!].*$|^.*\?$", re.MULTILINE)
DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
LOADS = ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS")  # of a name of the notebook
LARGEST = 200_000  # entries of an array, or characters, that are handed over


# Before the student's code runs


def give_up(seconds, memory, readable, writable):
    """Limit this process for good; returns what could be done, in words."""
    done = []
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))  # ended, and then killed
        for limit, value in (
            (resource.RLIMIT_AS, memory),
            (resource.RLIMIT_FSIZE, 2**24),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(limit, (value, value))
        done.append("time and memory")
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.syscall.restype = ctypes.c_long
        libc.prctl(38, 1, 0, 0, 0)  # no new privileges, which both ask for
        for give_up_more in (lambda: _landlock(libc, readable, writable), lambda: _seccomp(libc)):
            with contextlib.suppress(OSError, KeyError):
                done.append(give_up_more())
    return done


def _landlock(libc, readable, writable):
    """Give up all files but some and those in some folders, and signals to processes outside."""

    def call(number, *arguments):
        result = libc.syscall(ctypes.c_long(number), *arguments)
        if result < 0:
            raise OSError(ctypes.get_errno(), "Landlock")
        return result

    version = call(444, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    everything = (1 << (16 if version >= 5 else 15 if version >= 3 else 13)) - 1
    if version == 2:
        everything |= 1 << 13
    scope = 3 if version >= 6 else 0
    rules = (ctypes.c_uint64 * 3)(everything, 0, scope)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = call(444, rules, ctypes.c_size_t(size), ctypes.c_uint32(0))
    read = (1 << 2) | (1 << 3)
    for allowed, paths in ((read, readable), (everything & ~1, writable)):
        for path in paths:
            if os.path.exists(path):
                handle = os.open(path, os.O_PATH)
                rights = allowed if os.path.isdir(path) else allowed & (1 << 2)
                rule = rights.to_bytes(8, sys.byteorder) + handle.to_bytes(4, sys.byteorder)
                call(445, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint32(0))
                os.close(handle)
    call(446, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    os.close(ruleset)
    return "files and signals (Landlock)" if scope else "files (Landlock)"


# By machine: how seccomp calls it; fork, vfork, ptrace, socket, io_uring_setup, setpriority,
# sched_setparam, sched_setscheduler, sched_setaffinity, shmget, msgget, semget, mq_open, add_key and
# ioprio_set; clone; and prlimit64
CALLS = {
    "x86_64": (
        0xC000003E,
        (57, 58, 101, 41, 425, 141, 142, 144, 203, 29, 68, 64, 240, 248, 251),
        56,
        302,
    ),
    "aarch64": (
        0xC00000B7,
        (117, 198, 425, 140, 118, 119, 122, 194, 186, 190, 180, 217, 30),
        220,
        261,
    ),
}
REFUSED, MISSING, ALLOWED = 0x00050001, 0x00050026, 0x7FFF0000


def _seccomp(libc):
    """Give up new processes, but not threads; sockets, and what reaches into other processes."""
    machine, calls, clone, prlimit = CALLS[os.uname().machine]
    load, equal, at_least, any_bit, end = 0x20, 0x15, 0x35, 0x45, 0x06
    lines = [(load, 0, 0, 4), (equal, 1, 0, machine), (end, 0, 0, REFUSED)]
    lines += [(load, 0, 0, 0), (at_least, 0, 1, 2**30), (end, 0, 0, REFUSED)]
    for number in calls:
        lines += [(equal, 0, 1, number), (end, 0, 0, REFUSED)]
    lines += [(equal, 0, 1, 435), (end, 0, 0, MISSING)]  # clone3, in whose place there is clone
    lines += [
        (equal, 0, 3, clone),
        (load, 0, 0, 16),
        (any_bit, 1, 0, 0x10000),
        (end, 0, 0, REFUSED),
    ]
    lines += [(load, 0, 0, 0), (equal, 0, 3, prlimit)]
    lines += [(load, 0, 0, 16), (equal, 1, 0, 0), (end, 0, 0, REFUSED)]  # zero is oneself
    lines += [(end, 0, 0, ALLOWED)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    header = struct.pack("HxxxxxxP", len(lines), ctypes.addressof(program))
    if libc.prctl(22, 2, ctypes.c_char_p(header), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")
    return "processes and sockets (seccomp)"


# The lines that a function needs


def read(cells):
    """The statements of a notebook's cells, each with its cell's name; and errors, with the source."""
    statements, errors = [], []
    for name, source in cells:
        source = MAGIC.sub("", source)
        try:
            statements += [(name, each) for each in ast.parse(source).body]
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            errors.append((source, error))
    return statements, errors


def binds(statement):
    """The names that a statement binds."""
    if isinstance(statement, DEFINITIONS):
        return {statement.name}
    names = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
    return names


def uses(statement):
    """The names of its module that a statement uses, those inside of its functions among them."""
    waiting, names = [compile(ast.Module([statement], []), "", "exec")], set()
    while waiting:
        code = waiting.pop()
        waiting += [each for each in code.co_consts if isinstance(each, CodeType)]
        steps = dis.get_instructions(code)
        names |= {s.argval for s in steps if s.opname in LOADS}
    return names


def is_blank(statement):
    """Whether it is a function, or a class of functions, of dots."""
    if isinstance(statement, ast.ClassDef):
        return all(is_blank(each) for each in statement.body if not _is_constant(each))
    if not isinstance(statement, ast.FunctionDef):
        return False
    return all(_is_constant(each) or isinstance(each, ast.Pass) for each in statement.body)


def _is_constant(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def checks(statement):
    """The name that a statement ``name = check(name)`` checks, or None."""
    found = CHECK.fullmatch(ast.unparse(statement)) if isinstance(statement, ast.Assign) else None
    return found and found[1]


def needed(name, statements):
    """The places of the statements that define a name, and all that it uses; None if nothing does.

    Of several definitions the last with code in it counts. What a student has not written, the
    notebook's check may supply.
    """
    binding = [binds(statement) for _, statement in statements]
    of_check = [checks(statement) for _, statement in statements]
    blank = [is_blank(statement) for _, statement in statements]

    def place_of(name, user):
        """Where the statement at another place finds a name: above it, if it can."""
        is_own = isinstance(statements[user][1], DEFINITIONS)  # which may call itself
        above = range(user + is_own)
        places = [i for i, names in enumerate(binding) if name in names]
        own = [i for i in places if of_check[i] != name]
        for some in ([i for i in own if not blank[i]], places):
            if some:
                return max([i for i in some if i in above] or some)
        return None

    own = [i for i, names in enumerate(binding) if name in names and of_check[i] != name]
    if not own:
        return None
    chosen = max([i for i in own if not blank[i]] or own)
    found, waiting = set(), [chosen]
    while waiting:
        place = waiting.pop()
        if place not in found:
            found.add(place)
            places = [place_of(each, place) for each in uses(statements[place][1])]
            waiting += [each for each in places if each is not None]
    stars = {i for i, names in enumerate(binding) if "*" in names}
    return sorted(found | stars), chosen


# The conversation


class Asked:
    """An input that is a function: it stays with the one who asks, and answers from there."""

    def __init__(self, place, ask):
        self._place, self._ask = place, ask

    def __call__(self, *arguments):
        return self._ask(self._place, arguments)

    def __deepcopy__(self, memo):
        return self


class Student:
    """Answers requests, one after the other, until there are no more."""

    def __init__(self, requests, replies):
        self.requests, self.replies = requests, replies
        self.answer, self.cells, self.kept = None, set(), []

    def serve(self):
        while True:
            try:
                request = pickle.load(self.requests)
            except EOFError:
                return
            try:
                reply = getattr(self, request.pop("do"))(**request)
            except BaseException as error:  # noqa: BLE001 (a student's code may raise anything)
                reply = {"error": self.told(error)}
            self.send(reply)

    def send(self, message):
        self.replies.write(json.dumps(message).encode() + b"\n")
        self.replies.flush()

    def define(self, name, cells):
        """Run the lines that define a function, and say what it is."""
        self.answer, self.kept = None, []
        self.cells = {cell for cell, _ in cells}
        statements, errors = read(cells)
        found = needed(name, statements)
        if found is None:
            for source, error in errors:
                if re.search(rf"\b{name}\b", source):
                    raise error
            return {"state": "absent"}
        places, chosen = found
        if is_blank(statements[chosen][1]):
            return {"state": "blank"}
        space = {"__name__": "__main__", "display": lambda *_: None}
        for cell, statement in (statements[i] for i in places):
            exec(compile(ast.Module([statement], []), cell, "exec"), space)
        self.answer = space[name]
        code = getattr(self.answer, "__code__", None)
        return {
            "state": "defined" if callable(self.answer) else "no function",
            "arguments": list(code.co_varnames[: code.co_argcount]) if code else None,
            "names": list(code.co_names) if code else [],
        }

    def call(self, case, run):
        """The result on one input, which arguments it changed, and which earlier results."""
        given = [Asked(value, self.ask) if kind == "ask" else value for kind, value in case]
        before = [contents(each) for each in given]
        if run is None:
            result = self.answer(*given)
        else:
            module, name = run
            result = getattr(import_module(module), name)(self.answer, *given)
        packed, after = packed_or_described(result), [contents(each) for each in given]
        changed = {i: now for i, now in enumerate(after) if now != before[i]}
        rewritten = {}
        for i, (old, was) in enumerate(self.kept):
            if (now := packed_or_described(old)) != was:
                self.kept[i], rewritten[i] = (old, now), now
        self.kept.append((result, packed))
        return {"result": packed, "changed": changed, "rewritten": rewritten}

    def ask(self, place, arguments):
        """What an input that stays with the teacher makes of some arguments."""
        self.send({"ask": place, "arguments": [packed_or_described(each) for each in arguments]})
        kind, value = pickle.load(self.requests)
        if kind == "error":
            raise ValueError(value)
        return value

    def told(self, error):
        """An exception as data: its kind, its words, and the student's line."""
        try:
            words = str(error)
        except Exception:  # noqa: BLE001 (a student's own exception may not be able to say)
            words = ""
        own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in self.cells]
        cell, line = (own[-1].filename, own[-1].lineno) if own else ("", 0)
        return {"type": type(error).__name__, "words": words[:2000], "cell": cell, "line": line}


def packed_or_described(value):
    """A result as data; of what is none, only its kind."""
    too_long = isinstance(value, str | bytes) and len(value) > LARGEST
    if too_long or (isinstance(value, np.ndarray) and value.size > LARGEST):
        return described(value)
    if hasattr(value, "__float__") and not isinstance(value, np.ndarray | np.generic | int | float):
        value = float(value)
    try:
        return pack(value)
    except (TypeError, ValueError):
        return described(value)


def contents(argument):
    """What of an argument may be changed in place, as data."""
    if isinstance(argument, np.ndarray | list):
        return packed_or_described(argument)
    params = getattr(argument, "params", None)
    if params is None or isinstance(argument, Asked):
        return None
    return {key: packed_or_described(value) for key, value in params.items()}


def main():
    # What the student's code prints must not get between the replies.
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "r+") as nowhere:
        for number in (0, 1, 2):
            os.dup2(nowhere.fileno(), number)
    student = Student(requests, replies)
    student.send({"limits": give_up(**pickle.load(requests))})
    student.serve()


if __name__ == "__main__":
    main()
