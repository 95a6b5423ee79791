"""A picture -> lines of ink, and in each line what may be a digit. It knows no classifier.

::

    pixels ─> gray ─> ink ─> size of digits ─> ink at working size, ruled lines and frames gone
                                                  │
              lines <── components, small ones with the large one beside them
                │
              atoms <── components cut, where that is asked for, by paths from top to bottom through little ink
                │
         candidates <── atoms that follow each other, no wider than a digit, in MNIST's frame

Which candidates are digits is for the reader to say. Every candidate comes with measures of its shape that speak
for or against it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from knn_digits.images.ink import FAINT, gray_of, ink_of, looks_narrower
from knn_digits.images.normalization import frame_digit
from knn_digits.images.ruling import without_rules
from knn_digits.images.seams import Cut, find_cuts

__all__ = ["MEASURES", "Candidate", "Line", "segment"]

_WORKING_HEIGHT = 56  # of digits, in pixels: larger ones are reduced
_LEAST_HEIGHT = 6  # of digits, in pixels of the picture: nobody could read less
_MEASURED_PIXELS = 1_000_000  # of the picture in which the size of digits is measured
_MOST_LOOKS = 3  # at a picture, each reduced so that digits are of working height if the last look was right
_IN_BOX = 0.8  # of the height of a box: digits are less high
_STRETCHES = (3.0, 9.0)  # of the runs of ink by which rules are looked for, too
_FRAME = 0.08  # share of its box that is ink: a frame has less
_BLOB = 0.45  # thickness in larger sides: no digit is that thick, shadows are
_SPECK = 0.16  # in digit heights: what is smaller both ways is dust
_LEAST_SIDE = 3  # pixels: what is smaller both ways is dust, too
_SMALL = 0.45  # what is smaller both ways belongs to the large component beside it, or is none
_NEAR = 0.25  # beside: so far away
_WIDEST, _MOST_ATOMS = 1.4, 9  # of a candidate
_MANY, _PIXELS = 500, 150  # candidates of a picture without cuts, and pixels for each that are more
_NO_CUT = 3.0  # strokes that a cut inside a candidate crosses, where there is none
_SHARED = 0.3  # the widest ink that may be of two digits
_TALL = 0.7  # in digit heights: the least height that decides about lines
_IN_LINE, _BESIDE_LINE = 0.45, 0.9  # from its middle: what may be part of it, where it has ink there and where not
_FARTHEST = 4.0  # gap between neighbors in a line

MEASURES = (
    "height", "width", "offset", "gap", "cut borders", "border cost", "border ink", "border crossings",
    "inner cut", "inner gaps", "ink", "overlap", "shared",
)  # fmt: skip


_SHARED_INK = MEASURES.index("shared")


@dataclass(frozen=True, eq=False)
class Candidate:
    """What may be a digit.

    Attributes
    ----------
    first, end : int
        Its atoms in the line: from `first` to before `end`. It may share the one before with another digit.
    box : float64 ndarray of shape (4,)
        Left, top, right, bottom, in pixels of the picture.
    image : uint8 ndarray of shape (28, 28)
        In MNIST's frame.
    measures : float64 ndarray of shape (13,)
        As `MEASURES` names them: height and width in digit heights of its line; how far its middle lies from
        the line's; the widest gap inside; how many of its two borders are cuts, what these cost, the ink they
        cross, in strokes, and how many times; the cost of the cheapest cut inside; how many gaps are inside;
        its ink, in squares of the digit height; the largest share of its width, or of another atom's, that lies
        over or under the other; the ink it shares with the digit before, in squares of the digit height.
    """

    first: int
    end: int
    box: NDArray[np.float64]
    image: NDArray[np.uint8]
    measures: NDArray[np.float64]

    @property
    def shares(self) -> bool:
        """Whether some of its ink is of the atom before."""
        return bool(self.measures[_SHARED_INK] > 0)


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a picture.

    Attributes
    ----------
    sizes, widths : float64 ndarray of shape (n_atoms,)
        Larger side of each atom, and its width, in digit heights.
    candidates : tuple of Candidate
    component_of : int64 ndarray of shape (n_atoms,)
        The piece of connected ink that each atom is, or is a part of.
    """

    sizes: NDArray[np.float64]
    widths: NDArray[np.float64]
    candidates: tuple[Candidate, ...]
    component_of: NDArray[np.int64]
    _ink: _LineInk
    _most_joined: int

    def cut(self, components: Collection[int]) -> Line:
        """Propose cuts through some pieces of connected ink, which may be several digits that touch."""
        return self._ink.atoms(components).line(self._most_joined)


def segment(pixels: NDArray[np.uint8]) -> tuple[Line, ...]:
    """Find lines and what may be a digit in them, without cutting connected ink.

    Parameters
    ----------
    pixels : uint8 ndarray of shape (height, width) or (height, width, 3)

    Returns
    -------
    lines : tuple of Line
        From top to bottom.
    """
    ink, scale, size = _ink_at_working_size(gray_of(pixels))
    components = None if size is None else _components(ink, size.height)
    if components is None:
        return ()
    uncut = [_LineInk.of(ink, components, members, scale).atoms(()) for members in components.lines()]
    most_joined = _most_joined(uncut, max(_MANY, ink.size // _PIXELS))
    lines = [atoms.line(most_joined) for atoms in uncut]
    return tuple(line for line in lines if line.candidates)


def _most_joined(lines: list[_Atoms], most: int) -> int:
    """How many components a candidate may join, so that there are not too many candidates in all."""
    n_joined = np.bincount(
        [end - first for atoms in lines for first, end in atoms.spans], minlength=_MOST_ATOMS + 1
    )
    # Where no more can be joined as they are, parts of them can.
    return max(1, int(np.count_nonzero(np.cumsum(n_joined) <= most)) - 1)


# ---- size ----


def _ink_at_working_size(gray: NDArray[np.float32]) -> tuple[NDArray[np.float32], float, _Size | None]:
    """Ink without rules, digits not much higher than `_WORKING_HEIGHT`; how far it is reduced; sizes in it."""
    factor, stroke = max(1, round(np.sqrt(gray.size / _MEASURED_PIXELS))), None
    for looks_left in reversed(range(_MOST_LOOKS)):
        ink, size = _ink_and_size(_reduced(gray, factor), stroke, _LEAST_HEIGHT / factor)
        if size is None:
            break
        ink, size = _ink_without_rules(ink, size, _LEAST_HEIGHT / factor)
        better = max(1, round(size.height * factor / _WORKING_HEIGHT))
        if better == factor or not looks_left:
            break
        factor, stroke = better, size.stroke * factor / better
    return ink, float(factor), size


def _ink_and_size(
    gray: NDArray[np.float32], stroke: float | None, least: float
) -> tuple[NDArray[np.float32], _Size | None]:
    """Ink and its sizes, boxes and all; the width of strokes may be known before."""
    ink = ink_of(gray, stroke)
    size = _size_beside_long_rules(ink, least)
    if size is not None and stroke is None and looks_narrower(gray.shape, size.stroke):
        # What was taken for paper or ink by its width alone is seen better when the width of strokes is known.
        ink = ink_of(gray, size.stroke)
        size = _size_beside_long_rules(ink, least) or size
    return ink, size


def _ink_without_rules(ink: NDArray[np.float32], size: _Size, least: float) -> tuple[NDArray[np.float32], _Size]:
    """Ink without rules, and the sizes of what is left; before, boxes may have been taken for digits."""
    cleaned = _without_any_rules(ink, size.height)
    if cleaned is ink:
        # If so, their sides are short for digits so high.
        cleaned = _without_any_rules(ink, _IN_BOX * size.height)
        left = None if cleaned is ink else _typical_size(cleaned, least)
        if cleaned is ink or (left is not None and left.height >= _IN_BOX * size.height):
            return ink, size
    left = _typical_size(cleaned, least) or size
    if left.height != size.height:  # what is a rule to digits of either height is none of them
        cleaned = np.minimum(cleaned, _without_any_rules(ink, left.height))
    return cleaned, _typical_size(cleaned, least) or left


def _size_beside_long_rules(ink: NDArray[np.float32], least: float) -> _Size | None:
    shorter, longer = sorted(ink.shape)
    beside = without_rules(ink, shorter / 2, 2 * longer / shorter)
    return _typical_size(beside, least) or _typical_size(ink, least)


def _without_any_rules(ink: NDArray[np.float32], height: float) -> NDArray[np.float32]:
    """Without those that are found by short runs and those that are found by long ones."""
    cleaned = without_rules(ink, height)
    for stretch in _STRETCHES:
        if stretch * height < max(ink.shape):
            without = without_rules(ink, height, stretch)
            cleaned = without if cleaned is ink else cleaned if without is ink else np.minimum(cleaned, without)
    return cleaned


def _reduced(gray: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    from PIL import Image

    return gray if factor <= 1 else np.asarray(Image.fromarray(gray).reduce(factor))


class _Size(NamedTuple):
    """Height of digits and width of their strokes, in pixels."""

    height: float
    stroke: float


def _typical_size(ink: NDArray[np.float32], least: float) -> _Size | None:
    """Sizes that half of the ink's components of some height have or exceed, each by the square of its height."""
    from scipy.ndimage import distance_transform_edt, label

    mask = ink > FAINT
    labels, n = label(mask, np.ones((3, 3), int))
    if not n:
        return None
    widths, heights = np.diff(_boxes_of(labels, np.arange(1, n + 1)).reshape(n, 2, 2), axis=1)[:, 0].T
    if heights.max() < least:
        return None
    from_edge, component = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1][mask], labels[mask] - 1
    n_pixels = np.bincount(component)
    thickest = np.zeros(n)
    np.maximum.at(thickest, component, 2 * from_edge)  # scipy.ndimage.maximum would sort all pixels
    # A pixel of a bar is a quarter of its width away from its edge, on average.
    strokes = np.maximum(1, 4 * np.bincount(component, from_edge) / n_pixels - 2)
    strange = _is_strange(heights, widths, thickest, n_pixels)
    digits = (heights >= least) & ~strange
    weights = heights**2 * (digits if digits.any() else heights >= least)
    return _Size(_weighted_median(heights, weights), _weighted_median(strokes, weights))


def _is_strange(heights: NDArray, widths: NDArray, thickest: NDArray, n_pixels: NDArray) -> NDArray[np.bool_]:
    """Frames and ruled lines, which have little ink for their size, and shadows, which have no strokes."""
    long = (widths > 6 * heights) | (heights > 12 * widths)
    return long | (n_pixels < _FRAME * heights * widths) | (thickest > _BLOB * np.maximum(heights, widths))


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, reached[-1] / 2)])


# ---- components and lines ----


@dataclass(frozen=True, eq=False)
class _Components:
    """Connected ink: a picture of numbers from 1, and of each its box (left, top, right, bottom)."""

    labels: NDArray[np.int32]
    boxes: NDArray[np.float64]
    numbers: NDArray[np.int64]
    height: float

    def lines(self) -> list[list[int]]:
        """Positions of components that follow each other in a line; lines from top to bottom."""
        sizes = (self.boxes[:, 2:] - self.boxes[:, :2]).max(axis=1)
        # A mark that is alone is no digit, however large it is beside itself.
        chains = [chain for chain in self._joined(self._chains()) if (sizes[chain] >= _SMALL * self.height).any()]
        middles = [float(np.median(self.boxes[chain][:, [1, 3]])) for chain in chains]
        return [chains[i] for i in np.argsort(middles)]

    def _chains(self) -> list[list[int]]:
        """Link each component with the one before it that ends furthest right, of those about as high up."""
        order = np.argsort(self.boxes[:, 0] + self.boxes[:, 2])
        left, top, right, bottom = self.boxes[order].T
        # The bar of a 5 may lie higher than any other ink: what is low counts as higher than it is.
        missing = np.maximum(0, _TALL * self.height - (bottom - top)) / 2
        top, bottom = top - missing, bottom + missing
        chain_of: list[int] = []
        chains: list[list[int]] = []
        for i in range(len(order)):
            overlap = np.minimum(bottom[:i], bottom[i]) - np.maximum(top[:i], top[i])
            least = np.minimum(bottom[:i] - top[:i], bottom[i] - top[i])
            follows = (overlap > 0.45 * least) & (left[i] - right[:i] < _FARTHEST * self.height)
            if follows.any():
                chain_of.append(chain_of[int(np.where(follows, right[:i], -np.inf).argmax())])
            else:
                chain_of.append(len(chains))
                chains.append([])
            chains[chain_of[i]].append(int(order[i]))
        return chains

    def _joined(self, chains: list[list[int]]) -> list[list[int]]:
        """Join chains that are parts of one line: the one goes on where the other ends."""
        chains = sorted(chains, key=len, reverse=True)
        kept: list[list[int]] = []
        slopes: list[float] = []
        for chain in chains:
            home = next((i for i, line in enumerate(kept) if self._is_part(chain, line, slopes[i])), len(kept))
            if home == len(kept):
                kept.append([])
                slopes.append(0.0)
            kept[home] += chain
            slopes[home] = self._slope(kept[home])
        return [sorted(line, key=lambda i: self.boxes[i, 0] + self.boxes[i, 2]) for line in kept]

    def _slope(self, line: list[int]) -> float:
        x, y = self._middles(line)
        if len(line) < 3 or np.ptp(x) <= 2 * self.height:
            return 0.0
        from_middle = x - x.mean()
        return float(np.clip(from_middle @ y / (from_middle @ from_middle), -0.2, 0.2))

    def _is_part(self, chain: list[int], line: list[int], slope: float) -> bool:
        x, y = self._middles(line)
        here_x, here_y = (values.mean() for values in self._middles(chain))
        near = np.abs(x - here_x).argmin()
        away = abs(y[near] + slope * (here_x - x[near]) - here_y)
        return bool(
            away < _IN_LINE * self.height or (away < _BESIDE_LINE * self.height and self._is_beside(chain, line))
        )

    def _is_beside(self, chain: list[int], line: list[int]) -> bool:
        """Whether nothing of a line is above or below a chain."""
        own, others = self.boxes[chain][:, None], self.boxes[line]
        return bool((np.minimum(own[..., 2], others[:, 2]) <= np.maximum(own[..., 0], others[:, 0])).all())

    def _middles(self, chain: list[int]) -> tuple[NDArray, NDArray]:
        boxes = self.boxes[chain]
        return (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2


def _components(ink: NDArray[np.float32], height: float) -> _Components | None:
    from scipy.ndimage import label, maximum_filter

    labels, n = label(ink > FAINT, np.ones((3, 3), int))
    labels = _with_small_ones_merged(labels, _boxes_of(labels, np.arange(1, n + 1)), height)[labels]
    # Blurred edges belong to the component beside them.
    for _ in range(2):
        labels = np.where((labels == 0) & (ink > 0), maximum_filter(labels, 3), labels)
    numbers = np.flatnonzero(np.bincount(labels.ravel())[1:]) + 1
    return _Components(labels, _boxes_of(labels, numbers), numbers, height) if len(numbers) else None


def _with_small_ones_merged(labels: NDArray, boxes: NDArray[np.float64], height: float) -> NDArray[np.int32]:
    """New numbers of components: dust has 0, what is small that of the large one beside it."""
    sizes = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    numbers = np.arange(len(boxes) + 1, dtype=np.int32)
    speck = max(_LEAST_SIDE, _SPECK * height)
    large = np.flatnonzero(sizes >= _SMALL * height)
    for i in np.flatnonzero(sizes < _SMALL * height):
        numbers[i + 1] = 0 if sizes[i] < speck else i + 1
        if len(large):
            box, others = boxes[i], boxes[large]
            beside = np.maximum(others[:, 0] - box[2], box[0] - others[:, 2])
            above = np.maximum(others[:, 1] - box[3], box[1] - others[:, 3])
            distances = np.maximum(np.maximum(beside, 0), np.maximum(above, 0))
            nearest = distances.argmin()
            if distances[nearest] <= (_NEAR if sizes[i] >= speck else 0) * height:
                numbers[i + 1] = large[nearest] + 1
    return numbers


# ---- atoms and candidates ----


@dataclass(frozen=True, eq=False)
class _LineInk:
    """The ink of a line, and its components from left to right."""

    ink: NDArray[np.float32]
    components: NDArray[np.int32]  # which component each pixel belongs to; -1 is none
    boxes: NDArray[np.int64]
    height: float
    corner: tuple[int, int]  # left and top in the ink of the picture
    scale: float

    @classmethod
    def of(cls, ink: NDArray[np.float32], found: _Components, members: list[int], scale: float) -> _LineInk:
        """Take the ink of some components out of a picture."""
        boxes = found.boxes[members].astype(int)
        (left, top), (right, bottom) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        here = slice(top, bottom), slice(left, right)
        position = np.full(found.numbers.max() + 1, -1, np.int32)
        position[found.numbers[members]] = np.arange(len(members))
        heights, widths = boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]
        # Dust may be many; no line is without a component that is larger.
        height = _typical_height(heights[np.maximum(heights, widths) >= _SMALL * found.height])
        corner = (int(left), int(top))
        return cls(ink[here], position[found.labels[here]], boxes - np.tile(corner, 2), height, corner, scale)

    def atoms(self, which: Collection[int]) -> _Atoms:
        """Cut some of the components."""
        parts = np.full(self.ink.shape, -1, np.int32)
        cuts: list[Cut | None] = []
        component_of: list[int] = []
        for i, (left, top, right, bottom) in enumerate(self.boxes):
            here = slice(top, bottom), slice(left, right)
            own = self.components[here] == i
            may_be_cut = i in which and not _is_blob(own)
            found = find_cuts(np.where(own, self.ink[here], 0), self.height) if may_be_cut else []
            pieces, between = _pieces(found, own)
            cuts += [None] * bool(component_of) + between
            parts[here][own] = pieces[own] + len(component_of)
            component_of += [i] * (len(between) + 1)
        boxes = _boxes_of(parts + 1, np.arange(1, len(component_of) + 1))
        return _Atoms(self, parts, boxes, cuts, np.array(component_of))


@dataclass(frozen=True, eq=False)
class _Atoms:
    """The ink of a line in the smallest parts that are considered, from left to right."""

    source: _LineInk
    parts: NDArray[np.int32]  # which atom each pixel belongs to; -1 is none
    boxes: NDArray[np.float64]
    cuts: list[Cut | None]  # between each atom and the next; None is a gap
    component_of: NDArray[np.int64]

    @cached_property
    def middle(self) -> float:
        """Row in the middle of the line."""
        return float(np.median(self.boxes[:, [1, 3]].mean(axis=1)))

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """First atom of each candidate that shares none, and the one after its last."""
        return [(i, j) for i in range(len(self.boxes)) for j in self._ends_of(i) if self._possible(i, j)]

    def line(self, most_joined: int) -> Line:
        """Propose candidates of so many components, or parts of them, at most."""
        widths, heights = (self.boxes[:, 2:] - self.boxes[:, :2]).T / self.source.height
        of = self.component_of
        spans = [(i, j) for i, j in self.spans if of[j - 1] - of[i] < most_joined]
        # Where two strokes lie on each other, the ink is of both digits.
        shared = [(i + 1, j) for i, j in spans if i + 1 < j and self._may_be_shared(i)]
        found = [self._candidate(i, i, j) for i, j in spans] + [self._candidate(i - 1, i, j) for i, j in shared]
        return Line(np.maximum(widths, heights), widths, tuple(found), of, self.source, most_joined)

    def _ends_of(self, first: int) -> Iterator[int]:
        """Before which atoms a candidate may end; the end of its connected ink is one, however far it is."""
        beyond = min(first + _MOST_ATOMS, len(self.boxes))
        yield from range(first + 1, beyond + 1)
        component_end = int(np.searchsorted(self.component_of, self.component_of[first], side="right"))
        if component_end > beyond:
            yield component_end

    def _possible(self, first: int, end: int) -> bool:
        left, top, right, bottom = self._box(first, end)
        if max(right - left, bottom - top) < _SMALL * self.source.height:
            return False
        whole = not (self._cut_at(first) or self._cut_at(end))
        if whole and self.component_of[first] == self.component_of[end - 1]:
            return True
        return end - first <= _MOST_ATOMS and bool(right - left <= _WIDEST * self.source.height)

    def _may_be_shared(self, atom: int) -> bool:
        """Whether it is narrow, and between two cuts."""
        left, _, right, _ = self.boxes[atom]
        between = self._cut_at(atom) is not None and self._cut_at(atom + 1) is not None
        return between and bool(right - left <= _SHARED * self.source.height)

    def _cut_at(self, border: int) -> Cut | None:
        """The cut before an atom; None for a gap, or an end of the line."""
        return self.cuts[border - 1] if 0 < border <= len(self.cuts) else None

    def _box(self, first: int, end: int) -> NDArray[np.float64]:
        boxes = self.boxes[first:end]
        return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])

    def _candidate(self, begin: int, first: int, end: int) -> Candidate:
        """One with the ink of the atoms from `begin` on, of which it shares what is before `first`."""
        box = self._box(begin, end)
        left, top, right, bottom = box.astype(int)
        part = self.parts[top:bottom, left:right]
        ink = np.where((part >= begin) & (part < end), self.source.ink[top:bottom, left:right], 0)
        shared = float(ink[part < first].sum())
        place = (box + np.tile(self.source.corner, 2)) * self.source.scale
        return Candidate(first, end, place, frame_digit(ink), self._measures(begin, end, box, ink, shared))

    def _measures(
        self, first: int, end: int, box: NDArray[np.float64], ink: NDArray[np.float32], shared: float
    ) -> NDArray[np.float64]:
        boxes, height = self.boxes[first:end], self.source.height
        gaps = boxes[1:, 0] - np.maximum.accumulate(boxes[:, 2])[:-1]
        inner = [cut.cost for cut in self.cuts[first : end - 1] if cut is not None]
        borders = [cut for cut in (self._cut_at(first), self._cut_at(end)) if cut is not None]
        return np.array(
            [
                (box[3] - box[1]) / height,
                (box[2] - box[0]) / height,
                abs((box[1] + box[3]) / 2 - self.middle) / height,
                max(0.0, gaps.max(initial=0.0)) / height,
                len(borders),
                sum(cut.cost for cut in borders),
                sum(cut.crossed for cut in borders),
                sum(cut.crossings for cut in borders),
                min(inner, default=_NO_CUT),
                end - first - 1 - len(inner),
                ink.sum() / height**2,
                self._overlap(first, end, box),
                shared / height**2,
            ]
        )

    def _overlap(self, first: int, end: int, box: NDArray[np.float64]) -> float:
        """How far it shares its columns with what is outside of it, and large enough to be seen."""
        boxes = self.boxes
        widths = np.minimum(boxes[:, 2] - boxes[:, 0], box[2] - box[0])
        shared = np.minimum(boxes[:, 2], box[2]) - np.maximum(boxes[:, 0], box[0])
        outside = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) > _SPECK * self.source.height
        outside[first:end] = False
        return float(np.max(np.maximum(0, shared / widths), where=outside, initial=0.0))


def _is_blob(mask: NDArray[np.bool_]) -> bool:
    """Whether it has no strokes: whatever is cut out of it looks like a digit, a bar like a 1."""
    from scipy.ndimage import distance_transform_edt

    return bool(2 * distance_transform_edt(np.pad(mask, 1)).max() > _BLOB * max(mask.shape))


def _typical_height(heights: NDArray[np.int64]) -> float:
    """The median of the higher two thirds: parts of digits are lower, and few components are higher."""
    return float(np.median(np.sort(heights)[len(heights) // 3 :]))


def _pieces(cuts: list[Cut], own: NDArray[np.bool_]) -> tuple[NDArray[np.int32], list[Cut | None]]:
    """Number the pieces that cuts make of a component, and name the cut that parts each from the next."""
    pieces = sum((cut.right_of(own.shape[1]) for cut in cuts), np.zeros(own.shape, np.int32))
    here = np.unique(pieces[own])
    # Two cuts may share a part of their way, with nothing between.
    return np.searchsorted(here, pieces).astype(np.int32), [cuts[i - 1] for i in here[1:]]


def _boxes_of(labels: NDArray[np.int32], numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    """Left, top, right and bottom of what has each of these numbers, from 1: shape (n, 4)."""
    from scipy.ndimage import find_objects

    places = find_objects(labels)
    found = [places[number - 1] for number in numbers]
    return np.array([(p[1].start, p[0].start, p[1].stop, p[0].stop) for p in found], float).reshape(-1, 4)
