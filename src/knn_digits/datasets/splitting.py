"""Cuts a test set out of data that has none of its own, the same way every time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.errors import DataError

SEED = 20_240_229  # arbitrary, and never to change: the cut is part of what published numbers mean


def stratified_split(labels: NDArray[Any], test_fraction: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cut every class in the same proportion, seeded.

    Parameters
    ----------
    labels : ndarray of shape (n,)
        The class of each item.
    test_fraction : float
        The share of each class that goes to the test set, rounded, and at least one item.

    Returns
    -------
    train, test : ndarray of intp
        Sorted indices that share none and together are all.

    Raises
    ------
    DataError
        A class has a single item, so that it cannot be in both.
    """
    generator = np.random.default_rng(SEED)
    in_test = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < 2:
            raise DataError(
                f"class {label} has a single picture, at least 2 are needed to cut a test set: add some"
            )
        n_test = min(max(1, round(len(members) * test_fraction)), len(members) - 1)
        in_test[generator.permutation(members)[:n_test]] = True
    return np.flatnonzero(~in_test), np.flatnonzero(in_test)
