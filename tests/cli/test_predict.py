"""`knn-digits predict`: lines for people, JSON Lines, boxes, pages; nothing is lost by one bad picture."""

import io
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from knn_digits import DigitReader, load_model, read_picture
from knn_digits.cli import main


@pytest.fixture
def predict(call, reading_model):
    return lambda *arguments: call("predict", *arguments, "--model", reading_model)


def rows(done):
    return [json.loads(line) for line in done.out.splitlines()]


def test_a_line_for_every_picture(predict, write):
    write("a.png", "314")
    write("b.png", "27\n18", dark=True)
    done = predict("a.png", "b.png")
    assert done.code == 0
    assert done.err == ""
    first, second = done.out.splitlines()
    assert re.fullmatch(r"a\.png: 314  (\d\d?\.\d\d|>99\.99)%", first)
    assert re.fullmatch(r"b\.png: 27 \| 18  (\d\d?\.\d\d|>99\.99)%", second)


def test_json_holds_all_that_the_library_knows(predict, write, reading_model):
    write("a.png", "314\n15")
    done = predict("a.png", "--json")
    (row,) = rows(done)
    reading = DigitReader(load_model(reading_model)).read(read_picture(Path("a.png")))
    assert list(row) == ["path", "text", "digits"]
    assert (row["path"], row["text"]) == ("a.png", "314\n15")
    assert [digit["digit"] for digit in row["digits"]] == [3, 1, 4, 1, 5]
    for told, digit in zip(row["digits"], reading.digits, strict=True):
        for name, value in told.items():
            known = getattr(digit, name)
            assert value == (list(known) if isinstance(known, tuple) else known), name
    left, top, right, bottom = row["digits"][0]["box"]
    assert 20 <= left < right <= 68
    assert 40 <= top < bottom <= 88


def test_doubtful_digits_are_marked(predict, write, monkeypatch):
    write("a.png", "314")
    done = predict("a.png", "--max-error", "0.5")
    assert "[" not in done.out
    monkeypatch.setattr("knn_digits.reader.DigitReader.least_sure", 2.0, raising=False)
    monkeypatch.setattr("knn_digits.reader._least_sure", lambda model, max_error: 2.0)
    assert predict("a.png").out.startswith("a.png: [3")
    assert all(digit["unsure"] for digit in rows(predict("a.png", "--json"))[0]["digits"])


def test_one_bad_picture_loses_no_other(predict, write):
    write("1.png", "1")
    Path("2.png").write_bytes(b"no picture")
    write("3.png", "3")
    done = predict("1.png", "2.png", "gone.png", "3.png")
    assert done.code == 3
    assert [line.split(":")[0] for line in done.out.splitlines()] == ["1.png", "3.png"]
    bad, gone = done.err.splitlines()
    assert bad.startswith("knn-digits: 2.png ")
    assert gone.startswith("knn-digits: gone.png ")
    told = rows(predict("1.png", "2.png", "gone.png", "3.png", "--json"))
    assert [row["path"] for row in told] == ["1.png", "2.png", "gone.png", "3.png"]
    assert ["error" in row for row in told] == [False, True, True, False]


def test_all_failed_is_3_too(predict):
    assert predict("gone.png").code == 3


def test_a_failure_while_reading_loses_no_other(predict, write, monkeypatch):
    for name in "12345":
        write(f"{name}.png", name)
    reads = DigitReader.read_batch

    def some_fail(self, pictures):
        readings = reads(self, pictures)
        if any(reading.text == "4" for reading in readings):
            raise MemoryError
        return readings

    monkeypatch.setattr(DigitReader, "read_batch", some_fail)
    told = rows(predict("1.png", "2.png", "3.png", "4.png", "5.png", "--json"))
    assert [row.get("text") for row in told] == ["1", "2", "3", None, "5"]
    assert told[3]["error"]


def test_folders_patterns_and_stdin(predict, write, monkeypatch):
    for name in ("in/1.png", "in/2.png", "in/deep/3.png"):
        write(name, Path(name).stem)
    assert [row["path"] for row in rows(predict("in", "--json"))] == ["in/1.png", "in/2.png", "in/deep/3.png"]
    assert [row["text"] for row in rows(predict("in/[12].png", "--json"))] == ["1", "2"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path("in/2.png").read_bytes())))
    assert [(row["path"], row["text"]) for row in rows(predict("-", "--json"))] == [("-", "2")]
    monkeypatch.setattr(sys, "stdin", None)
    assert predict("-").code == 3


def test_a_blank_picture_has_no_digits(predict):
    Image.new("L", (60, 40), 255).save("blank.png")
    assert predict("blank.png").out == "blank.png: no digits\n"
    assert rows(predict("blank.png", "--json")) == [{"path": "blank.png", "text": "", "digits": []}]


def test_odd_names_stay_on_one_line(predict, write):
    written = write("a.png", "7").path
    names = ["two\nlines.png", "caf\udce9.png"]
    for name in names:
        Path(name).write_bytes(written.read_bytes())
    done = predict(*names, "--boxes", "out")
    assert done.code == 0
    assert len(done.out.splitlines()) == 2
    assert [row["path"] for row in rows(predict(*names, "--json"))] == [
        "two\nlines.png",
        "caf\N{REPLACEMENT CHARACTER}.png",
    ]
    assert sorted(path.name for path in Path("out").iterdir()) == ["caf.png", "two_lines.png"]


def test_boxes_never_share_a_name_and_never_take_a_file(predict, write):
    for name in ("x/7.png", "y/7.png", "y/7.jpg"):
        write(name, "7")
    Path("out").mkdir()
    Path("out/7.png").write_text("somebody's own")
    for _ in range(2):  # ours of the first time are replaced
        assert predict("x", "y", "--boxes", "out").code == 0
        assert {path.name for path in Path("out").iterdir()} == {"7.png", "7-2.png", "7-3.png", "7-4.png"}
    assert Path("out/7.png").read_text() == "somebody's own"
    with Image.open("out/7-2.png") as drawn:
        assert ((np.asarray(drawn) == (0, 114, 178)).all(axis=2)).sum() > 100


@pytest.mark.parametrize("option", ["--boxes", "--explain"])
@pytest.mark.parametrize(("inputs", "folder"), [("p", "p"), ("p", "p/out"), ("p/1.png", "p"), ("p/*.png", "p")])
def test_results_do_not_go_where_pictures_are_read(predict, write, option, inputs, folder):
    before = write("p/1.png", "1").path.read_bytes()
    predict(inputs, option, folder).assert_one_line_error(code=2)
    assert [path.name for path in Path("p").iterdir()] == ["1.png"]
    assert Path("p/1.png").read_bytes() == before


def test_explanations_are_pages_that_need_nothing_else(predict, write):
    write("a&b.png", "31")
    Image.new("L", (60, 40), 255).save("blank.png")
    Path("bad.png").write_bytes(b"no picture")
    assert predict("a&b.png", "blank.png", "bad.png", "--explain", "out").code == 3
    assert sorted(path.name for path in Path("out").iterdir()) == ["a_b.html", "blank.html"]
    page = Path("out/a_b.html").read_text(encoding="utf-8")
    assert "a&amp;b.png" in page
    assert page.count('<article class="explained"') == 2
    assert page.count("data:image/png;base64,") == 3
    assert "style=" not in page.split("</style>")[1]  # the policy would not let it through
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "No digits were found" in Path("out/blank.html").read_text(encoding="utf-8")


def test_expect_says_how_many_digits_a_line_has(predict, write):
    write("a.png", "314")
    assert len(rows(predict("a.png", "--expect", "2", "--json"))[0]["digits"]) == 2


@pytest.mark.parametrize(
    "wrong",
    [[], ["--max-error", "1", "a.png"], ["--expect", "0", "a.png"],
     ["--n-jobs", "0", "a.png"]],
)  # fmt: skip
def test_wrong_use(predict, wrong):
    predict(*wrong).assert_one_line_error(code=2)


def test_a_model_of_other_images_is_wrong_use(call):
    assert call("fit", "--dataset", "digits", "--preset", "pixels", "--out", "small").code == 0
    call("predict", "a.png", "--model", "small").assert_one_line_error(code=2)


def test_without_a_model_it_says_how_to_get_one(call):
    done = call("predict", "a.png", "--offline")
    done.assert_one_line_error()
    for way in ("knn-digits data fetch", "KNN_DIGITS_DATA_DIR", "--model DIR"):
        assert way in done.err


def test_no_such_model(call):
    call("predict", "a.png", "--model", "nowhere").assert_one_line_error()


def test_results_come_as_they_are_ready(start, write, reading_model):
    """The first answer is there while the second picture is still being waited for."""
    write("1.png", "1")
    process = start("predict", "1.png", "-", "--json", "--model", reading_model, stdin=-1)
    assert json.loads(process.stdout.readline())["text"] == "1"
    out, err = process.communicate("", timeout=60)
    assert "error" in json.loads(out)
    assert (process.returncode, err) == (3, "")


def test_ctrl_c_and_a_closed_pipe_end_quietly(start, write, reading_model):
    written = write("1.png", "1").path
    waiting = start("predict", written, "-", "--model", reading_model, stdin=-1)
    waiting.stdout.readline()
    waiting.send_signal(signal.SIGINT)
    time.sleep(0.2)
    _, err = waiting.communicate("", timeout=60)
    assert waiting.returncode == 130
    assert "Traceback" not in err
    many = start("predict", *[written] * 400, "--json", "--model", reading_model)
    many.stdout.readline()
    many.stdout.close()
    assert many.wait(timeout=120) == 1
    assert "Traceback" not in many.stderr.read()
    many.stderr.close()


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal")
def test_a_bar_shows_where_results_are_piped(start, write, reading_model):
    written = write("1.png", "1").path
    ours, theirs = os.openpty()
    process = start("predict", *[written] * 30, "--model", reading_model, stderr=theirs)
    out = process.stdout.read()
    assert process.wait(timeout=60) == 0
    os.close(theirs)
    assert len(out.splitlines()) == 30
    assert b"Read pictures" in os.read(ours, 100_000)
    os.close(ours)


def test_help_tells_the_marks(capsys):
    assert main(["predict", "--help"]) == 0
    assert "[7?]" in capsys.readouterr().out
