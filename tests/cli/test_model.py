"""`knn-digits model info`."""

import json

import pytest

from knn_digits import KNNDigitClassifier, load_dataset
from knn_digits.model_files import save_model
from knn_digits.reranking import DistortionReranker


@pytest.fixture
def saved(tmp_path):
    """Save a model of few digits, and return its folder."""

    def save(preset, **settings):
        digits = load_dataset("digits")
        model = KNNDigitClassifier(preset, **settings).fit(digits.train_images[:200], digits.train_labels[:200])
        save_model(model, tmp_path / "model")
        return tmp_path / "model"

    return save


def shown(call, folder):
    """Rows of the table by their names."""
    lines = [line.split(maxsplit=1) for line in call("model", "info", folder).out.splitlines() if line.strip()]
    return {name: value.strip() for name, value in (line for line in lines if len(line) == 2)}


def test_a_model_that_looks_again_says_at_how_many_and_how(saved, call):
    folder = saved("accurate", n_candidates=120, rerank=DistortionReranker(window=3))
    rows = shown(call, folder)
    assert rows["candidates"] == "120"
    assert rows["reranker"] == "DistortionReranker(strength=0.5, weight=0.5, window=3)"
    settings = json.loads(call("model", "info", folder, "--json").out)["settings"]
    assert settings["n_candidates"] == 120
    assert settings["rerank"]["parameters"] == {"strength": 0.5, "weight": 0.5, "window": 3}


def test_a_model_of_votes_alone_has_neither(saved, call):
    folder = saved("pixels")
    rows = shown(call, folder)
    assert rows["candidates"] == "as many as neighbors"
    assert rows["reranker"] == "none"
    settings = json.loads(call("model", "info", folder, "--json").out)["settings"]
    assert settings["n_candidates"] is None
    assert settings["rerank"] is None
