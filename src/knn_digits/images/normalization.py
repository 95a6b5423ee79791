"""The one road from a picture of one digit to MNIST's frame.

MNIST's makers fitted each digit into 20x20 pixels, keeping its aspect, and placed it by its center of mass in a
frame of 28x28 (Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, 1998). Measured on the
training images: the longer side of the ink is 20 pixels in all but a few, and the center of mass lies within half
a pixel of pixel 14, counted from 0, along both axes; so they were moved by whole pixels.
"""

import numpy as np
from numpy.typing import NDArray

from knn_digits.images.ink import FAINT, checked, ink_of

__all__ = ["frame_digit", "normalize_digit"]

_DIGIT_SHARE = 20 / 28  # of the frame's side: the longer side of the digit
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
    return frame_digit(ink_of(gray), side)


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
    if picture.max() > 0:
        digit = _resized(_cropped(picture), max(1, round(side * _DIGIT_SHARE)))
        if not digit.any():
            return image
        top, left = (_start(digit.sum(axis=1 - axis), side) for axis in (0, 1))
        image[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return image


def _cropped(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """The bounding box of what is more than faint."""
    visible = ink > FAINT * ink.max()
    rows, columns = (np.flatnonzero(visible.any(axis=1 - axis)) for axis in (0, 1))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _resized(ink: NDArray[np.float32], longer: int) -> NDArray[np.uint8]:
    """Resize so that the longer side has that many pixels; the shorter keeps the aspect, but never vanishes.

    Of Pillow's filters this one gave MNIST's digits back best after they had been enlarged 2 to 8 times, smoothly.
    """
    from PIL import Image

    height, width = (max(1, round(length * longer / max(ink.shape))) for length in ink.shape)
    resized = np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.LANCZOS)).clip(0, 1)
    # Strokes thinner than a pixel of the frame are spread over it: the strongest stays strong ink.
    return np.rint(255 * resized / max(float(resized.max()), _LEAST_RESIZED)).astype(np.uint8)


def _start(profile: NDArray, side: int) -> int:
    """Where a digit starts so that its center of mass is nearest to the frame's middle, and it stays inside."""
    center = float(np.average(np.arange(len(profile)), weights=profile))
    return int(np.clip(round(side / 2 - center), 0, side - len(profile)))
