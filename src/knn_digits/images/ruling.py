"""Ruled lines and frames of boxes: found as long thin straight runs of ink, and taken away from under the digits.

What is long enough cannot be part of a digit. What is shorter is the side of a box if both its ends meet sides of
the other direction, and the tooth of a comb if it stands on a rule in a row of such, with nothing beside it.
Where a stroke crosses, its ink stays: there the run across the line is longer than the line is thick, or darker.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rule", "find_rules", "without_rules"]

_VISIBLE = 0.15  # of strong ink: rules are often fainter than strokes
# All in digit heights.
_LONG_ACROSS, _LONG_DOWN = 2.5, 2.2  # no digits that touch have a straight stroke of that length
_SIDE, _TICK = 0.8, 0.35  # the shortest side of a box, and the shortest tick
_RUN = 0.3  # in one row: a rule may be that oblique
_THICKEST = 0.13
_THROUGH, _THIN = 0.95, 0.05  # shares of the picture's width, and of its shorter side
_TICK_GAP = 3.0  # pixels, between a tooth and the comb
_REACH = 0.25  # between the end of a side and the side it meets
_STEEPEST = 0.15  # rows a column
_DARKER = 1.3  # than the rule: ink of a stroke


@dataclass(frozen=True, eq=False)
class Rule:
    """A ruled line, or a side of a box; given as if it ran across, for those that run down transposed.

    Attributes
    ----------
    start, end : int
        Columns from which and to before which it runs.
    curve : float64 ndarray of shape (3,)
        Coefficients of its middle row as a polynomial of the column, highest power first.
    thickness : float
        In pixels.
    """

    start: int
    end: int
    curve: NDArray[np.float64]
    thickness: float

    def __len__(self) -> int:
        return self.end - self.start

    def ends(self) -> NDArray[np.float64]:
        """Column and row of both its ends: shape (2, 2)."""
        columns = np.array([self.start, self.end - 1], float)
        return np.stack([columns, np.polyval(self.curve, columns)], axis=1)

    def distance(self, column: float, row: float) -> float:
        """How far a point is from it."""
        beside = max(self.start - column, column - self.end, 0)
        return max(abs(float(np.polyval(self.curve, column)) - row), float(beside))


def without_rules(ink: NDArray[np.float32], height: float) -> NDArray[np.float32]:
    """Take ruled lines and frames away.

    Parameters
    ----------
    ink : float32 ndarray of shape (height, width)
        0 is paper, 1 is strong ink.
    height : float
        Of digits, about, in pixels.

    Returns
    -------
    ink : float32 ndarray of shape (height, width)
        The same array where there are no rules.
    """
    across, down = find_rules(ink > _VISIBLE, height)
    for rules, transposed in ((across, False), (down, True)):
        for rule in rules:
            ink = _erased(ink.T, rule).T if transposed else _erased(ink, rule)
    return ink


def find_rules(mask: NDArray[np.bool_], height: float) -> tuple[list[Rule], list[Rule]]:
    """Find ruled lines and sides of boxes.

    Parameters
    ----------
    mask : bool ndarray of shape (height, width)
        Where ink is.
    height : float
        Of digits, about, in pixels.

    Returns
    -------
    across, down : list of Rule
        The latter as found in the transposed picture.
    """
    across, down = _runs(mask, height, _SIDE * height), _runs(mask.T, height, _SIDE * height)
    for _ in range(2):  # a side may rest on one that turns out to be none
        across, down = (
            [r for r in across if _is_long(r, mask, _LONG_ACROSS * height) or _n_met(r, down, height) == 2],
            [r for r in down if _is_long(r, mask.T, _LONG_DOWN * height) or _n_met(r, across, height) == 2],
        )
    if not across:
        return across, down
    others = [r for r in _runs(mask.T, height, _TICK * height) if _is_alone(r, mask.T, height)]
    return across, down + [tick for rule in across for tick in _ticks(rule, others)]


def _is_long(rule: Rule, mask: NDArray[np.bool_], least: float) -> bool:
    """Whether it is longer than any stroke, or runs through a whole picture where it is thin."""
    through = len(rule) >= _THROUGH * mask.shape[1] and rule.thickness <= _THIN * min(mask.shape)
    return len(rule) >= least or through


def _n_met(rule: Rule, others: list[Rule], height: float) -> int:
    """How many of both ends meet rules of the other direction, of about its thickness."""
    alike = [o for o in others if rule.thickness <= 1.7 * o.thickness + 1]
    return sum(any(o.distance(row, column) <= _REACH * height for o in alike) for column, row in rule.ends())


def _ticks(rule: Rule, others: list[Rule]) -> list[Rule]:
    """The teeth of a comb: alike, on a rule as thick as they are, at even distances."""
    on_it = [
        o
        for o in others
        if 0.6 * rule.thickness - 1 <= o.thickness <= 1.5 * rule.thickness + 1
        and min(rule.distance(row, column) for column, row in o.ends()) <= rule.thickness + _TICK_GAP
    ]
    typical = np.median([len(o) for o in on_it]) if on_it else 0
    alike = sorted((o for o in on_it if abs(len(o) / typical - 1) < 0.25), key=lambda o: o.ends()[0, 1])
    steps = np.diff([o.ends()[0, 1] for o in alike])
    if len(steps) < 2:
        return []
    in_steps = steps / np.median(steps)
    return alike if np.mean(np.abs(in_steps - np.rint(in_steps)) < 0.2) > 0.7 else []


def _is_alone(rule: Rule, mask: NDArray[np.bool_], height: float) -> bool:
    """Whether nothing is beside the middle of a tick: no more ink than its own."""
    middle = np.arange(rule.start + len(rule) // 5, rule.end - len(rule) // 5)
    rows = np.rint(np.polyval(rule.curve, middle)).astype(int)
    beside = rows + np.arange(-round(_REACH * height), round(_REACH * height) + 1)[:, None]
    ink = mask[beside.clip(0, len(mask) - 1), middle].sum(axis=0)
    return bool(np.median(ink) <= rule.thickness + 3)


def _runs(mask: NDArray[np.bool_], height: float, least: float) -> list[Rule]:
    """Straight runs of ink of some least length, or through the whole picture."""
    from scipy.ndimage import find_objects, label, maximum_filter1d, minimum_filter1d

    length = max(5, round(_RUN * height) | 1)
    if mask.shape[1] < length or not mask.any():
        return []
    # A line that is oblique by a row is still one run, and so is one with a small hole.
    thick = maximum_filter1d(mask.astype(np.uint8), 3, axis=0)
    thick = minimum_filter1d(maximum_filter1d(thick, 5, axis=1), 5, axis=1)
    opened = maximum_filter1d(minimum_filter1d(thick, length, axis=1), length, axis=1)
    labels, _ = label(opened, np.ones((3, 3), int))
    found = []
    for number, place in enumerate(find_objects(labels), 1):
        if place[1].stop - place[1].start >= min(least, _THROUGH * mask.shape[1]):
            rule = _traced(labels[place] == number, place[0].start, place[1].start, height)
            if rule is not None:
                found.append(rule)
    return found


def _traced(mask: NDArray[np.bool_], top: int, left: int, height: float) -> Rule | None:
    """Follow the middle of a run; None where it is thick or crooked."""
    counts = mask.sum(axis=0)
    columns = np.flatnonzero(counts)
    rows = (mask * np.arange(len(mask))[:, None]).sum(axis=0)[columns] / counts[columns]
    thickness = max(1.0, float(np.quantile(counts[columns], 0.4)) - 2)
    if thickness > _THICKEST * height:
        return None
    # Where strokes run into it, it is thick: the thin columns show where it is.
    near, degree = counts[columns] <= np.quantile(counts[columns], 0.4) + 1, 2 if len(columns) > 3 * height else 1
    for _ in range(3):
        if near.sum() < 0.4 * len(columns):
            return None
        curve = np.polyfit(columns[near], rows[near], degree)
        near = np.abs(np.polyval(curve, columns) - rows) <= max(1.5, 0.6 * thickness)
    if near.mean() < 0.5 or abs(np.polyval(np.polyder(curve), columns.mean())) > _STEEPEST:
        return None
    curve = np.polyfit(columns + left, np.polyval(curve, columns) + top, len(curve) - 1)
    curve = np.concatenate([np.zeros(3 - len(curve)), curve])
    return Rule(left + int(columns[0]), left + int(columns[-1]) + 1, curve, thickness)


def _erased(ink: NDArray[np.float32], rule: Rule) -> NDArray[np.float32]:
    """Take away the ink of a rule, but not of the strokes that cross it."""
    rows, columns = ink.shape
    beyond = int(2 * rule.thickness + 3) + len(rule) // 4
    x = np.arange(max(0, rule.start - beyond), min(columns, rule.end + beyond))
    y = np.clip(np.rint(np.polyval(rule.curve, x)).astype(int), 0, rows - 1)
    most = int(1.6 * rule.thickness + 3)
    level = float(np.quantile(ink[y, x], 0.7))
    reach = [_reach(ink, x, y, step, most) for step in (-1, 1)]
    crossed = (reach[0] + reach[1] - 1 > most) | (ink[y, x] > max(2 * _VISIBLE, _DARKER * level))
    erased = ink.copy()
    for offset in range(-most, most + 1):
        inside = ~crossed & (y + offset >= 0) & (y + offset < rows)
        inside &= (offset >= -reach[0] - 1) & (offset <= reach[1] + 1)
        erased[y[inside] + offset, x[inside]] = 0
    return erased


def _reach(
    ink: NDArray[np.float32], x: NDArray[np.int64], y: NDArray[np.int64], step: int, most: int
) -> NDArray[np.int64]:
    """How many pixels of ink follow each other from the middle of a rule, upwards or downwards."""
    reach = np.zeros(len(x), np.int64)
    going = np.ones(len(x), bool)
    for offset in range(most + 1):
        row = y + step * offset
        inside = (row >= 0) & (row < len(ink))
        # The middle may lie beside a thin line by a pixel.
        going &= inside & ((ink[np.clip(row, 0, len(ink) - 1), x] > _VISIBLE) | (offset <= 1))
        reach += going
    return reach
