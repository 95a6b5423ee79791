"""Pictures with words beside them, as the page shows them: mistakes, differences, pairs, hard and foreign ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.drawing.pictures import data_uri, png_bytes, strip
from knn_digits.drawing.style import Arrays, Results
from knn_digits.drawing.wording import distance, label_text, listed, percent

__all__ = [
    "Card",
    "Gallery",
    "difference_cards",
    "foreign_cards",
    "hardest_cards",
    "mistake_gallery",
    "pair_cards",
]

# A page that a phone opens: at most so many mistakes, and at most so many bytes of their pictures.
MOST_MISTAKES, MOST_DIFFERENCES = 1000, 200
MOST_PICTURE_BYTES = 3_700_000


@dataclass(frozen=True)
class Card:
    """One picture with what is known about it.

    Attributes
    ----------
    about : dict
        The entry of the results.
    picture, alt : str
        Data URI, and what it shows.
    neighbors, neighbors_alt : str
        The same for a strip of neighbors; empty where there is none.
    """

    about: dict[str, Any]
    picture: str
    alt: str
    neighbors: str = ""
    neighbors_alt: str = ""

    @property
    def n_bytes(self) -> int:
        """What the pictures add to the page."""
        return len(self.picture) + len(self.neighbors)


@dataclass(frozen=True)
class Gallery:
    """Mistakes in groups of one true class, in the order of the classes.

    Attributes
    ----------
    groups : list of (label, list of Card)
    n_shown, n_all : int
        Fewer are shown than there are where the page would be too large.
    """

    groups: list[tuple[Any, list[Card]]]
    n_shown: int
    n_all: int


def mistake_gallery(results: Results, arrays: Arrays) -> Gallery:
    """Show the mistakes, in the order of the test set within a class, as many as a page can hold."""
    n_all = len(results["evaluation"]["mistakes"])
    cards: list[Card] = []
    size = 0
    for card in _mistake_cards(results, arrays):
        size += card.n_bytes
        if len(cards) == MOST_MISTAKES or size > MOST_PICTURE_BYTES:
            break
        cards.append(card)
    place = {label: code for code, label in enumerate(results["dataset"]["classes"])}
    cards.sort(key=lambda card: place[card.about["label"]])
    groups = [(label, list(group)) for label, group in groupby(cards, key=lambda card: card.about["label"])]
    return Gallery(groups, len(cards), n_all)


def _mistake_cards(results: Results, arrays: Arrays) -> Iterator[Card]:
    found = results["evaluation"]["mistakes"]
    images, neighbor_images = arrays["mistake_images"], arrays["mistake_neighbor_images"]
    for mistake, image, nearest in zip(found, images, neighbor_images, strict=True):
        yield _mistake_card(mistake, image, nearest)


def _mistake_card(mistake: dict[str, Any], image: NDArray[Any], nearest: NDArray[Any]) -> Card:
    neighbors = mistake["neighbors"]
    if len(neighbors) != len(nearest):
        raise ValueError(f"{len(neighbors)} neighbors with {len(nearest)} pictures")
    words = [f"{label_text(n['label'])} at {distance(n['distance'])}" for n in neighbors]
    return Card(
        mistake,
        _picture(image[None]),
        f"Test image {mistake['test']}, labeled {label_text(mistake['label'])}, "
        f"read as {label_text(mistake['answer'])}",
        _picture(nearest),
        f"Its {len(neighbors)} nearest training images, with their distances: {listed(words)}",
    )


def difference_cards(results: Results, arrays: Arrays) -> list[Card]:
    """Show the first test images that scikit-learn and the pixels preset answer differently."""
    return [
        Card(
            d,
            _picture(image[None]),
            f"Test image {d['test']}, labeled {label_text(d['label'])}: scikit-learn says "
            f"{label_text(d['scikit_learn'])}, the pixels preset {label_text(d['ours'])}",
        )
        for d, image in list(zip(results["differences"], arrays["difference_images"], strict=True))[
            :MOST_DIFFERENCES
        ]
    ]


def pair_cards(results: Results, arrays: Arrays) -> list[Card]:
    """Show the closest pairs of different classes, the two side by side."""
    return [
        Card(
            pair,
            _picture(images),
            f"Training images {pair['train'][0]} and {pair['train'][1]}, labeled "
            f"{label_text(pair['labels'][0])} and {label_text(pair['labels'][1])}, side by side",
        )
        for pair, images in zip(
            results["exploration"]["closest_pairs"], arrays["closest_pair_images"], strict=True
        )
    ]


def hardest_cards(results: Results, arrays: Arrays) -> list[Card]:
    """Show the images that look least like their class."""
    return [
        Card(
            row,
            _picture(image[None]),
            f"Training image {row['train']}, labeled {label_text(row['label'])}, "
            f"looks like {label_text(row['resembles'])}",
        )
        for row, image in zip(results["show"]["hardest"], arrays["hardest_images"], strict=True)
    ]


def foreign_cards(results: Results, arrays: Arrays) -> list[Card]:
    """Show of each kind of pictures that are no digits the one most surely taken for a digit, the surest first."""
    confidence = results["confidence"]
    if confidence is None or not confidence["credibility"]["kinds"]:
        return []
    shown = zip(confidence["credibility"]["kinds"], arrays["foreign_images"], strict=True)
    cards = [_foreign_card(kind, images) for kind, images in shown]
    return sorted(cards, key=lambda card: -card.about["probability"])


def _foreign_card(kind: dict[str, Any], images: NDArray[Any]) -> Card:
    surest = max(range(len(images)), key=lambda i: kind["shown"][i]["probability"])
    shown = kind["shown"][surest]
    return Card(
        {"name": kind["name"], **shown},
        _picture(images[surest][None]),
        f"No digit but of the kind {label_text(kind['name'])}; the nearest digit would be "
        f"{label_text(shown['answer'])} with a probability of {percent(shown['probability'])}",
    )


def _picture(images: NDArray[Any]) -> str:
    return data_uri(png_bytes(np.ascontiguousarray(strip(images))))
