"""The image distortion model: how well one image fits another when every pixel may look around for its match.

Images are compared by their Sobel gradients. Each pixel of the query is matched with the pixel of the reference
within `window` pixels each way whose 3 x 3 surroundings fit best; what remains of the squared differences is
summed over all pixels. Neighboring pixels move independently, so strokes may bend, lengthen and shift. The
distance is not symmetric: it is the query's pixels that look for a match.
(D. Keysers, T. Deselaers, C. Gollan, H. Ney, Deformation models for image recognition, IEEE PAMI 29(8), 2007.)

Gradients are rounded to -24..24. A sum over 3 x 3 pixels and both directions is then at most 9 * 2 * 48^2 =
41,472 and fits 16 bits, which is what makes the kernel fast; the rounding costs no accuracy.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

__all__ = ["displacements", "distortion", "distortions", "gradient_planes"]

_PAIRS_AT_ONCE = 32  # their gradients stay in the cache of one core


def gradient_planes(images: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Sobel gradients, rounded to -24..24.

    Parameters
    ----------
    images : uint8 ndarray of shape (n, side, side)

    Returns
    -------
    planes : int16 ndarray of shape (n, 2, side, side)
        Gradient to the right and down. Beyond the border all is blank.
    """
    side = images.shape[1]
    p = np.pad(images, ((0, 0), (1, 1), (1, 1))).astype(np.int16)
    right, down = p[:, :, 2:] - p[:, :, :-2], p[:, 2:] - p[:, :-2]
    sobel = np.stack(
        [
            right[:, :side] + 2 * right[:, 1 : side + 1] + right[:, 2:],
            down[:, :, :side] + 2 * down[:, :, 1 : side + 1] + down[:, :, 2:],
        ],
        axis=1,
    )
    return (3 * sobel + 64) >> 7


def distortion(query: NDArray[np.uint8], reference: NDArray[np.uint8], window: int = 2) -> int:
    """Measure how much of the query is left unmatched by the reference.

    Parameters
    ----------
    query, reference : uint8 ndarray of shape (side, side)
    window : int
        How many pixels each way a match may lie off.

    Returns
    -------
    distance : int
        Zero for an image and itself; never larger with a larger window.
    """
    return int(displacements(query, reference, window)[1].sum())


def distortions(queries: NDArray[np.uint8], references: NDArray[np.uint8], window: int = 2) -> NDArray[np.int64]:
    """Measure pairs of images as `distortion` does, many at once: what takes the kernel's place for a few queries.

    Parameters
    ----------
    queries, references : uint8 ndarrays of shape (n, side, side)
    window : int

    Returns
    -------
    distances : int64 ndarray of shape (n,)
    """
    distances = np.empty(len(queries), np.int64)
    for start in range(0, len(queries), _PAIRS_AT_ONCE):
        pairs = slice(start, start + _PAIRS_AT_ONCE)
        distances[pairs] = _unmatched(queries[pairs], references[pairs], window).sum(axis=(0, 1), dtype=np.int64)
    return distances


def _unmatched(queries: NDArray[np.uint8], references: NDArray[np.uint8], window: int) -> NDArray[np.uint16]:
    """What each pixel of n queries leaves unmatched: of shape (side, side, n)."""
    # Pairs come last in every array, so that a displaced line of all images is one run of numbers.
    side, border = queries.shape[1], window + 1
    wanted, offered = (
        np.pad(np.moveaxis(gradient_planes(images), 0, -1), ((0, 0), (width, width), (width, width), (0, 0)))
        for images, width in ((queries, 1), (references, border))
    )
    squares, lines = np.empty_like(wanted), np.empty((side + 2, side, len(queries)), np.uint16)
    found = np.empty((side, side, len(queries)), np.uint16)
    best = np.full_like(found, np.iinfo(np.uint16).max)
    for y, x in product(range(2 * window + 1), repeat=2):
        np.subtract(wanted, offered[:, y : y + side + 2, x : x + side + 2], out=squares)
        squares *= squares
        squares[0] += squares[1]
        around = squares[0].view(np.uint16)
        np.add(around[:, :side], around[:, 1:-1], out=lines)
        lines += around[:, 2:]
        np.add(lines[:side], lines[1:-1], out=found)
        found += lines[2:]
        np.minimum(best, found, out=best)
    return best


def displacements(
    query: NDArray[np.uint8], reference: NDArray[np.uint8], window: int = 2
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Find where each pixel of the query finds its match in the reference, and what is left unmatched there.

    Parameters
    ----------
    query, reference : uint8 ndarray of shape (side, side)
    window : int
        How many pixels each way a match may lie off.

    Returns
    -------
    field : int8 ndarray of shape (side, side, 2)
        Rows down and columns to the right from a pixel to its match; of equally good ones the nearest, so that
        blank paper stays where it is.
    residual : int64 ndarray of shape (side, side)
        Sums to the distance.
    """
    side, border = len(query), window + 1
    wanted = np.pad(gradient_planes(query[None])[0], ((0, 0), (1, 1), (1, 1))).astype(np.int64)
    offered = np.pad(gradient_planes(reference[None])[0], ((0, 0), (border, border), (border, border)))
    field = np.zeros((side, side, 2), np.int8)
    best = np.full((side, side), np.iinfo(np.int64).max)
    for down, right in _shortest_first(window):
        y, x = down + window, right + window
        squares = np.square(wanted - offered[:, y : y + side + 2, x : x + side + 2]).sum(axis=0)
        around = sum(squares[v : v + side, u : u + side] for v in range(3) for u in range(3))
        better = around < best
        best[better], field[better] = around[better], (down, right)
    return field, best


def _shortest_first(window: int) -> list[tuple[int, int]]:
    """All moves of at most `window` pixels each way, by their length."""
    reach = range(-window, window + 1)
    return sorted(product(reach, reach), key=lambda move: move[0] ** 2 + move[1] ** 2)
