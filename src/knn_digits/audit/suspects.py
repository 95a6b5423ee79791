"""Labels in the order in which their neighbors contradict them.

The rule is the simplest there is: the less probable a label, by a model that had seen neither the image nor its
writer, the earlier it comes. Cleanlab calls it self-confidence (C. Northcutt, L. Jiang, I. Chuang, Confident
learning, JAIR 70, 2021). That labels which models learned from the other images deny deserve a look is older
(C. E. Brodley, M. A. Friedl, Identifying mislabeled training data, JAIR 11, 1999).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Asked", "References", "Similar", "Suspect", "by_contradiction", "find_suspects"]


@dataclass(frozen=True, eq=False)
class Asked:
    """Labeled images of one split, and what a model that had not seen them says of them.

    Attributes
    ----------
    split : {"train", "test"}
    positions : int64 ndarray of shape (n,)
        Which images of the split were asked about.
    codes : int64 ndarray of shape (n,)
        Their labels, as positions among the classes.
    probabilities : float64 ndarray of shape (n, n_classes)
    credibility : float64 ndarray of shape (n,)
        Share of real digits at least as strange; NaN where that is not known.
    """

    split: str
    positions: NDArray[np.int64]
    codes: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    credibility: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def n_contradicted(self) -> int:
        """How many labels are not the most probable class."""
        return int((self.probabilities.argmax(axis=1) != self.codes).sum())


@dataclass(frozen=True)
class Similar:
    """A training image that looks like a suspect, and how far off it is in the model's vectors."""

    train: int
    distance: float


@dataclass(frozen=True)
class Suspect:
    """A label that is contradicted.

    Attributes
    ----------
    split : {"train", "test"}
    rank : int
        1 is the most contradicted of its split.
    position : int
        Which image of the split, from 0.
    label, suggested : int or str
        The label given, and the most probable other class.
    label_probability, suggested_probability : float
    credibility : float or None
        How far it may be a digit at all.
    like_suggested, like_label : Similar or None
        The nearest other training images of the two classes; by another writer, where writers are known.
    disputed : bool
        Whether human raters dispute the label, as far as is known.
    """

    split: str
    rank: int
    position: int
    label: Any
    suggested: Any
    label_probability: float
    suggested_probability: float
    credibility: float | None
    like_suggested: Similar | None
    like_label: Similar | None
    disputed: bool

    @property
    def contradicted(self) -> bool:
        """Whether the suggestion is more probable than the label."""
        return self.suggested_probability > self.label_probability


@dataclass(frozen=True, eq=False)
class References:
    """The training images, as the model compares them.

    Attributes
    ----------
    vectors : ndarray of shape (n, d)
    codes : int64 ndarray of shape (n,)
    groups : ndarray of shape (n,) or None
        Writers.
    """

    vectors: NDArray
    codes: NDArray[np.int64]
    groups: NDArray | None

    def nearest(self, vector: NDArray, code: int, itself: int | None) -> Similar | None:
        """Find the nearest of one class; where it is asked about one of them, not itself nor of its writer."""
        members = np.flatnonzero(self.codes == code)
        if itself is not None:
            apart = members != itself if self.groups is None else self.groups[members] != self.groups[itself]
            members = members[apart]
        if not len(members):
            return None
        difference = self.vectors[members].astype(np.float64) - vector.astype(np.float64)
        squared = np.einsum("nd,nd->n", difference, difference)
        best = int(squared.argmin())
        return Similar(int(members[best]), float(np.sqrt(squared[best])))


def by_contradiction(probabilities: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order labels from the most contradicted to the best confirmed.

    The least probable label comes first; of equally probable ones that whose best other class is more probable,
    then the earlier.

    Parameters
    ----------
    probabilities : float64 ndarray of shape (n, n_classes)
        By a model that had not seen the images.
    codes : int64 ndarray of shape (n,)
        The labels, as columns.

    Returns
    -------
    order : int64 ndarray of shape (n,)
    """
    of_label = probabilities[np.arange(len(codes)), codes]
    return np.lexsort((-_of_others(probabilities, codes).max(axis=1), of_label))


def find_suspects(
    asked: Asked,
    vectors: NDArray,
    references: References,
    classes: NDArray,
    first: int,
    disputed: tuple[int, ...] = (),
) -> tuple[Suspect, ...]:
    """Tell of the labels that are contradicted most.

    Parameters
    ----------
    asked : Asked
    vectors : ndarray of shape (n_split, d)
        Every image of the split, as the model compares it.
    references : References
    classes : ndarray of shape (n_classes,)
    first : int
        How many to tell of, at most.
    disputed : tuple of int
        Positions of labels known to be disputed.
    """
    order = by_contradiction(asked.probabilities, asked.codes)[:first]
    suggested = _of_others(asked.probabilities[order], asked.codes[order]).argmax(axis=1)
    return tuple(
        _suspect(asked, int(i), int(other), rank, vectors, references, classes, disputed)
        for rank, (i, other) in enumerate(zip(order, suggested, strict=True), start=1)
    )


def _suspect(
    asked: Asked,
    i: int,
    suggested: int,
    rank: int,
    vectors: NDArray,
    references: References,
    classes: NDArray,
    disputed: tuple[int, ...],
) -> Suspect:
    position, code = int(asked.positions[i]), int(asked.codes[i])
    itself = position if asked.split == "train" else None
    credibility = float(asked.credibility[i])
    return Suspect(
        asked.split,
        rank,
        position,
        classes[code].item(),
        classes[suggested].item(),
        float(asked.probabilities[i, code]),
        float(asked.probabilities[i, suggested]),
        None if np.isnan(credibility) else credibility,
        references.nearest(vectors[position], suggested, itself),
        references.nearest(vectors[position], code, itself),
        position in disputed,
    )


def _of_others(probabilities: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Probabilities with that of the label taken out."""
    others = probabilities.copy()
    others[np.arange(len(codes)), codes] = -1.0
    return others
