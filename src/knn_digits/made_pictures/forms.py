"""Printed forms: a box for each digit, boxes side by side, or a comb; and digits written into them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from knn_digits.made_pictures.pages import Bar
from knn_digits.made_pictures.writing import DigitImages, Hand, Written, write_at

__all__ = ["Form", "any_form", "boxed_line"]

_CROSSING_SHARE = 0.15  # of the digits: those that touch or cross their frame
_LARGE_SHARE = 0.6  # of those: too large for the box; the others are beside its middle
_EMPTY_SHARE = 0.3  # of the rows: those in which boxes at the end stay empty
_ROOM = 0.06  # of the height of a digit, or more: between the ink and its frame
_STYLES = {"apart": 0.4, "joined": 0.3, "comb": 0.2, "open comb": 0.1}


@dataclass(frozen=True)
class Form:
    """How the boxes of a form look, in pixels.

    Attributes
    ----------
    width, height : float
        Of a box, between the middles of its lines.
    pitch : float
        From one row of boxes to the next.
    gap : float
        Between two boxes; 0: they share a line.
    thickness : float
        Of a line.
    tick : float
        Height of the lines between boxes as a share of the boxes'; below 1 it is a comb.
    open_top : bool
        Whether the line above is missing.
    """

    width: float
    height: float
    pitch: float
    gap: float
    thickness: float
    tick: float
    open_top: bool


def any_form(rng: Generator, hand: Hand) -> Form:
    """A form whose boxes hold the digits of this hand."""
    height = hand.height * rng.uniform(1.35, 2.0)
    style = rng.choice(list(_STYLES), p=list(_STYLES.values()))
    return Form(
        width=max(1.25 * hand.height, height * rng.uniform(0.75, 1.15)),
        height=height,
        pitch=height + max(4.0, hand.height * rng.uniform(0.2, 0.8)),
        gap=max(3.0, hand.height * rng.uniform(0.1, 0.5)) if style == "apart" else 0.0,
        thickness=max(1.0, hand.height * np.exp(rng.uniform(np.log(0.015), np.log(0.08)))),
        tick=rng.uniform(0.3, 0.6) if style in ("comb", "open comb") else 1.0,
        open_top=bool(style == "open comb"),
    )


def boxed_line(
    rng: Generator, digits: DigitImages, hand: Hand, form: Form, n: int, row: int = 0
) -> tuple[list[Written], list[Bar]]:
    """Print a row of boxes and write into them; some at the end may stay empty.

    Parameters
    ----------
    rng : numpy.random.Generator
    digits : DigitImages
    hand : Hand
    form : Form
    n : int
        Digits.
    row : int, default=0
        Which row of boxes of the form it is.

    Returns
    -------
    line : list of Written
    bars : list of Bar
        The lines of the boxes.
    """
    n_boxes = n + (int(rng.integers(1, 4)) if rng.random() < _EMPTY_SHARE else 0)
    lefts, top = np.arange(n_boxes) * (form.width + form.gap), row * form.pitch
    bars = [bar for i, left in enumerate(lefts) for bar in _box(form, left, top, i == 0, i == n_boxes - 1)]
    return [_boxed_digit(rng, digits, hand, form, left, top) for left in lefts[:n]], bars


def _box(form: Form, left: float, top: float, first: bool, last: bool) -> list[Bar]:
    """The lines of one box; where boxes share a line, the box before has drawn it."""
    half = form.thickness / 2
    right, bottom = left + form.width, top + form.height
    side_top, tick_top = (
        bottom - form.height * (form.tick if form.open_top else 1),
        bottom - form.height * form.tick,
    )
    lines = [(left, bottom, right, bottom)]
    if not form.open_top:
        lines.append((left, top, right, top))
    if first or form.gap:
        lines.append((left, side_top, left, bottom))
    lines.append((right, side_top if last or form.gap else tick_top, right, bottom))
    return [Bar(x0 - half, y0 - half, x1 + half, y1 + half) for x0, y0, x1, y1 in lines]


def _boxed_digit(rng: Generator, digits: DigitImages, hand: Hand, form: Form, left: float, top: float) -> Written:
    """Near the middle of its box; some touch the frame or cross it a little."""
    middle = left + form.width / 2, top + form.height / 2
    crossing = rng.random() < _CROSSING_SHARE
    if crossing and rng.random() < _LARGE_SHARE:
        too_high = min(form.width, form.height) * rng.uniform(1, 1.1)  # wide ones must not reach their neighbors
        return write_at(rng, digits, hand, middle, too_high)
    digit = write_at(rng, digits, hand, middle)
    rows, columns = digit.ink.shape
    to_frame = (form.width - columns) / 2, (form.height - rows) / 2
    if crossing:
        axis, over = int(rng.integers(2)), form.thickness / 2 + hand.height * rng.uniform(0, 0.08)
        away = rng.choice([-1, 1]) * (to_frame[axis] + over)
        return digit.moved(*((away, 0) if axis == 0 else (0, away)))
    room = form.thickness / 2 + max(2.0, _ROOM * hand.height)
    return digit.moved(*(rng.triangular(-0.8, 0, 0.8) * max(0.0, free - room) for free in to_frame))
