"""What speaks for an answer, in five numbers an image.

Images whose neighbors are all of one class ("unanimous") are told from those where another class is in question
("contested"); each kind has its own two or three columns, which are 0 for the other kind:

====================  =====================================================================================
contested             1 where more than one class is in question
margin                share of the votes by which the answer leads; 0 where classes are judged by scores
ratio                 logarithm of: runner-up's squared distance, or score, over the answer's
unanimous             1 where no other class is in question
unanimous_ratio       logarithm of: a bound on any other class's squared distance, over the nearest one's
====================  =====================================================================================

More of any but the two flags means less doubt. Ratios do not depend on the scale of the vectors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLUMNS", "evidence_of_scores", "evidence_of_votes"]

COLUMNS = ("contested", "margin", "ratio", "unanimous", "unanimous_ratio")
# Added to both sides of a ratio, as a share of the farthest distance: a distance of 0 is no infinite evidence.
_SOFTENED_BY = 1e-3


def evidence_of_votes(
    shares: NDArray[np.float64], codes: NDArray[np.integer], squared: NDArray
) -> NDArray[np.float64]:
    """Weigh answers by vote.

    Parameters
    ----------
    shares : float64 ndarray of shape (n, n_classes)
        Shares of the vote.
    codes : integer ndarray of shape (n, m)
        Classes of the nearest images, nearest first: those that vote, and more where there are more.
    squared : ndarray of shape (n, m)
        Their squared distances.

    Returns
    -------
    evidence : float64 ndarray of shape (n, 5)
    """
    ordered = np.sort(shares, axis=1)
    lead = ordered[:, -1] - ordered[:, -2] if shares.shape[1] > 1 else np.ones(len(shares))
    contested = lead < ordered[:, -1]
    of_answer = codes == shares.argmax(axis=1)[:, None]
    far = squared[:, -1].astype(np.float64)
    nearest = np.where(of_answer, squared, np.inf).min(axis=1)
    # Any image of another class that was not seen is at least as far as the last one seen.
    runner_up = np.minimum(np.where(of_answer, np.inf, squared).min(axis=1), far)
    return _columns(contested, lead, _log_ratio(runner_up, nearest, far), _log_ratio(runner_up, nearest, far))


def evidence_of_scores(scores: NDArray[np.float64], squared: NDArray) -> NDArray[np.float64]:
    """Weigh answers by class scores, of which the smallest is best.

    Parameters
    ----------
    scores : float64 ndarray of shape (n, n_classes)
        Infinity for a class that is out of the question.
    squared : ndarray of shape (n, m)
        Squared distances of the candidates, ascending.

    Returns
    -------
    evidence : float64 ndarray of shape (n, 5)
    """
    ordered = np.sort(scores, axis=1)
    best = ordered[:, 0]
    second = ordered[:, 1] if scores.shape[1] > 1 else np.full(len(scores), np.inf)
    contested = np.isfinite(second)
    far = squared[:, -1].astype(np.float64)
    among_scores = _log_ratio(np.where(contested, second, 0), np.where(contested, best, 0), far)
    return _columns(contested, np.zeros(len(scores)), among_scores, _log_ratio(far, squared[:, 0], far))


def _log_ratio(larger: NDArray, smaller: NDArray, far: NDArray[np.float64]) -> NDArray[np.float64]:
    soft = _SOFTENED_BY * far
    # Where even the farthest is at distance 0, all that was seen are copies: nothing else is in question.
    copies = far <= 0
    return np.where(copies, -np.log(_SOFTENED_BY), np.log((larger + soft + copies) / (smaller + soft + copies)))


def _columns(
    contested: NDArray[np.bool_],
    margin: NDArray[np.float64],
    ratio: NDArray[np.float64],
    unanimous_ratio: NDArray[np.float64],
) -> NDArray[np.float64]:
    evidence = np.zeros((len(contested), len(COLUMNS)))
    evidence[:, 0], evidence[:, 3] = contested, ~contested
    evidence[contested, 1], evidence[contested, 2] = margin[contested], ratio[contested]
    evidence[~contested, 4] = unanimous_ratio[~contested]
    return evidence
