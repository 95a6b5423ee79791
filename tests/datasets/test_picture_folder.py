import os
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

from knn_digits.datasets import load_dataset, picture_folder, pictures
from knn_digits.datasets.pictures import read_picture
from knn_digits.errors import DataError


def picture(value, side=5):
    image = np.full((side, side), 10, np.uint8)
    image[0, 1] = value
    return Image.fromarray(image)


def write_classes(folder, classes="01", count=5, side=5):
    for c, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            picture(20 * c + i, side).save(folder / name / f"{i}.png")
    return folder


def values(images):
    return images[:, 0, 1].tolist()


def test_one_folder_per_class_is_cut_seeded_and_says_so(tmp_path):
    dataset = load_dataset(write_classes(tmp_path / "mine", ["0", "1", "10", "2"], count=10))
    assert (len(dataset.train_images), len(dataset.test_images), dataset.side) == (32, 8, 5)
    assert dataset.name == "mine"
    assert "no test set of its own" in dataset.notes[0]
    assert dataset.train_labels.tolist() == [label for label in (0, 1, 2, 10) for _ in range(8)]
    label_of = {0: 0, 1: 1, 2: 10, 3: 2}  # by the order in which write_classes got the names
    assert [label_of[value // 20] for value in values(dataset.train_images)] == dataset.train_labels.tolist()
    assert dataset.sha256 == load_dataset(tmp_path / "mine").sha256


def test_own_split_and_sorted_order(tmp_path):
    write_classes(tmp_path / "train", "01", count=3)
    write_classes(tmp_path / "test", "01", count=2)
    dataset = load_dataset(tmp_path)
    assert values(dataset.train_images) == [0, 1, 2, 20, 21, 22]
    assert dataset.train_labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert values(dataset.test_images) == [0, 1, 20, 21]
    assert dataset.notes == ()
    assert dataset.train_labels.dtype == np.int64


def test_names_are_kept_where_they_are_not_all_numbers(tmp_path):
    dataset = load_dataset(write_classes(tmp_path, ["1", "seven"]))
    assert dataset.classes.tolist() == ["1", "seven"]


def test_hidden_files_and_windows_droppings_are_passed_over(tmp_path):
    write_classes(tmp_path)
    for name in (".DS_Store", "0/.DS_Store", "1/Thumbs.db", "README.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / ".git").mkdir()
    assert len(load_dataset(tmp_path).train_images) == 8


def test_progress_counts_bytes_to_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_folder, "_REPORT_EVERY", 3)
    calls = []
    load_dataset(write_classes(tmp_path), progress=lambda *call: calls.append(call))
    total = sum(path.stat().st_size for path in tmp_path.rglob("*.png"))
    assert calls[-1] == (total, total, "reading pictures")
    assert len(calls) == 4


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: (f / "0" / "2.png").write_bytes(b"no picture"), "2.png cannot be read as a picture"),
        (lambda f: (f / "0" / "2.png").write_bytes((f / "0" / "1.png").read_bytes()[:50]), "2.png cannot be"),
        (lambda f: (f / "0" / "2.png").write_bytes(b""), "2.png cannot be"),
        (lambda f: (f / "0" / "notes.txt").write_text("hello"), "notes.txt cannot be"),
        (lambda f: picture(1, side=6).save(f / "1" / "3.png"), "3.png is 6 pixels wide but .*0.png 5"),
        (
            lambda f: picture(1).resize((5, 4)).save(f / "1" / "3.png"),
            "3.png has 5x4 pixels, expected a square",
        ),
        (lambda f: picture(1).save(f / "stray.png"), "stray.png lies beside"),
        (lambda f: (f / "2").mkdir(), "2 is empty"),
        (lambda f: (f / "1" / "deeper").mkdir(), "deeper is no file"),
        (lambda f: (f / "test").mkdir(), "expected train and test"),
        (lambda f: write_classes(f, ["01"]), "same number"),
        (lambda f: write_classes(f, ["3"], count=1), "class 3 has a single picture"),
    ],
)
def test_what_would_be_missed_silently_is_an_error(tmp_path, spoil, words):
    spoil(write_classes(tmp_path))
    with pytest.raises(DataError, match=words) as caught:
        load_dataset(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_that_are_not_utf8(tmp_path):
    folder = write_classes(tmp_path / os.fsdecode(b"caf\xe9"))
    dataset = load_dataset(folder)
    assert dataset.name == "caf\N{REPLACEMENT CHARACTER}"
    assert dataset.source == f"folder {tmp_path}/caf\N{REPLACEMENT CHARACTER}"
    (folder / "1").rename(folder / os.fsdecode(b"s\xe9pt"))
    with pytest.raises(DataError, match=r"must be UTF-8, got b's.xe9pt': rename the folder") as caught:
        load_dataset(folder)
    str(caught.value).encode()
    assert "\n" not in str(caught.value)


def test_train_and_test_beside_classes(tmp_path):
    for part in ("train", "test", "7"):
        write_classes(tmp_path / part)
    with pytest.raises(DataError, match="expected train and test, or classes only"):
        load_dataset(tmp_path)


def test_a_class_only_the_test_has(tmp_path):
    write_classes(tmp_path / "train", "01")
    write_classes(tmp_path / "test", "015")
    with pytest.raises(DataError, match="test labels 5 never occur"):
        load_dataset(tmp_path)


def test_an_empty_folder_says_what_is_expected(tmp_path):
    with pytest.raises(DataError, match=r"expected four IDX files .* one folder of pictures per class"):
        load_dataset(tmp_path)


def test_more_pictures_than_memory_should_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_folder, "MAX_BYTES", 100)
    with pytest.raises(DataError, match="need more than"):
        load_dataset(write_classes(tmp_path))


# ---- one picture


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tif", "webp", "jpg"])
def test_formats(tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    Image.new("L", (8, 8), 100).save(tmp_path / f"a.{suffix}", **options)
    image = read_picture(tmp_path / f"a.{suffix}")
    assert image.dtype == np.uint8
    assert image.shape == (8, 8)
    assert np.all(abs(image.astype(int) - 100) <= 1)


def test_formats_not_on_the_list_are_refused(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "a.png", format="PPM")
    with pytest.raises(DataError, match="cannot be read"):
        read_picture(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("image", "grey"),
    [
        (Image.new("RGB", (4, 4), (255, 0, 0)), 76),
        (Image.new("1", (4, 4), 1), 255),
        (Image.new("RGBA", (4, 4), (0, 0, 0, 0)), 255),
        (Image.new("RGBA", (4, 4), (0, 0, 0, 255)), 0),
        (Image.new("LA", (4, 4), (0, 128)), 127),
    ],
)
def test_grey_values_with_transparency_on_white(tmp_path, image, grey):
    image.save(tmp_path / "a.png")
    assert np.all(read_picture(tmp_path / "a.png") == grey)


def test_palette_with_a_transparent_color(tmp_path):
    Image.new("P", (4, 4), 0).save(tmp_path / "a.png", transparency=0)
    assert np.all(read_picture(tmp_path / "a.png") == 255)


def test_first_frame_of_a_moving_picture(tmp_path):
    frames = [Image.new("L", (4, 4), v) for v in (50, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert np.all(read_picture(tmp_path / "a.gif") == 50)


def test_sixteen_bits_are_refused_not_clipped(tmp_path):
    Image.fromarray(np.full((4, 4), 40_000, np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="8 bits a channel"):
        read_picture(tmp_path / "a.png")


def test_large_pictures_are_refused_before_decoding(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "_as_grey", lambda picture: pytest.fail("decoded"))
    Image.new("1", (513, 513)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="at most 512x512"):
        read_picture(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200_000)  # now Pillow warns of a bomb, too
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as it may be outside pytest
        with pytest.raises(DataError, match="cannot be read"):
            read_picture(tmp_path / "a.png")


def test_large_files_are_refused_before_reading(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "_MAX_FILE", 50)
    picture(1, side=50).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="make it smaller"):
        read_picture(tmp_path / "a.png")
