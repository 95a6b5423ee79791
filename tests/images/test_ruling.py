"""Ruled lines and boxes go, what is written on them stays."""

import time
import tracemalloc

import numpy as np
import pytest
from scipy.ndimage import rotate

from knn_digits.images.ruling import find_rules, without_rules

HEIGHT = 50.0  # of digits, in pixels


def paper(height: int = 160, width: int = 500) -> np.ndarray:
    return np.zeros((height, width), np.float32)


def written(ink: np.ndarray) -> np.ndarray:
    """A 1, a 7 and a 4: straight strokes as long as digits are high."""
    ink[40:90, 60:66] = 1
    ink[40:46, 110:142] = 1
    for row in range(46, 90):
        left = 138 - (row - 46) // 2
        ink[row, left - 6 : left] = 1
    ink[40:72, 172:178] = ink[66:72, 172:206] = ink[50:92, 194:200] = 1
    return ink


def boxes(ink: np.ndarray, n: int = 6, thickness: int = 2) -> np.ndarray:
    for y in (25, 105):
        ink[y : y + thickness, 40 : 40 + 60 * n + thickness] = 1
    for x in range(40, 41 + 60 * n, 60):
        ink[25 : 105 + thickness, x : x + thickness] = 1
    return ink


def test_paper_and_digits_alone_stay_as_they_are():
    for ink in (paper(), written(paper())):
        assert without_rules(ink, HEIGHT) is ink


@pytest.mark.parametrize("thickness", [1, 2, 3])
@pytest.mark.parametrize("strength", [0.3, 1.0])
@pytest.mark.parametrize("degrees", [0, 1.5, -4])
def test_a_ruled_line_goes(thickness, strength, degrees):
    ink = paper()
    ink[80 : 80 + thickness] = strength
    ink = rotate(ink, degrees, reshape=False, order=1)
    assert without_rules(ink, HEIGHT).sum() < 0.03 * ink.sum()
    assert without_rules(ink.T, HEIGHT).sum() < 0.03 * ink.sum()


def test_what_is_given_is_not_changed():
    ink = boxes(written(paper()))
    before = ink.copy()
    without_rules(ink, HEIGHT)
    np.testing.assert_array_equal(ink, before)


@pytest.mark.parametrize("strength", [0.4, 1.0])
def test_strokes_that_cross_a_line_stay(strength):
    ink = written(paper())
    expected = ink.copy()
    ink[60:62] = np.maximum(ink[60:62], strength)
    left = without_rules(ink, HEIGHT)
    assert (left[expected > 0] > 0.9).mean() > 0.995
    beside = np.ones(left.shape, bool)
    for columns in (slice(52, 75), slice(105, 145), slice(165, 210)):  # some may be left beside a stroke
        beside[:, columns] = False
    assert left[beside].sum() == 0


def test_boxes_go_and_what_is_in_them_stays():
    inside = written(paper())
    left = without_rules(boxes(inside.copy()), HEIGHT)
    assert left[inside > 0].min() == 1
    assert left[inside == 0].sum() < 0.03 * (boxes(paper()).sum())


def test_a_single_box_goes():
    ink = boxes(paper(), n=1)
    assert without_rules(ink, HEIGHT).sum() < 0.05 * ink.sum()


def test_a_comb_goes():
    ink = paper()
    ink[100:102, 40:402] = 1
    for x in range(40, 401, 60):
        ink[80:102, x : x + 2] = 1
    assert without_rules(ink, HEIGHT).sum() < 0.05 * ink.sum()


@pytest.mark.parametrize("paper_between", [2, 5, 12])
@pytest.mark.parametrize("degrees", [0, 1.5])
def test_boxes_close_together_go_with_both_sides(paper_between, degrees):
    ink = paper()
    for left in range(30, 400, 64 + paper_between):
        ink[25:109, left : left + 64] = 1
        ink[28:106, left + 3 : left + 61] = 0
    ink = rotate(ink, degrees, reshape=False, order=1)
    assert without_rules(ink, HEIGHT).sum() < 0.03 * ink.sum()


def test_a_frame_parted_by_two_teeth_goes():
    ink = boxes(paper(), n=1)
    ink[25:27, 40:222] = ink[105:107, 40:222] = 1
    ink[25:107, 220:222] = 1
    ink[27:105, 100:102] = 0
    for x in (100, 160):
        ink[70:105, x : x + 2] = 1
    assert without_rules(ink, HEIGHT).sum() < 0.03 * ink.sum()


def test_a_stroke_that_hangs_from_a_frame_is_no_tooth():
    ink = boxes(paper(), n=6)
    before = ink.copy()
    ink[27:70, 190:192] = 1
    left = without_rules(ink, HEIGHT)
    assert left[(ink > 0) & (before == 0)].min() == 1


def test_a_bar_in_line_with_a_rule_stays():
    ink = paper()
    ink[80:83, 20:300] = 1
    ink[78:84, 330:366] = 1  # the bar of a 4, a little beyond the end
    left = without_rules(ink, HEIGHT)
    assert left[78:84, 330:366].min() == 1
    assert left[:, :320].sum() < 0.03 * ink.sum()


def test_strokes_as_high_as_a_closely_cut_picture_stay():
    ink = paper(60, 240)
    for x in (30, 110, 190):
        ink[:, x : x + 3] = 1
    assert without_rules(ink, 60.0) is ink


@pytest.mark.parametrize("pitch", [7, 14])
def test_many_rules_take_seconds_and_little_memory(pitch):
    ink = paper(1000, 1400)
    ink[::pitch], ink[:, ::pitch] = 1, 1
    tracemalloc.start()
    start = time.perf_counter()
    without_rules(ink, HEIGHT)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.perf_counter() - start < 20
    assert most < 200e6


def test_a_texture_of_short_strokes_takes_seconds():
    ink = paper(700, 700)
    for y in range(10, 690, 19):
        for x in range(10, 690, 19):
            ink[y - 6 : y + 7, x] = ink[y, x - 6 : x + 7] = 1
    start = time.perf_counter()
    without_rules(ink, 13.0)
    assert time.perf_counter() - start < 20


def test_a_side_goes_where_a_digit_touches_it():
    y, x = np.mgrid[:160, :500]
    from_middle = np.hypot((x - 190) / 31, (y - 66) / 38)
    ring = np.where((from_middle <= 1) & (from_middle >= 0.75), 1, 0).astype(np.float32)  # as wide as its box
    left = without_rules(np.maximum(boxes(paper()), ring), HEIGHT)
    assert left[ring > 0].mean() > 0.9
    sides = left[30:40, 155:225]
    assert sides[:, :10].max() == sides[:, -10:].max() == 0
    left[:, 155:225] = 0
    assert left.sum() < 0.03 * boxes(paper()).sum()


def ring_over(x: float, width: float) -> np.ndarray:
    """A zero that leans on both sides of what is that wide around it."""
    y, columns = np.mgrid[:160, :500]
    from_middle = np.hypot((columns - x) / (width / 2), (y - 66) / 38)
    return ((from_middle <= 1) & (from_middle >= 0.75)).astype(np.float32)


def test_both_sides_go_where_a_digit_touches_them_and_few_others_are_seen():
    left = without_rules(np.maximum(boxes(paper(), n=4), ring_over(191, 62)), HEIGHT)
    assert left[30:38, 155:170].sum() == left[30:38, 212:227].sum() == 0
    left[:, 155:227] = 0
    assert left.sum() < 0.03 * boxes(paper(), n=4).sum()


def apart(n: int, thickness: int = 2) -> np.ndarray:
    """Boxes with paper between."""
    ink = paper()
    for left in range(30, 30 + 64 * n, 64):
        ink[25:107, left : left + 56] = 1
        ink[25 + thickness : 107 - thickness, left + thickness : left + 56 - thickness] = 0
    return ink


def test_sides_that_digits_lean_on_in_every_second_box_go():
    ink, rings = apart(5), np.maximum(ring_over(121.5, 54), ring_over(249.5, 54))
    left = without_rules(np.maximum(ink, rings), HEIGHT)
    assert left[rings == 0].sum() < 0.1 * ink.sum()
    assert left[rings > 0].mean() > 0.85
    left[rings > 0] = 0
    assert left[:38].sum() == left[94:103].sum() == 0


def test_both_lines_between_two_boxes_go_where_a_digit_leans_on_one():
    ink = paper()
    for left in range(30, 400, 61):
        ink[25:107, left : left + 58] = 1
        ink[27:105, left + 2 : left + 56] = 0
    ring = ring_over(181, 60)
    left = without_rules(np.maximum(ink, ring), HEIGHT)
    assert left[ring == 0].sum() < 0.03 * ink.sum()
    assert left[ring > 0].mean() > 0.8


def test_teeth_that_digits_lean_on_go():
    ink = paper()
    ink[100:102, 40:342] = 1
    for x in range(40, 341, 60):
        ink[80:102, x : x + 2] = 1
    digit = np.zeros_like(ink)
    for x in (102, 222):
        digit[60:92, x : x + 6] = digit[86:92, x : x + 28] = 1
    left = without_rules(np.maximum(ink, digit), HEIGHT)
    assert left[92:].sum() == 0
    assert left[digit == 0].sum() < 0.1 * ink.sum()
    assert left[digit > 0].mean() > 0.9


def test_a_dark_stroke_from_side_to_side_of_a_faint_box_stays():
    ink = 0.35 * boxes(paper(), n=5)
    stroke = np.zeros(ink.shape, bool)
    stroke[32:100, 67:70] = True
    ink[stroke] = 1
    left = without_rules(ink, HEIGHT)
    assert left[stroke].mean() > 0.95
    assert left[~stroke].sum() < 0.03 * ink.sum()


def test_a_stroke_thicker_than_the_side_it_covers_stays():
    ink = boxes(paper(), n=5)
    ink[40:70, 158:164] = 1
    left = without_rules(ink, HEIGHT)
    assert left[41:69, 158:164].mean() > 0.95
    left[:, 150:170] = 0
    assert left.sum() < 0.03 * ink.sum()


def test_a_dark_stroke_stays_where_it_covers_most_of_a_faint_side():
    ink = 0.35 * boxes(paper(), n=5)
    ink[35:95, 159:162] = 1
    left = without_rules(ink, HEIGHT)
    assert left[36:94, 159:162].mean() > 0.95
    left[:, 155:165] = 0
    assert left.sum() < 0.03 * ink.sum()


def test_a_wave_of_strokes_is_no_rule():
    ink, columns = paper(), np.arange(50, 250)
    middle = 80 + 3.5 * np.sin(columns / 9)
    for offset in range(-3, 4):
        ink[np.rint(middle + offset).astype(int), columns] = 1
    assert without_rules(ink, HEIGHT) is ink


def test_rules_of_squared_paper_are_found_where_they_are():
    ink = paper()
    rows, columns = range(10, 160, 45), range(20, 500, 45)
    ink[list(rows)] = 1
    ink[:, list(columns)] = 1
    across, down = find_rules(ink, HEIGHT)
    for found, expected, length in ((across, rows, 500), (down, columns, 160)):
        places = sorted(float(np.polyval(rule.curve, (rule.start + rule.end) / 2)) for rule in found)
        np.testing.assert_allclose(places, list(expected), atol=1)
        for rule in found:
            assert len(rule) > 0.95 * length
            assert rule.thickness <= 2


def test_lines_of_text_height_are_rules_only_where_they_are_longer_than_strokes():
    for length, n in ((45, 0), (100, 0), (140, 1), (300, 1)):
        ink = paper()
        ink[80:83, 100 : 100 + length] = 1
        across, down = find_rules(ink, HEIGHT)
        assert (len(across), len(down)) == (n, 0)


def test_thick_bars_are_no_rules():
    ink = paper()
    ink[60:80, 50:450] = 1
    assert without_rules(ink, HEIGHT) is ink
