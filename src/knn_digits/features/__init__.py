"""Transformers from images to the vectors among which neighbors are searched (scikit-learn's API).

::

    images.py          ImageTransformer       one rule for all values; base of the two transformers of images
    normalization.py   MomentNormalizer       upright, of typical width and height
    orientations.py    OrientationHistogram   where in the image strokes run in which direction
    discriminant.py    NeighborDiscriminant   what tells a digit from its near neighbors of other classes
    embedding.py       DigitEmbedding         these three in a row
    cosine.py          CosineEmbedding        rows of one length: Euclidean distance orders them as the cosine does
    *_kernel.py        compiled with Numba; each has its twin in plain NumPy in the file it is named after
"""

from knn_digits.features.cosine import CosineEmbedding
from knn_digits.features.discriminant import NeighborDiscriminant
from knn_digits.features.embedding import DigitEmbedding
from knn_digits.features.normalization import MomentNormalizer
from knn_digits.features.orientations import OrientationHistogram

__all__ = ["CosineEmbedding", "DigitEmbedding", "MomentNormalizer", "NeighborDiscriminant", "OrientationHistogram"]
