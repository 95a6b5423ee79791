"""`knn-digits evaluate`: figures for a user's own pictures, and clear words about labels that do not fit."""

import json
import re
from pathlib import Path

import pytest

from knn_digits.reading_labels import read_labels


@pytest.fixture
def evaluate(call, reading_model):
    return lambda *arguments: call("evaluate", *arguments, "--model", reading_model)


@pytest.fixture
def folder(write):
    """Three pictures, all as the model reads them."""
    write("in/a.png", "314")
    write("in/b.png", "27\n18")
    write("in/deep/c.png", "5")
    return Path("in")


def labels(text, name="labels.csv"):
    Path(name).write_text(text, encoding="utf-8")
    return name


RIGHT = "a.png,314\nb.png,27|18\ndeep/c.png,5\n"


def told(done):
    return json.loads(done.out)


def test_all_right(evaluate, folder):
    done = evaluate(folder, "--labels", labels(RIGHT))
    assert done.code == 0
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert "pictures without an error 3 3 100.00% 43.85% to 100.00%" in lines
    assert "lines without an error 4 4 100.00% 51.01% to 100.00%" in lines
    assert any(line.startswith("digits wrong 0 8 0.00%") for line in lines)
    assert "Read wrong" not in done.out


def test_what_is_wrong_is_counted_and_listed(evaluate, folder):
    found = told(evaluate(folder, "--labels", labels("a.png,324\nb.png,27|188\ndeep/c.png,|\n"), "--json"))
    assert (found["pictures"]["right"], found["pictures"]["n"]) == (0, 3)
    assert (found["lines"]["right"], found["lines"]["n"]) == (1, 3)
    digits = found["digits"]
    assert [digits[kind] for kind in ("n", "errors", "substitutions", "insertions", "deletions")] == [
        8,
        3,
        1,
        1,
        1,
    ]
    assert digits["rate"] == 3 / 8
    assert found["wrong"][1] == {"name": "b.png", "read": "27\n18", "true": "27\n188"}
    text = evaluate(folder, "--labels", "labels.csv").out
    assert "27 | 18 " in text
    assert "(nothing)" in text


def test_doubtful_digits_and_what_is_wrong_without_them(evaluate, folder, monkeypatch):
    file = labels("a.png,324\nb.png,27|18\n")
    monkeypatch.setattr("knn_digits.reader._least_sure", lambda model, max_error: 2.0)
    doubtful = told(evaluate(folder, "--labels", file, "--json"))["doubtful"]
    assert (doubtful["digits"]["marked"], doubtful["errors_marked"]) == (7, 1)
    assert doubtful["digits_not_marked"] == {"n": 0, "errors": 0, "rate": None, "ci95": None}
    monkeypatch.setattr("knn_digits.reader._least_sure", lambda model, max_error: 0.0)
    doubtful = told(evaluate(folder, "--labels", file, "--json"))["doubtful"]
    assert (doubtful["digits_not_marked"]["n"], doubtful["digits_not_marked"]["errors"]) == (7, 1)
    assert doubtful["pictures_without_marks"]["wrong"] == 1


def test_what_has_no_partner_or_cannot_be_read_is_told(evaluate, folder):
    Path("in/bad.png").write_bytes(b"no picture")
    file = labels("a.png,314\nbad.png,1\ngone.png,2\n")
    done = evaluate(folder, "--labels", file, "--json")
    found = told(done)
    assert done.code == 3
    assert found["pictures"]["n"] == 1
    assert found["missing"] == ["gone.png"]
    assert found["unlabeled"] == ["b.png", "deep/c.png"]
    assert [failure["name"] for failure in found["failed"]] == ["bad.png"]
    text = evaluate(folder, "--labels", file).out
    for words in (
        "No picture for the label: gone.png",
        "No label, so not counted: b.png",
        "Not read, so not counted",
    ):
        assert words in text


@pytest.mark.parametrize(
    "text",
    [
        "a.png\t314\nb.png\t27\\n18\n",
        "name,text\n./a.png, 3 1 4\n\nb.png,27|18\n",
        '\ufeffa.png,"314"\r\nb.png,27|18\r\n',
        "Path\tText\na.png\t314|\nb.png\t27 | 18",
    ],
)
def test_labels_as_programs_and_people_write_them(text):
    assert read_labels(Path(labels(text))) == {"a.png": "314", "b.png": "27\n18"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no labels"),
        ("name,text\n", "no labels"),
        ("a.png\n", "line 1: expected a name"),
        ("a.png,1\nb.png,2,3\n", "line 2: .* got 3 columns"),
        ("a.png,1\na.png,1\n", "line 2: 'a.png' was there before"),
        (",1\n", "line 1: expected the name"),
        ("a.png,12a\n", "'a.png' has 'a'"),
        ('a.png,"1\n', "not CSV"),
    ],
)
def test_bad_labels_are_one_line(evaluate, folder, text, words):
    done = evaluate(folder, "--labels", labels(text))
    done.assert_one_line_error()
    assert re.search(words, done.err), done.err


def test_labels_that_are_no_text_or_not_there(evaluate, folder):
    Path("labels.bin").write_bytes(b"a.png,\xff\n")
    evaluate(folder, "--labels", "labels.bin").assert_one_line_error()
    evaluate(folder, "--labels", "nowhere.csv").assert_one_line_error()
    evaluate(folder, "--labels", folder).assert_one_line_error()


def test_wrong_use(evaluate, folder):
    evaluate(folder).assert_one_line_error(code=2)
    evaluate("nowhere", "--labels", labels(RIGHT)).assert_one_line_error(code=2)
    evaluate("in/a.png", "--labels", labels(RIGHT)).assert_one_line_error(code=2)
