import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from knn_digits.errors import OutputError
from knn_digits.output_folder import Kind, check_replaceable, new_folder, replaced_file, resolved

KIND = Kind("marker.json", "a test", frozenset({"marker.json", "old", "new", "folder"}))
OURS = json.dumps({"format": "a test", "format_version": 99})


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def fill(target, *others, content=OURS):
    with new_folder(target, KIND) as folder:
        (folder / "marker.json").write_text(content)
        for name in others:
            (folder / name).touch()


def test_a_folder_appears_whole(tmp_path):
    with new_folder(tmp_path / "a" / "out", KIND) as folder:
        assert not (tmp_path / "a" / "out").exists()
        (folder / "marker.json").write_text("new")
    assert names(tmp_path / "a") == ["out"]
    assert (tmp_path / "a" / "out" / "marker.json").read_text() == "new"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path, error):
    fill(tmp_path / "out")
    with pytest.raises(error), new_folder(tmp_path / "out", KIND) as folder:
        (folder / "marker.json").write_text("new")
        raise error
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["marker.json"]
    assert (tmp_path / "out" / "marker.json").read_text() == OURS


@pytest.mark.parametrize("moves", range(6))
def test_an_interruption_while_entries_change_places_is_undone(tmp_path, monkeypatch, moves):
    fill(tmp_path / "out", "old")
    (tmp_path / "out" / "folder").mkdir()
    (tmp_path / "out" / "folder" / "inside").write_text("old")
    rename, left = Path.rename, [moves]

    def interrupted(self, goal):
        left[0] -= 1
        if left[0] == -1:
            raise KeyboardInterrupt
        return rename(self, goal)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "out", KIND) as folder:
        (folder / "marker.json").write_text("new")
        (folder / "folder").mkdir()
        (folder / "new").touch()
    assert names(tmp_path / "out") == ["folder", "marker.json", "old"]
    assert (tmp_path / "out" / "marker.json").read_text() == OURS
    assert names(tmp_path / "out" / "folder") == ["inside"]
    assert names(tmp_path) == ["out"]


def test_a_half_replaced_folder_is_never_taken_for_a_whole_one(tmp_path, monkeypatch):
    """The marker goes first and comes last."""
    fill(tmp_path / "out", "old")
    rename, marked = Path.rename, []

    def watched(self, goal):
        result = rename(self, goal)
        marked.append((tmp_path / "out" / "marker.json").exists())
        return result

    monkeypatch.setattr(Path, "rename", watched)
    fill(tmp_path / "out", "new", "old")
    assert marked == [False, False, False, False, True]


def test_a_former_folder_of_the_kind_is_replaced_with_all_its_files(tmp_path):
    for name in ("old", "new"):
        fill(tmp_path / "out", name)
    assert names(tmp_path / "out") == ["marker.json", "new"]
    assert names(tmp_path) == ["out"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "out").mkdir()
    fill(tmp_path / "out")
    assert names(tmp_path / "out") == ["marker.json"]


def test_what_file_managers_leave_is_no_hindrance(tmp_path):
    fill(tmp_path / "out", "old")
    (tmp_path / "out" / ".DS_Store").touch()
    fill(tmp_path / "out")
    assert names(tmp_path / "out") == [".DS_Store", "marker.json"]


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"thesis.txt": ""}, "thesis.txt"),
        ({"marker.json": OURS, "thesis.txt": ""}, "thesis.txt"),
        ({"marker.json": OURS, "two\nlines": ""}, "two"),
        ({"old": ""}, "no marker.json of a test"),
        ({"marker.json": ""}, "no marker.json of a test"),
        ({"marker.json": "[" * 100_000}, "no marker.json of a test"),
        ({"marker.json": "[]"}, "no marker.json of a test"),
        ({"marker.json": '{"format": "somebody\'s own"}'}, "no marker.json of a test"),
        ({"marker.json": '{"accuracy": 0.9}', "old": ""}, "no marker.json of a test"),
    ],
)
def test_somebody_elses_folder_is_refused(tmp_path, files, named):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(OutputError, match="holds other files") as caught, new_folder(tmp_path, KIND):
        pytest.fail("the work was begun")
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == sorted(files)


def test_a_pipe_is_no_marker(tmp_path):
    os.mkfifo(tmp_path / "marker.json")
    with pytest.raises(OutputError, match="holds other files"):
        check_replaceable(tmp_path, KIND)


def test_a_folder_that_came_meanwhile_is_not_overwritten(tmp_path):
    with pytest.raises(OutputError, match="holds other files"), new_folder(tmp_path / "out", KIND):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "old").write_text("mine")
    assert (tmp_path / "out" / "old").read_text() == "mine"
    assert names(tmp_path) == ["out"]


def test_a_symlink_is_followed(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to("disk")
    (tmp_path / "fresh").symlink_to("disk2")
    for name in ("out", "out", "fresh"):
        fill(tmp_path / name, "old")
    assert (tmp_path / "out").is_symlink()
    assert (tmp_path / "fresh").is_symlink()
    assert names(tmp_path / "disk") == names(tmp_path / "disk2") == ["marker.json", "old"]


def test_symlinks_in_a_circle_are_one_clear_error(tmp_path):
    (tmp_path / "out").symlink_to("out")
    with pytest.raises(OutputError), new_folder(tmp_path / "out", KIND):
        pytest.fail("the work was begun")


def test_home_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    fill(Path("~/out"))
    assert names(tmp_path) == ["out"]
    assert resolved(Path("~/out")) == tmp_path / "out"


@pytest.mark.parametrize("out", [".", "../here"])
def test_the_working_directory_is_filled_in_place(tmp_path, monkeypatch, out):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in ("old", "new"):
        fill(Path(out), name)
        assert names(Path()) == ["marker.json", name]
    assert names(tmp_path) == ["here"]


def test_a_mount_point_is_filled_in_place(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "disk").mkdir()
    script = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_output_folder import fill, names
for name in ("old", "new"):
    fill(Path("out"), name)
    assert names(Path("out")) == ["marker.json", name]
"""
    mount = f'mount --bind disk out && "{sys.executable}" -c "$SCRIPT"'
    environment = {**os.environ, "SCRIPT": script}
    try:
        subprocess.run(["unshare", "-rm", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this system does not let us mount")
    command = ["unshare", "-rm", "sh", "-c", mount]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert names(tmp_path / "disk") == ["marker.json", "new"]
    assert names(tmp_path) == ["disk", "out"]


def test_what_killed_processes_left_is_cleared_after_a_day(tmp_path):
    fill(tmp_path / "out")
    stale = [tmp_path / ".out.partial-abcd1234", tmp_path / ".out.previous-abcd_234"]
    stale_inside = [tmp_path / "out" / ".partial-abcd1234", tmp_path / "out" / ".previous-abcd1234"]
    others = [tmp_path / ".other.partial-abcd1234", tmp_path / ".out.partial-mine", tmp_path / ".out.backup"]
    fresh = [tmp_path / ".out.partial-wxyz5678", tmp_path / "out" / ".partial-wxyz5678"]
    for path in (*stale, *stale_inside, *others, *fresh):
        path.mkdir()
        (path / "content").touch()
        if path not in fresh:
            os.utime(path, (time.time() - 90_000,) * 2)
    fill(tmp_path / "out")
    assert not any(path.exists() for path in stale_inside)
    assert all((path / "content").exists() for path in (*others, *fresh))
    assert (tmp_path / "out" / "marker.json").exists()
    assert not any(path.exists() for path in stale)


@pytest.mark.parametrize("out", ["file", "file/below", "/dev/null/x", "/proc/version/x"])
def test_places_that_cannot_be_written_are_one_clear_error(tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError) as caught, new_folder(tmp_path / out, KIND):
        pass
    assert "\n" not in str(caught.value)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    target = tmp_path / "page"
    target.write_text("old")
    with pytest.raises(RuntimeError), replaced_file(target) as aside:
        aside.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    with replaced_file(target) as aside:
        aside.write_text("new")
    assert target.read_text() == "new"
    assert names(tmp_path) == ["page"]
