"""DigitEmbedding: three transformers in a row, the same to the bit however images are handed in."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from knn_digits.features import DigitEmbedding, MomentNormalizer, NeighborDiscriminant, OrientationHistogram

SMALL = DigitEmbedding(n_directions=6, n_cells=5)


@parametrize_with_checks([DigitEmbedding(n_cells=3)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def embedding(X, y):
    return clone(SMALL).fit(X[:600], y[:600])


def test_one_image_at_a_time_is_the_same_as_all_at_once(embedding, X):
    together = embedding.transform(X)
    for i in range(0, len(X), 10):
        np.testing.assert_array_equal(embedding.transform(X[i : i + 1])[0], together[i])


def test_threads_and_batches_of_fit_change_nothing(embedding, X, y, monkeypatch):
    monkeypatch.setattr("knn_digits.features.embedding._IMAGES_AT_ONCE", 37)
    threads = clone(SMALL).set_params(n_jobs=2).fit(X[:600], y[:600])
    np.testing.assert_array_equal(threads.transform(X), embedding.transform(X))


def test_it_is_its_three_parts_in_a_row(embedding, X, y):
    row = make_pipeline(MomentNormalizer(0.5), OrientationHistogram(6, 5), NeighborDiscriminant(64))
    np.testing.assert_array_equal(row.fit(X[:600], y[:600]).transform(X), embedding.transform(X))


def test_fitting_and_embedding_at_once_is_the_same(embedding, X, y):
    np.testing.assert_array_equal(clone(SMALL).fit_transform(X[:600], y[:600]), embedding.transform(X[:600]))


def test_rows_and_squares_and_brightness_are_the_same(embedding, X):
    faint = X[:200] // 16
    expected = embedding.transform(faint)
    for same in (faint.reshape(-1, 8, 8), faint * 15, faint / 16, (faint / 16).astype(np.float32)):
        np.testing.assert_array_equal(embedding.transform(same), expected)


def test_16_numbers_tell_digits_apart_about_as_well_as_64_pixels(X, y):
    rows = DigitEmbedding(16).fit(X[:1000], y[:1000]).transform(X)
    assert rows.dtype == np.int8
    assert rows.shape == (len(X), 16)
    ours, pixels = (
        KNeighborsClassifier(3).fit(some[:1000].astype(float), y[:1000]).score(some[1000:].astype(float), y[1000:])
        for some in (rows, X)
    )
    assert ours > pixels - 0.02


@pytest.mark.parametrize("side", [8, 20, 28, 33])
def test_any_square_size_works(side, digits, rng):
    images = np.zeros((60, side, side), np.uint8)
    images[:, :8, :8] = digits.train_images[:60] * 15
    rows = clone(SMALL).fit_transform(images, digits.train_labels[:60])
    assert rows.any()
    assert rows.shape[0] == 60


def test_pickling_keeps_every_bit(embedding, X):
    again = pickle.loads(pickle.dumps(embedding))
    np.testing.assert_array_equal(again.transform(X[:50]), embedding.transform(X[:50]))


def test_no_images_give_no_rows(embedding):
    assert embedding.transform(np.empty((0, 64))).shape == (0, 64)


def test_blank_images_are_all_alike(embedding):
    rows = embedding.transform(np.zeros((3, 64), np.uint8))
    np.testing.assert_array_equal(rows, rows[[0, 0, 0]])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_components": 0}, "n_components must be"),
        ({"strength": 1.5}, "strength must be"),
        ({"n_directions": 0}, "n_directions must be"),
        ({"n_cells": 2.5}, "n_cells must be"),
        ({"sigma": 0}, "sigma must be"),
        ({"shrinkage": 0}, "shrinkage must be"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(X, y, settings, words):
    with pytest.raises(ValueError, match=words):
        DigitEmbedding(**settings).fit(X[:50], y[:50])
