"""How reading and downloading tell how far they are: in bytes, with a word for what is being done.

Not `knn_digits.progress.Progress`, which names the steps of a computation: here one step counts bytes of
files whose number and size may be unknown.
"""

from collections.abc import Callable

__all__ = ["ByteProgress"]

ByteProgress = Callable[[int, int | None, str], None]
"""Called with bytes done, bytes in all (None where that is unknown), and what is being done."""
