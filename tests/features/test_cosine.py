import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.estimator_checks import parametrize_with_checks

from knn_digits.features import CosineEmbedding


@parametrize_with_checks([CosineEmbedding()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_neighbors_are_scikit_learns_cosine_neighbors(digits):
    images = digits.train_images.reshape(len(digits.train_images), -1)
    rows = CosineEmbedding().fit_transform(images).astype(np.float64)
    ours = NearestNeighbors(n_neighbors=5).fit(rows).kneighbors(rows)
    theirs = NearestNeighbors(n_neighbors=5, metric="cosine").fit(images).kneighbors(images)
    # Rounding may swap neighbors that are as good as equally near; distances tell.
    np.testing.assert_allclose(ours[0] ** 2 / (2 * 4000**2), theirs[0], atol=2e-4)
    assert (ours[1] == theirs[1]).mean() > 0.99


def test_contrast_does_not_count_and_a_blank_image_stays_blank():
    rows = CosineEmbedding().fit_transform(np.array([[10, 20, 0], [100, 200, 0], [0, 0, 0]], np.uint8))
    np.testing.assert_array_equal(rows[0], rows[1])
    np.testing.assert_array_equal(rows[2], 0)


def test_very_large_and_very_small_numbers_keep_their_direction():
    rows = CosineEmbedding().fit_transform(np.array([[3e200, 4e200], [3e-200, 4e-200], [-3.0, 4.0]]))
    np.testing.assert_array_equal(rows, [[2400, 3200], [2400, 3200], [-2400, 3200]])
