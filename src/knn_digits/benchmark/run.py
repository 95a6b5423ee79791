"""One benchmark from end to end: data for the workers, the truth for recall, the measurements, what is written."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knn_digits.benchmark.cold import measure_cold
from knn_digits.benchmark.driver import Plan, measure
from knn_digits.benchmark.files import FORMAT, FORMAT_VERSION
from knn_digits.benchmark.methods import METHODS
from knn_digits.benchmark.process import Process, WorkerProcess
from knn_digits.datasets import DigitDataset
from knn_digits.errors import DataError, KnnDigitsError
from knn_digits.machine import describe_machine, describe_versions, utc_now
from knn_digits.neighbors import ExactSearch
from knn_digits.progress import Progress, SilentProgress

__all__ = ["QUICK", "run_benchmark"]

# A quick run: so many images of each part, and fewer single queries.
QUICK = {"n_train": 10_000, "n_test": 1_000, "n_single": 100}


def run_benchmark(
    dataset: DigitDataset,
    *,
    plan: Plan | None = None,
    quick: bool = False,
    cold: bool = False,
    threads: int | None = None,
    seed: int = 0,
    command: str | None = None,
    progress: Progress | None = None,
) -> tuple[dict[str, Any], bool]:
    """Measure every method on a data set.

    Parameters
    ----------
    dataset : DigitDataset
        With whole-number labels.
    plan : Plan, optional
    quick : bool
        Use a stated subset.
    cold : bool
        Measure whole processes as well.
    threads : int, optional
        Of every method; default: all cores this process may use.
    seed : int
        Of the subset.
    command : str, optional
        The command that asked for it, to be told in the results.
    progress : Progress, optional

    Returns
    -------
    bench : dict
        Contents of ``bench.json``, documented in ``docs/bench.md``.
    interrupted : bool

    Raises
    ------
    DataError
        If labels are not whole numbers.
    KnnDigitsError
        If no method could be measured.
    KeyboardInterrupt
        If it was interrupted before anything was measured; later, what was measured is returned.
    """
    if dataset.classes.dtype.kind != "i":
        raise DataError("expected labels that are whole numbers: some of the methods compared take no others")
    told = progress or SilentProgress()
    plan = plan or Plan()
    if quick:
        plan = replace(plan, n_single=min(plan.n_single, QUICK["n_single"]))
    machine = describe_machine()
    threads = threads or machine["cores"]
    train, train_labels = _part(dataset, "train", QUICK["n_train"] if quick else None, seed)
    test, test_labels = _part(dataset, "test", QUICK["n_test"] if quick else None, seed)
    bench: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "created": utc_now(),
        "command": command,
        "revision": _revision(),
        "quick": quick,
        "threads": threads,
        "plan": vars(plan),
        "machine": machine,
        "versions": describe_versions(),
        "dataset": {
            "name": dataset.name,
            "sha256": dataset.sha256,
            "n_train": len(train),
            "n_test": len(test),
            "notes": list(dataset.notes),
        },
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arrays = {
            "train_images": train,
            "train_labels": train_labels,
            "test_images": test,
            "test_labels": test_labels,
            "limits": _tenth_neighbors(train, test, threads, told),
        }
        for array_name, array in arrays.items():
            np.save(folder / f"{array_name}.npy", array)

        def start(method: Any) -> Process:
            return WorkerProcess.of_method(method.name, folder, threads)

        bench["results"], interrupted = measure(list(METHODS.values()), start, plan, progress=told)
    if not any(row["rounds"] for row in bench["results"]):
        if interrupted:
            raise KeyboardInterrupt
        raise KnnDigitsError(f"nothing was measured: {bench['results'][0]['left_out']}")
    bench["cold"] = None
    if cold and not interrupted:
        try:
            bench["cold"] = measure_cold(train, train_labels, test[:1], progress=told)
        except KeyboardInterrupt:
            interrupted = True
    bench["interrupted"] = interrupted
    return bench, interrupted


def _part(dataset: DigitDataset, part: str, n: int | None, seed: int) -> tuple[NDArray, NDArray]:
    """Images as rows and their labels: all of them, or n drawn at random, in the order of the data set."""
    images, labels = getattr(dataset, f"{part}_images"), getattr(dataset, f"{part}_labels")
    chosen = np.sort(np.random.default_rng(seed).permutation(len(images))[:n])
    return images[chosen].reshape(len(chosen), -1), labels[chosen]


def _tenth_neighbors(train: NDArray, test: NDArray, threads: int, told: Progress) -> NDArray[np.int64]:
    """Squared distance of each query's tenth neighbor: what recall is counted against."""
    with told.step("True neighbors, for recall", len(test)) as advance:
        squared, _ = ExactSearch(train).kneighbors(test, min(10, len(train)), n_jobs=threads, progress=advance)
    return squared[:, -1]


def _revision() -> str | None:
    """Git revision of a working copy, marked where it has changes; None for an installed package."""
    here, own = Path(__file__).parent, Path(__file__).name
    try:
        # Only where this very file is in it: a package may be installed below somebody's repository.
        subprocess.run(["git", "ls-files", "--error-unmatch", own], cwd=here, capture_output=True, check=True)
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return described.stdout.strip()
