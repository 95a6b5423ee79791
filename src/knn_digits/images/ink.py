"""How much ink lies where: colors, paper, light and noise are taken away.

The paper is what a closing leaves of the picture (an opening, where the ink is light): strokes narrower than its
window vanish, while the paper's own light and shadow stay, edges and all (J. Serra, Image analysis and
mathematical morphology, 1982). Ink is what differs from it, as a share of the light that falls there.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["FAINT", "gray_of", "ink_of", "on_flat_paper", "otsu_threshold"]

FAINT = 0.3  # of strong ink; what is below is a blurred edge, or dust
_PAPER_SIDE = 160  # pixels of the smaller picture in which the paper is looked for
_COLOR_SIDE = 96  # and of that in which the colors are
_FINE_SIDE = 64  # pixels; in smaller pictures a spark may be all the paper between two strokes
_NARROWEST_LOOK = 15  # pixels
_LOOK_SHARE = 0.5  # of the shorter side: what is around a pixel
_LIGHT_ALONE = 0.2  # of the variance of a picture: where a smooth surface leaves less, light makes all the rest
_WINDOW_SHARE = 0.5  # of the shorter side: no stroke of a digit is that wide
_NOISE_SPREADS = 3.0  # standard deviations of the paper's noise that are not yet ink
_LEAST_CONTRAST = 12.0  # gray levels between paper and strong ink; below, a picture is blank
_STRONG_QUANTILE = 0.98  # of the ink: above it lie highlights and sparks, which must not set the scale
_DARKEST_PAPER = 48.0  # gray levels; a darker paper's light is not trusted to scale its ink by
_NORMAL_MEDIAN = 0.6745  # the median deviation of normal noise, in standard deviations
_BINS = 256  # of a histogram of ink
_BROAD = np.ones(9)  # bins: peaks of a histogram that are narrower are not looked at one by one
_SURFACE_SIDE = 48  # rows and columns of pixels to which a surface is fitted
_DEGREES = (np.array([0, 0, 1, 0, 1, 2]), np.array([0, 1, 0, 2, 1, 0]))  # of its terms, in y and in x
_LEAST_RIDGE = 1e-9  # of the products of a fit: pictures of few rows or columns have no single best surface
_ENOUGH_PIXELS = 40_000  # to tell a median by


def gray_of(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Reduce colors to the one shade in which ink and paper differ most.

    Parameters
    ----------
    pixels : uint8 ndarray of shape (height, width) or (height, width, 3)

    Returns
    -------
    gray : float32 ndarray of shape (height, width)
        0..255. Of colors, their first principal component, measured from the colors around each pixel: a yellow
        pencil is as visible as a black one, and a shadow does not count.
    """
    from scipy.ndimage import uniform_filter

    if pixels.ndim == 2:
        return pixels.astype(np.float32)
    step = max(1, -(-max(pixels.shape[:2]) // _COLOR_SIDE))
    few = pixels[::step, ::step].astype(np.float32)
    around = uniform_filter(few, (max(3, len(few) // 4), max(3, few.shape[1] // 4), 1))
    differences = (few - around).reshape(-1, 3)
    axis = np.linalg.eigh(differences.T @ differences)[1][:, -1].astype(np.float32)
    axis *= np.sign(axis.sum()) or 1
    lowest, highest = (255 * axis[sign * axis > 0].sum() for sign in (-1, 1))
    return np.asarray((pixels @ axis - lowest) * (255 / (highest - lowest)), np.float32).clip(0, 255)


def ink_of(gray: NDArray, stroke: float | None = None, *, widest: float | None = None) -> NDArray[np.float32]:
    """Find how much ink lies where, be it darker than the paper or lighter.

    Parameters
    ----------
    gray : ndarray of shape (height, width)
        Gray values 0..255, uint8 or float.
    stroke : float, optional
        How wide strokes are, in pixels, where that is known: light and shadow that are far wider are paper.
    widest : float, optional
        How wide ink is at most, in pixels; else it follows from `stroke`, or from the picture's size.

    Returns
    -------
    ink : float32 ndarray of shape (height, width)
        0 is paper, 1 is strong ink; all zeros for a blank picture.

    Raises
    ------
    ValueError
        If it is not a picture of finite values 0..255.
    """
    picture = checked(gray, "a picture", "gray values", 255)
    noise = 0.0
    if on_flat_paper(picture):
        ink = np.abs(picture - picture[0, 0])
    else:
        if widest is None and stroke is not None and looks_narrower(picture.shape, stroke):
            widest = _widest_of(stroke)
        ink = _on_any_paper(picture, widest)
        noise = _NOISE_SPREADS * _spread(_some_of(ink))
        ink = np.maximum(ink - np.float32(noise), 0)
    strong = _strong(ink)
    if strong < max(_LEAST_CONTRAST, noise):  # the tails of the noise reach less far beyond it than that
        return np.zeros(picture.shape, np.float32)
    return np.minimum(ink * np.float32(1 / strong), np.float32(1))


def looks_narrower(shape: tuple[int, ...], stroke: float) -> bool:
    """Whether `ink_of` a picture of that shape gives anything else when it knows how wide strokes are."""
    return _widest_of(stroke) < _WINDOW_SHARE * min(shape)


def _widest_of(stroke: float) -> float:
    return 6 * stroke + 3


def checked(picture: NDArray, what: str, values: str, most: int) -> NDArray[np.float32]:
    """Refuse what is no picture; the rest as float32."""
    if picture.ndim != 2 or not picture.size:
        raise ValueError(f"expected {what} of shape (height, width), got an array of shape {picture.shape}")
    numbers = picture.astype(np.float32)
    lowest, highest = numbers.min(), numbers.max()
    if not np.isfinite(highest - lowest):
        raise ValueError(f"expected {what} of finite {values}, got NaN or infinity: replace them")
    if lowest < 0 or highest > most:
        raise ValueError(f"expected {what} of {values} 0..{most}, got {lowest:g}..{highest:g}: scale them")
    return numbers


def otsu_threshold(values: NDArray[np.float32]) -> float:
    """Where to part values into two groups so that each differs least within (N. Otsu, 1979)."""
    counts, lowest, width = _histogram(values)
    if not width:
        return lowest
    below = counts.cumsum()[:-1]
    above = values.size - below
    sums = (counts * (np.arange(_BINS) + 0.5)).cumsum()
    gap = (sums[-1] - sums[:-1]) / above - sums[:-1] / below
    return lowest + width * (1 + int((below * above * gap * gap).argmax()))


def _histogram(values: NDArray[np.float32]) -> tuple[NDArray[np.float64], float, float]:
    """How many values are in each bin, where the first bin starts, and how wide each is; 0 for one value only."""
    lowest, highest = float(values.min()), float(values.max())
    width = (highest - lowest) / _BINS
    if not width:
        return np.zeros(_BINS), lowest, width
    places = np.minimum((values.ravel() - np.float32(lowest)) * np.float32(1 / width), _BINS - 1)
    return np.bincount(places.astype(np.int32), minlength=_BINS).astype(np.float64), lowest, width


def on_flat_paper(picture: NDArray) -> bool:
    """Whether paper is one and the same gray level, to the border all around, as in drawings and in MNIST."""
    level = picture[0, 0]
    edges = (picture[0], picture[-1], picture[:, 0], picture[:, -1])
    if not all((edge == level).all() for edge in edges):
        return False
    return bool(2 * np.count_nonzero(picture == level) >= picture.size and level in (picture.min(), picture.max()))


def _on_any_paper(picture: NDArray[np.float32], widest: float | None) -> NDArray[np.float32]:
    """What differs from paper, in gray levels, as if the same light fell everywhere; noise goes below 0."""
    dark = _ink_is_dark(picture)
    paper = _paper_of(picture, dark, widest)
    ink = paper - picture if dark else picture - paper
    if dark:
        ink *= _median(_some_of(paper).ravel()) / np.maximum(paper, np.float32(_DARKEST_PAPER))
    ink -= np.float32(_level_of_paper(_some_of(ink)))
    return ink


def _level_of_paper(ink: NDArray[np.float32]) -> float:
    """The commonest value: the median may be ink, where a picture is cut close to a digit."""
    counts, lowest, width = _histogram(ink)
    smooth = np.convolve(np.convolve(counts, _BROAD, "same"), _BROAD, "same")
    smooth[_BINS // 2 :] = 0  # there is ink
    return lowest + width * (int(smooth.argmax()) + 0.5)


def _strong(ink: NDArray[np.float32]) -> float:
    """Gray levels between paper and strong ink."""
    if not ink.any():
        return 0.0
    inked = ink[ink > otsu_threshold(ink)]
    rank = int(_STRONG_QUANTILE * (len(inked) - 1))
    return float(np.partition(inked, rank)[rank])


def _ink_is_dark(picture: NDArray[np.float32]) -> bool:
    """Whether less is far darker than its surroundings than far lighter: so is ink; at a shadow both are alike."""
    from scipy.ndimage import uniform_filter

    few = _some_of(picture)
    if (few - _surface(few)).var() < _LIGHT_ALONE * few.var():
        picture = picture - _surface(picture)
    window = max(_NARROWEST_LOOK, round(_LOOK_SHARE * min(picture.shape)))
    difference = picture - uniform_filter(picture, window, mode="nearest")  # what is outside is as the border is
    return bool((difference * difference * difference).sum(dtype=np.float64) <= 0)


def _paper_of(picture: NDArray[np.float32], dark: bool, widest: float | None) -> NDArray[np.float32]:
    """The picture without its ink."""
    from scipy.ndimage import grey_closing, grey_opening

    side = _PAPER_SIDE
    window = _WINDOW_SHARE * min(picture.shape) if widest is None else widest
    if widest is not None:
        side = max(side, int(5 * max(picture.shape) / window))
    closed, opened, nearer_to_ink = (
        (grey_closing, grey_opening, np.minimum) if dark else (grey_opening, grey_closing, np.maximum)
    )
    few = _smaller(picture, side)
    if min(picture.shape) >= _FINE_SIDE and max(picture.shape) <= _PAPER_SIDE:
        few = opened(few, (3, 3))  # a single spark, unless means hide it, would be the paper all around it
    within = max(3, round(window * len(few) / len(picture)))
    light = _surface(few, dark)
    # At the edge of a shadow the surface bulges, which is not taken for ink without it.
    paper = nearer_to_ink(closed(few - light, (within, within)) + light, closed(few, (within, within)))
    return _enlarged(paper, picture.shape)


def _surface(picture: NDArray[np.float32], dark: bool | None = None) -> NDArray[np.float32]:
    """A surface of second degree through the picture; through its paper, where it is known whether ink is dark.

    A lens's dark corners would be ink to a closing, at the border.
    """
    rows, columns, terms = _terms_of(picture.shape[0], picture.shape[1])
    step_down, step_right = (_step(length) for length in picture.shape)
    values = picture[::step_down, ::step_right].ravel().astype(np.float64)
    paper = np.ones(len(values))
    for _ in range(1 if dark is None else 4):
        weighted = terms * paper
        products = weighted @ terms.T
        products.flat[:: len(terms) + 1] += _LEAST_RIDGE * products[0, 0]
        weights = np.linalg.solve(products, weighted @ values)
        inked = (weights @ terms - values) * (1 if dark else -1)
        paper = (inked <= max(1.0, _median(np.abs(inked)))).astype(np.float64)
    square = np.zeros((3, 3))
    square[_DEGREES] = weights
    return (rows.T @ square @ columns).astype(np.float32)


@lru_cache(maxsize=16)
def _terms_of(height: int, width: int) -> tuple[NDArray[np.float64], ...]:
    """Powers of y in all rows, of x in all columns, and the terms of a surface in the pixels it is fitted to."""
    rows, columns = _powers(height), _powers(width)
    y, x = rows[:, :: _step(height)], columns[:, :: _step(width)]
    terms = y[_DEGREES[0]][:, :, None] * x[_DEGREES[1]][:, None, :]
    return rows, columns, terms.reshape(len(terms), -1)


def _step(length: int) -> int:
    return -(-length // _SURFACE_SIDE)


def _powers(length: int) -> NDArray[np.float64]:
    """1, x and x squared along one side, where x is from -1 to 1, or 0 for a single pixel."""
    x = (2 * np.arange(length) - (length - 1)) / max(1, length - 1)
    return np.stack([np.ones(length), x, x * x])


def _median(values: NDArray) -> float:
    """About the median, as fast as can be."""
    middle = len(values) // 2
    return float(np.partition(values, middle)[middle])


def _some_of(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pixels enough to tell a median by."""
    step = max(1, int(np.sqrt(values.size / _ENOUGH_PIXELS)))
    return values[::step, ::step]


def _spread(ink: NDArray[np.float32]) -> float:
    """Standard deviation of the paper's noise, seen where it goes away from ink."""
    paper = ink[ink < 0]
    return -float(np.median(paper)) / _NORMAL_MEDIAN if 20 * len(paper) > ink.size else 0.0


def _smaller(picture: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Means of square blocks, so that the longer side has no more pixels than that."""
    from PIL import Image

    factor = -(-max(picture.shape) // side)
    return picture if factor <= 1 else np.asarray(Image.fromarray(picture).reduce(factor))


def _enlarged(picture: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    from PIL import Image

    if picture.shape == shape:
        return picture
    size = (shape[1], shape[0])
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
