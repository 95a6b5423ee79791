"""Our JSON files: each says its format and version, is always valid UTF-8, and is not trusted when read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from knn_digits.errors import KnnDigitsError
from knn_digits.printable import printable

__all__ = ["has_format", "read_json", "writable", "write_json"]

_LARGEST = 2**26  # bytes; ours are far smaller, and a larger one would only fill the memory


def read_json(
    path: Path, *, file_format: str, version: int, error: type[KnnDigitsError], made_by: str
) -> dict[str, Any]:
    """Read a JSON file of ours.

    Parameters
    ----------
    path : Path
    file_format, version : str, int
        What its ``format`` and ``format_version`` must be.
    error : type
        What to raise.
    made_by : str
        The command that makes such a file.

    Returns
    -------
    content : dict
        Every text in it can be printed.

    Raises
    ------
    error
        If it is missing, damaged, of another format or of another version.
    """
    try:
        content = _read(path)
    except (FileNotFoundError, NotADirectoryError):
        raise error(f"no {path.name} in {path.parent}: make it with `{made_by}`") from None
    except OSError as reason:
        raise error(f"cannot read {path}: {reason.strerror}; expected a file of `{made_by}`") from None
    except (ValueError, RecursionError):
        raise error(f"{path} is damaged: not JSON; make it anew with `{made_by}`") from None
    if not _is_of(content, file_format):
        raise error(f"{path} is not a file of {file_format}: expected one that `{made_by}` made")
    found = content.get("format_version")
    if found != version:
        raise error(
            f"{path} is of format version {found!r:.80}, expected {version}: "
            f"make it anew with this version's `{made_by}`"
        )
    return content


def has_format(path: Path, file_format: str) -> bool:
    """Tell whether a file is JSON of this format, whatever its version."""
    try:
        # A pipe would be waited for.
        return path.is_file() and _is_of(_read(path), file_format)
    except (OSError, ValueError, RecursionError):
        return False


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file that `read_json` reads."""
    text = json.dumps(writable(content), indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def writable(value: Any) -> Any:
    """Copy a text, or lists and dicts of texts, so that UTF-8 can hold it; see `printable`."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {writable(key): writable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [writable(item) for item in value]
    return value


def _read(path: Path) -> Any:
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError("too large to be one of ours")
    return writable(json.loads(content.decode("utf-8")))


def _is_of(content: Any, file_format: str) -> bool:
    return isinstance(content, dict) and content.get("format") == file_format
