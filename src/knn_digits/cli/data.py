"""``knn-digits data``: fetch MNIST, show where it is, verify it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from knn_digits.cli.options import as_json
from knn_digits.cli.terminal import print_table, progress_on_stderr

if TYPE_CHECKING:
    from knn_digits.datasets import FileStatus

__all__ = ["data"]

_data_dir = click.option(
    "--data-dir", metavar="DIR", help="Where to look. Also KNN_DIGITS_DATA_DIR; else the cache."
)


@click.group(invoke_without_command=True)
@click.pass_context
def data(context: click.Context) -> None:
    """Fetch MNIST, show where it is, verify it. Alone: show."""
    if context.invoked_subcommand is None:
        context.invoke(show)


@data.command()
@_data_dir
@as_json
def show(data_dir: str | None = None, as_json: bool = False) -> None:
    """Show which files of MNIST are where, and whether they are whole."""
    _print(_status(data_dir), as_json)


@data.command()
@_data_dir
@as_json
def verify(data_dir: str | None, as_json: bool) -> None:
    """Check the sha256 of MNIST's files; exit code 1 if one is missing or damaged."""
    from knn_digits.errors import DataError

    files = _status(data_dir)
    _print(files, as_json)
    wrong = [file for file in files if file.state != "ok"]
    if wrong:
        raise DataError(f"{wrong[0].file} is {wrong[0].state}: {wrong[0].detail}")


@data.command()
@as_json
def fetch(as_json: bool) -> None:
    """Fetch MNIST into the cache, unless it is there whole."""
    from knn_digits.datasets import fetch_mnist

    with progress_on_stderr() as progress, progress.download("Fetch MNIST") as told:
        folder = fetch_mnist(told)
    click.echo(json.dumps({"folder": str(folder)}) if as_json else f"MNIST is in {folder}")


def _status(data_dir: str | None) -> list[FileStatus]:
    from knn_digits.datasets import mnist_status

    return mnist_status(data_dir)


def _print(files: list[FileStatus], as_json: bool) -> None:
    from knn_digits.datasets import cache_folder

    if as_json:
        listed = [{**vars(f), "path": None if f.path is None else str(f.path)} for f in files]
        click.echo(json.dumps({"cache": str(cache_folder()), "files": listed}))
        return
    rows = [(f.file, f.state, f.detail, "" if f.path is None else str(f.path)) for f in files]
    print_table("MNIST", [("file", "left"), ("state", "left"), ("", "left"), ("where", "left")], rows)
    click.echo(f"Cache: {cache_folder()}")
