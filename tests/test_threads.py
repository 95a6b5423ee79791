"""Blocks of rows, run in threads: nothing lost, nothing twice, in order."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from knn_digits.threads import blocks_of, map_blocks


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@given(st.integers(0, 3000), st.integers(1, 1500), st.sampled_from([None, 1, 2, 3, -1]), st.integers(1, 100))
def test_blocks_hold_every_row_once_in_order(n, largest, n_jobs, smallest):
    blocks = blocks_of(n, largest, n_jobs, smallest=smallest)
    rows = np.arange(n)
    np.testing.assert_array_equal(np.concatenate([rows[block] for block in blocks]), rows)
    assert all(len(rows[block]) <= largest for block in blocks)
    assert all(len(rows[block]) >= min(smallest, largest) for block in blocks[:-1])


def test_two_threads_get_a_block_each():
    assert len(blocks_of(100, 1000, 1)) == 1
    n_threads = len(blocks_of(100, 1000, -1))
    assert len(blocks_of(100, 1000, 2)) == min(2, n_threads)
    assert len(blocks_of(100, 1000, 2, smallest=100)) == 1


def test_no_rows_are_one_empty_block():
    assert [len(np.arange(0)[block]) for block in blocks_of(0, 10, 2)] == [0]


@pytest.mark.parametrize("n_jobs", [None, 1, 2, -1])
def test_results_come_in_the_order_of_blocks(n_jobs):
    def late(block):
        time.sleep(0.002 * (10 - block.start))  # the first ends last
        return block.start

    assert map_blocks(late, blocks_of(10, 1, n_jobs), n_jobs) == list(range(10))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_in_a_block_is_the_callers_and_the_rest_is_not_begun(n_jobs):
    begun = []

    def fails(block):
        begun.append(block.start)
        time.sleep(0.01)
        if block.start == 1:
            raise KeyError("block one")

    with pytest.raises(KeyError, match="block one"):
        map_blocks(fails, blocks_of(200, 1, n_jobs), n_jobs)
    assert len(begun) < 100


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_blas_has_one_thread_inside_and_what_it_had_afterwards(n_jobs):
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        inside = map_blocks(lambda _: blas_threads(), blocks_of(4, 1, n_jobs), n_jobs)
        assert inside == [[1] * len(before)] * 4
        assert blas_threads() == before
        with pytest.raises(ZeroDivisionError):
            map_blocks(lambda _: 1 / 0, blocks_of(4, 1, n_jobs), n_jobs)
        assert blas_threads() == before


def test_blas_has_one_thread_inside_whichever_thread_calls():
    before = blas_threads()
    map_blocks(lambda _: None, [slice(0, 1)], 1)
    with ThreadPoolExecutor(1) as pool:
        inside = pool.submit(map_blocks, lambda _: blas_threads(), [slice(0, 1)], 1).result()
    assert inside == [[1] * len(before)]
    assert blas_threads() == before


def test_of_calls_that_overlap_the_last_one_out_restores_blas():
    before = blas_threads()
    first_is_in, second_is_in, first_is_out = (threading.Event() for _ in range(3))

    def first(_):
        first_is_in.set()
        assert second_is_in.wait(10)

    def second(_):
        second_is_in.set()
        assert first_is_out.wait(10)
        return blas_threads()

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(map_blocks, first, [slice(0, 1)], 1)
        assert first_is_in.wait(10)
        other = pool.submit(map_blocks, second, [slice(0, 1)], 1)
        one.result()
        first_is_out.set()
        assert other.result() == [[1] * len(before)]
        assert blas_threads() == before


def test_a_block_may_ask_for_blocks_itself():
    def inner(block):
        return sum(map_blocks(lambda b: b.start, blocks_of(5, 1, 2), 2)) + block.start

    assert map_blocks(inner, blocks_of(3, 1, 2), 2) == [10, 11, 12]


def test_no_threads_at_all_are_refused():
    with pytest.raises(ValueError, match="n_jobs"):
        map_blocks(lambda _: None, [slice(0, 1)], 0)
