"""Probabilities mean what they say, fall strictly with doubt, and never change an answer."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from knn_digits.confidence import Calibration, evidence_of_scores, evidence_of_votes
from knn_digits.confidence.calibration import _loss_and_slope
from knn_digits.neighbors import vote


@pytest.fixture
def answers(rng):
    """100,000 contested answers, right as often as a known logistic function of their ratio says."""
    n = 100_000
    evidence = np.zeros((n, 5))
    evidence[:, 0], evidence[:, 2] = 1, rng.exponential(0.5, n)
    top = 0.1 + 0.89 * expit(-0.4 + 4.0 * evidence[:, 2])
    return evidence, rng.random(n) < top


def test_the_weights_of_a_known_function_are_found(answers):
    evidence, correct = answers
    found = Calibration.fit(evidence, correct, 10)
    assert found.weights[0] == pytest.approx(-0.4, abs=0.1)
    assert found.weights[2] == pytest.approx(4.0, abs=0.3)
    assert found.noise == pytest.approx(0.01, abs=0.003)


def test_of_two_classes_it_agrees_with_scikit_learns_logistic_regression(rng):
    """Where labels are sure, and one half is the least a probability can be, it is an ordinary logistic curve."""
    evidence = np.zeros((20_000, 5))
    evidence[:, 0], evidence[:, 2] = 1, rng.exponential(1, 20_000)
    correct = rng.random(20_000) < 1e-9 + expit(evidence[:, 2] * 2)
    theirs = LogisticRegression(C=np.inf, fit_intercept=False).fit(evidence[:, [2]], correct)
    ours = Calibration.fit(evidence, correct, 1000)  # of so many classes the floor is nearly 0
    shares = np.tile(np.eye(1000)[:1], (5, 1))
    some = np.zeros((5, 5))
    some[:, 0], some[:, 2] = 1, [0.1, 0.5, 1, 2, 3]
    np.testing.assert_allclose(
        ours.probabilities(shares, some).max(axis=1), theirs.predict_proba(some[:, [2]])[:, 1], atol=0.02
    )


def test_without_answers_the_prior_decides():
    found, prior = Calibration.fit(np.zeros((0, 5)), np.zeros(0, bool), 10), Calibration()
    np.testing.assert_allclose(found.weights, prior.weights, rtol=1e-4)
    assert found.noise == pytest.approx(prior.noise, rel=1e-3)


def test_no_mistake_is_no_reason_for_certainty(answers):
    evidence, _ = answers
    found = Calibration.fit(evidence, np.ones(len(evidence), bool), 10)
    assert np.isfinite(found.weights).all()
    assert found.noise > 0


@pytest.fixture
def random_votes(rng):
    codes = rng.integers(0, 4, (2000, 12))
    squared = np.sort(rng.integers(0, 10_000, (2000, 12)), axis=1)
    return vote(codes[:, :5], np.sqrt(squared[:, :5]), 6), codes, squared


@pytest.mark.parametrize(
    "calibration", [Calibration(), Calibration((-9.0, 0.05, 0.05, -9.0, 0.05), 0.04), Calibration((9.0,) * 5)]
)
def test_the_answer_stays_and_is_unique(random_votes, calibration):
    shares, codes, squared = random_votes
    found = calibration.probabilities(shares, evidence_of_votes(shares, codes, squared))
    np.testing.assert_array_equal(found.argmax(axis=1), shares.argmax(axis=1))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found > 0).all()
    assert (np.sort(found, axis=1)[:, -1] > np.sort(found, axis=1)[:, -2]).all()


def test_the_top_probability_falls_strictly_with_the_doubt(random_votes):
    shares, codes, squared = random_votes
    evidence = evidence_of_votes(shares, codes, squared)
    calibration = Calibration()
    doubt, top = calibration.doubt(evidence), calibration.probabilities(shares, evidence).max(axis=1)
    order = np.argsort(doubt)
    rises = np.diff(doubt[order]) > 0
    assert (np.diff(top[order])[rises] < 0).all()
    assert (np.diff(top[order])[~rises] == 0).all()
    assert len(np.unique(top)) > 0.95 * len(top)


def test_the_slope_that_is_climbed_is_that_of_the_loss(answers):
    evidence, correct = answers
    evidence = evidence[:50] * [1, 1, 40, 1, 1]  # into the tails
    at = np.array([-0.4, 2.0, 4.0, 1.0, 10.0, -6.0])
    assert (
        check_grad(
            lambda p: _loss_and_slope(p, evidence, correct[:50], 10)[0],
            lambda p: _loss_and_slope(p, evidence, correct[:50], 10)[1],
            at,
        )
        < 1e-3 * np.abs(_loss_and_slope(at, evidence, correct[:50], 10)[1]).max()
    )


def test_one_row_gives_the_bits_of_many(random_votes):
    shares, codes, squared = random_votes
    evidence = evidence_of_votes(shares, codes, squared)
    whole = Calibration().probabilities(shares, evidence)
    for i in range(0, len(shares), 97):
        one = slice(i, i + 1)
        alone = evidence_of_votes(shares[one], codes[one], squared[one])
        np.testing.assert_array_equal(Calibration().probabilities(shares[one], alone), whole[one])


def test_of_one_class_nothing_is_in_doubt():
    shares = np.ones((3, 1))
    evidence = evidence_of_votes(shares, np.zeros((3, 2), int), np.ones((3, 2)))
    np.testing.assert_array_equal(Calibration().probabilities(shares, evidence), shares)
    assert Calibration.fit(evidence, np.ones(3, bool), 1) == Calibration()


class TestEvidence:
    def test_of_votes_by_hand(self):
        shares = np.array([[2 / 3, 1 / 3, 0], [1, 0, 0]])
        codes = np.array([[1, 0, 0, 2], [0, 0, 0, 1]])
        squared = np.array([[100, 200, 300, 1000], [100, 200, 300, 1000]])
        found = evidence_of_votes(shares, codes, squared)
        np.testing.assert_allclose(found[0], [1, 1 / 3, np.log(101 / 201), 0, 0])
        np.testing.assert_allclose(found[1], [0, 0, 0, 1, np.log(1001 / 101)])

    def test_of_scores_by_hand(self):
        scores = np.array([[50.0, np.inf, 200.0], [np.inf, 0.0, np.inf]])
        found = evidence_of_scores(scores, np.array([[100, 1000], [100, 1000]]))
        np.testing.assert_allclose(found[0], [1, 0, np.log(201 / 51), 0, 0])
        np.testing.assert_allclose(found[1], [0, 0, 0, 1, np.log(1001 / 101)])

    def test_other_classes_not_seen_are_as_far_as_the_last_seen(self):
        shares, codes = np.array([[1.0, 0.0]]), np.zeros((1, 3), int)
        found = evidence_of_votes(shares, codes, np.array([[1, 2, 1000]]))
        assert found[0, 4] == np.log(1001 / 2)

    def test_copies_of_the_image_alone_leave_little_doubt(self):
        shares, codes = np.array([[1.0, 0.0]]), np.zeros((1, 3), int)
        found = evidence_of_votes(shares, codes, np.zeros((1, 3)))
        assert Calibration().probabilities(shares, found)[0, 0] > 0.999

    def test_nothing_overflows_where_all_are_the_same(self):
        shares, codes = np.array([[1.0, 0.0]]), np.zeros((1, 3), int)
        assert np.isfinite(evidence_of_votes(shares, codes, np.zeros((1, 3)))).all()
        assert np.isfinite(evidence_of_scores(np.array([[0.0, np.inf]]), np.zeros((1, 3)))).all()
        assert np.isfinite(evidence_of_scores(np.array([[0.0, 0.0]]), np.zeros((1, 3)))).all()
