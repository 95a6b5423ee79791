#!/usr/bin/env python3
"""How well made pictures are read, kind by kind: whole pictures, lines and digits, with 95 % intervals.

While the reader is developed, pictures are made of training digits of one fold of whole writers, and read by a
model of the other folds. With --test they are made of the test digits: each use is to be logged in
docs/decisions/test-readings.md.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from knn_digits import KNNDigitClassifier, load_dataset, load_model
from knn_digits.cli.terminal import progress_on_stderr
from knn_digits.cut_digits import N_PICTURES, learn_cut_digits
from knn_digits.datasets import read_groups
from knn_digits.default_model import default_model
from knn_digits.drawing.boxes import draw_boxes
from knn_digits.folds import make_folds
from knn_digits.images.reading import read_picture
from knn_digits.made_pictures import KINDS, MadePicture, gallery, make_pictures
from knn_digits.predicting import Predicted
from knn_digits.progress import Advance, Progress
from knn_digits.reader import DigitReader
from knn_digits.reading_evaluation import evaluate_readings
from knn_digits.reading_measures import right_digits

HELD_OUT_FOLD, N_FOLDS = 0, 5
CHUNK = 100  # pictures in memory
DEVELOPMENT_SEED = 1  # what is learned from made pictures is learned from those of seed 0
GOALS = {"clean": (94, 97), "photographed": (90, 94), "ruled": (90, 94), "boxed": (90, 95), "touching": (75, 85)}
COLUMNS = (
    "kind",
    "pictures right",
    "lines right",
    "lines to reach (goal)",
    "digits wrong",
    "read as another, invented, missed",
    "digits marked",
    "wrong among those not marked",
    "ms a picture",
)


@dataclass(frozen=True, eq=False)
class Digits:
    """Digits to write pictures with.

    Attributes
    ----------
    images : uint8 ndarray of shape (n, 28, 28)
    labels : ndarray of shape (n,)
    """

    images: NDArray[np.uint8]
    labels: NDArray[Any]

    def pictures(self, kind: str, n: int, seed: int) -> Iterator[MadePicture]:
        """Make pictures with them."""
        return make_pictures(kind, self.images, self.labels, n, seed)


def held_out_digits(path: Path | None, n_jobs: int, progress: Progress) -> tuple[Digits, KNNDigitClassifier]:
    """Training digits of one fold of whole writers, and a model of the others: saved, or fitted here."""
    data = load_dataset("mnist")
    images, labels = data.train_images, data.train_labels
    writers = read_groups(Path(os.environ["KNN_DIGITS_QMNIST_DIR"]) / "qmnist-train-labels.tsv.gz", len(images))
    held_out = make_folds(labels, n_folds=N_FOLDS, groups=writers, seed=0) == HELD_OUT_FOLD
    digits = Digits(images[held_out], labels[held_out])
    if path is not None:
        return digits, checked_model(load_model(path, n_jobs=n_jobs), digits, int((~held_out).sum()))
    model = KNNDigitClassifier("accurate", n_jobs=n_jobs)
    with progress.step("Learn the digits of the other writers"):
        model.fit(images[~held_out], labels[~held_out], groups=writers[~held_out])
    with progress.step("Learn digits cut out of lines", N_PICTURES) as advance:
        learn_cut_digits(model, images[~held_out], labels[~held_out], n_jobs=n_jobs, advance=advance)
    return digits, model


def checked_model(model: KNNDigitClassifier, digits: Digits, n_others: int) -> KNNDigitClassifier:
    """Refuse a model that knows the digits it is to read, or no digits cut out of lines."""
    known = {image.tobytes() for image in model.images_[np.arange(len(model.label_codes_))]}
    n_known = sum(image.tobytes() in known for image in digits.images)
    if n_known > len(digits.images) // 100:  # some writers' digits are alike to the pixel
        raise click.ClickException(
            f"expected a model of the other folds, got one that knows {n_known:,} digits of the one held out"
        )
    if len(model.label_codes_) <= n_others:
        raise click.ClickException("expected a model that learned cut digits, too (knn_digits.cut_digits)")
    return model


def test_digits(path: Path | None, n_jobs: int, progress: Progress) -> tuple[Digits, KNNDigitClassifier]:
    """Test digits, and a model of all training digits: saved, or the default one."""
    click.echo("This reads test labels: log it in docs/decisions/test-readings.md.", err=True)
    data = load_dataset("mnist")
    model = default_model(n_jobs=n_jobs, progress=progress) if path is None else load_model(path, n_jobs=n_jobs)
    return Digits(data.test_images, data.test_labels), model


def measure_kind(reader: DigitReader, pictures: Iterator[MadePicture], advance: Advance) -> dict[str, Any]:
    """Read pictures of one kind; as `evaluate_readings` tells it, with the seconds reading took."""
    labels: dict[str, str] = {}
    seconds = 0.0

    def predicted() -> Iterator[Predicted]:
        nonlocal seconds
        for chunk in in_chunks(pictures):
            start = time.perf_counter()
            readings = list(reader.read_all(picture.pixels for picture in chunk))
            seconds += time.perf_counter() - start
            for picture, reading in zip(chunk, readings, strict=True):
                labels[name := str(len(labels))] = picture.text
                yield Predicted(name, reading=reading)

    found = evaluate_readings(predicted(), Path(), labels, advance)
    return {**found, "seconds": seconds}


def in_chunks(pictures: Iterator[MadePicture]) -> Iterator[list[MadePicture]]:
    """Pictures, so many at a time."""
    chunk: list[MadePicture] = []
    for picture in pictures:
        chunk.append(picture)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def row_of(kind: str, found: dict[str, Any]) -> tuple[str, ...]:
    """Write what was found as a row of the table."""
    digits, doubtful = found["digits"], found["doubtful"]
    return (
        kind,
        told(found["pictures"]),
        told(found["lines"]),
        "{} ({})".format(*GOALS[kind]) if kind in GOALS else "",
        told(digits, places=2),
        f"{digits['substitutions']}, {digits['insertions']}, {digits['deletions']}",
        told(doubtful["digits"]),
        told(doubtful["digits_not_marked"], places=2),
        f"{1000 * found['seconds'] / found['pictures']['n']:.0f}",
    )


def told(share: dict[str, Any], places: int = 1) -> str:
    """Write a share of n in percent, with its interval."""
    if share["rate"] is None:
        return "none"
    percent = [f"{100 * value:.{places}f}" for value in (share["rate"], *share["ci95"])]
    return f"{percent[0]} % ({percent[1]} to {percent[2]}) of {share['n']:,}"


def print_row(cells: tuple[str, ...]) -> None:
    """Print a row of a Markdown table."""
    click.echo("| " + " | ".join(cells) + " |")


def write_gallery(reader: DigitReader, digits: Digits, seed: int, folder: Path) -> None:
    """Write one file of every sort as it is and with boxes drawn on, and print what it says and what was read."""
    folder.mkdir(parents=True, exist_ok=True)
    print_row(("file", "says", "read", "digits right", "marked"))
    print_row(("---",) * 5)
    for file in gallery(digits.images, digits.labels, seed):
        (folder / file.name).write_bytes(file.data)
        picture = read_picture(file.data, file.name)
        reading = reader.read(picture)
        (folder / f"{file.name}.boxes.png").write_bytes(draw_boxes(picture, reading))
        true = "\n".join(file.lines)
        right, marked = right_digits(reading.text, true), [digit.doubtful for digit in reading.digits]
        says, read = (text.replace("\n", " / ") or "nothing" for text in (true, reading.text))
        told_right = "all" if reading.text == true else f"{sum(right)} of {sum(map(len, file.lines))}"
        print_row((file.name, says, read, told_right, str(sum(marked))))


@click.command()
@click.argument("kinds", nargs=-1, type=click.Choice(list(KINDS)))
@click.option("--n", default=500, show_default=True, help="Pictures of each kind.")
@click.option("--seed", default=DEVELOPMENT_SEED, show_default=True, help="Of the pictures.")
@click.option("--held-out/--test", "held_out", default=True, help="Of which digits; --test is to be logged.")
@click.option(
    "--model",
    "model_path",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Saved model: of the other folds and their cut digits, or with --test of all training digits.",
)
@click.option("--gallery", "folder", type=click.Path(path_type=Path), help="Write the gallery there instead.")
@click.option("--n-jobs", default=-1, show_default=True)
def main(
    kinds: tuple[str, ...],
    n: int,
    seed: int,
    held_out: bool,
    model_path: Path | None,
    folder: Path | None,
    n_jobs: int,
) -> None:
    """Measure the reading of pictures of KINDS, by default all."""
    with progress_on_stderr() as progress:
        digits, model = (held_out_digits if held_out else test_digits)(model_path, n_jobs, progress)
        reader = DigitReader(model, n_jobs=n_jobs)
        if folder is not None:
            write_gallery(reader, digits, seed, folder)
            return
        print_row(COLUMNS)
        print_row(("---",) * len(COLUMNS))
        reader.read(next(digits.pictures("clean", 1, seed)).pixels)  # kernels are compiled before it counts
        for kind in kinds or KINDS:
            with progress.step(f"Read: {kind}", n) as advance:
                print_row(row_of(kind, measure_kind(reader, digits.pictures(kind, n, seed), advance)))


if __name__ == "__main__":
    main()
