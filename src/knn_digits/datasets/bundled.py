"""The digits inside scikit-learn: small, and always there."""

import numpy as np

from knn_digits.datasets.dataset import DigitDataset
from knn_digits.datasets.splitting import SEED, stratified_split

NAME = "scikit-learn digits (8x8)"
LICENCE = (
    "CC BY 4.0; E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits,"
    " UCI Machine Learning Repository"
)


def load_bundled_digits() -> DigitDataset:
    """Load the 1,797 digits of 8x8 pixels that come with scikit-learn; needs no network.

    Their values 0..16 are scaled to uint8 as ``round(value * 255 / 16)``. They are the test part of a
    UCI data set, without a split of their own, so a quarter of each class is cut off, seeded, as test.

    Returns
    -------
    DigitDataset
        1,347 training and 450 test images.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    train, test = stratified_split(bunch.target, test_fraction=0.25)
    return DigitDataset(
        train_images=images[train],
        train_labels=bunch.target[train],
        test_images=images[test],
        test_labels=bunch.target[test],
        name=NAME,
        source="scikit-learn (sklearn.datasets.load_digits)",
        licence=LICENCE,
        notes=(
            f"This data set has no official test set: {len(test):,} of its {len(images):,} digits were set"
            f" aside for the test, a quarter of each class, chosen at random with seed {SEED}. Digits of one"
            " writer may be in both parts.",
        ),
    )
