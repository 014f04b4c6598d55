"""One training step of 784-100-100-10 at batch 100: this course's network against PyTorch.

Forward, softmax cross entropy, backward and an SGD update, in float32 and on one thread each.
The two take turns, so that whatever else the machine does falls on both; the figure to look at is
the ratio of their times within a round.

    python benchmarks/step_vs_torch.py
"""

import os
import sys
import time
from pathlib import Path

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # would set aside what the library detects
    os.environ.pop(name, None)
sys.path.insert(0, str(Path(__file__).parents[1]))  # an environment without the course will do

import numpy as np

from course_utils.nn import SGD, mlp, softmax_cross_entropy

try:
    import torch
except ImportError:
    sys.exit("This benchmark needs PyTorch: pip install torch==2.13.0")

WIDTHS, M, LR = [784, 100, 100, 10], 100, 0.01
ROUNDS, STEPS = 100, 40
TARGET = 0.75


def our_steps(network, x, labels):
    """Return a function that makes `STEPS` training steps with the course's network."""
    optimizer = SGD(network, lr=LR)

    def run():
        for _ in range(STEPS):
            _, grad = softmax_cross_entropy(network.forward(x), labels)
            network.backward(grad, input_grad=False)
            optimizer.step()

    return run


def torch_steps(network, x, labels):
    """Return a function that makes `STEPS` training steps with PyTorch."""
    x, labels = torch.from_numpy(x), torch.from_numpy(labels)
    optimizer = torch.optim.SGD(network.parameters(), lr=LR)
    cross_entropy = torch.nn.CrossEntropyLoss()

    def run():
        for _ in range(STEPS):
            optimizer.zero_grad()
            cross_entropy(network(x), labels).backward()
            optimizer.step()

    return run


def torch_copy(network):
    """The same network in PyTorch, with the same weights."""
    layers = []
    for layer in network:
        if layer.params:
            linear = torch.nn.Linear(layer.n_in, layer.n_out)
            linear.weight.data = torch.from_numpy(layer.params["W"].T.copy())
            linear.bias.data = torch.from_numpy(layer.params["b"].copy())
            layers.append(linear)
        else:
            layers.append(torch.nn.ReLU())
    return torch.nn.Sequential(*layers)


def seconds_a_step(run):
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) / STEPS


def main():
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((M, WIDTHS[0]), dtype=np.float32)
    labels = rng.integers(0, WIDTHS[-1], M)
    network = mlp(WIDTHS, rng=rng)
    twin = torch_copy(network)
    ours, theirs = our_steps(network, x, labels), torch_steps(twin, x, labels)

    ours(), theirs()  # warm up, and see that both did the same work
    W = twin[0].weight.detach().numpy().T
    assert np.allclose(network.params["0.W"], W, atol=1e-4), "the two networks do different things"

    times = []
    for i in range(ROUNDS):
        pair = [ours, theirs]
        if i % 2:  # who goes first changes from round to round
            times.append([seconds_a_step(run) for run in reversed(pair)][::-1])
        else:
            times.append([seconds_a_step(run) for run in pair])

    times = 1e6 * np.array(times)
    low, median, high = np.percentile(times[:, 0] / times[:, 1], [25, 50, 75])
    print(f"NumPy {np.__version__}, PyTorch {torch.__version__}, one thread, {ROUNDS} rounds")
    print(f"course   {np.median(times[:, 0]):6.0f} microseconds a step")
    print(f"PyTorch  {np.median(times[:, 1]):6.0f} microseconds a step")
    print(f"ratio    {median:6.2f} (half of the rounds: {low:.2f} to {high:.2f}; target {TARGET})")


if __name__ == "__main__":
    main()
