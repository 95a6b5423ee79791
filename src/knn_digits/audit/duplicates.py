"""Images that are in a data set twice: the same to the byte, or nearly.

How near two images are is measured relative to their ink: their Euclidean distance in pixels over the root mean
square of their norms, 0 for copies and about 1.4 for images that share no ink. Below `NEAR` two images are
called near duplicates. Among the 60,000 training images of MNIST, by 539 writers, no two are nearer than 0.129,
and those are plain ones by different writers, alike by chance; what is nearer than 0.1 was hardly written
twice. Smaller images are more often alike by chance. A copy that was moved by a pixel or scaled anew is farther
off, and is not found.

Comparing all pixels of all images takes long, so candidates are the nearest among coarse copies of at most 8 x
8 cells. Of MNIST's training images to which noise was added, that were dimmed or stored as JPEG, and that
stayed below 0.1, at least 99.8 % are found so (by the learned vectors of `accurate`, only 8 % of noisy ones).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knn_digits.neighbors import ExactSearch

__all__ = ["NEAR", "DuplicatePair", "Duplicates", "find_duplicates"]

NEAR = 0.1
_COARSE = 8  # cells along a side
_CANDIDATES = 4  # nearest of each image
_FOR_COMPARISON = 6  # pairs of either kind that are no duplicates but the nearest
_PAIRS_AT_ONCE = 2048


@dataclass(frozen=True)
class DuplicatePair:
    """Two images, by their rows among all, their relative distance and whether their labels differ."""

    first: int
    second: int
    distance: float
    conflicting: bool

    @property
    def kind(self) -> str:
        """Say how alike they are."""
        return "exact" if self.distance == 0 else "near" if self.distance < NEAR else "similar"


@dataclass(frozen=True)
class Duplicates:
    """What was found.

    Attributes
    ----------
    n_exact, n_near, n_conflicting : int
        Pairs that are the same to the byte; other pairs nearer than `NEAR`; pairs of either kind whose labels
        differ. Of an image that is there more than twice, each later copy is a pair with the first.
    pairs : tuple of DuplicatePair
        Duplicates, those with conflicting labels first, then the nearest.
    closest : tuple of DuplicatePair
        For comparison: the nearest pairs that are no duplicates, then the nearest of these whose labels differ.
    """

    n_exact: int
    n_near: int
    n_conflicting: int
    pairs: tuple[DuplicatePair, ...]
    closest: tuple[DuplicatePair, ...]


def find_duplicates(
    images: NDArray[np.uint8],
    codes: NDArray[np.int64],
    asked: NDArray[np.bool_],
    first: int,
    *,
    n_jobs: int | None = None,
) -> Duplicates:
    """Find pairs of images that are the same or nearly, at least one of each pair among those asked about.

    Parameters
    ----------
    images : uint8 ndarray of shape (n, side, side)
    codes : int64 ndarray of shape (n,)
        Labels.
    asked : bool ndarray of shape (n,)
    first : int
        How many pairs to tell of, at most.
    n_jobs : int, optional
    """
    rows = images.reshape(len(images), -1)
    first_of = _first_of_copies(rows)
    copies = np.flatnonzero(first_of != np.arange(len(rows)))
    exact = np.column_stack([first_of[copies], copies])
    exact = exact[asked[exact].any(axis=1)]
    near = _candidates(_coarse(images), np.unique(first_of), asked, n_jobs)
    distances = _relative_distances(rows, near)
    order = np.argsort(distances, kind="stable")
    near, distances = near[order], distances[order]
    pairs = [_pair(p, 0.0, codes) for p in exact] + [
        _pair(p, d, codes) for p, d in zip(near[distances < NEAR], distances[distances < NEAR], strict=True)
    ]
    pairs.sort(key=lambda pair: (not pair.conflicting, pair.distance, pair.first, pair.second))
    return Duplicates(
        n_exact=len(exact),
        n_near=int((distances < NEAR).sum()),
        n_conflicting=sum(pair.conflicting for pair in pairs),
        pairs=tuple(pairs[:first]),
        closest=_for_comparison(near, distances, codes),
    )


def _first_of_copies(rows: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Of every image, the row of the first that is the same to the byte."""
    rows = np.ascontiguousarray(rows)
    as_one = rows.view(np.dtype((np.void, rows.shape[1]))).ravel()
    _, first, copy_of = np.unique(as_one, return_index=True, return_inverse=True)
    return first[copy_of]


def _coarse(images: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Mean ink of the cells of a coarse grid, 0..127, as rows."""
    side = images.shape[1]
    edges = np.linspace(0, side, min(side, _COARSE) + 1).astype(int)
    heights = np.diff(edges)
    sums = np.add.reduceat(images, edges[:-1], axis=1, dtype=np.int32)
    sums = np.add.reduceat(sums, edges[:-1], axis=2)
    return (sums // (2 * heights[:, None] * heights)).astype(np.int8).reshape(len(images), -1)


def _candidates(
    rows: NDArray[np.int8], different: NDArray[np.int64], asked: NDArray[np.bool_], n_jobs: int | None
) -> NDArray[np.int64]:
    """Pairs of different images of which one is among the nearest of the other: (m, 2), each once."""
    queries = different[asked[different]]
    k = min(_CANDIDATES + 1, len(different))  # itself is found, too
    found = ExactSearch(rows[different]).kneighbors(rows[queries], k, n_jobs=n_jobs)[1]
    pairs = np.column_stack([np.repeat(queries, k), different[found].ravel()])
    return np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)


def _relative_distances(rows: NDArray[np.uint8], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Distances of pairs of images relative to their ink."""
    distances = np.zeros(len(pairs))
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        block = slice(start, start + _PAIRS_AT_ONCE)
        one, other = (rows[pairs[block, side]].astype(np.float64) for side in (0, 1))
        ink = (np.square(one).sum(axis=1) + np.square(other).sum(axis=1)) / 2
        distances[block] = np.sqrt(np.square(one - other).sum(axis=1) / ink)
    return distances


def _for_comparison(
    pairs: NDArray[np.int64], distances: NDArray[np.float64], codes: NDArray[np.int64]
) -> tuple[DuplicatePair, ...]:
    farther = np.flatnonzero(distances >= NEAR)
    differ = codes[pairs[farther, 0]] != codes[pairs[farther, 1]]
    shown = [*farther[~differ][:_FOR_COMPARISON], *farther[differ][:_FOR_COMPARISON]]
    return tuple(_pair(pairs[i], distances[i], codes) for i in shown)


def _pair(pair: NDArray[np.int64], distance: float, codes: NDArray[np.int64]) -> DuplicatePair:
    first, second = (int(i) for i in pair)
    return DuplicatePair(first, second, float(distance), bool(codes[first] != codes[second]))
