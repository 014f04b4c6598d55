"""Norms by layer before training: what is measured, what is expected, and the picture of both."""

import numpy as np
import pytest

from course_utils.experiments.norms import BLOCKS, Block, Untrained, dropout
from course_utils.lab import colors
from course_utils.lab.pictures.norms import NormsByLayer
from course_utils.nn import Dropout, Layer, Linear, ReLU, Sequential, mlp, softmax_cross_entropy

pytestmark = pytest.mark.filterwarnings("error")

RNG = np.random.default_rng
X, LABELS = RNG(0).standard_normal((40, 30)), RNG(1).integers(0, 10, 40)
SMALL = Untrained(X, LABELS, hidden=6 * [20])
WITH_THEORY = {**BLOCKS, "dropout": dropout(0.4), "evaluation": dropout(0.4, training=False)}
EACH_BLOCK = pytest.mark.parametrize("name", WITH_THEORY)
ARRAYS = ("forward", "backward", "forward_theory", "backward_theory", "deviations")


def lengths(x):
    return np.linalg.norm(x, axis=1).mean()


# What is measured

AS_MLP = {
    "relu": {},
    "tanh": {"activation": "tanh"},
    "layer norm after": {"norm": "layer", "affine": False, "norm_position": "after"},
    "layer norm before": {"norm": "layer", "affine": False},
    "batch norm after": {"norm": "batch", "norm_position": "after"},
    "batch norm before": {"norm": "batch"},
    "dropout": {"p": 0.4},
    "evaluation": {},
}


@EACH_BLOCK
def test_norms_are_those_of_a_network_with_the_same_weights(name):
    found = SMALL.norms(1.7, depth=3, width=15, block=WITH_THEORY[name], draw=4)
    network = mlp([30, 15, 15, 15, 10], dtype=float, rng=RNG(9), **AS_MLP[name])
    rng, masks = RNG(4), RNG([0, 1])
    G = [rng.standard_normal(shape) for shape in [(30, 20), *5 * [(20, 20)], (20, 10)]]
    linears = [layer for layer in network if isinstance(layer, Linear)]
    for linear, G_i in zip(linears, [*G[:3], G[-1]], strict=True):
        n_in, n_out = linear.params["W"].shape
        linear.params["W"][:] = np.sqrt(1.7 / n_in) * G_i[:n_in, :n_out]
    for layer in network:
        if isinstance(layer, Dropout):
            layer.rng = masks
    _, grad = softmax_cross_entropy(network.forward(X), LABELS)
    z = [linear.saved for linear in linears]
    assert found.forward == pytest.approx([lengths(z_i) for z_i in z])
    assert found.backward[0] == pytest.approx(lengths(network.backward(grad)))
    before = [z_i @ linear.params["W"] for z_i, linear in zip(z, linears[:-1])]
    assert np.allclose(found.before, before)
    assert found.growth == pytest.approx(found.forward / found.forward[1])


def test_hidden_layers_of_different_widths():
    untrained = Untrained(X, LABELS, hidden=[8, 20, 5])
    shapes = [before.shape for before in untrained.norms(2.0, width=10).before]
    assert shapes == [(40, 8), (40, 10), (40, 5)]
    assert [len(untrained.norms(2.0, depth).forward) for depth in (1, 2, 3, None)] == [2, 3, 4, 4]
    assert [G.shape for G in untrained.unscaled()] == [(30, 8), (8, 20), (20, 5), (20, 10)]


def test_c_changes_the_lengths_by_its_own_factor_and_nothing_else():
    one, four = (SMALL.norms(c) for c in (1.0, 4.0))
    assert four.forward == pytest.approx(one.forward * 2.0 ** np.arange(7))
    shorter = SMALL.norms(1.0, depth=4)
    assert np.array_equal(shorter.forward, one.forward[:5])
    assert not np.allclose(SMALL.norms(1.0, draw=1).forward, one.forward)


def test_of_three_networks_only_the_one_that_moves_is_sent_through_again(monkeypatch):
    untrained, sent = Untrained(X, LABELS, hidden=6 * [20]), []
    propagate = untrained.propagate
    monkeypatch.setattr(untrained, "propagate", lambda *args: sent.append(1) or propagate(*args))
    for moving in (2.0, 2.1, 2.2):
        found = [untrained.norms(c, depth=5) for c in (moving, 1, 3)]
    assert len(sent) == 5
    assert found[1].forward == pytest.approx(SMALL.norms(1.0, depth=5).forward)
    with pytest.raises(ValueError, match="read-only"):
        found[1].before[0][:] = 0
    own = Block(lambda n: ReLU())  # may be something else each time
    assert len([untrained.norms(2.0, block=own) for _ in range(2)]) == len(sent) - 5 == 2


def test_masks_are_the_same_at_every_call_with_the_same_draw():
    block = dropout(0.5)
    one, four = (SMALL.norms(c, block=block) for c in (1.0, 4.0))
    assert four.forward == pytest.approx(one.forward * 2.0 ** np.arange(7))
    assert not np.allclose(SMALL.norms(1.0, block=dropout(0.5, draw=1)).forward, one.forward)


def test_without_labels_no_gradient_is_sent_back():
    found = Untrained(X.astype(np.float32), hidden=6 * [20]).norms(2.0)
    assert np.isnan(found.backward).all() and np.isnan(found.backward_theory).all()
    assert found.forward == pytest.approx(SMALL.norms(2.0).forward, rel=1e-6)


def test_what_overflows_is_infinite():
    found = Untrained(1e300 * X, LABELS, hidden=[20]).norms(1e30)
    assert np.isinf(found.forward).any() and found.forward.shape == found.backward.shape == (2,)


# What is expected


@pytest.fixture(scope="module")
def wide():
    """Inputs such as ReLU leaves them, since the first layer's are to be like the others'."""
    x = np.maximum(RNG(2).standard_normal((300, 1000)), 0)
    return Untrained(x, RNG(3).integers(0, 10, 300), hidden=3 * [1000])


@EACH_BLOCK
@pytest.mark.parametrize("c", [1.0, 3.0])
def test_wide_layers_do_what_theory_expects(wide, name, c):
    found = wide.norms(c, block=WITH_THEORY[name])
    assert found.forward == pytest.approx(found.forward_theory, rel=0.03)
    # what batch norm takes out behind the first ReLU hangs on how alike the inputs are
    sure = slice(1, None) if name == "batch norm after" else slice(None)
    assert found.backward[sure] == pytest.approx(found.backward_theory[sure], rel=0.03)
    spread = [before.std() for before in found.before]
    assert spread == pytest.approx(found.deviations, rel=0.03)


def test_batch_norm_makes_the_squared_gradient_grow_by_the_same_factor_on_either_side():
    for name in ("batch norm before", "batch norm after"):
        for c in (0.5, 3.0):
            back = SMALL.norms(c, block=name).backward_theory
            assert (back[1:-1] / back[2:]) ** 2 == pytest.approx(np.pi / (np.pi - 1))


# Blocks of one's own


class Leaky(Layer):
    """max(y, a y), a student's own."""

    def forward(self, y):
        self.saved = np.where(y > 0, 1, 0.5)
        return self.saved * y

    def backward(self, grad):
        return self.recall() * grad


def test_a_layer_of_ones_own_is_measured_and_has_a_theory_if_it_is_told():
    plain = SMALL.norms(2.0, block=lambda n: Leaky())
    for array in ARRAYS[2:]:
        assert np.isnan(getattr(plain, array)).all()
    told = SMALL.norms(2.0, block=Block(lambda n: Leaky(), lambda q: (0.625 * q, 0.625)))
    assert np.array_equal(plain.forward, told.forward)
    assert (told.forward_theory[2:] / told.forward_theory[1:-1]) ** 2 == pytest.approx(1.25)
    assert (told.backward_theory[:-1] / told.backward_theory[1:]) ** 2 == pytest.approx(1.25)
    relu = SMALL.norms(2.0, block=lambda n: Sequential([ReLU()]))
    assert np.array_equal(relu.backward, SMALL.norms(2.0).backward)


# Errors


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"block": "sigmoid"}, ValueError, "block must be one of 'relu', 'tanh'.*got 'sigmoid'"),
        ({"block": ReLU()}, ValueError, r"block must be one of.*got ReLU\(\)"),
        ({"block": lambda n: None}, TypeError, "what block makes must be a layer.*got None"),
        ({"c": -1.0}, ValueError, r"c must lie in \[0, inf\), got -1.0"),
        ({"c": "two"}, TypeError, "c must be a number"),
        ({"depth": 7}, ValueError, "depth must be at most 6, got 7"),
        ({"depth": 0}, ValueError, "depth must be at least 1, got 0"),
        ({"width": 21}, ValueError, "width must be at most 20, got 21"),
        ({"width": 5.0}, TypeError, "width must be an integer"),
    ],
)
def test_bad_settings_are_named(arguments, error, words):
    with pytest.raises(error, match=words):
        SMALL.norms(**{"c": 2.0} | arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"x": X.astype(int)}, TypeError, "x must be a NumPy array of floating point"),
        ({"labels": LABELS[:3]}, ValueError, r"labels must have shape \(40,\)"),
        ({"hidden": []}, ValueError, "hidden must hold at least one width"),
        ({"hidden": 100}, TypeError, "hidden must be a list, got 100"),
        ({"hidden": [10, 0]}, ValueError, "hidden must be at least 1, got 0"),
    ],
)
def test_a_bad_batch_and_bad_widths_are_named(arguments, error, words):
    with pytest.raises(error, match=words):
        Untrained(**{"x": X, "labels": LABELS, "hidden": [20]} | arguments)


def test_a_rate_outside_its_interval_is_named():
    with pytest.raises(ValueError, match=r"p must lie in \[0, 1\), got 1"):
        dropout(1)


def test_the_numbers_behind_the_weights_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        SMALL.unscaled()[0] *= 2


# The picture

SIDES = {"without": colors.GRAY, "with": colors.ORANGE}


norms = SMALL.norms


@pytest.fixture(scope="module")
def picture():
    return NormsByLayer(6, SIDES, inside=True)


def test_a_theory_that_is_not_there_leaves_no_mark(picture):
    picture.update(norms={"with": norms(1.0, block=lambda n: ReLU())})
    for way in ("forward", "backward"):
        theory = picture.curves["with", way][1]
        assert not any(line.get_xdata().size for line in (theory.line, theory.above, theory.below))


def test_one_side_is_said_without_its_name_and_two_with_theirs(picture):
    one, other = norms(1.0), norms(2.0)
    alone = picture.update(norms={"with": one, "without": None}).reading
    assert alone.startswith("From layer 1 to layer 6 the activations change by a factor of 0.")
    assert "vanishing" not in alone and alone.count("holding") == 2 and "with" not in alone
    both = picture.update(norms={"with": one, "without": other}).reading
    assert "(without: holding) and 0." in both and both.count("(with: holding)") == 2


def test_it_says_whether_a_signal_vanishes_or_explodes():
    for c, trend in ((0.01, "vanishing"), (100.0, "exploding")):
        reading = NormsByLayer(6).update(norms={"measured": norms(c)}).reading
        assert reading.count(trend) == 2 and "On its way back to layer 1" in reading


def test_activations_alone():
    reading = NormsByLayer(6, gradients=None).update(norms={"measured": norms(1.0)}).reading
    assert reading.count("factor") == 1 and "gradient" not in reading


def test_a_side_that_it_does_not_have_is_named(picture):
    with pytest.raises(ValueError, match="a side of norms must be one of 'without', 'with'"):
        picture.update(norms={"batch": norms(1.0)})
    with pytest.raises(ValueError, match="norms must hold at least one side"):
        picture.update(norms={"with": None})
