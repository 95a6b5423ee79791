"""Figures of the answers that are explained, drawn as a notebook draws them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from knn_digits.drawing.explanations import draw_explanation
from knn_digits.drawing.style import Arrays, Drawn, Results
from knn_digits.drawing.telling import story

__all__ = ["EXPLANATIONS"]

_MOST = 4


def _explanation(results: Results, arrays: Arrays, number: int) -> Drawn | None:
    if number >= len(results["explanations"]):
        return None
    explanation = _restored(results, arrays, number)
    return Drawn(draw_explanation(explanation), story(explanation))


EXPLANATIONS: dict[str, Callable[[Results, Arrays], Drawn | None]] = {
    f"explanation_{number + 1}": partial(_explanation, number=number) for number in range(_MOST)
}


def _restored(results: Results, arrays: Arrays, number: int) -> Any:
    """Put together what the drawing looks at, as `knn_digits.explanation.Explanation` has it."""
    told = results["explanations"][number]
    evidence = arrays["explained_maps"][number]
    return SimpleNamespace(
        preset=told["preset"],
        image=arrays["explained_images"][number],
        normalized=arrays["explained_normalized"][number],
        classes=np.array(results["dataset"]["classes"]),
        votes=arrays["explained_votes"][number],
        credibility=np.nan if told["credibility"] is None else told["credibility"],
        answer=_resemblance(told["answer"], arrays, number, 0),
        runner_up=None if told["runner_up"] is None else _resemblance(told["runner_up"], arrays, number, 1),
        neighbor_labels=[neighbor["label"] for neighbor in told["neighbors"]],
        neighbor_distances=[neighbor["distance"] for neighbor in told["neighbors"]],
        neighbor_images=arrays["explained_neighbors"][number],
        evidence_map=None if np.isnan(evidence).all() else evidence,
    )


def _resemblance(told: dict[str, Any], arrays: Arrays, number: int, which: int) -> SimpleNamespace:
    residual = arrays["explained_residuals"][number, which]
    return SimpleNamespace(
        label=told["label"],
        probability=told["probability"],
        share=told["share"],
        id=told["train"],
        distance=told["distance"],
        image=arrays["explained_references"][number, which],
        compared=arrays["explained_compared"][number, which],
        displacement=arrays["explained_displacements"][number, which],
        residual=residual,
        unexplained=float(residual.sum()),
    )
