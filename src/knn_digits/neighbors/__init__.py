"""Finding the nearest references, and letting them vote.

::

    growing.py   GrowingRows   rows that may be memory-mapped, and a tail that learns more
    search.py    ExactSearch   the exact k nearest rows, same answer to the bit for any batch and thread count
    voting.py    vote          neighbors' labels and distances -> class probabilities, ties settled in writing

The classifier calls ``ExactSearch.kneighbors`` and hands what it finds to ``vote``; tuning calls the
same two, with ``votes_for_each_k`` in place of ``vote``.
"""

from knn_digits.neighbors.growing import GrowingRows
from knn_digits.neighbors.search import ExactSearch
from knn_digits.neighbors.voting import WEIGHTS, vote, votes_for_each_k

__all__ = ["WEIGHTS", "ExactSearch", "GrowingRows", "vote", "votes_for_each_k"]
