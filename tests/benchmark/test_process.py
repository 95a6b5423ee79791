"""Real processes that crash, hang, are killed and talk too much."""

import time

import pytest

from knn_digits.benchmark.process import MethodFailedError, WorkerProcess

ECHO = "import sys, json\nfor line in sys.stdin: print(json.dumps({'got': json.loads(line)['do']}), flush=True)"


@pytest.fixture
def start():
    running = []

    def run(code):
        running.append(WorkerProcess(["-c", code], threads=1))
        return running[-1]

    yield run
    for process in running:
        process.stop()


def test_a_command_and_its_answer(start):
    process = start(ECHO)
    assert process.ask({"do": "fit"}, 30) == {"got": "fit"}
    assert process.ask({"do": "predict"}, 30) == {"got": "predict"}


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import sys; sys.stdin.readline(); raise ValueError('no such index')", "ValueError: no such index"),
        ("import sys, os; sys.stdin.readline(); os.kill(os.getpid(), 9)", "killed by the system"),
        ("import sys, os; sys.stdin.readline(); os.abort()", "crashed: SIGABRT"),
        ("pass", "failed"),
    ],
)
def test_a_crash_is_told_in_one_line(start, code, why):
    with pytest.raises(MethodFailedError, match=why) as caught:
        start(code).ask({"do": "fit"}, 30)
    assert "\n" not in str(caught.value)


def test_a_process_that_hangs_is_stopped_in_time(start):
    begin = time.monotonic()
    with pytest.raises(MethodFailedError, match="no answer within its budget while asked to fit"):
        start("import time; time.sleep(600)").ask({"do": "fit"}, 0.5)
    assert time.monotonic() - begin < 10


def test_a_process_that_closes_its_output_and_goes_on_is_stopped(start):
    code = "import os, sys, time; sys.stdin.readline(); os.close(1); time.sleep(600)"
    begin = time.monotonic()
    with pytest.raises(MethodFailedError, match="closed its output"):
        start(code).ask({"do": "fit"}, 30)
    assert time.monotonic() - begin < 25


def test_nothing_in_the_working_directory_stands_in_for_a_library(start, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('a stranger')")
    monkeypatch.chdir(tmp_path)
    assert start(ECHO).ask({"do": "fit"}, 30) == {"got": "fit"}


def test_every_method_gets_the_same_number_of_threads(start):
    code = (
        "import os, json, sys; sys.stdin.readline()\n"
        "names = ['OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'NUMBA_NUM_THREADS']\n"
        "print(json.dumps({n: os.environ[n] for n in names}), flush=True)"
    )
    assert set(start(code).ask({"do": "x"}, 30).values()) == {"1"}
