"""A picture -> its digits: `images.segmentation` proposes the cuts, the recognizer's confidence chooses among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.classifier import KNNDigitClassifier
from knn_digits.images.reading import Picture

__all__ = ["DigitReader", "ReadDigit", "Reading"]


@dataclass(frozen=True, eq=False)
class ReadDigit:
    """One digit of a picture, as it was read.

    Attributes
    ----------
    box : tuple of 4 ints
        Left, top, right, bottom (right and bottom exclusive), in pixels of the picture as it is meant to be seen.
    digit : label
        The answer: one of the model's classes.
    probability, credibility : float
        Of the answer, and of being a digit at all (NaN where the model cannot tell).
    unsure : bool
        Whether the answer is too likely to be wrong.
    foreign : bool
        Whether it looks like no digit.
    runner_up : label or None
        The class of the next largest probability.
    runner_up_probability : float
    neighbors : tuple of ints
        Ids of the nearest references, nearest first.
    image : uint8 ndarray of shape (28, 28)
        As it was brought into the frame of MNIST and given to the model.
    """

    box: tuple[int, int, int, int]
    digit: Any
    probability: float
    credibility: float
    unsure: bool
    foreign: bool
    runner_up: Any
    runner_up_probability: float
    neighbors: tuple[int, ...]
    image: NDArray[np.uint8]

    @property
    def doubtful(self) -> bool:
        """Whether a person should look at it."""
        return self.unsure or self.foreign


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read in one picture.

    Attributes
    ----------
    lines : tuple of tuples of ReadDigit
        Lines from top to bottom, digits from left to right; empty where there are none.
    """

    lines: tuple[tuple[ReadDigit, ...], ...]

    @property
    def digits(self) -> tuple[ReadDigit, ...]:
        """All digits in reading order."""
        return tuple(digit for line in self.lines for digit in line)

    @property
    def text(self) -> str:
        r"""The best digit at every place, lines joined by ``\n``."""
        return "\n".join("".join(str(digit.digit) for digit in line) for line in self.lines)

    @property
    def confidence(self) -> float:
        """Probability that all digits are right, were they independent; 1 where there are none."""
        return float(np.prod([digit.probability for digit in self.digits]))


class DigitReader:
    """Reads pictures of digits.

    Parameters
    ----------
    model : KNNDigitClassifier
        Fitted, on frames of 28x28.
    max_error : float, optional
        Share of the digits read that may be wrong without being marked as unsure.
    expect : int, optional
        How many digits every line must have.
    n_jobs : int, optional
        Threads, counted as joblib counts them.
    """

    def __init__(
        self,
        model: KNNDigitClassifier,
        *,
        max_error: float | None = None,
        expect: int | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.model, self.max_error, self.expect, self.n_jobs = model, max_error, expect, n_jobs

    def read(self, picture: Picture | NDArray[np.uint8]) -> Reading:
        """Read one picture."""
        return next(self.read_all([picture]))

    def read_all(self, pictures: Iterable[Picture | NDArray[np.uint8]]) -> Iterator[Reading]:
        """Read pictures, in their order, several at a time; the first ones soonest."""
        raise NotImplementedError
