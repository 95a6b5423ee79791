"""Imports point one way: from the command line down to the files, and never back."""

import ast
from pathlib import Path

import pytest

import knn_digits

PACKAGE = Path(knn_digits.__file__).parent

# Lower layers first. A module may import its own layer's package and anything above this line in the list.
LAYERS = [
    {"errors", "printable", "progress", "machine", "arrays", "kernels", "threads", "preset_names"},
    {"json_files"},
    {"output_folder"},
    {"images"},
    {"datasets", "picture_sources", "named_files", "reading_labels", "neighbors", "distances", "drawing"},
    {
        "features",
        "evaluation",
        "exploration",
        "baseline",
        "results_files",
        "insights",
        "foreign",
        "folds",
        "made_pictures",
    },
    {"reranking", "confidence", "reading_measures"},
    {"judging"},
    {"calibrating"},
    {"explanation"},
    {"classifier"},
    {"model_manifest", "choosing"},
    {"tuning", "model_files", "choosing"},
    {"reader", "cut_digits"},
    {"experiment_data", "default_model", "predicting"},
    {"answering", "reading_evaluation"},
    {"mistakes", "stages", "explained", "audit", "assurance"},
    {"experiment", "benchmark", "report"},
    {"picture_results"},
    {"cli"},
    {"__main__", "__init__"},
]
HOMES = {"datasets", "images", "classifier", "confidence", "errors", "model_files", "reader"}  # of what is lent
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
# report draws from results alone, drawing what it is given: neither must see what fits, predicts or loads data.
FORBIDDEN = {
    "drawing": set(LEVEL) - {"drawing"},
    "report": {
        "classifier",
        "tuning",
        "answering",
        "audit",
        "stages",
        "experiment",
        "benchmark",
        "datasets",
        "neighbors",
        "features",
        "model_files",
        "reader",
        "predicting",
    },
}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """Rooms of ours that a file imports, at its top or inside functions; TYPE_CHECKING counts too.

    A name that the package's root lends (`from knn_digits import load_model`) counts as its home; the root
    as a whole (`import knn_digits`), through which all of them can be had, counts as every home.
    """
    homes = knn_digits._HOME_OF
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            whole = any(alias.name == "knn_digits" for alias in node.names)
            names = [*(alias.name for alias in node.names), *(homes.values() if whole else ())]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            if node.module == "knn_digits":
                borrowed = [alias.name for alias in node.names]
                names += homes.values() if "*" in borrowed else [homes[n] for n in borrowed if n in homes]
        else:
            continue
        parts = [name.split(".") for name in names if name.split(".")[0] == "knn_digits"]
        found |= {p[1] for p in parts if len(p) > 1 and p[1] in LEVEL}
    return found


def test_every_room_has_a_layer():
    rooms = {room_of(path) for path in PACKAGE.rglob("*.py")}
    assert rooms == set(LEVEL)


@pytest.mark.parametrize(
    ("source", "rooms"),
    [
        ("from knn_digits.classifier import KNNDigitClassifier", {"classifier"}),
        ("from knn_digits import insights, __version__", {"insights"}),
        ("def f():\n    from knn_digits import load_model", {"model_files"}),
        ("from knn_digits import load_dataset as l, KNNDigitClassifier", {"datasets", "classifier"}),
        ("from knn_digits import *", HOMES),
        ("import os, knn_digits as k", HOMES),
        ("import numpy; from os import path", set()),
    ],
)
def test_imports_through_the_root_are_seen(tmp_path, source, rooms):
    (tmp_path / "module.py").write_text(source)
    assert imports_of(tmp_path / "module.py") == rooms


def test_imports_point_one_way():
    backward = [
        (str(path.relative_to(PACKAGE)), imported)
        for path in PACKAGE.rglob("*.py")
        for imported in imports_of(path)
        if imported != room_of(path) and room_of(path) != "__init__" and LEVEL[imported] >= LEVEL[room_of(path)]
    ]
    assert backward == []


@pytest.mark.parametrize("room", FORBIDDEN)
def test_who_draws_sees_results_alone(room):
    for path in (PACKAGE / room).rglob("*.py"):
        assert not imports_of(path) & FORBIDDEN[room], path
