"""A tiny MNIST of known checksums, a web server that can misbehave, and no road to anywhere else."""

import gzip
import hashlib
import io
import os
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knn_digits.datasets import mnist_files

REAL_DATA_DIR = os.environ.get("KNN_DIGITS_DATA_DIR")


def idx_bytes(array: np.ndarray, code: int = 0x08) -> bytes:
    """Write IDX by the book, without the code under test."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype({0x08: ">u1", 0x0C: ">i4"}[code]).tobytes()


def digit_arrays(n_train: int = 40, n_test: int = 20, side: int = 6) -> dict[str, np.ndarray]:
    """Noise with the labels 0 to 9, keyed by MNIST's file names."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (n_train + n_test, side, side), dtype=np.uint8)
    labels = (np.arange(n_train + n_test) % 10).astype(np.uint8)
    parts = images[:n_train], labels[:n_train], images[n_train:], labels[n_train:]
    return dict(zip(mnist_files.CHECKSUMS, parts, strict=True))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every test away from the user's cache, data folder and proxies."""
    for variable in ("KNN_DIGITS_DATA_DIR", "KNN_DIGITS_MIRROR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("KNN_DIGITS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Record every attempt to connect, and refuse all that leave this machine."""
    attempts: list[Any] = []
    real_connect = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        attempts.append(address)
        if address[0] != "127.0.0.1":
            raise ConnectionRefusedError(f"tests do not connect to {address}")
        real_connect(self, address)

    def getaddrinfo(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        attempts.append((host, port))
        if host != "127.0.0.1":
            raise socket.gaierror(f"tests do not look up {host}")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return attempts


@pytest.fixture
def tiny_mnist(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """MNIST's file names with the content of a tiny set, which passes for MNIST during the test."""
    contents = {name: idx_bytes(array) for name, array in digit_arrays().items()}
    for name, content in contents.items():
        monkeypatch.setitem(mnist_files.CHECKSUMS, name, hashlib.sha256(content).hexdigest())
    return contents


@pytest.fixture
def tiny_npz(tiny_mnist: dict[str, bytes]) -> bytes:
    """The same as Keras packs it."""
    return npz_bytes(digit_arrays())


def npz_bytes(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    members = zip(("x_train", "y_train", "x_test", "y_test"), arrays.values(), strict=True)
    np.savez_compressed(buffer, **dict(members))
    return buffer.getvalue()


def write_folder(folder: Path, contents: dict[str, bytes], *, zipped: bool = True, prefix: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        path = folder / f"{prefix}{name}{'.gz' if zipped else ''}"
        path.write_bytes(gzip.compress(content) if zipped else content)
    return folder


@dataclass
class Server:
    """What the web server is to answer, and what it was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    status: int = 200
    cut_after: int | None = None  # bytes actually sent of what was announced
    announce_length: bool = True
    stall: threading.Event | None = None
    meet: threading.Barrier | None = None  # the first requests of several clients wait for each other
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            state.requests.append(name)
            if state.meet and name.startswith("train-images"):
                state.meet.wait(timeout=20)
            if state.stall:
                state.stall.wait(timeout=20)
            body = state.files.get(name)
            self.send_response(404 if body is None else state.status)
            body = body or b""
            if state.announce_length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.cut_after])

        def log_message(self, *args: Any) -> None:
            pass

    class QuietServer(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing: clients that hang up are what some tests are about."""

    with QuietServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        state.url = f"http://127.0.0.1:{httpd.server_address[1]}/mnist/"
        monkeypatch.setenv("KNN_DIGITS_MIRROR", state.url)
        yield state
        if state.stall:
            state.stall.set()
        httpd.shutdown()
        thread.join()
