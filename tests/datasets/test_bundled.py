import numpy as np
from sklearn.datasets import load_digits

from knn_digits import datasets


def test_digits_are_all_there_scaled_and_cut_the_same_way_each_time(connections):
    dataset = datasets.load_dataset("digits")
    assert (len(dataset.train_images), len(dataset.test_images), dataset.side) == (1347, 450, 8)
    both = np.concatenate([dataset.train_images, dataset.test_images])
    original = load_digits().images
    expected = np.rint(original * 255 / 16).astype(np.uint8)
    assert sorted(map(bytes, both)) == sorted(map(bytes, expected))
    assert both.max() == 255
    assert dataset.sha256 == datasets.load_dataset("digits", download=True).sha256
    assert connections == []


def test_digits_labels_go_with_their_images():
    dataset = datasets.load_dataset("digits")
    label_of = {
        bytes(np.rint(i * 255 / 16).astype(np.uint8)): y
        for i, y in zip(*load_digits(return_X_y=True), strict=True)
    }
    assert all(
        label_of[bytes(i.ravel())] == y for i, y in zip(dataset.test_images, dataset.test_labels, strict=True)
    )


def test_the_cut_is_stratified_and_told():
    dataset = datasets.load_dataset("digits")
    share = np.bincount(dataset.test_labels) / (
        np.bincount(dataset.train_labels) + np.bincount(dataset.test_labels)
    )
    assert np.all(abs(share - 0.25) < 0.01)
    assert "no official test set" in dataset.notes[0]
    assert "CC BY 4.0" in dataset.licence
