"""``audit.json`` on disk; its fields are documented in ``docs/audit.md``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from knn_digits.json_files import write_json
from knn_digits.output_folder import Kind

__all__ = ["AUDIT_FILE", "AUDIT_FOLDER", "FORMAT", "FORMAT_VERSION", "write_audit"]

AUDIT_FILE = "audit.json"
FORMAT, FORMAT_VERSION = "knn-digits audit", 1
AUDIT_FOLDER = Kind(AUDIT_FILE, FORMAT, frozenset({AUDIT_FILE, "index.html"}))


def write_audit(folder: Path, audit: dict[str, Any]) -> None:
    """Write ``audit.json`` into an existing folder."""
    write_json(folder / AUDIT_FILE, audit)
