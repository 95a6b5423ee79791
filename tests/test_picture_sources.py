import io
import os
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from knn_digits.errors import PictureError
from knn_digits.images.reading import MOST_BYTES
from knn_digits.picture_sources import pictures_in


def write(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (3, 2), value).save(path, "PNG")
    return path


def found(*arguments: object, stdin: bytes = b"") -> list[str]:
    """Paths of what can be had; what cannot must say so in one line."""
    sources = list(pictures_in([str(a) for a in arguments], io.BytesIO(stdin)))
    for source in sources:
        assert (source.content is None) == (source.error is not None)
        assert source.error is None or source.error.isprintable()
        source.path.encode()
    return [source.path for source in sources if source.error is None]


def errors(*arguments: object) -> list[str]:
    return [s.error for s in pictures_in([str(a) for a in arguments], io.BytesIO()) if s.error]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_in_the_order_they_were_named(folder):
    write(folder / "b.png", 7)
    write(folder / "a", 9)  # a file that is named need not look like a picture
    sources = list(pictures_in(["b.png", "a", "b.png"], io.BytesIO()))
    assert [source.path for source in sources] == ["b.png", "a", "b.png"]
    assert [source.read().pixels[0, 0] for source in sources] == [7, 9, 7]


def test_folders_are_sorted_as_people_count_and_hold_pictures_only(folder):
    for name in (
        "10.png",
        "9.PNG",
        "b/2.tiff",
        "a.webp",
        "C.jpg",
        "b/1/x.gif",
        ".hidden.png",
        ".git/1.png",
        "notes.txt",
    ):
        write(folder / "in" / name)
    expected = ["9.PNG", "10.png", "a.webp", "b/1/x.gif", "b/2.tiff", "C.jpg"]
    assert found("in") == [f"in/{name}" for name in expected]
    assert found("./in/") == [f"./in/{name}" for name in expected]


def test_links_that_lead_in_circles_end(folder):
    write(folder / "in" / "a" / "1.png")
    (folder / "in" / "a" / "up").symlink_to(folder / "in")
    (folder / "in" / "again").symlink_to(folder / "in" / "a")
    (folder / "in" / "self").symlink_to("self")
    (folder / "in" / "self.png").symlink_to("self.png")
    assert found("in") == ["in/a/1.png", "in/self.png"]
    assert found("in", "in") == ["in/a/1.png", "in/self.png"] * 2
    with pytest.raises(PictureError, match="Too many levels"):
        list(pictures_in(["in"], io.BytesIO()))[-1].read()


def test_folders_deeper_than_python_recurses(folder):
    here = os.open(".", os.O_RDONLY)
    for _ in range(600):  # 1,200 letters of path, and 600 levels
        os.mkdir("d", dir_fd=here)
        here = os.open("d", os.O_RDONLY, dir_fd=here)
    os.close(os.open("1.png", os.O_CREAT, dir_fd=here))
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(300)
        assert found("d") == ["d/" * 600 + "1.png"]
    finally:
        sys.setrecursionlimit(limit)


def test_patterns_that_no_shell_has_spread_out(folder):
    for name in ("10.png", "9.png", "x.txt", "in/1.png"):
        write(folder / name)
    assert found("*.png") == ["9.png", "10.png"]
    assert found("[0-9].png", "i?") == ["9.png", "in/1.png"]  # a folder that matches is a folder
    assert errors("*.gif") == ["*.gif matches no file: expected a picture, a folder or a pattern"]
    write(folder / "[9].png")
    assert found("[9].png") == ["[9].png"]  # a file of that very name comes first


def test_standard_input(folder):
    content = write(folder / "a.png", 5).read_bytes()
    (source,) = pictures_in(["-"], io.BytesIO(content))
    assert source.path == "-"
    assert source.read().pixels[0, 0] == 5


def test_no_more_than_needed_is_read_of_standard_input():
    class Endless(io.RawIOBase):
        taken = 0

        def read(self, n=-1):
            assert n == MOST_BYTES + 1
            self.taken += n
            return bytes(n)

    endless = Endless()
    (source,) = pictures_in(["-"], endless)
    with pytest.raises(PictureError, match="- is too large: expected at most 64 MB"):
        source.read()
    assert endless.taken == MOST_BYTES + 1


def test_standard_input_that_cannot_be_read(folder):
    closed = io.BytesIO()
    closed.close()
    (source,) = pictures_in(["-"], closed)
    assert source.error.startswith("- cannot be read: ")
    with pytest.raises(PictureError, match="- cannot be read"):
        source.read()
    (empty,) = pictures_in(["-"], io.BytesIO())
    with pytest.raises(PictureError, match="it is empty"):
        empty.read()


def test_one_bad_name_never_loses_the_others(folder):
    write(folder / "a.png")
    (folder / "empty" / "deeper").mkdir(parents=True)
    (folder / "dead").symlink_to("nowhere")
    bad = ["no.png", "", "a\0b", "x" * 300, "a.png/b", "empty", "dead", "no/*.png", "[", "*\0"]
    sources = list(pictures_in([name for b in bad for name in (b, "a.png")], io.BytesIO()))
    assert [source.error is None for source in sources] == [False, True] * len(bad)
    said = [source.error for source in sources[::2]]
    assert said[0] == "no.png cannot be read: No such file or directory"
    assert said[1].startswith("an empty name cannot be read")
    assert said[2].startswith("a\\x00b cannot be read")
    assert said[5].startswith("empty holds no pictures: expected files that end in .bmp, .gif")


def test_a_picture_is_looked_into_only_when_it_is_read(folder):
    (folder / "a.png").write_bytes(b"no picture")
    (source,) = pictures_in(["a.png"], io.BytesIO())
    assert source.error is None
    with pytest.raises(PictureError, match=r"^a\.png cannot be read as a picture"):
        source.read()
    write(folder / "b.png")
    (source,) = pictures_in(["b.png"], io.BytesIO())
    (folder / "b.png").unlink()
    with pytest.raises(PictureError, match=r"^b\.png cannot be read: No such file"):
        source.read()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may enter all")
def test_folders_that_may_not_be_entered(folder):
    write(folder / "in" / "1.png")
    (folder / "in" / "locked").mkdir(mode=0)
    assert found("in") == ["in/1.png"]
    assert errors("in") == ["in/locked cannot be read: Permission denied"]


def test_a_folder_that_vanishes_midway(folder, monkeypatch):
    write(folder / "in" / "a" / "1.png")
    write(folder / "in" / "b.png")
    real = os.listdir

    def listdir(path: str) -> list[str]:
        if path.endswith("a"):
            raise FileNotFoundError(2, "No such file or directory")
        return real(path)

    monkeypatch.setattr(os, "listdir", listdir)
    assert found("in") == ["in/b.png"]
    assert errors("in") == ["in/a cannot be read: No such file or directory"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_odd_names(folder):
    for name in (b"caf\xe9.png", b"a\nb.png"):
        write(folder / "in" / os.fsdecode(name), 3)
    sources = list(pictures_in(["in"], io.BytesIO()))
    assert [source.path for source in sources] == ["in/a\nb.png", "in/caf\N{REPLACEMENT CHARACTER}.png"]
    assert all(np.all(source.read().pixels == 3) for source in sources)  # opened by their true names
    assert errors(os.fsdecode(b"\xff\n.png")) == [
        "\N{REPLACEMENT CHARACTER}\\n.png cannot be read: No such file or directory"
    ]


def test_it_starts_at_once(folder, monkeypatch):
    for i in range(3):
        write(folder / str(i) / "1.png")
    listed = []
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: listed.append(path) or real(path))
    sources = pictures_in(["0", "1", "2"], io.BytesIO())
    assert [source.path for source in islice(sources, 2)] == ["0/1.png", "1/1.png"]
    assert listed == ["0", "1"]
    monkeypatch.setattr(os, "stat", lambda path: pytest.fail("looked at what was not asked for"))
