"""MNIST: looked for in the user's folder, then in our cache, then on the mirrors."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from knn_digits.datasets.byte_progress import ByteProgress
from knn_digits.datasets.cache import cache_folder, store
from knn_digits.datasets.compression import is_gzip
from knn_digits.datasets.dataset import DigitDataset
from knn_digits.datasets.idx import read_idx
from knn_digits.datasets.mirrors import download_file, mirrors, shown
from knn_digits.datasets.mnist_files import (
    CHECKSUMS,
    NPZ_NAME,
    Arrays,
    candidates,
    check_content,
    read_checked,
    read_npz_member,
)
from knn_digits.datasets.paths import expanded, folder_from_environment, is_folder
from knn_digits.errors import DataError, DataNotFoundError, OutputError

logger = logging.getLogger(__name__)

NAME = "MNIST"
LICENCE = (
    "CC BY-SA 3.0 as Keras and TensorFlow state it (the card on Hugging Face says MIT);"
    " Y. LeCun, C. Cortes and C. J. C. Burges, from NIST Special Databases 1 and 3"
)


@dataclass(frozen=True)
class FileStatus:
    """How one of MNIST's four files is.

    Parameters
    ----------
    file : str
        Its name, without ``.gz``.
    path : Path or None
        The file that holds it, which may be Keras's npz; None where there is none.
    state : {"ok", "missing", "damaged"}
        Whether its checksum is right.
    detail : str
        For people: what is wrong, or its size.
    """

    file: str
    path: Path | None
    state: Literal["ok", "missing", "damaged"]
    detail: str


def data_folder(data_dir: str | PathLike[str] | None) -> Path | None:
    """Tell the folder the user pointed at: the argument, else ``KNN_DIGITS_DATA_DIR``, else None."""
    return expanded(data_dir) if data_dir else folder_from_environment("KNN_DIGITS_DATA_DIR")


def load_mnist(
    *,
    data_dir: str | PathLike[str] | None = None,
    download: bool = False,
    progress: ByteProgress | None = None,
) -> DigitDataset:
    """Load MNIST from the data folder, else from our cache, else from the mirrors.

    Parameters
    ----------
    data_dir : path, optional
        Where the files are; by default ``KNN_DIGITS_DATA_DIR``, where that is set.
    download : bool
        Whether the network may be used.
    progress : callable, optional
        Told about downloads; see `ByteProgress`.

    Returns
    -------
    DigitDataset
        60,000 training and 10,000 test images of 28x28 pixels.

    Raises
    ------
    DataNotFoundError
        The files are nowhere to be had.
    DataError
        A file in the data folder is damaged or another data set's. Never passed over in silence: the
        user pointed at it. A damaged file in our own cache is fetched again instead.
    """
    folder = data_folder(data_dir)
    notes: tuple[str, ...] = ()
    if folder is not None:
        try:
            return as_dataset(_read_all(folder), f"folder {folder}")
        except DataNotFoundError as error:
            notes = (f"The data folder was passed over: {error}.",)
    try:
        arrays, source = _from_cache_or_mirrors(download, progress)
    except DataNotFoundError as error:
        raise DataNotFoundError(" ".join((*notes, str(error)))) from error
    return as_dataset(arrays, source, notes)


def fetch_mnist(progress: ByteProgress | None = None) -> Path:
    """Make sure that the cache holds all of MNIST, downloading what is missing or damaged.

    Parameters
    ----------
    progress : callable, optional
        Told about downloads; see `ByteProgress`.

    Returns
    -------
    Path
        The cache folder.

    Raises
    ------
    DataNotFoundError
        No mirror could serve a file.
    OutputError
        It could not be stored.
    """
    arrays, damaged = _from_cache()
    missing = [name for name in CHECKSUMS if name not in arrays]
    if missing:
        _warn_of(damaged)
        _from_mirrors(missing, progress, must_store=True)
    return cache_folder()


def mnist_status(data_dir: str | PathLike[str] | None = None) -> list[FileStatus]:
    """Check MNIST's four files in the data folder, or in our cache where there is no data folder.

    Parameters
    ----------
    data_dir : path, optional
        As for `load_mnist`.

    Returns
    -------
    list of FileStatus
        Four, in the order training images, training labels, test images, test labels.
    """
    folder = data_folder(data_dir) or cache_folder()
    return [_status(folder, name) for name in CHECKSUMS]


def as_dataset(arrays: Arrays, source: str, notes: tuple[str, ...] = ()) -> DigitDataset:
    """Make a `DigitDataset` of four arrays whose checksums are right."""
    train_images, train_labels, test_images, test_labels = (arrays[name] for name in CHECKSUMS)
    return DigitDataset(train_images, train_labels, test_images, test_labels, NAME, source, LICENCE, notes)


def _status(folder: Path, name: str) -> FileStatus:
    path: Path | None = None
    problem = "not found"
    for path in candidates(folder, name):
        try:
            array = read_checked(path, name)
        except DataError as error:
            problem = str(error)
        else:
            return FileStatus(name, path, "ok", f"{len(array):,} items, checksum right")
    return FileStatus(name, path, "damaged" if path else "missing", problem)


def _read_all(folder: Path) -> Arrays:
    """Read all four files of a folder; missing ones are told before damaged ones."""
    if not is_folder(folder):
        raise DataNotFoundError(f"the data folder {folder} does not exist: expected one with the files of MNIST")
    missing = [name for name in CHECKSUMS if not candidates(folder, name)]
    if missing:
        raise DataNotFoundError(
            f"the data folder {folder} has no {', '.join(missing)} (plain or .gz) and no {NPZ_NAME}:"
            " add them, or do without --data-dir and KNN_DIGITS_DATA_DIR"
        )
    return {name: _read_first_good(folder, name) for name in CHECKSUMS}


def _from_cache() -> tuple[Arrays, list[str]]:
    """Read what is whole in our cache, and list what is not: it is as good as missing, and will be replaced."""
    arrays, damaged = {}, []
    for name in CHECKSUMS:
        try:
            arrays[name] = _read_first_good(cache_folder(), name)
        except DataNotFoundError:
            continue
        except DataError as error:
            logger.info("%s", error)
            damaged.append(name)
    return arrays, damaged


def _warn_of(damaged: list[str]) -> None:
    if damaged:
        logger.warning(
            "damaged or not MNIST in the cache %s, so fetched anew: %s", cache_folder(), ", ".join(damaged)
        )


def _from_cache_or_mirrors(use_network: bool, progress: ByteProgress | None) -> tuple[Arrays, str]:
    arrays, damaged = _from_cache()
    missing = [name for name in CHECKSUMS if name not in arrays]
    if not missing:
        return arrays, f"cache {cache_folder()}"
    if not use_network:
        found = f"; what the cache {cache_folder()} holds under {', '.join(damaged)} is damaged or not MNIST"
        reason = f"the network was not to be used{found if damaged else ''}"
        raise DataNotFoundError(_where_to_put(missing, reason))
    _warn_of(damaged)
    fetched, source = _from_mirrors(missing, progress, must_store=False)
    return arrays | fetched, source if len(fetched) == len(CHECKSUMS) else f"cache {cache_folder()}, {source}"


def _read_first_good(folder: Path, name: str) -> NDArray[np.uint8]:
    errors: list[DataError] = []
    for path in candidates(folder, name):
        try:
            return read_checked(path, name)
        except DataError as error:
            errors.append(error)
    raise errors[0] if errors else DataNotFoundError(f"{folder} has no {name}")


def _from_mirrors(names: Iterable[str], progress: ByteProgress | None, *, must_store: bool) -> tuple[Arrays, str]:
    """Fetch files from the first mirror that has them; the second mirror is asked only for the rest."""
    arrays: Arrays = {}
    failures, sources = [], []
    for mirror in mirrors():
        missing = [name for name in names if name not in arrays]
        try:
            for name in missing:
                if name not in arrays:
                    arrays |= _fetch(mirror, name, missing, progress, must_store)
                    sources.append(shown(mirror))
        except DataError as error:
            logger.info("%s: %s", shown(mirror), error)
            failures.append(f"{shown(mirror)}: {error}")
    missing = [name for name in names if name not in arrays]
    if missing:
        raise DataNotFoundError(_where_to_put(missing, "; ".join(failures)))
    return arrays, ", ".join(dict.fromkeys(sources))


def _fetch(mirror: str, name: str, missing: list[str], progress: ByteProgress | None, must_store: bool) -> Arrays:
    """Fetch one file, check what is in it, and only then give it its place in the cache."""
    if mirror.endswith(".npz"):
        content = download_file(mirror, NPZ_NAME, progress)
        arrays = {n: read_npz_member(BytesIO(content), "the file", n) for n in missing}
        file_name = NPZ_NAME
    else:
        content = download_file(f"{mirror}{name}.gz", name, progress)
        arrays = {name: read_idx(content, name)}
        file_name = f"{name}.gz" if is_gzip(content) else name
    for part, array in arrays.items():
        check_content(array, part, part)
    try:
        store(file_name, content)
    except OutputError as error:
        if must_store:
            raise
        logger.warning("going on without a cache: %s", error)
    return arrays


def _where_to_put(missing: list[str], reason: str) -> str:
    return (
        f"MNIST could not be had ({reason}). Expected {', '.join(missing)}, plain or .gz, or Keras's"
        f" {NPZ_NAME}: run `knn-digits data fetch` with a network, or put the files into a folder and name it with"
        " --data-dir or KNN_DIGITS_DATA_DIR"
    )
