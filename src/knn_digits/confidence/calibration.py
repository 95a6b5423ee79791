"""Calibration: from the evidence for an answer to the probability that such an answer is right.

The probability of the answer is a logistic function of the evidence (J. Platt, Probabilistic outputs for support
vector machines, 1999), between one over the number of classes and a little below one, as labels can be wrong::

    p(answer) = 1/K + (1 - 1/K - noise) / (1 + exp(-z)),    z = evidence . weights

with z tempered beyond +-12, where the logistic function ends before floating-point numbers do. It falls strictly
as doubt grows and has no plateaus. Its few numbers are the most likely ones, given training images answered out of
fold and a prior from MNIST: where there are few images, or no mistakes, the prior decides. What is left of one is
shared by the other classes in proportion to their raw shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from knn_digits.confidence.evidence import COLUMNS
from knn_digits.threads import single_threaded_blas

__all__ = ["Calibration"]

# Rounded middle of what folds of whole writers of MNIST's training images give for the presets.
_PRIOR_WEIGHTS = np.array([-0.5, 2.5, 6.0, 1.0, 13.0])
_PRIOR_NOISE = 2e-4
_PRIOR_WIDTH = 1 + np.abs(_PRIOR_WEIGHTS) / 2  # standard deviations
_LEAST_WEIGHT, _LEAST_NOISE, _LARGEST_NOISE = 0.05, 1e-5, 0.05
_FLOOR = 1e-3  # added to raw shares: no class is impossible
_SLIGHTLY_LESS = 1 - 1e-10
_TEMPERED_FROM = 12.0


@dataclass(frozen=True)
class Calibration:
    """Weights of the evidence, and how often labels contradict even the surest answer.

    Attributes
    ----------
    weights : tuple of 5 floats
        One for each column of the evidence; positive but for those of the two flags.
    noise : float
    """

    weights: tuple[float, ...] = tuple(_PRIOR_WEIGHTS.tolist())
    noise: float = _PRIOR_NOISE

    @classmethod
    def fit(cls, evidence: NDArray[np.float64], correct: NDArray[np.bool_], n_classes: int) -> Self:
        """Choose the most likely weights and noise.

        Parameters
        ----------
        evidence : float64 ndarray of shape (n, 5)
            Of answers to images their model had not seen.
        correct : bool ndarray of shape (n,)
            Whether these were right.
        n_classes : int
        """
        if n_classes < 2:
            return cls()
        from scipy.optimize import minimize

        is_flag = np.array([name in ("contested", "unanimous") for name in COLUMNS])
        bounds = [(None, None) if flag else (_LEAST_WEIGHT, None) for flag in is_flag]
        # The order of sums, and with it the last bits, would depend on the number of threads.
        with single_threaded_blas:
            found = minimize(
                _loss_and_slope,
                np.append(_PRIOR_WEIGHTS, np.log(_PRIOR_NOISE)),
                args=(evidence, correct, n_classes),
                jac=True,
                method="L-BFGS-B",
                bounds=[*bounds, (np.log(_LEAST_NOISE), np.log(_LARGEST_NOISE))],
            )
        return cls(tuple(found.x[:-1].tolist()), float(np.exp(found.x[-1])))

    def doubt(self, evidence: NDArray[np.float64]) -> NDArray[np.float64]:
        """Put evidence into one number, of which more is more doubt: float64 of shape (n,)."""
        # A sum of products, not a matrix product: the same bits for any number of rows.
        return -(evidence * np.array(self.weights)).sum(axis=1)

    def probabilities(self, shares: NDArray[np.float64], evidence: NDArray[np.float64]) -> NDArray[np.float64]:
        """Make probabilities of raw shares.

        Parameters
        ----------
        shares : float64 ndarray of shape (n, n_classes)
            The largest of each row is the answer, and unique.
        evidence : float64 ndarray of shape (n, 5)

        Returns
        -------
        probabilities : float64 ndarray of shape (n, n_classes)
            Each row sums to 1; the largest of each row is that of `shares`, and unique.
        """
        n, n_classes = shares.shape
        if n_classes < 2:
            return np.ones(shares.shape)
        rows, answer = np.arange(n), shares.argmax(axis=1)
        top = _top(-self.doubt(evidence), n_classes, self.noise)
        others = shares + _FLOOR
        others[rows, answer] = 0
        others /= others.sum(axis=1, keepdims=True)
        others = _flattened(others, top / (1 - top) * _SLIGHTLY_LESS) * (1 - top)[:, None]
        others[rows, answer] = top
        return others


def _top(z: NDArray[np.float64], n_classes: int, noise: float) -> NDArray[np.float64]:
    return 1 / n_classes + (1 - 1 / n_classes - noise) * _logistic(z)


def _logistic(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logistic function, with tails so slow that no two doubts become one number."""
    beyond = np.maximum(np.abs(z) - _TEMPERED_FROM, 0)
    return 1 / (1 + np.exp(-np.sign(z) * (np.minimum(np.abs(z), _TEMPERED_FROM) + np.log1p(beyond))))


def _flattened(shares: NDArray[np.float64], largest: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mix rows with equal shares, as little as keeps every share at or below `largest`; 0 marks the answer."""
    n_others = shares.shape[1] - 1
    equal = 1 / n_others
    over = shares.max(axis=1)
    part = np.zeros((len(shares), 1))
    np.divide(over - largest, over - equal, out=part[:, 0], where=over > np.maximum(largest, equal))
    return np.where(shares > 0, (1 - part) * shares + part * equal, 0)


def _loss_and_slope(
    parameters: NDArray[np.float64], evidence: NDArray[np.float64], correct: NDArray[np.bool_], n_classes: int
) -> tuple[float, NDArray[np.float64]]:
    """Negative logarithm of the posterior, and its derivative."""
    weights, noise = parameters[:-1], np.exp(parameters[-1])
    z = evidence @ weights
    logistic = _logistic(z)
    slope = logistic * (1 - logistic) / (1 + np.maximum(np.abs(z) - _TEMPERED_FROM, 0))
    top = 1 / n_classes + (1 - 1 / n_classes - noise) * logistic
    loss = -np.log(np.where(correct, top, 1 - top)).sum()
    by_top = np.where(correct, -1 / top, 1 / (1 - top))
    by_weights = evidence.T @ (by_top * (1 - 1 / n_classes - noise) * slope)
    by_log_noise = -noise * (by_top @ logistic)
    away = np.append((weights - _PRIOR_WEIGHTS) / _PRIOR_WIDTH, parameters[-1] - np.log(_PRIOR_NOISE))
    slope_of_prior = np.append(away[:-1] / _PRIOR_WIDTH, away[-1])
    return float(loss + away @ away / 2), np.append(by_weights, by_log_noise) + slope_of_prior
