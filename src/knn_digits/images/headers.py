"""What a picture file says of itself, and the file cut down to what makes pixels.

Decoders read more than pixels: comments, profiles, EXIF, animations, scans upon scans, in loops that a file of a
few megabytes can stretch to minutes or gigabytes. So a file is walked here first, by its own lengths and a bounded
number of steps, without decoding; the decoder is given only those parts that its pixels need, and only when
what they will cost is known.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = ["FORMATS", "Header", "Refused", "read_header"]

Bytes = bytes | memoryview

_MEGA = 1_000_000
_MOST_SIDE = 30_000
_MOST_PIXELS = {"JPEG": 80 * _MEGA, "PNG": 25 * _MEGA, "WebP": 12_500_000, "BMP": 25 * _MEGA, "GIF": 25 * _MEGA}
_MOST_PIXELS |= {"TIFF": 25 * _MEGA}
FORMATS = tuple(_MOST_PIXELS)
"""The formats that are read: few decoders, few holes."""

_MOST_PNG_CHUNKS = 1 << 15
_MOST_PNG_DECODED = 125 * _MEGA  # bytes; more take over two seconds
_MOST_JPEG_SEGMENTS = 2000  # before the pixels; a long color profile has 255, a depth map some hundred
_MOST_JPEG_SCANS = 100
_MOST_COEFFICIENTS = 80 * _MEGA  # of a JPEG in several scans: all are held, 2 bytes each
_MOST_SCANNED = 400 * _MEGA  # pixels times scans: each scan passes over the whole picture
_MOST_GIF_BLOCKS = 1 << 16  # before the first frame
_MOST_TIFF_TAGS = 1000
_MOST_TIFF_VALUES = 1 << 17  # of one tag: a strip for every row of every channel
_MOST_TIFF_DECODED = 180 * _MEGA  # bytes of all pixels and of a strip or tile
_MOST_WEBP = 24 << 20  # bytes: Pillow copies them, and holds five pictures of that size at a time
_MOST_RLE = _MEGA  # pixels, and bytes, of a BMP in run lengths: Pillow decodes them in Python


class Refused(Exception):  # noqa: N818 - it is caught before anyone sees it
    """A picture that is not read; the text follows its name."""


@dataclass(frozen=True)
class Header:
    """What a file says of itself.

    Attributes
    ----------
    format : str
        One of `FORMATS`.
    width, height : int
        Before the picture is turned.
    content : bytes
        The file without what its first picture can do without; it may be the file as it came.
    orientation : int
        1 to 8, as in EXIF; 1 where the format keeps it where only the decoder looks, or has none.
    """

    format: str
    width: int
    height: int
    content: bytes
    orientation: int = 1


def read_header(content: bytes) -> Header:
    """Walk through a picture file without decoding it.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    Header

    Raises
    ------
    Refused
        If it is no picture of `FORMATS`, or would cost too much to decode.
    Exception
        Of any kind, if it is damaged.
    """
    for magic, walk in _WALKS.items():
        if magic.match(content):
            return walk(content)
    raise Refused(f"cannot be read as a picture: expected {', '.join(FORMATS)}, got something else; convert it")


def _check_size(format: str, width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise Refused(f"cannot be read: {format} of {width}x{height} pixels; it may be damaged")
    if max(width, height) > _MOST_SIDE:
        raise Refused(f"has {width}x{height} pixels, expected at most {_MOST_SIDE:,} a side: make it smaller")
    _check_cost(f"a {format} has {width}x{height} pixels", width * height, _MOST_PIXELS[format])


def _check_cost(what: str, cost: float, most: int) -> None:
    if cost > most:
        raise Refused(f"is too large: {what}, {cost / most:.1f} times the most that is read: make it smaller")


def _damaged(what: str) -> Refused:
    return Refused(f"cannot be read as a picture: {what}; it is damaged, replace it")


# ---- PNG


def _png(content: bytes) -> Header:
    """Keep the first header, the palette, the transparent color and the pixels; all others are extras."""
    view, place, kept, orientation = memoryview(content), 8, [memoryview(content)[:8]], 1
    for _ in range(_MOST_PNG_CHUNKS):
        if len(content) < place + 8:
            raise _damaged("the PNG ends before its end")
        length, kind = struct.unpack_from(">I4s", content, place)
        chunk = view[place : place + 12 + length]
        if kind == b"IEND":
            break
        if place == 8:
            width, height = _png_size(kind, chunk)
        if kind in (b"PLTE", b"tRNS", b"IDAT") or place == 8:
            kept.append(_intact(chunk, length))
        elif kind == b"eXIf":
            orientation = _orientation(chunk[8:-4])
        place += 12 + length
    else:
        raise Refused(f"cannot be read: a PNG of more than {_MOST_PNG_CHUNKS:,} chunks; save it anew")
    return Header("PNG", width, height, b"".join([*kept, b"\0\0\0\0IEND\xaeB`\x82"]), orientation)


def _png_size(kind: bytes, chunk: memoryview) -> tuple[int, int]:
    if kind != b"IHDR":
        raise _damaged("a PNG without header")
    width, height, depth, color = struct.unpack_from(">IIBB", chunk, 8)
    _check_size("PNG", width, height)
    decoded = width * height * {2: 3, 4: 2, 6: 4}.get(color, 1) * depth // 8
    _check_cost(f"a PNG of {width}x{height} pixels of {depth} bits a channel", decoded, _MOST_PNG_DECODED)
    return width, height


def _intact(chunk: memoryview, length: int) -> memoryview:
    if len(chunk) < 12 + length:
        raise _damaged("the PNG ends before its end")
    if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
        raise _damaged("a checksum of the PNG is wrong")
    return chunk


# ---- JPEG

_MARKER = re.compile(rb"\xff[^\x00\xff]")
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # within the pixels; those left out belong to them
_SOS, _EOI, _APP1 = 0xDA, 0xD9, 0xE1
_LONE = {0x01, 0xD8, *range(0xD0, 0xD8)}  # markers without content
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BETWEEN_SCANS = {0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)}
_DECODED = {0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD, 0xE0, 0xEE}  # frame, tables, restarts, what the colors mean


def _jpeg(content: bytes) -> Header:
    """Keep what the decoder needs, from the first scan on everything."""
    view, place, kept, orientation, frame = memoryview(content), 2, [memoryview(content)[:2]], 1, None
    for _ in range(_MOST_JPEG_SEGMENTS):
        found = _MARKER.search(content, place)
        if not found or content[found.start() + 1] == _EOI:
            raise _damaged("the JPEG ends before its pixels")
        marker, place = content[found.start() + 1], found.end()
        if marker in _LONE:
            continue
        end = place + int.from_bytes(content[place : place + 2], "big")
        segment, start, place = view[place + 2 : end], found.start(), end
        if marker == _SOS:
            break
        if marker in _FRAMES:
            frame = _jpeg_frame(marker, segment, frame)
        if marker == _APP1 and bytes(segment[:6]) == b"Exif\0\0" and orientation == 1:
            orientation = _orientation(segment[6:])
        if marker in _DECODED:
            kept.append(view[start:end])
    else:
        raise Refused(f"cannot be read: a JPEG of more than {_MOST_JPEG_SEGMENTS:,} segments; save it anew")
    if frame is None or not segment:
        raise _damaged("a JPEG without frame")
    if frame.progressive or segment[0] < frame.channels:
        _check_scans(content, place, frame)
    return Header("JPEG", frame.width, frame.height, b"".join([*kept, view[start:]]), orientation)


@dataclass(frozen=True)
class _Frame:
    progressive: bool
    width: int
    height: int
    channels: int
    coefficients: float


def _jpeg_frame(marker: int, segment: memoryview, before: _Frame | None) -> _Frame:
    if marker not in _DECODED:
        raise Refused("cannot be read: a JPEG of a rare kind (lossless or arithmetic); save it anew")
    if before:
        raise _damaged("a JPEG of two frames")
    height, width, channels = struct.unpack_from(">HHB", segment, 1)
    _check_size("JPEG", width, height)
    samplings = [(segment[7 + 3 * i] >> 4, segment[7 + 3 * i] & 15) for i in range(channels)]
    widest, highest = max(h for h, _ in samplings), max(v for _, v in samplings)
    dense = sum(h * v for h, v in samplings) / (widest * highest)
    return _Frame(marker == 0xC2, width, height, channels, width * height * dense)


def _check_scans(content: bytes, place: int, frame: _Frame) -> None:
    """Refuse what would fill the memory, or pass over the picture again and again."""
    size = f"a JPEG of {frame.width}x{frame.height} pixels in several scans"
    _check_cost(size, frame.coefficients, _MOST_COEFFICIENTS)
    pixels = frame.width * frame.height
    scans = 1
    for _ in range(_MOST_JPEG_SEGMENTS):
        found = _NEXT_MARKER.search(content, place)
        if not found or content[found.end() - 1] == _EOI:
            return
        marker, place = content[found.end() - 1], found.end()
        if marker in _BETWEEN_SCANS:
            place += int.from_bytes(content[place : place + 2], "big")
        scans += marker == _SOS
        _check_cost(f"a JPEG of {scans} scans", scans, _MOST_JPEG_SCANS)
        _check_cost(f"{size}, {scans} so far", scans * pixels, _MOST_SCANNED)
    raise Refused(f"cannot be read: a JPEG of more than {_MOST_JPEG_SEGMENTS:,} segments; save it anew")


# ---- GIF


def _gif(content: bytes) -> Header:
    """Walk to the first frame: the picture is as large as the screen and that frame together."""
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    place, in_extension = 13 + _palette_bytes(flags), False
    for _ in range(_MOST_GIF_BLOCKS):
        mark = content[place]
        if in_extension:
            in_extension, place = mark > 0, place + 1 + mark
        elif mark == ord("!"):
            in_extension, place = True, place + 2
        elif mark == ord(","):
            left, top, wide, high = struct.unpack_from("<4H", content, place + 1)
            width, height = max(width, left + wide), max(height, top + high)
            _check_size("GIF", width, height)
            return Header("GIF", width, height, content)
        elif mark == ord(";"):
            raise _damaged("a GIF without a frame")
        else:
            place += 1
    raise Refused(f"cannot be read: a GIF of more than {_MOST_GIF_BLOCKS:,} blocks before its frame; save it anew")


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 128 else 0


# ---- WebP and BMP


def _webp(content: bytes) -> Header:
    """The decoder takes memory for the whole canvas as soon as it is made."""
    kind = content[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[i : i + 3], "little") + 1 for i in (24, 27))
    elif kind == b"VP8L" and content[20] == 0x2F:
        bits = int.from_bytes(content[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        width, height = (size & 0x3FFF for size in struct.unpack_from("<HH", content, 26))
    else:
        raise _damaged("a WebP without header")
    _check_size("WebP", width, height)
    _check_cost(f"a WebP of {len(content) >> 20} MB", len(content), _MOST_WEBP)
    return Header("WebP", width, height, content)


def _bmp(content: bytes) -> Header:
    (header_size,) = struct.unpack_from("<I", content, 14)
    compression = 0
    if header_size == 12:
        width, height = struct.unpack_from("<HH", content, 18)
    else:
        width, height, _, _, compression = struct.unpack_from("<iiHHI", content, 18)
    height = abs(height)  # from top to bottom if negative
    _check_size("BMP", width, height)
    if compression in (1, 2):
        size = f"a BMP of {width}x{height} pixels in run lengths"
        _check_cost(size, max(width * height, len(content)), _MOST_RLE)
    return Header("BMP", width, height, content)


# ---- TIFF, and EXIF, which is one

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _ORIENTATION, _SAMPLES = 256, 257, 258, 259, 274, 277
_ROWS, _PLANAR, _TILE_WIDTH, _TILE_HEIGHT = 278, 284, 322, 323
_COMPRESSIONS = {1, 2, 3, 4, 5, 7, 8, 32773, 32946}  # none, fax, LZW, JPEG, deflate, run lengths
# Photometric, fill order, offsets and lengths of strips and tiles, fax options, predictor, palette, inks, extra
# samples, sample format, JPEG tables, YCbCr.
_PIXEL_TAGS = {262, 266, 273, 279, 292, 293, 317, 320, 324, 325, 332, 338, 339, 347, 529, 530, 531, 532}
_PIXEL_TAGS |= {_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES, _ROWS, _PLANAR, _TILE_WIDTH, _TILE_HEIGHT}
_SINGLE = {262, 266, 292, 293, 317, 332, 531, _WIDTH, _HEIGHT, _COMPRESSION, _SAMPLES, _ROWS, _PLANAR}
_SINGLE |= {_TILE_WIDTH, _TILE_HEIGHT}
_STRIP_OFFSETS, _TILE_OFFSETS = 273, 324
_TYPE_BYTES = dict.fromkeys((1, 2, 6, 7), 1) | dict.fromkeys((3, 8), 2) | dict.fromkeys((4, 9, 11, 13), 4)
_TYPE_BYTES |= dict.fromkeys((5, 10, 12, 16, 17, 18), 8)
_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}  # types of TIFF


@dataclass(frozen=True)
class _Directory:
    """The first list of tags of a TIFF, and how to write another.

    Attributes
    ----------
    order : str
        "<" or ">".
    big : bool
        Whether it is a BigTIFF.
    tags : dict of int to tuple
        By number: type, number of values, and the values or where they are.
    """

    order: Literal["<", ">"]
    big: bool
    tags: dict[int, tuple[int, int, bytes]]

    def number(self, tag: int, default: int = 0) -> int:
        """The first value of a tag that lies in the directory itself; elsewhere it is an error."""
        if tag not in self.tags:
            return default
        kind, count, values = self.tags[tag]
        code = self.order + _NUMBERS[kind]
        if count * struct.calcsize(code) > len(values):
            raise ValueError(f"tag {tag} has {count} values")
        return int(struct.unpack_from(code, values)[0])

    def lies_within(self, size: int) -> bool:
        """Whether all values lie in a file of that size."""
        for kind, count, values in self.tags.values():
            length = _TYPE_BYTES[kind] * count
            (place,) = struct.unpack(self.order + ("Q" if self.big else "I"), values)
            if length > len(values) and place + length > size:
                return False
        return True

    def written(self) -> bytes:
        """The directory as bytes; it is the last of its file."""
        code = "HHQ8s" if self.big else "HHI4s"
        tags = [struct.pack(self.order + code, tag, *entry) for tag, entry in sorted(self.tags.items())]
        count, last = ("Q", bytes(8)) if self.big else ("H", bytes(4))
        return struct.pack(self.order + count, len(tags)) + b"".join(tags) + last


def _directory(content: Bytes) -> _Directory:
    order: Literal["<", ">"] = "<" if content[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", content, 2) == (43,)
    (place,) = struct.unpack_from(order + ("Q" if big else "I"), content, 8 if big else 4)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), content, place)
    if count > _MOST_TIFF_TAGS:
        raise Refused(f"cannot be read: a TIFF of {count:,} tags; save it anew")
    code, size, first = ("HHQ8s", 20, place + 8) if big else ("HHI4s", 12, place + 2)
    entries = [struct.unpack_from(order + code, content, first + size * i) for i in range(count)]
    return _Directory(order, big, {entry[0]: entry[1:] for entry in reversed(entries)})


def _tiff(content: bytes) -> Header:
    """Point to a new directory at the end, with nothing but the pixels of the first page."""
    whole = _directory(content)
    kept = {tag: entry for tag, entry in whole.tags.items() if tag in _PIXEL_TAGS}
    pages = _Directory(whole.order, whole.big, kept)
    width, height = pages.number(_WIDTH), pages.number(_HEIGHT)
    _check_size("TIFF", width, height)
    if not pages.lies_within(len(content)):
        raise _damaged("the TIFF ends before its tags")
    if any(count != 1 for tag, (_, count, _) in kept.items() if tag in _SINGLE):
        raise _damaged("a TIFF that says several things at once")
    _check_tiff(pages, width, height)
    try:
        orientation = whole.number(_ORIENTATION, 1)
    except (KeyError, ValueError):
        orientation = 1
    end = struct.pack(whole.order + ("Q" if whole.big else "I"), len(content) + len(content) % 2)
    head = content[:8] + end if whole.big else content[:4] + end
    rest = memoryview(content)[len(head) :]
    lean = b"".join([head, rest, bytes(len(content) % 2), pages.written()])
    return Header("TIFF", width, height, lean, orientation if 1 <= orientation <= 8 else 1)


def _check_tiff(pages: _Directory, width: int, height: int) -> None:
    if pages.number(_COMPRESSION, 1) not in _COMPRESSIONS:
        raise Refused("cannot be read: a TIFF of a rare compression; save it anew")
    if any(count > _MOST_TIFF_VALUES for _, count, _ in pages.tags.values()):
        raise Refused("cannot be read: a TIFF of too many strips or tiles; save it anew")
    samples = pages.number(_SAMPLES, 1)
    if not 1 <= samples <= 6:
        raise Refused(f"cannot be read: a TIFF of {samples} channels, expected 1 to 6; convert it")
    rows = min(pages.number(_ROWS, height), height)
    wide, high = pages.number(_TILE_WIDTH, width), pages.number(_TILE_HEIGHT, rows)
    part = max(width * rows, wide * high)
    planes = samples if pages.number(_PLANAR, 1) == 2 else 1
    _, found, _ = pages.tags[_STRIP_OFFSETS if _STRIP_OFFSETS in pages.tags else _TILE_OFFSETS]
    if found < math.ceil(width / wide) * math.ceil(height / high) * planes:
        raise _damaged("a TIFF without some of its strips or tiles")
    decoded = width * height * 4 + part * samples * _bytes_of_sample(pages)
    _check_cost(f"a TIFF of {width}x{height} pixels in parts of {part:,}", decoded, _MOST_TIFF_DECODED)


def _bytes_of_sample(pages: _Directory) -> int:
    """At most; where every channel has a number of its own, it lies elsewhere in the file."""
    try:
        return max(1, pages.number(_BITS, 1) // 8)
    except ValueError:
        return 2


def _orientation(exif: Bytes) -> int:
    """How EXIF says the picture lies; whatever is wrong with it, it is not worth an error."""
    try:
        orientation = _directory(exif).number(_ORIENTATION, 1)
    except (Refused, struct.error, KeyError, ValueError, OverflowError):
        return 1
    return orientation if 1 <= orientation <= 8 else 1


def exif_orientation(exif: Bytes) -> int:
    """Tell how EXIF data says the picture lies, 1 to 8; 1 if it is silent or broken."""
    return _orientation(exif[6:] if exif[:6] == b"Exif\0\0" else exif)


_WALKS: dict[re.Pattern[bytes], Callable[[bytes], Header]] = {
    re.compile(rb"\x89PNG\r\n\x1a\n"): _png,
    re.compile(rb"\xff\xd8\xff"): _jpeg,
    re.compile(rb"RIFF....WEBP", re.DOTALL): _webp,
    re.compile(rb"BM"): _bmp,
    re.compile(rb"GIF8[79]a"): _gif,
    re.compile(rb"II[*+]\0|MM\0[*+]"): _tiff,
}
