"""Training images answered out of fold: each by a judge that knows neither it, nor its copies, nor its writer.

For every fold the embedding is learned anew from the other folds. What it describes images by before it learns
anything, and what a reranker compares, stay the same and are made once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from knn_digits.confidence.credibility import N_NEAREST, mean_squared_distances, strangeness
from knn_digits.confidence.evidence import COLUMNS
from knn_digits.features import DigitEmbedding
from knn_digits.folds import checked_groups, make_folds
from knn_digits.judging import Judge, without_itself
from knn_digits.neighbors import ExactSearch, GrowingRows
from knn_digits.threads import blocks_of, map_blocks

__all__ = ["answers_out_of_fold", "folds_for", "nearness", "typical_nearness"]

_IMAGES_AT_ONCE = 1024
# Comparing long rows, such as pixels, is slow: of each fold so many are asked about.
_ASKED_OF_PIXELS = 4000

_TYPICAL = 1000  # references that say what is typical

_Vectors = tuple[NDArray, NDArray[np.int8] | None]  # of all images: what is searched, and the residuals


def folds_for(
    images: NDArray, codes: NDArray[np.integer], n_folds: int | None, groups: ArrayLike | None
) -> NDArray[np.int64] | None:
    """Cut training images into folds; None where there are too few images for two.

    Parameters
    ----------
    images : ndarray of shape (n, d)
    codes : integer ndarray of shape (n,)
    n_folds : int or None
        None: no folds.
    groups : array of shape (n,), optional
        Writer of each image. Copies of one image stay together in any case.

    Returns
    -------
    folds : int64 ndarray of shape (n,) or None
        From 0; -1 for images of classes with fewer different images than there are folds, which are references
        always and never asked about. Where all classes are so small, there are fewer folds.

    Raises
    ------
    ValueError
        If groups are not one label an image, or all the same.
    """
    if groups is not None:
        groups = checked_groups(groups, len(images))
    if n_folds is None:
        return None
    first, copy_of = _copies(images)
    counts = np.bincount(codes[first])
    large = counts >= min(n_folds, counts.max())
    if counts.max() < 2:
        return None
    folds = np.full(len(images), -1, np.int64)
    if groups is None:
        asked = large[codes[first]]
        of_first = np.full(len(first), -1, np.int64)
        of_first[asked] = make_folds(codes[first][asked], n_folds=n_folds)
        return of_first[copy_of]
    asked = large[codes]
    folds[asked] = make_folds(codes[asked], n_folds=n_folds, groups=_joined(groups, copy_of)[asked])
    return folds


def answers_out_of_fold(
    images: NDArray,
    codes: NDArray[np.integer],
    folds: NDArray[np.int64],
    embedding: Any,
    judge: Judge,
    n_jobs: int | None,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Answer training images by judges of the other folds.

    Parameters
    ----------
    images : ndarray of shape (n, d)
    codes, folds : ndarrays of shape (n,)
    embedding : transformer or None
        Fitted on all; a clone of it is fitted for each fold.
    judge : Judge
        The judge of all; only its search is another in each fold.
    n_jobs : int, optional

    Returns
    -------
    ids : int64 ndarray of shape (m,)
        Images that were asked about, ascending.
    shares : float64 ndarray of shape (m, n_classes)
    evidence : float64 ndarray of shape (m, 5)
    strangeness : float64 ndarray of shape (m,)
    """
    vectors_of = _learner(embedding, images, codes, n_jobs)
    parts = []
    for held_out in _held_out(folds, judge, everything=isinstance(embedding, DigitEmbedding)):
        vectors, residuals = vectors_of(folds != folds[held_out[0]])
        of_fold = replace(judge, search=ExactSearch(vectors).without(folds == folds[held_out[0]]))
        scales = typical_nearness(of_fold, images, vectors, residuals, n_jobs)
        asked = blocks_of(len(held_out), _IMAGES_AT_ONCE, n_jobs)
        found = map_blocks(_answerer(of_fold, images, vectors, residuals, held_out, scales), asked, n_jobs)
        parts.append((held_out, *(np.concatenate(part) for part in zip(*found, strict=True))))
    if not parts:
        return np.empty(0, np.int64), np.empty((0, judge.n_classes)), np.empty((0, len(COLUMNS))), np.empty(0)
    ids, *rest = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(ids)
    shares, evidence, strange = (part[order] for part in rest)
    return ids[order], shares, evidence, strange


def nearness(
    squared: NDArray, residuals: NDArray[np.int8] | None, nearest_residuals: NDArray[np.int8] | None
) -> NDArray[np.float64]:
    """Average squared distances from the 5 nearest references: of vectors, and of residuals where there are some.

    Parameters
    ----------
    squared : ndarray of shape (n, m)
        Squared distances of the vectors, ascending.
    residuals : int8 ndarray of shape (n, d), optional
    nearest_residuals : int8 ndarray of shape (n, 5, d), optional

    Returns
    -------
    means : float64 ndarray of shape (n, 2)
    """
    means = np.zeros((len(squared), 2))
    means[:, 0] = squared[:, :N_NEAREST].mean(axis=1)
    if residuals is not None and nearest_residuals is not None:
        means[:, 1] = mean_squared_distances(residuals, nearest_residuals)
    return means


def typical_nearness(
    judge: Judge,
    images: NDArray,
    vectors: NDArray | GrowingRows,
    residuals: NDArray[np.int8] | GrowingRows | None,
    n_jobs: int | None,
) -> tuple[float, float]:
    """Average the nearness of some of a judge's own references, each left out while it is asked about.

    Vectors of two folds are not of one scale: relative to this, distances among them can be compared.
    """
    known = np.setdiff1d(np.arange(len(vectors)), judge.search.forgotten)
    if len(known) < 2:
        return 1.0, 1.0
    asked = known[np.unique(np.linspace(0, len(known) - 1, _TYPICAL).astype(int))]
    k = min(N_NEAREST + 1, len(known))

    def near_itself(block: slice) -> NDArray[np.float64]:
        own = asked[block]
        squared, ids = without_itself(*judge.nearest(images[own], vectors[own], k), own)
        if residuals is None:
            return nearness(squared, None, None)
        return nearness(squared, residuals[own], residuals[ids])

    found = map_blocks(near_itself, blocks_of(len(asked), _IMAGES_AT_ONCE, n_jobs), n_jobs)
    of_vectors, of_residuals = np.concatenate(found).mean(axis=0).tolist()
    return of_vectors, of_residuals


def _copies(images: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the different images, and for each image which of these it is."""
    rows = np.ascontiguousarray(images)
    _, first, copy_of = np.unique(
        rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel(),
        return_index=True,
        return_inverse=True,
    )
    return first, copy_of


def _joined(groups: NDArray, copy_of: NDArray[np.int64]) -> NDArray[np.int64]:
    """Make one group of groups that share a copy of an image."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    writers = np.unique(groups, return_inverse=True)[1]
    n = len(groups)
    # Images, between which there is a way over a writer or over a copy.
    links = (np.concatenate([writers, writers.max() + 1 + copy_of]), np.tile(np.arange(n), 2))
    n_nodes = n + int(links[0].max()) + 1
    graph = coo_array((np.ones(2 * n, np.int8), (links[0] + n, links[1])), shape=(n_nodes, n_nodes))
    return connected_components(graph, directed=False)[1][:n].astype(np.int64)


def _held_out(folds: NDArray[np.int64], judge: Judge, *, everything: bool) -> Iterator[NDArray[np.int64]]:
    """The images of each fold that are asked about, where enough others remain to judge by."""
    for fold in range(folds.max() + 1):
        members = np.flatnonzero(folds == fold)
        n_others = len(folds) - len(members)
        if judge.weights != "hull" and n_others < judge.n_neighbors:
            continue
        if not everything and len(members) > _ASKED_OF_PIXELS:
            members = members[np.linspace(0, len(members) - 1, _ASKED_OF_PIXELS).astype(int)]
        yield members


def _learner(
    embedding: Any, images: NDArray, codes: NDArray[np.integer], n_jobs: int | None
) -> Callable[[NDArray[np.bool_]], _Vectors]:
    """Return what learns an embedding from some images, and embeds all of them."""
    if embedding is None:
        return lambda _: (images, None)
    if not isinstance(embedding, DigitEmbedding):
        return lambda known: (clone(embedding).fit(images[known], codes[known]).transform(images), None)
    blocks = blocks_of(len(images), _IMAGES_AT_ONCE, n_jobs)
    described = np.concatenate(map_blocks(lambda block: embedding.describe(images[block]), blocks, n_jobs))

    def learn(known: NDArray[np.bool_]) -> _Vectors:
        learned = clone(embedding).fit_described(described[known], codes[known])
        return learned.project(described), learned.residuals(described)

    return learn


def _answerer(
    judge: Judge,
    images: NDArray,
    vectors: NDArray,
    residuals: NDArray[np.int8] | None,
    held_out: NDArray[np.int64],
    scales: tuple[float, float],
) -> Callable[[slice], tuple[NDArray, NDArray, NDArray]]:
    def answer(block: slice) -> tuple[NDArray, NDArray, NDArray]:
        asked = held_out[block]
        judged = judge.judge(images[asked], vectors[asked])
        own, nearest = (None, None) if residuals is None else (residuals[asked], judged.ids[:, :N_NEAREST])
        near = nearness(judged.squared, own, None if residuals is None else residuals[nearest])
        return judged.shares, judged.evidence, strangeness(near, scales)

    return answer
