"""One picture file of every sort that a reader of pictures must be able to read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from knn_digits.made_pictures.camera import shadow_over
from knn_digits.made_pictures.layouts import any_hand, boxed_page, free_page, seen_at
from knn_digits.made_pictures.pages import Page, View
from knn_digits.made_pictures.pictures import MadePicture, mild_shot, photographed, scanned, strong_shot
from knn_digits.made_pictures.writing import DigitImages, Hand, digits_of

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["GalleryFile", "gallery"]

_HEIGHTS = (50.0, 90.0)  # of digits, in pixels: large enough for a person to look at
_ORIENTATION, _LIES_ON_ITS_SIDE = 0x0112, 6  # of EXIF: to be turned by 90 degrees to the right


@dataclass(frozen=True, eq=False)
class GalleryFile:
    """A picture file.

    Attributes
    ----------
    name : str
        Of the file; it says what the picture shows, and how.
    data : bytes
        What is in the file.
    lines : tuple of str
        What stands there, from top to bottom.
    """

    name: str
    data: bytes
    lines: tuple[str, ...]


def gallery(images: NDArray[np.uint8], labels: ArrayLike, seed: int = 0) -> list[GalleryFile]:
    """Make one file of every sort.

    Parameters
    ----------
    images : uint8 ndarray of shape (n, side, side)
        Digits, light on dark.
    labels : array-like of shape (n,)
        What they are.
    seed : int, default=0
        Each file has a random stream of its own.

    Returns
    -------
    list of GalleryFile
        PNG, JPEG, WebP, BMP, GIF and TIFF.

    Raises
    ------
    ValueError
        If there is no digit to write with.
    """
    digits = digits_of(images, labels)
    files = []
    for name, (draw, encode) in _FILES.items():
        picture = draw(np.random.default_rng([seed, crc32(name.encode())]), digits)
        files.append(GalleryFile(name, encode(picture), picture.lines))
    return files


# What is shown.

Draw = Callable[[Generator, DigitImages], MadePicture]


def _scan(n_lines: int = 1, light_on_dark: bool = False) -> Draw:
    def draw(rng: Generator, digits: DigitImages) -> MadePicture:
        hand = any_hand(rng, heights=_HEIGHTS)
        page = free_page(rng, digits, hand, n_lines=n_lines)
        return scanned(rng, page, seen_at(rng, page, hand, degrees=2), light_on_dark)

    return draw


def _photo(
    ink: str | None = None, pen: tuple[float, float] = (0.6, 1.1), n_lines: int = 1, ruled: bool = False
) -> Draw:
    def draw(rng: Generator, digits: DigitImages) -> MadePicture:
        hand = any_hand(rng, pen, _HEIGHTS)
        page = free_page(rng, digits, hand, n_lines=n_lines, ruled=ruled)
        view = seen_at(rng, page, hand, degrees=3)
        return photographed(rng, page, view, mild_shot(rng, view, hand), ink)

    return draw


def _single_digit(rng: Generator, digits: DigitImages) -> MadePicture:
    hand = any_hand(rng, heights=_HEIGHTS)
    line = free_page(rng, digits, hand).lines[0][:1]
    page = Page([line])
    return scanned(rng, page, seen_at(rng, page, hand, degrees=2), light_on_dark=False)


def _form(rng: Generator, digits: DigitImages) -> MadePicture:
    hand = any_hand(rng, (0.6, 1.1), _HEIGHTS)
    page = boxed_page(rng, digits, hand, n_lines=2)
    return scanned(rng, page, seen_at(rng, page, hand, degrees=1), light_on_dark=False)


def _in_bad_light(rng: Generator, digits: DigitImages) -> MadePicture:
    hand = any_hand(rng, (0.6, 1.1), _HEIGHTS)
    page = free_page(rng, digits, hand, n_lines=2)
    view = seen_at(rng, page, hand, degrees=3, perspective=0.1)
    return _shaded(rng, page, view, hand)


def _shaded(rng: Generator, page: Page, view: View, hand: Hand) -> MadePicture:
    shot = strong_shot(rng, view, hand)
    shadow = shadow_over(rng, view.height, view.width, 0.5, softness=0.1 * hand.height)
    return photographed(rng, page, view, replace(shot, light=np.maximum(shot.light, np.float32(0.5)) * shadow))


# How it is written into a file.

Encode = Callable[[MadePicture], bytes]


def _plain(file_format: str, mode: str | None = None, **options: Any) -> Encode:
    """In this format, and of this mode of Pillow's; black and white as a fax has it, without dots for gray."""

    def encode(picture: MadePicture) -> bytes:
        from PIL import Image

        image = _image(picture)
        converted = image if mode is None else image.convert(mode, dither=Image.Dither.NONE)
        return _encoded(converted, file_format, **options)

    return encode


def _on_its_side(picture: MadePicture) -> bytes:
    """The camera was held upright, and says so."""
    from PIL import Image

    image = _image(picture).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[_ORIENTATION] = _LIES_ON_ITS_SIDE
    return _encoded(image, "JPEG", quality=90, exif=exif)


def _without_paper(gray_of_ink: int) -> Encode:
    """Ink alone, the rest transparent; under it lies the same color, so that alpha alone shows the digits."""

    def encode(picture: MadePicture) -> bytes:
        from PIL import Image

        gray = picture.pixels.astype(np.float32)
        cover = (gray.max() - gray) / (gray.max() - gray.min())
        pixels = np.full((*gray.shape, 4), gray_of_ink, np.uint8)
        pixels[:, :, 3] = np.rint(255 * cover)
        return _encoded(Image.fromarray(pixels), "PNG")

    return encode


def _transparent_palette(picture: MadePicture) -> bytes:
    """A drawing with one color that is not there, as old web pages have it."""
    image = _image(picture).convert("P")
    lightest = int(picture.pixels.max())
    return _encoded(
        image.point(lambda gray: lightest if gray > lightest * 0.9 else gray), "GIF", transparency=lightest
    )


def _first_of_two_frames(picture: MadePicture) -> bytes:
    """A moving picture: what counts is how it starts."""
    image = _image(picture)
    second = image.point(lambda gray: 255 - gray)
    return _encoded(image, "GIF", save_all=True, append_images=[second], duration=500)


def _sixteen_bits(picture: MadePicture) -> bytes:
    from PIL import Image

    return _encoded(Image.fromarray(picture.pixels.astype(np.uint16) * 257), "PNG")


def _image(picture: MadePicture) -> Image.Image:
    from PIL import Image

    return Image.fromarray(picture.pixels)


def _encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


_FILES: dict[str, tuple[Draw, Encode]] = {
    "single-digit.png": (_single_digit, _plain("PNG")),
    "line.png": (_scan(), _plain("PNG")),
    "line-of-sixteen-bits.png": (_scan(), _sixteen_bits),
    "line-of-one-bit.bmp": (_scan(), _plain("BMP", "1")),
    "several-lines.jpg": (_photo(n_lines=3), _plain("JPEG", quality=85)),
    "form-with-boxes.tif": (_form, _plain("TIFF", compression="tiff_lzw")),
    "ruled-lines.jpg": (_photo(n_lines=2, ruled=True), _plain("JPEG", quality=85)),
    "uneven-light-and-shadow.jpg": (_in_bad_light, _plain("JPEG", quality=75)),
    "white-on-black.bmp": (_scan(light_on_dark=True), _plain("BMP")),
    "black-on-white.gif": (_scan(), _plain("GIF")),
    "first-of-two-frames.gif": (_scan(), _first_of_two_frames),
    "red-ink.webp": (_photo("red"), _plain("WEBP", quality=80)),
    "blue-ink.png": (_photo("blue"), _plain("PNG")),
    "green-ink.tif": (_photo("green"), _plain("TIFF")),
    "for-print.jpg": (_photo("black"), _plain("JPEG", "CMYK", quality=85)),
    "transparent-dark-ink.png": (_scan(), _without_paper(gray_of_ink=0)),
    "transparent-white-ink.png": (_scan(), _without_paper(gray_of_ink=255)),
    "transparent-color.gif": (_scan(), _transparent_palette),
    "turned-by-exif.jpg": (_photo(), _on_its_side),
    "thin-pencil.webp": (_photo("pencil", pen=(0.3, 0.4)), _plain("WEBP", quality=90)),
    "thick-marker.jpg": (_photo("black", pen=(1.5, 1.6)), _plain("JPEG", quality=85)),
}
