"""Where to cut ink that may be several digits: along paths from top to bottom that cross little of it.

A path goes down a row at a time, straight or to a side, and costs the ink it crosses; the cheapest ones are found
by dynamic programming, as a seam is in an image that is to be made narrower (S. Avidan, A. Shamir, Seam carving
for content-aware image resizing, 2007). So a cut may bend around a stroke that leans over the next digit. Where
ink is thicker than a stroke, as it is where two strokes lie side by side, crossing it is cheap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knn_digits.images.ink import FAINT

__all__ = ["Cut", "find_cuts"]

_ASIDE = (0.0, 0.04, 0.12)  # what steps to the side by so many pixels cost, in pixels of ink
_ANCHORS = (0.15, 0.3, 0.5, 0.7, 0.85)  # of the height: rows through a pixel of which a cut is the cheapest
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
        Ink crossed, in widths of a stroke; less where it is thick.
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
    stroke, thickness = _stroke_and_thickness(ink > FAINT)
    costs = ink * np.minimum(1, (_WIDE * stroke / np.maximum(thickness, 1)) ** 2).astype(np.float32)
    above, from_above = _cheapest(costs)
    below, from_below = _cheapest(costs[::-1])
    found = []
    for row in sorted({int(share * (len(ink) - 1)) for share in _ANCHORS}):
        through = (above[row] + below[len(ink) - 1 - row] - costs[row]) / stroke
        for x in np.flatnonzero((through <= _DEAREST) & _is_lowest(through)).tolist():
            upper, lower = _walked(from_above[: row + 1], x), _walked(from_below[: len(ink) - row], x)[::-1]
            found.append(_cut_along(np.concatenate([upper, lower[1:]]), float(through[x]), ink, stroke))
    amounts = (np.cumsum(ink, axis=1) - ink) / max(float(ink.sum()), 1e-6)
    parting = [cut for cut in found if _LEAST_SHARE < _left_of(cut, amounts) < 1 - _LEAST_SHARE]
    most = int(ink.shape[1] / (_DENSE * height))
    return sorted(_apart(parting, _APART * height, most), key=lambda cut: cut.path.mean())


def _cut_along(path: NDArray[np.int64], cost: float, ink: NDArray[np.float32], stroke: float) -> Cut:
    along = ink[np.arange(len(ink)), path]
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
