"""What is measured: our presets, and what a user would pick instead.

A method is fitted on uint8 images and answers with labels; what it needs in between (floats, an index) is its own
business and its own time. Methods that only find neighbors vote by our rule, k = 3, one vote each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["METHODS", "REFERENCE", "Method", "Subject"]

N_NEIGHBORS = 3


class Subject(Protocol):
    """One method at work, inside its own process."""

    def fit(self, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
        """Learn images of shape (n, d)."""

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Answer images of shape (m, d)."""

    def neighbors(self, images: NDArray[np.uint8], k: int) -> NDArray[np.int64]:
        """Find positions of k neighbors; only asked of approximate searches."""

    def save(self, folder: Path) -> None:
        """Write what is needed to answer again into an empty folder."""


@dataclass(frozen=True)
class Method:
    """A row of the benchmark.

    Attributes
    ----------
    name : str
    make : callable
        From the number of threads to a `Subject`; imports what it needs.
    requires : str
        The distribution it comes from.
    licence : str
        Of that distribution and, where another, of what it needs at run time.
    preset : str or None
        Our preset, for ours.
    approximate : bool
        Whether it may miss neighbors, so that its recall is measured.
    subset : float
        Share of the training images it is fitted on; below 1 for what cannot take all in sensible time.
    """

    name: str
    make: Callable[[int], Subject]
    requires: str
    licence: str
    preset: str | None = None
    approximate: bool = False
    subset: float = 1.0


class _ScikitLearnLike:
    """Estimators with fit and predict, given pixels as float32 (which holds 0..255 exactly)."""

    def __init__(self, model: Any, scale: float = 1.0) -> None:
        self.model, self.scale = model, np.float32(scale)

    def _floats(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return images.astype(np.float32) * self.scale

    def fit(self, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
        self.model.fit(self._floats(images), labels)

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        return np.asarray(self.model.predict(self._floats(images))).ravel().astype(np.int64)

    def neighbors(self, images: NDArray[np.uint8], k: int) -> NDArray[np.int64]:
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        import joblib

        joblib.dump(self.model, folder / "model.joblib")


class _Ours:
    """A preset of ours; takes uint8 as it is."""

    def __init__(self, preset: str, n_jobs: int) -> None:
        from knn_digits.classifier import KNNDigitClassifier

        self.model = KNNDigitClassifier(preset, n_jobs=n_jobs)

    def fit(self, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
        self.model.fit(images, labels)

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        return self.model.predict(images)

    def neighbors(self, images: NDArray[np.uint8], k: int) -> NDArray[np.int64]:
        ids = self.model.kneighbors(images, k, return_distance=False)
        assert isinstance(ids, np.ndarray)
        return ids

    def save(self, folder: Path) -> None:
        from knn_digits.model_files import save_model

        save_model(self.model, folder / "model")


class _Index:
    """Searches that know vectors but no labels; their neighbors vote by our rule."""

    def fit(self, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
        self.classes, self.codes = np.unique(labels, return_inverse=True)
        self.build(images.astype(np.float32))

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        from knn_digits.neighbors import vote

        distances, ids = self.search(images.astype(np.float32), N_NEIGHBORS)
        winners = vote(self.codes[ids], np.sqrt(distances), len(self.classes)).argmax(axis=1)
        return self.classes[winners]

    def neighbors(self, images: NDArray[np.uint8], k: int) -> NDArray[np.int64]:
        return self.search(images.astype(np.float32), k)[1]

    def build(self, vectors: NDArray[np.float32]) -> None:
        raise NotImplementedError

    def search(self, vectors: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Squared distances and positions, nearest first."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        np.save(folder / "labels.npy", self.codes)


class _Faiss(_Index):
    def __init__(self, make_index: Callable[[Any, int], Any]) -> None:
        self.make_index = make_index

    def build(self, vectors: NDArray[np.float32]) -> None:
        import faiss

        self.index = self.make_index(faiss, vectors.shape[1])
        self.index.add(vectors)

    def search(self, vectors: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        distances, ids = self.index.search(vectors, k)
        return distances, ids

    def save(self, folder: Path) -> None:
        import faiss

        super().save(folder)
        faiss.write_index(self.index, str(folder / "index.faiss"))


def _hnsw(faiss: Any, n_features: int) -> Any:
    index = faiss.IndexHNSWFlat(n_features, 32)
    index.hnsw.efConstruction, index.hnsw.efSearch = 80, 64
    return index


class _Usearch(_Index):
    def __init__(self, threads: int) -> None:
        self.threads = threads

    def build(self, vectors: NDArray[np.float32]) -> None:
        from usearch.index import Index

        # The same graph as faiss's: 32 edges, 80 candidates while building, 64 while searching.
        self.index = Index(
            ndim=vectors.shape[1],
            metric="l2sq",
            dtype="f32",
            connectivity=32,
            expansion_add=80,
            expansion_search=64,
        )
        self.index.add(np.arange(len(vectors)), vectors, threads=self.threads)

    def search(self, vectors: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        found = self.index.search(vectors, k, threads=self.threads)
        shape = (len(vectors), k)  # one query alone comes back flat
        return found.distances.reshape(shape), found.keys.reshape(shape).astype(np.int64)

    def save(self, folder: Path) -> None:
        super().save(folder)
        self.index.save(str(folder / "index.usearch"))


def _scikit_learn(threads: int) -> Subject:
    from sklearn.neighbors import KNeighborsClassifier

    return _ScikitLearnLike(KNeighborsClassifier(N_NEIGHBORS, algorithm="brute", n_jobs=threads))


def _intelex(threads: int) -> Subject:
    # Imported beside scikit-learn, never patched into it.
    from sklearnex.neighbors import KNeighborsClassifier

    return _ScikitLearnLike(KNeighborsClassifier(N_NEIGHBORS, algorithm="brute", n_jobs=threads))


def _svc(threads: int) -> Subject:
    from sklearn.svm import SVC

    # Usual values for pixels scaled to [0, 1]; a line of reference, not tuned here.
    return _ScikitLearnLike(SVC(C=10.0, gamma=0.02, cache_size=1000), scale=1 / 255)


def _ours(preset: str) -> Method:
    return Method(preset, lambda threads: _Ours(preset, threads), "knn-digits", "BSD-3-Clause", preset=preset)


REFERENCE = "scikit-learn brute"

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(REFERENCE, _scikit_learn, "scikit-learn", "BSD-3-Clause"),
        *(_ours(preset) for preset in ("pixels", "fast", "accurate", "best", "idm")),
        Method(
            "scikit-learn-intelex",
            _intelex,
            "scikit-learn-intelex",
            "Apache-2.0; its runtime daal: Intel Simplified Software License (proprietary)",
        ),
        Method("faiss flat", lambda _: _Faiss(lambda f, d: f.IndexFlatL2(d)), "faiss-cpu", "MIT"),
        Method("faiss HNSW", lambda _: _Faiss(_hnsw), "faiss-cpu", "MIT", approximate=True),
        Method("usearch HNSW", _Usearch, "usearch", "Apache-2.0", approximate=True),
        Method("scikit-learn SVC on 1/6 of the images", _svc, "scikit-learn", "BSD-3-Clause", subset=1 / 6),
    )
}
