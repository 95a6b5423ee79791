"""`knn-digits audit`: tables, JSON, a folder with a page."""

import json
import sys
from pathlib import Path

import pytest

from knn_digits.audit import AUDIT_FOLDER

DIGITS = ["audit", "--dataset", "digits"]


def test_it_prints_tables_and_says_where_the_page_can_be_had(call):
    done = call(*DIGITS, "--first", "3", "--preset", "pixels")
    assert done.code == 0
    assert "training labels are contradicted, the first 3" in done.out
    assert "test labels are contradicted, the first 3" in done.out
    assert "Duplicates: " in done.out
    assert done.out.splitlines()[-1] == "Page with pictures: add --out DIR"
    assert not any(Path().iterdir())


def test_json_is_what_the_folder_holds(call):
    done = call(*DIGITS, "--split", "test", "--first", "4", "--out", "my audit", "--json")
    told = json.loads(done.out)
    assert told == json.loads(Path("my audit/audit.json").read_text(encoding="utf-8"))
    assert [(s["split"], len(s["suspects"])) for s in told["splits"]] == [("test", 4)]
    assert told["command"] == "knn-digits audit --dataset digits --split test --first 4 --out 'my audit' --json"
    assert {path.name for path in Path("my audit").iterdir()} == AUDIT_FOLDER.names
    again = call(*DIGITS, "--split", "test", "--first", "4", "--out", "my audit", "--preset", "pixels")
    assert again.out.splitlines()[-1] == f"Report: {Path('my audit').absolute() / 'index.html'}"
    assert json.loads(Path("my audit/audit.json").read_text(encoding="utf-8"))["preset"] == "pixels"


def test_somebody_elses_folder_is_refused(call):
    Path("papers").mkdir()
    Path("papers/thesis.txt").write_text("years of work")
    call(*DIGITS, "--out", "papers").assert_one_line_error()
    assert [path.name for path in Path("papers").iterdir()] == ["thesis.txt"]
    Path("other").mkdir()
    Path("other/audit.json").write_text('{"books": 3}')
    call(*DIGITS, "--out", "other").assert_one_line_error()
    assert Path("other/audit.json").read_text() == '{"books": 3}'


@pytest.mark.parametrize(
    "wrong",
    [["--first", "0"], ["--split", "half"], ["--preset", "magic"], ["--n-jobs", "0"], ["extra"]],
)
def test_wrong_use(call, wrong):
    call("audit", *wrong).assert_one_line_error(code=2)


def test_groups_that_do_not_fit_are_one_line_and_leave_nothing(call):
    Path("writers.txt").write_text("1\n2\n")
    call(*DIGITS, "--groups", "writers.txt", "--out", "o").assert_one_line_error()
    assert {path.name for path in Path().iterdir()} == {"writers.txt"}


def test_disputed_labels_are_told_of_with_and_without_cleanlab(call, monkeypatch):
    monkeypatch.setattr("knn_digits.audit.run.disputed_test_positions", lambda _: (2, 104))
    monkeypatch.setitem(sys.modules, "cleanlab.rank", None)
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    done = call(*DIGITS, "--split", "test", "--first", "1", "--preset", "pixels")
    assert done.code == 0
    assert "Of the 2 test labels that people dispute" in done.out
    assert "pip install 'knn-digits[audit]'" in done.out
