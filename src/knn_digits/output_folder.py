"""A folder of results appears under its name whole, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from knn_digits.errors import OutputError

__all__ = ["check_replaceable", "new_folder", "replaced_file", "writing"]


@contextmanager
def new_folder(target: Path, marker: str) -> Iterator[Path]:
    """Give an empty folder to fill, which takes the place of `target` when the block ends well.

    If the block fails or is interrupted, what stood at `target` stays as it was and nothing else is left.

    Parameters
    ----------
    target : Path
        Where the result shall be.
    marker : str
        Name of a file that every folder of this kind holds. A folder without it is somebody's own and is
        not replaced, unless it is empty.

    Raises
    ------
    OutputError
        If something else is at `target`, or the disk is full or cannot be written to.
    """
    target = target.absolute()
    check_replaceable(target, marker)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, so that it is on the same disk and can be renamed into place.
        aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.parent))
    try:
        with writing(target):
            aside.chmod(0o777 & ~_umask())
            yield aside
            _put_in_place(aside, target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def check_replaceable(target: Path, marker: str) -> None:
    """Refuse, early, a target that `new_folder` would refuse.

    Raises
    ------
    OutputError
    """
    with writing(target):
        if not os.path.lexists(target):
            return
        if not target.is_dir():
            raise OutputError(f"{target} is in the way: expected a folder or nothing there; choose another name")
        if any(target.iterdir()) and not (target / marker).is_file():
            raise OutputError(
                f"{target} holds other files and no {marker}, so it is not replaced: choose another folder"
            )


@contextmanager
def replaced_file(target: Path) -> Iterator[Path]:
    """Give a name to write to, which takes the place of `target` when the block ends well."""
    aside = target.with_name(f".{target.name}.partial-{os.getpid()}")
    try:
        with writing(target):
            yield aside
            aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turn whatever the system says against writing into one clear line.

    Raises
    ------
    OutputError
    """
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"cannot write {target}: {reason}; choose another place or make room") from error


def _put_in_place(aside: Path, target: Path) -> None:
    """Rename `aside` to `target`; a folder that is there is first renamed away, then deleted."""
    _flush_to_disk(aside)
    if not target.exists():
        aside.rename(target)
        return
    previous = Path(tempfile.mkdtemp(prefix=f".{target.name}.previous-", dir=target.parent))
    try:
        target.rename(previous / "it")
        try:
            aside.rename(target)
        except BaseException:
            (previous / "it").rename(target)
            raise
    finally:
        shutil.rmtree(previous, ignore_errors=True)


def _flush_to_disk(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _umask() -> int:
    # There is no way to ask without setting; mkdtemp makes folders for the owner alone, results are for all.
    mask = os.umask(0)
    os.umask(mask)
    return mask
