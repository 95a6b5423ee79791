"""An explanation in words: how sure, how typical, and what tells the answer from the runner-up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.drawing.wording import count, distance, label_text, percent

__all__ = ["headline", "how_sure", "how_typical", "reason", "share", "story", "where_most"]

# A probability of at least the first number is called by the word.
_SURENESS = (
    (0.999, "certain"),
    (0.99, "almost certain"),
    (0.9, "fairly sure"),
    (0.6, "in doubt"),
    (0.0, "a guess"),
)
_TYPICALNESS = (
    (0.25, "a typical digit"),
    (0.05, "an unusual digit"),
    (0.005, "hardly a digit"),
    (0.0, "not a digit like those learned"),
)
# By more than this factor the runner-up must be farther, or leave more unexplained, to be told apart by that.
_DIFFERS = 1.1


def share(value: float) -> str:
    """Write a probability or a share in percent; one that is not quite all or nothing never as these."""
    if 0 < value < 0.0001:
        return f"below {percent(0.0001)}"
    return f"above {percent(0.9999)}" if 0.9999 < value < 1 else percent(value, 0 if value in (0, 1) else 2)


def how_sure(probability: float) -> str:
    """Say in a word how sure an answer of this probability is."""
    return next(word for least, word in _SURENESS if probability >= least)


def how_typical(credibility: float) -> str:
    """Say in words how far an image of this credibility is a digit."""
    if np.isnan(credibility):
        return "credibility unknown"
    return next(words for least, words in _TYPICALNESS if credibility >= least)


def headline(explanation: Any) -> str:
    """Say what the image is read as, and what not."""
    answer, runner_up = explanation.answer, explanation.runner_up
    rather = "" if runner_up is None else f", not {label_text(runner_up.label)}"
    return f"Read as {label_text(answer.label)}{rather}"


def reason(explanation: Any) -> str:
    """Say what tells the nearest reference of the answer from that of the runner-up."""
    answer, runner_up = explanation.answer, explanation.runner_up
    if runner_up is None:
        return "All references are of this class."
    names = label_text(answer.label), label_text(runner_up.label)
    if answer.distance == 0 < runner_up.distance:
        return f"A {names[0]} lies at distance 0, the nearest {names[1]} at {distance(runner_up.distance)}."
    farther = _beside(answer.distance, runner_up.distance)
    words = f"The nearest {names[1]} is {farther} far as the nearest {names[0]}"
    telling = runner_up.distance > _DIFFERS * answer.distance
    if not np.isnan(answer.unexplained):
        words += f"; with strokes moved, it leaves {_remainder(answer.unexplained, runner_up.unexplained)}"
        telling = telling or runner_up.unexplained > _DIFFERS * answer.unexplained
    return f"{words}." if telling else f"{words}. All that is near, taken together, decides."


def story(explanation: Any) -> str:
    """Tell the whole picture in a few sentences, for those who do not see it."""
    answer, runner_up = explanation.answer, explanation.runner_up
    sentences = [
        f"{headline(explanation)}: {share(answer.probability)}, {how_sure(answer.probability)}.",
        _credible(explanation.credibility),
        f"The nearest {_named(answer)}{'' if runner_up is None else f'; the nearest {_named(runner_up)}'}.",
        reason(explanation),
    ]
    if place := where_most(explanation.evidence_map):
        sentences.append(f"What speaks most for {label_text(answer.label)} lies {place}.")
    return " ".join(sentences)


def where_most(evidence: NDArray[np.float64] | None) -> str:
    """Say in which of nine parts of the image most speaks for the answer; nothing where nothing does."""
    if evidence is None or min(evidence.shape) < 3 or evidence.max() <= 0:
        return ""
    most = np.maximum(evidence, 0)
    parts = [[part.sum() for part in np.array_split(band, 3, axis=1)] for band in np.array_split(most, 3, axis=0)]
    row, column = divmod(int(np.argmax(parts)), 3)
    words = ("upper", "middle", "lower")[row], ("left", "center", "right")[column]
    return "in the center" if row == column == 1 else f"at the {' '.join(words)}"


def _beside(answers: float, runner_ups: float) -> str:
    """Say how many times as far, or as much, the runner-up's is."""
    if answers == runner_ups:
        return "as"
    ratio = runner_ups / answers
    digits = 0 if ratio >= 9.95 else 1 if abs(ratio - 1) > 0.095 else 2
    return f"{ratio:.{digits}f} times as"


def _remainder(answers: float, runner_ups: float) -> str:
    if answers == 0 < runner_ups:
        return f"{count(round(runner_ups))} unexplained, the other nothing"
    return f"{_beside(answers, runner_ups)} much unexplained"


def _credible(credibility: float) -> str:
    if np.isnan(credibility):
        return "Its credibility is unknown."
    return f"Credibility {percent(credibility, 1)}: {how_typical(credibility)}."


def _named(resemblance: Any) -> str:
    known = not np.isnan(resemblance.unexplained)
    left = f", and leaves {count(round(resemblance.unexplained))} unexplained" if known else ""
    where = f"number {resemblance.id}, at distance {distance(resemblance.distance)}"
    return f"{label_text(resemblance.label)} is {where}{left}"
