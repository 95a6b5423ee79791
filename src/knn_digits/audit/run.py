"""An audit: a model is fitted, asked about labels it has not seen, and what contradicts them is put in order."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knn_digits.audit.duplicates import Duplicates, find_duplicates
from knn_digits.audit.rankings import Ranking, rank_disputed
from knn_digits.audit.result import Audit, AuditedSplit, images_of, labels_of
from knn_digits.audit.suspects import Asked, References, find_suspects
from knn_digits.classifier import DEFAULT_PRESET, KNNDigitClassifier
from knn_digits.datasets import DigitDataset
from knn_digits.datasets.disputed import disputed_test_positions
from knn_digits.errors import DataError
from knn_digits.machine import utc_now
from knn_digits.progress import Progress, SilentProgress

__all__ = ["SPLITS", "run_audit"]

SPLITS = ("train", "test")


def run_audit(
    dataset: DigitDataset,
    *,
    preset: str = DEFAULT_PRESET,
    groups: ArrayLike | None = None,
    splits: Collection[str] = SPLITS,
    first: int = 50,
    n_jobs: int | None = None,
    command: str | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Rank labels by how strongly their neighbors contradict them, and find images that are there twice.

    Training images are answered out of fold, test images by the model of all training images.

    Parameters
    ----------
    dataset : DigitDataset
    preset : str
        The recognizer that contradicts.
    groups : array of shape (n_train,), optional
        Writer of each training image: nobody's digits then speak for his own.
    splits : collection of {"train", "test"}
        Whose labels to look at.
    first : int
        How many suspects of each split, and how many duplicates, to tell of.
    n_jobs : int, optional
        Threads, counted as joblib counts them.
    command : str, optional
        What the user typed, for the result to tell.
    progress : Progress, optional

    Returns
    -------
    audit : Audit

    Raises
    ------
    DataError
        If there are too few training images to answer them out of fold.
    ValueError
        If a split is none.
    """
    if not splits or set(splits) - set(SPLITS):
        raise ValueError(f"splits must be some of {', '.join(map(repr, SPLITS))}, got {list(splits)!r}")
    told = progress or SilentProgress()
    created = utc_now()
    with told.step(f"Fit and answer out of fold: {len(dataset.train_images):,} training images"):
        model = KNNDigitClassifier(preset, n_jobs=n_jobs)
        model.fit(dataset.train_images, dataset.train_labels, groups)
    with_test = "test" in splits
    disputed = disputed_test_positions(dataset) if with_test else ()
    asked = _ask(model, dataset, splits, told)
    with told.step("Suspects: the nearest of either class"):
        vectors = _vectors(model, dataset, with_test)
        audited = _audited(
            asked, vectors, dataset, None if groups is None else np.asarray(groups), first, disputed
        )
    with told.step("Duplicates"):
        duplicates = _duplicates(dataset, splits, first, n_jobs)
    return Audit(
        dataset,
        preset,
        groups is not None,
        created,
        command,
        audited,
        duplicates,
        disputed,
        _rankings(asked, disputed, told),
    )


def _ask(model: KNNDigitClassifier, dataset: DigitDataset, splits: Collection[str], told: Progress) -> list[Asked]:
    """Collect what models that had not seen them say of images; test before training."""
    asked = []
    if "test" in splits:
        with told.step(f"Answer {len(dataset.test_images):,} test images"):
            answers = model.answer(dataset.test_images)
        codes = np.searchsorted(model.classes_, dataset.test_labels)
        everywhere = np.arange(len(codes))
        asked.append(Asked("test", everywhere, codes, answers.probabilities, answers.credibility))
    if "train" in splits:
        asked.append(_asked_out_of_fold(model, dataset))
    return asked


def _asked_out_of_fold(model: KNNDigitClassifier, dataset: DigitDataset) -> Asked:
    found = model.out_of_fold_
    if found is None:
        raise DataError(
            f"{dataset.name}: expected at least 2 training images of every class (by 2 writers, where writers are "
            "given), so that each can be answered by a model of the others: add images, or take --split test"
        )
    # The share of all, itself among them, that are at least as strange.
    below = np.searchsorted(found.strangeness_ascending, found.strangeness, side="left")
    return Asked("train", found.ids, found.codes, found.probabilities, 1 - below / len(found))


def _vectors(model: KNNDigitClassifier, dataset: DigitDataset, with_test: bool) -> NDArray:
    """What the model compares, of all training images and, where they are looked at, test images."""
    known: NDArray = model.search_.references.to_array()
    if not with_test:
        return known
    rows = dataset.test_images.reshape(len(dataset.test_images), -1)
    return np.concatenate([known, rows if model.embedding_ is None else model.embedding_.transform(rows)])


def _audited(
    asked: list[Asked],
    vectors: NDArray,
    dataset: DigitDataset,
    groups: NDArray | None,
    first: int,
    disputed: tuple[int, ...],
) -> tuple[AuditedSplit, ...]:
    n_train = len(dataset.train_images)
    codes = np.searchsorted(dataset.classes, dataset.train_labels)
    references = References(vectors[:n_train], codes, groups)
    of_split = {"train": (vectors[:n_train], ()), "test": (vectors[n_train:], disputed)}
    return tuple(
        AuditedSplit(
            a.split,
            len(images_of(dataset, a.split)),
            len(a),
            a.n_contradicted,
            find_suspects(a, of_split[a.split][0], references, dataset.classes, first, of_split[a.split][1]),
        )
        for a in asked
    )


def _duplicates(dataset: DigitDataset, splits: Collection[str], first: int, n_jobs: int | None) -> Duplicates:
    """Compare training images, and test images where they are looked at, with each other."""
    here = [split for split in SPLITS if split == "train" or split in splits]
    images = np.concatenate([images_of(dataset, split) for split in here])
    labels = np.concatenate([labels_of(dataset, split) for split in here])
    asked = np.repeat([split in splits for split in here], [len(images_of(dataset, split)) for split in here])
    codes = np.searchsorted(dataset.classes, labels)
    return find_duplicates(images, codes, asked, first, n_jobs=n_jobs)


def _rankings(asked: list[Asked], disputed: tuple[int, ...], told: Progress) -> tuple[Ranking, ...]:
    if not disputed:
        return ()
    test = next(a for a in asked if a.split == "test")
    with told.step(f"The {len(disputed)} disputed labels, in our order and in cleanlab's"):
        return rank_disputed(test.codes, test.probabilities, disputed)
