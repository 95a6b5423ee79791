"""The page of an audit: ``audit.json`` and the images it names -> cards. Never fits, never predicts."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from knn_digits.drawing.pictures import data_uri, png_bytes, strip
from knn_digits.drawing.style import Arrays
from knn_digits.drawing.wording import label_text, percent
from knn_digits.output_folder import writing
from knn_digits.report.cards import Card
from knn_digits.report.page import environment, policy_of, stylesheet

__all__ = ["MOST_CARDS", "draw_audit"]

MOST_CARDS = 500  # in a section, so that a phone opens the page


@dataclass(frozen=True)
class SuspectCard:
    """A suspect, and beside it the training images to compare it with.

    Attributes
    ----------
    about : dict
        The entry of the audit.
    picture, alt : str
        Data URI, and what it shows.
    like : list of Card
        The nearest of the class suggested and of the label's, those that there are.
    """

    about: dict[str, Any]
    picture: str
    alt: str
    like: list[Card]


def draw_audit(folder: Path, audit: dict[str, Any], pictures: Arrays) -> None:
    """Write ``index.html`` into an existing folder.

    Parameters
    ----------
    folder : Path
    audit : dict
        Contents of ``audit.json``.
    pictures : dict of uint8 ndarrays
        As `knn_digits.audit.Audit.pictures` gives them.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    style = stylesheet() + Markup(files("knn_digits.report").joinpath("templates", "audit.css").read_text("utf-8"))
    made = environment()
    made.filters["share"] = share
    page = made.get_template("audit.html").render(
        a=audit,
        style=style,
        policy=policy_of(style),
        suspects={s["split"]: _suspect_cards(s["suspects"], pictures[s["split"]]) for s in audit["splits"]},
        pairs=_pair_cards(audit["duplicates"]["pairs"], pictures["pairs"]),
        closest=_pair_cards(audit["duplicates"]["closest"], pictures["closest"]),
    )
    with writing(folder):
        (folder / "index.html").write_text(page, encoding="utf-8", newline="\n")


def share(probability: float) -> str:
    """Write a probability in percent, without saying that anything is impossible or certain."""
    if probability < 0.001:
        return f"below {percent(0.001, 1)}"
    if probability > 0.999:
        return f"above {percent(0.999, 1)}"
    return percent(probability, 1 if probability < 0.1 or probability > 0.9 else 0)


def _suspect_cards(suspects: list[dict[str, Any]], pictures: NDArray[Any]) -> list[SuspectCard]:
    shown = zip(suspects[:MOST_CARDS], pictures, strict=False)
    return [_suspect_card(suspect, images) for suspect, images in shown]


def _suspect_card(suspect: dict[str, Any], images: NDArray[Any]) -> SuspectCard:
    similar = [suspect["like_suggested"], suspect["like_label"]]
    return SuspectCard(
        suspect,
        _picture(images[:1]),
        f"{_split(suspect).capitalize()} image {suspect['position']}, labeled {label_text(suspect['label'])}",
        [_like(like, image) for like, image in zip(similar, images[1:], strict=True) if like is not None],
    )


def _like(like: dict[str, Any], image: NDArray[Any]) -> Card:
    alt = f"Training image {like['train']}, labeled {label_text(like['label'])}"
    return Card(like, _picture(image[None]), alt)


def _pair_cards(pairs: list[dict[str, Any]], pictures: NDArray[Any]) -> list[Card]:
    cards = []
    for pair, images in zip(pairs[:MOST_CARDS], pictures, strict=False):
        words = [f"{_split(i)} image {i['position']}, labeled {label_text(i['label'])}" for i in pair["images"]]
        cards.append(Card(pair, _picture(images), f"{' and '.join(words)}, side by side"))
    return cards


def _split(image: dict[str, Any]) -> str:
    return {"train": "training", "test": "test"}[image["split"]]


def _picture(images: NDArray[Any]) -> str:
    return data_uri(png_bytes(np.ascontiguousarray(strip(images))))
