"""Compiled code where it cannot be kept, and where nothing is compiled."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import knn_digits

TESTS = Path(__file__).parent
TWINS = [
    "features/test_normalization.py::test_kernel_and_twin_agree_on_small_images",
    "features/test_orientations.py::test_kernel_and_twin_agree_on_small_images",
    "distances/test_distortion.py::test_kernel_and_twin_agree_on_small_images",
    "neighbors/test_hulls.py::test_kernel_and_twin_agree_on_small_rows",
    "neighbors/test_search_kernels.py::test_kernel_and_twin_agree_on_small_rows",
]
# One kernel that compiles in a second, and how it is kept.
PROGRAM = """
import logging
logging.basicConfig(level="INFO", format="%(message)s")
import numpy as np
from knn_digits.features import MomentNormalizer
from knn_digits.features.normalization_kernel import resample
rows = np.random.default_rng(0).integers(0, 256, (5, 64))
print(MomentNormalizer().fit_transform(rows).sum(), type(resample._cache).__name__)
"""


def run(*arguments, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    source = Path(knn_digits.__file__).parents[1]
    return subprocess.run(
        [sys.executable, *arguments],
        env={**kept, "PYTHONPATH": str(source), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def answer():
    return run("-c", PROGRAM).stdout.split()[0]


@pytest.fixture(scope="module")
def closed_source(tmp_path_factory):
    """A copy of the package beside which nothing can be written, even by root: files stand where folders would."""
    copy = tmp_path_factory.mktemp("closed") / "knn_digits"
    shutil.copytree(Path(knn_digits.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [copy, *copy.rglob("*/")]:
        if folder.is_dir():
            (folder / "__pycache__").write_text("")
    return copy.parent


def test_where_no_folder_can_hold_it_code_is_compiled_in_every_process(closed_source, answer, tmp_path):
    (tmp_path / "file").write_text("")
    nowhere = str(tmp_path / "file" / "home")
    done = run("-c", PROGRAM, PYTHONPATH=str(closed_source), HOME=nowhere, XDG_CACHE_HOME=nowhere)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [answer, "NullCache"]
    assert "compiled code of resample cannot be kept" in done.stderr


def test_a_cache_folder_that_cannot_be_made_is_no_error(answer, tmp_path):
    (tmp_path / "file").write_text("")
    done = run("-c", PROGRAM, NUMBA_CACHE_DIR=str(tmp_path / "file" / "cache"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == answer


def test_what_was_compiled_is_kept_where_it_can_be(answer, tmp_path):
    done = run("-c", PROGRAM, NUMBA_CACHE_DIR=str(tmp_path))
    assert done.stdout.split() == [answer, "FunctionCache"]
    assert list(tmp_path.rglob("*resample*.nbc"))


def test_kernels_answer_the_same_where_nothing_is_compiled():
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(TESTS / twin) for twin in TWINS),
               NUMBA_DISABLE_JIT="1")  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert f"{len(TWINS)} passed" in done.stdout


def test_importing_the_package_and_making_a_model_do_not_wait_for_numba():
    program = "import sys, knn_digits; knn_digits.KNNDigitClassifier('best'); print('numba' in sys.modules)"
    assert run("-c", program).stdout.strip() == "False"
