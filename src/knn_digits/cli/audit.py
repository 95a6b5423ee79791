"""``knn-digits audit``: labels that neighbors contradict, and images that are there twice."""

from __future__ import annotations

import json
from contextlib import nullcontext
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

__all__ = ["audit"]

_SUSPECT_COLUMNS: tuple[tuple[str, Justification], ...] = (
    ("", "right"),
    ("image", "left"),
    ("label", "left"),
    ("suggested", "left"),
    ("label has", "right"),
    ("suggested has", "right"),
    ("credibility", "right"),
    ("like suggested", "right"),
    ("like label", "right"),
    ("", "left"),
)
_PAIR_COLUMNS: tuple[tuple[str, Justification], ...] = (
    ("kind", "left"),
    ("images", "left"),
    ("labels", "left"),
    ("distance", "right"),
    ("", "left"),
)


@click.command(cls=PresetCommand)
@data_options
@preset
@groups
@click.option(
    "--split",
    type=click.Choice(["train", "test", "both"]),
    default="both",
    show_default=True,
    help="Whose labels to look at.",
)
@click.option(
    "--first",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    metavar="N",
    help="How many suspects of each split, and how many duplicates, to tell of.",
)
@n_jobs
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for audit.json and a page with pictures; a former audit there is replaced.",
)
@as_json
def audit(
    dataset: str,
    data_dir: str | None,
    offline: bool,
    preset: str,
    groups: Path | None,
    split: str,
    first: int,
    n_jobs: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Rank labels that their neighbors contradict, and find images that are there twice.

    Training images are answered by models that had not seen them. A suspect is a candidate to look at: nothing
    is changed. On MNIST it tells how many of the 15 test labels that people dispute come first, also by cleanlab:
    pip install 'knn-digits[audit]'.
    """
    check_preset(preset)
    check_n_jobs(n_jobs)
    from knn_digits.audit import AUDIT_FOLDER, SPLITS, run_audit, write_audit
    from knn_digits.datasets import read_groups
    from knn_digits.json_files import writable
    from knn_digits.output_folder import new_folder, resolved
    from knn_digits.report.audit import draw_audit

    out = None if out is None else resolved(out)
    with (
        progress_on_stderr() as progress,
        nullcontext() if out is None else new_folder(out, AUDIT_FOLDER) as folder,
    ):
        data = load(dataset, data_dir, offline, progress)
        found = run_audit(
            data,
            preset=preset,
            groups=None if groups is None else read_groups(groups, len(data.train_images)),
            splits=SPLITS if split == "both" else (split,),
            first=first,
            n_jobs=n_jobs,
            command=click.get_current_context().obj,
            progress=progress,
        )
        told = writable(found.as_json())
        if folder is not None:
            write_audit(folder, told)
            draw_audit(folder, told, found.pictures())
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    _print(told)
    where = "Page with pictures: add --out DIR" if out is None else f"Report: {out / 'index.html'}"
    click.echo(writable(where))


def _print(audit: dict[str, Any]) -> None:
    for split in audit["splits"]:
        name = {"train": "training", "test": "test"}[split["split"]]
        title = (
            f"{audit['dataset']['name']}: {split['n_contradicted']:,} of {split['n_asked']:,} {name} labels are "
            f"contradicted, the first {len(split['suspects']):,}"
        )
        print_table(title, _SUSPECT_COLUMNS, [_suspect_row(suspect) for suspect in split["suspects"]])
    _print_duplicates(audit["duplicates"])
    if audit["disputed"] is not None:
        _print_disputed(audit["disputed"])


def _suspect_row(suspect: dict[str, Any]) -> list[str]:
    credibility = suspect["credibility"]
    similar = (suspect["like_suggested"], suspect["like_label"])
    return [
        str(suspect["rank"]),
        f"{suspect['split']} {suspect['position']}",
        str(suspect["label"]),
        str(suspect["suggested"]),
        f"{suspect['label_probability']:.1%}",
        f"{suspect['suggested_probability']:.1%}",
        "-" if credibility is None else f"{credibility:.1%}",
        *("-" if s is None else f"train {s['train']}" for s in similar),
        "disputed" if suspect["disputed"] else "",
    ]


def _print_duplicates(found: dict[str, Any]) -> None:
    title = (
        f"Duplicates: {found['n_exact']:,} exact, {found['n_near']:,} near, {found['n_conflicting']:,} conflicting"
    )
    if not found["pairs"]:
        click.echo(f"{title}\n")
        return
    print_table(title, _PAIR_COLUMNS, [_pair_row(pair) for pair in found["pairs"]])


def _pair_row(pair: dict[str, Any]) -> list[str]:
    return [
        pair["kind"],
        " and ".join(f"{image['split']} {image['position']}" for image in pair["images"]),
        " and ".join(str(image["label"]) for image in pair["images"]),
        f"{pair['distance']:.3f}",
        "labels differ" if pair["conflicting"] else "",
    ]


def _print_disputed(disputed: dict[str, Any]) -> None:
    rankings = disputed["rankings"]
    counts = [str(c["first"]) for c in rankings[0]["among_first"]]
    columns: list[tuple[str, Justification]] = [("order", "left"), *((f"first {n}", "right") for n in counts)]
    rows = [
        [f"{r['by']}: {r['method']}", *(str(c["found"]) for c in r["among_first"])]
        for r in rankings
        if not r["left_out"]
    ]
    print_table(f"Of the {len(disputed['positions'])} test labels that people dispute", columns, rows)
    for ranking in rankings:
        if ranking["left_out"]:
            click.echo(f"{ranking['by']}: {ranking['method']}: {ranking['left_out']}")
