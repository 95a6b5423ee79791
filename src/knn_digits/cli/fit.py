"""``knn-digits fit``: just the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from knn_digits.cli.options import as_json, check_preset, data_options, load, preset
from knn_digits.cli.terminal import progress_on_stderr

__all__ = ["fit"]


@click.command()
@data_options
@preset
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for the model; a former model there is replaced.",
)
@click.option("--metric", type=click.Choice(["euclidean", "cosine"]), default="euclidean", show_default=True)
@click.option("--n-neighbors", type=click.IntRange(1), metavar="K", help="How many vote. Default: the preset's.")
@click.option("--weights", type=click.Choice(["uniform", "distance"]), help="Default: the preset's.")
@as_json
def fit(
    dataset: str,
    data_dir: str | None,
    offline: bool,
    preset: str,
    out: Path,
    metric: str,
    n_neighbors: int | None,
    weights: Literal["uniform", "distance"] | None,
    as_json: bool,
) -> None:
    """Fit a model on the training images and save it."""
    check_preset(preset)
    from knn_digits.classifier import KNNDigitClassifier
    from knn_digits.errors import DataError
    from knn_digits.json_files import writable
    from knn_digits.model_files import MODEL_FOLDER, ModelData, read_manifest, save_model
    from knn_digits.output_folder import check_replaceable, resolved
    from knn_digits.tuning import EMBEDDING_OF_METRIC

    out = resolved(out)
    check_replaceable(out, MODEL_FOLDER)
    with progress_on_stderr() as progress:
        data = load(dataset, data_dir, offline, progress)
        model = KNNDigitClassifier(
            preset, embedding=EMBEDDING_OF_METRIC[metric], n_neighbors=n_neighbors, weights=weights
        )
        with progress.step("Fit"):
            model.fit(data.train_images, data.train_labels)
        if model.n_neighbors_ > len(data.train_images):
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
