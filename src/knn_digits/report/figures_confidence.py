"""Figures of chapter 9, How sure: what probabilities are worth, and what withholding answers buys."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from knn_digits.drawing.style import (
    BLUE,
    INK,
    MUTED,
    ORANGE,
    Arrays,
    Drawn,
    Results,
    new_figure,
    percent_axis,
)
from knn_digits.drawing.wording import count, counted, interval, listed, percent, plain_percent
from knn_digits.evaluation import wilson_interval

__all__ = ["reliability", "risk_coverage"]

Bins = list[dict[str, Any]]
_TEST, _TRAINING = "test images", "training images, out of fold"
_LOOKS = {_TEST: (ORANGE, "D"), _TRAINING: (BLUE, "o")}
_LEAST_SHOWN = 0.06  # share of images withheld, up to which the curve is shown
_MOST_SHOWN = 0.3


# ---- how sure, how often right ----


def reliability(results: Results, arrays: Arrays) -> Drawn | None:
    """Accuracy against confidence, bin by bin; the surest bin, with nearly all answers, magnified beside it."""
    if results["confidence"] is None:
        return None
    calibration = results["confidence"]["calibration"]
    bins = {_TEST: calibration["bins"], _TRAINING: calibration["out_of_fold"]["bins"]}
    figure = new_figure(4.9)
    (plot, surest), (counts, key) = figure.subplots(2, 2, width_ratios=[2.7, 1], height_ratios=[2.7, 1])
    _draw_reliability(plot, bins)
    _draw_surest(surest, bins)
    _draw_counts(counts, bins)
    key.set_axis_off()
    key.text(0.5, 0.95, "mark: how right\ndash: how sure", ha="center", va="top", fontsize=8.5, color=MUTED)
    figure.legend(*plot.get_legend_handles_labels(), loc="outside upper left", ncols=2, fontsize=8.5)
    return Drawn(figure, _reliability_in_words(bins))


def _draw_reliability(ax: Axes, bins: dict[str, Bins]) -> None:
    least = min(part[0]["low"] for part in bins.values())
    ax.plot([least, 1], [least, 1], color=MUTED, linewidth=1, linestyle="--", label="as sure as right")
    for name, part in reversed(bins.items()):
        color, marker = _LOOKS[name]
        for b in part:
            ax.plot([b["confidence"]] * 2, _interval(b), color=color, linewidth=1.6, alpha=0.45)
        sure, right = ([b[key] for b in part] for key in ("confidence", "accuracy"))
        ax.plot(sure, right, marker, color=color, markersize=6, label=name, clip_on=False, zorder=3)
    ax.set_xlim(least, 1)
    ax.set_ylim(0, 1)
    ax.set_ylabel("Right, of the answers in a bin")
    percent_axis(ax, "y")
    percent_axis(ax, "x")
    ax.xaxis.set_major_locator(_few_ticks())
    ax.tick_params(labelbottom=False)


def _draw_surest(ax: Axes, bins: dict[str, Bins]) -> None:
    """The last bin, which the large scale cannot resolve: a dash is how sure, a mark how right."""
    for at, (name, part) in enumerate(bins.items()):
        (color, marker), last = _LOOKS[name], part[-1]
        ax.plot([at, at], _interval(last), color=color, linewidth=2.4, alpha=0.45, solid_capstyle="butt")
        ax.plot([at - 0.36, at + 0.36], [last["confidence"]] * 2, color=INK, linewidth=1.6)
        ax.plot(at, last["accuracy"], marker, color=color, markersize=7, clip_on=False, zorder=3)
    least = min(min(_interval(part[-1])[0], part[-1]["confidence"]) for part in bins.values())
    ax.set_xlim(-0.6, 1.6)
    ax.set_ylim(1 - 1.08 * (1 - least), 1 + 0.04 * (1 - least))
    ax.set_xticks([0, 1], ["test", "train"])
    ax.tick_params(axis="x", length=0)
    low = min(part[-1]["low"] for part in bins.values())
    ax.set_title(f"Above {percent(low, 0)}", fontsize=9)
    ax.yaxis.tick_right()
    ax.spines["left"].set_visible(False)
    ax.spines["right"].set_visible(True)
    percent_axis(ax, "y")
    ax.tick_params(labelsize=8.5)


def _draw_counts(ax: Axes, bins: dict[str, Bins]) -> None:
    ax.set_yscale("log")
    for side, (name, part) in enumerate(bins.items()):
        width = [(b["high"] - b["low"]) * 0.42 for b in part]
        left = [b["low"] + (0.08 + 0.42 * side) * (b["high"] - b["low"]) for b in part]
        ax.bar(left, [b["n"] for b in part], width, align="edge", color=_LOOKS[name][0])
    ax.set_xlim(min(part[0]["low"] for part in bins.values()), 1)
    ax.set_ylim(0.7, 2 * max(b["n"] for part in bins.values() for b in part))
    ax.yaxis.set_major_locator(LogLocator(10, numticks=4))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda n, _: count(round(n))))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.grid(axis="y")
    ax.set_xlabel("Confidence: probability of the answer")
    ax.set_ylabel("Answers")
    percent_axis(ax, "x")
    ax.xaxis.set_major_locator(_few_ticks())
    ax.grid(visible=False, axis="x")


def _few_ticks() -> MaxNLocator:
    return MaxNLocator(4, steps=[1, 2, 5, 10])


def _interval(b: dict[str, Any]) -> tuple[float, float]:
    return wilson_interval(round(b["accuracy"] * b["n"]), b["n"])


def _reliability_in_words(bins: dict[str, Bins]) -> str:
    sentences = []
    for name, part in bins.items():
        words = [
            f"{percent(b['confidence'], 1)} sure, {percent(b['accuracy'], 1)} right of {count(b['n'])}"
            for b in part
        ]
        sentences.append(f"{name[0].upper()}{name[1:]}: {'; '.join(words)}.")
    return f"How sure answers are and how many of them are right, bin by bin. {' '.join(sentences)}"


# ---- withholding ----


def risk_coverage(results: Results, arrays: Arrays) -> Drawn | None:
    """Error rate of the answers given against the share withheld, with the thresholds of the training images."""
    if results["confidence"] is None:
        return None
    rejection = results["confidence"]["rejection"]
    curves = {_TEST: rejection["curve"], _TRAINING: rejection["curve_out_of_fold"]}
    marked = _marked(rejection)
    right = max([_LEAST_SHOWN, *(1.12 * row["rejected_share"] for row, _ in marked)])
    figure = new_figure(3.9)
    ax = figure.subplots()
    for name, curve in reversed(curves.items()):
        shown = [p for p in curve if 1 - p["coverage"] <= right]
        ax.plot(
            [1 - p["coverage"] for p in shown], [p["error_rate"] for p in shown],
            color=_LOOKS[name][0], linewidth=1.8, label=name,
        )  # fmt: skip
    _mark_thresholds(ax, marked)
    ax.set_xlim(0, right)
    highest = max(*(curve[-1]["error_rate"] for curve in curves.values()), *(row["ci95"][1] for row, _ in marked))
    ax.set_ylim(0, 1.2 * highest or 0.01)
    ax.set_xlabel("Share of the images withheld, the least sure first")
    ax.set_ylabel("Error rate of the others")
    percent_axis(ax, "x")
    percent_axis(ax, "y")
    ax.legend(loc="upper right", fontsize=8.5)
    return Drawn(figure, _withholding_in_words(curves, marked))


def _marked(rejection: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Rows to mark on the curve with their names; on few images several thresholds withhold the same ones."""
    names: dict[int, list[str]] = {}
    rows = {}
    for row in rejection["rows"]:
        if row["answered"] and row["rejected_share"] <= _MOST_SHOWN:
            names.setdefault(row["rejected"], []).append(plain_percent(row["reject"]))
            rows[row["rejected"]] = row
    return [(rows[n], listed(words)) for n, words in names.items()]


def _mark_thresholds(ax: Axes, marked: list[tuple[dict[str, Any], str]]) -> None:
    color, marker = _LOOKS[_TEST]
    for row, name in marked:
        at = row["rejected_share"]
        ax.plot([at, at], row["ci95"], color=color, linewidth=1.6, alpha=0.45)
        ax.annotate(
            name, (at, row["ci95"][1]), (-4, 3), textcoords="offset points", ha="left", va="bottom", fontsize=9
        )
    ax.plot(
        [row["rejected_share"] for row, _ in marked], [row["error_rate"] for row, _ in marked], marker,
        color=color, markersize=6, clip_on=False, zorder=3, label="test, at thresholds of training images",
    )  # fmt: skip


def _withholding_in_words(
    curves: dict[str, list[dict[str, float]]], marked: list[tuple[dict[str, Any], str]]
) -> str:
    whole = listed(f"{percent(curve[-1]['error_rate'])} of the {name}" for name, curve in curves.items())
    words = [
        f"at the threshold for {name}, {percent(row['rejected_share'])} withheld, "
        f"{counted(row['errors'], 'error')}, {percent(row['error_rate'], 3)} ({interval(row['ci95'])})"
        for row, name in marked
    ]
    return f"Error rate against the share withheld. Nothing withheld: {whole}. Test images: {'; '.join(words)}."
