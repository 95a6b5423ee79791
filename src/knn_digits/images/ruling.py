"""Ruled lines and frames of boxes: found as long thin straight runs of ink, and taken away from under the digits.

What is long enough cannot be part of a digit, nor can what runs through the whole picture. What is shorter is the
side of a box if both its ends meet sides of the other direction, and the tooth of a comb if it stands on a rule
that runs across, in a row of such, with nothing beside it. Two sides close to each other are found as one. Where
others stand at even distances, one that is missing is looked for: a digit may lean on it. Where a stroke crosses,
its ink stays: there the run across the line is longer than the line is thick, or darker.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import compress
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rule", "find_rules", "without_rules"]

_VISIBLE = 0.15  # of strong ink: rules are often fainter than strokes

# Lengths in digit heights.
_LONG_ACROSS, _LONG_DOWN = 2.5, 2.2  # no digits that touch have a straight stroke of that length
_TALLEST = 1.3  # a stroke that runs through a whole picture may be a 1, but is not longer than that
_SIDE, _TOOTH = 0.8, 0.35  # the shortest side of a box, and the shortest tooth
_RUN = 0.3  # in one row: a rule may be that oblique
_THICKEST = 0.13
_WIDEST = 0.45  # of two sides that are traced as one: those of boxes close to each other
_REACH = 0.25  # between the end of a side and the side it meets
_CROOKED = 0.022  # away from a parabola, along more of its columns than the share that may be

# Pixels.
_LEAST_OF_TWO = 4  # the width of two lines with paper between
_TOOTH_GAP = 3.0  # between a tooth and the comb
_ASIDE = 3  # from where a rule is expected
_GAP = 4  # without ink, across which a rule goes on
_FAR_STEP = 24  # between rules: some of its multiples may be seen alone

_STRAIGHT_SHARE = 0.8  # of the columns of a rule
_THROUGH, _THIN = 0.95, 0.05  # shares of the picture's width, and of its shorter side
_STEEPEST = 0.15  # rows a column
_DARKER = 1.3  # than the rule: ink of a stroke
_USUAL = 0.7  # of the darkness along a rule: a line of a pixel is fainter where it steps aside
_AS_DARK = 2.0  # as the rule it meets, at most: a side, or a tooth
_PEAK, _COVERED = 0.6, 0.85  # of the strongest ink across a run, and of its columns: what makes a line of it
_MOST_IN_ROW, _NEAREST = 100, 4  # rules among which rows are looked for, and how many beside each
_MOST_STEPS = 4  # from a rule to the next that is seen
_MOST_RUNS = 1000


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
    darkness : float
        Of its ink, as it usually is.
    """

    start: int
    end: int
    curve: NDArray[np.float64]
    thickness: float
    width: float
    darkness: float

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

    def direction(self) -> NDArray[np.float64]:
        """Columns and rows to the point that is a column further, on average."""
        first, last = self.ends()
        return (last - first) / max(last[0] - first[0], 1.0)

    def ends(self) -> NDArray[np.float64]:
        """Column and row of both its ends: shape (2, 2)."""
        columns = np.array([self.start, self.end - 1], float)
        return np.stack([columns, self.row_at(columns)], axis=1)


def _row_at(curve: NDArray[np.float64], column: _Column) -> _Column:
    a, b, c = curve
    return (a * column + b) * column + c


def without_rules(ink: NDArray[np.float32], height: float, stretch: float = 1.0) -> NDArray[np.float32]:
    """Take ruled lines and frames away.

    Parameters
    ----------
    ink : float32 ndarray of shape (height, width)
        0 is paper, 1 is strong ink.
    height : float
        Of digits, about, in pixels.
    stretch : float, default=1
        As of `find_rules`.

    Returns
    -------
    ink : float32 ndarray of shape (height, width)
        The same array where there are no rules.
    """
    across, down = find_rules(ink, height, stretch)
    if not across and not down:
        return ink
    left = ink.copy()
    for rules, seen in ((across, left), (down, left.T)):
        for rule in rules:
            _erase(seen, rule)
    return left


def find_rules(ink: NDArray[np.float32], height: float, stretch: float = 1.0) -> tuple[list[Rule], list[Rule]]:
    """Find ruled lines and sides of boxes.

    Parameters
    ----------
    ink : float32 ndarray of shape (height, width)
        0 is paper, 1 is strong ink.
    height : float
        Of digits, about, in pixels.
    stretch : float, default=1
        How many times longer the runs of ink are, at least, in every row: digits that stand on a ruled line hide
        it, unless they are too short to count.

    Returns
    -------
    across, down : list of Rule
        The latter as found in the transposed picture.
    """
    mask, least = ink > _VISIBLE, _SIDE * height * stretch
    # In long runs, strokes of digits that touch may pass for one; those are not that long.
    longer = min(stretch, 2.0)
    across, down = (_runs(seen, height, least, stretch) for seen in (ink, ink.T))
    for _ in range(2):  # a side may rest on one that turns out to be none
        is_across = _are_long(across, mask, longer * _LONG_ACROSS, height) | _are_sides(across, down, height)
        is_down = _are_long(down, mask.T, longer * _LONG_DOWN, height) | _are_sides(down, across, height)
        across, down = list(compress(across, is_across)), list(compress(down, is_down))
    steps = [*_steps_between(across), *(step[::-1] for step in _steps_between(down))]
    across, down = _completed(across, ink, steps), _completed(down, ink.T, [step[::-1] for step in steps])
    if not across:
        return across, down
    known = _Places(down)
    shorter = [
        r for r in _runs(ink.T, height, _TOOTH * height) if not known.has(r) and _is_alone(r, mask.T, height)
    ]
    return across, down + _teeth(across, shorter, down, ink.T)


def _are_long(rules: list[Rule], mask: NDArray[np.bool_], least: float, height: float) -> NDArray[np.bool_]:
    """Which are longer than any stroke, or run through a whole picture where they are thin."""
    lengths, thickness = _lengths(rules), np.array([rule.thickness for rule in rules])
    through = (lengths >= _THROUGH * mask.shape[1]) & (thickness <= _THIN * min(mask.shape))
    return (lengths >= least * height) | (through & (lengths >= _TALLEST * height))


def _are_sides(rules: list[Rule], others: list[Rule], height: float) -> NDArray[np.bool_]:
    """Which meet rules of the other direction at both ends, about as thick and as dark."""
    places, met = _Places(others), np.ones(len(rules), bool)
    for i, rule in enumerate(rules):
        alike = (rule.thickness <= 1.3 * places.thickness + 1) & (rule.darkness <= _AS_DARK * places.darkness)
        for column, row in rule.ends():
            met[i] &= bool((places.distances(row, column)[alike] <= _REACH * height).any())
    return met


def _lengths(rules: list[Rule]) -> NDArray[np.float64]:
    return np.array([len(rule) for rule in rules], float)


class _Places:
    """Where rules are, as arrays: there may be a thousand."""

    def __init__(self, rules: list[Rule]) -> None:
        self.starts, self.ends = np.array([(rule.start, rule.end) for rule in rules]).reshape(-1, 2).T
        self.curves = np.array([rule.curve for rule in rules]).reshape(-1, 3).T
        self.thickness = np.array([rule.thickness for rule in rules])
        self.darkness = np.array([rule.darkness for rule in rules])

    def distances(self, column: float, row: float) -> NDArray[np.float64]:
        """How far a point is from each of them."""
        beside = np.maximum(np.maximum(self.starts - column, column - self.ends), 0)
        a, b, c = self.curves
        return np.maximum(np.abs((a * column + b) * column + c - row), beside)

    def has(self, rule: Rule, within: float = 2 * _ASIDE) -> bool:
        """Whether one of them is this one, or nearly."""
        return bool((self.distances(*rule.ends().mean(axis=0)) <= within).any())


def _completed(rules: list[Rule], ink: NDArray[np.float32], steps: list[NDArray[np.float64]]) -> list[Rule]:
    """With those that are missing in a row at even distances, as where digits touch the sides of their boxes."""
    if len(rules) > _MOST_IN_ROW:
        return rules
    found = list(rules)
    for rule in found:  # which grows: beside one that was missing may be another
        for way in [way for step in steps for way in (-step, step)]:
            known, expected = _Places(found), rule.moved(*way)
            seen = None if known.has(expected, _ASIDE) else _seen_near(expected, ink)
            if seen is not None and not known.has(seen, _ASIDE):
                found.append(seen)
    return found


def _steps_between(rules: list[Rule]) -> list[NDArray[np.float64]]:
    """The commonest way from a rule to the next that is alike, in columns and rows; none where no way is common.

    A way that is several times another, where rules between are missing, speaks for the shorter one.
    """
    if not 3 <= len(rules) <= _MOST_IN_ROW:
        return []
    starts = np.array([rule.ends()[0] for rule in rules])
    lengths, thickness = _lengths(rules), np.array([rule.thickness for rule in rules])
    ways = starts - starts[:, None]
    far = np.abs(ways).max(axis=2)
    alike = np.abs(np.log(lengths[:, None] / lengths)) < 0.1
    alike &= (np.abs(thickness[:, None] - thickness) <= 1 + 0.2 * thickness) & (far > 4 * _ASIDE)
    nearest = np.argsort(np.where(alike, far, np.inf), axis=1)[:, :_NEAREST]
    own = np.arange(len(rules))[:, None]
    ways = ways[own, nearest][alike[own, nearest]]
    if not len(ways):
        return []
    times = np.arange(1, _MOST_STEPS + 1)[:, None, None, None]
    same = np.abs(ways - times * ways[:, None]).max(axis=3) <= _ASIDE
    same[1:] &= np.abs(ways).max(axis=1)[:, None] >= _FAR_STEP  # a short one is soon somebody's part
    best = same.sum(axis=(0, 2)).argmax()
    shares = (ways / times[:, 0])[same[:, best]]
    return [shares.mean(axis=0)] if len(shares) >= 2 else []


def _seen_near(rule: Rule, ink: NDArray[np.float32]) -> Rule | None:
    """The rule moved to the ink along it; None where there is none, or not all along."""
    columns = np.arange(max(0, rule.start), min(ink.shape[1], rule.end))
    if len(columns) < _COVERED * len(rule):
        return None
    strip = _strip(ink, rule, columns, _ASIDE + round((rule.width - rule.thickness) / 2) + 1)
    strongest = np.maximum(np.maximum(strip[:-2], strip[1:-1]), strip[2:])
    covered, ink_there = (strongest > _VISIBLE).mean(axis=1), strip[1:-1].mean(axis=1)
    # Of two lines side by side, both must be there.
    moves = np.arange(-_ASIDE, _ASIDE + 1)
    first, second = slice(None, len(moves)), slice(-len(moves), None)
    seen = np.minimum(covered[first], covered[second]) >= _COVERED
    if not seen.any():
        return None
    move = moves[np.where(seen, ink_there[first] + ink_there[second], -1).argmax()]
    found = replace(rule.moved(0, int(move)), start=int(columns[0]), end=int(columns[-1]) + 1)
    darkness = _usual_darkness(ink, found)
    # Where a digit leans on it, it seems darker than it is.
    return found if darkness > _DARKER * rule.darkness else replace(found, darkness=darkness)


def _teeth(across: list[Rule], shorter: list[Rule], sides: list[Rule], ink: NDArray[np.float32]) -> list[Rule]:
    """The teeth of combs: alike, on a rule as thick as they are, at even distances, as are sides beside them."""
    found: list[Rule] = []
    ends, ends_of_sides = (np.array([r.ends() for r in rules]).reshape(-1, 2, 2) for rules in (shorter, sides))
    lengths, thickness = _lengths(shorter), np.array([r.thickness for r in shorter])
    darkness = np.array([r.darkness for r in shorter])
    for rule in across:
        on_it = _stand_on(ends, rule)
        on_it &= (thickness >= 0.6 * rule.thickness - 1) & (thickness <= 1.5 * rule.thickness + 1)
        on_it &= darkness <= _AS_DARK * rule.darkness
        if np.count_nonzero(on_it) >= 2:
            alike = on_it & (np.abs(lengths / np.median(lengths[on_it]) - 1) < 0.25)
            places = [ends[alike, 0, 1], ends_of_sides[_stand_on(ends_of_sides, rule), 0, 1]]
            distance = _even_distance(np.concatenate(places))
            if np.count_nonzero(alike) >= 2 and distance is not None:
                step = distance * rule.direction()[::-1]
                found += _completed(list(compress(shorter, alike)), ink, [step])
    return found


def _stand_on(ends: NDArray[np.float64], rule: Rule) -> NDArray[np.bool_]:
    """Which rules of the other direction, given by their ends, meet it with one of them."""
    row, column = ends[..., 0], ends[..., 1]
    beside = np.maximum(np.maximum(rule.start - column, column - rule.end), 0)
    away = np.maximum(np.abs(rule.row_at(column) - row), beside)
    return np.asarray((away <= rule.thickness + _TOOTH_GAP).any(axis=1))


def _even_distance(places: NDArray[np.float64]) -> float | None:
    """How far most places are from the next, or several times that; None where they are not in a row."""
    steps = np.diff(np.sort(places))
    steps = steps[steps > 2 * _ASIDE]  # there may be teeth on both sides of the rule
    if len(steps) < 2:
        return None
    # Where many are missing, only the shortest step may be from one to the next.
    for one in (float(np.median(steps)), float(steps.min())) if len(steps) > 2 else (float(np.median(steps)),):
        in_steps = steps / one
        if np.mean(np.abs(in_steps - np.rint(in_steps)) < 0.2) > 0.7:
            return one
    return None


def _is_alone(rule: Rule, mask: NDArray[np.bool_], height: float) -> bool:
    """Whether nothing is beside the middle of a tooth: no more ink than its own."""
    middle = np.arange(rule.start + len(rule) // 5, rule.end - len(rule) // 5)
    rows = np.rint(rule.row_at(middle)).astype(int)
    beside = rows + np.arange(-round(_REACH * height), round(_REACH * height) + 1)[:, None]
    ink = mask[beside.clip(0, len(mask) - 1), middle].sum(axis=0)
    return bool(np.median(ink) <= rule.thickness + 3)


def _runs(ink: NDArray[np.float32], height: float, least: float, stretch: float = 1.0) -> list[Rule]:
    """Straight runs of ink of some least length, or through the whole picture."""
    from scipy.ndimage import find_objects, label, maximum_filter1d, minimum_filter1d

    mask, length = ink > _VISIBLE, max(5, round(_RUN * height * stretch) | 1)
    if mask.shape[1] < length or not mask.any():
        return []
    # A line that is oblique by a row is still one run, and so is one with a small hole.
    thick = maximum_filter1d(mask.astype(np.uint8), 3, axis=0)
    thick = minimum_filter1d(maximum_filter1d(thick, 5, axis=1), 5, axis=1)
    opened = maximum_filter1d(minimum_filter1d(thick, length, axis=1), length, axis=1)
    labels, _ = label(opened, np.ones((3, 3), int))
    least = min(least, _THROUGH * mask.shape[1])
    places = [(number, place) for number, place in enumerate(find_objects(labels), 1) if _columns(place) >= least]
    if len(places) > _MOST_RUNS:  # a texture: only the longest may be rules of paper
        places = sorted(places, key=lambda one: -_columns(one[1]))[:_MOST_RUNS]
    traced = [(place, _traced(labels[place] == number, ink[place], height)) for number, place in places]
    return [rule.moved(place[1].start, place[0].start) for place, rule in traced if rule is not None]


def _columns(place: tuple[slice, slice]) -> int:
    return int(place[1].stop - place[1].start)


def _traced(run: NDArray[np.bool_], ink: NDArray[np.float32], height: float) -> Rule | None:
    """Follow the middle of a run; None where it is thick or crooked."""
    counts = run.sum(axis=0)
    columns = np.flatnonzero(counts)
    counts = counts[columns]
    usual = int(np.partition(counts, int(0.4 * len(counts)))[int(0.4 * len(counts))])
    width, thickest = max(1.0, float(usual - 2)), _THICKEST * height + 0.5  # widths are whole pixels
    if width > _WIDEST * height or thickest < width < _LEAST_OF_TWO:
        return None
    rows = (np.arange(len(run)) @ run)[columns] / counts
    # Where strokes run into it, it is thick: the thin columns show where it is.
    curve = _straight(columns, rows, counts <= usual + 1, width, height)
    if curve is None:
        return None
    # What is thick because of what lies beside it may be thin by itself.
    rule = Rule(int(columns[0]), int(columns[-1]) + 1, curve, width, width, darkness=0)
    two = _as_two(rule, ink, height)
    if two is None and width > thickest:
        return None
    rule = two or rule
    return replace(rule, darkness=_usual_darkness(ink, rule))


def _straight(
    x: NDArray[np.int64], y: NDArray[np.float64], thin: NDArray[np.bool_], width: float, height: float
) -> NDArray[np.float64] | None:
    """A parabola, or a straight line, along most of the points; None where there is none, or it is steep."""
    near, degree = thin, 2 if len(x) > 3 * height else 1
    for _ in range(3):
        if near.sum() < 0.4 * len(x):
            return None
        curve = _fitted(x[near], y[near], degree)
        away = np.abs(_row_at(curve, x) - y)
        near = away <= max(1.5, 0.6 * width)
    crooked = np.quantile(away[thin], _STRAIGHT_SHARE) > max(0.5, _CROOKED * height)
    steep = abs(np.polyval(np.polyder(curve), x.mean())) > _STEEPEST
    return None if crooked or steep or near.mean() < 0.5 else curve


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
    strip = _strip(ink, rule, columns, half)
    profile = np.median(strip, axis=1)
    strong = np.flatnonzero(profile >= _PEAK * profile.max())
    lines = np.split(strong, np.flatnonzero(np.diff(strong) > 1) + 1)
    thickness = max(len(line) for line in lines)
    whole = [(strip[line].max(axis=0) > _VISIBLE).mean() >= _COVERED for line in lines]
    if len(lines) != 2 or not all(whole) or thickness > _THICKEST * height:
        return None
    rule = rule.moved(0, (strong[0] + strong[-1]) / 2 - half)
    return replace(rule, thickness=float(thickness), width=float(strong[-1] - strong[0] + 1))


def _strip(ink: NDArray[np.float32], rule: Rule, columns: NDArray[np.int64], half: int) -> NDArray[np.float32]:
    """The ink along a rule and beside it: shape (2 * half + 1, n_columns); 0 beyond the picture."""
    rows = np.rint(rule.row_at(columns)).astype(int) + np.arange(-half, half + 1)[:, None]
    return np.where(_within(rows, len(ink)), ink[rows.clip(0, len(ink) - 1), columns], np.float32(0))


def _strongest(ink: NDArray[np.float32], rule: Rule, columns: NDArray[np.int64]) -> NDArray[np.float32]:
    """The strongest ink across a rule: its middle may lie beside a thin line by a pixel, and between two lines."""
    return np.asarray(_strip(ink, rule, columns, max(1, int(rule.width / 2))).max(axis=0))


def _usual_darkness(ink: NDArray[np.float32], rule: Rule) -> float:
    return float(np.quantile(_strongest(ink, rule, np.arange(rule.start, rule.end)), _USUAL))


def _erase(ink: NDArray[np.float32], rule: Rule) -> None:
    """Take away the ink of a rule, but not of the strokes that cross it."""
    rows, columns = ink.shape
    beyond = int(2 * rule.thickness + 3) + len(rule) // 4
    x = np.arange(max(0, rule.start - beyond), min(columns, rule.end + beyond))
    y = np.clip(np.rint(rule.row_at(x)).astype(int), 0, rows - 1)
    farthest = int(rule.width + 0.6 * rule.thickness + 3)
    reach = [_reach(ink, x, y, step, max(1, int(rule.width / 2)), farthest) for step in (-1, 1)]
    inked = reach[0] + reach[1] - 1
    usual = np.median(inked[rule.start - x[0] : rule.end - x[0]])  # blur and all
    most = int(min(farthest, usual + 1.5 + 0.3 * rule.thickness))
    strongest = _strongest(ink, rule, x)
    darkness = ink[y, x] if rule.width == rule.thickness else strongest
    crossed = (inked > most) | (darkness > max(2 * _VISIBLE, _DARKER * rule.darkness))
    erased = _goes_on(strongest > _VISIBLE, rule.start - x[0], rule.end - x[0]) & ~crossed
    for offset in range(-most, most + 1):
        here = erased & _within(y + offset, rows) & (offset >= -reach[0] - 1) & (offset <= reach[1] + 1)
        ink[y[here] + offset, x[here]] = 0


def _goes_on(inked: NDArray[np.bool_], start: int, end: int) -> NDArray[np.bool_]:
    """Where a rule is, and where its ink goes on beyond both ends, across small gaps."""
    from scipy.ndimage import maximum_filter1d

    near = maximum_filter1d(inked, 2 * _GAP + 1)
    near[start:end] = True
    near[:start] = np.logical_and.accumulate(near[:start][::-1])[::-1]
    near[end:] = np.logical_and.accumulate(near[end:])
    return near


def _within(row: NDArray[np.int64], rows: int) -> NDArray[np.bool_]:
    return (row >= 0) & (row < rows)


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
        going &= _within(row, len(ink)) & ((ink[np.clip(row, 0, len(ink) - 1), x] > _VISIBLE) | (offset <= inner))
        reach += going
    return reach
