"""Test labels of MNIST that human raters dispute."""

from knn_digits.datasets.dataset import DigitDataset

__all__ = ["disputed_test_positions"]

# Positions in the test set, from 0: labels that a majority of five raters did not confirm. From the
# "mturk" file of cleanlab/label-errors (Northcutt, Athalye, Mueller, NeurIPS 2021; Apache-2.0).
_MNIST = (947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729)


def disputed_test_positions(dataset: DigitDataset) -> tuple[int, ...]:
    """Positions among the test images whose labels are in dispute; empty for data other than MNIST."""
    return _MNIST if dataset.name == "MNIST" else ()
