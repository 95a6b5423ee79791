"""The stream of readings: in order, lazily, and ended when nobody listens."""

import itertools
import threading
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from knn_digits.errors import PictureError
from knn_digits.images.reading import Picture
from knn_digits.picture_sources import Source
from knn_digits.predicting import as_json, read_sources
from knn_digits.reader import Reading


@dataclass
class Reader:
    """Reads nothing, and remembers how many pictures it was given at once."""

    batches: list

    def read_batch(self, pictures):
        pictures = list(pictures)
        self.batches.append(len(pictures))
        return [Reading(()) for _ in pictures]


def png(side=4):
    buffer = BytesIO()
    Image.fromarray(np.zeros((side, side), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def sources(content):
    return (Source(str(number), content) for number in itertools.count())


def looking():
    return [thread for thread in threading.enumerate() if thread.name in ("sources",) or "picture" in thread.name]


def test_endless_sources_are_read_as_they_are_asked_for_and_let_go():
    reader, taken = Reader([]), 0

    def counted():
        nonlocal taken
        for source in sources(png()):
            taken += 1
            yield source

    stream = read_sources(counted(), reader, n_jobs=2)
    assert [one.path for one in itertools.islice(stream, 500)] == [str(i) for i in range(500)]
    assert reader.batches[0] == 1
    assert max(reader.batches) <= 256
    assert taken < 500 + 256 + 32
    stream.close()
    for thread in looking():
        thread.join(timeout=5)
    assert not looking()


def test_large_pictures_do_not_wait_for_each_other():
    reader = Reader([])
    stream = read_sources(sources(png(2000)), reader, n_jobs=1)
    list(itertools.islice(stream, 30))
    stream.close()
    assert max(reader.batches) <= 5  # of 4 megapixels each


def test_bad_ones_stay_in_their_place():
    def mixed():
        for number in range(40):
            yield Source(str(number), b"none" if number % 3 else png())

    read = list(read_sources(mixed(), Reader([])))
    assert [one.path for one in read] == [str(number) for number in range(40)]
    assert [one.reading is None for one in read] == [bool(number % 3) for number in range(40)]
    assert all(as_json(one).keys() == {"path", "error"} for one in read if one.reading is None)


def test_what_fails_in_a_batch_fails_alone():
    class Picky(Reader):
        def read_batch(self, pictures):
            if any(picture.pixels.shape == (5, 5) for picture in pictures):
                raise PictureError("five")
            return [Reading(()) for _ in pictures]

        def read(self, picture: Picture):
            return self.read_batch([picture])[0]

    given = [Source(str(i), png(5 if i in (3, 7) else 4)) for i in range(12)]
    read = list(read_sources(given, Picky([])))
    assert [one.path for one in read if one.error] == ["3", "7"]
    assert all(one.reading is not None for one in read if not one.error)


def test_a_bug_where_sources_are_looked_for_is_not_swallowed():
    def broken():
        yield Source("1", png())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(read_sources(broken(), Reader([])))
