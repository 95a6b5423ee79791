"""Cuts go where little ink is crossed."""

import numpy as np
import pytest

from knn_digits.images.seams import find_cuts

HEIGHT = 50  # of digits, in pixels


def bars(*lefts: int, thickness: int = 6, lean: int = 0, bridge: slice = slice(0, 0)) -> np.ndarray:
    """Strokes from top to bottom, leaning to the left as they go down, linked by a bridge of some rows."""
    width = max(lefts) + thickness + 4
    ink = np.zeros((HEIGHT, width), np.float32)
    for row in range(HEIGHT):
        moved = lean * row // HEIGHT
        for left in lefts:
            ink[row, left - moved : left - moved + thickness] = 1
        if bridge.start <= row < bridge.stop:
            ink[row, min(lefts) - moved : max(lefts) - moved] = 1
    return ink


def pieces(ink: np.ndarray) -> np.ndarray:
    """Which piece each pixel is in when all cuts are made: how many of them it is to the right of."""
    return sum((cut.right_of(ink.shape[1]) for cut in find_cuts(ink, HEIGHT)), np.zeros(ink.shape, np.int32))


@pytest.mark.parametrize("rows", [(0, 6), (20, 26), (36, 40), (44, 50)])
def test_two_strokes_and_the_bridge_between_them_come_apart(rows):
    ink = bars(4, 34, bridge=slice(*rows))
    found = np.delete(pieces(ink), slice(*rows), axis=0)
    assert found[:, 4:10].max() < found[:, 34:40].min()


def test_cuts_bend_around_strokes_that_lean():
    ink = bars(34, 46, lean=30, bridge=slice(20, 24))
    assert ink.any(axis=0)[5:52].all()  # no straight cut from top to bottom goes between
    between = [cut for cut in find_cuts(ink, HEIGHT) if parts(cut.path, 34, 46, lean=30)]
    assert between
    assert between[0].cost < 1


def parts(path: np.ndarray, left: int, right: int, lean: int, thickness: int = 6) -> bool:
    """Whether a path goes between two strokes from top to bottom, or cuts off no more than a third of one."""
    moved = lean * np.arange(HEIGHT) // HEIGHT
    spared = thickness // 3
    return bool(((path >= left - moved + thickness - spared) & (path <= right - moved + spared)).all())


def test_where_strokes_lie_side_by_side_a_cut_goes_between():
    ink = np.zeros((HEIGHT, 70), np.float32)
    yy, xx = np.mgrid[:HEIGHT, :70]
    for middle in (18, 50):  # two rings whose strokes merge where they meet
        radius = np.hypot((xx - middle) / 18, (yy - 24.5) / 25)
        ink[(radius <= 1) & (radius >= 0.68)] = 1
    cuts = find_cuts(ink, HEIGHT)
    between = [cut for cut in cuts if abs(cut.path.mean() - 34) < 4]
    assert between
    right_side = between[0].right_of(ink.shape[1])
    assert right_side[:, :18].sum() == 0
    assert right_side[:, 50:].all()


@pytest.mark.parametrize(
    ("left", "right", "thickness"),
    [
        ((23, 20, 22, 18), (24, 45, 24, 14), 5),
        ((24, 11, 22, 9), (24, 28, 24, 11), 4),
        ((25, 16, 21, 14), (27, 36, 23, 10), 7),
    ],
)
def test_rings_far_into_each_other_come_apart_from_the_gap_above_to_the_gap_below(left, right, thickness):
    # The cheapest way down from the gap above goes through the hole of one of them.
    own = [ring(*each, thickness) for each in (left, right)]
    cuts = find_cuts((own[0] | own[1]).astype(np.float32), HEIGHT)
    sides = [cut.right_of(own[0].shape[1]) for cut in cuts]
    assert any(side[own[0] & ~own[1]].mean() < 0.04 and side[own[1] & ~own[0]].mean() > 0.96 for side in sides)


def ring(y: int, x: int, height: int, width: int, thickness: int) -> np.ndarray:
    """An upright ellipse, of half that height and width."""
    rows, columns = np.mgrid[:HEIGHT, :90]
    outer, inner = (
        np.hypot((rows - y) / (height - less), (columns - x) / (width - less)) for less in (0, thickness)
    )
    return (outer <= 1) & (inner >= 1)


def test_cuts_are_paths_from_left_to_right_none_dear_none_near_another(rng):
    ink = bars(4, 30, 56, 82, bridge=slice(22, 28))
    ink = np.maximum(ink, (rng.random(ink.shape) < 0.02).astype(np.float32))
    cuts = find_cuts(ink, HEIGHT)
    assert len(cuts) >= 3
    assert [cut.path.mean() for cut in cuts] == sorted(cut.path.mean() for cut in cuts)
    for i, cut in enumerate(cuts):
        assert cut.path.shape == (HEIGHT,)
        assert 0 <= cut.path.min() <= cut.path.max() < ink.shape[1]
        assert np.abs(np.diff(cut.path)).max() <= 2
        assert 0 <= cut.cost <= 3
        assert all(np.abs(cut.path - other.path).mean() >= 0.04 * HEIGHT for other in cuts[:i])


def test_a_single_stroke_is_not_cut_along_its_length():
    assert find_cuts(bars(4, thickness=8), HEIGHT) == []


def test_what_would_cross_many_strokes_is_not_proposed():
    for n_teeth in (1, 2, 6):
        ink = bars(4, 44)
        ink[:, 44:] = 0
        for top in range(1, 8 * n_teeth, 8):
            ink[top : top + 4, 4:44] = 1
        crossings = [cut.crossings for cut in find_cuts(ink, HEIGHT)]
        assert n_teeth == 6 or crossings
        assert all(count < 6 for count in crossings)


def test_right_of_a_cut_is_the_cut_itself_and_beyond():
    ink = bars(4, 34, bridge=slice(20, 26))
    for cut in find_cuts(ink, HEIGHT):
        right = cut.right_of(ink.shape[1])
        for row, column in enumerate(cut.path):
            assert right[row, column:].all()
            assert not right[row, :column].any()
