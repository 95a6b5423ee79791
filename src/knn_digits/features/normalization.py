"""Shape normalization by moments: every digit upright, and of about the same width and height.

The slant ``mu_xy / mu_yy`` is sheared away, and each axis is rescaled by ``(spread / typical spread) ** strength``
about the center of mass, which moves to the center of the frame. (Deskewing is folklore on MNIST; moment
normalization: R. G. Casey, Moment normalization of handprinted characters, IBM J. Res. Dev. 14(5), 1970.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import OneToOneFeatureMixin

from knn_digits.arrays import read_only
from knn_digits.features.images import ImageTransformer
from knn_digits.kernels import use_kernels

__all__ = ["MomentNormalizer", "frames_of", "resampled"]

# Median spread of MNIST's deskewed training digits across and along, as a share of the frame's side.
TYPICAL_SPREAD = (3.9 / 28, 4.9 / 28)
_STEEPEST, _FEWEST_PIXELS = 1.5, 0.5  # slant at most; spread at least: beyond lies dirt, not writing
_LARGEST_ZOOM = 2.0
_ONE = 256  # of fixed-point positions, in which two implementations give the same bits


class MomentNormalizer(OneToOneFeatureMixin, ImageTransformer):
    """Make digits upright and of typical width and height.

    Parameters
    ----------
    strength : float, default=0.5
        How much of the difference to the typical spread is taken away, 0 (none: only deskewing) to 1 (all).
        Narrow digits, ones above all, would be blown up beyond recognition by 1.
    """

    def __init__(self, strength: float = 0.5) -> None:
        self.strength = strength

    def transform(self, X: ArrayLike) -> NDArray[np.uint8]:
        """Normalize images.

        Parameters
        ----------
        X : array of shape (n, side * side) or (n, side, side)

        Returns
        -------
        rows : uint8 ndarray of shape (n, side * side)
        """
        images = self._images(X)
        n, side, _ = images.shape
        return self.normalize(images).reshape(n, side * side)[:, : self.n_features_in_]

    def normalize(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Normalize images that are known to be gray images of shape (n, side, side), into the same shape."""
        frames = frames_of(images, self.strength)
        if not use_kernels(len(images), (images.shape[1] / 28) ** 2):
            return resampled(images, frames)
        from knn_digits.features.normalization_kernel import resample

        normalized = np.empty(images.shape, np.uint8)
        resample(read_only(images), frames, normalized)
        return normalized

    def _check_settings(self) -> None:
        if not 0 <= self.strength <= 1:
            raise ValueError(f"strength must be from 0 to 1, got {self.strength!r}")


def frames_of(images: NDArray[np.uint8], strength: float) -> NDArray[np.float64]:
    """Find the frame of each image: where its center lies, its slant, and the step of a pixel along each axis.

    Parameters
    ----------
    images : uint8 ndarray of shape (n, side, side)
    strength : float

    Returns
    -------
    frames : float64 ndarray of shape (n, 5)
        Center y and x, slant, step along y and along x, in pixels. A blank image's is the image's own.
    """
    side = images.shape[1]
    mass, along_y, along_x, yy, xy, xx = _moments(images)
    blank = mass == 0
    mass = np.where(blank, 1, mass)
    center_y, center_x = along_y / mass, along_x / mass
    var_yy, var_xy = yy / mass - center_y**2, xy / mass - center_y * center_x
    var_xx = xx / mass - center_x**2
    thinnest = _FEWEST_PIXELS**2
    slant = np.clip(var_xy / np.maximum(var_yy, thinnest), -_STEEPEST, _STEEPEST)
    upright_xx = var_xx - 2 * slant * var_xy + slant**2 * var_yy
    frames = np.empty((len(images), 5))
    frames[:, 0], frames[:, 1], frames[:, 2] = center_y, center_x, slant
    for column, variance, typical in ((3, var_yy, TYPICAL_SPREAD[1]), (4, upright_xx, TYPICAL_SPREAD[0])):
        ratio = np.sqrt(np.maximum(variance, thinnest)) / (typical * side)
        frames[:, column] = np.clip(ratio**strength, 1 / _LARGEST_ZOOM, _LARGEST_ZOOM)
    frames[blank] = [(side - 1) / 2, (side - 1) / 2, 0, 1, 1]
    return frames


def _moments(images: NDArray[np.uint8]) -> Any:
    """Mass and its first and second moments, as exact whole numbers: float64 products of them are exact."""
    side = images.shape[1]
    positions = np.arange(side, dtype=np.float64)
    powers = np.stack([np.ones(side), positions, positions**2])
    rows, columns = images.sum(axis=2, dtype=np.int64), images.sum(axis=1, dtype=np.int64)
    mass, along_y, yy = powers @ rows.T
    _, along_x, xx = powers @ columns.T
    xy = images.astype(np.float64) @ positions @ positions
    return mass, along_y, along_x, yy, xy, xx


def resampled(images: NDArray[np.uint8], frames: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Draw each image in its frame: bilinear, in fixed point (the kernel's twin in NumPy, and its explanation).

    Parameters
    ----------
    images : uint8 ndarray of shape (n, side, side)
    frames : float64 ndarray of shape (n, 5)
        From `frames_of`.

    Returns
    -------
    normalized : uint8 ndarray of shape (n, side, side)
    """
    n, side, _ = images.shape
    offsets = np.arange(side) - (side - 1) / 2
    center_y, center_x, slant, step_y, step_x = frames.T[:, :, None]
    below = offsets * step_y  # (n, side): how far a row lies below the center
    y = np.rint((center_y + below) * _ONE).astype(np.int64)[:, :, None]
    x = ((center_x + slant * below)[:, :, None] + (offsets * step_x)[:, None, :]) * _ONE
    x = np.rint(x).astype(np.int64)
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1))).astype(np.int64)
    row, column, image = y // _ONE, x // _ONE, np.arange(n)[:, None, None]
    down, right = y % _ONE, x % _ONE
    total = np.zeros((n, side, side), np.int64)
    for dy, weight_y in ((0, _ONE - down), (1, down)):
        for dx, weight_x in ((0, _ONE - right), (1, right)):
            # Whatever lies outside falls on the blank border.
            at_y, at_x = np.clip(row + dy, -1, side) + 1, np.clip(column + dx, -1, side) + 1
            total += padded[image, at_y, at_x] * weight_y * weight_x
    return ((total + _ONE * _ONE // 2) // (_ONE * _ONE)).astype(np.uint8)
