"""The command line as a user meets it: a process of its own, or `main` in this one where that is enough."""

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from knn_digits.cli import main

# What may be said about the data before anything fails.
NOTES = (
    "This data set has no official test set",
    "MNIST could not be had",
    "The data folder was passed over",
)


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    def assert_one_line_error(self, code=1):
        """Wrong use or a failure: one line on stderr, nothing on stdout, no traceback.

        Notes about the data may stand before it: they are true whatever comes after.
        """
        assert self.code == code, self
        assert self.out == ""
        *notes, last = self.err.splitlines()
        assert last.startswith("knn-digits: error: ")
        assert all(note.startswith(NOTES) for note in notes), self.err


@pytest.fixture(autouse=True)
def no_data_from_outside(monkeypatch, tmp_path):
    """Every test starts without MNIST, with an empty cache, in an empty folder."""
    monkeypatch.delenv("KNN_DIGITS_DATA_DIR", raising=False)
    monkeypatch.setenv("KNN_DIGITS_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def call(capfd):
    """Run the command line in this process."""

    def run(*arguments):
        capfd.readouterr()
        code = main([str(a) for a in arguments])
        captured = capfd.readouterr()
        return Done(code, captured.out, captured.err)

    return run


@pytest.fixture
def start():
    """Start the command line as a process."""

    def run(*arguments, **options):
        command = [sys.executable, "-m", "knn_digits", *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=dict(os.environ), **{**pipes, **options})

    return run
