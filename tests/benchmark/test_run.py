"""One small real benchmark, from the command line to the page."""

import json
import re
from pathlib import Path

import pytest

from knn_digits.benchmark import read_bench
from knn_digits.benchmark.methods import METHODS
from knn_digits.cli import main
from knn_digits.errors import ResultsError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("bench") / "out"
    command = ["bench", "--dataset", "digits", "--quick", "--cold", "--threads", "1", "--out", str(out)]
    assert main(command) == 0
    return out


def test_every_method_is_a_row_measured_or_said_why_not(folder):
    bench = read_bench(folder / "bench.json")
    assert [row["method"] for row in bench["results"]] == list(METHODS)
    for row in bench["results"]:
        if row["left_out"]:
            assert row["left_out"].startswith("not installed")
        else:
            assert row["rounds"] == 3
            assert 0 < row["single_ms_p50"] <= row["single_ms_p99"]
            assert row["error_rate"] < 0.2
            assert row["peak_rss_mb"] > 20
            assert row["model_mb"] > 0
            assert (row["recall_at_10"] is not None) == METHODS[row["method"]].approximate


def test_ours_and_scikit_learn_are_always_measured(folder):
    rows = {row["method"]: row for row in read_bench(folder / "bench.json")["results"]}
    assert rows["scikit-learn brute"]["ratio_to_sklearn"] == 1.0
    # The same neighbors: the two differ in ties of votes alone.
    assert abs(rows["pixels"]["errors"] - rows["scikit-learn brute"]["errors"]) <= 3


def test_it_says_on_what_it_was_measured(folder):
    bench = read_bench(folder / "bench.json")
    assert bench["threads"] == 1
    assert bench["dataset"]["name"] == "scikit-learn digits (8x8)"
    assert {"cpu", "cores"} <= bench["machine"].keys()
    assert bench["versions"]["scikit-learn"]
    assert bench["cold"][0]["process"] == "import sklearn.neighbors"


def test_the_page_is_self_contained_and_names_every_method(folder):
    page = (folder / "bench.html").read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="https?:', page)
    assert page.count("<img") == len(re.findall(r'<img[^>]* alt="[^"]+"', page)) == 1
    for name in METHODS:
        assert name in page
    assert {path.name for path in folder.iterdir()} == {
        "bench.json", "bench.html", "error_against_time.png", "error_against_time.svg"
    }  # fmt: skip


def test_compared_with_itself_changed_by_hand(folder, tmp_path, capsys, monkeypatch):
    few = {name: METHODS[name] for name in ("scikit-learn brute", "pixels")}  # all of them take minutes
    monkeypatch.setattr("knn_digits.benchmark.run.METHODS", few)
    bench = json.loads((folder / "bench.json").read_text())
    for row in bench["results"]:
        if row["method"] == "pixels":
            row["ratio_spread"] = [900.0, 901.0]
    old = tmp_path / "old.json"
    old.write_text(json.dumps(bench))
    command = ["bench", "--dataset", "digits", "--quick", "--out", str(tmp_path / "again"), "--compare", str(old)]
    assert main([*command, "--json"]) == 0
    changed = json.loads(capsys.readouterr().out)["changes"]
    assert ("pixels", "ratio_to_sklearn") in [(c["method"], c["what"]) for c in changed]


def test_nothing_measured_is_a_failure_and_leaves_the_former_benchmark(folder, capsys):
    before = (folder / "bench.json").read_bytes()
    assert main(["bench", "--dataset", "digits", "--quick", "--budget", "0.01", "--out", str(folder)]) == 1
    assert "nothing was measured" in capsys.readouterr().err
    assert (folder / "bench.json").read_bytes() == before


@pytest.mark.parametrize(
    "field", [{"ratio_spread": [0.5]}, {"model_mb": "big"}, {"method": 3}, {"ci95": ["a", "b"]}]
)
def test_a_damaged_row_of_an_old_benchmark_is_refused(folder, tmp_path, field):
    bench = json.loads((folder / "bench.json").read_text())
    bench["results"][1].update(field)
    (tmp_path / "old.json").write_text(json.dumps(bench))
    with pytest.raises(ResultsError, match="damaged"):
        read_bench(tmp_path / "old.json")


@pytest.mark.parametrize("content", ["", "[]", '{"format": "knn-digits bench", "format_version": 9}', None])
def test_an_old_benchmark_that_cannot_be_read_is_refused_before_measuring(tmp_path, content):
    path = tmp_path / "old.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ResultsError):
        read_bench(path)
    assert main(["bench", "--dataset", "digits", "--compare", str(path), "--out", str(tmp_path / "o")]) == 1
    assert not (tmp_path / "o").exists()


def test_every_field_is_documented(folder):
    docs = (Path(__file__).parents[2] / "docs" / "bench.md").read_text(encoding="utf-8")
    bench = read_bench(folder / "bench.json")
    fields = (
        set(bench) | set(bench["results"][0]) | set(bench["cold"][0]) | set(bench["dataset"]) | set(bench["plan"])
    )
    documented = set(re.findall(r"`(\w+)`", docs))
    assert fields <= documented
