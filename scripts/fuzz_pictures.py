#!/usr/bin/env python3
"""Reads thousands of mutated picture files: each must give an answer or a clear error.

Findings: any other exception, more than 2 s, more than 300 MB above a process that has read small pictures, a
warning, anything on stderr, a worker that died. Case i of a seed is the same on every run: ``--seed S --only I``
repeats a finding, ``--keep DIR`` writes its file.
"""

from __future__ import annotations

import collections
import io
import multiprocessing as mp
import os
import re
import resource
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image

MOST_SECONDS = 2.0
MOST_MEMORY = 300 << 10  # kilobytes, as ru_maxrss counts on Linux
LARGEST = 4 << 20  # bytes of a mutated file; larger ones are refused for their size alone
HANG = 20.0  # seconds after which a worker is killed
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
EXTREMES = (
    0,
    1,
    2,
    3,
    7,
    8,
    255,
    256,
    4095,
    5000,
    16383,
    25000,
    30000,
    32767,
    65535,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
)
Handle = Callable[[bytes], object]


# ---- originals


def _drawn(mode: str, side: int) -> Image.Image:
    """Strokes on paper with a little noise."""
    rng = np.random.default_rng(side)
    gray = np.full((side, side), 230, np.int16) + rng.integers(-8, 9, (side, side), np.int16)
    gray[side // 5 : -side // 5, side // 3 : side // 3 + 1 + side // 12] = 30
    gray[side // 2 : side // 2 + 1 + side // 12, side // 3 : -side // 5] = 60
    image = Image.fromarray(gray.astype(np.uint8))
    if mode in ("I;16", "I", "F"):
        return Image.fromarray(gray.astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]) * 257)
    return image.convert("RGB").quantize(32) if mode == "P" else image.convert(mode)


def _originals() -> Iterator[bytes]:
    """Small and middle-sized pictures of all formats, and of what each format can be."""
    exif = Image.Exif()
    exif[0x0112] = 6
    tiffs = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4", "group3")
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        *(("PNG", mode, {"exif": exif}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
        ("PNG", "P", {"transparency": bytes(range(0, 256, 8))}),
        *(("JPEG", mode, {"exif": exif}) for mode in ("L", "RGB", "CMYK")),
        ("JPEG", "RGB", {"progressive": True}),
        ("JPEG", "L", {"progressive": True, "restart_marker_rows": 1}),
        *(("WEBP", mode, {"exif": exif}) for mode in ("L", "RGB", "RGBA")),
        ("WEBP", "RGBA", {"lossless": True}),
        ("WEBP", "RGB", {"save_all": True, "append_images": [Image.new("RGB", (28, 28))]}),
        *(("BMP", mode, {}) for mode in ("1", "L", "P", "RGB", "RGBA")),
        *(("GIF", mode, {}) for mode in ("L", "P", "RGBA")),
        ("GIF", "P", {"save_all": True, "append_images": [Image.new("P", (28, 28), 3)], "comment": b"x" * 600}),
        *(
            ("TIFF", mode, {"exif": exif})
            for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "LAB")
        ),
        *(("TIFF", "1" if c.startswith("g") else "RGB", {"compression": c, "strip_size": 999}) for c in tiffs),
        ("TIFF", "L", {"big_tiff": True, "save_all": True, "append_images": [Image.new("L", (9, 9))]}),
    ]
    for side in (28, 300):
        for format, mode, options in kinds:
            buffer = io.BytesIO()
            options = {name: value for name, value in options.items() if name != "strip_size"}
            if "append_images" in options:
                options["append_images"] = [image.resize((side, side)) for image in options["append_images"]]
            _drawn(mode, side).save(buffer, format, **options)
            yield buffer.getvalue()


@cache
def originals() -> tuple[bytes, ...]:
    """All originals, made once."""
    return tuple(_originals())


# ---- mutations: (content, random generator) -> content


def flip_bits(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip 1 to 64 bits, more often near the start, where headers are."""
    broken = bytearray(content)
    reach = len(broken) if rng.random() < 0.5 else min(len(broken), 200)
    for place in rng.integers(0, reach, 2 ** int(rng.integers(0, 7))):
        broken[place] ^= 1 << int(rng.integers(0, 8))
    return bytes(broken)


def truncate(content: bytes, rng: np.random.Generator) -> bytes:
    """Cut it anywhere."""
    return content[: int(rng.integers(0, len(content)))]


def edit_field(content: bytes, rng: np.random.Generator) -> bytes:
    """Write an extreme number over 2 or 4 bytes, most often near the start or end (where TIFFs keep tags)."""
    broken = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        size, order = int(rng.choice((2, 4))), "<>"[int(rng.integers(0, 2))]
        reach = min(len(broken) - 4, int(rng.choice((64, 400, len(broken)))))
        place = int(rng.integers(0, max(1, reach)))
        if rng.random() < 0.3:
            place = max(0, len(broken) - 4 - place)
        number = EXTREMES[int(rng.integers(0, len(EXTREMES)))] % 256**size
        broken[place : place + size] = struct.pack(order + ("H" if size == 2 else "I"), number)
    return bytes(broken)


def _parts(content: bytes) -> list[bytes]:
    """Chunks of a PNG, segments of a JPEG, blocks of others."""
    if content.startswith(b"\x89PNG"):
        places, place = [8], 8
        while place + 8 < len(content):
            place += 12 + int.from_bytes(content[place : place + 4], "big")
            places.append(place)
    elif content.startswith(b"\xff\xd8"):
        places = [m.start() for m in re.finditer(rb"\xff[^\x00\xff]", content)]
    else:
        places = list(range(0, len(content), max(8, len(content) // 20)))
    return [content[a:b] for a, b in zip([0, *places], [*places, len(content)], strict=True)]


def shuffle_parts(content: bytes, rng: np.random.Generator) -> bytes:
    """Swap, repeat or drop parts, the first excepted."""
    first, *rest = [part for part in _parts(content) if part]
    if rest:
        for _ in range(int(rng.integers(1, 4))):
            a, b = (int(i) for i in rng.integers(0, len(rest), 2))
            kind = rng.random()
            if kind < 0.4:
                rest[a], rest[b] = rest[b], rest[a]
            elif kind < 0.9 or len(rest) == 1:
                rest[a:a] = [rest[b]] * min(int(rng.choice((1, 2, 50, 3000))), 1 + LARGEST // len(rest[b]))
            else:
                del rest[a]
    return b"".join([first, *rest])


def splice(content: bytes, rng: np.random.Generator) -> bytes:
    """The beginning of one and the end of another, of whatever format."""
    other = originals()[int(rng.integers(0, len(originals())))]
    return truncate(content, rng) + other[int(rng.integers(0, len(other))) :]


def noise_after_magic(content: bytes, rng: np.random.Generator) -> bytes:
    """Keep the first bytes; the rest is random."""
    kept = int(rng.choice((4, 8, 12, 16, 26, 34, 54)))
    return content[:kept] + rng.bytes(int(rng.choice((20, 200, 2000, 60_000))))


def overwrite(content: bytes, rng: np.random.Generator) -> bytes:
    """A run of equal or random bytes somewhere in the middle."""
    start, n = int(rng.integers(0, len(content))), int(rng.integers(1, 300))
    run = rng.bytes(n) if rng.random() < 0.5 else bytes([int(rng.choice((0, 255, 1, 0x2C, 0x21)))]) * n
    return content[:start] + run + content[start + (n if rng.random() < 0.7 else 0) :]


MUTATIONS = (flip_bits, truncate, edit_field, edit_field, shuffle_parts, splice, noise_after_magic, overwrite)


def with_right_checksums(content: bytes) -> bytes:
    """Mend the checksums of a PNG, so that what is wrong in it is seen by more than the checksum."""
    if not content.startswith(b"\x89PNG"):
        return content
    mended = bytearray(content)
    place = 8
    while place + 12 <= len(mended):
        end = place + 8 + int.from_bytes(mended[place : place + 4], "big")
        if end + 4 > len(mended):
            break
        mended[end : end + 4] = struct.pack(">I", zlib.crc32(mended[place + 4 : end]))
        place = end + 4
    return bytes(mended)


def case(seed: int, i: int) -> bytes:
    """Give the mutated file of that number."""
    rng = np.random.default_rng((seed, i))
    content = originals()[int(rng.integers(0, len(originals())))]
    for _ in range(int(rng.choice((1, 1, 1, 2, 3)))):
        content = MUTATIONS[int(rng.integers(0, len(MUTATIONS)))](content, rng)[:LARGEST] or b"\0"
    return with_right_checksums(content) if rng.random() < 0.7 else content


# ---- reading them, in processes that may die


@dataclass
class Outcome:
    """What came of one case.

    Attributes
    ----------
    what : str
        "answer", "error" (a clear one) or "finding".
    told : str
        The message.
    seconds, memory : float
        How long it took; kilobytes above those of a process that has read small pictures.
    """

    i: int
    what: str
    told: str = ""
    seconds: float = 0.0
    memory: int = 0


def make_handle(model: Path | None) -> Handle:
    """Read a picture; with a model, its digits, too. Further stages go here."""
    from knn_digits.images.reading import read_picture

    if model is None:
        return read_picture
    from knn_digits import load_model
    from knn_digits.reader import DigitReader

    reader = DigitReader(load_model(model), n_jobs=1)
    return lambda content: reader.read(read_picture(content))


def try_one(i: int, content: bytes, handle: Handle) -> Outcome:
    """Handle one case and judge what came of it, but for memory."""
    from knn_digits.errors import PictureError

    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            handle(content)
            outcome = Outcome(i, "answer")
        except PictureError as error:
            one_line = "\n" not in str(error)
            outcome = Outcome(i, "error" if one_line else "finding", str(error))
        except BaseException:
            outcome = Outcome(i, "finding", traceback.format_exc())
    outcome.seconds = time.perf_counter() - start
    if warned:
        return Outcome(i, "finding", f"warned: {warned[0].message}", outcome.seconds)
    if outcome.seconds > MOST_SECONDS:
        return Outcome(i, "finding", f"took {outcome.seconds:.1f} s; {outcome.told}", outcome.seconds)
    return outcome


def work(pipe: Connection, seed: int, model: Path | None) -> None:
    """Take numbers of cases, send their outcomes; end after one that took much memory, for the peak stays."""
    with tempfile.TemporaryFile() as stderr:
        os.dup2(stderr.fileno(), 2)
        handle = make_handle(model)
        for content in originals():
            handle(content)
        base, written = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, os.fstat(2).st_size
        while (i := pipe.recv()) is not None:
            outcome = try_one(i, case(seed, i), handle)
            outcome.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base
            if outcome.memory > MOST_MEMORY:
                outcome.what, outcome.told = "finding", f"took {outcome.memory >> 10} MB; {outcome.told}"
            sys.stderr.flush()
            if os.fstat(2).st_size > written:
                stderr.seek(written)
                outcome.what, outcome.told = "finding", f"stderr: {stderr.read()!r}"
                written = os.fstat(2).st_size
            pipe.send(outcome)


class Worker:
    """A process that reads cases, replaced if it hangs or dies."""

    def __init__(self, seed: int, model: Path | None) -> None:
        self.arguments = seed, model
        self.i: int | None = None
        self._start()

    def _start(self) -> None:
        context = mp.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=work, args=(other, *self.arguments), daemon=True)
        self.process.start()
        other.close()
        self.since, self.fresh = time.monotonic(), True

    def give(self, i: int) -> None:
        """Hand it a case."""
        self.i, self.since = i, time.monotonic()
        self.pipe.send(i)

    def outcome(self) -> Outcome | None:
        """What came of its case; None while it is at work."""
        assert self.i is not None
        try:
            if self.pipe.poll(0):
                outcome = self.pipe.recv()
                self.fresh = False
                if outcome.memory > MOST_MEMORY // 2:
                    self._replace()  # the peak of the next case could not be seen beneath this one
                return outcome
        except (EOFError, OSError):
            self._replace()
            return Outcome(self.i, "finding", f"the process died, exit code {self.exit_code}")
        patience = HANG + 60 * self.fresh  # a process that starts reads all originals first
        if time.monotonic() - self.since > patience:
            self._replace()
            return Outcome(self.i, "finding", f"hung for {HANG:.0f} s", HANG)
        return None

    def _replace(self) -> None:
        self.process.kill()
        self.process.join()
        self.exit_code = self.process.exitcode
        self._start()


def outcomes(seed: int, numbers: list[int], n_jobs: int, model: Path | None) -> Iterator[Outcome]:
    """Read all cases, several at a time."""
    todo = iter(numbers)
    idle = [Worker(seed, model) for _ in range(min(n_jobs, len(numbers)))]
    busy: list[Worker] = []
    while True:
        for worker in list(idle):
            if (i := next(todo, None)) is None:
                break
            idle.remove(worker)
            worker.give(i)
            busy.append(worker)
        if not busy:
            return
        mp.connection.wait([worker.pipe for worker in busy], timeout=0.5)
        for worker in list(busy):
            if outcome := worker.outcome():
                busy.remove(worker)
                idle.append(worker)
                yield outcome


def kind_of(message: str) -> str:
    """A message without what is particular to one file."""
    return re.sub(r"\d[\d,.x]*", "N", message.removeprefix("picture "))[:110]


@click.command()
@click.option("--n", default=20_000, show_default=True, help="Mutated files.")
@click.option("--seed", default=0, show_default=True)
@click.option("--only", type=int, help="One case by its number.")
@click.option(
    "--read", "model", type=click.Path(path_type=Path), help="Read digits, too, by the model in this folder."
)
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for the files of findings.")
@click.option("--n-jobs", default=2, show_default=True)
def main(n: int, seed: int, only: int | None, model: Path | None, keep: Path | None, n_jobs: int) -> None:
    """Read N mutated picture files and tell what came of them."""
    kinds: collections.Counter[str] = collections.Counter()
    slowest, largest, findings, answers = Outcome(-1, ""), Outcome(-1, ""), 0, 0
    for outcome in outcomes(seed, list(range(n)) if only is None else [only], n_jobs, model):
        slowest, largest = (
            max(slowest, outcome, key=lambda o: o.seconds),
            max(largest, outcome, key=lambda o: o.memory),
        )
        if outcome.what == "finding":
            findings += 1
            click.echo(f"case {outcome.i}: {outcome.told}")
            if keep:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{seed}-{outcome.i}").write_bytes(case(seed, outcome.i))
        elif outcome.what == "error":
            kinds[kind_of(outcome.told)] += 1
        else:
            answers += 1
    for kind, count in kinds.most_common():
        click.echo(f"{count:7,}  {kind}")
    click.echo(
        f"{answers + kinds.total() + findings:,} files (seed {seed}): {answers:,} answers, {kinds.total():,} clear"
        f" errors, {findings:,} findings; slowest {slowest.seconds:.2f} s (case {slowest.i}), largest"
        f" {largest.memory >> 10} MB (case {largest.i})"
    )
    sys.exit(findings > 0)


if __name__ == "__main__":
    main()
