"""Opens plain and gzip-compressed files alike, and reads no more of them than is wanted."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from knn_digits.errors import DataError, DataNotFoundError

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20


def is_gzip(content: bytes) -> bool:
    """Tell by the first bytes, never by the name, whether a file is gzip-compressed."""
    return content[:2] == _GZIP_MAGIC


@contextmanager
def open_plain_or_gzip(source: Path | bytes, name: str) -> Iterator[BinaryIO]:
    """Give a stream of the uncompressed content; whatever goes wrong in it becomes a ``DataError``.

    Parameters
    ----------
    source : Path or bytes
        A file, or the content of one.
    name : str
        What to call it in messages.

    Raises
    ------
    DataNotFoundError
        There is no such file.
    DataError
        It cannot be read, or its gzip stream is damaged or cut short.
    """
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as raw:
            zipped = is_gzip(raw.read(2))
            raw.seek(0)
            if zipped:
                with gzip.GzipFile(fileobj=raw) as stream:
                    yield cast(BinaryIO, stream)
            else:
                yield cast(BinaryIO, raw)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{name} is a damaged or truncated gzip file ({error}): fetch it again") from error
    except FileNotFoundError as error:
        raise DataNotFoundError(f"{name} does not exist: check the path") from error
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror or error}") from error


def read_up_to(stream: BinaryIO, limit: int) -> bytearray:
    """Read at most `limit` bytes, in pieces, so that memory follows what is there and not what is claimed."""
    content = bytearray()
    while len(content) < limit:
        piece = stream.read(min(_CHUNK, limit - len(content)))
        if not piece:
            break
        content += piece
    return content
