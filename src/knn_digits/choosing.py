"""Which candidates of a line are its digits: log odds of each being exactly one digit, and the path of the most.

Wrong cuts make pieces that the recognizer finds strange, or that differ from the rest of the line in size or
place. All that is weighed into log odds; a path over candidates that follow each other is worth the sum of
its own, so that two good digits beat one doubtful one, and one good digit two doubtful halves. The weights are
those of a conditional random field over all paths (J. Lafferty, A. McCallum, F. Pereira, 2001).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knn_digits.classifier import Answers
from knn_digits.images.segmentation import Candidate, Line

__all__ = ["Weights", "best_path", "columns_of", "digit_log_odds", "learned_weights"]

_LEAST_CREDIBLE = 1e-4
_ANY, _WITH_MORE = 0, 1  # paths: all, and those whose last digit has more atoms than one that the next may share


@dataclass(frozen=True, eq=False)
class Weights:
    """What speaks how much for and against a candidate.

    Attributes
    ----------
    columns : float64 ndarray of shape (n_columns,)
        Of the columns of `columns_of`.
    left_out : float
        Log odds lost by leaving out ink as large as half a digit, or larger.
    """

    columns: NDArray[np.float64]
    left_out: float


@cache
def learned_weights() -> Weights:
    """The weights that `scripts/fit-choosing` learned from made pictures of training digits."""
    learned = json.loads(Path(__file__).with_name("choosing_weights.json").read_text(encoding="utf-8"))
    return Weights(np.array(learned["weights"]), float(learned["left_out"]))


def digit_log_odds(answers: Answers, measures: NDArray[np.float64], weights: Weights) -> NDArray[np.float64]:
    """Weigh for and against candidates being exactly one digit each.

    Parameters
    ----------
    answers : Answers
        The recognizer's, of n candidates.
    measures : float64 ndarray of shape (n, 13)
        As `images.segmentation.MEASURES` names them.
    weights : Weights

    Returns
    -------
    log_odds : float64 ndarray of shape (n,)
    """
    return columns_of(answers, measures) @ weights.columns


def columns_of(answers: Answers, measures: NDArray[np.float64]) -> NDArray[np.float64]:
    """What log odds are a weighted sum of: float64 of shape (n, number of weights)."""
    probability = answers.probabilities.max(axis=1).clip(1e-4, 1 - 1e-4)
    credible = np.log(np.maximum(np.nan_to_num(answers.credibility, nan=0.5), _LEAST_CREDIBLE))
    height, width, offset, gap, n_cut, cut, crossed, crossings, inner, inner_gaps, ink, overlap, shared = (
        measures.T
    )
    label = answers.labels.astype(str)[:, None] == np.array(list("0123456789"))
    of_any = [
        _steps(np.log(probability / (1 - probability)), (0, 2, 4, 6)),
        _steps(credible, (-9, -7.5, -6, -4.5, -3, -1.5)),
        _steps(height, (0.4, 0.55, 0.7, 0.85, 1.0, 1.15, 1.3)),
        _steps(width, (0.1, 0.3, 0.5, 0.7, 0.9, 1.1)),
        _steps(overlap, (0, 0.3, 0.6)),
        label,
    ]
    return np.concatenate(
        [
            *of_any,
            # The same evidence weighs otherwise where a cut made the candidate.
            *(column * (n_cut[:, None] > 0) for column in of_any),
            _steps(offset, (0, 0.1, 0.25)),
            _steps(gap, (0, 0.05)),
            _steps(cut, (0, 0.15, 0.4, 0.8)),
            _steps(crossed, (0, 1, 2, 3)),
            _steps(crossings, (0, 1, 2, 3, 4)),
            _steps(inner, (0, 0.1, 0.2, 0.4, 0.8)),
            _steps(np.log(np.maximum(ink, 1e-3)), (-4, -3, -2, -1)),
            _steps(shared, (0, 0.02, 0.05)),
            shared[:, None] > 0,
            n_cut[:, None] == [1, 2],
            np.minimum(inner_gaps, 2)[:, None] == [1, 2],
            label * width[:, None],
            label * height[:, None],
        ],
        axis=1,
    )


def _steps(values: NDArray[np.float64], knots: tuple[float, ...]) -> NDArray[np.float64]:
    """How far values are beyond each knot, at most to the next: weights make a piecewise linear curve of them."""
    lengths = np.diff(knots, append=np.inf)
    return np.clip(values[:, None] - knots, 0, lengths)


def best_path(
    line: Line, log_odds: NDArray[np.float64], left_out: float, n_digits: int | None = None
) -> list[int]:
    """Choose candidates that follow each other, so that their log odds are largest in sum.

    Parameters
    ----------
    line : Line
    log_odds : float64 ndarray of shape (n_candidates,)
    left_out : float
        Log odds lost by leaving out ink as large as half a digit, or larger.
    n_digits : int, optional
        How many to choose. Where so many cannot be, as many as come nearest from below.

    Returns
    -------
    chosen : list of int
        Positions among the line's candidates, from left to right. Atoms may be left out, the larger the dearer.
    """
    n = len(line.sizes)
    most = n if n_digits is None else min(n, n_digits)
    scores = np.full((2, n + 1, most + 1), -np.inf)
    scores[_ANY, 0, 0] = 0.0
    came = np.full((2, n + 1, most + 1), -1)  # the candidate that ends there, -1 where the atom is left out
    ending: list[list[int]] = [[] for _ in range(n + 1)]
    for i, candidate in enumerate(line.candidates):
        ending[candidate.end].append(i)
    for end in range(1, n + 1):
        scores[_ANY, end] = scores[_ANY, end - 1] - left_out * min(1.0, 2 * line.sizes[end - 1])
        for i in ending[end]:
            candidate = line.candidates[i]
            through = scores[_before(candidate), candidate.first, :-1] + log_odds[i]
            for paths in (_ANY, _WITH_MORE)[: candidate.end - candidate.first]:
                better = through > scores[paths, end, 1:]
                scores[paths, end, 1:][better] = through[better]
                came[paths, end, 1:][better] = i
    best = scores[_ANY, n]
    count = int(best.argmax()) if n_digits is None else int(np.flatnonzero(np.isfinite(best))[-1])
    return _walked_back(line, came, n, count)


def _before(candidate: Candidate) -> int:
    """Which paths it may follow: where it shares an atom with the digit before, that must have others."""
    return _WITH_MORE if candidate.shares else _ANY


def _walked_back(line: Line, came: NDArray[np.int64], at: int, count: int) -> list[int]:
    chosen, paths = [], _ANY
    while at:
        i = int(came[paths, at, count])
        if i < 0:
            at -= 1
        else:
            chosen.append(i)
            paths, at, count = _before(line.candidates[i]), line.candidates[i].first, count - 1
    return chosen[::-1]
