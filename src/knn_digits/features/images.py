"""What every image transformer starts with: rows of numbers -> square gray images, by one rule for all values.

The rule: numbers below 0 count as 0, and the brightest pixel of an image is white (255), whatever its number;
so 0..1, 0..16 and 0..255 are the same to it, and so are a faint and a bold print. NaN and infinity are refused.
A blank image stays blank.
"""

from __future__ import annotations

from math import isqrt
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

__all__ = ["ImageTransformer", "as_images", "flat", "validated"]

# No image of a digit is smaller. Shorter rows, such as scikit-learn's own checks use, are filled up with blank
# pixels; longer ones that are not square have lost or gained a column, and are refused.
_SMALLEST = 8 * 8
_LARGEST_SIDE = 1024
_TINY = float(np.finfo(np.float64).tiny)  # what a blank image is divided by


def flat(X: Any) -> Any:
    """Images as rows of pixels; whatever is not a stack of images is left to validation."""
    return X.reshape(len(X), -1) if isinstance(X, np.ndarray) and X.ndim == 3 else X


def validated(estimator: Any, X: ArrayLike, **checks: Any) -> NDArray:
    """Validate images for a fitted estimator, as scikit-learn does; `checks` as of its `validate_data`.

    Bytes in rows of the right length it would give back as they are, after 0.2 ms, and 15 ms the first time: they
    are given back at once.
    """
    rows = flat(X)
    plain = type(rows) is np.ndarray and rows.dtype == np.uint8 and rows.ndim == 2 and len(rows) > 0
    if plain and rows.shape[1] == estimator.n_features_in_ and not hasattr(estimator, "feature_names_in_"):
        return rows
    return validate_data(estimator, rows, reset=False, **checks)


def as_images(rows: NDArray) -> NDArray[np.uint8]:
    """Make square gray images of rows of numbers.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        Finite numbers; d is the square of the side, or below 64.

    Returns
    -------
    images : uint8 ndarray of shape (n, side, side)
        The brightest pixel of each is 255, unless all are 0.

    Raises
    ------
    ValueError
        If the rows are not square images, or of more than 1,024 pixels a side.
    """
    n, d = rows.shape
    side = isqrt(d)
    if side > _LARGEST_SIDE:
        raise ValueError(f"expected images of at most {_LARGEST_SIDE} pixels a side, got {side}: scale them down")
    if side * side != d:
        if d > _SMALLEST:
            raise ValueError(f"expected square images, side * side pixels in a row, got rows of {d} numbers")
        side += 1
        rows = np.pad(rows, ((0, 0), (0, side * side - d)))
    return _brightest_is_white(rows).reshape(n, side, side)


def _brightest_is_white(rows: NDArray) -> NDArray[np.uint8]:
    brightest = rows.max(axis=1, initial=0)
    if rows.dtype == np.uint8 and (brightest == 255).all():
        return rows
    white = np.maximum(brightest.astype(np.float64), _TINY)
    gray = np.empty(rows.shape, np.uint8)
    for start in range(0, len(rows), 4096):
        block = slice(start, start + 4096)
        # Shares are rounded half up, and what rounding of 0..1 floats took from a half is forgiven.
        share = np.maximum(rows[block], 0).astype(np.float64) / white[block, None]
        gray[block] = np.floor(share * 255 + (0.5 + 1e-4))
    return gray


class ImageTransformer(TransformerMixin, BaseEstimator):
    """Base of transformers of square images that learn nothing but the size of an image."""

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Note the size of an image; nothing else is learned.

        Parameters
        ----------
        X : array of shape (n, side * side) or (n, side, side)
        y : ignored

        Raises
        ------
        ValueError
            If the images are not square, or a setting is not one of those allowed.
        """
        rows = validate_data(self, flat(X))
        self._check_settings()
        as_images(rows[:1])
        return self

    def _fitted_for(self, n_features: int) -> Self:
        """Be fitted as `fit` does it, of which only the size of an image is known."""
        self._check_settings()
        self.n_features_in_ = n_features
        return self

    def _check_settings(self) -> None:
        """Raise ValueError for a setting that is out of range."""

    def _images(self, X: ArrayLike) -> NDArray[np.uint8]:
        """Validate rows or images and make them gray: uint8 of shape (n, side, side)."""
        check_is_fitted(self)
        return as_images(validated(self, X, ensure_min_samples=0))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_in_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
