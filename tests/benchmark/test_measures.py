import numpy as np
import pytest

from knn_digits.benchmark.measures import percentile, ratios, recall, summary


def test_median_and_spread():
    assert summary([3.0, 1.0, 2.0]) == {"median": 2.0, "low": 1.0, "high": 3.0, "n": 3}
    assert summary([1.0, 2.0])["median"] == 1.5


def test_ratios_are_of_the_same_round():
    # The machine was twice as slow in the second round; both were, so the ratio is steady.
    assert ratios([1.0, 2.0, 1.0], [10.0, 20.0]) == [0.1, 0.1]


def test_percentiles_are_values_that_were_measured():
    values = list(range(1, 1001))
    assert percentile(values, 50) == 500
    assert percentile(values, 99) == 990
    assert percentile([7.0], 99) == 7.0


REFERENCES = np.array([[0], [10], [10], [10], [50]], np.uint8)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([[0, 1]], 1.0),
        ([[0, 3]], 1.0),  # another one at the very same distance is as good
        ([[0, 4]], 0.5),  # farther than the second nearest
        ([[0, 0]], 0.5),  # the same one twice counts once
        ([[0, -1]], 0.5),  # nothing found
        ([[-1, -1]], 0.0),
    ],
)
def test_recall_counts_any_of_equally_near_neighbors(found, expected):
    limits = np.array([100])  # squared distance of the second nearest of query 0
    assert recall(np.array(found), np.array([[0]], np.uint8), REFERENCES, limits) == expected
