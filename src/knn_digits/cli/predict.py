"""``knn-digits predict``: reads the digits in any pictures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knn_digits.cli.options import as_json
from knn_digits.cli.reading import open_reader, percent, reading_options, standard_input
from knn_digits.cli.terminal import progress_on_stderr

if TYPE_CHECKING:
    from knn_digits.predicting import Predicted
    from knn_digits.reader import DigitReader

__all__ = ["predict"]

_SOME_FAILED = 3
_Writer = Callable[["Predicted"], object]


@click.command()
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...")
@reading_options
@click.option(
    "--boxes",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for every picture with boxes and answers drawn on, as PNG.",
)
@click.option(
    "--explain",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for a page for every picture, that shows what each answer rests on.",
)
@as_json
def predict(
    pictures: tuple[str, ...],
    model_folder: Path | None,
    max_error: float | None,
    expect: int | None,
    n_jobs: int,
    data_dir: str | None,
    offline: bool,
    boxes: Path | None,
    explain: Path | None,
    as_json: bool,
) -> int:
    """Read the digits in pictures: files, folders, patterns, or - for a picture on stdin.

    Prints a line for every picture: its name, what was read, and how probable it is that all of that is right.
    Lines of a picture are parted by |. A digit in [brackets] is doubtful; one with a question mark, as in [7?],
    looks like no digit at all. Exit code 3 if some pictures could not be read.

    \b
    knn-digits predict meter.jpg
    knn-digits predict scans/ --json > scans.jsonl
    knn-digits predict form.png --boxes out --explain out
    """  # noqa: D301 - click keeps lines apart after this sign
    _refuse_folders_of_pictures(pictures, boxes, "--boxes")
    _refuse_folders_of_pictures(pictures, explain, "--explain")
    reader = open_reader(model_folder, max_error, expect, n_jobs, data_dir, offline)
    from knn_digits.picture_sources import pictures_in
    from knn_digits.predicting import read_sources

    writers = [_print_json if as_json else _print_line, *_writers(boxes, explain, reader)]
    n_failed = 0
    with _told(pictures) as advance:
        for predicted in read_sources(pictures_in(pictures, standard_input()), reader, n_jobs=n_jobs):
            for write in writers:
                write(predicted)
            n_failed += predicted.reading is None
            advance(1)
    return _SOME_FAILED if n_failed else 0


def _refuse_folders_of_pictures(pictures: tuple[str, ...], folder: Path | None, option: str) -> None:
    """Results among the pictures would be read as pictures themselves, or take their place."""
    if folder is None:
        return
    from knn_digits.named_files import read_from

    if read_from(folder, pictures):
        raise click.BadParameter(
            "pictures are read from there: choose a folder of its own.", param_hint=f"'{option}'"
        )


def _writers(boxes: Path | None, explain: Path | None, reader: DigitReader) -> Iterator[_Writer]:
    """What is written beside the lines, for pictures that could be read."""
    if boxes is not None:
        from knn_digits.picture_results import boxes_writer

        yield boxes_writer(boxes)
    if explain is not None:
        from knn_digits.picture_results import explanations_writer

        yield explanations_writer(explain, reader.model)


def _print_json(predicted: Predicted) -> None:
    from knn_digits.predicting import as_json

    click.echo(json.dumps(as_json(predicted), ensure_ascii=False))


def _print_line(predicted: Predicted) -> None:
    from knn_digits.drawing.marks import marked_text
    from knn_digits.images.reading import one_line

    name, reading = one_line(predicted.path), predicted.reading
    if reading is None:
        click.echo(f"knn-digits: {predicted.error}", err=True)
    elif not reading.digits:
        click.echo(f"{name}: no digits")
    else:
        click.echo(f"{name}: {marked_text(reading)}  {percent(reading.confidence)}")


@contextmanager
def _told(pictures: tuple[str, ...]) -> Iterator[Callable[[int], object]]:
    """Show a bar where results do not show by themselves how far it is; rich takes a while to import."""
    if sys.stdout.isatty() or not sys.stderr.isatty():
        yield lambda done: None
        return
    from knn_digits.picture_sources import pictures_in

    n = None if "-" in pictures else sum(1 for _ in pictures_in(pictures, standard_input()))
    if n == 1:
        yield lambda done: None
        return
    with progress_on_stderr() as progress, progress.step("Read pictures", n) as advance:
        yield advance
