"""``audit.json`` on disk; its fields are documented in ``docs/audit.md``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from knn_digits.errors import ResultsError
from knn_digits.json_files import read_json, write_json
from knn_digits.output_folder import Kind

__all__ = ["AUDIT_FILE", "AUDIT_FOLDER", "FORMAT", "FORMAT_VERSION", "read_audit", "write_audit"]

AUDIT_FILE = "audit.json"
FORMAT, FORMAT_VERSION = "knn-digits audit", 1
AUDIT_FOLDER = Kind(AUDIT_FILE, FORMAT, frozenset({AUDIT_FILE, "index.html"}))


def write_audit(folder: Path, audit: dict[str, Any]) -> None:
    """Write ``audit.json`` into an existing folder."""
    write_json(folder / AUDIT_FILE, audit)


def read_audit(path: Path) -> dict[str, Any]:
    """Read an ``audit.json``.

    Raises
    ------
    ResultsError
        If it is missing, damaged, of another version, or no audit at all.
    """
    return read_json(
        path, file_format=FORMAT, version=FORMAT_VERSION, error=ResultsError, made_by="knn-digits audit"
    )
