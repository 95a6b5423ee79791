"""Explanations, through the classifier: what they say is what the classifier does, and what NumPy says."""

import re
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from sklearn.decomposition import PCA

from knn_digits import KNNDigitClassifier, load_model, save_model
from knn_digits.arrays import read_only
from knn_digits.classifier import PRESETS
from knn_digits.distances.distortion_kernel import measure
from knn_digits.features import CosineEmbedding, DigitEmbedding
from knn_digits.features.images import as_images
from knn_digits.features.normalization import MomentNormalizer
from knn_digits.reranking import DistortionReranker

N = 500


@pytest.fixture(scope="module", params=sorted(PRESETS))
def model(request, X, y):
    return KNNDigitClassifier(request.param, calibration_folds=2).fit(X[:N], y[:N])


@pytest.fixture(scope="module")
def accurate(X, y):
    return KNNDigitClassifier(calibration_folds=None).fit(X[:N], y[:N])


@pytest.fixture(scope="module")
def asked(digits):
    return digits.test_images[:25]


def normalized(images, strength):
    grays = as_images(images.reshape(len(images), -1))
    return grays if strength is None else MomentNormalizer(strength).normalize(grays)


def kernel_distance(query, reference, window=2):
    found = np.empty((1, 1))
    one = np.zeros((1, 1), np.int64)
    images = (read_only(query[None]), read_only(reference[None]), read_only(reference[None][:0]))
    measure(*images, one, np.zeros((1, 1)), one, 1.0, 1, window, found)
    return found[0, 0]


def squared_from_all(model, image):
    """Squared distances between the vectors of an image and of all references."""
    vector = image.reshape(1, -1) if model.embedding_ is None else model.embedding_.transform(image.reshape(1, -1))
    return np.square(model.search_.references.to_array().astype(float) - vector).sum(axis=1)


class TestWhatTheClassifierSays:
    def test_answer_probabilities_and_credibility(self, model, asked):
        answers = model.answer(asked)
        for i, image in enumerate(asked):
            found = model.explain(image)
            assert found.label == answers.labels[i]
            np.testing.assert_array_equal(found.probabilities, answers.probabilities[i])
            assert found.probability == answers.probabilities[i].max()
            assert found.credibility == answers.credibility[i]
            assert found.preset == model.preset
            np.testing.assert_array_equal(found.classes, model.classes_)
            assert found.votes.argmax() == found.probabilities.argmax()
            for resemblance in (found.answer, found.runner_up):
                code = np.flatnonzero(model.classes_ == resemblance.label)[0]
                assert resemblance.probability == found.probabilities[code]
                assert resemblance.share == found.votes[code]

    def test_the_nearest_are_those_of_kneighbors(self, model, asked, y):
        distances, ids = model.kneighbors(asked, 8)
        for i, image in enumerate(asked):
            found = model.explain(image)
            np.testing.assert_array_equal(found.neighbor_ids, ids[i])
            np.testing.assert_array_equal(found.neighbor_distances, distances[i])
            np.testing.assert_array_equal(found.neighbor_labels, y[ids[i]])
            learned = as_images(model.images_[ids[i]])
            np.testing.assert_array_equal(found.neighbor_images, learned)

    def test_answer_and_runner_up_are_two_classes_each_with_a_reference_of_its_own(self, model, asked, y):
        for image in asked:
            found = model.explain(image)
            answer, runner_up = found.answer, found.runner_up
            assert answer.label != runner_up.label
            assert (y[answer.id], y[runner_up.id]) == (answer.label, runner_up.label)
            others = np.delete(found.votes, found.votes.argmax())
            assert runner_up.share == others.max()
            for resemblance in (answer, runner_up):
                learned = as_images(model.images_[np.array([resemblance.id])])[0]
                np.testing.assert_array_equal(resemblance.image, learned)

    def test_of_a_class_the_nearest_stands_for_it(self, model, asked, y):
        for image in asked:
            found = model.explain(image)
            for resemblance in (found.answer, found.runner_up):
                of_class = found.neighbor_labels == resemblance.label
                if of_class.any():
                    assert resemblance.id == found.neighbor_ids[of_class][0]
                    assert resemblance.distance == found.neighbor_distances[of_class][0]
                else:
                    assert resemblance.distance >= found.neighbor_distances[-1]


class TestRunnerUpBeyondTheCandidates:
    @pytest.mark.parametrize("preset", ["pixels", "fast"])
    def test_it_is_the_nearest_of_all_others(self, preset, X, y, asked):
        model = KNNDigitClassifier(preset, n_candidates=5, calibration_folds=None).fit(X[:N], y[:N])
        unanimous = [(image, found) for image in asked if (found := model.explain(image)).runner_up.share == 0]
        assert len(unanimous) > 5
        for image, found in unanimous:
            squared = np.where(y[:N] == found.label, np.inf, squared_from_all(model, image))
            assert found.runner_up.id == np.flatnonzero(squared == squared.min())[-1]
            assert found.runner_up.distance == np.sqrt(squared.min())

    def test_its_distance_is_the_final_one(self, X, y, asked):
        model = KNNDigitClassifier("accurate", n_candidates=8, calibration_folds=None).fit(X[:N], y[:N])
        seen = 0
        for image in asked:
            found = model.explain(image)
            if (found.neighbor_labels == found.label).all():
                squared = squared_from_all(model, image)[found.runner_up.id]
                final = squared + model.rerank_.factor_ * found.runner_up.unexplained
                assert found.runner_up.distance == pytest.approx(np.sqrt(final))
                seen += 1
        assert seen > 5

    def test_of_two_equally_near_the_later_learned(self, X, y):
        rows = np.concatenate([X[:N], X[:N]])
        model = KNNDigitClassifier("pixels", calibration_folds=None).fit(rows, np.tile(y[:N], 2))
        assert model.explain(X[3]).runner_up.id >= N

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_numbers_that_are_no_pixels(self, dtype, X, y, asked):
        scale = np.array(1 / 300, dtype)
        model = KNNDigitClassifier("pixels", calibration_folds=None).fit(X[:N] * scale, y[:N])
        for image in asked[:5]:
            squared = squared_from_all(model, image * scale)
            squared[y[:N] == model.predict([image.ravel() * scale])[0]] = np.inf
            assert squared[model.explain(image * scale).runner_up.id] == pytest.approx(squared.min())

    def test_none_where_all_references_are_of_one_class(self, X):
        found = KNNDigitClassifier("pixels").fit(X[:9], np.zeros(9, int)).explain(X[0])
        assert found.runner_up is None
        assert found.evidence_map is None
        assert found.probability == 1
        assert "Read as 0:" in found._repr_html_()


class TestMovesAndWhatTheyLeave:
    def test_the_residual_sums_to_the_kernels_distance(self, model, asked):
        rerank = model.rerank_
        strength = rerank.strength if rerank else 0.5 if model.embedding_ else None
        for image in asked[:10]:
            found = model.explain(image)
            np.testing.assert_array_equal(found.normalized, normalized(image[None], strength)[0])
            for resemblance in (found.answer, found.runner_up):
                reference = normalized(resemblance.image[None], strength)[0]
                np.testing.assert_array_equal(resemblance.compared, reference)
                assert resemblance.unexplained == kernel_distance(found.normalized, reference)
                assert resemblance.residual.shape == found.normalized.shape
                assert resemblance.displacement.shape == (*found.normalized.shape, 2)
                assert resemblance.displacement.dtype == np.int8
                assert np.abs(resemblance.displacement).max() <= 2

    def test_the_rerankers_own_settings_are_used(self, X, y, asked):
        rerank = DistortionReranker(window=1, strength=None)
        model = KNNDigitClassifier(rerank=rerank, calibration_folds=None).fit(X[:N], y[:N])
        found = model.explain(asked[0])
        np.testing.assert_array_equal(found.normalized, found.image)
        expected = kernel_distance(found.normalized, found.answer.compared, window=1)
        assert found.answer.unexplained == expected

    @pytest.mark.parametrize("shift", [(0, 1), (2, 0), (-1, -2)])
    def test_a_shifted_copy_shows_its_shift_and_leaves_nothing(self, shift, rng):
        images = np.zeros((12, 20, 20), np.uint8)
        images[:, 6:14, 6:14] = rng.integers(0, 256, (12, 8, 8))
        model = KNNDigitClassifier("pixels", n_neighbors=1).fit(images.reshape(12, -1), np.arange(12) % 2)
        model.forget([1, 3, 5, 9, 11])  # image 7 stands alone for its class
        query = np.roll(images[7], shift, axis=(0, 1))
        found = model.explain(query)
        of_seven = next(r for r in (found.answer, found.runner_up) if r.id == 7)
        assert of_seven.unexplained == 0
        inside = np.roll(images[7] > 0, shift, axis=(0, 1))
        np.testing.assert_array_equal(
            of_seven.displacement[inside], np.tile(np.negative(shift), (inside.sum(), 1))
        )
        np.testing.assert_array_equal(of_seven.displacement[0, 10], 0)

    def test_a_learned_image_stays_where_it_is(self, accurate, X):
        found = accurate.explain(X[17])
        assert (found.answer.id, found.answer.distance, found.answer.unexplained) == (17, 0, 0)
        assert not found.answer.displacement.any()


class TestEvidence:
    def test_it_sums_to_the_difference_of_distances_before_rounding(self, X, y, asked):
        for embedding in (DigitEmbedding(), DigitEmbedding(n_components=30, n_cells=5, n_directions=8)):
            model = KNNDigitClassifier("fast", embedding=embedding, calibration_folds=None).fit(X[:N], y[:N])
            learned = model.embedding_.projection_
            projection = learned.projection_ * learned.output_scale_
            for image in asked:
                found = model.explain(image)
                rows = [image.ravel(), X[found.answer.id], X[found.runner_up.id]]
                query, answer, runner_up = model.embedding_.describe(np.array(rows)) @ projection
                expected = np.square(query - runner_up).sum() - np.square(query - answer).sum()
                assert found.evidence_map.shape == (8, 8)
                assert found.evidence_map.sum() == pytest.approx(expected)

    def test_it_lies_where_the_images_differ(self):
        images = np.zeros((40, 28, 28), np.uint8)
        images[:, 4:24, 13:15] = 255
        images[20:, 5:7, 4:24] = 255  # the second class has a bar at the top
        images[np.arange(40), 8 + np.arange(40) % 15, 15] = 255
        model = KNNDigitClassifier("fast", calibration_folds=None).fit(images.reshape(40, -1), np.arange(40) // 20)
        evidence = model.explain(images[3]).evidence_map
        assert np.unravel_index(evidence.argmax(), evidence.shape)[0] < 10
        assert evidence[:10].sum() > 0.4 * evidence.sum() > 0

    def test_pixel_by_pixel_between_pixels(self, X, y, asked):
        model = KNNDigitClassifier("pixels", calibration_folds=None).fit(X[:N], y[:N])
        for image in asked:
            found = model.explain(image)
            farther, nearer = (
                np.square(image.ravel() - X[r.id].astype(float)) for r in (found.runner_up, found.answer)
            )
            np.testing.assert_array_equal(found.evidence_map.ravel(), farther - nearer)

    def test_of_distortion_where_that_alone_counts(self, X, y, asked):
        model = KNNDigitClassifier("idm", calibration_folds=None).fit(X[:N], y[:N])
        for image in asked[:5]:
            found = model.explain(image)
            expected = found.runner_up.distance**2 - found.answer.distance**2
            assert found.evidence_map.sum() == pytest.approx(expected)

    def test_of_other_embeddings(self, X, y, asked):
        cosine = KNNDigitClassifier("pixels", embedding=CosineEmbedding(), calibration_folds=None)
        found = cosine.fit(X[:N], y[:N]).explain(asked[0])
        expected = found.runner_up.distance**2 - found.answer.distance**2
        assert found.evidence_map.sum() == pytest.approx(expected)
        other = KNNDigitClassifier("pixels", embedding=PCA(16), calibration_folds=None).fit(X[:N], y[:N])
        assert other.explain(asked[0]).evidence_map is None
        assert other.explain(asked[0])._repr_html_()


class TestOneImage:
    def test_in_any_form(self, accurate, asked):
        forms = [asked[0], asked[0].ravel(), asked[0].reshape(1, -1), asked[:1], asked[0].ravel().tolist()]
        maps = [accurate.explain(form).evidence_map for form in forms]
        for other in maps[1:]:
            np.testing.assert_array_equal(other, maps[0])

    @pytest.mark.parametrize("shape", [(2, 64), (3, 8, 8), (63,), (64, 64), (1, 65), (), (0, 64)])
    def test_any_other_number_is_refused(self, accurate, shape):
        with pytest.raises(ValueError, match=re.escape("expected one image of 64 pixels")):
            accurate.explain(np.zeros(shape, np.uint8))

    def test_what_predict_refuses(self, accurate):
        with pytest.raises(ValueError, match="NaN"):
            accurate.explain(np.full(64, np.nan))

    def test_a_table_of_one_row(self, X, y):
        pd = pytest.importorskip("pandas")
        table = pd.DataFrame(X[:100], columns=[f"p{i}" for i in range(64)])
        model = KNNDigitClassifier("fast", calibration_folds=None).fit(table, y[:100])
        assert model.explain(table[:1]).answer.id == 0

    def test_a_blank_image(self, model):
        found = model.explain(np.zeros(64, np.uint8))
        assert found.credibility == 0
        assert "Credibility" in found._repr_html_()

    @pytest.mark.parametrize("n_pixels", [40, 90])
    def test_images_that_are_not_square(self, n_pixels, X, y, rng):
        rows = np.pad(X, ((0, 0), (0, 30)))[:100, :n_pixels]
        found = KNNDigitClassifier("pixels", calibration_folds=None).fit(rows, y[:100]).explain(rows[3])
        assert (found.answer.displacement is None) == (n_pixels == 90)
        assert found.evidence_map.shape == found.image.shape == ((1, 90) if n_pixels == 90 else (7, 7))
        assert found._repr_html_()


def test_nothing_can_be_set(accurate, asked):
    found = accurate.explain(asked[0])
    with pytest.raises(FrozenInstanceError):
        found.credibility = 1.0
    with pytest.raises(FrozenInstanceError):
        found.answer.label = 3


def test_without_folds_there_is_no_credibility(accurate, asked):
    found = accurate.explain(asked[0])
    assert np.isnan(found.credibility)
    assert "credibility is unknown" in found._repr_html_()


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_what_was_just_taught_is_its_own_nearest_until_forgotten(preset, X, y, asked):
    model = KNNDigitClassifier(preset, calibration_folds=None).fit(X[:N], y[:N])
    before = model.explain(asked[4])
    model.partial_fit(asked[4].reshape(1, -1), [before.runner_up.label])
    taught = model.explain(asked[4])
    assert taught.neighbor_ids[0] == N
    assert N in (taught.answer.id, taught.runner_up.id)
    model.forget([N])
    after = model.explain(asked[4])
    np.testing.assert_array_equal(after.neighbor_ids, before.neighbor_ids)
    np.testing.assert_array_equal(after.evidence_map, before.evidence_map)
    model.forget([before.answer.id, before.runner_up.id])
    assert not {before.answer.id, before.runner_up.id} & {
        *model.explain(asked[4]).neighbor_ids,
        model.explain(asked[4]).runner_up.id,
    }


def test_a_saved_model_explains_the_same(accurate, asked, tmp_path):
    save_model(accurate, tmp_path / "model")
    loaded, found = load_model(tmp_path / "model").explain(asked[2]), accurate.explain(asked[2])
    assert (loaded.answer.id, loaded.runner_up.id) == (found.answer.id, found.runner_up.id)
    np.testing.assert_array_equal(loaded.evidence_map, found.evidence_map)
    np.testing.assert_array_equal(loaded.runner_up.residual, found.runner_up.residual)


def test_fewer_references_than_are_shown(X, y):
    found = KNNDigitClassifier("pixels", n_neighbors=2, calibration_folds=None).fit(X[:5], y[:5]).explain(X[0])
    assert len(found.neighbor_ids) == len(found.neighbor_images) == 5
    assert found._repr_html_()


def test_labels_that_are_texts_even_hostile(X, y):
    names = np.array(["<script>alert(1)</script>", "'\"><img src=x onerror=y>", "$\\frac$ & co", *"日3456789"])
    model = KNNDigitClassifier("fast", calibration_folds=None).fit(X[:N], names[y[:N]])
    for code in range(4):
        found = model.explain(X[np.flatnonzero(y == code)[0]])
        assert found.label == names[code]
        html = found._repr_html_()
        assert html.count("<") == html.count(">") == 5
        assert re.findall(r"<(\w+)", html) == ["figure", "img", "figcaption"]
        assert not re.findall(r"(?:src|href)=(?!\"data:image/png;base64,)", html.replace("&lt;img src=x", ""))
