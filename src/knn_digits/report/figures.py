"""All figures of the report by name, and their drawing: results -> PNG, SVG and words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from knn_digits.drawing.style import Arrays, Drawn, Results, as_png, as_svg, house_style
from knn_digits.progress import Advance
from knn_digits.report import (
    figures_confidence,
    figures_evaluation,
    figures_exploration,
    figures_foreign,
    figures_show,
    figures_stages,
    figures_tuning,
)
from knn_digits.report.figures_explanations import EXPLANATIONS

__all__ = ["FIGURES", "Picture", "draw_figures"]

FIGURES: Mapping[str, Callable[[Results, Arrays], Drawn | None]] = {
    "class_balance": figures_exploration.class_balance,
    "ink_per_class": figures_exploration.ink_per_class,
    "mean_and_spread": figures_exploration.mean_and_spread,
    "closest_pairs": figures_exploration.closest_pairs,
    "samples": figures_show.samples,
    "hardest": figures_show.hardest,
    "map": figures_show.digit_map,
    "comparison": figures_evaluation.comparison,
    "tuning_curve": figures_tuning.tuning_curve,
    "tuning_cost": figures_tuning.tuning_cost,
    "confusion": figures_evaluation.confusion,
    "per_class": figures_evaluation.per_class,
    "mistakes": figures_evaluation.mistakes,
    "stages": figures_stages.stages,
    "reliability": figures_confidence.reliability,
    "risk_coverage": figures_confidence.risk_coverage,
    "foreign": figures_foreign.foreign,
    **EXPLANATIONS,
}

_PIXELS_AN_INCH = 115  # of the page; type is then as large as that of the page


@dataclass(frozen=True)
class Picture:
    """A figure as the two files it becomes, and what it shows in words."""

    png: bytes
    svg: bytes
    alt: str
    width: int  # CSS pixels on a large screen
    height: int


def draw_figures(results: Results, arrays: Arrays, advance: Advance) -> dict[str, Picture]:
    """Draw every figure there is something to draw for; `advance` counts them all."""
    pictures = {}
    with house_style():
        for name, draw in FIGURES.items():
            drawn = draw(results, arrays)
            if drawn is not None:
                width, height = (round(_PIXELS_AN_INCH * inches) for inches in drawn.figure.get_size_inches())
                png, svg = as_png(drawn.figure), as_svg(drawn.figure)
                pictures[name] = Picture(png, svg, drawn.alt, width, height)
            advance(1)
    return pictures
