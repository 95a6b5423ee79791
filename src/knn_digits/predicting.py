"""Sources of pictures -> what was read in each: a stream, in their order, none lost by another.

::

    sources ──threads──> pictures ──batches──> DigitReader.read_batch ──> Predicted, one a source

Only what is being read is in memory. The first batches are small, so that the first answers come at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from math import isnan, prod
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any

from joblib import effective_n_jobs

from knn_digits.errors import KnnDigitsError
from knn_digits.images.reading import Picture
from knn_digits.picture_sources import Source
from knn_digits.printable import printable
from knn_digits.reader import DigitReader, ReadDigit, Reading

__all__ = ["Predicted", "as_json", "read_sources"]

_LARGEST_BATCH = 256  # pictures
_MOST_PIXELS = 2**24  # in a batch, but for its first picture
_MOST_THREADS = 8
_PATIENCE = 0.05  # seconds after which those that are there do not wait for the next
# What one picture may fail with, beside our own errors: its file went away, or it is too large for this machine.
_FAILURES = (KnnDigitsError, OSError, MemoryError)


_Item = Future["Predicted"] | BaseException | None  # a picture, what looking for them ended with, or its end


@dataclass(frozen=True, eq=False)
class Predicted:
    """What became of one source.

    Attributes
    ----------
    path : str
        As the source names it.
    picture, reading : Picture, Reading
        None where it failed.
    error : str or None
        Why it failed.
    """

    path: str
    picture: Picture | None = None
    reading: Reading | None = None
    error: str | None = None


def read_sources(
    sources: Iterable[Source], reader: DigitReader, *, n_jobs: int | None = None
) -> Iterator[Predicted]:
    """Read pictures, wherever they come from.

    Parameters
    ----------
    sources : iterable of Source
        Taken one by one as they are needed; may be endless.
    reader : DigitReader
    n_jobs : int, optional
        Threads in which files are opened and decoded.

    Yields
    ------
    predicted : Predicted
        One a source, in their order.
    """
    with closing(_Opened(sources, min(effective_n_jobs(n_jobs), _MOST_THREADS))) as opened:
        for batch in _batches(opened):
            yield from _read(batch, reader)


def as_json(predicted: Predicted) -> dict[str, Any]:
    """Write what became of a source as ``docs/pictures.md`` describes it."""
    path = printable(predicted.path)
    if predicted.reading is None:
        return {"path": path, "error": printable(predicted.error or "")}
    reading = predicted.reading
    return {"path": path, "text": reading.text, "digits": [_digit_as_json(digit) for digit in reading.digits]}


def _digit_as_json(digit: ReadDigit) -> dict[str, Any]:
    return {
        "box": list(digit.box),
        "digit": digit.digit,
        "probability": digit.probability,
        "credibility": None if isnan(digit.credibility) else digit.credibility,
        "unsure": digit.unsure,
        "foreign": digit.foreign,
        "runner_up": digit.runner_up,
        "runner_up_probability": digit.runner_up_probability,
        "neighbors": list(digit.neighbors),
    }


def _opened(source: Source) -> Predicted:
    """Open and decode one picture."""
    try:
        return Predicted(source.path, source.read())
    except _FAILURES as error:
        return Predicted(source.path, error=_told(error))


def _told(error: BaseException) -> str:
    return "there is not enough memory for it" if isinstance(error, MemoryError) else str(error)


class _Opened:
    """Opens sources in threads, a few ahead of who takes them; None means that the next is not there yet.

    Sources are looked for in a thread of their own: one that keeps us waiting, as standard input may, must not
    keep back what those before it have given.
    """

    def __init__(self, sources: Iterable[Source], n_threads: int) -> None:
        self._sources = sources
        self._pool = ThreadPoolExecutor(n_threads, thread_name_prefix="picture")
        self._waiting: Queue[_Item] = Queue(4 * n_threads)
        self._ended = Event()
        # A daemon, for nothing ends a thread that reads what never comes.
        Thread(target=self._look, name="sources", daemon=True).start()

    def __iter__(self) -> Iterator[Predicted | None]:
        while True:
            try:
                item = self._waiting.get(timeout=_PATIENCE)
            except Empty:
                yield None
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item.result()

    def close(self) -> None:
        """Do not open what has not been opened: after Ctrl-C, or when nobody listens any more."""
        self._ended.set()
        self._pool.shutdown(cancel_futures=True)

    def _look(self) -> None:
        try:
            for source in self._sources:
                if self._ended.is_set():
                    return
                self._hand_over(self._pool.submit(_opened, source))
            self._hand_over(None)
        except BaseException as error:
            self._hand_over(error)

    def _hand_over(self, item: _Item) -> None:
        while not self._ended.is_set():
            with suppress(Full):
                self._waiting.put(item, timeout=_PATIENCE)
                return


def _batches(opened: Iterable[Predicted | None]) -> Iterator[list[Predicted]]:
    """Put pictures together: twice as many each time, until they are many or large, or the next is late."""
    batch: list[Predicted] = []
    most, n_pixels = 1, 0
    for one in opened:
        if one is not None:
            batch.append(one)
            n_pixels += 0 if one.picture is None else prod(one.picture.pixels.shape[:2])
        if len(batch) >= most or n_pixels >= _MOST_PIXELS or (one is None and batch):
            yield batch
            batch, n_pixels, most = [], 0, min(2 * most, _LARGEST_BATCH)
    if batch:
        yield batch


def _read(batch: list[Predicted], reader: DigitReader) -> Iterator[Predicted]:
    """Read a batch at once; where that fails for one, read them one by one."""
    good = [one for one in batch if one.picture is not None]
    try:
        readings = reader.read_batch([one.picture for one in good if one.picture is not None])
        read = iter([Predicted(one.path, one.picture, found) for one, found in zip(good, readings, strict=True)])
    except _FAILURES:
        read = (_read_alone(one, reader) for one in good)
    for one in batch:
        yield one if one.picture is None else next(read)


def _read_alone(one: Predicted, reader: DigitReader) -> Predicted:
    assert one.picture is not None
    try:
        return Predicted(one.path, one.picture, reader.read(one.picture))
    except _FAILURES as error:
        return Predicted(one.path, error=_told(error))
