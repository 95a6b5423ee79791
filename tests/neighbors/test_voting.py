"""The voting rule, against scikit-learn where there is no tie and against the written rule where there is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from knn_digits.neighbors import shares_of_scores, vote, votes_for_each_k

N_CLASSES = 4


@st.composite
def neighborhoods(draw):
    """Labels and ascending distances of some queries, with plenty of ties and zeros."""
    n, k = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    labels = draw(
        st.lists(st.lists(st.integers(0, N_CLASSES - 1), min_size=k, max_size=k), min_size=n, max_size=n)
    )
    steps = st.sampled_from([0.0, 0.0, 1e-300, 0.5, 1.0, 3.0])
    distances = draw(st.lists(st.lists(steps, min_size=k, max_size=k), min_size=n, max_size=n))
    return np.array(labels), np.sort(np.array(distances), axis=1)


@given(neighborhoods(), st.sampled_from(["uniform", "distance"]))
def test_shares_are_probabilities_with_one_winner(neighborhood, weights):
    labels, distances = neighborhood
    shares = vote(labels, distances, N_CLASSES, weights)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)
    assert (shares >= 0).all()
    assert ((shares == shares.max(axis=1, keepdims=True)).sum(axis=1) == 1).all()


@given(neighborhoods(), st.sampled_from(["uniform", "distance"]))
def test_each_k_is_to_the_bit_a_vote_of_its_own(neighborhood, weights):
    labels, distances = neighborhood
    each = list(votes_for_each_k(labels, distances, N_CLASSES, weights))
    assert len(each) == labels.shape[1]
    for k, shares in enumerate(each, start=1):
        np.testing.assert_array_equal(shares, vote(labels[:, :k], distances[:, :k], N_CLASSES, weights))


@given(neighborhoods())
def test_uniform_winner_follows_the_written_rule(neighborhood):
    labels, distances = neighborhood
    winners = vote(labels, distances, N_CLASSES).argmax(axis=1)
    for row, (its_labels, its_distances) in enumerate(zip(labels, distances, strict=True)):
        present = sorted(set(its_labels.tolist()))
        rank = {
            c: (-int((its_labels == c).sum()), float(its_distances[its_labels == c].min()), c) for c in present
        }
        assert winners[row] == min(present, key=rank.__getitem__)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_shares_equal_scikit_learns(weights, rng):
    X, y = rng.random((200, 5)), rng.integers(0, N_CLASSES, 200)
    theirs = KNeighborsClassifier(7, weights=weights).fit(X, y)
    queries = np.vstack([rng.random((60, 5)), X[:20]])  # the last are at distance zero of one
    distances, ids = theirs.kneighbors(queries)
    np.testing.assert_allclose(
        vote(y[ids], distances, N_CLASSES, weights), theirs.predict_proba(queries), atol=1e-12
    )


def test_a_tie_goes_to_the_nearer_class_then_to_the_smaller_label():
    labels = np.array([[3, 1, 1, 3], [3, 1, 1, 3], [2, 0, 2, 0]])
    distances = np.array([[1.0, 2, 3, 4], [1, 1, 3, 4], [5, 6, 7, 8]])
    assert vote(labels, distances, 4).argmax(axis=1).tolist() == [3, 1, 2]


def test_near_zero_distances_do_not_overflow():
    shares = vote(np.array([[0, 1]]), np.array([[5e-324, 1.0]]), 2, "distance")
    assert np.isfinite(shares).all()
    assert shares.argmax() == 0


def test_unknown_weights_are_refused():
    with pytest.raises(ValueError, match="'uniform', 'distance'"):
        vote(np.array([[0]]), np.array([[1.0]]), 1, "heavy")


@st.composite
def judgements(draw):
    """Scores of classes, the smaller the better, and the classes of candidates in their order."""
    n, n_candidates = draw(st.integers(1, 5)), draw(st.integers(1, 8))
    codes = np.array(
        draw(
            st.lists(
                st.lists(st.integers(0, N_CLASSES - 1), min_size=n_candidates, max_size=n_candidates),
                min_size=n,
                max_size=n,
            )
        )
    )
    numbers = st.sampled_from([0.0, 1e-300, 0.5, 1.0, 1.0 + 1e-15, 3.0, 1e6, 1e300])
    scores = np.array(draw(st.lists(st.lists(numbers, min_size=4, max_size=4), min_size=n, max_size=n)))
    present = (codes[:, :, None] == np.arange(N_CLASSES)).any(axis=1)
    return np.where(present, scores, np.inf), codes


@given(judgements())
def test_shares_of_scores_are_probabilities_with_one_winner(judgement):
    scores, codes = judgement
    shares = shares_of_scores(scores, codes)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)
    assert (shares >= 0).all()
    assert (shares[np.isinf(scores)] == 0).all()
    assert ((shares == shares.max(axis=1, keepdims=True)).sum(axis=1) == 1).all()


@given(judgements())
def test_the_least_score_wins_and_among_equals_the_class_that_comes_first(judgement):
    scores, codes = judgement
    winners = shares_of_scores(scores, codes).argmax(axis=1)
    for its_scores, its_codes, winner in zip(scores, codes.tolist(), winners, strict=True):
        assert winner == min(set(its_codes), key=lambda c: (its_scores[c], its_codes.index(c)))


def test_shares_of_scores_are_in_proportion_to_the_tenth_power():
    shares = shares_of_scores(np.array([[2.0, 1.0, 4.0]]), np.array([[0, 1, 2]]))
    np.testing.assert_allclose(shares[0] / shares[0, 1], [2.0**-10, 1, 4.0**-10])


def test_where_scores_are_zero_only_these_share():
    shares = shares_of_scores(np.array([[0.0, 1e-300, 0.0, np.inf]]), np.array([[2, 1, 0]]))
    np.testing.assert_allclose(shares, [[0.5, 0, 0.5, 0]])
    assert shares.argmax() == 2


def test_a_class_alone_has_all():
    assert shares_of_scores(np.array([[np.inf, 7.0]]), np.array([[1, 1]])).tolist() == [[0.0, 1.0]]


def test_scores_beyond_all_measure_do_not_overflow():
    scores = np.array([[1e-300, 1e300], [5e-324, 1e-323]])
    shares = shares_of_scores(scores, np.array([[1, 0], [1, 0]]))
    assert np.isfinite(shares).all()
    assert shares.argmax(axis=1).tolist() == [0, 0]
