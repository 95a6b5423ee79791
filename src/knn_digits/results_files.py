"""Results on disk: ``results.json`` for numbers and words, ``results.npz`` for what pictures need.

They part computing from showing: the report is drawn from these two files alone. Their fields are
documented in ``docs/results.md``.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.errors import ResultsError
from knn_digits.json_files import read_json, write_json
from knn_digits.output_folder import Kind

__all__ = ["FORMAT", "FORMAT_VERSION", "REPORT_FOLDER", "RESULTS_FILE", "read_results", "write_results"]

FORMAT, FORMAT_VERSION = "knn-digits results", 3
RESULTS_FILE, _ARRAYS = "results.json", "results.npz"
REPORT_FOLDER = Kind(RESULTS_FILE, FORMAT, frozenset({RESULTS_FILE, _ARRAYS, "index.html", "figures", "model"}))
_LARGEST_ARRAY = 2**30  # bytes


def write_results(folder: Path, results: dict[str, Any], arrays: dict[str, NDArray]) -> None:
    """Write both files into an existing folder."""
    write_json(folder / RESULTS_FILE, results)
    np.savez_compressed(folder / _ARRAYS, allow_pickle=False, **arrays)


def read_results(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Read both files.

    Raises
    ------
    ResultsError
        If a file is missing, damaged or of another format version.
    """
    path = folder / RESULTS_FILE
    results = read_json(
        path, file_format=FORMAT, version=FORMAT_VERSION, error=ResultsError, made_by="knn-digits run"
    )
    return results, _read_arrays(folder / _ARRAYS)


def _read_arrays(path: Path) -> dict[str, NDArray]:
    try:
        with zipfile.ZipFile(path) as archive:
            too_large = [i.filename for i in archive.infolist() if i.file_size > _LARGEST_ARRAY]
        if too_large:
            raise ResultsError(f"{path} is damaged: {too_large[0]} claims more than {_LARGEST_ARRAY:,} bytes")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except FileNotFoundError:
        raise ResultsError(f"no {path.name} in {path.parent}; make it with `knn-digits run`") from None
    except ResultsError:
        raise
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, KeyError, NotImplementedError) as error:
        raise ResultsError(f"{path} is damaged ({error}); make it anew with `knn-digits run`") from None
