"""The judge: from an image's vector to its nearest references, shares of the classes, and evidence for the answer.

It holds no images of its own and learns nothing. The recognizer's judge sees all references; the judges of its
folds (`calibrating`) see the same references but for those held out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from knn_digits.confidence import evidence_of_scores, evidence_of_votes
from knn_digits.neighbors import ExactSearch, GrowingRows, hull_scores, shares_of_scores, vote
from knn_digits.neighbors.voting import Weights
from knn_digits.reranking import DistortionReranker

__all__ = ["JUDGEMENTS", "Judge", "Judged", "Judgement", "without_itself"]

Judgement = Literal[Weights, "hull"]
JUDGEMENTS: tuple[str, ...] = (*get_args(Weights), "hull")

# Neighbors looked at beside those that vote, to see how near another class comes. Those ranked by distortion
# are fewer, as each costs time.
_LOOKED_AT, _LOOKED_AT_AGAIN = 30, 10


@dataclass(frozen=True, eq=False)
class Judged:
    """What a judge found for n images.

    Attributes
    ----------
    shares : float64 ndarray of shape (n, n_classes)
        Raw shares of the classes; the largest of each row is the answer, and unique.
    evidence : float64 ndarray of shape (n, 5)
        What speaks for it (`confidence.evidence`).
    squared : ndarray of shape (n, m)
        Distances of the nearest references, ascending: squared ones of their vectors or, of a vote after
        re-ranking, the final ones that it was held by.
    ids : int64 ndarray of shape (n, m)
        Which these are.
    """

    shares: NDArray[np.float64]
    evidence: NDArray[np.float64]
    squared: NDArray
    ids: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Judge:
    """A search, what its references are labelled with, and how to judge by them.

    Attributes
    ----------
    search : ExactSearch
    label_codes : GrowingRows
        Class of every reference, by id.
    n_classes : int
    weights, n_neighbors, n_candidates, rerank : as in `KNNDigitClassifier`
    """

    search: ExactSearch
    label_codes: GrowingRows
    n_classes: int
    weights: Judgement
    n_neighbors: int
    n_candidates: int | None
    rerank: DistortionReranker | None

    def judge(self, images: NDArray, vectors: NDArray) -> Judged:
        """Judge images by their vectors; both of n rows."""
        return self._by_hulls(images, vectors) if self.weights == "hull" else self._by_vote(images, vectors)

    def nearest(self, images: NDArray, vectors: NDArray, k: int) -> tuple[NDArray, NDArray[np.int64]]:
        """The k nearest by the distance that `judge` tells of: squared or final distances, and ids."""
        return self.search.kneighbors(vectors, k) if self.weights == "hull" else self.ranked(images, vectors, k)

    def ranked(self, images: NDArray, vectors: NDArray, k: int) -> tuple[NDArray, NDArray[np.int64]]:
        """The k nearest by final distance: squared or final distances, and ids."""
        if self.rerank is None:
            return self.search.kneighbors(vectors, k)
        squared, ids = self.search.kneighbors(vectors, max(k, self._n_candidates()))
        distances = self.rerank.distances(images, squared, ids, k)
        order = np.lexsort((-ids, distances))[:, :k]
        return np.take_along_axis(distances, order, axis=1), np.take_along_axis(ids, order, axis=1)

    def _n_candidates(self) -> int:
        return min(self.n_candidates or self.n_neighbors, len(self.search))

    def _by_vote(self, images: NDArray, vectors: NDArray) -> Judged:
        k, looked_at = self.n_neighbors, _LOOKED_AT if self.rerank is None else _LOOKED_AT_AGAIN
        squared, ids = self.ranked(images, vectors, max(k, min(looked_at, len(self.search))))
        codes = self.label_codes[ids]
        weights: Any = self.weights
        shares = vote(codes[:, :k], np.sqrt(squared[:, :k]), self.n_classes, weights)
        return Judged(shares, evidence_of_votes(shares, codes, squared), squared, ids)

    def _by_hulls(self, images: NDArray, vectors: NDArray) -> Judged:
        """Score the classes among the candidates; where there is but one, it is the answer."""
        squared, ids = self.search.kneighbors(vectors, self._n_candidates())
        codes = self.label_codes[ids]
        scores = np.full((len(vectors), self.n_classes), np.inf)
        contested = (codes != codes[:, :1]).any(axis=1)
        scores[~contested, codes[~contested, 0]] = 0
        if contested.any():
            scores[contested] = self.class_scores(
                images[contested], vectors[contested], ids[contested], codes[contested]
            )
        return Judged(shares_of_scores(scores, codes), evidence_of_scores(scores, squared), squared, ids)

    def class_scores(
        self, images: NDArray, vectors: NDArray, ids: NDArray[np.int64], codes: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Score each class among the candidates, the smaller the better: by its hull, and by its distortion."""
        among = self.search.references, ids, codes, self.n_classes
        if self.rerank is None:
            return hull_scores(vectors, *among, n_neighbors=self.n_neighbors)
        distorted = self.rerank.class_scores(images, ids, codes, self.n_classes)
        if self.rerank.weight is None:
            return distorted
        return distorted + hull_scores(vectors, *among, n_neighbors=self.n_neighbors)


def without_itself(
    distances: NDArray, ids: NDArray[np.int64], own: NDArray[np.integer]
) -> tuple[NDArray, NDArray[np.int64]]:
    """Take each row's own id out of its neighbors, one column fewer."""
    itself = ids == own[:, None]
    # Among more twins than were asked for an image may not find itself; then the last neighbor goes instead.
    itself[~itself.any(axis=1), -1] = True
    shape = (len(ids), ids.shape[1] - 1)
    return distances[~itself].reshape(shape), ids[~itself].reshape(shape)
