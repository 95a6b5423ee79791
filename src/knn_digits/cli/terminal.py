"""Progress bars on stderr and tables on stdout. Bars only on a terminal; tables also when piped."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from knn_digits.progress import Advance

if TYPE_CHECKING:
    from knn_digits.datasets import ByteProgress

Justification = Literal["left", "right"]

__all__ = ["TerminalProgress", "print_table", "progress_on_stderr"]


class TerminalProgress:
    """Bars with the time left, one a step, on stderr; see `knn_digits.progress.Progress`.

    A step whose size is not known pulses; one that is done shows how long it took.
    """

    def __init__(self, bars: Any, console: Any) -> None:
        self._bars, self._console = bars, console

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Advance]:
        """Open a step with a bar of its own."""
        task = self._bars.add_task(title, total=total)
        yield lambda done: self._bars.advance(task, done)
        # A step that never knew its total is full when it ends.
        self._bars.update(task, total=total or 1, completed=total or 1)

    @contextmanager
    def download(self, title: str) -> Iterator[ByteProgress]:
        """Open a step that counts bytes, as `load_dataset` tells them."""
        task = self._bars.add_task(title, total=None)

        def told(done: int, total: int | None, description: str) -> None:
            self._bars.update(task, completed=done, total=total, description=description)

        yield told
        self._bars.update(task, total=1, completed=1, description=title)

    def note(self, text: str) -> None:
        """Say something on stderr, above the bars."""
        self._console.print(text, style="yellow", markup=False, highlight=False)


@contextmanager
def progress_on_stderr() -> Iterator[TerminalProgress]:
    """Show bars while the block runs; nothing but notes where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True, soft_wrap=not sys.stderr.isatty())
    off, both = not console.is_terminal, sys.stdout.isatty()  # what is piped stays in its pipe
    with Progress(*_columns(), console=console, disable=off, redirect_stdout=both) as bars:
        yield TerminalProgress(bars, console)


def _columns() -> Sequence[Any]:
    """Say what stands in a line: done or not, the step, its bar, the time it took and the time left."""
    from rich.progress import BarColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.text import Text

    class TimeLeft(TimeRemainingColumn):
        """The time left while there is any to tell."""

        def render(self, task: Task) -> Text:
            told = not task.finished and task.total is not None
            return super().render(task).append(" left") if told else Text()

    return (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TimeLeft(),
    )


def print_table(title: str, columns: Sequence[tuple[str, Justification]], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout.

    Parameters
    ----------
    title : str
    columns : sequence of (heading, justification)
    rows : sequence of sequences of str
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from knn_digits.printable import printable

    table = Table(title=Text(printable(title), "bold"), box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.show_header = any(heading for heading, _ in columns)
    for heading, justification in columns:
        table.add_column(heading, justify=justification, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    # Paths and hashes stay whole, to be copied: a terminal that is too narrow wraps them itself.
    Console(highlight=False, width=10_000).print(table)
