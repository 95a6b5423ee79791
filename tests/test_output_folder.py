import pytest

from knn_digits.errors import OutputError
from knn_digits.output_folder import new_folder, replaced_file


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_whole(tmp_path):
    with new_folder(tmp_path / "a" / "out", "marker") as folder:
        assert not (tmp_path / "a" / "out").exists()
        (folder / "marker").write_text("new")
    assert names(tmp_path / "a") == ["out"]
    assert (tmp_path / "a" / "out" / "marker").read_text() == "new"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path, error):
    with new_folder(tmp_path / "out", "marker") as folder:
        (folder / "marker").write_text("old")
    with pytest.raises(error), new_folder(tmp_path / "out", "marker") as folder:
        (folder / "marker").write_text("new")
        raise error
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out" / "marker").read_text() == "old"


def test_a_former_folder_of_the_kind_is_replaced_with_all_its_files(tmp_path):
    for name in ("old", "new"):
        with new_folder(tmp_path / "out", "marker") as folder:
            (folder / "marker").touch()
            (folder / name).touch()
    assert names(tmp_path / "out") == ["marker", "new"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "out").mkdir()
    with new_folder(tmp_path / "out", "marker") as folder:
        (folder / "marker").touch()
    assert names(tmp_path / "out") == ["marker"]


def test_somebody_elses_folder_is_refused(tmp_path):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(OutputError, match="holds other files"), new_folder(tmp_path, "marker"):
        pass
    assert names(tmp_path) == ["thesis.txt"]


@pytest.mark.parametrize("out", ["file", "file/below", "/dev/null/x", "/proc/version/x"])
def test_places_that_cannot_be_written_are_one_clear_error(tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError) as caught, new_folder(tmp_path / out, "marker"):
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
