import subprocess
import sys

import pytest

from knn_digits.datasets import load_dataset
from knn_digits.errors import DataError, DataNotFoundError

from .conftest import write_folder


@pytest.mark.parametrize("name", ["mnits", "no/such/folder", "x" * 5000, "a\0b", "~nobody-of-this-name/x"])
def test_an_unknown_name_lists_the_known_ones(name):
    with pytest.raises(DataNotFoundError, match="auto, mnist, digits") as caught:
        load_dataset(name)
    assert len(str(caught.value)) < 600


def test_names_win_over_folders_and_paths_over_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert load_dataset("digits").name.startswith("scikit-learn")
    with pytest.raises(DataError, match="holds no data set"):
        load_dataset("./digits")
    with pytest.raises(DataError, match="holds no data set"):
        load_dataset(tmp_path / "digits")


def test_other_data_sets_do_not_look_at_the_data_folder(tiny_mnist, tmp_path):
    load_dataset("digits", data_dir=tmp_path / "none")
    load_dataset(write_folder(tmp_path / "d", tiny_mnist), data_dir=tmp_path / "none")


def test_importing_is_cheap():
    code = "import sys, knn_digits.datasets; print(*{'sklearn', 'pooch', 'PIL', 'requests'} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == ""
