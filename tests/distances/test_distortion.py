"""The image distortion model: the kernel against its definition, and what the definition promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import sobel

from knn_digits.arrays import read_only
from knn_digits.distances.distortion import displacements, distortion, distortions, gradient_planes
from knn_digits.distances.distortion_kernel import measure


@st.composite
def pictures(draw, n, smallest=1):
    side, seed = draw(st.integers(smallest, 12)), draw(st.integers(0, 2**32 - 1))
    ink = draw(st.sampled_from([0.05, 0.3, 1.0]))
    contrast = draw(st.sampled_from([1, 3, 255]))
    rng = np.random.default_rng(seed)
    gray = rng.integers(0, contrast + 1, (n, side, side)) * (255 // contrast)
    return (gray * (rng.random((n, side, side)) < ink)).astype(np.uint8)


def measured(queries, base, ids, *, tail=None, window=2, n_kept=None, labels=None, nearness=None, factor=1.0):
    distances = np.full(ids.shape, np.nan)
    measure(
        read_only(queries),
        read_only(base),
        read_only(base[:0] if tail is None else tail),
        ids,
        np.zeros(ids.shape) if nearness is None else nearness,
        np.zeros(ids.shape, np.int64) if labels is None else labels,
        factor,
        ids.shape[1] if n_kept is None else n_kept,
        window,
        distances,
    )
    return distances


def all_ids(n_queries, n):
    return np.tile(np.arange(n), (n_queries, 1))


def assert_kernel_equals_definition(images, window):
    """Queries come first, then the base, then the tail."""
    queries, base, tail = images[:2], images[2:-2], images[-2:]
    references = images[2:]
    found = measured(queries, base, all_ids(2, len(references)), tail=tail, window=window)
    np.testing.assert_array_equal(found, [[distortion(q, r, window) for r in references] for q in queries])
    for query, its_distances in zip(queries, found, strict=True):
        pairs = np.repeat(query[None], len(references), axis=0), references
        np.testing.assert_array_equal(distortions(*pairs, window), its_distances)


def test_kernel_and_twin_agree_on_small_images(rng):
    images = rng.integers(0, 256, (6, 8, 8)).astype(np.uint8)
    images[1], images[3, 4:] = 255, 0
    for window in (0, 2):
        assert_kernel_equals_definition(images, window)


@settings(max_examples=80, deadline=None)
@given(pictures(6), st.integers(0, 3))
def test_the_kernel_equals_its_definition(images, window):
    assert_kernel_equals_definition(images, window)


@pytest.mark.parametrize("side", [8, 16, 20, 27, 28])
@pytest.mark.parametrize("window", [0, 1, 2, 3])
def test_the_kernel_equals_its_definition_at_sizes_in_use(side, window, rng):
    images = (rng.integers(0, 256, (7, side, side)) * (rng.random((7, side, side)) < 0.3)).astype(np.uint8)
    assert_kernel_equals_definition(images, window)


def test_the_hardest_contrasts_fit_16_bits():
    columns, rows = np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8)
    columns[:, 4:], rows[:4] = 255, 255
    images = np.stack([columns, 255 - columns, rows, 255 - rows, columns.T, rows ^ columns])
    for window in range(4):
        assert_kernel_equals_definition(images, window)


@given(pictures(2))
def test_gradients_are_sobels(images):
    planes = gradient_planes(images)
    for image, (right, down) in zip(images.astype(np.int64), planes, strict=True):
        for plane, axis in ((right, 1), (down, 0)):
            exact = sobel(image, axis=axis, mode="constant") * 3 / 128
            np.testing.assert_allclose(plane, exact, atol=0.5)
    assert np.abs(planes).max(initial=0) <= 24


@settings(deadline=None)
@given(pictures(1), st.integers(0, 3))
def test_an_image_fits_itself_perfectly(images, window):
    assert distortion(images[0], images[0], window) == 0
    assert measured(images, images, all_ids(1, 1), window=window) == 0


@settings(max_examples=50, deadline=None)
@given(pictures(4), st.booleans())
def test_a_larger_window_never_raises_the_distortion(images, compiled):
    query, references = images[:1], images[1:]
    by_window = [
        measured(query, references, all_ids(1, 3), window=window)[0]
        if compiled
        else [distortion(query[0], reference, window) for reference in references]
        for window in range(4)
    ]
    assert (np.diff(by_window, axis=0) <= 0).all()


@pytest.mark.parametrize("shift", [(1, 0), (0, -2), (2, 2), (-1, 2)])
def test_a_stroke_moved_within_the_window_fits_perfectly(shift, rng):
    image = np.zeros((20, 20), np.uint8)
    image[6:14, 6:14] = rng.integers(0, 256, (8, 8))
    moved = np.roll(image, shift, axis=(0, 1))
    reach = max(map(abs, shift))
    assert distortion(moved, image, reach) == 0
    assert distortion(moved, image, reach - 1) > 0


@settings(max_examples=60, deadline=None)
@given(pictures(2), st.integers(0, 3))
def test_moves_lead_where_the_residual_says(images, window):
    query, reference = images
    field, residual = displacements(query, reference, window)
    assert residual.sum() == measured(images[:1], images[1:], all_ids(1, 1), window=window)
    side, reach = len(query), window + 1
    wanted = np.pad(gradient_planes(images[:1])[0], ((0, 0), (1, 1), (1, 1))).astype(int)
    offered = np.pad(gradient_planes(images[1:])[0], ((0, 0), (reach, reach), (reach, reach))).astype(int)

    def left(y, x, down, right):
        at = slice(y + window + down, y + window + down + 3), slice(x + window + right, x + window + right + 3)
        return np.square(wanted[:, y : y + 3, x : x + 3] - offered[:, *at]).sum()

    for y, x in np.ndindex(side, side):
        down, right = (int(move) for move in field[y, x])
        assert left(y, x, down, right) == residual[y, x]
        moves = range(-window, window + 1)
        nearer = [(v, u) for v in moves for u in moves if v * v + u * u < down * down + right * right]
        assert all(left(y, x, *move) > residual[y, x] for move in nearer)


class TestGivingUpEarly:
    """A candidate is left as soon as it cannot be among the nearest; nothing that counts may change."""

    @settings(max_examples=60, deadline=None)
    @given(
        images=pictures(15, 2),
        n_kept=st.integers(1, 6),
        n_classes=st.integers(1, 4),
        nearness_counts=st.booleans(),
        seed=st.integers(0, 2**32 - 1),
    )
    def test_the_nearest_of_each_class_are_right_and_the_others_infinite_or_right(
        self, images, n_kept, n_classes, nearness_counts, seed
    ):
        rng = np.random.default_rng(seed)
        queries, references = images[:3], images[3:]
        ids = np.stack([rng.permutation(12) for _ in range(3)])
        labels = rng.integers(0, n_classes, (3, 12))
        nearness = rng.integers(0, 2000, (3, 12)) * float(nearness_counts)
        arguments = {"nearness": nearness, "factor": 0.37}
        everything = measured(queries, references, ids, **arguments)
        some = measured(queries, references, ids, labels=labels, n_kept=n_kept, **arguments)
        found = np.isfinite(some)
        np.testing.assert_array_equal(some[found], everything[found])
        for row_some, row_all, its_labels in zip(some, everything, labels, strict=True):
            for label in np.unique(its_labels):
                of_class = its_labels == label
                nearest = np.sort(row_all[of_class])[:n_kept]
                np.testing.assert_array_equal(np.sort(row_some[of_class])[:n_kept], nearest)
                # Those equally near as the last that is kept are known too, as their order is another's affair.
                assert np.isfinite(row_some[of_class & (row_all <= nearest[-1])]).all()

    def test_hopeless_candidates_are_given_up(self, digits):
        images = digits.train_images[:60]
        distances = measured(images[:5], images, all_ids(5, 60), n_kept=1)
        assert np.isinf(distances).mean() > 0.3
        np.testing.assert_array_equal(distances.min(axis=1), 0)


def test_many_pairs_are_measured_as_one_is(rng):
    images = (rng.integers(0, 256, (150, 9, 9)) * (rng.random((150, 9, 9)) < 0.3)).astype(np.uint8)
    expected = [distortion(query, reference) for query, reference in zip(images[:75], images[75:], strict=True)]
    np.testing.assert_array_equal(distortions(images[:75], images[75:]), expected)
    assert distortions(images[:0], images[:0]).shape == (0,)


def test_no_candidates_are_no_error():
    images = np.zeros((3, 8, 8), np.uint8)
    assert measured(images, images, np.empty((3, 0), np.int64), n_kept=1).shape == (3, 0)
    assert measured(images[:0], images, np.empty((0, 2), np.int64)).shape == (0, 2)
