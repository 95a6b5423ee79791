"""What an audit found: suspects, duplicates, ranks of disputed labels; as JSON, and the images that go with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.audit.duplicates import NEAR, DuplicatePair, Duplicates
from knn_digits.audit.files import FORMAT, FORMAT_VERSION
from knn_digits.audit.rankings import CUTOFFS, Ranking
from knn_digits.audit.suspects import Similar, Suspect
from knn_digits.datasets import DigitDataset
from knn_digits.machine import describe_versions

__all__ = ["Audit", "AuditedSplit", "images_of", "labels_of"]


@dataclass(frozen=True)
class AuditedSplit:
    """What was found in one split.

    Attributes
    ----------
    split : {"train", "test"}
    n_images, n_asked, n_contradicted : int
        Images there are; those whose labels were looked at; those whose label is not the most probable class.
    suspects : tuple of Suspect
    """

    split: str
    n_images: int
    n_asked: int
    n_contradicted: int
    suspects: tuple[Suspect, ...]


@dataclass(frozen=True, eq=False)
class Audit:
    """Labels worth a second look.

    Attributes
    ----------
    dataset : DigitDataset
    preset : str
    writers_known : bool
        Whether training images were answered by models that had seen nothing of their writers.
    created : str
        When, in UTC.
    command : str or None
        What made it; None where a program did.
    splits : tuple of AuditedSplit
        Test before training.
    duplicates : Duplicates
        Rows count through training images, then test images.
    disputed : tuple of int
        Positions of test labels known to be disputed.
    rankings : tuple of Ranking
        Where these come; empty where none are known, or the test labels were not looked at.
    """

    dataset: DigitDataset
    preset: str
    writers_known: bool
    created: str
    command: str | None
    splits: tuple[AuditedSplit, ...]
    duplicates: Duplicates
    disputed: tuple[int, ...]
    rankings: tuple[Ranking, ...]

    def as_json(self) -> dict[str, Any]:
        """Give the contents of ``audit.json``, as ``docs/audit.md`` describes them."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "created": self.created,
            "command": self.command,
            "versions": describe_versions(),
            "preset": self.preset,
            "writers_known": self.writers_known,
            "dataset": self.dataset.about(),
            "splits": [self._split(split) for split in self.splits],
            "duplicates": self._duplicates(),
            "disputed": {
                "positions": list(self.disputed),
                "rankings": [_ranking(ranking) for ranking in self.rankings],
            }
            if self.rankings
            else None,
        }

    def pictures(self) -> dict[str, NDArray[np.uint8]]:
        """Give the images that a page shows, by what they belong to.

        Returns
        -------
        pictures : dict
            ``train`` and ``test``, where the split was looked at: (n, 3, side, side), of each suspect the image,
            that like its suggestion and that like its label, blank where there is none. ``pairs`` and ``closest``,
            of the duplicates: (n, 2, side, side).
        """
        shown = {s.split: np.array([self._beside(x) for x in s.suspects]) for s in self.splits}
        found = self.duplicates
        return shown | {"pairs": self._side_by_side(found.pairs), "closest": self._side_by_side(found.closest)}

    @cached_property
    def _n_train(self) -> int:
        return len(self.dataset.train_images)

    def _split(self, found: AuditedSplit) -> dict[str, Any]:
        return {
            "split": found.split,
            "n_images": found.n_images,
            "n_asked": found.n_asked,
            "n_contradicted": found.n_contradicted,
            "suspects": [self._suspect(suspect) for suspect in found.suspects],
        }

    def _suspect(self, suspect: Suspect) -> dict[str, Any]:
        return {
            "split": suspect.split,
            "rank": suspect.rank,
            "position": suspect.position,
            "label": suspect.label,
            "suggested": suspect.suggested,
            "label_probability": suspect.label_probability,
            "suggested_probability": suspect.suggested_probability,
            "contradicted": suspect.contradicted,
            "credibility": suspect.credibility,
            "like_suggested": self._similar(suspect.like_suggested),
            "like_label": self._similar(suspect.like_label),
            "disputed": suspect.disputed,
        }

    def _similar(self, similar: Similar | None) -> dict[str, Any] | None:
        if similar is None:
            return None
        label = self.dataset.train_labels[similar.train].item()
        return {"train": similar.train, "label": label, "distance": similar.distance}

    def _duplicates(self) -> dict[str, Any]:
        found = self.duplicates
        return {
            "near_below": NEAR,
            "n_exact": found.n_exact,
            "n_near": found.n_near,
            "n_conflicting": found.n_conflicting,
            "pairs": [self._pair(pair) for pair in found.pairs],
            "closest": [self._pair(pair) for pair in found.closest],
        }

    def _pair(self, pair: DuplicatePair) -> dict[str, Any]:
        return {
            "kind": pair.kind,
            "distance": pair.distance,
            "conflicting": pair.conflicting,
            "images": [self._image(row) for row in (pair.first, pair.second)],
        }

    def _image(self, row: int) -> dict[str, Any]:
        split, position = ("train", row) if row < self._n_train else ("test", row - self._n_train)
        return {"split": split, "position": position, "label": labels_of(self.dataset, split)[position].item()}

    def _beside(self, suspect: Suspect) -> NDArray[np.uint8]:
        image = images_of(self.dataset, suspect.split)[suspect.position]
        similar = [suspect.like_suggested, suspect.like_label]
        blank = np.zeros_like(image)
        return np.stack([image, *(self.dataset.train_images[s.train] if s else blank for s in similar)])

    def _side_by_side(self, pairs: tuple[DuplicatePair, ...]) -> NDArray[np.uint8]:
        side = self.dataset.side
        told = [self._image(row) for pair in pairs for row in (pair.first, pair.second)]
        images = [images_of(self.dataset, i["split"])[i["position"]] for i in told]
        return np.array(images, np.uint8).reshape(len(pairs), 2, side, side)


def _ranking(ranking: Ranking) -> dict[str, Any]:
    found = [{"first": n, "found": ranking.among_first(n)} for n in CUTOFFS]
    return {
        "by": ranking.by,
        "version": ranking.version,
        "method": ranking.method,
        "note": ranking.note,
        "n_ranked": ranking.n_ranked,
        "among_first": None if ranking.ranks is None else found,
        "ranks": None if ranking.ranks is None else list(ranking.ranks),
        "left_out": ranking.left_out,
    }


def images_of(dataset: DigitDataset, split: str) -> NDArray[np.uint8]:
    """Give the images of ``train`` or ``test``."""
    return dataset.train_images if split == "train" else dataset.test_images


def labels_of(dataset: DigitDataset, split: str) -> NDArray:
    """Give the labels of ``train`` or ``test``."""
    return dataset.train_labels if split == "train" else dataset.test_labels
