"""A folder of results appears under its name whole, or not at all, and never takes the place of somebody's own.

Everything is prepared aside and put in place at the end. Where there is no folder yet, the one prepared is
renamed. Where there is one, its entries change places with the new ones: not atomic, but a folder itself often
cannot be renamed (a mount point, as every ``docker -v x:/out`` is; the working directory; a folder in a parent
that is not ours), and its owner and rights stay. The marker goes first and comes last, so that a folder half
replaced is never taken for a whole one; whatever interrupts is undone.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from knn_digits.errors import OutputError
from knn_digits.json_files import has_format

__all__ = ["Kind", "check_replaceable", "new_folder", "replaced_file", "resolved", "writing"]

_STALE = 24 * 3600  # seconds after which what lies aside was left by a process that was killed
# Ours while something is written, or what file managers leave in every folder that is looked at.
_PASSED_OVER = re.compile(r"\.(.+\.)?(partial|previous)-\w+|\.DS_Store|Thumbs\.db|desktop\.ini", re.DOTALL)


@dataclass(frozen=True)
class Kind:
    """A kind of folder that we make, and may therefore replace.

    Attributes
    ----------
    marker : str
        Name of the JSON file that every folder of this kind holds.
    format : str
        Its ``format``.
    names : frozenset of str
        Every name, the marker's too, that we write at the top of such a folder.
    """

    marker: str
    format: str
    names: frozenset[str]


@contextmanager
def new_folder(target: Path, kind: Kind) -> Iterator[Path]:
    """Give an empty folder to fill, whose content becomes that of `target` when the block ends well.

    If the block fails or is interrupted, what stood at `target` stays as it was and nothing else is left.

    Parameters
    ----------
    target : Path
        Where the result shall be. A symlink is followed.
    kind : Kind
        What it will be. A folder that is there already must be of this kind, or empty.

    Raises
    ------
    OutputError
        If something else is at `target`, or the disk is full or cannot be written to.
    """
    target = resolved(target)
    check_replaceable(target, kind)
    with writing(target):
        aside = _make_aside(target)
    try:
        with writing(target):
            yield aside
            _put_in_place(aside, target, kind)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def check_replaceable(target: Path, kind: Kind) -> None:
    """Refuse, early, a target that `new_folder` would refuse.

    Raises
    ------
    OutputError
    """
    target = resolved(target)
    with writing(target):
        if not os.path.lexists(target):
            return
        if not target.is_dir():
            raise OutputError(f"{target} is in the way: expected a folder or nothing there; choose another name")
        names = {path.name for path in target.iterdir() if not _PASSED_OVER.fullmatch(path.name)}
        if not names:
            return
        problem = None
        if names - kind.names:
            problem = repr(min(names - kind.names))
        elif not has_format(target / kind.marker, kind.format):
            problem = f"no {kind.marker} of {kind.format}"
        if problem:
            raise OutputError(
                f"{target} holds other files ({problem}), so it is not replaced: choose another folder or empty it"
            )


def resolved(path: Path) -> Path:
    """Say where a path leads, before anything happens there: ``~`` replaced, symlinks followed, absolute."""
    with writing(path):
        # Not the methods of Path, which raise for an unknown user and for symlinks in a circle.
        return Path(os.path.realpath(os.path.expanduser(path)))  # noqa: PTH111


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


def _make_aside(target: Path) -> Path:
    """Make a hidden folder to fill, where its content can be renamed into place: on the same disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _clear_stale(target.parent, f".{target.name}.")
    if target.is_dir():
        _clear_stale(target, ".")
        return Path(tempfile.mkdtemp(prefix=".partial-", dir=target))
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.parent))
    aside.chmod(0o777 & ~_umask())
    return aside


def _clear_stale(folder: Path, prefix: str) -> None:
    """Delete what processes that were killed left aside; what is younger than a day may be in use."""
    pattern = re.compile(re.escape(prefix) + "(partial|previous)-[a-z0-9_]{8}")
    with suppress(OSError):
        for path in folder.iterdir():
            if pattern.fullmatch(path.name) and time.time() - path.lstat().st_mtime > _STALE:
                shutil.rmtree(path, ignore_errors=True)


def _put_in_place(aside: Path, target: Path, kind: Kind) -> None:
    _flush_to_disk(aside)
    if not target.exists():
        aside.rename(target)
        return
    if aside.parent != target:
        check_replaceable(target, kind)  # it was not there when we began
    _replace_entries(aside, target, kind)


def _replace_entries(aside: Path, target: Path, kind: Kind) -> None:
    """Move our entries out of `target` and those of `aside` in; all of it, or none if anything comes between."""
    previous = Path(tempfile.mkdtemp(prefix=".previous-", dir=target))
    old = [target / name for name in _marker_last(target, kind) if name in kind.names]
    new = [aside / name for name in _marker_last(aside, kind)]
    moves = [(path, previous / path.name) for path in reversed(old)]
    moves += [(path, target / path.name) for path in new]
    try:
        for source, goal in moves:
            source.rename(goal)
    except BaseException:
        for source, goal in reversed(moves):
            if not os.path.lexists(source):
                goal.rename(source)
        previous.rmdir()
        raise
    shutil.rmtree(previous, ignore_errors=True)


def _marker_last(folder: Path, kind: Kind) -> list[str]:
    return sorted(os.listdir(folder), key=lambda name: (name == kind.marker, name))  # noqa: PTH208


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
