"""The curve that is fitted to a few noisy points."""

import numpy as np
import pytest

from course_utils.experiments.curve_fit import GRID, distances, fitting, noisy_sine
from course_utils.nn import SGD

X = np.array([[0.0], [1.0], [-1.0]])


def test_the_sine_s_noise_is_what_was_asked_for():
    x, exact = noisy_sine(0, draw=3)
    assert np.allclose(exact, np.sin(np.pi * x)) and (np.diff(x.ravel()) > 0).all()
    noise = noisy_sine(0.3, 3)[1] - exact
    assert np.allclose(2 * noise, noisy_sine(0.6, 3)[1] - exact)


def test_a_fit_is_handed_over_forty_times():
    *_, last = fitting(lambda net: SGD(net, 0.1, weight_decay=0.5), 0.0, 0, 80)
    assert last["steps"] == list(range(0, 81, 2)) and len(last["norms"]) == 41
    assert np.all(np.diff(last["norms"][1:]) < 0)


def test_a_curve_s_distances():
    fit = np.sin(np.pi * GRID) + 0.25
    found = distances(X, np.sin(np.pi * X) + 0.5, fit)
    assert found == pytest.approx((0.25, 0.25), abs=1e-3)
