"""The kinds of made pictures: a recipe for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from knn_digits.made_pictures.camera import shadow_over
from knn_digits.made_pictures.layouts import any_hand, boxed_page, free_page, seen_at
from knn_digits.made_pictures.pages import Page
from knn_digits.made_pictures.pictures import MadePicture, mild_shot, photographed, scanned, strong_shot
from knn_digits.made_pictures.writing import DigitImages, Hand, digits_of, touching_gaps

__all__ = ["KINDS", "Kind", "make_pictures"]

_PENCIL_SHARE = 0.2  # of the photographed pages
_LEAST_LIGHT = 0.45  # before a shadow falls on it: a person must be able to read what is in the shadow


@dataclass(frozen=True)
class Kind:
    """One kind of pictures.

    Attributes
    ----------
    name, about : str
        What to call it, and what it shows.
    draw : callable
        Makes one of them: random numbers and digits in, a picture out.
    """

    name: str
    about: str
    draw: Callable[[Generator, DigitImages], MadePicture]


def make_pictures(
    kind: str, images: NDArray[np.uint8], labels: ArrayLike, n: int, seed: int = 0
) -> Iterator[MadePicture]:
    """Make pictures of one kind.

    Parameters
    ----------
    kind : str
        A name among `KINDS`.
    images : uint8 ndarray of shape (m, side, side)
        Digits, light on dark.
    labels : array-like of shape (m,)
        What they are.
    n : int
        How many pictures. The first of them are the same for any n.
    seed : int, default=0
        Each picture of each kind has a random stream of its own.

    Returns
    -------
    iterator of MadePicture

    Raises
    ------
    ValueError
        If there is no such kind, or no digit to write with.
    """
    if kind not in KINDS:
        raise ValueError(f"expected a kind among {', '.join(KINDS)}, got {kind!r}")
    digits = digits_of(images, labels)
    streams = (np.random.default_rng([seed, crc32(kind.encode()), i]) for i in range(n))
    return (KINDS[kind].draw(rng, digits) for rng in streams)


def _clean(rng: Generator, digits: DigitImages) -> MadePicture:
    hand = any_hand(rng)
    page = free_page(rng, digits, hand)
    return scanned(rng, page, seen_at(rng, page, hand, degrees=3))


def _photographed(rng: Generator, digits: DigitImages) -> MadePicture:
    pencil = rng.random() < _PENCIL_SHARE
    hand = any_hand(rng, pen=(0.2, 0.5) if pencil else (0.35, 1.6))
    page = free_page(rng, digits, hand)
    view = seen_at(rng, page, hand, degrees=3)
    return photographed(rng, page, view, strong_shot(rng, view, hand), "pencil" if pencil else None)


def _ruled(rng: Generator, digits: DigitImages) -> MadePicture:
    hand = any_hand(rng, pen=(0.45, 1.3))
    page = free_page(rng, digits, hand, ruled=True)
    view = seen_at(rng, page, hand, degrees=3)
    return photographed(rng, page, view, mild_shot(rng, view, hand))


def _boxed(rng: Generator, digits: DigitImages) -> MadePicture:
    hand = any_hand(rng, pen=(0.5, 1.2))
    page = boxed_page(rng, digits, hand)
    view = seen_at(rng, page, hand, degrees=2)
    if rng.random() < 0.4:
        return scanned(rng, page, view)
    return photographed(rng, page, view, mild_shot(rng, view, hand))


def _touching(rng: Generator, digits: DigitImages) -> MadePicture:
    hand = any_hand(rng)
    page = free_page(rng, digits, hand, touching_gaps(rng))
    return scanned(rng, page, seen_at(rng, page, hand, degrees=3))


def _mixed(rng: Generator, digits: DigitImages) -> MadePicture:
    hand = any_hand(rng, pen=(0.4, 1.3), heights=(20, 80))
    page = _any_page(rng, digits, hand, n_lines=int(rng.choice([1, 2, 3, 4], p=[0.5, 0.2, 0.15, 0.15])))
    view = seen_at(rng, page, hand, degrees=6, perspective=0.2)
    softness = rng.uniform(0.5, 0.2 * hand.height)
    shadow = shadow_over(rng, view.height, view.width, rng.uniform(0.3, 0.65), softness)
    shot = strong_shot(rng, view, hand)
    light = np.maximum(shot.light, np.float32(_LEAST_LIGHT)) * shadow
    return photographed(rng, page, view, replace(shot, light=light, quality=int(rng.integers(30, 71))))


def _any_page(rng: Generator, digits: DigitImages, hand: Hand, n_lines: int) -> Page:
    """A form, or lines on blank or ruled paper, in which some neighbors may touch."""
    sort = rng.choice(["blank", "ruled", "boxed"])
    if sort == "boxed":
        return boxed_page(rng, digits, hand, n_lines)
    gaps = touching_gaps(rng, 0.08) if rng.random() < 0.5 else None
    return free_page(rng, digits, hand, gaps, n_lines, ruled=bool(sort == "ruled"))


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("clean", "a line of 3 to 10 digits, apart, dark on white, some light on dark", _clean),
        Kind("photographed", "pens and pencil on paper under uneven light, blurred, with noise", _photographed),
        Kind("ruled", "on ruled or squared paper, photographed", _ruled),
        Kind("boxed", "forms with a box for each digit, or a comb, scanned or photographed", _boxed),
        Kind("touching", "a line in which most neighbors touch", _touching),
        Kind("mixed", "1 to 4 lines, blank, ruled or boxed, with shadow, perspective and strong JPEG", _mixed),
    )
}
"""What can be made, by name."""
