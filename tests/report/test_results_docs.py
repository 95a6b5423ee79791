"""docs/results.md says what is in the results of a real run, no more and no less."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knn_digits.experiment import Experiment

DOCS = Path(__file__).parents[2] / "docs" / "results.md"
# Objects whose keys are names that vary.
OPEN = {"versions", "tuning.search_s", "timings.step_s"}
SETTINGS = ("tuning.curve[]", "tuning.best", "tuning.one_standard_error", "tuning.chosen")


def documented() -> tuple[set[str], dict[str, tuple[str, str]]]:
    text = DOCS.read_text(encoding="utf-8")
    json_part, npz_part = text.split("## results.npz")
    fields: set[str] = set()
    for line in json_part.splitlines():
        cell = line.split("|")[1] if line.startswith("|") else ""
        names = re.findall(r"`([^`]+)`", cell)
        if "*setting*" in cell:
            names = [setting + name for setting in SETTINGS for name in names]
        fields.update(names)
    arrays = {}
    for line in npz_part.splitlines():
        if found := re.match(r"\| `(\w+)` \| (\w+) \| \(([^)]*)\)", line):
            arrays[found[1]] = (found[2], found[3])
    return fields - set(SETTINGS) - {"evaluation.disputed", "stages"}, arrays


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


def test_fields_are_documented_and_documented_fields_exist(many_mistakes: Experiment):
    documented_fields, _ = documented()
    found = set(fields_of(many_mistakes.results))
    assert found - documented_fields == set(), "not in docs/results.md"
    assert documented_fields - found == set(), "documented, but not in the results"


def test_the_plain_knn_has_the_same_fields_but_no_stages(many_mistakes: Experiment, many_votes: Experiment):
    stages = {field for field in fields_of(many_mistakes.results) if field.startswith("stages.")}
    assert set(fields_of(many_votes.results)) == set(fields_of(many_mistakes.results)) - stages | {"stages"}


def test_arrays_are_documented_with_type_and_dimensions(many_mistakes: Experiment):
    _, documented_arrays = documented()
    expected = {
        name: (dtype, len([part for part in shape.split(",") if part.strip()]))
        for name, (dtype, shape) in documented_arrays.items()
    }
    assert {name: described(array) for name, array in many_mistakes.arrays.items()} == expected


@pytest.mark.parametrize("path", ["dataset.name", "evaluation.mistakes[].neighbors[].votes", "tuning.best.vote_s"])
def test_the_comparison_sees_deep_fields(many_mistakes: Experiment, path: str):
    assert path in set(fields_of(many_mistakes.results))
    assert path in documented()[0]
