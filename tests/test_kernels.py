"""Compiled code where it cannot be kept, where nothing is compiled, and where it is not waited for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numba  # noqa: F401 - kernels are used where it is there
import numpy as np
import pytest

import knn_digits
from knn_digits import KNNDigitClassifier, kernels, load_model, save_model

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


@pytest.fixture
def without_numba(monkeypatch):
    """As in a process that has not imported Numba, nor asked anything of twins."""
    monkeypatch.setattr(kernels, "sys", SimpleNamespace(modules={}))
    monkeypatch.setattr(kernels, "_asked", 0.0)


def test_kernels_are_used_at_once_where_numba_is_there():
    assert "numba" in sys.modules
    assert kernels.use_kernels(1)


@pytest.mark.parametrize(
    ("n_images", "effort", "n_calls"), [(1, 1.0, 512), (1, 0.1, 512), (2, 4.0, 64), (513, 1.0, 0)]
)
def test_twins_are_used_for_the_first_images_of_a_process(without_numba, n_images, effort, n_calls):
    assert not any(kernels.use_kernels(n_images, effort) for _ in range(n_calls))
    assert all(kernels.use_kernels(n_images, effort) for _ in range(3))


@pytest.mark.parametrize("preset", ["pixels", "fast", "accurate", "best", "idm"])
def test_twins_answer_the_same_to_the_bit(preset, digits, monkeypatch):
    monkeypatch.setattr(kernels, "_ASKED_OF_TWINS", np.inf)
    X, y = digits.train_images.reshape(len(digits.train_images), -1), digits.train_labels
    model = KNNDigitClassifier(preset, calibration_folds=2).fit(X[:300], y[:300])
    model.partial_fit(X[300:310], y[300:310]).forget([3, 305])
    asked = X[400:460]
    expected, neighbors = model.answer(asked), model.kneighbors(asked, 5)
    with monkeypatch.context() as patched:
        patched.setattr(kernels, "sys", SimpleNamespace(modules={}))
        for size in (1, 7, 60):
            found = [model.answer(asked[i : i + size]) for i in range(0, 60, size)]
            for name, value in vars(expected).items():
                np.testing.assert_array_equal(np.concatenate([getattr(one, name) for one in found]), value)
        for ours, theirs in zip(model.kneighbors(asked, 5), neighbors, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_process_that_answers_few_images_does_not_import_numba_and_answers_the_same(digits, tmp_path):
    X = digits.train_images.reshape(len(digits.train_images), -1)
    model = KNNDigitClassifier(calibration_folds=2).fit(X[:300], digits.train_labels[:300])
    save_model(model, tmp_path / "model")
    np.save(tmp_path / "asked.npy", X[1000:1300])
    program = """
import sys, numpy as np
from knn_digits import load_model
model, asked = load_model(sys.argv[1] + "/model"), np.load(sys.argv[1] + "/asked.npy")
first = [model.predict_proba(asked[i : i + 10]) for i in range(0, 30, 10)]
print("numba" in sys.modules)
rest = model.predict_proba(asked[30:])
print("numba" in sys.modules)
np.save(sys.argv[1] + "/found.npy", np.concatenate([*first, rest]))
"""
    done = run("-c", program, str(tmp_path))
    assert done.stdout.split() == ["False", "True"], done.stderr
    expected = load_model(tmp_path / "model").predict_proba(X[1000:1300])
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy"), expected)
