import numpy as np
import pytest

from knn_digits.datasets import load_dataset
from knn_digits.errors import DataError, DataNotFoundError

from .conftest import digit_arrays, idx_bytes, write_folder

NAMES = tuple(digit_arrays())


def contents(**changes):
    arrays = digit_arrays() | {NAMES[int(key[1])]: value for key, value in changes.items()}
    return {name: idx_bytes(array) for name, array in arrays.items()}


def renamed(prefix):
    """As EMNIST and QMNIST name them."""
    return {prefix + name.replace("t10k", "test"): content for name, content in contents().items()}


def test_a_set_with_mnists_names_is_named_after_its_folder(tmp_path):
    dataset = load_dataset(write_folder(tmp_path / "fashion", contents()))
    assert dataset.name == "fashion"
    assert np.array_equal(dataset.test_images, digit_arrays()[NAMES[2]])
    assert np.array_equal(dataset.train_labels, digit_arrays()[NAMES[1]])
    assert dataset.source == f"folder {tmp_path / 'fashion'}"


def test_it_is_mnist_where_the_checksums_agree_and_only_there(tmp_path, tiny_mnist):
    assert load_dataset(write_folder(tmp_path / "x", tiny_mnist)).name == "MNIST"
    changed = contents(_0=255 - digit_arrays()[NAMES[0]])
    assert load_dataset(write_folder(tmp_path / "MNIST", changed)).name == "MNIST (own data)"


def test_emnist_is_turned_upright_and_says_so(tmp_path):
    dataset = load_dataset(write_folder(tmp_path / "d", renamed("emnist-digits-")))
    assert dataset.name == "emnist-digits"
    assert np.array_equal(dataset.train_images, digit_arrays()[NAMES[0]].transpose(0, 2, 1))
    assert "transposed" in dataset.notes[0]


def test_several_sets_are_listed_and_one_can_be_named(tmp_path):
    folder = write_folder(tmp_path / "gzip", renamed("emnist-digits-") | renamed("emnist-letters-"))
    with pytest.raises(DataError, match="2 data sets, emnist-digits, emnist-letters"):
        load_dataset(folder)
    assert load_dataset(folder / "emnist-letters").name == "emnist-letters"
    with pytest.raises(DataNotFoundError, match="no data set and no folder"):
        load_dataset(folder / "emnist-other")


def test_qmnist_labels_are_the_first_of_eight_columns(tmp_path):
    files = renamed("qmnist-")
    for part, name in (("train", NAMES[1]), ("test", NAMES[3])):
        labels = digit_arrays()[name].astype(np.int32)
        table = np.column_stack([labels, *[np.full(len(labels), 2000)] * 7])
        del files[f"qmnist-{part}-labels-idx1-ubyte"]
        files[f"qmnist-{part}-labels-idx2-int"] = idx_bytes(table, 0x0C)
    dataset = load_dataset(write_folder(tmp_path / "d", files))
    assert dataset.name == "qmnist"
    assert np.array_equal(dataset.test_labels, digit_arrays()[NAMES[3]])
    assert dataset.train_labels.dtype == np.int64


def test_dotted_plain_and_hidden_files(tmp_path):
    files = {name.replace("-idx", ".idx"): content for name, content in contents().items()}
    folder = write_folder(tmp_path / "d", files, zipped=False)
    (folder / "._train-images.idx3-ubyte").write_bytes(b"what macOS leaves")
    (folder / "README.txt").write_text("words")
    assert load_dataset(folder).side == 6


@pytest.mark.parametrize("missing", range(4))
def test_an_incomplete_set_says_what_it_lacks(tmp_path, missing):
    files = contents()
    del files[NAMES[missing]]
    role = ("train images", "train labels", "test images", "test labels")[missing]
    with pytest.raises(DataNotFoundError, match=f"lacks its {role}"):
        load_dataset(write_folder(tmp_path / "d", files))


def test_swapped_files(tmp_path):
    files = contents()
    files[NAMES[0]], files[NAMES[1]] = files[NAMES[1]], files[NAMES[0]]
    with pytest.raises(DataError, match=r"should hold images but holds labels .* swapped"):
        load_dataset(write_folder(tmp_path / "d", files))


def test_wrong_counts(tmp_path):
    with pytest.raises(DataError, match="40 train images but 39 train labels"):
        load_dataset(write_folder(tmp_path / "d", contents(_1=digit_arrays()[NAMES[1]][:-1])))


def test_labels_out_of_range(tmp_path):
    labels = digit_arrays()[NAMES[1]].copy()
    labels[7] = 77
    with pytest.raises(DataError, match="labels 0 to 9, got 77 at item 7"):
        load_dataset(write_folder(tmp_path / "d", contents(_1=labels)))


def test_negative_labels(tmp_path):
    files = renamed("other-")
    files["other-train-labels-idx1-ubyte"] = idx_bytes(np.full(40, -3), 0x0C)
    with pytest.raises(DataError, match="got -3"):
        load_dataset(write_folder(tmp_path / "d", files))


def test_images_that_are_not_square_or_not_bytes(tmp_path):
    with pytest.raises(DataError, match="side"):
        load_dataset(write_folder(tmp_path / "a", contents(_0=np.zeros((40, 3, 4), np.uint8))))
    files = contents() | {NAMES[0]: idx_bytes(np.zeros((40, 6, 6), np.int32), 0x0C)}
    with pytest.raises(DataError, match="uint8"):
        load_dataset(write_folder(tmp_path / "b", files))


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x1f\x8b broken", b"nonsense"])
def test_a_damaged_file_is_named(tmp_path, content):
    folder = write_folder(tmp_path / "d", contents())
    (folder / f"{NAMES[3]}.gz").write_bytes(content)
    with pytest.raises(DataError, match=NAMES[3]) as caught:
        load_dataset(folder)
    assert "\n" not in str(caught.value)
