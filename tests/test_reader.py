"""DigitReader: what stands in a picture, where, and how sure that is."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from knn_digits import KNNDigitClassifier
from knn_digits.images.reading import Picture
from knn_digits.reader import FOREIGN, DigitReader, Reading

N_LEARNED = 3000
STEP, TOP = 70, 40  # pixels between digits of a line, and above it
Write = Callable[..., np.ndarray]


@pytest.fixture(scope="module")
def model(mnist) -> KNNDigitClassifier:
    """Nearest neighbors by pixels: fitted soon, and good enough for digits that it knows."""
    model = KNNDigitClassifier("pixels", n_jobs=-1)
    return model.fit(mnist.train_images[:N_LEARNED], mnist.train_labels[:N_LEARNED])


@pytest.fixture(scope="module")
def reader(model) -> DigitReader:
    return DigitReader(model, n_jobs=-1)


@pytest.fixture(scope="module")
def plain_digits(mnist, model) -> list[np.ndarray]:
    """Ten of each digit that the model learned and is surest of, each one piece of ink."""
    from scipy.ndimage import label

    images, labels = mnist.train_images[:1000], mnist.train_labels[:1000]
    answers = model.answer(images)
    sure = answers.probabilities[np.arange(len(labels)), labels] * (answers.credibility > 0.5)
    whole = [i for i in np.argsort(-sure, kind="stable") if label(images[i] > 60, np.ones((3, 3)))[1] == 1]
    return [images[[i for i in whole if labels[i] == digit][:10]] for digit in range(10)]


@pytest.fixture(scope="module")
def write(plain_digits) -> Write:
    """Write lines of digits twice as large as MNIST's, dark on light."""

    def write(text: str, step: int = STEP) -> np.ndarray:
        lines = text.split("\n")
        page = np.full((2 * TOP + 90 * len(lines), 2 * TOP + step * max(map(len, lines))), 255, np.uint8)
        for row, line in enumerate(lines):
            for column, letter in enumerate(line):
                top, left = TOP + 90 * row, TOP + step * column
                here = page[top : top + 56, left : left + 56]
                np.minimum(here, 255 - enlarged(plain_digits[int(letter)][column % 10]), out=here)
        return page

    return write


def enlarged(image: np.ndarray, factor: int = 2) -> np.ndarray:
    side = len(image) * factor
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))


def summary(reading: Reading) -> list[tuple]:
    """All that a reading says, to be compared."""
    names = ("box", "digit", "probability", "credibility", "unsure", "foreign", "runner_up", "neighbors")
    return [tuple(getattr(digit, name) for name in names) for digit in reading.digits]


def test_single_digits_in_the_frame_are_read_as_the_model_reads_them(mnist, model, reader):
    images = mnist.train_images[:150]
    read = [reading.text for reading in reader.read_all(images)]
    assert np.mean([text == str(answer) for text, answer in zip(read, model.predict(images), strict=True)]) >= 0.98


@pytest.mark.parametrize("text", ["7", "0123456789", "31415\n92653\n58979", "11\n7171"])
def test_what_is_written_is_read(reader, write, text):
    reading = reader.read(write(text))
    assert reading.text == text
    assert [len(line) for line in reading.lines] == [len(line) for line in text.split("\n")]
    assert [str(digit.digit) for digit in reading.digits] == list(text.replace("\n", ""))
    assert not any(digit.foreign for digit in reading.digits)
    assert reading.confidence == pytest.approx(np.prod([digit.probability for digit in reading.digits]))


def test_digits_that_touch_are_read_one_by_one(reader, write):
    texts = ["3052", "4608", "9238"]
    read = [reader.read(write(text, step=34)) for text in texts]
    assert np.mean([reading.text == text for reading, text in zip(read, texts, strict=True)]) >= 2 / 3
    assert np.mean([len(reading.digits) == 4 for reading in read]) >= 2 / 3


TOUCHING = ["3052", "4608", "9238", "2604", "8350", "6092", "5386", "2048", "3690", "8052", "4238", "9605"]


def test_of_many_lines_of_digits_that_touch_each_is_read_as_if_it_were_alone(reader, write):
    alone = [reader.read(write(text, step=34)).text for text in TOUCHING]
    assert reader.read(write("\n".join(TOUCHING), step=34)).text.split("\n") == alone


def test_as_many_digits_as_expected_are_found_in_each_of_many_lines(model, write):
    reading = DigitReader(model, expect=4).read(write("\n".join(TOUCHING), step=34))
    assert [len(line) for line in reading.lines] == [4] * len(TOUCHING)


def test_of_a_large_texture_no_more_is_cut_than_of_a_small_one(model, monkeypatch):
    net = np.full((40, 30), 255, np.uint8)
    net[9:35, [3, 4, 9, 10, 15, 16, 21, 22]] = 0
    net[[9, 10, 15, 16, 21, 22, 27, 28, 33, 34], 3:23] = 0
    asked: list[int] = []
    answer = model.answer
    monkeypatch.setattr(model, "answer", lambda images: asked.append(len(images)) or answer(images))

    def asked_about_pieces(n_lines: int) -> int:
        asked.clear()
        reading = DigitReader(model).read(np.tile(net, (n_lines, 20)))
        assert len(reading.lines) == n_lines
        return sum(asked[1:])

    assert 0 < asked_about_pieces(5) == asked_about_pieces(15)


def test_bars_that_are_no_digits_are_not_cut(model, monkeypatch):
    stripes = np.full((300, 300), 255, np.uint8)
    stripes[:, 5::7] = 0
    asked: list[int] = []
    answer = model.answer
    monkeypatch.setattr(model, "answer", lambda images: asked.append(len(images)) or answer(images))
    DigitReader(model).read(stripes)
    assert len(asked) == 1


def test_a_blank_picture_says_nothing_for_sure(reader):
    reading = reader.read(np.full((200, 300), 255, np.uint8))
    assert (reading.lines, reading.digits, reading.text) == ((), (), "")
    assert reading.confidence == 1


@pytest.mark.parametrize("large", [0, 10**9], ids=["threads", "one thread"])
def test_read_all_is_read_one_by_one_in_order_for_any_threads(model, reader, write, large, monkeypatch):
    monkeypatch.setattr("knn_digits.reader._LARGE", large)
    texts = ["12", "3", "456\n78", "90", "1", "22", "333", "4"]
    pictures = [write(text) for text in texts]
    pictures.insert(3, np.zeros((50, 60), np.uint8))
    at_once = list(reader.read_all(iter(pictures)))
    assert [reading.text for reading in at_once] == [*texts[:3], "", *texts[3:]]
    alone = DigitReader(model, n_jobs=1)
    for one, picture in zip(at_once, pictures, strict=True):
        assert summary(one) == summary(alone.read(picture))
        for digit, other in zip(one.digits, alone.read(picture).digits, strict=True):
            np.testing.assert_array_equal(digit.image, other.image)
    assert list(reader.read_all([])) == []


def test_the_first_reading_does_not_wait_for_the_last_picture(reader, write):
    def pictures():
        yield write("1")
        raise OSError("the second is not there yet")

    readings = reader.read_all(pictures())
    assert next(readings).text == "1"
    with pytest.raises(OSError, match="not there yet"):
        next(readings)


def test_boxes_hold_the_ink_and_lie_in_the_picture(reader, write):
    page = write("2468\n13579")
    covered = np.zeros(page.shape, bool)
    for digit in reader.read(page).digits:
        left, top, right, bottom = digit.box
        assert all(isinstance(edge, int) for edge in digit.box)
        assert 0 <= left < right <= page.shape[1]
        assert 0 <= top < bottom <= page.shape[0]
        assert (page[top:bottom, left:right] < 128).any()
        covered[top:bottom, left:right] = True
    ink = page < 128
    assert ink[covered].sum() >= 0.995 * ink.sum()
    assert covered.sum() < 0.6 * covered.size


def test_ink_at_the_edge_of_a_picture_is_boxed_within_it(reader, write):
    page = write("42")
    dark = np.argwhere(page < 128)
    (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0) + 1
    cropped = page[top:bottom, left:right]
    for digit in reader.read(cropped).digits:
        assert 0 <= digit.box[0] < digit.box[2] <= cropped.shape[1]
        assert 0 <= digit.box[1] < digit.box[3] <= cropped.shape[0]


def test_boxes_of_a_reduced_picture_are_in_its_own_pixels(reader, write):
    page = write("1290")
    height, width = page.shape
    as_it_is = reader.read(Picture(page, width, height))
    assert summary(as_it_is) == summary(reader.read(page))
    reduced = reader.read(Picture(page, 2 * width, 2 * height))
    assert reduced.text == as_it_is.text
    for digit, other in zip(reduced.digits, as_it_is.digits, strict=True):
        np.testing.assert_allclose(digit.box, 2 * np.array(other.box), atol=2)


def test_light_on_dark_is_read_as_dark_on_light(reader, write):
    page = write("60317")
    dark, light = reader.read(page), reader.read(255 - page)
    assert light.text == dark.text == "60317"
    np.testing.assert_allclose([digit.box for digit in light.digits], [digit.box for digit in dark.digits], atol=1)


def test_neighbors_runner_up_and_image_are_those_of_the_answer(model, reader, write):
    for digit in reader.read(write("0123456789")).digits:
        again = model.answer(digit.image[None])
        order = np.argsort(-again.probabilities[0], kind="stable")
        assert digit.digit == model.classes_[order[0]]
        assert digit.runner_up == model.classes_[order[1]]
        assert digit.probability == again.probabilities[0].max()
        assert digit.runner_up_probability == again.probabilities[0][order[1]] <= digit.probability
        assert digit.credibility == again.credibility[0]
        assert digit.neighbors == tuple(again.neighbors[0][: len(digit.neighbors)])
        assert 1 <= len(digit.neighbors) <= 8


@pytest.mark.parametrize("expect", [1, 2, 3])
def test_as_many_digits_as_expected_are_read_where_there_are_pieces_enough(model, write, expect):
    page = write("308\n924", step=44)
    reading = DigitReader(model, expect=expect, n_jobs=-1).read(page)
    assert [len(line) for line in reading.lines] == [expect, expect]


def test_more_digits_than_there_can_be_are_not_invented(model, write):
    reading = DigitReader(model, expect=40, n_jobs=-1).read(write("17"))
    assert 2 <= len(reading.digits) < 40


def test_max_error_marks_what_is_less_sure_and_more_the_less_may_be_wrong(mnist, model):
    images = mnist.train_images[30_000:30_060]

    def read(max_error):
        reader = DigitReader(model, max_error=max_error, n_jobs=-1)
        return reader.least_sure, [digit for r in reader.read_all(images) for digit in r.digits]

    shares = []
    for max_error in (0.06, 0.005):
        least_sure, digits = read(max_error)
        assert all(digit.unsure == (digit.probability < least_sure) for digit in digits)
        assert all(digit.doubtful == (digit.unsure or digit.foreign) for digit in digits)
        shares.append(np.mean([digit.unsure for digit in digits]))
    assert 0 <= shares[0] < shares[1] < 1
    assert all(digit.foreign == (digit.credibility <= FOREIGN) for digit in read(None)[1])


def hatched() -> Image.Image:
    """Strokes to and fro, as one crosses out what is wrong."""
    image = Image.new("L", (160, 160), 255)
    draw = ImageDraw.Draw(image)
    for offset in range(0, 90, 15):
        draw.line((35 + offset, 35, 35, 35 + offset), fill=0, width=5)
        draw.line((125 - offset, 35, 125, 35 + offset), fill=0, width=5)
        draw.line((125 - offset, 125, 125, 125 - offset), fill=0, width=5)
        draw.line((35 + offset, 125, 35, 125 - offset), fill=0, width=5)
    return image


def blot() -> Image.Image:
    image = Image.new("L", (160, 160), 255)
    ImageDraw.Draw(image).ellipse((40, 40, 120, 120), fill=0)
    return image


@pytest.mark.parametrize("drawn", [hatched, blot])
def test_what_is_no_digit_is_marked(model, drawn):
    [digit] = DigitReader(model, expect=1, n_jobs=-1).read(np.asarray(drawn())).digits
    assert digit.foreign
    assert digit.doubtful
    assert digit.credibility <= FOREIGN


def test_a_model_of_other_frames_is_refused(X, y):
    with pytest.raises(ValueError, match="expected a model of 28x28 pixels, got one of 64"):
        DigitReader(KNNDigitClassifier("pixels").fit(X[:100], y[:100]))


@pytest.mark.parametrize("expect", [0, -1])
def test_lines_of_no_digits_cannot_be_expected(model, expect):
    with pytest.raises(ValueError, match=f"expect must be at least 1, got {expect}"):
        DigitReader(model, expect=expect)


@pytest.mark.parametrize("max_error", [-0.1, 1.5, float("nan")])
def test_shares_of_errors_lie_between_none_and_all(model, max_error):
    with pytest.raises(ValueError, match="max_error"):
        DigitReader(model, max_error=max_error)


def test_a_model_that_cannot_tell_marks_nothing_unless_it_is_asked(mnist):
    model = KNNDigitClassifier("pixels", calibration_folds=None)
    model.fit(mnist.train_images[:300], mnist.train_labels[:300])
    assert not any(digit.unsure for digit in DigitReader(model).read(mnist.train_images[0]).digits)
    with pytest.raises(ValueError):
        DigitReader(model, max_error=0.01)


def test_other_labels_are_read_as_they_are(mnist):
    images, names = mnist.train_images[:600], np.array(list("abcdefghij"))[mnist.train_labels[:600]]
    model = KNNDigitClassifier("pixels").fit(images, names)
    read = [reading.text for reading in DigitReader(model).read_all(images[:20])]
    assert np.mean(np.array(read) == model.predict(images[:20])) >= 0.9
    assert set("".join(read)) <= set("abcdefghij")
