"""The figure of pictures that are no digits: some of each kind, and how many are called foreign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from knn_digits.drawing.pictures import ink_on_paper, mosaic
from knn_digits.drawing.style import (
    BLUE,
    GRAY,
    GREEN,
    GRID,
    INK,
    MUTED,
    ORANGE,
    WIDTH,
    Arrays,
    Drawn,
    Results,
    plain_name,
)
from knn_digits.drawing.wording import interval, label_text, percent

__all__ = ["by_use", "foreign"]

# Inches.
_ROW, _HEADING, _AXIS, _MARGIN = 0.56, 0.36, 0.42, 0.08
_PICTURE, _PICTURES_WIDE = 0.28, 2.4
_SHARES_LEFT, _SHARES_WIDE = 2.52, 1.52
_TICKS = (1.0, 0.99, 0.95, 0.9, 0.75, 0.5, 0.0)


def by_use(kinds: Sequence[Any], held_out: Sequence[bool]) -> list[tuple[str, list[Any]]]:
    """Part what belongs to kinds that tuned the rule from what belongs to those held out."""
    return [
        (title, part)
        for title, use in (("Known while the rule was made", False), ("Held out: measured alone", True))
        if (part := [kind for kind, held in zip(kinds, held_out, strict=True) if held is use])
    ]


def foreign(results: Results, arrays: Arrays) -> Drawn | None:
    """Eight pictures of each kind, and the share called foreign with its interval and what is required."""
    if results["confidence"] is None or not results["confidence"]["credibility"]["kinds"]:
        return None
    kinds = results["confidence"]["credibility"]["kinds"]
    pairs = list(zip(kinds, arrays["foreign_images"], strict=True))
    parts = by_use(pairs, [kind["held_out"] for kind in kinds])
    height = len(kinds) * _ROW + len(parts) * _HEADING + _AXIS + _MARGIN
    figure = Figure(figsize=(WIDTH, height))
    least = min(kind["ci95"][0] for kind in kinds)
    top = height - _MARGIN
    for title, part in parts:
        color = ORANGE if part[0][0]["held_out"] else BLUE
        figure.text(0.02, (top - 0.2) / height, title, fontsize=10.5, fontweight="bold", color=color)
        top -= _HEADING
        _draw_pictures(figure, part, top, height)
        _draw_shares(figure, [kind for kind, _ in part], top, height, least, color)
        top -= len(part) * _ROW
    _draw_axis(figure, height, least)
    return Drawn(figure, _in_words(kinds))


def _draw_pictures(figure: Figure, part: list[tuple[Any, NDArray[Any]]], top: float, height: float) -> None:
    for kind, images in part:
        figure.text(0.02, (top - 0.14) / height, plain_name(kind["name"]), fontsize=9.5)
        strip = mosaic(ink_on_paper(images)[None], gap=2, below=0)
        at = (0.02, (top - 0.19 - _PICTURE) / height, _PICTURES_WIDE / WIDTH, _PICTURE / height)
        ax = figure.add_axes(at)
        ax.imshow(strip, **GRAY)
        side = images.shape[-1]
        for left in range(0, strip.shape[1], side + 2):
            # A frame of its own for each, or a blank picture could not be seen.
            ax.add_patch(
                Rectangle((left - 0.5, -0.5), side, side, fill=False, edgecolor=GRID, linewidth=0.6, clip_on=False)
            )
        ax.set_anchor("W")
        ax.set_axis_off()
        top -= _ROW


def _draw_shares(
    figure: Figure, kinds: list[dict[str, Any]], top: float, height: float, least: float, color: str
) -> None:
    ax = _share_axes(figure, top - len(kinds) * _ROW, len(kinds) * _ROW, height, least)
    ax.set_ylim(len(kinds), 0)
    for row, kind in enumerate(kinds):
        at = row + (0.19 + _PICTURE / 2) / _ROW
        required = kind["required"]
        kept = required is None or kind["called_foreign"] >= required
        if required is not None:
            ax.plot([_stretched(required)] * 2, [at - 0.24, at + 0.24], color=GREEN, linewidth=2)
        ax.plot(_stretched(np.array(kind["ci95"])), [at, at], color=color, linewidth=2.4, alpha=0.5, clip_on=False)
        ax.plot(
            _stretched(kind["called_foreign"]),
            at,
            "D" if kept else "X",
            color=color,
            markersize=6.5,
            clip_on=False,
        )
        ax.annotate(
            percent(kind["called_foreign"], 1), (1.08, at), xycoords=ax.get_yaxis_transform(), va="center",
            fontsize=9, color=INK, fontweight="normal" if kept else "bold", annotation_clip=False,
        )  # fmt: skip


def _draw_axis(figure: Figure, height: float, least: float) -> None:
    ax = _share_axes(figure, _AXIS, 0.001, height, least)
    ticks = [t for t in _TICKS if t >= least]
    ax.set_xticks([_stretched(t) for t in ticks], [f"{100 * t:g}" for t in ticks], fontsize=8.5)
    ax.get_xticklabels()[0].set_horizontalalignment("left")  # 99 stands close to it
    ax.spines["bottom"].set_visible(True)
    ax.tick_params(length=3)
    figure.text(
        (_SHARES_LEFT + _SHARES_WIDE / 2) / WIDTH, 0.05 / height, "% called foreign", ha="center", fontsize=9
    )
    figure.text(0.02, 0.05 / height, "green: what is required", fontsize=9, color=MUTED)


def _share_axes(figure: Figure, bottom: float, tall: float, height: float, least: float) -> Axes:
    ax = figure.add_axes((_SHARES_LEFT / WIDTH, bottom / height, _SHARES_WIDE / WIDTH, tall / height))
    ax.set_xlim(_stretched(least) - 0.03, 0.0)
    ax.spines[:].set_visible(False)
    ax.set_yticks([])
    ax.set_xticks([])
    ax.patch.set_visible(False)
    for tick in _TICKS:
        if tick >= least:
            ax.axvline(_stretched(tick), color=GRID, linewidth=0.8, zorder=0)
    return ax


def _stretched(share: Any) -> Any:
    """Place a share so that 99 and 100 % can be told apart: by the root of what is missing to all."""
    return -np.sqrt(1 - np.asarray(share, np.float64))


def _in_words(kinds: list[dict[str, Any]]) -> str:
    words = []
    for kind in kinds:
        promise = "nothing required" if kind["required"] is None else f"{percent(kind['required'], 0)} required"
        words.append(
            f"{label_text(kind['name'])} ({'held out' if kind['held_out'] else 'known'}) "
            f"{percent(kind['called_foreign'], 1)} ({interval(kind['ci95'])}; {promise})"
        )
    return f"Pictures that are no digits, eight of each kind, and the share called foreign: {'; '.join(words)}."
