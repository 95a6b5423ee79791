"""Withholding doubtful answers, so that few of the others are wrong (C. K. Chow, On optimum recognition error and
reject tradeoff, IEEE Trans. Inf. Theory 16(1), 1970).

Answers are withheld below a threshold of their probability. It is chosen on training images answered out of fold:
either so that a given share of them is withheld, or so that of the others no more than a given share is wrong.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from knn_digits.confidence.out_of_fold import OutOfFold, out_of_fold_of

__all__ = ["RejectingClassifier", "errors_kept", "threshold_for_max_error", "threshold_for_reject"]

NOT_SURE_INTEGER, NOT_SURE_TEXT = -1, "not sure"


def errors_kept(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the errors among the surest 1, 2, ... n answers: int64 of shape (n,).

    Parameters
    ----------
    confidence : float64 ndarray of shape (n,)
    correct : bool ndarray of shape (n,)
        Where answers are equally sure, wrong ones count first: a threshold cannot tell them apart.
    """
    order = np.lexsort((correct, -confidence))
    return np.cumsum(~correct[order], dtype=np.int64)


def threshold_for_reject(confidence: NDArray[np.float64], reject: float) -> float:
    """Choose the probability below which a share `reject` of the answers lies."""
    return float(np.quantile(confidence, reject))


def threshold_for_max_error(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], max_error: float
) -> float:
    """Choose the smallest probability at and above which no larger share than `max_error` is wrong.

    Returns
    -------
    threshold : float
        Infinity where not even the surest answers are right often enough.
    """
    ascending = np.sort(confidence)[::-1]
    shares = errors_kept(confidence, correct) / np.arange(1, len(confidence) + 1)
    # Only where the next answer is less sure does a threshold fit in between.
    possible = np.append(ascending[1:] < ascending[:-1], True) & (shares <= max_error)
    return float(ascending[np.flatnonzero(possible)[-1]]) if possible.any() else np.inf


class RejectingClassifier(ClassifierMixin, BaseEstimator):
    """Says "not sure" where a `KNNDigitClassifier` is too likely to be wrong.

    Parameters
    ----------
    model : KNNDigitClassifier
        A fitted one is used as it is and left as it is; any other is cloned and fitted by `fit`.
    max_error : float, optional
        Share of the answers given that may be wrong, as far as training images show.
    reject : float, optional
        Share of images to withhold answers from. Give one of the two.

    Attributes
    ----------
    model_ : KNNDigitClassifier
    classes_ : ndarray of shape (n_classes,)
    threshold_ : float
        Answers of a smaller probability are withheld.
    not_sure_ : int or str
        What `predict` says instead: -1 where labels are integers, or the largest integer below all of them where
        -1 is a label; ``"not sure"`` where they are texts.

    Notes
    -----
    `score` counts an answer withheld as a wrong one: it is no measure to choose `reject` or `max_error` by.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from knn_digits import KNNDigitClassifier, RejectingClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> careful = RejectingClassifier(KNNDigitClassifier("fast"), reject=0.02).fit(X[:1500], y[:1500])
    >>> bool((careful.predict(X[1500:]) == careful.not_sure_).any())
    True
    """

    def __init__(self, model: Any, *, max_error: float | None = None, reject: float | None = None) -> None:
        self.model = model
        self.max_error = max_error
        self.reject = reject

    def fit(self, X: ArrayLike | None = None, y: ArrayLike | None = None, groups: ArrayLike | None = None) -> Self:
        """Choose the threshold; fit the model before, where it is not fitted.

        Parameters
        ----------
        X, y, groups : as in `KNNDigitClassifier.fit`
            Not needed, and not looked at, where the model is fitted.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If not exactly one of `max_error` and `reject` is given, or it is not in [0, 1); if the model has no
            answers out of fold to choose by; if no answer is sure enough for `max_error`.
        """
        self._check_settings()
        if _is_fitted(self.model):
            model = self.model
        elif X is None or y is None:
            raise ValueError("expected images and labels for a model that is not fitted")
        else:
            model = clone(self.model).fit(X, y, groups=groups)
        self.threshold_ = self._threshold(out_of_fold_of(model))
        self.not_sure_ = _not_sure(model.classes_)
        self.classes_ = model.classes_
        self.n_features_in_ = model.n_features_in_
        self.model_ = model
        return self

    def predict(self, X: ArrayLike) -> NDArray:
        """Say which digit each image is, or `not_sure_`: ndarray of shape (n,)."""
        return np.ma.filled(self.predict_masked(X), self.not_sure_)

    def predict_masked(self, X: ArrayLike) -> np.ma.MaskedArray:
        """Say which digit each image is, masked where that is not sure.

        Parameters
        ----------
        X : array of shape (n, side * side) or (n, side, side)

        Returns
        -------
        labels : masked array of shape (n,)
            Beneath a mask stands what would have been the answer.
        """
        probabilities = self.predict_proba(X)
        labels = self.classes_[probabilities.argmax(axis=1)]
        # Wide enough for what is said instead: a longer text, a number below zero.
        labels = labels.astype(np.result_type(labels.dtype, np.array(self.not_sure_).dtype))
        doubtful = probabilities.max(axis=1) < self.threshold_
        return np.ma.MaskedArray(labels, doubtful, fill_value=self.not_sure_)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probabilities of the classes, as the model gives them."""
        check_is_fitted(self, "model_")
        if not np.array_equal(self.model_.classes_, self.classes_):
            raise ValueError(
                "the model learned other classes since: call fit again, so that the threshold is its own"
            )
        return self.model_.predict_proba(X)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def _check_settings(self) -> None:
        if (self.max_error is None) == (self.reject is None):
            raise ValueError("give one of max_error and reject")
        for name in ("max_error", "reject"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | float) and 0 <= value < 1):
                raise ValueError(f"{name} must be at least 0 and below 1, got {value!r}")

    def _threshold(self, answers: OutOfFold) -> float:
        if answers is None:
            raise ValueError(
                "the model has no answers out of fold: fit it with calibration_folds=5 and more images"
            )
        if self.reject is not None:
            return threshold_for_reject(answers.confidence, self.reject)
        assert self.max_error is not None
        threshold = threshold_for_max_error(answers.confidence, answers.correct, self.max_error)
        if threshold == np.inf:
            raise ValueError(
                f"no answers are sure enough: even of the surest more than max_error={self.max_error:g} are wrong"
            )
        return threshold


def _is_fitted(model: Any) -> bool:
    try:
        check_is_fitted(model, "out_of_fold_")
    except NotFittedError:
        return False
    except TypeError:
        raise ValueError(f"model must be a KNNDigitClassifier, got {model!r:.80}") from None
    return True


def _not_sure(classes: NDArray) -> int | str:
    if classes.dtype.kind in "OUS":
        return NOT_SURE_TEXT
    if classes.dtype.kind not in "iu":
        raise ValueError(
            f"labels of type {classes.dtype} leave no value for what is not sure: use integers or texts"
        )
    return NOT_SURE_INTEGER if NOT_SURE_INTEGER not in classes else int(classes.min()) - 1
