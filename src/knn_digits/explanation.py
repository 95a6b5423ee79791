"""Why this answer and not the runner-up: everything one answer rests on, found for one image.

The answer and the runner-up are each represented by the nearest reference of their class. The image distortion
model says where the query's strokes have to move to become that reference, and what no move explains; what the
vectors say is split over the places of the image where it was seen. Nothing here decides: the judge has decided.

`drawing.explanations` draws it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.distances.distortion import displacements
from knn_digits.features import CosineEmbedding, DigitEmbedding
from knn_digits.features.images import as_images
from knn_digits.features.orientations import window_weights
from knn_digits.judging import Judge, Judged
from knn_digits.neighbors import GrowingRows
from knn_digits.reranking import DistortionReranker

__all__ = ["Asked", "Explanation", "Resemblance", "explain", "one_image"]

_N_SHOWN = 8  # of the nearest references
_SMALLEST = 8 * 8  # numbers of an image; shorter rows are filled up


@dataclass(frozen=True, eq=False)
class Resemblance:
    """How the image resembles the nearest reference of one class.

    Attributes
    ----------
    label : int or str
        The class.
    probability, share : float
        Its probability, and its raw share as the judge gave it.
    id : int
        Of its nearest reference.
    distance : float
        To that, as `KNNDigitClassifier.kneighbors` measures.
    image, compared : uint8 ndarray of shape (height, width)
        The reference as learned, and as it is compared with `Explanation.normalized`.
    displacement : int8 ndarray of shape (side, side, 2), or None
        Rows down and columns to the right that each pixel of `Explanation.normalized` has to move to its match in
        `compared`. None where images are not square.
    residual : float64 ndarray of shape (side, side), or None
        What stays unexplained at each pixel after that, in units of the image distortion model.
    """

    label: Any
    probability: float
    share: float
    id: int
    distance: float
    image: NDArray[np.uint8]
    compared: NDArray[np.uint8]
    displacement: NDArray[np.int8] | None
    residual: NDArray[np.float64] | None

    @property
    def unexplained(self) -> float:
        """What stays unexplained in all; NaN where that is not known."""
        return float("nan") if self.residual is None else float(self.residual.sum())


@dataclass(frozen=True, eq=False)
class Explanation:
    """What the answer for one image rests on; a notebook shows it as a picture.

    Pictures have their brightest pixel white, and one line where their pixels make no square.

    Attributes
    ----------
    preset : str
        Of the recognizer.
    image, normalized : uint8 ndarray of shape (height, width)
        As given, and as it is compared: for presets that make digits upright and of typical size, made so.
    classes : ndarray of shape (n_classes,)
    probabilities, votes : float64 ndarray of shape (n_classes,)
        As `KNNDigitClassifier.predict_proba`, and the raw shares these were made of.
    credibility : float
        As `KNNDigitClassifier.credibility`; NaN where the model cannot tell.
    answer : Resemblance
    runner_up : Resemblance or None
        The class with the next largest share; if no other class has one, that of the nearest reference of
        another class. None where all references are of one class.
    neighbor_ids, neighbor_labels, neighbor_distances, neighbor_images : ndarrays of length n
        The nearest references, at most 8, nearest first, as `KNNDigitClassifier.kneighbors` finds them.
    evidence_map : float64 ndarray of shape (height, width), or None
        What each part of `normalized` adds to the squared distance to the runner-up's reference beyond that to the
        answer's: positive speaks for the answer. Of distances between vectors before rounding where there is a
        DigitEmbedding, of the image distortion model where that alone counts, else between pixels. None without a
        runner-up, and for embeddings that do not say what they look at.
    """

    preset: str
    image: NDArray[np.uint8]
    normalized: NDArray[np.uint8]
    classes: NDArray
    probabilities: NDArray[np.float64]
    votes: NDArray[np.float64]
    credibility: float
    answer: Resemblance
    runner_up: Resemblance | None
    neighbor_ids: NDArray[np.int64]
    neighbor_labels: NDArray
    neighbor_distances: NDArray[np.float64]
    neighbor_images: NDArray[np.uint8]
    evidence_map: NDArray[np.float64] | None

    @property
    def label(self) -> Any:
        """The answer."""
        return self.answer.label

    @property
    def probability(self) -> float:
        """Probability of the answer."""
        return self.answer.probability

    def _repr_html_(self) -> str:
        # Matplotlib takes a quarter of a second to import: only who looks at a picture waits for it.
        from knn_digits.drawing.explanations import explanation_as_html

        return explanation_as_html(self)


def one_image(image: Any, n_pixels: int) -> Any:
    """Give one image as a table of one row; a table of one row, such as a DataFrame, stays what it is.

    Raises
    ------
    ValueError
        If it is not one image of so many pixels.
    """
    shape = np.shape(image)
    if shape == (1, n_pixels):
        return image
    if prod(shape) != n_pixels or not shape:
        side = isqrt(n_pixels)
        picture = f" or ({side}, {side})" if side * side == n_pixels else ""
        raise ValueError(
            f"expected one image of {n_pixels} pixels, of shape ({n_pixels},), (1, {n_pixels}){picture}, "
            f"got shape {shape}: explain images one at a time"
        )
    return np.asarray(image).reshape(1, n_pixels)


def explain(
    asked: Asked,
    judged: Judged,
    *,
    classes: NDArray,
    probabilities: NDArray[np.float64],
    credibility: float,
    preset: str,
) -> Explanation:
    """Put together what the answer for one image rests on.

    Parameters
    ----------
    asked : Asked
    judged : Judged
        What its judge found for the image.
    classes : ndarray of shape (n_classes,)
    probabilities : float64 ndarray of shape (n_classes,)
    credibility : float
    preset : str
    """
    squared, ids = asked.ranked(judged)
    shares = judged.shares[0]
    found = [
        asked.resemblance(reference, classes, probabilities, shares)
        for reference in asked.answer_and_runner_up(squared, ids, shares)
    ]
    shown = slice(_N_SHOWN)
    return Explanation(
        preset=preset,
        image=_pictures(asked.row)[0],
        normalized=asked.compared(asked.row),
        classes=classes,
        probabilities=probabilities,
        votes=shares,
        credibility=credibility,
        answer=found[0],
        runner_up=found[1] if len(found) > 1 else None,
        neighbor_ids=ids[shown],
        neighbor_labels=classes[asked.judge.label_codes[ids[shown]]],
        neighbor_distances=np.sqrt(squared[shown]),
        neighbor_images=_pictures(asked.images[ids[shown]]),
        evidence_map=_evidence(asked, *found) if len(found) > 1 else None,
    )


@dataclass(frozen=True, eq=False)
class Asked:
    """One image, and what it is compared with.

    Attributes
    ----------
    row, vector : ndarrays of one row
        The image's pixels, and what is searched with.
    judge : Judge
    images : GrowingRows
        Images of the references, by id.
    embedding : transformer or None
        What made the vectors.
    """

    row: NDArray
    vector: NDArray
    judge: Judge
    images: GrowingRows
    embedding: Any

    @property
    def comparison(self) -> DistortionReranker:
        """How two images are compared: as the judge does or, where it compares none, what would go with it."""
        if self.judge.rerank is not None:
            return self.judge.rerank
        strength = self.embedding.strength if isinstance(self.embedding, DigitEmbedding) else None
        return DistortionReranker(strength=strength)

    def compared(self, row: NDArray) -> NDArray[np.uint8]:
        """Give the picture that is compared, of the image asked about or of a reference: one row."""
        return self.comparison.normalized(row)[0] if _fits_a_square(row.shape[1]) else _pictures(row)[0]

    def ranked(self, judged: Judged) -> tuple[NDArray, NDArray[np.int64]]:
        """Rank all candidates, at least as many as are shown: squared or final distances, and ids."""
        n = min(max(_N_SHOWN, judged.ids.shape[1], self.judge.n_candidates or 0), len(self.judge.search))
        if self.judge.rerank is None and judged.ids.shape[1] >= n:
            return judged.squared[0], judged.ids[0]
        squared, ids = self.judge.ranked(self.row, self.vector, n)
        return squared[0], ids[0]

    def answer_and_runner_up(
        self, squared: NDArray, ids: NDArray[np.int64], shares: NDArray[np.float64]
    ) -> list[tuple[int, float]]:
        """Choose the reference that stands for the answer, and, if there is another class, for the runner-up.

        Of candidates ranked by squared or final distance it is the first of the class with the largest share.
        """
        codes, answer = self.judge.label_codes[ids], shares.argmax()
        first = int((codes == answer).argmax())
        chosen = [(int(ids[first]), float(squared[first]))]
        if (codes != answer).any():
            second = int(np.where(codes == answer, -1, shares[codes]).argmax())
            return [*chosen, (int(ids[second]), float(squared[second]))]
        beyond = _nearest_of_another_class(self.vector, self.judge, int(answer))
        return chosen if beyond is None else [*chosen, self._finally(*beyond)]

    def _finally(self, reference: int, squared: float) -> tuple[int, float]:
        """Make the squared distance between vectors the final one."""
        rerank = self.judge.rerank
        if rerank is None:
            return reference, squared
        final = rerank.distances(self.row, np.array([[squared]]), np.array([[reference]]), 1)
        return reference, float(final[0, 0])

    def resemblance(
        self,
        reference: tuple[int, float],
        classes: NDArray,
        probabilities: NDArray[np.float64],
        shares: NDArray[np.float64],
    ) -> Resemblance:
        """Compare the image with a reference, given by its id and its squared or final distance."""
        at, squared = reference
        code = int(self.judge.label_codes[np.array(at)])
        learned = self.images[np.array([at])]
        compared, field, residual = self.compared(learned), None, None
        if _fits_a_square(self.row.shape[1]):
            field, left = displacements(self.compared(self.row), compared, self.comparison.window)
            residual = left.astype(np.float64)
        return Resemblance(
            label=classes[code],
            probability=float(probabilities[code]),
            share=float(shares[code]),
            id=at,
            distance=float(np.sqrt(squared)),
            image=_pictures(learned)[0],
            compared=compared,
            displacement=field,
            residual=residual,
        )


def _nearest_of_another_class(vector: NDArray, judge: Judge, answer: int) -> tuple[int, float] | None:
    """Search among the references of all other classes: id and squared distance of the nearest.

    However many candidates the search gave, all may be of one class.
    """
    codes = judge.label_codes.to_array()[: len(judge.search.references)]
    others = judge.search.without(codes == answer)
    if not len(others):
        return None
    squared, ids = others.kneighbors(vector, 1)
    return int(ids[0, 0]), float(squared[0, 0])


def _evidence(asked: Asked, answer: Resemblance, runner_up: Resemblance) -> NDArray[np.float64] | None:
    """Split what the runner-up's reference is farther by than the answer's, over the places of the image."""
    ids, rerank = np.array([runner_up.id, answer.id]), asked.judge.rerank
    residuals = runner_up.residual, answer.residual
    if rerank is not None and rerank.weight is None and residuals[0] is not None and residuals[1] is not None:
        return residuals[0] - residuals[1]
    shape = answer.compared.shape
    if isinstance(asked.embedding, DigitEmbedding):
        return _evidence_of_histograms(asked.embedding, asked.row, asked.images[ids], shape[0])
    if not (asked.embedding is None or isinstance(asked.embedding, CosineEmbedding)):
        return None
    farther, nearer = np.square(np.subtract(asked.judge.search.references[ids], asked.vector, dtype=np.float64))
    return np.pad(farther - nearer, (0, prod(shape) - farther.size)).reshape(shape)


def _evidence_of_histograms(
    embedding: DigitEmbedding, row: NDArray, references: NDArray, side: int
) -> NDArray[np.float64]:
    """Split the difference of squared distances from the runner-up's and the answer's reference over pixels.

    A distance between projected histograms, ``|P' d|^2`` of their difference d, is the sum over all features of
    ``d * (P P' d)``. A cell's share of it is drawn on the pixels the cell has looked at.
    """
    learned = embedding.projection_
    query, *others = embedding.describe(np.concatenate([row, references])).astype(np.float64)
    differences = (np.array(others) - query) * learned.input_scale_
    projected = differences @ learned.projection_ * learned.output_scale_
    farther, nearer = differences * (projected @ learned.projection_.T * learned.output_scale_)
    n = embedding.n_cells
    of_cells = (farther - nearer).reshape(-1, n, n).sum(axis=0)
    looked_at = window_weights(side, n, embedding.sigma).astype(np.float64)
    looked_at /= looked_at.sum(axis=1, keepdims=True)
    return looked_at.T @ of_cells @ looked_at


def _fits_a_square(n_pixels: int) -> bool:
    """Whether rows of so many numbers become square images (`features.images`)."""
    return isqrt(n_pixels) ** 2 == n_pixels or n_pixels < _SMALLEST


def _pictures(rows: NDArray) -> NDArray[np.uint8]:
    """Make gray pictures to be looked at: square ones, or lines where their pixels make no square."""
    n, d = rows.shape
    if _fits_a_square(d):
        return as_images(rows)
    filled = np.pad(rows, ((0, 0), (0, (isqrt(d) + 1) ** 2 - d)))
    return as_images(filled).reshape(n, -1)[:, None, :d]
