"""A flat page: what is written on it and what is printed on it; and how it is seen: turned, and in perspective."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from knn_digits.made_pictures.writing import Written

__all__ = ["Bar", "Page", "Rules", "View", "seen_box", "view_of"]

_INKED = 0.4  # of the strongest ink of a digit: what counts for its box


@dataclass(frozen=True)
class Bar:
    """A printed rectangle, full of ink: edges in pixels of the page."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Rules:
    """Ruled lines all over the paper.

    Attributes
    ----------
    start, spacing, thickness : float
        The page's row of one of the lines, how far apart they are, and how thick, in pixels.
    squared : bool
        Whether there are as many upright lines.
    column : float
        Where one of the upright lines is.
    """

    start: float
    spacing: float
    thickness: float
    squared: bool = False
    column: float = 0.0


@dataclass(frozen=True, eq=False)
class Page:
    """What is on a page.

    Attributes
    ----------
    lines : list of lists of Written
        From top to bottom, each from left to right.
    frames : list of Bar
        What is printed for these digits: boxes, combs.
    rules : list of Rules
        What is printed on all of the paper.
    """

    lines: Sequence[Sequence[Written]]
    frames: Sequence[Bar] = field(default_factory=list)
    rules: Sequence[Rules] = field(default_factory=list)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of all that is written and framed."""
        lefts, tops, rights, bottoms = zip(
            *((thing.left, thing.top, thing.right, thing.bottom) for thing in self._things()), strict=True
        )
        return (
            int(np.floor(min(lefts))),
            int(np.floor(min(tops))),
            int(np.ceil(max(rights))),
            int(np.ceil(max(bottoms))),
        )

    def _things(self) -> Iterator[Written | Bar]:
        for line in self.lines:
            yield from line
        yield from self.frames

    def ink(self) -> NDArray[np.float32]:
        """What is written, 0..1, in the page's box."""
        left, top, right, bottom = self.box
        ink = np.zeros((bottom - top, right - left), np.float32)
        for digit in (digit for line in self.lines for digit in line):
            rows, columns = digit.ink.shape
            part = ink[digit.top - top : digit.top - top + rows, digit.left - left : digit.left - left + columns]
            np.maximum(part, digit.ink, out=part)
        return ink

    def framing(self) -> NDArray[np.float32]:
        """What is printed around the digits, 0..1, in the page's box."""
        left, top, right, bottom = self.box
        framing = np.zeros((bottom - top, right - left), np.float32)
        for bar in self.frames:
            rows, down = _covered(bar.top - top, bar.bottom - top, bottom - top)
            columns, across = _covered(bar.left - left, bar.right - left, right - left)
            np.maximum(framing[rows, columns], np.outer(down, across), out=framing[rows, columns])
        return framing


@dataclass(frozen=True, eq=False)
class View:
    """Where a page is in a picture.

    Attributes
    ----------
    to_picture : float64 ndarray of shape (3, 3)
        Homography from the page to the picture, in pixels, whose centers are at halves.
    width, height : int
        Of the picture.
    """

    to_picture: NDArray[np.float64]
    width: int
    height: int

    def seen(self, layer: NDArray[np.float32], box: tuple[int, int, int, int]) -> NDArray[np.float32]:
        """A layer of the page, in its box, as it is in the picture."""
        from PIL import Image

        pad = 2  # of paper: Pillow does not blend a picture's outermost pixels with what is outside
        to_layer = _shift(pad - box[0], pad - box[1]) @ np.linalg.inv(self.to_picture)
        warped = Image.fromarray(np.rint(255 * np.pad(layer, pad)).astype(np.uint8)).transform(
            (self.width, self.height),
            Image.Transform.PERSPECTIVE,
            tuple((to_layer / to_layer[2, 2]).ravel()[:8]),
            Image.Resampling.BICUBIC,
        )
        return np.asarray(warped).astype(np.float32) / np.float32(255)

    def ruled(self, rules: Rules) -> NDArray[np.float32]:
        """Ruled lines as they are in the picture, 0..1."""
        x = np.arange(self.width, dtype=np.float32)[None, :] + 0.5
        y = np.arange(self.height, dtype=np.float32)[:, None] + 0.5
        (a, b, c), (d, e, f), (g, h, i) = np.linalg.inv(self.to_picture).astype(np.float32)
        depth = g * x + h * y + i
        lines = _near_line((d * x + e * y + f) / depth - rules.start, rules)
        if rules.squared:
            np.maximum(lines, _near_line((a * x + b * y + c) / depth - rules.column, rules), out=lines)
        return lines


def view_of(rng: Generator, page: Page, turn: float, perspective: float, margins: tuple[float, float]) -> View:
    """Look at a page.

    Parameters
    ----------
    rng : numpy.random.Generator
    page : Page
    turn : float
        In radians.
    perspective : float
        How much smaller the far side of the page may be, as a share.
    margins : tuple of 2 floats
        The least and the most paper to leave at each side, in pixels.
    """
    left, top, right, bottom = page.box
    half_width, half_height = (right - left) / 2, (bottom - top) / 2
    far = rng.uniform(-0.5, 0.5, 2) * perspective / np.maximum((half_width, half_height), 1)
    tilted = np.array([(1, 0, 0), (0, 1, 0), (far[0], far[1] * min(1, half_height / half_width), 1)])
    turned = np.array([(np.cos(turn), -np.sin(turn), 0), (np.sin(turn), np.cos(turn), 0), (0, 0, 1)])
    around_middle = turned @ tilted @ _shift(-left - half_width, -top - half_height)
    corners = _through(around_middle, np.array([(x, y) for x in (left, right) for y in (top, bottom)], float))
    before, behind = np.rint(rng.uniform(*margins, 2)), np.rint(rng.uniform(*margins, 2))
    start = np.floor(corners.min(axis=0) - before)
    width, height = np.ceil(corners.max(axis=0) + behind - start).astype(int)
    return View(_shift(*-start) @ around_middle, int(width), int(height))


def seen_box(digit: Written, view: View) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of a digit's ink in the picture, in whole pixels inside of it."""
    inked = digit.ink > _INKED * digit.ink.max()
    rows = np.flatnonzero(inked.any(axis=1))
    first, last = inked[rows].argmax(axis=1), inked.shape[1] - inked[rows][:, ::-1].argmax(axis=1)
    corners = [np.column_stack([columns, rows + below]) for columns in (first, last) for below in (0, 1)]
    points = _through(view.to_picture, np.concatenate(corners) + np.array((digit.left, digit.top)))
    left, top = np.maximum(np.floor(points.min(axis=0) + 0.3), 0).astype(int)
    right, bottom = np.minimum(np.ceil(points.max(axis=0) - 0.3), (view.width, view.height)).astype(int)
    return int(left), int(top), int(max(right, left + 1)), int(max(bottom, top + 1))


def _shift(x: float, y: float) -> NDArray[np.float64]:
    return np.array([(1.0, 0.0, x), (0.0, 1.0, y), (0.0, 0.0, 1.0)])


def _through(matrix: NDArray[np.float64], points: NDArray) -> NDArray[np.float64]:
    """Points (x, y) behind a homography."""
    mapped = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return mapped[:, :2] / mapped[:, 2:]


def _covered(start: float, stop: float, n: int) -> tuple[slice, NDArray[np.float32]]:
    """Which of n pixels an interval covers, and what share of each."""
    first, last = max(0, int(np.floor(start))), min(n, int(np.ceil(stop)))
    pixels = np.arange(first, last)
    shares = np.minimum(pixels + 1, stop) - np.maximum(pixels, start)
    return slice(first, last), shares.astype(np.float32)


def _near_line(distance: NDArray[np.float32], rules: Rules) -> NDArray[np.float32]:
    """How much of a pixel lies on one of the lines, by its distance from the first of them."""
    half = rules.spacing / 2
    nearest = np.abs((distance + half) % rules.spacing - half)
    return np.clip(rules.thickness / 2 - nearest + 0.5, 0, min(1.0, rules.thickness)).astype(np.float32)
