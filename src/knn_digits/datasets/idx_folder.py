"""A folder with a set of four IDX files, named as MNIST and its relatives name them."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.datasets.dataset import DigitDataset
from knn_digits.datasets.idx import idx_sha256, read_idx
from knn_digits.datasets.mnist import as_dataset
from knn_digits.datasets.mnist_files import CHECKSUMS
from knn_digits.datasets.paths import is_folder, own_name
from knn_digits.errors import DataError, DataNotFoundError

# "emnist-digits-train-images-idx3-ubyte.gz" is the set "emnist-digits", part "train", kind "images".
_FILE_NAME = re.compile(
    r"(?P<set>.*?)[-_.]?(?P<part>train|test|t10k)[-_.](?P<kind>images|labels)[-_.]idx\d[-_.](ubyte|int)(\.gz)?",
    re.IGNORECASE,
)
_ROLES = (("train", "images"), ("train", "labels"), ("test", "images"), ("test", "labels"))
_TEN_CLASSES = ("", "mnist", "emnist-digits", "emnist-mnist", "qmnist", "fashion-mnist", "kmnist")
_LICENCES = {"qmnist": "BSD-style; C. Yadav and L. Bottou, QMNIST, 2019"}
_UNKNOWN_LICENCE = "not stated; ask where the folder came from"

Role = tuple[str, str]


def find_idx_sets(folder: Path) -> dict[str, dict[Role, Path]]:
    """Find the IDX sets of a folder by the names of its files.

    Returns
    -------
    dict
        From the set's name, "" for MNIST's plain file names, to its files by role, such as
        ``("train", "images")``. A plain file is preferred to its gzip-compressed twin. Empty where
        there is no such folder.
    """
    sets: dict[str, dict[Role, Path]] = {}
    if not is_folder(folder):
        return sets
    for path in _sorted_files(folder):
        match = _FILE_NAME.fullmatch(path.name)
        if match:
            part = match["part"].lower().replace("t10k", "test")
            sets.setdefault(match["set"].lower(), {}).setdefault((part, match["kind"].lower()), path)
    return sets


def load_idx_folder(path: Path) -> DigitDataset:
    """Load the one IDX set of a folder, or of several the one named by ``folder/set``.

    EMNIST stores its images transposed; they are turned to stand like MNIST's. QMNIST's labels are
    rows of eight numbers of which the first is the class.

    Parameters
    ----------
    path : Path
        The folder, or the folder and the name of a set in it.

    Returns
    -------
    DigitDataset
        Called MNIST, with its licence, where all four checksums agree.

    Raises
    ------
    DataError
        Several sets and none named, a file missing, damaged or swapped, or labels out of range.
    """
    set_name, files = _choose_set(path)
    arrays = {role: _read(files[role], role) for role in _ROLES}
    if [idx_sha256(array) if array.dtype == np.uint8 else "" for array in arrays.values()] == [
        *CHECKSUMS.values()
    ]:
        return as_dataset(dict(zip(CHECKSUMS, arrays.values(), strict=True)), f"folder {path}")
    notes: tuple[str, ...] = ()
    if set_name.startswith("emnist"):
        arrays = {role: np.swapaxes(a, 1, 2) if a.ndim == 3 else a for role, a in arrays.items()}
        notes = ("EMNIST stores its images transposed; they were turned to stand like MNIST's.",)
    for role in (r for r in _ROLES if r[1] == "labels"):
        _check_range(arrays[role], files[role], set_name)
    train_images, train_labels, test_images, test_labels = (arrays[role] for role in _ROLES)
    return DigitDataset(
        train_images,
        train_labels,
        test_images,
        test_labels,
        name=own_name(set_name or path.resolve().name),
        source=f"folder {path}",
        licence=_LICENCES.get(set_name, _UNKNOWN_LICENCE),
        notes=notes,
    )


def _choose_set(path: Path) -> tuple[str, dict[Role, Path]]:
    sets = find_idx_sets(path)
    if not sets:
        sets = {name: files for name, files in find_idx_sets(path.parent).items() if name == path.name}
    if len(sets) > 1:
        names = sorted(name or "(MNIST's plain names)" for name in sets)
        last = max(sets)
        raise DataError(
            f"{path} holds {len(sets)} data sets, {', '.join(names)}: name one of them, as in {path / last}"
        )
    ((set_name, files),) = sets.items()
    missing = [" ".join(role) for role in _ROLES if role not in files]
    if missing:
        raise DataNotFoundError(f"{path}: the IDX set lacks its {', '.join(missing)}: expected all four files")
    return set_name, files


def _read(path: Path, role: Role) -> NDArray[Any]:
    array = read_idx(path)
    kind = role[1]
    if kind == "labels" and array.ndim == 2 and array.shape[1] == 8:
        array = array[:, 0]  # QMNIST: class, series, writer, ...
    if array.ndim != (3 if kind == "images" else 1):
        got = {1: "labels", 3: "images"}.get(array.ndim, "neither images nor labels")
        raise DataError(f"{path} should hold {kind} but holds {got} {array.shape}: were the files swapped?")
    return array


def _check_range(labels: NDArray[Any], path: Path, set_name: str) -> None:
    """Refuse labels a set of ten classes cannot have; sets we don't know may have any."""
    wrong = np.flatnonzero((labels < 0) | (labels > 9))
    if set_name in _TEN_CLASSES and len(wrong):
        raise DataError(
            f"{path}: expected labels 0 to 9, got {labels[wrong[0]]} at item {wrong[0]}: fetch it again"
        )


def _sorted_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror or error}") from error
