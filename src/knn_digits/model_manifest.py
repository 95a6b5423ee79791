"""What a saved model must look like: its manifest, and arrays that fit the manifest and each other.

Nothing in a model's folder is trusted. Whatever could not have been saved is refused with one clear line, and
before anything of the size that it claims is computed or allocated.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import inf, isqrt
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from knn_digits.classifier import PRESETS
from knn_digits.confidence.evidence import COLUMNS
from knn_digits.datasets import DigitDataset
from knn_digits.datasets.paths import expanded
from knn_digits.errors import ModelFileError
from knn_digits.features import CosineEmbedding, DigitEmbedding
from knn_digits.features.cosine import LENGTH
from knn_digits.features.discriminant import LARGEST
from knn_digits.features.images import as_images
from knn_digits.json_files import read_json
from knn_digits.judging import JUDGEMENTS
from knn_digits.reranking import DistortionReranker

__all__ = [
    "DIMENSIONS",
    "EMBEDDINGS",
    "FORMAT",
    "FORMAT_VERSION",
    "MANIFEST",
    "ModelData",
    "all_of_one_kind",
    "check_arrays",
    "damaged",
    "n_voting",
    "problem_in_embedding",
    "problem_in_rerank",
    "read_manifest",
]

FORMAT, FORMAT_VERSION = "knn-digits model", 3
MANIFEST = "manifest.json"
DIMENSIONS = {
    "images": 2,
    "labels": 1,
    "forgotten": 1,
    "embedded": 2,
    "mean": 1,
    "projection": 2,
    "strengths": 1,
    "residual_projection": 2,
    "residuals": 2,
    "normalized": 3,
    "asked": 1,
    "probabilities": 2,
    "strangeness": 1,
}
OUT_OF_FOLD = frozenset({"asked", "probabilities", "strangeness"})
_ALWAYS_THERE = frozenset({"images", "labels", "forgotten"})
_LARGEST_COUNT = 2**62  # of anything counted: what int64 can still add to
# A row and the mean are of 16 bits, so that their difference times a column of this sum is exact in float64.
# NeighborDiscriminant makes columns of half of it at most.
_LARGEST_MEAN, _LARGEST_COLUMN = 2**15, 2.0**37


@dataclass(frozen=True)
class _Embedding:
    """An embedding that can be saved: its class, what it makes of images, and what it learned.

    It makes whole numbers of one type within -largest..largest.
    """

    estimator: type
    dtype: type[np.integer]
    largest: int
    scales: frozenset[str] = frozenset()
    arrays: frozenset[str] = frozenset()


EMBEDDINGS = {
    "CosineEmbedding": _Embedding(CosineEmbedding, np.int16, LENGTH),
    "DigitEmbedding": _Embedding(
        DigitEmbedding,
        np.int8,
        LARGEST,
        frozenset({"input_scale", "output_scale", "residual_scale"}),
        frozenset({"mean", "projection", "strengths", "residual_projection", "residuals"}),
    ),
}


@dataclass(frozen=True)
class ModelData:
    """What a model was learned from; saved with it because it holds those images.

    Attributes
    ----------
    name, sha256, licence : str
        As in `DigitDataset`.
    """

    name: str
    sha256: str
    licence: str

    @classmethod
    def of(cls, dataset: DigitDataset) -> Self:
        """Take them from a data set."""
        return cls(dataset.name, dataset.sha256, dataset.licence)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read and check the manifest alone.

    Raises
    ------
    ModelFileError
    """
    folder = expanded(folder)
    manifest = read_json(
        folder / MANIFEST,
        file_format=FORMAT,
        version=FORMAT_VERSION,
        error=ModelFileError,
        made_by="knn-digits fit",
    )
    problem = _problem_in(manifest)
    if problem:
        raise damaged(folder, f"{MANIFEST}: {problem}")
    return manifest


def damaged(folder: Path, what: str) -> ModelFileError:
    """Make the error that says what is wrong with a folder."""
    return ModelFileError(f"the model in {folder} is damaged: {what}; fit it anew with `knn-digits fit`")


# ---- the manifest ----


def _problem_in(manifest: dict[str, Any]) -> str | None:
    """Say what is wrong with a manifest of the right version, if anything is."""
    # In this order: each may rely on what those before it found in order.
    return (
        _problem_in_settings(manifest.get("preset"), manifest.get("settings"))
        or problem_in_embedding(manifest["settings"].get("embedding", "not said"))
        or _problem_in_judgement(manifest["settings"])
        or _problem_in_classes(manifest.get("classes"))
        or _problem_in_features(manifest.get("n_features"), manifest.get("feature_names"))
        or problem_in_rerank(manifest["settings"].get("rerank", "not said"), manifest["n_features"])
        or _problem_in_data(manifest.get("data"))
        or _problem_in_calibration(manifest.get("calibration"))
        or _problem_in_arrays(manifest.get("arrays"), _arrays_expected(manifest))
        or _problem_in_number_of_neighbors(manifest["settings"], manifest["arrays"])
    )


def _problem_in_settings(preset: Any, settings: Any) -> str | None:
    if not _is_one_of(preset, PRESETS):
        return f"preset {preset!r:.80}, expected one of {', '.join(PRESETS)}"
    if not isinstance(settings, dict) or not _is_count(settings.get("n_neighbors"), least=1):
        return "settings without a number of neighbors"
    for name in ("n_candidates", "calibration_folds"):
        count = settings.get(name, "not said")
        if count is not None and not _is_count(count, least=1):
            return f"{name} {count!r:.80}, expected null or a positive number"
    return None


def problem_in_embedding(embedding: Any) -> str | None:
    """Say what is wrong with an embedding's entry, if anything is."""
    if embedding is None:
        return None
    if not isinstance(embedding, dict) or not _is_one_of(embedding.get("name"), EMBEDDINGS):
        return f"unknown embedding, expected null or one of {', '.join(EMBEDDINGS)}"
    kind = EMBEDDINGS[embedding["name"]]
    for scale in kind.scales:
        value = embedding.get(scale)
        if type(value) is not float or not 0 < value < inf:
            return f"{scale} {value!r:.80}, expected a positive number"
    return _problem_in_parameters(embedding.get("parameters"), kind.estimator)


def problem_in_rerank(rerank: Any, n_features: int) -> str | None:
    """Say what is wrong with a reranker's entry, if anything is."""
    if rerank is None:
        return None
    if not isinstance(rerank, dict):
        return f"rerank {rerank!r:.80}, expected null or parameters and a factor"
    factor = rerank.get("factor")
    # It is 0 where all vectors are the same.
    if type(factor) is not float or not 0 <= factor < inf:
        return f"factor {factor!r:.80} of rerank, expected a number of at least 0"
    problem = _problem_in_parameters(rerank.get("parameters"), DistortionReranker)
    if problem is None and rerank["parameters"]["window"] > isqrt(n_features) + 1:
        # Memory and time grow with its square.
        return f"a window of {rerank['parameters']['window']!r:.80} pixels, more than an image's side"
    return problem


def _problem_in_parameters(parameters: Any, kind: type) -> str | None:
    if not isinstance(parameters, dict) or set(parameters) != set(kind().get_params()):
        return f"parameters that {kind.__name__} does not have"
    try:
        _check_parameters(kind(**parameters))
    except (TypeError, ValueError) as error:
        return f"{kind.__name__}: {error!s:.160}"
    return None


def _check_parameters(estimator: Any) -> None:
    """Let an estimator check its own parameters, which costs the same whatever they are."""
    if isinstance(estimator, DistortionReranker):
        estimator._check_settings()
    elif isinstance(estimator, DigitEmbedding):
        estimator.prepare(side=1)
        estimator.unfitted_projection().check_settings()
        if type(estimator.random_state) not in (int, type(None)) or estimator.n_jobs is not None:
            raise ValueError("random_state must be a whole number or null, and n_jobs null")


def _problem_in_judgement(settings: dict[str, Any]) -> str | None:
    weights, embedding = settings.get("weights"), settings["embedding"]
    if not _is_one_of(weights, JUDGEMENTS):
        return f"weights {weights!r:.80}, expected one of {', '.join(JUDGEMENTS)}"
    if weights == "hull" and (embedding is None or EMBEDDINGS[embedding["name"]].dtype is not np.int8):
        return "weights hull without an embedding of int8 rows"
    return None


def _problem_in_classes(classes: Any) -> str | None:
    if not isinstance(classes, list) or not classes or not all_of_one_kind(classes):
        return "classes are not a list of whole numbers or of texts"
    return None if classes == sorted(set(classes)) else "classes are not ascending"


def _problem_in_features(n_features: Any, names: Any) -> str | None:
    if not _is_count(n_features, least=1):
        return "n_features is not a positive number"
    if names is not None and not (_is_list_of(str, names) and len(names) == n_features):
        return "feature_names are not one text a feature"
    return None


def _problem_in_data(data: Any) -> str | None:
    expected = ModelData.__dataclass_fields__
    if data is None or (isinstance(data, dict) and all(isinstance(data.get(key), str) for key in expected)):
        return None
    return f"data is not null or the texts {', '.join(expected)}"


def _problem_in_calibration(calibration: Any) -> str | None:
    if not isinstance(calibration, dict) or type(calibration.get("out_of_fold")) is not bool:
        return "calibration without saying whether images were answered out of fold"
    for name, n in (("weights", len(COLUMNS)), ("strangeness_scales", 2)):
        numbers = calibration.get(name)
        if not isinstance(numbers, list) or len(numbers) != n:
            return f"{name} of the calibration are not {n} numbers"
        if not all(type(x) is float and abs(x) < inf for x in numbers):
            return f"{name} of the calibration are not finite numbers"
    noise = calibration.get("noise")
    if type(noise) is not float or not 0 < noise < 0.5:
        return f"noise {noise!r:.80} of the calibration, expected a number between 0 and 1/2"
    return None


def _arrays_expected(manifest: dict[str, Any]) -> Collection[str]:
    settings, expected = manifest["settings"], set(_ALWAYS_THERE)
    if manifest["calibration"]["out_of_fold"]:
        expected |= OUT_OF_FOLD
    if settings["embedding"] is not None:
        expected |= {"embedded", *EMBEDDINGS[settings["embedding"]["name"]].arrays}
    if settings["rerank"] is not None:
        expected.add("normalized")
    return expected


def _problem_in_arrays(arrays: Any, expected: Collection[str]) -> str | None:
    if not isinstance(arrays, dict) or set(arrays) != expected:
        return f"expected the arrays {', '.join(sorted(expected))}"
    for name, entry in arrays.items():
        if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("dtype", "sha256")):
            return f"array {name} without its type or sha256"
        shape = entry.get("shape")
        if not isinstance(shape, list) or len(shape) != DIMENSIONS[name] or not all(map(_is_count, shape)):
            return f"array {name} of shape {shape!r:.80}, expected {DIMENSIONS[name]} whole numbers"
        if not _is_count(entry.get("bytes")):
            return f"array {name} without its size in bytes"
    return None


def _problem_in_number_of_neighbors(settings: dict[str, Any], arrays: dict[str, Any]) -> str | None:
    n_images, n_forgotten = arrays["images"]["shape"][0], arrays["forgotten"]["shape"][0]
    if n_voting(settings["n_neighbors"], settings["weights"]) > n_images - n_forgotten:
        return f"{settings['n_neighbors']:,} neighbors of {n_images:,} images, {n_forgotten:,} of them forgotten"
    return None


def n_voting(n_neighbors: int, weights: str) -> int:
    """Count the images that must be known for an answer: hulls are spanned by as many as there are."""
    return 1 if weights == "hull" else n_neighbors


def _is_count(value: object, least: int = 0) -> bool:
    return type(value) is int and least <= value <= _LARGEST_COUNT


def _is_one_of(value: object, names: Collection[str]) -> bool:
    # The type first: a list or a dict from a file cannot even be looked up.
    return isinstance(value, str) and value in names


def _is_list_of(kind: type, value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def all_of_one_kind(classes: list[Any]) -> bool:
    """Tell whether labels are all integers that can be stored, or all texts."""
    return _is_list_of(str, classes) or all(type(c) is int and abs(c) < 2**62 for c in classes)


# ---- the arrays ----


def check_arrays(folder: Path, manifest: dict[str, Any], arrays: dict[str, NDArray]) -> None:
    """Check that arrays fit each other, and hold no value that could not have been saved."""
    images, labels, forgotten = arrays["images"], arrays["labels"], arrays["forgotten"]
    if images.ndim != 2 or images.shape[1] != manifest["n_features"] or not len(images):
        raise damaged(folder, f"images.npy has shape {images.shape}, expected (n, {manifest['n_features']})")
    if images.dtype not in (np.uint8, np.float32, np.float64):
        raise damaged(folder, f"images.npy holds {images.dtype}, expected uint8, float32 or float64")
    if images.dtype != np.uint8 and not np.isfinite(images).all():
        raise damaged(folder, "images.npy holds values that are not finite")
    if labels.dtype != np.int64 or labels.shape != (len(images),):
        raise damaged(folder, "labels.npy does not hold one int64 an image")
    if labels.min() < 0 or labels.max() >= len(manifest["classes"]):
        raise damaged(folder, f"labels.npy holds values outside 0..{len(manifest['classes']) - 1}")
    if forgotten.dtype != np.int64 or forgotten.ndim != 1 or (np.diff(forgotten) <= 0).any():
        raise damaged(folder, "forgotten.npy does not hold ascending int64")
    if len(forgotten) and (forgotten[0] < 0 or forgotten[-1] >= len(images)):
        raise damaged(folder, f"forgotten.npy holds ids outside 0..{len(images) - 1}")
    settings = manifest["settings"]
    if manifest["calibration"]["out_of_fold"]:
        _check_out_of_fold(folder, arrays, len(manifest["classes"]))
    if settings["embedding"] is not None:
        _check_embedded(folder, settings["embedding"], arrays)
    if settings["rerank"] is not None:
        side = _side(folder, images)
        _check_type(folder, "normalized", arrays["normalized"], np.uint8, (len(images), side, side))


def _check_out_of_fold(folder: Path, arrays: dict[str, NDArray], n_classes: int) -> None:
    """Check that arrays can be images answered out of fold, and these answers."""
    asked, n = arrays["asked"], len(arrays["asked"])
    _check_type(folder, "asked", asked, np.int64, (n,))
    if not n or asked[0] < 0 or asked[-1] >= len(arrays["images"]) or (np.diff(asked) <= 0).any():
        raise damaged(folder, "asked.npy does not hold ascending ids of images")
    _check_type(folder, "probabilities", arrays["probabilities"], np.float64, (n, n_classes))
    _check_range(folder, "probabilities", arrays["probabilities"], 0, 1)
    _check_type(folder, "strangeness", arrays["strangeness"], np.float64, (n,))
    _check_range(folder, "strangeness", arrays["strangeness"], 0, np.finfo(np.float64).max)


def _check_embedded(folder: Path, entry: dict[str, Any], arrays: dict[str, NDArray]) -> None:
    """Check that arrays can be what an embedding learned, and what it makes of so many images."""
    kind, images, embedded = EMBEDDINGS[entry["name"]], arrays["images"], arrays["embedded"]
    n_columns = images.shape[1]
    if kind.estimator is DigitEmbedding:
        _side(folder, images)
        n_columns = _check_projection(folder, DigitEmbedding(**entry["parameters"]), arrays)
    _check_type(folder, "embedded", embedded, kind.dtype, (len(images), n_columns))
    _check_range(folder, "embedded", embedded, -kind.largest, kind.largest)


def _check_projection(folder: Path, embedding: DigitEmbedding, arrays: dict[str, NDArray]) -> int:
    """Check that arrays can be a projection of such an embedding; returns how many numbers it makes."""
    mean, projection, strengths = arrays["mean"], arrays["projection"], arrays["strengths"]
    d, n_columns = embedding.n_directions * embedding.n_cells**2, projection.shape[-1]
    most = min(embedding.n_components, embedding.unfitted_projection().n_principal)
    if not 1 <= n_columns <= most:
        raise damaged(folder, f"projection.npy has {n_columns:,} columns, expected 1 to {most}")
    n_residual = arrays["residuals"].shape[1]
    _check_type(folder, "mean", mean, np.int64, (d,))
    _check_type(folder, "projection", projection, np.float64, (d, n_columns))
    _check_type(folder, "strengths", strengths, np.float64, (n_columns,))
    _check_type(folder, "residual_projection", arrays["residual_projection"], np.float64, (d, n_residual))
    _check_type(folder, "residuals", arrays["residuals"], np.int8, (len(arrays["images"]), n_residual))
    _check_range(folder, "mean", mean, -_LARGEST_MEAN, _LARGEST_MEAN)
    for name in ("projection", "residual_projection"):
        _check_whole(folder, name, arrays[name])
    if not (np.isfinite(strengths).all() and (strengths >= 0).all()):
        raise damaged(folder, "strengths.npy holds values that are negative or not finite")
    return n_columns


def _check_whole(folder: Path, name: str, projection: NDArray[np.float64]) -> None:
    with np.errstate(over="ignore"):  # what overflows is refused
        longest = np.abs(projection).sum(axis=0).max(initial=0)
    if not longest <= _LARGEST_COLUMN or (projection != np.rint(projection)).any():
        raise damaged(folder, f"{name}.npy does not hold whole numbers small enough to be summed exactly")


def _side(folder: Path, images: NDArray) -> int:
    try:
        return as_images(images[:1]).shape[1]
    except ValueError as error:
        raise damaged(folder, f"images.npy: {error}") from None


def _check_type(folder: Path, name: str, array: NDArray, dtype: type, shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape:
        raise damaged(folder, f"{name}.npy does not hold {dtype.__name__} of shape {shape}")


def _check_range(folder: Path, name: str, array: NDArray, smallest: float, largest: float) -> None:
    # So asked, NaN is outside, too.
    if array.size and not (array.min() >= smallest and array.max() <= largest):
        raise damaged(folder, f"{name}.npy holds values outside {smallest}..{largest}")
