"""Prediction sets: covering as often as promised, never empty."""

import numpy as np
import pytest

from knn_digits import KNNDigitClassifier, PredictionSets
from knn_digits.confidence.measures import coverage_over_splits
from knn_digits.confidence.prediction_sets import labels_kept, least_probability


@pytest.fixture(scope="module")
def doubtful():
    """Probabilities of 4,000 images whose labels are drawn from them."""
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet([0.2] * 5, 4000)
    codes = np.array([rng.choice(5, p=p / p.sum()) for p in probabilities])
    return probabilities, codes


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.99, 0.995])
def test_over_random_splits_the_label_is_covered_as_often_as_asked_for(doubtful, coverage):
    found = coverage_over_splits(*doubtful, coverage)
    # Halves of 2,000 choose the 2,001 * coverage-th, rounded up.
    expected = np.ceil(2001 * coverage) / 2001
    assert abs(found["coverage"] - expected) < 3 * found["standard_error"]
    assert found["coverage_with_answer"] >= found["coverage"]


@pytest.mark.parametrize("n", [199, 200, 399, 1000, 20_000])
def test_the_threshold_is_the_rank_that_theory_names(rng, n):
    of_label = rng.random(n)
    threshold = least_probability(of_label, 0.995)
    assert (of_label >= threshold).sum() == int(np.ceil(np.round((n + 1) * 0.995, 6)))


@pytest.mark.parametrize("coverage", [0.995, 0.999, 0.5])
def test_too_few_images_are_refused_and_enough_are_not(rng, coverage):
    enough = round(1 / (1 - coverage)) - 1
    least_probability(rng.random(enough), coverage)
    with pytest.raises(ValueError, match=f"at least {enough} images"):
        least_probability(rng.random(enough - 1), coverage)


@pytest.mark.parametrize("coverage", [0, 1, -0.5, 1.5, np.nan])
def test_a_coverage_that_is_none_is_refused(rng, coverage):
    with pytest.raises(ValueError, match="coverage must be"):
        least_probability(rng.random(100), coverage)


def test_no_set_is_empty_and_each_holds_the_answer(doubtful):
    probabilities, _ = doubtful
    kept = labels_kept(probabilities, 0.99)
    assert kept.any(axis=1).all()
    assert kept[np.arange(len(kept)), probabilities.argmax(axis=1)].all()
    assert (labels_kept(probabilities, 0.0)).all()


def test_of_real_digits(X, y):
    model = KNNDigitClassifier("pixels").fit(X[:900], y[:900])
    sets = PredictionSets(model, 0.98)
    kept = sets.predict(X[900:])
    assert kept.shape == (len(X) - 900, 10)
    assert kept[np.arange(len(kept)), model.predict(X[900:])].all()
    assert kept[np.arange(len(kept)), y[900:]].mean() > 0.95
    assert 1 < kept.sum(axis=1).mean() < 3


def test_without_answers_out_of_fold_there_are_none(X, y):
    blind = KNNDigitClassifier("pixels", calibration_folds=None).fit(X[:100], y[:100])
    with pytest.raises(ValueError, match="calibration_folds=5"):
        PredictionSets(blind)
