"""What is written in pictures: a file of labels, one picture a line."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from knn_digits.errors import DataError
from knn_digits.printable import printable

__all__ = ["check_texts", "read_labels"]

_MOST_BYTES = 64 << 20
_LINE_BREAKS = ("\\n", "|")
_HEADERS = ({"name", "text"}, {"path", "text"}, {"file", "text"}, {"picture", "text"})


def read_labels(path: Path) -> dict[str, str]:
    r"""Read a file of labels.

    Each line holds the name of a picture, a tab or comma, and what is written in it. Lines in the picture are
    parted by ``|`` or a written-out ``\n``; spaces do not count. A first line ``name,text`` is a heading.

    Parameters
    ----------
    path : Path

    Returns
    -------
    texts : dict of str to str
        By name, as the file has it with ``/`` between folders; lines parted by ``\n``.

    Raises
    ------
    DataError
        Naming the first line that is wrong.
    """
    texts: dict[str, str] = {}
    for number, row in _rows(path):
        where = f"{printable(str(path))}, line {number}"
        if len(row) != 2:
            raise DataError(f"{where}: expected a name, a tab or comma, and the text; got {len(row)} columns")
        name, text = row[0].strip().replace("\\", "/").removeprefix("./"), _text(row[1])
        if not name:
            raise DataError(f"{where}: expected the name of a picture before the text {row[1]!r:.60}")
        if name in texts:
            raise DataError(f"{where}: {name!r:.200} was there before: expected every picture once")
        texts[name] = text
    if not texts:
        raise DataError(
            f"{printable(str(path))} has no labels: expected lines of a name, a tab or comma, and a text"
        )
    return texts


def check_texts(texts: Mapping[str, str], classes: Collection[Any]) -> None:
    """Refuse texts that a model of these classes can never read.

    Raises
    ------
    DataError
        Naming the first picture, or the classes, if these are not of one letter each.
    """
    letters = {str(label) for label in classes}
    if any(len(letter) != 1 for letter in letters):
        raise DataError(
            f"the model reads {', '.join(sorted(letters))[:80]}: texts are compared letter by letter, "
            "so expected a model whose classes have one letter each"
        )
    for name, text in texts.items():
        strangers = sorted(set(text) - letters - {"\n"})
        if strangers:
            raise DataError(
                f"the label of {name!r:.200} has {strangers[0]!r}, which the model cannot read: expected only "
                f"{' '.join(sorted(letters))}, with | between lines"
            )


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Lines that are not empty with their numbers, but for a heading."""
    content = _content(path)
    first = content.split("\n", 1)[0]
    reader = csv.reader(content.splitlines(keepends=True), delimiter="\t" if "\t" in first else ",", strict=True)
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if reader.line_num == 1 and {cell.strip().lower() for cell in row} in _HEADERS:
                continue
            yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{printable(str(path))}, line {reader.line_num}: not CSV: {error}") from None


def _content(path: Path) -> str:
    shown = printable(str(path))
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise DataError(f"{shown} is larger than {_MOST_BYTES >> 20} MB: expected a file of labels")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot read {shown}: {error.strerror}; expected a file of labels") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{shown} is not UTF-8 at byte {error.start:,}: save it as UTF-8 text") from None


def _text(cell: str) -> str:
    for sign in _LINE_BREAKS:
        cell = cell.replace(sign, "\n")
    lines = ("".join(line.split()) for line in cell.split("\n"))
    return "\n".join(line for line in lines if line)
