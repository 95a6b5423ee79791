"""The benchmark: every method in turn, round after round, so that a slow moment of the machine hits all alike.

Every method has a process of its own, which waits while others are measured. A round asks each for one
prediction of all queries, and for some queries one by one. A method that crashes, hangs or uses up its budget is
a row that says so, and the others go on. After Ctrl-C the rows that have at least one measured prediction are
kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from knn_digits.benchmark.measures import percentile, ratios, summary
from knn_digits.benchmark.methods import REFERENCE, Method
from knn_digits.benchmark.process import MethodFailedError, Process
from knn_digits.evaluation import wilson_interval
from knn_digits.progress import Progress, SilentProgress

__all__ = ["Plan", "measure"]

_LONG_FIT = 10.0  # seconds; a fit that takes longer is measured once


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes
    ----------
    rounds : int
        Predictions of all queries, and fits where they are short, of each method.
    n_single : int
        Queries answered alone.
    budget : float
        Seconds of one method, all that it does together.
    """

    rounds: int = 3
    n_single: int = 1000
    budget: float = 330.0


@dataclass
class _Row:
    """What is known of one method so far."""

    method: Method
    process: Process | None = None
    used: float = 0.0
    failure: str | None = None
    warm: dict[str, Any] = field(default_factory=dict)
    fits: list[float] = field(default_factory=list)
    predictions: list[float] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)
    singles: list[float] = field(default_factory=list)
    peak_mb: float | None = None  # before the model was saved, which takes memory of its own
    finish: dict[str, Any] = field(default_factory=dict)


def measure(
    methods: list[Method],
    start: Callable[[Method], Process],
    plan: Plan,
    *,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[list[dict[str, Any]], bool]:
    """Measure methods side by side.

    Parameters
    ----------
    methods : list of Method
    start : callable
        Starts the process of a method.
    plan : Plan
    progress : Progress, optional
    clock : callable
        Seconds, for budgets alone; workers have their own.

    Returns
    -------
    rows : list of dict
        One a method, fields of ``bench.json``'s ``results``.
    interrupted : bool
        Whether Ctrl-C ended it; rows without a measured prediction are then left out.
    """
    told = progress or SilentProgress()
    rows = [_Row(method) for method in methods]
    interrupted = False
    try:
        for row in rows:
            _begin(row, start)
        _go_round(rows, plan, told, clock)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        for row in rows:
            if row.process is not None:
                row.process.stop()
    kept = [row for row in rows if not interrupted or row.predictions or row.failure]
    if interrupted:
        for row in kept:
            row.failure = row.failure or f"interrupted after {len(row.predictions)} of {plan.rounds} rounds"
    reference = next((row for row in rows if row.method.name == REFERENCE), _Row(methods[0]))
    return [_as_result(row, reference) for row in kept], interrupted


def _begin(row: _Row, start: Callable[[Method], Process]) -> None:
    if _installed_version(row.method.requires) is None:
        row.failure = f"not installed: pip install '{row.method.requires}'"
        return
    try:
        row.process = start(row.method)
    except OSError as error:
        row.failure = f"could not be started: {error}"


def _go_round(rows: list[_Row], plan: Plan, told: Progress, clock: Callable[[], float]) -> None:
    def ask(row: _Row, do: str, **options: Any) -> dict[str, Any]:
        """Ask one method for one thing, within what is left of its budget; {} once it has failed."""
        if row.failure is not None or row.process is None:
            return {}
        begin = clock()
        try:
            answer = row.process.ask({"do": do, **options}, plan.budget - row.used)
            if do != "finish":
                row.peak_mb = answer.get("peak_rss_mb")
            return answer
        except MethodFailedError as error:
            row.failure = str(error)
            return {}
        finally:
            row.used += clock() - begin

    with told.step("Warm up and fit", len(rows)) as advance:
        for row in rows:
            row.warm = ask(row, "warm")
            row.fits += _seconds(ask(row, "fit"))
            advance(1)
    for number in range(plan.rounds):
        with told.step(f"Round {number + 1} of {plan.rounds}", len(rows)) as advance:
            for row in rows:
                if number and row.fits and row.fits[0] < _LONG_FIT:
                    row.fits += _seconds(ask(row, "fit"))
                answer = ask(row, "predict")
                row.predictions += _seconds(answer)
                row.answer = answer or row.answer
                row.singles += ask(row, "single", n=-(-plan.n_single // plan.rounds)).get("milliseconds", [])
                advance(1)
    with told.step("Size, recall", len(rows)) as advance:
        for row in rows:
            row.finish = ask(row, "finish")
            advance(1)


def _seconds(answer: dict[str, Any]) -> list[float]:
    return [answer["seconds"]] if answer else []


def _installed_version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _as_result(row: _Row, reference: _Row) -> dict[str, Any]:
    """Fields of a row of ``bench.json``; None where it was not measured."""
    fit = summary(row.fits) if row.fits else None
    predict = summary(row.predictions) if row.predictions else None
    relative = ratios(row.predictions, reference.predictions)
    ratio = summary(relative) if relative else None
    errors, n = row.answer.get("errors"), row.answer.get("n")
    alone = percentile(row.singles, 50) if row.singles else None
    return {
        "method": row.method.name,
        "preset": row.method.preset,
        "version": _installed_version(row.method.requires),
        "licence": row.method.licence,
        "n_train": row.warm.get("n_train"),
        "warm_up_s": row.warm.get("seconds"),
        "fit_s": fit and fit["median"],
        "fit_spread": fit and [fit["low"], fit["high"]],
        "predict_s": predict and predict["median"],
        "predict_spread": predict and [predict["low"], predict["high"]],
        "rounds": len(row.predictions),
        "ratio_to_sklearn": ratio and ratio["median"],
        "ratio_spread": ratio and [ratio["low"], ratio["high"]],
        "single_ms_p50": alone,
        "single_ms_p99": percentile(row.singles, 99) if row.singles else None,
        "single_ratio": alone / percentile(reference.singles, 50) if alone and reference.singles else None,
        "errors": errors,
        "n_test": n,
        "error_rate": errors / n if n else None,
        "ci95": list(wilson_interval(row.answer["errors"], n)) if n else None,
        "recall_at_10": row.finish.get("recall_at_10"),
        "peak_rss_mb": row.peak_mb if row.predictions else None,
        "model_mb": row.finish.get("model_mb"),
        "left_out": row.failure,
    }
