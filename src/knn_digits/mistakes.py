"""The single images worth looking at: wrong answers, disputed labels, answers on which two methods differ."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.baseline import Difference
from knn_digits.evaluation import errors_without
from knn_digits.experiment_data import ExperimentData

__all__ = ["describe_difference", "describe_mistake", "disputed_labels"]


def describe_mistake(
    data: ExperimentData, i: int, probabilities: NDArray, distances: NDArray, ids: NDArray, k: int, n_shown: int
) -> dict[str, Any]:
    """Tell of a wrong answer: what it should be, how the vote went, and who voted.

    Parameters
    ----------
    data : ExperimentData
    i : int
        Which of the test images of `data`.
    probabilities : float64 ndarray of shape (n_classes,)
        The vote on it.
    distances, ids : ndarrays of shape (at least n_shown and k,)
        Its neighbors among the training images of `data`, nearest first.
    k : int
        How many of them voted.
    n_shown : int
        How many of them to tell of.

    Returns
    -------
    mistake : dict
        Fields of a mistake in ``results.json``; positions are those of the whole data set.
    """
    test, train = data.test, data.train
    neighbors = [
        {
            "train": int(train.ids[j]),
            "label": train.labels[j].item(),
            "distance": float(distance),
            "votes": rank < k,
        }
        for rank, (j, distance) in enumerate(zip(ids[:n_shown], distances[:n_shown], strict=True))
    ]
    return {
        "test": int(test.ids[i]),
        "label": test.labels[i].item(),
        "answer": data.classes[probabilities.argmax()].item(),
        "answer_share": float(probabilities.max()),
        "label_share": float(probabilities[test.codes[i]]),
        "unanimous": len(np.unique(train.codes[ids[:k]])) == 1,
        "disputed": int(test.ids[i]) in data.disputed,
        "neighbors": neighbors,
    }


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
