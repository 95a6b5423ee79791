"""Images of digits as pictures for people: ink on paper, grids, PNG, data URIs."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["PAPER", "data_uri", "ink_on_paper", "lighter", "mosaic", "png_bytes", "strip", "thumbnails"]

PAPER = 255
LARGEST_SIDE = 32  # of a small picture on the page; larger images are shrunk


def ink_on_paper(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Turn stored values (0 is paper, 255 is ink) into gray values to be shown (dark is ink)."""
    return (PAPER - np.clip(images, 0, 255)).astype(np.uint8)


def thumbnails(images: NDArray[Any], largest_side: int = LARGEST_SIDE) -> NDArray[np.uint8]:
    """Shrink images of shape (..., side, side) that are larger than a side, by averaging; keep small ones."""
    *shape, height, width = images.shape
    if height != width:
        raise ValueError(f"expected square images, got {height} x {width}")
    if width <= largest_side:
        return np.asarray(images, np.uint8)
    rows = np.asarray(images, np.uint8).reshape(-1, height, width)
    size = (largest_side, largest_side)
    shrunk = [np.asarray(Image.fromarray(row).resize(size, Image.Resampling.BOX)) for row in rows]
    return np.array(shrunk, np.uint8).reshape(*shape, *size)


def mosaic(images: NDArray[np.uint8], gap: int = 2, below: int | None = None) -> NDArray[np.uint8]:
    """Put images of shape (rows, columns, height, width) into one, on paper.

    Parameters
    ----------
    images : ndarray
        Already as ink on paper.
    gap : int
        Pixels of paper between columns.
    below : int, optional
        Pixels of paper below each row, as for a caption; `gap` otherwise.
    """
    rows, columns, height, width = images.shape
    below = gap if below is None else below
    whole = np.full((rows, height + below, columns, width + gap), PAPER, np.uint8)
    whole[:, :height, :, :width] = images.transpose(0, 2, 1, 3)
    return whole.reshape(rows * (height + below), columns * (width + gap))[:, : columns * (width + gap) - gap]


def strip(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Put small versions of images of shape (n, side, side) side by side, without gaps, as ink on paper."""
    return np.concatenate(list(ink_on_paper(thumbnails(images))), axis=1)


def png_bytes(picture: NDArray[np.uint8]) -> bytes:
    """Encode a small gray picture in 16 grays, which look the same and take half the room."""
    grays = Image.new("P", picture.shape[::-1])
    grays.putdata(((picture.astype(np.uint16) + 8) // 17).ravel().tolist())
    grays.putpalette([gray for level in range(16) for gray in (17 * level,) * 3])
    buffer = io.BytesIO()
    grays.save(buffer, format="png", optimize=True, bits=4)
    return buffer.getvalue()


def lighter(png: bytes) -> bytes:
    """Encode a picture anew in 64 colors and at most 1,000 pixels wide, where whole it would be too large."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.thumbnail((1000, 100_000))
    buffer = io.BytesIO()
    picture.quantize(64).save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def data_uri(content: bytes, media_type: str = "image/png") -> str:
    """Write a file so that it can stand inside the page."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"
