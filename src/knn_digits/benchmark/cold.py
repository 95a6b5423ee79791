"""Whole processes: load a saved model and answer one image, against importing scikit-learn alone."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.benchmark.measures import ratios, summary
from knn_digits.progress import Progress, SilentProgress

__all__ = ["COLD_REFERENCE", "measure_cold", "time_commands"]

COLD_REFERENCE = "import sklearn.neighbors"

_OURS = (
    "import sys, numpy; from knn_digits import load_model; "
    "print(load_model(sys.argv[1]).predict(numpy.load(sys.argv[2]))[0])"
)
_SCIKIT_LEARN = (
    "import sys, numpy, joblib; "
    "print(joblib.load(sys.argv[1] + '/model.joblib').predict(numpy.load(sys.argv[2]).astype('float32'))[0])"
)


def measure_cold(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    query: NDArray[np.uint8],
    *,
    rounds: int = 7,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Time whole processes that answer one image with a model on disk.

    Parameters
    ----------
    images, labels : ndarrays of shape (n, d) and (n,)
        What the models are fitted on.
    query : ndarray of shape (1, d)
    rounds : int
        Measured processes of each kind, in turn; one more of each goes before them, so that files are in
        the system's cache and kernels compiled.
    progress : Progress, optional

    Returns
    -------
    rows : list of dict
        ``process``, ``seconds``, ``spread``, ``ratio`` to importing scikit-learn's neighbors, ``ratio_spread``.
    """
    import joblib
    from sklearn.neighbors import KNeighborsClassifier

    from knn_digits.classifier import PRESETS, KNNDigitClassifier
    from knn_digits.model_files import save_model

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "query.npy", query)
        commands = {COLD_REFERENCE: ["-c", COLD_REFERENCE]}
        for preset in PRESETS:
            save_model(KNNDigitClassifier(preset, n_jobs=-1).fit(images, labels), folder / preset)
            commands[f"{preset}: load and answer one image"] = ["-c", _OURS, str(folder / preset)]
        theirs = KNeighborsClassifier(3, algorithm="brute").fit(images.astype(np.float32), labels)
        joblib.dump(theirs, folder / "model.joblib")
        commands["scikit-learn brute: load and answer one image"] = ["-c", _SCIKIT_LEARN, name]
        commands = {k: [sys.executable, "-P", *v, str(folder / "query.npy")] for k, v in commands.items()}
        return time_commands(commands, rounds, progress=progress)


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


def time_commands(
    commands: Mapping[str, list[str]],
    rounds: int,
    *,
    run: Callable[[list[str]], None] = _run,
    clock: Callable[[], float] = time.perf_counter,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Time commands in turn, round after round, after one round that does not count.

    Returns
    -------
    rows : list of dict
        As of `measure_cold`; ratios are to the first command, in the same round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    with (progress or SilentProgress()).step("Cold starts", (rounds + 1) * len(commands)) as advance:
        for number in range(rounds + 1):
            for name, command in commands.items():
                start = clock()
                run(command)
                if number:
                    seconds[name].append(clock() - start)
                advance(1)
    reference = next(iter(seconds.values()))
    rows = []
    for name, values in seconds.items():
        time_of, ratio = summary(values), summary(ratios(values, reference))
        rows.append(
            {
                "process": name,
                "seconds": time_of["median"],
                "spread": [time_of["low"], time_of["high"]],
                "ratio": ratio["median"],
                "ratio_spread": [ratio["low"], ratio["high"]],
            }
        )
    return rows
