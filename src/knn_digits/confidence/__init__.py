"""How sure an answer is: pure arithmetic on what a judge found, and on what was found out of fold.

::

    evidence.py         what speaks for an answer, in five numbers
    calibration.py      evidence -> probabilities that mean what they say
    out_of_fold.py      what training images were answered by models that had not seen them
    credibility.py      is it a digit at all? a conformal p-value
    rejection.py        which answers to withhold, so that few of the others are wrong
    prediction_sets.py  the labels that cannot be ruled out

All is learned from training images answered out of fold, none of it from test images.
"""

from knn_digits.confidence.calibration import Calibration
from knn_digits.confidence.evidence import evidence_of_scores, evidence_of_votes
from knn_digits.confidence.out_of_fold import OutOfFold

__all__ = ["Calibration", "OutOfFold", "evidence_of_scores", "evidence_of_votes"]
