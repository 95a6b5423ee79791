"""The driver's side of a worker: start it, ask it, notice when it dies or hangs."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

__all__ = ["MethodFailedError", "Process", "WorkerProcess", "thread_environment"]


class MethodFailedError(Exception):
    """A method crashed, was killed, or took longer than it may; the text says which."""


class Process(Protocol):
    """What the driver needs of a worker; tests have toys of their own."""

    def ask(self, command: dict[str, Any], timeout: float) -> dict[str, Any]:
        """Send a command and wait for its answer.

        Raises
        ------
        MethodFailedError
        """

    def stop(self) -> None:
        """End it, whatever it is doing."""


def thread_environment(threads: int) -> dict[str, str]:
    """The environment that gives every library the same number of threads, asleep when idle."""
    count = str(threads)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return {
        **dict.fromkeys(names, count),
        "KNN_DIGITS_BENCH_THREADS": count,
        # A worker that waits for its turn must not spin on a core that another is measured on.
        "OMP_WAIT_POLICY": "PASSIVE",
        "KMP_BLOCKTIME": "0",
    }


class WorkerProcess:
    """A method in a process of its own.

    Parameters
    ----------
    arguments : list of str
        After ``python``; by default the worker module's.
    threads : int
    """

    def __init__(self, arguments: list[str], threads: int) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in stop
        self._process = subprocess.Popen(
            [sys.executable, "-P", *arguments],  # nothing of the user's folder stands in for a library
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, **thread_environment(threads)},
            start_new_session=True,  # Ctrl-C is for the driver, which then ends its workers
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    @classmethod
    def of_method(cls, name: str, folder: Path, threads: int) -> WorkerProcess:
        """Start the worker of a method on the data in a folder."""
        return cls(["-m", "knn_digits.benchmark.worker", name, str(folder)], threads)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def ask(self, command: dict[str, Any], timeout: float) -> dict[str, Any]:
        """Send a command and wait for its answer.

        Raises
        ------
        MethodFailedError
            If the process died, or did not answer in time; it is then stopped.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
            line = self._lines.get(timeout=max(timeout, 0.0))
        except queue.Empty:
            self.stop()
            raise MethodFailedError(
                f"stopped: no answer within its budget while asked to {command['do']}"
            ) from None
        except OSError:
            line = None
        if line is None:
            raise MethodFailedError(self._why_it_died())
        return dict(json.loads(line))

    def _why_it_died(self) -> str:
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.stop()
            return "stopped: it closed its output and went on"
        if code == -signal.SIGKILL:
            return "killed by the system (out of memory?)"
        if code < 0:
            return f"crashed: {signal.Signals(-code).name}"
        self._errors.seek(0)
        last = [line.strip() for line in self._errors if line.strip()][-1:] or ["no message"]
        return f"failed (exit code {code}): {last[0][:200]}"

    def stop(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what was still to be sent has no reader any more
                pipe.close()  # type: ignore[union-attr]
        self._errors.close()
