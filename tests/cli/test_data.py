"""What is not MNIST, or not whole, is told in one line; nothing is made of it."""

import gzip
import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest

SIDE, N_TRAIN, N_TEST = 6, 40, 12


def idx(array, dims=None):
    array = np.asarray(array, np.uint8)
    shape = dims or array.shape
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape) + array.tobytes()


@pytest.fixture
def idx_folder(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "set"
    folder.mkdir()
    for part, n in (("train", N_TRAIN), ("t10k", N_TEST)):
        labels = np.arange(n) % 4
        images = rng.integers(0, 256, (n, SIDE, SIDE)) // (labels[:, None, None] + 1)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    return folder


TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz"


def swap(folder: Path) -> None:
    images, labels = (folder / TRAIN_IMAGES).read_bytes(), gzip.decompress((folder / TRAIN_LABELS).read_bytes())
    (folder / TRAIN_IMAGES).write_bytes(labels)
    (folder / TRAIN_LABELS).write_bytes(gzip.compress(images))


FAULTS = {
    "no folder": lambda f: f.rename(f.with_name("gone")),
    "empty folder": lambda f: [p.unlink() for p in f.iterdir()],
    "a file is missing": lambda f: (f / TRAIN_LABELS).unlink(),
    "truncated": lambda f: (f / TRAIN_IMAGES).write_bytes((f / TRAIN_IMAGES).read_bytes()[:-7]),
    "trailing bytes": lambda f: (f / TRAIN_IMAGES).write_bytes((f / TRAIN_IMAGES).read_bytes() + b"more"),
    "truncated gzip": lambda f: (f / TRAIN_LABELS).write_bytes((f / TRAIN_LABELS).read_bytes()[:-9]),
    "corrupt gzip": lambda f: (f / TRAIN_LABELS).write_bytes(b"\x1f\x8b" + os.urandom(80)),
    "empty file": lambda f: (f / TRAIN_IMAGES).write_bytes(b""),
    "not IDX": lambda f: (f / TRAIN_IMAGES).write_bytes(b"hello world, this is a text"),
    "HTML": lambda f: (f / TRAIN_IMAGES).write_text("<!DOCTYPE html><html>404</html>"),
    "swapped": swap,
    "fewer labels": lambda f: (f / TRAIN_LABELS).write_bytes(gzip.compress(idx(np.zeros(N_TRAIN - 1)))),
    "an unknown test label": lambda f: (f / "t10k-labels-idx1-ubyte.gz").write_bytes(
        gzip.compress(idx(np.full(N_TEST, 200)))
    ),
    "a header that lies": lambda f: (f / TRAIN_IMAGES).write_bytes(idx(np.zeros(9), (2**31, 2**31, 4))),
    "not square": lambda f: (f / TRAIN_IMAGES).write_bytes(idx(np.zeros((N_TRAIN, 4, 9)))),
    "gzip bomb": lambda f: (f / TRAIN_LABELS).write_bytes(gzip.compress(idx([0] * 9) + bytes(2**27))),
}


def test_a_folder_of_idx_files_is_a_data_set(call, idx_folder):
    done = call("fit", "--dataset", idx_folder, "--out", "m", "--offline")
    assert done.code == 0
    assert "40 images" in done.out


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_set_is_one_clear_line_and_makes_no_model(call, idx_folder, fault):
    FAULTS[fault](idx_folder)
    done = call("fit", "--dataset", idx_folder, "--out", "m")
    done.assert_one_line_error()
    assert not any(Path().iterdir())


@pytest.mark.parametrize("fault", ["truncated", "swapped", "not IDX"])
def test_damaged_mnist_is_never_passed_over(call, idx_folder, fault):
    # What the user pointed at as MNIST must be it: other digits in its place would be a lie.
    FAULTS[fault](idx_folder)
    for dataset in ("mnist", "auto"):
        call(
            "fit", "--dataset", dataset, "--data-dir", idx_folder, "--out", "m", "--offline"
        ).assert_one_line_error()


def test_mnist_offline_says_what_to_do(call):
    done = call("run", "--dataset", "mnist", "--offline")
    done.assert_one_line_error()
    assert "train-images-idx3-ubyte" in done.err
    assert not any(Path().iterdir())


def test_fetching_from_a_mirror_that_is_down_is_one_line(call, monkeypatch):
    monkeypatch.setenv("KNN_DIGITS_MIRROR", "http://127.0.0.1:9/")
    call("data", "fetch").assert_one_line_error()


def test_more_neighbors_than_images_is_one_line(call, idx_folder):
    done = call("fit", "--dataset", idx_folder, "--out", "m", "--preset", "pixels", "--n-neighbors", "41")
    done.assert_one_line_error()
    assert not any(Path().iterdir())


def test_hulls_are_spanned_by_as_many_images_as_there_are(call, idx_folder):
    assert call("fit", "--dataset", idx_folder, "--out", "m", "--n-neighbors", "41").code == 0
    assert call("model", "verify", "m").code == 0


def test_a_set_too_small_to_fold_is_one_line(call, tmp_path):
    folder = tmp_path / "tiny"
    folder.mkdir()
    for part in ("train", "t10k"):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(np.arange(18).reshape(2, 3, 3)))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx([0, 1]))
    call("run", "--dataset", folder, "--out", "out").assert_one_line_error()
    assert not any(Path().iterdir())


@pytest.mark.parametrize("content", [b"", b"1\n2\n", b"\xff\x00\x01", None])
def test_a_file_of_writers_that_does_not_fit_is_one_line(call, idx_folder, content):
    if content is not None:
        Path("writers.txt").write_bytes(content)
    done = call("run", "--dataset", idx_folder, "--out", "out", "--groups", "writers.txt")
    done.assert_one_line_error()
    assert not Path("out").exists()


def test_where_mnist_is(call, mnist, monkeypatch):
    monkeypatch.setenv("KNN_DIGITS_DATA_DIR", mnist.source.removeprefix("folder "))
    done = call("data", "show", "--json")
    assert {file["state"] for file in json.loads(done.out)["files"]} == {"ok"}
    assert call("data", "verify").code == 0
    assert "checksum right" in call("data").out


def test_verifying_what_is_not_there_fails(call):
    done = call("data", "verify")
    assert done.code == 1
    assert "missing" in done.out
    assert done.err.count("\n") == 1
