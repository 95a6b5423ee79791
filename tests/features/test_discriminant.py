"""NeighborDiscriminant: classes that are hard to tell apart become easy, and every row is on its own."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from knn_digits.features import NeighborDiscriminant


@parametrize_with_checks([NeighborDiscriminant()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_no_tag_makes_scikit_learn_skip_its_checks():
    outcomes = check_estimator(NeighborDiscriminant(), on_skip=None, on_fail=None)
    assert sum(outcome["status"] == "passed" for outcome in outcomes) > 40


def two_classes(rng, n):
    """Rows that differ by their class in one small direction, and by chance in many large ones."""
    labels = rng.integers(0, 2, n)
    rows = rng.normal(0, 30, (n, 12))
    rows[:, 0] = rng.normal(0, 4, n) + 30 * labels
    turned, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(12, 12)))
    return rows @ turned, labels


def test_two_classes_hidden_in_noise_are_separated(rng):
    rows, labels = two_classes(rng, 800)
    train, test = slice(0, 500), slice(500, 800)
    projected = NeighborDiscriminant(1).fit(rows[train], labels[train]).transform(rows)
    accuracies = [
        KNeighborsClassifier(1).fit(some[train], labels[train]).score(some[test], labels[test])
        for some in (rows, projected.astype(float))
    ]
    assert accuracies[0] < 0.8
    assert accuracies[1] > 0.95


def test_with_everyone_for_a_neighbor_it_is_fishers_discriminant(rng):
    rows, labels = two_classes(rng, 600)
    ours = NeighborDiscriminant(1, n_neighbors=599, n_same=599, shrinkage=1e-9).fit(rows, labels).projection_[:, 0]
    theirs = LinearDiscriminantAnalysis(solver="eigen").fit(rows, labels).coef_[0]
    cosine = ours @ theirs / (np.linalg.norm(ours) * np.linalg.norm(theirs))
    assert abs(cosine) > 0.999


def test_6_numbers_tell_digits_apart_better_than_as_many_principal_components(X, y):
    ours, theirs = (
        KNeighborsClassifier(3).fit(rows[:1000].astype(float), y[:1000]).score(rows[1000:].astype(float), y[1000:])
        for rows in (
            NeighborDiscriminant(6).fit(X[:1000], y[:1000]).transform(X),
            PCA(6, random_state=0).fit(X[:1000]).transform(X),
        )
    )
    assert ours > theirs + 0.01


def test_a_row_does_not_depend_on_those_beside_it(X, y, rng):
    for rows in (X, X / 16, rng.normal(size=X.shape) * 1e9):
        model = NeighborDiscriminant(20).fit(rows[:300], y[:300])
        together = model.transform(rows)
        for i in range(0, len(rows), 20):
            np.testing.assert_array_equal(model.transform(rows[i : i + 1])[0], together[i])


def test_numbers_are_int8_within_127_and_use_the_range(X, y):
    rows = NeighborDiscriminant(10).fit(X, y).transform(X)
    assert rows.dtype == np.int8
    assert rows.min() >= -127
    assert np.abs(rows.astype(int)).max() == 127
    far = NeighborDiscriminant(10).fit(X, y).transform(X.astype(float) * 1e6)
    assert far.min() >= -127


@pytest.mark.parametrize("exponent", [-900, -300, -20, 20, 300, 900])
def test_the_unit_does_not_matter(exponent, X, y):
    rows = X / 16
    expected = NeighborDiscriminant(10).fit(rows, y).transform(rows)
    scaled = np.ldexp(rows, exponent)  # by a power of two, so that scaling rounds nothing
    np.testing.assert_array_equal(NeighborDiscriminant(10).fit(scaled, y).transform(scaled), expected)


def test_the_type_of_small_whole_numbers_does_not_matter(X, y):
    expected = NeighborDiscriminant(10).fit(X // 2, y).transform(X // 2)
    for dtype in (np.int8, np.int16, np.int64):
        same = (X // 2).astype(dtype)
        np.testing.assert_array_equal(NeighborDiscriminant(10).fit(same, y).transform(same), expected)


def test_threads_change_nothing(X, y):
    one, two = (NeighborDiscriminant(10, n_jobs=n_jobs).fit(X, y) for n_jobs in (1, 2))
    np.testing.assert_array_equal(two.projection_, one.projection_)
    assert two.output_scale_ == one.output_scale_


def test_anchors_are_drawn_the_same_way_again(X, y):
    first, again, other = (
        NeighborDiscriminant(5, n_anchors=100, random_state=seed).fit(X, y).projection_ for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_the_projection_is_of_whole_numbers_whose_sums_are_exact(X, y):
    model = NeighborDiscriminant(10).fit(X * 100, y)
    np.testing.assert_array_equal(model.projection_, np.rint(model.projection_))
    assert np.abs(model.projection_).sum(axis=0).max() * 2**16 <= 2**53
    assert (np.diff(model.strengths_) <= 0).all()


def test_labels_may_be_texts_and_their_order_is_theirs(X, y):
    numbers = NeighborDiscriminant(5).fit(X, y).transform(X)
    texts = NeighborDiscriminant(5).fit(X, np.array(list("jihgfedcba"))[y]).transform(X)
    np.testing.assert_array_equal(texts, numbers)


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 1, 2, 3]])
def test_classes_without_others_or_without_their_like_are_no_error(labels, rng):
    rows = rng.integers(0, 100, (4, 6))
    assert NeighborDiscriminant().fit(rows, labels).transform(rows).any()


def test_rows_that_are_all_alike_become_zeros():
    rows = np.full((6, 5), 7)
    assert not NeighborDiscriminant().fit(rows, [0, 1] * 3).transform(rows).any()


@pytest.mark.parametrize("name", ["n_components", "n_principal", "n_neighbors", "n_same", "n_anchors"])
@pytest.mark.parametrize("value", [0, -1, 2.5, True])
def test_counts_out_of_range_are_refused_by_name(name, value, X, y):
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1"):
        NeighborDiscriminant(**{name: value}).fit(X, y)


@pytest.mark.parametrize("value", [0, -1, np.inf, np.nan])
def test_a_shrinkage_out_of_range_is_refused(value, X, y):
    with pytest.raises(ValueError, match="shrinkage must be above 0"):
        NeighborDiscriminant(shrinkage=value).fit(X, y)
