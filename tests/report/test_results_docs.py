"""docs/results.md says what is in the results of a real run, no more and no less."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knn_digits.experiment import Experiment

DOCS = Path(__file__).parents[2] / "docs" / "results.md"
# Objects whose keys are names that vary.
OPEN = {"versions", "tuning.search_s", "timings.step_s", "confidence.prediction_sets[].sizes"}
# Objects that have the same fields wherever they stand.
SAME = {
    "*either*": ("explanations[].answer", "explanations[].runner_up"),
    "*setting*": ("tuning.curve[]", "tuning.best", "tuning.one_standard_error", "tuning.chosen"),
    "*withheld*": (
        "confidence.rejection.rows[]",
        "confidence.rejection.at_share[]",
        "confidence.rejection.max_error",
    ),
}
MAY_BE_NULL = {"evaluation.disputed", "stages", "confidence"}


def documented() -> tuple[set[str], dict[str, tuple[str, str]]]:
    text = DOCS.read_text(encoding="utf-8")
    json_part, npz_part = text.split("## results.npz")
    fields: set[str] = set()
    for line in json_part.splitlines():
        cell = line.split("|")[1] if line.startswith("|") else ""
        names = re.findall(r"`([^`]+)`", cell)
        for group, places in SAME.items():
            if group in cell:
                names = [place + name for place in places for name in names]
        fields.update(names)
    arrays = {}
    for line in npz_part.splitlines():
        if found := re.match(r"\| `(\w+)` \| (\w+) \| \(([^)]*)\)", line):
            arrays[found[1]] = (found[2], found[3])
    return fields - {place for places in SAME.values() for place in places} - MAY_BE_NULL, arrays


def fields_of(value: Any, path: str = "") -> Iterator[str]:
    """Name the leaves: keys of objects, and lists by their first item."""
    if isinstance(value, dict) and path in OPEN:
        yield f"{path}.<name>"
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from fields_of(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        assert value, f"{path} is empty, so that nothing can be said of its items"
        yield from fields_of(value[0], f"{path}[]")
    else:
        yield path


def described(array: np.ndarray) -> tuple[str, int]:
    return str(array.dtype), array.ndim


def without_confidence(results: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in results.items() if key != "confidence"}


def test_fields_are_documented_and_documented_fields_exist(many_mistakes: Experiment, surely: Experiment):
    documented_fields, _ = documented()
    found = set(fields_of(without_confidence(many_mistakes.results)))
    found |= set(fields_of({"confidence": surely.results["confidence"]}))
    assert found - documented_fields == set(), "not in docs/results.md"
    assert documented_fields - found == set(), "documented, but not in the results"


def test_the_plain_knn_has_the_same_fields_but_no_stages(many_mistakes: Experiment, many_votes: Experiment):
    fields, fields_of_votes = (
        set(fields_of(without_confidence(found.results))) for found in (many_mistakes, many_votes)
    )
    stages = {field for field in fields if field.startswith("stages.")}
    assert fields_of_votes == fields - stages | {"stages"}


def test_confidence_has_the_same_fields_whatever_was_asked(many_votes: Experiment, surely: Experiment):
    """Of a preset of its own, without a share of errors to keep to, on images that are not of MNIST's size."""
    fields = set(fields_of(surely.results["confidence"]))
    confidence = copy.deepcopy(many_votes.results["confidence"])
    assert confidence["rejection"].pop("max_error") is None
    assert confidence["credibility"].pop("kinds") == confidence.pop("prediction_sets") == []
    missing = ("rejection.max_error.", "credibility.kinds[]", "prediction_sets[]")
    assert set(fields_of(confidence)) == {field for field in fields if not field.startswith(missing)}


def test_arrays_are_documented_with_type_and_dimensions(many_mistakes: Experiment, surely: Experiment):
    _, documented_arrays = documented()
    expected = {
        name: (dtype, len([part for part in shape.split(",") if part.strip()]))
        for name, (dtype, shape) in documented_arrays.items()
    }
    assert {name: described(array) for name, array in surely.arrays.items()} == expected
    del expected["foreign_images"]
    assert {name: described(array) for name, array in many_mistakes.arrays.items()} == expected


@pytest.mark.parametrize("path", ["dataset.name", "evaluation.mistakes[].neighbors[].votes", "tuning.best.vote_s"])
def test_the_comparison_sees_deep_fields(many_mistakes: Experiment, path: str):
    assert path in set(fields_of(without_confidence(many_mistakes.results)))
    assert path in documented()[0]
