"""Saving and loading: the same answers back, nothing trusted, nothing half-written."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA

from knn_digits import KNNDigitClassifier, load_model, save_model
from knn_digits.errors import ModelFileError, OutputError
from knn_digits.features import CosineEmbedding
from knn_digits.model_files import ModelData, read_manifest, verify_model


@pytest.fixture(scope="module")
def X(digits):
    return digits.train_images.reshape(len(digits.train_images), -1)


@pytest.fixture(scope="module")
def y(digits):
    return digits.train_labels


@pytest.fixture
def saved(tmp_path, X, y):
    model = KNNDigitClassifier("pixels", embedding=CosineEmbedding()).fit(X, y).forget([5])
    save_model(model, tmp_path / "model", data=ModelData("digits", "abc", "CC BY 4.0"))
    return tmp_path / "model"


@pytest.mark.parametrize("embedding", [None, CosineEmbedding()])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_a_loaded_model_gives_the_very_same_answers(tmp_path, X, y, digits, embedding, weights):
    model = KNNDigitClassifier("pixels", embedding=embedding, weights=weights, n_neighbors=6).fit(
        X[:1000], y[:1000]
    )
    model.partial_fit(X[1000:], y[1000:]).forget([3, 1200])
    save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model", n_jobs=2)
    queries = digits.test_images.reshape(len(digits.test_images), -1)
    np.testing.assert_array_equal(loaded.predict_proba(queries), model.predict_proba(queries))
    np.testing.assert_array_equal(loaded.kneighbors(queries)[1], model.kneighbors(queries)[1])
    loaded.partial_fit(queries[:1], [3])
    assert loaded.kneighbors(queries[:1])[1][0, 0] == len(X)


def test_string_labels_and_float_images_come_back(tmp_path, X, y):
    model = KNNDigitClassifier("pixels").fit(X / 255, np.array(list("abcdefghij"))[y])
    save_model(model, tmp_path / "model")
    np.testing.assert_array_equal(load_model(tmp_path / "model").predict(X / 255), model.predict(X / 255))


def test_arrays_are_mapped_not_read(saved):
    base = load_model(saved).images_.base
    while base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


def test_the_manifest_says_what_it_was_learned_from(saved):
    manifest = read_manifest(saved)
    assert manifest["data"] == {"name": "digits", "sha256": "abc", "licence": "CC BY 4.0"}
    assert manifest["format_version"] == 1


def test_nothing_in_the_folder_is_a_pickle(saved):
    assert {path.name for path in saved.iterdir()} == {
        "manifest.json", "images.npy", "labels.npy", "forgotten.npy", "embedded.npy"
    }  # fmt: skip
    for path in saved.glob("*.npy"):
        np.load(path, allow_pickle=False)


@pytest.mark.parametrize("name", ["images", "labels", "embedded"])
def test_verify_finds_one_changed_byte(saved, name):
    verify_model(saved)
    path = saved / f"{name}.npy"
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=f"{name}.npy"):
        verify_model(saved)


def edit(saved, **changes):
    manifest = json.loads((saved / "manifest.json").read_text())
    manifest.update(changes)
    (saved / "manifest.json").write_text(json.dumps(manifest))


def replace_array(saved, name, array):
    """Put another array in place, with a manifest that fits its header: only its content is wrong."""
    np.save(saved / f"{name}.npy", array)
    manifest = json.loads((saved / "manifest.json").read_text())
    size = (saved / f"{name}.npy").stat().st_size
    manifest["arrays"][name].update(dtype=array.dtype.str, shape=list(array.shape), bytes=size)
    (saved / "manifest.json").write_text(json.dumps(manifest))


DAMAGES = {
    "no folder": lambda m: shutil.rmtree(m),
    "a file in its place": lambda m: (shutil.rmtree(m), m.write_text("x")),
    "no manifest": lambda m: (m / "manifest.json").unlink(),
    "empty manifest": lambda m: (m / "manifest.json").write_text(""),
    "binary manifest": lambda m: (m / "manifest.json").write_bytes(b"\xff\xfe\x00"),
    "manifest is a list": lambda m: (m / "manifest.json").write_text("[]"),
    "deep manifest": lambda m: (m / "manifest.json").write_text("[" * 100_000),
    "another format": lambda m: edit(m, format="pickle"),
    "a later version": lambda m: edit(m, format_version=2),
    "unknown preset": lambda m: edit(m, preset="evil"),
    "no settings": lambda m: edit(m, settings=None),
    "no neighbors": lambda m: edit(m, settings={"n_neighbors": 0, "weights": "uniform", "embedding": None}),
    "unknown embedding": lambda m: edit(
        m, settings={"n_neighbors": 1, "weights": "uniform", "embedding": {"name": "os", "parameters": {}}}
    ),
    "unsorted classes": lambda m: edit(m, classes=[3, 2, 1]),
    "mixed classes": lambda m: edit(m, classes=[1, "a"]),
    "no classes": lambda m: edit(m, classes=[]),
    "other size": lambda m: edit(m, n_features=63),
    "no arrays": lambda m: edit(m, arrays={}),
    "missing array": lambda m: (m / "images.npy").unlink(),
    "empty array file": lambda m: (m / "images.npy").write_bytes(b""),
    "truncated array": lambda m: (m / "images.npy").write_bytes((m / "images.npy").read_bytes()[:-1]),
    "longer array": lambda m: (m / "images.npy").write_bytes((m / "images.npy").read_bytes() + b"x"),
    "not an array": lambda m: (m / "labels.npy").write_text("<html>"),
    "labels out of range": lambda m: replace_array(m, "labels", np.full(1347, 10)),
    "negative labels": lambda m: replace_array(m, "labels", np.full(1347, -1)),
    "too few labels": lambda m: replace_array(m, "labels", np.zeros(5, np.int64)),
    "labels of another type": lambda m: replace_array(m, "labels", np.zeros(1347, np.float64)),
    "forgotten out of range": lambda m: replace_array(m, "forgotten", np.array([99_999])),
    "forgotten twice": lambda m: replace_array(m, "forgotten", np.array([3, 3])),
    "images of another type": lambda m: replace_array(m, "images", np.zeros((1347, 64), np.int64)),
    "images with NaN": lambda m: replace_array(m, "images", np.full((1347, 64), np.nan)),
    "images of another shape": lambda m: replace_array(m, "images", np.zeros((1347, 8, 8), np.uint8)),
    "no images": lambda m: replace_array(m, "images", np.zeros((0, 64), np.uint8)),
    "embedded of another type": lambda m: replace_array(m, "embedded", np.zeros((1347, 64))),
    "too few embedded": lambda m: replace_array(m, "embedded", np.zeros((3, 64), np.int16)),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_one_clear_error(saved, damage):
    DAMAGES[damage](saved)
    with pytest.raises(ModelFileError) as caught:
        load_model(saved)
    assert "\n" not in str(caught.value)
    assert str(saved) in str(caught.value)


def test_an_array_of_objects_is_never_unpickled(saved):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (saved / "executed",))

    np.save(saved / "labels.npy", np.array([Evil()] * 1347, dtype=object), allow_pickle=True)
    with pytest.raises(ModelFileError):
        load_model(saved)
    assert not (saved / "executed").exists()


def test_an_embedding_of_somebody_elses_is_refused_at_saving(tmp_path, X, y):
    model = KNNDigitClassifier("pixels", embedding=PCA(4)).fit(X, y)
    with pytest.raises(ModelFileError, match="embedding PCA cannot be saved"):
        save_model(model, tmp_path / "model")
    assert not any(tmp_path.iterdir())


def test_saving_replaces_a_model_and_nothing_else(saved, X, y):
    model = KNNDigitClassifier("pixels").fit(X[:50], y[:50])
    save_model(model, saved)
    assert len(load_model(saved).images_) == 50
    other = saved.parent / "papers"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="holds other files"):
        save_model(model, other)
    assert (other / "thesis.txt").read_text() == "years of work"


def test_a_full_disk_leaves_the_former_model_as_it_was(saved):
    # A limit on the size of files stops writing as a full disk does, for root too.
    script = f"""
import resource, numpy as np
from knn_digits import KNNDigitClassifier, save_model
model = KNNDigitClassifier("pixels").fit(np.zeros((9000, 64), np.uint8), [0, 1] * 4500)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    save_model(model, {str(saved)!r})
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("OutputError cannot write")
    verify_model(saved)
    assert [path.name for path in saved.parent.iterdir()] == ["model"]
