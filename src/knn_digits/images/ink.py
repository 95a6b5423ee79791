"""How much ink lies where: colors, paper, light and noise are taken away.

The paper is what a closing leaves of the picture (an opening, where the ink is light): strokes narrower than its
window vanish, while the paper's own light and shadow stay, edges and all (J. Serra, Image analysis and
mathematical morphology, 1982). Ink is what differs from it, as a share of the light that falls there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["FAINT", "gray_of", "ink_of", "otsu_threshold"]

FAINT = 0.3  # of strong ink; what is below is a blurred edge, or dust
_PAPER_SIDE = 160  # pixels of the smaller picture in which the paper is looked for
_COLOR_SIDE = 96  # and of that in which the colors are
_NARROWEST_LOOK = 15  # pixels
_WINDOW_SHARE = 0.5  # of the shorter side: no stroke of a digit is that wide
_NOISE_SPREADS = 3.0  # standard deviations of the paper's noise that are not yet ink
_LEAST_CONTRAST = 12.0  # gray levels between paper and strong ink; below, a picture is blank
_STRONG_QUANTILE = 0.98  # of the ink: above it lie highlights and sparks, which must not set the scale
_DARKEST_PAPER = 48.0  # gray levels; a darker paper's light is not trusted to scale its ink by
_NORMAL_MEDIAN = 0.6745  # the median deviation of normal noise, in standard deviations


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


def ink_of(gray: NDArray, stroke: float | None = None) -> NDArray[np.float32]:
    """Find how much ink lies where, be it darker than the paper or lighter.

    Parameters
    ----------
    gray : ndarray of shape (height, width)
        Gray values 0..255, uint8 or float.
    stroke : float, optional
        How wide strokes are, in pixels, where that is known: light and shadow that are wider are paper.

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
    dark = _ink_is_dark(picture)
    paper = _paper_of(picture, dark, stroke)
    ink = paper - picture if dark else picture - paper
    if dark:
        ink *= np.median(paper) / np.maximum(paper, _DARKEST_PAPER)
    ink -= np.median(ink)
    noise = _NOISE_SPREADS * _spread(ink)
    ink = np.maximum(ink - noise, 0)
    strong = np.quantile(ink[ink > otsu_threshold(ink)], _STRONG_QUANTILE) if ink.any() else 0.0
    if strong < max(_LEAST_CONTRAST, noise):  # the tails of the noise reach less far beyond it than that
        return np.zeros(picture.shape, np.float32)
    return np.minimum(ink / strong, 1).astype(np.float32)


def looks_narrower(shape: tuple[int, ...], stroke: float) -> bool:
    """Whether `ink_of` a picture of that shape gives anything else when it knows how wide strokes are."""
    return _window_of(stroke) < _WINDOW_SHARE * min(shape)


def _window_of(stroke: float) -> float:
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
    counts, edges = np.histogram(values, bins=256)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = values.size - below
    sums = np.cumsum(counts * middles)
    gap = (sums[-1] - sums[:-1]) / above - sums[:-1] / below
    return float(edges[1 + np.argmax(below * above * gap**2)])


def _ink_is_dark(picture: NDArray[np.float32]) -> bool:
    """Whether there is less of the darker than of the lighter around edges: ink is, and at a shadow both are alike."""
    from scipy.ndimage import uniform_filter

    window = max(_NARROWEST_LOOK, min(picture.shape) // 4)
    difference = picture - uniform_filter(picture, window)
    return bool((difference.astype(np.float64) ** 3).sum() <= 0)


def _paper_of(picture: NDArray[np.float32], dark: bool, stroke: float | None) -> NDArray[np.float32]:
    """The picture without its ink."""
    from scipy.ndimage import grey_closing, grey_opening

    side = _PAPER_SIDE
    window = _WINDOW_SHARE * min(picture.shape)
    if stroke is not None and looks_narrower(picture.shape, stroke):
        window = _window_of(stroke)
        side = max(side, int(5 * max(picture.shape) / window))
    few = _smaller(picture, side)
    light = _evenly_curved(few, dark)
    within = max(3, round(window * len(few) / len(picture)))
    return _enlarged(
        (grey_closing if dark else grey_opening)(few - light, (within, within)) + light, picture.shape
    )


def _evenly_curved(picture: NDArray[np.float32], dark: bool) -> NDArray[np.float32]:
    """The paper as a surface of second degree: a lens's dark corners would be ink to a closing, at the border."""
    rows, columns = (np.linspace(-1, 1, length, dtype=np.float32) for length in picture.shape)
    y, x = (grid.ravel() for grid in np.meshgrid(rows, columns, indexing="ij"))
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    values, paper = picture.ravel(), np.ones(picture.size, bool)
    for _ in range(4):
        weights = np.linalg.lstsq(terms[paper], values[paper], rcond=None)[0]
        inked = (terms @ weights - values) * (1 if dark else -1)
        paper = inked <= max(1.0, np.median(np.abs(inked)))
    return (terms @ weights).reshape(picture.shape)


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
