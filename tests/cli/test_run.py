"""`knn-digits run` and what it leaves behind."""

import json
import os
import resource
from pathlib import Path

import numpy as np
import pytest

from knn_digits import KNNDigitClassifier, load_dataset, load_model
from knn_digits.classifier import DEFAULT_PRESET
from knn_digits.preset_names import SUMMARIES
from knn_digits.results_files import REPORT_FOLDER


@pytest.fixture(scope="module")
def report_folder(tmp_path_factory):
    """One real run, of a process of its own, on the digits inside scikit-learn."""
    import subprocess
    import sys

    folder = tmp_path_factory.mktemp("run")
    command = [sys.executable, "-m", "knn_digits", "run", "--dataset", "auto", "--offline", "--out", "my report"]
    environment = {**os.environ, "KNN_DIGITS_CACHE_DIR": str(folder / "cache")}
    environment.pop("KNN_DIGITS_DATA_DIR", None)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (folder / "stdout").write_text(done.stdout)
    (folder / "stderr").write_text(done.stderr)
    return folder


def test_it_leaves_everything_promised(report_folder):
    out = report_folder / "my report"
    assert {path.name for path in out.iterdir()} == REPORT_FOLDER.names
    names = {path.stem for path in (out / "figures").glob("*.png")}
    assert names == {path.stem for path in (out / "figures").glob("*.svg")}
    assert len(names) > 8


def test_it_ends_with_a_table_and_the_path_of_the_report(report_folder):
    lines = (report_folder / "stdout").read_text().splitlines()
    assert lines[-1] == f"Report: {report_folder / 'my report' / 'index.html'}"
    methods = ("scikit-learn, k = 5 (defaults)", "scikit-learn, k = 3", "pixels preset, k = 5", "tuned: ")
    for method in (*methods, "accurate preset"):
        assert any(line.strip().startswith(method) for line in lines), method


def test_it_says_everywhere_which_data_it_is_about(report_folder):
    results = json.loads((report_folder / "my report" / "results.json").read_text())
    assert results["dataset"]["name"] == "scikit-learn digits (8x8)"
    assert "MNIST" in results["dataset"]["notes"][0]
    assert "scikit-learn digits (8x8)" in (report_folder / "stdout").read_text()
    assert "MNIST" in (report_folder / "stderr").read_text()
    page = (report_folder / "my report" / "index.html").read_text()
    assert "scikit-learn digits (8x8)" in page[: page.index("</header>")]


def test_no_bars_where_stderr_is_no_terminal(report_folder):
    assert "━" not in (report_folder / "stderr").read_text()


def test_the_saved_model_makes_the_reported_errors(report_folder):
    results = json.loads((report_folder / "my report" / "results.json").read_text())
    digits = load_dataset("digits")
    answers = load_model(report_folder / "my report" / "model").predict(digits.test_images)
    assert (answers != digits.test_labels).sum() == results["evaluation"]["errors"]


def test_the_model_says_what_data_it_holds(report_folder, call):
    model = report_folder / "my report" / "model"
    assert json.loads(call("model", "info", model, "--json").out)["data"]["licence"].startswith("CC BY 4.0")
    assert "CC BY 4.0" in call("model", "info", model).out
    assert call("model", "verify", model).code == 0
    assert json.loads(call("model", "verify", model, "--json").out)["verified"] is True


def test_the_report_is_drawn_again_to_the_byte(report_folder, call):
    out = report_folder / "my report"
    before = (out / "index.html").read_bytes()
    (out / "index.html").unlink()
    done = call("report", out)
    assert done.out == f"Report: {out / 'index.html'}\n"
    assert (out / "index.html").read_bytes() == before


def test_json_prints_the_results_instead(call):
    done = call("run", "--dataset", "digits", "--quick", "--json", "--seed", "3")
    results = json.loads(done.out)
    assert results["quick"]
    assert results["seeds"] == {"seed": 3}
    assert results == json.loads(Path("knn-digits-report/results.json").read_text())


def test_somebody_elses_folder_is_refused_before_anything_is_computed(call):
    Path("papers").mkdir()
    Path("papers/thesis.txt").write_text("years of work")
    for command in (["run", "--dataset", "digits"], ["fit", "--dataset", "digits"]):
        call(*command, "--out", "papers").assert_one_line_error()
    assert [path.name for path in Path("papers").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("command", "marker"), [("run", "results.json"), ("fit", "manifest.json"), ("bench", "bench.json")]
)
def test_a_marker_of_somebody_elses_is_no_leave_to_delete(call, command, marker):
    Path("papers").mkdir()
    Path("papers", marker).write_text('{"accuracy": 0.9}')
    call(command, "--dataset", "digits", "--out", "papers").assert_one_line_error()
    assert Path("papers", marker).read_text() == '{"accuracy": 0.9}'


def test_fit_writes_where_the_user_pointed(call, monkeypatch):
    home = Path("home").absolute()
    home.mkdir()
    (home / "disk").mkdir()
    (home / "link").symlink_to("disk")
    monkeypatch.setenv("HOME", str(home))
    assert call("fit", "--dataset", "digits", "--out", "~/link").out.endswith(f": {home / 'disk'}\n")
    assert not Path("~").exists()
    monkeypatch.chdir(home / "disk")
    assert call("fit", "--dataset", "digits", "--out", ".").code == 0
    assert call("model", "verify", home / "link").code == 0
    assert {path.name for path in home.iterdir()} == {"disk", "link"}


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_name_that_is_not_utf8_loses_nothing(start, monkeypatch, options):
    out = os.fsdecode(b"caf\xe9")
    try:
        Path(out).mkdir()
    except OSError:
        pytest.skip("names are always UTF-8 here")
    monkeypatch.setenv("PYTHONUTF8", "1")
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8:strict")  # as a terminal's is; not so in the C locale
    command = ["run", "--dataset", "digits", "--quick", "--preset", "pixels", "--out", out, *options]
    process = start(*command, encoding="utf-8")
    told, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert {path.name for path in Path(out).iterdir()} == REPORT_FOLDER.names
    command = json.loads(Path(out, "results.json").read_text(encoding="utf-8"))["command"]
    assert "caf" in command
    assert told.endswith("/index.html\n") or json.loads(told)["command"] == command


@pytest.mark.parametrize("out", ["/dev/null/x", "/proc/x", "file/x"])
def test_a_place_that_cannot_be_written_is_one_line(call, out):
    Path("file").touch()
    call("fit", "--dataset", "digits", "--out", out).assert_one_line_error()
    call("run", "--dataset", "digits", "--out", out).assert_one_line_error()


def test_a_full_disk_is_one_line_and_leaves_nothing(start):
    def small_files_only():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    command = ["run", "--dataset", "digits", "--quick", "--preset", "pixels", "--out", "out"]
    process = start(*command, preexec_fn=small_files_only)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert out == ""
    assert err.splitlines()[-1].startswith("knn-digits: error: cannot write ")
    assert "Traceback" not in err
    assert not any(Path().iterdir())


@pytest.mark.parametrize("command", ["report", "model info", "model verify"])
def test_what_is_not_there_is_one_line(call, command):
    call(*command.split(), "nowhere").assert_one_line_error()
    Path("empty").mkdir()
    call(*command.split(), "empty").assert_one_line_error()
    Path("file").touch()
    call(*command.split(), "file").assert_one_line_error()


def test_fit_saves_just_the_model(call):
    settings = ["--preset", "pixels", "--metric", "cosine", "--n-neighbors", "4"]
    done = call("fit", "--dataset", "digits", "--out", "m", *settings, "--json")
    assert json.loads(done.out)["settings"]["n_neighbors"] == 4
    model = load_model("m")
    digits = load_dataset("digits")
    assert (model.predict(digits.test_images) == digits.test_labels).mean() > 0.97


def test_fit_keeps_writers_together_where_they_are_named(call):
    digits = load_dataset("digits")
    writers = np.arange(len(digits.train_labels)) // 150
    Path("writers.txt").write_text("\n".join(map(str, writers)))
    call(
        "fit",
        "--dataset",
        "digits",
        "--out",
        "m",
        "--preset",
        "pixels",
        "--groups",
        "writers.txt",
        "--n-jobs",
        "2",
    )
    same = KNNDigitClassifier("pixels").fit(digits.train_images, digits.train_labels, groups=writers)
    np.testing.assert_array_equal(load_model("m").out_of_fold_.probabilities, same.out_of_fold_.probabilities)


def test_fit_takes_the_accurate_preset_by_default(call):
    done = call("fit", "--dataset", "digits", "--out", "m", "--json")
    assert json.loads(done.out)["preset"] == DEFAULT_PRESET == "accurate"
    digits = load_dataset("digits")
    assert (load_model("m").predict(digits.test_images) == digits.test_labels).mean() > 0.98


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_metric_is_refused_where_vectors_are_learned(call, metric):
    done = call("fit", "--dataset", "digits", "--out", "m", "--metric", metric)
    done.assert_one_line_error(code=2)
    assert "--preset pixels" in done.err
    assert not Path("m").exists()


def test_run_with_the_pixels_preset_is_the_tuned_one(call):
    done = call("run", "--dataset", "digits", "--quick", "--preset", "pixels")
    assert done.out.count("tuned: ") == 1
    assert "accurate" not in done.out
    page = Path("knn-digits-report/index.html").read_text(encoding="utf-8")
    assert "What each stage buys" not in page


def test_a_share_of_errors_is_told_with_what_is_withheld_for_it(call):
    done = call("run", "--dataset", "digits", "--quick", "--preset", "fast", "--max-error", "0.01")
    (line,) = [line for line in done.out.splitlines() if line.startswith("At most 1.000% wrong")]
    results = json.loads(Path("knn-digits-report/results.json").read_text())
    asked = results["confidence"]["rejection"]["max_error"]
    assert asked["max_error"] == 0.01
    assert f"not sure of {asked['rejected']} test images" in line
    assert f"{asked['errors']} are wrong" in line
    page = Path("knn-digits-report/index.html").read_text(encoding="utf-8")
    assert "At most 1\N{NO-BREAK SPACE}% wrong" in page


@pytest.mark.parametrize("share", ["1.5", "1", "-0.1", "few"])
def test_a_share_of_errors_that_is_none_is_wrong_use(call, share):
    call("run", "--dataset", "digits", "--max-error", share).assert_one_line_error(code=2)
    assert not Path("knn-digits-report").exists()


@pytest.mark.parametrize("command", ["run", "fit"])
def test_help_says_what_each_preset_is(call, command):
    told = " ".join(call(command, "--help").out.split())
    assert "[default: accurate]" in told
    for name, summary in SUMMARIES.items():
        assert f"{name} {summary}" in told
