"""Figures of chapters 5 and 7: settings compared on the test images, confusions, classes, mistakes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from numpy.typing import NDArray

from knn_digits.drawing.pictures import thumbnails
from knn_digits.drawing.style import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PALE,
    WIDTH,
    Arrays,
    Drawn,
    Results,
    new_figure,
    percent_axis,
    picture_grid,
    plain,
    plain_name,
    rows_of_classes,
)
from knn_digits.drawing.wording import count, interval, label_text, listed, percent

__all__ = ["compared", "comparison", "confusion", "mistakes", "per_class"]

_MOST_MISTAKES = 96
_TINTS = ListedColormap(matplotlib.colormaps["Oranges"](np.linspace(0.08, 0.85, 64)))


def compared(results: Results) -> list[dict[str, Any]]:
    """Every setting that was evaluated on the test images, once, as rows of a summary."""
    is_tuned = results["evaluation"]["tuned"]
    rows = [*results["baseline"], results["evaluation" if is_tuned else "tuned_evaluation"]]
    tuning = results["tuning"]
    if _setting(tuning["one_standard_error"]) != _setting(tuning["chosen"]):
        rows.append(results["one_standard_error_evaluation"])
    return rows if is_tuned else [*rows, results["evaluation"]]


def _setting(choice: dict[str, Any]) -> tuple[Any, ...]:
    return choice["metric"], choice["weights"], choice["n_neighbors"]


def comparison(results: Results, arrays: Arrays) -> Drawn:
    """Error rate of every evaluated setting with its 95 % interval."""
    rows = compared(results)
    figure = new_figure(0.7 + 0.52 * len(rows))
    ax = figure.subplots()
    n_baselines = len(results["baseline"])
    for at, row in enumerate(rows):
        evaluated = row is results["evaluation"]
        color, marker = (ORANGE, "D") if evaluated else (BLUE, "o") if at < n_baselines else (GREEN, "s")
        ax.plot(row["ci95"], [at, at], color=color, linewidth=2.4, solid_capstyle="butt")
        ax.plot(row["error_rate"], at, marker, color=color, markersize=8)
        ax.text(
            0.0, at - 0.28, f"{plain_name(row['name'])}:  {percent(row['error_rate'])}", va="bottom", fontsize=9.5,
            transform=ax.get_yaxis_transform(), fontweight="bold" if evaluated else "normal",
        )  # fmt: skip
    ax.set_ylim(len(rows) - 0.5, -0.85)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(f"Error rate on {count(rows[0]['n'])} test images, with 95 % interval")
    percent_axis(ax, "x")
    words = [f"{row['name']} {percent(row['error_rate'])} ({interval(row['ci95'])})" for row in rows]
    return Drawn(figure, f"Error rates with 95 % intervals: {'; '.join(words)}.")


def confusion(results: Results, arrays: Arrays) -> Drawn:
    """Confusion matrix; cells off the diagonal are tinted by their share of the row."""
    labels, counts = results["dataset"]["classes"], np.array(results["evaluation"]["confusion"], np.int64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    n = len(labels)
    size = max(WIDTH, 0.9 + 0.34 * n) if n > 4 else 3.4
    figure = new_figure(size, size)
    ax = figure.subplots()
    off_diagonal = np.ma.masked_where(np.eye(n, dtype=bool) | (counts == 0), shares)
    largest = float(off_diagonal.max()) if off_diagonal.count() else 1.0
    ax.set_facecolor("white")
    ax.pcolormesh(np.where(np.eye(n), 0.0, np.nan), cmap=ListedColormap([PALE]), edgecolors="white")
    ax.pcolormesh(off_diagonal, cmap=_TINTS, vmin=0, vmax=largest, edgecolors="white", linewidth=1)
    _write_cells(ax, counts, shares, largest)
    names = [plain(label) for label in labels]
    ax.set_xticks(np.arange(n) + 0.5, names, rotation=90 if max(map(len, names)) > 2 else 0)
    ax.set_yticks(np.arange(n) + 0.5, names)
    ax.set(xlabel="Answer", ylabel="True class", aspect="equal")
    ax.set_ylim(n, 0)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return Drawn(figure, _confusions_in_words(results))


def _write_cells(ax: Axes, counts: NDArray[np.int64], shares: NDArray[Any], largest: float) -> None:
    few = len(counts) <= 12
    for row, column in zip(*np.nonzero(counts), strict=True):
        share, diagonal = shares[row, column], row == column
        dark = not diagonal and share > 0.6 * largest
        color = "white" if dark else MUTED if diagonal else INK
        style: dict[str, Any] = {"ha": "center", "va": "center", "color": color}
        up = 0.13 if few else 0
        size = (9.5 if few else 7.5) - (1.5 if counts[row, column] > 999 else 0)
        weight = "normal" if diagonal else "bold"
        n = count(int(counts[row, column]))
        ax.text(column + 0.5, row + 0.5 - up, n, fontsize=size, fontweight=weight, **style)
        if few:
            ax.text(column + 0.5, row + 0.77, f"{100 * share:.1f}", fontsize=7.2, **style)


def _confusions_in_words(results: Results) -> str:
    evaluation, labels = results["evaluation"], results["dataset"]["classes"]
    counts = np.array(evaluation["confusion"], np.int64)
    np.fill_diagonal(counts, 0)
    most = [np.unravel_index(i, counts.shape) for i in np.argsort(-counts, axis=None, kind="stable")[:5]]
    words = [
        f"{label_text(labels[row])} read as {label_text(labels[column])} ({count(int(counts[row, column]))})"
        for row, column in most
        if counts[row, column]
    ]
    right = count(evaluation["n"] - evaluation["errors"])
    told = (
        f"The most frequent confusions, with their numbers: {listed(words)}."
        if words
        else "There are no confusions."
    )
    return (
        f"Confusion matrix of {len(labels)} classes: {right} of {count(evaluation['n'])} on the diagonal. {told}"
    )


def per_class(results: Results, arrays: Arrays) -> Drawn:
    """Precision, recall and F1 of each class as three marks on a line."""
    rows = results["evaluation"]["per_class"]
    figure = new_figure(1.0 + 0.27 * len(rows))
    ax = figure.subplots()
    places = rows_of_classes(ax, [row["label"] for row in rows])
    tested = [(at, row) for at, row in zip(places, rows, strict=True) if row["support"]]
    for key, name, marker, color, size in (
        ("precision", "precision", "<", BLUE, 8),
        ("recall", "recall", ">", ORANGE, 8),
        ("f1", "F1", "d", INK, 5),
    ):
        values = [row[key] for _, row in tested]
        ax.plot(values, [at for at, _ in tested], marker, color=color, markersize=size, label=name)
    lowest = min(0.99, *(row[key] for _, row in tested for key in ("precision", "recall", "f1")))
    ax.set_xlim(lowest - 0.08 * (1.001 - lowest) - 0.0005, 1 + 0.06 * (1.001 - lowest))
    for at, row in zip(places, rows, strict=True):
        ax.axhline(at, color=PALE, zorder=0)
        if not row["support"]:
            ax.text(
                0.5,
                at,
                "no test images",
                ha="center",
                va="center",
                color=MUTED,
                transform=ax.get_yaxis_transform(),
            )
    percent_axis(ax, "x")
    figure.legend(loc="outside upper center", ncols=3)
    words = [
        f"{label_text(row['label'])} {percent(row['precision'], 1)}, {percent(row['recall'], 1)}, "
        f"{percent(row['f1'], 1)}"
        for _, row in tested
    ]
    return Drawn(figure, f"Precision, recall and F1 of each class: {'; '.join(words)}.")


def mistakes(results: Results, arrays: Arrays) -> Drawn | None:
    """Mistakes at a glance, with label and answer; none where nothing was mistaken."""
    found = results["evaluation"]["mistakes"][:_MOST_MISTAKES]
    if not found:
        return None
    captions = [f"{plain(m['label'])} → {plain(m['answer'])}" for m in found]
    small = thumbnails(arrays["mistake_images"][: len(found)], 64)
    if max(map(len, captions)) <= 7:
        figure = picture_grid(small, captions, 12)
    else:
        figure = picture_grid(small, [caption.replace(" →", "\n→") for caption in captions], 6, 2)
    pairs = Counter((label_text(m["label"]), label_text(m["answer"])) for m in found).most_common(5)
    words = [f"{label} read as {answer} ({n})" for (label, answer), n in pairs]
    return Drawn(figure, f"The first {len(found)} mistakes, among them {listed(words)}.")
