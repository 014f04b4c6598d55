"""What is said of answers that nobody foresaw: right ones, wrong ones, and hostile ones."""

import signal
import threading
import time
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import combinations, pairwise

import numpy as np
import pytest

from course_utils import lessons
from course_utils.lab.checker import CALLABLE, call, examine
from course_utils.lab.limit import within
from course_utils.nn import BatchNorm, Dropout, softmax_cross_entropy

pytestmark = pytest.mark.filterwarnings("error")

EXERCISES = {each.name: each for found in lessons.all_exercises().values() for each in found}


def each(names, table):
    """A test for each row of a table, known by the row's number."""
    return pytest.mark.parametrize(names, table, ids=map(str, range(len(table))))


def verdict(name, function, **options):
    return examine(EXERCISES[name], function, **options)


def rms(x, eps):
    return np.sqrt((x**2).mean(axis=1, keepdims=True) + eps)


def bisected(norm_ratio, steps, pick):
    low, high = 0.5, 4.0
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (low, middle) if norm_ratio(middle) > 1 else (middle, high)
    return pick(low, high)


class Callable:
    def __call__(self, lr, factor):
        return lr * factor * factor


RIGHT = [
    ("count_parameters", lambda w: sum(Fraction((a + 1) * b) for a, b in pairwise(w))),
    ("count_parameters", lambda w: Decimal(sum((a + 1) * b for a, b in pairwise(w)))),
    (
        "count_parameters",
        lambda w: np.array(sum((a + 1) * b for a, b in pairwise(w)), dtype=object),
    ),
    ("weight_shapes", lambda w: np.column_stack([w[:-1], w[1:]])),
    ("weight_shapes", lambda w: [np.array(pair) for pair in pairwise(w)]),
    ("momentum_step", lambda p, g, v, lr, mu: np.array([p - lr * (mu * v + g), mu * v + g])),
    ("find_c", lambda f: bisected(f, 16, lambda low, high: (low + high) / 2)),
    ("find_c", lambda f: round(bisected(f, 40, min), 4)),
    ("equivalent_lr", partial(lambda power, lr, factor: lr * factor**power, 2)),
    ("equivalent_lr", Callable()),
    ("rms_norm", lambda x, eps: (x / rms(x, eps)).astype(np.float32)),
    ("tanh_backward", lambda grad_y, y: np.ma.array(grad_y * (1 - y**2))),
    ("passes_needed", lambda deviation, precision: -int(-((deviation / precision) ** 2) // 1)),
    ("least_norm", lambda X, y: (lambda Q, R: Q @ np.linalg.solve(R.T, y))(*np.linalg.qr(X.T))),
]


@each(("name", "function"), RIGHT)
def test_a_right_answer_passes_however_it_is_written(name, function):
    assert verdict(name, function).right is True


@pytest.mark.parametrize("name", EXERCISES)
def test_float32_passes_where_the_reference_computes_in_floats(name):
    def in_float32(*case):
        arrays = (c.astype(np.float32) if _is_floats(c) else c for c in case)
        return EXERCISES[name].reference(*arrays)

    assert verdict(name, in_float32).right is True


def _is_floats(value):
    return isinstance(value, np.ndarray) and value.dtype == float


def counts_up(test):
    """The smallest whole number that a test lets pass, as in a `while` loop."""

    def function(*case):
        number = 1
        while not test(number, *case):
            number += 1
        return number

    return function


def unsorted(labels, wrong, shifts):
    new = labels.copy()
    mask = np.isin(np.arange(len(labels)), wrong)
    new[mask] = (new[mask] + shifts) % 10
    return new


def divides_by_x(grad_y, x, eps):
    y = x / rms(x, eps)
    return (grad_y - y * (grad_y * y).mean(axis=1, keepdims=True)) / (x / y)


def adam_with(W, grad, first, second, t, lr, beta1, beta2, eps):
    m, v = beta1 * first + (1 - beta1) * grad, beta2 * second + lr * grad**2
    return W - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


def leaves_zeros(network, x):
    key = EXERCISES["find_bug"].reference(network, x)
    for param in network.params.values():
        param[:] = 0
    return key


def waits_for_one(norm_ratio):
    low, high = 0.5, 4.0
    while norm_ratio(middle := (low + high) / 2) != 1:
        low, high = (low, middle) if norm_ratio(middle) > 1 else (middle, high)
    return middle


def clears_the_gradients(params, grads, lr):
    for key in params:
        params[key] -= lr * grads[key]
        grads[key][:] = 0


def trains_by_its_own_loss(network, optimizer, batches, loss_and_grad):
    return EXERCISES["train"].reference(network, optimizer, batches, softmax_cross_entropy)


ONCE_ACCEPTED = [
    ("sgd_step", clears_the_gradients),
    ("train", trains_by_its_own_loss),
    ("passes_needed", lambda deviation, precision: int((deviation / precision) ** 2) + 1),
    ("passes_needed", lambda deviation, precision: round((deviation / precision) ** 2 + 0.5)),
    ("passes_needed", lambda deviation, precision: round((deviation / precision) ** 2)),
    ("passes_needed", counts_up(lambda k, deviation, precision: deviation / k**0.5 < precision)),
    ("corrupt_labels", unsorted),
    ("rms_norm_backward", divides_by_x),
    ("adam_step", adam_with),
    ("least_norm", lambda X, y: np.linalg.pinv(X) @ y),
    ("find_bug", leaves_zeros),
]


@each(("name", "function"), ONCE_ACCEPTED)
def test_the_cases_leave_nothing_wrong_undetected(name, function):
    assert verdict(name, function).right is False


def test_a_wait_for_a_number_that_no_float_hits_is_no_answer():
    found = verdict("find_c", waits_for_one, seconds=0.5)
    assert found.right is False and "a loop that never ends" in found.words
    assert "c * c / 3" in found.example


def _list_among(exercise):
    """The place of the first argument that is a list, or None."""
    case = next(iter(exercise.cases(np.random.default_rng(0))))
    return next((i for i, value in enumerate(case) if isinstance(value, list)), None)


@pytest.mark.parametrize("name", EXERCISES)
def test_no_number_can_stand_for_another_in_all_cases(name):
    """Neither an argument, nor one minus it, nor a length, nor a length minus one."""
    exercise = EXERCISES[name]
    cases = list(exercise.cases(np.random.default_rng(0)))
    values = {}
    for i, argument in enumerate(exercise.arguments):
        column = [case[i] for case in cases]
        if all(isinstance(value, int | float) for value in column):
            values[argument] = np.array(column, float)
            values[f"1 - {argument}"] = 1 - values[argument]
    sizes = [
        np.array([np.shape(case[i])[axis] if axis < np.ndim(case[i]) else -1 for case in cases])
        for i in range(len(cases[0]))
        for axis in (0, 1)
        if isinstance(cases[0][i], np.ndarray)
    ]
    for (one, first), (other, second) in combinations(values.items(), 2):
        assert not np.allclose(first, second), (one, other)
    for one, first in values.items():
        for size in sizes:
            assert not np.allclose(first, size) and not np.allclose(first, size - 1), one


# Wrong, and no known mistake, or one that is easily taken for another


def another_order(param, velocity, grad, lr, momentum):
    v = momentum * velocity + grad
    return param - lr * v, v


remembered = []


def remembers(widths):
    remembered.extend(pairwise(widths))
    return list(remembered)


buffer = np.zeros((2, 3))


def shares_an_array(param, grad, velocity, lr, momentum):
    buffer[1] = momentum * velocity + grad
    buffer[0] = param - lr * buffer[1]
    return buffer[0], buffer[1]


def whole(grad_y, y):
    out = np.zeros(y.shape, int)
    out[:] = 3 * grad_y * (1 - y**2)
    return out


def bisected_from(start, end):
    """Bisection in another interval than the one that is given."""

    def function(norm_ratio):
        low, high = start, end
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (low, middle) if norm_ratio(middle) > 1 else (middle, high)
        return middle

    return function


def subtracts_in_place(logits, labels):
    logits[np.arange(len(labels)), labels] -= 1
    return logits


def moves_the_weights_alone(params, grads, lr):
    for key in params:
        if key.endswith("W"):
            params[key] -= lr * grads[key]


def nudges(network, x):
    key = EXERCISES["find_bug"].reference(network, x)
    next(iter(network.params.values()))[:] += 0.01
    return key


def names_the_largest(network, x):
    y = network.forward(x)
    network.backward(np.ones_like(y))
    return max(network.grads, key=lambda key: np.abs(network.grads[key] / y.size).max())


def prints(widths):
    print(sum((a + 1) * b for a, b in pairwise(widths)))


def returns_nothing(widths):
    total = sum((a + 1) * b for a, b in pairwise(widths))
    total += 0


class Remembers(BatchNorm):
    """Normalizes by the running estimates: a batch before this one acts on it."""

    def forward(self, x):
        y = super().forward(x)
        if not self.training:
            return y
        x_hat = (x - self.running_mean) / np.sqrt(self.running_var + self.eps)
        return self.scale_and_shift(x_hat)


class ScaledTwice(Dropout):
    def forward(self, x):
        return super().forward(x) * (1 if self.saved is None else self.saved)


WRONG = [
    ("momentum_step", another_order, "Your arguments are in another order: the function is called"),
    ("weight_shapes", remembers, "The same input gives another result the second time."),
    ("momentum_step", shares_an_array, "a later call writes into the same array"),
    ("tanh_backward", whole, "its dtype is `int`"),
    ("count_parameters", prints, "Hand it on with `return` in place of `print`."),
    ("count_parameters", returns_nothing, "It ends without a `return`, so the result is nothing."),
    ("least_norm", lambda X, y: np.linalg.pinv(X) @ y, "do it without `pinv` here"),
    (
        "least_norm",
        lambda X, y: np.linalg.solve(X.T @ X, X.T @ y),
        "X^T X is n x n but has rank m at most",
    ),
    (
        "smallest_width",
        counts_up(lambda h, n_in, n_out, m: h * (n_in + 1 + n_out) + n_out > m * n_out),
        "Where the division is exact this is one too many",
    ),
    ("rms_norm", lambda x, eps: x / np.maximum(rms(x, 0), eps), "Wrong on "),
    ("rms_norm", lambda x, eps: x / rms(x, 1e-5), "for `eps` = 1e-05, whatever `eps` is"),
    ("critical_c", lambda p, slope: 2 * (1 - p) ** 2 / (1 + slope**2), "it is 1 - `p` times what"),
    (
        "pulled_to",
        lambda best, h, decay: best / (h + decay),
        "1 / `curvature` times what it should",
    ),
    ("equivalent_lr", lambda lr, factor: (lr * factor) ** 2, "it is `lr` times what it should be"),
    ("equivalent_lr", lambda lr, factor: 3 * lr * factor, "With `factor` doubled, yours becomes 2"),
    (
        "normalize_backward",
        lambda *given: -EXERCISES["normalize_backward"].reference(*given),
        "Only the sign",
    ),
    (
        "normalize_backward",
        lambda grad_x_hat, x_hat, var, eps, axis: grad_x_hat,
        "Yours is `grad_x_hat` as it was handed in.",
    ),
    ("leaky_relu_c", lambda slope: 1.7, "Your result is 1.7 for every input."),
    ("find_c", bisected_from(0.5, 2.0), "Yours is the right one, but never more than 2."),
    ("find_c", bisected_from(1.0, 4.0), "Yours is the right one, but never less than 1."),
    (
        "scale_and_shift",
        lambda x_hat, gamma, beta: np.maximum(gamma * x_hat + beta, 0),
        "Yours is the right one, but never less than 0.",
    ),
    (
        "forward_factor",
        lambda c, n_in, n_out: c * n_out // (2 * n_in),
        "Yours is the right one rounded down.",
    ),
    (
        "forward_factor",
        lambda c, n_in, n_out: c / 2**0.5 * n_out / n_in,
        "it is the root of 2 times what it should be",
    ),
    (
        "tanh_ratio",
        lambda c, q, g: np.linalg.norm(np.tanh(np.sqrt(c * q) * g)) / np.sqrt(q),
        "it is the root of `len(g)` times what it should be",
    ),
    (
        "layers_until",
        lambda limit, length, c: EXERCISES["layers_until"].reference(3.4e38, length, c),
        "Yours is the right result for `limit` = 3.4e+38, whatever `limit` is.",
    ),
    ("expected_ratio", lambda c, depth: np.sqrt(c / 2) ^ depth, "a power is written `**`"),
    ("cross_entropy_gradient", subtracts_in_place, "It also changes its argument `logits`"),
    ("find_bug", nudges, "Leave it as you found it"),
    ("find_bug", names_the_largest, "You name the largest gradient."),
    ("sgd_step", moves_the_weights_alone, "Only the weights have moved."),
    ("sgd_step", clears_the_gradients, "The gradients are no longer what they were."),
    ("train", trains_by_its_own_loss, "Call the argument, `loss_and_grad`"),
    (
        "train_deep",
        lambda *given: EXERCISES["train_deep"].reference(*given).losses,
        "return all that `fit` gives back",
    ),
    (
        "momentum_step",
        lambda p, g, v, lr, mu: (p - lr * mu * (mu * v + g), mu * v + g),
        "`new_velocity` is right, `new_param` is not. Yours is the right result for `lr` times",
    ),
    (
        "rms_norm",
        lambda x, eps: x / np.sqrt((x**2).mean() + eps**2),
        "acts on other rows and columns in yours, and on its own row in the right one",
    ),
    (
        "scale_and_shift_backward",
        lambda g, h, gamma: (gamma * g, (g * h).sum(axis=0, keepdims=True), g.sum(axis=0)),
        "The numbers are right. Their shape is (1, 3), where (3,) is asked for.",
    ),
    (
        "dropout_penalty",
        lambda X, w, p: p / (1 - p) * w**2 * np.sum(X**2, axis=0),
        "Added up in full, yours is right",
    ),
    (
        "find_c",
        lambda f: np.linspace(0.5, 4, 999)[
            np.argmax([f(c) >= 1 for c in np.linspace(0.5, 4, 999)])
        ],
        "It agrees with the right one to about",
    ),
    (
        "adam_step",
        lambda W, g, m, v, t, lr, b1, b2, eps: EXERCISES["adam_step"].reference(
            W, g, m, v, t, lr, b1, b1, eps
        ),
        "`first` is right, `new_W` is not. Yours is the right result for `beta1` in place of",
    ),
    (
        "nearest_interpolant",
        lambda X, y, w0: w0 + 0.9 * X.T @ np.linalg.solve(X @ X.T, y - X @ w0),
        "From `w0` yours goes the right way, but 0.9 times as far as it should.",
    ),
    ("tanh_backward", lambda g, y: g * (2 - y**2), "On every input, `grad_y` is too much."),
    (
        "features",
        lambda x, f, phases: np.cos(np.outer(x, f) - phases) / np.sqrt(len(f)),
        "minus `x` in place of `x`, or minus `frequencies` in place of `frequencies`, or minus "
        "`phases` in place of `phases`.",
    ),
    (
        "pooled_moments",
        lambda m1, v1, n1, m2, v2, n2: (
            (n1 * m1 + n2 * m2) / (n1 + n2),
            (n1**2 * v1 + n2**2 * v2) / (n1 + n2) ** 2,
        ),
        "`mean` is right, `var` is not. Your `var` does not change with `mean_1`",
    ),
    (
        "pooled_moments",
        lambda m1, v1, n1, m2, v2, n2: (n1 * m1 + n2 * m2) / (n1 + n2),
        "the result is an array of shape (2,), where a tuple of length 2 is expected.",
    ),
    ("BatchNorm", Remembers, "Your `y (training)` changes with `momentum`; the right one does not"),
    ("Dropout", ScaledTwice, "All is right but `factor of what is kept` and `largest error of"),
    (
        "decay_step",
        lambda W, g, lr, decay: (1 - lr * decay) * W - lr * g - lr * W,
        "On every input, `lr` times `W` is missing.",
    ),
    ("tanh_backward", lambda g, y: g * (1 - y**2) / y, "Yours is the right one divided by `y`."),
    (
        "equivalent_lr",
        lambda lr, factor: lr * 2**factor,
        "With `factor` doubled, the right one becomes 4 times as large on every input. Yours does",
    ),
    (
        "expected_ratio",
        lambda c, depth: (c / 2) ** (depth / 2) if depth == 1 else 0.0,
        "Below it is one on which yours is right",
    ),
]


@each(("name", "function", "words"), WRONG)
def test_a_diagnosis_says_something_true(name, function, words, capsys):
    remembered.clear()
    found = verdict(name, function)
    assert found.right is False and words in found.words


UNTRUE = [
    ("relu_backward", lambda grad_y, y: grad_y * (y > 1), "only positive gradients"),
    ("relu_backward", lambda grad_y, y: grad_y * (y > 1), "yours goes the right way"),
    ("relu_backward", lambda grad_y, y: grad_y * (y > 1), "does not change with `y`"),
    ("sgd_step", moves_the_weights_alone, "a `return` stand inside the loop"),
    (
        "scale_and_shift",
        lambda x_hat, gamma, beta: np.maximum(gamma * x_hat + beta, 0),
        "in how `x_hat` enters",
    ),
]


@each(("name", "function", "words"), UNTRUE)
def test_what_was_once_said_and_is_untrue_is_said_no_more(name, function, words):
    found = verdict(name, function)
    assert found.right is False and words not in found.words


NEIGHBORS = [
    (name, number)
    for name, exercise in EXERCISES.items()
    for number in range(len(exercise.arguments) - 1)
]


def test_an_axis_is_not_asked_for_where_an_argument_should_do_nothing():
    assert "Which axis" not in verdict("BatchNorm", Remembers).words


def test_more_results_than_asked_for_are_not_in_another_order():
    W_m_v_and_more = lambda *given: (*EXERCISES["adam_step"].reference(*given), 1.0)  # noqa: E731
    words = verdict("adam_step", W_m_v_and_more).words
    assert "not in the order" not in words and "a tuple of length 4, where a tuple of" in words


def test_many_results_take_no_longer():
    start = time.monotonic()
    assert verdict("Dropout", ScaledTwice).right is False
    assert time.monotonic() - start < 5  # in all of their orders it would be minutes


@each(("name", "number"), NEIGHBORS)
def test_arguments_in_another_order_are_told_and_nothing_else(name, number):
    exercise = EXERCISES[name]
    order = list(exercise.arguments)
    order[number], order[number + 1] = order[number + 1], order[number]
    given = ", ".join(f"{argument}={argument}" for argument in exercise.arguments)
    scope = {"reference": exercise.reference}
    exec(f"def answer({', '.join(order)}):\n    return reference({given})", scope)  # noqa: S102
    found = verdict(name, scope["answer"])
    assert found.right is True or "Your arguments are in another order" in found.words


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, each in EXERCISES.items()
        if each.run is call and _list_among(each) is not None
    ],
)
def test_a_return_inside_the_loop_is_never_taken_for_something_else(name):
    exercise, place = EXERCISES[name], _list_among(EXERCISES[name])
    for kept in (1, 2):

        def answer(*case, kept=kept):
            return exercise.reference(*case[:place], case[place][:kept], *case[place + 1 :])

        words = verdict(name, answer).words
        known = [mistake.words for mistake in exercise.mistakes]
        true = (" alone in place of ", "Wrong on ", "It stopped with ")
        assert words in known or any(each in words for each in true)


def test_a_number_that_is_nearly_right_is_shown_in_as_many_digits_as_tell_it_apart():
    found = verdict("leaky_relu_c", lambda slope: 2 / (1 + slope**2) + 1e-5)
    assert "On every input, it is 1e-05 too large." in found.words
    assert "is 1.99981 and should be 1.9998, 1e-05 too large" in found.words
    found = verdict("leaky_relu_c", lambda slope: (2 + 1e-8 / slope) / (1 + slope**2) + 2.1e-6)
    assert "is 1.999803 and should be 1.9998" in found.words


def test_what_a_student_prints_is_printed_once_for_each_input(capsys):
    def talks(widths):
        print("called")
        return 0

    verdict("count_parameters", talks)
    assert capsys.readouterr().out == 5 * "called\n"


# Hostile


class Silent:
    def __repr__(self):
        raise RuntimeError

    def __array__(self, *arguments, **options):
        raise RuntimeError


class Mute(Exception):
    def __str__(self):
        raise RuntimeError


def raises(error):
    def function(slope):
        raise error

    return function


def contains_itself(slope):
    found = []
    found.append(found)
    return found


def never_ends(slope):
    while True:
        pass


def swallows(slope):
    while True:
        try:
            time.sleep(0.001)
        except:  # noqa: E722
            pass


def goes_on_for_ever(slope):
    return goes_on_for_ever(slope)


HOSTILE = [
    (lambda slope: Silent(), "the result is a Silent, where a number is expected"),
    (raises(Mute()), "It stopped with `Mute` in line"),
    (raises(ValueError(100_000 * "x")), "It stopped with `ValueError: xxxx"),
    (contains_itself, "the result is a list of length 1, where a number is expected"),
    (lambda slope: 10_000_000 * [0.5], "a list of length 10000000, where a number is expected"),
    (lambda slope: np.zeros(10_000_000), "an array of shape (10000000,), where a number is"),
    (lambda slope: (n for n in [slope]), "the result is a generator, where a number is expected"),
    (never_ends, "It did not finish in 1 seconds, and was stopped on the input below."),
    (swallows, "It did not finish in 1 seconds, and was stopped on the input below."),
    (goes_on_for_ever, "It stopped with `RecursionError"),
    (lambda slope: float("nan"), "not a number: look for 0/0"),
    (lambda slope: type("IntSlider", (), {})(), "the result is an IntSlider, where"),
]


@each(("function", "words"), HOSTILE)
def test_nothing_takes_the_notebook_with_it(function, words):
    found = verdict("leaky_relu_c", function, seconds=1 if "did not finish" in words else 10)
    assert found.right is False and words in found.words
    assert len(found.words) + len(found.example) < 1500


def test_a_function_of_numpy_that_was_overwritten_is_told(monkeypatch):
    assert "abs" in CALLABLE
    monkeypatch.setattr(np, "abs", 3)
    found = verdict("leaky_relu_c", lambda slope: 2 / (1 + slope**2))
    assert found.right is False and "`np.abs` is no longer NumPy's" in found.words


def assert_no_thread_stays(before):
    end = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_an_interrupt_ends_the_wait_and_the_function():
    before = threading.active_count()
    # A shell's job in the background is started with interrupts ignored.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGINT])
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            verdict("leaky_relu_c", never_ends)
        timer.join()
    finally:
        signal.signal(signal.SIGINT, handler)
    assert_no_thread_stays(before)


def test_within_returns_raises_and_stops():
    before = threading.active_count()
    assert within(5, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 / 0)
    with pytest.raises(SystemExit):
        within(5, lambda: exit(1))
    with pytest.raises(TimeoutError, match=r"did not finish in 0\.2 seconds"):
        within(0.2, lambda: never_ends(0))
    assert_no_thread_stays(before)
