"""The one shape in which digits leave this package: validated, read-only, with one hash."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.errors import DataError
from knn_digits.printable import printable

MAX_SIDE = 512


@dataclass(frozen=True, eq=False)
class DigitDataset:
    """Training and test digits with their labels, and where they come from.

    Parameters
    ----------
    train_images : ndarray of uint8, shape (n_train, side, side)
        Grey values 0..255, as stored.
    train_labels : ndarray of int64 or str, shape (n_train,)
        Non-negative numbers; names, where the classes of a folder of pictures are not all numbers.
    test_images : ndarray of uint8, shape (n_test, side, side)
        The images nothing may be chosen on.
    test_labels : ndarray of int64 or str, shape (n_test,)
        Their labels; every one of them occurs in training.
    name : str
        For people: ``"MNIST"``, ``"scikit-learn digits (8x8)"``, or the name of a folder.
    source : str
        The folder, cache or address it was read from.
    licence : str
        On what terms the data may be used.
    notes : tuple of str
        What a reader of results must know, such as that we cut the test set ourselves.

    Raises
    ------
    DataError
        The arrays do not fit this description or each other.
    """

    train_images: NDArray[np.uint8] = field(repr=False)
    train_labels: NDArray[Any] = field(repr=False)
    test_images: NDArray[np.uint8] = field(repr=False)
    test_labels: NDArray[Any] = field(repr=False)
    name: str
    source: str
    licence: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._make_texts_printable()
        for part in ("train", "test"):
            images = _checked_images(getattr(self, f"{part}_images"), f"{self.name}: {part}_images")
            labels = _checked_labels(getattr(self, f"{part}_labels"), f"{self.name}: {part}_labels")
            if len(images) != len(labels):
                raise DataError(
                    f"{self.name}: {len(images):,} {part} images but {len(labels):,} {part} labels:"
                    " expected as many; these files do not belong together"
                )
            object.__setattr__(self, f"{part}_images", images)
            object.__setattr__(self, f"{part}_labels", labels)
        self._check_parts_fit()

    def _make_texts_printable(self) -> None:
        """Keep names of folders that are not UTF-8 from breaking whoever writes them down."""
        for text in ("name", "source", "licence"):
            object.__setattr__(self, text, printable(getattr(self, text)))
        object.__setattr__(self, "notes", tuple(map(printable, self.notes)))

    def _check_parts_fit(self) -> None:
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            train, test = self.train_images.shape[1], self.test_images.shape[1]
            raise DataError(f"{self.name}: training images are {train}x{train} but test images {test}x{test}")
        if self.train_labels.dtype.kind != self.test_labels.dtype.kind:
            raise DataError(f"{self.name}: training and test labels must both be numbers or both be names")
        if len(self.classes) < 2:
            raise DataError(f"{self.name}: expected at least two classes in training, got {list(self.classes)}")
        unknown = np.setdiff1d(self.test_labels, self.classes).tolist()
        if unknown:
            raise DataError(f"{self.name}: test labels {_some(unknown)} never occur in training")

    def about(self) -> dict[str, Any]:
        """Tell what results say of it: name, source, licence, sha256, side, classes, sizes, notes."""
        return {
            "name": self.name,
            "source": self.source,
            "licence": self.licence,
            "sha256": self.sha256,
            "side": self.side,
            "classes": self.classes.tolist(),
            "n_train": len(self.train_images),
            "n_test": len(self.test_images),
            "notes": list(self.notes),
        }

    @property
    def side(self) -> int:
        """Height and width of an image in pixels."""
        return int(self.train_images.shape[1])

    @cached_property
    def classes(self) -> NDArray[Any]:
        """The sorted distinct labels of training, int64 or str."""
        return _read_only(np.unique(self.train_labels))

    @cached_property
    def sha256(self) -> str:
        r"""One hash of the four arrays: the same data has the same hash, whatever road it came by.

        It is the sha256 over training images, training labels, test images and test labels in this
        order; for each the shape as text (``"60000 28 28\n"``), then the values: images as bytes in
        C order, numbers as little-endian int64, names as UTF-8 with a newline after each.
        """
        digest = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update((" ".join(map(str, array.shape)) + "\n").encode())
            digest.update(_hashed_form(array))
        return digest.hexdigest()


def _checked_images(images: NDArray[np.uint8], what: str) -> NDArray[np.uint8]:
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1] != images.shape[2]:
        raise DataError(f"{what}: expected uint8 (n, side, side), got {images.dtype} {images.shape}")
    if len(images) == 0:
        raise DataError(f"{what}: expected at least one image, got none")
    if not 1 <= images.shape[1] <= MAX_SIDE:
        raise DataError(f"{what}: expected a side of 1 to {MAX_SIDE} pixels, got {images.shape[1]}")
    return _read_only(np.ascontiguousarray(images))


def _checked_labels(labels: NDArray[Any], what: str) -> NDArray[Any]:
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iuU":
        raise DataError(f"{what}: expected (n,) of integers or str, got {labels.dtype} {labels.shape}")
    if labels.dtype.kind == "U":
        return _read_only(labels)
    labels = labels.astype(np.int64)
    if len(labels) and labels.min() < 0:
        at = int(np.argmin(labels))
        raise DataError(f"{what}: expected labels of 0 and above, got {labels[at]} at item {at}")
    return _read_only(labels)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()  # the flag belongs to our view: the caller's own array stays as it was
    view.flags.writeable = False
    return view


def _hashed_form(array: NDArray[Any]) -> Any:
    if array.dtype.kind == "U":
        return "".join(f"{name}\n" for name in array.tolist()).encode()
    return array if array.dtype == np.uint8 else array.astype("<i8")


def _some(values: list[Any]) -> str:
    return ", ".join(map(str, values[:5])) + (", ..." if len(values) > 5 else "")
