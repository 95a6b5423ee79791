"""``knn-digits report``: draw a report again from its results, without computing."""

from __future__ import annotations

from pathlib import Path

import click

from knn_digits.cli.terminal import progress_on_stderr

__all__ = ["report"]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
def report(folder: Path) -> None:
    """Draw the report in DIR again from its results.json and results.npz."""
    from knn_digits.report import draw_report

    with progress_on_stderr() as progress:
        page = draw_report(folder, progress=progress)
    click.echo(f"Report: {page.absolute()}")
