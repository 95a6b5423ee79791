"""Any picture of a digit comes into the frame as MNIST's makers would have put it there."""

import numpy as np
import pytest
from PIL import Image

from knn_digits.images import frame_digit, ink_of, normalize_digit

FILTERS = [Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC]


@pytest.fixture(scope="module")
def framed(digits):
    """40 digits of 8x8, brought into the frame: what is framed once must come back when framed again."""
    enlarged = [np.kron(np.pad(image, 1), np.ones((9, 9), np.uint8)) for image in digits.train_images[:40]]
    return np.stack([normalize_digit(image) for image in enlarged])


def enlarged(image, factor, resampling):
    side = len(image) * factor
    return np.array(Image.fromarray(image).resize((side, side), resampling))


def mean_difference(image, other):
    return np.abs(image.astype(int) - other).mean()


def center_of_mass(image):
    positions = np.arange(len(image))
    return [np.average(positions, weights=image.sum(axis=axis)) for axis in (1, 0)]


@pytest.mark.parametrize("resampling", FILTERS)
@pytest.mark.parametrize("factor", [2, 3, 8])
def test_enlarged_digits_come_back(framed, factor, resampling):
    images = [normalize_digit(enlarged(image, factor, resampling)) for image in framed]
    differences = [mean_difference(image, original) for image, original in zip(images, framed, strict=True)]
    assert np.median(differences) < 8
    assert np.max(differences) < 30  # one pixel off, as rounding will have it


@pytest.mark.parametrize("resampling", FILTERS)
@pytest.mark.parametrize("factor", [2, 5, 8])
def test_enlarged_mnist_comes_back(mnist, factor, resampling):
    originals = mnist.train_images[:1000:10]
    images = [normalize_digit(enlarged(np.pad(image, 4), factor, resampling)) for image in originals]
    differences = [mean_difference(image, original) for image, original in zip(images, originals, strict=True)]
    assert np.median(differences) < (3 if resampling == Image.Resampling.NEAREST else 7)
    assert np.quantile(differences, 0.95) < 20


def test_mnist_itself_stays_where_it_is(mnist):
    originals = mnist.train_images[:3000:10]
    images = [normalize_digit(image) for image in originals]
    differences = [mean_difference(image, original) for image, original in zip(images, originals, strict=True)]
    assert np.median(differences) < 0.5
    assert np.quantile(differences, 0.95) < 2  # an outermost row that is faint all along counts as blur
    for image in images:
        np.testing.assert_allclose(center_of_mass(image), 14, atol=0.5)


def test_polarity_place_and_paper_do_not_matter(framed):
    for image in framed:
        original = enlarged(image, 3, Image.Resampling.NEAREST)
        expected = normalize_digit(original)
        shifted = np.pad(original, ((5, 90), (70, 2)))
        np.testing.assert_array_equal(normalize_digit(255 - original), expected)
        np.testing.assert_array_equal(normalize_digit(shifted), expected)
        faint = 200 - original / 255 * 60  # a pencil on gray paper
        assert mean_difference(normalize_digit(faint), expected) < 1
        np.testing.assert_array_equal(normalize_digit(original.astype(np.float64)), expected)


def test_the_noise_of_the_paper_is_no_ink(framed, rng):
    differences = []
    for image in framed:
        original = enlarged(image, 4, Image.Resampling.NEAREST)
        noisy = np.clip(220 - 0.6 * original + rng.normal(0, 6, original.shape), 0, 255)
        differences.append(mean_difference(normalize_digit(noisy), image))
    assert np.median(differences) < 10
    assert np.max(differences) < 30


@pytest.mark.parametrize("level", [0, 1, 128, 255])
@pytest.mark.parametrize("shape", [(28, 28), (1, 1), (1, 1000), (2, 3)])
def test_one_gray_level_is_blank(level, shape):
    picture = np.full(shape, level, np.uint8)
    assert not ink_of(picture).any()
    image = normalize_digit(picture)
    assert image.shape == (28, 28)
    assert image.dtype == np.uint8
    assert not image.any()


def test_hardly_any_contrast_is_blank(rng):
    picture = np.full((40, 40), 128, np.uint8)
    picture[10:20, 10:20] += 8
    assert not normalize_digit(picture).any()
    for spread in (2, 10, 40):  # noise all over is no ink either
        assert not normalize_digit(np.clip(rng.normal(128, spread, (100, 100)), 0, 255)).any()


def test_a_single_dot_fills_the_box():
    picture = np.zeros((50, 50))
    picture[3, 40] = 200
    image = normalize_digit(picture)
    assert (image[4:24, 4:24] == 255).all()
    assert image.sum() == 255 * 20 * 20


@pytest.mark.parametrize("shape", [(1, 1000), (3, 900), (900, 3)])
def test_a_thin_stroke_keeps_one_pixel(shape):
    image = frame_digit(np.ones(shape, np.float32))
    expected = np.zeros((28, 28), np.uint8)
    expected[14 if shape[0] < shape[1] else slice(4, 24), slice(4, 24) if shape[0] < shape[1] else 14] = 255
    np.testing.assert_array_equal(image, expected)


def test_ink_stays_in_the_frame():
    ink = np.full((40, 40), 0.4, np.float32)
    ink[:2, :2] = 1
    ink[:, 20:] *= 0.8  # heavy on one side: the whole box must be there all the same
    heavy = np.zeros((100, 100), np.float32)
    heavy[0:99:98, :] = 0.35
    heavy[:, 0] = 1
    for picture in (ink, heavy):
        image = frame_digit(picture)
        rows, columns = image.any(axis=1), image.any(axis=0)
        assert max(rows.sum(), columns.sum()) == 20


@pytest.mark.parametrize("side", [8, 28, 56])
def test_any_side_of_the_frame(framed, side):
    image = normalize_digit(framed[0], side)
    assert image.shape == (side, side)
    assert max(image.any(axis=0).sum(), image.any(axis=1).sum()) <= round(side * 20 / 28)


@pytest.mark.parametrize("function", [normalize_digit, ink_of, frame_digit])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_refused(function, bad):
    picture = np.zeros((5, 5))
    picture[2, 2] = bad
    with pytest.raises(ValueError, match="NaN or infinity"):
        function(picture)


@pytest.mark.parametrize("shape", [(0, 5), (5,), (5, 5, 3)])
@pytest.mark.parametrize("function", [ink_of, frame_digit])
def test_what_is_no_picture_is_refused(function, shape):
    with pytest.raises(ValueError, match=r"shape \(height, width\)"):
        function(np.zeros(shape))


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"0\.\.255, got 0\.\.256"):
        ink_of(np.array([[0.0, 256.0]]))
    with pytest.raises(ValueError, match=r"0\.\.1, got 0\.\.255"):
        frame_digit(np.array([[0, 255]], np.uint8))
    with pytest.raises(ValueError, match="at least 1 pixel"):
        frame_digit(np.ones((2, 2)), 0)


def test_specks_on_a_large_scan_are_framed_and_not_lost():
    scan = np.zeros((2000, 2000), np.uint8)
    scan[500, 500] = scan[1500, 1500] = 255
    assert normalize_digit(scan).max() == 255


def test_a_thin_pen_on_a_large_scan_stays_strong_ink():
    assert normalize_digit(np.eye(2000, dtype=np.uint8) * 255).max() == 255


def test_ink_that_rounds_to_nothing_is_blank_or_framed():
    frame_digit(np.array([[0, 1e-30], [1e-30, 0]]))


def on_paper(image, rng):
    """Four times as large, with paper around it, and little noise."""
    large = np.pad(enlarged(image, 4, Image.Resampling.BICUBIC), 20)
    return np.rint(225 - 0.7 * large + rng.normal(0, 1, large.shape)).clip(0, 255).astype(np.uint8)


def test_dust_does_not_stretch_the_box(mnist, rng):
    differences = []
    for image in mnist.train_images[:60]:
        picture = on_paper(image, rng)
        dusty = picture.copy()
        for _ in range(5):
            row, column = rng.integers(0, 20), rng.integers(0, len(picture) - 2)  # above the digit
            dusty[row : row + 2, column : column + 2] = 60
        differences.append(mean_difference(normalize_digit(dusty), normalize_digit(picture)))
    assert np.mean(np.array(differences) < 2) > 0.95


def test_the_edge_of_a_shadow_is_no_ink(mnist, rng):
    differences = []
    for image in mnist.train_images[:60]:
        picture = on_paper(image, rng)
        y, x = np.mgrid[-1 : 1 : 1j * len(picture), -1 : 1 : 1j * len(picture)]
        angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(-0.5, 0.5)
        # As soft as the edge of a shadow is on paper.
        light = 1 - 0.5 / (1 + np.exp(-(np.cos(angle) * x + np.sin(angle) * y - offset) / 0.03))
        differences.append(mean_difference(normalize_digit(picture * light), normalize_digit(picture)))
    assert np.median(differences) < 5
    assert np.mean(np.array(differences) < 15) > 0.85


@pytest.mark.parametrize("margin", [0, 2])
def test_a_digit_cut_out_closely_is_framed_as_with_paper_around_it(mnist, rng, margin):
    differences = []
    for image in mnist.train_images[:100]:
        picture = on_paper(image, rng)
        rows, columns = (np.flatnonzero((picture < 180).any(axis=1 - axis)) for axis in (0, 1))
        top, left = max(rows[0] - margin, 0), max(columns[0] - margin, 0)
        close = picture[top : rows[-1] + 1 + margin, left : columns[-1] + 1 + margin]
        differences.append(mean_difference(normalize_digit(close), normalize_digit(picture)))
    assert np.mean(np.array(differences) < 10) > (0.97 if margin else 0.85)  # a 1 may be nothing but ink
