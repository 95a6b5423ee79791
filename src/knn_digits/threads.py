"""One thread pool, one knob: blocks of images run in `n_jobs` threads, each with BLAS on one.

Kernels and matrix products release the interpreter's lock. What runs in a block must give for each image what
it gives for that image alone; then answers do not depend on the number of threads or the size of blocks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

from joblib import effective_n_jobs
from threadpoolctl import OpenBLASController, ThreadpoolController

__all__ = ["blocks_of", "map_blocks", "single_threaded_blas"]

_Result = TypeVar("_Result")


def blocks_of(n: int, largest: int, n_jobs: int | None, *, smallest: int = 1) -> list[slice]:
    """Cut n rows into blocks of `largest` at most, smaller where that gives every thread something to do."""
    share = max(smallest, -(-n // _n_threads(n_jobs)))
    size = max(1, min(largest, share))
    return [slice(start, start + size) for start in range(0, max(n, 1), size)]


def map_blocks(function: Callable[[slice], _Result], blocks: list[slice], n_jobs: int | None) -> list[_Result]:
    """Call the function for every block, in threads; results in the order of the blocks.

    Parameters
    ----------
    function : callable
        Takes a slice of rows.
    blocks : list of slice
    n_jobs : int or None
        Threads, counted as joblib counts them: None is 1, -1 is all; never more than there are processors.
    """
    n_threads = min(_n_threads(n_jobs), len(blocks))
    with single_threaded_blas:
        if n_threads == 1:
            return [function(block) for block in blocks]
        pool = ThreadPoolExecutor(n_threads)
        try:
            return list(pool.map(function, blocks))
        finally:
            # After Ctrl-C, do not start what has not started.
            pool.shutdown(cancel_futures=True)


def _n_threads(n_jobs: int | None) -> int:
    wanted = effective_n_jobs(n_jobs)
    return wanted if wanted == 1 else min(wanted, _n_processors())


@cache
def _n_processors() -> int:
    return effective_n_jobs(-1)  # reads files: half a millisecond, a quarter of what an answer takes


class _SingleThreadedBlas:
    """While anyone is inside, BLAS keeps to one thread; the last one out restores what was before.

    The setting is the process's own, so calls that overlap must not each restore what they found.
    """

    def __init__(self) -> None:
        self._lock, self._users = threading.Lock(), 0
        self._libraries: ThreadpoolController | None = None
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._libraries is None:  # finding them takes milliseconds, so once
                self._libraries = ThreadpoolController().select(user_api="blas")
            if not self._users:
                _let_any_thread_limit()
                self._limit = self._libraries.limit(limits=1)
            self._users += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                _let_any_thread_limit()
                self._limit.restore_original_limits()
                _let_any_thread_limit()


def _let_any_thread_limit() -> None:
    """Release OpenBLAS from the thread that set its limit last: threadpoolctl 3.8 heeds no other one.

    Its caller holds the lock, so no two threads set limits at once.
    """
    release = getattr(OpenBLASController, "clear_controlling_thread", None)
    if release is not None:
        release(force=True)


single_threaded_blas = _SingleThreadedBlas()
