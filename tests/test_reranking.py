"""DistortionReranker: what the classifier asks of the distortion model."""

import pickle
from unittest.mock import patch

import numba  # noqa: F401 - kernels are used where it is there
import numpy as np
import pytest
from sklearn.base import clone

from knn_digits.distances.distortion import distortion
from knn_digits.features import MomentNormalizer
from knn_digits.features.images import as_images
from knn_digits.neighbors import ExactSearch
from knn_digits.reranking import DistortionReranker


@pytest.fixture(scope="module")
def candidates(X):
    """12 queries, and the squared distances and ids of their 30 nearest of 200 references."""
    squared, ids = ExactSearch(X[:200]).kneighbors(X[200:212], 30)
    return X[200:212], squared, ids


@pytest.mark.parametrize("window", [0, 1, 2, 3])
@pytest.mark.parametrize("strength", [None, 0.5])
def test_without_a_weight_a_distance_is_the_distortion(X, candidates, window, strength):
    queries, squared, ids = candidates
    reranker = DistortionReranker(None, window=window, strength=strength).fit(X[:200])

    def drawn(rows):
        return (
            as_images(rows)
            if strength is None
            else MomentNormalizer(strength).fit_transform(rows).reshape(1, 8, 8)
        )

    expected = [
        [distortion(drawn(query[None])[0], drawn(X[i][None])[0], window) for i in row[:5]]
        for query, row in zip(queries, ids, strict=True)
    ]
    np.testing.assert_array_equal(reranker.distances(queries, squared, ids, n_kept=30)[:, :5], expected)


def test_a_final_distance_is_the_squared_one_and_the_weighed_distortion(X, candidates):
    queries, squared, ids = candidates
    reranker = DistortionReranker(weight=0.7).fit(X[:200]).weigh(queries, squared, ids)
    alone = DistortionReranker(weight=None).fit(X[:200]).distances(queries, squared, ids, n_kept=30)
    # Over these neighbors a distortion counts 0.7 times what a squared distance does.
    assert (reranker.factor_ * alone).mean() == pytest.approx(0.7 * squared.mean())
    np.testing.assert_array_equal(
        reranker.distances(queries, squared, ids, n_kept=30), squared + reranker.factor_ * alone
    )


@pytest.mark.parametrize("weight", [None, 0.5])
@pytest.mark.parametrize("n_kept", [1, 3, 29])
def test_leaving_candidates_early_changes_none_of_the_nearest(X, candidates, weight, n_kept):
    queries, squared, ids = candidates
    reranker = DistortionReranker(weight).fit(X[:200]).weigh(queries, squared, ids)
    everything = reranker.distances(queries, squared, ids, n_kept=30)
    some = reranker.distances(queries, squared, ids, n_kept=n_kept)
    np.testing.assert_array_equal(np.sort(some)[:, :n_kept], np.sort(everything)[:, :n_kept])
    found = np.isfinite(some)
    np.testing.assert_array_equal(some[found], everything[found])


def test_a_class_is_scored_by_its_best_candidate(X, y, candidates):
    queries, squared, ids = candidates
    codes = y[ids].astype(np.int64)
    reranker = DistortionReranker(0.5).fit(X[:200]).weigh(queries, squared, ids)
    alone = DistortionReranker(None).fit(X[:200]).distances(queries, squared, ids, n_kept=30)
    scores = reranker.class_scores(queries, ids, codes, 10)
    for row, its_codes, distortions in zip(scores, codes, alone, strict=True):
        for code in range(10):
            of_class = distortions[its_codes == code]
            assert row[code] == (of_class.min() * reranker.factor_ if len(of_class) else np.inf)


def test_references_learned_later_are_found_by_their_ids(X, candidates):
    queries, squared, ids = candidates
    whole = DistortionReranker().fit(X[:200])
    parts = DistortionReranker().fit(X[:90])
    for first in (90, 150):
        parts.references_.append(parts.normalized(X[first : first + 60][: 200 - first]))
    np.testing.assert_array_equal(
        parts.distances(queries, squared, ids, n_kept=7), whole.distances(queries, squared, ids, n_kept=7)
    )


def test_queries_do_not_depend_on_those_beside_them(X, y, candidates):
    queries, squared, ids = candidates
    codes = y[ids].astype(np.int64)
    reranker = DistortionReranker().fit(X[:200])
    distances = reranker.distances(queries, squared, ids, n_kept=3)
    scores = reranker.class_scores(queries, ids, codes, 10)
    for i in range(len(queries)):
        one = slice(i, i + 1)
        np.testing.assert_array_equal(reranker.distances(queries[one], squared[one], ids[one], 3), distances[one])
        np.testing.assert_array_equal(reranker.class_scores(queries[one], ids[one], codes[one], 10), scores[one])


def test_images_that_are_all_alike_weigh_what_the_weight_says():
    rows = np.full((5, 64), 255, np.uint8)
    ids = np.array([[1, 2], [0, 2]])
    assert DistortionReranker(0.5).fit(rows).weigh(rows[:2], np.zeros((2, 2)), ids).factor_ == 0.5


def test_it_can_be_cloned_and_pickled(X, candidates):
    queries, squared, ids = candidates
    reranker = DistortionReranker(1.5, window=1, strength=None).fit(X[:200]).weigh(queries, squared, ids)
    assert clone(reranker).get_params() == {"weight": 1.5, "window": 1, "strength": None}
    again = pickle.loads(pickle.dumps(reranker))
    np.testing.assert_array_equal(
        again.distances(queries, squared, ids, 30), reranker.distances(queries, squared, ids, 30)
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"window": -1}, "window must be"),
        ({"window": 1.5}, "window"),
        ({"window": True}, "window"),
        ({"weight": 0}, "weight must be above 0, or None"),
        ({"weight": np.inf}, "weight"),
        ({"weight": np.nan}, "weight"),
        ({"strength": 2}, "strength must be from 0 to 1"),
    ],
)
def test_settings_out_of_range_are_refused(X, settings, words):
    with pytest.raises(ValueError, match=words):
        DistortionReranker(**settings).fit(X[:5])


def test_rows_that_are_no_square_image_are_refused():
    with pytest.raises(ValueError, match="expected square images"):
        DistortionReranker().fit(np.ones((3, 70), np.uint8))


def test_a_class_without_a_candidate_is_out_of_the_question_even_where_all_vectors_are_alike(X):
    ids = np.array([[0, 1, 2], [1, 2, 3]])
    reranker = DistortionReranker().fit(X[:5]).weigh(X[5:7], np.zeros((2, 3)), ids)
    scores = reranker.class_scores(X[5:7], ids, np.array([[0, 1, 1], [0, 0, 0]]), 3)
    np.testing.assert_array_equal(np.isinf(scores), [[False, False, True], [False, True, True]])
    assert not np.isnan(scores).any()


@pytest.mark.parametrize("window", [-1, 33, 10**9, 1.5, True])
def test_a_window_out_of_range_is_refused(window):
    with pytest.raises(ValueError, match="window must be"):
        DistortionReranker(window=window).fit(np.zeros((2, 64), np.uint8))


@pytest.mark.parametrize("weight", [None, 0.5])
def test_without_the_kernel_scores_and_the_nearest_are_the_same(X, candidates, weight):
    queries, squared, ids = candidates
    reranker = DistortionReranker(weight).fit(X[:200]).weigh(queries, squared, ids)
    codes = ids % 4

    def answers():
        order = np.argsort(distances := reranker.distances(queries, squared, ids, 3), axis=1, kind="stable")[:, :3]
        return order, np.take_along_axis(distances, order, axis=1), reranker.class_scores(queries, ids, codes, 5)

    expected = answers()
    with patch("knn_digits.reranking.use_kernels", return_value=False):
        for ours, theirs in zip(answers(), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
