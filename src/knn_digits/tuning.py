"""Choosing k, the weights and the metric by cross-validation, on training images only.

One table of neighbors a metric serves every k and both weights: an image's neighbors among the other folds
are found once, and the votes of the nearest 1, 2, ... k counted as they come. Nothing is fitted once per k.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import TransformerMixin, clone
from sklearn.neighbors import NearestNeighbors

from knn_digits.features import CosineEmbedding
from knn_digits.neighbors import WEIGHTS, ExactSearch, votes_for_each_k
from knn_digits.neighbors.voting import Weights

__all__ = [
    "EMBEDDING_OF_METRIC",
    "Choice",
    "NeighborTable",
    "Tuning",
    "compare_metrics",
    "neighbor_table",
    "tune",
]

# Cosine neighbors are Euclidean neighbors between rows of one length.
EMBEDDING_OF_METRIC: Mapping[str, TransformerMixin | None] = {
    "euclidean": None,
    "cosine": CosineEmbedding(),
}


@dataclass(frozen=True)
class NeighborTable:
    """The nearest images of every training image among the folds it is not in.

    Attributes
    ----------
    distances : float64 ndarray of shape (n, k)
        Ascending along each row.
    label_codes : int64 ndarray of shape (n, k)
        Class numbers of the neighbors.
    seconds : float
        What finding them took.
    """

    distances: NDArray[np.float64]
    label_codes: NDArray[np.int64]
    seconds: float


@dataclass(frozen=True)
class Choice:
    """One setting and its cross-validated error.

    Attributes
    ----------
    metric : {"euclidean", "cosine"}
    weights : {"uniform", "distance"}
    n_neighbors : int
    fold_error_rates : tuple of float
        Share of errors in each fold.
    vote_seconds : float
        Time the votes of all training images took, beyond that of k - 1; finding neighbors not included.
    """

    metric: str
    weights: Weights
    n_neighbors: int
    fold_error_rates: tuple[float, ...]
    vote_seconds: float

    @property
    def error_rate(self) -> float:
        """Mean over the folds."""
        return float(np.mean(self.fold_error_rates))

    @property
    def standard_error(self) -> float:
        """Standard error of that mean, from the spread of the folds."""
        return float(np.std(self.fold_error_rates, ddof=1) / np.sqrt(len(self.fold_error_rates)))

    def __str__(self) -> str:
        return f"{self.metric}, k = {self.n_neighbors}, {self.weights} weights"

    def as_json(self) -> dict[str, Any]:
        """Fields of a point of the curve in ``results.json``."""
        return {
            "metric": self.metric,
            "weights": self.weights,
            "n_neighbors": self.n_neighbors,
            "error_rate": self.error_rate,
            "standard_error": self.standard_error,
            "fold_error_rates": list(self.fold_error_rates),
            "vote_s": self.vote_seconds,
        }


@dataclass(frozen=True)
class Tuning:
    """Every setting tried, and what was learned from them.

    Attributes
    ----------
    curve : tuple of Choice
        By metric, weights and k.
    search_seconds : dict of str to float
        Time the neighbor table of each metric took.
    """

    curve: tuple[Choice, ...]
    search_seconds: dict[str, float]

    @property
    def best(self) -> Choice:
        """The setting of lowest error; of equals the simpler, with more neighbors."""
        return min(self.curve, key=lambda choice: (choice.error_rate, -choice.n_neighbors))

    @property
    def one_standard_error(self) -> Choice:
        """The simplest setting, of the largest k, within one standard error of the best one.

        Metric and weights are those of the best. The rule is that of Breiman et al., Classification and
        Regression Trees, 1984, section 3.4.3.
        """
        best = self.best
        limit = best.error_rate + best.standard_error
        family = [c for c in self.curve if (c.metric, c.weights) == (best.metric, best.weights)]
        return max((c for c in family if c.error_rate <= limit), key=lambda choice: choice.n_neighbors)


def neighbor_table(
    images: NDArray,
    label_codes: NDArray[np.integer],
    folds: NDArray[np.integer],
    n_neighbors: int,
    *,
    embedding: TransformerMixin | None = None,
    n_jobs: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> NeighborTable:
    """Find every image's neighbors among the images of the other folds.

    Parameters
    ----------
    images : ndarray of shape (n, d)
    label_codes : integer ndarray of shape (n,)
    folds : integer ndarray of shape (n,)
    n_neighbors : int
        Lowered to the smallest number of images outside a fold.
    embedding : transformer, optional
        Fitted anew on the other folds, each time.
    n_jobs, progress : as in `ExactSearch.kneighbors`
    """
    start = time.perf_counter()
    n_neighbors = min(n_neighbors, len(folds) - int(np.bincount(folds).max()))
    distances = np.empty((len(images), n_neighbors))
    codes = np.empty((len(images), n_neighbors), np.int64)
    for fold in np.unique(folds):
        inside = folds == fold
        references, queries = images[~inside], images[inside]
        if embedding is not None:
            fitted = clone(embedding).fit(references, label_codes[~inside])
            references, queries = fitted.transform(references), fitted.transform(queries)
        squared, ids = ExactSearch(references).kneighbors(queries, n_neighbors, n_jobs=n_jobs, progress=progress)
        distances[inside], codes[inside] = np.sqrt(squared), label_codes[~inside][ids]
    return NeighborTable(distances, codes, time.perf_counter() - start)


def tune(
    images: NDArray,
    labels: ArrayLike,
    folds: NDArray[np.integer],
    *,
    max_neighbors: int = 25,
    n_jobs: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Tuning:
    """Cross-validate every k up to a largest, uniform and distance weights, Euclidean and cosine distance.

    Parameters
    ----------
    images : ndarray of shape (n, d)
        Training images.
    labels : array of shape (n,)
    folds : integer ndarray of shape (n,)
        From `make_folds`.
    max_neighbors : int
    n_jobs, progress : as in `ExactSearch.kneighbors`; progress counts n queries a metric
    """
    classes, label_codes = np.unique(np.asarray(labels), return_inverse=True)
    curve: list[Choice] = []
    search_seconds: dict[str, float] = {}
    for metric, embedding in EMBEDDING_OF_METRIC.items():
        table = neighbor_table(
            images, label_codes, folds, max_neighbors, embedding=embedding, n_jobs=n_jobs, progress=progress
        )
        search_seconds[metric] = table.seconds
        for weights in WEIGHTS:
            curve += _curve(table, label_codes, folds, len(classes), metric, weights)
    return Tuning(tuple(curve), search_seconds)


def _curve(
    table: NeighborTable,
    label_codes: NDArray[np.integer],
    folds: NDArray[np.integer],
    n_classes: int,
    metric: str,
    weights: Weights,
) -> list[Choice]:
    """Count the errors of every k, fold by fold."""
    fold_sizes = np.bincount(folds)
    points = []
    start = time.perf_counter()
    all_votes = votes_for_each_k(table.label_codes, table.distances, n_classes, weights)
    for k, probabilities in enumerate(all_votes, start=1):
        wrong = probabilities.argmax(axis=1) != label_codes
        rates = np.bincount(folds, weights=wrong) / fold_sizes
        now = time.perf_counter()
        points.append(Choice(metric, weights, k, tuple(map(float, rates)), now - start))
        start = now
    return points


def compare_metrics(
    images: NDArray,
    labels: ArrayLike,
    folds: NDArray[np.integer],
    *,
    n_queries: int,
    n_references: int,
    max_neighbors: int = 25,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: Callable[[int], object] = lambda done: None,
) -> dict[str, Any]:
    """Compare Manhattan distance, too slow for all images, with the others on one small subset.

    Parameters
    ----------
    images, labels, folds : as in `tune`
    n_queries, n_references : int
        Most images drawn from the first fold to ask about, and from the other folds to look among.
    max_neighbors, n_jobs : as in `tune`
    seed : int
        Of the draw.
    progress : callable
        Told of every metric done.

    Returns
    -------
    comparison : dict
        ``n_queries``, ``n_references``, and ``metrics``: for each ``metric``, the ``error_rates`` of
        k = 1, 2, ... with one vote a neighbor, and ``seconds``.
    """
    rng = np.random.default_rng(seed)
    classes, label_codes = np.unique(np.asarray(labels), return_inverse=True)
    inside, outside = np.flatnonzero(folds == 0), np.flatnonzero(folds != 0)
    asked = rng.choice(inside, min(n_queries, len(inside)), replace=False)
    among = rng.choice(outside, min(n_references, len(outside)), replace=False)
    k = min(max_neighbors, len(among))
    rows = []
    for metric in (*EMBEDDING_OF_METRIC, "manhattan"):
        start = time.perf_counter()
        distances, ids = _neighbors_by(metric, images[asked], images[among], k, n_jobs)
        seconds = time.perf_counter() - start
        votes = votes_for_each_k(label_codes[among][ids], distances, len(classes))
        error_rates = [float((p.argmax(axis=1) != label_codes[asked]).mean()) for p in votes]
        rows.append({"metric": metric, "error_rates": error_rates, "seconds": seconds})
        progress(1)
    return {"n_queries": len(asked), "n_references": len(among), "metrics": rows}


def _neighbors_by(
    metric: str, queries: NDArray, references: NDArray, k: int, n_jobs: int | None
) -> tuple[NDArray, NDArray]:
    """Find neighbors by our search, or by scikit-learn's for the metric that ours does not know."""
    if metric == "manhattan":
        search = NearestNeighbors(n_neighbors=k, metric=metric, algorithm="brute", n_jobs=n_jobs)
        distances, ids = search.fit(references.astype(np.float32)).kneighbors(queries.astype(np.float32))
        return distances, ids
    embedding = EMBEDDING_OF_METRIC[metric]
    if embedding is not None:
        fitted = clone(embedding).fit(references)
        references, queries = fitted.transform(references), fitted.transform(queries)
    squared, ids = ExactSearch(references).kneighbors(queries, k, n_jobs=n_jobs)
    return np.sqrt(squared), ids
