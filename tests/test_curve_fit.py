"""The curve that is fitted to a few noisy points."""

import numpy as np
import pytest

from course_utils.experiments.curve_fit import distances, fitting, noisy_sine
from course_utils.nn import SGD

X = np.array([[0.0], [1.0], [-1.0]])


def test_the_sine_s_noise_is_what_was_asked_for():
    x, exact = noisy_sine(0, draw=3)
    assert np.allclose(exact, np.sin(np.pi * x)) and (np.diff(x.ravel()) > 0).all()
    noise = noisy_sine(0.3, 3)[1] - exact
    assert np.allclose(2 * noise, noisy_sine(0.6, 3)[1] - exact)


def test_a_fit_is_handed_over_forty_times():
    grid = np.linspace(-1.2, 1.2, 241)[:, None]
    *_, last = fitting(lambda net: SGD(net, 0.1, weight_decay=0.5), 0.0, 0, grid, 80)
    assert last["steps"] == list(range(0, 81, 2)) and len(last["norms"]) == 41
    assert np.all(np.diff(last["norms"][1:]) < 0)
    truth = {"x": X, "y": np.sin(np.pi * X) + 0.5, "fit": np.sin(np.pi * grid) + 0.25}
    assert distances(truth, grid) == pytest.approx((0.25, 0.25), abs=1e-3)
