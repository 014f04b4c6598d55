"""Batch statistics, running estimates and folding."""

import numpy as np
import pytest
from helpers import batch_normed, clusters, rng, same, share_wrong, state, trained_on_clusters

from course_utils.experiments.statistics import (
    batch_norms,
    batch_statistics,
    error_in_batches,
    fold,
    recalibrate,
)
from course_utils.experiments.training import mode
from course_utils.nn import BatchNorm, Linear, ReLU, Sequential, mlp

pytestmark = pytest.mark.filterwarnings("error")


def test_batch_statistics_are_used_for_a_while_and_leave_no_trace():
    network, (x, _) = trained_on_clusters(), clusters(8)
    before, in_evaluation = state(network), network.forward(x)
    with batch_statistics(network):
        in_training = network.forward(x)
    assert not np.allclose(in_training, in_evaluation, atol=0.1)
    assert same(before, state(network)) and not network.training
    assert [norm.momentum for norm in batch_norms(network)] == [0.1, 0.1]


def test_batch_statistics_end_with_an_error_too():
    network, (x, _) = trained_on_clusters(), clusters(1)
    with pytest.raises(ValueError, match="at least 2 examples"), batch_statistics(network):
        network.forward(x)
    assert not network.training and batch_norms(network)[0].momentum == 0.1


def test_error_in_batches_is_the_running_one_for_large_mixed_batches_only():
    network, test = trained_on_clusters(), clusters(600, seed=5)
    by_size = [error_in_batches(network, *test, size) for size in (2, 60, 600)]
    assert by_size[0] > by_size[1] + 0.1
    assert by_size[2] == pytest.approx(share_wrong(network, *test), abs=0.03)
    by_class = np.argsort(test[1])
    assert error_in_batches(network, test[0][by_class], test[1][by_class], 60) > by_size[1] + 0.1


def test_recalibration_repairs_spoiled_estimates():
    network, (x, labels) = trained_on_clusters(), clusters(600)
    good = share_wrong(network, x, labels)
    with mode(network, training=True):
        for _ in range(20):
            network.forward(x[labels == 3])
    assert share_wrong(network, x, labels) > good + 0.1
    recalibrate(network, x)
    assert share_wrong(network, x, labels) == pytest.approx(good, abs=0.02)
    assert batch_norms(network)[0].momentum == 0.1


@pytest.mark.parametrize("affine", [True, False])
def test_a_folded_network_computes_the_same_without_batch_norm(affine):
    network, random = batch_normed(affine=affine, dtype=np.float64), rng(2)
    for param in network.params.values():
        param[:] = random.standard_normal(param.shape)
    for _ in range(5):
        network.forward(random.standard_normal((9, 6)))
    x, before = random.standard_normal((4, 6)), state(network.eval())
    folded = fold(network)
    assert batch_norms(folded) == [] and len(folded) == 5
    assert np.allclose(folded.forward(x), network.forward(x), rtol=1e-10)
    assert same(before, state(network))


def test_what_cannot_be_folded_is_refused():
    with pytest.raises(ValueError, match="right behind a Linear layer"):
        fold(Sequential([Linear(3, 4), ReLU(), BatchNorm(4)]))
    with pytest.raises(ValueError, match="no skip connections"):
        fold(mlp([3, 4, 4, 2], norm="batch", residual=True))
