"""Why an answer, and not the runner-up: an explanation as one figure, and as HTML for notebooks.

What is drawn is `knn_digits.explanation.Explanation`, or anything with its attributes. Blue and a plus stand for
the answer, orange and a minus for the runner-up: colors that color-blind people tell apart, and signs for gray
prints.
"""

from __future__ import annotations

from html import escape
from textwrap import wrap
from typing import Any, Literal

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from knn_digits.drawing.pictures import data_uri, ink_on_paper
from knn_digits.drawing.style import BLUE, GRAY, GRID, INK, MUTED, ORANGE, as_png, escaped, house_style
from knn_digits.drawing.telling import headline, how_sure, how_typical, reason, share, story
from knn_digits.drawing.wording import count, distance, label_text, percent

__all__ = ["draw_explanation", "explanation_as_html"]

_WIDTH, _HEIGHT = 10.0, 5.75  # inches
_LINE = 125  # letters that fit across
_SMALL, _NORMAL, _LARGE = 9, 10, 11.5  # type, in points; 9 is 11 pixels where the figure is 900 wide
_HEAT = LinearSegmentedColormap.from_list("heat", ["#ffffff", "#f6c445", "#d9542b", "#7a1230", "#2b0a1e"])
_SIDES = LinearSegmentedColormap.from_list("sides", [ORANGE, "#ffffff", BLUE])
# A pixel that is left so far unexplained is dark, however little the others are.
_LEAST_HEAT = 3000.0
_SHORTEST = 0.5  # of moves that are drawn, in pixels
_PICTURE = 1.38
_ROWS = (1.14, 3.02)  # where the pictures of answer and runner-up begin, from the top
_COLUMNS = (2.45, 3.98, 5.51)


def draw_explanation(explanation: Any) -> Figure:
    """Draw why the answer is what it is, and not the runner-up.

    Parameters
    ----------
    explanation : Explanation

    Returns
    -------
    figure : Figure
        10 x 5.75 inches, legible down to 900 pixels' width.
    """
    with house_style():
        figure = Figure(figsize=(_WIDTH, _HEIGHT))
        _write(figure, 0.2, 0.33, _short(headline(explanation), 65), fontsize=16, fontweight="bold")
        for line, words in enumerate(wrap(reason(explanation), _LINE)[:2]):
            _write(figure, 0.2, 0.58 + 0.18 * line, escaped(words), color=MUTED)
        _draw_query(figure, explanation)
        _draw_resemblances(figure, explanation)
        _draw_evidence(figure, explanation)
        _draw_votes(figure, explanation)
        _draw_neighbors(figure, explanation)
    return figure


def explanation_as_html(explanation: Any) -> str:
    """Draw an explanation as HTML that needs no other file.

    Parameters
    ----------
    explanation : Explanation

    Returns
    -------
    html : str
        One ``<figure>``; the picture's text says what it shows.
    """
    figure = draw_explanation(explanation)
    with house_style():
        source = data_uri(as_png(figure))
    told = escape(story(explanation))
    return (
        '<figure style="margin:0;max-width:1000px">'
        f'<img src="{source}" alt="{told}" style="width:100%;height:auto">'
        f"<figcaption>{told}</figcaption></figure>"
    )


def _draw_query(figure: Figure, explanation: Any) -> None:
    """The image as given and as compared; below, what it is read as and how far that is to be trusted."""
    for x, picture, caption in (
        (0.2, explanation.image, "as given"),
        (1.22, explanation.normalized, "as compared"),
    ):
        _write(figure, x, 1.08, caption, fontsize=_SMALL, color=MUTED)
        _show(_axes(figure, x, _ROWS[0], 0.95, 0.95), picture)
    name = _short(explanation.answer.label, 14)
    if len(name) == 1:
        size, base, (x, y) = 80.0, 3.32, (1.05, 2.82)
    else:
        size, base, (x, y) = min(56.0, 190 / len(name)), 3.2, (0.2, 3.58)
    _write(figure, 0.17, base, name, fontsize=size, fontweight="bold", color=BLUE)
    _write(figure, x, y, share(explanation.answer.probability), fontsize=_LARGE, fontweight="bold")
    _write(figure, x, y + 0.22, how_sure(explanation.answer.probability))
    p = explanation.credibility
    if not np.isnan(p):
        _write(figure, 0.2, 4.12, f"Credibility {percent(p, 1)}", fontweight="bold" if p <= 0.05 else "normal")
    _write(figure, 0.2, 4.32, how_typical(p), fontsize=_SMALL, color=MUTED)


def _draw_resemblances(figure: Figure, explanation: Any) -> None:
    """One row for the answer and one for the runner-up, each beside its nearest reference."""
    rows = [("Answer", explanation.answer, BLUE), ("Runner-up", explanation.runner_up, ORANGE)]
    residuals = [r.residual for _, r, _ in rows if r is not None and r.residual is not None]
    hottest = max([_LEAST_HEAT, *(float(residual.max()) for residual in residuals)])
    for y, (role, resemblance, color) in zip(_ROWS, rows, strict=True):
        if resemblance is None:
            continue
        x, label = _COLUMNS[0], label_text(resemblance.label)
        title = _short(label if len(label) > 3 else f"{role}: {label}", 14)
        _write(figure, x, y - 0.08, title, fontsize=_LARGE, fontweight="bold", color=color)
        _write(figure, x, y + _PICTURE + 0.15, f"reference {resemblance.id}", fontsize=_SMALL, color=MUTED)
        ax = _axes(figure, x, y, _PICTURE, _PICTURE)
        _show(ax, resemblance.compared, frame=color)
        _zoom(ax, explanation)
        if resemblance.displacement is not None:
            _draw_comparison(figure, y, explanation, resemblance, color, hottest)


def _draw_comparison(
    figure: Figure, y: float, explanation: Any, resemblance: Any, color: str, hottest: float
) -> None:
    """Where strokes move, and what stays unexplained: both rows in one scale of heat."""
    _write(figure, _COLUMNS[1], y - 0.08, "gray moves to outline", fontsize=_SMALL, color=MUTED)
    left = f"unexplained: {count(round(resemblance.unexplained))}"
    _write(figure, _COLUMNS[2], y - 0.08, left, fontsize=_SMALL, fontweight="bold")
    moves, heat = (_axes(figure, x, y, _PICTURE, _PICTURE) for x in _COLUMNS[1:])
    _draw_moves(moves, explanation.normalized, resemblance, color)
    _show(heat, None)
    heat.imshow(resemblance.residual, cmap=_HEAT, norm=PowerNorm(0.85, 0, hottest), interpolation="nearest")
    _outline(heat, explanation.normalized, MUTED)
    for ax in (moves, heat):
        _zoom(ax, explanation)


def _draw_moves(ax: Axes, query: NDArray[np.uint8], resemblance: Any, color: str) -> None:
    """The query in faint ink, the reference as an outline, and arrows from the one to the other."""
    _show(ax, query // 3)
    _outline(ax, resemblance.compared, color)
    y, x, down, right = _arrows(query, resemblance.displacement)
    ax.quiver(
        x, y, right, down, angles="xy", scale_units="xy", scale=1, color=INK, width=0.011, headwidth=3.5,
        headlength=3.5, headaxislength=3, minlength=0,
    )  # fmt: skip


def _arrows(query: NDArray[np.uint8], field: NDArray[np.int8]) -> tuple[NDArray[np.float64], ...]:
    """Average moves over blocks of 2 x 2 pixels, by their ink: where each begins, and how far it goes."""
    side = len(query) // 2 * 2
    ink = _in_blocks(query[:side, :side].astype(np.float64))
    rows, columns = np.indices((side, side)).astype(np.float64)
    moves = field[:side, :side].astype(np.float64)
    weights = ink.sum(axis=1)
    parts = [
        (_in_blocks(values) * ink).sum(axis=1) / np.maximum(weights, 1)
        for values in (rows, columns, moves[..., 0], moves[..., 1])
    ]
    seen = (weights > 255) & (np.hypot(parts[2], parts[3]) >= _SHORTEST)
    return tuple(part[seen] for part in parts)


def _in_blocks(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of the 4 pixels of each block."""
    n = len(picture) // 2
    return picture.reshape(n, 2, n, 2).transpose(0, 2, 1, 3).reshape(n * n, 4)


def _draw_evidence(figure: Figure, explanation: Any) -> None:
    """Which parts of the digit speak for the answer, and which for the runner-up."""
    evidence = explanation.evidence_map
    if evidence is None:
        return
    answer, runner_up = (_short(r.label, 5) for r in (explanation.answer, explanation.runner_up))
    x, y, side = 7.3, _ROWS[0], 2.2
    _write(figure, x, y - 0.08, f"+ for {answer}", fontweight="bold", color=BLUE)
    against = f"\N{MINUS SIGN} for {runner_up}"
    _write(figure, x + side, y - 0.08, against, fontweight="bold", color=ORANGE, ha="right")
    _write(figure, x, y + side + 0.16, "part by part of the image", fontsize=_SMALL, color=MUTED)
    ax = _axes(figure, x, y, side, side)
    _show(ax, None)
    strongest = float(np.abs(evidence).max()) or 1.0
    ax.imshow(
        evidence, cmap=_SIDES, vmin=-strongest, vmax=strongest, interpolation="bilinear", aspect=_aspect(evidence)
    )
    _outline(ax, explanation.normalized, INK)
    for sign, color in ((1, BLUE), (-1, ORANGE)):
        for row, column in _peaks(sign * evidence, 0.45 * strongest):
            _sign(ax, row, column, "+" if sign > 0 else "\N{MINUS SIGN}", color)
    _zoom(ax, explanation)


def _sign(ax: Axes, row: int, column: int, text: str, color: str) -> None:
    ax.text(
        column, row, text, color="white", fontsize=13, fontweight="bold", ha="center", va="center",
        path_effects=[patheffects.withStroke(linewidth=2.5, foreground=color)],
    )  # fmt: skip


def _peaks(evidence: NDArray[np.float64], least: float) -> list[tuple[int, int]]:
    """The strongest places, apart from each other by a fifth of the side."""
    apart = max(evidence.shape) / 5
    chosen: list[tuple[int, int]] = []
    for at in np.argsort(-evidence, axis=None, kind="stable"):
        row, column = (int(i) for i in np.unravel_index(at, evidence.shape))
        if evidence[row, column] < least:
            break
        if all(np.hypot(row - r, column - c) >= apart for r, c in chosen):
            chosen.append((row, column))
    return chosen


def _draw_votes(figure: Figure, explanation: Any) -> None:
    """Shares of the classes, the largest on top: five at most."""
    _write(figure, 7.3, 3.9, "Shares of the classes", fontweight="bold")
    classes, shares = explanation.classes, explanation.votes
    named = [resemblance.label for resemblance in (explanation.answer, explanation.runner_up) if resemblance]
    others = [code for code in np.argsort(-shares, kind="stable") if shares[code] >= 0.005]
    first = [int(np.flatnonzero(classes == label)[0]) for label in named]
    order = [*first, *(code for code in others if code not in first)][:5]
    ax = _axes(figure, 7.9, 4.0, 1.35, 0.25 * len(order))
    colors = [BLUE, ORANGE, *[GRID] * len(order)][: len(order)]
    ax.barh(range(len(order)), shares[order], height=0.62, color=colors, edgecolor=INK, linewidth=0.5)
    ax.set_xlim(0, 1)
    ax.set_ylim(len(order) - 0.5, -0.5)
    ax.set_xticks([])
    ax.set_yticks(range(len(order)), [_short(classes[code], 8) for code in order], fontsize=_NORMAL)
    ax.tick_params(axis="y", length=0)
    ax.spines[["bottom"]].set_visible(False)
    for row, value in enumerate(shares[order]):
        ax.text(value + 0.03, row, percent(value, 0), va="center", fontsize=_SMALL)


def _draw_neighbors(figure: Figure, explanation: Any) -> None:
    """The nearest references, each with its label and distance."""
    _write(figure, 0.2, 4.82, "Nearest references, with label and distance", fontsize=_SMALL, color=MUTED)
    side, step = 0.62, 0.84
    colors = {r.label: color for r, color in ((explanation.runner_up, ORANGE), (explanation.answer, BLUE)) if r}
    for i, picture in enumerate(explanation.neighbor_images):
        label, x = explanation.neighbor_labels[i], 0.2 + step * i
        _show(_axes(figure, x, 4.89, side, side), picture, frame=colors.get(label, MUTED))
        words = f"{label_text(label)} \N{MIDDLE DOT} {distance(float(explanation.neighbor_distances[i]))}"
        _write(
            figure,
            x + side / 2,
            5.66,
            _short(words, 11) if len(words) <= 11 else _short(label, 9),
            fontsize=_SMALL,
            ha="center",
        )


def _axes(figure: Figure, x: float, y: float, width: float, height: float) -> Axes:
    """Open axes by their place in inches from the figure's upper left corner."""
    return figure.add_axes((x / _WIDTH, 1 - (y + height) / _HEIGHT, width / _WIDTH, height / _HEIGHT))


def _write(figure: Figure, x: float, y: float, text: str, **how: Any) -> None:
    """Write text, its base line in inches from the figure's upper left corner."""
    figure.text(x / _WIDTH, 1 - y / _HEIGHT, text, **{"fontsize": _NORMAL, "va": "baseline", **how})


def _short(words: object, most: int) -> str:
    """Make words fit for a figure: at most so many letters, on one line, no formula."""
    text = label_text(words)
    return escaped(text if len(text) <= most else f"{text[: most - 1]}…")


def _show(ax: Axes, picture: NDArray[np.uint8] | None, frame: str = GRID) -> None:
    """Show a picture as ink on paper, or prepare for one, in a frame."""
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(True)
        spine.set_color(frame)
        spine.set_linewidth(1.0 if frame == GRID else 1.8)
    if picture is not None:
        ax.imshow(ink_on_paper(picture), **GRAY, aspect=_aspect(picture))


def _aspect(picture: NDArray) -> Literal["equal", "auto"]:
    """A line of pixels that make no square is drawn as a band."""
    return "equal" if len(picture) > 1 else "auto"


def _zoom(ax: Axes, explanation: Any) -> None:
    """Show as much as holds the strokes of all pictures that are compared; paper around them tells nothing."""
    compared = [r.compared for r in (explanation.answer, explanation.runner_up) if r is not None]
    strokes = np.max([explanation.normalized, *compared], axis=0) > 40
    height, width = strokes.shape
    if height != width or not strokes.any():
        return
    ends = [(line.argmax() - 2, height - line[::-1].argmax() + 1) for line in (strokes.any(0), strokes.any(1))]
    half = min(max(high - low for low, high in ends), height) / 2
    x, y = (min(max((low + high) / 2, half - 0.5), height - half - 0.5) for low, high in ends)
    ax.set_xlim(x - half, x + half)
    ax.set_ylim(y + half, y - half)


def _outline(ax: Axes, picture: NDArray[np.uint8], color: str) -> None:
    """Draw the border of a picture's strokes."""
    if min(picture.shape) > 1 and picture.min() < 110 < picture.max():
        ax.contour(picture, levels=[110], colors=[color], linewidths=1.1)
