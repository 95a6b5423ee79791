"""Transformers from images to the vectors among which neighbors are searched (scikit-learn's API).

::

    cosine.py   CosineEmbedding   rows of one length, so that Euclidean distance orders as the cosine does
"""

from knn_digits.features.cosine import CosineEmbedding

__all__ = ["CosineEmbedding"]
