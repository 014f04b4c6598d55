"""Corruptions of digits: pure functions of images in [0, 1] and a severity from 0 (nothing) to 5.

Each takes images (m, 784) and gives new ones of the same shape and type, in [0, 1] again, after the
example of Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions
and Perturbations" (2019). What draws at random takes an `rng` and uses the same draws at every
severity, so that a slider moves the picture instead of shaking it.
"""

import numpy as np
from scipy import ndimage

from course_utils.checks import check_batch, check_choice, check_generator, check_number

SIDE = 28
PIXELS = SIDE * SIDE
WORST = 5


def noise(images, severity, rng):
    """Gaussian noise with a deviation of 0.15 × severity in every pixel."""
    return images + 0.15 * severity * rng.standard_normal(images.shape, dtype=np.float32)


def salt_and_pepper(images, severity, rng):
    """A share of 0.1 × severity of the pixels becomes black or white, as a coin falls."""
    chance, coin = rng.random((2, *images.shape), dtype=np.float32)
    return np.where(chance < 0.1 * severity, np.round(coin), images)


def blur(images, severity, rng):
    """Each pixel a mean of its neighborhood, with Gaussian weights as wide as severity / 2."""
    return in_the_plane(images, lambda x: ndimage.gaussian_filter(x, severity / 2, axes=(1, 2)))


def contrast(images, severity, rng):
    """What differs from gray, 0.5, shrinks by 0.6 for each unit of severity."""
    return 0.5 + 0.6**severity * (images - 0.5)


def brightness(images, severity, rng):
    """Every pixel brighter by 0.1 × severity."""
    return images + 0.1 * severity


def fog(images, severity, rng):
    """A share of 0.16 × severity of each image is fog, thick and thin in patches of its own."""
    fog = rng.random(images.shape, dtype=np.float32)
    fog = in_the_plane(fog, lambda x: ndimage.gaussian_filter(x, 4, axes=(1, 2), mode="wrap"))
    low, high = fog.min(axis=1, keepdims=True), fog.max(axis=1, keepdims=True)
    share = 0.16 * severity
    return (1 - share) * images + share * (fog - low) / (high - low)


def rotation(images, severity, rng):
    """Turned by 10 degrees for each unit of severity."""
    turn = {"axes": (2, 1), "reshape": False, "order": 1}
    return in_the_plane(images, lambda x: ndimage.rotate(x, -10 * severity, **turn))


def occlusion(images, severity, rng):
    """A black square, of a side of 3 × severity pixels, in the middle."""
    size = round(3 * severity)
    start = (SIDE - size) // 2
    square = slice(start, start + size)
    hidden = images.reshape(-1, SIDE, SIDE).copy()
    hidden[:, square, square] = 0
    return hidden.reshape(images.shape)


def shift(images, severity, rng):
    """Moved to the right by one pixel for each unit of severity."""
    return in_the_plane(images, lambda x: ndimage.shift(x, (0, 0, severity), order=1))


def in_the_plane(images, change):
    """What a change of images (m, 28, 28) makes of rows (m, 784)."""
    return change(images.reshape(-1, SIDE, SIDE)).reshape(images.shape)


CORRUPTIONS = {
    "noise": noise, "salt and pepper": salt_and_pepper, "blur": blur, "contrast": contrast,
    "brightness": brightness, "fog": fog, "rotation": rotation, "occlusion": occlusion,
    "shift": shift,
}  # fmt: skip


def corrupt(name, images, severity, rng=None):
    """Images of digits with a corruption, by its name.

    Parameters
    ----------
    name : str
        One of CORRUPTIONS.
    images : ndarray, shape (m, 784)
        Gray values from 0 to 1.
    severity : float
        From 0, which changes nothing, to 5.
    rng : numpy.random.Generator, optional
        None: the same draws every time.

    Returns
    -------
    ndarray, shape (m, 784)
        New ones, from 0 to 1.

    Raises
    ------
    TypeError, ValueError
        For another name, a severity out of range, or images of another shape or with gray values
        beyond 0 and 1: standardized ones, as `digits` gives them, among these.
    """
    check_choice("name", name, CORRUPTIONS)
    check_number("severity", severity, 0, WORST, open_high=False)
    check_batch("images", images, PIXELS)
    if not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(
            "images must have gray values from 0 to 1, as load_mnist gives them: corrupt them "
            f"before they are standardized; got {images.min():.3g} ... {images.max():.3g}"
        )
    rng = np.random.default_rng(0) if rng is None else check_generator("rng", rng)
    if severity == 0:
        return images.copy()
    changed = CORRUPTIONS[name](images, severity, rng)
    return np.clip(changed, 0, 1).astype(images.dtype)
