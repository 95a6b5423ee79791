"""Digits cut out of lines in which they touch: framed, labelled right, and known to a model that learned them."""

import numpy as np
import pytest

from knn_digits import KNNDigitClassifier
from knn_digits import cut_digits as module
from knn_digits.cut_digits import learn_cut_digits, make_cut_digits, overlaps

N_KNOWN, N_PICTURES = 2000, 13


@pytest.fixture(scope="module")
def cut(mnist) -> tuple[np.ndarray, np.ndarray]:
    return make_cut_digits(
        mnist.train_images[:N_KNOWN], mnist.train_labels[:N_KNOWN], n_pictures=N_PICTURES, n_jobs=2
    )


@pytest.fixture(scope="module")
def model(mnist) -> KNNDigitClassifier:
    """One that does not know the digits the lines are made of."""
    known = slice(N_KNOWN, N_KNOWN + 4000)
    model = KNNDigitClassifier("pixels", calibration_folds=None)
    return model.fit(mnist.train_images[known], mnist.train_labels[known])


def test_they_are_in_the_frame_and_labelled_as_what_they_look_like(cut, model):
    frames, labels = cut
    assert frames.shape == (len(labels), 28, 28)
    assert frames.dtype == np.uint8
    assert 3 * N_PICTURES < len(labels) < 10 * N_PICTURES  # lines are of 3 to 10 digits
    assert np.mean(model.predict(frames) == labels) > 0.75


def test_they_are_the_same_for_any_threads(mnist, cut):
    images, labels = mnist.train_images[:N_KNOWN], mnist.train_labels[:N_KNOWN]
    told: list[int] = []
    again = make_cut_digits(images, labels, n_pictures=N_PICTURES, advance=told.append)
    np.testing.assert_array_equal(again[0], cut[0])
    np.testing.assert_array_equal(again[1], cut[1])
    assert sum(told) == N_PICTURES


def test_few_digits_that_touch_nothing_are_cut(mnist, monkeypatch):
    images, labels = mnist.train_images[:N_KNOWN], mnist.train_labels[:N_KNOWN]
    monkeypatch.setattr(module, "_KIND", "clean")
    assert len(make_cut_digits(images, labels, n_pictures=N_PICTURES)[1]) < N_PICTURES


def test_a_model_that_learned_them_knows_them_all_and_what_it_knew(mnist, cut):
    images, labels = mnist.train_images[:N_KNOWN], mnist.train_labels[:N_KNOWN]
    model = KNNDigitClassifier("pixels", n_neighbors=1, calibration_folds=None).fit(images, labels)
    learn_cut_digits(model, images, labels, n_pictures=N_PICTURES)
    assert len(model.label_codes_) == N_KNOWN + len(cut[1])
    np.testing.assert_array_equal(model.predict(cut[0]), cut[1])
    np.testing.assert_array_equal(model.predict(images[:200]), labels[:200])


def test_nothing_is_cut_out_of_no_lines(mnist):
    images, labels = mnist.train_images[:10], mnist.train_labels[:10]
    assert [len(each) for each in make_cut_digits(images, labels, n_pictures=0)] == [0, 0]
    model = KNNDigitClassifier("pixels", calibration_folds=None).fit(images, labels)
    learn_cut_digits(model, images, labels, n_pictures=0)
    assert len(model.label_codes_) == len(images)


def test_overlaps_are_shares_of_what_both_cover():
    boxes = np.array([[0, 0, 10, 10], [20, 0, 30, 10.0]])
    others = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [5, 5, 15, 15], [40, 0, 50, 10.0]])
    np.testing.assert_allclose(overlaps(boxes, others), [[1, 1 / 3, 25 / 175, 0], [0, 0, 0, 0]])
