"""Reads one small picture file as a square of grey values, and trusts nothing in it."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from knn_digits.datasets.dataset import MAX_SIDE
from knn_digits.errors import DataError, PictureError
from knn_digits.images.reading import open_picture, upright

if TYPE_CHECKING:
    from PIL import Image

_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})  # eight bits a channel
_MAX_FILE = 20 << 20


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a square picture as grey values.

    Of a moving picture the first frame; what is transparent is laid on white; no inversion: ink stays
    as dark or as light as it is.

    Parameters
    ----------
    path : Path
        A PNG, JPEG, BMP, WEBP, GIF or TIFF file of at most 20 MB and 512x512 pixels.

    Returns
    -------
    ndarray of uint8, shape (side, side)
        Grey values 0..255.

    Raises
    ------
    DataError
        It is none of these, damaged, not square, too large or of more than eight bits; the message names it.
    """
    try:
        with open_picture(path, most_bytes=_MAX_FILE) as picture:
            _check_header(picture, path)
            return np.array(_as_grey(upright(picture, picture.info["orientation"])))
    except PictureError as error:
        raise DataError(str(error)) from error


def _check_header(picture: "Image.Image", path: Path) -> None:
    """Refuse by what the header says, before a single pixel is decoded."""
    width, height = picture.size
    if width != height:
        raise DataError(f"{path} has {width}x{height} pixels, expected a square: cut or pad it")
    if width > MAX_SIDE:
        raise DataError(
            f"{path} has {width}x{height} pixels, expected at most {MAX_SIDE}x{MAX_SIDE}: scale it down"
        )
    if picture.mode not in _MODES:
        raise DataError(f"{path} has pixels of kind {picture.mode}, expected 8 bits a channel: convert it")


def _as_grey(picture: "Image.Image") -> "Image.Image":
    from PIL import Image

    if picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return picture.convert("L")
