"""What many tests need: data, small and real."""

import os
from pathlib import Path

import numpy as np
import pytest

from knn_digits import DigitDataset, load_dataset


@pytest.fixture(scope="session")
def mnist() -> DigitDataset:
    if not os.environ.get("KNN_DIGITS_DATA_DIR"):
        pytest.skip("MNIST is not here: set KNN_DIGITS_DATA_DIR to a folder with its files")
    return load_dataset("mnist")


@pytest.fixture(scope="session")
def writers_file() -> Path:
    folder = os.environ.get("KNN_DIGITS_QMNIST_DIR")
    if not folder:
        pytest.skip("QMNIST's labels are not here: set KNN_DIGITS_QMNIST_DIR to a folder with them")
    return Path(folder) / "qmnist-train-labels.tsv.gz"


@pytest.fixture(scope="session")
def digits() -> DigitDataset:
    """1,797 digits of 8x8, inside scikit-learn."""
    return load_dataset("digits")


@pytest.fixture(scope="session")
def X(digits: DigitDataset) -> np.ndarray:
    """The training digits as rows of pixels."""
    return digits.train_images.reshape(len(digits.train_images), -1)


@pytest.fixture(scope="session")
def y(digits: DigitDataset) -> np.ndarray:
    return digits.train_labels


@pytest.fixture(scope="session")
def few_digits(digits: DigitDataset) -> DigitDataset:
    """300 training and 100 test digits: what a whole experiment runs on in a second or two."""
    return DigitDataset(
        train_images=digits.train_images[:300],
        train_labels=digits.train_labels[:300],
        test_images=digits.test_images[:100],
        test_labels=digits.test_labels[:100],
        name="few digits",
        source="tests",
        licence="CC BY 4.0",
        notes=("a note to be read",),
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261122)
