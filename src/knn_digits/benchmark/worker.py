"""One method in a process of its own: ``python -m knn_digits.benchmark.worker NAME FOLDER``.

One JSON object a line comes in on stdin, ``{"do": ...}``, and one goes out with what was measured:

========== =====================================================================================
do         answer
========== =====================================================================================
warm       ``seconds`` of a first fit, answers to a few images and to one; with imports and compilation
fit        ``seconds``
predict    ``seconds`` for all queries, from uint8 images to labels; ``errors`` among them
single     ``milliseconds``, a list: one query alone, each in turn
finish     ``model_mb`` on disk; ``recall_at_10`` where asked for
========== =====================================================================================

Every answer also has ``peak_rss_mb`` of this process so far. Images come from ``.npy`` files in FOLDER, so
that every method starts from the same arrays and holds its own copy.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from knn_digits.benchmark.measures import recall
from knn_digits.benchmark.methods import METHODS, Method
from knn_digits.machine import peak_memory_mb

__all__ = ["Worker", "main"]

_FEW = 200  # images of the warm-up


class Worker:
    """Does what is told with one method.

    Parameters
    ----------
    method : Method
    folder : Path
        Holds ``train_images.npy``, ``train_labels.npy``, ``test_images.npy``, ``test_labels.npy`` and
        ``limits.npy`` (squared distance of each query's tenth neighbor).
    threads : int
    clock : callable
        Seconds.
    """

    def __init__(
        self, method: Method, folder: Path, threads: int, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.method, self.threads, self.clock, self.folder = method, threads, clock, folder
        self.train_images, self.train_labels = self._load("train")
        self.test_images, self.test_labels = self._load("test")
        if method.subset < 1:
            some = self._some_of_training(max(1, round(method.subset * len(self.train_images))))
            self.train_images, self.train_labels = self.train_images[some], self.train_labels[some]

    def _load(self, part: str) -> tuple[Any, Any]:
        return np.load(self.folder / f"{part}_images.npy"), np.load(self.folder / f"{part}_labels.npy")

    def _some_of_training(self, n: int) -> Any:
        """Draw n training images at random: a data set may be sorted by class."""
        return np.random.default_rng(0).permutation(len(self.train_images))[:n]

    def do(self, command: dict[str, Any]) -> dict[str, Any]:
        """Do one thing; returns what was measured."""
        action = getattr(self, f"_{command.pop('do')}")
        return {**action(**command), "peak_rss_mb": peak_memory_mb()}

    def _timed(self, function: Callable[[], Any]) -> tuple[float, Any]:
        start = self.clock()
        result = function()
        return self.clock() - start, result

    def _warm(self) -> dict[str, Any]:
        few = self._some_of_training(_FEW)

        def first_time() -> None:
            subject = self.method.make(self.threads)
            subject.fit(self.train_images[few], self.train_labels[few])
            # Several images of every class, so that contested ones are among the answers; and one image alone,
            # which is searched by a kernel of its own.
            subject.predict(self.test_images[:_FEW])
            subject.predict(self.test_images[:1])

        return {"seconds": self._timed(first_time)[0], "n_train": len(self.train_images)}

    def _fit(self) -> dict[str, Any]:
        self.subject = self.method.make(self.threads)
        return {"seconds": self._timed(lambda: self.subject.fit(self.train_images, self.train_labels))[0]}

    def _predict(self) -> dict[str, Any]:
        seconds, answers = self._timed(lambda: self.subject.predict(self.test_images))
        return {"seconds": seconds, "errors": int((answers != self.test_labels).sum()), "n": len(answers)}

    def _single(self, n: int) -> dict[str, Any]:
        queries = [self.test_images[i % len(self.test_images)][None] for i in range(n)]
        self.subject.predict(queries[0])
        seconds = [self._timed(partial(self.subject.predict, query))[0] for query in queries]
        return {"milliseconds": [1000 * s for s in seconds]}

    def _finish(self) -> dict[str, Any]:
        found: dict[str, Any] = {"model_mb": self._size_on_disk()}
        if self.method.approximate:
            ids = self.subject.neighbors(self.test_images, 10)
            limits = np.load(self.folder / "limits.npy")
            found["recall_at_10"] = recall(ids, self.test_images, self.train_images, limits)
        return found

    def _size_on_disk(self) -> float:
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:  # goes with the driver's, come what may
            self.subject.save(Path(folder))
            return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 2**20


def main() -> None:
    """Serve commands until stdin ends."""
    name, folder = sys.argv[1:]
    answers = _own_stdout()
    worker = Worker(METHODS[name], Path(folder), int(os.environ["KNN_DIGITS_BENCH_THREADS"]))
    for line in sys.stdin:
        print(json.dumps(worker.do(json.loads(line))), file=answers, flush=True)


def _own_stdout() -> TextIO:
    """Keep stdout for answers alone: what libraries print goes to stderr."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


if __name__ == "__main__":
    main()
