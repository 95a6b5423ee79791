"""A picture with what was read drawn on it: a box around every digit, the answer on a tag above.

Boxes of digits that are sure are blue; doubtful ones are orange and dashed, with the marks of `marks`. Every line
has a light seam, so that it is seen on paper and on slate alike. Small pictures are enlarged, pixel by pixel.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from knn_digits.drawing.marks import marked_digit

__all__ = ["MADE_BY", "draw_boxes"]

MADE_BY = "knn-digits boxes"  # in the PNG's "Software", by which it is known again

_Box = tuple[float, float, float, float]  # left, top, right, bottom

_SURE, _DOUBTFUL, _SEAM = "#0072B2", "#D55E00", "#ffffff"  # as `style` has them, without its matplotlib
_LEGIBLE = 96  # pixels: digits lower than this are enlarged, as far as the picture stays within the next two
_LARGEST_SIDE, _MOST_ENLARGED = 2400, 16
_SMALLEST_TYPE, _LARGEST_TYPE = 14, 54  # pixels


@dataclass(frozen=True)
class _Tag:
    """A digit's box on the canvas, with the words on its tag."""

    box: _Box
    words: str
    doubtful: bool

    def moved(self, right: float, down: float) -> _Tag:
        """Give it at another place."""
        x0, y0, x1, y1 = self.box
        return replace(self, box=(x0 + right, y0 + down, x1 + right, y1 + down))


def draw_boxes(picture: Any, reading: Any) -> bytes:
    """Draw what was read onto a picture.

    Parameters
    ----------
    picture : Picture
    reading : Reading

    Returns
    -------
    png : bytes
        At most as large as the picture as it was worked on, or 2,400 pixels a side.
    """
    factor = _factor(picture, reading)
    tags = [_tag(digit, factor / picture.scale) for digit in reading.digits]
    size = _type_size(tags)
    font = ImageFont.load_default(size)
    canvas, (right, down) = _canvas(picture.pixels, factor, tags, size)
    tags = [tag.moved(right, down) for tag in tags]
    draw = ImageDraw.Draw(canvas)
    for tag in tags:
        _draw_box(draw, tag, max(2, round(size / 9)))
    # Tags last: no box may cross the answer of its neighbor.
    for tag, plate in zip(tags, _plates(tags, font, canvas.width), strict=True):
        _draw_tag(draw, plate, tag, font)
    return _png(canvas)


def _factor(picture: Any, reading: Any) -> int:
    """How many times to enlarge, so that digits can be told and their tags find room."""
    height, width = picture.pixels.shape[:2]
    heights = [(digit.box[3] - digit.box[1]) / picture.scale for digit in reading.digits] or [height]
    wanted = -(-_LEGIBLE // max(1.0, median(heights)))
    return int(max(1, min(wanted, _MOST_ENLARGED, _LARGEST_SIDE // max(height, width))))


def _tag(digit: Any, scale: float) -> _Tag:
    left, top, right, bottom = (edge * scale for edge in digit.box)
    return _Tag((left, top, right, bottom), marked_digit(digit), bool(digit.unsure or digit.foreign))


def _type_size(tags: Sequence[_Tag]) -> int:
    heights = [tag.box[3] - tag.box[1] for tag in tags] or [0.0]
    return int(min(_LARGEST_TYPE, max(_SMALLEST_TYPE, 0.36 * median(heights))))


def _canvas(
    pixels: NDArray[np.uint8], factor: int, tags: Sequence[_Tag], size: int
) -> tuple[Image.Image, tuple[int, int]]:
    """The picture in color, enlarged, with room at its edges for the boxes and tags that need it."""
    picture = Image.fromarray(pixels).convert("RGB")
    picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    if not tags:
        return picture, (0, 0)
    lefts, tops, rights, bottoms = zip(*(tag.box for tag in tags), strict=True)
    seam = size // 2
    above = max(0, round(1.6 * size - min(tops)))
    left, right, below = (
        max(0, round(seam - room))
        for room in (min(lefts), picture.width - max(rights), picture.height - max(bottoms))
    )
    canvas = Image.new("RGB", (picture.width + left + right, picture.height + above + below), _paper(pixels))
    canvas.paste(picture, (left, above))
    return canvas, (left, above)


def _paper(pixels: NDArray[np.uint8]) -> tuple[int, ...]:
    """The usual color at the picture's border."""
    colors = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    border = np.concatenate([colors[0], colors[-1], colors[:, 0], colors[:, -1]])
    return tuple(int(value) for value in np.median(border, axis=0))


def _draw_box(draw: ImageDraw.ImageDraw, tag: _Tag, width: int) -> None:
    """Outline a box, outside its digit: its seam first, then the line, dashed where the digit is doubtful."""
    left, top, right, bottom = (
        tag.box[0] - width,
        tag.box[1] - width,
        tag.box[2] + width - 1,
        tag.box[3] + width - 1,
    )
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    draw.line(corners, fill=_SEAM, width=width + 2, joint="curve")
    for ends in pairwise(corners):
        dashes = _dashes(*ends, dash=3.5 * width) if tag.doubtful else [ends]
        for dash in dashes:
            draw.line(dash, fill=_DOUBTFUL if tag.doubtful else _SURE, width=width)


def _dashes(
    start: tuple[float, float], end: tuple[float, float], dash: float
) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Cut a line into dashes with gaps as long, a dash at either end so that corners are seen."""
    length = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    n = max(1, 2 * round((length / dash + 1) / 2) - 1)  # odd
    for i in range(0, n, 2):
        yield _between(start, end, i / n), _between(start, end, (i + 1) / n)


def _between(start: tuple[float, float], end: tuple[float, float], share: float) -> tuple[float, float]:
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def _plates(tags: Sequence[_Tag], font: Any, width: int) -> list[_Box]:
    """Find each tag a place: in the middle above its box, else beside the tag in its way, else below its box."""
    plates: list[_Box] = []
    for tag in tags:
        places = list(_places(tag, font, width, plates))
        free = [place for place in places if not any(_overlap(place, other) for other in plates)]
        plates.append((free or places)[0])
    return plates


def _places(tag: _Tag, font: Any, width: int, plates: Sequence[_Box]) -> Iterator[_Box]:
    """Where a tag may be, the best place first."""
    long, high = max(font.getlength(tag.words) + 0.5 * font.size, font.size), 1.3 * font.size
    left = min(max((tag.box[0] + tag.box[2] - long) / 2, 0), width - long - 1)
    above = left, tag.box[1] - 1 - high, left + long, tag.box[1] - 1
    yield above
    for other in plates:
        if _overlap(above, other) and other[2] + 1 + long < width:
            yield other[2] + 1, above[1], other[2] + 1 + long, above[3]
    yield left, tag.box[3] + 1, left + long, tag.box[3] + 1 + high


def _overlap(a: _Box, b: _Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _draw_tag(draw: ImageDraw.ImageDraw, plate: _Box, tag: _Tag, font: Any) -> None:
    """Write the answer on its tag."""
    color, size = _DOUBTFUL if tag.doubtful else _SURE, font.size
    draw.rounded_rectangle(plate, radius=size / 4, fill=color, outline=_SEAM, width=max(1, round(size / 18)))
    middle = (plate[0] + plate[2]) / 2, (plate[1] + plate[3]) / 2
    # The font is thin: a stroke makes it bold.
    draw.text(middle, tag.words, "white", font, anchor="mm", stroke_width=size // 28, stroke_fill="white")


def _png(canvas: Image.Image) -> bytes:
    made = PngInfo()
    made.add_text("Software", MADE_BY)
    buffer = io.BytesIO()
    canvas.save(buffer, format="png", pnginfo=made, compress_level=4)
    return buffer.getvalue()
