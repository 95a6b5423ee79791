"""Cosine distance as Euclidean distance between rows of one length."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

__all__ = ["CosineEmbedding"]

# Two rows of this length have a product below 2^24 after rounding (up to 36,000 pixels): the float32 product
# of the search is then exact. One grey level of rounding is 1/4000 of a row's length.
LENGTH = 4000


class CosineEmbedding(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Scale every row to one length and round it to integers.

    Between rows of length L the squared Euclidean distance is ``2 L^2 (1 - cosine)``, so that Euclidean
    neighbors of the output are cosine neighbors of the input, up to rounding. Contrast no longer counts:
    a faint digit is as near as a bold one. A row of zeros has no direction; it stays zero, at distance L from
    every other row, as if their cosine were one half.
    """

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Note the number of columns; nothing is learned.

        Parameters
        ----------
        X : array of shape (n, d)
        y : ignored
        """
        validate_data(self, X)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.int16]:
        """Scale and round.

        Parameters
        ----------
        X : array of shape (n, d)
            Finite numbers.

        Returns
        -------
        rows : int16 ndarray of shape (n, d)
            Rows of Euclidean length 4000, up to rounding.
        """
        check_is_fitted(self)
        rows = validate_data(self, X, reset=False, ensure_min_samples=0)
        unit = np.empty(rows.shape, np.int16)
        for start in range(0, len(rows), 4096):
            block = rows[start : start + 4096].astype(np.float64)
            # Twice, as squares of very large or small numbers would leave the range of floats.
            block /= np.maximum(np.abs(block).max(axis=1, keepdims=True), np.finfo(np.float64).tiny)
            length = np.sqrt(np.einsum("ij,ij->i", block, block))[:, None]
            np.rint(block * (LENGTH / np.where(length == 0, 1, length)), out=block)
            unit[start : start + 4096] = block
        return unit

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_in_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
