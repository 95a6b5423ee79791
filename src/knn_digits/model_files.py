"""Save and load fitted models: a folder of .npy arrays and one JSON manifest. No pickle, so no code runs.

::

    model/
      manifest.json    format version, settings, classes, names of the features where there are any, the data
                       it was learned from and its licence, and for every array its type, shape, size in bytes
                       and sha256
      images.npy       every learned image, uint8 or float, shape (n, d)
      labels.npy       position of its label among the classes, int64, shape (n,)
      forgotten.npy    ids that were taken out, int64, ascending
      embedded.npy     what is searched, where that is not the images themselves, int8 or int16, shape (n, c)
      mean.npy, projection.npy, strengths.npy, residual_projection.npy
                       what a DigitEmbedding learned, int64 (m,), float64 (m, c), (c,) and (m, r)
      residuals.npy    what it leaves out of every image, int8 (n, r)
      normalized.npy   what a DistortionReranker compares, uint8, shape (n, side, side)
      asked.npy, probabilities.npy, strangeness.npy
                       ids of the images that were answered out of fold, int64 (m,), with what came out, float64
                       (m, number of classes) and (m,)

A folder is written aside and put in place when whole (`output_folder`). Loading maps the arrays into memory
instead of reading them, and checks everything but the hashes (`model_manifest`), which `verify_model` does.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from sklearn.base import clone

from knn_digits.classifier import KNNDigitClassifier
from knn_digits.confidence import Calibration, OutOfFold
from knn_digits.datasets.paths import expanded
from knn_digits.errors import ModelFileError
from knn_digits.features import DigitEmbedding
from knn_digits.features.images import as_images
from knn_digits.json_files import writable, write_json
from knn_digits.model_manifest import (
    DIMENSIONS,
    EMBEDDINGS,
    FORMAT,
    FORMAT_VERSION,
    MANIFEST,
    ModelData,
    all_of_one_kind,
    check_arrays,
    damaged,
    n_voting,
    problem_in_embedding,
    problem_in_rerank,
    read_manifest,
)
from knn_digits.neighbors import ExactSearch, GrowingRows
from knn_digits.output_folder import Kind, new_folder
from knn_digits.reranking import DistortionReranker

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

MODEL_FOLDER = Kind(MANIFEST, FORMAT, frozenset({MANIFEST, *(f"{name}.npy" for name in DIMENSIONS)}))


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
        If the model has an embedding or a reranker other than `CosineEmbedding`, `DigitEmbedding` and
        `DistortionReranker`, or labels that are neither integers nor texts: such cannot be written without
        pickle. Also if fewer images are known than neighbors vote.
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
            "n_candidates": None if model.n_candidates_ is None else int(model.n_candidates_),
            "weights": model.weights_,
            "calibration_folds": None if model.calibration_folds is None else int(model.calibration_folds),
            "embedding": _embedding_as_json(model.embedding_),
            "rerank": _rerank_as_json(model.rerank_, int(model.n_features_in_)),
        },
        "classes": model.classes_.tolist(),
        "n_features": int(model.n_features_in_),
        "feature_names": None if names is None else names.tolist(),
        "data": None if data is None else vars(data),
        "calibration": {
            "weights": list(model.calibration_.weights),
            "noise": model.calibration_.noise,
            "strangeness_scales": list(model.strangeness_scales_),
            "out_of_fold": model.out_of_fold_ is not None,
        },
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
    check_arrays(folder, manifest, arrays)
    settings = manifest["settings"]
    embedding = _embedding_from_json(settings["embedding"], arrays)
    rerank = _rerank_from_json(settings["rerank"], arrays)
    model = KNNDigitClassifier(
        manifest["preset"],
        embedding=clone(embedding, safe=False),
        rerank=clone(rerank, safe=False),
        n_candidates=settings["n_candidates"],
        n_neighbors=settings["n_neighbors"],
        weights=settings["weights"],
        calibration_folds=settings["calibration_folds"],
        n_jobs=n_jobs,
    )
    model.classes_ = np.array(manifest["classes"])
    model.n_features_in_ = manifest["n_features"]
    if manifest.get("feature_names") is not None:
        model.feature_names_in_ = np.array(manifest["feature_names"], dtype=object)
    model.n_neighbors_, model.n_candidates_ = settings["n_neighbors"], settings["n_candidates"]
    model.weights_ = settings["weights"]
    model.embedding_, model.rerank_ = embedding, rerank
    model.residuals_ = GrowingRows(arrays["residuals"]) if "residuals" in arrays else None
    _set_calibration(model, manifest["calibration"], arrays)
    model.images_ = GrowingRows(arrays["images"])
    model.label_codes_ = GrowingRows(arrays["labels"])
    model.search_ = _search_among(folder, arrays.get("embedded", model.images_))
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
            raise damaged(folder, f"{name}.npy has sha256 {found[:16]}..., expected {entry['sha256'][:16]}...")


# ---- writing ----


def _check_savable(model: KNNDigitClassifier) -> None:
    """Refuse, before anything is written, what could not be loaded again."""
    classes = model.classes_.tolist()
    if not all_of_one_kind(classes) or writable(classes) != classes:
        raise ModelFileError(
            f"labels of type {model.classes_.dtype} cannot be saved: expected integers or texts in Unicode"
        )
    if n_voting(model.n_neighbors_, model.weights_) > len(model.search_):
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
    if isinstance(model.embedding_, DigitEmbedding):
        learned = model.embedding_.projection_
        arrays |= {"mean": learned.mean_, "projection": learned.projection_, "strengths": learned.strengths_}
        arrays["residual_projection"] = learned.residual_projection_
    if model.residuals_ is not None:
        arrays["residuals"] = model.residuals_.to_array()
    if model.rerank_ is not None:
        arrays["normalized"] = model.rerank_.references_.to_array()
    asked = model.out_of_fold_
    if asked is not None:
        arrays |= {"asked": asked.ids, "probabilities": asked.probabilities, "strangeness": asked.strangeness}
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
    if name not in EMBEDDINGS or type(embedding) is not EMBEDDINGS[name].estimator:
        raise ModelFileError(
            f"a model with the embedding {name} cannot be saved: expected one of {', '.join(EMBEDDINGS)}"
        )
    entry: dict[str, Any] = {"name": name, "parameters": _parameters_of(embedding)}
    if isinstance(embedding, DigitEmbedding):
        # What drew the anchors and how many threads learned no longer matter.
        if type(entry["parameters"]["random_state"]) is not int:
            entry["parameters"]["random_state"] = None
        entry["parameters"]["n_jobs"] = None
        entry["input_scale"] = float(embedding.projection_.input_scale_)
        entry["output_scale"] = float(embedding.projection_.output_scale_)
        entry["residual_scale"] = float(embedding.projection_.residual_scale_)
    _check_entry(name, entry["parameters"], problem_in_embedding(entry))
    return entry


def _rerank_as_json(rerank: Any, n_features: int) -> dict[str, Any] | None:
    if rerank is None:
        return None
    name = type(rerank).__name__
    if type(rerank) is not DistortionReranker:
        raise ModelFileError(f"a model with the reranker {name} cannot be saved: expected DistortionReranker")
    entry: dict[str, Any] = {"parameters": _parameters_of(rerank), "factor": float(rerank.factor_)}
    _check_entry(name, entry["parameters"], problem_in_rerank(entry, n_features))
    return entry


def _parameters_of(estimator: Any) -> dict[str, Any]:
    parameters = estimator.get_params()
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in parameters.items()}


def _check_entry(name: str, parameters: dict[str, Any], problem: str | None) -> None:
    """Refuse what JSON cannot hold, such as a fraction, or what loading would refuse."""
    for parameter, value in parameters.items():
        if value is not None and type(value) not in (int, float, bool):
            problem = problem or f"{parameter} {value!r:.80} is not a plain number"
    if problem:
        raise ModelFileError(f"a model with {name} cannot be saved: {problem}")


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror}") from None


# ---- reading: of what the manifest and arrays say, all was checked ----


def _embedding_from_json(entry: dict[str, Any] | None, arrays: dict[str, NDArray]) -> Any:
    if entry is None:
        return None
    embedding = EMBEDDINGS[entry["name"]].estimator(**entry["parameters"])
    if not isinstance(embedding, DigitEmbedding):
        return embedding.fit(arrays["images"][:1])
    embedding.prepare(as_images(arrays["images"][:1]).shape[1])
    embedding.n_features_in_ = arrays["images"].shape[1]
    learned = embedding.projection_ = embedding.unfitted_projection()
    learned.n_features_in_ = len(arrays["mean"])
    learned.mean_, learned.projection_ = arrays["mean"], arrays["projection"]
    learned.strengths_ = arrays["strengths"]
    learned.residual_projection_ = arrays["residual_projection"]
    learned.input_scale_, learned.output_scale_ = entry["input_scale"], entry["output_scale"]
    learned.residual_scale_ = entry["residual_scale"]
    return embedding


def _rerank_from_json(entry: dict[str, Any] | None, arrays: dict[str, NDArray]) -> DistortionReranker | None:
    if entry is None:
        return None
    rerank = DistortionReranker(**entry["parameters"])
    rerank.factor_ = entry["factor"]
    rerank.references_ = GrowingRows(arrays["normalized"])
    return rerank


def _set_calibration(model: KNNDigitClassifier, entry: dict[str, Any], arrays: dict[str, NDArray]) -> None:
    model.calibration_ = Calibration(tuple(entry["weights"]), entry["noise"])
    model.strangeness_scales_ = (entry["strangeness_scales"][0], entry["strangeness_scales"][1])
    model.out_of_fold_ = None
    if entry["out_of_fold"]:
        asked = arrays["asked"]
        codes = arrays["labels"][asked]
        model.out_of_fold_ = OutOfFold(asked, codes, arrays["probabilities"], arrays["strangeness"])


def _search_among(folder: Path, rows: NDArray | GrowingRows) -> ExactSearch:
    try:
        return ExactSearch(rows)
    except ValueError as error:
        raise damaged(folder, str(error)) from None


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
        raise damaged(path.parent, f"cannot read {path.name}: {error.strerror or error}") from None
    except (ValueError, OverflowError) as error:
        raise damaged(path.parent, f"{path.name} {error}") from None


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
