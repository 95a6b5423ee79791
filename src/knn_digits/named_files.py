"""A file for each of many pictures in one folder: names that never clash, and never take somebody's file.

A file of ours from an earlier time is known by its mark and replaced; beside any other, a number goes to the name.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from pathlib import Path

from knn_digits.output_folder import replaced_file, resolved, writing
from knn_digits.printable import printable

__all__ = ["NamedFiles", "read_from"]

_MARKED_WITHIN = 4096  # bytes at the start of a file
_NOT_IN_NAMES = re.compile(r"[^\w.()+=@-]+")
_LONGEST = 80  # letters


class NamedFiles:
    """Writes files into a folder, each named after the picture that it belongs to.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    suffix : str
        Such as ``".png"``.
    mark : bytes
        What the first 4 KB of all these files hold, and of no others.

    Raises
    ------
    OutputError
        If the folder cannot be made.
    """

    def __init__(self, folder: Path, suffix: str, mark: bytes) -> None:
        self.folder, self._suffix, self._mark = resolved(folder), suffix, mark
        self._used: dict[str, int] = {}  # by base name, so that 10,000 pictures of one name take no 10,000 looks
        self._taken: set[str] = set()
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, path: str, content: bytes) -> Path:
        """Write the file that belongs to the picture at a path; returns where it is.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        target = self._free(_base_name(path))
        with replaced_file(target) as aside:
            aside.write_bytes(content)
        return target

    def _free(self, base: str) -> Path:
        number = self._used.get(base.casefold(), 0)
        while True:
            number += 1
            name = (base if number == 1 else f"{base}-{number}") + self._suffix
            target = self.folder / name
            if name.casefold() not in self._taken and (not os.path.lexists(target) or self._is_ours(target)):
                break
        self._used[base.casefold()] = number
        self._taken.add(name.casefold())
        return target

    def _is_ours(self, path: Path) -> bool:
        try:
            with path.open("rb") as file:
                return path.is_file() and not path.is_symlink() and self._mark in file.read(_MARKED_WITHIN)
        except OSError:
            return False


def read_from(folder: Path, arguments: Sequence[str]) -> bool:
    """Tell whether pictures that are named by arguments lie in a folder, or are looked for there.

    Parameters
    ----------
    folder : Path
    arguments : sequence of str
        Files, folders and patterns.
    """
    here = resolved(folder)
    for argument in arguments:
        path = resolved(Path(argument))
        if path.is_dir():
            if here.is_relative_to(path):
                return True
        elif here == path.parent or here in map(_folder_of, glob.iglob(argument)):  # noqa: PTH207 - may be absolute
            return True
    return False


def _folder_of(path: str) -> Path:
    return resolved(Path(path)).parent


def _base_name(path: str) -> str:
    """Name a picture by letters that any file system takes."""
    name = os.path.splitext(os.path.basename(printable(path)))[0]  # noqa: PTH119, PTH122 - a text, no path of ours
    return _NOT_IN_NAMES.sub("_", "stdin" if path == "-" else name).strip("._")[:_LONGEST] or "picture"
