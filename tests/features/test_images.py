"""One rule for all values, through every transformer that starts with it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from knn_digits.features import DigitEmbedding, MomentNormalizer, OrientationHistogram
from knn_digits.features.images import as_images, validated

TRANSFORMERS = [MomentNormalizer(), OrientationHistogram(n_cells=3)]
some_images = arrays(np.uint8, (3, 64), elements=st.integers(0, 255))


@given(some_images, st.data())
def test_a_multiple_of_an_image_is_the_same_image(rows, data):
    factor = data.draw(st.integers(1, 255 // max(1, int(rows.max()))))
    np.testing.assert_array_equal(as_images((rows * factor).astype(np.uint8)), as_images(rows))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_of_0_to_1_are_the_same_as_bytes(dtype):
    for brightest in range(1, 256):
        rows = np.stack([np.arange(brightest + 1), np.full(brightest + 1, brightest)], axis=1)
        np.testing.assert_array_equal(as_images(rows.astype(dtype) / dtype(255)), as_images(rows), str(brightest))


@given(arrays(np.int16, (3, 64), elements=st.integers(-300, 300)))
def test_negative_numbers_count_as_zero(rows):
    expected = as_images(np.maximum(rows, 0))
    np.testing.assert_array_equal(as_images(rows), expected)
    np.testing.assert_array_equal(as_images(rows.astype(np.float32)), expected)


def test_the_brightest_pixel_is_white_whatever_its_number():
    largest, tiny = np.finfo(np.float32).max, np.finfo(np.float64).tiny
    for rows in (
        np.array([[largest, largest / 2, 0, 0]], np.float32),
        np.array([[tiny, tiny / 2, 0, 0]]),
        np.array([[np.iinfo(np.int64).max, np.iinfo(np.int64).max // 2, 0, 0]]),
        np.array([[16, 8, 0, 0]], np.int8),
    ):
        np.testing.assert_array_equal(as_images(rows), [[[255, 128], [0, 0]]])


def test_bytes_that_are_white_already_are_not_copied():
    rows = np.full((2, 64), 255, np.uint8)
    assert np.shares_memory(as_images(rows), rows)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32, np.float64])
def test_a_blank_image_stays_blank_beside_others(dtype):
    rows = np.zeros((2, 64), dtype)
    rows[1, 5] = 1
    images = as_images(rows)
    assert not images[0].any()
    assert images[1].max() == 255


def test_short_rows_are_filled_up_with_blank_pixels():
    images = as_images(np.full((1, 5), 3))
    assert images.shape == (1, 3, 3)
    np.testing.assert_array_equal(images.ravel(), [255] * 5 + [0] * 4)


@pytest.mark.parametrize("d", [65, 783, 785])
@pytest.mark.parametrize("transformer", [*TRANSFORMERS, DigitEmbedding(n_cells=2)])
def test_rows_that_are_no_square_image_are_refused(transformer, d):
    with pytest.raises(ValueError, match=f"expected square images, side . side pixels in a row, got rows of {d}"):
        transformer.fit(np.ones((4, d), np.uint8), [0, 1, 0, 1])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("transformer", TRANSFORMERS)
def test_numbers_that_are_not_finite_are_refused(transformer, value):
    rows = np.ones((2, 64))
    transformer.fit(rows)
    rows[1, 3] = value
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        transformer.transform(rows)
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        transformer.fit(rows)


@pytest.mark.parametrize("side", [1, 2, 7, 8, 20, 28, 33])
@pytest.mark.parametrize("transformer", TRANSFORMERS)
def test_any_square_size_works(transformer, side, rng):
    images = rng.integers(0, 256, (4, side, side)).astype(np.uint8)
    rows = transformer.fit_transform(images)
    assert rows.shape == (4, len(transformer.get_feature_names_out()))
    np.testing.assert_array_equal(transformer.transform(images.reshape(4, -1)), rows)


@pytest.mark.parametrize("transformer", TRANSFORMERS)
def test_another_size_than_that_of_fit_is_refused(transformer):
    transformer.fit(np.ones((1, 64)))
    with pytest.raises(ValueError, match=r"81 features, but .* is expecting 64"):
        transformer.transform(np.ones((1, 9, 9)))


@settings(max_examples=25, deadline=None)
@given(some_images)
def test_how_pixels_lie_in_memory_does_not_matter(rows):
    for transformer in TRANSFORMERS:
        expected = transformer.fit_transform(rows)
        for same in (np.asfortranarray(rows), rows[:, ::-1].copy()[:, ::-1], rows.tolist()):
            np.testing.assert_array_equal(transformer.transform(same), expected)


@pytest.mark.parametrize("transformer", TRANSFORMERS)
def test_no_images_give_no_rows(transformer):
    assert len(transformer.fit(np.ones((1, 64))).transform(np.empty((0, 64)))) == 0


def test_bytes_pass_validation_untouched_and_whatever_is_not_as_fitted_meets_scikit_learns(rng):
    rows = rng.integers(0, 256, (5, 64)).astype(np.uint8)
    fitted = MomentNormalizer().fit(rows)
    assert validated(fitted, rows) is rows
    np.testing.assert_array_equal(validated(fitted, rows.reshape(5, 8, 8)), rows)
    np.testing.assert_array_equal(validated(fitted, rows.tolist()), rows)
    for wrong in (rows[:, :63], rows[:0], rows[0], np.full((1, 64), np.nan)):
        with pytest.raises(ValueError):
            validated(fitted, wrong)
    fitted.feature_names_in_ = np.array([f"pixel{i}" for i in range(64)], dtype=object)
    with pytest.warns(UserWarning, match="feature names"):
        validated(fitted, rows)
