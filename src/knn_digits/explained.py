"""A few answers explained for the report: which, and their explanations as results and arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.answering import Answered
from knn_digits.classifier import KNNDigitClassifier
from knn_digits.experiment_data import ExperimentData
from knn_digits.explanation import Explanation, Resemblance
from knn_digits.progress import Progress

__all__ = ["explain_some"]


def explain_some(
    data: ExperimentData, evaluated: Answered, told: Progress
) -> tuple[list[dict[str, Any]], dict[str, NDArray]]:
    """Explain a sure answer, a doubtful one, and where there are such the surest and the most doubtful mistake.

    Parameters
    ----------
    data : ExperimentData
    evaluated : Answered
    told : Progress

    Returns
    -------
    explained : list of dict
        Fields of ``explanations`` in ``results.json``.
    arrays : dict of str to ndarray
        Pictures, displacements and maps, all named ``explained_``, one row an explanation. What belongs to
        the answer and the runner-up stands in this order; zeros where there is no runner-up, NaN where no map.
    """
    model = evaluated.model
    with told.step("Explain some answers") as advance:
        chosen = _chosen(model, data)
        found = [model.explain(data.test.rows[i]) for _, i in chosen]
        advance(len(found))
    told_of = [
        {
            "reason": reason,
            "test": int(data.test.ids[i]),
            "label": data.test.labels[i].item(),
            **_as_json(explanation, data.train.ids),
        }
        for (reason, i), explanation in zip(chosen, found, strict=True)
    ]
    return told_of, _arrays(found)


def _chosen(model: KNNDigitClassifier, data: ExperimentData) -> list[tuple[str, int]]:
    probabilities = model.predict_proba(data.test.rows)
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == data.test.codes
    chosen = []
    if right.any():
        chosen.append(("the surest answer", int(np.where(right, sure, -1).argmax())))
        chosen.append(("the most doubtful right answer", int(np.where(right, sure, 2).argmin())))
    if not right.all():
        chosen.append(("the surest wrong answer", int(np.where(right, -1, sure).argmax())))
        chosen.append(("the most doubtful wrong answer", int(np.where(right, 2, sure).argmin())))
    # Of few images one may be the surest and the most doubtful.
    return [(reason, i) for n, (reason, i) in enumerate(chosen) if i not in [j for _, j in chosen[:n]]]


def _as_json(explanation: Explanation, train_ids: NDArray[np.int64]) -> dict[str, Any]:
    return {
        "preset": explanation.preset,
        "credibility": None if np.isnan(explanation.credibility) else explanation.credibility,
        "answer": _resemblance(explanation.answer, train_ids),
        "runner_up": None if explanation.runner_up is None else _resemblance(explanation.runner_up, train_ids),
        "neighbors": [
            {"train": int(train_ids[i]), "label": label.item(), "distance": float(distance)}
            for i, label, distance in zip(
                explanation.neighbor_ids, explanation.neighbor_labels, explanation.neighbor_distances, strict=True
            )
        ],
    }


def _resemblance(found: Resemblance, train_ids: NDArray[np.int64]) -> dict[str, Any]:
    return {
        "label": found.label.item() if isinstance(found.label, np.generic) else found.label,
        "probability": found.probability,
        "share": found.share,
        "train": int(train_ids[found.id]),
        "distance": found.distance,
    }


def _arrays(found: list[Explanation]) -> dict[str, NDArray]:
    if not found:
        return {}
    pairs = [[e.answer, e.runner_up] for e in found]
    empty = np.zeros_like(found[0].normalized)
    side = len(empty)

    def both(values: Any, nothing: NDArray) -> NDArray:
        return np.stack([[nothing if r is None else values(r) for r in pair] for pair in pairs])

    return {
        "explained_images": np.stack([e.image for e in found]),
        "explained_normalized": np.stack([e.normalized for e in found]),
        "explained_votes": np.stack([e.votes for e in found]),
        "explained_neighbors": np.stack([e.neighbor_images for e in found]),
        "explained_references": both(lambda r: r.image, empty),
        "explained_compared": both(lambda r: r.compared, empty),
        "explained_displacements": both(lambda r: r.displacement, np.zeros((side, side, 2), np.int8)),
        "explained_residuals": both(lambda r: r.residual.astype(np.float32), np.zeros((side, side), np.float32)),
        "explained_maps": np.stack([_map(e) for e in found]).astype(np.float32),
    }


def _map(explanation: Explanation) -> NDArray[np.float64]:
    found = explanation.evidence_map
    return np.full(explanation.normalized.shape, np.nan) if found is None else found
