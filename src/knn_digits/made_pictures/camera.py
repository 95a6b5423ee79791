"""What a camera or scanner makes of a page: colors, light and shadow, blur, noise, JPEG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Color", "Layer", "Shot", "photograph", "scan", "shadow_over", "uneven_light"]

_LIGHT_GRID = 24  # pixels a side on which light is reckoned, being smooth
_LEAST_LIGHT = 0.2
Color = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Layer:
    """Something colored on the paper.

    Attributes
    ----------
    cover : float32 ndarray of shape (height, width)
        Where: 0 not, 1 fully.
    color : tuple of 3 floats
        Red, green, blue, 0..255.
    """

    cover: NDArray[np.float32]
    color: Color


@dataclass(frozen=True, eq=False)
class Shot:
    """How a photograph is taken.

    Attributes
    ----------
    light : float32 ndarray of shape (height, width)
        1 is full light.
    blur : float
        Standard deviation, in pixels.
    noise : float
        Standard deviation, in gray levels, where it is light.
    texture : float
        Standard deviation of the paper's own grays, in gray levels.
    quality : int or None
        Of the JPEG; None: it was none.
    """

    light: NDArray[np.float32]
    blur: float
    noise: float
    texture: float
    quality: int | None


def scan(layers: Sequence[Layer], paper: float, light_on_dark: bool = False) -> NDArray[np.uint8]:
    """A gray picture of even light, without noise.

    Parameters
    ----------
    layers : sequence of Layer
        From the paper upwards.
    paper : float
        Its gray value.
    light_on_dark : bool, default=False
        Whether to turn dark and light around.

    Returns
    -------
    pixels : uint8 ndarray of shape (height, width)
    """
    gray = np.full(layers[0].cover.shape, paper, np.float32)
    for layer in layers:
        gray += layer.cover * (np.float32(np.mean(layer.color)) - gray)
    pixels = _rounded(gray)
    return 255 - pixels if light_on_dark else pixels


def photograph(rng: Generator, layers: Sequence[Layer], paper: Color, shot: Shot) -> NDArray[np.uint8]:
    """A color picture as a phone takes it.

    Parameters
    ----------
    rng : numpy.random.Generator
    layers : sequence of Layer
        From the paper upwards.
    paper : tuple of 3 floats
        Its red, green and blue, 0..255.
    shot : Shot

    Returns
    -------
    pixels : uint8 ndarray of shape (height, width, 3)
    """
    from PIL import Image, ImageFilter

    height, width = shot.light.shape
    planes = np.empty((3, height, width), np.float32)  # one after another: twice as fast as pixel by pixel
    planes[:] = np.array(paper, np.float32)[:, None, None]
    if shot.texture:
        planes += _paper_texture(rng, height, width, shot.texture)
    for layer in layers:
        for plane, value in zip(planes, layer.color, strict=True):
            plane += layer.cover * (np.float32(value) - plane)
    planes *= shot.light
    picture = Image.merge("RGB", [Image.fromarray(plane) for plane in _rounded(planes)])
    blurred = picture.filter(ImageFilter.GaussianBlur(shot.blur))
    return _compressed(_with_noise(rng, blurred, shot.noise), shot.quality)


def uneven_light(rng: Generator, height: int, width: int, strength: float) -> NDArray[np.float32]:
    """Light that falls off to one side and to the corners, and is patchy.

    Parameters
    ----------
    rng : numpy.random.Generator
    height, width : int
        Of the picture.
    strength : float
        How much of the light is lost where it is darkest, about.

    Returns
    -------
    light : float32 ndarray of shape (height, width)
        1 where it is lightest.
    """
    longer = max(height, width)
    rows, columns = (max(4, round(_LIGHT_GRID * length / longer)) for length in (height, width))
    y = np.linspace(-1, 1, rows)[:, None] * (height / longer)
    x = np.linspace(-1, 1, columns)[None, :] * (width / longer)
    angle, center = rng.uniform(0, 2 * np.pi), rng.uniform(-0.5, 0.5, 2)
    slope = x * np.cos(angle) + y * np.sin(angle)
    vignette = (x - center[0]) ** 2 + (y - center[1]) ** 2
    waves = _waves(rng, x, y)
    loss = rng.uniform(0.5, 1) * slope + rng.uniform(0, 0.6) * vignette + rng.uniform(0, 0.25) * waves
    light = 1 - strength * (loss - loss.min()) / max(1.2, float(np.ptp(loss)))
    return _enlarged(np.maximum(light, _LEAST_LIGHT), height, width)


def shadow_over(rng: Generator, height: int, width: int, strength: float, softness: float) -> NDArray[np.float32]:
    """The light left by a shadow with an edge, or a corner, somewhere in the picture.

    Parameters
    ----------
    rng : numpy.random.Generator
    height, width : int
        Of the picture.
    strength : float
        How much of the light is lost in the shadow.
    softness : float
        Of its edge, in pixels.

    Returns
    -------
    light : float32 ndarray of shape (height, width)
    """
    shade = np.ones((height, width), np.float32)
    x, y = np.arange(width, dtype=np.float32)[None, :], np.arange(height, dtype=np.float32)[:, None]
    angle = rng.uniform(0, 2 * np.pi)
    through = rng.uniform(0.25, 0.75, 2) * (width, height)
    for turn in (0.0, rng.uniform(0.3, 0.7) * np.pi)[: int(rng.integers(1, 3))]:
        along, across = np.cos(angle + turn), np.sin(angle + turn)
        behind = (along * (x - through[0]) + across * (y - through[1])) / np.float32(softness)
        shade *= 1 / (1 + np.exp(-behind.clip(-30, 30)))
    return 1 - np.float32(strength) * shade


def _waves(rng: Generator, x: NDArray, y: NDArray) -> NDArray[np.float64]:
    """A few broad waves in any direction: light between leaves, a page that is not flat."""
    waves = np.zeros(np.broadcast_shapes(x.shape, y.shape))
    for _ in range(3):
        angle, start = rng.uniform(0, 2 * np.pi, 2)
        waves += np.sin(rng.uniform(2, 6) * (x * np.cos(angle) + y * np.sin(angle)) + start)
    return waves


def _enlarged(field: NDArray, height: int, width: int) -> NDArray[np.float32]:
    from PIL import Image

    return np.asarray(Image.fromarray(field.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC))


def _paper_texture(rng: Generator, height: int, width: int, spread: float) -> NDArray[np.float32]:
    """Fibers and clouds: noise of two sizes."""
    clouds = rng.standard_normal((max(2, height // 8), max(2, width // 8)), np.float32)
    fibers = rng.standard_normal((height // 2 + 1, width // 2 + 1), np.float32)
    return np.float32(spread) * (0.7 * _enlarged(clouds, height, width) + _enlarged(fibers, height, width))


def _with_noise(rng: Generator, picture: Image.Image, noise: float) -> Image.Image:
    """Noise of the sensor: as in light, less of it where it is dark; that of the colors is coarser."""
    from PIL import Image

    width, height = picture.size
    gray = rng.standard_normal((height, width), np.float32)
    tints = rng.standard_normal((3, height // 2 + 1, width // 2 + 1), np.float32)
    noisy = []
    for band, tint in zip(picture.split(), tints, strict=True):
        plane = np.asarray(band).astype(np.float32)
        strength = np.float32(noise) * np.sqrt(plane / 255 + np.float32(0.1))
        coarse = tint.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
        noisy.append(Image.fromarray(_rounded(plane + strength * (gray + np.float32(0.4) * coarse))))
    return Image.merge("RGB", noisy)


def _rounded(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(values.clip(0, 255)).astype(np.uint8)


def _compressed(picture: Image.Image, quality: int | None) -> NDArray[np.uint8]:
    """As it comes back from a JPEG file."""
    from PIL import Image

    if quality is None:
        return np.array(picture)
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as compressed:
        return np.array(compressed)
