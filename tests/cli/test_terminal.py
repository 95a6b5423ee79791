"""What a terminal shows while something goes on, and what it keeps quiet about."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time

import pytest
from rich.console import Console
from rich.progress import Progress

from knn_digits.cli.terminal import TerminalProgress, _columns, print_table

STEPS = (
    "Acquire",
    "Explore",
    "Show",
    "Preprocess",
    "Baseline",
    "Tune",
    "Evaluate",
    "Stages",
    "Confidence",
    "Explain",
    "Insights",
    "Report",
)
ROWS, COLUMNS = 50, 120


def in_a_terminal(*command):
    """Run a command in a pseudo-terminal, and give its exit code and all that it wrote there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")}
    environment |= {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    written = b""
    try:
        while piece := os.read(ours, 1 << 16):
            written += piece
    except OSError:  # how Linux says that nobody holds the other end any more
        pass
    finally:
        os.close(ours)
    return process.wait(timeout=60), re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())


def test_every_step_of_a_run_is_seen_with_its_bar():
    code, seen = in_a_terminal(sys.executable, "-m", "knn_digits", "run", "--dataset", "digits", "--quick")
    assert code == 0, seen
    lines = [line.strip() for line in seen.replace("\r", "\n").splitlines()]
    assert any("━" in line and line.endswith(" left") for line in lines)  # the time left, while there is any
    last = {line.split()[1].rstrip(":"): line for line in lines if line.startswith("✓")}
    assert list(last) == list(STEPS)
    for line in last.values():
        assert re.search(r"━{20,} \d:\d\d:\d\d$", line), line  # done: how long it took


@pytest.fixture
def bars():
    console = Console(file=open(os.devnull, "w", encoding="utf-8"), force_terminal=True, width=COLUMNS)  # noqa: PTH123, SIM115
    with Progress(*_columns(), console=console, auto_refresh=False) as made:
        yield made
    console.file.close()


def lines_of(bars):
    console = Console(width=COLUMNS, color_system=None)
    with console.capture() as captured:
        console.print(bars.get_renderable())
    return [line.rstrip() for line in captured.get().splitlines()]


def test_a_step_of_unknown_size_pulses_and_then_tells_how_long_it_took(bars):
    progress = TerminalProgress(bars, bars.console)
    with progress.step("Save"):
        (task,) = bars.tasks
        assert task.total is None  # for rich: pulse
        assert "left" not in lines_of(bars)[0]
        time.sleep(0.01)
    assert task.finished
    assert task.finished_time >= 0.01
    assert re.search(r"✓ Save ━+ 0:00:00$", lines_of(bars)[0])


def test_a_step_of_known_size_tells_the_time_left(bars):
    with TerminalProgress(bars, bars.console).step("Tune", 100) as advance:
        for _ in range(2):
            time.sleep(0.01)
            advance(10)
        assert re.search(r" 0:00:0\d left$", lines_of(bars)[0])
        assert bars.tasks[0].percentage == 20
    assert "left" not in lines_of(bars)[0]


def test_a_step_that_failed_is_not_called_done(bars):
    with pytest.raises(ValueError), TerminalProgress(bars, bars.console).step("Fit"):
        raise ValueError
    assert not bars.tasks[0].finished


def test_tables_take_names_that_are_not_utf8(capfd):
    print_table("caf\udce9", [("where", "left")], [("/data/caf\udce9",)])
    assert "/data/caf\N{REPLACEMENT CHARACTER}" in capfd.readouterr().out


def test_notes_about_the_data_may_stand_before_an_error(call):
    done = call("run", "--dataset", "auto", "--offline", "--data-dir", "nowhere", "--groups", "nowhere.txt")
    done.assert_one_line_error()
    assert "MNIST could not be had" in done.err
    call("run", "--dataset", "auto", "--offline", "--groups", "nowhere.txt").assert_one_line_error()


def test_a_data_set_in_a_folder_that_is_not_utf8(call, tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this disk takes UTF-8 only")
    done = call("fit", "--dataset", folder, "--out", "model")
    done.assert_one_line_error()
    assert "holds no data set" in done.err
