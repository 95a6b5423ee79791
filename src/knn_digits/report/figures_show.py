"""Figures of chapter 3, Show: samples, the hardest-looking, a map."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from knn_digits.drawing.pictures import ink_on_paper, mosaic, thumbnails
from knn_digits.drawing.style import (
    CLASS_COLORS,
    GRAY,
    WIDTH,
    Arrays,
    Drawn,
    Results,
    bare_figure,
    new_figure,
    picture_grid,
    plain,
)
from knn_digits.drawing.wording import count, label_text, listed

__all__ = ["digit_map", "hardest", "samples"]

_CANVAS = 1400  # pixels a side of the map
_DIGIT = 26  # pixels a side of a digit on it


def samples(results: Results, arrays: Arrays) -> Drawn:
    """A row of training images, drawn at random, for each class."""
    labels, images = results["dataset"]["classes"], thumbnails(arrays["sample_images"], 64)
    n_rows, n_columns, side = images.shape[:3]
    longest = max(len(plain(label)) for label in labels)
    figure = new_figure(0.2 + (WIDTH - 0.4 - 0.08 * longest) * n_rows / n_columns)
    ax = figure.subplots()
    ax.imshow(mosaic(ink_on_paper(images)), **GRAY)
    centers = [i * (side + 2) + side / 2 for i in range(n_rows)]
    ax.set_yticks(centers, [plain(label) for label in labels], fontsize=11)
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    words = listed(label_text(label) for label in labels)
    return Drawn(figure, f"Up to {n_columns} training images of each class, a row for each: {words}.")


def hardest(results: Results, arrays: Arrays) -> Drawn:
    """The training images that look least like their class, with their label and what they resemble."""
    rows = results["show"]["hardest"]
    captions = [f"{plain(row['label'])} (like {plain(row['resembles'])})" for row in rows]
    short = max(map(len, captions), default=0) <= 14
    if not short:
        captions = [f"{plain(row['label'])}\n(like {plain(row['resembles'])})" for row in rows]
    figure = picture_grid(thumbnails(arrays["hardest_images"], 64), captions, 8 if short else 5, 1 if short else 2)
    words = [f"{label_text(row['label'])} like {label_text(row['resembles'])}" for row in rows[:10]]
    return Drawn(
        figure,
        f"The {len(rows)} training images that look least like their own class. The first: {listed(words)}.",
    )


def digit_map(results: Results, arrays: Arrays) -> Drawn:
    """The images themselves, each at its place in a plane where like lies near like."""
    labels, codes = results["dataset"]["classes"], arrays["map_codes"]
    places = _places(arrays["map_positions"])
    figure, ax = bare_figure(_CANVAS / 160, _CANVAS / 160)
    ax.imshow(_canvas(arrays["map_images"], places, codes), rasterized=True)
    present = [code for code in range(len(labels)) if np.any(codes == code)]
    middles = np.array([np.median(places[codes == code], axis=0) for code in present])
    longest = max(len(plain(label)) for label in labels)
    size = 28 if len(labels) <= 12 and longest <= 3 else 13
    widths = np.array([1.5 * size * (len(plain(labels[code])) + 1) for code in present])
    for code, (x, y) in zip(present, _apart(middles, widths, 3.8 * size), strict=True):
        name = ax.text(x, y, plain(labels[code]), ha="center", va="center", fontweight="bold", fontsize=size)
        name.set_bbox(
            {"boxstyle": "round,pad=0.2", "facecolor": "white", "alpha": 0.85, "edgecolor": _color(code)}
        )
        name.set_color(_color(code))
    shown = results["show"]["map"]
    return Drawn(
        figure,
        f"Map of {count(shown['n'])} training images by {shown['method']}: every image stands at its place in "
        f"the color of its class, and images that look alike stand together. The names of all {len(labels)} "
        "classes stand in the middle of their images.",
    )


def _apart(places: NDArray[np.float64], widths: NDArray[np.float64], height: float) -> NDArray[np.float64]:
    """Push names up and down until hardly any two overlap, and into the picture."""
    x, y = places.T.copy()
    x = np.clip(x, widths / 2, _CANVAS - widths / 2)
    wide = np.abs(np.subtract.outer(x, x)) < np.add.outer(widths, widths) / 2
    order = np.sign(np.subtract.outer(np.arange(len(y)), np.arange(len(y))))
    for _ in range(300):
        gaps = np.subtract.outer(y, y)
        overlaps = np.maximum(height - np.abs(gaps), 0) * wide
        y += (np.where(gaps == 0, order, np.sign(gaps)) * overlaps).sum(axis=1) / 4
        y = np.clip(y, height / 2, _CANVAS - height / 2)
    return np.stack([x, y], axis=1)


def _color(code: int) -> str:
    return CLASS_COLORS[code % len(CLASS_COLORS)]


def _places(positions: NDArray[Any]) -> NDArray[np.float64]:
    """Fit positions into the canvas, so that no digit is cut; y points up."""
    low, high = positions.min(axis=0), positions.max(axis=0)
    spread = np.maximum(high - low, 1e-9)
    shares = (positions - low) / spread
    shares[:, 1] = 1 - shares[:, 1]
    return np.asarray(_DIGIT / 2 + 4 + shares * (_CANVAS - _DIGIT - 8), np.float64)


def _canvas(images: NDArray[Any], places: NDArray[np.float64], codes: NDArray[Any]) -> NDArray[np.uint8]:
    """Paint tinted digits; where two overlap the darker shows."""
    canvas = np.full((_CANVAS, _CANVAS, 3), 255, np.uint8)
    small = thumbnails(images, _DIGIT)
    if small.shape[-1] <= _DIGIT // 2:
        small = small.repeat(_DIGIT // small.shape[-1], axis=1).repeat(_DIGIT // small.shape[-1], axis=2)
    side = small.shape[-1]
    corners = (places - side / 2).astype(int)
    tints = 1 - np.array([to_rgb(color) for color in CLASS_COLORS])
    for image, (x, y), code in zip(small, corners, codes, strict=True):
        painted = 255 - image[:, :, None] * tints[code % len(tints)]
        patch = canvas[y : y + side, x : x + side]
        np.minimum(patch, painted.astype(np.uint8), out=patch)
    return canvas
