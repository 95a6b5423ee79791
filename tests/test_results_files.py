import json

import numpy as np
import pytest

from knn_digits.errors import ResultsError
from knn_digits.results_files import FORMAT, FORMAT_VERSION, read_results, write_results


@pytest.fixture
def folder(tmp_path):
    results = {"format": FORMAT, "format_version": FORMAT_VERSION, "dataset": {"name": "Zürich <b>"}}
    write_results(tmp_path, results, {"images": np.arange(12, dtype=np.uint8).reshape(3, 4)})
    return tmp_path


def test_what_is_written_is_read(folder):
    results, arrays = read_results(folder)
    assert results["dataset"]["name"] == "Zürich <b>"
    np.testing.assert_array_equal(arrays["images"], np.arange(12).reshape(3, 4))


def test_what_is_not_utf8_is_written_all_the_same(tmp_path):
    results = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "command": "run --out caf\udce9",
        "x\udce9": [()],
    }
    write_results(tmp_path, results, {})
    read, _ = read_results(tmp_path)
    assert read["command"] == "run --out caf\N{REPLACEMENT CHARACTER}"
    assert read["x\N{REPLACEMENT CHARACTER}"] == [[]]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("results.json", None),
        ("results.json", b""),
        ("results.json", b"[]"),
        ("results.json", b"\xff\xfe"),
        ("results.json", b"[" * 100_000),
        ("results.json", b'{"x":' * 900 + b"1" + b"}" * 900),
        ("results.json", b" " * (2**26 + 1)),
        ("results.json", json.dumps({"format": FORMAT, "format_version": 99}).encode()),
        ("results.npz", None),
        ("results.npz", b""),
        ("results.npz", b"PK\x03\x04 not really"),
    ],
)
def test_damage_is_one_clear_error(folder, name, content):
    (folder / name).unlink() if content is None else (folder / name).write_bytes(content)
    with pytest.raises(ResultsError) as caught:
        read_results(folder)
    assert "\n" not in str(caught.value)


def test_objects_in_the_arrays_are_never_unpickled(folder):
    np.savez(folder / "results.npz", images=np.array([{}], dtype=object))
    with pytest.raises(ResultsError, match="damaged"):
        read_results(folder)


def test_a_truncated_archive_is_refused(folder):
    path = folder / "results.npz"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ResultsError, match="damaged"):
        read_results(folder)
