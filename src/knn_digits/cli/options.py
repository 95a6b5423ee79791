"""Options that several commands share, and what they mean to the library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from knn_digits.cli.terminal import TerminalProgress
from knn_digits.preset_names import DEFAULT_PRESET, SUMMARIES

if TYPE_CHECKING:
    from knn_digits.datasets import DigitDataset

__all__ = ["PresetCommand", "as_json", "check_preset", "data_options", "groups", "load", "n_jobs", "preset"]

_DATA_OPTIONS = (
    click.option(
        "--dataset",
        default="auto",
        show_default=True,
        metavar="D",
        help="mnist; digits (8x8, inside scikit-learn); a folder of IDX files or of one folder of pictures a "
        "class; or auto: mnist, else digits.",
    ),
    click.option(
        "--data-dir",
        metavar="DIR",
        help="Where the files of MNIST are. Also KNN_DIGITS_DATA_DIR.",
    ),
    click.option("--offline", is_flag=True, help="Never touch the network."),
)

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout instead of text.")
preset = click.option(
    "--preset", default=DEFAULT_PRESET, show_default=True, metavar="P", help="The recognizer, one of those below."
)
n_jobs = click.option(
    "--n-jobs", type=int, default=-1, show_default=True, metavar="N", help="Threads; -1 is all cores."
)


groups = click.option(
    "--groups",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Writer of each training image, one a line, or QMNIST's label file: folds of whole writers.",
)


class PresetCommand(click.Command):
    """A command whose help ends with what each preset is."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the presets."""
        with formatter.section("Presets"):
            formatter.write_dl(list(SUMMARIES.items()))
        super().format_epilog(ctx, formatter)


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --dataset, --data-dir and --offline to a command."""
    for option in reversed(_DATA_OPTIONS):
        command = option(command)
    return command


def check_preset(name: str) -> str:
    """Refuse an unknown preset as wrong use."""
    if name not in SUMMARIES:
        raise click.BadParameter(f"{name!r} is not one of {', '.join(SUMMARIES)}.", param_hint="'--preset'")
    return name


def check_n_jobs(count: int, option: str = "--n-jobs", *, smallest: int | None = None) -> int:
    """Refuse zero threads, or fewer than `smallest`, as wrong use."""
    if count == 0 or (smallest is not None and count < smallest):
        raise click.BadParameter(f"{count} threads cannot work.", param_hint=f"'{option}'")
    return count


def load(dataset: str, data_dir: str | None, offline: bool, progress: TerminalProgress) -> DigitDataset:
    """Load the data set that the options name, and tell of its notes."""
    from knn_digits.datasets import load_dataset
    from knn_digits.printable import printable

    with progress.download(f"Acquire: {printable(dataset)}") as told:
        loaded = load_dataset(dataset, data_dir=data_dir, download=not offline, progress=told)
    for note in loaded.notes:
        progress.note(note)
    return loaded
