"""How a long computation tells what it is doing, without knowing who listens."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

__all__ = ["Advance", "Progress", "SilentProgress"]

Advance = Callable[[int], object]


class Progress(Protocol):
    """Someone who listens, such as the command line's progress bars."""

    def step(self, title: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """Open a step; what it gives is called with the number of units just done, from any thread.

        Parameters
        ----------
        title : str
            For people, such as "Explore: closest pairs".
        total : int, optional
            Units of the whole step, where that is known.
        """


class SilentProgress:
    """Nobody listens."""

    def step(self, title: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """Open a step that nobody sees."""
        return nullcontext(lambda done: None)
