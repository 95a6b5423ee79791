"""Test labels of MNIST that human raters dispute."""

import numpy as np

from knn_digits.datasets.dataset import DigitDataset
from knn_digits.datasets.idx import idx_sha256
from knn_digits.datasets.mnist_files import CHECKSUMS

__all__ = ["disputed_test_positions"]

# Positions in the test set, from 0: labels that a majority of five raters did not confirm. From the
# "mturk" file of cleanlab/label-errors (Northcutt, Athalye, Mueller, NeurIPS 2021; Apache-2.0).
_MNIST = (947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729)


def disputed_test_positions(dataset: DigitDataset) -> tuple[int, ...]:
    """Positions among the test images whose labels are in dispute; empty for data other than MNIST.

    The labels themselves decide, in their order: anybody may call a data set MNIST.
    """
    return _MNIST if _has_labels_of_mnist(dataset) else ()


def _has_labels_of_mnist(dataset: DigitDataset) -> bool:
    labels = dataset.test_labels
    if labels.dtype.kind == "U" or labels.max() > 9:
        return False
    return idx_sha256(labels.astype(np.uint8)) == CHECKSUMS["t10k-labels-idx1-ubyte"]
