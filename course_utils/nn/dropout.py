"""Dropout."""

import numpy as np

from course_utils.checks import check_batch, check_generator, check_number, check_shape
from course_utils.nn.layers import Layer


def dropout_mask(shape, p, rng, dtype):
    """Zero with probability p, else 1 / (1 - p), so that every entry has mean one."""
    kept = rng.random(shape) >= p
    return kept.astype(dtype) / (1 - p)


class Dropout(Layer):
    """Inverted dropout: in training each entry is zeroed with probability p, the rest grow.

    Srivastava et al., "Dropout" (2014), section 4, with the division by 1 - p done in training
    so that evaluation is the identity.

    Parameters
    ----------
    p : float
        Probability of zeroing, 0 <= p < 1; can be changed between steps.
    rng : numpy.random.Generator, optional
        Where the masks come from; None draws fresh ones every time.

    Raises
    ------
    TypeError, ValueError
        For p outside [0, 1) or an rng of another kind.
    """

    def __init__(self, p, rng=None):
        super().__init__()
        self.p = p
        self.rng = check_generator("rng", rng)

    @property
    def p(self):
        """Probability that an entry is zeroed."""
        return self._p

    @p.setter
    def p(self, p):
        check_number("p", p, 0, 1)
        self._p = float(p)  # NumPy's float64 would make float32 results float64

    def forward(self, x):
        """Multiply x, shape (m, n), by a fresh mask in training; by ones in evaluation."""
        check_batch("x", x)
        drop = self.training and self.p > 0
        self.saved = dropout_mask(x.shape, self.p, self.rng, x.dtype) if drop else np.ones_like(x)
        return x * self.saved

    def backward(self, grad_y):
        """Multiply grad_y, shape (m, n), by the mask of the last forward."""
        mask = self.recall()
        check_shape("grad_y", grad_y, mask.shape)
        return grad_y * mask

    def __repr__(self):
        return f"Dropout({self.p})"
