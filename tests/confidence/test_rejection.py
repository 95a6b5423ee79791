"""Answers withheld: thresholds against brute force, and the classifier that says "not sure"."""

from copy import copy
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone

from knn_digits import KNNDigitClassifier, RejectingClassifier
from knn_digits.confidence.rejection import errors_kept, threshold_for_max_error, threshold_for_reject


@pytest.fixture
def answers(rng):
    confidence = np.round(rng.random(500), 2)  # many are equally sure
    return confidence, rng.random(500) < confidence


@pytest.mark.parametrize("max_error", [0.0, 0.01, 0.05, 0.2, 0.9])
def test_the_threshold_is_the_smallest_that_keeps_the_promise(answers, max_error):
    confidence, correct = answers

    def share(threshold):
        given = confidence >= threshold
        return (~correct[given]).mean() if given.any() else 0

    kept = [t for t in np.unique(confidence) if share(t) <= max_error]
    found = threshold_for_max_error(confidence, correct, max_error)
    assert found == (min(kept) if kept else np.inf)


def test_errors_are_counted_from_the_surest_on(answers):
    confidence, correct = answers
    found = errors_kept(confidence, correct)
    assert found[-1] == (~correct).sum()
    for threshold in np.unique(confidence):
        given = confidence >= threshold
        assert found[given.sum() - 1] == (~correct[given]).sum()


def test_the_share_asked_for_is_withheld(rng):
    confidence = rng.random(1000)
    assert (confidence < threshold_for_reject(confidence, 0.03)).sum() == 30


@pytest.fixture(scope="module")
def model(X, y):
    return KNNDigitClassifier("pixels").fit(X[:900], y[:900])


def test_the_doubtful_are_the_least_probable(model, X):
    careful = RejectingClassifier(model, reject=0.05).fit()
    answers, top = careful.predict(X[900:]), model.predict_proba(X[900:]).max(axis=1)
    doubtful = answers == careful.not_sure_
    assert 0 < doubtful.mean() < 0.3
    assert top[doubtful].max() < careful.threshold_ <= top[~doubtful].min()
    np.testing.assert_array_equal(answers[~doubtful], model.predict(X[900:])[~doubtful])


def test_fewer_of_the_answers_given_are_wrong(model, X, y):
    plain = (model.predict(X[900:]) != y[900:]).mean()
    careful = RejectingClassifier(model, reject=0.1).fit().predict_masked(X[900:])
    assert (careful != y[900:]).mean() < plain
    assert careful.mask.any()


def test_max_error_holds_out_of_fold(model):
    careful = RejectingClassifier(model, max_error=0.01).fit()
    given = model.out_of_fold_.confidence >= careful.threshold_
    assert (~model.out_of_fold_.correct[given]).mean() <= 0.01
    assert given.mean() > 0.5


def test_beneath_a_mask_stands_the_answer(model, X):
    found = RejectingClassifier(model, reject=0.2).fit().predict_masked(X[900:])
    np.testing.assert_array_equal(found.data, model.predict(X[900:]))


def test_a_model_that_is_not_fitted_is_cloned_and_fitted(X, y):
    model = KNNDigitClassifier("pixels")
    careful = RejectingClassifier(model, reject=0.1).fit(X[:300], y[:300])
    assert not hasattr(model, "classes_")
    assert careful.model_ is not model
    assert set(careful.predict(X[300:400])) <= {*range(10), -1}


def test_texts_are_not_cut_short(X, y):
    words = np.array(["o", "i"])[(y[:200] == 1).astype(int)]
    careful = RejectingClassifier(KNNDigitClassifier("pixels"), reject=0.5).fit(X[:200], words)
    assert set(careful.predict(X[200:300])) <= {"o", "i", "not sure"}
    assert "not sure" in careful.predict(X[200:300])


def test_a_label_of_minus_one_is_not_mistaken_for_doubt(X, y):
    careful = RejectingClassifier(KNNDigitClassifier("pixels"), reject=0.5).fit(X[:200], y[:200] - 1)
    assert careful.not_sure_ == -2


@pytest.mark.parametrize("settings", [{}, {"reject": 0.1, "max_error": 0.1}, {"reject": 1}, {"max_error": -0.1}])
def test_settings_that_say_nothing_are_refused(model, settings):
    with pytest.raises(ValueError, match=r"max_error|reject"):
        RejectingClassifier(model, **settings).fit()


def test_without_answers_out_of_fold_there_is_no_threshold(X, y):
    blind = KNNDigitClassifier("pixels", calibration_folds=None).fit(X[:100], y[:100])
    with pytest.raises(ValueError, match="calibration_folds=5"):
        RejectingClassifier(blind, reject=0.1).fit()


def test_a_promise_that_cannot_be_kept_is_told(model):
    found = model.out_of_fold_
    hopeless = copy(model)
    hopeless.out_of_fold_ = replace(found, codes=(found.codes + found.correct) % 10)  # none is right
    with pytest.raises(ValueError, match="no answers are sure enough"):
        RejectingClassifier(hopeless, max_error=0.5).fit()


def test_it_can_be_cloned_with_its_settings(model):
    other = clone(RejectingClassifier(KNNDigitClassifier("fast"), max_error=0.01))
    assert (other.max_error, other.model.preset) == (0.01, "fast")


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint64])
def test_labels_of_any_integer_type_leave_room_for_not_sure(X, y, kind):
    careful = RejectingClassifier(KNNDigitClassifier("pixels"), reject=0.5).fit(X[:200], y[:200].astype(kind))
    assert (careful.predict(X[200:300]) == -1).any()


def test_truth_values_are_refused_as_labels(X, y):
    with pytest.raises(ValueError, match="leave no value for what is not sure"):
        RejectingClassifier(KNNDigitClassifier("pixels"), reject=0.5).fit(X[:200], y[:200] > 4)


def test_a_model_that_learned_another_class_is_to_be_fitted_again(X, y):
    model = KNNDigitClassifier("pixels").fit(X[:200], y[:200])
    careful = RejectingClassifier(model, reject=0.1).fit()
    model.partial_fit(X[:1], [77], classes=[77])
    with pytest.raises(ValueError, match="call fit again"):
        careful.predict(X[:2])
    assert 77 in careful.fit().classes_


@pytest.mark.parametrize("model", [None, "fast", 3])
def test_what_is_no_model_is_told_so(model):
    with pytest.raises(ValueError, match="must be a KNNDigitClassifier"):
        RejectingClassifier(model, reject=0.1).fit()
