"""The one road from a picture of one digit to MNIST's frame.

MNIST's makers fitted each digit into 20x20 pixels, keeping its aspect, and placed it by its center of mass in a
frame of 28x28 (Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, 1998). Measured on the
training images: the longer side of the ink is 20 pixels in all but a few, and the center of mass lies within half
a pixel of pixel 14, counted from 0, along both axes; so they were moved by whole pixels.
"""

import numpy as np
from numpy.typing import NDArray

from knn_digits.images.ink import FAINT, checked, ink_of, on_flat_paper

__all__ = ["frame_digit", "normalize_digit"]

_DIGIT_SHARE = 20 / 28  # of the frame's side: the longer side of the digit
_STRONG = 0.6  # of strong ink: most shadows are below
_WIDTHS_SEEN = 3.5  # strokes: where they meet, ink is wider than they are
_MOST_SEEN = 0.5  # of the picture's longer side: a 1 that is cut closely may be as wide as its picture
_LEAST_SEEN = 0.2  # of the picture's shorter side
_SPECK = 0.01  # of the mass of the largest piece of ink: what has less is dust
_AT_BORDER = 0.5  # the same for a piece at the picture's border, where the largest is not there
_ALL_NEIGHBORS = np.ones((3, 3), np.int64)  # of a pixel
_LEAST_RESIZED = 1e-6  # of the strongest ink of a frame; below, it is rounding error


def normalize_digit(gray: NDArray, side: int = 28) -> NDArray[np.uint8]:
    """Bring a picture of one digit into MNIST's frame.

    Parameters
    ----------
    gray : ndarray of shape (height, width)
        Gray values 0..255, uint8 or float; dark on light or light on dark.
    side : int, default=28
        Of the frame, in pixels.

    Returns
    -------
    image : uint8 ndarray of shape (side, side)
        Light on dark, as in MNIST; all zeros for a blank picture.

    Raises
    ------
    ValueError
        If it is not a picture of finite values 0..255.
    """
    return frame_digit(_ink_of_digit(gray), side)


def frame_digit(ink: NDArray, side: int = 28) -> NDArray[np.uint8]:
    """Scale and center a digit as MNIST's makers did.

    Parameters
    ----------
    ink : ndarray of shape (height, width)
        0 is paper, 1 is strong ink.
    side : int, default=28
        Of the frame, in pixels.

    Returns
    -------
    image : uint8 ndarray of shape (side, side)
        The ink's longer side is ``side * 20 / 28`` pixels, its center of mass within half a pixel of pixel
        ``side / 2``, unless it would leave the frame; 255 is strong ink. All zeros where there is no ink.

    Raises
    ------
    ValueError
        If it is not a picture of finite values 0..1, or the frame has no pixel.
    """
    if side < 1:
        raise ValueError(f"expected a frame of at least 1 pixel a side, got {side}")
    picture = checked(ink, "ink", "values", 1)
    image = np.zeros((side, side), np.uint8)
    strongest = picture.max()
    if strongest > 0:
        digit = _resized(_cropped(picture, strongest), max(1, round(side * _DIGIT_SHARE)))
        top, left = (_start(digit.sum(axis=1 - axis, dtype=np.int64), side) for axis in (0, 1))
        image[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return image


def _ink_of_digit(gray: NDArray) -> NDArray[np.float32]:
    """Find the ink of one digit, which is not so small that dust and digit are alike."""
    ink = _without_specks(ink_of(gray, widest=_MOST_SEEN * max(gray.shape, default=0)))
    if not ink.any() or on_flat_paper(gray):
        return ink
    # Shadows are parted from strokes once more, now that these are seen: few of the former are as narrow.
    widest = max(_WIDTHS_SEEN * _width_of_strokes(ink), _LEAST_SEEN * min(ink.shape))
    return _without_specks(ink_of(gray, widest=widest))


def _width_of_strokes(ink: NDArray[np.float32]) -> float:
    """In pixels: those of a bar are a quarter of its width away from its edge, on average."""
    from scipy.ndimage import distance_transform_edt

    strong = ink > _STRONG
    return 4 * float(distance_transform_edt(np.pad(strong, 1))[1:-1, 1:-1][strong].mean()) - 2


def _without_specks(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without pieces of ink that are far smaller than the largest: dust must not stretch the box.

    Nor must what a shadow leaves in a corner, which lies at the border, where the digit itself does not.
    """
    from scipy.ndimage import label, maximum_filter

    pieces, n = label(ink > FAINT, _ALL_NEIGHBORS)
    if n < 2:
        return ink
    masses = np.bincount(pieces.ravel(), ink.ravel())
    masses[0] = 0
    largest = masses.argmax()
    least = np.full(len(masses), _SPECK)
    at_border = np.unique(np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]]))
    if largest not in at_border:
        least[at_border] = _AT_BORDER
    specks = masses < least * masses[largest]
    specks[0] = False
    if not specks.any():
        return ink
    here = specks[pieces]
    around = here | (maximum_filter(here, 3) & (pieces == 0))  # their blurred edges, too
    return np.where(around, np.float32(0), ink)


def _cropped(ink: NDArray[np.float32], strongest: float) -> NDArray[np.float32]:
    """The bounding box of what is more than faint."""
    visible = ink > FAINT * strongest
    rows, columns = (np.flatnonzero(visible.any(axis=1 - axis)) for axis in (0, 1))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _resized(ink: NDArray[np.float32], longer: int) -> NDArray[np.uint8]:
    """Resize so that the longer side has that many pixels; the shorter keeps the aspect, but never vanishes.

    Of Pillow's filters this one gave MNIST's digits back best after they had been enlarged 2 to 8 times, smoothly.
    """
    from PIL import Image

    height, width = ink.shape
    scale = longer / max(height, width)
    height, width = max(1, round(height * scale)), max(1, round(width * scale))
    if (height, width) != ink.shape:
        ink = np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.LANCZOS)).clip(0, 1)
    # Strokes thinner than a pixel of the frame are spread over it: the strongest stays strong ink.
    strongest = max(float(ink.max()), _LEAST_RESIZED)
    return (ink * np.float32(255 / strongest) + np.float32(0.5)).astype(np.uint8)


def _start(profile: NDArray[np.int64], side: int) -> int:
    """Where a digit starts so that its center of mass is nearest to the frame's middle, and it stays inside."""
    mass = int(profile.sum())
    if not mass:
        return 0
    center = int(profile @ np.arange(len(profile))) / mass
    return min(max(round(side / 2 - center), 0), side - len(profile))
