"""Answers out of fold: nobody is asked about what he has seen."""

import numpy as np
import pytest

from knn_digits import KNNDigitClassifier
from knn_digits.calibrating import folds_for
from knn_digits.errors import KnnDigitsError
from knn_digits.features import DigitEmbedding
from knn_digits.folds import make_folds


def small(preset="accurate", **settings):
    embedding = None if preset in ("pixels", "idm") else DigitEmbedding(16, n_directions=8, n_cells=4)
    return KNNDigitClassifier(preset, embedding=embedding, **settings)


@pytest.mark.parametrize("preset", ["pixels", "fast", "accurate", "idm"])
def test_the_answers_are_those_of_models_fitted_on_the_other_folds(X, y, preset):
    writers = np.repeat(np.arange(60), 5)
    model = small(preset).fit(X[:300], y[:300], groups=writers)
    folds = make_folds(np.searchsorted(model.classes_, y[:300]), n_folds=5, groups=writers)
    found = model.out_of_fold_
    np.testing.assert_array_equal(found.ids, np.arange(300))
    for fold in range(5):
        held_out = folds == fold
        other = small(preset, calibration_folds=None).fit(X[:300][~held_out], y[:300][~held_out])
        expected = other.predict(X[:300][held_out])
        same = model.classes_[found.probabilities[held_out].argmax(axis=1)] == expected
        # A reranker's factor is that of all images: of the doubtful, an answer in a hundred may differ.
        assert same.mean() >= (0.97 if preset == "accurate" else 1)


def test_no_writer_is_in_two_folds(X, y):
    writers = np.arange(300) % 20
    folds = folds_for(X[:300], y[:300], 5, writers)
    assert all(len(np.unique(folds[writers == writer])) == 1 for writer in range(20))


def test_copies_of_an_image_stay_together(X, y):
    twice = np.concatenate([X[:100], X[:100]])
    folds = folds_for(twice, np.concatenate([y[:100], y[:100]]), 5, None)
    np.testing.assert_array_equal(folds[:100], folds[100:])
    for groups in (np.arange(200), np.tile([0, 1, 2, 3, 4], 40)):
        folds = folds_for(twice, np.concatenate([y[:100], y[:100]]), 5, groups)
        np.testing.assert_array_equal(folds[:100], folds[100:])
    # Else each would be found at distance zero, and no answer be in doubt.
    labels = np.concatenate([y[:100], (y[:100] + 1) % 10])
    model = KNNDigitClassifier("pixels", n_neighbors=1).fit(twice, labels)
    assert model.out_of_fold_.correct.mean() < 0.9


def test_without_folds_nothing_is_asked(X, y):
    model = KNNDigitClassifier("pixels", calibration_folds=None).fit(X[:100], y[:100])
    assert model.out_of_fold_ is None
    probabilities = model.predict_proba(X[100:150])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


@pytest.mark.parametrize("n_folds", [0, 1, -1, 2.5, True])
def test_a_number_of_folds_that_is_none_is_refused(X, y, n_folds):
    with pytest.raises((TypeError, ValueError), match="calibration_folds"):
        KNNDigitClassifier("pixels", calibration_folds=n_folds).fit(X[:100], y[:100])


def test_images_of_a_rare_class_are_references_alone(X, y):
    labels = np.append(y[:300], [77, 77])
    model = KNNDigitClassifier("pixels").fit(X[:302], labels)
    np.testing.assert_array_equal(model.out_of_fold_.ids, np.arange(300))
    assert model.credibility(X[302:310]).min() > 0


def test_of_classes_of_two_there_are_two_folds(X, y):
    order = np.argsort(y, kind="stable")
    two_each = np.concatenate([order[y[order] == c][:2] for c in range(10)])
    assert set(folds_for(X[two_each], y[two_each], 5, None)) == {0, 1}


def test_of_one_image_a_class_nothing_can_be_asked(X):
    assert KNNDigitClassifier("pixels", n_neighbors=1).fit(X[:5], range(5)).out_of_fold_ is None


@pytest.mark.parametrize(
    ("groups", "words"),
    [(np.zeros(100), "at least 2 writers"), (np.full(100, np.nan), "NaN"), ([None] * 100, "None")],
)
def test_groups_that_are_none_are_refused(X, y, groups, words):
    with pytest.raises(KnnDigitsError, match=words):
        KNNDigitClassifier("pixels").fit(X[:100], y[:100], groups=groups)


def test_the_scale_of_distances_is_that_of_the_vectors(X, y):
    """By hand: the mean squared distance of references from the 5 nearest others, whatever re-ranks."""
    fast, accurate = (small(preset).fit(X[:300], y[:300]) for preset in ("fast", "accurate"))
    vectors = fast.search_.references.to_array().astype(int)
    squared = ((vectors[:, None] - vectors[None]) ** 2).sum(axis=2)
    nearest = np.sort(squared + np.eye(300, dtype=int) * 10**9, axis=1)[:, :5]
    assert fast.strangeness_scales_[0] == pytest.approx(nearest.mean())
    assert accurate.strangeness_scales_ == fast.strangeness_scales_


def test_groups_of_another_length_are_refused(X, y):
    with pytest.raises(KnnDigitsError, match=r"expected groups of shape \(100,\)"):
        KNNDigitClassifier("pixels").fit(X[:100], y[:100], groups=np.arange(99))


def test_a_class_added_later_has_no_part_in_what_was_answered(X, y):
    model = KNNDigitClassifier("pixels").fit(X[:200][y[:200] > 0], y[:200][y[:200] > 0])
    before = model.out_of_fold_
    model.partial_fit(X[:1], [0], classes=[0])
    after = model.out_of_fold_
    np.testing.assert_array_equal(model.classes_[after.codes], np.arange(1, 10)[before.codes])
    np.testing.assert_array_equal(after.probabilities[:, 1:], before.probabilities)
    assert (after.probabilities[:, 0] == 0).all()


def test_probabilities_are_better_than_shares_of_the_vote(X, y):
    """Log loss and calibration error on digits never seen, beside the plain vote of the same neighbors."""
    from knn_digits.confidence.measures import describe_calibration
    from knn_digits.neighbors import vote

    model = KNNDigitClassifier("pixels").fit(X[:800], y[:800])
    distances, ids = model.kneighbors(X[800:])
    raw = vote(model.label_codes_[ids], distances, 10)
    found = describe_calibration(model.predict_proba(X[800:]), raw, y[800:])
    assert found["log_loss"] < found["log_loss_raw"]
    assert found["ece"] < 0.04  # of 547 images, an error of 0.02 is chance
