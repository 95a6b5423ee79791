"""What the commands that read pictures share: their options, the model, and the reader."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from knn_digits.cli.options import check_n_jobs, load, n_jobs
from knn_digits.cli.terminal import progress_on_stderr

if TYPE_CHECKING:
    from knn_digits.classifier import KNNDigitClassifier
    from knn_digits.reader import DigitReader

__all__ = ["open_reader", "percent", "reading_options", "standard_input"]

_OPTIONS = (
    click.option(
        "--model",
        "model_folder",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="A model of `knn-digits fit`. Default: one fitted on MNIST, made on first use and kept.",
    ),
    click.option(
        "--max-error",
        type=click.FloatRange(0, 1, max_open=True),
        metavar="SHARE",
        help="Mark so many digits as doubtful that of the others at most this share is wrong, such as 0.001. "
        "Default: the least sure 1 %.",
    ),
    click.option(
        "--expect",
        type=click.IntRange(1),
        metavar="N",
        help="How many digits every line has, where that is known.",
    ),
    n_jobs,
    click.option("--data-dir", metavar="DIR", help="Where MNIST is, for the first use. Also KNN_DIGITS_DATA_DIR."),
    click.option("--offline", is_flag=True, help="Never touch the network."),
)


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --model, --max-error, --expect, --n-jobs, --data-dir and --offline to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def open_reader(
    model_folder: Path | None,
    max_error: float | None,
    expect: int | None,
    n_jobs: int,
    data_dir: str | None,
    offline: bool,
) -> DigitReader:
    """Make the reader that the options ask for."""
    from knn_digits.reader import DigitReader

    check_n_jobs(n_jobs)
    model = _model(model_folder, data_dir, offline, n_jobs)
    try:
        return DigitReader(model, max_error=max_error, expect=expect, n_jobs=n_jobs)
    except ValueError as error:
        # The model's size or how sure it can be: only it tells what may be asked of it.
        raise click.UsageError(f"{error}.") from error


def standard_input() -> BinaryIO:
    """Give what comes on stdin; nothing where it was closed before we began.

    By a reader of its own: were a thread inside that of `sys.stdin` when the process ends, Python would abort.
    """
    if sys.stdin is None:
        return io.BytesIO()
    try:
        return io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False))
    except OSError:  # a program has put something else there
        return sys.stdin.buffer


def percent(probability: float) -> str:
    """Write how sure a reading is, without saying that anything is certain."""
    return ">99.99%" if probability > 0.9999 else f"{probability:.2%}"


def _model(folder: Path | None, data_dir: str | None, offline: bool, n_jobs: int) -> KNNDigitClassifier:
    """Load the model named, else the default one, which the first use makes."""
    if folder is not None:
        from knn_digits.model_files import load_model

        return load_model(folder, n_jobs=n_jobs)
    from knn_digits.default_model import build_default_model, saved_default_model, without_default_model
    from knn_digits.errors import DataNotFoundError

    model = saved_default_model(n_jobs=n_jobs)
    if model is not None:
        return model
    with progress_on_stderr() as progress:
        try:
            data = load("mnist", data_dir, offline, progress)
        except DataNotFoundError as error:
            raise without_default_model(error) from error
        return build_default_model(data, n_jobs=n_jobs, progress=progress)
