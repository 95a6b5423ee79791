"""``knn-digits fit``: just the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

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
from knn_digits.cli.terminal import progress_on_stderr

__all__ = ["fit"]


@click.command(cls=PresetCommand)
@data_options
@preset
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for the model; a former model there is replaced.",
)
@click.option(
    "--metric",
    type=click.Choice(["euclidean", "cosine"]),
    help="Between pixels; not for presets that search among learned vectors. Default: euclidean.",
)
@click.option(
    "--n-neighbors",
    type=click.IntRange(1),
    metavar="K",
    help="How many vote, or span the hull of a class. Default: the preset's.",
)
@click.option("--weights", type=click.Choice(["uniform", "distance"]), help="Default: the preset's.")
@groups
@n_jobs
@as_json
def fit(
    dataset: str,
    data_dir: str | None,
    offline: bool,
    preset: str,
    out: Path,
    metric: str | None,
    n_neighbors: int | None,
    weights: Literal["uniform", "distance"] | None,
    groups: Path | None,
    n_jobs: int,
    as_json: bool,
) -> None:
    """Fit a model on the training images and save it."""
    check_preset(preset)
    check_n_jobs(n_jobs)
    from knn_digits.classifier import PRESETS, KNNDigitClassifier
    from knn_digits.datasets import read_groups
    from knn_digits.errors import DataError
    from knn_digits.json_files import writable
    from knn_digits.model_files import MODEL_FOLDER, ModelData, read_manifest, save_model
    from knn_digits.output_folder import check_replaceable, resolved
    from knn_digits.tuning import EMBEDDING_OF_METRIC

    if metric is not None and PRESETS[preset].embedding is not None:
        raise click.BadParameter(
            f"the {preset} preset searches among learned vectors; --preset pixels takes a metric.",
            param_hint="'--metric'",
        )
    out = resolved(out)
    check_replaceable(out, MODEL_FOLDER)
    with progress_on_stderr() as progress:
        data = load(dataset, data_dir, offline, progress)
        embedding = None if metric is None else EMBEDDING_OF_METRIC[metric]
        writers = None if groups is None else read_groups(groups, len(data.train_images))
        model = KNNDigitClassifier(
            preset, embedding=embedding, n_neighbors=n_neighbors, weights=weights, n_jobs=n_jobs
        )
        with progress.step("Fit, and answer the training images out of fold"):
            model.fit(data.train_images, data.train_labels, groups=writers)
        # Hulls are spanned by as many as there are; votes need as many as were asked for.
        if model.weights_ != "hull" and model.n_neighbors_ > len(data.train_images):
            raise DataError(
                f"expected at most as many neighbors as training images ({len(data.train_images):,}), "
                f"got {model.n_neighbors_:,}: pass a smaller --n-neighbors"
            )
        with progress.step("Save"):
            save_model(model, out, data=ModelData.of(data))
    if as_json:
        click.echo(json.dumps(read_manifest(out), ensure_ascii=False))
    else:
        click.echo(writable(f"Model of {len(data.train_images):,} images of {data.name}: {out}"))
