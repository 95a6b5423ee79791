"""``knn-digits run``: the whole experiment, ending in a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from knn_digits.cli.options import (
    PresetCommand,
    as_json,
    check_n_jobs,
    check_preset,
    data_options,
    groups,
    load,
    n_jobs,
    preset,
)
from knn_digits.cli.terminal import Justification, print_table, progress_on_stderr

__all__ = ["run"]


_COLUMNS: tuple[tuple[str, Justification], ...] = (
    ("method", "left"),
    ("errors", "right"),
    ("error rate", "right"),
    ("95 % interval", "right"),
    ("time", "right"),
)


@click.command(cls=PresetCommand)
@data_options
@preset
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("knn-digits-report"),
    show_default=True,
    metavar="DIR",
    help="Folder for report, results, figures and model; a former report there is replaced.",
)
@groups
@click.option("--quick", is_flag=True, help="An honest run on a fifth of the images, said so everywhere.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of all that is drawn.",
)
@click.option(
    "--max-error",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="SHARE",
    help="Share of the answers given that may be wrong, such as 0.001: tells which to withhold for it.",
)
@n_jobs
@as_json
def run(
    dataset: str,
    data_dir: str | None,
    offline: bool,
    preset: str,
    out: Path,
    groups: Path | None,
    quick: bool,
    seed: int,
    max_error: float | None,
    n_jobs: int,
    as_json: bool,
) -> None:
    """Run the whole experiment: explore, show, preprocess, baseline, tune, evaluate, report.

    Ends with a short table and the path of an HTML report that opens in any browser.
    """
    check_preset(preset)
    check_n_jobs(n_jobs)
    from knn_digits.datasets import read_groups
    from knn_digits.experiment import run_experiment
    from knn_digits.json_files import writable
    from knn_digits.model_files import ModelData, save_model
    from knn_digits.output_folder import new_folder, resolved
    from knn_digits.report import draw_report
    from knn_digits.results_files import REPORT_FOLDER, write_results

    out = resolved(out)
    with progress_on_stderr() as progress, new_folder(out, REPORT_FOLDER) as folder:
        data = load(dataset, data_dir, offline, progress)
        writers = None if groups is None else read_groups(groups, len(data.train_images))
        experiment = run_experiment(
            data,
            preset=preset,
            groups=writers,
            quick=quick,
            seed=seed,
            max_error=max_error,
            n_jobs=n_jobs,
            command=click.get_current_context().obj,
            progress=progress,
        )
        write_results(folder, experiment.results, experiment.arrays)
        save_model(experiment.model, folder / "model", data=ModelData.of(data))
        draw_report(folder, progress=progress)
    results = writable(experiment.results)
    if as_json:
        click.echo(json.dumps(results, ensure_ascii=False))
    else:
        _print_summary(results)
        for line in _confidence_in_words(results["confidence"]):
            click.echo(line)
        click.echo(writable(f"Report: {out / 'index.html'}"))


def _print_summary(results: dict[str, Any]) -> None:
    about = results["dataset"]
    subset = " (quick run on a subset)" if results["quick"] else ""
    title = f"{about['name']}{subset}: {about['n_train']:,} training and {about['n_test']:,} test images"
    rows = [*results["baseline"], results["tuned_evaluation"]]
    if not results["evaluation"]["tuned"]:
        rows.append(results["evaluation"])
    print_table(title, _COLUMNS, [_row(row) for row in rows])


def _confidence_in_words(confidence: dict[str, Any] | None) -> list[str]:
    """Say in lines which answers are withheld, for what."""
    if confidence is None:
        return ["Too few training images to say which answers to withhold."]
    rejection = confidence["rejection"]
    shown = [row for row in rejection["rows"] if row["reject"] in (0.01, 0.02)]
    lines = [_withheld(f"{row['reject']:.0%} withheld", row) for row in shown]
    asked = rejection["max_error"]
    return lines if asked is None else [*lines, _withheld(f"At most {asked['max_error']:.3%} wrong", asked)]


def _withheld(what: str, row: dict[str, Any]) -> str:
    if not row["answered"]:
        return f"{what}: no answers are sure enough for that."
    return (
        f"{what}, by training images: not sure of {row['rejected']:,} test images ({row['rejected_share']:.2%}); "
        f"of the others {row['errors']:,} are wrong ({row['error_rate']:.3%})."
    )


def _row(row: dict[str, Any]) -> list[str]:
    low, high = row["ci95"]
    return [
        row["name"],
        f"{row['errors']:,}",
        f"{row['error_rate']:.2%}",
        f"{low:.2%} to {high:.2%}",
        f"{row['predict_s']:.2f} s",
    ]
