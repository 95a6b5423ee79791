"""Pictures that are no digits, made by code: "is it a digit at all?" is tuned and measured with them.

Some kinds may be used for tuning, others are held out: a rule that knows only the noise it was tuned with has
learned that noise, not what a digit is. All but blank frames and pure noise are drawn large and then come
into the frame on the one road for foreign pictures, `knn_digits.images`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from knn_digits.images import normalize_digit

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["LETTERS", "ForeignKind", "foreign_kinds"]

_LOOK_LIKE_DIGITS = frozenset("IliJOoQDSsZzBbgq")
LETTERS = "".join(c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if c not in _LOOK_LIKE_DIGITS)
"""The letters that are drawn: those that nobody would take for a digit, whatever the hand."""

_SIDE = 28
_CANVAS = 120  # side of a drawing, in pixels
_PEN = (3.5, 5.5)  # radius on such a drawing: about that of MNIST's strokes, 2 to 3 of 20 pixels wide
_LEAST_INK = 2.5  # mean gray level of a frame; below, it is almost blank, which is a kind of its own
_LEAST_SPREAD = 8.0  # standard deviation of gray levels; below, a crop shows sky or wall
_TUNING_FONTS = ("DejaVuSans", "STIXGeneral")
_HELD_OUT_FONTS = ("DejaVuSerif", "DejaVuSansMono", "cmr10", "cmb10", "cmti10", "cmss10", "cmtt10")
_STYLES = ("", "-Bold", "-Oblique", "-BoldOblique", "-Italic", "-BoldItalic", "Bol", "Italic", "BolIta")


@dataclass(frozen=True, eq=False)
class ForeignKind:
    """One kind of pictures that are no digits.

    Parameters
    ----------
    name, about : str
        What to call it, and how it was made.
    held_out : bool
        True: kept from tuning, for measuring alone.
    required : float or None
        Share that must be called foreign when 5 % of real digits are; None where there is no promise.
    images : uint8 ndarray of shape (n, 28, 28)
    """

    name: str
    about: str
    held_out: bool
    required: float | None
    images: NDArray[np.uint8]


def foreign_kinds(digits: NDArray[np.uint8], *, n: int = 500, seed: int = 0) -> tuple[ForeignKind, ...]:
    """Make pictures that are no digits, of every kind for which there is material.

    Parameters
    ----------
    digits : uint8 ndarray of shape (m, 28, 28)
        Real digits, of which some kinds are put together.
    n : int, default=500
        Pictures of each kind. The first of them are the same for any n.
    seed : int, default=0
        Each kind has a random stream of its own: one kind more changes no other.

    Returns
    -------
    tuple of ForeignKind
        Kinds whose fonts or photographs are not installed are left out.

    Raises
    ------
    ValueError
        If there is no real digit of 28x28 pixels, or n is below 1.
    """
    if digits.ndim != 3 or digits.shape[1:] != (_SIDE, _SIDE) or digits.dtype != np.uint8 or not digits.any():
        raise ValueError(
            f"expected digits of shape (n, {_SIDE}, {_SIDE}) and uint8, not all blank,"
            f" got shape {digits.shape} and {digits.dtype}"
        )
    if n < 1:
        raise ValueError(f"expected at least 1 picture of each kind, got n={n}")
    digits = digits[digits.any(axis=(1, 2))]
    materials = ((recipe, recipe.material(digits)) for recipe in _RECIPES)
    return tuple(_made(recipe, material, n, seed) for recipe, material in materials if len(material))


@dataclass(frozen=True)
class _Recipe:
    name: str
    about: str
    held_out: bool
    required: float | None
    draw: Callable[[Generator, Any], NDArray]
    material: Callable[[NDArray[np.uint8]], Any] = lambda digits: digits


def _made(recipe: _Recipe, material: Any, n: int, seed: int) -> ForeignKind:
    rng = np.random.default_rng([seed, crc32(recipe.name.encode())])
    images = np.stack([_one_image(recipe, material, rng) for _ in range(n)])
    return ForeignKind(recipe.name, recipe.about, recipe.held_out, recipe.required, images)


def _one_image(recipe: _Recipe, material: Any, rng: Generator) -> NDArray[np.uint8]:
    """Draw until there is something in the frame; a blank is blank at once."""
    for _ in range(1000):
        picture = recipe.draw(rng, material)
        image = picture if recipe.draw is _uniform_noise else normalize_digit(picture, _SIDE)
        if image.mean() >= _LEAST_INK or recipe.draw is _blank:
            return image
    raise ValueError(f"expected digits of which {recipe.name!r} can be made, got ones too faint to be seen")


def _any_of(items: Sequence[Any], rng: Generator) -> Any:
    return items[int(rng.integers(len(items)))]


# Noise and solid shapes.


def _blank(rng: Generator, _: Any) -> NDArray[np.uint8]:
    return np.full((_CANVAS, _CANVAS), rng.integers(256), np.uint8)


def _uniform_noise(rng: Generator, _: Any) -> NDArray[np.uint8]:
    return rng.integers(256, size=(_SIDE, _SIDE), dtype=np.uint8)


def _salt_noise(rng: Generator, _: Any) -> NDArray[np.float64]:
    side = rng.integers(20, 41)  # larger ones would be an even gray once they are framed
    bright = rng.random((side, side)) < rng.uniform(0.03, 0.3)
    return bright * rng.uniform(100, 255, (side, side))


def _smooth_noise(rng: Generator, _: Any) -> NDArray[np.float64]:
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(rng.normal(size=(_CANVAS, _CANVAS)), rng.uniform(4, 12))
    return 255 * np.clip(3 * (field / field.std() - rng.uniform(0.3, 1.2)), 0, 1)


def _solid_box(rng: Generator, _: Any) -> NDArray[np.uint8]:
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    return _filled(corners, rng, turn=np.deg2rad(10))


def _solid_shape(rng: Generator, _: Any) -> NDArray[np.uint8]:
    n_corners = int(rng.choice([3, 5, 6, 90]))  # of 90: an ellipse
    around = 2 * np.pi * np.arange(n_corners) / n_corners
    return _filled(np.column_stack([np.sin(around), -np.cos(around)]), rng, turn=np.pi)


def _filled(corners: NDArray, rng: Generator, turn: float) -> NDArray[np.uint8]:
    """Fill a polygon, stretched up to 1:2 or 2:1 and turned at random."""
    from PIL import Image, ImageDraw

    stretch, angle = 2 ** rng.uniform(-0.5, 0.5), rng.uniform(-turn, turn)
    turned = (
        corners
        * (stretch, 1 / stretch)
        @ [
            (np.cos(angle), np.sin(angle)),
            (-np.sin(angle), np.cos(angle)),
        ]
    )
    scaled = turned * (rng.uniform(0.33, 0.42) * _CANVAS / np.abs(turned).max()) + _CANVAS / 2
    picture = Image.new("L", (_CANVAS, _CANVAS))
    ImageDraw.Draw(picture).polygon([(float(x), float(y)) for x, y in scaled], fill=255)
    return np.array(picture)


# Photographs.


def _photographs(*names: str) -> list[NDArray[np.uint8]]:
    """The gray values of those photographs that scikit-learn and matplotlib brought with them."""
    import matplotlib
    import sklearn
    from PIL import Image

    folders = (
        Path(sklearn.__file__).parent / "datasets" / "images",
        Path(matplotlib.get_data_path()) / "sample_data",
    )
    paths = (folder / name for name in names for folder in folders)
    photographs = []
    for path in paths:
        if path.is_file():
            with Image.open(path) as photograph:
                photographs.append(np.array(photograph.convert("L")))
    return photographs


def _crop(rng: Generator, photographs: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    while True:
        photograph = _any_of(photographs, rng)
        size = int(rng.integers(40, 201))
        top, left = (int(rng.integers(length - size + 1)) for length in photograph.shape)
        crop = photograph[top : top + size, left : left + size]
        if crop.std() >= _LEAST_SPREAD:
            return crop


# Letters.


def _fonts(families: Sequence[str]) -> list[Any]:
    """The fonts of these families, upright and slanted, that matplotlib brought with it."""
    import matplotlib
    from PIL import ImageFont

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    paths = (folder / f"{family}{style}.ttf" for family in families for style in _STYLES)
    return [ImageFont.truetype(str(path), _CANVAS * 3 // 4) for path in paths if path.is_file()]


def _letter(rng: Generator, fonts: Sequence[Any]) -> NDArray[np.uint8]:
    from PIL import Image, ImageDraw

    picture = Image.new("L", (2 * _CANVAS, 2 * _CANVAS))  # room for wide letters, turned
    letter = _any_of(LETTERS, rng)
    font = _any_of(fonts, rng)
    ImageDraw.Draw(picture).text((_CANVAS, _CANVAS), letter, fill=255, font=font, anchor="mm")
    return np.array(
        _slanted(picture, rng.uniform(-0.15, 0.15)).rotate(rng.uniform(-8, 8), Image.Resampling.BILINEAR)
    )


def _slanted(picture: Image.Image, slant: float) -> Image.Image:
    from PIL import Image

    shear = (1, slant, -slant * picture.height / 2, 0, 1, 0)
    return picture.transform(picture.size, Image.Transform.AFFINE, shear, Image.Resampling.BILINEAR)


# Scribbles, and pieces of digits.


def _scribble(rng: Generator, _: Any) -> NDArray[np.float64]:
    """Draw two to five curves, each through three or four points, with one pen."""
    from scipy.interpolate import CubicSpline
    from scipy.ndimage import distance_transform_edt

    untouched = np.ones((_CANVAS, _CANVAS), bool)
    for _curve in range(rng.integers(2, 6)):
        knots = rng.uniform(0.15, 0.85, (rng.integers(3, 5), 2)) * _CANVAS
        path = CubicSpline(np.linspace(0, 1, len(knots)), knots)(np.linspace(0, 1, 500))
        rows, columns = np.clip(path, 10, _CANVAS - 11).astype(int).T
        untouched[rows, columns] = False
    return 255 * np.clip(rng.uniform(*_PEN) + 0.5 - distance_transform_edt(untouched), 0, 1)


def _two_digits(rng: Generator, digits: Any) -> NDArray[np.uint8]:
    """Two digits side by side: a gap of up to 6 pixels, or an overlap of up to 3."""
    left, right = (_columns_of(_any_of(digits, rng)) for _ in range(2))
    narrower = min(left.shape[1], right.shape[1])
    gap = max(int(rng.integers(-3, 7)), -(narrower // 2))
    right_start = left.shape[1] + gap
    both = np.zeros((_SIDE, right_start + right.shape[1]), np.uint8)
    both[:, : left.shape[1]] = left
    both[:, right_start:] = np.maximum(both[:, right_start:], right)
    return _enlarged(both)


def _half(rng: Generator, digits: Any) -> NDArray[np.uint8]:
    """The left, right, upper or lower half of a digit."""
    digit = _columns_of(_columns_of(_any_of(digits, rng)).T).T
    turns = int(rng.integers(4))  # to the left and back again
    turned = np.rot90(digit, turns)
    half = turned[:, : max(1, turned.shape[1] // 2)]
    return _enlarged(np.rot90(half, -turns))


def _columns_of(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What lies between the first and the last column with ink."""
    columns = np.flatnonzero(image.any(axis=0))
    return image[:, columns[0] : columns[-1] + 1]


def _enlarged(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Four times as large, with paper around it."""
    from PIL import Image

    padded = np.pad(image, 2)
    size = (4 * padded.shape[1], 4 * padded.shape[0])
    return np.array(Image.fromarray(padded).resize(size, Image.Resampling.BICUBIC))


_RECIPES = (
    _Recipe("blank", "pictures of one gray level", False, 0.99, _blank),
    _Recipe("uniform noise", "every pixel at random", False, 0.99, _uniform_noise),
    _Recipe("salt noise", "3 to 30 % of the pixels bright, framed", True, 0.99, _salt_noise),
    _Recipe("smooth noise", "blurred noise, cut into blobs", True, 0.99, _smooth_noise),
    _Recipe("solid boxes", "filled rectangles, turned up to 10 degrees", False, 0.99, _solid_box),
    _Recipe(
        "solid ellipses and polygons", "filled ellipses, triangles, pentagons, hexagons", True, 0.99, _solid_shape
    ),
    _Recipe(
        "photographs: china",
        "crops of 40 to 200 pixels of china.jpg (scikit-learn)",
        False,
        0.99,
        _crop,
        lambda digits: _photographs("china.jpg"),
    ),
    _Recipe(
        "photographs: flower and portrait",
        "crops of 40 to 200 pixels of flower.jpg (scikit-learn) and grace_hopper.jpg (matplotlib)",
        True,
        0.99,
        _crop,
        lambda digits: _photographs("flower.jpg", "grace_hopper.jpg"),
    ),
    _Recipe(
        "letters: DejaVu Sans, STIX",
        "printed letters but those that look like digits, turned and slanted a little",
        False,
        0.90,
        _letter,
        lambda digits: _fonts(_TUNING_FONTS),
    ),
    _Recipe(
        "letters: DejaVu Serif and Mono, Computer Modern",
        "printed letters but those that look like digits, turned and slanted a little",
        True,
        0.90,
        _letter,
        lambda digits: _fonts(_HELD_OUT_FONTS),
    ),
    _Recipe("two digits", "two digits side by side, apart or touching, framed as one", True, 0.90, _two_digits),
    _Recipe("scribbles", "two to five random curves with one pen", False, None, _scribble),
    _Recipe("halves of digits", "left, right, upper or lower half of a digit", True, None, _half),
)
