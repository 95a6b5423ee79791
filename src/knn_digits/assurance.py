"""What the evaluated recognizer's answers are worth: probabilities, rejection, credibility and prediction sets.

Every threshold was chosen on training images answered out of fold; test images are only counted here. The rows
``at_share`` alone rank test images among themselves, to be compared with published curves.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.answering import Answered
from knn_digits.classifier import Answers, KNNDigitClassifier
from knn_digits.confidence import OutOfFold
from knn_digits.confidence.measures import (
    coverage_over_splits,
    describe_calibration,
    describe_sets,
    log_loss,
    reliability,
    risk_curve,
)
from knn_digits.confidence.prediction_sets import least_probability
from knn_digits.confidence.rejection import threshold_for_max_error, threshold_for_reject
from knn_digits.evaluation import wilson_interval
from knn_digits.experiment_data import ExperimentData
from knn_digits.foreign import foreign_kinds
from knn_digits.neighbors import vote
from knn_digits.progress import Progress

__all__ = ["measure_assurance"]

REJECTED_SHARES = (0.005, 0.01, 0.02, 0.05)
COVERAGES = (0.99, 0.995, 0.999)
FOREIGN_LEVEL = 0.05  # of credibility, below which an image is called foreign here
N_FOREIGN, QUICK_N_FOREIGN = 500, 100
N_FOREIGN_SHOWN = 8
_N_VOTING = 5  # whose shares of the vote are the raw ones, where no vote is held
_SIDE = 28  # of foreign pictures


def measure_assurance(
    data: ExperimentData, evaluated: Answered, max_error: float | None, told: Progress
) -> tuple[dict[str, Any] | None, dict[str, NDArray]]:
    """Measure what the recognizer says of its own answers.

    Parameters
    ----------
    data : ExperimentData
    evaluated : Answered
    max_error : float, optional
        Share of the answers given that may be wrong; a row of its own is measured for it.
    told : Progress

    Returns
    -------
    confidence : dict or None
        Fields of ``confidence`` in ``results.json``; None where there were too few images to answer out of fold.
    arrays : dict of str to ndarray
        ``foreign_images``, some of each kind.
    """
    model = evaluated.model
    out_of_fold = model.out_of_fold_
    if out_of_fold is None:
        return None, {}
    with told.step("Confidence: the test images", len(data.test)) as advance:
        start = time.perf_counter()
        answers = model.answer(data.test.rows)
        seconds = time.perf_counter() - start
        advance(len(data.test))
    codes = data.test.codes
    raw = _vote_shares(model, answers)
    kinds, pictures = _foreign(data, model, told)
    confidence = {
        "n_out_of_fold": len(out_of_fold),
        "whole_writers": data.groups is not None,
        "answer_s": seconds,
        "calibration": {
            **describe_calibration(answers.probabilities, raw, codes),
            "out_of_fold": _calibration_out_of_fold(out_of_fold),
        },
        "rejection": _rejection(data, answers, out_of_fold, max_error),
        "credibility": {
            "level": FOREIGN_LEVEL,
            "digits_called_foreign": float((answers.credibility <= FOREIGN_LEVEL).mean()),
            "kinds": kinds,
        },
        "prediction_sets": [
            _sets(answers, codes, out_of_fold, coverage)
            for coverage in COVERAGES
            if len(out_of_fold) // 2 >= 1 / (1 - coverage)
        ],
    }
    return confidence, pictures


def _calibration_out_of_fold(answers: OutOfFold) -> dict[str, Any]:
    error, bins = reliability(answers.confidence, answers.correct)
    return {
        "n": len(answers),
        "ece": error,
        "log_loss": log_loss(answers.probabilities, answers.codes),
        "bins": bins,
    }


def _vote_shares(model: KNNDigitClassifier, answers: Answers) -> NDArray[np.float64]:
    """Shares of the plain vote of the nearest, which is what k-NN usually calls a probability."""
    k = _N_VOTING if model.weights_ == "hull" else model.n_neighbors_
    codes = model.label_codes_[answers.neighbors[:, :k]]
    order = np.broadcast_to(np.arange(codes.shape[1]), codes.shape)
    return vote(codes, order, len(model.classes_))


# ---- rejection ----


def _rejection(
    data: ExperimentData, answers: Answers, out_of_fold: OutOfFold, max_error: float | None
) -> dict[str, Any]:
    confidence, correct = out_of_fold.confidence, out_of_fold.correct
    sure = answers.probabilities.max(axis=1)
    right = answers.probabilities.argmax(axis=1) == data.test.codes
    asked = None
    if max_error is not None:
        threshold = threshold_for_max_error(confidence, correct, max_error)
        asked = {"max_error": max_error, **_withheld(data, sure, right, threshold)}
    return {
        "rows": [
            {"reject": share, **_withheld(data, sure, right, threshold_for_reject(confidence, share))}
            for share in REJECTED_SHARES
        ],
        "at_share": [
            {"reject": share, **_withheld(data, sure, right, _threshold_of_share(sure, share))}
            for share in REJECTED_SHARES
        ],
        "max_error": asked,
        "curve": risk_curve(sure, right),
        "curve_out_of_fold": risk_curve(confidence, correct),
    }


def _threshold_of_share(sure: NDArray[np.float64], share: float) -> float:
    """The probability that exactly this share of images does not reach, rounded up to whole images."""
    return float(np.sort(sure)[min(round(share * len(sure)), len(sure) - 1)])


def _withheld(
    data: ExperimentData, sure: NDArray[np.float64], right: NDArray[np.bool_], threshold: float
) -> dict[str, Any]:
    given = sure >= threshold
    undisputed = given & ~np.isin(data.test.ids, data.disputed)
    n, errors = int(given.sum()), int((given & ~right).sum())
    return {
        "threshold": threshold if np.isfinite(threshold) else None,
        "rejected": len(sure) - n,
        "rejected_share": 1 - n / len(sure),
        "answered": n,
        "errors": errors,
        "error_rate": errors / n if n else None,
        "ci95": list(wilson_interval(errors, n)) if n else None,
        "answered_undisputed": int(undisputed.sum()),
        "errors_undisputed": int((undisputed & ~right).sum()),
    }


# ---- is it a digit at all? ----


def _foreign(
    data: ExperimentData, model: KNNDigitClassifier, told: Progress
) -> tuple[list[dict[str, Any]], dict[str, NDArray]]:
    """Ask about pictures that are no digits, drawn for frames of MNIST's size alone."""
    if data.dataset.side != _SIDE:
        return [], {}
    n = QUICK_N_FOREIGN if data.quick else N_FOREIGN
    with told.step("Confidence: pictures that are no digits"):
        kinds = foreign_kinds(data.as_images(data.test.rows), n=n, seed=data.seed)
        found = [model.answer(kind.images.reshape(len(kind.images), -1)) for kind in kinds]
    rows = []
    for kind, answers in zip(kinds, found, strict=True):
        foreign = int((answers.credibility <= FOREIGN_LEVEL).sum())
        rows.append(
            {
                "name": kind.name,
                "about": kind.about,
                "held_out": kind.held_out,
                "required": kind.required,
                "n": len(kind.images),
                "called_foreign": foreign / len(kind.images),
                "ci95": list(wilson_interval(foreign, len(kind.images))),
                "mean_probability": float(answers.probabilities.max(axis=1).mean()),
                "shown": [
                    {
                        "answer": answers.labels[i].item(),
                        "probability": float(answers.probabilities[i].max()),
                        "credibility": float(answers.credibility[i]),
                    }
                    for i in range(N_FOREIGN_SHOWN)
                ],
            }
        )
    return rows, {"foreign_images": np.stack([kind.images[:N_FOREIGN_SHOWN] for kind in kinds])}


# ---- prediction sets ----


def _sets(answers: Answers, codes: NDArray[np.int64], out_of_fold: OutOfFold, coverage: float) -> dict[str, Any]:
    threshold = least_probability(out_of_fold.of_label, coverage)
    measured = describe_sets(answers.probabilities, codes, threshold)
    covered = len(codes) - measured["missed"]
    return {
        "nominal": coverage,
        "threshold": threshold,
        **measured,
        "ci95": list(wilson_interval(covered, len(codes))),
        "splits": coverage_over_splits(out_of_fold.probabilities, out_of_fold.codes, coverage),
    }
