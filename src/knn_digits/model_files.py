"""Save and load fitted models: a folder of .npy arrays and one JSON manifest. No pickle, so no code runs.

::

    model/
      manifest.json    format version, settings, classes, the data it was learned from and its licence,
                       and for every array its type, shape, size in bytes and sha256
      images.npy       every learned image, uint8 or float, shape (n, d)
      labels.npy       position of its label among the classes, int64, shape (n,)
      forgotten.npy    ids that were taken out, int64, ascending
      embedded.npy     what is searched, where that is not the images themselves, shape (n, e)

A folder is written aside and renamed when whole. Loading maps the arrays into memory instead of reading them,
and checks everything but the hashes, which `verify_model` does.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from knn_digits import features
from knn_digits.classifier import PRESETS, KNNDigitClassifier
from knn_digits.datasets import DigitDataset
from knn_digits.errors import ModelFileError
from knn_digits.neighbors import WEIGHTS, ExactSearch, GrowingRows
from knn_digits.output_folder import new_folder

__all__ = [
    "FORMAT_VERSION",
    "MANIFEST",
    "ModelData",
    "load_model",
    "read_manifest",
    "save_model",
    "verify_model",
]

FORMAT, FORMAT_VERSION = "knn-digits model", 1
MANIFEST = "manifest.json"
_LARGEST_MANIFEST = 2**24  # bytes
_EMBEDDINGS = {name: getattr(features, name) for name in features.__all__}


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
        nor texts: such cannot be written without pickle.
    OutputError
        If the folder cannot be written; then what was there stays as it was.
    """
    if not _all_of_one_kind(model.classes_.tolist()):
        raise ModelFileError(f"labels of type {model.classes_.dtype} cannot be saved: expected integers or texts")
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
        "data": None if data is None else vars(data),
    }
    with new_folder(Path(path), MANIFEST) as folder:
        manifest["arrays"] = {
            name: _save_array(folder / f"{name}.npy", array) for name, array in _arrays_of(model).items()
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


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
    folder = Path(path)
    manifest = read_manifest(folder)
    arrays = {name: _open_array(folder / f"{name}.npy", entry) for name, entry in manifest["arrays"].items()}
    settings, classes = manifest["settings"], np.array(manifest["classes"])
    _check_arrays(folder, manifest, arrays)
    model = KNNDigitClassifier(
        manifest["preset"],
        embedding=_embedding_from_json(folder, settings["embedding"]),
        n_neighbors=settings["n_neighbors"],
        weights=settings["weights"],
        n_jobs=n_jobs,
    )
    model.classes_ = classes
    model.n_features_in_ = manifest["n_features"]
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
    folder = Path(path)
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
    path = folder / MANIFEST
    try:
        if path.stat().st_size > _LARGEST_MANIFEST:
            raise _damaged(folder, f"{MANIFEST} is larger than {_LARGEST_MANIFEST:,} bytes")
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise ModelFileError(
            f"no model in {folder}: expected {MANIFEST}; make one with `knn-digits fit`"
        ) from None
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise _damaged(folder, f"{MANIFEST} is not JSON") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelFileError(f"{path} is not the manifest of a knn-digits model")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise ModelFileError(
            f"{folder} holds a model of format version {manifest.get('format_version')!r}, expected "
            f"{FORMAT_VERSION}: fit it anew with `knn-digits fit`"
        )
    problem = _problem_in(manifest)
    if problem:
        raise _damaged(folder, f"{MANIFEST}: {problem}")
    return manifest


# ---- writing ----


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
    settings, arrays, classes = (manifest.get(key) for key in ("settings", "arrays", "classes"))
    if manifest.get("preset") not in PRESETS:
        return f"preset {manifest.get('preset')!r}, expected one of {', '.join(PRESETS)}"
    if not isinstance(settings, dict) or not _is_count(settings.get("n_neighbors")):
        return "settings without a number of neighbors"
    if settings.get("weights") not in WEIGHTS:
        return f"weights {settings.get('weights')!r}, expected one of {', '.join(WEIGHTS)}"
    if not isinstance(classes, list) or not classes or not _all_of_one_kind(classes):
        return "classes are not a list of whole numbers or of texts"
    if classes != sorted(set(classes)):
        return "classes are not ascending"
    if not _is_count(manifest.get("n_features")):
        return "n_features is not a positive number"
    expected = {"images", "labels", "forgotten"} | ({"embedded"} if settings.get("embedding") else set())
    if not isinstance(arrays, dict) or set(arrays) != expected:
        return f"expected the arrays {', '.join(sorted(expected))}"
    if not all(isinstance(e, dict) and {"dtype", "shape", "bytes", "sha256"} <= set(e) for e in arrays.values()):
        return "an array without its type, shape, size or sha256"
    return None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _all_of_one_kind(classes: list[Any]) -> bool:
    return all(isinstance(c, str) for c in classes) or all(type(c) is int and abs(c) < 2**62 for c in classes)


def _embedding_from_json(folder: Path, entry: Any) -> Any:
    if entry is None:
        return None
    try:
        return _EMBEDDINGS[entry["name"]](**entry["parameters"])
    except (KeyError, TypeError):
        raise _damaged(folder, f"{MANIFEST}: unknown embedding") from None


def _open_array(path: Path, entry: dict[str, Any]) -> NDArray:
    """Map one array after checking its file against its header and the manifest."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            if npy.read_magic(file) != (1, 0):
                raise ValueError("not of .npy version 1.0")
            shape, fortran, dtype = npy.read_array_header_1_0(file)
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
    embedded = arrays.get("embedded")
    if embedded is not None and (embedded.ndim != 2 or len(embedded) != len(images) or embedded.dtype != np.int16):
        raise _damaged(folder, "embedded.npy does not hold one int16 row an image")
