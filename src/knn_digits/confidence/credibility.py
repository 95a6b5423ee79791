"""Is it a digit at all? How far an image is from its nearest references, beside how far real digits are.

Distances among learned vectors alone do not tell: these keep what distinguishes digits from each other, and a
letter may differ from every digit in what they leave out. So the residuals outside the projection are compared,
too, with those of the same nearest references::

    strangeness = vectors' mean squared distance / its mean + residuals' mean squared distance / its mean

over the 5 nearest references, the means being those of the references themselves. What remains is
a conformal p-value (V. Vovk, A. Gammerman, G. Shafer, Algorithmic learning in a random world, 2005): the share of
real digits that are at least as strange. Of digits like these, 5 % have a credibility of 5 % or less.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["N_NEAREST", "credibility", "mean_squared_distances", "strangeness"]

N_NEAREST = 5


def mean_squared_distances(rows: NDArray[np.int8], nearest: NDArray[np.int8]) -> NDArray[np.float64]:
    """Average the squared distances of rows from their nearest references.

    Parameters
    ----------
    rows : int8 ndarray of shape (n, d)
    nearest : int8 ndarray of shape (n, m, d)

    Returns
    -------
    means : float64 ndarray of shape (n,)
    """
    difference = nearest.astype(np.int32) - rows[:, None, :]
    return np.einsum("nmd,nmd->n", difference, difference) / max(1, nearest.shape[1])


def strangeness(nearness: NDArray[np.float64], scales: tuple[float, float]) -> NDArray[np.float64]:
    """Say how far images are from their nearest references.

    Parameters
    ----------
    nearness : float64 ndarray of shape (n, 2)
        Mean squared distances of the vectors, and of the residuals (0 where there are none).
    scales : tuple of 2 floats
        Their means over the references, each compared with the others.

    Returns
    -------
    strangeness : float64 ndarray of shape (n,)
    """
    vectors, residuals = (s if s > 0 else 1.0 for s in scales)
    return nearness[:, 0] / vectors + nearness[:, 1] / residuals


def credibility(of_images: NDArray[np.float64], of_digits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Conformal p-values: the share of real digits, the image itself among them, that are at least as strange.

    Parameters
    ----------
    of_images : float64 ndarray of shape (n,)
        Strangeness; NaN, of a blank image, is 0 credible.
    of_digits : float64 ndarray of shape (m,)
        Strangeness of real digits, ascending.

    Returns
    -------
    p_values : float64 ndarray of shape (n,)
    """
    at_least_as_strange = len(of_digits) - np.searchsorted(of_digits, of_images, side="left")
    p_values = (1 + at_least_as_strange) / (1 + len(of_digits))
    return np.where(np.isnan(of_images), 0.0, p_values)
