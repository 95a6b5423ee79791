"""The images of one experiment: all of a data set, or a stated fifth of it, as rows with class numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knn_digits.datasets import DigitDataset
from knn_digits.datasets.disputed import disputed_test_positions
from knn_digits.errors import DataError

__all__ = ["QUICK_SHARE", "ExperimentData", "Part"]

# A quick run keeps one image in five of both parts: searches then take a twenty-fifth of the time.
QUICK_SHARE = 0.2
_FEWEST_OF_A_CLASS = 10  # in a quick run, where there are as many
_FEWEST_TRAINING = 10  # the baseline asks for 6 neighbors


@dataclass(frozen=True)
class Part:
    """Training or test images of an experiment.

    Attributes
    ----------
    ids : int64 ndarray of shape (n,)
        Positions in the whole data set.
    rows : uint8 ndarray of shape (n, side * side)
    labels : ndarray of shape (n,)
    codes : int64 ndarray of shape (n,)
        Class numbers: positions of the labels among the classes.
    """

    ids: NDArray[np.int64]
    rows: NDArray[np.uint8]
    labels: NDArray
    codes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def of(cls, images: NDArray[np.uint8], labels: NDArray, classes: NDArray, share: float, seed: int) -> Self:
        """Take all images, or the same share of every class, drawn at random."""
        if share < 1:
            ids = _stratified_share(labels, share, seed)
            images, labels = images[ids], labels[ids]
        else:
            ids = np.arange(len(images))
        return cls(ids, images.reshape(len(images), -1), labels, np.searchsorted(classes, labels))


@dataclass(frozen=True)
class ExperimentData:
    """What an experiment works on.

    Attributes
    ----------
    dataset : DigitDataset
        The whole set that the images were taken from.
    train, test : Part
    groups : ndarray of shape (n_train,) or None
        Writers of the training images.
    quick : bool
        Whether the parts are a share of the set.
    seed : int
    """

    dataset: DigitDataset
    train: Part
    test: Part
    groups: NDArray | None
    quick: bool
    seed: int

    @classmethod
    def choose(cls, dataset: DigitDataset, groups: ArrayLike | None, quick: bool, seed: int) -> Self:
        """Take the images of an experiment from a data set.

        Raises
        ------
        DataError
            If there are too few to cross-validate.
        """
        share = QUICK_SHARE if quick else 1.0
        train = Part.of(dataset.train_images, dataset.train_labels, dataset.classes, share, seed)
        test = Part.of(dataset.test_images, dataset.test_labels, dataset.classes, share, seed)
        smallest = int(np.bincount(train.codes).min())
        if smallest < 2 or len(train) < _FEWEST_TRAINING:
            raise DataError(
                f"{dataset.name}: expected at least {_FEWEST_TRAINING} training images and 2 of every class, got "
                f"{len(train)} and {smallest}: cross-validation needs more"
            )
        return cls(dataset, train, test, None if groups is None else np.asarray(groups)[train.ids], quick, seed)

    @property
    def classes(self) -> NDArray:
        """The labels, ascending."""
        return self.dataset.classes

    @property
    def n_classes(self) -> int:
        """How many labels there are."""
        return len(self.dataset.classes)

    @cached_property
    def disputed(self) -> tuple[int, ...]:
        """Positions in the whole test set of labels that human raters dispute."""
        return disputed_test_positions(self.dataset)

    def as_images(self, rows: NDArray) -> NDArray:
        """Turn rows of pixels, of shape (..., side * side), into images."""
        return rows.reshape(*rows.shape[:-1], self.dataset.side, self.dataset.side)

    def about(self) -> dict[str, object]:
        """Fields of the data set in ``results.json``."""
        dataset = self.dataset
        notes = list(dataset.notes)
        if self.quick:
            notes.append(
                f"A quick run on a subset: {len(self.train):,} of {len(dataset.train_images):,} training and "
                f"{len(self.test):,} of {len(dataset.test_images):,} test images, drawn at random (seed "
                f"{self.seed}), the same share of every class. With fewer examples to compare with, errors are "
                "usually higher."
            )
        return {
            **dataset.about(),
            "n_train": len(self.train),
            "n_test": len(self.test),
            "n_train_available": len(dataset.train_images),
            "n_test_available": len(dataset.test_images),
            "notes": notes,
        }


def _stratified_share(labels: NDArray, share: float, seed: int) -> NDArray[np.int64]:
    """Draw the same share of every class, at least ten images (or all) of each, in ascending order."""
    rng = np.random.default_rng(seed)
    chosen = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        n = min(len(members), max(_FEWEST_OF_A_CLASS, round(share * len(members))))
        chosen.append(rng.choice(members, n, replace=False))
    return np.sort(np.concatenate(chosen))
