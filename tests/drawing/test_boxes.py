"""Pictures with boxes: every digit is framed, outside its ink, and told what it was read as."""

import io
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from knn_digits.drawing.boxes import MADE_BY, draw_boxes
from knn_digits.drawing.marks import marked_digit, marked_text
from knn_digits.images.reading import Picture

BLUE, ORANGE = (0, 114, 178), (213, 94, 0)


@dataclass(frozen=True)
class Digit:
    box: tuple
    digit: object = 7
    unsure: bool = False
    foreign: bool = False


@dataclass(frozen=True)
class Reading:
    lines: tuple

    @property
    def digits(self):
        return tuple(digit for line in self.lines for digit in line)


def picture(height, width, value=255, scale=1):
    return Picture(np.full((height, width), value, np.uint8), width * scale, height * scale)


def drawn(of, *digits):
    content = draw_boxes(of, Reading((digits,)))
    with Image.open(io.BytesIO(content)) as opened:
        assert opened.info["Software"] == MADE_BY
        assert MADE_BY.encode() in content[:4096]
        return np.asarray(opened.convert("RGB"))


def count(pixels, color):
    return int((pixels == color).all(axis=2).sum())


@pytest.mark.parametrize("value", [0, 128, 255])
def test_sure_digits_are_blue_and_doubtful_ones_orange_on_any_ground(value):
    sure = drawn(picture(200, 300, value), Digit((100, 60, 150, 140)))
    assert count(sure, BLUE) > 500
    assert count(sure, ORANGE) == 0
    for doubt in ({"unsure": True}, {"foreign": True}):
        doubtful = drawn(picture(200, 300, value), Digit((100, 60, 150, 140), **doubt))
        assert count(doubtful, ORANGE) > 300
        assert count(doubtful, BLUE) == 0


def test_the_inside_of_a_box_stays_as_it_was():
    pixels = np.random.default_rng(5).integers(0, 256, (200, 300, 3), np.uint8)
    result = drawn(Picture(pixels, 300, 200), Digit((100, 70, 150, 170)))
    assert result.shape == (200, 300, 3)
    assert (result[71:169, 101:149] == pixels[71:169, 101:149]).all()


def test_boxes_are_in_pixels_of_the_whole_picture():
    small, whole = picture(400, 600), picture(400, 600, scale=3)
    box = (200, 120, 280, 280)
    same = drawn(whole, Digit(tuple(3 * edge for edge in box)))
    assert (same == drawn(small, Digit(box))).all()


def test_tiny_pictures_are_enlarged_and_tags_find_room_at_their_edges():
    result = drawn(picture(28, 28), Digit((4, 0, 24, 28)))
    assert min(result.shape[:2]) >= 28 * 3
    assert result.shape[0] > result.shape[1]  # room above for the tag
    assert count(result, BLUE) > 500


def test_large_pictures_are_not():
    assert drawn(picture(2000, 2000), Digit((100, 300, 160, 420))).shape == (2000, 2000, 3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (28, 28)])
def test_nothing_read_gives_the_picture(shape):
    content = draw_boxes(picture(*shape), Reading(()))
    with Image.open(io.BytesIO(content)) as opened:
        width, height = opened.size
    assert (height % shape[0], width % shape[1]) == (0, 0)


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (0, 0, 3000, 1), (2999, 0, 3000, 1), (0, 0, 3000, 2)])
def test_odd_boxes_can_be_drawn(box):
    assert drawn(picture(2, 3000), Digit(box, unsure=True)).size


def test_marks():
    line = (Digit((0, 0, 1, 1), 1), Digit((0, 0, 1, 1), 7, unsure=True), Digit((0, 0, 1, 1), 4, foreign=True))
    assert [marked_digit(digit) for digit in line] == ["1", "[7]", "[4?]"]
    assert marked_text(Reading((line, line[:1]))) == "1[7][4?] | 1"
    assert marked_text(Reading(())) == ""
    assert marked_digit(Digit((0, 0, 1, 1), "a\nb")) == "a\N{REPLACEMENT CHARACTER}b"
