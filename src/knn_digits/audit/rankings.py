"""Where labels known to be disputed come in our order of suspects, and in cleanlab's on the same probabilities.

Cleanlab (Apache-2.0) is the reference implementation of confident learning (C. Northcutt, L. Jiang, I. Chuang,
JAIR 70, 2021). It is not needed: where it is not installed, its rows say so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from knn_digits.audit.suspects import by_contradiction

__all__ = ["CUTOFFS", "Ranking", "rank_disputed"]

CUTOFFS = (15, 50, 100)
_NOT_INSTALLED = "not installed: pip install 'knn-digits[audit]'"

_Order = Callable[[NDArray[np.int64], NDArray[np.float64]], NDArray[np.int64]]


@dataclass(frozen=True)
class Ranking:
    """An order of suspects, and where the disputed labels come in it.

    Attributes
    ----------
    by : {"knn-digits", "cleanlab"}
    version : str or None
    method : str
        The rule, for people.
    note : str or None
        What to know when it is compared with the others.
    n_ranked : int or None
        How many labels it lists.
    ranks : tuple of (int or None), or None
        Of each disputed label, in the order of their positions, its place from 1; None where it is not listed.
    left_out : str or None
        Why there is nothing.
    """

    by: str
    version: str | None
    method: str
    note: str | None
    n_ranked: int | None = None
    ranks: tuple[int | None, ...] | None = None
    left_out: str | None = None

    def among_first(self, n: int) -> int | None:
        """Count the disputed labels among the first n."""
        return None if self.ranks is None else sum(rank is not None and rank <= n for rank in self.ranks)


def rank_disputed(
    codes: NDArray[np.int64], probabilities: NDArray[np.float64], disputed: tuple[int, ...]
) -> tuple[Ranking, ...]:
    """Rank all labels by our rule and by cleanlab's, and say where the disputed ones come.

    Parameters
    ----------
    codes : int64 ndarray of shape (n,)
    probabilities : float64 ndarray of shape (n, n_classes)
    disputed : tuple of int
        Rows whose labels are disputed.
    """
    from knn_digits import __version__

    ours = Ranking("knn-digits", __version__, "probability of the label", None)
    return (
        _ranked(ours, by_contradiction(probabilities, codes), disputed),
        *(
            _ranked_by_cleanlab(method, note, order, codes, probabilities, disputed)
            for method, note, order in _CLEANLAB
        ),
    )


def _ranked_by_cleanlab(
    method: str,
    note: str | None,
    order: _Order,
    codes: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    disputed: tuple[int, ...],
) -> Ranking:
    try:
        found = order(codes, probabilities)
    except ImportError:
        return Ranking("cleanlab", None, method, note, left_out=_NOT_INSTALLED)
    return _ranked(Ranking("cleanlab", version("cleanlab"), method, note), found, disputed)


def _ranked(ranking: Ranking, order: NDArray[np.int64], disputed: tuple[int, ...]) -> Ranking:
    place = {int(row): rank for rank, row in enumerate(order, start=1)}
    return Ranking(
        ranking.by,
        ranking.version,
        ranking.method,
        ranking.note,
        n_ranked=len(order),
        ranks=tuple(place.get(row) for row in disputed),
    )


def _by_quality(method: str) -> _Order:
    def order(codes: NDArray[np.int64], probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
        from cleanlab.rank import get_label_quality_scores

        return np.argsort(get_label_quality_scores(codes, probabilities, method=method), kind="stable")

    return order


def _by_filter(codes: NDArray[np.int64], probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    from cleanlab.filter import find_label_issues

    # One process: its pool of workers would copy all of ours.
    return find_label_issues(codes, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)


_CLEANLAB: tuple[tuple[str, str | None, _Order], ...] = (
    (
        "self_confidence",
        "the probability of the label: the same order as ours by construction, ties apart",
        _by_quality("self_confidence"),
    ),
    (
        "normalized_margin",
        "the probability of the label less that of the best other class: nearly the same order, as mostly two "
        "classes share nearly all",
        _by_quality("normalized_margin"),
    ),
    (
        "confidence_weighted_entropy",
        "the entropy of the probabilities, divided by the probability of the label",
        _by_quality("confidence_weighted_entropy"),
    ),
    (
        "find_label_issues",
        "a selection by its default filter: the labels it takes for errors, by self_confidence, and no others",
        _by_filter,
    ),
)
