"""What a classifier gets wrong: errors, intervals, confusions, tests. Arrays in, a frozen Evaluation out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Evaluation", "McNemar", "errors_without", "evaluate", "mcnemar", "wilson_interval"]


@dataclass(frozen=True)
class Evaluation:
    """The errors of one classifier on one set of labelled images.

    Attributes
    ----------
    name : str
        What was evaluated, for people.
    n, errors : int
    error_rate, accuracy : float
        Shares of `n`.
    ci95 : tuple of float
        95 % Wilson interval of the error rate.
    top2_accuracy : float or None
        Share of images whose label has a probability above zero that at most one class exceeds, so that ties
        for the second place count; where probabilities were given.
    classes : tuple
        Labels, ascending; the order of what follows.
    per_class : tuple of dict
        ``label, precision, recall, f1, support`` of each class.
    macro, weighted : dict
        ``precision, recall, f1`` as means over classes, plain and weighted by support.
    report_text : str
        scikit-learn's classification report.
    confusion : int64 ndarray of shape (n_classes, n_classes)
        Row: true class; column: answer.
    mistakes : int64 ndarray
        Positions of the wrong answers, ascending.
    """

    name: str
    n: int
    errors: int
    error_rate: float
    ci95: tuple[float, float]
    accuracy: float
    top2_accuracy: float | None
    classes: tuple[Any, ...]
    per_class: tuple[dict[str, Any], ...]
    macro: dict[str, float]
    weighted: dict[str, float]
    report_text: str
    confusion: NDArray[np.int64]
    mistakes: NDArray[np.int64]

    def summary(self) -> dict[str, Any]:
        """Name, errors, n, error_rate, ci95: what every row of a table needs."""
        return {
            "name": self.name,
            "errors": self.errors,
            "n": self.n,
            "error_rate": self.error_rate,
            "ci95": list(self.ci95),
        }

    def as_json(self) -> dict[str, Any]:
        """Fields of the evaluation in ``results.json``."""
        return {
            **self.summary(),
            "accuracy": self.accuracy,
            "top2_accuracy": self.top2_accuracy,
            "per_class": list(self.per_class),
            "macro": self.macro,
            "weighted": self.weighted,
            "classification_report": self.report_text,
            "confusion": self.confusion.tolist(),
        }


def evaluate(
    name: str,
    labels: ArrayLike,
    answers: ArrayLike,
    *,
    probabilities: NDArray | None = None,
    classes: ArrayLike | None = None,
) -> Evaluation:
    """Compare answers with labels.

    Parameters
    ----------
    name : str
    labels, answers : array of shape (n,)
    probabilities : ndarray of shape (n, n_classes), optional
        Columns in the order of `classes`.
    classes : array of shape (n_classes,), optional
        All labels, ascending. Default: those that occur.

    Returns
    -------
    evaluation : Evaluation

    Raises
    ------
    ValueError
        If the arrays are not of one length, or empty, or hold labels that are not in `classes`.
    """
    from sklearn.metrics import classification_report, confusion_matrix

    labels, answers = np.asarray(labels), np.asarray(answers)
    if len(labels) != len(answers) or not len(labels):
        raise ValueError(f"expected one answer a label, got {len(answers)} for {len(labels)} labels")
    occurring = np.union1d(labels, answers)
    classes = occurring if classes is None else np.asarray(classes)
    if not np.isin(occurring, classes).all():
        stranger = np.setdiff1d(occurring, classes)[0]
        raise ValueError(f"labels or answers hold {stranger}, which is none of the classes")
    report = {"labels": classes, "zero_division": 0}
    table = classification_report(labels, answers, output_dict=True, **report)
    errors, n = int((labels != answers).sum()), len(labels)
    return Evaluation(
        name=name,
        n=n,
        errors=errors,
        error_rate=errors / n,
        ci95=wilson_interval(errors, n),
        accuracy=(n - errors) / n,
        top2_accuracy=None if probabilities is None else _top2_accuracy(labels, probabilities, classes),
        classes=tuple(classes.tolist()),
        per_class=tuple(
            {"label": c, **_scores(table[str(c)]), "support": int(table[str(c)]["support"])}
            for c in classes.tolist()
        ),
        macro=_scores(table["macro avg"]),
        weighted=_scores(table["weighted avg"]),
        report_text=classification_report(labels, answers, digits=4, **report),
        confusion=confusion_matrix(labels, answers, labels=classes).astype(np.int64),
        mistakes=np.flatnonzero(labels != answers),
    )


def _top2_accuracy(labels: NDArray, probabilities: NDArray, classes: NDArray) -> float:
    """Share of labels that have a share of the vote which at most one class exceeds; ties for second count."""
    own = probabilities[np.arange(len(labels)), np.searchsorted(classes, labels)]
    exceeding = (probabilities > own[:, None]).sum(axis=1)
    return float(((own > 0) & (exceeding <= 1)).mean())


def _scores(row: dict[str, float]) -> dict[str, float]:
    return {"precision": row["precision"], "recall": row["recall"], "f1": row["f1-score"]}


def wilson_interval(errors: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (E. B. Wilson, JASA 22, 1927)."""
    from scipy.stats import binomtest

    interval = binomtest(errors, n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class McNemar:
    """Exact McNemar test of two classifiers on the same images.

    Attributes
    ----------
    only_first_wrong, only_second_wrong : int
        Images that just one of them got wrong; the others say nothing about which is better.
    p_value : float
        Two-sided: how likely a split at least this uneven is if both are equally good.
    """

    only_first_wrong: int
    only_second_wrong: int
    p_value: float


def mcnemar(labels: ArrayLike, first: ArrayLike, second: ArrayLike) -> McNemar:
    """Test whether two classifiers differ in error rate (Q. McNemar, Psychometrika 12, 1947; exact form)."""
    from scipy.stats import binomtest

    labels, first, second = np.asarray(labels), np.asarray(first), np.asarray(second)
    only_first = int(((first != labels) & (second == labels)).sum())
    only_second = int(((first == labels) & (second != labels)).sum())
    discordant = only_first + only_second
    p = binomtest(only_first, discordant, 0.5).pvalue if discordant else 1.0
    return McNemar(only_first, only_second, float(p))


def errors_without(labels: ArrayLike, answers: ArrayLike, left_out: Collection[int]) -> dict[str, Any]:
    """Count errors with some images left out, as where the labels themselves are in dispute."""
    labels, answers = np.asarray(labels), np.asarray(answers)
    kept = np.ones(len(labels), bool)
    kept[list(left_out)] = False
    errors, n = int((labels != answers)[kept].sum()), int(kept.sum())
    return {"errors": errors, "n": n, "error_rate": errors / n, "ci95": list(wilson_interval(errors, n))}
