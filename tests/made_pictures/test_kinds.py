"""Made pictures say what they promise to say, where they say it."""

from itertools import islice, pairwise

import numpy as np
import pytest
from scipy.ndimage import label

from knn_digits.made_pictures import KINDS, MadePicture, make_pictures


@pytest.fixture(scope="module")
def make(mnist):
    def make(kind: str, n: int, seed: int = 0) -> list[MadePicture]:
        return list(make_pictures(kind, mnist.train_images[:2000], mnist.train_labels[:2000], n, seed))

    return make


@pytest.fixture(scope="module", params=KINDS)
def kind(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def pictures(make, kind) -> list[MadePicture]:
    return make(kind, 8)


def ink_of(picture: MadePicture) -> np.ndarray:
    """Where a picture without shadows is inked."""
    gray = picture.pixels if picture.pixels.ndim == 2 else picture.pixels.mean(axis=2)
    middle = (float(gray.min()) + float(gray.max())) / 2
    return gray < middle if np.median(gray) > middle else gray > middle


def piece_of_each(picture: MadePicture) -> list[list[int]]:
    """For every digit, line by line, which connected piece of ink fills most of its box."""
    pieces, n = label(ink_of(picture), np.ones((3, 3)))
    return [
        [
            int(np.bincount(pieces[top:bottom, left:right].ravel(), minlength=n + 1)[1:].argmax())
            for left, top, right, bottom in line
        ]
        for line in picture.boxes
    ]


def shares_piece_with_next(pictures: list[MadePicture]) -> np.ndarray:
    lines = [line for picture in pictures for line in piece_of_each(picture)]
    return np.array([a == b for line in lines for a, b in pairwise(line)])


def assert_same(one: list[MadePicture], other: list[MadePicture]) -> None:
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.pixels, b.pixels)
        assert (a.lines, a.boxes, a.image_ids) == (b.lines, b.boxes, b.image_ids)


def test_kinds_are_those_of_the_promise_in_its_order():
    assert list(KINDS) == ["clean", "photographed", "ruled", "boxed", "touching", "mixed"]
    assert all(kind.name == name and kind.about for name, kind in KINDS.items())


def test_same_seed_same_pictures_however_many(make, kind, pictures):
    assert_same(pictures[:2], make(kind, 2))


def test_other_seed_other_pictures(make, kind, pictures):
    assert make(kind, 1, seed=2)[0].image_ids != pictures[0].image_ids


def test_kinds_differ(make):
    assert len({make(kind, 1)[0].image_ids for kind in KINDS}) == len(KINDS)


def test_lines_say_what_their_images_are(mnist, kind, pictures):
    for picture in pictures:
        assert picture.pixels.dtype == np.uint8
        assert picture.pixels.ndim == 2 or picture.pixels.shape[2] == 3
        assert 1 <= len(picture.lines) <= (4 if kind == "mixed" else 1)
        assert picture.text == "\n".join(picture.lines)
        for text, boxes, ids in zip(picture.lines, picture.boxes, picture.image_ids, strict=True):
            assert 3 <= len(text) <= 10
            assert len(text) == len(boxes)
            assert text == "".join(str(mnist.train_labels[i]) for i in ids)


def test_boxes_lie_in_the_picture_in_reading_order(pictures):
    for picture in pictures:
        height, width = picture.pixels.shape[:2]
        middles = []
        for line in picture.boxes:
            for left, top, right, bottom in line:
                assert 0 <= left < right <= width
                assert 0 <= top < bottom <= height
                assert bottom - top <= 2.5 * 120
            assert (np.diff([left + right for left, _, right, _ in line]) > 0).all()
            middles.append(np.mean([top + bottom for _, top, _, bottom in line]))
        assert (np.diff(middles) > 0).all()


@pytest.mark.parametrize("kind", ["clean", "touching"], scope="module", indirect=True)
def test_boxes_hold_the_ink_and_are_no_larger(pictures):
    for picture in pictures:
        ink = ink_of(picture)
        boxed = np.zeros(ink.shape, bool)
        for left, top, right, bottom in picture.boxes[0]:
            boxed[top:bottom, left:right] = True
            part = ink[top:bottom, left:right]
            inked = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
            assert all(which[0] <= 2 and n - which[-1] <= 3 for which, n in zip(inked, part.shape, strict=True))
        assert ink[boxed].sum() > 0.98 * ink.sum()


def test_ink_differs_from_paper_in_every_box(pictures):
    for picture in pictures:
        gray = picture.pixels if picture.pixels.ndim == 2 else picture.pixels.mean(axis=2)
        for left, top, right, bottom in (box for line in picture.boxes for box in line):
            least, most = np.percentile(gray[top:bottom, left:right], [2, 98])
            assert most - least > 12, picture.text


def test_neighbors_are_apart_but_in_the_touching_kind(make):
    assert not shares_piece_with_next(make("clean", 15)).any()
    assert shares_piece_with_next(make("touching", 15)).mean() > 0.5


def test_sizes_and_polarity_vary(make):
    pictures = make("clean", 40)
    heights = [np.mean([bottom - top for _, top, _, bottom in picture.boxes[0]]) for picture in pictures]
    assert min(heights) < 35
    assert max(heights) > 85
    light_on_dark = np.mean([np.median(picture.pixels) < 128 for picture in pictures])
    assert 0 < light_on_dark < 0.5


def test_other_digit_images_will_do(digits):
    picture = next(make_pictures("clean", digits.train_images, digits.train_labels, 1))
    assert picture.lines[0] == "".join(str(digits.train_labels[i]) for i in picture.image_ids[0])
    assert ink_of(picture).any()


def test_blank_images_are_never_written(mnist):
    images = np.zeros((50, 28, 28), np.uint8)
    images[33] = mnist.train_images[0]
    for picture in make_pictures("boxed", images, np.arange(50) % 10, 3):
        assert set(picture.image_ids[0]) == {33}
        assert set(picture.text) == {"3"}


def test_pictures_come_one_at_a_time(mnist):
    endless = make_pictures("clean", mnist.train_images[:50], mnist.train_labels[:50], 10**9)
    assert len(list(islice(endless, 2))) == 2


def test_what_cannot_be_made_is_said(mnist):
    images, labels = mnist.train_images[:5], mnist.train_labels[:5]
    with pytest.raises(ValueError, match=r"expected a kind among clean, .*, got 'dirty'"):
        make_pictures("dirty", images, labels, 1)
    with pytest.raises(ValueError, match=r"labels of shape \(4,\)"):
        make_pictures("clean", images, labels[:4], 1)
    with pytest.raises(ValueError, match="not all blank"):
        make_pictures("clean", np.zeros_like(images), labels, 1)
