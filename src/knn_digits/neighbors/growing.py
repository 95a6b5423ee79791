"""Rows that can be added to without copying what is already there."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["GrowingRows"]

_FIRST_TAIL = 64


class GrowingRows:
    """A fixed base of rows and a tail that grows; row numbers never change.

    The base may be a read-only memory map: it is never written to or copied, unless rows arrive that its
    type cannot hold.

    Parameters
    ----------
    base : ndarray of shape (n, ...)
        The first rows, any dtype. Kept, not copied.
    """

    def __init__(self, base: NDArray) -> None:
        self.base = base
        self._tail = np.empty((0, *base.shape[1:]), base.dtype)
        self._n_tail = 0

    @property
    def dtype(self) -> np.dtype:
        """Type of every row, base and tail."""
        return self.base.dtype

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of one row; empty for a column of numbers."""
        return self.base.shape[1:]

    def __len__(self) -> int:
        return len(self.base) + self._n_tail

    def append(self, rows: NDArray) -> NDArray[np.int64]:
        """Add rows at the end.

        Parameters
        ----------
        rows : ndarray of shape (m, ...)
            Rows shaped like the others. A wider type (float rows onto uint8) widens everything, by a copy.

        Returns
        -------
        ids : int64 ndarray of shape (m,)
            The numbers of the new rows.
        """
        common = np.result_type(self.dtype, rows.dtype)
        if common != self.dtype:
            self.base, self._tail = self.base.astype(common), self._tail.astype(common)
        first, needed = len(self), self._n_tail + len(rows)
        if needed > len(self._tail):
            self._enlarge_tail(needed)
        self._tail[self._n_tail : needed] = rows
        self._n_tail = needed
        return np.arange(first, len(self), dtype=np.int64)

    def _enlarge_tail(self, needed: int) -> None:
        # Doubling keeps the cost of one append constant on average.
        capacity = max(needed, 2 * len(self._tail), _FIRST_TAIL)
        larger = np.empty((capacity, *self.row_shape), self.dtype)
        larger[: self._n_tail] = self._tail[: self._n_tail]
        self._tail = larger

    def parts(self) -> list[tuple[int, NDArray]]:
        """Return (number of the first row, rows) for the base and, where there is one, the tail."""
        tail = self._known_tail()
        return [(0, self.base)] + ([(len(self.base), tail)] if len(tail) else [])

    def base_and_tail(self) -> tuple[NDArray, NDArray]:
        """Return both parts, either of which may be empty: row i is ``base[i]``, or ``tail[i - len(base)]``."""
        return self.base, self._known_tail()

    def _known_tail(self) -> NDArray:
        # The count first: a tail read after it holds at least as many rows, also while another thread appends.
        n = self._n_tail
        return self._tail[:n]

    def blocks(self, size: int) -> Iterator[tuple[int, NDArray]]:
        """Yield (number of the first row, at most `size` rows), in order."""
        for first, rows in self.parts():
            for start in range(0, len(rows), size):
                yield first + start, rows[start : start + size]

    def __getitem__(self, ids: NDArray[np.integer]) -> NDArray:
        """Copy the rows with these numbers; `ids` may have any shape."""
        ids = np.asarray(ids)
        n_base = len(self.base)
        if not self._n_tail:
            return self.base[ids]
        rows = np.empty((*ids.shape, *self.row_shape), self.dtype)
        in_base = ids < n_base
        rows[in_base] = self.base[ids[in_base]]
        rows[~in_base] = self._tail[ids[~in_base] - n_base]
        return rows

    def to_array(self) -> NDArray:
        """All rows as one array: the base itself while nothing was added, else a copy."""
        return np.concatenate([rows for _, rows in self.parts()]) if self._n_tail else self.base
