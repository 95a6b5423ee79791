"""KNNDigitClassifier: the recognizer, with the face of a scikit-learn estimator, and its presets.

An answer comes about in up to three stages::

    embedding    images -> short vectors          DigitEmbedding, CosineEmbedding, or none: the pixels
    search       the nearest references           ExactSearch
    judgement    "uniform", "distance": the nearest vote
                 "hull": each class among the candidates is scored by what its neighbors span, and, with a
                 DistortionReranker, by how well strokes can be moved onto theirs (`judging`)

What a judge finds becomes probabilities, and a judgement on whether it is a digit at all, by what `fit` learned
from training images answered out of fold (`calibrating`, `confidence`).

A preset is a set of settings under a name; it only fills what is left open. `PRESETS` holds them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from knn_digits.calibrating import answers_out_of_fold, folds_for, nearness, typical_nearness
from knn_digits.confidence import Calibration, OutOfFold
from knn_digits.confidence.credibility import N_NEAREST, credibility, strangeness
from knn_digits.confidence.out_of_fold import out_of_fold_of
from knn_digits.explanation import Asked, Explanation, explain, one_image
from knn_digits.features import DigitEmbedding
from knn_digits.features.images import flat, validated
from knn_digits.judging import JUDGEMENTS, Judge, Judged, Judgement, without_itself
from knn_digits.neighbors import ExactSearch, GrowingRows
from knn_digits.preset_names import DEFAULT_PRESET
from knn_digits.reranking import DistortionReranker
from knn_digits.threads import blocks_of, map_blocks

__all__ = ["DEFAULT_PRESET", "PRESETS", "Answers", "KNNDigitClassifier", "Preset"]

_IMAGES_AT_ONCE = 1024
_FEWEST_IMAGES = 64  # of a block that is worth a thread
# Of references asked about themselves, to weigh the stages against each other.
_N_WEIGHED, _NEIGHBORS_WEIGHED = 500, 10


@dataclass(frozen=True)
class Preset:
    """Settings under a name; what it is in a line, `preset_names.SUMMARIES` says.

    Attributes
    ----------
    n_neighbors, weights, n_candidates, embedding, rerank
        As in `KNNDigitClassifier`.
    """

    n_neighbors: int
    weights: Judgement
    n_candidates: int | None = None
    embedding: TransformerMixin | None = None
    rerank: DistortionReranker | None = None


PRESETS = {
    "pixels": Preset(
        n_neighbors=3,
        weights="uniform",
    ),
    "fast": Preset(
        n_neighbors=40,
        weights="hull",
        n_candidates=100,
        embedding=DigitEmbedding(),
    ),
    "accurate": Preset(
        n_neighbors=40,
        weights="hull",
        n_candidates=100,
        embedding=DigitEmbedding(),
        rerank=DistortionReranker(),
    ),
    "best": Preset(
        n_neighbors=40,
        weights="hull",
        n_candidates=150,
        embedding=DigitEmbedding(n_components=128),
        rerank=DistortionReranker(weight=1.0),
    ),
    "idm": Preset(
        n_neighbors=3,
        weights="uniform",
        n_candidates=500,
        rerank=DistortionReranker(weight=None, strength=None),
    ),
}


@dataclass(frozen=True, eq=False)
class Answers:
    """What a recognizer says of n images, found in one pass.

    Attributes
    ----------
    labels : ndarray of shape (n,)
        As `KNNDigitClassifier.predict` gives them.
    probabilities : float64 ndarray of shape (n, n_classes)
        As `predict_proba`.
    credibility : float64 ndarray of shape (n,)
        As `credibility`; NaN where the model has too few images to tell.
    neighbors : int64 ndarray of shape (n, m)
        Ids of the nearest references by vector, nearest first; of a vote after re-ranking, by final distance.
    """

    labels: NDArray
    probabilities: NDArray[np.float64]
    credibility: NDArray[np.float64]
    neighbors: NDArray[np.int64]


class KNNDigitClassifier(ClassifierMixin, BaseEstimator):
    """k-nearest neighbors for images of digits.

    Neighbors are exact and ordered by distance, at equal distance the later learned first. Votes that tie go
    to the class whose nearest neighbor is nearer, then to the smaller label; scores by hulls that tie, to the
    class of the first candidate. Answers of a fitted model are the same to the bit for any batch size and number
    of threads.

    Parameters
    ----------
    preset : {"accurate", "fast", "best", "pixels", "idm"}, default="accurate"
        Settings for what is left open below; `PRESETS` says what each is.
    embedding : transformer, optional
        Turns pixels into the vectors to search among, such as ``DigitEmbedding()``. A clone of it is fitted.
    rerank : DistortionReranker, optional
        Looks at the candidates again. A clone of it is fitted.
    n_candidates : int, optional
        How many nearest vectors are candidates, for `rerank` and for ``weights="hull"``.
    n_neighbors : int, optional
        How many neighbors vote, or span the hull of each class.
    weights : {"uniform", "distance", "hull"}, optional
        One vote each, one over the distance, or scores by local hulls (`neighbors.hulls`), which need an
        embedding of int8 rows.
    calibration_folds : int or None, default=5
        Folds in which `fit` answers its own images, to learn what answers are worth; at least 2, lowered to the
        size of the largest class. None: nothing is learned about that, `fit` is faster, probabilities are
        those of MNIST, and there is no credibility.
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
    embedding_, rerank_ : transformer or None, DistortionReranker or None
        As fitted.
    n_neighbors_, weights_, n_candidates_ : int, str, int or None
        The settings in force.
    images_ : GrowingRows
        Every image learned, by id. uint8 where all values are whole numbers of 0..255.
    label_codes_ : GrowingRows
        Position in `classes_` of every image's label, by id.
    search_ : ExactSearch
        The search among the embedded images.
    residuals_ : GrowingRows or None
        What a `DigitEmbedding` leaves out of every image, for the credibility.
    calibration_ : Calibration
        From evidence to probabilities.
    out_of_fold_ : OutOfFold or None
        The images learned by `fit`, as answered by models that had not seen them. None without folds.
    strangeness_scales_ : tuple of 2 floats
        What is typical of real digits (`confidence.credibility`).

    Notes
    -----
    An embedding or reranker given replaces the preset's; None leaves the preset's in place. `n_candidates` is not
    used where nothing is re-ranked or scored by hulls.

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
        preset: str = DEFAULT_PRESET,
        *,
        embedding: TransformerMixin | None = None,
        rerank: DistortionReranker | None = None,
        n_candidates: int | None = None,
        n_neighbors: int | None = None,
        weights: Judgement | None = None,
        calibration_folds: int | None = 5,
        n_jobs: int | None = None,
    ) -> None:
        self.preset = preset
        self.embedding = embedding
        self.rerank = rerank
        self.n_candidates = n_candidates
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.calibration_folds = calibration_folds
        self.n_jobs = n_jobs

    # ---- learning ----

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Learn images and their labels, forgetting all learned before.

        Parameters
        ----------
        X : array of shape (n, side * side) or (n, side, side)
            uint8 0..255, or any finite numbers. Kept, not copied, where it is uint8 and in one piece.
        y : array of shape (n,)
            Labels: integers or strings.
        groups : array of shape (n,), optional
            Writer of each image. Folds are then of whole writers: without, probabilities are those of images by
            known writers. Inside scikit-learn's searches and pipelines it takes ``set_fit_request(groups=True)``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a setting is not one of those allowed, or X and y do not fit together.
        """
        preset = self._checked_preset()
        if hasattr(self, "rerank_"):
            del self.rerank_  # set last: a fit that fails leaves no model, not half of two
        images, labels = validate_data(self, flat(X), y, dtype="numeric")
        labels = column_or_1d(labels, warn=True)
        check_classification_targets(labels)
        images = as_pixels(images)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        self.n_neighbors_ = preset.n_neighbors if self.n_neighbors is None else self.n_neighbors
        self.n_candidates_ = preset.n_candidates if self.n_candidates is None else self.n_candidates
        self.weights_: Judgement = preset.weights if self.weights is None else self.weights
        embedded = self._fit_embedding(
            preset.embedding if self.embedding is None else self.embedding, images, codes
        )
        self._set_references(images, codes, embedded)
        rerank = self._fitted_rerank(preset.rerank if self.rerank is None else self.rerank, images)
        self._calibrate(images, codes, rerank, groups)
        self.rerank_: DistortionReranker | None = rerank
        return self

    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Learn more images without refitting; before `fit` it is `fit`, which needs two images to learn vectors.

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
            If a label is unknown, or an image is refused. Then nothing is learned.
        """
        if not self.__sklearn_is_fitted__():
            _check_known(y, np.unique(np.asarray(y if classes is None else classes)))
            self.fit(X, y)
            return self if classes is None else self._accept_classes(np.unique(np.asarray(classes)))
        images, labels = validate_data(self, flat(X), y, dtype="numeric", reset=False)
        labels = column_or_1d(labels, warn=True)
        accepted = self.classes_ if classes is None else self._with_classes(np.asarray(classes))
        _check_known(labels, accepted)
        images = as_pixels(images)
        # Whatever may be refused comes before anything is learned.
        embedded, residuals = self._embed(images)
        self.search_.check(embedded)
        normalized = images if self.rerank_ is None else self.rerank_.normalized(images)
        self._accept_classes(accepted)
        # Whoever asks meanwhile finds an image once the search has it: its label must be there before.
        self.label_codes_.append(np.searchsorted(self.classes_, labels))
        if self.images_ is not self.search_.references:
            self.images_.append(images)
        if self.rerank_ is not None:
            self.rerank_.references_.append(normalized)
        if self.residuals_ is not None and residuals is not None:
            self.residuals_.append(residuals)
        self.search_.append(embedded)
        return self

    def forget(self, ids: ArrayLike) -> Self:
        """Take learned images out again, by id; answers are then as if these had not been added to the model.

        What `fit` took from them stays: the classes, the embedding, the factor of the reranker, the calibration
        and what was answered out of fold.

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
            Ascending. Euclidean distances, between embedded images where there is an embedding; where candidates
            are ranked again, square roots of the final distances (`reranking`). Only if `return_distance`.
        ids : int64 ndarray of shape (n, n_neighbors)

        Raises
        ------
        ValueError
            If fewer images were learned than `n_neighbors`.
        """
        check_is_fitted(self)
        k = self.n_neighbors_ if n_neighbors is None else n_neighbors
        _check_count("n_neighbors", k)
        distances, ids = self._all_but_itself(k) if X is None else self._nearest(X, k)
        return (distances, ids) if return_distance else ids

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Say how probable each class is, as training images answered out of fold have shown.

        Parameters
        ----------
        X : array of shape (n, side * side) or (n, side, side)

        Returns
        -------
        probabilities : float64 ndarray of shape (n, n_classes)
            Columns in the order of `classes_`; the largest of each row is unique.
        """
        check_is_fitted(self)
        return np.concatenate(self._in_blocks(X, lambda images: self._probabilities(self._judged(images))))

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

    def credibility(self, X: ArrayLike) -> NDArray[np.float64]:
        """Say how far each image may be a digit at all: a conformal p-value (`confidence.credibility`).

        Parameters
        ----------
        X : array of shape (n, side * side) or (n, side, side)

        Returns
        -------
        p_values : float64 ndarray of shape (n,)
            The share of real digits at least as strange; 0 where an image is blank. It costs as much as an answer;
            `answer` gives both for the price of one.

        Raises
        ------
        ValueError
            If `fit` had too few images for folds, or none were asked for.
        """
        check_is_fitted(self)
        out_of_fold_of(self)
        return self.answer(X).credibility

    def answer(self, X: ArrayLike) -> Answers:
        """Say which digit each image is, how probably, whether it is one at all, and what that rests on.

        Parameters
        ----------
        X : array of shape (n, side * side) or (n, side, side)

        Returns
        -------
        answers : Answers
        """
        check_is_fitted(self)
        found = self._in_blocks(X, self._answered)
        probabilities, p_values, neighbors = (np.concatenate(part) for part in zip(*found, strict=True))
        return Answers(self.classes_[probabilities.argmax(axis=1)], probabilities, p_values, neighbors)

    def explain(self, image: ArrayLike) -> Explanation:
        """Show what the answer for one image rests on, and why it is not the runner-up.

        Parameters
        ----------
        image : array of shape (side * side,), (1, side * side) or (side, side)

        Returns
        -------
        explanation : Explanation
            A notebook shows it as a picture.

        Raises
        ------
        ValueError
            If there is more than one image.
        """
        check_is_fitted(self)
        row = as_pixels(validated(self, one_image(image, self.n_features_in_), dtype="numeric"))
        vector, residuals = self._embed(row)
        judge = self._judge(self.rerank_)
        judged = judge.judge(row, vector)
        return explain(
            Asked(row, vector, judge, self.images_, self.embedding_),
            judged,
            classes=self.classes_,
            probabilities=self._probabilities(judged)[0],
            credibility=float(self._credibility(row, judged, residuals)[0]),
            preset=self.preset,
        )

    # ---- beneath ----

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "rerank_")

    def _checked_preset(self) -> Preset:
        if self.preset not in PRESETS:
            raise ValueError(f"preset must be one of {', '.join(map(repr, PRESETS))}, got {self.preset!r}")
        for name, least in (("n_neighbors", 1), ("n_candidates", 1), ("calibration_folds", 2)):
            if getattr(self, name) is not None:
                _check_count(name, getattr(self, name), least)
        if self.weights is not None and self.weights not in JUDGEMENTS:
            raise ValueError(f"weights must be one of {', '.join(map(repr, JUDGEMENTS))}, got {self.weights!r}")
        return PRESETS[self.preset]

    def _fit_embedding(self, embedding: Any, images: NDArray, codes: NDArray[np.integer]) -> NDArray:
        self.embedding_ = None if embedding is None else clone(embedding)
        self.residuals_: GrowingRows | None = None
        if self.embedding_ is None:
            embedded = images
        else:
            if hasattr(self.embedding_, "set_output"):
                self.embedding_.set_output(transform="default")  # arrays, whatever the user set for all
            if "n_jobs" in self.embedding_.get_params() and self.embedding_.n_jobs is None:
                self.embedding_.set_params(n_jobs=self.n_jobs)
            if isinstance(self.embedding_, DigitEmbedding):
                histograms = self.embedding_.fit_histograms(images, codes)
                embedded = self.embedding_.project(histograms)
                self.residuals_ = GrowingRows(self.embedding_.residuals(histograms))
            else:
                embedded = self.embedding_.fit_transform(images, codes)
        if self.weights_ == "hull" and embedded.dtype != np.int8:
            raise ValueError('weights="hull" needs an embedding of int8 rows, such as DigitEmbedding()')
        return embedded

    def _set_references(self, images: NDArray, codes: NDArray[np.integer], embedded: NDArray) -> None:
        self.images_ = GrowingRows(images)
        self.label_codes_ = GrowingRows(codes.astype(np.int64, copy=False))
        # Without an embedding the images are what is searched: one copy, not two.
        self.search_ = ExactSearch(self.images_ if embedded is images else embedded)

    def _fitted_rerank(self, rerank: DistortionReranker | None, images: NDArray) -> DistortionReranker | None:
        fitted = None if rerank is None else clone(rerank).fit(images)
        if fitted is not None and len(images) > 1:
            self._weigh(fitted, images)
        return fitted

    def _calibrate(
        self,
        images: NDArray,
        codes: NDArray[np.integer],
        rerank: DistortionReranker | None,
        groups: ArrayLike | None,
    ) -> None:
        """Learn from images answered out of fold what answers are worth."""
        self.calibration_, self.out_of_fold_ = Calibration(), None
        judge = self._judge(rerank)
        self.strangeness_scales_ = typical_nearness(
            judge, images, self.search_.references, self.residuals_, self.n_jobs
        )
        folds = folds_for(images, codes, self.calibration_folds, groups)
        if folds is None:
            return
        ids, shares, evidence, strange = answers_out_of_fold(
            images, codes, folds, self.embedding_, judge, self.n_jobs
        )
        if not len(ids):
            return
        n_classes = len(self.classes_)
        self.calibration_ = Calibration.fit(evidence, shares.argmax(axis=1) == codes[ids], n_classes)
        self.out_of_fold_ = OutOfFold(
            ids,
            codes[ids].astype(np.int64),
            self.calibration_.probabilities(shares, evidence),
            strange,
        )

    def _weigh(self, rerank: DistortionReranker, images: NDArray) -> None:
        asked = np.unique(np.linspace(0, len(images) - 1, _N_WEIGHED).astype(int))
        k = min(_NEIGHBORS_WEIGHED, len(images) - 1)
        squared, ids = self.search_.kneighbors(self.search_.references[asked], k + 1, n_jobs=self.n_jobs)
        rerank.weigh(images[asked], *without_itself(squared, ids, asked))

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
            label_codes = GrowingRows(new_code[self.label_codes_.to_array()])
            if self.out_of_fold_ is not None:
                self.out_of_fold_ = self.out_of_fold_.with_classes(new_code, len(accepted))
            # In this order: whoever reads codes before classes has a class for every code.
            self.classes_ = accepted
            self.label_codes_ = label_codes
        return self

    def _embed(self, images: NDArray, *, residuals: bool = True) -> tuple[NDArray, NDArray[np.int8] | None]:
        """Vectors to search with, and what they leave out where that is known and asked for."""
        if self.embedding_ is None:
            return images, None
        if self.residuals_ is None or not residuals:
            return self.embedding_.transform(images), None
        described = self.embedding_.describe(images)
        return self.embedding_.project(described), self.embedding_.residuals(described)

    def _judge(self, rerank: DistortionReranker | None) -> Judge:
        return Judge(
            self.search_,
            self.label_codes_,
            len(self.classes_),
            self.weights_,
            self.n_neighbors_,
            self.n_candidates_,
            rerank,
        )

    def _judged(self, images: NDArray) -> Judged:
        return self._judge(self.rerank_).judge(images, self._embed(images, residuals=False)[0])

    def _probabilities(self, judged: Judged) -> NDArray[np.float64]:
        return self.calibration_.probabilities(judged.shares, judged.evidence)

    def _answered(self, images: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        vectors, residuals = self._embed(images)
        judged = self._judge(self.rerank_).judge(images, vectors)
        return self._probabilities(judged), self._credibility(images, judged, residuals), judged.ids

    def _credibility(
        self, images: NDArray, judged: Judged, residuals: NDArray[np.int8] | None
    ) -> NDArray[np.float64]:
        if self.out_of_fold_ is None:
            return np.full(len(images), np.nan)
        nearest = None if self.residuals_ is None else self.residuals_[judged.ids[:, :N_NEAREST]]
        found = strangeness(nearness(judged.squared, residuals, nearest), self.strangeness_scales_)
        found[images.min(axis=1) == images.max(axis=1)] = np.nan  # blank
        return credibility(found, self.out_of_fold_.strangeness_ascending)

    def _in_blocks(self, X: ArrayLike, function: Callable[[NDArray], Any]) -> list[Any]:
        """Validate images and call the function with blocks of them, in threads."""
        images = as_pixels(validated(self, X, dtype="numeric"))
        blocks = blocks_of(len(images), _IMAGES_AT_ONCE, self.n_jobs, smallest=_FEWEST_IMAGES)
        return map_blocks(lambda block: function(images[block]), blocks, self.n_jobs)

    def _ranked(self, images: NDArray, vectors: NDArray, k: int) -> tuple[NDArray, NDArray[np.int64]]:
        return self._judge(self.rerank_).ranked(images, vectors, k)

    def _nearest(self, X: ArrayLike, k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        found = self._in_blocks(X, lambda images: self._ranked(images, self._embed(images, residuals=False)[0], k))
        return np.sqrt(np.concatenate([d for d, _ in found])), np.concatenate([ids for _, ids in found])

    def _all_but_itself(self, k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        known = np.setdiff1d(np.arange(len(self.search_.references)), self.search_.forgotten)
        if len(known) <= k:
            raise ValueError(
                f"Expected n_neighbors < n_samples_fit, but n_neighbors = {k}, n_samples_fit = {len(known)}"
            )
        vectors = self.search_.references

        def ranked(block: slice) -> tuple[NDArray, NDArray[np.int64]]:
            ids = known[block]
            return self._ranked(self.images_[ids], vectors[ids], k + 1)

        found = map_blocks(ranked, blocks_of(len(known), _IMAGES_AT_ONCE, self.n_jobs), self.n_jobs)
        squared, ids = (np.concatenate(part) for part in zip(*found, strict=True))
        squared, ids = without_itself(squared, ids, known)
        return np.sqrt(squared), ids


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


def _check_known(labels: ArrayLike, classes: NDArray) -> None:
    labels = np.asarray(labels).ravel()
    unknown = labels[~np.isin(labels, classes)]
    if len(unknown):
        raise ValueError(
            f"label {unknown[0]} is none of the classes known ({', '.join(map(str, classes))}): "
            "pass classes=[...] with it to add a class"
        )


def _check_count(name: str, count: object, least: int = 1) -> None:
    if isinstance(count, bool) or not isinstance(count, int | np.integer):
        raise TypeError(f"{name} must be an integer, got {count!r}")
    if count < least:
        raise ValueError(f"{name} must be at least {least}, got {count}")
