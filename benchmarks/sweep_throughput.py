"""Short trainings one after the other in a loop, against the same ones in a sweep on two cores.

A run is about 0.2 s of training, 784-100-100-10 on 1,000 digits that travel with the function. The
two take turns, so that whatever else the machine does falls on both; the figure to look at is the
ratio of their times within a round. The processes are started once, before the rounds.

    python benchmarks/sweep_throughput.py
"""

import os
import sys
import tempfile
import time
from pathlib import Path

os.environ["LOKY_MAX_CPU_COUNT"] = "2"
sys.path.insert(0, str(Path(__file__).parents[1]))  # before the package is installed, too

import numpy as np

from course_utils.data import few_digits, load_mnist, standardize
from course_utils.experiments.sweep import grid, sweep
from course_utils.experiments.training import fit
from course_utils.nn import SGD, mlp

ROUNDS, RUNS, STEPS = 10, 16, 300
TARGET = 1.8


def training(digits):
    """Return a run: one training on these digits, from a seed."""

    def run(lr, seed):
        network = mlp([784, 100, 100, 10], rng=np.random.default_rng([seed, 0]))
        rng = np.random.default_rng([seed, 1])
        history = fit(network, SGD(network, lr), *digits, steps=STEPS, batch_size=100, rng=rng)
        return {"loss": history.losses[-1]}

    return run


def timed(make_rows):
    start = time.perf_counter()
    rows = make_rows()
    return time.perf_counter() - start, rows


def in_a_loop(run, settings):
    return [one | run(**one) for one in settings]


def in_a_sweep(run, settings):
    with tempfile.TemporaryDirectory() as folder:
        return sweep(run, settings, Path(folder) / "runs.jsonl", progress=False)


def main():
    images, labels = load_mnist("test")
    run = training(few_digits((standardize(images), labels), 1000, np.random.default_rng(0)))
    first, _ = timed(lambda: in_a_sweep(run, grid(lr=[0.01], seed=range(2))))

    times = []
    for i in range(ROUNDS):
        settings = grid(lr=[0.01, 0.02], seed=range(i * RUNS, i * RUNS + RUNS // 2))
        pair = [in_a_loop, in_a_sweep]
        if i % 2:  # who goes first changes from round to round
            pair.reverse()
        measured = {one: timed(lambda one=one: one(run, settings)) for one in pair}
        (loop, expected), (swept, rows) = measured[in_a_loop], measured[in_a_sweep]
        assert rows == expected, "the two give different tables"
        times.append([loop, swept])

    times = np.array(times)
    low, median, high = np.percentile(times[:, 0] / times[:, 1], [25, 50, 75])
    loop, swept = np.median(times, axis=0) / RUNS
    print(f"{os.cpu_count()} cores, 2 of them used; {ROUNDS} rounds of {RUNS} runs")
    print(f"loop   {loop:6.3f} s a run")
    print(f"sweep  {swept:6.3f} s a run; {first:.1f} s for the first two runs and the processes")
    print(f"ratio  {median:6.2f} (half of the rounds: {low:.2f} to {high:.2f}; target {TARGET})")


if __name__ == "__main__":
    main()
