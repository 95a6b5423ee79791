"""The arithmetic of a benchmark: medians, spreads, ratios, percentiles, recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["percentile", "ratios", "recall", "summary"]


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Median and spread of repeated measurements.

    Returns
    -------
    summary : dict
        ``median``, ``low`` and ``high`` (the smallest and largest value), ``n``.
    """
    return {
        "median": float(np.median(values)),
        "low": float(min(values)),
        "high": float(max(values)),
        "n": len(values),
    }


def ratios(values: Sequence[float], reference: Sequence[float]) -> list[float]:
    """Ratios of what was measured in the same round, so that a slow moment of the machine touches both.

    Parameters
    ----------
    values, reference : sequences of float
        One value a round, in order; rounds that only one of them has are left out.
    """
    return [value / other for value, other in zip(values, reference, strict=False)]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of the values that at least so many percent do not exceed (nearest rank)."""
    return float(np.percentile(values, percent, method="inverted_cdf"))


def recall(found: NDArray[np.int64], queries: NDArray, references: NDArray, limits: NDArray) -> float:
    """Share of the true k neighbors that were found, where any of several at the same distance counts.

    Parameters
    ----------
    found : int64 ndarray of shape (n, k)
        Positions among the references; -1 where nothing was found.
    queries : uint8 ndarray of shape (n, d)
    references : uint8 ndarray of shape (m, d)
    limits : int64 ndarray of shape (n,)
        True squared distance of each query's k-th neighbor.
    """
    k = found.shape[1]
    right = 0
    for query, ids, limit in zip(queries, found, limits, strict=True):
        distinct = np.unique(ids[ids >= 0])
        difference = references[distinct].astype(np.int64) - query.astype(np.int64)
        right += int(((difference * difference).sum(axis=1) <= limit).sum())
    return right / (len(found) * k)
