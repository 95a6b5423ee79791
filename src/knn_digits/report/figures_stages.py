"""The figure of chapter 8, What each stage buys: errors and milliseconds, stage by stage."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from knn_digits.drawing.style import (
    BLUE,
    GREEN,
    ORANGE,
    Arrays,
    Drawn,
    Results,
    new_figure,
    plain_name,
)
from knn_digits.drawing.wording import count, counted, interval, milliseconds, percent

__all__ = ["stages"]


def stages(results: Results, arrays: Arrays) -> Drawn | None:
    """Error rate with its interval and time an image of every stage, one below the other; none without stages."""
    if results["stages"] is None:
        return None
    rows = results["stages"]["rows"]
    figure = new_figure(0.85 + 0.62 * len(rows))
    errors, times = figure.subplots(1, 2, width_ratios=[1.5, 1])
    for ax in (errors, times):
        ax.set_ylim(len(rows) - 0.5, -0.8)
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        ax.patch.set_visible(False)
    _draw_errors(errors, rows)
    _draw_times(times, rows)
    errors.set_xlabel(f"Error rate on {count(rows[0]['n'])} test images", fontsize=9)
    times.set_xlabel("Time an image", fontsize=9)
    words = [
        f"{row['name']}: {counted(row['errors'], 'error')}, {percent(row['error_rate'])} "
        f"({interval(row['ci95'])}), {milliseconds(row['ms_per_image'])}"
        for row in rows
    ]
    return Drawn(figure, f"Errors, with 95 % intervals, and time an image, stage by stage. {'; '.join(words)}.")


def _draw_errors(ax: Axes, rows: list[dict[str, Any]]) -> None:
    ax.set_xscale("log")
    # No error at all has no place on a logarithmic axis: it stands at half an error, with its true rate beside it.
    least = 0.5 / rows[0]["n"]
    left = min(max(row["ci95"][0], least) for row in rows) / 1.15
    for at, row in enumerate(rows):
        last = at == len(rows) - 1
        color, marker = (ORANGE, "D") if last else (BLUE, "o") if at == 0 else (GREEN, "s")
        low, high = row["ci95"]
        ax.plot([max(low, left), high], [at, at], color=color, linewidth=2.4, solid_capstyle="butt")
        ax.plot(max(row["error_rate"], least), at, marker, color=color, markersize=7)
        name = ax.text(
            0.0, at - 0.26, plain_name(row["name"]), va="bottom", fontsize=9.5,
            transform=ax.get_yaxis_transform(), fontweight="bold" if last else "normal",
        )  # fmt: skip
        name.set_in_layout(False)  # it may reach over to the right, where nothing stands at its height
        ax.annotate(
            percent(row["error_rate"]), (high, at), (5, 0), textcoords="offset points", va="center", fontsize=9
        )
    right = max(row["ci95"][1] for row in rows)
    ax.set_xlim(left, right * (right / left) ** 0.3)
    ax.xaxis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0) if right / left < 50 else (1.0,)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}\N{NO-BREAK SPACE}%"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(axis="x", labelsize=8.5)
    ax.grid(axis="x")


def _draw_times(ax: Axes, rows: list[dict[str, Any]]) -> None:
    taken = [row["ms_per_image"] for row in rows]
    colors = [BLUE, *[GREEN] * (len(rows) - 2), ORANGE]
    ax.barh(range(len(rows)), taken, height=0.3, color=colors)
    for at, value in enumerate(taken):
        ax.annotate(milliseconds(value), (value, at), (4, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_xlim(0, 1.75 * max(taken))
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
