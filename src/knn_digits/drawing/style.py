"""How figures look, and how they become files: the same bytes from the same results, on any machine's settings."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from knn_digits.drawing.pictures import ink_on_paper, mosaic
from knn_digits.drawing.wording import label_text, percent

__all__ = [
    "BLUE",
    "CLASS_COLORS",
    "GRAY",
    "GREEN",
    "GRID",
    "GRID_WIDTH",
    "INK",
    "MUTED",
    "ORANGE",
    "PALE",
    "WIDTH",
    "Arrays",
    "Drawn",
    "Results",
    "as_png",
    "as_svg",
    "bare_figure",
    "escaped",
    "house_style",
    "new_figure",
    "percent_axis",
    "picture_grid",
    "plain",
    "plain_name",
    "rows_of_classes",
]

Results = dict[str, Any]
Arrays = dict[str, NDArray[Any]]

# Okabe and Ito's colors, which color-blind people tell apart; shapes and words say the same once more.
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
INK, MUTED, GRID, PALE = "#1d2733", "#566171", "#d9dee5", "#eef1f5"
# For ten classes: after Paul Tol's "muted" scheme, the light ones darkened so that they show as ink.
CLASS_COLORS = (
    "#332288", "#0077BB", "#2A9D8F", "#117733", "#8A8A1F",
    "#C98A00", "#C8505F", "#882255", "#AA4499", "#222222",
)  # fmt: skip
WIDTH, GRID_WIDTH = 4.7, 6.0  # inches; a chart so narrow is readable on a phone
GRAY: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255, "interpolation": "nearest"}
_LONGEST_LABEL = 16
_DPI, _MOST_PIXELS = 160, 16_000

_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    "svg.hashsalt": "knn-digits",
    "svg.fonttype": "path",
}


@dataclass(frozen=True)
class Drawn:
    """A figure and what it shows, in words, for those who do not see it."""

    figure: Figure
    alt: str


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in our style whatever the user's matplotlib settings are, which stand again afterwards."""
    with matplotlib.style.context(["default", _STYLE]), warnings.catch_warnings():
        # Names of classes may be in a script our font lacks; a box stands for such a letter.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        yield


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Open a figure of some inches that makes room for its labels by itself."""
    return Figure(figsize=(width, height), layout="constrained")


def bare_figure(height: float, width: float = WIDTH) -> tuple[Figure, Axes]:
    """Open a figure of some inches for nothing but pictures, without axes to be seen."""
    figure = Figure(figsize=(width, height))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    return figure, ax


def as_png(figure: Figure) -> bytes:
    """Encode a figure as PNG, coarser where it is very large."""
    buffer = io.BytesIO()
    dpi = min(_DPI, _MOST_PIXELS / max(figure.get_size_inches()))
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def as_svg(figure: Figure) -> bytes:
    """Encode a figure as SVG; text becomes shapes, so that it looks the same everywhere."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", dpi=_DPI, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def plain(label: object) -> str:
    """Make a label of the data fit for a figure: short, on one line, no formula."""
    text = label_text(label)
    if len(text) > _LONGEST_LABEL:
        text = text[: _LONGEST_LABEL - 1] + "…"
    return escaped(text)


def escaped(text: str) -> str:
    """Keep dollar signs of a text from being read as a formula."""
    return text.replace("$", r"\$")


def plain_name(name: object) -> str:
    """Make the name of a setting fit for a figure; longer than that of a class."""
    text = label_text(name)
    return escaped(text if len(text) <= 60 else text[:59] + "…")


def rows_of_classes(ax: Axes, labels: list[Any]) -> NDArray[np.int64]:
    """Give each class a row, the first on top, and name it; return the rows' positions."""
    rows = np.arange(len(labels))
    ax.set_yticks(rows, [plain(label) for label in labels])
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return rows


def percent_axis(ax: Axes, which: Literal["x", "y"]) -> None:
    """Write an axis of shares in percent, with the digits its span needs."""
    axis = getattr(ax, f"{which}axis")
    low, high = sorted(axis.get_view_interval())
    digits = 0 if high - low > 0.04 else 1 if high - low > 0.004 else 2
    axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda share, _: percent(share, digits)))
    ax.grid(axis=which)


def picture_grid(images: NDArray[np.uint8], captions: list[str], columns: int, caption_lines: int = 1) -> Figure:
    """Draw images of shape (n, height, width), as stored, in rows, each with its caption below."""
    n, height, width = images.shape
    n_rows = -(-n // columns)
    filled = np.zeros((n_rows * columns, height, width), np.uint8)
    filled[:n] = images
    gap = max(1, round(0.18 * height))
    pixels_an_inch = columns * (width + gap) / GRID_WIDTH
    below = round((0.08 + 0.17 * caption_lines) * pixels_an_inch)
    whole = mosaic(ink_on_paper(filled.reshape(n_rows, columns, height, width)), gap, below)
    figure, ax = bare_figure(GRID_WIDTH * whole.shape[0] / (whole.shape[1] + gap), GRID_WIDTH)
    ax.imshow(whole, **GRAY)
    ax.set_xlim(-gap / 2 - 0.5, whole.shape[1] + gap / 2 - 0.5)
    for i, caption in enumerate(captions):
        row, column = divmod(i, columns)
        at = column * (width + gap) + width / 2 - 0.5, row * (height + below) + height
        ax.text(*at, caption, ha="center", va="top", fontsize=8.5, linespacing=1.15)
    return figure
