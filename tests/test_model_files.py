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
from knn_digits.cli import main
from knn_digits.errors import ModelFileError, OutputError
from knn_digits.features import CosineEmbedding
from knn_digits.model_files import MODEL_FOLDER, ModelData, read_manifest, verify_model


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
    assert {path.name for path in saved.iterdir()} == MODEL_FOLDER.names
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


def edit_settings(saved, **changes):
    edit(saved, settings=read_manifest(saved)["settings"] | changes)


def edit_array(saved, name, **changes):
    arrays = read_manifest(saved)["arrays"]
    edit(saved, arrays=arrays | {name: arrays[name] | changes})


def write_header(path, header):
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)


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
    "narrow embedded": lambda m: replace_array(m, "embedded", np.zeros((1347, 10), np.int16)),
    "wide embedded": lambda m: replace_array(m, "embedded", np.zeros((1347, 65), np.int16)),
    "flat embedded": lambda m: replace_array(m, "embedded", np.zeros(1347, np.int16)),
    "embedded too large": lambda m: replace_array(m, "embedded", np.full((1347, 64), 4001, np.int16)),
    "embedded too small": lambda m: replace_array(m, "embedded", np.full((1347, 64), -(2**15), np.int16)),
    "preset is a list": lambda m: edit(m, preset=["pixels"]),
    "weights are a list": lambda m: edit_settings(m, weights=["uniform"]),
    "neighbors are true": lambda m: edit_settings(m, n_neighbors=True),
    "very many neighbors": lambda m: edit_settings(m, n_neighbors=10**30),
    "more neighbors than known": lambda m: edit_settings(m, n_neighbors=1347),
    "embedding is a text": lambda m: edit_settings(m, embedding="x"),
    "embedding is empty": lambda m: edit_settings(m, embedding={}),
    "embedding's name is a list": lambda m: edit_settings(m, embedding={"name": ["x"], "parameters": {}}),
    "embedding without parameters": lambda m: edit_settings(m, embedding={"name": "CosineEmbedding"}),
    "unknown parameter": lambda m: edit_settings(
        m, embedding={"name": "CosineEmbedding", "parameters": {"x": 1}}
    ),
    "embedding not said": lambda m: edit(m, settings={"n_neighbors": 3, "weights": "uniform"}),
    "n_features is a text": lambda m: edit(m, n_features="64"),
    "classes of lists": lambda m: edit(m, classes=[[1], [2]]),
    "feature names are a text": lambda m: edit(m, feature_names="x" * 64),
    "too few feature names": lambda m: edit(m, feature_names=["x"]),
    "feature names of numbers": lambda m: edit(m, feature_names=list(range(64))),
    "data is a list": lambda m: edit(m, data=[1]),
    "data of numbers": lambda m: edit(m, data={"name": 1, "sha256": 2, "licence": 3}),
    "data half said": lambda m: edit(m, data={"name": "digits"}),
    "array is a number": lambda m: edit(m, arrays=read_manifest(m)["arrays"] | {"labels": 3}),
    "bytes are null": lambda m: edit_array(m, "images", bytes=None),
    "very many bytes": lambda m: edit_array(m, "images", bytes=10**400),
    "negative bytes": lambda m: edit_array(m, "images", bytes=-1),
    "sha256 is a number": lambda m: edit_array(m, "images", sha256=3),
    "dtype is a number": lambda m: edit_array(m, "images", dtype=3),
    "shape is a number": lambda m: edit_array(m, "images", shape=3),
    "shape is empty": lambda m: edit_array(m, "forgotten", shape=[]),
    "shape of texts": lambda m: edit_array(m, "images", shape=["1347", "64"]),
    "deep array header": lambda m: write_header(m / "labels.npy", b"(" * 9000),
    "array header in pieces": lambda m: write_header(m / "labels.npy", b"  'descr\n   }{ \"\"\" \x00"),
    "array header not UTF-8": lambda m: write_header(m / "labels.npy", b"\xff\xfe{"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_one_clear_error(saved, damage):
    DAMAGES[damage](saved)
    for read in (load_model, verify_model):
        with pytest.raises(ModelFileError) as caught:
            read(saved)
        assert "\n" not in str(caught.value)
        assert str(saved) in str(caught.value)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_info_about_a_damaged_model_is_true_or_one_line(saved, capfd, damage, options):
    DAMAGES[damage](saved)
    code = main(["model", "info", str(saved), *options])
    told = capfd.readouterr()
    assert code in (0, 1)
    assert len(told.err.splitlines()) == code
    assert bool(told.out) == (code == 0)


def test_feature_names_come_back(tmp_path, X, y):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[f"pixel{n}" for n in range(X.shape[1])])
    save_model(KNNDigitClassifier("pixels").fit(frame, y), tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.feature_names_in_, frame.columns)
    loaded.predict(frame[:5])  # warnings are errors here
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(frame[:5].rename(columns={"pixel3": "other"}))


def test_a_model_without_feature_names_has_none(saved):
    assert not hasattr(load_model(saved), "feature_names_in_")


def test_names_that_are_not_utf8_are_saved_all_the_same(tmp_path, X, y):
    data = ModelData("caf\udce9", "abc", "CC BY 4.0")
    save_model(KNNDigitClassifier("pixels").fit(X, y), tmp_path / "model", data=data)
    assert read_manifest(tmp_path / "model")["data"]["name"] == "caf\N{REPLACEMENT CHARACTER}"


def test_lone_surrogates_in_a_manifest_can_be_shown(saved, capfd):
    edit(saved, data={"name": "\udce9", "sha256": "abc", "licence": "CC BY 4.0"})
    read_manifest(saved)["data"]["name"].encode("utf-8")
    assert main(["model", "info", str(saved), "--json"]) == 0


@pytest.mark.parametrize("unsavable", ["labels", "neighbors"])
def test_what_could_not_be_loaded_is_not_saved(tmp_path, X, y, unsavable):
    if unsavable == "labels":
        model = KNNDigitClassifier("pixels", n_neighbors=1).fit(X[:2], ["caf\udce9", "caf\udce8"])
    else:
        model = KNNDigitClassifier("pixels").fit(X[:4], y[:4]).forget([0, 1])
    with pytest.raises(ModelFileError, match="cannot be saved"):
        save_model(model, tmp_path / "model")
    assert not any(tmp_path.iterdir())


def test_home_is_understood(tmp_path, monkeypatch, X, y):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    save_model(KNNDigitClassifier("pixels").fit(X, y), "~/model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    verify_model("~/model")


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
