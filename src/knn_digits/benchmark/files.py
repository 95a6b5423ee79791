"""``bench.json`` on disk; its fields are documented in ``docs/bench.md``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from knn_digits.errors import ResultsError
from knn_digits.json_files import read_json, write_json
from knn_digits.output_folder import Kind

__all__ = ["BENCH_FILE", "BENCH_FOLDER", "FORMAT", "FORMAT_VERSION", "read_bench", "write_bench"]

BENCH_FILE = "bench.json"
FORMAT, FORMAT_VERSION = "knn-digits bench", 1
BENCH_FOLDER = Kind(
    BENCH_FILE, FORMAT, frozenset({BENCH_FILE, "bench.html", "error_against_time.png", "error_against_time.svg"})
)


def write_bench(folder: Path, bench: dict[str, Any]) -> None:
    """Write ``bench.json`` into an existing folder."""
    write_json(folder / BENCH_FILE, bench)


def read_bench(path: Path) -> dict[str, Any]:
    """Read a ``bench.json``.

    Raises
    ------
    ResultsError
        If it is missing, damaged, of another version, or no benchmark at all.
    """
    bench = read_json(
        path, file_format=FORMAT, version=FORMAT_VERSION, error=ResultsError, made_by="knn-digits bench"
    )
    rows = bench.get("results")
    if not isinstance(rows, list) or not all(
        isinstance(r, dict) and isinstance(r.get("method"), str) for r in rows
    ):
        raise ResultsError(f"{path} is damaged: no list of results")
    return bench
