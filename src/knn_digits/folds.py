"""Training images cut into folds of about equal shares of every class; of whole writers where these are known."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knn_digits.errors import DataError

__all__ = ["checked_groups", "make_folds"]


def checked_groups(groups: ArrayLike, n: int) -> NDArray:
    """Return groups as an array, if they name the group of each of n images.

    Raises
    ------
    DataError
    """
    found = np.asarray(groups)
    if found.shape != (n,):
        raise DataError(f"expected groups of shape ({n},), one for each image, got {found.shape}")
    if (found.dtype.kind == "f" and np.isnan(found).any()) or any(group is None for group in found.tolist()):
        raise DataError("groups hold NaN or None: give each image whose writer is unknown a group of its own")
    return found


def make_folds(
    labels: ArrayLike, *, n_folds: int = 5, groups: ArrayLike | None = None, seed: int = 0
) -> NDArray[np.int64]:
    """Cut training images into folds of about the same share of every class.

    Parameters
    ----------
    labels : array of shape (n,)
    n_folds : int
        At least 2; lowered to the size of the smallest class.
    groups : array of shape (n,), optional
        Writer of each image. Whole writers then go into a fold.
    seed : int

    Returns
    -------
    folds : int64 ndarray of shape (n,)
        The fold of every image, from 0.

    Raises
    ------
    DataError
        If a class, or the writers, are too few for two folds.
    """
    # Only who learns waits for this import.
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    labels = np.asarray(labels)
    if groups is not None:
        groups = checked_groups(groups, len(labels))
    n_folds = min(n_folds, int(np.unique(labels, return_counts=True)[1].min()))
    if groups is not None:
        n_folds = min(n_folds, len(np.unique(np.asarray(groups))))
    folds = np.zeros(len(labels), np.int64)
    if n_folds >= 2:
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        splitter = kind(n_folds, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            # That some fold lacks a class is so where writers are few; the folds say how many they are.
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            for number, (_, held_out) in enumerate(splitter.split(np.zeros(len(labels)), labels, groups)):
                folds[held_out] = number
    # Where writers are few and unequal, a fold may have been left empty.
    folds = np.unique(folds, return_inverse=True)[1]
    if folds.max() < 1:
        raise DataError("cross-validation needs at least 2 images of every class, and at least 2 writers")
    return folds
