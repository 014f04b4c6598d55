"""The card of the course: its code runs and computes what the library does, its index is true."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from helpers import normal, rng

from course_utils import nn
from course_utils.nn.dropout import dropout_mask
from course_utils.nn.gradients import numerical_gradient
from course_utils.nn.layers import linear_backward, linear_forward, relu, relu_backward
from course_utils.nn.normalization import normalize, normalize_backward, update_running
from course_utils.nn.optim import adam_direction, moving_average

ROOT = Path(__file__).resolve().parents[1]
CARD = (ROOT / "CARD.md").read_text(encoding="utf-8")
FORMULAS = CARD[: CARD.index("## Words")]
INLINE = set(re.findall(r"`([^`\n]+)`", FORMULAS))
CODE = sorted(INLINE - {"grad_y", "axis=1", "axis=0"})

tool = runpy.run_path(str(ROOT / "tools" / "write_index.py"))


def test_the_index_is_that_of_the_notebooks():
    _, _, index = CARD.partition(tool["BEGIN"])
    assert index.strip() == tool["index"]().strip(), "run tools/write_index.py"


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)]+)\)", CARD)
    assert len(links) > 20
    for link in links:
        assert (ROOT / link).exists(), link


# The code of the formulas, run with these numbers, and what the library makes of them.

x, W, b, grad_y = normal(6, 4), normal(4, 4, seed=1), normal(4), normal(6, 4, seed=2)
u, t, z, w, X = normal(6, 10), np.arange(6), normal(4), normal(4, seed=1), normal(3, 4, seed=3)
q = nn.softmax(u)
entropy = -np.sum(q * np.log(q), axis=1, keepdims=True)
grad_entropy = numerical_gradient(lambda: -np.sum(nn.softmax(u) * np.log(nn.softmax(u))) / 6, u)
mean, var, y, targets = x.mean(axis=0), x.var(axis=0), relu(x @ W + b), normal(3)
NUMBERS = {
    "x": x,
    "W": W,
    "b": b,
    "grad_y": grad_y,
    "y": y,
    "u": u,
    "t": t,
    "q": q,
    "m": 6,
    "a": 0.5,
    "h": 1e-5,
    "f": np.sin,
    "param": W,
    "grad": W,
    "lr": 0.1,
    "n_in": 4,
    "n_out": 4,
    "mean": mean,
    "var": var,
    "eps": 1e-5,
    "gamma": b,
    "beta": z,
    "running": w,
    "batch": z,
    "x_hat": normalize(x, mean, var, 1e-5),
    "axis": 0,
    "momentum": 0.1,
    "c": 2.0,
    "p": 0.3,
    "X": X,
    "targets": targets,
    "w": w,
    "z": z,
    "weight_decay": 0.01,
    "velocity": 2 * W,
    "mu": 0.9,
    "first": W,
    "second": W**2,
    "beta1": 0.9,
    "beta2": 0.999,
    "steps": 3,
    "np": np,
    "update": lambda W, grad: W - 0.1 * grad,
    "shape": (6, 4),
    "mask": x > 0,
    "normalize_backward": normalize_backward,
    "curvature": 2.0,
    "gradient": lambda w: w**2,
    "v": z,
    "Hv": w,
    "g": z,
    "there": w,
    "step": 0.5,
    "entropy": entropy,
}


def after_a_step(optimizer, **options):
    """W after one step at learning rate 0.1, where W is its own gradient."""
    layer = nn.Linear(4, 4, dtype=np.float64)
    layer.params["W"][:], layer.grads["W"] = W, W
    optimizer(layer, 0.1, **options).step()
    return layer.params["W"]


def batch_norm(training):
    """Batch norm's gradient of x, where the running estimates are those of the batch."""
    layer = nn.BatchNorm(4, affine=False, dtype=np.float64)
    layer.running_mean, layer.running_var, layer.training = mean, var, training
    layer.forward(x)
    return layer.backward(grad_y)


EXPECTED = {
    "x @ W + b": linear_forward(x, W, b),
    "grad_y @ W.T": linear_backward(grad_y, x, W)[0],
    "x.T @ grad_y": linear_backward(grad_y, x, W)[1],
    "grad_y.sum(axis=0)": linear_backward(grad_y, x, W)[2],
    "np.maximum(x, 0)": relu(x),
    "grad_y * (y > 0)": relu_backward(grad_y, y),
    "np.exp(u) / np.exp(u).sum(axis=1, keepdims=True)": nn.softmax(u),
    "-np.mean(np.log(q[np.arange(m), t]))": nn.softmax_cross_entropy(u, t)[0],
    "(q - np.eye(10)[t]) / m": nn.softmax_cross_entropy(u, t)[1],
    "(f(a + h) - f(a - h)) / (2 * h)": np.cos(0.5),
    "param - lr * grad": after_a_step(nn.SGD),
    "np.sqrt(c / n_in) * rng.standard_normal((n_in, n_out))": nn.Linear(
        4, 4, c=2.0, rng=rng(9), dtype=np.float64
    ).params["W"],
    "(x - mean) / np.sqrt(var + eps)": normalize(x, mean, var, 1e-5),
    "normalize_backward(grad_y, x_hat, var, eps, axis)": batch_norm(training=True),
    "grad_y / np.sqrt(var + eps)": batch_norm(training=False),
    "(1 - momentum) * running + momentum * batch": update_running(w, z, 0.1),
    "var * m / (m - 1)": x.var(axis=0, ddof=1),
    "X.T @ np.linalg.solve(X @ X.T, targets)": np.linalg.lstsq(X, targets, rcond=None)[0],
    "(1 - lr * weight_decay) * W - lr * grad": after_a_step(nn.SGD, weight_decay=0.01),
    "update((1 - lr * weight_decay) * W, grad)": after_a_step(nn.SGD, weight_decay=0.01),
    "update(W, grad + weight_decay * W)": after_a_step(nn.SGD, weight_decay=0.01),
    "beta2 * second + (1 - beta2) * grad**2": moving_average(W**2, W**2, 0.999),
    "lr * first / (1 - beta1**steps) / (np.sqrt(second / (1 - beta2**steps)) + eps)": 0.1
    * adam_direction(W, W**2, 3, (0.9, 0.999), 1e-5),
    "(gradient(w + h * v) - gradient(w - h * v)) / (2 * h)": 2 * w * z,
    "(rng.random(shape) >= p) / (1 - p)": dropout_mask((6, 4), 0.3, rng(9), float),
}


@pytest.mark.parametrize("code", CODE)
def test_code_computes_what_the_library_does(code):
    found = eval(code, NUMBERS | {"rng": rng(9)})
    assert np.isfinite(found).all()
    if code in EXPECTED:
        np.testing.assert_allclose(found, EXPECTED[code], rtol=1e-9)


def test_the_gradient_of_the_entropy():
    found = eval("-q * (np.log(q) + entropy) / m", NUMBERS)
    np.testing.assert_allclose(found, grad_entropy, atol=1e-9)


def test_what_the_library_knows_stands_on_the_card():
    assert set(EXPECTED) <= set(CODE)
