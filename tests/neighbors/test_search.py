"""The search against oracles that are not ours: integer arithmetic and scikit-learn."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numba  # noqa: F401 - kernels are used where it is there
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_info

from knn_digits.neighbors import ExactSearch


def oracle(references, queries, k):
    """All distances as whole numbers, sorted by (distance, later first)."""
    r, q = references.astype(object), queries.astype(object)
    squared = np.array([[int(((a - b) ** 2).sum()) for b in r] for a in q])
    ids = np.arange(len(references))
    order = np.array([np.lexsort((-ids, row)) for row in squared])[:, :k]
    return np.take_along_axis(squared, order, 1), order


def float64_oracle(references, queries, k):
    """The same by one float64 product: exact for pixels, as all partial sums are whole and below 2^53."""
    r, q = references.astype(np.float64), queries.astype(np.float64)
    squared = (q * q).sum(1)[:, None] + (r * r).sum(1)[None] - 2 * (q @ r.T)
    ids = np.arange(len(references))
    order = np.array([np.lexsort((-ids, row))[:k] for row in squared])
    return np.take_along_axis(squared, order, 1), order


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 40),
    d=st.integers(1, 12),
    dtype=st.sampled_from([np.uint8, np.int16]),
    levels=st.sampled_from([1, 2, 4, 255]),
    data=st.data(),
)
def test_whole_numbers_equal_the_oracle_ties_included(seed, n, d, dtype, levels, data):
    rng = np.random.default_rng(seed)
    scale = 255 // levels if dtype == np.uint8 else 4000 // levels
    references = (rng.integers(0, levels + 1, (n, d)) * scale).astype(dtype)
    queries = (rng.integers(0, levels + 1, (5, d)) * scale).astype(dtype)
    k = data.draw(st.integers(1, n))
    squared, ids = ExactSearch(references).kneighbors(queries, k)
    expected, expected_ids = oracle(references, queries, k)
    assert squared.dtype == np.int64
    np.testing.assert_array_equal(squared, expected)
    np.testing.assert_array_equal(ids, expected_ids)


@pytest.mark.parametrize("side", [28, 32, 33, 64])
def test_largest_contrast_is_exact_at_any_image_size(side, rng):
    # Black against white is where rounding would show first; beyond 32x32 float32 no longer suffices.
    references = (rng.integers(0, 2, (300, side * side)) * 255).astype(np.uint8)
    references[0] = 0
    queries = np.vstack([np.full(side * side, 255, np.uint8), references[:20] ^ 1])
    squared, ids = ExactSearch(references).kneighbors(queries, 7)
    expected, expected_ids = float64_oracle(references, queries, 7)
    np.testing.assert_array_equal(squared, expected.astype(np.int64))
    np.testing.assert_array_equal(ids, expected_ids)


def test_the_widest_16_bit_numbers_are_exact(rng):
    references = rng.integers(-32768, 32768, (200, 50)).astype(np.int16)
    squared, ids = ExactSearch(references).kneighbors(references[:9], 4)
    expected, expected_ids = float64_oracle(references, references[:9], 4)
    np.testing.assert_array_equal(squared, expected.astype(np.int64))
    np.testing.assert_array_equal(ids, expected_ids)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_floats_agree_with_scikit_learn(dtype, offset, rng):
    references = (rng.normal(size=(2500, 30)) + offset).astype(dtype)
    queries = (rng.normal(size=(50, 30)) + offset).astype(dtype)
    squared, ids = ExactSearch(references).kneighbors(queries, 8)
    # kd_tree sums differences, so that it does not lose digits to cancellation as the product does.
    theirs = NearestNeighbors(n_neighbors=8, algorithm="kd_tree").fit(references.astype(np.float64))
    distances, their_ids = theirs.kneighbors(queries.astype(np.float64))
    np.testing.assert_array_equal(ids, their_ids)
    np.testing.assert_allclose(np.sqrt(squared), distances, rtol=1e-12)


def test_whole_numbers_stored_as_floats_find_the_same(rng):
    references = rng.integers(0, 3, (3000, 16)).astype(np.uint8)
    queries = rng.integers(0, 3, (40, 16)).astype(np.uint8)
    expected = ExactSearch(references).kneighbors(queries, 9)
    for r, q in [(np.float64, np.float64), (np.float32, np.float32), (np.uint8, np.float64)]:
        squared, ids = ExactSearch(references.astype(r)).kneighbors(queries.astype(q), 9)
        np.testing.assert_array_equal(squared, expected[0])
        np.testing.assert_array_equal(ids, expected[1])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_batches_and_threads_change_nothing(dtype, rng):
    references = (rng.random((5000, 64)) * 255).astype(dtype)
    queries = (rng.random((2300, 64)) * 255).astype(dtype)
    search = ExactSearch(references)
    squared, ids = search.kneighbors(queries, 5)
    for n_jobs, batch in [(2, 2300), (3, 700), (1, 1)]:
        some = queries[:60] if batch == 1 else queries
        parts = [search.kneighbors(some[i : i + batch], 5, n_jobs=n_jobs) for i in range(0, len(some), batch)]
        np.testing.assert_array_equal(np.concatenate([p[0] for p in parts]), squared[: len(some)])
        np.testing.assert_array_equal(np.concatenate([p[1] for p in parts]), ids[: len(some)])


def test_order_of_floats_as_references_does_not_change_distances(rng):
    references, queries = rng.random((3000, 20)), rng.random((30, 20))
    order = rng.permutation(3000)
    squared, ids = ExactSearch(references).kneighbors(queries, 6)
    shuffled, shuffled_ids = ExactSearch(references[order]).kneighbors(queries, 6)
    np.testing.assert_array_equal(shuffled, squared)
    np.testing.assert_array_equal(order[shuffled_ids], ids)


def test_the_later_learned_comes_first_among_equals():
    search = ExactSearch(np.zeros((3, 4), np.uint8))
    search.append(np.zeros((2, 4), np.uint8))
    _, ids = search.kneighbors(np.zeros((1, 4), np.uint8), 5)
    assert ids.tolist() == [[4, 3, 2, 1, 0]]


@pytest.mark.parametrize(
    ("n_queries", "d", "way"), [(3, 8, "_scan"), (9, 8, "_search_in_kernel"), (9, 784, "_search_in_kernel")]
)
def test_very_many_neighbors_leave_the_kernel_and_are_the_same(n_queries, d, way, rng, monkeypatch):
    taken = []

    def noted(name):
        original = getattr(ExactSearch, name)

        def search(self, *arguments):
            taken.append(name)
            return original(self, *arguments)

        monkeypatch.setattr(ExactSearch, name, search)

    for name in ("_scan", "_search_in_kernel", "_search_block"):
        noted(name)
    references = rng.integers(-128, 128, (2300, d)).astype(np.int8)
    references[1000:1400] = references[:400]  # ties
    search = ExactSearch(references)
    expected, expected_ids = float64_oracle(references, references[:n_queries], 2001)
    for k in (2000, 2001):
        squared, ids = search.kneighbors(references[:n_queries], k)
        assert squared.dtype == np.int64
        np.testing.assert_array_equal(squared, expected[:, :k])
        np.testing.assert_array_equal(ids, expected_ids[:, :k])
    assert taken == [way, "_search_block"]


def test_learning_and_forgetting_equals_never_having_learned(rng):
    everything = rng.integers(0, 3, (2600, 9)).astype(np.uint8)
    queries = rng.integers(0, 3, (50, 9)).astype(np.uint8)
    search = ExactSearch(everything[:1500])
    before = search.kneighbors(queries, 7)
    ids = search.append(everything[1500:])
    assert ids.tolist() == list(range(1500, 2600))
    np.testing.assert_array_equal(
        search.kneighbors(queries, 7)[1], ExactSearch(everything).kneighbors(queries, 7)[1]
    )
    search.forget(ids)
    for found, expected in zip(search.kneighbors(queries, 7), before, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert len(search) == 1500
    assert search.append(everything[:1]).tolist() == [2600], "a forgotten id came back"


def test_forgotten_references_are_never_found(rng):
    references = rng.integers(0, 9, (2500, 6)).astype(np.uint8)
    search = ExactSearch(references)
    gone = rng.choice(2500, 2400, replace=False)
    search.forget(gone)
    kept = np.setdiff1d(np.arange(2500), gone)
    squared, ids = search.kneighbors(references[:20], 100)
    expected, positions = float64_oracle(references[kept], references[:20], 100)
    np.testing.assert_array_equal(squared, expected)
    np.testing.assert_array_equal(ids, kept[positions])


@pytest.mark.parametrize("ids", [[7], [-1], [0.5], [[99]]])
def test_forgetting_what_is_not_there_is_refused(ids):
    search = ExactSearch(np.zeros((3, 2), np.uint8))
    with pytest.raises(ValueError, match="id"):
        search.forget(np.array(ids))
    assert len(search) == 3


def test_forgetting_twice_is_refused_and_changes_nothing():
    search = ExactSearch(np.zeros((3, 2), np.uint8))
    search.forget(np.array([1]))
    with pytest.raises(ValueError, match="forgotten already"):
        search.forget(np.array([0, 1]))
    assert search.forgotten.tolist() == [1]


@pytest.mark.parametrize("k", [0, 4])
def test_more_neighbors_than_references_are_refused(k):
    with pytest.raises(ValueError, match="n_neighbors"):
        ExactSearch(np.zeros((3, 2), np.uint8)).kneighbors(np.zeros((1, 2), np.uint8), k)


def test_float_rows_widen_whole_number_references(rng):
    search = ExactSearch(np.array([[0, 0], [9, 9]], np.uint8))
    search.append(np.array([[0.25, 0.0]]))
    squared, ids = search.kneighbors(np.array([[0.25, 0.0]]), 3)
    assert ids.tolist() == [[2, 0, 1]]
    np.testing.assert_allclose(squared, [[0, 0.0625, 8.75**2 + 81]])


def test_a_memory_mapped_base_is_searched_and_left_as_it_was(tmp_path, rng):
    references = rng.integers(0, 256, (1200, 10)).astype(np.uint8)
    np.save(tmp_path / "base.npy", references)
    search = ExactSearch(np.load(tmp_path / "base.npy", mmap_mode="r"))
    search.append(references[:3])
    _, ids = search.kneighbors(references[:3], 2)
    assert ids.tolist() == [[1200, 0], [1201, 1], [1202, 2]]
    np.testing.assert_array_equal(np.load(tmp_path / "base.npy"), references)


def test_progress_counts_every_query(rng):
    told = []
    queries = rng.integers(0, 9, (2500, 4)).astype(np.uint8)
    ExactSearch(queries).kneighbors(queries, 1, n_jobs=2, progress=told.append)
    assert sum(told) == 2500


def same_as_oracle_on_mnist(mnist, n_queries, k=25):
    train = mnist.train_images.reshape(len(mnist.train_images), -1)
    test = mnist.test_images.reshape(len(mnist.test_images), -1)[:n_queries]
    squared, ids = ExactSearch(train).kneighbors(test, k, n_jobs=-1)
    for first in range(0, n_queries, 100):
        expected, expected_ids = float64_oracle(train, test[first : first + 100], k)
        np.testing.assert_array_equal(squared[first : first + 100], expected)
        np.testing.assert_array_equal(ids[first : first + 100], expected_ids)


def test_300_queries_among_60000_equal_the_oracle(mnist):
    same_as_oracle_on_mnist(mnist, 300)


@pytest.mark.slow
def test_all_test_images_equal_the_oracle(mnist):
    same_as_oracle_on_mnist(mnist, 10_000)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-30, 1e-22, 1e-10, 1e10, 1e30])
def test_the_unit_of_floats_does_not_matter(dtype, scale, rng):
    unit = 2.0 ** round(np.log2(scale))  # a power of two, so that scaling rounds nothing
    references, queries = rng.normal(size=(1500, 20)).astype(dtype), rng.normal(size=(40, 20)).astype(dtype)
    expected = ExactSearch(references).kneighbors(queries, 5)[1]
    scaled = ExactSearch(references * dtype(unit)).kneighbors(queries * dtype(unit), 5)[1]
    np.testing.assert_array_equal(scaled, expected)


@pytest.mark.parametrize("scale", [1e-160, 1e153])
def test_numbers_whose_squares_leave_the_range_of_floats_are_refused(scale, rng):
    numbers = rng.normal(size=(50, 5))
    with pytest.raises(ValueError, match="too large or too small"):
        ExactSearch(numbers * scale)
    if scale > 1:  # small ones have their center, that of the references, taken from them
        with pytest.raises(ValueError, match="too large or too small"):
            ExactSearch(numbers).kneighbors(numbers * scale, 1)


def test_threads_of_blas_are_what_they_were_after_calls_that_overlap(rng):
    def threads():
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    before = threads()
    search = ExactSearch(rng.integers(0, 256, (9000, 300)).astype(np.uint8))
    queries = rng.integers(0, 256, (3000, 300)).astype(np.uint8)
    with ThreadPoolExecutor(3) as pool:
        # Of different lengths, so that the first to begin is not the last to end.
        list(pool.map(lambda n: search.kneighbors(queries[:n], 3), [3000, 30, 1500, 10, 600]))
    assert threads() == before


def test_searching_while_another_thread_learns(rng):
    rows = rng.integers(0, 256, (400, 30)).astype(np.uint8)
    search = ExactSearch(rows[:100])
    done = threading.Event()

    def ask():
        while not done.is_set():
            squared, ids = search.kneighbors(rows[:5], 3)
            assert (ids >= 0).all()
            assert (squared[:, 0] == 0).all()

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        for row in np.repeat(rows[100:], 3, axis=0):
            search.append(row[None])
        done.set()
        for asked in asking:
            asked.result()


def test_many_identical_references_take_no_longer_than_different_ones(rng):
    different = rng.integers(0, 256, (20_000, 100)).astype(np.uint8)
    queries = different[:500]

    def seconds(references):
        search = ExactSearch(references)
        times = []
        for _ in range(3):
            begin = time.perf_counter()
            search.kneighbors(queries, 5)
            times.append(time.perf_counter() - begin)
        return min(times)

    assert seconds(np.repeat(different[:1], 20_000, axis=0)) < 20 * seconds(different)


def test_forgetting_nothing_is_nothing():
    search = ExactSearch(np.zeros((3, 2), np.uint8))
    search.forget(np.array([]))
    assert len(search) == 3


def test_whole_numbers_that_join_floats_are_as_near_as_they_are(rng):
    search = ExactSearch(rng.random((6, 64)))  # its center is no whole number
    tail = rng.integers(0, 2, (60, 64), np.uint8)
    search.append(tail)
    references = np.concatenate([search.references.to_array()[:6], tail.astype(float)])
    queries = rng.random((300, 64))
    truth = np.square(queries[:, None] - references).sum(axis=2)
    _, ids = search.kneighbors(queries, 3)
    np.testing.assert_array_equal(ids, np.argsort(truth, axis=1, kind="stable")[:, :3])
