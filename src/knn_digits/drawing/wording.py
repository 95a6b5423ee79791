"""How numbers and lists are written in reports and figures: one way for each, wherever they stand."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "count",
    "counted",
    "distance",
    "interval",
    "label_text",
    "listed",
    "megabytes",
    "milliseconds",
    "percent",
    "plain_percent",
    "probability",
    "score",
    "seconds",
    "tied",
]


def percent(share: float, digits: int = 2) -> str:
    """Write 0.0243 as ``2.43 %``, with a space that does not break."""
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def plain_percent(share: float) -> str:
    """Write a share that somebody chose with no more digits than it has: ``0.5 %``, ``99 %``."""
    return f"{100 * share:.6g}\N{NO-BREAK SPACE}%"


def interval(ends: tuple[float, float]) -> str:
    """Write the two ends of an interval of shares."""
    low, high = ends
    return f"{percent(low)} to {percent(high)}"


def count(n: int) -> str:
    """Write 1234 as ``1,234``."""
    return f"{n:,d}"


def counted(n: int, noun: str) -> str:
    """Write a number of things: ``1 error``, ``1,234 errors``."""
    return f"{count(n)} {noun}{'' if n == 1 else 's'}"


def score(value: float) -> str:
    """Write a precision, recall or F1 with the digits of scikit-learn's report."""
    return f"{value:.4f}"


def seconds(duration: float) -> str:
    """Write a duration with about three digits: ``0.4 ms``, ``12 ms``, ``0.53 s``, ``12.1 s``, ``4 min 05 s``."""
    space = "\N{NO-BREAK SPACE}"
    if duration >= 99.95:
        minutes, rest = divmod(round(duration), 60)
        return f"{minutes}{space}min {rest:02d}{space}s"
    if duration >= 0.1:
        return f"{duration:.{1 if duration >= 9.995 else 2}f}{space}s"
    return f"{1000 * duration:.{0 if duration >= 0.00995 else 1}f}{space}ms"


def milliseconds(duration: float) -> str:
    """Write what an image takes, in milliseconds: ``1.23 ms``, ``0.146 ms``."""
    return f"{duration:.{2 if duration >= 0.9995 else 3}f}\N{NO-BREAK SPACE}ms"


def probability(p: float) -> str:
    """Write a probability with four digits, or what it is below."""
    return "below 0.0001" if p < 0.0001 else f"{p:.4f}"


def megabytes(size: float) -> str:
    """Write an amount of memory."""
    return f"{size:,.0f}\N{NO-BREAK SPACE}MB"


def distance(value: float) -> str:
    """Write a distance; only its order and its ratio to others matter, so few digits do."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def listed(words: Iterable[object]) -> str:
    """Write ``a, b and c``."""
    *first, last = [str(word) for word in words] or ["none"]
    return f"{', '.join(first)} and {last}" if first else last


def tied(name: str) -> str:
    """Keep ``k = 3`` on one line."""
    return name.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")


def label_text(label: object) -> str:
    """Write a label as one line of text: what cannot be printed is replaced."""
    text = str(label)
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text) or "(empty)"
