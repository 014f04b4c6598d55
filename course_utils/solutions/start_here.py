"""Solutions of notebook 00."""


def expected_ratio(c, depth):
    # A layer multiplies the squared length by c/2, `depth` layers by (c/2) ** depth.
    # The length is the root of that, and a root halves the exponent.
    return (c / 2) ** (depth / 2)


def count_parameters(widths):
    # Each layer: a weight for every pair of an input and an output, a bias for every output.
    total = 0
    for i in range(len(widths) - 1):
        total += widths[i] * widths[i + 1] + widths[i + 1]
    return total


def scale_for(factor, depth):
    # Solve (c/2) ** (depth / 2) = factor for c.
    return 2 * factor ** (2 / depth)


def layers_until(limit, length, c):
    # Multiply by the factor of one layer, and count.
    layers = 0
    while length <= limit:
        length = length * (c / 2) ** 0.5
        layers += 1
    return layers
