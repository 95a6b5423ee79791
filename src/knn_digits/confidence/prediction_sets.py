"""Prediction sets: the labels that cannot be ruled out, by conformal inference.

A label is kept where its probability is at least as large as that of all but the least probable true labels of
training images answered out of fold. Of images that come as those did, the true label is in the set at least as
often as asked for (H. Papadopoulos, K. Proedrou, V. Vovk, A. Gammerman, Inductive confidence machines for
regression, ECML 2002). The answer is always in it, so that no set is empty; where answers alone are right more
often than asked for, so are the sets.

The scores are pooled over folds, and the model that answers has learned from all of them: cross-conformal
prediction (V. Vovk, Cross-conformal predictors, 2015), of which split-conformal theory is true to within what
one fold more of training images changes. `measures.coverage_over_splits` checks the arithmetic, test images the
promise.

The promise is about images drawn like the training images, and an average over all of them. It does not hold for
one digit or one writer, for writers unlike those of the training images, or once corrections were learned; folds
of whole writers (``fit(X, y, groups=writers)``) make it one about new writers.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knn_digits.confidence.out_of_fold import out_of_fold_of

__all__ = ["PredictionSets", "labels_kept", "least_probability"]


class PredictionSets:
    """The labels that a fitted `KNNDigitClassifier` cannot rule out.

    Parameters
    ----------
    model : KNNDigitClassifier
        Fitted, with answers out of fold.
    coverage : float, default=0.995
        How often the true label must be in its set.

    Attributes
    ----------
    threshold : float
        The least probability of a label that is kept.

    Raises
    ------
    ValueError
        If the model has no answers out of fold, or too few for such a coverage.
    """

    def __init__(self, model: Any, coverage: float = 0.995) -> None:
        self.model = model
        self.coverage = coverage
        self.threshold = least_probability(out_of_fold_of(model).of_label, coverage)

    def predict(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Say which labels cannot be ruled out.

        Parameters
        ----------
        X : array of shape (n, side * side) or (n, side, side)

        Returns
        -------
        kept : bool ndarray of shape (n, n_classes)
            Columns in the order of ``model.classes_``; at least one is true in each row.
        """
        return labels_kept(self.model.predict_proba(X), self.threshold)


def least_probability(of_label: NDArray[np.float64], coverage: float) -> float:
    """Choose the least probability of a label that is kept.

    Parameters
    ----------
    of_label : float64 ndarray of shape (n,)
        Probabilities of the true labels of images the model had not seen.
    coverage : float
        Above 0 and below 1.

    Raises
    ------
    ValueError
        If there are too few images: a coverage of 99.9 % takes 999.
    """
    if not 0 < coverage < 1:
        raise ValueError(f"coverage must be above 0 and below 1, got {coverage!r}")
    n = len(of_label)
    n_kept = ceil(round((n + 1) * coverage, 9))
    if n_kept > n:
        raise ValueError(
            f"a coverage of {coverage:.6g} takes at least {ceil(round(1 / (1 - coverage), 6)) - 1} images "
            f"answered out of fold, got {n}"
        )
    return float(np.sort(of_label)[n - n_kept])


def labels_kept(probabilities: NDArray[np.float64], threshold: float) -> NDArray[np.bool_]:
    """Keep the labels at or above the threshold, and the answer: bool of the shape of `probabilities`."""
    kept = probabilities >= threshold
    kept[np.arange(len(kept)), probabilities.argmax(axis=1)] = True
    return kept
