"""A digit image, 28 pixels high and gray at its edges -> ink of any height, with edges as sharp as a pen's.

The image becomes a field of distances to the edge of its ink (Ch. Green, Improved Alpha-Tested Magnification for
Vector Textures and Special Effects, 2007), which may be enlarged, slanted and turned without becoming blurred,
and whose strokes grow by adding to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Strokes", "draw_strokes", "strokes_of"]

_FINE_SIDE = 84  # longer side of the ink in the field: about four times that of MNIST's digits
_PAPER = 12  # fine pixels of paper around the ink
_CROP_LEVEL = 0.25  # of the strongest ink: fainter pixels do not stretch the bounding box
_EDGE_LEVEL = 0.4  # of the strongest ink: below half of it, so that faint strokes do not break
_SPECK = 0.05  # of the ink: less is not part of a digit
_SMOOTHING = 0.3  # pixels of the image: takes the steps of its grid from the edges
_RIDGE_REACH = 5  # fine pixels, odd: how far to look for the middle of a stroke
_WIDEST = 1.15  # width over height; a digit that is wider is not stretched to full height
_THICKNESS = (0.28, 1.7)  # of its own stroke: beyond, a digit falls to pieces or its loops fill


@dataclass(frozen=True, eq=False)
class Strokes:
    """The ink of one digit, as distances.

    Attributes
    ----------
    depth : float32 ndarray of shape (height, width)
        Distance to the edge of the ink, in fine pixels: positive inside, negative on paper.
    ridge : float32 ndarray of shape (height, width)
        The greatest depth nearby: in the middle of a stroke, half its width.
    half_width : float
        Half the width of its strokes, in fine pixels.
    width, height : int
        Of the ink, in fine pixels; it stands in the middle of the field.
    """

    depth: NDArray[np.float32]
    ridge: NDArray[np.float32]
    half_width: float
    width: int
    height: int


def strokes_of(image: NDArray[np.uint8]) -> Strokes:
    """Find the strokes of a digit image.

    Parameters
    ----------
    image : uint8 ndarray of shape (side, side)
        Light on dark, not blank.

    Returns
    -------
    Strokes
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter, maximum_filter

    fine, zoom = _enlarged(image)
    inked = _without_specks(gaussian_filter(fine, _SMOOTHING * zoom) > _EDGE_LEVEL)
    depth = distance_transform_edt(inked) - distance_transform_edt(~inked)
    depth = gaussian_filter(depth.astype(np.float32), 1.2)  # its steps would be seen in large digits
    ridge = maximum_filter(depth, _RIDGE_REACH)
    # Across a stroke of half width w the depth is w / 2 in the mean.
    half_width = 2 * float(depth[inked].mean()) if inked.any() else 1.0
    height, width = (length - 2 * _PAPER for length in depth.shape)
    return Strokes(depth, ridge, max(half_width, 1.0), width, height)


def draw_strokes(
    strokes: Strokes, height: float, half_width: float, slant: float = 0.0, turn: float = 0.0
) -> NDArray[np.float32]:
    """Draw a digit.

    Parameters
    ----------
    strokes : Strokes
    height : float
        Of the ink before it is slanted and turned, in pixels.
    half_width : float
        Half the width of the pen, as a share of the height; where that would undo the digit, as near as it can be.
    slant, turn : float
        In radians; both positive ones lean to the right.

    Returns
    -------
    ink : float32 ndarray of shape (rows, columns)
        0 is paper, 1 is ink; cropped to what is not paper.
    """
    from PIL import Image

    zoom = height / max(strokes.height, strokes.width / _WIDEST)
    depth = _with_pen(strokes, half_width * height / zoom)
    to_fine = np.linalg.inv(_pose(zoom, slant, turn))
    size = _extent(_pose(zoom, slant, turn), depth.shape)
    middle = np.array(depth.shape[::-1]) / 2 - to_fine @ (np.array(size) / 2)
    affine = (*to_fine[0], middle[0], *to_fine[1], middle[1])
    # Outside the field Pillow leaves zeros: they must mean paper.
    above_paper = Image.fromarray(np.maximum(depth + np.float32(_PAPER), 0))
    field = above_paper.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
    return _cropped(np.clip(zoom * (np.asarray(field) - np.float32(_PAPER)) + 0.5, 0, 1))


def _enlarged(image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """The image's ink, 0..1, with its longer side as in the field, and how often it was enlarged."""
    from PIL import Image

    ink = image.astype(np.float32) / max(1, int(image.max()))
    rows, columns = (np.flatnonzero((ink > _CROP_LEVEL).any(axis=1 - axis)) for axis in (0, 1))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    zoom = _FINE_SIDE / max(bottom - top, right - left)
    around = _PAPER / zoom
    size = tuple(round(zoom * length) + 2 * _PAPER for length in (right - left, bottom - top))
    reach = int(np.ceil(around)) + 1
    padded = Image.fromarray(np.pad(ink, reach))
    box = tuple(float(edge + reach) for edge in (left - around, top - around, right + around, bottom + around))
    fine = padded.resize((int(size[0]), int(size[1])), Image.Resampling.BICUBIC, box=box)  # type: ignore[arg-type]
    return np.asarray(fine), float(zoom)


def _without_specks(inked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without the dots that the scanner left beside the digit."""
    from scipy.ndimage import label

    pieces, _ = label(inked, np.ones((3, 3)))
    sizes = np.bincount(pieces.ravel())
    return inked & (sizes > _SPECK * inked.sum())[pieces]


def _with_pen(strokes: Strokes, half_width: float) -> NDArray[np.float32]:
    """The depth, had the digit been written with another pen."""
    share = float(np.clip(half_width / strokes.half_width, *_THICKNESS))
    if share >= 1:
        return strokes.depth + np.float32((share - 1) * strokes.half_width)
    return strokes.depth - np.float32(1 - share) * strokes.ridge  # by its own width: fine strokes do not break


def _pose(zoom: float, slant: float, turn: float) -> NDArray[np.float64]:
    """From fine pixels around the middle to pixels around the middle; y points down."""
    turned = np.array([(np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))])
    slanted = np.array([(1.0, -np.tan(slant)), (0.0, 1.0)])
    return zoom * turned @ slanted


def _extent(pose: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[int, int]:
    """Columns and rows that hold the whole field in this pose."""
    columns, rows = np.abs(pose) @ np.array(shape[::-1])
    return int(np.ceil(columns)), int(np.ceil(rows))


def _cropped(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    rows, columns = (np.flatnonzero((ink > 0.02).any(axis=1 - axis)) for axis in (0, 1))
    if not len(rows):
        return np.ones((1, 1), np.float32)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32)
