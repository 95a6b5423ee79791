"""From any picture of a digit to the frame in which digits are learned and read.

::

    normalization.py   normalize_digit   a gray picture of one digit, of any size and polarity -> MNIST's frame
                       ├── ink_of        how much ink lies where, 0..1: paper, noise and polarity are taken away
                       └── frame_digit   the ink, scaled and centered as MNIST's makers did

It knows no classifier and no data set. It is the only road for a foreign picture: what is served, what is tuned
and what is tested are prepared by the same code.
"""

from knn_digits.images.ink import ink_of
from knn_digits.images.normalization import frame_digit, normalize_digit

__all__ = ["frame_digit", "ink_of", "normalize_digit"]
