"""Exercises of notebook 05."""

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker


def smallest_width(n_in, n_out, m):
    return -(-(m * n_out - n_out) // (n_in + 1 + n_out))


def sizes(rng):
    # The last fits exactly, the one before only with the output biases.
    return [(784, 10, 1000), (4, 3, 50), (1, 1, 10), (10, 2, 77), (4, 3, 11), (3, 2, 13)]


def width_that(count, needed=lambda n_out, m: m * n_out):
    """The smallest width h for which ``count(n_in, h, n_out)`` reaches what is needed."""

    def mistake(n_in, n_out, m):
        width = 1
        while count(n_in, width, n_out) < needed(n_out, m):
            width += 1
        return width

    return mistake


def both_layers(n_in, h, n_out):
    return n_in * h + h + h * n_out + n_out


def least_norm(X, y):
    return X.T @ np.linalg.solve(X @ X.T, y)


def underdetermined(rng):
    yield np.array([[1.0, 2.0, -2.0]]), np.array([1.3])  # X^T X is singular without rounding
    for m, n in ((1, 3), (2, 4), (3, 5)):
        X, y = rng.standard_normal((m, n)).round(1), rng.standard_normal(m).round(1)
        yield X + np.eye(m, n), y


def nearest_interpolant(X, y, w0):
    return w0 + X.T @ np.linalg.solve(X @ X.T, y - X @ w0)


def starts(rng):
    for X, y in underdetermined(rng):
        yield X, y, rng.standard_normal(X.shape[1]).round(1)


def basic(X, y):
    """A solution with only the first unknowns, the others zero."""
    m, n = X.shape
    return np.concatenate([np.linalg.solve(X[:, :m], y), np.zeros(n - m)])


def corrupt_labels(labels, wrong, shifts):
    new = labels.copy()
    new[wrong] = (new[wrong] + shifts) % 10
    return new


def labels_to_corrupt(rng):
    for m in (6, 8, 12):
        wrong = rng.choice(m, m // 2, replace=False)  # in no order
        yield rng.integers(10, size=m), wrong, rng.integers(1, 10, m // 2)


def corrupted(entries, by=lambda old, shifts: (old + shifts) % 10):
    """The mistake of other entries, or of another new label."""

    def mistake(labels, wrong, shifts):
        new = labels.copy()
        new[entries(wrong)] = by(new[entries(wrong)], shifts)
        return new

    return mistake


def the_wrong(wrong):
    return wrong


EXERCISES = [
    Exercise(
        smallest_width,
        cases=sizes,
        mistakes=[
            Mistake(
                width_that(both_layers, lambda n_out, m: m),
                "You compare with the number of examples. Each example has `n_out` outputs, and "
                "every one of them is a number to be fit: `m * n_out`.",
            ),
            Mistake(
                width_that(lambda n_in, h, n_out: n_in * h + h * n_out),
                "The biases are missing: one for each hidden unit and one for each output.",
            ),
            Mistake(
                width_that(lambda n_in, h, n_out: n_in * h + h),
                "Only the first layer is counted. The second has `h * n_out` weights and `n_out` "
                "biases.",
            ),
            Mistake(
                width_that(lambda n_in, h, n_out: n_in * h + h + h * n_out),
                "The output biases are missing. They help a little: `n_out` numbers that do not "
                "depend on the width.",
            ),
            Mistake(
                lambda n_in, n_out, m: (m * n_out - n_out) // (n_in + 1 + n_out),
                "Rounded down, the width has fewer parameters than needed. Round up.",
            ),
            Mistake(
                lambda n_in, n_out, m: (m * n_out - n_out) / (n_in + 1 + n_out),
                "A width is a whole number. Round up.",
            ),
            Mistake(
                lambda n_in, n_out, m: (m * n_out - n_out) // (n_in + 1 + n_out) + 1,
                "Where the division is exact this is one too many: *at least* as many parameters as "
                "numbers, so equality is enough. Round up, `-(-a // b)`, in place of down and one "
                "more.",
            ),
            Mistake(
                lambda n_in, n_out, m: smallest_width(n_in, n_out, m) + 1,
                "One too many. *At least* as many parameters as numbers: equality is enough.",
            ),
        ],
        hints=[
            (
                "The network has `n_in * h + h` parameters in the first layer, `h * n_out + n_out` "
                "in the second, and `m * n_out` numbers are to be fit."
            ),
            "Solve `h * (n_in + 1 + n_out) + n_out >= m * n_out` for h, and round up.",
        ],
    ),
    Exercise(
        least_norm,
        cases=underdetermined,
        without=("pinv", "lstsq"),
        mistakes=[
            Mistake(
                lambda X, y: np.linalg.solve(X.T @ X, X.T @ y),
                "X^T X is n x n but has rank m at most, so it cannot be inverted: with fewer rows "
                "than columns the normal equations have no single solution. X X^T is m x m.",
            ),
            Mistake(
                lambda X, y: np.linalg.inv(X.T @ X) @ X.T @ y,
                "X^T X is n x n but has rank m at most, so it cannot be inverted: with fewer rows "
                "than columns the normal equations have no single solution. X X^T is m x m.",
            ),
            Mistake(
                basic,
                "It fits, but it is not the shortest: the last unknowns are zero, and sharing the "
                "work between all of them is shorter. The solution has to be a mix of rows of X.",
            ),
            Mistake(
                lambda X, y: X.T @ y,
                "X X^T is missing: `X.T @ y` is a mix of rows, but not one that fits.",
            ),
            Mistake(
                lambda X, y: np.linalg.solve(X @ X.T, y),
                "These are the m coefficients a of the rows. The solution is their mix, "
                "`X.T @ a`, with n entries.",
            ),
            Mistake(
                lambda X, y: np.linalg.solve(X.T @ X + np.eye(X.shape[1]), X.T @ y),
                "This is ridge regression: its penalty keeps it from fitting the examples exactly.",
            ),
            Mistake(
                lambda X, y: X.T @ (X @ X.T) @ y,
                "You multiply by X X^T where its inverse belongs.",
            ),
        ],
        hints=[
            (
                "(X^T X)^(-1) does not exist here: X^T X is n x n and has rank m at most. X X^T is "
                "m x m, and can be inverted."
            ),
            "Look for w = X^T a, a mix of the rows. What does X w = y say about a?",
            "`a = np.linalg.solve(X @ X.T, y)`.",
        ],
    ),
    Exercise(
        nearest_interpolant,
        cases=starts,
        mistakes=[
            Mistake(
                lambda X, y, w0: least_norm(X, y),
                "This is where descent from zero ends. What the rows cannot reach of w0 stays in "
                "the weights for ever.",
            ),
            Mistake(
                lambda X, y, w0: w0 + least_norm(X, y),
                "The start has predictions of its own, X w0, so only what they lack is to be "
                "added: `y - X @ w0` takes the place of y.",
            ),
            Mistake(
                lambda X, y, w0: w0 - least_norm(X, y - X @ w0),
                "A sign: the step leads from w0 to the fit, so it is added.",
            ),
            Mistake(
                lambda X, y, w0: least_norm(X, y - X @ w0),
                "This is the way that descent goes. It starts from w0: add it.",
            ),
            Mistake(
                lambda X, y, w0: w0 + X.T @ (y - X @ w0),
                "This is one step of descent with learning rate 1. (X X^T)^(-1) is missing: it "
                "makes the mix of rows one that fits.",
            ),
        ],
        hints=[
            "Descent adds mixes of rows to w0. So the end is w0 + X^T a for some a.",
            "It has to fit: X (w0 + X^T a) = y. Solve for a.",
            "It is `least_norm` with other targets, `y - X @ w0`, added to w0.",
        ],
    ),
    Exercise(
        corrupt_labels,
        cases=labels_to_corrupt,
        mistakes=[
            Mistake(
                corrupted(the_wrong, lambda old, shifts: shifts),
                "The shift is taken for the new label. Then the label may stay what it was, by "
                "chance; the old label plus a shift of 1 to 9 never does.",
            ),
            Mistake(
                corrupted(the_wrong, lambda old, shifts: old + shifts),
                "Labels beyond 9: there are ten classes, so count on from 9 to 0 (`% 10`).",
            ),
            Mistake(
                corrupted(the_wrong, lambda old, shifts: (old + shifts) % 9),
                "Modulo 9 leaves the class 9 out. There are ten classes.",
            ),
            Mistake(
                lambda labels, wrong, shifts: corrupt_labels(labels, wrong[:1], shifts[:1]),
                "Only the first of the labels is changed. Is `return` inside the loop?",
            ),
            Mistake(
                corrupted(lambda wrong: slice(len(wrong))),
                "The first labels are changed, not those with the indices `wrong`.",
            ),
            Mistake(
                lambda labels, wrong, shifts: (labels[wrong] + shifts) % 10,
                "Only the changed labels are left. Return all of them.",
            ),
            Mistake(
                corrupted(the_wrong, lambda old, shifts: (old + shifts[0]) % 10),
                "All get the same shift. Each has its own.",
            ),
            Mistake(
                corrupted(the_wrong, lambda old, shifts: (old - shifts) % 10),
                "The shift is subtracted; it is to be added.",
            ),
        ],
        hints=[
            "Begin with `new = labels.copy()`: the labels that are handed in must stay.",
            "`new[wrong]` are those to change. Add the shifts and stay below ten: `% 10`.",
        ],
    ),
]

check = checker("overparameterized_networks", EXERCISES)
