"""Imports point one way: from the command line down to the files, and never back."""

import ast
from pathlib import Path

import knn_digits

PACKAGE = Path(knn_digits.__file__).parent

# Lower layers first. A module may import its own layer's package and anything above this line in the list.
LAYERS = [
    {"errors", "progress", "machine"},
    {"output_folder"},
    {"datasets", "neighbors"},
    {"features", "evaluation", "exploration", "baseline", "results_files", "insights"},
    {"classifier"},
    {"tuning", "model_files"},
    {"experiment", "benchmark", "report"},
    {"cli"},
    {"__main__", "__init__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
# report draws from results alone: it must not see anything that fits, predicts or loads data.
FORBIDDEN = {
    "report": {
        "classifier",
        "tuning",
        "experiment",
        "benchmark",
        "datasets",
        "neighbors",
        "features",
        "model_files",
    }
}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """Rooms of ours that a file imports, at its top or inside functions; TYPE_CHECKING counts too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        parts = [name.split(".") for name in names if name.split(".")[0] == "knn_digits"]
        found |= {p[1] for p in parts if len(p) > 1 and p[1] in LEVEL}
    return found


def test_every_room_has_a_layer():
    rooms = {room_of(path) for path in PACKAGE.rglob("*.py")}
    assert rooms == set(LEVEL)


def test_imports_point_one_way():
    backward = [
        (str(path.relative_to(PACKAGE)), imported)
        for path in PACKAGE.rglob("*.py")
        for imported in imports_of(path)
        if imported != room_of(path) and room_of(path) != "__init__" and LEVEL[imported] >= LEVEL[room_of(path)]
    ]
    assert backward == []


def test_the_report_sees_results_alone():
    for path in (PACKAGE / "report").rglob("*.py"):
        assert not imports_of(path) & FORBIDDEN["report"], path
