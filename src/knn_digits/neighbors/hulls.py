"""Class scores by local hulls: how near a query lies to what its nearest neighbors of a class span.

A class is seldom sampled densely where a query falls, but between its nearest members more of the same class
lies. A query is therefore compared with the affine hull of its nearest members of each class: with
``center + sum_j a_j (member_j - center)``, where large coefficients cost::

    score = min over a of |query - hull(a)|^2 + ridge * spread * |a|^2

``spread`` is the members' mean squared distance from their center. It is never more than the squared
distance to the nearest member, so that an image just learned scores 0. (P. Vincent, Y. Bengio, K-local
hyperplane and convex distance nearest neighbor algorithms, NIPS 2001.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from knn_digits.arrays import read_only
from knn_digits.kernels import use_kernels
from knn_digits.neighbors.growing import GrowingRows

__all__ = ["RIDGE", "hull_score", "hull_scores"]

# Of 0.1 to 10 the middle of those that made the fewest errors on folds of MNIST's training images.
RIDGE = 3.0
# A score is rounded to this part of one: no trace of the order of summation is left.
_GRAIN = 1 / 64


def hull_score(query: NDArray[np.int8], members: NDArray[np.int8], ridge: float = RIDGE) -> float:
    """Score one class in plain NumPy: the kernel's twin, and its explanation.

    Parameters
    ----------
    query : int8 ndarray of shape (d,)
    members : int8 ndarray of shape (n, d)
    ridge : float

    Returns
    -------
    score : float
    """
    rows = members.astype(np.float64)
    nearest = np.square(query - rows).sum(axis=1).min()
    center = rows.mean(axis=0)
    spanning, rest = rows - center, query - center
    spread = np.square(spanning).sum() / len(rows)
    penalty = np.eye(len(rows)) * (ridge * spread + 1e-6)
    along = spanning @ rest
    explained = along @ np.linalg.solve(spanning @ spanning.T + penalty, along)
    return float(np.rint(min(nearest, rest @ rest - explained) / _GRAIN) * _GRAIN)


def hull_scores(
    queries: NDArray[np.int8],
    references: GrowingRows,
    ids: NDArray[np.int64],
    codes: NDArray[np.int64],
    n_classes: int,
    *,
    n_neighbors: int,
    ridge: float = RIDGE,
) -> NDArray[np.float64]:
    """Score every class that is among the candidates.

    Parameters
    ----------
    queries : int8 ndarray of shape (m, d)
    references : GrowingRows of int8 rows
    ids, codes : int64 ndarrays of shape (m, c)
        Candidates of each query, nearest first, and their classes.
    n_classes : int
    n_neighbors : int
        How many of the nearest candidates of a class span its hull, at most.
    ridge : float

    Returns
    -------
    scores : float64 ndarray of shape (m, n_classes)
        Infinity for a class without a candidate.
    """
    scores = np.full((len(queries), n_classes), np.inf)
    largest = min(n_neighbors, ids.shape[1])
    if not use_kernels(len(queries), (largest / 40) ** 2):
        hulls, members, sizes = _hulls(codes, n_classes, largest)
        rows = np.concatenate([queries[hulls[0], None], references[ids[hulls[0][:, None], members]]], axis=1)
        scores[hulls] = _scores_at_once(rows, sizes, ridge)
        return scores
    from knn_digits.neighbors.hulls_kernel import score_classes

    base, tail = references.base_and_tail()
    score_classes(
        read_only(queries), read_only(base), read_only(tail), ids, codes, n_neighbors, float(ridge), _GRAIN, scores
    )
    return scores


def _hulls(
    codes: NDArray[np.int64], n_classes: int, largest: int
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64], NDArray[np.int64]]:
    """List the h hulls of all queries: (query, class), the columns of the members of each, and how many these are.

    Columns beyond a hull's members, up to `largest`, are of candidates of other classes, or of too distant ones.
    """
    of_class = codes[:, None, :] == np.arange(n_classes)[:, None]
    query, code = np.nonzero(of_class.any(axis=2))
    of_class = of_class[query, code]
    members = np.argsort(~of_class, axis=1, kind="stable")[:, :largest]
    return (query, code), members, np.minimum(of_class.sum(axis=1), largest)


def _scores_at_once(rows: NDArray[np.int8], sizes: NDArray[np.int64], ridge: float) -> NDArray[np.float64]:
    """Score hulls step by step as the kernel does, which makes the same bits: it takes its place for few queries.

    Parameters
    ----------
    rows : int8 ndarray of shape (h, 1 + n, d)
        Of each hull the query, then its members, then what is none of it.
    sizes : int64 ndarray of shape (h,)
        How many are members.
    ridge : float
    """
    rows, n = rows.astype(np.float64), sizes[:, None].astype(np.float64)
    member = np.arange(rows.shape[1] - 1) < n
    rows[:, 1:][~member] = 0
    products = rows @ rows.transpose(0, 2, 1)  # whole numbers, exact in any order
    grand = products[:, 1:, 1:].sum(axis=(1, 2))[:, None] / (n * n)
    to_center = products[:, 0, 1:].sum(axis=1)[:, None]
    rest = (products[:, 0, :1] - 2 * to_center / n + grand)[:, 0]
    means = products[:, 1:, 1:].sum(axis=2) / n
    gram = products[:, 1:, 1:] - means[:, :, None] - means[:, None, :] + grand[:, :, None]
    gram[~(member[:, :, None] & member[:, None, :])] = 0
    diagonal = np.einsum("hii->hi", gram)
    diagonal += ridge * diagonal.cumsum(axis=1)[:, -1:] / n + 1e-6  # cumsum adds one by one, as the kernel does
    along = np.where(member, products[:, 0, 1:] - means - to_center / n + grand, 0)
    distances = rest - _explained(gram, along)
    nearest = products[:, 0, 0] - 2 * products[:, 0, 1] + products[:, 1, 1]
    return np.rint(np.minimum(nearest, distances) / _GRAIN) * _GRAIN


def _explained(gram: NDArray[np.float64], along: NDArray[np.float64]) -> NDArray[np.float64]:
    """``along @ inverse(gram) @ along`` of each hull by Cholesky."""
    # Hulls come last, so that a line of all of them is one run of numbers.
    left, along = np.moveaxis(gram, 0, -1).copy(), along.T.copy()
    total = np.zeros(along.shape[1])
    for k in range(len(along)):
        pivot = np.sqrt(np.maximum(left[k, k], 1e-12))
        upper = left[k, k + 1 :] / pivot
        part = along[k] / pivot
        total += part * part
        along[k + 1 :] -= upper * part
        left[k + 1 :, k + 1 :] -= upper[:, None] * upper
    return total
