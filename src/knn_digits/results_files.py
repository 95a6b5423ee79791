"""Results on disk: ``results.json`` for numbers and words, ``results.npz`` for what pictures need.

They part computing from showing: the report is drawn from these two files alone. Their fields are
documented in ``docs/results.md``.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.errors import ResultsError

__all__ = ["FORMAT", "FORMAT_VERSION", "RESULTS_FILE", "read_results", "write_results"]

FORMAT, FORMAT_VERSION = "knn-digits results", 1
RESULTS_FILE, _ARRAYS = "results.json", "results.npz"
_LARGEST_ARRAY = 2**30  # bytes


def write_results(folder: Path, results: dict[str, Any], arrays: dict[str, NDArray]) -> None:
    """Write both files into an existing folder."""
    text = json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / RESULTS_FILE).write_text(text + "\n", encoding="utf-8")
    np.savez_compressed(folder / _ARRAYS, allow_pickle=False, **arrays)


def read_results(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Read both files.

    Raises
    ------
    ResultsError
        If a file is missing, damaged or of another format version.
    """
    results = _read_json(folder / RESULTS_FILE)
    return results, _read_arrays(folder / _ARRAYS)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultsError(
            f"no results in {path.parent}: expected {path.name}; make it with `knn-digits run`"
        ) from None
    except OSError as error:
        raise ResultsError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ResultsError(f"{path} is damaged: not JSON; make it anew with `knn-digits run`") from None
    if not isinstance(results, dict) or results.get("format") != FORMAT:
        raise ResultsError(f"{path} is not a file of knn-digits results")
    if results.get("format_version") != FORMAT_VERSION:
        raise ResultsError(
            f"{path} is of format version {results.get('format_version')!r}, expected {FORMAT_VERSION}: "
            "make it anew with this version's `knn-digits run`"
        )
    return results


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
