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
    # Numba takes a third of a second to import: only who computes waits for it.
    from knn_digits.neighbors.hulls_kernel import score_classes

    scores = np.full((len(queries), n_classes), np.inf)
    base, tail = references.base_and_tail()
    score_classes(
        read_only(queries), read_only(base), read_only(tail), ids, codes, n_neighbors, float(ridge), _GRAIN, scores
    )
    return scores
