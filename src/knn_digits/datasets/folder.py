"""A folder of the user's own: IDX files where there are any, else pictures."""

from pathlib import Path

from knn_digits.datasets.byte_progress import ByteProgress
from knn_digits.datasets.dataset import DigitDataset
from knn_digits.datasets.idx_folder import find_idx_sets, load_idx_folder
from knn_digits.datasets.picture_folder import load_picture_folder


def is_data_path(path: Path) -> bool:
    """Tell whether a path is ``folder/set``, one of several IDX sets in a folder (EMNIST comes like that)."""
    return path.name in find_idx_sets(path.parent)


def load_folder(path: Path, progress: ByteProgress | None = None) -> DigitDataset:
    """Load a folder with one IDX set, or ``folder/set``, or a folder with one folder of pictures per class.

    Parameters
    ----------
    path : Path
        The folder.
    progress : callable, optional
        Told how many bytes of pictures have been read.

    Returns
    -------
    DigitDataset
        Named after the folder, or MNIST where the checksums say so.

    Raises
    ------
    DataError
        There is no data set in it, more than one, or something in it is damaged; the message names it.
    """
    if is_data_path(path) or find_idx_sets(path):
        return load_idx_folder(path)
    return load_picture_folder(path, progress)
