"""Figures of chapter 6, Tune: error against k, and what settings cost in time."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from knn_digits.drawing.style import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    Arrays,
    Drawn,
    Results,
    new_figure,
    percent_axis,
    rows_of_classes,
)
from knn_digits.drawing.wording import count, listed, percent, seconds

__all__ = ["families", "tuning_cost", "tuning_curve"]

_COLORS = {"euclidean": BLUE, "cosine": ORANGE, "manhattan": GREEN}
_LINES = {"uniform": ("-", "o"), "distance": ("--", "s")}


def families(curve: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Group the points of the curve by metric and weights, in their order."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for point in curve:
        found.setdefault((point["metric"], point["weights"]), []).append(point)
    return found


def tuning_curve(results: Results, arrays: Arrays) -> Drawn:
    """Cross-validated error against k, a line for each metric and weights; the choices marked."""
    tuning = results["tuning"]
    by_family = families(tuning["curve"])
    figure = new_figure(4.6)
    ax = figure.subplots()
    for (metric, weights), points in by_family.items():
        _draw_family(ax, metric, weights, points)
    best, simple = tuning["best"], tuning["one_standard_error"]
    _draw_band(ax, by_family[best["metric"], best["weights"]])
    for choice, name, marker, size, face in (
        (simple, "one standard error", "D", 13, "none"),
        (best, "lowest error", "*", 15, "#f2c400"),
    ):
        ax.plot(
            choice["n_neighbors"], choice["error_rate"], marker, markersize=size, color=INK,
            markerfacecolor=face, linestyle="none", zorder=5,
            label=f"{name}: k = {choice['n_neighbors']}, {percent(choice['error_rate'])}",
        )  # fmt: skip
    ax.set_xlabel("k: number of neighbors that vote")
    ax.set_ylabel("Error rate in cross-validation")
    ax.set_xticks([1, *range(5, tuning["max_neighbors"] + 1, 5)])
    percent_axis(ax, "y")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8.2, columnspacing=1.0, handlelength=1.8)
    return Drawn(figure, _curve_in_words(by_family, best, simple))


def _draw_family(ax: Axes, metric: str, weights: str, points: list[dict[str, Any]]) -> None:
    line, marker = _LINES.get(weights, (":", "^"))
    ax.plot(
        [p["n_neighbors"] for p in points],
        [p["error_rate"] for p in points],
        color=_COLORS.get(metric, INK),
        linestyle=line,
        marker=marker,
        markersize=4,
        markerfacecolor="white" if marker == "s" else None,
        linewidth=1.5,
        label=f"{metric}, {weights} weights",
    )


def _draw_band(ax: Axes, points: list[dict[str, Any]]) -> None:
    rates = np.array([p["error_rate"] for p in points])
    half = np.array([p["standard_error"] for p in points])
    ax.fill_between(
        [p["n_neighbors"] for p in points],
        rates - half,
        rates + half,
        color=_COLORS.get(points[0]["metric"], INK),
        alpha=0.15,
        linewidth=0,
        label="± 1 standard error of the best line",
    )


def _curve_in_words(
    by_family: dict[tuple[str, str], list[dict[str, Any]]], best: dict[str, Any], simple: dict[str, Any]
) -> str:
    words = [
        f"{metric} with {weights} weights {percent(points[0]['error_rate'])} at k = {points[0]['n_neighbors']}, "
        f"{percent(points[-1]['error_rate'])} at k = {points[-1]['n_neighbors']}"
        for (metric, weights), points in by_family.items()
    ]
    return (
        f"Lines of cross-validated error against k: {'; '.join(words)}. The lowest error is "
        f"{percent(best['error_rate'])} ± {percent(best['standard_error'])} at k = {best['n_neighbors']} "
        f"({best['metric']}, {best['weights']} weights); the largest k within one standard error is "
        f"{simple['n_neighbors']} ({percent(simple['error_rate'])})."
    )


def tuning_cost(results: Results, arrays: Arrays) -> Drawn:
    """Time to find neighbors, by metric: on all training images, and on the subset that Manhattan saw."""
    search, subset = results["tuning"]["search_s"], results["tuning"]["subset"]
    on_subset = {row["metric"]: row["seconds"] for row in subset["metrics"]}
    n_train, n_folds = results["dataset"]["n_train"], results["preprocessing"]["n_folds"]
    figure = new_figure(1.2 + 0.3 * (len(search) + len(on_subset)))
    above, below = figure.subplots(2, 1, height_ratios=[len(search), len(on_subset)])
    _bars_of_seconds(above, search, f"All {count(n_train)} training images, {n_folds} folds")
    asked, among = count(subset["n_queries"]), count(subset["n_references"])
    _bars_of_seconds(below, on_subset, f"Subset only: {asked} images among {among}")
    on_all, on_part = (
        listed(f"{metric} {seconds(taken)}" for metric, taken in part.items()) for part in (search, on_subset)
    )
    alt = f"Time to find neighbors. All {count(n_train)} training images: {on_all}."
    return Drawn(figure, f"{alt} A subset of {asked} images among {among}: {on_part}.")


def _bars_of_seconds(ax: Axes, taken: dict[str, float], title: str) -> None:
    rows = rows_of_classes(ax, list(taken))
    ax.barh(rows, list(taken.values()), height=0.65, color=[_COLORS.get(metric, INK) for metric in taken])
    for row, value in zip(rows, taken.values(), strict=True):
        ax.annotate(seconds(value), (value, row), (4, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_title(title)
    ax.set_xlim(0, 1.2 * max(taken.values()))
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
