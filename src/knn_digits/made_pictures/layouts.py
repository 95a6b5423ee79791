"""What is put on a page: a hand, lines of its digits, rules or boxes for them."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from knn_digits.made_pictures.forms import any_form, boxed_line
from knn_digits.made_pictures.pages import Page, Rules, View, view_of
from knn_digits.made_pictures.writing import DigitImages, Gaps, Hand, free_gaps, write_along

__all__ = ["any_hand", "any_length", "boxed_page", "free_page", "seen_at"]

_HEIGHTS = (20.0, 120.0)  # pixels
_LENGTHS = (3, 10)  # digits of a line
_MOST_SLANT = np.deg2rad(15)
_USUAL_HALF_WIDTH = 0.07  # half the width of MNIST's strokes, as a share of a digit's height
_SQUARED_SHARE = 0.4  # of the ruled pages
_CROSSED_SHARE = 0.3  # of the ruled pages: a line runs through the digits, they do not stand on it


def any_hand(
    rng: Generator, pen: tuple[float, float] = (0.75, 1.3), heights: tuple[float, float] = _HEIGHTS
) -> Hand:
    """A hand.

    Parameters
    ----------
    rng : numpy.random.Generator
    pen : tuple of 2 floats
        The least and the greatest width of the pen, of MNIST's.
    heights : tuple of 2 floats
        The least and the greatest height of a digit, in pixels.
    """
    height, thickness = (float(np.exp(rng.uniform(*np.log(between)))) for between in (heights, pen))
    return Hand(height, float(rng.uniform(-_MOST_SLANT, _MOST_SLANT)), _USUAL_HALF_WIDTH * thickness)


def any_length(rng: Generator) -> int:
    """How many digits a line has."""
    return int(rng.integers(_LENGTHS[0], _LENGTHS[1] + 1))


def free_page(
    rng: Generator,
    digits: DigitImages,
    hand: Hand,
    gaps: Gaps | None = None,
    n_lines: int = 1,
    ruled: bool = False,
) -> Page:
    """Lines one below the other, on blank, ruled or squared paper.

    Parameters
    ----------
    rng : numpy.random.Generator
    digits : DigitImages
    hand : Hand
    gaps : callable, optional
        Between neighbors; if it is not said, the digits are apart.
    n_lines : int, default=1
    ruled : bool, default=False
        Whether there are lines or squares on the paper.
    """
    rules = [_any_rules(rng, hand)] if ruled else []
    pitch = hand.height * rng.uniform(1.5, 2.4)
    if rules:
        pitch = rules[0].spacing * np.ceil(1.4 * hand.height / rules[0].spacing)
    gaps = gaps or free_gaps(rng)
    lines = [write_along(rng, digits, hand, any_length(rng), gaps) for _ in range(n_lines)]
    starts = rng.normal(0, 0.4 * hand.height, n_lines)
    moved = [[digit.moved(starts[i], i * pitch) for digit in line] for i, line in enumerate(lines)]
    return Page(moved, rules=rules)


def boxed_page(rng: Generator, digits: DigitImages, hand: Hand, n_lines: int = 1) -> Page:
    """A form: rows of boxes, a line of digits in each.

    Parameters
    ----------
    rng : numpy.random.Generator
    digits : DigitImages
    hand : Hand
    n_lines : int, default=1
    """
    form = any_form(rng, hand)
    rows = [boxed_line(rng, digits, hand, form, any_length(rng), row) for row in range(n_lines)]
    return Page([line for line, _ in rows], [bar for _, bars in rows for bar in bars])


def seen_at(rng: Generator, page: Page, hand: Hand, degrees: float, perspective: float = 0.0) -> View:
    """Look at a page, turned by at most so many degrees, with some paper around what is on it."""
    margins = (max(3.0, 0.15 * hand.height), 1.2 * hand.height)
    return view_of(rng, page, np.deg2rad(rng.uniform(-degrees, degrees)), perspective, margins)


def _any_rules(rng: Generator, hand: Hand) -> Rules:
    """Ruled lines; the digits of a line whose foot is at row 0 stand on one, or are crossed by it."""
    squared = bool(rng.random() < _SQUARED_SHARE)
    spacing = hand.height * rng.uniform(0.8 if squared else 1.0, 1.6)
    crossed = rng.random() < _CROSSED_SHARE
    start = hand.height * (-rng.uniform(0.1, 0.9) if crossed else rng.normal(0, 0.03))
    thickness = min(rng.uniform(1, 3), max(1.0, 0.05 * hand.height))
    return Rules(start, spacing, thickness, squared, column=rng.uniform(0, spacing))
