"""Saving and loading: the same answers back, nothing trusted, nothing half-written."""

import copy
import json
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA

from knn_digits import KNNDigitClassifier, load_model, save_model
from knn_digits.classifier import PRESETS
from knn_digits.cli import main
from knn_digits.errors import ModelFileError, OutputError
from knn_digits.features import CosineEmbedding, DigitEmbedding
from knn_digits.model_files import MODEL_FOLDER, ModelData, read_manifest, verify_model
from knn_digits.reranking import DistortionReranker


def small_embedding(**parameters):
    return DigitEmbedding(**{"n_components": 16, "n_directions": 8, "n_cells": 4} | parameters)


@pytest.fixture(scope="session")
def saved_once(tmp_path_factory, X, y):
    """Two models that are fitted and saved once, for tests to copy: one that is simple, one with every array."""
    folder = tmp_path_factory.mktemp("models")
    data = ModelData("digits", "abc", "CC BY 4.0")
    simple = KNNDigitClassifier("pixels", embedding=CosineEmbedding()).fit(X, y).forget([5])
    save_model(simple, folder / "simple", data=data)
    whole = KNNDigitClassifier(embedding=small_embedding()).fit(X[:300], y[:300]).forget([5])
    save_model(whole, folder / "whole", data=data)
    return folder


@pytest.fixture
def saved(saved_once, tmp_path):
    return Path(shutil.copytree(saved_once / "simple", tmp_path / "model"))


@pytest.fixture
def saved_whole(saved_once, tmp_path):
    """A model of the default preset, with all that a folder can hold."""
    return Path(shutil.copytree(saved_once / "whole", tmp_path / "whole"))


SETTINGS = {
    **{preset: {"preset": preset} for preset in PRESETS},
    "cosine": {"embedding": CosineEmbedding(), "weights": "uniform", "n_neighbors": 6},
    "cosine, distance": {"embedding": CosineEmbedding(), "weights": "distance", "n_neighbors": 6},
    "cosine, reranked": {
        "embedding": CosineEmbedding(),
        "rerank": DistortionReranker(window=1),
        "n_candidates": 9,
        "n_neighbors": 4,
        "weights": "distance",
    },
    "digits": {"embedding": small_embedding(strength=0.2, sigma=1), "weights": "uniform", "n_neighbors": 5},
    "digits, reranked": {
        "embedding": small_embedding(shrinkage=1),
        "rerank": DistortionReranker(None, window=np.int64(0), strength=None),
        "n_candidates": np.int64(30),
        "n_neighbors": np.int64(7),
        "weights": "uniform",
    },
    "hulls, as much as there is": {
        "embedding": small_embedding(n_components=500, random_state=None),
        "rerank": DistortionReranker(weight=2),
        "n_candidates": 5000,
        "n_neighbors": 5000,
        "weights": "hull",
    },
}


@pytest.fixture(scope="session")
def fitted(X, y):
    """Make a model of settings that learned 250 images; each is fitted once."""
    models = {}

    def make(name):
        if name not in models:
            model = KNNDigitClassifier(**{"preset": "pixels"} | SETTINGS[name])
            models[name] = model.fit(X[:250], y[:250])
        return copy.deepcopy(models[name])

    return make


def assert_same_answers(model, other, queries):
    np.testing.assert_array_equal(model.predict_proba(queries), other.predict_proba(queries))
    for one, another in zip(model.kneighbors(queries, 10), other.kneighbors(queries, 10), strict=True):
        np.testing.assert_array_equal(one, another)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_loaded_model_gives_the_very_same_answers(tmp_path, X, y, fitted, name):
    model = fitted(name).partial_fit(X[250:300], y[250:300]).forget([3, 260])
    save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model", n_jobs=2)
    assert_same_answers(loaded, model, X[600:680])
    for one in (model, loaded):
        one.partial_fit(X[300:340], y[300:340]).forget([4, 310])
    assert_same_answers(loaded, model, X[600:680])
    verify_model(tmp_path / "model")  # what was loaded grew aside
    save_model(loaded, tmp_path / "grown")
    assert_same_answers(load_model(tmp_path / "grown"), model, X[600:680])


@pytest.mark.parametrize("name", SETTINGS)
def test_a_loaded_model_has_the_settings_of_the_saved_one(tmp_path, fitted, name):
    model = fitted(name)
    save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.preset == model.preset
    for setting in ("weights", "n_neighbors", "n_candidates"):
        assert getattr(loaded, setting) == getattr(loaded, f"{setting}_") == getattr(model, f"{setting}_")
    for part in ("embedding", "rerank"):
        found, expected = getattr(loaded, part), getattr(model, f"{part}_")
        assert type(found) is type(getattr(loaded, f"{part}_")) is type(expected)
        if expected is not None:
            assert found.get_params() == expected.get_params()
            assert found is not getattr(loaded, f"{part}_")


def test_what_a_digit_embedding_learned_comes_back(saved_whole, X, y):
    found = load_model(saved_whole).embedding_
    expected = small_embedding().fit(X[:300], y[:300])
    for name, value in vars(expected.projection_).items():
        np.testing.assert_array_equal(getattr(found.projection_, name), value, err_msg=name)
    assert {*vars(found), *vars(found.projection_)} == {*vars(expected), *vars(expected.projection_)}
    assert found.n_features_in_ == found.normalizer_.n_features_in_ == 64


def test_a_loaded_model_can_be_fitted_anew(saved_whole, X, y):
    model = KNNDigitClassifier(embedding=small_embedding()).fit(X[:100], y[:100])
    assert_same_answers(load_model(saved_whole).fit(X[:100], y[:100]), model, X[600:650])


def test_a_model_of_small_images_of_floats_comes_back(tmp_path, X, y):
    # Rows of 60 numbers, which are no square, are filled up to 64.
    rows = (X[:, :60] / 255).astype(np.float32)
    model = KNNDigitClassifier(embedding=small_embedding()).fit(rows[:200], y[:200])
    save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert vars(loaded.embedding_.normalizer_) == vars(model.embedding_.normalizer_)
    assert_same_answers(loaded, model, rows[600:650])


def test_string_labels_and_float_images_come_back(tmp_path, X, y):
    model = KNNDigitClassifier("pixels").fit(X / 255, np.array(list("abcdefghij"))[y])
    save_model(model, tmp_path / "model")
    np.testing.assert_array_equal(load_model(tmp_path / "model").predict(X / 255), model.predict(X / 255))


def is_mapped(array):
    while array is not None and not isinstance(array, np.memmap):
        array = array.base
    return array is not None


def test_arrays_are_mapped_not_read(saved, saved_whole):
    for folder in (saved, saved_whole):
        loaded = load_model(folder)
        assert all(
            is_mapped(rows.base) for rows in (loaded.images_, loaded.label_codes_, loaded.search_.references)
        )
    assert is_mapped(loaded.rerank_.references_.base)
    loaded.predict(np.zeros((5, 64)))
    loaded.partial_fit(np.ones((1, 64)), [3])
    assert is_mapped(loaded.rerank_.references_.base)


def test_loading_does_not_compile_anything(saved_whole):
    script = f"""
import sys
from knn_digits import load_model
load_model({str(saved_whole)!r})
assert "numba" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_manifest_says_what_it_was_learned_from(saved):
    manifest = read_manifest(saved)
    assert manifest["data"] == {"name": "digits", "sha256": "abc", "licence": "CC BY 4.0"}
    assert manifest["format_version"] == 3


def test_nothing_in_the_folder_is_a_pickle(saved_whole):
    assert {path.name for path in saved_whole.iterdir()} == MODEL_FOLDER.names
    for path in saved_whole.glob("*.npy"):
        np.load(path, allow_pickle=False)


@pytest.mark.parametrize(
    "name",
    [
        "images",
        "labels",
        "embedded",
        "normalized",
        "mean",
        "projection",
        "strengths",
        "residuals",
        "asked",
        "residual_projection",
        "probabilities",
        "strangeness",
    ],
)
def test_verify_finds_one_changed_byte(saved_whole, name):
    verify_model(saved_whole)
    path = saved_whole / f"{name}.npy"
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=f"{name}.npy"):
        verify_model(saved_whole)


def test_a_model_of_an_earlier_version_is_to_be_made_anew(saved):
    edit(saved, format_version=1)
    with pytest.raises(ModelFileError, match=r"format version 1, expected 3: make it anew.*knn-digits fit"):
        load_model(saved)


def edit(saved, **changes):
    manifest = json.loads((saved / "manifest.json").read_text())
    manifest.update(changes)
    (saved / "manifest.json").write_text(json.dumps(manifest))


def edit_calibration(folder, **changes):
    edit(folder, calibration={**json.loads((folder / "manifest.json").read_text())["calibration"], **changes})


def edit_settings(saved, **changes):
    edit(saved, settings=read_manifest(saved)["settings"] | changes)


def edit_part(saved, part, **changes):
    """Change what is said of the embedding or the reranker."""
    edit_settings(saved, **{part: read_manifest(saved)["settings"][part] | changes})


def edit_parameter(saved, part, **changes):
    edit_part(saved, part, parameters=read_manifest(saved)["settings"][part]["parameters"] | changes)


def without(settings, name):
    return {key: value for key, value in settings.items() if key != name}


def arrays_of(saved):
    return json.loads((saved / "manifest.json").read_text())["arrays"]


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
    "a later version": lambda m: edit(m, format_version=4),
    "unknown preset": lambda m: edit(m, preset="evil"),
    "no settings": lambda m: edit(m, settings=None),
    "no neighbors": lambda m: edit_settings(m, n_neighbors=0),
    "unknown embedding": lambda m: edit_settings(m, embedding={"name": "os", "parameters": {}}),
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
    "embedding not said": lambda m: edit(m, settings=without(read_manifest(m)["settings"], "embedding")),
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


# Of a model that has every array: what to do to it, and what the error must speak of.
DAMAGES_OF_WHOLE = {
    "no calibration": (lambda m: edit(m, calibration=None), "calibration without"),
    "too few weights": (lambda m: edit_calibration(m, weights=[1.0]), "weights of the calibration"),
    "a weight is not a number": (lambda m: edit_calibration(m, weights=[np.nan] * 5), "finite numbers"),
    "a scale is a text": (lambda m: edit_calibration(m, strangeness_scales=["1", 2.0]), "finite numbers"),
    "noise of one": (lambda m: edit_calibration(m, noise=1.0), "noise 1.0"),
    "out of fold not said": (lambda m: edit_calibration(m, out_of_fold=None), "calibration without"),
    "out of fold left out": (lambda m: edit_calibration(m, out_of_fold=False), "expected the arrays"),
    "folds are a text": (lambda m: edit_settings(m, calibration_folds="5"), "calibration_folds '5'"),
    "asked of strangers": (lambda m: replace_array(m, "asked", np.arange(1, 301)), "asked.npy"),
    "asked twice": (lambda m: replace_array(m, "asked", np.zeros(300, np.int64)), "asked.npy"),
    "probability of two": (lambda m: replace_array(m, "probabilities", np.full((300, 10), 2.0)),
                           "probabilities.npy"),
    "no probability": (lambda m: replace_array(m, "probabilities", np.full((300, 10), np.nan)),
                       "probabilities.npy"),
    "strangeness of too few": (lambda m: replace_array(m, "strangeness", np.ones(7)), "strangeness.npy"),
    "strangeness below zero": (lambda m: replace_array(m, "strangeness", np.full(300, -1.0)), "strangeness.npy"),
    "residuals of other images": (lambda m: replace_array(m, "residuals", np.zeros((7, 4), np.int8)), "residual"),
    "residual scale is zero": (lambda m: edit_part(m, "embedding", residual_scale=0.0), "residual_scale 0.0"),
    "candidates not said": (lambda m: edit(m, settings=without(read_manifest(m)["settings"], "n_candidates")),
                            "n_candidates 'not said'"),
    "no candidates": (lambda m: edit_settings(m, n_candidates=0), "n_candidates 0"),
    "half a candidate": (lambda m: edit_settings(m, n_candidates=0.5), "n_candidates 0.5"),
    "candidates are true": (lambda m: edit_settings(m, n_candidates=True), "n_candidates True"),
    "very many candidates": (lambda m: edit_settings(m, n_candidates=10**30), "n_candidates 1000"),
    "weights not said": (lambda m: edit(m, settings=without(read_manifest(m)["settings"], "weights")),
                         "weights None"),
    "hulls of int16": (lambda m: edit_settings(m, embedding={"name": "CosineEmbedding", "parameters": {}}),
                       "hull without an embedding of int8"),
    "hulls of pixels": (lambda m: edit_settings(m, embedding=None), "hull without an embedding of int8"),
    "none is known": (lambda m: replace_array(m, "forgotten", np.arange(300)), "300 of them forgotten"),
    "no input scale": (lambda m: edit_part(m, "embedding", input_scale=None), "input_scale None"),
    "input scale is zero": (lambda m: edit_part(m, "embedding", input_scale=0.0), "input_scale 0.0"),
    "input scale is infinite": (lambda m: edit_part(m, "embedding", input_scale=np.inf), "input_scale inf"),
    "output scale is not a number": (lambda m: edit_part(m, "embedding", output_scale=np.nan), "output_scale nan"),
    "output scale is negative": (lambda m: edit_part(m, "embedding", output_scale=-1.0), "output_scale -1.0"),
    "output scale is a list": (lambda m: edit_part(m, "embedding", output_scale=[1.0]), "output_scale [1.0]"),
    "very large output scale": (lambda m: edit_part(m, "embedding", output_scale=10**400), "output_scale 1000"),
    "parameters are a list": (lambda m: edit_part(m, "embedding", parameters=[]), "parameters that"),
    "a parameter is missing": (lambda m: edit_part(m, "embedding", parameters={"sigma": 1}), "parameters that"),
    "a parameter too many": (lambda m: edit_parameter(m, "embedding", x=1), "parameters that"),
    "very many cells": (lambda m: edit_parameter(m, "embedding", n_cells=10**9), "n_cells must be"),
    "very many directions": (lambda m: edit_parameter(m, "embedding", n_directions=10**9), "n_directions must be"),
    "cells are a text": (lambda m: edit_parameter(m, "embedding", n_cells="4"), "n_cells must be"),
    "sigma is a text": (lambda m: edit_parameter(m, "embedding", sigma="1"), "DigitEmbedding: '<=' not supported"),
    "sigma is not a number": (lambda m: edit_parameter(m, "embedding", sigma=np.nan), "sigma must be"),
    "sigma is tiny": (lambda m: edit_parameter(m, "embedding", sigma=1e-300), "sigma must be"),
    "strength is infinite": (lambda m: edit_parameter(m, "embedding", strength=np.inf), "strength must be"),
    "strength is a list": (lambda m: edit_parameter(m, "embedding", strength=[1]), "DigitEmbedding: '<='"),
    "shrinkage is zero": (lambda m: edit_parameter(m, "embedding", shrinkage=0), "shrinkage must be"),
    "shrinkage is null": (lambda m: edit_parameter(m, "embedding", shrinkage=None), "DigitEmbedding: '<'"),
    "no components": (lambda m: edit_parameter(m, "embedding", n_components=0), "n_components must be"),
    "fewer components": (lambda m: edit_parameter(m, "embedding", n_components=15),
                         "16 columns, expected 1 to 15"),
    "random state is a text": (lambda m: edit_parameter(m, "embedding", random_state="0"), "random_state must be"),
    "random state is true": (lambda m: edit_parameter(m, "embedding", random_state=True), "random_state must be"),
    "threads of the embedding": (lambda m: edit_parameter(m, "embedding", n_jobs=10**9), "n_jobs null"),
    "more cells": (lambda m: edit_parameter(m, "embedding", n_cells=5),
                   "mean.npy does not hold int64 of shape (200,)"),
    "rerank not said": (lambda m: edit(m, settings=without(read_manifest(m)["settings"], "rerank")),
                        "rerank 'not said'"),
    "rerank is a list": (lambda m: edit_settings(m, rerank=[]), "rerank []"),
    "rerank is empty": (lambda m: edit_settings(m, rerank={}), "factor None"),
    "rerank is left out": (lambda m: edit_settings(m, rerank=None), "expected the arrays asked, embedded"),
    "factor is infinite": (lambda m: edit_part(m, "rerank", factor=np.inf), "factor inf"),
    "factor is not a number": (lambda m: edit_part(m, "rerank", factor=np.nan), "factor nan"),
    "factor is negative": (lambda m: edit_part(m, "rerank", factor=-0.5), "factor -0.5"),
    "factor is true": (lambda m: edit_part(m, "rerank", factor=True), "factor True"),
    "rerank without parameters": (lambda m: edit_part(m, "rerank", parameters=None), "parameters that"),
    "a window too many": (lambda m: edit_parameter(m, "rerank", windows=2), "parameters that"),
    "window is negative": (lambda m: edit_parameter(m, "rerank", window=-1), "window must be"),
    "window is a float": (lambda m: edit_parameter(m, "rerank", window=2.0), "window must be"),
    "very wide window": (lambda m: edit_parameter(m, "rerank", window=10**9), "window must be"),
    "window a little too wide": (lambda m: edit_parameter(m, "rerank", window=10), "a window of 10 pixels"),
    "weight is infinite": (lambda m: edit_parameter(m, "rerank", weight=np.inf), "weight must be"),
    "weight is a text": (lambda m: edit_parameter(m, "rerank", weight="1"), "DistortionReranker: '<'"),
    "strength of two": (lambda m: edit_parameter(m, "rerank", strength=2), "strength must be"),
    "no projection": (lambda m: edit(m, arrays=without(read_manifest(m)["arrays"], "projection")),
                      "expected the arrays"),
    "no normalized": (lambda m: (m / "normalized.npy").unlink(), "cannot read normalized.npy"),
    "images of two numbers": (lambda m: edit_array(m, "normalized", shape=[300, 64]), "expected 3 whole numbers"),
    "images not square": (
        lambda m: (edit(m, n_features=65), replace_array(m, "images", np.zeros((300, 65), np.uint8))),
        "images.npy: expected square images",
    ),
    "images not square, no rerank": (
        lambda m: (edit(m, n_features=65), replace_array(m, "images", np.zeros((300, 65), np.uint8)),
                   edit_settings(m, rerank=None), edit(m, arrays=without(arrays_of(m), "normalized"))),
        "images.npy: expected square images",
    ),
    "too many components": (
        lambda m: (edit_parameter(m, "embedding", n_components=161),
                   replace_array(m, "projection", np.zeros((128, 161)))),
        "161 columns, expected 1 to 160",
    ),
    "embedded of int16": (lambda m: replace_array(m, "embedded", np.zeros((300, 16), np.int16)),
                          "embedded.npy does not"),
    "embedded narrower": (lambda m: replace_array(m, "embedded", np.zeros((300, 15), np.int8)),
                          "embedded.npy does not"),
    "too few embedded": (lambda m: replace_array(m, "embedded", np.zeros((299, 16), np.int8)),
                         "embedded.npy does not"),
    "embedded of -128": (lambda m: replace_array(m, "embedded", np.full((300, 16), -128, np.int8)),
                         "outside -127..127"),
    "mean of floats": (lambda m: replace_array(m, "mean", np.zeros(128)), "mean.npy does not hold int64"),
    "mean too long": (lambda m: replace_array(m, "mean", np.zeros(129, np.int64)), "mean.npy does not hold int64"),
    "mean too large": (lambda m: replace_array(m, "mean", np.full(128, 2**15 + 1)),
                       "mean.npy holds values outside"),
    "mean too small": (lambda m: replace_array(m, "mean", np.full(128, -(2**63))),
                       "mean.npy holds values outside"),
    "projection of float32": (lambda m: replace_array(m, "projection", np.zeros((128, 16), np.float32)),
                              "projection.npy does not hold float64"),
    "projection too long": (lambda m: replace_array(m, "projection", np.zeros((129, 16))), "shape (128, 16)"),
    "projection without columns": (lambda m: replace_array(m, "projection", np.zeros((128, 0))), "0 columns"),
    "projection of halves": (lambda m: replace_array(m, "projection", np.full((128, 16), 0.5)), "whole numbers"),
    "projection with NaN": (lambda m: replace_array(m, "projection", np.full((128, 16), np.nan)), "whole numbers"),
    "projection with infinity": (lambda m: replace_array(m, "projection", np.full((128, 16), np.inf)),
                                 "whole numbers"),
    "projection too large": (lambda m: replace_array(m, "projection", np.full((128, 16), 2.0**31)),
                             "summed exactly"),
    "projection far too large": (lambda m: replace_array(m, "projection", np.full((128, 16), 1e308)),
                                 "summed exactly"),
    "too few strengths": (lambda m: replace_array(m, "strengths", np.ones(15)), "strengths.npy does not hold"),
    "strengths of whole numbers": (lambda m: replace_array(m, "strengths", np.ones(16, int)),
                                   "strengths.npy does not"),
    "strengths with NaN": (lambda m: replace_array(m, "strengths", np.full(16, np.nan)),
                           "strengths.npy holds values"),
    "infinite strengths": (lambda m: replace_array(m, "strengths", np.full(16, np.inf)),
                           "strengths.npy holds values"),
    "negative strengths": (lambda m: replace_array(m, "strengths", -np.ones(16)), "strengths.npy holds values"),
    "normalized of another type": (lambda m: replace_array(m, "normalized", np.zeros((300, 8, 8))),
                                   "normalized.npy does not hold uint8"),
    "too few normalized": (lambda m: replace_array(m, "normalized", np.zeros((299, 8, 8), np.uint8)),
                           "normalized.npy does not hold uint8"),
    "normalized not square": (lambda m: replace_array(m, "normalized", np.zeros((300, 4, 16), np.uint8)),
                              "shape (300, 8, 8)"),
}  # fmt: skip


@pytest.fixture
def damaged(request):
    """The folder of a model that something was done to, and what the error must speak of."""
    damage = request.param
    if damage in DAMAGES:
        folder, damage_it, words = request.getfixturevalue("saved"), DAMAGES[damage], ""
    else:
        folder, (damage_it, words) = request.getfixturevalue("saved_whole"), DAMAGES_OF_WHOLE[damage]
    damage_it(folder)
    return folder, words


@pytest.mark.parametrize("damaged", [*DAMAGES, *DAMAGES_OF_WHOLE], indirect=True)
def test_damage_is_one_clear_error(damaged):
    folder, words = damaged
    for read in (load_model, verify_model):
        with pytest.raises(ModelFileError) as caught:
            read(folder)
        assert "\n" not in str(caught.value)
        assert str(folder) in str(caught.value)
        assert words in str(caught.value)


@pytest.mark.parametrize("damaged", [*DAMAGES, *DAMAGES_OF_WHOLE], indirect=True)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_info_about_a_damaged_model_is_true_or_one_line(damaged, capfd, options):
    code = main(["model", "info", str(damaged[0]), *options])
    told = capfd.readouterr()
    assert code in (0, 1)
    assert len(told.err.splitlines()) == code
    assert bool(told.out) == (code == 0)


def test_images_beyond_floats_are_damage_too(tmp_path, X, y):
    save_model(KNNDigitClassifier("pixels").fit(X[:50], y[:50]), tmp_path / "model")
    replace_array(tmp_path / "model", "images", np.full((50, 64), 1e200))
    with pytest.raises(ModelFileError, match="too large"):
        load_model(tmp_path / "model")


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


class OtherReranker(DistortionReranker):
    pass


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"embedding": PCA(4)}, "embedding PCA cannot be saved"),
        ({"rerank": OtherReranker()}, "reranker OtherReranker cannot be saved"),
        ({"rerank": DistortionReranker(window=20)}, "cannot be saved: a window of 20 pixels"),
        ({"rerank": DistortionReranker(strength=Fraction(1, 2))}, "cannot be saved: strength .* is not a plain"),
        ({"embedding": small_embedding(sigma=Fraction(1, 2))}, "cannot be saved: sigma .* is not a plain number"),
    ],
)
def test_parts_that_could_not_be_loaded_are_refused_at_saving(tmp_path, X, y, settings, complaint):
    model = KNNDigitClassifier("pixels", **settings).fit(X[:100], y[:100])
    with pytest.raises(ModelFileError, match=complaint):
        save_model(model, tmp_path / "model")
    assert not any(tmp_path.iterdir())


def test_what_an_embedding_no_longer_needs_is_not_saved(tmp_path, X, y):
    embedding = small_embedding(random_state=np.random.RandomState(3), n_jobs=2)
    save_model(KNNDigitClassifier("fast", embedding=embedding).fit(X[:100], y[:100]), tmp_path / "model")
    parameters = read_manifest(tmp_path / "model")["settings"]["embedding"]["parameters"]
    assert parameters["random_state"] is parameters["n_jobs"] is None


def test_a_model_of_one_image_over_and_over_comes_back(tmp_path, X):
    # Nothing varies: no vector differs, and a factor may be 0.
    model = KNNDigitClassifier(embedding=small_embedding()).fit(np.repeat(X[:1], 8, axis=0), [0, 1] * 4)
    model.rerank_.factor_ = 0.0
    save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(X[:20]), model.predict_proba(X[:20]))


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
