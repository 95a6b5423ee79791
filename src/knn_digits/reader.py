"""A picture -> its digits: `images.segmentation` proposes, `choosing` weighs what the recognizer says of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.choosing import Weights, best_path, digit_log_odds, learned_weights
from knn_digits.classifier import Answers, KNNDigitClassifier
from knn_digits.confidence.rejection import RejectingClassifier
from knn_digits.images.reading import Picture
from knn_digits.images.segmentation import Candidate, Line, segment
from knn_digits.threads import blocks_of, map_blocks

__all__ = ["FOREIGN", "DigitReader", "ReadDigit", "Reading"]

SIDE = 28
FOREIGN = 0.01  # credibility up to which a digit is marked as none: of real digits, 1 %
_UNSURE_SHARE = 0.01  # of training digits: the least sure are marked where nothing else is asked for
_N_NEIGHBORS = 8
_LARGEST_BATCH = 64
_LARGE = 50_000  # pixels of a picture
_GOOD = 6.0  # log odds from which connected ink is not cut
_SMALLEST_CUT, _NARROWEST_CUT = 0.5, 0.25  # of connected ink: its larger side and its width, in digit heights
_FIRST_CUT = 12.0  # digit heights of connected ink that are cut in any picture
_CUT_ON = 0.5  # share of digits made of it that must look like digits for the rest to be cut, too


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
        Share of the digits read that may be wrong without being marked as unsure, as far as training images
        show. Default: answers are unsure where they are among the least sure 1 % of those.
    expect : int, optional
        How many digits every line must have; fewer are found only where there is no ink for so many.
    n_jobs : int, optional
        Threads, counted as joblib counts them.
    weights : Weights, optional
        For and against what may be digits; by default those learned from made pictures.

    Raises
    ------
    ValueError
        If the model is of frames other than 28x28, `expect` is not positive, or no answers of the model are sure
        enough for `max_error`.
    """

    def __init__(
        self,
        model: KNNDigitClassifier,
        *,
        max_error: float | None = None,
        expect: int | None = None,
        n_jobs: int | None = None,
        weights: Weights | None = None,
    ) -> None:
        if model.n_features_in_ != SIDE**2:
            raise ValueError(
                f"expected a model of {SIDE}x{SIDE} pixels, got one of {model.n_features_in_}: "
                "fit it on digits in MNIST's frame (knn_digits.images.normalize_digit)"
            )
        if expect is not None and expect < 1:
            raise ValueError(f"expect must be at least 1, got {expect}")
        self.model, self.expect, self.n_jobs = model, expect, n_jobs
        self.least_sure = _least_sure(model, max_error)
        self.weights = learned_weights() if weights is None else weights

    def read(self, picture: Picture | NDArray[np.uint8]) -> Reading:
        """Read one picture.

        Parameters
        ----------
        picture : Picture, or uint8 ndarray of shape (height, width) or (height, width, 3)
        """
        return next(self.read_all([picture]))

    def read_all(self, pictures: Iterable[Picture | NDArray[np.uint8]]) -> Iterator[Reading]:
        """Read pictures, in their order; the first is there soonest, then several are answered at a time."""
        source = iter(pictures)
        size = 1
        while batch := list(islice(source, size)):
            yield from self.read_batch(batch)
            size = min(2 * size, _LARGEST_BATCH)

    def read_batch(self, pictures: Sequence[Picture | NDArray[np.uint8]]) -> list[Reading]:
        """Read pictures together: their candidates are answered at a time."""
        n_pixels = sum(prod(_pixels_of(picture).shape[:2]) for picture in pictures)
        # In small pictures, threads would only wait for each other at the interpreter's lock.
        n_jobs = self.n_jobs if n_pixels >= _LARGE * len(pictures) else 1
        segmented = map_blocks(
            lambda block: [segment(_pixels_of(picture)) for picture in pictures[block]],
            blocks_of(len(pictures), 8, n_jobs),
            n_jobs,
        )
        found = [lines for block in segmented for lines in block]
        chosen = iter(self._chosen(found, n_jobs))
        readings = []
        for picture, lines in zip(pictures, found, strict=True):
            read = [[self._digit(asked, picture) for asked in next(chosen)] for _ in lines]
            readings.append(Reading(tuple(tuple(digits) for digits in read if digits)))
        return readings

    def _chosen(self, found: list[tuple[Line, ...]], n_jobs: int | None) -> list[list[_Asked]]:
        """Choose the digits of pictures' lines; where connected ink is no good digit, cut it and choose again."""
        paths = iter(self._best([line for lines in found for line in lines]))
        pages = [[_Choice(line, next(paths)) for line in lines] for lines in found]
        while again := [choice for page in pages for choice in self._to_be_cut(page)]:
            blocks = blocks_of(len(again), 1, n_jobs)
            cut = map_blocks(partial(_cut, again), blocks, n_jobs)
            lines = [line for block in cut for line in block]
            for choice, line, path in zip(again, lines, self._best(lines), strict=True):
                choice.line, choice.path = line, path
        return [choice.path for page in pages for choice in page]

    def _to_be_cut(self, page: list[_Choice]) -> list[_Choice]:
        """Choose ink of a picture to be cut next, and tell the lines it is of.

        Textures and noise have thousands of pieces that are no digits. So a picture begins with a few, and goes on
        if what comes of them looks like digits.
        """
        made = [not asked.foreign for choice in page for asked in choice.made_by_cutting]
        goes_on = made and np.mean(made) >= _CUT_ON
        left = np.inf if goes_on else _FIRST_CUT - sum(choice.sizes_cut for choice in page)
        again = []
        for choice in page:
            as_expected = self.expect in (None, len(choice.path))
            before = len(choice.cut)
            for component in choice.doubtful(every=not as_expected):
                if choice.found.sizes[component] <= left:
                    left -= choice.found.sizes[component]
                    choice.cut.add(component)
            if len(choice.cut) > before:
                again.append(choice)
        return again

    def _best(self, lines: list[Line]) -> list[list[_Asked]]:
        """Ask about all candidates at once, and choose the digits of each line."""
        candidates = [c for line in lines for c in line.candidates]
        if not candidates:
            return [[] for _ in lines]
        answers = self.model.answer(np.stack([c.image for c in candidates]))
        log_odds = digit_log_odds(answers, np.stack([c.measures for c in candidates]), self.weights)
        best, start = [], 0
        for line in lines:
            path = best_path(
                line, log_odds[start : start + len(line.candidates)], self.weights.left_out, self.expect
            )
            best.append([_Asked(line.candidates[i], answers, start + i, log_odds[start + i]) for i in path])
            start += len(line.candidates)
        return best

    def _digit(self, asked: _Asked, picture: Picture | NDArray[np.uint8]) -> ReadDigit:
        probabilities = asked.answers.probabilities[asked.position]
        credibility = float(asked.answers.credibility[asked.position])
        best, *others = np.argsort(-probabilities, kind="stable")
        classes = self.model.classes_
        return ReadDigit(
            box=_box_in(asked.candidate.box, picture),
            digit=classes[best].item(),
            probability=float(probabilities[best]),
            credibility=credibility,
            unsure=bool(probabilities[best] < self.least_sure),
            foreign=asked.foreign,
            runner_up=classes[others[0]].item() if others else None,
            runner_up_probability=float(probabilities[others[0]]) if others else 0.0,
            neighbors=tuple(asked.answers.neighbors[asked.position][:_N_NEIGHBORS].tolist()),
            image=asked.candidate.image,
        )


@dataclass(frozen=True, eq=False)
class _Asked:
    """A candidate, and what the model says of it: a row of the answers."""

    candidate: Candidate
    answers: Answers
    position: int
    log_odds: float

    @property
    def foreign(self) -> bool:
        """Whether it looks like no digit, where the model can tell."""
        return bool(self.answers.credibility[self.position] <= FOREIGN)


@dataclass(eq=False)
class _Choice:
    """A line, and the digits chosen in it.

    Attributes
    ----------
    found : Line
        Uncut: its atoms are its connected pieces of ink.
    path : list of _Asked
    cut : set of int
        Which pieces of connected ink are cut.
    line : Line
        With these cut: the line that the path goes through.
    """

    found: Line
    path: list[_Asked]
    cut: set[int] = field(default_factory=set)
    line: Line = field(init=False)

    def __post_init__(self) -> None:
        self.line = self.found

    @property
    def good(self) -> list[_Asked]:
        """Digits that no cut could make better."""
        return [asked for asked in self.path if asked.log_odds >= _GOOD]

    @property
    def made_by_cutting(self) -> list[_Asked]:
        """Digits that are pieces of ink that was cut."""
        is_cut = np.isin(self.line.component_of, list(self.cut))
        return [asked for asked in self.path if is_cut[asked.candidate.first : asked.candidate.end].any()]

    @property
    def sizes_cut(self) -> float:
        """Of what is cut, in digit heights."""
        return float(self.found.sizes[list(self.cut)].sum())

    def doubtful(self, *, every: bool) -> list[int]:
        """Connected ink, not cut yet, of which no good digit was made; or all of it. Dust and bars stay."""
        is_good = np.zeros(len(self.line.sizes), bool)
        for asked in [] if every else self.good:
            is_good[asked.candidate.first : asked.candidate.end] = True
        doubtful = set(self.line.component_of[~is_good].tolist()) - self.cut
        found = self.found
        return sorted(i for i in doubtful if found.sizes[i] > _SMALLEST_CUT and found.widths[i] > _NARROWEST_CUT)


def _cut(choices: list[_Choice], block: slice) -> list[Line]:
    return [choice.found.cut(choice.cut) for choice in choices[block]]


def _least_sure(model: KNNDigitClassifier, max_error: float | None) -> float:
    """The probability below which answers are unsure; 0 where the model cannot tell and was not asked."""
    if max_error is None and model.out_of_fold_ is None:
        return 0.0
    reject = _UNSURE_SHARE if max_error is None else None
    return float(RejectingClassifier(model, max_error=max_error, reject=reject).fit().threshold_)


def _pixels_of(picture: Picture | NDArray[np.uint8]) -> NDArray[np.uint8]:
    return picture.pixels if isinstance(picture, Picture) else picture


def _box_in(box: NDArray[np.float64], picture: Picture | NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """A box in whole pixels of the picture as it came, not reaching beyond it."""
    scale = picture.scale if isinstance(picture, Picture) else 1.0
    height, width = _pixels_of(picture).shape[:2]
    if isinstance(picture, Picture):
        height, width = picture.height, picture.width
    left, top, right, bottom = (scale * value for value in box)
    return int(left), int(top), min(width, ceil(right)), min(height, ceil(bottom))
