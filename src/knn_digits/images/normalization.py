"""The one road from a picture of one digit to MNIST's frame.

MNIST's makers fitted each digit into 20x20 pixels, keeping its aspect, and placed it by its center of mass in a
frame of 28x28 (Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, 1998). Measured on the
training images: the longer side of the ink is 20 pixels in all but a few, and the center of mass lies within half
a pixel of pixel 14, counted from 0, along both axes; so they were moved by whole pixels.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["frame_digit", "ink_of", "normalize_digit"]

_BORDER_SHARE = 0.05  # of the picture's side, at each of its four edges: taken to be mostly paper
_NOISE_SPREADS = 3.0  # standard deviations of the paper's noise that are not yet ink
_LEAST_CONTRAST = 12.0  # gray levels between paper and strong ink; below, a picture is blank
_STRONG_QUANTILE = 0.98  # of the ink: above it lie highlights and sparks, which must not set the scale
_DIGIT_SHARE = 20 / 28  # of the frame's side: the longer side of the digit
_FAINT = 0.3  # ink below this is a blurred edge: it is drawn, but does not stretch the bounding box
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


def ink_of(gray: NDArray) -> NDArray[np.float32]:
    """Find how much ink lies where.

    Paper is what the border shows; ink is what differs from it, towards dark or light, whichever differs more.

    Parameters
    ----------
    gray : ndarray of shape (height, width)
        Gray values 0..255, uint8 or float; dark on light or light on dark.

    Returns
    -------
    ink : float32 ndarray of shape (height, width)
        0 is paper, 1 is strong ink; all zeros for a blank picture.

    Raises
    ------
    ValueError
        If it is not a picture of finite values 0..255.
    """
    picture = _checked(gray, "a picture", "gray values", 255)
    border = _border_of(picture)
    paper = np.median(border)
    # The median deviation is 0.6745 standard deviations of normal noise, and does not mind a stroke at the edge.
    noise = _NOISE_SPREADS * np.median(np.abs(border - paper)) / 0.6745
    darker, lighter = (np.maximum(sign * (picture - paper) - noise, 0) for sign in (-1, 1))
    ink = darker if np.square(darker).sum() >= np.square(lighter).sum() else lighter
    strong = np.quantile(ink[ink > _otsu_threshold(ink)], _STRONG_QUANTILE) if ink.any() else 0.0
    if strong < max(_LEAST_CONTRAST, noise):  # the tails of the noise reach less far beyond it than that
        return np.zeros(picture.shape, np.float32)
    return np.minimum(ink / strong, 1).astype(np.float32)


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
    picture = _checked(ink, "ink", "values", 1)
    image = np.zeros((side, side), np.uint8)
    if picture.max() > 0:
        digit = _resized(_cropped(picture), max(1, round(side * _DIGIT_SHARE)))
        if not digit.any():
            return image
        top, left = (_start(digit.sum(axis=1 - axis), side) for axis in (0, 1))
        image[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return image


def _checked(picture: NDArray, what: str, values: str, most: int) -> NDArray[np.float32]:
    """Refuse what is no picture; the rest as float32."""
    if picture.ndim != 2 or not picture.size:
        raise ValueError(f"expected {what} of shape (height, width), got an array of shape {picture.shape}")
    numbers = picture.astype(np.float32)
    if not np.isfinite(numbers).all():
        raise ValueError(f"expected {what} of finite {values}, got NaN or infinity: replace them")
    if numbers.min() < 0 or numbers.max() > most:
        raise ValueError(
            f"expected {what} of {values} 0..{most}, got {numbers.min():g}..{numbers.max():g}: scale them"
        )
    return numbers


def _border_of(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """The outermost pixels on all four sides, each once."""
    high, wide = (max(1, round(_BORDER_SHARE * length)) for length in picture.shape)
    at_border = np.ones(picture.shape, bool)
    at_border[high:-high, wide:-wide] = False
    return picture[at_border]


def _otsu_threshold(values: NDArray[np.float32]) -> float:
    """Where to part values into two groups so that each differs least within (N. Otsu, 1979)."""
    counts, edges = np.histogram(values, bins=256)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = values.size - below
    sums = np.cumsum(counts * middles)
    gap = (sums[-1] - sums[:-1]) / above - sums[:-1] / below
    return float(edges[1 + np.argmax(below * above * gap**2)])


def _cropped(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """The bounding box of what is more than faint."""
    visible = ink > _FAINT * ink.max()
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
