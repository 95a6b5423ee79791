"""KNNDigitClassifier: the recognizer, with the face of a scikit-learn estimator, and its presets.

A preset is a set of settings under a name; it only fills what is left open.

========== ========= =========== ======== =============================================================
preset     embedding n_neighbors weights  what it is
========== ========= =========== ======== =============================================================
``pixels`` none      3           uniform  the textbook method: exact Euclidean distance between raw pixels
========== ========= =========== ======== =============================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from knn_digits.neighbors import WEIGHTS, ExactSearch, GrowingRows, vote
from knn_digits.neighbors.voting import Weights

__all__ = ["PRESETS", "KNNDigitClassifier", "Preset"]


@dataclass(frozen=True)
class Preset:
    """Settings under a name."""

    n_neighbors: int
    weights: Weights
    embedding: TransformerMixin | None = None


PRESETS = {"pixels": Preset(n_neighbors=3, weights="uniform")}


class KNNDigitClassifier(ClassifierMixin, BaseEstimator):
    """k-nearest neighbors for images of digits.

    Neighbors are exact and ordered by distance, at equal distance the later learned first. Votes that tie go
    to the class whose nearest neighbor is nearer, then to the smaller label. Answers are the same to the bit
    for any batch size and number of threads.

    Parameters
    ----------
    preset : {"pixels"}, default="pixels"
        Settings for what is left open below; see the table at the top of this module.
    embedding : transformer, optional
        Turns pixels into the vectors to search among, such as ``CosineEmbedding()``. A clone of it is fitted.
    n_neighbors : int, optional
        How many neighbors vote.
    weights : {"uniform", "distance"}, optional
        One vote each, or one over the distance.
    n_jobs : int, optional
        Threads, counted as joblib counts them: None is 1, -1 is all.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, ascending.
    n_features_in_ : int
        Pixels of an image.
    feature_names_in_ : ndarray of str
        Column names, where `fit` saw a DataFrame with them.
    embedding_ : transformer or None
        The fitted embedding.
    n_neighbors_, weights_ : int, str
        The settings in force.
    images_ : GrowingRows
        Every image learned, by id. uint8 where all values are whole numbers of 0..255.
    label_codes_ : GrowingRows
        Position in `classes_` of every image's label, by id.
    search_ : ExactSearch
        The search among the embedded images.

    Notes
    -----
    Ids number the images in the order they were learned, from 0; a forgotten id is never used again.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from knn_digits import KNNDigitClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = KNNDigitClassifier("pixels").fit(X[:1500], y[:1500])
    >>> print(model.predict(X[1500:1505]))
    [1 7 4 6 3]
    """

    def __init__(
        self,
        preset: str = "pixels",
        *,
        embedding: TransformerMixin | None = None,
        n_neighbors: int | None = None,
        weights: Weights | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.preset = preset
        self.embedding = embedding
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.n_jobs = n_jobs

    # ---- learning ----

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn images and their labels, forgetting all learned before.

        Parameters
        ----------
        X : array of shape (n, side * side) or (n, side, side)
            uint8 0..255, or any finite numbers. Kept, not copied, where it is uint8 and in one piece.
        y : array of shape (n,)
            Labels: integers or strings.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a setting is not one of those allowed, or X and y do not fit together.
        """
        preset = self._checked_preset()
        images, labels = validate_data(self, _flat(X), y, dtype="numeric")
        labels = column_or_1d(labels, warn=True)
        check_classification_targets(labels)
        images = as_pixels(images)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        self.n_neighbors_ = preset.n_neighbors if self.n_neighbors is None else self.n_neighbors
        self.weights_: Weights = preset.weights if self.weights is None else self.weights
        embedding = preset.embedding if self.embedding is None else self.embedding
        self.embedding_ = None if embedding is None else clone(embedding).fit(images, codes)
        self._set_references(images, codes, self._embed(images))
        return self

    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Learn more images without refitting; before `fit` it is `fit`.

        Parameters
        ----------
        X, y : as in `fit`
        classes : array of labels, optional
            Labels to accept beyond those known. A label that is neither known nor listed here is refused,
            so that a slip of the hand does not make a new class.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a label is unknown. Then nothing is learned.
        """
        if not hasattr(self, "search_"):
            _check_known(y, np.unique(np.asarray(y if classes is None else classes)))
            self.fit(X, y)
            return self if classes is None else self._accept_classes(np.unique(np.asarray(classes)))
        images, labels = validate_data(self, _flat(X), y, dtype="numeric", reset=False)
        labels = column_or_1d(labels, warn=True)
        accepted = self.classes_ if classes is None else self._with_classes(np.asarray(classes))
        _check_known(labels, accepted)
        images = as_pixels(images)
        embedded = self._embed(images)
        self._accept_classes(accepted)
        # Whoever asks meanwhile finds an image once the search has it: its label must be there before.
        self.label_codes_.append(np.searchsorted(self.classes_, labels))
        if self.embedding_ is not None:
            self.images_.append(images)
        self.search_.append(embedded)
        return self

    def forget(self, ids: ArrayLike) -> Self:
        """Take learned images out again, by id; answers are then as if they had never been learned.

        Raises
        ------
        ValueError
            If an id was never given or is forgotten already. Then nothing changes.
        """
        check_is_fitted(self)
        self.search_.forget(np.asarray(ids))
        return self

    # ---- answering ----

    def kneighbors(
        self, X: ArrayLike | None = None, n_neighbors: int | None = None, return_distance: bool = True
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]] | NDArray[np.int64]:
        """Find the nearest learned images.

        Parameters
        ----------
        X : array of shape (n, side * side) or (n, side, side), optional
            Left out: every learned image is asked about in turn, itself left out.
        n_neighbors : int, optional
            Default: as many as vote.
        return_distance : bool, default=True

        Returns
        -------
        distances : float64 ndarray of shape (n, n_neighbors)
            Euclidean distances (between embedded images, where there is an embedding), ascending. Only if
            `return_distance`.
        ids : int64 ndarray of shape (n, n_neighbors)

        Raises
        ------
        ValueError
            If fewer images were learned than `n_neighbors`.
        """
        check_is_fitted(self)
        k = self.n_neighbors_ if n_neighbors is None else n_neighbors
        _check_n_neighbors(k)
        distances, ids = self._all_but_itself(k) if X is None else self._nearest(X, k)
        return (distances, ids) if return_distance else ids

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Shares of the vote.

        Parameters
        ----------
        X : array of shape (n, side * side) or (n, side, side)

        Returns
        -------
        probabilities : float64 ndarray of shape (n, n_classes)
            Columns in the order of `classes_`; the largest of each row is unique.
        """
        distances, ids = self.kneighbors(X)
        return vote(self.label_codes_[ids], distances, len(self.classes_), self.weights_)

    def predict(self, X: ArrayLike) -> NDArray:
        """Say which digit each image is: always the class of the largest probability.

        Parameters
        ----------
        X : array of shape (n, side * side) or (n, side, side)

        Returns
        -------
        labels : ndarray of shape (n,)
            Of the type of `classes_`.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    # ---- beneath ----

    def _checked_preset(self) -> Preset:
        if self.preset not in PRESETS:
            raise ValueError(f"preset must be one of {', '.join(map(repr, PRESETS))}, got {self.preset!r}")
        if self.n_neighbors is not None:
            _check_n_neighbors(self.n_neighbors)
        if self.weights is not None and self.weights not in WEIGHTS:
            raise ValueError(f"weights must be one of {', '.join(map(repr, WEIGHTS))}, got {self.weights!r}")
        return PRESETS[self.preset]

    def _set_references(self, images: NDArray, codes: NDArray[np.integer], embedded: NDArray) -> None:
        self.images_ = GrowingRows(images)
        self.label_codes_ = GrowingRows(codes.astype(np.int64, copy=False))
        # Without an embedding the images are what is searched: one copy, not two.
        self.search_ = ExactSearch(self.images_ if embedded is images else embedded)

    def _with_classes(self, classes: NDArray) -> NDArray:
        if classes.size and classes.dtype.kind in "UO" and self.classes_.dtype.kind not in "UO":
            raise ValueError(
                f"classes are numbers here, got {classes.ravel()[0]!r}: texts would make them all texts"
            )
        return np.union1d(self.classes_, classes)

    def _accept_classes(self, classes: NDArray) -> Self:
        """Add classes, keeping label codes in the order of the labels."""
        accepted = self._with_classes(classes)
        if len(accepted) > len(self.classes_):
            new_code = np.searchsorted(accepted, self.classes_)
            self.label_codes_ = GrowingRows(new_code[self.label_codes_.to_array()])
            self.classes_ = accepted
        return self

    def _embed(self, images: NDArray) -> NDArray:
        return images if self.embedding_ is None else self.embedding_.transform(images)

    def _nearest(self, X: ArrayLike, k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        images = as_pixels(validate_data(self, _flat(X), dtype="numeric", reset=False))
        squared, ids = self.search_.kneighbors(self._embed(images), k, n_jobs=self.n_jobs)
        return np.sqrt(squared), ids

    def _all_but_itself(self, k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        known = np.setdiff1d(np.arange(len(self.label_codes_)), self.search_.forgotten)
        queries = self.search_.references[known]
        squared, ids = self.search_.kneighbors(queries, min(k + 1, len(known)), n_jobs=self.n_jobs)
        if ids.shape[1] <= k:
            raise ValueError(
                f"Expected n_neighbors < n_samples_fit, but n_neighbors = {k}, n_samples_fit = {len(known)}"
            )
        # Among more than k twins an image may not find itself; then the last neighbor goes instead.
        itself = ids == known[:, None]
        itself[~itself.any(axis=1), -1] = True
        shape = (len(known), k)
        return np.sqrt(squared[~itself]).reshape(shape), ids[~itself].reshape(shape)


def as_pixels(images: NDArray) -> NDArray:
    """Store whole numbers of 0..255 as uint8, others as float32 or float64; values stay the same."""
    if images.dtype == np.uint8 or (images.dtype == np.float32 and not _all_pixels(images)):
        return images
    return images.astype(np.uint8 if _all_pixels(images) else np.float64, copy=False)


def _all_pixels(images: NDArray) -> bool:
    if images.dtype == bool:
        return True
    if images.size == 0 or images.min() < 0 or images.max() > 255:
        return False
    return np.issubdtype(images.dtype, np.integer) or bool((images == np.rint(images)).all())


def _flat(X: Any) -> Any:
    """Images as rows of pixels; whatever is not a stack of images is left to validation."""
    return X.reshape(len(X), -1) if isinstance(X, np.ndarray) and X.ndim == 3 else X


def _check_known(labels: ArrayLike, classes: NDArray) -> None:
    labels = np.asarray(labels).ravel()
    unknown = labels[~np.isin(labels, classes)]
    if len(unknown):
        raise ValueError(
            f"label {unknown[0]} is none of the classes known ({', '.join(map(str, classes))}): "
            "pass classes=[...] with it to add a class"
        )


def _check_n_neighbors(k: object) -> None:
    if isinstance(k, bool) or not isinstance(k, int | np.integer):
        raise TypeError(f"n_neighbors must be an integer, got {k!r}")
    if k < 1:
        raise ValueError(f"n_neighbors must be at least 1, got {k}")
