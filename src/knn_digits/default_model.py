"""The model that is used where none is named: made of MNIST once, kept in the user's cache, loaded from then on.

Its folder's name is a key made of the format of models, the settings of the preset, the checksums of MNIST and the
version of cut digits.
So a newer version with other settings builds its own beside it, and who has a model needs no MNIST to find it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from knn_digits.classifier import DEFAULT_PRESET, PRESETS, KNNDigitClassifier, Preset
from knn_digits.cut_digits import N_PICTURES, VERSION, learn_cut_digits
from knn_digits.datasets import DigitDataset, cache_folder, load_dataset
from knn_digits.datasets.mnist_files import CHECKSUMS
from knn_digits.errors import DataNotFoundError, ModelFileError, OutputError
from knn_digits.model_files import FORMAT_VERSION, MODEL_FOLDER, ModelData, load_model, save_model
from knn_digits.progress import Progress, SilentProgress

__all__ = [
    "build_default_model",
    "default_model",
    "default_model_folder",
    "key_of",
    "saved_default_model",
    "without_default_model",
]

_log = logging.getLogger(__name__)


def default_model(
    *,
    data_dir: str | Path | None = None,
    download: bool = False,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> KNNDigitClassifier:
    """Load the default model; where there is none yet, fit it on MNIST and keep it.

    Parameters
    ----------
    data_dir : path, optional
        Where the files of MNIST are, as for `load_dataset`. Needed only by the first call on a machine.
    download : bool, default=False
        Whether MNIST may be fetched from the network.
    n_jobs : int, optional
        Threads of the model.
    progress : Progress, optional
        Who is told what goes on while it is built.

    Returns
    -------
    model : KNNDigitClassifier
        The default preset, fitted on MNIST's 60,000 training images, which then learned digits cut out of lines
        (`cut_digits`).

    Raises
    ------
    DataNotFoundError
        There is no saved model and no MNIST.
    """
    model = saved_default_model(n_jobs=n_jobs)
    if model is not None:
        return model
    try:
        data = load_dataset("mnist", data_dir=data_dir, download=download)
    except DataNotFoundError as error:
        raise without_default_model(error) from error
    return build_default_model(data, n_jobs=n_jobs, progress=progress)


def saved_default_model(*, n_jobs: int | None = None) -> KNNDigitClassifier | None:
    """Load the default model from the cache; None where there is none, or none that is whole."""
    folder = default_model_folder()
    try:
        return load_model(folder, n_jobs=n_jobs)
    except ModelFileError as error:
        # Not there is how it always begins; anything else the user may want to know.
        if (folder / MODEL_FOLDER.marker).exists():
            _log.warning("the default model is built anew: %s", error)
        return None


def build_default_model(
    data: DigitDataset, *, n_jobs: int | None = None, progress: Progress | None = None
) -> KNNDigitClassifier:
    """Fit the default model and keep it in the cache; where it cannot be kept, say so and go on.

    Parameters
    ----------
    data : DigitDataset
        MNIST.
    n_jobs : int, optional
    progress : Progress, optional
    """
    told = progress or SilentProgress()
    model = KNNDigitClassifier(DEFAULT_PRESET, n_jobs=n_jobs)
    with told.step("First use: learn MNIST's 60,000 digits, once for all"):
        model.fit(data.train_images, data.train_labels)
    with told.step("First use: learn digits cut out of lines in which they touch", N_PICTURES) as advance:
        learn_cut_digits(
            model, data.train_images, data.train_labels, n_pictures=N_PICTURES, n_jobs=n_jobs, advance=advance
        )
    with told.step("Keep the model in the cache"):
        _keep(model, data)
    return model


def default_model_folder() -> Path:
    """Tell where the default model of this version is kept, whether it is there or not."""
    return cache_folder() / "models" / key_of(PRESETS[DEFAULT_PRESET])


def key_of(preset: Preset, checksums: dict[str, str] = CHECKSUMS, format_version: int = FORMAT_VERSION) -> str:
    """Name the folder of a preset's model by all that it depends on, such as ``accurate-3-1f0c9c2d5e6b7a88``."""
    described = {
        "format": format_version,
        "data": checksums,
        "settings": _described(preset),
        "cut digits": {"version": VERSION, "lines": N_PICTURES},
    }
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
    return f"{DEFAULT_PRESET}-{format_version}-{digest[:16]}"


def without_default_model(error: DataNotFoundError) -> DataNotFoundError:
    """Say that there is no model to read with, why, and the ways to one."""
    return DataNotFoundError(
        "no model to read with yet: the default one is learned from MNIST on first use, and MNIST is not here. "
        "Run `knn-digits data fetch` with a network, name a folder that has it with --data-dir or "
        f"KNN_DIGITS_DATA_DIR, or name a model with --model DIR ({error})"
    )


def _described(preset: Preset) -> dict[str, Any]:
    """Write a preset with every setting of its parts, also those left at their defaults."""
    parts = {
        name: {"name": type(part).__name__, "parameters": part.get_params()}
        for name, part in (("embedding", preset.embedding), ("rerank", preset.rerank))
        if part is not None
    }
    settings = {name: value for name, value in vars(preset).items() if name not in ("embedding", "rerank")}
    return {**settings, **parts}


def _keep(model: KNNDigitClassifier, data: DigitDataset) -> None:
    folder = default_model_folder()
    # While this process learned, another may have finished: nobody's model is taken from under him.
    if _is_whole(folder):
        return
    # What is damaged is nothing anybody can use, and would be in the way.
    shutil.rmtree(folder, ignore_errors=True)
    try:
        save_model(model, folder, data=ModelData.of(data))
    except OutputError as error:
        if not _is_whole(folder):  # two that finish together: the one whose folder came second needs no note
            _log.warning("going on without keeping the model, so the next start takes as long: %s", error)


def _is_whole(folder: Path) -> bool:
    with suppress(ModelFileError):
        load_model(folder)
        return True
    return False
