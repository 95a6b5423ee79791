"""A page -> its picture, scanned or photographed, with what it says and where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from knn_digits.made_pictures.camera import Color, Layer, Shot, photograph, scan, uneven_light
from knn_digits.made_pictures.pages import Page, View, seen_box
from knn_digits.made_pictures.writing import Hand

__all__ = ["MadePicture", "mild_shot", "photographed", "scanned", "strong_shot"]

_INKS: dict[str, Color] = {
    "black": (28, 27, 30),
    "blue": (32, 52, 140),
    "red": (178, 34, 40),
    "green": (24, 105, 60),
    "pencil": (92, 92, 96),
}
_INK_SHARES = {"black": 0.4, "blue": 0.35, "red": 0.15, "green": 0.1}
_PRINTS: dict[str, Color] = {
    "light blue": (150, 185, 220),
    "gray": (165, 165, 165),
    "rose": (225, 160, 165),
    "black": (45, 45, 50),
}
_PRINT_SHARES = {"light blue": 0.4, "gray": 0.3, "rose": 0.1, "black": 0.2}
_PENCIL_GRAIN = 0.3  # how much of a pencil's stroke the paper's grain leaves out
_LIGHT_ON_DARK_SHARE = 0.15  # of the scanned pictures


@dataclass(frozen=True, eq=False)
class MadePicture:
    """A picture of digits, and what it says.

    Attributes
    ----------
    pixels : uint8 ndarray of shape (height, width) or (height, width, 3)
        Gray, or red, green and blue, as a camera or scanner would give it.
    lines : tuple of str
        What stands there, from top to bottom.
    boxes : tuple of tuples of 4 ints
        For each line, for each digit: left, top, right, bottom of its ink; right and bottom are exclusive.
    image_ids : tuple of tuples of int
        For each line, for each digit: which of the images it is.
    """

    pixels: NDArray[np.uint8]
    lines: tuple[str, ...]
    boxes: tuple[tuple[tuple[int, int, int, int], ...], ...]
    image_ids: tuple[tuple[int, ...], ...]

    @property
    def text(self) -> str:
        r"""What stands there, lines joined by ``\n``."""
        return "\n".join(self.lines)


def scanned(rng: Generator, page: Page, view: View, light_on_dark: bool | None = None) -> MadePicture:
    """A page as a scanner gives it, gray.

    Parameters
    ----------
    rng : numpy.random.Generator
    page : Page
    view : View
    light_on_dark : bool, optional
        Whether dark and light are turned around; sometimes, if it is not said.
    """
    dark = rng.uniform(0, 70)
    layers = _layers(page, view, (dark, dark, dark), 1.0, _any_print(rng))
    turned = bool(rng.random() < _LIGHT_ON_DARK_SHARE)
    pixels = scan(layers, rng.uniform(235, 255), turned if light_on_dark is None else light_on_dark)
    return _pictured(page, view, pixels)


def photographed(rng: Generator, page: Page, view: View, shot: Shot, ink: str | None = None) -> MadePicture:
    """A page as a camera sees it, in color.

    Parameters
    ----------
    rng : numpy.random.Generator
    page : Page
    view : View
    shot : Shot
    ink : {"black", "blue", "red", "green", "pencil"}, optional
        What it is written with; one of the pens, if it is not said.
    """
    name = ink or _any_name(rng, _INK_SHARES)
    color = _varied(rng, _INKS[name], 12)
    opacity = rng.uniform(0.7, 0.95) if name == "pencil" else rng.uniform(0.85, 1)
    layers = _layers(page, view, color, opacity, _any_print(rng))
    if name == "pencil":
        layers[-1] = Layer(layers[-1].cover * _grain(rng, view), color)
    return _pictured(page, view, photograph(rng, layers, _any_paper(rng), shot))


def mild_shot(rng: Generator, view: View, hand: Hand) -> Shot:
    """Good light and a steady hand."""
    light = uneven_light(rng, view.height, view.width, rng.uniform(0.05, 0.3))
    blur = rng.uniform(0.3, 0.6) + 0.008 * hand.height
    return Shot(light, blur, rng.uniform(1, 4), rng.uniform(0, 2), quality=int(rng.integers(80, 96)))


def strong_shot(rng: Generator, view: View, hand: Hand) -> Shot:
    """Light from one side, more noise, less sharp."""
    light = uneven_light(rng, view.height, view.width, rng.uniform(0.2, 0.75))
    blur = rng.uniform(0.4, 0.8) + rng.uniform(0, 0.02) * hand.height
    return Shot(light, blur, rng.uniform(2, 8), rng.uniform(0.5, 4), quality=int(rng.integers(70, 96)))


def _pictured(page: Page, view: View, pixels: NDArray[np.uint8]) -> MadePicture:
    return MadePicture(
        pixels,
        tuple("".join(digit.text for digit in line) for line in page.lines),
        tuple(tuple(seen_box(digit, view) for digit in line) for line in page.lines),
        tuple(tuple(digit.image_id for digit in line) for line in page.lines),
    )


def _layers(page: Page, view: View, ink: Color, opacity: float, printed: Color) -> list[Layer]:
    """What lies on the paper: print below, ink above."""
    layers = [Layer(view.ruled(rules), printed) for rules in page.rules]
    if page.frames:
        layers.append(Layer(view.seen(page.framing(), page.box), printed))
    return [*layers, Layer(np.float32(opacity) * view.seen(page.ink(), page.box), ink)]


def _grain(rng: Generator, view: View) -> NDArray[np.float32]:
    """How much of a pencil's stroke the paper takes, pixel by pixel."""
    return 1 - np.float32(_PENCIL_GRAIN) * rng.random((view.height, view.width), np.float32) ** 2


def _any_paper(rng: Generator) -> Color:
    """White, off-white or gray, warmer or colder, hardly ever greenish."""
    light, warmth = rng.uniform(205, 248), rng.uniform(-6, 14)
    return _varied(rng, (light, light - 0.4 * warmth, light - warmth), 2)


def _any_print(rng: Generator) -> Color:
    return _varied(rng, _PRINTS[_any_name(rng, _PRINT_SHARES)], 10)


def _any_name(rng: Generator, shares: dict[str, float]) -> str:
    return str(rng.choice(list(shares), p=list(shares.values())))


def _varied(rng: Generator, color: Color, spread: float) -> Color:
    red, green, blue = (float(np.clip(c + rng.uniform(-spread, spread), 0, 255)) for c in color)
    return red, green, blue
