"""Orientation histograms: the kernel against its twin, and images whose directions are known."""

import numba  # noqa: F401 - kernels are used where it is there
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.estimator_checks import parametrize_with_checks

from knn_digits.features import OrientationHistogram
from knn_digits.features.orientations import LENGTH, _shares, directions_table, histograms


@parametrize_with_checks([OrientationHistogram(n_cells=3)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def white(images):
    images[:, 0, 0] = 255
    return images


def test_kernel_and_twin_agree_on_small_images(rng):
    images = white(rng.integers(0, 256, (3, 8, 8)).astype(np.uint8))
    images[1, 1:] = 0
    for n_directions, n_cells in [(12, 11), (8, 3)]:
        expected = histograms(images, n_directions, n_cells, 0.8)
        np.testing.assert_array_equal(OrientationHistogram(n_directions, n_cells).fit_transform(images), expected)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    side=st.integers(1, 33),
    n_directions=st.integers(1, 20),
    n_cells=st.integers(1, 13),
    sigma=st.floats(0.1, 2.4),  # of 33 pixels at most: below the widest blur allowed
    contrast=st.sampled_from([1, 2, 255]),
)
def test_the_kernel_equals_its_twin(seed, side, n_directions, n_cells, sigma, contrast):
    images = np.random.default_rng(seed).integers(0, contrast + 1, (3, side, side)) * (255 // contrast)
    images = white(images.astype(np.uint8))
    described = OrientationHistogram(n_directions, n_cells, sigma).fit_transform(images)
    np.testing.assert_array_equal(described, histograms(images, n_directions, n_cells, sigma))


@pytest.mark.parametrize("side", [28, 64])
def test_the_kernel_equals_its_twin_at_the_largest_contrast(side, rng):
    edges = np.zeros((3, side, side), np.uint8)
    edges[0, :, ::2], edges[1, ::3], edges[2] = 255, 255, rng.integers(0, 2, (side, side)) * 255
    for n_directions, n_cells, sigma in [(1, 1, 0.8), (12, 11, 0.8), (4, 2, 1.0)]:
        described = OrientationHistogram(n_directions, n_cells, sigma).fit_transform(edges)
        np.testing.assert_array_equal(described, histograms(edges, n_directions, n_cells, sigma))


@pytest.mark.parametrize("n_directions", [1, 8, 12, 64])
def test_shares_are_those_of_the_table_wherever_a_gradient_stands(n_directions, rng):
    quarters = np.arange(-255, 256)
    down, right = (at.ravel() for at in np.meshgrid(quarters, quarters, indexing="ij"))
    order = rng.permutation(down.size)
    for start in (0, 1, down.size - 3):
        some = order[start:]
        for share, table in zip(
            _shares(down[some], right[some], n_directions), directions_table(n_directions), strict=True
        ):
            np.testing.assert_array_equal(share, table.ravel()[some])


def mass(image, n_directions=12, n_cells=11):
    """Shares of the histogram, by direction, row and column of cells."""
    row = OrientationHistogram(n_directions, n_cells).fit_transform(image[None])[0]
    return np.square(row / LENGTH).reshape(n_directions, n_cells, n_cells)


def test_a_vertical_bar_has_gradients_to_the_right_and_to_the_left():
    image = np.zeros((28, 28), np.uint8)
    image[2:26, 13:16] = 255
    by_direction = mass(image).sum(axis=(1, 2))
    assert by_direction[0] > 0.4
    assert by_direction[6] > 0.4


def test_a_horizontal_bar_has_gradients_down_and_up():
    image = np.zeros((28, 28), np.uint8)
    image[13:16, 2:26] = 255
    by_direction = mass(image).sum(axis=(1, 2))
    assert by_direction[3] > 0.4
    assert by_direction[9] > 0.4


def test_the_brighter_side_of_an_edge_is_where_the_gradient_points():
    image = np.zeros((28, 28), np.uint8)
    image[:, 14:] = 255
    inner = mass(image)[:, 3:8, 4:7].sum(axis=(1, 2))
    assert inner[0] > 0.9 * inner.sum()


def test_mass_lies_where_the_stroke_is():
    image = np.zeros((28, 28), np.uint8)
    image[3:9, 18:24] = 255
    by_cell = mass(image).sum(axis=0)
    assert by_cell[:5, 6:].sum() > 0.95


def test_an_image_turned_by_a_right_angle_has_its_histogram_turned(rng):
    image = np.kron(rng.integers(0, 2, (7, 7)), np.ones((4, 4))).astype(np.uint8) * 255
    turned = mass(np.ascontiguousarray(np.rot90(image, -1)))  # right becomes down
    expected = np.rot90(np.roll(mass(image), 3, axis=0), -1, axes=(1, 2))
    np.testing.assert_allclose(np.sqrt(turned), np.sqrt(expected), atol=0.005)


def test_rows_have_one_length(digits, rng):
    noise = rng.integers(0, 256, (50, 28, 28)).astype(np.uint8)
    for images in (digits.train_images, noise):
        rows = OrientationHistogram().fit_transform(images).astype(float)
        # Each of 1,452 numbers is rounded by one half at most.
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), LENGTH, atol=0.5 * np.sqrt(1452))
        assert rows.min() >= 0


def test_a_blank_image_is_described_by_zeros():
    assert not OrientationHistogram().fit_transform(np.zeros((2, 28, 28))).any()


def test_an_image_does_not_depend_on_those_beside_it(X):
    histogram = OrientationHistogram().fit(X)
    together = histogram.transform(X[:50])
    for i in range(50):
        np.testing.assert_array_equal(histogram.transform(X[i : i + 1])[0], together[i])


def test_features_are_named_in_their_order():
    image = np.zeros((12, 12), np.uint8)
    image[:, 8:] = 255
    histogram = OrientationHistogram(4, 3)
    largest = histogram.fit_transform(image[None])[0].argmax()
    assert histogram.get_feature_names_out()[largest] in {
        "direction0_row0_column1",
        "direction0_row1_column1",
        "direction0_row1_column2",
    }


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_directions": 0}, "n_directions must be a whole number from 1 to 64"),
        ({"n_directions": True}, "n_directions"),
        ({"n_cells": 65}, "n_cells must be a whole number from 1 to 64"),
        ({"n_cells": 2.0}, "n_cells"),
        ({"sigma": 0}, r"sigma must be from 0\.1 to 10"),
        ({"sigma": np.nan}, "sigma"),
    ],
)
def test_settings_out_of_range_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        OrientationHistogram(**settings).fit(np.ones((1, 64)))


@pytest.mark.parametrize("side", [28, 33, 64, 1024])
def test_a_blur_too_wide_for_whole_weights_is_refused_not_silently_zero(side):
    images = np.zeros((2, side, side), np.uint8)
    images[:, side // 3 : side // 2, side // 3 : side // 2] = 255
    with pytest.raises(ValueError, match="too wide"):
        OrientationHistogram(n_cells=1, sigma=10).fit_transform(images)
    assert OrientationHistogram().fit_transform(images).any(axis=1).all()


def test_images_of_a_size_nobody_means_are_refused():
    with pytest.raises(ValueError, match="at most 1024 pixels a side, got 1025"):
        OrientationHistogram().fit(np.zeros((1, 1025 * 1025), np.uint8))
