"""Reads any picture file into pixels to work on, and trusts nothing in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["Picture", "read_picture"]


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
    raise NotImplementedError
