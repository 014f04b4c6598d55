"""Losses: values known by hand, numerical stability, bad input."""

import numpy as np
import pytest
from helpers import normal

from course_utils.nn import softmax, softmax_cross_entropy, squared_error


def test_cross_entropy_by_hand():
    loss, grad = softmax_cross_entropy(np.zeros((2, 10)), np.array([3, 7]))
    assert isinstance(loss, float) and loss == pytest.approx(np.log(10))
    expected = np.full((2, 10), 0.1)
    expected[[0, 1], [3, 7]] -= 1
    np.testing.assert_allclose(grad, expected / 2)


def test_squared_error_by_hand():
    loss, grad = squared_error(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 2.0], [3.0, 1]]))
    assert isinstance(loss, float) and loss == (1 + 9) / 4
    np.testing.assert_array_equal(grad, [[0.5, 0], [0, 1.5]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_cross_entropy_is_stable(dtype, scale):
    logits = scale * np.array([[1, -1, 0], [1, -1, 0], [1, 1, 1]], dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss, grad = softmax_cross_entropy(logits, np.array([0, 1, 2]))
        probabilities = softmax(logits)
    reference = np.logaddexp.reduce(logits.astype(np.float64), axis=1) - logits[range(3), range(3)]
    expected = [reference[0], scale + np.logaddexp.reduce([scale, 0, -scale]), np.log(3)]
    assert loss == pytest.approx(np.mean(expected), rel=1e-5)
    np.testing.assert_allclose(grad.sum(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(grad, (probabilities - np.eye(3)) / 3, rtol=1e-6)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64, list])
def test_labels_of_any_integer_kind(kind):
    labels = [2, 0, 1]
    given = labels if kind is list else np.array(labels, kind)
    expected = softmax_cross_entropy(normal(3, 4), np.array(labels))
    loss, grad = softmax_cross_entropy(normal(3, 4), given)
    assert loss == expected[0] and np.array_equal(grad, expected[1])


@pytest.mark.parametrize("loss", [softmax_cross_entropy, squared_error])
def test_dtype_layout_and_arguments(loss):
    outputs = normal(5, 4)
    truth = np.arange(5) % 4 if loss is softmax_cross_entropy else normal(5, 4, seed=1)
    value, grad = loss(outputs, truth)
    outputs.setflags(write=False)
    truth.setflags(write=False)
    again, grad_again = loss(np.repeat(outputs, 2, axis=1)[:, ::2], truth)
    assert again == pytest.approx(value)
    np.testing.assert_allclose(grad_again, grad)
    truth32 = truth if loss is softmax_cross_entropy else truth.astype(np.float32)
    value32, grad32 = loss(outputs.astype(np.float32), truth32)
    assert type(value32) is float and grad32.dtype == np.float32
    one, _ = loss(outputs[:1], truth[:1])  # a batch of one
    assert np.isfinite(one)


LOGITS = normal(3, 4)


@pytest.mark.parametrize(
    "logits, labels, error, message",
    [
        (LOGITS, [0, 1, 4], ValueError, r"labels must lie in 0 \.\.\. 3, got 0 \.\.\. 4"),
        (LOGITS, [0, -1, 2], ValueError, r"labels must lie in 0 \.\.\. 3, got -1 \.\.\. 2"),
        (LOGITS, [0.0, 1.0, 2.0], ValueError, "labels must be integers, got float64"),
        (LOGITS, [True, False, True], ValueError, "labels must be integers, got bool"),
        (LOGITS, ["a", "b", "c"], ValueError, "labels must be integers, got <U1"),
        (LOGITS, [0, 1], ValueError, r"labels must have shape \(3,\), .* got \(2,\)"),
        (LOGITS, [[0], [1], [2]], ValueError, r"labels must have shape \(3,\), .* got \(3, 1\)"),
        (LOGITS, 1, ValueError, r"labels must have shape \(3,\), .* got \(\)"),
        (LOGITS.tolist(), [0, 1, 2], TypeError, "logits must be a NumPy array .* got list"),
        (LOGITS[0], [0], ValueError, r"logits must have shape .* got \(4,\)"),
        (LOGITS[:0], [], ValueError, r"logits must have shape .* got \(0, 4\)"),
    ],
)
def test_bad_logits_and_labels(logits, labels, error, message):
    with pytest.raises(error, match=message):
        softmax_cross_entropy(logits, labels)


@pytest.mark.parametrize(
    "outputs, targets, error, message",
    [
        (LOGITS, LOGITS[:2], ValueError, r"targets must have shape \(3, 4\), got \(2, 4\)"),
        (LOGITS, np.ones((3, 4), int), TypeError, "targets must be .* got an array of int64"),
        (LOGITS.astype(int), LOGITS, TypeError, "outputs must be .* got an array of int64"),
        (LOGITS[0], LOGITS[0], ValueError, r"outputs must have shape .* got \(4,\)"),
    ],
)
def test_bad_outputs_and_targets(outputs, targets, error, message):
    with pytest.raises(error, match=message):
        squared_error(outputs, targets)
