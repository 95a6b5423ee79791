"""How doubtful digits are marked, the same in the terminal and on pictures.

A digit that is too likely to be wrong stands in brackets, as in ``12[7]4``; one that looks like no digit at all
has a question mark too: ``12[7?]4``.
"""

from __future__ import annotations

from typing import Any

from knn_digits.drawing.wording import label_text

__all__ = ["LINE_BREAK", "marked_digit", "marked_text"]

LINE_BREAK = " | "  # between the lines of a picture, where they have to stand on one


def marked_text(reading: Any) -> str:
    """Write all that was read in a picture on one line, doubtful digits marked; empty where there are none.

    Parameters
    ----------
    reading : Reading
    """
    return LINE_BREAK.join("".join(map(marked_digit, line)) for line in reading.lines)


def marked_digit(digit: Any) -> str:
    """Write a digit as it was read, marked where it is doubtful.

    Parameters
    ----------
    digit : ReadDigit
    """
    text = label_text(digit.digit)
    if digit.foreign:
        return f"[{text}?]"
    return f"[{text}]" if digit.unsure else text
