import gzip

import numpy as np
import pytest

from knn_digits.datasets import read_groups
from knn_digits.datasets import writers as writers_module
from knn_digits.errors import DataError, DataNotFoundError

QMNIST = b"5\t4\t2154\t59\t35\t229421\t0\t0\n0\t0\t7\t0\t30\t0\t0\t0\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"3\n1\n3\n", [3, 1, 3]),
        (b"3\r\n1\r\n3", [3, 1, 3]),
        (b"anna\nbert\nanna\n", ["anna", "bert", "anna"]),
        (b"\xef\xbb\xbf1\n2\n", [1, 2]),
        (b"99999999999999999999\n1\n", ["99999999999999999999", "1"]),
        (QMNIST, [2154, 7]),
        (gzip.compress(QMNIST, mtime=0), [2154, 7]),
    ],
)
def test_reads_ids(tmp_path, content, expected):
    (tmp_path / "groups").write_bytes(content)
    groups = read_groups(tmp_path / "groups", len(expected))
    assert groups.tolist() == expected
    assert groups.dtype == np.int64 or groups.dtype.kind == "U"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"1\n2\n", "2 lines, expected 3"),
        (b"1\n2\n3\n4\n", "4 lines, expected 3"),
        (b"1\n\n3\n", "line 2 is empty"),
        (b"1\n2\t2\n3\n", "line 2: expected one id"),
        (b"\xff\xfe\0\1\2", "not a text file"),
        (b"1\n\0\n3\n", "not a text file"),
        (b"\x1f\x8b\x08 broken", "gzip"),
        (gzip.compress(QMNIST, mtime=0)[:-12], "gzip"),
    ],
)
def test_anything_else_is_refused(tmp_path, content, words):
    (tmp_path / "groups").write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        read_groups(tmp_path / "groups", 3)
    assert "\n" not in str(caught.value)


def test_missing_and_too_large(tmp_path, monkeypatch):
    with pytest.raises(DataNotFoundError, match="does not exist"):
        read_groups(tmp_path / "none", 3)
    monkeypatch.setattr(writers_module, "_MAX_BYTES", 1000)
    (tmp_path / "bomb").write_bytes(gzip.compress(b"1\n" * 10_000))
    with pytest.raises(DataError, match="more than"):
        read_groups(tmp_path / "bomb", 3)
