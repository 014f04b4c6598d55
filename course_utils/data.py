"""Data for the course: MNIST, minibatches, and small sets of points in the plane.

Everything works offline; randomness comes from the `numpy.random.Generator` that is handed in.
"""

import hashlib
import io
import itertools
from pathlib import Path

import numpy as np

MNIST_FILE = Path(__file__).resolve().parents[1] / "data" / "mnist.npz"
MNIST_SHA256 = "e183595579f3fdb5af0a6aa55938e81620b1f28a8118b2eda52dce03bbf6087b"
MNIST_MEAN = 0.1307  # of all training pixels, on the scale 0 to 1
MNIST_STD = 0.3081  # and their standard deviation


def load_mnist(split="train"):
    """Load the handwritten digits of MNIST from the file that comes with the course.

    Parameters
    ----------
    split : {"train", "test"}
        60,000 training examples or 10,000 test examples.

    Returns
    -------
    images : ndarray (m, 784), float32
        Gray values from 0 (background) to 1 (ink), the 28 rows of an image one after another.
    labels : ndarray (m,), int64
        The digits, 0 to 9. Both arrays are new at every call: change them as you like.

    Raises
    ------
    ValueError
        If `split` is unknown, or if the file is not the one that belongs to the course.
    FileNotFoundError
        If the file is missing.

    Notes
    -----
    Source, license and checksums are in `data/README.md`.
    """
    if split not in ("train", "test"):
        raise ValueError(f'split must be "train" or "test", got {split!r}')
    restore = "restore it with `git checkout -- data/mnist.npz`, or see data/README.md"
    try:
        content = MNIST_FILE.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{MNIST_FILE} is missing; {restore}") from None
    if hashlib.sha256(content).hexdigest() != MNIST_SHA256:
        raise ValueError(f"{MNIST_FILE} is damaged (its sha256 checksum is wrong); {restore}")
    with np.load(io.BytesIO(content)) as arrays:  # decompresses only the arrays it is asked for
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
    return np.divide(images, 255, dtype=np.float32), labels.astype(np.int64)


def standardize(images, out=None):
    """Shift and scale pixels so that MNIST's training set has mean 0 and standard deviation 1.

    Parameters
    ----------
    images : ndarray, any shape, floating point
        Pixels on the scale 0 to 1, as `load_mnist` gives them. Not changed, unless it is `out`.
    out : ndarray, optional
        Where to write the result: an array like `images`. `out=images` works in place, which
        saves 188 MB on the training set.

    Returns
    -------
    ndarray
        `(images - MNIST_MEAN) / MNIST_STD`, of the shape and dtype of `images`.

    Raises
    ------
    ValueError
        If `images` is not floating point, or `out` has another shape or dtype than `images`.
    """
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(f"images must be floating point, from 0 to 1, got {images.dtype}")
    if out is None:
        out = np.empty_like(images)
    elif out.shape != images.shape or out.dtype != images.dtype:
        raise ValueError(
            f"out must have the shape and dtype of images, {images.shape} {images.dtype}, "
            f"got {out.shape} {out.dtype}"
        )
    np.subtract(images, MNIST_MEAN, out=out)
    np.divide(out, MNIST_STD, out=out)
    return out


def minibatches(images, labels, batch_size, rng, epochs=1):
    """Go through the examples in random order, `batch_size` at a time.

    Every batch has exactly `batch_size` examples. The few left over at the end of an epoch sit
    out, and the next epoch's shuffle draws others: a smaller batch would give a noisier gradient
    than its neighbors, and batch normalization cannot take a variance over a batch of one.

    Parameters
    ----------
    images : ndarray (m, ...)
    labels : ndarray (m, ...)
    batch_size : int, 1 to m
    rng : numpy.random.Generator
        Shuffles the examples anew as each epoch starts.
    epochs : int, at least 1, or None
        How often to go through the data; None goes on for ever.

    Returns
    -------
    iterator of (images, labels)
        Arrays (batch_size, ...), copies of the examples.

    Raises
    ------
    ValueError
        At the call: if the lengths differ, or `batch_size` or `epochs` is out of range.
    TypeError
        At the call: if `rng` is not a `numpy.random.Generator`.
    """
    m = len(images)
    if len(labels) != m:
        raise ValueError(f"labels must be as many as images, {m}, got {len(labels)}")
    _check_count("batch_size", batch_size, most=m)
    if epochs is not None:
        _check_count("epochs", epochs)
    _check_rng(rng)

    def batches():
        for _ in itertools.count() if epochs is None else range(epochs):
            order = rng.permutation(m)
            for start in range(0, m - batch_size + 1, batch_size):
                batch = order[start : start + batch_size]
                yield images[batch], labels[batch]

    return batches()


def two_moons(m, rng, noise=0.1):
    """Draw two interlocked half circles.

    Parameters
    ----------
    m : int, at least 1
        Number of points.
    rng : numpy.random.Generator
        With the same seed and `m`, another `noise` moves each point but does not redraw it.
    noise : float, at least 0
        Standard deviation of the Gaussian noise added to both coordinates.

    Returns
    -------
    points : ndarray (m, 2), float32
        Centered on the origin and, noise apart, within [-2, 2].
    labels : ndarray (m,), int64
        0 and 1 in turn, so the classes are balanced (within one point when `m` is odd).

    Raises
    ------
    ValueError
        If `m` or `noise` is out of range.
    TypeError
        If `rng` is not a `numpy.random.Generator`.
    """

    def curve(t, labels):
        angle = np.pi * t
        x, y = np.cos(angle) - 0.5, np.sin(angle) - 0.25
        return _side(labels) * 4 / 3 * np.stack([x, y])

    return _points_along(curve, m, rng, noise)


def spirals(m, rng, noise=0.05):
    """Draw two spiral arms of one and a half turns; everything else is as in `two_moons`."""

    def curve(t, labels):
        radius = np.sqrt(0.01 + 0.99 * t)  # from 0.1 to 1, evenly spread along the arm
        angle = 3 * np.pi * radius
        return _side(labels) * 2 * radius * np.stack([np.cos(angle), np.sin(angle)])

    return _points_along(curve, m, rng, noise)


def circles(m, rng, noise=0.1):
    """Draw a large circle around a small one; everything else is as in `two_moons`."""

    def curve(t, labels):
        radius = np.where(labels == 0, 1.8, 0.9)
        angle = 2 * np.pi * t
        return radius * np.stack([np.cos(angle), np.sin(angle)])

    return _points_along(curve, m, rng, noise)


def _side(labels):
    """Return 1 for label 0 and -1 for label 1: the second curve is the first one turned by 180°."""
    return 1 - 2 * labels


def _points_along(curve, m, rng, noise):
    """Draw m noisy points; `curve(t, labels)` puts positions t, in [0, 1), into the plane."""
    _check_count("m", m)
    _check_rng(rng)
    if not 0 <= noise < np.inf:
        raise ValueError(f"noise must be a finite number from 0 up, got {noise!r}")
    labels = np.arange(m, dtype=np.int64) % 2
    points = curve(rng.uniform(size=m), labels).T + noise * rng.normal(size=(m, 2))
    return points.astype(np.float32), labels


def _check_count(name, value, most=None):
    """Raise ValueError unless `value` is an integer from 1 to `most`."""
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_integer or value < 1 or (most is not None and value > most):
        allowed = "of at least 1" if most is None else f"from 1 to {most}"
        raise ValueError(f"{name} must be an integer {allowed}, got {value!r}")


def _check_rng(rng):
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}")
