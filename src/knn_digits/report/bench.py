"""The page of a benchmark: ``bench.json`` -> error against time, and the table. Never measures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from knn_digits.output_folder import writing
from knn_digits.report.page import environment, policy_of, stylesheet
from knn_digits.report.pictures import data_uri
from knn_digits.report.style import BLUE, GRID_WIDTH, MUTED, ORANGE, Drawn, as_png, as_svg, house_style, new_figure
from knn_digits.report.wording import percent

__all__ = ["draw_bench", "error_against_time"]

_ROOM = 0.035  # of the figure's height, between two labels


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
    """Every method a labelled point, both axes logarithmic; ours are joined by a line."""
    rows = [r for r in bench["results"] if r["predict_s"] and r["error_rate"]]
    figure = new_figure(4.6, GRID_WIDTH)
    ax = figure.subplots()
    ax.set_xscale("log")
    ax.set_yscale("log")
    ours = sorted((r for r in rows if r["preset"]), key=lambda r: r["predict_s"])
    ax.plot([r["predict_s"] for r in ours], [r["error_rate"] for r in ours], color=ORANGE, linewidth=1.6, zorder=1)
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


def _plain_log_axes(ax: Any, rows: list[dict[str, Any]]) -> None:
    """Numbers as people write them, at 1, 2 and 5; room around the points for their labels."""
    for axis, form in ((ax.xaxis, lambda t, _: f"{t:g} s"), (ax.yaxis, lambda e, _: f"{100 * e:g} %")):
        axis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(form))
        axis.set_minor_formatter(NullFormatter())
    if rows:
        times = [r["predict_s"] for r in rows]
        ax.set_xlim(min(times) / 1.6, max(times) * 2.6)
        ax.set_ylim(
            min(r["ci95"][0] or r["error_rate"] / 2 for r in rows) / 1.1, max(r["ci95"][1] for r in rows) * 1.1
        )
    ax.grid()


def _label(figure: Figure, ax: Any, rows: list[dict[str, Any]]) -> None:
    """Write each name beside its point, moved up or down until no two overlap."""
    figure.canvas.draw()
    to_figure = ax.transData + figure.transFigure.inverted()
    taken: list[tuple[float, float]] = []
    for row in sorted(rows, key=lambda r: (-r["error_rate"], r["predict_s"])):
        x, y = to_figure.transform((row["predict_s"], row["error_rate"]))
        at = y
        while any(abs(at - other) < _ROOM and abs(x - left) < 0.35 for left, other in taken):
            at -= 0.005
        taken.append((x, at))
        ax.annotate(
            row["method"],
            (row["predict_s"], row["error_rate"]),
            xytext=(x + 0.02, at),
            textcoords="figure fraction",
            va="center",
            fontsize=9,
            color=ORANGE if row["preset"] else "#1d2733",
            arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.5} if abs(at - y) > 0.02 else None,
        )
