"""What each notebook takes: seconds from an empty kernel to its last cell, memory at most, size.

    python benchmarks/notebooks.py            all of them
    python benchmarks/notebooks.py 02 05      some

The notebooks run one after the other, each in a kernel of its own; nothing is written. It means
something on an idle core only.
"""

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
PEAK = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
SECONDS, SERIES = 40, 150  # the goals: for a notebook, for all


def run(path):
    """Seconds, peak memory in MB and the three slowest cells as (seconds, id)."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(PEAK))
    starts = {}
    client = NotebookClient(
        notebook,
        timeout=None,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_execute=lambda cell, cell_index: starts.update({cell_index: time.perf_counter()}),
    )
    start = time.perf_counter()
    client.execute()
    seconds = time.perf_counter() - start
    unit = 2**20 if sys.platform == "darwin" else 2**10  # of ru_maxrss
    peak = int(notebook.cells[-1].outputs[0].text) / unit
    ends = list(starts.values())[1:]
    times = [
        (end - begin, notebook.cells[index].id) for (index, begin), end in zip(starts.items(), ends)
    ]
    return seconds, peak, sorted(times, reverse=True)[:3]


def main(names):
    paths = [
        path
        for path in sorted(NOTEBOOKS.glob("*.ipynb"))
        if not names or any(path.name.startswith(name) for name in names)
    ]
    print("| notebook | seconds | memory, MB | file, kB | slowest cells, seconds |")
    print("|---|---|---|---|---|")
    total = 0
    for path in paths:
        seconds, peak, slowest = run(path)
        total += seconds
        cells = ", ".join(f"{name} {taken:.1f}" for taken, name in slowest)
        size = path.stat().st_size / 1000
        print(f"| {path.stem} | {seconds:.1f} | {peak:.0f} | {size:.0f} | {cells} |", flush=True)
    print(f"\nall: {total:.0f} s (goal {SERIES}; no notebook over {SECONDS})")


if __name__ == "__main__":
    main(sys.argv[1:])
