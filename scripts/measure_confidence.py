#!/usr/bin/env python3
"""What the answers of presets are worth on MNIST's test images; every threshold is from training images.

It reads the test labels: each use is to be logged in docs/decisions/test-readings.md.
"""

import os
import statistics
import time
from pathlib import Path
from typing import Any

import click

from knn_digits import KNNDigitClassifier, load_dataset
from knn_digits.answering import answer_by_preset
from knn_digits.assurance import measure_assurance
from knn_digits.classifier import PRESETS
from knn_digits.datasets import read_groups
from knn_digits.experiment_data import ExperimentData
from knn_digits.progress import SilentProgress

ROUNDS = 5


def tell_calibration(found: dict[str, Any]) -> None:
    """Print how far probabilities can be believed."""
    least, out_of_fold = found["least_sure"], found["out_of_fold"]
    click.echo(
        f"  calibration: ECE {found['ece']:.4f} (vote shares {found['ece_raw']:.4f}), "
        f"log loss {found['log_loss']:.4f} (vote shares {found['log_loss_raw']:.4f}); "
        f"{least['n']} least sure: confidence {least['confidence']:.3f}, accuracy {least['accuracy']:.3f}; "
        f"out of fold: ECE {out_of_fold['ece']:.4f}, log loss {out_of_fold['log_loss']:.4f}"
    )


def tell_rejection(found: dict[str, Any]) -> None:
    """Print what is left wrong where the least sure answers are withheld."""
    for kind, rows in (("by training threshold", found["rows"]), ("of the test images", found["at_share"])):
        for row in rows:
            low, high = row["ci95"]
            click.echo(
                f"  {row['reject']:.1%} withheld {kind}: {row['rejected']} withheld, {row['errors']} of "
                f"{row['answered']:,} wrong, {row['error_rate']:.3%} ({low:.3%} to {high:.3%}), "
                f"{row['errors_undisputed']} without disputed labels"
            )


def tell_credibility(found: dict[str, Any]) -> None:
    """Print how many of each kind of pictures that are no digits are called foreign."""
    click.echo(f"  test digits called foreign at {found['level']:.0%}: {found['digits_called_foreign']:.2%}")
    for kind in found["kinds"]:
        low, high = kind["ci95"]
        required = "" if kind["required"] is None else f", required {kind['required']:.0%}"
        which = "held out" if kind["held_out"] else "tuning"
        click.echo(
            f"    {kind['name']} ({which}{required}): {kind['called_foreign']:.1%} ({low:.1%} to {high:.1%})"
        )


def tell_sets(found: list[dict[str, Any]]) -> None:
    """Print how often the true label is in its prediction set."""
    for row in found:
        splits = row["splits"]
        click.echo(
            f"  sets of {row['nominal']:.1%}: 200 splits {splits['coverage']:.4%} "
            f"+- {splits['standard_error']:.4%}, with the answer {splits['coverage_with_answer']:.4%}; "
            f"test {row['coverage']:.2%}, mean size {row['mean_size']:.3f}, sizes {row['sizes']}"
        )


def median_seconds(function: Any, *arguments: Any) -> float:
    """Time one call, several times."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def tell_costs(model: KNNDigitClassifier, data: ExperimentData, n_jobs: int) -> None:
    """Print what calibration, credibility and an explanation cost."""
    start = time.perf_counter()
    plain = KNNDigitClassifier(model.preset, calibration_folds=None, n_jobs=n_jobs)
    plain.fit(data.train.rows, data.train.labels)
    without = time.perf_counter() - start
    rows, ratios = data.test.rows[:4000], []
    for _ in range(ROUNDS):  # in turns, so that a busy moment is not one's alone
        start = time.perf_counter()
        plain.predict_proba(rows)
        between = time.perf_counter()
        model.answer(rows)
        ratios.append((time.perf_counter() - between) / (between - start))
    for i in range(20):
        model.explain(rows[i])
    times = [median_seconds(model.explain, rows[i]) for i in range(20, 60)]
    click.echo(
        f"  costs: fit without folds {without:.1f} s; answer() over predict_proba {statistics.median(ratios):.3f} "
        f"({min(ratios):.3f} to {max(ratios):.3f}); explain {1000 * statistics.median(times):.1f} ms, slowest "
        f"{1000 * max(times):.1f} ms"
    )


@click.command()
@click.argument("presets", nargs=-1, type=click.Choice(list(PRESETS)))
@click.option("--n-jobs", default=-1, show_default=True)
def main(presets: tuple[str, ...], n_jobs: int) -> None:
    """Measure PRESETS, by default all."""
    dataset = load_dataset("mnist")
    labels = Path(os.environ["KNN_DIGITS_QMNIST_DIR"]) / "qmnist-train-labels.tsv.gz"
    data = ExperimentData.choose(dataset, read_groups(labels, len(dataset.train_images)), quick=False, seed=0)
    for preset in presets or tuple(PRESETS):
        evaluated = answer_by_preset(data, preset, n_jobs, SilentProgress())
        found, _ = measure_assurance(data, evaluated, None, SilentProgress())
        assert found is not None
        wrong = int((evaluated.answers != data.test.labels).sum())
        click.echo(f"{preset}: fit {evaluated.fit_seconds:.1f} s, {wrong} test errors")
        tell_calibration(found["calibration"])
        tell_rejection(found["rejection"])
        tell_credibility(found["credibility"])
        tell_sets(found["prediction_sets"])
        tell_costs(evaluated.model, data, n_jobs)


if __name__ == "__main__":
    main()
