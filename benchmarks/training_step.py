"""One training step of the course's network against PyTorch, JAX and its own matrix products.

Forward, softmax cross entropy, backward and an SGD update of twelve networks (three sizes; plain,
layer norm, batch norm, dropout), in float32 and on one thread each. The sides take turns in every
round, so that whatever else the machine does falls on all of them; the figures to look at are the
ratios within a round. PyTorch runs in its ordinary (eager) mode, JAX compiles the whole step. The
gradient of the images is left out everywhere.

    python benchmarks/training_step.py            the twelve networks
    python benchmarks/training_step.py --slopes   time against depth, width and batch

A side whose library is not installed is left out.
"""

import argparse
import os
import platform
import sys
import time
from itertools import pairwise
from pathlib import Path

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # would set aside what the library detects
    os.environ.pop(name, None)
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
os.environ["JAX_PLATFORMS"] = "cpu"
if hasattr(os, "sched_setaffinity"):  # JAX asks the system for its threads, not the environment
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
sys.path.insert(0, str(Path(__file__).parents[1]))  # an environment without the course will do

import numpy as np

from course_utils.nn import SGD, mlp, softmax_cross_entropy

try:
    import torch
except ImportError:
    torch = None
try:
    import jax
    import jax.numpy as jnp
except ImportError:
    jax = None

LR = 1e-3
SIZES = {
    "784-100-100-10, batch 100": ([784, 100, 100, 10], 100),
    "784-512-512-10, batch 128": ([784, 512, 512, 10], 128),
    "784, 49 x 100, 10, batch 100": ([784, *[100] * 49, 10], 100),
}
KINDS = {"plain": {}, "LN": {"norm": "layer"}, "BN": {"norm": "batch"}, "dropout": {"p": 0.1}}
GOALS = {"PyTorch": (0.72, 0.95), "JAX": (0.80, 1.0), "products": (1.45, np.inf)}  # mean, each


class Course:
    """Steps of the course's own network, and its start again."""

    def __init__(self, widths, kind, x, labels):
        self.network = mlp(widths, rng=np.random.default_rng(0), **KINDS[kind])
        self.start = {key: param.copy() for key, param in self.network.params.items()}
        self.x, self.labels = x, labels

    def restart(self):
        """Back to the initial weights: trained for long, gradients become subnormal and slow."""
        for key, param in self.network.params.items():
            param[...] = self.start[key]
        self.optimizer = SGD(self.network, lr=LR)

    def steps(self, number):
        for _ in range(number):
            _, grad = softmax_cross_entropy(self.network.forward(self.x), self.labels)
            self.network.backward(grad, input_grad=False)
            self.optimizer.step()

    def first_weights(self):
        return self.network.params["0.W"]


class PyTorch:
    """The same network in PyTorch, from the same weights."""

    def __init__(self, widths, kind, x, labels):
        self.course = Course(widths, kind, x, labels)
        self.x, self.labels = torch.from_numpy(x), torch.from_numpy(labels)
        layers = {
            "Linear": lambda layer: torch.nn.Linear(layer.n_in, layer.n_out),
            "ReLU": lambda layer: torch.nn.ReLU(),
            "LayerNorm": lambda layer: torch.nn.LayerNorm(layer.n),
            "BatchNorm": lambda layer: torch.nn.BatchNorm1d(layer.n),
            "Dropout": lambda layer: torch.nn.Dropout(layer.p),
        }
        modules = [layers[type(layer).__name__](layer) for layer in self.course.network]
        self.network = torch.nn.Sequential(*modules)
        self.cross_entropy = torch.nn.CrossEntropyLoss()

    def restart(self):
        for layer, module in zip(self.course.network, self.network, strict=True):
            if "W" in layer.params:
                module.weight.data = torch.from_numpy(layer.params["W"].T.copy())
                module.bias.data.zero_()
            elif layer.params:
                module.reset_parameters()
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=LR)

    def steps(self, number):
        for _ in range(number):
            self.optimizer.zero_grad()
            self.cross_entropy(self.network(self.x), self.labels).backward()
            self.optimizer.step()

    def first_weights(self):
        return self.network[0].weight.detach().numpy().T


class Jax:
    """The same network in JAX, one compiled function a step."""

    def __init__(self, widths, kind, x, labels):
        self.kind, self.course = kind, Course(widths, kind, x, labels)
        self.x, self.labels = jnp.asarray(x), jnp.asarray(labels)
        self.step = jax.jit(self.one_step, donate_argnums=0)

    def restart(self):
        linear = [layer for layer in self.course.network if "W" in layer.params]
        n = [layer.n_out for layer in linear[:-1]]
        self.params = {
            "W": [jnp.array(layer.params["W"]) for layer in linear],
            "b": [jnp.array(layer.params["b"]) for layer in linear],
        }
        if self.kind in ("LN", "BN"):
            self.params |= {"gamma": list(map(jnp.ones, n)), "beta": list(map(jnp.zeros, n))}
        self.running = [(jnp.zeros(width), jnp.ones(width)) for width in n]
        self.key = jax.random.key(0)

    def forward(self, params, running, key):
        x, moments = self.x, []
        for i, (W, b) in enumerate(zip(params["W"][:-1], params["b"])):
            x = x @ W + b
            if self.kind in ("LN", "BN"):
                axis = 1 if self.kind == "LN" else 0
                mean, var = x.mean(axis, keepdims=True), x.var(axis, keepdims=True)
                x = (x - mean) * jax.lax.rsqrt(var + 1e-5) * params["gamma"][i] + params["beta"][i]
                if self.kind == "BN":
                    m = len(x)
                    new = mean[0], var[0] * m / (m - 1)
                    moments.append([0.9 * old + 0.1 * b for old, b in zip(running[i], new)])
            x = jnp.maximum(x, 0)
            if self.kind == "dropout":
                key, subkey = jax.random.split(key)
                x = jnp.where(jax.random.bernoulli(subkey, 0.9, x.shape), x / 0.9, 0)
        logits = x @ params["W"][-1] + params["b"][-1]
        log_p = jax.nn.log_softmax(logits)
        return -log_p[jnp.arange(len(x)), self.labels].mean(), (moments, key)

    def one_step(self, params, running, key):
        gradient = jax.grad(self.forward, has_aux=True)
        grads, (running, key) = gradient(params, running, key)
        return jax.tree.map(lambda p, g: p - LR * g, params, grads), running, key

    def steps(self, number):
        for _ in range(number):
            self.params, self.running, self.key = self.step(self.params, self.running, self.key)
        jax.block_until_ready(self.params)

    def first_weights(self):
        return np.asarray(self.params["W"][0])


class Products:
    """The matrix products of a step and nothing else."""

    def __init__(self, widths, kind, x, labels):
        rng = np.random.default_rng(0)
        m = len(x)
        self.inputs = [rng.standard_normal((m, n), dtype=np.float32) for n in widths]
        self.weights = [rng.standard_normal(pair, dtype=np.float32) for pair in pairwise(widths)]

    def restart(self):
        pass

    def steps(self, number):
        for _ in range(number):
            for x, W in zip(self.inputs, self.weights):
                x @ W
            for i in reversed(range(len(self.weights))):
                x, W, grad_y = self.inputs[i], self.weights[i], self.inputs[i + 1]
                x.T @ grad_y
                if i:
                    grad_y @ W.T


def installed_sides():
    sides = {"course": Course}
    if torch is not None:
        torch.set_num_threads(1)
        sides["PyTorch"] = PyTorch
    if jax is not None:
        sides["JAX"] = Jax
    return sides | {"products": Products}


def seconds_a_step(side, number):
    side.restart()
    start = time.perf_counter()
    side.steps(number)
    return (time.perf_counter() - start) / number


def measure(widths, m, kind, rounds, sides):
    """Seconds a step by side, an array with one entry a round."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((m, widths[0]), dtype=np.float32)
    labels = rng.integers(0, widths[-1], m)
    made = {name: side(widths, kind, x, labels) for name, side in sides.items()}
    for name, side in made.items():  # warm up, and see that all do the same work
        side.restart()
        side.steps(1)
        if kind != "dropout" and name != "products" and len(widths) < 10:  # deep, rounding grows
            W, ours = side.first_weights(), made["course"].first_weights()
            moved = np.linalg.norm(ours - made["course"].start["0.W"])
            assert np.linalg.norm(W - ours) < 0.01 * moved, f"{name}'s step is another"
    number = max(2, int(0.03 / seconds_a_step(made["course"], 2)))
    times = {name: [] for name in made}
    for i in range(rounds):
        order = list(made)[i % len(made) :] + list(made)[: i % len(made)]
        for name in order:  # who goes first changes from round to round
            times[name].append(seconds_a_step(made[name], number))
    return {name: np.array(values) for name, values in times.items()}


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        found = dict(map(str.strip, line.split(":", 1)) for line in lines if ":" in line)
        wide = next((f for f in ("avx512f", "avx2", "avx") if f in found.get("flags", "")), "")
        return f"{found.get('model name', platform.machine())}, {wide}"
    except OSError:
        return platform.processor() or platform.machine()


def heading(rounds):
    versions = [f"NumPy {np.__version__}"]
    versions += [f"PyTorch {torch.__version__}"] if torch is not None else []
    versions += [f"JAX {jax.__version__}"] if jax is not None else []
    print(
        f"{time.strftime('%Y-%m-%d')}, {processor()}; {', '.join(versions)}; "
        f"one thread, {rounds} rounds\n"
    )


def table(rounds, sides):
    """Print the twelve ratios to each side, and their geometric means beside the goals."""
    others = [name for name in sides if name != "course"]
    ratios, microseconds = {}, {}
    for size, (widths, m) in SIZES.items():
        for kind in KINDS:
            times = measure(widths, m, kind, rounds, sides)
            microseconds[size, kind] = 1e6 * np.median(times["course"])
            for other in others:
                ratios[other, size, kind] = np.median(times["course"] / times[other])
    print("| microseconds a step |", " | ".join(KINDS), "|")
    print("|---|" + len(KINDS) * "---|")
    for size in SIZES:
        print(f"| {size} |", " | ".join(f"{microseconds[size, k]:.0f}" for k in KINDS), "|")
    for other in others:
        mean, each = GOALS[other]
        print(f"\n| course / {other} |", " | ".join(KINDS), "|")
        print("|---|" + len(KINDS) * "---|")
        for size in SIZES:
            print(f"| {size} |", " | ".join(f"{ratios[other, size, k]:.2f}" for k in KINDS), "|")
        values = [value for (name, *_), value in ratios.items() if name == other]
        limit = f"; largest {max(values):.2f} (goal {each:.2f})" if each < np.inf else ""
        print(f"\ngeometric mean {np.exp(np.mean(np.log(values))):.2f} (goal {mean:.2f}){limit}")


def slopes(rounds):
    """Print how the time of a step grows with depth, width and batch, products beside it."""
    sides = {"course": Course, "products": Products}
    grids = {
        "hidden layers of 100, batch 100": [([784, *[100] * d, 10], 100, d) for d in (5, 20, 50)],
        "width of 3 layers, batch 100": [([784, *[n] * 3, 10], 100, n) for n in (50, 200, 800)],
        "batch, 3 layers of 100": [([784, *[100] * 3, 10], m, m) for m in (50, 200, 800)],
    }
    for kind in KINDS:
        print(f"{kind}: microseconds a step (of its products); exponent between the ends")
        for what, grid in grids.items():
            medians = [
                [1e6 * np.median(values) for values in measure(w, m, kind, rounds, sides).values()]
                for w, m, _ in grid
            ]
            sizes = [size for *_, size in grid]
            growth = np.log(np.array(medians[-1]) / medians[0]) / np.log(sizes[-1] / sizes[0])
            cells = [f"{n}: {a:.0f} ({b:.0f})" for n, (a, b) in zip(sizes, medians)]
            print(f"  {what}: {', '.join(cells)}; {growth[0]:.2f} ({growth[1]:.2f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slopes", action="store_true", help="time against depth, width and batch")
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    heading(options.rounds)
    if options.slopes:
        slopes(options.rounds)
    else:
        table(options.rounds, installed_sides())


if __name__ == "__main__":
    main()
