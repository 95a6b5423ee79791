"""What training images were answered by models that had not seen them, nor, where writers are known, these."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

__all__ = ["OutOfFold", "out_of_fold_of"]


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Training images answered out of fold; thresholds of all kinds are taken from these.

    Attributes
    ----------
    ids : int64 ndarray of shape (n,)
        The images that were asked about, ascending; those forgotten since among them.
    codes : int64 ndarray of shape (n,)
        Their labels, as positions among the classes.
    probabilities : float64 ndarray of shape (n, n_classes)
        Calibrated.
    strangeness : float64 ndarray of shape (n,)
        How far each is from its nearest references (`credibility`).
    """

    ids: NDArray[np.int64]
    codes: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    strangeness: NDArray[np.float64]

    def with_classes(self, positions: NDArray[np.int64], n_classes: int) -> OutOfFold:
        """Say the same where classes were added: the class at each position now stands at `positions`."""
        probabilities = np.zeros((len(self), n_classes))
        probabilities[:, positions] = self.probabilities
        return replace(self, codes=positions[self.codes], probabilities=probabilities)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Probability of each answer."""
        return self.probabilities.max(axis=1)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether each answer is the label."""
        return self.probabilities.argmax(axis=1) == self.codes

    @property
    def of_label(self) -> NDArray[np.float64]:
        """Probability of each label."""
        return self.probabilities[np.arange(len(self)), self.codes]

    @cached_property
    def strangeness_ascending(self) -> NDArray[np.float64]:
        """Strangeness of all, sorted once."""
        return np.sort(self.strangeness)


def out_of_fold_of(model: Any) -> OutOfFold:
    """Return what a fitted `KNNDigitClassifier` answered out of fold.

    Raises
    ------
    ValueError
        If it answered nothing so.
    """
    check_is_fitted(model, "out_of_fold_")
    answers: OutOfFold | None = model.out_of_fold_
    if answers is None:
        raise ValueError(
            "this model has no answers out of fold to compare with: "
            "fit it with at least 2 images of every class and calibration_folds=5"
        )
    return answers
