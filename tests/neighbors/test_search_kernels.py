"""The compiled search among short rows of small integers, against the plain one and a float64 product."""

from unittest.mock import patch

import numba  # noqa: F401 - kernels are used where it is there
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from knn_digits.neighbors import ExactSearch


def oracle(references, queries, k, ids):
    """All distances by one float64 product, which is exact, sorted by (distance, later first)."""
    r, q = references.astype(np.float64), queries.astype(np.float64)
    squared = (q * q).sum(1)[:, None] + (r * r).sum(1)[None] - 2 * (q @ r.T)
    order = np.array([np.lexsort((-ids, row))[:k] for row in squared])
    return np.take_along_axis(squared, order, 1), ids[order]


def assert_same(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def learned(rows, n_base, forgotten):
    search = ExactSearch(rows[:n_base])
    if n_base < len(rows):
        search.append(rows[n_base:])
    search.forget(forgotten)
    return search


def test_kernel_and_twin_agree_on_small_rows(rng):
    rows = rng.integers(-2, 3, (150, 6)).astype(np.int8)
    queries, forgotten = rng.integers(-2, 3, (6, 6)).astype(np.int8), np.array([149, 3, 7])
    kept = np.setdiff1d(np.arange(150), forgotten)
    for n_queries in (1, 4, 5):
        some = queries[:n_queries]
        for k in (1, 20):
            found = learned(rows, 100, forgotten).kneighbors(some, k)
            assert found[0].dtype == np.int64
            assert_same(found, oracle(rows[kept], some, k, kept))
            assert_same(found, learned(rows.astype(np.float64), 100, forgotten).kneighbors(some.astype(float), k))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 1300),
    d=st.integers(1, 8),
    levels=st.sampled_from([1, 2, 10, 127]),
    n_queries=st.integers(1, 10),
    share_forgotten=st.sampled_from([0, 0, 0.1, 0.9]),
    data=st.data(),
)
def test_all_ways_to_search_find_the_same(seed, n, d, levels, n_queries, share_forgotten, data):
    rng = np.random.default_rng(seed)
    rows = (rng.integers(-levels, levels + 1, (n, d)) * (127 // levels)).astype(np.int8)
    queries = (rng.integers(-levels, levels + 1, (n_queries, d)) * (127 // levels)).astype(np.int8)
    kept = np.sort(rng.permutation(n)[: max(1, int(n * (1 - share_forgotten)))])
    forgotten = np.setdiff1d(np.arange(n), kept)
    k = data.draw(st.one_of(st.just(1), st.just(len(kept)), st.integers(1, min(40, len(kept)))))
    n_base = data.draw(st.integers(1, n))
    found = learned(rows, n_base, forgotten).kneighbors(queries, k)
    assert_same(found, oracle(rows[kept], queries, k, kept))
    with patch("knn_digits.neighbors.search.use_kernels", return_value=False):
        assert_same(learned(rows, n_base, forgotten).kneighbors(queries, k), found)
    assert_same(found, learned(rows.astype(np.int16), n_base, forgotten).kneighbors(queries.astype(np.int16), k))
    # Numbers this large, and floats, take the way in plain NumPy.
    large, ids = learned(rows.astype(np.int16) * 200, n_base, forgotten).kneighbors(
        queries.astype(np.int16) * 200, k
    )
    np.testing.assert_array_equal(ids, found[1])
    np.testing.assert_array_equal(large, found[0] * 40_000)
    floats = learned(rows.astype(np.float64), n_base, forgotten).kneighbors(queries.astype(np.float64), k)
    assert_same(floats, found)


def test_the_three_ways_are_taken(monkeypatch, rng):
    taken = []

    def noted(name, way):
        def search(self, *arguments):
            taken.append(name)
            return way(self, *arguments)

        return search

    for name in ("_scan", "_search_in_kernel", "_search_block"):
        monkeypatch.setattr(ExactSearch, name, noted(name, getattr(ExactSearch, name)))
    rows = rng.integers(-9, 10, (50, 8)).astype(np.int8)
    for dtype, n_queries in [(np.int8, 4), (np.int8, 5), (np.int16, 4), (np.float64, 4)]:
        ExactSearch(rows.astype(dtype)).kneighbors(rows[:n_queries].astype(dtype), 3)
    ExactSearch(rows * np.int16(1000)).kneighbors(rows[:4] * np.int16(1000), 3)
    assert taken == ["_scan", "_search_in_kernel", "_search_in_kernel", "_search_block", "_search_block"]


@pytest.mark.parametrize("n_queries", [1, 4, 5, 10])
def test_vectors_of_an_embedding_equal_scikit_learns(n_queries, rng):
    rows = np.clip(np.rint(rng.normal(0, 30, (3000, 64))), -127, 127).astype(np.int8)
    queries = np.clip(np.rint(rng.normal(0, 30, (n_queries, 64))), -127, 127).astype(np.int8)
    distances, ids = NearestNeighbors(n_neighbors=100, algorithm="brute").fit(rows).kneighbors(queries)
    squared, ours = ExactSearch(rows).kneighbors(queries, 100)
    np.testing.assert_array_equal(squared, np.rint(distances**2))
    untied = np.diff(squared, axis=1).all(axis=1)
    np.testing.assert_array_equal(ours[untied], ids[untied])
    distinct = [len(set(row.tolist())) for row in ours]
    assert distinct == [100] * n_queries


@pytest.mark.parametrize("side", [15, 16, 17])
def test_largest_contrast_is_exact_where_short_rows_end(side, rng):
    references = (rng.integers(0, 2, (700, side * side)) * 255).astype(np.uint8)
    references[:2] = [[0], [255]]
    queries = np.vstack([references[:3], references[:7] ^ 1])
    ids = np.arange(700)
    for n_queries in (1, 10):
        found = ExactSearch(references).kneighbors(queries[:n_queries], 700)
        assert_same(found, oracle(references, queries[:n_queries], 700, ids))


@pytest.mark.parametrize("largest", [1000, 1023, 1024, 1100, 2000, 3000])
def test_numbers_that_float32_no_longer_holds_are_exact(largest, rng):
    rows = rng.integers(-largest, largest + 1, (900, 4)).astype(np.int16)
    rows[:2] = [[-largest], [largest]]
    found = ExactSearch(rows).kneighbors(rows[:9], 900)
    assert_same(found, oracle(rows, rows[:9], 900, np.arange(900)))


def test_the_farthest_int8_rows_there_are_are_exact():
    for d in (64, 128, 256, 300):
        rows = np.vstack([np.full((3, d), -128), np.full((3, d), 127), np.zeros((3, d))]).astype(np.int8)
        for n_queries in (1, 9):
            found = ExactSearch(rows).kneighbors(rows[:n_queries], 9)
            assert_same(found, oracle(rows, rows[:n_queries], 9, np.arange(9)))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_batches_and_threads_change_nothing(n_jobs, rng):
    rows = rng.integers(-3, 4, (2000, 10)).astype(np.int8)
    queries = rng.integers(-3, 4, (300, 10)).astype(np.int8)
    search = ExactSearch(rows)
    whole = search.kneighbors(queries, 15, n_jobs=n_jobs)
    for size in (1, 3, 64):
        parts = [search.kneighbors(queries[i : i + size], 15, n_jobs=n_jobs) for i in range(0, 300, size)]
        assert_same([np.concatenate(part) for part in zip(*parts, strict=True)], whole)


def test_a_memory_mapped_base_finds_the_same(tmp_path, rng):
    rows = rng.integers(-127, 128, (600, 12)).astype(np.int8)
    np.save(tmp_path / "rows.npy", rows)
    mapped, held = ExactSearch(np.load(tmp_path / "rows.npy", mmap_mode="r")), ExactSearch(rows)
    for n_queries in (2, 20):
        assert_same(mapped.kneighbors(rows[:n_queries], 5), held.kneighbors(rows[:n_queries], 5))


def test_the_later_learned_comes_first_among_equals():
    for n_queries in (1, 6):
        search = ExactSearch(np.zeros((300, 4), np.int8))
        search.append(np.zeros((300, 4), np.int8))
        _, ids = search.kneighbors(np.zeros((n_queries, 4), np.int8), 600)
        np.testing.assert_array_equal(ids, np.tile(np.arange(600)[::-1], (n_queries, 1)))


@pytest.mark.parametrize("k", [99, 100, 250])
def test_many_neighbors_among_long_rows_equal_the_oracle(k, rng):
    # Bytes of 784 pixels: distances beyond 2^24, which float32 does not hold.
    references = rng.choice(np.array([0, 255], np.uint8), (400, 784))
    queries = np.concatenate([references[:3], rng.choice(np.array([0, 1, 255], np.uint8), (9, 784))])
    search = ExactSearch(references)
    search.forget(np.array([5, 399]))
    squared, ids = search.kneighbors(queries, k)
    truth = np.square(queries[:, None].astype(np.int64) - references.astype(np.int64)).sum(axis=2)
    truth[:, [5, 399]] = np.iinfo(np.int64).max
    order = np.stack([np.lexsort((-np.arange(400), row)) for row in truth])[:, :k]
    np.testing.assert_array_equal(ids, order)
    np.testing.assert_array_equal(squared, np.take_along_axis(truth, order, axis=1))
