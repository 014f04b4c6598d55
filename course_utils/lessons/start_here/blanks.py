"""What the student of notebook 00 writes before ours is shown."""

from itertools import pairwise

import numpy as np

from course_utils.lab.checker import Exercise, Mistake


def layer(z, W, b):
    """What one layer makes of a batch z: the activations of the next."""
    return np.maximum(z @ W + b, 0)


def batches_and_weights(rng):
    for m, n_in, n_out in ((3, 2, 4), (2, 3, 2), (4, 5, 3)):
        shapes = (m, n_in), (n_in, n_out), n_out
        yield tuple(rng.standard_normal(shape).round(1) for shape in shapes)


def weight_shapes(widths):
    """The shapes of a network's weight matrices: a list of pairs (n_in, n_out)."""
    return [(widths[i], widths[i + 1]) for i in range(len(widths) - 1)]


def lists_of_widths(rng):
    for length in (3, 2, 3, 4, 6):
        yield (rng.choice(range(2, 12), length, replace=False).tolist(),)


BLANKS = [
    Exercise(
        layer,
        cases=batches_and_weights,
        mistakes=[
            Mistake(
                lambda z, W, b: z @ W + b,
                "What is negative has stayed negative. The last of the three steps is missing: "
                "`np.maximum(..., 0)` takes the larger of each number and zero.",
            ),
            Mistake(
                lambda z, W, b: np.maximum(z @ W, 0),
                "The bias is missing. `+ b` adds it to every row.",
            ),
            Mistake(
                lambda z, W, b: np.maximum(z @ W, 0) + b,
                "The bias comes too late: it is added before what is negative is set to zero.",
            ),
            Mistake(
                lambda z, W, b: np.maximum(z, 0) @ W + b,
                "You set what is negative to zero in what comes in. It is what comes out, "
                "`z @ W + b`, that goes through ReLU.",
            ),
            Mistake(
                lambda z, W, b: np.minimum(z @ W + b, 0),
                "This keeps what is negative and sets the rest to zero. `np.maximum` does the "
                "reverse.",
            ),
            Mistake(
                lambda z, W, b: np.abs(z @ W + b),
                "This turns negative numbers into positive ones. They are to become zero.",
            ),
            Mistake(
                lambda z, W, b: (z @ W + b > 0) * 1.0,
                "This says where the result is positive, and loses how large it is there.",
            ),
            Mistake(
                lambda z, W, b: np.max(z @ W + b, 0),
                "`np.max(y, 0)` is the largest number of each column: its second argument is an "
                "axis. `np.maximum(y, 0)` compares entry by entry.",
            ),
            Mistake(
                lambda z, W, b: max(z @ W + b, 0),
                "`max` and `if` compare an array with zero as a whole, and as a whole it is "
                "neither larger nor smaller. `np.maximum` compares entry by entry.",
            ),
            Mistake(
                lambda z, W, b: np.maximum(z * W + b, 0),
                "`*` multiplies entry by entry, for which the shapes would have to agree. The "
                "product of matrices is `@`.",
            ),
            Mistake(
                lambda z, W, b: np.maximum(W @ z + b, 0),
                "Examples are rows here, so z stands on the left: (m, n_in) times (n_in, n_out) is "
                "`z @ W`.",
            ),
        ],
        hints=[
            "`A @ B` is the product of two matrices, and `A + b` adds b to every row of A.",
            "`np.maximum(y, 0)` takes the larger of each entry of y and zero.",
            "Begin with `return`.",
        ],
        blank=True,
    ),
    Exercise(
        weight_shapes,
        cases=lists_of_widths,
        mistakes=[
            Mistake(
                lambda widths: list(zip(widths[1:], widths)),
                "Each shape is transposed. Examples are rows here: z is (m, n_in), so in `z @ W` "
                "the matrix has n_in rows and n_out columns.",
            ),
            Mistake(
                lambda widths: [(n, n) for n in widths],
                "One matrix for each width, and square. A matrix stands between two widths: it "
                "takes the numbers of one layer and makes those of the next.",
            ),
            Mistake(
                lambda widths: list(zip(widths, [*widths[1:], widths[0]])),
                "There is one matrix too many: nothing leads from the output back to the input. "
                "Three widths have two gaps between them.",
            ),
            Mistake(
                lambda widths: weight_shapes(widths)[1:],
                "The first matrix is missing. The input is not computed, but the first hidden "
                "layer is, from the input.",
            ),
            Mistake(
                lambda widths: weight_shapes(widths)[:-1],
                "The last matrix is missing. The output is computed too, from the last hidden "
                "layer.",
            ),
            Mistake(
                lambda widths: [(n_in + 1, n_out) for n_in, n_out in pairwise(widths)],
                "You gave each matrix a row for the bias. Here the bias is an array of its own, b, "
                "and W has one row for each feature that comes in.",
            ),
            Mistake(
                lambda widths: [(widths[0], n) for n in widths[1:]],
                "Every matrix starts from the input. The second layer does not see the input, only "
                "what the first one made of it.",
            ),
            Mistake(
                lambda widths: [n_in * n_out for n_in, n_out in pairwise(widths)],
                "These are sizes: how many numbers each matrix holds. A shape is a pair, (rows, "
                "columns).",
            ),
        ],
        hints=[
            (
                "How many matrices lie between three widths? Write their shapes on paper for "
                "[784, 50, 10]."
            ),
            "z is (m, 784) and `z @ W` is (m, 50). Which shape must W have for that?",
            "Pair each width with the next one, `widths[i]` with `widths[i + 1]`.",
        ],
        blank=True,
    ),
]
