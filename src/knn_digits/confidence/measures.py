"""How well probabilities, rejection and prediction sets keep what they promise: arrays in, numbers out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.confidence.prediction_sets import labels_kept, least_probability
from knn_digits.confidence.rejection import errors_kept

__all__ = [
    "coverage_over_splits",
    "describe_calibration",
    "describe_sets",
    "log_loss",
    "reliability",
    "risk_curve",
]

N_BINS = 15
N_LEAST_SURE = 500
N_SPLITS = 200
_CURVE_POINTS = 200


def reliability(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> tuple[float, list[dict[str, Any]]]:
    """Compare how sure answers are with how often they are right.

    Returns
    -------
    error : float
        Expected calibration error: the mean distance between the two, over 15 equal bins of confidence weighted by
        the answers in them (M. P. Naeini, G. Cooper, M. Hauskrecht, AAAI 2015).
    bins : list of dict
        ``low, high, n, confidence, accuracy`` of each bin with answers.
    """
    number = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    bins = []
    for b in np.unique(number):
        inside = number == b
        bins.append(
            {
                "low": b / N_BINS,
                "high": (b + 1) / N_BINS,
                "n": int(inside.sum()),
                "confidence": float(confidence[inside].mean()),
                "accuracy": float(correct[inside].mean()),
            }
        )
    return sum(b["n"] * abs(b["confidence"] - b["accuracy"]) for b in bins) / len(confidence), bins


def log_loss(probabilities: NDArray[np.float64], codes: NDArray[np.integer]) -> float:
    """Mean negative logarithm of the probability given to the label; a share of 0 counts as 1e-15."""
    given = probabilities[np.arange(len(codes)), codes]
    return float(-np.log(np.maximum(given, 1e-15)).mean())


def describe_calibration(
    probabilities: NDArray[np.float64], raw: NDArray[np.float64], codes: NDArray[np.integer]
) -> dict[str, Any]:
    """Describe probabilities beside the raw shares they were made of.

    Parameters
    ----------
    probabilities, raw : float64 ndarrays of shape (n, n_classes)
    codes : integer ndarray of shape (n,)
        True classes.
    """
    correct, confidence = probabilities.argmax(axis=1) == codes, probabilities.max(axis=1)
    error, bins = reliability(confidence, correct)
    least = np.argsort(confidence, kind="stable")[: min(N_LEAST_SURE, len(codes))]
    return {
        "n": len(codes),
        "ece": error,
        "ece_raw": reliability(raw.max(axis=1), raw.argmax(axis=1) == codes)[0],
        "log_loss": log_loss(probabilities, codes),
        "log_loss_raw": log_loss(raw, codes),
        "mean_confidence": float(confidence.mean()),
        "accuracy": float(correct.mean()),
        "least_sure": {
            "n": len(least),
            "confidence": float(confidence[least].mean()),
            "accuracy": float(correct[least].mean()),
        },
        "bins": bins,
    }


def risk_curve(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> list[dict[str, float]]:
    """Trace the error rate of the answers given, against the share of images that get one."""
    n = len(confidence)
    kept = np.unique(np.linspace(max(1, n // _CURVE_POINTS), n, _CURVE_POINTS).astype(int))
    # Fine where it matters: the last tenth is withheld first.
    kept = np.unique(np.append(kept, np.linspace(0.9 * n, n, _CURVE_POINTS).astype(int).clip(1)))
    errors = errors_kept(confidence, correct)[kept - 1]
    return [{"coverage": float(k / n), "error_rate": float(e / k)} for k, e in zip(kept, errors, strict=True)]


def coverage_over_splits(
    probabilities: NDArray[np.float64], codes: NDArray[np.integer], coverage: float, seed: int = 0
) -> dict[str, float]:
    """Cut images in halves at random, choose the threshold on one and measure on the other, 200 times.

    Returns
    -------
    found : dict
        ``coverage`` (mean of the true label's share at or above the threshold, as the theory counts it),
        ``standard_error`` (of that mean), ``coverage_with_answer`` (of sets that hold the answer, too).
    """
    rng, n = np.random.default_rng(seed), len(codes)
    of_label = probabilities[np.arange(n), codes]
    correct = probabilities.argmax(axis=1) == codes
    plain, filled = np.empty(N_SPLITS), np.empty(N_SPLITS)
    for i in range(N_SPLITS):
        order = rng.permutation(n)
        threshold = least_probability(of_label[order[: n // 2]], coverage)
        covered = of_label[order[n // 2 :]] >= threshold
        plain[i], filled[i] = covered.mean(), (covered | correct[order[n // 2 :]]).mean()
    return {
        "coverage": float(plain.mean()),
        "standard_error": float(plain.std(ddof=1) / np.sqrt(N_SPLITS)),
        "coverage_with_answer": float(filled.mean()),
    }


def describe_sets(
    probabilities: NDArray[np.float64], codes: NDArray[np.integer], threshold: float
) -> dict[str, Any]:
    """Count how often the true label is in its set, and how many labels sets have."""
    kept = labels_kept(probabilities, threshold)
    sizes = kept.sum(axis=1)
    return {
        "n": len(codes),
        "missed": int((~kept[np.arange(len(codes)), codes]).sum()),
        "coverage": float(kept[np.arange(len(codes)), codes].mean()),
        "mean_size": float(sizes.mean()),
        "sizes": {int(size): int(n) for size, n in zip(*np.unique(sizes, return_counts=True), strict=True)},
    }
