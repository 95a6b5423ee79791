"""Plain answers about paths a user gave, however odd they are."""

import os
from pathlib import Path


def folder_from_environment(variable: str) -> Path | None:
    """Read a folder from an environment variable; unset and empty are the same."""
    value = os.environ.get(variable, "").strip()
    return expanded(value) if value else None


def expanded(path: str | os.PathLike[str]) -> Path:
    """Replace a leading ``~``, where that is possible."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises for an unknown user


def is_folder(path: Path) -> bool:
    """Tell whether there is such a folder, taking a path that cannot even be asked about for no."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises for a name that is too long


def is_file(path: Path) -> bool:
    """Tell whether there is such a file, taking a path that cannot even be asked about for no."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises in a folder we may not enter


def own_name(name: str) -> str:
    """Give a user's data set its name, but never the name that stands for MNIST as it was published."""
    return f"{name} (own data)" if name.lower() == "mnist" else name or "folder"
