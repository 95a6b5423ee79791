"""The page: templates, filled with results and pictures. One file that needs nothing beside it."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from math import ceil
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from knn_digits.drawing import wording
from knn_digits.drawing.pictures import data_uri, lighter
from knn_digits.drawing.style import Arrays, Results
from knn_digits.report import cards
from knn_digits.report.figures import Picture
from knn_digits.report.figures_evaluation import compared
from knn_digits.report.figures_foreign import by_use
from knn_digits.report.figures_tuning import families

__all__ = ["CHAPTERS", "environment", "policy_of", "render_page", "stylesheet"]

# The steps of a run: anchor, title. Those named after a field of the results are left out where it is empty.
CHAPTERS = (
    ("acquire", "Acquire"),
    ("explore", "Explore"),
    ("show", "Show"),
    ("preprocess", "Preprocess"),
    ("baseline", "Baseline"),
    ("tune", "Tune"),
    ("evaluate", "Evaluate"),
    ("stages", "What each stage buys"),
    ("confidence", "How sure"),
    ("explanations", "Why these answers"),
    ("insights", "Insights"),
)
_MAY_BE_LEFT_OUT = frozenset({"stages", "confidence", "explanations"})
# Charts stay sharp at any size as SVG; the map is pixels anyway.
_AS_PNG = frozenset({"map"})
_LARGEST_FIGURE = 800_000  # bytes
_FILTERS = (
    wording.count, wording.counted, wording.distance, wording.interval, wording.label_text, wording.listed,
    wording.megabytes, wording.milliseconds, wording.percent, wording.plain_percent, wording.probability,
    wording.score, wording.seconds, wording.tied,
)  # fmt: skip


def render_page(results: Results, arrays: Arrays, pictures: dict[str, Picture]) -> str:
    """Fill the templates.

    Everything from the results is escaped by autoescape; the only markup that is not comes from our own
    templates, style sheet and script, which a content security policy allows by their hashes.
    """
    style, script = stylesheet(), _own_file("page.js")
    return (
        environment()
        .get_template("page.html")
        .render(
            r=results,
            chapters=[c for c in CHAPTERS if c[0] not in _MAY_BE_LEFT_OUT or results[c[0]]],
            style=style,
            script=Markup(script),
            policy=policy_of(style, script),
            figures={name: _as_image(name, picture) for name, picture in pictures.items()},
            compared=compared(results),
            families=families(results["tuning"]["curve"]),
            gallery=cards.mistake_gallery(results, arrays),
            differences=cards.difference_cards(results, arrays),
            pairs=cards.pair_cards(results, arrays),
            hardest=cards.hardest_cards(results, arrays),
            foreign=cards.foreign_cards(results, arrays),
            foreign_by_use=_foreign_by_use(results),
            heat=heat(results["evaluation"]["confusion"]),
        )
    )


def environment() -> Environment:
    """Make what fills templates: with autoescape, and an error for every field that is not there."""
    made = Environment(
        loader=PackageLoader("knn_digits.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update({function.__name__: function for function in _FILTERS})
    return made


def stylesheet() -> Markup:
    """Read the style of all our pages."""
    return Markup(_own_file("page.css"))


def policy_of(style: str, script: str | None = None) -> str:
    """Write a content security policy that allows our style and script, by their hashes, and nothing else."""
    scripts = f" script-src '{_hash(script)}'" if script is not None else ""
    return f"default-src 'none'; img-src data:; style-src '{_hash(style)}';{scripts}"


def _foreign_by_use(results: Results) -> list[tuple[str, list[dict[str, Any]]]]:
    confidence = results["confidence"]
    kinds = confidence["credibility"]["kinds"] if confidence is not None else []
    return by_use(kinds, [kind["held_out"] for kind in kinds])


def heat(confusion: list[list[int]]) -> list[list[int]]:
    """Grade every confusion by its share of its row, from 0 (never) to 5 (the largest share)."""
    shares = [
        [n / max(sum(row), 1) if i != j else 0.0 for j, n in enumerate(row)] for i, row in enumerate(confusion)
    ]
    largest = max(max(row) for row in shares) or 1.0
    return [[min(5, ceil(5 * share / largest)) for share in row] for row in shares]


def _as_image(name: str, picture: Picture) -> dict[str, Any]:
    if name not in _AS_PNG and len(picture.svg) <= _LARGEST_FIGURE:
        uri = data_uri(picture.svg, "image/svg+xml")
    else:
        uri = data_uri(picture.png if len(picture.png) <= _LARGEST_FIGURE else lighter(picture.png))
    return {"uri": uri, "alt": picture.alt, "width": picture.width, "height": picture.height}


def _own_file(name: str) -> str:
    return files("knn_digits.report").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
