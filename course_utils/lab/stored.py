"""Exercises of a student edition: judged by stored results, without the code of any answer.

``tools/handout.py`` writes a file of data beside a lesson's ``exercises.py``. For each graded
exercise it holds the checker's inputs, what the reference and each known mistake give on them, and
what the reference gives on every other input that the diagnosis may try. `stored` makes exercises
of it: to the checker they are like any other. The file holds numbers and words, never code.
"""

import gzip
import hashlib
import inspect
import json
from functools import wraps
from pathlib import Path

import numpy as np

from course_utils.lab.checker import Exercise, Mistake, call
from course_utils.lab.packing import pack, unpack

FILE = "graded.json.gz"
DIGITS = 9  # by which an input is recognized, so that rounding on another processor does no harm
DEEPEST = 8  # parts of parts of an input that count
FIELDS = ("hints", "tolerance", "absolute", "returns", "without")


def fingerprint(case):
    """A short text that is the same for the same input, and for a copy of it."""
    return hashlib.sha256(_outline(case, DEEPEST).encode()).hexdigest()[:16]


def _outline(value, depth):
    if value is None or value is ... or isinstance(value, bool | str | type):
        return repr(value)
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return f"{value + 0.0:.{DIGITS}g}."
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        rounded = (f"{number + 0.0:.{DIGITS}g}" for number in value.ravel().tolist())
        return f"{value.dtype.kind}{value.shape}[{' '.join(rounded)}]"
    if not depth:
        return ""
    if isinstance(value, list | tuple):
        return f"({', '.join(_outline(item, depth - 1) for item in value)})"
    if isinstance(value, dict):
        value = sorted((str(key), _outline(item, depth - 1)) for key, item in value.items())
        return repr(value)
    parts = getattr(value, "__dict__", {})
    if inspect.isfunction(value):
        parts = inspect.getclosurevars(value).nonlocals
    name = getattr(value, "__qualname__", type(value).__qualname__)
    return f"{name}{_outline(dict(parts), depth - 1)}"


class StoredAnswer:
    """What an answer, ours or a mistake, gives on certain inputs. It knows no others.

    Parameters
    ----------
    name : str
    arguments : sequence of str
    results : dict
        By `fingerprint` of the input: the result, or the exception, packed.
    """

    def __init__(self, name, arguments, results):
        self.__name__, self.results = name, results
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature(inspect.Parameter(a, kind) for a in arguments)

    def __call__(self, *arguments, **named):
        return self.on(self.__signature__.bind(*arguments, **named).args)

    def on(self, case):
        """The result on an input; a NotImplementedError where it is not known."""
        found = self.results.get(fingerprint(case), self)
        if found is self:
            raise NotImplementedError(
                f"`{self.__name__}` is yours to write: this edition of the course has no code for it"
            )
        result = unpack(found)
        if isinstance(result, Exception):
            raise result
        return result

    def __repr__(self):
        return f"<stored results of {self.__name__}>"


def record(exercise, inputs):
    """An exercise as a dict that JSON can hold; `inputs` are those on which its reference is kept.

    Its own cases are among what is kept, if they are data: else they, like `run`, must be handed to
    `stored` as code.
    """
    cases = list(exercise.cases(np.random.default_rng(0)))

    def results(answer, asked):
        keys = map(fingerprint, asked)
        return dict(zip(keys, map(pack, exercise.results(answer, asked))))

    try:
        packed = pack(cases)
    except TypeError:
        packed = None
    return {
        "name": exercise.name,
        "arguments": exercise.arguments,
        "cases": packed,
        "results": results(exercise.reference, [*cases, *inputs]),
        "mistakes": [[each.words, results(each.function, cases)] for each in exercise.mistakes],
        **{field: getattr(exercise, field) for field in FIELDS},
    }


def write(recorded, folder):
    """Keep recorded exercises in a folder; returns the file. The same ones give the same bytes."""
    data = json.dumps(recorded, ensure_ascii=False).encode()
    path = Path(folder) / FILE
    path.write_bytes(gzip.compress(data, mtime=0))
    return path


def stored(source, **code):
    """The exercises that are kept beside a source file: a list of `Exercise`.

    Parameters
    ----------
    source : str
        The ``__file__`` of a lesson's ``exercises.py``.
    **code : dict
        By exercise: its ``cases`` where an input is no data, its ``run`` where it has one.
    """
    data = gzip.decompress(Path(source).with_name(FILE).read_bytes())
    return [_exercise(each, **code.get(each["name"], {})) for each in json.loads(data)]


def _exercise(kept, cases=None, run=call):
    name, arguments = kept["name"], kept["arguments"]
    mistakes = [
        Mistake(StoredAnswer(name, arguments, results), words)
        for words, results in kept["mistakes"]
    ]
    return Exercise(
        StoredAnswer(name, arguments, kept["results"]),
        cases=cases or (lambda rng: unpack(kept["cases"])),
        mistakes=mistakes,
        run=run if run is call else _knowing(run),
        **{field: kept[field] for field in FIELDS} | {"returns": tuple(kept["returns"])},
    )


def _knowing(run):
    """A `run` that asks a stored answer for the result, and runs any other."""

    @wraps(run)
    def either(answer, *case):
        return answer.on(case) if isinstance(answer, StoredAnswer) else run(answer, *case)

    return either
