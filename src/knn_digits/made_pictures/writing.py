"""Digits written one after another: along a line, apart or touching, or each in a box of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from knn_digits.made_pictures.strokes import draw_strokes, strokes_of

__all__ = [
    "DigitImages",
    "Gaps",
    "Hand",
    "Written",
    "digits_of",
    "free_gaps",
    "touching_gaps",
    "write_along",
    "write_at",
]

_HEIGHT_SPREAD = 0.15  # of the height, from digit to digit
_SLANT_SPREAD = np.deg2rad(4)
_LEAST_HALF_WIDTH = 0.65  # pixels: a finer pen would leave no trace on some pixels
_LEAST_GAP = 2  # pixels of paper between two digits that are apart
_TRACE = 0.05  # of ink: less is paper
_MOST_CONTACTS = 3
_MOST_KERNED = 0.4  # of the narrower digit: how far one may reach over or under the other
_MOST_TOUCHING = 0.4  # of the rows of a digit


@dataclass(frozen=True, eq=False)
class DigitImages:
    """What is written with.

    Attributes
    ----------
    images : uint8 ndarray of shape (n, side, side)
        Light on dark.
    labels : ndarray of shape (n,)
    ids : int ndarray of shape (n,)
        Where each stood in the images that were given.
    """

    images: NDArray[np.uint8]
    labels: NDArray
    ids: NDArray[np.intp]


def digits_of(images: NDArray[np.uint8], labels: ArrayLike) -> DigitImages:
    """Take those images that are not blank.

    Parameters
    ----------
    images : uint8 ndarray of shape (n, side, side)
        Light on dark.
    labels : array-like of shape (n,)

    Returns
    -------
    DigitImages

    Raises
    ------
    ValueError
        If these are no digit images with a label each, or all of them are blank.
    """
    names = np.asarray(labels)
    if images.ndim != 3 or images.dtype != np.uint8 or names.shape != images.shape[:1] or not images.any():
        raise ValueError(
            "expected digits of shape (n, side, side) and uint8, not all blank, and a label for each,"
            f" got shape {images.shape} and {images.dtype}, and labels of shape {names.shape}"
        )
    ids = np.flatnonzero(images.any(axis=(1, 2)))
    return DigitImages(images[ids], names[ids], ids)


@dataclass(frozen=True)
class Hand:
    """How digits are written.

    Attributes
    ----------
    height : float
        Of a digit, in pixels, in the mean.
    slant : float
        In radians, to the right, in the mean.
    half_width : float
        Half the width of the pen, as a share of the height.
    lift : float
        Standard deviation of a digit's foot around the line, as a share of the height.
    """

    height: float
    slant: float
    half_width: float
    lift: float = 0.04


@dataclass(frozen=True, eq=False)
class Written:
    """One digit on a page.

    Attributes
    ----------
    ink : float32 ndarray of shape (rows, columns)
        0 is paper, 1 is ink.
    left, top : int
        Where it is on the page, in pixels; may be negative.
    text : str
        The digit.
    image_id : int
        Which of the given images it is.
    """

    ink: NDArray[np.float32]
    left: int
    top: int
    text: str
    image_id: int

    @property
    def right(self) -> int:
        """The first column behind it."""
        return self.left + self.ink.shape[1]

    @property
    def bottom(self) -> int:
        """The first row below it."""
        return self.top + self.ink.shape[0]

    def moved(self, right: float, down: float) -> Written:
        """The same digit elsewhere, by whole pixels."""
        return replace(self, left=self.left + round(right), top=self.top + round(down))


Gaps = Callable[[Generator, Hand], float]
"""Draws the paper between two digits, in pixels; below 0, by how much they overlap."""


def write_along(rng: Generator, digits: DigitImages, hand: Hand, n: int, gaps: Gaps) -> list[Written]:
    """Write digits on a line whose foot is row 0, from column 0 on, none before the ink of the last one.

    Parameters
    ----------
    rng : numpy.random.Generator
    digits : DigitImages
    hand : Hand
    n : int
        Digits on the line.
    gaps : callable
        Draws the paper between two neighbors, measured along the rows of pixels.

    Returns
    -------
    list of Written
    """
    written: list[Written] = []
    front = _Front(hand)
    for _ in range(n):
        ink, which = _any_digit(rng, digits, hand)
        top = round(rng.normal(0, hand.lift) * hand.height) - ink.shape[0]
        left = front.place(ink, top, gaps(rng, hand)) if written else 0
        front.advance(ink, left, top)
        written.append(_written(digits, which, ink, left, top))
    return written


def write_at(
    rng: Generator, digits: DigitImages, hand: Hand, middle: tuple[float, float], height: float | None = None
) -> Written:
    """Write one digit.

    Parameters
    ----------
    rng : numpy.random.Generator
    digits : DigitImages
    hand : Hand
    middle : tuple of 2 floats
        Where its middle is on the page: x, y.
    height : float, optional
        Its height, if it is not to be about that of the hand's.
    """
    ink, which = _any_digit(rng, digits, hand, height)
    (rows, columns), (x, y) = ink.shape, middle
    return _written(digits, which, ink, round(x - columns / 2), round(y - rows / 2))


def free_gaps(rng: Generator, narrowest: float = 0.05, widest: float = 0.8) -> Gaps:
    """Gaps about as wide as each other, from narrow to wide lines, as shares of the height; none touches."""
    usual = np.exp(rng.uniform(np.log(narrowest), np.log(widest)))

    def gap(rng: Generator, hand: Hand) -> float:
        share = np.clip(usual * np.exp(rng.normal(0, 0.3)), narrowest, widest)
        return max(_LEAST_GAP, float(share) * hand.height)

    return gap


def touching_gaps(rng: Generator, share: float = 0.95) -> Gaps:
    """Gaps of which this share are contacts, where digits can touch well; each as deep as a part of a stroke."""
    apart = free_gaps(rng, 0.05, 0.3)

    def gap(rng: Generator, hand: Hand) -> float:
        if rng.random() >= share:
            return apart(rng, hand)
        stroke = 2 * max(hand.half_width * hand.height, _LEAST_HALF_WIDTH)
        return -max(1.0, float(rng.uniform(0.15, 0.7)) * stroke)

    return gap


class _Front:
    """How far to the right the ink of a line reaches, in every row of pixels."""

    def __init__(self, hand: Hand) -> None:
        self.reach = int(3 * hand.height) + 4  # rows above the line's foot, and half as many below
        self.visible = np.full(self.reach + self.reach // 2, -np.inf)  # the last column with a trace of ink
        self.solid = self.visible.copy()  # the last column with more ink than paper
        self.columns = self.right = 0  # of the last digit: how many, and the first one behind

    def place(self, ink: NDArray[np.float32], top: int, gap: float) -> int:
        """The column at which a digit starts that keeps this gap, or overlaps so far."""
        if gap < 0:
            start = self._touching(ink, top, depth=max(1, round(-gap)))
            if start is not None:
                return start
            gap = _LEAST_GAP
        rows = self._rows(ink, top)
        distances = _spread(self.visible, _LEAST_GAP)[rows] - _first_column(ink > _TRACE)
        return max(int(np.ceil(self._or_behind_all(distances) + 1 + gap)), self._earliest(ink))

    def advance(self, ink: NDArray[np.float32], left: int, top: int) -> None:
        """Take in a digit."""
        rows = self._rows(ink, top)
        for front, seen in ((self.visible, ink > _TRACE), (self.solid, ink > 0.5)):
            np.maximum(front[rows], left + _last_column(seen), out=front[rows])
        self.columns, self.right = ink.shape[1], left + ink.shape[1]

    def _touching(self, ink: NDArray[np.float32], top: int, depth: int) -> int | None:
        """Where it starts to overlap at most so far; None where it would touch nowhere, or be piled up."""
        distances = self.solid[self._rows(ink, top)] - _first_column(ink > 0.5)
        nearest = distances.max()
        while depth > 1 and _piled_up(distances > nearest - depth):
            depth -= 1
        if not np.isfinite(nearest) or _piled_up(distances > nearest - depth):
            return None
        start = int(nearest) + 1 - depth
        return start if start >= self._earliest(ink) else None

    def _earliest(self, ink: NDArray[np.float32]) -> int:
        """Where a digit starts that is as far below or above the last one as they may be."""
        return self.right - int(_MOST_KERNED * min(self.columns, ink.shape[1]))

    def _rows(self, ink: NDArray[np.float32], top: int) -> slice:
        return slice(self.reach + top, self.reach + top + ink.shape[0])

    def _or_behind_all(self, distances: NDArray[np.float64]) -> float:
        """The largest; where no row has ink of both, the last column with ink."""
        largest = float(distances.max())
        return largest if np.isfinite(largest) else float(self.visible.max())


def _spread(front: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    from scipy.ndimage import maximum_filter1d

    return maximum_filter1d(front, 2 * rows + 1)


def _first_column(seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(seen.any(axis=1), seen.argmax(axis=1), np.inf)


def _last_column(seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(seen.any(axis=1), seen.shape[1] - 1 - seen[:, ::-1].argmax(axis=1), -np.inf)


def _piled_up(rows: NDArray[np.bool_]) -> bool:
    """Whether digits that touch in these rows do so too often, or along too much of their height."""
    contacts = int(rows[0]) + int(np.count_nonzero(rows[1:] & ~rows[:-1]))
    return contacts > _MOST_CONTACTS or rows.mean() > _MOST_TOUCHING


def _any_digit(
    rng: Generator, digits: DigitImages, hand: Hand, height: float | None = None
) -> tuple[NDArray[np.float32], int]:
    """The ink of one of the digits, and which it is."""
    which = int(rng.integers(len(digits.images)))
    height = height or hand.height * rng.uniform(1 - _HEIGHT_SPREAD, 1 + _HEIGHT_SPREAD)
    half_width = max(hand.half_width * hand.height, _LEAST_HALF_WIDTH) / height  # one pen, large or small digits
    slant = hand.slant + rng.normal(0, _SLANT_SPREAD)
    return draw_strokes(strokes_of(digits.images[which]), height, half_width, slant), which


def _written(digits: DigitImages, which: int, ink: NDArray[np.float32], left: int, top: int) -> Written:
    return Written(ink, left, top, str(digits.labels[which]), int(digits.ids[which]))
