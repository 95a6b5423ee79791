"""One bounded download from a public mirror, and one line about every failure."""

import io
import os
from urllib.parse import urlsplit

from knn_digits.datasets.byte_progress import ByteProgress
from knn_digits.errors import DataError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",  # PyTorch's
    "https://storage.googleapis.com/cvdf-datasets/mnist/",  # CVDF's, which TensorFlow Datasets uses
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",  # Keras's
)
MAX_DOWNLOAD = 64 << 20  # bytes; the largest file is 11.5 MB
_TIMEOUT = (10.0, 30.0)  # seconds to connect, and between two pieces
_CHUNK = 1 << 16


class DownloadError(DataError):
    """One mirror could not serve one file; the message is the reason alone."""


def mirrors() -> tuple[str, ...]:
    """List the addresses to try: ``KNN_DIGITS_MIRROR`` alone where it is set, else the public mirrors.

    An address that ends in ``.npz`` is a file of Keras's kind, any other a folder of IDX files.

    Raises
    ------
    DataError
        ``KNN_DIGITS_MIRROR`` is not an http or https address.
    """
    own = os.environ.get("KNN_DIGITS_MIRROR", "").strip()
    if not own:
        return MIRRORS
    try:
        parts = urlsplit(own)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        valid = False
    if not valid:
        raise DataError("KNN_DIGITS_MIRROR is not an address: expected http:// or https:// and a host")
    return (own if own.endswith(("/", ".npz")) else own + "/",)


def shown(url: str) -> str:
    """Give an address as it may be printed and stored: without user, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def download_file(url: str, description: str, progress: ByteProgress | None = None) -> bytes:
    """Fetch one file into memory, never more than 64 MB of it.

    Memory, not disk: the files are small, nothing has to be tidied up when it breaks off, and a
    full disk does not keep anybody from working.

    Raises
    ------
    DownloadError
        No connection, no answer, an error status, broken off, or too large; the text says which.
    """
    import pooch
    import requests

    content = _BoundedBuffer()
    bar = _ProgressBar(progress, description) if progress else False
    fetch = pooch.HTTPDownloader(progressbar=bar, chunk_size=_CHUNK, timeout=_TIMEOUT)
    try:
        fetch(url, content, None)
    except DownloadError:
        raise
    except (requests.RequestException, ValueError) as error:  # ValueError: headers that make no sense
        raise DownloadError(_reason(error)) from error
    return content.getvalue()


def _reason(error: Exception) -> str:
    """Say in a few words what requests says in two hundred characters, with the address in them."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"answered {error.response.status_code} {error.response.reason}"
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (requests.exceptions.SSLError, "no trusted TLS connection"),
        (requests.exceptions.ProxyError, "the proxy refused"),
        (requests.Timeout, "no answer in time"),
        (requests.exceptions.ChunkedEncodingError, "the download broke off"),
        (requests.ConnectionError, "no connection"),
    )
    return next((text for kind, text in kinds if isinstance(error, kind)), type(error).__name__)


class _BoundedBuffer(io.BytesIO):
    """Memory that refuses to grow beyond what any file of MNIST needs."""

    def write(self, piece: bytes) -> int:  # type: ignore[override]
        if self.tell() + len(piece) > MAX_DOWNLOAD:
            raise DownloadError(f"sends more than {MAX_DOWNLOAD >> 20} MB, which is not MNIST")
        return super().write(piece)


class _ProgressBar:
    """What pooch takes for a progress bar, told on to a plain function."""

    def __init__(self, report: ByteProgress, description: str) -> None:
        self.report = report
        self.description = description
        self.total = 0
        self.done = 0

    def update(self, count: int) -> None:
        # pooch counts whole chunks, so the last one would overshoot.
        self.done = min(self.done + count, self.total) if self.total else self.done + count
        self.report(self.done, self.total or None, self.description)

    def reset(self) -> None:
        # Where the size is unknown pooch adds nothing after this, and what was counted stands.
        self.done = 0 if self.total else self.done

    def close(self) -> None:
        """Nothing to close: whoever draws the bar also ends it."""
