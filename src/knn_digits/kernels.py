"""`kernel`: how this package compiles its Numba kernels; `use_kernels`: when they are worth waiting for.

Kernels are serial and release the interpreter's lock (blocks of images run in threads, see `threads`), compile
when they are first called, and are kept in Numba's cache on disk. Where no folder can hold that cache (a
read-only installation without a home) they are compiled anew in every process: slower to start, never an error.
No fast-math: a sum has one order, and the answer is the same to the bit.

Importing Numba and loading what it compiled takes a third of a second, in which the kernels' twins in plain NumPy
answer over a hundred images. A process that answers a few and ends, as the command line does, is done before; one
that stays, as a server does, soon has the kernels. Which of the two answers makes no difference to the answer.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["kernel", "use_kernels"]

_log = logging.getLogger(__name__)

# What is asked of twins, in images, before kernels take over. An answer asks three of them, a contested one six.
# With twins it takes 1 ms longer, 3 ms where images come one at a time: in the end they cost as much as Numba.
# A line of 8 digits, 50 candidates of which 20 are contested, asks 210.
_ASKED_OF_TWINS = 512

_lock, _asked = threading.Lock(), 0.0


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of arrays when it is first called."""
    import numba

    try:
        return numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError as error:  # Numba's "no locator available"
        _log.info("compiled code of %s cannot be kept: %s", function.__name__, error)
        return numba.njit(nogil=True, error_model="numpy")(function)


def use_kernels(n_images: int, effort: float = 1.0) -> bool:
    """Say whether a kernel is to be used, not its twin: the one place where that is decided.

    Twins are used until this process has asked them for 512 images in all, this call's among them; from then on
    kernels, and at once where Numba was imported already. So many images at a time never meet a twin, and a server
    that answers one at a time has the kernels after its first 100 to 170 answers.

    Parameters
    ----------
    n_images : int
        Images, or vectors, that the kernel is to be called with.
    effort : float, default=1
        What one of them takes, beside an image of MNIST; less counts as 1.
    """
    global _asked
    if "numba" in sys.modules:
        return True
    with _lock:
        _asked += n_images * max(1.0, effort)
        return _asked > _ASKED_OF_TWINS
