"""Notebook 00: what a theory expects of a signal."""

from course_utils.experiments.norms import BLOCKS, theory


def expected_lengths(first, widths, c):
    """Expected lengths of z_0, z_1, ... behind ReLU layers of these widths, an array.

    Roots of the mean of ||z_i||^2 over all weights N(0, c / n_i), without biases; `first` is the
    length of z_0.
    """
    _, lengths, _ = theory(first, widths, c, BLOCKS["relu"].moments)
    return lengths
