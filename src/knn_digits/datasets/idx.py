"""The IDX format of MNIST and its relatives, read without trusting a byte of it.

An IDX file is two zero bytes, a type code, the number of dimensions, each dimension as a big-endian
uint32, and then the values in C order. Images are uint8 in three dimensions, labels uint8 in one;
QMNIST's labels are big-endian int32 in two.
"""

import hashlib
import math
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from knn_digits.datasets.compression import open_plain_or_gzip, read_up_to
from knn_digits.errors import DataError

MAX_BYTES = 2 << 30  # EMNIST's largest file is 0.55 GB; more than this is not a set of small pictures
MAX_DIMENSIONS = 3
_TYPES: dict[int, np.dtype[Any]] = {0x08: np.dtype(np.uint8), 0x0C: np.dtype(">i4")}
_OTHER_TYPES = {0x09: "int8", 0x0B: "int16", 0x0D: "float32", 0x0E: "float64"}


def read_idx(source: Path | str | bytes, name: str | None = None) -> NDArray[Any]:
    """Read one IDX file, plain or gzip-compressed.

    Parameters
    ----------
    source : Path, str or bytes
        A path, or the content itself.
    name : str, optional
        What to call it in messages; by default its path.

    Returns
    -------
    ndarray of uint8 or int32, 1 to 3 dimensions
        Read-only, in native byte order.

    Raises
    ------
    DataNotFoundError
        There is no such file.
    DataError
        The content is not IDX, of another type, cut short, too long, empty, or larger than 2 GiB.
        At most one byte more than the header announces is ever decompressed.
    """
    name = name or ("the data" if isinstance(source, bytes) else str(source))
    with open_plain_or_gzip(source if isinstance(source, bytes) else Path(source), name) as stream:
        dtype, shape = _read_header(stream, name)
        size = dtype.itemsize * math.prod(shape)
        if size > MAX_BYTES:
            raise DataError(f"{name} announces {size:,} bytes ({_times(shape)}), the limit is {MAX_BYTES:,}")
        body = read_up_to(stream, size + 1)
    if len(body) != size:
        got = "more" if len(body) > size else f"only {len(body):,}: it was cut short"
        raise DataError(f"{name} announces {size:,} bytes ({_times(shape)}) but holds {got}; fetch it again")
    array = np.frombuffer(body, dtype=dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)
    array.flags.writeable = False
    return array


def idx_sha256(array: NDArray[np.uint8]) -> str:
    """Hash the IDX file that would hold this uint8 array, uncompressed.

    So one table of checksums serves gzip files, plain files and Keras's npz alike.
    """
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 0x08, array.ndim, *array.shape)
    digest = hashlib.sha256(header)
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _read_header(stream: BinaryIO, name: str) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = stream.read(4)
    if not magic:
        raise DataError(f"{name} is empty, expected an IDX file: fetch it again")
    if magic.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise DataError(
            f"{name} is a web page (HTML or XML), not data: look at it in a browser, then fetch it again"
        )
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise DataError(f"{name} is not an IDX file: expected it to begin with 00 00, got {magic.hex(' ')}")
    code, dimensions = magic[2], magic[3]
    if code not in _TYPES:
        got = _OTHER_TYPES.get(code, "unknown")
        raise DataError(f"{name} holds IDX type 0x{code:02x} ({got}), expected 0x08 (uint8) or 0x0c (int32)")
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise DataError(f"{name} announces {dimensions} dimensions, expected 1 to {MAX_DIMENSIONS}")
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise DataError(f"{name} ends inside its header: it was cut short; fetch it again")
    shape: tuple[int, ...] = struct.unpack(f">{dimensions}I", sizes)
    if 0 in shape:
        raise DataError(f"{name} announces no items ({_times(shape)}), expected at least one")
    return _TYPES[code], shape


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{n:,}" for n in shape)
