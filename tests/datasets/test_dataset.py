import numpy as np
import pytest

from knn_digits.datasets import DigitDataset
from knn_digits.errors import DataError


def make(**changes):
    fields = {
        "train_images": np.zeros((4, 3, 3), np.uint8),
        "train_labels": np.array([0, 1, 2, 1]),
        "test_images": np.ones((2, 3, 3), np.uint8),
        "test_labels": np.array([1, 2]),
        "name": "N",
        "source": "S",
        "licence": "L",
    }
    return DigitDataset(**(fields | changes))


def test_properties():
    dataset = make(train_labels=np.array([0, 1, 2, 1], np.uint8))
    assert dataset.side == 3
    assert dataset.classes.tolist() == [0, 1, 2]
    assert dataset.train_labels.dtype == np.int64
    assert dataset.notes == ()
    assert "train_images" not in repr(dataset)


def test_everything_is_read_only_but_the_callers_array_is_not():
    mine = np.zeros((4, 3, 3), np.uint8)
    dataset = make(train_images=mine)
    for part in ("train_images", "train_labels", "test_images", "test_labels", "classes"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(dataset, part)[0] = 1
    with pytest.raises(AttributeError):
        dataset.name = "other"
    mine[0] = 1  # still the caller's


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_images": np.zeros((4, 3, 3))}, "expected uint8"),
        ({"train_images": np.zeros((4, 3, 5), np.uint8)}, "side"),
        ({"train_images": np.zeros((4, 9), np.uint8)}, "side"),
        ({"train_images": np.zeros((4, 0, 0), np.uint8)}, "1 to 512"),
        ({"train_images": np.zeros((4, 513, 513), np.uint8)}, "1 to 512"),
        (
            {"test_images": np.zeros((0, 3, 3), np.uint8), "test_labels": np.array([], int)},
            "at least one image",
        ),
        ({"test_images": np.zeros((2, 4, 4), np.uint8)}, "3x3 but test images 4x4"),
        ({"train_labels": np.array([0, 1])}, "4 train images but 2 train labels"),
        ({"test_labels": np.array([1])}, "2 test images but 1 test labels"),
        ({"train_labels": np.array([0, -1, 2, 1])}, "got -1 at item 1"),
        ({"train_labels": np.array([0.0, 1, 2, 1])}, "integers or str"),
        ({"train_labels": np.array([[0], [1], [2], [1]])}, "integers or str"),
        ({"train_labels": np.array([1, 1, 1, 1])}, "two classes"),
        ({"train_labels": np.array(["a", "b", "a", "b"])}, "both be"),
        ({"test_labels": np.array([1, 7])}, "test labels 7 never occur"),
    ],
)
def test_what_does_not_fit_is_refused(changes, words):
    with pytest.raises(DataError, match=words) as caught:
        make(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("caf\udce9", "caf\N{REPLACEMENT CHARACTER}"),
        ("caf\udcc3\udca9", "café"),  # UTF-8 that Python read as ASCII
        ("café 日本", "café 日本"),
        ("\ud800", "?"),
    ],
)
def test_texts_can_be_printed(text, shown):
    dataset = make(name=text, source=f"folder {text}", notes=(text,))
    assert (dataset.name, dataset.source, dataset.notes) == (shown, f"folder {shown}", (shown,))


def test_hash_is_of_the_content_alone():
    assert make().sha256 == make(name="other", source="elsewhere", notes=("x",)).sha256
    assert make().sha256 == make(train_labels=np.array([0, 1, 2, 1], np.uint8)).sha256
    fortran = np.asfortranarray(np.arange(36, dtype=np.uint8).reshape(4, 3, 3))
    assert make(train_images=fortran).sha256 == make(train_images=fortran.copy(order="C")).sha256


def test_hash_is_the_documented_one():
    import hashlib

    parts = (
        b"4 3 3\n" + bytes(36),
        b"4\n" + np.array([0, 1, 2, 1], "<i8").tobytes(),
        b"2 3 3\n" + b"\1" * 18,
        b"2\n" + np.array([1, 2], "<i8").tobytes(),
    )
    assert make().sha256 == hashlib.sha256(b"".join(parts)).hexdigest()


def test_hash_sees_every_part():
    hashes = {
        make().sha256,
        make(train_images=np.ones((4, 3, 3), np.uint8)).sha256,
        make(train_labels=np.array([0, 1, 2, 2])).sha256,
        make(test_images=np.zeros((2, 3, 3), np.uint8)).sha256,
        make(test_labels=np.array([2, 2])).sha256,
        make(train_labels=np.array(list("abcb")), test_labels=np.array(list("bc"))).sha256,
        make(train_labels=np.array(list("abcb")), test_labels=np.array(list("cc"))).sha256,
    }
    assert len(hashes) == 7
