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
    if not isinstance(rows, list) or not all(map(_is_row, rows)) or not isinstance(bench.get("dataset"), dict):
        raise ResultsError(
            f"{path} is damaged: no list of results of methods; measure again with `knn-digits bench`"
        )
    return bench


def _is_row(row: Any) -> bool:
    """Whether what a comparison reads is of the types it must be."""
    if not isinstance(row, dict) or not isinstance(row.get("method"), str):
        return False
    pairs = [row[name] for name in ("ratio_spread", "ci95") if row.get(name) is not None]
    names = ("error_rate", "recall_at_10", "model_mb", "peak_rss_mb", "fit_s", "single_ms_p50")
    numbers = [row[name] for name in names if row.get(name) is not None]
    return all(isinstance(p, list) and len(p) == 2 for p in pairs) and all(
        isinstance(n, int | float) and not isinstance(n, bool) for n in (*numbers, *(n for p in pairs for n in p))
    )
