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

import numpy as np
from numpy.typing import NDArray

__all__ = ["distortion", "gradient_planes"]


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
    side = len(query)
    wanted = np.pad(gradient_planes(query[None])[0], ((0, 0), (1, 1), (1, 1))).astype(np.int64)
    border = window + 1
    offered = np.pad(gradient_planes(reference[None])[0], ((0, 0), (border, border), (border, border)))
    best = np.full((side, side), np.iinfo(np.int64).max)
    for dy in range(2 * window + 1):
        for dx in range(2 * window + 1):
            moved = offered[:, dy : dy + side + 2, dx : dx + side + 2]
            squares = np.square(wanted - moved).sum(axis=0)
            around = sum(squares[v : v + side, u : u + side] for v in range(3) for u in range(3))
            best = np.minimum(best, around)
    return int(best.sum())
