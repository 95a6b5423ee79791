"""Finding the nearest references, and letting them vote.

::

    growing.py   GrowingRows   rows that may be memory-mapped, and a tail that learns more
    search.py    ExactSearch   the exact k nearest rows, same answer to the bit for any batch and thread count
    voting.py    vote          neighbors' labels and distances -> class probabilities, ties settled in writing
    hulls.py     hull_scores   how near a query lies to what its neighbors of each class span
    *_kernel(s).py             compiled with Numba; each has its twin in plain NumPy

The classifier calls ``ExactSearch.kneighbors`` and hands what it finds to ``vote``, or to ``hull_scores`` and
``shares_of_scores``; tuning calls the first two, with ``votes_for_each_k`` in place of ``vote``.
"""

from knn_digits.neighbors.growing import GrowingRows
from knn_digits.neighbors.hulls import hull_score, hull_scores
from knn_digits.neighbors.search import ExactSearch
from knn_digits.neighbors.voting import WEIGHTS, shares_of_scores, vote, votes_for_each_k

__all__ = [
    "WEIGHTS",
    "ExactSearch",
    "GrowingRows",
    "hull_score",
    "hull_scores",
    "shares_of_scores",
    "vote",
    "votes_for_each_k",
]
