#!/usr/bin/env python3
"""How many answers are kept when a digit comes as a picture: enlarged, in bad light, with another pen, aslant.

Every picture is made from a digit in MNIST's frame and comes back into it through
`knn_digits.images.normalize_digit`; an answer is kept where it is the one to the original frame. Digits are
training digits of writers that the model has not seen. Test images are read only with --test, which is to be
logged in docs/decisions/test-readings.md.
"""

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import click
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from knn_digits import DigitDataset, KNNDigitClassifier, load_dataset, load_model
from knn_digits.datasets import read_groups
from knn_digits.evaluation import wilson_interval
from knn_digits.folds import make_folds
from knn_digits.images import normalize_digit
from knn_digits.made_pictures.strokes import draw_strokes, strokes_of

Picture = NDArray[np.uint8]
Ink = NDArray[np.float32]

ENLARGED = 4  # times, unless the row says otherwise: strokes are then about 10 pixels wide
MARGIN = 5  # pixels of MNIST's frame around the digit's own 20x20, before it is enlarged
PAPER, INK = 225.0, 45.0  # gray levels
WIDTH_OF_PEN = {"fineliner": 0.5, "pencil, very thin": 0.3, "felt pen": 1.4, "marker": 1.7}  # of the digit's own


# ---- a digit, enlarged, on paper ----


def enlarged(image: Picture, factor: float = ENLARGED) -> Ink:
    """Enlarge a frame smoothly: 0 is paper, 1 is ink."""
    side = round(len(image) * factor)
    field = Image.fromarray(image.astype(np.float32) / 255)
    return np.asarray(field.resize((side, side), Image.Resampling.BICUBIC)).clip(0, 1)


def rounded(gray: NDArray) -> Picture:
    """Make gray values of a picture."""
    return np.rint(gray.clip(0, 255)).astype(np.uint8)


def written(ink: NDArray, paper: float | NDArray = PAPER, strong: float = INK) -> NDArray:
    """Lay ink on paper."""
    return np.asarray(paper - (PAPER - strong) / PAPER * paper * ink)


def with_margin(ink: Ink, margin: int = MARGIN * ENLARGED) -> Ink:
    """Put paper around a digit."""
    return np.pad(ink, margin)


# ---- the proof of framing ----


def untouched(rng: Generator, image: Picture) -> Picture:
    """Change nothing."""
    return image


def any_size(rng: Generator, image: Picture) -> Picture:
    """Enlarge 2 to 8 times."""
    return rounded(255 * enlarged(image, rng.uniform(2, 8)))


def inverted(rng: Generator, image: Picture) -> Picture:
    """Make it dark on light."""
    return 255 - image


def padded(rng: Generator, image: Picture) -> Picture:
    """Add up to its own side of paper, on each side as much as chance will have it."""
    top, bottom, left, right = rng.integers(0, len(image) + 1, 4)
    return np.pad(image, ((top, bottom), (left, right)))


def shifted(rng: Generator, image: Picture) -> Picture:
    """Move it anywhere in its frame, up to the very border."""
    moved = image
    for axis in (0, 1):
        inked = np.flatnonzero(image.any(axis=1 - axis))
        moved = np.roll(moved, rng.integers(-inked[0], len(image) - inked[-1]), axis)
    return moved


def blurred(rng: Generator, image: Picture) -> Picture:
    """Blur it by a phone camera's width, 4 times enlarged."""
    return rounded(255 * gaussian_filter(enlarged(image), rng.uniform(0.5, 1.5)))


def all_combined(rng: Generator, image: Picture) -> Picture:
    """Do all of it."""
    ink = enlarged(padded(rng, shifted(rng, image)), rng.uniform(2, 8))
    picture = rounded(255 * gaussian_filter(ink, rng.uniform(0.5, 1.5)))
    return 255 - picture if rng.random() < 0.5 else picture


# ---- what light, paper, pens and hands do ----


def on_paper(rng: Generator, image: Picture, paper: float = PAPER, strong: float = INK) -> Picture:
    """Write on plain paper, with sensor noise of one gray level."""
    ink = with_margin(enlarged(image))
    return rounded(written(ink, paper, strong * PAPER / paper) + rng.normal(0, 1, ink.shape))


def faint(rng: Generator, image: Picture, contrast: float) -> Picture:
    """Write with little contrast."""
    return on_paper(rng, image, 200, 200 - contrast)


def in_light(rng: Generator, image: Picture, kind: str, darkest: float) -> Picture:
    """Let light fall off to one side, to the corners, or behind the edge of a shadow."""
    ink = with_margin(enlarged(image))
    y, x = np.mgrid[-1 : 1 : 1j * len(ink), -1 : 1 : 1j * ink.shape[1]]
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * x + np.sin(angle) * y
    if kind == "to one side":
        falls = (along - along.min()) / np.ptp(along)
    elif kind == "to the corners":
        falls = (x**2 + y**2) / 2
    else:
        falls = 1 / (1 + np.exp(-(along - rng.uniform(-0.5, 0.5)) / rng.uniform(0.01, 0.1)))
    light = 1 - (1 - darkest) * falls
    return rounded(written(ink, PAPER * light) + rng.normal(0, 1, ink.shape))


def specks(rng: Generator, image: Picture) -> Picture:
    """Let 3 to 10 grains of dust lie anywhere, up to a third of a stroke wide."""
    ink = with_margin(enlarged(image)).copy()
    y, x = np.mgrid[: len(ink), : ink.shape[1]]
    for _ in range(rng.integers(3, 11)):
        top, left, radius = rng.uniform(0, len(ink)), rng.uniform(0, len(ink)), rng.uniform(0.6, 1.7)
        grain = (radius + 0.5 - np.hypot(y - top, x - left)).clip(0, 1) * rng.uniform(0.4, 1)
        ink = np.maximum(ink, grain)
    return rounded(written(ink) + rng.normal(0, 1, ink.shape))


def salt_and_pepper(rng: Generator, image: Picture, share: float) -> Picture:
    """Turn some pixels black or white."""
    picture = on_paper(rng, image)
    hit = rng.random(picture.shape) < share
    picture[hit] = rng.choice([0, 255], hit.sum())
    return picture


def noisy(rng: Generator, image: Picture, spread: float) -> Picture:
    """Add a sensor's noise."""
    ink = with_margin(enlarged(image))
    return rounded(written(ink) + rng.normal(0, spread, ink.shape))


def drawn(
    rng: Generator, image: Picture, pen: float = 1.0, slant: float = 0.0, factor: float = ENLARGED
) -> Picture:
    """Write it with another pen, or slanted to the left or to the right."""
    strokes = strokes_of(image)
    height = 20 * factor * strokes.height / max(strokes.height, strokes.width)
    half_width = pen * strokes.half_width / strokes.height
    side = np.deg2rad(slant) * rng.choice([-1, 1])
    ink = with_margin(draw_strokes(strokes, height, half_width, slant=float(side)), round(MARGIN * factor))
    return rounded(written(gaussian_filter(ink, 0.7)) + rng.normal(0, 1, ink.shape))


def turned(rng: Generator, image: Picture, degrees: float) -> Picture:
    """Turn it to the left or to the right."""
    field = Image.fromarray(with_margin(enlarged(image)))
    ink = np.asarray(field.rotate(degrees * rng.choice([-1, 1]), Image.Resampling.BICUBIC)).clip(0, 1)
    return rounded(written(ink) + rng.normal(0, 1, ink.shape))


def compressed(rng: Generator, image: Picture, quality: int) -> Picture:
    """Keep it as JPEG."""
    stream = io.BytesIO()
    Image.fromarray(on_paper(rng, image)).save(stream, "JPEG", quality=quality)
    return np.array(Image.open(stream))


def tight(rng: Generator, image: Picture, margin: int) -> Picture:
    """Cut the picture at the digit's own box."""
    rows, columns = (np.flatnonzero((image > 64).any(axis=1 - axis)) for axis in (0, 1))
    box = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    ink = with_margin(enlarged_box(box), margin)
    return rounded(written(ink) + rng.normal(0, 1, ink.shape))


def enlarged_box(box: Picture) -> Ink:
    """Enlarge a part of a frame."""
    field = Image.fromarray(box.astype(np.float32) / 255)
    size = (box.shape[1] * ENLARGED, box.shape[0] * ENLARGED)
    return np.asarray(field.resize(size, Image.Resampling.BICUBIC)).clip(0, 1)


Make = Callable[..., Picture]


@dataclass(frozen=True)
class Change:
    """One row of a table: how to make a picture of a digit in MNIST's frame."""

    name: str
    make: Make


FRAMING = (
    Change("MNIST's own frame", untouched),
    Change("enlarged 2 to 8 times", any_size),
    Change("inverted", inverted),
    Change("padded by up to its side", padded),
    Change("shifted up to the border", shifted),
    Change("enlarged 4 times, blurred (sigma 0.5 to 1.5 pixels)", blurred),
    Change("all of these", all_combined),
)

CHANGES = (
    Change("on paper, nothing else", on_paper),
    Change("brightness: paper 110, ink 20", partial(on_paper, paper=110, strong=20)),
    Change("brightness: paper 255, ink 150", partial(on_paper, paper=255, strong=150)),
    Change("contrast: 60 gray levels", partial(faint, contrast=60)),
    Change("contrast: 30 gray levels", partial(faint, contrast=30)),
    Change("light falls to 40 % to one side", partial(in_light, kind="to one side", darkest=0.4)),
    Change("light falls to 40 % to the corners", partial(in_light, kind="to the corners", darkest=0.4)),
    Change("edge of a shadow, 50 % of the light", partial(in_light, kind="edge of a shadow", darkest=0.5)),
    Change("3 to 10 specks of dust", specks),
    Change("salt and pepper, 0.5 % of the pixels", partial(salt_and_pepper, share=0.005)),
    Change("salt and pepper, 3 % of the pixels", partial(salt_and_pepper, share=0.03)),
    Change("sensor noise, 8 gray levels", partial(noisy, spread=8)),
    Change("sensor noise, 25 gray levels", partial(noisy, spread=25)),
    Change("drawn anew, own pen", drawn),
    *(Change(f"{name}: {pen:g} of its own stroke", partial(drawn, pen=pen)) for name, pen in WIDTH_OF_PEN.items()),
    Change("pencil of 0.3 on a large picture (8 times)", partial(drawn, pen=0.3, factor=8)),
    *(Change(f"turned by {degrees} degrees", partial(turned, degrees=degrees)) for degrees in (10, 20)),
    *(Change(f"slanted by {degrees} degrees", partial(drawn, slant=degrees)) for degrees in (15, 30)),
    *(Change(f"JPEG, quality {quality}", partial(compressed, quality=quality)) for quality in (50, 15)),
    Change("2 pixels of paper around it", partial(tight, margin=2)),
    Change("no paper around it", partial(tight, margin=0)),
)


# ---- measuring ----


@dataclass(frozen=True, eq=False)
class Digits:
    """Digits that a model has not seen, and its answers to their original frames."""

    images: NDArray[np.uint8]
    labels: NDArray[Any]
    model: KNNDigitClassifier
    answers: NDArray[Any]

    def measured(self, change: Change, seed: int) -> str:
        """Make a picture of each, read it, and tell how many answers were kept, and how many are wrong."""
        # A digit's picture is the same whatever other rows there are.
        streams = (np.random.default_rng([seed, crc32(change.name.encode()), i]) for i in range(len(self.images)))
        pictures = (change.make(rng, image) for rng, image in zip(streams, self.images, strict=True))
        answers = self.model.predict(np.stack([normalize_digit(picture) for picture in pictures]))
        kept = share_of(answers == self.answers)
        return f"| {change.name} | {kept} | {share_of(answers != self.labels)} |"


def share_of(which: NDArray[np.bool_]) -> str:
    """Tell a share with its 95 % interval."""
    low, high = wilson_interval(int(which.sum()), len(which))
    return f"{which.mean():.2%} | {low:.2%} to {high:.2%}"


def held_out_digits(data: DigitDataset, n: int, model: Path | None, n_jobs: int) -> Digits:
    """Training digits of the first of five folds of whole writers; the model learns from the other four."""
    labels_file = Path(os.environ["KNN_DIGITS_QMNIST_DIR"]) / "qmnist-train-labels.tsv.gz"
    writers = read_groups(labels_file, len(data.train_images))
    held_out = make_folds(data.train_labels, groups=writers) == 0
    images, labels = data.train_images[~held_out], data.train_labels[~held_out]
    fitted = fitted_or_loaded(model, images, labels, n_jobs)
    return some_of(data.train_images[held_out], data.train_labels[held_out], fitted, n)


def test_digits(data: DigitDataset, n: int, model: Path | None, n_jobs: int) -> Digits:
    """Test digits; the model learns from all training digits."""
    fitted = fitted_or_loaded(model, data.train_images, data.train_labels, n_jobs)
    return some_of(data.test_images, data.test_labels, fitted, n)


def fitted_or_loaded(model: Path | None, images: Picture, labels: NDArray, n_jobs: int) -> KNNDigitClassifier:
    """Load the model, or fit the default one."""
    if model is not None:
        return load_model(model, n_jobs=n_jobs)
    return KNNDigitClassifier(calibration_folds=None, n_jobs=n_jobs).fit(images, labels)


def some_of(images: Picture, labels: NDArray, model: KNNDigitClassifier, n: int) -> Digits:
    """Choose n digits at random, always the same."""
    chosen = np.random.default_rng(0).permutation(len(images))[:n]
    return Digits(images[chosen], labels[chosen], model, model.predict(images[chosen]))


def tell(title: str, changes: tuple[Change, ...], digits: Digits, seed: int) -> None:
    """Print one table."""
    click.echo(f"\n| {title} | answers kept | 95 % | error rate | 95 % |\n|---|---:|---|---:|---|")
    for change in changes:
        click.echo(digits.measured(change, seed))


@click.command()
@click.option(
    "--model",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A fitted model that has not seen the digits: folds 1 to 4 of whole writers, or with --test all training "
    "digits. By default one is fitted.",
)
@click.option("--n", default=2000, show_default=True, type=click.IntRange(1), help="Pictures in each row.")
@click.option("--seed", default=0, show_default=True)
@click.option("--test", is_flag=True, help="Use test digits: log it.")
@click.option("--only", default="", metavar="WORD", help="Only rows whose names have this in them.")
@click.option("--n-jobs", default=-1, show_default=True)
def main(model: Path | None, n: int, seed: int, test: bool, only: str, n_jobs: int) -> None:
    """Print Markdown tables of answers kept and error rates."""
    digits = (test_digits if test else held_out_digits)(load_dataset("mnist"), n, model, n_jobs)
    which = "test digits" if test else "training digits of held-out writers"
    click.echo(f"{len(digits.images):,} {which}; original frames: error rate, 95 %: ", nl=False)
    click.echo(share_of(digits.answers != digits.labels).replace(" | ", ", "))
    for title, changes in (("Framing", FRAMING), ("Change", CHANGES)):
        chosen = tuple(change for change in changes if only in change.name)
        if chosen:
            tell(title, chosen, digits, seed)


if __name__ == "__main__":
    main()
