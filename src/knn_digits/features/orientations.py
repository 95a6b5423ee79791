"""Orientation histograms: where in the image strokes run in which direction.

A Sobel gradient is taken at every pixel. The square root of its length is shared between the two nearest of
`n_directions` directions over the full circle; each direction's plane is blurred and sampled at `n_cells` x
`n_cells` places (C.-L. Liu, K. Nakashima, H. Sako, H. Fujisawa, Handwritten digit recognition: investigation of
normalization and feature extraction techniques, Pattern Recognition 37(2), 2004). The square roots of the
histogram's shares are the features, so that Euclidean distance between them is the Hellinger distance between
histograms: many small shares then count as much as a few large ones.

Everything is a sum of whole numbers until that last square root, so that it does not depend on any order.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knn_digits.arrays import read_only
from knn_digits.features.images import ImageTransformer
from knn_digits.kernels import use_kernels

__all__ = ["LENGTH", "OrientationHistogram", "directions_table", "histograms", "window_weights"]

# Rows of this length have products below 2^24, which float32 holds exactly.
LENGTH = 4000
# Sobel gradients of pixels 0..255 reach 1020 and are kept in quarters, so that all that can occur fit a table.
_REACH = 255
_WIDEST = 80
_LARGEST_SHARE, _WEIGHT_SUM = 228, 256  # 228 * 256 * 256 < 2^24: blurred sums are exact in float32


class OrientationHistogram(ImageTransformer):
    """Describe images by the directions of their strokes.

    Parameters
    ----------
    n_directions : int, default=12
        Directions over the full circle.
    n_cells : int, default=11
        Places along each axis at which the blurred planes are sampled.
    sigma : float, default=0.8
        Standard deviation of the blur, as a share of the distance between places.
    """

    def __init__(self, n_directions: int = 12, n_cells: int = 11, sigma: float = 0.8) -> None:
        self.n_directions = n_directions
        self.n_cells = n_cells
        self.sigma = sigma

    def transform(self, X: ArrayLike) -> NDArray[np.int16]:
        """Describe images.

        Parameters
        ----------
        X : array of shape (n, side * side) or (n, side, side)

        Returns
        -------
        rows : int16 ndarray of shape (n, n_directions * n_cells * n_cells)
            Direction by direction, each cell by cell. Rows of Euclidean length 4000, up to rounding; zeros for
            an image without any edge.
        """
        return self.describe(self._images(X))

    def describe(self, images: NDArray[np.uint8]) -> NDArray[np.int16]:
        """Describe images that are known to be gray images of shape (n, side, side)."""
        if not use_kernels(len(images), (images.shape[1] / 28) ** 2):
            return histograms(images, self.n_directions, self.n_cells, self.sigma)
        from knn_digits.features.orientations_kernel import describe

        rows = np.empty((len(images), self._n_features_out), np.int16)
        weights = window_weights(images.shape[1], self.n_cells, self.sigma)
        describe(read_only(images), *directions_table(self.n_directions), weights, self.n_directions, LENGTH, rows)
        return rows

    @property
    def _n_features_out(self) -> int:
        return self.n_directions * self.n_cells**2

    def get_feature_names_out(self, input_features: object = None) -> NDArray[Any]:
        """Name every feature ``direction3_row0_column7``."""
        cells = range(self.n_cells)
        names = [f"direction{d}_row{y}_column{x}" for d in range(self.n_directions) for y in cells for x in cells]
        return np.array(names, dtype=object)

    def _check_settings(self) -> None:
        for name in ("n_directions", "n_cells"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= 64:
                raise ValueError(f"{name} must be a whole number from 1 to 64, got {value!r}")
        if not 0.1 <= self.sigma <= 10:
            raise ValueError(f"sigma must be from 0.1 to 10, got {self.sigma!r}")


@cache
def directions_table(n_directions: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Tabulate for every gradient the two directions' shares of its length.

    Returns
    -------
    first, share_of_first, share_of_next : uint8 ndarrays of shape (511, 511)
        Indexed by [gradient down + 255, gradient to the right + 255], in quarters.
    """
    quarters = np.arange(-_REACH, _REACH + 1)
    return _shares(quarters[:, None], quarters[None, :], n_directions)


def _shares(
    down: NDArray[np.int64], right: NDArray[np.int64], n_directions: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """The first direction of gradients, its share of their lengths, and the next one's."""
    length = np.hypot(down, right)
    strength = np.sqrt(length / np.hypot(_REACH, _REACH)) * _LARGEST_SHARE
    direction = np.arctan2(down, right) / (2 * np.pi) * n_directions % n_directions
    first = np.floor(direction)
    part_of_next = direction - first
    share_of_first, share_of_next = np.rint(strength * (1 - part_of_next)), np.rint(strength * part_of_next)
    return (first % n_directions).astype(np.uint8), share_of_first.astype(np.uint8), share_of_next.astype(np.uint8)


@cache
def window_weights(side: int, n_cells: int, sigma: float) -> NDArray[np.float32]:
    """Weigh the pixels of a line for each place: whole numbers along a Gaussian, of sum 256 far from the border.

    Parameters
    ----------
    side, n_cells : int
    sigma : float
        As a share of the distance between places.

    Returns
    -------
    weights : float32 ndarray of shape (n_cells, side)

    Raises
    ------
    ValueError
        If the blur is so wide that whole numbers are too coarse for its weights.
    """
    distance = side / n_cells
    centers = (np.arange(n_cells) + 0.5) * distance - 0.5
    pixels = np.arange(side)
    width = max(sigma * distance, 0.3)  # a place between two pixels must see both
    if width > _WIDEST:
        raise ValueError(f"a blur of {width:.0f} pixels is too wide: take more cells, or a smaller sigma")
    bell = np.exp(-0.5 * ((pixels - centers[:, None]) / width) ** 2)
    whole = np.exp(-0.5 * ((np.arange(-10 * side, 10 * side) - centers[:, None] % 1) / width) ** 2).sum(axis=1)
    return np.rint(bell * (_WEIGHT_SUM / whole[:, None])).astype(np.float32)


def histograms(
    images: NDArray[np.uint8], n_directions: int, n_cells: int, sigma: float, length: int = LENGTH
) -> NDArray[np.int16]:
    """Describe images in plain NumPy: the kernel's twin, and its explanation.

    Parameters
    ----------
    images : uint8 ndarray of shape (n, side, side)
    n_directions, n_cells, sigma : as in `OrientationHistogram`
    length : int

    Returns
    -------
    rows : int16 ndarray of shape (n, n_directions * n_cells * n_cells)
    """
    n, side, _ = images.shape
    p = np.pad(images, ((0, 0), (1, 1), (1, 1))).astype(np.int64)
    above, level, below = p[:, :-2], p[:, 1:-1], p[:, 2:]
    rightward, downward = above + 2 * level + below, below - above
    right = rightward[:, :, 2:] - rightward[:, :, :-2]
    down = downward[:, :, :-2] + 2 * downward[:, :, 1:-1] + downward[:, :, 2:]
    i, y, x = edges = np.nonzero((right != 0) | (down != 0))
    first, share_of_first, share_of_next = _shares((down[edges] + 2) // 4, (right[edges] + 2) // 4, n_directions)
    planes = np.zeros((n, n_directions, side, side))
    planes[i, first, y, x] = share_of_first
    planes[i, (first + 1) % n_directions, y, x] += share_of_next
    weights = window_weights(side, n_cells, sigma).astype(np.float64)
    sums = (weights @ planes @ weights.T).reshape(n, -1)
    total = np.maximum(sums.sum(axis=1, keepdims=True), 1)
    return np.rint(length * np.sqrt(sums / total)).astype(np.int16)
