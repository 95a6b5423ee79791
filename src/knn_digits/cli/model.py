"""``knn-digits model``: show or verify a saved model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from knn_digits.cli.options import as_json
from knn_digits.cli.terminal import print_table

__all__ = ["model"]

_folder = click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")


@click.group()
def model() -> None:
    """Show or verify a saved model."""


@model.command()
@_folder
@as_json
def info(folder: Path, as_json: bool) -> None:
    """Show what a model is and what it was learned from."""
    from knn_digits.model_files import read_manifest

    manifest = read_manifest(folder)
    if as_json:
        click.echo(json.dumps(manifest, ensure_ascii=False))
    else:
        print_table(str(folder), [("", "left"), ("", "left")], _rows(manifest))


def _rows(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    settings, data = manifest["settings"], manifest.get("data") or {}
    embedding = settings["embedding"]["name"] if settings["embedding"] else "none"
    n_candidates = settings["n_candidates"]
    n_images = manifest["arrays"]["images"]["shape"][0]
    return [
        ("preset", manifest["preset"]),
        ("neighbors", f"{settings['n_neighbors']}, {settings['weights']} weights"),
        ("embedding", embedding),
        ("candidates", "as many as neighbors" if n_candidates is None else f"{n_candidates:,}"),
        ("reranker", _reranker(settings["rerank"])),
        ("images", f"{n_images:,} of {manifest['n_features']:,} pixels"),
        ("forgotten", f"{manifest['arrays']['forgotten']['shape'][0]:,}"),
        ("classes", ", ".join(map(str, manifest["classes"]))),
        ("learned from", data.get("name", "not recorded")),
        ("data sha256", data.get("sha256", "not recorded")),
        ("licence of the images", data.get("licence", "not recorded")),
        ("size", f"{sum(a['bytes'] for a in manifest['arrays'].values()) / 1e6:.1f} MB"),
        ("format version", str(manifest["format_version"])),
    ]


def _reranker(entry: dict[str, Any] | None) -> str:
    if entry is None:
        return "none"
    # A manifest does not name it: no other can be saved.
    settings = ", ".join(f"{name}={value}" for name, value in sorted(entry["parameters"].items()))
    return f"DistortionReranker({settings})"


@model.command()
@_folder
@as_json
def verify(folder: Path, as_json: bool) -> None:
    """Check every byte of a model against its manifest."""
    from knn_digits.json_files import writable
    from knn_digits.model_files import verify_model

    verify_model(folder)
    name = writable(str(folder))
    click.echo(json.dumps({"model": name, "verified": True}) if as_json else f"{name}: every array verified")
