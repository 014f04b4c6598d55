"""How long `import course_utils.nn` takes, against NumPy alone (goal: at most 1.3 times).

    python benchmarks/import_time.py

Each import happens in a new process; the two take turns. What Python itself needs to start is
taken off both.
"""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
GOAL, ROUNDS = 1.3, 30


def seconds(code):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    return time.perf_counter() - start


def main():
    codes = ["pass", "import numpy", "import course_utils.nn"]
    times = np.array([[seconds(code) for code in codes] for _ in range(ROUNDS)])
    start, numpy, course = times.T
    low, median, high = np.percentile((course - start) / (numpy - start), [25, 50, 75])
    print(f"NumPy {1e3 * np.median(numpy - start):.0f} ms")
    print(f"course_utils.nn {1e3 * np.median(course - start):.0f} ms")
    print(f"ratio {median:.2f} (half of the rounds: {low:.2f} to {high:.2f}; goal {GOAL})")


if __name__ == "__main__":
    main()
