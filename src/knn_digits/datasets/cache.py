"""Where downloads are kept, and how a file gets there whole or not at all."""

import contextlib
import os
import secrets
import time
from pathlib import Path

from knn_digits.datasets.paths import folder_from_environment
from knn_digits.errors import OutputError

_STALE_AFTER = 3600.0  # seconds; a download in progress elsewhere is never as old as that


def cache_folder() -> Path:
    """Tell where downloads are kept: ``KNN_DIGITS_CACHE_DIR``, else the user's cache folder.

    Nothing is made by asking.

    Returns
    -------
    Path
        The folder, whether it exists or not.
    """
    from platformdirs import user_cache_path

    return folder_from_environment("KNN_DIGITS_CACHE_DIR") or user_cache_path("knn-digits", appauthor=False)


def store(name: str, content: bytes) -> Path:
    """Write a file into the cache so that it appears under its name only when it is whole.

    Two processes may store the same file at once: each writes a file of its own and renames it.

    Parameters
    ----------
    name : str
        The final file name.
    content : bytes
        All of it.

    Returns
    -------
    Path
        Where it is now.

    Raises
    ------
    OutputError
        The disk is full or read-only, or a file is in the folder's place. Nothing is left behind.
    """
    folder = cache_folder()
    part = folder / f".{name}.{secrets.token_hex(8)}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_stale_parts(folder)
        try:
            _write_through(part, content)
            part.replace(folder / name)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{name} could not be stored in the cache {folder} ({error.strerror or error}):"
            " free some space, or name another folder with KNN_DIGITS_CACHE_DIR"
        ) from error
    return folder / name


def _write_through(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # a power cut must not leave an empty file under the final name


def _remove_stale_parts(folder: Path) -> None:
    """Clear what killed processes left behind, but nothing that may still be in use."""
    for part in folder.glob(".*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > _STALE_AFTER:
                part.unlink()
