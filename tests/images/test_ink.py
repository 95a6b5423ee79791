"""Ink is found whatever the paper, its light, and which of both is darker."""

import numpy as np
import pytest
from PIL import Image

from knn_digits.images.ink import FAINT, gray_of, ink_of, looks_narrower, on_flat_paper, otsu_threshold


@pytest.fixture(scope="module")
def written(digits):
    """Two digits, 96 pixels high, with paper around them: 1 is ink."""
    both = np.hstack([np.pad(image, 2) for image in digits.train_images[:2]])
    size = (12 * both.shape[1], 12 * both.shape[0])
    enlarged = np.asarray(Image.fromarray(both.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC))
    return (enlarged / max(1, int(both.max()))).clip(0, 1)


def light_over(shape, kind):
    y, x = (grid - 0.5 for grid in np.mgrid[0 : 1 : 1j * shape[0], 0 : 1 : 1j * shape[1]])
    if kind == "even":
        return np.ones(shape)
    if kind == "to one side":
        return 0.7 + 0.6 * x
    if kind == "to the corners":
        return 1 - 1.2 * (x**2 + y**2)
    return np.where(x + 0.3 * y < 0.05, 1, 0.5)


def pictured(written, rng, light="even", paper=220, ink=50, noise=2):
    gray = (paper - (paper - ink) * written) * light_over(written.shape, light)
    return np.rint(gray + rng.normal(0, noise, gray.shape)).clip(0, 255).astype(np.uint8)


def share_found(ink, written):
    """Of what is ink in either of both: what is ink in both."""
    found, there = ink > FAINT, written > 0.4
    return (found & there).sum() / (found | there).sum()


@pytest.mark.parametrize("light", ["even", "to one side", "to the corners", "edge of a shadow"])
@pytest.mark.parametrize(("paper", "ink"), [(220, 50), (180, 90), (60, 240)])
def test_ink_is_found_in_any_light(written, rng, light, paper, ink):
    found = ink_of(pictured(written, rng, light, paper, ink), stroke=15)
    assert share_found(found, written) > 0.75
    assert (found[written == 0] > FAINT).mean() < 0.03


def test_both_polarities_are_the_same_to_the_bit_on_flat_paper(written):
    drawing = np.rint(255 * written).astype(np.uint8)
    np.testing.assert_array_equal(ink_of(drawing), ink_of(255 - drawing))


@pytest.mark.parametrize("light_on_dark", [False, True])
@pytest.mark.parametrize("margin", [0, 1, 4])
def test_a_picture_cut_at_the_digit_has_ink_and_paper(mnist, light_on_dark, margin, rng):
    shares = []
    for image in mnist.train_images[:60]:
        rows, columns = (np.flatnonzero((image > 64).any(axis=1 - axis)) for axis in (0, 1))
        box = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] / 255
        ink = np.pad(np.kron(box, np.ones((4, 4))), margin)
        picture = np.rint(220 - 170 * ink + rng.normal(0, 1, ink.shape)).astype(np.uint8)
        found = ink_of(255 - picture if light_on_dark else picture, widest=0.5 * max(ink.shape))
        shares.append(share_found(found, ink))
    assert np.mean(np.array(shares) > 0.8) > 0.9  # a 1 may be nothing but ink


@pytest.mark.parametrize("contrast", [30, 100])
def test_dark_corners_do_not_turn_the_polarity(mnist, contrast, rng):
    shares = []
    for image in mnist.train_images[:40]:
        written = np.pad(np.kron(image / 255, np.ones((4, 4))), 4)
        gray = (180 - contrast * written) * light_over(written.shape, "to the corners")
        found = ink_of(np.rint(gray + rng.normal(0, 1, gray.shape)).clip(0, 255))
        shares.append(share_found(found, written))
    assert np.mean(np.array(shares) > 0.6) > 0.85


def test_a_flat_paper_is_told_from_others(written):
    drawing = np.rint(255 * written).astype(np.uint8)
    assert on_flat_paper(drawing)
    assert on_flat_paper(255 - drawing)
    touched = drawing.copy()
    touched[0, 5] = 9
    assert not on_flat_paper(touched)
    both_ways = np.full((9, 9), 100)
    both_ways[3, 3], both_ways[6, 6] = 0, 200
    assert not on_flat_paper(both_ways)
    mostly_ink = np.zeros((9, 9))
    mostly_ink[1:-1, 1:-1] = 255
    assert not on_flat_paper(mostly_ink)


def test_the_scale_of_ink_does_not_follow_sparks(written, rng):
    picture = pictured(written, rng, ink=120)
    sparks = picture.copy()
    sparks[rng.random(picture.shape) < 0.001] = 0
    assert np.median(np.abs(ink_of(sparks) - ink_of(picture))[written == 1]) < 0.05


def test_a_known_stroke_counts_where_the_picture_is_far_larger():
    assert looks_narrower((200, 400), stroke=10)
    assert not looks_narrower((100, 400), stroke=10)


def test_a_threshold_parts_two_groups(rng):
    values = np.concatenate([rng.normal(20, 3, 900), rng.normal(150, 9, 100)]).astype(np.float32)
    assert 30 < otsu_threshold(values) < 120
    assert otsu_threshold(np.full(5, 7, np.float32)) == 7


def test_colored_ink_is_as_dark_as_it_differs(written):
    paper, yellow = np.array([240, 240, 235]), np.array([230, 200, 40])
    picture = np.rint(paper + (yellow - paper) * written[:, :, None]).astype(np.uint8)
    gray = gray_of(picture)
    assert gray.shape == written.shape
    assert share_found(ink_of(gray), written) > 0.8
