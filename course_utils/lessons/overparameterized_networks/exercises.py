"""Exercises of notebook 05, behind its blanks."""

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.lab.exercise import checker
from course_utils.lessons.overparameterized_networks.blanks import BLANKS, underdetermined
from course_utils.lessons.overparameterized_networks.interpolation import least_norm


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


def nearest_interpolant(X, y, w0):
    return w0 + X.T @ np.linalg.solve(X @ X.T, y - X @ w0)


def starts(rng):
    for X, y in underdetermined(rng):
        yield X, y, rng.standard_normal(X.shape[1]).round(1)


def ridge_of_stop(kappa, lr, steps):
    left = (1 - lr * kappa) ** steps
    return kappa * left / (1 - left)


def stops(rng):
    return [(2.0, 0.3, 3), (0.7, 0.5, 2), (0.05, 0.1, 40), (1.3, 0.2, 5)]


def corrupt_labels(labels, wrong, shifts):
    new = labels.copy()
    new[wrong] = (new[wrong] + shifts) % 10
    return new


def labels_to_corrupt(rng):
    for m in (6, 8, 12):
        wrong = rng.choice(m, m // 2, replace=False)  # in no order
        labels, shifts = rng.integers(10, size=m), rng.integers(1, 10, m // 2)
        labels[wrong[0]] = 10 - shifts[0]  # one that comes to 10
        yield labels, wrong, shifts


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
    *BLANKS,
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
                lambda n_in, n_out, m: round((m * n_out - n_out) / (n_in + 1 + n_out)),
                "Rounded to the nearest whole number, it is at times not quite enough. Round up.",
            ),
            Mistake(
                lambda n_in, n_out, m: smallest_width(n_in, n_out, m + 2),
                "The output biases are on the wrong side: they are parameters, so they lower what "
                "the width has to bring.",
            ),
            Mistake(
                lambda n_in, n_out, m: (m * n_out - n_out) / (n_in + 1 + n_out),
                "A width is a whole number. Round up.",
            ),
            Mistake(
                lambda n_in, n_out, m: (m * n_out - n_out) // (n_in + 1 + n_out) + 1,
                "Where the division is exact this is one too many: *at least* as many parameters "
                "as numbers, so equality is enough. Round up, `-(-a // b)`, in place of down "
                "and one more.",
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
            "Descent adds mixes of rows to w0. So the end is w0 + X^T u for some u.",
            "It has to fit: X (w0 + X^T u) = y. Solve for u.",
            "It is `least_norm` with other targets, `y - X @ w0`, added to w0.",
        ],
    ),
    Exercise(
        ridge_of_stop,
        cases=stops,
        mistakes=[
            Mistake(
                lambda kappa, lr, steps: kappa / np.expm1(lr * kappa * steps),
                "`exp` is what many small steps come to. Each step multiplies what is missing by "
                "1 - alpha kappa, exactly.",
            ),
            Mistake(
                lambda kappa, lr, steps: (1 - lr * kappa) ** steps,
                "This is the part that is still missing. Which lambda leaves the same part, "
                "lambda / (kappa + lambda)?",
            ),
            Mistake(
                lambda kappa, lr, steps: 1 - (1 - lr * kappa) ** steps,
                "This is the part that has been learned. Which lambda lets a ridge learn the same "
                "part, kappa / (kappa + lambda)?",
            ),
            Mistake(
                lambda kappa, lr, steps: kappa / (1 - (1 - lr * kappa) ** steps),
                "This is kappa + lambda. Subtract kappa.",
            ),
            Mistake(
                lambda kappa, lr, steps: 1 / (lr * steps),
                "That is what it comes to for small `lr * kappa * steps`. The exact value depends "
                "on kappa too.",
            ),
            Mistake(
                lambda kappa, lr, steps: kappa / ridge_of_stop(kappa, lr, steps) * kappa,
                "Learned and missing part have changed places: the longer the descent, the "
                "smaller lambda has to be.",
            ),
            Mistake(
                lambda kappa, lr, steps: ridge_of_stop(kappa, lr, steps) / kappa,
                "The factor kappa is missing: lambda / (kappa + lambda) is the part that a ridge "
                "leaves.",
            ),
            Mistake(
                lambda kappa, lr, steps: (1 - lr * kappa * steps) / (lr * steps),
                "The steps are taken as equal. But each one multiplies what is still missing by "
                "1 - alpha kappa, so after t of them (1 - alpha kappa)^t of it is left.",
            ),
            Mistake(
                lambda kappa, lr, steps: kappa * (1 - lr * kappa) ** steps,
                "Solve lambda / (kappa + lambda) = r for lambda: lambda stands on both sides.",
            ),
        ],
        hints=[
            "After t steps the error along this direction is (1 - alpha kappa)^t of what it was.",
            "A ridge fits the part kappa / (kappa + lambda), and leaves lambda / (kappa + lambda).",
            "With r the part left: lambda = r (kappa + lambda), so lambda = kappa r / (1 - r).",
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
                corrupted(the_wrong, lambda old, shifts: old + shifts - 10 * (old + shifts > 10)),
                "A sum of 10 stays 10. After 9 comes 0: `% 10`.",
            ),
            Mistake(
                corrupted(the_wrong, lambda old, shifts: np.minimum(old + shifts, 9)),
                "Beyond 9 you stop at 9. The classes are a circle: after 9 comes 0 (`% 10`).",
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
                lambda labels, wrong, shifts: labels[wrong] + shifts[wrong],
                "`shifts` has one entry for each of `wrong`, in the same order: add it as it is, "
                "without an index.",
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
