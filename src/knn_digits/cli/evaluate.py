"""``knn-digits evaluate``: how well the user's own pictures are read."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import click

from knn_digits.cli.options import as_json
from knn_digits.cli.reading import open_reader, reading_options
from knn_digits.cli.terminal import Justification, print_table, progress_on_stderr

__all__ = ["evaluate"]

_SOME_FAILED = 3
_COLUMNS: tuple[tuple[str, Justification], ...] = (
    ("", "left"),
    ("", "right"),
    ("of", "right"),
    ("rate", "right"),
    ("95 % interval", "right"),
)
_MOST_LISTED = 50


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="FOLDER")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="What is written in the pictures: lines of a name, a tab or comma, and the text; | between lines.",
)
@reading_options
@as_json
def evaluate(
    folder: Path,
    labels: Path,
    model_folder: Path | None,
    max_error: float | None,
    expect: int | None,
    n_jobs: int,
    data_dir: str | None,
    offline: bool,
    as_json: bool,
) -> int:
    """Read all pictures in FOLDER and compare with what is written in them.

    Counts pictures and lines read without an error, and digits read as others, invented or left out, with 95 %
    intervals; then lists what was read wrong. Exit code 3 if a picture could not be read or is not there.
    """
    from knn_digits.json_files import writable
    from knn_digits.picture_sources import pictures_in
    from knn_digits.predicting import read_sources
    from knn_digits.reading_evaluation import evaluate_readings
    from knn_digits.reading_labels import check_texts, read_labels

    if not folder.is_dir():
        raise click.BadParameter(f"expected a folder of pictures, got {folder}.", param_hint="'FOLDER'")
    texts = read_labels(labels)
    reader = open_reader(model_folder, max_error, expect, n_jobs, data_dir, offline)
    check_texts(texts, reader.model.classes_.tolist())
    with progress_on_stderr() as progress, progress.step("Read pictures", len(texts)) as advance:
        predicted = read_sources(pictures_in([str(folder)], io.BytesIO()), reader, n_jobs=n_jobs)
        told = writable(evaluate_readings(predicted, folder, texts, advance))
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        _print(told, folder)
    return _SOME_FAILED if told["failed"] or told["missing"] else 0


def _print(told: dict[str, Any], folder: Path) -> None:
    from knn_digits.drawing.wording import label_text

    digits, doubtful = told["digits"], told["doubtful"]
    kinds = (("read as others", "substitutions"), ("invented", "insertions"), ("left out", "deletions"))
    rows = [
        _row("pictures without an error", told["pictures"], "right"),
        _row("lines without an error", told["lines"], "right"),
        _row("digits wrong", digits, "errors"),
        *(["  " + words, f"{digits[kind]:,}", "", "", ""] for words, kind in kinds),
        _row("digits marked as doubtful", doubtful["digits"], "marked"),
        _row("digits wrong that are not marked", doubtful["digits_not_marked"], "errors"),
    ]
    print_table(f"{told['pictures']['n']:,} labeled pictures in {folder}", _COLUMNS, rows)
    if told["wrong"]:
        shown = [[one["name"], _on_one_line(one["read"]), _on_one_line(one["true"])] for one in told["wrong"]]
        heads: list[tuple[str, Justification]] = [("picture", "left"), ("read", "left"), ("written", "left")]
        print_table("Read wrong", heads, shown[:_MOST_LISTED])
    _print_more(len(told["wrong"]))
    for failure in told["failed"]:
        click.echo(f"Not read, so not counted: {failure['error']}")
    for kind, words in (("missing", "No picture for the label"), ("unlabeled", "No label, so not counted")):
        for name in told[kind][:_MOST_LISTED]:
            click.echo(f"{words}: {label_text(name)}")
        _print_more(len(told[kind]))


def _print_more(n: int) -> None:
    if n > _MOST_LISTED:
        click.echo(f"and {n - _MOST_LISTED:,} more: --json lists all")


def _row(words: str, found: dict[str, Any], name: str) -> list[str]:
    if not found["n"]:
        return [words, "0", "0", "-", "-"]
    low, high = found["ci95"]
    return [words, f"{found[name]:,}", f"{found['n']:,}", f"{found['rate']:.2%}", f"{low:.2%} to {high:.2%}"]


def _on_one_line(text: str) -> str:
    return text.replace("\n", " | ") or "(nothing)"
