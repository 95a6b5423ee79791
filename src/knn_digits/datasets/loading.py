"""Which road to take to a data set, and what to say when it is closed."""

from dataclasses import replace
from os import PathLike

from knn_digits.datasets.bundled import load_bundled_digits
from knn_digits.datasets.byte_progress import ByteProgress
from knn_digits.datasets.dataset import DigitDataset
from knn_digits.datasets.folder import is_data_path, load_folder
from knn_digits.datasets.mnist import load_mnist
from knn_digits.datasets.paths import expanded, is_folder
from knn_digits.errors import DataNotFoundError

NAMES = ("auto", "mnist", "digits")


def load_dataset(
    name_or_path: str | PathLike[str] = "auto",
    *,
    data_dir: str | PathLike[str] | None = None,
    download: bool = False,
    progress: ByteProgress | None = None,
) -> DigitDataset:
    """Load a data set of digits.

    Parameters
    ----------
    name_or_path : str or path, default="auto"
        - ``"mnist"``: MNIST or an error.
        - ``"digits"``: the 1,797 digits inside scikit-learn, 8x8 pixels.
        - ``"auto"``: MNIST, or where it cannot be had, ``"digits"`` with a note that says why.
        - a path: a folder with four IDX files (MNIST, EMNIST, QMNIST, Fashion-MNIST) or with one folder
          of pictures per class. A folder that bears one of the names above is written ``./digits``.
    data_dir : path, optional
        Where the files of MNIST are; by default ``KNN_DIGITS_DATA_DIR``. Where files are missing there the
        cache and the mirrors are next, and a note says so; where one is damaged that is an error. Other
        data sets do not look at it.
    download : bool, default=False
        Whether the network may be used, for MNIST alone.
    progress : callable, optional
        ``progress(done_bytes, total_bytes_or_None, description)``, called while something slow goes on.

    Returns
    -------
    DigitDataset
        Validated and read-only.

    Raises
    ------
    DataNotFoundError
        The data set is not there and could not be fetched.
    DataError
        It is there but damaged, or there is no data set of this name.
    """
    if name_or_path == "digits":
        return load_bundled_digits()
    if name_or_path == "mnist":
        return load_mnist(data_dir=data_dir, download=download, progress=progress)
    if name_or_path == "auto":
        return _load_mnist_or_digits(data_dir, download, progress)
    path = expanded(name_or_path)
    if not is_folder(path) and not is_data_path(path):
        raise DataNotFoundError(
            f"there is no data set and no folder {str(name_or_path)[:200]!r}: expected {', '.join(NAMES)},"
            " or the path of a folder with IDX files or with one folder of pictures per class"
        )
    return load_folder(path, progress)


def _load_mnist_or_digits(
    data_dir: str | PathLike[str] | None, download: bool, progress: ByteProgress | None
) -> DigitDataset:
    try:
        return load_mnist(data_dir=data_dir, download=download, progress=progress)
    except DataNotFoundError as error:
        digits = load_bundled_digits()
        count = len(digits.train_images) + len(digits.test_images)
        note = f"{error}. Until then, this is about the {count:,} small digits inside scikit-learn instead."
        return replace(digits, notes=(note, *digits.notes))
