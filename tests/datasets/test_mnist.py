import errno
import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from knn_digits.datasets import cache as cache_module
from knn_digits.datasets import fetch_mnist, load_dataset, mirrors, mnist_files, mnist_status
from knn_digits.errors import DataError, DataNotFoundError, OutputError

from .conftest import REAL_DATA_DIR, digit_arrays, idx_bytes, npz_bytes, write_folder

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = mnist_files.CHECKSUMS


def served(server, contents):
    """Put the files on the server as mirrors have them, compressed."""
    import gzip

    server.files = {f"{name}.gz": gzip.compress(content) for name, content in contents.items()}
    return server.files


def visible(folder):
    return sorted(path.name for path in folder.iterdir())


# ---- from a folder of the user's


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("dotted", [True, False])
def test_reads_a_data_folder(tiny_mnist, tmp_path, connections, zipped, dotted):
    contents = {n.replace("-idx", ".idx") if dotted else n: c for n, c in tiny_mnist.items()}
    dataset = load_dataset("mnist", data_dir=write_folder(tmp_path / "d", contents, zipped=zipped), download=True)
    for array, expected in zip(
        (dataset.train_images, dataset.train_labels, dataset.test_images, dataset.test_labels),
        digit_arrays().values(),
        strict=True,
    ):
        assert np.array_equal(array, expected)
    assert dataset.name == "MNIST"
    assert dataset.source == f"folder {tmp_path / 'd'}"
    assert "CC BY-SA" in dataset.licence
    assert connections == []


def test_environment_names_the_data_folder(tiny_mnist, tmp_path, monkeypatch):
    monkeypatch.setenv("KNN_DIGITS_DATA_DIR", str(write_folder(tmp_path / "d", tiny_mnist)))
    assert load_dataset().name == "MNIST"


def test_a_tilde_stands_for_the_home_folder(tiny_mnist, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write_folder(tmp_path / "d", tiny_mnist)
    assert load_dataset("mnist", data_dir="~/d").source == f"folder {tmp_path / 'd'}"


def test_keras_npz_in_the_data_folder_is_the_same_data(tiny_mnist, tiny_npz, tmp_path):
    (tmp_path / "mnist.npz").write_bytes(tiny_npz)
    from_npz = load_dataset("mnist", data_dir=tmp_path)
    assert from_npz.sha256 == load_dataset("mnist", data_dir=write_folder(tmp_path / "d", tiny_mnist)).sha256


@pytest.mark.parametrize("name", ["mnist", "auto"])
def test_a_damaged_data_folder_is_never_passed_over(tiny_mnist, tmp_path, cache, name):
    write_folder(cache, tiny_mnist)
    other = tiny_mnist | {TEST_IMAGES: idx_bytes(255 - digit_arrays()[TEST_IMAGES])}
    with pytest.raises(DataError, match="expected sha256") as caught:
        load_dataset(name, data_dir=write_folder(tmp_path / "d", other))
    assert TEST_IMAGES in str(caught.value)
    assert mnist_files.CHECKSUMS[TEST_IMAGES] in str(caught.value)


@pytest.mark.parametrize("name", ["mnist", "auto"])
def test_files_missing_from_the_data_folder_are_looked_for_in_the_cache(tiny_mnist, tmp_path, cache, name):
    folder = write_folder(tmp_path / "d", tiny_mnist)
    (folder / f"{TEST_LABELS}.gz").unlink()
    for data_dir, lack in [(folder, TEST_LABELS), (tmp_path / "typo", "does not exist")]:
        with pytest.raises(DataNotFoundError, match=lack):
            load_dataset("mnist", data_dir=data_dir)
    write_folder(cache, tiny_mnist)
    for data_dir, lack in [(folder, TEST_LABELS), (tmp_path / "typo", "does not exist")]:
        dataset = load_dataset(name, data_dir=data_dir)
        assert dataset.source == f"cache {cache}"
        assert lack in dataset.notes[0]


def test_a_fallback_to_digits_also_tells_what_the_data_folder_lacks(tiny_mnist, tmp_path):
    dataset = load_dataset("auto", data_dir=tmp_path / "typo")
    assert dataset.name.startswith("scikit-learn")
    assert f"{tmp_path / 'typo'} does not exist" in dataset.notes[0]
    assert "MNIST could not be had" in dataset.notes[0]


@pytest.mark.parametrize(("one", "other"), [(TRAIN_IMAGES, TRAIN_LABELS), (TRAIN_LABELS, TEST_LABELS)])
def test_swapped_files_are_called_swapped(tiny_mnist, tmp_path, one, other):
    swapped = tiny_mnist | {one: tiny_mnist[other], other: tiny_mnist[one]}
    with pytest.raises(DataError, match=f"belongs into {other}: the files were swapped"):
        load_dataset("mnist", data_dir=write_folder(tmp_path / "d", swapped))


def test_labels_of_the_wrong_type(tiny_mnist, tmp_path):
    wrong = tiny_mnist | {TRAIN_LABELS: idx_bytes(np.arange(5), 0x0C)}
    with pytest.raises(DataError, match="int32"):
        load_dataset("mnist", data_dir=write_folder(tmp_path / "d", wrong))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"PK\3\4" + b"\0" * 50,
        npz_bytes(digit_arrays())[:-100],
        npz_bytes({n: a.astype(float) for n, a in digit_arrays().items()}),
        npz_bytes({n: np.array([{"a": 1}], dtype=object) for n in digit_arrays()}),  # would need pickle
        npz_bytes({n: np.zeros((0, 1 << 33), np.uint8) for n in digit_arrays()}),
        npz_bytes({n: a[:-1] for n, a in digit_arrays().items()}),
    ],
)
def test_a_hostile_npz_is_refused(tiny_mnist, tmp_path, content):
    (tmp_path / "mnist.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"not Keras's|not MNIST's") as caught:
        load_dataset("mnist", data_dir=tmp_path)
    assert "\n" not in str(caught.value)


def test_an_npz_bomb_is_not_inflated(tiny_mnist, tmp_path, monkeypatch):
    monkeypatch.setattr(mnist_files, "_NPZ_LIMIT", 1000)
    monkeypatch.setattr(np, "load", lambda *a, **k: pytest.fail("looked inside"))
    (tmp_path / "mnist.npz").write_bytes(npz_bytes(digit_arrays()))
    with pytest.raises(DataError, match="announces more than"):
        load_dataset("mnist", data_dir=tmp_path)


# ---- without a network


def test_offline_never_touches_the_network(tiny_mnist, connections):
    with pytest.raises(DataNotFoundError, match="network was not to be used") as caught:
        load_dataset("mnist")
    assert all(name in str(caught.value) for name in tiny_mnist)
    dataset = load_dataset("auto")
    assert connections == []
    assert dataset.name == "scikit-learn digits (8x8)"
    assert "MNIST could not be had" in dataset.notes[0]
    assert "--data-dir" in dataset.notes[0]
    assert len(dataset.notes) == 2


def test_all_public_mirrors_failing_is_one_line_that_names_each(tiny_mnist, connections):
    with pytest.raises(DataNotFoundError) as caught:
        load_dataset("mnist", download=True)
    message = str(caught.value)
    assert all(f"{url}: no connection" in message for url in mirrors.MIRRORS)
    assert "\n" not in message
    assert [host for host, _ in connections] == [
        "ossci-datasets.s3.amazonaws.com",
        "storage.googleapis.com",
        "storage.googleapis.com",
    ]
    assert "no connection" in load_dataset("auto", download=True).notes[0]


# ---- from mirrors


def test_downloads_once_then_serves_from_the_cache(tiny_mnist, server, cache):
    served(server, tiny_mnist)
    first = load_dataset("mnist", download=True)
    assert first.source == server.url
    assert visible(cache) == sorted(server.files)
    asked = list(server.requests)
    second = load_dataset("mnist", download=True)
    assert server.requests == asked
    assert second.source == f"cache {cache}"
    assert first.sha256 == second.sha256
    assert load_dataset("mnist").sha256 == first.sha256


def test_only_what_is_missing_or_damaged_in_the_cache_is_fetched(tiny_mnist, server, cache, caplog):
    served(server, tiny_mnist)
    write_folder(cache, tiny_mnist)
    (cache / f"{TRAIN_LABELS}.gz").unlink()
    (cache / f"{TEST_LABELS}.gz").write_bytes(b"\x1f\x8b broken")
    with caplog.at_level(logging.WARNING, "knn_digits"):
        dataset = load_dataset("mnist", download=True)
    assert dataset.source == f"cache {cache}, {server.url}"
    assert server.requests == [f"{TRAIN_LABELS}.gz", f"{TEST_LABELS}.gz"]
    (warning,) = caplog.messages
    assert "damaged or not MNIST in the cache" in warning
    assert TEST_LABELS in warning
    assert TRAIN_LABELS not in warning
    assert [status.state for status in mnist_status()] == ["ok"] * 4


def test_mirrors_are_asked_in_turn(tiny_mnist, tiny_npz, server, monkeypatch):
    monkeypatch.delenv("KNN_DIGITS_MIRROR")
    a, b, c = (f"{server.url}{part}" for part in ("a/", "b/", "c/mnist.npz"))
    monkeypatch.setattr(mirrors, "MIRRORS", (a, b, c))
    served(server, tiny_mnist)
    server.files["mnist.npz"] = tiny_npz
    del server.files[f"{TEST_IMAGES}.gz"]
    dataset = load_dataset("mnist", download=True)
    assert server.requests == [
        *(f"{name}.gz" for name in (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES)),  # the third is not there
        f"{TEST_IMAGES}.gz",  # nor at the second mirror
        "mnist.npz",
    ]
    assert dataset.source == f"{a}, {c}"
    assert load_dataset("mnist").sha256 == dataset.sha256


@pytest.mark.parametrize(
    "wrong",
    [b"<html>sign in</html>", b"", b"\x1f\x8b broken", idx_bytes(digit_arrays()[TEST_IMAGES])],
)
def test_wrong_content_is_not_stored_and_the_next_mirror_is_used(
    tiny_mnist, tiny_npz, server, cache, monkeypatch, wrong
):
    monkeypatch.delenv("KNN_DIGITS_MIRROR")
    monkeypatch.setattr(mirrors, "MIRRORS", (server.url, f"{server.url}mnist.npz"))
    server.files = {f"{TRAIN_IMAGES}.gz": wrong, "mnist.npz": tiny_npz}
    assert load_dataset("mnist", download=True).name == "MNIST"
    assert visible(cache) == ["mnist.npz"]


def test_plain_files_behind_gz_names_are_stored_under_their_true_name(tiny_mnist, server, cache):
    server.files = {f"{name}.gz": content for name, content in tiny_mnist.items()}
    load_dataset("mnist", download=True)
    assert visible(cache) == sorted(tiny_mnist)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"status": 503}, "answered 503"),
        ({"files": {}}, "answered 404"),
        ({"cut_after": 40}, "broke off"),
        ({"cut_after": 40, "announce_length": False}, "truncated"),
    ],
)
def test_a_failed_download_is_told_and_leaves_nothing(tiny_mnist, server, cache, fault, reason):
    served(server, tiny_mnist)
    for name, value in fault.items():
        setattr(server, name, value)
    with pytest.raises(DataNotFoundError, match=reason) as caught:
        load_dataset("mnist", download=True)
    assert server.url in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not cache.exists()
    assert load_dataset("auto", download=True).name.startswith("scikit-learn")


def test_a_mirror_that_never_answers_is_left(tiny_mnist, server, monkeypatch):
    monkeypatch.setattr(mirrors, "_TIMEOUT", (0.2, 0.2))
    server.stall = threading.Event()
    with pytest.raises(DataNotFoundError, match="no answer in time"):
        load_dataset("mnist", download=True)


@pytest.mark.parametrize("announced", [True, False])
def test_an_endless_download_is_stopped(tiny_mnist, server, monkeypatch, announced):
    monkeypatch.setattr(mirrors, "MAX_DOWNLOAD", 1 << 20)
    server.announce_length = announced
    server.files = {f"{TRAIN_IMAGES}.gz": bytes(8 << 20)}
    with pytest.raises(DataNotFoundError, match="sends more than 1 MB"):
        load_dataset("mnist", download=True)


def test_no_password_is_shown(tiny_mnist, server, monkeypatch):
    monkeypatch.setenv("KNN_DIGITS_MIRROR", server.url.replace("//", "//user:secret@") + "?token=secret")
    with pytest.raises(DataNotFoundError) as caught:
        load_dataset("mnist", download=True)
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("KNN_DIGITS_MIRROR", server.url.replace("//", "//user:secret@"))
    served(server, tiny_mnist)
    assert load_dataset("mnist", download=True).source == server.url


@pytest.mark.parametrize("value", ["ftp://host/x", "/a/folder", "http://", "http://[bad"])
def test_a_mirror_that_is_no_address(tiny_mnist, monkeypatch, value):
    monkeypatch.setenv("KNN_DIGITS_MIRROR", value)
    with pytest.raises(DataError, match="KNN_DIGITS_MIRROR"):
        load_dataset("mnist", download=True)


@pytest.mark.parametrize("announced", [True, False])
def test_progress_never_overshoots_and_ends_at_the_total(tiny_mnist, server, announced):
    served(server, tiny_mnist)
    server.announce_length = announced
    calls = []
    load_dataset("mnist", download=True, progress=lambda *call: calls.append(call))
    by_file = {name: [c for c in calls if c[2] == name] for name in tiny_mnist}
    for name, seen in by_file.items():
        done, total, _ = seen[-1]
        assert total == (len(server.files[f"{name}.gz"]) if announced else None)
        assert all(d <= (t or 1 << 20) for d, t, _ in seen)
        assert done == total if announced else done > 0


def test_interrupting_a_download_leaves_nothing(tiny_mnist, server, cache):
    served(server, tiny_mnist)

    def interrupt(*args):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_dataset("mnist", download=True, progress=interrupt)
    assert not cache.exists()


# ---- the cache


def test_the_cache_path_is_a_file(tiny_mnist, server, cache, caplog):
    cache.write_text("in the way")
    served(server, tiny_mnist)
    assert load_dataset("mnist", download=True).name == "MNIST"
    assert "going on without a cache" in caplog.text
    with pytest.raises(OutputError, match="could not be stored") as caught:
        fetch_mnist()
    assert "\n" not in str(caught.value)
    assert cache.read_text() == "in the way"


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_full_disk_leaves_no_file_behind(tiny_mnist, server, cache, monkeypatch, broken):
    served(server, tiny_mnist)

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    if broken == "fsync":
        monkeypatch.setattr(cache_module.os, "fsync", full)
    else:
        monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        fetch_mnist()
    assert visible(cache) == []
    assert load_dataset("mnist", download=True).name == "MNIST"


SCRIPT = """
import json, resource, sys
from knn_digits.datasets import fetch_mnist, load_dataset, mnist_files
from knn_digits.errors import OutputError
mnist_files.CHECKSUMS.update(json.loads(sys.argv[1]))
if limit := int(sys.argv[2]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    fetch_mnist()
except OutputError as error:
    print("OutputError", error)
print(load_dataset("mnist", download=True).sha256)
"""


def start(file_size_limit=0):
    source = Path(cache_module.__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, json.dumps(mnist_files.CHECKSUMS), str(file_size_limit)],
        env=os.environ | {"PYTHONPATH": str(source)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
def test_a_disk_that_really_takes_no_more(tiny_mnist, server, cache):
    served(server, tiny_mnist)
    out, err = start(file_size_limit=100).communicate(timeout=60)
    assert out.startswith("OutputError")
    assert len(out.splitlines()) == 2, err
    assert "Traceback" not in err
    assert not any(name.startswith((TRAIN_IMAGES, ".")) for name in visible(cache))


@pytest.mark.skipif(sys.platform == "win32", reason="the script needs the resource module")
def test_two_processes_download_at_once(tiny_mnist, server, cache):
    served(server, tiny_mnist)
    server.meet = threading.Barrier(2)  # neither gets an answer before both have asked
    processes = [start(), start()]
    results = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], results
    assert results[0][0] == results[1][0]
    assert server.requests.count(f"{TRAIN_IMAGES}.gz") == 2
    assert visible(cache) == sorted(server.files)


def test_old_leftovers_are_cleared_and_young_ones_are_not(tiny_mnist, server, cache):
    served(server, tiny_mnist)
    cache.mkdir()
    for name, age in ((".x.old.part", 7200), (".x.young.part", 10)):
        (cache / name).write_bytes(b"?")
        os.utime(cache / name, (time.time() - age,) * 2)
    fetch_mnist()
    assert visible(cache) == sorted([*server.files, ".x.young.part"])


@pytest.fixture
def foreign_cache(tiny_mnist, cache):
    """Something else filled it: sound files of another data set, under the names of MNIST."""
    other = {name: idx_bytes(255 - array) for name, array in digit_arrays().items()}
    return write_folder(cache, other)


def test_a_cache_filled_by_something_else_is_fetched_anew(tiny_mnist, server, foreign_cache, caplog):
    served(server, tiny_mnist)
    dataset = load_dataset("mnist", download=True)
    assert dataset.source == server.url
    assert np.array_equal(dataset.train_images, digit_arrays()[TRAIN_IMAGES])
    assert len(caplog.messages) == 1
    assert load_dataset("mnist").source == f"cache {foreign_cache}"


def test_a_cache_filled_by_something_else_is_one_line_without_a_network(
    tiny_mnist, foreign_cache, connections, caplog
):
    with pytest.raises(DataNotFoundError, match="is damaged or not MNIST") as caught:
        load_dataset("mnist")
    assert str(foreign_cache) in str(caught.value)
    assert "knn-digits data fetch" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caplog.messages == []
    assert connections == []
    assert "is damaged or not MNIST" in load_dataset("auto").notes[0]


def test_cache_folder_is_asked_for_but_not_made(cache, monkeypatch):
    assert cache_module.cache_folder() == cache
    monkeypatch.setenv("KNN_DIGITS_CACHE_DIR", "")
    assert cache_module.cache_folder().name == "knn-digits"
    assert not cache.exists()


# ---- for `knn-digits data`


def test_fetch_and_status(tiny_mnist, server, cache):
    served(server, tiny_mnist)
    assert [s.state for s in mnist_status()] == ["missing"] * 4
    assert [s.path for s in mnist_status()] == [None] * 4
    assert fetch_mnist() == cache
    assert [(s.file, s.path, s.state) for s in mnist_status()] == [
        (name, cache / f"{name}.gz", "ok") for name in tiny_mnist
    ]
    (cache / f"{TEST_IMAGES}.gz").write_bytes(b"<html>")
    damaged = mnist_status()[2]
    assert damaged.state == "damaged"
    assert damaged.path == cache / f"{TEST_IMAGES}.gz"
    assert "web page" in damaged.detail
    fetch_mnist()
    assert mnist_status()[2].state == "ok"


def test_status_of_a_data_folder(tiny_mnist, tmp_path):
    folder = write_folder(tmp_path / "d", tiny_mnist)
    assert [s.state for s in mnist_status(folder)] == ["ok"] * 4
    assert mnist_status(folder)[0].path == folder / f"{TRAIN_IMAGES}.gz"


@pytest.mark.skipif(not REAL_DATA_DIR, reason="needs MNIST: set KNN_DIGITS_DATA_DIR")
def test_real_mnist():
    start_time = time.perf_counter()
    dataset = load_dataset("mnist", data_dir=REAL_DATA_DIR)
    assert time.perf_counter() - start_time < 1
    assert dataset.train_images.shape == (60_000, 28, 28)
    assert dataset.test_images.shape == (10_000, 28, 28)
    assert np.bincount(dataset.test_labels).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]
    assert dataset.sha256 == "6717b50dd88ea39293f6e580f728fb3d1a782ca833efef98fa63ae89fec10662"
    assert load_dataset(str(REAL_DATA_DIR)).name == "MNIST"
