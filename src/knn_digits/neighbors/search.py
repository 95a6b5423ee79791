"""The exact k nearest rows, in blocks of matrix products.

How it can be fast and exact at once
------------------------------------
Squared distances come from one matrix product: ``|q - r|^2 = |q|^2 + |r|^2 - 2 q.r``. A float32 product is
the fast one, and it is exact where every partial sum is an integer of at most 2^24. By Cauchy and Schwarz no
partial sum of ``q.r`` exceeds ``|q| |r|``, in whatever order it is summed. Pixels 0..255 do not meet that
bound (784 x 255^2 is 5.1e7), but distances stay what they are when 128 is taken from every pixel, and
784 x 128^2 = 1.28e7 does. Larger images take a float64 product, exact up to 2^53.

A screen follows: the few references whose distance, computed in floats with the largest rounding error it
can have, may belong to the k nearest. They are settled exactly: in integers, or for rows that are not
integers by summing ``(q - r)^2`` in float64, each pair on its own. So an answer depends on the rows alone,
never on the batch, the number of threads or the order of the references.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from knn_digits.neighbors.growing import GrowingRows

__all__ = ["ExactSearch"]

_Found = tuple[NDArray, NDArray[np.int64]]  # squared distances and ids

# Queries x references of one product: it (4 MB) and its operands stay in the caches of a small machine.
_QUERY_BLOCK, _REFERENCE_BLOCK = 1024, 1024
_SETTLED_AT_ONCE = 2**21  # numbers held while pairs of rows that are not integers are settled


class ExactSearch:
    """Exact Euclidean nearest neighbors among references that can be added to and taken out.

    Neighbors are ordered by distance; at equal distance the later learned (larger id) comes first, so that
    what was just taught is its own nearest neighbor.

    Parameters
    ----------
    references : ndarray of shape (n, d) or GrowingRows
        Integers of at most 16 bits, float32 or float64, finite. Kept, not copied; may be memory-mapped.
    """

    def __init__(self, references: NDArray | GrowingRows) -> None:
        rows = references if isinstance(references, GrowingRows) else GrowingRows(references)
        self.references = rows
        self._norms = _squared_norms(rows.to_array(), _center(rows.dtype))
        self._forgotten = np.zeros(len(rows), dtype=bool)

    def __len__(self) -> int:
        """Count the references that can be found."""
        return len(self.references) - int(np.count_nonzero(self._forgotten))

    @property
    def forgotten(self) -> NDArray[np.int64]:
        """Ids that were taken out, ascending."""
        return np.flatnonzero(self._forgotten)

    def append(self, rows: NDArray) -> NDArray[np.int64]:
        """Add references of shape (m, d); returns their ids, int64 of shape (m,)."""
        dtype_before = self.references.dtype
        ids = self.references.append(rows)
        if self.references.dtype == dtype_before:
            new_norms = _squared_norms(rows, _center(dtype_before))
            self._norms = np.append(self._norms, new_norms)
        else:
            self._norms = _squared_norms(self.references.to_array(), _center(self.references.dtype))
        self._forgotten = np.append(self._forgotten, np.zeros(len(rows), dtype=bool))
        return ids

    def forget(self, ids: NDArray[np.integer]) -> None:
        """Take references out; their ids are never used again.

        Raises
        ------
        ValueError
            If an id was never given or is forgotten already. Then nothing changes.
        """
        ids = np.atleast_1d(np.asarray(ids))
        if not np.issubdtype(ids.dtype, np.integer):
            raise ValueError(f"ids must be integers, got {ids.dtype}")
        unknown = ids[(ids < 0) | (ids >= len(self.references))]
        if len(unknown):
            raise ValueError(f"no reference has id {unknown[0]}: ids run from 0 to {len(self.references) - 1}")
        gone = ids[self._forgotten[ids]]
        if len(gone):
            raise ValueError(f"reference {gone[0]} is forgotten already")
        self._forgotten[ids] = True

    def kneighbors(
        self,
        queries: NDArray,
        n_neighbors: int,
        *,
        n_jobs: int | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> tuple[NDArray, NDArray[np.int64]]:
        """Find the nearest references of each query.

        Parameters
        ----------
        queries : ndarray of shape (m, d)
            Rows like the references.
        n_neighbors : int
            How many, at least 1 and at most the number of references.
        n_jobs : int, optional
            Threads, counted as joblib counts them: None is 1, -1 is all.
        progress : callable, optional
            Called with the number of queries just finished, from any thread.

        Returns
        -------
        squared_distances : int64 or float64 ndarray of shape (m, n_neighbors)
            Integers where queries and references are.
        ids : int64 ndarray of shape (m, n_neighbors)

        Raises
        ------
        ValueError
            If there are fewer references than `n_neighbors`.
        """
        if not 1 <= n_neighbors <= len(self):
            raise ValueError(
                f"Expected 1 <= n_neighbors <= n_samples_fit, but n_neighbors = {n_neighbors}, "
                f"n_samples_fit = {len(self)}, n_samples = {len(queries)}: "
                "ask for fewer neighbors or learn more references"
            )
        arithmetic = self._arithmetic_for(queries)

        def search(block: NDArray) -> tuple[NDArray, NDArray[np.int64]]:
            found = self._search_block(block, n_neighbors, arithmetic)
            if progress is not None:
                progress(len(block))
            return found

        n_threads = effective_n_jobs(n_jobs)
        size = max(1, min(_QUERY_BLOCK, -(-len(queries) // n_threads)))
        blocks = [queries[start : start + size] for start in range(0, max(len(queries), 1), size)]
        found = _map_in_threads(search, blocks, n_threads)
        return np.concatenate([d for d, _ in found]), np.concatenate([ids for _, ids in found])

    def _arithmetic_for(self, queries: NDArray) -> _Arithmetic:
        dtype, largest = self.references.dtype, float(self._norms.max())
        center = _center(dtype)
        if not (_is_integral(dtype) and _is_integral(queries.dtype)):
            single = dtype == queries.dtype == np.float32 and largest < 1e30
            return _Arithmetic(False, np.float32 if single else np.float64, center, largest)
        query_norm = float(_squared_norms(queries, center).max(initial=0))
        single = np.sqrt(query_norm) * np.sqrt(largest) <= 2**24
        return _Arithmetic(True, np.float32 if single else np.float64, center, largest)

    def _search_block(
        self, queries: NDArray, k: int, arithmetic: _Arithmetic
    ) -> tuple[NDArray, NDArray[np.int64]]:
        """Go through all references for one block of queries, keeping the best k of each."""
        query_norms = _squared_norms(queries, arithmetic.center)
        minus_twice_queries = arithmetic.centered(queries) * arithmetic.dtype(-2)
        slack = arithmetic.slack(query_norms, queries.shape[1])
        best = _Best(len(queries), k, query_norms.dtype if arithmetic.integral else np.dtype(np.float64))
        for rows, norms, ids in self._reference_blocks(max(_REFERENCE_BLOCK, k)):
            products = minus_twice_queries @ arithmetic.centered(rows).T
            # Everything but |q|^2, which is the same for all references of a query.
            partial = products + norms.astype(arithmetic.dtype)
            limits = best.limits - query_norms
            if not best.is_full and len(rows) >= k:
                limits = np.partition(partial, k - 1, axis=1)[:, k - 1].astype(np.float64)
            hits = partial <= (limits + slack).astype(arithmetic.dtype)[:, None]
            query, column = np.divmod(np.flatnonzero(hits), len(rows))
            if not len(query):
                continue
            if arithmetic.integral:
                distances = query_norms[query] + norms[column] + products[query, column].astype(np.int64)
            else:
                distances = _distances_one_by_one(queries, query, rows, column)
            best.add(query, distances, ids[column])
        return best.distances, best.ids

    def _reference_blocks(self, size: int) -> Iterator[tuple[NDArray, NDArray, NDArray[np.int64]]]:
        """Yield (rows, squared norms, ids) of the references that were not forgotten."""
        for first, rows in self.references.blocks(size):
            ids = np.arange(first, first + len(rows))
            known = ~self._forgotten[ids]
            if not known.all():
                rows, ids = rows[known], ids[known]
            if len(ids):
                yield rows, self._norms[ids], ids


@dataclass(frozen=True)
class _Arithmetic:
    """The numbers one call computes with."""

    integral: bool  # queries and references are integers: products are exact
    dtype: type[np.float32] | type[np.float64]
    center: int  # taken from every number, to keep products small
    largest_norm: float  # squared, of the centered references

    def centered(self, rows: NDArray) -> NDArray[np.floating]:
        return np.subtract(rows, self.dtype(self.center), dtype=self.dtype)

    def slack(self, query_norms: NDArray, n_features: int) -> NDArray[np.float64]:
        """Bound the rounding error of a screened distance, per query.

        Each of the few additions errs by one rounding of numbers below twice the sum of the norms; an inexact
        product by at most one rounding a feature (Higham, Accuracy and Stability, 2002, section 3.1).
        """
        roundings = 8 if self.integral else 8 + 2 * n_features
        return roundings * float(np.finfo(self.dtype).eps) * 2.0 * (query_norms + self.largest_norm)


class _Best:
    """The k best references so far of each query, in their final order."""

    def __init__(self, n_queries: int, k: int, dtype: np.dtype) -> None:
        worst = np.iinfo(dtype).max if _is_integral(dtype) else np.inf
        self.distances = np.full((n_queries, k), worst, dtype)
        self.ids = np.full((n_queries, k), -1, np.int64)

    @property
    def limits(self) -> NDArray[np.float64]:
        """What a newcomer must not exceed, per query."""
        return self.distances[:, -1].astype(np.float64)

    @property
    def is_full(self) -> bool:
        """Whether k were found; the same for all queries, as all see the same references."""
        return len(self.ids) == 0 or bool(self.ids[0, -1] >= 0)

    def add(self, query: NDArray, distances: NDArray, ids: NDArray[np.int64]) -> None:
        """Take in newcomers: one entry of each argument is one pair; `query` ascends."""
        k = self.ids.shape[1]
        rows = np.unique(query)
        query = np.concatenate([np.repeat(rows, k), query])
        distances = np.concatenate([self.distances[rows].ravel(), distances])
        ids = np.concatenate([self.ids[rows].ravel(), ids])
        order = np.lexsort((-ids, distances, query))
        first = np.searchsorted(query[order], rows)
        kept = order[first[:, None] + np.arange(k)]
        self.distances[rows], self.ids[rows] = distances[kept], ids[kept]


def _is_integral(dtype: np.dtype) -> bool:
    return np.issubdtype(dtype, np.integer)


def _center(dtype: np.dtype) -> int:
    return 128 if dtype == np.uint8 else 0


def _squared_norms(rows: NDArray, center: int) -> NDArray:
    """|r - center|^2 of each row: int64 for integers (float64 sums are exact below 2^53), else float64."""
    norms = np.empty(len(rows), np.float64)
    for start in range(0, len(rows), 4096):
        block = np.subtract(rows[start : start + 4096], center, dtype=np.float64)
        norms[start : start + 4096] = np.einsum("ij,ij->i", block, block)
    return norms.astype(np.int64) if _is_integral(rows.dtype) else norms


def _distances_one_by_one(queries: NDArray, query: NDArray, rows: NDArray, column: NDArray) -> NDArray[np.float64]:
    """Sum (q - r)^2 in float64 for the pairs (query[i], column[i]), each as if it were alone."""
    distances = np.empty(len(query))
    step = max(1, _SETTLED_AT_ONCE // max(queries.shape[1], 1))
    for start in range(0, len(query), step):
        pairs = slice(start, start + step)
        difference = np.subtract(queries[query[pairs]], rows[column[pairs]], dtype=np.float64)
        distances[pairs] = np.square(difference).sum(axis=1)
    return distances


@cache
def _blas() -> ThreadpoolController:
    """Find the BLAS libraries once; it takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")


def _map_in_threads(function: Callable[[NDArray], _Found], blocks: list[NDArray], n_threads: int) -> list[_Found]:
    """Map over blocks in so many threads of ours, each with BLAS on one; one knob instead of two."""
    with _blas().limit(limits=1):
        if n_threads == 1 or len(blocks) == 1:
            return [function(block) for block in blocks]
        pool = ThreadPoolExecutor(n_threads)
        try:
            return list(pool.map(function, blocks))
        finally:
            # After Ctrl-C, do not start what has not started.
            pool.shutdown(cancel_futures=True)
