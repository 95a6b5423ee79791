"""Reads any picture file into pixels to work on, and trusts nothing in it.

::

    read_picture          bytes or file -> Picture
    ├── open_picture      what can be decided before a pixel is decoded; every failure a `PictureError`
    │   └── headers.py    how large it is, what it will cost, and the file without its extras
    └── _reduced          strip by strip to gray or colors, and to no more pixels than are worked on
"""

from __future__ import annotations

import io
import math
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from knn_digits.errors import KnnDigitsError, PictureError
from knn_digits.images.headers import FORMATS, Header, Refused, exif_orientation, read_header
from knn_digits.printable import printable

if TYPE_CHECKING:
    from PIL import Image, ImageFile

__all__ = ["LARGEST_WORKED_ON", "MOST_BYTES", "SUFFIXES", "Picture", "open_picture", "read_picture", "upright"]

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff"})
"""Of the files that are taken for pictures where a whole folder is read."""

MOST_BYTES = 64 << 20
"""Of a file that is read."""

LARGEST_WORKED_ON = 4_000_000
"""Pixels; what has more is reduced."""

_STRIP = 1_000_000  # pixels that are converted at a time
_PAPER_CONTRAST = 64  # gray levels between the lightest and darkest of what is opaque, if it is paper with ink
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture, turned as it is meant to be seen, and reduced where it was large.

    Attributes
    ----------
    pixels : uint8 ndarray of shape (height, width) or (height, width, 3)
        Gray, or red, green and blue; nothing transparent. At most `LARGEST_WORKED_ON` pixels.
    width, height : int
        Of the whole picture in its own pixels, after its EXIF rotation.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int

    @property
    def scale(self) -> float:
        """Pixels of the picture's own for each pixel worked on; 1 where it was not reduced."""
        return self.width / self.pixels.shape[1]


def read_picture(source: Path | bytes, name: str | None = None) -> Picture:
    """Read a picture, whatever it is like inside.

    Of several frames or pages the first. What is transparent is laid on black or white, whichever shows what is
    opaque. Sixteen bits become eight; a range of its own (32 bits, floating point) becomes 0..255.

    Parameters
    ----------
    source : Path or bytes
        A file, or its content: PNG, JPEG, WebP, BMP, GIF or TIFF, of at most `MOST_BYTES`.
    name : str, optional
        What errors call it; by default its path.

    Returns
    -------
    Picture

    Raises
    ------
    PictureError
        It cannot be had, is none of these, damaged or too large; one line that names it.
    """
    with open_picture(source, name) as picture:
        size = picture.size
        picture.draft(None, _worked_on(*size))  # JPEGs are decoded at half, a quarter or an eighth of their size
        picture.load()
        small = upright(_reduced(picture), picture.info["orientation"])
        width, height = reversed(size) if picture.info["orientation"] >= 5 else size
        return Picture(_without_alpha(small), width, height)


@contextmanager
def open_picture(
    source: Path | bytes, name: str | None = None, most_bytes: int = MOST_BYTES
) -> Iterator[ImageFile.ImageFile]:
    """Open a picture of which only the header has been read; whatever fails inside the block becomes one error.

    Parameters
    ----------
    source : Path or bytes
        A file, or its content.
    name : str, optional
        What errors call it; by default its path.
    most_bytes : int, default=MOST_BYTES
        Of the file.

    Yields
    ------
    PIL.ImageFile.ImageFile
        Of a size that can be decoded. ``info["orientation"]`` says how it lies: see `upright`.

    Raises
    ------
    PictureError
        It cannot be had, is no picture, damaged or too large, or Pillow failed in the block.
    """
    name = one_line(name or (str(source) if isinstance(source, Path) else "picture"))
    try:
        with _opened(read_header(_content(source, most_bytes))) as picture:
            yield picture
    except KnnDigitsError:
        raise
    except Refused as error:
        raise PictureError(f"{name} {error}") from error
    except Exception as error:  # what a decoder raises for a damaged file is not written down anywhere
        raise PictureError(
            f"{name} cannot be read as a picture ({', '.join(FORMATS)}): it may be damaged; replace or remove it"
        ) from error


def one_line(name: str) -> str:
    r"""Give a name that can be printed, in one line: ``a\nb.png``."""
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], printable(name))


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Turn a picture as EXIF says that it is meant to be seen; 1 is as it is."""
    from PIL import Image

    turn = Image.Transpose
    turns = {
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_270,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_90,
    }
    return picture.transpose(turns[orientation]) if orientation in turns else picture


# ---- from a file to a picture that has not been decoded


def _content(source: Path | bytes, most: int) -> bytes:
    try:
        content = source if isinstance(source, bytes) else _file_content(source, most)
    except (OSError, ValueError) as error:  # ValueError: a null character in its name
        raise Refused(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not content:
        raise Refused("cannot be read as a picture: it is empty")
    if len(content) > most:
        size = "" if len(content) == most + 1 else f" has {len(content) >> 20} MB,"
        raise Refused(f"is too large:{size} expected at most {most >> 20} MB: make it smaller")
    return content


def _file_content(path: Path, most: int) -> bytes:
    """At most one byte more than allowed, of a regular file: others may block, or never end."""
    flags = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
    with open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("it is no file")
        return file.read(most + 1)


def _opened(header: Header) -> ImageFile.ImageFile:
    """Open by the one decoder that the header calls for, which must see the same in it as we.

    ``Image.open`` would import all decoders, and only warns of pictures beyond ``MAX_IMAGE_PIXELS``; making that
    an error by ``warnings.catch_warnings`` is not safe in threads, so the number is compared here.
    """
    from PIL import Image

    picture = _decoder_of(header.format)(io.BytesIO(header.content))
    most = Image.MAX_IMAGE_PIXELS
    if most is not None and header.width * header.height > most:
        raise Refused(
            f"cannot be read: {header.width}x{header.height} pixels are more than Pillow may read, {most:,}"
        )
    if picture.size != (header.width, header.height):
        raise Refused("cannot be read as a picture: its header is of two minds about its size; it is damaged")
    exif = picture.info.get("exif") if header.format == "WebP" else None
    picture.info["orientation"] = exif_orientation(exif) if exif else header.orientation
    return picture


def _decoder_of(format: str) -> type[ImageFile.ImageFile]:
    from importlib import import_module

    if format == "TIFF":
        _silence_libtiff()
    stem = {"PNG": "Png", "JPEG": "Jpeg", "WebP": "WebP", "BMP": "Bmp", "GIF": "Gif", "TIFF": "Tiff"}[format]
    return getattr(import_module(f"PIL.{stem}ImagePlugin"), f"{stem}ImageFile")


@cache
def _silence_libtiff() -> None:
    """It writes to stderr what Pillow tells by an error, too; where it cannot be reached, so be it."""
    import ctypes

    from PIL import _imaging

    with suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(_imaging.__file__)  # and what it is linked with
        library.TIFFSetErrorHandler(None)
        library.TIFFSetWarningHandler(None)


# ---- from a decoded picture to the pixels worked on


def _worked_on(width: int, height: int) -> tuple[int, int]:
    """The size to which a picture is reduced."""
    shrink = min(1.0, math.sqrt(LARGEST_WORKED_ON / (width * height)))
    return max(1, int(width * shrink)), max(1, int(height * shrink))


def _reduced(picture: Image.Image) -> Image.Image:
    """Average areas, strip by strip, for a second copy of a large picture would be too much.

    Returns a picture of mode L or RGB, or La or RGBa, whose colors are already multiplied by their alpha: only so
    do averages of transparent pixels not take part.
    """
    from PIL import Image

    width, height = picture.size
    factor = math.isqrt(max(1, width * height // LARGEST_WORKED_ON))
    small: Image.Image | None = None
    levels = _levels(picture)
    for top, strip in _strips(picture, factor):
        plain = _plain(strip, levels)
        plain = plain.reduce(factor) if factor > 1 else plain
        if strip is picture:
            small = plain
            break
        small = small or Image.new(plain.mode, (-(-width // factor), -(-height // factor)))
        small.paste(plain, (0, top // factor))
    assert small is not None
    if math.prod(small.size) > LARGEST_WORKED_ON:
        small = small.resize(_worked_on(width, height), Image.Resampling.BOX)
    return small


def _strips(picture: Image.Image, factor: int) -> Iterator[tuple[int, Image.Image]]:
    """Full-width strips and where they begin, at multiples of a factor; a small picture is its only strip."""
    width, height = picture.size
    if width * height <= _STRIP:
        yield 0, picture
        return
    rows = max(1, _STRIP // (width * factor)) * factor
    for top in range(0, height, rows):
        yield top, picture.crop((0, top, width, min(top + rows, height)))


def _levels(picture: Image.Image) -> tuple[float, float]:
    """The numbers that become black and white, where they are not those of eight bits."""
    if picture.mode not in ("I", "F"):
        return 0, 65535
    lowest, highest = math.inf, -math.inf
    for _, strip in _strips(picture, 1):
        numbers = np.asarray(strip)
        finite = numbers[np.isfinite(numbers)]
        if finite.size:
            lowest, highest = min(lowest, float(finite.min())), max(highest, float(finite.max()))
    return (lowest, highest) if lowest <= highest else (0, 0)


def _plain(strip: Image.Image, levels: tuple[float, float]) -> Image.Image:
    """Gray or colors of eight bits; what is transparent stays so."""
    mode = strip.mode
    if mode[0] in "IF":
        return _gray_of_numbers(strip, *levels)
    if mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in strip.info:
        kind = "LA" if mode == "LA" else "RGBA"
        return strip.convert(kind).convert(kind[:-1] + "a")
    goal = "L" if mode in ("1", "L") else "RGB"
    return strip if mode == goal else strip.convert(goal)


def _gray_of_numbers(strip: Image.Image, low: float, high: float) -> Image.Image:
    from PIL import Image

    with np.errstate(invalid="ignore"):  # NaNs of the signaling kind
        numbers = np.asarray(strip).astype(np.float64)
    numbers = np.nan_to_num(numbers, nan=low, posinf=high, neginf=low)
    gray = np.rint((numbers - low) * (255 / (high - low or 1))).astype(np.uint8)
    clear = strip.info.get("transparency")
    if not isinstance(clear, int):
        return Image.fromarray(gray)
    alpha = np.where(numbers == clear, 0, 255).astype(np.uint8)
    return Image.merge("LA", [Image.fromarray(gray), Image.fromarray(alpha)]).convert("La")


def _without_alpha(picture: Image.Image) -> NDArray[np.uint8]:
    """Pixels on a background that shows them; two axes if they have no color."""
    pixels = np.array(picture)
    if picture.mode in ("La", "RGBa"):
        alpha = pixels[..., -1:]
        pixels = np.minimum(pixels[..., :-1], alpha)
        if _on_white(pixels.mean(axis=2, dtype=np.float32), alpha[..., 0]):
            pixels += 255 - alpha
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = np.ascontiguousarray(pixels[..., 0])
    return pixels


def _on_white(gray: NDArray[np.float32], alpha: NDArray[np.uint8]) -> bool:
    """Whether what is opaque shows on white: dark ink does. Paper with ink on it goes on more of its kind.

    `gray` is already multiplied by `alpha`.
    """
    opaque = alpha > 127
    if 2 * np.count_nonzero(opaque) > alpha.size:
        shades = gray[opaque] * 255 / alpha[opaque]
        darkest, middle, lightest = np.percentile(shades, (1, 50, 99))
        if lightest - darkest > _PAPER_CONTRAST:
            return bool(middle > 127)
    return bool(255 * gray.sum(dtype=np.float64) <= 127 * alpha.sum(dtype=np.float64))
