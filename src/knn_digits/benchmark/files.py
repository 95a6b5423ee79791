"""``bench.json`` on disk; its fields are documented in ``docs/bench.md``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from knn_digits.errors import ResultsError

__all__ = ["BENCH_FILE", "FORMAT", "FORMAT_VERSION", "read_bench", "write_bench"]

BENCH_FILE = "bench.json"
FORMAT, FORMAT_VERSION = "knn-digits bench", 1
_LARGEST = 2**24  # bytes


def write_bench(folder: Path, bench: dict[str, Any]) -> None:
    """Write ``bench.json`` into an existing folder."""
    text = json.dumps(bench, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / BENCH_FILE).write_text(text + "\n", encoding="utf-8")


def read_bench(path: Path) -> dict[str, Any]:
    """Read a ``bench.json``.

    Raises
    ------
    ResultsError
        If it is missing, damaged, of another version, or no benchmark at all.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise ResultsError(f"{path} is no benchmark: larger than {_LARGEST:,} bytes")
        bench = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultsError(
            f"cannot read {path}: {error.strerror}; expected a bench.json of `knn-digits bench`"
        ) from None
    except (ValueError, RecursionError):
        raise ResultsError(f"{path} is damaged: not JSON") from None
    if not isinstance(bench, dict) or bench.get("format") != FORMAT:
        raise ResultsError(f"{path} is not a file of `knn-digits bench`")
    if bench.get("format_version") != FORMAT_VERSION:
        version = bench.get("format_version")
        raise ResultsError(f"{path} is of format version {version!r}, expected {FORMAT_VERSION}: measure again")
    rows = bench.get("results")
    if not isinstance(rows, list) or not all(
        isinstance(r, dict) and isinstance(r.get("method"), str) for r in rows
    ):
        raise ResultsError(f"{path} is damaged: no list of results")
    return bench
