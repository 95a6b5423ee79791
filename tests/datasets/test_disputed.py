"""Marks belong to labels, not to a name."""

from dataclasses import replace

import numpy as np
import pytest

from knn_digits.datasets import DigitDataset, load_dataset
from knn_digits.datasets.disputed import disputed_test_positions

from .conftest import REAL_DATA_DIR, write_folder


def posing(labels):
    images = np.zeros((len(labels), 2, 2), np.uint8)
    return DigitDataset(images, labels, images, labels, "MNIST", "posing", "none")


def test_a_name_alone_gets_no_marks():
    assert disputed_test_positions(posing(np.arange(10_000) % 10)) == ()
    assert disputed_test_positions(posing(np.arange(10_000) + 256)) == ()
    assert disputed_test_positions(posing(np.array(["7", "2", "1"]))) == ()


def test_the_labels_get_them_whatever_the_name(tiny_mnist, tmp_path):
    # The tiny set passes for MNIST here.
    dataset = load_dataset("mnist", data_dir=write_folder(tmp_path, tiny_mnist))
    assert len(disputed_test_positions(replace(dataset, name="other"))) == 15
    assert disputed_test_positions(replace(dataset, test_labels=dataset.test_labels[::-1])) == ()


@pytest.mark.skipif(not REAL_DATA_DIR, reason="needs MNIST: set KNN_DIGITS_DATA_DIR")
def test_real_mnist_has_them():
    dataset = load_dataset("mnist", data_dir=REAL_DATA_DIR)
    assert len(disputed_test_positions(dataset)) == 15
    assert disputed_test_positions(load_dataset("digits")) == ()
