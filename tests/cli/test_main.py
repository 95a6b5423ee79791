"""Help, version, wrong use, signals and pipes."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def test_help_and_version_import_nothing_heavy():
    code = (
        "import sys; from knn_digits.cli import main; main(['--help']); main(['run', '--help'])\n"
        "heavy = {'numpy', 'scipy', 'sklearn', 'matplotlib', 'rich', 'PIL', 'pooch'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_help_answers_at_once(start):
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        out, _err = start("--help").communicate()
        times.append(time.perf_counter() - begin)
        assert "knn-digits run" in out
    bare = []
    for _ in range(5):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        bare.append(time.perf_counter() - begin)
    # 0.3 s on an idle machine; a busy one is allowed for by what Python alone takes here.
    assert min(times) < 0.3 + 3 * min(bare)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense"],
        ["nonsense"],
        ["run", "--nonsense"],
        ["run", "--preset", "magic"],
        ["run", "--seed", "-1"],
        ["run", "--n-jobs", "0"],
        ["run", "extra"],
        ["fit"],
        ["fit", "--out", "m", "--n-neighbors", "0"],
        ["fit", "--out", "m", "--weights", "heavy"],
        ["fit", "--out", "m", "--n-neighbors", "three"],
        ["model"],
        ["model", "info"],
        ["report"],
        ["data", "nonsense"],
    ],
)
def test_wrong_use_is_exit_code_2(call, arguments):
    done = call(*arguments)
    assert done.code == 2
    if arguments != ["model"]:  # a group alone shows its help
        done.assert_one_line_error(code=2)


def test_version(call):
    assert call("--version").out.startswith("knn-digits 0.")


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(start, digits, tmp_path, which):
    process = start("run", "--dataset", "digits", "--out", "out", "--n-jobs", "1")
    # Interrupt it in the middle: the folder it fills stands aside from then until the end.
    while not list(tmp_path.joinpath("here").glob(".out.partial-*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    time.sleep(1.0)
    process.send_signal(which)
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "knn-digits: interrupted; nothing half-written was left"
    assert "Traceback" not in err
    assert not any(Path().iterdir())


def test_a_reader_who_leaves_early_is_no_error(start):
    process = start("data", "show", "--json")
    process.stdout.close()
    process.wait(timeout=60)
    assert process.stderr.read() == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_on_stdout_is_one_line(start):
    with Path("/dev/full").open("w") as full:
        process = start("data", "show", "--json", stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in err
    assert err.count("\n") == 1


def test_debug_shows_where_an_error_came_from(start):
    _, err = start("--debug", "model", "info", "nowhere").communicate()
    assert "Traceback" in err
    assert "ModelFileError" in err


def test_python_m_is_the_command(start):
    out, _ = start("--version").communicate()
    assert out.startswith("knn-digits ")
