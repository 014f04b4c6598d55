"""Data for the course: MNIST, minibatches, and small sets of points in the plane.

Randomness comes from the `numpy.random.Generator` that is handed in; nothing is downloaded.
"""

import gzip
import hashlib
import io
import itertools
from pathlib import Path

import numpy as np

from course_utils.checks import (
    check_choice,
    check_count,
    check_generator,
    check_labels,
    check_number,
)

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
        If `split` is unknown, or if the file is not the one that `data/README.md` describes.
    FileNotFoundError
        If the file is missing.
    """
    check_choice("split", split, ("train", "test"))
    restore = "take it anew from the course (in a clone: `git checkout -- data/mnist.npz`)"
    try:
        content = MNIST_FILE.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{MNIST_FILE} is missing; {restore}") from None
    if hashlib.sha256(content).hexdigest() != MNIST_SHA256:
        raise ValueError(f"{MNIST_FILE} is damaged (its sha256 checksum is wrong); {restore}")
    with np.load(io.BytesIO(content)) as arrays:  # decompresses only the arrays it is asked for
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
    return np.divide(images, 255, dtype=np.float32), labels.astype(np.int64)


def as_array(name, values):
    """What a student hands in as a NumPy array: a list and a pandas object too.

    A pandas object that kept its own index would be looked up by label where an array counts.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    values : array_like

    Returns
    -------
    ndarray
        `values` itself if it is one.

    Raises
    ------
    TypeError
        For a masked array, whose mask would be lost, and for what is no array.
    ValueError
        For rows of different lengths.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"{name} must be an array without a mask; .filled(...) makes one of it")
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} must be an array, with rows of one length") from None
    if array.ndim == 0:
        raise TypeError(f"{name} must be an array, got {values!r}")
    return array


def examples(images, labels):
    """Images and labels as NumPy arrays, one label an image (TypeError, ValueError)."""
    images, labels = as_array("images", images), as_array("labels", labels)
    if len(labels) != len(images):
        raise ValueError(f"labels must be as many as images, {len(images)}, got {len(labels)}")
    return images, labels


def shrunk(images):
    """Means over 2 × 2 pixels: (m, 784) to (m, 196)."""
    return images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)


def standardize(images, out=None):
    """Shift and scale pixels so that MNIST's training set has mean 0 and standard deviation 1.

    Parameters
    ----------
    images : array_like, any shape, floating point
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
    images = as_array("images", images)
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(f"images must be floating point, from 0 to 1, got {images.dtype}")
    if out is None:
        out = np.empty_like(images)
    elif (out.shape, out.dtype) != (images.shape, images.dtype):
        raise ValueError(f"out must be {images.shape} {images.dtype}, got {out.shape} {out.dtype}")
    np.subtract(images, MNIST_MEAN, out=out)
    return np.divide(out, MNIST_STD, out=out)


def digits(test=2000, source=None):
    """Load both splits of MNIST, standardized: what nearly every experiment starts from.

    Parameters
    ----------
    test : int, 1 to 10,000
        How many of the test examples; the first ones are taken.
    source : callable, optional
        Other images in place of MNIST: ``source("train")`` and ``source("test")`` return images
        and labels as `load_mnist` does, for example `idx_files`. They are shifted and scaled by
        the mean and the standard deviation of their own training pixels.

    Returns
    -------
    train, test : (ndarray, ndarray)
        Images (m, 784), float32, and labels (m,), as `load_mnist` and `standardize` give them.

    Raises
    ------
    TypeError, ValueError, FileNotFoundError
        For another `test`, or as `load_mnist`; for a source of something else.
    """
    check_count("test", test, maximum=10_000)
    if source is not None:
        return _other_digits(source, test)
    images, labels = load_mnist("train")
    test_images, test_labels = load_mnist("test")
    train = standardize(images, out=images), labels  # in place, which saves 188 MB
    return train, (standardize(test_images[:test]), test_labels[:test])


def _other_digits(source, test):
    splits = []
    for split in "train", "test":
        images, labels = examples(*source(split))
        if images.ndim != 2 or images.shape[1] != 784 or images.dtype.kind not in "iuf":
            got = f"{images.shape} {images.dtype}"
            raise ValueError(f"images must be an array of numbers of shape (m, 784), got {got}")
        check_labels(labels, len(images), 10)
        splits.append((images.astype(np.float32), labels.astype(np.int64)))
    (images, labels), (test_images, test_labels) = splits
    mean, std = images.mean(dtype=float), images.std(dtype=float)
    if std == 0:
        raise ValueError("images must not all have the same gray")
    for array in images, test_images:
        array -= np.float32(mean)
        array /= np.float32(std)
    return (images, labels), (test_images[:test], test_labels[:test])


def idx_files(folder):
    """Four files in the format of MNIST, such as Fashion-MNIST's, as a source for `digits`.

    Parameters
    ----------
    folder : str or Path
        Holds train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
        t10k-labels-idx1-ubyte, each as it is or packed, with .gz at the end of its name.

    Returns
    -------
    callable
        ``source(split)`` reads images (m, 784), float32 from 0 to 1, and labels (m,). It raises a
        FileNotFoundError for a missing file, a ValueError for one that is something else.

    Examples
    --------
    >>> train, test = digits(source=idx_files("fashion"))  # doctest: +SKIP
    """
    folder = Path(folder)

    def source(split):
        check_choice("split", split, ("train", "test"))
        name = {"train": "train", "test": "t10k"}[split]
        images = _read_idx(folder / f"{name}-images-idx3-ubyte", dimensions=3)
        labels = _read_idx(folder / f"{name}-labels-idx1-ubyte", dimensions=1)
        return np.divide(images.reshape(len(images), -1), 255, dtype=np.float32), labels

    return source


def _read_idx(path, dimensions):
    """The array of bytes in a file: four bytes say what it is, four each how long, then all."""
    packed = path.with_name(path.name + ".gz")
    if path.exists():
        content = path.read_bytes()
    elif packed.exists():
        content = gzip.decompress(packed.read_bytes())
    else:
        raise FileNotFoundError(f"{path} is missing, and so is {packed.name}")
    start = 4 + 4 * dimensions
    shape = tuple(np.frombuffer(content[4:start], ">u4"))
    if content[:4] != bytes([0, 0, 8, dimensions]) or len(content) - start != np.prod(shape):
        raise ValueError(f"{path} is damaged, or not in the format of MNIST")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def few_digits(train, m, rng, wrong=0.0):
    """Draw m examples without replacement, and give a share of them a wrong label.

    Parameters
    ----------
    train : (array_like, array_like)
        Images and labels, the labels from 0 to 9.
    m : int
        From 1 to the number of examples.
    rng : numpy.random.Generator
        The same seed draws the same examples whatever the share.
    wrong : float
        The share, 0 to 1. A wrong label is any of the nine others, with equal chances.

    Returns
    -------
    images, labels : ndarray (m, ...)
        Copies.

    Raises
    ------
    ValueError, TypeError
        For m or a share out of range, or an rng of another kind.
    """
    images, labels = examples(*train)
    check_count("m", m, maximum=len(labels))
    check_generator("rng", rng, optional=False)
    check_number("wrong", wrong, 0, 1, open_high=False)
    chosen = rng.choice(len(labels), m, replace=False)
    labels, spoiled = labels[chosen], rng.permutation(m)[: round(wrong * m)]
    labels[spoiled] = (labels[spoiled] + rng.integers(1, 10, len(spoiled))) % 10
    return images[chosen], labels


def minibatches(images, labels, batch_size, rng, epochs=1):
    """Go through the examples in random order, `batch_size` at a time.

    Every batch has exactly `batch_size` examples, and the few left over sit out that epoch: a
    smaller batch gives a noisier gradient, and a batch of one has no variance to normalize with.

    Parameters
    ----------
    images, labels : array_like (m, ...)
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
    ValueError, TypeError
        At the call, not at the first batch: if images or labels are no arrays or their lengths
        differ, if `batch_size` or `epochs` is out of range, if `rng` is not a
        `numpy.random.Generator`.
    """
    images, labels = examples(images, labels)
    m = len(images)
    check_count("batch_size", batch_size, maximum=m)
    if epochs is not None:
        check_count("epochs", epochs)
    check_generator("rng", rng, optional=False)

    def batches():
        for _ in itertools.count() if epochs is None else range(epochs):
            order = rng.permutation(m)[: m - m % batch_size]
            for batch in order.reshape(-1, batch_size):
                yield images[batch], labels[batch]

    return batches()


def two_moons(m, rng, noise=0.1):
    """Draw two interlocked half circles.

    Parameters
    ----------
    m : int, at least 1
        Number of points.
    rng : numpy.random.Generator
        With the same seed and `m`, another `noise` moves the points but does not redraw them.
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
    ValueError, TypeError
        If `m` or `noise` is out of range, if `rng` is not a `numpy.random.Generator`.
    """

    def curve(t, side):
        return side * 4 / 3 * (np.exp(1j * np.pi * t) - (0.5 + 0.25j))

    return _points_along(curve, m, rng, noise)


def circles(m, rng, noise=0.1):
    """Draw a large circle around a small one; everything else is as in `two_moons`."""

    def curve(t, side):
        return (1.35 + 0.45 * side) * np.exp(2j * np.pi * t)

    return _points_along(curve, m, rng, noise)


def _points_along(curve, m, rng, noise):
    """Draw m noisy points `curve(t, side)`, as x + iy; t is in [0, 1), side +1 and -1 in turn."""
    check_count("m", m)
    check_generator("rng", rng, optional=False)
    check_number("noise", noise)
    labels = np.arange(m, dtype=np.int64) % 2
    z = curve(rng.uniform(size=m), 1 - 2 * labels)
    points = np.stack([z.real, z.imag], axis=1) + noise * rng.normal(size=(m, 2))
    return points.astype(np.float32), labels
