"""The textbook baseline: scikit-learn's k-NN on the pixels, called directly, and where ours differs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.progress import Advance

__all__ = ["Baseline", "Difference", "differences", "run_scikit_learn"]

_BATCH = 2000  # queries of one call, so that progress can be told; it changes no answer


@dataclass(frozen=True)
class Baseline:
    """Answers of one classifier and what they cost.

    Attributes
    ----------
    name : str
    n_neighbors : int
    answers : ndarray of shape (n_test,)
    fit_seconds, predict_seconds : float
    """

    name: str
    n_neighbors: int
    answers: NDArray
    fit_seconds: float
    predict_seconds: float


@dataclass(frozen=True)
class Difference:
    """A test image that scikit-learn and the `pixels` preset answer differently, and why.

    Attributes
    ----------
    test : int
        Position of the image.
    scikit_learn, ours : label
        The two answers.
    reason : {"tied votes", "tied distances", "unexplained"}
        Classes with equally many votes; or several references at the distance of the k-th neighbor, of which
        the two take different ones. "unexplained" would be an error in one of the two.
    """

    test: int
    scikit_learn: Any
    ours: Any
    reason: str


def run_scikit_learn(
    n_neighbors: int | None, train: NDArray, labels: NDArray, test: NDArray, advance: Advance
) -> Baseline:
    """Fit and predict with ``KNeighborsClassifier``; None leaves every parameter at its default (k = 5).

    The pixels are passed as float32, which holds 0..255 exactly and takes scikit-learn's fast road.

    Parameters
    ----------
    n_neighbors : int or None
    train, test : uint8 ndarray of shape (n, d)
    labels : ndarray of shape (n_train,)
    advance : callable
        Told the number of test images just answered.
    """
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier() if n_neighbors is None else KNeighborsClassifier(n_neighbors=n_neighbors)
    train, test = train.astype(np.float32), test.astype(np.float32)
    start = time.perf_counter()
    model.fit(train, labels)
    fitted = time.perf_counter()
    answers = []
    for first in range(0, len(test), _BATCH):
        answers.append(model.predict(test[first : first + _BATCH]))
        advance(len(answers[-1]))
    k = model.n_neighbors
    name = f"scikit-learn, k = {k}" + (" (defaults)" if n_neighbors is None else "")
    return Baseline(name, k, np.concatenate(answers), fitted - start, time.perf_counter() - fitted)


def differences(
    scikit_learn: NDArray, ours: NDArray, neighbor_labels: NDArray, distances: NDArray, k: int
) -> list[Difference]:
    """Explain every test image that the two answer differently.

    Parameters
    ----------
    scikit_learn, ours : ndarray of shape (n,)
        Answers for the same k.
    neighbor_labels, distances : ndarray of shape (n, more than k)
        Exact neighbors, nearest first, so that a tie at the k-th can be seen.
    k : int
    """
    found = []
    for i in np.flatnonzero(scikit_learn != ours):
        votes = np.unique(neighbor_labels[i, :k], return_counts=True)[1]
        if distances[i, k - 1] == distances[i, k]:
            reason = "tied distances"
        elif np.count_nonzero(votes == votes.max()) > 1:
            reason = "tied votes"
        else:
            reason = "unexplained"
        found.append(Difference(int(i), scikit_learn[i].item(), ours[i].item(), reason))
    return found
