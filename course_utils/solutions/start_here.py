"""Solutions of notebook 00."""


def expected_ratio(c, depth):
    # A layer multiplies the squared length by c/2, `depth` layers by (c/2) ** depth.
    # The length is the root of that, and a root halves the exponent.
    return (c / 2) ** (depth / 2)


def weight_shapes(widths):
    # A matrix stands between two neighbors: it takes n_in features and makes n_out of them.
    return [(widths[i], widths[i + 1]) for i in range(len(widths) - 1)]


def count_parameters(widths):
    # Each layer: a weight for every pair of an input and an output, a bias for every output.
    total = 0
    for i in range(len(widths) - 1):
        total += widths[i] * widths[i + 1] + widths[i + 1]
    return total
