"""Shape normalization: the kernel against its twin, and moments measured by other means."""

import numba  # noqa: F401 - kernels are used where it is there
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.estimator_checks import parametrize_with_checks

from knn_digits.features import MomentNormalizer
from knn_digits.features.normalization import frames_of, resampled


@parametrize_with_checks([MomentNormalizer()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def white(images):
    images[:, 0, 0] = 255
    return images


def assert_kernel_equals_twin(images, strength):
    side = images.shape[1]
    expected = resampled(images, frames_of(images, strength)).reshape(len(images), side * side)
    np.testing.assert_array_equal(MomentNormalizer(strength).fit_transform(images), expected)


def test_kernel_and_twin_agree_on_small_images(rng):
    images = white(rng.integers(0, 256, (3, 8, 8)).astype(np.uint8))
    images[1, 1:] = 0
    assert_kernel_equals_twin(images, 0.7)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    side=st.integers(1, 33),
    strength=st.floats(0, 1),
    ink=st.sampled_from([0.01, 0.1, 0.5, 1.0]),
)
def test_the_kernel_equals_its_twin(seed, side, strength, ink):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (4, side, side)) * (rng.random((4, side, side)) < ink)
    assert_kernel_equals_twin(white(images.astype(np.uint8)), strength)


def test_the_kernel_equals_its_twin_in_any_frame(rng):
    from knn_digits.features.normalization_kernel import resample

    images = rng.integers(0, 256, (200, 9, 9)).astype(np.uint8)
    frames = rng.normal(size=(200, 5)) * [20, 20, 3, 2, 2]
    normalized = np.empty_like(images)
    resample(images, frames, normalized)
    np.testing.assert_array_equal(normalized, resampled(images, frames))
    assert normalized.any()


def stroke(side, slant, *, length=0.5, width=0.05, lean_to=(0.0, 0.0)):
    """A straight soft stroke that leans `slant` pixels to the right with every pixel down."""
    at = np.arange(side) - (side - 1) / 2
    y, x = at[:, None] - lean_to[0], at[None, :] - lean_to[1]
    across, along = (x - slant * y) / (width * side), y / (length * side / 2)
    return np.rint(255 * np.exp(-(across**2) / 2 - along**8)).astype(np.uint8)


def moments(image):
    """Center and central second moments, by plain NumPy."""
    share = image / image.sum()
    y, x = np.indices(image.shape)
    center = (share * y).sum(), (share * x).sum()
    dy, dx = y - center[0], x - center[1]
    return center, (share * dy * dy).sum(), (share * dy * dx).sum(), (share * dx * dx).sum()


@pytest.mark.parametrize("side", [20, 28, 33])
@pytest.mark.parametrize("slant", [-0.7, -0.2, 0.0, 0.4, 0.9])
@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_a_slanted_stroke_comes_out_upright_in_the_middle(side, slant, strength):
    image = stroke(side, slant, lean_to=(1.3, -0.6))
    _, before_yy, before_xy, _ = moments(image)
    assert before_xy / before_yy == pytest.approx(slant, abs=0.02)
    row = MomentNormalizer(strength).fit_transform(image[None])
    center, yy, xy, _ = moments(row.reshape(side, side).astype(float))
    assert abs(xy / yy) < 0.04
    np.testing.assert_allclose(center, (side - 1) / 2, atol=0.05)


def test_full_strength_gives_the_typical_height_and_none_leaves_it():
    small = stroke(28, 0.3, length=0.4)
    heights = [
        np.sqrt(moments(MomentNormalizer(strength).fit_transform(small[None]).reshape(28, 28).astype(float))[1])
        for strength in (0.0, 0.5, 1.0)
    ]
    assert heights[0] == pytest.approx(np.sqrt(moments(small)[1]), rel=0.02)
    assert heights[2] == pytest.approx(4.9, rel=0.02)
    assert heights[1] == pytest.approx(np.sqrt(heights[0] * heights[2]), rel=0.02)


def test_an_upright_image_in_the_middle_is_left_alone_at_strength_0():
    image = np.zeros((1, 9, 9), np.uint8)
    image[0, 2:7, 4] = [255, 3, 100, 3, 255]
    np.testing.assert_array_equal(MomentNormalizer(0).fit_transform(image).reshape(1, 9, 9), image)


@pytest.mark.parametrize("side", [1, 8, 28])
def test_a_blank_image_stays_blank(side):
    assert not MomentNormalizer().fit_transform(np.zeros((2, side, side))).any()


@pytest.mark.parametrize(("y", "x"), [(0, 0), (0, 27), (27, 13), (14, 3)])
def test_a_single_pixel_is_not_lost(y, x):
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, y, x] = 255
    assert MomentNormalizer(1.0).fit_transform(image).max() > 60


def test_an_image_does_not_depend_on_those_beside_it(X):
    normalizer = MomentNormalizer().fit(X)
    together = normalizer.transform(X[:100])
    for i in range(100):
        np.testing.assert_array_equal(normalizer.transform(X[i : i + 1])[0], together[i])


@pytest.mark.parametrize("strength", [-0.1, 1.1, np.nan])
def test_a_strength_out_of_range_is_refused(strength):
    with pytest.raises(ValueError, match="strength must be from 0 to 1"):
        MomentNormalizer(strength).fit(np.ones((1, 64)))
