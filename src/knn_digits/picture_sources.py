"""From what a user names to pictures: files, folders, patterns no shell has spread out, and standard input."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from knn_digits.errors import PictureError
from knn_digits.images.reading import MOST_BYTES, SUFFIXES, Picture, one_line, read_picture
from knn_digits.printable import printable

__all__ = ["Source", "pictures_in"]

STDIN = "-"
_PATTERN = re.compile(r"[*?[]")


@dataclass(frozen=True)
class Source:
    """A picture that was named, which may not be there, or be none.

    Attributes
    ----------
    path : str
        As it is shown and stored: always UTF-8, though it may have newlines. ``-`` is standard input.
    content : Path, bytes or None
        Where it is, under its true name, or what it is; None if it cannot be had.
    error : str or None
        Why it cannot be had, in one line that names it. What is inside a picture is seen only in `read`.
    """

    path: str
    content: Path | bytes | None
    error: str | None = None

    def read(self) -> Picture:
        """Read the picture.

        Returns
        -------
        Picture

        Raises
        ------
        PictureError
            It cannot be had, is no picture, damaged or too large; one line that names it.
        """
        if self.content is None:
            raise PictureError(self.error)
        return read_picture(self.content, self.path)


def pictures_in(arguments: Sequence[str], stdin: BinaryIO) -> Iterator[Source]:
    """Find the pictures that a user named, in that order, while they are taken.

    A folder stands for the pictures in it and in its folders, 9 before 10; what is hidden or does not end as
    pictures do (`knn_digits.images.reading.SUFFIXES`) is passed over, and each folder is entered once, however
    many links lead to it. A pattern (``*``, ``?``, ``[...]``) stands for what matches it, unless there is a file
    of that name. Whatever cannot be had is a source with its error: it never loses the others.

    Parameters
    ----------
    arguments : sequence of str
        As ``sys.argv`` has them.
    stdin : binary file
        Read where an argument is ``-``; at most one byte more than a picture may have.

    Yields
    ------
    Source
    """
    for argument in arguments:
        if argument == STDIN:
            yield _from_stdin(stdin)
        elif _PATTERN.search(argument) and not os.path.lexists(argument):
            yield from _matching(argument)
        else:
            yield from _named(argument)


def _from_stdin(stdin: BinaryIO) -> Source:
    try:
        return Source(STDIN, stdin.read(MOST_BYTES + 1))
    except (OSError, ValueError) as error:  # ValueError: it is closed
        return _failed(STDIN, f"cannot be read: {getattr(error, 'strerror', None) or error}")


def _matching(pattern: str) -> Iterator[Source]:
    matches: list[str] = []
    with suppress(OSError, ValueError, re.error):
        matches = sorted(glob.glob(pattern), key=_natural)  # noqa: PTH207 - the paths are to be shown as typed
    if not matches:
        yield _failed(pattern, "matches no file: expected a picture, a folder or a pattern")
    for match in matches:
        yield from _named(match)


def _named(name: str) -> Iterator[Source]:
    try:
        is_folder = bool(name) and Path(name).is_dir()
        os.stat(name)  # noqa: PTH116 - Path("") is the current folder
    except (OSError, ValueError) as error:
        yield _failed(name, f"cannot be read: {getattr(error, 'strerror', None) or error}")
        return
    if is_folder:
        yield from _in_folder(name)
    else:
        yield _found(name)


def _in_folder(top: str) -> Iterator[Source]:
    """Walk depth first, with a stack of our own: folders can lie deeper than Python recurses."""
    entered: set[tuple[int, int]] = set()
    stack, found_any = [top], False
    while stack:
        name = stack.pop()
        if name != top and not _is_folder(name):
            if Path(name).suffix.lower() in SUFFIXES:
                found_any = True
                yield _found(name)
            continue
        try:
            stack += reversed(_entries(name, entered))
        except OSError as error:
            found_any = True
            yield _failed(name, f"cannot be read: {error.strerror or error}")
    if not found_any:
        yield _failed(top, f"holds no pictures: expected files that end in {', '.join(sorted(SUFFIXES))}")


def _entries(folder: str, entered: set[tuple[int, int]]) -> list[str]:
    """What is visible in a folder, sorted; nothing if it was entered before."""
    status = os.stat(folder)  # noqa: PTH116
    if (status.st_dev, status.st_ino) in entered:
        return []
    entered.add((status.st_dev, status.st_ino))
    names = sorted((name for name in os.listdir(folder) if not name.startswith(".")), key=_natural)  # noqa: PTH208
    return [os.path.join(folder, name) for name in names]  # noqa: PTH118 - keeps ./ as it was typed


def _is_folder(name: str) -> bool:
    return os.path.isdir(name)  # noqa: PTH112 - Path.is_dir raises in a folder we may not enter


def _natural(name: str) -> tuple[list[str | int], str]:
    """Order by numbers as numbers, then by names without regard to case."""
    parts = re.split(r"(\d+)", name.casefold())
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name


def _found(name: str) -> Source:
    return Source(printable(name), Path(name))


def _failed(name: str, why: str) -> Source:
    return Source(printable(name), None, f"{one_line(name) or 'an empty name'} {why}")
