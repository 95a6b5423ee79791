"""Pictures come apart into lines, and lines into what may be digits; drawn rings and bars stand for digits."""

import time
from itertools import pairwise, product

import numpy as np
import pytest
from PIL import Image, ImageDraw

from knn_digits.images.segmentation import MEASURES, Candidate, Line, segment

HEIGHT, WIDTH, PEN = 56, 38, 7  # of a ring, in pixels
Box = tuple[int, int, int, int]


class Page:
    """White paper to draw on."""

    def __init__(self, width: int = 480, height: int = 160, scale: int = 1) -> None:
        self.scale = scale
        self.image = Image.new("L", (width * scale, height * scale), 255)
        self._draw = ImageDraw.Draw(self.image)

    def ring(self, left: int, top: int, height: int = HEIGHT) -> Box:
        """A zero; the box it fills, right and bottom exclusive."""
        box = (left, top, left + WIDTH, top + height)
        self._draw.ellipse(self._inside(box), outline=0, width=PEN * self.scale)
        return tuple(edge * self.scale for edge in box)

    def bar(self, left: int, top: int, right: int, bottom: int, gray: int = 0) -> None:
        self._draw.rectangle(self._inside((left, top, right, bottom)), fill=gray)

    def boxes(self, left: int, top: int, n: int, side: tuple[int, int] = (60, 84), gray: int = 40) -> None:
        """A row of boxes for digits, 2 pixels thick."""
        right, bottom = left + n * side[0], top + side[1]
        for y in (top, bottom):
            self.bar(left, y, right + 2, y + 2, gray)
        for i in range(n + 1):
            self.bar(left + i * side[0], top, left + i * side[0] + 2, bottom + 2, gray)

    @property
    def pixels(self) -> np.ndarray:
        return np.asarray(self.image)

    def _inside(self, box: Box) -> list[int]:
        left, top, right, bottom = (edge * self.scale for edge in box)
        return [left, top, right - 1, bottom - 1]


def row_of_rings(n: int = 5, step: int = 60, tops: tuple[int, ...] = (50,), **settings: int) -> tuple[Page, list]:
    """Rows of rings, and the boxes of each row."""
    page = Page(60 + n * step, 110 + max(tops), **settings)
    return page, [[page.ring(30 + i * step, top) for i in range(n)] for top in tops]


def whole(line: Line) -> list[np.ndarray]:
    """The boxes of its pieces of connected ink, from left to right."""
    return [c.box for c in line.candidates if c.end - c.first == 1]


def measure(candidate: Candidate, name: str) -> float:
    return float(candidate.measures[MEASURES.index(name)])


def shared_by(candidate: Candidate) -> float:
    return measure(candidate, "shared")


def assert_boxes(found: list[np.ndarray], expected: list[Box], within: float = 2) -> None:
    assert len(found) == len(expected)
    np.testing.assert_allclose(found, expected, atol=within)


def has(line: Line, box: Box, within: float) -> bool:
    return any(np.abs(c.box - box).max() <= within for c in line.candidates)


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (3, 400), (200, 300), (200, 300, 3)])
def test_blank_pictures_have_no_lines(level, shape):
    assert segment(np.full(shape, level, np.uint8)) == ()


def test_noisy_paper_has_no_lines(rng):
    assert segment(rng.normal(200, 5, (200, 300)).clip(0, 255).astype(np.uint8)) == ()


def test_digits_of_a_line_come_from_left_to_right():
    page, [boxes] = row_of_rings()
    [line] = segment(page.pixels)
    assert_boxes(whole(line), boxes)
    np.testing.assert_allclose(line.sizes, 1, atol=0.1)
    assert line.component_of.tolist() == list(range(5))


def test_lines_come_from_top_to_bottom_whichever_begins_further_left():
    page = Page(500, 420)
    rows = [[page.ring(start + 60 * i, top) for i in range(4)] for start, top in ((150, 30), (40, 150), (90, 280))]
    lines = segment(page.pixels)
    assert len(lines) == 3
    for line, boxes in zip(lines, rows, strict=True):
        assert_boxes(whole(line), boxes)


def test_a_slanted_line_is_one():
    page = Page(700, 260)
    boxes = [page.ring(30 + 60 * i, 40 + 7 * i) for i in range(10)]
    [line] = segment(page.pixels)
    assert_boxes(whole(line), boxes)


def test_a_line_goes_on_beyond_a_wide_gap():
    page = Page(900, 160)
    boxes = [page.ring(left, 50) for left in (30, 90, 150, 600, 660)]
    [line] = segment(page.pixels)
    assert_boxes(whole(line), boxes)


def test_a_digit_high_up_in_its_box_is_of_the_line_and_one_above_another_is_not():
    tops = (60, 20, 60, 100)
    page = Page(360, 240)
    rings = [page.ring(30 + 80 * i, top) for i, top in enumerate(tops)]
    (line,) = segment(page.pixels)
    assert_boxes(whole(line), rings)
    page.ring(30, 145)
    assert [len(whole(line)) for line in segment(page.pixels)] == [4, 1]


def test_candidates_are_framed_and_measured():
    page, _ = row_of_rings(3)
    [line] = segment(page.pixels)
    for candidate in line.candidates:
        assert candidate.image.shape == (28, 28)
        assert candidate.image.dtype == np.uint8
        assert candidate.image.max() == 255
        mass = candidate.image.astype(float)
        assert abs(np.average(np.arange(28), weights=mass.sum(axis=0)) - 14) < 0.6
        assert candidate.measures.shape == (len(MEASURES),)
        assert np.isfinite(candidate.measures).all()
    first = dict(zip(MEASURES, line.candidates[0].measures, strict=True))
    assert first["height"] == pytest.approx(1, abs=0.05)
    assert first["width"] == pytest.approx(WIDTH / HEIGHT, abs=0.05)
    assert first["offset"] == pytest.approx(0, abs=0.05)
    assert first["gap"] == first["cut borders"] == first["border cost"] == first["overlap"] == 0


@pytest.mark.parametrize("scale", [2, 6])
def test_boxes_of_large_pictures_are_in_their_own_pixels(scale):
    page, [boxes] = row_of_rings(4, scale=scale)
    [line] = segment(page.pixels)
    assert_boxes(whole(line), boxes, within=3 * scale)


def test_dark_on_light_is_as_light_on_dark_and_as_colored_ink_on_paper():
    page, [boxes] = row_of_rings()
    gray = page.pixels
    colored = np.stack([200 + gray // 5, 40 + gray // 5 * 4, 60 + gray // 4 * 3], axis=2).astype(np.uint8)
    for pixels in (255 - gray, colored, gray // 4 + 90):
        [line] = segment(pixels)
        assert_boxes(whole(line), boxes)


def test_a_shadow_does_not_matter():
    page, [boxes] = row_of_rings()
    light = np.ones(page.pixels.shape)
    light[:, 150:] = 0.5
    [line] = segment((page.pixels * light * 0.9).astype(np.uint8))
    assert_boxes(whole(line), boxes, within=3)


def test_parts_of_a_broken_digit_are_one_candidate():
    page, [boxes] = row_of_rings(4)
    page.bar(250 - 4 + 30, 60, 300, 67)  # an upper bar, and what stands below it
    page.bar(276, 75, 284, 106)
    [line] = segment(page.pixels)
    assert has(line, (276, 60, 300, 106), within=3)
    for box in boxes:
        assert has(line, box, within=2)


def test_dust_is_nothing():
    page, [boxes] = row_of_rings(4)
    for x, y in ((12, 20), (265, 120), (285, 80)):
        page.bar(x, y, x + 5, y + 5)
    [line] = segment(page.pixels)
    assert_boxes(whole(line), boxes)


def test_digits_are_as_high_as_they_are_however_many_marks_are_between():
    page = Page(520, 160)
    boxes = [page.ring(30 + x, 50) for x in (0, 120, 240, 360)]
    for _, top, right, _ in boxes:
        for x, y in product((right + 15, right + 55), (top, top + 20, top + 42)):
            page.bar(x, y, x + 12, y + 12)
    [line] = segment(page.pixels)
    for box in boxes:
        [found] = [c for c in line.candidates if np.abs(c.box - box).max() <= 2]
        assert measure(found, "height") == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("side", [120, 1800])
def test_digits_are_at_least_six_pixels_high_on_pages_of_any_size(side):
    assert [len(segment(marks_of_height(height, side))) for height in (5, 8, 12)] == [0, 1, 1]


def marks_of_height(height: int, side: int) -> np.ndarray:
    page = Page(side, side)
    for x in (20, 50, 80):
        page.bar(x, 12, x + 4, 12 + height)
    return page.pixels.copy()


def test_ink_of_two_pixels_is_dust_beside_the_smallest_digits_too():
    marks = marks_of_height(8, 120)
    marks[14:16, 38:40] = marks[16:18, 66:68] = 0
    [line] = segment(marks)
    assert len(line.sizes) == 3


def test_a_mark_alone_is_no_line():
    page, [boxes] = row_of_rings(4)
    page.bar(270, 140, 285, 155)
    [line] = segment(page.pixels)
    assert_boxes(whole(line), boxes)


def test_a_page_of_many_digits_takes_seconds():
    page = Page(1480, 1336)
    for y in range(10, 1300, 36):
        for x in range(10, 1450, 27):
            page.bar(x, y, x + 6, y + 24)
    start = time.perf_counter()
    lines = segment(page.pixels)
    assert time.perf_counter() - start < 20
    assert [len(whole(line)) for line in lines] == [54] * 36


def test_of_a_texture_few_components_are_joined(rng):
    page = np.full((360, 360), 255, np.uint8)
    for top, left in product(range(6, 340, 20), range(6, 350, 7)):
        page[top : top + rng.integers(12, 17), left : left + rng.integers(2, 5)] = 0
    candidates, of_a_corner = (
        [candidate for line in segment(part) for candidate in line.candidates] for part in (page, page[:75, :75])
    )
    assert len(candidates) <= page.size / 150
    joined, joined_in_corner = (max(c.end - c.first for c in some) for some in (candidates, of_a_corner))
    assert 1 <= joined < joined_in_corner


def test_touching_digits_come_apart_only_when_they_are_cut():
    page = Page()
    boxes = [page.ring(30 + x, 50) for x in (0, 60, 60 + WIDTH - 3, 180)]
    [line] = segment(page.pixels)
    left, right = boxes[1], boxes[2]
    assert not has(line, left, within=4)
    both = next(i for i, box in enumerate(whole(line)) if box[2] - box[0] > 1.5 * WIDTH)
    cut = line.cut({both})
    for box in boxes:
        assert has(cut, box, within=4)
    assert has(cut, (left[0], left[1], right[2], right[3]), within=2)
    assert len(cut.sizes) > len(line.sizes)
    assert cut.component_of.tolist() == sorted(cut.component_of)
    assert set(cut.component_of.tolist()) == {0, 1, 2}
    for candidate in cut.candidates:
        if shared_by(candidate):
            continue
        own = dict(zip(MEASURES, candidate.measures, strict=True))
        borders = [border for border in (candidate.first, candidate.end) if 0 < border < len(cut.sizes)]
        n_cut = sum(int(cut.component_of[border - 1] == cut.component_of[border]) for border in borders)
        assert own["cut borders"] == n_cut
        assert (own["border cost"] > 0) == (own["cut borders"] > 0)


def test_a_part_that_was_cut_off_is_joined_to_the_digit_it_is_of():
    page = Page()
    page.ring(30, 50)
    page.bar(30 + WIDTH - 6, 52, 30 + WIDTH + 44, 58)  # of the digit on the right, which hangs on the left one
    body = (30 + WIDTH + 12, 64, 30 + WIDTH + 40, 50 + HEIGHT)
    page.bar(body[0], body[1], body[0] + 7, body[3])
    page.bar(body[0], body[3] - 7, body[2], body[3])
    [line] = segment(page.pixels)
    assert {candidate.end - candidate.first for candidate in line.candidates} == {1}
    cut = line.cut({0, 1})
    assert any(cut.component_of[c.first] != cut.component_of[c.end - 1] for c in cut.candidates)


def test_only_what_is_to_be_cut_is_cut():
    page = Page()
    for x in (0, WIDTH - 3, 150, 150 + WIDTH - 3):
        page.ring(30 + x, 50)
    [line] = segment(page.pixels)
    assert line.component_of.tolist() == [0, 1]
    cut = line.cut({1}).component_of.tolist()
    assert cut.count(0) == 1
    assert cut.count(1) > 1


def test_candidates_span_atoms_that_follow_each_other_and_all_atoms_are_spanned():
    page = Page()
    for x in (0, WIDTH - 3, 2 * WIDTH - 6, 180):
        page.ring(30 + x, 50)
    [line] = segment(page.pixels)
    cut = line.cut(set(line.component_of.tolist()))
    alone = [c for c in cut.candidates if not shared_by(c)]
    spans = [(c.first, c.end) for c in alone]
    assert len(set(spans)) == len(spans)
    assert all(0 <= first < end <= len(cut.sizes) for first, end in spans)
    for one, other in pairwise(sorted(alone, key=lambda c: (c.first, c.end))):
        if one.first == other.first:
            assert other.box[2] >= one.box[2]
    assert {atom for first, end in spans for atom in range(first, end)} == set(range(len(cut.sizes)))


def test_ink_between_two_cuts_may_be_of_both_digits():
    page = Page()
    for x in (0, WIDTH - PEN + 1):  # the right side of one lies on the left side of the other
        page.ring(30 + x, 50)
    [line] = segment(page.pixels)
    cut = line.cut({0})
    alone = {(c.first, c.end): c for c in cut.candidates if not shared_by(c)}
    sharing = [c for c in cut.candidates if shared_by(c)]
    assert sharing
    compared = 0
    for candidate in sharing:
        with_it, without = alone[candidate.first - 1, candidate.end], alone.get((candidate.first, candidate.end))
        np.testing.assert_array_equal(candidate.image, with_it.image)
        assert candidate.shares
        if without is not None:  # what is left may be too small to be proposed
            compared += 1
            shared = measure(with_it, "ink") - measure(without, "ink")
            assert shared_by(candidate) == pytest.approx(shared, abs=1e-5)
    assert compared


@pytest.mark.parametrize("gray", [40, 170])
def test_boxes_of_a_form_are_no_digits_and_digits_in_them_stay(gray):
    page = Page(420, 150)
    boxes = [page.ring(31 + 60 * i, 34) for i in range(6)]
    page.boxes(20, 20, 6, gray=gray)
    [line] = segment(page.pixels)
    assert_boxes(whole(line), boxes, within=3)


@pytest.mark.parametrize("y", [20, 78, 106])
def test_ruled_lines_are_no_digits_be_they_above_below_or_through_them(y):
    page, [boxes] = row_of_rings()
    page.bar(0, y, page.image.width, y + 2, gray=150)
    [line] = segment(page.pixels)
    assert_boxes(whole(line), boxes, within=3)


def test_an_empty_form_has_no_lines():
    page = Page(420, 150)
    page.boxes(20, 20, 6)
    assert segment(page.pixels) == ()
