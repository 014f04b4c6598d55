"""Losses: each returns its value and its gradient with respect to the network's output."""

import numpy as np

from course_utils.checks import check_batch, check_labels, check_shape


def softmax(logits):
    """Probabilities proportional to exp(logits), row by row.

    The row's maximum is subtracted first: the result is the same and no exponential overflows.

    Parameters
    ----------
    logits : ndarray, shape (m, k)

    Returns
    -------
    ndarray, shape (m, k)
        Rows sum to one.
    """
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exp / exp.sum(axis=1, keepdims=True)


def softmax_cross_entropy(logits, labels):
    """Mean cross entropy of softmax(logits) against the labels, and its gradient.

    loss = mean_i [ log sum_k exp(logits_ik) - logits_i,label_i ];
    grad = (softmax(logits) - one_hot(labels)) / m.

    Parameters
    ----------
    logits : ndarray, shape (m, k)
    labels : ndarray of int, shape (m,)
        In 0 ... k - 1.

    Returns
    -------
    loss : float
    grad : ndarray, shape (m, k)

    Raises
    ------
    TypeError, ValueError
        For logits that are no batch; labels out of range, not integers, or of another length.
    """
    check_batch("logits", logits)
    labels = check_labels(labels, *logits.shape)
    m = len(labels)
    rows = np.arange(m)
    shifted = logits - logits.max(axis=1, keepdims=True)
    exp = np.exp(shifted)
    total = exp.sum(axis=1, keepdims=True)
    loss = (np.log(total).sum() - shifted[rows, labels].sum()) / m
    grad = exp / (m * total)
    grad[rows, labels] -= 1 / m
    return float(loss), grad


def squared_error(outputs, targets):
    """Half the squared distance to the targets, averaged over the examples, and its gradient.

    loss = (1 / 2m) sum_i ||outputs_i - targets_i||^2; grad = (outputs - targets) / m.

    Parameters
    ----------
    outputs, targets : ndarray, shape (m, k)

    Returns
    -------
    loss : float
    grad : ndarray, shape (m, k)

    Raises
    ------
    TypeError, ValueError
        For arrays that are not floating point or of different shapes.
    """
    check_batch("outputs", outputs)
    check_shape("targets", targets, outputs.shape)
    m = len(outputs)
    difference = outputs - targets
    return float(0.5 * np.sum(difference**2) / m), difference / m
