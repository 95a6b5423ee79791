"""Every file of the gallery is what its name says."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageOps

from knn_digits.made_pictures import GalleryFile, gallery

FORMATS = {"png": "PNG", "jpg": "JPEG", "tif": "TIFF", "bmp": "BMP", "gif": "GIF", "webp": "WEBP"}
MODES = {
    "line-of-sixteen-bits.png": "I;16",
    "line-of-one-bit.bmp": "1",
    "for-print.jpg": "CMYK",
    "transparent-dark-ink.png": "RGBA",
    "transparent-white-ink.png": "RGBA",
    "red-ink.webp": "RGB",
    "single-digit.png": "L",
}


@pytest.fixture(scope="module")
def files(mnist) -> dict[str, GalleryFile]:
    return {file.name: file for file in gallery(mnist.train_images[:1000], mnist.train_labels[:1000], seed=3)}


def opened(file: GalleryFile) -> Image.Image:
    return Image.open(BytesIO(file.data))


def test_all_formats_open_and_are_what_their_names_say(files):
    assert {opened(file).format for file in files.values()} == set(FORMATS.values())
    for name, file in files.items():
        picture = opened(file)
        picture.load()
        assert picture.format == FORMATS[name.rsplit(".")[-1]]
        assert min(picture.size) > 30, name
        assert picture.mode == MODES.get(name, picture.mode)


def test_files_say_what_they_hold(files):
    for name, file in files.items():
        assert all(line.isdigit() for line in file.lines), name
    assert len(files["single-digit.png"].lines[0]) == 1
    assert len(files["several-lines.jpg"].lines) == 3
    assert len(files["form-with-boxes.tif"].lines) == 2


def test_same_seed_same_files(files, mnist):
    again = gallery(mnist.train_images[:1000], mnist.train_labels[:1000], seed=3)
    assert [(file.name, file.data, file.lines) for file in again] == [
        (file.name, file.data, file.lines) for file in files.values()
    ]


@pytest.mark.parametrize(("name", "gray"), [("transparent-dark-ink.png", 0), ("transparent-white-ink.png", 255)])
def test_alpha_alone_shows_the_ink(files, name, gray):
    pixels = np.asarray(opened(files[name]))
    assert (pixels[:, :, :3] == gray).all()
    assert pixels[:, :, 3].min() == 0
    assert pixels[:, :, 3].max() == 255
    assert 0.01 < (pixels[:, :, 3] > 128).mean() < 0.5


def test_palette_has_a_transparent_color(files):
    alpha = np.asarray(opened(files["transparent-color.gif"]).convert("RGBA"))[:, :, 3]
    assert 0.5 < (alpha == 0).mean() < 1


def test_camera_was_turned(files):
    picture = opened(files["turned-by-exif.jpg"])
    upright = ImageOps.exif_transpose(picture)
    assert upright.size == picture.size[::-1]
    assert upright.width > upright.height  # a line of digits


def test_polarity_and_frames(files):
    assert np.median(np.asarray(opened(files["white-on-black.bmp"]))) < 80
    assert np.median(np.asarray(opened(files["black-on-white.gif"]).convert("L"))) > 180
    moving = opened(files["first-of-two-frames.gif"])
    assert moving.n_frames == 2
    assert np.median(np.asarray(moving.convert("L"))) > 180


@pytest.mark.parametrize(("name", "channel"), [("red-ink.webp", 0), ("green-ink.tif", 1), ("blue-ink.png", 2)])
def test_ink_has_its_color(files, name, channel):
    pixels = np.asarray(opened(files[name]).convert("RGB")).astype(int)
    darkest = pixels.min(axis=2) <= np.quantile(pixels.min(axis=2), 0.02)
    assert pixels[darkest].mean(axis=0).argmax() == channel
