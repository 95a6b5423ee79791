"""The exact k nearest rows, in blocks of matrix products.

How it can be fast and exact at once
------------------------------------
Squared distances come from one matrix product: ``|q - r|^2 = |q|^2 + |r|^2 - 2 q.r``. A float32 product is
the fast one, and it is exact where every partial sum is an integer of at most 2^24. By Cauchy and Schwarz no
partial sum of ``q.r`` exceeds ``|q| |r|``, in whatever order it is summed. Pixels 0..255 do not meet that
bound (784 x 255^2 is 5.1e7), but distances stay what they are when 128 is taken from every pixel, and
784 x 128^2 = 1.28e7 does. Larger images take a float64 product, exact up to 2^53.

Which references are nearest is then found in one of two ways:

- In NumPy, for any rows. A screen leaves the few references whose distance, computed in floats with the largest
  rounding error it can have, may belong to the k nearest. They are settled exactly: in integers, or for rows
  that are not integers by summing ``(q - r)^2`` in float64, each pair on its own.
- In a Numba kernel (`search_kernels`), for integers whose float32 product is exact: there is no rounding error to
  screen for, and each reference that is nearer goes straight into the ordered list of its query. So short rows
  are searched, and long ones for many neighbors, unless thousands are asked for, or Numba is not worth waiting
  for (`kernels.use_kernels`). A few int8 queries are compared without any product.

Both find the same: an answer depends on the rows alone, never on the batch, the number of threads or the order
of the references.

References are gone through from the last to the first: at equal distance the later one wins, so that one
that comes later in the search must be strictly nearer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knn_digits.arrays import read_only
from knn_digits.kernels import use_kernels
from knn_digits.neighbors.growing import GrowingRows
from knn_digits.threads import blocks_of, map_blocks

__all__ = ["ExactSearch"]

_Found = tuple[NDArray, NDArray[np.int64]]  # squared distances and ids
_BlockSearch = Callable[[NDArray, int, "_Arithmetic"], _Found]

# Rows of one product at most: it (4 MB) and its operands stay in the caches of a small machine.
_MOST_ROWS = 1024
# Numbers in a block of long rows at most, and of queries at least, so that threads have something to do.
_MOST_NUMBERS, _FEWEST_QUERIES = 2**21, 64
# Numbers in a block of short rows beside few queries: 34 queries among 48,000 rows of 64 take 21 ms, and 150 ms in
# blocks of 1,024 rows, each of which is sorted.
_MOST_SHORT = 2**19
# What a kernel looks through at once stays in the cache of one core while it is looked through.
_ROWS_OF_KERNEL, _SCANNED_ROWS, _FEW_QUERIES = 512, 2**16, 4
# Long rows spend their time in the product: up to about 10 neighbors the screen is as fast as the kernel, and need
# not wait for Numba's import. For 512 of MNIST's images among 20,000 the screen takes 0.29 s against 0.17 s at 50
# neighbors, too little to wait for, and 0.46 s against 0.19 s at 100.
_MANY_NEIGHBORS = 100
# The kernel moves up to k entries for each that it takes in, which NumPy's sorting does not. Among 20,000 rows of
# 64 int8 the two are even somewhere from k = 1,000 (4 queries) to 4,000 (1,000 queries); at 8,000 the kernel takes
# over four times as long.
_MOST_NEIGHBORS_OF_KERNEL = 2000
_TYPICAL_NUMBERS = 60_000 * 64  # searched for one query: MNIST's vectors
_CENTER_OF_BYTES = {"uint8": 128.0, "int8": 0.0}
# Squares of larger numbers leave the range of float64, those of smaller ones vanish in it.
_LARGEST_NORM, _SMALLEST_NORM = 1e300, 1e-280


class ExactSearch:
    """Exact Euclidean nearest neighbors among references that can be added to and taken out.

    Neighbors are ordered by distance; at equal distance the later learned (larger id) comes first, so that
    what was just taught is its own nearest neighbor.

    Parameters
    ----------
    references : ndarray of shape (n, d) or GrowingRows
        Integers of at most 16 bits, float32 or float64, finite. Kept, not copied; may be memory-mapped.

    Raises
    ------
    ValueError
        If squared distances between rows would leave the range of float64 (numbers beyond about 1e150, or none
        above 1e-140).

    Notes
    -----
    Searching from several threads is safe, also while another appends: what is being learned is found or not yet.
    """

    def __init__(self, references: NDArray | GrowingRows) -> None:
        rows = references if isinstance(references, GrowingRows) else GrowingRows(references)
        self.references = rows
        self._measure_all()
        self._forgotten = np.zeros(len(rows), dtype=bool)

    def __len__(self) -> int:
        """Count the references that can be found."""
        return len(self.references) - int(np.count_nonzero(self._forgotten))

    @property
    def forgotten(self) -> NDArray[np.int64]:
        """Ids that were taken out, ascending."""
        return np.flatnonzero(self._forgotten)

    def _measure_all(self) -> None:
        """Choose what is taken from every number to keep products small, and note the length of every row."""
        self._center = _center(self.references.to_array())
        self._norms = _squared_norms(self.references.to_array(), self._center)
        _check_range(self._norms, "references")

    def check(self, rows: NDArray) -> None:
        """Raise the ValueError that `append` would, before anything else is done with the rows."""
        _check_range(_squared_norms(rows, self._center), "references")

    def append(self, rows: NDArray) -> NDArray[np.int64]:
        """Add references of shape (m, d); returns their ids, int64 of shape (m,)."""
        widened = np.result_type(rows.dtype, self.references.dtype) != self.references.dtype
        norms = _squared_norms(rows, self._center)
        _check_range(norms, "references")
        # Whoever searches meanwhile reads references first: what belongs to them must be there before they are.
        self._forgotten = np.append(self._forgotten, np.zeros(len(rows), dtype=bool))
        self._norms = np.append(self._norms, norms)
        ids = self.references.append(rows)
        if widened:
            self._measure_all()
        return ids

    def forget(self, ids: NDArray[np.integer]) -> None:
        """Take references out; their ids are never used again.

        Raises
        ------
        ValueError
            If an id was never given or is forgotten already. Then nothing changes.
        """
        ids = np.atleast_1d(np.asarray(ids))
        if not ids.size:
            return
        if not np.issubdtype(ids.dtype, np.integer):
            raise ValueError(f"ids must be integers, got {ids.dtype}")
        unknown = ids[(ids < 0) | (ids >= len(self.references))]
        if len(unknown):
            raise ValueError(f"no reference has id {unknown[0]}: ids run from 0 to {len(self.references) - 1}")
        gone = ids[self._forgotten[ids]]
        if len(gone):
            raise ValueError(f"reference {gone[0]} is forgotten already")
        self._forgotten[ids] = True

    def without(self, left_out: NDArray[np.bool_]) -> ExactSearch:
        """Search among fewer of the same references, which are not copied; it is for asking only.

        Parameters
        ----------
        left_out : bool ndarray of shape (n_references,)
        """
        fewer = copy(self)
        fewer._forgotten = self._forgotten | left_out
        return fewer

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
        search_block = self._block_search_for(queries, n_neighbors, arithmetic)

        def search(block: slice) -> _Found:
            found = search_block(queries[block], n_neighbors, arithmetic)
            if progress is not None:
                progress(len(found[1]))
            return found

        largest = _rows_at_once(queries.shape[1])
        blocks = blocks_of(len(queries), largest, n_jobs, smallest=_FEWEST_QUERIES)
        found = map_blocks(search, blocks, n_jobs)
        return np.concatenate([d for d, _ in found]), np.concatenate([ids for _, ids in found])

    def _arithmetic_for(self, queries: NDArray) -> _Arithmetic:
        references = self.references
        norms = _squared_norms(queries, self._center)
        _check_range(norms, "queries")
        in_queries, in_references = float(norms.max(initial=0)), float(self._norms.max())
        largest = max(in_queries, in_references)
        integral = _is_integral(references.dtype) and _is_integral(queries.dtype)
        if integral:
            single = np.sqrt(in_queries) * np.sqrt(in_references) <= 2**24
        else:
            # Far from where float32 overflows, and from where it loses numbers near zero.
            single = references.dtype == queries.dtype == np.float32 and in_references > 1e-20 and largest < 1e30
        small = integral and np.sqrt(in_queries) + np.sqrt(in_references) <= 2**12
        return _Arithmetic(integral, np.float32 if single else np.float64, self._center, in_references, small)

    def _block_search_for(self, queries: NDArray, k: int, arithmetic: _Arithmetic) -> _BlockSearch:
        """Choose among the three ways, which find the same."""
        exact = arithmetic.integral and arithmetic.dtype == np.float32
        in_kernel = arithmetic.small or (exact and k >= _MANY_NEIGHBORS)
        effort = self._norms.size * queries.shape[1] / _TYPICAL_NUMBERS
        if k > _MOST_NEIGHBORS_OF_KERNEL or not in_kernel or not use_kernels(len(queries), effort):
            return self._search_block
        if not arithmetic.small:
            return self._search_in_kernel
        if queries.dtype == self.references.dtype == np.int8 and len(queries) <= _FEW_QUERIES:
            return self._scan
        return self._search_in_kernel

    def _search_block(self, queries: NDArray, k: int, arithmetic: _Arithmetic) -> _Found:
        """Go through all references for one block of queries, keeping the best k of each."""
        query_norms = _squared_norms(queries, arithmetic.center)
        minus_twice_queries = arithmetic.centered(queries) * arithmetic.dtype(-2)
        slack = arithmetic.slack(queries, query_norms)
        best = _Best(len(queries), k, query_norms.dtype if arithmetic.integral else np.dtype(np.float64))
        for rows, norms, ids in self._reference_blocks(max(_rows_beside(queries), k)):
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
            nearer = distances < best.distances[query, -1]
            best.add(query[nearer], distances[nearer], ids[column[nearer]])
        return best.distances, best.ids

    def _search_in_kernel(self, queries: NDArray, k: int, arithmetic: _Arithmetic) -> _Found:
        """As `_search_block`, where choosing costs as much as the products: for short rows, and many neighbors.

        Products are whole numbers below 2^24, exact in float32; so are distances of short rows, others in float64.
        """
        from knn_digits.neighbors.search_kernels import keep_nearest

        exact = np.float32 if arithmetic.small else np.float64
        distances = np.full((len(queries), k), np.inf, exact)
        ids = np.full((len(queries), k), -1, np.int64)
        minus_twice_queries = arithmetic.centered(queries) * arithmetic.dtype(-2)
        for rows, norms, row_ids in self._reference_blocks(_ROWS_OF_KERNEL):
            products = minus_twice_queries @ arithmetic.centered(rows).T
            keep_nearest(products, norms.astype(exact), row_ids, distances, ids)
        return distances.astype(np.int64) + _squared_norms(queries, arithmetic.center)[:, None], ids

    def _scan(self, queries: NDArray, k: int, _: _Arithmetic) -> _Found:
        """As `_search_block`, for so few int8 queries that turning references into floats would cost more."""
        from knn_digits.neighbors.search_kernels import scan

        distances = np.full((len(queries), k), np.iinfo(np.int64).max)
        ids = np.full((len(queries), k), -1, np.int64)
        for rows, _norms, row_ids in self._reference_blocks(_SCANNED_ROWS):
            scan(read_only(queries), read_only(rows), row_ids, distances, ids)
        return distances, ids

    def _reference_blocks(self, size: int) -> Iterator[tuple[NDArray, NDArray, NDArray[np.int64]]]:
        """Yield (rows, squared norms, ids) of the references that were not forgotten, the last block first."""
        for first, rows in reversed(list(self.references.blocks(size))):
            these = slice(first, first + len(rows))
            ids, norms, known = np.arange(first, these.stop), self._norms[these], ~self._forgotten[these]
            if not known.all():
                rows, norms, ids = rows[known], norms[known], ids[known]
            if len(ids):
                yield rows, norms, ids


@dataclass(frozen=True)
class _Arithmetic:
    """The numbers one call computes with."""

    integral: bool  # queries and references are integers: products are exact
    dtype: type[np.float32] | type[np.float64]
    center: float  # taken from every number, to keep products small
    largest_norm: float  # squared, of the centered references
    small: bool  # they are, and no squared distance exceeds 2^24

    def centered(self, rows: NDArray) -> NDArray[np.floating]:
        if self.integral:
            return np.subtract(rows, self.dtype(self.center), dtype=self.dtype)
        return np.subtract(rows, self.center, dtype=np.float64).astype(self.dtype, copy=False)

    def slack(self, queries: NDArray, query_norms: NDArray) -> NDArray[np.float64]:
        """Bound the rounding error of a screened distance, per query.

        Each of the few additions errs by one rounding of numbers below twice the sum of the norms; an inexact
        product by at most one rounding a feature (Higham, Accuracy and Stability, 2002, section 3.1); taking the
        center from a number by one rounding of that number.
        """
        n_features = queries.shape[1]
        roundings = 8 if self.integral else 8 + 2 * n_features
        sums = query_norms + self.largest_norm
        slack = roundings * float(np.finfo(self.dtype).eps) * 2.0 * sums
        if self.integral:
            return slack
        largest = abs(self.center) + np.sqrt(sums)  # of any number that the center was taken from
        return slack + 8 * float(np.finfo(np.float64).eps) * largest * np.sqrt(n_features * sums)


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
        if not len(query):
            return
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


def _rows_at_once(n_features: int) -> int:
    return int(np.clip(_MOST_NUMBERS // max(n_features, 1), 16, _MOST_ROWS))


def _rows_beside(queries: NDArray) -> int:
    """Count the references of one product: of short rows the more, the fewer queries there are."""
    m, n_features = queries.shape
    return max(_rows_at_once(n_features), min(_MOST_SHORT // max(n_features, 1), _MOST_ROWS**2 // max(m, 1)))


def _center(rows: NDArray) -> float:
    """What to take from every number: it changes no distance, and small numbers lose less in a product."""
    if rows.dtype.name in _CENTER_OF_BYTES:
        return _CENTER_OF_BYTES[rows.dtype.name]
    return 0.0 if _is_integral(rows.dtype) else float(rows.mean(dtype=np.float64))


def _squared_norms(rows: NDArray, center: float) -> NDArray:
    """|r - center|^2 of each row: int64 for integers (float64 sums are exact below 2^53), else float64."""
    norms = np.empty(len(rows), np.float64)
    size = _rows_at_once(rows.shape[1])
    # No number is farther than 128 from the center of bytes: sums of up to 1,024 squares are exact in float32.
    single = center == _CENTER_OF_BYTES.get(rows.dtype.name) and rows.shape[1] <= 1024
    with np.errstate(over="ignore"):  # what overflows is refused by its caller
        for start in range(0, len(rows), size):
            block = np.subtract(rows[start : start + size], center, dtype=np.float32 if single else np.float64)
            norms[start : start + size] = np.einsum("ij,ij->i", block, block)
    # Whole numbers that joined others have their distance from a center that is not whole.
    return norms.astype(np.int64) if _is_integral(rows.dtype) and center.is_integer() else norms


def _check_range(norms: NDArray, what: str) -> None:
    largest = float(norms.max(initial=0))
    if not largest < _LARGEST_NORM or 0 < largest < _SMALLEST_NORM:
        raise ValueError(
            f"the numbers in the {what} are too large or too small: their squares leave the range of float64; "
            "scale them, to [0, 1] for example"
        )


def _distances_one_by_one(queries: NDArray, query: NDArray, rows: NDArray, column: NDArray) -> NDArray[np.float64]:
    """Sum (q - r)^2 in float64 for the pairs (query[i], column[i]), each as if it were alone."""
    distances = np.empty(len(query))
    step = max(1, _MOST_NUMBERS // max(queries.shape[1], 1))
    for start in range(0, len(query), step):
        pairs = slice(start, start + step)
        difference = np.subtract(queries[query[pairs]], rows[column[pairs]], dtype=np.float64)
        distances[pairs] = np.square(difference).sum(axis=1)
    return distances
