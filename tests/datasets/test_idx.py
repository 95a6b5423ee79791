import contextlib
import gzip
import hashlib
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from knn_digits.datasets import compression, idx
from knn_digits.datasets.idx import idx_sha256, read_idx
from knn_digits.errors import DataError, DataNotFoundError

from .conftest import REAL_DATA_DIR, idx_bytes

IMAGES = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
shapes = hnp.array_shapes(min_dims=1, max_dims=3, max_side=9)


@given(array=hnp.arrays(np.uint8, shapes), zipped=st.booleans())
def test_reads_back_what_was_written(array, zipped):
    content = idx_bytes(array)
    got = read_idx(gzip.compress(content) if zipped else content)
    assert got.dtype == np.uint8
    assert np.array_equal(got, array)
    assert idx_sha256(got) == hashlib.sha256(content).hexdigest()


@given(array=hnp.arrays(np.int32, shapes))
def test_reads_big_endian_int32(array):
    got = read_idx(idx_bytes(array, 0x0C))
    assert got.dtype == np.int32
    assert got.dtype.isnative
    assert np.array_equal(got, array)


@settings(max_examples=400)
@given(data=st.data(), zipped=st.booleans())
def test_a_mutated_file_is_read_or_refused_but_never_crashes(data, zipped):
    content = bytearray(gzip.compress(idx_bytes(IMAGES)) if zipped else idx_bytes(IMAGES))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    try:
        array = read_idx(bytes(content))
    except DataError:
        return
    assert array.dtype in (np.uint8, np.int32)


@given(content=st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(content):
    with contextlib.suppress(DataError):
        read_idx(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\0\0\x08", "not an IDX file"),
        (b"PK\3\4 something", "not an IDX file"),
        (b"<!DOCTYPE html><html>sign in</html>", "web page"),
        (b"\n  <html>", "web page"),
        (b"\xef\xbb\xbf<html>", "web page"),
        (gzip.compress(b"<html>", mtime=0), "web page"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"\0\0\x0d\1\0\0\0\1", "float32"),
        (b"\0\0\x42\1\0\0\0\1", "unknown"),
        (b"\0\0\x08\0", "0 dimensions"),
        (b"\0\0\x08\xff" + b"\0" * 2000, "255 dimensions"),
        (b"\0\0\x08\3\0\0\0\1", "inside its header"),
        (b"\0\0\x08\1\0\0\0\0", "no items"),
        (b"\0\0\x08\3" + b"\xff" * 12, "limit"),
        (idx_bytes(IMAGES)[:-1], "only 17"),
        (idx_bytes(IMAGES) + b"\0", "more"),
        (gzip.compress(idx_bytes(IMAGES), mtime=0)[:-9], "gzip"),
        (gzip.compress(idx_bytes(IMAGES), mtime=0)[:6], "gzip"),
        (b"\x1f\x8b" + b"\0" * 40, "gzip"),
    ],
)
def test_hostile_content_is_refused_in_one_line(content, words):
    with pytest.raises(DataError, match=words) as caught:
        read_idx(content, name="the-file")
    assert str(caught.value).startswith("the-file")
    assert "\n" not in str(caught.value)


def test_corrupt_checksum_inside_gzip_is_refused():
    content = bytearray(gzip.compress(idx_bytes(IMAGES)))
    content[-6] ^= 0xFF
    with pytest.raises(DataError, match="gzip"):
        read_idx(bytes(content))


def test_a_gzip_bomb_is_not_inflated(monkeypatch):
    bomb = gzip.compress(idx_bytes(IMAGES) + bytes(256 << 20), compresslevel=1)
    produced = 0
    real_read = gzip.GzipFile.read

    def counted(self, size=-1):
        nonlocal produced
        piece = real_read(self, size)
        produced += len(piece)
        return piece

    monkeypatch.setattr(compression.gzip.GzipFile, "read", counted)
    with pytest.raises(DataError, match="more"):
        read_idx(bomb)
    assert produced <= len(idx_bytes(IMAGES)) + 1


def test_a_header_alone_does_not_claim_memory(monkeypatch):
    claimed = idx.MAX_BYTES
    asked = []
    real = compression.read_up_to

    def spy(stream, limit):
        content = real(stream, limit)
        asked.append((limit, len(content)))
        return content

    monkeypatch.setattr(idx, "read_up_to", spy)
    with pytest.raises(DataError, match="only 3"):
        read_idx(b"\0\0\x08\1" + claimed.to_bytes(4, "big") + b"abc")
    assert asked == [(claimed + 1, 3)]


def test_result_is_read_only():
    with pytest.raises(ValueError, match="read-only"):
        read_idx(idx_bytes(IMAGES))[0] = 0


def test_paths_that_are_no_files(tmp_path):
    with pytest.raises(DataNotFoundError, match="does not exist"):
        read_idx(tmp_path / "none")
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path)


def test_compression_is_told_by_content_not_by_name(tmp_path):
    (tmp_path / "plain.gz").write_bytes(idx_bytes(IMAGES))
    (tmp_path / "zipped").write_bytes(gzip.compress(idx_bytes(IMAGES)))
    assert np.array_equal(read_idx(tmp_path / "plain.gz"), IMAGES)
    assert np.array_equal(read_idx(str(tmp_path / "zipped")), IMAGES)


@pytest.mark.skipif(not REAL_DATA_DIR, reason="needs MNIST: set KNN_DIGITS_DATA_DIR")
def test_reads_the_training_images_in_under_a_second():
    (path,) = Path(str(REAL_DATA_DIR)).glob("train-images*")
    start = time.perf_counter()
    assert read_idx(path).shape == (60_000, 28, 28)
    assert time.perf_counter() - start < 1
