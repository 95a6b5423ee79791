"""DigitEmbedding: from images to the short vectors among which digits are searched, by three transformers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d, validate_data

from knn_digits.features.discriminant import NeighborDiscriminant
from knn_digits.features.images import ImageTransformer, as_images, flat
from knn_digits.features.normalization import MomentNormalizer
from knn_digits.features.orientations import OrientationHistogram
from knn_digits.threads import blocks_of, map_blocks

__all__ = ["DigitEmbedding"]

_IMAGES_AT_ONCE = 1024


class DigitEmbedding(ClassNamePrefixFeaturesOutMixin, ImageTransformer):
    """`MomentNormalizer`, `OrientationHistogram` and `NeighborDiscriminant`, one after the other.

    Parameters
    ----------
    n_components : int, default=64
        Numbers an image becomes.
    strength : float, default=0.5
        Of the normalization.
    n_directions, n_cells, sigma : int, int, float, default=12, 11, 0.8
        Of the histogram.
    shrinkage : float, default=0.3
        Of the projection.
    random_state : int, RandomState or None, default=0
        Of the projection.
    n_jobs : int, optional
        Threads of `fit`, counted as joblib counts them.

    Attributes
    ----------
    normalizer_, histogram_, projection_ : transformers
        Fitted.
    """

    def __init__(
        self,
        n_components: int = 64,
        *,
        strength: float = 0.5,
        n_directions: int = 12,
        n_cells: int = 11,
        sigma: float = 0.8,
        shrinkage: float = 0.3,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.strength = strength
        self.n_directions = n_directions
        self.n_cells = n_cells
        self.sigma = sigma
        self.shrinkage = shrinkage
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:  # type: ignore[override]
        """Learn the projection.

        Parameters
        ----------
        X : array of shape (n, side * side) or (n, side, side)
        y : array of shape (n,)
            Classes.

        Raises
        ------
        ValueError
            If images are not square, a setting is out of range, or X and y do not fit together.
        """
        self.fit_histograms(X, y)
        return self

    def fit_transform(self, X: ArrayLike, y: ArrayLike) -> NDArray[np.int8]:
        """Learn the projection and embed the same images, at the cost of one pass."""
        return self.project(self.fit_histograms(X, y))

    def transform(self, X: ArrayLike) -> NDArray[np.int8]:
        """Embed images.

        Parameters
        ----------
        X : array of shape (n, side * side) or (n, side, side)

        Returns
        -------
        rows : int8 ndarray of shape (n, n_components)
            Within -127..127. An image's row does not depend on the images beside it.
        """
        return self.project(self.describe(X))

    # The same in steps, for whoever needs more than one thing of an image, or folds of the same images.

    def describe(self, X: ArrayLike) -> NDArray[np.int16]:
        """Make the histograms of images, which what `fit` learns does not change."""
        return self._describe(self._images(X))

    def fit_described(self, histograms: NDArray[np.int16], y: NDArray) -> Self:
        """Learn the projection from histograms."""
        self.projection_ = self.unfitted_projection().fit(histograms, y)
        return self

    def project(self, histograms: NDArray[np.int16]) -> NDArray[np.int8]:
        """Embed images of which these are the histograms."""
        return self.projection_.project(histograms)

    def residuals(self, histograms: NDArray[np.int16]) -> NDArray[np.int8]:
        """Say what `project` leaves out of histograms (`NeighborDiscriminant.residuals`)."""
        return self.projection_.residuals(histograms)

    def unfitted_projection(self) -> NeighborDiscriminant:
        """Make the projection that is learned, with the settings of this embedding."""
        return NeighborDiscriminant(
            self.n_components, shrinkage=self.shrinkage, random_state=self.random_state, n_jobs=self.n_jobs
        )

    def prepare(self, side: int) -> Self:
        """Make the parts that learn nothing, for images of this side."""
        self.normalizer_ = MomentNormalizer(self.strength)._fitted_for(side * side)
        histogram = OrientationHistogram(self.n_directions, self.n_cells, self.sigma)
        self.histogram_ = histogram._fitted_for(side * side)
        return self

    def fit_histograms(self, X: ArrayLike, y: ArrayLike) -> NDArray[np.int16]:
        """Learn the projection as `fit` does, and return the histograms of the images."""
        rows, labels = validate_data(self, flat(X), y, ensure_min_samples=2)
        check_classification_targets(labels)
        self.unfitted_projection().check_settings()
        self.prepare(as_images(rows[:1]).shape[1])
        blocks = blocks_of(len(rows), _IMAGES_AT_ONCE, self.n_jobs)
        described = map_blocks(lambda block: self._describe(as_images(rows[block])), blocks, self.n_jobs)
        histograms = np.concatenate(described)
        self.fit_described(histograms, column_or_1d(labels))
        return histograms

    def _describe(self, images: NDArray[np.uint8]) -> NDArray[np.int16]:
        n, side, _ = images.shape
        return self.histogram_.describe(as_images(self.normalizer_.normalize(images).reshape(n, side * side)))

    @property
    def _n_features_out(self) -> int:
        return self.projection_._n_features_out

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "projection_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
