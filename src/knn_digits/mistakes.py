"""The single images worth looking at: wrong answers, disputed labels, answers on which two methods differ."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.answering import Answered
from knn_digits.baseline import Difference
from knn_digits.evaluation import errors_without
from knn_digits.experiment_data import ExperimentData

__all__ = ["describe_difference", "describe_mistakes", "disputed_labels"]


def describe_mistakes(
    data: ExperimentData, evaluated: Answered, mistakes: NDArray[np.int64], n_shown: int
) -> tuple[list[dict[str, Any]], NDArray[np.int64]]:
    """Tell of wrong answers: what each should be, how sure it was, and which training images are nearest.

    Parameters
    ----------
    data : ExperimentData
    evaluated : Answered
    mistakes : int64 ndarray
        Which of the test images of `data`.
    n_shown : int
        How many neighbors to tell of, at most.

    Returns
    -------
    told : list of dict
        Fields of ``evaluation.mistakes`` in ``results.json``; positions are those of the whole data set.
    neighbor_ids : int64 ndarray of shape (n_mistakes, at most n_shown)
        The neighbors told of, among the training images of `data`.
    """
    model, n_shown = evaluated.model, min(n_shown, len(data.train))
    # By hulls, classes are judged by all their candidates, and nobody votes.
    n_voting = model.n_neighbors_ if evaluated.candidates is None else None
    n_found = max(n_shown, n_voting or 0)
    if not len(mistakes):
        return [], np.zeros((0, n_shown), np.int64)
    distances, ids = model.kneighbors(data.test.rows[mistakes], n_found)
    judged = ids[:, :n_voting] if evaluated.candidates is None else evaluated.candidates[mistakes]
    told = [
        {
            **_answer(data, i, evaluated.probabilities[i], data.train.codes[judged[row]]),
            "neighbors": _neighbors(data, distances[row, :n_shown], ids[row, :n_shown], n_voting),
        }
        for row, i in enumerate(mistakes)
    ]
    return told, ids[:, :n_shown]


def _answer(data: ExperimentData, i: int, probabilities: NDArray, judged: NDArray[np.int64]) -> dict[str, Any]:
    test, own = data.test, data.test.codes[i]
    return {
        "test": int(test.ids[i]),
        "label": test.labels[i].item(),
        "answer": data.classes[probabilities.argmax()].item(),
        "answer_share": float(probabilities.max()),
        "label_share": float(probabilities[own]),
        "unanimous": len(np.unique(judged)) == 1,
        "within_reach": bool((judged == own).any()),
        "disputed": int(test.ids[i]) in data.disputed,
    }


def _neighbors(
    data: ExperimentData, distances: NDArray, ids: NDArray[np.int64], n_voting: int | None
) -> list[dict[str, Any]]:
    return [
        {
            "train": int(data.train.ids[j]),
            "label": data.train.labels[j].item(),
            "distance": float(distance),
            "votes": None if n_voting is None else rank < n_voting,
        }
        for rank, (j, distance) in enumerate(zip(ids, distances, strict=True))
    ]


def disputed_labels(data: ExperimentData, answers: NDArray) -> dict[str, Any] | None:
    """Count errors without the test labels in dispute; None where none are known."""
    here = np.flatnonzero(np.isin(data.test.ids, data.disputed))
    if not len(here):
        return None
    return {
        "test": data.test.ids[here].tolist(),
        "n_wrong": int((answers[here] != data.test.labels[here]).sum()),
        "without": errors_without(data.test.labels, answers, here.tolist()),
    }


def describe_difference(
    data: ExperimentData, difference: Difference, neighbor_labels: NDArray, k: int
) -> dict[str, Any]:
    """Tell of a test image that scikit-learn and we answer differently: fields of ``results.json``."""
    return {
        "n_neighbors": k,
        "test": int(data.test.ids[difference.test]),
        "label": data.test.labels[difference.test].item(),
        "scikit_learn": difference.scikit_learn,
        "ours": difference.ours,
        "reason": difference.reason,
        "neighbor_labels": neighbor_labels[difference.test, :k].tolist(),
    }
