"""The test images answered, and timed: by the tuned plain k-NN, by a preset, by some of a preset's stages.

Kernels compile when they are first used, and only contested images reach the last stages; `warm_up` sees to it
that no time told is that of a compiler.
"""

from __future__ import annotations

import time
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knn_digits.classifier import KNNDigitClassifier
from knn_digits.experiment_data import ExperimentData
from knn_digits.judging import Judgement
from knn_digits.neighbors import vote
from knn_digits.progress import Advance, Progress
from knn_digits.tuning import EMBEDDING_OF_METRIC, Choice, Tuning

__all__ = [
    "Answered",
    "answer_by_preset",
    "answer_by_tuned",
    "answer_in_batches",
    "answering_by",
    "candidates_of",
    "contested",
    "neighbors_in_batches",
    "warm_up",
]

BATCH = 2048  # queries of one call, so that progress can be told; it changes no answer
_CALIBRATION_FOLDS = 5  # as a classifier has by default
_FEW = 16  # images of a warm-up


@dataclass(frozen=True)
class Answered:
    """The test images as one model answers them, and what that took.

    Attributes
    ----------
    name : str
        For people.
    model : KNNDigitClassifier
        Fitted on all training images.
    probabilities : float64 ndarray of shape (n_test, n_classes)
    fit_seconds, predict_seconds : float
    candidates : int64 ndarray of shape (n_test, c), optional
        Ids of the images whose classes were judged, where those are not the neighbors that vote.
    """

    name: str
    model: KNNDigitClassifier
    probabilities: NDArray[np.float64]
    fit_seconds: float
    predict_seconds: float
    candidates: NDArray[np.int64] | None = None

    @property
    def answers(self) -> NDArray:
        """The class of the largest probability, image by image."""
        return self.model.classes_[self.probabilities.argmax(axis=1)]


def answer_by_tuned(
    data: ExperimentData, tuning: Tuning, n_jobs: int | None, told: Progress, *, calibrate: bool
) -> tuple[Answered, NDArray]:
    """Fit the plain k-NN of the lowest cross-validated error, and answer with it.

    Parameters
    ----------
    data : ExperimentData
    tuning : Tuning
    n_jobs : int, optional
    told : Progress
    calibrate : bool
        Whether probabilities are wanted, too, which takes answers out of fold.

    Returns
    -------
    tuned : Answered
    simplest : ndarray of shape (n_test,)
        Answers of the setting chosen by one standard error, from the same table of neighbors.
    """
    choice, simplest, rows = tuning.best, tuning.one_standard_error, data.test.rows
    start = time.perf_counter()
    model = KNNDigitClassifier(
        "pixels",
        embedding=EMBEDDING_OF_METRIC[choice.metric],
        n_neighbors=choice.n_neighbors,
        weights=choice.weights,
        calibration_folds=_CALIBRATION_FOLDS if calibrate else None,
        n_jobs=n_jobs,
    ).fit(data.train.rows, data.train.labels, groups=data.groups)
    fitted = time.perf_counter()
    n_neighbors = max(choice.n_neighbors, simplest.n_neighbors)
    with told.step("Evaluate: the tuned k-NN on the test images", len(rows)) as advance:
        distances, ids = neighbors_in_batches(model, rows, n_neighbors, advance)
        codes = model.label_codes_[ids]
        probabilities = _vote_as(choice, codes, distances, data.n_classes)
        answered = time.perf_counter()
    tuned = Answered(f"tuned: {choice}", model, probabilities, fitted - start, answered - fitted)
    return tuned, data.classes[_vote_as(simplest, codes, distances, data.n_classes).argmax(axis=1)]


def _vote_as(choice: Choice, codes: NDArray, distances: NDArray, n_classes: int) -> NDArray[np.float64]:
    k = choice.n_neighbors
    return vote(codes[:, :k], distances[:, :k], n_classes, choice.weights)


def answer_by_preset(data: ExperimentData, preset: str, n_jobs: int | None, told: Progress) -> Answered:
    """Fit a preset, as it is, on all training images, and answer with it."""
    rows = data.test.rows
    with told.step(f"Evaluate: fit the {preset} preset"):
        start = time.perf_counter()
        model = KNNDigitClassifier(preset, n_jobs=n_jobs).fit(
            data.train.rows, data.train.labels, groups=data.groups
        )
        fit_seconds = time.perf_counter() - start
    candidates = None
    if model.weights_ == "hull":
        with told.step("Evaluate: candidates of every test image", len(rows)) as advance:
            candidates = candidates_of(model, rows, advance)
    warm_up(model, rows, candidates)
    with told.step(f"Evaluate: the {preset} preset on the test images", len(rows)) as advance:
        probabilities, seconds = answer_in_batches(model, rows, advance)
    return Answered(f"{preset} preset", model, probabilities, fit_seconds, seconds, candidates)


def answering_by(
    model: KNNDigitClassifier,
    *,
    weights: Judgement | None = None,
    n_neighbors: int | None = None,
    rerank: bool = True,
) -> KNNDigitClassifier:
    """Lend what a model learned to another that judges by other settings; nothing is fitted or copied.

    It is for asking only: whatever one of the two learned or forgot would change the other.

    Parameters
    ----------
    model : KNNDigitClassifier
        Fitted.
    weights, n_neighbors : as in `KNNDigitClassifier`
        Left out: as in `model`.
    rerank : bool
        False leaves the second look at the candidates out.
    """
    other = copy(model)
    other.weights_ = model.weights_ if weights is None else weights
    other.n_neighbors_ = model.n_neighbors_ if n_neighbors is None else n_neighbors
    other.rerank_ = model.rerank_ if rerank else None
    return other


def candidates_of(model: KNNDigitClassifier, rows: NDArray, advance: Advance) -> NDArray[np.int64]:
    """Find the images whose classes a model by local hulls judges: the nearest vectors, as ids."""
    searching = answering_by(model, weights="uniform", rerank=False)
    n_candidates = min(model.n_candidates_ or model.n_neighbors_, len(model.search_))
    return neighbors_in_batches(searching, rows, n_candidates, advance)[1]


def contested(model: KNNDigitClassifier, candidates: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say of which images more than one class is among the candidates."""
    codes = model.label_codes_[candidates]
    return (codes != codes[:, :1]).any(axis=1)


def warm_up(model: KNNDigitClassifier, rows: NDArray, candidates: NDArray[np.int64] | None) -> None:
    """Answer a handful of images, contested ones where there are such, so that all kernels are compiled."""
    few = np.arange(len(rows))[:_FEW]
    if candidates is not None:
        few = np.append(few, np.flatnonzero(contested(model, candidates))[:_FEW])
    model.predict_proba(rows[few])


def answer_in_batches(
    model: KNNDigitClassifier, rows: NDArray, advance: Advance
) -> tuple[NDArray[np.float64], float]:
    """`model.predict_proba`, telling progress: probabilities, and the seconds they took."""
    start = time.perf_counter()
    found = []
    for first in range(0, len(rows), BATCH):
        found.append(model.predict_proba(rows[first : first + BATCH]))
        advance(len(found[-1]))
    return np.concatenate(found), time.perf_counter() - start


def neighbors_in_batches(
    model: KNNDigitClassifier, rows: NDArray, n_neighbors: int, advance: Advance
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """`model.kneighbors`, telling progress: distances and ids."""
    found = []
    for first in range(0, len(rows), BATCH):
        found.append(model.kneighbors(rows[first : first + BATCH], n_neighbors))
        advance(len(found[-1][0]))
    return np.concatenate([d for d, _ in found]), np.concatenate([ids for _, ids in found])
