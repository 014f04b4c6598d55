"""Do the notebooks pass on other processors? Rounding differs there, and results may hang on it.

    python tools/check_rounding.py                        # all notebooks
    python tools/check_rounding.py notebooks/02_*.ipynb   # some
    python tools/check_rounding.py --draws 8              # more draws of perturbed products

Runs them as pytest does, once under each of OpenBLAS's kernels that this processor can run, and a
few times with an error of rounding size in every matrix product (tools/perturbed_products.py).
One line says how each went; what pytest says of a failure follows on stderr.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from perturbed_products import SEED

ROOT = Path(__file__).resolve().parent.parent
KERNELS = ("Haswell", "Zen", "SkylakeX", "Sandybridge", "Nehalem")  # the commonest processors'
KERNEL = "OPENBLAS_CORETYPE"  # chooses one, when OpenBLAS is loaded

LOADED = """
import numpy as np
from threadpoolctl import threadpool_info

for dtype in (np.float32, np.float64):
    np.ones((200, 200), dtype) @ np.ones((200, 200), dtype)
print(*(library.get("architecture", library["internal_api"]) for library in threadpool_info()))
"""
STARTUP = f"""
import runpy

runpy.run_path({str(ROOT / "tools" / "perturbed_products.py")!r})["install"](get_ipython())
"""


def run(arguments, **environment):
    """Run Python in the course's folder; its output as text."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def why_not(kernel):
    """Why this processor cannot run a kernel, in words; None if it can."""
    done = run(["-c", LOADED], **{KERNEL: kernel})
    if done.returncode:
        return f"a product ends with code {done.returncode}"
    loaded = done.stdout.split()
    return None if kernel in loaded else f"what is loaded is {', '.join(loaded) or 'unknown'}"


def failures(notebooks, **environment):
    """The cells that fail, in words (none: nothing or 0), and all that pytest says."""
    paths = [os.path.abspath(name) for name in notebooks]
    done = run(["-m", "pytest", "-q", *paths], **environment)
    cells = re.findall(r"^(?:FAILED|ERROR) (.+)::Cell (\d+)", done.stdout, re.MULTILINE)
    failed = ", ".join(cell_id(path, int(number)) for path, number in cells)
    return failed or done.returncode and f"pytest ended with code {done.returncode}", done.stdout


def cell_id(path, number):
    """The id of a notebook's cell from its number among those with code."""
    cells = nbformat.read(ROOT / path, as_version=4).cells
    return [cell.id for cell in cells if cell.cell_type == "code"][number]


def report(name, notebooks, **environment):
    """Print one line for one variant; whether all passed."""
    failed, output = failures(notebooks, **environment)
    print(f"{name:13}{f'failed: {failed}' if failed else 'passed'}", flush=True)
    if failed:
        print(output, file=sys.stderr, flush=True)
    return not failed


def main(notebooks, draws):
    passed = []
    for kernel in KERNELS:
        if reason := why_not(kernel):
            print(f"{kernel:13}left out: {reason}", flush=True)
        else:
            passed.append(report(kernel, notebooks, **{KERNEL: kernel}))
    with tempfile.TemporaryDirectory() as folder:
        startup = Path(folder, "profile_default", "startup", "perturbed_products.py")
        startup.parent.mkdir(parents=True)
        startup.write_text(STARTUP, encoding="utf-8")
        for seed in range(draws):
            environment = {"IPYTHONDIR": folder, SEED: str(seed)}
            passed.append(report(f"perturbed {seed}", notebooks, **environment))
    return not all(passed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", default=[ROOT / "notebooks"])
    parser.add_argument("--draws", type=int, default=4)
    sys.exit(main(**vars(parser.parse_args())))
