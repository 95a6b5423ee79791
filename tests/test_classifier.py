"""KNNDigitClassifier through scikit-learn's doors and ours."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from knn_digits import KNNDigitClassifier
from knn_digits.features import CosineEmbedding, DigitEmbedding
from knn_digits.neighbors import GrowingRows

# Histograms of few directions and places: what scikit-learn checks is the same, and takes a tenth of the time.
SMALL = DigitEmbedding(n_directions=6, n_cells=3)
CHECKED = [
    KNNDigitClassifier("pixels"),
    KNNDigitClassifier("fast", embedding=SMALL),
    KNNDigitClassifier("accurate", embedding=SMALL),
    KNNDigitClassifier("idm"),
]


def expected_failures(estimator):
    if estimator.preset == "pixels":
        return {}
    return {"check_classifiers_train": "it wants blobs of two numbers told apart: as images they show no shapes"}


@parametrize_with_checks(CHECKED, expected_failed_checks=expected_failures)
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
        # Without folds: what answers are worth is learned by `fit` alone, from what it is given.
        whole = KNNDigitClassifier("pixels", embedding=embedding, calibration_folds=None).fit(X, y)
        parts = KNNDigitClassifier("pixels", embedding=embedding, calibration_folds=None)
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


@pytest.fixture(scope="module", params=["fast", "accurate", "best", "idm"])
def model(request, X, y):
    return KNNDigitClassifier(request.param).fit(X[:600], y[:600])


class TestPresets:
    """What is promised to the bit, of every preset that learns or looks again."""

    def test_one_image_at_a_time_is_the_same_as_all_at_once(self, model, queries):
        together = model.predict_proba(queries[:150])
        for i in range(0, 150, 5):
            np.testing.assert_array_equal(model.predict_proba(queries[i : i + 1])[0], together[i])
        distances, ids = model.kneighbors(queries[:150])
        for i in range(0, 150, 15):
            one_distances, one_ids = model.kneighbors(queries[i : i + 1])
            np.testing.assert_array_equal(one_ids[0], ids[i])
            np.testing.assert_array_equal(one_distances[0], distances[i])

    def test_threads_change_nothing(self, model, queries):
        threaded = copy.copy(model).set_params(n_jobs=2)
        np.testing.assert_array_equal(threaded.predict_proba(queries), model.predict_proba(queries))
        for found, wanted in zip(threaded.kneighbors(queries), model.kneighbors(queries), strict=True):
            np.testing.assert_array_equal(found, wanted)

    def test_the_order_of_references_changes_nothing_where_no_distances_tie(self, model, queries, rng):
        order = rng.permutation(600)
        permuted = copy.copy(model)
        permuted._set_references(
            model.images_.to_array()[order],
            model.label_codes_.to_array()[order],
            model.search_.references.to_array()[order],
        )
        if model.rerank_ is not None:
            permuted.rerank_ = copy.copy(model.rerank_)
            permuted.rerank_.references_ = GrowingRows(model.rerank_.references_.to_array()[order])
        untied = self.untied(model, queries)
        assert untied.sum() > 50
        np.testing.assert_array_equal(
            permuted.predict_proba(queries[untied]), model.predict_proba(queries[untied])
        )

    @staticmethod
    def untied(model, queries):
        """Queries whose neighbors have one order, whatever the order of the references."""
        vectors = queries if model.embedding_ is None else model.embedding_.transform(queries)
        steps = np.diff(model.search_.kneighbors(vectors, model.n_candidates_ + 1)[0])
        if model.weights_ == "hull":
            return (steps > 0).all(axis=1)
        final = np.diff(model.kneighbors(queries, model.n_neighbors_ + 1)[0])
        return (steps[:, -1] > 0) & (final > 0).all(axis=1)

    def test_predict_is_where_the_largest_probability_is(self, model, queries):
        proba = model.predict_proba(queries)
        np.testing.assert_allclose(proba.sum(axis=1), 1)
        assert ((proba == proba.max(axis=1, keepdims=True)).sum(axis=1) == 1).all()
        np.testing.assert_array_equal(model.classes_[proba.argmax(axis=1)], model.predict(queries))

    def test_brightness_does_not_count(self, model, queries):
        if model.embedding_ is None:
            pytest.skip("candidates are found among pixels")
        faint = queries[:60] // 16
        for same in (faint * 15, faint / 16):
            np.testing.assert_array_equal(model.predict_proba(same), model.predict_proba(faint))

    def test_learned_images_are_their_own_nearest_neighbors(self, model, X, y):
        distances, ids = model.kneighbors(X[:600])
        np.testing.assert_array_equal(distances[:, 0], 0)
        np.testing.assert_array_equal(y[ids[:, 0]], y[:600])
        if model.weights_ == "hull":
            np.testing.assert_array_equal(model.predict(X[:600]), y[:600])

    def test_more_is_learned_without_refitting_and_forgotten_without_a_trace(self, model, queries):
        taught = pickle.loads(pickle.dumps(model))
        before = taught.predict_proba(queries)
        other = (model.predict(queries[:30]) + 1) % 10
        taught.partial_fit(queries[:30], other)
        np.testing.assert_array_equal(taught.kneighbors(queries[:30])[1][:, 0], np.arange(600, 630))
        if model.weights_ == "hull":
            np.testing.assert_array_equal(taught.predict(queries[:30]), other)
        taught.forget(np.arange(600, 630))
        np.testing.assert_array_equal(taught.predict_proba(queries), before)

    def test_it_reads_better_than_chance_by_far(self, model, queries, digits):
        assert (model.predict(queries) == digits.test_labels).mean() > 0.9


def test_an_image_that_is_refused_shifts_no_label(X, y):
    model = KNNDigitClassifier("pixels", n_neighbors=1).fit(X[:50], y[:50])
    with pytest.raises(ValueError, match="too large"):
        model.partial_fit(np.full((1, 64), 1e200), y[:1])
    model.partial_fit(X[60:61], [(y[60] + 1) % 10])
    assert model.predict(X[60:61])[0] == (y[60] + 1) % 10


def test_an_embedding_that_gives_back_what_it_got_learns_each_image_once(X, y):
    model = KNNDigitClassifier("pixels", embedding=FunctionTransformer()).fit(X[:50], y[:50])
    model.partial_fit(X[50:60], y[50:60])
    plain = KNNDigitClassifier("pixels").fit(X[:60], y[:60])
    np.testing.assert_array_equal(model.predict(X[100:200]), plain.predict(X[100:200]))


def test_data_frames_wanted_from_every_transformer_do_not_disturb(X, y):
    with config_context(transform_output="pandas"):
        model = KNNDigitClassifier("pixels", embedding=CosineEmbedding()).fit(X[:50], y[:50])
        assert model.predict(X[:3]).shape == (3,)


def test_a_fit_that_fails_leaves_no_model(X, y):
    model = KNNDigitClassifier("pixels").fit(X[:50], y[:50])
    model.set_params(weights="hull")
    with pytest.raises(ValueError, match="int8"):
        model.fit(X[:50], y[:50] + 5)
    with pytest.raises(NotFittedError):
        model.predict(X[:3])
