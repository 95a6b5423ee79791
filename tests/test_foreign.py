"""Pictures that are no digits: of every kind, the same for a seed, and none of them empty."""

import numpy as np
import pytest

from knn_digits import foreign
from knn_digits.foreign import LETTERS, foreign_kinds
from knn_digits.images import normalize_digit

N = 8


@pytest.fixture(scope="module")
def real(digits):
    return np.stack([normalize_digit(np.pad(image, 1)) for image in digits.train_images[:50]])


@pytest.fixture(scope="module")
def kinds(real):
    return foreign_kinds(real, n=N)


def test_the_kinds_and_what_is_held_out(kinds):
    tuning = [kind.name for kind in kinds if not kind.held_out]
    held_out = [kind.name for kind in kinds if kind.held_out]
    assert tuning == [
        "blank",
        "uniform noise",
        "solid boxes",
        "photographs: china",
        "letters: DejaVu Sans, STIX",
        "scribbles",
    ]
    assert held_out == [
        "salt noise",
        "smooth noise",
        "solid ellipses and polygons",
        "photographs: flower and portrait",
        "letters: DejaVu Serif and Mono, Computer Modern",
        "two digits",
        "halves of digits",
    ]
    promises = {kind.name: kind.required for kind in kinds}
    assert {promises[name] for name in promises if name.startswith(("letters", "two"))} == {0.90}
    assert promises["scribbles"] is promises["halves of digits"] is None
    assert sorted(p for p in promises.values() if p) == [0.90] * 3 + [0.99] * 8


def test_every_kind_has_images_and_only_blank_is_blank(kinds):
    for kind in kinds:
        assert kind.images.shape == (N, 28, 28), kind.name
        assert kind.images.dtype == np.uint8, kind.name
        blank = ~kind.images.any(axis=(1, 2))
        assert blank.all() if kind.name == "blank" else not blank.any(), kind.name
        if kind.name != "blank":
            assert len(np.unique(kind.images, axis=0)) == N, kind.name


def test_all_but_pure_noise_is_framed_as_the_reader_frames(kinds):
    for kind in kinds:
        if kind.name not in ("blank", "uniform noise"):
            height, width = kind.images.any(axis=2).sum(axis=1), kind.images.any(axis=1).sum(axis=1)
            assert (np.maximum(height, width) <= 20).all(), kind.name


def test_a_seed_decides_every_picture_and_n_only_how_many(real, kinds):
    again, more, other = (foreign_kinds(real, n=n, seed=seed) for n, seed in ((N, 0), (N + 3, 0), (N, 1)))
    for kind, same, longer, different in zip(kinds, again, more, other, strict=True):
        np.testing.assert_array_equal(same.images, kind.images, kind.name)
        np.testing.assert_array_equal(longer.images[:N], kind.images, kind.name)
        if kind.name != "blank":
            assert not np.array_equal(different.images, kind.images), kind.name


def test_a_kind_less_changes_no_other(real, kinds, monkeypatch):
    monkeypatch.setattr(foreign, "_RECIPES", foreign._RECIPES[::2])
    for kind, alone in zip(kinds[::2], foreign_kinds(real, n=N), strict=True):
        assert alone.name == kind.name
        np.testing.assert_array_equal(alone.images, kind.images, kind.name)


def test_letters_that_look_like_digits_are_not_drawn():
    assert not set(LETTERS) & set("IliJOoQDSsZzBbgq")
    assert len(LETTERS) == 52 - 16


def test_no_font_is_in_both_halves():
    tuning, held_out = (
        {font.path for font in foreign._fonts(families)}
        for families in (foreign._TUNING_FONTS, foreign._HELD_OUT_FONTS)
    )
    assert len(tuning) == 8
    assert len(held_out) == 13
    assert not tuning & held_out


def test_what_is_not_installed_is_left_out(real, kinds, tmp_path, monkeypatch):
    monkeypatch.setattr("matplotlib.get_data_path", lambda: str(tmp_path))
    names = [kind.name for kind in foreign_kinds(real, n=1)]
    assert names == [kind.name for kind in kinds if not kind.name.startswith("letters")]


@pytest.mark.parametrize(
    "digits",
    [
        np.zeros((3, 28, 28), np.uint8),
        np.ones((3, 8, 8), np.uint8),
        np.ones((3, 28, 28)),
        np.ones((0, 28, 28), np.uint8),
    ],
)
def test_without_real_digits_there_is_nothing_to_put_together(digits):
    with pytest.raises(ValueError, match="expected digits of shape"):
        foreign_kinds(digits)


def test_a_strange_number_of_pictures_is_refused(real):
    with pytest.raises(ValueError, match="n=0"):
        foreign_kinds(real, n=0)


def test_halves_are_left_right_upper_and_lower_ones(rng):
    digit = np.zeros((28, 28), np.uint8)
    digit[4:24, 6:20] = np.repeat(np.repeat([[50, 100], [150, 200]], 10, axis=0), 7, axis=1)
    halves = [foreign._half(rng, digit[None]) for _ in range(50)]
    found = {(half.shape, round(half[16:-16, 16:-16].mean() / 25) * 25) for half in halves}
    upright, lying = (4 * 24, 4 * 11), (4 * 14, 4 * 18)
    assert found == {(upright, 100), (upright, 150), (lying, 75), (lying, 175)}


def test_digits_too_faint_to_be_seen_are_told():
    with pytest.raises(ValueError, match="too faint"):
        foreign_kinds(np.full((1, 28, 28), 3, np.uint8), n=1)
