"""Local hulls: the kernel against its twin, and the twin against other people's solvers."""

from unittest.mock import patch

import numba  # noqa: F401 - kernels are used where it is there
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import Ridge

from knn_digits.neighbors import GrowingRows, hull_score, hull_scores

GRAIN = 1 / 64


def nearest_first(query, rows):
    return np.argsort(np.square(rows.astype(np.int64) - query).sum(axis=1), kind="stable")


def assert_kernel_equals_twin(queries, rows, codes, n_classes, *, n_neighbors, ridge, n_base):
    references = GrowingRows(rows[:n_base])
    references.append(rows[n_base:])
    ids = np.array([nearest_first(query, rows) for query in queries])
    asked = queries, references, ids, codes[ids], n_classes
    scores = hull_scores(*asked, n_neighbors=n_neighbors, ridge=ridge)
    for query, its_ids, its_scores in zip(queries, ids, scores, strict=True):
        for code in range(n_classes):
            members = its_ids[codes[its_ids] == code][:n_neighbors]
            expected = hull_score(query, rows[members], ridge) if len(members) else np.inf
            assert its_scores[code] == expected
    # Not even what is rounded away may differ between the kernel and what takes its place for a few queries.
    with patch("knn_digits.neighbors.hulls._GRAIN", 2.0**-70):
        exact = hull_scores(*asked, n_neighbors=n_neighbors, ridge=ridge)
        with patch("knn_digits.neighbors.hulls.use_kernels", return_value=False):
            np.testing.assert_array_equal(hull_scores(*asked, n_neighbors=n_neighbors, ridge=ridge), exact)


def test_kernel_and_twin_agree_on_small_rows(rng):
    rows = rng.integers(-127, 128, (30, 8)).astype(np.int8)
    rows[5:9] = rows[4]
    codes = np.arange(30) % 3
    codes[4:9] = 3
    assert_kernel_equals_twin(rows[:4], rows, codes, 5, n_neighbors=6, ridge=3.0, n_base=20)


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 50),
    d=st.integers(1, 70),
    n_classes=st.integers(1, 5),
    n_neighbors=st.integers(1, 40),
    ridge=st.floats(0.01, 100),
    levels=st.sampled_from([1, 3, 127]),
)
def test_the_kernel_equals_its_twin(seed, n, d, n_classes, n_neighbors, ridge, levels):
    rng = np.random.default_rng(seed)
    rows = (rng.integers(-levels, levels + 1, (n, d)) * (127 // levels)).astype(np.int8)
    queries = (rng.integers(-levels, levels + 1, (3, d)) * (127 // levels)).astype(np.int8)
    codes = rng.integers(0, n_classes, n)
    assert_kernel_equals_twin(
        queries, rows, codes, n_classes, n_neighbors=n_neighbors, ridge=ridge, n_base=int(rng.integers(0, n + 1))
    )


@pytest.mark.parametrize("ridge", [0.1, 3.0, 30.0])
def test_a_score_is_the_minimum_that_ridge_regression_finds(ridge, rng):
    for n, d in [(2, 5), (7, 5), (12, 30)]:
        members, query = rng.normal(0, 20, (n, d)), rng.normal(0, 20, d)
        center = members.mean(axis=0)
        spanning, rest = (members - center).T, query - center
        penalty = ridge * np.square(spanning).sum() / n
        theirs = Ridge(alpha=penalty, fit_intercept=False, tol=1e-12).fit(spanning, rest).coef_
        least = np.square(rest - spanning @ theirs).sum() + penalty * np.square(theirs).sum()
        least = min(least, np.square(members - query).sum(axis=1).min())
        assert hull_score(query, members, ridge) == pytest.approx(least, abs=GRAIN)


def test_no_coefficients_do_better_than_the_score(rng):
    members, query = rng.normal(0, 20, (5, 8)), rng.normal(0, 60, 8)
    center = members.mean(axis=0)
    penalty = 0.5 * np.square(members - center).sum() / 5

    def cost(a):
        return np.square(query - center - a @ (members - center)).sum() + penalty * np.square(a).sum()

    assert hull_score(query, members, 0.5) == pytest.approx(minimize(cost, np.zeros(5)).fun, abs=GRAIN)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 10), ridge=st.floats(0.01, 100))
def test_a_score_is_never_more_than_the_distance_to_the_nearest_member(seed, n, ridge):
    rng = np.random.default_rng(seed)
    members, query = rng.integers(-127, 128, (n, 6)).astype(np.int8), rng.integers(-127, 128, 6).astype(np.int8)
    nearest = np.square(members.astype(np.int64) - query).sum(axis=1).min()
    assert -GRAIN < hull_score(query, members, ridge) <= nearest
    assert abs(hull_score(members[0], members, ridge)) == 0


def test_one_member_or_several_alike_are_a_point():
    query, member = np.array([1, 2, 3], np.int8), np.array([4, 6, 3], np.int8)
    for n in (1, 2, 7):
        members = np.tile(member, (n, 1))
        assert hull_score(query, members, 3.0) == 25
        ids = np.arange(n)[None]
        scores = hull_scores(
            query[None], GrowingRows(members), ids, np.zeros((1, n), np.int64), 1, n_neighbors=n, ridge=3.0
        )
        assert scores.tolist() == [[25.0]]


def test_a_query_between_two_members_is_nearer_to_their_line_than_to_either():
    members = np.array([[-50, 0], [50, 0]], np.int8)
    assert hull_score(np.array([0, 3], np.int8), members, 3.0) == 9
    assert hull_score(np.array([10, 3], np.int8), members, 1e-6) == pytest.approx(9, abs=GRAIN)


def test_only_as_many_members_as_asked_for_span_a_hull(rng):
    rows = rng.integers(-127, 128, (20, 6)).astype(np.int8)
    order = nearest_first(rows[0], rows[1:]) + 1
    references, codes = GrowingRows(rows), np.zeros((1, 19), np.int64)
    few = hull_scores(rows[:1], references, order[None], codes, 1, n_neighbors=4, ridge=1.0)
    cut = hull_scores(
        rows[:1], references, order[None, :4].copy(), codes[:, :4].copy(), 1, n_neighbors=19, ridge=1.0
    )
    np.testing.assert_array_equal(few, cut)


def test_a_class_without_a_candidate_is_out_of_the_question(rng):
    rows = rng.integers(-127, 128, (4, 6)).astype(np.int8)
    ids, codes = np.array([[0, 1, 2, 3]]), np.array([[2, 0, 2, 0]])
    scores = hull_scores(rows[:1], GrowingRows(rows), ids, codes, 4, n_neighbors=40, ridge=3.0)
    assert np.isinf(scores[0, [1, 3]]).all()
    assert scores[0, 2] == 0
    assert 0 < scores[0, 0] < np.inf
