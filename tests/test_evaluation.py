import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score, top_k_accuracy_score

from knn_digits.evaluation import errors_without, evaluate, mcnemar, wilson_interval


@pytest.fixture
def answered(rng):
    labels = rng.integers(0, 5, 400)
    proba = rng.dirichlet(np.ones(5), 400) + np.eye(5)[labels] * 0.5
    return labels, proba.argmax(axis=1), proba / proba.sum(axis=1, keepdims=True)


def test_scores_are_scikit_learns(answered):
    labels, answers, proba = answered
    found = evaluate("toy", labels, answers, probabilities=proba)
    assert found.errors == (labels != answers).sum() == len(found.mistakes) > 0
    assert found.error_rate + found.accuracy == pytest.approx(1)
    assert [row["recall"] for row in found.per_class] == pytest.approx(recall_score(labels, answers, average=None))
    assert found.macro["precision"] == pytest.approx(precision_score(labels, answers, average="macro"))
    assert found.weighted["f1"] == pytest.approx(f1_score(labels, answers, average="weighted"))
    assert found.top2_accuracy == pytest.approx(top_k_accuracy_score(labels, proba, k=2))


def test_confusion_rows_are_true_classes():
    found = evaluate("toy", [0, 0, 1, 1, 1], [0, 1, 1, 1, 0])
    assert found.confusion.tolist() == [[1, 1], [1, 2]]
    assert found.mistakes.tolist() == [1, 4]


def test_a_class_that_does_not_occur_keeps_its_place():
    found = evaluate("toy", ["a", "c"], ["a", "c"], classes=["a", "b", "c"])
    assert found.confusion.shape == (3, 3)
    assert [row["support"] for row in found.per_class] == [1, 0, 1]
    assert found.errors == 0


@pytest.mark.parametrize(("labels", "answers"), [([], []), ([1, 2], [1]), ([1], [7])])
def test_arrays_that_do_not_fit_are_refused(labels, answers):
    with pytest.raises(ValueError, match=r"expected one answer|none of the classes"):
        evaluate("toy", labels, answers, classes=[1, 2])


def test_wilson_interval_is_the_published_one():
    # Newcombe, Statistics in Medicine 17, 1998, table I: 81 of 263 and 0 of 20.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_mcnemar_counts_only_what_one_alone_gets_wrong():
    labels = np.zeros(20)
    first, second = np.zeros(20), np.zeros(20)
    first[:10] = 1  # ten wrong
    second[9:12] = 1  # three wrong, one of them shared
    found = mcnemar(labels, first, second)
    assert (found.only_first_wrong, found.only_second_wrong) == (9, 2)
    # Two-sided binomial: 2 * P(X <= 2 of 11) = 2 * (1 + 11 + 55) / 2^11.
    assert found.p_value == pytest.approx(2 * 67 / 2048)


def test_mcnemar_of_equals_says_nothing():
    assert mcnemar([1, 2], [1, 0], [1, 0]).p_value == 1.0


def test_errors_without_some_images():
    found = errors_without([0, 1, 2, 3], [9, 1, 9, 3], [0])
    assert (found["errors"], found["n"]) == (1, 3)


def test_second_place_needs_votes_and_ties_for_it_count():
    labels = [0, 0, 0, 0]
    proba = np.array([
        [0.0, 1.0, 0.0],  # nobody voted for it: not second, though no other class is
        [0.25, 0.5, 0.25],  # tied for second
        [0.2, 0.5, 0.3],  # third
        [0.4, 0.6, 0.0],  # second
    ])  # fmt: skip
    assert evaluate("toy", labels, [1, 1, 1, 1], probabilities=proba, classes=[0, 1, 2]).top2_accuracy == 0.5
