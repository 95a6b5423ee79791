"""The command line as a user meets it: a process of its own, or `main` in this one where that is enough."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from knn_digits import KNNDigitClassifier, load_model, save_model
from knn_digits.cli import main
from knn_digits.images import normalize_digit

# What may be said about the data before anything fails.
NOTES = (
    "This data set has no official test set",
    "MNIST could not be had",
    "The data folder was passed over",
)


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    def assert_one_line_error(self, code=1):
        """Wrong use or a failure: one line on stderr, nothing on stdout, no traceback.

        Notes about the data may stand before it: they are true whatever comes after.
        """
        assert self.code == code, self
        assert self.out == ""
        *notes, last = self.err.splitlines()
        assert last.startswith("knn-digits: error: ")
        assert all(note.startswith(NOTES) for note in notes), self.err


@pytest.fixture(autouse=True)
def no_data_from_outside(monkeypatch, tmp_path):
    """Every test starts without MNIST, with an empty cache, in an empty folder."""
    monkeypatch.delenv("KNN_DIGITS_DATA_DIR", raising=False)
    monkeypatch.setenv("KNN_DIGITS_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def call(capfd):
    """Run the command line in this process."""

    def run(*arguments):
        capfd.readouterr()
        code = main([str(a) for a in arguments])
        captured = capfd.readouterr()
        return Done(code, captured.out, captured.err)

    return run


@pytest.fixture
def start():
    """Start the command line as a process."""

    def run(*arguments, **options):
        command = [sys.executable, "-m", "knn_digits", *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=dict(os.environ), **{**pipes, **options})

    return run


@pytest.fixture(scope="session")
def reading_model(digits, framed_digits, tmp_path_factory) -> Path:
    """A model that pictures can be read with: scikit-learn's digits in MNIST's frame."""
    folder = tmp_path_factory.mktemp("model") / "digits28"
    model = KNNDigitClassifier("pixels", n_jobs=-1)
    save_model(model.fit(framed_digits, digits.train_labels[: len(framed_digits)]), folder)
    return folder


@pytest.fixture(scope="session")
def framed_digits(digits):
    # With paper around: what touches the edge of a picture is hard to tell from it.
    pictures = [np.pad(enlarged(image), 20, constant_values=255) for image in digits.train_images[:700]]
    return np.stack([normalize_digit(picture) for picture in pictures])


@pytest.fixture(scope="session")
def plain_digits(digits, framed_digits, reading_model):
    """Ten examples of each digit that nobody would mistake for another: the least strange to the model."""
    credible = load_model(reading_model).credibility(framed_digits)
    order = np.argsort(-credible, kind="stable")
    labels = digits.train_labels[order]
    return [digits.train_images[order[labels == label][:10]] for label in range(10)]


def enlarged(image):
    """One of the 8x8 digits as a smooth picture of 48x48, dark on light."""
    return 255 - np.asarray(Image.fromarray(image).resize((48, 48), Image.Resampling.BICUBIC))


@dataclass(frozen=True)
class Written:
    """A picture on disk, and what is written in it."""

    path: Path
    text: str


@pytest.fixture
def write(plain_digits):
    """Write pictures of lines of digits that the model knows by heart."""

    def writing(name, text, *, dark=False):
        lines = text.split("\n")
        width = 60 * max(map(len, lines)) + 40
        page = np.full((90 * len(lines) + 40, width), 255, np.uint8)
        for row, line in enumerate(lines):
            for column, letter in enumerate(line):
                image = enlarged(plain_digits[int(letter)][column])
                top, left = 40 + 90 * row, 20 + 60 * column
                page[top : top + 48, left : left + 48] = image
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - page if dark else page).save(path)
        return Written(path, text)

    return writing
