"""KNNDigitClassifier through scikit-learn's doors and ours."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from knn_digits import KNNDigitClassifier
from knn_digits.features import CosineEmbedding


@parametrize_with_checks([KNNDigitClassifier("pixels")])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_no_tag_makes_scikit_learn_skip_its_checks():
    outcomes = check_estimator(KNNDigitClassifier("pixels"), on_skip=None, on_fail=None)
    assert sum(outcome["status"] == "passed" for outcome in outcomes) > 50
    # The one that is skipped asks for an environment variable, not for anything of ours.
    skipped = [outcome["check_name"] for outcome in outcomes if outcome["status"] == "skipped"]
    assert skipped in ([], ["check_array_api_input"])


@pytest.fixture(scope="module")
def queries(digits):
    return digits.test_images.reshape(len(digits.test_images), -1)


def test_answers_are_scikit_learns_where_nothing_ties(X, y, queries):
    ours = KNNDigitClassifier("pixels", n_neighbors=5).fit(X, y)
    theirs = KNeighborsClassifier(5).fit(X.astype(float), y)
    distances, _ = theirs.kneighbors(queries.astype(float), 6)
    proba = theirs.predict_proba(queries.astype(float))
    tied = (distances[:, 4] == distances[:, 5]) | ((proba == proba.max(axis=1, keepdims=True)).sum(axis=1) > 1)
    assert tied.mean() < 0.1
    np.testing.assert_array_equal(ours.predict(queries)[~tied], theirs.predict(queries.astype(float))[~tied])


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_predict_is_always_where_the_largest_probability_is(X, y, queries, weights):
    model = KNNDigitClassifier("pixels", n_neighbors=4, weights=weights).fit(X, y)
    proba = model.predict_proba(queries)
    np.testing.assert_array_equal(model.classes_[proba.argmax(axis=1)], model.predict(queries))


def test_images_may_come_as_rows_or_as_squares(digits, X, y, queries):
    rows = KNNDigitClassifier("pixels").fit(X, y).predict(queries)
    squares = KNNDigitClassifier("pixels").fit(digits.train_images, y).predict(digits.test_images)
    np.testing.assert_array_equal(rows, squares)


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.float64])
def test_the_type_of_whole_pixels_does_not_matter(X, y, queries, dtype):
    expected = KNNDigitClassifier("pixels").fit(X, y).kneighbors(queries)
    model = KNNDigitClassifier("pixels").fit(X.astype(dtype), y)
    assert model.images_.dtype == np.uint8
    for found, wanted in zip(model.kneighbors(queries.astype(dtype)), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_an_image_of_another_size_is_refused(X, y):
    with pytest.raises(ValueError, match="9 features, but KNNDigitClassifier is expecting 64"):
        KNNDigitClassifier("pixels").fit(X, y).predict(np.zeros((1, 3, 3), np.uint8))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(X, y, value):
    broken = X.astype(float)
    broken[3, 3] = value
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        KNNDigitClassifier("pixels").fit(broken, y)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"preset": "magic"}, ValueError, "preset must be one of 'pixels'"),
        ({"n_neighbors": 0}, ValueError, "at least 1"),
        ({"n_neighbors": 2.5}, TypeError, "integer"),
        ({"n_neighbors": True}, TypeError, "integer"),
        ({"weights": "heavy"}, ValueError, "weights must be one of"),
    ],
)
def test_wrong_settings_are_refused_by_name(X, y, settings, error, words):
    with pytest.raises(error, match=words):
        KNNDigitClassifier(**settings).fit(X, y)


def test_more_neighbors_than_images_are_refused(X, y):
    with pytest.raises(ValueError, match="n_neighbors = 9, n_samples_fit = 5"):
        KNNDigitClassifier("pixels", n_neighbors=9).fit(X[:5], y[:5]).predict(X[:1])


def test_string_labels(X, y, queries):
    names = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
    numbers = KNNDigitClassifier("pixels", n_neighbors=1).fit(X, y).predict(queries)
    texts = KNNDigitClassifier("pixels", n_neighbors=1).fit(X, names[y]).predict(queries)
    np.testing.assert_array_equal(texts, names[numbers])


def test_data_frames_and_their_column_names(X, y):
    frame = pd.DataFrame(X, columns=[f"pixel{i}" for i in range(64)])
    model = KNNDigitClassifier("pixels").fit(frame, pd.Series(y))
    np.testing.assert_array_equal(
        model.predict(frame[:50]), KNNDigitClassifier("pixels").fit(X, y).predict(X[:50])
    )
    assert model.feature_names_in_[0] == "pixel0"
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[frame.columns[::-1]])


def test_pipeline_and_grid_search(X, y):
    pipeline = make_pipeline(MinMaxScaler(), PCA(16, random_state=0), KNNDigitClassifier("pixels"))
    grid = GridSearchCV(pipeline, {"knndigitclassifier__n_neighbors": [1, 3, 30]}, cv=3, n_jobs=2)
    grid.fit(X[:600], y[:600])
    assert grid.best_params_["knndigitclassifier__n_neighbors"] in (1, 3)
    assert grid.best_score_ > 0.9


def test_cross_val_predict_in_other_processes(X, y):
    model = KNNDigitClassifier("pixels", embedding=CosineEmbedding(), n_jobs=2)
    alone = cross_val_predict(model, X, y, cv=3)
    np.testing.assert_array_equal(cross_val_predict(model, X, y, cv=3, n_jobs=2), alone)
    assert (alone == y).mean() > 0.95


def test_pickling_keeps_what_was_learned_and_forgotten(X, y, queries):
    model = KNNDigitClassifier("pixels").fit(X[:900], y[:900]).partial_fit(X[900:], y[900:]).forget([3, 950])
    again = pickle.loads(pickle.dumps(model))
    for found, wanted in zip(again.kneighbors(queries), model.kneighbors(queries), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_neighbors_of_the_learned_images_leave_each_out_itself(X, y):
    model = KNNDigitClassifier("pixels").fit(X, y)
    distances, ids = model.kneighbors(n_neighbors=4)
    theirs = KNeighborsClassifier(4).fit(X.astype(float), y).kneighbors()
    np.testing.assert_allclose(distances, theirs[0])
    assert (ids != np.arange(len(X))[:, None]).all()


def test_leaving_out_itself_among_many_twins():
    model = KNNDigitClassifier("pixels", n_neighbors=2).fit(np.zeros((6, 4), np.uint8), [0, 1] * 3)
    _, ids = model.kneighbors()
    assert (ids != np.arange(6)[:, None]).all()
    assert ids.shape == (6, 2)


class TestLearningWithoutRefitting:
    @pytest.mark.parametrize("embedding", [None, CosineEmbedding()])
    def test_the_same_answers_as_learning_all_at_once(self, X, y, queries, embedding):
        whole = KNNDigitClassifier("pixels", embedding=embedding).fit(X, y)
        parts = KNNDigitClassifier("pixels", embedding=embedding)
        for first in range(0, len(X), 500):
            parts.partial_fit(X[first : first + 500], y[first : first + 500], classes=range(10))
        for found, wanted in zip(parts.kneighbors(queries), whole.kneighbors(queries), strict=True):
            np.testing.assert_array_equal(found, wanted)
        np.testing.assert_array_equal(parts.predict_proba(queries), whole.predict_proba(queries))

    def test_what_was_just_taught_is_its_own_nearest_neighbor(self, X, y):
        model = KNNDigitClassifier("pixels", n_neighbors=1).fit(X, y)
        other = (y[7] + 1) % 10
        model.partial_fit(X[7:8], [other])
        distances, ids = model.kneighbors(X[7:8])
        assert (distances[0, 0], ids[0, 0]) == (0, len(X))
        assert model.predict(X[7:8]) == other

    def test_forgetting_brings_back_the_very_same_answers(self, X, y, queries):
        model = KNNDigitClassifier("pixels", n_neighbors=5, weights="distance").fit(X, y)
        before = model.predict_proba(queries)
        model.partial_fit(queries[:40], (y[:40] + 1) % 10)
        assert (model.predict_proba(queries) != before).any()
        model.forget(np.arange(len(X), len(X) + 40))
        np.testing.assert_array_equal(model.predict_proba(queries), before)

    def test_an_unknown_label_is_refused_and_nothing_learned(self, X, y):
        model = KNNDigitClassifier("pixels").fit(X[:500], y[:500])
        with pytest.raises(ValueError, match="label 77 is none of the classes known"):
            model.partial_fit(X[:2], [3, 77])
        assert len(model.images_) == 500

    def test_a_new_class_is_taken_when_it_is_named(self, X, y, queries):
        known = y < 9
        model = KNNDigitClassifier("pixels").fit(X[known], y[known])
        model.partial_fit(X[~known], y[~known], classes=[9])
        expected = KNNDigitClassifier("pixels").fit(
            np.concatenate([X[known], X[~known]]), np.concatenate([y[known], y[~known]])
        )
        assert model.classes_.tolist() == list(range(10))
        np.testing.assert_array_equal(model.predict(queries), expected.predict(queries))

    def test_new_classes_keep_the_order_of_labels(self, X, y, queries):
        known = y > 4
        model = KNNDigitClassifier("pixels").fit(X[known], y[known])
        model.partial_fit(X[~known], y[~known], classes=range(10))
        assert (model.predict(queries) == KNNDigitClassifier("pixels").fit(X, y).predict(queries)).mean() > 0.99

    def test_an_empty_memory_is_refused_clearly(self, X, y):
        model = KNNDigitClassifier("pixels").fit(X[:4], y[:4]).forget([0, 1, 2, 3])
        with pytest.raises(ValueError, match="n_samples_fit = 0"):
            model.predict(X[:1])

    def test_texts_among_numbers_are_refused(self, X, y):
        model = KNNDigitClassifier("pixels").fit(X, y)
        with pytest.raises(ValueError, match="classes are numbers here"):
            model.partial_fit(X[:1], ["x"], classes=["x"])
        assert model.classes_.dtype.kind == "i"

    def test_a_label_that_is_not_among_the_classes_named_is_refused_at_first(self, X, y):
        model = KNNDigitClassifier("pixels")
        with pytest.raises(ValueError, match="label 9 is none of the classes known"):
            model.partial_fit(X[:3], [0, 1, 9], classes=[0, 1])
        assert not hasattr(model, "classes_")
