import numpy as np
import pytest
from sklearn.metrics import accuracy_score
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from knn_digits.errors import DataError
from knn_digits.features import CosineEmbedding
from knn_digits.folds import make_folds
from knn_digits.tuning import Choice, Tuning, compare_metrics, neighbor_table, tune


@pytest.fixture(scope="module")
def folds(y):
    return make_folds(y, seed=1)


@pytest.fixture(scope="module")
def tuning(X, y, folds):
    return tune(X, y, folds, max_neighbors=9, n_jobs=2)


def choice(metric="euclidean", weights="uniform", k=1, rates=(0.1, 0.1)):
    return Choice(metric, weights, k, rates, 0.0)


@pytest.fixture(scope="module")
def untied():
    """Two classes that overlap, and so many grey levels that no two distances are equal."""
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, 500)
    X = np.clip(rng.normal(100, 60, (500, 60)) + 16 * y[:, None], 0, 255).astype(np.uint8)
    folds = make_folds(y)
    return X, y, folds, tune(X, y, folds, max_neighbors=9)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("k", [1, 3, 9])
def test_the_curve_is_what_scikit_learn_finds_one_fit_a_setting(untied, metric, weights, k):
    X, y, folds, tuning = untied
    rows = (X if metric == "euclidean" else CosineEmbedding().fit_transform(X)).astype(float)
    answers = cross_val_predict(KNeighborsClassifier(k, weights=weights), rows, y, cv=PredefinedSplit(folds))
    expected = [1 - accuracy_score(y[folds == f], answers[folds == f]) for f in range(5)]
    ours = next(c for c in tuning.curve if (c.metric, c.weights, c.n_neighbors) == (metric, weights, k))
    np.testing.assert_allclose(ours.fold_error_rates, expected, atol=1e-12)


def test_every_setting_is_tried_once(tuning):
    settings = [(c.metric, c.weights, c.n_neighbors) for c in tuning.curve]
    assert len(settings) == len(set(settings)) == 2 * 2 * 9


def test_no_neighbor_is_of_the_same_fold(X, y, folds):
    # Give every image a twin in its own fold: it must never be found.
    table = neighbor_table(np.repeat(X[:200], 2, axis=0), np.arange(400), np.repeat(folds[:200], 2), 3)
    twins = np.arange(400) ^ 1
    assert (table.label_codes != twins[:, None]).all()
    assert (table.distances > 0).mean() > 0.99


def test_folds_hold_the_same_share_of_every_class(y, folds):
    for label in np.unique(y):
        sizes = np.bincount(folds[y == label], minlength=5)
        assert sizes.max() - sizes.min() <= 1


def test_folds_are_seeded(y, folds):
    np.testing.assert_array_equal(make_folds(y, seed=1), folds)
    assert (make_folds(y, seed=2) != folds).any()


def test_folds_hold_whole_writers(y, rng):
    writers = rng.integers(0, 40, len(y))
    folds = make_folds(y, groups=writers)
    assert len(np.unique(folds)) == 5
    for writer in range(40):
        assert len(np.unique(folds[writers == writer])) == 1


def test_too_few_images_to_fold_are_refused():
    with pytest.raises(ValueError, match="at least 2 images of every class"):
        make_folds([0, 0, 0, 1])


def test_fewer_folds_where_a_class_is_small():
    assert len(np.unique(make_folds([0] * 9 + [1] * 3))) == 3


def test_the_best_is_the_lowest_and_of_equals_the_simpler():
    curve = (choice(k=1, rates=(0.2, 0.2)), choice(k=2), choice(k=3), choice(k=4, rates=(0.3, 0.3)))
    assert Tuning(curve, {}).best.n_neighbors == 3


def test_one_standard_error_takes_the_largest_k_within_reach_of_the_same_kind():
    best = choice(k=2, rates=(0.08, 0.12))  # mean 0.10, standard error 0.02
    curve = (
        choice(k=1, rates=(0.5, 0.5)),
        best,
        choice(k=5, rates=(0.119, 0.119)),
        choice(k=6, rates=(0.121, 0.121)),
        choice(metric="cosine", k=7, rates=(0.11, 0.11)),
    )
    tuning = Tuning(curve, {})
    assert tuning.best is best
    assert best.standard_error == pytest.approx(0.02)
    assert tuning.one_standard_error.n_neighbors == 5


def test_k_stops_at_the_number_of_images(X, y):
    folds = make_folds(y[:30], n_folds=2)
    assert max(c.n_neighbors for c in tune(X[:30], y[:30], folds, max_neighbors=25).curve) <= 15


def test_manhattan_is_compared_on_the_same_subset(X, y, folds):
    found = compare_metrics(X, y, folds, n_queries=50, n_references=400, max_neighbors=5, seed=3)
    assert (found["n_queries"], found["n_references"]) == (50, 400)
    assert [row["metric"] for row in found["metrics"]] == ["euclidean", "cosine", "manhattan"]
    for row in found["metrics"]:
        assert len(row["error_rates"]) == 5
        assert row["error_rates"][0] < 0.3


def test_few_and_unequal_writers_leave_no_empty_fold():
    rng = np.random.default_rng(0)
    for n_writers in (2, 3, 4, 6):
        for _ in range(20):
            labels, writers = rng.integers(0, 3, 25), rng.integers(0, n_writers, 25) ** 2
            if min(np.bincount(labels, minlength=3)) < 2 or len(np.unique(writers)) < 2:
                continue
            folds = make_folds(labels, groups=writers)
            assert 2 <= folds.max() + 1 <= 5
            assert np.bincount(folds).min() >= 1


def test_one_writer_is_refused():
    with pytest.raises(DataError, match="at least 2 writers"):
        make_folds([0, 1] * 10, groups=[7] * 20)
