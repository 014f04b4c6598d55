"""The experiments of notebook 06, against independent computation."""

import numpy as np
import pytest

from course_utils.experiments import weight_decay
from course_utils.experiments.claims import TABLE_SEEDS
from course_utils.experiments.comparison import compare, side
from course_utils.experiments.weight_decay import C14, C15, Decoupled
from course_utils.lab import figures
from course_utils.lab.exercises.panels import EXERCISES
from course_utils.nn import SGD, Adam, Linear, mlp, softmax_cross_entropy
from course_utils.nn.optim import adam_direction, is_weight, moving_average

F64 = {"dtype": np.float64}


def digits(m=200, n=6, classes=3, seed=0):
    """Examples of classes that lie apart."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, m)
    return rng.standard_normal((m, n)) + 4 * np.eye(classes, n)[labels], labels


def small_network(seed=0, **options):
    return mlp([6, 8, 3], rng=np.random.default_rng(seed), **F64, **options)


def backward(network, seed=0):
    x, labels = digits(seed=seed)
    network.backward(softmax_cross_entropy(network.forward(x), labels)[1])


def copied(network):
    return {key: param.copy() for key, param in network.params.items()}


def test_norm_counts_weight_matrices_only():
    network = small_network(norm="batch")
    flat = np.concatenate([network.params[key].ravel() for key in ("0.W", "3.W")])
    assert weight_decay.weight_norm(network) == pytest.approx(np.sqrt(flat @ flat))
    for key in ("0.b", "1.gamma", "1.beta"):
        network.params[key][:] = 100
    assert weight_decay.weight_norm(network) == pytest.approx(np.sqrt(flat @ flat))
    (norm,) = weight_decay.observe_hidden(network, digits())
    assert norm == np.linalg.norm(network.params["3.W"])


@pytest.mark.parametrize("key", ["W", "3.W", "0.0.W"])
def test_weights_decay(key):
    assert is_weight(key)
    assert not any(is_weight(key[:-1] + name) for name in ("b", "gamma", "beta", "WW"))


# The two forms of decay


def take_steps(networks, optimizers, steps):
    """Each network takes as many steps, on the same data."""
    for network, optimizer in zip(networks, optimizers, strict=True):
        for step in range(steps):
            backward(network, seed=step)
            optimizer.step()


def test_without_momentum_penalty_and_shrink_then_step_are_one():
    networks = small_network(), small_network()
    optimizers = (
        SGD(networks[0], 0.1, weight_decay=0.2),
        Decoupled(SGD(networks[1], 0.1), weight_decay=0.2),
    )
    take_steps(networks, optimizers, 20)
    for key, param in networks[0].params.items():
        np.testing.assert_allclose(param, networks[1].params[key], rtol=1e-11, atol=1e-13)


def test_with_momentum_they_are_not():
    networks = small_network(), small_network()
    optimizers = (
        SGD(networks[0], 0.1, 0.9, weight_decay=0.2),
        Decoupled(SGD(networks[1], 0.1, 0.9), weight_decay=0.2),
    )
    take_steps(networks, optimizers, 20)
    norms = [weight_decay.weight_norm(network) for network in networks]
    assert norms[0] < 0.9 * norms[1]


def test_decoupled_around_adam_is_adamw():
    networks = small_network(), small_network()
    optimizers = (
        Adam(networks[0], 0.01, weight_decay=0.3),
        Decoupled(Adam(networks[1], 0.01), weight_decay=0.3),
    )
    take_steps(networks, optimizers, 5)
    for key, param in networks[0].params.items():
        np.testing.assert_allclose(param, networks[1].params[key], rtol=1e-12)


def test_decoupled_shrinks_weights_and_nothing_else():
    network = small_network()
    network.params["0.b"][:] = 1
    backward(network)
    for key, param in network.params.items():
        network.grads[key] = 0 * param
    before = copied(network)
    Decoupled(SGD(network, 0.5), weight_decay=0.4).step()
    for key, param in network.params.items():
        assert np.allclose(param, (0.8 if is_weight(key) else 1) * before[key])


# Adam in pieces


def test_moving_average_weighs_the_past():
    average = 0.0
    for new in (1.0, 2.0, 4.0):
        average = moving_average(average, new, 0.5)
    assert average == 1 / 8 + 2 / 4 + 4 / 2


@pytest.mark.parametrize("steps", [1, 2, 10])
def test_a_constant_gradient_gives_steps_of_full_length(steps):
    g = np.array([5.0, -0.001])
    first = second = np.zeros(2)
    for _ in range(steps):
        first, second = moving_average(first, g, 0.9), moving_average(second, g**2, 0.999)
    direction = adam_direction(first, second, steps, (0.9, 0.999), 1e-8)
    assert np.allclose(direction, [1, -1], rtol=1e-4)


def test_eps_stands_outside_of_the_root():
    direction = adam_direction(np.array([2.0]), np.array([4.0]), 10**6, (0.9, 0.999), 2.0)
    assert direction == pytest.approx(0.5)


# Data and runs


def test_a_run_gives_its_norms_and_both_errors():
    sides = {"none": side([6, 8, 3], 0.1), "some": side([6, 8, 3], 0.1, weight_decay=0.1)}
    comparison = compare(
        sides, digits(), digits(seed=9), steps=100, batch_size=20, seeds=(1, 2), progress=False,
        observe=weight_decay.observe, evaluate_every=25,
    )  # fmt: skip
    none, some = (weight_decay.paths(runs) for runs in comparison.histories.values())
    assert none.shape == (2, 5)
    assert np.array_equal(none[:, 0], some[:, 0]) and (some[:, -1] < none[:, -1]).all()
    figures_of = weight_decay.by_seed(comparison, "x, ")
    assert figures_of[1]["x, norm, some"] == some[1, -1]
    assert figures_of[0]["x, test error, none"] == comparison.errors("none")[0]
    assert figures_of[0]["x, train error, none"] < 0.2
    last = comparison.histories["none"][0].observations[100]
    assert last.error == np.mean(last.answers != digits()[1])


def test_trained_weights_are_of_one_start():
    train = digits(300, n=784, classes=10)
    one, other = (
        weight_decay.trained_weights("SGD", 0.1, form, train, seed=0, steps=5)
        for form in (False, True)
    )
    assert one.shape == (784 * 32 + 32 * 10,)
    assert np.allclose(one, other, rtol=1e-11) and not np.array_equal(one, 0 * one)


def test_the_sine_s_noise_is_what_was_asked_for():
    x, exact = weight_decay.noisy_sine(0, draw=3)
    assert np.allclose(exact, np.sin(np.pi * x)) and (np.diff(x.ravel()) > 0).all()
    noise = weight_decay.noisy_sine(0.3, 3)[1] - exact
    assert np.allclose(2 * noise, weight_decay.noisy_sine(0.6, 3)[1] - exact)


# Claims


@pytest.mark.parametrize("claim", [C14, C15], ids=lambda claim: claim.id)
def test_the_table_has_every_setting(claim):
    rows = {row["figure"] for row in claim.rows()}
    assert len(rows) == {"C14": 2 * 5 * 3, "C15": 2 * 4 * 3}[claim.id]
    assert len(claim.rows()) == len(rows) * len(TABLE_SEEDS)


def c14(**changed):
    figures = {f"clean, norm, λ = {lam}": norm for lam, norm in
               zip(("0", "0.001", "0.01", "0.1"), (24, 22, 10, 4))}  # fmt: skip
    figures |= {"clean, test error, λ = 0": 0.12, "clean, test error, λ = 0.01": 0.12}
    figures |= {"noisy, test error, λ = 0": 0.30, "noisy, test error, λ = 0.05": 0.24}
    return figures | changed


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("clean, norm, λ = 0.001", 25),
        ("clean, norm, λ = 0.01", 15),
        ("clean, test error, λ = 0.01", 0.15),
        ("clean, test error, λ = 0.01", 0.09),
        ("noisy, test error, λ = 0.05", 0.28),
    ],
)
def test_c14_asks_for_all_that_it_says(figure, value):
    assert C14.holds(c14())
    assert not C14.holds(c14(**{figure: value}))


@pytest.mark.parametrize(
    ("norm", "error", "holds"), [(22, 0.04, True), (15, 0.04, False), (22, 0.06, False)]
)
def test_c15_asks_for_all_that_it_says(norm, error, holds):
    figures = {"1200 steps, norm, c = 0.25": 11, "1200 steps, test error, c = 0.25": 0.045}
    figures |= {"1200 steps, norm, c = 2": norm, "1200 steps, test error, c = 2": error}
    assert C15.holds(figures) == holds


# Exercises and pictures


def reference(name):
    return EXERCISES[name].reference


def test_the_exercises_are_the_library_s():
    rng = np.random.default_rng(0)
    W, *grads = rng.standard_normal((4, 2, 3))

    def trained(make):
        layer = Linear(2, 3, **F64)
        layer.params["W"][:] = W
        optimizer = make(layer)
        for grad in grads:
            layer.grads.update(W=grad, b=np.zeros(3))
            optimizer.step()
            yield layer.params["W"].copy()

    (first, *_) = trained(lambda layer: SGD(layer, 0.1, weight_decay=0.3))
    assert np.allclose(reference("decay_step")(W, grads[0], 0.1, 0.3), first)
    (*_, last) = trained(lambda layer: SGD(layer, 0.1, 0.9, weight_decay=0.3))
    assert np.allclose(reference("momentum_steps")(W, grads, 0.1, 0.9, 0.3), last)
    ours, m, v = W, 0 * W, 0 * W
    for t, theirs in enumerate(trained(lambda layer: Adam(layer, 0.1)), start=1):
        ours, m, v = reference("adam_step")(ours, grads[t - 1], m, v, t, 0.1, 0.9, 0.999, 1e-8)
        assert np.allclose(ours, theirs)


def test_gamma_rests_where_loss_and_penalty_balance():
    gamma = np.linspace(0, 3, 30001)
    penalized = 0.7 / 2 * (gamma - 2) ** 2 + 0.4 / 2 * gamma**2
    expected = gamma[penalized.argmin()]
    assert reference("pulled_to")(2, 0.7, 0.4) == pytest.approx(expected, abs=1e-4)


def test_dots_of_earlier_runs_stay():
    picture = figures.NormAgainstError(steps=10)
    picture.update(("λ = 0", 0.0, [0, 10], [20.0, 20.0], 0.1)).png()
    picture.update(("λ = 1", 0.6, [0, 10], [20.0, 5.0], 0.3)).png()
    picture.update(("λ = 1", 0.6, [0, 10], [20.0, 5.0], 0.3)).png()
    assert np.allclose(picture.dots.get_offsets(), [[20, 0.1], [5, 0.3]])


def test_a_fit_says_how_far_it_is_off():
    grid = figures.DecayedFit.grid()
    x = np.array([[-0.5], [0.5]])
    picture = figures.DecayedFit(steps=10)
    picture.update((x, np.sin(np.pi * x) + 0.5, np.sin(np.pi * grid) + 0.25, [0, 10], [3.0, 2.0]))
    assert "off the data by 0.25 and off the truth by 0.25" in picture.reading
