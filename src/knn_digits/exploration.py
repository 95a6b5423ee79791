"""Looking at a data set before anything is learned from it: counts, ink, duplicates, means, a map.

Everything but the counts, the ink and the duplicates of the test images is computed on training images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knn_digits.neighbors import ExactSearch

__all__ = [
    "Map",
    "Pair",
    "class_means_and_spreads",
    "closest_pairs_of_different_classes",
    "count_duplicates",
    "hardest_looking",
    "ink_per_class",
    "map_of_digits",
    "samples_per_class",
]


@dataclass(frozen=True)
class Pair:
    """Two images, by position, and their Euclidean distance."""

    first: int
    second: int
    distance: float


@dataclass(frozen=True)
class Map:
    """Images laid out in a plane so that like lies near like.

    Attributes
    ----------
    positions : float64 ndarray of shape (n, 2)
    chosen : int64 ndarray of shape (n,)
        Which images they are.
    method : str
        How the layout was made, for people.
    """

    positions: NDArray[np.float64]
    chosen: NDArray[np.int64]
    method: str


def ink_per_class(images: NDArray[np.uint8], codes: NDArray[np.int64], n_classes: int) -> list[NDArray]:
    """Mean pixel of every image (0..1), as one array a class."""
    ink = images.reshape(len(images), -1).mean(axis=1) / 255
    return [ink[codes == code] for code in range(n_classes)]


def class_means_and_spreads(
    images: NDArray[np.uint8], codes: NDArray[np.int64], n_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean image and standard deviation image of each class, both (n_classes, side, side), in 0..255."""
    of_class = [images[codes == code] for code in range(n_classes)]
    return (
        np.stack([group.mean(axis=0, dtype=np.float64) for group in of_class]),
        np.stack([group.std(axis=0, dtype=np.float64) for group in of_class]),
    )


def count_duplicates(train: NDArray[np.uint8], test: NDArray[np.uint8]) -> dict[str, int]:
    """Count images that are pixel for pixel the same as an earlier one.

    Returns
    -------
    counts : dict
        ``within_train`` and ``within_test``: images that repeat an earlier one of their part;
        ``test_in_train``: test images that are also training images.
    """
    train_keys, test_keys = _as_bytes(train), _as_bytes(test)
    known = set(train_keys)
    return {
        "within_train": len(train_keys) - len(known),
        "within_test": len(test_keys) - len(set(test_keys)),
        "test_in_train": sum(key in known for key in test_keys),
    }


def _as_bytes(images: NDArray[np.uint8]) -> list[bytes]:
    return [image.tobytes() for image in images]


def closest_pairs_of_different_classes(
    images: NDArray[np.uint8],
    codes: NDArray[np.int64],
    n_pairs: int,
    *,
    n_jobs: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> list[Pair]:
    """Find the pairs of images of different classes that are nearest to each other, nearest first.

    Every image's nearest among the images of the later classes are found exactly, so that each pair is looked at
    once. `progress` counts the images of all classes but the last.
    """
    rows = images.reshape(len(images), -1)
    found: list[Pair] = []
    for code in range(int(codes.max())):
        here, later = np.flatnonzero(codes == code), np.flatnonzero(codes > code)
        search, k = ExactSearch(rows[later]), min(n_pairs, len(later))
        squared, nearest = search.kneighbors(rows[here], k, n_jobs=n_jobs, progress=progress)
        first, rank = np.divmod(np.argsort(squared, axis=None, kind="stable")[:n_pairs], k)
        found += [
            Pair(int(here[i]), int(later[nearest[i, j]]), float(np.sqrt(squared[i, j])))
            for i, j in zip(first, rank, strict=True)
        ]
    return sorted(found, key=lambda pair: pair.distance)[:n_pairs]


def samples_per_class(codes: NDArray[np.int64], n_classes: int, n: int, seed: int) -> NDArray[np.int64]:
    """Draw at most n images of each class, without replacement; -1 where a class has fewer.

    Returns
    -------
    chosen : int64 ndarray of shape (n_classes, n)
    """
    rng = np.random.default_rng(seed)
    chosen = np.full((n_classes, n), -1, np.int64)
    for code in range(n_classes):
        members = np.flatnonzero(codes == code)
        drawn = rng.choice(members, min(n, len(members)), replace=False)
        chosen[code, : len(drawn)] = drawn
    return chosen


def hardest_looking(
    images: NDArray[np.uint8], codes: NDArray[np.int64], means: NDArray[np.float64], n: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the images that look least like their own class: near another class's mean, far from their own's.

    Returns
    -------
    chosen : int64 ndarray of shape (n,)
        The most so first, by the ratio of the two distances.
    resembled : int64 ndarray of shape (n,)
        The class whose mean each is nearest to.
    """
    from sklearn.metrics.pairwise import euclidean_distances

    distance = euclidean_distances(images.reshape(len(images), -1), means.reshape(len(means), -1))
    rows = np.arange(len(images))
    own = distance[rows, codes]
    distance[rows, codes] = np.inf
    ratio = own / np.maximum(distance.min(axis=1), 1e-9)
    chosen = np.argsort(-ratio, kind="stable")[:n]
    return chosen, distance[chosen].argmin(axis=1)


def map_of_digits(images: NDArray[np.uint8], codes: NDArray[np.int64], n: int, seed: int) -> Map:
    """Lay out n images, evenly drawn from the classes, by t-SNE of their first 50 principal components.

    t-SNE: van der Maaten and Hinton, JMLR 9, 2008. A picture to look at; nothing is computed from it. Fewer
    than 50 different images are laid out by their first two principal components alone.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    n_classes = int(codes.max()) + 1
    chosen = samples_per_class(codes, n_classes, max(1, n // n_classes), seed).ravel()
    chosen = chosen[chosen >= 0]
    rows = images[chosen].reshape(len(chosen), -1).astype(np.float32)
    few = len(set(_as_bytes(images[chosen]))) < 50  # t-SNE cannot part what is the same
    n_components = min(2 if few else 50, *rows.shape)
    with np.errstate(invalid="ignore"):  # shares of no variance at all, where all images are the same
        components = PCA(n_components, svd_solver="full", random_state=seed).fit_transform(rows)
    if few:
        positions = np.zeros((len(chosen), 2))
        positions[:, :n_components] = components
        return Map(positions, chosen, "first two principal components")
    layout = TSNE(init="pca", random_state=seed, perplexity=min(30.0, len(chosen) / 4), max_iter=600)
    positions = layout.fit_transform(components).astype(np.float64)
    return Map(positions, chosen, f"t-SNE of the first {n_components} principal components")
