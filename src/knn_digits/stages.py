"""What each stage of a preset buys, in errors and milliseconds: one fitted model, asked by ever more stages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.answering import Answered, answer_in_batches, answering_by, contested, warm_up
from knn_digits.baseline import Baseline
from knn_digits.classifier import PRESETS, KNNDigitClassifier
from knn_digits.evaluation import evaluate, mcnemar
from knn_digits.experiment_data import ExperimentData
from knn_digits.progress import Progress

__all__ = ["measure_stages"]

_N_VOTING = 5  # among the learned vectors alone, where no preset says how many vote

_Stage = tuple[str, str | None, NDArray, float]  # name, preset, answers, seconds


def measure_stages(
    data: ExperimentData, preset: str, evaluated: Answered, pixels: Baseline, told: Progress
) -> dict[str, Any] | None:
    """Compare raw pixels, learned vectors, and what judges the candidates among these.

    Parameters
    ----------
    data : ExperimentData
    preset : str
    evaluated : Answered
        The preset's answers. Its model serves every stage; its answers are those of the last one.
    pixels : Baseline
        Answers by raw pixels.
    told : Progress

    Returns
    -------
    stages : dict or None
        Fields of ``stages`` in ``results.json``. None where the candidates are not judged class by class.
    """
    if evaluated.candidates is None:
        return None
    n_contested = int(contested(evaluated.model, evaluated.candidates).sum())
    rows: list[dict[str, Any]] = []
    before = None
    for name, its_preset, answers, seconds in _stages(data, preset, evaluated, pixels, told):
        change = None if before is None else mcnemar(data.test.labels, before, answers)
        rows.append(
            {
                **evaluate(name, data.test.labels, answers, classes=data.classes).summary(),
                "preset": its_preset,
                "predict_s": seconds,
                "ms_per_image": 1000 * seconds / len(data.test),
                "mended": None if change is None else change.only_first_wrong,
                "made": None if change is None else change.only_second_wrong,
                "p_value": None if change is None else change.p_value,
            }
        )
        before = answers
    return {
        "n_candidates": evaluated.candidates.shape[1],
        "n_contested": n_contested,
        "contested_share": n_contested / len(data.test),
        "rows": rows,
    }


def _stages(
    data: ExperimentData, preset: str, evaluated: Answered, pixels: Baseline, told: Progress
) -> Iterator[_Stage]:
    model, last = evaluated.model, (preset, evaluated.answers, evaluated.predict_seconds)
    yield f"raw pixels, {pixels.n_neighbors} nearest vote", "pixels", pixels.answers, pixels.predict_seconds
    k = min(_N_VOTING, len(data.train))
    voting = answering_by(model, weights="uniform", n_neighbors=k, rerank=False)
    yield f"learned vectors, {k} nearest vote", None, *_answers(data, voting, evaluated, "learned vectors", told)
    hulls = "+ local hulls where contested"
    if model.rerank_ is None:
        yield hulls, *last
        return
    judging = answering_by(model, rerank=False)
    yield hulls, _preset_without_rerank(preset), *_answers(data, judging, evaluated, "local hulls", told)
    yield "+ image distortion where contested", *last


def _answers(
    data: ExperimentData, model: KNNDigitClassifier, evaluated: Answered, name: str, told: Progress
) -> tuple[NDArray, float]:
    warm_up(model, data.test.rows, evaluated.candidates)
    with told.step(f"Stages: {name}", len(data.test)) as advance:
        probabilities, seconds = answer_in_batches(model, data.test.rows, advance)
    return model.classes_[np.argmax(probabilities, axis=1)], seconds


def _preset_without_rerank(preset: str) -> str | None:
    """Name the preset that is another but for its last stage; None where there is no such."""
    wanted = repr(replace(PRESETS[preset], rerank=None))
    return next((name for name, p in PRESETS.items() if repr(p) == wanted), None)
