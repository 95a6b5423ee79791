"""The command line: one file a command, arguments in, library call, print; no logic.

::

    knn-digits run      run.py      the whole experiment, ending in a report
    knn-digits predict  predict.py  the digits in any pictures
    knn-digits evaluate evaluate.py how well the user's own pictures are read
    knn-digits fit      fit.py      just the model
    knn-digits model    model.py    show or verify a saved model
    knn-digits data     data.py     fetch, find or verify MNIST
    knn-digits report   report.py   draw a report again from its results
    knn-digits bench    bench.py    measure our presets beside others
    knn-digits audit    audit.py    labels that neighbors contradict, and duplicates

    options.py    options that several commands share
    reading.py    what the two commands that read pictures share
    terminal.py   progress bars and tables

Exit codes: 0 done, 1 failed, 2 wrong use, 3 some inputs or methods failed, 130 interrupted. Results go to
stdout, all else to stderr. Modules that take long to import are imported by the functions that need them, so that
``--help`` answers at once.
"""

from __future__ import annotations

import logging
import os
import shlex
import signal
import sys
from collections.abc import Sequence

import click

from knn_digits import __version__
from knn_digits.cli.audit import audit
from knn_digits.cli.bench import bench
from knn_digits.cli.data import data
from knn_digits.cli.evaluate import evaluate
from knn_digits.cli.fit import fit
from knn_digits.cli.model import model
from knn_digits.cli.predict import predict
from knn_digits.cli.report import report
from knn_digits.cli.run import run
from knn_digits.errors import KnnDigitsError

__all__ = ["cli", "main"]

_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="knn-digits", message="%(prog)s %(version)s")
@click.option("-v", "--verbose", count=True, help="Tell more on stderr; twice for everything.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(verbose: int, debug: bool) -> None:
    """Read handwritten digits with k-nearest neighbors.

    `knn-digits predict picture.jpg` reads the digits in a picture.

    `knn-digits run` is the whole experiment on MNIST and ends in an HTML report; `knn-digits run --quick` is the
    same on a fifth of the images, in seconds.
    """
    level = [logging.WARNING, logging.INFO, logging.DEBUG][min(verbose, 2)]
    logging.basicConfig(level=level, format="knn-digits: %(message)s", stream=sys.stderr, force=True)


for command in (run, predict, evaluate, fit, model, data, report, bench, audit):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _stop)
    try:
        code = cli.main(
            arguments,
            prog_name="knn-digits",
            standalone_mode=False,
            obj=shlex.join(["knn-digits", *arguments]),  # for results to tell how they were made
        )
        sys.stdout.flush()
    except click.Abort:
        return _say("interrupted; nothing half-written was left", _INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "knn-digits"
        return _say(
            f"error: {_one_line(error.format_message()).rstrip('.')} (see `{command} --help`)", error.exit_code
        )
    except KnnDigitsError as error:
        if _wants_traceback(arguments):
            raise
        return _say(f"error: {_one_line(error)}", 1)
    except BrokenPipeError:
        _drop_stdout()  # whoever read our output has enough
        return 1
    except OSError as error:
        # Not a bug but the machine: a file that vanished, a full disk behind stdout.
        if _wants_traceback(arguments):
            raise
        _drop_stdout()
        return _say(f"error: {_one_line(error)}", 1)
    return code if isinstance(code, int) else 0


def _drop_stdout() -> None:
    """Keep Python from flushing at its end what cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stop(signal_number: int, frame: object) -> None:
    """End as after Ctrl-C, so that what was begun is cleaned up."""
    raise KeyboardInterrupt


def _wants_traceback(arguments: Sequence[str]) -> bool:
    return "--debug" in arguments


def _one_line(error: object) -> str:
    return " ".join(str(error).split())


def _say(line: str, code: int) -> int:
    print(f"knn-digits: {line}", file=sys.stderr)
    return code
