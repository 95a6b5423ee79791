"""Digits cut out of lines in which they touch: what a reader of pictures must know beside whole ones.

A digit that was cut from its neighbor lacks a stroke that lay along the neighbor's, or keeps a stub of it. Data
sets of single digits have none like it. So known digits are written into lines in which they touch, the lines are
cut wherever they may be, and what covers a digit best is learned with that digit's label, where a cut made it.
"""

from __future__ import annotations

from itertools import chain

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knn_digits.classifier import KNNDigitClassifier
from knn_digits.images.segmentation import MEASURES, segment
from knn_digits.made_pictures import MadePicture, make_pictures
from knn_digits.progress import Advance
from knn_digits.threads import blocks_of, map_blocks

__all__ = ["N_PICTURES", "VERSION", "learn_cut_digits", "make_cut_digits", "overlaps"]

VERSION = 1  # to be raised with every change of what is learned, also by how pictures are made and segmented
N_PICTURES = 600  # 1,500 taught no more
_KIND, _SEED = "touching", 7  # another than those of pictures by which the reader is measured
_LEAST_OVERLAP = 0.65  # of a piece's box with its digit's, over both together
_CUT_BORDERS = MEASURES.index("cut borders")

_Cut = tuple[NDArray[np.uint8], int]  # a digit in MNIST's frame, and which of the images it was written with


def learn_cut_digits(
    model: KNNDigitClassifier,
    images: NDArray[np.uint8],
    labels: ArrayLike,
    *,
    n_pictures: int = N_PICTURES,
    n_jobs: int | None = None,
    advance: Advance = lambda done: None,
) -> None:
    """Let a model learn digits cut out of made lines, on top of what it knows.

    Parameters
    ----------
    model : KNNDigitClassifier
        Fitted, on frames of 28x28.
    images, labels, n_pictures, n_jobs, advance
        As for `make_cut_digits`.

    Raises
    ------
    ValueError
        If images and labels do not fit together, all images are blank, or the model does not know a label.
    """
    cut, names = make_cut_digits(images, labels, n_pictures=n_pictures, n_jobs=n_jobs, advance=advance)
    if len(cut):
        model.partial_fit(cut, names)


def make_cut_digits(
    images: NDArray[np.uint8],
    labels: ArrayLike,
    *,
    n_pictures: int = N_PICTURES,
    n_jobs: int | None = None,
    advance: Advance = lambda done: None,
) -> tuple[NDArray[np.uint8], NDArray]:
    """Write lines of digits that touch, and cut them.

    Parameters
    ----------
    images : uint8 ndarray of shape (n, side, side)
        Digits to write with, light on dark.
    labels : array-like of shape (n,)
        What they are.
    n_pictures : int, optional
        Lines to write.
    n_jobs : int, optional
        Threads, counted as joblib counts them. The outcome is the same for any.
    advance : callable, optional
        Told how many pictures were just cut.

    Returns
    -------
    cut : uint8 ndarray of shape (m, 28, 28)
        Digits with a cut on at least one side, in MNIST's frame: some five a line.
    labels : ndarray of shape (m,)

    Raises
    ------
    ValueError
        If images and labels do not fit together, or all images are blank.
    """
    names = np.asarray(labels)
    pictures = list(make_pictures(_KIND, images, names, n_pictures, _SEED))

    def cut(block: slice) -> list[_Cut]:
        found = list(chain.from_iterable(_cut_digits(picture) for picture in pictures[block]))
        advance(len(pictures[block]))
        return found

    found = list(chain.from_iterable(map_blocks(cut, blocks_of(n_pictures, 4, n_jobs), n_jobs)))
    frames = np.array([frame for frame, _ in found], np.uint8).reshape(-1, 28, 28)
    return frames, names[[written for _, written in found]]


def _cut_digits(picture: MadePicture) -> list[_Cut]:
    """Of each digit of a picture what covers it best, if that was cut and covers it well."""
    lines = [line.cut(set(line.component_of.tolist())) for line in segment(picture.pixels)]
    pieces = [each for line in lines for each in line.candidates]
    if not pieces:
        return []
    shared = overlaps(
        np.stack([piece.box for piece in pieces]), np.array(list(chain.from_iterable(picture.boxes)), float)
    )
    best = [pieces[i] for i in shared.argmax(axis=0)]
    return [
        (piece.image, which)
        for piece, overlap, which in zip(
            best, shared.max(axis=0), chain.from_iterable(picture.image_ids), strict=True
        )
        if overlap >= _LEAST_OVERLAP and piece.measures[_CUT_BORDERS] > 0
    ]


def overlaps(boxes: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area that boxes share over the area they cover together.

    Parameters
    ----------
    boxes, others : float64 ndarray of shape (n, 4) and (m, 4)
        Left, top, right, bottom.

    Returns
    -------
    shares : float64 ndarray of shape (n, m)
        0 to 1.
    """
    a, b = boxes[:, None], others[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.maximum(sides, 0).prod(axis=2)
    areas = [(each[..., 2:] - each[..., :2]).prod(axis=2) for each in (a, b)]
    return shared / (areas[0] + areas[1] - shared)
