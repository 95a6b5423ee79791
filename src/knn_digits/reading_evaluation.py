"""How well a user's own pictures are read, beside what is written in them by his labels."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from knn_digits.predicting import Predicted
from knn_digits.printable import printable
from knn_digits.progress import Advance
from knn_digits.reader import Reading
from knn_digits.reading_measures import LineScore, right_digits, score_lines, share

__all__ = ["evaluate_readings"]


def evaluate_readings(
    predicted: Iterable[Predicted], folder: Path, labels: Mapping[str, str], advance: Advance = lambda _: None
) -> dict[str, Any]:
    """Compare what was read with labels.

    Parameters
    ----------
    predicted : iterable of Predicted
        Of pictures in a folder.
    folder : Path
        To which the names of the labels are relative.
    labels : mapping of str to str
        As `read_labels` gives them.
    advance : callable, optional
        Told of every picture that has a label.

    Returns
    -------
    evaluation : dict
        As ``docs/pictures.md`` describes it.
    """
    score, doubts = LineScore(), _Doubts()
    wrong, failed, unlabeled, seen = [], [], [], set()
    for one in predicted:
        name = _name_in(folder, one.path)
        true = labels.get(name)
        if true is None:
            unlabeled.append(name)
            continue
        seen.add(name)
        advance(1)
        if one.reading is None:
            failed.append({"name": name, "error": printable(one.error or "")})
            continue
        score += score_lines(one.reading.text, true)
        doubts.count(one.reading, true)
        if one.reading.text != true:
            wrong.append({"name": name, "read": one.reading.text, "true": true})
    missing = [name for name in labels if name not in seen]
    told = {**score.as_json(), "doubtful": doubts.as_json()}
    return {**told, "wrong": wrong, "failed": failed, "unlabeled": unlabeled, "missing": missing}


class _Doubts:
    """Counts the digits that were marked as doubtful, and what is wrong among the others."""

    def __init__(self) -> None:
        self.read = self.marked = self.wrong = self.wrong_marked = 0
        self.pictures = self.wrong_pictures = 0

    def count(self, reading: Reading, true: str) -> None:
        """Take in one picture."""
        digits, right = reading.digits, right_digits(reading.text, true)
        self.read += len(digits)
        self.marked += sum(digit.doubtful for digit in digits)
        self.wrong += right.count(False)
        self.wrong_marked += sum(d.doubtful and not r for d, r in zip(digits, right, strict=True))
        if not any(digit.doubtful for digit in digits):
            self.pictures += 1
            self.wrong_pictures += reading.text != true

    def as_json(self) -> dict[str, Any]:
        """Write how many were marked, and how many errors are left without them."""
        return {
            "digits": share(self.marked, self.read, "marked"),
            "errors_marked": self.wrong_marked,
            "digits_not_marked": share(self.wrong - self.wrong_marked, self.read - self.marked, "errors"),
            "pictures_without_marks": share(self.wrong_pictures, self.pictures, "wrong"),
        }


def _name_in(folder: Path, path: str) -> str:
    """Name a picture as labels do: relative to its folder, with ``/`` between folders."""
    return printable(os.path.relpath(path, folder)).replace("\\", "/")
