"""The page of one picture: what was read in it, and why. It gets explanations handed over, and never predicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from knn_digits import __version__
from knn_digits.drawing.explanations import draw_explanation
from knn_digits.drawing.marks import marked_digit
from knn_digits.drawing.pictures import data_uri, lighter
from knn_digits.drawing.style import as_png, house_style
from knn_digits.drawing.telling import how_sure, how_typical, share, story
from knn_digits.drawing.wording import label_text
from knn_digits.printable import printable
from knn_digits.report.page import environment, policy_of, stylesheet

__all__ = ["MOST_EXPLAINED", "PAGE_MARK", "reading_page"]

MOST_EXPLAINED = 50  # digits of a picture, the doubtful ones first, so that a phone opens the page
PAGE_MARK = b'name="generator" content="knn-digits'


@dataclass(frozen=True)
class _Explained:
    """A digit with its explanation as a picture.

    Attributes
    ----------
    anchor, where : str
        Its place on the page, and in the picture in words.
    digit : ReadDigit
    marked : str
        As `marks` has it.
    picture, alt : str
        Data URI, and the same in words.
    """

    anchor: str
    where: str
    digit: Any
    marked: str
    picture: str
    alt: str


def reading_page(name: str, reading: Any, boxes: bytes, explain: Callable[[Any], Any]) -> str:
    """Fill the page of one picture.

    Parameters
    ----------
    name : str
        Of the picture.
    reading : Reading
    boxes : bytes
        The picture with boxes and answers drawn on, as PNG.
    explain : callable
        Gives the `Explanation` of a `ReadDigit`; asked for those that are shown.

    Returns
    -------
    html : str
        One page that needs no other file and no network.
    """
    style = stylesheet() + Markup(_own_style())
    shown = _shown(reading)
    made = environment()
    made.filters.update({"share": share, "how_sure": how_sure, "how_typical": how_typical, "marked": marked_digit})
    return made.get_template("reading.html").render(
        name=label_text(printable(name)),
        reading=reading,
        boxes=data_uri(boxes),
        policy=policy_of(style),
        style=style,
        version=__version__,
        anchors={place: _anchor(*place) for place in shown},
        explained=[_explained(place, reading, explain) for place in shown],
        n_doubtful=sum(digit.doubtful for digit in reading.digits),
    )


def _shown(reading: Any) -> list[tuple[int, int]]:
    """Lines and places of the digits that are explained, in reading order: of many, the least sure."""
    places = [(i, j) for i, line in enumerate(reading.lines) for j in range(len(line))]

    def doubt(place: tuple[int, int]) -> tuple[bool, float]:
        digit = reading.lines[place[0]][place[1]]
        return not digit.doubtful, digit.probability

    return sorted(sorted(places, key=doubt)[:MOST_EXPLAINED])


def _explained(place: tuple[int, int], reading: Any, explain: Callable[[Any], Any]) -> _Explained:
    digit = reading.lines[place[0]][place[1]]
    explanation = explain(digit)
    with house_style():
        picture = data_uri(lighter(as_png(draw_explanation(explanation))))
    return _Explained(
        _anchor(*place), _where(place, reading), digit, marked_digit(digit), picture, story(explanation)
    )


def _where(place: tuple[int, int], reading: Any) -> str:
    line, position = place
    words = f"Digit {position + 1}"
    return words if len(reading.lines) == 1 else f"Line {line + 1}, digit {position + 1}"


def _anchor(line: int, position: int) -> str:
    return f"digit-{line + 1}-{position + 1}"


def _own_style() -> str:
    return files("knn_digits.report").joinpath("templates", "reading.css").read_text(encoding="utf-8")
