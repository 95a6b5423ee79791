"""Digits may be drawn at any size, with any pen, and stay the same digits."""

import numpy as np
import pytest
from scipy.ndimage import label

from knn_digits.made_pictures.strokes import draw_strokes, strokes_of


@pytest.fixture
def ring() -> np.ndarray:
    """A zero, 20 pixels high and 16 wide, with a stroke of 3 pixels."""
    y, x = np.mgrid[-13.5:14, -13.5:14]
    distance = np.abs(np.hypot(x / 8, y / 10) - 0.85) * 9
    return (255 * np.clip(2 - distance, 0, 1)).astype(np.uint8)


@pytest.mark.parametrize("height", [20, 47.5, 120])
def test_ink_is_as_high_as_asked_and_its_edges_are_sharp(ring, height):
    ink = draw_strokes(strokes_of(ring), height, half_width=0.08)
    assert ink.dtype == np.float32
    assert abs(ink.shape[0] - height) <= 0.1 * height + 2
    assert ink.min() == 0
    assert ink.max() == 1
    blurred = np.count_nonzero((ink > 0.02) & (ink < 0.98))
    assert blurred < 2 * 2 * np.pi * height  # a pixel or two on each side of the stroke


def test_a_hole_stays_a_hole_with_every_pen(ring):
    areas = []
    for half_width in (0.02, 0.05, 0.08, 0.11):
        ink = draw_strokes(strokes_of(ring), 100, half_width) > 0.5
        assert label(ink, np.ones((3, 3)))[1] == 1
        assert label(~np.pad(ink, 1))[1] == 2
        areas.append(int(ink.sum()))
    assert areas == sorted(areas)
    assert areas[-1] > 2 * areas[0]


def test_slant_leans_to_the_right():
    bar = np.zeros((28, 28), np.uint8)
    bar[4:24, 12:16] = 255
    ink = draw_strokes(strokes_of(bar), 80, 0.08, slant=np.deg2rad(15))
    rows = [np.flatnonzero(ink[y] > 0.5).mean() for y in (10, 70)]
    assert rows[0] - rows[1] == pytest.approx(60 * np.tan(np.deg2rad(15)), rel=0.15)


def test_specks_are_left_out(ring):
    speck = ring.copy()
    speck[1, 1] = 255
    assert label(draw_strokes(strokes_of(speck), 100, 0.08) > 0.5, np.ones((3, 3)))[1] == 1
