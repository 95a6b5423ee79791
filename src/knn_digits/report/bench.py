"""The page of a benchmark: ``bench.json`` -> error against time, and the table. Never measures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from knn_digits.drawing.pictures import data_uri
from knn_digits.drawing.style import (
    BLUE,
    GRID_WIDTH,
    INK,
    MUTED,
    ORANGE,
    Drawn,
    as_png,
    as_svg,
    house_style,
    new_figure,
)
from knn_digits.drawing.wording import percent
from knn_digits.output_folder import writing
from knn_digits.report.page import environment, policy_of, stylesheet

__all__ = ["draw_bench", "error_against_time"]

# Where a name may stand, in points from its point: beside it first, then farther and farther above and below.
_PLACES = [
    (9, 0),
    *((right, sign * up) for up in range(14, 150, 12) for sign in (-1, 1) for right in (9, 30, -70)),
]


def draw_bench(folder: Path, bench: dict[str, Any]) -> None:
    """Write ``bench.html`` and the picture of error against time into an existing folder.

    Parameters
    ----------
    folder : Path
    bench : dict
        Contents of ``bench.json``.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    with house_style():
        drawn = error_against_time(bench)
        png, svg = as_png(drawn.figure), as_svg(drawn.figure)
    width, height = (round(115 * inches) for inches in drawn.figure.get_size_inches())
    style = stylesheet()
    page = (
        environment()
        .get_template("bench.html")
        .render(
            b=bench,
            style=style,
            policy=policy_of(style),
            image={"uri": data_uri(svg, "image/svg+xml"), "alt": drawn.alt, "width": width, "height": height},
        )
    )
    with writing(folder):
        (folder / "error_against_time.png").write_bytes(png)
        (folder / "error_against_time.svg").write_bytes(svg)
        (folder / "bench.html").write_text(page, encoding="utf-8", newline="\n")


def error_against_time(bench: dict[str, Any]) -> Drawn:
    """Every method a labelled point, both axes logarithmic; ours are diamonds."""
    rows = [_shown(r) for r in bench["results"] if r["predict_s"] and r["error_rate"] is not None]
    figure = new_figure(4.6, GRID_WIDTH)
    ax = figure.subplots()
    ax.set_xscale("log")
    ax.set_yscale("log")
    for row in rows:
        color, marker = (ORANGE, "D") if row["preset"] else (BLUE, "o")
        low, high = row["ci95"]
        ax.plot([row["predict_s"]] * 2, [low, high], color=color, linewidth=1.2, alpha=0.6)
        ax.plot(row["predict_s"], row["error_rate"], marker, color=color, markersize=8, zorder=2)
    ax.set_xlabel(f"Seconds for {bench['dataset']['n_test']:,} images (to the left is better)")
    ax.set_ylabel("Error rate, with 95 % interval (lower is better)")
    _plain_log_axes(ax, rows)
    _label(figure, ax, rows)
    words = "; ".join(f"{r['method']} {percent(r['error_rate'])} in {r['predict_s']:.3g} s" for r in rows)
    return Drawn(figure, f"Error rate against time: {words or 'nothing was measured'}.")


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row as it can be drawn on a logarithmic axis: no error at all stands at half an error, and says so."""
    if row["error_rate"] > 0:
        return row
    half = 0.5 / row["n_test"]
    return {**row, "error_rate": half, "ci95": [half, row["ci95"][1]], "method": f"{row['method']} (no error)"}


def _plain_log_axes(ax: Any, rows: list[dict[str, Any]]) -> None:
    """Numbers as people write them, at 1, 2 and 5; room around the points for their labels."""
    for axis, form in ((ax.xaxis, lambda t, _: f"{t:g} s"), (ax.yaxis, lambda e, _: f"{100 * e:g} %")):
        axis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(form))
        axis.set_minor_formatter(NullFormatter())
    if rows:
        times = [r["predict_s"] for r in rows]
        ax.set_xlim(min(times) / 2.2, max(times) * 3.5)
        ax.set_ylim(
            min(r["ci95"][0] or r["error_rate"] / 2 for r in rows) / 1.1, max(r["ci95"][1] for r in rows) * 1.8
        )
    ax.grid()


def _label(figure: Figure, ax: Any, rows: list[dict[str, Any]]) -> None:
    """Write each name to the right of its point, or above or below where that is taken, with a line to it."""
    figure.set_layout_engine("none")  # it would make room for numbers beyond the ends of the axes
    ax.set_position((0.12, 0.13, 0.85, 0.84))
    labels = [_name_beside(ax, row) for row in sorted(rows, key=lambda r: -r["error_rate"])]
    figure.canvas.draw()
    points = [ax.transData.transform(label.xy) for label in labels]
    taken = [Bbox.from_bounds(x - 8, y - 8, 16, 16) for x, y in points]
    for label, point in zip(labels, points, strict=True):
        size = Text.get_window_extent(label)
        # To the left, too: a long name by the right edge fits nowhere else.
        to_the_left = -size.width * 72 / figure.dpi - 10
        for place in (*_PLACES, *((to_the_left, y) for _, y in _PLACES)):
            left, middle = point + np.array(place) * figure.dpi / 72
            where = Bbox.from_bounds(left, middle - size.height / 2, size.width, size.height)
            if _within(ax.bbox, where) and not any(where.overlaps(other) for other in taken):
                break
        label.set_position(place)
        taken.append(where)


def _name_beside(ax: Any, row: dict[str, Any]) -> Any:
    return ax.annotate(
        row["method"],
        (row["predict_s"], row["error_rate"]),
        xytext=_PLACES[0],
        textcoords="offset points",
        va="center",
        fontsize=9,
        color=ORANGE if row["preset"] else INK,
        bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
        arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.6, "shrinkB": 5},
    )


def _within(outer: Any, inner: Any) -> bool:
    return bool(outer.x0 < inner.x0 and inner.x1 < outer.x1 and outer.y0 < inner.y0 and inner.y1 < outer.y1)
