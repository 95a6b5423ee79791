"""`kernel`: how this package compiles its Numba kernels.

Kernels are serial and release the interpreter's lock (blocks of images run in threads, see `threads`), compile
when they are first called, and are kept in Numba's cache on disk. Where no folder can hold that cache (a
read-only installation without a home) they are compiled anew in every process: slower to start, never an error.
No fast-math: a sum has one order, and the answer is the same to the bit.
"""

import logging
from collections.abc import Callable
from typing import Any

import numba

__all__ = ["kernel"]

_log = logging.getLogger(__name__)


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of arrays when it is first called."""
    try:
        return numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError as error:  # Numba's "no locator available"
        _log.info("compiled code of %s cannot be kept: %s", function.__name__, error)
        return numba.njit(nogil=True, error_model="numpy")(function)
