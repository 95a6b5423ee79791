#!/usr/bin/env python3
"""Error rates of presets on MNIST's training images, by five folds of whole writers balanced by series.

Every setting of a preset is chosen by this figure. Test images are read only with --test, which is to be logged
in docs/decisions/test-readings.md.
"""

import gzip
import os
import time
from pathlib import Path

import click
import numpy as np

from knn_digits import DigitDataset, KNNDigitClassifier, load_dataset
from knn_digits.classifier import PRESETS
from knn_digits.datasets import read_groups
from knn_digits.datasets.disputed import disputed_test_positions
from knn_digits.evaluation import errors_without, mcnemar, wilson_interval
from knn_digits.folds import make_folds

N_FOLDS = 5


def read_series(path: Path) -> np.ndarray:
    """Read the NIST series of every training image, int64 of shape (n,), from QMNIST's second column."""
    with gzip.open(path, "rt") as lines:
        return np.array([int(line.split("\t")[1]) for line in lines])


def with_settings(preset: str, settings: tuple[str, ...], n_jobs: int) -> KNNDigitClassifier:
    """Make a preset's classifier with settings such as ``embedding__sigma=0.9`` or ``n_neighbors=30``."""
    named = PRESETS[preset]
    model = KNNDigitClassifier(
        preset, embedding=named.embedding, rerank=named.rerank, calibration_folds=None, n_jobs=n_jobs
    )
    for name, value in (setting.split("=", 1) for setting in settings):
        model.set_params(**{name: float(value) if "." in value else int(value)})
    return model


def report(name: str, wrong: int, n: int) -> None:
    """Print an error rate with its 95 % interval."""
    low, high = wilson_interval(wrong, n)
    click.echo(f"{name}: {wrong} of {n:,} wrong, {wrong / n:.3%} (95 %: {low:.3%} to {high:.3%})")


def without_disputed(data: DigitDataset, answers: np.ndarray) -> tuple[int, int]:
    """Count errors, and images, without the test labels that human raters dispute."""
    found = errors_without(data.test_labels, answers, disputed_test_positions(data))
    return found["errors"], found["n"]


def by_folds(model: KNNDigitClassifier, images: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Answer every image by what was learned from the other folds."""
    answers = np.empty_like(labels)
    for fold in range(N_FOLDS):
        held_out = folds == fold
        model.fit(images[~held_out], labels[~held_out])
        answers[held_out] = model.predict(images[held_out])
        wrong = np.count_nonzero(answers[held_out] != labels[held_out])
        click.echo(f"  fold {fold}: {wrong} of {held_out.sum():,} wrong", err=True)
    return answers


@click.command()
@click.argument("presets", nargs=-1, type=click.Choice(list(PRESETS)))
@click.option("--set", "settings", multiple=True, metavar="NAME=NUMBER", help="Such as embedding__sigma=0.9.")
@click.option("--test", is_flag=True, help="Read the test error instead: log it.")
@click.option("--n-jobs", default=-1, show_default=True)
def main(presets: tuple[str, ...], settings: tuple[str, ...], test: bool, n_jobs: int) -> None:
    """Measure PRESETS, by default fast, accurate and best, and compare each with the first by McNemar's test."""
    data = load_dataset("mnist")
    images, labels = data.train_images, data.train_labels
    qmnist = Path(os.environ["KNN_DIGITS_QMNIST_DIR"]) / "qmnist-train-labels.tsv.gz"
    writers = read_groups(qmnist, len(images))
    folds = make_folds(labels.astype(np.int64) * 10 + read_series(qmnist), n_folds=N_FOLDS, groups=writers)
    first = None
    for preset in presets or ("fast", "accurate", "best"):
        start = time.perf_counter()
        model = with_settings(preset, settings, n_jobs)
        if test:
            truth, answers = data.test_labels, model.fit(images, labels).predict(data.test_images)
        else:
            truth, answers = labels, by_folds(model, images, labels, folds)
        report(f"{preset} ({time.perf_counter() - start:.0f} s)", int((answers != truth).sum()), len(truth))
        if first is None:
            first = answers
        else:
            click.echo(f"  against the first: {mcnemar(truth, first, answers)}")
        if test:
            report("  without disputed labels", *without_disputed(data, answers))


if __name__ == "__main__":
    main()
