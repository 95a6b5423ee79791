"""The default model: built once, kept under a key, loaded from then on, and never in anybody's way."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from knn_digits import default_model as module
from knn_digits.classifier import PRESETS, KNNDigitClassifier
from knn_digits.cut_digits import learn_cut_digits
from knn_digits.default_model import default_model, default_model_folder, key_of, saved_default_model
from knn_digits.errors import DataNotFoundError
from knn_digits.features import DigitEmbedding
from knn_digits.model_files import MODEL_FOLDER, verify_model

N_PICTURES = 2  # that digits are cut out of


@pytest.fixture(scope="module")
def few_digits(few_digits):
    """In MNIST's frame."""

    def framed(images: np.ndarray) -> np.ndarray:
        large = images.repeat(3, axis=1).repeat(3, axis=2)
        return np.pad(255 // large.max() * large, ((0, 0), (2, 2), (2, 2)))

    return replace(
        few_digits, train_images=framed(few_digits.train_images), test_images=framed(few_digits.test_images)
    )


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "N_PICTURES", N_PICTURES)
    monkeypatch.delenv("KNN_DIGITS_DATA_DIR", raising=False)
    monkeypatch.setenv("KNN_DIGITS_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def loads(monkeypatch, few_digits):
    """What stands for MNIST, and how often it was asked for."""
    asked = []

    def load(name, **options):
        asked.append((name, options))
        return few_digits

    monkeypatch.setattr(module, "load_dataset", load)
    return asked


def answers(model, few_digits):
    return model.predict_proba(few_digits.test_images[:20])


def test_the_first_call_builds_and_the_next_only_loads(loads, few_digits):
    assert saved_default_model() is None
    built = default_model(data_dir="there", download=True, n_jobs=1)
    assert loads == [("mnist", {"data_dir": "there", "download": True})]
    loaded = default_model(n_jobs=1)
    assert len(loads) == 1
    np.testing.assert_array_equal(answers(built, few_digits), answers(loaded, few_digits))
    verify_model(default_model_folder())
    assert {path.name for path in default_model_folder().iterdir()} <= MODEL_FOLDER.names
    assert [path.name for path in default_model_folder().parent.iterdir()] == [default_model_folder().name]


def test_without_mnist_it_says_how_to_get_it():
    with pytest.raises(DataNotFoundError, match=r"data fetch.*KNN_DIGITS_DATA_DIR.*--model DIR"):
        default_model()
    assert not default_model_folder().exists()


@pytest.mark.parametrize("damage", ["manifest.json", "images.npy", "labels.npy"])
def test_a_damaged_model_is_built_anew(loads, few_digits, damage, caplog):
    built = default_model()
    (default_model_folder() / damage).write_bytes(b"{")
    again = default_model()
    assert len(loads) == 2
    assert ("built anew" in caplog.text) == ((default_model_folder() / "manifest.json").exists())
    np.testing.assert_array_equal(answers(built, few_digits), answers(again, few_digits))
    verify_model(default_model_folder())


def test_a_cache_that_cannot_be_written_is_said_and_gone_without(loads, few_digits, tmp_path, caplog):
    (tmp_path / "cache").write_text("in the way")
    with caplog.at_level(logging.WARNING):
        model = default_model()
    assert "going on without keeping the model" in caplog.text
    assert len(answers(model, few_digits)) == 20


def test_one_that_comes_second_leaves_the_first_alone(loads, monkeypatch):
    default_model()
    before = {path.name: path.stat().st_ino for path in default_model_folder().iterdir()}
    # It looked before the first was done.
    monkeypatch.setattr(module, "saved_default_model", lambda n_jobs=None: None)
    default_model()
    assert {path.name: path.stat().st_ino for path in default_model_folder().iterdir()} == before


def test_several_at_once_all_get_a_model_and_one_is_kept(loads, few_digits, caplog):
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda _: default_model(n_jobs=1), range(4)))
    expected = answers(models[0], few_digits)
    for model in models[1:]:
        np.testing.assert_array_equal(answers(model, few_digits), expected)
    verify_model(default_model_folder())
    assert "without keeping" not in caplog.text
    assert [path.name for path in default_model_folder().parent.iterdir()] == [default_model_folder().name]


def test_the_key_changes_with_every_setting_also_one_left_at_its_default():
    preset = PRESETS["accurate"]
    others = [
        replace(preset, n_neighbors=41),
        replace(preset, n_candidates=99),
        replace(preset, rerank=None),
        replace(preset, embedding=DigitEmbedding(n_components=63)),
        replace(preset, embedding=DigitEmbedding(random_state=1)),
    ]
    keys = [key_of(p) for p in (preset, *others)]
    keys += [key_of(preset, {"train": "00"}), key_of(preset, format_version=99)]
    assert len(set(keys)) == len(keys)
    assert key_of(preset) == key_of(replace(preset, embedding=DigitEmbedding()))
    assert Path(keys[0]).name == keys[0]


def test_the_key_changes_with_the_lines_that_digits_are_cut_out_of(monkeypatch):
    before = key_of(PRESETS["accurate"])
    monkeypatch.setattr(module, "N_PICTURES", N_PICTURES + 1)
    assert key_of(PRESETS["accurate"]) != before


def test_it_is_the_default_preset_fitted_as_ever_which_then_learned_cut_digits(loads, few_digits):
    model = default_model()
    images, labels = few_digits.train_images, few_digits.train_labels
    same = KNNDigitClassifier().fit(images, labels)
    learn_cut_digits(same, images, labels, n_pictures=N_PICTURES)
    assert len(same.label_codes_) > len(images)
    np.testing.assert_array_equal(answers(model, few_digits), answers(same, few_digits))
