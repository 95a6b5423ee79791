"""How well pictures were read: texts as read beside true texts, aligned, and what is wrong counted.

Lines are aligned with lines, and within them digits with digits, so that in all there are as few errors as
possible (V. I. Levenshtein, Binary codes capable of correcting deletions, insertions, and reversals, 1966); of
alignments with as few, the one that takes the fewest digits for missing or invented.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from knn_digits.evaluation import wilson_interval

__all__ = ["LineScore", "align", "aligned_lines", "right_digits", "score_lines", "share"]

_Cost = tuple[int, int]  # errors, and how many of them are insertions or deletions
_Pair = tuple[int | None, int | None]  # positions of what was read and of what is true


@dataclass(frozen=True)
class LineScore:
    """What is right and wrong in texts that were read; those of several pictures can be added.

    Attributes
    ----------
    pictures, pictures_right : int
    lines, lines_right : int
        True lines, and those read without an error.
    digits : int
        True digits.
    substitutions, insertions, deletions : int
        Digits read as others, read where none are, and not read.
    """

    pictures: int = 0
    pictures_right: int = 0
    lines: int = 0
    lines_right: int = 0
    digits: int = 0
    substitutions: int = 0
    insertions: int = 0
    deletions: int = 0

    @property
    def errors(self) -> int:
        """Digits wrong in any way."""
        return self.substitutions + self.insertions + self.deletions

    def __add__(self, other: LineScore) -> LineScore:
        return LineScore(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    def as_json(self) -> dict[str, Any]:
        """Write the counts, and the shares with their 95 % intervals."""
        return {
            "pictures": share(self.pictures_right, self.pictures, "right"),
            "lines": share(self.lines_right, self.lines, "right"),
            "digits": {
                **share(self.errors, self.digits, "errors"),
                "substitutions": self.substitutions,
                "insertions": self.insertions,
                "deletions": self.deletions,
            },
        }


def share(part: int, n: int, name: str) -> dict[str, Any]:
    """Write a part of n with its share and 95 % Wilson interval, both None where n is 0.

    Errors may be more than there are digits, where more were invented; the interval then is that of all.
    """
    interval = None if n == 0 else list(wilson_interval(min(part, n), n))
    return {"n": n, name: part, "rate": None if n == 0 else part / n, "ci95": interval}


def score_lines(read: str, true: str) -> LineScore:
    r"""Count what is right and wrong in the text of one picture.

    Parameters
    ----------
    read, true : str
        As read and as it should be, lines parted by ``\n``. Empty lines do not count.

    Returns
    -------
    score : LineScore
    """
    score = LineScore(pictures=1, pictures_right=int(_lines(read) == _lines(true)))
    for found, meant in aligned_lines(read, true):
        score += _score_line(found, meant)
    return score


def aligned_lines(read: str, true: str) -> list[tuple[str | None, str | None]]:
    """Put lines as read beside true ones; None stands for a line that is not there."""
    found, meant = _lines(read), _lines(true)

    @cache
    def cost(i: int, j: int) -> _Cost:
        return _matched(found[i], meant[j], _cost_of_digits(found[i], meant[j]))[0]

    if found == meant:
        return list(zip(found, meant, strict=True))
    pairs = _matched(found, meant, cost, [len(line) for line in found], [len(line) for line in meant])[1]
    return [(None if i is None else found[i], None if j is None else meant[j]) for i, j in pairs]


def right_digits(read: str, true: str) -> list[bool]:
    r"""Tell of every digit that was read, in reading order, whether it is right.

    Parameters
    ----------
    read, true : str
        As for `score_lines`.
    """
    right: list[bool] = []
    for found, meant in aligned_lines(read, true):
        if found is not None:
            partners = dict(pair for pair in align(found, meant or "") if pair[0] is not None)
            right += [
                (j := partners[i]) is not None and digit == (meant or "")[j] for i, digit in enumerate(found)
            ]
    return right


def align(read: str, true: str) -> list[_Pair]:
    """Align the digits of two lines.

    Parameters
    ----------
    read, true : str

    Returns
    -------
    pairs : list of (int or None, int or None)
        Positions in `read` and `true`, from left to right; None where the other has no partner.
    """
    if read == true:
        return [(i, i) for i in range(len(read))]
    return _matched(read, true, _cost_of_digits(read, true))[1]


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line]


def _score_line(found: str | None, meant: str | None) -> LineScore:
    read, true = found or "", meant or ""
    pairs = align(read, true)
    return LineScore(
        lines=int(meant is not None),
        lines_right=int(meant is not None and read == true),
        digits=len(true),
        substitutions=sum(i is not None and j is not None and read[i] != true[j] for i, j in pairs),
        insertions=sum(j is None for _, j in pairs),
        deletions=sum(i is None for i, _ in pairs),
    )


def _cost_of_digits(read: Sequence[str], true: Sequence[str]) -> Callable[[int, int], _Cost]:
    return lambda i, j: (int(read[i] != true[j]), 0)


def _matched(
    read: Sequence[Any],
    true: Sequence[Any],
    cost: Callable[[int, int], _Cost],
    alone_read: Sequence[int] | None = None,
    alone_true: Sequence[int] | None = None,
) -> tuple[_Cost, list[_Pair]]:
    """Align two sequences at the least cost: the cost, and the pairs.

    What has no partner costs 1, or what `alone_read` and `alone_true` say.
    """
    of_read, of_true = alone_read or [1] * len(read), alone_true or [1] * len(true)
    best: list[list[_Cost]] = [[(0, 0)]]
    for n in of_true:
        best[0].append(_plus(best[0][-1], (n, n)))
    for i, m in enumerate(of_read):
        row = [_plus(best[i][0], (m, m))]
        for j, n in enumerate(of_true):
            row.append(
                min(
                    _plus(best[i][j], cost(i, j)),
                    _plus(best[i][j + 1], (m, m)),
                    _plus(row[j], (n, n)),
                )
            )
        best.append(row)
    return best[-1][-1], _traced(best, cost, of_read, of_true)


def _traced(
    best: list[list[_Cost]], cost: Callable[[int, int], _Cost], of_read: Sequence[int], of_true: Sequence[int]
) -> list[_Pair]:
    """Go back the way by which the least cost came about."""
    i, j = len(of_read), len(of_true)
    pairs: list[_Pair] = []
    while i or j:
        if i and j and best[i][j] == _plus(best[i - 1][j - 1], cost(i - 1, j - 1)):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif i and best[i][j] == _plus(best[i - 1][j], (of_read[i - 1], of_read[i - 1])):
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    return pairs[::-1]


def _plus(a: _Cost, b: _Cost) -> _Cost:
    return a[0] + b[0], a[1] + b[1]
