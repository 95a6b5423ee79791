"""Drawing as the command line uses it: files, damage, disks, and what is imported."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from PIL import Image

from knn_digits.errors import OutputError, ResultsError
from knn_digits.experiment import Experiment
from knn_digits.report import draw_report
from knn_digits.report.figures import FIGURES
from knn_digits.results_files import write_results


@pytest.fixture
def folder(drawn: Path, tmp_path: Path) -> Path:
    for name in ("results.json", "results.npz"):
        shutil.copy(drawn / name, tmp_path)
    return tmp_path


def test_gives_the_page_and_every_figure_twice(folder: Path, experiment: Experiment):
    assert draw_report(folder) == folder / "index.html"
    names = {path.name for path in (folder / "figures").iterdir()}
    # Pictures that are no digits are of MNIST's size alone; fewer than four answers may be explained.
    n_explained = len(experiment.results["explanations"])
    left_out = {"foreign", *(f"explanation_{n + 1}" for n in range(n_explained, 4))}
    drawn = FIGURES.keys() - left_out
    assert names == {f"{name}.{suffix}" for name in drawn for suffix in ("png", "svg")}
    for name in drawn:
        picture = Image.open(folder / "figures" / f"{name}.png")
        picture.load()
        assert np.asarray(picture.convert("L")).std() > 5
        assert "<svg" in (folder / "figures" / f"{name}.svg").read_text(encoding="utf-8")
    assert not list(folder.rglob(".*"))


def test_draws_what_the_report_promises():
    assert set(FIGURES) == {
        "class_balance", "ink_per_class", "mean_and_spread", "closest_pairs", "samples", "hardest", "map",
        "comparison", "tuning_curve", "tuning_cost", "confusion", "per_class", "mistakes",
        "stages", "reliability", "risk_coverage", "foreign",
        "explanation_1", "explanation_2", "explanation_3", "explanation_4",
    }  # fmt: skip


def test_a_figure_with_nothing_to_show_goes_away(folder: Path, results: dict, arrays: dict):
    draw_report(folder)
    mine = folder / "figures" / "mine.png"
    mine.write_bytes(b"mine")
    results["evaluation"]["mistakes"] = []
    arrays |= {"mistake_images": arrays["mistake_images"][:0]}
    arrays |= {"mistake_neighbor_images": arrays["mistake_neighbor_images"][:0]}
    write_results(folder, results, arrays)
    draw_report(folder)
    assert not (folder / "figures" / "mistakes.png").exists()
    assert mine.read_bytes() == b"mine"


def test_tells_its_progress(folder: Path):
    told: list[Any] = []

    class Listener:
        @contextmanager
        def step(self, title: str, total: int | None = None):
            told.append(total)
            yield told.append

    draw_report(folder, progress=Listener())
    assert told[0] == sum(told[1:]) == len(FIGURES) + 1


def test_the_users_matplotlib_settings_neither_matter_nor_change(folder: Path, drawn: Path):
    with matplotlib.rc_context({"font.size": 30, "axes.labelsize": 30, "svg.hashsalt": "theirs"}):
        draw_report(folder)
        assert matplotlib.rcParams["font.size"] == 30
    for name in ("comparison.png", "confusion.svg"):
        assert (folder / "figures" / name).read_bytes() == (drawn / "figures" / name).read_bytes()


def test_imports_neither_pyplot_nor_scikit_learn():
    code = (
        "import sys, knn_digits.report; "
        "print([m for m in ('sklearn', 'scipy', 'matplotlib.pyplot') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def delete(path: str) -> Callable[[dict, dict], None]:
    *outer, last = path.split(".")

    def change(results: dict, arrays: dict) -> None:
        for key in outer:
            results = results[int(key) if key.isdigit() else key]
        del results[last]

    return change


def put(path: str, value: Any) -> Callable[[dict, dict], None]:
    *outer, last = path.split(".")

    def change(results: dict, arrays: dict) -> None:
        for key in outer:
            results = results[int(key) if key.isdigit() else key]
        results[last] = value

    return change


def array(name: str, change: Callable[[np.ndarray], np.ndarray] | None) -> Callable[[dict, dict], None]:
    def changed(results: dict, arrays: dict) -> None:
        if change is None:
            del arrays[name]
        else:
            arrays[name] = change(arrays[name])

    return changed


DAMAGES = {
    "no evaluation": delete("evaluation"),
    "no name": delete("dataset.name"),
    "no error rate of a baseline": delete("baseline.0.error_rate"),
    "no insight text": delete("insights.0.text"),
    "no seed": delete("seeds.seed"),
    "no label of a mistake": delete("evaluation.mistakes.0.label"),
    "no disputed": delete("evaluation.disputed"),
    "errors as text": put("evaluation.errors", "many"),
    "error rate as text": put("evaluation.error_rate", "small"),
    "error rate null": put("baseline.1.error_rate", None),
    "tuning a list": put("tuning", []),
    "dataset a text": put("dataset", "MNIST"),
    "confusion not square": put("evaluation.confusion", [[1, 2], [3]]),
    "classes empty": put("dataset.classes", []),
    "curve empty": put("tuning.curve", []),
    "baseline empty": put("baseline", []),
    "mistakes fewer than pictures": put("evaluation.mistakes", []),
    "counts of too few classes": put("exploration.class_counts.train", [1, 2]),
    "no row of the stages": put("stages.rows", []),
    "no interval of a stage": delete("stages.rows.0.ci95"),
    "no tuned setting": delete("tuned_evaluation"),
    "no confidence": delete("confidence"),
    "no bins": put("confidence.calibration.bins", []),
    "no curve of withholding": put("confidence.rejection.curve", []),
    "no interval of an error rate": delete("confidence.rejection.rows.0.ci95"),
    "foreign pictures missing": put("confidence.credibility.kinds", [{"held_out": True}]),
    "sizes of sets a number": put("confidence.prediction_sets", [{"sizes": 3}]),
    "no ink": array("ink", None),
    "no folds of the map": array("map_images", None),
    "pictures of three dimensions": array("sample_images", lambda a: a[0]),
    "pictures not square": array("mistake_images", lambda a: a[:, :3]),
    "neighbor pictures missing": array("mistake_neighbor_images", lambda a: a[:, :2]),
    "map of text": array("map_positions", lambda a: a.astype(str)),
    "no means": array("mean_images", lambda a: a[:0]),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_results_are_one_line(damage: Callable, folder: Path, results: dict, arrays: dict):
    damage(results, arrays)
    write_results(folder, results, arrays)
    with pytest.raises(ResultsError) as caught:
        draw_report(folder)
    message = str(caught.value)
    assert str(folder) in message
    assert "\n" not in message
    assert sorted(p.name for p in folder.iterdir()) == ["results.json", "results.npz"]


def test_no_results_at_all(tmp_path: Path):
    with pytest.raises(ResultsError, match="no results"):
        draw_report(tmp_path)


@pytest.fixture
def drawn_before(pictures: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the drawing where only the writing is asked about."""
    monkeypatch.setattr("knn_digits.report.draw_figures", lambda *args: pictures)


@pytest.mark.usefixtures("drawn_before")
def test_a_file_in_the_way_of_the_figures(folder: Path):
    (folder / "figures").write_text("mine")
    with pytest.raises(OutputError, match="figures"):
        draw_report(folder)
    assert (folder / "figures").read_text() == "mine"
    assert not (folder / "index.html").exists()


@pytest.mark.usefixtures("drawn_before")
@pytest.mark.parametrize("name", ["index.html", "figures/map.png"])
def test_a_folder_in_the_way_of_a_file(folder: Path, name: str):
    (folder / name).mkdir(parents=True)
    with pytest.raises(OutputError, match=Path(name).name):
        draw_report(folder)
    assert not list(folder.rglob(".*partial*"))


@pytest.mark.usefixtures("drawn_before")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_leaves_the_old_page(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "index.html").write_text("old")
    real = Path.write_text

    def write_text(self: Path, *args: Any, **kwargs: Any) -> int:
        return real(Path("/dev/full"), *args, **kwargs)

    monkeypatch.setattr(Path, "write_text", write_text)
    with pytest.raises(OutputError, match=r"index\.html"):
        draw_report(folder)
    monkeypatch.undo()
    assert (folder / "index.html").read_text() == "old"
