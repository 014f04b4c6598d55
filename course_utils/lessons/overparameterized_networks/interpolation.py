"""Exact fits that can be computed: claim C13, random features, a small network on ten points."""

from dataclasses import astuple, dataclass
from functools import cached_property, lru_cache
from itertools import islice, repeat

import numpy as np

from course_utils.data import minibatches
from course_utils.experiments.claims import Claim
from course_utils.experiments.training import training_steps
from course_utils.experiments.vitals import length, weights_of
from course_utils.nn import SGD, mlp, squared_error

# Least squares: what the notebook has the student write


def errors_of_fit(X, y, X_new):
    """Mean squares of a least-squares fit's values, at its rows and at new ones; the truth is 0."""
    w = np.linalg.lstsq(X, y, rcond=None)[0]
    return np.mean((X @ w) ** 2), np.mean((X_new @ w) ** 2)


def least_norm(X, y):
    """The w with X w = y that is a mix of the rows of X, which has fewer rows than columns."""
    # w = X^T u is a mix of the rows, and X X^T u = y makes it fit.
    u = np.linalg.solve(X @ X.T, y)
    return X.T @ u


def features(x, frequencies, phases):
    """The cosines at the places x, over the root of their number: shape (places, N)."""
    N = len(frequencies)
    # A row for each place, a column for each cosine.
    return np.cos(np.outer(x, frequencies) + phases) / np.sqrt(N)


def sweep(examples, truth, frequencies, phases, counts):
    """By the number of features: mean squared error at the true places, and the length of w."""
    (x, y), (places, values) = examples, truth
    errors, lengths = [], []
    for N in counts:
        # The first N cosines only, in a matrix of their own: its factor depends on N.
        w = np.linalg.lstsq(features(x, frequencies[:N], phases[:N]), y, rcond=None)[0]
        found = features(places, frequencies[:N], phases[:N]) @ w
        errors.append(np.mean((found - values) ** 2))
        lengths.append(np.linalg.norm(w))
    return np.array(errors), np.array(lengths)


# Claim C13: the linear case


def linear_problem(seed, m=20, n=50):
    """More unknowns than equations: X, shape (m, n), and y, shape (m,)."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, n)), rng.standard_normal(m)


def descend_in_batches(X, y, w, rng, lr=0.01, steps=8000, batch_size=5):
    """Minibatch gradient descent on least squares from w: every step adds a mix of rows of X."""
    for rows, targets in islice(minibatches(X, y, batch_size, rng, epochs=None), steps):
        w = w - lr * rows.T @ (rows @ w - targets)
    return w


@dataclass(frozen=True)
class Descent:
    """Where a descent ended, and the exact fit nearest to its start; both of shape (n,)."""

    end: np.ndarray
    nearest: np.ndarray

    @property
    def off(self):
        """How far they are apart, over the length of the exact fit."""
        return length(self.end - self.nearest) / length(self.nearest)


def descents(train, test, seed, least_norm=least_norm):
    """The runs of claim C13, which needs no digits: a dict of name to `Descent`.

    ``least_norm(X, y)`` finds the shortest exact fit, the library's or a student's.
    """
    X, y = linear_problem(seed)
    rng = np.random.default_rng([seed, 1])
    zero, elsewhere = np.zeros(X.shape[1]), rng.standard_normal(X.shape[1])
    runs = {}
    for name, start, batch_size in (
        ("gradient descent", zero, len(X)),
        ("SGD", zero, 5),
        ("SGD from elsewhere", elsewhere, 5),
    ):
        end = descend_in_batches(X, y, start, rng, batch_size=batch_size)
        runs[name] = Descent(end, start + least_norm(X, y - X @ start))
    return runs


def c13_numbers(runs):
    """What claim C13 is judged by."""
    numbers = {f"off, {name}": run.off for name, run in runs.items()}
    elsewhere, least = runs["SGD from elsewhere"].end, runs["SGD"].nearest
    return numbers | {"norm from elsewhere, over the least": length(elsewhere) / length(least)}


C13 = Claim(
    id="C13",
    statement="On least squares SGD ends at the exact fit nearest to its start",
    conditions="20 equations, 50 unknowns, float64, learning rate 0.01, 8,000 steps, to a "
    "millionth of its length; batches of 20 and of 5; from zero it is the shortest exact fit, from elsewhere "
    "one more than 1.5 times as long",
    seeds=(3, 4),
    run=descents,
    numbers=c13_numbers,
    holds=lambda numbers: (
        all(value < 1e-6 for name, value in numbers.items() if name.startswith("off"))
        and numbers["norm from elsewhere, over the least"] > 1.5
    ),
)


# Random features in one dimension

FEATURES = np.union1d(np.geomspace(2, 1000, 34).round().astype(int), np.arange(10, 31, 2))
GRID = np.linspace(-1, 1, 200)
FREQUENCY = 12.0  # typical, in radians


def truth(x):
    """The function to be learned."""
    return np.sin(np.pi * x) + 0.5 * np.sin(2.5 * np.pi * x)


@dataclass(frozen=True)
class FitNumbers:
    """What is measured of a fit, or of several: numbers, or arrays (features,).

    Attributes
    ----------
    test_error : float or ndarray
        Mean squared distance from the truth, on the grid.
    train_error : float or ndarray
        Mean squared distance from the examples.
    norm : float or ndarray
        Length of the weights.
    """

    test_error: float | np.ndarray
    train_error: float | np.ndarray
    norm: float | np.ndarray


class RandomFeatures:
    """Examples of `truth` and one draw of cosines: the first N of them are the features.

    Parameters
    ----------
    m : int
        Examples.
    draw : int
        Seed of the cosines, of the examples' places and of their noise.
    features : callable
        ``features(x, frequencies, phases)``, the library's or a student's.
    """

    def __init__(self, m, draw, features=features):
        self._features = features
        rng = np.random.default_rng(draw)
        self.frequencies = FREQUENCY * rng.standard_normal(FEATURES[-1])
        self.phases = rng.uniform(0, 2 * np.pi, FEATURES[-1])
        self.x = -1 + 2 * (np.arange(m) + rng.uniform(0.25, 0.75, m)) / m
        self.standard_noise = rng.standard_normal(m)

    def features(self, x, n):
        """The first n cosines at the places x, over sqrt(n): shape (len(x), n)."""
        return self._features(x, self.frequencies[:n], self.phases[:n])

    def targets(self, noise):
        """The examples' values, with noise of this standard deviation."""
        return truth(self.x) + noise * self.standard_noise

    def decompose(self, n):
        """What does not depend on the targets: U and s of the features, and the map V to grid."""
        U, s, Vt = np.linalg.svd(self.features(self.x, n), full_matrices=False)
        return U, s, self.features(GRID, n) @ Vt.T

    @cached_property
    def decompositions(self):
        """`decompose` for each number in `FEATURES`."""
        return [self.decompose(n) for n in FEATURES]

    def solve(self, n, noise, ridge):
        """The solution with n features: its values on the grid, and its `FitNumbers`."""
        return self._solve(*self.decompose(n), noise, ridge)

    def curves(self, noise, ridge):
        """The `FitNumbers` by `FEATURES`."""
        fits = [self._solve(*parts, noise, ridge)[1] for parts in self.decompositions]
        return FitNumbers(*np.transpose([astuple(fit) for fit in fits]))

    def _solve(self, U, s, to_grid, noise, ridge):
        y = self.targets(noise)
        along = U.T @ y
        kept = s > 1e-13 * s[0]
        v = np.divide(s * along, s**2 + ridge, out=np.zeros_like(s), where=kept)
        found = to_grid @ v
        off_truth, off_examples = found - truth(GRID), U @ (s * v) - y
        return found, FitNumbers(np.mean(off_truth**2), np.mean(off_examples**2), length(v))


def fit_with(features):
    """What the exploration computes: a fit with some of a student's features, and all others."""
    kept = lru_cache(maxsize=8)(RandomFeatures)  # what the last draws have worked out

    def fit_features(n, noise, ridge, m, draw):
        data, n = kept(m, draw, features), round(n)
        ridge = 0 if ridge <= 1e-6 else ridge  # the slider's left end means none
        found, numbers = data.solve(n, noise, ridge)
        fit = {"x": data.x, "y": data.targets(noise), "found": found, "n": n}
        return fit | {"numbers": numbers, "curves": data.curves(noise, ridge)}

    return fit_features


def around_the_peak(draw, features=features):
    """What one draw says of the peak at 20 examples: a dict of name to number."""
    data, ten = RandomFeatures(20, draw, features), RandomFeatures(10, draw, features)
    plain, ridge = data.curves(noise=0.2, ridge=0), data.curves(noise=0.2, ridge=0.01)
    exact, with_ten = data.curves(noise=0, ridge=0), ten.curves(noise=0.2, ridge=0)
    near = (FEATURES >= 16) & (FEATURES <= 30)
    return {
        "error near N = 20 over that at N = 1000": plain.test_error[near].max()
        / plain.test_error[-1],
        "length near N = 20 over that at N = 1000": plain.norm[near].max() / plain.norm[-1],
        "the same error with a ridge of 0.01": ridge.test_error[near].max() / plain.test_error[-1],
        "error near N = 20 without noise": exact.test_error[near].max(),
        "at N = 20, error with 20 examples over that with 10": (
            plain.test_error / with_ten.test_error
        )[FEATURES == 20].item(),
        "number of features with the lowest error": FEATURES[plain.test_error.argmin()],
    }


# A small network on ten points

POINTS = np.array([-0.9, -0.75, -0.5, -0.35, -0.1, 0.1, 0.4, 0.55, 0.8, 0.95])
VALUES = np.array([-0.3, 0.1, 0.6, 0.5, -0.3, -0.5, 0.2, 0.5, 0.0, -0.3])


def with_constant(x):
    """Places on a line as inputs of a network: columns x and 1/2, so that kinks spread out."""
    return np.stack([x, np.full_like(x, 0.5)], axis=1)


def learn_points(scale, width, draw, steps=6000, every=50, fitted=1e-3):
    """Train a small network on `POINTS` until it fits, and yield what it is every so many steps.

    The learning rate is divided by scale squared where that is above one, and by the width.

    Yields
    ------
    dict
        `start` and `now`, the network's values on `GRID` before training and now; `losses`, a list;
        `moved`, how far the weights went over the length that they started with.
    """
    rng = np.random.default_rng(draw)
    network = mlp((2, width, 1), c=2 * scale**2, rng=rng, dtype=np.float64)
    begin, grid = weights_of(network), with_constant(GRID)
    start = network.forward(grid)[:, 0]
    optimizer = SGD(network, min(0.05, 10 / width) / max(scale, 1) ** 2, momentum=0.9)
    everything, losses = repeat((with_constant(POINTS), VALUES[:, None])), []
    for loss in training_steps(network, optimizer, everything, squared_error, steps=steps):
        losses.append(loss)
        if loss < fitted or len(losses) % every == 0:
            now = network.forward(grid)[:, 0]
            moved = length(weights_of(network) - begin) / length(begin)
            yield {"start": start, "now": now, "losses": losses, "moved": moved}
        if loss < fitted:
            return
