"""The statistics that batch normalization works with: the batch's own, running ones, folded ones."""

import copy
from contextlib import contextmanager

import numpy as np

from course_utils.checks import check_count
from course_utils.experiments.training import layers_of, mode, with_inner
from course_utils.nn import Residual, Sequential


def batch_norms(network):
    """The network's layers with running estimates, a student's own among them, in order."""
    return [layer for layer in layers_of(network) if hasattr(layer, "running_mean")]


@contextmanager
def momentum(network, value):
    """Another momentum in every BatchNorm layer for a while; then each has its own again."""
    before = [(norm, norm.momentum) for norm in batch_norms(network)]
    for norm, _ in before:
        norm.momentum = value
    try:
        yield network
    finally:
        for norm, own in before:
            norm.momentum = own


@contextmanager
def batch_statistics(network):
    """Training mode for a while: the batch's own statistics; the running estimates stay."""
    with momentum(network, 0.0), mode(network, training=True):
        yield network


def recalibrate(network, x):
    """Set the running estimates to the statistics of x under the weights as they are now."""
    with momentum(network, 1.0), mode(network, training=True):
        network.forward(x)


def error_in_batches(network, images, labels, batch_size):
    """Share of wrong answers with batch statistics, batch after batch as the examples come."""
    check_count("batch_size", batch_size)
    wrong = 0
    with batch_statistics(network):
        for start in range(0, len(images), batch_size):
            batch = slice(start, start + batch_size)
            wrong += np.sum(network.forward(images[batch]).argmax(axis=1) != labels[batch])
    return float(wrong / len(images))


def fold(network):
    """A network without BatchNorm that computes what this one does in evaluation mode.

    Each BatchNorm is one more multiplication and addition a feature once its statistics are fixed,
    so the Linear layer before it can do both.

    Parameters
    ----------
    network : Sequential
        With each BatchNorm right behind a Linear layer.

    Returns
    -------
    Sequential
        In evaluation mode.

    Raises
    ------
    ValueError
        For a BatchNorm anywhere else, or skip connections, which read what is in front of it.
    """
    if any(isinstance(layer, Residual) for layer in with_inner(network)):
        raise ValueError("network must have no skip connections")
    layers, network = [], copy.deepcopy(network)
    normalizing = batch_norms(network)
    for layer in layers_of(network):
        if layer not in normalizing:
            layers.append(layer)
            continue
        if not layers or "W" not in layers[-1].params:
            raise ValueError("network must have each BatchNorm right behind a Linear layer")
        scale = 1 / np.sqrt(layer.running_var + layer.eps)
        shift = -layer.running_mean * scale
        if layer.params:
            scale = scale * layer.params["gamma"]
            shift = shift * layer.params["gamma"] + layer.params["beta"]
        params = layers[-1].params
        params["W"], params["b"] = params["W"] * scale, params["b"] * scale + shift
    return Sequential(layers).eval()
