"""Pictures as people and attackers make them; Pillow writes them, or a test does, byte by byte."""

import io
import os
import re
import struct
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from knn_digits.errors import PictureError
from knn_digits.images import headers
from knn_digits.images.reading import LARGEST_WORKED_ON, MOST_BYTES, read_picture

FORMATS = ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"]


def saved(image: Image.Image, format: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *extras: bytes, depth: int = 8, color: int = 0) -> bytes:
    """A PNG whose pixels are those of a single black one."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extras) + pixels + chunk(b"IEND")


def tiff(tags: dict[int, int | tuple[int, int, int]], order: str = "<", pixels: bytes = bytes(16)) -> bytes:
    """A TIFF of 4x4 gray pixels, unless tags (a number, or type, count and value) say otherwise."""
    usual = {256: 4, 257: 4, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 4, 279: len(pixels)}
    entries = [
        struct.pack(order + "HHII", tag, *(value if isinstance(value, tuple) else (4, 1, value)))
        for tag, value in sorted({**usual, **tags}.items())
    ]
    start = struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 8 + len(pixels))
    return start + pixels + struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)


def refusal(content: bytes | Path, name: str | None = "bad.png") -> str:
    """The one line with which it is refused, at once."""
    start = time.perf_counter()
    with pytest.raises(PictureError) as caught:
        read_picture(content, name)
    assert time.perf_counter() - start < 2
    message = str(caught.value)
    assert "\n" not in message
    message.encode()
    return message


def corners(pixels: np.ndarray) -> list[int]:
    return pixels[[0, 0, -1, -1], [0, -1, 0, -1]].tolist()


# ---- what is read


@pytest.mark.parametrize("format", FORMATS)
def test_formats_from_files_and_bytes(tmp_path, format):
    content = saved(Image.new("L", (9, 7), 100), format, **({"lossless": True} if format == "WEBP" else {}))
    (tmp_path / "digit").write_bytes(content)  # what it is counts, not what it is called
    for source in (content, tmp_path / "digit"):
        picture = read_picture(source)
        assert (picture.width, picture.height, picture.scale) == (9, 7, 1)
        assert picture.pixels.dtype == np.uint8
        assert picture.pixels.shape == (7, 9)
        assert np.all(abs(picture.pixels.astype(int) - 100) <= 1)
        assert picture.pixels.flags.writeable


@pytest.mark.parametrize(
    ("mode", "value", "format", "expected"),
    [
        ("1", 1, "PNG", 255),
        ("LA", (90, 255), "PNG", 90),
        ("RGB", (10, 20, 30), "PNG", [10, 20, 30]),
        ("RGB", (20, 20, 20), "BMP", 20),
        ("RGBA", (10, 20, 30, 255), "WEBP", [10, 20, 30]),
        ("CMYK", (0, 255, 255, 0), "TIFF", [255, 0, 0]),
        ("LAB", (255, 128, 128), "TIFF", [254, 255, 254]),
        ("I;16", 40_000, "PNG", round(40_000 / 257)),
        ("I;16", 40_000, "TIFF", round(40_000 / 257)),
    ],
)
def test_kinds_of_pixels(mode, value, format, expected):
    options = {"lossless": True} if format == "WEBP" else {}
    pixels = read_picture(saved(Image.new(mode, (3, 2), value), format, **options)).pixels
    assert pixels.shape[:2] == (2, 3)
    assert pixels[0, 0].tolist() == expected


def test_ycbcr_and_cmyk_jpegs():
    red = Image.new("RGB", (16, 16), (255, 0, 0))
    for content in (
        saved(red, "JPEG"),
        saved(red.convert("CMYK"), "JPEG"),
        saved(red, "TIFF", compression="jpeg"),
    ):
        assert np.abs(read_picture(content).pixels[8, 8].astype(int) - (255, 0, 0)).max() <= 3


def test_palettes():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 0])
    image.putpixel((1, 0), 1)
    for format in ("PNG", "GIF", "BMP"):
        assert read_picture(saved(image, format)).pixels.tolist() == [[[10, 20, 30], [200, 100, 0]]]


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_numbers_of_a_range_of_their_own_are_stretched(dtype):
    numbers = np.array([[-1000, 0, 1000]], dtype)
    assert read_picture(saved(Image.fromarray(numbers), "TIFF")).pixels.tolist() == [[0, 128, 255]]


def test_numbers_that_are_none():
    numbers = np.array([[np.nan, 0, np.inf, 10, -np.inf]], np.float32)
    assert read_picture(saved(Image.fromarray(numbers), "TIFF")).pixels.tolist() == [[0, 0, 255, 255, 0]]
    signaling = np.array([[0x7F800001, 0]], np.uint32).view(np.float32)
    assert read_picture(saved(Image.fromarray(signaling), "TIFF")).pixels.tolist() == [[0, 0]]
    nothing = np.full((2, 2), np.nan, np.float32)
    assert not read_picture(saved(Image.fromarray(nothing), "TIFF")).pixels.any()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_says_how_it_lies(format, orientation):
    seen = Image.fromarray(
        np.kron(np.array([[0, 80, 160], [240, 40, 120]], np.uint8), np.ones((16, 16), np.uint8))
    )
    turn = Image.Transpose
    undo = {
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_90,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_270,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying = seen.transpose(undo[orientation]) if orientation in undo else seen
    picture = read_picture(saved(lying, format, exif=exif))
    assert (picture.width, picture.height) == (48, 32)
    assert np.allclose(corners(picture.pixels), [0, 160, 240, 120], atol=4)


@pytest.mark.parametrize(
    "exif", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff", b"x" * 99]
)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_is_no_error(format, exif):
    assert read_picture(saved(Image.new("L", (8, 8)), format, exif=exif)).pixels.shape == (8, 8)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_orientations_that_do_not_exist(value):
    assert read_picture(tiff({274: (3, 1, value)})).pixels.shape == (4, 4)


@pytest.mark.parametrize(
    ("ink", "background"), [((0, 0, 0), 255), ((255, 255, 255), 0), ((0, 0, 160), 255), ((255, 230, 0), 0)]
)
@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_ink_without_paper_gets_one_that_shows_it(format, ink, background):
    image = Image.new("RGBA", (20, 20), (*(255 - c for c in ink), 0))  # the color of what is transparent is a trap
    image.paste((*ink, 255), (8, 3, 12, 17))
    pixels = read_picture(saved(image, format, **({"lossless": True} if format == "WEBP" else {}))).pixels
    pixels = pixels if pixels.ndim == 3 else np.dstack([pixels] * 3)
    assert pixels[0, 0].tolist() == [background] * 3
    assert pixels[10, 10].tolist() == list(ink)


@pytest.mark.parametrize(("paper", "ink"), [(250, 0), (5, 255)])
def test_paper_with_transparent_edges_keeps_its_kind(paper, ink):
    image = Image.new("LA", (40, 40), (128, 0))
    image.paste((paper, 255), (4, 4, 36, 36))
    image.paste((ink, 255), (18, 8, 22, 32))
    pixels = read_picture(saved(image)).pixels
    assert abs(int(pixels[0, 0]) - paper) <= 5
    assert pixels[20, 20] == ink


def test_half_transparent_and_nothing_at_all():
    assert read_picture(saved(Image.new("LA", (4, 4), (0, 128)))).pixels[0, 0] == 127
    assert read_picture(saved(Image.new("RGBA", (4, 4), (0, 0, 0, 0)))).pixels.min() == 255


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "RGB"])
def test_one_transparent_color(mode):
    image = Image.new(mode, (8, 8))
    white = {"1": 1, "L": 255, "I;16": 65535, "RGB": (255, 255, 255)}[mode]
    image.paste(white, (2, 2, 4, 6))
    pixels = read_picture(saved(image, transparency={"RGB": (255,) * 3}.get(mode, white))).pixels
    assert pixels.tolist() == np.where(np.array(image.convert("L")) == 0, 0, 255).tolist()
    assert read_picture(saved(image, transparency={"RGB": (0,) * 3}.get(mode, 0))).pixels.max() == 255


@pytest.mark.parametrize("format", ["GIF", "WEBP", "TIFF", "PNG"])
def test_only_the_first_frame(format):
    frames = [Image.new("L", (8, 8), v) for v in (50, 200)]
    content = saved(frames[0], format, save_all=True, append_images=frames[1:])
    assert np.all(abs(read_picture(content).pixels.astype(int) - 50) <= 2)


def test_both_orders_of_bytes_and_big_tiff():
    gray = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    for content in (saved(gray, "TIFF"), saved(gray, "TIFF", big_tiff=True)):
        assert read_picture(content).pixels.tolist() == np.asarray(gray).tolist()
    for order in "<>":
        content = tiff({258: (3, 1, 8 if order == "<" else 8 << 16)}, order, bytes(range(16)))
        assert read_picture(content).pixels.ravel().tolist() == list(range(16))


# ---- large pictures


@pytest.mark.parametrize(("mode", "format"), [("L", "PNG"), ("RGBA", "PNG"), ("P", "GIF"), ("RGB", "JPEG")])
def test_large_pictures_are_reduced_by_areas(mode, format):
    image = Image.linear_gradient("L").resize((2400, 3200)).convert("RGB")
    image = image.quantize(256) if mode == "P" else image.convert(mode)
    picture = read_picture(saved(image, format, **({"compress_level": 1} if format == "PNG" else {})))
    height, width = picture.pixels.shape[:2]
    assert 0.98 * LARGEST_WORKED_ON < width * height <= LARGEST_WORKED_ON
    assert (picture.width, picture.height) == (2400, 3200)
    assert picture.scale == pytest.approx(2400 / width)
    expected = np.asarray(image.convert("L").resize((width, height), Image.Resampling.BOX)).astype(int)
    assert np.abs(picture.pixels.reshape(height, width, -1)[..., 0] - expected).max() <= 6


def test_a_fine_pattern_becomes_its_average():
    checks = np.indices((4000, 4000)).sum(axis=0) % 2 * 255
    pixels = read_picture(saved(Image.fromarray(checks.astype(np.uint8)), compress_level=1)).pixels
    assert pixels.shape == (2000, 2000)
    assert set(np.unique(pixels)) <= {127, 128}


def test_transparent_pixels_take_no_part_in_averages():
    image = np.zeros((4000, 4000, 2), np.uint8)
    image[..., 0], image[:, ::2, 1] = 0, 255  # every other column black ink, the others of no color
    image[:, 1::2, 0] = 255
    pixels = read_picture(saved(Image.fromarray(image, "LA"), compress_level=1)).pixels
    assert set(np.unique(pixels)) <= {127, 128}  # on white; with the white of what is transparent it were 191


def test_strips_meet_without_a_seam():
    rows = (np.arange(5000)[:, None] // 20 % 256).astype(np.uint8)
    pixels = read_picture(saved(Image.fromarray(np.repeat(rows, 1001, axis=1)), compress_level=1)).pixels
    assert np.all(pixels == pixels[:, :1])
    assert set(np.abs(np.diff(pixels[:, 0].astype(int)))) <= {0, 1, 255}
    assert len(pixels) == pytest.approx(5000 * np.sqrt(4 / 5.005), abs=1)


def test_a_photo_of_48_megapixels_is_read_at_once():
    content = saved(Image.linear_gradient("L").resize((8000, 6000)), "JPEG")
    start = time.perf_counter()
    picture = read_picture(content)
    assert time.perf_counter() - start < 2
    assert picture.pixels.shape == (1732, 2309)
    assert picture.width == 8000


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
def test_memory_for_25_megapixels(tmp_path):
    Image.new("RGBA", (5000, 5000)).save(tmp_path / "large.png", compress_level=1)
    Image.new("RGBA", (28, 28)).save(tmp_path / "small.png")
    code = (
        "import resource, sys; from pathlib import Path; from knn_digits.images.reading import read_picture\n"
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "read_picture(Path(sys.argv[1])); before = used(); read_picture(Path(sys.argv[2])); print(used() - before)"
    )
    command = [sys.executable, "-c", code, tmp_path / "small.png", tmp_path / "large.png"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 300 * 1024
    assert done.stderr == ""


def test_a_small_picture_is_read_fast():
    content = saved(Image.new("L", (28, 28)))
    start = time.perf_counter()
    for _ in range(200):
        read_picture(content)
    assert (time.perf_counter() - start) / 200 < 0.0005


def test_importing_it_does_not_import_pillow():
    code = "import sys, knn_digits.images.reading; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ---- what is refused before a pixel is decoded


def refusal_of_header(content: bytes) -> str:
    with pytest.MonkeyPatch.context() as patch:
        for name in (
            "Image.Image",
            "ImageFile.ImageFile",
            "WebPImagePlugin.WebPImageFile",
            "TiffImagePlugin.TiffImageFile",
        ):
            patch.setattr(f"PIL.{name}.load", lambda self: pytest.fail("decoded"))
        return refusal(content)


def with_size(format: str, width: int, height: int) -> bytes:
    """A small picture that claims another size."""
    content = bytearray(saved(Image.new("L", (8, 8)), format, **({"lossless": True} if format == "WEBP" else {})))
    if format == "JPEG":
        place = content.index(b"\xff\xc0") + 5
        content[place : place + 4] = struct.pack(">HH", height, width)
    elif format == "WEBP":
        content[21:25] = struct.pack("<I", (width - 1 & 0x3FFF) | (height - 1 & 0x3FFF) << 14)
    elif format == "BMP":
        content[18:26] = struct.pack("<ii", width, height)
    elif format == "GIF":
        content[6:10] = struct.pack("<HH", width, height)
    elif format == "TIFF":
        return tiff({256: width, 257: height})
    else:
        return png(width, height)
    return bytes(content)


@pytest.mark.parametrize("format", FORMATS)
def test_too_many_pixels(format):
    assert "is too large: a " in refusal_of_header(with_size(format, 16000, 16000))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP", "GIF", "TIFF"])
def test_too_long_a_side_or_none(format):
    assert "expected at most 30,000 a side" in refusal_of_header(with_size(format, 30_001, 2))
    if format != "GIF":  # its screen may be empty: the frame counts
        assert "0x8 pixels" in refusal_of_header(with_size(format, 0, 8))


def test_sizes_that_only_the_extremes_of_a_header_can_say():
    for size in (2**31 - 1, 2**31, 2**32 - 1):
        refusal_of_header(png(size, size))
        refusal_of_header(tiff({256: size, 257: size}))
    refusal_of_header(with_size("BMP", -(2**31), 2**31 - 1))
    frame = bytearray(saved(Image.new("L", (8, 8)), "GIF"))
    place = frame.index(b",")
    frame[place + 5 : place + 9] = b"\xff" * 4
    assert "30,000 a side" in refusal_of_header(bytes(frame))


def test_what_pillow_may_not_read_is_an_error_in_every_thread(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    content = saved(Image.new("L", (40, 30)))
    with ThreadPoolExecutor(8) as pool:
        messages = list(pool.map(lambda _: refusal(content), range(50)))
    assert all("more than Pillow may read" in message for message in messages)


def test_large_files_are_refused_before_they_are_read(tmp_path, monkeypatch):
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    assert "expected at most 64 MB" in refusal(tmp_path / "a.png")
    assert "expected at most 64 MB" in refusal(bytes(MOST_BYTES + 1))


def test_progressive_jpegs_hold_everything_in_memory():
    content = bytearray(saved(Image.new("L", (8, 8)), "JPEG", progressive=True))
    place = content.index(b"\xff\xc2") + 5
    content[place : place + 4] = struct.pack(">HH", 5000, 5000)
    assert read_picture(bytes(content)).width == 5000
    content[place : place + 4] = struct.pack(">HH", 8900, 8900)
    assert "in several scans" in refusal_of_header(bytes(content))


def test_a_jpeg_of_many_scans(monkeypatch):
    content = saved(Image.new("RGB", (64, 64)), "JPEG", progressive=True)
    last = content[content.rindex(b"\xff\xda") : -2]
    assert read_picture(content[:-2] + 20 * last + content[-2:]).pixels.shape == (64, 64)
    assert "a JPEG of 101 scans" in refusal(content[:-2] + 3000 * last + content[-2:])
    hidden = b"\xff\x02" + struct.pack(">H", len(last) + 2)  # a marker that decoders skip without its length
    assert "a JPEG of 101 scans" in refusal(content[:-2] + 3000 * (hidden + last) + content[-2:])
    monkeypatch.setattr(headers, "_MOST_SCANNED", 11 * 64 * 64)
    assert "so far" in refusal(content[:-2] + 5 * last + content[-2:])


def test_rare_jpegs_are_refused():
    content = saved(Image.new("L", (8, 8)), "JPEG")
    for kind in (b"\xff\xc3", b"\xff\xc9"):
        assert "rare kind" in refusal(content.replace(b"\xff\xc0", kind, 1))
    frame = content[content.index(b"\xff\xc0") :][:13]
    assert "two frames" in refusal(content.replace(frame, frame * 2, 1))


# ---- bombs: few bytes, much work


def test_png_texts_and_profiles_are_never_unpacked():
    bomb = zlib.compress(bytes(1 << 20))
    extras = [
        chunk(b"iCCP", b"a\0\0" + bomb),
        chunk(b"zTXt", b"a\0\0" + bomb),
        chunk(b"iTXt", b"a\0\1\0\0\0" + bomb),
    ]
    start = time.perf_counter()
    assert read_picture(png(1, 1, *(5000 * extras))).pixels.tolist() == [[0]]
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (png(1, 1, 2_000_000 * chunk(b"prVt")), "chunks"),
        (png(1, 1, 2_000_000 * chunk(b"IDAT")), "chunks"),
        (b"\xff\xd8\xff\xe0\0\2" + 5_000_000 * b"\xff\xe1\0\2", "segments"),
        (b"\xff\xd8\xff" + bytes(30_000_000), "ends before"),
        (b"\xff\xd8\xff" + 30_000_000 * b"\xff", "ends before"),
        (b"GIF89a\1\0\1\0\0\0\0!\xfe" + 10_000_000 * b"\1x" + b"\0", "blocks"),
        (b"GIF89a\1\0\1\0\0\0\0" + bytes(30_000_000), "blocks"),
        (tiff({273: (4, 200_000, 8)}, pixels=bytes(800_000)), "too many strips"),
        (tiff({322: 60_000, 323: 60_000, 324: 8, 325: 16}), "in parts of"),
        (tiff({266: (3, 2, 1)}), "several things"),
        (tiff({257: 4000}), "without some of its strips"),
        (tiff({258: (3, 4, 10**6)}), "before its tags"),
        (tiff({259: 34925}), "rare compression"),
        (tiff({277: 60_000}), "channels"),
        (b"II*\0\x08\0\0\0\xff\xff" + bytes(12 * 65535 + 4), "65,535 tags"),
    ],
    ids=range(15),
)
def test_long_walks_are_cut_short(content, words):
    assert words in refusal(content)


def test_run_lengths_that_pillow_unpacks_slowly():
    header = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 54 + 1024)
    for width, body in [(4000, b"\0\1"), (8, 4_000_000 * b"\0\2\0\0")]:
        info = struct.pack("<IiiHHIIiiII", 40, width, 4000 if width == 4000 else 8, 1, 8, 1, 0, 0, 0, 0, 0)
        assert "in run lengths" in refusal(header + info + bytes(1024) + body)


def test_a_chain_of_exif_parts_is_read_once():
    exif = b"\xff\xe1\xff\xff" + (b"Exif\0\0II*\0\x08\0\0\0\0\0").ljust(65533, b"\0")
    content = saved(Image.new("L", (8, 8)), "JPEG")
    start = time.perf_counter()
    assert read_picture(content[:2] + exif * 900 + content[2:]).pixels.shape == (8, 8)
    assert time.perf_counter() - start < 1


# ---- damaged and lying files


@pytest.mark.parametrize("format", FORMATS)
def test_truncated_files_give_no_part_of_a_picture(format, rng):
    noise = Image.fromarray(rng.integers(0, 256, (64, 64), dtype=np.uint8))
    content = saved(noise, format)
    for end in {1, 5, 12, 20, 30, 60, len(content) // 3, len(content) * 9 // 10}:
        assert refusal(content[:end]).startswith("bad.png cannot be read")


def test_a_png_without_its_end_or_with_a_wrong_bit(rng):
    content = saved(Image.fromarray(rng.integers(0, 256, (64, 64), dtype=np.uint8)))
    assert "ends before its end" in refusal(content[:-12])
    broken = bytearray(content)
    broken[len(content) // 2] ^= 4
    assert "checksum" in refusal(bytes(broken))


def test_a_header_that_tells_two_sizes():
    second = chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0))
    assert read_picture(png(1, 1, second)).pixels.shape == (1, 1)  # the first counts, for us and the decoder
    content = bytearray(saved(Image.new("RGB", (8, 8)), "WEBP", exif=b"x"))
    content[24:30] = b"\x40\0\0\x40\0\0"  # the canvas is not as large as its picture
    refusal(bytes(content))


def test_too_few_pixels_for_its_size():
    for format in ("PNG", "BMP", "TIFF"):  # a JPEG that says that it ends is taken at its word
        refusal(with_size(format, 600, 600))


@pytest.mark.parametrize(
    "content", [b"", b"hello", bytes(100), b"%PDF-1.7", b"P5 1 1 255 x", b"<svg/>", b"BM", b"RIFF"]
)
def test_other_things(content):
    assert refusal(content).startswith("bad.png cannot be read")


def test_whatever_a_decoder_raises(monkeypatch):
    content = saved(Image.new("L", (8, 8)))
    for error in (MemoryError, RecursionError, struct.error, SyntaxError, OverflowError, AssertionError, KeyError):

        def fail(self: object, error: type[Exception] = error) -> None:
            raise error

        monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
        assert "may be damaged" in refusal(content)


def test_an_interruption_is_no_error_of_the_picture(monkeypatch):
    def interrupt(self: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", interrupt)
    with pytest.raises(KeyboardInterrupt):
        read_picture(saved(Image.new("L", (8, 8))))


def test_nothing_is_written_to_stderr(capfd, rng):
    noise = Image.fromarray(rng.integers(0, 256, (64, 64), dtype=np.uint8))
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "group4", "jpeg", "packbits"):
        image = noise.convert("1") if compression == "group4" else noise
        broken = bytearray(saved(image, "TIFF", compression=compression))
        for place in range(20, len(broken) - 200, 97):
            broken[place] ^= 0xFF
        with suppress(PictureError):
            read_picture(bytes(broken))
    assert capfd.readouterr() == ("", "")


# ---- files that are none


def test_missing_folders_and_what_may_not_be_read(tmp_path):
    assert refusal(tmp_path / "no.png", None) == f"{tmp_path}/no.png cannot be read: No such file or directory"
    assert "cannot be read: " in refusal(tmp_path, None)
    assert "cannot be read: " in refusal(Path("a\0b"), None)
    assert "cannot be read: File name too long" in refusal(tmp_path / ("x" * 300), None)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "cannot be read: Too many levels" in refusal(tmp_path / "loop", None)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read all")
def test_files_without_permission(tmp_path):
    (tmp_path / "a.png").touch(mode=0)
    assert "Permission denied" in refusal(tmp_path / "a.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_fifos_and_devices_do_not_block(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    for path in (tmp_path / "a.png", Path("/dev/zero"), Path("/dev/null")):
        found: list[str] = []
        thread = threading.Thread(target=lambda path=path, found=found: found.append(refusal(path)), daemon=True)
        thread.start()
        thread.join(3)
        assert found == ["bad.png cannot be read: it is no file"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("name", [b"a\nb\r\x1b[31m.png", b"caf\xe9.png", "a\u2028b".encode()])
def test_odd_names_in_one_line(tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(b"x")
    message = refusal(path, None)
    assert message.isprintable()
    assert not re.search("[\ud800-\udfff]", message)
    path.write_bytes(saved(Image.new("L", (8, 8))))
    assert read_picture(path).width == 8


def test_a_file_that_shrinks_or_vanishes_while_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(saved(Image.new("L", (64, 64))))
    real = os.fstat

    def shrink(number: int) -> os.stat_result:
        if path.exists():
            os.truncate(path, 40)
            path.unlink()
        return real(number)

    monkeypatch.setattr(os, "fstat", shrink)
    assert "cannot be read" in refusal(path)
    assert not path.exists()
