"""Is it a digit at all? P-values of real digits are uniform, what is none has small ones."""

import numpy as np
import pytest
from scipy.stats import kstest

from knn_digits import KNNDigitClassifier
from knn_digits.confidence.credibility import credibility, mean_squared_distances, strangeness
from knn_digits.foreign import foreign_kinds


def test_p_values_by_hand():
    found = credibility(np.array([0.0, 2.0, 2.5, 9.0, np.nan]), np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(found, [1, 3 / 4, 2 / 4, 1 / 4, 0])


def test_p_values_of_images_like_the_digits_are_uniform(rng):
    found = credibility(rng.normal(size=3000), np.sort(rng.normal(size=5000)))
    assert kstest(found, "uniform").pvalue > 0.001


def test_distances_are_exact_whole_numbers(rng):
    rows, nearest = rng.integers(-127, 128, (7, 64), np.int8), rng.integers(-127, 128, (7, 5, 64), np.int8)
    expected = ((nearest.astype(int) - rows[:, None].astype(int)) ** 2).sum(axis=2).mean(axis=1)
    np.testing.assert_array_equal(mean_squared_distances(rows, nearest), expected)


def test_strangeness_does_not_depend_on_the_scale_of_vectors():
    near = np.array([[10.0, 3.0], [20.0, 1.0]])
    np.testing.assert_allclose(strangeness(near, (5.0, 2.0)), strangeness(near * [4, 9], (20.0, 18.0)))
    assert np.isfinite(strangeness(near, (0.0, 0.0))).all()


@pytest.fixture(scope="module")
def some_mnist(mnist):
    return mnist.train_images[:6000].reshape(6000, -1), mnist.train_labels[:6000]


@pytest.fixture(scope="module")
def model(some_mnist):
    images, labels = some_mnist
    return KNNDigitClassifier("fast", n_jobs=-1).fit(images[:4000], labels[:4000])


def test_about_as_many_digits_are_called_foreign_as_were_asked_for(model, some_mnist):
    found = model.credibility(some_mnist[0][4000:])
    assert 0.02 < (found <= 0.05).mean() < 0.09
    assert 0.4 < (found <= 0.5).mean() < 0.6


def test_what_is_no_digit_is_called_so(model, mnist):
    for kind in foreign_kinds(mnist.train_images[4000:6000], n=40):
        caught = (model.credibility(kind.images) <= 0.05).mean()
        if kind.required is not None:
            assert caught >= kind.required - 0.15, kind.name


@pytest.mark.parametrize("gray", [0, 7, 255])
def test_blank_is_never_a_digit(model, gray):
    assert model.credibility(np.full((1, 784), gray, np.uint8)) == 0


def test_a_learned_image_is_as_credible_as_can_be(model, some_mnist):
    strange = foreign_kinds(some_mnist[0][:500].reshape(-1, 28, 28), n=1)[1].images.reshape(1, -1)
    assert model.credibility(strange) < 0.01
    taught = model.partial_fit(np.repeat(strange, 5, axis=0), [8] * 5)
    assert taught.credibility(strange) == 1
    model.forget(np.arange(4000, 4005))
    assert model.credibility(strange) < 0.01


def test_it_is_the_same_alone_and_among_others(model, some_mnist):
    images = some_mnist[0][4000:4100]
    together = model.credibility(images)
    np.testing.assert_array_equal([model.credibility(image[None])[0] for image in images], together)


def test_without_answers_out_of_fold_there_is_none(X, y):
    blind = KNNDigitClassifier("pixels", calibration_folds=None).fit(X[:100], y[:100])
    with pytest.raises(ValueError, match="calibration_folds=5"):
        blind.credibility(X[:3])
    assert np.isnan(blind.answer(X[:3]).credibility).all()
