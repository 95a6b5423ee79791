"""Ruled lines and frames of boxes: found as long thin straight runs of ink, and taken away from under the digits.

What is long enough cannot be part of a digit. What is shorter is the side of a box if both its ends meet sides of
the other direction, and the tooth of a comb if it stands on a rule in a row of such, with nothing beside it.
Where a stroke crosses, its ink stays: there the run across the line is longer than the line is thick, or darker.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rule", "find_rules", "without_rules"]

_VISIBLE = 0.15  # of strong ink: rules are often fainter than strokes
# All in digit heights.
_LONG_ACROSS, _LONG_DOWN = 2.5, 2.2  # no digits that touch have a straight stroke of that length
_SIDE, _TICK = 0.8, 0.35  # the shortest side of a box, and the shortest tick
_RUN = 0.3  # in one row: a rule may be that oblique
_THICKEST = 0.13
_LEAST_OF_TWO = 4  # pixels: the width of two lines with paper between
_WIDEST = 0.45  # of two sides that are traced as one: those of boxes close to each other
_THROUGH, _THIN = 0.95, 0.05  # shares of the picture's width, and of its shorter side
_TICK_GAP = 3.0  # pixels, between a tooth and the comb
_REACH = 0.25  # between the end of a side and the side it meets
_STRAIGHT_SHARE, _CROOKED = 0.8, 0.022  # of a rule's columns, and digit heights away from a parabola
_STEEPEST = 0.15  # rows a column
_ASIDE, _MOST_IN_ROW = 3, 100  # pixels from where a rule is expected; rules among which rows are looked for
_DARKER = 1.3  # than the rule: ink of a stroke
_PEAK, _COVERED = 0.6, 0.85  # of the strongest ink across a run, and of its columns: what makes a line of it


_Column = TypeVar("_Column", float, NDArray[np.int64], NDArray[np.float64])


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
    width : float
        More than the thickness where two lines run side by side, as do the sides of boxes close to each other.
    """

    start: int
    end: int
    curve: NDArray[np.float64]
    thickness: float
    width: float

    def __len__(self) -> int:
        return self.end - self.start

    def moved(self, right: float, down: float) -> Rule:
        """The same rule elsewhere, by whole columns."""
        a, b, c = self.curve
        right = round(right)
        curve = np.array([a, b - 2 * a * right, c - b * right + a * right**2 + down])
        return replace(self, start=self.start + right, end=self.end + right, curve=curve)

    def row_at(self, column: _Column) -> _Column:
        """Its middle row there."""
        return _row_at(self.curve, column)

    def ends(self) -> NDArray[np.float64]:
        """Column and row of both its ends: shape (2, 2)."""
        columns = np.array([self.start, self.end - 1], float)
        return np.stack([columns, self.row_at(columns)], axis=1)

    def distance(self, column: float, row: float) -> float:
        """How far a point is from it."""
        beside = max(self.start - column, column - self.end, 0)
        return max(abs(self.row_at(column) - row), float(beside))


def _row_at(curve: NDArray[np.float64], column: _Column) -> _Column:
    a, b, c = curve
    return (a * column + b) * column + c


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
    across, down = find_rules(ink, height)
    for rules, transposed in ((across, False), (down, True)):
        for rule in rules:
            ink = _erased(ink.T, rule).T if transposed else _erased(ink, rule)
    return ink


def find_rules(ink: NDArray[np.float32], height: float) -> tuple[list[Rule], list[Rule]]:
    """Find ruled lines and sides of boxes.

    Parameters
    ----------
    ink : float32 ndarray of shape (height, width)
        0 is paper, 1 is strong ink.
    height : float
        Of digits, about, in pixels.

    Returns
    -------
    across, down : list of Rule
        The latter as found in the transposed picture.
    """
    mask = ink > _VISIBLE
    across, down = _runs(ink, height, _SIDE * height), _runs(ink.T, height, _SIDE * height)
    for _ in range(2):  # a side may rest on one that turns out to be none
        across, down = (
            [r for r in across if _is_long(r, mask, _LONG_ACROSS * height) or _n_met(r, down, height) == 2],
            [r for r in down if _is_long(r, mask.T, _LONG_DOWN * height) or _n_met(r, across, height) == 2],
        )
    across, down = _completed(across, ink), _completed(down, ink.T)
    if not across:
        return across, down
    others = [
        r for r in _runs(ink.T, height, _TICK * height) if not _is_among(r, down) and _is_alone(r, mask.T, height)
    ]
    ticks = [tick for rule in across for tick in _ticks(rule, others, down)]
    return across, down + _completed(ticks, ink.T)


def _is_long(rule: Rule, mask: NDArray[np.bool_], least: float) -> bool:
    """Whether it is longer than any stroke, or runs through a whole picture where it is thin."""
    through = len(rule) >= _THROUGH * mask.shape[1] and rule.thickness <= _THIN * min(mask.shape)
    return len(rule) >= least or through


def _n_met(rule: Rule, others: list[Rule], height: float) -> int:
    """How many of both ends meet rules of the other direction, of about its thickness."""
    alike = [o for o in others if rule.thickness <= 1.3 * o.thickness + 1]
    return sum(any(o.distance(row, column) <= _REACH * height for o in alike) for column, row in rule.ends())


def _completed(rules: list[Rule], ink: NDArray[np.float32]) -> list[Rule]:
    """With those that are missing in a row at even distances, as where digits touch the sides of their boxes."""
    step = _step_between(rules)
    if step is None:
        return rules
    found, wanted = list(rules), list(rules)
    while wanted:
        near = [rule.moved(*(sign * step)) for rule in wanted for sign in (-1, 1)]
        wanted = []
        for rule in near:
            if not _is_among(rule, found):
                seen = _seen_near(rule, ink)
                wanted += [] if seen is None else [seen]
                found += [] if seen is None else [seen]
    return found


def _step_between(rules: list[Rule]) -> NDArray[np.float64] | None:
    """The commonest way from a rule to one that is alike, in columns and rows; None where no way is common."""
    if not 3 <= len(rules) <= _MOST_IN_ROW:
        return None
    starts = np.array([rule.ends()[0] for rule in rules])
    lengths, thickness = np.array([(len(rule), rule.thickness) for rule in rules], float).T
    alike = np.abs(np.log(lengths[:, None] / lengths)) < 0.1
    alike &= np.abs(thickness[:, None] - thickness) <= 1 + 0.2 * thickness
    ways = (starts - starts[:, None])[alike & ~np.eye(len(rules), dtype=bool)]
    ways = ways[np.abs(ways).max(axis=1) > 4 * _ASIDE]
    if not len(ways):
        return None
    same = np.abs(ways - ways[:, None]).max(axis=2) <= _ASIDE
    best = same.sum(axis=1).argmax()
    return ways[same[best]].mean(axis=0) if same[best].sum() >= 2 else None


def _seen_near(rule: Rule, ink: NDArray[np.float32]) -> Rule | None:
    """The rule moved to the ink along it; None where there is none, or not all along."""
    columns = np.arange(max(0, rule.start), min(ink.shape[1], rule.end))
    if len(columns) < _COVERED * len(rule):
        return None
    aside = np.arange(-_ASIDE - 1, _ASIDE + 2)
    rows = np.rint(rule.row_at(columns)).astype(int) + aside[:, None]
    inked = (rows >= 0) & (rows < len(ink)) & (ink[rows.clip(0, len(ink) - 1), columns] > _VISIBLE)
    beside = inked[:-2] | inked[1:-1] | inked[2:]
    best = int(beside.mean(axis=1).argmax())
    if beside[best].mean() < _COVERED:
        return None
    return replace(rule.moved(0, best - _ASIDE), start=int(columns[0]), end=int(columns[-1]) + 1)


def _ticks(rule: Rule, others: list[Rule], sides: list[Rule]) -> list[Rule]:
    """The teeth of a comb: alike, on a rule as thick as they are, at even distances, as are sides beside them."""
    on_it = [o for o in others if _stands_on(o, rule)]
    on_it = [o for o in on_it if 0.6 * rule.thickness - 1 <= o.thickness <= 1.5 * rule.thickness + 1]
    typical = np.median([len(o) for o in on_it]) if on_it else 0
    alike = [o for o in on_it if abs(len(o) / typical - 1) < 0.25]
    steps = np.diff(sorted(o.ends()[0, 1] for o in alike + [o for o in sides if _stands_on(o, rule)]))
    if len(alike) < 2 or len(steps) < 2:
        return []
    in_steps = steps / np.median(steps)
    return alike if np.mean(np.abs(in_steps - np.rint(in_steps)) < 0.2) > 0.7 else []


def _is_among(rule: Rule, others: list[Rule]) -> bool:
    """Whether one of the others is the same, or nearly."""
    return any(other.distance(*rule.ends().mean(axis=0)) <= 2 * _ASIDE for other in others)


def _stands_on(rule: Rule, other: Rule) -> bool:
    """Whether an end of it meets a rule of the other direction."""
    return min(other.distance(row, column) for column, row in rule.ends()) <= other.thickness + _TICK_GAP


def _is_alone(rule: Rule, mask: NDArray[np.bool_], height: float) -> bool:
    """Whether nothing is beside the middle of a tick: no more ink than its own."""
    middle = np.arange(rule.start + len(rule) // 5, rule.end - len(rule) // 5)
    rows = np.rint(rule.row_at(middle)).astype(int)
    beside = rows + np.arange(-round(_REACH * height), round(_REACH * height) + 1)[:, None]
    ink = mask[beside.clip(0, len(mask) - 1), middle].sum(axis=0)
    return bool(np.median(ink) <= rule.thickness + 3)


def _runs(ink: NDArray[np.float32], height: float, least: float) -> list[Rule]:
    """Straight runs of ink of some least length, or through the whole picture."""
    from scipy.ndimage import find_objects, label, maximum_filter1d, minimum_filter1d

    mask, length = ink > _VISIBLE, max(5, round(_RUN * height) | 1)
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
            # What is thick because of what lies beside it may be thin by itself.
            rule = _traced(labels[place] == number, ink[place], height)
            if rule is not None:
                found.append(rule.moved(place[1].start, place[0].start))
    return found


def _traced(run: NDArray[np.bool_], ink: NDArray[np.float32], height: float) -> Rule | None:
    """Follow the middle of a run; None where it is thick or crooked."""
    counts = run.sum(axis=0)
    columns = np.flatnonzero(counts)
    counts = counts[columns]
    usual = int(np.partition(counts, int(0.4 * len(counts)))[int(0.4 * len(counts))])
    width, thickest = max(1.0, float(usual - 2)), _THICKEST * height
    if width > _WIDEST * height or thickest < width < _LEAST_OF_TWO:
        return None
    rows = (np.arange(len(run)) @ run)[columns] / counts
    # Where strokes run into it, it is thick: the thin columns show where it is.
    thin, degree = counts <= usual + 1, 2 if len(columns) > 3 * height else 1
    near = thin
    for _ in range(3):
        if near.sum() < 0.4 * len(columns):
            return None
        curve = _fitted(columns[near], rows[near], degree)
        away = np.abs(_row_at(curve, columns) - rows)
        near = away <= max(1.5, 0.6 * width)
    crooked = np.quantile(away[thin], _STRAIGHT_SHARE) > max(0.5, _CROOKED * height)
    if crooked or near.mean() < 0.5 or abs(np.polyval(np.polyder(curve), columns.mean())) > _STEEPEST:
        return None
    rule = Rule(int(columns[0]), int(columns[-1]) + 1, curve, width, width)
    return _as_two(rule, ink, height) or (rule if width <= thickest else None)


def _fitted(x: NDArray[np.int64], y: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    """The parabola, or straight line, of least squares; `numpy.polyfit` takes longer than all else, for a line."""
    if degree == 2:
        return np.polyfit(x, y, 2)
    from_middle = x - x.mean()
    slope = float(from_middle @ y) / max(float(from_middle @ from_middle), 1e-9)
    return np.array([0.0, slope, y.mean() - slope * x.mean()])


def _as_two(rule: Rule, ink: NDArray[np.float32], height: float) -> Rule | None:
    """A rule as two lines with paper between, where it is that."""
    half = int(rule.width / 2) + 2
    columns = np.arange(rule.start, rule.end)
    rows = np.rint(rule.row_at(columns)).astype(int) + np.arange(-half, half + 1)[:, None]
    strip = np.where((rows >= 0) & (rows < len(ink)), ink[rows.clip(0, len(ink) - 1), columns], 0)
    profile = np.median(strip, axis=1)
    strong = np.flatnonzero(profile >= _PEAK * profile.max())
    lines = np.split(strong, np.flatnonzero(np.diff(strong) > 1) + 1)
    thickness = max(len(line) for line in lines)
    whole = [(strip[line].max(axis=0) > _VISIBLE).mean() >= _COVERED for line in lines]
    if len(lines) != 2 or not all(whole) or thickness > _THICKEST * height:
        return None
    rule = rule.moved(0, (strong[0] + strong[-1]) / 2 - half)
    return replace(rule, thickness=float(thickness), width=float(strong[-1] - strong[0] + 1))


def _erased(ink: NDArray[np.float32], rule: Rule) -> NDArray[np.float32]:
    """Take away the ink of a rule, but not of the strokes that cross it."""
    rows, columns = ink.shape
    beyond = int(2 * rule.thickness + 3) + len(rule) // 4
    x = np.arange(max(0, rule.start - beyond), min(columns, rule.end + beyond))
    y = np.clip(np.rint(rule.row_at(x)).astype(int), 0, rows - 1)
    most = int(rule.width + 0.6 * rule.thickness + 3)
    # The middle may lie beside a thin line by a pixel, and between two lines.
    half = max(1, int(rule.width / 2))
    reach = [_reach(ink, x, y, step, half, most) for step in (-1, 1)]
    darkness = ink[y, x] if rule.width == rule.thickness else _strongest(ink, x, y, half)
    level = float(np.quantile(darkness, 0.7))
    crossed = (reach[0] + reach[1] - 1 > most) | (darkness > max(2 * _VISIBLE, _DARKER * level))
    erased = ink.copy()
    for offset in range(-most, most + 1):
        inside = ~crossed & (y + offset >= 0) & (y + offset < rows)
        inside &= (offset >= -reach[0] - 1) & (offset <= reach[1] + 1)
        erased[y[inside] + offset, x[inside]] = 0
    return erased


def _strongest(
    ink: NDArray[np.float32], x: NDArray[np.int64], y: NDArray[np.int64], half: int
) -> NDArray[np.float32]:
    """The strongest ink across a rule."""
    rows = y + np.arange(-half, half + 1)[:, None]
    return np.asarray(ink[rows.clip(0, len(ink) - 1), x].max(axis=0))


def _reach(
    ink: NDArray[np.float32], x: NDArray[np.int64], y: NDArray[np.int64], step: int, inner: int, most: int
) -> NDArray[np.int64]:
    """How many pixels of ink follow each other from the middle of a rule, upwards or downwards.

    The inner ones count as ink, whatever they are.
    """
    reach = np.zeros(len(x), np.int64)
    going = np.ones(len(x), bool)
    for offset in range(most + 1):
        row = y + step * offset
        inside = (row >= 0) & (row < len(ink))
        going &= inside & ((ink[np.clip(row, 0, len(ink) - 1), x] > _VISIBLE) | (offset <= inner))
        reach += going
    return reach
