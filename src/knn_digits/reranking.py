"""DistortionReranker: looks again at the nearest candidates, with the image distortion model.

The search among vectors finds candidates fast; the distortion model (`distances.distortion`) then asks of each
how well the query's strokes can be moved onto its strokes. Both say something: a final distance is

    embedding distance^2 + factor * distortion

with `factor` chosen in `weigh` so that the two count as `weight` says. Where classes are scored by hulls, the
score of each is its hull's plus `factor` times the least distortion among its nearest candidates.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from knn_digits.arrays import read_only
from knn_digits.distances.distortion import distortions
from knn_digits.features.images import as_images
from knn_digits.features.normalization import MomentNormalizer
from knn_digits.kernels import use_kernels
from knn_digits.neighbors import GrowingRows

__all__ = ["DistortionReranker"]

# Candidates of each class that are compared: more gave no fewer errors on folds of MNIST's training images.
_LOOKED_AT = 20
_TYPICAL_CANDIDATES = 100
_LARGEST_WINDOW = 32  # its square is what a comparison costs


class DistortionReranker(BaseEstimator):
    """Distances by the image distortion model.

    Parameters
    ----------
    weight : float or None, default=0.5
        What a distortion counts relative to the squared distance between vectors, both measured by their means
        over near neighbors. None: the distortion alone.
    window : int, default=2
        How many pixels each way a pixel may look for its match.
    strength : float or None, default=0.5
        Of the normalization of images before they are compared; None compares them as they are.

    Attributes
    ----------
    references_ : GrowingRows
        What is compared: uint8 images of shape (n, side, side).
    factor_ : float
        What a distortion is multiplied with.
    """

    def __init__(self, weight: float | None = 0.5, *, window: int = 2, strength: float | None = 0.5) -> None:
        self.weight = weight
        self.window = window
        self.strength = strength

    def fit(self, rows: NDArray) -> Self:
        """Keep the references' images.

        Parameters
        ----------
        rows : ndarray of shape (n, side * side)

        Raises
        ------
        ValueError
            If images are not square, or a setting is out of range.
        """
        self._check_settings()
        self.factor_ = 1.0
        self.references_ = GrowingRows(self.normalized(rows))
        return self

    def weigh(self, queries: NDArray, squared: NDArray, ids: NDArray[np.int64]) -> Self:
        """Choose the factor from queries and their neighbors.

        Parameters
        ----------
        queries : ndarray of shape (m, side * side)
        squared : ndarray of shape (m, c)
            Squared distances between the vectors of queries and neighbors.
        ids : int64 ndarray of shape (m, c)
        """
        if self.weight is not None and ids.size:
            distortions = self._measure(queries, ids, np.zeros(ids.shape, np.int64), n_kept=ids.shape[1])
            means = float(squared.mean()), float(distortions.mean())
            self.factor_ = self.weight * means[0] / means[1] if all(means) else self.weight
        return self

    def normalized(self, rows: NDArray) -> NDArray[np.uint8]:
        """Return images as they are compared: uint8 of shape (n, side, side)."""
        images = as_images(rows)
        if self.strength is None:
            return images
        return MomentNormalizer(self.strength).normalize(images)

    def distances(
        self, queries: NDArray, squared: NDArray, ids: NDArray[np.int64], n_kept: int
    ) -> NDArray[np.float64]:
        """Final distances of candidates.

        Parameters
        ----------
        queries : ndarray of shape (m, side * side)
        squared : ndarray of shape (m, c)
            Squared distances between vectors.
        ids : int64 ndarray of shape (m, c)
        n_kept : int
            How many of the nearest are wanted.

        Returns
        -------
        distances : float64 ndarray of shape (m, c)
            The `n_kept` smallest of each row are right; what is larger may be infinity.
        """
        alone = np.zeros(ids.shape, np.int64)
        if self.weight is None:
            return self._measure(queries, ids, alone, n_kept=n_kept)
        return self._measure(queries, ids, alone, n_kept=n_kept, nearness=squared, factor=self.factor_)

    def class_scores(
        self, queries: NDArray, ids: NDArray[np.int64], codes: NDArray[np.int64], n_classes: int
    ) -> NDArray[np.float64]:
        """Score each class by the least distortion among its 20 nearest candidates, times the factor.

        Parameters
        ----------
        queries : ndarray of shape (m, side * side)
        ids, codes : int64 ndarrays of shape (m, c)
            Candidates, nearest first, and their classes.
        n_classes : int

        Returns
        -------
        scores : float64 ndarray of shape (m, n_classes)
            Infinity for a class without a candidate.
        """
        not_looked_at = np.where(_rank_in_class(codes, n_classes) < _LOOKED_AT, 0, np.inf)
        distortions = self._measure(queries, ids, codes, n_kept=1, nearness=not_looked_at)
        scores = np.full((len(ids), n_classes), np.inf)
        for j in range(ids.shape[1]):
            at = (np.arange(len(ids)), codes[:, j])
            scores[at] = np.minimum(scores[at], distortions[:, j])
        return scores * self.factor_

    def _measure(
        self,
        queries: NDArray,
        ids: NDArray[np.int64],
        labels: NDArray[np.int64],
        *,
        n_kept: int,
        nearness: NDArray | None = None,
        factor: float = 1.0,
    ) -> NDArray[np.float64]:
        added = np.zeros(ids.shape) if nearness is None else nearness.astype(np.float64)
        images = read_only(self.normalized(queries))
        effort = ids.shape[1] / _TYPICAL_CANDIDATES * ((2 * self.window + 1) / 5 * images.shape[1] / 28) ** 2
        if not use_kernels(len(images), effort):
            return self._measured_by_twin(images, ids, added, factor)
        from knn_digits.distances.distortion_kernel import measure

        distances = np.empty(ids.shape)
        base, tail = self.references_.base_and_tail()
        measure(
            images, read_only(base), read_only(tail), ids, added, labels, factor, n_kept, self.window, distances
        )
        return distances

    def _measured_by_twin(
        self, images: NDArray[np.uint8], ids: NDArray[np.int64], added: NDArray[np.float64], factor: float
    ) -> NDArray[np.float64]:
        """As the kernel, but that no candidate is given up: the smallest are the same."""
        distances = np.full(ids.shape, np.inf)
        looked_at = np.isfinite(added)
        query = np.nonzero(looked_at)[0]
        found = distortions(images[query], self.references_[ids[looked_at]], self.window)
        distances[looked_at] = added[looked_at] + factor * found
        return distances

    def _check_settings(self) -> None:
        if isinstance(self.window, bool) or not isinstance(self.window, int | np.integer):
            raise ValueError(f"window must be a whole number, got {self.window!r}")
        if not 0 <= self.window <= _LARGEST_WINDOW:
            raise ValueError(f"window must be from 0 to {_LARGEST_WINDOW}, got {self.window!r}")
        if self.weight is not None and not 0 < self.weight < np.inf:
            raise ValueError(f"weight must be above 0, or None, got {self.weight!r}")
        if self.strength is not None and not 0 <= self.strength <= 1:
            raise ValueError(f"strength must be from 0 to 1, or None, got {self.strength!r}")

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "references_")


def _rank_in_class(codes: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """Number the candidates of each class from 0, in their order."""
    rank = np.empty(codes.shape, np.int64)
    for code in range(n_classes):
        of_class = codes == code
        rank[of_class] = (of_class.cumsum(axis=1) - 1)[of_class]
    return rank
