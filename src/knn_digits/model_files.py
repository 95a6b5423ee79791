"""Save and load fitted models: a folder of .npy arrays and one JSON manifest. No pickle, so no code runs.

::

    model/
      manifest.json    format version, settings, classes, names of the features where there are any, the data
                       it was learned from and its licence, and for every array its type, shape, size in bytes
                       and sha256
      images.npy       every learned image, uint8 or float, shape (n, d)
      labels.npy       position of its label among the classes, int64, shape (n,)
      forgotten.npy    ids that were taken out, int64, ascending
      embedded.npy     what is searched, where that is not the images themselves, int16, shape (n, d)

A folder is written aside and put in place when whole (`output_folder`). Loading maps the arrays into memory
instead of reading them, and checks everything but the hashes, which `verify_model` does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from knn_digits.classifier import PRESETS, KNNDigitClassifier
from knn_digits.datasets import DigitDataset
from knn_digits.datasets.paths import expanded
from knn_digits.errors import ModelFileError
from knn_digits.features import CosineEmbedding
from knn_digits.features.cosine import LENGTH
from knn_digits.json_files import read_json, writable, write_json
from knn_digits.neighbors import WEIGHTS, ExactSearch, GrowingRows
from knn_digits.output_folder import Kind, new_folder

__all__ = [
    "FORMAT_VERSION",
    "MANIFEST",
    "MODEL_FOLDER",
    "ModelData",
    "load_model",
    "read_manifest",
    "save_model",
    "verify_model",
]

FORMAT, FORMAT_VERSION = "knn-digits model", 1
MANIFEST = "manifest.json"
_DIMENSIONS = {"images": 2, "labels": 1, "forgotten": 1, "embedded": 2}
MODEL_FOLDER = Kind(MANIFEST, FORMAT, frozenset({MANIFEST, *(f"{name}.npy" for name in _DIMENSIONS)}))
_LARGEST_COUNT = 2**62  # of anything counted: what int64 can still add to


@dataclass(frozen=True)
class _Output:
    """What an embedding makes of images: as many columns as they have, of one type, within -largest..largest."""

    dtype: type[np.integer]
    largest: int


_EMBEDDINGS = {"CosineEmbedding": CosineEmbedding}
_OUTPUTS = {"CosineEmbedding": _Output(np.int16, LENGTH)}


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


def save_model(model: KNNDigitClassifier, path: str | Path, *, data: ModelData | None = None) -> None:
    """Write a fitted model into a folder.

    Parameters
    ----------
    model : KNNDigitClassifier
    path : path
        A new or empty folder, or one with a model, which is replaced.
    data : ModelData, optional
        What it was learned from.

    Raises
    ------
    ModelFileError
        If the model has an embedding that is not of `knn_digits.features`, or labels that are neither integers
        nor texts: such cannot be written without pickle. Also if fewer images are known than neighbors vote.
    OutputError
        If the folder cannot be written; then what was there stays as it was.
    """
    _check_savable(model)
    names = getattr(model, "feature_names_in_", None)
    manifest = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "preset": model.preset,
        "settings": {
            "n_neighbors": int(model.n_neighbors_),
            "weights": model.weights_,
            "embedding": _embedding_as_json(model.embedding_),
        },
        "classes": model.classes_.tolist(),
        "n_features": int(model.n_features_in_),
        "feature_names": None if names is None else names.tolist(),
        "data": None if data is None else vars(data),
    }
    with new_folder(Path(path), MODEL_FOLDER) as folder:
        manifest["arrays"] = {
            name: _save_array(folder / f"{name}.npy", array) for name, array in _arrays_of(model).items()
        }
        write_json(folder / MANIFEST, manifest)


def load_model(path: str | Path, *, n_jobs: int | None = None) -> KNNDigitClassifier:
    """Load a model from its folder; its arrays are mapped into memory and read as they are needed.

    Parameters
    ----------
    path : path
    n_jobs : int, optional
        Threads of the loaded model.

    Raises
    ------
    ModelFileError
        If version, names, types, shapes, sizes or ranges of values are not what they must be.
    """
    folder = expanded(path)
    manifest = read_manifest(folder)
    arrays = {name: _open_array(folder / f"{name}.npy", entry) for name, entry in manifest["arrays"].items()}
    settings, classes = manifest["settings"], np.array(manifest["classes"])
    _check_arrays(folder, manifest, arrays)
    model = KNNDigitClassifier(
        manifest["preset"],
        embedding=_embedding_from_json(settings["embedding"]),
        n_neighbors=settings["n_neighbors"],
        weights=settings["weights"],
        n_jobs=n_jobs,
    )
    model.classes_ = classes
    model.n_features_in_ = manifest["n_features"]
    if manifest.get("feature_names") is not None:
        model.feature_names_in_ = np.array(manifest["feature_names"], dtype=object)
    model.n_neighbors_, model.weights_ = settings["n_neighbors"], settings["weights"]
    model.embedding_ = None if model.embedding is None else model.embedding.fit(arrays["images"][:1])
    model.images_ = GrowingRows(arrays["images"])
    model.label_codes_ = GrowingRows(arrays["labels"])
    model.search_ = ExactSearch(arrays.get("embedded", model.images_))
    if len(arrays["forgotten"]):
        model.search_.forget(np.array(arrays["forgotten"]))
    return model


def verify_model(path: str | Path) -> None:
    """Check everything that `load_model` checks, and the sha256 of every array.

    Raises
    ------
    ModelFileError
        Naming the first array that differs.
    """
    folder = expanded(path)
    load_model(folder)
    for name, entry in read_manifest(folder)["arrays"].items():
        found = _sha256(folder / f"{name}.npy")
        if found != entry["sha256"]:
            raise _damaged(folder, f"{name}.npy has sha256 {found[:16]}..., expected {entry['sha256'][:16]}...")


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
        raise _damaged(folder, f"{MANIFEST}: {problem}")
    return manifest


# ---- writing ----


def _check_savable(model: KNNDigitClassifier) -> None:
    """Refuse, before anything is written, what could not be loaded again."""
    classes = model.classes_.tolist()
    if not _all_of_one_kind(classes) or writable(classes) != classes:
        raise ModelFileError(
            f"labels of type {model.classes_.dtype} cannot be saved: expected integers or texts in Unicode"
        )
    if model.n_neighbors_ > len(model.search_):
        raise ModelFileError(
            f"a model of {len(model.search_):,} images, of which {model.n_neighbors_:,} vote, cannot be saved: "
            "learn more images or fit it with a smaller n_neighbors"
        )


def _arrays_of(model: KNNDigitClassifier) -> dict[str, NDArray]:
    arrays = {
        "images": model.images_.to_array(),
        "labels": model.label_codes_.to_array(),
        "forgotten": model.search_.forgotten,
    }
    if model.embedding_ is not None:
        arrays["embedded"] = model.search_.references.to_array()
    return arrays


def _save_array(path: Path, array: NDArray) -> dict[str, Any]:
    np.save(path, np.ascontiguousarray(array), allow_pickle=False)
    return {
        "dtype": array.dtype.str,
        "shape": list(array.shape),
        "bytes": path.stat().st_size,
        "sha256": _sha256(path),
    }


def _embedding_as_json(embedding: Any) -> dict[str, Any] | None:
    if embedding is None:
        return None
    name = type(embedding).__name__
    if type(embedding) is not _EMBEDDINGS.get(name):
        raise ModelFileError(
            f"a model with the embedding {name} cannot be saved: expected one of {', '.join(_EMBEDDINGS)}"
        )
    return {"name": name, "parameters": embedding.get_params()}


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror}") from None


# ---- reading: nothing in the folder is trusted ----


def _damaged(folder: Path, what: str) -> ModelFileError:
    return ModelFileError(f"the model in {folder} is damaged: {what}; fit it anew with `knn-digits fit`")


def _problem_in(manifest: dict[str, Any]) -> str | None:
    """Say what is wrong with a manifest of the right version, if anything is."""
    # In this order: each may rely on what those before it found in order.
    return (
        _problem_in_settings(manifest.get("preset"), manifest.get("settings"))
        or _problem_in_embedding(manifest["settings"].get("embedding", "not said"))
        or _problem_in_classes(manifest.get("classes"))
        or _problem_in_features(manifest.get("n_features"), manifest.get("feature_names"))
        or _problem_in_data(manifest.get("data"))
        or _problem_in_arrays(manifest.get("arrays"), embedded=manifest["settings"]["embedding"] is not None)
        or _problem_in_number_of_neighbors(manifest["settings"]["n_neighbors"], manifest["arrays"])
    )


def _problem_in_settings(preset: Any, settings: Any) -> str | None:
    if not _is_one_of(preset, PRESETS):
        return f"preset {preset!r:.80}, expected one of {', '.join(PRESETS)}"
    if not isinstance(settings, dict) or not _is_count(settings.get("n_neighbors"), least=1):
        return "settings without a number of neighbors"
    if not _is_one_of(settings.get("weights"), WEIGHTS):
        return f"weights {settings.get('weights')!r:.80}, expected one of {', '.join(WEIGHTS)}"
    return None


def _problem_in_embedding(embedding: Any) -> str | None:
    if embedding is None:
        return None
    if not isinstance(embedding, dict) or not _is_one_of(embedding.get("name"), _EMBEDDINGS):
        return f"unknown embedding, expected null or one of {', '.join(_EMBEDDINGS)}"
    parameters = embedding.get("parameters")
    if not isinstance(parameters, dict) or set(parameters) != set(_EMBEDDINGS[embedding["name"]]().get_params()):
        return f"parameters that {embedding['name']} does not have"
    return None


def _problem_in_classes(classes: Any) -> str | None:
    if not isinstance(classes, list) or not classes or not _all_of_one_kind(classes):
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


def _problem_in_arrays(arrays: Any, *, embedded: bool) -> str | None:
    expected = set(_DIMENSIONS) if embedded else set(_DIMENSIONS) - {"embedded"}
    if not isinstance(arrays, dict) or set(arrays) != expected:
        return f"expected the arrays {', '.join(sorted(expected))}"
    for name, entry in arrays.items():
        if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("dtype", "sha256")):
            return f"array {name} without its type or sha256"
        shape = entry.get("shape")
        if not isinstance(shape, list) or len(shape) != _DIMENSIONS[name] or not all(map(_is_count, shape)):
            return f"array {name} of shape {shape!r:.80}, expected {_DIMENSIONS[name]} whole numbers"
        if not _is_count(entry.get("bytes")):
            return f"array {name} without its size in bytes"
    return None


def _problem_in_number_of_neighbors(n_neighbors: int, arrays: dict[str, Any]) -> str | None:
    n_images, n_forgotten = arrays["images"]["shape"][0], arrays["forgotten"]["shape"][0]
    if n_neighbors > n_images - n_forgotten:
        return f"{n_neighbors:,} neighbors of {n_images:,} images, {n_forgotten:,} of them forgotten"
    return None


def _is_count(value: object, least: int = 0) -> bool:
    return type(value) is int and least <= value <= _LARGEST_COUNT


def _is_one_of(value: object, names: Collection[str]) -> bool:
    # The type first: a list or a dict from a file cannot even be looked up.
    return isinstance(value, str) and value in names


def _is_list_of(kind: type, value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def _all_of_one_kind(classes: list[Any]) -> bool:
    return _is_list_of(str, classes) or all(type(c) is int and abs(c) < 2**62 for c in classes)


def _embedding_from_json(entry: dict[str, Any] | None) -> Any:
    return None if entry is None else _EMBEDDINGS[entry["name"]](**entry["parameters"])


def _open_array(path: Path, entry: dict[str, Any]) -> NDArray:
    """Map one array after checking its file against its header and the manifest."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            shape, fortran, dtype = _read_header(file)
            start = file.tell()
        if dtype.str != entry["dtype"] or list(shape) != entry["shape"] or fortran:
            raise ValueError(f"holds {dtype.str} {list(shape)}, expected {entry['dtype']} {entry['shape']}")
        if dtype.kind not in "iuf" or any(n < 0 for n in shape):
            raise ValueError(f"holds {dtype.str} {list(shape)}, not numbers")
        # A map of a file that is too short would kill the process when it is read.
        needed = start + dtype.itemsize * int(np.prod([int(n) for n in shape], dtype=object))
        if size != needed or size != entry["bytes"]:
            raise ValueError(f"is {size:,} bytes long, expected {entry['bytes']:,}")
        if 0 in shape:
            return np.empty(shape, dtype)
        return np.memmap(path, dtype, "r", start, shape).view(np.ndarray)
    except OSError as error:
        raise _damaged(path.parent, f"cannot read {path.name}: {error.strerror or error}") from None
    except (ValueError, OverflowError) as error:
        raise _damaged(path.parent, f"{path.name} {error}") from None


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    if npy.read_magic(file) != (1, 0):
        raise ValueError("is not of .npy version 1.0")
    try:
        return npy.read_array_header_1_0(file)
    except OSError:
        raise
    except Exception:
        # NumPy parses it as Python: what it raises for nonsense is anything the parser of Python raises.
        raise ValueError("has no header of an array") from None


def _check_arrays(folder: Path, manifest: dict[str, Any], arrays: dict[str, NDArray]) -> None:
    """Check that arrays fit each other, and hold no value that could not have been saved."""
    images, labels, forgotten = arrays["images"], arrays["labels"], arrays["forgotten"]
    if images.ndim != 2 or images.shape[1] != manifest["n_features"] or not len(images):
        raise _damaged(folder, f"images.npy has shape {images.shape}, expected (n, {manifest['n_features']})")
    if images.dtype not in (np.uint8, np.float32, np.float64):
        raise _damaged(folder, f"images.npy holds {images.dtype}, expected uint8, float32 or float64")
    if images.dtype != np.uint8 and not np.isfinite(images).all():
        raise _damaged(folder, "images.npy holds values that are not finite")
    if labels.dtype != np.int64 or labels.shape != (len(images),):
        raise _damaged(folder, "labels.npy does not hold one int64 an image")
    if labels.min() < 0 or labels.max() >= len(manifest["classes"]):
        raise _damaged(folder, f"labels.npy holds values outside 0..{len(manifest['classes']) - 1}")
    if forgotten.dtype != np.int64 or forgotten.ndim != 1 or (np.diff(forgotten) <= 0).any():
        raise _damaged(folder, "forgotten.npy does not hold ascending int64")
    if len(forgotten) and (forgotten[0] < 0 or forgotten[-1] >= len(images)):
        raise _damaged(folder, f"forgotten.npy holds ids outside 0..{len(images) - 1}")
    if "embedded" in arrays:
        _check_embedded(folder, manifest["settings"]["embedding"]["name"], images.shape, arrays["embedded"])


def _check_embedded(folder: Path, name: str, shape: tuple[int, ...], embedded: NDArray) -> None:
    """Check that an array can be what an embedding makes of images of this shape."""
    output = _OUTPUTS[name]
    if embedded.dtype != output.dtype or embedded.shape != shape:
        raise _damaged(folder, f"embedded.npy does not hold {output.dtype.__name__} of shape {shape}")
    if embedded.min() < -output.largest or embedded.max() > output.largest:
        raise _damaged(folder, f"embedded.npy holds values outside {-output.largest}..{output.largest}")
