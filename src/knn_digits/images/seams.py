"""Where to cut ink that may be several digits: along paths from top to bottom that cross little of it.

A path goes down a row at a time, straight or to a side, and costs the ink it crosses; the cheapest ones are found
by dynamic programming, as a seam is in an image that is to be made narrower (S. Avidan, A. Shamir, Seam carving
for content-aware image resizing, 2007). So a cut may bend around a stroke that leans over the next digit. Where
ink is thicker than a stroke, as it is where two strokes lie side by side, crossing it is cheap.

Between two digits that touch, paper often ends in a gap from above and in one from below. Paths through the ends
of gaps are proposed too, and those that go straight from the one to the other, though it may not be the cheapest
way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from knn_digits.images.ink import FAINT

__all__ = ["Cut", "find_cuts"]

_Pixel = tuple[int, int]  # row, column

_ASIDE = (0.0, 0.04, 0.12)  # what steps to the side by so many pixels cost, in pixels of ink
_ANCHORS = (0.2, 0.5, 0.8)  # of the height: rows through a pixel of which a cut is the cheapest
_FACING = 0.35  # of the digits' height: how far the ends of two gaps may be aside of each other
_GAPS = 8  # from above or below, at most, on a digit's height of width: the deepest
_WIDE = 0.7  # strokes: thicker ink is cheaper to cross
_DEAREST = 3.0  # of a cut: widths of a stroke crossed
_APART = 0.04  # of the digits' height: between two cuts, on average over the rows
_DENSE = 0.06  # of the digits' height: there are no more cuts than that many fit beside each other
_LEAST_SHARE = 0.04  # of the ink, on either side


@dataclass(frozen=True, eq=False)
class Cut:
    """A path through ink.

    Attributes
    ----------
    path : int64 ndarray of shape (height,)
        Column in each row, from which the ink is on the right.
    cost : float
        Ink crossed, in widths of a stroke; less where it is thick. Steps aside cross ink of the row below.
    crossed : float
        All ink on the path, a pixel a row, in widths of a stroke.
    crossings : int
        How many times the path enters ink.
    """

    path: NDArray[np.int64]
    cost: float
    crossed: float
    crossings: int

    def right_of(self, width: int) -> NDArray[np.int32]:
        """1 where a pixel is on the path or to the right of it: shape (height, width)."""
        return (np.arange(width) >= self.path[:, None]).astype(np.int32)


def find_cuts(ink: NDArray[np.float32], height: float) -> list[Cut]:
    """Find the cheapest cuts that are not too near to each other.

    Parameters
    ----------
    ink : float32 ndarray of shape (height, width)
        Of one component; 0 elsewhere.
    height : float
        Of digits, in pixels.

    Returns
    -------
    cuts : list of Cut
        From left to right.
    """
    mask = ink > FAINT
    stroke, thickness = _stroke_and_thickness(mask)
    costs = ink * np.minimum(1, (_WIDE * stroke / np.maximum(thickness, 1)) ** 2).astype(np.float32)
    seams = _Seams.of(costs)
    paths = [*_through_anchors(seams, _DEAREST * stroke), *_through_gaps(seams, mask, height)]
    cuts = [_cut_along(path, costs, ink, stroke) for path in paths]
    amounts = (np.cumsum(ink, axis=1) - ink) / max(float(ink.sum()), 1e-6)
    parting = [
        cut for cut in cuts if cut.cost <= _DEAREST and _LEAST_SHARE < _left_of(cut, amounts) < 1 - _LEAST_SHARE
    ]
    most = int(ink.shape[1] / (_DENSE * height))
    return sorted(_apart(parting, _APART * height, most), key=lambda cut: cut.path.mean())


class _Seams(NamedTuple):
    """The cheapest ways to each pixel: from the first row down, and from the last row up."""

    above: NDArray[np.float32]
    from_above: NDArray[np.int8]
    below: NDArray[np.float32]
    from_below: NDArray[np.int8]
    costs: NDArray[np.float32]

    @classmethod
    def of(cls, costs: NDArray[np.float32]) -> _Seams:
        """Find them."""
        above, from_above = _cheapest(costs)
        below, from_below = _cheapest(costs[::-1])
        return cls(above, from_above, below[::-1], from_below, costs)

    def through(self, row: int) -> NDArray[np.float32]:
        """What the cheapest path through each pixel of a row costs."""
        return self.above[row] + self.below[row] - self.costs[row]

    def path(self, start: _Pixel, end: _Pixel) -> NDArray[np.int64]:
        """The cheapest path to a pixel, straight on to another, not above it, and the cheapest from there."""
        (first, x), (last, beyond) = start, end
        straight = np.rint(np.linspace(x, beyond, last - first + 1)).astype(np.int64)
        upper = _walked(self.from_above[: first + 1], x)
        lower = _walked(self.from_below[: len(self.costs) - last], beyond)[::-1]
        return np.concatenate([upper, straight[1:], lower[1:]])


def _through_anchors(seams: _Seams, dearest: float) -> Iterator[NDArray[np.int64]]:
    n = len(seams.costs)
    for row in sorted({int(share * (n - 1)) for share in _ANCHORS}):
        through = seams.through(row)
        for x in np.flatnonzero((through <= dearest) & _is_lowest(through)).tolist():
            yield seams.path((row, x), (row, x))


def _through_gaps(seams: _Seams, mask: NDArray[np.bool_], height: float) -> Iterator[NDArray[np.int64]]:
    most = ceil(_GAPS * mask.shape[1] / height)
    from_above = sorted(_gap_ends(mask), reverse=True)[:most]
    from_below = [(len(mask) - 1 - row, x) for row, x in sorted(_gap_ends(mask[::-1]), reverse=True)[:most]]
    for end in from_above + from_below:
        yield seams.path(end, end)
    for upper, lower in product(from_above, from_below):
        rows, aside = lower[0] - upper[0], abs(lower[1] - upper[1])
        if rows > 0 and aside <= min(_FACING * height, (len(_ASIDE) - 1) * rows):
            yield seams.path(upper, lower)


def _gap_ends(mask: NDArray[np.bool_]) -> list[_Pixel]:
    """Where paths from above that cross no ink come to an end; the middle one of pixels beside each other."""
    from scipy.ndimage import label, maximum_filter1d

    reached = ~mask
    width = 2 * (len(_ASIDE) - 1) + 1
    for row in range(1, len(mask)):
        reached[row] &= maximum_filter1d(reached[row - 1], width)
    runs, n = label(reached, [[0, 0, 0], [1, 1, 1], [0, 0, 0]])
    goes_on = np.zeros(n + 1, bool)
    goes_on[runs[:-1][maximum_filter1d(reached[1:], width, axis=1)]] = True
    goes_on[runs[-1]] = True
    rows, columns = np.nonzero(~goes_on[runs] & reached)
    _, starts, lengths = np.unique(runs[rows, columns], return_index=True, return_counts=True)
    return [(int(rows[i]), int(columns[i])) for i in starts + (lengths - 1) // 2]


def _cut_along(
    path: NDArray[np.int64], costs: NDArray[np.float32], ink: NDArray[np.float32], stroke: float
) -> Cut:
    rows = np.arange(len(ink))
    aside = np.abs(np.diff(path, prepend=path[0]))
    cost = float((costs[rows, path] * (1 + aside)).sum() + np.array(_ASIDE)[aside].sum()) / stroke
    along = ink[rows, path]
    inked = along > FAINT
    entered = np.count_nonzero(np.diff(inked, prepend=False) & inked)
    return Cut(path, cost, float(along.sum()) / stroke, int(entered))


def _left_of(cut: Cut, amounts: NDArray[np.float32]) -> float:
    """The share of all ink to the left of a cut; `amounts` says how much is in each row before each column."""
    return float(amounts[np.arange(len(amounts)), cut.path].sum())


def _apart(cuts: list[Cut], least: float, most: int) -> list[Cut]:
    """The cheapest first, without those that are near to a cheaper one."""
    kept: list[Cut] = []
    for cut in sorted(cuts, key=lambda cut: cut.cost):
        if len(kept) == most:
            break
        if not kept or (np.abs(np.stack([other.path for other in kept]) - cut.path).mean(axis=1) >= least).all():
            kept.append(cut)
    return kept


def _is_lowest(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a value is as low as those beside it; of equal ones that follow each other, the middle one."""
    changes = np.flatnonzero(np.diff(values)) + 1
    starts, ends = np.append(0, changes), np.append(changes, len(values))
    levels = values[starts]
    low = np.append(True, levels[1:] < levels[:-1]) & np.append(levels[:-1] < levels[1:], True)
    lowest = np.zeros(len(values), bool)
    lowest[((starts + ends - 1) // 2)[low]] = True
    return lowest


def _stroke_and_thickness(mask: NDArray[np.bool_]) -> tuple[float, NDArray[np.float64]]:
    """Width of the strokes, and at each pixel how thick the ink is thereabouts."""
    from scipy.ndimage import distance_transform_edt, maximum_filter

    inside: NDArray[np.float64] = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    # A pixel of a bar is a quarter of its width away from its edge, on average.
    stroke = max(1.0, 4 * float(inside[mask].mean()) - 2) if mask.any() else 1.0
    return stroke, 2 * maximum_filter(inside, int(stroke) | 1) - 1


def _cheapest(costs: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Cost of the cheapest path from the first row to each pixel, and the step that comes to it."""
    total = costs.astype(np.float32).copy()
    steps = np.zeros(costs.shape, np.int8)
    width, reach = costs.shape[1], len(_ASIDE) - 1
    aside = np.array([_ASIDE[abs(step)] for step in range(-reach, reach + 1)], np.float32)
    order = np.argsort(aside, kind="stable")  # straight, where it is as cheap
    columns = np.arange(width)
    around = np.full(width + 2 * reach, np.inf, np.float32)
    for row in range(1, len(costs)):
        around[reach:-reach] = total[row - 1]
        # A step to the side crosses ink on its way, too.
        beside = np.abs(np.arange(-reach, reach + 1)) * costs[row][:, None]
        windows = np.lib.stride_tricks.sliding_window_view(around, 2 * reach + 1) + aside + beside
        best = order[windows[:, order].argmin(axis=1)]
        steps[row] = best - reach
        total[row] += windows[columns, best]
    return total, steps


def _walked(steps: NDArray[np.int8], x: int) -> NDArray[np.int64]:
    """Columns of the path that ends at x in the last row, from the first row on."""
    path = np.empty(len(steps), np.int64)
    for row in range(len(steps) - 1, -1, -1):
        path[row] = x
        x = x + int(steps[row, x])
    return path
