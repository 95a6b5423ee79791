"""`read_only`: arrays as kernels take them."""

from numpy.typing import NDArray

__all__ = ["read_only"]


def read_only(array: NDArray) -> NDArray:
    """View an array as one that must not be written to, as memory-mapped ones are.

    To Numba the two are different types: a kernel that is always given this one is compiled once.
    """
    view = array.view()
    view.flags.writeable = False
    return view
