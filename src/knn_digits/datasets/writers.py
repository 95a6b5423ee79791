"""Who wrote which training image, so that folds can be cut of whole writers."""

from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.datasets.compression import open_plain_or_gzip, read_up_to
from knn_digits.datasets.paths import expanded
from knn_digits.errors import DataError

_MAX_BYTES = 64 << 20
_QMNIST_COLUMNS = 8
_QMNIST_WRITER = 2


def read_groups(path: str | PathLike[str], n: int) -> NDArray[Any]:
    """Read one group, usually the writer, for each training image.

    Parameters
    ----------
    path : path
        A text file, plain or gzip-compressed, with one id per line; or QMNIST's label file,
        ``qmnist-train-labels.tsv.gz``: tab-separated, eight columns, the third is the writer.
    n : int
        How many training images there are.

    Returns
    -------
    ndarray of int64 or str, shape (n,)
        int64 where all ids are whole numbers.

    Raises
    ------
    DataError
        The file cannot be read, is not text, or has not exactly one id for each image.
    """
    lines = _read_lines(str(path), path)
    if len(lines) != n:
        raise DataError(
            f"{path} has {len(lines):,} lines, expected {n:,}: one for each training image, in their order"
        )
    ids = [_id_of(line, number, str(path)) for number, line in enumerate(lines, start=1)]
    try:
        return np.array([int(i) for i in ids], dtype=np.int64)
    except (ValueError, OverflowError):
        return np.array(ids)


def _read_lines(name: str, path: str | PathLike[str]) -> list[str]:
    with open_plain_or_gzip(expanded(path), name) as stream:
        content = read_up_to(stream, _MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise DataError(f"{name} has more than {_MAX_BYTES >> 20} MB, expected a text file with one id per line")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not a text file, expected one id per line") from error
    if not text.strip():
        raise DataError(f"{name} is empty, expected one id per line")
    if "\0" in text:
        raise DataError(f"{name} is not a text file, expected one id per line")
    return text.rstrip().splitlines()


def _id_of(line: str, number: int, name: str) -> str:
    columns = line.split("\t")
    if len(columns) not in (1, _QMNIST_COLUMNS):
        raise DataError(
            f"{name}, line {number}: expected one id, or the {_QMNIST_COLUMNS} columns of QMNIST,"
            f" got {len(columns)} columns"
        )
    value = columns[_QMNIST_WRITER if len(columns) > 1 else 0].strip()
    if not value:
        raise DataError(f"{name}, line {number} is empty, expected an id")
    return value
