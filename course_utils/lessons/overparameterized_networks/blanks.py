"""What the student of notebook 05 writes before ours is shown."""

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lessons.overparameterized_networks.interpolation import (
    errors_of_fit,
    features,
    least_norm,
    sweep,
)


def underdetermined(rng):
    # X^T X is singular without rounding. (Of a single row it would be the same as X * X.T.)
    yield np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 2.0]]), np.array([1.3, -0.4])
    for m, n in ((1, 3), (2, 4), (3, 5)):
        X, y = rng.standard_normal((m, n)).round(1), rng.standard_normal(m).round(1)
        yield X + np.eye(m, n), y


def basic(X, y):
    """A solution with only the first unknowns, the others zero."""
    m, n = X.shape
    return np.concatenate([np.linalg.solve(X[:, :m], y), np.zeros(n - m)])


def fits_to_measure(rng):
    yield np.array([[1.0, 2.0, -2.0]]), np.array([[1.3, -0.4]]), np.array([[0.5, 1.0, 2.0]])
    for m, n, new in ((7, 3, 4), (8, 2, 5), (3, 6, 4)):
        X, X_new = rng.standard_normal((m, n)).round(1), rng.standard_normal((new, n)).round(1)
        yield X + np.eye(m, n), rng.standard_normal((m, 3)).round(1), X_new


def measured(at_rows, at_new):
    """The mistake of other measures, each of (X, y, X_new, w)."""

    def mistake(X, y, X_new):
        w = np.linalg.lstsq(X, y, rcond=None)[0]
        return at_rows(X, y, X_new, w), at_new(X, y, X_new, w)

    return mistake


def at_examples(X, y, X_new, w):
    return np.mean((X @ w) ** 2)


def at_new_rows(X, y, X_new, w):
    return np.mean((X_new @ w) ** 2)


def some_cosines(rng):
    for places, N in ((3, 5), (4, 2), (6, 3)):
        x = rng.uniform(-1, 1, places).round(2)
        yield x, (5 * rng.standard_normal(N)).round(1), rng.uniform(0, 6, N).round(1)


def small_sweeps(rng):
    for m, places, counts in ((4, 6, (2, 3, 7)), (5, 4, (3, 8, 2))):
        x, new = rng.uniform(-1, 1, m).round(2), np.linspace(-1, 1, places).round(2)
        y, values = rng.standard_normal(m).round(1), np.sin(3 * new).round(2)
        waves = (6 * rng.standard_normal(9)).round(1), rng.uniform(0, 6, 9).round(1)
        yield (x, y), (new, values), *waves, counts


def swept(
    error=lambda found, values, fitted, y: np.mean((found - values) ** 2),
    size=np.linalg.norm,
    up_to=lambda N: N,
    number=lambda N, total: N,
):
    """The mistake of another error, another length, or other features."""

    def mistake(examples, truth, frequencies, phases, counts):
        (x, y), (places, values) = examples, truth
        errors, lengths = [], []
        for N in counts:
            taken, over = slice(up_to(N)), number(N, len(phases))
            F, G = (
                np.cos(np.outer(at, frequencies[taken]) + phases[taken]) / np.sqrt(over)
                for at in (x, places)
            )
            w = np.linalg.lstsq(F, y, rcond=None)[0]
            errors.append(error(G @ w, values, F @ w, y))
            lengths.append(size(w))
        return np.array(errors), np.array(lengths)

    return mistake


BLANKS = [
    Exercise(
        errors_of_fit,
        cases=fits_to_measure,
        blank=True,
        returns=("at the rows", "at new ones"),
        mistakes=[
            Mistake(
                measured(lambda X, y, X_new, w: np.mean((X @ w - y) ** 2), at_new_rows),
                "You measure the distance from y. But y is noise and the truth is zero, so the "
                "error of a value is the value itself.",
            ),
            Mistake(
                measured(
                    lambda X, y, X_new, w: np.mean((X @ w - y) ** 2),
                    lambda X, y, X_new, w: np.mean((X_new @ w - y) ** 2),
                ),
                "y belongs to the rows of X, and is noise. The right value is zero at old and new "
                "rows, so the error of a value is the value itself: subtract nothing.",
            ),
            Mistake(
                lambda X, y, X_new: (
                    errors_of_fit(X, y, X)[0],
                    errors_of_fit(X_new, y, X_new)[0],
                ),
                "There are no targets at the rows of `X_new`. Fit once, at those of X, and use the "
                "same weights for both.",
            ),
            Mistake(
                measured(at_examples, at_examples),
                "Both are measured at the rows of X. The second one is at those of `X_new`.",
            ),
            Mistake(
                measured(
                    lambda *each: np.sqrt(at_examples(*each)),
                    lambda *each: np.sqrt(at_new_rows(*each)),
                ),
                "These are the roots. The mean square itself is asked for.",
            ),
            Mistake(
                measured(
                    lambda X, y, X_new, w: np.sum((X @ w) ** 2),
                    lambda X, y, X_new, w: np.sum((X_new @ w) ** 2),
                ),
                "These are sums. Take the mean over all entries.",
            ),
            Mistake(
                measured(
                    lambda X, y, X_new, w: np.mean(X @ w) ** 2,
                    lambda X, y, X_new, w: np.mean(X_new @ w) ** 2,
                ),
                "This is the square of the mean. Square each value first, then take the mean.",
            ),
            Mistake(
                lambda X, y, X_new: (X @ np.linalg.lstsq(X, y, rcond=None),) * 2,
                "`lstsq` returns four things. The first of them, `[0]`, holds the weights.",
            ),
            Mistake(
                lambda X, y, X_new: (X @ np.linalg.solve(X.T @ X, X.T @ y),) * 2,
                "With fewer rows than columns X^T X has no inverse. `np.linalg.lstsq` works on "
                "both sides of n = m.",
            ),
        ],
        hints=[
            "`np.linalg.lstsq(X, y, rcond=None)[0]` are the weights w, a column for each of y.",
            "The values are `X @ w` and `X_new @ w`. The truth is zero: the mean of their squares.",
        ],
    ),
    Exercise(
        least_norm,
        cases=underdetermined,
        blank=True,
        without=("pinv", "lstsq"),
        mistakes=[
            *[
                Mistake(
                    wrong,
                    "X^T X is n x n but has rank m at most, so it cannot be inverted: with fewer "
                    "rows than columns the normal equations have no single solution. X X^T is "
                    "m x m.",
                )
                for wrong in (
                    lambda X, y: np.linalg.solve(X.T @ X, X.T @ y),
                    lambda X, y: np.linalg.inv(X.T @ X) @ X.T @ y,
                )
            ],
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
                "These are the m coefficients u of the rows. The solution is their mix, "
                "`X.T @ u`, with n entries.",
            ),
            Mistake(
                lambda X, y: np.linalg.solve(X.T @ X + np.eye(X.shape[1]), X.T @ y),
                "This is ridge regression: its penalty keeps it from fitting the examples exactly.",
            ),
            Mistake(
                lambda X, y: X.T @ np.linalg.solve(X.T @ X, y),
                "The order: X^T X is n x n. Put w = X^T u into X w = y, and X X^T, which is m x m, "
                "stands before u.",
            ),
            Mistake(
                lambda X, y: np.linalg.solve(X, y),
                "X is not square: many w solve X w = y. For w = X^T u, a mix of the rows, the "
                "equations have as many unknowns u as rows.",
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
            "Look for w = X^T u, a mix of the rows. What does X w = y say about u?",
            "`u = np.linalg.solve(X @ X.T, y)`.",
        ],
    ),
    Exercise(
        features,
        cases=some_cosines,
        blank=True,
        mistakes=[
            Mistake(
                lambda x, frequencies, phases: features(x, frequencies, phases).T,
                "Rows and columns are exchanged: a row for each place, a column for each cosine.",
            ),
            Mistake(
                lambda x, frequencies, phases: np.cos(np.outer(x, frequencies) + phases),
                "The factor is missing: one over the root of the number of cosines.",
            ),
            Mistake(
                lambda x, frequencies, phases: (
                    features(x, frequencies, phases) / np.sqrt(len(phases))
                ),
                "You divide by the number of cosines. It is its root.",
            ),
            Mistake(
                lambda x, frequencies, phases: (
                    features(x, frequencies, phases) * np.sqrt(len(phases) / len(x))
                ),
                "You divide by the root of the number of places. It is that of the cosines.",
            ),
            Mistake(
                lambda x, frequencies, phases: (
                    np.cos((x[:, None] + phases) * frequencies) / np.sqrt(len(phases))
                ),
                "The phase is multiplied by the frequency too. First omega x, then plus phi.",
            ),
            Mistake(
                lambda x, frequencies, phases: features(x, frequencies, phases - np.pi / 2),
                "This is the sine. The features are cosines.",
            ),
            Mistake(
                lambda x, frequencies, phases: features(x, frequencies, 0 * phases),
                "The phases are missing: every cosine would have its top at zero.",
            ),
            Mistake(
                lambda x, frequencies, phases: np.cos(x * frequencies + phases),
                "`x * frequencies` pairs entry with entry. Each place has to meet each frequency: "
                "`np.outer(x, frequencies)`, or `x[:, None] * frequencies`.",
            ),
            Mistake(
                lambda x, frequencies, phases: np.cos(frequencies * x + phases),
                "`frequencies * x` pairs entry with entry. Each place has to meet each frequency: "
                "`np.outer(x, frequencies)`, or `x[:, None] * frequencies`.",
            ),
            Mistake(
                lambda x, frequencies, phases: np.cos(np.outer(frequencies, x) + phases),
                "`np.outer(frequencies, x)` has a row for each frequency. A row for each place is "
                "asked for: exchange the two.",
            ),
        ],
        hints=[
            "`np.outer(x, frequencies)` has a row for each place and a column for each frequency.",
            "Add the phases, which go along the columns, take the cosine, divide by `np.sqrt(N)`.",
        ],
    ),
    Exercise(
        sweep,
        cases=small_sweeps,
        blank=True,
        tolerance=1e-5,
        returns=("errors", "lengths"),
        mistakes=[
            Mistake(
                swept(error=lambda found, values, fitted, y: np.mean((fitted - y) ** 2)),
                "This is the error at the examples. It is to be measured at `places`, against the "
                "true values there.",
            ),
            Mistake(
                swept(error=lambda found, values, fitted, y: np.mean((fitted - values) ** 2)),
                "You compare the fit at x with the true values at `places`. Make a second matrix "
                "of features, at `places`, and multiply it by the same w.",
            ),
            Mistake(
                swept(size=len),
                "The errors are right. `len(w)` is how many weights there are; the length asked "
                "for is `np.linalg.norm(w)`.",
            ),
            Mistake(
                swept(up_to=lambda N: None, number=lambda N, total: total),
                "Every fit has all the features. The N-th takes the first N: `frequencies[:N]`, "
                "`phases[:N]`.",
            ),
            Mistake(
                swept(number=lambda N, total: total),
                "The errors are right, the lengths are not: columns cut from the matrix of all "
                "features are divided by the root of the number of all. Make the matrix anew for "
                "each N.",
            ),
            Mistake(
                swept(size=lambda w: w @ w),
                "The errors are right. The length is the root of the sum of squares: "
                "`np.linalg.norm(w)`.",
            ),
            Mistake(
                swept(error=lambda found, values, fitted, y: np.linalg.norm(found - values)),
                "The lengths are right. The error is the mean of the squares, not the root of "
                "their sum.",
            ),
            Mistake(
                swept(error=lambda found, *_: np.mean(found**2)),
                "The lengths are right. The error is the distance from the true values, not from "
                "zero.",
            ),
            Mistake(
                lambda *case: tuple(each[0] for each in sweep(*case)),
                "Only the first number of features is done. Is `return` inside the loop?",
            ),
            Mistake(
                lambda *case: tuple(each[-1] for each in sweep(*case)),
                "Only the last number of features is left. Keep what each of them gave, in a list.",
            ),
        ],
        hints=[
            "For each N: the matrix `features(x, frequencies[:N], phases[:N])`, then `lstsq`.",
            "What it found at the places is `features(places, frequencies[:N], phases[:N]) @ w`.",
            "Two lists: the means of `(found - values) ** 2`, and the lengths `np.linalg.norm(w)`.",
        ],
    ),
]
