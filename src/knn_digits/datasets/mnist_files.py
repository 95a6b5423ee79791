"""The four files of MNIST: their names, and how we know that one of them is what its name says.

What counts is the sha256 of the uncompressed content, since mirrors and people compress anew. Keras's
``mnist.npz`` holds the same arrays, so its members are checked against the same table.
"""

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.datasets.idx import idx_sha256, read_idx
from knn_digits.datasets.paths import is_file
from knn_digits.errors import DataError

CHECKSUMS = {  # sha256 of the uncompressed files, in the order in which DigitDataset takes them
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
NPZ_NAME = "mnist.npz"
_NPZ_MEMBERS = dict(zip(CHECKSUMS, ("x_train", "y_train", "x_test", "y_test"), strict=True))
_NPZ_LIMIT = 128 << 20  # bytes in all when uncompressed; the real one has 55 MB

Arrays = dict[str, NDArray[np.uint8]]


def candidates(folder: Path, name: str) -> list[Path]:
    """List the files of a folder that may hold this part of MNIST, the preferred one first."""
    dotted = name.replace("-idx", ".idx")
    names = (name, f"{name}.gz", dotted, f"{dotted}.gz", NPZ_NAME)
    return [folder / n for n in names if is_file(folder / n)]


def read_checked(path: Path, name: str) -> NDArray[np.uint8]:
    """Read one part of MNIST from an IDX file or Keras's npz, and check that it is just that."""
    array = read_npz_member(path, str(path), name) if path.suffix == ".npz" else read_idx(path)
    check_content(array, str(path), name)
    return array


def check_content(array: NDArray[Any], shown_name: str, name: str) -> None:
    """Compare with the table of checksums, and say so when it is another file of the four."""
    actual = idx_sha256(array) if array.dtype == np.uint8 else f"that of {array.dtype} values"
    if actual == CHECKSUMS[name]:
        return
    twin = next((other for other, checksum in CHECKSUMS.items() if checksum == actual), None)
    if twin:
        raise DataError(f"{shown_name} holds what belongs into {twin}: the files were swapped; rename them")
    raise DataError(
        f"{shown_name} is not MNIST's {name}: expected sha256 {CHECKSUMS[name]} (uncompressed), got {actual};"
        " fetch it again, or if it is another data set, name its folder as the data set"
    )


def read_npz_member(source: Path | BytesIO, shown_name: str, name: str) -> NDArray[np.uint8]:
    """Read one array of Keras's file without pickle, after a look at the sizes it announces."""
    try:
        with zipfile.ZipFile(source) as archive:
            if sum(member.file_size for member in archive.infolist()) > _NPZ_LIMIT:
                raise DataError(f"{shown_name} announces more than {_NPZ_LIMIT >> 20} MB, which is not MNIST")
        if isinstance(source, BytesIO):
            source.seek(0)
        with np.load(source, allow_pickle=False) as arrays:
            array: NDArray[np.uint8] = arrays[_NPZ_MEMBERS[name]]
            if array.dtype != np.uint8 or array.size == 0:
                raise ValueError(f"it holds {array.dtype} {array.shape}")
    except DataError:
        raise
    except Exception as error:  # a damaged zip or npy header can raise almost anything
        raise DataError(f"{shown_name} is not Keras's {NPZ_NAME} ({error}): fetch it again") from error
    return array
