"""From any picture to what may be digits in it, each in the frame in which digits are learned and read.

::

    headers.py         what a file is and how large, before anything is decoded
    reading.py         read_picture      a file of six formats, hostile ones too -> pixels to work on
    ink.py             ink_of            how much ink lies where, 0..1: paper, noise and polarity are taken away
    ruling.py          without_rules     ruled lines and frames taken away from under the digits
    segmentation.py    segment           a picture -> lines, and in each what may be a digit
    seams.py           find_cuts         where ink may be cut that may be several digits
    normalization.py   normalize_digit   a gray picture of one digit, of any size and polarity -> MNIST's frame
                       └── frame_digit   ink, scaled and centered as MNIST's makers did

It knows no classifier and no data set. It is the only road for a foreign picture: what is served, what is tuned
and what is tested are prepared by the same code.
"""

from knn_digits.images.ink import ink_of
from knn_digits.images.normalization import frame_digit, normalize_digit

__all__ = ["frame_digit", "ink_of", "normalize_digit"]
