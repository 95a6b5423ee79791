import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knn_digits.datasets.splitting import stratified_split
from knn_digits.errors import DataError


@given(counts=st.lists(st.integers(2, 30), min_size=1, max_size=5), fraction=st.floats(0.01, 0.99))
def test_parts_are_disjoint_whole_and_hold_every_class(counts, fraction):
    labels = np.repeat(np.arange(len(counts)), counts)
    train, test = stratified_split(labels, fraction)
    assert sorted([*train, *test]) == list(range(len(labels)))
    assert set(labels[train]) == set(labels[test]) == set(range(len(counts)))
    for label, count in enumerate(counts):
        assert abs((labels[test] == label).sum() - count * fraction) <= 1
    again = stratified_split(labels, fraction)
    assert np.array_equal(again[1], test)


def test_it_is_a_random_cut_not_the_tail():
    _, test = stratified_split(np.zeros(100, int), 0.2)
    assert test.min() < 50 < test.max()
    assert len(test) == 20


def test_a_single_member_is_refused_by_name():
    with pytest.raises(DataError, match="class seven has a single picture"):
        stratified_split(np.array(["one", "one", "seven"]), 0.2)
