"""A folder with one folder of pictures per class, with or without a split of its own."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.datasets.byte_progress import ByteProgress
from knn_digits.datasets.dataset import DigitDataset
from knn_digits.datasets.idx import MAX_BYTES
from knn_digits.datasets.paths import own_name
from knn_digits.datasets.pictures import read_picture
from knn_digits.datasets.splitting import SEED, stratified_split
from knn_digits.errors import DataError
from knn_digits.images.reading import SUFFIXES
from knn_digits.printable import printable

_TRAIN_NAMES, _TEST_NAMES = ("train", "training"), ("test", "testing")
_DROPPINGS = ("thumbs.db", "desktop.ini")  # what Windows leaves in folders of pictures
_TEST_FRACTION = 0.2
_REPORT_EVERY = 256  # pictures between two calls of progress


@dataclass
class _Reader:
    """Reads pictures one after the other; the first one settles the size of all."""

    total_bytes: int
    progress: ByteProgress | None
    done_bytes: int = 0
    done: int = 0
    first: tuple[Path, int] | None = None

    def read(self, paths: list[Path]) -> NDArray[np.uint8]:
        side = len(self._read_one(paths[0]))
        if side * side * len(paths) > MAX_BYTES:
            raise DataError(f"{len(paths):,} pictures of {side}x{side} pixels need more than {MAX_BYTES:,} bytes")
        images = np.empty((len(paths), side, side), dtype=np.uint8)
        for image, path in zip(images, paths, strict=True):
            image[:] = self._read_one(path)
            self._report(path)
        return images

    def _read_one(self, path: Path) -> NDArray[np.uint8]:
        image = read_picture(path)
        self.first = self.first or (path, len(image))
        if len(image) != self.first[1]:
            raise DataError(
                f"{path} is {len(image)} pixels wide but {self.first[0]} {self.first[1]}:"
                " expected all pictures to have one size; scale them"
            )
        return image

    def _report(self, path: Path) -> None:
        self.done += 1
        self.done_bytes += path.stat().st_size
        if self.progress and (self.done % _REPORT_EVERY == 0 or self.done_bytes >= self.total_bytes):
            self.progress(self.done_bytes, self.total_bytes, "reading pictures")


def load_picture_folder(folder: Path, progress: ByteProgress | None = None) -> DigitDataset:
    """Load ``folder/<class>/*.png``, or ``folder/train/<class>/*.png`` and ``folder/test/<class>/*.png``.

    Classes whose names are all whole numbers become int64 labels, otherwise all are str. Order is by
    class, then by file name. Hidden files are passed over; anything else that is not a picture is an
    error, for a data set that silently misses pictures is worse than none.

    Parameters
    ----------
    folder : Path
        The folder.
    progress : callable, optional
        Told how many bytes of pictures have been read.

    Returns
    -------
    DigitDataset
        With the folder's own split, else one fifth of each class cut off, seeded, as the test set.

    Raises
    ------
    DataError
        No class folders, an empty one, pictures of different sizes, a damaged picture, and the like.
    """
    train_folder, test_folder = _own_split(folder)
    train = _list_pictures(train_folder)
    test = _list_pictures(test_folder) if test_folder else []
    names = _label_values({name for name, _ in train + test}, folder)
    reader = _Reader(sum(path.stat().st_size for _, path in train + test), progress)
    train_labels = np.array([names[name] for name, _ in train])
    notes: tuple[str, ...] = ()
    if test:
        arrays = (
            reader.read([path for _, path in train]),
            train_labels,
            reader.read([path for _, path in test]),
            np.array([names[name] for name, _ in test]),
        )
    else:
        into_train, into_test = stratified_split(train_labels, _TEST_FRACTION)
        images = reader.read([path for _, path in train])
        arrays = images[into_train], train_labels[into_train], images[into_test], train_labels[into_test]
        notes = (
            f"This folder has no test set of its own: {len(into_test):,} of its {len(images):,} pictures were"
            f" set aside for the test, a fifth of each class, chosen at random with seed {SEED}.",
        )
    name = own_name(folder.resolve().name)
    return DigitDataset(
        *arrays, name=name, source=f"folder {folder}", licence="not stated; the user's own", notes=notes
    )


def _own_split(folder: Path) -> tuple[Path, Path | None]:
    subfolders = {path.name.lower(): path for path in _entries(folder) if path.is_dir()}
    train = next((subfolders[name] for name in _TRAIN_NAMES if name in subfolders), None)
    test = next((subfolders[name] for name in _TEST_NAMES if name in subfolders), None)
    if train is None and test is None:
        return folder, None
    if train is None or test is None or len(subfolders) > 2:
        raise DataError(
            f"{folder} has folders {', '.join(sorted(subfolders))}: expected train and test, or classes only"
        )
    return train, test


def _list_pictures(folder: Path) -> list[tuple[str, Path]]:
    """List class and path of every picture, sorted, refusing whatever would be missed silently."""
    entries = _entries(folder)
    stray = next((path for path in entries if path.is_file() and path.suffix.lower() in SUFFIXES), None)
    if stray:
        raise DataError(f"{stray} lies beside the class folders: move it into the folder of its class")
    classes = [path for path in entries if path.is_dir()]
    if not classes:
        raise DataError(
            f"{folder} holds no data set: expected four IDX files (train-images-idx3-ubyte.gz, ...) or one"
            " folder of pictures per class (0/*.png, 1/*.png, ...)"
        )
    pictures = []
    for class_folder in classes:
        if printable(class_folder.name) != class_folder.name:
            raise DataError(
                f"{printable(str(class_folder))}: the name of a class must be UTF-8, got"
                f" {os.fsencode(class_folder.name)!r}: rename the folder"
            )
        paths = [path for path in _entries(class_folder) if path.name.lower() not in _DROPPINGS]
        if not paths:
            raise DataError(
                f"{class_folder} is empty: expected pictures of its class; add some or remove the folder"
            )
        if odd := next((path for path in paths if not path.is_file()), None):
            raise DataError(f"{odd} is no file: expected only pictures in {class_folder}")
        pictures += [(class_folder.name, path) for path in paths]
    return pictures


def _label_values(names: set[str], folder: Path) -> dict[str, Any]:
    if not all(name.isascii() and name.isdigit() and len(name) < 19 for name in names):
        return {name: name for name in names}
    values = {name: int(name) for name in names}
    if len(set(values.values())) < len(values):
        raise DataError(
            f"{folder}: two class folders mean the same number ({', '.join(sorted(names))}): join them"
        )
    return values


def _entries(folder: Path) -> list[Path]:
    """List what is in a folder, but not what is hidden: numbers in their order, then names in theirs."""
    try:
        visible = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror or error}") from error
    return sorted(
        visible, key=lambda path: (not path.name.isdigit(), len(path.name) * path.name.isdigit(), path.name)
    )
